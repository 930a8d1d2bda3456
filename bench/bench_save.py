"""Durable saves and restores against the same bytes written and read by hand.

Small: one save of 4 KiB and of 64 KiB of random bytes against `append + fdatasync` and against
`temporary file + fsync + rename + fsync of the folder`. Large: 256 MiB of random numbers, all of
them new in each save, against write + fdatasync; restored against memcpy; pickle protocol 5 beside
it. The arms take turns; figures are medians.
"""

import argparse
import os
import pathlib
import pickle
import shutil
import statistics
import tempfile
import time

import numpy as np
import resume

TIMES = {}


class Timed:
    """`with Timed("arm"):` adds one measurement."""

    def __init__(self, arm):
        self.arm = arm

    def __enter__(self):
        self.start = time.perf_counter()

    def __exit__(self, *_):
        TIMES.setdefault(self.arm, []).append(time.perf_counter() - self.start)


def median(arm):
    return statistics.median(TIMES[arm])


def write_all(fd, data):
    view = memoryview(data).cast("B")
    while view:
        view = view[os.write(fd, view):]


def replace_file(folder, data):
    """What careful programs do by hand."""
    fd = os.open(folder / "tmp", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    write_all(fd, data)
    os.fsync(fd)
    os.close(fd)
    os.rename(folder / "tmp", folder / "state")
    fd = os.open(folder, os.O_RDONLY)
    os.fsync(fd)
    os.close(fd)


def bench_small(folder, size, rounds):
    chp = resume.Checkpoint(f"small-{size}", folder=folder / "resume", rate=3600)
    chp.restore()
    log = os.open(folder / "log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for _ in range(rounds):
        payload = os.urandom(size)
        with Timed("save"):
            chp.save()
        with Timed("append"):
            write_all(log, payload)
            os.fdatasync(log)
        with Timed("replace"):
            replace_file(folder, payload)
    os.close(log)
    chp.close()
    del payload
    save, append, replace = median("save"), median("append"), median("replace")
    print(f"save of {size // 1024:2} KiB: {save * 1e6:6.0f} us  "
          f"{save / append:.2f} x append + fdatasync ({append * 1e6:.0f} us)  "
          f"{save / replace:.2f} x temporary + fsync + rename + fsync ({replace * 1e6:.0f} us)")
    TIMES.clear()


def large(folder, count, seed):
    """The first call in a folder makes and saves the array, the second one restores it."""
    chp = resume.Checkpoint("large", folder=folder, rate=3600)
    array = None
    with Timed("restore new" if chp.fresh else "restore"):
        chp.restore()
    if array is None:
        array = np.random.default_rng(seed).random(count)
    with Timed("save" if chp.fresh else "save unchanged"):
        chp.save()
    chp.close()
    return array


def bench_large(folder, mebibytes, rounds):
    count = mebibytes * 1024 * 1024 // 8
    target = np.zeros(count)
    for seed in range(rounds):
        array = large(folder / str(seed), count, seed)
        fd = os.open(folder / "raw", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with Timed("raw"):
            write_all(fd, array)
            os.fdatasync(fd)
        os.close(fd)
        with Timed("pickle"), open(folder / "pickle", "wb") as file:
            pickle.dump(array, file, protocol=5)
            file.flush()
            os.fdatasync(file.fileno())
        if not np.array_equal(large(folder / str(seed), count, seed), array):
            raise SystemExit("bench: the restored array differs")
        shutil.rmtree(folder / str(seed))
        with Timed("memcpy"):
            np.copyto(target, array)
        with Timed("unpickle"), open(folder / "pickle", "rb") as file:
            pickle.load(file)
    save, raw = median("save"), median("raw")
    restore, copy = median("restore"), median("memcpy")
    print(f"save of {mebibytes} MiB random floats: {save:.2f} s  "
          f"{raw / save:.2f} of the speed of write + fdatasync ({raw:.2f} s)  "
          f"pickle 5 + fdatasync {median('pickle'):.2f} s")
    print(f"restored, warm and verified: {restore:.2f} s  {restore / copy:.2f} x memcpy "
          f"({copy:.2f} s)  pickle.load {median('unpickle'):.2f} s")
    print(f"saved again unchanged: {median('save unchanged'):.2f} s")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", default=".",
                        help="on the file system to measure (default: here)")
    parser.add_argument("--mebibytes", type=int, default=256)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix=".bench-", dir=options.folder) as scratch:
        folder = pathlib.Path(scratch)
        bench_small(folder, 4 * 1024, 40 * options.rounds)
        bench_small(folder, 64 * 1024, 40 * options.rounds)
        bench_large(folder, options.mebibytes, options.rounds)


if __name__ == "__main__":
    main()
