"""Checkpoint(track=True) and resume.empty(): every save is what the memory was."""
import os
import random
import warnings

import pytest

import resume

np = pytest.importorskip("numpy")


def saved(chp):
    return resume.load(chp.filename)


def test_empty_is_an_array_like_any_other(tmp_path):
    a = resume.empty((100, 5000))
    assert a.shape == (100, 5000) and a.dtype == np.float64 and not a.any()
    assert a.ctypes.data % (2 << 20) == 0 and a.flags.writeable and a.flags.c_contiguous
    assert resume.empty(7, "i4").shape == (7,)
    assert resume.empty((3, 4), "f4", order="F").flags.f_contiguous
    assert resume.empty(0).size == 0 and resume.empty(()).shape == ()
    with pytest.raises(TypeError, match="array of objects"):
        resume.empty(3, object)
    with pytest.raises(ValueError):
        resume.empty(-1)
    with pytest.raises(MemoryError):
        resume.empty(1 << 58)


def test_empty_is_saved_as_an_array_of_its_own_with_its_views(tmp_path):
    a = resume.empty((300, 1000))
    a[:] = np.arange(300_000.0).reshape(300, 1000)
    row, columns = a[7], a.T
    chp = resume.Checkpoint("views", folder=tmp_path)
    with warnings.catch_warnings():
        warnings.simplefilter("error", resume.ResumeWarning)
        chp.save(a=a, row=row, columns=columns)
    chp.close()
    data = saved(chp).extra
    assert (data["a"] == a).all() and data["a"].shape == (300, 1000)
    data["row"][3] = -1
    assert data["a"][7, 3] == -1 and data["columns"][3, 7] == -1
    assert data["a"].base is None


def test_memory_lives_as_long_as_a_view_of_it():
    a = resume.empty(1 << 20)
    part = a[5:10]
    a[7] = 3
    del a
    assert part[2] == 3


def test_every_save_is_what_the_memory_was(tmp_path):
    seed = int(os.environ.get("RESUME_SEED", random.randrange(1 << 32)))
    print("seed", seed)
    chance = random.Random(seed)
    chp = resume.Checkpoint("random", folder=tmp_path, track=True)
    arrays = [resume.empty(1 << 18), np.zeros(1 << 19), np.ones((500, 600)), np.zeros(1 << 17)]
    for i in range(40):
        for _ in range(chance.randrange(4)):
            which = chance.randrange(len(arrays))
            a = arrays[which]
            kind = chance.randrange(8)
            if kind == 0:
                arrays[which] = a.copy()
            elif kind == 1:
                arrays[which] = resume.empty(a.shape)
            elif kind == 2:
                a.T[...] += 1
            elif kind == 3 and a.ndim == 1:
                a[:] = np.roll(a, 1)
            else:
                a.flat[chance.randrange(a.size)] = chance.random()
        if chance.random() < 0.2:
            pid = os.fork()
            if pid == 0:
                for a in arrays:
                    a.flat[:] = -1
                os._exit(0)
            os.waitpid(pid, 0)
        if chance.random() < 0.3:
            arrays.reverse()
        chp.save(arrays=arrays)
        for now, then in zip(arrays, saved(chp).extra["arrays"], strict=True):
            assert (now == then).all(), i
    chp.close()


def test_restored_arrays_are_tracked_again(tmp_path):
    def compute(stop):
        chp = resume.Checkpoint("again", folder=tmp_path, track=True, key="all")
        a, i = np.zeros(1 << 19), 0
        chp.restore()
        while i < stop:
            a[i * 1000] = i + 1
            i += 1
            chp.save()
        return a

    compute(5)
    a = compute(9)
    expected = np.zeros(1 << 19)
    expected[: 9000 : 1000] = range(1, 10)
    assert (a == expected).all()
