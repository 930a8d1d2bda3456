"""resume diff: what changed between two saves, against numpy; hostile streams stay bounded."""
import json
import os
import pathlib
import pickle
import resource
import subprocess
import sys
import time

import pytest
from the_command import COMMAND, flip, masked
from test_schema import validate

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "vectors"))
np = pytest.importorskip("numpy")


@pytest.fixture
def pair(save):
    """pair(before, after): two saves, the variables of which are set by these lines."""
    def make(before, after, setup=""):
        def indent(lines):
            return "\n".join("    " + line.strip() for line in lines.strip().splitlines())
        save(f"""
import math, pickle
import numpy as np
from resume import Checkpoint
{setup}
def main():
    chp = Checkpoint()
    chp.restore()
{indent(before)}
    chp.save()
{indent(after)}
    chp.save()
main()
""")
    return make


def changes(ran):
    validate(ran.json, ran.code)
    return {entry["name"]: entry for entry in ran.json["changes"]}


def test_diff__golden(resume, pair):
    pair("""step, loss, name = 3, 0.5, 'a'
            grid = np.zeros((300, 400)); small = np.arange(6, dtype='i4').reshape(2, 3)
            losses = [0.9, 0.5]; config = {'rate': 0.1, 'layers': [1, 2, 3], 'same': 'x'}
            gone = (1, 2); same = [1, 'two']""",
         """step, loss, name = 4, math.nan, 'b'
            grid = grid.copy(); grid[7, 11] = 2.5; grid[299, 399] = -1; grid[0, :4] = math.nan
            small = small.copy(); small[1, 2] = -7
            losses.append(loss); config['layers'][1] = 20; config['extra'] = None
            del gone; new = 1 << 70""")
    ran = resume("diff", "sim.main")
    assert ran.code == 0 and ran.err == ""
    assert masked(ran.out) == """\
sim.main@1 (TIME) -> sim.main@3 (TIME)
  config  length 3 -> 4; ['extra'] added: None; ['layers'][1]: 2 -> 20
  gone    removed: tuple of 2 (1, 2)
  grid    6 of 120000 elements differ; largest change 2.5 at [7, 11] (0.0 -> 2.5); \
nan among them 0 -> 4
  loss    0.5 -> nan
  losses  length 2 -> 3; [2] added: nan
  name    'a' -> 'b'
  new     added: int 1180591620717411303424
  small   1 of 6 elements differ; largest change 12 at [1, 2] (5 -> -7); \
largest relative change 2.4 at [1, 2]
  step    3 -> 4
9 changed, 1 unchanged
"""


def test_diff__types_and_shapes(resume, pair):
    pair("""a, b, c, d, e = 1, None, [1, 2], np.zeros(3), np.zeros((2, 3))
            f, g, h, i = np.zeros(4, 'f4'), {1, 2}, (1, 2), True
            few, packed = [1.5] * 3, list(range(20))""",
         """a, b, c, d, e = 1.0, 'x', (1, 2), np.zeros(5), np.zeros((3, 2))
            f, g, h, i = np.zeros(4, 'f8'), {1, 3}, (1, 5), 1
            few, packed = [1.5] * 40, list(range(19)) + [7]""")
    found = changes(resume("diff", "sim.main", "--json"))
    def told(name, *keys):
        return tuple(found[name][key] for key in ("change", *keys))
    assert told("a", "type_before", "before", "type_after", "after") == \
        ("retyped", "int", "1", "float", "1.0")
    assert told("b", "type_before", "type_after") == ("retyped", "None", "str")
    assert told("c", "type_before", "type_after") == ("retyped", "list of 2", "tuple of 2")
    assert told("d", "length_before", "length_after", "extra") == \
        ("resized", 3, 5, "[3] added: 0.0")
    assert told("e", "type_before", "type_after") == \
        ("retyped", "float64 array (2, 3)", "float64 array (3, 2)")
    assert told("f", "type_after") == ("retyped", "float64 array (4,)")
    assert told("g", "path", "before", "after") == ("changed", "[1]", "2", "3")
    assert told("h", "path", "before", "after") == ("changed", "[1]", "2", "5")
    assert told("i", "type_before", "type_after") == ("retyped", "bool", "int")
    # a list of 16 and more numbers stands in another form in the file
    assert told("few", "length_before", "length_after") == ("resized", 3, 40)
    assert found["packed"]["numbers"]["changed"] == 1
    assert found["packed"]["numbers"]["largest_at"] == [19]
    text = resume("diff", "sim.main").out
    assert "  a       int 1 -> float 1.0\n" in text
    assert "  f       float32 array (4,) -> float64 array (4,)\n" in text


