"""Captured frames in the object stream: written, read again, and refused where they do not fit."""
import re
import socket
import sys

import pytest
from resume import CheckpointDamaged, Opaque, _core

NULL = _core._null()
VALUE, CALL, INIT, AGAIN, YIELD, NEW = range(6)


def write(value, generators=None):
    stream, notes = _core._encode_exact(value, generators or {})
    assert notes == []
    return stream


def read(stream, mine=True):
    return _core._decode(stream, [], mine=mine)[0]


def record_of(frame, mode, inside=None, *value):
    """As capture does it, of a frame that stands in a call."""
    code, seen = frame.f_code, _core._frame(frame)
    count = seen["kept"]
    slots = []
    for kind, *value_there in _core._slots(frame, 0, seen["variables"] + count):
        if kind == "number":  # from 3.15 on a loop over a list keeps it and, above it, an index
            slots[-1] = iter(slots[-1])
            slots[-1].__setstate__(value_there[0])
        slots.append(value_there[0] if kind == "object" else NULL)
    unit = _core._kinds(code)[seen["index"]][0]
    return _core._record(code, frame.f_globals, unit, mode, slots[:seen["variables"]],
                         slots[seen["variables"]:], seen["kinds"][:count].encode(), inside, *value)


def parts(record):
    names = ("code", "unit", "mode", "slots", "stack", "kinds", "inner", "value")
    return dict(zip(names, _core._record_parts(record)))


TAKEN, WRITTEN = [], []


def take():
    here = sys._getframe(1)
    inside = record_of(here, VALUE, None, "result")
    TAKEN.append(record_of(here.f_back, CALL, inside))
    if here.f_code is inner.__code__:
        WRITTEN[:] = [write(TAKEN[-1])]
    return "result"


def outer(items, extra=None):
    total = 0
    for item in items:
        total += inner([items, item]) * 2
    return total


def inner(pair):
    count = 0

    def get():
        return pair, count
    take()
    count += len(get())
    return count


@pytest.fixture
def taken():
    TAKEN.clear()
    items = [3]
    outer(items)
    yield TAKEN[0]
    TAKEN.clear()


def test_a_call_in_a_call(taken):
    restored = parts(read(write(taken)))
    before = parts(taken)
    for name in ("code", "unit", "mode", "kinds"):
        assert restored[name] == before[name]
    assert restored["code"] is outer.__code__ and restored["mode"] == CALL
    assert restored["slots"][0] == [3] and restored["slots"][1] is None
    within = parts(restored["inner"])
    assert within["code"] is inner.__code__ and within["value"] == "result"
    assert within["inner"] is None and within["mode"] == VALUE


def test_empty_variables_stay_empty():
    def half():
        take()
        later = 1
        return later

    def call():
        half()
    TAKEN.clear()
    call()
    restored = parts(parts(read(write(TAKEN.pop())))["inner"])
    assert restored["slots"] == (NULL,)


def test_what_frames_share_is_shared(taken):
    restored = parts(read(WRITTEN.pop()))
    within = parts(restored["inner"])
    names = inner.__code__.co_varnames + inner.__code__.co_cellvars
    cells = dict(zip(dict.fromkeys(names), within["slots"]))
    assert cells["pair"].cell_contents[0] is restored["slots"][0]
    assert cells["get"]()[0] is cells["pair"].cell_contents
    cells["count"].cell_contents = 7
    assert cells["get"]()[1] == 7
    iterator = restored["stack"][0]
    restored["slots"][0].append(4)
    assert list(iterator) == [4]


def test_other_values_of_the_stream_share_with_them(taken):
    items = parts(taken)["slots"][0]
    other, restored = read(write([items, taken]))
    assert parts(restored)["slots"][0] is other
    restored, other = read(write([taken, items]))
    assert parts(restored)["slots"][0] is other


def test_without_trust_it_says_where_it_stands(taken):
    restored = read(write(taken), mine=False)
    assert isinstance(restored, Opaque) and restored.type == "types.FrameType"
    module, first = outer.__module__, outer.__code__.co_firstlineno
    assert restored.state == [[f"{module}.outer", first + 3],
                              [f"{module}.inner", inner.__code__.co_firstlineno + 5]]


