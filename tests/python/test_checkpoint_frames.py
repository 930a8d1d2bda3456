"""restore() in every kind of frame."""
import pytest

import resume
from resume import Checkpoint, ResumeWarning


class Cut(Exception):
    pass


def twice(function, *arguments):
    """Runs it until it is cut off, and again."""
    with pytest.raises(Cut):
        function(*arguments)
    return function(*arguments)


def test_plain_locals_cells_and_free_variables(folder):
    shared = {"runs": 0}
    total = 100

    def work():
        nonlocal total
        chp = Checkpoint()
        plain, cell = 1, 2

        def reads():
            return cell, total
        report = chp.restore()
        if report:
            return plain, cell, total, reads(), shared
        plain, cell, total = 10, 20, 300
        chp.save()
        cell, total = -1, -1
        raise Cut
    plain, cell, seen, read, _ = twice(work)
    assert (plain, cell, seen) == (10, 20, 300)
    assert read == (20, 300) and total == 300


def test_nested_closures_share_their_cells(folder):
    def outer():
        count = 0

        def step():
            nonlocal count
            count += 1
            return count

        def look():
            return count
        chp = Checkpoint()
        chp.restore()
        if count:
            return step(), look(), count
        for _ in range(3):
            step()
        chp.save()
        raise Cut
    assert twice(outer) == (4, 4, 4)


def test_methods_and_tracked_self(folder):
    class Model:
        def __init__(self):
            self.weights, self.name = [0], "m"

        def fit(self, steps):
            chp = Checkpoint()
            chp.track(self)
            step = 0
            chp.restore()
            while step < steps:
                self.weights.append(step)
                step += 1
                chp.save()
                if step == 2 and not self.weights[0]:
                    self.weights[0] = 1
                    chp.save()
                    raise Cut
            return self.weights
    model = Model()
    weights = model.weights
    with pytest.raises(Cut):
        model.fit(4)
    fresh = Model()
    assert fresh.fit(4) == [1, 0, 1, 2, 3]
    assert weights == [1, 0, 1]


def test_an_untracked_self_is_told_with_the_line_to_add(folder):
    class Model:
        def fit(self):
            chp = Checkpoint()
            n = 1
            chp.save()
            chp.save()
            return n
    with pytest.warns(ResumeWarning, match=r"chp\.track\(self\)") as told:
        Model().fit()
    assert len(told) == 1


def test_two_classes_with_one_method_name_never_meet(folder):
    class A:
        def run(self):
            return Checkpoint().name

    class B:
        def run(self):
            return Checkpoint().name
    assert A().run() != B().run()
    assert A().run().endswith("A.run")


def test_generators_running_and_suspended(folder):
    made = []

    def numbers():
        chp = Checkpoint(rate=0)
        made.append(chp)
        i, seen = 0, []
        chp.restore()
        while i < 6:
            seen.append(i)
            yield i, seen
            i += 1
    generator = numbers()
    next(generator), next(generator)
    assert next(generator) == (2, [0, 1, 2])
    made[-1].save()  # from outside, while it is suspended
    with pytest.raises(Cut):
        generator.throw(Cut)
    del generator
    made.clear()
    assert next(numbers()) == (2, [0, 1, 2, 2])


def test_module_level(program):
    script = program("""
        import os, sys
        from resume import Checkpoint
        import json as j
        def function(): pass
        class Class: pass
        __dunder__ = 1
        chp = Checkpoint()
        n, later_name = 0, None
        report = chp.restore()
        if report:
            print(n, assigned_later, sorted(report.restored))
            sys.exit()
        n, assigned_later = 5, [1]
        chp.save()
        os.kill(os.getpid(), 9)
    """, name="sim.py")
    assert script.run().killed
    ran = script.run().check()
    assert ran.out.strip() == "5 [1] ['assigned_later', 'later_name', 'n']"
    assert ran.err == ""


def test_class_body(folder):
    def work():
        class Body:
            chp = Checkpoint("body")
            a = 1
            report = chp.restore()
            if not report:
                a = [5]
                chp.save()
                raise Cut
        return Body.a
    assert twice(work) == [5]


