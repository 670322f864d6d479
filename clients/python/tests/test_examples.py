"""The examples and the shell worker, as a gateway meets them: each is started as its own text says."""

import os
import re
import shutil
import sys
import tempfile
import unittest

from gateway import CLIENTS, SCOPE, Worker, ack, message

import asgigram

EXAMPLES = os.path.join(CLIENTS, "examples")
DISCONNECT = {"type": "telegram.disconnect", "reason": "idle"}


class Plain(unittest.TestCase):
    def start(self, name):
        worker = Worker([sys.executable, os.path.join(EXAMPLES, name)])
        worker.is_sent(SCOPE)
        return worker

    def ends(self, worker):
        worker.is_sent(DISCONNECT)
        worker.ends_input()
        self.assertEqual(worker.rest(), [])
        self.assertEqual(worker.exit_code(), 0)
        self.assertEqual(worker.whole_stderr(), "")

    def echoes(self, worker):
        for number, text in enumerate(("hi", "  a \\n \"b\" \n c\u2028d 'e' $(f) ", "é😀"), 1):
            worker.gets_message(number, text)
            self.assertEqual(worker.event(), {"type": "telegram.send_message", "text": text})
        worker.is_sent({"type": "telegram.message", "update_id": 9, "photo": []})
        self.ends(worker)

    def test_echo(self):
        with self.start("echo.py") as worker:
            self.echoes(worker)

    @unittest.skipUnless(shutil.which("jq"), "jq is not installed")
    def test_shell(self):
        with Worker([os.path.join(CLIENTS, "shell", "echo.sh")]) as worker:
            worker.is_sent(SCOPE)
            self.echoes(worker)

    def test_counter(self):
        with self.start("counter.py") as worker:
            for number in (1, 2, 3):
                worker.gets_message(number, "x")
                self.assertEqual(worker.event()["text"], "Message %d" % number)
            self.ends(worker)

    def test_keyboard(self):
        with self.start("keyboard.py") as worker:
            worker.gets_message(1, "/start")
            sent = worker.event()
            self.assertEqual((sent["type"], sent["text"]), ("telegram.send_message", "The value is 0"))
            buttons = sent["reply_markup"]["inline_keyboard"][0]
            for number, data, text in ((2, "1", "The value is 1"), (3, "-1", "The value is 0")):
                self.assertIn(data, [button["callback_data"] for button in buttons])
                press = {"type": "telegram.callback_query", "update_id": number, "id": "q%d" % number, "data": data}
                worker.is_sent(dict(press, message={"message_id": 5, "chat": SCOPE["chat"]}))
                answer = {"type": "telegram.answer_callback_query", "callback_query_id": "q%d" % number}
                self.assertEqual(worker.event(), answer)
                edit = worker.event()
                self.assertEqual((edit["type"], edit["message_id"]), ("telegram.edit_message_text", 5))
                self.assertEqual(edit["text"], text)
            self.ends(worker)


class Hosted(unittest.TestCase):
    def answers(self, application, *sent, path=None):
        environment = {"PYTHONPATH": path or self.path()}
        with Worker([sys.executable, "-m", "asgigram", application], environment) as worker:
            worker.hello()
            worker.is_sent(SCOPE)
            for number, event in enumerate(sent, 1):
                worker.is_sent(message(number, "hi"))
                self.assertEqual(worker.event(), dict({"type": "telegram.send_message"}, **event))
                self.assertEqual(worker.event(), ack(number))
            worker.is_sent(DISCONNECT)
            worker.ends_input()
            self.assertEqual(worker.exit_code(), 0)
            self.assertEqual(worker.whole_stderr(), "")

    def path(self, directory=EXAMPLES):
        return os.pathsep.join([os.path.join(CLIENTS, "python"), directory])

    def test_readme(self):
        with open(os.path.join(CLIENTS, "python", "README.md"), encoding="utf-8") as readme:
            code = re.search(r"```python\n(# bot\.py\n.*?)```", readme.read(), re.DOTALL).group(1)
        with tempfile.TemporaryDirectory() as directory:
            with open(os.path.join(directory, "bot.py"), "w", encoding="utf-8") as module:
                module.write(code)
            self.answers("bot:application", {"text": "hi"}, path=self.path(directory))

    def test_version_is_said_once(self):
        with open(os.path.join(CLIENTS, "python", "pyproject.toml"), encoding="utf-8") as project:
            self.assertIn('\nversion = "%s"\n' % asgigram.__version__, project.read())

    def test_asgi_3(self):
        self.answers("echo_asgi:application", {"text": "hi"}, {"text": "hi"})

    def test_original(self):
        self.answers(
            "original_asgi2:Application", {"text": "1: hi", "chat_id": 42}, {"text": "2: hi", "chat_id": 42}
        )


if __name__ == "__main__":
    unittest.main()
