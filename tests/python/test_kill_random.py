"""Random SIGKILLs at the demo programs: they end with the output of a run never interrupted."""
import pathlib
import time

import pytest
import survive

EXAMPLES = pathlib.Path(__file__).resolve().parent.parent.parent / "examples"
PROGRAMS = {"primes.py": "4000", "berlin52.py": "200"}


def uninterrupted(program, folder):
    """(output, seconds) of a run in another folder."""
    other = survive.Program(folder, program.path, *program.arguments)
    start = time.monotonic()
    return other.run(PYTHONHASHSEED=1).check().out, time.monotonic() - start


@pytest.mark.random
@pytest.mark.parametrize("name", PROGRAMS)
def test_random_kills_of_the_demo_programs(program, tmp_path, rng, amount, name):
    if name == "berlin52.py":
        pytest.importorskip("numpy")
    path = EXAMPLES / name
    expected, seconds = uninterrupted(program(path, PROGRAMS[name]), tmp_path / "whole")
    wanted, kills, round_ = amount(70, 8, 2), 0, 0
    while kills < wanted:
        round_ += 1
        work = program(path, PROGRAMS[name], folder=tmp_path / f"round-{round_}")
        # kills before the first save, and long after it
        ran, hits = survive.survive(work, wanted - kills, rng, max(0.3, seconds / 3),
                                    expected)
        kills += hits
        assert ran.out == expected, f"round {round_} after {hits} kills\n{ran.err}"
        assert kills or round_ < 50
    print(f"{kills} kills in {round_} rounds")


COUNTED = """
    import os
    import sys
    from resume import Checkpoint

    def work(total):
        chp = Checkpoint("work", rate=0)
        done, value = [], 1
        chp.restore()
        for i in chp.loop(range(total)):
            value = value * 6364136223846793005 % 2**64 + i
            done.append(i)
            chp.sync()
        return value, done

    value, done = work(400)
    print(value, done == list(range(400)), len(done))
"""


@pytest.mark.random
def test_each_iteration_is_in_the_result_exactly_once(program, tmp_path, rng, amount):
    work = program(COUNTED)
    whole = survive.Program(tmp_path / "whole", work.path)
    expected = whole.run().check().out
    assert expected.split()[1:] == ["True", "400"]
    ran, hits = survive.survive(work, amount(40, 5, 2), rng, 0.5, expected)
    assert ran.out == expected, f"after {hits} kills\n{ran.err}"
    print(f"{hits} kills")
