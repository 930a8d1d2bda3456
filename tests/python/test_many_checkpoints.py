"""Making a checkpoint costs the same in a folder of any number of others: system calls, counted."""
import collections

import pytest

import survive

pytestmark = pytest.mark.skipif(not survive.has_strace(), reason="strace can't trace here")

SMALL, LARGE = 10, 400

BEGINNING = """
    import os, sys, warnings
    import resume
    warnings.simplefilter("ignore")
    others = int(os.environ["OTHERS"])

    def by_name(number):
        with resume.Checkpoint(f"c{number}", rate="never", only="number") as chp:
            chp.save()

    @resume.resumable(rate="never")
    def keyed(number):
        resume.save()
        return number

    @resume.resumable(rate="never", cache=True)
    def cached(number):
        resume.save()
        return number
"""

ONE_MORE = """
    for number in range(others):
        {what}(number)
    os.access("BEGIN", 0)
    {what}(others)
    os.access("END", 0)
"""

AGAIN = """
    for number in range(others):
        {what}(number)
    os.access("BEGIN", 0)
    {what}({again})
    os.access("END", 0)
"""


def counted(work, others, log):
    """{system call: how many between the marks}"""
    work.forget()
    calls = work.calls_between("BEGIN", "END", log, OTHERS=str(others))
    return collections.Counter(name for name, _ in calls)


@pytest.mark.parametrize("what", ["by_name", "keyed", "cached"])
@pytest.mark.parametrize("rest", [ONE_MORE, AGAIN], ids=["one more", "again"])
def test_a_checkpoint_costs_the_same_among_many(program, tmp_path, what, rest):
    work = program(BEGINNING + rest.format(what=what, again=2))
    few = counted(work, SMALL, tmp_path / "few.txt")
    many = counted(work, LARGE, tmp_path / "many.txt")
    assert few["fsync"] or few["openat"]
    assert "getdents64" not in many
    assert many.keys() - {"brk", "mmap", "munmap"} == few.keys() - {"brk", "mmap", "munmap"}
    for name in ("openat", "newfstatat", "read", "pread64", "fsync", "renameat2"):
        assert many[name] == few[name], name
