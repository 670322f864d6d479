"""A bot that does what it is told, one thing for each word."""

import json
import sys


def send(kind, **params):
    print(json.dumps(dict(type="telegram." + kind, **params)), flush=True)


for line in sys.stdin:
    event = json.loads(line)
    kind, text = event["type"], event.get("text")
    if kind == "telegram.disconnect":
        print("goodbye", file=sys.stderr)
    elif kind == "telegram.edited_message":
        send("send_message", text="now " + text)
    elif kind == "telegram.poll":
        send("send_message", chat_id=2001, text="poll " + event["id"])
    elif kind != "telegram.message":
        continue
    elif text == "refused":
        send("send_message", text="")
    elif text == "twice":
        send("send_message", text="one")
        send("send_message", text="two")
    elif text == "die":
        raise ValueError("told to")
    elif text == "keyboard":
        send("send_message", text="Tea?", reply_markup={"keyboard": [["Yes", "No"]]})
    elif text == "rich":
        send("send_chat_action", action="typing")
        send("send_message", text="<b>bold</b>\n\x1b[2J", parse_mode="HTML",
             reply_parameters={"message_id": event["message_id"]})
    elif text != "silence":
        send("send_message", text=text)
