"""sync() that is not due, as the README writes it, against an empty Python function call.

usage: bench_sync.py [REPORT.json]
"""

import json
import pathlib
import statistics
import sys
import tempfile
import time

import resume

CALLS = 20_000
ROUNDS = 201


def empty():
    pass


def measure(folder):
    """Nanoseconds for one call in each round, the bare loop taken off: (sync, empty)."""
    chp = resume.Checkpoint(folder=folder, rate=3600)
    chp.restore()
    clock, function, results = time.perf_counter_ns, empty, []
    for _ in range(ROUNDS):  # the three arms take turns, so that noise meets them alike
        i, start = 0, clock()
        while i < CALLS:
            chp.sync()
            i += 1
        sync = clock() - start
        i, start = 0, clock()
        while i < CALLS:
            function()
            i += 1
        call = clock() - start
        i, start = 0, clock()
        while i < CALLS:
            i += 1
        bare = clock() - start
        results.append(((sync - bare) / CALLS, (call - bare) / CALLS))
    return results


def main():
    with tempfile.TemporaryDirectory() as folder:
        results = measure(folder)
    sync, call = (statistics.median(column) for column in zip(*results))
    low, ratio, high = statistics.quantiles([s / c for s, c in results], n=4)
    version = ".".join(map(str, sys.version_info[:3]))
    print(f"CPython {version}: sync() not due {sync:.1f} ns, empty function call {call:.1f} ns, "
          f"ratio {ratio:.2f} (target 0.50 to 3.13, 0.70 later)")
    if len(sys.argv) > 1:
        pathlib.Path(sys.argv[1]).write_text(json.dumps({
            "python": "%d.%d" % sys.version_info[:2],
            "ratio": {"median": ratio, "low": low, "high": high, "count": len(results)}}))


if __name__ == "__main__":
    main()
