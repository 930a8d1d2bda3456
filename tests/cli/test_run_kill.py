"""resume run: unmodified programs that are killed and run again give what they would have given."""
import os
import pathlib
import re
import signal
import subprocess
import sys
import textwrap
import time

import pytest
from the_command import COMMAND

HELPER = """
    print("imported")
    total = 0
    seen = {}
    def note(i, j):
        global total
        total += i * j
        seen[j] = i
"""
# Module-level code with loops in functions, generators, classes and dataclasses of its own.
RICH = """
    import collections, contextlib, dataclasses, random, sys
    import helper
    @dataclasses.dataclass
    class Point:
        x: int
        def step(self, count):
            for i in range(count):
                self.x = (self.x * 31 + i) % 1000003
            return self
    class Base:
        made = 0
        def __init__(self, n):
            self.n = n
            Base.made += 1
        def __repr__(self):
            return f"{type(self).__name__}({self.n})"
    class Derived(Base):
        def parts(self):
            yield from (self.n * j for j in range(5))
            for j in range(3):
                yield super().__repr__(), j
    @contextlib.contextmanager
    def logged(name):
        log.append("in " + name)
        try:
            yield
        finally:
            log.append("out " + name)
    def sums(count):
        total = 0
        for i in range(count):
            total += (yield i * total % 97) or 1
    def work(i):
        with logged(f"work {i}"):
            generator = sums(50)
            s = next(generator)
            for j, name in enumerate(names):
                try:
                    s += generator.send(j)
                    if s % 5 == 0:
                        raise ValueError(s)
                except ValueError as error:
                    s += error.args[0]
                    for point in points:
                        point.step(30)
                finally:
                    helper.note(i, j)
            return s + sum(point.step(3).x for point in points)
    names = {"a", "b", "c", "dd", "eee"}
    log, table, points = [], collections.defaultdict(list), [Point(i) for i in range(5)]
    chance = random.Random(4)
    random.seed(5)
    with open("rows.txt", "w") as rows:
        for i in range(int(sys.argv[1])):
            value = work(i)
            table[value % 7].append(i)
            for item in Derived(value).parts():
                if isinstance(item, tuple) and i % 10 == 0:
                    print(item)
            print(i, value, chance.random(), random.random(), file=rows)
            while value > 10:
                value //= 2
    print(helper.total, helper.seen, dict(table), points, Base.made, log[-1])
    print(list(names) == list({"a", "b", "c", "dd", "eee"}), sorted(sys.argv), __file__)
    print(open("rows.txt").read())
"""


def write(folder, name, source):
    (folder / name).write_text(textwrap.dedent(source))


def start(*words, every="0.02", out="out.txt", mode="wb", options=(), **environment):
    """resume run python WORDS... >out.txt 2>err.txt"""
    with open(out, mode) as output, open("err.txt", "wb") as errors:
        return subprocess.Popen(
            [COMMAND, "run", "--every", every, *options, sys.executable, *words], stdout=output,
            stderr=errors, stdin=subprocess.DEVNULL, env=os.environ | environment)


def run(*words, **more):
    return start(*words, **more).wait(60)


def said():
    return pathlib.Path("err.txt").read_text()


def wait_for(condition, process=None):
    until = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < until, said()
        assert process is None or process.poll() is None, (process.returncode, said())
        time.sleep(0.005)


def saves(name):
    """How many generations `resume log` knows of."""
    ran = subprocess.run([COMMAND, "log", name], capture_output=True, text=True)
    return ran.stdout.count("going on") + ran.stdout.count("cut off")


def killed_until_done(rng, *words, kills=6, longest=0.5, **more):
    """Kills the command or stops it, again and again; the exit code at the end."""
    for _ in range(kills):
        process = start(*words, **more)
        try:
            return process.wait(rng.uniform(0.1, longest))
        except subprocess.TimeoutExpired:
            if rng.random() < 0.3:
                process.terminate()
                code = process.wait(60)
                # of the signal itself: it hit Python on its way out, behind the program
                assert code in (0, 75, -signal.SIGTERM) or has_ended(), said()
                if code == 0:
                    return code
            else:
                process.kill()
                process.wait()
            if has_ended():  # hit on its way out
                return 0
    return run(*words, **more)


def has_ended():
    """The only checkpoint of the folder is that of a program that came to its end: run once more,
    it would begin anew."""
    ran = subprocess.run([COMMAND, "ls"], capture_output=True, text=True)
    return "ended" in ran.stdout


