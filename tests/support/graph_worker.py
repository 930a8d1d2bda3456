"""One process of the test of graphs: makes graphs and encodes them, or decodes them, on request.

Requests and answers are pickles on stdin and stdout, each after its size. Only this repository's
tests talk to it.
"""
import os
import pickle
import struct
import sys
import traceback
import warnings

warnings.simplefilter("ignore")
sys.setrecursionlimit(10_000)
import graphs  # noqa: E402
from resume import Checkpoint, _core  # noqa: E402

graphs.load_kinds()


def save(recipe, seed, steps, folder):
    """The graph as it is, its stream or file, and the graph after some work."""
    root = graphs.build(recipe)
    before = graphs.describe(root), graphs.describe(root, set_order=False)
    try:
        stream, blobs, notes = _core._encode(root)
    except TypeError as refused:  # nothing can make such an object, pickle neither
        assert "it is part of what makes an object that is part of it" in str(refused)
        return None
    saved = stream, blobs
    if folder:
        chp = Checkpoint("graph", folder=folder, clean=True)
        chp["graph"] = root
        chp.save()
        saved, notes = folder, []
        chp.close()
        del chp
    came = graphs.work(root, seed, steps)
    return before, saved, notes, (came, graphs.describe(root))


def load(saved, seed, steps, ordered):
    if isinstance(saved, str):
        chp = Checkpoint("graph", folder=saved)
        notes = list(chp.restore().notes)
        root = chp["graph"]
    else:
        root, notes = _core._decode(*saved, mine=True)
    before = graphs.describe(root, ordered)
    after = (graphs.work(root, seed, steps), graphs.describe(root)) if ordered else None
    return before, notes, after


def main():
    source, to = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what anybody prints goes to stderr
    while head := source.read(8):
        function, arguments = pickle.loads(source.read(struct.unpack("<q", head)[0]))
        try:
            answer = True, {"save": save, "load": load}[function](*arguments)
        except Exception:
            answer = False, traceback.format_exc()
        data = pickle.dumps(answer)
        to.write(struct.pack("<q", len(data)) + data)
        to.flush()


main()
