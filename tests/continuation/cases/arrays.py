"""numpy in frames: arrays, views, generators, iterators over arrays."""
import numpy

from resume import sync as save

from . import case


@case
def heat():
    field = numpy.zeros(64)
    field[32] = 1.0
    left, right = field[:-2], field[2:]
    for step in range(6):
        field[1:-1] += 0.1 * (left - 2 * field[1:-1] + right)
        save()
    return field.tolist(), numpy.shares_memory(left, field)


@case
def walk():
    rng = numpy.random.default_rng(3)
    numpy.random.seed(7)
    position = numpy.zeros(3)
    for step in range(5):
        position += rng.normal(size=3)
        save()
        position += numpy.random.rand(3)
    return position.tolist()


@case
def rows():
    matrix = numpy.arange(6).reshape(3, 2)
    out = []
    for row in matrix.tolist():
        save()
        out.append(row)
    for i, row in enumerate(matrix):
        save()
        matrix[i] += 1
        out.append(int(row.sum()))
    return out


@case
def array_on_the_stack():
    def grown(a):
        save()
        return a * 2
    a = numpy.arange(3)
    return (a + grown(a) + (a := a + 1) + grown(a)).tolist()
