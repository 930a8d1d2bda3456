"""script.py in the folder where the test is, under `resume run`: started, killed, started again."""
import os
import signal
import subprocess
import sys
import time

from the_command import COMMAND

PROTECTED = (COMMAND, "run", "--every=0.03s", "--")


def start(*words, **more):
    """WORDS python script.py, with pipes for what it says unless `more` says otherwise."""
    given = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True} | more
    return subprocess.Popen([*words, sys.executable, "script.py"], start_new_session=True, **given)


def saves():
    """How many are kept."""
    listed = subprocess.run([COMMAND, "log", "--json", "script"], capture_output=True, text=True)
    return listed.stdout.count('"generation"')


def has_saved():
    return saves() > 2


def kill_when(process, condition=has_saved):
    """What it has said until then."""
    while process.poll() is None and not condition():
        time.sleep(0.02)
    assert process.poll() is None
    os.killpg(process.pid, signal.SIGKILL)
    return process.communicate()
