"""Rows 3 and 11: arguments of a call that goes on and of a new one; code that changed."""
import threading
import warnings

import pytest

import resume
from resume import Checkpoint, ResumeWarning


class Cut(Exception):
    pass


@pytest.fixture
def quiet():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def countdown(n, log, stop=None):
    chp = Checkpoint(skip=["stop"])
    done = []
    chp.restore()
    while n > 0:
        n -= 1
        done.append(n)
        log.append(n)
        chp.save()
        if len(done) == 2 and not getattr(countdown, "again", False):
            countdown.again = True
            raise Cut
    return n, done


def test_a_call_that_goes_on_gets_its_rebound_and_mutated_arguments_back(folder, quiet):
    countdown.again = False
    with pytest.raises(Cut):
        countdown(4, [])
    log = []  # the caller's new object is filled in place
    assert countdown(4, log) == (0, [3, 2, 1, 0])
    assert log == [3, 2, 1, 0]


def test_an_alias_of_an_argument_in_the_state_becomes_the_callers_object(folder, quiet):
    def work(items):
        chp = Checkpoint()
        alias, nested = None, None
        report = chp.restore()
        if report:
            return alias is items, nested[0] is items, items
        alias, nested = items, [items]
        items.append(1)
        chp.save()
        raise Cut
    with pytest.raises(Cut):
        work([0])
    mine = [0]
    alias, nested, items = work(mine)
    assert alias and nested and items is mine and mine == [0, 1]


def test_arrays_are_filled_in_place(folder, quiet):
    numpy = pytest.importorskip("numpy")

    def work(field, big):
        chp = Checkpoint()
        step = 0
        chp.restore()
        while step < 4:
            field += 1
            big[step] = step
            step += 1
            chp.save()
            if step == 2 and not hasattr(work, "again"):
                work.again = True
                raise Cut
        return step
    with pytest.raises(Cut):
        work(numpy.zeros(3), numpy.zeros(100_000))
    field, big = numpy.zeros(3), numpy.zeros(100_000)
    view = field[1:]
    work(field, big)
    assert field.tolist() == [4, 4, 4] and view.tolist() == [4, 4]
    assert big[:5].tolist() == [0, 1, 2, 3, 0]


def test_a_new_call_keeps_the_arguments_it_was_given(folder):
    def work(n, items):
        chp = Checkpoint()
        total = 0
        report = chp.restore()
        total += n
        items.append(n)
        seen = n, list(items)
        n = -1
        chp.save()
        return total, seen, report.kept
    assert work(1, []) == (1, (1, [1]), ())
    with pytest.warns(ResumeWarning, match=r"n: 1 when saved, 2 now"):
        total, seen, kept = work(2, [])
    assert total == 3 and seen == (2, [2]) and set(kept) == {"n", "items"}
    assert work(2, [])[:2] == (5, (2, [2]))  # an ended call, equal arguments: new, and no warning


def test_what_differs_is_named_for_a_call_that_was_cut_off(folder):
    def work(n, mode="a", *rest, flag=False, **more):
        chp = Checkpoint()
        x = 0
        chp.restore()
        x += 1
        chp.save()
        if n == 1:
            raise Cut
        return x, n, mode, rest, flag, more
    with pytest.raises(Cut):
        work(1, "b", 3, flag=True, z=1)
    with pytest.warns(ResumeWarning) as told:
        assert work(2, "a", 4, flag=False) == (2, 2, "a", (4,), False, {})
    text = str(told[0].message)
    for part in ("n: 1 when saved, 2 now", "mode: 'b' when saved, 'a' now", "rest:", "flag:",
                 "more:", "key=", "cut off"):
        assert part in text


def test_arguments_that_cant_be_compared_are_told_once(folder):
    class Model:
        pass

    def work(model, n):
        chp = Checkpoint()
        chp.save()
        chp.save()
        return n
    with pytest.warns(ResumeWarning, match=r"chp\.track\(model\)") as told:
        work(Model(), 1)
    assert len(told) == 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")

        def tracked(model, n):
            chp = Checkpoint()
            chp.track(model)
            chp.save()
            return n
        tracked(Model(), 1)


def test_key_gives_each_set_of_arguments_its_own(folder, quiet):
    def work(n):
        chp = Checkpoint(key=n)
        x = 0
        chp.restore()
        x += n
        chp.save()
        return x
    assert [work(1), work(2), work(3)] == [1, 2, 3]
    assert [work(1), work(2)] == [2, 4]
    keys = [1, "1x", 2.5, (1, "a"), "a/b", "ä", "x" * 300, "x" * 299 + "y", True]

    def named(key):
        return Checkpoint(key=key).filename
    names = [named(key) for key in keys]
    assert len(set(names)) == len(keys)
    for bad in [[1], {}, object(), "", b"x"]:
        with pytest.raises((TypeError, ValueError), match="key="):
            named(bad)


def defined(text, **names):
    """A function of the text, as if its file had been edited."""
    space = {"Checkpoint": Checkpoint, "Cut": Cut, "__name__": "edited", **names}
    exec(text, space)
    return space["work"]


BODY = """
def work(**options):
    chp = Checkpoint(**options)
    DT = {dt}
    x = 0
    report = chp.restore({restore})
    x += {step}
    chp.save()
    if not report: raise Cut
    return x, DT, report
"""


def body(dt=0.01, step=1, restore=""):
    return defined(BODY.format(dt=dt, step=step, restore=restore))


