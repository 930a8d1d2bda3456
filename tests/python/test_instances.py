"""Objects by their own reduction: GLOBAL, INSTANCE and Opaque."""
import collections
import copy
import copyreg
import dataclasses
import datetime
import enum
import functools
import threading

import pytest
from resume import Opaque, ResumeError, _core


class Plain:
    def __init__(self, **attributes):
        self.__dict__.update(attributes)


class Slotted:
    __slots__ = ("a", "b", "__dict__")


class Items(list):
    pass


class Pairs(dict):
    pass


class Colour(enum.Enum):
    RED = 1


Point = collections.namedtuple("Point", "x y")


@dataclasses.dataclass
class Record:
    x: int = 1
    y: list = dataclasses.field(default_factory=list)


class WithState:
    def __init__(self):
        self.kept, self.dropped = 1, threading.Lock()

    def __getstate__(self):
        return {"kept": self.kept}

    def __setstate__(self, state):
        self.kept, self.dropped = state["kept"], "new"


def a_function():
    pass


class Meta(type):
    """Makes classes that no module has; a reducer of copyreg makes them again."""
    made = {}

    def __new__(cls, name):
        if name not in cls.made:
            cls.made[name] = super().__new__(cls, name, (), {"value": len(name)})
        return cls.made[name]

    def __init__(cls, name):
        pass


copyreg.pickle(Meta, lambda cls: (Meta, (cls.__name__,)))


def back(value, mine=True, **options):
    stream, blobs, notes = _core._encode(value)
    assert notes == []
    restored, notes = _core._decode(stream, blobs, mine=mine, **options)
    # the hash of an object may be its address
    assert all("the order of a set" in note for note in notes)
    return restored


def test_plain__attributes_and_cycles():
    one = Plain(x=1, inner=Plain(y=[2]))
    one.me = one
    restored = back([one, one])
    assert restored[0] is restored[1] is restored[0].me
    assert type(restored[0]) is Plain and restored[0].x == 1 and restored[0].inner.y == [2]


def test_slots__are_set():
    one = Slotted()
    one.a, one.z = 1, 2
    restored = back(one)
    assert (restored.a, restored.z, hasattr(restored, "b")) == (1, 2, False)


def test_containers__of_a_class_of_their_own():
    items, pairs = Items([1, 2]), Pairs(a=1)
    items.append(items)
    items.name, pairs["me"] = "x", pairs
    a, b = back([items, pairs])
    assert type(a) is Items and a[:2] == [1, 2] and a[2] is a and a.name == "x"
    assert type(b) is Pairs and b["a"] == 1 and b["me"] is b


@pytest.mark.parametrize("value", [
    Colour.RED, Point(1, [2]), Record(3, [4]), ValueError("x", 2), type(None), len, Plain,
    a_function, int.from_bytes, Colour, collections.OrderedDict, "".join, object], ids=repr)
def test_values__come_back(value):
    restored = back(value)
    assert type(restored) is type(value) and repr(restored) == repr(value)


def test_partial__keeps_function_and_arguments():
    assert back(functools.partial(int, base=2))("101") == 5


def test_state_methods__are_used():
    restored = back(WithState())
    assert restored.kept == 1 and restored.dropped == "new"


def test_problem__names_the_path_to_what_has_no_state():
    with pytest.raises(TypeError, match=r"value\['a'\]\[0\]\.lock \(_thread.lock\): cannot"):
        _core._encode({"a": [Plain(lock=threading.Lock())]})


class Changing:
    def __setstate__(self, state):
        self.x = state["gone"]


def test_failure__of_a_class_names_it_and_its_cause():
    one = Changing()
    one.x = 1
    stream, blobs, _ = _core._encode([one])
    with pytest.raises(ResumeError, match="'test_instances.Changing' can't be .*KeyError: 'gone'"):
        _core._decode(stream, blobs, mine=True)
    try:
        _core._decode(stream, blobs, mine=True)
    except ResumeError as error:
        assert type(error.__cause__) is KeyError


# ---- cycles ----

class Growing:
    """Another list each time."""

    def __reduce__(self):
        return Growing, ([self],)


class Made:
    """By a call with what it holds."""

    def __init__(self, *parts):
        self.parts = parts

    def __reduce__(self):
        return Made, self.parts


class Named:
    """Equal by name: it has no hash before it has a state."""

    def __init__(self, name):
        self.name = name

    def __eq__(self, other):
        return type(other) is Named and self.name == other.name

    def __hash__(self):
        return hash(self.name)


class Looking:
    """Looks into what it gets as its state."""

    def __init__(self, *around):
        self.around = around
        self.seen = None

    def __getstate__(self):
        return {"around": self.around}

    def __setstate__(self, state):
        self.__dict__.update(state)
        self.seen = [list(one) for one in self.around if isinstance(one, (tuple, frozenset))]


