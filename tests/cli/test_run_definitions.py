"""resume run: functions, classes and types that a script makes, killed and run again."""
import os
import pathlib
import sys
import textwrap

import pytest
from killed_script import PROTECTED, has_saved, kill_when, saves, start

LOOP = """
import time
for i in range(400):
    time.sleep(0.01)
"""


def killed_once(source, after):
    """It is killed when that is true. What the second run says, on stdout and stderr, how many
    saves the first one left, and the exit code."""
    pathlib.Path("script.py").write_text(textwrap.dedent(source))
    kill_when(start(*PROTECTED), after)
    left = saves()
    process = start(*PROTECTED)
    out, err = process.communicate(timeout=60)
    return out, err, left, process.returncode


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_types_of_a_script_are_state():
    out, err, left, code = killed_once("""
        import typing
        T = typing.TypeVar("T", bound="Box")
        P = typing.ParamSpec("P")
        Name = typing.NewType("Name", str)
        class Box(typing.Generic[T]):
            def get(self, call: typing.Callable[P, T]) -> T: ...
        Some = Box[int]
        """ + textwrap.indent(LOOP, "        ") + """
        print(T, P, Name("x"), Box.__parameters__ == (T,), Some.__origin__ is Box,
              Box.get.__annotations__["return"] is T, T.__bound__)
        """, has_saved)
    assert (out, err, code) == ("~T ~P x True True True ForwardRef('Box')\n", "", 0) and left > 2


@pytest.mark.skipif(sys.version_info < (3, 12), reason="PEP 695")
def test_type_parameters_and_aliases_of_a_script_are_state():
    out, err, left, code = killed_once("""
        def first[T](values: list[T]) -> T:
            return values[0]
        class Box[T]:
            pass
        type Tree = list[Tree] | int
        type Pair[A] = tuple[A, A]
        """ + textwrap.indent(LOOP, "        ") + """
        A, = Pair.__type_params__
        print(first.__type_params__, first.__annotations__["return"] is first.__type_params__[0],
              Box.__type_params__ == Box.__parameters__, Tree.__value__,
              Pair.__value__.__args__ == (A, A), first([3]))
        """, has_saved)
    out = out.replace("__main__.Tree", "Tree")  # as 3.15 tells it
    assert (out, err, code) == ("(T,) True True list[Tree] | int True 3\n", "", 0) and left > 2


def test_a_function_that_exec_makes_is_refused_at_the_save():
    """Nothing makes it again where the program goes on."""
    out, err, left, code = killed_once("""
        exec("def double(x): return 2 * x")
        import time
        open("runs", "w").close()
        total = 0
        for i in range(400):
            total += double(i)
            time.sleep(0.01)
        print(total)
        """, pathlib.Path("runs").exists)
    assert (out, code) == ("159600\n", 0) and left <= 1
    assert "its code was made while the program ran (by exec, eval or a library)" in err, err


def test_deriving_a_class__is_not_done_again():
    out, err, left, code = killed_once("""
        made = []
        class Meta(type):
            def __new__(meta, name, bases, space, **named):
                made.append(name)
                return super().__new__(meta, name, bases, space)
        class Base:
            def __init_subclass__(cls, tag=None, **named):
                super().__init_subclass__(**named)
                made.append((cls.__name__, tag))
                cls.tag = tag
        class A(Base, tag="a"):
            pass
        class B(A, tag="b"):
            pass
        class M(metaclass=Meta, k=1):
            pass
        """ + textwrap.indent(LOOP, "        ") + """
        class C(B, tag="c"):
            pass
        print(made, B.tag, C.tag)
        """, has_saved)
    assert code == 0, err
    assert left > 2
    assert out == "[('A', 'a'), ('B', 'b'), 'M', ('C', 'c')] b c\n"


def test_what_can_not_go_on__tells_the_option_of_the_command():
    pathlib.Path("in.txt").write_text("abc" * 10)
    source = """
        file = open("in.txt")
        file.read(20)
        """ + textwrap.indent(LOOP, "        ")
    pathlib.Path("script.py").write_text(textwrap.dedent(source))
    kill_when(start(*PROTECTED))
    os.remove("in.txt")
    process = start(*PROTECTED)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "in.txt" in err and "--fresh" in err and "clean=True" not in err
