"""Exact continuation under a foreign eval hook (PEP 523), which gives each frame a C function."""
import pathlib
import shutil
import signal
import subprocess
import sys
import sysconfig

import pytest

SOURCE = pathlib.Path(__file__).parents[1] / "support" / "eval_hook.c"
PROGRAM = """
import ctypes, os, signal, sys
library = ctypes.PyDLL(sys.argv[1])
library.hook_install()
import resume

def squares(n):
    for i in range(n):
        yield i * i

class World:
    def step(self, x):
        with open(sys.argv[0]) as file:
            for y in squares(4):
                try:
                    x += y
                finally:
                    resume.save()
                    hit()
        return x + len(file.name)

def hit():
    global left
    left -= 1
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)

left = int(sys.argv[2])

@resume.resumable(key=1)
def main():
    total = 0
    for i in range(3):
        total = 3 * total + sum([World().step(i + j) for j in range(2)])
    return total

print(main())
print(ctypes.c_long.in_dll(library, "hook_count").value > 20)
"""


@pytest.fixture(scope="module")
def hook(tmp_path_factory):
    include = sysconfig.get_path("include")
    if not shutil.which("gcc") or not pathlib.Path(include, "Python.h").exists():
        pytest.skip("no compiler, or no headers of this Python")
    library = tmp_path_factory.mktemp("hook") / "hook.so"
    subprocess.run(["gcc", "-shared", "-fPIC", "-I", include, "-o", library, SOURCE], check=True)
    return library


def test_under_a_foreign_eval_hook(tmp_path, hook):
    (tmp_path / "program.py").write_text(PROGRAM)

    def run(folder, kill):
        (tmp_path / folder).mkdir(exist_ok=True)
        return subprocess.run([sys.executable, "../program.py", hook, str(kill)],
                              cwd=tmp_path / folder, capture_output=True, text=True)
    plain = run("plain", 0)
    assert plain.returncode == 0 and plain.stderr == "" and plain.stdout.endswith("True\n")
    for kill in (3, 4, 1, 2, 5):
        ran = run("killed", kill)
        assert (ran.returncode, ran.stderr) == (-signal.SIGKILL, "")
    ran = run("killed", 0)
    assert (ran.returncode, ran.stderr, ran.stdout) == (0, "", plain.stdout)
