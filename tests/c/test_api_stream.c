/* api/stream.c: the outermost map, and bytes that are hostile. */
#include "testing.h"

#include "alloc_fail.h"
#include "api/stream.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint64_t blob_size(void *context, size_t index) {
    (void)context;
    return index == 1 ? 8 : 0;
}

static resume_status blob_read(void *context, size_t index, uint64_t offset, size_t size, void *to,
                               rs_error *error) {
    (void)context, (void)index, (void)offset, (void)error;
    memset(to, 7, size);
    return RESUME_OK;
}

static const rs_blobs blobs = {.count = 2, .size = blob_size, .read = blob_read};

/* Reads all values of "vars", as deep as maps and lists go in one step each. */
static resume_status walk(const void *bytes, size_t size) {
    rs_stream stream;
    rs_error error = {0};
    rs_slice key;
    resume_status status = rs_stream_open(&stream, (rs_slice){bytes, size}, &blobs, &error);
    if (status) return status;
    rs_cbor_reader reader = stream.vars;
    for (uint64_t i = 0; status == RESUME_OK && i < stream.var_count; i++) {
        rs_value value;
        char text[100];
        status = rs_value_read_key(&stream, &reader, &key, &error);
        if (status == RESUME_OK) status = rs_value_read(&stream, &reader, &value, &error);
        if (status == RESUME_OK) rs_value_text(&value, text, sizeof text);
        if (status == RESUME_OK && value.kind == RS_VALUE_ARRAY && value.rank == 1 &&
            value.shape[0] > 0) {
            uint8_t element[32];
            int64_t last = (int64_t)value.offset + (int64_t)(value.shape[0] - 1) * value.strides[0];
            status = rs_memory_read(&stream, &value.memory, (uint64_t)last, value.dtype.size,
                                    element, &error);
            assert_int_equal(status, RESUME_OK); /* a layout that was checked */
        }
    }
    rs_stream_release(&stream);
    return status;
}

static void put_start(rs_buffer *s, uint64_t version) {
    rs_cbor_put_head(s, RS_CBOR_MAP, 3);
    rs_cbor_put_literal(s, "v");
    rs_cbor_put_head(s, RS_CBOR_UNSIGNED, version);
    rs_cbor_put_literal(s, "of a later version");
    rs_cbor_put_head(s, RS_CBOR_TAG, 28);
    rs_cbor_put_int(s, 5);
    rs_cbor_put_literal(s, "vars");
}

static void put_tagged(rs_buffer *s, uint64_t tag, uint64_t count) {
    rs_cbor_put_head(s, RS_CBOR_TAG, tag);
    rs_cbor_put_head(s, RS_CBOR_ARRAY, count);
}

static void put_array(rs_buffer *s) {
    put_tagged(s, RS_TAG_ARRAY, 5);
    rs_cbor_put_literal(s, "<i2");
    rs_cbor_put_head(s, RS_CBOR_ARRAY, 1);
    rs_cbor_put_int(s, 4);
    rs_cbor_put_int(s, 0);
    rs_cbor_put_simple(s, RS_CBOR_TRUE);
    rs_cbor_put_head(s, RS_CBOR_TAG, RS_TAG_BLOB);
    rs_cbor_put_int(s, 1);
}

/* One of everything. */
static rs_buffer sample(void) {
    rs_buffer s = {0};
    put_start(&s, 1);
    rs_cbor_put_head(&s, RS_CBOR_MAP, 12);
    rs_cbor_put_literal(&s, "a");
    rs_cbor_put_double(&s, 0.1);
    rs_cbor_put_literal(&s, "b");
    put_array(&s);
    rs_cbor_put_literal(&s, "c");
    put_tagged(&s, RS_TAG_VIEW, 6);
    rs_cbor_put_head(&s, RS_CBOR_TAG, 28);
    put_array(&s);
    rs_cbor_put_literal(&s, "|u1");
    rs_cbor_put_head(&s, RS_CBOR_ARRAY, 1);
    rs_cbor_put_int(&s, 3);
    rs_cbor_put_head(&s, RS_CBOR_ARRAY, 1);
    rs_cbor_put_int(&s, -2);
    rs_cbor_put_int(&s, 5);
    rs_cbor_put_simple(&s, RS_CBOR_TRUE);
    rs_cbor_put_literal(&s, "d");
    rs_cbor_put_head(&s, RS_CBOR_TAG, RS_TAG_REFERENCE);
    rs_cbor_put_int(&s, 1);
    rs_cbor_put_literal(&s, "e");
    put_tagged(&s, RS_TAG_COMPLEX, 2);
    rs_cbor_put_double(&s, 1);
    rs_cbor_put_double(&s, 2);
    rs_cbor_put_literal(&s, "f");
    put_tagged(&s, RS_TAG_SCALAR, 2);
    rs_cbor_put_literal(&s, "<f4");
    rs_cbor_put_bytes(&s, "\0\0\0\0", 4);
    rs_cbor_put_literal(&s, "g");
    rs_cbor_put_head(&s, RS_CBOR_TAG, RS_TAG_LIST);
    rs_cbor_put_head(&s, RS_CBOR_TAG, RS_TAG_INT64_ARRAY);
    rs_cbor_put_bytes(&s, "\0\0\0\0\0\0\0\0", 8);
    rs_cbor_put_literal(&s, "h");
    put_tagged(&s, RS_TAG_DICT, 2);
    rs_cbor_put_int(&s, 1);
    rs_cbor_put_int(&s, 2);
    rs_cbor_put_literal(&s, "i");
    put_tagged(&s, RS_TAG_ARRAY_ARRAY, 3);
    rs_cbor_put_literal(&s, "d");
    rs_cbor_put_int(&s, 8);
    rs_cbor_put_bytes(&s, "\0\0\0\0\0\0\0\0", 8);
    rs_cbor_put_literal(&s, "j");
    rs_cbor_put_head(&s, RS_CBOR_TAG, RS_TAG_SURROGATES);
    rs_cbor_put_bytes(&s, "\355\240\200", 3);
    rs_cbor_put_literal(&s, "k");
    rs_cbor_put_simple(&s, RS_CBOR_NULL);
    rs_cbor_put_int(&s, 77); /* a key that is no text */
    rs_cbor_put_head(&s, RS_CBOR_ARRAY, 0);
    assert_false(s.failed);
    return s;
}

