"""Exceptions as values: the chain of them, tracebacks, classes whose constructor takes other
arguments than the exception keeps; and modules, namespaces and super() as values."""
import json
import math
import os.path
import sys
import traceback
import types

import pytest
from encoded import back
from resume import CheckpointDamaged, Opaque, _core


def caught(function, *args):
    try:
        function(*args)
    except BaseException as error:
        return error
    raise AssertionError("nothing was raised")


class Takes(Exception):
    """Its constructor takes more than Exception keeps."""
    made = 0

    def __init__(self, code, *, detail):
        super().__init__(f"code {code}")
        self.code, self.detail = code, detail
        Takes.made += 1


class TakesFile(OSError):
    def __init__(self, path):
        super().__init__(2, "no such thing", path)
        self.own = [path]


class MadeNew(KeyError):
    def __new__(cls, one, two):
        made = super().__new__(cls, one)
        made.both = one, two
        return made

    def __init__(self, one, two):
        super().__init__(one)


class Reduced(Exception):
    def __init__(self, number):
        super().__init__()
        self.number = number

    def __reduce__(self):
        return Reduced, (self.number,)


def fail(depth):
    if depth:
        fail(depth - 1)
    raise ValueError("deep")


def chained():
    try:
        fail(1)
    except ValueError as error:
        raise KeyError("outer") from error


def in_handler():
    try:
        fail(0)
    except ValueError:
        {}["gone"]


def quiet():
    try:
        fail(0)
    except ValueError:
        raise LookupError("alone") from None


def group():
    raise ExceptionGroup("several", [ValueError(1), caught(chained)])


def shown(error):
    return "".join(traceback.format_exception(error))


RAISED = [fail, chained, in_handler, quiet, group]


@pytest.mark.parametrize("function", RAISED, ids=lambda function: function.__name__)
def test_what_a_program_prints_of_it_is_the_same(function):
    error = caught(*([function, 2] if function is fail else [function]))
    error.add_note("a note")
    restored = back(error)
    assert type(restored) is type(error) and restored.args == error.args or function is group
    assert shown(restored) == shown(error)
    assert traceback.extract_tb(restored.__traceback__) == traceback.extract_tb(
        error.__traceback__)
    assert restored.__suppress_context__ is error.__suppress_context__
    assert restored.__notes__ == ["a note"]


def test_the_names_of_what_a_traceback_leads_through():
    error = caught(fail, 2)
    codes = [frame.f_code for frame, _ in traceback.walk_tb(back(error).__traceback__)]
    assert [(code.co_name, code.co_qualname, code.co_filename) for code in codes] == [
        ("caught", "caught", __file__), *[("fail", "fail", __file__)] * 3]


def test_a_traceback_by_itself__and_again():
    error = caught(fail, 1)
    once = back(error.__traceback__)
    assert isinstance(once, types.TracebackType)
    assert traceback.format_tb(back(once)) == traceback.format_tb(error.__traceback__)


def test_a_traceback_goes_on_when_it_is_raised_again():
    error = back(caught(fail, 0))
    again = caught(raise_it, error)
    assert again is error
    names = [entry.name for entry in traceback.extract_tb(again.__traceback__)]
    assert names == ["caught", "raise_it", "caught", "fail"]


def raise_it(error):
    raise error


def test_the_frames_of_a_traceback_are_empty_and_can_be_cleared():
    made = back(caught(fail, 1)).__traceback__
    assert made.tb_frame.f_locals == {} and made.tb_lasti == 0
    assert made.tb_frame.f_lineno == made.tb_lineno
    traceback.clear_frames(made)


def test_file_names_that_are_no_text():
    code = compile("def f():\n  1 / 0\n", "odd\udcff.py", "exec")
    names = {}
    exec(code, names)
    error = caught(names["f"])
    restored = back(error)
    assert restored.__traceback__.tb_next.tb_frame.f_code.co_filename == "odd\udcff.py"


def test_a_constructor_of_the_class_is_not_called():
    error = Takes(5, detail=[1])
    made = Takes.made
    restored = back(error)
    assert type(restored) is Takes and restored.args == ("code 5",)
    assert (restored.code, restored.detail, Takes.made) == (5, [1], made)
    restored = back(TakesFile("/data/x"))
    assert (restored.errno, restored.filename, restored.own) == (2, "/data/x", ["/data/x"])
    assert str(restored) == str(TakesFile("/data/x"))
    restored = back(MadeNew(1, 2))
    assert restored.args == (1,) and restored.both == (1, 2)
    assert back(Reduced(7)).number == 7


