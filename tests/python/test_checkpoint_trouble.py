"""Failing saves, bad files, bad names: each says what happened, to what, and what to do."""
import contextlib
import gzip
import logging
import os
import pickle
import shutil
import subprocess
import sys
import time
import warnings

import pytest

import resume
from resume import Checkpoint, ResumeWarning

ROOT = os.geteuid() == 0


class Cut(Exception):
    pass


def counter(**options):
    chp = Checkpoint("c", **options)
    n = 0
    chp.restore(keep=["options"])
    n += 1
    chp.save()
    return n


def test_a_folder_removed_while_the_program_runs(folder):
    def work():
        chp = Checkpoint("c", rate=0)
        x = [0] * 1000
        chp.save()
        shutil.rmtree(folder / ".checkpoints")
        x[0] = 7
        with pytest.warns(ResumeWarning, match="complete new one"):
            chp.save()
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            chp.save()
        raise Cut
    with pytest.raises(Cut):
        work()
    assert resume.load("c")["x"][0] == 7


def test_the_file_alone_removed(folder):
    def work():
        chp = Checkpoint("c")
        x = 0
        chp.save()
        os.unlink(chp.filename)
        x = 1  # noqa: F841
        with pytest.warns(ResumeWarning, match="complete new one"):
            chp.save()
        return x
    work()
    assert resume.load("c")["x"] == 1




def test_a_save_that_fails_raises_and_a_due_sync_warns(program):
    script = program("""
        import resource, signal, warnings
        import resume
        from resume import Checkpoint
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        def main():
            chp = Checkpoint(rate=0, compress=False)
            import random
            data = random.Random(1).randbytes(1000)
            chp.restore()
            chp.save()
            data = random.Random(2).randbytes(3_000_000)
            resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, hard))
            with warnings.catch_warnings(record=True) as told:
                warnings.simplefilter("always")
                for _ in range(50_000): chp.sync()  # a failing disk is not asked at every call
            print("told", ["could not be saved" in str(one.message) for one in told])
            try:
                chp.save()
            except resume.CheckpointIOError as error:
                print("raised", error.errno is not None, error.status, isinstance(error, OSError))
                print(error)
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
            print(len(resume.load("sim.main")["data"]))
            chp.save()
            print(len(resume.load("sim.main")["data"]))
        main()
    """, name="sim.py")
    out = script.run().check().out.splitlines()
    assert out[0] == "told [False, True]"  # the plain `for`, and the failure once
    assert out[1].startswith("raised True") and out[1].endswith("True")
    assert "sim.main" in out[2]
    assert out[-2:] == ["1000", "3000000"]


def test_on_error_raise(program):
    script = program("""
        import resource, signal, random
        import resume
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        def main():
            chp = resume.Checkpoint(rate=0, on_error="raise", compress="never")
            data = random.Random(2).randbytes(3_000_000)
            resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, -1))
            try:
                chp.sync()
                chp.wait()
            except resume.CheckpointIOError:
                print("raised")
        main()
    """)
    assert script.run().check().out.strip() == "raised"


def test_a_full_disk_tells_needed_and_free_bytes(tmp_path, monkeypatch):
    small = tmp_path / "small"
    small.mkdir()
    if not ROOT or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=512k", "none", small],
                                  capture_output=True).returncode:
        pytest.skip("a small file system needs the right to mount one")
    try:
        def work():
            import random
            chp = Checkpoint(folder=small, compress=False)
            data = random.Random(1).randbytes(10_000)
            chp.save()
            data = random.Random(2).randbytes(2_000_000)  # noqa: F841
            with pytest.raises(resume.CheckpointIOError, match=r"\d") as told:
                chp.save()
            data = 5  # noqa: F841
            chp.save()
            return str(told.value), chp.filename
        text, path = work()
        assert "free" in text and path.rsplit("/", 1)[1] in text
        assert resume.load(path)["data"] == 5
    finally:
        subprocess.run(["umount", "-l", small], check=True)


def make(path, data):
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(data)


def test_a_checkpoint_of_0_13_in_the_folder_gets_a_message(folder):
    make(folder / ".checkpoints" / "work.pzip", gzip.compress(pickle.dumps({"x": 1}, 2)))

    def work():
        return Checkpoint().filename
    with pytest.warns(ResumeWarning, match=r"work\.pzip' is a checkpoint of resume 0\.13"):
        work()
    assert (folder / ".checkpoints" / "work.pzip").exists()


