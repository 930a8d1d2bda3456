"""Exact continuation stays invisible to tools: tracers, debuggers, profilers, tracebacks see in
frames that go on what they see in frames that were never interrupted."""
import collections
import json
import subprocess
import sys

import pytest

PROGRAM = """
    import json, os, sys
    import resume


    def stop():
        resume.save()
        if os.environ.get("STOP"):
            os.kill(os.getpid(), 9)
        return 1


    def inner(k):
        result = 0
        for i in range(3):
            if k == 2 and i == 1:
                result += stop()
            result += k * i
        return result


    def numbers(n):
        for k in range(n):
            try:
                yield k
            finally:
                del k


    @resume.resumable(folder="saved")
    def outer(n):
        total = 0
        for k in numbers(n):
            total += (
                inner(k)
                + 1
            )
        if n == 5:
            raise ValueError(total)
        return total


    def own(code):
        return code.co_filename == __file__


    def show(events):
        print(json.dumps(events))

"""
LINES = {line.strip(): number for number, line in enumerate(PROGRAM.split("\n"), 1)}
YIELD = LINES["yield k"]
BEHIND = LINES['if os.environ.get("STOP"):']


def killed(program, main):
    """The program, killed by itself in the middle, and what it prints without an interruption."""
    source = PROGRAM.replace("\n    ", "\n") + "\n" + main
    one = program(source)
    whole = one.run().check().out
    assert one.run(STOP="1").killed
    return one, whole


def events(program, main):
    """What a tool has seen without an interruption, and when the program goes on after a kill."""
    one, whole = killed(program, main)
    return json.loads(whole), json.loads(one.run().check().out)


def tail(found, is_start):
    """Behind the first that is_start, which must be there."""
    at = next(i for i, event in enumerate(found) if is_start(event))
    return found[at:]


def lines_once(found):
    """Without a line told again where a generator goes on: from 3.12 on the place behind a `yield`
    that a continued generator has jumped to begins a line."""
    return [event for before, event in zip([None, *found], found)
            if not (before and before[0] in ("call", "PY_RESUME")
                    and event == ["line" if before[0] == "call" else "LINE", "numbers", YIELD])]


TRACED = """
events = []
def trace(frame, event, argument):
    if not own(frame.f_code):
        return None
    events.append((event, frame.f_code.co_name, frame.f_lineno))
    return trace
sys.settrace(trace)
outer(4)
sys.settrace(None)
show(events)
"""


def test_settrace__sees_the_same_events(program):
    whole, later = events(program, TRACED)

    def behind(event):
        return event[0] == "line" and event[2] == BEHIND
    assert lines_once(tail(later, behind)) == tail(whole, behind)
    before = later[:later.index(tail(later, behind)[0])]
    calls = [event[1] for event in before if event[0] == "call"]
    assert calls == ["numbers", "outer", "inner", "stop"]  # a generator is taken to its `yield`
    lines = {(event[1], event[2]) for event in whole}
    assert {(event[1], event[2]) for event in before if event[0] == "line"} <= lines


PROFILED = """
events = []
def profile(frame, event, argument):
    if own(frame.f_code) and event in ("call", "return"):
        events.append((event, frame.f_code.co_name))
sys.setprofile(profile)
outer(4)
sys.setprofile(None)
show(events)
"""


def test_setprofile__sees_the_same_returns(program):
    whole, later = events(program, PROFILED)

    def first_return(event):
        return event == ["return", "stop"]
    assert tail(later, first_return) == tail(whole, first_return)


CPROFILE = """
import cProfile
profile = cProfile.Profile()
profile.runcall(outer, 4)
show([(entry.code.co_name, entry.code.co_firstlineno, entry.callcount)
      for entry in profile.getstats() if hasattr(entry.code, "co_name") and own(entry.code)])
"""


def test_cprofile__counts_frames_that_go_on(program):
    """By code object; a frame that goes on has one of its own, of the same name and line."""
    counts = []
    for found in events(program, CPROFILE):
        counts.append(collections.Counter())
        for name, line, calls in found:
            counts[-1][name, line] += calls
    whole, later = counts
    assert set(whole) == set(later)
    assert {name: later[name, line] for name, line in later if name != "numbers"} == {
        "outer": 1, "inner": 2, "stop": 1}
    assert whole["inner", LINES["def inner(k):"]] == 4


MONITORED = """
events = []
tool, names = 4, sys.monitoring.events
sys.monitoring.use_tool_id(tool, "test")
def note(kind):
    def call(code, place, *more):
        if own(code):
            events.append((kind, code.co_name, place if kind == "LINE" else None))
    return call
for name in ("LINE", "PY_START", "PY_RETURN", "PY_YIELD", "PY_RESUME", "RAISE"):
    sys.monitoring.register_callback(tool, getattr(names, name), note(name))
sys.monitoring.set_events(tool, names.LINE | names.PY_START | names.PY_RETURN | names.PY_YIELD
                          | names.PY_RESUME | names.RAISE)
outer(4)
sys.monitoring.set_events(tool, 0)
show(events)
"""


@pytest.mark.skipif(sys.version_info < (3, 12), reason="sys.monitoring is of 3.12")
def test_monitoring__sees_the_same_events(program):
    whole, later = events(program, MONITORED)

    def behind(event):
        return event == ["LINE", "stop", BEHIND]
    assert lines_once(tail(later, behind)) == tail(whole, behind)


BREAKPOINTS = """
import bdb
class Debugger(bdb.Bdb):
    def user_line(self, frame):
        if own(frame.f_code) and self.break_here(frame):
            names = ("k", "i", "total", "result")
            found.append((frame.f_lineno, frame.f_back.f_code.co_name,
                          {name: frame.f_locals.get(name) for name in names}))
        self.set_continue()
found = []
debugger = Debugger()
for line in %r:
    assert debugger.set_break(__file__, line) is None
debugger.runcall(outer, 4)
show(found)
"""


def test_breakpoints__hit_in_all_frames(program):
    lines = [LINES["return result"], LINES["result += k * i"], LINES["return total"]]
    whole, later = events(program, BREAKPOINTS % lines)
    assert len(later) > 5
    assert later == whole[-len(later):]


def test_pdb__stops_in_a_frame_that_goes_on_and_shows_its_caller(program):
    one, _ = killed(program, "print(outer(4))\n")
    commands = [f"b {LINES['return result']}", "c", "p ('inner', k, i, result)", "up",
                "p ('outer', k, total)", "c", "p ('next', k)", "q"]
    options = [word for command in commands for word in ("-c", command)]
    ran = subprocess.run([sys.executable, "-m", "pdb", *options, str(one.path)], cwd=one.folder,
                         env=one.environment, capture_output=True, text=True, check=False,
                         stdin=subprocess.DEVNULL, timeout=120)
    for line in ("('inner', 2, 2, 7)", "('outer', 2, 5)", "('next', 3)"):
        assert line in ran.stdout, ran.stdout + ran.stderr


RAISED = """
import traceback
try:
    outer(5)
except ValueError:
    show(traceback.format_exc())
"""


def test_tracebacks__are_the_same(program):
    whole, later = events(program, RAISED)
    assert whole.count("\n") >= 4
    assert later == whole
