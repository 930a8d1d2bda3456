/* format/chunk.c: table entries whole and flipped, and what is zero. */
#include "testing.h"

#include "base/bytes.h"
#include "damage.h"
#include "format/chunk.h"
#include "seeded.h"

#include <string.h>

#define HASH                                                                                       \
    { UINT64_C(0x1122334455667788), UINT64_C(0x99aabbccddeeff00) }

static const rs_chunk_entry good[] = {
    {.offset = 12352, .stored_size = 100, .raw_size = 100, .coding = RS_CHUNK_RAW, .hash = HASH},
    {.offset = (UINT64_C(1) << 48) - 1,
     .stored_size = 99,
     .raw_size = 100,
     .coding = RS_CHUNK_ZSTD,
     .hash = HASH},
    {.offset = 8,
     .stored_size = 1,
     .raw_size = RS_CHUNK_RAW_SIZE_MAX,
     .coding = RS_CHUNK_ZSTD_SHUFFLE,
     .element_size = 16,
     .hash = HASH},
    {.raw_size = 262144, .coding = RS_CHUNK_ZERO},
};

static resume_status decode(const uint8_t *bytes, rs_chunk_entry *entry) {
    rs_error error = {0};
    resume_status status = rs_chunk_entry_decode(bytes, entry, &error);
    assert_int_equal(status, error.status);
    return status;
}

static void assert_entries_equal(const rs_chunk_entry *a, const rs_chunk_entry *b) {
    assert_true(a->offset == b->offset && rs_hash128_equal(a->hash, b->hash));
    assert_int_equal(a->stored_size, b->stored_size);
    assert_int_equal(a->raw_size, b->raw_size);
    assert_int_equal(a->coding, b->coding);
    assert_int_equal(a->element_size, b->element_size);
}

static void test_chunk_entry__comes_back(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        uint8_t bytes[RS_CHUNK_ENTRY_SIZE];
        rs_chunk_entry entry;
        rs_chunk_entry_encode(&good[i], bytes);
        assert_int_equal(decode(bytes, &entry), RESUME_OK);
        assert_entries_equal(&entry, &good[i]);
    }
    uint8_t bytes[RS_CHUNK_ENTRY_SIZE];
    rs_chunk_entry_encode(&good[2], bytes);
    static const uint8_t expected[RS_CHUNK_ENTRY_SIZE] = {
        8,    0,    0,    0,    0,    0,    2,    16,   1,    0,    0,
        0,    0,    0,    0,    4,    0x88, 0x77, 0x66, 0x55, 0x44, 0x33,
        0x22, 0x11, 0x00, 0xff, 0xee, 0xdd, 0xcc, 0xbb, 0xaa, 0x99};
    assert_memory_equal(bytes, expected, sizeof bytes);
}

