"""Enums that no import leads to: made again with their members as they were, without any code of
the program."""
import datetime
import decimal
import enum

import pytest
from encoded import back
from resume import _core

calls = []


def test_enums():
    class Colour(enum.Enum):
        RED = 1
        CRIMSON = 1
        BLUE = "b"

        def lower(self):
            return self.name.lower()

    class Planet(enum.Enum):
        EARTH = (6, 2)

        def __init__(self, mass, radius):
            calls.append(self.name)
            self.mass, self.radius = mass, radius

        @property
        def gravity(self):
            return self.mass / self.radius

    class Bits(enum.IntFlag):
        A = 1
        B = 2
    calls.clear()
    blue, earth, both, NewColour, NewPlanet, NewBits = back(
        [Colour.BLUE, Planet.EARTH, Bits.A | Bits.B, Colour, Planet, Bits])
    assert blue is NewColour.BLUE is NewColour("b") and blue.lower() == "blue"
    assert NewColour.CRIMSON is NewColour.RED and list(NewColour) == [NewColour.RED, blue]
    assert earth is NewPlanet.EARTH and earth.gravity == 3.0 and NewPlanet((6, 2)) is earth
    assert both is NewBits.A | NewBits.B and both == 3 and NewBits.A in both
    assert calls == [] and NewPlanet.__init__(earth, 1, 2) is None and calls == ["EARTH"]
    assert not hasattr(NewColour, "__new_member__") or NewColour.__new_member__ is object.__new__
    assert "__init__" not in vars(NewColour) and NewColour._new_member_ is object.__new__


class Slotted:
    __slots__ = "x", "y"

    def __init__(self, x, y):
        self.x, self.y = x, y


def made_by_themselves():
    class Own(enum.Enum):
        X = 1, "one"
        Y = 2, "two"

        def __new__(cls, value, name):
            calls.append(value)
            member = object.__new__(cls)
            member._value_, member.label = value, name
            return member

    class Text(str, enum.Enum):
        A = "a", 3
        EMPTY = "", 0

        def __new__(cls, text, times):
            calls.append(text)
            member = str.__new__(cls, text * times)
            member._value_ = text
            return member

        def __init__(self, text, times):
            calls.append(times)
            self.times = times
    return Own, Text


def test_enums__with_a_new_of_their_own():
    Own, Text = made_by_themselves()
    before = vars(Text)["__new_member__"], vars(Text)["_new_member_"]
    calls.clear()
    NewOwn, NewText, y, a = back([Own, Text, Own.Y, Text.A])
    assert calls == []
    assert y is NewOwn.Y is NewOwn(2) is NewOwn["Y"] and (y.label, NewOwn.X.label) == ("two", "one")
    assert a is NewText("a") is NewText.A and a == "aaa" and a.times == 3 and NewText.EMPTY == ""
    assert isinstance(a, str) and NewText.EMPTY.value == "" and list(NewText) == ["aaa", ""]
    after = vars(NewText)["__new_member__"], vars(NewText)["_new_member_"]
    assert [getattr(new, "__code__", 0) for new in after] == [
        getattr(old, "__code__", 0) for old in before]
    assert NewText.__new__ is enum.Enum.__new__ and NewText._use_args_ is Text._use_args_


def test_enums__of_values_of_other_classes():
    class Holiday(datetime.date, enum.Enum):
        NEW_YEAR = 2013, 1, 1
        LABOUR = 2013, 5, 1

        @property
        def weekday_name(self):
            return self.strftime("%A")

    class Pair(tuple, enum.Enum):
        A = 1, 2
        B = 3, 4

    class Period(datetime.timedelta, enum.Enum):
        DAY = 1
        WEEK = 7

    class Share(decimal.Decimal, enum.Enum):
        HALF = "0.50"

    class Place(Slotted, enum.Enum):
        HERE = 1, 2

    class Number(enum.IntEnum):
        HEX = "ff", 16

    class Ratio(float, enum.Enum):
        THIRD = 1 / 3
    new = back([Holiday, Pair, Period, Share, Place, Number, Ratio])
    holiday, pair, period, share, place, number, ratio = new
    assert holiday.NEW_YEAR == datetime.date(2013, 1, 1) and len(holiday) == 2
    assert holiday(datetime.date(2013, 5, 1)) is holiday.LABOUR
    assert holiday.LABOUR.weekday_name == "Wednesday"
    assert pair.A == (1, 2) and pair((3, 4)) is pair.B
    assert period.WEEK == datetime.timedelta(7) and period.DAY.value == Period.DAY.value
    assert str(decimal.Decimal(share.HALF)) == "0.50"
    assert share(decimal.Decimal("0.50")) is share.HALF
    assert (place.HERE.x, place.HERE.y) == (1, 2)
    assert type(place.HERE.value) is type(Place.HERE.value)  # another one in 3.11
    assert number.HEX == 255 and number(255) is number.HEX
    assert ratio.THIRD == 1 / 3 and ratio(1 / 3) is ratio.THIRD


def test_enums__flags_with_a_boundary():
    class Kept(enum.Flag, boundary=enum.KEEP):
        A = 1
        B = 4
        BOTH = 5

    class Ejected(enum.IntFlag, boundary=enum.EJECT):
        X = enum.auto()
        Y = enum.auto()
    kept, ejected, both = back([Kept, Ejected, Kept.A | Kept.B])
    assert both is kept.BOTH and kept(8).value == 8 and [*kept] == [kept.A, kept.B]
    assert type(ejected(8)) is int and kept.A in both
    assert type(ejected(3)).__name__ == type(Ejected(3)).__name__  # as well


def test_enums__metaclass_and_bases_of_the_program_are_not_asked():
    class Meta(enum.EnumMeta):
        def __new__(meta, name, bases, namespace, **more):
            calls.append(name)
            return super().__new__(meta, name, bases, namespace, **more)

        def __call__(cls, value):
            return super().__call__(value + 1)

    class Base(enum.Enum, metaclass=Meta):
        def __init_subclass__(cls, **more):
            calls.append(f"sub {cls.__name__}")
            super().__init_subclass__(**more)

    class Made(Base):
        A = 1
        B = 2

        @staticmethod
        def _generate_next_value_(name, start, count, last):
            return count * 10

        @classmethod
        def _missing_(cls, value):
            return cls.B
    calls.clear()
    made, base = back([Made, Base])
    assert calls == [] and made(0) is made.A and made(90) is made.B and issubclass(made, base)
    assert type(made).__name__ == "Meta" and type(made) is not Meta
    assert made._generate_next_value_("x", 1, 2, []) == 20


def test_members_of_an_enum__keep_what_was_put_into_them():
    class Team(enum.Enum):
        RED = 1
        BLUE = 2

        def __init__(self, number):
            self.score = 0

    Team.RED.score, Team.RED._tag = 7, Team.BLUE
    red, New = back([Team.RED, Team])
    assert red is New.RED and red.score == 7 and red._tag is New.BLUE and New.BLUE.score == 0
    assert [member.value for member in New] == [1, 2] and New(2) is New.BLUE


def test_enums__what_can_not_be_made_is_told():
    class Counted(dict, enum.Enum):
        A = {"x": 1}
    with pytest.raises(TypeError, match="values of class dict must be defined in a module"):
        _core._encode(Counted)
