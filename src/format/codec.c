/* Compresses and decompresses chunks, by the `auto` rule. docs/format.md section "Codings". */
#include "base/alloc.h"
#include "base/arith.h"
#include "base/bytes.h"
#include "format/chunk.h"

#include <inttypes.h>
#include <zstd.h>
#include <zstd_errors.h>

#define LEVEL_BYTES    1 /* of zstd */
#define LEVEL_SHUFFLED (-5)
#define SAMPLE_PIECES  4u
#define PIECE_SIZE     4096u
#define SAMPLE_SIZE    (SAMPLE_PIECES * PIECE_SIZE)
#define STREAK_MIN     8u /* raw chunks in a row after which only every STREAK_STEP-th is probed */
#define STREAK_STEP    4u
#define PERCENT_RAW    90u /* an estimated ratio above is not worth the work */
#define PERCENT_SMALL  50u /* one below always is; between, only if the disk is slow */

typedef struct scratch {
    uint8_t *bytes;
    size_t capacity;
} scratch;

struct rs_codec {
    ZSTD_CCtx *compressor;   /* made when it is needed first: most openings need none, and */
    ZSTD_DCtx *decompressor; /* making both takes longer than all else of a small opening */
    scratch shuffled;        /* a chunk or a sample in shuffled order */
    scratch packed;          /* what zstd made of the bytes as they are */
    scratch repacked;        /* of the shuffled ones */
    unsigned streak;         /* chunks that stayed raw, one after the other */
    unsigned streak_unit;    /* their element size */
};

resume_status rs_codec_new(rs_codec **codec, rs_error *error) {
    *codec = NULL;
    rs_codec *made = rs_allocate_zeroed(1, sizeof *made);
    if (!made) return rs_fail(error, RESUME_NO_MEMORY, "no memory for the compressor");
    *codec = made;
    return RESUME_OK;
}

void rs_codec_free(rs_codec *codec) {
    if (!codec) return;
    ZSTD_freeCCtx(codec->compressor);
    ZSTD_freeDCtx(codec->decompressor);
    rs_free(codec->shuffled.bytes);
    rs_free(codec->packed.bytes);
    rs_free(codec->repacked.bytes);
    rs_free(codec);
}

/* Old contents are given up. */
static bool make_room(scratch *memory, size_t size) {
    if (memory->capacity >= size) return true;
    rs_free(memory->bytes);
    memory->bytes = rs_allocate(size);
    memory->capacity = memory->bytes ? size : 0;
    return memory->bytes != NULL;
}

/* One way to store a chunk or a sample. */
typedef struct attempt {
    rs_chunk_coding coding;
    const uint8_t *bytes;
    size_t size;
} attempt;

static resume_status codec_failure(size_t result, const char *what, rs_error *error) {
    resume_status status =
        ZSTD_getErrorCode(result) == ZSTD_error_memory_allocation ? RESUME_NO_MEMORY : RESUME_CODEC;
    return rs_fail(error, status, "%s: %s", what, ZSTD_getErrorName(result));
}

/* Compresses `raw` by `coding`, into memory of the codec. */
static resume_status try_coding(rs_codec *codec, rs_chunk_coding coding, const void *raw,
                                size_t size, unsigned element_size, attempt *made,
                                rs_error *error) {
    bool shuffles = coding == RS_CHUNK_ZSTD_SHUFFLE;
    scratch *output = shuffles ? &codec->repacked : &codec->packed;
    size_t bound = ZSTD_compressBound(size);
    if (!make_room(output, bound) || (shuffles && !make_room(&codec->shuffled, size))) {
        return rs_fail(error, RESUME_NO_MEMORY, "no memory to compress a chunk of %zu bytes", size);
    }
    if (shuffles) {
        rs_shuffle(raw, codec->shuffled.bytes, size, element_size);
        raw = codec->shuffled.bytes;
    }
    if (!codec->compressor) codec->compressor = ZSTD_createCCtx();
    if (!codec->compressor) return rs_fail(error, RESUME_NO_MEMORY, "no memory for the compressor");
    size_t result = ZSTD_compressCCtx(codec->compressor, output->bytes, output->capacity, raw, size,
                                      shuffles ? LEVEL_SHUFFLED : LEVEL_BYTES);
    if (ZSTD_isError(result)) return codec_failure(result, "can't compress a chunk", error);
    *made = (attempt){.coding = coding, .bytes = output->bytes, .size = result};
    return RESUME_OK;
}

