"""`with` over the state of the process, around the place where a killed program goes on."""
import os
import pathlib
import subprocess
import sys
import textwrap

import pytest

PROGRAM = """
    import contextlib, io, os, signal, sys, warnings
    import resume

    def save():
        process = os.getpid()
        resume.save()
        if os.environ.get("KILL") and process == os.getpid():
            os.kill(os.getpid(), signal.SIGKILL)

    @resume.resumable(name="it")
    def run():
        {body}

    print(run())
"""


def run(folder, body, before="", **more):
    body = textwrap.indent(textwrap.dedent(body), "    ")
    program = textwrap.dedent(before) + textwrap.dedent(PROGRAM).replace("    {body}", body)
    (folder / "it.py").write_text(program)
    return subprocess.run([sys.executable, "it.py"], cwd=folder, env=os.environ | more,
                          capture_output=True, text=True, timeout=60)


def goes_on(folder, body, before=""):
    whole = run(folder, body, before)
    assert whole.returncode == 0 and not whole.stderr, whole
    killed = run(folder, body, before, KILL="1")
    assert killed.returncode == -9, killed
    while (after := run(folder, body, before, KILL="1")).returncode == -9:  # at each save in turn
        pass
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
     with open("log") as log:
         return log.read().split(), sys.stdout is sys.__stdout__
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


DECIMALS = """
     import decimal
     from decimal import Decimal, getcontext
"""
NUMPY = """
     import numpy as np
     values = np.array([1.0, 0.0, 2.0])
"""


def quotient():
    """What dividing by zero does, in words."""
    return """
     def quotient():
         try:
             return str(1 / values)
         except FloatingPointError as error:
             return str(error)
"""


