"""Graphs: instances of classes, functions with cells, iterators over what others hold."""
import collections
import copy
import dataclasses
import enum
import functools
import types

from graph_kinds_builtin import Value
from graphs import Kind, kind

RANGE = type(iter(range(0)))
NAMES = ["a", "b", "long_name", "x1"]


def flat(pairs):
    return [part for pair in pairs for part in pair]


class Plain:
    pass


class Slotted:
    __slots__ = ("a", "b", "__weakref__")


@dataclasses.dataclass
class Record:
    first: object
    rest: list = dataclasses.field(default_factory=list)


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Frozen:
    one: object
    other: object


Pair = collections.namedtuple("Pair", "left right")


class Items(list):
    pass


class Pairs(dict):
    pass


class Stated:
    """Says itself what it is made of."""

    def __init__(self, value=None):
        self.value, self.derived = value, [value]

    def __getstate__(self):
        return {"value": self.value}

    def __setstate__(self, state):
        self.value = state["value"]
        self.derived = [self.value]


class Made:
    """Made by a function of two arguments."""

    def __init__(self, left, right):
        self.left, self.right = left, right

    def __reduce__(self):
        return Made, (self.left, self.right)


class Colour(enum.Enum):
    RED = 1
    BLUE = "b"


class Rights(enum.Flag):
    READ = 1
    WRITE = 2


def keeper(value):
    def keep(*new):
        nonlocal value
        if new:
            value = new[0]
        return value
    return keep


@kind
class Attributes(Kind):
    types = (Plain,)

    def make(self, rng, pick):
        value = Plain()
        self.fill(rng, value, pick)
        return value

    def fill(self, rng, value, pick):
        for name in rng.sample(NAMES, rng.randrange(4)):
            setattr(value, name, pick.any())

    def parts(self, value):
        return flat(vars(value).items())

    def work(self, rng, value, pick):
        name = rng.choice(NAMES)
        if rng.random() < 0.3:
            vars(value).pop(name, None)
        else:
            setattr(value, name, pick.any())


@kind
class Slots(Kind):
    types = (Slotted,)

    def make(self, rng, pick):
        value = Slotted()
        self.fill(rng, value, pick)
        return value

    def fill(self, rng, value, pick):
        for name in rng.sample(["a", "b"], rng.randrange(3)):
            setattr(value, name, pick.any())

    def facts(self, value):
        return str([name for name in ("a", "b") if hasattr(value, name)])

    def parts(self, value):
        return [getattr(value, name) for name in ("a", "b") if hasattr(value, name)]

    def work(self, rng, value, pick):
        value.b = pick.any()


@kind
class Records(Kind):
    types = (Record,)

    def make(self, rng, pick):
        return Record(pick.any(), pick.several(2))

    def fill(self, rng, value, pick):
        value.rest.append(pick.any())

    def parts(self, value):
        return [value.first, value.rest]

    def work(self, rng, value, pick):
        value.first = pick.any()


class Fixed(Kind):
    """Two parts from the beginning, which stay."""
    weight = 2

    def make(self, rng, pick):
        return self.types[0](pick.any(), pick.any())

    def parts(self, value):
        return [getattr(value, name) for name in self.names]


@kind
class Frozens(Fixed):
    types, names = (Frozen,), ("one", "other")


@kind
class NamedTuples(Fixed):
    types, names = (Pair,), ("left", "right")


@kind
class ByFunction(Fixed):
    types, names = (Made,), ("left", "right")


@kind
class WithState(Kind):
    types = (Stated,)
    weight = 2

    def make(self, rng, pick):
        return Stated(pick.any())

    def parts(self, value):
        return [value.value, *value.derived]

    def work(self, rng, value, pick):
        value.value = pick.any()
        value.derived = [value.value]


@kind
class DerivedLists(Kind):
    types = (Items,)
    weight = 2

    def make(self, rng, pick):
        value = Items(pick.several())
        value.tag = pick.any()
        return value

    def fill(self, rng, value, pick):
        value.append(pick.any())

    def parts(self, value):
        return [*value, value.tag]

    def work(self, rng, value, pick):
        if value and rng.random() < 0.3:
            value.pop()
        else:
            value.append(pick.any())


@kind
class DerivedDicts(Kind):
    types = (Pairs,)
    weight = 2

    def make(self, rng, pick):
        return Pairs((pick.key(), pick.any()) for _ in range(rng.randrange(4)))

    def fill(self, rng, value, pick):
        value["own"] = pick.any()

    def parts(self, value):
        return flat(value.items())

    def work(self, rng, value, pick):
        value[pick.key()] = pick.any()


@kind
class Enums(Value):
    types = (Colour, Rights)
    weight = 1

    def make(self, rng, pick):
        return rng.choice([*Colour, *Rights, Rights.READ | Rights.WRITE])


@kind
class Partials(Kind):
    types = (functools.partial,)
    weight = 1

    def make(self, rng, pick):
        return functools.partial(Pair, pick.any(), right=pick.any())

    def parts(self, value):
        return [*value.args, *flat(value.keywords.items())]


@kind
class Closures(Kind):
    types = (types.FunctionType,)

    def make(self, rng, pick):
        other = pick.of(types.FunctionType)
        if other is None or rng.random() < 0.5:
            return keeper(pick.any())
        return types.FunctionType(other.__code__, other.__globals__, "sibling", None,
                                  other.__closure__)

    def fill(self, rng, value, pick):
        if rng.random() < 0.3:
            value(pick.any())

    def facts(self, value):
        return f"{value.__name__} {value.__qualname__}"

    def parts(self, value):
        return list(value.__closure__)

    def work(self, rng, value, pick):
        value(pick.any())


@kind
class Cells(Kind):
    """Only ever inside of functions."""
    types = (types.CellType,)
    weight = 0

    def parts(self, value):
        return [value.cell_contents]


@kind
class Iterators(Kind):
    """What is left to come, from a source that others may hold and change."""
    types = tuple(map(type, [iter([]), iter(()), iter(range(0)), reversed([]), enumerate(()),
                             zip(())]))

    def make(self, rng, pick):
        source = pick.of(list) or pick.of(Items) or [1, 2, 3]
        inner = pick.of(*self.types) or iter(source)
        value = rng.choice([
            lambda: iter(source), lambda: iter(pick.of(tuple) or (1, 2)),
            lambda: iter(range(rng.randrange(9))), lambda: reversed(source),
            lambda: enumerate(inner, rng.randrange(9)), lambda: zip(inner, iter(source))])()
        for _ in range(rng.randrange(3)):
            next(value, None)
        return value

    def parts(self, value):
        if type(value) is RANGE:
            return [*copy.copy(value)]  # what was handed out counts in no way
        reduced = value.__reduce__()
        return [*reduced[1], *reduced[2:]]

    def work(self, rng, value, pick):
        return type(next(value, None)).__name__
