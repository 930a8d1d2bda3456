"""Kills random programs at their saves: python run_random.py FIRST COUNT FOLDER [--new N]

Each program (random_programs.py, one for each seed from FIRST on) is killed at each save in turn,
and at single saves chosen at random, until COUNT kills are reached. Every run is a fork of this
process, which never runs a program; of each N-th program it is a new interpreter. Prints one JSON
object, and on stderr how far it has come.
"""
import argparse
import glob
import json
import os
import random
import shutil
import signal
import subprocess
import sys

import run_case
from random_programs import source

SAVES_MAX = 150  # of one program: a longer one would tell less for its time


def load(seed, folder):
    """The program as a module in a file, and its function main."""
    name = f"program_{seed}"
    with open(os.path.join(folder, name + ".py"), "w", encoding="utf-8") as file:
        file.write(source(seed, numpy="numpy" in sys.modules))
    return name


def main_of(name):
    __import__(name)
    return sys.modules[name].main


def plain_of(name):
    """The module is imported in the child alone."""
    log = os.open(os.devnull, os.O_WRONLY)
    run_case.cases.log_to(log)
    return run_case.plain(main_of(name))


class Options:
    warm = False

    def __init__(self, trace=None, new=False):
        self.trace = trace
        self.new = new


def run_once(name, options, place, kill):
    """(exit code, [result, saves]) of one run, in a fork or a new interpreter."""
    if not options.new:
        return run_case.in_fork(lambda: run_case.one_run(
            main_of(name), options, place, os.devnull, kill))
    command = [sys.executable, os.path.abspath(__file__), str(kill), "0", place, "--child", name]
    command += ["--trace", options.trace] * bool(options.trace)
    done = subprocess.run(command, capture_output=True, text=True)
    return done.returncode, json.loads(done.stdout) if done.stdout else ["failed", done.stderr]


def kill_program(name, seed, options, folder, kills):
    """(kills done, what was wrong)"""
    status, answer = run_case.in_fork(lambda: plain_of(name))
    if status != 0 or answer[0] == "failed":
        return 0, [f"plain: {status} {answer}"]
    wanted, saves = answer
    if not 0 < saves <= SAVES_MAX:
        return 0, []
    done, wrong = 0, []

    def run(place, kill):
        return run_once(name, options, place, kill)
    status, answer = run(os.path.join(folder, name + "-whole"), 0)
    if status != 0 or answer[0] != wanted:
        return 0, [f"seed {seed}, whole: exit code {status}, {str(answer)[-1500:]}"]
    # a generator that is closed because nobody holds it any more can't be saved in its `finally`
    saves = answer[1]
    if saves == 0:
        return 0, []

    def judge(how, status, answer):
        if status != 0 or answer[0] != wanted:
            wrong.append(f"seed {seed}, {how}: exit code {status}, {str(answer)[-1500:]}, "
                         f"not {wanted[-500:]}")
    rnd = random.Random(seed)
    for kill in sorted(rnd.sample(range(1, saves + 1), min(saves, 3))):
        place = os.path.join(folder, f"{name}-{kill}")
        status, answer = run(place, kill)
        done += 1
        if status == -signal.SIGKILL:
            status, answer = run(place, 0)
            judge(f"killed at {kill}", status, answer)
        else:  # a save that is refused delays the next ones
            judge(f"not killed at {kill}", status, answer)
            done -= 1
    place, hops = os.path.join(folder, name + "-turn"), 0
    status, answer = run(place, 1)
    while status == -signal.SIGKILL and hops < 2 * SAVES_MAX and done < kills:
        hops += 1
        done += 1
        status, answer = run(place, 1)
    if status == -signal.SIGKILL:
        status, answer = run(place, 0)
    judge(f"killed {hops} times in turn", status, answer)
    return done, wrong


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("first", type=int)
    parser.add_argument("count", type=int)
    parser.add_argument("folder")
    parser.add_argument("--trace")
    parser.add_argument("--new", type=int, default=0, help="each N-th program, in new processes")
    parser.add_argument("--child", help="runs this program, killed at save number FIRST")
    options = parser.parse_args()
    try:
        import numpy  # noqa: F401
    except ImportError:
        pass
    if options.child:
        sys.path.insert(0, os.path.dirname(options.folder))
        print(json.dumps(run_case.one_run(main_of(options.child), Options(options.trace),
                                          options.folder, os.devnull, options.first)))
        return
    os.makedirs(options.folder, exist_ok=True)
    sys.path.insert(0, options.folder)
    done, renewed, seed, programs, wrong = 0, 0, options.first, 0, []
    while done < options.count and len(wrong) < 10:
        name = load(seed, options.folder)
        new = options.new > 0 and seed % options.new == 0
        kills, faults = kill_program(name, seed, Options(options.trace, new), options.folder,
                                     options.count - done)
        for left in glob.glob(os.path.join(options.folder, name + "-*")):
            shutil.rmtree(left)
        if programs % 20 == 0 or faults:
            print(f"seed {seed}: {done} kills", *faults, file=sys.stderr, flush=True)
        done += kills
        renewed += kills * new
        programs += kills > 0
        wrong += faults
        seed += 1
    print(json.dumps({"kills": done, "in new processes": renewed, "programs": programs,
                      "seeds": [options.first, seed - 1], "wrong": wrong}))


if __name__ == "__main__":
    main()
