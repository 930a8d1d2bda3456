"""The object stream: arrays, views and shared memory, scalars, dtypes, generators of numpy."""
import array
import mmap
import pathlib
import subprocess
import sys

import pytest

pytestmark = pytest.mark.filterwarnings("ignore:the matrix subclass")
np = pytest.importorskip("numpy")
import resume  # noqa: E402
from resume import _core  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tools"))
import objects  # noqa: E402


def back(value, notes=0):
    stream, blobs, said = _core._encode(value)
    assert len(said) == notes, said
    restored, said = _core._decode(stream, blobs)
    assert said == []
    return restored


def assert_same_array(a, b):
    assert type(a) is type(b) is np.ndarray
    assert a.dtype == b.dtype and a.dtype.str == b.dtype.str and a.dtype.char == b.dtype.char
    assert a.shape == b.shape
    if a.size > 1:
        assert [s for s, n in zip(a.strides, a.shape) if n > 1] == \
            [s for s, n in zip(b.strides, b.shape) if n > 1]
    for flag in ("C_CONTIGUOUS", "F_CONTIGUOUS", "WRITEABLE", "ALIGNED"):
        assert a.flags[flag] == b.flags[flag], flag
    if a.size:
        assert a.flags.owndata == b.flags.owndata
    assert a.tobytes() == b.tobytes()


DTYPES = ["?", "b", "B", "h", "H", "i", "I", "l", "L", "q", "Q", "e", "f", "d", "g", "F", "D", "G",
          "S1", "S7", "U1", "U5", "V3", ">i2", ">u4", ">i8", ">f2", ">f4", ">f8", ">g", ">c16",
          ">U3", ">q", "M8[ns]", "M8[D]", "m8[25s]", "M8", "m8", ">M8[us]", ">m8[7D]", "M8[Y]",
          "i4,f8", "i4,(2,3)f8,S5",
          np.dtype([("a", "<i4"), ("b", [("c", ">f8"), ("d", "U2", (2,))])]),
          np.dtype([("x", "i1"), ("y", "f8")], align=True),
          np.dtype({"names": ["a", "b"], "formats": ["i4", "i2"], "offsets": [8, 2],
                    "itemsize": 24}),
          np.dtype({"names": ["all", "low"], "formats": ["i4", "u1"], "offsets": [0, 0]}),
          np.dtype([(("a title", "a"), "i4"), ("b", "M8[ms]")]),
          np.dtype([("ü", "f4"), ("", "i4")]), np.dtype({"names": [], "formats": [],
                                                         "itemsize": 8})]


def sample(dtype, shape):
    """An array of arbitrary bytes."""
    dtype = np.dtype(dtype)
    count = int(np.prod(shape)) * dtype.itemsize
    if dtype.char in "U?" or dtype.names and "U" in str(dtype):
        return np.zeros(shape, dtype)
    value = np.zeros(shape, dtype)
    data = bytes((i * 37 + 11) % 127 for i in range(count))
    return np.frombuffer(data, dtype).reshape(shape).copy() if count else value


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_dtype__arrays_scalars_and_the_dtype_itself(dtype):
    dtype = np.dtype(dtype)
    restored = back(dtype)
    assert restored == dtype and restored.char == dtype.char and repr(restored) == repr(dtype)
    assert restored.isalignedstruct == dtype.isalignedstruct and restored.fields == dtype.fields
    for shape in [(), (1,), (5,), (2, 3), (0,), (3, 0, 2), (2, 1, 2)]:
        value = sample(dtype, shape)
        assert_same_array(back(value), value)
        assert_same_array(back(value.T.copy()), value.T.copy())
        assert objects.decode(*_core._encode(value)[:2]).tobytes() == value.tobytes()
    scalar = sample(dtype, (1,))[0]
    restored = back([scalar, scalar])
    assert type(restored[0]) is type(scalar)
    assert restored[0].tobytes() == scalar.tobytes() and restored[0].dtype == scalar.dtype


