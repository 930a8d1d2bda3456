"""resume export: what numpy, json and csv read back is what was saved."""
import base64
import csv
import io
import json
import os
import pathlib
import pty
import stat
import subprocess
import zipfile

import pytest
from the_command import COMMAND

numpy = pytest.importorskip("numpy")

ARRAYS = """
    import numpy as np
    from resume import Checkpoint
    def main():
        chp = Checkpoint()
        rng = np.random.default_rng(5)
        c_order = rng.random((30, 40))
        f_order = np.asfortranarray(c_order)
        axes = np.transpose(rng.random((3, 4, 5)).copy(), (1, 0, 2)).copy(order="K")
        big = rng.random((700, 130))
        row_slice = big[10:50, 3:9]
        backwards = big[::-1, ::-3]
        turned = big.T
        broadcast = np.broadcast_to(np.arange(4.0), (3, 4))
        big_endian = np.arange(10, dtype=">i4")
        single = rng.random(17).astype("f4")
        half = np.array([1.5, -0.0, 65504, np.inf, np.nan, 6e-8], dtype="f2")
        long = np.array([1, -2.5], dtype=np.longdouble)
        complex_ = np.array([1+2j, -3.5j])
        flags = np.array([[True, False]])
        times = np.array(["2026-11-22T14:00", "NaT"], dtype="M8[s]")
        spans = np.array([1, -5], dtype="m8[25ms]")
        texts = np.array(["a", "\\u00fc\\u4e2d", ""])
        blobs = np.array([b"a\\0b", b"cd"])
        voids = np.array([b"abc"], dtype="V3")
        record = np.zeros(3, dtype=[("x", "<f8"), ("n", ">i2"), ("p", "<f4", (2, 2))])
        record["x"] = [1, 2, 3]
        record["n"] = [4, 5, -6]
        record["p"] = rng.random((3, 2, 2))
        padded = np.zeros(2, dtype=np.dtype([("a", "i1"), ("b", "<f8")], align=True))
        padded["b"] = [0.5, 7]
        nested = np.zeros(2, dtype=[("r", [("u", "<u8"), ("c", "<c8")]), ("\\u00e4 'q", "S2")])
        nested["r"]["u"] = [2**63, 1]
        nested["r"]["c"] = [1j, 2]
        titled = np.zeros(1, dtype=[(("a title", "t"), "<i4")])
        empty = np.zeros((0, 3))
        point = np.array(3.25)
        scalar = np.float32(0.1)
        count = np.uint64(2**64 - 1)
        np_text = np.str_("word")
        np_bytes = np.bytes_(b"raw")
        zeros = np.zeros(300000)
        integer, large, small = -7, 2**63, 2**64 - 1
        real, truth, number, text = 0.1, True, 2-1j, "h\\u00e9"
        byte_string = b"\\0\\xff\\0"
        byte_array = bytearray(70000)
        ints, reals = list(range(100)), [0.5] * 20
        few, mixed = [1, 2, 3], [1, 2.5, True]
        matrix = [[1, 2, 3], [4, 5, 6]]
        long_rows = [[float(i * j) for i in range(50)] for j in range(3)]
        scalars = [np.float64(1.5), np.float64(2.5)]
        words = ["a", "bcd"]
        import array
        items = array.array("h", [1, -2, 3])
        pair = (1.0, 2.0)
        none_at_all = []
        chp["learning_rate"] = 0.01
        chp.save()
    main()
"""


def values_of(source):
    """The locals of main() in such a program, by running it without saving."""
    text = "\n".join(line for line in source.splitlines() if "chp" not in line)
    text = "\n".join(line[4:] for line in text.splitlines() if line.strip() not in ("main()",))
    text = text.replace("from resume import Checkpoint", "")
    space = {}
    exec(text + "\n    return locals()", space)
    return space["main"]()


def same(a, b):
    return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()


@pytest.fixture
def arrays(save_once):
    save_once(ARRAYS)
    return values_of(ARRAYS)


