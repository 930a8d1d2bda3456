"""Functions that a library has written at run time, and left the source of."""
import linecache
import math
import textwrap

import pytest
from resume import _core, _generated


def back(value):
    stream, notes = _core._encode_exact(value, {})
    assert notes == []
    return _core._decode(stream, [], mine=True)[0]


def written(source, name, **space):
    """As attrs does it."""
    source = textwrap.dedent(source)
    linecache.cache[name] = len(source), None, source.splitlines(True), name
    exec(compile(source, name, "exec"), space)
    return space


SOURCE = """
    def scale(value, by=3, *, times=2):
        'It scales.'
        return [factor * value * by * times for _ in range(2)]

    def maker(start):
        def add(value):
            nonlocal start
            start += value + factor
            return start
        return add
"""


def test_it_is_compiled_again():
    space = written(SOURCE, "<written 1>", factor=[5][0], unused=math)
    scale = space["scale"]
    scale.mark = [scale]
    new, = back([scale])
    assert new is not scale and new(2) == scale(2) == [60, 60]
    assert new.mark == [new] and new.__doc__ == "It scales." and new.__kwdefaults__ == {"times": 2}
    assert "unused" not in new.__globals__ and new.__globals__ is not scale.__globals__
    assert new.__code__ == scale.__code__ and linecache.getline("<written 1>", 3)
    assert back(new)(2) == [60, 60]  # again, from what was restored


def test_its_cells_are_kept():
    add = written(SOURCE, "<written 2>", factor=1)["maker"](10)
    add(1)
    first, second = back([add, add])
    assert first is second and first(1) == add(1) == 14


def test_it_leads_to_itself():
    space = written("def even(n):\n    return n == 0 or not even(n - 1)\n", "<written 3>")
    even = back(space["even"])
    assert even.__globals__["even"] is even and even(4) and not even(3)


def test_another_source_under_its_name_stays():
    scale = written(SOURCE, "<written 4>", factor=1)["scale"]
    stream, _ = _core._encode_exact([scale], {})
    written("def other(): return 0\n", "<written 4>")
    new, = _core._decode(stream, [], mine=True)[0]
    assert new(1) == [6, 6] and "other" in linecache.getline("<written 4>", 1)


@pytest.mark.parametrize("change", [lambda: linecache.cache.pop("<written 5>"),
                                    lambda: written("def scale(): return 1\n", "<written 5>"),
                                    lambda: written("def scale(:\n", "<written 5>")])
def test_it_is_refused_without_its_source(change):
    scale = written(SOURCE, "<written 5>", factor=1)["scale"]
    try:
        change()
    except SyntaxError:
        pass
    assert _generated.reduction(scale) is None
    with pytest.raises(TypeError, match="made while the program ran"):
        _core._encode_exact([scale], {})


def test_classes_of_attrs():
    attrs = pytest.importorskip("attrs")

    @attrs.define
    class Point:
        x: int
        y: list = attrs.field(factory=list)

        def norm(self):
            return super().__hash__() if self.x < 0 else self.x

    @attrs.define(frozen=True, order=True)
    class Fixed:
        a: int = attrs.field(converter=int, validator=attrs.validators.ge(0))

    @attrs.define(slots=False)
    class Open:
        z: dict = attrs.field(factory=dict)

    point, fixed, other = Point(1), Fixed("2"), Open()
    point.y.append(point)
    new, new_fixed, new_open, NewPoint, NewFixed = back([point, fixed, other, Point, Fixed])
    assert type(new) is NewPoint and new.y[0] is new and new.norm() == 1
    assert NewPoint(4, []) == NewPoint(4) and "x=4" in repr(NewPoint(4))
    assert new_fixed == NewFixed(2) and hash(new_fixed) == hash(NewFixed("2"))
    assert NewFixed(1) < new_fixed and attrs.asdict(new_fixed) == {"a": 2}
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        new_fixed.a = 5
    with pytest.raises(ValueError):
        NewFixed(-1)
    assert attrs.evolve(new_fixed, a=7).a == 7 and new_open.z == {}


def test_a_builtin_function_whose_name_another_one_has(monkeypatch):
    real = math.sqrt
    monkeypatch.setattr(math, "sqrt", lambda x: 0)
    new, = back([real])
    assert new(9) == 3.0 and new.__name__ == "sqrt" and new.__module__ == "math"
    monkeypatch.undo()
    assert back([math.sqrt])[0] is math.sqrt