def test_scalar_text__keeps_zeros_at_the_end():
    for value in (np.str_("a\0"), np.bytes_(b"a\0\0"), np.str_(""), np.str_("\ud800"),
                  np.bytes_(b"x" * 70000)):
        restored = back(value)
        assert type(restored) is type(value) and restored == value and len(restored) == len(value)


@pytest.mark.parametrize("size", [6, 150])  # inline, and in blobs
def test_layouts(size):
    base = np.arange(size * size * 2.0).reshape(2, size, size)
    owners = [base.copy(), np.asfortranarray(base), base.transpose(1, 0, 2).copy(order="K"),
              base.transpose(2, 0, 1).copy(order="K"), np.arange(size * size)]
    for owner in owners:
        assert owner.base is None or owner is owners[-1]
        assert_same_array(back(owner), owner)
        assert back(owner).base is None
    views = [base[::-1], base[:, ::3], base[1:, ::-2, ::-1], base.T, base[..., 0], base[None, 1],
             np.broadcast_to(base[0, 0], (4, size)), base.view("i4"), base[0].view("M8[ns]"),
             np.lib.stride_tricks.sliding_window_view(base[0, 0], 3),
             np.lib.stride_tricks.as_strided(base, (3, 3), (8, 8)), base.real, base[1:1]]
    for view in views:
        assert_same_array(back(view), view)
        assert objects.decode(*_core._encode(view)[:2]).tobytes() == view.tobytes()


def test_contiguous_arrays__are_borrowed_not_copied():
    for value in (np.zeros((300, 300)), np.asfortranarray(np.ones((300, 300)))):
        stream, blobs, _ = _core._encode(value)
        assert [len(b) for b in blobs] == [value.nbytes] and len(stream) < 100
    assert _core._encode_size(np.empty(1 << 30, "u1")) > 1 << 30  # quick: nothing is touched


def test_views__share_memory_again():
    for size in (10, 100000):
        a = np.arange(float(size))
        b, c, d = a[2:5], a[::-1], a.view("i8")[3:]
        w, x, y, z = back([b, a, c, d])
        assert w.base is x and y.base is x and z.base is x and x.base is None and x.flags.owndata
        x[3] = -1
        assert w[1] == -1 and y[-4] == -1 and z[0] == np.float64(-1).view("i8")
        for p, q in zip((b, a, c, d), back([b, a, c, d])):
            assert_same_array(p, q)


def test_views__of_an_array_that_is_not_saved():
    big = np.arange(1 << 20)
    a, b = big[1000:2000], big[1500:30000:2]
    stream, blobs, _ = _core._encode([a, b])
    assert sum(map(len, blobs)) <= (29999 - 960) * 8  # not the 8 MiB of all of it
    c, d = back([a, b])
    assert (c == a).all() and (d == b).all() and np.shares_memory(c, d)
    c[500] = -7
    assert d[0] == -7
    # then all of it, in a later value of the same stream
    stream, blobs, problems = _core._encode_each([a, b, big, a])
    c, d, e, f = _core._decode_each(stream, blobs, [None] * 4)
    assert e.base is None and c.base is e and d.base is e and f is c
    assert (e == big).all() and (c == a).all()


def test_views__read_only_and_writeable():
    a = np.arange(10)
    writeable, a.flags.writeable = a[2:], False
    read_only = a[3:]
    for order in ([writeable, a, read_only], [a, read_only, writeable]):
        restored = back(order)
        for before, after in zip(order, restored):
            assert_same_array(before, after)
        by_size = sorted(restored, key=len)
        by_size[1][5] = 99
        assert by_size[2][7] == 99 and by_size[0][4] == 99


def test_views__of_bytes_and_bytearrays():
    data, text, numbers = bytearray(range(100)), bytes(range(100)), array.array("d", [1, 2, 3])
    a, b, c = np.frombuffer(data, "i4"), np.frombuffer(text, "u1")[5:9], np.frombuffer(numbers)
    d, e, f, g, h, i = back([data, a, b, text, c, numbers])
    assert type(d) is bytearray and d == data and type(g) is bytes and g == text
    assert_same_array(e, a)
    assert_same_array(f, b)
    d[0] = 77
    assert e[0] == int.from_bytes(bytes([77, 1, 2, 3]), "little")
    i[1] = 9.5
    assert h[1] == 9.5


