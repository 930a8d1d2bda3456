"""Writes checkpoint files byte by byte, from docs/format.md alone: for vectors and hostile files.

Nothing of the library is used. Every field can be given another value than the right one; checksums
are computed last, over what stands there, so that a reader gets as far as the broken rule.
"""
import hashlib
import struct

import xxhash

BLOCK = PAGE = 4096
START = 3 * BLOCK
META, TABLE, DELTA, PATCH, END = 1, 2, 3, 4, 255
REQUIRED = 1
RAW, ZSTD, SHUFFLE, ZERO, PATCHED = range(5)
SELF_VERIFYING, MARK = 1, 2
LITERALS = 2**64 - 1
UUID = bytes(range(0xA0, 0xB0))
UNSIGNED, BLAKE2B = 0, 1


def u16(*numbers):
    return struct.pack(f"<{len(numbers)}H", *numbers)


def u32(*numbers):
    return struct.pack(f"<{len(numbers)}I", *numbers)


def u64(*numbers):
    return struct.pack(f"<{len(numbers)}Q", *numbers)


def hash64(data, seed=0):
    return u64(xxhash.xxh3_64_intdigest(data, seed=seed))


def hash128(data, seed=0):
    number = xxhash.xxh3_128_intdigest(data, seed=seed)
    return u64(number & 2**64 - 1, number >> 64)


def hash_chunk(data):
    """Of its pages of 4 KiB: of the only one, or of their hashes."""
    if len(data) <= PAGE:
        return hash128(data)
    return hash128(b"".join(hash128(data[at:at + PAGE]) for at in range(0, len(data), PAGE)))


def padded(data, unit):
    return data + bytes(-len(data) % unit)


# ---- CBOR (RFC 8949)

def head(kind, number):
    if number < 24:
        return bytes([kind << 5 | number])
    for code, size in ((24, 1), (25, 2), (26, 4), (27, 8)):
        if number < 256**size:
            return bytes([kind << 5 | code]) + number.to_bytes(size, "big")
    raise ValueError(number)


class Tagged:
    """A tag and its content, for cbor()."""

    def __init__(self, tag, value):
        self.tag, self.value = tag, value


class Item:
    """Bytes that are an item already, for cbor()."""

    def __init__(self, data):
        self.data = data


def cbor(value):
    if value is None:
        return b"\xf6"
    if isinstance(value, bool):
        return b"\xf5" if value else b"\xf4"
    if isinstance(value, int):
        return head(0, value) if value >= 0 else head(1, -1 - value)
    if isinstance(value, float):
        return b"\xfb" + struct.pack(">d", value)
    if isinstance(value, bytes):
        return head(2, len(value)) + value
    if isinstance(value, str):
        return head(3, len(value.encode())) + value.encode()
    if isinstance(value, list):
        return head(4, len(value)) + b"".join(map(cbor, value))
    if isinstance(value, dict):
        return head(5, len(value)) + b"".join(cbor(k) + cbor(v) for k, v in value.items())
    if isinstance(value, Tagged):
        return head(6, value.tag) + cbor(value.value)
    return value.data


# ---- zstd (RFC 8878), of blocks that need no compressor: runs of one byte, and plain bytes

def zstd_block(data, run=0, last=False, kind=None):
    """`run` times the one byte of data, or the bytes themselves."""
    kind = kind if kind is not None else 1 if run else 0
    return ((run or len(data)) << 3 | kind << 1 | last).to_bytes(3, "little") + data


def zstd_blocks(data):
    """Runs from 8 bytes on, the rest plain."""
    pieces, plain, at = [], b"", 0
    while at < len(data):
        end = at
        while end < len(data) and data[end] == data[at] and end - at < 128 << 10:
            end += 1
        if end - at >= 8:
            if plain:
                pieces.append((plain, 0))
            plain = b""
            pieces.append((data[at:at + 1], end - at))
        else:
            plain += data[at:end]
        at = end
    if plain or not pieces:
        pieces.append((plain, 0))
    return b"".join(zstd_block(piece, run, last=number == len(pieces) - 1)
                    for number, (piece, run) in enumerate(pieces))


