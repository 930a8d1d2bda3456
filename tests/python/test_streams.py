"""The vectors of the object stream, tests/vectors/streams.txt: the decoder of the extension, and
the independent one of tools/objects.py, give the value that the table says, or refuse."""
import array
import collections
import collections.abc
import datetime
import decimal
import fractions
import importlib.util
import itertools
import pathlib
import random
import struct
import types
import uuid
import zoneinfo

import pytest
import resume
import vectors
from resume import CheckpointDamaged, _core

np = pytest.importorskip("numpy")
try:
    import torch
except ImportError:
    torch = None
ROOT = pathlib.Path(__file__).resolve().parents[2]


def read():
    lines = (vectors.FOLDER / "streams.txt").read_text().splitlines()
    return [line.split(" | ") for line in lines if not line.startswith("#")]


VECTORS = read()
IDS = [vector[0] for vector in VECTORS]


# ---- what the expressions of the table use

def nan(payload):
    return struct.unpack("<d", struct.pack("<Q", 0x7ff8 << 48 | payload))[0]


def shared():
    inner = []
    return [inner, inner]


def cycle():
    value = []
    value.append(value)
    return value


def cycle_tuple():
    inner = []
    value = (inner,)
    inner.append(value)
    return value


def views():
    base = np.arange(4, dtype="u1")
    return [base, base[1:3]]


def readonly(value):
    value.flags.writeable = False
    return value


class SeedOf:
    """Seed sequences are equal when their state is."""

    def __init__(self, sequence):
        self.state = sequence.state


def generator(state, inc):
    made = np.random.PCG64(5)
    made.state = {"bit_generator": "PCG64", "state": {"state": state, "inc": inc},
                  "has_uint32": 0, "uinteger": 0}
    return np.random.Generator(made)


def globals_of_random():
    return [random._inst, np.random.mtrand._rand]


def random_of(numbers):
    made = random.Random()
    made.setstate((3, (*numbers, 624), None))
    return made


def opaque(name, state=None):
    return resume.Opaque(name, state)


LAMBDA = ["geo", "f.<locals>.<lambda>", 0, bytes(16), 779, bytes(range(16))]


def function(**parts):
    return opaque("geo.f.<locals>.<lambda>", {"code": LAMBDA, **parts})


def cell(*content):
    return types.CellType(*content)


def function_cycle():
    own = cell()
    value = own.cell_contents = function(closure=(own,))
    return value


def class_cycle():
    attributes, point = {}, opaque("geo.Point")
    value = attributes["me"] = opaque("geo.f.<locals>.C", {
        "module": "geo", "name": "f.<locals>.C", "metaclass": point, "bases": (point,),
        "beginning": {}, "attributes": attributes})
    return value


def method_cycle():
    state = {}
    value = opaque("types.MethodType", {"object": opaque("geo.Point", state), "function": "move"})
    state["me"] = value
    return value


def opaque_map(mode="r"):
    return resume.Opaque("numpy.memmap", {
        "filename": "/data/x", "mode": mode, "offset": 0, "size": 2, "dtype": np.dtype("u1"),
        "shape": (2,), "strides": (1,), "start": 0})


def opaque_cycle():
    state = {}
    state["me"] = value = opaque("geo.Point", state)
    return value


def opaque_early():
    arguments = []
    value = opaque("geo.Point", {"arguments": (arguments,)})
    arguments += [value, value]
    return value


def opaque_early_again():
    first, second = [], []
    value = opaque("geo.Point", {"arguments": (first, second)})
    first.append(value), second.append(value)
    return value


def tuple_as_its_key():
    state = {}
    value = (opaque("geo.Point", state),)
    state[value] = 1
    return value


def frozenset_in_itself():
    state = []
    value = frozenset([opaque("geo.Point", state)])
    state.append(value)
    return value


def tensors(values):
    """Twice the tensor, where torch is there; else the array."""
    tensor = torch.from_numpy(values) if torch else values
    return [tensor, tensor]


NAMES = {module.__name__: module for module in (array, collections, datetime, decimal, fractions,
                                                pathlib, random, uuid, zoneinfo)}
NAMES |= {name: value for name, value in globals().items() if callable(value)}
NAMES["np"] = np


def contents(value):
    try:
        return [value.cell_contents]
    except ValueError:
        return []


