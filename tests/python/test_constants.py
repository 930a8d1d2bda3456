"""Constants that libraries tell by identity, of types that are else told by what they are: a NaN, a
text, a tuple. Where a program goes on they are those very objects."""
import os
import subprocess
import sys

import pytest

PROGRAM = """
import argparse, cmath, math, optparse, os
import numpy as np
import resume

@resume.resumable
def main():
    own = float("nan")
    nans = [math.nan, cmath.nan, np.nan, own, 1.0, own]
    places = {math.nan: 1, np.nan: 2, own: 3}
    objects = np.array([np.nan, None, own], dtype=object)
    texts = ["==SUPPRESS" + str("=="), argparse.SUPPRESS, "SUPPRESS" + "HELP"[:len(places) + 1],
             optparse.SUPPRESS_HELP, optparse.SUPPRESS_USAGE]
    pairs = [optparse.NO_DEFAULT, tuple(["NO", "DEFAULT"]), ("NO", 7)]
    parser = argparse.ArgumentParser(prog="name")
    parser.add_argument("--hidden", help=argparse.SUPPRESS)
    parser.add_argument("--count", default=argparse.SUPPRESS)
    older = optparse.OptionParser()
    older.add_option("--any")
    resume.save()
    if "STOP" in os.environ:
        os._exit(9)
    print(nans[0] is math.nan, nans[1] is cmath.nan, nans[2] is np.nan, nans[3] is nans[5] is own,
          own is math.nan or own is np.nan, nans.count(own), nans[4], np.nan in nans)
    print(places[math.nan], places[np.nan], places[own], len(places))
    print(objects[0] is np.nan, objects[2] is own)
    print(texts, [text is argparse.SUPPRESS for text in texts],
          [text is optparse.SUPPRESS_HELP for text in texts],
          [text is optparse.SUPPRESS_USAGE for text in texts])
    print(pairs, [pair is optparse.NO_DEFAULT for pair in pairs])
    print(parser.parse_args([]), parser.format_usage(), older.defaults)

main()
"""


def run(folder, *words, **variables):
    done = subprocess.run([sys.executable, "script.py", *words], cwd=folder, text=True,
                          env=os.environ | variables, capture_output=True)
    return done.returncode, done.stdout, done.stderr


def test_constants__of_libraries_are_the_same_objects(tmp_path):
    (tmp_path / "script.py").write_text(PROGRAM)
    whole = run(tmp_path)
    assert whole[0] == 0 and "Namespace(hidden=None)" in whole[1], whole
    assert run(tmp_path, STOP="1") == (9, "", "")
    assert run(tmp_path) == whole


FIRST_MET = """
import argparse, math, os, sys
import resume

class Plain:
    pass

class Slotted:
    __slots__ = "first", "second"

def make(place, value):
    thing = Plain()
    if place == "attribute":
        thing.first, thing.second, thing.third = value, (1, 2), value
    elif place == "slot":
        thing = Slotted()
        thing.first, thing.second = value, [thing]
    elif place == "key":
        return {value: value, "b": (1, 2)}
    elif place == "only key":
        return {value: value}
    elif place == "set":
        return [{value}, frozenset([value])]
    elif place == "argument":
        import functools
        return functools.partial(print, value, end=value)
    elif place == "exception":
        return ValueError(value, [value])
    elif place == "class":
        class Local:
            first, second = value, [value]
        return Local
    elif place == "default":
        return lambda first=value, *, second=[value]: (first, second)
    elif place == "iterator":
        import itertools
        return iter([value, 2]), itertools.repeat(value), itertools.chain([value], (value,))
    elif place == "array":
        import numpy
        return numpy.array([value, (1, 2), value], dtype=object)
    return thing

def found_in(thing, value):
    if isinstance(thing, Plain):
        return [item is value or item for item in vars(thing).values()]
    if isinstance(thing, Slotted):
        return thing.first is value, thing.second[0] is thing
    if isinstance(thing, dict):
        return [(key is item is value) or item for key, item in thing.items()]
    if isinstance(thing, list):
        return [sorted(str(item is value) for item in items) for items in thing]
    if isinstance(thing, ValueError):
        return thing.args[0] is value, thing.args[1][0] is value
    if isinstance(thing, type):
        return thing.first is value, thing.second[0] is value
    if isinstance(thing, tuple):
        return [next(item) is value for item in thing]
    if hasattr(thing, "__kwdefaults__"):
        return thing()[0] is value, thing()[1][0] is value
    if hasattr(thing, "keywords"):
        return thing.args[0] is value, thing.keywords["end"] is value
    return [item is value or item for item in thing]

def constant(name):
    return {"nan": math.nan, "text": argparse.SUPPRESS}[name]

@resume.resumable
def main(place, name):
    thing = make(place, constant(name))
    after = [place, (name, 3)]
    resume.save()
    if "STOP" in os.environ:
        os._exit(9)
    print(found_in(thing, constant(name)), after)

main(*sys.argv[1:])
"""
PLACES = ("attribute", "slot", "key", "only key", "set", "argument", "exception", "class",
          "default", "iterator", "array")


@pytest.mark.parametrize("name", ("nan", "text"))
@pytest.mark.parametrize("place", PLACES)
def test_constants__wherever_they_are_met_first(tmp_path, place, name):
    (tmp_path / "script.py").write_text(FIRST_MET)
    whole = run(tmp_path, place, name)
    assert whole[0] == 0 and "True" in whole[1], whole
    assert run(tmp_path, place, name, STOP="1") == (9, "", "")
    assert run(tmp_path, place, name) == whole
