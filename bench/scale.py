"""How cost grows: with the size of an array, objects, variables, checkpoints in a folder."""
import math
import pathlib
import tempfile

import measure
import numpy as np
import peers
import resume

ROUNDS = 3


def slope(points, key):
    """Exponent of the growth over the last decade (1: linear)."""
    last = points[-1]
    first = next(point for point in points if point["n"] * 10 >= last["n"])
    if first is last:
        return None
    return (math.log(last[key]["median"] / first[key]["median"])
            / math.log(last["n"] / first["n"]))


def saved_and_loaded(variables, folder, change):
    """Seconds of a durable save and of a load."""
    ours = peers.Resume(folder, variables)
    values = measure.interleave(
        {"save": lambda: measure.timed(ours.tell, "save"),
         "load": lambda: measure.timed(ours.load)}, ROUNDS, lambda number: change(variables))
    ours.close()
    return {name: measure.spread(times) for name, times in values.items()}


def renew(variables):
    variables["field"] += 1.0000001


def sizes(largest, folder):
    rng = np.random.default_rng(9)
    for power in range(10, largest + 1, 2):
        variables = {"field": rng.random(1 << (power - 3))}
        yield 1 << power, saved_and_loaded(variables, folder / str(power), renew)


def objects(largest, folder):
    def change(variables):
        variables["records"][0]["x"] += 1

    for power in range(1, largest + 1):
        variables = {"records": [{"id": i, "x": i / 2, "name": f"n{i}"} for i in range(10**power)]}
        yield 10**power, saved_and_loaded(variables, folder / str(power), change)


def variables(largest, folder):
    def change(named):
        named["v0"] += 1

    for power in range(0, largest + 1):
        named = {f"v{i}": i * 7 for i in range(10**power)}
        yield 10**power, saved_and_loaded(named, folder / str(power), change)


def checkpoints(largest, folder):
    made, first = 0, folder / "all"
    for power in range(0, largest + 1):
        while made < 10**power:
            chp = resume.Checkpoint(f"c{made}", folder=first, rate="never", only="made")
            chp.save()
            chp.close()
            made += 1
        opened = []

        def open_one():
            opened.append(resume.Checkpoint("c0", folder=first, rate="never", only="made"))
            opened.pop().close()

        def make_one():
            name = f"c{power}.{len(more)}"
            more.append(name)
            with resume.Checkpoint(name, folder=first, rate="never", only="made") as chp:
                chp.save()

        more = []
        yield 10**power, {name: measure.spread(times) for name, times in measure.interleave(
            {"list": lambda: measure.timed(lambda: resume.list(first)),
             "make": lambda: measure.timed(make_one),
             "open": lambda: measure.timed(open_one)}, ROUNDS).items()}


QUESTIONS = {"sizes": (sizes, "bytes of an array", (26, 33)),
             "objects": (objects, "records in a list", (4, 7)),
             "variables": (variables, "values in a dict", (4, 5)),
             "checkpoints": (checkpoints, "checkpoints in a folder", (2, 4))}


def measured(quick, folder):
    """{question: {axis, points: [{n, save, load}], slopes}}"""
    found = {}
    for name, (work, axis, largest) in QUESTIONS.items():
        with tempfile.TemporaryDirectory(dir=folder) as place:
            points = [{"n": n, **times}
                      for n, times in work(largest[0 if quick else 1], pathlib.Path(place))]
        keys = [key for key in points[0] if key != "n"]
        found[name] = {"axis": axis, "points": points,
                       "slopes": {key: slope(points, key) for key in keys}}
    return found