@pytest.fixture
def plain(folder):
    def ran(*words):
        done = subprocess.run([sys.executable, *words], capture_output=True, timeout=60)
        assert done.returncode == 0, done.stderr
        return done.stdout
    return ran


@pytest.mark.parametrize("mode", ["wb", "ab"])
def test_a_program_killed_at_any_moment(folder, plain, rng, mode):
    write(folder, "helper.py", HELPER)
    write(folder, "rich.py", RICH)
    expected = plain("rich.py", "300")
    if mode == "ab":
        pathlib.Path("out.txt").write_text("before\n")
        expected = b"before\n" + expected
    assert killed_until_done(rng, "rich.py", "300", mode=mode) == 0, said()
    assert pathlib.Path("out.txt").read_bytes() == expected
    assert said() == ""


def test_a_module_and_an_output_that_is_another_file(folder, plain, rng):
    package = folder / "pkg"
    package.mkdir()
    write(package, "__init__.py", "")
    write(package, "helper.py", HELPER)
    write(package, "rich.py", RICH.replace("import helper", "from . import helper"))
    expected = plain("-m", "pkg.rich", "200")
    process = start("-m", "pkg.rich", "200", out="first.txt")
    wait_for(lambda: saves("pkg.rich@200") > 1 or process.poll() is not None)
    process.kill()
    process.wait()
    assert run("-m", "pkg.rich", "200", out="second.txt") == 0, said()
    assert pathlib.Path("second.txt").read_bytes() == expected


LOGS = """
    import logging, random, sys, time
    logging.basicConfig(filename="run.log", filemode="w", level=logging.INFO,
                        format="%(levelname)s %(message)s")
    log = logging.getLogger("sim")
    log.addHandler(logging.StreamHandler(sys.stdout))
    log.setLevel(logging.DEBUG)
    logging.addLevelName(15, "FINE")
    logging.getLogger("other").disabled = True
    class Tee:
        def __init__(self, *streams):
            self.streams = streams
        def write(self, text):
            for stream in self.streams:
                stream.write(text)
        def flush(self):
            for stream in self.streams:
                stream.flush()
    sys.stdout = Tee(sys.stdout, open("tee.txt", "w"))
    random.seed(1)
    for i in range(60):
        log.log(15, "step %d %.6f", i, random.random())
        logging.getLogger("other").error("silent")
        print("p", i)
        time.sleep(0.01)
    print("done", len(log.handlers), sys.stdout.streams[0] is sys.__stdout__)
"""


def test_logging_and_a_stdout_of_its_own(folder, plain, rng):
    write(folder, "logs.py", LOGS)
    names = ("run.log", "tee.txt")
    expected = plain("logs.py"), *(pathlib.Path(name).read_bytes() for name in names)
    assert killed_until_done(rng, "logs.py") == 0, said()
    assert (pathlib.Path("out.txt").read_bytes(),
            *(pathlib.Path(name).read_bytes() for name in names)) == expected
    assert said() == ""


def test_what_numpy_does_on_errors_and_how_it_prints(folder, plain, rng):
    pytest.importorskip("numpy")
    write(folder, "floats.py", """
        import time
        import numpy as np
        np.seterr(all="raise", under="ignore")
        np.set_printoptions(precision=2, suppress=True)
        a = np.zeros(3)
        for i in range(60):
            a += np.sqrt(i)
            time.sleep(0.01)
        print(a, np.geterr())
    """)
    expected = plain("floats.py")
    assert killed_until_done(rng, "floats.py") == 0, said()
    assert pathlib.Path("out.txt").read_bytes() == expected and said() == ""


APPENDS = """
    import os, sys, time
    if not os.path.exists("log.csv"):
        with open("log.csv", "w") as log:
            log.write("i,sum\\n")
    total = 0
    for i in range(80):
        total += i * i
        with open("log.csv", "a") as log:
            log.write(f"{i},{total}\\n")
        with open("other.txt", "ab") as other:
            other.write(b"x" * i)
        time.sleep(0.01)
    print(total, os.path.getsize("other.txt"))
"""


def test_a_file_that_is_appended_to_and_closed(folder, plain, rng):
    write(folder, "appends.py", APPENDS)
    names = ("log.csv", "other.txt")
    expected = plain("appends.py"), *(pathlib.Path(name).read_bytes() for name in names)
    for name in names:
        pathlib.Path(name).unlink()
    for _ in range(4):
        process = start("appends.py", every="0.05")
        before = saves("appends")
        wait_for(lambda: saves("appends") > before + 2 or process.poll() is not None)
        time.sleep(rng.uniform(0, 0.2))
        process.kill()
        process.wait()
        if has_ended():
            break
    else:
        assert run("appends.py") == 0, said()
    assert (pathlib.Path("out.txt").read_bytes(),
            *(pathlib.Path(name).read_bytes() for name in names)) == expected
    assert said() == ""


