"""Scalars of numpy: after the first one of a type the others are written and read in a shorter way.
"""
import pathlib
import sys

import pytest

np = pytest.importorskip("numpy")
from resume import _core  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tools"))
import objects  # noqa: E402


def back(value):
    stream, blobs, notes = _core._encode(value)
    restored, said = _core._decode(stream, blobs)
    assert notes == said == []
    return restored


def test_scalars__many_of_many_types():
    codes = "?bBhHiIlLqQefdgFDG"
    values = [np.dtype(code).type(number) for number in range(3) for code in codes]
    values += [np.float64(-0.0), np.float64("nan"), np.int8(-128), np.uint64(2 ** 64 - 1)]
    values += [np.timedelta64(number, unit) for unit in ("s", "ns") for number in (1, -1)]
    values += [np.timedelta64(3), np.datetime64("2026-11-23"), np.datetime64("2026-11-23T01:02")]
    stream, blobs, _ = _core._encode(values)
    for restored in (back(values), objects.decode(stream, blobs)):
        for value, again in zip(values, restored, strict=True):
            assert type(again) is type(value) and again.dtype == value.dtype
            assert again.tobytes() == value.tobytes() and repr(again) == repr(value)
            assert again is value or not isinstance(value, np.bool_)


def test_scalars__are_objects_of_their_own():
    one, other = back([np.float64(1.5), np.float64(2.5)])
    assert one + other == 4.0 and hash(one) == hash(1.5) and one is not other
    one, other = back([np.int16(7), np.int16(7)])
    assert {one: 1}[other] == 1 and one * np.int16(3) == 21
