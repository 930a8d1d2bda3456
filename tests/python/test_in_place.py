"""Objects that are restored in place: tracked ones, and by default those with a state_dict()."""
import threading
import types
import warnings

import pytest
import resume
from resume import Checkpoint, ResumeError, ResumeWarning


class Cut(Exception):
    """The program is killed here."""


class Model:
    """Like a module of torch: its state is less than it is."""

    def __init__(self, start=0.0):
        self.weights = [start]
        self.lock = threading.Lock()  # can't be saved
        self.loads = 0

    def state_dict(self):
        return {"weights": list(self.weights)}

    def load_state_dict(self, state):
        self.weights[:] = state["weights"]
        self.loads += 1


class Optimizer:
    """Holds its model, and leaves it out of its state."""

    def __init__(self, model):
        self.model, self.steps = model, 0

    def step(self):
        self.steps += 1
        self.model.weights[0] += self.steps

    def state_dict(self):
        return {"steps": self.steps}

    def load_state_dict(self, state):
        self.steps = state["steps"]


CUT = []  # where the next run ends


def run_cut(function, at=True):
    CUT[:] = [at]
    with pytest.raises(Cut):
        no_warnings(function)
    CUT.clear()


def no_warnings(function, *arguments):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return function(*arguments)


def test_state_dict__objects_are_filled_in_place_by_default(folder):
    made = []

    def train():
        chp = Checkpoint()
        model = Model()
        optimizer = Optimizer(model)
        made.append((model, optimizer))
        step = 0
        chp.restore()
        assert (model, optimizer) == made[-1] and optimizer.model is model
        while step < 6:
            optimizer.step()
            step += 1
            chp.save()
            if step in CUT:
                raise Cut
        return model.weights, optimizer.steps, model.loads
    run_cut(train, 2)
    run_cut(train, 4)
    assert no_warnings(train) == ([21.0], 6, 1)


def test_state_dict__in_lists_dicts_and_attributes(folder):
    def train():
        chp = Checkpoint()
        nets = {"a": Model(), 2: [Model(), Model()]}
        box = types.SimpleNamespace()
        box.inner = Model()
        alias = box.inner
        living = [nets["a"], *nets[2], box.inner]
        chp.restore()
        for number, model in enumerate(living):
            model.weights[0] += number + 1
        chp.save()
        if CUT:
            raise Cut
        assert alias is box.inner is living[3] and nets["a"] is living[0]
        assert nets[2][0] is living[1]
        return [model.weights[0] for model in living]
    run_cut(train)
    run_cut(train)
    assert no_warnings(train) == [3, 6, 9, 12]


def test_state_dict__others_that_hold_the_object_hold_it_still(folder):
    def train():
        chp = Checkpoint()
        model = Model()
        history, holder, n = [], {}, 0
        chp.restore()
        if n:
            assert history[0] is model and holder["m"] is model and history[1][0] is holder
        n += 1
        model.weights[0] += 1
        history[:] = [model, [holder]]
        holder["m"] = model
        chp["also"] = model
        chp.save()
        if CUT:
            raise Cut
        assert chp["also"] is model
        return model.weights
    run_cut(train)
    assert no_warnings(train) == [2]


def test_state_dict__objects_that_came_later_are_saved_whole(folder):
    """What was not there at restore() has no placeholder: it is saved as a value."""
    def train():
        chp = Checkpoint()
        first = Plain(0)
        best, n = None, 0
        chp.restore()
        if n == 2:
            assert best is not first and (best.n, first.n) == (5, 7)
            return "good"
        best, n = Plain(5), 2
        first.n = 7
        chp.save()
        raise Cut
    run_cut(train)
    assert no_warnings(train) == "good"


class Plain:
    def __init__(self, n):
        self.n = n

    def state_dict(self):
        return self.n

    def load_state_dict(self, n):
        self.n = n


def test_state_dict__two_that_changed_places_are_not_mixed_up(folder):
    def train():
        chp = Checkpoint()
        a, b, n = Plain(1), Plain(2), 0
        chp.restore()
        if n:
            return a.n, b.n
        a, b, n = b, a, 1
        chp.save()
        raise Cut
    run_cut(train)
    assert no_warnings(train) == (2, 1)