def test_a_file_that_others_append_to_is_left_and_told(folder):
    write(folder, "appends.py", APPENDS.replace("sleep(0.01)", "sleep(0.05)"))
    pathlib.Path("other.txt").write_text("of others\n")
    process = start("appends.py", every="0.05")
    while saves("appends") < 6:
        with open("other.txt", "a") as other:
            other.write("theirs\n")
        assert process.poll() is None, said()
        time.sleep(0.01)
    process.kill()
    process.wait()
    theirs = pathlib.Path("other.txt").read_text().count("theirs")
    pathlib.Path("other.txt").open("a").write("theirs\n")
    assert run("appends.py") == 0, said()
    assert pathlib.Path("other.txt").read_text().count("theirs") == theirs + 1
    assert "other.txt' has got" in said() and "log.csv" not in said()
    assert pathlib.Path("log.csv").read_text().count("79,") == 1


def test_a_command_is_known_by_its_code(folder, plain, rng):
    write(folder, "helper.py", HELPER)
    text = textwrap.dedent(RICH).replace(", __file__", "")
    expected = plain("-c", text, "200")
    assert killed_until_done(rng, "-c", text, "200") == 0, said()
    assert pathlib.Path("out.txt").read_bytes() == expected and said() == ""
    assert run("-c", text.replace("log[-1]", "log[-2]"), "5") == 0  # is another one


SLOW = """
    import sys, time
    for i in range(int(sys.argv[1])):
        print(i, flush=True)
        time.sleep(0.01)
    print("end")
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1])
def test_signals_save_and_stop(folder, number):
    write(folder, "slow.py", SLOW)
    process = start("slow.py", "60", every="1h")
    wait_for(lambda: pathlib.Path("out.txt").read_text().count("\n") >= 5, process)
    process.send_signal(number)
    assert process.wait(60) == 75
    assert "generation 2 is saved" in said()
    assert run("slow.py", "60", every="1h") == 0
    assert pathlib.Path("out.txt").read_text() == "".join(f"{i}\n" for i in range(60)) + "end\n"


def test_every_auto(folder):
    write(folder, "slow.py", SLOW)
    process = start("slow.py", "60", every="auto")
    wait_for(lambda: pathlib.Path("out.txt").read_text().count("\n") >= 20, process)
    process.terminate()
    assert (process.wait(60), run("slow.py", "60", every="auto")) == (75, 0)
    assert pathlib.Path("out.txt").read_text() == "".join(f"{i}\n" for i in range(60)) + "end\n"


def test_a_second_signal_stops_at_once(folder):
    write(folder, "sleep.py", "import time\nprint('now', flush=True)\ntime.sleep(600)\n")
    process = start("sleep.py")
    wait_for(lambda: pathlib.Path("out.txt").read_text(), process)
    process.terminate()
    until = time.monotonic() + 30
    while process.poll() is None and time.monotonic() < until:
        time.sleep(1.1)  # those within a second are one request
        process.terminate()
    assert process.wait(1) == -signal.SIGTERM


def test_an_ignored_signal_stays_ignored(folder):
    write(folder, "slow.py", SLOW)
    old = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        process = start("slow.py", "40")
    finally:
        signal.signal(signal.SIGHUP, old)
    wait_for(lambda: pathlib.Path("out.txt").read_text().count("\n") >= 5, process)
    process.send_signal(signal.SIGHUP)
    assert process.wait(60) == 0


def test_the_program_has_signals_of_its_own(folder):
    write(folder, "own.py", """
        import os, signal
        got = []
        def handler(number, frame):
            got.append(number)
        signal.signal(signal.SIGTERM, handler)
        signal.signal(signal.SIGUSR2, handler)
        os.kill(os.getpid(), signal.SIGTERM)
        ours, theirs = os.pipe()
        child = os.fork()
        if child == 0:
            os.write(theirs, b"here")
            while True:
                pass
        os.read(ours, 4)
        os.kill(child, signal.SIGINT)
        print(got == [signal.SIGTERM], os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) != 75)
        for i in range(3_000_000):
            pass
        os.kill(os.getpid(), signal.SIGUSR2)
        print(len(got))
    """)
    process = start("own.py")
    wait_for(lambda: saves("own") > 1 or process.poll() is not None)
    process.kill()
    process.wait()
    assert run("own.py") == 0, said()
    assert pathlib.Path("out.txt").read_text() == "True True\n2\n"


def test_which_run_it_is(folder):
    write(folder, "slow.py", SLOW)
    for words, name in ((["200"], "slow@200"), (["200", "a b"], "slow@200 'a b'")):
        process = start("slow.py", *words)
        wait_for(lambda: saves(name) > 1, process)
        process.kill()
        process.wait()
    assert run("slow.py", "5") == 0  # another run than both
    assert run("slow.py", "200") == 0
    shown = pathlib.Path("out.txt").read_text()
    assert shown.count("end") == 1 and shown.startswith("0\n1\n")
    assert run("slow.py", "5") == 0  # which had ended, and begins anew
    assert pathlib.Path("out.txt").read_text().startswith("0\n")
    process = start("slow.py", "200", options=["--name", "mine"])
    wait_for(lambda: saves("mine") > 1, process)
    process.kill()
    process.wait()
    assert run("slow.py", "7", options=["--name", "mine"]) == 1
    assert "other arguments" in said() and "--name" in said()
    assert run("slow.py", "7", options=["--name", "mine", "--fresh"]) == 0


def test_changed_code_is_told_with_the_choices(folder):
    write(folder, "slow.py", SLOW)
    process = start("slow.py", "200")
    wait_for(lambda: saves("slow@200") > 1, process)
    process.kill()
    process.wait()
    write(folder, "slow.py", SLOW.replace('"end"', '"END"'))
    assert run("slow.py", "200") == 9
    assert "has changed" in said() and "--fresh" in said() and "resume.load(" in said()
    write(folder, "slow.py", "\n# a comment\n" + textwrap.dedent(SLOW))
    assert run("slow.py", "200") == 0, said()


def test_two_at_a_time(folder):
    write(folder, "slow.py", SLOW)
    process = start("slow.py", "6000")
    wait_for(lambda: pathlib.Path("out.txt").read_text(), process)
    assert run("slow.py", "6000", out="other.txt") == 5 and "resume: " in said()
    process.kill()
    process.wait()


CRASH = """
    import os, pathlib, signal, sys
    for i in range(int(sys.argv[1])):
        for j in range(100_000):
            pass
        print(i, flush=True)
        if i == 8 and (sys.argv[2] == "always" or not pathlib.Path("crashed").exists()):
            os.system("touch crashed")  # what the program itself makes is taken back
            os.kill(os.getpid(), signal.SIGSEGV)
