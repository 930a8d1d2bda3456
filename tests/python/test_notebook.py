"""Notebooks in a real kernel: names, cells that are run again, kernels that are killed."""
import pathlib
import re
import shutil
import subprocess
import sys

import pytest

pytest.importorskip("nbclient")
pytest.importorskip("ipykernel")
from notebook import Notebook, Session, environment_for_kernels  # noqa: E402

import resume  # noqa: E402


@pytest.fixture
def session(tmp_path):
    """session(**environment): a new kernel in the test's folder; closed at the end of the test."""
    started = []

    def start(**variables):
        started.append(Session(tmp_path, **variables))
        return started[-1]
    yield start
    for one in started:
        one.close()


def names(folder):
    return sorted(entry.name for entry in resume.list(folder / ".checkpoints"))


def entry(folder, name):
    return next(one for one in resume.list(folder / ".checkpoints") if one.name == name)


IN_A_FUNCTION = ("import random, time\nimport resume", """
    def walk(steps, seed):
        chp = resume.Checkpoint(rate=0)
        random.seed(seed)
        place, path = 0, []
        chp.restore()
        for step in chp.loop(range(steps)):
            place += random.choice([-1, 1])
            path.append((step, place))
            time.sleep(0.002)
            chp.sync()
        chp.save()
        return hash(tuple(path)), place
    """, "walk(250, 7)")

IN_CELLS = ("""
    import random, time
    from resume import Checkpoint
    random.seed(3)
    """, """
    walk = Checkpoint(rate=0)
    place, path = 0, []
    walk.restore()
    for step in walk.loop(range(150)):
        place += random.choice([-1, 1])
        path.append((step, place))
        time.sleep(0.002)
        walk.sync()
    for back in walk.loop(range(50)):
        path.append((back, path[back][1]))
        time.sleep(0.002)
        walk.sync()
    """, """
    sums = Checkpoint(rate=0)
    i = total = 0
    sums.restore()
    while i < 150:
        total = (total * 31 + path[i % len(path)][1] + random.randrange(9)) % 1000003
        i += 1
        time.sleep(0.002)
        sums.sync()
    sums.save()
    """, "hash(tuple(path)), place, total, len(path)")


@pytest.mark.random
@pytest.mark.parametrize("cells", [IN_A_FUNCTION, IN_CELLS], ids=["function", "cells"])
def test_a_killed_kernel_loses_nothing(tmp_path, amount, rng, cells):
    whole = Notebook(tmp_path / "whole", *cells)
    whole.folder.mkdir()
    expected = whole.run()
    assert re.fullmatch(r"\(-?\d+, .*\)\n", expected[-1]), expected
    wanted, kills, round_ = amount(2, 1), 0, 0
    while kills < wanted:
        round_ += 1
        killed = Notebook(tmp_path / f"round-{round_}", *cells)
        killed.folder.mkdir()
        outputs = None
        while outputs is None:
            after = rng.uniform(0, whole.seconds) if kills < wanted else None
            outputs = killed.run(kill_after=after)
            kills += outputs is None
        assert outputs == expected
        assert kills or round_ < 50


def test_names_come_from_the_notebook_and_what_makes_the_checkpoint(tmp_path, session):
    book = str(tmp_path / "analysis.ipynb")
    told = session(JPY_SESSION_NAME=book)
    told.run("""
        import resume
        def simulate():
            chp = resume.Checkpoint()
            chp.save()
        class Model:
            def fit(self):
                resume.Checkpoint().save()
        simulate(); Model().fit()
        """)
    told.run("training = resume.Checkpoint()\ntraining.save()")
    told.run("with resume.Checkpoint() as scoring: scoring.save()")
    told.run("resume.Checkpoint().save()")
    told.run("%%time\ntimed = resume.Checkpoint()\ntimed.save()")
    told.run("mine = resume.Checkpoint('named')\nmine.save()")
    told.run("for i in range(2):\n    keyed = resume.Checkpoint(key=i)\n    keyed.save()")
    assert names(tmp_path) == ["analysis.Model.fit", "analysis.cell", "analysis.keyed@0",
                               "analysis.keyed@1", "analysis.scoring", "analysis.simulate",
                               "analysis.timed", "analysis.training", "named"]
    assert entry(tmp_path, "analysis.training").program == book
    assert entry(tmp_path, "analysis.training").function == "analysis:training"
    untold = session()
    untold.run("import resume\nchp = resume.Checkpoint()\nchp.save()")
    assert "__main__.chp" in names(tmp_path)


