"""resume log: the generations, the newest first; states, copies, damage, JSON."""
import re
import shutil

from the_command import flip, masked


def test_log__golden(resume, history):
    history(3)
    resume("rollback", "sim.main@1")
    ran = resume("log", "sim.main")
    assert ran.code == 0 and ran.err == ""
    lines = [masked(line).split() for line in ran.out.splitlines()]
    assert lines[0] == "GEN SAVED STATE ADDED SIZE PAUSE DURABLE RUNNING SAVES HEALTH".split()
    assert [line[0] for line in lines[1:]] == ["4", "3", "2", "1"]
    assert lines[1][1:4] == ["TIME", "cut", "off"] and lines[1][-3:] == ["copy", "of", "1"]
    assert all(line[2:4] == ["going", "on"] and line[-1] == "good" for line in lines[2:])
    assert all("0:00:0" in line for line in ran.out.splitlines()[1:])


def test_log__ended_and_running(resume, ended, held):
    log = resume("log", "sim.main", "--json").json
    assert [entry["state"] for entry in log["generations"]] == ["ended"] + ["going on"] * 3
    assert [entry["generation"] for entry in log["generations"]] == [4, 3, 2, 1]
    held("work")
    assert resume("log", "sim.main", "-j").json["in_use_by"] is None


def test_log__a_program_that_runs(resume, cut_off, held):
    held("sim.main")
    log = resume("log", "sim.main", "-j").json
    assert log["in_use_by"] > 0
    assert [entry["state"] for entry in log["generations"]] == ["running", "going on"]


def test_log__twenty_unless_asked_for_more(resume, history):
    history(25)
    ran = resume("log", "sim.main")
    assert len(ran.out.splitlines()) == 21 and "5 older: resume log --all sim.main\n" in ran.err
    ran = resume("log", "sim.main", "--all")
    assert len(ran.out.splitlines()) == 26 and ran.err == ""
    ran = resume("log", "sim.main", "-n", "3")
    assert len(ran.out.splitlines()) == 4 and "22 older" in ran.err
    assert len(resume("log", "sim.main", "-j").json["generations"]) == 25
    short = resume("log", "sim.main", "-jn3").json
    assert len(short["generations"]) == 3 and short["count"] == 25


def test_log__json(resume, history):
    path = history(2)
    log = resume("log", path, "--json").json
    assert (log["schema"], log["command"], log["exit"]) == (1, "log", 0)
    assert log["name"] == "sim.main" and log["path"] == str(path.resolve())
    assert log["size"] == path.stat().st_size and log["count"] == 2
    newest = log["generations"][0]
    assert newest["saves"] == 2 and newest["copy_of"] is None and newest["health"] == "good"
    assert sum(entry["added"] for entry in log["generations"]) == path.stat().st_size - 12288
    assert newest["state_size"] > 300 * 400 * 8


def test_log__what_saves_cost(resume, history):
    history(4)
    log = resume("log", "sim.main", "--json").json["generations"]
    assert (log[0]["pause_ns"], log[0]["durable_ns"]) == (None, None)  # nobody has told yet
    assert all(entry["durable_ns"] >= entry["pause_ns"] > 0 for entry in log[1:])
    assert [entry["paused_ns"] for entry in log] == \
        [sum(older["pause_ns"] for older in log[at + 1:]) for at in range(4)]
    lines = resume("log", "sim.main").out.splitlines()
    assert all(line.count(" ms ") + line.count(" us ") >= 2 for line in lines[2:5])
    assert len(lines) == 5  # no share of less than a second
    history(6)  # goes on: it does not know what the fourth one has cost
    log = resume("log", "sim.main", "--json").json["generations"]
    assert [entry["pause_ns"] is None for entry in log] == [True, False, True] + [False] * 3
    assert log[0]["paused_ns"] > log[2]["paused_ns"] == log[1]["paused_ns"]
    resume("rollback", "sim.main@2")
    log = resume("log", "sim.main", "--json").json["generations"]
    assert log[0]["copy_of"] == 2 and log[1]["pause_ns"] is None


def test_log__what_saves_cost_in_the_background(resume, save):
    save("""
        from resume import Checkpoint
        import numpy as np, time
        def main():
            chp = Checkpoint(rate=0.05)
            total, noise = 0, np.random.default_rng(1)
            field = noise.random(1 << 20)
            while total < 8:
                total += 1
                field[:] = noise.random(1 << 20)
                time.sleep(0.2)
                chp.sync()
        main()
    """)
    log = resume("log", "sim.main", "--json").json["generations"]
    assert log[0]["state"] == "ended" and log[0]["pause_ns"] is None
    assert sum(entry["durable_ns"] > 1.2 * entry["pause_ns"] for entry in log[1:]) > 0
    assert log[0]["paused_ns"] < log[0]["running_ns"]
    assert re.fullmatch("saves: [0-9.]+ .?s of 0:00:0[0-9] [(][0-9.e+]+ %[)]",
                        resume("log", "sim.main").out.splitlines()[-1])


def test_log__a_bad_one_is_told_the_others_are_shown(resume, history, folder):
    path = history(4)
    added = [entry["added"] for entry in resume("log", "sim.main", "-j").json["generations"]]
    flip(path, 12288 + sum(added[2:]) + 200)  # in generation 3
    ran = resume("log", "sim.main")
    assert ran.code == 6
    assert "damaged: generation 3: " in ran.out.splitlines()[2]
    log = resume("log", "sim.main", "--json").json
    assert log["exit"] == 6
    assert [entry["health"] for entry in log["generations"]] == ["good", "damaged", "good", "good"]
    assert log["generations"][1]["status"] == "RESUME_DAMAGED"


def test_log__what_is_none(resume, folder, history):
    assert resume("log", "nothing").code == 4
    assert resume("log").code == 2
    history(1)
    (folder / ".checkpoints/foreign").write_text("no checkpoint at all")
    assert resume("log", "foreign").code == 1
    shutil.copy(".checkpoints/sim.main", "elsewhere")
    assert resume("log", "./elsewhere").code == 0


def test_log__why_it_is_not_saved(resume, cut_off):
    assert resume("log", "sim.main", "-j").json["refused"] is None
    note = cut_off.with_name("sim.main.refused")
    note.write_text("1795400000000000000 sim.py line 7: a \x1b[31mlock\n")
    ran = resume("log", "sim.main")
    assert ran.code == 0
    last = masked(ran.out.splitlines()[-1])
    assert last == "not saved since TIME: sim.py line 7: a \\x1b[31mlock"
    refused = resume("log", "sim.main", "-j").json["refused"]
    assert refused["since"].startswith("2026-11-2") and refused["reason"].endswith("lock")
    assert "refused" not in resume("ls").out
    assert resume("rm", "-f", "sim.main").code == 0 and not note.exists()
