/* A folder for checkpoint files behind a fault os. */
#include "store_place.h"

#include "testing.h"

#include <stdlib.h>
#include <string.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

int store_place_setup(void **state) {
    sample_use_memory();
    store_place *place = calloc(1, sizeof *place);
    assert_non_null(place);
    temp_folder_make(place->path);
    temp_path(place->file_path, place->path, CK);
    fault_os_init(&place->fault, rs_os_linux());
    fault_os_plan(&place->fault, (fault_plan){0});
    assert_int_equal(
        rs_folder_open(&place->fault.os, place->path, true, &place->folder, &place->error),
        RESUME_OK);
    *state = place;
    return 0;
}

int store_place_teardown(void **state) {
    store_place *place = *state;
    rs_file_close(place->file);
    rs_folder_close(place->folder);
    assert_int_equal(fault_os_open_count(&place->fault), 0);
    temp_folder_remove(place->path);
    free(place);
    return 0;
}

static void expect_ok(store_place *place, resume_status status) {
    if (status) fail_msg("status %d: %s", (int)status, place->error.text);
}

void store_new(store_place *place) {
    expect_ok(place, rs_file_new(place->folder, CK, 1, RS_ASIDE_NO, &place->file, &place->error));
}

void store_open(store_place *place) {
    expect_ok(place,
              rs_file_open(place->folder, CK, true, &place->file, &place->recovery, &place->error));
}

void store_open_reader(store_place *place) {
    expect_ok(place, rs_file_open(place->folder, CK, false, &place->file, &place->recovery,
                                  &place->error));
}

void store_close(store_place *place) {
    rs_file_close(place->file);
    place->file = NULL;
}

void store_save(store_place *place, sample_shape shape, uint64_t version) {
    expect_ok(place, sample_commit(place->file, shape, version, &place->info, &place->error));
}

void store_save_until(store_place *place, sample_shape shape, uint64_t version) {
    for (uint64_t i = 1; i <= version; i++)
        store_save(place, shape, i);
}

void store_expect(store_place *place, size_t index, sample_shape shape, uint64_t version) {
    rs_state *state;
    bool equal;
    expect_ok(place, rs_file_read(place->file, index, &state, &place->error));
    expect_ok(place, sample_compare(state, shape, version, &equal, &place->error));
    rs_state_free(state);
    assert_true(equal);
}

void store_flip(const char *path, uint64_t offset) {
    size_t size;
    uint8_t *bytes = sample_read_file(path, &size);
    assert_true(offset < size);
    bytes[offset] ^= 0x10;
    sample_write_file(path, bytes, size); /* the same inode */
    free(bytes);
}

void store_cut(const char *path, uint64_t size) {
    assert_int_equal(truncate(path, (off_t)size), 0);
}

void store_append(const char *path, const void *bytes, size_t size) {
    FILE *stream = fopen(path, "ab");
    assert_non_null(stream);
    assert_int_equal(fwrite(bytes, 1, size, stream), size);
    fclose(stream);
}

uint64_t store_size(const char *path) {
    struct stat info;
    assert_int_equal(stat(path, &info), 0);
    return (uint64_t)info.st_size;
}

void store_fail(store_place *place, fault_call call, long nth, int os_code) {
    fault_os_plan(&place->fault, (fault_plan){.nth = os_code ? nth : 0,
                                              .mode = os_code ? FAULT_FAIL : FAULT_NOTHING,
                                              .os_code = os_code,
                                              .calls = FAULT_BIT(call)});
}
