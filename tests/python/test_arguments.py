"""Arguments at entry, and placeholders: compared with those of the saved call, filled in place."""
import collections
import functools
import math
import threading

import pytest
from resume import _core


def f(a, b=2, /, c=3, *rest, key=None, **more):
    pass


def call(saved, now, fill=False, function=f):
    return _core._arguments(function.__code__, saved, now, fill)


def differences(saved, now):
    return call({"a": saved}, {"a": now})[0]


@pytest.mark.parametrize("value", [
    None, True, 5, 10**40, -1.5, float("inf"), "text", "\ud800", b"bytes", 2j, (1, (2, "x")), [],
    [1, [2, {}]], {"k": [1]}, {1, 2, 3}, frozenset("ab"), bytearray(b"x"), range(5), slice(1, 2),
    ..., math.sin, collections.Counter, collections, len, f,
], ids=repr)
def test_arguments__equal_ones_do_not_differ(value):
    assert differences(value, value) == []


@pytest.mark.parametrize("saved, now, text", [
    (10, 5, "a: 10 when saved, 5 now"),
    (1, True, "a: 1 when saved, True now"),
    (1, 1.0, "a: 1 when saved, 1.0 now"),
    (0.0, -0.0, "a: 0.0 when saved, -0.0 now"),
    ("x", b"x", "a: 'x' when saved, b'x' now"),
    ([1], (1,), "a: [1] when saved, (1,) now"),
    ([1, 2], [2, 1], "a: [1, 2] when saved, [2, 1] now"),
    (math.sin, math.cos, "a: <sin> when saved, <cos> now"),
    (None, [], "a: None when saved, [] now"),
    (list(range(1000)), list(range(999)) + [0], "a: other content than when saved, "),
])
def test_arguments__difference_names_both_values(saved, now, text):
    found = differences(saved, now)
    assert len(found) == 1 and found[0].startswith(text)


def test_arguments__nan_is_equal_to_itself_again():
    assert differences(float("nan"), float("nan")) == []


def test_arguments__every_kind_of_parameter():
    saved = {"a": 1, "b": 2, "c": 3, "rest": (4, 5), "key": "k", "more": {"x": 1}, "local": 9}
    assert call(saved, dict(saved, local=10))[0] == []
    for name in ("a", "b", "c", "rest", "key", "more"):
        found = call(saved, dict(saved, **{name: "new"}))[0]
        assert len(found) == 1 and found[0].startswith(f"{name}: ")


def test_arguments__one_that_is_missing_on_a_side():
    assert call({"a": 1, "b": 2}, {"a": 1})[0] == ["b: 2 when saved, not there now"]
    assert call({"a": 1}, {"a": 1, "b": 2})[0] == ["b: not there when saved, 2 now"]


def test_arguments__what_can_be_compared_on_neither_side_is_no_difference():
    lock = threading.Lock()
    found, opaque, _, _ = call({"a": lock, "b": 1}, {"a": threading.Lock(), "b": 1})
    assert found == [] and opaque == ["a"]
    assert len(call({"a": lock}, {"a": 5})[0]) == 1


def test_arguments__opaque_ones_are_named():
    class Model:
        pass
    now = {"a": Model(), "b": [Model()], "c": (1, [2]), "rest": (), "key": "k", "more": {}}
    assert call(now, now)[1] == ["a", "b", "c"]
    harmless = {"a": len, "b": Model, "c": math, "rest": (1, "x", (2.5, None)), "key": f,
                "more": {}}
    assert call(harmless, harmless)[1] == []


def test_arguments__a_class_of_the_user_is_never_asked():
    class Evil:
        def __eq__(self, other):
            raise AssertionError
        __hash__ = __repr__ = __len__ = __iter__ = __bool__ = __eq__
    assert call({"a": Evil()}, {"a": Evil()})[0] == []


