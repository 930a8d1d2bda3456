"""emcee: an ensemble sampler with its chain, its random state and its function."""
import sys

import emcee
import numpy
from resume import Checkpoint


class Line:
    def __init__(self, rng):
        self.x = numpy.sort(10 * rng.random(40))
        self.y = 1.5 * self.x + 2 + rng.normal(size=40)

    def __call__(self, theta):
        slope, offset, spread = theta
        if not -5 < spread < 5:
            return -numpy.inf
        residual = (self.y - slope * self.x - offset) * numpy.exp(-spread)
        return -0.5 * numpy.sum(residual**2) - self.x.size * spread


def sample(steps):
    chp = Checkpoint("line", rate=0.005)
    rng = numpy.random.default_rng(42)
    sampler = emcee.EnsembleSampler(16, 3, Line(rng))
    sampler.random_state = numpy.random.RandomState(3).get_state()
    state = emcee.State(numpy.array([1.5, 2, 0]) + 1e-3 * rng.normal(size=(16, 3)))
    chp.restore()
    for _ in chp.loop(range(steps)):
        state = sampler.run_mcmc(state, 1, skip_initial_state_check=True)
        chp.sync()
    return sampler, state


sampler, state = sample(int(sys.argv[1]))
chain = sampler.get_chain(flat=True)
print(chain.shape, chain.sum(axis=0).tolist(), chain[-1].tolist())
print(state.coords.tolist(), state.log_prob.tolist(), sampler.acceptance_fraction.tolist())
