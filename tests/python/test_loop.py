"""chp.loop: what it accepts, where it goes on, what it tells.

In-process stand-in for a kill: an exception that ends the call, after which the same call is made
again. tests/python/test_survival_loops.py does it with SIGKILL.
"""
import array
import collections
import collections.abc
import gc
import itertools
import sys
import warnings
import weakref

import pytest
from cut_loop import STOP_AT, Killed, cut
from resume import Checkpoint, ResumeWarning


class Squares:
    """The old sequence protocol: ends with IndexError."""

    def __init__(self, n):
        self.n = n

    def __len__(self):
        return self.n

    def __getitem__(self, i):
        if i >= self.n:
            raise IndexError(i)
        return i * i


class Registered(Squares, collections.abc.Sequence):
    pass


class KeysByIter:
    """Like a graph: iterating gives keys, indexing takes keys."""

    def __len__(self):
        return 3

    def __getitem__(self, key):
        return {"a": 1, "b": 2, "c": 3}[key]

    def __iter__(self):
        yield from "abc"


def partly(iterator, count):
    for _ in range(count):
        next(iterator)
    return iterator


MAKERS = {
    "list": lambda: [1, 2, 3, 4],
    "tuple": lambda: (1, 2, 3),
    "text": lambda: "abc\u00e9",
    "ascii": lambda: "abcd",
    "bytes": lambda: b"abc",
    "bytearray": lambda: bytearray(b"abc"),
    "memoryview": lambda: memoryview(b"abc"),
    "range": lambda: range(3, 20, 4),
    "range_down": lambda: range(20, 3, -4),
    "range_long": lambda: range(10**20, 10**20 + 9, 4),
    "array": lambda: array.array("d", [1, 2, 3]),
    "deque": lambda: collections.deque([1, 2, 3]),
    "dict": lambda: {1: 2, 3: 4, 5: 6},
    "keys": lambda: {1: 2, 3: 4}.keys(),
    "values": lambda: {1: 2, 3: 4}.values(),
    "items": lambda: {1: 2, 3: 4}.items(),
    "ordered": lambda: collections.OrderedDict(a=1, b=2),
    "counter": lambda: collections.Counter("abca"),
    "reversed_list": lambda: reversed([1, 2, 3]),
    "reversed_tuple": lambda: reversed((1, 2, 3)),
    "reversed_range": lambda: reversed(range(5)),
    "reversed_dict": lambda: reversed({1: 2, 3: 4}),
    "reversed_items": lambda: reversed({1: 2, 3: 4}.items()),
    "reversed_class": lambda: reversed(Squares(4)),
    "enumerate": lambda: enumerate("abc", 10**30),
    "zip": lambda: zip([1, 2, 3], range(9), {1: 2, 3: 4, 5: 6}),
    "zip_strict": lambda: zip([1, 2], (3, 4), strict=True),
    "zip_nothing": lambda: zip(),
    "pairs": lambda: zip(*[iter(range(9))] * 2),
    "pairs_of_list": lambda: zip(*[iter([1, 2, 3, 4, 5])] * 2),
    "enumerate_zip": lambda: enumerate(zip(enumerate("abc"), reversed(range(3)))),
    "partly_list": lambda: partly(iter([1, 2, 3, 4, 5]), 2),
    "partly_range": lambda: partly(iter(range(9)), 4),
    "partly_reversed": lambda: partly(reversed(range(9)), 4),
    "partly_enumerate": lambda: partly(enumerate(range(9)), 4),
    "class": lambda: Squares(4),
    "sequence": lambda: Registered(4),
    "keys_by_iter": KeysByIter,
    "user_list": lambda: collections.UserList([1, 2, 3]),
    "user_dict": lambda: collections.UserDict({1: 2, 3: 4}),
    "empty": list,
}


def forget(folder):
    for path in folder.glob(".checkpoints/*"):
        if path.is_file():
            path.unlink()


@pytest.mark.parametrize("name", MAKERS)
def test_loop__goes_on_behind_what_is_finished(name, folder):
    make = MAKERS[name]
    whole = list(make())
    for stop in range(1, len(whole) + 2):
        result, calls = None, 0
        while result is None:
            result = cut(make, stop)
            calls += 1
            assert calls <= len(whole) + 2
        assert result == whole
        forget(folder)


