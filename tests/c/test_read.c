/* Tests of src/store/read.c: generations with all that is in them, and hostile ones whose checksums
 * are right. */
#include "alloc_fail.h"
#include "store/file_internal.h"
#include "store_place.h"
#include "testing.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void test_read__measures(void **state) {
    store_place *place = *state;
    rs_state *read;
    store_new(place);
    store_save(place, SAMPLE_MIXED, 1);
    assert_int_equal(rs_file_read(place->file, 0, &read, &place->error), RESUME_OK);
    rs_state_sizes sizes = rs_state_measure(read);
    uint64_t raw = 0;
    for (size_t i = 0; i < rs_state_blob_count(read); i++)
        raw += rs_state_blob_size(read, i);
    assert_int_equal(sizes.raw, raw);
    assert_int_equal(rs_state_meta(read)->state_size, raw);
    assert_int_equal(sizes.zero_chunks, 3);
    assert_true(sizes.stored < sizes.raw);
    assert_int_equal(rs_state_blob_size(read, 99), 0);
    assert_int_equal(rs_state_read_blob(read, 99, NULL, &place->error), RESUME_DAMAGED);
    rs_state_free(read);
}

static void test_read__ranges_of_a_blob(void **state) {
    store_place *place = *state;
    rs_state *read;
    store_new(place);
    store_save(place, SAMPLE_LARGE, 1);
    assert_int_equal(rs_file_read(place->file, 0, &read, &place->error), RESUME_OK);
    uint64_t chunk = place->file->header.chunk_size, seed = 7;
    for (size_t blob = 0; blob < rs_state_blob_count(read); blob++) {
        size_t size = (size_t)rs_state_blob_size(read, blob);
        uint8_t *whole = malloc(size), *part = malloc(size);
        assert_int_equal(rs_state_read_blob(read, blob, whole, &place->error), RESUME_OK);
        for (int i = 0; i < 60; i++) {
            size_t from = (size_t)(sample_random(&seed) % (size + 1));
            if (i % 3 == 0) from -= from % chunk;
            size_t count = (size_t)(sample_random(&seed) % (size - from + 1));
            if (i % 3 == 1 && count > 5000) count = 5000; /* in one chunk, most often */
            assert_int_equal(rs_state_read_range(read, blob, from, count, part, &place->error),
                             RESUME_OK);
            assert_memory_equal(part, whole + from, count);
        }
        assert_int_equal(rs_state_read_range(read, blob, 0, size + 1, part, &place->error),
                         RESUME_LIMIT);
        assert_int_equal(rs_state_read_range(read, blob, UINT64_MAX, 2, part, &place->error),
                         RESUME_LIMIT);
        free(whole);
        free(part);
    }
    uint8_t byte;
    assert_int_equal(rs_state_read_range(read, 99, 0, 1, &byte, &place->error), RESUME_LIMIT);
    rs_state_free(read);
}

static void test_read__a_range_is_never_taken_from_a_bad_chunk(void **state) {
    store_place *place = *state;
    rs_state *read;
    uint8_t byte;
    store_new(place);
    store_save(place, SAMPLE_LARGE, 1);
    assert_int_equal(rs_file_read(place->file, 0, &read, &place->error), RESUME_OK);
    uint64_t offset = rs_file_generation(place->file, 0)->segment_offset + 300000;
    store_flip(place->file_path, offset);
    int bad = 0;
    for (int round = 0; round < 2; round++) /* also when it is asked for again */
        for (uint64_t at = 0; at < rs_state_blob_size(read, 1); at += 65536)
            bad += rs_state_read_range(read, 1, at, 1, &byte, &place->error) == RESUME_DAMAGED;
    assert_int_equal(bad, 2 * (int)(place->file->header.chunk_size / 65536));
    assert_non_null(strstr(place->error.text, "array 1"));
    rs_state_free(read);
}

