"""Every sub-command over every vector, hostile object streams, and mutations of good ones.

The checksums of the hostile streams are right (tests/vectors/builder.py makes the files), so that
what is behind them is reached. Asserted each time: an exit code that is documented, nothing raw on
stdout or stderr, valid JSON, nothing changed that is not meant to be, bounded memory and time.
What this does not show: that the values which are printed or exported are the right ones.
"""
import json
import os
import pathlib
import resource
import shutil
import signal
import struct
import subprocess
import sys

import pytest
from the_command import COMMAND, EXIT_CODES

TESTS = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(TESTS / "support"))
sys.path.insert(0, str(TESTS / "vectors"))
pytest.importorskip("xxhash")
import vectors  # noqa: E402
from builder import Blob, File, Item, Tagged, cbor  # noqa: E402
from test_schema import validate  # noqa: E402

SANITIZED = bool(os.environ.get("RESUME_SANITIZED"))
pytestmark = pytest.mark.skipif(os.environ.get("RESUME_HEAVY") == "0" and not SANITIZED,
                                reason="the same with every Python")
VECTORS = vectors.read()
WHOLE = SANITIZED or int(os.environ.get("RESUME_SCALE", "1")) > 1
MEMORY_MAX = 1 << 30
SECONDS_MAX = 60 if SANITIZED else 10

READ = [["show"], ["show", "--long", "--json"], ["log", "--json"], ["log"],
        ["diff", "--json"], ["check", "--json"],
        ["export"], ["export", "-F", "npz"], ["export", "-F", "csv"]]
WRITE = [["rollback", "{}@1"], ["prune", "--keep-last", "1", "{}"], ["rm", "--force", "{}"]]


def limit():
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS_MAX, SECONDS_MAX))
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 28, 1 << 28))
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    if not SANITIZED:  # which reserves terabytes of addresses
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_MAX, MEMORY_MAX))


def run(*arguments, binary=False):
    ran = subprocess.run([COMMAND, *map(str, arguments)], capture_output=True, preexec_fn=limit,
                         stdin=subprocess.DEVNULL, timeout=10 * SECONDS_MAX)
    what = f"resume {' '.join(map(str, arguments))}: {ran.returncode} {ran.stderr[-3000:]}"
    assert ran.returncode in EXIT_CODES, what
    assert is_clean(ran.stderr), what
    if not binary:
        assert is_clean(ran.stdout.replace(b"\r\n", b"\n")), what
    if ran.stdout.startswith(b"{") and not binary:
        try:
            validate(json.loads(ran.stdout), ran.returncode)
        except RecursionError:  # of json.loads: nested as deep as the value
            pass
    return ran


SAFE = bytes({*range(32, 127), 10, *range(128, 256)})


def is_clean(raw):
    raw.decode()
    return not raw.translate(None, SAFE)


def look_at(path, invocations=READ):
    before = path.read_bytes()
    for command, *options in invocations:
        run(command, *options, path, binary="npz" in options)
    assert path.read_bytes() == before
    assert [other.name for other in path.parent.iterdir()] == [path.name]


@pytest.fixture
def place(folder):
    (folder / "place").mkdir(mode=0o700)
    return folder / "place" / "ck"


@pytest.mark.random
def test_every_command_on_every_vector(place, rng):
    """Each command on each under the sanitizers and in a soak, else two of them on each."""
    for vector in VECTORS:
        shutil.copy(vector.path, place)
        look_at(place, READ if WHOLE else rng.sample(READ, 2))


def test_whole_folders_of_vectors(folder):
    store = folder / ".checkpoints"
    store.mkdir(mode=0o700)
    for vector in VECTORS:
        shutil.copy(vector.path, store / vector.name)
    before = {path.name: path.read_bytes() for path in store.iterdir()}
    for arguments in (["ls"], ["ls", "--json", "--all"], ["check"], ["doctor"],
                      ["doctor", "--json"], ["__names"],
                      ["prune", "--keep-last", "1", "--dry-run"]):
        run(*arguments)
    assert {path.name: path.read_bytes() for path in store.iterdir()
            if not path.name.endswith(".lock")} == before


