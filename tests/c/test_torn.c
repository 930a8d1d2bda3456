/* Torn commits: what a power cut can leave of the newest save. Sectors of 512 bytes of its segment
 * persist in an arbitrary subset; the others hold zeros or stale bytes (noise, or an earlier
 * attempt at the same place), and the file may end early. The reader must give the newest or the
 * one before, bit for bit, never a mixture.
 *
 * RESUME_TORN_STATES sets the number of states. What this does not show: several writes in flight,
 * renames and folders. */
#include "memory_file.h"
#include "sample.h"
#include "seeded.h"
#include "temp_folder.h"
#include "testing.h"

#include "format/segment.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SECTOR             512u
#define IMAGES             24
#define STATES             100000u
#define ORDERED_STATES_MIN 100u
#define STREAM_MAX         9000u
#define ARRAY_MAX          300000u

/* --- states to save --- */

typedef struct torn_content {
    uint8_t stream[STREAM_MAX];
    size_t stream_size;
    uint8_t *array;
    size_t array_size;
} torn_content;

static void content_fill(torn_content *content, seeded *random, size_t stream_size,
                         size_t array_size) {
    content->stream_size = stream_size;
    seeded_fill(random, content->stream, stream_size);
    content->array_size = array_size;
    content->array = malloc(array_size + 1);
    assert_non_null(content->array);
    seeded_fill(random, content->array, array_size);
}

static resume_status content_commit(const torn_content *content, rs_file *file) {
    rs_meta meta = {.saves = 1};
    rs_blob blobs[] = {{content->stream, content->stream_size, 1},
                       {content->array, content->array_size, 1}};
    rs_snapshot snapshot = {.meta = &meta, .blobs = blobs, .blob_count = 2};
    rs_commit_options options = {.compress = RS_COMPRESS_NEVER};
    rs_commit_info info;
    rs_error error;
    return rs_file_commit(file, &snapshot, &options, &info, &error);
}

static bool content_is(const torn_content *content, rs_state *state) {
    rs_slice stream = rs_state_stream(state);
    if (stream.size != content->stream_size ||
        memcmp(stream.bytes, content->stream, stream.size) != 0 ||
        rs_state_blob_size(state, 1) != content->array_size)
        return false;
    uint8_t *read = malloc(content->array_size + 1);
    assert_non_null(read);
    rs_error error;
    bool equal = rs_state_read_blob(state, 1, read, &error) == RESUME_OK &&
                 memcmp(read, content->array, content->array_size) == 0;
    free(read);
    return equal;
}

/* --- images: a file before and after its newest commit, and after another attempt at it --- */

typedef struct torn_image {
    torn_content old, newest, other;
    uint8_t *bytes, *other_bytes;
    size_t begin, size, other_size; /* the newest segment is [begin, size) */
    uint64_t generation;
    bool ordered;
} torn_image;

static void commit_or_fail(rs_file *file, const torn_content *content) {
    assert_int_equal(content_commit(content, file), RESUME_OK);
}

static void image_make(torn_image *image, seeded *random, bool ordered) {
    char folder_path[TEMP_PATH_SIZE], path[TEMP_PATH_SIZE];
    rs_folder *folder;
    rs_file *file;
    rs_error error;
    rs_recovery recovery;
    size_t array_size = ordered                   ? 1200000
                        : seeded_below(random, 4) ? 0
                                                  : seeded_below(random, 9000);
    content_fill(&image->old, random, 1 + seeded_below(random, STREAM_MAX), array_size);
    content_fill(&image->newest, random, 1 + seeded_below(random, STREAM_MAX), array_size);
    content_fill(&image->other, random, 1 + seeded_below(random, STREAM_MAX), array_size);
    image->ordered = ordered;

    temp_folder_make(folder_path);
    temp_path(path, folder_path, "ck");
    assert_int_equal(rs_folder_open(rs_os_linux(), folder_path, true, &folder, &error), RESUME_OK);
    assert_int_equal(rs_file_new(folder, "ck", 1, RS_ASIDE_NO, &file, &error), RESUME_OK);
    uint64_t before = seeded_below(random, 3);
    for (uint64_t i = 0; i < before; i++)
        commit_or_fail(file, &image->other);
    commit_or_fail(file, &image->old);
    size_t size;
    uint8_t *first = sample_read_file(path, &size);
    image->begin = size;
    commit_or_fail(file, &image->newest);
    image->generation = rs_file_generation(file, 0)->number;
    image->bytes = sample_read_file(path, &image->size);
    rs_file_close(file);
    /* A hint is written once its save is durable: a crash within the save finds the hints before.
     */
    memcpy(image->bytes, first, size);
    sample_write_file(path, first, size);
    assert_int_equal(rs_file_open(folder, "ck", true, &file, &recovery, &error), RESUME_OK);
    commit_or_fail(file, &image->other);
    image->other_bytes = sample_read_file(path, &image->other_size);
    rs_file_close(file);
    rs_folder_close(folder);
    free(first);
    temp_folder_remove(folder_path);
}

