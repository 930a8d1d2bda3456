"""Items of RFC 8949 for tools/objects.py, and what stands for values that Python alone has not."""
import struct


class Damaged(Exception):
    """The stream is not what the format says."""


class Tag:
    """A tag and its content."""

    def __init__(self, tag, value):
        self.tag, self.value = tag, value


class Opaque:
    """An object that is not built: the name of its class or of what makes it, and its parts."""

    def __init__(self, type, state=None):
        self.type, self.state = type, state

    def __repr__(self):
        return f"Opaque({self.type!r}, ...)"


class Cell:
    """A variable that functions share: its value, or none (`Cell.EMPTY`), or its name."""
    EMPTY = object()

    def __init__(self, content=EMPTY):
        self.content = content


class Memory:
    """Bytes [low, high) of a memory; low and high are None for all of it."""

    def __init__(self, data, low=None, high=None):
        self.data, self.low, self.high = data, low, high


def parse(data, at=0):
    """One item of RFC 8949 and the position behind it: maps as Tag("map", pairs)."""
    kind, info = data[at] >> 5, data[at] & 31
    at += 1
    if info < 24:
        number = info
    elif info < 28:
        size = 1 << (info - 24)
        number, at = int.from_bytes(data[at:at + size], "big"), at + size
    else:
        raise Damaged("reserved head or indefinite length")
    if kind == 0:
        return number, at
    if kind == 1:
        return -1 - number, at
    if kind in (2, 3):
        content = data[at:at + number]
        if len(content) != number:
            raise Damaged("a string ends too early")
        return (content if kind == 2 else content.decode()), at + number
    if kind in (4, 5):
        items = []
        for _ in range(number * (kind - 3)):
            item, at = parse(data, at)
            items.append(item)
        return (items if kind == 4 else Tag("map", items)), at
    if kind == 6:
        value, at = parse(data, at)
        return Tag(number, value), at
    if info in (25, 26, 27):
        code = {25: ">e", 26: ">f", 27: ">d"}[info]
        return struct.unpack(code, number.to_bytes(1 << (info - 24), "big"))[0], at
    if info < 24 and number in (20, 21, 22):
        return (False, True, None)[number - 20], at
    raise Damaged(f"simple value {number}")
