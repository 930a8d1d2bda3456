"""Killed after the call returned, before the process has shown its result: the call goes on."""
import pytest

import resume
from resume import Checkpoint

FUNCTION = """
    import time
    from resume import Checkpoint

    def work(n):
        chp = Checkpoint("c")
        total = 0
        chp.restore()
        for i in chp.loop(range(n)):
            total = total * 3 + i
            chp.save()
        return total

    total = work(5)
    print("returned", flush=True)
    if "WAIT" in __import__("os").environ:
        time.sleep(60)
    print("total", total)
"""
BLOCK = """
    import os
    import time
    from resume import Checkpoint

    total = 0
    with Checkpoint("c") as chp:
        chp.restore()
        for i in chp.loop(range(5)):
            total = total * 3 + i
            chp.save()
    print("returned", flush=True)
    if "WAIT" in os.environ:
        time.sleep(60)
    print("total", total)
"""


@pytest.mark.parametrize("source", [FUNCTION, BLOCK], ids=["function", "with"])
def test_killed_between_the_return_and_the_end_of_the_process(program, source):
    work = program(source)
    for _ in range(3):
        assert work.kill_when("returned", WAIT="1").killed
    ran = work.run().check()
    assert ran.out == "returned\ntotal 58\n", ran.err
    listed = resume.list(work.folder / ".checkpoints")
    assert [one.ended for one in listed] == [True]


def test_left_normally_the_next_run_is_another_call(program):
    work = program(FUNCTION)
    assert work.run().check().out == "returned\ntotal 58\n"
    again = work.run().check()
    assert again.out == f"returned\ntotal {((((58 * 3) * 3 + 1) * 3 + 2) * 3 + 3) * 3 + 4}\n"


def test_the_process_failed_after_the_call_returned(program):
    work = program(FUNCTION + "    if 'FAIL' in __import__('os').environ: raise SystemExit(3)\n")
    assert work.run(FAIL=1).code == 3
    assert work.run().check().out == "returned\ntotal 58\n"


def test_in_one_process_a_call_that_returned_has_ended(folder):
    def work():
        chp = Checkpoint("c", again="error")
        chp.restore()
        chp.save()
    work()
    with pytest.raises(resume.ResumeError):
        work()


def test_the_normal_exit_of_a_forked_child_ends_nothing_of_its_parent(program):
    source = FUNCTION.replace('print("returned", flush=True)', """
    import os
    import sys
    child = os.fork()
    if child == 0:
        sys.exit(0)
    os.waitpid(child, 0)
    print("returned", flush=True)""")
    work = program(source)
    assert work.kill_when("returned", WAIT="1").killed
    assert work.run().check().out == "returned\ntotal 58\n"


def test_a_folder_that_is_gone_stays_gone(program):
    work = program("""
        import shutil
        from resume import Checkpoint

        def work():
            chp = Checkpoint("c")
            chp.save()

        work()
        shutil.rmtree(".checkpoints")
    """)
    work.run().check()
    assert not (work.folder / ".checkpoints").exists()
