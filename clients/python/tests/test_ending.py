"""The end: disconnect, EOF, signals, and what is still possible after it."""

import signal
import unittest

from gateway import SCOPE, ack, host, open_host

APP = "apps.behaviour:acts"
DISCONNECT = {"type": "telegram.disconnect", "reason": "idle"}


class Ending(unittest.TestCase):
    def begins(self, worker):
        worker.gets_message(1, "count")
        self.assertEqual(worker.event()["text"], "1")
        self.assertEqual(worker.event(), ack(1))

    def test_disconnect(self):
        with open_host(APP) as worker:
            self.begins(worker)
            worker.is_sent(DISCONNECT)
            self.assertEqual(worker.rest(), [])
            self.assertEqual(worker.exit_code(), 0)
            self.assertEqual(worker.whole_stderr(), "disconnect: idle\n")

    def test_disconnect_and_end_together(self):
        with open_host(APP) as worker:
            self.begins(worker)
            worker.is_sent(DISCONNECT)
            worker.ends_input()
            self.assertEqual(worker.exit_code(), 0)
            self.assertEqual(worker.whole_stderr(), "disconnect: idle\n")

    def test_end_of_input_alone(self):
        with open_host(APP) as worker:
            self.begins(worker)
            worker.ends_input()
            self.assertEqual(worker.exit_code(), 0)
            self.assertEqual(worker.whole_stderr(), "disconnect: shutdown\n")

    def test_terminate(self):
        with open_host(APP) as worker:
            self.begins(worker)
            worker.process.send_signal(signal.SIGTERM)
            self.assertEqual(worker.exit_code(), 0)
            self.assertEqual(worker.whole_stderr(), "disconnect: shutdown\n")

    def test_terminate_before_the_scope(self):
        with host(APP) as worker:
            worker.hello()
            worker.process.send_signal(signal.SIGTERM)
            self.assertEqual(worker.exit_code(), 0)

    def test_disconnect_instead_of_the_scope(self):
        with host(APP) as worker:
            worker.hello()
            worker.is_sent(DISCONNECT)
            self.assertEqual(worker.exit_code(), 0)

    def test_interrupt_is_the_gateways(self):
        with open_host(APP) as worker:
            self.begins(worker)
            worker.process.send_signal(signal.SIGINT)
            worker.gets_message(2, "count")
            self.assertEqual(worker.event()["text"], "2")

    def test_update_in_hand_is_finished(self):
        with open_host(APP) as worker:
            worker.gets_message(1, "own request")
            asked = worker.event()
            worker.is_answered(asked, ok=True, result="it")
            worker.is_sent(DISCONNECT)
            worker.ends_input()
            self.assertEqual([worker.event()["text"], worker.event()], ["got it", ack(1)])
            self.assertEqual(worker.exit_code(), 0)

    def test_call_in_hand_is_answered_past_the_disconnect(self):
        with open_host("apps.callers:app") as worker:
            worker.gets_message(1, "one")
            asked = worker.event()
            worker.is_sent(DISCONNECT)
            worker.is_answered(asked, ok=True, result={"message_id": 5})
            worker.ends_input()
            self.assertEqual([worker.event()["text"], worker.event()], ["message 5", ack(1)])
            self.assertEqual(worker.exit_code(), 0)

    def test_failure_at_the_disconnect(self):
        with open_host(APP) as worker:
            worker.gets_message(1, "own request")
            worker.event()
            # Not what the application expects in place of its answer.
            worker.is_sent(DISCONNECT)
            self.assertEqual(worker.rest(), [])
            self.assertEqual(worker.exit_code(), 0)
            self.assertIn("KeyError", worker.whole_stderr())

    def test_application_that_does_not_return_is_cancelled(self):
        for text in ("stuck", "stubborn"):
            with self.subTest(text):
                with open_host(APP, "--stop-timeout", "0.1") as worker:
                    worker.gets_message(1, text)
                    self.assertEqual(worker.event()["text"], "stuck")
                    worker.is_sent(DISCONNECT)
                    # Neither ack nor nack: its end is not its failure.
                    self.assertEqual(worker.rest(), [])
                    self.assertEqual(worker.exit_code(), 0)
                    self.assertIn("chat:42: the application did not return within 0.1 s", worker.whole_stderr())

    def test_application_that_catches_everything(self):
        with open_host("apps.behaviour:ignores_everything", "--stop-timeout", "0.1") as worker:
            worker.gets_message(1, "x")
            self.assertEqual(worker.event(), ack(1))
            worker.ends_input()
            self.assertEqual(worker.exit_code(), 0)

    def test_nothing_is_possible_after_it(self):
        with open_host("apps.behaviour:sends_late") as worker:
            worker.is_sent(DISCONNECT)
            self.assertEqual(worker.rest(), [])
            self.assertEqual(worker.exit_code(), 0)
            self.assertEqual(worker.whole_stderr().count("ClosedError: the connection is closed"), 3)

    def test_gateway_that_is_gone(self):
        with host(APP) as worker:
            # Read by hand: no thread may hold the pipe when it is closed.
            self.assertIn(b"gateway.hello", worker.process.stdout.readline())
            worker.process.stdout.close()
            worker.is_sent(SCOPE)
            worker.gets_message(1, "count")
            self.assertEqual(worker.exit_code(), 0)
            self.assertNotIn("Traceback", worker.whole_stderr())

    def test_scope_of_a_user(self):
        scope = {key: value for key, value in SCOPE.items() if key != "chat"}
        with host(APP) as worker:
            worker.hello()
            worker.is_sent(dict(scope, user={"id": 7}))
            worker.gets_message(1, "raise")
            worker.waits_for_stderr("asgigram: user:7: the application failed on update 1")


if __name__ == "__main__":
    unittest.main()
