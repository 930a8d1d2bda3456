"""Disks that fail while a program saves: read-only after an error, gone, a full pool behind them.

The program computes on, is told, and saves again as soon as there is a disk at the path; what had
been saved before is there when the disk comes back.
"""
import array
import contextlib
import fcntl
import os
import pathlib
import resource
import tempfile

import disks
import pytest

SHUTDOWN = 0x8004587D  # FS_IOC_SHUTDOWN, as xfs_io -c shutdown
NO_LOG_FLUSH = 2


class Disk:
    """An image that can be mounted again."""

    def __init__(self, stack, kind, options=""):
        why = disks.cannot(kind)
        if why:
            pytest.skip(why)
        self.stack, self.kind, self.options = stack, kind, options
        work = pathlib.Path(stack.enter_context(
            tempfile.TemporaryDirectory(prefix="resume-disk-", dir=disks.memory_folder())))
        self.image, self.root = work / "image", work / "root"
        self.root.mkdir()
        disks.make_image(self.image, kind)

    def mount(self):
        self.on = self.stack.enter_context(contextlib.ExitStack())
        self.device = self.on.enter_context(disks.loop(self.image))
        self.on.enter_context(disks.mounted(self.device, self.kind, self.root, self.options))
        return self.root

    def unmount(self):
        self.on.close()


@pytest.fixture
def stack():
    with contextlib.ExitStack() as stack:
        yield stack


def break_by_error(disk):
    """The file system finds an error in itself and turns read-only."""
    trigger = pathlib.Path("/sys/fs/ext4") / pathlib.Path(disk.device).name / "trigger_fs_error"
    trigger.write_text("a test of resume")


def break_by_shutdown(disk):
    """As if the device had gone: everything fails from now on."""
    fd = os.open(disk.root, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.ioctl(fd, SHUTDOWN, array.array("I", [NO_LOG_FLUSH]))
    finally:
        os.close(fd)


@pytest.mark.parametrize("kind, options, breaks", [
    ("ext4", "errors=remount-ro", break_by_error),
    ("ext4", "", break_by_shutdown),
    ("xfs", "", break_by_shutdown),
], ids=["ext4-read-only", "ext4-gone", "xfs-gone"])
@pytest.mark.parametrize("size", [1000, 3_000_000])
def test_a_disk_that_fails_in_mid_run(stack, saver, tmp_path, kind, options, breaks, size):
    disk = Disk(stack, kind, options)
    folder = disk.mount() / "ck"
    program = saver(folder)
    program.must_save(size)
    saved = program.must_save(size)
    breaks(disk)
    for _ in range(3):
        name, message = program.must_fail(size)
        assert name == "CheckpointIOError" and str(folder) in message, message
        assert "RESUME_DIR" in message, message
    # somebody mounts another disk at the same path: the program saves there, all of it
    other = Disk(stack, "ext4")
    other.root.rmdir()
    other.root = disk.root
    other.mount()
    elsewhere = program.must_save(size)
    assert int(elsewhere[0]) == int(saved[0]) + 4
    elsewhere = program.must_save(size)
    program.end()
    again = saver(folder)
    assert again.restored == elsewhere
    again.end()
    other.unmount()
    # the first disk comes back: what had returned is there, bit for bit
    disk.unmount()
    disk.mount()
    last = saver(folder)
    assert last.restored == saved
    last.must_save(size)
    assert not [name for name in os.listdir(folder) if ".tmp-" in name or ".damaged-" in name]


def test_no_space_behind_the_device(stack, saver, tmp_path):
    """A thin device on a full pool: writing works, in the cache, and the sync fails. Nothing that
    such a sync has touched may be believed; the next save writes all of it anew."""
    if os.geteuid() != 0:
        pytest.skip("mounting wants root")
    pool = tmp_path / "pool"
    pool.mkdir()
    stack.enter_context(disks.mounted("none", "tmpfs", pool, "size=16m"))
    disk = Disk(stack, "ext4")
    disk.image = pool / "image"
    disks.make_image(disk.image, "ext4", 64 << 20, [
        "-E", "nodiscard,lazy_itable_init=0,lazy_journal_init=0", "-J", "size=4"])
    folder = disk.mount() / "ck"
    program = saver(folder)
    saved = program.must_save()
    failures = []
    for _ in range(30):
        answer = program.save(1_500_000)
        if answer[0] == "saved":
            saved = answer[1:]
        else:
            failures.append(answer)
            if len(failures) == 3:
                break
    assert failures and all(name == "CheckpointIOError" for _, name, _ in failures), failures
    disks.run("mount", "-o", "remount,size=100m", pool)
    answer = program.save(1_500_000)
    if answer[0] == "saved":  # else ext4 itself has given up
        saved = answer[1:]
    program.end()
    disk.unmount()
    disks.run("e2fsck", "-fy", disk.image, check=False)
    disk.mount()
    assert saver(folder).restored == saved


def limit_files(process, count):
    soft, hard = resource.prlimit(process.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(process.pid, resource.RLIMIT_NOFILE, (count, hard))
    return soft


def test_no_descriptor_left(saver, tmp_path):
    """A save behind the others wants no new file; one that does is told, and works later."""
    program = saver(tmp_path / "ck")
    program.must_save()
    before = limit_files(program.process, 3)
    program.must_save()
    (tmp_path / "ck/work").unlink()
    name, message = program.must_fail()
    assert name == "CheckpointIOError" and "ulimit -n" in message, message
    limit_files(program.process, before)
    last = program.must_save()
    program.end()
    assert saver(tmp_path / "ck").restored == last
