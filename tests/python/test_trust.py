"""Whose a checkpoint is: what a file that is not proven to be one's own may do, and what it says.

The MAC is tested where it is made (tests/c/test_signature.c, test_sign.c, test_vectors.c); here is
what hangs on it. Every hostile file has a twin that is signed with the user's key and does what it
says: where the check is missing, or always says no, a test fails."""
import os
import pathlib
import subprocess
import sys

import pytest
import resume
import vectors
from own_key import own_key

pytest.importorskip("xxhash")
sys.path.insert(0, str(vectors.FOLDER))
from builder import (  # noqa: E402
    MARK, SELF_VERIFYING, Blob, File, Tagged, cbor, digest256, key_id)

TUPLE, GLOBAL, INSTANCE, OPAQUE = 39250, 39282, 39283, 39285

PROGRAM = """
import sys
import resume

class World:
    made = 0
    def __init__(self, size):
        self.size = size

class Other:
    pass

def main(*trusted):
    chp = resume.Checkpoint("work", folder="store")
    world, other, step = World(0), None, 0
    {restore}
    if step < 2:
        world.size, other, step = 7, Other(), step + 1
        chp.save()
    print(step, world.size, type(other).__name__)

main()
"""

DATA = """
import resume

def main():
    chp = resume.Checkpoint("data", folder="store")
    step, values = 0, None
    chp.restore()
    step, values = step + 1, [1.5, {"a": b"x"}]
    chp.save()
    chp.save()
    print(step, values)

main()
"""


def run(folder, key, restore="chp.restore()", program=PROGRAM, **environment):
    """A program, in the folder, by the holder of the key of this name."""
    script = folder / "program.py"
    script.write_text(program.replace("{restore}", restore))
    environment = {"XDG_DATA_HOME": str(folder / key), "RESUME_QUIET": "1"} | environment
    ran = subprocess.run([sys.executable, script], cwd=folder, capture_output=True, text=True,
                         env=os.environ | environment, timeout=60)
    return ran.stdout.strip() or ran.stderr.strip().splitlines()[-1], ran.stderr


def test_restore__instances_of_ones_own_file(folder):
    assert run(folder, "mine")[0] == "1 7 Other"
    assert run(folder, "mine")[0] == "2 7 Other"
    assert (folder / "mine/resume/key").stat().st_mode & 0o777 == 0o600


def test_restore__another_key_brings_no_instances(folder):
    run(folder, "mine")
    before = (folder / "store/work").read_bytes()
    said, _ = run(folder, "theirs")
    assert said.startswith("resume.CheckpointUntrusted: ")
    assert "signed with another key" in said
    assert "'__main__.World'" in said and "'__main__.Other'" in said
    assert "restore(trusted=['__main__.World', '__main__.Other'])" in said
    assert f"resume trust \"{folder}/store/work\"" in said
    assert (folder / "store/work").read_bytes() == before
    assert run(folder, "mine")[0] == "2 7 Other"  # nothing is lost for its owner


def test_restore__is_all_or_nothing(folder):
    run(folder, "mine")
    caught = """
    try:
        chp.restore()
    except resume.CheckpointUntrusted as error:
        assert error.status == 11
    print(step, world.size, other)
    sys.exit()"""
    assert run(folder, "theirs", caught)[0] == "0 0 None"


@pytest.mark.parametrize("trusted, brings", [
    ('["__main__.World", "__main__.Other"]', True), ("[World, Other]", True),
    ('["__main__.World", Other]', True), ("World", False), ('"__main__.World"', False),
    ('["World", "Other"]', False), ("[]", False), ('["__main__"]', False), ("None", False)])
def test_restore__trusted_names_the_classes(folder, trusted, brings):
    run(folder, "mine")
    said, _ = run(folder, "theirs", f"chp.restore(trusted={trusted})")
    if brings:
        assert said == "2 7 Other"
        assert run(folder, "theirs")[0] == "2 7 Other"  # it was saved again: theirs now
    else:
        assert said.startswith("resume.CheckpointUntrusted: ")


def test_restore__data_comes_back_from_anybody(folder):
    for step, key in enumerate(("mine", "theirs", "mine"), 1):
        assert run(folder, key, program=DATA)[0] == f"{step} [1.5, {{'a': b'x'}}]"