def test_diff__inside_of_objects(resume, pair):
    pair("""
p, q, state = Point(), Point(), Point()
p.inner, q.size, state.rows = Point(), 1, [Point()]
state.rows[0].y = {"k": [1, 2]}
slotted, listed, mapped = Slots(1), Items([1, 2]), Pairs(k=1)
listed.note = "a"
made = Made([1], 2)
one = Made(1)
""", """
p.inner.x, q.size, q.more = 2, 2, 3
state.rows[0].y["k"][1] = 5
slotted.a, mapped["k"] = 2, 2
listed[1] = 7
made.parts[0][0] = 3
one = Point()
""", """
class Point: x = 1
class Slots:
    __slots__ = "a",
    def __init__(self, a): self.a = a
class Items(list): pass
class Pairs(dict): pass
class Made:
    def __init__(self, *parts): self.parts = parts
    def __reduce__(self): return Made, self.parts
""")
    found = changes(resume("diff", "sim.main", "--json"))
    assert {name: change["path"] for name, change in found.items()} == {
        "p": ".inner", "q": ".size", "state": ".rows[0].y['k'][1]", "slotted": ".a",
        "listed": "[1]", "mapped": "['k']", "made": "(...)[0][0]", "one": ""}


def expected(a, b):
    """What numpy says about the elements that differ."""
    raw = np.dtype((np.void, a.dtype.itemsize))
    differ = (np.ascontiguousarray(a).view(raw) != np.ascontiguousarray(b).view(raw))
    differ = differ.reshape(a.shape)
    x, y = a[differ], b[differ]
    told = {"elements": a.size, "changed": int(differ.sum())}
    if a.dtype.kind in "fc":
        told |= {"nan_before": int(np.isnan(x).sum()), "nan_after": int(np.isnan(y).sum()),
                 "inf_before": int((np.isinf(x) & ~np.isnan(x)).sum()),
                 "inf_after": int((np.isinf(y) & ~np.isnan(y)).sum())}
    if a.dtype.kind in "iu":
        distance = np.array([abs(int(j) - int(i)) for i, j in zip(x, y)], dtype=object)
    elif a.dtype.kind in "fc":
        with np.errstate(all="ignore"):
            wide = "c16" if a.dtype.kind == "c" else "f8"
            distance = np.abs(y.astype(wide) - x.astype(wide))
            distance[~(np.isfinite(x) & np.isfinite(y))] = -1
    else:
        return told | {"largest": None}
    good = distance >= 0 if len(distance) else distance.astype(bool)
    if not good.any():
        return told | {"largest": None}
    return told | {"largest": distance.max()}


DTYPES = ["i1", "u1", "<i2", ">i4", "<u8", "<i8", "<f2", "<f4", ">f4", "<f8", ">f8", "<c8", "<c16",
          "?", "S5", "<U3", "<f4,<i2"]