def test_restore_and_save_inside_a_comprehension(folder):
    def work():
        chp = Checkpoint()
        k = 5
        got = [bool(chp.restore()) for _ in range(1)]
        if got[0]:
            return k
        k = 9
        [chp.save() for _ in range(1)]
        raise Cut
    assert twice(work) == 9


def test_an_old_value_on_the_stack_stays(folder):
    def work():
        chp = Checkpoint()
        y = [1]
        if not chp.fresh:
            return (y, chp.restore(), y)[0], y
        y = [2]
        chp.save()
        raise Cut
    assert twice(work) == ([1], [2])


def test_under_a_tracer(folder):
    import sys

    def work():
        chp = Checkpoint()
        x = 1
        chp.restore()
        if x == 1:
            x = 5
            chp.save()
            raise Cut
        return x

    def tracer(*_):
        return tracer
    before = sys.gettrace()
    sys.settrace(tracer)
    try:
        got = twice(work)
    finally:
        sys.settrace(before)
    assert got == 5


def test_warm_specialised_code(folder):
    def work(i):
        with Checkpoint("w", random_state=False) as chp:
            x = 0
            chp.restore()
            if x != i:
                return -1
            x = i + 1
            chp.save()
            return x
    import warnings
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert [work(i) for i in range(60)] == list(range(1, 61))


def test_recursion_gets_locked_with_key_as_the_cure(folder):
    def work(depth):
        chp = Checkpoint("r")
        chp.save()
        return work(depth - 1)
    with pytest.raises(resume.CheckpointLocked, match="key="):
        work(3)

    def keyed(depth):
        chp = Checkpoint(key=depth)
        chp.save()
        return depth if depth == 0 else keyed(depth - 1)
    assert keyed(5) == 0


def test_a_second_thread_gets_locked(folder):
    import threading
    errors, inside, leave = [], threading.Event(), threading.Event()

    def work(wait):
        chp = Checkpoint("t")
        chp.save()
        if wait:
            inside.set()
            leave.wait(30)

    def second():
        try:
            work(False)
        except resume.CheckpointLocked as error:
            errors.append(str(error))
    first = threading.Thread(target=work, args=(True,))
    first.start()
    inside.wait(30)
    other = threading.Thread(target=second)
    other.start()
    other.join()
    leave.set()
    first.join()
    assert len(errors) == 1 and "key=" in errors[0]


def test_the_same_frame_takes_over(folder):
    def work():
        got = []
        for i in range(3):
            chp = Checkpoint("s", rate=0)
            n = 0
            chp.restore(keep=["got", "i"])
            n += 1
            chp.save()
            got.append(n)
        return got
    import warnings
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert work() == [1, 2, 3]


def test_a_checkpoint_whose_frame_returned_is_taken_over(folder):
    def make():
        chp = Checkpoint("m")
        n = 1  # noqa: F841
        chp.save()
        return chp

    def again():
        chp = Checkpoint("m")
        chp.save()
        return chp
    old = make()
    new = again()
    with pytest.raises(resume.ResumeError, match="taken over"):
        old.save()
    del new


def test_when_the_owner_is_gone_only_items_and_tracked_objects_are_saved(folder):
    tracked = [1]

    def make():
        chp = Checkpoint("m")
        local = 5  # noqa: F841
        chp.track(tracked)
        return chp
    chp = make()
    chp["item"] = 3
    with pytest.warns(ResumeWarning, match="not running any more") as told:
        chp.save()
        chp.save()
    assert len(told) == 1
    chp.close()
    data = resume.load("m")
    assert data.vars == {} and data.extra == {"item": 3} and len(data.tracked) == 1


def test_a_subclass_with_its_own_init(folder):
    class Mine(Checkpoint):
        def __init__(self, *arguments, **options):
            local_of_init = 1  # noqa: F841
            super().__init__(*arguments, rate=1, **options)
            self.note = "x"

    def work():
        chp = Mine("sub")
        x = 1
        chp.restore()
        if x == 1:
            x = 2
            chp.save()
            raise Cut
        return x, chp.note, chp.rate
    assert twice(work) == (2, "x", 1.0)
    assert resume.load("sub").vars == {"x": 2}
