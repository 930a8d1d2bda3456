"""Programs of several calls, killed and run again: each call gives what it gave.

A call that has ended is the past of a new one only when its program has ended normally, too.
"""
import os

import pytest

# a program under a sanitizer takes longer to begin
SLOWER = 10 if os.environ.get("RESUME_SANITIZED") else 1

SEVERAL_CALLS = """
    import sys, time
    from resume import Checkpoint

    def analyse(name, data):
        chp = Checkpoint(key=name, rate=0)
        total, rows = 0, []
        chp.restore()
        for i, x in chp.loop(enumerate(data)):
            for y in chp.loop(range(3)):
                total = (total * 31 + x * y) % 1000003
                rows.append((i, y))
                time.sleep(0.002)
                chp.sync()
        chp.save()
        return total, len(rows), rows[-1]

    for name in "abcd":
        print(name, analyse(name, [ord(name) * j for j in range(8)]), flush=True)
"""

COUNTING_DOWN = """
    import os, signal, sys
    from resume import Checkpoint

    def compute_primes(n=10):
        chp = Checkpoint()
        primes, candidate = [2], 2
        chp.restore()
        while n > 0:
            candidate += 1
            if all(candidate % p for p in primes):
                primes.append(candidate)
                n -= 1
        chp.save()
        return primes

    print(len(compute_primes(10)), flush=True)
    how = sys.argv[1]
    if how == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    elif how == "raise":
        raise RuntimeError("something else failed")
    elif how == "fail":
        sys.exit(3)
    elif how == "twice":
        print(len(compute_primes(10)))
"""


def marks(program):
    return list((program.folder / ".checkpoints").glob(".run-*"))


def test_calls_that_ended_before_the_kill_give_what_they_gave(program, rng, amount, tmp_path):
    expected = program(SEVERAL_CALLS, folder=tmp_path / "whole").run().check().out
    for i in range(amount(20, 3)):
        killed = program(SEVERAL_CALLS, folder=tmp_path / f"pieces{i}")
        for _ in range(100):
            ran = killed.kill_after(rng.uniform(0.15, 0.5) * SLOWER)
            # killed in its last instructions, all of its output shown: that run has ended
            if not ran.killed or ran.out == expected:
                break
        # a mark may be left: of a process that was killed before it recorded its first end
        assert ran.out == expected, ran.err


@pytest.mark.parametrize("how", ["kill", "raise", "fail"])
def test_a_call_is_repeated_as_it_was_when_its_program_did_not_end_normally(program, how):
    run = program(COUNTING_DOWN, how)
    assert run.run().out == "11\n"
    assert len(marks(run)) == 1
    assert run.run().out == "11\n"
    assert run.run("well").check().out == "11\n"
    assert not marks(run)


def test_a_call_continues_one_of_a_program_that_ended_normally(program):
    run = program(COUNTING_DOWN, "well")
    assert run.run().check().out == "11\n"
    assert not marks(run)
    assert run.run().check().out == "21\n"


def test_a_second_call_in_the_same_program_continues_the_first(program):
    run = program(COUNTING_DOWN, "twice")
    assert run.run().check().out == "11\n21\n"
    assert run.run().check().out == "31\n41\n"


def test_a_call_of_a_live_process_is_the_past(program):
    source = COUNTING_DOWN.replace('if how == "kill"', """if how == "wait":
        import time
        time.sleep(60)
    elif how == "kill\"""")
    run = program(source, "well")
    with run.start(arguments=["wait"]) as alive:
        assert alive.stdout.readline() == "11\n"
        assert run.run().check().out == "21\n"
        alive.kill()
    assert run.run().check().out == "31\n"
