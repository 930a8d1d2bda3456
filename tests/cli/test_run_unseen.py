"""Tracers, profilers and monitors of a program see nothing of the saves that are made meanwhile."""
import sys

import pytest
from killed_script import PROTECTED, saves, start

WORK = """
import sys, time
seen = set()
def note(code, event):
    seen.add((code.co_filename.rpartition("/")[2], event))
def work():
    end = time.monotonic() + 1.2
    total = 0
    while time.monotonic() < end:
        total += 1
    return total
"""

WATCHERS = {
    "profile": """
sys.setprofile(lambda frame, event, argument: note(frame.f_code, event))
work()
sys.setprofile(None)
expected = {("script.py", event) for event in ("call", "return", "c_call", "c_return")}
""",
    "trace": """
def trace(frame, event, argument):
    note(frame.f_code, event)
    return trace
sys.settrace(trace)
work()
sys.settrace(None)
expected = {("script.py", event) for event in ("call", "line", "return")}
""",
    "monitoring": """
events = sys.monitoring.events
sys.monitoring.use_tool_id(4, "test")
for event in ("PY_START", "RAISE", "EXCEPTION_HANDLED", "C_RETURN", "CALL"):
    sys.monitoring.register_callback(4, getattr(events, event),
                                     lambda code, *more, event=event: note(code, event))
sys.monitoring.set_events(4, events.PY_START | events.RAISE | events.EXCEPTION_HANDLED
                          | events.CALL)
work()
sys.monitoring.set_events(4, 0)
expected = {("script.py", event) for event in ("PY_START", "CALL", "C_RETURN")}
""",
}


@pytest.mark.parametrize("watcher", sorted(WATCHERS))
def test_unseen__by(tmp_path, monkeypatch, watcher):
    if watcher == "monitoring" and sys.version_info < (3, 12):
        pytest.skip("sys.monitoring is of 3.12")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "script.py").write_text(WORK + WATCHERS[watcher] + "print(seen - expected)\n")
    output, errors = start(*PROTECTED).communicate(timeout=120)
    assert (output, errors) == ("set()\n", "")
    assert saves() >= 5
