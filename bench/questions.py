"""Pause, time until durable, bytes, memory and restore, for each state and each arm."""
import json
import pathlib
import pickle
import subprocess
import sys
import tempfile

import measure
import peers
import raw
import states

NAMES = {"pause": "Pause of the computation, ms", "durable": "Until it is durable, ms",
         "bytes": "Bytes written, MiB", "restore": "Restore (load, warm), ms",
         "memory": "Extra memory at the peak of a save, MiB"}


def one_state(kind, scale, rounds, folder):
    """{question: {arm: Spread}} of one state, and its text."""
    state = kind(scale)
    others, _ = peers.present(folder)
    others = [peer for peer in others if peer.takes(state)]
    ours = peers.Resume(f"{folder}/sync", state.variables)
    again = peers.Resume(f"{folder}/save", state.variables)
    ours.tell("save")
    again.tell("save")
    data = (raw.bytes_of(state.arrays()[0]) if state.is_arrays
            else pickle.dumps(state.variables, 5))
    limit = raw.Raw(folder, data)
    found = {question: {} for question in NAMES}

    def note(question, arm, value):
        found[question].setdefault(arm, []).append(value)

    def save(arm, work, path):
        """Seconds of it; notes what it has written."""
        written = measure.Written(path)
        seconds = measure.timed(work)
        note("bytes", arm, written.more() / 2**20)
        return seconds

    def background():
        note("pause", "resume, sync()", measure.timed(ours.tell, "sync") * 1e3)
        return 0

    def sync():
        begun = measure.time.perf_counter()
        background()
        ours.tell("wait")
        return measure.time.perf_counter() - begun

    arms = {"resume, sync()": lambda: save("resume, sync()", sync, ours.path),
            "resume, save()": lambda: save("resume, save()", lambda: again.tell("save"),
                                           again.path)}
    arms |= {peer.name: lambda peer=peer: save(peer.name, lambda: peer.save(state.variables),
                                               peer.path) for peer in others}
    arms["write + fdatasync"] = lambda: save("write + fdatasync", limit.write,
                                             pathlib.Path(limit.path))
    arms["memcpy"] = lambda: measure.timed(limit.copy)
    for name, values in measure.interleave(arms, rounds, state.change).items():
        if name != "memcpy":
            found["durable"][name] = [value * 1e3 for value in values]
        if name not in found["pause"]:
            found["pause"][name] = [value * 1e3 for value in values]
    found["restore"] = restores(state, again, others, limit, rounds)
    for arm in (ours, again, limit, *others):
        arm.close()
    return {question: {arm: measure.spread(values) for arm, values in by_arm.items()}
            for question, by_arm in found.items()}, state.text


def restores(state, ours, others, limit, rounds):
    ours.tell("save")
    for peer in others:
        peer.save(state.variables)
    for arm in (ours, *others):
        raw.warm(arm.path)  # a large save goes past the page cache
    arms = {"resume": ours.load} | {peer.name: peer.load for peer in others}
    for name, load in arms.items():
        if not state.same(load()):
            raise SystemExit(f"bench: {name} gives another state back")
    arms["memcpy"] = limit.copy

    def load(work):
        measure.trim()
        return measure.timed(work) * 1e3

    return measure.interleave({name: lambda work=work: load(work) for name, work in arms.items()},
                              rounds)


# ---- memory: each arm in a process of its own

def memory_of(arm, letter, scale):
    """Runs in the child: how much more memory than before its save the process took."""
    kind = next(kind for kind in states.ALL if kind.letter == letter)
    with tempfile.TemporaryDirectory(dir=".", prefix=".memory-") as folder:
        if arm.startswith("resume"):
            small, state = kind(0), kind(scale)
            warm, saver = (peers.Resume(f"{folder}/{i}", of.variables)
                           for i, of in enumerate((small, state)))
            warm.tell("save")
            work = (lambda: saver.tell("save")) if arm == "resume, save()" else (
                lambda: (saver.tell("sync"), saver.tell("wait")))
        else:
            peer = next(peer for peer in peers.present(folder)[0] if peer.name == arm)
            peer.save(kind(0).variables)
            state = kind(scale)
            work = lambda: peer.save(state.variables)  # noqa: E731
        state.change(1)
        measure.trim()
        measure.reset_peak()
        before = measure.memory("VmRSS")
        work()
        return (measure.memory("VmHWM") - before) / 2**20


def memory(kind, scale, folder):
    names = ["resume, sync()", "resume, save()"]
    names += [peer.name for peer in peers.present(folder)[0]
              if not peer.arrays_only or kind.is_arrays]
    found = {}
    for name in names:
        ran = subprocess.run([sys.executable, __file__, name, kind.letter, str(scale)], cwd=folder,
                             capture_output=True, text=True, check=False)
        if ran.returncode:
            raise SystemExit(f"bench: memory of {name}: {ran.stderr}")
        found[name] = measure.spread([json.loads(ran.stdout)])
    return found


if __name__ == "__main__":
    print(json.dumps(memory_of(sys.argv[1], sys.argv[2], float(sys.argv[3]))))