"""


def test_it_is_started_again_after_a_crash_but_not_for_the_same_one(folder):
    write(folder, "crash.py", CRASH)
    assert run("crash.py", "12", "once") == 0, said()
    assert pathlib.Path("out.txt").read_text() == "".join(f"{i}\n" for i in range(12))
    assert re.search(r"died \(Segmentation fault\): it goes on from generation \d+", said()), said()
    # no save comes between the two: the same crash at the same generation
    process = start("crash.py", "12", "always", every="0.02")
    assert process.wait(60) == -signal.SIGSEGV
    assert re.search("it is not started again|which is all", said()), said()
    pathlib.Path("crashed").unlink()
    assert run("crash.py", "13", "once", options=["--no-restart"]) == -signal.SIGSEGV


def test_a_killed_program_is_started_again(folder):
    write(folder, "slow.py", "import os\nopen('pid', 'w').write(str(os.getpid()))\n"
                             + textwrap.dedent(SLOW))
    process = start("slow.py", "100")
    wait_for(lambda: saves("slow@100") > 1, process)
    os.kill(int(pathlib.Path("pid").read_text()), signal.SIGKILL)
    assert process.wait(60) == 0, said()
    shown = pathlib.Path("out.txt").read_text()
    assert shown == "".join(f"{i}\n" for i in range(100)) + "end\n"


def test_a_save_that_is_required(folder):
    write(folder, "sorting.py", """
        def key(x):
            for i in range(2000):
                pass
            return x
        sorted(range(10_000_000), key=key)
    """)
    assert run("sorting.py", options=["--require-save", "0.3"]) == 1
    assert "--require-save" in said() and "sorting.py" in said(), said()
    assert run("sorting.py", options=["--require-save", "soon"]) == 2
    assert "no duration" in said()
    assert run("sorting.py", every="often") == 2


REFUSED = """
    import sys, time, warnings
    warnings.simplefilter("ignore")
    def key(x):
        time.sleep(0.02)
        return x
    print("began", flush=True)
    sys.stderr = open("own.txt", "w")
    sorted(range(int(sys.argv[1])), key=key)
    for i in range(int(sys.argv[2])):
        time.sleep(0.01)
