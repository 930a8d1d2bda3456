"""Do the C tests notice when the code is wrong? Small faults are put in, one at a time.

    mutate.py [--count N] [--survivors-max N] SOURCE...

copies the project into build/mutate, changes one place of a source (a comparison, && and ||, a
constant that is one off, a condition that is never true, a call that is left out), builds, and runs
the tests of that source and then the others of its layer. A fault that no test notices is printed:
a test is missing, or the change means the same. RESUME_SEED repeats a choice; without --count every
place is tried. What it does not show: faults that are not of these kinds, and tests that are left
out here because they take longer (kills, power cuts, every failing call, going back, pruning).
"""
import argparse
import collections
import os
import pathlib
import random
import re
import shutil
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
WORK = ROOT / "build/mutate"
LAYERS = {
    "src/store": ["edges", "commit", "recover", "replace", "read", "file", "compact", "place",
                  "plan", "segment_writer", "chain", "vectors"],
    "src/format": ["cbor", "chunk", "chunk_index", "codec", "delta", "hash", "header", "meta",
                   "segment", "shuffle", "table", "vectors", "read", "recover", "edges"],
}
SECONDS_MAX = 120
EXCHANGED = {"==": "!=", "!=": "==", "<": "<=", "<=": "<", ">": ">=", ">=": ">", "&&": "||",
             "||": "&&"}
Mutant = collections.namedtuple("Mutant", "path line before after")


def without_texts(line):
    """The line with comments, strings and characters blanked, of the same length."""
    blank = re.sub(r'"(\\.|[^"\\])*"|\'(\\.|[^\'\\])\'', lambda m: "_" * len(m[0]), line)
    return re.sub(r"/\*.*?(\*/|$)|^\s*\*.*$|//.*", lambda m: " " * len(m[0]), blank)


def variants_of(line):
    code = without_texts(line)
    if code.lstrip().startswith("#") or "_Static_assert" in code or not code.strip():
        return
    for found in re.finditer(r"(?<=\s)(==|!=|<=|>=|<|>|&&|\|\|)(?=\s|$)", code):
        yield line[:found.start()] + EXCHANGED[found[0]] + line[found.end():]
    for found in re.finditer(r"(?<=[+-] )1\b(?![.\w])", code):
        yield line[:found.start()] + "0" + line[found.end():]
    for found in re.finditer(r"\b(true|false)\b", code):
        other = "false" if found[0] == "true" else "true"
        yield line[:found.start()] + other + line[found.end():]
    found = re.match(r"(\s*(?:} else )?(?:else )?if )\(", code)
    if found and re.search(r"\) (return\b.*|goto \w+|break|continue|[^{};]*\(.*\));\s*$", code):
        yield line[:found.end()] + "0 && " + line[found.end():]
    if re.match(r"\s+[a-z_]\w*(->\w+|\.\w+)*\([^=]*\);\s*$", code):
        yield re.match(r"\s*", line)[0] + ";\n"


def mutants_of(source):
    in_comment = False
    for number, line in enumerate(source.read_text(encoding="utf-8").splitlines(True)):
        starts = line.lstrip().startswith("/*")
        if not in_comment and not starts:
            for after in variants_of(line):
                yield Mutant(source.relative_to(ROOT), number, line, after)
        in_comment = (in_comment or starts) and "*/" not in line


def run(command, **options):
    return subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                          cwd=WORK, **options).returncode


def prepare():
    shutil.rmtree(WORK, ignore_errors=True)
    WORK.mkdir(parents=True)
    for entry in ROOT.iterdir():
        if entry.name == "build" or entry.name.startswith("."):
            continue
        if entry.is_dir():
            shutil.copytree(entry, WORK / entry.name)
        else:
            shutil.copy2(entry, WORK / entry.name)
    meson = os.environ.get("MESON", "meson")
    subprocess.run([meson, "setup", "build", "-Dtests=true", "-Dpython=false", "-Dcommand=false",
                    "-Dbuildtype=debug", "-Doptimization=1"], cwd=WORK, check=True,
                   stdout=subprocess.DEVNULL)


def tests_for(path):
    known = LAYERS[str(path.parent)]
    own = [path.stem] if path.stem in known else []
    return own + [name for name in known if name != path.stem]


def notices(path):
    """The test that fails, or None."""
    tests = tests_for(path)
    targets = [f"tests/c/test_{name}" for name in tests]
    if run(["ninja", "-C", "build", "-j2", *targets]):
        return "the compiler"
    environment = dict(os.environ, RESUME_FAST="1", RESUME_TEST_VECTORS=str(WORK / "tests/vectors"))
    for name, target in zip(tests, targets):
        try:
            if run([WORK / "build" / target], env=environment, timeout=SECONDS_MAX):
                return name
        except subprocess.TimeoutExpired:
            return f"{name}, by its time"
    return None


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sources", nargs="+", metavar="SOURCE")
    parser.add_argument("--count", type=int, help="so many of all places, by chance")
    parser.add_argument("--seconds", type=int, help="no further one after this time")
    parser.add_argument("--survivors-max", type=int, help="fail when there are more")
    options = parser.parse_args()
    seed = int(os.environ.get("RESUME_SEED", time.time_ns() % 10**9))
    print(f"RESUME_SEED={seed}", flush=True)
    mutants = [mutant for source in options.sources
               for mutant in mutants_of(ROOT / source)]
    print(f"{len(mutants)} places in {len(options.sources)} sources", flush=True)
    random.Random(seed).shuffle(mutants)
    prepare()
    for path in {mutant.path.parent: mutant.path for mutant in mutants}.values():
        failed = notices(path)
        if failed:
            sys.exit(f"{failed} fails without any fault")
    end = time.monotonic() + options.seconds if options.seconds else None
    counts, survivors = collections.Counter(), []
    for mutant in mutants[:options.count]:
        if end and time.monotonic() > end:
            break
        target = WORK / mutant.path
        lines = target.read_text(encoding="utf-8").splitlines(True)
        lines[mutant.line] = mutant.after
        original = target.read_bytes()
        target.write_text("".join(lines), encoding="utf-8")
        try:
            noticed = notices(mutant.path)
        finally:
            target.write_bytes(original)
        counts["killed" if noticed else "survived"] += noticed != "the compiler"
        if noticed is None:
            survivors.append(mutant)
            print(f"survived: {mutant.path}:{mutant.line + 1}\n  - {mutant.before.strip()}\n"
                  f"  + {mutant.after.strip()}", flush=True)
    print(f"{counts['killed']} killed, {counts['survived']} survived")
    if options.survivors_max is not None and len(survivors) > options.survivors_max:
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
