#!/usr/bin/env python3
"""Answers every text with the same text. No library: a line in, a line out.

$ asgigram TOKEN -- python3 echo.py
"""

import json
import sys

for line in sys.stdin:
    event = json.loads(line)
    if event["type"] == "telegram.message" and "text" in event:
        # No chat is named: each has a process of its own. Without the flush the line would wait for a full block.
        print(json.dumps({"type": "telegram.send_message", "text": event["text"]}), flush=True)
