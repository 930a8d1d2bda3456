"""When a call has ended, and when it was cut off."""
import gc
import os
import sys
import weakref

import pytest

import resume
from resume import Checkpoint, ResumeWarning


class Cut(Exception):
    pass


def state(name):
    return resume.load(name)


def has_ended(name):
    return {one.name: one.ended for one in resume.list()}[name]


def test_returning_normally_ends_the_call(folder):
    def work():
        chp = Checkpoint("c")
        x = 1  # noqa: F841
        chp.save()
        return x
    work()
    assert has_ended("c")


def test_falling_off_the_end_ends_the_call(folder):
    def work():
        chp = Checkpoint("c")
        chp.save()
    work()
    assert has_ended("c")


@pytest.mark.parametrize("how", ["direct", "apply", "partial", "method", "map", "lambda", "thread",
                                 "exec", "recursion", "traced", "profiled", "many_locals"])
def test_however_it_was_called(folder, how):
    def work(*_):
        chp = Checkpoint("c")
        deep = [[chp]]  # noqa: F841
        chp.save()
        return 5

    def deep(n):
        return work() if n == 0 else deep(n - 1)

    def many():
        a = b = c = d = e = f = g = h = i = list(range(100))  # noqa: F841
        chp = Checkpoint("c")
        z = {x: x for x in a}  # noqa: F841
        chp.save()
        for _ in range(3):
            if _ == 1:
                return chp.filename
    if how == "direct":
        work()
    elif how == "apply":
        (lambda f, *a: f(*a))(work, 1, 2)
    elif how == "partial":
        import functools
        functools.partial(work, 1)()
    elif how == "method":
        type("T", (), {"work": work})().work()
    elif how == "map":
        assert list(map(work, [1])) == [5]
    elif how == "lambda":
        (lambda: work())()
    elif how == "thread":
        import threading
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
    elif how == "exec":
        exec("work()", {"work": work})
    elif how == "recursion":
        deep(50)
    elif how == "traced":
        def tracer(*_):
            return tracer
        before = sys.gettrace()
        sys.settrace(tracer)
        try:
            work()
        finally:
            sys.settrace(before)
    elif how == "profiled":
        sys.setprofile(lambda *_: None)
        try:
            work()
        finally:
            sys.setprofile(None)
    elif how == "many_locals":
        many()
    assert has_ended("c")


def test_monitored_code_is_seen_through(folder):
    if not hasattr(sys, "monitoring"):
        pytest.skip("no sys.monitoring before 3.12")

    def work():
        chp = Checkpoint("c")
        chp.save()
        return 1
    events = sys.monitoring.events
    sys.monitoring.use_tool_id(4, "test")
    try:
        sys.monitoring.set_local_events(4, work.__code__,
                                        events.PY_RETURN | events.LINE | events.INSTRUCTION)
        work()
    finally:
        sys.monitoring.set_local_events(4, work.__code__, 0)
        sys.monitoring.free_tool_id(4)
    assert has_ended("c")


def test_an_exception_is_not_completion(folder):
    def work(how):
        chp = Checkpoint("c")
        chp.save()
        if how == "raise":
            raise Cut
        if how == "callee":
            return len(how, how)
        try:
            raise Cut
        finally:
            chp.save()
    for how in "raise", "callee", "finally":
        with pytest.raises((Cut, TypeError)):
            work(how)
        gc.collect()
        assert not has_ended("c")


def test_an_exception_that_was_handled_is_no_matter(folder):
    def work():
        chp = Checkpoint("c")
        try:
            raise Cut
        except Cut:
            chp.save()
        return 1
    work()
    assert has_ended("c")


def test_return_out_of_try_with_and_for(folder):
    def work():
        chp = Checkpoint("c")
        chp.save()
        for _ in chp.loop(range(3)):
            try:
                with open(os.devnull):
                    return 7
            finally:
                chp.save()
    assert work() == 7
    assert has_ended("c")


