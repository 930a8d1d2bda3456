"""The bars: each a ratio to a physical limit or a peer, measured in turns with it in this run."""
import array
import json
import pathlib
import pickle
import sys
import tempfile

import bench_capi
import measure
import numpy as np
import peers
import questions
import raw
import resume
import states
from resume import _core


class Bars(list):
    """Rows {row, item, target, value (Spread or text), met}."""

    def add(self, row, item, sign, target, value, scale=1):
        """`value`: a Spread, or why there is none. `sign`: "<=" or ">="."""
        if isinstance(value, str):
            met = None
        else:
            middle = value["median"] * scale
            met = middle <= target if sign == "<=" else middle >= target
        self.append({"row": row, "item": item, "target": f"{sign} {target:g}", "value": value,
                     "met": met})


class Array:
    """One array state with resume beside the limits of the same bytes."""

    def __init__(self, kind, scale, folder, **options):
        self.state = kind(scale)
        self.folder = folder
        self.options = options
        pathlib.Path(folder).mkdir(exist_ok=True)
        self.limit = raw.Raw(folder, raw.bytes_of(self.state.arrays()[0]))
        self.ours = peers.Resume(f"{folder}/kept", self.state.variables, **options)
        self.ours.tell("save")
        self.others = {}

    def other(self, name, **options):
        """A checkpoint of its own: one that another arm has saved into finds nothing changed."""
        if name not in self.others:
            self.others[name] = peers.Resume(f"{self.folder}/{name}", self.state.variables,
                                             **(self.options | options))
            self.others[name].tell("save")
        return self.others[name]

    def save(self):
        return measure.timed(self.ours.tell, "save")

    def pause(self):
        saver = self.other("pause")
        seconds = measure.timed(saver.tell, "sync")
        saver.tell("wait")
        return seconds

    def first_save(self):
        with tempfile.TemporaryDirectory(dir=self.folder) as place:
            saver = peers.Resume(place, self.state.variables, **self.options)
            seconds = measure.timed(saver.tell, "save")
            saver.close()
        return seconds

    def close(self):
        for saver in (self.ours, *self.others.values()):
            saver.close()
        self.limit.close()


def full(bars, folder, scale, rounds):
    """Rows 1, 2 and 9: all of an incompressible array is new."""
    arms = Array(states.Random, scale, folder)
    plain = arms.other("plain", compress="never")
    arms.other("pause")
    raws = {"ahead": lambda: measure.timed(arms.limit.write_ahead)}
    if arms.limit.takes_direct():
        raws["direct"] = lambda: measure.timed(arms.limit.write_direct)
    values = measure.interleave(
        raws | {"first": arms.first_save, "save": arms.save, "pause": arms.pause,
                "never": lambda: measure.timed(plain.tell, "save"),
                "memcpy": lambda: measure.timed(arms.limit.copy)}, rounds, arms.state.change)
    best = min((values[name] for name in raws), key=lambda times: measure.spread(times)["median"])
    text = arms.state.text
    bars.add(1, f"first durable save of {text}, speed against the better raw write", ">=", 0.75,
             measure.ratio(best, values["first"]))
    bars.add(1, "a later save, all of it new, against the same", ">=", 0.75,
             measure.ratio(best, values["save"]))
    bars.add(2, "pause of sync(), all of it new, against memcpy", "<=", 2.5,
             measure.ratio(values["pause"], values["memcpy"]))
    bars.add(9, "incompressible data: compress=\"auto\" against \"never\", speed", ">=", 0.85,
             measure.ratio(values["never"], values["save"]))
    arms.close()
    return values["save"]


