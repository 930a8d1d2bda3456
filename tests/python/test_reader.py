"""tools/reader.py, written from docs/format.md alone, against files that the C library wrote."""
import pathlib
import random
import subprocess
import sys

import pytest

pytest.importorskip("cbor2")
pytest.importorskip("zstandard")
xxhash = pytest.importorskip("xxhash")

ROOT = pathlib.Path(__file__).resolve().parents[2]
SHAPES = {"small": 0, "mixed": 1, "large": 2, "wide": 3}

sys.path.insert(0, str(ROOT / "tools"))
import reader  # noqa: E402


def built(name):
    found = [path for path in ROOT.glob(f"build*/**/{name}") if path.is_file()]
    if not found:
        pytest.skip(f"{name} is not built: meson setup -Dtests=true")
    return max(found, key=lambda path: path.stat().st_mtime)


@pytest.fixture
def write_sample(tmp_path):
    """write_sample(shape, versions): (path, {generation: [(size, hash) of each blob]})"""
    program = built("write_sample")

    def write(shape, versions):
        command = [program, tmp_path, "sample", str(SHAPES[shape]), *map(str, versions)]
        lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        expected = {}
        for line in lines.splitlines():
            generation, _, size, digest = line.split()
            expected.setdefault(int(generation), []).append((int(size), digest))
        return tmp_path / "sample", expected
    return write


def blobs_of(state):
    blobs = [state.blob(i) for i in range(len(state))]
    return [(len(blob), f"{xxhash.xxh3_128_intdigest(blob):032x}") for blob in blobs]


@pytest.mark.parametrize("shape", SHAPES)
def test_reader__gives_every_generation_as_it_was_saved(write_sample, shape):
    versions = list(range(1, 13))
    path, expected = write_sample(shape, versions)
    file = reader.File(path)
    assert [segment.generation for segment in file.segments] == [*expected, len(versions) + 1]
    for version, (generation, blobs) in zip(versions, expected.items()):
        state = file.generation(generation)
        assert blobs_of(state) == blobs
        assert state.meta["saves"] == version
        assert state.meta["size"] == sum(size for size, _ in blobs)
    newest, health = file.newest()
    assert health == "good"
    assert newest.flags & reader.MARK and newest.meta["ended"] is True
    assert newest.meta["program"] == b"/\xff.py"
    assert blobs_of(newest) == expected[len(versions)]


def test_reader__sees_every_coding_and_kind_of_segment(write_sample):
    path, _ = write_sample("large", [1])
    file = reader.File(path)
    codings = set(file.newest()[0].codings())
    assert {reader.RAW, reader.ZSTD_SHUFFLE, reader.ZERO} <= codings
    assert [segment.flags for segment in file.segments] == [0, reader.SELF_VERIFYING | reader.MARK]
    path, _ = write_sample("wide", range(1, 12))
    file = reader.File(path)
    depths = [file._table(segment, file._records(segment))[2] for segment in file.segments]
    assert depths[0] == 0 and max(depths) == 8 and 0 in depths[1:]  # then a full table again


def test_reader__chain_of_commits_and_hint_agree_with_the_walk(write_sample):
    path, _ = write_sample("small", range(1, 40))
    file = reader.File(path)
    by_trailer = {segment.trailer_at: segment for segment in file.segments}
    segment, seen = file.segments[-1], []
    while segment:
        seen.append(segment)
        segment = by_trailer.get(segment.previous_commit)
    assert seen[::-1] == file.segments
    hints = list(file.hints())
    assert hints
    for generation, trailer_at in hints:
        assert by_trailer[trailer_at].generation == generation


def test_reader__flipped_bits_never_give_another_state(write_sample, rng):
    path, expected = write_sample("small", [1, 2, 3])
    good = path.read_bytes()
    for at in range(len(good)):
        bad = bytearray(good)
        bad[at] ^= 1 << rng.randrange(8)
        try:
            state, health = reader.File(data=bytes(bad)).newest()
        except (reader.NotACheckpoint, reader.Damaged):
            assert at < reader.BLOCK
            continue
        assert at >= reader.BLOCK
        assert blobs_of(state) == expected[min(state.generation, 3)]
        assert health != "good" or state.generation == 4


def test_reader__cut_files_give_the_generation_before(write_sample):
    path, expected = write_sample("small", [1, 2, 3])
    good = path.read_bytes()
    ends = [segment.end for segment in reader.File(path).segments]
    for size in range(0, len(good), 64):
        whole = sum(end <= size for end in ends)
        try:
            state, health = reader.File(data=good[:size]).newest()
        except (reader.NotACheckpoint, reader.Damaged):
            assert whole == 0
            continue
        assert state.generation == whole
        assert blobs_of(state) == expected[min(whole, 3)]
        assert (health == "good") == (size in ends) or health == "damaged"  # a hint knows better


