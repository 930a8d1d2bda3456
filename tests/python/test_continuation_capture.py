"""The walk over the frames of a running program: what is captured, what is refused and why."""
import asyncio
import collections
import contextlib
import functools
import itertools
import signal
import sys

import pytest
import resume
from captured import Expected, captured, save, seen
from resume import _core

NEW = sys.version_info >= (3, 14)


def below(x):
    save()
    return x + 1


def items(count=2):
    for i in range(count):
        save()
        yield i


class Thing:
    def __init__(self):
        save()

    def __call__(self, *args):
        save()

    def method(self, *args):
        save()

    def __exit__(self, *args):
        save()
        return True

    def __enter__(self):
        return self

    def __del__(self):
        pass


def test_frames__stack_and_variables():
    def root():
        unbound = 1
        del unbound
        for i in range(5, 7):
            for name in ["a"]:
                below(i) * 2 + max(below(3), 2)
    seen[:] = [root.__code__]
    root()
    first, second = seen[1], seen[2]
    assert [frame["code"].co_name for frame in first] == ["root", "below", "save"]
    assert first[0]["slots"] == [..., 5, "a"]
    assert [type(one).__name__ for one in first[0]["stack"] if one is not ...] == [
        "range_iterator", "tuple_iterator"]
    assert first[0]["kinds"] == second[0]["kinds"][:len(first[0]["kinds"])]
    assert 12 in second[0]["stack"] and max in second[0]["stack"]
    assert first[1]["slots"] == [5] and first[1]["stack"] == []
    assert first[2]["mode"] == "value" and first[2]["value"] == 7
    assert first[0]["unit"] < second[0]["unit"]


def test_frames__handled_exceptions():
    outer, inner = ValueError("outer"), KeyError("inner")

    def root():
        try:
            raise outer
        except ValueError:
            try:
                raise inner
            except KeyError:
                below(1)
    seen[:] = [root.__code__]
    root()
    frame = seen[1][0]
    handled = [value for value, kind in zip(frame["stack"], frame["kinds"]) if chr(kind) == "P"]
    assert handled == [outer, inner]  # what is handled from there on, the outermost first


def test_frames__handled_in_generators():
    outer, inner = ValueError("outer"), KeyError("inner")

    def generator():
        try:
            raise inner
        except KeyError:
            yield below(1)

    def root():
        try:
            raise outer
        except ValueError:
            for _ in generator():
                pass
    seen[:] = [root.__code__]
    root()
    frame = seen[1][0]
    handled = [value for value, kind in zip(frame["stack"], frame["kinds"]) if chr(kind) == "P"]
    assert handled == [outer]


def test_calls__inlined_and_through_c():
    def root():
        thing = Thing()
        thing.method()
        bound = thing.method
        bound(1, *(2,), **{})
        thing(3)
        Thing.method(thing)
        functools.partial(below, 3)()
        functools.partial(functools.partial(Thing))()
        functools.partial(thing.method, 1)(*[2])
    made = ("root", "init"), ("__init__", "call")
    called = ("root", "call"), ("method", "call")
    assert captured(root) == [
        [*made], [*called], [*called], [("root", "call"), ("__call__", "call")], [*called],
        [("root", "call"), ("below", "call")], [*made], [*called]]


def test_calls__exits():
    def root():
        with Thing():
            pass
        with Thing():
            raise ValueError
    assert captured(root)[1::2] == [[("root", "call"), ("__exit__", "call")]] * 2


def test_calls__metaclass_and_new():
    class Meta(type):
        def __call__(cls, *args):
            save()
            return super().__call__(*args)

    class Made(metaclass=Meta):
        def __init__(self):
            save()

    class New:
        def __new__(cls):
            save()
            return super().__new__(cls)

    class Number(int):
        def __init__(self, value):
            save()
    assert captured(lambda: Made())[0] == [("<lambda>", "call"), ("__call__", "call")]
    assert "C code" in captured(lambda: Made())[1]
    assert "C code" in captured(lambda: New())[0]
    assert captured(lambda: Number(3)) == [[("<lambda>", "init"), ("__init__", "call")]]


def test_calls__first_parameter_assigned():
    class Changes:
        def __init__(self):
            below(1)
            self = None
            del self
    [reason] = captured(lambda: Changes())
    assert "'test_calls__first_parameter_assigned.<locals>.Changes.__init__' assigns to its " \
        "first parameter" in reason


