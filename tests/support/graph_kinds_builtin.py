"""Graphs: builtin types, and those of the standard library that are data."""
import array
import collections
import datetime
import decimal
import fractions
import math
import pathlib
import struct
import sys
import uuid
import zoneinfo

import graphs
from graphs import Kind, kind

graphs.KEYS |= {datetime.date, datetime.datetime, datetime.timedelta, decimal.Decimal,
                fractions.Fraction, uuid.UUID, pathlib.PosixPath, pathlib.PurePosixPath,
                pathlib.PureWindowsPath, range}
TEXTS = ["", "a", "é", "€😀", "\0", "\ud800", "x" * 63, "y" * 64, "long text " * 40]
BIG = 70000  # bytes: in a blob of its own


class Value(Kind):
    """Without identity: nobody can tell two equal ones apart, or they are made by the way."""
    shared = False

    def facts(self, value):
        return repr(value)


@kind
class Constant(Value):
    types = (type(None), bool, type(...), type(NotImplemented))
    weight = 1

    def make(self, rng, pick):
        return rng.choice([None, True, False, ..., NotImplemented])


@kind
class Int(Value):
    types = (int,)

    def make(self, rng, pick):
        return rng.choice([rng.randrange(-300, 300), rng.randrange(-2 ** 31, 2 ** 31),
                           rng.choice([2 ** 63, 2 ** 64, -2 ** 63 - 1]) + rng.randrange(-2, 3),
                           rng.getrandbits(rng.randrange(1, 2000)) * rng.choice([1, -1])])


@kind
class Float(Kind):
    types = (float,)

    def make(self, rng, pick):
        return rng.choice([rng.random(), rng.gauss(0, 1e9), 0.0, -0.0, math.inf, 5e-324,
                           float("nan"), struct.unpack("d", struct.pack("q", 0x7ff8 << 48 | 5))[0]])

    def is_shared(self, value):
        return value != value  # containers find a NaN by its identity

    def facts(self, value):
        return struct.pack(">d", value).hex()


@kind
class Complex(Value):
    types = (complex,)
    weight = 1

    def make(self, rng, pick):
        return complex(rng.choice([0.0, -0.0, rng.random()]), rng.choice([-0.0, 2.5]))


@kind
class Text(Value):
    types = (str,)

    def make(self, rng, pick):
        return rng.choice(TEXTS + [f"n{rng.randrange(1000)}", "z" * rng.randrange(200)])

    def facts(self, value):
        return ascii(value)


@kind
class Bytes(Value):
    types = (bytes,)
    weight = 2

    def make(self, rng, pick):
        return rng.choice([rng.randbytes(rng.randrange(99)), bytes(BIG + rng.randrange(9)), b""])

    def facts(self, value):
        return f"{len(value)} {hash_of(value)}"


def hash_of(data):
    import hashlib
    return hashlib.blake2b(bytes(data), digest_size=8).hexdigest()


@kind
class ByteArray(Kind):
    types = (bytearray,)
    weight = 2

    def make(self, rng, pick):
        return bytearray(rng.choice([rng.randbytes(rng.randrange(50)), bytes(BIG)]))

    def facts(self, value):
        return f"{len(value)} {hash_of(value)}"

    def work(self, rng, value, pick):
        if value:
            value[rng.randrange(len(value))] = rng.randrange(256)


@kind
class Range(Value):
    types = (range,)
    weight = 1

    def make(self, rng, pick):
        return range(rng.randrange(-9, 9), rng.choice([5, 10 ** 30]), rng.choice([1, 3, -2]))


@kind
class Slice(Kind):
    types = (slice,)
    weight = 1

    def make(self, rng, pick):
        return slice(pick.any(), pick.any(), rng.choice([None, 2]))

    def parts(self, value):
        return value.start, value.stop, value.step


# ---- containers