@pytest.mark.parametrize("body, seen", [
    (DECIMALS + '''
     with decimal.localcontext() as c:
         c.prec = 3
         save()
         inside = Decimal(1) / 3
         same = c is getcontext()
         c.prec = 5
         changed = Decimal(1) / 3
     return inside, same, changed, Decimal(1) / 3
     ''', "(Decimal('0.333'), True, Decimal('0.33333'), "
     "Decimal('0.3333333333333333333333333333'))"),
    (DECIMALS + '''
     getcontext().prec = 4
     with decimal.localcontext() as c:
         c.prec = 3
         Decimal(1) / 3
         with decimal.localcontext(decimal.Context(prec=6)) as d:
             getcontext().traps[decimal.DivisionByZero] = False
             save()
             inner = Decimal(1) / 3, Decimal(1) / 0, d is getcontext()
         outer = Decimal(1) / 3, c is getcontext(), c.flags[decimal.Inexact]
     return inner, outer, Decimal(1) / 3, getcontext().flags[decimal.Inexact]
     ''', "((Decimal('0.333333'), Decimal('Infinity'), True), (Decimal('0.333'), True, True), "
     "Decimal('0.3333'), True)"),
    (DECIMALS + '''
     @contextlib.contextmanager
     def digits(count):
         with decimal.localcontext() as c:
             c.prec = count
             yield c
     def divided(count):
         with digits(count) as c:
             save()
             return Decimal(2) / 3, c is getcontext()
     with contextlib.ExitStack() as stack:
         stack.enter_context(digits(9))
         return divided(2), Decimal(2) / 3
     ''', "((Decimal('0.67'), True), Decimal('0.666666667'))"),
    (NUMPY + quotient() + '''
     with np.errstate(divide="raise"):
         save()
         inside = quotient()
     with np.errstate(divide="ignore"):
         return inside, quotient(), np.geterr()
     ''', "('divide by zero encountered in divide', '[1.  inf 0.5]', {'divide': 'ignore', "
     "'over': 'warn', 'under': 'ignore', 'invalid': 'warn'})"),
    (NUMPY + quotient() + '''
     called = []
     with np.errstate(all="ignore"):
         with np.errstate(divide="call", call=lambda kind, flag: called.append((kind, flag))):
             np.seterr(over="raise")
             save()
             inner = quotient(), np.geterr()
         outer = quotient(), np.geterr()["over"], np.geterrcall()
     return inner, outer, called, np.geterr()["divide"], np.geterrcall()
     ''', "(('[1.  inf 0.5]', {'divide': 'call', 'over': 'raise', 'under': 'ignore', 'invalid': "
     "'ignore'}), ('[1.  inf 0.5]', 'ignore', None), [('divide by zero', 1)], 'warn', None)"),
    (NUMPY + quotient() + '''
     later, used = np.errstate(divide="raise"), np.errstate(divide="ignore")
     with used:
         quotient()
     save()
     with later:
         inside = quotient()
     return inside, np.geterr()["divide"], np.geterrcall()
     ''', "('divide by zero encountered in divide', 'warn', None)"),
    (NUMPY + '''
     with np.printoptions(precision=2) as options:
         with np.printoptions(suppress=True, formatter={"float": "<{:.3f}>".format}):
             save()
             inner = str(values)
         outer = str(values / 3), options["precision"]
     return inner, outer, str(values / 3)
     ''', "('[<1.000> <0.000> <2.000>]', ('[0.33 0.   0.67]', 2), '[0.33333333 0.         "
     "0.66666667]')"),
    (NUMPY + DECIMALS + '''
     with warnings.catch_warnings(), np.errstate(divide="warn"), decimal.localcontext() as c, \
             np.printoptions(precision=1), contextlib.chdir("/"):
         warnings.simplefilter("error")
         c.prec = 2
         save()
         try:
             1 / values
         except RuntimeWarning as warning:
             return str(warning), str(Decimal(1) / 7), str(values / 7), os.getcwd()
     ''', "('divide by zero encountered in divide', '0.14', '[0.1 0.  0.3]', '/')"),
    ('''
     with warnings.catch_warnings(record=True) as caught:
         warnings.simplefilter("always")
         warnings.warn("one")
         with warnings.catch_warnings(record=True) as inner:
             warnings.warn("two")
             save()
             warnings.warn("three")
         warnings.warn("four")
     warnings.simplefilter("ignore")
     warnings.warn("five")
     return [[str(one.message) for one in log] for log in (caught, inner)]
     ''', "[['one', 'four'], ['two', 'three']]"),
    ('''
     def inside(folder):
         with contextlib.chdir(folder):
             yield os.getcwd()
             yield "ended"
     def around(text):
         with contextlib.redirect_stdout(text):
             yield from inside("/")
     text, kept = io.StringIO(), inside(os.path.dirname(os.getcwd()))
     home, parent = os.getcwd(), next(kept)
     found = []
     for folder in around(text):
         save()
         print("printed in", folder)
         found.append((os.getcwd() in (folder, "/"), os.getcwd()))
     save()
     here = os.getcwd()
     next(kept), kept.close()
     return found, text.getvalue(), here == parent, os.getcwd() == home
     ''', "([(True, '/'), (True, '/')], 'printed in /\\nprinted in ended\\n', True, True)"),
    ('''
     class Proxy:
         def __getattr__(self, name):
             print("asked for", name)
             raise AttributeError(name)
         def __enter__(self):
             return self
         def __exit__(self, *exception):
             pass
     with Proxy():
         save()
     return 1
     ''', "1"),
    ('''
     with warnings.catch_warnings(record=True) as caught:
         warnings.simplefilter("always")
         save()
         warnings.warn("one")
         save()
     with warnings.catch_warnings():
         warnings.simplefilter("error")
         save()
         try:
             warnings.warn("two")
         except UserWarning as warning:
             return str(warning), len(caught)
     ''', "('two', 1)"),
], ids=["decimal", "decimal in decimal", "decimal in stacks and generators", "errstate",
        "errstate in errstate", "errstate later", "printoptions", "all", "warnings",
        "generators", "nothing is asked", "warnings, then warnings"])
def test_what_it_does_to_the_process_is_done_again(tmp_path, body, seen):
    if "np." in body:
        pytest.importorskip("numpy")
    assert goes_on(tmp_path, body).strip() == seen


