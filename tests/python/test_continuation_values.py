"""What frames hold and pickle refuses: generators, locks, weak references, views, csv ..."""
import contextlib
import csv
import decimal
import io
import itertools
import re
import struct
import subprocess
import sys
import threading
import types
import weakref

import pytest
from resume import CheckpointDamaged, Opaque, _core


def write(value, generators=None):
    stream, notes = _core._encode_exact(value, generators or {})
    assert notes == []
    return stream


def back(value, mine=True):
    return _core._decode(write(value), [], mine=mine)[0]


def refusal(value):
    with pytest.raises(TypeError) as raised:
        write(value)
    return str(raised.value)


# ---- generators

def count_up(start, log):
    try:
        for number in itertools.count(start):
            got = yield number
            log.append(got)
    finally:
        log.append("closed")


def test_a_suspended_generator_goes_on():
    log = []
    generator = count_up(5, log)
    assert [next(generator), generator.send("a")] == [5, 6]
    restored, its_log = back([generator, log])
    assert its_log == ["a"]
    assert [restored.send("b"), next(restored)] == [7, 8]
    assert its_log == ["a", "b", None]
    restored.close()
    assert its_log[-1] == "closed" and log == ["a"]
    generator.close()


def test_a_new_generator_and_one_that_has_ended():
    log = []
    restored, its_log, other = back([count_up(1, log), log, ended()])
    assert [next(restored), next(restored)] == [1, 2] and its_log == [None]
    assert list(other) == [] and other.gi_frame is None
    assert isinstance(other, types.GeneratorType)


def ended():
    generator = (x for x in "a")
    list(generator)
    return generator


def pair():
    shared = []

    def numbers():
        while len(shared) < 9:
            shared.append(len(shared))
            yield shared
    return numbers, shared


def test_generators_share_what_they_shared():
    numbers, shared = pair()
    one, two = numbers(), numbers()
    next(one)
    next(two)
    restored_one, restored_two, restored, function = back([one, two, shared, numbers])
    assert next(restored_one) is restored and next(restored_two) is restored
    assert restored == [0, 1, 2, 3] and next(function()) is restored
    assert shared == [0, 1]


def chain(depth):
    if depth:
        yield from chain(depth - 1)
    else:
        yield from range(3)


def test_generators_in_generators__deep():
    generator = chain(300)
    assert next(generator) == 0
    assert list(back(generator)) == [1, 2]


def knows_itself():
    box = []
    me = yield box
    box.append(me)
    yield me
    yield box


def test_a_generator_that_knows_itself():
    generator = knows_itself()
    next(generator)
    assert generator.send(generator) is generator
    restored = back(generator)
    assert next(restored)[0] is restored


def handles():
    try:
        yield from missing()
    except KeyError as error:
        yield sys.exc_info()[1]
        raise LookupError("later") from error


def missing():
    yield 1
    raise KeyError("gone")


def test_a_generator_in_a_handler():
    generator = handles()
    assert [next(generator), type(next(generator))] == [1, KeyError]
    restored = back(generator)
    with pytest.raises(LookupError) as raised:
        next(restored)
    assert raised.value.__cause__.args == ("gone",)
    assert raised.value.__context__ is raised.value.__cause__


def test_iterators_over_generators():
    generator = count_up(1, [])
    next(generator)
    numbered, zipped, mapped = enumerate(generator), zip("ab", generator), map(str, generator)
    next(numbered)
    one, two, three = back([numbered, zipped, mapped])
    assert [next(one), next(two), next(three)] == [(1, 3), ("a", 4), "5"]


@contextlib.contextmanager
def managed(log):
    log.append("in")
    try:
        yield "value"
    finally:
        log.append("out")


def test_a_context_manager_that_was_entered():
    log = []
    manager = managed(log)
    assert manager.__enter__() == "value"
    restored, its_log = back([manager, log])
    restored.__exit__(None, None, None)
    assert its_log == ["in", "out"] and log == ["in"]
    manager.__exit__(None, None, None)
    stack = contextlib.ExitStack()
    stack.enter_context(managed(log))
    restored, its_log = back([stack, log])
    restored.close()
    assert its_log[-1] == "out" and len(its_log) == len(log) + 1
    stack.close()


def test_generators_are_values_of_an_exact_state_alone():
    with pytest.raises(TypeError, match="generator"):
        _core._encode(count_up(1, []))


def test_without_trust_a_generator_says_where_it_stands():
    generator = count_up(1, [])
    next(generator)
    restored = back(generator, mine=False)
    line = count_up.__code__.co_firstlineno + 3
    assert isinstance(restored, Opaque) and restored.type == "types.GeneratorType"
    assert restored.state == [[f"{__name__}.count_up", line]]
    assert back(ended(), mine=False).state is None


