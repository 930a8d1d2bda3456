"""DEAP: covariance matrix adaptation; the strategy is an object full of arrays."""
import sys

import numpy
from deap import base, benchmarks, cma, creator, tools
from resume import Checkpoint

creator.create("Fitness", base.Fitness, weights=(-1.0,))
creator.create("Individual", list, fitness=creator.Fitness)


def minimise(generations):
    chp = Checkpoint("cma", rate=0.005)
    numpy.random.seed(128)
    strategy = cma.Strategy(centroid=[5.0] * 8, sigma=5.0, lambda_=40)
    toolbox = base.Toolbox()
    toolbox.register("evaluate", benchmarks.rastrigin)
    toolbox.register("generate", strategy.generate, creator.Individual)
    toolbox.register("update", strategy.update)
    best = tools.HallOfFame(1)
    chp.restore()
    for _ in chp.loop(range(generations)):
        population = toolbox.generate()
        for individual in population:
            individual.fitness.values = toolbox.evaluate(individual)
        best.update(population)
        toolbox.update(population)
        chp.sync()
    return strategy, best


strategy, best = minimise(int(sys.argv[1]))
print(strategy.centroid.tolist(), strategy.sigma, strategy.C.tolist())
print(best[0], best[0].fitness)
