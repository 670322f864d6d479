"""Applications that do one peculiar thing; the text of the message says which."""

import asyncio
import os
import subprocess
import sys
import threading

import asgigram


def say(text, **more):
    return dict({"type": "telegram.send_message", "text": text}, **more)


async def acts(scope, receive, send):
    """The many-purpose application: does what the text names, until the disconnect."""
    if scope["type"] != "telegram":
        return
    count = 0
    while True:
        event = await receive()
        if event["type"] == "telegram.disconnect":
            print("disconnect: %s" % event["reason"])
            return
        count += 1
        if await ACTS[event["text"]](receive, send, count) == "return":
            return


async def _count(receive, send, count):
    await send(say(str(count)))


async def _return(receive, send, count):
    await send(say("bye"))
    return "return"


async def _raise(receive, send, count):
    await send(say("before"))
    raise RuntimeError("boom")


async def _exit(receive, send, count):
    sys.exit(3)


async def _cancelled(receive, send, count):
    raise asyncio.CancelledError()


async def _noise(receive, send, count):
    print("a print")
    os.write(1, b"a write to fd 1\n")
    subprocess.run(["sh", "-c", "echo from a child; cat"], check=True)
    if os.fork() == 0:
        os.write(1, b"from a fork\n")
        for descriptor in range(3, 64):
            try:
                os.write(descriptor, b"a leak\n")
            except OSError:
                pass
        os._exit(0)
    os.wait()
    await send(say(repr(sys.stdin.read())))


async def _own_request(receive, send, count):
    await send(say("asked", request_id={"my": 1}))
    response = await receive()
    await send(say("got %s" % response["result"]))


async def _stuck(receive, send, count):
    await send(say("stuck"))
    await asyncio.Event().wait()


async def _stubborn(receive, send, count):
    threading.Thread(target=threading.Event().wait).start()
    await send(say("stuck"))
    while True:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            pass


async def _bad_sends(receive, send, count):
    loop = [1]
    loop.append(loop)
    bad = [
        ["a list"],
        {"text": "no type"},
        {"type": 7},
        {"type": "http.response.start"},
        {"type": "gateway.hello", "acks": "sometimes"},
        say(float("nan")),
        say(float("inf")),
        say(b"bytes"),
        say(object()),
        say(loop),
        {"type": "telegram.send_message", ("a", "tuple"): 1},
    ]
    for event in bad:
        try:
            await send(event)
        except (TypeError, ValueError) as error:
            await send(say(type(error).__name__ + ": " + str(error)))
        else:
            await send(say("taken: %r" % (event,)))


async def _big(receive, send, count):
    """Sends a line that no pipe holds, and is still there for others."""
    sending = asyncio.ensure_future(send(say("x" * 1000000)))
    await asyncio.sleep(0)
    print("not blocked: %s" % (not sending.done()))
    await sending


ACTS = {
    "count": _count,
    "return": _return,
    "raise": _raise,
    "exit": _exit,
    "cancelled": _cancelled,
    "noise": _noise,
    "own request": _own_request,
    "stuck": _stuck,
    "stubborn": _stubborn,
    "bad sends": _bad_sends,
    "big": _big,
}


async def returns_early(scope, receive, send):
    pass


async def raises_early(scope, receive, send):
    if scope["type"] == "telegram":
        raise RuntimeError("not today")


class RaisesEarlyLater:
    """Starts once, and not a second time."""

    made = 0

    async def __call__(self, scope, receive, send):
        if scope["type"] != "telegram":
            return
        self.made += 1
        if self.made > 1:
            raise RuntimeError("not twice")
        await receive()
        raise RuntimeError("boom")


raises_early_later = RaisesEarlyLater()


async def manual(scope, receive, send):
    """Acknowledges by itself."""
    if scope["type"] != "telegram":
        return
    await send({"type": "gateway.hello", "acks": "manual"})
    while True:
        event = await receive()
        if event["type"] == "telegram.disconnect":
            return
        if event["text"] == "raise":
            raise RuntimeError("boom")
        if event["text"] == "return":
            return
        await send(say("handled"))
        if event["text"] != "later":
            await send({"type": "telegram." + event["text"], "update_id": event["update_id"]})


async def sends_late(scope, receive, send):
    """Tries everything after the disconnect."""
    while (await receive())["type"] != "telegram.disconnect":
        pass
    for attempt in (lambda: send(say("late")), receive, lambda: asgigram.call("getMe")):
        try:
            await attempt()
        except OSError as error:
            print("%s: %s" % (type(error).__name__, error))


async def ignores_everything(scope, receive, send):
    """Catches whatever it can, for ever."""
    while True:
        try:
            await receive()
        except Exception:
            pass


async def leaves_receive(scope, receive, send):
    """Fails while another task of its own still waits in receive()."""
    if scope["type"] != "telegram":
        return
    event = await receive()
    asyncio.ensure_future(receive())
    await asyncio.sleep(0)
    if event["text"] == "raise":
        raise RuntimeError("boom")
    await send(say("handled"))
