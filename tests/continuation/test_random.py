"""Random programs are killed at their saves; the seed is printed, RESUME_SEED takes it back."""
import json
import os
import pathlib
import subprocess
import sys

import pytest

HERE = pathlib.Path(__file__).resolve().parent


@pytest.mark.random
def test_random_programs__go_on_after_every_kill(tmp_path, seed, amount):
    kills = amount(300, 60, 60)
    done = subprocess.run([sys.executable, str(HERE / "run_random.py"), str(seed % 10**6),
                           str(kills), str(tmp_path)], capture_output=True, text=True,
                          env=dict(os.environ, PYTHONMALLOC="debug"))
    assert done.returncode == 0, done.stderr[-3000:]
    report = json.loads(done.stdout)
    print({key: report[key] for key in ("kills", "programs", "seeds")})
    assert report["wrong"] == []
    assert report["kills"] >= kills
