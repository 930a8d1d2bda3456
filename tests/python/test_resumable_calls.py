"""Calls of resumable functions: which are the same, how they end, what is refused, who may save."""
import killed
import pytest
from killed import counting


@pytest.fixture
def place(tmp_path):
    return lambda source: killed.Place(tmp_path, source)


# ---- a call, its key and its end ----

def test_a_call_that_has_ended_starts_afresh(place):
    here = place(counting())
    assert here.run(3).value == 3
    assert here.run(3).value == 3
    assert here.log().count("step") == 6


def test_a_call_that_goes_on_counts_as_ended_afterwards(place):
    here = place(counting())
    assert here.run(3, stop_at=3).killed
    assert here.run(3).value == 3  # no further save
    assert here.run(3).value == 3
    assert here.log().count("step") == 6


def test_other_arguments_are_another_call_and_the_unfinished_one_is_told(place):
    here = place(counting())
    assert here.run(3, stop_at=2).killed
    kept = {path: path.read_bytes() for path in here.checkpoints()}
    other = here.run(4)
    assert other.value == 6
    assert len(other.warned) == 1
    assert "1 unfinished call of" in other.warned[0] and "other arguments" in other.warned[0]
    assert {path: path.read_bytes() for path in kept} == kept
    again = here.run(3)
    assert again.value == 3 and not again.warned
    assert here.log().count("step") == 2 + 4 + 1


def test_keyword_arguments_and_defaults_are_the_same_call(place):
    here = place(counting())
    assert here.run(3, stop_at=1).killed
    assert here.run(n=3, text="x").value == 3
    assert here.log().count("step") == 3


def test_a_fixed_key_does_not_mix_calls(place):
    here = place(counting("(key='one')"))
    assert here.run(3, stop_at=1).killed
    refused = here.run(4)
    assert refused.error[0] == "ResumeError" and "n: 3 when saved, 4 now" in refused.error[2]
    assert here.run(3).value == 3
    assert [path.name.endswith("main%40one") for path in here.checkpoints()] == [True]


def test_a_key_of_the_arguments(place):
    here = place(counting("(key=lambda n, text='x': n)"))
    assert here.run(3, stop_at=2).killed
    assert here.run(3, text="y").value == 3  # what the key leaves out does not tell calls apart
    assert here.log().count("step") == 3
    assert [path.name.endswith("main%403") for path in here.checkpoints()] == [True]


def test_name_and_folder(place):
    here = place(counting("(name='counted', folder='kept')"))
    assert here.run(2, stop_at=1).killed
    names = [path.name for path in (here.folder / "kept").iterdir() if path.suffix != ".lock"]
    assert any(name.startswith("counted%40") for name in names), names
    assert here.run(2).value == 1


def test_an_exception_leaves_the_last_save(place):
    here = place("""

@resume.resumable
def main():
    for i in range(3):
        log("step", i)
        save()
        if i == 1 and not os.path.exists("mended"):
            raise OSError("disk on fire")
    return "done"
""")
    failed = here.run()
    assert failed.error[0] == "OSError"
    (here.folder / "mended").touch()
    assert here.run().value == "done"
    assert here.log() == "step 0\nstep 1\nstep 2\n"


def test_a_short_call_leaves_no_checkpoint(place):
    here = place("""
@resume.resumable
def main():
    return resume.sync()
""")
    assert here.run().value is False
    assert here.checkpoints() == []


# ---- cache=True ----

def test_the_result_of_an_ended_call_is_kept(place):
    here = place(counting("(cache=True)"))
    assert here.run(3).value == 3
    assert here.run(3).value == 3
    assert here.log().count("step") == 3
    assert here.run(2).value == 1
    assert here.log().count("step") == 5


def test_a_cached_call_that_was_killed_goes_on(place):
    here = place(counting("(cache=True)"))
    assert here.run(3, stop_at=2).killed
    assert here.run(3).value == 3
    assert here.run(3).value == 3
    assert here.log().count("step") == 3


def test_other_code_makes_another_result(place):
    here = place(counting("(cache=True)"))
    assert here.run(3).value == 3
    here.write(counting("(cache=True)").replace("total += i", "total += 10 * i"))
    assert here.run(3).value == 30


def test_a_result_that_cannot_be_kept_is_told(place):
    here = place("""
import threading


@resume.resumable(cache=True)
def inner():
    return threading.Lock()

def main():
    return type(inner()).__name__
""")
    told = here.run()
    assert told.value == "lock"
    assert any("the result can't be kept" in text for text in told.warned), told


# ---- what can't be saved ----

LOCKED = """
import socket


@resume.resumable{options}
def main():
    total = 0
    for i in range(4):
        guard = socket.socket() if i == 1 else None
        total += i
        log(i)
        save()
    return total
"""


def test_a_refused_save_is_told_once_and_the_last_one_stays(place):
    here = place(LOCKED.replace("{options}", ""))
    whole = here.run()
    assert whole.value == 6
    assert len(whole.warned) == 1 and "guard" in whole.warned[0], whole
    here.clean()
    assert here.run(stop_at=2).killed
    assert here.run().value == 6
    assert here.log() == "0\n1\n1\n2\n3\n"


def test_strict_raises(place):
    refused = place(LOCKED.replace("{options}", "(strict=True)")).run()
    assert refused.error[0] == "ResumeError" and "guard" in refused.error[2]


def test_a_checkpoint_in_a_frame_is_refused(place):
    here = place("""
@resume.resumable
def main():
    chp = resume.Checkpoint("other")
    save()
    return 1
""")
    whole = here.run()
    assert whole.value == 1
    assert len(whole.warned) == 1 and "chp (resume.Checkpoint)" in whole.warned[0], whole
    assert "resume.save() and resume.sync() keep all of its variables" in whole.warned[0]


def test_what_is_not_proven_to_be_mine_is_not_gone_on_with(place, monkeypatch, tmp_path):
    here = place(counting())
    assert here.run(3, stop_at=2).killed
    monkeypatch.setenv("RESUME_KEY_FILE", str(tmp_path / "another-key"))
    refused = here.run(3)
    assert refused.error[0] == "CheckpointUntrusted", refused
    monkeypatch.delenv("RESUME_KEY_FILE")
    assert here.run(3).value == 3
