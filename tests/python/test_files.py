"""Open files: where they stood, after kills too; chp.open; what is refused."""
import bz2
import csv
import gzip
import io
import os
import pathlib
import random
import sys
import tempfile

import pytest
import resume
import survive
from resume import Checkpoint, Opaque, ResumeError, _core


def back(value):
    stream, blobs, _ = _core._encode(value)
    return _core._decode(stream, blobs, mine=True)[0]


def opened(path, mode, **options):
    return open(path, mode, **options)  # noqa: SIM115


@pytest.fixture
def path(tmp_path):
    return tmp_path / "file.txt"


TEXT = "one\ntwö\r\nthree\n\u20ac four\n" * 50


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "latin-1", "utf-8-sig", "utf-7",
                                      "iso2022_jp", "gb18030"])
@pytest.mark.parametrize("newline", [None, "", "\n", "\r\n", "\r"])
def test_text_file__reads_on(path, encoding, newline):
    text = TEXT if encoding.startswith(("utf", "gb")) else TEXT.encode("ascii", "ignore").decode()
    path.write_bytes(text.encode(encoding))
    for count in (0, 1, 5, 17, 100):
        with opened(path, "r", encoding=encoding, newline=newline) as file:
            file.read(count)
            with back(file) as again:
                assert again is not file and again.encoding == file.encoding
                assert again.mode == "r" and again.name == file.name
                assert again.readline() == file.readline()
                assert again.read() == file.read()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "latin-1", "utf-8-sig", "utf-7",
                                      "iso2022_jp", "gb18030"])
@pytest.mark.parametrize("newline", [None, "", "\n", "\r\n", "\r"])
def test_text_file_in_a_for__reads_on(path, encoding, newline):
    """`tell` refuses there. The text is longer than what is read at once."""
    text = TEXT if encoding.startswith(("utf", "gb")) else TEXT.encode("ascii", "ignore").decode()
    path.write_bytes((text * 40).encode(encoding))
    with opened(path, "r", encoding=encoding, newline=newline) as file:
        file.readline()
        for number, _ in enumerate(file):
            if number % 1111 == 0:
                with back(file) as again, back(again) as third, pytest.raises(OSError):
                    assert again is not file
                    rest = third.read()
                    assert third.tell() == third.buffer.tell()
                    assert "".join(again) == rest
                    again.seek(0)
                    assert again.tell() == 0 and again.readline().strip() == "one"
                    file.tell()
                left = rest
    with opened(path, "r", encoding=encoding, newline=newline) as file:
        assert file.read().endswith(left) and len(left) < len(text * 40)


def test_text_file_in_a_for__what_was_read_after_it(path):
    path.write_text("".join(f"{number:05}\n" for number in range(4000)))
    with opened(path, "r+") as file:
        for _ in file:
            break
        assert file.read(7) == "00001\n0"
        again = back(file)
        assert next(again) == "0002\n" and next(file) == "0002\n"
        assert file.readlines() == list(again)
        assert file.tell() == again.tell() == 24000
        again.close()


def test_text_file_in_a_for__what_is_written(path):
    path.write_text("a\nb\nc\n")
    with opened(path, "r+") as file:
        assert next(file) == "a\n"
        file.write("d\n")
        again = back(file)
        assert path.read_text() == "a\nb\nc\nd\n"
        again.write("e\n")
        again.close()
    assert path.read_text() == "a\nb\nc\nd\ne\n"


def test_text_file_in_a_for__damage_is_told(path):
    path.write_text("a\nb\n")
    with opened(path, "r") as file:
        for wrong in ([0], [0, "a", b"", "0"], ["0", "a", b"", 0], {}):
            with pytest.raises((ValueError, TypeError)):
                _core._file_seek(file, wrong)
        with open(path, "rb") as other, pytest.raises(TypeError):
            _core._file_seek(other, [0, "a", b"", 0])
        assert file.read() == "a\nb\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-8-sig"])