def test_state_dict__without_restore_in_the_first_run(folder):
    def train():
        chp = Checkpoint()
        model = Model()
        if CUT:
            model.weights[0] = 3
            chp.save()
            raise Cut
        chp.restore()
        return model.weights
    run_cut(train)
    assert no_warnings(train) == [3]


def test_state_dict__an_object_that_is_gone_is_an_error_before_anything_changes(folder):
    def train():
        chp = Checkpoint("gone")
        n = 0
        if CUT:
            net = Model()
        other = Plain(0)
        if not CUT:
            with pytest.raises(ResumeError, match=r"'net' \(test_in_place.Model\) .* make it b"):
                chp.restore()
            assert n == 0 and other.n == 0
            return
        chp.restore()
        n, other.n, net.weights[0] = 5, 6, 7
        chp.save()
        raise Cut
    run_cut(train)
    no_warnings(train)


def test_state_dict__keep_leaves_the_object_as_it_is(folder):
    def train():
        chp = Checkpoint()
        model, other = Plain(1), Plain(1)
        chp.restore(keep="model")
        model.n += 1
        other.n += 1
        chp.save()
        if CUT:
            raise Cut
        return model.n, other.n
    run_cut(train)
    assert no_warnings(train) == (2, 3)


def test_state_dict__skip_leaves_it_out(folder):
    def train():
        chp = Checkpoint(skip="model")
        model, n = Plain(1), 0
        chp.restore()
        model.n += 1
        n += 1
        chp.save()
        if CUT:
            raise Cut
        return model.n, n
    run_cut(train)
    assert no_warnings(train) == (2, 2)


def test_state_dict__as_an_argument(folder):
    """Filled when the call goes on; a new call keeps what it was given."""
    def train(model, n):
        chp = Checkpoint()
        chp.restore()
        model.n += n
        chp.save()
        if CUT:
            raise Cut
        return model.n
    run_cut(lambda: train(Plain(1), 1))
    run_cut(lambda: train(Plain(1), 1))
    assert no_warnings(train, Plain(1), 1) == 4
    with pytest.warns(ResumeWarning, match="other arguments"):
        assert train(Plain(10), 2) == 12


def test_state_dict__that_raises_is_told_and_the_rest_is_saved(folder):
    class Broken(Plain):
        def state_dict(self):
            raise LookupError("no state")

    def train():
        chp = Checkpoint()
        broken, n = Broken(1), 0
        chp.restore()
        n += 1
        if CUT:
            chp.save()
            raise Cut
        return broken.n, n
    CUT[:] = [True]
    with pytest.warns(ResumeWarning, match="broken .*LookupError.*no state"), pytest.raises(Cut):
        train()
    CUT.clear()
    assert no_warnings(train) == (1, 2)


# ---- all or nothing

class Fussy(Plain):
    """Half filled when it raises."""

    def load_state_dict(self, n):
        self.n = n
        if n == 13:
            raise LookupError("unlucky")


def test_restore__nothing_living_is_half_filled(folder):
    items = [1]

    def train():
        chp = Checkpoint(strict=True)
        first, second, third = Plain([0]), Fussy(0), Plain(0)
        bag = chp.track(items)
        n = 0
        if not CUT:
            with pytest.raises(LookupError, match="unlucky"):
                chp.restore()
            assert (first.n, second.n, third.n, n, items) == ([0], 0, 0, 0, [1])
            assert len(chp) == 0
            return
        chp.restore()
        first.n, second.n, third.n, n = [1], 13, 1, 1
        bag.append(2)
        chp.save(extra=1)
        raise Cut
    run_cut(train)
    items[:] = [1]
    no_warnings(train)


# ---- track