def test_cycle__through_what_makes_an_object():
    child = Plain()
    node = Made(child)
    child.parent = node
    restored = back(node)
    assert type(restored) is Made and restored.parts[0].parent is restored
    a, b = back([child, node])
    assert a.parent is b and b.parts[0] is a
    inner = []
    deep = Made(inner, Made(inner))
    inner.append(deep)
    restored = back(deep)
    assert restored.parts[0] is restored.parts[1].parts[0] and restored.parts[0][0] is restored
    lists = [[number] for number in range(30)]  # each leads to what they make
    many = Made(*lists)
    for one in lists:
        one.append(many)
    restored = back(many)
    assert [one[0] for one in restored.parts] == list(range(30))
    assert all(one[1] is restored for one in restored.parts)


@pytest.mark.parametrize("outside_in", [True, False])
def test_cycle__made_of_a_list_that_leads_to_the_tuple_around_it(outside_in):
    inner = []
    around = (inner, Made(inner), collections.Counter({"k": inner}), frozenset([Made(inner)]))
    inner.append(around)
    restored = back(around) if outside_in else back(inner)[0]
    assert restored[0][0] is restored and restored[1].parts[0] is restored[0]
    assert restored[2]["k"] is restored[0] and next(iter(restored[3])).parts[0] is restored[0]


def test_cycle__of_what_can_not_be_made_is_refused():
    class_with_itself = Made()
    class_with_itself.parts = ([class_with_itself],)
    restored = back(class_with_itself)
    assert restored.parts[0][0] is restored
    one = Made()
    one.parts = (one,)
    with pytest.raises(TypeError, match="holds the object itself"):
        _core._encode(one)
    with pytest.raises(TypeError, match="holds the object itself"):
        _core._encode(Growing())
    two = Made()
    around = (two,)
    two.parts = (around,)
    with pytest.raises(TypeError, match="value.* part of what makes an object"):
        _core._encode(around)


def test_cycle__a_key_that_has_its_state_later():
    one = Named("a")
    one.index = {1: 2, one: 3, "x": 4}
    one.group = {one, 1}
    one.frozen = frozenset([one, "y"])
    one.pairs = collections.OrderedDict({one: 1, 0: 2})
    restored = back(one)
    assert restored.index == {1: 2, restored: 3, "x": 4} and list(restored.index)[1] is restored
    assert restored.group == {restored, 1} and restored.frozen == {restored, "y"}
    assert restored in [each for each in restored.frozen if each is restored]
    assert list(restored.pairs) == [restored, 0]
    nested = Named("b")
    nested.index = {(1, (nested, frozenset([nested]))): 1}
    key, = back(nested).index
    assert key[1][0].index == {key: 1} and key[1][0] in key[1][1]


def test_cycle__through_tuples_and_frozensets():
    one = Plain()
    around = (one, frozenset([one]))
    one.around, one.group, one.index = around, around[1], {around: 1}
    for value in (around, one, around[1], one.index):
        restored = back([value, around])[1]
        assert type(restored) is tuple and restored[0].around is restored
        assert restored[0].group is restored[1] and restored[0] in restored[1]
        assert restored[0].index[restored] == 1
    hash(restored)


def test_cycle__code_of_a_class_sees_complete_tuples():
    one, two = Looking(), Looking()
    group = frozenset([one, 5])
    around = (one, two, [1], group)
    one.around, two.around = (around, group), (around,)
    for value in (around, one, two, group):
        restored = back([around, value] if value is around else [value, around])
        restored = restored[0] if value is around else restored[1]
        assert restored[0].seen == [list(restored), list(restored[3])]
        assert restored[1].seen == [list(restored)] and restored[0] in restored[3]


def test_cycle__lists_are_never_half_built():
    class Watching(Looking):
        def __setstate__(self, state):
            self.__dict__.update(state)
            self.seen = [repr(one) for one in self.around]
            self.around[0].append("new")

    globals()["Watching"] = Watching
    Watching.__qualname__ = "Watching"
    outer = [1, 2]
    watching = Watching(outer)
    watching.around = (outer,)
    outer += [watching, 3, [4]]
    restored = back(outer)
    assert restored[0:2] == [1, 2] and "new" in restored and restored[-1] == [4]


def test_depth__a_long_chain_needs_no_recursion():
    first = last = Plain()
    for _ in range(50000):
        last.next = Plain(previous=last)
        last = last.next
    made = None
    for _ in range(50000):
        made = Made(made)
    restored, made = back([first, made])
    count = 0
    while hasattr(restored, "next"):
        assert restored.next.previous is restored
        restored, count = restored.next, count + 1
    assert count == 50000
    for _ in range(50000):
        made = made.parts[0]
    assert made is None
    while hasattr(first, "next"):  # no chain is left to be freed by recursion
        first = first.__dict__.pop("next")


