#!/usr/bin/env python3
"""Reads a checkpoint file, written from docs/format.md alone: a second opinion on the C library.

    reader.py FILE                    META, and size and checksum of each blob, as JSON
    reader.py FILE --blob 0 >stream   the bytes of one blob
    reader.py FILE --generation 7     of that generation, not of the newest that verifies

Nothing is executed or built from the file: blobs are bytes. Needs xxhash, zstandard and cbor2.
"""
import argparse
import json
import mmap
import struct
import sys
import zlib

import cbor2
import xxhash
import zstandard

BLOCK = 4096
START = 3 * BLOCK
CHUNK_MAX = 64 << 20
GENERATION_MAX = 1 << 62
RECORDS_MAX = 1 << 30
SELF_VERIFYING_MAX = 1 << 20
SELF_VERIFYING, MARK = 1, 2
META, TABLE, DELTA, END = 1, 2, 3, 255
REQUIRED = 1
RAW, ZSTD, ZSTD_SHUFFLE, ZERO = range(4)
LITERALS = 2**64 - 1


class NotACheckpoint(Exception):
    """The file does not begin like one."""


class Legacy(NotACheckpoint):
    """A gzipped file, as resume 0.13 wrote."""


class Unsupported(Exception):
    """Written by a newer version."""


class Damaged(Exception):
    """A checksum or a structure is wrong."""


def hash128(data, seed=0):
    return xxhash.xxh3_128_intdigest(data, seed=seed)


def u128(data, at):
    low, high = struct.unpack_from("<QQ", data, at)
    return high << 64 | low


def unshuffle(data, size):
    count = len(data) // size
    out = bytearray(data)
    for k in range(size):
        out[k:count * size:size] = data[k * count:(k + 1) * count]
    return bytes(out)


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

    def __init__(self, file, segment, meta, blobs):
        self._file, self._blobs = file, blobs
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

    def codings(self):
        return [entry[1] for blob in self._blobs for entry in blob[2]]


