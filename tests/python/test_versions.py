"""Files that one Python has saved go on in another, and between numpy 1 and 2.

What `./dev setup` has made for other Pythons takes part; tools/chroot-test has 3.14 and 3.15.
"""
import os
import pathlib
import re
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
HERE = "%d.%d" % sys.version_info[:2]

PROGRAM = """
    import array, collections, dataclasses, datetime, decimal, enum, fractions, functools, ipaddress
    import itertools, json, operator, pathlib, random, re, statistics, types, typing, uuid, zoneinfo
    import resume
    try:
        import numpy
    except ImportError:
        numpy = None

    class Plain:
        def __init__(self, **attributes):
            vars(self).update(attributes)

    class Slots:
        __slots__ = ("a", "b")

    @dataclasses.dataclass
    class Data:
        x: int
        rows: list = dataclasses.field(default_factory=list)

    @dataclasses.dataclass(frozen=True, slots=True)
    class Frozen:
        x: int
        y: str = "y"

    class Color(enum.Enum):
        RED = 1
        BLUE = "b"

    class Bits(enum.Flag):
        A = 1
        B = 2

    class Pair(typing.NamedTuple):
        left: int
        right: object

    class Words(list):
        pass

    class Table(dict):
        pass

    class Trouble(Exception):
        pass

    def grow(x, by=1):
        return x + by

    def make():
        slots = Slots()
        slots.a = [1]
        words, table = Words("ab"), Table(k=[2])
        words.name, table.name = "w", "t"
        trouble = Trouble("bad", 3)
        trouble.detail = {"a": 1}
        shared = [1, 2]
        cycle = {"me": None, "shared": shared}
        cycle["me"] = [cycle]
        values = {
            "numbers": [1, -2 ** 200, 1.5, 2j, True, None, ..., decimal.Decimal("1.50"),
                        fractions.Fraction(1, 3)],
            "texts": ["a", "\\u20ac", b"b", bytearray(b"c"), "\\udc80"],
            "times": [datetime.date(2026, 1, 2), datetime.timedelta(1, 2), datetime.time(3, fold=1),
                      datetime.datetime(2026, 1, 2, tzinfo=datetime.timezone.utc),
                      datetime.datetime(2026, 1, 2, tzinfo=zoneinfo.ZoneInfo("Europe/Berlin"))],
            "containers": [(1, (2,)), {3, 1, 2}, frozenset("ab"), range(1, 9, 2), slice(1, None),
                           collections.deque([1, 2], 3), collections.OrderedDict(b=1, a=2),
                           collections.Counter("aab"), collections.defaultdict(list, k=[1]),
                           collections.ChainMap({"a": 1}, {"b": 2}), array.array("d", [1, 2]),
                           types.SimpleNamespace(a=1), types.MappingProxyType],
            "library": [uuid.UUID(int=7), pathlib.PurePosixPath("/a/b"), pathlib.Path("c"),
                        pathlib.PureWindowsPath("c:/d"), re.compile("a+", re.I),
                        functools.partial(grow, by=3), ipaddress.ip_address("10.0.0.1"),
                        statistics.NormalDist(1, 2), list[int], int | None, operator.itemgetter(1),
                        json.dumps, len, grow, Plain, OSError(2, "no"), complex],
            "objects": [Plain(a=1, shared=shared), slots, Data(1, [2]), Frozen(5), Color.RED,
                        Color.BLUE, Bits.A | Bits.B, Pair(1, [2]), words, table, trouble, shared],
            "iterators": [iter([1, 2, 3]), itertools.count(5), enumerate("ab"), zip("ab", "cd"),
                          itertools.islice(range(100), 5, 20, 3), itertools.cycle([1, 2])],
            "cycle": cycle, "random": random.Random(5),
        }
        next(values["iterators"][0]), next(values["iterators"][5])
        if numpy:
            frame = numpy.arange(12.0).reshape(3, 4)
            objects = numpy.empty(3, object)
            objects[:] = [1, "a", frame]
            record = numpy.array([(1, 2.5), (3, 4.5)], [("a", "<i4"), ("b", ">f8")])
            values["numpy"] = [
                frame, frame[::2, 1:], objects, record, record.view(numpy.recarray),
                numpy.float64(1.5), numpy.datetime64("2026-01-02"), numpy.dtype("<U3"),
                numpy.array(["a", "bc"]), numpy.ma.masked_array([1, 2], [0, 1]),
                numpy.random.default_rng(3), numpy.random.RandomState(4), numpy.float32,
                numpy.polynomial.Polynomial([1, 2]), numpy.add, numpy.linalg.norm,
                numpy.matrix([[1, 2]])]
        return values

    def show(value, seen=()):
        if any(value is one for one in seen) and isinstance(value, (dict, list)):
            return "..."
        if type(value).__module__ in ("types", "typing") and value == (int | None):
            return "int | None"  # 3.14 has one type of unions, saved under the name of typing
        seen = (*seen, value)
        inner = lambda items: ", ".join(show(one, seen) for one in items)
        name = type(value).__name__
        if isinstance(value, (list, tuple, collections.deque)) and not isinstance(value, Pair):
            return f"{name}({inner(value)}){vars(value) if isinstance(value, Words) else ''}"
        if isinstance(value, collections.ChainMap):
            return f"{name}({inner(value.maps)})"
        if isinstance(value, dict):
            return f"{name}({inner(value)}: {inner(value.values())})" + (
                repr(vars(value)) if isinstance(value, Table) else "")
        if isinstance(value, (set, frozenset)):
            return f"{name}({sorted(value)})"
        if isinstance(value, (Plain, BaseException)):
            return f"{name}({show(getattr(value, 'args', ()), seen)}, {show(vars(value), seen)})"
        if isinstance(value, Slots):
            return f"Slots({value.a}, {hasattr(value, 'b')})"
        if isinstance(value, (random.Random,)):
            return str(value.getstate())
        if isinstance(value, functools.partial):
            return f"partial({value(1)}, {value.args}, {value.keywords})"
        if isinstance(value, type) or callable(value) and hasattr(value, "__qualname__"):
            return f"{value.__qualname__}"
        if hasattr(value, "__next__"):
            return f"{name}({list(itertools.islice(value, 8))})"
        if isinstance(value, enum.Enum):
            return f"{name}.{value.name}"
        if numpy and isinstance(value, numpy.ndarray):
            return f"{name}({value.dtype}, {value.shape}, {inner(value.tolist())})"
        if numpy and isinstance(value, numpy.random.Generator):
            return f"Generator({value.integers(1 << 40, size=3).tolist()})"
        if numpy and isinstance(value, numpy.random.RandomState):
            return f"RandomState({value.randint(1 << 20, size=3).tolist()})"
        if isinstance(value, operator.itemgetter):
            return str(value("abc"))
        return f"{name}({value!s})"

    def work():
        chp = resume.Checkpoint("values", again="continue")
        step, values = 0, None
        chp.restore()
        if step:
            before, after = show(make()), show(values)
            assert values["objects"][-1] is values["objects"][0].shared is values["cycle"]["shared"]
            if before != after:
                at = next(i for i, (a, b) in enumerate(zip(before, after)) if a != b)
                raise SystemExit(f"{before[at - 80:at + 80]}\\nis now\\n{after[at - 80:at + 80]}")
        step += 1
        values = make()
        chp.save()
        print(step)

    work()
    """