@pytest.mark.parametrize("newline", [None, "\r\n"])
def test_text_file__writes_on(path, encoding, newline):
    whole = io.TextIOWrapper(io.BytesIO(), encoding, newline=newline)
    file = opened(path, "w", encoding=encoding, newline=newline)
    for number in range(9):
        file.write(f"line {number}\n")
        whole.write(f"line {number}\n")
        again = back(file)
        assert (again.mode, again.readable(), again.writable()) == ("w", False, True)
        file.close()
        file = again
    file.close()
    whole.flush()
    assert path.read_bytes() == whole.buffer.getvalue()


def test_append__goes_to_the_end(path):
    path.write_text("a")
    file = opened(path, "a")
    file.write("b")
    again = back(file)
    again.write("c")
    again.close()
    assert path.read_text() == "abc" and again.mode == "a"


def test_update__reads_and_writes(path):
    path.write_bytes(b"0123456789")
    with opened(path, "r+b") as file:
        file.seek(3)
        file.write(b"x")
        with back(file) as again:
            assert again.tell() == 4 and type(again) is io.BufferedRandom
            again.write(b"y")
            assert again.read(2) == b"56"
    assert path.read_bytes() == b"012xy56789"


@pytest.mark.parametrize("mode", ["rb", "wb", "ab", "r+b", "a+b", "w+b"])
@pytest.mark.parametrize("buffering", [-1, 0])
def test_binary_file__keeps_its_type(path, mode, buffering):
    path.write_bytes(b"0123456789")
    with opened(path, mode, buffering=buffering) as file:
        if "r" not in mode:
            file.write(b"abc")
        else:
            file.read(4)
        with back(file) as again:
            assert type(again) is type(file) and again.tell() == file.tell()
            assert (again.readable(), again.writable()) == (file.readable(), file.writable())


def test_closed_file__stays_closed(path):
    for mode in ("w", "wb", "r"):
        file = opened(path, mode)
        file.close()
        again = back({"f": file})["f"]
        assert again.closed and type(again) is type(file) and again.name == file.name


def test_standard_streams__are_those_of_the_process(monkeypatch):
    real = io.TextIOWrapper(io.FileIO(os.dup(1), "w"))
    monkeypatch.setattr(sys, "stdout", real)
    assert back([real]) == [real]


def test_file_in_two_places__is_one(path):
    path.write_text("abc")
    with opened(path, "r") as file:
        first, second = back([file, {"f": file}])
        assert first is second["f"]
        first.close()


