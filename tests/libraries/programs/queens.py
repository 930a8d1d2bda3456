"""queens.py of the CPython examples: its class, unchanged; two queens are placed here."""
import importlib.util
import sys

from resume import Checkpoint

specification = importlib.util.spec_from_file_location("queens_example", sys.argv[1])
example = importlib.util.module_from_spec(specification)
sys.modules["queens_example"] = example
specification.loader.exec_module(example)


class Queens(example.Queens):
    def display(self):
        super().display()
        self.boards.append(self.y[:])


def search(size):
    chp = Checkpoint("queens", rate=0.005)
    queens = Queens(size)
    queens.silent, queens.boards = True, []
    chp.restore()
    for first, second in chp.loop([(i, j) for i in range(size) for j in range(size)]):
        queens.place(0, first)
        if queens.safe(1, second):
            queens.place(1, second)
            queens.solve(2)
            queens.remove(1, second)
        queens.remove(0, first)
        chp.sync()
    return queens


queens = search(int(sys.argv[2]))
print(queens.nfound, queens.boards, vars(queens).keys())
