"""Calls of resumable functions in children that are killed at a save, one after the other.

A child is a fork of a process that never ran the program: the module is executed anew in each. What
the program writes with log() goes into one file: after any kills it must be what an uninterrupted
run writes, since each goes on behind the save it was killed at.
"""
import importlib.util
import os
import pickle
import signal
import sys
import traceback
import warnings

HEADER = """
import os, signal
import resume

left = [0]

def kill():
    left[0] -= 1
    if left[0] == 0:
        os.kill(os.getpid(), signal.SIGKILL)

def save():
    resume.save()
    kill()

def log(*values):
    with open("log.txt", "a") as file:
        print(*values, file=file)

"""


class Outcome:
    """What a child told: `value` that the function gave, or `error`; `killed`; `warned`, texts."""

    def __init__(self, told, status):
        self.killed = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
        self.exit = os.waitstatus_to_exitcode(status)
        kind, value, self.warned, self.saves = told or ("nothing", None, [], 0)
        self.error = value if kind == "error" else None
        self.value = value if kind == "value" else None
        self.trace = value[1] if kind == "error" else ""

    def __repr__(self):
        return f"Outcome({self.__dict__})"


def call(path, name, stop_at, args, kwargs):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            spec.loader.exec_module(module)
            module.left[0] = stop_at
            value = getattr(module, name)(*args, **kwargs)
            told = ["value", value]
        except BaseException as error:
            told = ["error", (type(error).__name__, traceback.format_exc(), str(error))]
        texts = [str(one.message) for one in caught if one.category.__name__ == "ResumeWarning"]
    return (*told, texts, stop_at - module.left[0])


def run(path, name="main", args=(), stop_at=0, **kwargs):
    """One child; killed at save number `stop_at`, if there are so many."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.close(reader)
            os.chdir(path.parent)
            data = pickle.dumps(call(path, name, stop_at, args, kwargs))
            with os.fdopen(writer, "wb") as file:
                file.write(data)
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as file:
        data = file.read()
    _, status = os.waitpid(child, 0)
    return Outcome(pickle.loads(data) if data else None, status)


class Place:
    """A folder with a program, its checkpoints and its log."""

    def __init__(self, folder, source, header=HEADER):
        self.folder = folder
        self.path = folder / f"program_{abs(hash(source)) % 10**8}.py"
        self.write(source, header)

    def write(self, source, header=HEADER):
        self.path.write_text(header + source)

    def run(self, *args, stop_at=0, name="main", **kwargs):
        return run(self.path, name, args, stop_at, **kwargs)

    def files(self):
        kept = self.folder / ".checkpoints"
        return sorted(kept.glob("program_*")) if kept.is_dir() else []

    def checkpoints(self):
        return [path for path in self.files() if path.suffix != ".lock"]

    def log(self):
        path = self.folder / "log.txt"
        return path.read_text() if path.exists() else ""

    def clean(self):
        for path in [*self.files(), self.folder / "log.txt"]:
            path.unlink(missing_ok=True)


def every_save(place, *args):
    """Kills the program at each of its saves, and runs it again; then kills it at every save in
    turn. The number of saves; asserts that value and log are those of an uninterrupted run."""
    whole = place.run(*args)
    assert whole.error is None and not whole.warned, whole
    log, saves = place.log(), whole.saves
    for stop in range(1, saves + 1):
        place.clean()
        assert place.run(*args, stop_at=stop).killed
        after = place.run(*args)
        assert (after.value, after.warned, place.log()) == (whole.value, [], log), (stop, after)
    place.clean()
    hops, last = 0, place.run(*args, stop_at=1)
    while last.killed and hops <= saves:
        hops += 1
        last = place.run(*args, stop_at=2 if hops else 1)
    assert (last.value, last.warned, place.log()) == (whole.value, [], log), (hops, last)
    return saves


COUNTING = """
@resume.resumable{options}
def main(n, *, text="x"):
    total = 0
    for i in range(n):
        total += i
        log("step", i)
        save()
    return total
"""


def counting(options=""):
    return COUNTING.replace("{options}", options)
