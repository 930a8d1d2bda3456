"""chp.track: the state of an object is put back in place."""
import array
import collections
import functools
import threading
import types

import pytest
from resume import Checkpoint, NullCheckpoint, _core


def track(saved, now):
    return _core._track(saved, now)


class Plain:
    def __init__(self, **attributes):
        self.__dict__.update(attributes)


def test_track__attributes():
    now = Plain(n=0, gone=1, items=[])
    items = now.items
    assert track(Plain(n=5, new="x", items=[1]), now) == []
    assert vars(now) == {"n": 5, "new": "x", "items": [1]}
    assert items == []  # given a new value, like the run did or not


def test_track__attributes_that_cannot_be_saved_keep_their_fresh_value():
    lock = threading.Lock()
    now = Plain(n=0, lock=lock)
    problems = track(Plain(n=5, lock=threading.Lock()), now)
    assert now.n == 5 and now.lock is lock
    assert len(problems) == 1 and problems[0].startswith("thing.lock")


def test_track__slots_of_all_classes():
    class Base:
        __slots__ = ("a", "_hidden", "unset")

    class Derived(Base):
        __slots__ = ("b", "__private")

        def set_private(self, value):
            self.__private = value

        def private(self):
            return self.__private

    class WithDict(Derived):
        pass

    for kind in (Derived, WithDict):
        saved, now = kind(), kind()
        saved.a, saved._hidden, saved.b = 1, 2, [3]
        saved.set_private(4)
        now.unset = "to go"
        if kind is WithDict:
            saved.free = 5
        assert track(saved, now) == []
        assert (now.a, now._hidden, now.b, now.private()) == (1, 2, [3], 4)
        assert not hasattr(now, "unset")
        assert getattr(now, "free", None) == (5 if kind is WithDict else None)


def test_track__no_code_of_the_class_is_run():
    class Guarded:
        def __init__(self):
            vars(self)["n"] = 0

        def __setattr__(self, name, value):
            raise AssertionError("run")

        def __getattribute__(self, name):
            raise AssertionError("run")
        __delattr__ = __getstate__ = __reduce_ex__ = __eq__ = __getattribute__

    saved, now = Guarded.__new__(Guarded), Guarded.__new__(Guarded)
    vars_of = functools.partial(object.__getattribute__)
    vars_of(saved, "__dict__").update(n=7, other=8)
    vars_of(now, "__dict__").update(n=1, gone=1)
    assert track(saved, now) == []
    assert vars_of(now, "__dict__") == {"n": 7, "other": 8}


def test_track__aliases_inside_one_object():
    shared = [1]
    saved, now = Plain(a=shared, b=shared), Plain()
    track(saved, now)
    assert now.a is now.b == [1]


def test_track__state_dict():
    class Model:
        def __init__(self, weight):
            self.weight = weight
            self.lock = threading.Lock()

        def state_dict(self):
            return {"weight": self.weight}

        def load_state_dict(self, state):
            self.weight = state["weight"]

    now = Model([0.0])
    assert track(Model([1.5]), now) == []
    assert now.weight == [1.5]


def test_track__error_of_load_state_dict_comes_through():
    class Strict:
        def state_dict(self):
            return 1

        def load_state_dict(self, state):
            raise LookupError("not mine")

    class Broken(Strict):
        def state_dict(self):
            raise LookupError("no state")

    with pytest.raises(LookupError, match="not mine"):
        track(Strict(), Strict())
    with pytest.raises(LookupError, match="no state"):
        track(Broken(), Broken())


def test_track__state_dict_that_cannot_be_saved_is_reported():
    class Model:
        state = None

        def state_dict(self):
            return {"socket": threading.Lock()}

        def load_state_dict(self, state):
            self.state = state

    now = Model()
    problems = track(Model(), now)
    assert now.state is None
    assert len(problems) == 1 and problems[0].startswith("thing['socket']")


@pytest.mark.parametrize("saved, now", [
    ([1, [2]], [5]), ({"a": 1}, {"b": 2}), ({1}, {2, 3}), (bytearray(b"ab"), bytearray()),
])
def test_track__containers_in_place(saved, now):
    kept = now
    assert track(saved, now) == []
    assert now is kept and now == saved


def test_track__array_in_place():
    numpy = pytest.importorskip("numpy")
    now = numpy.zeros((3, 2))
    view = now[0]
    assert track(numpy.arange(6.0).reshape(3, 2), now) == []
    assert now.tolist() == [[0, 1], [2, 3], [4, 5]] and view.tolist() == [0, 1]


