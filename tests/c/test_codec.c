/* format/codec.c: what the `auto` rule chooses, that all comes back, and that damage is found. */
#include "testing.h"

#include "alloc_fail.h"
#include "base/alloc.h"
#include "base/bytes.h"
#include "damage.h"
#include "format/chunk.h"
#include "format/header.h"
#include "seeded.h"

#include <stdlib.h>
#include <string.h>
#include <zstd_errors.h>

static uint8_t raw[RS_CHUNK_SIZE];

static resume_status compress(rs_codec *codec, size_t size, uint8_t element_size, rs_compress mode,
                              bool slow, const void **stored, rs_chunk_entry *entry) {
    rs_error error = {0};
    resume_status status = rs_codec_compress(codec, raw, (uint32_t)size, element_size, mode, slow,
                                             rs_chunk_hash(raw, size, NULL), stored, entry, &error);
    assert_int_equal(status, error.status);
    return status;
}

static rs_codec *new_codec(void) {
    rs_codec *codec;
    assert_int_equal(rs_codec_new(&codec, NULL), RESUME_OK);
    return codec;
}

/* The kinds of content that the rule tells apart. */
static void fill_random(seeded *random) {
    seeded_fill(random, raw, sizeof raw);
}

static void fill_text(seeded *random) {
    static const char *const words[] = {"the ", "quick ", "fox ", "jumps\n", "over ", "lazy "};
    for (size_t at = 0; at < sizeof raw;) {
        const char *word = words[seeded_below(random, 6)];
        for (; *word && at < sizeof raw; word++)
            raw[at++] = (uint8_t)*word;
    }
}

/* 64-bit numbers that rise slowly: only the shuffle shows it. */
static void fill_numbers(seeded *random) {
    uint64_t value = seeded_next(random) >> 1;
    for (size_t at = 0; at < sizeof raw; at += 8) {
        value += seeded_below(random, 200);
        rs_store_u64(raw + at, value);
    }
}

/* Five of eight bytes random: about 0.64 when shuffled. */
static void fill_between(seeded *random) {
    for (size_t at = 0; at < sizeof raw; at += 8)
        rs_store_u64(raw + at, (seeded_next(random) >> 24) | UINT64_C(0x4040) << 48);
}

/* Seven of eight random: just below 1. */
static void fill_hardly(seeded *random) {
    for (size_t at = 0; at < sizeof raw; at += 8)
        rs_store_u64(raw + at, (seeded_next(random) >> 5) | UINT64_C(0x40) << 59);
}

static void fill_zeros(seeded *random) {
    (void)random;
    memset(raw, 0, sizeof raw);
}

static void test_codec__auto_rule(void **state) {
    (void)state;
    static const struct {
        void (*fill)(seeded *random);
        uint8_t element_size;
        rs_compress mode;
        bool slow;
        rs_chunk_coding coding;
    } rows[] = {
        {fill_zeros, 8, RS_COMPRESS_AUTO, false, RS_CHUNK_ZERO},
        {fill_zeros, 1, RS_COMPRESS_NEVER, false, RS_CHUNK_ZERO},
        {fill_random, 1, RS_COMPRESS_AUTO, true, RS_CHUNK_RAW},
        {fill_random, 8, RS_COMPRESS_AUTO, true, RS_CHUNK_RAW},
        {fill_random, 8, RS_COMPRESS_ALWAYS, true, RS_CHUNK_RAW}, /* would not be smaller */
        {fill_text, 1, RS_COMPRESS_AUTO, false, RS_CHUNK_ZSTD},
        {fill_text, 8, RS_COMPRESS_AUTO, false, RS_CHUNK_ZSTD}, /* the shuffle harms */
        {fill_text, 1, RS_COMPRESS_NEVER, true, RS_CHUNK_RAW},
        {fill_numbers, 8, RS_COMPRESS_AUTO, false, RS_CHUNK_ZSTD_SHUFFLE},
        {fill_numbers, 8, RS_COMPRESS_ALWAYS, false, RS_CHUNK_ZSTD_SHUFFLE},
        {fill_between, 8, RS_COMPRESS_AUTO, false, RS_CHUNK_RAW},
        {fill_between, 8, RS_COMPRESS_AUTO, true, RS_CHUNK_ZSTD_SHUFFLE},
        {fill_between, 8, RS_COMPRESS_ALWAYS, false, RS_CHUNK_ZSTD_SHUFFLE},
        {fill_hardly, 8, RS_COMPRESS_AUTO, true, RS_CHUNK_RAW},
    };
    seeded random = seeded_start();
    rs_codec *codec = new_codec();
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const void *stored;
        rs_chunk_entry entry;
        rows[i].fill(&random);
        assert_int_equal(compress(codec, sizeof raw, rows[i].element_size, rows[i].mode,
                                  rows[i].slow, &stored, &entry),
                         RESUME_OK);
        assert_int_equal(entry.coding, rows[i].coding);
        if (entry.coding == RS_CHUNK_RAW) assert_ptr_equal(stored, raw);
        if (entry.coding == RS_CHUNK_ZERO) assert_null(stored);
    }
    rs_codec_free(codec);
}