def test_a_checkpoint_of_0_13_given_as_path(folder):
    path = folder / "old.pzip"
    make(path, gzip.compress(pickle.dumps({"x": 1}, 2)))
    before = path.read_bytes()

    def work():
        return Checkpoint(str(path))
    for look in work, lambda: resume.load(path):
        with pytest.raises(resume.ResumeError, match="0.13") as told:
            look()
        assert "old.pzip" in str(told.value)
    assert path.read_bytes() == before


@pytest.mark.parametrize("content", [b"", b"\0" * 5000, b"hello, world", b"\x89PNG\r\n" * 2000])
def test_a_foreign_or_empty_file_is_an_error_and_left_as_it_is(folder, content):
    make(folder / ".checkpoints" / "c", content)
    with pytest.raises(resume.ResumeError) as told:
        counter()
    assert "'" in str(told.value) and str(folder) in str(told.value)
    assert (folder / ".checkpoints" / "c").read_bytes() == content
    with pytest.raises(resume.ResumeError):
        resume.load("c")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert counter(clean=True) == 1
    assert any(path.read_bytes() == content for path in (folder / ".checkpoints").iterdir())


def big():
    import random
    chp = Checkpoint("big", compress="never")
    generation, data = 0, b""
    report = chp.restore()
    if report:
        return generation, data, report
    for generation in 1, 2, 3:
        data = random.Random(generation).randbytes(1_500_000)
        chp.save()
    raise Cut


def damage(path, content, start=0):
    """Flips a byte of the saved bytes, wherever they are."""
    whole = path.read_bytes()
    where = whole.rindex(content)
    assert where > 0
    path.write_bytes(whole[:where] + bytes([whole[where] ^ 1]) + whole[where + 1:])


def test_a_damaged_generation_is_told_and_the_one_before_is_taken(folder):
    import random
    with pytest.raises(Cut):
        big()
    path = folder / ".checkpoints" / "big"
    damage(path, random.Random(3).randbytes(1_500_000)[900_000:900_100])
    with pytest.warns(ResumeWarning, match="the save before it is read") as told:
        assert resume.load("big")["generation"] == 2
    assert [str(one.message).count(str(path)) for one in told] == [1]
    with pytest.warns(ResumeWarning) as told:
        generation, data, report = big()
    assert (generation, data) == (2, random.Random(2).randbytes(1_500_000))
    text = " ".join(str(one.message) for one in told)
    assert "damaged" in text and report.restored and report.generation == 2
    assert resume.list()[0].problem is None or "damaged" in resume.list()[0].problem


def test_a_damaged_file_is_named_once(folder):
    path, sizes = folder / ".checkpoints" / "c", []
    for _ in range(3):
        counter()
        sizes.append(path.stat().st_size)
    assert sizes[1] < sizes[2]
    path.write_bytes(path.read_bytes()[:sizes[1]])
    with pytest.warns(ResumeWarning) as told:
        resume.load("c")
    assert [str(one.message).count(str(path)) for one in told] == [1]


def test_nothing_left_that_is_whole(folder):
    import random
    with pytest.raises(Cut):
        big()
    path = folder / ".checkpoints" / "big"
    for i in 1, 2, 3:
        damage(path, random.Random(i).randbytes(1_500_000)[900_000:900_100])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(resume.CheckpointDamaged, match="big"):
            big()
        with pytest.raises(resume.CheckpointDamaged):
            resume.load("big")


def test_restore_is_all_or_nothing(folder):
    """The arguments in place, the locals, the items and the generators stay as they are."""
    import random

    def work(items):
        chp = Checkpoint("all", compress=False)
        small, large = "fresh", b""
        if chp.fresh:
            items.append(1)
            small, large = "saved", random.Random(5).randbytes(1_500_000)
            chp["item"] = 1
            chp.save()
            raise Cut
        state = random.getstate()
        with pytest.raises(resume.CheckpointDamaged):
            chp.restore()
        return items, small, large, dict(chp), random.getstate() == state
    with pytest.raises(Cut):
        work([0])
    damage(folder / ".checkpoints" / "all", random.Random(5).randbytes(1_500_000)[100_000:100_100])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert work([0]) == ([0], "fresh", b"", {}, True)


@pytest.mark.parametrize("name", ["a\0b", "x" * 300, "", "sub/", "ä" * 60])
def test_bad_names(folder, name):
    def work():
        chp = Checkpoint(name)
        chp.save()
        return chp.name
    if name == "":
        assert work().endswith("work")  # as in the original: no name
        return
    with pytest.raises((resume.ResumeError, ValueError)) as told:
        work()
    assert len(str(told.value)) < 600


