"""The C API: resume_sync not due, small saves, 256 MiB. Medians and quartiles, arms interleaved.

usage: bench_capi.py [MIB]

Compiles bench_capi.c as a user would, with pkg-config, and runs it in the working folder.
"""
import os
import pathlib
import re
import shlex
import shutil
import statistics
import subprocess
import sys
import tempfile

SOURCE = pathlib.Path(__file__).with_name("bench_capi.c")


def output(*command, **options):
    ran = subprocess.run(list(map(str, command)), text=True, capture_output=True, check=False,
                         **options)
    if ran.returncode:
        sys.exit(f"bench_capi: {command[0]} failed: {ran.stderr}")
    return ran


def spread(values):
    low, middle, high = statistics.quantiles(values, n=4)
    return f"{middle:.3g} ({low:.3g} to {high:.3g})"


def instructions(program, folder, arm):
    """Instructions for one call, by callgrind: the difference of two counts of calls."""
    def total(calls):
        ran = output("valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", program,
                     "count", arm, calls, cwd=folder)
        return int(re.search(r"Collected : (\d+)", ran.stderr)[1])
    return round((total(200_000) - total(100_000)) / 100_000, 2)


def bench_sync(program, folder):
    arms = {}
    for line in output(program, "sync", cwd=folder).stdout.splitlines():
        name, values = line.split("\t")
        arms[name] = list(map(float, values.split()))
    bare, load, sync = arms.values()
    print("resume_sync not due, ns in a loop, median (quartiles):")
    for name, values in arms.items():
        print(f"  {name:16} {spread(values)}")
    over = [s - b for s, b in zip(sync, bare)]
    load_over = [x - b for x, b in zip(load, bare)]
    print(f"  over the bare loop: resume_sync {statistics.median(over):.2f}, load and branch "
          f"{statistics.median(load_over):.2f} (target 2, stretch 1)")
    if shutil.which("valgrind"):
        counts = [instructions(program, folder, arm) for arm in range(3)]
        print(f"  instructions a call: bare loop {counts[0]:g}, load and branch {counts[1]:g}, "
              f"resume_sync {counts[2]:g}")


def columns(text):
    return list(zip(*(map(float, line.split()) for line in text.splitlines())))


def bench_small(program, folder, size, rounds):
    plain, ours = columns(output(program, "small", size, rounds, cwd=folder).stdout)
    ratio = [o / p for o, p in zip(ours, plain)]
    print(f"save of {size >> 10} KiB, ms, median (quartiles): "
          f"{spread([o * 1e3 for o in ours])}; append + fdatasync "
          f"{spread([p * 1e3 for p in plain])}; ratio {spread(ratio)}")


def bench_large(program, folder, mib, rounds):
    plain, first, unchanged, changed, copy, restore = columns(
        output(program, "large", mib, rounds, cwd=folder).stdout)
    print(f"{mib} MiB of random doubles, s, median (quartiles): write + fdatasync {spread(plain)}, "
          f"memcpy {spread(copy)}")
    for name, ours, base, of in (("first save", first, plain, "write + fdatasync"),
                                 ("all changed", changed, plain, "write + fdatasync"),
                                 ("nothing changed", unchanged, copy, "memcpy"),
                                 ("open + restore", restore, copy, "memcpy")):
        ratio = [o / b for o, b in zip(ours, base)]
        print(f"  {name:16} {spread(ours)}; ratio to {of} {spread(ratio)}")


def main():
    mib = int(sys.argv[1]) if len(sys.argv) > 1 else 256
    with tempfile.TemporaryDirectory(prefix="bench-capi-", dir=".") as folder:
        program = pathlib.Path(folder).resolve() / "bench_capi"
        flags = shlex.split(output("pkg-config", "--cflags", "--libs", "resume").stdout)
        libraries = output("pkg-config", "--variable=libdir", "resume").stdout.strip()
        compiler = os.environ.get("CC", "cc")
        output(compiler, "-O2", SOURCE, *flags, f"-Wl,-rpath,{libraries}", "-o", program)
        bench_sync(program, folder)
        for size in (4 << 10, 64 << 10):
            bench_small(program, folder, size, 200)
        if mib:
            bench_large(program, folder, mib, 5)


if __name__ == "__main__":
    main()
