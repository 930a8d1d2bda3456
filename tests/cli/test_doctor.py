"""resume doctor: what it finds, and that it leaves nothing behind."""
import os
import pathlib
import re
import subprocess
import sys

import pytest
from the_command import COMMAND


@pytest.fixture(autouse=True)
def path_with_this_python(monkeypatch, folder):
    """python3 of PATH is the one that runs the tests."""
    programs = folder.parent / "bin"
    programs.mkdir()
    os.symlink(sys.executable, programs / "python3")
    fake_python(folder, f'exec {sys.executable} "$@"')
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")


def fake_python(folder, script):
    path = folder.parent / "bin" / "python3"
    path.unlink()
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def findings(ran):
    """check -> [(level, text, remedy)]"""
    found = {}
    for one in ran.json["findings"]:
        assert set(one) == {"check", "level", "text", "remedy"}
        assert one["level"] in ("ok", "note", "problem")
        found.setdefault(one["check"], []).append((one["level"], one["text"], one["remedy"]))
    return found


def everything(folder):
    return {str(path.relative_to(folder)): path.lstat() for path in folder.rglob("*")}


def test_a_good_folder_and_nothing_left_behind(resume, cut_off, folder):
    before = everything(folder)
    ran = resume("doctor")
    assert ran.code == 0 and ran.err == "", ran.out
    levels = {line.split()[0] for line in ran.out.splitlines() if not line.startswith(" ")}
    assert levels <= {"ok", "note"}
    for words in ("resume 1", "flock keeps a second one out", "4 KiB are durable after",
                  "the page cache", "1 of 1 are good", "are free", "mode 0700"):
        assert words in ran.out, ran.out
    after = everything(folder)
    assert set(after) == set(before)
    assert all(after[name].st_mtime_ns == before[name].st_mtime_ns for name in before
               if name != ".checkpoints")


def test_as_json(resume, cut_off, folder):
    ran = resume("doctor", "--json")
    found = findings(ran)
    assert ran.code == 0 and ran.json["exit"] == 0 and ran.json["schema"] == 1
    assert ran.json["folder"] == str(folder / ".checkpoints")
    assert found["python"][0][0] == "ok" and found["locks"][0][0] == "ok"
    assert found["checkpoints"] == [("ok", "1 of 1 are good", None)]


def test_no_folder_yet(resume, folder):
    ran = resume("doctor")
    assert ran.code == 0 and "the first save makes it" in ran.out and not list(folder.iterdir())
    assert resume("doctor", "nowhere").code == 4
    ran = resume("doctor", "nowhere", "--json")
    assert ran.code == 4 and ran.json["exit"] == 4 and ran.json["folder"] is None


def test_damaged_and_torn_checkpoints(resume, cut_off):
    data = bytearray(cut_off.read_bytes())
    cut_off.with_name("broken").write_bytes(data[:5000])
    cut_off.with_name("foreign").write_bytes(b"hello")
    ran = resume("doctor", "--json")
    told = {text.split(":")[0]: (level, remedy) for level, text, remedy in
            findings(ran)["checkpoint"]}
    assert ran.code == 1
    assert told == {"broken": ("problem", "resume check"), "foreign": ("note", None)}


def test_what_crashes_left(resume, cut_off):
    for name in (".sim.main.tmp-0000000000000001", ".sim.main.tmp-0123456789abcdef", "sim.main~1",
                 "sim.main~2",
                 "sim.main.damaged-20261122T134301Z", "sim.main.torn-20261122T134301Z",
                 ".run-0123456789abcdef"):
        cut_off.with_name(name).write_bytes(b"x" * 2000)
    found = findings(resume("doctor", "--json"))
    texts = [text for check in ("left over", "set aside", "runs") for _, text, _ in found[check]]
    assert any(re.match(r"1 unfinished new files .* 2.0 KiB in all", text) for text in texts)
    assert any(re.match(r"1 new files that no program looks for, .*0123456789abcdef", text)
               for text in texts)
    assert any(text.startswith("2 files that were set aside, 3.9 KiB") for text in texts)
    assert any("torn ends" in text for text in texts)
    assert any("damaged files" in text for text in texts)
    assert any(text.startswith("1 run of programs") for text in texts)
    assert all(level == "note" and remedy for check in ("left over", "set aside", "runs")
               for level, _, remedy in found[check])


def test_rights(resume, cut_off):
    cut_off.parent.chmod(0o777)
    ran = resume("doctor", "--json")
    level, text, remedy = findings(ran)["folder"][0]
    assert ran.code == 1 and level == "problem" and remedy.startswith("chmod ")
    subprocess.run(remedy, shell=True, check=True)
    assert resume("doctor").code == 0


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_can_not_be_written(resume, cut_off):
    cut_off.parent.chmod(0o500)
    ran = resume("doctor", "--json")
    cut_off.parent.chmod(0o700)
    assert ran.code == 1 and findings(ran)["writing"][0][2].startswith("chmod ")


