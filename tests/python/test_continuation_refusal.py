"""Where C code runs what saves, and can't go on: who it is, and what to write in its place."""
import collections
import functools
import re

import pytest
from captured import captured, save


def saving(*values):
    save()
    return values[0]


def ones(count=2):
    for _ in range(count):
        save()
        yield 1


class New:
    def __new__(cls, value):
        save()
        return super().__new__(cls)


LIST, ITEMS = "or give it a list: [x for x in ...]", "a list comprehension: [f(x) for x in ...]"
KEYS = "make a list of what it gives first: [f(x) for x in ...]"


@pytest.mark.parametrize("function, who, cure", [
    (lambda: sum(ones()), "sum() runs 'ones'", LIST),
    (lambda: list(ones()), "list() runs 'ones'", LIST),
    (lambda: tuple(ones()), "tuple() runs 'ones'", LIST),
    (lambda: set(ones()), "set() runs 'ones'", LIST),
    (lambda: dict((n, n) for n in ones()), "dict() runs ", LIST),
    (lambda: max(ones()), "max() runs 'ones'", LIST),
    (lambda: min(ones()), "min() runs 'ones'", LIST),
    (lambda: sorted(ones()), "sorted() runs 'ones'", LIST),
    (lambda: "".join(map(str, ones())), "join() runs 'ones'", LIST),
    (lambda: collections.Counter(ones()), "'ones'", LIST),
    (lambda: max(*ones()), "max() runs 'ones'", LIST),
    (lambda: (lambda a, b: a)(*ones()), "<lambda>() runs 'ones'", LIST),
    (lambda: [0 for a, b in [ones()]], "'ones' is run", LIST),
    (lambda: list(map(saving, "ab")), "list() runs 'saving'", ITEMS),
    (lambda: sum(map(saving, [1, 2])), "sum() runs 'saving'", ITEMS),
    (lambda: "".join(map(saving, "ab")), "join() runs 'saving'", ITEMS),
    (lambda: sorted("ab", key=saving), "sorted() runs 'saving'", KEYS),
    (lambda: ["a"].sort(key=saving), "sort() runs 'saving'", KEYS),
    (lambda: max("ab", key=saving), "max() runs 'saving'", KEYS),
    (lambda: min("ab", key=saving), "min() runs 'saving'", KEYS),
    (lambda: functools.reduce(saving, "ab"), "reduce() runs 'saving'",
     "for x in ...: result = f(result, x)"),
    (lambda: re.sub("a", lambda match: saving("b"), "a"), "sub() runs ", "loop over finditer()"),
    (lambda: New(1), "New() runs 'New.__new__'", "save outside of it"),
], ids=str)
def test_refused_with_what_to_write_in_its_place(function, who, cure):
    for reason in captured(function):
        assert who in reason and "from C code" in reason and reason.endswith(cure), reason
