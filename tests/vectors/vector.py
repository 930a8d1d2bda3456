"""What the scripts that make vectors share: a vector, and the states that stand in them."""
from builder import Blob, Chunk, File, Tagged, cbor, u64


class Taken:
    """The generation that a reader takes."""

    def __init__(self, generation, blobs):
        self.generation, self.stream = generation, blobs[0].data
        self.arrays = b"".join(u64(len(blob.data)) + blob.data for blob in blobs[1:])


class Vector:
    def __init__(self, name, rule, data, outcome, taken=None, says="", arrays_are_bad=False,
                 signature="not"):
        self.name, self.rule, self.data, self.outcome = name, rule, data, outcome
        self.taken, self.says, self.arrays_are_bad = taken, says, arrays_are_bad
        self.signature = signature


def noise(size, seed=1):
    """Bytes that nothing compresses."""
    out = bytearray()
    for _ in range(size):
        seed = (seed * 1664525 + 1013904223) % 2**32
        out.append(seed >> 24)
    return bytes(out)


def state(number, *arrays, chunk=Chunk):
    """Blobs of a state whose variable n is `number`, and whose "arrays" are bytes in blobs."""
    named = [Tagged(39256, i + 1) if blob.size else b"" for i, blob in enumerate(arrays)]
    stream = cbor({"v": 1, "vars": {"n": number, "arrays": named}})
    return [Blob(stream, chunk=chunk), *arrays]


def numbers(size=64, step=7):
    """Bytes of small numbers, with runs that compress once they are shuffled."""
    return b"".join((1000 + i // step).to_bytes(2, "little") for i in range(size // 2))


def saved(number=1, *arrays, **options):
    """A file with one generation."""
    file = File(**options)
    file.save(state(number, *arrays))
    return file
