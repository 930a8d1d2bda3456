"""What these tests share: programs of tests/libraries/programs, run, killed and run again."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))
from fixtures import amount, rng, seed  # noqa: E402, F401