static void test_read__deltas_up_to_the_longest_chain(void **state) {
    store_place *place = *state;
    static uint8_t blob_bytes[100][60];
    rs_meta meta = {.saves = 1};
    rs_blob blobs[100];
    uint32_t deepest = 0;
    for (size_t i = 0; i < 100; i++) {
        memset(blob_bytes[i], (int)i + 1, sizeof blob_bytes[i]);
        blobs[i] = (rs_blob){blob_bytes[i], sizeof blob_bytes[i], 1};
    }
    rs_snapshot snapshot = {.meta = &meta, .blobs = blobs, .blob_count = 100};
    rs_commit_options options = {0};
    store_new(place);
    for (uint8_t version = 0; version < 30; version++) {
        blob_bytes[version][5] = 200;
        assert_int_equal(
            rs_file_commit(place->file, &snapshot, &options, &place->info, &place->error),
            RESUME_OK);
        if (place->file->table_depth > deepest) deepest = place->file->table_depth;
        store_close(place);
        store_open(place);
        assert_int_equal(place->recovery.health, RS_HEALTH_GOOD);
        rs_state *read;
        assert_int_equal(rs_file_read(place->file, 0, &read, &place->error), RESUME_OK);
        for (size_t i = 0; i < 100; i++) {
            uint8_t back[60];
            assert_int_equal(rs_state_read_blob(read, i, back, &place->error), RESUME_OK);
            assert_memory_equal(back, blob_bytes[i], sizeof back);
        }
        rs_state_free(read);
    }
    assert_int_equal(deepest, RS_DELTA_DEPTH_MAX);
}

/* --- segments that a hostile writer made, with right checksums --- */

/* Appends a self-verifying segment with these records to the file. */
static void forge(store_place *place, const rs_buffer *records) {
    rs_uuid uuid = place->file->header.uuid;
    rs_segment_writer writer = {
        .os = rs_os_linux(),
        .fd = place->file->fd,
        .path = "forged",
        .codec = place->file->codec,
        .uuid = &uuid,
        .offset = place->file->end,
        .barriers = true,
    };
    rs_segment_header header = {
        .generation = place->file->next_generation,
        .previous_commit = rs_file_generation(place->file, 0)->commit_offset,
    };
    rs_generation generation;
    assert_int_equal(rs_segment_writer_init(&writer, &place->error), RESUME_OK);
    assert_int_equal(
        rs_segment_writer_finish(&writer, &header, records, &generation, &place->error), RESUME_OK);
    rs_segment_writer_release(&writer);
}

static void expect_forged_refused(store_place *place, const rs_buffer *records,
                                  resume_status expected) {
    store_new(place);
    store_save_until(place, SAMPLE_SMALL, 2);
    forge(place, records);
    store_close(place);
    resume_status status =
        rs_file_open(place->folder, CK, false, &place->file, &place->recovery, &place->error);
    assert_int_equal(status, expected);
    if (status == RESUME_OK) {
        assert_int_equal(place->recovery.taken, 2);
        assert_int_not_equal(place->recovery.health, RS_HEALTH_GOOD);
        store_expect(place, 0, SAMPLE_SMALL, 2);
    }
    store_close(place);
    remove(place->file_path);
}

static void append_meta(rs_buffer *records) {
    rs_buffer meta = {0};
    rs_meta made = {.saves = 7};
    rs_meta_encode(&made, &meta);
    rs_record_append(records, RS_RECORD_META, 0, (rs_slice){meta.bytes, meta.size});
    rs_buffer_release(&meta);
}

static void append_table(rs_buffer *records, rs_chunk_entry entry, uint64_t size) {
    rs_buffer payload = {0};
    rs_blob_entry blob = {.size = size, .element_size = 1, .chunk_count = 1};
    rs_table table = {.blobs = &blob, .blob_count = 1, .entries = &entry, .entry_count = 1};
    rs_table_encode(&table, &payload);
    rs_record_append(records, RS_RECORD_TABLE, RS_RECORD_REQUIRED,
                     (rs_slice){payload.bytes, payload.size});
    rs_buffer_release(&payload);
}

static const rs_chunk_entry far_away = {
    .offset = UINT64_C(1) << 40, .stored_size = 10, .raw_size = 10, .coding = RS_CHUNK_RAW};

