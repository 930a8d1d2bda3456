"""resume ls: states, health, hidden files, JSON."""
import os
import pathlib
import re
import shutil
import subprocess
import sys


def columns(ran):
    """Lines of the table as lists of cells."""
    return [re.split(r"  +", line.strip()) for line in ran.out.splitlines()]


def test_ls__golden(resume, ended):
    ran = resume("ls")
    assert ran.code == 0 and ran.err == ""
    text = re.sub(r"\d+ s ago", "N s ago", ran.out).replace(str(pathlib.Path.cwd()), "/WORK")
    text = re.sub(r"\d+\.\d KiB", "SIZE KiB", text)
    assert [line.split() for line in text.splitlines()] == [
        ["NAME", "STATE", "SAVED", "SIZE", "GEN", "HEALTH", "PROGRAM"],
        ["sim.main", "ended", "N", "s", "ago", "SIZE", "KiB", text.split()[-3], "good",
         "sim.py"]]


def test_ls__cut_off(resume, cut_off):
    assert columns(resume("ls"))[1][1] == "cut off"


def test_ls__running_while_a_process_holds_it(resume, save, folder):
    (folder / "sim.py").write_text("""if True:
        from resume import Checkpoint
        def main():
            chp = Checkpoint()
            x = 1
            chp.restore()
            chp.save()
            print("saved", flush=True)
            input()
        main()
    """)
    process = subprocess.Popen([sys.executable, "sim.py"], stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stdout.readline() == "saved\n"
        assert resume("ls", "--json").json["checkpoints"][0]["in_use_by"] == process.pid
        assert columns(resume("ls"))[1][1] == "running"
    finally:
        process.kill()
        process.communicate()
    assert columns(resume("ls"))[1][1] == "cut off"


def test_ls__json(resume, ended, folder):
    result = resume("ls", "--json").json
    assert result["schema"] == 1 and result["command"] == "ls" and result["exit"] == 0
    assert result["folder"] == str(folder / ".checkpoints")
    [entry] = result["checkpoints"]
    assert entry["name"] == entry["file"] == "sim.main"
    assert (entry["state"], entry["health"], entry["status"]) == ("ended", "good", "RESUME_OK")
    assert entry["role"] == "checkpoint" and entry["ended"] is True and entry["in_use_by"] is None
    assert entry["size"] == os.stat(ended).st_size
    assert entry["program"] == str(folder / "sim.py") and entry["function"].endswith("main")
    assert 0 <= entry["age_seconds"] < 60 and entry["generation"] >= 3
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", entry["saved"])


def test_ls__no_folder_is_not_found(resume):
    ran = resume("ls")
    assert ran.code == 4 and ran.out == "" and ".checkpoints" in ran.err
    assert resume("ls", "elsewhere").code == 4


def test_ls__empty_folder(resume, folder):
    (folder / ".checkpoints").mkdir()
    ran = resume("ls")
    assert ran.code == 0 and ran.out == "" and "no checkpoints in" in ran.err
    assert resume("ls", "--json").json["checkpoints"] == []


def test_ls__folder_argument_and_variable(resume, ended, folder, monkeypatch):
    expected = columns(resume("ls"))[1][0]
    monkeypatch.chdir("/")
    assert columns(resume("ls", folder))[1][0] == expected
    assert columns(resume("ls", folder / ".checkpoints"))[1][0] == expected
    assert columns(resume("ls", RESUME_DIR=str(folder / ".checkpoints")))[1][0] == expected


def test_ls__set_aside_and_damaged_with_all(resume, ended):
    for name in ("sim.main~1", "sim.main.damaged-20261122T134301Z",
                 "sim.main.torn-20261122T134301Z"):
        shutil.copy(ended, ended.with_name(name))
    plain, everything = resume("ls"), resume("ls", "--all")
    assert len(columns(plain)) == 2 and "3 more" in plain.err
    assert {line[0] for line in columns(everything)[1:]} == {
        "sim.main", "sim.main~1", "sim.main.damaged-20261122T134301Z",
        "sim.main.torn-20261122T134301Z"}
    roles = {entry["name"]: entry["role"] for entry in resume("ls", "-aj").json["checkpoints"]}
    assert roles["sim.main~1"] == "set aside" and roles["sim.main"] == "checkpoint"


def test_ls__is_sorted_by_name(resume, ended):
    for name in ("b", "a", "c"):
        shutil.copy(ended, ended.with_name(name))
    assert [line[0] for line in columns(resume("ls"))[1:]] == ["a", "b", "c", "sim.main"]


def test_ls__writes_nothing(resume, cut_off):
    before = {p: (p.read_bytes(), p.stat().st_mtime_ns) for p in cut_off.parent.iterdir()}
    resume("ls")
    resume("show", "sim.main")
    resume("check")
    assert before == {p: (p.read_bytes(), p.stat().st_mtime_ns) for p in cut_off.parent.iterdir()}
