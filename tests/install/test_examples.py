"""The examples in C, C++ and Fortran are built as users build them, and killed until they end.

SIGKILL at random moments, and in each save in turn. What this does not show: a power cut, in which
what was written but not synced is lost (tests/c/test_power.c).
"""
import re
import shutil
import time

import pytest
import survive
from installed import ROOT, compilers

import resume

EXAMPLES = ROOT / "examples"
# source, its arguments, its checkpoint, and where a saved state stands
PROGRAMS = {
    "c/heat.c": ((60, 0.01), "heat.main", lambda state: state["step"]),
    "c/primes.c": ((200000, 0.01), "primes.main", lambda state: state["candidate"]),
    "c/nbody.c": ((40000, 0.01), "nbody.main", lambda state: state["sim"]["step"]),
    "c/montecarlo.c": ((20000, 0.01), "montecarlo.main",
                       lambda state: int.from_bytes(state["seen"][:8], "little")),
    "cpp/walk.cpp": ((1500000, 0.01), "walk", lambda state: state["step"]),
    "fortran/wave.f90": ((3000, 0.02), "wave", lambda state: state["step"]),
}
CASES = [pytest.param(source, compiler, static, id=f"{source}-{compiler}{'-static' * static}")
         for source in PROGRAMS for compiler in compilers(source.split("/")[0])
         for static in ([False, True] if compiler == "gcc" and source == "c/primes.c" else [False])]


class Example:
    """One example, how it ends when nobody kills it, and where its checkpoint stands."""

    def __init__(self, installed, program, tmp_path, source, compiler, static=False):
        arguments, self.name, self.position = PROGRAMS[source]
        path = installed.build(compiler, EXAMPLES / source, static=static)
        self.work = program(path, *arguments)
        self.whole = program(path, *arguments, folder=tmp_path / "whole")
        start = time.monotonic()
        self.expected = self.whole.run().check().out
        self.seconds = time.monotonic() - start
        self.at = 0

    def look(self):
        """The checkpoint never goes back, and is always readable."""
        path = self.work.folder / ".checkpoints" / self.name
        before = self.at
        self.at = self.position(resume.load(path)) if path.exists() else 0
        assert self.at >= before


@pytest.mark.random
@pytest.mark.parametrize(("source", "compiler", "static"), CASES)
def test_killed_at_random_until_it_ends(installed, program, tmp_path, rng, amount, source,
                                        compiler, static):
    example = Example(installed, program, tmp_path, source, compiler, static)
    assert example.whole.run().check().out == example.expected  # once more after its end
    hits = 0
    for _ in range(amount(4, 2, 1)):
        ran = example.work.kill_after(rng.uniform(0, example.seconds))
        if not ran.killed or ran.out == example.expected:
            break
        hits += 1
        example.look()
    else:
        ran = example.work.run().check()
    assert ran.out == example.expected, f"after {hits} kills, the last at {example.at}\n{ran.err}"
    print(f"{hits} kills")


@pytest.mark.skipif(not survive.has_strace(), reason="strace can't trace here")
@pytest.mark.parametrize("source", PROGRAMS)
def test_killed_in_each_save_until_it_ends(installed, program, tmp_path, amount, source):
    """SIGKILL when a thread enters its n-th fdatasync: the first process in its first one,
    the next in its second, and so on. What was written stays in the page cache: the kill decides
    whether the save is whole, and the program goes on from it or from the one before."""
    compiler = compilers(source.split("/")[0])[0]
    example = Example(installed, program, tmp_path, source, compiler)
    moved = set()
    for nth in range(1, amount(7, 4, 3)):
        ran = example.work.kill_at_call("fdatasync", nth, tmp_path / "trace")
        if not ran.killed:
            break
        example.look()
        moved.add(example.at)
    ran = example.work.run().check()
    assert ran.out == example.expected, f"{moved}\n{ran.err}"
    assert len(moved) > 1, moved  # it did go on, and was not just started over


@pytest.mark.skipif(not shutil.which("valgrind"), reason="no valgrind")
@pytest.mark.parametrize(("source", "steps"), [("c/nbody.c", 30), ("c/montecarlo.c", 5),
                                               ("cpp/walk.cpp", 40), ("fortran/wave.f90", 5)])
def test_valgrind_finds_nothing(installed, program, source, steps):
    """A first run that saves in every step, and a second one that restores."""
    if installed.flags:
        pytest.skip("the sanitizer looks already")
    path = installed.build(compilers(source.split("/")[0])[0], EXAMPLES / source)
    work = program(path, steps, -1)
    for _ in range(2):
        process = work.start("valgrind", "--quiet", "--leak-check=full", "--error-exitcode=9")
        out, err = process.communicate(timeout=120)
        assert process.returncode == 0 and out, err


def test_the_compile_lines_in_the_examples_are_true(installed, tmp_path):
    """Each example says at its top how it is compiled: what it names is what is needed."""
    for source in PROGRAMS:
        text = (EXAMPLES / source).read_text()
        line = re.search(r"^(?:\W*)((?:cc|c\+\+|gfortran) .*)$", text, re.M)[1]
        assert source.split("/")[1] in line and "pkg-config" in line, source
        assert ("-lm" in line) == ("#include <math.h>" in text), source
