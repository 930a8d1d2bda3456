"""Real file systems cut at any write: a workload on a block device whose writes are logged, then
the device as it was at any moment, with any part of the writes that no flush had followed.

The block device is a loop device on a file that qemu-storage-daemon exports by FUSE and logs with
blklogwrites. disk_writer saves on a file system there and tells what returned when, by the size of
the log. For each cut the image is made anew, mounted (the journal is replayed), and disk_reader
tells what the library finds: the last save that had returned or the one that was being made, bit
for bit; never a mixture, never damage, never silently nothing.

What this does not show: drives that lie about a flush (no program can survive these), writes that
tear below 4096 bytes, and more than one crash after the other.
"""
import collections
import contextlib
import dataclasses
import os
import pathlib
import random
import re
import shutil
import subprocess
import tempfile
import time

import disks
import write_log

NAMES = ("small", "mixed", "large")
SIZE = 320 << 20
LIVES = 8  # processes, one after the other


@dataclasses.dataclass
class Event:
    """The newest generation of a name becomes (version, ended)."""
    begin: int  # size of the log
    version: int
    ended: bool
    done: float = float("inf")
    aside: str | None = None  # the file name that what was there before has got
    never: float = float("inf")  # from this size of the log on it is known not to have happened


@dataclasses.dataclass
class History:
    events: dict = dataclasses.field(default_factory=lambda: {name: [] for name in NAMES})
    asides: dict = dataclasses.field(default_factory=dict)  # file name -> (size of log, version)

    @property
    def newest_version(self):
        return max((e.version for events in self.events.values() for e in events), default=0)

    def add(self, line):
        what, size, name, version, ended, aside = line.split()
        size, version, ended, events = int(size), int(version), ended == "1", self.events[name]
        if what == "B":
            events.append(Event(size, version, ended))
        elif what == "D":
            events[-1].done = size
            if aside != "-":
                before = [e for e in events[:-1] if e.never == float("inf")]
                self.asides[aside] = (size, before[-1].version)
        elif events:  # a new life: the save that was being made when the last one was killed
            last = events[-1]
            if last.done == float("inf") and (version, ended) != (last.version, last.ended):
                last.never = size

    def allowed(self, name, size):
        """What may be found when the power fails while the log has this size: the last save that
        had returned, then those that were tried: [(version, ended)], None for nothing."""
        tried = [e for e in self.events[name] if e.begin <= size < e.never]
        returned = [index for index, e in enumerate(tried) if e.done <= size]
        first = returned[-1] if returned else 0
        choice = [(e.version, e.ended) for e in tried[first:]]
        return choice if returned else [None, *choice]


class Daemon:
    """A block device that logs its writes."""

    def __init__(self, work, image):
        self.log, disk = work / "log", work / "disk"
        self.log.touch()
        disk.touch()
        self.output = (work / "daemon.txt").open("w+")
        self.disk = disk
        self.process = subprocess.Popen(
            ["qemu-storage-daemon", "--blockdev", f"driver=file,node-name=image,filename={image}",
             "--blockdev", f"driver=file,node-name=log,filename={self.log}",
             "--blockdev", "driver=blklogwrites,node-name=logged,file=image,log=log,"
             "log-sector-size=512", "--export",
             f"type=fuse,id=export,node-name=logged,mountpoint={disk},writable=on"],
            stdout=self.output, stderr=subprocess.STDOUT)

    def __enter__(self):
        for _ in range(200):
            if disks.run("findmnt", self.disk, check=False).returncode == 0:
                self.one_request_at_a_time()
                return self
            assert self.process.poll() is None, (self.output.seek(0), self.output.read())[1]
            time.sleep(0.05)
        raise RuntimeError("qemu-storage-daemon exports nothing")

    def one_request_at_a_time(self):
        """The FUSE export of older qemu reads the next request over the data of a write that waits.
        A loop device without direct I/O sends one after the other, but for what it reads ahead."""
        device = os.stat(self.disk).st_dev
        pathlib.Path(f"/sys/class/bdi/{os.major(device)}:{os.minor(device)}/read_ahead_kb"
                     ).write_text("0")

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()
        self.output.close()