def test_reader__tells_other_files_apart():
    for data in (b"", b"PK\3\4", b"\x89PNG"):
        with pytest.raises(reader.NotACheckpoint):
            reader.File(data=data)
    with pytest.raises(reader.Legacy):
        reader.File(data=b"\x1f\x8b\x08\0")
    with pytest.raises(reader.Damaged):
        reader.File(data=b"\x89RESUME\n" + bytes(100))


def test_reader__random_garbage_behind_is_torn_and_harmless(write_sample, rng):
    path, expected = write_sample("mixed", [5])
    good = path.read_bytes()
    for _ in range(20):
        tail = random.Random(rng.random()).randbytes(rng.randrange(1, 20000))
        state, health = reader.File(data=good + tail).newest()
        assert health == "torn" and blobs_of(state) == expected[1]


def test_reader__command_prints_meta_and_blobs(write_sample):
    path, expected = write_sample("mixed", [5])
    command = [sys.executable, ROOT / "tools" / "reader.py", path]
    shown = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert '"health": "good"' in shown and '"name": "mark"' in shown
    stream = subprocess.run([*command, "--blob", "0"], check=True, capture_output=True).stdout
    assert (len(stream), f"{xxhash.xxh3_128_intdigest(stream):032x}") == expected[1][0]
    other = subprocess.run([*command[:2], __file__], capture_output=True, text=True)
    assert other.returncode == 1 and "NotACheckpoint" in other.stderr


def damage(good, segments, rng):
    """The file as crashes and bad disks leave it."""
    bad = bytearray(good)
    for _ in range(rng.choice([1, 1, 1, 2, 3])):
        kind = rng.randrange(7)
        at = rng.randrange(reader.BLOCK, len(bad)) if len(bad) > reader.BLOCK else 0
        segment = rng.choice(segments)
        if kind == 0 and bad:
            bad[at:at + 1] = bytes([(bad + b"x")[at] ^ 1 << rng.randrange(8)])
        elif kind == 1:
            bad[at // 512 * 512:at // 512 * 512 + 512] = bytes(512)
        elif kind == 2:
            del bad[rng.randrange(len(bad) + 1):]
        elif kind == 3:  # into a structure
            spot = rng.choice([segment.offset, segment.trailer_at, segment.records_at])
            spot += rng.randrange(64)
            if spot < len(bad):
                bad[spot] ^= 1 << rng.randrange(8)
        elif kind == 4:  # the end of the newest save
            del bad[segments[-1].offset + rng.randrange(segments[-1].size):]
            bad += bytes(rng.choice([0, 0, 4096, 100]))
        elif kind == 5:  # one segment in the place of another
            other = rng.choice(segments)
            bad[segment.offset:segment.end] = good[other.offset:other.end][:segment.size]
        else:
            bad += rng.randbytes(rng.randrange(9000))
    return bytes(bad)


def verdict(data):
    """As read_sample prints it."""
    try:
        state, health = reader.File(data=data).newest()
    except reader.NotACheckpoint:
        return "RESUME_NOT_A_CHECKPOINT"
    except reader.Damaged:
        return "bad"  # DAMAGED or TRUNCATED
    words = [health, str(state.generation)]
    for index in range(len(state)):
        try:
            words.append(f"{xxhash.xxh3_128_intdigest(state.blob(index)):032x}")
        except reader.Damaged:
            words.append("bad")
    return " ".join(words)


@pytest.mark.parametrize("shape, versions", [
    ("small", 20), ("mixed", 4), ("large", 3), ("wide", 9)])
def test_reader__agrees_with_the_library_on_damaged_files(write_sample, tmp_path, rng, amount,
                                                          shape, versions):
    path, _ = write_sample(shape, range(1, versions + 1))
    good = path.read_bytes()
    segments = reader.File(path).segments
    variants = {}
    for number in range(amount(400, 60) if shape == "small" else amount(60, 10)):
        variants[f"v{number}"] = data = damage(good, segments, rng)
        (tmp_path / f"v{number}").write_bytes(data)
    command = [built("read_sample"), tmp_path, *variants]
    lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    for line in lines.splitlines():
        name, said = line.split(" ", 1)
        said = "bad" if said in ("RESUME_DAMAGED", "RESUME_TRUNCATED") else said
        assert said == verdict(variants[name]), name
