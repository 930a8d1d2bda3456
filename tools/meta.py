"""Reads META, the CBOR map that tells about a generation, for reader.py: docs/format.md alone."""


class Damaged(Exception):
    """A checksum or a structure is wrong."""


META_TYPES = {"saved": "signed", "started": "signed", "running": "signed", "pid": "signed",
              "saves": "unsigned", "size": "unsigned", "ended": "bool", "name": "text",
              "program": "text", "function": "text", "host": "text", "run": "text",
              "writer": "text"}
META_MAX = 65536


def item_at(data, at):
    """One item of RFC 8949, of definite length: (kind, value, where it ends). The value of an
    array, map or tag is its number, and its content stands behind it."""
    if at >= len(data):
        raise Damaged("CBOR ends too early")
    kind, info = data[at] >> 5, data[at] & 31
    width = 0 if info < 24 else 1 << (info - 24)
    at += 1 + width
    if info > 27 or at > len(data):
        raise Damaged("a CBOR head that is reserved, of indefinite length, or not whole")
    number = int.from_bytes(data[at - width:at], "big") if width else info
    if kind == 7:
        if width == 1 and number < 32:
            raise Damaged("a reserved form of a simple value")
        return kind, {20: False, 21: True}.get(number) if not width else None, at
    if kind not in (2, 3):
        return kind, -1 - number if kind == 1 else number, at
    text = data[at:at + number]
    if len(text) < number:
        raise Damaged("a CBOR string ends too early")
    try:
        return kind, text if kind == 2 else text.decode(), at + number
    except UnicodeDecodeError as error:
        raise Damaged(f"text: {error}") from error


def skip_item(data, at):
    missing = 1
    while missing:
        kind, value, at = item_at(data, at)
        missing += {4: value, 5: 2 * value, 6: 1}[kind] - 1 if kind in (4, 5, 6) else -1
        if missing > len(data) - at:
            raise Damaged("CBOR ends too early")
    return at


def read_meta(data):
    """META as a dict of the keys of the table, of which each must have its type."""
    if len(data) > META_MAX:
        raise Damaged("META is too large")
    kind, count, at = item_at(data, 0)
    if kind != 5:
        raise Damaged("META is no map")
    meta = {}
    for _ in range(count):
        kind, key, end = item_at(data, at)
        wanted = META_TYPES.get(key) if kind == 3 else None
        at = end if wanted else skip_item(data, at)
        kind, value, end = item_at(data, at)
        at = end if wanted else skip_item(data, at)
        good = {"signed": kind < 2 and -2**63 <= value < 2**63, "unsigned": kind == 0,
                "bool": kind == 7 and value is not None, "text": kind in (2, 3), None: True}
        if not good[wanted]:
            raise Damaged(f"META: '{key}' has a value of another type")
        if wanted:
            meta[key] = value
    if at != len(data):
        raise Damaged("something stands behind META")
    return meta
