"""DEAP: sets as individuals, evolved with mu + lambda; hall of fame, statistics and logbook."""
import random
import sys

import numpy
from deap import algorithms, base, creator, tools
from resume import Checkpoint

ITEMS = 24
creator.create("Fitness", base.Fitness, weights=(-1.0, 1.0))
creator.create("Individual", set, fitness=creator.Fitness)


def crossover(first, second):
    kept = set(first)
    first &= second
    second ^= kept
    return first, second


def mutate(individual):
    if random.random() < 0.5:
        if individual:
            individual.remove(random.choice(sorted(individual)))
    else:
        individual.add(random.randrange(ITEMS) * 1021)
    return individual,


def evolve(generations):
    chp = Checkpoint("knapsack", rate=0.005)
    random.seed(64)
    items = {i * 1021: (random.randint(1, 10), random.uniform(0, 100)) for i in range(ITEMS)}

    def evaluate(individual):
        weight = sum(items[item][0] for item in individual)
        value = sum(items[item][1] for item in individual)
        return (10000, 0) if len(individual) > 18 or weight > 70 else (weight, value)

    toolbox = base.Toolbox()
    toolbox.register("item", lambda: random.randrange(ITEMS) * 1021)
    toolbox.register("individual", tools.initRepeat, creator.Individual, toolbox.item, 5)
    toolbox.register("population", tools.initRepeat, list, toolbox.individual)
    toolbox.register("evaluate", evaluate)
    toolbox.register("mate", crossover)
    toolbox.register("mutate", mutate)
    toolbox.register("select", tools.selNSGA2)
    population = toolbox.population(n=40)
    front = tools.ParetoFront()
    statistics = tools.Statistics(lambda individual: individual.fitness.values)
    statistics.register("mean", numpy.mean, axis=0)
    logbook = tools.Logbook()
    logbook.header = "generation", "mean"
    for individual in population:
        individual.fitness.values = toolbox.evaluate(individual)
    chp.restore()
    for generation in chp.loop(range(generations)):
        children = algorithms.varOr(population, toolbox, 60, 0.6, 0.3)
        for child in children:
            if not child.fitness.valid:
                child.fitness.values = toolbox.evaluate(child)
        front.update(children)
        population[:] = toolbox.select(population + children, 40)
        logbook.record(generation=generation, **statistics.compile(population))
        chp.sync()
    return population, front, logbook


population, front, logbook = evolve(int(sys.argv[1]))
for individual in population:
    print(list(individual), individual.fitness.values)
for individual in front:
    print(sorted(individual), individual.fitness)
print(logbook)