def test_load__is_data_alone_unless_trusted(folder, monkeypatch):
    run(folder, "theirs")
    data = resume.load("store/work")
    assert isinstance(data["world"], resume.Opaque)
    assert data["world"].type == "__main__.World" and data["world"].state == {"size": 7}
    assert data.meta["signature"] == "signed with another key"
    main = type("World", (), {"__module__": "__main__", "__qualname__": "World"})
    monkeypatch.setattr(sys.modules["__main__"], "World", main, raising=False)
    data = resume.load("store/work", trusted=["__main__.World"])
    assert type(data["world"]) is main and data["world"].size == 7
    assert isinstance(data["other"], resume.Opaque)
    with pytest.raises(TypeError, match="trusted="):
        resume.load("store/work", trusted=[5])


# ---- hostile files

def instance(callable_, *arguments, state=None):
    return Tagged(INSTANCE, [callable_, Tagged(TUPLE, list(arguments)), None, None, state, None])


def named(module, path):
    return Tagged(GLOBAL, [module, path])


def touching(marker):
    """What makes a file when it is called, in several ways."""
    path = str(marker)
    module = marker.parent / "evil_module.py"
    module.write_text(f"open({path!r}, 'w').close()\nclass Thing: pass\n")
    return {
        "call": instance(named("os", "mkdir"), path),
        "builtin": instance(named("builtins", "exec"), f"open({path!r}, 'w').close()"),
        "partial": instance(instance(named("functools", "partial"), named("os", "mkdir"), path)),
        "import": named("evil_module", "Thing"),
        "state": Tagged(INSTANCE, [named("pathlib", "Path"), Tagged(TUPLE, [path]), None, None,
                                   0o700, named("pathlib", "Path.mkdir")]),
    }


def hostile(path, value, key, **options):
    """A file whose variable x is the value; `options` as in builder.File.save."""
    file = File(key=key)
    file.save([Blob(cbor({"v": 1, "vars": {"x": value}}))], **options)
    path.write_bytes(file.bytes())
    return path


FORGED = {
    "not signed": lambda key: {"key": None},
    "another key": lambda key: {"key": bytes(32)},
    "the id of the key": lambda key: {"key": bytes(32), "also_end": {"key_id": key_id(key)}},
    "a MAC of zeros": lambda key: {"key": key, "also_end": {"mac": bytes(32)}},
    "a MAC for another stream": lambda key: {"key": key, "signed": {"stream": digest256(b"x")}},
    "the digest that the MAC is for": lambda key: {"key": key, "also_end": {
        "digest": digest256(b"x")}},
    "another generation": lambda key: {"key": key, "signed": {"generation": 2}},
    "another file": lambda key: {"key": key, "signed": {"header": digest256(b"x")}},
    "another META": lambda key: {"key": key, "signed": {"meta": digest256(b"x")}},
    "another table": lambda key: {"key": key, "signed": {"table": digest256(b"x")}},
    "made a mark": lambda key: {"key": key, "flags": SELF_VERIFYING | MARK,
                                "signed": {"flags": SELF_VERIFYING}},
    "algorithm 0": lambda key: {"key": key, "also_end": {"algorithm": 0}},
    "algorithm 2": lambda key: {"key": key, "also_end": {"algorithm": 2}},
    "a longer END": lambda key: {"key": key, "also_end": {"behind": b"\0"}},
    "an END of version 0": lambda key: {"key": key, "end": bytes(56)},
}
WAYS = ("call", "builtin", "partial", "import", "state")


@pytest.fixture
def marker(folder, monkeypatch):
    monkeypatch.syspath_prepend(str(folder))
    sys.modules.pop("evil_module", None)
    yield folder / "marker"
    sys.modules.pop("evil_module", None)


