"""Vectors bad-* and unsupported-*: each breaks one rule, with all checksums right around it."""
import zlib

import builder
from builder import (
    DELTA, Blob, Chunk, File, Patch, cbor, hash128, record, u32, u64, zstd_block, zstd_frame,
)
from vector import Taken, Vector, noise, numbers, saved, state

START = builder.START


def gzipped(data):
    """RFC 1952, one stored block: what libraries make of it differs between their versions."""
    block = b"\x01" + len(data).to_bytes(2, "little") + (len(data) ^ 0xffff).to_bytes(2, "little")
    end = u32(zlib.crc32(data)) + u32(len(data))
    return bytes.fromhex("1f8b0800000000000003") + block + data + end


def vectors():
    made = []

    def add(name, rule, data, outcome, taken=None, says="", **options):
        if not name.startswith("unsupported-"):
            name = f"bad-{name}"
        made.append(Vector(name, rule, data, outcome, taken, says, **options))

    def refused(name, rule, file, outcome="DAMAGED", says=""):
        data = file if isinstance(file, bytes) else file.bytes()
        add(name, rule, data, outcome, says=says)

    def second(name, rule, says="", blobs=None, outcome="damaged", **options):
        """A good first save, and a second that breaks the rule: the first one is taken."""
        file = saved()
        file.save(blobs or state(2, Blob(noise(100))), **{"flags": 0, **options})
        add(name, rule, file.bytes(), outcome, Taken(1, state(1)), says)

    def torn(name, rule, **options):
        second(name, rule, outcome="torn", **{"flags": 1, **options})

    # ---- block 0
    good = saved().bytes()
    refused("empty", "an empty file is none of ours", b"", "NOT_A_CHECKPOINT")
    refused("magic", "the magic", saved(magic=b"\x89RESUME\r"), "NOT_A_CHECKPOINT")
    refused("short", "block 0 is whole", good[:4095], "TRUNCATED")
    refused("short-magic", "a file that ends inside the magic", good[:5], "TRUNCATED")
    refused("gzipped", "a gzipped file is one of resume 0.13", gzipped(b"(dp0\n."),
            "LEGACY", "0.13")
    refused("checksum", "the checksum of block 0", saved(wrong=1), says="checksum")
    refused("major-0", "there is no major version 0", saved(major=0), says="no writer")
    refused("block-size", "the block size is 4096", saved(block_size=512), says="no writer")
    for size in (0, 2048, 12288, 128 << 20, 2**31):
        refused(f"chunk-size-{size}", "a chunk size that is not allowed",
                File(chunk_size=size).bytes(), says="no writer")
    refused("no-segment", "a file without a generation", File(), says="no save")
    for name, rule, fields in (
            ("major", "a higher major version", dict(major=2)),
            ("incompatible-0", "an incompatible feature, bit 0", dict(incompatible=1)),
            ("incompatible-63", "an incompatible feature, bit 63", dict(incompatible=1 << 63)),
            ("sizes", "versions and features come before sizes", dict(major=2, block_size=512))):
        refused(f"unsupported-{name}", rule, saved(**fields), "UNSUPPORTED", "newer")

    # ---- segment header: what is no segment is what a crash leaves
    torn("header-magic", "the magic of a segment header", header_magic=b"RSSEG2\n\0")
    torn("header-checksum", "the checksum of a segment header", header_wrong=1)
    torn("header-generation-0", "generations begin at 1", generation=0)
    torn("header-generation-high", "generations are below 2^62", generation=2**62)
    torn("header-generation-same", "generations rise", generation=1)
    torn("header-data-size", "the data size is a multiple of 8", header={"data_size": 124})
    torn("header-records-size", "the records size is a multiple of 8", header={"records_size": 140})
    torn("header-records-huge", "records have at most 2^30 bytes",
         header={"records_size": 2**30 + 8})
    torn("header-overflow", "the sizes add up without overflow",
         header={"data_size": 2**64 - 8, "records_size": 2**64 - 8})
    torn("header-size", "header and trailer agree on the size of the segment",
         header={"data_size": 4096 + 128})
    torn("header-previous-inside", "the commit before lies before the segment",
         previous=START + 2 * 4096 - 64)
    torn("header-previous-blocks", "the commit before ends a block", previous=START + 4096 - 128)
    torn("header-previous-start", "the commit before lies in a segment", previous=4096 - 64)

    second("header-ordered", "an ordered segment's trailer tells that its header was good",
           header_wrong=1)

    # ---- trailer
    torn("trailer-magic", "the magic of a trailer", trailer_magic=b"RSCOMMIX")
    torn("trailer-checksum", "the checksum of a trailer", trailer_wrong=1)
    torn("trailer-generation", "header and trailer agree in the generation",
         trailer={"generation": 1})
    torn("trailer-flags", "header and trailer agree in the flags", trailer={"flags": 3})
    torn("trailer-offset", "the trailer tells the offset of its segment",
         trailer={"offset": START})
    torn("trailer-size", "the trailer tells the size of its segment",
         trailer={"size": 8192})
    second("digest-ordered", "the digest", "digest", digest=bytes(16))
    torn("digest-self-verifying", "the digest of a self-verifying segment", digest=bytes(16))
    torn("digest-covers-data", "a self-verifying segment's digest covers its data",
         spoil=lambda data: data[:70] + b"\0" + data[71:])
    torn("digest-covers-zeros", "and the zeros", spoil=lambda data: data[:-1] + b"\1")
    second("digest-covers-records", "an ordered segment's digest covers the records", "digest",
           spoil=lambda data: data.replace(b"saves", b"sayes"))
    file = saved()
    stray = file.save(state(2))
    moved = bytes(file.body[stray.offset - START:])
    add("place", "checksums are seeded by place: a segment elsewhere is none",
        saved().bytes(behind=bytes(4096) + moved), "torn", Taken(1, state(1)))
    other = File(uuid=bytes(16))
    other.save(state(1))
    other.save(state(2))
    add("uuid", "and by file: a segment of another file is none",
        saved().bytes(behind=bytes(other.body[other.newest.offset - START:])), "torn",
        Taken(1, state(1)))
    torn("self-verifying-large", "a self-verifying segment has at most 1 MiB",
         blobs=state(2, Blob(bytes(1 << 20))))

    # ---- records
    def records(name, rule, change, says="", **options):
        second(f"records-{name}", rule, says, records=change, **options)

    records("no-end", "END is the last record", lambda r: r[:2], "END")
    records("end-early", "nothing stands behind END", lambda r: [r[0], r[2], r[1]], "END")
    records("two-ends", "there is one END", lambda r: [*r, r[2]], "after END")
    records("two-meta", "there is one META", lambda r: [r[0], *r], "two META")
    records("two-tables", "there is one TABLE", lambda r: [r[1], *r], "two chunk tables")
    records("both-tables", "there is either TABLE or DELTA", lambda r: [record(
        DELTA, builder.delta_payload(START, 1, [], 0, [], [])), *r], "two chunk tables")
    records("no-meta", "there is a META", lambda r: r[1:], "no META")
    records("no-table", "there is a TABLE or DELTA", lambda r: [r[0], r[2]], "no META or no chunk")
    records("none", "there are records", lambda r: [], "END")
    for size in (4096, 2**63, 2**64 - 1):
        records(f"size-{size}", "a record fits into the records",
                lambda r, size=size: [r[0], record(77, b"", flags=0, size=size), *r[1:]], "claims")
    records("head", "the head of a record is whole", lambda r: [*r[:2], b"\0" * 8], "END")

    def unsupported(name, rule, blobs=None, **options):
        file = saved()
        file.save(blobs or state(2, Blob(noise(100))), **{"flags": 0, **options})
        refused(f"unsupported-{name}", rule, file, "UNSUPPORTED", "newer")

    unsupported("record", "an unknown required record, and no older generation is taken",
                records=lambda r: [record(77, b""), *r])
    unsupported("record-patch", "PATCH is not in use yet", records=lambda r: [record(4, b""), *r])
    unsupported("record-0", "type 0 is unknown, too", records=lambda r: [record(0, b""), *r])
    unsupported("record-torn", "also in a self-verifying segment", flags=1,
                records=lambda r: [*r[:2], record(256, b"x"), r[2]])

    # ---- META
    def meta(name, rule, data, says=""):
        second(f"meta-{name}", rule, says, meta=data)

    meta("none", "META is a map", b"", "META")
    meta("array", "META is a map", cbor([1]), "no CBOR map")
    meta("behind", "nothing stands behind the map", cbor({}) + b"\0", "follow")
    meta("early", "the map is whole", cbor({"saves": 1})[:-1], "META")
    meta("count", "the count of the map is backed by bytes", b"\xbb" + b"\x7f" * 8, "META")
    meta("indefinite", "lengths are definite", b"\xbf\xff", "META")
    meta("indefinite-inside", "also in keys that are ignored",
         cbor({"new": builder.Item(b"\x9f\xff")}), "META")
    meta("not-utf8", "text is UTF-8", b"\xa1\x61\xff\x00", "UTF-8")
    meta("large", "META has at most 65536 bytes", b"\xa1\x61x\x5a" + (65530).to_bytes(4, "big") +
         b"y" * 65530, "65536")
    for key, value in (("saved", "x"), ("saved", 2**63), ("saved", -2**63 - 1), ("saves", -1),
                       ("saves", 1.5), ("ended", 1), ("ended", None), ("pid", b""), ("name", 5),
                       ("host", None), ("size", "1")):
        label = str(value).strip("b'").replace(".", "-") or "bytes"
        meta(f"{key}-{label}", "the keys of META have the types of the table", cbor({key: value}),
             "unexpected type")

    # ---- TABLE
    def table(name, rule, says, blobs=None, **options):
        second(f"table-{name}", rule, says, blobs, **options)

    table("short", "a table has both counts", "counts", table=bytes(8))
    table("no-blobs", "there is at least blob 0", "object stream", table=u64(0, 0))
    for name, change in (("blob-count", dict(blob_count=3)), ("entry-count", dict(entry_count=3)),
                         ("blob-count-huge", dict(blob_count=2**60)),
                         ("entry-count-huge", dict(entry_count=2**59)),
                         ("counts-overflow", dict(blob_count=2**60 + 2, entry_count=2**59 + 2)),
                         ("behind", dict(behind=bytes(8)))):
        table(name, "the counts make up the whole table", "counts", table_change=change)
    table("few", "a blob has the chunks that its size needs", "blobs need",
          state(2, Blob(noise(100), chunks=[])))
    table("many", "and no more", "blobs need",
          state(2, Blob(noise(100), chunks=[Chunk(noise(100)), Chunk(noise(9))])))
    table("blob-huge", "a blob of 2^64 - 1 bytes needs as many chunks", "blobs need",
          state(2, Blob(noise(100), size=2**64 - 1)))
    table("rest", "the last chunk has the rest", "instead of",
          state(2, Blob(noise(100), chunks=[Chunk(noise(99))])))
    table("whole", "all but the last chunk are whole", "instead of", state(2, Blob(
        noise(5000), chunks=[Chunk(noise(904)), Chunk(noise(4096))])))
    unsupported("blob-flags", "unknown flags of a blob", state(2, Blob(noise(9), flags=1)))
    unsupported("blob-flags-31", "unknown flags of a blob", state(2, Blob(noise(9), flags=2**31)))

    # ---- chunk entries
    def entry(name, rule, says="chunk", raw=noise(100), coding=builder.RAW, **options):
        second(f"chunk-{name}", rule, says,
               state(2, Blob(raw, chunk=lambda r: Chunk(r, coding, **options))))

    for coding in (5, 255):
        unsupported(f"coding-{coding}", "an unknown coding",
                    state(2, Blob(noise(9), chunk=lambda r, c=coding: Chunk(r, c, stored=r))))
    runs = b"z" * 200
    entry("raw-0", "a chunk has at least one byte", raw_size=0, stored_size=0)
    entry("raw-huge", "and at most 64 MiB", raw_size=(64 << 20) + 1, stored_size=(64 << 20) + 1)
    entry("offset-low", "stored bytes lie behind the hints", "outside", offset=START - 1)
    entry("offset-0", "an offset of 0 is for ZERO", "outside", offset=0)
    entry("offset-high", "and in the file", "outside", offset=2**48 - 1)
    entry("offset-trailer", "and before the trailer of the segment", "outside",
          offset=START + 2 * 4096 - 64 - 99)
    entry("stored-0", "at least one byte is stored", coding=builder.ZSTD, raw=runs, stored_size=0)
    entry("stored-large", "not more bytes than raw", coding=builder.ZSTD, raw=runs, stored_size=201)
    entry("stored-raw", "RAW stores as many as raw", stored_size=99)
    entry("unit-raw", "RAW has no element size", unit=1)
    entry("unit-zstd", "nor has ZSTD", coding=builder.ZSTD, raw=runs, unit=2)
    for unit in (0, 3, 32, 255):
        second(f"chunk-unit-{unit}", "element sizes of the shuffle", "chunk", state(2, Blob(
            runs, chunk=lambda r, u=unit: Chunk(r, builder.SHUFFLE, u, stored=zstd_frame(r)))))
    for name, field in (("offset", dict(offset=START + 64)), ("stored", dict(stored_size=1)),
                        ("unit", dict(unit=1)), ("hash", dict(hash=bytes(15) + b"\1"))):
        entry(f"zero-{name}", f"of ZERO the {name} is 0", raw=bytes(50), coding=builder.ZERO,
              **field)

    def patch_entry(name, rule, size=9000, **options):
        def blob(raw, pages):
            return Blob(raw, chunks=[Patch(Chunk(raw, builder.ZSTD), pages, **options)])
        file = saved(chunk_size=2 << 20)
        file.save(state(2, blob(b"z" * size, {0: noise(min(size, 4096))})), flags=0)
        add(f"chunk-patch-{name}", rule, file.bytes(), "damaged", Taken(1, state(1)), "chunk")

    patch_entry("page", "a PATCHED chunk has at least two pages", size=4096)
    patch_entry("pages", "and at most 255", size=255 * 4096 + 1)
    patch_entry("none", "at least one of them is patched", unit=0)
    patch_entry("stored-0", "something is stored of it", stored_size=0)
    patch_entry("stored-large", "at most all twice", stored_size=18001)
    patch_entry("outside", "the record lies in the file", offset=2**48 - 1)

    # ---- stored bytes: of the stream found at opening, of an array when it is read
    def array(name, rule, stored=None, raw=runs, coding=builder.ZSTD, **options):
        file = saved()
        file.save(state(2, Blob(raw, chunk=lambda r: Chunk(r, coding, stored=stored, **options))),
                  flags=0)
        add(f"stored-{name}", rule, file.bytes(), "good",
            Taken(2, state(2, Blob(raw))), arrays_are_bad=True)

    second("stream-checksum", "the object stream is verified at opening", "hash", [
        Blob(cbor({"v": 1, "vars": {}}), chunk=lambda r: Chunk(r, hash=bytes(16)))])
    second("stream-frame", "also when it is compressed", "", [
        Blob(b"a" * 300, chunk=lambda r: Chunk(r, builder.ZSTD, stored=b"\0" * 20))])
    array("raw", "the checksum of a RAW chunk", coding=builder.RAW, hash=bytes(16))
    array("zstd", "the checksum of a ZSTD chunk", hash=bytes(16))
    array("shuffle", "the checksum of a ZSTD_SHUFFLE chunk", coding=builder.SHUFFLE, unit=4,
          hash=bytes(16))
    array("zero-hash", "zeros stored as RAW have their own checksum", coding=builder.RAW,
          raw=bytes(90), hash=bytes(16))
    file = saved(chunk_size=65536)
    file.save(state(2, Blob(noise(9000), chunk=lambda r: Chunk(r, hash=hash128(r)))))
    add("stored-pages", "the checksum of more than one page is one over checksums", file.bytes(),
        "good", Taken(2, state(2, Blob(noise(9000)))), arrays_are_bad=True)

    def patch(name, rule, change=None, coding=builder.RAW, **options):
        base, file = Chunk(numbers(16000), coding), File(chunk_size=65536)
        file.save(state(1, Blob(base.raw, chunks=[base])))
        made = Patch(base, {1: noise(4096), 3: noise(16000 - 3 * 4096)}, change, **options)
        file.save(state(2, Blob(made.raw, chunks=[made])), flags=0)
        add(f"patch-{name}", rule, file.bytes(), "good", Taken(2, state(2, Blob(made.raw))),
            arrays_are_bad=True)

    def base(word):
        return lambda words, at: [word(words[0], at), *words[1:]]

    def extent(word):
        return lambda words, at: [words[0], word(words[1], at), words[2]]

    place = 2**48 - 1
    patch("hash", "the checksum is that of the patched chunk", hash=bytes(16))
    patch("base-patched", "no patch over a patch", base(lambda w, at: w & place | 4 << 48))
    patch("base-zero", "nor over zeros", base(lambda w, at: w & place | 3 << 48))
    patch("base-unit", "RAW has no element size here, too", base(lambda w, at: w | 1 << 56))
    patch("base-size", "the stored size is that of base and extents", stored_size=20000)
    patch("base-small", "and no less", stored_size=4096)
    patch("base-zstd", "a compressed base is one frame", coding=builder.ZSTD, change=base(
        lambda w, at: w + 1))
    patch("base-low", "the base lies behind the hints", base(lambda w, at: START - 1))
    patch("base-behind", "and before the record", base(lambda w, at: at - 15999))
    patch("extent-low", "an extent lies behind the hints", extent(lambda w, at: w & ~place | 4096))
    patch("extent-behind", "and before the record", extent(lambda w, at: w & ~place | at - 4095))
    patch("extent-high", "and in the file", extent(lambda w, at: w | place))
    patch("extent-empty", "an extent has at least one page",
          extent(lambda w, at: w & 2**56 - 1))
    patch("extent-long", "extents do not overlap", extent(lambda w, at: w & 2**56 - 1 | 3 << 56))
    patch("extent-beyond", "and lie in the chunk", extent(lambda w, at: w | 4 << 48))
    patch("extent-order", "extents rise", lambda words, at: [words[0], words[2], words[1]])
    patch("extent-twice", "no page is patched twice", lambda words, at: [words[0]] + 2 * [words[1]],
          stored_size=16000 + 2 * 4096)
    frame = zstd_frame(runs)
    array("no-frame", "the stored bytes are a zstd frame", stored=b"\0" * 30)
    array("few", "a frame of one byte", stored=b"\x28")
    array("cut", "the frame is whole", stored=frame[:-1])
    array("behind", "nothing stands behind the frame", stored=frame + b"\0")
    array("two-frames", "there is one frame", raw=b"a" * 90 + b"b" * 90,
          stored=zstd_frame(b"a" * 90) + zstd_frame(b"b" * 90))
    array("empty-frame", "no empty frame behind it", stored=frame + zstd_frame(b""))
    skippable = u32(0x184D2A50, 4) + b"abcd"
    array("skippable", "no skippable frame before it", stored=skippable + frame)
    array("skippable-behind", "nor behind it", stored=frame + skippable)
    array("old-magic", "the frame is of RFC 8878", stored=u32(0xFD2FB527) + frame[4:])
    array("size-smaller", "the frame holds just the raw size", stored=zstd_frame(runs[:-1]))
    array("size-larger", "and no more", stored=zstd_frame(runs + b"z"))
    array("size-lies", "the frame's own size is true", stored=zstd_frame(runs, size=199))
    array("size-unknown", "a frame without a size that is too long",
          stored=zstd_frame(runs + b"zzz", form="window"))
    array("dictionary", "the frame needs no dictionary", stored=zstd_frame(runs, dictionary=7))
    array("frame-checksum", "the frame's own checksum is right",
          stored=zstd_frame(runs, form="checked")[:-1] + b"\0")
    array("block-type", "blocks are of a known type",
          stored=zstd_frame(runs, blocks=zstd_block(b"z", 200, last=True, kind=3)))
    array("no-last", "the frame has a last block",
          stored=zstd_frame(runs, blocks=zstd_block(b"z", 200)))

    # ---- DELTA
    def delta(name, rule, says="delta", **change):
        """Saves 1 and 2 are good; 3 is a delta upon the first, and breaks a rule."""
        file = saved(1, *[Blob(noise(30, i)) for i in range(4)])
        file.save(state(2))
        first = file.segments[0]
        kept = [Blob(noise(30, i), chunks=[first.chunks[1 + i]]) for i in range(4)]
        file.save([state(3)[0], *kept], base=first, flags=0, delta_change=lambda fields: change)
        add(f"delta-{name}", rule, file.bytes(), "damaged", Taken(2, state(2)), says)

    whole = [[builder.LITERALS, 1], [1, 4]]
    delta("depth-0", "a DELTA has a depth", depth=0)
    delta("depth-9", "at most 8", depth=9)
    delta("depth-2", "one more than the base's", "wrong depth", depth=2)
    for name, rule, offset, says in (
            ("self", "the base lies before this segment", START + 2 * 4096, "wrong base"),
            ("behind", "not behind it", START + 3 * 4096, "wrong base"),
            ("unaligned", "at the beginning of a block", START + 64, "base at offset"),
            ("hint", "and is a segment", 8192, "base at offset"),
            ("0", "offset 0 is no segment", 0, "base at offset")):
        delta(f"base-{name}", rule, says, base=offset)
    for name, rule, change in (
            ("operation-count", "the counts make up the whole DELTA", dict(operation_count=3)),
            ("literal-count", "the counts make up the whole DELTA", dict(literal_count=2)),
            ("blob-count", "the counts make up the whole DELTA", dict(blob_count=2**60)),
            ("check", "the check tells the base from another", dict(check=1)),
            ("behind", "nothing stands behind the literals", dict(behind=bytes(16))),
            ("count-0", "an operation has a count",
             dict(operations=[*whole, [1, 0]])),
            ("count-huge", "counts and indexes add up without overflow",
             dict(operations=[whole[0], [1, 2**64 - 1]])),
            ("from-beyond", "a copy lies in the base's table",
             dict(operations=[whole[0], [2, 4]])),
            ("from-huge", "a copy lies in the base's table",
             dict(operations=[whole[0], [2**64 - 2, 4]])),
            ("back", "copies go forward",
             dict(operations=[whole[0], [3, 2], [1, 2]])),
            ("again", "no entry is copied twice",
             dict(operations=[whole[0], [1, 2], [2, 2]])),
            ("few", "the operations make all entries",
             dict(operations=[whole[0], [1, 3]])),
            ("many", "and no more", dict(entry_count=4)),
            ("no-literal", "there is a literal for each that is used",
             dict(operations=[[builder.LITERALS, 2], [1, 3]])),
            ("literal-left", "all literals are used",
             dict(operations=[[0, 5]]))):
        delta(name, rule, "another base" if "check" in change else "counts do not add up", **change)
    second("delta-short", "the head of a DELTA is whole", "only",
           records=lambda r: [r[0], record(DELTA, bytes(40)), r[2]])
    file = saved(1, Blob(noise(30)))
    file.save(state(2))
    base = file.segments[0]
    file.save([state(3)[0], Blob(noise(30), size=31, chunks=[base.chunks[1]])], base=base, flags=0)
    add("delta-rules-of-table", "the rules of TABLE hold for the result", file.bytes(), "damaged",
        Taken(2, state(2)), "instead of")
    file = File()
    base = file.save(state(1, Blob(noise(30))), flags=0)
    chunk = base.chunks[1]
    file.save(state(2, Blob(noise(30), chunks=[chunk])), base=base)
    at = base.data + 64 + 20
    file.body[at] ^= 1
    refused("delta-base-damaged", "the digest of a base is verified, too", file, says="no save")
    file = File()
    base = file.save(state(1, Blob(noise(30))), records=lambda r: [record(77, b""), *r])
    file.save(state(2, Blob(noise(30), chunks=[base.chunks[1]])), base=base)
    refused("unsupported-base", "a base with an unknown required record", file, "UNSUPPORTED",
            "newer")
    file, base = File(), None
    for number in range(10):
        base = file.save(state(number + 1), base=base)
    add("delta-depth-chain", "a chain of nine deltas", file.bytes(), "torn", Taken(9, state(9)))

    # ---- hints and what lies behind
    def tail(name, rule, outcome, behind, hint=None, count=2):
        file = File()
        for number in range(1, count + 1):
            file.save(state(number))
        if hint:
            file.hint(**hint)
        data = file.bytes(behind(file) if callable(behind) else behind)
        add(name, rule, data, outcome, Taken(count, state(count)))

    tail("hint-newer", "a good hint for a generation that is not there means damage", "damaged",
         b"", dict(generation=3, commit=START + 3 * 4096 - 64))
    tail("hint-newer-wrong", "wherever it leads", "damaged", b"", dict(generation=9))
    tail("tail-bytes", "bytes that are no segment are a torn save", "torn", b"x")
    tail("tail-zeros-end", "zeros with one byte behind them are no room for a save", "torn",
         bytes(8192) + b"x")
    tail("tail-block", "and whole blocks", "torn", noise(64) * 128)

    def third(file, **options):
        """The bytes of another save, which do not stay in the file."""
        length = len(file.body)
        segment = file.save(state(len(file.segments) + 1), **options)
        data = bytes(file.body[length:])
        del file.body[length:]
        file.segments.pop()
        return data, segment

    tail("tail-header", "a segment header alone is an unfinished save", "torn",
         lambda file: third(file)[0][:64])
    tail("tail-no-trailer", "all but the trailer, too", "torn",
         lambda file: third(file, flags=0)[0][:-64] + bytes(64))
    tail("tail-header-room", "also in zeros that waited for it", "torn",
         lambda file: third(file)[0][:64] + bytes(65536 - 64))
    tail("tail-middle-room", "whatever of it is there", "torn",
         lambda file: bytes(64) + third(file)[0][64:512] + bytes(65536 - 512))
    tail("tail-no-trailer-room", "or nearly all", "torn",
         lambda file: third(file)[0][:-64] + bytes(64 + 8192))
    tail("tail-trailer-room", "and its trailer alone", "torn",
         lambda file: bytes(4032) + third(file)[0][-64:] + bytes(8192))
    tail("tail-cut", "or a segment that is cut off", "torn", lambda file: third(file)[0][:-1])
    tail("tail-trailer-alone", "a torn write can keep just the trailer of a self-verifying segment",
         "torn", lambda file: bytes(4032) + third(file)[0][-64:])
    tail("tail-trailer-ordered", "the trailer of an ordered segment means damage", "damaged",
         lambda file: bytes(4032) + third(file, flags=0)[0][-64:])
    tail("tail-hinted", "also whatever a hint names", "damaged",
         lambda file: third(file)[0][:64], dict(generation=3, commit=START + 3 * 4096 - 64))

    file = File()
    for number in (1, 2, 3):
        file.save(state(number))
    middle = file.segments[1]
    for name, place, rule in (
            ("middle-header", middle.offset, "a later commit behind a bad place means damage"),
            ("middle-trailer", middle.commit, "also when the trailer of a segment is bad")):
        data = bytearray(file.bytes())
        data[place] ^= 1
        add(name, rule, bytes(data), "damaged", Taken(3, state(3)))
    data = bytearray(file.bytes())
    data[middle.offset:middle.offset + middle.size] = bytes(middle.size)
    add("middle-zeros", "zeros are damage where a later commit is", bytes(data), "damaged",
        Taken(3, state(3)))
    data = bytearray(file.bytes())
    data[file.segments[2].offset + 70] ^= 1
    data[middle.offset + 70] ^= 1
    add("two-bad", "two generations that do not verify are not one torn save", bytes(data),
        "damaged", Taken(1, state(1)))
    data = bytearray(file.bytes())
    for segment in file.segments:
        data[segment.offset + 70] ^= 1
    refused("all-bad", "no generation verifies", bytes(data), says="no save")
    return made
