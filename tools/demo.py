"""The demo: real programs are killed again and again, and lose nothing.

Each program runs once uninterrupted, then in a new folder it is killed with SIGKILL at random
moments and started again until it ends. What it prints must be the same, byte for byte.

    work lost   iterations executed twice. tools/counted.py counts what each process executed, in
                memory that outlives it; the checkpoint, read after the kill, tells where the next
                one will start. Lost = executed up to the kill - position in the checkpoint.
    work saved  iterations that stood in the checkpoint at each kill, summed up: what starting over
                would have executed again.
    time spent on saves   how long they stopped the uninterrupted program, as `resume log` tells it.

RESUME_SEED takes back a seed that an earlier run printed. Exit code 1 when anything differs.
"""

import argparse
import json
import os
import pathlib
import random
import shlex
import signal
import struct
import subprocess
import sys
import tempfile
import time

import resume

ROOT = pathlib.Path(__file__).resolve().parent.parent
EXAMPLES = ROOT / "examples"
# program, its arguments, its checkpoint, and how many iterations a saved state stands for
PROGRAMS = [
    ("primes.py", ["12000"], "primes.compute_primes", lambda state: state["candidate"] - 2),
    ("berlin52.py", ["1000"], "berlin52.anneal", lambda state: state["sweep"] + 1),
    ("c/heat.c", ["600", "0.1"], "heat.main", lambda state: state["step"]),
]


class Failed(Exception):
    pass


def command_of(program, folder):
    """What starts a program so that it is counted; compiles one in C, as its users do."""
    if program.endswith(".py"):
        return [sys.executable, ROOT / "tools" / "counted.py", folder / "counts",
                EXAMPLES / program]

    def package(*options):
        return shlex.split(subprocess.run(["pkg-config", *options, "resume"], text=True,
                                          stdout=subprocess.PIPE, check=True).stdout)
    path = folder / pathlib.Path(program).stem
    subprocess.run(["cc", "-O2", "-include", ROOT / "tools" / "counted.h", EXAMPLES / program,
                    *package("--cflags", "--libs"), "-lm", "-o", path,
                    f"-Wl,-rpath,{package('--variable=libdir')[0]}"], check=True)
    return [path]


