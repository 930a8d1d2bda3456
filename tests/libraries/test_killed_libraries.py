"""Programs that compute with libraries nobody here wrote: killed at random, continued in a fresh
process each time, they print what an uninterrupted run prints.

Each kill comes after the first save of its process, so that each restores and goes on. The hash
seed changes from process to process; no output here depends on it. Not shown: power cuts (tests/c),
and what these programs do not use of their libraries."""
import importlib.util
import pathlib
import sys

import pytest
from resume import testing

PROGRAMS = pathlib.Path(__file__).resolve().parent / "programs"
QUEENS = sorted(pathlib.Path("/usr/share/doc").glob("python3.*/examples/demo/queens.py"))
# program: (module that it needs, steps in about 50 ms)
STEPS = {
    "deap_cma": ("deap", 30),
    "deap_knapsack": ("deap", 15),
    "deap_symbolic": ("deap", 8),
    "emcee_line": ("emcee", 25),
    "frames_of_arrow": ("polars", 60),
    "networkx_growth": ("networkx", 200),
    "pandas_frames": ("pandas", 6),
    "scipy_evolution": ("scipy", 10),
    "sklearn_partial": ("sklearn", 2),
    "sparse_matrices": ("scipy", 60),
    "torch_training": ("torch", 4),
}


def check(name, kills, seed, *arguments):
    seen = testing.survives([sys.executable, PROGRAMS / f"{name}.py", *arguments], kills=kills,
                            seed=seed, environment={"RESUME_QUIET": "1"})
    print(f"{seen.kills} kills in {seen.runs} runs")


@pytest.mark.random
@pytest.mark.parametrize("name", STEPS)
def test_a_killed_program_ends_as_an_uninterrupted_one(seed, amount, name):
    module, steps = STEPS[name]
    if importlib.util.find_spec(module) is None:
        pytest.skip(f"no {module}")
    kills = amount(2 if module == "torch" else 4, 2, 1)  # torch is seconds in importing
    check(name, kills, seed, steps * (kills + 2))


@pytest.mark.random
@pytest.mark.skipif(not QUEENS, reason="no python3-examples")
def test_the_queens_of_the_cpython_examples(seed, amount):
    check("queens", amount(4, 2, 1), seed, QUEENS[0], 10)
