"""The log of a block device in the format of dm-log-writes, and what a power cut leaves of it.

Superblock, one sector: magic, version, number of entries, sector size. Then entries: one sector of
sector, number of sectors, flags, length of data; behind it the data, unless it is a discard.
"""
import dataclasses
import struct

MAGIC = 0x6A736677736872
FLUSH, FUA, DISCARD = 1, 2, 4
UNIT = 4096  # what a drive writes whole, or not at all


@dataclasses.dataclass
class Entry:
    offset: int  # on the device
    size: int
    flags: int
    data_at: int  # in the log
    end: int  # in the log: an event at a log of this size or more has seen it

    @property
    def is_barrier(self):
        return self.flags & (FLUSH | FUA) != 0


def read(path):
    """(the bytes of the log, its entries)"""
    data = path.read_bytes()
    magic, version, _, sector = struct.unpack_from("<QQQI", data)
    assert magic == MAGIC and version == 1, "not a log of dm-log-writes"
    entries, at = [], sector
    while at + sector <= len(data):  # the count in the superblock is written at the end only
        first, count, flags, _ = struct.unpack_from("<QQQQ", data, at)
        size = count * sector
        data_at = at + sector
        at = data_at + (0 if flags & DISCARD else size)
        entries.append(Entry(first * sector, size, flags, data_at, at))
    assert at == len(data), "the log ends in the middle of an entry"
    return data, entries


def apply(image, data, entry, pieces=None):
    """Writes an entry to an open image: all of it, or the pieces of UNIT bytes with these numbers.
    """
    if entry.flags & DISCARD or entry.size == 0:
        return
    if pieces is None:
        image.seek(entry.offset)
        image.write(data[entry.data_at:entry.data_at + entry.size])
        return
    for piece in pieces:
        image.seek(entry.offset + piece * UNIT)
        start = entry.data_at + piece * UNIT
        image.write(data[start:min(start + UNIT, entry.data_at + entry.size)])


def last_barrier(entries, cut):
    """How many of the first `cut` entries are surely on the disk: all up to the last flush."""
    for index in range(cut, 0, -1):
        if entries[index - 1].is_barrier:
            return index
    return 0


def choose(entries, first, cut, rng):
    """What is kept of the entries [first, cut) that no flush followed: [(entry, pieces)]."""
    manner = rng.choice(("all", "writes", "writes", "pieces", "few", "most"))
    if manner == "all":
        return [(entry, None) for entry in entries[first:cut]]
    share = {"few": 0.1, "most": 0.9}.get(manner, 0.5)
    kept = []
    for entry in entries[first:cut]:
        if manner != "pieces":
            if rng.random() < share:
                kept.append((entry, None))
            continue
        pieces = range((entry.size + UNIT - 1) // UNIT)
        kept.append((entry, [piece for piece in pieces if rng.random() < share]))
    return kept
