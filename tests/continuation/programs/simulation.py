"""Events in a heap: processes are generators, events an ordered class, statistics in a Counter."""
import collections
import enum
import functools
import heapq
import random
from typing import NamedTuple


class Kind(enum.Enum):
    ARRIVE = "arrive"
    LEAVE = "leave"


@functools.total_ordering
class Event:
    def __init__(self, time, order, kind, process):
        self.time, self.order, self.kind, self.process = time, order, kind, process

    def __eq__(self, other):
        return (self.time, self.order) == (other.time, other.order)

    def __lt__(self, other):
        return (self.time, self.order) < (other.time, other.order)


class Wait(NamedTuple):
    kind: Kind
    seconds: float


class World:
    def __init__(self, seed):
        self.random = random.Random(seed)
        self.events, self.order, self.now = [], 0, 0.0
        self.seen = collections.Counter()
        self.busy = 0

    def plan(self, wait, process):
        self.order += 1
        heapq.heappush(self.events, Event(self.now + wait.seconds, self.order, wait.kind, process))

    def start(self, process):
        self.plan(next(process), process)

    def run(self, until):
        while self.events and self.now < until:
            event = heapq.heappop(self.events)
            self.now = event.time
            self.seen[event.kind] += 1
            try:
                self.plan(event.process.send(self.now), event.process)
            except StopIteration as end:
                self.seen["served"] += end.value


def customer(world, name):
    served = 0
    for visit in range(world.random.randint(1, 5)):
        now = yield Wait(Kind.ARRIVE, world.random.expovariate(0.1))
        world.busy += 1
        try:
            if world.busy > 40:
                continue
            yield Wait(Kind.LEAVE, world.random.uniform(1, 5) + now % 1)
            served += 1
        finally:
            world.busy -= 1
    return served


for seed in range(20):
    world = World(seed)
    for number in range(3000):
        world.start(customer(world, f"customer {number}"))
    world.run(10_000)
    print(f"{world.now:.9f}", sorted((str(kind), count) for kind, count in world.seen.items()))
