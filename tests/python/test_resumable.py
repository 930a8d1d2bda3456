"""Functions that @resume.resumable decorates: killed at every save, they go on at the statement."""
import inspect
import pickle

import killed
import pytest

import resume

CASES = {
    "nested_loops": """
@resume.resumable
def main(n=3):
    found = []
    for i in range(n):
        for name in ["a", "b"]:
            found.append((i, name))
            log(i, name)
            save()
    return found
""",
    "callers_in_the_middle": """
def add(a, b):
    save()
    return a + b

@resume.resumable
def main():
    total = 1
    for i in range(3):
        total = 2 * total + add(i, add(i, total)) - max(i, add(1, 2))
        log(total)
    return f"{add(total, 1)!r:>10}", {add(1, 2): add(3, 4)}
""",
    "generators": """
def numbers(n):
    for i in range(n):
        save()
        got = yield i * i
        log("got", got)

def chained():
    yield from numbers(2)
    yield -1

@resume.resumable
def main():
    first = numbers(4)
    seen = [next(first), first.send("x")]
    for value in chained():
        seen.append(value)
    seen.extend(value for value in first)
    return seen
""",
    "try_and_with": """
import contextlib

@contextlib.contextmanager
def noted(name):
    log("enter", name)
    try:
        yield name
    finally:
        log("exit", name)

@resume.resumable
def main():
    result = []
    for i in range(3):
        try:
            with noted(i) as name:
                save()
                if name == 1:
                    raise ValueError(name)
                result.append(name)
        except ValueError as error:
            save()
            result.append(repr(error))
        finally:
            save()
            result.append("finally")
    return result
""",
    "recursion": """
@resume.resumable
def main(n=4):
    if n == 0:
        save()
        return 1
    below = main(n - 1)
    save()
    log(n, below)
    return n * below
""",
    "one_inside_another": """
@resume.resumable(rate=0)
def inner(n):
    total = 0
    for i in range(n):
        total += i
        save()
    return total

@resume.resumable
def main():
    return [inner(3), inner(2) + inner(1)]
""",
    "closures": """
@resume.resumable
def main():
    count = 0
    def step(by):
        nonlocal count
        save()
        count += by
        return count
    values = [step(2), step(3)]
    save()
    return values, count, (lambda: count + 1)()
""",
    "random_numbers": """
import random

@resume.resumable
def main():
    random.seed(7)
    values = []
    for _ in range(4):
        values.append(random.random())
        save()
    return values
""",
    "arrays_that_share_memory": """
import numpy

@resume.resumable
def main():
    grid = numpy.zeros((4, 4))
    row = grid[1]
    for i in range(4):
        row += i
        save()
    return grid.tolist(), row.base is grid
""",
    "methods": """
class Walk:
    def __init__(self):
        self.trace = []

    def step(self, n):
        for i in range(n):
            self.trace.append(i)
            save()
        return len(self.trace)

@resume.resumable
def main():
    walk = Walk()
    return walk.step(2) + walk.step(2), walk.trace
""",
}


@pytest.fixture
def place(tmp_path):
    return lambda source: killed.Place(tmp_path, source)


@pytest.mark.parametrize("case", CASES)
def test_a_killed_program_goes_on_at_the_statement(place, case):
    if case == "arrays_that_share_memory":
        pytest.importorskip("numpy")
    assert killed.every_save(place(CASES[case])) >= 3


COUNTING = """
@resume.resumable{options}
def main(n, *, text="x"):
    total = 0
    for i in range(n):
        total += i
        log("step", i)
        save()
    return total
"""


def counting(options=""):
    return COUNTING.replace("{options}", options)


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


# ---- what the caller holds ----

def test_arguments_are_changed_in_place(place):
    here = place("""
@resume.resumable
def work(items, table):
    for i in range(3):
        items.append(i)
        table["last"] = i
        save()

def main():
    items, table = [], {}
    alias = items
    work(items, table)
    return items, table, alias is items
""")
    assert killed.every_save(here) == 3


def test_self_is_restored_in_place(place):
    here = place("""
class Walk:
    def __init__(self, n):
        self.n, self.trace = n, []

    @resume.resumable
    def run(self):
        for i in range(self.n):
            self.trace.append(i)
            log(self.n, i)
            save()
        self.done = True
        return self

def main(n=3):
    walk = Walk(n)
    same = walk.run() is walk
    return walk.n, walk.trace, walk.done, same
""")
    assert killed.every_save(here) == 3


def test_instances_of_other_content_are_other_calls(place):
    here = place("""
class Walk:
    def __init__(self, n):
        self.n = n

    @resume.resumable
    def run(self):
        for i in range(self.n):
            log(self.n, i)
            save()
        return self.n

def main(n):
    return Walk(n).run()
""")
    assert here.run(3, stop_at=2).killed
    assert here.run(2).value == 2
    assert here.run(3).value == 3
    assert here.log() == "3 0\n3 1\n2 0\n2 1\n3 2\n"


