"""Applications that know lifespan, or do not, or refuse to start."""

import asyncio
import sys

from apps.styles import echo


def with_lifespan(startup, shutdown=None):
    async def app(scope, receive, send):
        if scope["type"] != "lifespan":
            await send({"type": "telegram.send_message", "text": "state", "state": scope.get("state")})
            return await echo(scope, receive, send)
        assert (await receive())["type"] == "lifespan.startup"
        await startup(scope, send)
        assert (await receive())["type"] == "lifespan.shutdown"
        print("shutting down")
        if shutdown is not None:
            await shutdown()
        await send({"type": "lifespan.shutdown.complete"})

    return app


async def _complete(scope, send):
    scope["state"]["db"] = "open"
    await send({"type": "lifespan.startup.complete"})


async def _failed(scope, send):
    await send({"type": "lifespan.startup.failed", "message": "no database"})
    raise RuntimeError("as Starlette does")


async def _hang(scope, send):
    await asyncio.Event().wait()


async def _exit(scope, send):
    sys.exit(3)


known = with_lifespan(_complete)
known_hanging_end = with_lifespan(_complete, lambda: asyncio.Event().wait())
failed = with_lifespan(_failed)
hanging = with_lifespan(_hang)
exiting = with_lifespan(_exit)


async def ignores_type(scope, receive, send):
    """Knows no lifespan, and asks for the next event without an answer."""
    while True:
        event = await receive()
        if event["type"] == "telegram.message":
            await send({"type": "telegram.send_message", "text": event["text"], "state": scope.get("state")})


async def returns(scope, receive, send):
    if scope["type"] == "telegram":
        await echo(scope, receive, send)


async def raises_late(scope, receive, send):
    """Fails on the startup event itself."""
    while True:
        event = await receive()
        await send({"type": "telegram.send_message", "text": event["text"]})
