"""An application as it was written for the asgigram of 2017: ASGI 2, a class whose instance is one chat.

It knows neither lifespan nor the disconnect, and need not: the host ends it by an exception out of `receive()`.

$ asgigram TOKEN -- python3 -m asgigram original_asgi2:Application
"""


class Application:
    def __init__(self, scope):
        if scope["type"] != "telegram":
            raise ValueError("only Telegram is served here")
        self.chat_id = scope["chat"]["id"]
        self.seen = 0

    async def __call__(self, receive, send):
        while True:
            event = await receive()
            if event["type"] == "telegram.message":
                self.seen += 1
                text = "%d: %s" % (self.seen, event.get("text", "(no text)"))
                await send({"type": "telegram.send_message", "chat_id": self.chat_id, "text": text})
