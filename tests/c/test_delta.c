/* format/delta.c: a table comes back from its base and the difference; hostile ones are refused. */
#include "testing.h"

#include "alloc_fail.h"
#include "damage.h"
#include "random_table.h"

static const rs_delta_info info = {.base_segment = 40960, .depth = 3};

static resume_status decode(const uint8_t *bytes, size_t size, const rs_table *base,
                            rs_table *table) {
    rs_error error = {0};
    resume_status status = rs_delta_decode((rs_slice){bytes, size}, base, TABLE_CHUNK_SIZE,
                                           TABLE_FILE_SIZE, table, &error);
    assert_int_equal(status, error.status);
    if (status) assert_true(!table->blobs && !table->entries && !table->entry_count);
    return status;
}

/* A copy with some entries changed, and blobs grown, cut, put in and taken out. */
static rs_table change(seeded *random, const rs_table *base) {
    rs_table other = random_table(random, 3, 5);
    rs_table table = {0};
    table.blobs = calloc((size_t)(base->blob_count + other.blob_count) + 1, sizeof *table.blobs);
    table.entries =
        calloc((size_t)(base->entry_count + other.entry_count) + 1, sizeof *table.entries);
    uint64_t from_other = 0;
    for (uint64_t b = 0; b < base->blob_count; b++) {
        bool put_in = from_other < other.blob_count && seeded_below(random, 4) == 0;
        if (!put_in && seeded_below(random, 5) == 0) continue;
        const rs_table *from = put_in ? &other : base;
        rs_blob_entry blob = from->blobs[put_in ? from_other++ : b];
        if (!put_in && blob.chunk_count > 1 && seeded_below(random, 4) == 0) {
            blob.chunk_count--; /* cut off its last chunk */
            blob.size = blob.chunk_count * TABLE_CHUNK_SIZE;
        }
        table.blobs[table.blob_count++] = blob;
        memcpy(table.entries + table.entry_count, from->entries + blob.first_chunk,
               (size_t)blob.chunk_count * sizeof *table.entries);
        table.entry_count += blob.chunk_count;
    }
    for (uint64_t i = 0; i < table.entry_count; i++)
        if (seeded_below(random, 8) == 0)
            table.entries[i] = random_entry(random, table.entries[i].raw_size);
    assert_true(rs_table_lay_out(&table, TABLE_CHUNK_SIZE));
    rs_table_release(&other);
    return table;
}

static void test_delta__random_changes_come_back(void **state) {
    (void)state;
    seeded random = seeded_start();
    for (int round = 0; round < 500; round++) {
        rs_table base = random_table(&random, 10, 9);
        rs_table table = round % 10 ? change(&random, &base) : random_table(&random, 5, 5);
        rs_table back;
        rs_buffer payload = {0};
        rs_buffer_append(&payload, "before", 6); /* may stand behind something */
        rs_delta_encode(&base, &table, info, &payload);
        rs_delta_info seen;
        rs_slice slice = {payload.bytes + 6, payload.size - 6};
        assert_int_equal(rs_delta_info_decode(slice, &seen, NULL), RESUME_OK);
        assert_true(seen.base_segment == info.base_segment && seen.depth == info.depth);
        assert_int_equal(decode(payload.bytes + 6, payload.size - 6, &base, &back), RESUME_OK);
        assert_tables_equal(&table, &back);
        rs_buffer_release(&payload);
        rs_table_release(&base);
        rs_table_release(&table);
        rs_table_release(&back);
    }
}

/* One blob of `count` whole chunks. */
static rs_table straight_table(seeded *random, uint64_t count) {
    rs_table table = {.blob_count = 1, .entry_count = count};
    table.blobs = calloc(1, sizeof *table.blobs);
    table.entries = calloc((size_t)count + 1, sizeof *table.entries);
    table.blobs[0].size = count * TABLE_CHUNK_SIZE;
    for (uint64_t i = 0; i < count; i++)
        table.entries[i] = random_entry(random, TABLE_CHUNK_SIZE);
    assert_true(rs_table_lay_out(&table, TABLE_CHUNK_SIZE));
    return table;
}

