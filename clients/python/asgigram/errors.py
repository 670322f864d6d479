"""The exceptions an application can meet, and nothing else.

Owns the classes and their texts. Never decides when one is raised.
"""


class Error(Exception):
    """What `call()` raises when the answer is not a result: the base of `ApiError` and `Fault`."""


class ApiError(Error):
    """Telegram's own refusal of a call, as Telegram worded it.

    `error_code` is the HTTP-like number, `parameters` Telegram's `ResponseParameters` (`retry_after`,
    `migrate_to_chat_id`) or an empty dict.
    """

    def __init__(self, error_code, description, parameters=None):
        super().__init__(error_code, description, parameters or {})
        self.error_code = error_code
        self.description = description
        self.parameters = parameters or {}

    def __str__(self):
        return "%s: %s" % (self.error_code, self.description)


class Fault(Error):
    """The gateway's own refusal of a call, or its failure to carry it out.

    `fault` is the gateway's word for it: `invalid`, `refused`, `file`, `closed`, `superseded`, `expired`, or
    `unknown`, which means that the call was perhaps delivered.
    """

    def __init__(self, fault, description, error_code=None):
        super().__init__(fault, description, error_code)
        self.fault = fault
        self.description = description
        self.error_code = error_code

    def __str__(self):
        return "%s: %s" % (self.fault, self.description)


class ClosedError(ConnectionError):
    """The conversation with the gateway is over: nothing can be sent, asked or received any more.

    An `OSError`, as ASGI wants it of a `send()` after the end of a connection.
    """
