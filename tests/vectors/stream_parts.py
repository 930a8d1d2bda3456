"""What the vectors of the object stream are put together from: tags, and shorthands for items."""

import hashlib
import struct

from builder import Item, Tagged

TUPLE, DICT, SET, FROZENSET, SURROGATES, BYTEARRAY, BLOB, LIST, RANGE, SLICE = range(39250, 39260)
CONSTANT, COMPLEX, ARRAY, VIEW, SCALAR, DTYPE, SEED_SEQUENCE = range(39260, 39267)
BIT_GENERATOR, GENERATOR, RANDOM_STATE, RANDOM, TIME, DATETIME = range(39267, 39273)
TIMEDELTA, TIMEZONE, DECIMAL, PATH, ARRAY_ARRAY, DEQUE = range(39273, 39279)
ORDERED_DICT, COUNTER, DEFAULT_DICT = range(39279, 39282)
GLOBAL, INSTANCE, BUFFER, OPAQUE = range(39282, 39286)
FUNCTION, CELL, CLASS, METHOD = range(39286, 39290)
MASKED, MEMMAP = 39292, 39293
ZONE, CODE, TENSOR = range(39294, 39297)
ITERATOR, FILE = 39290, 39291
FRAMES, RUNNER, TRACEBACK = 39297, 39298, 39299
KEPT = 39349

REF = [Tagged(29, number) for number in range(3)]


def mark(value):
    return Tagged(28, value)


def f8(*numbers):
    return struct.pack(f"<{len(numbers)}d", *numbers)


def raw(text):
    return Item(bytes.fromhex(text))


def array(dtype="|u1", shape=(2,), order=0, writeable=True, memory=b"\1\2"):
    return Tagged(ARRAY, [dtype, list(shape), order, writeable, memory])


def view(base, dtype="|u1", shape=(2,), strides=(1,), offset=0, writeable=True):
    return Tagged(VIEW, [base, dtype, list(shape), list(strides), offset, writeable])


def masked(data=None, mask=None, fill=None, hard=False, information=None):
    data = array() if data is None else data
    information = {} if information is None else information
    return Tagged(MASKED, [data, mask, fill, hard, False, information])


def memmap(filename="/data/x", mode="r", offset=0, size=2, content=None):
    return mark(Tagged(MEMMAP, [filename, mode, offset, size, content]))


def tensor(dtype, values):
    return Tagged(TENSOR, [values, dtype, "cpu", False, 0, None])


def a_set(elements, used, deleted=None, finger=0, tag=SET):
    return Tagged(tag, [elements, used, deleted, finger])


def seed(entropy=5, key=None, pool=4, spawned=0):
    return Tagged(
        SEED_SEQUENCE, [entropy, Tagged(TUPLE, []) if key is None else key, pool, spawned]
    )


PCG64 = {"bit_generator": "PCG64", "state": {"state": 7, "inc": 9}, "has_uint32": 0, "uinteger": 0}
RECORD = [1, 12, False, [["a", 0, "<i4"], ["b", 4, "<f8"]]]
POINT = Tagged(GLOBAL, ["geo", "Point"])
LAMBDA = Tagged(CODE, ["geo", "f.<locals>.<lambda>", 0, bytes(16), 779, bytes(range(16))])
NEW = Tagged(GLOBAL, ["copyreg", "__newobj__"])
DIGEST = hashlib.blake2b(b"one", digest_size=32).digest()
EARLY = Tagged(INSTANCE, [0, POINT, Tagged(TUPLE, [])])
INNER = Tagged(INSTANCE, [0, POINT, Tagged(TUPLE, [REF[1], REF[2]])])
EARLY_AGAIN = Tagged(INSTANCE, [0, POINT, Tagged(TUPLE, [REF[1], mark([INNER])])])


def iterator(kind, *parts):
    return Tagged(ITERATOR, [kind, *parts])


def over(*items, index=0):
    return iterator("list_iterator", list(items), index)