static void test_chunk_entry__what_no_writer_makes_is_damage(void **state) {
    (void)state;
    static const struct {
        rs_chunk_entry entry;
        resume_status status;
    } rows[] = {
        {{.offset = 8, .stored_size = 1, .raw_size = 1, .coding = 5, .hash = HASH},
         RESUME_UNSUPPORTED},
        {{.offset = 8, .stored_size = 1, .raw_size = 1, .coding = 255}, RESUME_UNSUPPORTED},
        {{.offset = 8, .coding = RS_CHUNK_RAW}, RESUME_DAMAGED},
        {{.offset = 8, .stored_size = 1, .raw_size = 2}, RESUME_DAMAGED},
        {{.offset = 8, .stored_size = 2, .raw_size = 1}, RESUME_DAMAGED},
        {{.offset = 8,
          .stored_size = RS_CHUNK_RAW_SIZE_MAX + 1,
          .raw_size = RS_CHUNK_RAW_SIZE_MAX + 1},
         RESUME_DAMAGED},
        {{.offset = 8, .stored_size = 1, .raw_size = 1, .element_size = 8}, RESUME_DAMAGED},
        {{.offset = 8, .stored_size = 0, .raw_size = 5, .coding = RS_CHUNK_ZSTD}, RESUME_DAMAGED},
        {{.offset = 8, .stored_size = 6, .raw_size = 5, .coding = RS_CHUNK_ZSTD}, RESUME_DAMAGED},
        {{.offset = 8, .stored_size = 4, .raw_size = 5, .coding = RS_CHUNK_ZSTD, .element_size = 1},
         RESUME_DAMAGED},
        {{.offset = 8, .stored_size = 4, .raw_size = 5, .coding = RS_CHUNK_ZSTD_SHUFFLE},
         RESUME_DAMAGED},
        {{.offset = 8,
          .stored_size = 4,
          .raw_size = 5,
          .coding = RS_CHUNK_ZSTD_SHUFFLE,
          .element_size = 3},
         RESUME_DAMAGED},
        {{.offset = 8,
          .stored_size = 4,
          .raw_size = 5,
          .coding = RS_CHUNK_ZSTD_SHUFFLE,
          .element_size = 32},
         RESUME_DAMAGED},
        {{.offset = 8, .raw_size = 5, .coding = RS_CHUNK_ZERO}, RESUME_DAMAGED},
        {{.stored_size = 5, .raw_size = 5, .coding = RS_CHUNK_ZERO}, RESUME_DAMAGED},
        {{.raw_size = 5, .coding = RS_CHUNK_ZERO, .hash = {1, 0}}, RESUME_DAMAGED},
        {{.raw_size = 5, .coding = RS_CHUNK_ZERO, .hash = {0, 1}}, RESUME_DAMAGED},
        {{.raw_size = 0, .coding = RS_CHUNK_ZERO}, RESUME_DAMAGED},
#define PATCHED(raw, stored, extents)                                                              \
    .offset = 8, .coding = RS_CHUNK_PATCHED, .raw_size = (raw), .stored_size = (stored),           \
    .element_size = (extents)
        {{PATCHED(RS_PAGE_SIZE, 9, 1)}, RESUME_DAMAGED},
        {{PATCHED(RS_PAGE_SIZE + 1, 9, 1)}, RESUME_OK},
        {{PATCHED(RS_PAGE_SIZE + 1, 9, 0)}, RESUME_DAMAGED},
        {{PATCHED(RS_PAGE_SIZE + 1, 0, 1)}, RESUME_DAMAGED},
        {{PATCHED(9000, 18000, 1)}, RESUME_OK},
        {{PATCHED(9000, 18001, 1)}, RESUME_DAMAGED},
        {{PATCHED(255 * RS_PAGE_SIZE, 9, 255)}, RESUME_OK},
        {{PATCHED(255 * RS_PAGE_SIZE + 1, 9, 255)}, RESUME_DAMAGED},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint8_t bytes[RS_CHUNK_ENTRY_SIZE];
        rs_chunk_entry entry;
        rs_chunk_entry_encode(&rows[i].entry, bytes);
        assert_int_equal(decode(bytes, &entry), rows[i].status);
    }
}

/* A flip gives an error or an entry that is coded as just those bytes. */
static void flip_is_exact(const uint8_t *bytes, size_t size, size_t at, void *context) {
    (void)at, (void)context;
    rs_chunk_entry entry;
    uint8_t again[RS_CHUNK_ENTRY_SIZE];
    if (decode(bytes, &entry)) return;
    rs_chunk_entry_encode(&entry, again);
    assert_memory_equal(again, bytes, size);
}

static void test_chunk_entry__nothing_is_ignored(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        uint8_t bytes[RS_CHUNK_ENTRY_SIZE];
        rs_chunk_entry_encode(&good[i], bytes);
        damage_flips(bytes, sizeof bytes, flip_is_exact, NULL);
    }
}

static void test_chunk__zero_means_every_byte(void **state) {
    (void)state;
    static uint8_t bytes[300];
    assert_true(rs_chunk_is_zero(bytes, 0));
    for (size_t size = 1; size < sizeof bytes; size++) {
        assert_true(rs_chunk_is_zero(bytes, size));
        for (size_t at = 0; at < size; at++) {
            bytes[at] = 1;
            assert_false(rs_chunk_is_zero(bytes, size));
            bytes[at] = 0;
        }
        bytes[size] = 1; /* behind the chunk */
        assert_true(rs_chunk_is_zero(bytes, size));
        bytes[size] = 0;
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_chunk_entry__comes_back),
        cmocka_unit_test(test_chunk_entry__what_no_writer_makes_is_damage),
        cmocka_unit_test(test_chunk_entry__nothing_is_ignored),
        cmocka_unit_test(test_chunk__zero_means_every_byte),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
