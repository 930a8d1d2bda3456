"""The states that are saved: small, lists, records, instances, random and smooth arrays.

A state is a dict of variables; `change(round)` makes it another one of the same size, so that no
save finds what an earlier one has written.
"""
import numpy as np

PAGE = 4096


class Cell:
    """An instance as programs have them."""

    def __init__(self, number):
        self.number, self.weight, self.name = number, number / 3, f"cell {number}"
        self.tags = ["new", "odd" if number % 2 else "even"]

    def __eq__(self, other):
        return self.__dict__ == other.__dict__

    __hash__ = None


class State:
    letter = text = ""
    is_arrays = False

    def __init__(self, scale):
        self.rng = np.random.default_rng(5)
        self.variables = self.make(scale)

    def make(self, scale):
        raise NotImplementedError

    def change(self, number):
        raise NotImplementedError

    def arrays(self):
        return [value for value in self.variables.values() if isinstance(value, np.ndarray)]

    def same(self, other):
        """Is what was restored what was saved?"""
        for name, value in self.variables.items():
            equal = (np.array_equal(value, np.asarray(other[name])) if isinstance(value, np.ndarray)
                     else value == other[name])
            if not equal:
                return False
        return True


class Primes(State):
    letter, text = "S", "prime search: 5,000 ints"

    def make(self, scale):
        return {"primes": list(range(3, 10_003, 2)), "candidate": 10_003, "n": 7}

    def change(self, number):
        primes = self.variables["primes"]
        primes.append(primes[-1] + 2)
        self.variables["candidate"] += 2


class Lists(State):
    letter, text = "L", "lists of ints and of floats"

    def make(self, scale):
        count = max(1000, int(1_000_000 * scale))
        self.text = f"a list of {count:,} ints and one of floats"
        return {"ints": self.rng.integers(0, 10**9, count).tolist(),
                "floats": self.rng.random(count).tolist()}

    def change(self, number):
        self.variables["ints"] = [x + 1 for x in self.variables["ints"]]
        self.variables["floats"] = [x * 1.0000001 for x in self.variables["floats"]]


class Records(State):
    letter = "D"

    def make(self, scale):
        count = max(1000, int(100_000 * scale))
        self.text = f"{count:,} records (dicts)"
        return {"records": [{"id": i, "name": f"n{i}", "x": i / 7, "ok": True, "tags": ["a", "b"]}
                            for i in range(count)]}

    def change(self, number):
        for record in self.variables["records"]:
            record["x"] += 1.25


class Instances(State):
    letter = "G"

    def make(self, scale):
        count = max(1000, int(100_000 * scale))
        self.text = f"{count:,} instances"
        return {"cells": [Cell(i) for i in range(count)]}

    def change(self, number):
        for cell in self.variables["cells"]:
            cell.weight += 1.25


class Random(State):
    letter, is_arrays = "A", True

    def make(self, scale):
        size = max(1, int(256 * scale))
        self.text = f"{size} MiB of random floats, all new"
        return {"field": self.rng.random(size << 17)}

    def change(self, number):
        self.rng.random(out=self.variables["field"])


class Smooth(State):
    letter, is_arrays = "Z", True

    def make(self, scale):
        size = max(1, int(256 * scale))
        self.text = f"{size} MiB of a smooth field, all new"
        self.side = int((size << 17) ** 0.5)
        self.x = np.linspace(0, 12, self.side)
        self.variables = {"field": np.zeros((self.side, self.side))}
        self.change(0)
        return self.variables

    def change(self, number):
        np.multiply.outer(np.sin(self.x + number / 10), np.cos(self.x - number / 7),
                          out=self.variables["field"])


class Contiguous(Random):
    letter = "I1"

    def make(self, scale):
        variables = super().make(scale)
        self.text = self.text.replace("all new", "1 % new, in one piece")
        return variables

    def change(self, number):
        field = self.variables["field"]
        size = len(field) // 100
        start = int(self.rng.integers(0, len(field) - size))
        field[start:start + size] = self.rng.random(size)
        self.dirty = size * 8


class Scattered(Random):
    letter = "I2"

    def make(self, scale):
        variables = super().make(scale)
        self.text = self.text.replace("all new", "1 % of its pages new")
        return variables

    def change(self, number):
        pages = self.variables["field"].reshape(-1, PAGE // 8)
        chosen = self.rng.choice(len(pages), len(pages) // 100, replace=False)
        pages[chosen, 3] = self.rng.random(len(chosen))
        self.dirty = len(chosen) * PAGE


ALL = [Primes, Lists, Records, Instances, Random, Smooth, Contiguous, Scattered]
