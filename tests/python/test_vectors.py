"""The vectors of docs/format.md, through resume.load() and through the independent reader."""
import importlib
import pathlib
import subprocess
import sys
import warnings

import pytest
import resume
import vectors

xxhash = pytest.importorskip("xxhash")
ROOT = pathlib.Path(__file__).resolve().parents[2]
VECTORS = vectors.read()
IDS = [vector.name for vector in VECTORS]
REFUSED = {"DAMAGED": resume.CheckpointDamaged, "TRUNCATED": resume.CheckpointDamaged,
           "UNSUPPORTED": resume.ResumeError, "LEGACY": resume.ResumeError,
           "NOT_A_CHECKPOINT": resume.ResumeError}


def digest(data):
    return f"{xxhash.xxh3_128_intdigest(data):032x}"


def load(path):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        return resume.load(path), [str(warning.message) for warning in caught]


@pytest.mark.parametrize("vector", VECTORS, ids=IDS)
def test_load__gives_what_the_table_says(vector):
    if vector.outcome in REFUSED:
        with pytest.raises(REFUSED[vector.outcome]) as caught:
            load(vector.path)
        if vector.says != "-":
            assert vector.says in str(caught.value)
        return
    data, talk = load(vector.path)
    is_older = vector.arrays == "damaged" or vector.name == "good-raw-empty-stream"
    assert bool(talk) == (vector.outcome != "good" or is_older)
    if is_older:
        assert data.meta["generation"] == data["n"] == int(vector.generation) - 1
        return
    assert data.meta["generation"] == int(vector.generation)
    assert digest(vectors.arrays_of(data["arrays"])) == vector.arrays


@pytest.fixture(scope="module")
def reader():
    pytest.importorskip("zstandard")
    sys.path.insert(0, str(ROOT / "tools"))
    return importlib.import_module("reader")


def test_reader__tells_who_has_saved(reader):
    key, expected = vectors.signatures()
    found = {name: reader.File(vectors.FOLDER / f"{name}.ckpt").newest()[0].signature(key)
             for name in expected}
    assert found == expected
    assert set(found.values()) == {"mine", "other", "wrong", "not"}


def test_reader__agrees_on_every_vector(reader):
    refusals = {reader.Legacy: "LEGACY", reader.NotACheckpoint: "NOT_A_CHECKPOINT",
                reader.Unsupported: "UNSUPPORTED", reader.Damaged: "DAMAGED"}
    for vector in VECTORS:
        found = ["-"] * 3
        try:
            state, outcome = reader.File(vector.path).newest()
            found = [str(state.generation), digest(state.stream), "damaged"]
            found[2] = digest(vectors.arrays_of([state.blob(i) for i in range(1, len(state))]))
        except tuple(refusals) as refusal:
            if found[0] == "-":
                outcome = refusals[type(refusal)]
        expected = vector.outcome.replace("TRUNCATED", "DAMAGED")
        assert [outcome, *found] == [expected, vector.generation, vector.stream, vector.arrays], \
            vector.name


def test_vectors__are_what_their_script_makes():
    command = [sys.executable, vectors.FOLDER / "make.py", "--check"]
    checked = subprocess.run(command, capture_output=True, text=True)
    assert checked.returncode == 0, checked.stdout + checked.stderr
