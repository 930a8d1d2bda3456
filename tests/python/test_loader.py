"""chp.loop over loaders: objects with a state_dict(), and torch's DataLoader."""
import random
import warnings

import pytest
from resume import Checkpoint


class Cut(Exception):
    """The program is killed here."""


CUT = []


class Loader:
    """Shuffles for each epoch, and tells where it is."""

    def __init__(self, count, rng):
        self.count, self.rng, self.order, self.place = count, rng, None, 0
        self.loaded = None

    def __iter__(self):
        if self.loaded and self.loaded[0] and self.loaded[1] < self.count:
            self.order, self.place = self.loaded
        else:
            self.order, self.place = self.rng.sample(range(self.count), self.count), 0
        self.loaded = None
        while self.place < self.count:
            self.place += 1
            yield self.order[self.place - 1]

    def state_dict(self):
        return {"order": self.order, "place": self.place, "rng": self.rng.getstate()}

    def load_state_dict(self, state):
        self.loaded = state["order"], state["place"]
        self.rng.setstate(state["rng"])


def pieces(function, cuts):
    """The result of a function that is cut off after each of these numbers of items."""
    for cut in (*cuts, None):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            try:
                return function(cut)
            except Cut:
                pass
    raise AssertionError("cut off for good")


def run(make, epochs=3, inner=0):
    """A training loop that is cut off when that many things were seen."""
    def train():
        chp = Checkpoint(rate=0)
        loader, seen = make(), []
        chp.restore()
        for epoch in chp.loop(range(epochs)):
            for item in chp.loop(loader):
                for part in chp.loop(range(inner)):
                    seen.append((epoch, "part", part, item))
                    chp.sync()
                    if len(seen) in CUT:
                        raise Cut
                seen.append((epoch, item, random.random()))
                chp.sync()
                if len(seen) in CUT:
                    raise Cut
        return seen

    def call(cut):
        CUT[:] = [cut]
        return train()
    return call


def compare(make, tmp_path, monkeypatch, **how):
    results = []
    for name, cuts in (("whole", ()), ("pieces", (3, 4, 9, 17, 18))):
        folder = tmp_path / name
        folder.mkdir()
        monkeypatch.chdir(folder)
        random.seed(5)
        results.append(pieces(run(make, **how), cuts))
    assert results[0] == results[1]
    return results[0]


@pytest.mark.parametrize("inner", [0, 2])
def test_loader__with_a_state_dict(tmp_path, monkeypatch, inner):
    seen = compare(lambda: Loader(5, random.Random(7)), tmp_path, monkeypatch, inner=inner)
    items = [item[1] for item in seen if item[1] != "part"]
    assert len(items) == 15 and sorted(items[:5]) == list(range(5))


TORCH = """
    import os, random, sys
    import numpy as np
    import torch
    from torch.utils.data import DataLoader, Dataset
    from resume import Checkpoint

    class Numbers(Dataset):
        def __init__(self):
            self.fetched = 0
            self.noise = np.random.default_rng(3)

        def __len__(self):
            return 14

        def __getitem__(self, index):
            self.fetched += 1
            return index + torch.rand(()).item() + random.random() + self.noise.random()

    def main(workers, own, inner):
        torch.manual_seed(1)
        random.seed(2)
        chp = Checkpoint(rate=0, skip=["loader", "data"])
        data = Numbers()
        generator = torch.Generator().manual_seed(9) if own else None
        loader = DataLoader(data, 3, shuffle=True, num_workers=workers, generator=generator)
        seen = []
        chp.restore()
        for epoch in chp.loop(range(2)):
            for batch in chp.loop(loader):
                for part in chp.loop(range(inner)):
                    seen.append([epoch, part])
                    chp.sync()
                    if os.environ.get("KILL") == str(len(seen)): os.kill(os.getpid(), 9)
                seen.append(batch.tolist() + [torch.rand(()).item(), random.random()])
                chp.sync()
                if os.environ.get("KILL") == str(len(seen)): os.kill(os.getpid(), 9)
        print(seen)
        print("fetched", data.fetched, file=sys.stderr)

    if __name__ == "__main__":
        main(*map(int, sys.argv[1:]))
"""


@pytest.mark.parametrize("workers, own, inner, kills", [
    (0, 1, 0, (4,)), (0, 0, 2, (5, 13)), (2, 0, 0, (3,)),
])
def test_loader__of_torch(program, tmp_path, workers, own, inner, kills):
    pytest.importorskip("torch")
    whole = program(TORCH, workers, own, inner, folder=tmp_path / "whole").run().check()
    part = program(TORCH, workers, own, inner, folder=tmp_path / "pieces")
    for kill in kills:
        assert part.run(KILL=str(kill)).killed
    last = part.run().check()
    assert last.out == whole.out and len(whole.out) > 300
    assert "Warning" not in last.err, last.err
    if (workers, own, inner) == (0, 1, 0):
        # what was handed out before is not fetched again
        fetched = [int(ran.err.split()[-1]) for ran in (whole, last)]
        assert fetched[0] == 28 and fetched[1] == 28 - 3 * 3