@kind
class List(Kind):
    types = (list,)
    weight = 12

    def make(self, rng, pick):
        return rng.choice([
            pick.several, lambda: [rng.randrange(-10 ** 9, 10 ** 9) for _ in range(20)],
            lambda: [rng.random() for _ in range(20)],
            lambda: [rng.choice([1, 1.5, True]) for _ in range(20)],
            lambda: [float("nan")] * rng.choice([1, 20])])()

    def fill(self, rng, value, pick):
        value.extend(pick.several(2))

    def parts(self, value):
        return value

    def work(self, rng, value, pick):
        action = rng.randrange(5)
        if action == 0:
            value.append(pick.any())
        elif action == 1:
            value.insert(rng.randrange(len(value) + 1), pick.any())
        elif action == 2 and value:
            value.pop(rng.randrange(len(value)))
        elif action == 3:
            value.reverse()
        elif value:
            value[rng.randrange(len(value))] = rng.randrange(99)
            return sum(type(part) is int for part in value)


@kind
class Tuple(Kind):
    types = (tuple,)
    weight = 8

    def make(self, rng, pick):
        return tuple(pick.several(4))

    def is_shared(self, value):
        return len(value) > 0

    def parts(self, value):
        return value


@kind
class Dict(Kind):
    types = (dict,)
    weight = 10

    def make(self, rng, pick):
        return self.grown({}, rng, pick, rng.randrange(8))

    def grown(self, value, rng, pick, count):
        only = rng.choice([None, "text", "int"])
        for _ in range(count):
            key = {"text": f"name{rng.randrange(99)}", "int": rng.randrange(99)}.get(only)
            self.put(value, pick.key() if key is None else key, pick.any())
            if rng.random() < 0.2 and value:
                value.pop(next(iter(value)))
        return value

    def put(self, value, key, item):
        value[key] = item

    def fill(self, rng, value, pick):
        for _ in range(rng.randrange(3)):
            self.put(value, pick.key(), pick.any())

    def facts(self, value):
        return f"{len(value)}"

    def parts(self, value):
        return [part for pair in value.items() for part in pair]

    def work(self, rng, value, pick):
        action = rng.randrange(4)
        if action == 0 and value:
            return list(graphs.describe(value.popitem()[0]))
        if action == 1 and value:
            value.pop(rng.choice(list(value)))
        else:
            self.put(value, pick.key(), pick.any())


@kind
class OrderedDict(Dict):
    types = (collections.OrderedDict,)
    weight = 3

    def make(self, rng, pick):
        value = self.grown(collections.OrderedDict(), rng, pick, rng.randrange(6))
        self.turn(rng, value)
        return value

    def turn(self, rng, value):
        if value:
            value.move_to_end(rng.choice(list(value)), last=rng.random() < 0.5)

    def work(self, rng, value, pick):
        self.turn(rng, value)
        return super().work(rng, value, pick)


@kind
class Counter(Dict):
    types = (collections.Counter,)
    weight = 2

    def make(self, rng, pick):
        value = collections.Counter(rng.choices("abcd", k=rng.randrange(9)))
        value.subtract(rng.choices("cde", k=rng.randrange(4)))
        return value

    def put(self, value, key, item):
        value[key] += item if type(item) is int else 1

    def work(self, rng, value, pick):
        super().work(rng, value, pick)
        return len(value.most_common(2))


@kind
class DefaultDict(Dict):
    types = (collections.defaultdict,)
    weight = 3

    def make(self, rng, pick):
        factory = rng.choice([None, int, list, dict, set, float])
        return self.grown(collections.defaultdict(factory), rng, pick, rng.randrange(4))

    def facts(self, value):
        return f"{value.default_factory}"

    def work(self, rng, value, pick):
        if value.default_factory and rng.random() < 0.5:
            return repr(type(value[pick.key()]))
        return super().work(rng, value, pick)


@kind
class Set(Kind):
    types = (set,)
    weight = 8

    def make(self, rng, pick):
        value = set()
        only = rng.choice([None, None, "int"])
        for _ in range(rng.choice([2, 9, 60])):
            value.add(rng.randrange(-10 ** 6, 10 ** 6) if only else pick.key())
            if rng.random() < 0.3:
                value.pop()
            elif rng.random() < 0.2 and value:
                value.discard(rng.choice(list(value)))
        return value

    def facts_in(self, description, value):
        return str(sys.getsizeof(value)) if description.set_order else ""

    def parts(self, value):
        return list(value)

    def work(self, rng, value, pick):
        action = rng.randrange(4)
        if action == 0 and value:
            return graphs.describe(value.pop())
        if action == 1:
            value |= {rng.randrange(10 ** 6) for _ in range(rng.randrange(20))}
        elif action == 2 and value:
            value.discard(rng.choice(list(value)))
        else:
            value.add(pick.key())


