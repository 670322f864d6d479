"""One instance of the application on one scope: its `receive()`, its `send()` and what it owes the gateway.

Owns the rule of acknowledgement and the list of unsettled updates. Never reads stdin, and never decides what becomes of
the process: that is the host's work.
"""

import asyncio
import collections

from asgigram import wire
from asgigram.calls import Requests, result_of
from asgigram.errors import ClosedError

# Events that may wait unreceived before the host stops reading. A window of 1 comes nowhere near.
_INBOX_LIMIT = 64


class Inbox:
    """Events that were read and not yet received, in order; it outlives the instance that did not receive them."""

    def __init__(self):
        self.events = collections.deque()
        self._waiters = set()

    def put(self, event):
        """Adds an event and wakes whoever waits."""
        self.events.append(event)
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(None)

    def is_full(self):
        """Whether reading should pause."""
        return len(self.events) >= _INBOX_LIMIT

    async def wait(self):
        """Returns when there is an event. A cancelled wait loses nothing."""
        while not self.events:
            waiter = asyncio.get_running_loop().create_future()
            self._waiters.add(waiter)
            try:
                await waiter
            finally:
                self._waiters.discard(waiter)

    def drop_responses(self):
        """Forgets answers to an instance that has ended."""
        kept = [event for event in self.events if event["type"] != wire.RESPONSE]
        self.events.clear()
        self.events.extend(kept)


class Connection:
    """What an instance of the application holds of the gateway.

    `on_disconnect()` is called when the application is given `telegram.disconnect`.
    """

    def __init__(self, inbox, reader, writer, on_disconnect):
        self.started = False  # the application has called receive()
        self.closed = False  # it was given the disconnect, or the instance has ended
        self.manual = False  # it acknowledges by itself
        self.unsettled = {}  # update_id → type of what it was given, oldest first
        self.requests = Requests()
        self._asked_again = False  # receive() was called since the last update was given
        self._inbox = inbox
        self._reader = reader
        self._writer = writer
        self._on_disconnect = on_disconnect

    async def receive(self):
        """ASGI's `receive()`. Calling it says that the update given before is done with."""
        self.started = True
        if self.closed:
            # Lets the loop run: an application that catches this and tries again must stay stoppable.
            await asyncio.sleep(0)
            raise ClosedError("the connection is closed: `telegram.disconnect` was the last event")
        self._asked_again = True
        self._settle_when_idle()
        if not self._inbox.is_full():
            self._reader.start()
        await self._inbox.wait()
        if self.closed:
            # A task that the ended instance left behind: the event is for the next one.
            raise ClosedError("the connection is closed")
        event = self._inbox.events.popleft()
        kind = event["type"]
        if kind == wire.DISCONNECT:
            self.closed = True
            self._on_disconnect()
        elif kind == wire.RESPONSE:
            self.requests.note_received(event)
        elif "update_id" in event:
            self.unsettled[event["update_id"]] = kind
            self._asked_again = False
        return event

    async def send(self, event):
        """ASGI's `send()`: returns when the line is written."""
        kind = wire.check(event)
        self._require_open()
        if kind == wire.HELLO:
            self._change_acks(event)
            return
        line = wire.encode(event)
        self.requests.note_sent(event)
        if kind in (wire.ACK, wire.NACK):
            self._note_settled(event)
        await self._writer.write(line)

    async def call(self, method, params):
        """Sends a request and waits for its answer; see `asgigram.call`."""
        self._require_open()
        if self._reader.ended:
            raise ClosedError("the connection is closed: no answer can come any more")
        event, answer = self.requests.begin_call(method, params)
        try:
            line = wire.encode(event)
            self._reader.start()
            await self._writer.write(line)
            return result_of(await answer)
        finally:
            self.requests.end_call(event)
            # Not at once: the task that got the answer goes on first, and may ask again.
            asyncio.get_running_loop().call_soon(self._settle_when_idle)

    def settle(self):
        """Acknowledges everything unsettled, unless the application does so itself."""
        if not self.manual:
            for update_id in self.unsettled:
                self.tell({"type": wire.ACK, "update_id": update_id})
            self.unsettled.clear()

    def give_back(self):
        """Nacks everything unsettled: a failed attempt."""
        for update_id in self.unsettled:
            self.tell({"type": wire.NACK, "update_id": update_id})
        self.unsettled.clear()

    def tell(self, event):
        """A line of the host's own; one that can reach nobody is dropped."""
        try:
            self._writer.post(wire.encode(event))
        except ClosedError:
            pass

    def end(self):
        """The instance has ended: what is left of it can do no more."""
        self.closed = True
        self.requests.fail_all()
        self._inbox.drop_responses()

    def _settle_when_idle(self):
        if self._asked_again and self.unsettled and not self.requests:
            self.settle()

    def _require_open(self):
        if self.closed or self._writer.gone:
            raise ClosedError("the connection is closed")

    def _change_acks(self, event):
        acks = event.get("acks")
        if acks not in ("manual", "auto"):
            raise ValueError('an application\'s `gateway.hello` must have `"acks":"manual"` or `"acks":"auto"`')
        self.manual = acks == "manual"

    def _note_settled(self, event):
        update_id = event.get("update_id")
        if event.get("through") is True and update_id in self.unsettled:
            for earlier in list(self.unsettled):
                del self.unsettled[earlier]
                if earlier == update_id:
                    break
        else:
            self.unsettled.pop(update_id, None)
