"""Objects of libraries go on in a fresh process, to the same result; of those that are there."""
import os
import pathlib
import subprocess
import sys

import pytest
from fixtures import HEAVY

pytest.importorskip("numpy")
CASES = pathlib.Path(__file__).resolve().parents[1] / "support" / "library_cases.py"


def run(what, folder):
    environment = {**os.environ, "RESUME_KEY_FILE": str(folder / "key"), "RESUME_QUIET": "1"}
    done = subprocess.run([sys.executable, "-W", "ignore", CASES, what, folder / "states"],
                          env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.split("\n")[:-1]


@pytest.mark.skipif(not HEAVY, reason="runs with one Python")
def test_libraries__go_on_in_another_process(tmp_path):
    (tmp_path / "states").mkdir(mode=0o700)
    saved = run("save", tmp_path)
    assert "saved numpy_objects" in saved
    assert run("go_on", tmp_path) == [line.replace("saved", "same") for line in saved]
