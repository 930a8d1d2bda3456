"""The table of tests/vectors, for tests in Python: what each file is taken for."""
import pathlib
import struct
import types

FOLDER = pathlib.Path(__file__).resolve().parent.parent / "vectors"
COLUMNS = ("name", "outcome", "generation", "stream", "arrays", "says", "rule")


def read():
    """The lines of index.txt; each also has `path`."""
    lines = (FOLDER / "index.txt").read_text().splitlines()
    vectors = [types.SimpleNamespace(**dict(zip(COLUMNS, line.split(" | "), strict=True)))
               for line in lines if not line.startswith("#")]
    for vector in vectors:
        vector.path = FOLDER / f"{vector.name}.ckpt"
    return vectors


def signatures():
    """The key of signatures.txt, and its lines as a dict."""
    *head, last = (line for line in (FOLDER / "signatures.txt").read_text().splitlines()
                   if line.startswith("#"))
    lines = (FOLDER / "signatures.txt").read_text().splitlines()[len(head) + 1:]
    return bytes.fromhex(last[2:]), dict(line.split(" | ") for line in lines)


def arrays_of(blobs):
    """What the column `arrays` is the digest of."""
    return b"".join(struct.pack("<Q", len(blob)) + blob for blob in blobs)
