/* format/hash.c: values computed by another implementation (Python's xxhash). */
#include "testing.h"

#include "base/bytes.h"
#include "format/hash.h"
#include "seeded.h"

static const struct {
    size_t size;
    uint64_t hash64, low, high; /* seeds 42 and 0x1122334455667788, bytes i * 7 + 3 */
} vectors[] = {
    {0, UINT64_C(0xb029411ff43d84d2), UINT64_C(0x7589dadf11fb87fc), UINT64_C(0x5e11f1314c06d011)},
    {1, UINT64_C(0xd0c83c4bdeed078b), UINT64_C(0x86b2bb58864fed76), UINT64_C(0xf8814613499e5dbf)},
    {3, UINT64_C(0x3a6eb7a191052c81), UINT64_C(0x5f5cf4bb6c0528e5), UINT64_C(0xbeffc53f604ef6ff)},
    {4, UINT64_C(0x5d8ddb4735733bab), UINT64_C(0x5fd4ddbb4a96e8f6), UINT64_C(0x462ed5ec328706ea)},
    {8, UINT64_C(0x53a895ca319fab31), UINT64_C(0x3bde7879c75534d2), UINT64_C(0xf839bacf39649c0a)},
    {9, UINT64_C(0x43f019f90f24f866), UINT64_C(0x3d822505a2ad1ee8), UINT64_C(0xa7d03a381b59d9b7)},
    {16, UINT64_C(0x6b1b54f65d114c69), UINT64_C(0x4c80d98635549b80), UINT64_C(0xfe4f2a82cbcef855)},
    {17, UINT64_C(0x148ada809b3845dd), UINT64_C(0xe6ff45a4652952f6), UINT64_C(0x6a0a83604740aec0)},
    {128, UINT64_C(0xeef663431a9bf01d), UINT64_C(0x35bf48eb582edd9a), UINT64_C(0x9cce2d94c95206e5)},
    {129, UINT64_C(0x4df9521149f6f8c5), UINT64_C(0xceabdc5c2c94b657), UINT64_C(0x392b2f433ee421b6)},
    {240, UINT64_C(0x722964f8a7f16de3), UINT64_C(0x7c162b6fa7b206ca), UINT64_C(0x8d0c5e6c87e03570)},
    {241, UINT64_C(0x59fdc74e63a7aee7), UINT64_C(0xe1f65d7fe876d0ce), UINT64_C(0xd80c8c974495d927)},
    {1024, UINT64_C(0x6015bc0dcadbe10d), UINT64_C(0xe71af77506ce9aff),
     UINT64_C(0x8f555b3433f13730)},
    {5000, UINT64_C(0xab56be339593b1ce), UINT64_C(0xc7730981c69aee9f),
     UINT64_C(0xd95703fe63bc7b58)},
};

static void test_hash__agrees_with_another_implementation(void **state) {
    (void)state;
    static uint8_t bytes[5000];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(i * 7 + 3);
    for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
        assert_true(rs_hash64(bytes, vectors[i].size, 42) == vectors[i].hash64);
        rs_hash128 hash = rs_hash128_of(bytes, vectors[i].size, UINT64_C(0x1122334455667788));
        assert_true(hash.low == vectors[i].low && hash.high == vectors[i].high);
    }
}

static void test_hash__place_seed_agrees_with_another_implementation(void **state) {
    (void)state;
    rs_uuid uuid;
    for (size_t i = 0; i < sizeof uuid.bytes; i++)
        uuid.bytes[i] = (uint8_t)i;
    assert_true(rs_place_seed(&uuid, 0) == UINT64_C(0x3d25df1853f3f90a));
    assert_true(rs_place_seed(&uuid, 4096) == UINT64_C(0xf01eca7abb6dda7a));
    assert_true(rs_place_seed(&uuid, 12288) == UINT64_C(0xe80fcc92ec692229));
    assert_true(rs_place_seed(&uuid, (UINT64_C(1) << 40) + 4096) == UINT64_C(0x8cb45ca8b590cf61));
}