static void image_free(torn_image *image) {
    free(image->old.array);
    free(image->newest.array);
    free(image->other.array);
    free(image->bytes);
    free(image->other_bytes);
}

/* --- crash states --- */

typedef enum filler { FILL_ZEROS, FILL_NOISE, FILL_OTHER, FILL_OLD_FILE, FILLERS } filler;

/* What stands in the sectors that did not persist. */
static void fill(const torn_image *image, uint8_t *bytes, size_t size, filler kind,
                 seeded *random) {
    size_t length = size - image->begin;
    memset(bytes + image->begin, 0, length);
    if (kind == FILL_NOISE) seeded_fill(random, bytes + image->begin, length);
    if (kind == FILL_OTHER) {
        size_t have = image->other_size - image->begin;
        memcpy(bytes + image->begin, image->other_bytes + image->begin,
               have < length ? have : length);
        /* A place is used again only when an ordered attempt there never got its trailer. */
        if (image->ordered && have <= length)
            memset(bytes + image->other_size - RS_TRAILER_SIZE, 0, RS_TRAILER_SIZE);
    }
    /* Records of this file from other places: what a file system may hand out again. */
    if (kind == FILL_OLD_FILE)
        for (size_t at = 0; at < length; at += SECTOR)
            memcpy(bytes + image->begin + at,
                   image->bytes + RS_SEGMENTS_START + at % (image->begin - RS_SEGMENTS_START),
                   length - at < SECTOR ? length - at : SECTOR);
}

static bool persists(seeded *random, unsigned pattern, size_t at, size_t begin, size_t end,
                     size_t lost) {
    switch (pattern) {
    case 0:
        return seeded_below(random, 2);
    case 1:
        return seeded_below(random, 16) != 0;
    case 2:
        return seeded_below(random, 16) == 0;
    case 3: /* all but one */
        return at != lost;
    case 4: /* the first and the last only */
        return at == begin || at + SECTOR >= end;
    default: /* a prefix */
        return at < lost;
    }
}

/* Fills `bytes` (of image->size and more) with a state; returns the file's size. */
static size_t make_state(const torn_image *image, uint8_t *bytes, seeded *random) {
    filler what = (filler)seeded_below(random, FILLERS);
    size_t size = image->size;
    memcpy(bytes, image->bytes, image->begin);
    fill(image, bytes, size, what, random);
    unsigned pattern = (unsigned)seeded_below(random, 6);
    size_t sectors = (size - image->begin) / SECTOR;
    size_t lost = image->begin + seeded_below(random, sectors) * SECTOR;
    /* The trailer of an ordered segment is written when all else is on the disk. */
    bool second_phase = image->ordered && seeded_below(random, 4) == 0;
    for (size_t at = image->begin; at < size; at += SECTOR) {
        bool is_last = at + SECTOR >= size;
        bool keeps = persists(random, pattern, at, image->begin, size, lost);
        if (image->ordered) keeps = second_phase ? !is_last || keeps : keeps;
        if (keeps) memcpy(bytes + at, image->bytes + at, SECTOR);
        if (image->ordered && !second_phase && is_last)
            memset(bytes + size - RS_TRAILER_SIZE, 0, RS_TRAILER_SIZE);
    }
    uint64_t cut = seeded_below(random, 4);
    if (cut == 0) size = image->begin + seeded_below(random, size - image->begin + 1);
    if (cut == 1) size = image->begin + seeded_below(random, sectors + 1) * SECTOR;
    return size;
}