static void test_delta__size_follows_the_change(void **state) {
    (void)state;
    seeded random = seeded_start();
    rs_table base = straight_table(&random, 1000), table = straight_table(&random, 1000);
    memcpy(table.entries, base.entries, 1000 * sizeof *table.entries);
    rs_buffer payload = {0};
    rs_delta_encode(&base, &table, info, &payload);
    assert_int_equal(payload.size, 48 + 16 + 16); /* one copy */
    rs_buffer_clear(&payload);
    table.entries[500].offset = 99999;
    table.entries[500].stored_size = table.entries[500].raw_size;
    table.entries[500].coding = RS_CHUNK_RAW;
    table.entries[500].element_size = 0;
    rs_delta_encode(&base, &table, info, &payload);
    assert_int_equal(payload.size, 48 + 16 + 3 * 16 + 32);
    rs_buffer_release(&payload);
    rs_table_release(&base);
    rs_table_release(&table);
}

typedef struct made {
    rs_table base, table;
    rs_buffer payload;
} made;

static void cut_is_found(const uint8_t *bytes, size_t size, size_t at, void *context) {
    (void)at;
    made *m = context;
    rs_table table;
    assert_int_equal(decode(bytes, size, &m->base, &table), RESUME_DAMAGED);
}

/* A flip may give another table, but a valid one, no larger than base and literals. */
static void flip_stays_valid(const uint8_t *bytes, size_t size, size_t at, void *context) {
    (void)at;
    made *m = context;
    rs_table table;
    if (decode(bytes, size, &m->base, &table)) return;
    assert_true(table.entry_count <= m->base.entry_count + size / 32);
    uint64_t next = 0;
    for (uint64_t i = 0; i < table.blob_count; i++) {
        assert_int_equal(table.blobs[i].first_chunk, next);
        next += table.blobs[i].chunk_count;
    }
    assert_int_equal(next, table.entry_count);
    rs_table_release(&table);
}

static void test_delta__damage_is_found_or_valid(void **state) {
    (void)state;
    seeded random = seeded_start();
    made m = {.base = random_table(&random, 8, 8)};
    m.table = change(&random, &m.base);
    rs_delta_encode(&m.base, &m.table, info, &m.payload);
    damage_cuts(m.payload.bytes, m.payload.size, cut_is_found, &m);
    damage_flips(m.payload.bytes, m.payload.size, flip_stays_valid, &m);
    rs_buffer_release(&m.payload);
    rs_table_release(&m.base);
    rs_table_release(&m.table);
}

static void test_delta__info_that_no_writer_makes_is_damage(void **state) {
    (void)state;
    static const rs_delta_info bad[] = {{40960, 0}, {40960, 9}, {40960, UINT32_MAX},
                                        {0, 1},     {8192, 1},  {40961, 1}};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        rs_buffer payload = {0};
        rs_table empty = {0}, table;
        rs_delta_info seen;
        rs_delta_encode(&empty, &empty, bad[i], &payload);
        rs_slice slice = {payload.bytes, payload.size};
        assert_int_equal(rs_delta_info_decode(slice, &seen, NULL), RESUME_DAMAGED);
        assert_int_equal(decode(payload.bytes, payload.size, &empty, &table), RESUME_DAMAGED);
        rs_buffer_release(&payload);
    }
}

/* What a delta says about its base. */
static uint32_t check_of(const rs_table *base) {
    rs_buffer payload = {0};
    rs_delta_encode(base, base, info, &payload);
    uint32_t check = rs_load_u32(payload.bytes + 12);
    rs_buffer_release(&payload);
    return check;
}

static void test_delta__another_base_is_refused(void **state) {
    (void)state;
    seeded random = {1};
    rs_table base = straight_table(&random, 10), table;
    rs_buffer payload = {0};
    rs_delta_encode(&base, &base, info, &payload);
    assert_int_equal(decode(payload.bytes, payload.size, &base, &table), RESUME_OK);
    rs_table_release(&table);
    base.entries[9].hash.high ^= 1;
    assert_int_equal(decode(payload.bytes, payload.size, &base, &table), RESUME_DAMAGED);
    rs_buffer_release(&payload);
    rs_table_release(&base);
}

