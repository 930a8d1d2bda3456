/* Saves of one large array, and segment writers by themselves. */
#ifndef SUPPORT_LARGE_ARRAY_H
#define SUPPORT_LARGE_ARRAY_H

#include "store/file_internal.h"
#include "store_place.h"
#include "testing.h"

#include <stdlib.h>
#include <string.h>

#define ARRAY_SIZE (12u << 20)

static inline uint8_t *make_array(uint64_t seed) {
    uint8_t *bytes = malloc(ARRAY_SIZE);
    assert_non_null(bytes);
    for (size_t i = 0; i < ARRAY_SIZE; i += 8) {
        uint64_t value = sample_random(&seed);
        memcpy(bytes + i, &value, 8);
    }
    return bytes;
}

static inline resume_status save_array(store_place *place, const uint8_t *bytes, size_t size,
                                       rs_compress compress) {
    rs_meta meta = {.saves = 1};
    rs_blob blobs[] = {{"s", 1, 1}, {bytes, size, 8}};
    rs_snapshot snapshot = {.meta = &meta, .blobs = blobs, .blob_count = 2};
    rs_commit_options options = {.compress = compress};
    return rs_file_commit(place->file, &snapshot, &options, &place->info, &place->error);
}

static inline void expect_array(store_place *place, const uint8_t *bytes, size_t size) {
    rs_state *read;
    uint8_t *back = malloc(size);
    assert_non_null(back);
    assert_int_equal(rs_file_read(place->file, 0, &read, &place->error), RESUME_OK);
    assert_int_equal(rs_state_read_blob(read, 1, back, &place->error), RESUME_OK);
    assert_memory_equal(back, bytes, size);
    rs_state_free(read);
    free(back);
}

/* A writer of its own in the file of `place`, behind what is there. */
static inline rs_segment_writer begin_writer(store_place *place, const rs_os *os, uint64_t offset) {
    rs_segment_writer writer = {
        .os = os,
        .fd = place->file->fd,
        .path = "a file",
        .codec = place->file->codec,
        .uuid = &place->file->header.uuid,
        .offset = offset,
    };
    assert_int_equal(rs_segment_writer_init(&writer, &place->error), RESUME_OK);
    return writer;
}

#endif
