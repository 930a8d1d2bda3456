"""Metropolis sampling at module level: the random module, dataclasses, closures, f-strings."""
import dataclasses
import math
import random
import statistics


@dataclasses.dataclass(order=True)
class State:
    energy: float
    place: tuple = dataclasses.field(compare=False)


def density(center, width):
    def energy(place):
        return sum((x - c) ** 2 for x, c in zip(place, center)) / (2 * width ** 2)
    return energy


random.seed(2024)
energy = density((1.0, -2.0, 0.5), 0.7)
state = best = State(energy((0, 0, 0)), (0, 0, 0))
chain, accepted = [], 0
for step in range(30000):
    place = tuple(x + random.gauss(0, 0.5) for x in state.place)
    new = State(energy(place), place)
    if new < state or random.random() < math.exp(state.energy - new.energy):
        state, accepted = new, accepted + 1
    best = min(best, state)
    chain.append(state.place)
    if step % 5000 == 0:
        print(step, state, sep="\t")
for axis in range(3):
    values = [place[axis] for place in chain[2000:]]
    print(f"{statistics.fmean(values):.9f} +- {statistics.stdev(values):.9f}")
print(accepted / len(chain), best)