def zstd_frame(data, size=None, blocks=None, form="single", magic=0xFD2FB528, dictionary=None):
    """form "single": with its size. "window": without it. "checked": with a checksum."""
    size = len(data) if size is None else size
    descriptor = 0x04 if form == "checked" else 0
    field = b""
    if form == "window":
        field = b"\x00"  # 1 KiB, the least
    elif size < 256:
        descriptor, field = descriptor | 0x20, bytes([size])
    elif size < 65536 + 256:
        descriptor, field = descriptor | 0x60, u16(size - 256)
    else:
        descriptor, field = descriptor | 0xA0, u32(size)
    if dictionary is not None:
        descriptor |= 1
        if form == "window":
            field += bytes([dictionary])
        else:
            field = bytes([dictionary]) + field
    blocks = zstd_blocks(data) if blocks is None else blocks
    tail = u32(xxhash.xxh64_intdigest(data) & 2**32 - 1) if form == "checked" else b""
    return u32(magic) + bytes([descriptor]) + field + blocks + tail


def shuffled(data, unit):
    count = len(data) // unit
    return b"".join(data[k:count * unit:unit] for k in range(unit)) + data[count * unit:]


# ---- chunks and tables

class Chunk:
    """One chunk entry; `at` is filled in when its bytes get a place."""

    def __init__(self, raw, coding=RAW, unit=0, stored=None, **fields):
        self.raw, self.coding, self.unit = raw, coding, unit
        if stored is None:
            stored = {RAW: lambda: raw, ZERO: lambda: b"", ZSTD: lambda: zstd_frame(raw),
                      SHUFFLE: lambda: zstd_frame(shuffled(raw, unit))}[coding]()
        self.stored, self.at, self.fields = stored, 0, fields

    def entry(self):
        field = self.fields.get
        digest = bytes(16) if self.coding == ZERO else hash_chunk(self.raw)
        return (u64(field("offset", self.at) | field("coding", self.coding) << 48 |
                    field("unit", self.unit) << 56) +
                u32(field("stored_size", len(self.stored)), field("raw_size", len(self.raw))) +
                field("hash", digest))