@pytest.mark.parametrize("function, name", [
    (lambda: sorted([2, 1], key=below), "sorted() runs 'below' from C code"),
    (lambda: list(items()), "list() runs 'items' from C code"),
    (lambda: sum(items()), "sum() runs 'items' from C code"),
    (lambda: [x for x in zip("ab", items())], "'items' is run by an iterator of C"),
    (lambda: list(map(below, [1])), "list() runs 'below' from C code"),
    (lambda: functools.reduce(lambda a, b: below(a), [1, 2]), "reduce() runs"),
    (lambda: "".join(str(below(x)) for x in range(2)), "join() runs"),
])
def test_refused__c_code_in_between(function, name):
    for reason in captured(function):
        assert isinstance(reason, str) and name in reason
        assert reason.startswith("line ") and "test_continuation_capture.py" in reason


def test_refused__saves_called_by_c():
    def root():
        seen.extend(map(_core._capture, [root.__code__], [1]))
        seen.append(functools.partial(_core._capture, root.__code__)(1))
        functools.partial(save)()  # but what saves may be called in any way
    first, second, third = captured(root)
    assert "C code calls the save" in first
    assert "C code calls the save" in second
    assert third == [("root", "call")]


def test_refused__bodies_and_strings():
    def in_class():
        class Body:
            save()

    def in_string():
        exec("save()", globals())
    assert ["the body of a class" in reason for reason in captured(in_class)] == [True]
    assert ["exec()" in reason for reason in captured(in_string)] == [True]


def test_refused__coroutines():
    async def coroutine():
        save()

    def root():
        with contextlib.suppress(StopIteration):
            coroutine().send(None)
    assert ["a coroutine" in reason for reason in captured(root)] == [True]


class Dying:
    def __del__(self):
        save()


def test_refused__destructors():
    def argument(dying):
        return 1

    def root():
        dying = Dying()
        dying = None
        argument(Dying())
        [Dying(), 1][1]
        return dying
    assert all("__del__" in reason or "can't be continued" in reason for reason in captured(root))


def ends():
    try:
        yield 1
        yield 2
    finally:
        save()


def started():
    generator = ends()
    next(generator)
    return generator


def fails(*args):
    raise Expected


def test_refused__generators_that_die():
    """They are closed where operands are dropped: by a call that is over, by an exception."""
    def over():
        next(started())

    def thrown():
        len((1, 2, started(), fails()))

    def in_loop():
        for _ in [1]:
            len(started(), fails())

    def zipped():
        for _ in zip(started(), ()):
            pass

    def sliced():
        kept = itertools.islice(started(), 0)
        for _ in kept:
            pass
        del kept
    for function in (over, thrown, in_loop, zipped, sliced):
        for found in captured(function):
            assert isinstance(found, str), function.__name__


def test_generators__in_loops():
    def root():
        for _ in items():
            pass
        for _ in enumerate(zip(items(), "ab")):
            pass
        for _ in itertools.islice(map(abs, filter(None, items())), 2):
            pass
        for _ in itertools.chain(items(1), items(1)):
            pass
    assert captured(root) == [[("root", "again")]] * 8  # the others hang on the generators


def test_generators__asked_by_calls():
    def root():
        generator = items(6)
        next(generator)
        generator.send(None)
        next(generator, 3)
        generator.__next__()
        send = generator.send
        send(None)
        next(enumerate(generator))
    assert captured(root) == [[("root", "again")]] * 6


def test_generators__drained():
    def root():
        any(items())
        all(x >= 0 for x in items())
        values = [*items()]
        values.extend(items())
        set().update(items())
        collections.deque().extend(items())
        7 in items()
        return {*items(1), 2}
    found = captured(root)
    assert len(found) == 15 and all(one == [("root", "again")] for one in found)


def test_generators__suspended():
    def generator(first):
        second = yield first
        third = [1, (yield second)]
        save()
        yield third
    one = generator("a")
    new = _core._capture_generator(one)
    assert (new["mode"], new["slots"], new["stack"]) == ("new", ["a", ..., ...], [])
    assert next(one) == "a"
    assert _core._capture_generator(one)["mode"] == "yield"
    one.send("b")
    found = _core._capture_generator(one)
    assert found["slots"] == ["a", "b", ...] and found["stack"] == [1]
    one.close()
    assert _core._capture_generator(one) is None


def test_generators__handling():
    handled = KeyError("k")

    def generator():
        try:
            raise handled
        except KeyError:
            yield 1
    one = generator()
    next(one)
    found = _core._capture_generator(one)
    assert found["stack"] == [handled] and found["kinds"] == b"P"


def test_generators__running_below_c():
    def generator():
        with pytest.raises(ValueError, match="the generator is running"):
            _core._capture_generator(one)
        yield 1
    one = generator()
    next(one)


def test_root__the_call_that_is_meant():
    """Of a function that calls itself the outermost is the root."""
    def root(depth):
        if depth:
            return 1 + root(depth - 1)
        return below(1)
    seen[:] = [root.__code__]
    root(3)
    assert [frame["code"].co_name for frame in seen[1]] == ["root"] * 4 + ["below", "save"]


