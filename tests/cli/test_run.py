"""resume run: command lines of Python, and programs that see what they would see without it."""
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import textwrap

import pytest
from the_command import COMMAND

# What a program can see of the way in which it was started.
STAGE = """
    '''What it sees.'''
    import atexit, os, sys
    shown = {name: str(getattr(value, "__dict__", value)) for name, value in globals().items()
             if name not in ("atexit", "os", "sys", "__builtins__", "__spec__")}
    print(shown, type(__builtins__), getattr(__spec__, "name", None), sorted(globals()))
    print(sys.argv, sys.path, sys.flags, sys.orig_argv[1:], os.environ.get("PYTHONHASHSEED"))
    print(sys.modules["__main__"].__dict__ is globals())
    def end(how):
        if how == "raise":
            raise ValueError("x")
        if how == "interrupt":
            raise KeyboardInterrupt
        if how == "syntax":
            exec("1 +")
        if how.startswith("exit"):
            sys.exit({"exit3": 3, "exit": None, "exittext": "text"}[how])
        if how == "hook":
            sys.excepthook = lambda *about: print("hook", about[2].tb_frame.f_code.co_name)
            raise ValueError("x")
    atexit.register(lambda: print("bye", sorted(globals())))
    end(sys.argv[1])
    print("end")
"""


def both(folder, *words):
    """The same command line without and with `resume run`, from the beginning."""
    shutil.rmtree(folder / ".checkpoints", ignore_errors=True)
    ran = [subprocess.run([*before, sys.executable, *words], cwd=folder, stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=60)
           for before in ((), (COMMAND, "run"))]
    return ran


@pytest.mark.parametrize("how", ["return", "raise", "interrupt", "syntax", "exit", "exit3",
                                 "exittext", "hook"])
def test_a_script_sees_what_it_would_see_without(folder, how):
    (folder / "sub").mkdir()
    for name in ("stage.py", "sub/stage.py"):
        (folder / name).write_text(textwrap.dedent(STAGE))
    os.symlink("sub/stage.py", folder / "link.py")
    paths = ["stage.py", "./stage.py", "sub/../stage.py", "link.py", folder / "stage.py"]
    for path in paths if how == "raise" else paths[:1]:
        plain, run = both(folder, "-W", "ignore", "-u", path, how, "--every", "-m")
        assert (run.returncode, run.stdout, run.stderr) == (plain.returncode, plain.stdout,
                                                            plain.stderr)


@pytest.mark.parametrize("how", ["return", "raise", "exit3"])
def test_so_does_a_module_and_a_folder(folder, how):
    package = folder / "pkg"
    package.mkdir()
    (package / "__init__.py").write_text("print('once')\n")
    for name in ("mod.py", "__main__.py"):
        (package / name).write_text(textwrap.dedent(STAGE))
    for words in (["-m", "pkg.mod"], ["-mpkg"], ["-m", "nothing"], ["pkg"], ["nothing.py"]):
        plain, run = both(folder, *words, how)
        assert (run.returncode, run.stdout, run.stderr) == (plain.returncode, plain.stdout,
                                                            plain.stderr), words


@pytest.mark.parametrize("how", ["return", "raise", "interrupt", "syntax", "exit3"])
def test_so_does_a_command(folder, how):
    text = textwrap.dedent(STAGE).replace('getattr(value, "__dict__", value)', "value")
    lines = (["-c", text], ["-W", "ignore", "-O", f"-c{text}"])
    for words in lines if how == "raise" else lines[:1]:
        plain, run = both(folder, *words, how, "--every", "-c")
        assert (run.returncode, run.stdout, run.stderr) == (plain.returncode, plain.stdout,
                                                            plain.stderr)


def test_text_that_is_no_python(folder):
    (folder / "bad.py").write_text("x = (\n")
    (folder / "latin.py").write_bytes(b"# -*- coding: latin-1 -*-\nprint(ascii('\xe4'))\n")
    for name in ("bad.py", "latin.py"):
        plain, run = both(folder, name)
        assert (run.returncode, run.stdout, run.stderr) == (plain.returncode, plain.stdout,
                                                            plain.stderr)


@pytest.mark.parametrize("words, said", [
    (["ls", "-l"], "'ls' is no Python interpreter"),
    (["sim.py"], "'resume run python sim.py'"),
    (["python", "-I", "sim.py"], "leave -I out"),
    (["python", "-uE", "sim.py"], "leave -E out"),
    (["python", "-i", "sim.py"], "leave -i out"),
    (["python", "-c"], "which script?"),
    (["python", "-uc", "1"], "write '-c' apart"),
    (["python", "-"], "put it into a script"),
    (["python", "-m"], "which script?"),
    (["python"], "which script?"),
    (["python", "--version"], "runs no script"),
    (["python-that-is-not-there", "sim.py"], "No such file"),
    ([], "run what?"),
])
def test_what_can_not_be_protected_is_not_run(resume, folder, words, said):
    (folder / "sim.py").write_text("open('ran', 'w')\n")
    ran = resume("run", *words)
    assert ran.code == 2 and said in ran.err and not pathlib.Path("ran").exists()


def test_a_python_without_the_package(resume, folder):
    (folder / "sim.py").write_text("open('ran', 'w')\n")
    (folder / "resume.py").write_text("")  # is not taken for it
    ran = resume("run", sys.executable, "-S", "sim.py", PYTHONPATH="")
    assert ran.code == 2 and "can't be run protected" in ran.err and "pip install" in ran.err
    assert not pathlib.Path("ran").exists()


def test_the_seed_of_hashes_is_the_users_where_he_gives_one(folder):
    (folder / "seed.py").write_text("import os, sys\n"
                                    "print(hash('a'), os.environ.get('PYTHONHASHSEED'))\n")
    def ran(seed):
        environment = os.environ | ({"PYTHONHASHSEED": seed} if seed else {})
        if not seed:
            environment.pop("PYTHONHASHSEED", None)
        return subprocess.run([COMMAND, "run", sys.executable, "seed.py"], env=environment,
                              cwd=folder, capture_output=True, text=True).stdout.split()
    first, second = ran("7"), ran("7")
    assert first == second and first[1] == "7"
    assert ran("") != ran("") and ran("")[1] == "None"


def test_the_program_dies_with_the_command(folder):
    (folder / "sleep.py").write_text("import os, time\nprint(os.getpid(), flush=True)\n"
                                     "time.sleep(600)\n")
    run = subprocess.Popen([COMMAND, "run", sys.executable, "sleep.py"], cwd=folder,
                           stdout=subprocess.PIPE, text=True)
    program = int(run.stdout.readline())
    run.kill()
    run.wait()
    assert program != run.pid
    assert run.stdout.read() == ""  # which comes when nobody has the pipe any more


def test_what_it_dies_of_is_seen(folder):
    (folder / "die.py").write_text("import os, sys\nos.kill(os.getpid(), int(sys.argv[1]))\n")
    for number in (signal.SIGKILL, signal.SIGQUIT):
        ran = subprocess.run([COMMAND, "run", sys.executable, "die.py", str(int(number))],
                             cwd=folder, capture_output=True, text=True)
        assert ran.returncode == -number
        assert ("is not started again" in ran.stderr) == (number == signal.SIGKILL)
