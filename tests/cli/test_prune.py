"""resume prune: what the numbers ask for stays, the rest goes, and is told."""
import pytest
from the_command import contents, flip, masked


def numbers(resume, name="sim.main"):
    return [entry["generation"] for entry in resume("log", name, "-j").json["generations"]]


def values(resume, place):
    shown = resume("show", place, "-j").json["variables"]
    return {entry["name"]: entry["value"] for entry in shown}


def test_prune__golden(resume, history):
    path = history(6)
    before = path.stat().st_size
    ran = resume("prune", "sim.main", "--keep-last", "2")
    assert ran.code == 0 and ran.err == ""
    freed = (before - path.stat().st_size) / 1024
    # quick saves of a killed program leave zeros behind them, where the file system is in place
    told = f"{freed:.1f} KiB" if freed < 1024 else f"{freed / 1024:.1f} MiB"
    assert masked(ran.out) == f"""\
sim.main: 2 of 6 generations stay, {told} freed
        GENERATION  SAVED
  keep           6  TIME
  keep           5  TIME
  drop         1-4  TIME to TIME (4)
"""
    assert numbers(resume) == [6, 5]
    assert values(resume, "sim.main")["step"] == "6"
    assert values(resume, "sim.main@5")["step"] == "5"
    assert resume("check").code == 0


def test_prune__a_dry_run_tells_the_same_and_changes_nothing(resume, history):
    history(6)
    before = contents(".checkpoints")
    ran = resume("prune", "--keep-last", "2", "--dry-run")
    assert ran.code == 0
    assert "sim.main: 2 of 6 generations would stay, about " in ran.out
    assert masked(ran.out).splitlines()[1:] == [
        "        GENERATION  SAVED", "  keep           6  TIME", "  keep           5  TIME",
        "  drop         1-4  TIME to TIME (4)"]
    assert contents(".checkpoints") == before
    dry = resume("prune", "--keep-last", "2", "--dry-run", "--json").json
    real = resume("prune", "--keep-last", "2", "--json").json
    assert dry["dry_run"] and not real["dry_run"]
    for key in ("kept", "dropped", "name", "status", "size_before"):
        assert dry["checkpoints"][0][key] == real["checkpoints"][0][key]
    assert [entry["generation"] for entry in real["checkpoints"][0]["kept"]] == [6, 5]
    assert [entry["generation"] for entry in real["checkpoints"][0]["dropped"]] == [4, 3, 2, 1]
    one = real["checkpoints"][0]
    assert one["freed"] == one["size_before"] - one["size_after"] > 0
    assert abs(dry["checkpoints"][0]["size_after"] - one["size_after"]) < 16384


def test_prune__the_program_goes_on(resume, history):
    history(6)
    assert resume("prune", "--keep-hourly", "1").code == 0
    history(9)  # run again, it ends with step 9
    assert values(resume, "sim.main")["step"] == "9"
    assert numbers(resume)[-2:] == [7, 6]
    assert resume("check").code == 0


def test_prune__nothing_to_do(resume, history):
    history(2)
    before = contents(".checkpoints")
    ran = resume("prune", "--keep-last", "5")
    assert (ran.code, ran.out) == (0, "sim.main: all 2 generations stay\n")
    assert contents(".checkpoints") == before
    one = resume("prune", "--keep-last", "5", "-j").json["checkpoints"][0]
    assert one["dropped"] == [] and one["freed"] == 0


def test_prune__a_locked_one_stays_the_others_go(resume, history, held):
    history(4)
    held("other")
    resume("rollback", "sim.main@1")
    held("sim.main")
    before = contents(".checkpoints")["sim.main"]
    ran = resume("prune", "--keep-last", "1")
    assert ran.code == 5 and contents(".checkpoints")["sim.main"] == before
    dry = resume("prune", "--keep-last", "1", "-n")
    assert dry.code == 0 and "1 of 5 generations would stay" in dry.out


def segment(resume, number):
    at = 12288
    for entry in resume("log", "sim.main", "-j").json["generations"][::-1]:
        if entry["generation"] == number:
            return at
        at += entry["added"]


def test_prune__a_bad_one_takes_nobodys_place(resume, history):
    path = history(5)
    flip(path, segment(resume, 4) + 200)
    ran = resume("prune", "--keep-last", "2", "--json")
    assert ran.code == 0 and "generation 4 did not verify" in ran.err
    assert [entry["generation"] for entry in ran.json["checkpoints"][0]["kept"]] == [5, 3]
    assert numbers(resume) == [5, 3] and resume("check").code == 0


def test_prune__a_bad_newest_is_refused(resume, history, folder):
    path = history(5)
    for offset in (10, 2000):  # no segment at all; a record that does not verify
        data = path.read_bytes()
        flip(path, segment(resume, 5) + offset)
        before = contents(".checkpoints")
        ran = resume("prune", "--keep-last", "1")
        after = contents(".checkpoints")
        path.write_bytes(data)
        if ran.code == 0:  # torn, as a crash leaves it, too: then the one before is the newest
            assert "a copy" not in ran.out and numbers(resume)
        else:
            assert ran.code == 6 and before == after


@pytest.mark.parametrize("arguments, code", [
    ([], 2), (["--keep-last", "0"], 2), (["--keep-last", "x"], 2), (["--keep-last"], 2),
    (["nothing", "--keep-last", "1"], 4), (["foreign", "--keep-last", "1"], 1)])
def test_prune__what_can_not_be(resume, history, folder, arguments, code):
    history(2)
    (folder / ".checkpoints/foreign").write_text("no checkpoint at all")
    before = contents(".checkpoints")
    ran = resume("prune", *arguments)
    assert ran.code == code and ran.err
    assert contents(".checkpoints") == before


def test_prune__foreign_files_in_the_folder_are_passed_over(resume, history, folder):
    history(3)
    foreign = folder / ".checkpoints/foreign"
    foreign.write_text("no checkpoint at all")
    ran = resume("prune", "--keep-last", "1")
    assert ran.code == 0 and foreign.read_text() == "no checkpoint at all"
    assert "foreign" not in ran.out + ran.err and numbers(resume) == [3]


def test_prune__an_empty_folder(resume, folder):
    (folder / ".checkpoints").mkdir(mode=0o700)
    ran = resume("prune", "--keep-last", "1")
    assert ran.code == 0 and "no checkpoints in" in ran.err
