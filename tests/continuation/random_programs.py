"""Makes programs at random: nested calls, loops, handlers, managers, generators, closures, classes.

source(seed) is the text of a module with a function main(), which always ends, saves often and
returns something comparable. The same seed gives the same program on every Python.
"""
import random

HEAD = '''
import contextlib
import dataclasses
import functools
import sys
from resume import sync as save


def saved():
    """Also when a save is not due, because one before was refused."""
    save()
    return True


class Manager:
    def __init__(self, trail, suppress):
        self.trail = trail
        self.suppress = suppress

    def __enter__(self):
        self.trail.append("enter")
        return 3

    def __exit__(self, kind, value, trace):
        self.trail.append(("exit", kind and kind.__name__))
        return self.suppress


class Counter:
    step = 1

    def __init__(self, start, array=None):
        self.n = start
        self.array = array
        save() if start % 3 == 0 else None

    def up(self, by=1):
        self.n = (self.n + by * self.step) % 1009
        save() if self.n % 2 else None
        return self.n

    @classmethod
    def make(cls, start):
        return cls(start % 50)

    @property
    def value(self):
        return self.n % 97


class Twice(Counter):
    step = 2

    def up(self, by=1):
        r = super().up(by) + super().up(by + 1)
        save()
        return r % 1009


def number(v):
    if isinstance(v, tuple):
        return number(v[0]) * 3 + number(v[1])
    return v["k"] if isinstance(v, dict) else ord(v) if isinstance(v, str) else v(2) \
        if callable(v) else int(v)


def gen(n):
    for i in range(n):
        save()
        try:
            yield i + 1
        finally:
            save()


def nested(n):
    if n > 0:
        yield n
        yield from nested(n - 1)
        save()


def sending(n):
    total = 0
    while total < n:
        got = yield total
        save()
        total += 1 + (got or 0) % 3


class Busy:
    """Saves wherever Python code of its own is run."""

    def __init__(self, trail, n):
        save()
        self.trail = trail
        self.n = n

    def __enter__(self):
        save()
        self.trail.append("in")
        return self.n % 5

    def __exit__(self, kind, value, trace):
        save()
        self.trail.append(("out", kind and kind.__name__, value is sys.exc_info()[1]))
        save()
        return self.n % 3 == 0

    def __getitem__(self, key):
        save()
        return (self.n * 7 + key) % 101

    def __setitem__(self, key, value):
        save()
        self.n = (key + value) % 103

    def __call__(self, v, by=1):
        save()
        return (self.n + v * by) % 97

    def __iter__(self):
        save()
        return iter([self.n % 7, 2])

    @property
    def twice(self):
        save()
        return self.n * 2

    @staticmethod
    def fixed(v):
        save()
        return v % 13


class Any:
    def __init__(self, n):
        self.n = n

    def __getattr__(self, name):
        if name.startswith("_"):
            raise AttributeError(name)
        save()
        return len(name) + self.n % 11


@dataclasses.dataclass
class Node:
    value: int
    left: object = None
    right: object = None

    def __post_init__(self):
        save() if self.value % 4 == 1 else None

    def walk(self):
        if self.left:
            yield from self.left.walk()
        save()
        yield self.value
        for below in (self.right,) if self.right else ():
            for value in below.walk():
                yield value + 1


def tree(n, a):
    if n <= 0:
        return Node(a % 10)
    return Node(a % 7, tree(n - 1, a + 1), tree(n - 2, a + 2) if n % 2 else None)


def twice_called(function):
    @functools.wraps(function)
    def wrapper(*args, **kwargs):
        first = function(*args, **kwargs)
        save()
        return (first + function(*args, **kwargs)) % 997
    return wrapper


@twice_called
def decorated(v, *rest, by=2):
    save()
    return v * by + sum(rest)


def makers(n):
    made = []
    for i in range(n):
        def made_here(v, i=i):
            nonlocal n
            n += 1
            save()
            return (v + i * n) % 101
        made.append(made_here)
    return made


def even(n, v):
    return v % 5 if n <= 0 else odd(n - 1, v + 1)


def odd(n, v):
    save()
    return v % 3 if n <= 0 else even(n - 1, v + 2) + 1


def shape(v):
    match v:
        case [int(x), *rest] if (save(), x)[1] >= 0:
            return x + len(rest)
        case {"k": x}:
            save()
            return x + 1
        case Node(value=x):
            return x + 2
        case _:
            return 3


@contextlib.contextmanager
def manager(trail):
    save()
    try:
        yield 5
    except KeyError as error:
        save()
        trail.append(("kept", error.args))
        save()
    finally:
        save()
        trail.append("end")


def delegating(n):
    got = yield from gen(n)
    yield from enumerate(gen(1))
    yield (7, got or 1)


def product(p, q):
    save()
    return sum((w := x * y) for x, y in [(p, q), (q, 1)]) + w


def depth(n, a):
    if n <= 0:
        save()
        return a % 7
    r = depth(n - 1, a + 1) + n
    if n % 2:
        save()
    return r
'''

