"""Callers in the middle of an expression, closures, methods, recursion."""
import dataclasses
import functools

from resume import sync as save

from . import case, log


def level_3(x):
    save()
    return x + 1


def level_2(x, *, k=0):
    return [x, level_3(x) * 2 + k, {"k": level_3(k)}]


def level_1(x):
    return sum(level_2(x, k=7)[:2]) + 1000 * level_3(x)


@case
def mid_expression():
    a = 5
    r = a + level_1(a) * 2 - max(level_1(1), 3)
    s = f"{level_1(2)}-{r!r}"
    d = {**{"z": level_1(3)}, "q": (level_1(4), *[level_3(i) for i in range(2)])}
    return r, s, d


@case
def compared_in_a_chain():
    return [0 < level_3(i) < 3 <= level_3(i + 1) for i in range(4)]


@case
def closures():
    total, items = 0, []

    def add(v):
        nonlocal total
        total += v
        save()
        items.append(total)
        return lambda: total
    functions = [add(i) for i in range(3)]
    save()
    total += 100
    return total, items, [f() for f in functions]


@case
def argument_in_a_cell():
    def outer(n=3):
        def inner():
            nonlocal n
            n += 1
            save()
            return n
        return inner() + inner() * 100 + n
    return outer()


def factorial(n):
    if n <= 1:
        save()
        return 1
    r = n * factorial(n - 1)
    save()
    return r


@case
def recursion():
    return factorial(6)


@case
def deep_recursion():
    def down(n):
        if n == 0:
            save()
            return 0
        return 1 + down(n - 1)
    return down(500)


class A:
    def __init__(self, x):
        self.x = x
        save()
        self.y = x * 2

    def m(self, k):
        save()
        return self.x + k

    @classmethod
    def of_class(cls, k):
        save()
        return cls.__name__ + str(k)

    @staticmethod
    def static(k):
        save()
        return k


class B(A):
    def __init__(self, x):
        super().__init__(x + 1)
        save()

    def m(self, k, **kw):
        r = super().m(k) + sum(kw.values())
        save()
        return r + super().m(1)

    def in_a_cell(self):
        return (lambda: self.m(2))()


@case
def methods():
    b = B(3)
    a = A(1)
    return (b.m(2, z=5), a.m(1), B.of_class(4), a.static(9), b.x, b.y, b.in_a_cell(),
            (lambda *a, **k: b.m(*a, **k))(1, q=2))


class Base:
    def m(self, k):
        save()
        return k * 3

    @property
    def p(self):
        return 5


class Sub(Base):
    def m(self, k):
        save()
        r = super().m(k) + super().p
        save()
        return r


@case
def super_attributes():
    return Sub().m(2)


@dataclasses.dataclass
class Point:
    x: int
    y: int = 2

    def __post_init__(self):
        save()
        self.sum = self.x + self.y


@case
def dataclass_in_progress():
    p = Point(3)
    save()
    return p, p.sum


@case
def local_class():
    class Local:
        count = 0

        def __init__(self, n):
            self.n = n
            save()
            Local.count += 1

        def double(self):
            save()
            return self.n * 2
    objects = [Local(i) for i in range(2)]
    save()
    return [o.double() for o in objects], Local.count, all(type(o) is Local for o in objects)


def keywords(a, b=2, *args, c, d=4, **kw):
    save()
    return (a, b, args, c, d, sorted(kw.items()))


@case
def keyword_calls():
    x = keywords(1, c=3)
    y = keywords(1, 2, 3, 4, c=5, e=6)
    t = (1, 2)
    k = {"c": 9, "z": 1}
    return (x, y, keywords(*t, **k), keywords(*t, c=save() and 8, d=1),
            keywords(**{"a": 1, "c": 2}))


@case
def positional_only():
    def f(a, b, /, c, *, d):
        save()
        return a, b, c, d
    return f(1, 2, 3, d=4), f(1, 2, c=3, d=save())


@case
def star_arguments():
    def f(*a, **k):
        for x in a:
            save()
            log(x, k)
        return len(a), k
    return f(1, 2, z=3)


@case
def lambda_with_defaults():
    f = lambda v, w=2: (save(), v + w)[1]  # noqa: E731
    return f(1) + f(2, w=3)


def plus_one_of(function):
    @functools.wraps(function)
    def wrapper(*args, **kwargs):
        return function(*args, **kwargs) + 1
    return wrapper


@plus_one_of
def decorated(x):
    save()
    return x


@case
def decorators():
    return decorated(1) + decorated(x=5), decorated.__name__


@case
def assignment_targets():
    d = {}
    items = [0, 0]
    d[level_3(1)] = level_3(2)
    items[level_3(0)] += level_3(5)
    (a, b), *c = (level_3(1), level_3(2)), level_3(3), level_3(4)
    d.setdefault("k", []).append(level_3(9))
    return d, items, a, b, c


@case
def borrowed_operands():
    """Operands that an interpreter may borrow from locals, which are bound anew below the save."""
    a = [1]
    b = a

    def g():
        nonlocal b
        save()
        b = 5
        save()
        return b
    c = [a, g(), b, (a := [2]), g(), a]
    d = a
    d += [g(), save(), len(d)]
    return c, d, a, b


@case
def callables_in_variables():
    functions = [level_3, Sub().m, A.of_class, A.static, lambda x: level_3(x) + 5]
    return [f(k) for k, f in enumerate(functions)]


@case
def calls_in_a_with_header():
    class Manager:
        def __init__(self, n):
            save()
            self.n = n

        def __enter__(self):
            return self.n

        def __exit__(self, *a):
            return False
    with Manager(level_3(1)) as a, Manager(level_3(a)) as b:
        save()
    return a, b


@case
def a_call_of_what_a_call_gives():
    """Alone on the stack: what stands below a function that is called, which is nothing."""
    def give():
        save()
        return str
    given = give()(level_3(1))
    # short strings of bytes are shared by all of Python: nobody may write to one
    return given, [ord(bytes([n])) for n in range(128)]
