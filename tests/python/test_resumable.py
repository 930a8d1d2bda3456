"""Functions that @resume.resumable decorates: killed at every save, they go on at the statement."""
import killed
import pytest
from killed import counting

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
    "resumables_as_values": """
import functools

@resume.resumable
def helper(n):
    save()
    return n * 2

@resume.resumable
def main(n=1, *rest, flag=True, **more):
    x = helper
    both = {"h": helper, "p": functools.partial(helper, 4)}
    total = x(1) + both["h"](2) + both["p"]()

    @resume.resumable(rate=5)
    def local(k):
        save()
        return k + n
    values = [local(1), local(2)]
    for value in (helper(i) for i in range(2)):
        total += value
    return total, values, rest, flag, more, x is helper
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