def test_npz_is_what_numpy_would_have_saved(arrays, resume, folder):
    ran = resume("export", "sim.main", "-o", "out.npz")
    assert ran.code == 3 and ran.out == ""
    assert ran.err == ("resume: 'rng' is left out: numpy Generator\n"
                       "resume: 1 value was left out\n")
    with numpy.load("out.npz", allow_pickle=False) as loaded:
        names = set(loaded.files)
        for name, value in arrays.items():
            if name in ("np", "rng", "array"):
                continue
            got = loaded[name]
            if type(value) in (bytes, bytearray):
                expected = numpy.frombuffer(value, "u1")
            else:
                expected = numpy.array(value) if not isinstance(value, numpy.ndarray) else value
            if expected.dtype.names:  # whether it was aligned is not kept
                assert got.dtype.names == expected.dtype.names
                assert got.dtype.itemsize == expected.dtype.itemsize
                for field in expected.dtype.names:  # padding is anything
                    assert got[field].tobytes() == expected[field].tobytes(), name
            elif name == "long":  # the padding of x87's numbers is anything
                assert got.dtype == expected.dtype and numpy.array_equal(got, expected)
            else:
                assert same(got, expected), (name, got, expected)
            if name in ("f_order", "turned"):
                assert got.flags.f_contiguous
        assert loaded["extra.learning_rate"] == 0.01
        assert names >= set(arrays) - {"np", "rng", "array"}
    assert stat.S_IMODE(os.stat("out.npz").st_mode) == 0o666 & ~umask()


def umask():
    mask = os.umask(0)
    os.umask(mask)
    return mask


def test_npz_compressed_to_stdout_and_twice_the_same(arrays, resume, folder):
    ran = resume("export", "sim.main", "-zF", "npz")
    assert ran.code == 3 and ran.raw == resume("export", "sim.main", "-F", "npz", "-z").raw
    assert len(ran.raw) < len(resume("export", "sim.main", "-F", "npz").raw) / 2
    with numpy.load(io.BytesIO(ran.raw)) as loaded:
        assert same(loaded["big"], arrays["big"]) and same(loaded["zeros"], arrays["zeros"])
    assert zipfile.ZipFile(io.BytesIO(ran.raw)).testzip() is None


# ---- json

VALUES = """
    import collections, datetime, decimal, fractions, math, pathlib, uuid
    import numpy as np
    from resume import Checkpoint
    def main(steps=3):
        chp = Checkpoint()
        plain = {"a": [1, 2.5, None, True, "x"], "b": {"c": []}, "": {}}
        numbers = [2**53 - 1, 2**53, -2**53, 2**64, -2**64, -2**64 - 1, 3**200, 10**700, -10**700]
        floats = [0.1, 1e300, -0.0, 5.0, math.inf, -math.inf, math.nan]
        packed = [0.5] * 16 + [math.nan]
        packed_ints = [2**62] * 16
        text = "tab\\t quote\\" back\\\\ nul\\0 esc\\x1b \u00e9 \U0001f600 \u202e"
        surrogate = "a\\ud800b"
        raw = b"\\0\\xff" * 3
        raw_large = bytes(range(256)) * 400
        mutable = bytearray(b"xy")
        pair = (1, (2,), ())
        keys = {1: "a", -2: "b", "$x": "c", "$": "d"}
        any_keys = {(1, 2): "a", None: 1.5}
        group = {3}
        frozen = frozenset(["q"])
        span, cut = range(1, 10, 2), slice(None, 3)
        dots = ...
        z = 1 - 2j
        half = fractions.Fraction(1, 2)
        exact = decimal.Decimal("1.10")
        day = datetime.date(2026, 11, 22)
        moment = datetime.datetime(2026, 11, 22, 14, 0, 1, 5, datetime.timezone.utc)
        who = uuid.UUID(int=5)
        path = pathlib.PurePosixPath("/tmp/a")
        queue = collections.deque([1], 4)
        counter = collections.Counter("aab")
        default = collections.defaultdict(int, {"k": 1})
        grid = np.array([[1.5, np.nan], [3, 4]], dtype="f4")
        table = np.array([(1, b"a", [1, 2])], dtype=[("n", "i8"), ("s", "S3"), ("v", "u1", 2)])
        point = np.float64(2.5)
        kind = np.dtype("<f8")
        shared = [1]
        twice = [shared, shared, {"again": shared}]
        cycle = []
        cycle.append(cycle)
        nodes = None
        for i in range(200):
            nodes = {"next": nodes, "i": i}
        chp["rate"] = 0.5
        chp[(1, 2)] = "tuple"
        chp.save()
        chp.done({"answer": 42})
    main()
"""