def test_an_edited_constant_is_reported_with_both_values(folder):
    with pytest.raises(Cut):
        body()()
    with pytest.warns(ResumeWarning) as told:
        x, dt, report = body(dt=0.02)(on_change="ignore")
    text = " ".join(str(one.message) for one in told)
    assert (x, dt) == (2, 0.01)
    assert "'DT' is 0.02 in the program now, and was 0.01" in text and "keep=['DT']" in text
    assert any("0.02" in note for note in report.notes)


def test_an_edited_constant_is_told_again_until_it_is_decided(folder):
    with pytest.raises(Cut):
        body()()
    for _ in range(2):
        with pytest.warns(ResumeWarning, match="'DT' is 0.02"):
            body(dt=0.02)(on_change="ignore")


def test_keep_takes_the_programs_value(folder):
    with pytest.raises(Cut):
        body()()
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        x, dt, report = body(dt=0.02, restore="keep=['DT']")(on_change="ignore")
    assert (x, dt) == (2, 0.02) and "DT" in report.kept
    assert not any("DT" in str(one.message) for one in told)


def test_a_changed_argv_is_reported(program):
    script = program("""
        import os, sys
        from resume import Checkpoint
        chp = Checkpoint()
        limit = int(sys.argv[1])
        i = 0
        chp.restore()
        while i < limit:
            i += 1
            chp.save()
            if i == 3: os.kill(os.getpid(), 9)
        print(i, limit)
    """, name="sim.py")
    assert script.run("5").killed
    ran = script.run("9").check()
    assert ran.out.split() == ["5", "5"]
    assert "'limit' is 9 in the program now, and was 5" in ran.err


def test_changed_code_warns_and_restores_by_name(folder):
    with pytest.raises(Cut):
        body()()
    with pytest.warns(ResumeWarning, match="code of 'edited:work' has changed"):
        assert body(step=10)()[0] == 11


def test_changed_code_with_error_fresh_and_ignore(folder):
    with pytest.raises(Cut):
        body()()
    with pytest.raises(resume.CodeChanged, match="on_change=\"ignore\""):
        body(step=10)(on_change="error")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert body(step=10)(on_change="ignore")[0] == 11
    with pytest.warns(ResumeWarning, match="~1"), pytest.raises(Cut):
        body(step=20)(on_change="fresh")
    assert resume.load("edited.work")["x"] == 20


def test_moved_lines_are_no_change(folder):
    with pytest.raises(Cut):
        body()()
    work = defined("\n\n\n# a comment\n" + BODY.format(dt=0.01, step=1, restore=""))
    with warnings.catch_warnings():
        warnings.simplefilter("error", ResumeWarning)
        warnings.filterwarnings("ignore", message=".*other arguments")
        assert work()[0] == 2


def test_a_variable_of_another_type_now_is_told(folder):
    text = ("def work():\n    chp = Checkpoint(on_change='ignore')\n    rows = {rows}\n"
            "    r = chp.restore()\n    if r: return rows\n    rows = [1]\n"
            "    chp.save()\n    raise Cut\n")
    with pytest.raises(Cut):
        defined(text.format(rows="[]"))()
    with pytest.warns(ResumeWarning, match="'rows' is a list in the checkpoint and a dict"):
        assert defined(text.format(rows="{}"))() == [1]


def test_what_cant_be_saved_is_told_once_with_the_path_and_the_rest_is_saved(folder):
    import threading

    def work():
        chp = Checkpoint()
        state = {"cfg": [1, {"lock": None}]}
        good, other = 1, None
        report = chp.restore()
        if report:
            return good, state, other, report
        state["cfg"][1]["lock"] = threading.Lock()
        good = 2
        chp.save()
        good = 3
        other = threading.Event()
        chp.save()
        chp.save()
        raise Cut
    with pytest.warns(ResumeWarning) as told:
        with pytest.raises(Cut):
            work()
    texts = [str(one.message) for one in told]
    assert len(texts) == 2
    assert "state['cfg'][1]['lock']" in texts[0] and "lock" in texts[0]
    assert "other" in texts[1] and "state[" not in texts[1]
    good, state, other, report = work()
    assert (good, state, other) == (3, {"cfg": [1, {"lock": None}]}, None)
    assert set(report.skipped) == {"state", "other"}


def test_strict_raises_and_saves_nothing(folder):
    def work():
        chp = Checkpoint("s", strict=True)
        x = 1  # noqa: F841
        chp.save()
        bad = threading.Lock()  # noqa: F841
        with pytest.raises(resume.ResumeError, match=r"bad \(_thread.lock\).*strict"):
            chp.save()
        return x
    work()
    assert resume.load("s").meta["saves"] == 1


def test_what_is_skipped_silently(folder, quiet):
    def work():
        import json
        import json as renamed

        def function():
            pass

        class Class:
            pass
        lam, builtin, number, null = lambda: 0, len, 1, resume.NullCheckpoint()
        chp = Checkpoint("s")
        report = chp.restore()
        chp.save()
        return json, renamed, function, Class, lam, builtin, number, null, report
    work()
    assert set(resume.load("s").vars) == {"number", "lam", "builtin"}


def test_skip_and_only(folder, quiet):
    def work(**options):
        chp = Checkpoint("s", **options)
        a, b, c = 1, 2, 3
        chp.save()
        chp.close()
        return a, b, c
    work(skip=["b", "options"])
    assert set(resume.load("s").vars) == {"a", "c"}
    import shutil
    shutil.rmtree(".checkpoints")
    work(only="b")
    assert set(resume.load("s").vars) == {"b"}