static void test_read__forged_segments(void **state) {
    store_place *place = *state;
    rs_buffer records = {0};
    rs_slice nothing = {"", 0};

    rs_end_append(&records, NULL, &(rs_statement){0}); /* no META, no table */
    expect_forged_refused(place, &records, RESUME_OK);

    rs_buffer_clear(&records); /* a chunk outside of the file */
    append_meta(&records);
    append_table(&records, far_away, 10);
    rs_end_append(&records, NULL, &(rs_statement){0});
    expect_forged_refused(place, &records, RESUME_OK);

    rs_buffer_clear(&records); /* a chunk in the header of the file: its hash is right */
    append_meta(&records);
    uint8_t zeros[16] = {0};
    append_table(&records,
                 (rs_chunk_entry){.offset = 100,
                                  .stored_size = 16,
                                  .raw_size = 16,
                                  .coding = RS_CHUNK_RAW,
                                  .hash = rs_hash128_of(zeros, 16, 0)},
                 16);
    rs_end_append(&records, NULL, &(rs_statement){0});
    expect_forged_refused(place, &records, RESUME_OK);

    rs_buffer_clear(&records); /* two tables */
    append_meta(&records);
    append_table(&records, far_away, 10);
    append_table(&records, far_away, 10);
    rs_end_append(&records, NULL, &(rs_statement){0});
    expect_forged_refused(place, &records, RESUME_OK);

    rs_buffer_clear(&records); /* something behind END */
    append_meta(&records);
    rs_end_append(&records, NULL, &(rs_statement){0});
    rs_end_append(&records, NULL, &(rs_statement){0});
    expect_forged_refused(place, &records, RESUME_OK);

    rs_buffer_clear(&records); /* no END */
    append_meta(&records);
    append_meta(&records);
    expect_forged_refused(place, &records, RESUME_OK);

    rs_buffer_clear(&records); /* of a newer version, and needed: an older state would be wrong */
    append_meta(&records);
    rs_record_append(&records, 77, RS_RECORD_REQUIRED, nothing);
    rs_end_append(&records, NULL, &(rs_statement){0});
    expect_forged_refused(place, &records, RESUME_UNSUPPORTED);
    rs_buffer_release(&records);
}

static void test_read__forged_deltas(void **state) {
    store_place *place = *state;
    /* Bases: itself, behind itself, nothing, the block before; depths: 0, 1, 9, huge. */
    static const uint64_t bases[] = {20480, 65536, 0, 16384, 12288, UINT64_MAX};
    static const uint32_t depths[] = {0, 1, 2, 9, UINT32_MAX};
    for (size_t i = 0; i < sizeof bases / sizeof bases[0]; i++)
        for (size_t j = 0; j < sizeof depths / sizeof depths[0]; j++) {
            rs_buffer records = {0};
            uint8_t payload[56] = {0};
            rs_store_u64(payload, bases[i]);
            rs_store_u32(payload + 8, depths[j]);
            append_meta(&records);
            rs_record_append(&records, RS_RECORD_DELTA, RS_RECORD_REQUIRED,
                             (rs_slice){payload, sizeof payload});
            rs_end_append(&records, NULL, &(rs_statement){0});
            expect_forged_refused(place, &records, RESUME_OK);
            rs_buffer_release(&records);
        }
}

/* --- memory for a large stream --- */

static char meminfo_path[TEMP_PATH_SIZE]; /* stands for /proc/meminfo; empty: there is none */

static int open_meminfo(const rs_os *os, int folder, const char *path, unsigned flags,
                        unsigned mode) {
    (void)os;
    if (strcmp(path, "/proc/meminfo") == 0) path = meminfo_path;
    return rs_os_linux()->open(rs_os_linux(), folder, path, flags, mode);
}

static void no_more_memory(void *context) {
    (void)context;
    alloc_fail_at(1, false); /* what is asked for next: the stream */
}