def test_track__another_kind_of_object_is_refused():
    numpy = pytest.importorskip("numpy")
    now = Plain(n=1)
    with pytest.raises(TypeError, match="not that of"):
        track([1], now)
    assert vars(now) == {"n": 1}
    target = [5]
    with pytest.raises(TypeError, match="not that of"):
        track({"a": 1}, target)
    assert target == [5]
    shaped = numpy.zeros(3)
    with pytest.raises(TypeError, match="not that of"):
        track(numpy.ones(4), shaped)
    assert shaped.tolist() == [0, 0, 0]


@pytest.mark.parametrize("value", [
    5, "x", None, (1, [2]), 1.5, frozenset(), len, Plain, types, track, [].append, object(),
    range(3), array.array("d"), threading.Lock(), collections.deque(),
], ids=repr)
def test_track__what_has_no_state_names_the_cure(value):
    with pytest.raises(TypeError, match="chp.track: .* local variable"):
        track(value, value)


def test_track__big_arrays_and_many_attributes():
    numpy = pytest.importorskip("numpy")
    saved, now = Plain(), Plain()
    for i in range(300):
        setattr(saved, f"a{i}", i)
    saved.big = numpy.arange(1 << 17)
    saved.again = saved.big
    assert track(saved, now) == []
    assert now.a299 == 299 and now.big is now.again and (now.big == saved.big).all()


class Cut(Exception):
    """The program is killed here."""


def test_track__name_is_the_label_and_brings_the_state_to_another_variable(folder):
    def first():
        chp = Checkpoint("named")
        box = chp.track(Plain(n=1), name="the box")
        chp.restore()
        box.n = 5
        chp.save()
        raise Cut

    def second():
        chp = Checkpoint("named", on_change="ignore")
        other = Plain(n=0)
        assert chp.track(other, name="the box") is other
        chp.restore()
        return other.n
    with pytest.raises(Cut):
        first()
    assert second() == 5


def test_track__an_object_that_is_tracked_after_restore_gets_its_state_then(folder):
    def run():
        chp = Checkpoint("late")
        chp.restore()
        box = Plain(n=0)
        chp.track(box, name="box")
        box.n += 1
        chp.save()
        if box.n < 3:
            raise Cut
        return box.n
    for _ in range(2):
        with pytest.raises(Cut):
            run()
    assert run() == 3


def test_track__a_name_stands_for_one_object(folder):
    def run():
        chp = Checkpoint("one")
        a, b = Plain(), Plain()
        chp.track(a, name="x")
        chp.track(a, name="x")
        with pytest.raises(ValueError, match="chp.track: another object is tracked as 'x'"):
            chp.track(b, name="x")
        with pytest.raises(TypeError, match="name must be a str"):
            chp.track(b, name=5)
        with pytest.raises(TypeError):
            chp.track(b, "x")
        with pytest.raises(UnicodeEncodeError):
            chp.track(b, name="\udc80")
        assert NullCheckpoint().track(b, name="x") is b
    run()


class Counted(list):
    def __init__(self, *items):
        super().__init__(items)
        self.n = 0

    def append(self, item):
        raise AssertionError("run")
    __iter__ = extend = __getitem__ = append


class Named(dict):
    pass


class Bag(set):
    pass


class Ordered(collections.OrderedDict):
    pass


class Bytes(bytearray):
    pass


@pytest.mark.parametrize("saved, now, plain", [
    (Counted(1, [2]), Counted(5, 6, 7), list), (Named(a=1), Named(b=2, c=3), dict),
    (Bag({1, 2}), Bag({3}), set), (Ordered(b=1, a=2), Ordered(a=5), dict),
    (Bytes(b"ab"), Bytes(b"cdef"), bytearray),
])
def test_track__what_is_derived_from_a_container_keeps_its_items(saved, now, plain):
    saved.note = [1]
    now.gone = 5
    assert track(saved, now) == []
    if plain is list:
        assert list.__len__(now) == 2 and list.__getitem__(now, 1) == [2] and now.n == 0
    else:
        assert now == saved and list(now) == list(saved)
    assert now.note == [1] and not hasattr(now, "gone")


def test_track__through_setstate():
    class Scaler:
        def __init__(self, n):
            self.n, self.lock = n, threading.Lock()

        def __getstate__(self):
            return {"n": self.n}

        def __setstate__(self, state):
            self.n = state["n"]
            self.set = True

    now = Scaler(1)
    lock = now.lock
    assert track(Scaler(5), now) == []
    assert now.n == 5 and now.set and now.lock is lock


def test_track__an_argument_by_another_name_is_known(folder, recwarn):
    class Job:
        def run(self, other):
            chp = Checkpoint("job", folder=folder)
            chp.track(self, name="the job")
            chp.save()

    Job().run([1])
    assert [str(one.message) for one in recwarn] == []
