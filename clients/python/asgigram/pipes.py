"""The two pipes to the gateway, and the keeping of everybody else away from them.

Owns the private descriptors that were fd 0 and fd 1, the reader and the writer of lines. Never looks inside a line,
never blocks the event loop, and never sets O_NONBLOCK: that would change the pipe for every process that shares it.
"""

import asyncio
import collections
import os
import select
import sys

from asgigram.errors import ClosedError

_BLOCK = 65536
# A pipe that polls as writable takes this much (PIPE_BUF) at once, also while it is in blocking mode.
_CHUNK = 4096


def take_standard_streams():
    """Moves fd 0 and 1 to private descriptors and returns them: `(input, output)`.

    From here on fd 0 is /dev/null and fd 1 is stderr, for this process and for its children, so that a `print()` ends
    in the log. The private descriptors are not inherited by programs, and point to /dev/null in a forked child.
    """
    source, sink = os.dup(0), os.dup(1)
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    try:
        os.dup2(2, 1)
    except OSError:
        os.dup2(null, 1)
    os.close(null)
    if sys.stdout is not None:
        sys.stdout.reconfigure(line_buffering=True)
    os.register_at_fork(after_in_child=lambda: _point_to_null(source, sink))
    return source, sink


def _point_to_null(*descriptors):
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in descriptors:
        os.dup2(null, descriptor, inheritable=False)
    os.close(null)


class LineReader:
    """Reads lines of any length from `fd` while it is started; needs a running event loop.

    `on_line(line)` gets each line that is not blank, without its end; `on_end()` is called once. A stopped reader takes
    nothing from the pipe. In `exact` mode it takes byte after byte, so that what follows a line stays in the pipe.
    """

    def __init__(self, fd, on_line, on_end):
        self.ended = False
        self._fd = fd
        self._on_line = on_line
        self._on_end = on_end
        self._loop = asyncio.get_running_loop()
        self._parts = []
        self._size = _BLOCK
        self._reading = False
        self._pollable = True
        self._scheduled = False
        self._poll = select.poll()
        self._poll.register(fd, select.POLLIN)

    def start(self, exact=False):
        """Begins or goes on reading."""
        self._size = 1 if exact else _BLOCK
        if self._reading or self.ended:
            return
        self._reading = True
        try:
            self._loop.add_reader(self._fd, self._read)
        except PermissionError:
            # A regular file or /dev/null, which epoll refuses: it is always ready.
            self._pollable = False
            self._schedule()

    def stop(self):
        """Leaves the rest in the pipe until the next `start()`."""
        if self._reading:
            self._reading = False
            if self._pollable:
                self._loop.remove_reader(self._fd)

    def _read(self):
        self._scheduled = False
        while self._reading:
            try:
                block = os.read(self._fd, self._size)
            except BlockingIOError:
                # Somebody else made the pipe non-blocking: the loop calls again.
                break
            except OSError:
                block = b""
            if not block:
                self._end()
                return
            self._take(block)
            if self._size != 1 or not self._poll.poll(0):
                break
        if self._reading and not self._pollable:
            self._schedule()

    def _schedule(self):
        if not self._scheduled:
            self._scheduled = True
            self._loop.call_soon(self._read)

    def _take(self, block):
        head, *rest = block.split(b"\n")
        self._parts.append(head)
        for piece in rest:
            self._emit()
            self._parts.append(piece)

    def _emit(self):
        line = b"".join(self._parts)
        self._parts.clear()
        if line.strip():
            self._on_line(line)

    def _end(self):
        self.stop()
        self.ended = True
        self._emit()
        self._on_end()


class LineWriter:
    """Writes lines to `fd` in the order in which they were given, each to its end; needs a running event loop.

    `on_gone()` is called once when the other side is gone; from then on every write raises `ClosedError`. What cannot
    be written at once waits in memory: at most what the application's own `send()`s await, and the host's few lines.
    """

    def __init__(self, fd, on_gone):
        self.gone = False
        self._fd = fd
        self._on_gone = on_gone
        self._loop = asyncio.get_running_loop()
        self._queue = collections.deque()
        self._poll = select.poll()
        self._poll.register(fd, select.POLLOUT)

    def post(self, line):
        """Writes a line, now or when there is room, and returns the future of its end, None if that is past."""
        if self.gone:
            raise ClosedError("the gateway is gone")
        rest = memoryview(line)
        if not self._queue:
            rest = self._push(rest)
            if not rest:
                return None
            self._loop.add_writer(self._fd, self._flush)
        written = self._loop.create_future()
        self._queue.append((rest, written))
        return written

    async def write(self, line):
        """Writes a line and returns when it is written. A cancelled write still writes its line."""
        written = self.post(line)
        if written is not None:
            await written

    async def drain(self, timeout):
        """Returns when everything posted so far is written or can never be, or after `timeout` seconds."""
        if self._queue:
            await asyncio.wait({self._queue[-1][1]}, timeout=timeout)

    def _push(self, rest):
        """Writes as much as the pipe takes without waiting, and returns what is left."""
        try:
            while rest and self._poll.poll(0):
                rest = rest[os.write(self._fd, rest[:_CHUNK]) :]
        except BlockingIOError:
            pass
        except OSError as error:
            self._lose()
            raise ClosedError("the gateway is gone: %s" % error) from None
        return rest

    def _flush(self):
        while self._queue:
            rest, written = self._queue[0]
            try:
                rest = self._push(rest)
            except ClosedError:
                return
            if rest:
                self._queue[0] = (rest, written)
                return
            self._queue.popleft()
            if not written.done():
                written.set_result(None)
        self._loop.remove_writer(self._fd)

    def _lose(self):
        self.gone = True
        if self._queue:
            self._loop.remove_writer(self._fd)
        for _, written in self._queue:
            if not written.done():
                written.set_exception(ClosedError("the gateway is gone"))
                # Marks it as seen: the host's own lines are awaited by nobody.
                written.exception()
        self._queue.clear()
        self._on_gone()