/* A newest generation whose stream is a gibibyte and more of zeros, in a few bytes. */
static void forge_large_stream(store_place *place) {
    enum { CHUNKS = 4097 };
    static rs_chunk_entry entries[CHUNKS];
    for (size_t i = 0; i < CHUNKS; i++)
        entries[i] = (rs_chunk_entry){.coding = RS_CHUNK_ZERO, .raw_size = RS_CHUNK_SIZE};
    rs_blob_entry blob = {
        .size = (uint64_t)CHUNKS * RS_CHUNK_SIZE, .element_size = 1, .chunk_count = CHUNKS};
    rs_table table = {.blobs = &blob, .blob_count = 1, .entries = entries, .entry_count = CHUNKS};
    rs_buffer payload = {0}, records = {0};
    rs_table_encode(&table, &payload);
    append_meta(&records);
    rs_record_append(&records, RS_RECORD_TABLE, RS_RECORD_REQUIRED,
                     (rs_slice){payload.bytes, payload.size});
    rs_end_append(&records, NULL, &(rs_statement){0});
    store_new(place);
    store_save(place, SAMPLE_SMALL, 1);
    forge(place, &records);
    store_close(place);
    rs_buffer_release(&payload);
    rs_buffer_release(&records);
}

static void test_read__a_large_stream_is_held_against_the_memory(void **state) {
    store_place *place = *state;
    static const struct {
        const char *text;
        bool refused; /* before memory is asked for */
    } cases[] = {
        {"MemTotal: 9 kB\nMemAvailable:     1048000 kB\nSwapFree:  100 kB\n", true},
        {"MemAvailable:     1048000 kB\nSwapFree:  1000000 kB\n", false},
        {"MemAvailable:     99999999999999999999999 kB\nSwapFree: 0 kB\n", false},
        {"MemAvailable: 7 kB\n", false}, /* does not say how much there is */
        {"SwapFree: 7 kB\n", false},
        {"MemAvailable:\nSwapFree: x\n", true},
        {"", false},
        {NULL, false},
    };
    rs_os own_meminfo = *rs_os_linux();
    own_meminfo.open = open_meminfo;
    forge_large_stream(place);
    place->fault.real = &own_meminfo;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        temp_path(meminfo_path, place->path, "meminfo");
        if (cases[i].text)
            assert_true(temp_write(meminfo_path, cases[i].text));
        else
            meminfo_path[0] = 0;
        /* Behind the question, the allocation itself is made to fail: nobody needs the gibibyte. */
        unsigned call = FAULT_BIT(cases[i].text ? FAULT_CLOSE : FAULT_OPEN);
        fault_os_hook(&place->fault, call, cases[i].text ? 1 : 2, no_more_memory, NULL);
        resume_status status =
            rs_file_open(place->folder, CK, false, &place->file, &place->recovery, &place->error);
        alloc_fail_at(0, false);
        assert_int_equal(status, RESUME_NO_MEMORY); /* and never an older state */
        bool refused = strstr(place->error.text, "are available") != NULL;
        assert_int_equal(refused, cases[i].refused);
    }
    place->fault.real = rs_os_linux();
}

static void test_read__looking_needs_no_stream(void **state) {
    store_place *place = *state;
    rs_state *read;
    store_new(place);
    store_save(place, SAMPLE_MIXED, 1);
    assert_int_equal(rs_file_look(place->file, 1, &read, &place->error), RESUME_NOT_FOUND);
    assert_null(read);
    assert_int_equal(rs_file_look(place->file, 0, &read, &place->error), RESUME_OK);
    assert_int_equal(rs_state_stream(read).size, 0);
    assert_int_equal(rs_state_meta(read)->saves, 1);
    uint8_t byte;
    alloc_fail_at(1, true);
    assert_int_equal(rs_state_read_range(read, 1, 5, 1, &byte, &place->error), RESUME_NO_MEMORY);
    alloc_fail_at(0, false);
    assert_int_equal(rs_state_read_range(read, 1, 5, 1, &byte, &place->error), RESUME_OK);
    assert_int_equal(rs_file_compact(place->file, &(rs_keep){.last = 1}, NULL, &place->error),
                     RESUME_OK);
    assert_int_equal(rs_state_read_range(read, 1, 5, 1, &byte, &place->error), RESUME_MISUSE);
    assert_int_equal(rs_state_verify(read, NULL, NULL, NULL, &place->error), RESUME_MISUSE);
    rs_state_free(read);
}

