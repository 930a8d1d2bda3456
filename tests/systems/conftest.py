"""What the tests on real file systems share: small disks, a program that saves when it is told."""
import contextlib
import os
import pathlib
import random
import subprocess
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import disks  # noqa: E402


def pytest_collection_modifyitems(items):
    """They test the file systems and the kernel, not the Python: one of ./dev test is enough."""
    if os.environ.get("RESUME_HEAVY") == "0" or os.environ.get("RESUME_SANITIZED"):
        here = pathlib.Path(__file__).parent
        for item in items:
            if here in pathlib.Path(item.fspath).parents:
                item.add_marker(pytest.mark.skip(reason="heavy: runs on one Python"))


@pytest.fixture
def disk():
    """disk("ext4", size=.., options=[mkfs], mount="options"): the root of a new file system."""
    with contextlib.ExitStack() as stack:
        def make(kind, **how):
            why = disks.cannot(kind)
            if why:
                pytest.skip(why)
            return stack.enter_context(disks.disk(kind, **how))
        yield make


@pytest.fixture
def seed():
    """RESUME_SEED, or a new one; printed, so that a failure can be repeated."""
    number = int(os.environ.get("RESUME_SEED") or random.SystemRandom().randrange(1 << 32))
    print(f"RESUME_SEED={number}")
    return number


SAVER = """
import hashlib, os, sys
import resume

def work():
    chp = resume.Checkpoint("work", folder=sys.argv[1], rate=3600)
    step, data = 0, b""
    chp.restore()
    print("restored", step, hashlib.sha256(data).hexdigest(), flush=True)
    for line in sys.stdin:
        step += 1
        data = os.urandom(int(line))
        try:
            chp.save()
            print("saved", step, hashlib.sha256(data).hexdigest(), flush=True)
        except resume.ResumeError as error:
            print("failed", type(error).__name__, error, flush=True)

work()
"""


class Saver:
    """A Python program that saves `size` new random bytes whenever it is told to."""

    def __init__(self, folder, prefix=()):
        environment = {key: value for key, value in os.environ.items()
                       if not key.startswith("RESUME_")} | {"RESUME_QUIET": "1"}
        self.process = subprocess.Popen(
            [*prefix, sys.executable, "-c", SAVER, str(folder)], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment, cwd="/")
        self.restored = self.process.stdout.readline().split()[1:]  # [step, hash]

    def save(self, size=1000):
        """["saved", step, hash] or ["failed", name of the exception, message]"""
        self.process.stdin.write(f"{size}\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().strip().split(" ", 2)

    def must_save(self, size=1000):
        answer = self.save(size)
        assert answer[0] == "saved", answer
        return answer[1:]

    def must_fail(self, size=1000):
        answer = self.save(size)
        assert answer[0] == "failed", answer
        return answer[1], answer[2]

    def end(self):
        """Killed, as if it had crashed: what was saved is what counts."""
        self.process.kill()
        self.process.communicate()


@pytest.fixture
def saver():
    with contextlib.ExitStack() as stack:
        def start(folder, prefix=()):
            made = Saver(folder, prefix)
            stack.callback(made.end)
            return made
        yield start