def changed(bars, folder, scale, rounds, whole):
    """Rows 3 and 5: one percent is new. `whole`: seconds of saves of everything."""
    arms = Array(states.Contiguous, scale, folder)
    arms.other("pause")
    values = measure.interleave(
        {"save": arms.save, "memcpy": lambda: measure.timed(arms.limit.copy)}, rounds,
        arms.state.change)
    pauses = measure.interleave(
        {"pause": arms.pause, "memcpy": lambda: measure.timed(arms.limit.copy)}, rounds,
        arms.state.change)
    middle = measure.spread(whole)["median"]
    bars.add(3, "1 % new in one piece, durable, against a save of everything", "<=", 0.2,
             measure.spread(value / middle for value in values["save"]))
    bars.add(3, "the same: pause of sync() against memcpy of everything", "<=", 0.8,
             measure.ratio(pauses["pause"], pauses["memcpy"]))
    arms.close()
    arms = Array(states.Scattered, scale, f"{folder}/scattered")
    ratios, written = [], measure.Written(arms.ours.path)
    for number in range(rounds + 1):
        arms.state.change(number)
        arms.save()
        ratios.append(written.more() / arms.state.dirty)
    bars.add(5, "1 % of the pages new: bytes written by the second save against the new bytes",
             "<=", 1.1, measure.spread(ratios[:1]))
    bars.add(5, "the same: later saves", "<=", 1.1, measure.spread(ratios[1:]))
    arms.close()


def tracked(bars, folder, scale, rounds, whole):
    """Row 4: the kernel tells what is new."""
    items = (("1 % new in one piece, tracked: durable against a save of everything", 0.04),
             ("the same: pause of sync() against a save of everything", 0.03))
    try:
        arms = Array(states.Contiguous, scale, folder, track=True)
    except TypeError:
        for item, target in items:
            bars.add(4, item, "<=", target, "not there: no track=True")
        return
    middle = measure.spread(whole)["median"]
    arms.other("pause")
    values = measure.interleave({"save": arms.save}, rounds, arms.state.change)
    pauses = measure.interleave({"pause": arms.pause}, rounds, arms.state.change)
    for (item, target), times in zip(items, (values["save"], pauses["pause"])):
        bars.add(4, item, "<=", target, measure.spread(value / middle for value in times))
    arms.close()


def small(bars, folder, program, rounds):
    """Rows 6 and 7, from C."""
    for size in (4 << 10, 64 << 10):
        plain, ours, replace = bench_capi.small(program, folder, size, rounds)
        bars.add(6, f"commit of {size >> 10} KiB against append + fdatasync", "<=", 1.1,
                 measure.ratio(ours, plain))
        bars.add(6, "the same, with zeros ahead", "<=", 0.45, measure.ratio(ours, plain))
        bars.add(7, f"commit of {size >> 10} KiB against temp + fsync + rename + fsync", "<=", 0.7,
                 measure.ratio(ours, replace))
        bars.add(7, "the same, with zeros ahead", "<=", 0.35, measure.ratio(ours, replace))


def restored(bars, folder, program, scale, rounds):
    """Row 8: warm from C (in place) and Python (new memory), cold, lazy."""
    mib = max(1, int(256 * scale))
    copy, warm = bench_capi.large(program, folder, mib, rounds)[4:6]
    bars.add(8, f"restore of {mib} MiB in place (C), warm and verified, against memcpy", "<=", 1.7,
             measure.ratio(warm, copy))
    arms = Array(states.Random, scale, folder)
    arms.limit.write()

    def load():
        raw.warm(arms.ours.path)
        return measure.timed(arms.ours.load)

    values = measure.interleave(
        {"load": load, "memcpy": lambda: measure.timed(arms.limit.copy)}, rounds)
    bars.add(8, "resume.load() into new memory, warm and verified, against memcpy", "<=", 1.7,
             measure.ratio(values["load"], values["memcpy"]))

    def cold(path, work):
        raw.forget(path)
        return measure.timed(work)

    values = measure.interleave({"load": lambda: cold(arms.ours.path, arms.ours.load),
                                 "read": lambda: cold(arms.limit.path, arms.limit.read_direct
                                                      if arms.limit.takes_direct()
                                                      else arms.limit.read)}, rounds)
    bars.add(8, "resume.load() of a cold file, speed against a raw read", ">=", 0.9,
             measure.ratio(values["read"], values["load"]))
    item = "resume.load(lazy=True), ms"
    try:
        lazy = [measure.timed(lambda: resume.load(arms.ours.path, lazy=True)) * 1e3
                for _ in range(rounds)]
        bars.add(8, item, "<=", 1, measure.spread(lazy))
    except TypeError:
        bars.add(8, item, "<=", 1, "not there: no lazy=True")
    arms.close()