@pytest.mark.random
def test_commands_that_write_change_nothing_else(folder, rng):
    """A neighbour stays, and what does not verify never becomes a checkpoint."""
    store = folder / ".checkpoints"
    store.mkdir(mode=0o700)
    good = next(vector for vector in VECTORS if vector.name == "good-minimal").path.read_bytes()
    outside = {path.name for path in folder.iterdir()}
    for vector in rng.sample(VECTORS, 200 if WHOLE else 20):
        for command, *options in WRITE:
            shutil.rmtree(store)
            store.mkdir(mode=0o700)
            (store / "neighbour").write_bytes(good)
            shutil.copy(vector.path, store / "ck")
            shutil.copy(vector.path, store / "ck~1")
            run(command, *[option.format("ck") for option in options])
            run("revive", "ck~1")
            assert (store / "neighbour").read_bytes() == good, (vector.name, command)
            assert {path.name for path in folder.iterdir()} == outside


# ---- object streams

def tag(number, value):
    return Tagged(number, value)


def array(dtype="<f8", shape=(4,), order=0, memory=bytes(32)):
    return tag(39262, [dtype, list(shape), order, True, memory])


def view(base, dtype="<f8", shape=(4,), strides=(8,), offset=0):
    return tag(39263, [base, dtype, list(shape), list(strides), offset, True])


def doubled(depth):
    """Lists that hold the one before twice: 2 ** depth of them when they are written out."""
    value = Item(b"\xd8\x1c" + cbor([1, 2]))
    out = [value]
    for number in range(depth):
        out.append(Item(b"\xd8\x1c" + cbor([tag(29, number), tag(29, number)])))
    return out


def deep(opening, closing, count):
    return Item(opening * count + closing)


ESCAPES = "a\x1b[31m\x00\n\r\t\x7f\x9b\u202e\ufeff'\"\\,=1"
HUGE = 2**62

