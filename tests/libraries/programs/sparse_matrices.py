"""scipy.sparse: a matrix of each format, changed in each step."""
import sys

import numpy
from resume import Checkpoint
from scipy import sparse


def walk(steps):
    chp = Checkpoint("sparse", rate=0.005)
    rng = numpy.random.default_rng(9)
    links = sparse.random(60, 60, 0.05, format="csr", random_state=1)
    table, places = sparse.lil_matrix((60, 60)), sparse.dok_array((60, 60))
    blocks = sparse.bsr_array(numpy.kron(numpy.eye(3), numpy.ones((2, 2))))
    x = numpy.ones(60)
    chp.restore()
    for _ in chp.loop(range(steps)):
        row, column = (int(v) for v in rng.integers(60, size=2))
        table[row, column] += 1
        places[row, column] = rng.normal()
        links = (links + table.tocsr() * 0.01).tocsr()
        blocks = blocks * 1.01
        x = links @ x
        x /= numpy.linalg.norm(x)
        chp.sync()
    return links, table, places, blocks, x


links, table, places, blocks, x = walk(int(sys.argv[1]))
print(links.data.tolist(), links.indices.tolist(), x.tolist())
print(table.rows.tolist(), list(places.items()), blocks.data.tolist(), type(places), type(table))