def test_a_long_automatic_name_is_cut_and_stays_one_of_its_own(folder):
    space = {"Checkpoint": Checkpoint, "__name__": "long"}
    for end in "ab":
        exec(f"def {'f' * 120}{end}(): return Checkpoint().filename", space)
    names = [space["f" * 120 + end]() for end in "ab"]
    assert len(set(names)) == 2 and all(len(os.path.basename(name)) <= 100 for name in names)


def test_bad_options_say_what_is_good(folder):
    bad = [({"again": "maybe"}, "continue"), ({"on_change": 3}, "ignore"), ({"rate": "soon"}, "5m"),
           ({"rate": -1}, "rate=-1"), ({"rate": float("nan")}, "rate"), ({"expire": []}, "expire"),
           ({"keep": 0}, "keep"), ({"compress": "zip"}, "auto"), ({"skip": [1]}, "skip"),
           ({"on_error": None, "unknown": 1}, "unknown"), ({"ranks": "all"}, "independent"),
           ({"key": [1]}, "key=")]
    for options, text in bad:
        def work():
            return Checkpoint(**options)
        with pytest.raises((TypeError, ValueError), match=text):
            work()
    assert not os.listdir(folder)


def test_durations(folder):
    import datetime
    values = {5: 5, 0.5: 0.5, "90": 90, "5m": 300, "1h30m": 5400, "2d": 172800, "250ms": 0.25,
              datetime.timedelta(hours=1): 3600, "never": float("inf"), float("inf"): float("inf")}
    for value, seconds in values.items():
        def work():
            return Checkpoint(rate=value).rate
        assert work() == pytest.approx(seconds)


def test_a_folder_that_is_not_writable(folder):
    target = folder / "read-only"
    target.mkdir(mode=0o500)

    def work():
        chp = Checkpoint(folder=target)
        chp.save()
    if ROOT:
        pytest.skip("root may write everywhere")
    with pytest.raises(resume.CheckpointIOError, match="read-only"):
        work()


def test_a_file_in_the_place_of_the_folder(folder):
    (folder / "file").write_text("x")

    def work():
        return Checkpoint(folder=folder / "file")
    with pytest.raises(resume.ResumeError, match="file"):
        work()


@pytest.mark.parametrize("variables", [
    {"RANK": "1", "WORLD_SIZE": "4"}, {"OMPI_COMM_WORLD_RANK": "0", "OMPI_COMM_WORLD_SIZE": "2"},
    {"PMI_RANK": "1", "PMI_SIZE": "2"}, {"SLURM_PROCID": "3", "SLURM_STEP_NUM_TASKS": "8"}])
def test_several_ranks_are_refused_unless_independent(folder, monkeypatch, variables):
    for name, value in variables.items():
        monkeypatch.setenv(name, value)

    def work(**options):
        return Checkpoint(**options).name
    with pytest.raises(resume.ResumeError, match="ranks=\"independent\""):
        work()
    assert work(ranks="independent").endswith("@rank" + list(variables.values())[0])
    for name in variables:
        monkeypatch.setenv(name, "1")
    monkeypatch.setenv([name for name in variables if "SIZE" in name or "TASKS" in name][0], "1")
    assert "@" not in work()


def test_warnings_are_logged_for_those_who_log(folder, caplog):
    with caplog.at_level(logging.WARNING, "resume"):
        with pytest.warns(ResumeWarning):
            counter()
            counter(again="fresh")
    assert any(record.name == "resume" for record in caplog.records)


def test_the_line_on_a_terminal(program):
    import pty
    script = program("""
        from resume import Checkpoint
        def main():
            chp = Checkpoint()
            n = 0
            chp.restore()
            n += 1
            chp.save()
        main()
    """, name="sim.py")

    def stderr_of(**environment):
        ours, theirs = pty.openpty()
        process = subprocess.Popen([sys.executable, str(script.path)], cwd=script.folder,
                                   env=script.environment | environment, stderr=theirs)
        process.wait()
        os.close(theirs)
        text = b""
        with contextlib.suppress(OSError):  # EIO: everything is read
            while part := os.read(ours, 10_000):
                text += part
        os.close(ours)
        return text.decode()
    assert stderr_of() == ""
    text = stderr_of()
    assert text.startswith("resume: sim.main continues the run that ended ")
    assert "(again=\"fresh\" starts over)" in text
    assert stderr_of(RESUME_QUIET="1") == ""
    assert script.run().check().err == ""


def test_a_plain_for_around_sync_warns_once_with_the_cure(folder):
    def work():
        chp = Checkpoint(rate=0)
        total = 0
        chp.restore()
        for x in range(5):
            total += x
            chp.sync()
        return total
    with pytest.warns(ResumeWarning, match=r"chp\.loop\(range\(5\)\)") as told:
        work()
    assert len(told) == 1


