"""Programs with chp.loop, killed with SIGKILL at every step in turn and run again until they end.

Each program collects what it has done in a local list and prints it at its end: the same text as
an uninterrupted run means that each item was run exactly once. Each sync() is durable on return:
else a run that is killed a moment behind its first one would never get further. A kill shows what
a crash of the process leaves behind, not what a power cut does.
"""
import textwrap

import pytest

HEADER = """
import collections, os, signal, sys
from resume import Checkpoint

def step(count=[0]):
    "Ends the process at its step number STOP_AT."
    count[0] += 1
    if count[0] == int(os.environ.get("STOP_AT", "0")):
        os.kill(os.getpid(), signal.SIGKILL)

"""

PROGRAMS = {
    "one": """
        def main():
            chp = Checkpoint(rate=0, background=False)
            done = []
            chp.restore()
            for i in chp.loop(range(9)):
                step()
                done.append(i)
                chp.sync()
            return done
    """,
    "explicit_save": """
        def main():
            chp = Checkpoint()
            done = []
            chp.restore()
            for i in chp.loop(list("abcdef")):
                step()
                done.append(i)
                chp.save()
            return done
    """,
    "nested": """
        def main():
            chp = Checkpoint(rate=0, background=False)
            done = []
            chp.restore()
            for i in chp.loop(range(4)):
                for j in chp.loop([5, 6, 7]):
                    step()
                    done.append((i, j))
                    chp.sync()
                done.append(i)
            return done
    """,
    "nested_saves_in_both": """
        def main():
            chp = Checkpoint(rate=0, background=False)
            done = []
            chp.restore()
            for i in chp.loop("abc"):
                for j in chp.loop((1, 2)):
                    for k in chp.loop(range(2)):
                        step()
                        done.append((i, j, k))
                        chp.sync()
                    step()
                    done.append((i, j))
                    chp.sync()
                done.append(i)
                step()
                chp.save()
            return done
    """,
    "break_continue_else": """
        def main():
            chp = Checkpoint(rate=0, background=False)
            done = []
            chp.restore()
            for i in chp.loop(range(7)):
                for j in chp.loop("abcde"):
                    step()
                    if j == "d" and i % 2:
                        break
                    if i == 3 or j == "b":
                        continue
                    done.append((i, j))
                    chp.sync()
                else:
                    done.append(("else", i))
                chp.sync()
                if i == 5:
                    break
            else:
                done.append("not reached")
            return done
    """,
    "dictionary": """
        def main():
            chp = Checkpoint(rate=0, background=False)
            table = {word: len(word) for word in "one three five seven eleven".split()}
            total, done = 0, []
            chp.restore()
            for key, value in chp.loop(table.items()):
                step()
                table[key] = value * 10
                total += value
                chp.sync()
            for key in chp.loop(table):
                step()
                done.append(key)
                chp.sync()
            for value in chp.loop(reversed(table.values())):
                step()
                done.append(value)
                chp.sync()
            return total, done, table
    """,
    "enumerate_zip": """
        def main():
            chp = Checkpoint(rate=0, background=False)
            left, right, done = [1.5, 2.5, 3.5, 4.5], "wxyz", []
            chp.restore()
            for i, (a, b) in chp.loop(enumerate(zip(left, right), 5)):
                for c, d in zip(chp.loop(range(3)), chp.loop(reversed((7, 8, 9)))):
                    step()
                    done.append((i, a, b, c, d))
                    chp.sync()
            for a in iter(chp.loop(left)):
                step()
                done.append(a)
                chp.sync()
            return done
    """,
    "list_that_grows": """
        def main():
            chp = Checkpoint(rate=0, background=False)
            work, done = [12], []
            chp.restore()
            for n in chp.loop(work):
                step()
                done.append(n)
                if n > 1:
                    work += [n // 2, n // 3]
                chp.sync()
            return done, work
    """,
    "while_around": """
        def main():
            chp = Checkpoint(rate=0, background=False)
            generation, done = 0, []
            chp.restore()
            while generation < 4:
                if generation % 2 == 0:
                    for i in chp.loop(range(2)):
                        step()
                        done.append((generation, i))
                        chp.sync()
                for j in chp.loop("ab"):
                    step()
                    done.append((generation, j))
                    chp.sync()
                generation += 1
                step()
                chp.sync()
            return done
    """,
    "plain_for_inside": """
        def main():
            chp = Checkpoint(rate=0, background=False)
            done = []
            chp.restore()
            for i in chp.loop(range(5)):
                part = 0
                for j in range(3):
                    step()
                    part += j * i
                    chp.sync()  # waits for the next i
                done.append(part)
            return done
    """,
    "exceptions": """
        def main():
            chp = Checkpoint(rate=0, background=False)
            done = []
            chp.restore()
            for i in chp.loop(range(6)):
                step()
                try:
                    if i % 2:
                        raise ValueError(i)
                    done.append(i)
                except ValueError as error:
                    done.append(str(error))
                    chp.sync()
                    continue
                finally:
                    chp.sync()
            return done
    """,
    "in_a_helper": """
        def sweep(chp, done, name):
            for i in chp.loop(range(3)):
                step()
                done.append((name, i))
                chp.sync()

        def main():
            chp = Checkpoint(rate=0, background=False)
            done, turn = [], 0
            chp.restore()
            sweep(chp, done, "before")
            while turn < 3:
                sweep(chp, done, turn)
                turn += 1
                step()
                chp.sync()
            return done
    """,
    "method_and_deep_sync": """
        class Model:
            def __init__(self):
                self.chp = None

            def relax(self, cell, done):
                step()
                done.append(cell)
                self.chp.sync()

            def run(self):
                self.chp = chp = Checkpoint("model", rate=0, background=False)
                done = []
                chp.restore()
                for row in chp.loop(range(3)):
                    for column in chp.loop(range(3)):
                        self.relax((row, column), done)
                return done

        def main():
            return Model().run()
    """,
    "generator": """
        def walk():
            chp = Checkpoint(rate=0, background=False)
            done = []
            chp.restore()
            for i in chp.loop(range(6)):
                step()
                done.append(i)
                yield i
                chp.sync()
            done.append("end")
            yield done

        def main():
            return list(walk())[-1]
    """,
    "loop_kept_in_a_variable": """
        def main():
            chp = Checkpoint(rate=0, background=False)
            done = []
            chp.restore()
            rows = chp.loop(range(5))
            for i in rows:
                step()
                done.append(i)
                chp.sync()
            return done
    """,
    "changed_in_place": """
        def main():
            chp = Checkpoint(rate=0, background=False)
            grid = [[0] * 3 for _ in range(3)]
            turns = collections.Counter()
            seen = {}
            chp.restore()
            for i, row in chp.loop(enumerate(grid)):
                for j in chp.loop(range(3)):
                    step()
                    row[j] += 10 * i + j
                    seen[i, j] = seen.get((i, j), 0) + 1
                    chp.sync()
            return grid, seen
    """,
    "arrays": """
        import numpy
        def main():
            chp = Checkpoint(rate=0, background=False)
            data = numpy.arange(12.0).reshape(4, 3)
            rng = numpy.random.default_rng(5)
            done = []
            chp.restore()
            for row in chp.loop(data):
                step()
                row += rng.random(3)
                done.append(float(row.sum()))
                chp.sync()
            return done, data.tolist(), rng.random()
    """,
    "module_level": """
        chp = Checkpoint(rate=0, background=False)
        done = []
        chp.restore()
        for i in chp.loop(range(4)):
            for j in chp.loop("xy"):
                step()
                done.append((i, j))
                chp.sync()
        def main():
            return done
    """,
}