def test_static_and_class_methods(place):
    here = place("""
class Walk:
    scale = 2

    @staticmethod
    @resume.resumable
    def fixed(n):
        save()
        return n

    @resume.resumable
    @classmethod
    def scaled(cls, n):
        save()
        return n * cls.scale

    @classmethod
    @resume.resumable
    def twice(cls, n):
        save()
        return 2 * n * cls.scale

@resume.resumable
def main():
    return Walk.fixed(1), Walk().scaled(2), Walk.twice(3)
""")
    assert killed.every_save(here) == 3
    one = place("""
class Walk:
    @resume.resumable
    @classmethod
    def scaled(cls, n):
        save()
        return cls.__name__, n

def main():
    return Walk.scaled(5)
""")
    assert killed.every_save(one) == 1


# ---- other code ----

def test_changed_code_is_refused_and_nothing_is_touched(place):
    here = place(counting())
    assert here.run(3, stop_at=2).killed
    (file,) = here.checkpoints()
    kept = file.read_bytes()
    here.write(counting().replace("total += i", "total += 2 * i"))
    refused = here.run(3)
    assert refused.error[0] == "CodeChanged"
    for choice in ("Undo the edit", 'on_change="fresh"', "resume.load("):
        assert choice in refused.error[2]
    assert file.read_bytes() == kept
    here.write(counting())
    assert here.run(3).value == 3
    assert here.log().count("step") == 3


def test_changed_code_of_a_function_on_the_way(place):
    source = """
def inner(i):
    save()
    return i

@resume.resumable
def main():
    return [inner(1), inner(2)]
"""
    here = place(source)
    assert here.run(stop_at=1).killed
    here.write(source.replace("return i\n", "return i + 1\n"))
    refused = here.run()
    assert refused.error[0] == "CodeChanged", refused
    here.write(source)
    assert here.run().value == [1, 2]


def test_changed_code_can_start_over(place):
    here = place(counting("(on_change='fresh')"))
    assert here.run(3, stop_at=2).killed
    here.write(counting("(on_change='fresh')").replace("total += i", "total += 2 * i"))
    after = here.run(3)
    assert after.value == 6
    assert any("starts over" in text for text in after.warned)
    assert any(path.name.endswith("~1") for path in here.files())


def test_comments_and_lines_are_no_change(place):
    here = place(counting())
    assert here.run(3, stop_at=2).killed
    here.write("\n\n# a comment\n" + counting())
    assert here.run(3).value == 3
    assert here.log().count("step") == 3


# ---- what can't be saved ----

LOCKED = """
import threading


@resume.resumable{options}
def main():
    total = 0
    for i in range(4):
        guard = threading.Lock() if i == 1 else None
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
    assert len(whole.warned) == 1 and "chp" in whole.warned[0], whole


def test_what_is_not_proven_to_be_mine_is_not_gone_on_with(place, monkeypatch, tmp_path):
    here = place(counting())
    assert here.run(3, stop_at=2).killed
    monkeypatch.setenv("RESUME_KEY_FILE", str(tmp_path / "another-key"))
    refused = here.run(3)
    assert refused.error[0] == "CheckpointUntrusted", refused
    monkeypatch.delenv("RESUME_KEY_FILE")
    assert here.run(3).value == 3


# ---- processes, threads, signals ----

def test_a_second_process_is_locked_out(place):
    here = place("""
@resume.resumable
def main(first=True):
    save()
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)
    import subprocess, sys
    text = f"import sys; sys.path.insert(0, '.'); import {__name__} as m; m.main()"
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True)
    return "CheckpointLocked" in done.stderr, done.stderr[-200:]
""")
    outcome = here.run()
    assert outcome.value[0], outcome


def test_a_forked_child_saves_nothing(place):
    here = place("""
@resume.resumable(rate=0)
def main():
    save()
    child = os.fork()
    if child == 0:
        resume.save()
        os._exit(7 if resume.sync() else 0)
    log(os.waitpid(child, 0)[1])
    save()
    return 1
""")
    assert here.run().value == 1
    assert here.log() == "0\n"


def test_another_thread_is_told_that_it_saves_nothing(place):
    here = place("""
import threading


@resume.resumable(rate=0)
def main():
    save()
    results = []
    thread = threading.Thread(target=lambda: results.append(resume.sync()))
    thread.start()
    thread.join()
    return results
""")
    outcome = here.run()
    assert outcome.value == [False]
    assert any("in another thread" in text for text in outcome.warned), outcome


def test_each_thread_has_its_own_call(place):
    here = place("""
