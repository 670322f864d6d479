"""Answers every text with the same text, as an ASGI 3 application.

An update is settled when `receive()` is called again: if this process dies before, the update comes again.

$ asgigram TOKEN -- python3 -m asgigram echo_asgi:application
"""


async def application(scope, receive, send):
    if scope["type"] != "telegram":
        return
    while True:
        event = await receive()
        if event["type"] == "telegram.disconnect":
            return
        if event["type"] == "telegram.message" and "text" in event:
            await send({"type": "telegram.send_message", "text": event["text"]})