def revive(value, seen=None):
    """What docs/command.md says the JSON means."""
    seen = {} if seen is None else seen
    if isinstance(value, list):
        return [revive(one, seen) for one in value]
    if not isinstance(value, dict):
        return value
    if "$value" in value:
        made = seen[value["$id"]] = []
        inner = revive(value["$value"], seen)
        if isinstance(inner, list):
            made.extend(inner)
            return made
        seen[value["$id"]] = inner
        return inner
    if len(value) == 1:
        key, content = next(iter(value.items()))
        pairs = {"$dict": dict, "$ordered_dict": dict, "$counter": dict}
        if key in pairs:
            return dict((revive(k, seen), revive(v, seen)) for k, v in content)
        simple = {
            "$ref": lambda c: seen[c], "$int": lambda c: int(c, 0), "$float": float,
            "$bytes": base64.b64decode, "$bytearray": lambda c: bytearray(base64.b64decode(c)),
            "$array": lambda c: numpy.array(c["data"], c["dtype"]).reshape(c["shape"]),
            "$scalar": lambda c: numpy.array(c["data"], c["dtype"])[()], "$dtype": numpy.dtype,
        }
        if key in simple:
            return simple[key](content)
        nested = {"$tuple": tuple, "$set": set, "$frozenset": frozenset,
                  "$complex": lambda c: complex(*c)}
        if key in nested:
            return nested[key](revive(content, seen))
        if key.startswith("$") and not key.startswith("$$") and not key[1:].lstrip("-").isdigit():
            return (key, content)
    out = {}
    for key, content in value.items():
        if key.startswith("$$"):
            key = key[1:]
        elif key.startswith("$"):
            key = int(key[1:])
        out[key] = revive(content, seen)
    return out


@pytest.fixture
def values(save_once, resume):
    save_once(VALUES)
    ran = resume("export", "sim.main")
    assert ran.code == 0 and ran.err == "", ran.err
    assert all(32 <= byte < 127 or byte == 10 for byte in ran.raw)
    return ran.json


