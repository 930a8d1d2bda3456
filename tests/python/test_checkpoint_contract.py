"""The contract of the original: one test for each sentence, rows 1, 2, 4, 5, 7, 8, 10 and 11."""
import datetime
import os
import pathlib
import shutil
import subprocess
import sys
import time
import warnings

import pytest

import resume
from resume import Checkpoint, NullCheckpoint, ResumeWarning


class Cut(Exception):
    """Stands for a crash inside one process: an exception is not completion."""


PRIMES = """
    import sys
    from resume import Checkpoint

    def compute_primes(n=10):
        "compute n next primes"
        chp = Checkpoint(rate=0)
        i = 2
        primes = [i]
        candidate = primes[-1]
        chp.restore()
        while n > 0:
            candidate += 1
            for p in primes:
                if not candidate % p:
                    break
            else:
                primes.append(candidate)
                n -= 1
                print(len(primes), flush=True)
            chp.sync()
        chp.save()
        return primes

    if __name__ == "__main__":
        print(compute_primes(*map(int, sys.argv[1:])))
"""


def test_the_name_comes_from_the_module_and_the_function(folder):
    def inner():
        return Checkpoint()
    chp = inner()
    assert chp.name == f"{__name__}.test_the_name_comes_from_the_module_and_the_function.inner"
    assert chp.filename == str(folder / ".checkpoints" / chp.name)
    assert os.path.isabs(chp.filename)


def test_the_name_of_a_script_is_its_stem(program):
    script = program("from resume import Checkpoint\n"
                     "def main(): return Checkpoint().name\n"
                     "print(main(), Checkpoint().name)\n", name="simulate.py")
    assert script.run().check().out.split() == ["simulate.main", "simulate"]


def test_a_module_run_with_m_has_the_name_it_is_imported_by(program):
    script = program("import runpy, sys\nsys.path.insert(0, '.')\n"
                     "runpy.run_module('pack.mod', run_name='__main__')\n")
    (script.folder / "pack").mkdir()
    (script.folder / "pack" / "__init__.py").write_text("")
    (script.folder / "pack" / "mod.py").write_text(
        "from resume import Checkpoint\ndef main(): return Checkpoint().name\nprint(main())\n")
    assert script.run().check().out.strip() == "pack.mod.main"


def test_a_name_or_a_path_also_works(folder):
    def by_name():
        return Checkpoint("mine").filename

    def by_text_path():
        return Checkpoint("sub/other").filename

    def by_path():
        return Checkpoint(folder / "deep" / "third").filename
    assert by_name() == str(folder / ".checkpoints" / "mine")
    assert by_text_path() == str(folder / "sub" / "other")
    assert by_path() == str(folder / "deep" / "third")


def test_two_mains_of_two_modules_never_meet(program):
    script = program("import a, b\nprint(a.main(), b.main())")
    for name in "ab":
        (script.folder / f"{name}.py").write_text(
            "from resume import Checkpoint\n"
            "def main():\n    chp = Checkpoint()\n    x = 0\n    chp.restore()\n"
            f"    x += {1 if name == 'a' else 10}\n    chp.save()\n    return x\n")
    assert script.run().check().out.split() == ["1", "10"]
    assert script.run().check().out.split() == ["2", "20"]


def test_another_program_of_the_same_stem_gets_an_error_that_says_so(program, tmp_path):
    text = ("from resume import Checkpoint\n"
            "def main():\n    chp = Checkpoint()\n    chp.save()\nmain()\n")
    store = str(tmp_path / "store")
    one = program(text, name="sim.py", folder=tmp_path / "one", RESUME_DIR=store)
    two = program(text, name="sim.py", folder=tmp_path / "two", RESUME_DIR=store)
    one.run().check()
    ran = two.run()
    assert ran.code != 0 and "ResumeError" in ran.err
    assert str(one.path) in ran.err and str(two.path) in ran.err and "key=" in ran.err
    one.run().check()
    one.path.unlink()  # the program is gone: its checkpoint may be taken over
    two.run().check()


def test_the_folder_is_made_absolute_at_opening(folder, tmp_path):
    def work():
        chp = Checkpoint()
        x = 5  # noqa: F841
        (tmp_path / "elsewhere").mkdir()
        os.chdir(tmp_path / "elsewhere")
        chp.save()
        return chp.filename
    assert os.path.exists(work()) and not os.listdir(tmp_path / "elsewhere")


