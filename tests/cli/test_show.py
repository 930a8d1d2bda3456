"""resume show: the summary, values of each type, generations, places, JSON."""
import pathlib
import re
import shutil
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "vectors"))


def variables(ran):
    return {entry["name"]: entry for entry in ran.json["variables"]}


def test_show__golden(resume, cut_off, folder):
    ran = resume("show", "sim.main")
    assert ran.code == 0 and ran.err == ""
    text = ran.out.replace(str(folder), "/WORK")
    for pattern, word in ((r"\d+ s ago", "AGO"), (r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", "TIME"),
                          (r"[\d.]+ (Ki)?B\b", "SIZE"), (r"host .*, process \d+", "host HOST"),
                          (r"writer .*", "writer WRITER"), (r"\b\d+ s so far", "N s so far")):
        text = re.sub(pattern, word, text)
    assert [line.split() for line in text.splitlines()] == [line.split() for line in """\
sim.main: cut off, generation 2, saved AGO

program    /WORK/sim.py
function   sim:main
file       /WORK/.checkpoints/sim.main
size       SIZE of state in a file of SIZE
started    TIME
saved      TIME
running    N s so far, 2 saves
host HOST
writer WRITER
health     good

GENERATION SAVED SIZE
2 TIME SIZE
1 TIME SIZE

VARIABLE TYPE VALUE
steps int 5
step int 2

ARGUMENT WHEN THE CALL BEGAN
steps 5
""".splitlines()]


def test_show__a_value_of_each_type(resume, save):
    save("""
        from resume import Checkpoint
        def main():
            chp = Checkpoint()
            none, yes, integer, negative, huge = None, True, 7, -3, 1 << 80
            low = -1 << 96
            real, whole, text, raw = 0.1, 2.0, "caf\\u00e9", b"a\\x00"
            items, pair, mapping = [1, "two", [3]], (1, 2), {"k": 1, 2: None}
            few, frozen, steps, cut = {5}, frozenset({6}), range(3), slice(1, 2)
            numbers, floats = list(range(100)), [0.5] * 100
            large = list(range(20000))
            odd = {(1, 2): 3}
            looped = []
            looped.append(looped)
            nested = None
            for _ in range(100000):
                nested = [nested]
            chp.restore()
            chp.save()
        main()
    """)
    ran = resume("show", "sim.main", "--json")
    assert ran.code == 0, ran.err
    found = {name: (entry["type"], entry["value"]) for name, entry in variables(ran).items()}
    for name, expected in {
            "none": ("None", "None"), "yes": ("bool", "True"), "integer": ("int", "7"),
            "negative": ("int", "-3"), "huge": ("int", str(1 << 80)),
            "low": ("int", str(-(1 << 96))),
            "real": ("float", "0.1"), "whole": ("float", "2.0"), "text": ("str", "'caf\u00e9'"),
            "raw": ("bytes of 2", "b'a\\x00'"), "items": ("list of 3", "[1, 'two', [3]]"),
            "pair": ("tuple of 2", "(1, 2)"), "mapping": ("dict of 2", "{'k': 1, 2: None}"),
            "few": ("set of 1", "{5}"), "frozen": ("frozenset of 1", "frozenset({6})"),
            "steps": ("range", "range(0, 3, 1)"), "cut": ("slice", "slice(1, 2, None)"),
            "odd": ("dict of 1", "{(1, 2): 3}")}.items():
        assert found[name] == expected, name
    assert found["numbers"][0] == "list of 100" and found["numbers"][1].startswith("[0, 1, 2, ")
    assert found["floats"] == ("list of 100", "[" + ", ".join(["0.5"] * 100) + "]")
    assert found["large"][0] == "list of 20000" and found["large"][1].startswith("[0, 1, 2, ")
    assert found["large"][1].endswith("...")
    assert found["looped"] == ("list of 1", "[[...]]")
    assert found["nested"][0] == "list of 1" and "..." in found["nested"][1]


def test_show__arrays(resume, save):
    pytest.importorskip("numpy")
    save("""
        import numpy as np
        from resume import Checkpoint
        def main():
            chp = Checkpoint()
            small = np.arange(6, dtype=np.int16).reshape(2, 3)
            big = np.zeros((300, 400))
            scalar = np.float32(1.5)
            row, column = small[1], small[:, 1]
            rng = np.random.default_rng(1)
            chp.restore()
            chp.save()
        main()
    """)
    found = variables(resume("show", "sim.main", "--json"))
    assert found["small"]["type"] == "int16 array (2, 3)"
    assert found["big"]["type"] == "float64 array (300, 400)"
    assert found["small"]["value"] == "[0, 1, 2, 3, 4, 5]"
    assert (found["scalar"]["type"], found["scalar"]["value"]) == ("numpy float32", "1.5")
    assert (found["column"]["type"], found["column"]["value"]) == ("int16 array (2,)", "[1, 4]")
    assert found["row"]["value"] == "[3, 4, 5]"
    assert found["rng"]["type"] == "numpy Generator"


def test_show__elements_of_every_kind(resume, save):
    pytest.importorskip("numpy")
    save("""
        import numpy as np
        from resume import Checkpoint
        def main():
            chp = Checkpoint()
            small = np.arange(6, dtype=np.int16).reshape(2, 3)
            back, turned = small[::-1, ::2], np.asfortranarray(small)
            record = np.array([(1, 2.5, b"ab"), (-2, float("nan"), b"")],
                              dtype=[("i", "<i4"), ("f", "<f8"), ("s", "S2")])
            parts = np.zeros(1, dtype=[("v", "<i2", (2,)), ("w", "?")])
            when = np.array(["2026-11-22T10:30:01.5", "NaT", "1969-12-31T23:59:59.999"], "M8[ms]")
            days = np.array(["1600-02-29", "2000-03-01", "-0044-03-15"], dtype="M8[D]")
            other = [np.array(["2026-11"], "M8[M]"), np.array([-1], "M8[Y]"),
                     np.array([1], "M8[W]"), np.array([3], "M8[10us]"), np.array([1], "M8[h]"),
                     np.array([9], "M8[as]"), np.array([2**62], "M8[s]"), np.array([5], "m8[s]")]
            large = np.array([1, -2], dtype=">i4")
            pair = np.array([1+2j, -0.5-1j], dtype=">c16")
            half = np.array([0.5, 65504], dtype="f2")
            texts = np.array(["ab", chr(228) + chr(0x1f600)])
            raw, nothing = np.array([bytes([0, 1])], dtype="V2"), np.zeros((0, 3))
            scalar = np.datetime64("2026-01-01T01", "h")
            wide = np.broadcast_to(np.int8(7), (1 << 20, 1 << 20))
            much = np.arange(2_000_000.0)[1::2]
            chp.restore()
            chp.save()
        main()
    """)
    found = {name: entry["value"]
             for name, entry in variables(resume("show", "sim.main", "--json")).items()}
    assert found["back"] == "[3, 5, 0, 2]"
    assert found["turned"] == "[0, 1, 2, 3, 4, 5]"
    assert found["record"] == "[(1, 2.5, b'ab'), (-2, nan, b'')]"
    assert found["parts"] == "[([0, 0], False)]"
    assert found["when"] == "[2026-11-22T10:30:01.500, NaT, 1969-12-31T23:59:59.999]"
    assert found["days"] == "[1600-02-29, 2000-03-01, -0044-03-15]"
    assert found["other"] == ("[[2026-11], [1969], [1970-01-08], [1970-01-01T00:00:00.000030], "
                              "[1970-01-01T01], [9[as]], [4611686018427387904[s]], [5]]")
    assert found["large"] == "[1, -2]"
    assert found["pair"] == "[(1.0+2.0j), (-0.5-1.0j)]"
    assert (found["half"], found["texts"]) == ("[0.5, 65504.0]", "['ab', '\xe4\U0001f600']")
    assert (found["raw"], found["nothing"]) == ("[b'\\x00\\x01']", "[]")
    assert found["scalar"] == "2026-01-01T01"
    assert found["wide"].startswith("[7, 7, ") and found["wide"].endswith("...")
    assert found["much"].startswith("[1.0, 3.0, ") and found["much"].endswith("...")


def test_show__deques(resume, save):
    save("""
        import collections
        from resume import Checkpoint
        def main():
            chp = Checkpoint()
            last, plain = collections.deque([1, [2]], 5), collections.deque("ab")
            inside = [collections.deque([], 0), 7]
            chp.restore()
            chp.save()
        main()
    """)
    found = variables(resume("show", "sim.main", "--json"))
    assert (found["last"]["type"], found["last"]["value"]) == (
        "deque of 2", "deque([1, [2]], maxlen=5)")
    assert (found["plain"]["type"], found["plain"]["value"]) == ("deque of 2", "deque(['a', 'b'])")
    assert found["inside"]["value"] == "[deque([], maxlen=0), 7]"


def test_show__json(resume, cut_off, folder):
    result = resume("show", "sim.main", "--json").json
    assert result["schema"] == 1 and result["command"] == "show" and result["exit"] == 0
    assert result["path"] == str(folder / ".checkpoints/sim.main")
    assert (result["state"], result["health"], result["generation"]) == ("cut off", "good", 2)
    assert [entry["generation"] for entry in result["generations"]] == [2, 1]
    assert result["arguments"] == [{"name": "steps", "value": "5"}]
    assert {"name": "step", "type": "int", "value": "2"} in result["variables"]


def test_show__an_older_generation(resume, cut_off):
    assert variables(resume("show", "sim.main", "-g1", "-j"))["step"]["value"] == "1"
    ran = resume("show", "sim.main", "--generation", "99")
    assert ran.code == 4 and "99" in ran.err


def test_show__a_generation_behind_the_name(resume, cut_off, folder):
    def step(place, *more):
        return variables(resume("show", place, "-j", *more))["step"]["value"]
    for place in ("sim.main", ".checkpoints/sim.main", str(folder / ".checkpoints/sim.main")):
        assert [step(f"{place}@{which}") for which in ("1", "2", "-1")] == ["1", "2", "1"]
    assert step("sim.main@-1", "-g2") == "2"
    for place, words in [("sim.main@3", "generation 3 of 'sim.main' is not kept; 'resume log NAME"),
                         ("sim.main@-2", "only 2 generations of 'sim.main' are kept"),
                         ("sim.main@-18446744073709551617", "is no generation"),
                         ("sim.main@99999999999999999999", "is no generation"),
                         ("sim.main@", "'@' is no generation"),
                         ("sim.main@two", "'@two' is no generation"),
                         ("sim.main@0", "'@0' is no generation"),
                         ("sim.main@-0", "is no generation"),
                         ("sim.main@+1", "is no generation"),
                         ("other@1", "there is no checkpoint 'other'"),
                         ("./other@1", "there is no file './other'")]:
        ran = resume("show", place)
        assert ran.code == 4 and words in ran.err, (place, ran.err)


def test_show__a_name_with_an_at_is_meant_first(resume, save):
    save("""
        from resume import Checkpoint
        def main(name, value):
            chp = Checkpoint(name)
            chp.restore()
            for i in range(3):
                step = value + i
                chp.save()
        main("a", 10)
        main("a@2", 20)
    """)
    def step(place):
        return variables(resume("show", place, "-j"))["step"]["value"]
    assert [step(place) for place in ("a", "a@2", "a@3", "a@2@2")] == ["12", "22", "12", "21"]
    assert step(".checkpoints/a@2") == "11"  # its file is called a%402


def test_show__extra_values(resume, save):
    save("""
        from resume import Checkpoint
        def main():
            chp = Checkpoint()
            chp.restore()
            chp["note"] = "kept"
            chp.save(more=[1])
        main()
    """)
    extra = resume("show", "sim.main", "--json").json["extra"]
    assert {"name": "note", "type": "str", "value": "'kept'"} in extra
    assert {"name": "more", "type": "list of 1", "value": "[1]"} in extra


def test_show__shared_values_are_followed(resume, save):
    save("""
        from resume import Checkpoint
        def main(inbox):
            chp = Checkpoint()
            first = ["a", 1]
            second = {"first": first, "again": first}
            first.append(second)
            same = inbox
            chp.restore()
            chp.save()
        main(["mutable argument"])
    """)
    found = variables(resume("show", "sim.main", "--json"))
    assert found["first"]["value"] == "['a', 1, {'first': [...], 'again': [...]}]"
    assert found["second"]["type"] == "dict of 2"
    for name in ("inbox", "same"):
        assert (found[name]["type"], found[name]["value"]) == ("list of 1", "['mutable argument']")


def test_show__what_was_not_saved_and_the_result(resume, save):
    save("""
        import threading, warnings
        from resume import Checkpoint
        warnings.simplefilter("ignore")
        def main():
            chp = Checkpoint()
            lock = threading.Lock()
            x = 1
            chp.restore()
            chp[(1, 2)] = "key that is no text"
            chp.save()
            chp.done({"answer": 42})
        main()
    """)
    ran = resume("show", "sim.main")
    assert ran.code == 0
    assert "NOT SAVED" in ran.out and "lock" in ran.out.split("NOT SAVED")[1]
    result = resume("show", "sim.main", "--json").json
    assert [entry["name"] for entry in result["skipped"]] == ["lock"]
    assert result["result"] == [{"name": "result", "type": "dict of 1", "value": "{'answer': 42}"}]
    assert {"name": "(1, 2)", "type": "str", "value": "'key that is no text'"} in result["extra"]


def test_show__by_name_file_name_and_path(resume, cut_off, folder, monkeypatch):
    shutil.copy(cut_off, cut_off.with_name("sim.main~1"))
    shutil.copy(cut_off, folder / "backup")
    for argument in ("sim.main", "sim.main~1", ".checkpoints/sim.main", folder / "backup",
                     "backup", "./backup"):
        assert resume("show", argument).code == 0, argument
    monkeypatch.chdir(folder / ".checkpoints")
    assert resume("show", "sim.main").code == 0


def test_show__not_found(resume, cut_off, folder):
    for argument in ("sim.mian", "nowhere/sim.main", folder / "nothing"):
        ran = resume("show", argument)
        assert ran.code == 4 and ran.out == "" and str(argument) in ran.err
    ran = resume("show", ".checkpoints/")
    assert ran.code == 1 and "is a folder" in ran.err


def test_show__functions_and_classes_by_name(resume, save):
    save("""
        import math
        from resume import Checkpoint
        def top(): pass
        def main():
            chp = Checkpoint()
            class Local:
                count = []
            key, root, chosen = (lambda x: x), math.sqrt, top
            both = [key, Local]
            chp.save()
        main()
    """, name="sim.py")
    values = {name: entry["value"] for name, entry in variables(resume(
        "show", "--json", "sim.main")).items()}
    assert values["key"] == "<function __main__.main.<locals>.<lambda>>"
    assert (values["root"], values["chosen"]) == ("math.sqrt", "__main__.top")
    assert values["Local"] == "<class __main__.main.<locals>.Local>"
    assert values["both"] == f"[{values['key']}, {values['Local']}]"


def test_show__where_the_frames_of_a_checkpoint_stand(resume, folder):
    import builder
    from stream_parts import CODE, FRAMES, RUNNER, Tagged, mark, REF

    def code(name):
        return Tagged(CODE, ["sim", name, None, bytes(16), 779, bytes(16)])
    generator = Tagged(RUNNER, [[[mark(code("numbers")), 5, 3, 4, "O", ""]], 1])
    frames = Tagged(FRAMES, [[[mark(code("main")), 20, 30, 1, "OO", "O"],
                              [mark(code("relax")), 12, 9, 1, "", ""],
                              [REF[2], 13, 9, 0, "-", ""]], [1], generator, 3, None])
    stream = builder.cbor({"v": 1, "vars": {"x": 1, "g": generator}, "frames": frames})
    file = builder.File()
    file.save([builder.Blob(stream)])
    (folder / "frames").write_bytes(file.bytes())
    ran = resume("show", "frames")
    assert ran.code == 0
    shown = [line.split() for line in ran.out.split("STANDS IN")[1].splitlines()[:4]]
    assert shown == [["LINE"], ["sim.main", "20"], ["sim.relax", "12"], ["sim.relax", "13"]]
    assert "<generator sim.numbers, line 5>" in ran.out
    assert resume("show", "frames", "--json").json["frames"] == [
        {"name": "sim.main", "value": "20"}, {"name": "sim.relax", "value": "12"},
        {"name": "sim.relax", "value": "13"}]
