#!/usr/bin/env python3
"""Reads a checkpoint file, written from docs/format.md alone: a second opinion on the C library.

    reader.py FILE                    META, and size and checksum of each blob, as JSON
    reader.py FILE --blob 0 >stream   the bytes of one blob
    reader.py FILE --generation 7     of that generation, not of the newest that verifies
    reader.py FILE --key KEYFILE      also whether it is signed with that key

Nothing is executed or built from the file: blobs are bytes. Needs xxhash and zstandard.
"""
import argparse
import json
import mmap
import struct
import sys
import zlib

import signed
import xxhash
import zstandard
from meta import Damaged, read_meta

BLOCK = 4096
PAGE = 4096
START = 3 * BLOCK
CHUNK_MAX = 64 << 20
GENERATION_MAX = 1 << 62
RECORDS_MAX = 1 << 30
SELF_VERIFYING_MAX = 1 << 20
SELF_VERIFYING, MARK = 1, 2
META, TABLE, DELTA, END = 1, 2, 3, 255
REQUIRED = 1
RAW, ZSTD, ZSTD_SHUFFLE, ZERO, PATCHED = range(5)
PAGES_MAX = 255
LITERALS = 2**64 - 1


class NotACheckpoint(Exception):
    """The file does not begin like one."""


class Legacy(NotACheckpoint):
    """A gzipped file, as resume 0.13 wrote."""


class Unsupported(Exception):
    """Written by a newer version."""


def hash128(data, seed=0):
    return xxhash.xxh3_128_intdigest(data, seed=seed)


def hash_chunk(data):
    if len(data) <= PAGE:
        return hash128(data)
    pages = [hash128(data[at:at + PAGE]) for at in range(0, len(data), PAGE)]
    return hash128(b"".join(each.to_bytes(16, "little") for each in pages))


def u128(data, at):
    low, high = struct.unpack_from("<QQ", data, at)
    return high << 64 | low


def stored_fits(coding, unit, stored, raw):
    """Of RAW, ZSTD and ZSTD_SHUFFLE."""
    return (1 <= stored <= raw <= CHUNK_MAX and (coding != RAW or stored == raw) and
            unit in ((1, 2, 4, 8, 16) if coding == ZSTD_SHUFFLE else (0,)))


def size_in_file(entry):
    """Of what stands at the offset of the entry."""
    return 8 + 8 * entry[2] if entry[1] == PATCHED else entry[3]


def unshuffle(data, size):
    count = len(data) // size
    out = bytearray(data)
    for k in range(size):
        out[k:count * size:size] = data[k * count:(k + 1) * count]
    return bytes(out)


def unpack(frame, size):
    """The content of one zstd frame with nothing behind it, at most `size` bytes."""
    if frame[:4] != b"\x28\xb5\x2f\xfd":
        raise Damaged("no zstd frame")
    decompressor = zstandard.ZstdDecompressor().decompressobj()
    try:
        if zstandard.get_frame_parameters(frame).content_size not in (size, 2**64 - 1):
            raise Damaged("a frame of a wrong size")
        data = decompressor.decompress(frame)
    except zstandard.ZstdError as error:
        raise Damaged(f"zstd: {error}") from error
    if not decompressor.eof or decompressor.unused_data:
        raise Damaged("a frame that is not whole, or has something behind it")
    return data


def pack_entry(entry):
    offset, coding, unit, stored, raw, digest = entry
    return struct.pack("<QIIQQ", offset | coding << 48 | unit << 56, stored, raw,
                       digest & 2**64 - 1, digest >> 64)


class Segment:
    """A segment whose header and trailer are good and agree; its content is not yet verified."""

    def __init__(self, offset, size, generation, flags, data_size, records_size, previous, digest):
        self.offset, self.size, self.generation, self.flags = offset, size, generation, flags
        self.records_at = offset + 64 + data_size
        self.records_size = records_size
        self.previous_commit = previous
        self.digest = digest
        self.end = offset + size
        self.trailer_at = self.end - 64