def test_diff__numbers_as_numpy_counts_them(resume, pair, rng, folder):
    """Arrays of all kinds, shapes and memory orders, with random changes, some not finite."""
    state = np.random.default_rng(rng.randrange(1 << 32))
    arrays = {}
    for number in range(60):
        dtype = np.dtype(DTYPES[number % len(DTYPES)])
        shape = rng.choice([(7,), (3, 5), (2, 3, 4), (40, 300), (300, 311), (1,), (), (0, 3)])
        count = int(np.prod(shape))
        before = np.frombuffer(state.bytes(count * dtype.itemsize), dtype).reshape(shape).copy()
        if dtype.kind == "U":
            before = np.full(shape, "ab", dtype)
        if dtype.kind == "?":
            before = before.view("u1").__and__(1).view("?")
        after = before.copy()
        flat, other = after.reshape(-1), before.reshape(-1)
        for _ in range(rng.choice((0, 1, 3, 20))):
            if count:
                i, j = rng.randrange(count), rng.randrange(count)
                flat[i] = other[j]
                if dtype.kind in "fc":
                    flat[i] = rng.choice([flat[i], np.nan, np.inf, -np.inf, 0, -0.0, 6e4])
        order = rng.choice(["C", "F", "T", "step", "back"])
        def laid(a):
            if order == "F":
                return np.asfortranarray(a)
            if order == "T" and a.ndim > 1:
                return np.ascontiguousarray(a.T).T
            if order in ("step", "back") and a.ndim == 1:
                wide = np.zeros(3 * len(a) + 1, a.dtype)
                view = wide[1::3] if order == "step" else wide[1::3][::-1]
                view[...] = a
                return view
            return a
        arrays[f"a{number:02}"] = laid(before), laid(after)
    (folder / "arrays").write_bytes(pickle.dumps(arrays, protocol=5))
    names = "\n".join
    load = "old = pickle.load(open('arrays', 'rb'))"
    pair(load + "\n" + names(f"{n} = old['{n}'][0]" for n in arrays) + "\ndel old",
         load + "\n" + names(f"{n} = old['{n}'][1]" for n in arrays) + "\ndel old")
    with np.errstate(all="ignore"):
        ran = resume("diff", "sim.main", "--json")
        assert ran.code == 0 and ran.err == ""
        found = changes(ran)
        for name, (before, after) in arrays.items():
            told = expected(before, after)
            if told["changed"] == 0:
                assert name not in found, (name, found[name])
                continue
            numbers = found[name]["numbers"]
            note = (name, before.dtype, before.shape, told, numbers)
            largest, told_largest = told.pop("largest"), numbers["largest"]
            for key, value in told.items():
                assert numbers[key] == value, (key, note)
            if largest is None or not np.isfinite(float(largest)):
                assert told_largest is None, note
                continue
            assert told_largest == pytest.approx(float(largest), rel=1e-12, abs=0), note
            reached = abs(complex(after[tuple(numbers["largest_at"])]) -
                          complex(before[tuple(numbers["largest_at"])]))
            assert reached == pytest.approx(float(largest), rel=1e-6), note
    assert len(found) > 20


