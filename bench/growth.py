"""Instructions at two sizes, counted by callgrind: nothing costs more than its size.

usage: growth.py

Prints how the instructions of each piece of work grow when there is four times as much of it.
Linear is 4; what looks at each of its objects through all the others would be 16.
"""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

SMALL, TIMES = 200, 4
LINEAR_MAX, CONSTANT_MAX = 5.2, 1.6
CONSTANT = ("one more generation", "open one of many", "make one of many")
CONTROL = "each with each other"  # what must be noticed

# A call of _encode_each([]) begins and ends each piece of work: callgrind writes its counts there.
PROGRAM = """
import gc, sys, warnings
import resume
from resume import _core

gc.disable()
warnings.simplefilter("ignore")
small, times = int(sys.argv[1]), int(sys.argv[2])

class Plain:
    def __init__(self, number):
        self.number, self.next = number, None

def nested(count):
    value = []
    for _ in range(count):
        value = [value, (count,)]
    return value

def linked(count):
    head = last = Plain(0)
    for number in range(count):
        last.next = last = Plain(number)
    return head

def knots(count):
    made = []
    for number in range(count):
        made.append(([], number))
        made[-1][0].append(made[-1])
    return made

def shared(count):
    lists = [[number] for number in range(count)]
    return lists + lists

def functions(count):
    def make(number):
        return lambda: number
    return [make(number) for number in range(count)]

VALUES = {"nested lists and tuples": nested, "a chain of instances": linked,
          "knots of lists and tuples": knots, "lists that stand twice": shared,
          "functions": functions,
          "sets": lambda count: [{number, (number,)} for number in range(count)],
          "dicts": lambda count: [{"a": number, number: None} for number in range(count)],
          "iterators": lambda count: [iter([number]) for number in range(count)]}

def mark():
    _core._encode_each([])

def run(name, work):
    mark()
    work()
    mark()
    print(name, flush=True)

def streams(count):
    for name, make in VALUES.items():
        value = make(count)
        stream, blobs, _ = _core._encode(value)
        run("encode " + name, lambda: _core._encode_size(value))
        run("decode " + name, lambda: _core._decode(stream, blobs, mine=True))

def save_variables(count):
    chp = resume.Checkpoint(f"v{count}", rate="never", only="kept")
    kept = {f"v{number}": number for number in range(count)}
    chp.save()
    kept["v0"] = -1
    run("save variables", chp.save)
    chp.close()

def opened(name, folder):
    return resume.Checkpoint(name, folder=folder, rate="never", only="number")

def save_generations(count):
    chp = resume.Checkpoint(f"g{count}", rate="never", only="number", keep=1000)
    for number in range(count):
        chp.save()
    run("one more generation", chp.save)
    chp.close()
    run("open after many generations", lambda: opened(f"g{count}", None))

def folder(count):
    for number in range(count):
        with opened(f"c{number}", f"f{count}") as chp:
            chp.save()
    run("list a folder", lambda: resume.list(f"f{count}"))
    run("open one of many", lambda: opened("c0", f"f{count}"))
    run("make one of many", lambda: opened("one more", f"f{count}").save())

def warm(count):
    streams(count)
    save_variables(count)
    save_generations(count)
    folder(count)

warm(3)
for count in (small, small * times):
    streams(count)
    save_variables(count * 4)
    save_generations(count // 8)
    folder(count // 8)
    run(CONTROL, lambda: [one is other for one in range(count // 3) for other in range(count // 3)])
"""


def counted(small=SMALL, times=TIMES):
    """{piece of work: (instructions at the small size, at the large one)}"""
    with tempfile.TemporaryDirectory() as folder:
        (pathlib.Path(folder) / "program.py").write_text(f"CONTROL = {CONTROL!r}\n{PROGRAM}")
        ran = subprocess.run(
            ["valgrind", "--tool=callgrind", f"--callgrind-out-file={folder}/profile",
             "--dump-before=rp_testing_encode_each", sys.executable, "program.py", str(small),
             str(times)], cwd=folder, capture_output=True, text=True, check=False,
            env=os.environ | {"PYTHONHASHSEED": "0", "LD_BIND_NOW": "1", "XDG_DATA_HOME": folder})
        if ran.returncode:
            raise SystemExit(ran.stderr)
        found = {}
        # the part of the profile that ends with the second mark of each
        for number, name in enumerate(ran.stdout.splitlines()):
            text = pathlib.Path(f"{folder}/profile.{2 * number + 2}").read_text()
            count = re.search(r"^(?:totals|summary): (\d+)", text, re.M)[1]
            found.setdefault(name, []).append(int(count))
    return {name: tuple(counts[-2:]) for name, counts in found.items()}


def too_steep(counts):
    """What grows faster than its size: a list of texts."""
    return [f"{name}: {small:,} instructions, {large:,} for {TIMES} times as much"
            for name, (small, large) in counts.items()
            if large > small * (CONSTANT_MAX if name in CONSTANT else LINEAR_MAX)]


def main():
    if not shutil.which("valgrind"):
        raise SystemExit("growth: valgrind is missing")
    counts = counted()
    for name, (small, large) in counts.items():
        print(f"{name:40} {small:12,} {large:12,} {large / small:5.2f}")
    steep = too_steep({name: pair for name, pair in counts.items() if name != CONTROL})
    if steep:
        raise SystemExit("\n".join(steep))


if __name__ == "__main__":
    main()
