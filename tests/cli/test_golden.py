"""The text of the commands, line by line. What differs from run to run is normalised."""
import re

import pytest
from test_command import in_terminal

NORMAL = [
    (r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", "DATE TIME"),
    (r"\b\d+ s ago\b", "AGE"),
    (r"\b\d+:\d\d:\d\d\b", "H:MM:SS"),
    (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", "SAVED"),
    (r"/\S*/work/", "WORK/"),
    (r"^(running +)\d+ s so far", r"\1N s so far"),
    (r"^(host +)\S+, process \d+", r"\1HOST, process PID"),
    (r"(resume )\d+\.\d+\.\d+\S*, CPython \S+", r"\1VERSION, CPython VERSION"),
    (r"SAVED +SIZE", "SAVED SIZE"),
    (r" +PAUSE +DURABLE", " PAUSE DURABLE"),
    (r"(252 B) +[\d.]+ [um]?s +[\d.]+ [um]?s\b", r"\1 TIME TIME"),
    (r"(252 B) {10,}", r"\1 - - "),
    (r"AGE +", "AGE "),
    (r" +$", ""),
]


NARROW = {  # what has no room there
    "log sim.main": """\
GEN  SAVED                STATE       ADDED   SIZE PAUSE DURABLE  HEALTH
  2  DATE TIME  cut off   4.0 KiB  252 B - - good
  1  DATE TIME  going on  4.0 KiB  252 B TIME TIME  good
""",
}


def normal(text):
    for pattern, with_ in NORMAL:
        text = re.sub(pattern, with_, text, flags=re.M)
    return text


GOLDEN = {
    "ls": """\
NAME      STATE    SAVED SIZE  GEN  HEALTH  PROGRAM
sim.main  cut off  AGE 20.0 KiB    2  good    sim.py
""",
    "show sim.main": """\
sim.main: cut off, generation 2, saved AGE

program    WORK/sim.py
function   sim:main
file       WORK/.checkpoints/sim.main
size       252 B of state in a file of 20.0 KiB
started    DATE TIME
saved      DATE TIME
running    N s so far, 2 saves
host       HOST, process PID
writer     resume VERSION, CPython VERSION
health     good

GENERATION  SAVED SIZE
         2  DATE TIME  252 B
         1  DATE TIME  252 B

VARIABLE  TYPE  VALUE
steps     int   5
step      int   2

ARGUMENT  WHEN THE CALL BEGAN
steps     5
""",
    "log sim.main": """\
GEN  SAVED                STATE       ADDED   SIZE PAUSE DURABLE  RUNNING  SAVES  HEALTH
  2  DATE TIME  cut off   4.0 KiB  252 B - - H:MM:SS      2  good
  1  DATE TIME  going on  4.0 KiB  252 B TIME TIME  H:MM:SS      1  good
""",
    "diff sim.main": """\
sim.main@1 (DATE TIME) -> sim.main@2 (DATE TIME)
  step   1 -> 2
1 changed, 1 unchanged
""",
    "check": """\
good        sim.main: 2 generations, the newest 2 with 252 B in 1 chunk
""",
    "export sim.main steps step -F csv": "",
    "export sim.main step": """\
{"schema":1,"command":"export",
"name":"sim.main","generation":2,"saved":"SAVED",
"variables":{
"step":2},
"extra":{},
"tracked":{}}
""",
    "rollback sim.main@1": """\
sim.main: the newest is generation 3 now, a copy of 1 (saved DATE TIME, AGE)
to go back again: resume rollback sim.main@2
""",
    "ls --usage": """\
Usage: resume ls [-ajh] [--all] [--color=auto|always|never] [--json] [--help]
            [FOLDER]
""",
    "check --help": """\
Examples:
  resume check                    all checkpoints here
  resume check sim.main           one of them
  resume check /backup/sim.main   a file anywhere
  resume check --json | jq .files[].result

Usage: resume check [OPTION...] [NAME|PATH|FOLDER]...
Reads and verifies every chunk of every kept save. Never writes.

  -a, --all                  of a folder: also what was set aside as damaged
  -j, --json                 the result as JSON
  -h, --help                 this help

Results: 'good'; 'torn': the newest save is incomplete, as a crash leaves it,
and the one before is good (exit code 3); 'damaged': something that was saved
does not verify (6); 'foreign', 'legacy' (resume 0.13) and 'unsupported' (a
newer version) files (1, or 3 in a folder for the first two).
""",
}


@pytest.mark.parametrize("command", GOLDEN)
def test_text_into_a_pipe(resume, cut_off, command):
    ran = resume(*command.split())
    assert normal(ran.out) == GOLDEN[command], ran.err


@pytest.mark.parametrize("command", ["ls", "show sim.main", "log sim.main", "check"])
def test_the_same_text_on_a_terminal_of_80_columns(resume, cut_off, command):
    text = in_terminal(command.split(), 80, NO_COLOR="1")
    assert normal(text) == NARROW.get(command, GOLDEN[command])
