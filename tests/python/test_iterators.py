"""Iterators in the object stream: each kind goes on from each position as if left alone."""
import array
import collections
import itertools
import operator
import os
import random
import subprocess
import sys

import pytest
from resume import CheckpointDamaged, Opaque, ResumeError, _core

D = {"a": 1, "b": 2, "c": 3, "d": 4}
OD = collections.OrderedDict(D)
MANY = 200


class Own(list):
    pass


class Squares:
    def __getitem__(self, index):
        if index > 5:
            raise IndexError
        return index * index

    def __len__(self):
        return 6


def full_dict():
    """With holes in its table."""
    value = {number: -number for number in range(20)}
    for number in (0, 1, 2, 7, 11, 19):
        del value[number]
    return value


def full_set():
    value = set(range(0, 300, 7))
    value.difference_update(range(0, 300, 21))
    return value


def a_group():
    return next(itertools.groupby("aaaab"))[1]


def add(a, b):
    return a + b


def is_small(value):
    return value < 3


KINDS = {
    "list": lambda: iter([1, 2, 3, 4]),
    "list reversed": lambda: reversed([1, 2, 3, 4]),
    "list subclass": lambda: iter(Own([1, 2])),
    "tuple": lambda: iter((1, 2, 3)),
    "str": lambda: iter("abc"),
    "str wide": lambda: iter("aä€😀b"),
    "bytes": lambda: iter(b"abc"),
    "bytearray": lambda: iter(bytearray(b"abc")),
    "array": lambda: iter(array.array("d", (1, 2, 3))),
    "sequence": lambda: iter(Squares()),
    "reversed sequence": lambda: reversed(Squares()),
    "reversed": lambda: reversed((1, 2, 3)),
    "reversed str": lambda: reversed("abc"),
    "range": lambda: iter(range(3, 50, 7)),
    "range down": lambda: iter(range(50, 3, -7)),
    "range reversed": lambda: reversed(range(9)),
    "range ends": lambda: iter(range(2**63 - 5, 2**63 - 1, 2)),
    "range long": lambda: iter(range(10**30, 10**31, 10**30)),
    "range long down": lambda: reversed(range(10**30, 10**31, 10**30)),
    "dict": lambda: iter(D),
    "dict values": lambda: iter(D.values()),
    "dict items": lambda: iter(D.items()),
    "dict reversed": lambda: reversed(D),
    "dict values reversed": lambda: reversed(D.values()),
    "dict items reversed": lambda: reversed(D.items()),
    "dict holes": lambda: iter(full_dict().items()),
    "dict holes reversed": lambda: reversed(full_dict().items()),
    "dict empty": lambda: reversed({}),
    "ordered": lambda: iter(OD),
    "ordered items": lambda: iter(OD.items()),
    "ordered values reversed": lambda: reversed(OD.values()),
    "set": lambda: iter(full_set()),
    "set of strings": lambda: iter({f"x{number}" for number in range(20)}),
    "frozenset": lambda: iter(frozenset(range(20))),
    "deque": lambda: iter(collections.deque("abcd")),
    "deque long": lambda: iter(collections.deque(range(150))),
    "deque reversed": lambda: reversed(collections.deque("abcd")),
    "enumerate": lambda: enumerate("abc", 5),
    "enumerate negative": lambda: enumerate("abc", -1),
    "enumerate large": lambda: enumerate("abcde", 2**63 - 3),
    "zip": lambda: zip("abc", [1, 2, 3, 4]),
    "zip none": lambda: zip(),
    "map": lambda: map(pow, [1, 2, 3], [4, 5, 6]),
    "map function": lambda: map(add, [1, 2, 3], [4, 5, 6]),
    "map lambda": lambda: map(lambda x: x + 1, range(4)),
    "filter": lambda: filter(None, [0, 1, 2, 0, 3]),
    "filter function": lambda: filter(is_small, [0, 1, 5, 2]),
    "callable": lambda: iter([1, 2, 3, 4].pop, 1),
    "accumulate": lambda: itertools.accumulate([1, 2, 3, 4]),
    "accumulate initial": lambda: itertools.accumulate([1, 2, 3, 4], operator.mul, initial=2),
    "accumulate None": lambda: itertools.accumulate([None, None], max_or_none),
    "chain": lambda: itertools.chain("ab", [], "cd"),
    "chain from": lambda: itertools.chain.from_iterable(["ab", "cd"]),
    "combinations": lambda: itertools.combinations("abcde", 3),
    "combinations none": lambda: itertools.combinations("ab", 3),
    "combinations empty": lambda: itertools.combinations("ab", 0),
    "combinations replaced": lambda: itertools.combinations_with_replacement("abc", 2),
    "combinations replaced none": lambda: itertools.combinations_with_replacement("", 2),
    "permutations": lambda: itertools.permutations("abcd", 2),
    "permutations all": lambda: itertools.permutations("abc"),
    "permutations empty": lambda: itertools.permutations(""),
    "permutations none": lambda: itertools.permutations("a", 2),
    "product": lambda: itertools.product("ab", [1, 2], repeat=2),
    "product empty": lambda: itertools.product(),
    "product none": lambda: itertools.product("ab", ""),
    "compress": lambda: itertools.compress("abcdef", [1, 0, 1, 0, 1, 1]),
    "count": lambda: itertools.count(3),
    "count step": lambda: itertools.count(3, -2),
    "count float": lambda: itertools.count(1.5, 0.5),
    "count large": lambda: itertools.count(2**63 - 3),
    "cycle": lambda: itertools.cycle("abc"),
    "cycle one": lambda: itertools.cycle(iter([5])),
    "cycle none": lambda: itertools.cycle(()),
    "dropwhile": lambda: itertools.dropwhile(is_small, [1, 5, 2, 3]),
    "filterfalse": lambda: itertools.filterfalse(None, [0, 1, "", 2, None]),
    "group": a_group,
    "islice": lambda: itertools.islice("abcdefghij", 1, 8, 2),
    "islice endless": lambda: itertools.islice(itertools.count(), 5, None, 3),
    "islice none": lambda: itertools.islice("abc", 0),
    "pairwise": lambda: itertools.pairwise("abcde"),
    "repeat": lambda: itertools.repeat("x", 5),
    "repeat endless": lambda: itertools.repeat("x"),
    "starmap": lambda: itertools.starmap(pow, [(1, 2), (3, 4), (5, 6)]),
    "takewhile": lambda: itertools.takewhile(is_small, [1, 2, 5, 0]),
    "tee": lambda: itertools.tee("abcdef")[0],
    "zip longest": lambda: itertools.zip_longest("abcd", [1, 2], "", fillvalue="z"),
    "nested": lambda: zip(enumerate(map(str, itertools.chain([1], range(5, 9)))),
                          itertools.islice(itertools.cycle("xy"), 9)),
}
if sys.version_info >= (3, 12):
    KINDS["batched"] = lambda: itertools.batched("abcdefg", 3)
