"""Classes of a program derived from classes of Python's library; states that their classes hide;
what the registers of the library hold."""
import collections
import copy
import copyreg
import fractions
import pathlib
import random
import threading
import weakref

import pytest
from resume import _core


def back(value):
    stream, blobs, _ = _core._encode(value)
    return _core._decode(stream, blobs, mine=True)[0]


def exactly(value):
    stream, notes = _core._encode_exact(value, {})
    assert notes == []
    return _core._decode(stream, [], mine=True)[0]


class Tally(collections.Counter):
    def __init__(self, name, *start):
        super().__init__(*start)
        self.name = name


class Dice(random.Random):
    made = 0

    def __init__(self, sides, seed):
        super().__init__(seed)
        self.sides = sides
        Dice.made += 1


class Half(fractions.Fraction):
    def __new__(cls, number):
        half = super().__new__(cls, number, 2)
        half.number = number
        return half


class Chained(collections.ChainMap):
    def __init__(self, name, *maps):
        super().__init__(*maps)
        self.name = name


class Named(type(pathlib.Path())):
    def __new__(cls, name, *parts):
        made = super().__new__(cls, *parts)
        made.label = name
        return made

    def __init__(self, name, *parts):
        if pathlib.PurePath.__init__ is not object.__init__:
            super().__init__(*parts)


class Own(collections.Counter):
    """It says itself how it is made: nothing else is done."""

    def __init__(self, name):
        super().__init__()
        self.name = name

    def __reduce__(self):
        return Own, (self.name + "!",)


@pytest.mark.parametrize("way", [back, exactly])
def test_subclasses_of_the_library__keep_value_and_attributes(way):
    tally, chained = Tally("t", "aab"), Chained("c", {"a": 1}, {"b": 2})
    dice, half, path = Dice(6, 3), Half(3), Named("n", "/tmp", "x")
    dice.random()
    dice.gauss(0, 1)
    made = Dice.made
    new = way([tally, dice, half, chained, path, Own("o")])
    assert Dice.made == made
    assert new[0] == tally and new[0].name == "t" and type(new[0]) is Tally
    assert new[1].sides == 6
    assert [new[1].gauss(0, 1) for _ in range(3)] == [dice.gauss(0, 1) for _ in range(3)]
    assert new[2] == half and new[2].number == 3 and type(new[2]) is Half
    assert new[3] == chained and new[3].name == "c"
    assert str(new[4]) == "/tmp/x" and new[4].label == "n" and type(new[4]) is Named
    assert new[5].name == "o!"


def test_subclass__in_a_cycle():
    tally = Tally("t", "a")
    tally.me = [tally]
    new = back(tally)
    assert new.me[0] is new and new == {"a": 1}


# ---- states that are hidden

class Cached:
    def __init__(self):
        self.cache = {1: 2}

    def __getstate__(self):
        return {}

    def __setstate__(self, state):
        self.restored = True


class Slotted:
    __slots__ = ("a", "b", "__dict__")

    def __init__(self):
        self.a, self.c = 1, []

    def __getstate__(self):
        return 0

    def __setstate__(self, state):
        self.a = -1


class OnlyTold:
    def __setstate__(self, state):
        raise AssertionError("not for this")


class Running:
    def __init__(self, inner):
        self.thread = threading.Thread(target=inner.wait, daemon=True)
        self.thread.start()
        self.cached, self.asked = Cached(), 0

    def __getstate__(self):
        self.asked += 1
        return {"cached": self.cached}


def test_hidden_state__is_kept_whole_in_the_middle():
    cached, slotted, told = Cached(), Slotted(), OnlyTold()
    told.x = 5
    slotted.c.append(slotted)
    new = exactly([cached, slotted, told, cached])
    assert vars(new[0]) == {"cache": {1: 2}} and new[0] is new[3]
    assert new[1].a == 1 and new[1].c == [new[1]] and not hasattr(new[1], "b")
    assert new[2].x == 5
    assert vars(back(cached)) == {"restored": True}  # as ever for a state by itself


def test_hidden_state__its_dict_in_other_hands():
    cached = Cached()
    new, dict_of_it = exactly([cached, vars(cached)])
    assert vars(new) is dict_of_it and dict_of_it == {"cache": {1: 2}}


def test_hidden_state__is_asked_for_where_the_whole_can_not_be_saved():
    done = threading.Event()
    try:
        running = Running(done)
        for times in (1, 2):
            new = exactly([running, [Cached()]])
            assert running.asked == times and not hasattr(new[0], "thread")
            assert vars(new[0].cached) == {"cache": {1: 2}}
            assert vars(new[1][0]) == {"cache": {1: 2}}
    finally:
        done.set()


def test_hidden_state__of_libraries_is_theirs():
    lock = threading.Lock()
    condition = threading.Condition(lock)
    assert exactly(copy.copy(collections.Counter("aa"))) == {"a": 2}
    assert not exactly(condition)._lock.locked()


# ---- a __new__ of the program

class Tagged:
    made = 0

    def __new__(cls, tag):
        tagged = super().__new__(cls)
        tagged.tag = tag
        Tagged.made += 1
        return tagged


class Hidden(Tagged):
    def __getstate__(self):
        return {"tag": self.tag}


class Once:
    one = None

    def __new__(cls):
        cls.one = cls.one or super().__new__(cls)
        return cls.one


@pytest.mark.parametrize("way", [back, exactly])
def test_new_that_wants_arguments_is_not_called_again(way):
    tagged, hidden = Tagged(1), Hidden([2])
    hidden.tag.append(hidden)
    made = Tagged.made
    new, new_hidden = way([tagged, hidden])
    assert (new.tag, new_hidden.tag) == (1, [2, new_hidden]) and type(new_hidden) is Hidden
    assert Tagged.made == made


@pytest.mark.parametrize("way", [back, exactly])
def test_new_without_arguments_gives_what_the_program_has(way):
    """By a function that is called again; in a script the object is state."""
    once = Once()
    assert way(once) is once


# ---- finalizers

def test_finalizers__are_alive_or_dead_as_they_were():
    seen = []

    class Thing:
        pass

    thing, other = Thing(), Thing()
    alive, dead = weakref.finalize(thing, seen.append, 1), weakref.finalize(other, seen.append, 2)
    dead.detach()
    alive.atexit = False
    new_thing, new_alive, new_dead, new_seen = exactly([thing, alive, dead, seen])
    assert new_alive.alive and not new_dead.alive and not new_alive.atexit
    assert new_alive.peek()[0] is new_thing
    alive.detach()
    del new_thing
    assert new_seen == [1] and seen == [] and not new_alive.alive
    later = weakref.finalize(other, seen.append, 3)
    assert later.alive and later.detach()


# ---- what a save leaves behind

def test_classes_are_left_as_they_are():
    class Base:
        __slots__ = ("a", "__b")

        def __init__(self):
            self.a, self.__b = 1, 2

    class Items(list):
        __slots__ = "c"

    class Open:
        pass
    values = [Base(), Items([1]), Open()]
    values[1].c = 3
    usual = copyreg._slotnames
    before = [dict(vars(type(value))) for value in values]
    stream, blobs, _ = _core._encode(values)
    assert [dict(vars(type(value))) for value in values] == before
    assert copyreg._slotnames is usual
    new = _core._decode(stream, blobs, mine=True)[0]
    assert (new[0].a, new[0]._Base__b, new[1], new[1].c) == (1, 2, [1], 3)
