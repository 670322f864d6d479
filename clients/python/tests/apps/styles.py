"""Echo in every style of ASGI."""

import functools


async def echo(scope, receive, send):
    if scope["type"] != "telegram":
        raise ValueError("unknown scope")
    while True:
        event = await receive()
        if event["type"] == "telegram.disconnect":
            return
        await send({"type": "telegram.send_message", "text": event.get("text"), "asgi": scope["asgi"]["version"]})


class Double:
    """ASGI 2."""

    def __init__(self, scope):
        self.chat_id = scope["chat"]["id"]
        self.asgi = scope["asgi"]["version"]

    async def __call__(self, receive, send):
        while True:
            event = await receive()
            if event["type"] == "telegram.message":
                await send({"type": "telegram.send_message", "text": event["text"], "asgi": self.asgi})


def double_function(scope):
    return Double(scope)


class Single:
    """A callable object of ASGI 3."""

    async def __call__(self, scope, receive, send):
        await echo(scope, receive, send)


single_object = Single()
single_partial = functools.partial(echo)


def single_plain(scope, receive, send):
    """A middleware that is no coroutine function itself."""
    return echo(scope, receive, send)


class Awaitable:
    """A class that is one connection of ASGI 3 itself."""

    def __init__(self, scope, receive, send):
        self.arguments = scope, receive, send

    def __await__(self):
        return echo(*self.arguments).__await__()


class Consumer:
    """What a consumer of old Channels did: a method a type, ValueError for what has none."""

    def __init__(self, scope):
        self.scope = scope

    async def __call__(self, receive, send):
        self.send = send
        while True:
            await self.dispatch(await receive())

    async def dispatch(self, event):
        handler = getattr(self, event["type"].replace(".", "_"), None)
        if handler is None:
            raise ValueError("No handler for message type %s" % event["type"])
        await handler(event)

    async def telegram_message(self, event):
        await self.send({"type": "telegram.send_message", "text": event["text"], "asgi": self.scope["asgi"]["version"]})

    async def telegram_callback_query(self, event):
        raise RuntimeError("button")


class NewConsumer(Consumer):
    """The same in new Channels: `as_asgi()` gives a function that knows its class."""

    def __init__(self):
        pass

    async def __call__(self, scope, receive, send):
        self.scope = scope
        await super().__call__(receive, send)

    @classmethod
    def as_asgi(cls):
        async def app(scope, receive, send):
            await cls()(scope, receive, send)

        app.consumer_class = cls
        return app


consumer_function = NewConsumer.as_asgi()


class Router:
    """A ProtocolTypeRouter."""

    application_mapping = {"telegram": consumer_function}

    async def __call__(self, scope, receive, send):
        if scope["type"] not in self.application_mapping:
            raise ValueError("No application configured for scope type %r" % scope["type"])
        await self.application_mapping[scope["type"]](scope, receive, send)


router = Router()
number = 7
