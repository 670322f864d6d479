"""`asgigram.call()`: results, refusals, faults, many at once."""

import asyncio
import unittest

from gateway import ack, open_host

import asgigram

APP = "apps.callers:app"


class Calls(unittest.TestCase):
    def asks_one(self, worker, number):
        worker.gets_message(number, "one")
        asked = worker.event()
        self.assertEqual(asked["type"], "telegram.call")
        self.assertEqual(asked["method"], "sendMessage")
        self.assertEqual(asked["params"], {"chat_id": 42, "text": "question"})
        return asked

    def test_result(self):
        with open_host(APP) as worker:
            first = self.asks_one(worker, 1)
            worker.is_answered(first, ok=True, result={"message_id": 5})
            self.assertEqual(worker.event()["text"], "message 5")
            self.assertEqual(worker.event(), ack(1))
            second = self.asks_one(worker, 2)
            self.assertNotEqual(first["request_id"], second["request_id"])

    def test_api_error(self):
        with open_host(APP) as worker:
            asked = self.asks_one(worker, 1)
            worker.is_answered(
                asked, ok=False, error_code=429, description="Too Many Requests", parameters={"retry_after": 3}
            )
            self.assertEqual(worker.event()["text"], "ApiError 429 | Too Many Requests | {'retry_after': 3}")

    def test_api_error_without_parameters(self):
        with open_host(APP) as worker:
            worker.is_answered(self.asks_one(worker, 1), ok=False, error_code=403, description="Forbidden")
            self.assertEqual(worker.event()["text"], "ApiError 403 | Forbidden | {}")

    def test_fault(self):
        with open_host(APP) as worker:
            asked = self.asks_one(worker, 1)
            worker.is_answered(asked, ok=False, error_code=400, description="asgigram: no", fault="refused")
            self.assertEqual(worker.event()["text"], "Fault refused | asgigram: no")
            self.assertEqual(worker.event(), ack(1))

    def test_concurrent_and_answered_backwards(self):
        with open_host(APP) as worker:
            worker.gets_message(1, "many")
            asked = [worker.event() for _ in range(3)]
            self.assertEqual(len({request["request_id"] for request in asked}), 3)
            for request in reversed(asked):
                worker.is_answered(request, ok=True, result=request["params"]["chat_id"] * 10)
            self.assertEqual(worker.event()["text"], "0,10,20")
            self.assertEqual(worker.event(), ack(1))

    def test_given_up(self):
        with open_host(APP) as worker:
            worker.gets_message(1, "give up")
            asked = worker.event()
            self.assertEqual(worker.event()["text"], "gave up")
            self.assertEqual(worker.event(), ack(1))
            worker.is_answered(asked, ok=True, result="late")
            worker.is_answered(self.asks_one(worker, 2), ok=True, result={"message_id": 6})
            self.assertEqual(worker.event()["text"], "message 6")

    def test_in_the_background_holds_the_ack(self):
        with open_host(APP) as worker:
            worker.gets_message(1, "background")
            first = worker.event()
            self.assertEqual(first["params"], {"chat_id": 1})
            worker.is_answered(first, ok=True, result=2)
            second = worker.event()
            self.assertEqual(second["params"], {"chat_id": 2})
            worker.is_answered(second, ok=True, result=3)
            self.assertEqual(worker.event(), ack(1))
            worker.waits_for_stderr("background got 3")

    def test_value_without_json(self):
        with open_host(APP) as worker:
            worker.gets_message(1, "bad")
            self.assertIn("`bytes`", worker.event()["text"])
            self.assertEqual(worker.event(), ack(1))

    def test_before_the_first_receive(self):
        with open_host("apps.callers:before_receive") as worker:
            asked = worker.event()
            worker.is_answered(asked, ok=True, result="Bot")
            self.assertEqual(worker.event()["text"], "I am Bot")
            worker.gets_message(1, "hi")
            self.assertEqual(worker.rest(), [ack(1)])

    def test_end_of_input_ends_the_wait(self):
        with open_host(APP) as worker:
            worker.gets_message(1, "one")
            worker.event()
            worker.ends_input()
            # Not its fault: neither ack nor nack, so that it comes again uncharged.
            self.assertEqual(worker.rest(), [])
            self.assertEqual(worker.exit_code(), 0)

    def test_outside(self):
        with self.assertRaisesRegex(RuntimeError, "only inside an application"):
            asyncio.run(asgigram.call("getMe"))


if __name__ == "__main__":
    unittest.main()