# ---- what is not mine ----

def test_not_mine__nothing_is_called():
    one = Plain(x=1)
    one.me = one
    opaque, items, point, function = back([one, Items([1]), Point(1, 2), a_function], mine=False)
    assert type(opaque) is Opaque and opaque.type == f"{__name__}.Plain"
    assert opaque.state["x"] == 1 and opaque.state["me"] is opaque
    assert items.state["items"] == [1] and point.state["arguments"][1:] == (1, 2)
    assert point.type == f"{__name__}.Point"
    assert function.type == f"{__name__}.a_function" and function.state is None


def test_trusted__names_alone_are_made():
    trusted = frozenset({f"{__name__}.Point"})
    point, record = back([Point(1, Record()), Record()], mine=False, trusted=trusted)
    assert type(point) is Point and type(point.y) is Opaque and type(record) is Opaque


def test_opaque__is_saved_again_and_stays_opaque():
    opaque = back(Plain(x=[1]), mine=False)
    again = back([opaque, opaque], mine=True)
    assert again[0] is again[1] and type(again[0]) is Opaque
    assert (again[0].type, again[0].state) == (f"{__name__}.Plain", {"x": [1]})


def test_opaque__shows_what_it_is():
    assert repr(Opaque("a.B\x1b[31m", {"x": 1})) == "Opaque('a.B\\x1b[31m', {'x': 1})"
    cycle = Opaque("a.B", [])
    cycle.state.append(cycle)
    assert len(repr(cycle)) < 200 and repr(cycle).startswith("Opaque('a.B', [")
    assert copy.copy(Opaque("a.B", 5)).state == 5
    with pytest.raises(AttributeError):
        cycle.type = "x"


def test_a_class_whose_metaclass_has_a_reducer():
    made = [Meta("abc"), Meta("abc")()]
    again = back(made)
    assert again[0] is Meta("abc") and type(again[1]) is Meta("abc")


@pytest.mark.parametrize("factory", [a_function, Plain, functools.partial(int, 3)])
def test_defaultdict_of_a_factory_of_the_program(factory):
    value = collections.defaultdict(factory, {"a": 1})
    value["itself"] = value
    again = back(value)
    assert type(again) is collections.defaultdict and again["itself"] is again
    assert again["a"] == 1 and repr(again.default_factory) == repr(factory)
    assert isinstance(back(value, mine=False), Opaque)


def values_to_break():
    named, plain = Named("a"), Plain()
    named.index, named.group = {1: 2, named: 3}, {named, 1}
    around = (plain, frozenset([plain]))
    plain.around, plain.group, plain.index = around, around[1], {around: 1}
    child = Plain()
    child.parent = Made(child)
    looking = Looking()
    looking.around = ((looking, [1]), around)
    others = [Point(1, [2]), Record(3, [4]), Colour.RED, ValueError("x"), Items([1]), Pairs(a=1)]
    return [named, around, plain, child, child.parent, looking, others, {Plain(x=1): len}]


def test_broken_streams__build_nothing_and_never_crash(rng, amount):
    streams = [_core._encode(value)[0] for value in values_to_break()]
    pieces = [b"\xd8\x1d\0", b"\xd8\x1d\1", b"\xd8\x1c", b"\xd9\x99\x73", b"\x83\0", b"\xf6"]
    for i in range(amount(20000, 2000, 500)):
        stream = bytearray(rng.choice(streams))
        for _ in range(rng.choice([1, 1, 2, 4])):
            at, how = rng.randrange(len(stream)), rng.randrange(4)
            if how == 0:
                stream[at] ^= 1 << rng.randrange(8)
            elif how == 1 and len(stream) > 8:
                del stream[at:at + rng.randrange(1, 5)]
            elif how == 2:
                stream[at:at] = rng.choice(pieces)
            else:
                other = rng.choice(streams)
                start = rng.randrange(len(other))
                stream[at:at] = other[start:start + rng.randrange(1, 30)]
        try:
            value, _ = _core._decode(bytes(stream), [], foreign=i % 2 == 0)
        except ResumeError:
            continue
        assert type(value) not in (Named, Plain, Made, Looking)
        _core._encode(value)


class OwnDict(dict):
    def __init__(self, **items):
        super().__init__(**items)
        self.__dict__ = self


class SetsState:
    def __setstate__(self, state):
        self.__dict__.update(state)


class SlotsState:
    __slots__ = ("a", "__dict__")

    def __setstate__(self, state):
        self.__dict__.update(state[0])
        self.a = state[1]["a"]


