"""The life of the process, top to bottom: lifespan, hello, the scope line, instances of the application, the end.

Owns the event loop's signals, the time limits and the exit code. Never looks into an update, and never acknowledges:
that is the connection's work.
"""

import asyncio
import contextvars
import os
import signal

from asgigram import log, wire
from asgigram.calls import current_connection
from asgigram.connection import Connection, Inbox
from asgigram.errors import ClosedError
from asgigram.lifespan import Lifespan, StartupFailed
from asgigram.pipes import LineReader, LineWriter

# After its cancellation an application has this long to unwind; the lifespan's shutdown has at least as much again.
_UNWIND_TIME = 0.25
_NO_HANDLER = "No handler for message type"


class Host:
    """Serves one scope with `app`, between the descriptors `source` and `sink`.

    After an exception the process goes on, and the next delivery gets a new instance: whether a process is worth
    keeping is for the gateway to judge, which ends it if not, and module state survives a single bad update.
    """

    def __init__(self, app, source, sink, startup_timeout, stop_timeout):
        self._app = app
        self._startup_timeout = startup_timeout
        self._stop_timeout = stop_timeout
        # In `update` mode EOF follows the update at once and says nothing about time; the exit code is the ack.
        self._one_update = os.environ.get("ASGIGRAM_WORKER_MODE") == "update"
        self._loop = asyncio.get_running_loop()
        self._inbox = Inbox()
        self._reader = LineReader(source, self._on_line, self._on_end)
        self._writer = LineWriter(sink, self._stop)
        self._scope_line = None
        self._scope_name = None
        self._connection = None
        self._opened = asyncio.Event()  # the scope is known, or there will be none
        self._stopping = asyncio.Event()
        self._stop_at = None  # when the application is cancelled, in the loop's time
        self._cut = self._loop.create_future()  # the application's time is up
        self._unhandled = set()  # types that were logged as having no handler

    async def run(self):
        """Returns the exit code."""
        self._loop.add_signal_handler(signal.SIGTERM, self._stop)
        lifespan = Lifespan(self._app)
        try:
            if not await self._unless_stopped(lifespan.startup(self._startup_timeout)):
                return 0
        except StartupFailed as error:
            log.say("the application did not start: %s" % error)
            return 1
        try:
            return await self._serve(lifespan.state)
        finally:
            await lifespan.shutdown(self._time_left())
            await self._writer.drain(self._time_left())

    async def _serve(self, state):
        try:
            self._writer.post(wire.encode(wire.hello(self._app.updates)))
        except ClosedError:
            return 0
        self._reader.start(exact=True)
        await self._opened.wait()
        while self._scope_line is not None:
            code = await self._run_instance(state)
            if code is not None:
                return code
            if not self._stopping.is_set():
                await self._inbox.wait()
            if self._stopping.is_set():
                break
        return 0

    async def _run_instance(self, state):
        """Runs one instance to its end, and returns the exit code if that is the end of the process as well."""
        scope = wire.decode(self._scope_line)
        if state is not None:
            scope["state"] = state.copy()
        connection = Connection(self._inbox, self._reader, self._writer, self._start_clock)
        self._connection = connection
        context = contextvars.copy_context()
        context.run(current_connection.set, connection)
        task = context.run(self._loop.create_task, self._call_app(scope, connection))
        await asyncio.wait({task, self._cut}, return_when=asyncio.FIRST_COMPLETED)
        in_time = task.done()
        if not in_time:
            task.cancel()
            await asyncio.wait({task}, timeout=_UNWIND_TIME)
        self._connection = None
        try:
            if not in_time:
                log.say("the application did not return within %g s of the end" % self._stop_timeout, self._scope_name)
                return 0
            if task.cancelled():
                return self._judge(connection, asyncio.CancelledError("the application cancelled itself"))
            return self._judge(connection, task.exception())
        finally:
            connection.end()

    async def _call_app(self, scope, connection):
        try:
            await self._app(scope, connection.receive, connection.send)
        except SystemExit as error:
            # Let through, it would tear down the event loop in the middle of everything.
            if error.code not in (None, 0):
                raise RuntimeError("the application called exit (%s)" % (error.code,)) from error

    def _judge(self, connection, error):
        """What the end of an instance means: for its updates, and (returned) for the process."""
        at_the_end = self._stopping.is_set() and (error is None or isinstance(error, ClosedError))
        if not connection.started and not at_the_end:
            return self._start_failed(connection, error)
        if error is None:
            connection.settle()
            return 0
        if isinstance(error, ValueError) and str(error).startswith(_NO_HANDLER):
            kind = str(error)[len(_NO_HANDLER) :].strip()
            self._note_unhandled(kind)
            connection.settle()
            return 0 if kind == wire.DISCONNECT or self._one_update else None
        if at_the_end:
            # It met the end of the connection. What it has not settled comes again, and counts no attempt.
            return 0
        given = ", ".join("%s (%s)" % pair for pair in connection.unsettled.items())
        failed = "the application failed on update %s" % given if given else "the application failed"
        log.say_failure(failed, error, self._scope_name)
        if not connection.closed:
            # A failure on the disconnect was caused by the gateway: what is unsettled comes again, uncharged.
            connection.give_back()
        return 1 if self._one_update else None

    def _start_failed(self, connection, error):
        if error is None:
            log.say("the application returned before its first receive()", self._scope_name)
        else:
            log.say_failure("the application failed before its first receive()", error, self._scope_name)
        # Nothing was taken by the first instance. A later one may leave updates that were read already: not its fault.
        for event in self._inbox.events:
            if "update_id" in event:
                connection.tell({"type": wire.NACK, "update_id": event["update_id"], "retry_after": 1})
        return 1

    def _note_unhandled(self, kind):
        if kind != wire.DISCONNECT and kind not in self._unhandled:
            self._unhandled.add(kind)
            log.say("the application has no handler for `%s`: such events are passed over" % kind, self._scope_name)

    def _on_line(self, line):
        event = wire.decode(line)
        kind = event.get("type") if event is not None else None
        if not isinstance(kind, str):
            log.say("passed over a line that is no event: %r" % line[:200], self._scope_name)
        elif kind == wire.DISCONNECT:
            self._stop(event)
        elif self._scope_line is None:
            self._open(kind, event, line)
        elif kind == wire.RESPONSE:
            if self._connection is not None and self._connection.requests.answer(event):
                self._inbox.put(event)
        elif kind.startswith("telegram."):
            self._inbox.put(event)
            if self._inbox.is_full():
                self._reader.stop()
        else:
            log.say("passed over an event of unknown type `%s`" % kind[:200], self._scope_name)

    def _open(self, kind, event, line):
        if kind != "telegram":
            log.say("passed over a `%s` before the scope line" % kind[:200])
            return
        self._scope_line = line
        self._scope_name = os.environ.get("ASGIGRAM_SCOPE") or wire.scope_name(event)
        # Nothing more is taken before the application asks: a start-up failure must leave the update in the pipe.
        self._reader.stop()
        self._opened.set()

    def _on_end(self):
        if self._connection is not None:
            self._connection.requests.fail_all()
        self._stop(clock=not self._one_update)

    def _stop(self, event=None, clock=True):
        """Begins the end: disconnect, EOF, SIGTERM or the loss of stdout, whichever comes first."""
        if not self._stopping.is_set():
            self._stopping.set()
            self._opened.set()
            self._inbox.put(event or {"type": wire.DISCONNECT, "reason": "shutdown"})
        if clock:
            self._start_clock()

    def _start_clock(self):
        if self._stop_at is None:
            self._stop_at = self._loop.time() + self._stop_timeout
            self._loop.call_at(self._stop_at, self._cut.set_result, None)

    def _time_left(self):
        start = self._loop.time() if self._stop_at is None else self._stop_at - self._stop_timeout
        return max(start + self._stop_timeout - self._loop.time(), 0) + 2 * _UNWIND_TIME

    async def _unless_stopped(self, coroutine):
        """Awaits it unless the end begins before, and returns whether it was done."""
        task = self._loop.create_task(coroutine)
        stopped = self._loop.create_task(self._stopping.wait())
        await asyncio.wait({task, stopped}, return_when=asyncio.FIRST_COMPLETED)
        stopped.cancel()
        if task.done():
            task.result()
            return True
        task.cancel()
        await asyncio.wait({task}, timeout=2 * _UNWIND_TIME)
        return False