NUMPY = '''
import numpy


def array_of(n):
    return numpy.arange(n, dtype="i8")


def view_of(array):
    return array[1::2]
'''

NO_NUMPY = '''
import array


def array_of(n):
    return array.array("q", range(n))


def view_of(array):
    return [array[1], array[3]]
'''

MAIN = '''

def main():
    trail = []
    out = []
    for k in range(2):
        try:
            out.append(f0(k, k + 1, trail=trail))
        except Exception as error:
            out.append((type(error).__name__, error.args, type(error.__context__).__name__))
    return out, trail[:400]
'''

EXPRESSIONS = """({0} + {1})|({0} * {1} % 97)|(saved() and {0})
sum([{0} for x{d} in (1, 2) if {1} > -1])|({0} if {1} % 2 else {0})|({0} < {1} < {0})
[{0}, {1}][{0} % 2]|counter.up({0} % 5)|counter.value|Counter.make({0}).up({1} % 4)
Twice({0} % 9).up()|depth({0} % 4, {1})|(lambda v, w=2: (save(), v + w)[1])({0})
len({{{0}, {1}}})|int(array[{0} % 4]) + {1}|max({0}, {1})|{{1: {0}, 2: {1}}}[1 + {0} % 2]
Busy(trail, {0})[{1} % 5]|Busy(trail, {0})({1}, by={0} % 4)|Busy(trail, {0}).twice
Busy.fixed({0})|Any({0}).other|decorated({0} % 50, {1} % 9)|decorated({0} % 9, by={1} % 5)
makers(3)[{0} % 3]({1})|even({0} % 5, {1})|shape([{0}, {1}])|shape({{"k": {0}}})
shape(Node({0} % 9))|sum([v for v in tree({0} % 4, {1}).walk()])|view[{0} % 2] + {1}
functools.partial(decorated, {0} % 20, by=2)()|next(nested({0} % 3 + 1))
([*gen({0} % 3)][-1:] == [{1}])
{{k: saved() and v + {0} for k, v in enumerate(gen(2))}}[1]
(lambda *v: (save(), sum(v))[1])(*[{0}, {1}])
product({0}, {1})|int("%d" % ({0} % 50))|len(f"{{a!r:>4}}{{c}}-{{saved()}}") + {0}|bump({0})"""
EXPRESSIONS = EXPRESSIONS.replace("\n", "|").split("|")
CALLS = ["f{n}({0}, {1})", "f{n}(b={0}, a={1})", 'f{n}(*({0},), **{{"b": {1}}})',
         "f{n}({0}, trail=trail)"]
ITERABLES = """range(3)|[4, 5]|enumerate([7, 8])|zip((1, 2), (3, 4))|{1: 2, 5: 6}.items()|gen(2)
enumerate(gen(2))|reversed([1, 2])|map(abs, (1, -2))|(saved() and q for q in (1, 2))|nested(3)
sending(2)|array[:3]|[gen(2), nested(2)][1]|iter([6, 7])|enumerate(nested(2), 3)|"abc".encode()
(depth(q % 3, q) for q in range(2))|sorted({3, 1, 2})|tree(2, 3).walk()|Busy(trail, 4)
zip(gen(2), "xy")|filter(None, gen(2))|map(int, gen(2))|makers(2)|delegating(1)
({"k": q} for q in nested(2))|view"""
ITERABLES = ITERABLES.replace("\n", "|").split("|")


