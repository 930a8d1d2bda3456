"""Memory maps in programs that are killed: the file goes on, or comes back as the save saw it."""
import pytest

pytest.importorskip("numpy")
import resume  # noqa: E402

SOURCE = """
    import os, sys
    import numpy as np
    from resume import Checkpoint

    def main():
        chp = Checkpoint(memmap=os.environ.get("MEMMAP", "path"))
        grid, row, done = None, None, 0
        if chp.fresh:
            grid = np.memmap("data", "i8", "w+", 0, (3, 10000))
            row = grid[1]
        chp.restore()
        while done < 6:
            done += 1
            grid += done
            row[:7] = done
            if os.environ.get("KILL") == str(done): os.kill(os.getpid(), 9)
            chp.save()
        assert row.base is not None and np.shares_memory(row, grid) and type(grid) is np.memmap
        mode = "r+" if grid.mode == "w+" else grid.mode
        return int(grid.sum()), row[:9].tolist(), mode, os.path.basename(grid.filename)
    print(main())
"""


def test_content__that_is_asked_for_comes_back_as_the_save_saw_it(program, tmp_path):
    whole = program(SOURCE, folder=tmp_path / "whole").run().check().out
    pieces = program(SOURCE, folder=tmp_path / "pieces", MEMMAP="content")
    data = tmp_path / "pieces" / "data"
    for kill, damage in (("2", None), ("4", data.unlink), ("5", lambda: data.write_bytes(b"x"))):
        assert pieces.run(KILL=kill).killed
        if damage:
            damage()
    assert pieces.run().check().out == whole


def test_path__finds_the_file_as_it_is(program):
    pieces = program(SOURCE)
    assert pieces.run(KILL="3").killed  # the file is one step ahead of the save
    every, last = sum((1, 2, 3, 3, 4, 5, 6)), 6
    assert eval(pieces.run().check().out) == (
        (30000 - 7) * every + 7 * last, [last] * 7 + [every] * 2, "r+", "data")


def test_path__of_a_file_that_is_gone_is_told(program):
    pieces = program(SOURCE)
    assert pieces.run(KILL="3").killed
    (pieces.folder / "data").unlink()
    ran = pieces.run()
    assert ran.code == 1 and "/data', which an array is mapped from, is gone" in ran.err
    assert "damaged" not in ran.err


def test_option__is_one_of_two(folder):
    with pytest.raises(ValueError, match='"path" or "content"'):
        resume.Checkpoint("x", memmap="all")
