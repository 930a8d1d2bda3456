"""What survives SIGKILL: resume beside what one would write by hand.

One tiny program keeps an array of 8 MiB and a random generator and saves them in every step. It is
killed at random moments and started again until it ends, once for each way of saving. After each
kill the next process loads what is there:

    went on     it found a state at least as new as the last save that had returned
    lost saves  it found an older one, though a newer save had returned
    torn        the file could not be loaded: a user would have to start over, and so does this
    identical   the end result is that of a run that was never killed

What this does not show: power loss. A killed process leaves its writes to the kernel, so that a
plain rename without fsync looks as good here as one with it.
"""

import argparse
import hashlib
import importlib.util
import mmap
import os
import pathlib
import pickle
import random
import signal
import struct
import subprocess
import sys
import tempfile
import time

import numpy as np

STEPS = 60
SIZE = 1 << 20


def pickle_in_place():
    def save(state):
        with open("state", "wb") as file:
            pickle.dump(state, file, protocol=5)

    def load():
        with open("state", "rb") as file:
            return pickle.load(file)

    return save, load


def pickle_and_rename():
    in_place, load = pickle_in_place()

    def save(state):
        with open("state.new", "wb") as file:
            pickle.dump(state, file, protocol=5)
            file.flush()
            os.fsync(file.fileno())
        os.rename("state.new", "state")

    return save, load


def joblib_dump():
    import joblib

    return lambda state: joblib.dump(state, "state"), lambda: joblib.load("state")


def dill_dump():
    import dill

    def save(state):
        with open("state", "wb") as file:
            dill.dump(state, file)

    def load():
        with open("state", "rb") as file:
            return dill.load(file)

    return save, load


def numpy_savez():
    def save(state):
        step, x, rng = state
        with open("state", "wb") as file:
            np.savez(file, step=step, x=x, rng=pickle.dumps(rng.bit_generator.state))

    def load():
        with np.load("state") as saved:
            rng = np.random.default_rng()
            rng.bit_generator.state = pickle.loads(saved["rng"].item())
            return int(saved["step"]), saved["x"], rng

    return save, load


METHODS = {
    "pickle, file written in place": (pickle_in_place, None),
    "pickle, temporary + fsync + rename": (pickle_and_rename, None),
    "joblib.dump": (joblib_dump, "joblib"),
    "dill.dump": (dill_dump, "dill"),
    "numpy.savez": (numpy_savez, None),
    "resume": (None, "resume"),
}


def step_once(x, rng):
    x += rng.random(SIZE)
    x *= 0.5


class Notes:
    """Shared with the parent and outliving SIGKILL: where it started, what was acknowledged."""

    def __init__(self):
        with open("notes", "r+b") as file:
            self.words = memoryview(mmap.mmap(file.fileno(), 4096)).cast("Q")

    def started(self, step, torn=False):
        self.words[0], self.words[1], self.words[4] = step, 1, torn

    def acknowledged(self, step):
        self.words[2] = step

    def saving(self, yes):
        self.words[3] = yes


def by_hand(method, notes):
    save, load = METHODS[method][0]()
    state, torn = None, False
    if os.path.exists("state"):
        try:
            state = load()
        except Exception:  # whatever a torn file raises
            torn = True
    step, x, rng = state or (0, np.zeros(SIZE), np.random.default_rng(7))
    notes.started(step, torn)
    while step < STEPS:
        step_once(x, rng)
        step += 1
        notes.saving(1)
        save((step, x, rng))
        notes.acknowledged(step)
        notes.saving(0)
    return x


def with_resume(notes):
    import resume

    chp = resume.Checkpoint()
    step, x, rng = 0, np.zeros(SIZE), np.random.default_rng(7)
    chp.restore()
    notes.started(step)
    while step < STEPS:
        step_once(x, rng)
        step += 1
        notes.saving(1)
        chp.save()
        notes.acknowledged(step)
        notes.saving(0)
    return x


def child(method):
    notes = Notes()
    x = with_resume(notes) if method == "resume" else by_hand(method, notes)
    print(hashlib.sha256(x.tobytes()).hexdigest())


def run_child(method, folder, kill_after):
    """(output or None when killed, words of the notes)."""
    command = [sys.executable, pathlib.Path(__file__).resolve(), "--child", method]
    process = subprocess.Popen(command, cwd=folder, text=True, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE)
    try:
        output, talk = process.communicate(timeout=kill_after)
    except subprocess.TimeoutExpired:
        process.kill()
        output, talk = process.communicate()
    if process.returncode not in (0, -signal.SIGKILL):
        raise SystemExit(f"compare: {method}: {talk}")
    words = struct.unpack("=5Q", (folder / "notes").read_bytes()[:40])
    return (output if process.returncode == 0 else None), words


def compare(method, folder, kills_max, rng):
    folder.mkdir()
    (folder / "notes").write_bytes(bytes(4096))
    start = time.monotonic()
    expected, _ = run_child(method, folder, None)
    seconds = time.monotonic() - start
    count = dict(kills=0, during=0, torn=0, lost=0, on=0)
    round_number, pending = 0, None
    while count["kills"] < kills_max:
        work = folder / str(round_number)
        work.mkdir()
        round_number, output, acknowledged = round_number + 1, None, 0
        while output is None:
            (work / "notes").write_bytes(bytes(4096))
            more = count["kills"] < kills_max
            delay = rng.uniform(0.15, max(0.5, seconds)) if more else None
            output, (began, started, newest, saving, torn) = run_child(method, work, delay)
            if started and pending is not None:
                if torn:
                    count["torn"] += 1
                else:
                    count["lost" if began < pending else "on"] += 1
                pending = None
            if started:
                acknowledged = max(newest, began)
            if output is None:
                count["kills"] += 1
                count["during"] += saving
                pending = acknowledged
        count["identical"] = count.get("identical", True) and output == expected
    return count


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=50, help="for each way of saving")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        child(options.child)
        return 0
    seed = int(os.environ.get("RESUME_SEED") or random.SystemRandom().randrange(1 << 32))
    print(f"{'':36} {'kills':>5} {'in a save':>9} {'went on':>8} {'lost saves':>10} {'torn':>5}"
          "  identical")
    with tempfile.TemporaryDirectory(prefix="resume-compare-") as scratch:
        for number, (method, (_, module)) in enumerate(METHODS.items()):
            if module and importlib.util.find_spec(module) is None:
                print(f"{method:36} not installed")
                continue
            rng = random.Random(f"{seed} {number}")
            count = compare(method, pathlib.Path(scratch, str(number)), options.kills, rng)
            print(f"{method:36} {count['kills']:5} {count['during']:9} {count['on']:8} "
                  f"{count['lost']:10} {count['torn']:5}  {'yes' if count['identical'] else 'NO'}",
                  flush=True)
    print(f"seed {seed}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
