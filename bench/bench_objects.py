"""Encoding and decoding values against pickle protocol 5, in the same run, in memory.

The arms take turns; a figure is the best of the rounds in time of the processor, with the garbage
collector off for both. `x` is how often as fast as pickle; sizes without compression. Fails when
one is slower than pickle, either way, each time by more than noise is.
"""
import argparse
import dataclasses
import datetime
import decimal
import gc
import math
import pickle
import random
import sys
import time

import numpy as np
from resume import _core


ATTEMPTS, NOISE = 4, 0.9


class Plain:
    def __init__(self, number):
        self.x, self.y, self.name = number, number / 2, f"n{number}"


class Slots:
    __slots__ = ("x", "y")

    def __init__(self, number):
        self.x, self.y = number, number / 2


@dataclasses.dataclass
class Data:
    a: int
    b: float


def cases(count):
    """name, value"""
    rng, moment = random.Random(5), datetime.datetime(2026, 1, 1)
    yield "list of ints", [rng.randrange(10 ** 9) for _ in range(5 * count)]
    yield "list of floats", [rng.random() for _ in range(5 * count)]
    yield "list of all kinds", [x for i in range(count) for x in (i, i / 2, None)]
    yield "list of str", [f"item {i}" for i in range(count)]
    yield "list of pairs", [(i, i + 1) for i in range(count)]
    yield "list of lists", [[i, i + 1, i + 2] for i in range(count)]
    yield "dict, str to int", {f"key{i}": i for i in range(count)}
    yield "dict, int to float", {i * 7: i / 2 for i in range(count)}
    yield "dict, tuple to int", {(i, i + 1): i for i in range(count)}
    yield "records (dicts)", [{"id": i, "name": f"n{i}", "x": i / 2, "ok": True, "tags": ["a", "b"]}
                              for i in range(count)]
    yield "records (tuples)", [(i, i / 2, f"t{i}") for i in range(count)]
    yield "instances", [Plain(i) for i in range(count)]
    yield "instances with slots", [Slots(i) for i in range(count)]
    yield "dataclasses", [Data(i, i / 2) for i in range(count)]
    yield "set of ints", {rng.randrange(10 ** 9) for _ in range(count)}
    yield "datetimes", [moment + datetime.timedelta(seconds=i) for i in range(count)]
    yield "decimals", [decimal.Decimal(i) / 7 for i in range(count)]
    yield "scalars of numpy", [np.float64(i) for i in range(count)]
    yield "arrays of 5 numbers", [np.arange(5.0) for i in range(count // 5)]


def best(rounds, *arms):
    times = [math.inf] * len(arms)
    for _ in range(rounds):
        for number, arm in enumerate(arms):
            gc.collect()
            gc.disable()
            start = time.thread_time()
            arm()
            times[number] = min(times[number], time.thread_time() - start)
            gc.enable()
    return times


def compare(value, rounds):
    """How often as fast as pickle 5: (encode, decode), and how large against it."""
    data = pickle.dumps(value, 5)
    stream, blobs, _ = _core._encode(value)
    encode, dump, decode, load = best(
        rounds, lambda: _core._encode_size(value), lambda: pickle.dumps(value, 5),
        lambda: _core._decode(stream, blobs, mine=True), lambda: pickle.loads(data))
    return dump / encode, load / decode, (len(stream) + sum(map(len, blobs))) / len(data)


def measured(count, rounds):
    """{name: (encode, decode, size)}"""
    return {name: compare(value, rounds) for name, value in cases(count)}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    slower = []
    for name, value in cases(options.count):
        for attempt in range(ATTEMPTS):
            encode, decode, size = compare(value, options.rounds)
            print(f"{name:20}  encode {encode:5.2f} x  decode {decode:5.2f} x  size {size:.2f}",
                  flush=True)
            if min(encode, decode) >= NOISE:
                break
        else:
            slower.append(name)
    if slower:
        sys.exit("bench: slower than pickle: " + ", ".join(slower))


if __name__ == "__main__":
    main()
