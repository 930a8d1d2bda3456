"""Random graphs of values: made from a list of numbers, described, and worked on.

A recipe is a list of numbers. Each makes one value (its kind and what is in it come from
random.Random of that number) out of the values before it; then containers are filled once more,
with any of the values, so that there are cycles. The same recipe gives the same graph in every
process.

describe() writes all that makes two graphs the same: types, content, order, which objects are
one, which arrays share memory. work() changes a graph by random operations, the same ones for
graphs that are the same.

A kind of value is a subclass of Kind with the decorator @kind, in a module graph_kinds_*.py beside
this one: all of them are loaded. It says how a value is made, filled, described and changed.
"""
import importlib
import pathlib
import random
import sys

KINDS = []  # instances, in the order in which they were registered
BY_TYPE = {}


class Kind:
    """How values of some types are made and looked at."""

    types = ()  # the exact types
    weight = 4  # how often it is made
    shared = True  # two references to one object are told from two equal objects

    def make(self, rng, pick):
        """A new value; may hold values that `pick` gives."""
        raise NotImplementedError

    def fill(self, rng, value, pick):
        """Puts values into it that may hold `value` itself."""

    def is_shared(self, value):
        return self.shared

    def facts(self, value):
        """Text: what tells it from others of its type, without the parts."""
        return ""

    def facts_in(self, description, value):
        """The same, where it depends on other values or on how they are described."""
        return self.facts(value)

    def parts(self, value):
        """The values in it, in their order."""
        return ()

    def work(self, rng, value, pick):
        """Changes it; what comes out becomes part of the description."""


def kind(cls):
    made = cls()
    KINDS.append(made)
    for type_ in cls.types:
        assert type_ not in BY_TYPE, type_
        BY_TYPE[type_] = made
    return cls


def load_kinds():
    here = pathlib.Path(__file__).parent
    if str(here) not in sys.path:
        sys.path.insert(0, str(here))
    for path in sorted(here.glob("graph_kinds_*.py")):
        importlib.import_module(path.stem)


def kind_of(value):
    return BY_TYPE[type(value)]


# ---- making

def is_key(value):
    """Hashable, and with the same hash in every process of one hash seed."""
    if type(value) in (tuple, frozenset):
        return all(map(is_key, value))
    return type(value) in KEYS and value == value


KEYS = {int, float, complex, str, bytes, bool}  # kinds add theirs


class Pick:
    """Chooses among values that there are."""

    def __init__(self, rng, values):
        self.rng, self.values = rng, values

    def any(self):
        return self.rng.choice(self.values) if self.values else None

    def several(self, most=5):
        return [self.any() for _ in range(self.rng.randrange(most + 1))]

    def of(self, *types):
        """A value of one of these types, or None."""
        found = [value for value in self.values if type(value) in types]
        return self.rng.choice(found) if found else None

    def key(self):
        """A value that may be a key."""
        if self.values and self.rng.random() < 0.5:
            value = self.any()
            if is_key(value):
                return value
        return self.rng.choice([
            self.rng.randrange(-5, 50), self.rng.randrange(-10 ** 12, 10 ** 12),
            f"k{self.rng.randrange(30)}", self.rng.randrange(40) / 4,
            (self.rng.randrange(9), f"t{self.rng.randrange(9)}"), b"%d" % self.rng.randrange(9)])


def build(recipe):
    """The graph: a list of some of the values, so that the others live in them alone."""
    values, weights = [], [made.weight for made in KINDS]
    rngs = [random.Random(number) for number in recipe]
    for rng in rngs:
        made = rng.choices(KINDS, weights)[0]
        values.append(made.make(rng, Pick(rng, values)))
    for rng, value in zip(rngs, values):
        kind_of(value).fill(rng, value, Pick(rng, values))
    last = rngs[-1]
    return [value for value in values if last.random() < 0.4] + values[-1:]


# ---- describing

class Description:
    """Lines of text, and the shared objects in the order in which they are met."""

    def __init__(self, root, set_order=True):
        self.lines, self.objects, self.set_order = [], [], set_order
        self.numbers, self.memories, self.alive = {}, {}, []
        self.visit(root)

    def visit(self, value):
        made = kind_of(value)
        mark = ""
        if made.is_shared(value):
            number = self.numbers.setdefault(id(value), len(self.objects))
            if number < len(self.objects):
                self.lines.append(f"= {number}")
                return
            self.objects.append(value)
            mark = f"#{number} "
        at = len(self.lines)
        self.lines.append("")
        parts = list(made.parts(value))
        if not self.set_order and isinstance(value, (set, frozenset)):
            parts.sort(key=lambda part: Description(part, False).lines)
        self.alive.append(parts)  # an id may not be used again while this is written
        facts = made.facts_in(self, value)
        self.lines[at] = f"{mark}{type(value).__name__} {facts} {len(parts)}"
        for part in parts:
            self.visit(part)

    def place(self, owner, address):
        """Which memory, and where in it, counted from the place that was met first."""
        self.alive.append(owner)
        number, first = self.memories.setdefault(id(owner), (len(self.memories), address))
        return number, address - first


def describe(root, set_order=True):
    return Description(root, set_order).lines


def work(root, seed, steps):
    """`steps` random operations on the graph; returns what they gave."""
    rng = random.Random(seed)
    objects = Description(root).objects
    lines = []
    for _ in range(steps):
        pick = Pick(rng, objects)
        value = pick.any()
        try:
            came = kind_of(value).work(rng, value, pick)
        except (TypeError, ValueError) as error:  # numpy compares not everything with everything
            came = type(error).__name__
        if came is not None:
            lines.append(str(came))
    return lines
