"""Constants that libraries tell by identity, of types that are else told by what they are: a NaN, a
text, a tuple. Where a program goes on they are those very objects."""
import os
import subprocess
import sys

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


def run(folder, **variables):
    done = subprocess.run([sys.executable, "script.py"], cwd=folder, text=True,
                          env=os.environ | variables, capture_output=True)
    return done.returncode, done.stdout, done.stderr


def test_constants__of_libraries_are_the_same_objects(tmp_path):
    (tmp_path / "script.py").write_text(PROGRAM)
    whole = run(tmp_path)
    assert whole[0] == 0 and "Namespace(hidden=None)" in whole[1], whole
    assert run(tmp_path, STOP="1") == (9, "", "")
    assert run(tmp_path) == whole
