"""The lines of the protocol: one JSON object each, to and from bytes.

Owns encoding, decoding and the check of what an application sends. Pure: never reads, writes or waits.
"""

import json

VERSION = "0.1.0"

DISCONNECT = "telegram.disconnect"
RESPONSE = "telegram.response"
HELLO = "gateway.hello"
ACK = "telegram.ack"
NACK = "telegram.nack"


def _refuse(value):
    if isinstance(value, (bytes, bytearray, memoryview)):
        raise TypeError(
            'a `%s` value has no form in JSON: send a file as {"path": …} or {"base64": …}, text as str'
            % type(value).__name__
        )
    raise TypeError("a `%s` value has no form in JSON" % type(value).__name__)


# ASCII only: a lone surrogate, which UTF-8 cannot say, survives as an escape, and no U+2028 splits a line.
_ENCODER = json.JSONEncoder(ensure_ascii=True, allow_nan=False, separators=(",", ":"), default=_refuse)


def encode(event):
    """The line for an event, with its end. TypeError or ValueError for what JSON cannot say."""
    try:
        return (_ENCODER.encode(event) + "\n").encode("ascii")
    except RecursionError:
        raise ValueError("the event is nested too deeply for JSON") from None


def decode(line):
    """The object of a line, or None for what is no JSON object."""
    try:
        value = json.loads(line.decode("utf-8"))
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def check(event):
    """The type of an event that an application sends. TypeError or ValueError for what no gateway takes."""
    if not isinstance(event, dict):
        raise TypeError("an event must be a dict, not `%s`" % type(event).__name__)
    kind = event.get("type")
    if not isinstance(kind, str):
        raise TypeError("an event must have a string `type`, not `%r`" % (kind,))
    if not kind.startswith(("telegram.", "gateway.")):
        raise ValueError("an event's type must begin with `telegram.`: `%s`" % kind)
    return kind


def hello(updates):
    """The first line of the host; `updates` are the kinds the application takes, None for the gateway's default."""
    event = {"type": HELLO, "protocol": 1, "acks": True, "window": 1, "client": "asgigram-python/" + VERSION}
    if updates is not None:
        event["updates"] = updates
    return event


def request_key(request_id):
    """A `request_id`, which may be any JSON value, as something that can be looked up."""
    return json.dumps(request_id, sort_keys=True)


def scope_name(scope):
    """The scope's name for the log: `chat:42`, `user:7`, `business:<connection>:42`."""
    for role in ("chat", "user"):
        who = scope.get(role)
        if isinstance(who, dict):
            connection = scope.get("business_connection_id")
            return "%s:%s" % (role, who.get("id")) if connection is None else (
                "business:%s:%s" % (connection, who.get("id"))
            )
    return "scope"
