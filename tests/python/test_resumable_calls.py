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


EQUAL = """
    import os
    import random
    import resume
    kill = tuple(map(int, os.environ.get("KILL", "0,0").split(",")))

    @resume.resumable(rate=0)
    def draw(count{more}):
        numbers = []
        for i in range(count):
            numbers.append(random.randrange(100))
            resume.save()
            if (call, i) == kill:
                os._exit(9)
        return numbers

    random.seed(1)
    drawn = []
    for call in range(1, 5):
        drawn.append(draw({given}))
    print(drawn)
    """


@pytest.mark.parametrize("more, given", [("", "3"), (", other=None", "3, object()")],
                         ids=["comparable", "opaque"])
def test_equal_calls_are_told_apart_by_their_number(program, tmp_path, more, given):
    source = EQUAL.format(more=more, given=given)
    expected = program(source).run().check().out
    for kills in (["1,1"], ["2,0"], ["3,2", "1,0", "2,1"], ["4,0", "4,1"], ["2,2", "3,2", "1,1"]):
        one = program(source, folder=tmp_path / "-".join(kills))
        for kill in kills:
            assert one.run(KILL=kill).code == 9
        assert one.run().check().out == expected, kills
        assert one.run().check().out == expected, kills  # all have ended: from the beginning


def test_equal_calls__one_that_failed_goes_on(program):
    ran = program("""
        import resume

        @resume.resumable(rate=0)
        def work():
            for i in range(6):
                seen.append(i)
                resume.save()
                if i == tries:
                    raise ValueError
            return i

        seen = []
        for tries in (1, 3, 9, 9):
            try:
                print(work(), seen)
            except ValueError:
                pass
        """).run().check()
    whole = [0, 1, 2, 3, 4, 5]
    assert ran.out.splitlines() == [f"5 {whole}", f"5 {whole + whole}"]


def test_equal_calls__of_earlier_processes_do_not_count(program):
    one = program("""
        import os
        import sys
        import resume

        @resume.resumable(rate=0)
        def work():
            for i in range(6):
                print(i, end=" ", flush=True)
                resume.save()
                if str(i) in sys.argv:
                    os._exit(9)

        work()
        """)
    assert one.run().check().out == "0 1 2 3 4 5 "
    assert one.run("3").out == "0 1 2 3 "
    assert one.run().check().out == "4 5 "


def test_equal_calls__with_kept_results_are_one(program):
    ran = program("""
        import resume

        @resume.resumable(cache=True)
        def work(a):
            print("works", a)
            return a

        print([work(1), work(1), work(2), work(1)])
        """).run().check()
    assert ran.out == "works 1\nworks 2\n[1, 1, 2, 1]\n"
