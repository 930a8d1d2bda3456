"""resume trust, untrust and keys, and what the other commands say about whose a file is."""
import os
import pathlib
import re
import shutil
import subprocess
import sys

import pytest

PROGRAM = """
import resume

class World:
    size = 0

def main():
    chp = resume.Checkpoint("work")
    world, step = World(), 0
    chp.restore()
    world.size, step = world.size + 1, step + 1
    chp.save()
    print(step, world.size)

main()
"""


@pytest.fixture
def run(folder):
    """run(key): PROGRAM by the holder of that key; what it printed, or its error."""
    (folder / "work.py").write_text(PROGRAM)

    def once(key):
        environment = os.environ | {"XDG_DATA_HOME": str(folder / key), "RESUME_QUIET": "1"}
        ran = subprocess.run([sys.executable, "work.py"], capture_output=True, text=True,
                             env=environment, timeout=60)
        return ran.stdout.strip() or ran.stderr.strip().splitlines()[-1]
    return once


@pytest.fixture
def mine(resume, folder):
    """The command, run by the holder of the key "mine"."""
    return lambda *arguments: resume(*arguments, XDG_DATA_HOME=str(folder / "mine"))


def test_trust__and_untrust(run, mine):
    assert run("theirs") == "1 1"
    assert run("theirs") == "2 2"
    assert "CheckpointUntrusted" in run("mine")
    ran = mine("trust", "work")
    assert ran.code == 0 and "4 generations trusted from now on" in ran.err
    assert "good, trusted" in mine("ls").out
    ran = mine("untrust", "work")
    assert ran.code == 0 and "4 generations not trusted any more" in ran.err
    assert "CheckpointUntrusted" in run("mine")
    assert "was not trusted" in mine("untrust", "work").err
    assert mine("trust", "work").code == 0
    assert run("mine") == "3 3"
    ran = mine("untrust", "work")
    assert "4 generations not trusted any more" in ran.err and "stay yours" in ran.err
    assert run("mine") == "4 4"
    assert "CheckpointUntrusted" in run("theirs")


def test_trust__of_this_content_alone(run, mine, folder):
    run("theirs")
    assert mine("trust", "work").code == 0
    run("theirs")  # goes on meanwhile
    assert "CheckpointUntrusted" in run("mine")
    assert [line.split()[-1] for line in mine("log", "work").out.splitlines()[1:]] == [
        "key", "key", "trusted", "trusted"]


def test_trust__follows_a_copy(run, mine, folder):
    run("theirs")
    assert mine("trust", ".checkpoints/work").code == 0
    os.rename(".checkpoints/work", "copy")
    os.mkdir("else")
    os.rename("copy", "else/renamed")
    assert "good, trusted" in mine("ls", "else").out


def test_trust__what_is_ones_own_already(run, mine):
    run("mine")
    assert "signed with your key already" in mine("trust", "work").err


def test_trust__what_it_can_not(run, mine, folder):
    assert mine("trust", "nothing").code == 4
    assert mine("trust").code == 2
    (folder / "text").write_text("no checkpoint")
    assert mine("trust", "./text").code == 1
    run("theirs")
    shutil.rmtree(folder / "mine")
    (folder / "mine").write_text("")  # no place for a key
    ran = mine("trust", "work")
    assert ran.code == 7 and "no key to trust with" in ran.err


def test_keys(run, mine, folder):
    ran = mine("keys")
    assert ran.code == 0 and "the first save makes it" in ran.err
    run("mine")
    ran = mine("keys")
    assert ran.code == 0 and str(folder / "mine/resume/key") in ran.out
    assert re.search(r"^id +[0-9a-f]{32}$", ran.out, re.M)
    secret = (folder / "mine/resume/key").read_bytes()
    assert secret not in ran.raw and secret.hex() not in ran.out
    (folder / "mine/resume/key").chmod(0o644)
    ran = mine("keys")
    assert ran.code == 3 and "chmod 600" in ran.err and "not signed" in ran.err


@pytest.mark.parametrize("command", ["ls", "show work", "log work", "check work"])
def test_others_tell_whose_it_is(run, mine, command):
    run("theirs")
    ran = mine(*command.split())
    assert ran.code == 0 and "signed with another key" in ran.out
    assert '"signature": "signed with another key"' in mine(*command.split(), "--json").out


def test_check__tells_that_somebody_changed_it(run, mine, folder):
    pytest.importorskip("xxhash")
    sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "vectors"))
    from builder import Blob, File, cbor
    run("mine")
    key = (folder / "mine/resume/key").read_bytes()
    file = File(key=key)
    file.save([Blob(cbor({"v": 1, "vars": {"x": 1}}))], also_end={"mac": bytes(32)})
    (folder / ".checkpoints/work").write_bytes(file.bytes())
    ran = mine("check", "work")
    assert ran.code == 7 and "its signature does not match" in ran.out