def test_loop__over_rows_of_an_array(folder):
    numpy = pytest.importorskip("numpy")
    rows = numpy.arange(12.0).reshape(4, 3)

    def make():
        return rows
    assert cut(make, 2) is None
    assert [row.tolist() for row in cut(make, 9)] == rows.tolist()


def test_loop__items_before_the_position_are_not_asked_for(folder):
    asked = []

    class Loud(Squares):
        def __getitem__(self, i):
            asked.append(i)
            return super().__getitem__(i)

    class LoudSequence(Loud, collections.abc.Sequence):
        pass

    for kind in (Loud, LoudSequence):
        name = kind.__name__

        def call():
            chp = Checkpoint(name, rate=0)
            total = 0
            chp.restore()
            for x in chp.loop(kind(1000)):
                if x == STOP_AT[0] ** 2:
                    raise Killed
                total += x
                chp.sync()
            return total
        STOP_AT[0] = 900
        with pytest.raises(Killed):
            call()
        asked.clear()
        STOP_AT[0] = 910
        with pytest.raises(Killed):
            call()
        assert asked == list(range(900, 911))


@pytest.mark.parametrize("make, cure", [
    (lambda: {1, 2}, r"sorted\(...\)"),
    (lambda: frozenset([1]), r"sorted\(...\)"),
    (lambda: {1: 2}.keys() & {1}, r"sorted\(...\)"),
    (lambda: enumerate({1, 2}), r"sorted\(...\)"),
    (lambda: zip([1], iter({2})), r"sorted\(...\)"),
    (lambda: 5, "not iterable"),
])
def test_loop__refuses_with_the_cure(make, cure, folder):
    chp = Checkpoint("refuse")
    chp.restore()
    given = make()
    with pytest.raises(TypeError, match=cure):
        chp.loop(given)
    if hasattr(given, "close"):
        given.close()
    assert list(chp.loop([1, 2])) == [1, 2]


def test_loop__class_that_pretends_to_be_a_builtin_iterator(folder):
    class Fake:
        def __init__(self):
            self.number = 0

        def __iter__(self):
            return self

        def __next__(self):
            self.number += 1
            return self.number
    Fake.__name__ = "list_iterator"
    chp = Checkpoint("fake")
    assert next(chp.loop(Fake())) == 1


def test_loop__is_like_iter_while_it_runs(folder):
    chp = Checkpoint("like_iter")
    chp.restore()
    grown = [1]
    for x in chp.loop(grown):
        if x < 5:
            grown.append(x + 1)
    assert grown == [1, 2, 3, 4, 5]
    table = {1: 2}
    with pytest.raises(RuntimeError, match="changed size"):
        for key in chp.loop(table):
            table[key + 1] = 1

    class Failing(Squares):
        def __getitem__(self, i):
            if i == 2:
                raise LookupError("two")
            return i
    seen = []
    with pytest.raises(LookupError, match="two"):
        for x in chp.loop(Failing(5)):
            seen.append(x)
    assert seen == [0, 1]
    with pytest.raises(ValueError, match="zip"):
        list(chp.loop(zip([1], [1, 2], strict=True)))


def test_loop__without_checkpoint_file_and_null_checkpoint(folder, monkeypatch):
    from resume import NullCheckpoint
    assert list(NullCheckpoint().loop([1, 2])) == [1, 2]
    monkeypatch.setenv("RESUME_DISABLE", "1")
    chp = Checkpoint("disabled", rate=0)
    chp.restore()
    done = []
    for i in chp.loop(range(3)):
        done.append(i)
        chp.sync()
    assert done == [0, 1, 2]


def test_loop__repr_hint_and_no_constructor(folder):
    chp = Checkpoint("repr")
    loop = chp.loop([1, 2, 3])
    assert loop.__length_hint__() == 3 and iter(loop) is loop
    next(loop)
    assert loop.__length_hint__() == 2 and "1 items" in repr(loop)
    with pytest.raises(TypeError):
        type(loop)()


def test_loop__no_reference_is_leaked(folder):
    class Item:
        pass

    def call():
        chp = Checkpoint("leak", rate=0)
        chp.restore()
        item = Item()
        for _ in chp.loop([item] * 3):
            break
        cycle = [chp.loop([item])]
        cycle.append(cycle)
        chp["cycle"] = 1
        return weakref.ref(item), weakref.ref(chp)
    refs = call()
    gc.collect()
    assert [ref() for ref in refs] == [None, None]


