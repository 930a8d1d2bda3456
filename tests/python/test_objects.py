"""The object stream: every type, aliasing, cycles, order, targets, failures, hostile bytes."""
import array
import collections
import datetime
import decimal
import fractions
import gc
import itertools
import math
import pathlib
import random
import struct
import subprocess
import sys
import threading
import uuid
import zoneinfo

import pytest
from resume import _core
from resume import CheckpointDamaged, ResumeError

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tools"))
import objects  # noqa: E402


def encode(value):
    stream, blobs, notes = _core._encode(value)
    assert notes == []
    return stream, blobs


def back(value):
    """The value after a round trip."""
    restored, notes = _core._decode(*encode(value))
    assert notes == []
    return restored


def problem(value):
    with pytest.raises(TypeError) as caught:
        _core._encode(value)
    return str(caught.value)


def same(a, b, set_order=True):
    """Equal in type, too, and through containers; NaN equals NaN, 0.0 is not -0.0. The order of
    sets counts but for a reader that has no say in it (`set_order` false)."""
    def alike(x, y):
        return same(x, y, set_order)
    if type(a) is not type(b):
        return False
    if isinstance(a, (list, tuple, collections.deque)):
        return len(a) == len(b) and all(map(alike, a, b))
    if isinstance(a, dict):
        return list(map(repr, a)) == list(map(repr, b)) and all(map(alike, a.values(), b.values()))
    if isinstance(a, (set, frozenset)):
        if not set_order:
            a, b = sorted(a, key=repr), sorted(b, key=repr)
        return all(map(alike, a, b)) and len(a) == len(b)
    if isinstance(a, float):
        return struct.pack("d", a) == struct.pack("d", b)
    if isinstance(a, complex):
        return alike(a.real, b.real) and alike(a.imag, b.imag)
    if isinstance(a, decimal.Decimal):
        return repr(a) == repr(b)
    if isinstance(a, slice):
        return alike((a.start, a.stop, a.step), (b.start, b.stop, b.step))
    return a == b and repr(a) == repr(b)


# ---- builtin types ----

INTS = sorted({sign * (1 << bits) + d for bits in (0, 5, 8, 16, 30, 31, 32, 60, 62, 63, 64, 65, 90,
                                                    127, 128, 1000) for d in (-1, 0, 1)
               for sign in (-1, 1)})
NAN_PAYLOAD = struct.unpack("<d", bytes.fromhex("0123456789abf87f"))[0]
FLOATS = [0.0, -0.0, 1.5, -1e308, 5e-324, math.inf, -math.inf, NAN_PAYLOAD, -NAN_PAYLOAD]
TEXTS = ["", "a", "é", "€", "😀", "\0", "\ud800", "a\udfffb", "x" * 63, "y" * 64, "z" * 1000,
         "é" * 70000, "\ud800" * 100]
BYTES = [b"", b"\0", b"x" * 63, b"x" * 65535, b"x" * 65536, bytes(range(256)) * 300]
OTHERS = [None, True, False, ..., NotImplemented, 1j, complex(-0.0, math.nan), range(0),
          range(5, -9, -2), range(10 ** 30, 10 ** 31, 7), slice(None), slice(1, "a", (2.5,))]
CONTAINERS = [[], (), {}, set(), frozenset(), [[]], ((),), {"a": {}}, [1, "a", None, [2.5, (3,)]],
              {1: 2, "x": [3], "\ud800": 4}, {(1, ("a",)): 1, None: 2, 1.5: 3, b"k": 4, True: 5},
              {frozenset({1, 2}): {3}}, {1, "a", None, (1, 2), frozenset({7})}]


@pytest.mark.parametrize("value", INTS + FLOATS + TEXTS + BYTES + list(map(bytearray, BYTES)) +
                         OTHERS + CONTAINERS, ids=lambda v: repr(v)[:20])
def test_round_trip__gives_the_same_value(value):
    assert same(back(value), value)
    assert same(objects.decode(*encode(value)), value, set_order=False)


def test_int__of_a_million_digits():
    value = -(7 ** 1_000_000)
    assert back([value]) == [value]


def test_constants__are_the_same_objects():
    for value in (None, True, False, ..., NotImplemented, ()):
        assert back([value])[0] is value


