"""What can't be saved, resume.register() for it, and classes that have changed or moved."""
import _thread
import re
import socket
import sqlite3
import threading
import warnings

import pytest

import resume
from resume import Checkpoint, _core

THIRTY = """
    import collections, datetime, decimal, fractions, math, os, pathlib, random, signal, socket
    import sqlite3, sys, threading, uuid
    import numpy
    import resume

    def work():
        chp = resume.Checkpoint(strict="strict" in sys.argv)
        a, b, c, d, e = 1, 2.5, 3 + 4j, "text", b"bytes"
        f, g, h = [1, [2]], (1, "x"), {"k": [1]}
        i, j, k = {1, 2}, frozenset("ab"), range(7)
        l, m, n = None, True, slice(1, 2)
        o, p, q = decimal.Decimal("1.5"), fractions.Fraction(1, 3), uuid.UUID(int=5)
        r, s, t = datetime.date(2026, 1, 2), pathlib.Path("/x"), collections.deque([1], 3)
        u, v, w = numpy.arange(5), random.Random(3), collections.Counter("aab")
        alias, text = f, "fresh"
        lock, connection = threading.Lock(), socket.socket()
        database = sqlite3.connect(":memory:")
        generator = (x for x in range(3))
        module = math
        inside = {"handlers": [{"lock": lock}]}
        report = chp.restore()
        if report:
            assert text == "saved" and f == [1, [2], 3] and alias is f, locals()
            assert lock.acquire(False) and next(generator) == 0
            assert database.execute("select 1").fetchone() == (1,)
            assert (a, b, c, d, e, g, k, n, o, q) == (10, 2.5, 3 + 4j, "text", b"bytes", (1, "x"),
                                                      range(7), slice(1, 2), decimal.Decimal("1.5"),
                                                      uuid.UUID(int=5))
            assert u[0] == 9 and v.random() == random.Random(3).random() and w["a"] == 2
            print(sorted(report.skipped), len(report.restored))
            return
        a, text = 10, "saved"
        f.append(3)
        u[0] = 9
        chp.save()
        chp.save()
        os.kill(os.getpid(), signal.SIGKILL)

    work()
    """


def test_thirty_locals_of_which_five_cannot_be_saved(program):
    run = program(THIRTY)
    first = run.run()
    assert first.killed, first
    told = re.findall(r"ResumeWarning: checkpoint '[^']*': can't be saved: (.*?);", first.err)
    assert [re.sub(r":.*", "", one) for one in told] == [
        "lock (_thread.lock)", "connection (socket)", "database (sqlite3.Connection)",
        "generator (generator)", "inside['handlers'][0]['lock'] (_thread.lock)"], first.err
    second = run.run().check()
    assert second.out == ("['connection', 'database', 'generator', 'inside', 'lock'] 25\n"), second


def test_strict_refuses_all_of_them_and_saves_nothing(program):
    ran = program(THIRTY, "strict").run()
    assert ran.code == 1 and "ResumeError" in ran.err
    for name in ("lock", "connection", "database", "generator",
                 "inside['handlers'][0]['lock']"):
        assert f"{name} (" in ran.err.splitlines()[-1], ran.err
    assert resume.list(program(THIRTY).folder / ".checkpoints") == []


@pytest.fixture
def registered():
    """resume.register() that lasts for one test."""
    done = []

    def register(cls, *args, **kwargs):
        done.append(cls)
        return resume.register(cls, *args, **kwargs)
    yield register
    for cls in done:
        resume.register(cls)


def again(value, **options):
    """What a value is after a save and a restore."""
    stream, blobs = _core._encode(value)[:2]
    return _core._decode(stream, blobs, mine=True, **options)[0]


class Connection:
    """Something that can't be saved."""

    def __init__(self, path, calls=0):
        self.path, self.calls, self.lock = path, calls, threading.Lock()


