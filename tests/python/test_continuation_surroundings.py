"""`with` over the state of the process, around the place where a killed program goes on."""
import os
import subprocess
import sys
import textwrap

import pytest

PROGRAM = """
    import contextlib, io, os, signal, sys, warnings
    import resume

    def save():
        resume.save()
        if os.environ.get("KILL"):
            os.kill(os.getpid(), signal.SIGKILL)

    @resume.resumable(name="it")
    def run():
        {body}

    print(run())
"""


def run(folder, body, **more):
    body = textwrap.indent(textwrap.dedent(body), "    ")
    program = textwrap.dedent(PROGRAM).replace("    {body}", body)
    (folder / "it.py").write_text(program)
    return subprocess.run([sys.executable, "it.py"], cwd=folder, env=os.environ | more,
                          capture_output=True, text=True, timeout=60)


def goes_on(folder, body):
    whole = run(folder, body)
    assert whole.returncode == 0 and not whole.stderr, whole
    killed = run(folder, body, KILL="1")
    assert killed.returncode == -9, killed
    after = run(folder, body)
    assert after.returncode == 0 and not after.stderr, after
    assert after.stdout == whole.stdout
    return after.stdout


@pytest.mark.parametrize("body, seen", [
    ('''
     os.makedirs("sub", exist_ok=True)
     outside = os.getcwd()
     with contextlib.chdir("sub"):
         save()
         inside = os.getcwd()
     return inside == os.path.join(outside, "sub"), os.getcwd() == outside
     ''', "(True, True)"),
    ('''
     text = io.StringIO()
     with contextlib.redirect_stdout(text):
         save()
         print("inside")
     print("outside")
     return text.getvalue()
     ''', "outside\ninside"),
    ('''
     with open("log", "w") as log, contextlib.redirect_stdout(log):
         print("before")
         save()
         print("after")
     return open("log").read().split(), sys.stdout is sys.__stdout__
     ''', "(['before', 'after'], True)"),
    ('''
     text = io.StringIO()
     with contextlib.ExitStack() as stack:
         stack.enter_context(contextlib.redirect_stderr(text))
         save()
         print("inside", file=sys.stderr)
     return text.getvalue(), sys.stderr is sys.__stderr__
     ''', "('inside\\n', True)"),
    ('''
     @contextlib.contextmanager
     def quiet(text):
         with contextlib.chdir("/"), contextlib.redirect_stdout(text):
             yield
     @contextlib.contextmanager
     def around(text):
         with quiet(text):
             yield
     text = io.StringIO()
     with around(text):
         save()
         print("inside", os.getcwd())
     return text.getvalue(), os.getcwd() == "/"
     ''', "('inside /\\n', False)"),
    ('''
     out = sys.stdout
     save()
     return out is sys.stdout
     ''', "True"),
], ids=["chdir", "redirect", "redirect to a file", "in a stack", "in generators",
         "sys.stdout"])
def test_the_manager_is_entered_again(tmp_path, body, seen):
    assert goes_on(tmp_path, body).strip() == seen


def test_recorded_warnings_refuse_the_save(tmp_path):
    ran = run(tmp_path, """
        with warnings.catch_warnings(record=True) as caught:
            save()
            warnings.warn("it is")
        resume.save()
        return [str(one.message) for one in caught if "it is" in str(one.message)]
    """)
    assert ran.returncode == 0 and ran.stdout.strip() == "['it is']"


@pytest.mark.parametrize("manager, named", [
    ("decimal.localcontext() as c", "decimal.localcontext()"),
    ("np.errstate(divide='ignore')", "numpy.errstate()"),
    ("np.printoptions(precision=3)", "numpy.printoptions()"),
    ("sqlite3.connect(':memory:') as c", "sqlite3 connection"),
    ("concurrent.futures.ThreadPoolExecutor(1)", "ThreadPoolExecutor()"),
    ("contextlib.closing(open(os.devnull)), np.errstate(all='ignore')", "numpy.errstate()"),
])
def test_a_manager_of_the_process_is_refused_by_name(tmp_path, manager, named):
    if "np." in manager:
        pytest.importorskip("numpy")
    ran = run(tmp_path, f"""
        import concurrent.futures, decimal, sqlite3, tempfile
        try:
            import numpy as np
        except ImportError:
            pass
        with {manager}:
            save()
        return "whole"
    """)
    assert ran.returncode == 0 and ran.stdout.strip() == "whole", ran
    assert "line " in ran.stderr and f"inside of 'with {named}" in ran.stderr.replace(
        "a sqlite3", "sqlite3"), ran.stderr