def test_it_belongs_to_the_frame_that_made_it_also_when_a_helper_calls(folder):
    def helper(chp):
        value = "of the helper"  # noqa: F841
        chp.save()

    class Other:
        def restore(self, chp):
            value = "of the method"
            report = chp.restore()
            return value, report

    def work(stop):
        chp = Checkpoint(key="same")
        value = 0
        got, report = Other().restore(chp)
        assert got == "of the method"
        before, value = value, value + 1
        helper(chp)
        if stop:
            raise Cut
        return before, bool(report)
    with pytest.raises(Cut):
        work(True)
    with pytest.warns(ResumeWarning, match="stop: True when saved, False now"):
        assert work(False) == (1, True)


def test_a_killed_run_goes_on_and_gives_the_same_result(program):
    script = program(PRIMES, 12)
    assert script.kill_when("^5$").killed
    ran = script.kill_when("^9$")
    assert ran.killed and int(ran.out.split()[0]) >= 5
    out = script.run().check().out
    assert out.splitlines()[-1] == str([2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41])
    assert int(out.split()[0]) >= 9


def test_running_again_continues(program):
    script = program(PRIMES)
    first = script.run("10").check().out.splitlines()[-1]
    assert first == str([2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31])
    again = script.run("5").check()
    assert again.out.splitlines()[-1] == str(
        [2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53])
    assert again.err.count("ResumeWarning") == 1
    assert "n: 10 when saved, 5 now" in again.err and "key=" in again.err


def counter(**options):
    chp = Checkpoint(**options)
    count = 0
    chp.restore()
    count += 1
    chp.save()
    return count


def test_again_continue_fresh_and_error(folder):
    assert [counter(), counter(), counter()] == [1, 2, 3]
    with pytest.warns(ResumeWarning, match=r"other arguments: options: .*again=\"fresh\""):
        assert counter(again="continue") == 4
    with pytest.warns(ResumeWarning, match="resume revive"):
        assert counter(again="fresh") == 1
    with pytest.raises(resume.ResumeError, match="again=\"continue\""):
        counter(again="error")


def test_the_same_function_in_turn_for_four_data_sets(folder):
    def total(data, fail_at=None):
        chp = Checkpoint(key=data)
        done, i = 0, 0
        chp.restore()
        while i < len(data):
            done += len(data[i])
            i += 1
            chp.save()
        return done
    sets = ["a", "bb", "ccc", "dddd"]
    assert [total(data) for data in sets] == [1, 2, 3, 4]
    assert [total(data) for data in sets] == [1, 2, 3, 4]
    assert len(resume.list()) == 4


def test_unknown_names_are_reported_and_unassigned_ones_restored(folder):
    def work(part):
        chp = Checkpoint("parts")
        kept = 1
        if part == 1:
            later, gone = [7], "x"  # noqa: F841
            chp.save()
            raise Cut
        report = chp.restore()
        return kept, later, report

    def other():
        chp = Checkpoint("parts", on_change="ignore")
        kept, new = 5, 6
        report = chp.restore()
        return kept, new, report
    with pytest.raises(Cut):
        work(1)
    with pytest.warns(ResumeWarning):
        kept, later, report = work(2)
    assert (kept, later) == (1, [7])
    assert set(report.restored) == {"kept", "later", "gone"} and report.kept == ("part",)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        kept, new, report = other()
    assert (kept, new) == (1, 6)
    assert set(report.unused) == {"later", "gone", "part"}
    assert report.missing == ("new",) and report.generation >= 1 and 0 <= report.age < 60


def test_sync_saves_only_when_rate_seconds_have_passed(folder):
    def work():
        chp = Checkpoint(rate=0.2)
        i = 0
        assert chp.rate == 0.2 and chp.modified == 0.0
        assert not any(chp.sync() for i in range(1000))
        time.sleep(0.3)
        assert chp.sync() is True and chp.sync() is False
        chp.wait()
        assert abs(chp.modified - time.time()) < 5
        chp.rate = 0
        assert chp.sync() is True and chp.sync() is True
        chp.rate = "1h"
        assert chp.sync() is False
        return i
    work()


def test_auto_saves_by_what_it_costs(folder):
    def work():
        chp = Checkpoint(rate="auto", overhead=0.5)
        assert chp.rate == 1.0 and chp.sync() is False
        time.sleep(1.1)
        assert chp.sync() is True and chp.sync() is False
        assert 1 <= chp.rate <= 900
        chp.rate = 5
        assert chp.rate == 5.0
        chp.rate = "auto"
        assert 1 <= chp.rate <= 900
    work()
    for overhead in (0, 1, -1, float("nan"), "much"):
        with pytest.raises(ValueError, match="overhead"):
            Checkpoint("other", rate="auto", overhead=overhead)
    with pytest.raises(ValueError, match="duration"):
        Checkpoint("other", expire="auto")