/* The smaller of plain and, for numbers, shuffled. In a sample shuffled may be a quarter larger: it
 * comes out worse there than in a whole chunk, whose runs are longer, and is several times as fast.
 */
static resume_status try_both(rs_codec *codec, const void *raw, size_t size, unsigned element_size,
                              bool is_sample, attempt *best, rs_error *error) {
    resume_status status = try_coding(codec, RS_CHUNK_ZSTD, raw, size, 1, best, error);
    if (status || element_size == 1) return status;
    attempt other;
    status = try_coding(codec, RS_CHUNK_ZSTD_SHUFFLE, raw, size, element_size, &other, error);
    size_t allowance = is_sample ? best->size / 4 : 0;
    if (!status && other.size < best->size + allowance) *best = other;
    return status;
}

/* Pieces spread evenly over the chunk, each beginning with a whole element. */
static void take_sample(const uint8_t *raw, size_t size, uint8_t sample[SAMPLE_SIZE]) {
    size_t step = (size - PIECE_SIZE) / (SAMPLE_PIECES - 1) / 16 * 16;
    for (size_t i = 0; i < SAMPLE_PIECES; i++)
        memcpy(sample + i * PIECE_SIZE, raw + i * step, PIECE_SIZE);
}

/* Is a result of `part` bytes out of `whole` worth the work? */
static bool pays(size_t part, size_t whole, bool disk_is_slow) {
    uint64_t percents = (uint64_t)part * 100;
    return disk_is_slow ? percents <= (uint64_t)whole * PERCENT_RAW
                        : percents < (uint64_t)whole * PERCENT_SMALL;
}

/* Incompressible data come in large arrays: after some raw chunks most of the next are taken as raw
 * without a look. */
static bool is_probed(rs_codec *codec, unsigned element_size) {
    if (codec->streak_unit != element_size) {
        codec->streak = 0;
        codec->streak_unit = element_size;
    }
    bool probed = codec->streak < STREAK_MIN || codec->streak % STREAK_STEP == 0;
    codec->streak++; /* until the probe says otherwise */
    return probed;
}

/* Decides by a sample, then compresses the whole; `best` stays raw when that does not pay. */
static resume_status compress_probed(rs_codec *codec, const void *raw, size_t size,
                                     unsigned element_size, rs_compress mode, bool disk_is_slow,
                                     attempt *best, rs_error *error) {
    uint8_t sample[SAMPLE_SIZE];
    attempt probe, made;
    if (mode == RS_COMPRESS_AUTO && !is_probed(codec, element_size)) return RESUME_OK;
    take_sample(raw, size, sample);
    resume_status status =
        try_both(codec, sample, sizeof sample, element_size, true, &probe, error);
    if (status) return status;
    if (mode == RS_COMPRESS_AUTO && !pays(probe.size, sizeof sample, disk_is_slow))
        return RESUME_OK;
    codec->streak = 0;
    status = try_coding(codec, probe.coding, raw, size, element_size, &made, error);
    if (!status && made.size < size) *best = made;
    return status;
}

/* Small chunks: trying is cheaper than guessing. */
static resume_status compress_small(rs_codec *codec, const void *raw, size_t size,
                                    unsigned element_size, rs_compress mode, attempt *best,
                                    rs_error *error) {
    attempt made;
    resume_status status = try_both(codec, raw, size, element_size, false, &made, error);
    bool good = mode == RS_COMPRESS_AUTO ? pays(made.size, size, true) : made.size < size;
    if (!status && good) *best = made;
    return status;
}

static bool can_shuffle(uint8_t element_size) {
    return element_size == 2 || element_size == 4 || element_size == 8 || element_size == 16;
}

resume_status rs_codec_compress(rs_codec *codec, const void *raw, uint32_t raw_size,
                                uint8_t element_size, rs_compress mode, bool disk_is_slow,
                                rs_hash128 hash, const void **stored, rs_chunk_entry *entry,
                                rs_error *error) {
    *stored = NULL;
    *entry = (rs_chunk_entry){.raw_size = raw_size};
    if (raw_size == 0 || raw_size > RS_CHUNK_RAW_SIZE_MAX) {
        return rs_fail(error, RESUME_MISUSE, "a chunk can't have %" PRIu32 " bytes", raw_size);
    }
    if (rs_chunk_is_zero(raw, raw_size)) {
        entry->coding = RS_CHUNK_ZERO;
        return RESUME_OK;
    }
    unsigned unit = can_shuffle(element_size) ? element_size : 1;
    attempt best = {.coding = RS_CHUNK_RAW, .bytes = raw, .size = raw_size};
    resume_status status = RESUME_OK;
    if (mode != RS_COMPRESS_NEVER && raw_size < SAMPLE_SIZE) {
        status = compress_small(codec, raw, raw_size, unit, mode, &best, error);
    } else if (mode != RS_COMPRESS_NEVER) {
        status = compress_probed(codec, raw, raw_size, unit, mode, disk_is_slow, &best, error);
    }
    if (status) return status;
    *stored = best.bytes;
    entry->coding = (uint8_t)best.coding;
    entry->element_size = best.coding == RS_CHUNK_ZSTD_SHUFFLE ? (uint8_t)unit : 0;
    entry->stored_size = (uint32_t)best.size;
    entry->hash = hash;
    return RESUME_OK;
}