LOOPS = """
    import os
    from resume import Checkpoint
    def main():
        chp = Checkpoint(rate=0)
        seen = []
        table = {"a": 1, "b": 2, "c": 3}
        chp.restore()
        for x in chp.loop(range(4)):
            seen.append(x)
            chp.sync()
            if os.environ.get("KILL") == str(len(seen)): os.kill(os.getpid(), 9)
        for i, (k, v) in chp.loop(enumerate(table.items())):
            seen.append((i, k, v))
            chp.sync()
            if os.environ.get("KILL") == str(len(seen)): os.kill(os.getpid(), 9)
        for a, b in chp.loop(zip("xyz", [1, 2, 3])):
            for c in chp.loop([10, 20]):
                seen.append((a, b, c))
                chp.sync()
                if os.environ.get("KILL") == str(len(seen)): os.kill(os.getpid(), 9)
        return seen
    print(main())
"""


def test_loops_go_on_where_they_stopped(program, tmp_path):
    whole = program(LOOPS, folder=tmp_path / "whole").run().check()
    assert whole.err == ""
    pieces = program(LOOPS, folder=tmp_path / "pieces")
    for n in 2, 3, 5, 6, 8, 10, 12, 13:
        pieces.run(KILL=str(n))
    assert pieces.run().check().out == whole.out


def test_load_gives_everything_as_data(folder):
    def work(n):
        chp = Checkpoint("d")
        items = {"a": (1, 2.5, None)}
        chp["extra"] = items
        tracked = [5]
        chp.track(tracked)
        return chp.done(n + 1)
    assert work(1) == 2
    data = resume.load("d")
    assert isinstance(data, dict) and data.vars == dict(data)
    assert data["items"] == {"a": (1, 2.5, None)} and data.extra["extra"] is data["items"]
    assert data.result == 2 and data.arguments == {"n": "1"} and "tracked" in data.tracked
    assert data.meta["ended"] and data.meta["function"].endswith("work")
    assert resume.load(folder / ".checkpoints" / "d") == data
    with pytest.raises(resume.CheckpointNotFound, match="nothing"):
        resume.load("nothing")
    with pytest.raises(resume.CheckpointNotFound):
        resume.load(folder / "none" / "x")


def test_list_tells_of_bad_files_too(folder):
    counter()
    make(folder / ".checkpoints" / "bad", b"not one")
    entries = {one.name: one for one in resume.list()}
    assert set(entries) == {"c", "bad"} and entries["bad"].problem and not entries["c"].problem
    assert entries["c"].path == str(folder / ".checkpoints" / "c")
    assert 0 <= entries["c"].age < 60 and entries["c"].generation >= 1
    assert [one.path for one in resume.list(folder / ".checkpoints")] \
        == [one.path for one in resume.list()]
    shutil.rmtree(folder / ".checkpoints")
    assert resume.list() == []
    with pytest.raises(resume.CheckpointNotFound):
        resume.list("elsewhere")


def test_a_checkpoint_cant_be_copied_or_pickled(folder):
    import copy
    chp = Checkpoint("p")
    for way in copy.copy, copy.deepcopy, pickle.dumps:
        with pytest.raises(TypeError, match="dict\\(chp\\)"):
            way(chp)
    with pytest.raises(resume.ResumeError, match="made already"):
        chp.__init__("q")


def test_sync_not_due_is_cheap(folder):
    chp = Checkpoint("speed")

    def empty():
        pass

    def best(function):
        times = []
        for _ in range(7):
            start = time.perf_counter()
            for _ in range(20_000):
                function()
            times.append(time.perf_counter() - start)
        return min(times)
    assert best(chp.sync) < 3 * best(empty)  # the exact figure is for ./dev bench


def test_names_and_paths_that_are_no_utf_8(program, tmp_path):
    source = """
        from resume import Checkpoint
        import resume
        def main():
            chp = Checkpoint()
            n = 0
            chp.restore()
            n += 1
            chp.save()
            return n
        def named(**options):
            chp = Checkpoint(**options)
            chp.save()
            return ascii(chp.name)
        print(main(), named(name="\\udcfe"), named(key="\\ud800"), len(resume.list()),
              len(resume.load("\\udcfe")))
    """
    script = program(source, name=os.fsdecode(b"s\xff.py"),
                     folder=tmp_path / os.fsdecode(b"run\xfe"), PYTHONWARNINGS="ignore")
    assert script.run().check().out.startswith("1 '\\udcfe' 's\\udcff.named@\\ud800' 3 ")
    assert script.run().check().out.startswith("2 ")