/* The time of a generation is read when it is asked for, once. */
static void test_read__the_time_of_a_generation(void **state) {
    store_place *place = *state;
    store_new(place);
    store_save_until(place, SAMPLE_SMALL, 2);
    int64_t saved_ns[2] = {rs_file_generation(place->file, 1)->saved_ns,
                           rs_file_generation(place->file, 0)->saved_ns};
    assert_true(saved_ns[0] > 0 && saved_ns[0] != saved_ns[1]);
    store_close(place);
    store_open_reader(place);
    for (int i = 0; i < 2; i++) {
        rs_generation *generation = &place->file->generations[i];
        generation->saved_ns = 0;
        store_flip(place->file_path, generation->segment_offset + 100);
        assert_int_equal(rs_generation_read_time(place->file, generation, &place->error),
                         RESUME_DAMAGED);
        assert_int_equal(generation->saved_ns, 0);
        store_flip(place->file_path, generation->segment_offset + 100);
        assert_int_equal(rs_generation_read_time(place->file, generation, &place->error),
                         RESUME_OK);
        assert_int_equal(generation->saved_ns, saved_ns[i]);
        store_fail(place, FAULT_READ, 1, EIO);
        assert_int_equal(rs_generation_read_time(place->file, generation, &place->error),
                         RESUME_OK);
        assert_int_equal(generation->saved_ns, saved_ns[i]);
        store_fail(place, FAULT_READ, 0, 0);
    }
}

static void test_read__same_chunks_are_told_by_checksum(void **state) {
    store_place *place = *state;
    rs_state *old, *new;
    store_new(place);
    store_save_until(place, SAMPLE_MIXED, 2);
    assert_int_equal(rs_file_read(place->file, 1, &old, &place->error), RESUME_OK);
    assert_int_equal(rs_file_read(place->file, 0, &new, &place->error), RESUME_OK);
    assert_false(rs_state_same_chunk(old, 0, new, 0, 0)); /* the streams differ */
    assert_false(rs_state_same_chunk(old, 1, new, 1, 0)); /* the chunk that changes */
    assert_true(rs_state_same_chunk(old, 1, new, 1, 1));
    assert_true(rs_state_same_chunk(old, 1, old, 1, 3)); /* the short last one */
    assert_false(rs_state_same_chunk(old, 1, new, 1, 4));
    assert_true(rs_state_same_chunk(old, 3, new, 3, 0));  /* zeros */
    assert_false(rs_state_same_chunk(old, 3, new, 1, 1)); /* zeros and others */
    assert_false(rs_state_same_chunk(old, 4, new, 1, 0));
    assert_false(rs_state_same_chunk(old, 1, new, 4, 0));
    rs_state_free(old);
    rs_state_free(new);
}

/* A chunk of two files is the same part of an array only if both are cut alike. */
static void test_read__chunks_of_other_sizes_are_others(void **state) {
    store_place *place = *state;
    rs_file *other;
    rs_state *here, *there;
    store_new(place);
    store_save(place, SAMPLE_MIXED, 1);
    assert_int_equal(
        rs_file_open(place->folder, CK, false, &other, &place->recovery, &place->error), RESUME_OK);
    assert_int_equal(rs_file_read(place->file, 0, &here, &place->error), RESUME_OK);
    assert_int_equal(rs_file_read(other, 0, &there, &place->error), RESUME_OK);
    assert_true(rs_state_same_chunk(here, 1, there, 1, 1));
    other->header.chunk_size /= 2;
    assert_false(rs_state_same_chunk(here, 1, there, 1, 1));
    rs_state_free(here);
    rs_state_free(there);
    rs_file_close(other);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, store_place_setup, store_place_teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_read__the_time_of_a_generation),
        TEST(test_read__same_chunks_are_told_by_checksum),
        TEST(test_read__chunks_of_other_sizes_are_others),
        TEST(test_read__measures),
        TEST(test_read__ranges_of_a_blob),
        TEST(test_read__a_range_is_never_taken_from_a_bad_chunk),
        TEST(test_read__deltas_up_to_the_longest_chain),
        TEST(test_read__forged_segments),
        TEST(test_read__forged_deltas),
        TEST(test_read__a_large_stream_is_held_against_the_memory),
        TEST(test_read__looking_needs_no_stream),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