def test_views__of_foreign_memory_get_their_own(tmp_path):
    path = tmp_path / "data"
    path.write_bytes(bytes(range(256)) * 512)
    with open(path, "r+b") as file, mmap.mmap(file.fileno(), 0) as memory:
        a, b = np.frombuffer(memory, "u1")[10:2000], np.frombuffer(memory, "u1")[5:20]
        c, d = back([a, b], notes=1)
        assert (c == a).all() and (d == b).all() and np.shares_memory(c, d)
        del a, b
    matrix = np.matrix([[1, 2], [3, 4]])
    views = [np.asarray(matrix), np.asarray(matrix)[0]]
    c, d = back(views)
    c[0, 0] = 9
    assert d[0] == 9 and type(c) is np.ndarray


@pytest.mark.parametrize("value", [
    np.array([None, "x", [1]]+ [2.5], dtype=object), np.empty((2, 2), object), np.dtype("O"),
    np.zeros(2, [("a", "O"), ("b", "i4")]), np.matrix([[1, 2]]),
    np.rec.array([(1, 2.5)], dtype=[("x", "i4"), ("y", "f8")]),
    np.rec.array([(1, 2.5)], dtype=[("x", "i4"), ("y", "f8")])[0],
    np.zeros(1, np.dtype((np.record, "i4,f8"))), np.add, np.poly1d([1, 2]),
    np.array(["\u00e9", "long" * 9], np.dtypes.StringDType()) if hasattr(np.dtypes, "StringDType")
    else np.add], ids=lambda value: type(value).__name__)
def test_objects__of_numpy_come_by_their_reduction(value):
    restored = _core._decode(*_core._encode([value])[:2], mine=True)[0][0]
    assert type(restored) is type(value) and repr(restored) == repr(value)
    assert getattr(restored, "dtype", None) == getattr(value, "dtype", None)
    opaque = _core._decode(*_core._encode([value])[:2])[0][0]
    assert type(opaque).__name__ == "Opaque"


def test_aliases_and_empty_arrays():
    a = np.zeros(3)
    b, c = back([a, a])
    assert b is c
    for shape in [(0,), (2, 0, 3), ()]:
        value = np.zeros(shape)
        assert back([value, value])[0].shape == shape
    big = np.zeros((1000, 1000))
    assert back(big[5:5]).shape == (0, 1000)


def test_resize__works_as_before():
    value = back(np.arange(5))
    value.resize(10, refcheck=False)
    assert value.tolist() == [0, 1, 2, 3, 4, 0, 0, 0, 0, 0]


# ---- targets ----

def decode_into(values, targets):
    stream, blobs, problems = _core._encode_each(values)
    assert not any(problems)
    return _core._decode_each(stream, blobs, targets)


@pytest.mark.parametrize("size", [10, 20000])
def test_target__is_filled_and_its_views_follow(size):
    value = np.arange(float(size))
    target = np.zeros(size)
    a, b = decode_into([value, value[2:]], [target, None])
    assert a is target and (target == value).all() and b.base is target
    b[0] = -1
    assert target[2] == -1


def test_target__of_another_order_a_view_and_a_bad_fit():
    value = np.arange(12.0).reshape(3, 4)
    target = np.zeros((4, 3)).T
    (a,) = decode_into([value.copy()], [target])
    assert a is target and (target == value).all()
    (a,) = decode_into([np.asfortranarray(value)], [np.zeros((3, 4))])
    assert (a == value).all()
    base = np.zeros((6, 4))
    (a,) = decode_into([value[::2]], [base[::3]])
    assert a.base is base and (base[::3] == value[::2]).all() and not base[1].any()
    read_only = np.zeros((3, 4))
    read_only.flags.writeable = False
    for target in (np.zeros((4, 3)), np.zeros((3, 4), "f4"), read_only, [1], np.matrix(value)):
        (a,) = decode_into([value.copy()], [target])
        assert a is not target and (a == value).all()


