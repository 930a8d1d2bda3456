"""Nothing costs more than its size: instructions at two sizes (bench/growth.py)."""
import os
import pathlib
import shutil
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "bench"))
import growth  # noqa: E402

needs_valgrind = pytest.mark.skipif(
    os.environ.get("RESUME_HEAVY") == "0" or not shutil.which("valgrind") or
    "RESUME_SANITIZED" in os.environ, reason="counts with valgrind, on one Python")


def test_what_is_too_steep_is_told():
    assert growth.too_steep({"a": (100, 420), "open one of many": (100, 120)}) == []
    assert growth.too_steep({"a": (100, 1600)}) == [
        "a: 100 instructions, 1,600 for 4 times as much"]
    assert len(growth.too_steep({"open one of many": (100, 400)})) == 1


@needs_valgrind
def test_nothing_grows_faster_than_its_size():
    counts = growth.counted()
    assert growth.too_steep({growth.CONTROL: counts.pop(growth.CONTROL)})  # it would be noticed
    assert len(counts) == 22 and growth.too_steep(counts) == []