/* A delta with these operations over a base of ten chunks, for one blob of `count` chunks. */
static resume_status decode_operations(const uint64_t (*operations)[2], size_t operation_count,
                                       uint64_t count, uint64_t literals) {
    seeded random = {1};
    rs_table base = straight_table(&random, 10), table;
    uint8_t bytes[48 + 16 + 8 * 16 + 4 * 32] = {0};
    size_t size = 48;
    rs_store_u64(bytes, 40960);
    rs_store_u32(bytes + 8, 1);
    rs_store_u32(bytes + 12, check_of(&base));
    rs_store_u64(bytes + 16, 1);
    rs_store_u64(bytes + 24, count);
    rs_store_u64(bytes + 32, operation_count);
    rs_store_u64(bytes + 40, literals);
    rs_store_u64(bytes + size, count * TABLE_CHUNK_SIZE);
    size += 16;
    for (size_t i = 0; i < operation_count; i++, size += 16) {
        rs_store_u64(bytes + size, operations[i][0]);
        rs_store_u64(bytes + size + 8, operations[i][1]);
    }
    for (uint64_t i = 0; i < literals; i++, size += 32)
        rs_chunk_entry_encode(&base.entries[i], bytes + size);
    resume_status status = decode(bytes, size, &base, &table);
    rs_table_release(&base);
    rs_table_release(&table);
    return status;
}

