"""Instructions of the hot paths are those that are recorded (bench/instructions.py)."""
import os
import pathlib
import shutil
import subprocess
import sys

import pytest

PROGRAM = pathlib.Path(__file__).parents[2] / "bench" / "instructions.py"
sys.path.insert(0, str(PROGRAM.parent))
import instructions  # noqa: E402

PROFILE = """
fn=outer
1 10
cfn=inner
calls=3 7
1 300
cfn=inner
calls=1 7
1 140
"""


def test_costs_are_read_from_a_profile():
    assert instructions.costs(PROFILE) == {"inner": (4, 440)}


def test_what_differs_is_told():
    recorded = {"toolchain": "here", "counts": {"a": 100.0, "b": 300.0}}
    near, far = {"a": 102.0, "b": 298.0}, {"a": 104.0, "b": 300.0}
    assert instructions.compared(near, recorded, "here") == []
    assert instructions.compared(far, recorded, "here") == [
        "a: 104 instructions, 100 are recorded (+4.0%)"]
    assert instructions.compared(far, recorded, "elsewhere") == []
    assert len(instructions.compared({"a": 300.0, "b": 300.0}, recorded, "elsewhere")) == 1


@pytest.mark.skipif(os.environ.get("RESUME_HEAVY") == "0", reason="on one Python")
@pytest.mark.skipif(not shutil.which("valgrind"), reason="counts with valgrind")
@pytest.mark.skipif("RESUME_SANITIZED" in os.environ, reason="a sanitizer's instructions")
def test_hot_paths_take_the_instructions_that_are_recorded():
    ran = subprocess.run([sys.executable, PROGRAM], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
