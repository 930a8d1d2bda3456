#!/usr/bin/env python3
"""seeds.py FOLDER: the streams of tests/vectors/streams.txt, and those that broke something, as
files, bare and as a variable of a state, for the fuzz targets that take object streams."""
import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
STATE = bytes.fromhex("a2 6176 01 64 76617273 a1 6178")  # {"v": 1, "vars": {"x": ..

# What fuzzing found: each was mended, and a test of the Python side tells of it.
FOUND = {
    "frozenset-of-itself": "d81c d99955 84 81 d81d00 4101 f6 00",
    "text-of-no-character": "82 d81c d9995e 85 633c5532 80 00 f5 48 0000000000000080"
                            "d99960 d9995f 86 d81d00 633c5532 80 80 00 f5",
}


def streams():
    for line in (ROOT / "tests" / "vectors" / "streams.txt").read_text().splitlines():
        if not line.startswith("#"):
            name, stream = line.split(" | ")[:2]
            yield name, b"" if stream == "-" else bytes.fromhex(stream)
    for name, stream in FOUND.items():
        yield f"found-{name}", bytes.fromhex(stream)


if __name__ == "__main__":
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for name, stream in streams():
        (folder / name).write_bytes(stream)
        (folder / f"{name}-state").write_bytes(STATE + stream)
