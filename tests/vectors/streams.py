"""Vectors of the object stream (docs/format.md "Object stream"): bytes, and the value in Python.

lines() gives the lines of streams.txt. The bytes are put together here from heads and tags; the
value is an expression for eval(), with the modules of the standard library, `np` and the functions
of tests/python/test_streams.py in sight.
"""

import struct

from builder import Item, Tagged, cbor, head, u64

TUPLE, DICT, SET, FROZENSET, SURROGATES, BYTEARRAY, BLOB, LIST, RANGE, SLICE = range(39250, 39260)
CONSTANT, COMPLEX, ARRAY, VIEW, SCALAR, DTYPE, SEED_SEQUENCE = range(39260, 39267)
BIT_GENERATOR, GENERATOR, RANDOM_STATE, RANDOM, TIME, DATETIME = range(39267, 39273)
TIMEDELTA, TIMEZONE, DECIMAL, PATH, ARRAY_ARRAY, DEQUE = range(39273, 39279)
ORDERED_DICT, COUNTER, DEFAULT_DICT = range(39279, 39282)
ZONE = 39294
KEPT = 39299

REF = [Tagged(29, number) for number in range(3)]


def mark(value):
    return Tagged(28, value)


def f8(*numbers):
    return struct.pack(f"<{len(numbers)}d", *numbers)


def raw(text):
    return Item(bytes.fromhex(text))


def array(dtype="|u1", shape=(2,), order=0, writeable=True, memory=b"\1\2"):
    return Tagged(ARRAY, [dtype, list(shape), order, writeable, memory])


def view(base, dtype="|u1", shape=(2,), strides=(1,), offset=0, writeable=True):
    return Tagged(VIEW, [base, dtype, list(shape), list(strides), offset, writeable])


def a_set(elements, used, deleted=None, finger=0, tag=SET):
    return Tagged(tag, [elements, used, deleted, finger])


def seed(entropy=5, key=None, pool=4, spawned=0):
    return Tagged(
        SEED_SEQUENCE, [entropy, Tagged(TUPLE, []) if key is None else key, pool, spawned]
    )


PCG64 = {"bit_generator": "PCG64", "state": {"state": 7, "inc": 9}, "has_uint32": 0, "uinteger": 0}
RECORD = [1, 12, False, [["a", 0, "<i4"], ["b", 4, "<f8"]]]

