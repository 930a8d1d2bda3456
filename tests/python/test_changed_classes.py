"""Classes that have changed or moved between the save and the restore."""
import sys
import textwrap

import pytest

PROGRAM = """
    import sys
    import resume
    import shapes
    {register}

    def work():
        chp = resume.Checkpoint(on_change="ignore")
        value, other = {placeholder}, 0
        chp.restore()
        if other == 0:
            value, other = {saved}, 1
            chp.save()
        print({shown})

    work()
    """


@pytest.fixture
def change(program):
    """change(before, after, saved, shown): what is shown of a value that was saved with one module
    `shapes` and restored with another."""
    def run(before, after, saved, shown, register="", placeholder="None"):
        one = program(PROGRAM.format(saved=saved, shown="0", register="", placeholder="None"))
        module = one.folder / "shapes.py"
        module.write_text(textwrap.dedent(before))
        one.run().check()
        module.write_text(textwrap.dedent(after))
        two = program(PROGRAM.format(saved="None", shown=shown, register=register,
                                     placeholder=placeholder))
        return two.run()
    return run


PLAIN = """
    class Point:
        def __init__(self, x, y):
            self.x, self.y = x, y
    """


@pytest.mark.parametrize("after, shown, out", [
    pytest.param("""
        class Point:
            z = 7
            def __init__(self, x, y, z):
                self.x, self.y, self.z = x, y, z
        """, "value.x, value.y, value.z", "1 2 7", id="attribute-added"),
    pytest.param("""
        class Point:
            def __init__(self, x):
                self.x = x
        """, "vars(value)", "{'x': 1, 'y': 2}", id="attribute-removed"),
    pytest.param("""
        class Point:
            def __init__(self, x, y):
                self.x, self.size = x, y
            def __setstate__(self, state):
                self.x, self.size = state["x"], state.pop("y")
        """, "value.x, value.size", "1 2", id="attribute-renamed"),
    pytest.param("""
        class Point:
            __slots__ = ("x", "y")
        """, "value.x, value.y", "1 2", id="slots-added"),
    pytest.param("""
        class Point:
            __slots__ = ("x", "z")
        """, "value.x, hasattr(value, 'z')", "1 False", id="slot-missing"),
    pytest.param("""
        import dataclasses
        @dataclasses.dataclass
        class Point:
            y: int
            x: int = 0
            z: int = 5
        """, "value", "Point(y=2, x=1, z=5)", id="dataclass"),
    pytest.param("""
        import dataclasses
        @dataclasses.dataclass(slots=True)
        class Point:
            y: int
            x: int
        """, "value", "Point(y=2, x=1)", id="dataclass-slots"),
    pytest.param("""
        class Base:
            def norm(self):
                return abs(self.x)
        class Point(Base):
            pass
        """, "value.norm(), value.y", "1 2", id="base-added"),
])
def test_the_attributes_come_back_by_name(change, after, shown, out):
    ran = change(PLAIN, after, "shapes.Point(1, 2)", shown).check()
    assert ran.out == out + "\n"
    missing = "slot-missing" if "'z'" in shown else None
    assert ("'y'" in ran.err and "Point" in ran.err) == bool(missing), ran.err


@pytest.mark.parametrize("kind", ["slots=True", "slots=True, frozen=True", "frozen=True"])
def test_fields_of_a_dataclass_that_change_their_order(change, kind):
    before = f"""
        import dataclasses
        @dataclasses.dataclass({kind})
        class Point:
            x: int
            y: int
        """
    after = f"""
        import dataclasses
        @dataclasses.dataclass({kind})
        class Point:
            y: int
            z: int
            x: int
        """
    ran = change(before, after, "shapes.Point(1, 2)", "value.x, value.y, hasattr(value, 'z')")
    assert ran.check().out == "1 2 False\n"


def test_slots_become_attributes(change):
    before = """
        class Point:
            __slots__ = ("x", "y")
            def __init__(self, x, y):
                self.x, self.y = x, y
        """
    assert change(before, PLAIN, "shapes.Point(1, 2)", "vars(value)").check().out == \
        "{'x': 1, 'y': 2}\n"


MOVED = """
    import sys
    from types import ModuleType
    class Geometry:
        class Place:
            def __init__(self, x, y):
                self.x, self.y = x, y
    """


@pytest.mark.parametrize("old", ["'shapes.Point'", "['elsewhere.Point', 'shapes.Point']"])
def test_a_class_that_has_moved_is_found(change, old):
    line = f"resume.register(shapes.Geometry.Place, old_name={old})"
    ran = change(PLAIN, MOVED, "[shapes.Point(1, 2), shapes.Point]",
                 "type(value[0]).__qualname__, value[0].y, value[1].__name__", line)
    assert ran.check().out == "Geometry.Place 2 Place\n"


def test_the_error_of_a_class_that_is_gone_tells_what_to_do(change):
    ran = change(PLAIN, MOVED, "shapes.Point(1, 2)", "value")
    assert ran.code == 1
    last = ran.err.splitlines()[-1]
    assert last.startswith("resume.CodeChanged: ") and "'shapes.Point'" in last
    assert 'resume.register(CLASS, old_name="shapes.Point")' in last


