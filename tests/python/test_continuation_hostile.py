"""Captured frames that were changed: refused, or gone on with, but never the end of the process.

Such a stream bears the user's own key: it was made with a stolen one, or by a resume with a bug.
RESUME_SEED=N repeats a run."""
import pathlib
import subprocess
import sys

import pytest

SCRIPT = pathlib.Path(__file__).parents[1] / "support" / "hostile_frames.py"


@pytest.mark.random
def test_changed_frames_do_not_crash(seed, amount):
    count = amount(3000, 1500, fast=300)
    ran = subprocess.run([sys.executable, "-W", "ignore", SCRIPT, str(seed), str(count)],
                         capture_output=True, text=True, timeout=600)
    assert ran.returncode == 0, (seed, ran.stderr[-2000:])
    read, tried = map(int, ran.stdout.splitlines()[-1].split())
    assert tried == count and count // 10 < read < count  # both ends are reached