# ---- random generators ----

BIT_GENERATORS = [getattr(np.random, name)
                  for name in ("PCG64", "PCG64DXSM", "MT19937", "Philox", "SFC64")
                  if hasattr(np.random, name)]


def draws(generator):
    return [generator.random(), generator.integers(1 << 30), generator.normal(),
            generator.integers(1 << 20, dtype="u4"), generator.bytes(3)]


@pytest.mark.parametrize("kind", BIT_GENERATORS, ids=lambda k: k.__name__)
def test_generator__goes_on_alike(kind):
    value = np.random.Generator(kind(42))
    draws(value)
    if hasattr(value, "spawn"):
        value.spawn(2)
    restored, bits, alias = back([value, value.bit_generator, value])
    assert restored.bit_generator is bits and restored is alias
    assert draws(restored) == draws(value)
    if hasattr(value, "spawn"):
        assert draws(restored.spawn(1)[0]) == draws(value.spawn(1)[0])
    assert draws(objects.decode(*_core._encode(value)[:2])) == draws(value)


@pytest.mark.parametrize("entropy", [0, 2 ** 200, [1, 2, 3], (4, 5), np.arange(3), None])
def test_seed_sequence(entropy):
    value = np.random.SeedSequence(entropy, spawn_key=(3,), pool_size=8)
    value.spawn(2)
    restored = back(value)
    assert (restored.generate_state(5) == value.generate_state(5)).all()
    assert restored.n_children_spawned == 2 and restored.spawn_key == (3,)
    assert (restored.spawn(1)[0].generate_state(4) == value.spawn(1)[0].generate_state(4)).all()


def test_random_state():
    for value in (np.random.RandomState(5), np.random.RandomState(np.random.PCG64(1))):
        value.randn(3)
        restored = back([value, value])
        assert restored[0] is restored[1]
        assert restored[0].randn(5).tolist() == value.randn(5).tolist()
    assert back([np.random.mtrand._rand])[0] is np.random.mtrand._rand


def test_unsafe_index__is_damage():
    from resume import CheckpointDamaged
    stream, _, _ = _core._encode(np.random.MT19937(1))
    at = stream.index(b"cpos") + 4
    assert stream[at:at + 3] == b"\x19\x02\x6f"  # 623
    with pytest.raises(CheckpointDamaged):
        _core._decode(stream[:at] + b"\x19\x02\x71" + stream[at + 3:], [])


# ---- digests ----

def test_digest__of_arrays():
    digest = _core._digest
    a = np.arange(20000.0).reshape(100, 200)
    assert digest(a) == digest(np.asfortranarray(a)) == digest(a.copy()[:, ::-1][:, ::-1])
    assert digest(a) != digest(a.astype("f4")) != digest(a.reshape(200, 100))
    other = a.copy()
    other[99, 199] += 1
    assert digest(a) != digest(other)
    assert digest([np.float64(1)]) != digest([np.float32(1)])
    assert digest(np.array([None])) is None


def test_numpy__is_not_imported_by_encoding():
    code = ("import sys; from resume import _core; _core._encode([1, {2}]); _core._digest([1.5]); "
            "_core._decode(b'\\x01', []); assert 'numpy' not in sys.modules")
    subprocess.run([sys.executable, "-c", code], check=True)


def test_random_views__share_and_differ_alike(rng, amount):
    for _ in range(amount(300, 60, 20)):
        owner = np.arange(rng.choice([24, 24000])).reshape(rng.choice([(-1,), (4, -1), (2, 3, -1)]))
        arrays = [owner] if rng.random() < 0.5 else []
        for _ in range(rng.randrange(1, 5)):
            view = rng.choice(arrays + [owner])
            for axis in range(view.ndim):
                low, step = rng.randrange(0, 3), rng.choice([1, 1, 2, -1, -2])
                view = view[(slice(None),) * axis + (slice(None, None, step),)]
                view = view[(slice(None),) * axis + (slice(low, None),)]
            if rng.random() < 0.3:
                view = view.T
            arrays.append(view)
        rng.shuffle(arrays)
        restored = back(arrays)
        for a, b in zip(arrays, restored):
            assert_same_array(a, b)
        for i, a in enumerate(arrays):
            for j, b in enumerate(arrays):
                assert np.may_share_memory(a, b) == np.may_share_memory(restored[i], restored[j]) \
                    or a.size == 0 or b.size == 0
        if restored[0].size:
            arrays[0].flat[0] = restored[0].flat[0] = -5
            for a, b in zip(arrays, restored):
                assert (a == b).all()


