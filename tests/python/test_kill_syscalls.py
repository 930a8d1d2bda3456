"""SIGKILL at every system call of a save: the last acknowledged generation or the newer one.

The program tells each save that has returned; what the next process restores is compared with that.
This says nothing about power loss: the page cache survives a killed process.
"""
import re

import pytest
import survive

pytestmark = pytest.mark.skipif(not survive.has_strace(), reason="strace can't trace here")

# Six saves, marked in the trace; the arrays make the file grow, so that the saves differ: the first
# makes the file, later ones append, the array changes in part, and the call is ended at last.
SOURCE = """
    import os
    import sys
    from resume import Checkpoint

    def work(total):
        chp = Checkpoint("work", rate=3600)
        step, history, block = 0, [], bytearray(300_000)
        chp.restore()
        print("restored", step, flush=True)
        while step < total:
            step += 1
            history.append(step * step)
            block[step * 1000 : step * 1000 + 8] = step.to_bytes(8, "little")
            os.access(f"begin-{step}", 0)
            chp.save()
            os.access(f"end-{step}", 0)
            print("saved", step, flush=True)
        os.access("begin-end", 0)
        chp.done()
        os.access("end-end", 0)
        return step, sum(history), sum(block)

    print("result", *work(4))
"""
MARKS = ["1", "2", "4", "end"]


def numbers(word, text):
    return [int(number) for number in re.findall(rf"^{word} (\d+)$", text, re.M)]


def kill_everywhere(program, mark, tmp_path):
    """How many kills hit inside the save `mark`, and how many went by."""
    calls = program.calls_between(f"begin-{mark}", f"end-{mark}", tmp_path / "trace")
    expected = program.run().out.splitlines()[-1]
    hits = misses = 0
    for name, nth in calls:
        program.forget()
        ran = program.kill_at_call(name, nth, tmp_path / "trace")
        acknowledged = max(numbers("saved", ran.out), default=0)
        if not ran.killed:
            misses += 1
            continue
        hits += 1
        again = program.run().check()
        restored = numbers("restored", again.out)[0]
        place = f"killed at {name} number {nth} of save {mark}\n{ran.out}\n{again.out}{again.err}"
        assert restored in (acknowledged, acknowledged + 1), place
        assert again.out.splitlines()[-1] == expected, place
    return hits, misses


@pytest.mark.parametrize("mark", MARKS)
def test_kill_at_every_system_call_of_a_save(program, tmp_path, amount, mark):
    if amount(1, 0) == 0 and mark != "2":
        pytest.skip("heavy: runs on one Python")
    work = program(SOURCE)
    work.run().check()  # warm: byte code and caches as in the runs that follow
    work.forget()
    hits, misses = kill_everywhere(work, mark, tmp_path)
    print(f"{hits} kills, {misses} missed")
    assert hits >= (2 if mark == "end" else 4)
    assert misses <= hits // 10


def test_kill_between_any_two_calls_from_opening_to_first_save(program, tmp_path, amount):
    """Opening, making the folder, the lock and the first file."""
    if amount(1, 0) == 0:
        pytest.skip("heavy: runs on one Python")
    work = program(SOURCE.replace('chp = Checkpoint(', 'os.access("begin-open", 0); '
                                  'chp = Checkpoint(').replace('chp.restore()',
                                                               'chp.restore(); '
                                                               'os.access("end-open", 0)'))
    work.run().check()
    work.forget()
    hits, misses = kill_everywhere(work, "open", tmp_path)
    print(f"{hits} kills, {misses} missed")
    assert hits >= 4
    assert misses <= hits // 10