def test_the_beginning_of_a_generator_is_not_run_again():
    stream = write(count_up(1, []))
    new, again = b"\x05\x64OO--", b"\x03\x64OO--"
    assert stream.count(new) == 1
    with pytest.raises(CheckpointDamaged, match="does not fit its code"):
        _core._decode(stream.replace(new, again), [], mine=True)


def test_a_running_generator_that_was_not_captured():
    def tells():
        yield refusal([me])
    me = tells()
    assert "the generator runs" in next(me)


# ---- weak references

class Node:
    def me(self):
        return self


class Left(Node):
    __slots__ = ("x",)


class Other:
    pass


class Both(Other, Left):
    """A class with two bases."""


def test_weak_references():
    node = Node()
    reference, twice, dead = weakref.ref(node), weakref.ref(node), weakref.ref(Node())
    for order in ([node, reference, twice, dead], [reference, twice, node, dead]):
        restored = back(order)
        made = next(value for value in restored if isinstance(value, Node))
        references = [value for value in restored if isinstance(value, weakref.ref)]
        assert [one() for one in references] == [made, made, None]
    assert back(weakref.ref(node))() is None  # nobody else keeps it


def test_weak_containers():
    one, two = Node(), Node()
    keys = weakref.WeakKeyDictionary({one: 1, two: 2})
    values = weakref.WeakValueDictionary({"one": one, "two": two})
    everyone = weakref.WeakSet([one, two])
    held, other, keys, values, everyone = back([one, two, keys, values, everyone])
    assert keys[held] == 1 and keys[other] == 2 and values["one"] is held
    assert held in everyone and len(everyone) == 2
    del other
    assert len(keys) == len(values) == len(everyone) == 1


def test_a_weak_method():
    node = Node()
    method, restored = back([weakref.WeakMethod(node.me), node])
    assert method()() is restored


def test_a_proxy_stays_one():
    node = Node()
    node.x = 3
    proxy, restored = back([weakref.proxy(node), node])
    assert type(proxy) is weakref.ProxyType and proxy.x == 3
    restored.x = 4
    assert proxy.x == 4


# ---- locks, threads, processes

def test_locks_as_they_are_held():
    held, free, again = threading.Lock(), threading.Lock(), threading.RLock()
    held.acquire(), again.acquire(), again.acquire()
    restored = back([held, free, again, held])
    assert [restored[0].locked(), restored[1].locked()] == [True, False]
    assert restored[0] is restored[3] and restored[0] is not held
    restored[2].release(), restored[2].release()
    with pytest.raises(RuntimeError):
        restored[2].release()
    again.release(), again.release()


def test_what_is_made_of_locks():
    import queue
    line = queue.Queue()
    line.put(5)
    event = threading.Event()
    event.set()
    line, event = back([line, event])
    assert line.get_nowait() == 5 and event.is_set()


def test_the_lock_of_a_module_is_that_of_the_module():
    import logging
    assert back([logging._lock, threading.main_thread()]) == [logging._lock,
                                                              threading.main_thread()]


def test_what_runs_beside_the_program():
    stop = threading.Event()
    thread = threading.Thread(target=stop.wait)
    thread.start()
    assert "runs beside the program" in refusal({"t": thread})
    stop.set()
    thread.join()
    if sys.version_info < (3, 13):  # then it keeps a handle of the system
        assert not back([thread])[0].is_alive()
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    assert "runs beside the program" in refusal({"p": process})
    process.communicate(b"\n")


# ---- views, formats, matches, csv

def test_views_of_memory():
    memory = bytearray(range(16))
    whole, part = memoryview(memory), memoryview(memory)[4:12]
    words = part.cast("H", (2, 2))
    restored, *views = back([memory, whole, part, words, part.toreadonly(), memoryview(b"ab")])
    assert [view.tolist() for view in views] == [
        list(range(16)), list(range(4, 12)), words.tolist(), list(range(4, 12)), [97, 98]]
    views[0][4] = 99
    assert restored[4] == views[1][0] == views[3][0] == 99
    assert views[3].readonly and views[4].readonly and not views[2].readonly
    whole.release()
    assert "released" in refusal([whole])
    assert "one after the other" in refusal([memoryview(memory)[::2]])


def test_views_of_dicts():
    inner = {"a": 1}
    view, restored, own = back([types.MappingProxyType(inner), inner, Node.__dict__])
    restored["b"] = 2
    assert view == {"a": 1, "b": 2} and type(view) is types.MappingProxyType
    assert own == Node.__dict__ and own["__dict__"] is Node.__dict__["__dict__"]
    slots, both, plain = back([Left.__dict__, Both.__dict__, types.MappingProxyType(
        {"__module__": "m", "__doc__": None})])
    assert slots["x"] is Left.x and both["__doc__"] == "A class with two bases."
    assert plain == {"__module__": "m", "__doc__": None}


