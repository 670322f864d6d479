"""Questions to Telegram with an answer: `await asgigram.call(...)`.

Owns the requests in flight of one connection and the reading of their answers. Never writes a line itself, and never
retries: that is the gateway's work.
"""

import asyncio
import contextvars
import itertools

from asgigram import wire
from asgigram.errors import ApiError, ClosedError, Fault

# The connection that the running code belongs to. Tasks and threads that the application starts inherit it.
current_connection = contextvars.ContextVar("asgigram_connection")

_PREFIX = "asgigram-python:"
_numbers = itertools.count(1)


async def call(method, /, **params):
    """Calls a method of the Bot API and returns its result.

    `method` as Telegram writes it or in snake_case, `params` as Telegram names them; `chat_id` has the scope's chat as
    its default wherever a send has it. Raises `ApiError` for Telegram's refusal, `Fault` for the gateway's,
    `ClosedError` when no answer can come any more, and what `send()` raises for values JSON cannot say.
    """
    connection = current_connection.get(None)
    if connection is None:
        raise RuntimeError("`asgigram.call()` works only inside an application that the asgigram host runs")
    return await connection.call(method, params)


class Requests:
    """What one connection has asked and not yet been told.

    Two kinds: `call()`s, each with a future, and the application's own `request_id`s, whose answers it receives as
    events. Both hold back the acknowledgement of the update that they belong to.
    """

    def __init__(self):
        self._calls = {}
        self._own = {}

    def __bool__(self):
        return bool(self._calls or self._own)

    def begin_call(self, method, params):
        """The event to send and the future of its answer."""
        if not isinstance(method, str):
            raise TypeError("a method's name must be a str, not `%s`" % type(method).__name__)
        request_id = _PREFIX + str(next(_numbers))
        event = {"type": "telegram.call", "method": method, "params": params, "request_id": request_id}
        self._calls[request_id] = asyncio.get_running_loop().create_future()
        return event, self._calls[request_id]

    def end_call(self, event):
        """Forgets a call, answered or given up; an answer that still comes is dropped."""
        self._calls.pop(event["request_id"], None)

    def note_sent(self, event):
        """Counts an application's own request."""
        if event.get("request_id") is not None:
            key = wire.request_key(event["request_id"])
            self._own[key] = self._own.get(key, 0) + 1

    def note_received(self, response):
        """Takes off an application's own request whose answer it has now."""
        key = wire.request_key(response.get("request_id"))
        left = self._own.pop(key, 0) - 1
        if left > 0:
            self._own[key] = left

    def answer(self, response):
        """Gives an answer to the call that waits for it. True if it is one for the application to receive."""
        request_id = response.get("request_id")
        future = self._calls.get(request_id) if isinstance(request_id, str) else None
        if future is not None:
            if not future.done():
                future.set_result(response)
            return False
        return wire.request_key(request_id) in self._own

    def fail_all(self):
        """Ends every wait: no answer can come any more."""
        self._own.clear()
        for future in self._calls.values():
            if not future.done():
                future.set_exception(ClosedError("the connection closed before the answer came"))
                future.exception()


def result_of(response):
    """The result in a `telegram.response`, or the exception that it stands for."""
    if response.get("ok") is True:
        return response.get("result")
    description = response.get("description", "")
    if "fault" in response:
        raise Fault(response["fault"], description, response.get("error_code"))
    raise ApiError(response.get("error_code"), description, response.get("parameters"))
