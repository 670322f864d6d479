"""ASGI's lifespan: the application's own start and end, once per process, before and after everything else.

Owns the lifespan instance of the application. Never touches the protocol: it is over before hello, and begins again
after the last line.
"""

import asyncio

from asgigram import log

_CANCEL_TIME = 0.25


class StartupFailed(Exception):
    """The application refused to start, or did not answer in time."""


class Lifespan:
    """Runs the lifespan of `app`, as far as it knows one.

    An application that returns to receive() without an answer, that returns, or that raises on the lifespan scope does
    not know lifespan; that is no error.
    """

    def __init__(self, app):
        self.state = None  # the `state` for every connection; None if the application knows no lifespan
        self._app = app
        self._task = None
        self._asked = 0
        self._knows = None  # future: whether the application knows lifespan
        self._stop = asyncio.Event()
        self._stopped = None  # future of the answer to lifespan.shutdown

    async def startup(self, timeout):
        """Starts the application; `StartupFailed` with its message, or when `timeout` seconds brought no answer."""
        loop = asyncio.get_running_loop()
        state = {}
        self._knows, self._stopped = loop.create_future(), loop.create_future()
        scope = {"type": "lifespan", "asgi": {"version": "3.0", "spec_version": "2.0"}, "state": state}
        self._task = loop.create_task(self._run(scope))
        # Marks its exception as seen: what it means is said here, and asyncio need not say it again.
        self._task.add_done_callback(lambda task: task.cancelled() or task.exception())
        try:
            await asyncio.wait({self._task, self._knows}, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
            if self._knows.done():
                if self._knows.result():
                    self.state = state
                    return
            elif not self._task.done():
                raise StartupFailed("`lifespan.startup` was not answered within %g s" % timeout)
        except BaseException:
            await self._cancel()
            raise
        await self._cancel()
        error = self._task.exception() if self._task.done() and not self._task.cancelled() else None
        if isinstance(error, StartupFailed):
            raise error
        if error is not None and self._asked and not _is_unhandled(error):
            log.say(
                "`lifespan.startup` raised %r: taken for an application without lifespan\n"
                'help: an application that serves only Telegram returns unless `scope["type"]` is "telegram"' % (error,)
            )

    async def shutdown(self, timeout):
        """Ends the application, in at most `timeout` seconds."""
        if self.state is None:
            return
        self._stop.set()
        await asyncio.wait({self._task, self._stopped}, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
        await self._cancel()
        if self._task.done() and not self._task.cancelled() and self._task.exception() is not None:
            log.say_failure("the application's lifespan failed", self._task.exception())

    async def _run(self, scope):
        try:
            await self._app(scope, self._receive, self._send)
        except SystemExit as error:
            raise StartupFailed("the application called exit (%s)" % (error.code,)) from None

    async def _receive(self):
        self._asked += 1
        if self._asked == 1:
            return {"type": "lifespan.startup"}
        if not self._knows.done():
            self._knows.set_result(False)
        if self._asked == 2:
            await self._stop.wait()
            return {"type": "lifespan.shutdown"}
        return await asyncio.get_running_loop().create_future()

    async def _send(self, event):
        kind = event["type"]
        if kind == "lifespan.startup.complete" and not self._knows.done():
            self._knows.set_result(True)
        elif kind == "lifespan.startup.failed" and not self._knows.done():
            self._knows.set_exception(StartupFailed(event.get("message") or "the application gave no reason"))
        elif kind in ("lifespan.shutdown.complete", "lifespan.shutdown.failed") and self._stop.is_set():
            if kind == "lifespan.shutdown.failed":
                log.say("the application's shutdown failed: %s" % (event.get("message") or "no reason given"))
            if not self._stopped.done():
                self._stopped.set_result(None)
        else:
            raise ValueError("`%s` has no place here in a lifespan" % kind)

    async def _cancel(self):
        if not self._task.done():
            self._task.cancel()
            await asyncio.wait({self._task}, timeout=_CANCEL_TIME)


def _is_unhandled(error):
    """A Channels consumer that has no handler for lifespan events: it knows none, and needs no line about it."""
    return isinstance(error, ValueError) and str(error).startswith("No handler for message type")