def test_two_notebooks_of_one_name_do_not_share(tmp_path, session):
    source = "import resume\nchp = resume.Checkpoint()\nchp.save()"
    for place in ("one", "two"):
        (tmp_path / place).mkdir()
        (tmp_path / place / "a.ipynb").touch()
    first = session(JPY_SESSION_NAME=str(tmp_path / "one" / "a.ipynb"))
    assert first.run(source).err == ""
    first.kill()
    second = session(JPY_SESSION_NAME=str(tmp_path / "two" / "a.ipynb"))
    assert "belongs to another program of the same name" in second.run(source).err


def test_a_runner_that_starts_the_kernel_names_the_notebook(tmp_path):
    runner = shutil.which("jupyter-execute", path=str(pathlib.Path(sys.executable).parent))
    if not runner:
        pytest.skip("no jupyter-execute beside this Python")
    import nbformat
    source = "import resume\ndef main():\n    resume.Checkpoint().save()\nmain()"
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source)])
    nbformat.write(book, tmp_path / "report.ipynb")
    subprocess.run([runner, "report.ipynb"], cwd=tmp_path, check=True, capture_output=True,
                   env=environment_for_kernels(), timeout=120)
    assert names(tmp_path) == ["report.main"]
    assert entry(tmp_path, "report.main").program == str(tmp_path / "report.ipynb")


MINE = "import resume\nchp = resume.Checkpoint()\nmine = '{}'\nchp.restore()\nchp.save()\nmine"


def test_two_cells_with_one_variable_have_a_checkpoint_each(tmp_path, session):
    first = session()
    first.run(MINE.format("first"))
    assert first.run(MINE.format("second")).data["text/plain"] == "'second'"
    first.kill()
    assert names(tmp_path) == ["__main__.chp", "__main__.chp-2"]
    again = session()
    assert again.run(MINE.format("second")).data["text/plain"] == "'second'"
    assert again.run("chp.name").data["text/plain"] == "'__main__.chp-2'"
    assert again.run(MINE.format("first")).data["text/plain"] == "'first'"
    assert again.run("chp.name").data["text/plain"] == "'__main__.chp'"
    assert names(tmp_path) == ["__main__.chp", "__main__.chp-2"]


def test_a_cell_that_was_edited_goes_on(tmp_path, session):
    first = session()
    assert first.run(MINE.format("old"), cell_id="a1").err == ""
    edited = MINE.format("new") + " + '!'"
    ran = first.run(edited, cell_id="a1")
    assert ran.data["text/plain"] == "'old!'"
    assert "the code of '__main__:chp' has changed" in ran.err
    first.kill()
    again = session()
    other = again.run(MINE.format("other"), cell_id="b2")
    assert other.data["text/plain"] == "'other'" and other.err == ""
    assert again.run(edited, cell_id="a1").data["text/plain"] == "'old!'"
    assert names(tmp_path) == ["__main__.chp", "__main__.chp-2"]


def test_without_ids_the_first_free_one_of_an_edited_cell_is_taken(tmp_path, session):
    first = session()
    first.run(MINE.format("old"))
    first.kill()
    again = session()
    ran = again.run(MINE.format("new") + " + '!'")
    assert ran.data["text/plain"] == "'old!'" and "has changed" in ran.err


COUNTING = """
    import resume, time
    chp = resume.Checkpoint(again="fresh")
    i = 0
    chp.restore()
    print("begins at", i, flush=True)
    while i < {}:
        i += 1
        print(i, flush=True)
        chp.save()
        time.sleep(0.01)
    """


def test_an_interrupted_cell_goes_on_and_a_finished_one_is_the_past(tmp_path, session):
    kernel = session()
    cell = COUNTING.format(30)
    ran = kernel.run(cell, interrupt_at="5\n")
    assert "KeyboardInterrupt" in ran.err
    assert not entry(tmp_path, "__main__.chp").ended
    ran = kernel.run(cell)
    begin = int(re.match(r"begins at (\d+)", ran.out)[1])
    assert 5 <= begin < 30 and ran.out.endswith("30\n")
    assert entry(tmp_path, "__main__.chp").ended
    assert kernel.run(cell).out.startswith("begins at 0\n")


