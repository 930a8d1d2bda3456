"""What functions and classes of a program's own modules hold goes on, too, under `resume run`."""
import os
import signal
import subprocess
import sys

import unmodified

MODULE = '''
import functools

counts = {"moves": 0}


def move(step, seen=[], *, log={}):
    seen.append(step)
    log[step % 7] = len(seen)
    counts["moves"] += 1
    move.calls = getattr(move, "calls", 0) + 1
    return len(seen) * 3 + len(log)


def memo(function):
    cache = {}

    @functools.wraps(function)
    def remembered(n):
        if n not in cache:
            cache[n] = function(n)
        return cache[n] + len(cache)
    return remembered


@memo
def double(n):
    return 2 * n


class World:
    made = 0
    names = []

    def __init__(self, name):
        World.made += 1
        self.names.append(name)

    @classmethod
    def grow(cls, by, steps=[]):
        steps.append(by)
        return len(steps) + cls.made
'''
SCRIPT = '''
import own
from own import World, counts, move

total = 0
for step in range(60):
    total = (total * 31 + move(step) + own.double(step % 11)) % 1000003
    if step % 6 == 0:
        World(step)
    total += World.grow(step)
    for wait in range(300000):
        pass
print(total, counts, move.calls, World.made, World.names, len(move.__defaults__[0]),
      counts is own.counts)
'''


def test_module_state__of_functions_and_classes_goes_on(tmp_path):
    (tmp_path / "own.py").write_text(MODULE)
    (tmp_path / "script.py").write_text(SCRIPT)
    expected = subprocess.run([sys.executable, "script.py"], cwd=tmp_path, check=True,
                              capture_output=True, text=True).stdout
    command = [unmodified.resume_command(), "run", "--every=0.02s", "--folder", "state", "--",
               sys.executable, "script.py"]
    kills, steps = 0, 0
    while steps < 200:
        steps += 1
        process = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, text=True, start_new_session=True)
        try:
            output, errors = process.communicate(timeout=0.25 if kills < 4 else 300)
            break
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            kills += 1
    assert process.returncode == 0, errors
    assert output == expected
    assert kills > 0