/* --- judging --- */

typedef struct torn_counts {
    uint64_t newest, before, warned;
} torn_counts;

static bool is_whole(const torn_image *image, const uint8_t *bytes, size_t size) {
    return size == image->size &&
           memcmp(bytes + image->begin, image->bytes + image->begin, size - image->begin) == 0;
}

static void check_state(const torn_image *image, memory_file *memory, torn_counts *counts) {
    rs_file *file;
    rs_recovery recovery;
    rs_state *state;
    rs_error error;
    resume_status status = memory_file_open(memory, &file, &recovery, &error);
    if (status) fail_msg("the file can't be opened: %s", error.text);
    assert_int_equal(rs_file_read(file, 0, &state, &error), RESUME_OK);
    if (recovery.taken == image->generation) {
        /* An earlier attempt at the same save, whole, is a save, too. */
        if (!content_is(&image->newest, state) && !content_is(&image->other, state))
            fail_msg("a mixture was taken for the newest save");
        counts->newest++;
    } else {
        assert_int_equal(recovery.taken, image->generation - 1);
        if (is_whole(image, memory->bytes, memory->size)) fail_msg("a whole save was not taken");
        if (!content_is(&image->old, state)) fail_msg("the save before is not what it was");
        bool is_room = rs_chunk_is_zero(memory->bytes + image->begin, memory->size - image->begin);
        assert_int_equal(recovery.health, is_room ? RS_HEALTH_GOOD : RS_HEALTH_TORN);
        counts->before++;
        counts->warned += recovery.text[0] != 0;
    }
    rs_state_free(state);
    rs_file_close(file);
    assert_int_equal(memory->open_count, 0);
}

/* A reader that trusts headers and trailers and verifies no content. True when it would take a
 * newest save that is not what was written: what the real one must never do. */
static bool naive_reader_takes_mixture(const torn_image *image, const uint8_t *bytes, size_t size) {
    rs_header header;
    rs_segment_header segment;
    rs_trailer trailer;
    uint64_t length;
    assert_int_equal(rs_header_decode(bytes, size, &header, NULL), RESUME_OK);
    size_t at = image->begin;
    if (size < at + RS_BLOCK_SIZE ||
        !rs_segment_header_decode(bytes + at, &header.uuid, at, &segment) ||
        rs_segment_size_overflows(segment.data_size, segment.records_size, &length) ||
        length > size - at)
        return false;
    size_t end = at + (size_t)length - RS_TRAILER_SIZE;
    if (!rs_trailer_decode(bytes + end, &header.uuid, end, &trailer)) return false;
    bool is_newest = size >= image->size && memcmp(bytes + at, image->bytes + at, length) == 0;
    bool is_other = length == image->other_size - at &&
                    memcmp(bytes + at, image->other_bytes + at, (size_t)length) == 0;
    return !is_newest && !is_other;
}

static void run_states(const torn_image *image, uint64_t count, seeded *random, torn_counts *counts,
                       uint64_t *naive) {
    uint8_t *bytes = malloc(image->size);
    assert_non_null(bytes);
    memory_file memory;
    memory_file_init(&memory);
    for (uint64_t i = 0; i < count; i++) {
        memory.size = make_state(image, bytes, random);
        memory.bytes = bytes;
        check_state(image, &memory, counts);
        *naive += naive_reader_takes_mixture(image, bytes, memory.size);
    }
    free(bytes);
}

static void test_torn__newest_or_the_one_before_never_a_mixture(void **state) {
    (void)state;
    seeded random = seeded_start();
    uint64_t states = sample_setting("RESUME_TORN_STATES", STATES), naive = 0;
    torn_counts counts = {0};
    for (int i = 0; i < IMAGES; i++) {
        torn_image image;
        image_make(&image, &random, false);
        run_states(&image, states / IMAGES + 1, &random, &counts, &naive);
        image_free(&image);
    }
    print_message("self-verifying: %llu newest, %llu before; a reader that does not verify took "
                  "%llu mixtures\n",
                  (unsigned long long)counts.newest, (unsigned long long)counts.before,
                  (unsigned long long)naive);
    /* The test has teeth: without verification it fails. */
    assert_true(naive > states / 20);
    assert_true(counts.newest > 0 && counts.before > counts.newest);
    assert_true(counts.warned + states / 10 > counts.before);
}

