"""Exact continuation: a loop after a kill against one that was never interrupted, what saving costs
for each frame, and what a program pays that never saves."""

import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

import resume

ROUNDS = 7

PROGRAM = """
import json, os, resume, sys, time

def hot(n, at):
    total, weights, start = 0, [1, 2, 3], time.thread_time()
    for i in range(n):
        if i == at:
            resume.save()
            if os.environ.get("STOP"):
                os.kill(os.getpid(), 9)
            start = time.thread_time()
        total += i * 3 % 7 + weights[1]
        if total > 1000000:
            total -= 999999
    return time.thread_time() - start

@resume.resumable(folder=sys.argv[1])
def outer(n):
    hot(100_000, -1)  # specialised, as it is in a long run
    return hot(n, 100_000)

print(json.dumps(outer(3_000_000)))
"""


def run(program, folder, **environment):
    process = subprocess.run([sys.executable, program, folder], capture_output=True, text=True,
                             env=os.environ | environment, check=False)
    if environment:
        return None
    if process.returncode:
        sys.exit(process.stderr)
    return json.loads(process.stdout)


def hot_loop(place):
    """Seconds of the processor for the loop: (never interrupted, after a kill), in turns."""
    program = pathlib.Path(place) / "program.py"
    program.write_text(PROGRAM)
    results = []
    for number in range(ROUNDS):
        whole = run(str(program), f"{place}/whole{number}")
        run(str(program), f"{place}/killed{number}", STOP="1")
        results.append((whole, run(str(program), f"{place}/killed{number}")))
    return results


def measured(times, save):
    start = time.perf_counter()
    save()
    times.append(time.perf_counter() - start)


def down(depth, times, save):
    if depth:
        return down(depth - 1, times, save) + 1
    for _ in range(30):
        measured(times, save)
    return 0


def root(depth, times, save):
    return down(depth, times, save)


def of_frames(place):
    """Microseconds of a capture and of a whole save (written, synced) with each more frame."""
    capture = getattr(resume._core, "_capture")
    costs = []
    for name, save in (("capture", lambda: capture(root.__code__, None)), ("save", resume.save)):
        medians = []
        for depth in (1, 101):
            times = []
            arguments = (depth, times, save)
            if name == "capture":
                root(*arguments)
            else:
                resume.resumable(folder=f"{place}/{depth}", name=f"of{depth}")(root)(*arguments)
            medians.append(statistics.median(times) * 1e6)
        costs.append((name, medians[0], (medians[1] - medians[0]) / 100))
    return costs


def plain(n):
    """Seconds of the processor for a loop."""
    total, start = 0, time.thread_time()
    for i in range(n):
        total += i * 3 % 7
    return time.thread_time() - start


def never_saves(place):
    """(the loop in a resumable function that never saves against the same in a plain one, seconds
    of a call that does nothing else)"""
    wrapped = resume.resumable(folder=f"{place}/never", rate=3600)(plain)
    ratios, calls = [], []
    for _ in range(15):
        inside = plain(1_000_000)
        ratios.append(wrapped(1_000_000) / inside)
        start = time.perf_counter()
        wrapped(0)
        calls.append(time.perf_counter() - start)
    return statistics.median(ratios), statistics.median(calls)


def main():
    with tempfile.TemporaryDirectory() as place:
        results = hot_loop(place)
        whole, later = (statistics.median(column) for column in zip(*results))
        ratio = statistics.median(b / a for a, b in results)
        print(f"CPython {'.'.join(map(str, sys.version_info[:3]))}")
        print(f"a loop of 2.9 M rounds: {whole:.3f} s never interrupted, {later:.3f} s after a"
              f" kill, ratio {ratio:.3f} (target: noise)")
        for name, first, more in of_frames(place):
            print(f"{name} of a few frames {first:.1f} us, for each more frame {more:.2f} us")
        loop, call = never_saves(place)
        print(f"a resumable function that never saves: its loop {loop:.3f} of the plain one,"
              f" the call itself {call * 1000:.2f} ms")


if __name__ == "__main__":
    main()
