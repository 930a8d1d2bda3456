"""Classes that no import leads to: by their bases and attributes, with functions by the way to
their code."""
import abc
import collections
import dataclasses
import functools
import textwrap
import typing

import pytest
from encoded import back
from resume import Opaque, _core

T = typing.TypeVar("T")


class Meta(type):
    made = []

    def __new__(meta, name, bases, namespace, word=""):
        meta.made.append(name)
        return super().__new__(meta, name, bases, dict(namespace, word=word))

    def shout(cls):
        return cls.word.upper()


class Registered:
    names = []

    def __init_subclass__(cls, **options):
        super().__init_subclass__(**options)
        Registered.names.append(cls.__name__)


def test_class__of_a_module_is_the_same_object():
    assert back([Meta, int, collections.deque]) == [Meta, int, collections.deque]


def make(number):
    class Local:
        "Documented."
        numbers = [number]
        RATE = 0.5

        def __init__(self, value):
            self.value = value

        def __eq__(self, other):
            return type(self) is type(other) and self.value == other.value

        @property
        def doubled(self):
            return 2 * self.value + number

        @doubled.setter
        def doubled(self, value):
            self.value = value // 2

        @staticmethod
        def add(value):
            return value + number

        @classmethod
        def of(cls, value):
            return cls(value)

        @functools.cached_property
        def costly(self):
            return [self.value]

        def own(self):
            return __class__, super().__sizeof__() > 0

        class Inner:
            deep = 1
    return Local


def test_class__with_properties_methods_and_an_instance():
    old = make(5)
    value = old(3)
    assert value.costly == [3]
    new, Local = back([value, old])
    assert type(new) is Local and Local is not old
    assert new.doubled == 11 and Local.add(1) == 6 and Local.of(7).value == 7
    new.doubled = 20
    assert new.value == 10 and new.costly == [3] and Local(4).costly == [4]
    assert new.own() == (Local, True) and Local.__hash__ is None and Local(1) == Local(1)
    assert (Local.__name__, Local.__qualname__) == ("Local", "make.<locals>.Local")
    assert (Local.__module__, Local.__doc__, Local.RATE) == (__name__, "Documented.", 0.5)
    assert Local.numbers == [5] and Local.numbers is not old.numbers
    assert Local.Inner.__qualname__ == "make.<locals>.Local.Inner" and Local.Inner.deep == 1


def test_classes__of_one_call_share_cells_and_bases():
    def family(start):
        count = start

        class Parent:
            def step(self):
                nonlocal count
                count += 1
                return count

        class Child(Parent):
            def step(self):
                return super().step(), count
        return Parent, Child
    Parent, Child = back(family(10))
    assert Child.__mro__ == (Child, Parent, object)
    assert Child().step() == (11, 11) and Parent().step() == 12


def test_class__with_slots_and_a_metaclass():
    class Slotted(metaclass=Meta, word="hey"):
        __slots__ = ("a", "__hidden")

        def __init__(self):
            self.a, self.__hidden = 1, 2

        def hidden(self):
            return self.__hidden
    before = len(Meta.made)
    value, new = back([Slotted(), Slotted])
    assert type(value) is new and type(new) is Meta and new.shout() == "HEY"
    assert (value.a, value.hidden()) == (1, 2) and not hasattr(value, "__dict__")
    assert len(Meta.made) == before  # its work was done


def test_class__of_a_base_that_is_told_of_its_subclasses():
    class Child(Registered):
        pass
    new = back(Child)
    assert issubclass(new, Registered) and Registered.names == ["Child", "Child"]


def test_class__abstract():
    class Shape(abc.ABC):
        @abc.abstractmethod
        def area(self):
            return 1

    class Square(Shape):
        def area(self):
            return super().area() + 1
    NewShape, NewSquare = back([Shape, Square])
    assert NewSquare().area() == 2 and isinstance(NewSquare(), NewShape)
    with pytest.raises(TypeError, match="abstract"):
        NewShape()
    NewShape.register(int)
    assert isinstance(5, NewShape) and not isinstance(5, Shape)


def test_class__generic_and_protocol():
    class Box(typing.Generic[T]):
        item: T = None

    class Sized(typing.Protocol):
        def size(self) -> int: ...
    NewBox, NewSized = back([Box, Sized])
    assert NewBox[int].__origin__ is NewBox and NewBox.__annotations__ == {"item": T}
    assert NewSized._is_protocol


def test_class__whose_attribute_is_its_own_instance():
    class Node:
        root = None

        def __init__(self):
            self.me = self
    Node.root = Node()
    Node.kinds = {Node: [Node]}
    new = back(Node)
    assert type(new.root) is new and new.root.me is new.root and new.kinds == {new: [new]}


def test_exception_class():
    class Failed(ValueError):
        def __init__(self, code):
            super().__init__(code)
            self.code = code
    new, kind = back([Failed(3), Failed])
    assert type(new) is kind and new.code == 3 and new.args == (3,)


