"""resume run: what a program reads from stdin, and its layers: killed, and run again."""
import os
import pathlib
import subprocess
import textwrap

import pytest
from killed_script import PROTECTED, kill_when, start

COUNT = 200
READERS = {
    "for": "for line in sys.stdin:\n    add(line)\n",
    "readline": "read = sys.stdin.readline\nwhile line := read():\n    add(line)\n",
    "input": "try:\n    while True:\n        add(input())\nexcept EOFError:\n    pass\n",
    "bytes": "source = sys.stdin.buffer\nfor line in source:\n    add(line.decode())\n",
    "csv": "import csv\nfor row in csv.reader(sys.stdin):\n    add(row[0])\n",
    "fileinput": "import fileinput\nfor line in fileinput.input():\n    add(line)\n",
}
PROGRAM = """
import sys, time
out = sys.stdout.buffer
total = 0
def add(line):
    global total
    total = total * 3 % 1000003 + len(line) + int(line.split()[0])
    out.write(b"%d\\n" % total)
    time.sleep(0.01)
"""


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    pathlib.Path("in.txt").write_text("".join(f"{n} größe\n" for n in range(COUNT)))


def run(source, *words, out="out.txt"):
    with open(out, "ab") as output, open("err.txt", "wb") as errors:
        return start(*words, stdin=source, stdout=output, stderr=errors, text=False)


def protected(source):
    return run(source, *PROTECTED)


def piped(content):
    """The end of a pipe that another process fills."""
    source = subprocess.Popen(["cat", content], stdout=subprocess.PIPE)
    return source.stdout


def said():
    return pathlib.Path("err.txt").read_text()


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("given", [piped, lambda path: open(path, "rb")], ids=["pipe", "file"])
def test_input_is_read_on(reader, given):
    pathlib.Path("script.py").write_text(textwrap.dedent(PROGRAM + READERS[reader]))
    assert run(given("in.txt"), out="expected.txt").wait(60) == 0
    kill_when(protected(given("in.txt")))
    assert protected(given("in.txt")).wait(60) == 0, said()
    expected = pathlib.Path("expected.txt").read_bytes()
    assert pathlib.Path("out.txt").read_bytes() == expected
    assert expected.count(b"\n") == COUNT and not said()


def test_another_input_is_refused():
    pathlib.Path("script.py").write_text(textwrap.dedent(PROGRAM + READERS["for"]))
    kill_when(protected(piped("in.txt")))
    before = pathlib.Path("out.txt").read_bytes()
    pathlib.Path("other.txt").write_text("0 other\n" * COUNT)
    pathlib.Path("short.txt").write_text("0 größe\n")
    for other in ("other.txt", "short.txt", os.devnull):
        given = piped(other) if other != os.devnull else open(other, "rb")
        assert protected(given).wait(60) == 1
        assert "give the same input again" in said() and "--fresh" in said()
        assert "Traceback" not in said()
        assert pathlib.Path("out.txt").read_bytes() == before
    assert protected(piped("in.txt")).wait(60) == 0
    assert pathlib.Path("out.txt").read_bytes().count(b"\n") == COUNT
