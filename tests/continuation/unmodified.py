"""Programs that nobody here wrote, run by `resume run`, killed at random moments, and compared.

What a program prints goes to a file; after any number of kills it must be byte for byte what an
uninterrupted run prints. The scripts of pyperformance run as they are, with a stand-in for pyperf
(stubs/); where they print no result, a few lines beside them call their functions and do.
"""
import dataclasses
import importlib.util
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
INTERRUPTED = 75
STARTS_MAX = 400


@dataclasses.dataclass
class Program:
    source: str  # folder of pyperformance's benchmarks
    arguments: tuple = ()
    driver: str = ""  # instead of the script


def driven(source, text):
    return Program(source, driver="import run_benchmark as b\n" + text)


PROGRAMS = {
    "nqueens": Program("nqueens", ("--repeat", "6")),
    "fannkuch": Program("fannkuch", ("--repeat", "3")),
    "go": Program("go", ("--repeat", "4")),
    "mdp": Program("mdp"),
    "hexiom": Program("hexiom", ("--repeat", "8")),
    "pyflate": Program("pyflate"),
    "pidigits": Program("pidigits", ("--repeat", "3")),
    "richards": Program("richards", ("--repeat", "8")),
    "float": Program("float", ("--repeat", "5")),
    "meteor_contest": Program("meteor_contest", ("--repeat", "5")),
    "generators": Program("generators", ("--repeat", "3")),
    "deltablue": driven("deltablue", "for i in range(8):\n    b.delta_blue(400)\n    print(i)\n"),
    "nbody": driven("nbody", "b.bench_nbody(3, 'sun', 30000)\nprint(b.BODIES)\n"),
    "spectral_norm": driven("spectral_norm", """
u = [1] * 130
for step in range(6):
    v = b.eval_AtA_times_u(u)
    u = b.eval_AtA_times_u(v)
    print(step, sum(u), flush=step == 3)
"""),
    "scimark_sor": driven("scimark", """
grid = b.Array2D(60, 60)
for turn in range(5):
    b.SOR_execute(1.25, grid, 30) if hasattr(b, "SOR_execute") else b.SOR(1, 60, 4, b.Array2D)
    print(turn, sum(sum(row) for row in grid) if hasattr(grid, "__iter__") else grid[3, 4])
"""),
    "scimark_fft": driven("scimark", """
x = b.Random(7).RandomVector(2048)
for turn in range(40):
    b.FFT_transform(2048, x)
    b.FFT_inverse(2048, x)
    print(turn, repr(sum(x)))
"""),
    "raytrace": driven("raytrace", """
import hashlib
b.bench_raytrace(2, 80, 80, "image.ppm")
print(hashlib.sha256(open("image.ppm", "rb").read()).hexdigest())
"""),
    "barnes_hut": Program("barnes_hut"),
}


def benchmarks():
    """The folder of the scripts, or None."""
    found = importlib.util.find_spec("pyperformance")
    if found is None:
        return None
    return pathlib.Path(found.origin).parent / "data-files" / "benchmarks"


class Run:
    def __init__(self, name, folder):
        self.program = PROGRAMS[name]
        self.folder = folder
        shutil.copytree(benchmarks() / f"bm_{self.program.source}", folder)
        self.script = "run_benchmark.py"
        if self.program.driver:
            self.script = "driver.py"
            (folder / self.script).write_text(self.program.driver)
        self.environment = dict(os.environ, PYTHONPATH=str(HERE / "stubs"),
                                XDG_DATA_HOME=str(folder / "data"))

    def command(self):
        return [sys.executable, self.script, *self.program.arguments]

    def whole(self):
        """What an uninterrupted run prints, and how long it takes."""
        began = time.monotonic()
        done = subprocess.run(self.command(), cwd=self.folder, env=self.environment,
                              stdout=subprocess.PIPE, check=True)
        return done.stdout, time.monotonic() - began

    def start(self, every):
        output = open(self.folder / "output.txt", "wb")
        command = [resume_command(), "run", f"--every={every}", "--folder", "state", "--",
                   *self.command()]
        return subprocess.Popen(command, cwd=self.folder, env=self.environment, stdout=output,
                                stderr=open(self.folder / "errors.txt", "ab"),
                                start_new_session=True)

    def output(self):
        return (self.folder / "output.txt").read_bytes()

    def errors(self):
        return (self.folder / "errors.txt").read_text(errors="replace")[-3000:]


def resume_command():
    beside = pathlib.Path(sys.executable).parent / "resume"
    return str(beside) if beside.exists() else shutil.which("resume")


def kill_at_random(name, folder, seed, kills):
    """(kills done, what was wrong or None): the program is killed until it has come to its end and,
    in new runs, until there were that many kills."""
    rnd = random.Random(seed)
    reference = Run(name, folder / "whole")
    expected, seconds = reference.whole()
    done, turn = 0, 0
    while done < kills:
        turn += 1
        run = Run(name, folder / f"run-{turn}")
        for start in range(STARTS_MAX):
            process = run.start("0.05s")
            try:
                left = process.wait(timeout=rnd.uniform(0.1, 0.4 + seconds * 0.6)
                                    if done < kills else 600)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
                done += 1
                continue
            if left != 0:
                return done, f"exit code {left} at start {start}: {run.errors()}"
            break
        else:
            return done, f"no end after {STARTS_MAX} starts: {run.errors()}"
        if run.output() != expected:
            return done, f"{run.output()[:500]} instead of {expected[:500]}; {run.errors()}"
        if done == 0 and turn > 20:
            return done, "always ends before it can be killed"
    return done, None
