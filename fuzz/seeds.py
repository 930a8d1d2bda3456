#!/usr/bin/env python3
"""seeds.py FOLDER: the streams of tests/vectors/streams.txt as files, bare and as a variable of a
state, for the fuzz targets that take object streams."""
import pathlib
import sys

STATE = bytes.fromhex("a2 6176 01 64 76617273 a1 6178")  # {"v": 1, "vars": {"x": ..

if __name__ == "__main__":
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    table = pathlib.Path(__file__).resolve().parent.parent / "tests" / "vectors" / "streams.txt"
    for line in table.read_text().splitlines():
        if not line.startswith("#"):
            name, stream = line.split(" | ")[:2]
            stream = b"" if stream == "-" else bytes.fromhex(stream)
            (folder / name).write_bytes(stream)
            (folder / f"{name}-state").write_bytes(STATE + stream)
