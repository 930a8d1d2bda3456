"""What the tests of the installed library share: one installation, programs built from it."""
import os
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))
import survive  # noqa: E402
from fixtures import amount, folder, rng, seed  # noqa: E402, F401
from installed import ROOT, Installed  # noqa: E402


@pytest.fixture(scope="session")
def installed(tmp_path_factory):
    """The library of RESUME_BUILD (else build/c), installed in a folder of its own."""
    build = pathlib.Path(os.environ.get("RESUME_BUILD") or ROOT / "build/c")
    if not (build / "build.ninja").exists():
        pytest.exit(f"{build} is not built: run ./dev test, or set RESUME_BUILD")
    return Installed(build, tmp_path_factory.mktemp("installed"))


@pytest.fixture
def program(tmp_path):
    """program(executable, *arguments, folder=None): a Compiled of tests/support/survive.py."""
    def make(path, *arguments, folder=None, **environment):
        return survive.Compiled(folder or tmp_path / "run", path, *arguments, **environment)
    return make


@pytest.fixture
def compiled(installed, tmp_path, program):
    """compiled(compiler, text, *flags): a program of that text, ready to run."""
    def make(compiler, text, *flags, name="program", static=False, **environment):
        suffix = {"g++": ".cpp", "clang++": ".cpp", "gfortran": ".f90"}.get(compiler, ".c")
        source = tmp_path / (name + suffix)
        source.write_text(text)
        return program(installed.build(compiler, source, *flags, static=static), **environment)
    return make
