"""Runs a program, kills it, runs it again until it ends, and keeps what happened.

A kill shows what a crash of the process leaves behind. It says nothing about a power cut: the page
cache survives it. tests/c/test_torn.c and its like are for that.
"""
import contextlib
import dataclasses
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import textwrap
import time


@dataclasses.dataclass
class Ran:
    """One process: its exit code (negative: the signal), stdout and stderr as text."""

    code: int
    out: str
    err: str

    @property
    def killed(self):
        return self.code == -signal.SIGKILL

    def check(self):
        assert self.code == 0, f"exit code {self.code}\n{self.out}\n{self.err}"
        return self


class Program:
    """A Python program in a folder of its own, run with the package under test."""

    def __init__(self, folder, source, *arguments, name="program.py", **environment):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        if isinstance(source, pathlib.Path):
            self.path = source
        else:
            self.path = self.folder / name
            self.path.write_text(textwrap.dedent(source))
        self.arguments = [str(argument) for argument in arguments]
        self.environment = {key: value for key, value in os.environ.items()
                            if not key.startswith("RESUME_")}
        self.environment.update(PYTHONHASHSEED="0", PYTHONDONTWRITEBYTECODE="1", **environment)

    @property
    def command(self):
        return [sys.executable, str(self.path)]

    def start(self, *prefix, arguments=None, **environment):
        """The process; `prefix` is put before the command (a tracer)."""
        if arguments is None:
            arguments = self.arguments
        return subprocess.Popen(
            [*prefix, *self.command, *map(str, arguments)], cwd=self.folder,
            env=self.environment | {key: str(value) for key, value in environment.items()},
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def run(self, *arguments, timeout=120, **environment):
        """Runs it to its end; other `arguments` than those of the Program are optional."""
        process = self.start(arguments=arguments or None, **environment)
        with process:
            try:
                out, err = process.communicate(timeout=timeout)
            except subprocess.TimeoutExpired:
                process.kill()
                out, err = process.communicate()
                raise AssertionError(f"still running after {timeout} s\n{out}\n{err}") from None
        return Ran(process.returncode, out, err)

    def kill_after(self, seconds, **environment):
        """Runs it, with SIGKILL after that time; it may have ended before."""
        process = self.start(**environment)
        with process:
            try:
                out, err = process.communicate(timeout=seconds)
            except subprocess.TimeoutExpired:
                process.kill()
                out, err = process.communicate()
        return Ran(process.returncode, out, err)

    def kill_when(self, pattern, timeout=120, **environment):
        """Runs it, with SIGKILL as soon as a line of stdout (flushed!) matches `pattern`."""
        process = self.start(**environment)
        lines, until = [], time.monotonic() + timeout
        with process:
            for line in process.stdout:
                lines.append(line)
                if re.search(pattern, line):
                    process.kill()
                    break
                assert time.monotonic() < until, f"no line with '{pattern}': {lines}"
            lines.extend(process.stdout)
            err = process.stderr.read()
        return Ran(process.returncode, "".join(lines), err)

    def kill_at_call(self, name, nth, log, **environment):
        """Runs it under strace, with SIGKILL when one of its threads enters system call `name` for
        the nth time: everything before has happened, the call has not."""
        process = self.start("strace", "-f", "-o", str(log), "-e", f"trace={name}", "-e",
                             f"inject={name}:signal=SIGKILL:when={nth}", **environment)
        with process:
            out, err = process.communicate(timeout=300)
        return Ran(process.returncode, out, err)

    def calls_between(self, begin, end, log, **environment):
        """The system calls of the main thread between two marks, as [(name, nth of that name)].

        A mark is what `os.access("MARK", 0)` of the program leaves in the trace."""
        process = self.start("strace", "-o", str(log), **environment)
        with process:
            out, err = process.communicate(timeout=300)
        ran = Ran(process.returncode, out, err).check()
        counts, inside, calls = {}, False, []
        for line in pathlib.Path(log).read_text(errors="replace").splitlines():
            name = re.match(r"\w+(?=\()", line)
            if not name:
                continue
            name = name[0]
            counts[name] = counts.get(name, 0) + 1
            if f'"{begin}"' in line:
                inside = True
            elif f'"{end}"' in line:
                inside = False
            elif inside:
                calls.append((name, counts[name]))
        assert calls, f"no system call between '{begin}' and '{end}'\n{ran.out}\n{ran.err}"
        return calls

    def forget(self):
        """Removes what earlier runs have saved."""
        shutil.rmtree(self.folder / ".checkpoints", ignore_errors=True)


class Compiled(Program):
    """The same for a program that a compiler made: `source` is the path of the executable."""

    @property
    def command(self):
        return [str(self.path)]


def has_strace():
    """strace is there and may trace (a container may forbid it)."""
    with contextlib.suppress(OSError):
        return subprocess.run(["strace", "-o", "/dev/null", "true"], capture_output=True,
                              check=False).returncode == 0
    return False


def survive(program, kills, rng, longest, expected):
    """Kills `program` up to `kills` times after a random time of at most `longest` seconds and runs
    it again until it ends. (the last run, number of kills that hit).

    A process that is killed in its last instructions, when it has shown all of its output, has
    ended: what runs next is the next call. `expected` tells, the output of an uninterrupted run."""
    hits = 0
    for _ in range(kills):
        ran = program.kill_after(rng.uniform(0, longest), PYTHONHASHSEED=rng.randrange(1 << 32))
        if not ran.killed:
            return ran.check(), hits
        hits += 1
        if ran.out == expected:
            return ran, hits
    return program.run(PYTHONHASHSEED=rng.randrange(1 << 32)).check(), hits
