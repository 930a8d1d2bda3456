"""The C API's part of the bench: compiles bench_capi.c as a user would, and runs it."""
import os
import pathlib
import shlex
import subprocess
import sys

SOURCE = pathlib.Path(__file__).with_name("bench_capi.c")


def output(*command, **options):
    ran = subprocess.run(list(map(str, command)), text=True, capture_output=True, check=False,
                         **options)
    if ran.returncode:
        sys.exit(f"bench_capi: {command[0]} failed: {ran.stderr}")
    return ran.stdout


def compiled(folder):
    """The program, in `folder`."""
    program = pathlib.Path(folder).resolve() / "bench_capi"
    flags = shlex.split(output("pkg-config", "--cflags", "--libs", "resume"))
    libraries = output("pkg-config", "--variable=libdir", "resume").strip()
    output(os.environ.get("CC", "cc"), "-O2", SOURCE, *flags, f"-Wl,-rpath,{libraries}", "-o",
           program)
    return program


def columns(text):
    return list(zip(*(map(float, line.split()) for line in text.splitlines())))


def sync(program, folder):
    """Nanoseconds of (bare loop, load and branch, resume_sync), one value of each a round."""
    return columns(output(program, "sync", cwd=folder))


def small(program, folder, size, rounds):
    """Seconds of (append + fdatasync, save, temporary + fsync + rename + fsync)."""
    return columns(output(program, "small", size, rounds, cwd=folder))


def large(program, folder, mib, rounds):
    """Seconds of (write + fdatasync, first save, nothing changed, all changed, memcpy, restore)."""
    return columns(output(program, "large", mib, rounds, cwd=folder))
