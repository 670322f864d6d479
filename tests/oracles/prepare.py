"""Makes the virtual environment in which third-party bots run, or leaves one that is right as it is.

$ python3 tests/oracles/prepare.py target/oracles-venv

Needs nothing but Python with its modules venv and ensurepip (Debian: the package python3-venv). Any number of these may
run at once. On a failure it says what is missing and exits with 1.
"""

import fcntl
import pathlib
import shutil
import subprocess
import sys

OLDEST_PYTHON = (3, 10)
REQUIREMENTS = pathlib.Path(__file__).with_name("requirements.txt")


def main():
    if sys.version_info < OLDEST_PYTHON:
        fail(f"this is Python {sys.version.split()[0]}", "install Python 3.10 or newer as `python3`")
    try:
        import ensurepip  # noqa: F401
        import venv  # noqa: F401
    except ImportError as missing:
        fail(f"this Python has no module `{missing.name}`", "apt-get install python3-venv")

    folder = pathlib.Path(sys.argv[1]).absolute()
    folder.parent.mkdir(parents=True, exist_ok=True)
    with open(folder.with_name(folder.name + ".lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        # The stamp is written last: a venv without it, or made of something else, is made anew.
        stamp, made_of = folder / "made-of.txt", f"{sys.executable} {sys.version}\n{REQUIREMENTS.read_text()}"
        if stamp.exists() and stamp.read_text() == made_of:
            return
        shutil.rmtree(folder, ignore_errors=True)
        run([sys.executable, "-m", "venv", str(folder)])
        pip = [str(folder / "bin/python"), "-m", "pip", "--disable-pip-version-check"]
        run([*pip, "install", "--quiet", "--requirement", str(REQUIREMENTS)])
        stamp.write_text(made_of)


def run(command):
    if subprocess.run(command, stdin=subprocess.DEVNULL).returncode != 0:
        fail(f"`{' '.join(command)}` failed", "see above; the packages come from PyPI, which must be reachable")


def fail(what, remedy):
    sys.exit(f"error: cannot prepare the third-party bots: {what}\nhelp: {remedy}")


main()
