"""DEAP: genetic programming; trees of primitives, terminals and random constants."""
import math
import operator
import random
import sys

from deap import algorithms, base, creator, gp, tools
from resume import Checkpoint


def divide(left, right):
    return left / right if right else 1.0


def constant():
    return random.randint(-1, 1)


primitives = gp.PrimitiveSet("MAIN", 1)
for function, arity in ((operator.add, 2), (operator.sub, 2), (operator.mul, 2), (divide, 2),
                        (operator.neg, 1), (math.cos, 1)):
    primitives.addPrimitive(function, arity)
primitives.addEphemeralConstant("constant", constant)
primitives.renameArguments(ARG0="x")
creator.create("Fitness", base.Fitness, weights=(-1.0,))
creator.create("Individual", gp.PrimitiveTree, fitness=creator.Fitness)
POINTS = [x / 10 for x in range(-10, 10)]


def evaluate(individual):
    function = gp.compile(individual, primitives)
    return math.fsum((function(x) - x**4 - x**3 - x**2 - x)**2 for x in POINTS),


def evolve(generations):
    chp = Checkpoint("symbolic", rate=0.005)
    random.seed(318)
    toolbox = base.Toolbox()
    toolbox.register("expression", gp.genHalfAndHalf, pset=primitives, min_=1, max_=2)
    toolbox.register("individual", tools.initIterate, creator.Individual, toolbox.expression)
    toolbox.register("population", tools.initRepeat, list, toolbox.individual)
    toolbox.register("evaluate", evaluate)
    toolbox.register("select", tools.selTournament, tournsize=3)
    toolbox.register("mate", gp.cxOnePoint)
    toolbox.register("full", gp.genFull, min_=0, max_=2)
    toolbox.register("mutate", gp.mutUniform, expr=toolbox.full, pset=primitives)
    limit = gp.staticLimit(key=operator.attrgetter("height"), max_value=10)
    toolbox.decorate("mate", limit)
    toolbox.decorate("mutate", limit)
    population = toolbox.population(n=60)
    best = tools.HallOfFame(1)
    for individual in population:
        individual.fitness.values = toolbox.evaluate(individual)
    chp.restore()
    for _ in chp.loop(range(generations)):
        children = algorithms.varAnd(toolbox.select(population, len(population)), toolbox, 0.5, 0.2)
        for child in children:
            if not child.fitness.valid:
                child.fitness.values = toolbox.evaluate(child)
        best.update(children)
        population[:] = children
        chp.sync()
    return population, best


population, best = evolve(int(sys.argv[1]))
for individual in population:
    print(individual, individual.fitness)
print(best[0], best[0].fitness)