def test_track__self_and_what_leads_back_to_it(folder):
    class Child:
        def __init__(self, parent):
            self.parent, self.n = parent, 0

    class Trainer:
        def __init__(self):
            self.model = Model()
            self.optimizer = Optimizer(self.model)
            self.children = [Child(self)]
            self.lock = threading.Lock()
            self.epoch = 0
            self.me = self

        def fit(self):
            chp = Checkpoint()
            chp.track(self)
            child = self.children[0]
            model = self.model
            chp.restore()
            assert self.model is model and self.optimizer.model is model and self.me is self
            assert child is self.children[0] and child.parent is self
            while self.epoch < 4:
                self.optimizer.step()
                child.n += 1
                self.epoch += 1
                chp.save()
                if self.epoch in CUT:
                    raise Cut
            return self.model.weights, self.epoch, child.n
    Child.__module__ = Trainer.__module__ = __name__
    globals().update(Child=Child, Trainer=Trainer)
    Child.__qualname__, Trainer.__qualname__ = "Child", "Trainer"
    with pytest.warns(ResumeWarning, match="self.lock"):
        CUT[:] = [2]
        with pytest.raises(Cut):
            Trainer().fit()
    with pytest.warns(ResumeWarning, match="self.lock"):
        CUT[:] = [3]
        with pytest.raises(Cut):
            Trainer().fit()
    CUT.clear()
    with pytest.warns(ResumeWarning, match="self.lock"):
        assert Trainer().fit() == ([10.0], 4, 4)


def test_load__shows_the_state_of_objects(folder):
    def train():
        chp = Checkpoint("shown")
        model = Plain(5)
        pair = [model, model]
        chp.save()
        return pair
    train()
    data = resume.load(".checkpoints/shown")
    assert type(data["model"]) is resume.Opaque and data["model"].state == 5
    assert data["pair"][0] is data["pair"][1] is data["model"]
    assert data["model"].type == "test_in_place.Plain"


# ---- what stays, and holds what does not

class Data:
    """A class whose instances are saved as values."""

    def __init__(self):
        self.n = 0


class Wrapper:
    def __init__(self, inner):
        self.inner, self.lock = inner, threading.Lock()


def wrapped(make, n=1):
    """The warnings of the second run, where `make(model)` is a variable that can't be saved."""
    def train():
        chp = Checkpoint("wrapped")
        model = Data()
        wrapper = make(model)
        chp.restore()
        model.n += n
        chp.save()
        if CUT:
            raise Cut
        return wrapper
    CUT[:] = [True]
    with warnings.catch_warnings(), pytest.raises(Cut):
        warnings.simplefilter("ignore")
        train()
    CUT.clear()
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        train()
    return [str(one.message) for one in told if "stays as" in str(one.message)]


@pytest.mark.parametrize("make, path", [
    (Wrapper, "wrapper.inner"), (lambda m: [threading.Lock(), {"a": m}], "wrapper[1]['a']"),
    (lambda m: Wrapper(Wrapper([m])), "wrapper.inner.inner[0]"),
    (lambda m: Wrapper(lambda: m), "a variable of wrapper.inner"),
    (lambda m: Wrapper(vars(m).update), None), (lambda m: threading.Lock(), None),
    (lambda m: Wrapper([]), None),
])
def test_stale__a_wrapper_around_a_replaced_object_is_told(folder, make, path):
    told = wrapped(make)
    assert len(told) == (path is not None)
    if path:
        assert "'wrapper' stays as the program made it" in told[0] and f"({path})" in told[0]
        assert "chp.track(model)" in told[0]


def test_stale__not_when_the_values_are_equal(folder):
    def train():
        chp = Checkpoint()
        settings = {"a": 1}
        wrapper = Wrapper(settings)
        chp.restore()
        chp.save()
        if CUT:
            raise Cut
        return wrapper.inner
    for at in (True, False):
        CUT[:] = [at] if at else []
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            try:
                train()
            except Cut:
                pass
    assert [one for one in told if "stays as" in str(one.message)] == []


def test_stale__an_object_in_place_that_holds_a_replaced_one(folder):
    def train():
        chp = Checkpoint()
        data = Data()
        holder = Optimizer(data)
        chp.restore()
        data.n += 1
        chp.save()
        if CUT:
            raise Cut
        return holder
    run_cut(train)
    with pytest.warns(ResumeWarning, match="'holder' stays .* holds the 'data' .*holder.model"):
        train()
