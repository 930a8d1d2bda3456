"""resume revive: names swapped, nothing lost, refused while a program holds the checkpoint."""
import subprocess
import sys

PROGRAM = """
from resume import Checkpoint
def main(clean, total):
    chp = Checkpoint("work", clean=clean)
    value = total
    chp.restore()
    chp.save()
    return value
import sys
print(main(sys.argv[1] == "clean", int(sys.argv[2])))
"""


def run(folder, *arguments):
    (folder / "work.py").write_text(PROGRAM)
    ran = subprocess.run([sys.executable, "-W", "ignore", "work.py", *arguments], cwd=folder,
                         capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    return int(ran.stdout)


def test_revive__what_was_set_aside_is_used_again(resume, folder):
    assert run(folder, "keep", "1") == 1
    assert run(folder, "clean", "2") == 2
    ran = resume("revive", "work~1")
    assert ran.code == 0 and "'work~1' is 'work' again" in ran.err and "'work~2'" in ran.err
    assert run(folder, "keep", "3") == 1
    names = {path.name for path in (folder / ".checkpoints").iterdir()}
    assert {"work", "work~2"} <= names and "work~1" not in names
    assert resume("revive", "work~2").code == 0
    assert run(folder, "keep", "3") == 2


def test_revive__names_are_told_as_ls_prints_them_and_taken_so(resume, folder, monkeypatch):
    monkeypatch.setitem(globals(), "PROGRAM", PROGRAM.replace('"work"', '"a@b c"'))
    run(folder, "keep", "1")
    (folder / "again.py").write_text(PROGRAM)
    again = subprocess.run([sys.executable, "again.py", "clean", "2"], cwd=folder,
                           capture_output=True, text=True)
    assert """kept as 'a@b c~1' ('resume revive "a@b c~1"' brings""" in again.stderr
    entries = resume("ls", "--all", "--json").json["checkpoints"]
    assert [entry["name"] for entry in entries] == ["a@b c", "a@b c~1"]
    ran = resume("log", "a@b c~1", "--json").json
    assert ran["name"] == "a@b c~1" and ran["path"].endswith("/a%40b%20c~1")
    assert resume("show", "a@b c~1@1").code == resume("show", "a%40b%20c~1").code == 0
    for arguments in (["show", "a@b c~1@77"], ["rollback", "a@b c~1@1"],
                      ["prune", "a@b c~1", "--keep-last", "1"], ["show", "a@b c~11"]):
        ran = resume(*arguments)
        assert ran.code and "'a@b c~1'" in ran.err, ran.err
    ran = resume("revive", "a@b c~1")
    assert ran.code == 0 and "'a@b c~1' is 'a@b c' again" in ran.err and "'a@b c~2'" in ran.err
    assert "%40" not in ran.err
    assert resume("rm", "-f", "a@b c~2").code == 0


def test_revive__when_nothing_has_the_name(resume, folder):
    run(folder, "keep", "1")
    run(folder, "clean", "2")
    (folder / ".checkpoints/work").unlink()
    ran = resume("revive", "work~1")
    assert ran.code == 0 and "what was there" not in ran.err
    assert run(folder, "keep", "3") == 1


def test_revive__refused_while_a_program_has_it_open(resume, folder):
    run(folder, "keep", "1")
    run(folder, "clean", "2")
    holder = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c",
         "from resume import Checkpoint\n"
         "def main():\n chp = Checkpoint('work'); print('open', flush=True); input()\nmain()"],
        cwd=folder, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE)
    try:
        assert holder.stdout.readline() == "open\n"
        before = {path.name: path.read_bytes() for path in (folder / ".checkpoints").iterdir()}
        assert resume("revive", "work~1").code == 5
        assert before == {p.name: p.read_bytes() for p in (folder / ".checkpoints").iterdir()}
    finally:
        holder.kill()
        holder.communicate()


def test_revive__only_what_was_set_aside_and_is_good(resume, folder):
    run(folder, "keep", "1")
    run(folder, "clean", "2")
    assert resume("revive", "work").code == 1
    assert resume("revive", "work~7").code == 4
    assert resume("revive").code == 2
    aside = folder / ".checkpoints/work~1"
    aside.write_bytes(b"not a checkpoint")
    ran = resume("revive", "work~1")
    assert ran.code == 1 and aside.read_bytes() == b"not a checkpoint"
    assert run(folder, "keep", "3") == 2
