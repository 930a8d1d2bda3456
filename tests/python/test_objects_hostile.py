"""The object stream: foreign bytes never crash, memory that runs out is MemoryError and no leak."""
import array
import collections
import datetime
import decimal
import fractions
import pathlib
import random
import subprocess
import sys
import uuid

import pytest
from resume import CheckpointDamaged, _core

try:
    import numpy as np
except ImportError:
    np = None


def samples():
    """Values that use every tag."""
    cycle, deep, nan = [1], ([],), float("nan")
    cycle.append(cycle)
    deep[0].append(deep)
    cycle.append(slice(cycle, [2]))
    yield [None, True, 1, -5, 2 ** 70, -2 ** 70, 1.5, nan, nan, "ab", "\ud800", b"xy", 3j, ...,
           bytearray(b"q"), (1, (2, 3)), {"a": 1, 2: 3}, {(1, 2): [3], None: 4, 1.5: 2}, range(5)]
    yield [cycle, deep, cycle, NotImplemented, slice(1, 2)]
    yield [{1, 2, 3, "x", (1, 2), frozenset({4, 5})}, set(range(0, 900, 7)) - {7, 70}]
    yield [[1.0] * 30 + [2.0], list(range(-9, 40)), list(range(10000)), b"z" * 70000,
           bytearray(70000)]
    yield [datetime.date(2020, 1, 2), datetime.time(1, 2), datetime.timedelta(-1, 3),
           datetime.datetime(2020, 1, 2, 3, 4, 5, 6, datetime.timezone.utc, fold=1),
           datetime.timezone(datetime.timedelta(hours=1), "x"), decimal.Decimal("-0.00"),
           fractions.Fraction(1, 3), uuid.UUID(int=5), pathlib.Path("a/b"),
           array.array("d", [1, 2]), array.array("i", range(20000)),
           collections.deque([1, [2]], 5), collections.OrderedDict(a=1), collections.Counter("ab"),
           collections.defaultdict(list, {"a": [1]}), random.Random(1)]
    if np is None:
        return
    a, b = np.arange(24.).reshape(4, 6), np.arange(120000.).reshape(300, 400)
    yield [a, a[1:], a.T, a[::-1, ::2], a]
    yield [b[3:5], b[4:], np.asfortranarray(b), b[:1].view("M8[s]")]
    yield [b[3:5], b]
    yield [np.zeros(3, [("a", "<i4"), ("b", "f8", (2,)), (("title", "c"), "S3")]),
           np.array(["x", "yz"]), np.array([1], "M8[25s]"), np.longdouble(1), np.float32(2),
           np.str_("q"), np.bytes_(b"q"), np.dtype("i4,f8"), np.zeros(1, "i4,f8")[0]]
    yield [np.random.default_rng(1), np.random.RandomState(3),
           *[np.random.Generator(k(3)) for k in (np.random.MT19937, np.random.Philox,
                                                 np.random.SFC64)]]
    yield [np.frombuffer(bytearray(100), "i4"), np.frombuffer(bytes(100), "u1")[3:],
           np.lib.stride_tricks.sliding_window_view(np.arange(10.), 3),
           np.arange(24).reshape(4, 2, 3).transpose(1, 0, 2).copy(order="K"),
           np.broadcast_to(np.arange(3), (4, 3)), np.zeros((2, 0, 3)), np.array(5)]


def decoded(stream, blobs):
    """True for a value, False for damage; anything else is a failure of the test."""
    try:
        value, _ = _core._decode(bytes(stream), blobs)
    except CheckpointDamaged:
        return False
    except MemoryError:  # numpy asked to make something too large
        return False
    except RecursionError:  # comparing nested keys
        return False
    try:
        _core._encode(value)
    except TypeError:  # as a Random in a global's place
        pass
    _core._digest(value)
    return True


def mutate(rng, stream):
    kind = rng.random()
    if kind < 0.1:
        return stream[:rng.randrange(len(stream))]
    stream = bytearray(stream)
    for _ in range(rng.choice([1, 1, 1, 2, 3, 8])):
        at, other, size = rng.randrange(len(stream)), rng.randrange(len(stream)), rng.randrange(30)
        kind = rng.random()
        if kind < 0.5:
            stream[at] ^= 1 << rng.randrange(8)
        elif kind < 0.7:
            stream[at] = rng.randrange(256)
        elif kind < 0.8:
            del stream[at:at + size % 4]
        elif kind < 0.9:
            stream[at:at] = stream[other:other + size]
        else:
            stream[at:at + size] = stream[other:other + size]
        if not stream:
            break
    return bytes(stream)