@pytest.mark.parametrize("value", [
    [1.5] * 16, [float(i) for i in range(10000)], list(range(-8, 8)), list(range(100000)),
    [2 ** 63 - 1, -2 ** 63] * 8, FLOATS * 3])
def test_list_of_numbers__is_packed(value):
    value = [x + 0.0 if isinstance(x, float) else x for x in value]  # numbers known only here
    stream, blobs = encode(value)
    nan = any(x != x for x in value)
    assert nan or b"\xd9\x99\x59" in stream[:6]
    assert len(blobs) == (len(value) * 8 >= 65536)
    assert same(back(value), value) and same(objects.decode(stream, blobs), value,
                                               set_order=False)


@pytest.mark.parametrize("value", [
    [True] * 20, [1] * 19 + [True], [1] * 19 + [2 ** 63], [1.0] * 19 + [1], [1] * 19 + [1.0],
    [1] * 10 + ["a"] + [1] * 10, [1] * 15])
def test_list_of_numbers__of_two_types_is_not_packed(value):
    stream, _ = encode(value)
    assert b"\xd9\x99\x59" not in stream
    assert same(back(value), value)


def test_nan__keeps_its_identity():
    nan = float("nan")
    for count in (3, 30):
        values = back([[nan] * count, {nan: 1}, {nan}, nan])
        assert values[0].count(values[3]) == count
        assert values[3] in values[1] and values[3] in values[2]


def test_what_has_no_state__is_refused():
    for value in ((x for x in []), memoryview(b""), threading.Lock(),
                  random.SystemRandom(), sys._getframe()):
        text = problem([value])
        assert text.startswith("value[0] (") and "restore()" in text, text


def test_problem__tells_the_path_and_a_cure():
    lock = threading.Lock()
    text = problem({"cfg": [1, ({"deep": lock},)]})
    assert text.startswith("value['cfg'][1][0]['deep'] (_thread.lock): ")
    assert "restore()" in text
    assert problem({lock: 1}).startswith("value[<_thread.lock>] (the key) (_thread.lock): ")
    assert problem({1, lock}).startswith("value{an element} (")
    deep = lock
    for _ in range(1000):
        deep = [deep]
    assert "[0]...[0]" in problem(deep) and len(problem(deep)) < 500


# ---- identity ----