import threading


@resume.resumable
def work(n):
    values = []
    for i in range(3):
        values.append(n * i)
        resume.save()
    return values

def main():
    results = {}
    def run(n):
        results[n] = work(n)
    threads = [threading.Thread(target=run, args=(n,)) for n in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results
""")
    outcome = here.run()
    assert outcome.value == {n: [0, n, 2 * n] for n in range(3)} and not outcome.warned, outcome
    assert len(here.checkpoints()) == 3


def test_a_signal_saves_and_stops(place):
    here = place("""

@resume.resumable(signals=True)
def main(n=6):
    seen = []
    for i in range(n):
        seen.append(i)
        log(i)
        if i == 2 and not os.path.exists("stopped"):
            open("stopped", "w").close()
            os.kill(os.getpid(), signal.SIGTERM)
        resume.sync()
    return seen, signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL
""")
    stopped = here.run()
    assert stopped.error[0] == "SystemExit" and stopped.error[2] == "75", stopped
    assert here.run().value == (list(range(6)), True)
    assert here.log() == "".join(f"{i}\n" for i in range(6))


def test_the_variable_that_turns_it_off(place, monkeypatch):
    here = place(counting())
    monkeypatch.setenv("RESUME_DISABLE", "1")
    outcome = here.run(3, stop_at=9)
    assert outcome.value == 3 and not outcome.warned
    assert not (here.folder / ".checkpoints").exists()


def test_ranks_are_refused_unless_each_has_its_own(place, monkeypatch):
    monkeypatch.setenv("RANK", "1")
    monkeypatch.setenv("WORLD_SIZE", "2")
    assert "ranks=" in place(counting()).run(3).error[2]
    here = place(counting("(ranks='independent')"))
    assert here.run(3).value == 3
    assert [path.name.endswith("%40rank1") for path in here.checkpoints()] == [True]


def test_sync_saves_when_it_is_due(place):
    here = place("""
@resume.resumable(rate=0)
def main():
    return [resume.sync() for _ in range(3)]

@resume.resumable(rate="1h")
def seldom():
    return [resume.sync() for _ in range(3)]
""")
    assert here.run().value == [True, True, True]
    assert here.run(name="seldom").value == [False, False, False]


# ---- the decorated function ----

@resume.resumable
def sample(a, /, b: int = 2, *, c: str = "x") -> float:
    """What it says."""
    return (a, b, c)


sample.mark = 1


def test_it_looks_like_the_function():
    plain = sample.__wrapped__
    assert sample.__name__ == "sample" and sample.__qualname__ == "sample"
    assert sample.__doc__ == "What it says." and sample.__module__ == __name__
    assert sample.__annotations__ == plain.__annotations__ and sample.mark == 1
    assert inspect.signature(sample) == inspect.signature(plain)
    assert inspect.unwrap(sample) is plain and inspect.getsource(sample) == inspect.getsource(plain)
    assert sample.__defaults__ == (2,) and sample.__code__ is plain.__code__
    assert pickle.loads(pickle.dumps(sample)) is sample
    assert callable(sample) and "sample" in repr(sample)


def test_wrong_calls_fail_as_those_of_the_function(folder):
    for args, kwargs in [((), {}), ((1, 2, 3), {}), ((1,), {"a": 1}), ((1,), {"d": 1}),
                         ((1, 2), {"b": 3})]:
        with pytest.raises(TypeError) as plain:
            sample.__wrapped__(*args, **kwargs)
        with pytest.raises(TypeError) as ours:
            sample(*args, **kwargs)
        assert str(ours.value) == str(plain.value)
    assert sample(1, c="y") == (1, 2, "y") and sample(*[1], **{"b": 3}) == (1, 3, "x")


def test_what_is_no_plain_function_is_refused():
    def generator():
        yield 1

    async def coroutine():
        pass

    for wrong, word in [(generator, "generator"), (coroutine, "coroutine"), (len, "not <built-in"),
                        (3, "not 3")]:
        with pytest.raises(TypeError, match=word):
            resume.resumable(wrong)
    for option in ("clean", "again", "skip", "only", "nonsense"):
        with pytest.raises(TypeError, match=option):
            resume.resumable(**{option: 1})
    with pytest.raises(ValueError, match="on_change"):
        resume.resumable(on_change="ignore")
    with pytest.raises(ValueError, match="rate"):
        resume.resumable(rate="often")


def test_outside_of_any_call_nothing_is_saved(place):
    here = place("""
def main():
    return resume.sync(), resume.sync(), resume.save(), resume.wait()
""")
    outcome = here.run()
    assert outcome.value == (False, False, None, None)
    assert len(outcome.warned) == 1 and "nothing is saved" in outcome.warned[0]
