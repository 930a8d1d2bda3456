/* api/value.c: what each kind of value is, and how messages name it. */
#include "testing.h"

#include "api/stream.h"

#include <string.h>

static rs_stream stream;
static rs_buffer bytes;

static rs_value read(void) {
    rs_value value;
    rs_error error = {0};
    stream = (rs_stream){.bytes = {bytes.bytes, bytes.size}, .work_left = 1000};
    rs_cbor_reader reader = rs_cbor_reader_over(bytes.bytes, bytes.size);
    if (rs_value_read(&stream, &reader, &value, &error)) fail_msg("%s", error.text);
    assert_int_equal(reader.position, bytes.size);
    rs_buffer_clear(&bytes);
    return value;
}

static void expect_text(const rs_value *value, const char *expected) {
    char text[100];
    rs_value_text(value, text, sizeof text);
    assert_string_equal(text, expected);
}

static void test_value__numbers(void **state) {
    (void)state;
    rs_cbor_put_int(&bytes, -5);
    rs_value value = read();
    assert_int_equal(value.kind, RS_VALUE_NUMBER);
    assert_true(value.number.negative && value.number.argument == 4);
    expect_text(&value, "the int -5");
    rs_cbor_put_simple(&bytes, RS_CBOR_FALSE);
    value = read();
    assert_true(value.number.is_bool);
    expect_text(&value, "the bool false");
    rs_buffer_append(&bytes, "\xf9\x3c\x00", 3); /* a half */
    value = read();
    assert_true(value.number.real == 1);
    assert_int_equal(value.dtype.size, 2);
    rs_buffer_append(&bytes, "\xfa\x3f\xc0\x00\x00", 5); /* a single */
    value = read();
    expect_text(&value, "the float 1.5");
}

static void test_value__texts_lists_and_dicts(void **state) {
    (void)state;
    rs_cbor_put_literal(&bytes, "abc");
    rs_value value = read();
    assert_int_equal(value.kind, RS_VALUE_TEXT);
    expect_text(&value, "a text of 3 bytes");
    rs_cbor_put_bytes(&bytes, "ab", 2);
    value = read();
    assert_int_equal(value.kind, RS_VALUE_BYTES);
    expect_text(&value, "2 bytes");
    rs_cbor_put_head(&bytes, RS_CBOR_TAG, RS_TAG_TUPLE);
    rs_cbor_put_head(&bytes, RS_CBOR_ARRAY, 1);
    rs_cbor_put_int(&bytes, 1);
    value = read();
    assert_int_equal(value.kind, RS_VALUE_LIST);
    expect_text(&value, "a list of 1");
    rs_cbor_put_head(&bytes, RS_CBOR_TAG, RS_TAG_ORDERED_DICT);
    rs_cbor_put_head(&bytes, RS_CBOR_ARRAY, 2);
    rs_cbor_put_int(&bytes, 1);
    rs_cbor_put_int(&bytes, 1);
    value = read();
    assert_int_equal(value.kind, RS_VALUE_MAP);
    expect_text(&value, "a dict of 1");
}

static void test_value__others(void **state) {
    (void)state;
    rs_cbor_put_simple(&bytes, RS_CBOR_UNDEFINED);
    rs_value value = read();
    assert_int_equal(value.kind, RS_VALUE_OTHER);
    expect_text(&value, "what could not be saved");
    rs_cbor_put_head(&bytes, RS_CBOR_TAG, 37);
    rs_cbor_put_bytes(&bytes, "0123456789abcdef", 16);
    value = read();
    expect_text(&value, "a value that C has no type for");
    rs_cbor_put_head(&bytes, RS_CBOR_TAG, RS_TAG_SCALAR);
    rs_cbor_put_head(&bytes, RS_CBOR_ARRAY, 2);
    rs_cbor_put_literal(&bytes, "<M8[s]");
    rs_cbor_put_bytes(&bytes, "01234567", 8);
    value = read();
    expect_text(&value, "a value of numpy that C has no type for");
    rs_buffer_release(&bytes);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_value__numbers),
        cmocka_unit_test(test_value__texts_lists_and_dicts),
        cmocka_unit_test(test_value__others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