# The first step to be killed at: so late that each run gets at least one save further.
FIRST_STEP = {"break_continue_else": 8, "plain_for_inside": 5}


def source_of(name):
    return (HEADER + textwrap.dedent(PROGRAMS[name])
            + 'if __name__ == "__main__":\n    print(main())\n')


def run_until_it_ends(program, step):
    """Kills each run at its step number `step`. (output, number of kills)."""
    for kills in range(400):
        ran = program.run(STOP_AT=step, PYTHONHASHSEED=kills % 3)
        if not ran.killed:
            return ran.check().out, kills
    raise AssertionError(f"no end after 400 runs with a kill at step {step}")


@pytest.mark.parametrize("name", sorted(PROGRAMS))
def test_loops__killed_at_each_step(name, tmp_path, program, amount):
    if name == "arrays":
        pytest.importorskip("numpy")
    source = source_of(name)
    reference = program(source, folder=tmp_path / "whole").run().check()
    kills = 0
    first = FIRST_STEP.get(name, 2)
    for step in range(first, first + amount(24, 3, 1)):
        victim = program(source, folder=tmp_path / f"step{step}")
        out, hit = run_until_it_ends(victim, step)
        assert out == reference.out, f"killed at every step {step} of a run, {hit} times"
        kills += hit
    assert kills > 0
