"""resume rollback: a real program goes on from an older save; nothing is lost, nothing bad used."""
import subprocess
import sys

import pytest
from the_command import contents, flip, masked

# The loss becomes NaN in step 6 while the file `broken` is there.
PROGRAM = """
import math, os
import numpy as np
from resume import Checkpoint
def main(steps=10):
    chp = Checkpoint(keep={"last": 20, "hourly": 2})
    step, loss, field = 0, 1.0, np.zeros(50000)
    chp.restore()
    while step < steps:
        step += 1
        loss = math.nan if step == 6 and os.path.exists("broken") else loss * 0.5
        field[step] = loss
        chp.save()
    chp.done()
    print(step, loss, float(np.nansum(field)), int(np.isnan(field).sum()))
main()
"""


def run(folder):
    (folder / "train.py").write_text(PROGRAM)
    ran = subprocess.run([sys.executable, "-W", "ignore", "train.py"], cwd=folder,
                         capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout.split()


def test_rollback__a_loss_that_became_nan(resume, folder):
    expected = ["10", repr(0.5 ** 10), repr(1 - 0.5 ** 10), "0"]
    assert run(folder) == expected  # what a run without the fault gives
    (folder / ".checkpoints/train.main").unlink()
    (folder / "broken").touch()
    assert run(folder) == ["10", "nan", repr(1 - 0.5 ** 5), "5"]
    shown = resume("show", "train.main@5", "-j").json["variables"]
    assert {entry["name"]: entry["value"] for entry in shown}["loss"] == repr(0.5 ** 5)
    ran = resume("rollback", "train.main@5")
    assert ran.code == 0 and ran.err == ""
    lines = masked(ran.out).splitlines()
    number = int(lines[0].split("generation ")[1].split()[0])
    assert lines == [f"train.main: the newest is generation {number} now, a copy of 5 "
                     "(saved TIME, AGO)",
                     f"to go back again: resume rollback train.main@{number - 1}"]
    assert resume("check").code == 0
    (folder / "broken").unlink()
    assert run(folder) == expected
    assert resume("check").code == 0


def test_rollback__and_back_again(resume, history):
    history(4)
    def step():
        return {entry["name"]: entry["value"]
                for entry in resume("show", "sim.main", "-j").json["variables"]}["step"]
    assert resume("rollback", "sim.main@-2").code == 0 and step() == "2"
    assert resume("rollback", "sim.main@4").code == 0 and step() == "4"
    assert resume("rollback", "sim.main", "--generation", "1").code == 0 and step() == "1"
    numbers = [entry["generation"] for entry in resume("log", "sim.main", "-j").json["generations"]]
    assert numbers == [7, 6, 5, 4, 3, 2, 1]  # nothing goes


def test_rollback__json(resume, history):
    path = history(3)
    ran = resume("rollback", "sim.main@1", "--json")
    assert ran.code == 0 and ran.json == {
        "schema": 1, "command": "rollback", "exit": 0, "name": "sim.main",
        "path": str(path.resolve()), "generation": 4, "copy_of": 1, "before": 3, "changed": True,
        "aside": None}
    ran = resume("rollback", "sim.main@4", "--json")
    assert ran.json["changed"] is False and ran.json["generation"] == 4


def test_rollback__to_the_newest_changes_nothing(resume, history):
    history(2)
    before = contents(".checkpoints")
    ran = resume("rollback", "sim.main@2")
    assert (ran.code, ran.out) == (0, "sim.main: generation 2 is the newest already\n")
    assert contents(".checkpoints") == before


def test_rollback__refused_while_a_program_has_it_open(resume, history, held):
    history(3)
    held("sim.main")
    before = contents(".checkpoints")
    ran = resume("rollback", "sim.main@1")
    assert ran.code == 5 and ran.out == "" and contents(".checkpoints") == before


@pytest.mark.parametrize("place, code", [
    ("sim.main@9", 4), ("sim.main@-3", 4), ("sim.main", 2), ("nothing@1", 4), ("sim.main@x", 4),
    ("foreign@1", 1)])
def test_rollback__what_can_not_be(resume, history, folder, place, code):
    history(3)
    (folder / ".checkpoints/foreign").write_text("no checkpoint at all")
    before = contents(".checkpoints")
    ran = resume("rollback", place)
    assert ran.code == code and ran.out == "" and ran.err
    assert contents(".checkpoints") == before


def test_rollback__what_was_set_aside_is_revived_first(resume, history, folder):
    path = history(3)
    path.rename(path.parent / "sim.main~1")
    ran = resume("rollback", "sim.main~1@1")
    assert ran.code == 1 and "'resume revive' first" in ran.err


def offsets(resume):
    """Of the segment of each generation, by number."""
    entries = resume("log", "sim.main", "-j").json["generations"][::-1]
    at, found = 12288, {}
    for entry in entries:
        found[entry["generation"]] = at
        at += entry["added"]
    return found


def test_rollback__never_to_what_does_not_verify(resume, history):
    path = history(4)
    flip(path, offsets(resume)[2] + 200)
    before = path.read_bytes()
    ran = resume("rollback", "sim.main@2")
    assert ran.code == 6 and "generation 2" in ran.err and path.read_bytes() == before


def test_rollback__from_a_damaged_newest_save(resume, history):
    path = history(4)
    flip(path, offsets(resume)[4] + 10)  # its header, and a hint says that it was durable
    ran = resume("rollback", "sim.main@2")
    assert ran.code == 0 and "the newest is generation 5 now, a copy of 2" in ran.out
    log = resume("log", "sim.main", "-j").json
    assert log["health"] == "good" and log["exit"] == 0
    assert log["generations"][0]["copy_of"] == 2
    assert resume("check").code == 0
