"""Does *your* program survive being killed? Run it whole, kill it, run it again, compare.

    from resume.testing import survives

    def test_my_simulation_survives():
        survives([sys.executable, "simulation.py", "1000"], kills=20)

or, without a test:

    $ python -m resume.testing --kills 20 -- python simulation.py 1000

A kill is SIGKILL, at a random time after a save of the process that is killed. It shows what a
crash of the process leaves behind, not a power cut: the system keeps what was written. Use a small
rate= (0.05 seconds) in what is tested, and input for which the program runs for some seconds.
"""
import argparse
import dataclasses
import difflib
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import typing

__all__ = ["Survival", "Unlike", "main", "survives"]


class Unlike(AssertionError):
    """A killed and continued program did something else than an uninterrupted one, or failed."""


@dataclasses.dataclass(frozen=True)
class Survival:
    """What `survives` has seen: kills that hit, runs from start to end, and the seed."""

    kills: int
    runs: int
    seed: int
    output: object


class _Place:
    """A working folder and a checkpoint folder of their own, and the program run in them."""

    def __init__(self, root, name, command, files, folder, environment, timeout):
        self.folder, self.checkpoints = root / name / "work", root / name / "checkpoints"
        self.source, self.files, self.timeout = folder, files, timeout
        self.command = command
        self.environment = {key: value for key, value in os.environ.items()
                            if key not in ("RESUME_DISABLE", "RESUME_DIR")}
        self.environment.update(environment or {}, RESUME_DIR=str(self.checkpoints))
        self.clear()

    def clear(self):
        shutil.rmtree(self.folder.parent, ignore_errors=True)
        self.folder.parent.mkdir(parents=True)
        if self.source is None:
            self.folder.mkdir()
        else:
            shutil.copytree(self.source, self.folder, symlinks=True)
        self.checkpoints.mkdir(mode=0o700)

    def signature(self):
        """Changes with each save."""
        seen = []
        for entry in os.scandir(self.checkpoints):
            if not entry.name.startswith(".") and not entry.name.endswith(".lock"):
                try:
                    status = entry.stat()
                except FileNotFoundError:
                    continue
                seen.append((entry.name, status.st_size, status.st_mtime_ns))
        return sorted(seen)

    def run(self, hash_seed, stop=None):
        """(exit code, stdout, stderr, seconds from the first save to the end). `stop`: SIGKILL so
        many seconds after the first save."""
        environment = self.environment
        if "PYTHONHASHSEED" not in os.environ:
            environment = environment | {"PYTHONHASHSEED": str(hash_seed)}
        before, out, err = self.signature(), tempfile.TemporaryFile(), tempfile.TemporaryFile()
        with out, err:
            with subprocess.Popen(self.command, cwd=self.folder, env=environment,
                                  stdin=subprocess.DEVNULL, stdout=out, stderr=err) as process:
                try:
                    seconds = self._wait(process, before, stop)
                except BaseException:
                    process.kill()
                    raise
            texts = []
            for file in (out, err):
                file.seek(0)
                texts.append(file.read().decode(errors="replace"))
        return process.returncode, *texts, seconds

    def _wait(self, process, before, stop):
        until = time.monotonic() + self.timeout
        try:
            while process.poll() is None and self.signature() == before:
                if time.monotonic() > until:
                    raise subprocess.TimeoutExpired(self.command, self.timeout)
                time.sleep(0.002)
            saved = time.monotonic()
            if stop is not None:
                try:
                    process.wait(stop)
                except subprocess.TimeoutExpired:
                    process.kill()
            process.wait(max(0, until - time.monotonic()))
            return time.monotonic() - saved
        except subprocess.TimeoutExpired:
            raise Unlike(f"still running after {self.timeout} s (timeout= sets another limit)"
                         ) from None

    def content(self):
        """{name: bytes} of the files that are compared."""
        return {str(path.relative_to(self.folder)): path.read_bytes() for pattern in self.files
                for path in sorted(self.folder.glob(pattern)) if path.is_file()}


def _difference(expected, found, what):
    lines = list(difflib.unified_diff(expected.splitlines(), found.splitlines(), "uninterrupted",
                                      "killed and continued", lineterm="", n=1))
    more = f"\n... {len(lines) - 20} more lines" if len(lines) > 20 else ""
    return f"{what} differs:\n" + "\n".join(line[:300] for line in lines[:20]) + more


def _compare(whole, now, output, kills, seed):
    hint = f"after {kills} kills (seed {seed})"
    code, out, err, files, _ = now
    if code:
        raise Unlike(f"exit code {code} {hint}\n{err[-4000:]}")
    expected, found = output(whole[1]), output(out)
    if expected != found:
        raise Unlike(_difference(str(expected), str(found), f"{hint}: the output")
                     + f"\n{err[-2000:]}")
    for name in sorted(whole[3].keys() | files.keys()):
        old, new = whole[3].get(name), files.get(name)
        if old is None or new is None:
            raise Unlike(f"{hint}: '{name}' is there only "
                         + ("after the kills" if old is None else "in the uninterrupted run"))
        if old != new:
            raise Unlike(_difference(old.decode(errors="backslashreplace"),
                                     new.decode(errors="backslashreplace"), f"{hint}: '{name}'"))