if sys.version_info >= (3, 13):
    KINDS["batched strict"] = lambda: itertools.batched("abcdef", 3, strict=True)
if sys.version_info >= (3, 14):
    KINDS["map strict"] = lambda: map(add, [1, 2], [3, 4], strict=True)
LOSES_TYPE = {"str wide", "range ends"}  # exhausted, or near the end, it is another of two


def max_or_none(a, b):
    return a or b


def back(value, **options):
    stream, blobs, notes = _core._encode(value)
    assert notes == []
    restored, notes = _core._decode(stream, blobs, mine=True, **options)
    assert notes == []
    return restored


def step(iterator, count):
    for _ in range(count):
        next(iterator, None)
    return iterator


def rest(iterator):
    return list(itertools.islice(iterator, MANY))


@pytest.mark.parametrize("name", KINDS)
def test_iterator__goes_on_from_every_position(name):
    make = KINDS[name]
    for position in (*range(12), 40):
        saved, left = step(make(), position), step(make(), position)
        restored = back(saved)
        if name not in LOSES_TYPE:
            assert type(restored) is type(left)
        assert operator.length_hint(restored, -1) == operator.length_hint(left, -1)
        assert rest(restored) == rest(left), position
        assert rest(restored) == rest(left), "and ends for good"
        if name != "callable":  # both share the list that is popped
            assert rest(saved) == rest(step(make(), position)), "saving moves nothing"


def test_iterator__saved_and_restored_at_each_step():
    for name, make in KINDS.items():
        iterator, seen = make(), []
        for _ in range(30):
            iterator = back(iterator)
            try:
                seen.append(next(iterator))
            except StopIteration:
                break
        assert seen == list(itertools.islice(make(), 30)), name


