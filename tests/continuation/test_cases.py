"""Each case is killed at every save, and at each save in turn, and must give what a run gives that
was never interrupted: the same value, the same lines of its log, each once."""
import importlib
import importlib.util
import os
import random
import sys

import pytest

import cases

MODULES = ["loops", "calls", "exceptions", "generators", "values"]
if sys.version_info >= (3, 12):
    MODULES.append("generics")
if sys.version_info >= (3, 14):
    MODULES.append("modern")
if importlib.util.find_spec("numpy"):
    MODULES.append("arrays")
for module in MODULES:
    importlib.import_module("cases." + module)
NAMES = [function.__module__.split(".")[1] + "." + function.__name__ for function in cases.ALL]
SCALE = int(os.environ.get("RESUME_SCALE", "1"))


# on the first Python all saves of all cases, on the others some that differ from run to run
HEAVY = os.environ.get("RESUME_HEAVY", "1") == "1" and os.environ.get("RESUME_FAST") != "1"
PART = ["--every", "6", "--first", str(random.randrange(6))]
ALL = [] if HEAVY else PART


# a third of the cases on each other Python, another third on the next
MINE = NAMES if HEAVY or SCALE > 1 else NAMES[sys.version_info[1] % 3::3]


def some(start, step):
    """Names to run in another way, at a part of their saves: all names in a soak."""
    return NAMES if SCALE > 1 else NAMES[start::step if HEAVY else 4 * step]


def check(report):
    assert report["wrong"] == []
    assert report["saves"] > 0


@pytest.mark.parametrize("name", MINE)
def test_case__killed_at_every_save(drive, name):
    check(drive(name, *ALL))


@pytest.mark.parametrize("name", some(0, 5))
def test_case__of_specialised_code(drive, name):
    check(drive(name, "--warm", *PART))


@pytest.mark.parametrize("name", some(1, 12))
def test_case__in_new_processes(drive, name):
    check(drive(name, "--new", *PART))


@pytest.mark.parametrize("name", some(2, 9))
def test_case__under_settrace(drive, name):
    check(drive(name, "--trace", "settrace", *PART))


@pytest.mark.skipif(sys.version_info < (3, 12), reason="no sys.monitoring before 3.12")
@pytest.mark.parametrize("name", some(3, 3))
def test_case__under_monitoring(drive, name):
    check(drive(name, "--trace", "monitoring", *PART))
