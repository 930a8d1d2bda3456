/* format/header.c: block 0 and the hints, whole, flipped and cut. */
#include "testing.h"

#include "base/bytes.h"
#include "damage.h"
#include "format/header.h"

static const rs_header example = {
    .major = 1,
    .minor = 0,
    .compatible = 0x8000000000000001,
    .uuid = {{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}},
    .chunk_size = RS_CHUNK_SIZE,
    .created_ns = INT64_C(1795000000123456789),
};

static resume_status decode(const uint8_t *bytes, size_t size) {
    rs_header header;
    rs_error error = {0};
    resume_status status = rs_header_decode(bytes, size, &header, &error);
    assert_int_equal(status, error.status);
    assert_true((status != RESUME_OK) == (error.text[0] != 0));
    static const char *const next[] = {"use another name", "move it away to start over",
                                       "install a newer resume"};
    bool is_told = status == RESUME_OK;
    for (size_t i = 0; i < sizeof next / sizeof *next; i++)
        is_told = is_told || strstr(error.text, next[i]);
    assert_true(is_told);
    return status;
}

/* The block with a changed header and a right checksum. */
static resume_status decode_sealed(rs_header header) {
    uint8_t block[RS_BLOCK_SIZE];
    rs_header_encode(&header, block);
    return decode(block, sizeof block);
}

static void test_header__comes_back(void **state) {
    (void)state;
    uint8_t block[RS_BLOCK_SIZE];
    rs_header header;
    rs_header_encode(&example, block);
    assert_memory_equal(block, "\x89RESUME\n", 8);
    assert_int_equal(rs_header_decode(block, sizeof block, &header, NULL), RESUME_OK);
    assert_int_equal(header.major, 1);
    assert_int_equal(header.minor, 0);
    assert_true(header.compatible == example.compatible);
    assert_true(header.incompatible == 0);
    assert_memory_equal(&header.uuid, &example.uuid, sizeof header.uuid);
    assert_int_equal(header.chunk_size, RS_CHUNK_SIZE);
    assert_true(header.created_ns == example.created_ns);
}

static void flip_is_found(const uint8_t *bytes, size_t size, size_t at, void *context) {
    (void)context;
    assert_int_equal(decode(bytes, size), at < 8 ? RESUME_NOT_A_CHECKPOINT : RESUME_DAMAGED);
}

static void test_header__every_flipped_bit_is_found(void **state) {
    (void)state;
    uint8_t block[RS_BLOCK_SIZE];
    rs_header_encode(&example, block);
    damage_flips(block, sizeof block, flip_is_found, NULL);
}

static void cut_is_found(const uint8_t *bytes, size_t size, size_t at, void *context) {
    (void)context;
    assert_int_equal(decode(bytes, size), at == 0 ? RESUME_NOT_A_CHECKPOINT : RESUME_TRUNCATED);
}

static void test_header__every_cut_is_found(void **state) {
    (void)state;
    uint8_t block[RS_BLOCK_SIZE];
    rs_header_encode(&example, block);
    damage_cuts(block, sizeof block, cut_is_found, NULL);
}

static void test_header__other_files_are_told_apart(void **state) {
    (void)state;
    static const struct {
        const char *bytes;
        size_t size;
        resume_status status;
    } files[] = {
        {"", 0, RESUME_NOT_A_CHECKPOINT},
        {"\x1f\x8b", 2, RESUME_LEGACY},
        {"\x1f\x8b\x08\0\0", 5, RESUME_LEGACY},
        {"\x1f", 1, RESUME_NOT_A_CHECKPOINT},
        {"\x1f\x8c\x08", 3, RESUME_NOT_A_CHECKPOINT},
        {"\x89PNG\r\n", 6, RESUME_NOT_A_CHECKPOINT},
        {"#!/bin/sh\n", 10, RESUME_NOT_A_CHECKPOINT},
        {"\x89", 1, RESUME_TRUNCATED},
    };
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++)
        assert_int_equal(decode((const uint8_t *)files[i].bytes, files[i].size), files[i].status);
}

static void test_header__newer_files_are_refused(void **state) {
    (void)state;
    rs_header header = example;
    header.minor = 7;
    assert_int_equal(decode_sealed(header), RESUME_OK);
    header.major = 2;
    assert_int_equal(decode_sealed(header), RESUME_UNSUPPORTED);
    header = example;
    for (unsigned bit = 0; bit < 64; bit++) {
        header.incompatible = UINT64_C(1) << bit;
        assert_int_equal(decode_sealed(header), RESUME_UNSUPPORTED);
    }
}

static void test_header__impossible_sizes_are_damage(void **state) {
    (void)state;
    static const uint32_t sizes[] = {0, 1, 2048, 4097, 262143, 128u << 20, UINT32_MAX};
    rs_header header = example;
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        header.chunk_size = sizes[i];
        assert_int_equal(decode_sealed(header), RESUME_DAMAGED);
    }
    header.chunk_size = 4096;
    assert_int_equal(decode_sealed(header), RESUME_OK);
    header.major = 0;
    assert_int_equal(decode_sealed(header), RESUME_DAMAGED);
    uint8_t block[RS_BLOCK_SIZE];
    rs_header_encode(&example, block);
    rs_store_u32(block + 52, 8192);
    rs_store_u64(block + 4088, rs_hash64(block, 4088, 0));
    assert_int_equal(decode(block, sizeof block), RESUME_DAMAGED);
}

static void hint_is_refused(const uint8_t *bytes, size_t size, size_t at, void *context) {
    (void)context;
    rs_hint hint;
    bool good = rs_hint_decode(bytes, size, RS_BLOCK_SIZE, &example.uuid, &hint);
    assert_int_equal(good, at >= 64); /* the rest of the block is not looked at */
}

static void test_hint__comes_back_only_at_its_place(void **state) {
    (void)state;
    uint8_t block[RS_BLOCK_SIZE];
    rs_hint hint, given = {.generation = 6, .commit_offset = 123456};
    assert_int_equal(rs_hint_offset(6), 4096);
    assert_int_equal(rs_hint_offset(7), 8192);
    rs_hint_encode(&given, &example.uuid, block);
    assert_true(rs_hint_decode(block, sizeof block, 4096, &example.uuid, &hint));
    assert_true(hint.generation == 6 && hint.commit_offset == 123456);
    assert_false(rs_hint_decode(block, sizeof block, 8192, &example.uuid, &hint));
    rs_uuid other = {{9}};
    assert_false(rs_hint_decode(block, sizeof block, 4096, &other, &hint));
    damage_flips(block, sizeof block, hint_is_refused, NULL);
    damage_cuts(block, sizeof block, hint_is_refused, NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_header__comes_back),
        cmocka_unit_test(test_header__every_flipped_bit_is_found),
        cmocka_unit_test(test_header__every_cut_is_found),
        cmocka_unit_test(test_header__other_files_are_told_apart),
        cmocka_unit_test(test_header__newer_files_are_refused),
        cmocka_unit_test(test_header__impossible_sizes_are_damage),
        cmocka_unit_test(test_hint__comes_back_only_at_its_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
