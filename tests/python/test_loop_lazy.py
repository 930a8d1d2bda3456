"""chp.loop over what has no position of its own, and over iterators that restore() brought back."""
import csv
import io
import itertools
import pathlib
import random

import pytest
from cut_loop import STOP_AT, Killed, cut
from resume import Checkpoint


def forget(folder):
    for path in folder.glob(".checkpoints/*"):
        if path.is_file():
            path.unlink()


def numbers(count):
    for number in range(count):
        yield number * number


def drawn(count):
    for _ in range(count):
        yield random.random()


def a_file():
    return open(__file__, encoding="utf-8")  # noqa: SIM115


LAZY = {
    "generator": lambda: numbers(6),
    "generator_random": lambda: drawn(6),
    "enumerate_generator": lambda: enumerate(numbers(6), 3),
    "zip_generator": lambda: zip(numbers(5), "abcdef"),
    "map": lambda: map(abs, range(-3, 3)),
    "filter": lambda: filter(None, [0, 1, 2, 0, 3]),
    "callable": lambda: iter([1, 2, 3, 4, 5].pop, 1),
    "chain": lambda: itertools.chain([1], [2], [3, 4]),
    "count": lambda: itertools.islice(itertools.count(5, 3), 7),
    "count_float": lambda: itertools.islice(itertools.count(0.1, 0.1), 7),
    "counted": lambda: zip(itertools.count(5, 3), range(6)),
    "cycle": lambda: itertools.islice(itertools.cycle("abc"), 7),
    "product": lambda: itertools.product("ab", (1, 2, 3)),
    "groups": lambda: (key for key, _ in itertools.groupby("aabbcda")),
    "lines": lambda: io.StringIO("a\nb\nc\n"),
    "file": lambda: itertools.islice(a_file(), 8),
    "rows": lambda: csv.reader(["a,b", "c,d", "e,f"]),
    "class_iter": lambda: type("Bag", (), {"__iter__": lambda self: numbers(4)})(),
}


@pytest.mark.parametrize("name", LAZY)
def test_loop__makes_finished_items_again(name, folder):
    make = LAZY[name]
    random.seed(7)
    whole = list(make())
    for stop in range(1, len(whole) + 2):
        random.seed(7)
        result, calls = None, 0
        while result is None:
            result = cut(make, stop)
            calls += 1
            assert calls <= len(whole) + 2
        assert result == whole
        forget(folder)


def over_variable(make, stop):
    """The iterator is a variable made before restore(): it comes back at its position."""
    def call():
        chp = Checkpoint("variable", rate=0)
        items, iterator = [], make()
        chp.restore()
        count = 0
        for item in chp.loop(iterator):
            if count == STOP_AT[0]:
                raise Killed
            count += 1
            items.append(item)
            chp.sync()
        return items
    STOP_AT[0] = stop
    try:
        return call()
    except Killed:
        return None


def over_enumerated_variable(make, stop):
    def call():
        chp = Checkpoint("variable", rate=0)
        items, iterator = [], make()
        chp.restore()
        count = 0
        for number, item in chp.loop(enumerate(iterator)):
            if count == STOP_AT[0]:
                raise Killed
            count += 1
            assert number == len(items)
            items.append(item)
            chp.sync()
        return items
    STOP_AT[0] = stop
    try:
        return call()
    except Killed:
        return None


def over_mapped_variable(make, stop):
    def call():
        chp = Checkpoint("variable", rate=0)
        items, iterator = [], make()
        chp.restore()
        count = 0
        for item in chp.loop(x for x in iterator):
            if count == STOP_AT[0]:
                raise Killed
            count += 1
            items.append(item)
            chp.sync()
        return items
    STOP_AT[0] = stop
    try:
        return call()
    except Killed:
        return None


VARIABLES = {
    "list": lambda: iter([1, 2, 3, 4, 5]), "dict": lambda: iter({1: 2, 3: 4, 5: 6}.items()),
    "map": lambda: map(abs, range(-3, 3)), "product": lambda: itertools.product("ab", (1, 2)),
    "file": lambda: open(SHORT, encoding="utf-8"),  # noqa: SIM115
    "binary": lambda: open(SHORT, "rb"),  # noqa: SIM115
}
SHORT = pathlib.Path(__file__).with_name("conftest.py")


@pytest.mark.parametrize("run", [over_variable, over_enumerated_variable, over_mapped_variable])
@pytest.mark.parametrize("name", VARIABLES)
def test_loop__over_an_iterator_that_came_back(name, run, folder):
    make = VARIABLES[name]
    whole = list(make())
    for stop in (1, 2, 5):
        result = None
        while result is None:
            result = run(make, stop)
        assert result == whole, stop
        forget(folder)


def nested(make):
    """The outer item in progress is handed out again, though its iterator came back behind it."""
    def call():
        chp = Checkpoint("nested", rate=0)
        items, iterator = [], make()
        chp.restore()
        count = 0
        for outer in chp.loop(enumerate(iterator)):
            for inner in chp.loop(range(3)):
                if count == STOP_AT[0]:
                    raise Killed
                count += 1
                items.append((outer, inner))
                chp.sync()
        return items
    try:
        return call()
    except Killed:
        return None


@pytest.mark.parametrize("make", [lambda: iter([[1], [2], [3]]), lambda: map(str, range(3)),
                                  lambda: (x for x in "abc")], ids=["list", "map", "generator"])
def test_loop__item_in_progress_comes_again(make, folder):
    whole = [((number, item), inner) for number, item in enumerate(make()) for inner in range(3)]
    for stop in range(1, 11):
        STOP_AT[0] = stop
        result = None
        while result is None:
            result = nested(make)
        assert result == whole, stop
        forget(folder)


def test_loop__under_a_progress_bar(folder):
    tqdm = pytest.importorskip("tqdm").tqdm
    shown = [io.StringIO(), io.StringIO()]

    def call():
        chp = Checkpoint("bar", rate=0)
        total = 0
        chp.restore()
        with tqdm(chp.loop(range(10)), file=shown[STOP_AT[0] > 9], mininterval=0) as bar:
            for count, number in enumerate(bar):
                if count == STOP_AT[0]:
                    raise Killed
                total += number
                chp.sync()
        return total, bar.n, bar.total
    STOP_AT[0] = 4
    with pytest.raises(Killed):
        call()
    STOP_AT[0] = 99
    assert call() == (45, 10, 10)
    bars = shown[1].getvalue().split("\r")
    assert any("| 5/10" in bar for bar in bars) and "| 10/10" in bars[-1]
    assert not any("| 2/10" in bar for bar in bars), "it counts from where the loop goes on"


def test_loop__has_the_length_of_the_whole(folder):
    chp = Checkpoint("length")
    chp.restore()
    loop = chp.loop([1, 2, 3])
    next(loop)
    assert len(loop) == 3 and loop.__length_hint__() == 2 and bool(chp.loop([]))
    with pytest.raises(TypeError, match="number of items is not known"):
        len(chp.loop(x for x in [1]))
    assert list(chp.loop(x for x in [1])) == [1]
