"""Loops, and every kind of iterator that can stand on the value stack."""
import collections
import itertools

from resume import sync as save

from . import case, log


@case
def nested_for():
    total = 0
    for i in range(3):
        for j in [10, 20, 30]:
            total += i * j
            save()
            log(i, j, total)
    return total


@case
def while_else():
    n, out = 0, []
    while True:
        n += 1
        if n % 3 == 0:
            continue
        if n > 8:
            break
        out.append(n)
        save()
        log(n)
    else:
        log("never")
    while n < 12:
        n += 1
        save()
    else:
        out.append("else")
        save()
    return out


@case
def for_else():
    out = []
    for limit in (2, 9):
        for i in range(5):
            save()
            if i == limit:
                out.append("broke")
                break
        else:
            save()
            out.append("done")
    return out


@case
def builtin_iterators():
    numbers = {"a": 1, "b": 2, "c": 3}
    out = []
    for pair in enumerate(["p", "q", "r"], 5):
        save()
        out.append(pair)
    for pair in zip([1, 2, 3], "xyz"):
        save()
        out.append(pair)
    for pair in numbers.items():
        save()
        out.append(pair)
    for key in numbers:
        save()
        out.append(key)
    for value in numbers.values():
        save()
        out.append(value)
    for key in reversed(numbers):
        save()
        out.append(key)
    for x in reversed([1, 2, 3]):
        save()
        out.append(x)
    for x in {5}:
        save()
        out.append(x)
    for x in map(str, [1, 2]):
        save()
        out.append(x)
    for x in filter(None, [0, 1, 2]):
        save()
        out.append(x)
    for x in (1, 2):
        save()
        out.append(x)
    for x in "héy":
        save()
        out.append(x)
    for x in b"ab":
        save()
        out.append(x)
    for x in bytearray(b"cd"):
        save()
        out.append(x)
    for x in range(10**20, 10**20 + 2):
        save()
        out.append(x)
    for x in iter(iter([1, 2, 0, 3]).__next__, 0):
        save()
        out.append(x)
    return out


@case
def library_iterators():
    out = []
    for x in itertools.chain([1], [2]):
        save()
        out.append(x)
    for x in itertools.islice(itertools.count(3), 3):
        save()
        out.append(x)
    for x in itertools.product([1, 2], "a"):
        save()
        out.append(x)
    for x in itertools.permutations("abc", 2):
        save()
        out.append(x)
    for x in itertools.accumulate([1, 2, 3]):
        save()
        out.append(x)
    for x in itertools.takewhile(bool, [1, 2, 0, 3]):
        save()
        out.append(x)
    for x in itertools.pairwise("abc"):
        save()
        out.append(x)
    for key, group in itertools.groupby("aabb"):
        save()
        out.append((key, len(list(group))))
    for x in collections.deque([1, 2]):
        save()
        out.append(x)
    for x in collections.OrderedDict(k=1, l=2).items():
        save()
        out.append(x)
    return out


@case
def list_that_grows():
    items, count = [1, 2, 3], 0
    for x in items:  # the iterator shares the list with the local
        save()
        count += 1
        if count < 5:
            items.append(x * 10)
    return items


@case
def list_that_shrinks():
    out, items = [], [1, 2, 3]
    for value in items:
        save()
        out.append(value)
        if value < 4 and len(items) < 8:
            items.append(value + 1)
        if len(out) == 5:
            items.clear()
            save()
    return out, items


@case
def dict_that_changes_size():
    numbers = {1: "a", 2: "b", 3: "c"}
    try:
        for key in numbers:
            save()
            if key == 2:
                numbers[9] = "z"
                save()
    except RuntimeError as error:
        save()
        return str(error), numbers
    return "not told"


@case
def deep_loops():
    out = []
    for a in (1, (2, 3), []):
        for b in "xyz":
            for c in b"pq":
                for d in [a, b, c]:
                    if c == 112 and d is b:
                        save()
                    if d == "y":
                        break
                else:
                    out.append((b, c))
                    save()
    for pair in enumerate(["a", "b"]):
        save()
        out.append(pair)
    return out, [w for w in (save() and t for t in (5, 6))], [
        [save() and p * q for p in (1, 2)] for q in [3, 4]]


def plus_one(x):
    save()
    return x + 1


@case
def comprehensions():
    k = 3
    a = [plus_one(i) + k for i in range(3) if plus_one(i)]
    b = {i: plus_one(i) for i in range(2)}
    c = [[plus_one(i * j) for j in range(2)] for i in range(2)]
    d = {plus_one(i) for i in range(2)}
    return a, b, c, sorted(d), [k for k in [1, 2] if save()], k


@case
def walrus():
    return ([y for x in range(4) if (y := plus_one(x)) > 1 and save()] +
            [1 if save() else 2, save() and 3, (save(), 4)[1]])


@case
def match():
    out = []
    for subject in [1, "a", (1, 2), {"k": 5}, [7, 8, 9]]:
        match subject:
            case int():
                save()
                out.append("int")
            case str() if save():
                out.append("str")
            case (a, b):
                save()
                out.append((a, b))
            case {"k": v}:
                save()
                out.append(v)
            case [first, *rest]:
                save()
                out.append((first, rest))
    return out


@case
def unpacking():
    a, *b = (save() and 1, 2, 3)
    (c, d), e = [4, save()], 6

    def f(*p, k=0, **kw):
        save()
        return p, k, kw
    return a, b, c, d, e, f(*[1, save()], *(2,), k=f(**{"z": save()}), **{"w": 5})


@case
def while_in_for_in_while():
    out, n = [], 5
    while n:
        n -= 1
        for i in range(n):
            m = i
            while m:
                m -= 1
                save()
                out.append((n, i, m))
    return out