def test_dropping_the_checkpoint_is_not_completion(folder):
    def work():
        chp = Checkpoint("c")
        chp.save()
        del chp
        return has_ended("c")
    assert work() is False
    assert not has_ended("c")


def test_another_call_of_the_same_function_in_the_same_place_is_another(folder):
    kept = []

    def work(first):
        if first:
            kept.append(Checkpoint("c"))
            kept[0].save()
            raise Cut
        local = kept.pop()  # noqa: F841  dies with this frame, which did not make it
        return 1
    with pytest.raises(Cut):
        work(True)
    gc.collect()
    work(False)
    assert not kept
    # where it can't be told for certain, the call counts as cut off
    names = {one.name: one.ended for one in resume.list()}
    assert names == {"c": False}


def test_the_with_block(folder):
    def normal():
        with Checkpoint("c") as chp:
            chp.save()
        return has_ended("c")

    def broken():
        with Checkpoint("d") as chp:
            chp.save()
            raise Cut
    assert normal() is True
    with pytest.raises(Cut):
        broken()
    assert not has_ended("d")


def test_done_keeps_the_result_and_close_ends(folder):
    def work():
        chp = Checkpoint("c")
        if not chp.fresh:
            return "again", chp.result
        x = 3  # noqa: F841
        return chp.done({"answer": 42})

    def closing():
        chp = Checkpoint("d")
        chp.save()
        chp.close()
        with pytest.raises(resume.ResumeError, match="closed"):
            chp.save()
        with pytest.raises(resume.ResumeError, match="closed"):
            chp.sync()
        with pytest.raises(resume.ResumeError, match="closed"):
            chp.restore()
        return has_ended("d")
    assert work() == {"answer": 42}
    assert has_ended("c") and state("c").result == {"answer": 42}
    assert work() == ("again", {"answer": 42})
    assert closing() is True


def test_an_early_return_without_restoring_leaves_cut_off_work_alone(folder):
    def work(early):
        chp = Checkpoint("c", key=1)
        n = 0
        if early:
            return None
        chp.restore()
        n += 1
        chp.save()
        raise Cut
    with pytest.raises(Cut):
        work(False)
    with pytest.warns(ResumeWarning):
        work(True)
    assert not has_ended("c@1")


def test_a_generator_ends_when_it_returns(folder):
    def numbers(stop):
        chp = Checkpoint("g", key=stop)
        i = 0
        chp.restore()
        while i < stop:
            yield i
            i += 1
            chp.save()
    assert list(numbers(3)) == [0, 1, 2]
    assert has_ended("g@3")
    for _ in numbers(5):
        if _ == 2:
            break
    gc.collect()
    assert not has_ended("g@5")
    generator = numbers(7)
    next(generator), next(generator)
    with pytest.raises(Cut):
        generator.throw(Cut)
    assert not has_ended("g@7")
    assert list(numbers(7))[-1] == 6
    assert has_ended("g@7")


def test_a_generator_is_not_kept_alive(folder):
    def numbers():
        chp = Checkpoint("g")
        yield chp
    generator = numbers()
    next(generator)
    alive = weakref.ref(generator)
    del generator
    assert alive() is None


def test_no_reference_to_the_frame_or_its_locals_is_kept(folder):
    class Big:
        pass
    alive = []

    def work():
        chp = Checkpoint("c", skip=["big"])
        big = Big()
        alive.append(weakref.ref(big))
        chp.restore()
        chp.save()
        del big
        assert alive[0]() is None
        big = Big()
        alive.append(weakref.ref(big))
        alive.append(weakref.ref(chp))
        return 1
    gc.disable()
    try:
        work()
        assert [one() for one in alive] == [None, None, None]
    finally:
        gc.enable()


SCRIPT = """
    import sys
    from resume import Checkpoint
    chp = Checkpoint()
    n = 0
    chp.restore()
    n += 1
    chp.save()
    print(n)
    {last}
"""