def test_the_next_cell_belongs_to_the_call_again(tmp_path, session):
    kernel = session()
    kernel.run("import resume\nchp = resume.Checkpoint()\nx = 1\nchp.restore()\nchp.save()")
    assert entry(tmp_path, "__main__.chp").ended
    kernel.run("x = 2\nchp.save()\n1 / 0")
    assert not entry(tmp_path, "__main__.chp").ended
    kernel.run("x = 3\nchp.done()")
    assert entry(tmp_path, "__main__.chp").ended
    assert resume.load(tmp_path / ".checkpoints" / "__main__.chp")["x"] == 3


def test_a_kernel_that_is_shut_down_has_ended_and_a_killed_one_has_not(tmp_path, session):
    cell = "import resume\nchp = resume.Checkpoint(again='error')\nx = 1\nchp.restore()\nchp.save()"
    first = session()
    first.run(cell)
    first.kill()
    second = session()
    assert second.run(cell).err == ""
    second.close()
    assert not list((tmp_path / ".checkpoints").glob(".run-*"))
    assert "holds a call that ended" in session().run(cell).err


def test_what_belongs_to_the_session_is_not_saved(tmp_path, session):
    kernel = session()
    kernel.run("import resume\nx = 5\nIn_ = 6")
    kernel.run("x + 1")
    kernel.run("chp = resume.Checkpoint()\nchp.restore()\n_")
    assert kernel.run("chp.save()").err == ""
    data = resume.load(tmp_path / ".checkpoints" / "__main__.chp")
    assert dict(data) == {"x": 5, "In_": 6}
    kernel.kill()
    again = session()
    again.run("import resume")
    again.run("x = 0\nchp = resume.Checkpoint('__main__.chp')\nbool(chp.restore())")
    assert again.run("x, len(In), Out[2]").data["text/plain"] == "(5, 4, True)"


def test_loops_of_several_cells_go_on_where_they_were(tmp_path, session):
    begin = """
        import os, resume
        chp = resume.Checkpoint(rate=0)
        seen = []
        chp.restore()
        """
    loop = """
        for i in chp.loop(range(4)):
            seen.append(('{0}', i))
            chp.sync()
            if '{0}' == os.environ.get('KILL') and i == 2: os.kill(os.getpid(), 9)
        """
    book = Notebook(tmp_path, begin, loop.format("a"), loop.format("b"), "seen", KILL="b")
    assert book.run() is None
    book.environment = {}
    expected = [(name, i) for name in "ab" for i in range(4)]
    assert book.run()[-1] == f"{expected!r}\n".replace("), (", "),\n (")
    kernel = session()
    kernel.run(begin)
    for _ in range(2):  # a cell that is run again runs its loop again
        kernel.run(loop.format("c"))
    assert kernel.run("len(seen)").data["text/plain"] == "16"


def test_a_plain_loop_in_a_cell_is_told(tmp_path, session):
    kernel = session()
    kernel.run("import resume\nchp = resume.Checkpoint(rate=0)\ntotal = 0\nchp.restore()")
    ran = kernel.run("# a comment\nfor i in range(3):\n    total += i\n    chp.sync()")
    assert "line 2: `for i in range(3):` starts over" in ran.err
    assert kernel.run("while total < 9:\n    total += 1\n    chp.sync()").err == ""


def test_a_cell_that_awaits(tmp_path, session):
    cell = """
        import asyncio, os, resume
        chp = resume.Checkpoint(rate=0)
        total = 0
        chp.restore()
        for i in chp.loop(range(5)):
            await asyncio.sleep(0)
            total += i
            chp.sync()
            if os.environ.get("KILL") and i == 3: os.kill(os.getpid(), 9)
        total
        """
    book = Notebook(tmp_path, cell, KILL="1")
    assert book.run() is None
    assert names(tmp_path) == ["__main__.chp"]
    assert resume.load(tmp_path / ".checkpoints" / "__main__.chp")["total"] == 3
    book.environment = {}
    assert book.run() == ["10\n"]


