"""resume run: compressed files that are read, members of archives, classes derived from those of
io, text over memory; and all of them closed, as `with` leaves them in variables."""
import pathlib
import sys

import pytest
from killed_script import PROTECTED, kill_when, saves, start
from the_command import COMMAND

TEXT = "".join(f"{row} {row * row}\n" for row in range(9000))

READING = """
import bz2, gzip, io, lzma, time, zipfile
def text_of(name):
    if name == "zip":
        return io.TextIOWrapper(zipfile.ZipFile("in.zip").open("member"))
    return {"gz": gzip, "bz2": bz2, "xz": lzma}[name].open(f"in.{name}", "rt")
for name in NAMES:
    with text_of(name) as lines:
        total = 0
        for number, line in enumerate(lines):
            total += int(line.split()[1]) * number
            if number % 100 == 0:
                time.sleep(0.006)
    print(name, total, lines.closed)
"""

BYTES = """
import bz2, gzip, io, lzma, time, zipfile
archive = zipfile.ZipFile("in.zip")
files = [gzip.open("in.gz"), bz2.open("in.bz2"), lzma.open("in.xz"), archive.open("member"),
         io.BufferedReader(gzip.open("in.gz")), io.TextIOWrapper(io.BytesIO(b"a\\nb\\n" * 500))]
total = 0
for step in range(150):
    for number, file in enumerate(files):
        total = (total * 31 + len(file.readline()) + file.tell()) % 1_000_003
        if step % 7 == 0 and number < 4:
            total += len(file.read(100)) + (file.seek(-3, 1) if step % 2 else 0)
    time.sleep(0.01)
print(total, [file.tell() for file in files], files[0].name == "in.gz", files[3].name)
print(len(files[0].read()), archive.testzip(), archive._fileRefCnt)
for file in files:
    file.close()
archive.close()
print(archive.fp)
"""

CLOSED = """
import bz2, gzip, io, lzma, tarfile, time, zipfile
with gzip.open("out.gz", "wt") as a:
    a.write("abc")
with gzip.open("out.gz", "wb") as b, bz2.open("out.bz2", "wb") as c, lzma.open("out.xz", "wb") as d:
    b.write(b"abc")
with gzip.open("in.gz", "rb") as e, bz2.open("in.bz2", "rt") as f, lzma.open("in.xz") as g:
    e.read(), f.read(), g.read()
with zipfile.ZipFile("in.zip") as h, h.open("member") as i:
    i.read()
with tarfile.open("in.tar.gz") as j:
    k = j.extractfile("in.zip")
    k.close()
with io.TextIOWrapper(io.BytesIO()) as m:
    pass
for step in range(100):
    time.sleep(0.01)
files = [a, b, c, d, e, f, g, i, k, m]
print([file.closed for file in files], j.closed, h.fp, a.name, b.name)
for file in files:
    try:
        file.read(1)
    except ValueError as error:
        print(type(error).__name__)
"""

DERIVED = """
import io, sys, time
class Both(io.TextIOBase):
    def __init__(self, *files):
        self.files = files
    def write(self, text):
        for file in self.files:
            file.write(text)
        return len(text)
    def flush(self):
        for file in self.files:
            file.flush()
class Chunks(io.RawIOBase):
    def __init__(self, chunks):
        self.chunks = iter(chunks)
    def readable(self):
        return True
    def readinto(self, buffer):
        chunk = next(self.chunks, b"")
        buffer[:1] = chunk
        return len(chunk)
sys.stdout = both = Both(sys.stdout, open("copy.txt", "w"))
both.me = both
lines = Chunks([b"%c" % byte for n in range(100) for byte in b"%d\\n" % n])
for step in range(100):
    print(step, lines.readline().strip())
    time.sleep(0.01)
print(sys.stdout is both is both.me, both.files[1].tell())
both.flush()
sys.stdout = sys.__stdout__
print(open("copy.txt").read().count("b'"))
"""

PROGRAMS = {"bytes": BYTES, "closed": CLOSED, "derived": DERIVED} | {
    f"reading {name}": READING.replace("NAMES", repr([name])) for name in
    ("gz", "bz2", "xz", "zip")}


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    import bz2
    import gzip
    import lzma
    import tarfile
    import zipfile
    folder, content = tmp_path_factory.mktemp("in"), TEXT.encode()
    for name, module in ("gz", gzip), ("bz2", bz2), ("xz", lzma):
        (folder / f"in.{name}").write_bytes(module.compress(content))
    with zipfile.ZipFile(folder / "in.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("member", content)
    with tarfile.open(folder / "in.tar.gz", "w:gz") as archive:
        archive.add(folder / "in.zip", "in.zip")
    return folder


@pytest.mark.parametrize("name", sorted(PROGRAMS))
def test_wrapped__go_on_where_they_were(tmp_path, monkeypatch, inputs, name):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONWARNINGS", "ignore")  # debug builds tell of more
    for path in inputs.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    pathlib.Path("script.py").write_text(PROGRAMS[name])
    whole, errors = start().communicate(timeout=60)
    assert (whole != "", errors) == (True, ""), sys.version
    for after in (2, 4):
        with open("output", "a") as output:
            kill_when(start(*PROTECTED, stdout=output), lambda: saves() >= after)
    with open("output", "a") as output:
        process = start(*PROTECTED, stdout=output)
        assert (process.communicate(timeout=60)[1], process.returncode) == ("", 0)
    assert pathlib.Path("output").read_text() == whole


def test_wrapped__of_a_library_is_refused_while_it_is_open(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    package = tmp_path / "site-packages"
    package.mkdir()
    (package / "port.py").write_text("import io\nclass Port(io.RawIOBase):\n    number = 7\n")
    pathlib.Path("script.py").write_text(
        "import os, sys, time\nsys.path.insert(0, os.path.abspath('site-packages'))\nimport port\n"
        "one = port.Port()\nif len(sys.argv) > 1: one.close()\n"
        "for step in range(110): time.sleep(0.02)\nprint(one.closed)\n")
    output, errors = start(*PROTECTED).communicate(timeout=60)
    assert output == "False\n" and "the program's variable one (Port): only files that" in errors
    pathlib.Path("script.py").write_text(
        pathlib.Path("script.py").read_text().replace("if len(sys.argv) > 1: ", ""))
    assert start(COMMAND, "run", "--fresh", "--every=0.03s", "--").communicate(timeout=60)[0]
    assert saves() > 2