# ---- masked arrays ----

RECORD = [("a", "i4"), ("b", "f8")]
MASKED = {
    "plain": lambda: np.ma.array([1, 2, 3], mask=[0, 1, 0]),
    "no mask": lambda: np.ma.array([1.5, 2.5]),
    "a fill value": lambda: np.ma.array(["a", "bb"], mask=[1, 0], fill_value="?"),
    "dates": lambda: np.ma.array(np.array(["2026", "NaT"], "M8[s]"), mask=[0, 1]),
    "hard": lambda: np.ma.array([1, 2], mask=[1, 0], hard_mask=True),
    "shrunk": lambda: np.ma.array([1, 2], mask=False, shrink=False),
    "scalar": lambda: np.ma.array(5, mask=True),
    "empty": lambda: np.ma.zeros((0, 3)),
    "columns": lambda: np.ma.array(np.asfortranarray(np.eye(3)), mask=np.eye(3) > 0),
    "big endian": lambda: np.ma.array(np.arange(4, dtype=">i2"), mask=[0, 0, 1, 1])[::-1],
    "records": lambda: np.ma.array([(1, 2.0), (3, 4.0)], mask=[(1, 0), (0, 1)], dtype=RECORD),
    "read-only": lambda: readonly(np.ma.array([1, 2], mask=[1, 0])),
    "large": lambda: np.ma.masked_greater(np.arange(20000.0).reshape(2, 10000), 7),
}


def readonly(array):
    array.flags.writeable = False
    return array


def assert_same_masked(a, b):
    assert type(a) is type(b) is np.ma.MaskedArray
    assert_same_array(a.data, b.data)
    assert (a._mask is np.ma.nomask) == (b._mask is np.ma.nomask)
    assert_same_array(np.ma.getmaskarray(a), np.ma.getmaskarray(b))
    assert a.fill_value.tobytes() == b.fill_value.tobytes()
    assert (a._hardmask, a._sharedmask, a._optinfo) == (b._hardmask, b._sharedmask, b._optinfo)
    assert repr(a) == repr(b)


@pytest.mark.parametrize("name", MASKED)
def test_masked__is_restored_and_goes_on_alike(name):
    value = MASKED[name]()
    value.fill_value  # made when it is first asked for
    restored = back(value)
    assert_same_masked(value, restored)
    other = objects.decode(*_core._encode(value)[:2])  # its arrays are views of bytes
    assert type(other) is np.ma.MaskedArray and repr(other) == repr(value)
    if name == "read-only":
        with pytest.raises(ValueError):
            restored[0] = 1
        return
    for array in (value, restored):
        if array.dtype.names:
            array["a"][0] = 9
        elif array.size and array.ndim:
            array[0], array[-1] = array[-1], np.ma.masked
    assert_same_masked(value, restored)


def test_masked__shares_data_and_mask_again():
    data = np.arange(6)
    whole = np.ma.array(data, mask=[0, 1, 0, 0, 0, 1], copy=False)
    part, alias = whole[2:], whole
    a, b, c, d, mask = back([data, whole, part, alias, whole._mask])
    assert d is b and np.shares_memory(a, b) and np.shares_memory(c, b)
    a[2] = 77
    assert b[2] == 77 and c[0] == 77
    c[1] = np.ma.masked
    whole[2:][1] = np.ma.masked
    assert b.mask.tolist() == whole.mask.tolist() and b._mask is mask
    assert back([np.ma.masked, np.ma.nomask]) == [np.ma.masked, np.ma.nomask]
    assert back([np.ma.masked])[0] is np.ma.masked and back([np.ma.nomask])[0] is np.ma.nomask


