"""Objects of libraries, saved half-way by one process and continued by another.

library_cases.py save FOLDER      saves each value, and beside it what it gives when it goes on
library_cases.py go_on FOLDER     restores each, goes on, and compares

Both print a line for each case; libraries that are not there are left out.
"""
import importlib.util
import pathlib
import sys

import numpy as np
from resume import Checkpoint

CASES = []


def case(*libraries):
    """The function gives a value, and a function that goes on with it and tells the result."""
    def add(make):
        CASES.append((make, libraries))
        return make
    return add


def data(rows=200):
    points = np.random.default_rng(0).random((rows, 5))
    return points, (points.sum(1) > 2.5).astype(int)


@case("pandas")
def frame():
    import pandas as pd
    value = pd.DataFrame({"a": np.arange(5), "b": list("abcde"),
                          "c": pd.date_range("2020", periods=5, tz="UTC"),
                          "d": pd.Categorical(list("xyxyx")),
                          "e": pd.array([1, None, 3, 4, 5], dtype="Int64"),
                          "f": pd.Series([None, "x", [1], 2.5, "y"], dtype=object)})
    value = value.set_index(["a", "b"])
    return value, lambda frame: (frame.reset_index().to_csv(), str(frame.dtypes), str(frame.index))


@case("pandas")
def large_frame():
    import pandas as pd
    value = pd.DataFrame(np.random.default_rng(0).random((20000, 4)))
    return [value, value[0]], lambda both: (both[0].sum().tolist(), both[1].cumsum().iloc[-1])


@case("scipy")
def sparse():
    import scipy.sparse
    value = [scipy.sparse.random(30, 30, .1, format=form, random_state=1)
             for form in ("csr", "csc", "coo", "lil", "dok", "bsr", "dia")]
    return value, lambda all: [(type(one).__name__, (one @ one.T).toarray().tobytes())
                               for one in all]


@case("scipy")
def functions_of_scipy():
    from scipy import interpolate, spatial, stats
    x = np.arange(10.)
    value = (interpolate.CubicSpline(x, x ** 2), stats.norm(1, 2), stats.gaussian_kde(x),
             spatial.cKDTree(np.random.default_rng(0).random((20, 2))))
    return value, lambda all: (float(all[0](2.5)), float(all[1].ppf(.3)), all[2](3.).tolist(),
                               int(all[3].query([.5, .5])[1]))


@case("sklearn")
def partial_fit():
    from sklearn.linear_model import SGDClassifier
    points, classes = data()
    value = SGDClassifier(random_state=3).partial_fit(points[:100], classes[:100], classes=[0, 1])

    def go_on(model):
        model.partial_fit(points[100:], classes[100:])
        return model.coef_.tobytes(), model.t_
    return value, go_on


@case("sklearn")
def warm_start():
    from sklearn.ensemble import GradientBoostingRegressor, RandomForestClassifier
    points, classes = data()
    value = (RandomForestClassifier(10, random_state=3).fit(points, classes),
             GradientBoostingRegressor(n_estimators=5, warm_start=True, random_state=1).fit(
                 points, classes))

    def go_on(models):
        models[1].set_params(n_estimators=10).fit(points, classes)
        return [model.predict(points).tobytes() for model in models]
    return value, go_on


@case("sklearn")
def pipeline():
    from sklearn.cluster import MiniBatchKMeans
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler
    points, _ = data()
    value = (make_pipeline(StandardScaler(), MiniBatchKMeans(3, random_state=1, n_init=1)).fit(
        points), OneHotEncoder().fit([["a"], ["b"]]))
    return value, lambda both: (both[0].predict(points).tobytes(),
                                both[1].transform([["b"]]).toarray().tobytes())


@case("networkx")
def graphs():
    import networkx as nx
    graph, path = nx.path_graph(34), nx.DiGraph()
    nx.add_path(path, range(10))
    many = nx.MultiGraph([(1, 2, {"weight": 3}), (1, 2)])
    part = graph.subgraph([1, 2, 3])
    return (graph, path, many, part), lambda all: (
        sorted(nx.betweenness_centrality(all[0]).items()), list(all[1].edges),
        list(all[2].edges(data=True)), sorted(all[3].edges), all[3]._graph is all[0])


@case("deap")
def population():
    from deap import base, creator, tools
    creator.create("Best", base.Fitness, weights=(1.0,))
    creator.create("Individual", list, fitness=creator.Best)
    creator.create("Group", set, fitness=creator.Best)
    creator.create("Vector", np.ndarray, fitness=creator.Best)
    one, group, vector = creator.Individual([1, 2]), creator.Group({1, 2, 3}), creator.Vector((3,))
    one.fitness.values, vector[:] = (3,), 1
    best = tools.HallOfFame(2)
    best.update([one])
    return [one, group, vector, best], lambda all: (
        list(all[0]), all[0].fitness.values, type(all[1]).__name__, list(all[1]), all[2].tolist(),
        type(all[2]).__name__, all[3][0].fitness.values)


@case("polars")
def polars_frame():
    import polars
    return polars.DataFrame({"a": [1, 2], "b": ["x", None]}), lambda frame: frame.write_csv()


@case("pyarrow")
def arrow_table():
    import pyarrow
    value = pyarrow.table({"a": [1, 2, None], "b": ["x", "y", "z"], "c": list(range(3))})
    return value, lambda table: table.to_pylist()


@case("sympy")
def expression():
    import sympy
    x = sympy.Symbol("x")
    return sympy.sin(x) ** 2 + 1, lambda value: str(value.diff(x))


@case("astropy")
def units():
    import astropy.table
    import astropy.units
    value = (astropy.table.Table({"a": [1, 2]}), np.arange(3) * astropy.units.s)
    return value, lambda both: (str(both[0]), str(both[1] * 2))


@case()
def numpy_objects():
    from numpy.polynomial import Polynomial
    inner = np.array([1, "x", None, [2]], dtype=object)
    outer = np.empty((2, 2), object)
    outer[0, 0] = inner
    value = (inner, outer, Polynomial([1, 2, 3]), np.vectorize(len), np.add, np.linalg.norm)
    return value, lambda all: (all[0].tolist(), all[1][0, 0] is all[0], all[2](2.),
                               all[3](["aa"]).tolist(), all[4] is np.add, all[5] is np.linalg.norm)


def main(what, folder):
    for make, libraries in CASES:
        if any(importlib.util.find_spec(library) is None for library in libraries):
            continue
        value, go_on = make()
        checkpoint = Checkpoint(make.__name__, folder=folder, strict=True, only=())
        result = pathlib.Path(folder, make.__name__ + ".result")
        if what == "save":
            checkpoint["value"] = value
            checkpoint.save()
            result.write_text(repr(go_on(value)))
            print("saved", make.__name__)
            continue
        checkpoint.restore()
        same = repr(go_on(checkpoint["value"])) == result.read_text()
        print("same" if same else "different", make.__name__)


if __name__ == "__main__":
    main(*sys.argv[1:])
