"""Graphs: arrays of numpy, views that share memory, masked arrays, scalars, dtypes."""
import array

from graph_kinds_builtin import hash_of
from graphs import Kind, kind

try:
    import numpy as np
except ImportError:
    np = None

if np:
    RECORD = np.dtype([("a", "<i4"), ("b", ">f8", (2,)), ("c", "U3"), ("d", "M8[s]")])
    DTYPES = ["?", "i1", "<u2", ">i4", "<i8", "<f2", "<f4", "<f8", ">f8", "<c8", "<c16", "g", "S3",
              "U4", "V5", "M8[ns]", "m8[25s]", RECORD,
              np.dtype([("x", "i1"), ("y", "f8")], align=True)]
    SHAPES = [(), (0,), (1,), (7,), (3, 4), (2, 0, 3), (2, 3, 4), (1, 5, 1), (100, 101)]

    def random_array(rng):
        dtype, shape = np.dtype(rng.choice(DTYPES)), rng.choice(SHAPES)
        value = np.empty(shape, dtype, order=rng.choice("CF"))
        fill_with(rng, value)
        if rng.random() < 0.2 and len(shape) > 1:
            value = np.copy(value.transpose(rng.sample(range(len(shape)), len(shape))), order="K")
        if rng.random() < 0.15:
            value.flags.writeable = False
        return value

    def fill_with(rng, value):
        if value.dtype.names:
            for name in value.dtype.names:
                fill_with(rng, value[name])
        elif value.dtype.char in "US":
            value[...] = rng.choice(["a", "bc", ""])
        elif value.dtype.char == "V":
            value[...] = np.void(rng.randbytes(value.dtype.itemsize))
        elif value.size:
            numbers = np.arange(value.size).reshape(value.shape) % 100 + rng.randrange(20)
            value[...] = (numbers % 2 if value.dtype.char == "?" else numbers).astype(value.dtype)

    def random_view(rng, base):
        """A part of it, turned, in another type; whatever still works."""
        value = base
        for _ in range(rng.randrange(1, 4)):
            action = rng.randrange(6)
            if action == 0:
                value = value.T
            elif action == 1 and value.ndim:
                value = value[::rng.choice([1, 2, -1])]
            elif action == 2 and value.ndim and value.shape[0]:
                value = value[rng.randrange(value.shape[0]):]
            elif action == 3 and value.ndim and value.shape[-1] > 1:
                value = value[..., 1:]
            elif action == 4 and value.flags.c_contiguous and value.size and value.ndim:
                if value.dtype.char != "g":  # behind its numbers an assignment leaves anything
                    value = value.view("u1")
            elif action == 5 and value.ndim == 1 and len(value) > 3:
                value = np.lib.stride_tricks.sliding_window_view(value, 2)
        return value if value is not base else base[...]

    def bytes_of(value):
        """Of what counts: numpy does not copy the bytes between fields and behind numbers."""
        value = np.asarray(value)
        if value.dtype.names:
            return b"".join(bytes_of(value[name]) for name in value.dtype.names)
        if value.dtype.char in "gG":  # ten bytes of sixteen
            return repr(value.tolist()).encode()
        return value.tobytes()

    def content_of(value):
        return hash_of(bytes_of(value))

    def owner_of(value):
        """What holds the memory: the array, the bytes or the buffer behind all views."""
        while isinstance(value, (np.ndarray, np.void)) and value.base is not None:
            value = value.base
            if isinstance(value, memoryview):
                value = value.obj
            elif type(value).__name__ == "DummyArray":
                value = value.base
        return value

    @kind
    class NumpyArray(Kind):
        types = (np.ndarray,)
        weight = 12

        def make(self, rng, pick):
            base, buffer = pick.of(np.ndarray, np.ma.MaskedArray), pick.of(bytes, bytearray,
                                                                         array.array)
            choice = rng.random()
            if base is not None and choice < 0.5:
                return np.asarray(random_view(rng, np.asarray(base)))
            if buffer is not None and choice < 0.6 and len(buffer):
                return np.frombuffer(buffer, "u1")[rng.randrange(2):]
            return random_array(rng)

        def facts_in(self, description, value):
            place = description.place(owner_of(value), value.__array_interface__["data"][0]) \
                if value.size else None
            strides = [s for s, n in zip(value.strides, value.shape) if n > 1] if value.size else ""
            return (f"{value.dtype!r} {value.shape} {strides} {value.flags.writeable} {place} "
                    f"{content_of(value)}")

        def work(self, rng, value, pick):
            if value.flags.writeable and value.size:
                place = tuple(rng.randrange(n) for n in value.shape)
                other = tuple(rng.randrange(n) for n in value.shape)
                value[place] = value[other]
                if value.dtype.kind in "iuf" and value.dtype.itemsize < 9:
                    value[place] //= 2
            return content_of(value)

    @kind
    class Masked(Kind):
        types = (np.ma.MaskedArray,)
        weight = 3

        def make(self, rng, pick):
            base = pick.of(np.ma.MaskedArray, np.ndarray)
            if base is None or rng.random() < 0.3:
                base = random_array(rng)
            if isinstance(base, np.ma.MaskedArray):
                return base[...] if base.ndim == 0 else base[::rng.choice([1, -1, 2])]
            hard = rng.random() < 0.3
            if base.dtype.names or rng.random() < 0.3:
                return np.ma.array(base, copy=False, hard_mask=hard)
            return np.ma.array(base, mask=np.arange(base.size).reshape(base.shape) % 3 == 0,
                               copy=False, hard_mask=hard)

        def facts(self, value):
            fill = None if value._fill_value is None else content_of(value._fill_value)
            return f"{value._hardmask} {value._sharedmask} {fill} {value._mask is np.ma.nomask}"

        def parts(self, value):
            mask = () if value._mask is np.ma.nomask else (value._mask,)
            return (value.view(np.ndarray), *mask)

        def work(self, rng, value, pick):
            if value.size and value.ndim and value.flags.writeable and not value.dtype.names:
                value[tuple(rng.randrange(n) for n in value.shape)] = np.ma.masked
            return str(value.count())

    @kind
    class Scalar(Kind):
        types = tuple({np.dtype(text).type for text in DTYPES} | {np.int8, np.longlong, np.uint64})
        weight = 4

        def make(self, rng, pick):
            table = pick.of(np.ndarray)
            if table is not None and table.dtype.names and table.ndim == 1 and len(table):
                return table[rng.randrange(len(table))]
            value = np.zeros(1, rng.choice(DTYPES))
            fill_with(rng, value)
            return value[0].copy()

        def is_shared(self, value):
            return isinstance(value, np.void)

        def facts_in(self, description, value):
            place = None
            if isinstance(value, np.void) and value.dtype.names:
                whole = np.asarray(value)
                place = description.place(owner_of(value), whole.__array_interface__["data"][0])
            return f"{value.dtype!r} {place} {content_of(value)}"

        def work(self, rng, value, pick):
            table = np.asarray(value)
            if isinstance(value, np.void) and value.dtype.names and table.flags.writeable:
                value[value.dtype.names[0]] = rng.randrange(99)

    @kind
    class Dtype(Kind):
        types = tuple({type(np.dtype(text)) for text in DTYPES})
        weight = 1
        shared = False

        def make(self, rng, pick):
            return np.dtype(rng.choice(DTYPES))

        def facts(self, value):
            return repr(value)

    @kind
    class MaskedConstant(Kind):
        types = (type(np.ma.masked),)
        weight = 1

        def make(self, rng, pick):
            return np.ma.masked