def test_what_cannot_be_saved_is_named():
    def within(pair):
        held = {"of": [socket.socket()]}
        take()
        return held

    def call():
        within(1)
    TAKEN.clear()
    call()
    line = within.__code__.co_firstlineno + 2
    name = re.escape(f"{__name__}.{within.__qualname__}")
    with pytest.raises(TypeError, match=rf"^line {line} of {name} \(test_continuation_stream.py\): "
                                        r"held\['of'\]\[0\] \(socket\): cannot pickle"):
        write(TAKEN.pop())


def test_code_that_no_other_process_can_find():
    names = {"take": take}
    exec("def f():\n take()\ndef g():\n f()\n", names)
    TAKEN.clear()
    names["g"]()
    with pytest.raises(TypeError, match=r"^line 4 of .*g \(<string>\).*: its code was made while"):
        write(TAKEN.pop())


def test_a_deep_chain():
    leaf = record_of_leaf()
    names = ("code", "unit", "mode", "slots", "stack", "kinds")
    for _ in range(5000):
        code, unit, _, slots, stack, kinds = (parts(leaf[0])[name] for name in names)
        leaf[0] = _core._record(code, globals(), unit, CALL, slots, stack, kinds, leaf[0])
    restored, count = read(write(leaf.pop())), 0
    while restored is not None:
        restored, count = parts(restored)["inner"], count + 1
    assert count == 5001


def record_of_leaf():
    TAKEN.clear()
    outer([1])
    return [parts(TAKEN.pop())["inner"]]


CHANGES = {
    "another unit": lambda r: r.update(unit=r["unit"] + 1),
    "a unit in the middle": lambda r: r.update(unit=1),
    "far away": lambda r: r.update(unit=1 << 20),
    "before the code": lambda r: r.update(unit=-1),
    "more of the stack": lambda r: r.update(stack=(*r["stack"], 1), kinds=r["kinds"] + b"O"),
    "less of the stack": lambda r: r.update(stack=r["stack"][1:], kinds=r["kinds"][1:]),
    "another kind": lambda r: r.update(kinds=b"P" * len(r["kinds"])),
    "a number of the unwinder": lambda r: r.update(kinds=b"L" * len(r["kinds"])),
    "fewer variables": lambda r: r.update(slots=r["slots"][1:]),
    "more variables": lambda r: r.update(slots=(*r["slots"], 1)),
    "a suspended generator": lambda r: r.update(mode=YIELD, inner=None),
    "a new generator": lambda r: r.update(mode=NEW, inner=None),
    "waits for none": lambda r: r.update(inner=None),
    "again": lambda r: r.update(mode=AGAIN, inner=None),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_what_does_not_fit_the_code_is_refused(taken, change):
    changed = parts(taken)
    change(changed)
    value = [changed.pop("value")] if changed["mode"] in (VALUE, INIT) else []
    order = ("unit", "mode", "slots", "stack", "kinds", "inner")
    made = _core._record(changed["code"], globals(), *(changed[name] for name in order), *value)
    with pytest.raises(CheckpointDamaged):
        read(write(made))


def test_a_cell_that_is_none_is_refused(taken):
    within = parts(parts(taken)["inner"])
    slots = tuple(1 if type(slot).__name__ == "cell" else slot for slot in within["slots"])
    order = ("unit", "mode")
    made = _core._record(within["code"], globals(), *(within[name] for name in order), slots,
                         within["stack"], within["kinds"], None, "result")
    with pytest.raises(CheckpointDamaged, match="is no cell"):
        read(write(made))


class Counted:
    def __init__(self, loader):
        self.loader, self.count = loader, 0

    def get_code(self, name):
        self.count += 1
        return self.loader.get_code(name)


def fresh():
    take()


def call_fresh():
    fresh()


def test_where_code_stands_is_looked_up_once(monkeypatch):
    counted = Counted(__loader__)
    monkeypatch.setitem(globals(), "__loader__", counted)
    TAKEN.clear()
    call_fresh()
    record = TAKEN.pop()
    first = write(record)
    count = counted.count
    assert [write(record) for _ in range(3)] == [first] * 3 and counted.count == count
