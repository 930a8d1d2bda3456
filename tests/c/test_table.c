/* format/table.c: full tables come back; whatever does not add up is refused. */
#include "testing.h"

#include "alloc_fail.h"
#include "damage.h"
#include "random_table.h"

static resume_status decode(const uint8_t *bytes, size_t size, rs_table *table) {
    rs_error error = {0};
    resume_status status =
        rs_table_decode((rs_slice){bytes, size}, TABLE_CHUNK_SIZE, TABLE_FILE_SIZE, table, &error);
    assert_int_equal(status, error.status);
    assert_true((status != RESUME_OK) == (error.text[0] != 0));
    if (status) assert_true(!table->blobs && !table->entries && !table->entry_count);
    return status;
}

/* Encodes and decodes. */
static resume_status decode_again(const rs_table *table) {
    rs_buffer payload = {0};
    rs_table back;
    rs_table_encode(table, &payload);
    resume_status status = decode(payload.bytes, payload.size, &back);
    rs_table_release(&back);
    rs_buffer_release(&payload);
    return status;
}

static void test_table__random_tables_come_back(void **state) {
    (void)state;
    seeded random = seeded_start();
    for (int round = 0; round < 300; round++) {
        rs_table table = random_table(&random, 20, 9), back;
        rs_buffer payload = {0};
        rs_table_encode(&table, &payload);
        assert_int_equal(payload.size, 16 + 16 * table.blob_count + 32 * table.entry_count);
        assert_int_equal(decode(payload.bytes, payload.size, &back), RESUME_OK);
        assert_tables_equal(&table, &back);
        rs_buffer_release(&payload);
        rs_table_release(&table);
        rs_table_release(&back);
    }
}

static void cut_is_found(const uint8_t *bytes, size_t size, size_t at, void *context) {
    (void)at, (void)context;
    rs_table table;
    assert_int_equal(decode(bytes, size, &table), RESUME_DAMAGED);
}

/* Accepted only as a table that is coded as just those bytes. */
static void flip_is_exact(const uint8_t *bytes, size_t size, size_t at, void *context) {
    (void)at, (void)context;
    rs_table table;
    rs_buffer again = {0};
    if (decode(bytes, size, &table)) return;
    rs_table_encode(&table, &again);
    assert_int_equal(again.size, size);
    assert_memory_equal(again.bytes, bytes, size);
    rs_buffer_release(&again);
    rs_table_release(&table);
}

static void test_table__damage_is_found(void **state) {
    (void)state;
    seeded random = seeded_start();
    rs_table table = random_table(&random, 6, 6);
    rs_buffer payload = {0};
    rs_table_encode(&table, &payload);
    damage_cuts(payload.bytes, payload.size, cut_is_found, NULL);
    damage_flips(payload.bytes, payload.size, flip_is_exact, NULL);
    rs_buffer_append_zeros(&payload, 16);
    cut_is_found(payload.bytes, payload.size, 0, NULL);
    rs_buffer_release(&payload);
    rs_table_release(&table);
}

/* One blob of 10,000 bytes in three raw chunks. */
typedef struct small {
    rs_blob_entry blob;
    rs_chunk_entry entries[3];
    rs_table table;
} small;

static void make_small(small *s) {
    *s = (small){.blob = {.size = 10000, .element_size = 8}};
    for (unsigned i = 0; i < 3; i++) {
        uint32_t size = i < 2 ? 4096 : 10000 - 8192;
        s->entries[i] =
            (rs_chunk_entry){.offset = 12352 + 4096 * i, .stored_size = size, .raw_size = size};
    }
    s->table = (rs_table){&s->blob, 1, s->entries, 3};
}