def test_json_has_everything(values, resume):
    assert {key: values[key] for key in ("schema", "command", "name", "generation")} == {
        "schema": 1, "command": "export", "name": "sim.main", "generation": 3}
    got = values["variables"]
    assert list(got)[:3] == ["steps", "plain", "numbers"]
    assert got["plain"] == {"a": [1, 2.5, None, True, "x"], "b": {"c": []}, "": {}}
    assert revive(got["numbers"]) == [2**53 - 1, 2**53, -2**53, 2**64, -2**64, -2**64 - 1, 3**200,
                                      10**700, -10**700]
    assert got["numbers"][1] == {"$int": "9007199254740992"}
    assert got["floats"][:4] == [0.1, 1e300, -0.0, 5.0] and str(got["floats"][2]) == "-0.0"
    assert got["floats"][4:] == [{"$float": "inf"}, {"$float": "-inf"}, {"$float": "nan"}]
    assert got["packed"] == [0.5] * 16 + [{"$float": "nan"}]
    assert revive(got["packed_ints"]) == [2**62] * 16
    assert got["text"] == "tab\t quote\" back\\ nul\0 esc\x1b \u00e9 \U0001f600 \u202e"
    assert got["surrogate"] == "a\ud800b"
    assert revive(got["raw"]) == b"\0\xff" * 3
    assert revive(got["raw_large"]) == bytes(range(256)) * 400
    assert got["mutable"] == {"$bytearray": "eHk="}
    assert revive(got["pair"]) == (1, (2,), ())
    assert got["keys"] == {"$1": "a", "$-2": "b", "$$x": "c", "$$": "d"}
    assert revive(got["any_keys"]) == {(1, 2): "a", None: 1.5}
    assert got["group"] == {"$set": [3]} and got["frozen"] == {"$frozenset": ["q"]}
    assert got["span"] == {"$range": [1, 10, 2]} and got["cut"] == {"$slice": [None, 3, None]}
    assert got["dots"] == {"$constant": "Ellipsis"} and revive(got["z"]) == 1 - 2j
    assert got["half"] == {"$fraction": [1, 2]} and got["exact"] == {"$decimal": ["1.10"]}
    assert got["day"] == {"$date": ["2026-11-22"]}
    assert got["moment"]["$datetime"][:7] == [2026, 11, 22, 14, 0, 1, 5]
    assert got["who"] == {"$uuid": [{"$bytes": base64.b64encode(bytes(15) + b"\5").decode()}]}
    assert got["path"] == {"$path": ["PurePosixPath", "/tmp/a"]}
    assert got["queue"] == {"$deque": [4, [1]]}
    assert revive(got["counter"]) == {"a": 2, "b": 1}
    assert got["default"] == {"$default_dict": ["int", ["k", 1]]}
    grid = revive(got["grid"])
    assert grid.dtype == "<f4" and numpy.array_equal(grid, [[1.5, numpy.nan], [3, 4]],
                                                     equal_nan=True)
    assert got["table"]["$array"]["data"] == [{"n": 1, "s": "a", "v": [1, 2]}]
    assert revive(got["point"]) == 2.5 and revive(got["kind"]) == numpy.dtype("<f8")
    assert values["extra"] == {"rate": 0.5, "(1, 2)": "tuple"}
    assert values["result"] == {"answer": 42}


def test_json_keeps_who_is_who(values):
    got = values["variables"]
    marks = got["shared"]
    assert marks["$value"] == [1]
    reference = {"$ref": marks["$id"]}
    assert got["twice"] == [reference, reference, {"again": reference}]
    assert got["cycle"]["$value"] == [{"$ref": got["cycle"]["$id"]}]
    node, count = got["nodes"], 0
    while node is not None:
        node, count = node["next"], count + 1
    assert count == 200


def test_json_of_one_variable_defines_what_it_refers_to(values, resume):
    ran = resume("export", "sim.main", "twice")
    got = ran.json["variables"]["twice"]
    assert got[0]["$value"] == [1]
    assert got[1:] == [{"$ref": got[0]["$id"]}, {"again": {"$ref": got[0]["$id"]}}]
    assert resume("export", "sim.main", "plain.b").json["variables"] == {"plain.b": {"c": []}}


def test_json_of_a_million_nodes_needs_no_recursion(resume, save):
    save("""
        from resume import Checkpoint
        def main():
            chp = Checkpoint()
            nodes = None
            for i in range(300000):
                nodes = [nodes]
            chp.save()
        main()
    """)
    ran = resume("export", "sim.main", "nodes")
    assert ran.code == 0 and ran.out.count("[") == 300000 == ran.out.count("]")


# ---- csv

def rows(ran):
    assert b"\r\n" in ran.raw
    return list(csv.reader(io.StringIO(ran.out, newline="")))


CSV = """
    import numpy as np
    from resume import Checkpoint
    def main():
        chp = Checkpoint()
        losses = [0.5, 0.25, 0.125]
        ints = np.array([1, 2, 2**63], dtype="u8")
        words = ['plain', 'a,"b"', '=1+1']
        grid = np.arange(6).reshape(3, 2)[:, ::-1]
        wide = np.asfortranarray(np.arange(6.0).reshape(2, 3))
        people = [{"name": "Ann", "age": 3, "note": None},
                  {"age": 4, "name": "a\\x1b\\n", "note": "-"}]
        uneven = [{"a": 1}, {"b": 2}]
        points = np.array([(1.5, 2), (2.5, 3)], dtype=[("x", "f8"), ("n", "i4")])
        z = np.array([1 + 2j])
        history = {"loss": [1.0, 2.0], "lr": [0.5, float("nan")]}
        single = 4
        long = list(range(5000))
        nothing = np.zeros(0)
        chp.save()
    main()
"""