@pytest.mark.parametrize("manager, named", [
    ("sqlite3.connect(':memory:') as c", "sqlite3 connection"),
    ("concurrent.futures.ThreadPoolExecutor(1)", "ThreadPoolExecutor()"),
    ("contextlib.closing(open(os.devnull)), sqlite3.connect(':memory:') as c",
     "sqlite3 connection"),
])
def test_a_manager_of_the_process_is_refused_by_name(tmp_path, manager, named):
    ran = run(tmp_path, f"""
        import concurrent.futures, decimal, sqlite3, tempfile
        with {manager}:
            save()
        return "whole"
    """)
    assert ran.returncode == 0 and ran.stdout.strip() == "whole", ran
    assert "line " in ran.stderr and f"inside of 'with {named}" in ran.stderr.replace(
        "a sqlite3", "sqlite3"), ran.stderr


def test_no_tracer_or_profiler_sees_what_is_taken(tmp_path):
    ran = run(tmp_path, """
        import decimal
        seen = []
        def see(frame, event, arg):
            seen.append((event, frame.f_code.co_filename))
        sys.settrace(see), sys.setprofile(see)
        with decimal.localcontext(), contextlib.chdir("/"):
            save()
        sys.settrace(None), sys.setprofile(None)
        return len(seen) > 9, [one for one in seen if "_surroundings" in one[1]]
    """)
    assert ran.stdout.strip() == "(True, [])", ran


def test_numpy_1(tmp_path, monkeypatch):
    other = pathlib.Path(sys.prefix) / "numpy1"
    if not other.exists():
        pytest.skip("there is no numpy 1")
    monkeypatch.setenv("PYTHONPATH", str(other))
    assert goes_on(tmp_path, NUMPY + quotient() + """
     with np.errstate(all="ignore"), np.printoptions(precision=2):
         with np.errstate(divide="raise"), np.printoptions(precision=4):
             save()
             inner = quotient(), str(values / 3)
         outer = np.geterr()["divide"], np.geterrcall(), str(values / 3)
     return np.__version__[0], inner, outer, np.geterr()["divide"]
     """).strip() == ("('1', ('divide by zero encountered in divide', '[0.3333 0.     0.6667]'), "
                      "('ignore', None, '[0.33 0.   0.67]'), 'warn')")


OWN = """
    import contextlib, resume, settings
    class Level:
        def __init__(self, level):
            self.level = level
        def __enter__(self):
            self.before, settings.level = settings.level, self.level
        def __exit__(self, *exception):
            settings.level = self.before
    @contextlib.contextmanager
    def named(name):
        before, settings.name = settings.name, name
        try:
            yield
        finally:
            settings.name = before
    resume.register(Level, enter=lambda manager: setattr(settings, "level", manager.level))
    resume.register(named, enter=lambda values: setattr(settings, "name", values["name"]))
"""


def test_managers_of_users_are_entered_by_their_own_function(tmp_path):
    (tmp_path / "settings.py").write_text("level, name = 1, 'a'\n")
    assert goes_on(tmp_path, """
        with Level(2), named("b"), Level(3):
            save()
            inside = settings.level, settings.name
        return inside, settings.level, settings.name
    """, OWN).strip() == "((3, 'b'), 1, 'a')"


def test_what_was_registered_is_forgotten(tmp_path):
    (tmp_path / "settings.py").write_text("level, name = 1, 'a'\n")
    body, before = "with Level(2):\n    save()\n    return settings.level", OWN + """
    resume.register(Level)
"""
    assert run(tmp_path, body, before, KILL="1").returncode == -9
    assert run(tmp_path, body, before).stdout.strip() == "1"


@pytest.mark.parametrize("arguments, said", [
    ("Level, enter=3", "register(): enter is a function, not int"),
    ("3, enter=print", "register() takes a class, not int"),
])
def test_what_enter_takes(tmp_path, arguments, said):
    (tmp_path / "settings.py").touch()
    ran = run(tmp_path, "pass", OWN + f"    resume.register({arguments})")
    assert ran.returncode == 1 and ran.stderr.strip().endswith(f"TypeError: {said}"), ran


TEMPORARY = """
     import tempfile
     with tempfile.TemporaryFile({arguments}) as one, tempfile.TemporaryFile(buffering=0) as raw:
         one.write({word} * 3)
         raw.write(b"raw")
         one.seek(4)
         save()
         one.write({word})
         raw.write(b"er")
         position = one.tell(), raw.tell()
         one.seek(0), raw.seek(0)
         one.name.bit_length()
         with tempfile.TemporaryFile({arguments}) as other:
             same = one.mode == other.mode
         return one.read(), raw.read(), position, same
"""


