"""What variables hold: identity, cells, unbound names, destructors, arrays, random numbers."""
import itertools
import random
import sys

from resume import sync as save

from . import case, log


@case
def identity():
    a = []
    b = [a, a]
    c = {"self": b}
    b.append(c)
    for x in b:
        save()
        a.append(1)
    return b[0] is b[1] is a, b[2]["self"] is b, len(a)


@case
def unbound_variables():
    for i in range(2):
        if i:
            q = 1
        save()
        try:
            log(q)
        except UnboundLocalError:
            log("unbound")
        if i == 0:
            z = 5
            del z
    try:
        z
    except UnboundLocalError:
        return "ok"


@case
def deleted_argument():
    def f(a=1, b=2):
        del a
        save()
        try:
            return a
        except UnboundLocalError:
            return b
    return f()


@case
def unbound_cell():
    def f():
        try:
            return late
        except NameError as error:
            return str(error)
    save()
    first = f()
    late = 5
    save()
    return first, f()


@case
def locals_and_eval():
    x = 1
    y = "q"  # noqa: F841

    def f():
        return x
    save()
    return sorted(k for k in locals()), locals()["x"], eval("x + 1"), f()


@case
def many_results_on_the_stack():
    n = 0
    for i in range(3):
        n = (n + 1000 * (i if save() else 0) + (256 if save() else 1) +
             len("abc" * (2 if save() else 1)))
    return n, (None, True, ..., save(), "immortal", 3)


class Mortal:
    def __init__(self, n):
        self.n = n

    def __del__(self):
        if not sys.is_finalizing():
            log("deleted", self.n)

    def __add__(self, other):
        return self.n + other


@case
def destructors_on_time():
    x = Mortal(1)

    def k():
        save()
        return 7
    r = x.n + k() * 2
    y = Mortal(2)
    z = (y, k())
    del y
    save()
    del z
    save()
    return r


@case
def random_numbers():
    random.seed(5)
    out = []
    for i in range(4):
        out.append(random.random())
        save()
        out.append(random.randint(0, 10**9))
    own = random.Random(8)
    for i in range(3):
        save()
        out.append(own.gauss(0, 1))
    return out


@case
def counters():
    ids = itertools.count(10)
    cycle = itertools.cycle("ab")
    out = []
    for i in range(4):
        out.append((next(ids), next(cycle)))
        save()
    return out


@case
def sets_and_dicts():
    seen, order = set(), {}
    for i in range(20):
        seen.add(i * 7 % 11)
        order[i * 5 % 13] = i
        save() if i % 4 == 0 else None
    return list(seen), list(order.items())


@case
def bound_methods_and_builtins():
    items = []
    append = items.append
    total = 0
    convert = int
    longest = max
    join = "-".join
    for i in range(3):
        append(convert(str(i)))
        save()
        total = longest(total, len(items))
    return items, total, join(map(str, items))


@case
def modules_in_variables():
    import math as m
    import os.path
    out = []
    for i in range(2):
        save()
        out.append((m.floor(i + 0.5), os.path.join("a", str(i))))
    return out


@case
def big_numbers_and_text():
    a, b, text = 0, 1, ""
    for i in range(300):
        a, b = b, a + b
        text += chr(0x61 + i % 26)
        if i % 60 == 0:
            save()
    return a, text


@case
def types_in_variables():
    kinds = [int, list, ValueError, type(None), type(len), type(lambda: 0)]
    names = []
    for kind in kinds:
        save()
        names.append(kind.__name__)
    return names, kinds[0] is int


@case
def sieve():
    n = 60
    prime = bytearray([1]) * (n + 1)
    for i in range(2, n + 1):
        if prime[i]:
            for j in range(i * i, n + 1, i):
                prime[j] = 0
            save()
    return [i for i in range(2, n + 1) if prime[i]]


@case
def the_dict_of_an_object_that_is_being_filled():
    class Plain:
        pass

    class Tree(list):
        pass

    class Reduced:
        def __reduce_ex__(self, protocol):
            return type(self), (), self.__dict__

    def state(n):
        save()
        return {"n": n, "deep": [n]}
    made = []
    for kind in (Plain, Tree, Reduced):
        new = kind()
        new.__dict__.update(state(1))  # as copy.deepcopy() does with many
        new.__dict__.update(state(2))
        made.append((new.n, new.deep, new.__dict__ == vars(new)))
    return made


@case
def the_dict_of_an_object_that_sets_its_state():
    class State:
        def __setstate__(self, state):
            self.__dict__.update(state)

    class Own(dict):
        def __init__(self):
            self.__dict__ = self

    class Fault(Exception):
        pass
    made = []
    for kind in (State, Own, Fault):
        new = kind()
        new.a, new.b = 1, 2
        for name, value in vars(new).items():
            save()
            vars(new)[name] = value + 1
        new.c = 3
        vars(new).update({"d": save(), "e": new.a})
        made.append((sorted(vars(new)), new.e, new.b, (vars(new) is new) == (kind is Own)))
    return made
