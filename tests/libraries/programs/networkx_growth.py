"""networkx: a graph that grows, with attributes; the order of nodes and neighbours counts."""
import random
import sys

import networkx
from resume import Checkpoint


def grow(steps):
    chp = Checkpoint("growth", rate=0.005)
    random.seed(3)
    graph = networkx.path_graph(4)
    directed = networkx.MultiDiGraph(name="links")
    view = graph.subgraph([0, 1])
    chp.restore()
    for step in chp.loop(range(4, 4 + steps)):
        graph.add_node(step, weight=random.random())
        for other in random.sample(list(graph)[:-1], 3):
            graph.add_edge(step, other, weight=random.random())
        if step % 7 == 0:
            graph.remove_node(random.choice(list(graph)[1:]))
        directed.add_edge(step % 5, random.randrange(9), tag={"step": step})
        chp.sync()
    return graph, directed, view


graph, directed, view = grow(int(sys.argv[1]))
print(list(graph.nodes(data=True)), list(graph.edges(data=True)))
print(list(directed.edges(keys=True, data=True)), directed.name, list(view), view.edges)
print(networkx.pagerank(graph))
