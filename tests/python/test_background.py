"""Saves that are written while the program goes on: what they hold, who waits, how failures are
told, and that no end of a program leaves the last one half done."""
import array
import resource
import sys
import threading
import warnings

import pytest

import resume
from resume import Checkpoint

np = pytest.importorskip("numpy")
LARGE = 12 << 20
pytestmark = pytest.mark.filterwarnings("ignore:.*starts over when")


def newest():
    return resume.load("c")


# ---- what is saved is what there was at the call ----

def containers(size):
    """Values that can be filled with one number, and how: all of them are changed in place."""
    order_f = np.zeros((size // 8, 8), order="F")
    whole = np.zeros(2 * size)
    made = {
        "numbers": [0] * size, "nested": [[0] * 10 for _ in range(10)], "by_name": {"a": 0, "b": 0},
        "raw": bytearray(size), "packed": array.array("q", [0] * size),
        "plain": np.zeros(size), "small": np.zeros(10, dtype="u1"), "order_f": order_f,
        "view": whole[::2], "whole": whole, "texts": np.full(size // 8, "0", dtype="U3"),
    }
    return made


def fill(values, number):
    small = number % 200
    values["numbers"][:] = [number] * len(values["numbers"])
    for part in values["nested"]:
        part[:] = [number] * len(part)
    for key in values["by_name"]:
        values["by_name"][key] = number
    values["raw"][:] = bytes([small]) * len(values["raw"])
    values["packed"][:] = array.array("q", [number]) * len(values["packed"])
    values["small"][:] = small
    for name in "plain", "order_f", "whole":
        values[name][...] = number
    values["texts"][:] = str(number)


def check(values, number):
    small = number % 200
    assert set(values["numbers"]) == {number}
    assert {item for part in values["nested"] for item in part} == {number}
    assert set(values["by_name"].values()) == {number}
    assert set(values["raw"]) == {small} and set(values["packed"]) == {number}
    assert (values["small"] == small).all() and set(values["texts"]) == {str(number)}
    for name in "plain", "order_f", "view", "whole":
        assert (values[name] == number).all(), name
    assert np.shares_memory(values["view"], values["whole"])
    assert values["order_f"].flags.f_contiguous


@pytest.mark.parametrize("size, rounds", [(64, 40), (50_000, 12), (LARGE // 8, 3)],
                         ids=["small", "some", "large"])
def test_what_changes_right_afterwards_is_not_in_it(folder, size, rounds):
    def work():
        chp = Checkpoint("c", rate=0)
        values = containers(size)
        for number in range(1, rounds + 1):
            fill(values, number)
            assert chp.sync() is True
            fill(values, 199 - number)  # the next save, and nothing of it in this one
            chp.wait()
            saved = newest()
            assert saved["number"] == number
            check(saved["values"], number)
    work()


def test_a_data_frame_that_changes_right_afterwards(folder):
    pd = pytest.importorskip("pandas")

    def work():
        chp = Checkpoint("c", rate=0)
        frame = pd.DataFrame({"a": np.zeros(300_000), "b": np.zeros(300_000, dtype=int)})
        for number in range(1, 6):
            frame.loc[:, "a"] = float(number)
            frame.iloc[:, 1] = number
            chp.sync()
            frame.loc[:, "a"] = -1.0
            frame.iloc[:, 1] = -1
            chp.wait()
            saved = newest()["frame"]
            assert set(saved["a"]) == {float(number)} and set(saved["b"]) == {number}
    work()


def test_the_next_one_waits_and_none_is_left_out(folder):
    """At rate 0 every sync() saves; what is under way comes to its end first."""
    def work():
        chp = Checkpoint("c", rate=0)
        field = np.zeros(LARGE // 8)
        for number in range(1, 9):
            field[...] = number
            assert chp.sync() is True
        chp.wait()
        return chp
    chp = work()
    del chp
    assert newest().meta["saves"] == 8 and (newest()["field"] == 8).all()


def test_not_due_while_one_is_under_way(folder):
    """The rate counts from the save on; what is not durable yet holds nobody up."""
    def work():
        chp = Checkpoint("c", rate=1e-9)
        field = np.random.default_rng(1).random(LARGE // 8)
        calls = made = 0
        while made < 3:  # the timer may need a moment
            calls += 1
            made += chp.sync()
        chp.wait()
        assert (newest()["field"] == field).all()
        return calls
    assert work() > 3


def test_a_file_that_is_appended_to_waits_for_the_first_save_that_knows_it(folder):
    """What comes into it behind that save can be cut off only if the save is there."""
    def work():
        chp = Checkpoint("c", rate=0)
        field, more = np.random.default_rng(1).random(LARGE // 8), None
        for number in range(4):
            if number == 0:
                out = chp.open("out.txt", "a", truncate=True)
            if number == 2:
                more = chp.open("more.txt", "a")
            field += 1
            assert chp.sync()
            if number % 2 == 0:
                assert newest()["number"] == number
        out.close()
        return more.close()
    work()


def test_without_background_it_is_durable_on_return(folder):
    def work():
        chp = Checkpoint("c", rate=0, background=False)
        for number in range(5):
            assert chp.sync() is True
            assert newest()["number"] == number
        return chp.wait()
    assert work() is None


# ---- threads ----

def test_others_run_while_it_is_waited_for(folder):
    """The GIL is free in wait(): a thread counts meanwhile. It is switched on demand alone, so that
    nothing else lets the thread run."""
    counted, ends = [0], threading.Event()

    def count():
        while not ends.is_set():
            counted[0] += 1
            if counted[0] % 1000 == 0:
                ends.wait(0.0001)

    def work():
        chp = Checkpoint("c", rate=0, skip=["thread", "chp"], compress="always")
        field = np.random.default_rng(2).random(LARGE // 8)  # noqa: F841
        for _ in range(50):
            chp.sync()
            before = counted[0]
            chp.wait()
            if counted[0] > before + 10:
                return True
        return False
    thread = threading.Thread(target=count)
    interval = sys.getswitchinterval()
    thread.start()
    sys.setswitchinterval(1000)
    try:
        assert work()
    finally:
        ends.set()
        sys.setswitchinterval(interval)
        thread.join()


@pytest.mark.parametrize("closes", [False, True])
def test_several_threads_wait_for_one(folder, closes):
    """One of them may close the checkpoint while the others wait."""
    problems = []

    def wait(chp, last):
        try:
            chp.wait()
            if last:
                chp.close()
        except BaseException as error:  # noqa: BLE001
            problems.append(error)

    def work():
        chp = Checkpoint("c", rate=0, skip=["threads", "chp"], compress="always")
        field = np.random.default_rng(3).random(LARGE // 8)
        for number in range(1 if closes else 6):
            field[0] = number
            chp.sync()
            threads = [threading.Thread(target=wait, args=(chp, closes and i == 1))
                       for i in range(4)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            assert newest()["field"][0] == number
        chp.close()
    work()
    assert problems == []
    Checkpoint("c").close()  # its lock is free


def test_threads_that_all_sync(folder):
    """sync() by several threads on one checkpoint: each waits for a write that is under way, and
    saves, unless another one is taking the state just then."""
    problems, saved = [], []

    def call(chp):
        try:
            for _ in range(10):
                saved.append(chp.sync())
        except BaseException as error:  # noqa: BLE001
            problems.append(error)

    def work():
        chp = Checkpoint("c", rate=0, skip=["threads", "chp", "thread"])
        field = np.zeros(100_000)  # noqa: F841
        threads = [threading.Thread(target=call, args=(chp,)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        chp.close()
    work()
    assert problems == []
    assert len(saved) == 40 and 10 <= sum(saved) == newest().meta["saves"]


# ---- failures ----

class full:
    """A file of this process can't grow."""

    def __enter__(self):
        self.before = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (8192, self.before[1]))

    def __exit__(self, *problem):
        resource.setrlimit(resource.RLIMIT_FSIZE, self.before)


def test_a_failure_is_raised_by_wait(folder):
    def work():
        chp = Checkpoint("c", rate=0)
        payload = np.random.default_rng(4).random(100_000)  # noqa: F841
        chp.save(step=1)
        with full():
            payload[...] += 1
            chp["step"] = 2
            assert chp.sync() is True  # begun
            with pytest.raises(resume.CheckpointIOError, match="/c'"):
                chp.wait()
        chp.wait()  # told once
        assert newest().extra["step"] == 1
        chp.save()
        assert newest().extra["step"] == 2
    work()


@pytest.mark.parametrize("how", ["sync", "save", "close", "exit", "raise"])
def test_a_failure_is_told_at_the_next_call(folder, how):
    def work():
        chp = Checkpoint("c", rate=0, on_error="raise" if how == "raise" else "warn")
        payload = np.random.default_rng(4).random(100_000)
        chp.save(step=1)
        with full(), warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            payload[...] += 1
            chp["step"] = 2
            chp.sync()
            if how == "sync":
                assert chp.sync() is False  # not at once again
            elif how == "save":
                with pytest.raises(resume.CheckpointIOError):
                    chp.save()
            elif how == "close":
                with pytest.raises(resume.CheckpointIOError):
                    chp.close()
            elif how == "exit":
                chp.__exit__(ValueError, ValueError(), None)
            else:
                with pytest.raises(resume.CheckpointIOError):
                    chp.sync()
        texts = [str(one.message) for one in told if "could not be saved" in str(one.message)]
        assert len(texts) == (how in ("sync", "save", "exit"))
        assert all("what was saved before is untouched" in text for text in texts)
    work()
    saved = newest()
    assert saved.extra["step"] == 1
    # A call that went on after it was told, and returned, has ended.
    assert saved.meta["ended"] is (how in ("sync", "save", "raise"))


# ---- the ends of a program ----

PROGRAM = """
    import atexit, gc, os, resource, sys, threading
    import numpy as np
    import resume

    how = sys.argv[1]

    def work():
        chp = resume.Checkpoint("c", rate=0, compress="always", skip=["chp"])
        field = np.random.default_rng(1).random(1_500_000)
        number = 1
        chp.save()
        number = 2
        chp.sync()                  # under way now
        field[...] = -1
        number = 3
        if how == "exit":
            sys.exit(3)
        if how == "exception":
            raise ValueError("on purpose")
        if how == "garbage":
            holder = [chp]
            holder.append(holder)
        if how == "close":
            chp.close()
        if how == "with":
            with chp:
                pass
        if how == "fork":
            child = os.fork()
            if child == 0:
                sys.exit(7)         # its at-exit functions run as well
            assert os.waitpid(child, 0)[1] == 7 << 8
        if how == "pool":
            import multiprocessing
            with multiprocessing.get_context("fork").Pool(2) as pool:
                assert pool.map(abs, range(-3, 0)) == [3, 2, 1]
        if how == "thread":
            threading.Thread(target=chp.wait).start()
        if how == "kept":
            sys.kept = chp
        if how == "atexit":
            def late():
                global number
                chp["late"] = True
                chp.sync()
            atexit.register(late)
            sys.kept = chp
        if how == "full":
            resource.setrlimit(resource.RLIMIT_FSIZE, (8192, -1))
            chp.wait()
            field[...] = 4
            chp.sync()
            sys.exit(3)

    if how == "early":
        def early():
            chp = sys.kept
            chp["late"] = True
            assert chp.sync()
        atexit.register(early)      # runs after the function of the package
        how = "kept"
    work()
    gc.collect()
"""


@pytest.mark.parametrize("how", ["return", "exit", "exception", "garbage", "close", "with", "fork",
                                 "pool", "thread", "kept", "atexit", "early"])
def test_no_end_leaves_the_last_one_half_done(program, how):
    script = program(PROGRAM, how)
    ran = script.run()
    assert ran.code == {"exit": 3, "exception": 1}.get(how, 0), ran.err
    saved = resume.load(script.folder / ".checkpoints" / "c")
    if how == "early" or how == "atexit":
        assert saved.extra["late"] is True
    else:
        assert saved["number"] == 2
        assert (saved["field"] == np.random.default_rng(1).random(1_500_000)).all()
    assert "Traceback" not in ran.err or how == "exception"


def test_a_failure_is_told_at_the_end(program):
    ran = program("""
        import resource, sys
        import numpy as np
        import resume

        def work():
            chp = resume.Checkpoint("c", rate=0)
            field = np.random.default_rng(1).random(100_000)
            chp.save()
            resource.setrlimit(resource.RLIMIT_FSIZE, (8192, -1))
            field += 1
            chp.sync()
            sys.exit(3)
        work()
    """).run()
    assert ran.code == 3 and "could not be saved" in ran.err


def test_resumable_is_durable_when_it_ends_by_an_exception(program):
    script = program("""
        import resume

        @resume.resumable(rate=0)
        def work(fails):
            total = 0
            for number in range(5):
                total += number
                resume.sync()
            if fails:
                raise ValueError("on purpose")
            return total
        import sys
        print(work(len(sys.argv) > 1))
    """, "fails")
    assert "on purpose" in script.run().err
    [entry] = resume.list(script.folder / ".checkpoints")
    assert resume.load(entry.path)["number"] == 4
    assert resume.load(entry.path).meta["saves"] == 5
