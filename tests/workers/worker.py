#!/usr/bin/env python3
"""The worker of the tests: one program, many ways to behave and to misbehave.

    worker.py FOLDER MODE [ARGUMENT…]

What it shall remember for the test it appends to files in FOLDER, of which each process writes whole lines. The modes
are the functions below that are marked so; the name of a mode is that of its function, with `-` for `_`. Only the
standard library is used.
"""

import json
import os
import signal
import subprocess
import sys
import time

FOLDER, MODE, ARGUMENTS = sys.argv[1], sys.argv[2], sys.argv[3:]
MODES = {}


def mode(function):
    MODES[function.__name__.replace("_", "-")] = function
    return function


def record(name, line):
    """Appends a line to a file, in one write: several processes may do so."""
    line = line if isinstance(line, bytes) else line.encode()
    with open(os.path.join(FOLDER, name), "ab", buffering=0) as file:
        file.write(line if line.endswith(b"\n") else line + b"\n")


def first_time(name):
    """Whether no process of this test has asked this before."""
    try:
        os.close(os.open(os.path.join(FOLDER, name), os.O_CREAT | os.O_EXCL))
        return True
    except FileExistsError:
        return False


def write(event):
    sys.stdout.buffer.write(json.dumps(event).encode() + b"\n")
    sys.stdout.buffer.flush()


def lines():
    """The lines of stdin, as bytes, recorded in the file `lines` and in `lines of SCOPE`."""
    for line in sys.stdin.buffer:
        record("lines of " + os.environ["ASGIGRAM_SCOPE"], line)
        record("lines", line)
        yield line


def events():
    for line in lines():
        yield json.loads(line)


def updates():
    return (event for event in events() if "update_id" in event)


def hello(**more):
    write({"type": "gateway.hello", "protocol": 1, "acks": True, **more})


def answer(event):
    if "text" in event:
        write({"type": "telegram.send_message", "text": event["text"]})


def ack(event, **more):
    write({"type": "telegram.ack", "update_id": event["update_id"], **more})


def die(status=1):
    os._exit(status)


@mode
def echo():
    """A plain worker."""
    for event in updates():
        answer(event)


@mode
def ack_echo():
    """An acking worker."""
    hello()
    for event in updates():
        answer(event)
        ack(event)


@mode
def late_ack_echo():
    """An acking worker that says no hello."""
    for event in updates():
        answer(event)
        ack(event)


@mode
def record_only():
    """Records, acks, and answers nothing."""
    hello(**(json.loads(ARGUMENTS[0]) if ARGUMENTS else {}))
    for event in updates():
        ack(event)


@mode
def says():
    """Writes its arguments, as they are, for its first update, and acks; then echoes."""
    hello()
    for number, event in enumerate(updates()):
        if number == 0:
            for argument in ARGUMENTS:
                sys.stdout.buffer.write(argument.encode("utf-8", "surrogateescape") + b"\n")
            sys.stdout.buffer.flush()
        else:
            answer(event)
        ack(event)


@mode
def obey():
    """Writes what the text of each message says, line by line, and acks after it. `exit N` ends it."""
    hello(**(json.loads(ARGUMENTS[0]) if ARGUMENTS else {}))
    for event in updates():
        for line in event.get("text", "").split("\n"):
            if line.startswith("exit "):
                die(int(line[5:]))
            elif line == "no ack":
                break
            else:
                sys.stdout.buffer.write(line.replace("UPDATE_ID", str(event["update_id"])).encode() + b"\n")
        else:
            ack(event)
        sys.stdout.buffer.flush()


@mode
def plain_obey():
    """The same without hello and acks."""
    for event in updates():
        for line in event.get("text", "").split("\n"):
            if line.startswith("exit "):
                die(int(line[5:]))
            sys.stdout.buffer.write(line.encode() + b"\n")
        sys.stdout.buffer.flush()


@mode
def slow():
    """Takes ARGUMENT seconds over each update."""
    hello()
    for event in updates():
        time.sleep(float(ARGUMENTS[0]))
        answer(event)
        ack(event)


@mode
def crash_after_read():
    """Dies of each message that holds ARGUMENT; echoes others."""
    hello()
    for event in updates():
        if ARGUMENTS[0] in event.get("text", ""):
            die()
        answer(event)
        ack(event)


@mode
def plain_crash_after_read():
    """The same, plain."""
    for event in updates():
        if ARGUMENTS[0] in event.get("text", ""):
            die()
        answer(event)


@mode
def crash_at_start():
    """Dies as many times as ARGUMENT says before it reads anything; then it echoes."""
    for number in range(int(ARGUMENTS[0])):
        if first_time("start-%d" % number):
            print("ImportError: no module of that name", file=sys.stderr)
            die()
    ack_echo()


@mode
def crash_once_then_work():
    """Dies of the first message that it ever reads; the next process echoes."""
    hello()
    for event in updates():
        if first_time("crashed"):
            die()
        answer(event)
        ack(event)