def test_random_chains_of_iterators_go_on(seed):
    choose = random.Random(seed)
    wrap = [
        lambda i: enumerate(i), lambda i: map(str, i), lambda i: filter(None, i),
        lambda i: itertools.chain(i, "xy"), lambda i: itertools.islice(i, 1, None, 2),
        lambda i: zip(i, itertools.count()), lambda i: itertools.pairwise(i),
        lambda i: itertools.tee(i)[1], lambda i: itertools.cycle(i),
        lambda i: itertools.zip_longest(i, "ab"), lambda i: zip(*[i] * 2),
        lambda i: itertools.compress(i, itertools.cycle([1, 0, 1])),
        lambda i: itertools.chain.from_iterable([i, [7]]),
        lambda i: itertools.product(itertools.islice(i, 4), [1, 2]),
        lambda i: itertools.combinations(itertools.islice(i, 5), 2),
    ]
    names = [name for name in KINDS if name not in ("callable", "set of strings")]
    for _ in range(150):
        name = choose.choice(names)
        wraps = [choose.choice(wrap) for _ in range(choose.randrange(5))]

        def make():
            iterator = KINDS[name]()
            for one in wraps:
                iterator = one(iterator)
            return iterator
        position = choose.randrange(9)
        restored = back(step(make(), position))
        assert rest(restored) == rest(step(make(), position)), (name, wraps, position)


def test_groupby__goes_on_in_the_middle_of_a_group():
    def run(save_at):
        groups, group, out = itertools.groupby([1, 1, 1, 2, 2, 3, 3, 3, 3], key=abs), None, []
        for time in itertools.count():
            if time == save_at:
                groups, group = back((groups, group))
            if group is None:
                try:
                    key, group = next(groups)
                except StopIteration:
                    return out
                out.append(("key", key))
            else:
                item = next(group, None)
                if item is None or (item == 3 and len(out) % 2):
                    group = None
                out.append(item)

    for save_at in range(20):
        assert run(save_at) == run(-1)


def test_groupby__an_older_group_stays_empty():
    groups = itertools.groupby("aab")
    _, first = next(groups)
    _, second = next(groups)
    groups, first, second = back((groups, first, second))
    assert list(first) == [] and list(second) == ["b"] and list(groups) == []


def test_tee__shares_what_was_read():
    first, second = itertools.tee(iter(range(300)))
    step(first, 150), step(second, 5)
    restored, behind = back((first, second))
    assert next(restored) == 150
    assert rest(behind) == list(range(5, 205)) and rest(restored) == list(range(151, 300))


def test_iterators__in_two_places_stay_one():
    one = iter(range(9))
    again, pairs = back([one, zip(one, one)])
    assert next(pairs) == (0, 1) and next(again) == 2


def test_iterator__shares_its_container():
    values = [1, 2, 3]
    iterator = step(iter(values), 1)
    iterator, values = back((iterator, values))
    values.append(4)
    assert list(iterator) == [2, 3, 4]


def test_iterators__that_lead_back_to_themselves():
    values = [1, 2]
    iterator = step(iter(values), 1)
    values.append(iterator)
    restored = back(iterator)
    assert next(restored) == 2 and next(restored) is restored
    for make in (collections.deque, lambda v: collections.OrderedDict(enumerate(v))):
        values = make([1, 2, 3])
        iterator = iter(values)
        values[1] = iterator
        next(iterator)
        restored, copied = back((iterator, values))
        assert copied[1] is restored
        assert next(restored) is not None and next(restored) is not None
    table = {"a": 1, "self": None}
    iterator = table["self"] = step(iter(table.items()), 1)
    restored = back(iterator)
    assert next(restored)[1] is restored


class Pipeline:
    """Iterators and methods that lead to each other."""

    def __init__(self):
        self.seen = []
        self.stream = map(self.note, range(9))
        self.left, self.right = itertools.tee(self.stream)

    def note(self, value):
        self.seen.append(value)
        return value


def test_iterators__of_an_object_that_they_call():
    line = Pipeline()
    step(line.left, 3)
    left, line = back((line.left, line))
    assert left is line.left and next(left) == 3 and line.seen == [0, 1, 2, 3]
    assert list(line.right) == list(range(9))


@pytest.mark.parametrize("make, change, error", [
    (lambda: {1: 2, 3: 4}, lambda d: d.update({5: 6}), "dictionary changed size"),
    (lambda: {1, 2, 3}, lambda s: s.add(9), "Set changed size"),
    (lambda: collections.deque([1, 2, 3]), lambda d: d.append(4), "deque mutated"),
    (lambda: OD.copy(), lambda d: d.move_to_end("a"), "OrderedDict mutated"),
    (lambda: OD.copy(), lambda d: d.update(z=1), "OrderedDict (changed size|mutated)"),
])
def test_iterator__sees_that_its_container_changed(make, change, error):
    for before in (True, False):
        values = make()
        iterator = step(iter(values), 1)
        if before:
            change(values)
        iterator, values = back((iterator, values))
        if not before:
            change(values)
        with pytest.raises(RuntimeError, match=error):
            next(iterator)


