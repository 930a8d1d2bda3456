"""resume rm: removes what it names, and never anything else."""
import os
import pty
import subprocess

import pytest
from the_command import COMMAND, contents

FAMILY = ["sim.main~1", "sim.main~2", "sim.main.damaged-20260101T000000Z",
          "sim.main.torn-20260101T000000Z", ".sim.main.tmp-0123456789abcdef",
          ".sim.main.tmp-0123456789abcdefa"]


@pytest.fixture
def family(history, folder):
    """sim.main with all that may stand beside it, and neighbours that are not of it."""
    path = history(2)
    for name in FAMILY:
        (path.parent / name).write_bytes(path.read_bytes())
    for name in ("sim.mainly", "sim", "sim.main2~1", ".sim.mainly.tmp-0123456789abcdef"):
        (path.parent / name).write_bytes(path.read_bytes())
    (path.parent / "notes~1").write_text("of an editor")
    return path.parent


OTHERS = {".gitignore", "sim.mainly", "sim", "sim.main2~1", ".sim.mainly.tmp-0123456789abcdef",
          "notes~1"}


def test_rm__one_and_its_temporary_files(resume, family):
    size = (family / "sim.main").stat().st_size / 1024
    ran = resume("rm", "--force", "sim.main")
    assert ran.code == 0 and ran.err == ""
    assert sorted(ran.out.splitlines())[-1] == f"removed sim.main ({size:.1f} KiB)"
    assert set(contents(family)) == OTHERS | set(FAMILY[:4])
    assert resume("rm", "-f", "sim.main").code == 4


def test_rm__what_a_killed_program_has_left(resume, family):
    """NAME.files of `resume run`, a folder; no link is followed."""
    (family / "sim.main.files").mkdir()
    (family / "sim.main.files" / "journal").write_text("[]")
    (family / "sim.main.files" / "1-1").symlink_to(family / "sim")
    (family / "sim.files").symlink_to(family)
    assert resume("rm", "--force", "sim.main").code == 0
    left = {name for name in os.listdir(family) if not name.endswith(".lock")}
    assert left == OTHERS | set(FAMILY[:4]) | {"sim.files"}
    assert resume("rm", "--force", "sim").code == 3
    assert (family / "notes~1").exists() and (family / "sim.files").is_symlink()


def test_rm__all_that_belongs_to_it(resume, family):
    ran = resume("rm", "-f", "--all", "--json", "sim.main")
    assert ran.code == 0
    assert {entry["file"] for entry in ran.json["removed"]} == {"sim.main", *FAMILY}
    assert all(entry["size"] > 0 for entry in ran.json["removed"])
    assert set(contents(family)) == OTHERS


def test_rm__one_that_was_set_aside(resume, family):
    ran = resume("rm", "-f", "sim.main~1", "sim.main.torn-20260101T000000Z")
    assert ran.code == 0 and len(ran.out.splitlines()) == 2
    gone = {"sim.main~1", "sim.main.torn-20260101T000000Z"}
    assert set(contents(family)) == (OTHERS | set(FAMILY) | {"sim.main"}) - gone


def test_rm__several_one_of_which_is_missing(resume, family):
    ran = resume("rm", "-f", "sim", "nothing", "sim.mainly")
    assert ran.code == 4 and len(ran.out.splitlines()) == 3  # with a temporary file
    assert not {"sim", "sim.mainly"} & set(contents(family))


def test_rm__refused_while_a_program_has_it_open(resume, family, held):
    for name in FAMILY[4:]:
        (family / name).unlink()
    held("sim.main")
    before = contents(family)
    for name in ("sim.main", "sim.main~1"):
        assert resume("rm", "-f", name).code == 5
    assert contents(family) == before


@pytest.mark.parametrize("name", ["notes~1", "notes.txt", "old.pzip", ".gitignore",
                                  "sim.main.lock", ".sim.main.tmp-0123456789abcdef", "a folder"])
def test_rm__what_is_no_checkpoint_stays(resume, family, name):
    (family / "notes.txt").write_text("mine")
    (family / "old.pzip").write_bytes(b"\x1f\x8b\x08\x00" + bytes(100))
    (family / "a folder").mkdir()
    path = family / name
    before = None if path.is_dir() else path.read_bytes()
    for place in (name, f".checkpoints/{name}"):
        ran = resume("rm", "--force", place)
        assert ran.code in (1, 2, 4) and ran.out == "" and ran.err, ran
        assert path.is_dir() or path.read_bytes() == before


def test_rm__all_leaves_an_editors_backup(resume, family):
    (family / "sim.main~3").write_text("of an editor")
    ran = resume("rm", "-f", "--all", "sim.main")
    assert ran.code == 3 and "sim.main~3" in ran.err
    assert set(contents(family)) == OTHERS | {"sim.main~3"}


def test_rm__links_are_not_followed(resume, family, folder):
    target = folder / "precious"
    target.write_bytes((family / "sim").read_bytes())
    (family / "linked").symlink_to(target)
    (family / "sim.main~4").symlink_to(target)
    ran = resume("rm", "-f", "linked")
    assert ran.code == 7 and ran.out == "" and (family / "linked").is_symlink()
    ran = resume("rm", "-f", "--all", "sim.main")
    assert ran.code == 3 and target.exists() and (family / "sim.main~4").is_symlink()


def test_rm__without_a_terminal_force_is_needed(resume, family):
    before = contents(family)
    ran = resume("rm", "sim.main")
    assert ran.code == 2 and "--force" in ran.err and contents(family) == before


@pytest.mark.parametrize("answer, goes", [(b"y\n", True), (b"Yes\n", True), (b"n\n", False),
                                          (b"\n", False), (b"\x04", False)])
def test_rm__asks_on_a_terminal(family, answer, goes):
    parent, child = pty.openpty()
    process = subprocess.Popen([COMMAND, "rm", "sim.main"], stdin=child, stdout=child,
                               stderr=child)
    os.close(child)
    shown = b""
    while b"[y/N]" not in shown:
        shown += os.read(parent, 4096)
    assert b"remove sim.main (" in shown
    os.write(parent, answer)
    assert process.wait(30) == 0
    os.close(parent)
    assert (family / "sim.main").exists() != goes
    assert (family / "sim.main~1").exists()


def test_rm__a_damaged_one_goes_as_well(resume, family):
    (family / "sim").write_bytes((family / "sim").read_bytes()[:5000])
    ran = resume("rm", "-f", "sim")
    assert ran.code == 0 and not (family / "sim").exists()


def test_rm__a_folder_that_can_not_be_written(resume, family):
    if os.geteuid() == 0:
        pytest.skip("root may write everywhere")
    family.chmod(0o500)
    try:
        assert resume("rm", "-f", "sim").code == 8
    finally:
        family.chmod(0o700)
    assert (family / "sim").exists()
