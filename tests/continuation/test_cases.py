"""Each case is killed at every save, and at each save in turn, and must give what a run gives that
was never interrupted: the same value, the same lines of its log, each once."""
import importlib
import importlib.util
import os
import sys

import pytest

import cases

MODULES = ["loops", "calls", "exceptions", "generators", "values"]
if sys.version_info >= (3, 14):
    MODULES.append("modern")
if importlib.util.find_spec("numpy"):
    MODULES.append("arrays")
for module in MODULES:
    importlib.import_module("cases." + module)
NAMES = [function.__module__.split(".")[1] + "." + function.__name__ for function in cases.ALL]
SCALE = int(os.environ.get("RESUME_SCALE", "1"))


def check(report):
    assert report["wrong"] == []
    assert report["saves"] > 0


@pytest.mark.parametrize("name", NAMES)
def test_case__killed_at_every_save(drive, name):
    check(drive(name))


@pytest.mark.parametrize("name", NAMES[::1 if SCALE > 1 else 5])
def test_case__of_specialised_code(drive, name):
    check(drive(name, "--warm"))


@pytest.mark.parametrize("name", NAMES[1::1 if SCALE > 1 else 9])
def test_case__in_new_processes(drive, name):
    check(drive(name, "--new"))


@pytest.mark.parametrize("name", NAMES[2::1 if SCALE > 1 else 9])
def test_case__under_settrace(drive, name):
    check(drive(name, "--trace", "settrace"))


@pytest.mark.skipif(sys.version_info < (3, 12), reason="no sys.monitoring before 3.12")
@pytest.mark.parametrize("name", NAMES[3::1 if SCALE > 1 else 9])
def test_case__under_monitoring(drive, name):
    check(drive(name, "--trace", "monitoring"))