class GivesState:
    def __getstate__(self):
        return {"x": self.x}


class BothStates:
    def __getstate__(self):
        return self.x,

    def __setstate__(self, state):
        self.x, = state


class SetsAttributes:
    def __setattr__(self, name, value):
        assert name == "x"
        object.__setattr__(self, name, value)


@dataclasses.dataclass(frozen=True)
class Frozen:
    x: int = 1


class Fault(OSError):
    pass


def caused():
    try:
        raise KeyError(1)
    except KeyError as error:
        made = Fault(2, "x")
        made.__cause__ = error
        return made


@pytest.mark.parametrize("make", [
    Plain, Items, Pairs, OwnDict, SetsState, SlotsState, GivesState, BothStates, SetsAttributes,
    Frozen, Fault, caused])
@pytest.mark.parametrize("dict_first", [False, True])
def test_its_dict__stays_that_of_the_object_where_others_hold_it(make, dict_first):
    made = make()
    if make is not Frozen:
        made.x = 1
    if make is SlotsState:
        made.a = 2
    order = [vars(made), made] if dict_first else [made, vars(made)]
    stream, blobs, notes = _core._encode(order)
    back = _core._decode(stream, blobs, mine=True)[0]
    dictionary, again = back[:2] if dict_first else reversed(back[:2])
    assert type(again) is type(made) and vars(again) is dictionary and not notes
    assert dict(dictionary) == dict(vars(made)) and again.x == 1
    assert getattr(again, "a", 2) == 2
    dictionary["y"] = 3
    assert again.y == 3


def test_its_dict__of_a_class_of_its_own_is_kept_without_a_holder():
    for made in (OwnDict(x=1), Plain()):
        if type(made) is Plain:
            made.__dict__ = collections.OrderedDict(x=1)
        again = _core._decode(_core._encode([made])[0], [], mine=True)[0][0]
        assert type(vars(again)) is type(vars(made)) and again.x == 1
        assert (vars(again) is again) == (type(made) is OwnDict)


@pytest.mark.parametrize("args", [(), (1,), (1, 2), (1, (1, 2)), (1, (None, None, 1)),
                                  (1, (None, None, {}))])
def test_what_sets_it__takes_objects_with_a_dict_alone(args):
    with pytest.raises((TypeError, AttributeError)):
        _core._set_dict(*args)


class Money(int):
    def __new__(cls, units, cents=0):
        return super().__new__(cls, units * 100 + cents)


class Warm(float):
    def __new__(cls, celsius, unit):
        self = super().__new__(cls, celsius * 1.8 + 32)
        self.unit = unit
        return self


class Couple(tuple):
    def __new__(cls, first, second):
        return super().__new__(cls, (first, second))


class Shout(str):
    def __new__(cls, text, times):
        return super().__new__(cls, text.upper() * times)


class Recent(collections.OrderedDict):
    def __init__(self, size):
        super().__init__()
        self.size = size


class LastFew(collections.deque):
    def __init__(self, size, start):
        super().__init__(start, maxlen=size)
        self.made = size


class NamedSet(set):
    def __init__(self, name, items):
        super().__init__(items)
        self.name = name


class FrozenBag(frozenset):
    def __new__(cls, *items):
        return super().__new__(cls, items)


class Index(collections.defaultdict):
    def __init__(self, name):
        super().__init__(list)
        self.name = name


class Day(datetime.date):
    def __new__(cls, text):
        return super().__new__(cls, *map(int, text.split("-")))


class Zone(datetime.tzinfo):
    def __init__(self, hours):
        self.hours = hours


def test_instances_of_builtin_classes__are_not_made_by_their_own_new_or_init_again():
    recent, index = Recent(3), Index("mayor")
    recent["a"] = recent
    index["x"].append(1)
    values = [Money(2, 5), Warm(10, "F"), Couple(1, 2), Shout("ab", 2), recent, LastFew(2, "abc"),
              NamedSet("n", [1, 2]), FrozenBag(1, 2), index, Day("2026-11-23"), Zone(2)]
    for _ in range(2):
        again = back(values)
        assert [type(value) for value in again] == [type(value) for value in values]
        money, warm, pair, shout, recent, window, named, frozen, index, day, zone = values = again
        assert (money, warm, warm.unit, pair, shout) == (205, 50.0, "F", (1, 2), "ABAB")
        assert recent.size == 3 and list(recent) == ["a"] and recent["a"] is recent
        assert list(window) == ["b", "c"] and (window.maxlen, window.made) == (2, 2)
        assert (named, named.name, frozen) == ({1, 2}, "n", {1, 2})
        assert index == {"x": [1]} and (index.name, index.default_factory) == ("mayor", list)
        assert day == datetime.date(2026, 11, 23) and zone.hours == 2
