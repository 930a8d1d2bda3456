"""Sixteen processes on one checkpoint, killed at random: one writer's whole save each time, and
never an older one than had been acknowledged.

What this does not show: power cuts (the page cache survives kills), and locks of network file
systems.
"""
import os
import signal
import subprocess
import sys
import time

import pytest

WRITER = """
    import os, random, sys, time, warnings
    from resume import Checkpoint, CheckpointLocked
    warnings.simplefilter("ignore")
    acknowledged = os.open(sys.argv[1], os.O_RDWR | os.O_APPEND)
    chance = random.Random(int(sys.argv[2]))

    def last():
        size = os.fstat(acknowledged).st_size
        return int(os.pread(acknowledged, 8, size - 8)) if size else 0

    def work():
        least = last()
        chp = Checkpoint("shared", random_state=False)
        number, values, block = 0, [], b""
        chp.restore()
        assert number >= last() >= least, (number, last(), least)
        assert values == [number] * len(values) and block == bytes([number % 251]) * len(block)
        for _ in range(chance.randrange(1, 6)):
            number += 1
            values, block = [number] * 300, bytes([number % 251]) * 300000
            chp.save()
            os.write(acknowledged, b"%08d" % number)
        if chance.random() < 0.5:
            chp.close()

    while True:
        try:
            work()
        except CheckpointLocked:
            pass
        time.sleep(chance.random() / 100)
"""

READER = """
    import os, sys, warnings
    import resume
    warnings.simplefilter("error", resume.ResumeWarning)
    # a writer that is killed inside of its write leaves a torn save until the next one comes
    warnings.filterwarnings("ignore", ".*as a crash while saving leaves it", resume.ResumeWarning)
    acknowledged = os.open(sys.argv[1], os.O_RDONLY)
    seen = looks = 0
    while True:
        size = os.fstat(acknowledged).st_size
        least = int(os.pread(acknowledged, 8, size - 8)) if size else 0
        try:
            data = resume.load("shared")
        except resume.CheckpointNotFound:
            assert least == 0
            continue
        number = data["number"]
        assert number >= max(least, seen), (number, least, seen)
        assert data["values"] == [number] * 300 and data["block"] == bytes([number % 251]) * 300000
        seen = number
        looks += 1
        if looks % 10 == 0:
            os.write(1, b".")
"""


@pytest.mark.random
def test_sixteen_processes_on_one_name(program, tmp_path, rng, amount):
    oracle = tmp_path / "acknowledged"
    oracle.write_bytes(b"")
    writer, reader = program(WRITER, name="writer.py"), program(READER, name="reader.py")
    errors = open(tmp_path / "errors", "w+b")
    looks = open(tmp_path / "looks", "w+b")

    def start(index):
        script = reader if index < 5 else writer
        return subprocess.Popen(
            [sys.executable, script.path, oracle, str(rng.randrange(10**9))], stderr=errors,
            stdout=looks, cwd=tmp_path, env=dict(os.environ, RESUME_DIR=str(tmp_path / "saves")))

    processes = [start(index) for index in range(16)]
    end, kills = time.monotonic() + amount(8, 3, 2), 0
    try:
        # on a busy machine longer, so that something was saved and looked at
        while (time.monotonic() < end or oracle.stat().st_size < 8 * 20
               or not os.fstat(looks.fileno()).st_size):
            time.sleep(rng.random() / 5)
            index = rng.randrange(16)
            processes[index].kill()
            code = processes[index].wait()
            errors.seek(0)
            assert code == -signal.SIGKILL, errors.read().decode()
            processes[index] = start(index)
            kills += 1
    finally:
        for process in processes:
            process.kill()
            process.wait()
    errors.seek(0)
    told = errors.read().decode()
    assert "Traceback" not in told, told
    print(f"{kills} kills, {oracle.stat().st_size // 8} saves")
