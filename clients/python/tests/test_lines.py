"""Lines: long, odd and broken ones, and what `send()` refuses."""

import unittest

from gateway import SCOPE, ack, host, message, open_host

ECHO = "apps.styles:echo"


class Lines(unittest.TestCase):
    def test_two_megabytes_both_ways(self):
        text = "a\u2028" * 1000000
        with open_host(ECHO) as worker:
            worker.gets_message(1, text)
            self.assertEqual(worker.event()["text"], text)
            self.assertEqual(worker.event(), ack(1))

    def test_lone_surrogates(self):
        with open_host(ECHO) as worker:
            worker.writes_raw(b'{"type":"telegram.message","update_id":1,"text":"\\ud83d!"}\n')
            self.assertIn(b'"\\ud83d!"', worker.line())

    def test_separators_that_are_no_line_ends(self):
        text = "a\u2028b\u2029c\u0085d\x0be\x0cf\x1cg\nh\ri"
        with open_host(ECHO) as worker:
            worker.writes_raw(('{"type":"telegram.message","update_id":1,"text":"\u2028\u0085"}\n').encode())
            self.assertEqual(worker.event()["text"], "\u2028\u0085")
            self.assertEqual(worker.event(), ack(1))
            worker.gets_message(2, text)
            self.assertEqual(worker.event()["text"], text)

    def test_carriage_returns_blank_lines_and_no_last_end(self):
        with host(ECHO) as worker:
            worker.hello()
            worker.writes_raw(b'\r\n\n{"type":"telegram","chat":{"id":42}}\r\n')
            worker.writes_raw(b'\n  \n{"type":"telegram.message","update_id":1,"text":"a"}\r\n')
            self.assertEqual(worker.event()["text"], "a")
            self.assertEqual(worker.event(), ack(1))
            worker.writes_raw(b'{"type":"telegram.message","update_id":2,"text":"b"}')
            worker.ends_input()
            self.assertEqual([worker.event()["text"], worker.event()], ["b", ack(2)])
            self.assertEqual(worker.exit_code(), 0)

    def test_garbage_is_passed_over(self):
        deep = b"[" * 200000
        with host(ECHO) as worker:
            worker.hello()
            worker.writes_raw(b"garbage\n" + b'{"type":"telegram.message","update_id":9}\n')
            worker.is_sent(SCOPE)
            for line in (b"not json", b"[1]", b'{"type":7}', b"\xff\xfe", b'{"type":"gateway.new"}', deep):
                worker.writes_raw(line + b"\n")
            worker.gets_message(1, "alive")
            self.assertEqual(worker.event()["text"], "alive")
            worker.ends_input()
            self.assertEqual(worker.exit_code(), 0)
            self.assertIn("unknown type `gateway.new`", worker.whole_stderr())
            self.assertEqual(worker.stderr().count("a line that is no event"), 6)

    def test_line_in_pieces(self):
        with host(ECHO) as worker:
            worker.hello()
            worker.writes_raw(b'{"type":"telegram",')
            worker.writes_raw(b'"chat":{"id":42}}\n{"type":"telegram.mess')
            worker.writes_raw(b'age","update_id":1,"text":"a"}\n')
            self.assertEqual(worker.event()["text"], "a")


class Sends(unittest.TestCase):
    def test_what_no_gateway_takes(self):
        with open_host("apps.behaviour:acts") as worker:
            worker.gets_message(1, "bad sends")
            texts = []
            for event in iter(worker.event, ack(1)):
                texts.append(event["text"])
            begins = ["TypeError"] * 3 + ["ValueError"] * 4 + ["TypeError"] * 2 + ["ValueError", "TypeError"]
            self.assertEqual([text.partition(":")[0] for text in texts], begins, texts)
            self.assertIn('send a file as {"path": …}', texts[7])

    def test_slow_gateway_blocks_only_the_send(self):
        with host("apps.behaviour:acts") as worker:
            # Nothing is read from stdout until the application has said that it goes on.
            worker.is_sent(SCOPE, message(1, "big"))
            worker.waits_for_stderr("not blocked: True")
            worker.hello()
            self.assertEqual(len(worker.event()["text"]), 1000000)
            self.assertEqual(worker.event(), ack(1))


if __name__ == "__main__":
    unittest.main()
