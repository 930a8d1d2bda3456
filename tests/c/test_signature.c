/* Tests of src/format/signature.c. The numbers are those of Python's hashlib.blake2b. */
#include "format/signature.h"

#include "format/segment.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

static rs_key test_key(void) {
    uint8_t bytes[RS_KEY_SIZE];
    rs_key key;
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)i;
    rs_key_init(&key, bytes);
    return key;
}

static rs_statement test_statement(void) {
    rs_statement statement = {.generation = 7,
                              .flags = RS_SEGMENT_MARK | RS_SEGMENT_SELF_VERIFYING};
    memset(statement.header.bytes, 1, RS_DIGEST_SIZE);
    memset(statement.meta.bytes, 2, RS_DIGEST_SIZE);
    memset(statement.table.bytes, 3, RS_DIGEST_SIZE);
    memset(statement.stream.bytes, 4, RS_DIGEST_SIZE);
    return statement;
}

static void expect_hex(const uint8_t *bytes, size_t size, const char *expected) {
    char text[2 * RS_DIGEST_SIZE + 1] = "";
    for (size_t i = 0; i < size; i++)
        snprintf(text + 2 * i, 3, "%02x", bytes[i]);
    assert_string_equal(text, expected);
}

static void test_signature__is_blake2b_as_the_page_says(void **unused) {
    (void)unused;
    rs_digest digest = rs_digest_of("abc", 3);
    expect_hex(digest.bytes, sizeof digest.bytes,
               "bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319");
    rs_key key = test_key();
    expect_hex(key.id, sizeof key.id, "00c731dd866ee0c1b0621bb1bbe90d2b");
    rs_statement statement = test_statement();
    rs_mac saved = rs_mac_of(&key, RS_MAC_SAVED, &statement);
    expect_hex(saved.bytes, sizeof saved.bytes,
               "6070b1575f11fe2efdac90dc4388b6e70570534e5fb1f59030e10d76b6db29e2");
    rs_mac trusted = rs_mac_of(&key, RS_MAC_TRUSTED, &statement);
    expect_hex(trusted.bytes, sizeof trusted.bytes,
               "32d6358bf1a3ea05e20f52768987c009daede7a55323096fb4b445c1461b3a61");
}

static void test_signature__every_part_of_the_statement_counts(void **unused) {
    (void)unused;
    rs_key key = test_key();
    rs_statement good = test_statement();
    rs_mac mac = rs_mac_of(&key, RS_MAC_SAVED, &good), other;
    rs_digest *const digests[] = {&good.header, &good.meta, &good.table, &good.stream};
    for (size_t i = 0; i < sizeof digests / sizeof digests[0]; i++)
        for (size_t bit = 0; bit < 8 * RS_DIGEST_SIZE; bit++) {
            digests[i]->bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
            other = rs_mac_of(&key, RS_MAC_SAVED, &good);
            assert_false(rs_mac_equal(&mac, &other));
            digests[i]->bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        }
    for (unsigned bit = 0; bit < 64; bit++) {
        rs_statement changed = good;
        changed.generation ^= UINT64_C(1) << bit;
        other = rs_mac_of(&key, RS_MAC_SAVED, &changed);
        assert_false(rs_mac_equal(&mac, &other));
    }
    for (unsigned bit = 0; bit < 32; bit++) { /* all but the flag that says how it was written */
        rs_statement changed = good;
        changed.flags ^= 1u << bit;
        other = rs_mac_of(&key, RS_MAC_SAVED, &changed);
        assert_int_equal(rs_mac_equal(&mac, &other), bit == 0);
    }
    for (size_t bit = 0; bit < 8 * RS_KEY_SIZE; bit++) {
        rs_key changed = key;
        changed.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        other = rs_mac_of(&changed, RS_MAC_SAVED, &good);
        assert_false(rs_mac_equal(&mac, &other));
    }
}

static void test_signature__equal_means_every_byte(void **unused) {
    (void)unused;
    rs_mac mac = {{9}}, other = mac;
    rs_digest digest = {{9}}, other_digest = digest;
    assert_true(rs_mac_equal(&mac, &other));
    assert_true(rs_digest_equal(&digest, &other_digest));
    for (size_t i = 0; i < RS_MAC_SIZE; i++) {
        other.bytes[i] ^= 128;
        assert_false(rs_mac_equal(&mac, &other));
        other.bytes[i] ^= 128;
        other_digest.bytes[i] ^= 1;
        assert_false(rs_digest_equal(&digest, &other_digest));
        other_digest.bytes[i] ^= 1;
    }
}

static rs_end decode(const rs_buffer *records) {
    rs_record record;
    rs_end end;
    size_t position = 0;
    assert_int_equal(rs_record_read(records->bytes, records->size, &position, &record, NULL),
                     RESUME_OK);
    assert_int_equal(record.type, RS_RECORD_END);
    assert_int_equal(record.flags, RS_RECORD_REQUIRED);
    assert_int_equal(position, records->size);
    rs_end_decode(record.payload, &end);
    return end;
}

static void test_end__comes_back(void **unused) {
    (void)unused;
    rs_key key = test_key();
    rs_statement statement = test_statement();
    rs_mac mac = rs_mac_of(&key, RS_MAC_SAVED, &statement);
    rs_buffer records = {0};
    rs_end_append(&records, &key, &statement);
    rs_end end = decode(&records);
    assert_true(end.is_known);
    assert_int_equal(end.algorithm, RS_END_BLAKE2B);
    assert_memory_equal(end.key_id, key.id, sizeof key.id);
    assert_true(rs_mac_equal(&end.mac, &mac));
    assert_true(rs_digest_equal(&end.stream, &statement.stream));
    rs_buffer_clear(&records);
    rs_end_append(&records, NULL, &statement);
    end = decode(&records);
    assert_true(end.is_known);
    assert_int_equal(end.algorithm, RS_END_UNSIGNED);
    assert_true(rs_digest_equal(&end.stream, &statement.stream));
    rs_buffer_release(&records);
}

static void test_end__what_is_not_known_is_not_signed(void **unused) {
    (void)unused;
    uint8_t payload[RS_END_SIZE + 1];
    rs_end end;
    memset(payload, 1, sizeof payload);
    for (size_t size = 0; size <= sizeof payload; size++) { /* algorithm 0x01010101, any size */
        rs_end_decode((rs_slice){payload, size}, &end);
        assert_false(end.is_known);
    }
    rs_store_u32(payload, 2);
    rs_end_decode((rs_slice){payload, RS_END_SIZE}, &end);
    assert_false(end.is_known);
    rs_store_u32(payload, 1);
    rs_end_decode((rs_slice){payload, RS_END_SIZE}, &end);
    assert_true(end.is_known);
}

static void test_key__is_gone_when_wiped(void **unused) {
    (void)unused;
    static const rs_key nothing;
    rs_key key = test_key();
    rs_key_wipe(&key);
    assert_memory_equal(&key, &nothing, sizeof key);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_signature__is_blake2b_as_the_page_says),
        cmocka_unit_test(test_signature__every_part_of_the_statement_counts),
        cmocka_unit_test(test_signature__equal_means_every_byte),
        cmocka_unit_test(test_end__comes_back),
        cmocka_unit_test(test_end__what_is_not_known_is_not_signed),
        cmocka_unit_test(test_key__is_gone_when_wiped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