def test_aliases__of_containers_are_kept():
    many = 100000  # in a variable: the compiler would make one object of each constant
    for make in (list, dict, set, bytearray, lambda: [1.5] * 20, lambda: bytearray(many),
                 lambda: tuple([1, many]), lambda: frozenset([1]), lambda: slice(1, many),
                 lambda: "x" * many, lambda: b"x" * many, lambda: 7 ** (many // 25)):
        value = make()
        a = back([value, (value,), {"k": value}, make()])
        assert a[0] is a[1][0] is a[2]["k"]
        assert a[3] is not a[0]
        assert same(a[0], value)


def test_marks__only_stand_where_something_is_shared():
    assert b"\xd8\x1c" not in encode([[i, (i,), {"a": [i]}, {i}] for i in range(300, 320)])[0][2:]


def test_cycles__through_every_container():
    a = []
    a.append(a)
    assert (b := back(a))[0] is b
    d = {}
    d["d"] = d
    assert (e := back(d))["d"] is e
    t = ([],)
    t[0].append(t)
    u = back(t)
    assert type(u) is tuple and u[0][0] is u and gc.is_tracked(u)
    s = [None]
    s[0] = slice(s, (s,), None)
    r = back(s)
    assert r[0].start is r and r[0].stop[0] is r
    q = collections.deque()
    q.append(q)
    assert (p := back(q))[0] is p
    o = collections.OrderedDict()
    o["o"] = (o,)
    assert (n := back(o))["o"][0] is n
    f = collections.defaultdict(list)
    f["x"].append(f)
    assert (g := back(f))["x"][0] is g
    inner = ({"t": None},)
    inner[0]["t"] = (inner, [inner])
    x = back(inner)
    assert x[0]["t"][0] is x and x[0]["t"][1][0] is x


def test_aliases__between_values_of_one_stream():
    shared = [1]
    stream, blobs, problems = _core._encode_each([[shared], {"s": shared}, shared])
    assert problems == [None] * 3
    a, b, c = _core._decode_each(stream, blobs, [None] * 3)
    assert a[0] is b["s"] is c


def test_failure__leaves_no_trace():
    shared, big, lock = [1], bytearray(b"x" * 100000), threading.Lock()
    good = [[shared, big], {"s": shared}, shared]
    bad = [[1, lock], [shared, big, ["y" * 100], lock], lock]
    expected = _core._encode_each(list(good))  # a list more refers to them, as below
    stream, blobs, problems = _core._encode_each(
        [good[0], bad[0], bad[1], good[1], bad[2], good[2]])
    assert (stream, blobs) == expected[:2]
    assert [p is not None for p in problems] == [False, True, True, False, True, False]
    # also when the failing value comes first, so that what it shares must not be remembered
    new = ["n" * 100, [2]]
    stream, blobs, problems = _core._encode_each([[new, lock], [new, new]])
    assert problems[1] is None
    (value,) = _core._decode_each(stream, blobs, [None])
    assert value == [new, new] and value[0] is value[1]


@pytest.mark.parametrize("wrap", [lambda x: [x], lambda x: (x,), lambda x: {"k": x},
                                  lambda x: {None: x}, lambda x: [x, 1.5]])
def test_nesting__a_million_deep(wrap, amount):
    depth = amount(1_000_000, 200_000, 50_000)
    value = None
    for _ in range(depth):
        value = wrap(value)
    restored = back(value)
    for _ in range(depth):
        assert type(restored) is type(value)
        restored = next(iter(restored.values())) if type(value) is dict else restored[0]
    assert restored is None
    assert len(_core._digest(value)) == 16


# ---- order ----

def test_dict__keeps_its_order():
    keys = list(range(1000)) + [str(i) for i in range(1000)]
    random.Random(5).shuffle(keys)
    value = {k: i for i, k in enumerate(keys)}
    for k in keys[::3]:
        del value[k]
    assert list(back(value).items()) == list(value.items())


def grown_set(rng, size):
    value = set()
    for _ in range(size):
        value.add(rng.choice([rng.randrange(-10 ** 6, 10 ** 6), rng.random(), str(rng.random()),
                              (rng.randrange(99), "t")]))
        if rng.random() < 0.4:
            value.pop()
        elif rng.random() < 0.2:
            value.discard(rng.choice(list(value)))
    return value


def test_set__has_the_same_order_now_and_later(rng, amount):
    for size in [0, 1, 3, 5, 20, 100, 1000] * amount(20, 3, 1):
        value = grown_set(rng, size)
        for a in (value, frozenset(value)):
            assert list(back(a)) == list(a)
        twin = back(value)
        assert len(twin) == len(value) and all(x in twin for x in value)
        assert sys.getsizeof(twin) == sys.getsizeof(value)
        for _ in range(50):
            new = rng.randrange(10 ** 6)
            value.add(new), twin.add(new)
            if rng.random() < 0.3:
                assert value.pop() == twin.pop()
            assert list(value) == list(twin)
        value |= set(range(200))
        twin |= set(range(200))
        assert list(value) == list(twin)
        value.clear(), twin.clear()
        assert value == twin == set()


def test_set_of_strings__under_another_hash_seed(tmp_path):
    source = """
import sys
from resume import _core
value = {"alpha", "beta", "gamma", "delta", "epsilon", 1, 2, "zeta", "eta", "theta"}
if sys.argv[1] == "save":
    sys.stdout.buffer.write(_core._encode(value)[0])
    sys.stderr.write(repr(list(value)))
else:
    restored, notes = _core._decode(sys.stdin.buffer.read(), [])
    assert restored == value and all(x in restored for x in value)
    print(repr(list(restored)))
    print(notes)
"""
    import os

    def run(seed, how, data=b""):
        return subprocess.run([sys.executable, "-c", source, how], input=data, check=True,
                              capture_output=True, env={**os.environ, "PYTHONHASHSEED": seed})
    saved = run("1", "save")
    order, notes = run("1", "load", saved.stdout).stdout.decode().splitlines()
    assert order == saved.stderr.decode() and notes == "[]"
    order, notes = run("2", "load", saved.stdout).stdout.decode().splitlines()
    if order != saved.stderr.decode():
        assert "PYTHONHASHSEED" in notes


# ---- the standard library ----

LIBRARY = [
    datetime.date.min, datetime.date(2026, 11, 22), datetime.date.max, datetime.time(),
    datetime.time(1, 2, 3, 4, fold=1), datetime.time(1, tzinfo=datetime.timezone.utc),
    datetime.datetime(2026, 11, 22, 13, 4, 5, 6), datetime.datetime.max,
    datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone(datetime.timedelta(hours=-3), "X"),
                      fold=1),
    datetime.timedelta(), datetime.timedelta(-1, 2, 3), datetime.timedelta.max,
    datetime.timezone.utc, datetime.timezone(datetime.timedelta(minutes=90), "n"),
    decimal.Decimal("1.10"), decimal.Decimal("-0E+5"), decimal.Decimal("NaN123"),
    decimal.Decimal("-Infinity"), decimal.Decimal("sNaN"), decimal.Decimal("1e999999"),
    fractions.Fraction(-1, 3), fractions.Fraction(10 ** 40, 7), uuid.UUID(int=2 ** 127 + 5),
    pathlib.Path("a/b"), pathlib.PurePosixPath("/"), pathlib.PureWindowsPath("c:\\x"),
    pathlib.Path("\udc80"), *[array.array(c, [1, 0, 127]) for c in "bBhHiIlLqQfd"],
    array.array("d"), array.array("i", range(50000)),
    collections.deque(), collections.deque([1, 2]),
    collections.deque([[1], "a"], maxlen=2), collections.deque(maxlen=0),
    collections.OrderedDict([(2, "b"), (1, "a"), ((1, 2), None)]), collections.Counter("hello"),
    collections.Counter(), collections.defaultdict(None, {1: 2}),
    *[collections.defaultdict(f, {"a": f()}) for f in (int, float, list, dict, set, tuple, str)]]


@pytest.mark.parametrize("value", LIBRARY, ids=lambda v: repr(v)[:24])
def test_library_type__gives_the_same_value(value):
    for restored in (back(value), objects.decode(*encode(value))):
        assert type(restored) is type(value)
        assert repr(restored) == repr(value)
        assert getattr(restored, "default_factory", 0) is getattr(value, "default_factory", 0)
        assert getattr(restored, "maxlen", 0) == getattr(value, "maxlen", 0)
        assert getattr(restored, "fold", 0) == getattr(value, "fold", 0)


def test_ordered_dict__keeps_an_order_of_its_own():
    value = collections.OrderedDict.fromkeys("abc")
    value.move_to_end("a")
    assert list(back(value)) == ["b", "c", "a"]


def test_utc__is_the_same_object():
    assert back([datetime.timezone.utc])[0] is datetime.timezone.utc


def test_zone__is_the_same_object_where_zoneinfo_gives_one():
    berlin = zoneinfo.ZoneInfo("Europe/Berlin")
    lone = zoneinfo.ZoneInfo.no_cache("Europe/Berlin")
    moment = datetime.datetime(2026, 10, 25, 2, 30, tzinfo=berlin, fold=1)
    values = [berlin, moment, datetime.time(5, tzinfo=berlin), lone, lone]
    zone, when, clock, other, again = back(values)
    assert zone is berlin is when.tzinfo is clock.tzinfo
    assert when == moment and when.utcoffset() == moment.utcoffset() and when.fold == 1
    assert other is again is not berlin and other.key == "Europe/Berlin"
    assert back(other.__reduce__()[1]) == ("Europe/Berlin", False)


def test_zone__without_a_key_is_refused(tmp_path):
    with open(zoneinfo.TZPATH[0] + "/Europe/Berlin", "rb") as file:
        data = file.read()
    (tmp_path / "zone").write_bytes(data)
    with open(tmp_path / "zone", "rb") as file:
        assert "file" in problem([zoneinfo.ZoneInfo.from_file(file)])


def test_zone__that_this_machine_does_not_have_is_no_damage(monkeypatch):
    stream, blobs = encode([zoneinfo.ZoneInfo("Europe/Berlin")])
    stream = stream.replace(b"Europe/Berlin", b"Nowhere/Atall")
    with pytest.raises(ResumeError, match="'Nowhere/Atall'.*tzdata") as caught:
        _core._decode(stream, blobs)
    assert not isinstance(caught.value, CheckpointDamaged)


def test_random__goes_on_alike():
    value = random.Random(3)
    value.gauss(0, 1)
    a, alias = back([value, value])
    assert a is alias
    assert [a.gauss(0, 1), a.random(), a.getrandbits(99)] == \
        [value.gauss(0, 1), value.random(), value.getrandbits(99)]
    assert back([random._inst])[0] is random._inst


# ---- targets ----

def test_target__becomes_the_value_and_changes_only_at_the_commit():
    target_list, target_dict, target_set, target_bytes = [0], {0: 0}, {0}, bytearray(b"0")
    value_list = [1, 2]
    values = [value_list, {"l": value_list}, {"x"}, bytearray(b"long" * 30000), [value_list]]
    stream, blobs, _ = _core._encode_each(values)
    targets = [target_list, target_dict, target_set, target_bytes, None]
    restored = _core._decode_each(stream, blobs, targets)
    assert all(r is t for r, t in zip(restored, targets) if t is not None)
    assert restored[:4] == values[:4]
    assert restored[1]["l"] is target_list and restored[4][0] is target_list
    # a later failure leaves them as they were
    before = [list(target_list), dict(target_dict), set(target_set), bytes(target_bytes)]
    with pytest.raises(CheckpointDamaged):
        _core._decode_each(_core._encode_each([[9], {9: 9}, {9}, bytearray(b"9")])[0], blobs,
                           targets)
    assert [list(target_list), dict(target_dict), set(target_set), bytes(target_bytes)] == before


def test_target__of_another_type_is_ignored():
    target = [0]
    value, _ = _core._decode(*encode({1: 2}), target)
    assert value == {1: 2} and target == [0]
    value, _ = _core._decode(*encode((1, [2])), target)
    assert value == (1, [2]) and target == [0]


def test_target__that_holds_itself():
    value = [1]
    value.append(value)
    target = []
    restored, _ = _core._decode(*encode(value), target)
    assert restored is target and target[1] is target and target[0] == 1
    packed = [1.5] * 20
    restored, _ = _core._decode(*encode(packed), target)
    assert restored is target == packed


# ---- digests ----

def test_digest__knows_content_and_structure_alone():
    digest = _core._digest
    a = [1, "x", (2.5, None), {"k": {1, "s"}}]
    assert digest(a) == digest([1, "x", (2.5, None), {"k": {"s", 1}}])
    shared = []
    assert digest([shared, shared]) != digest([[], []])
    assert digest([1]) != digest([1.0]) != digest([True])
    assert digest({1: 1, 2: 2}) != digest({2: 2, 1: 1})
    assert digest("a" * 1000) == digest("".join(["a"] * 1000))
    assert digest([list(range(50)), list(range(50))]) == digest(back([list(range(50))] * 2)[:1] +
                                                                [list(range(50))])
    assert digest({frozenset({1, 2}), (1, frozenset({3}))}) == \
        digest({(1, frozenset({3})), frozenset({2, 1})})
    assert digest(threading.Lock()) is None
    assert digest(bytearray(b"x" * 70000)) != digest(b"x" * 70000)
    cycle = []
    cycle.append(cycle)
    assert digest(cycle) == digest(back(cycle))
    for value in CONTAINERS + LIBRARY:
        assert digest([value]) == digest([back(value)])


# ---- other CBOR libraries ----

def as_cbor2_sees(node):
    """objects.parse() with marks resolved, in the shape that cbor2 gives."""
    marks = []

    def walk(node):
        if isinstance(node, list):
            return [walk(item) for item in node]
        if not isinstance(node, objects.Tag):
            return node
        if node.tag == "map":
            return dict(zip(map(walk, node.value[::2]), map(walk, node.value[1::2])))
        if node.tag == 28:
            marks.append(None)
            at = len(marks) - 1
            marks[at] = walk(node.value)
            return marks[at]
        if node.tag == 29:
            return marks[node.value]
        if node.tag in (2, 3):
            number = int.from_bytes(node.value, "big")
            return number if node.tag == 2 else -1 - number
        return ("tag", node.tag, walk(node.value))
    return walk(node)


def of_cbor2(value):
    if hasattr(value, "tag") and hasattr(value, "value"):
        return ("tag", value.tag, of_cbor2(value.value))
    if isinstance(value, (list, tuple)):
        return [of_cbor2(item) for item in value]
    if isinstance(value, collections.abc.Mapping):
        return {of_cbor2(k): of_cbor2(v) for k, v in value.items()}
    return value


def test_cbor2__reads_the_same_items():
    cbor2 = pytest.importorskip("cbor2")
    shared = [1]
    ordinary = [v for v in INTS + TEXTS + BYTES + OTHERS + CONTAINERS + LIBRARY
                if not isinstance(v, (float, complex, fractions.Fraction, uuid.UUID)) and
                type(v) is not datetime.date]
    for value in ordinary + [[shared, shared, (shared,)], {"a": shared, "b": [shared]}]:
        stream, _ = encode(value)
        assert of_cbor2(cbor2.loads(stream)) == as_cbor2_sees(objects.parse(stream)[0])


# ---- hypothesis ----

try:
    from hypothesis import HealthCheck, given, settings, strategies as st
except ImportError:
    st = None

if st:
    # not NaN: its hash is its address
    KEYS = (st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() |
            st.binary() |
            st.text(st.integers(0xD800, 0xDFFF).map(chr) | st.characters(), max_size=5))
    HASHABLE = st.recursive(KEYS, lambda inner: st.lists(inner, max_size=4).map(tuple) |
                            st.frozensets(inner, max_size=4), max_leaves=6)
    ATOMS = HASHABLE | st.complex_numbers() | st.decimals() | st.datetimes() | st.uuids() | \
        st.binary().map(bytearray) | st.sets(HASHABLE, max_size=6) | st.timedeltas() | \
        st.lists(st.floats(), min_size=14, max_size=20) | \
        st.lists(st.integers(-2 ** 64, 2 ** 64), min_size=14, max_size=20)

    @st.composite
    def graphs(draw):
        """Containers filled with atoms and with each other, so with aliases and cycles."""
        nodes = [draw(st.sampled_from([list, dict, collections.deque]))()
                 for _ in range(draw(st.integers(1, 6)))]
        for node in nodes:
            for i in range(draw(st.integers(0, 5))):
                item = draw(st.sampled_from(nodes) | ATOMS)
                if draw(st.booleans()):
                    item = (item, draw(st.sampled_from(nodes)), item)
                if isinstance(node, dict):
                    node[draw(HASHABLE)] = item
                else:
                    node.append(item)
        return nodes

    def assert_isomorphic(a, b):
        """The same types, content and identity structure."""
        seen, todo = {}, [(a, b)]
        while todo:
            a, b = todo.pop()
            assert type(a) is type(b)
            if isinstance(a, (list, dict, collections.deque, tuple, bytearray, set)) and a != ():
                if id(a) in seen:
                    assert seen[id(a)] is b
                    continue
                seen[id(a)] = b
            if isinstance(a, (list, tuple, collections.deque)):
                assert len(a) == len(b)
                todo += zip(a, b)
            elif isinstance(a, dict):
                assert len(a) == len(b)
                todo += itertools.chain(zip(a, b), zip(a.values(), b.values()))
            elif isinstance(a, (set, frozenset)):
                assert len(a) == len(b)
                todo += zip(a, b)
            else:
                assert same(a, b)

    @settings(deadline=None, max_examples=300, suppress_health_check=list(HealthCheck))
    @given(graphs())
    def test_any_graph__comes_back_with_its_structure(graph):
        restored = back(graph)
        assert_isomorphic(graph, restored)
        assert _core._digest(graph) == _core._digest(restored)
        # written again it is the same stream, if the same objects are shared
        assert _core._digest(back(restored)) == _core._digest(graph)


def test_datetime__that_stands_twice_keeps_its_one_zone():
    for make in (lambda zone: datetime.datetime(2026, 1, 1, tzinfo=zone),
                 lambda zone: datetime.time(1, tzinfo=zone)):
        # nothing else refers to the zone
        moment = make(datetime.timezone(datetime.timedelta(hours=3), "three"))
        first, second = back([moment, moment])
        assert first.tzinfo is second.tzinfo