def test_csv(resume, save_once):
    save_once(CSV)
    def table(*names):
        ran = resume("export", "sim.main", "-Fcsv", *names)
        assert ran.code == 0 and ran.err == "", ran.err
        return rows(ran)
    assert table("losses") == [["losses"], ["0.5"], ["0.25"], ["0.125"]]
    assert table("losses", "ints") == [["losses", "ints"], ["0.5", "1"], ["0.25", "2"],
                                       ["0.125", str(2**63)]]
    assert table("words") == [["words"], ["plain"], ['a,"b"'], ["'=1+1"]]
    assert table("grid") == [["grid.0", "grid.1"], ["1", "0"], ["3", "2"], ["5", "4"]]
    assert table("wide") == [["wide.0", "wide.1", "wide.2"], ["0.0", "1.0", "2.0"],
                             ["3.0", "4.0", "5.0"]]
    assert table("people") == [["name", "age", "note"], ["Ann", "3", ""],
                               ["a\\x1b\\x0a", "4", "'-"]]
    assert table("points") == [["points.x", "points.n"], ["1.5", "2"], ["2.5", "3"]]
    assert table("z") == [["z.real", "z.imag"], ["1.0", "2.0"]]
    assert table("history") == [["history.loss", "history.lr"], ["1.0", "0.5"], ["2.0", "nan"]]
    assert table("history.lr") == [["history.lr"], ["0.5"], ["nan"]]
    assert len(table("long")) == 5001
    assert table("nothing") == [["nothing"]]


def test_csv_leaves_out_what_is_no_column_of_this_table(resume, save_once):
    save_once(CSV)
    ran = resume("export", "sim.main", "-Fcsv", "losses", "single", "wide", "history")
    assert ran.code == 3 and rows(ran)[0] == ["losses"]
    assert "'single' is left out: a single value" in ran.err
    assert "'wide' is left out: it has another length" in ran.err
    ran = resume("export", "sim.main", "-Fcsv", "single")
    assert ran.code == 1 and ran.out == "" and "nothing here is a column" in ran.err
    ran = resume("export", "sim.main", "uneven", "-o", "uneven.csv")
    assert ran.code == 1 and "different keys" in ran.err and not os.path.exists("uneven.csv")


# ---- raw

def test_raw(arrays, resume):
    def raw(name):
        ran = resume("export", "sim.main", name, "-F", "raw")
        assert ran.code == 0
        return ran
    assert raw("c_order").raw == arrays["c_order"].tobytes()
    assert raw("backwards").raw == arrays["backwards"].tobytes()
    assert raw("f_order").raw == arrays["f_order"].tobytes()
    assert "dtype '<f8', shape (30, 40), rows first" in raw("f_order").err
    assert raw("text").raw == "h\u00e9".encode()
    assert raw("byte_string").raw == b"\0\xff\0"
    assert raw("byte_array").raw == bytes(70000)
    assert raw("ints").raw == numpy.arange(100, dtype="i8").tobytes()
    for names in ([], ["c_order", "f_order"]):
        ran = resume("export", "sim.main", "-F", "raw", *names)
        assert ran.code == 2 and ran.raw == b"" and "raw is for one variable" in ran.err


@pytest.mark.parametrize("index", ["[::-1]", "[:, ::7]", ".T", "[5:90:3, 10:1:-1].T", "[::20, :1]"])
def test_raw_of_a_view_in_any_order(resume, save, index):
    save(f"""
        import numpy as np
        from resume import Checkpoint
        def main():
            chp = Checkpoint()
            grid = np.arange(1000000).reshape(1000, 1000)
            part = grid{index}
            chp.save()
        main()
    """)
    grid = numpy.arange(1000000).reshape(1000, 1000)
    assert resume("export", "sim.main", "part", "-F", "raw").raw == eval(f"grid{index}").tobytes()


