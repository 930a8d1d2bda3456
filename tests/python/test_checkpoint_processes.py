"""Two processes, forks and pools: one writer, and who it is."""
import pytest

import resume
from resume import Checkpoint


def test_two_processes_the_second_is_told_who_has_it(program):
    script = program("""
        import os, sys, time
        from resume import Checkpoint
        def main():
            chp = Checkpoint()
            chp.save()
            print("ready", flush=True)
            if os.environ.get("WAIT"): time.sleep(60)
        main()
    """)
    first = script.start(WAIT="1")
    try:
        assert first.stdout.readline().strip() == "ready"
        ran = script.run()
        assert ran.code != 0 and "CheckpointLocked" in ran.err and str(first.pid) in ran.err
    finally:
        first.kill()
        first.communicate()
    script.run().check()  # a killed owner leaves no lock


def test_readers_need_no_lock(folder):
    def work():
        chp = Checkpoint("c")
        x = 5  # noqa: F841
        chp.save()
        return resume.load("c"), resume.list(), chp
    data, entries, chp = work()
    assert data == {"x": 5} and entries[0].name == "c" and entries[0].problem is None
    assert data.meta["name"] == "c" and data.meta["ended"] is False


FORK = """
    import os, sys, warnings
    from resume import Checkpoint

    def main():
        chp = Checkpoint(rate=1e9)
        n = 1
        chp.save()
        child = os.fork()
        if child == 0:
            with warnings.catch_warnings(record=True) as told:
                warnings.simplefilter("always")
                n = 99
                print([chp.sync() for _ in range(3)], len(told), "parent" in str(told[0].message),
                      flush=True)
                try:
                    chp.save()
                except Exception as error:
                    print(type(error).__name__, "parent" in str(error), flush=True)
            return
        os.waitpid(child, 0)
        chp.save()
        print(n, flush=True)
    main()
"""


def test_forked_children_never_write(program, monkeypatch):
    script = program(FORK, name="sim.py")
    out = script.run().check().out.splitlines()
    assert out == ["[False, False, False] 1 True", "ResumeError True", "1"]
    monkeypatch.chdir(script.folder)
    assert resume.load("sim.main")["n"] == 1
    assert resume.list()[0].ended is True


def test_a_child_that_returns_first_does_not_end_the_parents_call(program, monkeypatch):
    script = program("""
        import os
        from resume import Checkpoint
        def main():
            chp = Checkpoint()
            chp.save()
            child = os.fork()
            if child:
                os.waitpid(child, 0)
                os.kill(os.getpid(), 9)
        main()
    """, name="sim.py")
    assert script.run().killed
    monkeypatch.chdir(script.folder)
    assert resume.list()[0].ended is False


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_pools_of_any_start_method(program, method):
    script = program(f"""
        import multiprocessing, os
        from resume import Checkpoint
        def square(x):
            return x * x
        def main():
            chp = Checkpoint()
            out = []
            chp.restore()
            with multiprocessing.get_context({method!r}).Pool(2) as pool:
                while len(out) < 4:
                    out += pool.map(square, [len(out)])
                    chp.save()
                    if len(out) == 2 and os.environ.get("KILL"):
                        print("now", flush=True)
                        os.kill(os.getpid(), 9)
            return out
        if __name__ == "__main__":
            print(main(), flush=True)
    """)
    environment = {"PYTHONWARNINGS": "ignore"}
    process = script.start(KILL="1", **environment)
    assert process.stdout.readline().strip() == "now"
    process.wait()
    process.stdout.close()
    process.stderr.close()
    # workers of the killed parent may still live: they hold no lock
    assert script.run(**environment).check().out.strip() == "[0, 1, 4, 9]"
