"""Random programs go on at every save, and at each in turn."""
import importlib.util
import random
import sys

import going_on
import going_on_random
import pytest

SAVES_MAX = 40

# going_on forks in threads
pytestmark = pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")


def module_of(folder, seed):
    """A random program with a few saves, in a module of its own."""
    while True:
        name = f"random_program_{seed}"
        path = folder / f"{name}.py"
        path.write_text(going_on_random.source(random.Random(seed)))
        spec = importlib.util.spec_from_file_location(name, path)
        module = sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        going_on.start(module.main, 0)
        going_on.call(module.main)
        if 0 < going_on.COUNT <= SAVES_MAX:
            return module, seed
        del sys.modules[name]
        path.unlink()
        seed += 1 << 32


@pytest.mark.random
def test_random_programs(tmp_path, rng, amount):
    hops = refused = 0
    for _ in range(amount(heavy=12, light=3, fast=2)):
        module, seed = module_of(tmp_path, rng.randrange(1 << 32))
        outcome = going_on.run(module.main)
        assert outcome.wrong == [], f"program of random.Random({seed})"
        hops += outcome.hops
        refused += len(outcome.refused)
        del sys.modules[module.__name__]
    print(f"saves continued: {hops}, refused: {refused}")
    assert hops > refused


@pytest.mark.random
def test_random_programs__stopped(tmp_path, rng, amount):
    """By a signal, at any moment."""
    stopped = 0
    for _ in range(amount(heavy=6, light=3, fast=2)):
        module, seed = module_of(tmp_path, rng.randrange(1 << 32))
        delays = [rng.expovariate(1) * 2e-4 + 1e-6 for _ in range(8)]
        outcome = going_on.run_stopped(module.main, delays)
        assert outcome.wrong == [], f"program of random.Random({seed})"
        stopped += outcome.hops
        del sys.modules[module.__name__]
    print(f"stopped and gone on: {stopped}")
    assert stopped
