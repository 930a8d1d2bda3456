"""The analysis of value stacks against the interpreter: over all code that is installed, and in
frames that run."""
import argparse
import ast
import collections
import contextlib
import dataclasses
import difflib
import dis
import io
import json
import pathlib
import re
import sys
import sysconfig
import textwrap
import tokenize
import types
import warnings

import pytest
from resume import _core

# of a frame that is traced; 3.12 and 3.13 keep it to themselves
KNOWS_DEPTH = sys.version_info < (3, 12) or sys.version_info >= (3, 14)


def sources():
    """All Python files of the standard library and of what is installed beside it."""
    paths = {sysconfig.get_path(name) for name in ("stdlib", "purelib", "platlib")}
    found = set()
    for path in paths:
        found.update(pathlib.Path(path).rglob("*.py"))
    return sorted(found)


def compiled(path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return compile(path.read_bytes(), str(path), "exec", dont_inherit=True)
        except (SyntaxError, ValueError, RecursionError):
            return None  # of tests of the compiler


@pytest.mark.random
def test_analysis__understands_all_code_that_is_installed(rng, amount):
    found = sources()
    sample = rng.sample(found, min(len(found), amount(60, 30, 10)))
    codes = instructions = 0
    for path in sample:
        code = compiled(path)
        if code is not None:
            more = _core._analysed([code])  # SystemError: not understood
            codes, instructions = codes + more[0], instructions + more[1]
    assert codes >= len(sample) / 2 and instructions > 10 * codes


# ---- frames that run

def nasty():
    """Loops, handlers, `with`, generators and displays in one another."""
    found = []

    def numbers(n):
        for i in range(n):
            try:
                got = yield i
                if got:
                    found.append((got, (yield -1)))
            except KeyError as error:
                found.append(str(error))
                try:
                    raise ValueError(i) from error
                except ValueError:
                    yield [i, f"{(yield -2)}{i!r:>4}"]
            finally:
                found.append(i)

    @contextlib.contextmanager
    def manager(swallow):
        try:
            yield swallow
        except IndexError:
            if not swallow:
                raise
    for swallow in (True, False):
        try:
            with manager(swallow) as a, contextlib.suppress(KeyError):
                one = numbers(4)
                next(one)
                one.send("x"), next(one), one.throw(KeyError("k")), next(one)
                found.append({**{"a": a}, "b": [*range(3), *(x for x in (1, 2))]})
                for x, y in zip(one, [[z for z in range(w)] for w in range(3)]):
                    while True:
                        if x is y or len(y) < 2:
                            break
                        y.pop()
                    else:
                        continue
                [][1]
        except IndexError:
            found.append("not swallowed")
    for value in (1, "two", [3, 4], {"k": 5}, None):
        match value:
            case int():
                found.append(1)
            case [a, b]:
                found.append((a, b))
            case {"k": k}:
                found.append(k)
            case _:
                found.append(0 < len(str(value)) <= 4 or None)
    try:
        raise ExceptionGroup("both", [ValueError(1), KeyError(2)])
    except* ValueError as group:
        found.append(len(group.exceptions))
    except* KeyError:
        found.append("key")

    async def waits(n):
        async with contextlib.AsyncExitStack():
            return [x async for x in counts(n) if x]

    async def counts(n):
        for i in range(n):
            yield i
    with contextlib.suppress(StopIteration):
        waits(3).send(None)

    @dataclasses.dataclass
    class Point:
        x: int = 0
        y: list = dataclasses.field(default_factory=list)
    return found, [Point(i) for i in range(3)], sorted([3, 1, 2], key=lambda x: -x)


def workload():
    nasty()
    source = pathlib.Path(json.__file__).read_text()
    list(tokenize.generate_tokens(io.StringIO(textwrap.dedent("""\
        def f(a, *b):
            return [a, b, 1.5, f"{a}"]
    """)).readline))
    ast.dump(ast.parse("a = [b]"))
    json.dumps({"a": [1, {"b": (None, 2.5)}], "c": "x"}, indent=1)
    list(difflib.unified_diff(list("abcdefg"), list("abxdefh")))
    textwrap.wrap("many words " * 10, 20)
    re.compile(r"(a|b)*c{2,3}(?P<name>\d+)[^x-z]")
    parser = argparse.ArgumentParser()
    parser.add_argument("--n", type=int, default=1)
    parser.parse_args(["--n", "2"])
    list(dis.get_instructions(nasty))


def test_depth__of_every_traced_instruction():
    known = unknown = 0

    def trace(frame, event, argument):
        nonlocal known, unknown
        frame.f_trace_opcodes = True
        if event == "opcode":
            if _core._agree(frame):  # SystemError: it does not agree
                known += 1
            else:
                unknown += 1
        return trace
    sys.settrace(trace)
    try:
        workload()
    finally:
        sys.settrace(None)
    assert known > 20000 or not KNOWS_DEPTH, (known, unknown)


def handled_to_the_bottom(frame):
    """Follows what handlers have put aside, from the exception that is handled now out to the end
    of the stack: how many; nothing must be left at the start of a generator and at the bottom."""
    levels = _core._exceptions()
    current, count = levels.pop(0), 0
    while frame is not None:
        about = _core._frame(frame)
        for at in reversed(range(len(about["kinds"] or ""))):
            if about["kinds"][at] == "P":
                slot, = _core._slots(frame, about["variables"] + at, about["variables"] + at + 1)
                current, count = slot[1] if slot[0] == "object" else None, count + 1
        if about["generator"] is not None:
            assert current is None, frame
            current = levels.pop(0)
        frame = frame.f_back
    assert current is None and not levels
    return count


def test_kinds__what_handlers_have_put_aside():
    counts = collections.Counter()

    def trace(frame, event, argument):
        if event == "line":
            counts[handled_to_the_bottom(frame)] += 1
        return trace
    sys.settrace(trace)
    try:
        try:
            raise OSError("around all")
        except OSError:
            nasty()
    finally:
        sys.settrace(None)
    assert counts[1] > 100 and counts[2] > 5 and counts[3] > 2 and not counts[0], counts


@pytest.mark.skipif(sys.version_info < (3, 12), reason="its profiler leaves old depths behind; "
                    "every instruction is traced there")
def test_depth__of_callers():
    """A frame that waits for a Python function it has called: what is kept is what it has."""
    seen, wrong = 0, []

    def check(frame, event, argument):
        nonlocal seen
        if event != "call" or frame.f_back is None:
            return
        about = _core._frame(frame.f_back)
        have = about["top"] - about["variables"]
        if about["top"] >= 0:
            seen += 1
            if have != about["kept"] and have != len(about["kinds"]):
                wrong.append((frame.f_back.f_code, about))
    sys.setprofile(check)
    try:
        workload()
    finally:
        sys.setprofile(None)
    assert not wrong
    assert seen > 500


def suspended(generator):
    """Depth of a suspended generator or coroutine, and of those that it waits for: how many."""
    count = 0
    while isinstance(generator, types.GeneratorType):
        state, frame, _ = _core._generator(generator)
        if state != "suspended":
            break
        about = _core._frame(frame)
        assert about["top"] - about["variables"] == len(about["kinds"]) - 1, (frame, about)
        count, generator = count + 1, generator.gi_yieldfrom
    return count


def test_depth__of_suspended_generators():
    def mine():
        for i in range(3):
            with contextlib.suppress(KeyError):
                try:
                    raise ValueError
                except ValueError:
                    yield [i, (yield i), 2, (yield 5)]
                    try:
                        yield from [1, 2]
                    finally:
                        yield f"{(yield 3)}{i}"
    source = pathlib.Path(json.__file__).read_text()
    tree = ast.parse(source)
    checked = 0
    for one in [mine(), tokenize.generate_tokens(io.StringIO(source).readline), ast.walk(tree),
                dis.get_instructions(argparse.ArgumentParser.parse_known_args),
                json.JSONEncoder(indent=1).iterencode({"a": [1, {"b": [2, 3]}]}),
                difflib.Differ().compare(["ab\n", "cd\n"], ["ac\n", "cd\n"]),
                (x for y in range(4) for x in (z for z in range(y))),
                pathlib.Path(json.__file__).parent.glob("*.py")]:
        for _ in zip(range(300), one):
            checked += suspended(one)
    assert checked > 500
