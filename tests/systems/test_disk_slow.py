"""A disk that takes a hundred times as long as the computation: only the end waits for it."""
import contextlib
import os
import random
import subprocess
import sys
import time

import disks
import pytest

STEPS = 1500
PROGRAM = f"""
import hashlib, sys, time, resume
import numpy as np

def main():
    chp = resume.Checkpoint("slow", folder=sys.argv[1], rate=0.05)
    step, field = 0, np.zeros(1 << 17)
    chp.restore()
    first, longest = step, 0.0
    while step < {STEPS}:
        field = np.random.default_rng(step).random(field.size) + field / 2
        step += 1
        begun = time.monotonic()
        chp.sync()
        longest = max(longest, time.monotonic() - begun)
    print(hashlib.sha256(field.tobytes()).hexdigest())
    print("MEASURED", first, longest, file=sys.stderr)

main()
"""


@pytest.fixture
def slow_disk(tmp_path):
    """1 MiB takes half a second; the folder behind it, too."""
    if os.geteuid() != 0:
        pytest.skip("mounting wants root")
    if disks.run("which", "bindfs", check=False).returncode:
        pytest.skip("no bindfs")
    (tmp_path / "fast").mkdir()
    (tmp_path / "slow").mkdir()
    with contextlib.ExitStack() as stack:
        disks.run("bindfs", "--write-rate=2M", tmp_path / "fast", tmp_path / "slow")
        stack.callback(disks.unmount, tmp_path / "slow")
        yield tmp_path


def measured(talk):
    """(the step that it went on from, seconds of the longest sync())"""
    line, = [line for line in talk.splitlines() if line.startswith("MEASURED")]
    return int(line.split()[1]), float(line.split()[2])


def start(folder):
    return subprocess.Popen([sys.executable, "-c", PROGRAM, folder], text=True,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE)


@pytest.mark.random
def test_the_program_goes_on_and_survives(slow_disk, seed):
    rng = random.Random(seed)
    whole, talk = start(slow_disk / "fast" / "whole").communicate()
    assert whole, talk
    ends = time.monotonic()
    got, talk = start(slow_disk / "slow" / "uninterrupted").communicate()
    assert got == whole
    seconds = time.monotonic() - ends
    # each step is all new: had each waited for its save, it would have been 750 s
    assert seconds < 60 and measured(talk)[1] < 0.25, (seconds, talk)
    kills = 0
    while True:
        process = start(slow_disk / "slow" / "killed")
        try:
            got, talk = process.communicate(timeout=rng.uniform(0.5, 1.5) if kills < 5 else 60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            kills += 1
            continue
        assert process.returncode == 0, talk
        break
    assert got == whole
    assert kills >= 1
    print(f"{kills} kills, the last start went on from step {measured(talk)[0]} of {STEPS}")