def test_masked__of_information_and_of_a_subclass():
    value = np.ma.array([1, 2], mask=[0, 1])
    value._optinfo["unit"] = ["m"]
    assert back(value)._optinfo == {"unit": ["m"]}
    with pytest.raises(TypeError, match="subclass of numpy.ndarray"):
        _core._encode(np.ma.array(np.matrix([[1]])))


def test_masked__is_compared_by_content():
    values = [np.ma.array([1, 2], mask=[0, 1]), np.ma.array([1, 2], mask=[1, 0]),
              np.ma.array([1, 2]), np.ma.array([1, 2], mask=[0, 1], fill_value=3), np.array([1, 2])]
    digests = {_core._digest(value) for value in values}
    assert None not in digests and len(digests) == 5
    assert _core._digest(np.ma.array([1, 2], mask=[0, 1])) == _core._digest(values[0])


# ---- memory maps ----

MAP_CHILD = """
import sys
import numpy as np
from resume import _core
value, notes = _core._decode(sys.stdin.buffer.read(), [], mine=True)
assert notes == [], notes
exec(sys.argv[1])
"""


def in_another_process(value, source):
    """The value, decoded in a new process, is `value` in the lines of `source`."""
    stream, blobs, notes = _core._encode(value)
    assert blobs == [] and notes == []
    return subprocess.run([sys.executable, "-c", MAP_CHILD, source], input=stream, check=True,
                          capture_output=True, text=False).stdout.decode()


def new_map(path, mode="w+", dtype="<f8", shape=(4, 5), offset=16, order="C"):
    return np.memmap(path, dtype, mode, offset, shape, order)


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("offset", [0, 16, 4096, 5000])
def test_memmap__is_mapped_again(tmp_path, offset, order):
    a = new_map(tmp_path / "x", offset=offset, order=order)
    a[:] = np.arange(20.0).reshape(4, 5)
    said = in_another_process(a, f"""
assert type(value) is np.memmap and value.mode == "r+" and value.offset == {offset}
assert str(value.filename).endswith("/x") and value.dtype == "f8" and value.shape == (4, 5)
assert (value == np.arange(20.0).reshape(4, 5)).all() and value.strides == {a.strides}
value[3, 4] = 77
value.flush()
print(type(value.filename).__name__)
""")
    assert a[3, 4] == 77 and said.strip() == type(a.filename).__name__


def test_memmap__views_of_one_share_it_again(tmp_path):
    a = new_map(tmp_path / "x")
    a[:] = 5
    plain, part, turned = np.asarray(a), a[1:3, ::2], a.T[::-1]
    in_another_process([plain, part, a, turned, a], """
plain, part, whole, turned, again = value
assert type(plain) is np.ndarray and type(part) is type(turned) is np.memmap and again is whole
part[0, 1] = 3
assert plain[1, 2] == whole[1, 2] == turned[2, 1] == 3
for array in part, turned, whole:
    assert array.filename == whole.filename and array.offset == 16 and array._mmap is whole._mmap
part.flush()
""")
    assert a[1, 2] == 3


def test_memmap__modes(tmp_path):
    new_map(tmp_path / "x")[:] = 1
    read, private = new_map(tmp_path / "x", "r"), new_map(tmp_path / "x", "c")
    untouched = new_map(str(tmp_path / "x"), "c")
    private[2] = 9
    in_another_process([read, private, untouched], """
read, private, untouched = value
assert read.mode == "r" and not read.flags.writeable and (read == 1).all()
assert private.mode == untouched.mode == "c" and private.flags.writeable
assert (private[2] == 9).all() and (private[:2] == 1).all() and (untouched == 1).all()
private[0] = 8
assert (read == 1).all() and (untouched == 1).all()
assert type(untouched.filename) is str
""")
    assert (new_map(tmp_path / "x", "r") == 1).all()