def test_class__made_by_type():
    made = type("Made", (dict,), {"f": lambda self: len(self), "x": 1})
    value = made(a=1)
    new = back(value)
    assert new.f() == 1 and new == {"a": 1} and type(new).x == 1


# ---- classes of which a library has written functions

def dataclasses_of(word):
    @dataclasses.dataclass(order=True)
    class Plain:
        x: int
        y: list = dataclasses.field(default_factory=list)
        label: str = word

    @dataclasses.dataclass(slots=True, frozen=True)
    class Slotted:
        a: int
        b: int = 5
        common: typing.ClassVar[list] = [word]
        _: dataclasses.KW_ONLY
        tags: tuple = dataclasses.field(default=(), repr=False, compare=False,
                                        metadata={"unit": "m"})

        def total(self):
            return self.a + self.b

    @dataclasses.dataclass
    class Child(Plain):
        z: float = 1.5
        made_of: dataclasses.InitVar[int] = 0

        def __post_init__(self, made_of):
            self.z += made_of

        def __repr__(self):
            return "its own"
    return Plain, Slotted, Child


def test_dataclasses():
    Plain, Slotted, Child = dataclasses_of("w")
    old = [Plain(1, [2]), Slotted(1, tags=("t",)), Child(4, made_of=2)]
    plain, slotted, child, (NewPlain, NewSlotted, NewChild) = back([*old, (Plain, Slotted, Child)])
    assert repr(plain).endswith("Plain(x=1, y=[2], label='w')") and type(plain) is NewPlain
    assert NewPlain(1) < NewPlain(2) and NewPlain(1) == NewPlain(1) != NewPlain(1, [0])
    assert NewPlain(1).y is not NewPlain(1).y and NewPlain.__hash__ is None
    assert dataclasses.asdict(plain) == {"x": 1, "y": [2], "label": "w"}
    assert dataclasses.replace(plain, x=5).x == 5 and NewPlain.__match_args__ == ("x", "y", "label")
    assert repr(slotted).endswith("Slotted(a=1, b=5)") and slotted.tags == ("t",)
    assert slotted.total() == 6 and not hasattr(slotted, "__dict__")
    assert hash(slotted) == hash(NewSlotted(1)) and slotted == NewSlotted(1)
    with pytest.raises(dataclasses.FrozenInstanceError):
        slotted.a = 2
    with pytest.raises(TypeError):
        NewSlotted(1, 2, ())
    assert NewSlotted.common == ["w"]
    assert [field.name for field in dataclasses.fields(NewSlotted)] == ["a", "b", "tags"]
    assert dataclasses.fields(NewSlotted)[2].metadata["unit"] == "m"
    assert repr(child) == "its own" and child.z == 3.5 and isinstance(child, NewPlain)
    assert NewChild(1, made_of=1).z == 2.5
    for old_class, new in zip((Plain, Slotted, Child), (NewPlain, NewSlotted, NewChild)):
        assert list(new.__annotations__) == list(old_class.__annotations__)
        assert new.__annotations__.get("b", int) is int


def test_named_tuples():
    Pair = collections.namedtuple("Pair", "x y", defaults=[4])

    class Typed(typing.NamedTuple):
        q: int
        r: str = "r"

        def both(self):
            return self.q, self.r
    pair, typed, NewPair, NewTyped = back([Pair(1), Typed(2), Pair, Typed])
    assert type(pair) is NewPair and type(typed) is NewTyped
    assert pair == (1, 4) and pair.y == 4 and pair._replace(x=3) == (3, 4)
    assert repr(pair) == "Pair(x=1, y=4)" and NewPair(y=1, x=0) == (0, 1)
    assert NewPair._make([5, 6]).x == 5 and pair._asdict() == {"x": 1, "y": 4}
    assert typed.both() == (2, "r") and NewTyped(1, "s").r == "s"


# ---- not mine

def test_not_mine__is_opaque():
    Local = make(1)
    value = back([Local(2), Local], mine=False)
    assert [type(item) for item in value] == [Opaque, Opaque]
    assert value[1].type == f"{__name__}.make.<locals>.Local"
    assert value[1].state["bases"][0].type == "builtins.object"
    again = back(value)
    assert [item.type for item in again] == [item.type for item in value]


def test_refusal__names_the_attribute():
    class Local:
        lock = __import__("threading").Lock()
    with pytest.raises(TypeError, match=r"value\.__dict__\['lock'\] \(_thread.lock\)"):
        _core._encode(Local)


# ---- in variables

HEAD = """
import dataclasses, os, sys
from resume import Checkpoint
"""


def runs(program, body, edit=None):
    made = program(HEAD + textwrap.dedent(body))
    assert made.run().code == 9
    if edit:
        text = made.path.read_text()
        assert edit[0] in text
        made.path.write_text(text.replace(*edit))
    ran = made.run().check()
    return ran.out.splitlines(), ran.err


