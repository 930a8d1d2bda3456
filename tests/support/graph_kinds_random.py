"""Graphs: random generators, also those of numpy."""
import random

from graphs import BY_TYPE, Kind, kind

try:
    import numpy as np
except ImportError:
    np = None


@kind
class Random(Kind):
    types = (random.Random,)
    weight = 1

    def make(self, rng, pick):
        value = random.Random(rng.randrange(99))
        value.gauss(0, 1)
        return value

    def facts(self, value):
        return repr(value.getstate())[-400:]

    def work(self, rng, value, pick):
        return value.random(), value.gauss(0, 1), value.randrange(10 ** 20)


def flat(state):
    if isinstance(state, dict):
        return [(name, flat(part)) for name, part in state.items()]
    return state.tolist() if hasattr(state, "tolist") else state


if np:
    BITS = [np.random.PCG64, np.random.PCG64DXSM, np.random.MT19937, np.random.Philox,
            np.random.SFC64]

    @kind
    class SeedSequence(Kind):
        types = (np.random.SeedSequence,)
        weight = 1

        def make(self, rng, pick):
            value = np.random.SeedSequence(rng.getrandbits(200), spawn_key=(1, 2))
            value.spawn(rng.randrange(3))
            return value

        def facts(self, value):
            return str(flat(value.state))

        def work(self, rng, value, pick):
            return flat(value.spawn(2)[1].state)

    @kind
    class BitGenerator(Kind):
        types = tuple(BITS)
        weight = 1

        def make(self, rng, pick):
            return rng.choice(BITS)(pick.of(np.random.SeedSequence) or rng.getrandbits(64))

        def facts(self, value):
            return str(flat(value.state))

        def parts(self, value):
            return (value.seed_seq,)

        def work(self, rng, value, pick):
            return value.random_raw()

    @kind
    class Generator(Kind):
        types = (np.random.Generator,)
        weight = 2

        def make(self, rng, pick):
            bits = pick.of(*BITS)
            return np.random.Generator(bits) if bits else np.random.default_rng(rng.randrange(99))

        def parts(self, value):
            return (value.bit_generator,)

        def work(self, rng, value, pick):
            return (value.random(), value.normal(), value.integers(99),
                    value.integers(9, dtype="u4"), value.spawn(1)[0].random(),
                    value.permutation(5).tolist())

    @kind
    class RandomState(Kind):
        types = (np.random.RandomState,)
        weight = 1

        def make(self, rng, pick):
            value = np.random.RandomState(rng.randrange(99))
            value.normal()
            return value

        def facts(self, value):
            return str(flat(value.get_state(legacy=False)))

        def work(self, rng, value, pick):
            return value.normal(), value.randint(99), value.random_sample()

assert BY_TYPE