VALUES = {
    "deep arrays": deep(b"\x81", b"\x00", 100000),
    "deep maps": deep(b"\xa1\x61a", b"\x00", 100000),
    "deep tuples": deep(b"\xd9\x99\x52\x81", b"\x00", 50000),
    "deep marks": deep(b"\xd8\x1c", b"\x00", 100000),
    "deep dicts": deep(b"\xd9\x99\x53\x82\x00", b"\x00", 50000),
    "deep sets": deep(b"\xd9\x99\x54\x84\x81", b"\x00\x41\x06\xf6\x00" + b"\x41\x06\xf6\x00" * 999,
                      1000),
    "deep unknown tags": deep(b"\xd9\x99\x99", b"\x00", 100000),
    "deep views": deep(b"\xd9\x99\x5f\x86", cbor(b"") + cbor(["<f8", [0], [8], 0, True])[1:], 1),
    "many": [0] * 200000,
    "billion laughs": doubled(60),
    "laughing texts": [Item(b"\xd8\x1c" + cbor("x" * 60))] + [tag(29, 0)] * 50000,
    "laughing arrays": [Item(b"\xd8\x1c" + cbor(array("|u1", (60000,), 0, bytes(60000))))]
    + [view(tag(29, 0), "|u1", (60000,), (1,)) for _ in range(30)],
    "laughing views": [Item(b"\xd8\x1c" + cbor(array("<f8", (60000,), 0, bytes(480000))))]
    + [view(tag(29, 0), "<f8", (700, 60000), (0, 8)) for _ in range(100)],
    "cycle": Item(b"\xd8\x1c\x82\xd8\x1d\x00\xd8\x1d\x00"),
    "mark of itself": Item(b"\xd8\x1c\xd8\x1d\x00"),
    "references in a ring": [Item(b"\xd8\x1c\xd8\x1d\x01"), Item(b"\xd8\x1c\xd8\x1d\x00")],
    "reference to nothing": [tag(29, 99), tag(29, 2**64 - 1), tag(29, "x"), tag(29, [1])],
    "reference as key": Item(b"\xa1\xd8\x1d\x00\x01"),
    "escapes": {ESCAPES: ESCAPES, "list": [ESCAPES] * 3, "records": [{ESCAPES: ESCAPES}] * 2},
    "surrogates": [tag(39254, b"\xed\xa0\x80\x1b"), tag(39254, b"\xff\xfe\xed"), tag(39254, 5)],
    "key of every kind": Item(b"\xa6" + b"\xf6\x01" + b"\x20\x01" + b"\x81\x00\x01"
                              + b"\xfb" + struct.pack(">d", 1.5) + b"\x01" + b"\x41\x1b\x01"
                              + b"\xa0\x01"),
    "same key": Item(b"\xa2\x61a\x01\x61a\x02"),
    "large integers": [tag(2, b"\xff" * 300), tag(3, b"\xff" * 300), tag(2, b""), tag(3, b""),
                       tag(2, "x"), tag(2, b"\xff" * 60000), 2**64 - 1, -2**64],
    "broadcast": view(array(), shape=(HUGE, 2), strides=(0, 0)),
    "broadcast that fits": view(array(), shape=(1 << 20, 1 << 20), strides=(0, 0)),
    "outside": [view(array(), shape=(5,)), view(array(), offset=1), view(array(), strides=(-8,)),
                view(array(), offset=2**64 - 1), view(array(), strides=(2**62,)),
                view(array(), shape=(2,), strides=(-2**63,), offset=24)],
    "shapes": [array(shape=(HUGE, 0)), array(shape=(HUGE, 4)), array(shape=()), array(shape=(5,)),
               array(shape=(1,) * 64), array(shape=(1,) * 65), array(shape=(2**64 - 1,)),
               array(shape=(0, HUGE, HUGE)), array(shape=(2, 2), order=[0, 0]),
               array(shape=(2, 2), order=[1]), array(shape=(2, 2), order=[1, 0])],
    "dtypes": [array(dtype) for dtype in (
        "<f8\x1b", "", "<", "<f", "<f3", "<f99999999999999999999", "<V0", "<U0", "<S0", "<O8",
        "<M8[x\x1b]", "<M8[s]", "<V1073741824", "<U99999999", ">g16", "<q8", "|b1", 5, [], [1],
        [2, "<f8", [2]], [3], [1, 8, False, []], [1, 0, False, []])],
    "records": [array([1, 8, False, fields], (2,), 0, bytes(16)) for fields in (
        [["a", 0, "<f8"]], [["", 0, "<f8"]], [["a", 4, "<f8"]], [["a", 0, "<f8"]] * 3,
        [["a", 4, "<f4"], ["b", 0, "<f4"]], [["a", 0, "<f4"], ["b", 2, "<f4"]],
        [[ESCAPES, 0, "<f4"], ["'", 4, "<i4", ESCAPES]], [["a", 0, [2, "<f4", [2]]]],
        [["a", 0, [2, "<f4", [HUGE, HUGE]]]], [["a", 0, [2, [2, "<f4", [1]], [2]]]],
        [["a", 0, [2, [1, 4, False, [["x", 0, "<f4"]]], [2]]]],
        [["x" * 50, 0, [1, 8, False, [["y" * 50, 0, [1, 8, False, [["z" * 50, 0, "<f8"]]]]]]]],
        [["a", 2**63, "<f8"]], [["a", 0]], [[]], [5], [["a", 0, "<f8", 7]])],
    "record in record": array(Item((b"\x84\x01\x08\xf4\x81\x83\x61a\x00") * 40 + b"\x63<f8")),
    "blob": [tag(39256, number) for number in (0, 1, 2, 2**64 - 1, "x", [1, 0, 4], [1], [0, 0, 1])],
    "blob arrays": [array(memory=tag(39256, 1)), array(memory=tag(39256, [1, 8, 40])),
                    view(array(memory=tag(39256, [1, 2**63, 8]), shape=(2,)), offset=2**63)],
    "packed": [tag(39257, tag(86, tag(39256, 1))), tag(39257, tag(79, b"1234567")),
               tag(39257, tag(86, "x")), tag(39257, 5), tag(86, [])],
    "array arrays": [tag(39277, ["d", 8, bytes(16)]), tag(39277, ["d", 0, bytes(16)]),
                     tag(39277, ["d", 255, b""]), tag(39277, ["\x1b", 1, b"a"]), tag(39277, "x")],
    "scalars": [tag(39264, ["<f8", bytes(8)]), tag(39264, ["<f8", b""]), tag(39264, "text"),
                tag(39264, tag(39254, b"\xed\xa0\x80")), tag(39264, b""), tag(39264, b"ab"),
                tag(39264, None), tag(39264, tag(39264, ["<f8", bytes(8)])), tag(39264, [])],
    "scalar of itself": Item(b"\xd8\x1c\xd9\x99\x60\xd8\x1d\x00"),
    "uneven lists": [[1], [1, 2], [[1]], [[]], [], [[], []], [[1, [2]], 3], [1, "a", None, 2.5]],
    "texts": ["x" * 100000, "y"],
    "simple": [Item(b"\xf7"), Item(b"\xe0"), Item(b"\xf8\xff"), Item(b"\xf9\x7e\x00"),
               Item(b"\xfa\x7f\x80\x00\x00")],
    "tables": [[{"a": 1, "b": 2}, {"b": 1, "a": {}}], [{"a": [1]}], [{}], [{"a": 1}, 5],
               [{str(i): i for i in range(5000)}] * 2],
    "opaque": tag(27, ["pkg.Class", {"x": 1}]),
    "empty forms": [tag(number, []) for number in range(39250, 39300)],
    "odd forms": [tag(number, [1]) for number in range(39250, 39300)]
    + [tag(number, "x") for number in range(39250, 39300)],
}