def test_a_class_of_c_that_no_module_holds_is_no_class_of_the_program():
    assert "written in C" in refusal(type(decimal.localcontext()))


def test_formats_and_matches():
    assert back(struct.Struct("<ih")).unpack(b"\1\0\0\0\2\0") == (1, 2)
    text = "ab ab12 x9"
    for match in (re.search("[a-z]+([0-9])", text), re.match("(ab) ?", text),
                  re.fullmatch(".*", text), list(re.finditer("[a-z]+", text))[1],
                  re.compile("b").search(text, 3, 6)):
        restored = back(match)
        assert restored.regs == match.regs and restored.string == text and restored.re == match.re


@pytest.mark.parametrize("text", ["a bb  ccc", "\u20ac bb  c", "\U0001f600 a\u20ac b", b"a bb  c"])
@pytest.mark.parametrize("pattern", [r"\w+", r"\w*", r"(?<=b)|^a|\b"])
def test_searches_in_progress(text, pattern):
    pattern = re.compile(pattern if isinstance(text, str) else pattern.encode())
    count = len([*pattern.finditer(text, 1)])
    for steps in range(count + 2):
        found = pattern.finditer(text, 1)
        for _ in range(steps):
            next(found, None)
        again = back(found)
        rest = [(one.span(), one.pos, one.endpos, one.string) for one in found]
        assert [(one.span(), one.pos, one.endpos, one.string) for one in again] == rest
        assert len(rest) == max(count - steps, 0)


def test_searches_in_progress__behind_the_end():
    with pytest.raises(ValueError, match="behind the end"):
        _core._make_scanner(re.compile("a"), "abc", 0, 3, 4, 0)
    with pytest.raises(ValueError, match="no scanner"):
        _core._make_scanner(Scans(), "abc", 0, 3, 4, 0)


class Scans:
    def scanner(self, *args):
        return self


def test_readers_and_writers_of_csv(tmp_path):
    source = io.StringIO("a;b\n'c\nd';e\nf;g\n")
    reader = csv.reader(source, delimiter=";", quotechar="'")
    next(reader), next(reader)
    restored = back(reader)
    assert restored.line_num == 3 and list(restored) == [["f", "g"]] and restored.line_num == 4
    out = io.StringIO()
    writer = csv.writer(out, delimiter="|", lineterminator="\n", quoting=csv.QUOTE_ALL)
    writer.writerow([1, "x"])
    restored, its_out = back([writer, out])
    restored.writerow([2, "y"])
    assert its_out.getvalue() == '"1"|"x"\n"2"|"y"\n'
    rows = csv.DictReader(io.StringIO("n,m\n1,2\n3,4\n"))
    next(rows)
    assert list(back(rows)) == [{"n": "3", "m": "4"}]
    path = tmp_path / "rows.csv"
    path.write_text("1,2\n3,4\n")
    with open(path, newline="") as source:
        reader = csv.reader(source)
        for _ in reader:
            restored = back(reader)
            assert list(restored) == [["3", "4"]]
            break
    restored = back(reader)
    assert restored.line_num == 1
    with pytest.raises(ValueError, match="closed file"):
        next(restored)


def test_a_constant_that_is_a_number_by_its_name():
    from re import _constants
    new = back([_constants.BRANCH, _constants.MAXREPEAT, {_constants.BRANCH: 1}])
    assert new[0] is _constants.BRANCH and new[1] is _constants.MAXREPEAT
    assert next(iter(new[2])) is _constants.BRANCH


def test_a_dead_proxy_is_a_proxy():
    proxy = weakref.proxy({1, 2})
    dead = back(proxy)
    assert type(dead) is weakref.ProxyType
    with pytest.raises(ReferenceError):
        len(dead)


def test_what_a_module_has_is_found_there():
    import contextvars
    import decimal
    found = [value for value in vars(decimal).values()
             if isinstance(value, contextvars.ContextVar)]
    names = [sys.version_info, sys.flags, *found]
    assert all(one is other for one, other in zip(back(names), names))


@pytest.mark.parametrize("make", [lambda: _core._make_lock(False, 2),
                                  lambda: _core._make_lock(True, -1),
                                  lambda: _core._view(b"ab", 1, 2, "B", (2,), True),
                                  lambda: _core._view(b"ab", -1, 1, "B", (1,), True),
                                  lambda: _core._view(b"ab", 2**62, 2**62, "B", (1,), True)])
def test_what_makes_them_takes_no_nonsense(make):
    with pytest.raises(ValueError):
        make()