def test_arguments__filled_in_place():
    numpy = pytest.importorskip("numpy")
    saved = {"a": [1, 2, 3], "b": {"k": 1}, "c": {7}, "rest": (), "key": bytearray(b"xyz"),
             "more": {"array": 1}}
    now = {"a": [9], "b": {}, "c": set(), "rest": (), "key": bytearray(), "more": {}}
    kept = dict(now)
    _, _, values, problems = call(saved, now, fill=True)
    assert problems == []
    for name in ("a", "b", "c", "key", "more"):
        assert now[name] is kept[name] is values[name] and now[name] == saved[name]
    array, target = numpy.arange(6.0).reshape(2, 3), numpy.zeros((2, 3))
    view = target[1]
    call({"a": array}, {"a": target}, fill=True)
    assert (target == array).all() and (view == [3, 4, 5]).all()
    big, target = numpy.arange(1 << 17), numpy.zeros(1 << 17, int)
    call({"a": big}, {"a": target}, fill=True)
    assert (target == big).all()


def test_arguments__another_call_is_not_filled():
    now = {"a": [9]}
    _, _, values, _ = call({"a": [1]}, now, fill=False)
    assert now == {"a": [9]} and values == {"a": [1]}


def test_arguments__content_that_cannot_be_saved_is_told_and_left():
    now = {"a": [5], "b": [6]}
    _, _, values, problems = call({"a": [threading.Lock()], "b": [7]}, now, fill=True)
    assert now == {"a": [5], "b": [7]} and "a" not in values
    assert len(problems) == 1 and problems[0].startswith("a[0]")


def test_arguments__of_a_comprehension_and_of_a_module():
    code = (x for x in []).gi_code
    found = call({".0": 1}, {".0": 2}, function=type("F", (), {"__code__": code}))
    assert found == ([], [], {}, [])
    module = compile("x = 1", "m", "exec")
    assert call({"x": 1}, {"x": 2}, function=type("F", (), {"__code__": module}))[0] == []


# ---- placeholders

def edited(saved, now, values):
    return _core._edited(saved, now, values)


def test_placeholders__edited_constant_is_found():
    assert edited({"dt": 0.01}, {"dt": 0.02}, {"dt": 0.01}) == [("dt", "0.01", "0.02")]


def test_placeholders__a_value_the_run_changed_is_none():
    assert edited({"n": 0}, {"n": 1}, {"n": 500}) == []


def test_placeholders__same_placeholder_is_none():
    assert edited({"n": [1, {"x": 2}]}, {"n": [1, {"x": 2}]}, {"n": [1, {"x": 2}]}) == []


def test_placeholders__what_is_new_gone_or_cannot_be_compared():
    lock = threading.Lock()
    assert edited({"a": 1, "l": lock}, {"b": 1, "l": 5}, {"a": 1, "l": 5}) == []
    assert edited({"a": 1}, {"a": 2}, {}) == []
    assert edited({"a": 1}, {"a": lock}, {"a": 1}) == []


def test_placeholders__sets_have_no_order():
    one, two = set(), set()
    for i in range(100):
        one.add(i * 8)
        two.add((99 - i) * 8)
    assert edited({"s": one}, {"s": two}, {"s": one}) == []
    assert [name for name, _, _ in edited({"s": one}, {"s": two - {8}}, {"s": two})] == ["s"]


def test_placeholders__big_data_is_left_out():
    data = list(range(1_000_001))
    assert edited({"data": data}, {"data": [1]}, {"data": data}) == []
    numpy = pytest.importorskip("numpy")
    array = numpy.zeros((64 << 20) // 8 + 1)
    assert edited({"data": array}, {"data": [1]}, {"data": array}) == []
    assert edited({"x": numpy.zeros(3)}, {"x": numpy.ones(3)}, {"x": numpy.zeros(3)}) == [
        ("x", "array(float64, 3)", "array(float64, 3)")]


def test_placeholders__any_mapping_of_locals():
    frame_like = collections.ChainMap({"a": 1}, {"b": 2})
    assert edited(frame_like, dict(frame_like, b=3), {"a": 1, "b": 2}) == [("b", "2", "3")]
    assert edited({"p": functools.partial(f)}, {"p": 1}, {"p": 1}) == []
