"""What the Python tests share: a folder of their own, programs to kill, seeds and counts."""
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))
import survive  # noqa: E402
from fixtures import amount, folder, rng, seed  # noqa: E402, F401


@pytest.fixture
def program(tmp_path):
    """program(source, *arguments, name="program.py", folder=None, **environment): a Program of
    tests/support/survive.py, in one working directory of the test unless a folder is named."""
    def make(source, *arguments, name="program.py", folder=None, **environment):
        return survive.Program(folder or tmp_path / "run", source, *arguments, name=name,
                               **environment)
    return make
