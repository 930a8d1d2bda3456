"""scipy's minimisers: frames of Python in C in Python. They save where they can."""
import numpy as np
from scipy.optimize import differential_evolution, minimize, rosen

calls = 0


def cost(x):
    global calls
    calls += 1
    total = 0.0
    for a, b in zip(x, x[1:]):
        total += 100 * (b - a * a) ** 2 + (1 - a) ** 2
    return total


result = differential_evolution(cost, [(-2, 2)] * 4, seed=4, maxiter=60, polish=False)
print(result.x.round(12), result.nfev, calls)
for method in ("Nelder-Mead", "Powell", "BFGS"):
    found = minimize(cost, np.linspace(-1, 1, 5), method=method)
    print(method, found.nfev, f"{found.fun:.12e}", f"{rosen(found.x):.12e}")
print(calls)