@kind
class FrozenSet(Kind):
    types = (frozenset,)
    weight = 3

    def make(self, rng, pick):
        return frozenset(BY_SET.make(rng, pick))

    def is_shared(self, value):
        return len(value) > 0

    def facts_in(self, description, value):
        return str(sys.getsizeof(value)) if description.set_order and value else ""

    def parts(self, value):
        return list(value)


BY_SET = graphs.BY_TYPE[set]


@kind
class Deque(Kind):
    types = (collections.deque,)
    weight = 3

    def make(self, rng, pick):
        return collections.deque(pick.several(6), rng.choice([None, None, 0, 3, 9]))

    def fill(self, rng, value, pick):
        value.extendleft(pick.several(2))

    def facts(self, value):
        return str(value.maxlen)

    def parts(self, value):
        return value

    def work(self, rng, value, pick):
        rng.choice([value.append, value.appendleft])(pick.any())
        value.rotate(rng.randrange(3))
        if value and rng.random() < 0.4:
            value.pop()


@kind
class Array(Kind):
    types = (array.array,)
    weight = 2

    def make(self, rng, pick):
        code = rng.choice("bBhHiIlLqQfdu")
        if code == "u":
            return array.array("u", rng.choice(["", "aé😀"]))
        return array.array(code, [rng.randrange(100) for _ in range(rng.choice([0, 3, 9000]))])

    def facts(self, value):
        return f"{value.typecode} {len(value)} {hash_of(value.tobytes())}"

    def work(self, rng, value, pick):
        if value and value.typecode != "u":
            value[rng.randrange(len(value))] = rng.randrange(100)


# ---- small values of libraries

@kind
class Time(Value):
    types = (datetime.date, datetime.timedelta)
    weight = 2

    def make(self, rng, pick):
        return rng.choice([datetime.date(rng.randrange(1, 10000), 2, rng.randrange(1, 29)),
                           datetime.timedelta(rng.randrange(-9, 9), rng.randrange(99), 5)])


@kind
class Zone(Kind):
    types = (datetime.timezone, zoneinfo.ZoneInfo)
    weight = 2

    def make(self, rng, pick):
        key = rng.choice(["Europe/Berlin", "America/New_York", "UTC"])
        return rng.choice([datetime.timezone.utc, zoneinfo.ZoneInfo(key),
                           zoneinfo.ZoneInfo.no_cache(key),
                           datetime.timezone(datetime.timedelta(minutes=rng.randrange(-99, 99))),
                           datetime.timezone(datetime.timedelta(hours=3), "three")])

    def facts(self, value):
        one = isinstance(value, zoneinfo.ZoneInfo) and value is zoneinfo.ZoneInfo(value.key)
        return f"{value!r} {one or value is datetime.timezone.utc}"


@kind
class DateTime(Kind):
    types = (datetime.datetime, datetime.time)
    weight = 3
    shared = False

    def make(self, rng, pick):
        zone = rng.choice([None, pick.of(datetime.timezone, zoneinfo.ZoneInfo)])
        return rng.choice([
            datetime.datetime(2026, 10, 25, 2, rng.randrange(60), tzinfo=zone, fold=1),
            datetime.time(rng.randrange(24), 1, 2, 3, zone)])

    def facts(self, value):
        return f"{value.isoformat()} {value.fold}"

    def parts(self, value):
        return (value.tzinfo,)


@kind
class Number(Value):
    types = (decimal.Decimal, fractions.Fraction)
    weight = 2

    def make(self, rng, pick):
        return rng.choice([decimal.Decimal(rng.choice(["1.10", "-0", "NaN12", "-Infinity"])),
                           decimal.Decimal(rng.randrange(10 ** 30)) / 7,
                           fractions.Fraction(rng.randrange(-99, 99), rng.randrange(1, 10 ** 20))])


@kind
class Name(Value):
    types = (uuid.UUID, pathlib.PosixPath, pathlib.PurePosixPath, pathlib.PureWindowsPath)
    weight = 2

    def make(self, rng, pick):
        return rng.choice([uuid.UUID(int=rng.getrandbits(128)),
                           pathlib.Path("a/b", str(rng.random())), pathlib.PurePosixPath("/x"),
                           pathlib.PureWindowsPath("c:\\x")])