"""


def test_why_it_can_not_be_saved_outlives_the_program(folder):
    write(folder, "refused.py", REFUSED)
    process = start("refused.py", "1000000", "0", every="0.1")
    wait_for(lambda: pathlib.Path(".checkpoints/refused@1000000 0.refused".replace(
        " ", "%20").replace("@", "%40")).exists(), process)
    process.kill()
    process.wait()
    log = subprocess.run([COMMAND, "log", "refused@1000000 0"], capture_output=True, text=True)
    assert log.returncode == 0 and "not saved since" in log.stdout.splitlines()[-1], log
    assert "refused.py" in log.stdout or "line" in log.stdout


def test_the_end_tells_why_it_could_not_be_saved(folder):
    write(folder, "refused.py", REFUSED)
    assert run("refused.py", "80", "0", every="0.1") == 0
    assert re.search(r"at its end nothing could be saved for \d+ s: line", said()), said()
    assert pathlib.Path("own.txt").read_text() == ""
    assert not list(pathlib.Path(".checkpoints").glob("*.refused"))  # it has ended
    assert run("refused.py", "80", "50", every="0.1") == 0  # a save works in the end
    assert said() == "" and not list(pathlib.Path(".checkpoints").glob("*.refused"))


def test_who_asks_it_to_stop_hears_why_it_does_not(folder):
    write(folder, "refused.py", REFUSED)
    process = start("refused.py", "1000000", "0", every="1h")
    wait_for(lambda: pathlib.Path("out.txt").read_text(), process)
    process.terminate()
    wait_for(lambda: "Terminated: it stops when it is saved" in said(), process)
    time.sleep(1.1)  # those within a second are one request
    process.terminate()
    assert process.wait(60) == -signal.SIGTERM
    assert "at its end nothing could be saved" in said()


def test_the_seed_of_hashes_is_that_of_the_first_run(folder, monkeypatch):
    monkeypatch.delenv("PYTHONHASHSEED", raising=False)
    write(folder, "seed.py", """
        import os, time
        words = {str(i) for i in range(100)}
        print(list(words), os.environ.get("PYTHONHASHSEED"), flush=True)
        for i in range(60):
            time.sleep(0.01)
        print(list({str(i) for i in range(100)}), os.environ.get("PYTHONHASHSEED"))
    """)
    process = start("seed.py")
    wait_for(lambda: saves("seed") > 1, process)
    process.kill()
    process.wait()
    assert run("seed.py") == 0, said()
    first, second = pathlib.Path("out.txt").read_text().splitlines()
    assert first == second and first.endswith("None")


def test_where_it_runs_is_told_when_it_is_another_place(folder):
    write(folder, "slow.py", SLOW)
    process = start("slow.py", "200", OMP_NUM_THREADS="2")
    wait_for(lambda: saves("slow@200") > 1, process)
    process.kill()
    process.wait()
    assert run("slow.py", "200", OMP_NUM_THREADS="3") == 0
    assert "OMP_NUM_THREADS is '3' and was '2'" in said()


def test_what_belongs_to_the_process_comes_back(folder, plain, rng):
    write(folder, "state.py", """
        import atexit, decimal, os, signal, sys, time, warnings
        import xml.etree.ElementTree
        os.mkdir("inner") if not os.path.isdir("inner") else None
        os.chdir("inner")
        os.environ["OF_THE_PROGRAM"] = "yes"
        sys.setrecursionlimit(777)
        decimal.getcontext().prec = 40
        warnings.simplefilter("error", ResourceWarning)
        atexit.register(lambda: print("bye"))
        signal.signal(signal.SIGUSR2, lambda number, frame: print("got it"))
        sys.argv.append("more")
        log = open("log.txt", "w")
        T = xml.etree.ElementTree
        for i in range(80):
            print(i, file=log)
            time.sleep(0.005)
        log.close()
        os.kill(os.getpid(), signal.SIGUSR2)
        print(os.path.basename(os.getcwd()), os.environ["OF_THE_PROGRAM"], sys.argv[1:])
        print(sys.getrecursionlimit(), decimal.Decimal(1) / 7, warnings.filters[0][0])
        print(T.fromstring("<a/>").tag, xml.etree.ElementTree is T, len(open("log.txt").read()))
    """)
    expected = plain("state.py")
    assert killed_until_done(rng, "state.py") == 0, said()
    assert pathlib.Path("out.txt").read_bytes() == expected