def test_diff__chunks_with_equal_checksums_are_not_read(resume, pair):
    pair("""field = np.random.default_rng(1).random(1 << 17)""",  # four chunks of 256 KiB
         """field = field.copy(); field[5] = 2.0; field[-1] = math.inf""")
    clean = changes(resume("diff", "sim.main", "-j"))["field"]["numbers"]
    assert (clean["changed"], clean["largest_at"], clean["inf_after"]) == (2, [5], 1)
    path = pathlib.Path(".checkpoints/sim.main")
    added = resume("log", "sim.main", "-j").json["generations"][-1]["added"]
    flip(path, 12288 + added // 2)  # in the middle of the array: a chunk that both share
    assert resume("check").code == 6
    ran = resume("diff", "sim.main", "-j")
    assert ran.code == 0 and changes(ran)["field"]["numbers"] == clean


def test_diff__a_chunk_that_does_not_verify(resume, pair):
    pair("field = np.random.default_rng(1).random(1 << 17); n = 1",
         "field = np.random.default_rng(2).random(1 << 17); n = 2")
    path = pathlib.Path(".checkpoints/sim.main")
    flip(path, 12288 + 300000)
    ran = resume("diff", "sim.main", "-j")
    assert ran.code == 6 and "'field' can't be compared" in ran.err
    found = changes(ran)
    assert found["field"]["change"] == "unknown" and found["n"]["after"] == "2"


def test_diff__which_saves(resume, history, folder):
    history(5)
    def compared(*places):
        ran = resume("diff", *places, "--json")
        assert ran.code == 0, ran.err
        return ran.json["before"]["generation"], ran.json["after"]["generation"]
    assert compared("sim.main") == (4, 5)
    assert compared("sim.main@2") == (2, 5)
    assert compared("sim.main@-1") == (4, 5)
    assert compared("sim.main@5") == (4, 5)
    assert compared("sim.main@1", "@3") == (1, 3)
    assert compared("sim.main@3", "sim.main@1") == (3, 1)
    assert compared("sim.main@2", "sim.main") == (2, 5)
    assert compared(".checkpoints/sim.main@4", "@-2") == (4, 3)
    ran = resume("diff", "sim.main@3", "@3")
    assert ran.code == 0 and ran.out.endswith("0 changed, 4 unchanged\n")
    (folder / "old").write_bytes((folder / ".checkpoints/sim.main").read_bytes())
    assert compared("./old@1", "sim.main@2") == (1, 2)
    for places, code in ((["sim.main@1", "@9"], 4), (["sim.main@1", "nothing"], 4), ([], 2),
                         (["a", "b", "c"], 2), (["sim.main@1", "@"], 4)):
        assert resume("diff", *places).code == code, places


def test_diff__the_end_of_a_call_is_no_change(resume, ended):
    ran = resume("diff", "sim.main", "--json").json
    assert (ran["before"]["generation"], ran["after"]["generation"]) == (2, 4)
    assert {entry["name"] for entry in ran["changes"]} == {"n", "total"}


def test_diff__one_save_alone(resume, history):
    history(1)
    ran = resume("diff", "sim.main")
    assert ran.code == 4 and "no save before generation 1" in ran.err


def test_diff__extra_tracked_and_nested_arrays(resume, save):
    save("""
        import numpy as np
        from resume import Checkpoint
        class Model:
            def __init__(self):
                self.w = {"a": np.zeros(5), "b": [np.zeros(2), np.ones(2)]}
        def main():
            chp = Checkpoint()
            model = Model()
            chp.track(model)
            shared = [1, 2]
            pair = (shared, shared)
            loop = []
            loop.append(loop)
            chp.restore()
            chp["note"] = "x"
            chp.save()
            model.w["b"][1][0] = 5
            shared.append(3)
            chp["note"] = "y"
            chp.save()
        main()
    """)
    ran = resume("diff", "sim.main", "--json")
    found = {(entry["section"], entry["name"]): entry for entry in ran.json["changes"]}
    assert found["extra", "note"]["after"] == "'y'"
    (tracked,) = (entry for key, entry in found.items() if key[0] == "tracked")
    assert tracked["path"] == "['w']['b'][1]" and tracked["numbers"]["largest_at"] == [0]
    assert found["variable", "shared"]["extra"] == "[2] added: 3"
    assert found["variable", "pair"]["differences"] == 2
    assert found["variable", "pair"]["resized_path"] == "[0]"
    assert ("variable", "loop") not in found


# ---- streams that somebody made

def two_saves(before, after, *blobs):
    builder = __import__("builder")
    file = builder.File()
    for value in (before, after):
        stream = b"".join((b"\xa2\x61v\x01\x64vars", value))
        large = len(stream) + sum(map(len, blobs)) > 900000
        file.save([builder.Blob(stream), *(builder.Blob(data) for data in blobs)],
                  **({"flags": 0} if large else {}))
    return file.bytes()


def run_bounded(data, *arguments, seconds=20):
    """With 1 GiB of memory; a sanitizer needs more addresses than that."""
    pathlib.Path("made").write_bytes(data)
    def limit():
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
        if not os.environ.get("ASAN_OPTIONS"):
            resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))
    started = time.monotonic()
    ran = subprocess.run([COMMAND, "diff", "./made", *arguments], capture_output=True,
                         preexec_fn=limit, timeout=10 * seconds)
    assert ran.returncode in range(9), (ran.returncode, ran.stderr[-500:])
    assert b"\x1b" not in ran.stdout + ran.stderr
    if "--json" in arguments and ran.stdout:
        validate(json.loads(ran.stdout), ran.returncode)
    return ran, time.monotonic() - started


def tag(number, content):
    import builder
    return builder.head(6, number) + content


def test_diff__a_stream_that_stands_for_a_tree_without_end(folder):
    """Forty lists, each of which holds the one before a hundred times: 100 to the power of 40."""
    import builder
    def bomb(leaf):
        value = tag(28, builder.cbor([leaf]))
        for i in range(40):
            value = tag(28, b"\x98\x65" + value + tag(29, builder.head(0, i)) * 100)
        return b"\xa1\x61x" + value
    for leaf in (1, 2):
        ran, _ = run_bounded(two_saves(bomb(1), bomb(leaf)), "--json")
        assert ran.returncode == 0 and (b'"complete": false' in ran.stdout)


