"""Random graphs of every supported type with random sharing: saved in one process, restored in
another; equal, isomorphic, and equal after 50 random operations on both.

RESUME_SEED=N repeats a run. What a kind of value is: tests/support/graphs.py.
"""
import collections
import os
import pathlib
import pickle
import struct
import subprocess
import sys

import pytest
from hypothesis import HealthCheck, Phase, given, note, settings
from hypothesis import seed as hypothesis_seed
from hypothesis import strategies as st

pytestmark = pytest.mark.random
np = pytest.importorskip("numpy")
import graphs  # noqa: E402

SUPPORT = pathlib.Path(__file__).resolve().parents[1] / "support"
STEPS = 50


class Worker:
    """tests/support/graph_worker.py in a process of its own."""

    def __init__(self, hash_seed):
        environment = {key: value for key, value in os.environ.items()
                       if not key.startswith("RESUME_")}
        environment |= {"PYTHONHASHSEED": hash_seed, "RESUME_QUIET": "1"}
        self.process = subprocess.Popen([sys.executable, SUPPORT / "graph_worker.py"],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        env=environment)

    def ask(self, function, *arguments):
        data = pickle.dumps((function, arguments))
        self.process.stdin.write(struct.pack("<q", len(data)) + data)
        self.process.stdin.flush()
        head = self.process.stdout.read(8)
        assert head, f"the worker ended: {self.process.wait()}"
        good, answer = pickle.loads(self.process.stdout.read(struct.unpack("<q", head)[0]))
        assert good, answer
        return answer

    def close(self):
        self.process.stdin.close()
        self.process.wait()


@pytest.fixture(scope="module")
def workers():
    """One that saves, one of the same hash seed that restores, one of another."""
    made = [Worker("7"), Worker("7"), Worker("8")]
    yield made
    for worker in made:
        worker.close()


def assert_same(first, second, what):
    if first != second:
        at = next((i for i, (a, b) in enumerate(zip(first, second)) if a != b),
                  min(len(first), len(second)))
        pytest.fail(f"{what} differs at {at}:\n" + "\n".join(first[max(0, at - 8):at]) +
                    f"\n- {first[at:at + 3]}\n+ {second[at:at + 3]}")


def check(workers, recipe, seed, folder=None):
    saver, restorer, other = workers
    answer = saver.ask("save", recipe, seed, STEPS, folder)
    if answer is None:
        return  # refused, with the reason
    (before, unordered), saved, notes, (came, after) = answer
    assert notes == []
    again, said, (came_again, after_again) = restorer.ask("load", saved, seed, STEPS, True)
    assert_same(before, again, "the graph")
    assert said == []
    assert_same(came, came_again, "what operations gave")
    assert_same(after, after_again, "the graph after operations")
    if not folder:
        again, said, _ = other.ask("load", saved, seed, STEPS, False)
        assert_same(unordered, again, "the graph under another hash seed")
        assert all("hash" in text for text in said) and len(said) <= 1


recipes = st.lists(st.integers(0, 1 << 32), min_size=1, max_size=40)


def run(workers, count, seed, folder=None):
    @hypothesis_seed(seed)
    @settings(max_examples=count, deadline=None, database=None, print_blob=False,
              suppress_health_check=list(HealthCheck),
              phases=(Phase.generate, Phase.shrink, Phase.explain))
    @given(recipes, st.integers(0, 1 << 32))
    def one(recipe, work):
        note(f"recipe {recipe}, operations {work}")
        check(workers, recipe, work, folder and str(folder))
    one()


def test_graphs__are_the_same_in_another_process(workers, seed, amount):
    run(workers, amount(2000, 200, 50), seed)


def test_graphs__through_files(workers, seed, amount, tmp_path):
    run(workers, amount(60, 15, 5), seed, tmp_path)


def pairs():
    """Graphs that are equal to ==, or nearly, and still not the same."""
    one, nan, bits, data = [1], float("nan"), np.random.PCG64(5), np.arange(4)
    other, emptied = np.random.PCG64(5), set(range(100))
    emptied.difference_update(range(2, 100))
    yield [one, one], [one, [1]]
    yield (one, (one,)), (one, ([1],))
    yield [nan, nan], [nan, float("nan")]
    yield [0.0], [-0.0]
    yield [1], [True]
    yield {1: 2, 3: 4}, {3: 4, 1: 2}
    yield {8, 0}, {0, 8}  # one slot: the first that comes takes it
    yield emptied, {0, 1}  # the size of the table
    yield collections.deque([1], 3), collections.deque([1], 4)
    yield collections.defaultdict(int), collections.defaultdict(list)
    yield [data, data[1:]], [data, data[1:].copy()]
    yield [data[:2], data[1:3]], [data[:2], data[2:]]
    yield [data], [data.astype(">i8")]
    yield [np.ma.array([1], mask=[1])], [np.ma.array([1], mask=[0])]
    yield [np.random.Generator(bits)] * 2, [np.random.Generator(bits), np.random.Generator(bits)]
    yield ([np.random.Generator(bits), np.random.Generator(bits)],
           [np.random.Generator(bits), np.random.Generator(other)])


def test_description__tells_what_is_not_the_same():
    graphs.load_kinds()
    for first, second in pairs():
        assert graphs.describe(first) == graphs.describe(first)
        assert graphs.describe(first) != graphs.describe(second), first


def test_every_kind__is_made_and_worked_on(workers):
    graphs.load_kinds()
    names, changed = set(), 0
    for number in range(0, 1000, 20):
        (before, _), _, _, (came, after) = workers[0].ask(
            "save", list(range(number, number + 20)), 1, STEPS, None)
        names |= {line.split()[line.startswith("#")] for line in before}
        changed += before != after
    for kind in graphs.KINDS:
        assert names & {type_.__name__ for type_ in kind.types}, kind
    assert changed > 45