def test_save_always_saves_and_is_durable_when_it_returns(program):
    script = program("""
        import os
        from resume import Checkpoint
        def main():
            chp = Checkpoint()
            n = 0
            chp.restore()
            n += 1
            chp.save()
            print(n, flush=True)
            os.kill(os.getpid(), 9)
        main()
    """)
    assert [script.run().out.strip() for _ in range(3)] == ["1", "2", "3"]


def test_files_are_in_a_hidden_folder_that_git_ignores(folder):
    counter()
    assert (folder / ".checkpoints" / ".gitignore").read_text().strip() == "*"
    assert (folder / ".checkpoints").stat().st_mode & 0o777 == 0o700


def test_the_folder_is_argument_then_class_then_environment(folder, monkeypatch):
    class Mine(Checkpoint):
        folder = "of-class"

    def place(kind, **options):
        return pathlib.Path(kind(**options).filename).parent.name
    assert Checkpoint.folder == ".checkpoints"
    assert place(Checkpoint) == ".checkpoints"
    monkeypatch.setenv("RESUME_DIR", str(folder / "of-environment"))
    assert place(Checkpoint) == "of-environment"
    assert place(Mine) == "of-class"
    assert place(Mine, folder=folder / "of-argument") == "of-argument"
    monkeypatch.setattr(Checkpoint, "folder", "set-on-class")
    assert place(Checkpoint) == "set-on-class"


def test_none_here_but_one_beside_the_script_warns_with_the_line_to_add(program, tmp_path):
    script = program("from resume import Checkpoint\ndef main():\n"
                     "    chp = Checkpoint()\n    chp.save()\nmain()\n")
    script.run().check()
    ran = program(script.path, folder=tmp_path / "elsewhere").run().check()
    assert "beside the program" in ran.err and "Checkpoint(folder=" in ran.err




def test_an_ended_call_expires_after_a_day_and_is_set_aside(folder, monkeypatch):
    def work():
        chp = Checkpoint()
        n = 0
        chp.restore()
        n += 1
        chp.save()
        return n
    assert work() == 1 and work() == 2
    monkeypatch.setattr(Checkpoint, "CACHE_EXPIRE", 0)
    with pytest.warns(ResumeWarning) as told:
        assert work() == 1
    texts = [str(one.message) for one in told]
    assert any("has expired" in text for text in texts)
    assert any("~1" in text and "resume revive" in text for text in texts)
    assert len([path for path in os.listdir(folder / ".checkpoints") if path.endswith("~1")]) == 1


def test_work_that_was_cut_off_does_not_expire_unless_expire_is_set(folder):
    def work(**options):
        chp = Checkpoint("work", **options)
        n = 0
        chp.restore()
        n += 1
        chp.save()
        if not options.get("expire"):
            raise Cut
        return n
    assert Checkpoint.CACHE_EXPIRE == 24 * 3600
    with pytest.raises(Cut):
        work()
    time.sleep(0.02)
    with pytest.warns(ResumeWarning, match="expired"):
        assert work(expire=0.01) == 1


LATER = """
#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
int clock_gettime(clockid_t id, struct timespec *now) {
    int status = (int)syscall(SYS_clock_gettime, id, now);
    if (id == CLOCK_REALTIME) now->tv_sec += atol(getenv("LATER"));
    return status;
}
"""


@pytest.fixture
def later(tmp_path):
    """Environment of a process for which it is some seconds later."""
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if not compiler:
        pytest.skip("needs a C compiler to move the clock of a process")
    (tmp_path / "later.c").write_text(LATER)
    library = tmp_path / "later.so"
    subprocess.run([compiler, "-shared", "-fPIC", "-o", library, tmp_path / "later.c"],
                   check=True)
    preload = " ".join(filter(None, [os.environ.get("LD_PRELOAD"), str(library)]))
    return lambda seconds: {"LD_PRELOAD": preload, "LATER": str(seconds)}


WEEKEND = """
    import os
    from resume import Checkpoint
    def main():
        chp = Checkpoint()
        n = 0
        chp.restore()
        n += 1
        chp.save()
        print(n, flush=True)
        if os.environ.get("KILL"): os.kill(os.getpid(), 9)
    main()
"""


def test_a_job_killed_on_friday_and_run_again_on_monday_goes_on(program, later):
    script = program(WEEKEND)
    assert script.run(KILL="1").killed
    ran = script.run(**later(3 * 86400)).check()
    assert ran.out.strip() == "2" and ran.err == ""


def test_a_job_that_ended_on_friday_starts_over_on_monday(program, later):
    script = program(WEEKEND)
    script.run().check()
    assert script.run(**later(23 * 3600)).check().out.strip() == "2"
    ran = script.run(**later(3 * 86400)).check()
    assert ran.out.strip() == "1" and "has expired" in ran.err and "resume revive" in ran.err


