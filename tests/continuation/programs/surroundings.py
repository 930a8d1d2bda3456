"""Blocks that change the process, one inside another, with work in all of them."""
import contextlib
import dataclasses
import decimal
import tempfile
import warnings
from decimal import Decimal

import numpy as np

outer = decimal.getcontext()
MISSING = object()


def spin(count):
    total = 0
    for i in range(count):
        total += i
    return total


def given(a=dataclasses.MISSING, b=MISSING):
    return a is dataclasses.MISSING, b is MISSING


@contextlib.contextmanager
def digits(count):
    with decimal.localcontext() as context, contextlib.ExitStack() as stack:
        stack.enter_context(np.printoptions(precision=1 + count % 4))
        context.prec = count
        spin(300)
        yield context


def quotient(turn):
    try:
        return str(np.array([1.0, 2.0]) / (turn % 3))
    except FloatingPointError as error:
        return str(error)


def step(turn):
    with digits(2 + turn % 7) as context, np.errstate(divide="raise" if turn % 2 else "ignore"):
        with np.errstate(over="raise"), tempfile.TemporaryFile() as file:
            file.write(b"%d" % turn)
            for _ in range(10):
                spin(1000)
            warnings.warn(f"turn {turn}")
            file.seek(0)
            print(turn, Decimal(1) / 7, context is decimal.getcontext(), file.read(), given())
            print(quotient(turn), np.geterr())


with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    for turn in range(120):
        step(turn)
        print(np.geterr()["divide"], np.get_printoptions()["precision"])
        print(decimal.getcontext().prec, outer is decimal.getcontext())
print(len(caught), *(warning.message for warning in caught))