def others():
    """(version, interpreter) of the other Pythons that have the package."""
    found = []
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    for place in sorted(ROOT.glob(".venv/3.*/bin/python")):
        version = place.parent.parent.name
        code = "import resume, sys; print('%d.%d' % sys.version_info[:2])"
        if version != HERE and re.fullmatch(r"3\.\d+", version):
            ran = subprocess.run([place, "-c", code], capture_output=True, text=True,
                                 env=environment)
            if ran.stdout.strip() == version and ran.returncode == 0:
                found.append((version, str(place)))
    return found


def run(program, interpreter, step, **environment):
    names = program.environment | environment
    names.pop("PYTHONPATH", None) if interpreter != sys.executable else None
    ran = subprocess.run([interpreter, program.path], cwd=program.folder, env=names,
                         capture_output=True, text=True)
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, f"{step}\n", ""), interpreter


def test_another_python_goes_on_and_back(program):
    if os.environ.get("RESUME_HEAVY") == "0":
        pytest.skip("under one Python, to all the others and back")
    found = others()
    if not found:
        pytest.skip("no other Python here")
    script = program(PROGRAM)
    step = 1
    run(script, sys.executable, step)
    for _, interpreter in found:
        for one in (interpreter, sys.executable):
            step += 1
            run(script, one, step)


def test_numpy_2_reads_what_numpy_1_has_saved_and_back(program):
    numpy1 = ROOT / ".venv" / HERE / "numpy1"
    if not (numpy1 / "numpy").is_dir():
        pytest.skip("no numpy 1 for this Python here")
    script = program(PROGRAM)
    with_numpy1 = f"{numpy1}:{script.environment.get('PYTHONPATH', '')}"
    code = "import numpy; print(numpy.__version__[0])"
    versions = [subprocess.run([sys.executable, "-c", code], env=script.environment | more,
                               capture_output=True, text=True).stdout.strip()
                for more in ({}, {"PYTHONPATH": with_numpy1})]
    assert versions == ["2", "1"]
    run(script, sys.executable, 1)
    run(script, sys.executable, 2, PYTHONPATH=with_numpy1)
    run(script, sys.executable, 3)
