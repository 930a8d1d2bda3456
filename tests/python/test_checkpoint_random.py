"""Row 6: random generators."""
import random

import pytest

import resume
from resume import Checkpoint

def test_the_same_results_as_if_never_interrupted(program, tmp_path):
    pytest.importorskip("numpy")
    source = """
        import os, random
        import numpy as np
        from resume import Checkpoint

        def main():
            chp = Checkpoint()
            placeholder = random.random(), float(np.random.random())
            rng, own = np.random.default_rng(1), random.Random(2)
            out = [placeholder]
            chp.restore()
            while len(out) < 8:
                out.append((random.random(), float(np.random.random()), float(rng.random()),
                            own.random(), float(np.random.normal()), random.gauss(0, 1)))
                chp.save()
                if os.environ.get("KILL") == str(len(out)): os.kill(os.getpid(), 9)
            return out, placeholder
        if not os.environ.get("UNSEEDED"):
            random.seed(5); np.random.seed(5)
        print(main(), random.random(), np.random.random())
    """
    whole = program(source, folder=tmp_path / "whole").run().check().out
    pieces = program(source, folder=tmp_path / "pieces")
    assert pieces.run(KILL="3").killed
    assert pieces.run(KILL="6", UNSEEDED="1").killed
    assert pieces.run(UNSEEDED="1").check().out == whole


def draw(n=3):
    chp = Checkpoint()
    got = []
    chp.restore()
    start = len(got)
    for _ in range(n):
        got.append(random.random())
    chp.save()
    return got[start:]


def test_a_function_called_four_times_does_not_draw_the_same_numbers(folder):
    random.seed(1)
    rounds = [tuple(draw()) for _ in range(4)]
    assert len(set(rounds)) == 4
    random.seed(1)
    assert [x for one in rounds for x in one] == [random.random() for _ in range(12)]


def test_an_ended_call_sets_the_generators_in_a_new_process(program):
    script = program("""
        import random
        from resume import Checkpoint
        def draw():
            chp = Checkpoint()
            got = []
            chp.restore()
            got.append(random.random())
            chp.save()
            return got
        print(draw())
    """)
    first = eval(script.run().check().out)
    second = eval(script.run().check().out)
    assert second[0] == first[0] and len(set(second)) == 2


def test_opening_after_an_ended_call_leaves_them_alone(folder):
    draw()
    random.seed(7)
    before = random.getstate()

    def look():
        chp = Checkpoint("test_checkpoint_random.draw")
        return chp.fresh
    assert look() is False
    assert random.getstate() == before


class Cut(Exception):
    pass


FIRST = []


def same_call(out):
    chp = Checkpoint()
    first = random.random()
    FIRST.append(first)
    n = 0
    chp.restore()
    n += 1
    out.append(first)
    second = random.random()
    chp.save()
    third = random.random()
    if n < 3:
        raise Cut((first, second, third))
    return first, second, third, n


def test_placeholders_are_recomputed_alike(folder):
    random.seed(3)
    with pytest.raises(Cut) as one:
        same_call([])
    random.seed(99)
    with pytest.raises(Cut) as two:
        same_call([])
    first, second, third = one.value.args[0]
    again, continued, _ = two.value.args[0]
    assert again == FIRST[-1] == first  # the placeholder drew the same number
    assert continued == third  # and after restore() it goes on where the save stood


def test_no_rewinding_while_another_checkpoint_is_active(folder):
    random.seed(3)
    with pytest.raises(Cut):
        same_call([])

    def outer():
        chp = Checkpoint("outer")
        random.seed(11)
        expected = random.Random(11).random()
        with pytest.raises(Cut), pytest.warns(resume.ResumeWarning, match="'first' is"):
            same_call([])
        assert FIRST[-1] == expected
        return chp
    outer()


def test_random_state_false_turns_it_off(folder):
    def work(n):
        chp = Checkpoint("off", random_state=False, skip=["n"])
        x = 0
        chp.restore()
        x += 1
        chp.save()
        if x == 1:
            raise Cut
        return random.random()
    random.seed(1)
    with pytest.raises(Cut):
        work(1)
    random.seed(2)
    assert work(1) == random.Random(2).random()


def test_generators_in_the_state_keep_seed_sequence_and_spawn_count(folder):
    numpy = pytest.importorskip("numpy")

    def work():
        chp = Checkpoint("gen")
        rng, old, own = numpy.random.default_rng(1), numpy.random.RandomState(2), random.Random(3)
        report = chp.restore()
        if report:
            return rng, old, own
        rng.random(10), old.random_sample(3), own.random()
        rng.spawn(2)
        chp.save()
        work.expected = rng.random(), rng.spawn(1)[0].random(), old.random_sample(), own.random()
        raise Cut
    with pytest.raises(Cut):
        work()
    rng, old, own = work()
    assert (rng.random(), rng.spawn(1)[0].random(), old.random_sample(), own.random()) \
        == work.expected
    assert resume.load("gen")["rng"].random() is not None