class Writer:
    def __init__(self, seed):
        self.rnd = random.Random(seed)
        self.lines = []
        self.functions = self.rnd.randint(2, 4)
        self.budget = self.rnd.randint(25, 60)

    def put(self, indent, text):
        self.lines.append("    " * indent + text)

    def expression(self, depth, function):
        rnd = self.rnd
        if depth <= 0 or rnd.random() < 0.25:
            return rnd.choice(["a", "b", "c", str(rnd.randint(0, 9))])
        form = rnd.choice(EXPRESSIONS)
        if function + 1 < self.functions and rnd.random() < 0.3:
            form = rnd.choice(CALLS)
        parts = self.expression(depth - 1, function), self.expression(depth - 1, function)
        called = rnd.randint(function + 1, max(self.functions - 1, function + 1))
        return form.format(*parts, d=depth, n=called)

    def block(self, indent, function, depth, in_loop, in_finally):
        for _ in range(self.rnd.randint(1, 3)):
            self.statement(indent, function, depth, in_loop, in_finally)

    def statement(self, indent, function, depth, in_loop, in_finally):
        self.budget -= 1
        simple = [self.simple, self.simple, self.jump, self.fail]
        compound = [self.loop, self.loop, self.while_loop, self.handled, self.handled, self.managed,
                    self.branch]
        choices = simple + compound if depth > 0 and self.budget > 0 else simple
        self.rnd.choice(choices)(indent, function, depth, in_loop, in_finally)

    def simple(self, indent, function, *rest):
        e = self.expression
        name = self.rnd.choice("abc")
        text = self.rnd.choice([
            "save()", f"{name} = {e(2, function)}", f"trail.append({e(2, function)})",
            f"{name} += {e(2, function)}", "local()", f"counter.n = {e(1, function)} % 1009",
            f"array[{e(1, function)} % 4] = {e(2, function)} % 1000",
            f"view[{e(1, function)} % 2] = {e(2, function)} % 1000",
            f"busy[{e(1, function)} % 4] = {e(2, function)}", "thing.value += local()",
            f"a, (b, *r) = {e(1, function)}, ({e(2, function)}, {e(1, function)})"])
        self.put(indent, text)

    def jump(self, indent, function, depth, in_loop, in_finally):
        condition = self.expression(1, function)
        if in_finally:
            self.put(indent, "save()")
        elif in_loop and self.rnd.random() < 0.5:
            self.put(indent, f"if {condition} % 5 == 0:")
            self.put(indent + 1, self.rnd.choice(["break", "continue"]))
        else:
            self.put(indent, f"if {condition} % 11 == 3:")
            self.put(indent + 1, f"return {self.expression(2, function)}")

    def fail(self, indent, function, *rest):
        kind = self.rnd.choice(["ValueError", "KeyError", "ZeroDivisionError"])
        self.put(indent, f"if {self.expression(1, function)} % 4 == 1:")
        self.put(indent + 1, f"raise {kind}({self.expression(1, function)})")

    def loop(self, indent, function, depth, in_loop, in_finally):
        v = self.rnd.choice("ij")
        self.put(indent, f"for {v} in {self.rnd.choice(ITERABLES)}:")
        self.put(indent + 1, f"c = (c + number({v})) % 1009")
        self.block(indent + 1, function, depth - 1, True, False)
        if self.rnd.random() < 0.2:
            self.put(indent, "else:")
            self.block(indent + 1, function, depth - 1, in_loop, in_finally)

    def while_loop(self, indent, function, depth, in_loop, in_finally):
        w = f"w{indent}"
        self.put(indent, f"{w} = 0")
        self.put(indent, f"while {w} < 2:")
        self.put(indent + 1, f"{w} += 1")
        self.block(indent + 1, function, depth - 1, True, False)

    def handled(self, indent, function, depth, in_loop, in_finally):
        kind = self.rnd.randrange(4)
        self.put(indent, "try:")
        self.block(indent + 1, function, depth - 1, in_loop, in_finally)
        if kind != 3:
            self.put(indent, "except ValueError as error:")
            self.put(indent + 1, 'trail.append(("value", str(error.args)))')
            self.block(indent + 1, function, depth - 1, in_loop, in_finally)
            if self.rnd.random() < 0.25:
                self.put(indent + 1, "raise")
        if kind == 1:
            self.put(indent, "except KeyError:")
            self.block(indent + 1, function, depth - 1, in_loop, in_finally)
        if kind == 2:
            self.put(indent, "else:")
            self.block(indent + 1, function, depth - 1, in_loop, in_finally)
        if kind == 3 or self.rnd.random() < 0.3:
            self.put(indent, "finally:")
            self.put(indent + 1, "trail.append(str(sys.exc_info()[0]))")
            self.block(indent + 1, function, depth - 1, False, True)

    def managed(self, indent, function, depth, in_loop, in_finally):
        made = self.rnd.choice([f"Manager(trail, {self.rnd.random() < 0.3}) as b", "busy as b",
                                "manager(trail) as b", "manager(trail) as b, busy"])
        self.put(indent, f"with {made}:")
        self.block(indent + 1, function, depth - 1, in_loop, in_finally)

    def branch(self, indent, function, depth, in_loop, in_finally):
        self.put(indent, f"if {self.expression(2, function)} % 2:")
        self.block(indent + 1, function, depth - 1, in_loop, in_finally)
        self.put(indent, "else:")
        self.block(indent + 1, function, depth - 1, in_loop, in_finally)

    def function(self, number):
        self.put(0, "")
        self.put(0, "")
        self.put(0, f"def f{number}(a, b=1, *, trail=None):")
        for text in ("c = 1", "trail = [] if trail is None else trail", "if len(trail) > 400:",
                     "    return 1", "counter = Twice(a % 10) if b % 2 else Counter(b % 10)",
                     "array = array_of(4)", "view = view_of(array)", "busy = Busy(trail, a % 20)",
                     "thing = Node(b % 9)", "", "def local():", "    nonlocal c",
                     "    c = (c * 3 + a) % 1013", "    save()", "    return c", "",
                     "def bump(v):", "    nonlocal b", "    b = (b + v) % 1013", "    save()",
                     "    return local() if b % 3 == 0 else b", ""):
            self.put(1, text)
        self.block(1, number, 3, False, False)
        self.put(1, "return (a + b * 3 + c * 7 + counter.n + int(sum(array)) + busy.n + "
               "thing.value + int(view[0])) % 10007")


def source(seed, numpy=True):
    writer = Writer(seed)
    for number in range(writer.functions):
        writer.function(number)
    return HEAD + (NUMPY if numpy else NO_NUMPY) + "\n".join(writer.lines) + "\n" + MAIN