def test_the_magic_gives_what_the_command_does(tmp_path, session):
    kernel = session()
    kernel.run("%load_ext resume")
    kernel.run("import resume\nchp = resume.Checkpoint()\nx = 41\nchp.save()\nx = 42\nchp.save()")
    shown = kernel.run("%resume ls")
    assert "<table>" in shown.data["text/html"] and "__main__.chp" in shown.data["text/html"]
    assert re.search(r"^__main__.chp +ended ", shown.data["text/plain"], re.M)
    kernel.run("found = %resume ls .")
    assert kernel.run("[one.name for one in found]").data["text/plain"] == "['__main__.chp']"
    shown = kernel.run("%resume show __main__.chp")
    assert re.search(r"^x +int +42$", shown.out, re.M) and shown.err == ""
    assert re.search(r"^ +2 ", kernel.run("%resume log __main__.chp").out, re.M)
    assert "41" in kernel.run("%resume diff __main__.chp").out
    assert "good" in kernel.run("%resume check __main__.chp").out
    assert kernel.run("_exit_code").data["text/plain"] == "0"
    assert '"name"' in kernel.run("%resume ls --json").out
    assert "is held by process" in kernel.run("%resume rm --force __main__.chp").err
    kernel.run("chp.close()")
    kernel.run("%resume rm --force __main__.chp")
    assert names(tmp_path) == []
    assert "there is no checkpoint" in kernel.run("%resume show __main__.chp").err
    assert kernel.run("_exit_code").data["text/plain"] == "4"
    assert "resume show" in kernel.run("%resume").out


def test_who_reads_the_notebook_is_told(tmp_path, session):
    cell = "import resume\nchp = resume.Checkpoint('a')\nx = 1\nchp.restore()\nchp.save()"
    first = session()
    first.run(cell)
    first.kill()
    again = session()
    assert re.fullmatch(r"resume: a had ended at .* it is at its end again\n",
                        again.run(cell, cell_id="a1").err)
    again.kill()
    assert session().run(cell).err == ""  # a runner, which nobody watches


MAIN_CLASSES = ("""
    import collections, dataclasses, enum, os, resume
    class Color(enum.Enum):
        RED = 1
        BLUE = 2
    @dataclasses.dataclass
    class Cell:
        place: int
        color: Color
        next: "Cell" = None
    class World:
        def __init__(self):
            self.cells = []
            self.grow = lambda n: n + 1
        def step(self, i):
            last = self.cells[-1] if self.cells else None
            self.cells.append(Cell(i, Color(1 + i % 2), last))
    Point = collections.namedtuple("Point", "x y")
    """, """
    def simulate(steps):
        chp = resume.Checkpoint(rate=0)
        world, points = World(), []
        chp.restore()
        for i in chp.loop(range(steps)):
            world.step(i)
            points.append(Point(world.cells[-1].place, world.cells[-1]))
            chp.sync()
            if i == 5 and os.environ.get("KILL"): os.kill(os.getpid(), 9)
        return world, points
    world, points = simulate(10)
    """, """
    assert all(type(p) is Point and p.y is c for c, p in zip(world.cells, points))
    assert {type(c) for c in world.cells} == {Cell}
    assert all(b.next is a for a, b in zip(world.cells, world.cells[1:]))
    [(c.place, c.color.name) for c in world.cells], world.grow(1)
    """)


def test_classes_of_the_notebook(tmp_path):
    book = Notebook(tmp_path, *MAIN_CLASSES, KILL="1")
    assert book.run() is None
    book.environment = {}
    outputs = book.run()
    expected = [(i, ("RED", "BLUE")[i % 2]) for i in range(10)]
    assert eval(outputs[-1]) == (expected, 2), outputs


def test_a_class_that_was_defined_again_keeps_its_objects(tmp_path, session):
    define = "class Thing:\n    def __init__(self, x): self.x = x\n    version = {}"
    work = """
        import resume
        chp = resume.Checkpoint("things")
        things = [Thing(1)]
        chp.restore()
        """
    kernel = session()
    kernel.run(define.format(1))
    kernel.run(work)
    kernel.run(define.format(2))
    saved = kernel.run("things.append(Thing(2))\nchp.save()")
    assert saved.err == "", saved.err
    kernel.kill()
    again = session()
    again.run(define.format(2))
    again.run(work)
    shown = again.run("[(t.x, t.version) for t in things]").data["text/plain"]
    assert shown == "[(1, 1), (2, 2)]"  # as it was before the kernel died
