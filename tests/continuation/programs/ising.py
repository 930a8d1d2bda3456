"""A lattice of spins: numpy, a Generator, a class, a generator function, a table at the end."""
import numpy as np


class Lattice:
    def __init__(self, size, seed):
        self.random = np.random.default_rng(seed)
        self.spins = self.random.choice([-1, 1], size=(size, size))

    def sweep(self, beta):
        n = len(self.spins)
        for row, column in self.random.integers(0, n, size=(n * n, 2)):
            around = (self.spins[row - 1, column] + self.spins[(row + 1) % n, column]
                      + self.spins[row, column - 1] + self.spins[row, (column + 1) % n])
            cost = 2 * self.spins[row, column] * around
            if cost <= 0 or self.random.random() < np.exp(-beta * cost):
                self.spins[row, column] *= -1
        return abs(self.spins.mean())


def temperatures():
    for step in range(8):
        yield 1.5 + step * 0.25


def main():
    lattice = Lattice(16, seed=42)
    table = {}
    for temperature in temperatures():
        table[temperature] = np.mean([lattice.sweep(1 / temperature) for _ in range(25)])
        print(f"T = {temperature:.2f}: {table[temperature]:.6f}")
    print(max(table, key=table.get), lattice.random.bit_generator.state["state"])


if __name__ == "__main__":
    main()
