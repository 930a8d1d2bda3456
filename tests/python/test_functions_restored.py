"""Functions in the variables of a call: restored with the cells of the frame, kept where their code
has changed."""
import functools
import textwrap

import pytest

import resume
from resume import Checkpoint, Opaque, ResumeWarning

HEAD = """
    import os, sys
    from resume import Checkpoint
    def fast(x): return x + 1
    def slow(x): return x + 100
    """


def program_of(program, body, head=HEAD):
    return program(textwrap.dedent(head) + textwrap.dedent(body))


def killed_and_run_again(program, body, head=HEAD, times=1):
    """What the last run prints after one (or more) that ended by os._exit(9)."""
    made = program_of(program, body, head)
    for _ in range(times):
        assert made.run().code == 9
    ran = made.run().check()
    return ran.out.splitlines(), ran.err


class Cut(Exception):
    pass


def twice(function):
    with pytest.raises(Cut):
        function()
    return function()


def test_the_choice_between_functions_is_state(program):
    out, err = killed_and_run_again(program, """
    def main():
        chp = Checkpoint()
        chosen, key, table = fast, lambda x: x, {}
        if chp.restore():
            print(chosen is slow, key(3), table["f"](2), table["g"] is key)
            return
        chosen, key = slow, lambda x: -x
        table = {"f": lambda x: x * 7, "g": key}
        chp.save()
        os._exit(9)
    main()
    """)
    assert out == ["True -3 14 True"] and "Warning" not in err


def test_functions_use_the_cells_of_the_frame(program):
    out, err = killed_and_run_again(program, """
    def main():
        chp = Checkpoint()
        total, later = 0, None
        def add(x, seen=[]):
            nonlocal total
            total += x
            seen.append(x)
            return seen
        callbacks = []
        if chp.restore():
            callbacks[0](5)
            total += 100
            print(total, add(1), callbacks[0] is add, later())
            return
        add(1)
        callbacks.append(add)
        later = lambda: total
        chp.save()
        os._exit(9)
    main()
    """)
    assert out == ["106 [1, 5, 1] True 107"] and "Warning" not in err


def test_what_the_program_makes_anew_is_not_saved(folder):
    def work():
        limit = 3

        def helper(a, b=2, *, c="x"):
            return chp, limit, a, b, c

        def counts():
            pass
        chp = Checkpoint("anew")
        report = chp.restore()
        if report:
            return helper, counts, report
        counts.calls = 5
        chp.save()
        raise Cut
    helper, counts, report = twice(work)
    assert set(report.restored) == {"limit", "counts"}
    assert counts.calls == 5 and helper(1)[1:] == (3, 1, 2, "x")


def test_functions_of_the_functions_around_are_the_programs_own(folder):
    def outer():
        secret = __import__("threading").Lock()

        def around():
            return secret

        def work():
            chp = Checkpoint("around")
            chosen = None
            if chp.restore():
                return chosen is around
            chosen = around
            chp.save()
            raise Cut
        return work()
    assert twice(outer) is True


def test_an_unsavable_function_of_the_program_is_silent_and_another_one_is_told(folder, recwarn):
    import threading

    def locked(lock):
        def function():
            return lock
        return function

    def work():
        chp = Checkpoint("unsavable")
        own = locked(threading.Lock())

        @functools.lru_cache
        def fibonacci(n):
            return n if n < 2 else fibonacci(n - 1) + fibonacci(n - 2)
        chp.restore()
        number = 1
        chp.save()
        other = locked(threading.Lock())
        chp.save()
        return own, other, number, fibonacci
    work()
    told = [str(warning.message) for warning in recwarn if "can't be saved" in str(warning.message)]
    assert len(told) == 1 and "other.__closure__[0].cell_contents (_thread.lock)" in told[0]
    assert "own" not in told[0]


CHANGED = """
def main():
    chp = Checkpoint()
    key, state, plain, deep = (lambda x: x), None, 0, "fresh"
    if chp.restore():
        print(key(3), plain, state, deep, key.__qualname__)
        chp.save()
        return
    key, plain = (lambda x: -x), 1
    deep = {"list": [key, 5]}
    state = [plain]
    chp.save()
    os._exit(9)
main()
"""


def test_changed_code_keeps_the_placeholder_and_the_file(program):
    made = program_of(program, CHANGED)
    assert made.run().code == 9
    made.path.write_text(made.path.read_text().replace("lambda x: -x", "lambda x: -2 * x"))
    ran = made.run().check()
    assert ran.out.split() == ["3", "1", "[1]", "fresh", "main.<locals>.<lambda>"]
    lines = [line for line in ran.err.splitlines() if "not restored" in line]
    assert len(lines) == 1
    assert "'key' (the code of '__main__.main.<locals>.<lambda>' has changed since" in lines[0]
    assert "'deep' (" in lines[0] and "'plain'" not in lines[0]
    assert "~1' brings it back" in ran.err
    old = resume.load(made.folder / ".checkpoints" / "program.main~1")
    assert old.vars["plain"] == 1 and isinstance(old.vars["key"], Opaque)
    assert old.vars["key"].type == "__main__.main.<locals>.<lambda>"
    # the code is back, and so is what was saved
    made.path.write_text(made.path.read_text().replace("lambda x: -2 * x", "lambda x: -x"))
    for path in (made.folder / ".checkpoints").iterdir():
        if path.name == "program.main":
            path.unlink()
    (made.folder / ".checkpoints" / "program.main~1").rename(
        made.folder / ".checkpoints" / "program.main")
    assert made.run().check().out.split()[:2] == ["-3", "1"]


