"""Disks that are full, in every way that a kernel knows; what was saved stays, and once there is
space the same program saves again.

./dev soak-disks does the first test at every 4 KiB on ext4, xfs and btrfs.
"""
import contextlib
import os
import pathlib
import re
import shutil
import subprocess
import sys
import time

import disks
import pytest

SPACE = re.compile(r"up to (\d+) bytes needed, (\d+) free")
OPERATIONS = ("first", "small", "mark", "large", "compact", "aside", "rollback")


def try_free_sizes(root, step, steps_max, operations=OPERATIONS):
    program = disks.built("disk_full")
    if not program:
        pytest.skip("the C tests are not built")
    done = subprocess.run([program, root, str(step), str(steps_max), *operations],
                          capture_output=True, text=True)
    print(done.stdout)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("operation", OPERATIONS)
def test_each_save_at_many_free_sizes(disk, operation):
    out = try_free_sizes(disk("ext4"), 16384, 200, [operation])
    assert re.search(r"[1-9]\d* worked, [1-9]\d* failed", out) and "\n0 wrong" in out


@contextlib.contextmanager
def mounted_otherwise(kind, tmp_path):
    """File systems without a disk of their own: tmpfs, overlayfs, one in user space."""
    root = tmp_path / "root"
    root.mkdir()
    with contextlib.ExitStack() as stack:
        if kind == "tmpfs":
            stack.enter_context(disks.mounted("none", "tmpfs", root, "size=16m"))
            yield root
            return
        base = stack.enter_context(disks.disk("ext4"))
        for name in ("lower", "upper", "work"):
            (base / name).mkdir()
        if kind == "overlay":
            stack.enter_context(disks.mounted(
                "none", "overlay", root,
                f"lowerdir={base}/lower,upperdir={base}/upper,workdir={base}/work"))
        else:
            disks.run("bindfs", base / "upper", root)
            stack.callback(disks.unmount, root)
        yield root


@pytest.mark.parametrize("kind", ["tmpfs", "overlay", "bindfs"])
def test_file_systems_without_a_disk_of_their_own(tmp_path, kind):
    if os.geteuid() != 0:
        pytest.skip("mounting wants root")
    if kind == "bindfs" and disks.run("which", "bindfs", check=False).returncode:
        pytest.skip("no bindfs")
    if kind != "tmpfs" and disks.cannot("ext4"):
        pytest.skip(disks.cannot("ext4"))
    with mounted_otherwise(kind, tmp_path) as root:
        out = try_free_sizes(root, 131072, 40)
        assert "\n0 wrong" in out


def test_no_inode_left(disk, saver):
    root = disk("ext4", options=["-N", "32"])
    program = saver(root / "ck")
    first = program.must_save()
    fillers = root / "fillers"
    fillers.mkdir()
    with pytest.raises(OSError) as full:
        for index in range(100):
            (fillers / str(index)).touch()
    assert full.value.errno == 28
    program.must_save()  # behind the other: wants no new file
    (root / "ck/work").unlink()
    name, message = program.must_fail()
    assert name == "CheckpointIOError" and "df -i" in message and SPACE.search(message), message
    assert "no space left on device" in message
    next(fillers.iterdir()).unlink()
    step, digest = program.must_save()
    assert int(step) == int(first[0]) + 3
    program.end()
    assert saver(root / "ck").restored == [step, digest]


def test_quota(disk, saver):
    """A quota of a subvolume: EDQUOT while the disk has space."""
    root = disk("btrfs")
    disks.run("btrfs", "quota", "enable", root)
    disks.run("btrfs", "subvolume", "create", root / "mine")
    disks.run("btrfs", "qgroup", "limit", "4M", root / "mine")
    program = saver(root / "mine/ck")
    saved = program.must_save()
    name, message = program.must_fail(8_000_000)
    assert name == "CheckpointIOError" and "raise the quota" in message, message
    assert SPACE.search(message), message
    again = program.must_save()
    assert int(again[0]) == int(saved[0]) + 2
    disks.run("btrfs", "qgroup", "limit", "40M", root / "mine")
    last = program.must_save(8_000_000)
    program.end()
    assert sorted(os.listdir(root / "mine/ck")) == [".gitignore", "work", "work.lock"]
    assert saver(root / "mine/ck").restored == last


