"""Generators in all kinds of places, programs at each of their saves, and streams of them with a
few bytes changed: run in a process of its own, which must not crash.

hostile_frames.py SEED COUNT"""
import contextlib
import faulthandler
import random
import signal
import sys

import continuation_operators
import going_on
from resume import _core


def nested(first, second):
    for x in first:
        for y in second:
            both = [x + y for _ in range(2)]
            yield both


def displays(n):
    out = [0, *(yield n), 2]
    yield {"a": (yield out), **{"b": 1}}
    yield f"{n} {(yield {})} {n!r}"
    x = (yield 1) + (yield 2) * 3
    function = lambda q=(yield 3), *, w=(yield 4): (q, w, n, x)  # noqa: E731
    yield function
    yield print(*(yield [1]), **(yield {}), sep=(yield ""))


def handlers():
    try:
        try:
            1 / 0
        except ZeroDivisionError as error:
            yield error
            yield (yield 5)
            raise
        finally:
            yield "finally"
    except Exception as other:
        yield other


def closure(n):
    count = n

    def inner():
        nonlocal count
        count += 1
        return count
    while True:
        yield inner()
        if count > 20:
            del n


def delegates():
    yield from nested([1, 2], [3, 4])
    with contextlib.nullcontext(5) as entered:
        yield entered


class Upper:
    def method(self):
        yield super().__init__()
        yield self


def comprehensions(xs):
    yield [(x, [y for y in (1, 2)]) for x in xs]
    yield from (a * 2 for a in xs)


def maybe(flag):
    if flag:
        v = 1
    yield 1
    yield v
    try:
        yield 2
    except ValueError:
        w = 2
        del w
    yield 3


def suspended():
    """Each generator after each of its first steps."""
    made = [nested([1], [2]), Upper().method()]
    sent = [None, [9], 1, None, None, None, 4, 5, None, None, [1]]
    for make, values in ((lambda: nested([1, 2, 3], [4, 5]), [None] * 5),
                         (lambda: displays(3), sent), (handlers, [None] * 3),
                         (lambda: closure(3), [None] * 2), (delegates, [None] * 5),
                         (lambda: Upper().method(), [None]),
                         (lambda: comprehensions([1, 2]), [None] * 2),
                         (lambda: maybe(1), [None] * 3)):
        for steps in range(len(values)):
            generator = make()
            for value in values[:steps + 1]:
                generator.send(value)
            made.append(generator)
    return made


def in_calls():
    """Streams of whole programs, at each of their saves."""
    made = []

    def keep(found):
        made.append(_core._encode_exact(*found)[0])
    going_on.fork = keep
    for case in continuation_operators.ALL:
        going_on.start(case, "all")
        with contextlib.suppress(Exception):
            going_on.CALLER = sys._getframe()
            case()
    going_on.start(in_calls, 0)
    return made


def changed(stream, rng):
    stream = bytearray(stream)
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        at, how = rng.randrange(len(stream)), rng.random()
        if how < 0.4:
            stream[at] = rng.choice(b"\xf6\xf7\xf5\x80\x00\x01\x05\x17\x20\x40\x60\x61\x81\xa0")
        elif how < 0.7:
            stream[at] = rng.randrange(256)
        elif how < 0.85:
            stream[at] = (stream[at] + rng.choice((1, -1, 2, -2))) % 256
        else:
            stream[at] = stream[rng.randrange(len(stream))]
    return bytes(stream)


def stop(number, frame):
    raise TimeoutError


def go_on(value):
    """With other values a loop may have no end."""
    signal.setitimer(signal.ITIMER_REAL, 2)
    with contextlib.suppress(BaseException):
        if not hasattr(value, "__next__"):
            _core._reenter([value])
        for _ in range(6):
            next(value)
    signal.setitimer(signal.ITIMER_REAL, 0)


def main(seed, count):
    faulthandler.enable()
    generators = suspended()
    streams = [_core._encode_exact(each, {})[0] for each in generators]
    signal.signal(signal.SIGALRM, stop)
    calls = in_calls()
    rng, read = random.Random(seed), 0
    for _ in range(count):
        try:
            stream = changed(rng.choice(rng.choice((streams, calls))), rng)
            value = _core._decode(stream, [], mine=True)[0]
        except Exception:
            continue
        read += 1
        go_on(value)
    print(read, count)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
