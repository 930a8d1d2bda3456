"""Vectors good-*: each uses one feature of the format, and every reader takes the newest save."""
import builder
from builder import Blob, Chunk, File, Patch, cbor, record, zstd_block, zstd_frame
from vector import Taken, Vector, noise, numbers, saved, state

LAST = 2**62 - 1  # the highest generation


def vectors():
    made = []

    def good(name, rule, file, blobs, generation=None, behind=b""):
        generation = file.newest.generation if generation is None else generation
        made.append(Vector(f"good-{name}", rule, file.bytes(behind), "good",
                           Taken(generation, blobs)))

    def save(name, rule, blobs=None, **options):
        """A second save with these options behind a plain first one."""
        file = saved()
        blobs = blobs or state(2, Blob(noise(100)))
        file.save(blobs, **options)
        good(name, rule, file, blobs)

    plain = state(1)
    good("minimal", "one save, self-verifying, without hints", saved(), plain)

    # ---- block 0
    good("minor", "a higher minor version is read", saved(minor=9), plain)
    good("compatible", "unknown compatible features are ignored",
         saved(compatible=2**64 - 1), plain)
    good("reserved", "bytes that no table mentions are not looked at",
         saved(also={12: b"\1\2\3\4", 64: b"\xff" * 4000}), plain)
    good("created", "the time of creation may be anything", saved(created=-2**63), plain)
    for size in (8192, 65536, 64 << 20):
        array = Blob(noise(9000))
        good(f"chunk-size-{size}", "chunk sizes from 4096 to 67108864", saved(1, array,
             chunk_size=size), state(1, array))

    # ---- zeros behind the newest save, which wait for the next one
    for name, size in (("byte", 1), ("block", 4096), ("room", 1 << 16)):
        good(f"zeros-{name}", "zeros behind the newest save are nothing", saved(), plain,
             behind=bytes(size))
    file = saved()
    file.hint()
    good("zeros-hinted", "also where a hint leads to that save", file, plain, behind=bytes(8192))

    # ---- hints
    def hinted(name, rule, *hints):
        file = File()
        for number in (1, 2, 3):
            file.save(state(number))
        for hint in hints:
            file.hint(**{"segment": file.segments[2], **hint(file)})
        good(f"hint-{name}", rule, file, state(3))

    hinted("right", "both hints are right",
           lambda f: {"segment": f.segments[1]}, lambda f: {})
    hinted("old", "the hint names an older generation: newer ones stand behind it",
           lambda f: {"segment": f.segments[0]})
    hinted("checksum", "a hint with a wrong checksum is none",
           lambda f: {"generation": 9, "wrong": 1})
    hinted("magic", "a hint with a wrong magic is none",
           lambda f: {"generation": 9, "magic": b"RSHINT2\n"})
    hinted("nowhere", "a hint may lead to a place where no trailer is",
           lambda f: {"commit": f.segments[1].offset + 64})
    hinted("zero", "a hint may lead to offset 0", lambda f: {"commit": 0})
    hinted("beyond", "a hint may lead beyond the file", lambda f: {"commit": 2**64 - 64})
    hinted("high", "a hint for a generation of 2^62 and more is none",
           lambda f: {"generation": 2**62})
    hinted("generation-zero", "a hint for generation 0 says nothing", lambda f: {"generation": 0})
    hinted("block", "a reader does not ask in which of the two blocks a hint stands",
           lambda f: {"block": 1})
    hinted("other-trailer", "a hint of the right generation may lead to another trailer",
           lambda f: {"commit": f.segments[0].commit})

    # ---- segments
    save("ordered", "an ordered segment: the digest covers header and records", flags=0)
    save("ordered-gap", "in an ordered segment, bytes between chunks may be anything", flags=0,
         gap=24, spoil=lambda data: data[:64] + b"\x11" * 24 + data[88:])
    save("gaps", "chunks stand anywhere in the data area", gap=40)
    save("segment-flags", "flags of a segment that are not known are ignored", flags=1 | 1 << 31)
    save("segment-reserved", "bytes of header and trailer that no table mentions are not looked at",
         header_also=b"\xff" * 12, trailer_also=b"\xff" * 4)
    save("segment-zeros", "the zeros before the trailer are not looked at, but covered",
         zeros=b"\x55" * 500)
    save("previous-none", "a segment may say that no commit is before it", previous=0)
    file = File()
    file.save(state(1))
    file.save(state(2, Blob(noise(64))), flags=3, meta={"ended": True, "saves": 1})
    good("mark", "a mark: flag 2", file, state(2, Blob(noise(64))))
    file = File()
    for generation in (3, 4, 1000, LAST):
        file.save(state(generation), generation=generation)
    file.hint()
    good("sparse-numbers", "generations rise with gaps, up to 2^62 - 1", file, state(LAST))
    file = File()
    for number in range(1, 41):
        file.save(state(number))
    good("many-generations", "forty generations", file, state(40))

    # ---- records
    save("unknown-record", "an unknown record without the flag is passed over",
         records=lambda r: [record(77, b"new", flags=0), *r])
    save("unknown-twice", "also twice, and of the reserved type PATCH",
         records=lambda r: [record(4, b"", flags=0), r[0], record(4, b"", flags=2), *r[1:]])
    save("record-flags", "flags of a record that are not known are ignored",
         records=lambda r: [record(77, b"", flags=2**32 - 2), *r])
    save("record-order", "META may stand behind the table", records=lambda r: [r[1], r[0], r[2]])
    save("record-padding", "what pads a record is not looked at",
         records=lambda r: [record(77, b"x", flags=0, pad=b"\xff"), *r])

    # ---- META
    save("meta-empty", "all keys of META may be missing", meta={})
    save("meta-unknown", "unknown keys of META are ignored, whatever their value",
         meta={"new": [{"a": [1.5, None]}, builder.Tagged(99, b"x")], 5: 1, "saves": 2})
    save("meta-all", "all keys of META", meta={
        "saved": -2**63, "started": 2**63 - 1, "running": 5, "saves": 2**64 - 1, "ended": True,
        "pid": -1, "size": 2**64 - 1, "name": "n\u00e4me\n", "program": b"/\xff", "function": "m:f",
        "host": "", "run": "0123456789abcdef", "copy_of": 7,
        "writer": "x" * 300})
    save("meta-heads", "heads in META may be longer than needed",
         meta=b"\xbb" + (1).to_bytes(8, "big") + b"\x79\0\5saves\x1a\0\0\0\2")
    save("meta-largest", "65536 bytes of META", meta=b"\xa1\x61x\x59" + (65530).to_bytes(2, "big") +
         b"y" * 65530)
    save("meta-twice", "of a key that stands twice the last one counts",
         meta=b"\xa2\x65saves\x01\x65saves\x02")

    # ---- tables and blobs
    save("blob-empty", "a blob of no bytes has no chunks", state(2, Blob(b""), Blob(noise(9))))
    save("blob-many", "a hundred blobs", state(2, *[Blob(noise(20, i)) for i in range(100)]))
    save("blob-chunks", "a blob of two chunks and a rest", state(2, Blob(noise(9000))))
    save("blob-whole", "a blob of just two chunks", state(2, Blob(noise(8192))))
    save("blob-unit", "the element size of a blob is a hint", state(
        2, Blob(noise(9), unit=0), Blob(noise(10), unit=3), Blob(noise(11), unit=2**32 - 1)))
    def twice_and_once():
        shared = Chunk(noise(4096))
        return Blob(shared.raw * 2, chunks=[shared, shared]), Blob(shared.raw, chunks=[shared])

    save("chunks-shared", "blobs share chunks", state(2, *twice_and_once()))
    twice, once = twice_and_once()
    file = File()
    file.save(state(1, twice))
    file.save(state(2, once))
    good("chunks-older", "a generation shares chunks with an older one", file, state(2, once))

    # ---- codings
    save("raw-empty-stream", "an object stream may be empty: that is not the store's affair",
         [Blob(b"")])
    runs = b"abcdefg" + bytes([7]) * 900 + b"hij" + b"k" * 300
    save("zstd", "coding ZSTD", state(2, Blob(runs, chunk=lambda r: Chunk(r, builder.ZSTD))))
    save("zstd-stream", "also of the object stream", [
        Blob(cbor({"v": 1, "vars": {"n": 2, "arrays": [], "pad": "x" * 200}}),
             chunk=lambda r: Chunk(r, builder.ZSTD))])
    save("zero", "coding ZERO", state(2, Blob(bytes(9000), chunk=lambda r: Chunk(r, builder.ZERO))))
    save("raw-zeros", "zeros need not be ZERO", state(2, Blob(bytes(100))))
    for coding, unit in ((builder.RAW, 0), (builder.ZSTD, 0), (builder.SHUFFLE, 2)):
        base, file = Chunk(numbers(16000), coding, unit), File(chunk_size=65536)
        file.save(state(1, Blob(base.raw, chunks=[base])))
        patch = Patch(base, {0: noise(4096), 2: noise(4096, 2), 3: noise(16000 - 3 * 4096, 3)})
        blobs = state(2, Blob(patch.raw, chunks=[patch]))
        file.save(blobs)
        good(f"patch-{coding}", "coding PATCHED over RAW, ZSTD, ZSTD_SHUFFLE; a short last page",
             file, blobs)
    base, file = Chunk(noise(20000)), File(chunk_size=65536)
    first = Patch(base, {1: noise(8192, 2)})
    second = Patch(base, {1: noise(8192, 2), 4: noise(20000 - 16384, 4)},
                   lambda words, at: [words[0], first.at - 8192 | 1 << 48 | 2 << 56, words[2]])
    for number, chunk in enumerate((base, first, second), 1):
        blobs = state(number, Blob(chunk.raw, chunks=[chunk]))
        file.save(blobs)
    good("patch-older", "extents of more than one page, that lie in different saves", file, blobs)
    stream = cbor({"v": 1, "vars": {"n": 2, "arrays": [], "pad": "x" * 9000}})
    base, file = Chunk(stream.replace(b"n\x02", b"n\x01")), File(chunk_size=65536)
    file.save([Blob(base.raw, chunks=[base])])
    patch = Patch(base, {0: stream[:4096]})
    file.save([Blob(stream, chunks=[patch])])
    good("patch-stream", "also of the object stream", file, [Blob(stream)])
    for unit in (1, 2, 4, 8, 16):
        for size in (1600, 1607):
            raw = (numbers(size + 1) if unit > 1 else runs * 2)[:size]
            save(f"shuffle-{unit}-{size}", "coding ZSTD_SHUFFLE", state(2, Blob(
                raw, unit, lambda r, u=unit: Chunk(r, builder.SHUFFLE, u))))
    save("shuffle-short", "less than one element", state(2, Blob(
        b"\5" * 15, 16, lambda r: Chunk(r, builder.SHUFFLE, 16))))
    for form, rule in (("window", "a frame need not tell its size"),
                       ("checked", "a frame may have a checksum of its own")):
        save(f"zstd-{form}", rule, state(2, Blob(
            runs[:1000], chunk=lambda r: Chunk(r, builder.ZSTD, stored=zstd_frame(r, form=form)))))
    pieces = zstd_block(b"q", 500) + zstd_block(b"", 0) + zstd_block(b"r", 500, last=True)
    save("zstd-blocks", "a frame of several blocks, one of them empty", state(2, Blob(
        b"q" * 500 + b"r" * 500,
        chunk=lambda r: Chunk(r, builder.ZSTD, stored=zstd_frame(r, blocks=pieces)))))
    equal = zstd_block(noise(90)) + zstd_block(b"r", 13, last=True)
    save("stored-as-large", "stored as many bytes as raw", state(2, Blob(
        noise(90) + b"r" * 13,
        chunk=lambda r: Chunk(r, builder.ZSTD, stored=zstd_frame(r, form="window", blocks=equal)))))
    file = saved(chunk_size=65536)
    large = Blob(noise(256) * 256)
    file.save(state(2, large))
    good("raw-unaligned", "a RAW chunk of 64 KiB at any offset", file, state(2, large))

    # ---- deltas
    def chain(name, rule, steps, flags=1):
        """steps: for each save the arrays, as numbers of noise; the first is a TABLE."""
        file, base = File(), None
        for number, arrays in enumerate(steps, 1):
            blobs = state(number, *[Blob(noise(30, array)) for array in arrays])
            chunks = known(file, blobs)
            base = file.save(blobs, base=base, flags=flags)
            base.chunks = chunks
        good(f"delta-{name}", rule, file, state(len(steps), *[
            Blob(noise(30, array)) for array in steps[-1]]))

    def known(file, blobs):
        """Chunks of this content that are in the file already stand for those of the blobs."""
        before = {chunk.raw: chunk for chunk in (file.newest.chunks if file.segments else [])}
        for blob in blobs:
            blob.lay_out(file.chunk_size)
            blob.chunks = [before.get(chunk.raw, chunk) for chunk in blob.chunks]
        return [chunk for blob in blobs for chunk in blob.chunks]

    chain("one", "a table as a difference", [[1, 2, 3], [1, 5, 3]])
    chain("eight", "depth 8", [[i + 9 * (i == k) for i in range(9)] for k in range(9)])
    chain("insert", "entries come in between", [[1, 2, 3], [1, 9, 2, 8, 3]])
    chain("remove", "entries go", [[1, 2, 3, 4, 5], [1, 4]])
    chain("all-new", "no entry is copied", [[1], [2, 3]])
    chain("all-copied", "no entry of the arrays is new", [[1, 2], [1, 2]])
    chain("ordered", "in ordered segments", [[1, 2], [1, 3], [4, 3]], flags=0)
    file = saved(1, Blob(noise(40)))
    first = file.newest
    file.save(state(2))
    file.save(state(3, Blob(noise(40))), base=first)
    good("delta-older", "the base need not be the generation before", file,
         state(3, Blob(noise(40))))

    return made
