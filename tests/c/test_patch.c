/* format/patch.c: records of chunks that are stored as pages over a base. */
#include "testing.h"

#include "format/header.h"
#include "format/patch.h"
#include "seeded.h"

#define RAW_SIZE (64u * RS_PAGE_SIZE)
#define RECORD   (UINT64_C(1) << 30) /* its offset */

static rs_chunk_entry base_at(uint64_t offset, uint32_t raw_size) {
    return (rs_chunk_entry){.offset = offset, .raw_size = raw_size, .stored_size = raw_size};
}

/* A record of these words; the entry says that it takes `stored` bytes. */
static resume_status decoded(const uint64_t *words, size_t count, uint32_t raw_size,
                             uint32_t stored) {
    static rs_patch patch;
    uint8_t record[RS_PATCH_SIZE_MAX];
    rs_error error = {0};
    rs_chunk_entry entry = {.coding = RS_CHUNK_PATCHED,
                            .element_size = (uint8_t)(count - 1),
                            .offset = RECORD,
                            .stored_size = stored,
                            .raw_size = raw_size};
    for (size_t i = 0; i < count; i++)
        rs_store_u64(record + 8 * i, words[i]);
    resume_status status = rs_patch_decode(record, &entry, &patch, &error);
    if (status) assert_true(error.text[0] != 0 && error.status == status);
    return status;
}

static uint64_t word(uint64_t offset, unsigned first, unsigned count) {
    return offset | (uint64_t)first << 48 | (uint64_t)count << 56;
}

static void test_patch__what_is_encoded_is_decoded(void **state) {
    (void)state;
    seeded random = seeded_start();
    for (int round = 0; round < 2000; round++) {
        rs_patch patch, back;
        rs_buffer record = {0};
        uint32_t raw_size = (uint32_t)seeded_below(&random, 254 * RS_PAGE_SIZE) + RS_PAGE_SIZE + 1;
        rs_chunk_entry base = base_at(RS_SEGMENTS_START + seeded_below(&random, 1000), raw_size);
        rs_chunk_entry entry = {.offset = RECORD, .raw_size = raw_size, .hash = {7, 8}};
        size_t count = rs_page_count(raw_size);
        if (seeded_below(&random, 2)) {
            base.coding = RS_CHUNK_ZSTD_SHUFFLE;
            base.element_size = 8;
            base.stored_size = (uint32_t)seeded_below(&random, raw_size) + 1;
        }
        rs_patch_begin(&base, &patch);
        uint64_t place = RS_SEGMENTS_START + seeded_below(&random, 1u << 20);
        for (size_t i = 0; i < count; i++) {
            bool breaks = seeded_below(&random, 4) == 0;
            place += breaks ? seeded_below(&random, 100) : 0;
            if (seeded_below(&random, 2)) patch.places[i] = place;
            place += RS_PAGE_SIZE;
        }
        patch.places[seeded_below(&random, count)] = place;
        rs_patch_encode(&patch, &entry, &record);
        assert_false(record.failed);
        assert_int_equal(record.size, rs_chunk_size_in_file(&entry));
        assert_true(rs_chunk_entry_is_allowed(&entry));
        assert_int_equal(rs_patch_decode(record.bytes, &entry, &back, NULL), RESUME_OK);
        assert_memory_equal(back.places, patch.places, count * sizeof patch.places[0]);
        assert_true(back.base.offset == base.offset && back.base.coding == base.coding);
        assert_int_equal(back.base.element_size, base.element_size);
        assert_int_equal(back.base.stored_size, base.stored_size);
        assert_int_equal(back.base.raw_size, raw_size);
        rs_buffer_release(&record);
    }
}

static void test_patch__neighbours_are_one_extent(void **state) {
    (void)state;
    rs_patch patch;
    rs_buffer record = {0};
    rs_chunk_entry base = base_at(RS_SEGMENTS_START, 3 * RS_PAGE_SIZE + 5);
    rs_chunk_entry entry = {.offset = RECORD, .raw_size = base.raw_size};
    rs_patch_begin(&base, &patch);
    patch.places[1] = 500000;
    patch.places[2] = 500000 + RS_PAGE_SIZE;
    patch.places[3] = 500000 + 2 * RS_PAGE_SIZE;
    assert_int_equal(rs_patch_run(&patch, 1), 3);
    rs_patch_encode(&patch, &entry, &record);
    assert_int_equal(entry.element_size, 1);
    assert_int_equal(entry.stored_size, base.raw_size + 2 * RS_PAGE_SIZE + 5);
    assert_true(rs_load_u64(record.bytes + 8) == word(500000, 1, 3));
    rs_buffer_release(&record);
}