/* A long run of random chunks is not probed one by one, but what follows it is soon looked at. */
static void test_codec__raw_streak_ends_soon(void **state) {
    (void)state;
    seeded random = seeded_start();
    rs_codec *codec = new_codec();
    const void *stored;
    rs_chunk_entry entry;
    fill_random(&random);
    for (int i = 0; i < 50; i++) {
        assert_int_equal(compress(codec, sizeof raw, 8, RS_COMPRESS_AUTO, true, &stored, &entry),
                         RESUME_OK);
        assert_int_equal(entry.coding, RS_CHUNK_RAW);
    }
    fill_text(&random);
    int left_raw = -1;
    do {
        left_raw++;
        assert_int_equal(compress(codec, sizeof raw, 8, RS_COMPRESS_AUTO, true, &stored, &entry),
                         RESUME_OK);
    } while (entry.coding == RS_CHUNK_RAW);
    assert_in_range(left_raw, 0, 3);
    for (int i = 0; i < 20; i++) {
        assert_int_equal(compress(codec, sizeof raw, 8, RS_COMPRESS_AUTO, true, &stored, &entry),
                         RESUME_OK);
        assert_int_equal(entry.coding, RS_CHUNK_ZSTD);
    }
    fill_random(&random);
    for (int i = 0; i < 50; i++) /* other element sizes and modes do not wait */
        assert_int_equal(compress(codec, sizeof raw, 8, RS_COMPRESS_AUTO, true, &stored, &entry),
                         RESUME_OK);
    fill_text(&random);
    assert_int_equal(compress(codec, sizeof raw, 8, RS_COMPRESS_ALWAYS, true, &stored, &entry),
                     RESUME_OK);
    assert_int_equal(entry.coding, RS_CHUNK_ZSTD);
    assert_int_equal(compress(codec, sizeof raw, 1, RS_COMPRESS_AUTO, true, &stored, &entry),
                     RESUME_OK);
    assert_int_equal(entry.coding, RS_CHUNK_ZSTD);
    rs_codec_free(codec);
}

static void check_round_trip(rs_codec *codec, seeded *random, uint8_t *back) {
    static void (*const fills[])(seeded *) = {fill_random,  fill_text,   fill_numbers,
                                              fill_between, fill_hardly, fill_zeros};
    static const uint8_t elements[] = {0, 1, 2, 3, 4, 8, 16, 255};
    fills[seeded_below(random, 6)](random);
    size_t size = 1 + (size_t)seeded_below(random, seeded_below(random, 2) ? sizeof raw : 20000);
    const void *stored;
    rs_chunk_entry entry, again;
    uint8_t encoded[RS_CHUNK_ENTRY_SIZE];
    assert_int_equal(compress(codec, size, elements[seeded_below(random, 8)],
                              (rs_compress)seeded_below(random, 3), seeded_below(random, 2),
                              &stored, &entry),
                     RESUME_OK);
    assert_true(entry.stored_size <= size);
    rs_chunk_entry_encode(&entry, encoded);
    assert_int_equal(rs_chunk_entry_decode(encoded, &again, NULL), RESUME_OK);
    void *copy = rs_duplicate(stored, entry.stored_size); /* the codec's memory is reused */
    uint8_t *target = back + sizeof raw - size;           /* ends where the block ends */
    assert_int_equal(rs_codec_decompress(codec, &again, copy, target, NULL), RESUME_OK);
    assert_memory_equal(target, raw, size);
    rs_free(copy);
}

