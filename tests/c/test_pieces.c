/* Tests of src/store/pieces.c: whole blocks past the page cache, by a thread, and the way back. */
#include "base/arith.h"
#include "large_array.h"

#include <errno.h>
#include <stdio.h>

static struct {
    int direct;                    /* descriptor, or -1 */
    unsigned opened, written, odd; /* direct writes; those that are not whole blocks */
    int fails_open, fails_write;   /* errno */
    long fails_at;                 /* that direct write */
    bool is_short;                 /* and it writes half of a block before */
} past;

static int past_open(const rs_os *os, int folder, const char *path, unsigned flags, unsigned mode) {
    (void)os;
    if (!(flags & RS_OPEN_DIRECT))
        return rs_os_linux()->open(rs_os_linux(), folder, path, flags, mode);
    if (past.fails_open) return -past.fails_open;
    past.opened++;
    flags &= ~(unsigned)RS_OPEN_DIRECT; /* not every file system that tests run on can do it */
    return past.direct = rs_os_linux()->open(rs_os_linux(), folder, path, flags, mode);
}

static int past_close(const rs_os *os, int fd) {
    (void)os;
    if (fd == past.direct) past.direct = -1;
    return rs_os_linux()->close(rs_os_linux(), fd);
}

static int64_t past_write(const rs_os *os, int fd, const rs_slice *parts, size_t count,
                          uint64_t offset) {
    (void)os;
    if (fd == past.direct) {
        past.written++;
        past.odd += offset % RS_BLOCK_SIZE || parts[0].size % RS_BLOCK_SIZE || count != 1 ||
                    (uintptr_t)parts[0].bytes % RS_BLOCK_SIZE;
        if (past.fails_at && past.is_short && (long)past.written == past.fails_at + 1)
            return -past.fails_write;
        if ((long)past.written == past.fails_at && !past.is_short) return -past.fails_write;
        rs_slice half = {parts[0].bytes, RS_BLOCK_SIZE / 2};
        if ((long)past.written == past.fails_at)
            return rs_os_linux()->write(rs_os_linux(), fd, &half, 1, offset);
    }
    return rs_os_linux()->write(rs_os_linux(), fd, parts, count, offset);
}

static unsigned two_processors(const rs_os *os) {
    (void)os;
    return 2;
}

static rs_os past_os(bool has_thread) {
    rs_os os = *rs_os_linux();
    os.open = past_open;
    os.close = past_close;
    os.write = past_write;
    os.processors = has_thread ? two_processors : NULL;
    past.direct = -1;
    past.opened = past.written = past.odd = 0;
    return os;
}

/* All calls go by it, until NULL. */
static void past_through(store_place *place, const rs_os *os) {
    place->fault.real = os ? os : rs_os_linux();
    place->fault.os.processors = os ? os->processors : NULL;
}

/* Arrays of many sizes, one behind the other: pieces end in the middle of chunks' padding, of what
 * is compressed, and of small ones. */
static void save_and_compare(store_place *place, const rs_os *os, const uint8_t *bytes,
                             rs_compress compress) {
    enum { COUNT = 9 };
    static const size_t sizes[COUNT] = {100,  5u << 20, 65537, 1,       3u << 20,
                                        4096, 70000,    777,   9u << 20};
    rs_blob blobs[COUNT];
    rs_meta meta = {.saves = 1};
    rs_snapshot snapshot = {.meta = &meta, .blobs = blobs, .blob_count = COUNT};
    rs_commit_options options = {.compress = compress};
    size_t at = 0;
    for (size_t i = 0; i < COUNT; at += sizes[i++] % 5000)
        blobs[i] = (rs_blob){bytes + at, sizes[i], 8};
    past_through(place, os);
    resume_status status =
        rs_file_commit(place->file, &snapshot, &options, &place->info, &place->error);
    past_through(place, NULL);
    assert_int_equal(status, RESUME_OK);
    assert_int_equal(past.direct, -1); /* closed again */
    rs_state *read;
    assert_int_equal(rs_file_read(place->file, 0, &read, &place->error), RESUME_OK);
    uint8_t *back = malloc(9u << 20);
    assert_non_null(back);
    for (size_t i = 1; i < COUNT; i++) {
        assert_int_equal(rs_state_read_blob(read, i, back, &place->error), RESUME_OK);
        assert_memory_equal(back, blobs[i].bytes, sizes[i]);
    }
    free(back);
    rs_state_free(read);
}

