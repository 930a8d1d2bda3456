"""Generators: suspended, running below a save, in other generators, in enumerate."""
import contextlib

from resume import sync as save

from . import case, log


def counting(n):
    got = 0
    try:
        for i in range(n):
            save()
            log("gen", i)
            x = yield i * 10
            if x:
                got += x
            save()
    finally:
        log("gen end", got)
    return got


def delegating(n):
    r = yield from counting(n)
    save()
    yield r


def plus_one(x):
    save()
    return x + 1


@case
def loops_over_generators():
    out = []
    for x in counting(3):
        out.append(x)
        save()
        log("body", x)
    for pair in enumerate(delegating(2)):
        out.append(pair)
        save()
    return out


@case
def send_and_throw():
    out = []
    g = counting(5)
    next(g)
    save()
    out.append(g.send(7))
    save()
    try:
        g.throw(KeyError("t"))
    except KeyError:
        out.append("thrown")
        save()
    return out


@case
def generator_expressions():
    out = []
    squares = (plus_one(i) for i in range(3))
    for x in squares:
        out.append(x)
        save()
    total = 0
    for v in (plus_one(x) for x in range(3) if plus_one(x)):
        total += v
    return out, total


@case
def closed_after_a_restart():
    g = counting(5)
    next(g)
    h = counting(2)
    save()
    g.close()
    save()
    return next(h)


@case
def never_started():
    g = counting(2)
    save()
    a = list(x for x in [1, 2])
    save()
    out = []
    for x in g:
        out.append(x)
    return out, a


@case
def one_generator_twice():
    g = counting(4)
    pair = (g, g)
    out = []
    for a in pair[0]:
        out.append(a)
        save()
        b = next(pair[1], None)
        out.append(b)
        save()
    return out, pair[0] is pair[1]


@case
def deep_delegation():
    def nest(n):
        if n == 0:
            yield from counting(2)
        else:
            save()
            r = yield from nest(n - 1)
            yield r
            save()
    out = []
    for x in nest(3):
        out.append(x)
        save()
    return out


@case
def generator_that_holds_itself():
    box = []

    def g():
        me = box[0]
        yield 1
        save()
        yield me is box[0]
        save()
    box.append(g())
    out = []
    for x in box[0]:
        out.append(x)
        save()
    return out


@case
def generator_over_a_list_that_grows():
    def g(items):
        for x in items:
            save()
            got = yield x
            log("got", got)
            save()
        for y in (7, 8):
            yield from (y, save(), y + 1)
        return "end"
    items = [1, 2]
    it = g(items)
    out = [next(it)]
    save()
    items.append(3)
    out.append(it.send("s"))
    save()
    out += [z for z in it]
    return out


class Leaving:
    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        log("left", str(value))
        save()
        return True


@case
def with_in_a_generator():
    def g():
        with Leaving():
            try:
                yield 1
                raise ValueError("t")
            finally:
                save()
        yield 2
    return [(v, save()) for v in g()]


@case
def managers_made_of_generators():
    @contextlib.contextmanager
    def manager(n):
        save()
        try:
            yield n
        except ValueError as e:
            log("caught", str(e))
    with manager(1) as a:
        save()
        raise ValueError("z")
    try:
        with manager(2) as b:
            raise KeyError(b)
    except KeyError:
        save()
    return a, b


@case
def exception_inside_a_generator():
    def g():
        for i in range(3):
            try:
                if i == 1:
                    raise ValueError(i)
                yield i
            except ValueError as e:
                save()
                yield str(e), repr(e.__context__)
                save()
    out = []
    for x in g():
        out.append(x)
        try:
            save()
            raise KeyError(str(x))
        except KeyError as e:
            out.append(repr(e.__context__))
            save()
    return out


@case
def pipeline():
    def source():
        for i in range(4):
            save()
            yield i

    def double(upstream):
        for x in upstream:
            save()
            yield x * 2

    def pairs(upstream):
        for x in upstream:
            yield x, next(upstream, None)
    return [p for p in pairs(double(source()))]


@case
def return_value():
    def g():
        yield 1
        save()
        return "returned"

    def outer():
        r = yield from g()
        log(r)
        save()
        yield r
    return [x for x in outer()]