/* One frame of RFC 8878 and nothing behind it: libzstd would go on with further frames, pass over
 * skippable ones, and may have been built with decoders of its early formats. */
static bool is_zstd_frame(const uint8_t *bytes, size_t size) {
    return size >= 4 && rs_load_u32(bytes) == ZSTD_MAGICNUMBER &&
           ZSTD_findFrameCompressedSize(bytes, size) == size;
}

static resume_status unpack(rs_codec *codec, const rs_chunk_entry *entry, const void *stored,
                            void *to, rs_error *error) {
    if (!is_zstd_frame(stored, entry->stored_size)) {
        return rs_fail_at(error, RESUME_DAMAGED, 0, entry->offset,
                          "the chunk at offset %" PRIu64 " does not hold one zstd frame",
                          entry->offset);
    }
    if (!codec->decompressor) codec->decompressor = ZSTD_createDCtx();
    if (!codec->decompressor)
        return rs_fail(error, RESUME_NO_MEMORY, "no memory for the decompressor");
    size_t result =
        ZSTD_decompressDCtx(codec->decompressor, to, entry->raw_size, stored, entry->stored_size);
    if (ZSTD_isError(result) && ZSTD_getErrorCode(result) == ZSTD_error_memory_allocation)
        return codec_failure(result, "can't decompress a chunk", error);
    if (result != entry->raw_size) {
        return rs_fail_at(error, RESUME_DAMAGED, 0, entry->offset,
                          "the chunk at offset %" PRIu64 " can't be decompressed: %s",
                          entry->offset,
                          ZSTD_isError(result) ? ZSTD_getErrorName(result) : "wrong size");
    }
    return RESUME_OK;
}

static resume_status unpack_shuffled(rs_codec *codec, const rs_chunk_entry *entry,
                                     const void *stored, void *raw, rs_error *error) {
    if (!make_room(&codec->shuffled, entry->raw_size)) {
        return rs_fail(error, RESUME_NO_MEMORY,
                       "no memory to decompress a chunk of %" PRIu32 " bytes", entry->raw_size);
    }
    resume_status status = unpack(codec, entry, stored, codec->shuffled.bytes, error);
    if (!status) rs_unshuffle(codec->shuffled.bytes, raw, entry->raw_size, entry->element_size);
    return status;
}

resume_status rs_codec_decode(rs_codec *codec, const rs_chunk_entry *entry, const void *stored,
                              void *raw, rs_error *error) {
    switch (entry->coding) {
    case RS_CHUNK_ZERO:
        memset(raw, 0, entry->raw_size);
        return RESUME_OK;
    case RS_CHUNK_RAW:
        if (stored != raw) memcpy(raw, stored, entry->raw_size);
        return RESUME_OK;
    case RS_CHUNK_ZSTD:
        return unpack(codec, entry, stored, raw, error);
    case RS_CHUNK_ZSTD_SHUFFLE:
        return unpack_shuffled(codec, entry, stored, raw, error);
    default:
        return rs_fail(error, RESUME_UNSUPPORTED, "a chunk has the unknown coding %u",
                       entry->coding);
    }
}

resume_status rs_codec_decompress(rs_codec *codec, const rs_chunk_entry *entry, const void *stored,
                                  void *raw, rs_error *error) {
    resume_status status = rs_codec_decode(codec, entry, stored, raw, error);
    if (entry->coding == RS_CHUNK_ZERO) return status;
    if (!status && !rs_hash128_equal(rs_chunk_hash(raw, entry->raw_size, NULL), entry->hash)) {
        status = rs_fail_at(error, RESUME_DAMAGED, 0, entry->offset,
                            "the chunk at offset %" PRIu64 " does not match its checksum",
                            entry->offset);
    }
    return status;
}