@pytest.mark.skipif(not pathlib.Path("/dev/shm").is_dir(), reason="no /dev/shm")
def test_memory_is_no_place(resume, cut_off, tmp_path):
    ran = subprocess.run(["stat", "-fc", "%T", "/dev/shm"], capture_output=True, text=True)
    if ran.stdout.strip() != "tmpfs":
        pytest.skip("/dev/shm is no tmpfs")
    level, text, _ = findings(resume("doctor", "/dev/shm", "--json"))["file system"][0]
    assert level == "problem" and text.startswith("tmpfs")


def test_large_saves_as_the_file_system_can(resume, cut_off, folder, tmp_path):
    """What is told is what opening with O_DIRECT says."""
    for place in [folder, pathlib.Path("/dev/shm")]:
        probe = place / ".direct-probe" if place != folder else tmp_path / "probe"
        probe.touch()
        try:
            os.close(os.open(probe, os.O_WRONLY | os.O_DIRECT))
            works = True
        except OSError:
            works = False
        finally:
            probe.unlink()
        level, text, _ = findings(resume("doctor", str(place), "--json"))["large saves"][0]
        assert (level == "ok") == works, text
        assert text.startswith("go past" if works else "go through"), text


def test_the_key(resume, cut_off, tmp_path, monkeypatch):
    place = tmp_path / "keys"
    key = place / "mine"
    monkeypatch.setenv("RESUME_KEY_FILE", str(key))

    def found():
        ran = resume("doctor", "--json")
        return ran.code, findings(ran)["key"]
    assert found() == (0, [("note", f"'{key}': there is none yet; the first save makes it", None)])
    assert not place.exists()
    place.mkdir(mode=0o700)
    key.write_bytes(bytes(range(32)))
    key.chmod(0o600)
    assert found() == (0, [("ok", f"'{key}', mode 0600, 0 generations of others trusted", None)])
    key.chmod(0o640)
    assert found()[1][0][0] == "note" and "shared with its group" in found()[1][0][1]
    key.chmod(0o644)
    code, [(level, text, remedy)] = found()
    assert (code, level, remedy) == (1, "problem", f"chmod 600 '{key}'")
    assert "can be read or changed by others" in text and "not signed" in text
    assert str(key) in resume("doctor").out
    key.chmod(0o600)
    place.chmod(0o770)
    code, [_, (level, text, remedy)] = found()
    assert (code, level, remedy) == (1, "problem", f"chmod go-w '{place}'")
    assert "put another key there" in text
    place.chmod(0o1777)  # as /tmp: nobody can take the name of another's file
    assert found()[0] == 0
    key.write_bytes(b"short")
    assert found()[0] == 1 and "neither 32 bytes" in found()[1][0][1]
    key.unlink()
    key.mkdir()
    assert found()[0] == 1 and "no regular file" in found()[1][0][1]


def test_variables(resume, cut_off):
    found = findings(resume("doctor", "--json", RESUME_DISABLE="1", RESUME_QUIET="1",
                            RESUME_DISABEL="1"))
    assert ("problem", "RESUME_DISABLE=1: programs save and restore nothing",
            "unset RESUME_DISABLE") in found["variable"]
    assert ("note", "RESUME_QUIET=1", None) in found["variable"]
    empty = findings(resume("doctor", "--json", RESUME_DISABLE=""))
    assert ("note", "RESUME_DISABLE=", None) in empty["variable"]
    assert ("note", "RESUME_DISABEL is not known; did you mean RESUME_DISABLE?",
            "unset RESUME_DISABEL") in found["variable"]
    ran = resume("doctor", RESUME_DIR="no\x1b[31mwhere")
    assert "\x1b" not in ran.out + ran.err and ran.code == 0


def test_python_of_another_version_or_none(resume, cut_off, folder):
    fake_python(folder, "echo 0.0.1 /usr/lib/resume/__init__.py; exec sleep 100")
    ran = resume("doctor", "--json")
    level, text, remedy = findings(ran)["python"][0]
    assert ran.code == 1 and level == "problem" and "0.0.1" in text and "pip install" in remedy
    fake_python(folder, "exit 1")
    ran = resume("doctor", "--json")
    assert ran.code == 0 and findings(ran)["python"][0][0] == "note"


def test_a_module_in_the_working_folder_is_not_run(resume, cut_off, folder):
    (folder / "resume.py").write_text("open('run', 'w')\n__version__ = 'bad'")
    assert findings(resume("doctor", "--json"))["python"][0][0] == "ok"
    assert not (folder / "run").exists()
