"""Applications that ask Telegram."""

import asyncio

import asgigram


async def app(scope, receive, send):
    if scope["type"] != "telegram":
        return
    while True:
        event = await receive()
        if event["type"] == "telegram.disconnect":
            return
        try:
            text = await ASKS[event["text"]](send)
        except asgigram.ApiError as error:
            text = "ApiError %s | %s | %s" % (error.error_code, error.description, error.parameters)
        except asgigram.Fault as error:
            text = "Fault %s | %s" % (error.fault, error.description)
        if text is not None:
            await send({"type": "telegram.send_message", "text": text})


async def _one(send):
    message = await asgigram.call("sendMessage", chat_id=42, text="question")
    return "message %d" % message["message_id"]


async def _many(send):
    answers = await asyncio.gather(*(asgigram.call("getChat", chat_id=n) for n in range(3)))
    return ",".join(str(answer) for answer in answers)


async def _give_up(send):
    try:
        await asyncio.wait_for(asgigram.call("getMe"), 0.01)
    except asyncio.TimeoutError:
        return "gave up"


async def _background(send):
    async def work():
        first = await asgigram.call("getChat", chat_id=1)
        second = await asgigram.call("getChat", chat_id=first)
        print("background got %s" % second)

    asyncio.ensure_future(work())
    await asyncio.sleep(0)


async def _bad(send):
    try:
        await asgigram.call("sendMessage", text=b"bytes")
    except TypeError as error:
        return str(error)


ASKS = {"one": _one, "many": _many, "give up": _give_up, "background": _background, "bad": _bad}


async def before_receive(scope, receive, send):
    if scope["type"] != "telegram":
        return
    me = await asgigram.call("getMe")
    await send({"type": "telegram.send_message", "text": "I am %s" % me})
    await receive()