class Runner:
    """Starts a program in a folder of its own and reads its counts."""

    def __init__(self, folder, program, arguments):
        self.folder, self.program = folder, program
        self.command = [*command_of(program, folder), *arguments]
        self.environment = {k: v for k, v in os.environ.items() if not k.startswith("RESUME_")}
        self.environment["COUNTS"] = folder / "counts"

    def run(self, hash_seed, kill_after=None):
        """(killed, output, iterations) of one process."""
        (self.folder / "counts").write_bytes(bytes(4096))
        self.environment["PYTHONHASHSEED"] = str(hash_seed)
        process = subprocess.Popen(self.command, cwd=self.folder, env=self.environment, text=True,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        try:
            output, talk = process.communicate(timeout=kill_after)
        except subprocess.TimeoutExpired:
            process.kill()
            output, talk = process.communicate()
        if process.returncode not in (0, -signal.SIGKILL):
            raise Failed(f"{self.program} ended with {process.returncode}:\n{talk}")
        iterations, = struct.unpack("=Q", (self.folder / "counts").read_bytes()[:8])
        return process.returncode != 0, output, iterations


def saved_position(folder, name, position):
    path = folder / ".checkpoints" / name
    if not path.exists():
        return 0
    state = resume.load(path)
    return position(state) if state else 0


def cost_of_saves(folder, name):
    """(saves, nanoseconds for which they stopped the program, nanoseconds that it ran)"""
    ran = subprocess.run(["resume", "log", "--json", folder / ".checkpoints" / name], text=True,
                         stdout=subprocess.PIPE, check=True)
    newest = json.loads(ran.stdout)["generations"][0]
    return newest["saves"], newest["paused_ns"], newest["running_ns"]


def survive(folder, program, arguments, name, position, kills_max, rng, tell):
    """Runs one program both ways; a dict with the row of the table."""
    whole, pieces = folder / "whole", folder / "pieces"
    whole.mkdir()
    pieces.mkdir()
    tell(f"{program}: uninterrupted")
    start = time.monotonic()
    _, expected, iterations = Runner(whole, program, arguments).run(0)
    seconds = time.monotonic() - start
    saves, paused_ns, running_ns = cost_of_saves(whole, name)

    runner, kills, executed, lost, kept, at = Runner(pieces, program, arguments), 0, 0, 0, 0, 0
    while True:
        tell(f"{program}: killed {kills} times, at {100 * at / iterations:.0f} %")
        delay = rng.uniform(0.02, max(0.4, seconds / 3)) if kills < kills_max else None
        killed, output, done = runner.run(rng.randrange(1 << 32), delay)
        executed += done
        # killed in its last instructions, all of its output shown: that run has ended
        if not killed or output == expected:
            kills += killed
            break
        kills += 1
        position_saved = saved_position(pieces, name, position)
        if not at <= position_saved <= at + done:
            raise Failed(f"{program}: the checkpoint stands at {position_saved}, "
                         f"but iterations {at} to {at + done} were executed")
        lost += at + done - position_saved
        kept += position_saved
        at = position_saved
    if at + done != iterations:
        raise Failed(f"{program}: the last process began at {at} and executed {done} "
                     f"iterations, {iterations} in all were expected")
    return dict(program=f"{program} {arguments[0]}", kills=kills, lost=lost / iterations,
                kept=kept / iterations, save_ms=paused_ns / 1e6, saves=saves,
                saving=paused_ns / running_ns, identical=output == expected, output=expected)


def check_listing(folder):
    """The listing of 2017 with its own asserts, run twice: the second run continues."""
    folder.mkdir()
    environment = {k: v for k, v in os.environ.items() if not k.startswith("RESUME_")}
    environment["PYTHONWARNINGS"] = "ignore"  # continuing with another n warns, as it should
    for counts in ((11, 16), (26, 31)):
        ran = subprocess.run([sys.executable, EXAMPLES / "original_listing.py"], cwd=folder,
                             env=environment, text=True, capture_output=True, check=False)
        primes = [p for p in range(2, 200) if all(p % q for q in range(2, p))]
        expected = "".join(f"{primes[:count]}\n" for count in counts)
        if ran.returncode != 0 or ran.stdout != expected:
            raise Failed(f"original_listing.py: {ran.stdout}{ran.stderr}")
    return "original_listing.py: asserts hold; run twice it found 16 primes, then 31"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=8, help="at most, for each program")
    options = parser.parse_args()
    seed = int(os.environ.get("RESUME_SEED") or random.SystemRandom().randrange(1 << 32))
    rng = random.Random(seed)
    on_terminal = sys.stderr.isatty()

    def tell(text):
        if on_terminal:
            print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)

    rows = []
    with tempfile.TemporaryDirectory(prefix="resume-demo-") as scratch:
        try:
            for program, *rest in PROGRAMS:
                folder = pathlib.Path(scratch, program)
                folder.mkdir(parents=True)
                rows.append(survive(folder, program, *rest, options.kills, rng, tell))
            listing = check_listing(pathlib.Path(scratch, "listing"))
        except Failed as failure:
            tell("")
            print(f"demo: {failure}\nseed {seed}", file=sys.stderr)
            return 1
    tell("")
    print(f"{'program':18} {'kills':>5} {'work lost':>10} {'work saved':>11} "
          f"{'time spent on saves':>26}  identical")
    for row in rows:
        spent = f"{row['saving']:.1%} ({row['saves']} saves, {row['save_ms']:.0f} ms)"
        print(f"{row['program']:18} {row['kills']:5} {row['lost']:10.1%} {row['kept']:11.1%} "
              f"{spent:>26}  {'yes' if row['identical'] else 'NO'}")
    for row in rows:
        print(f"{row['program']}: {row['output'].splitlines()[-1]}")
    print(listing)
    print("work lost: iterations executed twice; work saved: what starting over would "
          f"have executed again at each kill;\nboth in parts of one uninterrupted run; seed {seed}")
    return 0 if all(row["identical"] and row["kills"] for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