def test_fields_that_the_reduction_forgets():
    error = caught(lambda: math.nothing)
    restored = back(error)
    assert (restored.name, restored.obj) == ("nothing", math)
    assert back(caught(eval, "nowhere")).name == "nowhere"
    restored = back(caught(__import__, "not_there_at_all"))
    assert (restored.name, restored.msg) == ("not_there_at_all", str(restored))
    error = caught(compile, "x = (", "made.py", "exec")
    restored = back(error)
    assert (restored.lineno, restored.text, restored.filename) == (1, error.text, "made.py")
    assert shown(restored) == shown(error)


@pytest.mark.parametrize("make", [
    lambda: StopIteration([3]), lambda: SystemExit(4), lambda: OSError(2, "no", "file"),
    lambda: OSError(2, "no", "file", None, "other"),
    lambda: UnicodeDecodeError("x", b"ab", 0, 1, "y"),
    lambda: KeyboardInterrupt(), lambda: caught(json.loads, "{"),
    lambda: caught(b"\xff".decode), lambda: BlockingIOError(11, "no", 5)])
def test_those_of_python(make):
    error = make()
    restored = back(error)
    assert type(restored) is type(error) and restored.args == error.args
    assert str(restored) == str(error)
    names = [name for name in dir(error) if not name.startswith("__") and
             isinstance(getattr(error, name, None), (int, str, bytes, list))]
    assert [getattr(restored, name) for name in names] == [getattr(error, name) for name in names]


def test_shared_and_in_cycles():
    error = caught(chained)
    error.me = [error]
    error.__cause__.outer = error
    both = back([error, error.__cause__, error])
    assert both[0] is both[2] and both[0].me[0] is both[0]
    assert both[0].__cause__ is both[1] and both[1].outer is both[0]
    assert both[0].__context__ is both[1]


def test_a_long_chain_of_them():
    last = None
    for number in range(3000):
        made = ValueError(number)
        made.__context__ = last
        last = made
    restored, count = back(last), 0
    while restored is not None:
        restored, count = restored.__context__, count + 1
    assert count == 3000


def test_without_trust_it_is_data():
    restored = back(caught(chained), mine=False)
    assert isinstance(restored, Opaque) and restored.type == "builtins.KeyError"
    cause = restored.state["state"][2]
    assert cause.type == "builtins.ValueError"
    places = cause.state["state"][5]
    assert places.type == "types.TracebackType"
    assert [place[1] for place in places.state] == ["chained", "fail", "fail"]


@pytest.mark.parametrize("args", [(), (int,), (1,)])
def test_what_makes_them_takes_exceptions_alone(args):
    with pytest.raises(TypeError):
        _core._make_exception(*args)
    with pytest.raises(TypeError):
        _core._set_exception(*args)


def test_a_traceback_that_is_none():
    for parts in ("80", "8181 01", "8187 01 02 03 04 05 06 07",
                  "8187 6161 6162 6163 21 20 20 20", "8187 6161 6162 6163 01 20 20 80"):
        with pytest.raises(CheckpointDamaged):
            _core._decode(bytes.fromhex("d99983" + parts.replace(" ", "")), [], mine=True)


# ---- modules, namespaces, super()

def test_modules_are_themselves():
    assert back([json, os.path, sys.modules[__name__]]) == [json, os.path, sys.modules[__name__]]
    assert back(globals()) is globals()
    restored = back(types.SimpleNamespace(lib=math, names=vars(json)))
    assert restored.lib is math and restored.names is vars(json)


def test_a_module_that_no_import_leads_to():
    with pytest.raises(TypeError, match="does not lead to this module"):
        _core._encode([types.ModuleType("json")])


def test_a_module_without_trust():
    restored = back([json, json], mine=False)
    assert [value.type for value in restored] == ["json", "json"]


class Base:
    def who(self):
        return "base"


class Derived(Base):
    def who(self):
        return "derived"

    def up(self):
        return super()

    @classmethod
    def class_up(cls):
        return super()


def test_super_is_no_copy_of_what_it_stands_for():
    one = Derived()
    made, self, class_made, unbound = back([one.up(), one, Derived.class_up(), super(Derived)])
    assert type(made) is super and made.who() == "base"
    assert made.__self__ is self and made.__thisclass__ is Derived
    assert class_made.__self__ is Derived and unbound.__self__ is None


def test_bound_functions_of_c():
    values = [3]
    append, restored, length, add = back([values.append, values, len, values.__len__])
    append(4)
    assert restored == [3, 4] and length is len and add() == 2
