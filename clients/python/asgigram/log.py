"""What the host says to people: lines on stderr, which the gateway puts into its log.

Owns their form. Never writes to the protocol, and never fails: a log that is gone is no reason to stop.
"""

import os
import sys
import traceback

_PACKAGE = os.path.dirname(os.path.abspath(__file__))


def say(message, scope=None):
    """Writes one message, with the scope (`chat:42`) before it where there is one."""
    _write("asgigram: %s\n" % message if scope is None else "asgigram: %s: %s\n" % (scope, message))


def say_failure(message, error, scope=None):
    """Writes one message with the traceback of `error` below it."""
    say("%s\n%s" % (message, traceback_of(error).rstrip("\n")), scope)


def traceback_of(error):
    """The traceback as text, from the application's first frame on: the host's own frames help nobody."""
    trace = error.__traceback__
    while trace is not None and _is_ours(trace.tb_frame.f_code.co_filename):
        trace = trace.tb_next
    return "".join(traceback.format_exception(type(error), error, trace))


def _is_ours(filename):
    return filename.startswith("<frozen importlib") or os.path.dirname(os.path.abspath(filename)) in (
        _PACKAGE,
        os.path.dirname(os.path.abspath(os.__file__)) + os.sep + "importlib",
    )


def _write(text):
    try:
        sys.stderr.write(text)
        sys.stderr.flush()
    except (AttributeError, OSError, ValueError):
        # stderr is closed or was never there: there is nobody left to tell.
        pass