static void test_pieces__go_past_the_page_cache(void **state) {
    store_place *place = *state;
    uint8_t *bytes = make_array(10);
    uint64_t seed = 11;
    store_new(place);
    store_save(place, SAMPLE_SMALL, 1);
    place->file->direct_size = 2u << 20;
    place->file->slack = UINT64_C(1) << 40; /* no compaction, which would go past it, too */
    for (unsigned round = 0; round < 12; round++) {
        bool small = round == 11; /* not worth it */
        rs_os os = past_os(round % 2 == 0);
        past.fails_at = round % 6 < 3 ? 0 : (long)(round % 3) + 1;
        past.is_short = round >= 6;
        past.fails_write = EINVAL;
        past.fails_open = round == 10 ? EINVAL : 0;
        if (small) place->file->direct_size = RS_DIRECT_SIZE_MIN * 8;
        for (size_t i = 0; i < ARRAY_SIZE; i += 512) /* each round has bytes of its own */
            bytes[i] = (uint8_t)sample_random(&seed);
        save_and_compare(place, &os, bytes, round % 4 < 2 ? RS_COMPRESS_NEVER : RS_COMPRESS_AUTO);
        assert_int_equal(past.opened, round < 10);
        if (round < 10)
            assert_true(past.fails_at ? past.written >= past.fails_at : past.written >= 3);
        /* a short write goes on in the middle of a block, which the system then refuses */
        assert_int_equal(past.odd, past.fails_at && past.is_short && past.opened ? 1 : 0);
    }
    store_close(place);
    store_open(place);
    assert_int_equal(place->recovery.health, RS_HEALTH_GOOD);
    free(bytes);
}

/* Also from the thread a failure is told, the file is left as after any failed write, and the next
 * save works. True: so many were written. */
static bool fail_in_the_thread(store_place *place, const uint8_t *bytes, long nth, int os_code) {
    bool no_space = os_code == ENOSPC;
    store_new(place);
    store_save(place, SAMPLE_SMALL, 1);
    rs_os os = past_os(true);
    past.fails_at = nth;
    past.fails_write = os_code;
    past.is_short = false;
    past.fails_open = 0;
    place->file->direct_size = 2u << 20;
    past_through(place, &os);
    resume_status status = save_array(place, bytes, ARRAY_SIZE, RS_COMPRESS_NEVER);
    bool has_failed = (long)past.written >= nth;
    assert_int_equal(status, !has_failed ? RESUME_OK : no_space ? RESUME_NO_SPACE : RESUME_IO);
    assert_int_equal(past.direct, -1);
    assert_int_equal(place->file->poisoned, has_failed && !no_space);
    past.fails_at = 0;
    assert_int_equal(save_array(place, bytes, ARRAY_SIZE, RS_COMPRESS_NEVER), RESUME_OK);
    assert_int_equal(place->info.new_file, has_failed && !no_space);
    past_through(place, NULL);
    expect_array(place, bytes, ARRAY_SIZE);
    store_close(place);
    remove(place->file_path);
    return has_failed;
}

/* The last one is not waited for by the next, but by the end of the save. */
static void test_pieces__one_that_fails_in_the_thread(void **state) {
    store_place *place = *state;
    uint8_t *bytes = make_array(12);
    for (long nth = 1; fail_in_the_thread(place, bytes, nth, EIO); nth++) {
        assert_true(fail_in_the_thread(place, bytes, nth, ENOSPC));
        assert_true(nth < 20);
    }
    free(bytes);
}

/* A chunk that is larger than a piece, right behind the first bytes of a segment. */
static void test_pieces__a_chunk_larger_than_a_piece(void **state) {
    store_place *place = *state;
    uint8_t *bytes = make_array(13), *back = malloc(ARRAY_SIZE);
    assert_non_null(back);
    store_new(place);
    store_save(place, SAMPLE_SMALL, 1);
    for (uint64_t shift = 0; shift < 8192; shift += 1016) {
        rs_segment_writer writer = begin_writer(place, rs_os_linux(), place->file->end + shift);
        writer.small_size_max = 1;
        rs_chunk_entry entry[] = {{.raw_size = 8}, {.raw_size = ARRAY_SIZE}, {.raw_size = 4096}};
        for (size_t i = 0; i < 3; i++) {
            entry[i].hash = rs_chunk_hash(bytes, entry[i].raw_size, NULL);
            assert_int_equal(rs_segment_writer_chunk(&writer, bytes, 1, RS_COMPRESS_NEVER, false,
                                                     &entry[i], &place->error),
                             RESUME_OK);
        }
        rs_buffer records = {0};
        rs_end_append(&records, NULL, &(rs_statement){0});
        rs_segment_header header = {.generation = 2};
        rs_generation made;
        assert_int_equal(rs_segment_writer_finish(&writer, &header, &records, &made, &place->error),
                         RESUME_OK);
        rs_buffer_release(&records);
        rs_segment_writer_release(&writer);
        for (size_t i = 0; i < 3; i++) {
            assert_int_equal(rs_fd_read_all(rs_os_linux(), place->file->fd, back, entry[i].raw_size,
                                            entry[i].offset, "it", &place->error),
                             RESUME_OK);
            assert_memory_equal(back, bytes, entry[i].raw_size);
        }
    }
    free(back);
    free(bytes);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, store_place_setup, store_place_teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_pieces__go_past_the_page_cache),
        TEST(test_pieces__one_that_fails_in_the_thread),
        TEST(test_pieces__a_chunk_larger_than_a_piece),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
