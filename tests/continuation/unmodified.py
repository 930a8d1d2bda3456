"""Programs that know nothing of it, run by `resume run`, killed at random moments, and compared.

What a program prints goes to a file; after any number of kills it must be byte for byte what an
uninterrupted run prints, and so must the files that it writes. The scripts of pyperformance run as
they are, with a stand-in for pyperf (stubs/); where they print no result or set no seed, a few
lines beside them call their functions and do. DEAP's examples (where RESUME_DEAP_EXAMPLES names
their folder) and CPython's queens.py are started as they are; programs/ has what users write.
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
LONGEST = 1.2  # seconds to a kill, at most: a long program is killed more often, not later


@dataclasses.dataclass
class Program:
    source: str  # one of pyperformance's benchmarks, or the path of a script
    arguments: tuple = ()
    driver: str = ""  # instead of the script
    outputs: tuple = ()  # files that it writes
    needs: str = ""  # a package


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
grid = b.Random(7).RandomMatrix(b.Array2D(60, 60))
for turn in range(5):
    b.SOR_execute(1.25, grid, 12, b.Array2D)
    print(turn, repr(sum(grid.data)))
"""),
    "scimark_lu": driven("scimark", """
rnd = b.Random(7)
for turn in range(3):
    matrix, lu = rnd.RandomMatrix(b.ArrayList(60, 60)), b.ArrayList(60, 60)
    pivot = b.array("i", [0]) * 60
    b.LU(lu, matrix, pivot)
    print(turn, list(pivot), repr(sum(map(sum, lu.data))))
"""),
    "scimark_monte_carlo": driven("scimark", """
for turn in range(4):
    print(turn, repr(b.MonteCarlo(60000 + turn)))
"""),
    "scimark_sparse": driven("scimark", """
size, turns = 300, 20
x = b.Random(3).RandomVector(size)
y = b.array("d", [0]) * size
value = b.Random(5).RandomVector(10 * size)
column = b.array("i", [(7 * i * i) % size for i in range(10 * size)])
row = b.array("i", range(0, 10 * size + 1, 10))
for turn in range(turns):
    b.SparseCompRow_matmult(size, y, value, row, column, x, 5)
    x[:] = y
    print(turn, repr(sum(y)))
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


OWN = {
    "ising": Program("programs/ising.py", needs="numpy"),
    "mcmc": Program("programs/mcmc.py"),
    "sudoku": Program("programs/sudoku.py"),
    "report": Program("programs/report.py", ("--rows", "30000", "-v", "out.csv"),
                      outputs=("sales.csv", "out.csv", "summary.json")),
    "frames": Program("programs/frames.py", outputs=("result.csv",), needs="pandas"),
    "batches": Program("programs/batches.py", needs="sklearn"),
    "simulation": Program("programs/simulation.py"),
    "surroundings": Program("programs/surroundings.py", needs="numpy"),
    "company": Program("programs/company.py"),
    "files": Program("programs/files.py"),
    "objects": Program("programs/objects.py"),
    "reading": Program("programs/reading.py", outputs=("copy.csv",)),
    "evolution": Program("programs/evolution.py", needs="scipy"),
}
QUEENS = sorted(pathlib.Path("/usr/share/doc").glob("python3.*/examples/demo/queens.py"))
if QUEENS:
    OWN["queens"] = Program(str(QUEENS[0]), ("8",))
DEAP = pathlib.Path(os.environ.get("RESUME_DEAP_EXAMPLES",
                                   HERE.parent.parent / ".venv/deap/examples"))
for _name in ("ga/onemax", "ga/tsp", "ga/knapsack", "ga/nqueens", "gp/symbreg", "gp/ant",
              "es/cma_minfct"):
    if (DEAP / f"{_name}.py").exists():
        OWN["deap " + _name] = Program(str(DEAP / f"{_name}.py"), needs="deap")
# each run of these would draw other numbers
for _name, _call in (("pso/basic", "main()"), ("de/basic", "main()"), ("coev/symbreg", "main()"),
                     ("eda/pbil", "main(64)")):
    if (DEAP / f"{_name}.py").exists():
        OWN["deap " + _name] = Program(str(DEAP / f"{_name}.py"), needs="deap", driver=f"""
import random, numpy
random.seed(64)
numpy.random.seed(64)
import {_name.split("/")[1]} as example
example.{_call}
""")
PROGRAMS |= OWN


def benchmarks():
    """The folder of the scripts, or None."""
    found = importlib.util.find_spec("pyperformance")
    if found is None:
        return None
    return pathlib.Path(found.origin).parent / "data-files" / "benchmarks"


def is_there(name):
    program = PROGRAMS[name]
    if name not in OWN:
        return benchmarks() is not None
    return not program.needs or importlib.util.find_spec(program.needs) is not None


class Run:
    def __init__(self, name, folder):
        self.program = PROGRAMS[name]
        self.folder = folder
        if name in OWN:
            source = HERE / self.program.source
            # what an example reads lies beside it
            shutil.copytree(source.parent, folder)
            self.script = source.name
        else:
            shutil.copytree(benchmarks() / f"bm_{self.program.source}", folder)
            self.script = "run_benchmark.py"
        if self.program.driver:
            self.script = "driver.py"
            (folder / self.script).write_text(self.program.driver)
        self.environment = dict(os.environ, PYTHONPATH=f"{HERE / 'stubs'}:{DEAP}",
                                XDG_DATA_HOME=str(folder / "data"))

    def command(self):
        return [sys.executable, self.script, *self.program.arguments]

    def whole(self):
        """What an uninterrupted run prints, and how long it takes."""
        began = time.monotonic()
        done = subprocess.run(self.command(), cwd=self.folder, env=self.environment,
                              stdout=subprocess.PIPE, check=True)
        return self.written(done.stdout), time.monotonic() - began

    def start(self, every):
        output = open(self.folder / "output.txt", "wb")
        command = [resume_command(), "run", f"--every={every}", "--folder", "state", "--",
                   *self.command()]
        return subprocess.Popen(command, cwd=self.folder, env=self.environment, stdout=output,
                                stderr=open(self.folder / "errors.txt", "ab"),
                                start_new_session=True)

    def written(self, printed):
        return printed + b"".join((self.folder / name).read_bytes()
                                  for name in self.program.outputs)

    def output(self):
        return self.written((self.folder / "output.txt").read_bytes())

    def errors(self):
        return (self.folder / "errors.txt").read_text(errors="replace")[-3000:]


def resume_command():
    beside = pathlib.Path(sys.executable).parent / "resume"
    return str(beside) if beside.exists() else shutil.which("resume")


def difference(output, expected):
    at = next((i for i, (a, b) in enumerate(zip(output, expected)) if a != b),
              min(len(output), len(expected)))
    here = slice(max(0, at - 100), at + 200)
    return f"at {at}: {output[here]} instead of {expected[here]}; "


def kill_at_random(name, folder, seed, kills):
    """(kills done, what was wrong or None): the program is killed until it has come to its end and,
    in new runs, until there were that many kills."""
    rnd = random.Random(seed)
    reference = Run(name, folder / "whole")
    expected, seconds = reference.whole()
    longest = min(0.4 + seconds * 0.6, LONGEST)
    done, turn = 0, 0
    while done < kills:
        turn += 1
        run = Run(name, folder / f"run-{turn}")
        for start in range(STARTS_MAX):
            process = run.start("0.05s")
            try:
                left = process.wait(timeout=rnd.uniform(0.1, longest) if done < kills
                                    else 600)
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
            return done, difference(run.output(), expected) + run.errors()
        if done == 0 and turn > 20:
            return done, "always ends before it can be killed"
    return done, None
