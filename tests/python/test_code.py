"""What is read from code objects: the hash, the loops around a place, the stack."""
import dis
import os
import pathlib
import subprocess
import sys
import sysconfig
import textwrap
import types

import pytest
from resume import _core


def code_of(source, name="f"):
    """The code of function `name` in the source."""
    scope = {}
    exec(compile(textwrap.dedent(source), "<test>", "exec"), scope)
    return scope[name].__code__


def all_codes(code):
    open_codes = [code]
    while open_codes:
        code = open_codes.pop()
        yield code
        open_codes += [c for c in code.co_consts if isinstance(c, types.CodeType)]


BASE = """
    def f(a, b=2, *, c=3):
        total = 0
        for x in a:
            if x in {1, 2, "three"}:
                total += x * 1.5
        def inner(y):
            return y + total
        return inner(b) + c
"""


def test_hash__same_code_again():
    assert _core._code_hash(code_of(BASE)) == _core._code_hash(code_of(BASE))


@pytest.mark.parametrize("before, after", [
    ("", "\n\n\n"),
    ("total = 0", "total = 0  # a remark"),
    ("total += x * 1.5", "total += (x *\n                    1.5)"),
    ("def inner(y):", "\n        def inner(y):"),
])
def test_hash__layout_does_not_count(before, after):
    changed = BASE.replace(before, after) if before else after + BASE
    assert _core._code_hash(code_of(changed)) == _core._code_hash(code_of(BASE))


@pytest.mark.parametrize("before, after", [
    ("total = 0", "total = 1"),
    ("total = 0", "total = 0.0"),
    ("total = 0", "total = -0.0"),
    ("total = 0", "total = False"),
    ("1.5", "1.25"),
    ("x * 1.5", "1.5 * x"),
    ("y + total", "y - total"),
    ("y + total", "total + y"),
    ('"three"', '"four"'),
    ('"three"', 'b"three"'),
    ("{1, 2, ", "{1, 3, "),
    ("def f(a, b=2, *, c=3)", "def f(a, b=2, c=3)"),
    ("def f(a, b=2, *, c=3)", "def f(a, b=2, /, *, c=3)"),
    ("def f(a, b=2, *, c=3)", "def f(a, b=2, *, c=3, **d)"),
    ("total", "sum_"),
    ("return inner(b)", "yield inner(b)"),
])
def test_hash__what_the_code_does_counts(before, after):
    changed = BASE.replace(before, after)
    assert changed != BASE
    assert _core._code_hash(code_of(changed)) != _core._code_hash(code_of(BASE))


def test_hash__text_of_a_docstring_does_not_count():
    first = 'def f():\n "one"\n def g():\n  "inner"\n  return 1\n return g'
    second = 'def f():\n "two"\n def g():\n  "other"\n  return 1\n return g'
    assert _core._code_hash(code_of(first)) == _core._code_hash(code_of(second))


def test_hash__first_constant_that_is_no_docstring_counts():
    assert (_core._code_hash(code_of("f = lambda: 'one'"))
            != _core._code_hash(code_of("f = lambda: 'two'")))
    assert (_core._code_hash(code_of("def f():\n return ['one' for x in y]"))
            != _core._code_hash(code_of("def f():\n return ['two' for x in y]")))


def test_hash__local_class_may_move():
    source = "def f():\n class C:\n  '''doc'''\n  def m(self): self.a = self.b = 1\n return C"
    moved = "\n\n" + source.replace("doc", "other")
    assert _core._code_hash(code_of(source)) == _core._code_hash(code_of(moved))


def test_hash__module_docstring_does_not_count():
    one = compile("'one'\nx = 1", "a.py", "exec")
    two = compile("\n'two'\nx = 1", "b.py", "exec")
    other = compile("'one'\nx = 2", "a.py", "exec")
    assert _core._code_hash(one) == _core._code_hash(two) != _core._code_hash(other)


def test_hash__big_and_odd_constants():
    huge = "def f():\n return (0x" + "9" * 5000 + ", 1j, ..., None, b'', (1, (2, (3,))))"
    assert _core._code_hash(code_of(huge)) == _core._code_hash(code_of(huge))
    assert _core._code_hash(code_of(huge)) != _core._code_hash(code_of(huge.replace("1j", "-1j")))
    odd = code_of("def f():\n return 1")
    odd = odd.replace(co_consts=(None, object()))
    assert _core._code_hash(odd) == _core._code_hash(odd.replace(co_consts=(None, object())))


def test_hash__nested_constants():
    def chain(core):
        for _ in range(500):  # CPython itself goes through constants by recursion
            core = (core,)
        return code_of("def f():\n return 1").replace(co_consts=(None, core))
    assert _core._code_hash(chain(1)) == _core._code_hash(chain(1)) != _core._code_hash(chain(2))