def live(history, folder, log, rng, life_ms, mutant):
    """One process that saves; killed after `life_ms`, unless that is 0."""
    environment = dict(os.environ)
    if mutant:
        environment |= {"LD_PRELOAD": disks.built("libno_sync.so"), "RESUME_NO_SYNC": mutant}
    done = subprocess.run(
        [disks.built("disk_writer"), folder, log, str(rng.randrange(1 << 60)),
         str(rng.randrange(20, 120)), str(history.newest_version + 1), str(life_ms)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)
    for line in done.stdout.splitlines():
        history.add(line)
    assert done.returncode in (0, -14), f"{done.returncode}: {done.stderr}"
    return done.returncode == -14


@dataclasses.dataclass
class Cuts:
    """Counts of a run; all of `bad` must stay 0."""
    counts: collections.Counter = dataclasses.field(default_factory=collections.Counter)
    failures: list = dataclasses.field(default_factory=list)

    def bad(self, kind, text):
        self.counts[kind] += 1
        self.failures.append(f"{kind}: {text}")


def workload(kind, work, rng, mutant):
    """(the image before it, the log, the history)"""
    image, before = work / "image", work / "before"
    disks.make_image(image, kind, SIZE)
    disks.run("cp", "--sparse=always", image, before)
    history = History()
    root = work / "root"
    root.mkdir()
    killed = 0
    with Daemon(work, image) as daemon, disks.loop(daemon.disk) as device, \
            disks.mounted(device, kind, root, disks.KINDS[kind][2]):
        for index in range(LIVES):
            life_ms = 0 if index == LIVES - 1 else rng.choice((0, 1, 1)) * rng.randrange(5, 200)
            killed += live(history, root / "ck", daemon.log, rng, life_ms, mutant)
    return before, daemon.log, history, killed


def check(lines, history, size, cuts, what):
    """Compares what disk_reader told with what may be there."""
    found, left, after = {}, [], {}
    for line in lines:
        if line.startswith("left "):
            left.append(line[5:])
        elif line.startswith("folder "):
            pass  # not there: nothing was found
        else:
            name, is_after, *values = re.match(
                r"(\S+)( after)? (\d+) (\d+) (\d+) (\d) (\d)", line).groups()
            status, health, version, ended, equal = map(int, values)
            (after if is_after else found)[name.split(".tmp-")[0].lstrip(".")] = (
                status, health, version, bool(ended), bool(equal), line)
    for name in NAMES:
        one = found.get(name)
        allowed = history.allowed(name, size)
        if one is None:
            if None not in allowed:
                cuts.bad("lost", f"{what}: {name} is not there, allowed: {allowed}")
            continue
        status, health, version, ended, equal, line = one
        cuts.counts["torn"] += health == 1
        cuts.counts["newer"] += (version, ended) in allowed[1:]
        if status or health == 2:
            cuts.bad("damaged", f"{what}: {line}")
        elif not equal:
            cuts.bad("mixed", f"{what}: {line}")
        elif (version, ended) not in allowed:
            cuts.bad("lost", f"{what}: {line}, allowed: {allowed}")
    for name, (since, version) in history.asides.items():
        if since <= size and (name not in found or found[name][0] or not found[name][4] or
                              found[name][2] != version):
            cuts.bad("aside lost", f"{what}: {name} of version {version}: {found.get(name)}")
    for name, one in after.items():
        if one[0] or one[1] or not one[4]:
            cuts.bad("can't go on", f"{what}: {one[5]}")
    for name in left:
        if ".tmp-" in name or ".damaged-" in name:
            cuts.bad("litter", f"{what}: {name}")


class Replay:
    """The device at rising cuts; what is surely on it is kept in one image that grows."""

    def __init__(self, work, before, log):
        self.data, self.entries = write_log.read(log)
        self.durable, self.image, self.at = before, work / "cut", 0
        self.end = work / "image"

    def advance(self, first):
        with self.durable.open("r+b") as image:
            for entry in self.entries[self.at:first]:
                write_log.apply(image, self.data, entry)
        self.at = first

    def is_faithful(self):
        """All writes of the log give the device as it was at last."""
        self.advance(len(self.entries))
        return disks.run("cmp", self.durable, self.end, check=False).returncode == 0

    def make(self, cut, rng):
        """The image of a power cut behind the first `cut` writes; how many of them are pending."""
        first = write_log.last_barrier(self.entries, cut)
        self.advance(first)
        disks.run("cp", "--sparse=always", self.durable, self.image)
        kept = write_log.choose(self.entries, first, cut, rng)
        with self.image.open("r+b") as image:
            for entry, pieces in kept:
                write_log.apply(image, self.data, entry, pieces)
        return cut - first


def check_cut(kind, work, replay, cut, rng, history, cuts, seed):
    pending = replay.make(cut, rng)
    size = replay.entries[cut - 1].end if cut else 0
    what = f"{kind}, seed {seed}, cut {cut} ({pending} unflushed)"
    cuts.counts["states"] += 1
    cuts.counts["with unflushed writes"] += pending > 0
    with contextlib.ExitStack() as stack:
        device = stack.enter_context(disks.loop(replay.image))
        try:
            stack.enter_context(disks.mounted(device, kind, work / "root"))
        except RuntimeError as error:
            cuts.bad("not mountable", f"{what}: {error}")
            return
        done = subprocess.run([disks.built("disk_reader"), work / "root" / "ck"],
                              capture_output=True, text=True, errors="replace")
        if done.returncode:
            cuts.bad("crashed", f"{what}: {done.returncode} {done.stderr}")
        check(done.stdout.splitlines(), history, size, cuts, what)


def cut_disk(kind, states, seed, cuts, mutant=None):
    """One workload, cut `states` times; adds to `cuts`. `mutant`: syncs that do nothing, for
    tests/systems/no_sync.c."""
    rng = random.Random(seed)
    with tempfile.TemporaryDirectory(prefix="resume-cuts-", dir=disks.memory_folder()) as name:
        work = pathlib.Path(name)
        before, log, history, killed = workload(kind, work, rng, mutant)
        replay = Replay(work, before, log)
        cuts.counts["workloads"] += 1
        cuts.counts["kills"] += killed
        cuts.counts["writes"] += len(replay.entries)
        cuts.counts["saves"] += sum(e.done != float("inf")
                                    for events in history.events.values() for e in events)
        for cut in sorted(rng.randrange(len(replay.entries) + 1) for _ in range(states)):
            check_cut(kind, work, replay, cut, rng, history, cuts, seed)
        assert replay.is_faithful(), "the log does not give the device that was written"
    return cuts


BAD = ("lost", "mixed", "damaged", "aside lost", "can't go on", "litter", "crashed",
       "not mountable")


def summary(cuts):
    """One line of counts."""
    c = cuts.counts
    bad = ", ".join(f"{c[kind]} {kind}" for kind in BAD)
    return (f"{c['states']} states ({c['with unflushed writes']} with writes that no flush had "
            f"followed) of {c['workloads']} workloads, {c['writes']} writes, {c['saves']} saves "
            f"that returned, {c['kills']} kills; the newer one was there {c['newer']} times, "
            f"{c['torn']} torn; {bad}")


def cannot():
    """Why this can't be done here; None when it can."""
    if os.geteuid() != 0:
        return "mounting wants root"
    if not shutil.which("qemu-storage-daemon"):
        return "no qemu-storage-daemon"
    if not disks.built("disk_writer"):
        return "the C tests are not built"
    return None
