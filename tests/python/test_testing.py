"""resume.testing: it sees what survives, and it sees what does not."""
import sys

import pytest
from resume import testing

GOOD = """
    import sys, time
    from resume import Checkpoint

    def work(total):
        chp = Checkpoint("work", rate=0.01)
        done = []
        chp.restore()
        with open("log.txt", "w") as log:
            log.write("begun")
        for i in chp.loop(range(total)):
            done.append(i * 3)
            time.sleep(0.005)
            chp.sync()
        return done

    print(work(int(sys.argv[1])))
"""
# the counter is not among the locals: a killed run counts again from 0
FORGETFUL = """
    import time
    from resume import Checkpoint
    count = 0

    def work():
        global count
        chp = Checkpoint("work", rate=0.01)
        chp.restore()
        for i in chp.loop(range(100)):
            count += 1
            time.sleep(0.005)
            chp.sync()

    work()
    print("counted", count)
"""
APPENDS = GOOD.replace('"log.txt", "w"', '"log.txt", "a"')


@pytest.fixture
def command(program):
    return lambda source, *arguments: [sys.executable, str(program(source).path), *arguments]


def test_a_program_that_survives(command, seed):
    lines = []
    seen = testing.survives(command(GOOD, "100"), kills=3, seed=seed, files="*.txt",
                            report=lines.append)
    assert (seen.kills, seen.seed) == (3, seed) and seen.runs >= 1
    assert seen.output == f"{[i * 3 for i in range(100)]}\n"
    assert lines[-1] == f"3 of 3 kills, {seen.runs} runs, all alike"


def test_a_result_that_differs_is_shown(command, seed):
    with pytest.raises(testing.Unlike, match=r"kills \(seed \d+\): the output differs:") as caught:
        testing.survives(command(FORGETFUL), kills=3, seed=seed)
    assert "-counted 100" in str(caught.value) and "+counted " in str(caught.value)
    assert isinstance(caught.value, AssertionError)


def test_what_is_made_of_the_output_alone_is_compared(command):
    seen = testing.survives(command(FORGETFUL), kills=2, output=lambda text: text.split()[0])
    assert seen.output == "counted"


def test_a_file_that_differs_is_named(command, seed):
    with pytest.raises(testing.Unlike, match=r"kills \(seed \d+\): 'log.txt' differs"):
        testing.survives(command(APPENDS, "100"), kills=3, seed=seed, files=["log.txt"])


def test_a_program_that_fails_never_saves_or_ends_too_soon(command):
    with pytest.raises(testing.Unlike, match="it fails without any kill: exit code 1"):
        testing.survives(command(GOOD, "many"))
    with pytest.raises(testing.Unlike, match="it never saves"):
        testing.survives([sys.executable, "-c", "print(1)"])
    with pytest.raises(testing.Unlike, match="it ends too soon after its first save"):
        testing.survives(command(GOOD, "5"), longest=1e9)
    with pytest.raises(testing.Unlike, match="still running after 0.5 s"):
        testing.survives(command(GOOD, "1000"), timeout=0.5)
    with pytest.raises(ValueError, match="no command"):
        testing.survives([])


def test_input_is_copied_and_nothing_is_left_where_it_was(tmp_path, command):
    source = GOOD.replace("int(sys.argv[1])", "int(open('input.txt').read())")
    (tmp_path / "given").mkdir()
    (tmp_path / "given" / "input.txt").write_text("60")
    seen = testing.survives(command(source), kills=1, folder=tmp_path / "given", files="*.txt")
    assert seen.output == f"{[i * 3 for i in range(60)]}\n"
    assert [path.name for path in (tmp_path / "given").iterdir()] == ["input.txt"]


def test_the_command_line(command, capsys):
    assert testing.main(["--kills", "1", "--", *command(GOOD, "60")]) == 0
    assert "it survives: 1 kills in " in capsys.readouterr().out
    assert testing.main(["--kills", "1", "--", *command(FORGETFUL)]) == 1
    assert "the output differs" in capsys.readouterr().err
    with pytest.raises(SystemExit) as stopped:
        testing.main([])
    assert stopped.value.code == 2