@mode
def crash_with_window():
    """Takes ARGUMENT updates at once and dies of them; the next processes echo."""
    hello(window=int(ARGUMENTS[0]))
    for number, event in enumerate(updates(), 1):
        if not os.path.exists(os.path.join(FOLDER, "crashed")):
            if number == int(ARGUMENTS[0]):
                first_time("crashed")
                die()
            continue
        answer(event)
        ack(event)


@mode
def hang():
    """Reads updates and never acks one; ends as it should when its input ends."""
    hello()
    for _ in updates():
        pass


@mode
def garbage():
    """Writes a lot that is no protocol, and echoes in between."""
    hello()
    for event in updates():
        stray = [b"Loading...", b"", b"   ", b"\r", b"[1,2]", b"{", b"\xff\xfe{}", b'{"no":"type"}', b'{"type":7}']
        stray += [b'{"type":"telegram."}', b'{"type":"gateway.unknown"}', b"null", b"\x00\x01\x02", b"x" * 100_000]
        sys.stdout.buffer.write(b"\n".join(stray) + b"\n")
        answer(event)
        ack(event)


@mode
def no_read():
    """Never reads."""
    record("started", str(os.getpid()))
    time.sleep(3600)


@mode
def no_read_of():
    """Never reads in the chat ARGUMENT; echoes elsewhere."""
    if os.environ.get("ASGIGRAM_CHAT_ID") == ARGUMENTS[0]:
        no_read()
    ack_echo()


@mode
def ignore_term():
    """Ignores all that can be ignored, its child too; acks; goes on though its input has ended."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    # Ignored signals are inherited.
    subprocess.Popen(["sleep", "3600"], stdin=subprocess.DEVNULL)
    hello()
    for event in updates():
        answer(event)
        ack(event)
    record("ended", "its input")
    while True:
        time.sleep(3600)


@mode
def fork_grandchild():
    """Starts a child that ignores SIGTERM and holds its stdout; then it echoes."""
    program = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(3600)"
    child = subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.DEVNULL)
    record("grandchild", str(child.pid))
    ack_echo()


@mode
def flood():
    """Writes to the chat ARGUMENT without end; echoes elsewhere."""
    if os.environ.get("ASGIGRAM_CHAT_ID") == ARGUMENTS[0]:
        line = json.dumps({"type": "telegram.send_chat_action", "action": "typing"}).encode() + b"\n"
        while True:
            sys.stdout.buffer.write(line * 100)
            sys.stdout.buffer.flush()
    ack_echo()


@mode
def flood_garbage():
    """Writes garbage without end in the chat ARGUMENT; echoes elsewhere."""
    if os.environ.get("ASGIGRAM_CHAT_ID") == ARGUMENTS[0]:
        while True:
            sys.stdout.buffer.write(b"garbage without end\n" * 1000)
    ack_echo()


@mode
def dump_env():
    """Records its environment, its arguments and its descriptors, then echoes."""
    record("environment", json.dumps(dict(os.environ)))
    record("arguments", json.dumps(sys.argv))
    descriptors = {}
    for fd in os.listdir("/proc/self/fd"):
        try:
            descriptors[fd] = os.readlink("/proc/self/fd/" + fd)
        except OSError:
            pass  # the one that lists them
    record("descriptors", json.dumps(descriptors))
    record("group", json.dumps([os.getpid(), os.getpgrp(), os.getcwd()]))
    ack_echo()


@mode
def talk_to_stderr():
    """Prints to stderr what each message says; the last line lacks its end."""
    hello()
    for event in updates():
        sys.stderr.write(event.get("text", "") + "\nand no line end")
        sys.stderr.flush()
        ack(event)


@mode
def goodbye():
    """Acks; says goodbye to its chat when it is told to end, and tells why."""
    hello()
    for event in events():
        if event["type"] == "telegram.disconnect":
            write({"type": "telegram.send_message", "text": "bye: " + event["reason"]})
        elif "update_id" in event:
            answer(event)
            ack(event)
    record("ended", "its input")


@mode
def remote():
    """Does what the test says, one order at a time: connects to the Unix socket ARGUMENT and tells for what scope.

    `read` reads one line, and not a byte more, and answers `line LINE` or `end`; `wait S` does so too, but answers
    `nothing` if there is none for so many seconds; `write LINE` writes it; `exit N` ends.
    """
    import select
    import socket

    connection = socket.socket(socket.AF_UNIX)
    connection.connect(ARGUMENTS[0])
    connection.sendall(b"scope %s %d\n" % (os.environ["ASGIGRAM_SCOPE"].encode(), os.getpid()))
    for order in connection.makefile("rb"):
        verb, _, rest = order.rstrip(b"\n").partition(b" ")
        if verb == b"wait" and not select.select([sys.stdin.buffer.raw], [], [], float(rest))[0]:
            connection.sendall(b"nothing\n")
        elif verb in (b"read", b"wait"):
            line = sys.stdin.buffer.raw.readline()
            connection.sendall(b"line " + line.rstrip(b"\n") + b"\n" if line else b"end\n")
        elif verb == b"write":
            sys.stdout.buffer.write(rest + b"\n")
            sys.stdout.buffer.flush()
        elif verb == b"exit":
            die(int(rest))


MODES[MODE]()