GOOD = [  # name, value, expression, rule, blobs
    ("null", None, "None", "null"),
    ("bools", [True, False], "[True, False]", "true and false"),
    (
        "ints",
        [0, 23, 24, 255, 256, 65535, 65536, 2**32 - 1, 2**32, 2**64 - 1, -1, -24, -25, -(2**64)],
        "[0, 23, 24, 255, 256, 65535, 65536, 2**32 - 1, 2**32, 2**64 - 1, -1, -24, -25, -2**64]",
        "major types 0 and 1",
    ),
    (
        "heads",
        raw("84 1800 1b0000000000000001 3900ff 9b0000000000000000"),
        "[0, 1, -256, []]",
        "heads may be longer than needed",
    ),
    (
        "big",
        [Tagged(2, b"\1" + bytes(8)), Tagged(3, b"\1" + bytes(8)), Tagged(2, b"\0\5")],
        "[2**64, -1 - 2**64, 5]",
        "tags 2 and 3, big-endian",
    ),
    (
        "floats",
        [1.5, -0.0, float("inf"), raw("f93e00"), raw("fa3fc00000"), raw("fb7ff8000000000001")],
        "[1.5, -0.0, float('inf'), 1.5, 1.5, nan(1)]",
        "floats; the payload of a NaN and the sign of zero",
    ),
    ("text", ["", "\u00e9\U0001f600", "\0"], "['', '\\u00e9\\U0001f600', '\\0']", "text is UTF-8"),
    ("surrogates", Tagged(SURROGATES, b"\xed\xa0\x80x"), "'\\ud800x'", "SURROGATES"),
    ("bytes", [b"", b"\0\xff"], "[b'', b'\\0\\xff']", "byte strings"),
    ("bytearray", Tagged(BYTEARRAY, b"ab"), "bytearray(b'ab')", "BYTEARRAY"),
    (
        "blob",
        [Tagged(BLOB, 1), Tagged(BYTEARRAY, Tagged(BLOB, 2))],
        "[b'one', bytearray(b'two')]",
        "BLOB: memory in a blob",
        [b"one", b"two"],
    ),
    (
        "blob-twice",
        [Tagged(BLOB, 1), Tagged(BLOB, 1)],
        "[b'one', b'one']",
        "a blob named twice",
        [b"one"],
    ),
    ("list", [[], [[]], list(range(30))], "[[], [[]], list(range(30))]", "arrays are lists"),
    ("list-ints", Tagged(LIST, Tagged(79, u64(1, 2**64 - 1))), "[1, -1]", "LIST of tag 79"),
    ("list-floats", Tagged(LIST, Tagged(86, f8(1, -2.5))), "[1.0, -2.5]", "LIST of tag 86"),
    ("list-blob", Tagged(LIST, Tagged(86, Tagged(BLOB, 1))), "[1.0]", "LIST over a blob", [f8(1)]),
    (
        "tuple",
        [Tagged(TUPLE, []), Tagged(TUPLE, [1, Tagged(TUPLE, [2])])],
        "[(), (1, (2,))]",
        "TUPLE",
    ),
    (
        "map",
        [{}, {"b": 1, "a": 2, 3: [4]}],
        "[{}, {'b': 1, 'a': 2, 3: [4]}]",
        "maps are dicts, in order",
    ),
    ("dict", Tagged(DICT, [1.5, 2, Tagged(TUPLE, [1]), [3]]), "{1.5: 2, (1,): [3]}", "DICT"),
    ("set", a_set([1, 2], b"\6"), "{1, 2}", "SET with its table"),
    (
        "set-deleted",
        a_set([1], b"\2", b"\4", 9),
        "{1}",
        "slots that held an element, and the finger",
    ),
    ("set-empty", a_set([], b"\0"), "set()", "an empty set"),
    (
        "set-other-table",
        a_set([5, 1], b"\3"),
        "{5, 1}",
        "a table that does not fit: the elements count",
    ),
    (
        "frozenset",
        a_set([Tagged(TUPLE, [1])], b"\1", tag=FROZENSET),
        "frozenset({(1,)})",
        "FROZENSET",
    ),
    ("range", Tagged(RANGE, [0, Tagged(2, b"\1" + bytes(9)), 1]), "range(0, 2**72, 1)", "RANGE"),
    ("slice", Tagged(SLICE, [1, None, "x"]), "slice(1, None, 'x')", "SLICE of any values"),
    (
        "constants",
        [Tagged(CONSTANT, 0), Tagged(CONSTANT, 1)],
        "[Ellipsis, NotImplemented]",
        "CONSTANT",
    ),
    ("complex", Tagged(COMPLEX, [1.0, -0.0]), "complex(1.0, -0.0)", "COMPLEX"),
    ("shared", [mark([]), REF[0]], "shared()", "a value that stands twice is one object"),
    ("cycle", mark([REF[0]]), "cycle()", "a reference inside its value"),
    ("cycle-tuple", mark(Tagged(TUPLE, [[REF[0]]])), "cycle_tuple()", "also inside a tuple"),
    (
        "marks",
        [mark("a"), [mark("b"), REF[1]], REF[0]],
        "['a', ['b', 'b'], 'a']",
        "marks are numbered in the order of the stream",
    ),
    ("mark-unused", mark({"a": mark(1)}), "{'a': 1}", "a mark need not be referred to"),
    ("array", array(), "np.array([1, 2], 'u1')", "ARRAY"),
    (
        "array-shape",
        array("<i2", (2, 3), memory=bytes(range(12))),
        "np.frombuffer(bytes(range(12)), '<i2').reshape(2, 3).copy()",
        "rows first",
    ),
    (
        "array-columns",
        array("|u1", (2, 3), 1, memory=bytes(range(6))),
        "np.arange(6, dtype='u1').reshape(3, 2).T.copy(order='F')",
        "columns first",
    ),
    (
        "array-axes",
        array("|u1", (2, 3, 2), [1, 0, 2], memory=bytes(range(12))),
        "np.arange(12, dtype='u1').reshape(3, 2, 2).transpose(1, 0, 2).copy(order='K')",
        "axes in any order",
    ),
    (
        "array-readonly",
        array(writeable=False),
        "readonly(np.array([1, 2], 'u1'))",
        "not writeable",
    ),
    ("array-none", array(shape=(), memory=b"\7"), "np.array(7, 'u1')", "no dimensions"),
    ("array-empty", array(shape=(3, 0), memory=b""), "np.zeros((3, 0), 'u1')", "no elements"),
    (
        "array-blob",
        array("<f8", (2,), memory=Tagged(BLOB, 1)),
        "np.array([1.0, 2.0])",
        "memory in a blob",
        [f8(1, 2)],
    ),
    *[
        (
            f"dtype-{text.strip('<>|').replace('[', '-').replace(']', '')}",
            Tagged(DTYPE, text),
            f"np.dtype('{python or text}')",
            "a dtype as text",
        )
        for text, python in (
            ("|b1", ""),
            ("<i8", ""),
            (">u4", ""),
            ("<f2", ""),
            ("<c16", ""),
            ("<m8", ""),
            ("<M8[ns]", ""),
            ("<M8[25s]", ""),
            ("|S5", ""),
            ("|V3", ""),
            ("<U7", ""),
            ("|S0", ""),
            ("<q8", "longlong"),
            ("<Q8", "ulonglong"),
        )
    ],
    ("dtype-record", Tagged(DTYPE, RECORD), "np.dtype([('a', '<i4'), ('b', '<f8')])", "a record"),
    (
        "dtype-titles",
        Tagged(DTYPE, [1, 4, True, [["a", 0, "<i4", "t"]]]),
        "np.dtype([(('t', 'a'), '<i4')], align=True)",
        "titles, aligned",
    ),
    (
        "dtype-subarray",
        Tagged(DTYPE, [1, 6, False, [["a", 0, [2, "<i2", [3]]]]]),
        "np.dtype([('a', '<i2', (3,))])",
        "a sub-array",
    ),
    (
        "array-record",
        array(RECORD, (1,), memory=bytes(12)),
        "np.zeros(1, [('a', '<i4'), ('b', '<f8')])",
        "an array of records",
    ),
    (
        "view",
        [mark(array("|u1", (4,), memory=b"\0\1\2\3")), view(REF[0], offset=1)],
        "views()",
        "VIEW over a marked array",
    ),
    (
        "view-base",
        view(mark(array("|u1", (4,), memory=b"\0\1\2\3")), shape=(2,), strides=(-2,), offset=3),
        "np.arange(4, dtype='u1')[3::-2]",
        "the base alone, strides backwards",
    ),
    (
        "view-broadcast",
        view(mark(array("|u1", (2,))), shape=(3, 2), strides=(0, 1), writeable=False),
        "np.broadcast_to(np.array([1, 2], 'u1'), (3, 2))",
        "strides of 0",
    ),
    (
        "view-bytes",
        view(mark(b"abcd"), "<u2", (2,), (2,), writeable=False),
        "np.frombuffer(b'abcd', '<u2')",
        "over bytes",
    ),
    (
        "view-bytes-writeable",
        view(mark(b"ab")),
        "readonly(np.array([97, 98], 'u1'))",
        "a view of bytes is read-only whatever it says",
    ),
    (
        "view-part",
        view(mark(array("|u1", (1000,), memory=Tagged(BLOB, [1, 500, 503]))), offset=501),
        "np.array([2, 3], 'u1')",
        "a part of a large array is stored",
        [b"\1\2\3"],
    ),
    (
        "scalar",
        [Tagged(SCALAR, ["<f4", struct.pack("<f", 1)]), Tagged(SCALAR, "q"), Tagged(SCALAR, b"q")],
        "[np.float32(1), np.str_('q'), np.bytes_(b'q')]",
        "SCALAR",
    ),
    ("seed-sequence", seed(), "SeedOf(np.random.SeedSequence(5))", "SEED_SEQUENCE"),
    (
        "generator",
        Tagged(GENERATOR, [Tagged(BIT_GENERATOR, ["PCG64", seed(), PCG64])]),
        "generator(7, 9)",
        "BIT_GENERATOR and GENERATOR",
    ),
    (
        "random-global",
        [Tagged(RANDOM, []), Tagged(RANDOM_STATE, [])],
        "globals_of_random()",
        "the global generators",
    ),
    (
        "random",
        Tagged(RANDOM, [Tagged(TUPLE, [3, Tagged(TUPLE, [*range(624), 624]), None])]),
        "random_of(range(624))",
        "RANDOM",
    ),
    ("date", Tagged(1004, "2026-11-22"), "datetime.date(2026, 11, 22)", "tag 1004"),
    ("time", Tagged(TIME, [1, 2, 3, 4, None, 1]), "datetime.time(1, 2, 3, 4, fold=1)", "TIME"),
    (
        "datetime",
        Tagged(
            DATETIME,
            [
                2026,
                11,
                22,
                1,
                2,
                3,
                4,
                Tagged(TIMEZONE, [Tagged(TIMEDELTA, [0, 3600, 0]), "CET"]),
                0,
            ],
        ),
        "datetime.datetime(2026, 11, 22, 1, 2, 3, 4, "
        "datetime.timezone(datetime.timedelta(hours=1), 'CET'))",
        "DATETIME, TIMEZONE, TIMEDELTA",
    ),
    (
        "timezone",
        Tagged(TIMEZONE, [Tagged(TIMEDELTA, [-1, 3600, 0])]),
        "datetime.timezone(datetime.timedelta(hours=-23))",
        "TIMEZONE without a name",
    ),
    (
        "zone",
        [Tagged(ZONE, ["Europe/Berlin"]), Tagged(ZONE, ["Etc/GMT+5", False])],
        "[zoneinfo.ZoneInfo('Europe/Berlin'), zoneinfo.ZoneInfo.no_cache('Etc/GMT+5')]",
        "ZONE",
    ),
    (
        "decimal",
        [Tagged(DECIMAL, text) for text in ("1.10", "-0", "NaN123", "-Infinity", "1E+400")],
        "[decimal.Decimal(t) for t in ('1.10', '-0', 'NaN123', '-Infinity', '1E+400')]",
        "DECIMAL",
    ),
    ("fraction", Tagged(30, [1, 3]), "fractions.Fraction(1, 3)", "tag 30"),
    ("uuid", Tagged(37, bytes(range(16))), "uuid.UUID(bytes=bytes(range(16)))", "tag 37"),
    (
        "path",
        [
            Tagged(PATH, ["PosixPath", "a/b"]),
            Tagged(PATH, ["PureWindowsPath", "c:\\x"]),
            Tagged(PATH, ["PurePosixPath", Tagged(SURROGATES, b"\xed\xb3\xbf")]),
        ],
        "[pathlib.PosixPath('a/b'), pathlib.PureWindowsPath('c:\\\\x'), "
        "pathlib.PurePosixPath('\\udcff')]",
        "PATH",
    ),
    (
        "array-array",
        Tagged(ARRAY_ARRAY, ["h", 2, b"\1\0\2\0"]),
        "array.array('h', [1, 2])",
        "ARRAY_ARRAY",
    ),
    (
        "deque",
        [Tagged(DEQUE, [None, [1]]), Tagged(DEQUE, [2, [1, 2]])],
        "[collections.deque([1]), collections.deque([1, 2], 2)]",
        "DEQUE",
    ),
    (
        "ordered-dict",
        Tagged(ORDERED_DICT, ["b", 1, "a", 2]),
        "collections.OrderedDict(b=1, a=2)",
        "ORDERED_DICT",
    ),
    ("counter", Tagged(COUNTER, ["a", 2]), "collections.Counter('aa')", "COUNTER"),
    (
        "default-dict",
        [Tagged(DEFAULT_DICT, ["list", [1, [2]]]), Tagged(DEFAULT_DICT, [None, []])],
        "[collections.defaultdict(list, {1: [2]}), collections.defaultdict(None)]",
        "DEFAULT_DICT",
    ),
]

