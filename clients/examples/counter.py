#!/usr/bin/env python3
"""Counts the messages of each chat. A plain variable is enough, since each chat has a process of its own.

It counts from zero again when the process was ended (`--idle-timeout`, a restart): keep what must last elsewhere.

$ asgigram TOKEN -- python3 counter.py
"""

import json
import sys

count = 0
for line in sys.stdin:
    event = json.loads(line)
    if event["type"] == "telegram.message":
        count += 1
        print(json.dumps({"type": "telegram.send_message", "text": "Message %d" % count}), flush=True)