def test_hash__warm_and_traced_code():
    code = code_of(BASE)
    function = types.FunctionType(code, {}, None, (2,))
    cold = _core._code_hash(code)
    for _ in range(200):
        function([1, 2, 3], c=4)
    assert _core._code_hash(code) == cold
    seen = []
    sys.settrace(lambda *event: seen.append(_core._code_hash(code)) or None)
    try:
        function([1], c=4)
    finally:
        sys.settrace(None)
    assert set(seen) == {cold}
    if hasattr(sys, "monitoring"):
        sys.monitoring.use_tool_id(3, "test")
        sys.monitoring.set_events(3, sys.monitoring.events.LINE | sys.monitoring.events.INSTRUCTION)
        sys.monitoring.register_callback(3, sys.monitoring.events.LINE, lambda *event: None)
        try:
            function([1], c=4)
            assert _core._code_hash(code) == cold
        finally:
            sys.monitoring.set_events(3, 0)
            sys.monitoring.free_tool_id(3)


def test_hash__same_in_every_process(tmp_path):
    path = tmp_path / "m.py"
    path.write_text(textwrap.dedent(BASE) + textwrap.dedent("""
        from resume import _core
        class A:
            def __init__(self): self.x = self.y = self.zed = self.other = 1
        def g():
            class B:
                def __init__(self): self.x = self.y = self.zed = self.other = 1
            return {B: 1} if B in {"a", "b", "c", 3.0, (1, "d")} else 0
        if __name__ == "__main__":
            import m
            for f in (m.f, f, m.g, g):
                print(_core._code_hash(f.__code__).hex())
    """))
    lines = set()
    for hash_seed in ("0", "1", "77", "random"):
        for _ in range(2):  # the second run imports the module from its .pyc
            ran = subprocess.run([sys.executable, str(path)], capture_output=True, text=True,
                                 check=True, env={**os.environ, "PYTHONHASHSEED": hash_seed})
            f_imported, f_main, g_imported, g_main = ran.stdout.split()
            assert f_imported == f_main and g_imported == g_main
            lines.add(ran.stdout)
    assert len(lines) == 1


def test_hash__refuses_what_is_no_code():
    with pytest.raises(TypeError):
        _core._code_hash(test_hash__same_code_again)


# ---- the stack

