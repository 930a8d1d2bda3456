"""The n-th allocation of the interpreter fails, for every n: an exception, and nothing is lost."""
import os
import sys
import warnings

import pytest

import resume
from resume import Checkpoint

_testcapi = pytest.importorskip("_testcapi")


class Cut(Exception):
    pass


def work(cut_off, items):
    chp = Checkpoint("m", rate=0)
    x, data = 1, {"a": [1, 2.5, "x"], "b": (None, True)}  # noqa: F841
    chp.restore()
    x += 1
    items.append(x)
    chp["k"] = x
    chp.save()
    if cut_off:
        raise Cut
    return x


def newest():
    try:
        return resume.load("m")["x"]
    except resume.CheckpointNotFound:
        return 0


@pytest.mark.skipif(not hasattr(_testcapi, "set_nomemory"), reason="this _testcapi can't")
@pytest.mark.skipif(hasattr(sys, "gettotalrefcount") and sys.version_info >= (3, 13),
                    reason="an assertion of debug builds: keys() of the locals of a frame")
def test_every_allocation_fails_once(folder, amount):
    seen, failures, n, last = 0, 0, 0, 0
    step = amount(1, 23, 97)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        while True:
            _testcapi.set_nomemory(n, n + 1)
            try:
                work(n % 2, [0])
                failed = False
            except Cut:
                failed = False
            except (MemoryError, resume.ResumeError):
                failed = True
            except RuntimeError as error:  # torch, where another test has imported it
                assert type(error).__name__ == "OutOfMemoryError"
                failed = True
            except SystemError as error:  # keys() of the locals of a frame gives both
                assert "FrameLocalsProxy" in str(error), error
                assert isinstance(error.__cause__, MemoryError)
                failed = True
            finally:
                _testcapi.remove_mem_hooks()
            now = newest()
            assert now >= seen, f"allocation {n}: {seen} was saved, {now} is there"
            seen, failures, last = now, failures + failed, n if failed else last
            n += step
            if n - last > 2_000:  # the call has fewer
                break
    assert failures > 20 and seen > 1


def test_no_memory_is_lost_by_many_calls(folder):
    def peak():
        with open("/proc/self/statm") as file:
            return int(file.read().split()[1])

    def call():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            work(False, [0])
    for _ in range(30):
        call()
    before, blocks = peak(), sys.getallocatedblocks()
    for _ in range(100):
        call()
    assert sys.getallocatedblocks() - blocks < 2_000
    if "asan" not in os.environ.get("LD_PRELOAD", ""):  # a sanitizer keeps what is freed
        assert peak() - before < 1_000  # pages
