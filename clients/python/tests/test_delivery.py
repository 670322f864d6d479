"""When an update is settled, and what an exception, a return and a failed start mean."""

import os
import subprocess
import unittest

from gateway import SCOPE, ack, host, message, nack, open_host

APP = "apps.behaviour:acts"


class Acknowledgement(unittest.TestCase):
    def test_after_the_effects_and_in_order(self):
        with open_host(APP) as worker:
            for number in (1, 2, 3):
                worker.gets_message(number, "count")
                self.assertEqual(worker.event()["text"], str(number))
                self.assertEqual(worker.event(), ack(number))

    def test_many_lines_at_once(self):
        with open_host(APP) as worker:
            worker.is_sent(*(message(number, "count") for number in range(1, 501)))
            for number in range(1, 501):
                self.assertEqual(worker.event()["text"], str(number))
                self.assertEqual(worker.event(), ack(number))

    def test_waits_for_a_request_of_its_own(self):
        with open_host(APP) as worker:
            worker.gets_message(1, "own request")
            asked = worker.event()
            self.assertEqual(asked["request_id"], {"my": 1})
            # Had it acknowledged in receive(), the ack would come before what follows the answer.
            worker.is_answered(asked, ok=True, result="it")
            self.assertEqual(worker.event()["text"], "got it")
            self.assertEqual(worker.event(), ack(1))

    def test_response_that_nobody_asked_for_is_dropped(self):
        with open_host(APP) as worker:
            worker.is_sent({"type": "telegram.response", "request_id": 9, "ok": True}, message(1, "count"))
            self.assertEqual(worker.event()["text"], "1")

    def test_return(self):
        with open_host(APP) as worker:
            worker.gets_message(1, "return")
            self.assertEqual(worker.event()["text"], "bye")
            self.assertEqual(worker.rest(), [ack(1)])
            self.assertEqual(worker.exit_code(), 0)
            self.assertEqual(worker.whole_stderr(), "")

    def test_manual(self):
        with open_host("apps.behaviour:manual") as worker:
            for number, act in ((1, "ack"), (2, "nack")):
                worker.gets_message(number, act)
                self.assertEqual(worker.event()["text"], "handled")
                self.assertEqual(worker.event(), {"type": "telegram." + act, "update_id": number})
            worker.gets_message(3, "later")
            self.assertEqual(worker.event()["text"], "handled")
            worker.gets_message(4, "ack")
            self.assertEqual(worker.event()["text"], "handled")
            self.assertEqual(worker.event(), ack(4))
            worker.gets_message(5, "raise")
            self.assertEqual([worker.event(), worker.event()], [nack(3), nack(5)])
            worker.gets_message(6, "return")
            self.assertEqual(worker.rest(), [])
            self.assertEqual(worker.exit_code(), 0)


class Failure(unittest.TestCase):
    def test_exception(self):
        with open_host(APP) as worker:
            worker.gets_message(1, "count")
            worker.event(), worker.event()
            worker.gets_message(2, "raise")
            self.assertEqual(worker.event()["text"], "before")
            self.assertEqual(worker.event(), nack(2))
            worker.waits_for_stderr("RuntimeError: boom")
            self.assertIn("chat:42: the application failed on update 2 (telegram.message)", worker.stderr())
            self.assertIn("behaviour.py", worker.stderr())
            self.assertNotIn("host.py", worker.stderr())
            # A new instance, which begins to count anew.
            worker.is_sent(message(2, "count", attempt=2))
            self.assertEqual(worker.event()["text"], "1")
            self.assertEqual(worker.event(), ack(2))
            worker.ends_input()
            self.assertEqual(worker.exit_code(), 0)

    def test_exit_and_cancellation_are_failures(self):
        with open_host(APP) as worker:
            worker.gets_message(1, "exit")
            self.assertEqual(worker.event(), nack(1))
            worker.waits_for_stderr("called exit (3)")
            worker.gets_message(2, "cancelled")
            self.assertEqual(worker.event(), nack(2))
            worker.gets_message(3, "count")
            self.assertEqual(worker.event()["text"], "1")

    def test_receive_left_behind_takes_nothing(self):
        with open_host("apps.behaviour:leaves_receive") as worker:
            worker.gets_message(1, "raise")
            # receive() was called again: by its own word the application was done with it.
            self.assertEqual(worker.event(), ack(1))
            worker.waits_for_stderr("boom")
            worker.gets_message(2, "hi")
            self.assertEqual(worker.event(), ack(2))
            self.assertEqual(worker.event()["text"], "handled")

    def test_update_mode_tells_by_the_exit_code(self):
        for text, code in (("raise", 1), ("count", 0)):
            with self.subTest(text):
                with open_host(APP, environment={"ASGIGRAM_WORKER_MODE": "update"}) as worker:
                    worker.gets_message(1, text)
                    worker.ends_input()
                    self.assertEqual(worker.exit_code(), code)


class StartFailure(unittest.TestCase):
    def leaves_the_update(self, application, words):
        """Writes scope and update before the start, and looks at what is left in the pipe after the end."""
        source, sink = os.pipe()
        update = b'{"type":"telegram.message","update_id":1}\n'
        try:
            with host(application, stdin=source) as worker:
                worker.hello()
                os.write(sink, str(SCOPE).replace("'", '"').replace("False", "false").encode() + b"\n" + update)
                self.assertEqual(worker.rest(), [])
                self.assertEqual(worker.exit_code(), 1)
                self.assertIn("chat:42: " + words, worker.whole_stderr())
            self.assertEqual(os.read(source, 65536), update)
        finally:
            os.close(source)
            os.close(sink)

    def test_exception(self):
        self.leaves_the_update("apps.behaviour:raises_early", "the application failed before its first receive()")

    def test_return(self):
        self.leaves_the_update("apps.behaviour:returns_early", "the application returned before its first receive()")

    def test_of_a_later_instance_charges_nothing(self):
        with open_host("apps.behaviour:raises_early_later") as worker:
            worker.gets_message(1, "x")
            self.assertEqual(worker.event(), nack(1))
            worker.gets_message(2, "x")
            self.assertEqual(worker.rest(), [nack(2, retry_after=1)])
            self.assertEqual(worker.exit_code(), 1)


class Streams(unittest.TestCase):
    def test_noise_stays_off_the_protocol(self):
        with open_host(APP) as worker:
            worker.gets_message(1, "noise")
            self.assertEqual(worker.event()["text"], "''")
            self.assertEqual(worker.event(), ack(1))
            worker.gets_message(2, "count")
            self.assertEqual(worker.event()["text"], "2")
            for text in ("a print\n", "a write to fd 1\n", "from a child\n", "from a fork\n"):
                worker.waits_for_stderr(text)

    def test_stdin_from_a_file(self):
        path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "conversation.jsonl")
        with open(path, "rb") as source:
            with host(APP, stdin=source) as worker:
                worker.hello()
                self.assertEqual([event.get("text") for event in worker.rest()], ["1", None, "2", None])
                self.assertEqual(worker.exit_code(), 0)

    def test_stdin_of_nothing(self):
        with host(APP, stdin=subprocess.DEVNULL) as worker:
            worker.hello()
            self.assertEqual(worker.rest(), [])
            self.assertEqual(worker.exit_code(), 0)


if __name__ == "__main__":
    unittest.main()
