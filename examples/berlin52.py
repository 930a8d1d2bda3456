"""A short tour through 52 places in Berlin, by simulated annealing (TSPLIB's berlin52).

The shortest tour has length 7542. Kill it at any moment and run it again: it goes on, random
numbers included, and prints what an uninterrupted run prints.

    python examples/berlin52.py 1000
"""

import math
import pathlib
import sys

import numpy as np
from resume import Checkpoint

MOVES = 5000  # tried in each sweep


def read_tsplib(path):
    rows = (line.split() for line in path.read_text().splitlines() if line[:1].isdigit())
    return [(float(x), float(y)) for _, x, y in rows]


def distances(places):
    return [[int(math.hypot(a - c, b - d) + 0.5) for c, d in places] for a, b in places]


def anneal(sweeps):
    chp = Checkpoint(rate=0.1)  # seconds between two saves; 30 when not given
    far = distances(read_tsplib(pathlib.Path(__file__).with_name("berlin52.tsp")))
    rng = np.random.default_rng(52)
    tour = rng.permutation(len(far)).tolist()
    length = sum(far[a][b] for a, b in zip(tour, tour[1:] + tour[:1]))
    shortest = length
    chp.restore()  # tour, lengths and the generator go on where they were saved
    for sweep in chp.loop(range(sweeps)):  # and so does this loop
        temperature = 200 * 0.005 ** (sweep / sweeps)
        cuts = np.sort(rng.integers(0, len(tour), (MOVES, 2))).tolist()
        for (i, j), luck in zip(cuts, rng.exponential(temperature, MOVES).tolist()):
            a, b, c, d = tour[i - 1], tour[i], tour[j], tour[(j + 1) % len(tour)]
            longer = far[a][c] + far[b][d] - far[a][b] - far[c][d]
            if longer < luck and a != c:
                tour[i : j + 1] = reversed(tour[i : j + 1])
                length += longer
        shortest = min(shortest, length)
        chp.sync()
    return tour, length, shortest


if __name__ == "__main__":
    tour, length, shortest = anneal(int(sys.argv[1]) if len(sys.argv) > 1 else 1000)
    print("tour", *(place + 1 for place in tour))
    print(f"length {length}, shortest seen {shortest}, the optimum is 7542")
