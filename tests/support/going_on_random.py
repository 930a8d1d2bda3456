"""Random programs for going_on.py: every construct that puts something on the value stack.

`source(rng)` gives the text of a module with a function main(): functions that call one another,
loops over all kinds of iterators, try, with, generators, closures, classes with operators, arrays.
"""
PRELUDE = '''\
import sys
import contextlib
import functools
from going_on import save
class Manager:
    def __init__(self, out, swallows): self.out = out; self.swallows = swallows
    def __enter__(self):
        save(); self.out.append("in"); return 3
    def __exit__(self, kind, value, traceback):
        save(); self.out.append(("out", kind and kind.__name__)); save()
        self.out.append((str(sys.exc_info()[1]), value is sys.exc_info()[1]))
        return self.swallows
class Number:
    def __init__(self, n): save(); self.n = n
    def __getitem__(self, k): save(); return (self.n * 7 + k) % 101
    def __neg__(self): save(); return -self.n
    def __call__(self, k, j=1): save(); return (self.n + k * j) % 97
    @property
    def twice(self): save(); return self.n * 2
    def method(self, *rest, by=2): save(); return (self.n + sum(rest)) * by % 89
class Other:
    def __init__(self, n): self.n = n
    def __getattr__(self, name):
        if name.startswith("_"): raise AttributeError(name)
        save(); return len(name) + self.n
class Sub(Number):
    def __init__(self, n): super().__init__(n + 1); save()
    def method(self, *rest, by=3): return super().method(*rest, by=by) + 1
@contextlib.contextmanager
def manager(out):
    save()
    try: yield 5
    except KeyError as error: save(); out.append(("kept", error.args)); save()
    finally: save(); out.append("end")
def generator(n):
    for i in range(n):
        save()
        try: yield i + 1
        finally: save()
def delegating(n):
    got = yield from generator(n)
    yield from enumerate(generator(1))
    yield (7, got)
'''
ITERABLES = """range(3)|[4, 5]
enumerate([7, 8])|zip((1, 2), (3, 4))|{1: 2, 5: 6}.items()|generator(2)
enumerate(generator(2))|reversed([1, 2])|map(abs, (1, -2))|(save() and q for q in (1, 2))|"ab"
delegating(1)|zip(generator(2), "xy")|filter(None, generator(2))|{3, 4}|iter([6, 7])
""".replace("\n", "|").strip("|").split("|")


