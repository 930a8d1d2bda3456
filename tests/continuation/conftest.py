"""What the tests of exact continuation share: cases by name, and a driver for them."""
import json
import os
import pathlib
import subprocess
import sys

import pytest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "support"))
sys.path.insert(0, str(HERE))
from fixtures import amount, seed  # noqa: E402, F401


@pytest.fixture
def drive(tmp_path):
    """drive("loops.nested_for", "--warm"): runs run_case.py; what it saw, a dict."""
    def go(name, *options):
        environment = dict(os.environ, PYTHONMALLOC=os.environ.get("PYTHONMALLOC", "debug"))
        done = subprocess.run([sys.executable, str(HERE / "run_case.py"), name,
                               str(tmp_path / "run"), *options],
                              capture_output=True, text=True, env=environment)
        assert done.returncode == 0, done.stderr[-3000:]
        return json.loads(done.stdout)
    return go