static void test_codec__random_chunks_come_back(void **state) {
    (void)state;
    seeded random = seeded_start();
    rs_codec *codec = new_codec();
    uint8_t *back = malloc(sizeof raw);
    for (int round = 0; round < 150; round++)
        check_round_trip(codec, &random, back);
    free(back);
    rs_codec_free(codec);
}

static void test_codec__raw_may_be_in_place(void **state) {
    (void)state;
    seeded random = seeded_start();
    fill_random(&random);
    rs_codec *codec = new_codec();
    rs_chunk_entry entry = {
        .offset = 1, .stored_size = 1000, .raw_size = 1000, .hash = rs_chunk_hash(raw, 1000, NULL)};
    assert_int_equal(rs_codec_decompress(codec, &entry, raw, raw, NULL), RESUME_OK);
    raw[999] ^= 1;
    assert_int_equal(rs_codec_decompress(codec, &entry, raw, raw, NULL), RESUME_DAMAGED);
    rs_codec_free(codec);
}

typedef struct damaged {
    rs_codec *codec;
    rs_chunk_entry entry;
    uint8_t *back; /* of raw_size bytes */
} damaged;

/* A changed frame is refused, or gives the same bytes (a flag that means nothing). */
static void chunk_is_refused(const uint8_t *bytes, size_t size, size_t at, void *context) {
    damaged *d = context;
    (void)at;
    rs_chunk_entry entry = d->entry;
    entry.stored_size = (uint32_t)size;
    rs_error error = {0};
    resume_status status = rs_codec_decompress(d->codec, &entry, bytes, d->back, &error);
    if (status == RESUME_OK) {
        assert_memory_equal(d->back, raw, entry.raw_size);
    } else {
        assert_int_equal(status, RESUME_DAMAGED);
        assert_true(error.offset == entry.offset);
    }
    if (size < d->entry.stored_size || entry.coding == RS_CHUNK_RAW)
        assert_int_equal(status, RESUME_DAMAGED);
}

static void test_codec__every_flip_and_cut_of_stored_bytes_is_found(void **state) {
    (void)state;
    static const struct {
        void (*fill)(seeded *random);
        uint8_t element_size;
        rs_chunk_coding coding;
    } rows[] = {{fill_text, 1, RS_CHUNK_ZSTD},
                {fill_between, 8, RS_CHUNK_ZSTD_SHUFFLE},
                {fill_random, 1, RS_CHUNK_RAW}};
    seeded random = seeded_start();
    for (size_t i = 0; i < 3; i++) {
        damaged d = {.codec = new_codec(), .back = malloc(1001)};
        const void *stored;
        rows[i].fill(&random);
        assert_int_equal(compress(d.codec, 1001, rows[i].element_size, RS_COMPRESS_ALWAYS, false,
                                  &stored, &d.entry),
                         RESUME_OK);
        assert_int_equal(d.entry.coding, rows[i].coding);
        d.entry.offset = 4096;
        uint8_t *copy = rs_duplicate(stored, d.entry.stored_size);
        damage_flips(copy, d.entry.stored_size, chunk_is_refused, &d);
        if (d.entry.coding != RS_CHUNK_RAW)
            damage_cuts(copy, d.entry.stored_size, chunk_is_refused, &d);
        rs_free(copy);
        free(d.back);
        rs_codec_free(d.codec);
    }
}