class Writer:
    def __init__(self, rng):
        self.rng = rng
        self.functions = rng.randint(2, 4)
        self.lines = []
        self.left = rng.randint(25, 60)

    def put(self, indent, text):
        self.lines.append("    " * indent + text)

    def expression(self, depth, function):
        rng = self.rng
        kind = rng.randrange(19)
        if depth <= 0 or kind < 3:
            return rng.choice(["a", "b", "c", str(rng.randint(0, 9))])

        def e():
            return self.expression(depth - 1, function)
        callee = f"f{rng.randint(function + 1, self.functions - 1)}" \
            if function + 1 < self.functions else "max"
        forms = ["({} + {})", "({} * {} % 97)", "(save() and {})", callee + "({}, {})",
                 "sum([{} for x%d in (1, 2) if {} > -1])" % depth, "({} if {} % 2 else {})",
                 "({} < {} < {})", "[{}, {}][{} % 2]", callee + "(*({}, {}))",
                 "Number({})[{}]", "Number({})({}, j={})", "-Number({})", "Number({}).twice",
                 "Sub({}).method({}, by={})", "Other({}).other", "(lambda v: v + {})({})",
                 "functools.partial(Number({}).method, {})()"]
        form = rng.choice(forms)
        return form.format(*(e() for _ in range(form.count("{}"))))

    def block(self, indent, function, depth, loop, final):
        for _ in range(self.rng.randint(1, 3)):
            self.statement(indent, function, depth, loop, final)

    def statement(self, indent, function, depth, loop, final):
        rng = self.rng
        self.left -= 1
        kind = rng.randrange(18) if depth > 0 and self.left > 0 else rng.randrange(6)
        inside = (indent + 1, function, depth - 1)
        if kind == 0:
            self.put(indent, "save()")
        elif kind == 1:
            self.put(indent, f"{rng.choice('abc')} = {self.expression(2, function)}")
        elif kind == 2:
            self.put(indent, f"out.append({self.expression(2, function)})")
        elif kind == 3:
            self.put(indent, f"{rng.choice('abc')} += {self.expression(2, function)}")
        elif kind == 4:
            test = self.expression(1, function)
            if loop and not final and rng.random() < .4:
                self.put(indent, f"if {test} % 5 == 0: {rng.choice(['break', 'continue'])}")
            elif rng.random() < .3 and not final:
                self.put(indent, f"if {test} % 11 == 3: return {self.expression(2, function)}")
            else:
                self.put(indent, "inner()")
        elif kind == 5:
            error = rng.choice(["ValueError", "KeyError"])
            self.put(indent, f"if {self.expression(1, function)} % 4 == 1: raise {error}(a)")
        elif kind in (6, 7):
            name = rng.choice("ij")
            self.put(indent, f"for {name} in {rng.choice(ITERABLES)}:")
            self.put(indent + 1, f"c = (c * 3 + len(str({name}))) % 1009")
            self.block(*inside, True, False)
        elif kind == 8:
            name = f"w{indent}"
            self.put(indent, f"{name} = 0")
            self.put(indent, f"while {name} < 2:")
            self.put(indent + 1, f"{name} += 1")
            self.block(*inside, True, False)
        elif kind in (9, 10, 11, 12):
            self.handlers(indent, inside, loop, final)
        elif kind in (13, 14):
            made = rng.choice(["Manager(out, True)", "Manager(out, False)", "manager(out)"])
            self.put(indent, f"with {made} as b:")
            self.block(*inside, loop, final)
        elif kind == 15:
            self.put(indent, f"if {self.expression(2, function)} % 2:")
            self.block(*inside, loop, final)
            self.put(indent, "else:")
            self.block(*inside, loop, final)
        else:
            parts = ", ".join(self.expression(1, function) for _ in range(2))
            self.put(indent, f"a, (b, *r) = {self.expression(1, function)}, ({parts})")

    def handlers(self, indent, inside, loop, final):
        form = self.rng.randrange(4)
        self.put(indent, "try:")
        self.block(*inside, loop, final)
        if form != 3:
            self.put(indent, "except ValueError as error:")
            self.put(indent + 1, "out.append(('V', error.args, str(error.__context__)))")
            self.block(*inside, loop, final)
            if self.rng.random() < .25:
                self.put(indent + 1, "raise")
        if form == 2:
            self.put(indent, "else:")
            self.block(*inside, loop, final)
        if form == 3 or self.rng.random() < .3:
            self.put(indent, "finally:")
            self.put(indent + 1, "out.append(str(sys.exc_info()[0]))")
            self.block(*inside, False, True)

    def write(self):
        for number in range(self.functions):
            self.put(0, f"def f{number}(a, b=1, *, out=None):")
            self.put(1, "c = 1")
            self.put(1, "if out is None: out = []")
            self.put(1, "if len(out) > 40: return 1")
            self.put(1, "def inner():")
            self.put(2, "nonlocal c")
            self.put(2, "c = (c * 3 + a) % 1013")
            self.put(2, "save(); return c")
            self.block(1, number, 3, False, False)
            self.put(1, "out.append((a, b, c))")
            self.put(1, "return (a + b * 3 + c * 7) % 10007")
        self.put(0, "def main():")
        self.put(1, "out, gave = [], []")
        self.put(1, "for k in range(2):")
        self.put(2, "try: gave.append(f0(k, k + 1, out=out))")
        self.put(2, "except Exception as error: gave.append((type(error).__name__, error.args, "
                    "type(error.__context__).__name__))")
        self.put(1, "return gave, out")
        return PRELUDE + "\n".join(self.lines) + "\n"


def source(rng):
    return Writer(rng).write()
