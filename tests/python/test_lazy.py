"""load(lazy=True): arrays are maps of the file, with the values that were saved."""
import gc
import os
import pathlib
import subprocess
import sys

import pytest

import resume

np = pytest.importorskip("numpy")


def save(folder, count=1, size=1 << 17):
    """A checkpoint with arrays of many kinds; gives its path and the arrays."""
    generator = np.random.default_rng(7)
    values = {
        "noise": generator.random(size),
        "columns": np.asfortranarray(generator.random((700, 301))),
        "turned": generator.random((40, 50, 60)).transpose(1, 0, 2),
        "smooth": np.linspace(0, 1, 4 * size),
        "zeros": np.zeros(size),
        "gaps": np.where(np.arange(size) // 33000 % 2 == 0, generator.random(size), 0),
        "small": np.arange(10),
        "flags": generator.random(400_001) > 0.5,
        "fixed": generator.random(100_000),
        "text": "abc" * 100_000,
        "bytes": generator.bytes(300_000),
    }
    values["fixed"].flags.writeable = False
    values["row"] = values["noise"][1000:90_000:3]
    values["part"] = generator.random(size)[5:100_000]
    chp = resume.Checkpoint("lazy", folder=folder)
    for i in range(count):
        values["noise"][i] = i
        chp.save(**values)
    chp.close()
    return chp.filename, values


def compare(data, values):
    for name, value in values.items():
        then = data.extra[name]
        if isinstance(value, np.ndarray):
            assert then.dtype == value.dtype and then.shape == value.shape, name
            assert (then == value).all(), name
            if name not in ("row", "part"):
                assert then.flags.writeable == value.flags.writeable, name
                assert then.strides == value.strides, name
        else:
            assert then == value


def is_mapped(path):
    return str(path) in pathlib.Path("/proc/self/maps").read_text()


def test_values_are_those_that_were_saved(tmp_path):
    path, values = save(tmp_path)
    data = resume.load(path, lazy=True)
    assert is_mapped(path)
    compare(data, values)
    compare(resume.load(path), values)
    data.verify()


def test_what_is_written_into_them_stays_here(tmp_path):
    path, values = save(tmp_path)
    before = pathlib.Path(path).read_bytes()
    data = resume.load(path, lazy=True)
    for name in ("noise", "columns", "smooth", "zeros", "gaps", "part"):
        data.extra[name][...] = -1
    assert (data.extra["row"] == -1).all()  # a view of noise
    with pytest.raises(ValueError, match="read-only"):
        data.extra["fixed"][0] = 1
    assert pathlib.Path(path).read_bytes() == before
    compare(resume.load(path, lazy=True), values)


def test_they_outlive_the_data_and_the_file(tmp_path):
    path, values = save(tmp_path)
    noise = resume.load(path, lazy=True).extra["noise"]
    gc.collect()
    os.remove(path)
    assert (noise == values["noise"]).all()
    del noise
    gc.collect()
    assert not is_mapped(path)


def test_later_saves_and_compaction_change_nothing(tmp_path):
    path, values = save(tmp_path)
    data = resume.load(path, lazy=True)
    chp = resume.Checkpoint("lazy", folder=tmp_path, again="continue", keep=1)
    for i in range(12):
        chp.save(noise=np.random.default_rng(i).random(1 << 20))
    chp.close()
    assert os.path.getsize(path) < 12 * (8 << 20)  # it was compacted, on the way
    compare(data, values)


def test_damage_is_found_by_verify_alone(tmp_path):
    path, values = save(tmp_path)
    raw = pathlib.Path(path).read_bytes()
    at = raw.index(values["noise"][5000:5010].tobytes())
    with open(path, "r+b") as file:
        file.seek(at)
        file.write(b"\1\2\3")
    data = resume.load(path, lazy=True)
    assert not (data.extra["noise"] == values["noise"]).all()
    with pytest.raises(resume.CheckpointDamaged, match="does not match its hash"):
        data.verify()
    with pytest.raises(resume.CheckpointDamaged):
        resume.load(path)


def test_a_file_that_is_already_cut_is_an_error_and_no_crash(tmp_path):
    path, _ = save(tmp_path)
    data = resume.load(path, lazy=True)
    code = (
        "import os, resume, sys\n"
        "path = sys.argv[1]\n"
        "os.truncate(path, os.path.getsize(path) // 2)\n"
        "try:\n"
        "    print(len(resume.load(path, lazy=True).extra))\n"
        "except resume.ResumeError as error:\n"
        "    print(type(error).__name__)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "CheckpointDamaged"
    del data


def test_they_are_saved_as_arrays_of_their_own(tmp_path):
    path, values = save(tmp_path)
    data = resume.load(path, lazy=True)
    chp = resume.Checkpoint("again", folder=tmp_path, track=True)
    for i in range(3):
        data.extra["noise"][i] = values["noise"][i] = i + 0.5
        chp.save(**data.extra)
        compare(resume.load(chp.filename), values)
    chp.close()
    assert resume.load(chp.filename).extra["noise"].base is None


def test_verify_without_lazy_has_nothing_to_do(tmp_path):
    path, values = save(tmp_path)
    data = resume.load(path)
    os.remove(path)
    data.verify()
    compare(data, values)