def test_loop__sync_waits_for_the_next_item(folder):
    saved = []

    def call():
        chp = Checkpoint("waits", rate=0, background=False)
        chp.restore()
        for i in chp.loop(range(3)):
            for _ in range(4):
                before = chp.modified
                chp.sync()
                saved.append(chp.modified != before)
    call()
    assert not any(saved)


def test_loop__without_sync_nothing_is_saved(folder):
    def call():
        chp = Checkpoint("never", rate=0)
        chp.restore()
        for i in chp.loop(range(3)):
            if i == 2:
                raise Killed
    with pytest.raises(Killed):
        call()
    assert not list(folder.glob(".checkpoints/never*[!k]"))


def warned(call):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        call()
    return [str(w.message) for w in caught if issubclass(w.category, ResumeWarning)]


def test_loop__plain_for_is_told_once_with_line_and_cure(folder):
    def call():
        chp = Checkpoint("plain", rate=0)
        chp.restore()
        for x in [1, 2, 3]:
            chp.sync()
    found = warned(call)
    assert len(found) == 1
    line = call.__code__.co_firstlineno + 3
    assert f"line {line}: `for x in [1, 2, 3]:` starts over" in found[0]
    assert "`for x in chp.loop([1, 2, 3]):`" in found[0]


def test_loop__plain_for_around_a_loop_is_told(folder):
    def call():
        chp = Checkpoint("around", rate=0)
        chp.restore()
        for x in [1, 2]:
            for y in chp.loop("ab"):
                chp.sync()
    assert "`for x in chp.loop([1, 2]):`" in " ".join(warned(call))


def test_loop__enumerate_around_a_loop_is_told(folder):
    def call():
        chp = Checkpoint("number", rate=0)
        chp.restore()
        for i, x in enumerate(chp.loop("ab")):
            chp.sync()
    assert "chp.loop(enumerate(...))" in " ".join(warned(call))


def test_loop__save_in_the_middle_of_the_body_is_told(folder):
    def middle():
        chp = Checkpoint("middle")
        total = 0
        chp.restore()
        for x in chp.loop([1, 2]):
            chp.save()
            total += x

    def at_the_end():
        chp = Checkpoint("end")
        total = 0
        chp.restore()
        for x in chp.loop([1, 2, 3]):
            total += x
            if x == 2:
                continue
            if x < 5:
                chp.save()

    def inside_plain():
        chp = Checkpoint("inside")
        chp.restore()
        for x in chp.loop([1, 2]):
            for y in [1, 2]:
                chp.save()
    assert "make save() the last statement" in " ".join(warned(middle))
    assert warned(at_the_end) == []
    assert "make save() the last statement" in " ".join(warned(inside_plain))


@pytest.mark.parametrize("loops", ["chp.loop([1, 2])", "chp.loop(enumerate([1, 2]))",
                                   "zip(chp.loop([1, 2]), chp.loop([3, 4]))"])
def test_loop__right_ones_are_not_told(loops, folder):
    scope = {"Checkpoint": Checkpoint}
    exec(f"def call():\n chp = Checkpoint('right', rate=0)\n chp.restore()\n for x in {loops}:\n"
         "  for y in [1, 2]:\n   chp.sync()\n while x:\n  chp.sync()\n  x = None\n", scope)
    assert warned(scope["call"]) == []


def test_loop__another_call_starts_from_the_first_item(folder):
    def call(n):
        chp = Checkpoint("another", rate=0)
        chp.restore()
        fresh = []
        for i in chp.loop(range(n)):
            fresh.append(i)
            chp.sync()
        chp.save()
        return fresh
    assert call(3) == [0, 1, 2]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert call(4) == [0, 1, 2, 3]


def test_loop__each_allocation_fails_once(folder):
    testing = pytest.importorskip("_testcapi")
    if sys.version_info >= (3, 15) and hasattr(sys, "gettotalrefcount"):
        pytest.skip("this debug build asserts in its own list.append when there is no memory")
    chp = Checkpoint("memory")
    chp.restore()

    def loops():
        return [(x, y) for x in chp.loop(enumerate(zip([1, 2], range(3)))) for y in chp.loop("ab")]
    whole, failures = loops(), 0
    for nth in range(1, 200):
        testing.set_nomemory(nth, nth + 1)
        try:
            found = loops()
        except MemoryError:
            failures += 1
            found = whole
        finally:
            testing.remove_mem_hooks()
        assert found == whole
    assert failures > 5 and loops() == whole


