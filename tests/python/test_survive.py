"""The harness itself: it finds what it is there to find, in programs that save badly."""
import pytest
import survive

# Saves a number by hand; SAVE is replaced by the way of saving.
SOURCE = """
    import os

    def load():
        try:
            with open("state") as file:
                return int(file.read())
        except FileNotFoundError:
            return 0

    def save(number):
        SAVE

    step = load()
    print("restored", step, flush=True)
    while step < 103:
        step = max(step, 100) + 1
        os.access(f"begin-{step}", 0)
        save(step)
        os.access(f"end-{step}", 0)
        print("saved", step, flush=True)
    print("result", step)
"""
IN_PLACE = """
        fd = os.open("state", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        for digit in str(number):
            os.write(fd, digit.encode())
        os.close(fd)
"""
RENAMED = """
        with open("next", "w") as file:
            file.write(str(number))
        os.rename("next", "state")
"""


def restored_after_each_kill(program, tmp_path, save):
    work = program(SOURCE.replace("SAVE", save.strip()))
    work.run().check()
    (work.folder / "state").unlink()
    calls = work.calls_between("begin-102", "end-102", tmp_path / "trace")
    found = []
    for name, nth in calls:
        (work.folder / "state").unlink()
        ran = work.kill_at_call(name, nth, tmp_path / "trace")
        assert ran.killed and "saved 101" in ran.out and "saved 102" not in ran.out
        again = work.run()
        found.append(int(again.out.split()[1]) if again.code == 0 else None)
    return found


@pytest.mark.skipif(not survive.has_strace(), reason="strace can't trace here")
def test_kills_at_system_calls_find_a_torn_save(program, tmp_path):
    found = restored_after_each_kill(program, tmp_path, IN_PLACE)
    # before the open 101; truncated: not a number; then one digit more with each write
    assert found == [101, None, 1, 10, 102]


@pytest.mark.skipif(not survive.has_strace(), reason="strace can't trace here")
def test_kills_at_system_calls_find_nothing_wrong_with_a_rename(program, tmp_path):
    found = restored_after_each_kill(program, tmp_path, RENAMED)
    assert found[0] == 101 and set(found) <= {101, 102}


def test_random_kills_lose_the_work_of_a_program_that_does_not_save(program, rng):
    work = program("""
        import time
        print("started", flush=True)
        time.sleep(0.2)
        with open("runs", "a") as file:
            file.write("x")
        time.sleep(0.2)
        print("ended")
    """)
    ran, hits = survive.survive(work, 4, rng, 0.1, "never")
    assert hits == 4 and ran.out == "started\nended\n"


def test_kill_when_a_line_is_printed(program):
    work = program("""
        import time
        for i in range(1000):
            print("line", i, flush=True)
            time.sleep(0.01)
    """)
    ran = work.kill_when("line 3$")
    assert ran.killed and "line 3\n" in ran.out and "line 100\n" not in ran.out