class File:
    """A checkpoint file. `segments`: what may be a generation, oldest first."""

    def __init__(self, path=None, data=None):
        if data is None:
            with open(path, "rb") as stream:
                empty = not stream.seek(0, 2)
                data = b"" if empty else mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
        self.data = data
        self._read_header()
        self._walk()

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
        good = data_size % 8 == 0 and records_size % 8 == 0 and records_size <= RECORDS_MAX
        good = good and fields[0] < GENERATION_MAX
        before = not previous or (START <= previous <= at - 64 and previous % BLOCK == BLOCK - 64)
        size = -(-(64 + data_size + records_size + 64) // BLOCK) * BLOCK
        return (*fields, size) if good and before else None

    def _trailer_at(self, at):
        record = self._sealed(at, b"RSCOMMIT")
        if not record:
            return None
        generation, offset, size = struct.unpack_from("<QQQ", record, 8)
        flags = struct.unpack_from("<I", record, 48)[0]
        good = offset >= START and not offset % BLOCK and offset + size == at + 64 and size
        good = good and generation < GENERATION_MAX
        return (generation, offset, size, u128(record, 32), flags) if good else None

    def segment_at(self, at):
        header = self._header_at(at)
        if not header:
            return None
        generation, data_size, records_size, previous, flags, size = header
        trailer = self._trailer_at(at + size - 64)
        if not trailer or not generation:
            return None
        if (trailer[0], trailer[1], trailer[2], trailer[4]) != (generation, at, size, flags):
            return None
        return Segment(at, size, generation, flags, data_size, records_size, previous, trailer[3])

    def _walk(self):
        """From the first segment forward; hints only save time, and are not needed."""
        self.segments, self.has_tail, self.gap = [], False, False
        at, end = START, len(self.data)
        while at < end:
            segment = self.segment_at(at)
            newest = self.segments[-1].generation if self.segments else 0
            if segment and segment.generation > newest:
                self.segments.append(segment)
                at = segment.end
                continue
            at = self._later(at, newest)
            self.has_tail = at == 0
            if not at:
                break

    def _later(self, at, newest):
        """Where walking goes on behind a bad place: at a later commit, which means damage."""
        header = self._header_at(at)
        begin = at + header[5] if header else at
        for block in range(-(-begin // BLOCK) * BLOCK, len(self.data), BLOCK):
            trailer = self._trailer_at(block + BLOCK - 64)
            if not trailer or trailer[0] <= newest:
                continue
            if trailer[1] == at and trailer[4] & SELF_VERIFYING:
                continue  # of the bad place itself: a torn write can keep it
            self.gap = True
            segment = self.segment_at(trailer[1])
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
        found, at, kind = {}, 0, None
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
            elif kind in found:
                raise Damaged("two records of one type")
            found[kind] = payload
        if at != len(records) or META not in found or (TABLE in found) == (DELTA in found):
            raise Damaged("records are missing, or follow END")
        return found

    def _entries(self, data, limit):
        for at in range(0, len(data), 32):
            first, stored, raw = struct.unpack_from("<QII", data, at)
            offset, coding, unit = first & 2**48 - 1, first >> 48 & 255, first >> 56
            digest = u128(data, at + 16)
            if coding > ZERO:
                raise Unsupported(f"coding {coding}")
            good = 1 <= raw <= CHUNK_MAX
            if coding == ZERO:
                good &= not (offset or stored or unit or digest)
            else:
                good &= START <= offset <= limit - stored and 1 <= stored <= raw
                good &= unit in ((1, 2, 4, 8, 16) if coding == ZSTD_SHUFFLE else (0,))
                good &= coding != RAW or stored == raw
            if not good:
                raise Damaged(f"a bad chunk entry at offset {offset}")
            yield offset, coding, unit, stored, raw, digest

    @staticmethod
    def _counts(data, head, *rows):
        """The rows behind a head of `head` bytes: their sizes must make up the whole."""
        if len(data) != head + sum(count * size for count, size in rows):
            raise Damaged("counts do not add up")
        at = head
        for count, size in rows:
            yield data[at:at + count * size]
            at += count * size

    def _full(self, payload, limit):
        if len(payload) < 16:
            raise Damaged("a short table")
        blob_count, entry_count = struct.unpack_from("<QQ", payload)
        blobs, entries = self._counts(payload, 16, (blob_count, 16), (entry_count, 32))
        return blobs, list(self._entries(entries, limit))

    def _table(self, segment, found, depth_above=9):
        """(blob entries, chunk entries), through the bases."""
        if TABLE in found:
            return (*self._full(found[TABLE], segment.trailer_at), 0)
        payload = found[DELTA]
        if len(payload) < 48:
            raise Damaged("a short delta table")
        base_at, depth, _, *counts = struct.unpack_from("<QIIQQQQ", payload)
        blob_count, entry_count, operation_count, literal_count = counts
        if not 1 <= depth <= 8 or depth >= depth_above or base_at >= segment.offset:
            raise Damaged("a wrong base")
        blobs, operations, literals = self._counts(
            payload, 48, (blob_count, 16), (operation_count, 16), (literal_count, 32))
        base_segment = self.segment_at(base_at)
        if not base_segment:
            raise Damaged("the base of a table is missing")
        _, base, base_depth = self._table(base_segment, self._records(base_segment), depth)
        if base_depth != depth - 1:
            raise Damaged("a wrong depth")
        literals = list(self._entries(literals, segment.trailer_at))
        entries, next_base, used = [], 0, 0
        for at in range(0, len(operations), 16):
            begin, count = struct.unpack_from("<QQ", operations, at)
            source = literals if begin == LITERALS else base
            first = used if begin == LITERALS else begin
            if not count or first + count > len(source) or (source is base and begin < next_base):
                raise Damaged("a wrong operation")
            entries += source[first:first + count]
            if source is base:
                next_base = begin + count
            else:
                used += count
        if len(entries) != entry_count or used != literal_count:
            raise Damaged("operations do not add up")
        return blobs, entries, depth

    def _blobs(self, blob_bytes, entries):
        at, blobs = 0, []
        for size, unit, flags in struct.iter_unpack("<QII", blob_bytes):
            if flags:
                raise Unsupported("blob flags")
            count = -(-size // self.chunk_size)
            if count > len(entries) - at:
                raise Damaged("too few chunks")
            own = entries[at:at + count]
            for i, entry in enumerate(own):
                if entry[4] != min(self.chunk_size, size - i * self.chunk_size):
                    raise Damaged("a chunk of a wrong size")
            blobs.append((size, unit, own))
            at += count
        if at != len(entries) or not blobs:
            raise Damaged("too many chunks, or no object stream")
        return blobs

    def chunk(self, entry):
        """The raw bytes of a chunk, verified."""
        offset, coding, unit, stored, raw, digest = entry
        if coding == ZERO:
            return bytes(raw)
        data = self.data[offset:offset + stored]
        if coding != RAW:
            try:
                if zstandard.get_frame_parameters(data).content_size not in (raw, 2**64 - 1):
                    raise Damaged("a frame of a wrong size")
                data = zstandard.ZstdDecompressor().decompress(data, max_output_size=raw)
            except zstandard.ZstdError as error:
                raise Damaged(f"chunk at {offset}: {error}") from error
        if coding == ZSTD_SHUFFLE:
            data = unshuffle(data, unit)
        if len(data) != raw or hash128(data) != digest:
            raise Damaged(f"the chunk at {offset} does not match its checksum")
        return data

    # --- generations

    def state(self, segment):
        """The generation of a segment, its object stream verified."""
        found = self._records(segment)
        blob_bytes, entries, _ = self._table(segment, found)
        try:
            meta = cbor2.loads(found[META])
        except (cbor2.CBORDecodeError, ValueError) as error:
            raise Damaged(f"META: {error}") from error
        if not isinstance(meta, dict):
            raise Damaged("META is no map")
        state = State(self, segment, meta, self._blobs(blob_bytes, entries))
        state.stream  # verifies it
        return state

    def generation(self, number):
        for segment in self.segments:
            if segment.generation == number:
                return self.state(segment)
        raise KeyError(number)

    def newest(self):
        """(state, health): the newest generation that verifies; "good", "torn" or "damaged"."""
        hinted = max((generation for generation, _ in self.hints()), default=0)
        torn, damaged = self.has_tail, self.gap
        for index in range(len(self.segments) - 1, -1, -1):
            segment = self.segments[index]
            try:
                state = self.state(segment)
            except Damaged:
                newest = index == len(self.segments) - 1
                durable = not segment.flags & SELF_VERIFYING or hinted >= segment.generation
                torn, damaged = True, damaged or durable or not newest
                continue
            damaged = damaged or hinted > state.generation
            return state, "damaged" if damaged else "torn" if torn else "good"
        raise Damaged("no generation verifies")


def describe(state, health):
    blobs = []
    for i in range(len(state)):
        data = state.blob(i)
        blobs.append({"size": len(data), "element_size": state.element_size(i),
                      "crc32": f"{zlib.crc32(data):08x}"})
    return {"generation": state.generation, "health": health, "mark": bool(state.flags & MARK),
            "meta": state.meta, "blobs": blobs}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file")
    parser.add_argument("--generation", type=int)
    parser.add_argument("--blob", type=int)
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
            print(json.dumps(describe(state, health), indent=1, default=repr))
    except (NotACheckpoint, Unsupported, Damaged, OSError, KeyError, IndexError) as error:
        sys.exit(f"{options.file}: {type(error).__name__}: {error}")


if __name__ == "__main__":
    main()