def test_a_function_that_has_moved_is_found(change):
    line = "resume.register(shapes.grow, old_name='shapes.double')"
    before, after = "def double(x): return 2 * x", "def grow(x): return 2 * x"
    ran = change(before, after, "{'function': shapes.double}", "value['function'](4)", line)
    assert ran.check().out == "8\n"


def test_what_was_saved_by_a_registered_class_that_has_moved(change, program):
    one = program(PROGRAM.format(
        saved="shapes.Point(1, 2)", shown="0", placeholder="None",
        register="resume.register(shapes.Point, lambda p: (p.x, p.y), lambda s: None)"))
    (one.folder / "shapes.py").write_text(textwrap.dedent(PLAIN))
    one.run().check()
    (one.folder / "shapes.py").write_text(textwrap.dedent(MOVED))
    line = "resume.register(shapes.Geometry.Place, lambda p: (p.x, p.y), " \
           "lambda s: shapes.Geometry.Place(*s), old_name='shapes.Point')"
    two = program(PROGRAM.format(saved="None", shown="value.x, value.y", placeholder="None",
                                 register=line))
    assert two.run().check().out == "1 2\n"


@pytest.mark.parametrize("before, after, saved, words", [
    pytest.param("import enum\nclass Color(enum.Enum):\n    RED = 1\n    BLUE = 2",
                 "import enum\nclass Color(enum.Enum):\n    RED = 1",
                 "shapes.Color.BLUE", "BLUE" if sys.version_info < (3, 12) else "2 is not a valid",
                 id="enum-member"),
    pytest.param("from typing import NamedTuple\nclass P(NamedTuple):\n    x: int\n    y: int",
                 "from typing import NamedTuple\nclass P(NamedTuple):\n    x: int",
                 "shapes.P(1, 2)", "positional arguments", id="named-tuple"),
    pytest.param("class P:\n    pass", "class P:\n    def __setstate__(self, state):\n"
                 "        raise KeyError('no such field')",
                 "vars(value := shapes.P()).update(x=1) or value", "no such field", id="setstate"),
])
def test_a_class_that_refuses_the_saved_state_is_named(change, before, after, saved, words):
    ran = change(before, after, saved, "value")
    assert ran.code == 1
    last = ran.err.splitlines()[-1]
    assert last.startswith("resume.CodeChanged: ") and words in last and "shapes." in last, ran.err


@pytest.mark.skipif(sys.version_info < (3, 12), reason="Python saves members by name before 3.12")
def test_an_enum_member_that_was_renamed_is_found_by_its_value(change):
    before = "import enum\nclass Color(enum.Enum):\n    RED = 1"
    after = "import enum\nclass Color(enum.Enum):\n    CRIMSON = 1"
    assert change(before, after, "shapes.Color.RED", "value.name").check().out == "CRIMSON\n"


COUNTED = """
    import os
    import sys
    from resume import Checkpoint
    {kind}

    def work():
        chp = Checkpoint(rate=0)
        seen, number = {empty}, 0
        chp.restore()
        while number < 5:
            number += 1
            {step}
            chp.save()
            if number == 4 and "kill" in sys.argv:
                os._exit(9)
        print(len(seen))

    work()
    """


def kept_in(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.suffix != ".lock"}


@pytest.mark.parametrize("after, words", [
    pytest.param("""class Thing:
        def __init__(self, number):
            self.number = self.other = number
        def __hash__(self):
            return hash(self.other)
        """, "'Thing' object has no attribute 'other'", id="hash-of-something-new"),
    pytest.param("""class Thing:
        __hash__ = None
        """, "unhashable type", id="no-hash"),
    pytest.param("Thing = None", "__main__.Thing' of the saved state is not there any more (it is "
                 "None now)", id="none"),
    pytest.param("Thing = 5", "not there any more (it is 5 now)", id="number"),
    pytest.param("def Thing(number): pass", "the class of a saved object is a function there",
                 id="function"),
])
def test_a_whole_save_is_not_called_damaged(program, after, words):
    before = """class Thing:
        def __init__(self, number):
            self.number = number
        """
    parts = {"empty": "set()", "step": "seen.add(Thing(number))"}
    one = program(COUNTED.format(kind=textwrap.indent(before, "    ")[4:], **parts))
    assert one.run("kill").code == 9
    folder = one.folder / ".checkpoints"
    there = kept_in(folder)
    two = program(COUNTED.format(kind=textwrap.indent(after, "    ")[4:], **parts))
    ran = two.run()
    assert ran.code == 1 and "resume.CodeChanged" in ran.err and words in ran.err
    assert "damaged" not in ran.err
    assert kept_in(folder) == there
    program(COUNTED.format(kind=textwrap.indent(before, "    ")[4:], **parts))
    assert one.run().check().out == "5\n"


def test_an_array_whose_class_is_gone(program):
    parts = {"empty": "[]",
             "step": "seen.append(numpy.arange(4).view(Thing) if Thing else 0)"}
    pytest.importorskip("numpy")
    program(COUNTED.format(kind="import numpy\n    class Thing(numpy.ndarray): pass", **parts)
            ).run("kill")
    ran = program(COUNTED.format(kind="import numpy\n    Thing = None", **parts)).run()
    assert ran.code == 1 and "resume.CodeChanged" in ran.err
