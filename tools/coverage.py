"""Lines and branches of the sources that the tests have reached.

    coverage.py PROFILES OUTPUT --gate PATTERN... --report PATTERN... -- OBJECT...

merges the profiles of clang's source-based coverage (one outcome for each way that a condition of
the source can go, also inside && and ||; nothing for what a macro hides) and prints a table. It
fails when a source of --gate has an outcome, or a line, that no test has reached.

A condition that can go one way only says so on its line, with the reason:

    assert_or_fail(x); /* always true: the caller has checked it */

Then the other outcome is not asked for. A marker whose condition did go that way is an error, and
so are more than one in a hundred outcomes marked. What reaching an outcome does not show: that a
test would notice if it were wrong; tools/mutate.py asks that.
"""
import argparse
import collections
import fnmatch
import json
import os
import re
import subprocess
import sys

MARKER = re.compile(r"/\* always (true|false): (.+?) ?\*/")
MARKED_MAX = 0.01


class Source:
    def __init__(self, path):
        self.path = path
        self.lines = {}
        self.outcomes = collections.defaultdict(lambda: [0, 0])  # (line, column): [true, false]
        self.markers = {}  # line: (index of the outcome that is not asked for, reason)
        with open(path, encoding="utf-8") as stream:
            for number, text in enumerate(stream, 1):
                found = MARKER.search(text)
                if found:
                    self.markers[number] = (found[1] == "true", found[2])

    def add_branch(self, line, column, when_true, when_false):
        counts = self.outcomes[line, column]
        counts[0] += when_true
        counts[1] += when_false

    def judge(self):
        """Lists of missed, marked and wrongly marked outcomes; how many there are."""
        self.missed, self.marked, self.stale = [], [], []
        self.total = 0
        used = set()
        for (line, column), counts in sorted(self.outcomes.items()):
            marker = self.markers.get(line)
            for index, count in enumerate(counts):
                self.total += 1
                where = (line, column, "false" if index else "true")
                if marker and marker[0] == bool(index):
                    used.add(line)
                    (self.stale if count else self.marked).append(where)
                elif count == 0:
                    self.missed.append(where)
        self.stale += [(line, 0, "no condition") for line in sorted(self.markers.keys() - used)]
        self.missed_lines = sorted(line for line, count in self.lines.items() if count == 0)
        self.covered = self.total - len(self.missed) - len(self.marked)


def run(*command):
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def read(profile, objects, wanted):
    """Sources by path, as all objects together have reached them."""
    arguments = [f"-instr-profile={profile}", objects[0]]
    for path in objects[1:]:
        arguments += ["-object", path]
    sources = {}

    def source(path):
        path = os.path.relpath(path)
        if not any(fnmatch.fnmatch(path, pattern) for pattern in wanted):
            return None
        return sources.setdefault(path, Source(path))

    for file in json.loads(run("llvm-cov", "export", *arguments))["data"][0]["files"]:
        found = source(file["filename"])
        for branch in file["branches"] if found else []:
            found.add_branch(branch[0], branch[1], branch[4], branch[5])
    found = None
    for text in run("llvm-cov", "export", "-format=lcov", *arguments).splitlines():
        if text.startswith("SF:"):
            found = source(text[3:])
        elif text.startswith("DA:") and found:
            line, count = map(int, text[3:].split(",")[:2])
            found.lines[line] = max(found.lines.get(line, 0), count)
    return sources, arguments


def percent(part, whole):
    # 99.96 is not 100
    return f"{int(1000 * part / whole) / 10 if whole else 100:.1f}"


def row(name, sources, missed):
    lines = sum(len(source.lines) for source in sources)
    lines_hit = lines - sum(len(source.missed_lines) for source in sources)
    total = sum(source.total for source in sources)
    marked = sum(len(source.marked) for source in sources)
    covered = sum(source.covered for source in sources)
    print(f"{name:<34} {lines_hit:>5}/{lines:<5} {percent(lines_hit, lines):>5}"
          f" {covered:>5}/{total - marked:<5} {percent(covered, total - marked):>5}"
          f" {marked or '':>4}  {missed}")


def spell(source, limit=12):
    words = [f"{line}:{outcome[0]}" for line, _, outcome in source.missed]
    if not words:
        words = [f"line {line}" for line in source.missed_lines]
    more = f" and {len(words) - limit} more" if len(words) > limit else ""
    return " ".join(words[:limit]) + more


def print_table(title, sources):
    print(f"{title:<34} {'lines':>11} {'%':>5} {'branches':>11} {'%':>5} {'out':>4}  missed")
    for source in sources:
        row(source.path, [source], spell(source))
    row("all", sources, "")
    print()


def print_details(sources):
    """The text of each condition that was missed."""
    for source in sources:
        with open(source.path, encoding="utf-8") as stream:
            lines = stream.read().splitlines()
        for line, column, outcome in source.missed:
            print(f"{source.path}:{line}:{column}: never {outcome}: {lines[line - 1].strip()}")
        for line in source.missed_lines:
            print(f"{source.path}:{line}: never reached: {lines[line - 1].strip()}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("profiles")
    parser.add_argument("output")
    parser.add_argument("--gate", nargs="*", default=[])
    parser.add_argument("--report", nargs="*", default=[])
    parser.add_argument("--objects", nargs="+", required=True)
    parser.add_argument("--details", action="store_true", help="print the missed conditions")
    options = parser.parse_args()

    os.makedirs(options.output, exist_ok=True)
    merged = os.path.join(options.output, "merged.profdata")
    raw = [entry.path for entry in os.scandir(options.profiles) if entry.name.endswith(".profraw")]
    run("llvm-profdata", "merge", "-sparse", "-o", merged, *raw)
    wanted = options.gate + options.report
    sources, arguments = read(merged, options.objects, wanted)
    for source in sources.values():
        source.judge()
    in_order = [sources[path] for path in sorted(sources)]
    gated = [source for source in in_order
             if any(fnmatch.fnmatch(source.path, pattern) for pattern in options.gate)]
    others = [source for source in in_order if source not in gated]
    if gated:
        print_table("to be complete", gated)
    if others:
        print_table("reported", others)

    failures = []
    for source in gated:
        failures += [f"{source.path}:{line}: {outcome} is never reached"
                     for line, _, outcome in source.missed]
    for source in in_order:
        failures += [f"{source.path}:{line}: marked as never {outcome}, and it is"
                     for line, _, outcome in source.stale]
    marked = sum(len(source.marked) for source in gated)
    total = sum(source.total for source in gated)
    for source in in_order:
        for line, _, outcome in source.marked:
            print(f"not asked for: {source.path}:{line} {outcome}: {source.markers[line][1]}")
    if marked > MARKED_MAX * total:
        failures.append(f"{marked} of {total} outcomes are marked as impossible")
    for pattern in options.gate:
        if not any(fnmatch.fnmatch(path, pattern) for path in sources):
            failures.append(f"no source is called {pattern}")
    if options.details:
        print_details(in_order)

    with open(os.path.join(options.output, "coverage.json"), "w", encoding="utf-8") as stream:
        json.dump({source.path: {
            "lines": len(source.lines), "missed_lines": source.missed_lines,
            "branches": source.total, "missed_branches": source.missed, "marked": source.marked,
        } for source in in_order}, stream, indent=1)
    run("llvm-cov", "show", "-format=html", "-show-branches=count",
        f"-output-dir={options.output}/html", *arguments, *[source.path for source in in_order])
    print(f"written: {options.output}/coverage.json, {options.output}/html/index.html")
    for failure in failures:
        print(failure, file=sys.stderr)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