PROGRAM = """
import os, sys, time
import resume
from resume import Checkpoint

def main():
    chp = Checkpoint("main", folder=sys.argv[1], rate=0)
    step, data = 0, b""
    chp.restore()
    while step < 10_000_000:
        step += 1
        data = step.to_bytes(8, "little") * 4000
        chp.sync()
        if step % 2_000 == 0:
            print(step, flush=True)

main()
"""


def wait_for(process, what, seconds=60):
    """Reads lines of stdout until what() is true."""
    until = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < until, "it takes too long"
        line = process.stdout.readline()
        assert line, process.stderr.read()


def newest(path):
    """Size and time of change: it moves with each save."""
    found = path.stat()
    return found.st_size, found.st_mtime_ns


def test_a_program_goes_on_over_a_full_disk(disk, tmp_path):
    """It warns, computes on, and saves again when there is space; nobody has to do anything."""
    root = disk("ext4")
    log = tmp_path / "stderr"
    with log.open("w") as stderr, subprocess.Popen(
            [sys.executable, "-c", PROGRAM, str(root / "ck")], stdout=subprocess.PIPE,
            stderr=stderr, text=True, cwd=tmp_path) as process:
        path = root / "ck/main"
        wait_for(process, path.exists)
        subprocess.run(["fallocate", "-l", "1G", root / "ballast"], capture_output=True)

        def is_stuck():
            """As long as older saves can be given up, there is room for a new one."""
            with contextlib.suppress(OSError), open(root / "rest", "ab", buffering=0) as rest:
                while True:
                    rest.write(bytes(4096))
            return "no space left" in log.read_text()

        wait_for(process, is_stuck)
        stuck = newest(path)
        (root / "rest").unlink()
        (root / "ballast").unlink(missing_ok=True)
        wait_for(process, lambda: newest(path) != stuck)
        assert process.poll() is None
        process.kill()
    text = log.read_text()
    assert SPACE.search(text), text
    assert text.count("no space left") <= 5, text  # told at growing intervals
    import resume
    saved = resume.load(path)
    assert saved["data"] == saved["step"].to_bytes(8, "little") * 4000
    assert not [name for name in os.listdir(pathlib.Path(path).parent) if ".tmp-" in name]


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting wants root")
def test_an_export_that_does_not_fit_leaves_nothing(tmp_path):
    command = os.environ.get("RESUME_COMMAND") or shutil.which("resume")
    make = """
import os, resume
def main():
    chp = resume.Checkpoint("main", folder="ck")
    data = os.urandom(3_000_000)
    chp.save()
main()
"""
    subprocess.run([sys.executable, "-W", "ignore", "-c", make], cwd=tmp_path, check=True)
    small = tmp_path / "small"
    small.mkdir()
    with disks.mounted("none", "tmpfs", small, "size=1m"):
        (small / "old.raw").write_bytes(b"old")
        for arguments in (["-o", small / "new.raw"], ["--force", "-o", small / "old.raw"]):
            done = subprocess.run([command, "export", tmp_path / "ck/main", "data", *arguments],
                                  capture_output=True, text=True)
            if done.returncode == 2 and "no command" in done.stderr:
                pytest.skip("no export yet")
            assert done.returncode == 8 and "no space left" in done.stderr.lower(), done
            assert os.listdir(small) == ["old.raw"]
            assert (small / "old.raw").read_bytes() == b"old"
    for target in ("/dev/full",):
        with open(target, "w") as full:
            done = subprocess.run([command, "export", tmp_path / "ck/main", "data", "-F", "raw"],
                                  stdout=full, stderr=subprocess.PIPE, text=True)
        assert done.returncode == 8 and "no space left" in done.stderr.lower(), done
