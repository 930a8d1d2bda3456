"""Checkpoint(keep=): what is accepted, and that the file obeys."""
import os

import pytest
import resume


def checkpoint(folder, keep):
    def body():
        return resume.Checkpoint("kept", folder=folder, keep=keep)
    return body()


@pytest.mark.parametrize("keep", [1, 3, 1000, {"last": 1}, {"hourly": 24},
                                  {"last": 3, "hourly": 24, "daily": 7}, {"last": 0, "daily": 1},
                                  None])
def test_keep_is_accepted(tmp_path, keep):
    checkpoint(tmp_path, keep)


@pytest.mark.parametrize("keep", [0, -1, 1001, 1 << 80, True, 2.0, "3", [], (3,), {}, {"last": 0},
                                  {"last": -1}, {"last": 1 << 80}, {"last": "3"}, {"last": True},
                                  {"weekly": 4}, {"last": 3, "weekly": 4}, {3: "last"},
                                  {b"last": 3}, {"last": None}])
def test_keep_that_means_nothing_is_refused(tmp_path, keep):
    with pytest.raises(ValueError) as caught:
        checkpoint(tmp_path, keep)
    text = str(caught.value)
    assert text.startswith(f"keep={keep!r}: a number of saves from 1 to 1000, or a dict")
    assert '{"last": 3, "hourly": 24, "daily": 7}' in text
    assert not list(tmp_path.iterdir())


def test_a_key_whose_comparison_runs_code_is_refused(tmp_path):
    class Key(str):
        def __eq__(self, other):
            raise RuntimeError
        __hash__ = str.__hash__
    checkpoint(tmp_path, {Key("last"): 3})  # it is the text that counts


def generations(folder):
    """Numbers that are in the file, from its segments' headers."""
    data, at, found = (folder / "kept").read_bytes(), 12288, []
    while at < len(data):
        assert data[at:at + 8] == b"RSSEG1\n\0"
        number, size, records = (int.from_bytes(data[at + i:at + i + 8], "little")
                                 for i in (8, 16, 24))
        found.append(number)
        at += -(-(64 + size + records + 64) // 4096) * 4096
    return found


@pytest.mark.parametrize("keep, whole", [(1, False), (8, True), ({"hourly": 8}, False)])
def test_compaction_obeys(tmp_path, keep, whole):
    """8 MiB a save: the file is written anew when it has more than 2 x live + 64 MiB."""
    def body():
        chp = resume.Checkpoint("kept", folder=tmp_path, keep=keep, compress=False)
        for _ in range(12):
            data = os.urandom(8 << 20)
            chp.save()
        return data
    body()
    found = generations(tmp_path)
    if whole:
        assert found[:12] == list(range(1, 13))
    else:  # an hour may end meanwhile, and then another one stays
        assert len(found) < 9 and found[-1] >= 12
    assert found == sorted(found)
