"""resume run: files that stand on others which the program has as well (`io.TextIOWrapper(file)`,
`file.buffer`), and those of codecs."""
import pathlib

import pytest
from killed_script import PROTECTED, kill_when, saves, start

TWO_WRITERS = """
import time
text = open("out", "w")
layer, write = text.buffer, text.buffer.write
for step in range(100):
    text.write(f"text {step}\\n")
    if step % 3 == 0:
        text.flush()
        write(b"bytes\\n")
    time.sleep(0.01)
text.flush()
print(text.buffer is layer, write.__self__ is layer, layer.tell())
layer.close()
"""

RAW_BELOW = """
import io, time
raw = open("out", "wb", buffering=0)
layer = io.BufferedWriter(raw)
text = io.TextIOWrapper(layer, "utf-16")
for step in range(100):
    text.write(f"text {step}\\n")
    if step % 3 == 0:
        text.flush()
        raw.write(b"raw")
    time.sleep(0.01)
text.flush()
print(text.buffer is layer, layer.raw is raw, raw.tell(), raw.mode)
text.close()
"""

WRAPPED_READER = """
import csv, io, time
with open("in", "rb") as file:
    rows = csv.reader(io.TextIOWrapper(file, "utf-8"))
    total = 0
    for row in rows:
        total += int(row[0]) * file.tell()
        if row[0].endswith("00"):
            time.sleep(0.02)
    print(total)
"""

READ_BY_TURNS = """
import io, time
file = open("in", "rb")
text = io.TextIOWrapper(file, "utf-8")
lines = 0
while text.readline():
    lines += 1
    if lines % 100 == 0:
        time.sleep(0.02)
print(lines, text.tell(), file.tell(), text.buffer is file)
"""

OF_CODECS = """
import codecs, time
writer = codecs.open("out", "w", "utf-16")
lines = codecs.getreader("utf-8")(open("in", "rb"))
for line in lines:
    writer.write(line.replace("0", "\u00e9"))
    if line.endswith("0,0\\n") or line.endswith("00,5\\n"):
        time.sleep(0.02)
writer.close()
print(codecs.open("out", "r", "utf-16").read().count("\u00e9"))
"""

PROGRAMS = {name.lower(): program for name, program in globals().items()
            if name.isupper() and isinstance(program, str)}


@pytest.mark.parametrize("name", sorted(PROGRAMS))
def test_layers__are_the_same_files_again(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONWARNINGS", "ignore")  # debug builds tell of more
    pathlib.Path("script.py").write_text(PROGRAMS[name])
    pathlib.Path("in").write_text("".join(f"{row},{row % 7}\n" for row in range(6000)))
    output = pathlib.Path("out")
    whole, errors = start().communicate(timeout=60)
    content = output.read_bytes() if output.exists() else b""
    assert (whole != "", errors) == (True, "")
    output.unlink(missing_ok=True)
    for after in (3, 6, 9):
        kill_when(start(*PROTECTED), lambda: saves() >= after)
    assert start(*PROTECTED).communicate(timeout=60) == (whole, "")
    assert (output.read_bytes() if output.exists() else b"") == content
