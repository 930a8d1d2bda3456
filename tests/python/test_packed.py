"""Lists of numbers over many saves: what is kept of them from one save to the next never shows."""
import gc
import math
import sys
import weakref

import pytest
import resume
from resume import Checkpoint

LONG = 4096  # from here on they are kept
pytestmark = pytest.mark.filterwarnings("ignore::resume.ResumeWarning")


class Same:
    """Lists that are saved and loaded again, compared by type and value."""

    def __init__(self, folder, lists):
        self.folder, self.lists = folder, lists
        self.chp = Checkpoint("packed", folder=folder, keep=1)

    def check(self):
        self.chp["lists"] = self.lists
        self.chp.save()
        got = resume.load(self.folder / "packed").extra["lists"]
        assert len(got) == len(self.lists)
        for old, new in zip(self.lists, got, strict=True):
            assert list(map(type, old)) == list(map(type, new))
            assert list(map(repr, old)) == list(map(repr, new))


def ints(rng, count):
    return [rng.randrange(-2**rng.choice((8, 40, 62)), 2**40) for _ in range(count)]


def floats(rng, count):
    return [rng.random() for _ in range(count)]


def other_values(rng):
    return [True, None, 2**64, -2**63, 2**63 - 1, "text", math.nan, float("nan"), -0.0, math.inf,
            1.5, 7, (), rng.random()]


def change(rng, lists):
    """One change of one list, as programs make them."""
    number = rng.randrange(len(lists))
    values = lists[number]
    make = ints if values and type(values[0]) is int else floats
    at = rng.randrange(len(values)) if values else 0
    what = rng.randrange(14)
    if what < 3:
        values.extend(make(rng, rng.choice((1, 2, 700))))
    elif what == 3 and values:
        values.pop()
    elif what == 4 and values:
        del values[at:at + rng.choice((1, 50, 3000))]
    elif what == 5:
        values.insert(at, make(rng, 1)[0])
    elif what in (6, 7) and values:
        values[at] = make(rng, 1)[0]
    elif what == 8 and values:
        values[at] = rng.choice(other_values(rng))
    elif what == 9:
        values[:] = [value for value in values if type(value) in (int, float)]
    elif what == 10:
        values[:] = rng.choice((ints, floats))(rng, rng.choice((0, 5, LONG, 3 * LONG)))
    elif what == 11:
        lists[number] = list(values)
    elif what == 12:
        rng.shuffle(lists)
    elif len(lists) > 2 and rng.random() < .5:
        del lists[number]
    else:
        lists.insert(number, rng.choice((ints, floats))(rng, rng.choice((10, LONG, 5 * LONG))))


@pytest.mark.random
def test_packed__histories(rng, amount, tmp_path):
    for history in range(amount(6, 3, 1)):
        folder = tmp_path / str(history)
        same = Same(folder, [ints(rng, 2 * LONG), floats(rng, 3 * LONG), ints(rng, 20)])
        same.check()
        for _ in range(40):
            for _ in range(rng.choice((0, 0, 1, 1, 3, 10))):
                change(rng, same.lists)
            same.check()
        same.chp.close()


@pytest.mark.parametrize("make", [ints, floats])
def test_packed__one_number_of_a_stable_list(make, rng, tmp_path):
    same = Same(tmp_path, [make(rng, 3 * LONG)])
    for at in (None, None, None, 0, 511, 512, 3 * LONG - 1, LONG + 7):
        if at is not None:
            same.lists[0][at] = make(rng, 1)[0]
        same.check()
    for change_it in (lambda v: v.extend(make(rng, 5)), lambda v: v.pop(), lambda v: v.pop(0),
                      lambda v: v.__delitem__(slice(LONG, None)), lambda v: v.extend(v),
                      lambda v: v.reverse(), lambda v: v.sort()):
        change_it(same.lists[0])
        for _ in range(4):
            same.check()


def test_packed__a_nan_that_others_have_is_that_one(rng, tmp_path):
    """Only what is itself in no other place is packed: also when it comes into a list that is kept,
    and when it is there before others have it."""
    nan = float("nan")
    values = floats(rng, 2 * LONG)
    chp = Checkpoint("nan", folder=tmp_path)
    for step in range(8):
        if step == 3:
            values[100] = nan
        if step == 5:
            values[200] = float("nan")
        chp["values"], chp["nan"] = values, values[200] if step > 5 else nan
        chp.save()
        got = resume.load(tmp_path / "nan").extra
        assert list(map(repr, got["values"])) == list(map(repr, values))
        if step >= 3:
            assert got["values"][200 if step > 5 else 100] is got["nan"]


class Float(float):
    """One that tells when it is gone."""


def test_packed__what_is_held_is_let_go(rng, tmp_path):
    value = 10.0**9 + rng.random()
    count = sys.getrefcount(value)
    values = [*floats(rng, LONG), value]
    chp = Checkpoint("held", folder=tmp_path)
    for _ in range(5):
        chp["values"] = values
        chp.save()
    assert sys.getrefcount(value) == count + 2  # the list, and what is kept
    chp["values"] = values = floats(rng, LONG)
    chp.save()
    assert sys.getrefcount(value) == count
    values.append(value)
    for _ in range(40):
        chp.save()
    assert sys.getrefcount(value) == count + 2
    del chp["values"], values
    chp.save()
    assert sys.getrefcount(value) == count
    values = chp["values"] = [*floats(rng, LONG), value]
    for _ in range(5):
        chp.save()
    assert sys.getrefcount(value) == count + 2
    chp.close()
    assert sys.getrefcount(value) == count + 1


def test_packed__of_a_subclass_nothing_is_held(tmp_path):
    values = [Float(i) for i in range(LONG)]
    gone = weakref.ref(values[7])
    chp = Checkpoint("subclass", folder=tmp_path)
    for _ in range(4):
        chp["values"] = values
        chp.save()
    values[7] = Float(1)
    gc.collect()
    assert gone() is None


def test_packed__each_checkpoint_for_itself(rng, tmp_path):
    values = ints(rng, 2 * LONG)
    both = [Same(tmp_path / name, [values]) for name in "ab"]
    for step in range(12):
        values[step] = step
        both[step % 2].check()
        both[0].check()


def test_packed__after_a_failed_save(rng, tmp_path):
    same = Same(tmp_path, [ints(rng, LONG), floats(rng, LONG)])
    for step in range(12):
        same.lists[0][step] = -step
        if step % 3 == 2:
            class Bad:
                def __reduce__(self):
                    raise KeyboardInterrupt
            same.chp["bad"] = Bad()
            with pytest.raises(KeyboardInterrupt):
                same.chp.save()
            del same.chp["bad"]
        same.check()