def checkpoint(value, *arrays):
    stream = cbor({"v": 1, "vars": {"before": 1, "x": value}, "extra": {"e": 2},
                   "tracked": {"t": [0, 3]}, "result": None})
    file = File()
    file.save([Blob(cbor({"v": 1, "vars": {"x": 0}}))])
    file.save([Blob(stream), *arrays])
    return file.bytes()


@pytest.mark.parametrize("name", VALUES)
def test_hostile_values(place, name):
    place.write_bytes(checkpoint(VALUES[name], Blob(bytes(32))))
    look_at(place)
    for options in (["-F", "raw"], ["-F", "csv"]):
        run("export", place, "x", *options, binary=True)
    for also in (["diff"] if "diff" in commands() else []):
        run(also, f"{place}@1", f"{place}@2")
    ran = run("export", "-F", "npz", place, binary=True)
    if ran.returncode in (0, 3):
        check_npz(ran.stdout)


def commands():
    ran = subprocess.run([COMMAND, "--help"], capture_output=True, text=True)
    return [line.split()[0] for line in ran.stdout.split("\n\n")[2].splitlines()]


def check_npz(data):
    """numpy reads what was not left out."""
    numpy = pytest.importorskip("numpy")
    import io
    with numpy.load(io.BytesIO(data), allow_pickle=False) as loaded:
        for name in loaded.files[:500]:
            loaded[name]


def test_huge_zeros_are_not_unfolded(place, folder):
    """512 GiB of zeros take no bytes of the file. They are exported by nobody."""
    zeros = cbor({"v": 1, "vars": {"x": array("|u1", (1 << 39,), 0, tag(39256, 1))}})
    chunk = 64 << 20
    from builder import ZERO, Chunk
    chunks = [Chunk(b"", ZERO, raw_size=chunk) for _ in range((1 << 39) // chunk)]
    file = File(chunk_size=chunk)
    file.save([Blob(zeros), Blob(b"", size=1 << 39, chunks=chunks)])
    place.write_bytes(file.bytes())
    for options in (["-o", folder / "x.npz"], ["-o", folder / "x.raw", "x"],
                    ["-o", folder / "x.csv"], ["-o", folder / "x.json"]):
        ran = run("export", place, *options)
        assert ran.returncode in (1, 3, 8), ran.stderr
        assert not list(folder.glob("x.*")) or ran.returncode == 3
    run("check", place)
    run("show", place)


@pytest.mark.random
def test_mutated_values(place, rng):
    """Bytes changed, dropped and doubled in a stream of many kinds of values."""
    good = cbor({"v": 1, "vars": {name: value for name, value in VALUES.items()
                                  if not name.startswith(("deep", "many", "laughing", "texts"))}})
    scale = int(os.environ.get("RESUME_SCALE", "1"))
    for _ in range(12 * scale):
        stream = bytearray(good)
        for _ in range(rng.choice((1, 2, 5, 30))):
            at = rng.randrange(len(stream))
            change = rng.randrange(4)
            if change == 0:
                stream[at] = rng.randrange(256)
            elif change == 1:
                stream[at] ^= 1 << rng.randrange(8)
            elif change == 2:
                del stream[at:at + rng.randrange(1, 9)]
            else:
                stream[at:at] = stream[at:at + rng.randrange(1, 20)]
        file = File()
        file.save([Blob(bytes(stream)), Blob(bytes(32))])
        place.write_bytes(file.bytes())
        look_at(place, rng.sample(READ, 3) + [["export"], ["export", "-F", "npz"]])