def stdlib_files(count):
    folder = pathlib.Path(sysconfig.get_path("stdlib"))
    files = sorted(folder.glob("*.py")) + sorted(folder.glob("asyncio/*.py"))
    return files[:: max(1, len(files) // count)]


@pytest.mark.filterwarnings("ignore::SyntaxWarning")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_stack__comes_out_even_over_the_standard_library(amount):
    count = wrong = 0
    for path in stdlib_files(amount(400, 40)):
        try:
            code = compile(path.read_bytes(), str(path), "exec")
        except SyntaxError:
            continue
        for inner in all_codes(code):
            count += 1
            wrong += _core._stack(inner) is None
            assert len(_core._code_hash(inner)) == 16
    assert count > 1000
    # CPython 3.15 gives a wrong effect for END_ASYNC_FOR; such functions get no loop warning
    assert wrong <= (5 if sys.version_info >= (3, 15) else 0)


def test_stack__iterators_of_nested_loops():
    code = code_of("""
        def f(a, b):
            before()
            for x in a:
                outer()
                for y in b:
                    inner()
                else:
                    otherwise()
            after()
    """)
    depth_at = {}
    names = {i.offset: i.argval for i in dis.get_instructions(code) if i.opname == "LOAD_GLOBAL"}
    for offset, _, iterators in _core._stack(code):
        if offset in names:
            depth_at[names[offset]] = iterators
    assert depth_at == {"before": 0, "outer": 1, "inner": 2, "otherwise": 1, "after": 0}


# ---- plain loops

class Watch:
    """Stands for a Checkpoint: notes the places of restore() and sync() in their caller."""

    def __init__(self):
        self.restored_at = -1
        self.found = []

    def restore(self):
        self.restored_at = sys._getframe(1).f_lasti

    def sync(self):
        frame = sys._getframe(1)
        self.found.append(_core._plain_loop(frame.f_code, self.restored_at, frame.f_lasti))

    def loop(self, iterable):
        return iterable

    def lines(self, code):
        return {line - code.co_firstlineno if line else 0 for line, _ in self.found}


def watch(function, *arguments):
    chp = Watch()
    function(chp, *arguments)
    assert chp.found
    return chp, chp.lines(function.__code__)


def test_plain_loop__line_and_cure():
    def f(chp, items):
        chp.restore()
        for x in items:
            chp.sync()
    chp, lines = watch(f, [1, 2])
    line = f.__code__.co_firstlineno + 2
    assert set(chp.found) == {(line, f"line {line}: `for x in items:` starts over when the program "
                                     "is run again; write `for x in chp.loop(items):`")}


def test_plain_loop__colons_and_quotes_in_the_header():
    def f(chp):
        chp.restore()
        for i, (x, y) in enumerate(zip("a:b in", {1: 2})):  # : in
            chp.sync()
    chp, _ = watch(f)
    assert """`for i, (x, y) in chp.loop(enumerate(zip("a:b in", {1: 2}))):`""" in chp.found[0][1]


def test_plain_loop__without_source():
    scope = {}
    exec("def f(chp):\n chp.restore()\n for x in [1]:\n  chp.sync()\n", scope)
    chp, lines = watch(scope["f"])
    assert lines == {2}
    assert "write `for ... in chp.loop(...):`" in chp.found[0][1]


def test_plain_loop__outermost_is_named():
    def f(chp):
        chp.restore()
        for x in [1]:
            for y in [2]:
                chp.sync()
    assert watch(f)[1] == {2}


def test_plain_loop__while_is_fine():
    def f(chp):
        chp.restore()
        for x in [1]:
            pass
        n = 0
        while n < 2:
            n += 1
            chp.sync()
    assert watch(f)[1] == {0}


def test_plain_loop__around_restore_is_fine():
    def f(chp):
        for key in "ab":
            chp.restore()
            chp.sync()
            for x in [1]:
                chp.sync()
    assert watch(f)[1] == {0, 4}


@pytest.mark.parametrize("header", [
    "for x in chp.loop([1]):",
    "for x in self.chp.loop([1]):",
    "for i, x in chp.loop(enumerate([1])):",
    "for i, x in zip(chp.loop([1]), chp.loop([2])):",
    "for x in (chp.loop([1]) if chp else []):",
    "for x in (tqdm(chp.loop(sorted([1, 2])))):",
    "it = chp.loop([1])\n  for x in it:",
    "global G\n  G = chp.loop([1])\n  for x in G:",
])
def test_plain_loop__loop_is_recognised(header):
    scope = {"tqdm": iter}
    header = header.replace("self.chp", "chp.me")
    exec(f"def f(chp):\n  chp.me = chp\n  chp.restore()\n  {header}\n    chp.sync()\n", scope)
    assert watch(scope["f"])[1] == {0}


@pytest.mark.parametrize("header, cure", [
    ("for i, x in enumerate(chp.loop([1])):", "around the enumerate: `chp.loop(enumerate(...))`"),
    ("for i, x in enumerate(chp.loop([1]), 5):", "counts from the start"),
    ("for i, x in zip(chp.loop([1]), [2]):", "around the zip: `chp.loop(zip(...))`"),
    ("for i, x in zip([2], chp.loop([1])):", "starts the other sequences over"),
])
def test_plain_loop__what_is_around_a_loop_starts_over(header, cure, tmp_path):
    source = f"def f(chp):\n  chp.restore()\n  {header}\n    chp.sync()\n"
    path, scope = tmp_path / "m.py", {}
    path.write_text(source)
    exec(compile(source, str(path), "exec"), scope)
    chp, lines = watch(scope["f"])
    assert lines == {2} and cure in chp.found[0][1] and header in chp.found[0][1]


def test_plain_loop__around_a_loop_and_between_two():
    def around(chp):
        chp.restore()
        for x in [1]:
            for y in chp.loop([2]):
                chp.sync()

    def between(chp):
        chp.restore()
        for x in chp.loop([1]):
            for y in [1]:
                for z in chp.loop([2]):
                    chp.sync()
    assert watch(around)[1] == {2}
    assert watch(between)[1] == {3}


def test_plain_loop__handlers_with_and_finally():
    def f(chp):
        chp.restore()
        for x in [1, 2, 3]:
            try:
                if x == 1:
                    raise ValueError
                with open(os.devnull):
                    chp.sync()
                if x == 2:
                    continue
            except ValueError:
                chp.sync()
                continue
            finally:
                chp.sync()
            break
        else:
            chp.sync()
    assert watch(f)[1] == {2}


def test_plain_loop__after_break_and_return():
    def after_break(chp):
        chp.restore()
        for x in [1]:
            break
        else:
            return
        chp.sync()

    def after_return(chp):
        chp.restore()
        try:
            for x in [1]:
                return x
        finally:
            chp.sync()

    def in_else(chp):
        chp.restore()
        for x in [1]:
            pass
        else:
            chp.sync()
    assert watch(after_break)[1] == {0}
    assert watch(after_return)[1] == {0}
    assert watch(in_else)[1] == {0}


def test_plain_loop__comprehension_in_progress():
    def f(chp):
        chp.restore()
        return [sync_in_caller(chp, f.__code__) for x in [1, 2]]
    assert watch(f)[1] == {2}


def sync_in_caller(chp, code):
    frame = sys._getframe(1)
    while frame.f_code is not code:
        frame = frame.f_back
    chp.found.append(_core._plain_loop(code, chp.restored_at, frame.f_lasti))


def test_plain_loop__long_function_with_long_jumps():
    body = "\n".join(f"    a{i} = [n, {i}]" for i in range(300))
    source = f"def f(chp):\n  n = 1\n  chp.restore()\n  for x in [1]:\n{body}\n    chp.sync()\n"
    scope = {}
    exec(source, scope)
    assert watch(scope["f"])[1] == {3}


def test_plain_loop__in_a_generator_and_at_module_level(tmp_path):
    def g(chp):
        chp.restore()
        for x in [1, 2]:
            chp.sync()
            yield x
    chp = Watch()
    assert list(g(chp)) == [1, 2]
    assert chp.lines(g.__code__) == {2}
    chp = Watch()
    exec(compile("chp.restore()\nfor x in [1]:\n chp.sync()\n", "<m>", "exec"), {"chp": chp})
    assert [line for line, _ in chp.found] == [2]


def test_round__innermost_loop_around_two_places():
    code = code_of("""
        def f(a):
            first()
            while test():
                second()
                while a:
                    third()
                    if fourth():
                        continue
                    fifth()
                sixth()
            last()
    """)
    at = {i.argval: i.offset for i in dis.get_instructions(code) if i.opname == "LOAD_GLOBAL"}

    def around(one, other):
        found = _core._round(code, at[one], at[other])
        return found and {name for name, place in at.items() if found[0] <= place <= found[1]}
    inner = {"third", "fourth", "fifth"}
    assert around("first", "third") is around("last", "last") is None
    assert {"third"} <= around("third", "third") <= inner
    assert around("third", "fifth") == around("fifth", "third") == inner
    assert around("second", "third") >= {"second", "sixth", *inner}
    assert not {"first", "last"} & around("second", "sixth")


# ---- short texts

class Evil:
    def __repr__(self):
        raise AssertionError("code of the user was run")
    __str__ = __len__ = __iter__ = __eq__ = __hash__ = __getattr__ = __repr__


class EvilList(list):
    __repr__ = Evil.__repr__


@pytest.mark.parametrize("value, text", [
    (None, "None"), (True, "True"), (5, "5"), (-1.5, "-1.5"), ("it's", '"it\'s"'), (b"x", "b'x'"),
    (1j, "1j"), (..., "Ellipsis"), (range(3), "range(0, 3, 1)"), ([], "[]"), ((), "()"),
    ((1,), "(1,)"), ([1, [2], (), {}, {3: 4}], "[1, [...], (), {}, {...}]"),
    ({"a": 1}, "{'a': 1}"), (set(), "set()"), ({1}, "{1}"), (frozenset([1]), "frozenset({1})"),
    (slice(1, None), "slice(1, None, None)"), (len, "<len>"), (os, "<os>"),
    (bytearray(b"a"), "bytearray(b'a')"), ("\ud800", "'\\ud800'"),
    (1 << 4000, "<int of 4001 bits>"),
])
def test_text__of_builtin_values(value, text):
    assert _core._text(value) == text


def test_text__never_runs_code_of_the_user():
    name = f"<{__name__}.Evil>"
    # a set or a dict key of it could not be made without running its code
    assert _core._text(Evil.__new__(Evil)) == name
    assert _core._text([Evil.__new__(Evil)]) == f"[{name}]"
    assert _core._text({1: Evil.__new__(Evil)}) == f"{{1: {name}}}"
    assert _core._text(EvilList([1])) == f"<{__name__}.EvilList>"
    assert _core._text(Evil) == name
    assert _core._text(code_of) == f"<{__name__}.code_of>"


@pytest.mark.parametrize("value", [
    "x" * 10**6, b"x" * 10**6, list(range(10**5)), {i: i for i in range(10**5)}, ["y" * 1000] * 9,
    set(range(1000)), ("é" * 1000,), "\U0001f600" * 500,
])
def test_text__at_most_80_characters(value):
    text = _core._text(value)
    assert len(text) == 80 and text.endswith("...")


def test_text__of_arrays():
    numpy = pytest.importorskip("numpy")
    assert _core._text(numpy.zeros((3, 4))) == "array(float64, 3x4)"
    assert _core._text(numpy.zeros(5, "u1")) == "array(uint8, 5)"
    assert _core._text(numpy.array(5)) == "array(int64, scalar)"
    assert _core._text(numpy.float32(1.5)) == "1.5"
    assert _core._text([numpy.zeros(2)]) == "[array(float64, 2)]"