class Patch(Chunk):
    """A chunk that is a base with some of its pages replaced: {page: bytes of one page or more}.
    `change` gets and returns the words of the record, when it has its place."""

    def __init__(self, base, pages, change=None, **fields):
        raw = bytearray(base.raw)
        for page, data in pages.items():
            raw[page * PAGE:page * PAGE + len(data)] = data
        self.base, self.pages, self.change = base, pages, change
        super().__init__(bytes(raw), PATCHED, stored=bytes(8 + 8 * len(pages)),
                         **{"stored_size": len(base.stored) + sum(map(len, pages.values())),
                            "unit": len(pages), **fields})

    def bytes_at(self, at):
        """Pages, then the record, from file offset `at` on; it knows then where it stands."""
        area = b"".join(self.pages.values())
        words = [self.base.at | self.base.coding << 48 | self.base.unit << 56]
        for page, data in self.pages.items():
            words.append(at | page << 48 | -(-len(data) // PAGE) << 56)
            at += len(data)
        self.at = at
        return area + u64(*(self.change(words, at) if self.change else words))


class Blob:
    """One blob: its bytes in chunks of the file's size, coded by `chunk` (a Chunk of raw bytes)."""

    def __init__(self, data, unit=1, chunk=Chunk, size=None, flags=0, chunks=None):
        self.data, self.unit, self.flags, self.make = data, unit, flags, chunk
        self.size = len(data) if size is None else size
        self.chunks = chunks

    def lay_out(self, chunk_size):
        if self.chunks is None:
            self.chunks = [self.make(self.data[at:at + chunk_size])
                           for at in range(0, len(self.data), chunk_size)]
        return self.chunks

    def entry(self):
        return u64(self.size) + u32(self.unit, self.flags)


def table_payload(blobs, entries, blob_count=None, entry_count=None, behind=b""):
    counts = [len(blobs) if blob_count is None else blob_count,
              len(entries) if entry_count is None else entry_count]
    return u64(*counts) + b"".join(blobs) + b"".join(entries) + behind


def delta_payload(base, depth, blobs, entry_count, operations, literals, **other):
    counts = [other.get("blob_count", len(blobs)), entry_count,
              other.get("operation_count", len(operations)),
              other.get("literal_count", len(literals))]
    return (u64(base) + u32(depth, other.get("check", 0)) + u64(*counts) + b"".join(blobs) +
            b"".join(u64(*operation) for operation in operations) + b"".join(literals) +
            other.get("behind", b""))


def record(kind, payload, flags=None, size=None, pad=b"\0"):
    flags = REQUIRED if flags is None else flags
    data = u32(kind, flags) + u64(len(payload) if size is None else size) + payload
    return data + pad * (-len(data) % 8)


# ---- signatures

def digest256(data):
    return hashlib.blake2b(data, digest_size=32).digest()


def key_id(key):
    return hashlib.blake2b(b"", digest_size=16, key=key, person=b"resume-key-id-1").digest()


def mac_of(key, header, generation, flags, meta, table, stream, person=b"resume-saved-1"):
    statement = header + u64(generation, flags & ~SELF_VERIFYING) + meta + table + stream
    return hashlib.blake2b(statement, digest_size=32, key=key, person=person).digest()


def end_payload(key, header, generation, flags, meta, table, stream, **other):
    """END, signed when there is a key. other: fields of it that are not what they should be."""
    field = other.get
    signed = (b"" if key is None else
              key_id(key) + mac_of(key, header, generation, flags, meta, table, stream))
    return (u32(field("algorithm", BLAKE2B if key else UNSIGNED), 0) +
            field("key_id", signed[:16] or bytes(16)) + field("mac", signed[16:] or bytes(32)) +
            field("digest", stream) + field("behind", b""))


class Segment:
    """Where a save stands, and what a delta upon it needs."""

    def __init__(self, **fields):
        self.__dict__.update(fields)


class File:
    """A file in the making: block 0, then save() for each generation, then hint(). With a key, what
    is saved is signed with it."""

    def __init__(self, uuid=UUID, chunk_size=BLOCK, key=None, **fields):
        self.uuid, self.chunk_size, self.key, self.fields = uuid, chunk_size, key, fields
        self.hints, self.segments, self.body = {}, [], bytearray()

    def seed(self, offset):
        return xxhash.xxh3_64_intdigest(self.uuid + u64(offset))

    def sealed(self, fields, offset, wrong=0):
        """The 56 bytes and their checksum by place."""
        fields = fields + bytes(56 - len(fields))
        checksum = xxhash.xxh3_64_intdigest(fields, seed=self.seed(offset)) ^ wrong
        return fields + u64(checksum)

    @property
    def end(self):
        return START + len(self.body)

    @property
    def newest(self):
        return self.segments[-1]

    # ---- block 0 and hints

    def block0(self):
        field = self.fields.get
        block = bytearray(BLOCK)
        block[0:8] = field("magic", b"\x89RESUME\n")
        block[8:12] = u16(field("major", 1), field("minor", 0))
        block[16:32] = u64(field("compatible", 0), field("incompatible", 0))
        block[32:48] = self.uuid
        block[48:56] = u32(self.chunk_size, field("block_size", BLOCK))
        block[56:64] = struct.pack("<q", field("created", 1_500_000_000_000_000_000))
        for at, data in field("also", {}).items():
            block[at:at + len(data)] = data
        block[4088:] = u64(xxhash.xxh3_64_intdigest(bytes(block[:4088])) ^ field("wrong", 0))
        return bytes(block)

    def hint(self, segment=None, generation=None, commit=None, block=None, wrong=0,
             magic=b"RSHINT1\n"):
        segment = segment or self.newest
        generation = segment.generation if generation is None else generation
        commit = segment.commit if commit is None else commit
        block = 1 + generation % 2 if block is None else block
        self.hints[block] = self.sealed(magic + u64(generation, commit), block * BLOCK, wrong)

    # ---- segments

    def place(self, chunks, at, gap):
        """The data area: chunks that have no place yet, from file offset `at` on."""
        area = b""
        for chunk in chunks:
            if chunk.coding == ZERO or chunk.at:
                continue
            area += b"\xEE" * gap
            if chunk.coding == PATCHED:
                area += chunk.bytes_at(at + len(area))
                continue
            chunk.at = at + len(area)
            area += chunk.stored
        return padded(area, 8)

    def delta(self, base, chunks):
        """Operations and literals that make the chunks out of those of the base, going forward."""
        operations, literals, at = [], [], 0
        known = [chunk.entry() for chunk in base.chunks]
        for chunk in chunks:
            entry = chunk.entry()
            place = known.index(entry, at) if entry in known[at:] else None
            source = LITERALS if place is None else place
            if place is None:
                literals.append(entry)
            else:
                at = place + 1
            last = operations[-1] if operations else None
            if last and (last[0] == source == LITERALS or
                         source != LITERALS and last[0] != LITERALS and sum(last) == source):
                last[1] += 1
            else:
                operations.append([source, 1])
        return operations, literals

    def save(self, blobs, meta=None, generation=None, flags=SELF_VERIFYING, base=None, gap=0,
             previous=None, table=None, table_change=None, delta_change=None, records=None,
             header=None, trailer=None, digest=None, header_wrong=0, trailer_wrong=0,
             spoil=None, zeros=b"", header_magic=b"RSSEG1\n\0", trailer_magic=b"RSCOMMIT",
             header_also=b"", trailer_also=b"", end=None, signed=None, also_end=None):
        """One generation. base: a Segment, the table is then a DELTA. table: its payload instead.
        table_change, delta_change: keyword arguments of the payloads. records: changes the list of
        encoded records. header, trailer: fields by name. spoil: changes the bytes behind the
        digest. end: the payload of END. signed: what the MAC is made of instead of what is saved.
        also_end: other fields of END."""
        offset = self.end
        if generation is None:
            generation = self.newest.generation + 1 if self.segments else 1
        if previous is None:
            previous = self.newest.commit if self.segments else 0
        chunks = [chunk for blob in blobs for chunk in blob.lay_out(self.chunk_size)]
        data = self.place(chunks, offset + 64, gap)
        entries, blob_entries = [c.entry() for c in chunks], [blob.entry() for blob in blobs]
        depth = 0
        if base:
            operations, literals = self.delta(base, chunks)
            depth = base.depth + 1
            known = b"".join(chunk.entry() for chunk in base.chunks)
            made = dict(base=base.offset, depth=depth, blobs=blob_entries,
                        check=xxhash.xxh3_64_intdigest(known) & 2**32 - 1,
                        entry_count=len(entries), operations=operations, literals=literals)
            made.update(delta_change(made) if delta_change else {})
            own = record(DELTA, delta_payload(**made))
        else:
            payload = table_payload(blob_entries, entries, **(table_change or {}))
            own = record(TABLE, payload if table is None else table)
        if not isinstance(meta, bytes):
            meta = cbor({"saves": generation} if meta is None else meta)
        if end is None:
            statement = dict(
                key=self.key, header=digest256(self.block0()), generation=generation, flags=flags,
                meta=digest256(meta), table=digest256(table_payload(blob_entries, entries)),
                stream=digest256(blobs[0].data if blobs else b""))
            end = end_payload(**statement | (signed or {}), **also_end or {})
        listed = [record(META, meta, flags=0), own, record(END, end)]
        listed = b"".join(records(listed) if records else listed)

        fields = dict(generation=generation, data_size=len(data), records_size=len(listed),
                      previous=previous, flags=flags)
        fields.update(header or {})
        front = header_magic + u64(*list(fields.values())[:4]) + u32(fields["flags"])
        front = self.sealed(front + header_also, offset, header_wrong)
        content = front + data + listed
        size = -(-(len(content) + 64) // BLOCK) * BLOCK
        content += (zeros + bytes(size))[:size - 64 - len(content)]
        covered = content if flags & SELF_VERIFYING else front + listed
        digest = hash128(covered, self.seed(offset)) if digest is None else digest
        if spoil:
            content = spoil(content)
        commit = offset + size - 64
        ending = dict(generation=generation, offset=offset, size=size, flags=flags)
        ending.update(trailer or {})
        last = trailer_magic + u64(ending["generation"], ending["offset"], ending["size"])
        last += digest + u32(ending["flags"]) + trailer_also
        self.body += content + self.sealed(last, commit, trailer_wrong)
        self.segments.append(Segment(generation=generation, offset=offset, commit=commit,
                                     size=size, chunks=chunks, depth=depth, data=len(data)))
        return self.newest

    def bytes(self, behind=b""):
        blocks = [self.hints.get(number, b"").ljust(BLOCK, b"\0") for number in (1, 2)]
        return self.block0() + b"".join(blocks) + bytes(self.body) + behind