def survives(command: typing.Sequence[str | os.PathLike[str]], *, kills: int = 10,
             seed: int | None = None, folder: str | os.PathLike[str] | None = None,
             files: str | typing.Sequence[str] = (),
             output: typing.Callable[[str], object] | None = None, longest: float | None = None,
             environment: typing.Mapping[str, str] | None = None, timeout: float = 600,
             report: typing.Callable[[str], object] | None = None) -> Survival:
    """Runs `command` (a list of str) uninterrupted, then kills it until `kills` kills have hit.

    The command runs in folders of its own: empty ones, or copies of `folder`; a word of the command
    that names a file here is made absolute. Its checkpoints go to a temporary folder, too. Each
    process is killed at a random time, up to `longest` seconds, after its first save (not given: a
    third of the time from there to the end in the uninterrupted run), and the same command is run
    again, until it ends; then its output on stdout, or what the function `output`
    makes of it, and the content of `files` (glob patterns) must be those of the uninterrupted run.
    Then all begins again, until there were enough kills. The hash seed of Python is another one in
    each process, unless PYTHONHASHSEED is set.

    Returns a Survival. Raises Unlike, an AssertionError, that shows the first difference and the
    seed that repeats the kills (as well as times can be repeated), also when the program fails,
    runs for more than `timeout` seconds, or ends before a kill hit it in ten runs in a row.
    `report`: called with a line of text now and then, for example print."""
    command = [str(word) for word in command]
    if not command:
        raise ValueError("no command")
    if folder is None:
        command = [command[0]] + [os.path.abspath(word) if os.path.isfile(word) else word
                                  for word in command[1:]]
    if os.sep in command[0]:
        command[0] = os.path.abspath(command[0])
    seed = random.SystemRandom().randrange(1 << 32) if seed is None else seed
    rng, say = random.Random(seed), report or (lambda line: None)
    files = [files] if isinstance(files, (str, os.PathLike)) else [*files]
    output = output or (lambda text: text)
    with tempfile.TemporaryDirectory(prefix="resume-testing-") as root:
        place = _Place(pathlib.Path(root), "run", command, [os.fspath(name) for name in files],
                       folder, environment, timeout)

        def run(stop=None):
            code, out, err, seconds = place.run(rng.randrange(1 << 32), stop)
            return code, out, err, place.content(), seconds

        whole = run()
        if whole[0]:
            raise Unlike(f"it fails without any kill: exit code {whole[0]}\n{whole[2][-4000:]}")
        if not place.signature():
            raise Unlike("it never saves: no checkpoint was made")
        longest = whole[4] / 3 if longest is None else longest
        say(f"an uninterrupted run has ended; it went on for {whole[4]:.1f} s after its first save")
        hits = runs = missed = 0
        while hits < kills:
            place.clear()
            here, now = 0, None
            while now is None or now[0] == -signal.SIGKILL:
                now = run(rng.uniform(0, longest) if hits < kills else None)
                if now[0] == -signal.SIGKILL:
                    here, hits = here + 1, hits + 1
                    if now[1] == whole[1] and now[3] == whole[3]:
                        now = (0, *now[1:])  # killed when it had shown everything: it has ended
            _compare(whole, now, output, here, seed)
            runs, missed = runs + 1, 0 if here else missed + 1
            say(f"{hits} of {kills} kills, {runs} runs, all alike")
            if missed == 10 and hits < kills:
                raise Unlike(f"it ends too soon after its first save: {hits} of {kills}"
                             " kills hit; give it more work, a smaller rate= or longest=")
    return Survival(hits, runs, seed, output(whole[1]))


def main(arguments: typing.Sequence[str] | None = None) -> int:
    """`python -m resume.testing`: exit code 0 when it survives, 1 when not, 2 for wrong usage."""
    parser = argparse.ArgumentParser(
        prog="python -m resume.testing", usage="%(prog)s [options] -- COMMAND ...",
        description="Runs COMMAND whole, then kills it at random moments after its saves and runs "
                    "it again until it ends, and compares the output.")
    parser.add_argument("--kills", type=int, default=10, metavar="N", help="that must hit (10)")
    parser.add_argument("--seed", type=int, metavar="N", help="repeats the kills of an earlier run")
    parser.add_argument("--folder", metavar="DIR", help="run in copies of this folder")
    parser.add_argument("--file", action="append", default=[], metavar="PATTERN",
                        help="a file, or several, that must be alike, too")
    parser.add_argument("--longest", type=float, metavar="SECONDS",
                        help="from the first save of a process to the kill at most (a third of the "
                             "rest of an uninterrupted run)")
    parser.add_argument("--timeout", type=float, default=600, metavar="SECONDS",
                        help="for one process (600)")
    parser.add_argument("command", nargs="+", metavar="COMMAND", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    try:
        seen = survives(options.command, kills=options.kills, seed=options.seed,
                        folder=options.folder, files=options.file, longest=options.longest,
                        timeout=options.timeout, report=lambda line: print(line, flush=True))
    except (Unlike, OSError) as failure:
        print(f"resume: {failure}", file=sys.stderr)
        return 1
    print(f"it survives: {seen.kills} kills in {seen.runs} runs, seed {seen.seed}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
