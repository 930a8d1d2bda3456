"""Resumable functions in processes, threads and ranks, under signals; the decorated function."""
import inspect
import pickle
import typing

import killed
import pytest
from killed import counting

import resume


@pytest.fixture
def place(tmp_path):
    return lambda source: killed.Place(tmp_path, source)


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


def test_worker_processes_keep_calls_of_their_own(place):
    here = place("""
@resume.resumable
def work(n):
    save()
    return 2 * n

@resume.resumable
def main():
    save()
    child = os.fork()
    if child == 0:
        os._exit(work(3))
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
""")
    outcome = here.run()
    assert outcome.value == 6 and not outcome.warned, outcome
    names = [path.name.split("%40")[0].rsplit(".", 1)[1] for path in here.checkpoints()]
    assert names == ["main", "work"]


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
    assert sample.__annotations__ is plain.__annotations__ and sample.mark == 1
    assert "b" in sample.__annotations__ and typing.get_type_hints(sample)["return"] is float
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
        with pytest.raises(TypeError, match=option) as caught:
            resume.resumable(**{option: 1})
        assert "Checkpoint()" not in str(caught.value)
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
