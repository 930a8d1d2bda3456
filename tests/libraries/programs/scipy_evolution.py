"""scipy: differential evolution, the solver itself as a local."""
import sys

import numpy
from resume import Checkpoint
from scipy.optimize import rosen
from scipy.optimize._differentialevolution import DifferentialEvolutionSolver


def minimise(steps):
    chp = Checkpoint("evolution", rate=0.005)
    generator = numpy.random.default_rng(7)
    solver = DifferentialEvolutionSolver(rosen, [(-5, 5)] * 6, rng=generator, popsize=12)
    energies = []
    chp.restore()
    for _ in chp.loop(range(steps)):
        x, energy = next(solver)
        energies.append((x.tolist(), float(energy)))
        chp.sync()
    return solver, energies, generator


solver, energies, generator = minimise(int(sys.argv[1]))
print(energies)
print(solver.population.tolist(), solver._nfev, generator.random())