def test_code_that_is_gone_keeps_the_placeholder(program):
    made = program_of(program, CHANGED)
    assert made.run().code == 9
    text = made.path.read_text()
    made.path.write_text(text.replace("(lambda x: x)", "fast").replace("(lambda x: -x)", "slow"))
    ran = made.run().check()
    assert ran.out.split()[:2] == ["4", "1"]
    assert "'__main__.main.<locals>.<lambda>' is not there any more" in ran.err


def test_an_edited_def_is_the_programs_own(program):
    made = program_of(program, """
    def main():
        chp = Checkpoint()
        def step(x, seen=[]):
            seen.append(x)
            return x + 1
        steps = []
        if chp.restore():
            print(step(1), steps[0](1), steps[0] is step)
            return
        steps.append(step)
        chp.save()
        os._exit(9)
    main()
    """)
    assert made.run().code == 9
    made.path.write_text(made.path.read_text().replace("x + 1\n", "x + 2\n"))
    ran = made.run().check()
    assert ran.out.split() == ["3", "3", "True"]
    assert "the code of '__main__.main.<locals>.step' has changed since the save: the" in ran.err


def test_lines_and_docstrings_may_move(program):
    made = program_of(program, CHANGED)
    assert made.run().code == 9
    made.path.write_text("# a line\n\n" + made.path.read_text().replace(
        "    key, plain =", "    unused = lambda x: x + 5\n    key, plain ="))
    ran = made.run().check()
    assert ran.out.split()[0] == "-3" and "not restored" not in ran.err


def test_module_level_lambdas_and_choices(program):
    out, err = killed_and_run_again(program, """
    chp = Checkpoint()
    chosen, key, total = fast, lambda x: x, 0
    def helper(): return total
    if chp.restore():
        print(chosen is slow, key(2), helper(), sorted(chp.keys()))
    else:
        chosen, key, total = slow, (lambda x, n=total: x + n + 40), 7
        chp.save()
        os._exit(9)
    """)
    assert out == ["True 42 7 []"] and "Warning" not in err


def test_a_function_of_an_imported_module(program, tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "lib.py").write_text(textwrap.dedent("""
        def make(n):
            def inner(x):
                return x * n
            return inner
        def decorate(function):
            def wrapper(*args):
                return [function(*args)]
            return wrapper
        @decorate
        def hidden():
            return lambda: "hidden"
        TABLE = [lambda x: x + 1, lambda x: x + 2]
        del decorate
    """))
    out, err = killed_and_run_again(program, """
    import importlib
    def main():
        chp = Checkpoint()
        values = []
        if chp.restore():
            a, b, c, d = values
            print(a(2), b[0](), c(1), d(5), "lib" in sys.modules)
            return
        import lib
        values = [lib.make(21), lib.hidden(), lib.TABLE[1], lib.hidden.__closure__[0].cell_contents]
        values[3] = lib.make(2)
        chp.save()
        os._exit(9)
    main()
    """)
    assert out == ["42 hidden 3 10 True"] and "Warning" not in err


def test_load__makes_functions_with_the_values_of_the_variables(folder):
    def work():
        chp = Checkpoint("loaded")
        chp.restore()
        count = 41
        show = lambda: count + 1  # noqa: E731
        chp.save()
        return show
    work()
    assert resume.load("loaded").vars["show"]() == 42


def test_an_attribute_with_changed_code_keeps_its_value_alone(program):
    made = program_of(program, """
    class Model:
        def __init__(self):
            self.key, self.weights = (lambda x: x), [0]
        def train(self):
            chp = Checkpoint()
            chp.track(self)
            if chp.restore():
                print(self.key(3), self.weights)
                return
            self.key, self.weights = (lambda x: -x), [1, 2]
            chp.save()
            os._exit(9)
    Model().train()
    """)
    assert made.run().code == 9
    assert made.run().check().out.split("\n")[0] == "-3 [1, 2]"
    made = program_of(program, made.path.read_text(), "")
    for path in (made.folder / ".checkpoints").iterdir():
        if path.is_file():
            path.unlink()
    assert made.run().code == 9
    made.path.write_text(made.path.read_text().replace("lambda x: -x", "lambda x: -2 * x"))
    ran = made.run().check()
    assert ran.out.split("\n")[0] == "3 [1, 2]"
    assert "self.key (the code of '__main__.Model.train.<locals>.<lambda>' has ch" in ran.err