def test_clean_ignores_what_is_saved_and_keeps_it_aside(folder):
    assert counter() == 1
    with pytest.warns(ResumeWarning, match="~1"):
        assert counter(clean=True) == 1


def test_the_checkpoint_is_a_dict_for_extra_values(folder):
    def work():
        chp = Checkpoint()
        assert isinstance(chp, dict)
        report = chp.restore()
        seen = dict(chp)
        chp["best"] = [1, 2]
        chp[3, "x"] = {"deep": (1,)}
        chp.save(last=9)
        return seen, bool(report)
    assert work() == ({}, False)
    expected = {"best": [1, 2], (3, "x"): {"deep": (1,)}, "last": 9}
    assert work() == (expected, True)
    assert resume.load(f"{__name__}.test_the_checkpoint_is_a_dict_for_extra_values.work").extra \
        == expected


def test_a_dict_item_and_a_local_that_share_an_object_still_do(folder):
    def work():
        chp = Checkpoint()
        best = []
        chp["best"] = best
        chp.restore()
        same = chp["best"] is best
        best.append(1)
        chp.save()
        return same, len(chp["best"])
    assert work() == (True, 1)
    assert work() == (True, 2)


def test_restore_takes_defaults_for_names_that_are_not_saved(folder):
    def work():
        chp = Checkpoint()
        x = y = 0
        chp["z"] = 0
        chp.restore(x=1, z=3, unknown=4)
        seen = x, y, chp["z"], "unknown" in chp
        x, y, chp["z"] = 10, 20, 30
        chp.save()
        return seen
    assert work() == (1, 0, 3, False)
    assert work() == (10, 20, 30, False)


def test_an_extra_value_comes_back_as_a_local_of_that_name_as_in_the_original(folder):
    def work():
        chp = Checkpoint(skip=["total"])
        total = 0
        chp.restore()
        seen = total
        chp.save(total=5)
        return seen
    assert [work(), work()] == [0, 5]


def test_positional_arguments_of_the_original(folder):
    def work(*arguments):
        return Checkpoint(*arguments)
    chp = work("name", True, 7)
    assert (chp.name, chp.rate) == ("name", 7.0)
    del chp

    def by_keyword():
        return Checkpoint(filename="other", clean=False, rate=datetime.timedelta(minutes=2))
    chp = by_keyword()
    assert (chp.name, chp.rate) == ("other", 120.0)


def test_null_checkpoint_does_nothing(folder):
    chp = NullCheckpoint("x")
    x = 1
    chp["a"] = 2
    chp.save(b=3)
    assert chp.load() is chp and dict(chp) == {"a": 2} and chp.filename == "x"
    assert not chp.restore(x=5) and x == 1 and not chp.sync()
    assert list(chp.loop(range(3))) == [0, 1, 2]
    with chp as same:
        assert same is chp
    assert chp.done(4) == 4 and NullCheckpoint().filename == ""
    assert not os.listdir(folder)


def test_disabled_everything_is_a_no_op(folder, monkeypatch):
    monkeypatch.setenv("RESUME_DISABLE", "1")
    with Checkpoint(rate=0) as chp:
        x = 1
        assert not chp.restore(x=2) and chp.fresh
        for _ in chp.loop(range(3)):
            assert not chp.sync()
        chp.save()
        assert chp.track(x) is x
    assert not os.listdir(folder)
    assert Checkpoint().done(3) == 3


def test_import_has_no_side_effects(program):
    ran = program("""
        import os, signal, sys, threading
        before = set(os.listdir(".")), [signal.getsignal(n) for n in (2, 15)]
        import resume
        assert "numpy" not in sys.modules and "logging" not in sys.modules
        assert threading.active_count() == 1 and len(os.listdir("/proc/self/task")) == 1
        assert before == (set(os.listdir(".")), [signal.getsignal(n) for n in (2, 15)])
    """).run()
    ran.check()
    assert ran.err == ""


def test_other_interpreters_are_refused_with_one_line(folder):
    interpreters = pytest.importorskip("_xxsubinterpreters")
    number = interpreters.create()
    try:
        with pytest.raises(Exception, match="main interpreter alone|in subinterpreters"):
            interpreters.run_string(number, "import sys; sys.path[:] = " + repr(sys.path)
                                    + "; import resume")
    finally:
        interpreters.destroy(number)


def test_docstrings_have_signatures():
    import inspect
    for name in ("sync", "save", "restore", "loop", "track", "wait", "done", "close"):
        method = getattr(Checkpoint, name)
        assert method.__doc__ and inspect.signature(method), name
    assert "again" in inspect.signature(Checkpoint).parameters
    assert inspect.signature(resume.load) and inspect.signature(resume.list)