def test_views__show_their_dict():
    for make in (dict.keys, dict.values, dict.items):
        for table in ({"a": 1}, collections.OrderedDict(a=1)):
            view = make(table) if type(table) is dict else getattr(table, make.__name__)()
            restored, table = back((view, table))
            table["b"] = 2
            assert type(restored) is type(view) and len(restored) == 2


def test_iterator__of_a_target_goes_on_in_it():
    """The container of the caller is filled only at the commit."""
    for kept, made in (([1, 2, 3], [9]), ({1: 2, 3: 4, 5: 6}, {7: 8}), ({1, 2, 3}, {9, 10})):
        holder = step(iter(kept), 1)
        stream, blobs, _ = _core._encode_each([kept, holder])
        first, second = _core._decode_each(stream, blobs, [made, None])
        assert first is made and list(second) == list(kept)[1:]


CHILD = """
import sys
from resume import _core
stream = bytes.fromhex(sys.stdin.read())
iterator, values = _core._decode(stream, [], mine=True)[0]
print(sorted(values) == sorted("x%d" % i for i in range(40)), *iterator)
"""


def test_set_iterator__with_other_hashes_hands_out_what_was_left():
    values = {f"x{number}" for number in range(40)}
    iterator = step(iter(values), 17)
    stream, _, _ = _core._encode((iterator, values))
    expected = list(iterator)
    for seed in (1, 2, 3):
        done = subprocess.run([sys.executable, "-c", CHILD], input=stream.hex(), text=True,
                              env=os.environ | {"PYTHONHASHSEED": str(seed)}, check=True,
                              capture_output=True)
        assert done.stdout.split() == ["True", *expected]


# ---- files that are not mine ----

def inert(value):
    stream, blobs, _ = _core._encode(value)
    return _core._decode(stream, blobs)[0]


def test_not_mine__data_stays_data():
    assert list(inert(step(iter([1, 2, 3]), 1))) == [2, 3]
    assert rest(inert(zip("ab", itertools.count()))) == [("a", 0), ("b", 1)]


@pytest.mark.parametrize("make", [
    lambda: map(print, [1]), lambda: filter(print, [1]), lambda: itertools.starmap(print, [(1,)]),
    lambda: iter(print, 1), lambda: itertools.accumulate([1, 2], print),
    lambda: itertools.groupby([1], print), lambda: itertools.takewhile(print, [1]),
    lambda: zip([1], map(print, [2])), lambda: enumerate(map(print, [2])),
    lambda: itertools.chain(map(print, [2])) and itertools.tee(map(print, [2]))[0],
])
def test_not_mine__what_would_be_called_is_opaque(make, capsys):
    value = inert(make())
    assert type(value) is Opaque and not hasattr(value, "__next__")
    assert type(inert(value)) is Opaque
    assert capsys.readouterr().out == ""


def test_not_mine__a_thousand_iterators_at_most():
    assert len(inert([iter([1]) for _ in range(1000)])) == 1000
    with pytest.raises(ResumeError, match="1,000 iterators"):
        inert([iter([1]) for _ in range(1001)])
    assert len(back([iter([1]) for _ in range(1001)])) == 1001


def test_not_mine__no_circles():
    values = []
    values.append(itertools.chain.from_iterable(values))
    with pytest.raises(CheckpointDamaged):
        inert(values[0])


@pytest.mark.skipif(sys.version_info < (3, 12), reason="batched is new in 3.12")
def test_batches_have_a_size():
    stream, _, _ = _core._encode(itertools.batched("ab", 3))
    for bad in (b"\x00", b"\x20"):  # 0, -1
        with pytest.raises(CheckpointDamaged):
            parts = stream[:-2] + bad + stream[-1:]
            _core._decode(parts, [])


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="batched is new in 3.12")
def test_a_kind_that_this_python_has_not_is_named():
    stream = bytes.fromhex("d9997a84") + b"\x67batched" + bytes.fromhex(
        "d9997a836d") + b"list_iterator" + bytes.fromhex("80000300")
    with pytest.raises(ResumeError, match="'batched'.*run it with the Python that saved it"):
        _core._decode(stream, [])


def test_iterators__are_not_compared():
    assert _core._digest(iter([1])) is None


@pytest.mark.parametrize("value, words", [
    (lambda: (x for x in [1]), "generator"),
    (lambda: memoryview(b"ab"), "memoryview"),
])
def test_what_can_not_be_saved_says_so(value, words):
    with pytest.raises(TypeError, match=words):
        _core._encode([iter([1]), value()])