static void test_table__chunks_must_be_what_the_blobs_need(void **state) {
    (void)state;
    small s;
    make_small(&s);
    assert_int_equal(decode_again(&s.table), RESUME_OK);
    s.blob.size = 10001;
    assert_int_equal(decode_again(&s.table), RESUME_DAMAGED);
    s.blob.size = 12289; /* four chunks */
    assert_int_equal(decode_again(&s.table), RESUME_DAMAGED);
    s.blob.size = 8192; /* two */
    assert_int_equal(decode_again(&s.table), RESUME_DAMAGED);
    s.blob.size = UINT64_MAX;
    assert_int_equal(decode_again(&s.table), RESUME_DAMAGED);
    s.blob.size = 10000;
    s.table.blob_count = 0;
    assert_int_equal(decode_again(&s.table), RESUME_DAMAGED);
    make_small(&s);
    rs_chunk_entry last = s.entries[2]; /* the short one must be the last */
    s.entries[2] = s.entries[0];
    s.entries[0] = last;
    assert_int_equal(decode_again(&s.table), RESUME_DAMAGED);
    make_small(&s);
    s.entries[1].coding = 77;
    assert_int_equal(decode_again(&s.table), RESUME_UNSUPPORTED);
}

static void test_table__chunks_must_lie_in_the_file(void **state) {
    (void)state;
    static const struct {
        uint64_t offset;
        resume_status status;
    } rows[] = {{RS_SEGMENTS_START, RESUME_OK},
                {RS_SEGMENTS_START - 1, RESUME_DAMAGED},
                {0, RESUME_DAMAGED},
                {TABLE_FILE_SIZE - 4096, RESUME_OK},
                {TABLE_FILE_SIZE - 4095, RESUME_DAMAGED},
                {TABLE_FILE_SIZE, RESUME_DAMAGED},
                {(UINT64_C(1) << 48) - 1, RESUME_DAMAGED}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        small s;
        make_small(&s);
        s.entries[1].offset = rows[i].offset;
        assert_int_equal(decode_again(&s.table), rows[i].status);
    }
}

static void test_table__unknown_blob_flags_are_unsupported(void **state) {
    (void)state;
    small s;
    make_small(&s);
    rs_buffer payload = {0};
    rs_table table;
    rs_table_encode(&s.table, &payload);
    rs_store_u32(payload.bytes + 16 + 12, 1);
    assert_int_equal(decode(payload.bytes, payload.size, &table), RESUME_UNSUPPORTED);
    rs_buffer_release(&payload);
}

static void test_table__declared_counts_allocate_nothing(void **state) {
    (void)state;
    static const uint64_t counts[] = {
        1, 1000000, UINT64_C(1) << 59, UINT64_C(1) << 60, (UINT64_C(1) << 60) + 1, UINT64_MAX};
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        for (size_t at = 0; at < 16; at += 8) {
            uint8_t head[16] = {0};
            rs_table table;
            rs_store_u64(head + at, counts[i]);
            alloc_fail_at(0, false);
            long before = alloc_fail_count();
            assert_int_equal(decode(head, sizeof head, &table), RESUME_DAMAGED);
            assert_int_equal(alloc_fail_count(), before);
        }
    }
}

static void test_table__every_failing_allocation_is_no_memory(void **state) {
    (void)state;
    small s;
    make_small(&s);
    rs_buffer payload = {0};
    rs_table_encode(&s.table, &payload);
    resume_status status = RESUME_NO_MEMORY;
    long n = 1;
    for (; status; n++) {
        rs_table table;
        alloc_fail_at(n, false);
        status = decode(payload.bytes, payload.size, &table);
        alloc_fail_at(0, false);
        assert_true(status == RESUME_OK || status == RESUME_NO_MEMORY);
        rs_table_release(&table);
    }
    assert_int_equal(n, 4); /* blobs, entries, none */
    rs_buffer_release(&payload);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table__random_tables_come_back),
        cmocka_unit_test(test_table__damage_is_found),
        cmocka_unit_test(test_table__chunks_must_be_what_the_blobs_need),
        cmocka_unit_test(test_table__chunks_must_lie_in_the_file),
        cmocka_unit_test(test_table__unknown_blob_flags_are_unsupported),
        cmocka_unit_test(test_table__declared_counts_allocate_nothing),
        cmocka_unit_test(test_table__every_failing_allocation_is_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