static void test_patch__the_last_page_may_be_short(void **state) {
    (void)state;
    assert_int_equal(rs_page_size(RS_PAGE_SIZE + 1, 0), RS_PAGE_SIZE);
    assert_int_equal(rs_page_size(RS_PAGE_SIZE + 1, 1), 1);
    assert_int_equal(rs_page_size(2 * RS_PAGE_SIZE, 1), RS_PAGE_SIZE);
}

static void test_patch__hostile_records_are_refused(void **state) {
    (void)state;
    const uint64_t base = RS_SEGMENTS_START, good = word(base, 1, 1);
    const uint32_t one = RAW_SIZE + RS_PAGE_SIZE, two = one + RS_PAGE_SIZE;
    const struct {
        const char *what;
        uint64_t words[3];
        size_t count;
        uint32_t stored;
        resume_status status;
    } cases[] = {
        {"good", {base, good}, 2, one, RESUME_OK},
        {"right before the record", {base, word(RECORD - RS_PAGE_SIZE, 1, 1)}, 2, one, RESUME_OK},
        {"two", {base, good, word(base, 2, 1)}, 3, two, RESUME_OK},
        {"no pages", {base, word(base, 1, 0)}, 2, one, RESUME_DAMAGED},
        {"beyond the chunk", {base, word(base, 63, 2)}, 2, two, RESUME_DAMAGED},
        {"far beyond", {base, word(base, 255, 1)}, 2, one, RESUME_DAMAGED},
        {"overlapping", {base, word(base, 0, 2), good}, 3, two + RS_PAGE_SIZE, RESUME_DAMAGED},
        {"falling", {base, word(base, 2, 1), good}, 3, two, RESUME_DAMAGED},
        {"twice", {base, good, good}, 3, two, RESUME_DAMAGED},
        {"in the hints", {base, word(base - 1, 1, 1)}, 2, one, RESUME_DAMAGED},
        {"behind the record", {base, word(RECORD, 1, 1)}, 2, one, RESUME_DAMAGED},
        {"into the record", {base, word(RECORD - 4095, 1, 1)}, 2, one, RESUME_DAMAGED},
        {"at the end", {base, word((UINT64_C(1) << 48) - 1, 1, 1)}, 2, one, RESUME_DAMAGED},
        {"more than is stored", {base, good}, 2, RS_PAGE_SIZE - 1, RESUME_DAMAGED},
        {"nothing left for the base", {base, good}, 2, RS_PAGE_SIZE, RESUME_DAMAGED},
        {"a wrong rest", {base, good}, 2, one + 1, RESUME_DAMAGED},
        {"a base in the hints", {base - 1, good}, 2, one, RESUME_DAMAGED},
        {"a base behind", {RECORD - RAW_SIZE + 1, good}, 2, one, RESUME_DAMAGED},
        {"a patched base", {base | UINT64_C(4) << 48, good}, 2, one, RESUME_DAMAGED},
        {"a base of zeros", {base | UINT64_C(3) << 48, good}, 2, one, RESUME_DAMAGED},
        {"a base with elements", {base | UINT64_C(1) << 56, good}, 2, one, RESUME_DAMAGED},
        {"a shuffled base", {base | UINT64_C(0x0802) << 48, good}, 2, one, RESUME_OK},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        resume_status status = decoded(cases[i].words, cases[i].count, RAW_SIZE, cases[i].stored);
        if (status != cases[i].status) fail_msg("%s: %d", cases[i].what, (int)status);
    }
}

static void test_patch__random_records_never_lead_outside(void **state) {
    (void)state;
    seeded random = seeded_start();
    for (int round = 0; round < 20000; round++) {
        uint64_t words[4];
        for (size_t i = 0; i < 4; i++)
            words[i] = word(seeded_below(&random, 2 * RECORD), (unsigned)seeded_below(&random, 9),
                            (unsigned)seeded_below(&random, 9));
        decoded(words, 4, (uint32_t)seeded_below(&random, 12 * RS_PAGE_SIZE) + RS_PAGE_SIZE + 1,
                (uint32_t)seeded_below(&random, 24 * RS_PAGE_SIZE) + 1);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_patch__what_is_encoded_is_decoded),
        cmocka_unit_test(test_patch__neighbours_are_one_extent),
        cmocka_unit_test(test_patch__the_last_page_may_be_short),
        cmocka_unit_test(test_patch__hostile_records_are_refused),
        cmocka_unit_test(test_patch__random_records_never_lead_outside),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