static void test_hash__of_two_is_the_hash_of_both(void **state) {
    (void)state;
    seeded random = seeded_start();
    static uint8_t bytes[3000];
    seeded_fill(&random, bytes, sizeof bytes);
    for (int round = 0; round < 2000; round++) {
        size_t size = (size_t)seeded_below(&random, sizeof bytes);
        size_t first = (size_t)seeded_below(&random, size + 1);
        uint64_t seed = seeded_next(&random);
        rs_hash128 whole = rs_hash128_of(bytes, size, seed);
        rs_hash128 parts = rs_hash128_of_two(bytes, first, bytes + first, size - first, seed);
        assert_true(rs_hash128_equal(whole, parts));
    }
    assert_true(rs_hash128_equal(rs_hash128_of_two(NULL, 0, NULL, 0, 1), rs_hash128_of("", 0, 1)));
}

static void test_hash__equal_compares_both_halves(void **state) {
    (void)state;
    rs_hash128 a = {1, 2}, low = {3, 2}, high = {1, 3};
    assert_true(rs_hash128_equal(a, a));
    assert_false(rs_hash128_equal(a, low));
    assert_false(rs_hash128_equal(a, high));
}

static uint8_t pages[70 * RS_PAGE_SIZE];

/* Of the checksums of the pages, in memory of the test's own. */
static rs_hash128 chunk_hash_by_definition(size_t size) {
    uint8_t hashes[16 * 70];
    size_t count = 0;
    for (size_t at = 0; at < size; at += RS_PAGE_SIZE, count++) {
        size_t left = size - at;
        rs_hash128 hash = rs_hash128_of(pages + at, left < RS_PAGE_SIZE ? left : RS_PAGE_SIZE, 0);
        rs_store_u64(hashes + 16 * count, hash.low);
        rs_store_u64(hashes + 16 * count + 8, hash.high);
    }
    return count > 1 ? rs_hash128_of(hashes, 16 * count, 0) : rs_hash128_of(pages, size, 0);
}

static void test_hash__of_a_chunk_is_that_of_its_pages(void **state) {
    (void)state;
    static const size_t sizes[] = {0,
                                   1,
                                   RS_PAGE_SIZE - 1,
                                   RS_PAGE_SIZE,
                                   RS_PAGE_SIZE + 1,
                                   2 * RS_PAGE_SIZE,
                                   63 * RS_PAGE_SIZE + 1,
                                   64 * RS_PAGE_SIZE,
                                   64 * RS_PAGE_SIZE + 1,
                                   70 * RS_PAGE_SIZE - 1,
                                   70 * RS_PAGE_SIZE};
    seeded random = seeded_start();
    seeded_fill(&random, pages, sizeof pages);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        rs_hash128 of_pages[70], expected = chunk_hash_by_definition(sizes[i]);
        assert_true(rs_hash128_equal(rs_chunk_hash(pages, sizes[i], NULL), expected));
        assert_true(rs_hash128_equal(rs_chunk_hash(pages, sizes[i], of_pages), expected));
        size_t count = rs_page_count(sizes[i]);
        if (count == 0) continue;
        assert_true(rs_hash128_equal(rs_chunk_hash_of_pages(of_pages, count), expected));
        size_t last = sizes[i] - (count - 1) * RS_PAGE_SIZE;
        rs_hash128 of_last = rs_hash128_of(pages + (count - 1) * RS_PAGE_SIZE, last, 0);
        assert_true(rs_hash128_equal(of_pages[count - 1], of_last));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hash__agrees_with_another_implementation),
        cmocka_unit_test(test_hash__place_seed_agrees_with_another_implementation),
        cmocka_unit_test(test_hash__of_two_is_the_hash_of_both),
        cmocka_unit_test(test_hash__equal_compares_both_halves),
        cmocka_unit_test(test_hash__of_a_chunk_is_that_of_its_pages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