static void test_codec__wrong_sizes_never_write_beyond(void **state) {
    (void)state;
    seeded random = seeded_start();
    rs_codec *codec = new_codec();
    fill_numbers(&random);
    for (unsigned unit = 1; unit <= 8; unit *= 8) {
        const void *stored;
        rs_chunk_entry entry;
        assert_int_equal(
            compress(codec, 5000, (uint8_t)unit, RS_COMPRESS_ALWAYS, false, &stored, &entry),
            RESUME_OK);
        uint8_t *copy = rs_duplicate(stored, entry.stored_size);
        for (uint32_t size = 4900; size < 5100; size++) {
            entry.raw_size = size;
            uint8_t *back = malloc(size); /* a sanitizer watches its end */
            assert_int_equal(rs_codec_decompress(codec, &entry, copy, back, NULL),
                             size == 5000 ? RESUME_OK : RESUME_DAMAGED);
            free(back);
        }
        rs_free(copy);
    }
    rs_codec_free(codec);
}

static void test_codec__other_frames_are_refused(void **state) {
    (void)state;
    rs_codec *codec = new_codec();
    /* zstd 0.5, a skippable frame, LZ4, nothing at all */
    static const char *const frames[] = {"\x25\xb5\x2f\xfd_____", "\x50\x2a\x4d\x18\0\0\0\0_",
                                         "\x04\x22\x4d\x18_____", "\0\0\0\0_____"};
    for (size_t i = 0; i < 4; i++) {
        rs_chunk_entry entry = {
            .offset = 9, .stored_size = 9, .raw_size = 100, .coding = RS_CHUNK_ZSTD};
        assert_int_equal(rs_codec_decompress(codec, &entry, frames[i], raw, NULL), RESUME_DAMAGED);
        entry.stored_size = 3;
        assert_int_equal(rs_codec_decompress(codec, &entry, frames[i], raw, NULL), RESUME_DAMAGED);
        entry.coding = 9;
        assert_int_equal(rs_codec_decompress(codec, &entry, frames[i], raw, NULL),
                         RESUME_UNSUPPORTED);
    }
    rs_codec_free(codec);
}

static void test_codec__impossible_sizes_are_misuse(void **state) {
    (void)state;
    rs_codec *codec = new_codec();
    const void *stored;
    rs_chunk_entry entry;
    assert_int_equal(rs_codec_compress(codec, raw, 0, 1, RS_COMPRESS_AUTO, false, (rs_hash128){0},
                                       &stored, &entry, NULL),
                     RESUME_MISUSE);
    assert_int_equal(rs_codec_compress(codec, raw, RS_CHUNK_RAW_SIZE_MAX + 1, 1, RS_COMPRESS_AUTO,
                                       false, (rs_hash128){0}, &stored, &entry, NULL),
                     RESUME_MISUSE);
    rs_codec_free(codec);
}

/* The largest chunk that the format allows, of each kind, and one byte more. */
static void test_codec__sixty_four_mebibytes(void **state) {
    (void)state;
    const size_t size = RS_CHUNK_RAW_SIZE_MAX;
    uint8_t *bytes = malloc(size), *back = malloc(size);
    assert_non_null(bytes);
    assert_non_null(back);
    for (int kind = RS_CHUNK_RAW; kind <= RS_CHUNK_ZERO; kind++) {
        rs_codec *codec = new_codec();
        const void *stored;
        rs_chunk_entry entry;
        uint8_t encoded[RS_CHUNK_ENTRY_SIZE];
        uint64_t random = 7;
        for (size_t at = 0; at < size; at += 8) {
            random = random * 6364136223846793005u + 1442695040888963407u;
            rs_store_u64(bytes + at, kind == RS_CHUNK_RAW            ? random ^ random >> 29
                                     : kind == RS_CHUNK_ZSTD         ? at >> 16
                                     : kind == RS_CHUNK_ZSTD_SHUFFLE ? at * 0x10001
                                                                     : 0);
        }
        rs_hash128 hash = rs_chunk_hash(bytes, size, NULL);
        unsigned unit = kind == RS_CHUNK_ZSTD ? 1 : 8;
        assert_int_equal(rs_codec_compress(codec, bytes, (uint32_t)size, (uint8_t)unit,
                                           RS_COMPRESS_AUTO, true, hash, &stored, &entry, NULL),
                         RESUME_OK);
        assert_int_equal(entry.coding, kind);
        rs_chunk_entry_encode(&entry, encoded);
        assert_int_equal(rs_chunk_entry_decode(encoded, &entry, NULL), RESUME_OK);
        memset(back, 0xA5, size);
        assert_int_equal(rs_codec_decompress(codec, &entry, stored, back, NULL), RESUME_OK);
        assert_memory_equal(back, bytes, size);
        entry.raw_size++;
        if (kind == RS_CHUNK_RAW) entry.stored_size++;
        rs_chunk_entry_encode(&entry, encoded);
        assert_int_equal(rs_chunk_entry_decode(encoded, &entry, NULL), RESUME_DAMAGED);
        rs_codec_free(codec);
    }
    free(bytes);
    free(back);
}

