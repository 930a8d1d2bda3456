"""Many checkpoints in one folder: no command looks at all of them for each of them."""
import os
import pathlib
import re
import subprocess

import pytest
from the_command import COMMAND


def has_strace():
    try:
        return subprocess.run(["strace", "-o", "/dev/null", "true"], capture_output=True,
                              check=False).returncode == 0
    except OSError:
        return False


pytestmark = pytest.mark.skipif(not has_strace(), reason="strace can't trace here")


@pytest.fixture
def many(history, folder):
    """many(n): a folder with c0 ... and with what may stand beside each of them."""
    original = history(2).read_bytes()

    def fill(count):
        place = folder / f"many{count}"
        place.mkdir(mode=0o700)
        for number in range(count):
            for name in (f"c{number}", f"c{number}~1", f".c{number}.tmp-0000000000000000"):
                (place / name).write_bytes(original)
            (place / f"c{number}.lock").touch(mode=0o600)
        return place
    return fill


def traced(place, *arguments):
    """(output, [system call and its first arguments, one text each])"""
    log = pathlib.Path("trace")
    ran = subprocess.run(["strace", "-f", "-o", log, COMMAND, *arguments], capture_output=True,
                         env=os.environ | {"RESUME_DIR": str(place)}, check=False, timeout=100)
    assert ran.returncode in (0, 3), ran.stderr
    return ran.stdout.decode(), re.findall(r"^\d+ +(\w+\(.*)", log.read_text(), re.M)


def count(calls, pattern):
    return sum(bool(re.match(pattern, call)) for call in calls)


def test_rm_lists_the_folder_once(many):
    for options in ([], ["--all"]):
        for number in (4, 40):
            place = many(number)
            out, calls = traced(place, "rm", "-f", *options, *(f"c{i}" for i in range(number)))
            left = {name for name in os.listdir(place) if not name.endswith(".lock")}
            assert left == (set() if options else {f"c{i}~1" for i in range(number)})
            assert len(out.splitlines()) == number * (3 if options else 2)
            assert count(calls, r"getdents64\(\d+, .* /\* 0 entries") == 1
            for path in place.iterdir():
                path.unlink()
            place.rmdir()


@pytest.mark.parametrize("command", ["ls", "ls --all", "doctor"])
def test_locks_are_read_once(many, command):
    few, more = many(4), many(40)
    calls = {place: traced(place, *command.split())[1] for place in (few, more)}
    assert count(calls[few], r'openat\(.*"/proc/locks"') == 1
    assert count(calls[more], r'openat\(.*"/proc/locks"') == 1
    assert len(calls[more]) < 13 * len(calls[few])


@pytest.mark.parametrize("command", [
    "ls", "ls --json", "check", "prune --keep-last 1", "prune --keep-last 1 --dry-run", "doctor"])
def test_the_folder_is_listed_as_often_for_many(many, command):
    few, more = many(4), many(40)
    listed = [count(traced(place, *command.split())[1], r"getdents64\(\d+, .* /\* 0 entries")
              for place in (few, more)]
    assert listed[0] == listed[1]
