"""The vectors of docs/format.md, through the command: exit codes, JSON, nothing raw."""
import json
import pathlib
import shutil
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))
import vectors  # noqa: E402

VECTORS = vectors.read()
EXIT = {"good": 0, "torn": 3, "damaged": 6, "DAMAGED": 6, "TRUNCATED": 6, "UNSUPPORTED": 1,
        "NOT_A_CHECKPOINT": 1, "LEGACY": 1}
RESULT = {"DAMAGED": "damaged", "TRUNCATED": "damaged", "UNSUPPORTED": "unsupported",
          "NOT_A_CHECKPOINT": "foreign", "LEGACY": "legacy"}


def is_printable(raw):
    return all(byte >= 32 and byte != 127 or byte == 10 for byte in raw)


def test_check__agrees_on_every_vector(resume, folder, monkeypatch):
    """One call over a folder with all of them, so long a path that it must not be told twice."""
    store = folder / ("long" * 50) / ".checkpoints"
    store.mkdir(mode=0o700, parents=True)
    monkeypatch.chdir(store.parent)
    for vector in VECTORS:
        shutil.copy(vector.path, store / vector.name)
    ran = resume("check", "--json")
    assert ran.code == 6 and is_printable(ran.raw)
    results = {pathlib.Path(file["path"]).name: file for file in json.loads(ran.raw)["files"]}
    assert results.keys() == {vector.name for vector in VECTORS}
    for vector in VECTORS:
        found = results[vector.name]
        expected = RESULT.get(vector.outcome, vector.outcome)
        if vector.arrays == "damaged":
            expected = "damaged"
        assert found["result"] == expected, (vector.name, found)
        if vector.says != "-":
            assert vector.says in found["message"], vector.name
    ran = resume("ls", "--json")
    assert ran.code in (0, 3, 6) and is_printable(ran.raw)
    shown = {entry["name"]: entry for entry in json.loads(ran.raw)["checkpoints"]}
    for vector in VECTORS:
        if vector.generation != "-":
            assert shown[vector.name]["generation"] == int(vector.generation), vector.name
        else:
            assert shown[vector.name]["state"] == "unreadable", vector.name


@pytest.mark.parametrize("outcome", EXIT)
def test_show_and_check__exit_codes(resume, outcome):
    chosen = [vector for vector in VECTORS if vector.outcome == outcome][:12]
    assert chosen
    for vector in chosen:
        if vector.arrays == "damaged":
            continue
        ran = resume("check", vector.path)
        assert ran.code == EXIT[outcome], (vector.name, ran.out, ran.err)
        ran = resume("show", vector.path)
        assert ran.code == EXIT[outcome] or ran.code in (0, 3) and vector.generation != "-", (
            vector.name, ran.code, ran.err)
        assert is_printable(ran.raw) and is_printable(ran.raw_err)