static void test_delta__operations_must_add_up(void **state) {
    (void)state;
#define LITERAL UINT64_MAX
    static const struct {
        uint64_t operations[4][2];
        size_t operation_count;
        uint64_t count, literals;
        resume_status status;
    } rows[] = {
        {{{0, 10}}, 1, 10, 0, RESUME_OK},
        {{{LITERAL, 2}, {3, 7}, {LITERAL, 1}}, 3, 10, 3, RESUME_OK},
        {{{0, 0}}, 0, 0, 0, RESUME_OK},
        {{{0, 11}}, 1, 11, 0, RESUME_DAMAGED}, /* beyond the base */
        {{{10, 1}}, 1, 1, 0, RESUME_DAMAGED},
        {{{11, 1}}, 1, 1, 0, RESUME_DAMAGED},
        {{{UINT64_MAX - 1, 1}}, 1, 1, 0, RESUME_DAMAGED},
        {{{5, UINT64_MAX}}, 1, 10, 0, RESUME_DAMAGED},
        {{{0, 10}}, 1, 9, 0, RESUME_DAMAGED},           /* more than declared */
        {{{0, 10}}, 1, 11, 0, RESUME_DAMAGED},          /* fewer */
        {{{0, 10}, {0, 10}}, 2, 20, 0, RESUME_DAMAGED}, /* backwards: would unfold */
        {{{0, 5}, {4, 5}}, 2, 10, 0, RESUME_DAMAGED},
        {{{0, 10}, {10, 0}}, 2, 10, 0, RESUME_DAMAGED}, /* an empty one */
        {{{LITERAL, 3}}, 1, 3, 2, RESUME_DAMAGED},      /* more literals than there are */
        {{{LITERAL, 1}}, 1, 1, 2, RESUME_DAMAGED},      /* fewer */
        {{{LITERAL, UINT64_MAX}}, 1, UINT64_MAX, 1, RESUME_DAMAGED},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_int_equal(decode_operations(rows[i].operations, rows[i].operation_count,
                                           rows[i].count, rows[i].literals),
                         rows[i].status);
}

static void test_delta__declared_counts_allocate_nothing(void **state) {
    (void)state;
    static const uint64_t counts[] = {1, UINT64_C(1) << 40, UINT64_C(1) << 60, UINT64_MAX};
    rs_table base = {0}, table;
    for (size_t i = 0; i < 4; i++) {
        for (size_t at = 16; at < 48; at += 8) {
            uint8_t head[48] = {0};
            rs_store_u64(head, 40960);
            rs_store_u32(head + 8, 1);
            rs_store_u64(head + at, counts[i]);
            alloc_fail_at(0, false);
            long before = alloc_fail_count();
            assert_int_equal(decode(head, sizeof head, &base, &table), RESUME_DAMAGED);
            assert_int_equal(alloc_fail_count(), before);
        }
    }
}

static void test_delta__every_failing_allocation_is_no_memory(void **state) {
    (void)state;
    seeded random = {7};
    rs_table base = straight_table(&random, 100), table = straight_table(&random, 100);
    memcpy(table.entries + 10, base.entries + 10, 5 * sizeof *base.entries); /* and some copies */
    bool failed = true;
    for (long n = 1; failed; n++) {
        rs_buffer payload = {0};
        rs_table back = {0};
        resume_status status = RESUME_OK;
        alloc_fail_at(n, true);
        rs_delta_encode(&base, &table, info, &payload);
        if (!payload.failed) status = decode(payload.bytes, payload.size, &base, &back);
        alloc_fail_at(0, false);
        failed = payload.failed || status;
        assert_true(status == RESUME_OK || status == RESUME_NO_MEMORY);
        rs_buffer_release(&payload);
        rs_table_release(&back);
        assert_true(n < 50);
    }
    rs_table_release(&base);
    rs_table_release(&table);
}

/* An entry that differs from its base in one field alone, in any, comes back as it is. */
static void test_delta__every_field_of_an_entry_counts(void **state) {
    (void)state;
    seeded random = {11};
    for (int field = 0; field < 6; field++) {
        rs_table base = straight_table(&random, 3), table = {0}, back;
        const rs_chunk_entry entry = {.offset = 65536,
                                      .raw_size = TABLE_CHUNK_SIZE,
                                      .stored_size = 100,
                                      .coding = RS_CHUNK_ZSTD_SHUFFLE,
                                      .element_size = 4,
                                      .hash = {1, 2}};
        for (uint64_t i = 0; i < base.entry_count; i++)
            base.entries[i] = entry;
        rs_table_release(&table);
        table = straight_table(&random, 3);
        for (uint64_t i = 0; i < table.entry_count; i++)
            table.entries[i] = entry;
        rs_chunk_entry *last = &table.entries[table.entry_count - 1];
        if (field == 0) last->offset++;
        if (field == 1) last->stored_size++;
        if (field == 2) last->raw_size = TABLE_CHUNK_SIZE - 1;
        if (field == 2) table.blobs[table.blob_count - 1].size--;
        if (field == 3) last->coding = RS_CHUNK_ZSTD;
        if (field == 3) last->element_size = 0;
        if (field == 4) last->element_size = 8;
        if (field == 5) last->hash.high++;
        rs_buffer payload = {0};
        rs_delta_encode(&base, &table, info, &payload);
        assert_int_equal(decode(payload.bytes, payload.size, &base, &back), RESUME_OK);
        assert_tables_equal(&table, &back);
        rs_buffer_release(&payload);
        rs_table_release(&base);
        rs_table_release(&table);
        rs_table_release(&back);
    }
}

/* The last entry, that is given in full, is one that no writer makes. */
static void test_delta__a_bad_entry_is_refused(void **state) {
    (void)state;
    seeded random = {13};
    rs_table base = straight_table(&random, 2), table = straight_table(&random, 3), back;
    rs_buffer payload = {0};
    rs_delta_encode(&base, &table, info, &payload);
    memset(payload.bytes + payload.size - RS_CHUNK_ENTRY_SIZE, 0xFF, RS_CHUNK_ENTRY_SIZE);
    assert_int_not_equal(decode(payload.bytes, payload.size, &base, &back), RESUME_OK);
    rs_buffer_release(&payload);
    rs_table_release(&base);
    rs_table_release(&table);
}

/* All fields are equal but the coding. */
static void test_delta__raw_and_compressed_of_the_same_size(void **state) {
    (void)state;
    seeded random = {12};
    rs_table base = straight_table(&random, 2), table = straight_table(&random, 2), back;
    for (uint64_t i = 0; i < 2; i++) {
        table.entries[i] = base.entries[i] = (rs_chunk_entry){.offset = 65536,
                                                              .raw_size = TABLE_CHUNK_SIZE,
                                                              .stored_size = TABLE_CHUNK_SIZE,
                                                              .coding = RS_CHUNK_RAW,
                                                              .hash = {1, 2}};
    }
    table.entries[1].coding = RS_CHUNK_ZSTD;
    rs_buffer payload = {0};
    rs_delta_encode(&base, &table, info, &payload);
    assert_int_equal(decode(payload.bytes, payload.size, &base, &back), RESUME_OK);
    assert_tables_equal(&table, &back);
    rs_buffer_release(&payload);
    rs_table_release(&base);
    rs_table_release(&table);
    rs_table_release(&back);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_delta__random_changes_come_back),
        cmocka_unit_test(test_delta__size_follows_the_change),
        cmocka_unit_test(test_delta__damage_is_found_or_valid),
        cmocka_unit_test(test_delta__info_that_no_writer_makes_is_damage),
        cmocka_unit_test(test_delta__another_base_is_refused),
        cmocka_unit_test(test_delta__operations_must_add_up),
        cmocka_unit_test(test_delta__declared_counts_allocate_nothing),
        cmocka_unit_test(test_delta__every_failing_allocation_is_no_memory),
        cmocka_unit_test(test_delta__every_field_of_an_entry_counts),
        cmocka_unit_test(test_delta__raw_and_compressed_of_the_same_size),
        cmocka_unit_test(test_delta__a_bad_entry_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
