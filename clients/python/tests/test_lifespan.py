"""The lifespan: known, unknown, refused, late."""

import unittest

from gateway import ack, host, open_host


class Known(unittest.TestCase):
    def test_state_and_shutdown(self):
        with open_host("apps.lifespans:known") as worker:
            self.assertEqual(worker.event()["state"], {"db": "open"})
            worker.gets_message(1, "hi")
            self.assertEqual(worker.event()["text"], "hi")
            self.assertEqual(worker.event(), ack(1))
            self.assertEqual(worker.stderr(), "")
            worker.ends_input()
            self.assertEqual(worker.exit_code(), 0)
            self.assertEqual(worker.whole_stderr(), "shutting down\n")

    def test_shutdown_that_hangs_is_bounded(self):
        with open_host("apps.lifespans:known_hanging_end", "--stop-timeout", "0.1") as worker:
            worker.event()
            worker.gets_message(1, "hi")
            worker.event()
            worker.ends_input()
            self.assertEqual(worker.exit_code(), 0)

    def test_failed(self):
        with host("apps.lifespans:failed") as worker:
            self.assertEqual(worker.rest(), [])
            self.assertEqual(worker.exit_code(), 1)
            self.assertEqual(worker.whole_stderr(), "asgigram: the application did not start: no database\n")

    def test_exit_in_startup(self):
        with host("apps.lifespans:exiting") as worker:
            self.assertEqual(worker.exit_code(), 1)
            self.assertIn("called exit (3)", worker.whole_stderr())

    def test_no_answer(self):
        with host("apps.lifespans:hanging", "--startup-timeout", "0.1") as worker:
            self.assertEqual(worker.exit_code(), 1)
            self.assertIn("not answered within 0.1 s", worker.whole_stderr())


class Unknown(unittest.TestCase):
    def serves(self, name):
        with open_host("apps.lifespans:" + name) as worker:
            worker.gets_message(1, "hi")
            sent = worker.event()
            self.assertEqual(sent["text"], "hi")
            self.assertIsNone(sent.get("state"))
            self.assertEqual(worker.event(), ack(1))
            worker.is_sent({"type": "telegram.disconnect", "reason": "idle"})
            worker.exit_code()
            return worker.whole_stderr()

    def test_asks_again_without_an_answer(self):
        self.assertEqual(self.serves("ignores_type"), "")

    def test_returns(self):
        self.assertEqual(self.serves("returns"), "")

    def test_raises_on_the_event(self):
        self.assertIn("KeyError('text')", self.serves("raises_late"))


if __name__ == "__main__":
    unittest.main()
