#!/usr/bin/env python3
"""A message with two buttons, which changes when one is pressed. No library.

$ asgigram TOKEN -- python3 keyboard.py
"""

import json
import sys

BUTTONS = {"inline_keyboard": [[{"text": "+", "callback_data": "1"}, {"text": "−", "callback_data": "-1"}]]}


def send(kind, **params):
    print(json.dumps(dict(type="telegram." + kind, **params)), flush=True)


value = 0
for line in sys.stdin:
    event = json.loads(line)
    if event["type"] == "telegram.message":
        send("send_message", text="The value is %d" % value, reply_markup=BUTTONS)
    elif event["type"] == "telegram.callback_query" and event.get("data") in ("1", "-1"):
        value += int(event["data"])
        # Until it is answered the button shows that it waits.
        send("answer_callback_query", callback_query_id=event["id"])
        send(
            "edit_message_text",
            message_id=event["message"]["message_id"],
            text="The value is %d" % value,
            reply_markup=BUTTONS,
        )