class State:
    """One generation: `meta`, `flags`, and its blobs; blob 0 is the object stream."""

    def __init__(self, file, segment, meta, found, blobs):
        self._file, self._blobs, self._found = file, blobs, found
        self.generation, self.flags, self.meta = segment.generation, segment.flags, meta

    def __len__(self):
        return len(self._blobs)

    def size(self, index):
        return self._blobs[index][0]

    def element_size(self, index):
        return self._blobs[index][1]

    def blob(self, index):
        return b"".join(self._file.chunk(entry) for entry in self._blobs[index][2])

    @property
    def stream(self):
        return self.blob(0)

    def signature(self, key):
        """For the holder of the key: "mine", "other", "wrong" or "not"."""
        rows = [entry for _, _, own in self._blobs for entry in own]
        table = (struct.pack("<QQ", len(self), len(rows)) +
                 b"".join(struct.pack("<QII", size, unit, 0) for size, unit, _ in self._blobs) +
                 b"".join(map(pack_entry, rows)))
        return signed.judge(self._found[END], key, self._file.data[:BLOCK], self.generation,
                            self.flags, self._found[META], table, self.stream)

    def codings(self):
        return [entry[1] for blob in self._blobs for entry in blob[2]]


class File:
    """A checkpoint file. `segments`: what may be a generation, oldest first."""

    damaged = False  # something that was durable is bad

    def __init__(self, path=None, data=None):
        if data is None:
            with open(path, "rb") as stream:
                empty = not stream.seek(0, 2)
                data = b"" if empty else mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
        self.data = data
        self._read_header()
        self.hint = (0, 0)
        for hint in self.hints():
            self.hint = max(self.hint, hint, key=lambda each: each[0])
        chain = self._chain()
        self.chain_is_whole = chain is not None
        self.segments = self._walk(chain, chain[-1].end) if chain else self._walk([], START)

    # --- block 0 and hints

    def _read_header(self):
        data = self.data
        if data[:2] == b"\x1f\x8b":
            raise Legacy("gzipped, as a checkpoint of resume 0.13")
        magic = b"\x89RESUME\n"
        if not data[:1] or data[:8] != magic[:len(data[:8])]:
            raise NotACheckpoint("does not begin like a checkpoint of resume")
        if len(data) < BLOCK:
            raise Damaged("ends inside block 0")
        if xxhash.xxh3_64_intdigest(data[:4088]) != struct.unpack_from("<Q", data, 4088)[0]:
            raise Damaged("block 0 does not match its checksum")
        major, minor = struct.unpack_from("<HH", data, 8)
        compatible, incompatible = struct.unpack_from("<QQ", data, 16)
        self.uuid = data[32:48]
        self.chunk_size, block_size = struct.unpack_from("<II", data, 48)
        self.created_ns = struct.unpack_from("<q", data, 56)[0]
        self.version, self.compatible = (major, minor), compatible
        if major > 1 or incompatible:
            raise Unsupported(f"format {major}.{minor}, features {incompatible:#x}")
        size = self.chunk_size
        if not major or block_size != BLOCK or not BLOCK <= size <= CHUNK_MAX or size & (size - 1):
            raise Damaged("impossible sizes in block 0")

    def seed(self, offset):
        return xxhash.xxh3_64_intdigest(self.uuid + struct.pack("<Q", offset))

    def _sealed(self, at, magic):
        """64 bytes with this magic and a good checksum, or None."""
        record = self.data[at:at + 64]
        if len(record) < 64 or record[:8] != magic:
            return None
        checksum = xxhash.xxh3_64_intdigest(record[:56], seed=self.seed(at))
        return record if struct.unpack_from("<Q", record, 56)[0] == checksum else None

    def hints(self):
        """(generation, offset of its trailer) of each good hint."""
        for at in (BLOCK, 2 * BLOCK):
            record = self._sealed(at, b"RSHINT1\n")
            hint = struct.unpack_from("<QQ", record, 8) if record else (GENERATION_MAX, 0)
            if hint[0] < GENERATION_MAX:
                yield hint

    # --- segments

    def _header_at(self, at):
        """generation, data size, records size, commit before, flags, size of the segment"""
        record = self._sealed(at, b"RSSEG1\n\0")
        if not record or at % BLOCK or at < START:
            return None
        fields = struct.unpack_from("<QQQQI", record, 8)
        _, data_size, records_size, previous, _ = fields
        size = -(-(64 + data_size + records_size + 64) // BLOCK) * BLOCK
        good = data_size % 8 == 0 and records_size % 8 == 0 and at + size < 1 << 64
        before = not previous or (START <= previous <= at - 64 and previous % BLOCK == BLOCK - 64)
        return (*fields, size) if good and before else None

    def _trailer_at(self, at):
        record = self._sealed(at, b"RSCOMMIT") if at % BLOCK == BLOCK - 64 else None
        if not record:
            return None
        generation, offset, size = struct.unpack_from("<QQQ", record, 8)
        flags = struct.unpack_from("<I", record, 48)[0]
        good = offset >= START and not offset % BLOCK and offset + size == at + 64 and size
        return (generation, offset, size, u128(record, 32), flags) if good else None

    def segment_at(self, at):
        header = self._header_at(at)
        if not header:
            return None
        generation, data_size, records_size, previous, flags, size = header
        trailer = self._trailer_at(at + size - 64)
        if not trailer or not 0 < generation < GENERATION_MAX or records_size > RECORDS_MAX:
            return None
        if (trailer[0], trailer[1], trailer[2], trailer[4]) != (generation, at, size, flags):
            return None
        return Segment(at, size, generation, flags, data_size, records_size, previous, trailer[3])

    def _segment_of_trailer(self, at):
        trailer = self._trailer_at(at)
        segment = self.segment_at(trailer[1]) if trailer else None
        return segment if segment and segment.trailer_at == at else None

    def _chain(self):
        """The candidates from the best hint backward, oldest first; None when it is broken."""
        generation, at = self.hint
        found, above = [], generation + 1
        while at:
            segment = self._segment_of_trailer(at)
            if not segment or segment.generation >= above:
                return None
            found.append(segment)
            above, at = segment.generation, segment.previous_commit
        return found[::-1] or None

    def _walk(self, found, at):
        """The candidates from `at` forward, added to those that were found."""
        self.has_tail = False
        while at < len(self.data):
            segment = self.segment_at(at)
            newest = found[-1].generation if found else 0
            if segment and segment.generation > newest:
                found.append(segment)
                at = segment.end
                continue
            at = self._later(at, newest, None if segment else self._header_at(at))
            if not at:
                self.has_tail = not self._is_zero(found[-1].end if found else START)
                break
        return found

    def _is_zero(self, begin):
        """Room for a save: there are only zeros from here to the end."""
        return not any(any(self.data[at:at + CHUNK_MAX])
                       for at in range(begin, len(self.data), CHUNK_MAX))

    def _later(self, at, newest, header):
        """Where walking goes on behind a bad place: at a later commit, which means damage."""
        begin = at
        if header and header[0] < GENERATION_MAX:
            begin += header[5]
        for block in range(begin, len(self.data), BLOCK):
            place = block + BLOCK - 64
            trailer = self._trailer_at(place)
            if not trailer or not newest < trailer[0] < GENERATION_MAX:
                continue
            if trailer[1] == at and trailer[4] & SELF_VERIFYING:
                continue  # of the bad place itself: a torn write can keep it
            self.damaged = True
            segment = self._segment_of_trailer(place)
            return segment.offset if segment and segment.offset > at else block + BLOCK
        return 0

    # --- content of a segment

    def _records(self, segment):
        """{type: payload}, verified."""
        data = self.data
        records = data[segment.records_at:segment.records_at + segment.records_size]
        if segment.flags & SELF_VERIFYING:
            if segment.size > SELF_VERIFYING_MAX:
                raise Damaged("a self-verifying segment of more than 1 MiB")
            covered = data[segment.offset:segment.trailer_at]
        else:
            covered = data[segment.offset:segment.offset + 64] + records
        if hash128(covered, self.seed(segment.offset)) != segment.digest:
            raise Damaged(f"generation {segment.generation}: the digest does not match")
        found, at, kind, twice = {}, 0, None, False
        while kind != END:
            if at + 16 > len(records):
                raise Damaged("records without END")
            kind, flags, size = struct.unpack_from("<IIQ", records, at)
            payload = records[at + 16:at + 16 + size]
            at += 16 + -(-size // 8) * 8
            if at > len(records):
                raise Damaged("a record that is too long")
            if kind not in (META, TABLE, DELTA, END):
                if flags & REQUIRED:
                    raise Unsupported(f"a record of type {kind}")
            else:
                twice |= kind in found
                found[kind] = payload
        if twice or at != len(records) or META not in found or (TABLE in found) == (DELTA in found):
            raise Damaged("records are missing, stand twice, or follow END")
        return found

    @staticmethod
    def _entries(data):
        """Chunk entries, each looked at by itself."""
        entries = []
        for at in range(0, len(data), 32):
            first, stored, raw = struct.unpack_from("<QII", data, at)
            offset, coding, unit = first & 2**48 - 1, first >> 48 & 255, first >> 56
            digest = u128(data, at + 16)
            if coding > PATCHED:
                raise Unsupported(f"coding {coding}")
            if coding == ZERO:
                good = 1 <= raw <= CHUNK_MAX and not (offset or stored or unit or digest)
            elif coding == PATCHED:
                good = PAGE < raw <= PAGES_MAX * PAGE and 1 <= stored <= 2 * raw and unit
            else:
                good = stored_fits(coding, unit, stored, raw)
            if not good:
                raise Damaged(f"a bad chunk entry at offset {offset}")
            entries.append((offset, coding, unit, stored, raw, digest))
        return entries

    @staticmethod
    def _counts(data, head, *rows):
        """The rows behind a head of `head` bytes: their sizes must make up the whole."""
        if len(data) < head or len(data) != head + sum(count * size for count, size in rows):
            raise Damaged("counts do not add up")
        at = head
        for count, size in rows:
            yield data[at:at + count * size]
            at += count * size

    @staticmethod
    def _blob_entries(data):
        blobs = []
        for size, unit, flags in struct.iter_unpack("<QII", data):
            if flags:
                raise Unsupported("blob flags")
            blobs.append((size, unit))
        return blobs

    def _full(self, payload):
        counts = struct.unpack_from("<QQ", payload.ljust(16, b"\0"))
        blobs, entries = self._counts(payload, 16, (counts[0], 16), (counts[1], 32))
        return self._blob_entries(blobs), self._entries(entries)

    def _delta(self, payload, base):
        """The table that a DELTA makes out of the chunk entries of its base."""
        blob_count, entry_count, operation_count, literal_count = struct.unpack_from(
            "<QQQQ", payload, 16)
        blobs, operations, literals = self._counts(
            payload, 48, (blob_count, 16), (operation_count, 16), (literal_count, 32))
        places, next_base, used = [], 0, 0  # (is a literal, index) of each entry
        for begin, count in struct.iter_unpack("<QQ", operations):
            literal = begin == LITERALS
            first = used if literal else begin
            limit = literal_count if literal else len(base)
            if not 0 < count <= entry_count - len(places) or first + count > limit:
                raise Damaged("a wrong operation")
            if not literal and begin < next_base:
                raise Damaged("a copy goes backward")
            places += [(literal, index) for index in range(first, first + count)]
            if literal:
                used += count
            else:
                next_base = begin + count
        if len(places) != entry_count or used != literal_count:
            raise Damaged("operations do not add up")
        known = b"".join(map(pack_entry, base))
        if xxhash.xxh3_64_intdigest(known) & 2**32 - 1 != struct.unpack_from("<I", payload, 12)[0]:
            raise Damaged("a DELTA to another base")
        blobs, literals = self._blob_entries(blobs), self._entries(literals)
        return blobs, [(literals if literal else base)[index] for literal, index in places]

    def _chain_of_tables(self, segment, found):
        """(segment, its records) of this one, its base, the base of that .., the last a TABLE."""
        chain = [(segment, found)]
        while DELTA in found:
            base_at, depth = self._base(found[DELTA])
            if base_at >= segment.offset:
                raise Damaged("a wrong base")
            segment = self.segment_at(base_at)
            if not segment:
                raise Damaged("the base of a table is missing")
            found = self._records(segment)
            chain.append((segment, found))
            if (self._base(found[DELTA])[1] if DELTA in found else 0) != depth - 1:
                raise Damaged("a wrong depth")
        return chain

    @staticmethod
    def _base(payload):
        """Offset of the base of a DELTA, and its depth."""
        if len(payload) < 48:
            raise Damaged("a short delta table")
        base_at, depth = struct.unpack_from("<QI", payload)
        if not 1 <= depth <= 8 or base_at < START or base_at % BLOCK:
            raise Damaged("a wrong base or depth")
        return base_at, depth

    def _table(self, segment, found):
        """(blobs, chunk entries, depth), through the bases."""
        chain = self._chain_of_tables(segment, found)
        entries = []
        for place, records in reversed(chain):
            if TABLE in records:
                blobs, entries = self._full(records[TABLE])
            else:
                blobs, entries = self._delta(records[DELTA], entries)
            blobs = self._lay_out(blobs, entries, place.trailer_at)
        return blobs, entries, len(chain) - 1

    def _lay_out(self, sizes, entries, limit):
        """(size, element size, its entries) of each blob; stored bytes lie before `limit`."""
        counts = [-(-size // self.chunk_size) for size, _ in sizes]
        if sum(counts) != len(entries):
            raise Damaged("not the chunks that the blobs need")
        at, blobs = 0, []
        for (size, unit), count in zip(sizes, counts):
            own = entries[at:at + count]
            for i, entry in enumerate(own):
                if entry[4] != min(self.chunk_size, size - i * self.chunk_size):
                    raise Damaged("a chunk of a wrong size")
                if entry[1] != ZERO and not START <= entry[0] <= limit - size_in_file(entry):
                    raise Damaged("a chunk outside of the file")
            blobs.append((size, unit, own))
            at += count
        return blobs

    def chunk(self, entry):
        """The raw bytes of a chunk, verified."""
        offset, coding, unit, stored, raw, digest = entry
        if coding == ZERO:
            return bytes(raw)
        data = (self._patched(entry) if coding == PATCHED else
                self._decoded(offset, coding, unit, stored, raw))
        if len(data) != raw or hash_chunk(data) != digest:
            raise Damaged(f"the chunk at {offset} does not match its checksum")
        return data

    def _decoded(self, offset, coding, unit, stored, raw):
        data = self.data[offset:offset + stored]
        if coding != RAW:
            data = unpack(data, raw)
        return unshuffle(data, unit) if coding == ZSTD_SHUFFLE else data

    def _patched(self, entry):
        """The base, and over it the extents; everything lies before the record."""
        at, _, count, stored, raw, _ = entry
        first, *extents = struct.unpack_from(f"<{1 + count}Q", self.data, at)
        patches, next_page = [], 0
        for word in extents:
            offset, page, pages = word & 2**48 - 1, word >> 48 & 255, word >> 56
            size = min((page + pages) * PAGE, raw) - page * PAGE
            if page < next_page or not pages or (page + pages - 1) * PAGE >= raw or \
                    not START <= offset <= at - size:
                raise Damaged(f"a wrong extent in the patch at {at}")
            next_page = page + pages
            stored -= size
            patches.append((page * PAGE, self.data[offset:offset + size]))
        base, coding, unit = first & 2**48 - 1, first >> 48 & 255, first >> 56
        if coding > ZSTD_SHUFFLE or not stored_fits(coding, unit, stored, raw) or \
                not START <= base <= at - stored:
            raise Damaged(f"a wrong base in the patch at {at}")
        data = bytearray(self._decoded(base, coding, unit, stored, raw))
        for begin, patch in patches:
            data[begin:begin + len(patch)] = patch
        return bytes(data)

    # --- generations

    def state(self, segment):
        """The generation of a segment, its object stream verified."""
        found = self._records(segment)
        meta = read_meta(found[META])
        blobs, _, _ = self._table(segment, found)
        if not blobs:
            raise Damaged("a generation without an object stream")
        state = State(self, segment, meta, found, blobs)
        state.stream  # verifies it
        return state

    def generation(self, number):
        for segment in self.segments:
            if segment.generation == number:
                return self.state(segment)
        raise KeyError(number)

    def newest(self):
        """(state, health): the newest generation that verifies; "good", "torn" or "damaged"."""
        state, torn = self._choose()
        if not state and self.chain_is_whole:
            self.segments = self._walk([], START)
            state, torn = self._choose()
        if not state:
            raise Damaged("no generation verifies")
        if self.damaged or self.hint[0] > state.generation:
            return state, "damaged"
        return state, "torn" if torn or self.has_tail else "good"

    def _choose(self):
        torn = False
        for index in range(len(self.segments) - 1, -1, -1):
            segment = self.segments[index]
            try:
                return self.state(segment), torn
            except Damaged:
                durable = not segment.flags & SELF_VERIFYING or self.hint[0] >= segment.generation
                self.damaged |= durable or torn
                torn = True
        return None, torn


def describe(state, health, key):
    blobs = []
    for i in range(len(state)):
        data = state.blob(i)
        blobs.append({"size": len(data), "element_size": state.element_size(i),
                      "crc32": f"{zlib.crc32(data):08x}"})
    told = {"generation": state.generation, "health": health, "mark": bool(state.flags & MARK),
            "meta": state.meta, "blobs": blobs}
    return told if key is None else told | {"signature": state.signature(key)}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file")
    parser.add_argument("--generation", type=int)
    parser.add_argument("--blob", type=int)
    parser.add_argument("--key", type=signed.read_key)
    options = parser.parse_args()
    try:
        file = File(options.file)
        if options.generation is None:
            state, health = file.newest()
        else:
            state, health = file.generation(options.generation), None
        if options.blob is not None:
            sys.stdout.buffer.write(state.blob(options.blob))
        else:
            print(json.dumps(describe(state, health, options.key), indent=1, default=repr))
    except (NotACheckpoint, Unsupported, Damaged, OSError, KeyError, IndexError) as error:
        sys.exit(f"{options.file}: {type(error).__name__}: {error}")


if __name__ == "__main__":
    main()