def test_a_loader_reconnects(folder, registered):
    registered(Connection, lambda one: (one.path, one.calls), lambda state: Connection(*state))

    def work():
        chp = Checkpoint("work", strict=True)
        main = Connection("/db")
        several = [main, {"again": main}]
        chp.restore()
        main.calls += 1
        chp.save()
        assert several[0] is main and several[1]["again"] is main
        return main

    assert [work().calls for _ in range(3)] == [1, 2, 3]
    assert work().path == "/db" and isinstance(work().lock, _thread.LockType)


@pytest.mark.parametrize("load", [lambda: Connection("new"), lambda state: Connection("new"),
                                  lambda state=None: Connection("new")])
def test_a_loader_alone_makes_it_anew(folder, registered, load):
    registered(Connection, load=load)
    registered(type(threading.Lock()), load=threading.Lock)
    registered(sqlite3.Connection, load=lambda: sqlite3.connect(":memory:"))
    registered(socket.socket, load=socket.socket)
    shared = threading.Lock()
    with sqlite3.connect(":memory:") as database, socket.socket() as connection:
        back = again([Connection("old"), shared, {"same": shared}, database, connection])
    assert back[0].path == "new"
    assert isinstance(back[1], _thread.LockType) and back[2]["same"] is back[1]
    assert back[3].execute("select 2").fetchone() == (2,)
    back[4].close()


def test_a_function_that_saves_alone_gives_attributes(registered):
    registered(Connection, save=lambda one: {"path": one.path})
    back = again(Connection("/db", 7))
    assert vars(back) == {"path": "/db"}


class Faster(Connection):
    pass


class Meters(float):
    pass


def test_only_this_very_class_is_registered(registered):
    registered(Connection, lambda one: one.path, Connection)
    with pytest.raises(TypeError, match="lock"):
        again(Faster("x"))
    registered(Meters, lambda one: float(one), lambda state: Meters(state + 1))
    back = again([Meters(1.5), 1.5])
    assert back == [2.5, 1.5] and type(back[0]) is Meters and type(back[1]) is float


def test_what_a_registered_function_raises_is_told_with_the_path(folder, registered):
    def fail(one):
        raise OSError("no way")
    registered(Connection, fail, Connection)
    value = {"deep": [Connection("x")]}
    chp = Checkpoint("x")
    with pytest.warns(resume.ResumeWarning, match=r"value\['deep'\]\[0\] \(.*no way"):
        chp.save()
    assert value


def test_a_class_that_is_not_registered_any_more_is_named(folder, registered):
    registered(Connection, lambda one: one.path, Connection)

    def work():
        chp = Checkpoint("work")
        main = Connection("/db")
        chp.restore()
        chp.save()

    work()
    resume.register(Connection)
    with pytest.raises(resume.CodeChanged, match=r"resume.register\(.*Connection, load=.*before"):
        work()


def test_what_is_not_mine_is_not_loaded(registered):
    called = []
    registered(Connection, lambda one: [one.path], called.append)
    stream, blobs = _core._encode(Connection("x"))[:2]
    opaque = _core._decode(stream, blobs, mine=False)[0]
    assert opaque.type == f"{__name__}.Connection" and not called
    assert ["x"] in opaque.state["arguments"]
    assert again(opaque).type == opaque.type
    _core._decode(stream, blobs, mine=False, trusted=frozenset([opaque.type]))
    assert called == [["x"]]


@pytest.mark.parametrize("arguments, keywords, error", [
    ((3,), {}, "takes a class"), ((list, len), {}, "register a subclass"),
    ((Connection, 3), {}, "save is a function"), ((Connection, None, 3), {}, "load is a function"),
    ((Connection,), {"old_name": 3}, "old_name is a str"),
    ((Connection,), {"old_name": ["a.B", 3]}, "old_name is a str"),
    ((Connection,), {"old_name": "B"}, "module.Class"), ((len,), {}, "takes a class")])
def test_misuse_of_register(arguments, keywords, error):
    with pytest.raises((TypeError, ValueError), match=re.escape(error)):
        resume.register(*arguments, **keywords)


def test_register_gives_the_class_back():
    assert resume.register(Connection) is Connection


def test_add_types_of_the_original():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        Checkpoint.add_types(Connection, sqlite3.Connection)
    with pytest.raises(TypeError, match="takes classes"):
        Checkpoint.add_types("Connection")
