"""resume run: descriptors that a program has as numbers lead where they led."""
import os
import pathlib
import textwrap
import time

import pytest
from killed_script import PROTECTED, kill_when, saves, start

PROGRAM = """
import os, pathlib, time
log = os.open("raw.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
lock = os.open("lock", os.O_RDWR | os.O_CREAT)
reader, writer = os.pipe()
written, null = open("written.txt", "w"), open(os.devnull, "w")
again = open("written.txt")
source = os.open("in.txt", os.O_RDONLY)
hidden = __import__("ctypes").CDLL(None).open(b"hidden", os.O_RDWR | os.O_CREAT, 0o600)
os.set_inheritable(source, True)
numbers = written.fileno(), again.fileno(), null.fileno()
total = 0
for step in range(250):
    os.write(log, b"%d\\n" % step)
    written.write(f"{step}\\n")
    if step % 10 == 0:
        written.flush()
        os.fsync(numbers[0])
    total += len(os.read(source, 7)) * step
    null.write("x")
    null.flush()
    time.sleep(0.01)
print(total, os.get_inheritable(source), os.get_inheritable(log))
print(numbers == (written.fileno(), again.fileno(), null.fileno()))
print(len({hidden, log, lock, reader, writer, source, *numbers}))
for write in (lambda: os.write(writer, b"x"), lambda: os.write(hidden, b"x")):
    try:
        print(write() == 1)
    except OSError as error:
        print(error)
for number in (hidden, reader, writer, lock, source, log):
    os.close(number)
written.close()
print(pathlib.Path("written.txt").read_text() == pathlib.Path("raw.log").read_text())
print(again.read()[:4])
again.close()
null.close()
"""


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    pathlib.Path("script.py").write_text(textwrap.dedent(PROGRAM))
    pathlib.Path("in.txt").write_text("0123456789\n" * 100)


def test_numbers_lead_where_they_led():
    expected, _ = start().communicate(timeout=60)
    assert "True" in expected.split("\n")[3]
    for name in ("raw.log", "written.txt", "lock"):
        os.remove(name)
    for count in (2, 6):
        def has_gone_on(count=count):
            if saves() < count:
                return False
            time.sleep(0.1)
            return True
        kill_when(start(*PROTECTED), has_gone_on)
    process = start(*PROTECTED)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0 and not err, err
    # what is in a pipe is gone, and what no Python has opened: the numbers lead nowhere
    lines, wanted = out.split("\n"), expected.split("\n")
    assert lines[:3] + lines[5:] == wanted[:3] + wanted[5:]
    assert all("Bad file descriptor" in line for line in lines[3:5])
    assert pathlib.Path("raw.log").read_text() == "".join(f"{n}\n" for n in range(250))
