"""resume run: folders that are being read (os.walk, os.scandir), and other iterators and sources
that know in C alone where they stand."""
import pathlib

import pytest
from killed_script import PROTECTED, kill_when, saves, start

WALK = """
import os, time
seen = []
for top, folders, files in os.walk("tree"):
    seen += [os.path.join(top, name) for name in files]
    time.sleep(0.05)
for top, folders, files in os.walk(b"tree", topdown=False):
    seen += [os.path.join(top, name).decode() for name in files]
    time.sleep(0.05)
print(len(seen), sorted(seen))
"""

SCANDIR = """
import os, pathlib, time
names = []
with os.scandir("tree") as entries:
    for entry in entries:
        names.append((entry.path, entry.is_dir(), entry.stat().st_size, os.fspath(entry)))
        time.sleep(0.05)
for entry in os.scandir(pathlib.Path("tree/f1")):
    names.append((entry.path, entry.is_file(), entry.inode() > 0))
    time.sleep(0.05)
print(len(names), sorted(names))
"""

ENTRIES = """
import os, time
entries = sorted(os.scandir("tree/f2"), key=lambda entry: entry.name)
gone = [entry for entry in entries if entry.name == "a1"]
os.remove("tree/f2/a1")
removed = {gone[0]: 1}
for step in range(60):
    time.sleep(0.02)
print([(entry.name, entry.path, entry.is_file(), entry.is_dir(), entry.is_symlink())
       for entry in entries], gone[0] is entries[1], len(removed), os.fspath(gone[0]))
try:
    gone[0].stat()
except FileNotFoundError as error:
    print(error.filename)
"""

NUMPY = """
import time
import numpy as np
np.savez("some.npz", a=np.arange(60.), b=np.eye(2))
data = np.load("some.npz")
total, flat = 0, np.arange(12).reshape(3, 4).T.flat
next(flat)
pair = np.broadcast(np.arange(60).reshape(60, 1), np.arange(1))
for (row,), value in np.ndenumerate(data["a"]):
    total += row * value + data.f.b[0, 0] + sum(map(int, next(pair)))
    if row < 5:
        total += int(next(flat))
    time.sleep(0.02)
print(total, flat.index, flat.coords, pair.index, data.files, data["b"].tolist())
"""

SOURCES = """
import queue, random, time
source, waiting = random.SystemRandom(), queue.SimpleQueue()
waiting.put("a")
waiting.put(["b"])
numbers = []
for step in range(60):
    numbers.append(source.random())
    waiting.put(step)
    time.sleep(0.02)
print(len(set(numbers)), waiting.get(), waiting.get(), waiting.qsize())
"""

HASHES = """
import hashlib, time
names = "md5", "sha1", "sha224", "sha256", "sha384", "sha512"
hashes = [hashlib.new(name, b"begun" * number) for number, name in enumerate(names)]
hashes.append(hashes[3].copy())
other, shared = hashlib.md5(usedforsecurity=False), hashes[0]
for step in range(60):
    for number, hash in enumerate(hashes):
        hash.update(b"x" * (step * 7 + number))
    other.update(b"%d" % step)
    time.sleep(0.02)
print([hash.hexdigest() for hash in hashes], other.hexdigest(), other.name, shared is hashes[0])
"""

CHUNKS = """
import time
import pandas as pd
total = 0
for chunk in pd.read_csv("table.csv", chunksize=7):
    total = total * 31 % 1000003 + int((chunk.index * chunk.x).sum()) + len(chunk)
    time.sleep(0.02)
print(total, chunk.index[-1])
"""

PROGRAMS = {name.lower(): program for name, program in globals().items()
            if name.isupper() and isinstance(program, str)}


@pytest.mark.parametrize("name", sorted(PROGRAMS))
def test_listings__go_on_where_they_were(tmp_path, monkeypatch, name):
    if name in ("numpy", "chunks"):
        pytest.importorskip({"chunks": "pandas"}.get(name, name))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONWARNINGS", "ignore")  # debug builds tell of more

    def make_tree():
        for number in range(12):
            folder = pathlib.Path("tree", f"f{number}")
            folder.mkdir(parents=True, exist_ok=True)
            for file in range(3):
                (folder / f"a{file}").write_text("x" * number)
    make_tree()
    pathlib.Path("table.csv").write_text("x,y\n" + "".join(f"{n},{-n}\n" for n in range(400)))
    pathlib.Path("script.py").write_text(PROGRAMS[name])
    whole, errors = start().communicate(timeout=60)
    assert (whole != "", errors) == (True, "")
    make_tree()
    for after in (2, 4):
        kill_when(start(*PROTECTED), lambda: saves() >= after)
    assert start(*PROTECTED).communicate(timeout=60) == (whole, "")
