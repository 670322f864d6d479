"""Every style of ASGI, what hello says of it, and what cannot be loaded."""

import unittest

from gateway import SCOPE, ack, host, message, open_host


class Styles(unittest.TestCase):
    def echoes(self, name, version):
        with host("apps.styles:" + name) as worker:
            hello = worker.hello()
            worker.is_sent(SCOPE, message(1, "hi"))
            sent = worker.event()
            self.assertEqual((sent["type"], sent["text"]), ("telegram.send_message", "hi"))
            self.assertEqual(sent["asgi"], version)
            self.assertEqual(worker.event(), ack(1))
            worker.is_sent({"type": "telegram.disconnect", "reason": "idle"})
            worker.ends_input()
            self.assertEqual(worker.rest(), [])
            self.assertEqual(worker.exit_code(), 0)
            self.assertEqual(worker.whole_stderr(), "")
            return hello

    def test_hello(self):
        self.assertEqual(
            self.echoes("echo", "3.0"),
            {"type": "gateway.hello", "protocol": 1, "acks": True, "window": 1, "client": "asgigram-python/0.1.0"},
        )

    def test_asgi_3(self):
        for name in ("single_object", "single_partial", "single_plain", "Awaitable", "Single"):
            with self.subTest(name):
                self.assertNotIn("updates", self.echoes(name, "3.0"))

    def test_asgi_2(self):
        for name in ("Double", "double_function"):
            with self.subTest(name):
                self.assertNotIn("updates", self.echoes(name, "2.0"))

    def test_consumers_tell_their_updates(self):
        for name, version in (
            ("Consumer", "2.0"),
            ("NewConsumer", "3.0"),
            ("consumer_function", "3.0"),
            ("router", "3.0"),
        ):
            with self.subTest(name):
                self.assertEqual(self.echoes(name, version)["updates"], ["callback_query", "message"])

    def test_type_without_handler_is_settled_and_logged_once(self):
        with open_host("apps.styles:Consumer") as worker:
            for number in (1, 2):
                worker.is_sent({"type": "telegram.poll", "update_id": number})
                self.assertEqual(worker.event(), ack(number))
            worker.gets_message(3, "still here")
            self.assertEqual(worker.event()["text"], "still here")
            self.assertEqual(worker.event(), ack(3))
            worker.ends_input()
            self.assertEqual(worker.exit_code(), 0)
            self.assertEqual(worker.whole_stderr().count("no handler for `telegram.poll`"), 1)
            self.assertNotIn("disconnect", worker.whole_stderr())


class Loading(unittest.TestCase):
    def fails(self, name, code=1):
        with host(name) as worker:
            self.assertEqual(worker.rest(), [])
            self.assertEqual(worker.exit_code(), code)
            return worker.whole_stderr()

    def test_no_module(self):
        text = self.fails("apps.nowhere:app")
        self.assertIn("there is no module `apps.nowhere`", text)
        self.assertNotIn("Traceback", text)

    def test_module_that_fails(self):
        text = self.fails("apps.broken:application")
        self.assertEqual(text.count("Traceback"), 1)
        self.assertEqual(text.count("No module named 'no_such_module_anywhere'"), 1)
        self.assertNotIn("importlib", text)
        self.assertNotIn("load.py", text)

    def test_syntax_error(self):
        text = self.fails("apps.broken_syntax:application")
        self.assertIn("broken_syntax.py", text)
        self.assertEqual(text.count("SyntaxError"), 1)

    def test_no_attribute(self):
        self.assertIn("has no attribute `nothing.there`", self.fails("apps.styles:nothing.there"))

    def test_not_callable(self):
        self.assertIn("is not callable: it is a `int`", self.fails("apps.styles:number"))

    def test_no_colon(self):
        self.assertIn("not of the form `module:attr`", self.fails("apps.styles"))

    def test_no_argument(self):
        with host("--stop-timeout", "many") as worker:
            self.assertEqual(worker.exit_code(), 2)

    def test_mode_of_another_version(self):
        with host("apps.styles:echo", environment={"ASGIGRAM_WORKER_MODE": "shared"}) as worker:
            self.assertEqual(worker.exit_code(), 1)
            self.assertIn("not `shared`", worker.whole_stderr())


if __name__ == "__main__":
    unittest.main()