def test_relative_name__is_kept(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with opened("here.txt", "w") as file, back(file) as again:
        assert again.name == "here.txt"
    os.mkdir("other")
    with opened("here.txt", "r") as file:
        os.chdir("other")
        with back(file) as again:
            assert again.name == str(tmp_path / "here.txt")


# ---- refused ----

def problem(value):
    with pytest.raises(TypeError) as caught:
        _core._encode([value])
    return str(caught.value)


def test_what_has_no_position__is_refused(path):
    ends = os.pipe()
    with open(ends[0], "rb") as pipe, open(ends[1], "wb"):
        assert "pipes, terminals and devices" in problem(pipe)
    with gzip.open(path, "wb") as packed:
        assert "compressed ones that are read" in problem(packed)
    with bz2.open(path, "wt") as packed:
        assert "compressed ones that are read" in problem(packed)
    with tempfile.TemporaryFile() as file:
        assert "no name any more" in problem(file)
    with opened(path, "w") as file:
        path.unlink()
        assert "no name any more" in problem(file)


def test_memory_files__are_values():
    text = io.StringIO("abc\ndef\n")
    text.readline()
    raw = io.BytesIO(b"abcdef")
    raw.read(2)
    text, raw = back([text, raw])
    assert text.read() == "def\n" and raw.read() == b"cdef"


def test_file_that_is_shorter__is_an_error(path):
    with opened(path, "w") as file:
        file.write("x" * 100)
        stream, blobs, _ = _core._encode(file)
    path.write_text("x" * 99)
    for change in (lambda: None, path.unlink, path.mkdir):
        change()
        with pytest.raises(ResumeError, match="file.txt.*clean=True") as caught:
            _core._decode(stream, blobs, mine=True)
        assert not isinstance(caught.value, resume.CheckpointDamaged)
    path.rmdir()
    path.write_text("x" * 100)
    _core._decode(stream, blobs, mine=True)[0].close()


def test_not_mine__opens_nothing(path):
    path.write_text("secret")
    with opened(path, "r") as file:
        stream, blobs, _ = _core._encode([file])
    before = len(os.listdir("/proc/self/fd"))
    value, = _core._decode(stream, blobs)[0]
    assert type(value) is Opaque and "open" in value.type
    assert len(os.listdir("/proc/self/fd")) == before


# ---- chp.open ----

def test_open__empties_only_when_fresh(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def call():
        chp = Checkpoint("c", again="continue")
        file = chp.open("out.txt", "w")
        chp.restore()
        file.write("line\n")
        chp.save()
        file.close()
        return chp.fresh

    pathlib.Path("out.txt").write_text("old")
    assert call() is True
    assert pathlib.Path("out.txt").read_text() == "line\n"
    assert call() is False
    assert pathlib.Path("out.txt").read_text() == "line\nline\n"


def test_open__is_like_the_builtin(tmp_path):
    with Checkpoint("c", folder=tmp_path) as chp:
        with chp.open(tmp_path / "x", mode="xb", buffering=0) as file:
            assert type(file) is io.FileIO
        with pytest.raises(FileExistsError):
            chp.open(tmp_path / "x", "x")
        with pytest.raises(FileNotFoundError):
            chp.open(tmp_path / "y")
        with pytest.raises(TypeError):
            chp.open()
    with resume.NullCheckpoint().open(tmp_path / "z", "w", truncate=True) as file:
        file.write("x")
    assert (tmp_path / "z").read_text() == "x"


ROWS = """
import csv, os, random, signal
from resume import Checkpoint

def main():
    chp = Checkpoint(rate=0)
    BEFORE
    rng = random.Random(5)
    total = 0
    chp.restore()
    AFTER
    for number in chp.loop(range(400)):
        value = rng.random() ** 20
        total += value
        rows.writerow([number, value, f"text {total}" * rng.randrange(9)])
        if number == int(os.environ.get("DIE_AT", -1)):
            out.flush() if number % 2 else None
            os.kill(os.getpid(), signal.SIGKILL)
        if number % 7 == 0:
            chp.sync()
    out.close()
    print(total)

main()
"""
OPEN = """out = chp.open("rows.csv", "w", newline="", truncate=True)
    rows = csv.writer(out)"""
WITHIN = OPEN + """
    if chp.fresh:
        rows.writerow(["number", "value", "text"])"""


@pytest.mark.parametrize("source", [
    ROWS.replace("BEFORE", WITHIN).replace("AFTER", ""),
    ROWS.replace("BEFORE", "").replace("AFTER", WITHIN),
    ROWS.replace("BEFORE", OPEN.replace('"w"', '"a"')).replace("AFTER", ""),
    ROWS.replace("BEFORE", OPEN.replace(", truncate=True", "")).replace("AFTER", ""),
], ids=["before", "after", "append", "overwritten"])
def test_rows__are_the_same_after_any_number_of_kills(tmp_path, source, seed):
    whole = survive.Program(tmp_path / "whole", source)
    expected = whole.run().check().out
    killed = survive.Program(tmp_path / "killed", source)
    for number in sorted(random.Random(seed).sample(range(400), 4)):
        assert killed.run(DIE_AT=number).killed
    assert killed.run().check().out == expected
    rows = [(folder / "rows.csv").read_bytes() for folder in (whole.folder, killed.folder)]
    assert rows[0] == rows[1] and rows[0].count(b"\n") >= 400


def test_csv_reader_is_refused_by_name(path):
    path.write_text("a,b\n")
    with opened(path, "r") as file:
        assert "reader" in problem(csv.reader(file))
