/* format/meta.c: META comes back; strange texts, unknown keys, damage. */
#include "testing.h"

#include "alloc_fail.h"
#include "damage.h"
#include "format/cbor.h"
#include "format/meta.h"

#include <string.h>

#define TEXT(text)                                                                                 \
    { text, sizeof(text) - 1 }

static const rs_meta example = {
    .saved_ns = INT64_C(1795000000000000001),
    .started_ns = -5,
    .running_ns = INT64_MAX,
    .saves = UINT64_MAX,
    .ended = true,
    .pid = 4711,
    .state_size = UINT64_C(1) << 40,
    .copy_of = 4711,
    .failures = 12,
    .cost_ns = 345678901234,
    .pause_ns = 1,
    .durable_ns = UINT64_C(1) << 50,
    .paused_ns = 2345678901234,
    .name = TEXT("Grüße"),
    .program = TEXT("/home/a/\xFF\xFE.py"), /* not UTF-8 */
    .function = TEXT("sim:World.run"),
    .host = TEXT("node7"),
    .writer = TEXT("resume 1.0.0"),
};

static void assert_slices_equal(rs_slice a, rs_slice b) {
    assert_int_equal(a.size, b.size);
    if (a.size) assert_memory_equal(a.bytes, b.bytes, a.size);
}

static void assert_metas_equal(const rs_meta *a, const rs_meta *b) {
    assert_true(a->saved_ns == b->saved_ns && a->started_ns == b->started_ns);
    assert_true(a->running_ns == b->running_ns && a->saves == b->saves && a->pid == b->pid);
    assert_true(a->ended == b->ended && a->state_size == b->state_size);
    assert_true(a->copy_of == b->copy_of);
    assert_true(a->failures == b->failures);
    assert_true(a->cost_ns == b->cost_ns);
    assert_true(a->pause_ns == b->pause_ns && a->durable_ns == b->durable_ns);
    assert_true(a->paused_ns == b->paused_ns);
    assert_slices_equal(a->name, b->name);
    assert_slices_equal(a->program, b->program);
    assert_slices_equal(a->function, b->function);
    assert_slices_equal(a->host, b->host);
    assert_slices_equal(a->writer, b->writer);
}

static resume_status decode(const void *bytes, size_t size, rs_meta *meta) {
    rs_error error = {0};
    resume_status status = rs_meta_decode((rs_slice){bytes, size}, meta, &error);
    assert_int_equal(status, error.status);
    assert_true((status != RESUME_OK) == (error.text[0] != 0));
    return status;
}

static void test_meta__comes_back(void **state) {
    (void)state;
    const rs_meta empty = {0};
    const rs_meta *metas[] = {&example, &empty};
    for (size_t i = 0; i < 2; i++) {
        rs_buffer cbor = {0};
        rs_meta back;
        rs_meta_encode(metas[i], &cbor);
        assert_int_equal(decode(cbor.bytes, cbor.size, &back), RESUME_OK);
        assert_metas_equal(&back, metas[i]);
        rs_buffer_release(&cbor);
    }
}

/* So that only a rollback pays for it. */
static void test_meta__a_copy_of_nothing_is_not_written(void **state) {
    (void)state;
    const rs_meta plain = {.saves = 3}, copy = {.saves = 3, .copy_of = 2};
    rs_buffer without = {0}, with = {0};
    rs_meta_encode(&plain, &without);
    rs_meta_encode(&copy, &with);
    assert_int_equal(with.size, without.size + sizeof "copy_of" + 1);
    rs_buffer_release(&without);
    rs_buffer_release(&with);
}

static void cut_is_found(const uint8_t *bytes, size_t size, size_t at, void *context) {
    (void)at, (void)context;
    rs_meta meta;
    assert_int_equal(decode(bytes, size, &meta), RESUME_DAMAGED);
}

static void flip_stays_inside(const uint8_t *bytes, size_t size, size_t at, void *context) {
    (void)at, (void)context;
    rs_meta meta;
    if (decode(bytes, size, &meta)) return;
    const rs_slice texts[] = {meta.name, meta.program, meta.function, meta.host, meta.writer};
    for (size_t i = 0; i < 5; i++) {
        const uint8_t *text = texts[i].bytes;
        assert_true(!texts[i].size || (text >= bytes && text + texts[i].size <= bytes + size));
    }
}

static void test_meta__damage_is_found_or_stays_inside(void **state) {
    (void)state;
    rs_buffer cbor = {0};
    rs_meta_encode(&example, &cbor);
    damage_cuts(cbor.bytes, cbor.size, cut_is_found, NULL);
    damage_flips(cbor.bytes, cbor.size, flip_stays_inside, NULL);
    rs_buffer_release(&cbor);
}

static void test_meta__unknown_keys_are_ignored(void **state) {
    (void)state;
    /* {"later": [1, {2: 3}], 7: 8, [9]: 10, "pid": 11} */
    static const uint8_t bytes[] =
        "\xa4\x65later\x82\x01\xa1\x02\x03\x07\x08\x81\x09\x0a\x63pid\x0b";
    rs_meta meta, expected = {.pid = 11};
    assert_int_equal(decode(bytes, sizeof bytes - 1, &meta), RESUME_OK);
    assert_metas_equal(&meta, &expected);
}

