"""The inside of frames and the depth and kinds of their value stacks, against the interpreter."""
import dis
import gc
import os
import subprocess
import sys
import textwrap

import pytest
from resume import _core

NEW = sys.version_info >= (3, 14)


def code_of(source, name="f"):
    scope = {}
    exec(compile(textwrap.dedent(source), "<test>", "exec"), scope)
    return scope[name].__code__


def kinds_at(code, opname, nth=0):
    """(letters before the nth instruction of that name, how many a call leaves)"""
    found = [i.offset // 2 for i in dis.get_instructions(code) if i.opname == opname]
    rows = {row[0]: row for row in _core._kinds(code)}
    return rows[found[nth]][2], rows[found[nth]][3]


def test_kinds__loops_and_calls():
    code = code_of("""
        def f(a):
            for x in a:
                for y in a:
                    g(1, x + h(y, 2))
    """)
    iterators = 4 if sys.version_info >= (3, 15) else 2  # each with its index there
    assert kinds_at(code, "FOR_ITER") == ("O" * (iterators // 2), iterators // 2)
    letters, kept = kinds_at(code, "CALL")  # h: under it two iterators, g with NULL, 1 and x
    assert letters == "O" * (iterators + 2 + 2 + 2 + 2)
    assert kept == iterators + 4
    assert kinds_at(code, "CALL", 1)[1] == iterators


def test_kinds__handlers():
    code = code_of("""
        def f(a):
            for x in a:
                try:
                    g()
                except ValueError:
                    h()
                    raise
    """)
    base = "OO" if sys.version_info >= (3, 15) else "O"
    assert kinds_at(code, "PUSH_EXC_INFO")[0] == base + "E"
    letters, kept = kinds_at(code, "CALL", 1)
    assert letters[:kept] == base + "P"
    letters = {row[2] for row in _core._kinds(code)}
    assert base + "PLE" in letters  # the handler failed: the unwinder pushes where


def test_kinds__with():
    code = code_of("""
        def f(a):
            with a as x:
                g(x)
    """)
    letters, _ = kinds_at(code, "WITH_EXCEPT_START")
    assert letters == ("OOLPE" if NEW else "OLPE")


def test_kinds__unreachable_instructions_have_none():
    code = code_of("def f():\n while True:\n  g()\n")
    rows = _core._kinds(code)
    assert rows[0][2] == ""
    code = code.replace(co_code=code.co_code + bytes([dis.opmap["NOP"], 0]))
    assert _core._kinds(code)[-1][2] is None


def test_kinds__what_is_not_understood():
    code = code_of("def f(a):\n return a\n")
    pop = bytes([dis.opmap["POP_TOP"], 0])
    with pytest.raises(SystemError, match="byte code of 'f' is not understood: too few"):
        _core._kinds(code.replace(co_code=pop + code.co_code))
    jump = bytes([dis.opmap["JUMP_FORWARD"], 200])
    with pytest.raises(SystemError, match="leads out of the code"):
        _core._kinds(code.replace(co_code=jump + code.co_code))
    with pytest.raises(SystemError, match="leads out of the code"):
        _core._kinds(code.replace(co_code=code.co_code[:-2]))


ANALYSES = r"""
import gc
from resume import _core

def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096

source = "def f(a):\n" + "\n".join(f"    x{i} = [a, {i}]" for i in range(200)) + "\n"
before = None
for round in range(110):
    scope = {}
    exec(compile(source, "<test>", "exec"), scope)
    _core._kinds(scope["f"].__code__)
    del scope
    gc.collect()  # the function and its namespace
    if round == 10:
        before = resident()
print(resident() - before)
"""


def test_kinds__die_with_the_code():
    # a process of its own: what other tests and their threads leave behind comes and goes
    done = subprocess.run([sys.executable, "-c", ANALYSES], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    if "asan" not in os.environ.get("LD_PRELOAD", ""):  # a sanitizer keeps what is freed
        assert int(done.stdout) < 3 << 20  # an analysis of this code takes more than 60 kB


# ---- frames

def inside(frame):
    """(what stack.h says, the slots of variables, the kept part of the value stack)"""
    about = _core._frame(frame)
    first = about["variables"]
    return (about, _core._slots(frame, 0, first),
            _core._slots(frame, first, first + max(about["kept"], 0)))


def test_frame__variables_cells_and_stack():
    def look():
        frame = sys._getframe(1)
        found.append(inside(frame))
        return 5

    def f(a, b):
        c = a + 1
        del b
        return [10, (a, "text", look(), lambda: c)]
    found = []
    f(1, 2)
    about, variables, stack = found[0]
    names = f.__code__.co_varnames + f.__code__.co_cellvars + f.__code__.co_freevars
    by_name = dict(zip(names, variables))
    assert by_name["a"] == ("object", 1) and by_name["b"] == ("empty",)
    assert by_name["c"][1].cell_contents == 2
    assert [value for _, value in stack] == [10, 1, "text"]
    assert about["function"] is f and about["generator"] is None and not about["module"]
    assert about["direct"]


def test_frame__entered_from_c_or_not():
    def callee():
        found.append(_core._frame(sys._getframe()))

    class Made:
        def __init__(self):
            found.append(_core._frame(sys._getframe()))
    found = []
    callee()
    list(map(lambda x: callee(), [1]))
    for _ in range(40):  # specialised: the constructor is inlined, behind a hidden frame
        Made()
    assert [frame["entry"] for frame in found[:2]] == [False, False]
    assert found[2]["entry"] or sys.version_info >= (3, 12)
    assert sys.version_info < (3, 13) or found[-1]["entry"] == found[-1]["direct"]

    def from_c(x):
        found.append(_core._frame(sys._getframe()))
    list(map(from_c, [1]))
    assert found[-1]["entry"]


def test_frame__module_level_class_body_and_function():
    scope = {"_core": _core, "sys": sys, "found": []}
    exec(textwrap.dedent("""
        look = lambda: found.append(_core._frame(sys._getframe(1))["module"])
        look()
        class C:
            look()
        def f():
            look()
        f()
    """), scope)
    assert scope["found"] == [True, False, False]


def test_generator__states_and_exceptions():
    def look():
        states.append(_core._generator(running)[0])

    def f():
        try:
            yield 1
        except KeyError:
            look()
            yield 2
    states = []
    running = f()
    assert _core._generator(running)[0] == "new"
    next(running)
    assert _core._generator(running)[::2] == ("suspended", None)
    error = KeyError()
    running.throw(error)
    state, frame, handled = _core._generator(running)
    assert (state, frame, handled) == ("suspended", running.gi_frame, error)
    assert _core._frame(frame)["generator"] is running
    assert list(running) == [] and _core._generator(running)[:2] == ("ended", None)
    assert states == ["running"]


def test_generator__being_destroyed():
    def f(itself=None):
        try:
            yield 1
        finally:
            found.append(_core._frame(sys._getframe())["finalized"])
            counts.append(sys.getrefcount(_core._frame(sys._getframe())["generator"]))
    found, counts = [], []
    one = f()
    next(one)
    cycle = [one]
    cycle.append(cycle)
    del cycle, one
    gc.collect()
    assert found == [True]
    # its last reference dropped: the interpreter marks it only afterwards, and has given it one
    # reference back, as many as a call has that holds it as an operand
    one = f()
    next(one)
    del one
    assert found == [True, False] and counts[1] == counts[0] - 1


def test_exceptions__one_for_each_level():
    def f():
        try:
            raise KeyError("inner")
        except KeyError:
            yield _core._exceptions()
    try:
        raise ValueError("outer")
    except ValueError:
        levels = next(f())
    assert [type(level) for level in levels][:2] == [KeyError, ValueError]
    assert [type(level) for level in _core._exceptions()][0] is not KeyError
