"""resume run: what a program has set in the process, in libraries and in modules of others."""
import pathlib

import pytest
from killed_script import PROTECTED, kill_when, start

OWN = """
import math
def patch():
    math.cbrt = lambda x: x * 2
patch()
"""
PROGRAM = r"""
import calendar, locale, os, time, gc, csv, collections.abc, sys, decimal
import socket, copyreg, warnings, logging, math, builtins, mimetypes, abc, own, json
calendar.setfirstweekday(6)
locale.setlocale(locale.LC_ALL, "C.UTF-8")
os.environ["TZ"] = "Asia/Tokyo"; time.tzset()
gc.disable(); gc.set_threshold(123, 4, 5)
csv.field_size_limit(999); csv.register_dialect("mine", delimiter="|")
class Seq: 
    def __len__(self): return 3
collections.abc.Sequence.register(Seq)
class Base(abc.ABC): pass
Base.register(int)
sys.setswitchinterval(0.01)
decimal.DefaultContext.prec = 9
socket.setdefaulttimeout(4.5)
class Pt: x = 5
def reduce_pt(p): return (Pt, ())
copyreg.pickle(Pt, reduce_pt)
mimetypes.add_type("x/y", ".zz")
shown = []
def show(message, category, filename, lineno, file=None, line=None): shown.append(str(message))
warnings.showwarning = show
logging.raiseExceptions = False
real_sqrt = math.sqrt
def mine(x): return real_sqrt(x) + 1
math.sqrt = mine
def my_print(*a): sys.stdout.write("P:" + " ".join(map(str, a)) + "\n")
builtins.shout = my_print
sys.stdout.reconfigure(errors="backslashreplace", line_buffering=True)
json.encoder.FLOAT_REPR = "x"
def hook(u): shown.append("unraisable")
sys.unraisablehook = hook
def f():
    import string
    string.digits = "01"
f()
t = 0
for i in range(100):
    time.sleep(0.02)
    t += i
warnings.warn("w%d" % i)
import string, threading
print(calendar.firstweekday(), locale.setlocale(locale.LC_ALL), time.tzname)
print(gc.isenabled(), gc.get_threshold(), csv.field_size_limit(),
      csv.get_dialect("mine").delimiter, isinstance(Seq(), collections.abc.Sequence),
      isinstance(3, Base))
print(sys.getswitchinterval(), decimal.Context().prec, socket.getdefaulttimeout(),
      copyreg.dispatch_table[Pt] is reduce_pt, mimetypes.guess_type("a.zz"))
print(shown, logging.raiseExceptions, math.sqrt(4), real_sqrt(4), sys.stdout.errors,
      sys.stdout.line_buffering, json.encoder.FLOAT_REPR, string.digits, math.cbrt(2))
shout("x", sys.unraisablehook is hook, t)
"""
PANDAS = """
import time
import pandas as pd
pd.set_option("display.precision", 3)
pd.options.display.max_rows = 7
for step in range(100):
    time.sleep(0.02)
print(pd.get_option("display.precision"), pd.get_option("display.max_rows"))
"""


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    pathlib.Path("own.py").write_text(OWN)


def outputs(program):
    """Of an uninterrupted run, and of one that was killed in its loop and run again."""
    pathlib.Path("script.py").write_text(program)
    expected, said = start().communicate(timeout=60)
    assert not said
    kill_when(start(*PROTECTED))
    process = start(*PROTECTED)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0 and not err, err
    return expected, out


def test_settings_are_there_again():
    expected, out = outputs(PROGRAM)
    assert out.splitlines() == expected.splitlines()
    assert len(expected.splitlines()) == 5


def test_options_of_pandas():
    pytest.importorskip("pandas")
    expected, out = outputs(PANDAS)
    assert out == expected == "3 7\n"