def facts(value, seen=()):
    """All that makes two values the same, as something that can be compared."""
    kind = type(value).__name__
    if id(value) in seen:
        return "again", seen.index(id(value))
    inner = (*seen, id(value))
    if isinstance(value, SeedOf) or kind == "SeedSequence":
        return "SeedSequence", repr(value.state)
    if kind == "Generator":
        return kind, repr(value.bit_generator.state)
    if kind == "RandomState":
        return kind, value is np.random.mtrand._rand
    if kind == "Random":
        return kind, value is random._inst, value.getstate()
    if kind == "cell":
        return kind, [facts(content, inner) for content in contents(value)]
    if kind == "Cell":
        # objects.py keeps the name of a variable of the call; nothing gives it a value
        named = value.content is objects.Cell.EMPTY or isinstance(value.content, str)
        return "cell", [] if named else [facts(value.content, inner)]
    if kind == "Opaque":
        # of an iterator whose parts are opaque the readers keep different states
        return kind, value.type, facts(value.state, inner) if "." in value.type else None
    if value is np.ma.masked:
        return kind
    if isinstance(value, np.ma.MaskedArray):
        return (kind, facts(value.data), facts(value.mask), value._hardmask,
                facts(value._fill_value))
    if isinstance(value, (collections.abc.Iterator, collections.abc.ValuesView)):
        return "iterator", [facts(item, inner) for item in itertools.islice(value, 20)]
    if isinstance(value, np.ndarray):
        return (kind, repr(value.dtype), value.shape, value.strides if value.size else None,
                value.flags.writeable, value.tobytes())
    if isinstance(value, (float, complex)):
        parts = (value.real, value.imag)
        return kind, *(struct.pack("<d", part) for part in parts)
    if isinstance(value, dict):
        factory = getattr(value, "default_factory", None)
        return kind, factory, [(facts(k, inner), facts(v, inner)) for k, v in value.items()]
    if isinstance(value, frozenset):
        return kind, [facts(item, inner) for item in value]
    if isinstance(value, (list, tuple, collections.deque)):
        return kind, getattr(value, "maxlen", None), [facts(item, inner) for item in value]
    return kind, repr(value)


def decode(stream, blobs):
    return _core._decode(stream, blobs)[0]


def load_objects():
    spec = importlib.util.spec_from_file_location("objects", ROOT / "tools" / "objects.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


objects = load_objects()
# values that objects.py gives in a simpler form, as it says: a list in the place of a tuple that
# stands in itself, int64 for long long, the array of a tensor
SIMPLER = {"good-tensor", "good-cycle-tuple", "good-dtype-q8", "good-dtype-Q8"}

# it makes no tuple and no frozenset before what is in them
BEYOND = {"good-tuple-as-its-key", "good-frozenset-in-itself"}


@pytest.mark.parametrize("reader", ["extension", "objects.py"])
@pytest.mark.parametrize("vector", VECTORS, ids=IDS)
def test_stream__gives_what_the_table_says(vector, reader):
    name, stream, blobs, expected, _ = vector
    stream = b"" if stream == "-" else bytes.fromhex(stream)
    blobs = [] if blobs == "-" else [bytes.fromhex(blob) for blob in blobs.split(",")]
    read_it = decode if reader == "extension" else objects.decode
    if reader == "objects.py" and name in BEYOND:
        expected = "damaged"
    if expected == "damaged":
        with pytest.raises((CheckpointDamaged, objects.Damaged)):
            read_it(stream, blobs)
        return
    value = read_it(stream, blobs)
    if reader == "objects.py" and name in SIMPLER:
        return
    assert facts(value) == facts(eval(expected, NAMES))


def test_streams__share_what_they_say_is_shared():
    table = {vector[0]: bytes.fromhex(vector[1]) for vector in VECTORS if vector[1] != "-"}
    for read_it in (decode, objects.decode):
        first, second = read_it(table["good-shared"], [])
        assert first is second
        base, view = read_it(table["good-view"], [])
        view[0] = 99
        assert base[1] == 99


def test_streams__are_well_formed_for_another_library():
    cbor2 = pytest.importorskip("cbor2")
    for name, stream, *_ in VECTORS:
        if name.startswith("good-"):
            stream = bytes.fromhex(stream)
            with __import__("io").BytesIO(stream) as source:
                decoder = cbor2.CBORDecoder(source, tag_hook=lambda decoder, tag: 0)
                try:
                    decoder.decode()
                except cbor2.CBORDecodeError:
                    # values that cbor2 itself builds from registered tags, in another way
                    assert any(tag in stream for tag in (b"\xd8\x1d", b"\xc2", b"\xd8\x1e"))
                else:
                    assert source.tell() == len(stream)
