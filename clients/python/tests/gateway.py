"""The gateway as the tests play it: starts a real worker and speaks with it over its pipes.

Owns the process and the deadlines. Never sleeps: every wait is for a line, a text or an end, and fails after DEADLINE.
"""

import json
import os
import queue
import subprocess
import sys
import threading

DEADLINE = 10.0
TESTS = os.path.dirname(os.path.abspath(__file__))
CLIENTS = os.path.dirname(os.path.dirname(TESTS))
sys.path.insert(0, os.path.dirname(TESTS))

SCOPE = {
    "type": "telegram",
    "asgi": {"version": "3.0", "spec_version": "1.0"},
    "chat": {"id": 42, "type": "private", "first_name": "Ann"},
    "bot": {"id": 1, "username": "sim_1_bot"},
    "extensions": {"telegram.ack": {}, "telegram.response": {}},
}


class Worker:
    """A worker process under test; `with` ends it."""

    def __init__(self, command, environment=None, stdin=subprocess.PIPE):
        # Unset on purpose: nothing may depend on it.
        env = {name: value for name, value in os.environ.items() if not name.startswith(("ASGIGRAM_", "PYTHONUNBUF"))}
        env["PYTHONPATH"] = os.path.dirname(TESTS)
        env.update(environment or {})
        self.process = subprocess.Popen(
            command, stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=TESTS, env=env, bufsize=0
        )
        self._lines = queue.Queue()
        self._stderr = []
        self._changed = threading.Condition()
        self._stderr_ended = False
        self._reading = None
        self._logging = threading.Thread(target=self._drain_stderr, daemon=True)
        self._logging.start()

    def __enter__(self):
        return self

    def __exit__(self, *ignored):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(DEADLINE)
        self._logging.join(DEADLINE)
        if self._reading is not None:
            self._reading.join(DEADLINE)
        for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
            if pipe is not None:
                try:
                    pipe.close()
                except OSError:
                    pass

    def writes_raw(self, data):
        view = memoryview(data)
        while view:
            view = view[self.process.stdin.write(view) :]

    def is_sent(self, *events):
        """Writes events to the worker, all in one write."""
        self.writes_raw(b"".join(json.dumps(event).encode() + b"\n" for event in events))

    def gets_message(self, update_id, text, **more):
        self.is_sent(message(update_id, text, **more))

    def is_answered(self, request, **answer):
        self.is_sent(dict({"type": "telegram.response", "request_id": request["request_id"]}, **answer))

    def ends_input(self):
        self.process.stdin.close()

    def line(self):
        """The next line of the worker as bytes; b"" at its end."""
        if self._reading is None:
            self._reading = threading.Thread(target=self._drain_stdout, daemon=True)
            self._reading.start()
        try:
            return self._lines.get(timeout=DEADLINE)
        except queue.Empty:
            raise AssertionError("no line within %g s; stderr: %s" % (DEADLINE, self.stderr())) from None

    def event(self):
        line = self.line()
        if not line:
            raise AssertionError("the worker closed stdout; stderr: %s" % self.stderr())
        return json.loads(line)

    def hello(self):
        event = self.event()
        assert event["type"] == "gateway.hello", event
        return event

    def rest(self):
        """All events until the end of stdout."""
        return [json.loads(line) for line in iter(self.line, b"")]

    def exit_code(self):
        return self.process.wait(DEADLINE)

    def stderr(self):
        with self._changed:
            return b"".join(self._stderr).decode("utf-8", "replace")

    def whole_stderr(self):
        self._logging.join(DEADLINE)
        return self.stderr()

    def waits_for_stderr(self, text):
        def is_there():
            return text in b"".join(self._stderr).decode("utf-8", "replace") or self._stderr_ended

        with self._changed:
            self._changed.wait_for(is_there, DEADLINE)
        if text not in self.stderr():
            raise AssertionError("`%s` is not in stderr: %s" % (text, self.stderr()))

    def _drain_stdout(self):
        rest = b""
        for block in iter(lambda: self.process.stdout.read(65536), b""):
            *lines, rest = (rest + block).split(b"\n")
            for line in lines:
                self._lines.put(line)
        if rest:
            self._lines.put(rest)
        self._lines.put(b"")

    def _drain_stderr(self):
        for block in iter(lambda: self.process.stderr.read(65536), b""):
            with self._changed:
                self._stderr.append(block)
                self._changed.notify_all()
        with self._changed:
            self._stderr_ended = True
            self._changed.notify_all()


def message(update_id, text, **more):
    return dict(
        {
            "type": "telegram.message",
            "update_id": update_id,
            "message_id": 100 + update_id,
            "from": {"id": 42, "is_bot": False, "first_name": "Ann"},
            "chat": SCOPE["chat"],
            "date": 1700000000,
            "text": text,
        },
        **more
    )


def host(application, *options, **more):
    """Starts the host with an application of the tests."""
    return Worker([sys.executable, "-m", "asgigram", *options, application], **more)


def open_host(application, *options, **more):
    """The same, past hello and the scope line."""
    worker = host(application, *options, **more)
    worker.hello()
    worker.is_sent(SCOPE)
    return worker


def ack(update_id):
    return {"type": "telegram.ack", "update_id": update_id}


def nack(update_id, **more):
    return dict({"type": "telegram.nack", "update_id": update_id}, **more)