def test_mutated_streams__are_values_or_damage(rng, amount):
    streams = [_core._encode(value)[:2] for value in samples()]
    good = bad = 0
    for _ in range(amount(60_000, 10_000, 2_000)):
        stream, blobs = rng.choice(streams)
        if decoded(mutate(rng, stream), blobs):
            good += 1
        else:
            bad += 1
    assert good > bad / 50 and bad > good / 50  # both are reached


def test_every_flip_and_truncation__of_a_small_stream():
    value = [{1, "x"}, (1, {"k": 2.5}), [7], -3, "text", b"by", {(1, 2): None}, 2 ** 70]
    stream, blobs, _ = _core._encode(value)
    assert decoded(stream, blobs)
    for size in range(len(stream)):
        assert not decoded(stream[:size], blobs)
    for bit in range(len(stream) * 8):
        flipped = bytearray(stream)
        flipped[bit // 8] ^= 1 << bit % 8
        decoded(flipped, blobs)


def test_blobs__that_are_missing_or_of_another_size():
    for value in samples():
        stream, blobs, _ = _core._encode(value)
        for i in range(len(blobs)):
            assert not decoded(stream, blobs[:i] + [b""] + blobs[i + 1:])
            decoded(stream, blobs[:i] + [blobs[i][:-1]] + blobs[i + 1:])
            decoded(stream, blobs[:i] + [blobs[i] + b"12345678"] + blobs[i + 1:])


TUPLE, DICT, SET, SLICE = (bytes.fromhex(h) for h in ("d99952", "d99953", "d99954", "d9995b"))


@pytest.mark.parametrize("stream", [
    b"", b"\x1c", b"\x9f\xff", b"\xf7", b"\xf8\xff", b"\xd9\x99\x99\x00",  # nothing of ours
    b"\x9b" + b"\xff" * 8, b"\x9a\x7f\xff\xff\xff" + bytes(100), b"\xbb" + b"\x7f" * 8,  # counts
    b"\x85" * 30 + bytes(60),  # more containers than bytes for them
    TUPLE + b"\x9a\x10\x00\x00\x00", b"\xd8\x1d\x00", b"\x82\xd8\x1c\x00\xd8\x1d\x01",
    b"\xd8\x1c\xd8\x1c\x00", b"\xd8\x1c\xd8\x1d\x00",
    b"\xa2\x61a\x00\x61a\x00", b"\xa2\x01\x00\x01\x00", b"\xa1\x80\x00", b"\xa1\xa0\x00",  # keys
    DICT + b"\x81\x00", DICT + b"\x84\x01\x00\xfb\x3f\xf0" + bytes(6) + b"\x00",
    SET + b"\x84\x82\x01\x01\x41\x06\xf6\x00", SET + b"\x84\x81\x80\x41\x01\xf6\x00",
    SET + b"\x84\x81\x01\x41\x06\xf6\x00", SET + b"\x84\x81\x01\x41\x02\x41\x02\x00",
    # a tuple as a key inside itself, directly and below another one; a slice inside itself
    b"\xd8\x1c" + TUPLE + b"\x81\xa1\xd8\x1d\x00\x00",
    b"\xd8\x1c" + TUPLE + b"\x81\xa1" + TUPLE + b"\x81\xd8\x1d\x00\x00",
    b"\xd8\x1c" + TUPLE + b"\x81" + SET + b"\x84\x81\xd8\x1d\x00\x41\x01\xf6\x00",
    b"\xa1" + (TUPLE + b"\x81") * 100000 + b"\x00\x00",  # no program can hash it
], ids=lambda s: s[:12].hex())
def test_hostile_stream__is_damage(stream):
    assert not decoded(stream, [])


def test_hostile_key__that_would_take_for_ever():
    # (t, t) 60 deep: 2**60 steps to hash
    stream = b"\xa1" + b"".join(b"\xd8\x1c" + TUPLE + b"\x82" for _ in range(60))
    stream += b"\xd8\x1c" + TUPLE + b"\x80" + b"\xd8\x1d\x18\x3c"
    stream += b"".join(b"\xd8\x1d" + (b"\x18" + bytes([i]) if i > 23 else bytes([i]))
                       for i in range(59, 0, -1)) + b"\x00"
    assert not decoded(stream, [])


@pytest.mark.skipif(np is None, reason="no numpy")
@pytest.mark.parametrize("dtype", [
    "|O", "O", "<i3", "<f8 ", "<f80", "f8", "=f8", "<M8[xx]", "<M8[ns", "<M8[]", "i4,f8",
    "<f99999999999999999999", "|S-1", "<f8\0", "|T16", "__import__", "<g8"])
def test_hostile_dtype__is_damage(dtype):
    text = dtype.encode()
    for stream in (b"\xd9\x99\x61" + bytes([0x60 + len(text)]) + text,
                   bytes.fromhex("d9995e85") + bytes([0x60 + len(text)]) + text + b"\x81\x01\x00"
                   b"\xf5\x48" + bytes(8)):
        assert not decoded(stream, [])


def test_random_bytes(rng, amount):
    for _ in range(amount(20_000, 5_000, 1_000)):
        decoded(rng.randbytes(rng.randrange(1, 60)), [])
        decoded(rng.choice([b"\x82", b"\xd8\x1c\x83", b"\xa2"]) + b"\xd9\x99" +
                bytes([rng.randrange(0x50, 0x74)]) + rng.randbytes(rng.randrange(1, 40)), [])


NO_MEMORY = """
import sys, _testcapi
sys.path.insert(0, sys.argv[1])
import test_objects_hostile as hostile
from resume import _core, CheckpointDamaged

def each_allocation(work, check):
    quiet, start = 0, 0
    while quiet < 30:  # numpy and Python survive some failed allocations
        _testcapi.set_nomemory(start, start + 1)
        try:
            try:
                result = work()
            finally:
                _testcapi.remove_mem_hooks()
        except MemoryError:
            quiet = 0
        except (CheckpointDamaged, TypeError) as error:
            # numpy makes other exceptions of it; ours must not
            assert numpy_is_in_it, (start, error)
            quiet = 0
        else:
            check(result)
            quiet += 1
        start += int(sys.argv[2])

def check_encoded(result):
    assert result[:2] == (stream, blobs)

for value in hostile.samples():
    numpy_is_in_it = "numpy" in repr(value) or "array(" in repr(value) or "Random" in repr(value)
    stream, blobs, _ = _core._encode(value)
    digest = _core._digest(value)
    each_allocation(lambda: _core._encode(value), check_encoded)
    each_allocation(lambda: _core._decode(stream, blobs)[0], lambda result: None)
    each_allocation(lambda: _core._digest(value), lambda result: None)
    assert _core._digest(_core._decode(stream, blobs)[0]) == digest
"""


def test_no_memory__at_every_allocation(amount):
    pytest.importorskip("_testcapi")
    done = subprocess.run([sys.executable, "-X", "faulthandler", "-c", NO_MEMORY,
                           str(pathlib.Path(__file__).parent), str(amount(1, 3, 11))],
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]


LEAKS = """
import gc, random, sys, threading
sys.path.insert(0, sys.argv[1])
import test_objects_hostile as hostile
from resume import _core

def blocks_of(work, count=100):
    gc.collect()
    before = sys.getallocatedblocks()
    for _ in range(count):
        work()
    gc.collect()
    return sys.getallocatedblocks() - before

lock, rng = threading.Lock(), random.Random(4)
for value in hostile.samples():
    stream, blobs, _ = _core._encode(value)
    bad = [stream[:len(stream) * i // 10] for i in range(10)]
    bad += [hostile.mutate(rng, stream) for _ in range(10)]
    unsavable = [value, {"a": value, "b": [lock]}]
    def work():
        for data in bad:
            hostile.decoded(data, blobs)
        try:
            _core._encode(unsavable)
        except TypeError:
            pass
    # caches of Python and of libraries fill up first; a leak gives a hundred, each time
    grown = [100]
    while grown[-1] >= 50:
        assert len(grown) < 12, (grown, value)
        grown.append(blocks_of(work))
"""


def test_failures__leak_nothing():
    subprocess.run([sys.executable, "-c", LEAKS, str(pathlib.Path(__file__).parent)], check=True)


def test_scalar__text_of_no_character_is_refused():
    pytest.importorskip("numpy")
    text = bytes.fromhex("633c5532 80 00 f5 48 0000000000000080")  # '<U2', U+80000000
    array, _ = _core._decode(b"\xd9\x99\x5e\x85" + text, [])
    assert array.dtype == "<U2"
    view = bytes.fromhex("d99960 d9995f 86 d81d00 633c5532 80 80 00 f5")
    with pytest.raises(CheckpointDamaged, match="a character that does not exist"):
        _core._decode(b"\x82\xd8\x1c\xd9\x99\x5e\x85" + text + view, [])
    scalar = bytes.fromhex("d99960 82 633c5532 48 0000000000000080")
    with pytest.raises(CheckpointDamaged, match="a character that does not exist"):
        _core._decode(scalar, [])
