"""Arms that take turns, medians with quartiles, and how much the machine itself wavers."""
import ctypes
import os
import statistics
import tempfile
import time

import numpy as np

PATIENCE_S = 20  # an arm that has taken so long in all, and has three values, is asked no more
ENOUGH = 3


class Spread(dict):
    """Median and quartiles of measured values, as JSON keeps them."""

    def __init__(self, values):
        values = list(values)
        low, middle, high = (statistics.quantiles(values, n=4, method="inclusive")
                             if len(values) > 1 else values * 3)
        super().__init__(median=middle, low=low, high=high, count=len(values))


def spread(values):
    return Spread(values)


def ratio(above, below):
    """Spread of the quotient of what was measured in the same rounds."""
    return Spread(a / b for a, b in zip(above, below))


def interleave(arms, rounds, before=lambda number: None):
    """{name: [value of each round]}: the arms (name: function that gives a value) take turns, each
    round another one begins; `before` is called at the beginning of each round."""
    values, spent = {name: [] for name in arms}, dict.fromkeys(arms, 0.0)
    names = list(arms)
    for number in range(rounds):
        before(number)
        for i in range(len(names)):
            name = names[(i + number) % len(names)]
            if spent[name] > PATIENCE_S and len(values[name]) >= ENOUGH:
                continue
            begun = time.perf_counter()
            values[name].append(arms[name]())
            spent[name] += time.perf_counter() - begun
    return values


def timed(function, *arguments):
    begun = time.perf_counter()
    function(*arguments)
    return time.perf_counter() - begun


def written_bytes():
    """Bytes that this process has given to the storage so far."""
    with open("/proc/self/io", encoding="ascii") as file:
        fields = dict(line.split(": ") for line in file)
    return int(fields["write_bytes"]) or int(fields["wchar"])


class Written:
    """Bytes written for `path` since the last call: what the process wrote, or where the kernel
    does not count it (io_uring), by how much the file has grown."""

    def __init__(self, path):
        self.path = path
        self.last = self.look()

    def look(self):
        size = self.path.stat().st_size if self.path.exists() else 0
        return written_bytes(), size

    def more(self):
        before, self.last = self.last, self.look()
        return max(now - then for now, then in zip(self.last, before))


def reset_peak():
    with open("/proc/self/clear_refs", "w", encoding="ascii") as file:
        file.write("5")


def memory(field):
    """VmHWM or VmRSS of this process in bytes."""
    with open("/proc/self/status", encoding="ascii") as file:
        for line in file:
            if line.startswith(field + ":"):
                return int(line.split()[1]) * 1024
    raise LookupError(field)


def trim():
    """Gives freed memory back, so that an arm does not find the pages of the one before."""
    ctypes.CDLL(None).malloc_trim(0)


# ---- the machine

def calibrate(folder, rounds=15):
    """Fixed work at the beginning and the end of a run: what differs is the machine."""
    source = np.random.default_rng(1).random(4 << 20)  # 32 MiB
    target = np.zeros_like(source)
    payload = source[:512 << 10].tobytes()  # 4 MiB

    def interpret():
        total = 0
        for i in range(300_000):
            total += i & 7

    def write():
        with tempfile.TemporaryFile(dir=folder) as file:
            os.write(file.fileno(), payload)
            os.fdatasync(file.fileno())

    arms = {"memcpy 32 MiB": lambda: timed(np.copyto, target, source),
            "300,000 rounds of Python": lambda: timed(interpret),
            "write 4 MiB + fdatasync": lambda: timed(write)}
    return {name: spread(values) for name, values in interleave(arms, rounds).items()}


def filesystem(folder):
    """Type of the file system that `folder` is on."""
    best = ("", "?")
    with open("/proc/self/mounts", encoding="utf-8") as file:
        for line in file:
            _, place, kind, *_ = line.split()
            inside = os.path.realpath(folder).startswith(place.rstrip("/") + "/")
            if inside and len(place) >= len(best[0]):
                best = (place, kind)
    return best[1]


def machine(folder):
    model = "?"
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        for line in file:
            if line.startswith("model name"):
                model = line.split(":")[1].strip()
                break
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return {"processor": model, "processors": os.cpu_count(), "memory_gib": round(pages / 2**30, 1),
            "kernel": os.uname().release, "file_system": filesystem(folder),
            "load": [round(x, 2) for x in os.getloadavg()]}