def test_diff__one_array_a_hundred_thousand_times(folder):
    import builder
    memory = bytes(4 << 20)
    array = tag(28, tag(39262, b"\x85" + builder.cbor("<f8") + builder.cbor([1 << 19]) +
                        b"\x00\xf5" + tag(39256, b"\x01")))
    def variables(first):
        more = b"".join(builder.cbor(f"v{i:05}") + tag(29, b"\x00") for i in range(100000))
        return builder.head(5, 100002) + b"\x61a" + array + b"\x61b" + builder.cbor(first) + more
    ran, seconds = run_bounded(two_saves(variables(1), variables(2), memory), seconds=60)
    assert ran.returncode == 0


@pytest.mark.parametrize("inner", [
    b"\x81" * 5000 + b"\x01",                                       # nested lists
    b"\xa1\x61k" * 5000 + b"\x01",                                  # nested maps
    b"\xda\x00\x00\x99\x5e" * 3000 + b"\x01",                       # arrays in arrays
    b"\xd8\x1c\x81\xd8\x1d\x00",                                    # a list that holds itself
    b"\xd8\x1d\x18\x63",                                            # a reference to nothing
    b"\xd9\x99\x5e\x85\x63<f8\x82\x1b\x7f\xff\xff\xff\xff\xff\xff\xff\x02\x00\xf5\x48aaaaaaaa",
    b"\xd9\x99\x5e\x85\x63<f8\x81\x01\x00\xf5\xd9\x99\x58\x19\xff\xff",  # a blob that is not there
    b"\xd9\x99\x5f\x86\x42ab\x63|u1\x81\x05\x81\x01\x00\xf5",       # a view beyond its base
    b"\xd9\x99\x5f\x86\x42ab\x63|u1\x81\x02\x81\x20\x00\xf5",       # before it
    b"\xd9\x99\x5e\x85\x64|V99\x81\x00\x00\xf5\x40",
    b"\xd9\x99\x54\x84\x01\x41\x06\xf6\x00", b"\xd9\x99\x53\x83\x01\x02\x03", b"\xf7", b"\xe0",
    b"\xfb\x7f\xf8\x00\x00\x00\x00\x00\x01", b"\x5a\x00\x00\x00\x41" + b"x" * 65,
    b"\x6b\x1b[31mevil\x1b[0", b"\xd9\x99\x61\x82\xfb" + bytes(8) + b"\xfb" + bytes(8)])
def test_diff__strange_values(folder, inner):
    import builder
    for before, after in ((inner, b"\x01"), (b"\x01", inner), (inner, inner), (inner, b"\x80"),
                          (b"\x81" + inner, b"\x82" + inner + inner)):
        data = two_saves(b"\xa1\x61x" + before, b"\xa1\x61x" + after)
        for arguments in ([], ["--json"]):
            ran, _ = run_bounded(data, *arguments)
            if before == after and ran.returncode == 0 and not arguments:
                assert b" -> " in ran.stdout.splitlines()[0]
                assert len(ran.stdout.splitlines()) <= 3
    assert builder


@pytest.mark.random
def test_diff__random_streams_never_crash(folder, rng):
    import builder
    def item(depth):
        kind = rng.randrange(14 if depth < 6 else 5)
        if kind < 2:
            return builder.cbor(rng.choice([0, 1, -5, 1 << 62, 0.5, None, True, "text", b"bytes"]))
        if kind < 4:
            return tag(rng.choice((2, 3)), builder.cbor(rng.randbytes(rng.randrange(10))))
        if kind == 4:
            return tag(29, builder.head(0, rng.randrange(6)))
        if kind < 7:
            return tag(28, item(depth + 1))
        if kind < 9:
            count = rng.randrange(5)
            return builder.head(4, count) + b"".join(item(depth + 1) for _ in range(count))
        if kind < 11:
            count = rng.randrange(4)
            return builder.head(5, count) + b"".join(item(depth + 1) for _ in range(2 * count))
        if kind == 11:
            return tag(rng.choice((79, 86, 39257)), builder.cbor(rng.randbytes(16)))
        return tag(rng.randrange(39250, 39284), item(depth + 1))
    for _ in range(40):
        count = rng.randrange(1, 8)
        names = [builder.cbor(f"v{i}") for i in range(count)]
        streams = [builder.head(5, count) + b"".join(name + item(0) for name in names)
                   for _ in range(2)]
        run_bounded(two_saves(*streams, rng.randbytes(5000)), *rng.choice(([], ["--json"])))
