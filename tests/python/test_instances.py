"""Objects by their own reduction: GLOBAL, INSTANCE and Opaque."""
import collections
import copy
import dataclasses
import enum
import functools
import threading

import pytest
from resume import Opaque, _core


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


def back(value, mine=True, **options):
    stream, blobs, notes = _core._encode(value)
    assert notes == []
    restored, notes = _core._decode(stream, blobs, mine=mine, **options)
    assert notes == []
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
    with pytest.raises(TypeError, match=r"value\['a'\]\[0\]\['lock'\] \(_thread.lock\): cannot"):
        _core._encode({"a": [Plain(lock=threading.Lock())]})


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