/* New, compress shuffled, decompress into a fresh codec, with the n-th allocation failing. */
static resume_status run_all(uint8_t *back) {
    rs_codec *writer = NULL, *reader = NULL;
    const void *stored;
    rs_chunk_entry entry;
    resume_status status = rs_codec_new(&writer, NULL);
    if (!status) status = rs_codec_new(&reader, NULL);
    if (!status)
        status = compress(writer, sizeof raw, 8, RS_COMPRESS_ALWAYS, false, &stored, &entry);
    if (!status) status = rs_codec_decompress(reader, &entry, stored, back, NULL);
    rs_codec_free(writer);
    rs_codec_free(reader);
    return status;
}

static void test_codec__every_failing_allocation_is_no_memory(void **state) {
    (void)state;
    seeded random = seeded_start();
    fill_numbers(&random);
    uint8_t *back = malloc(sizeof raw);
    long n = 1;
    for (resume_status status = RESUME_NO_MEMORY; status; n++) {
        alloc_fail_at(n, false);
        status = run_all(back);
        alloc_fail_at(0, false);
        assert_true(status == RESUME_OK || status == RESUME_NO_MEMORY);
        assert_true(n < 50);
    }
    assert_true(n > 8);
    assert_memory_equal(back, raw, sizeof raw);
    free(back);
}

static void test_codec__failures_of_zstd_are_told_apart(void **state) {
    (void)state;
    seeded random = seeded_start();
    fill_text(&random);
    rs_codec *codec = new_codec();
    const void *stored;
    rs_chunk_entry entry;
    for (size_t size = 1000; size <= sizeof raw; size += sizeof raw - 1000) {
        zstd_fail_with(ZSTD_error_GENERIC);
        assert_int_equal(compress(codec, size, 8, RS_COMPRESS_AUTO, false, &stored, &entry),
                         RESUME_CODEC);
        zstd_fail_with(ZSTD_error_memory_allocation);
        assert_int_equal(compress(codec, size, 1, RS_COMPRESS_AUTO, false, &stored, &entry),
                         RESUME_NO_MEMORY);
        zstd_fail_with(0);
    }
    assert_int_equal(compress(codec, 1000, 1, RS_COMPRESS_AUTO, false, &stored, &entry), RESUME_OK);
    uint8_t back[1000];
    zstd_fail_with(ZSTD_error_memory_allocation);
    assert_int_equal(rs_codec_decompress(codec, &entry, stored, back, NULL), RESUME_NO_MEMORY);
    zstd_fail_with(0);
    assert_int_equal(rs_codec_decompress(codec, &entry, stored, back, NULL), RESUME_OK);
    rs_codec_free(codec);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_codec__auto_rule),
        cmocka_unit_test(test_codec__raw_streak_ends_soon),
        cmocka_unit_test(test_codec__random_chunks_come_back),
        cmocka_unit_test(test_codec__raw_may_be_in_place),
        cmocka_unit_test(test_codec__every_flip_and_cut_of_stored_bytes_is_found),
        cmocka_unit_test(test_codec__wrong_sizes_never_write_beyond),
        cmocka_unit_test(test_codec__other_frames_are_refused),
        cmocka_unit_test(test_codec__impossible_sizes_are_misuse),
        cmocka_unit_test(test_codec__sixty_four_mebibytes),
        cmocka_unit_test(test_codec__every_failing_allocation_is_no_memory),
        cmocka_unit_test(test_codec__failures_of_zstd_are_told_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
