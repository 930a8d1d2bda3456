"""resume run: what modules hold that an import does not make again: locks that are held, what is of
a thread or of a context, in modules beside the script and in installed packages."""
import pathlib
import textwrap

import pytest
from killed_script import PROTECTED, kill_when, start

BESIDE = """
import contextvars, threading
lock, again = threading.Lock(), threading.RLock()
local = threading.local()
variable = contextvars.ContextVar("variable", default=0)

def work(function):
    with lock, again:
        with again:
            return function()

def push(value):
    vars(local).setdefault("stack", []).append(value)
    variable.set([*(variable.get() or []), value])
"""
PACKAGE = """
import contextlib, threading
_local = threading.local()
_lock = threading.Lock()

@contextlib.contextmanager
def inside(name):
    vars(_local).setdefault("stack", []).append(name)
    try:
        with _lock:
            yield
    finally:
        _local.stack.pop()

def around(name, function):
    with inside(name):
        function()
        return list(_local.stack), _lock.locked()
"""
PROGRAM = """
import contextvars, json, time, weakref
import beside, package
mine = contextvars.ContextVar("mine")
mine.set("set")
token = mine.set("again")
decoder = json.JSONDecoder(parse_float=str)

class Node:
    pass

group = weakref.WeakSet()
nodes = [Node() for _ in range(20)]
group.update(nodes)

def rounds():
    total = 0
    for number in range(150):
        beside.push(number)
        total = total * 7 % 1000003 + sum(beside.local.stack)
        time.sleep(0.01)
    return total, len(beside.variable.get())

def all_of_it():
    print(beside.work(rounds))

print(package.around("outer", lambda: print(package._local.stack) or all_of_it()))
print(beside.lock.locked(), package._lock.locked(), package._local.stack)
print(mine.get(), mine.reset(token), mine.get(), decoder.decode("[1.5]"), len(group))
"""


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    (tmp_path / "site-packages" / "package").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "site-packages"))
    for name, text in {"beside.py": BESIDE, "script.py": PROGRAM,
                       "site-packages/package/__init__.py": PACKAGE}.items():
        pathlib.Path(name).write_text(textwrap.dedent(text))


def test_what_modules_hold_is_there_again():
    expected, _ = start().communicate(timeout=60)
    assert expected.count("\n") == 5
    first, _ = kill_when(start(*PROTECTED))
    process = start(*PROTECTED)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert not err  # also nothing about the order of the WeakSet
    assert first + out == expected