def test_no_binary_to_a_terminal(ended):
    for arguments, code in ((["-Fnpz"], 2), (["-Fraw", "names"], 2), (["-Fnpz", "-f"], 0)):
        parent, child = pty.openpty()
        ran = subprocess.run([COMMAND, "export", "sim.main", *arguments], stdout=child,
                             stderr=subprocess.PIPE)
        os.close(child)
        os.close(parent)
        assert ran.returncode == code, ran.stderr
        assert (b"terminal" in ran.stderr) == (code == 2)


# ---- the file

def litter():
    return sorted(path.name for path in pathlib.Path().iterdir())


def test_a_file_is_never_replaced_without_force(resume, cut_off):
    pathlib.Path("out.json").write_text("mine")
    before = litter()
    ran = resume("export", "sim.main", "-o", "out.json")
    assert ran.code == 1 and "--force" in ran.err
    assert pathlib.Path("out.json").read_text() == "mine" and litter() == before
    assert resume("export", "sim.main", "-fo", "out.json").code == 0
    assert json.loads(pathlib.Path("out.json").read_text())["variables"]["step"] == 2
    assert litter() == before


def test_places_that_are_no_place_for_a_file(resume, cut_off, folder):
    os.symlink("elsewhere", "link.json")
    os.mkfifo("pipe.json")
    os.mkdir("folder.json")
    before, good = litter(), cut_off.read_bytes()
    for name in ("link.json", "pipe.json", "folder.json", "/dev/null", "nowhere/x.json", "", ".",
                 "folder.json/", ".checkpoints/sim.main"):
        for options in ("-o", "-fo"):
            ran = resume("export", "sim.main", options, name)
            said = any(words in ran.err for words in ("; ", "is no name"))  # what to do next
            assert ran.code in (1, 2, 8) and not ran.out and said, (name, options, ran.err)
    assert litter() == before and cut_off.read_bytes() == good


def test_a_full_disk_leaves_nothing(resume, arrays):
    before = litter()  # the limit of the shell stands for a full disk: EFBIG instead of ENOSPC
    ran = subprocess.run(["sh", "-c", "ulimit -f 64; trap '' XFSZ; exec \"$@\"", "-", COMMAND,
                          "export", "sim.main", "-o", "out.npz"], capture_output=True, text=True)
    assert ran.returncode == 8 and "out.npz" in ran.stderr, ran
    assert litter() == before
    with open("/dev/full", "w") as full:
        for name in ("json", "npz", "csv"):
            ran = subprocess.run([COMMAND, "export", "sim.main", "big", "-F", name], stdout=full,
                                 stderr=subprocess.PIPE, text=True)
            assert ran.returncode == 8 and "failed" in ran.stderr, (name, ran)


# ---- what is damaged or hostile

def test_nothing_is_exported_that_does_not_verify(resume, save, cut_off):
    save("""
        import numpy as np
        from resume import Checkpoint
        def main():
            chp = Checkpoint("big")
            grid = np.random.default_rng(1).random(200000)
            chp.save()
        main()
    """)
    path = cut_off.with_name("big")
    data = bytearray(path.read_bytes())
    data[400000] ^= 1
    path.write_bytes(data)
    before = litter()
    for arguments in (["-o", "x.npz"], ["-F", "npz"], [], ["-F", "csv", "grid"],
                      ["-F", "raw", "grid"], ["-o", "x.json"]):
        ran = resume("export", "big", *arguments)
        assert ran.code == 6 and ran.raw == b"", (arguments, ran.code, ran.err)
        assert "does not match" in ran.err
    assert litter() == before


def test_an_older_save_is_exported_when_the_newest_is_torn(resume, cut_off):
    data = cut_off.read_bytes()
    cut_off.write_bytes(data[:-2000])
    ran = resume("export", "sim.main")
    assert ran.code in (3, 6) and ran.json["generation"] == 1 and ran.err
    assert resume("export", "sim.main@1", "step").json["variables"] == {"step": 1}