static void test_meta__other_types_are_damage(void **state) {
    (void)state;
    static const struct {
        const char *bytes;
        size_t size;
    } rows[] = {
        {"\x80", 1},                               /* no map */
        {"\xa0\x00", 2},                           /* something behind */
        {"\xa1\x63pid\x61x", 7},                   /* text for a number */
        {"\xa1\x63pid\x1b\x80\0\0\0\0\0\0\0", 14}, /* beyond 63 bits */
        {"\xa1\x63pid\x3b\x80\0\0\0\0\0\0\0", 14}, /* and below */
        {"\xa1\x64size\x20", 7},                   /* negative */
        {"\xa1\x65saves\xfb\0\0\0\0\0\0\0\0", 16}, /* a float */
        {"\xa1\x65"
         "ended\x01",
         8}, /* a number for a bool */
        {"\xa1\x65"
         "ended\xf6",
         8},                     /* null */
        {"\xa1\x64name\x01", 7}, /* a number for a text */
        {"\xa1\x65"
         "ended\xf9\0\0",
         10},                     /* a float for a bool */
        {"\xa1\x81\x1c", 3},      /* an unknown key with a bad item in it */
        {"\xa1\x61x\x82\x01", 5}, /* the value of one */
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        rs_meta meta = {.pid = 99};
        assert_int_equal(decode(rows[i].bytes, rows[i].size, &meta), RESUME_DAMAGED);
        assert_int_equal(meta.pid, 99); /* unchanged */
    }
}

static void test_meta__long_texts_never_make_it_unreadable(void **state) {
    (void)state;
    static char text[100000]; /* characters of two bytes, shifted by one */
    memset(text, 0xA9, sizeof text);
    for (size_t i = 1; i < sizeof text; i += 2)
        text[i] = (char)0xC3;
    text[0] = 'a';
    rs_slice slice = {text, sizeof text - 1};
    rs_meta meta = {
        .name = slice, .program = slice, .function = slice, .host = slice, .writer = slice};
    rs_buffer cbor = {0};
    rs_meta_encode(&meta, &cbor);
    rs_meta back;
    assert_int_equal(decode(cbor.bytes, cbor.size, &back), RESUME_OK);
    assert_int_equal(back.name.size, 8191); /* a whole character less */
    assert_memory_equal(back.name.bytes, text, 8191);
    assert_true(rs_utf8_is_valid(back.writer.bytes, back.writer.size));
    rs_buffer_release(&cbor);
}

static void test_meta__long_bytes_that_are_no_text(void **state) {
    (void)state;
    static char text[9000];
    memset(text, 0xA9, sizeof text); /* no character begins anywhere */
    rs_meta meta = {.program = {text, sizeof text}}, back;
    rs_buffer cbor = {0};
    rs_meta_encode(&meta, &cbor);
    assert_int_equal(decode(cbor.bytes, cbor.size, &back), RESUME_OK);
    assert_in_range(back.program.size, 8192 - 4, 8192);
    assert_memory_equal(back.program.bytes, text, back.program.size);
    rs_buffer_release(&cbor);
}

static void test_meta__damage_without_a_place_for_the_text(void **state) {
    (void)state;
    rs_meta meta = {.pid = 99};
    assert_int_equal(rs_meta_decode((rs_slice){"\xa1\x63pi", 4}, &meta, NULL), RESUME_DAMAGED);
    assert_int_equal(rs_meta_decode((rs_slice){"\xa1\x19\x01", 3}, &meta, NULL), RESUME_DAMAGED);
    assert_int_equal(rs_meta_decode((rs_slice){"\x80", 1}, &meta, NULL), RESUME_DAMAGED);
    assert_int_equal(meta.pid, 99);
}

static void test_meta__too_large_is_a_limit(void **state) {
    (void)state;
    static uint8_t bytes[RS_META_SIZE_MAX + 1] = {0xa0};
    rs_meta meta;
    assert_int_equal(decode(bytes, sizeof bytes, &meta), RESUME_DAMAGED);
    assert_int_equal(decode(bytes, sizeof bytes - 1, &meta), RESUME_DAMAGED);
    assert_int_equal(decode(bytes, 1, &meta), RESUME_OK);
}

static void test_meta__failed_allocation_sticks(void **state) {
    (void)state;
    rs_buffer cbor = {0};
    alloc_fail_at(1, true);
    rs_meta_encode(&example, &cbor);
    alloc_fail_at(0, false);
    assert_true(cbor.failed);
    rs_buffer_release(&cbor);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_meta__comes_back),
        cmocka_unit_test(test_meta__a_copy_of_nothing_is_not_written),
        cmocka_unit_test(test_meta__damage_is_found_or_stays_inside),
        cmocka_unit_test(test_meta__unknown_keys_are_ignored),
        cmocka_unit_test(test_meta__other_types_are_damage),
        cmocka_unit_test(test_meta__long_texts_never_make_it_unreadable),
        cmocka_unit_test(test_meta__long_bytes_that_are_no_text),
        cmocka_unit_test(test_meta__damage_without_a_place_for_the_text),
        cmocka_unit_test(test_meta__too_large_is_a_limit),
        cmocka_unit_test(test_meta__failed_allocation_sticks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