# ---- random programs

class Writer:
    """Writes a function of nested loops whose innermost bodies are the only ones that do work."""

    ITERABLES = ["range(3)", "[1, 2]", "'ab'", "{1: 2, 3: 4}", "enumerate('xy')",
                 "zip((1, 2), 'pq')", "reversed([5, 6, 7])", "(4,)", "[]"]

    def __init__(self, rng):
        self.rng = rng
        self.names = 0
        self.lines = []

    def write(self, depth, text):
        self.lines.append("    " * depth + text)

    def name(self):
        self.names += 1
        return f"v{self.names}"

    def work(self, depth, seen):
        self.write(depth, "step()")
        if self.rng.random() < 0.15 and seen:
            self.write(depth, f"if hash(str({seen[-1]})) % 3 == 0:")
            self.write(depth + 1, "chp.sync()")
            self.write(depth + 1, "continue")
        self.write(depth, f"done.append(({', '.join(seen)}, {self.names}))")
        self.write(depth, self.rng.choice(["chp.sync()", "chp.sync()", "helper(chp)"]))

    def block(self, depth, seen, budget):
        for _ in range(self.rng.choice([1, 1, 2])):
            kind = self.rng.choice(["for", "for", "while", "if"])
            if budget == 0:
                kind = "for"
            if kind == "for":
                variable = self.name()
                self.write(depth, f"for {variable} in chp.loop({self.rng.choice(self.ITERABLES)}):")
                if budget == 0:
                    self.work(depth + 1, [*seen, variable])
                else:
                    self.block(depth + 1, [*seen, variable], budget - 1)
                if self.rng.random() < 0.2:
                    self.write(depth + 1, "if len(done) % 7 == 3: break")
            elif kind == "while":
                counter = self.name()
                # by the place it is in, so that a while that is over is not entered again
                key = f"({', '.join([repr(counter), *seen])},)"
                self.write(depth, f"while n.get({key}, 0) < 2:")
                self.write(depth + 1, f"{counter} = n.get({key}, 0)")
                self.block(depth + 1, [*seen, counter], budget - 1)
                self.write(depth + 1, f"n[{key}] = {counter} + 1")
                self.write(depth + 1, "chp.sync()")
            else:
                self.write(depth, f"if {'hash(str(' + seen[-1] + ')) % 2' if seen else 'True'}:")
                self.block(depth + 1, seen, budget - 1)

    def function(self):
        self.block(1, [], 2)
        head = ["def main():", "    chp = Checkpoint('random', rate=0)", "    done, n = [], {}"]
        return "\n".join([*head, "    chp.restore()", *self.lines, "    return done"])


def steps_of(source, limit):
    """Runs the function in `source` until it ends, each run killed at its step `limit`; a little
    later after many runs: a `break` can end a loop before the sync() in it had its turn."""
    count, runs = [0], 0

    def step():
        count[0] += 1
        if limit and count[0] == limit + runs // 100:
            raise Killed

    scope = {"Checkpoint": Checkpoint, "step": step, "helper": lambda chp: chp.sync(),
             "hash": lambda text: sum(text.encode())}
    exec(compile(source, "<random>", "exec"), scope)
    for runs in range(1000):
        count[0] = 0
        try:
            return scope["main"](), count[0]
        except Killed:
            pass
    raise AssertionError("no end")


@pytest.mark.filterwarnings("error::resume.ResumeWarning")
def test_loop__random_programs(rng, folder, amount):
    kills = programs = 0
    while programs < amount(60, 8, 4):
        source = Writer(rng).function()
        clear(folder)
        whole, steps = steps_of(source, 0)
        if not 4 <= steps <= 80:
            continue
        programs += 1
        for limit in sorted(rng.sample(range(2, steps), min(4, steps - 2))):
            clear(folder)
            found, _ = steps_of(source, limit)
            kills += 1
            assert found == whole, f"each run killed at step {limit}\n{source}"
    assert kills >= programs


def clear(folder):
    for path in folder.glob(".checkpoints/*"):
        if path.is_file() and path.name != ".gitignore":
            path.unlink()