@pytest.mark.parametrize("way", WAYS)
def test_hostile__its_signed_twin_runs(marker, way):
    """That the files below would do something: the check is what keeps them from it."""
    path = hostile(marker.parent / "file", touching(marker)[way], own_key())
    try:
        assert resume.load(path).meta["signature"] == "signed with your key"
    except resume.ResumeError:
        pass  # called all the same
    assert marker.exists()


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("forged", FORGED)
def test_hostile__nothing_runs(marker, way, forged):
    path = hostile(marker.parent / "file", touching(marker)[way], **FORGED[forged](own_key()))
    data = resume.load(path)
    assert not marker.exists() and "evil_module" not in sys.modules
    assert data.meta["signature"] != "signed with your key"
    assert isinstance(data["x"], resume.Opaque) or way == "import"


@pytest.mark.parametrize("forged", FORGED)
def test_hostile__nothing_goes_into_a_program(marker, forged):
    store = marker.parent / ".checkpoints"
    store.mkdir()
    hostile(store / "work", touching(marker)["call"], **FORGED[forged](own_key()))

    def main():
        chp = resume.Checkpoint("work", on_change="ignore")
        x = "mine"
        with pytest.raises(resume.CheckpointUntrusted, match="mkdir"):
            chp.restore()
        assert x == "mine"
        chp.close()
    main()
    assert not marker.exists()


def test_hostile__names_are_escaped(folder):
    store = folder / ".checkpoints"
    store.mkdir()
    value = instance(named("evil\x1b[31m\nname", "World"))
    hostile(store / "work", value, None)
    chp = resume.Checkpoint("work", on_change="ignore")
    x = 1  # noqa: F841
    with pytest.raises(resume.CheckpointUntrusted) as caught:
        chp.restore()
    chp.close()
    assert "\x1b" not in str(caught.value) and "\n" not in str(caught.value)


def test_hostile__a_thousand_names_are_few_words(folder):
    store = folder / ".checkpoints"
    store.mkdir()
    hostile(store / "work", [named("m", f"C{i}" * 50) for i in range(1000)], None)
    chp = resume.Checkpoint("work", on_change="ignore")
    x = 1  # noqa: F841
    with pytest.raises(resume.CheckpointUntrusted, match="and 992 more") as caught:
        chp.restore()
    chp.close()
    assert len(str(caught.value)) < 10_000


# ---- keys that can't be used, folders of everybody

def test_key__that_others_can_read_is_not_used(folder):
    assert run(folder, "mine")[0] == "1 7 Other"
    (folder / "mine/resume/key").chmod(0o644)
    said, _ = run(folder, "mine")
    assert "CheckpointUntrusted" in said and "chmod 600" in said
    said, warned = run(folder, "mine", program=DATA)
    assert said.startswith("1 ") and warned.count("saved without a signature") == 1, warned
    assert "chmod 600" in warned
    assert resume.load("store/data").meta["signature"] == "not signed"
    (folder / "mine/resume/key").chmod(0o600)
    said, warned = run(folder, "mine", program=DATA)
    assert said.startswith("2 ") and not warned


def test_key__no_place(folder):
    (folder / "file").write_text("")
    said, warned = run(folder, "file")
    assert said == "1 7 Other" and warned.count("without a signature") == 1, warned
    assert warned.count("RESUME_KEY_FILE") == 1, warned
    assert resume.load("store/work").meta["signature"] == "not signed"


def test_key__of_a_file_that_is_named(folder):
    assert run(folder, "mine", RESUME_KEY_FILE="a/b/cluster.key")[0] == "1 7 Other"
    assert len((folder / "a/b/cluster.key").read_bytes()) == 32
    assert not (folder / "mine").exists()
    assert "CheckpointUntrusted" in run(folder, "mine")[0]
    assert run(folder, "x", RESUME_KEY_FILE="a/b/cluster.key")[0] == "2 7 Other"


def test_folder__of_everybody(folder):
    run(folder, "mine", program=DATA)
    (folder / "store").chmod(0o777)
    said, warned = run(folder, "mine", program=DATA)
    assert said.startswith("2 ") and "chmod o-w" in warned  # signed: whoever put it there
    said, _ = run(folder, "theirs", program=DATA)
    assert "CheckpointUntrusted" in said and "chmod o-w" in said
    for step, mode in enumerate((0o770, 0o1777), 3):  # of a group, or sticky: as usual
        (folder / "store").chmod(mode)
        assert run(folder, "theirs" if step % 2 else "mine", program=DATA)[0].startswith(f"{step} ")
