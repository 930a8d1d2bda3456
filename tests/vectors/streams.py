"""Vectors of the object stream (docs/format.md "Object stream"): bytes, and the value in Python.

lines() gives the lines of streams.txt. The bytes are put together here from heads and tags; the
value is an expression for eval(), with the modules of the standard library, `np` and the functions
of tests/python/test_streams.py in sight.
"""

from builder import cbor
import streams_iterators
from streams_bad import BAD
from streams_good import GOOD


def named(vectors):
    return [(vector[0] if vector[0].startswith("file") else f"iterator-{vector[0]}", *vector[1:])
            for vector in vectors]


GOOD = GOOD + named(streams_iterators.GOOD)
BAD = BAD + named(streams_iterators.BAD)


def lines():
    made = []
    for name, value, expression, rule, *blobs in GOOD:
        made.append((f"good-{name}", cbor(value), blobs[0] if blobs else [], expression, rule))
    for name, value, rule, *blobs in BAD:
        made.append((f"bad-{name}", cbor(value), blobs[0] if blobs else [], "damaged", rule))
    assert len({name for name, *_ in made}) == len(made), "a name twice"
    for name, stream, blobs, expected, rule in made:
        blobs = ",".join(blob.hex() for blob in blobs) or "-"
        yield f"{name} | {stream.hex() or '-'} | {blobs} | {expected} | {rule}\n"