@pytest.mark.parametrize("arguments, word, seen", [
    ("", "b'word'", "(b'wordwordword', b'rawer', (8, 5), True)"),
    ("'w+', encoding='utf-16', newline='\\r\\n'", "'w\\u00f6\\n'", None),
])
def test_the_content_of_files_without_a_name_is_state(tmp_path, arguments, word, seen):
    found = goes_on(tmp_path, TEMPORARY.format(arguments=arguments, word=word)).strip()
    assert found == seen or seen is None and found


@pytest.mark.parametrize("arguments", ["'w', encoding='latin-1'", "'rb'", "'r+b', buffering=0",
                                       "'a+'"])
def test_a_file_that_keeps_nothing(tmp_path, arguments):
    found = goes_on(tmp_path, f"""
        with open(os.devnull, {arguments}) as file:
            before = file.mode, file.name, type(file).__name__, getattr(file, "encoding", None)
            save()
            after = file.mode, file.name, type(file).__name__, getattr(file, "encoding", None)
            file.write("x" if isinstance(file.mode, str) and hasattr(file, "encoding") else b"x") \\
                if file.writable() else file.read()
        return before == after, file.closed
    """)
    assert found.strip() == "(True, True)"


def test_a_named_temporary_file_is_opened_again_and_deleted_at_the_end(tmp_path):
    assert goes_on(tmp_path, """
        import tempfile
        with tempfile.NamedTemporaryFile("w+", dir=os.getcwd()) as one:
            one.write("abc")
            save()
            one.write("def")
            one.seek(0)
            found = one.read(), os.path.exists(one.name)
        return found, os.path.exists(one.name)
    """).strip() == "(('abcdef', True), False)"


@pytest.mark.parametrize("opened, said", [
    ("tempfile.TemporaryFile()", "holds more than 64 MiB (one of tempfile.NamedTemporaryFile may)"),
    ("open('gone', 'wb')", "its file has no name any more"),
])
def test_files_without_a_name_that_are_refused(tmp_path, opened, said):
    ran = run(tmp_path, f"""
        import tempfile
        with {opened} as one:
            if os.path.exists("gone"):
                os.remove("gone")
            one.truncate((64 << 20) + 1)
            save()
        return "whole"
    """)
    assert ran.stdout.strip() == "whole" and said in ran.stderr and "line " in ran.stderr, ran


@pytest.mark.parametrize("value", [
    "MISSING", "OBJECT", "dataclasses.MISSING", "settings.NOTHING", "inspect._empty",
])
def test_what_is_told_by_identity_is_that_of_its_module(tmp_path, value):
    (tmp_path / "settings.py").write_text("NOTHING = object()\n")
    program = textwrap.dedent(PROGRAM).replace("@resume", textwrap.dedent("""
        import dataclasses, inspect, settings
        class Missing:
            pass
        current = None
        MISSING, OBJECT = Missing(), object()
        gone = Missing()
        left = right = Missing()
        filled = Missing()
        filled.attribute = 1
        @resume"""), 1).replace("{body}", textwrap.dedent(f"""
            global made, current, right, filled
            current, right, filled = MISSING, Missing(), Missing()
            pair, empty = [left, right], filled
            value = first = {value}
            own, again = [object(), Missing(), gone], [object()] * 2
            made = own[1]
            globals().pop("gone", None)
            save()
            return (value is {value}, value is first, len(set(own)), again[0] is again[1],
                    own[0] is OBJECT, own[1] is MISSING,
                    pair[0] is left, pair[0] is pair[1], vars(empty), current is MISSING or current)
        """).replace("\n", "\n    "))
    (tmp_path / "it.py").write_text(program)
    for code in (-9, 0):
        ran = subprocess.run([sys.executable, "it.py"], cwd=tmp_path, capture_output=True,
                             env=os.environ | {"KILL": "1"}, text=True, timeout=60)
        assert ran.returncode == code, ran
    assert ran.stdout.strip() == (
        "(True, True, 3, True, False, False, True, False, {}, None)"), ran