IN_PLACE = """
def main():
    chp = Checkpoint()
    class Node:
        count, RATE, kept = 0, 0.5, []
        def __init__(self, value):
            Node.count += 1
            self.value = value
        def show(self):
            return [self.value, Node.count, Node.RATE, Node.kept]
    @dataclasses.dataclass
    class Point:
        x: int
        def show(self):
            return [self.x]
    nodes, mine = [], Node
    if chp.restore():
        print(mine is Node, type(nodes[0]) is Node, isinstance(nodes[1], Point))
        print(nodes[0].show(), nodes[1].show())
        return
    nodes = [Node(7), Point(8)]
    Node.kept.append("k")
    chp.save()
    os._exit(9)
main()
"""


def test_a_class_of_the_function_stays_the_programs_own(program):
    out, err = runs(program, IN_PLACE)
    assert out == ["True True True", "[7, 1, 0.5, ['k']] [8]"] and "Warning" not in err


def test_a_class_of_the_function_may_be_edited(program):
    out, err = runs(program, IN_PLACE, ("return [self.value,", "return ['new', self.value,"))
    assert out == ["True True True", "['new', 7, 1, 0.5, ['k']] [8]"]
    assert "not restored" not in err


def test_an_edited_constant_of_a_class_is_the_programs_own(program):
    out, err = runs(program, IN_PLACE, ("0, 0.5, []", "0, 0.75, []"))
    assert out == ["True True True", "[7, 1, 0.75, ['k']] [8]"]


def test_a_class_whose_method_changed_elsewhere_keeps_the_placeholder(program):
    out, err = runs(program, """
    def make():
        class Inner:
            def show(self):
                return 1
        return Inner
    def main():
        chp = Checkpoint()
        thing, number = None, 0
        if chp.restore():
            print(thing, number)
            return
        thing, number = make()(), 5
        chp.save()
        os._exit(9)
    main()
    """, ("return 1", "return 2"))
    assert out == ["None 5"]
    assert "'thing' (the code of '__main__.make.<locals>.Inner.show' has changed" in err


def test_trusted_by_name__makes_no_class_out_of_a_stream():
    Local = make(1)
    name = f"{__name__}.make.<locals>.Local"
    value = back(Local, mine=False, trusted=frozenset({name, "builtins.type", "builtins.object"}))
    assert isinstance(value, Opaque) and value.type == name


class Picky:
    def __init_subclass__(cls, *, word, **options):
        super().__init_subclass__(**options)
        cls.word = word


def test_class__that_can_not_be_made_again_is_opaque():
    class Child(Picky, word="w"):
        pass
    value = back(Child)
    assert isinstance(value, Opaque) and value.type.endswith("<locals>.Child")


def test_class__what_was_done_when_it_was_derived_is_not_done_again():
    class Around:
        derived = []

        def __init_subclass__(cls, *, word, **options):
            cls.word = word
            Around.derived.append(word)

    class Inside(Around, word="i"):
        pass
    value, base = back([Inside, Around])
    assert value.word == "i" and value.__base__ is base and base.derived == ["i"]
    assert type("More", (base,), {}, word="more").word == "more" and base.derived == ["i", "more"]


def test_type_parameters__that_no_module_has():
    T = typing.TypeVar("T", bound="Sized", covariant=True)
    N = typing.TypeVar("N", int, float)
    P = typing.ParamSpec("P")
    Name = typing.NewType("Name", int)

    class Box(typing.Generic[T, N]):
        def put(self, call: typing.Callable[P, N], *args: P.args, **kwargs: P.kwargs) -> T:
            return call(*args, **kwargs)

    types = [T, N, P, Name, Box, Box[int, float], typing.Callable[P, N], P.args]
    t, n, p, name, box, some, call, args = back(types)
    assert (t.__name__, t.__bound__, t.__covariant__, t.__module__) == \
        ("T", typing.ForwardRef("Sized"), True, __name__)
    assert n.__constraints__ == (int, float) and n.__bound__ is None
    assert repr([t, n, p]) == repr([T, N, P]) and p.__module__ == __name__
    assert name.__supertype__ is int and name(3) == 3 and repr(name) == repr(Name)
    assert box.__parameters__ == (t, n) and some.__origin__ is box and some.__args__ == (int, float)
    assert call.__parameters__ == (p, n) and args.__origin__ is p
    assert box.put.__annotations__["return"] is t
    assert box.put.__annotations__["call"] == call and box.put.__annotations__["args"] == args


def test_type_parameters__of_a_module_are_the_same_objects():
    assert back([T, typing.AnyStr]) == [T, typing.AnyStr]


def test_class__that_its_beginning_leads_to_is_refused():
    class Odd:
        pass

    Odd.__doc__ = [Odd]  # it can't be there before the class
    with pytest.raises(TypeError, match="holds the object itself"):
        back([Odd])
    Odd.__doc__ = "text"
    assert back([Odd])[0].__doc__ == "text"