@pytest.mark.parametrize("last, ended", [
    ("pass", True), ("sys.exit(0)", True), ("sys.exit()", True), ("sys.exit(3)", False),
    ("sys.exit('text')", False), ("1 / 0", False), ("import os; os._exit(0)", False),
    ("raise KeyboardInterrupt", False), ("import os; os.kill(os.getpid(), 9)", False),
    ("chp.close(); 1 / 0", True)])
def test_a_script_ends_with_its_module(program, monkeypatch, last, ended):
    script = program(SCRIPT.format(last=last), name="sim.py")
    assert script.run().out.strip() == "1"
    monkeypatch.chdir(script.folder)
    assert [one.ended for one in resume.list()] == [ended]
    assert script.run().out.strip() == "2"


def test_a_module_that_runpy_runs(program, monkeypatch):
    script = program("import runpy\n"
                     "for name in 'good.py', 'bad.py':\n"
                     "    try: runpy.run_path(name)\n"
                     "    except ZeroDivisionError: pass\n")
    text = ("from resume import Checkpoint\nchp = Checkpoint()\nn = 1\nchp.save()\n")
    (script.folder / "good.py").write_text(text.replace("Checkpoint()", "Checkpoint('good')"))
    (script.folder / "bad.py").write_text(text.replace("Checkpoint()", "Checkpoint('bad')")
                                          + "1 / 0\n")
    script.run().check()
    monkeypatch.chdir(script.folder)
    assert {one.name: one.ended for one in resume.list()} == {"good": True, "bad": False}


def test_the_end_is_recorded_also_when_the_folder_is_gone(folder):
    import shutil

    def work():
        chp = Checkpoint("c")
        chp.save()
        shutil.rmtree(folder / ".checkpoints")
        return 1
    assert work() == 1


def test_a_save_error_in_the_finalizer_warns_and_never_raises(folder, monkeypatch):
    def work():
        chp = Checkpoint("c")
        chp.save()
        (folder / ".checkpoints").rename(folder / "gone")
        (folder / ".checkpoints").write_text("a file in the way")
        return 1
    with pytest.warns(ResumeWarning, match="could not be recorded"):
        assert work() == 1


KEPT = []


def keeps(how, stop=False):
    """Something else keeps the frame, and with it the Checkpoint."""
    chp = Checkpoint("kept", key=how, skip=["last", "frame"])
    n = 0
    chp.restore(keep=["stop"])
    n += 1
    try:
        raise Cut
    except Cut as error:
        last = error
    chp.save()
    if how == "outside":
        KEPT.append(last)
    if how == "frame":
        KEPT.append(sys._getframe())
    if stop:
        raise last
    return n


@pytest.mark.parametrize("how", ["cycle", "outside", "frame"])
def test_a_frame_that_something_else_keeps(folder, how):
    gc.disable()
    try:
        assert [keeps(how) for _ in range(3)] == [1, 2, 3]
    finally:
        gc.enable()
    # the last one: nobody has taken over
    KEPT.clear()
    gc.collect()
    if how == "cycle":
        assert has_ended(f"kept@{how}")
    with pytest.warns(ResumeWarning, match="stop: False when saved, True now"):
        with pytest.raises(Cut):
            keeps(how, True)
    gc.collect()
    assert not has_ended(f"kept@{how}")


def test_a_kept_frame_at_the_end_of_the_program(program, monkeypatch):
    script = program("""
        from resume import Checkpoint
        kept = []
        def work(fail):
            chp = Checkpoint(key=fail)
            n = 0
            chp.save()
            try:
                1 / 0
            except ZeroDivisionError as error:
                kept.append(error)
                if fail:
                    raise
        work(False)
        try:
            work(True)
        except ZeroDivisionError:
            pass
    """, name="sim.py")
    script.run().check()
    monkeypatch.chdir(script.folder)
    assert {one.name: one.ended for one in resume.list()} \
        == {"sim.work@False": True, "sim.work@True": False}
