#!/usr/bin/env python3
"""Makes the test vectors of docs/format.md: small files, each with one feature or one broken rule.

make.py FOLDER        writes good-*, signed-*, bad-* and unsupported-* with their table, index.txt,
                      who has saved them, signatures.txt, and the table of object streams,
                      streams.txt
make.py --check       makes them again and compares with those beside this script

What is expected stands here, beside how the file is made; no reader is asked. A new vector gets a
line below, then make.py tests/vectors. The files that the library wrote are made by make.c.
"""
import pathlib
import sys
import tempfile

import files_bad
import files_good
import files_signed
import streams
from builder import hash128

HEAD = """\
# Test vectors of docs/format.md, made by make.py. A line for each: name; what opening says (good,
# torn or damaged and the generation that is taken, or the status of the refusal); XXH3-128 of its
# object stream; XXH3-128 of its arrays (blobs 1 and on, each after its size as u64), or "damaged"
# when reading them says so; words of the message of the C library; the rule.
"""

SIGNATURES_HEAD = f"""\
# Who has saved the newest generation of a vector, made by make.py. A line for each: name; mine,
# other (another key), wrong (it does not match) or not, for the holder of this key:
# {files_signed.KEY.hex()}
"""

STREAMS_HEAD = """\
# Test vectors of the object stream, made by make.py. A line for each: name; the bytes; blobs 1,
# 2 .., or "-"; the value as Python writes it (see tests/python/test_streams.py), or "damaged"; the
# rule.
"""


def digest(data):
    number = hash128(data)
    return (number[8:][::-1] + number[:8][::-1]).hex()


def line(vector):
    taken = vector.taken
    words = [vector.name, vector.outcome, "-", "-", "-"]
    if taken is not None:
        words[2] = str(taken.generation)
        words[3] = digest(taken.stream)
        words[4] = "damaged" if vector.arrays_are_bad else digest(taken.arrays)
    return " | ".join(words + [vector.says or "-", vector.rule]) + "\n"


def make(folder):
    vectors = [*files_good.vectors(), *files_signed.vectors(), *files_bad.vectors()]
    names = [vector.name for vector in vectors]
    assert len(set(names)) == len(names), "a name twice"
    for vector in vectors:
        (folder / f"{vector.name}.ckpt").write_bytes(vector.data)
    (folder / "index.txt").write_text(HEAD + "".join(map(line, vectors)))
    (folder / "signatures.txt").write_text(SIGNATURES_HEAD + "".join(
        f"{vector.name} | {vector.signature}\n" for vector in vectors if vector.outcome == "good"))
    (folder / "streams.txt").write_text(STREAMS_HEAD + "".join(streams.lines()))
    return vectors


def check():
    here = pathlib.Path(__file__).parent
    with tempfile.TemporaryDirectory() as scratch:
        made = {"index.txt", "signatures.txt", "streams.txt"}
        made |= {vector.name + ".ckpt" for vector in make(pathlib.Path(scratch))}
        bad = [name for name in sorted(made) if not (here / name).exists() or
               (here / name).read_bytes() != pathlib.Path(scratch, name).read_bytes()]
    left = [path.name for kind in ("good", "signed", "bad", "unsupported")
            for path in here.glob(f"{kind}-*.ckpt") if path.name not in made]
    for name in bad + left:
        print(f"{name}: not what this script makes")
    return 1 if bad or left else 0


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    if sys.argv[1] == "--check":
        sys.exit(check())
    print(len(make(pathlib.Path(sys.argv[1]))), "vectors")