static void test_torn__ordered_commits(void **state) {
    (void)state;
    seeded random = seeded_start();
    uint64_t states = sample_setting("RESUME_TORN_STATES", STATES) / 200, naive = 0;
    if (states < ORDERED_STATES_MIN) states = ORDERED_STATES_MIN;
    torn_counts counts = {0};
    torn_image image;
    image_make(&image, &random, true);
    run_states(&image, states, &random, &counts, &naive);
    print_message("ordered: %llu newest, %llu before\n", (unsigned long long)counts.newest,
                  (unsigned long long)counts.before);
    assert_int_equal(naive, 0); /* the barrier keeps what the reader need not verify */
    assert_true(counts.newest > 0 && counts.before > 0);
    image_free(&image);
}

/* A good trailer says that the content was on the disk: if it is not any more, that is damage. */
static void test_torn__ordered_content_that_is_lost_is_damage(void **state) {
    (void)state;
    seeded random = seeded_start();
    torn_image image;
    image_make(&image, &random, true);
    memory_file memory;
    memory_file_init(&memory);
    memory.size = image.size;
    memory.bytes = image.bytes;
    uint64_t data_size = rs_load_u64(image.bytes + image.begin + 16);
    image.bytes[image.begin + RS_SEGMENT_HEADER_SIZE + data_size + 20] ^= 4; /* records */
    rs_file *file;
    rs_recovery recovery;
    rs_error error;
    assert_int_equal(memory_file_open(&memory, &file, &recovery, &error), RESUME_OK);
    assert_int_equal(recovery.health, RS_HEALTH_DAMAGED);
    assert_int_equal(recovery.taken, image.generation - 1);
    assert_int_equal(recovery.lost, image.generation);
    assert_non_null(strstr(recovery.text, "is damaged"));
    rs_file_close(file);
    image_free(&image);
}

/* After the crash the program goes on in the same file: the tail is kept aside, and the next save
 * is there. */
static void test_torn__the_program_goes_on(void **state) {
    (void)state;
    seeded random = seeded_start();
    char folder_path[TEMP_PATH_SIZE], path[TEMP_PATH_SIZE];
    temp_folder_make(folder_path);
    temp_path(path, folder_path, "ck");
    for (int i = 0; i < 60; i++) {
        torn_image image;
        rs_folder *folder;
        rs_file *file;
        rs_recovery recovery;
        rs_state *read;
        rs_error error;
        image_make(&image, &random, false);
        uint8_t *bytes = malloc(image.size);
        assert_non_null(bytes);
        size_t size = make_state(&image, bytes, &random);
        sample_write_file(path, bytes, size);
        assert_int_equal(rs_folder_open(rs_os_linux(), folder_path, true, &folder, &error),
                         RESUME_OK);
        assert_int_equal(rs_file_open(folder, "ck", true, &file, &recovery, &error), RESUME_OK);
        assert_int_equal(content_commit(&image.other, file), RESUME_OK);
        rs_file_close(file);
        rs_health health = recovery.health;
        uint64_t expected = recovery.taken + 1;
        assert_int_equal(rs_file_open(folder, "ck", false, &file, &recovery, &error), RESUME_OK);
        assert_int_equal(recovery.health, RS_HEALTH_GOOD);
        assert_true(recovery.taken >= expected);
        assert_int_equal(rs_file_read(file, 0, &read, &error), RESUME_OK);
        assert_true(content_is(&image.other, read));
        rs_state_free(read);
        rs_file_close(file);
        rs_folder_close(folder);
        assert_true(sample_count_files(folder_path, "ck.torn-", NULL) <= 1);
        if (health == RS_HEALTH_GOOD)
            assert_int_equal(sample_count_files(folder_path, "ck~", NULL), 0);
        free(bytes);
        image_free(&image);
    }
    temp_folder_remove(folder_path);
}

int main(void) {
    sample_use_memory();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_torn__newest_or_the_one_before_never_a_mixture),
        cmocka_unit_test(test_torn__ordered_commits),
        cmocka_unit_test(test_torn__ordered_content_that_is_lost_is_damage),
        cmocka_unit_test(test_torn__the_program_goes_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