static void test_stream__one_of_everything(void **state) {
    (void)state;
    rs_buffer s = sample();
    assert_int_equal(walk(s.bytes, s.size), RESUME_OK);
    rs_buffer_release(&s);
}

static void test_stream__every_cut_is_noticed(void **state) {
    (void)state;
    rs_buffer s = sample();
    for (size_t size = 0; size < s.size; size++) {
        uint8_t *copy = malloc(size ? size : 1); /* AddressSanitizer sees a byte too far */
        memcpy(copy, s.bytes, size);
        assert_int_not_equal(walk(copy, size), RESUME_OK);
        free(copy);
    }
    rs_buffer_append(&s, "", 1);
    assert_int_equal(walk(s.bytes, s.size), RESUME_DAMAGED); /* something behind */
    rs_buffer_release(&s);
}

/* Each byte in each of its 256 values: any status, no crash, no read out of bounds. */
static void test_stream__every_byte_may_be_anything(void **state) {
    (void)state;
    rs_buffer s = sample();
    for (size_t i = 0; i < s.size; i++) {
        uint8_t before = s.bytes[i];
        for (int value = 0; value < 256; value++) {
            s.bytes[i] = (uint8_t)value;
            resume_status status = walk(s.bytes, s.size);
            assert_true(status == RESUME_OK || status == RESUME_DAMAGED ||
                        status == RESUME_TRUNCATED || status == RESUME_UNSUPPORTED ||
                        status == RESUME_LIMIT);
        }
        s.bytes[i] = before;
    }
    rs_buffer_release(&s);
}

/* Bytes at random places of the sample exchanged with others of it. */
static void test_stream__random_splices(void **state) {
    (void)state;
    const char *given = getenv("RESUME_SEED"), *scale = getenv("RESUME_SCALE");
    unsigned seed = given ? (unsigned)atoi(given) : 20261122u;
    long rounds = 20000 * (scale ? atol(scale) : 1);
    print_message("seed %u, %ld rounds\n", seed, rounds);
    rs_buffer s = sample();
    uint8_t *copy = malloc(s.size);
    for (long round = 0; round < rounds; round++) {
        memcpy(copy, s.bytes, s.size);
        for (int i = 0; i < 3; i++) {
            size_t from = (size_t)rand_r(&seed) % s.size, to = (size_t)rand_r(&seed) % s.size;
            size_t size = (size_t)rand_r(&seed) % 12;
            if (from + size <= s.size && to + size <= s.size)
                memcpy(copy + to, s.bytes + from, size);
        }
        (void)walk(copy, s.size);
    }
    free(copy);
    rs_buffer_release(&s);
}

static void test_stream__a_later_version(void **state) {
    (void)state;
    rs_buffer s = {0};
    put_start(&s, 2);
    rs_cbor_put_head(&s, RS_CBOR_MAP, 0);
    assert_int_equal(walk(s.bytes, s.size), RESUME_UNSUPPORTED);
    rs_buffer_release(&s);
}

static void test_stream__no_memory(void **state) {
    (void)state;
    rs_buffer s = sample();
    alloc_fail_at(1, true);
    resume_status status = walk(s.bytes, s.size);
    alloc_fail_at(0, false);
    assert_int_equal(status, RESUME_NO_MEMORY);
    rs_buffer_release(&s);
}

/* A million open brackets are no recursion. */
static void test_stream__deep_nesting(void **state) {
    (void)state;
    rs_buffer s = {0};
    put_start(&s, 1);
    rs_cbor_put_head(&s, RS_CBOR_MAP, 1);
    rs_cbor_put_literal(&s, "x");
    for (int i = 0; i < 1000000; i++)
        rs_cbor_put_head(&s, RS_CBOR_TAG, i % 2 ? RS_TAG_SCALAR : RS_TAG_SHARED);
    rs_cbor_put_int(&s, 1);
    assert_int_equal(walk(s.bytes, s.size), RESUME_DAMAGED);
    rs_buffer_clear(&s);
    put_start(&s, 1);
    rs_cbor_put_head(&s, RS_CBOR_MAP, 1);
    rs_cbor_put_literal(&s, "x");
    for (int i = 0; i < 1000000; i++)
        rs_cbor_put_head(&s, RS_CBOR_ARRAY, 1);
    rs_cbor_put_int(&s, 1);
    assert_int_equal(walk(s.bytes, s.size), RESUME_OK);
    rs_buffer_release(&s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stream__one_of_everything),
        cmocka_unit_test(test_stream__every_cut_is_noticed),
        cmocka_unit_test(test_stream__every_byte_may_be_anything),
        cmocka_unit_test(test_stream__random_splices),
        cmocka_unit_test(test_stream__a_later_version),
        cmocka_unit_test(test_stream__no_memory),
        cmocka_unit_test(test_stream__deep_nesting),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
