"""What the tests of the command share: running it, and checkpoints made by real programs."""
import json
import os
import pathlib
import random
import shutil
import subprocess
import sys
import textwrap

import pytest
from the_command import COMMAND, EXIT_CODES

# The command is the same program beside every Python: what does not depend on who wrote a
# checkpoint is tested once, and under the sanitizers.
if os.environ.get("RESUME_HEAVY") == "0" and not os.environ.get("RESUME_SANITIZED"):
    collect_ignore = [f"test_{name}.py" for name in (
        "completion", "diff", "doctor", "golden", "hostile", "hostile_matrix", "man", "progress",
        "prune", "rm", "rollback", "schema")]


class Ran:
    def __init__(self, code, out, err):
        self.code, self.raw, self.raw_err = code, out, err
        self.err = err.decode()  # never anything but UTF-8

    @property
    def out(self):
        return self.raw.decode()

    @property
    def json(self):
        return json.loads(self.raw)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty working directory, and no RESUME_* variable of the user."""
    for name in list(os.environ):
        if name.startswith("RESUME_") and name not in ("RESUME_SEED", "RESUME_COMMAND"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    monkeypatch.setenv("TZ", "UTC")
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    return work


@pytest.fixture
def resume(folder):
    """resume("ls", "--all"): runs the command in the test's folder."""
    def run(*arguments, **environment):
        ran = subprocess.run([COMMAND, *map(os.fspath, arguments)], stdin=subprocess.DEVNULL,
                             capture_output=True, env=os.environ | environment, timeout=60)
        assert ran.returncode in EXIT_CODES, (ran.returncode, ran.stderr)
        return Ran(ran.returncode, ran.stdout, ran.stderr)
    return run


@pytest.fixture
def save(folder):
    """save(source): runs a program that makes checkpoints in the test's folder."""
    def run(source, name="sim.py"):
        path = folder / name
        path.write_text(textwrap.dedent(source))
        environment = os.environ | {"PYTHONHASHSEED": "0", "RESUME_QUIET": "1"}
        ran = subprocess.run([sys.executable, path], capture_output=True, text=True,
                             env=environment, timeout=60)
        assert ran.returncode in (0, -9), ran.stderr
        return path
    return run


SAVED = {}


@pytest.fixture
def save_once(save, folder, tmp_path_factory):
    """The same for a program that several tests look at: it runs once, the rest get copies."""
    def run(source):
        if source not in SAVED:
            save(source)
            SAVED[source] = tmp_path_factory.mktemp("saved") / "checkpoints"
            shutil.copytree(".checkpoints", SAVED[source])
        else:
            shutil.copytree(SAVED[source], ".checkpoints")
    return run


@pytest.fixture
def ended(save):
    """One checkpoint, sim.main, of a call that has ended, with two generations."""
    save("""
        from resume import Checkpoint
        def main(n=3):
            chp = Checkpoint()
            total, names = 0, ["a", "b"]
            chp.restore()
            while n > 0:
                total += n
                n -= 1
                chp.save()
        main()
    """)
    return pathlib.Path(".checkpoints/sim.main")


@pytest.fixture
def cut_off(save):
    """One checkpoint, sim.main, of a call that was killed behind its second save."""
    save("""
        import os, signal
        from resume import Checkpoint
        def main(steps=5):
            chp = Checkpoint()
            step = 0
            chp.restore()
            while step < steps:
                step += 1
                chp.save()
                if step == 2:
                    os.kill(os.getpid(), signal.SIGKILL)
        main()
    """)
    return pathlib.Path(".checkpoints/sim.main")


@pytest.fixture
def held(folder):
    """held(name): another program has this checkpoint open until the test ends."""
    holders = []

    def hold(name):
        holder = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-c",
             "import sys\nfrom resume import Checkpoint\n"
             "def main():\n chp = Checkpoint(sys.argv[1], again='continue')\n"
             " print('open', flush=True); input()\nmain()", name],
            cwd=folder, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE)
        holders.append(holder)
        assert holder.stdout.readline() == "open\n", holder.stderr.read()
    yield hold
    for holder in holders:
        holder.kill()
        holder.communicate()


@pytest.fixture
def history(save):
    """history(count): sim.main with so many saves, of an array, a list and a loss."""
    def make(count=6, keep=50):
        save(f"""
            import os, signal
            import numpy as np
            from resume import Checkpoint
            def main():
                chp = Checkpoint(keep={keep})
                step, loss, losses, field = 0, 1.0, [], np.zeros((300, 400))
                chp.restore()
                while step < {count}:
                    step += 1
                    loss *= 0.5
                    losses.append(loss)
                    field[step, 3] = step
                    chp.save()
                os.kill(os.getpid(), signal.SIGKILL)
            main()
        """)
        return pathlib.Path(".checkpoints/sim.main")
    return make


@pytest.fixture
def rng():
    seed = int(os.environ.get("RESUME_SEED") or random.SystemRandom().randrange(1 << 32))
    print(f"RESUME_SEED={seed}")
    return random.Random(seed)
