"""Unmodified programs under `resume run`: random kills, output byte for byte the same."""
import os

import pytest

import unmodified

SCALE = int(os.environ.get("RESUME_SCALE", "1"))
QUICK = ["nqueens", "go", "richards", "simulation", "report", "company", "files", "reading",
         "objects"]
NAMES = list(unmodified.PROGRAMS) if SCALE > 1 else QUICK


@pytest.mark.random
@pytest.mark.parametrize("name", NAMES)
def test_unmodified__survives_kills_at_random_moments(tmp_path, name, seed, amount):
    if not unmodified.is_there(name):
        pytest.skip("what it needs is not installed")
    kills, wrong = unmodified.kill_at_random(name, tmp_path, seed, min(amount(3, 1, 1), 50))
    print(f"{name}: {kills} kills")
    assert wrong is None
