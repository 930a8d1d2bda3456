"""Warnings that are shown once are not shown again where a program goes on."""
import pytest
from killed_script import PROTECTED, kill_when, start

OWN = 'import warnings\ndef warn():\n    warnings.warn("of a module")\n'

SCRIPT = """
import time, statistics, warnings
import own
FILTERS
def library():
    space = vars(statistics)
    warnings.warn_explicit("of the library", UserWarning, "statistics.py", 3,
                           registry=space.setdefault("__warningregistry__", {}))
shown = []
warnings.showwarning = lambda message, *more: shown.append(str(message))
for number in range(40):
    warnings.warn("of the script")
    own.warn()
    library()
    if number == 35:
        CHANGE
    time.sleep(0.02)
print(shown)
"""

FIRST = ["of the script", "of a module", "of the library"]


@pytest.mark.parametrize(("filters", "change", "expected"), [
    ("", "pass", FIRST),
    ("warnings.simplefilter('once')", "pass", FIRST),
    ("warnings.simplefilter('error', SyntaxWarning)", "pass", FIRST),
    ("", "warnings.simplefilter('default')", FIRST * 2),
], ids=["default", "once", "others", "changed"])
def test_warnings__are_shown_as_often(tmp_path, monkeypatch, filters, change, expected):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own.py").write_text(OWN)
    source = SCRIPT.replace("FILTERS", filters).replace("CHANGE", change)
    (tmp_path / "script.py").write_text(source)
    kill_when(start(*PROTECTED))
    output, errors = start(*PROTECTED).communicate(timeout=120)
    assert (output, errors) == (f"{expected}\n", "")