BAD = [  # name, item, rule, blobs
    ("empty", raw(""), "there is one item"),
    ("cut", raw("82 01"), "all items are there"),
    ("head-cut", raw("1a 00ff"), "a head is whole"),
    ("reserved", raw("1c"), "no reserved heads"),
    ("indefinite", raw("9f ff"), "only definite lengths"),
    ("indefinite-text", raw("7f 6161 ff"), "only definite lengths"),
    ("simple", raw("f7"), "no other simple value"),
    ("simple-wide", raw("f814"), "no reserved form of one"),
    ("not-utf8", raw("61 ff"), "text is UTF-8"),
    ("text-surrogate", raw("63 eda080"), "a surrogate is no text"),
    ("count", raw("9b 7fffffffffffffff"), "counts are held against the bytes that are left"),
    ("count-map", raw("bb 7fffffffffffffff"), "counts of maps, too"),
    ("count-text", raw("7b ffffffffffffffff"), "lengths, too"),
    ("count-sum", raw("83 83 83 00 00 00"), "and the sum of all that are open"),
    ("count-tuple", Tagged(TUPLE, raw("9a 10000000")), "also of tuples"),
    ("reference-none", REF[0], "a reference leads to a mark"),
    ("reference-later", [REF[0], mark(1)], "that stands before it"),
    ("mark-twice", mark(mark(1)), "a value has one mark"),
    ("mark-reference", [mark(1), mark(REF[0])], "a reference has none"),
    ("big-text", Tagged(2, "1"), "a big int is a byte string"),
    ("surrogates-bad", Tagged(SURROGATES, b"\xff"), "SURROGATES is UTF-8 but for surrogates"),
    ("blob-0", Tagged(BLOB, 0), "blob 0 is the stream"),
    ("blob-missing", Tagged(BLOB, 2), "the blob is there", [b"x"]),
    (
        "blob-part-alone",
        Tagged(BLOB, [1, 0, 1]),
        "a part stands in the base of a view only",
        [b"x"],
    ),
    (
        "blob-part-size",
        view(mark(array("|u1", (9,), memory=Tagged(BLOB, [1, 2, 4]))), offset=2),
        "a part has its size",
        [b"x"],
    ),
    ("list-size", Tagged(LIST, Tagged(86, b"1234567")), "8 bytes for each number"),
    ("list-tag", Tagged(LIST, Tagged(85, b"12345678")), "tag 79 or 86"),
    ("key-list", {"a": 1} and raw("a1 80 00"), "a key can be hashed"),
    ("key-twice", raw("a2 6161 00 6161 01"), "no key stands twice"),
    ("key-equal", Tagged(DICT, [1, 0, 1.0, 0]), "no two keys are equal"),
    ("key-open", mark(Tagged(TUPLE, [raw("a1 d81d00 00")])), "a key is complete"),
    ("dict-odd", Tagged(DICT, [1]), "a key has a value"),
    ("set-equal", a_set([1, 1], b"\6"), "no two elements are equal"),
    ("set-bits", a_set([1], b"\6"), "a bit for each element"),
    ("set-both", a_set([1], b"\2", b"\2"), "a slot is used or deleted"),
    ("set-no-table", a_set([1], b""), "a table has slots"),
    ("set-finger", a_set([1], b"\2", None, -1), "the finger is no negative number"),
    ("set-element", a_set([[]], b"\1"), "an element can be hashed"),
    ("range-float", Tagged(RANGE, [0, 1.5, 1]), "bounds of a range are ints"),
    ("range-step", Tagged(RANGE, [0, 1, 0]), "its step is not 0"),
    ("constant", Tagged(CONSTANT, 2), "there are two constants"),
    ("complex-int", Tagged(COMPLEX, [1, 2.0]), "a complex number has floats"),
    ("slice-parts", Tagged(SLICE, [1, 2]), "a slice has three parts"),
    ("array-size", array(memory=b"\1"), "dtype and shape make up the memory"),
    ("array-large", array(memory=b"\1\2\3"), "and no more"),
    ("array-overflow", array("<f8", (2**61, 8)), "sizes multiply without overflow"),
    ("array-order", array(order=2), "the order of an array"),
    ("array-order-axes", array(shape=(1, 2), order=[0, 0]), "axes are a permutation"),
    ("array-order-count", array(shape=(1, 2), order=[0]), "of all axes"),
    ("array-dimensions", array(shape=(1,) * 65, memory=b"1"), "at most 64 dimensions"),
    ("array-negative", array(shape=(-1,)), "no negative dimension"),
    *[
        (f"dtype-{number}", Tagged(DTYPE, text), "dtypes are of the grammar")
        for number, text in enumerate(
            (
                "|O",
                "O",
                "f8",
                "=f8",
                "<f3",
                "<f8 ",
                "<f8[s]",
                "<M8[xx]",
                "<M8[]",
                "<M8[s",
                "|S-1",
                "<i99999999999",
                "i4,f8",
                "<f8\0",
                "|T16",
                "<",
                "",
                "__import__('os')",
            )
        )
    ],
    ("dtype-kind", Tagged(DTYPE, [3, "<f8"]), "a dtype is a record or a sub-array"),
    ("dtype-offset", Tagged(DTYPE, [1, 4, False, [["a", 1, "<i4"]]]), "fields lie in the record"),
    (
        "dtype-names",
        Tagged(DTYPE, [1, 8, False, [["a", 0, "<i4"], ["a", 4, "<i4"]]]),
        "names differ",
    ),
    ("view-unmarked", view(array()), "the base of a view has a mark"),
    ("view-list", view(mark([1, 2])), "the base has memory"),
    ("view-beyond", view(mark(array()), shape=(3,)), "a view lies in the memory"),
    ("view-before", view(mark(array()), strides=(-1,)), "also with negative strides"),
    (
        "view-overflow",
        view(mark(array()), shape=(4, 2), strides=(2**63 - 1, 4)),
        "and offsets add up without overflow",
    ),
    (
        "view-overflow-negative",
        view(mark(array()), shape=(2**33 + 1, 2), strides=(-(2**32), 1), offset=1),
        "in both directions",
    ),
    (
        "view-overflow-once",
        view(mark(array()), shape=(5,), strides=(2**62,)),
        "also where they wrap around to the beginning",
    ),
    ("view-offset", view(mark(array()), offset=2**63), "and behind its offset"),
    (
        "view-part-before",
        view(mark(array("|u1", (9,), memory=Tagged(BLOB, [1, 2, 4]))), offset=1),
        "a view of a part lies in the part",
        [b"xy"],
    ),
    (
        "part-referred",
        [view(mark(array("|u1", (9,), memory=Tagged(BLOB, [1, 2, 4]))), offset=2), REF[0]],
        "no value refers to a part",
        [b"xy"],
    ),
    ("scalar-size", Tagged(SCALAR, ["<f8", b"1234"]), "a scalar has the size of its dtype"),
    ("scalar-kind", Tagged(SCALAR, 5), "a scalar is of a known form"),
    ("seed-pool", seed(pool=2**62), "the pool of a seed sequence is bounded"),
    ("generator-name", Tagged(BIT_GENERATOR, ["os", None, {}]), "generators of the list"),
    ("generator-state", Tagged(BIT_GENERATOR, ["PCG64", seed(), {}]), "their state is whole"),
    (
        "generator-mt-pos",
        Tagged(
            BIT_GENERATOR,
            [
                "MT19937",
                None,
                {
                    "bit_generator": "MT19937",
                    "state": {"key": array("<u4", (624,), memory=bytes(2496)), "pos": 625},
                },
            ],
        ),
        "MT19937: pos from 0 to 624",
    ),
    ("generator-nothing", Tagged(GENERATOR, [1]), "a generator stands on a bit generator"),
    (
        "random-open",
        mark(Tagged(TUPLE, [Tagged(RANDOM, [REF[0]])])),
        "a value that is needed is complete: a tuple that is being read is not",
    ),
    ("random-open-inside", mark([mark([REF[0]]), Tagged(RANDOM, [REF[1]])]), "nor what is in it"),
    ("seed-open", mark([seed(REF[0])]), "also of a seed sequence"),
    (
        "generator-open",
        mark(Tagged(TUPLE, [Tagged(BIT_GENERATOR, ["PCG64", seed(), {**PCG64, "state": REF[0]}])])),
        "and of a generator",
    ),
    ("random-state", Tagged(RANDOM, [5]), "the state of a Random"),
    ("date-form", Tagged(1004, "2026-1-22"), "YYYY-MM-DD"),
    ("date-blanks", Tagged(1004, "2026- 1- 2"), "digits alone"),
    ("date-impossible", Tagged(1004, "2026-02-30"), "a possible date"),
    ("time-float", Tagged(TIME, [1.0, 2, 3, 4, None, 0]), "parts of a time are ints"),
    ("time-range", Tagged(TIME, [24, 0, 0, 0, None, 0]), "in their range"),
    ("timezone-range", Tagged(TIMEZONE, [Tagged(TIMEDELTA, [1, 0, 0])]), "less than a day"),
    ("zone-outside", Tagged(ZONE, ["../../etc/passwd"]), "a key of a zone has no dots"),
    ("zone-absolute", Tagged(ZONE, ["/etc/passwd"]), "nor begins with a slash"),
    ("zone-double", Tagged(ZONE, ["Europe//Berlin"]), "nor has two of them"),
    ("zone-empty", Tagged(ZONE, [""]), "nor is empty"),
    ("zone-long", Tagged(ZONE, ["a" * 100]), "nor longer than 99"),
    ("zone-bare", Tagged(ZONE, "Europe/Berlin"), "a zone is an array"),
    ("decimal-form", Tagged(DECIMAL, "1.2.3"), "a decimal number"),
    ("fraction-zero", Tagged(30, [1, 0]), "no denominator of 0"),
    ("fraction-float", Tagged(30, [1.0, 2]), "ints in a fraction"),
    ("uuid-size", Tagged(37, bytes(15)), "16 bytes in a UUID"),
    ("path-class", Tagged(PATH, ["Path", "x"]), "classes of the list"),
    ("array-array-code", Tagged(ARRAY_ARRAY, ["x", 2, b"12"]), "a type code of array.array"),
    ("array-array-item", Tagged(ARRAY_ARRAY, ["h", 4, b"1234"]), "of this item size"),
    ("array-array-rest", Tagged(ARRAY_ARRAY, ["h", 2, b"123"]), "whole items"),
    ("deque-maxlen", Tagged(DEQUE, [-1, []]), "maxlen is no negative number"),
    ("counter-odd", Tagged(COUNTER, ["a"]), "a key has a value"),
    ("default-dict-name", Tagged(DEFAULT_DICT, ["eval", []]), "builtin types of the list"),
    ("tag", Tagged(KEPT, 0), "an unknown tag is refused"),
    ("tag-27", Tagged(27, ["os.system", "x"]), "also tag 27"),
    ("tag-55799", Tagged(55799, 0), "also one that says nothing"),
]


def lines():
    made = []
    for name, value, expression, rule, *blobs in GOOD:
        made.append((f"good-{name}", cbor(value), blobs[0] if blobs else [], expression, rule))
    for name, value, rule, *blobs in BAD:
        made.append((f"bad-{name}", cbor(value), blobs[0] if blobs else [], "damaged", rule))
    assert len({name for name, *_ in made}) == len(made), "a name twice"
    for name, stream, blobs, expected, rule in made:
        blobs = ",".join(blob.hex() for blob in blobs) or "-"
        yield f"{name} | {stream.hex() or '-'} | {blobs} | {expected} | {rule}\n"
