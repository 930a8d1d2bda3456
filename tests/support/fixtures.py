"""Fixtures that several folders of tests share: seeds, counts, an empty working directory."""
import os
import random

import pytest

SCALE = int(os.environ.get("RESUME_SCALE", "1"))
HEAVY = os.environ.get("RESUME_HEAVY") == "1"
FAST = os.environ.get("RESUME_FAST") == "1"


@pytest.fixture
def amount():
    """amount(heavy, light, fast): how often a loop runs. Heavy for one Python of ./dev test, light
    for the others, fast with --fast; ./dev soak multiplies heavy by RESUME_SCALE."""
    def choose(heavy, light, fast=None):
        if FAST:
            return min(light, fast if fast is not None else light)
        return heavy * SCALE if HEAVY else light
    return choose


@pytest.fixture
def seed():
    """RESUME_SEED, or a new one; printed, so that a failure can be repeated."""
    number = int(os.environ.get("RESUME_SEED") or random.SystemRandom().randrange(1 << 32))
    print(f"RESUME_SEED={number}")
    return number


@pytest.fixture
def rng(seed):
    return random.Random(seed)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty working directory, and no RESUME_* variable of the user."""
    for name in list(os.environ):
        if name.startswith("RESUME_"):
            monkeypatch.delenv(name)
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    return work
