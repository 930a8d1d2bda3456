"""Instructions of the hot paths, counted by callgrind, against those of instructions.json.

usage: instructions.py [--update]

Each path is one function of the library; its figure is what one call costs with all that it calls.
The counts of another compiler, C library, processor or Python are others: there the ratios between
the paths are compared, more loosely.
"""
import json
import os
import pathlib
import platform
import shutil
import subprocess
import sys
import tempfile

RECORDED = pathlib.Path(__file__).with_name("instructions.json")
EXACT, LOOSE = 0.03, 0.5

PROGRAM = """
import resume
from resume import _core

ints, floats = list(range(10**6, 10**6 + 1000)), [i / 7 for i in range(1000)]
records = [{"id": i, "name": f"n{i}", "x": i / 2} for i in range(300)]

def checkpointed():
    numbers = ints
    chp = resume.Checkpoint("counted", rate="never")
    chp.restore()
    for i in range(1000):
        chp.sync()
    for i in range(20):
        numbers[0] += 1
        chp.save()

@resume.resumable(rate="never")
def exact():
    def inner(a, b):
        for i in range(500):
            resume.sync()
        for i in range(20):
            resume.save()
    inner(1, 2)

for value in (ints, floats, records):
    stream, blobs, _ = _core._encode(value)
    for i in range(20):
        _core._encode_size(value)
        _core._decode(stream, blobs, mine=True)
checkpointed()
exact()
"""
# what is reported: the function that is counted
PATHS = {"Checkpoint.sync(), not due": "checkpoint_sync",
         "resume.sync(), not due": "rp_core_sync",
         "encode 1,000 ints, 1,000 floats or 300 records": "rp_testing_encode_size",
         "decode the same": "rp_testing_decode",
         "capture two frames": "rp_capture",
         "a small commit": "rs_file_commit"}


def toolchain():
    compiler = subprocess.run([os.environ.get("CC", "cc"), "--version"], capture_output=True,
                              text=True, check=False).stdout.splitlines()[:1]
    return ", ".join([*compiler, " ".join(platform.libc_ver()), processor(),
                      f"CPython {platform.python_version()}"])


def processor():
    """Libraries choose code by what it can do."""
    try:
        lines = pathlib.Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return " ".join([platform.machine(), *names[:1]])


def costs(profile):
    """{function: (calls, instructions with all that it calls)} of a file of callgrind."""
    found, target, calls = {}, None, 0
    for line in profile.splitlines():
        if line.startswith("cfn="):
            target = line[4:]
        elif line.startswith("calls="):
            calls = int(line[6:].split()[0])
        elif calls:
            before = found.get(target, (0, 0))
            found[target] = (before[0] + calls, before[1] + int(line.split()[1]))
            calls = 0
    return found


def counted():
    """{path: instructions of one call}"""
    with tempfile.TemporaryDirectory() as folder:
        program = pathlib.Path(folder) / "program.py"
        program.write_text(PROGRAM)
        out = pathlib.Path(folder) / "profile"
        ran = subprocess.run(
            ["valgrind", "--tool=callgrind", f"--callgrind-out-file={out}",
             "--compress-strings=no", "--compress-pos=no", sys.executable, program], cwd=folder,
            capture_output=True, text=True, check=False,
            env=os.environ | {"PYTHONHASHSEED": "0", "LD_BIND_NOW": "1",
                              "XDG_DATA_HOME": folder})
        if ran.returncode:
            raise SystemExit(ran.stderr)
        found = costs(out.read_text())
    result = {}
    for path, function in PATHS.items():
        calls, cost = found[function]
        result[path] = round(cost / calls, 1)
    return result


def compared(counts, recorded, chain):
    """What differs too much: a list of texts."""
    if chain == recorded["toolchain"]:
        return [f"{path}: {counts[path]:g} instructions, {before:g} are recorded "
                f"({counts[path] / before - 1:+.1%})"
                for path, before in recorded["counts"].items()
                if abs(counts[path] / before - 1) > EXACT]
    whole, recorded_whole = sum(counts.values()), sum(recorded["counts"].values())
    return [f"{path}: {counts[path] / whole:.2g} of all, {before / recorded_whole:.2g} is recorded"
            for path, before in recorded["counts"].items()
            if abs(counts[path] / whole / (before / recorded_whole) - 1) > LOOSE]


def main():
    if not shutil.which("valgrind"):
        raise SystemExit("instructions: valgrind is missing")
    counts, chain = counted(), toolchain()
    for path, count in counts.items():
        print(f"{path:50} {count:12,.1f}")
    if "--update" in sys.argv:
        RECORDED.write_text(json.dumps({"toolchain": chain, "counts": counts}, indent=1) + "\n")
        return
    recorded = json.loads(RECORDED.read_text())
    if chain != recorded["toolchain"]:
        print(f"recorded with another toolchain ({recorded['toolchain']}): ratios are compared")
    differing = compared(counts, recorded, chain)
    if differing:
        raise SystemExit("\n".join(differing) + "\nrecord what is meant: bench/instructions.py "
                         "--update")


if __name__ == "__main__":
    main()