def test_memmap__in_memory_and_of_a_file_that_is_gone(tmp_path):
    a = new_map(tmp_path / "x")
    a[:] = 4
    copy = a.copy()
    assert type(copy) is np.memmap and copy.filename is None
    restored = back([copy])[0]
    assert type(restored) is np.memmap and restored.filename is None and (restored == 4).all()
    (tmp_path / "x").unlink()
    stream, blobs, notes = _core._encode(a)
    assert "mmap.mmap" in notes[0]
    restored = _core._decode(stream, blobs, mine=True)[0]
    assert (restored == 4).all() and type(restored) is np.memmap


def test_memmap__whose_file_is_gone_or_short_later_is_told(tmp_path):
    a = new_map(tmp_path / "x")
    stream, blobs, _ = _core._encode([a])
    for change in (lambda: (tmp_path / "x").write_bytes(bytes(100)), (tmp_path / "x").unlink,
                   (tmp_path / "x").mkdir):
        change()
        with pytest.raises(resume.ResumeError, match="/x'.*gone or shorter") as caught:
            _core._decode(stream, blobs, mine=True)
        assert not isinstance(caught.value, resume.CheckpointDamaged)


def test_memmap__of_a_file_that_is_not_mine_is_not_opened(tmp_path):
    a = new_map(tmp_path / "x")
    stream, blobs, _ = _core._encode([a, np.asarray(a)])
    (tmp_path / "x").unlink()
    for value in _core._decode(stream, blobs)[0]:
        assert type(value) is resume.Opaque and value.type == "numpy.memmap"
        assert value.state["filename"] == tmp_path / "x" and "filename" in repr(value)
        again = _core._decode(*_core._encode(value)[:2], mine=True)[0]
        assert type(again) is resume.Opaque and repr(again) == repr(value)


def test_memmap__is_compared_by_place_not_by_content(tmp_path):
    a = new_map(tmp_path / "x")
    digest = _core._digest(a)
    a[:] = 5
    assert _core._digest(a) == digest != _core._digest(a[1:]) != None  # noqa: E711


class Tagged(np.ndarray):
    pass


def test_views__of_a_class_share_memory_and_keep_attributes():
    base = np.arange(100000.0)
    tagged = base[10:].view(Tagged)
    tagged.unit = "m"
    alone = np.ones((2, 2)).view(Tagged)
    stream, blobs, _ = _core._encode([base, tagged, alone, alone[0], base[:2].view(np.matrix)])
    base, tagged, alone, row, matrix = _core._decode(stream, blobs, mine=True)[0]
    assert len(blobs) == 1 and type(tagged) is Tagged and tagged.unit == "m"
    assert np.shares_memory(base, tagged) and np.shares_memory(alone, row)
    assert type(matrix) is np.matrix and np.shares_memory(base, matrix)
    tagged[0] = -1
    assert base[10] == -1 and row.tolist() == [1, 1]


def test_record__that_is_a_part_of_an_array_shares_its_memory():
    table = np.zeros(3, RECORD)
    for order in (0, 1):
        row = table[1]
        restored = back([table, row][::1 - 2 * order] + [row])
        again, row, same = restored[order], restored[1 - order], restored[2]
        row["a"] = 7
        assert again[1]["a"] == 7 and type(row) is np.void and same is row
    lone = back(np.zeros(3, RECORD)[1].copy())
    assert lone["a"] == 0
    assert back(np.frombuffer(b"abcdef", "V3"))[1].tobytes() == b"def"


def test_views__of_arrays_of_objects_share_memory():
    whole = np.array([[1, "x", None], [[2], 3.5, ()]], dtype=object)
    views = [whole[1:], whole.T, whole[::-1, ::2], whole[0], whole[:, 1][:1]]
    for value in ([whole, *views], [*views, whole]):
        restored = _core._decode(*_core._encode(value)[:2], mine=True)[0]
        first = next(one for one in restored if one.base is None)
        for old, new in zip(value, restored):
            assert new.tolist() == old.tolist() and np.shares_memory(new, first)
        first[...] = 0
        assert all((one == 0).all() for one in restored)
    assert whole[1, 0] == [2]