def for_loop():
    for i in range(20000):
        if i & 1:
            continue
        len("abc")


def while_loop():
    i, kept = 0, [1]
    while i < 20000:
        i += 1
    while kept and i * 2 > 20000:
        i -= 1
    while not i > 20000:
        i += 1


def recursion(n=21):
    return n if n < 2 else recursion(n - 1) + recursion(n - 2)


@pytest.mark.parametrize("function", [for_loop, while_loop, recursion])
def test_stopped__places(function):
    """A signal finds places where nothing is half done in every kind of code."""
    found = []

    def root():
        function()

    def handler(number, frame):
        found.append(_core._capture_stopped(root.__code__, frame))
    before = signal.signal(signal.SIGALRM, handler)
    captures = []
    try:
        for _ in range(1000):
            signal.setitimer(signal.ITIMER_REAL, 0.0005)
            root()
            captures = [one for one in found if not isinstance(one, str)]
            if len(captures) > 5:
                break
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert len(captures) > 5, found
    for frames in captures:
        assert frames[-1]["mode"] == "again"
        assert {frame["mode"] for frame in frames[:-1]} <= {"call"}


class Everything:
    """Each method of an operator saves."""
    def __init__(self):
        self.__dict__["value"] = 1

    def saves(self, *args):
        save()
        return 3
    __getitem__ = __setitem__ = __delitem__ = __neg__ = __pos__ = __invert__ = saves
    __setattr__ = __delattr__ = saves
    prop = property(saves, saves, saves)

    def __iter__(self):
        save()
        return iter([1])

    def __enter__(self):
        save()

    def __exit__(self, *args):
        pass

    @functools.cached_property
    def cached(self):
        return below(1)


class Fallback:
    def __getattr__(self, name):
        save()
        return int


def test_operators():
    one = Everything()

    def root():
        one[1], one[1:2], -one, ~one, one.prop
        one[1] = one[1:2] = one.attribute = 1
        del one[1], one.attribute
        for _ in one:
            pass
        with one:
            pass
        Fallback().method()
        return one.prop.real
    modes = []
    for found in captured(root):
        assert found[0][0] == "root" and len(found) == 2, found
        modes.append(found[0][1])
    assert modes.count("operand") == 1 and set(modes) == {"call", "operand"}  # __iter__


def test_operators__descriptors():
    assert captured(lambda: Everything().cached) == [
        [("<lambda>", "call"), ("__get__", "call"), ("cached", "call"), ("below", "call")]]


def test_operators__what_stays():
    one = Everything()

    def entered():
        with one:
            pass

    def looked_up():
        return Fallback().method(4)

    def stored(value=5):
        one[1] = value
    for function in (entered, looked_up, stored):
        seen[:] = [function.__code__]
        function()
        stack = seen[1][0]["stack"]
        if function is entered and sys.version_info < (3, 14):
            assert stack == [one.__exit__]
        if function is looked_up:
            assert stack == ([...] if sys.version_info < (3, 13) else [])
        if function is stored:
            assert stack == []


class Half:
    def __add__(self, other):
        return below(1)

    def __eq__(self, other):
        return bool(below(1))

    def __bool__(self):
        return below(1) > 1

    def __contains__(self, item):
        return bool(below(1))

    @property
    def prop(self):
        return below(1)

    def __getattr__(self, name):
        raise AttributeError(name)


@pytest.mark.parametrize("function, mode", [
    (lambda: Half() + 1, "result"), (lambda: Half() == 1, "result"),
    (lambda: Half().prop, "result"),
    (lambda: 1 if Half() else 2, "operand"), (lambda: 1 in Half(), "operand")])
def test_operators__completed(function, mode):
    [found] = captured(function)
    assert found[0] == ("<lambda>", mode) and found[-1] == ("below", "call")


def test_operators__refused():
    same = Half()
    # __eq__ may be asked twice with the same operands: which time it is can't be told
    for function in (lambda: same == same, lambda: [same] == [Half()]):
        for reason in captured(function):
            assert "from C code" in reason


def test_coroutine():
    async def main():
        save()
    [reason] = captured(lambda: asyncio.run(main()))
    assert "main" in reason and "asyncio.run(one_step" in reason
    with pytest.raises(TypeError, match=r"coroutine function: .*asyncio\.run\(one_step"):
        resume.resumable(main)


def test_generator_expression__not_started_has_its_iterator():
    record = _core._capture_generator(x for x in [1, 2])
    new = sys.version_info >= (3, 15)  # it is on the stack of the generator, not in a variable
    assert record["mode"] == "new"
    assert record["kinds"] == (b"OO" if new else b"")
    assert list((record["stack"] + record["slots"])[0]) == [1, 2]
