"""Digests of sets: without order, whatever their elements lead to. Others: test_objects.py."""
import os
import subprocess
import sys

from resume import _core


def back(value):
    return _core._decode(*_core._encode(value)[:2])[0]


def remembering(*more):
    """A set with a function that refers to the set."""
    functions = set(more)

    def forget():
        functions.discard(forget)
    functions.add(forget)
    return functions


def test_digest__of_sets_that_lead_to_themselves():
    digest = _core._digest
    assert digest(remembering()) == digest(remembering()) is not None
    assert digest(remembering()) != digest(remembering(1)) == digest(remembering(1))
    inside = {frozenset({(1, frozenset(remembering("a", 5)))}), 7}
    again = {7, frozenset({(1, frozenset(remembering(5, "a")))})}
    assert digest(inside) == digest(again) != digest({7, frozenset({(1, frozenset({5}))})})
    # what a stream may hold, and Python can't make
    looped, _ = _core._decode(bytes.fromhex("d81cd999558481d81d004101f600"), [])
    assert next(iter(looped)) is looped
    assert digest(looped) == digest(back(looped)) != digest(frozenset({frozenset()}))


def test_digest__of_sets_knows_what_is_one_object():
    one, other = (1, 2), tuple([1, 2])
    digest = _core._digest
    assert digest({(one, one)}) == digest({(other, other)}) != digest({(one, other)})
    assert digest([one, {one, 3}]) == digest([other, {3, other}]) != digest([one, {other, 3}])
    # what two elements share is in none of them alone
    assert digest({(one, 1), (one, 2)}) == digest({(one, 1), (other, 2)})


def test_digest__of_sets_in_sets_takes_each_one_once():
    number = frozenset()  # {}, {0}, {0, 1} ..: 2 ** 60 ways lead to 0
    for _ in range(60):
        number = frozenset({*number, number})
    assert _core._digest(number) == _core._digest(back(number)) is not None
    assert _core._digest([7, {number}]) != _core._digest([7, {frozenset({number})}])


def test_digest__is_equal_under_another_hash_seed():
    source = ("from resume import _core; "
              "print(_core._digest([{'a', 'b', 1}, {('x', 1), 'y'}, 'text', {'k': 1.5}]).hex())")
    assert len({subprocess.run([sys.executable, "-c", source], check=True, capture_output=True,
                               env={**os.environ, "PYTHONHASHSEED": s}).stdout
                for s in "123"}) == 1