def test_names_that_are_paths_are_no_paths(resume, save, folder):
    save("""
        from resume import Checkpoint
        def main():
            chp = Checkpoint()
            for key in ("../../up", "/abs", "a/b", ".hidden", "..", "con:", "a\\x1b[31m", "",
                        "\u00fc",
                        "a\\\\b", "dup", "x" * 900):
                chp[key] = 1
            chp.save()
        main()
    """)
    ran = resume("export", "sim.main", "-o", "out.npz")
    assert ran.code == 0 and "\x1b" not in ran.err
    assert "'extra.../../up' is called" in ran.err
    names = zipfile.ZipFile("out.npz").namelist()
    assert len(names) == len(set(names)) == 13
    assert "extra.\u00fc.npy" in names and "extra.dup.npy" in names
    for name in names:
        assert "/" not in name and "\\" not in name and not name.startswith("."), name
        assert ".." not in name and "\x1b" not in name and len(name.encode()) < 640
    with numpy.load("out.npz") as loaded:
        assert all(loaded[name] == 1 for name in loaded.files if name != "key")


def test_one_name_for_two_values(resume, save):
    save("""
        from resume import Checkpoint
        def main():
            chp = Checkpoint()
            a = {"b/c": 1, "b:c": 2, "b_c": 3, "b_c_2": 4}
            chp.save()
        main()
    """)
    ran = resume("export", "sim.main", "-o", "out.npz")
    with numpy.load("out.npz") as loaded:
        assert sorted(int(loaded[name]) for name in loaded.files) == [1, 2, 3, 4]
    assert ran.code == 0 and ran.err.count("is called") == 4


def test_what_stands_in_itself_is_left_out_once(resume, save, folder):
    save("""
        from resume import Checkpoint
        def main():
            chp = Checkpoint()
            shared = {"x": 1.5}
            tree = {"weight": [1.0, 2.0], "left": shared, "right": shared}
            tree["left"]["root"] = tree
            ring = [2, []]
            ring[1].append(ring)
            chp.save()
        main()
    """)
    ran = resume("export", "sim.main", "-o", "out.npz")
    assert ran.code == 3 and sorted(ran.err.splitlines()[:-1]) == [
        "resume: 'ring.1.0' is left out: it is 'ring' again, which it stands in",
        "resume: 'shared.root.left' is left out: it is 'shared' again, which it stands in",
        "resume: 'shared.root.right' is left out: it is 'shared' again, which it stands in",
        "resume: 'tree.left.root' is left out: it is 'tree' again, which it stands in",
        "resume: 'tree.right.root' is left out: it is 'tree' again, which it stands in"]
    assert ran.err.splitlines()[-1] == "resume: 5 values were left out"
    with numpy.load("out.npz") as loaded:
        assert sorted(loaded.files) == [
            "ring.0", "shared.root.weight", "shared.x", "tree.left.x", "tree.right.x",
            "tree.weight"]
    # one that is asked for by name is followed as far as the name goes
    ran = resume("export", "sim.main", "tree.left.root.left.root.weight", "-o", "deep.npz")
    assert ran.code == 0 and ran.err == ""
    with numpy.load("deep.npz") as loaded:
        assert loaded["tree.left.root.left.root.weight"].tolist() == [1.0, 2.0]


def test_unknown_variable(resume, cut_off):
    ran = resume("export", "sim.main", "stpe")
    assert ran.code == 4 and ran.out == "" and "did you mean 'step'?" in ran.err
    ran = resume("export", "sim.main", "-f", "json")  # as other programs spell --format
    assert ran.code == 4 and ran.out == "" and "chosen with --format=json" in ran.err
    ran = resume("export", "sim.main", "steps.deeper")
    assert ran.code == 4 and ran.out == ""
    assert resume("export", "sim.man").code == 4
    assert resume("export").code == 2