def memory(bars, folder, scale):
    """Row 10: arrays alone."""
    found = questions.memory(states.Random, scale, folder)
    size = 256 * scale
    for name, allowed in (("resume, save()", 64 + size * 0.005),
                          ("resume, sync()", 64 + size * 1.005)):
        bars.add(10, f"extra memory, {name} of {size:.0f} MiB of floats, MiB", "<=", allowed,
                 found[name])


def file_size(bars, folder, scale):
    """Row 13: every save is all new; two generations stay."""
    arms = Array(states.Random, scale / 4, folder)
    live, largest = 2 * arms.ours.path.stat().st_size, 0  # of two saves, all that each takes
    for number in range(12):
        arms.state.change(number)
        arms.save()
        largest = max(largest, arms.ours.path.stat().st_size)
    bars.add(13, "largest file of 12 saves against 2 x live + 64 MiB", "<=", 1,
             measure.spread([largest / (2 * live + (64 << 20))]))
    arms.close()


def stream(bars, _, scale, rounds):
    """Row 14: lists of numbers."""
    rng, count = np.random.default_rng(3), max(1000, int(1_000_000 * scale))
    for kind, code, values in (("ints", "q", rng.integers(0, 10**9, count)),
                               ("floats", "d", rng.random(count))):
        packed = array.array(code, values.tobytes())
        numbers = values.tolist()
        data, blobs, _ = _core._encode(numbers)
        times = measure.interleave(
            {"encode": lambda: measure.timed(_core._encode_size, numbers),
             "pickle": lambda: measure.timed(pickle.dumps, numbers, 5),
             "decode": lambda: measure.timed(lambda: _core._decode(data, blobs, mine=True)),
             "tolist": lambda: measure.timed(packed.tolist)}, max(rounds, 7))
        bars.add(14, f"list of {count:,} {kind}: encode, speed against pickle 5", ">=", 3,
                 measure.ratio(times["pickle"], times["encode"]))
        bars.add(14, f"list of {count:,} {kind}: decode, speed against array.tolist()", ">=", 0.9,
                 measure.ratio(times["tolist"], times["decode"]))


def calls(bars, folder, program, reports):
    """Rows 11 and 12: a sync that is not due, on each Python and in C."""
    for path in sorted(reports.glob("sync-*.json")):
        found = json.loads(path.read_text())
        bars.add(11, f"sync() not due against an empty call, Python {found['python']}", "<=",
                 0.5 if found["python"] in ("3.11", "3.12", "3.13") else 0.7, found["ratio"])
    bare, _, sync = bench_capi.sync(program, folder)
    bars.add(12, "resume_sync() not due, C, ns over a bare loop", "<=", 2,
             measure.spread(max(0, s - b) for s, b in zip(sync, bare)))


def all_bars(scale, large, rounds, folder, reports):
    """`large`: the scale of rows 1 to 5. `reports`: where bench_sync.py has left its figures."""
    bars, folder = Bars(), pathlib.Path(folder)

    def part(work, *arguments):
        print(f"bench: bars: {work.__name__}", file=sys.stderr, flush=True)
        with tempfile.TemporaryDirectory(dir=folder) as place:
            return work(bars, pathlib.Path(place), *arguments)

    program = bench_capi.compiled(folder)
    whole = part(full, large, rounds)
    part(changed, large, rounds, whole)
    part(tracked, large, rounds, whole)
    part(small, program, 40 * rounds)
    part(restored, program, scale, rounds)
    part(memory, scale)
    part(calls, program, reports)
    part(file_size, scale)
    part(stream, min(1, scale), rounds)
    bars.sort(key=lambda bar: bar["row"])
    return bars
