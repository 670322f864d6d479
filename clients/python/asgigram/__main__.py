"""`python3 -m asgigram module:attr`: the command line of the host.

Owns the order of the first steps: arguments, descriptors, signals, import, loop. Never runs the application outside it.
"""

import argparse
import asyncio
import os
import signal
import sys
import threading

from asgigram import log, pipes, wire
from asgigram.host import Host
from asgigram.load import LoadError, load

# What is still running at exit, such as a thread of the application, is waited for this long.
_EXIT_TIME = 0.5


def main(arguments=None):
    """Runs the host. Exit code: 0 at the end, 1 if the application did not start, 2 for bad arguments."""
    options = _parser().parse_args(arguments)
    try:
        source, sink = pipes.take_standard_streams()
    except OSError as error:
        log.say("stdin and stdout must be open: %s" % error)
        return 1
    # A handler and not SIG_IGN: children of the application would inherit that. ^C belongs to the gateway.
    signal.signal(signal.SIGINT, lambda number, frame: None)
    mode = os.environ.get("ASGIGRAM_WORKER_MODE", "scope")
    if mode not in ("scope", "update"):
        log.say("this version serves `--mode scope` and `--mode update` only, not `%s`" % mode)
        return 1
    if os.isatty(source):
        log.say("stdin is a terminal\nhelp: the gateway starts this: asgigram TOKEN -- python3 -m asgigram module:attr")
    try:
        app = load(options.application)
    except LoadError as error:
        log.say("cannot load `%s`: %s" % (options.application, error))
        return 1
    return asyncio.run(_live(app, source, sink, options))


async def _live(app, source, sink, options):
    code = 1
    try:
        code = await Host(app, source, sink, options.startup_timeout, options.stop_timeout).run()
        return code
    finally:
        _limit_exit(code)


def _limit_exit(code):
    """Python waits at exit for every thread and task; an application that hangs there must not hang the process."""
    timer = threading.Timer(_EXIT_TIME, os._exit, [code])
    timer.daemon = True
    timer.start()


def _parser():
    parser = argparse.ArgumentParser(
        prog="python3 -m asgigram",
        description="Hosts an ASGI application as a worker of the asgigram gateway.",
        epilog="$ asgigram TOKEN -- python3 -m asgigram bot:application",
    )
    parser.add_argument("application", metavar="MODULE:ATTR", help="the ASGI application, version 2 or 3")
    parser.add_argument(
        "--startup-timeout",
        metavar="SECONDS",
        type=_seconds,
        default=30.0,
        help="how long lifespan.startup may take (default 30)",
    )
    parser.add_argument(
        "--stop-timeout",
        metavar="SECONDS",
        type=_seconds,
        default=2.0,
        help="how long the application may go on after telegram.disconnect, before it is cancelled (default 2)",
    )
    parser.add_argument("--version", action="version", version="asgigram-python " + wire.VERSION)
    return parser


def _seconds(text):
    seconds = float(text)
    if not 0 <= seconds <= 86400:
        raise argparse.ArgumentTypeError("must be from 0 to 86400 seconds")
    return seconds


if __name__ == "__main__":
    sys.exit(main())
