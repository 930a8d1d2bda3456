"""Small real file systems on loop devices: made, mounted, taken away again. Wants root."""
import contextlib
import os
import pathlib
import shutil
import subprocess
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
PATH = os.environ["PATH"] + ":/usr/sbin:/sbin"

# the smallest that each can be made, options of mkfs, options of mount
KINDS = {
    "ext4": (24 << 20, ["-q", "-F", "-b", "4096", "-m", "0"], "commit=1"),
    "xfs": (300 << 20, ["-q", "-f"], ""),
    "btrfs": (128 << 20, ["-q", "-f"], "commit=1"),
}


def run(*command, check=True):
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True,
                          env=os.environ | {"PATH": PATH})
    if check and done.returncode:
        raise RuntimeError(f"{' '.join(map(str, command))}: {done.stderr.strip() or done.stdout}")
    return done


def cannot(kind):
    """Why a file system of this kind can't be mounted here; None when it can."""
    if os.geteuid() != 0:
        return "mounting wants root"
    if not shutil.which(f"mkfs.{kind}", path=PATH):
        return f"no mkfs.{kind}"
    try:
        with disk(kind):
            return None
    except (RuntimeError, OSError) as error:
        return f"no {kind} here: {error}"


def memory_folder():
    """A folder for images: in memory, as they are synced thousands of times."""
    memory = "/dev/shm"
    return memory if os.access(memory, os.W_OK) and not os.environ.get("TMPDIR") else None


def make_image(path, kind, size=None, options=()):
    with open(path, "wb") as image:
        image.truncate(size or KINDS[kind][0])
    run(f"mkfs.{kind}", *KINDS[kind][1], *options, path)


@contextlib.contextmanager
def loop(path, *options):
    device = run("losetup", "--find", "--show", *options, path).stdout.strip()
    try:
        yield device
    finally:
        run("losetup", "--detach", device)


def unmount(folder):
    """A mount that a process has just left may be busy for a moment."""
    for _ in range(50):
        done = run("umount", folder, check=False)
        if done.returncode == 0:
            return
        time.sleep(0.1)
    raise RuntimeError(f"umount {folder}: {done.stderr.strip()}")


@contextlib.contextmanager
def mounted(device, kind, folder, options=""):
    run("mount", "-t", kind, "-o", ",".join(filter(None, ["noatime", options])), device, folder)
    try:
        yield pathlib.Path(folder)
    finally:
        unmount(folder)


@contextlib.contextmanager
def disk(kind, size=None, options=(), mount=""):
    """A fresh file system: its mounted root."""
    with tempfile.TemporaryDirectory(prefix="resume-disk-", dir=memory_folder()) as work:
        image, folder = pathlib.Path(work, "image"), pathlib.Path(work, "root")
        folder.mkdir()
        make_image(image, kind, size, options)
        with loop(image) as device, mounted(device, kind, folder, mount):
            yield folder


def built(name):
    """A program or module of tests/systems/meson.build; None when the C tests are not built."""
    for build in sorted(ROOT.glob("build/*/tests/systems")):
        if (build / name).exists() and "asan" not in str(build):
            return build / name
    return None
