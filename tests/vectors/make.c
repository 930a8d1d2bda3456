/* Makes the golden files of this folder: make_vectors FOLDER. Run by hand, once for each version of
 * the format; the files are committed. Clock, random numbers and process are fixed, so that only
 * the bytes of zstd can differ from one making to the next. */
#include "golden.h"
#include "os/os.h"

#include <stdio.h>
#include <string.h>

static int64_t fixed_clock(const rs_os *os) {
    (void)os;
    return 1500000000000000000;
}

static int fixed_random(const rs_os *os, void *to, size_t size) {
    (void)os;
    for (size_t i = 0; i < size; i++)
        ((uint8_t *)to)[i] = (uint8_t)(0xA0 + i);
    return 0;
}

static resume_status make_file(const rs_folder *folder, const golden_file *golden,
                               rs_error *error) {
    static golden_state state;
    rs_file *file;
    rs_commit_options options = {.keep = {.last = 8}};
    rs_commit_info info;
    resume_status status = rs_file_new(folder, golden->name, 1, RS_ASIDE_NO, &file, error);
    for (size_t i = 1; status == RESUME_OK && i <= golden->generation_count; i++) {
        golden_make(golden, i, &state);
        rs_snapshot snapshot = {
            .meta = &state.meta, .blobs = state.blobs, .blob_count = state.blob_count};
        status = state.is_mark ? rs_file_commit_mark(file, &state.meta, &options, &info, error)
                               : rs_file_commit(file, &snapshot, &options, &info, error);
    }
    if (status == RESUME_OK) rs_file_leave(file);
    rs_file_close(file);
    return status;
}

int main(int count, char **arguments) {
    rs_os os = *rs_os_linux();
    os.clock_ns = fixed_clock;
    os.random = fixed_random;
    rs_folder *folder;
    rs_error error = {0};
    if (count != 2) {
        fputs("usage: make_vectors FOLDER\n", stderr);
        return 2;
    }
    resume_status status = rs_folder_open(&os, arguments[1], false, &folder, &error);
    for (size_t i = 0; status == RESUME_OK && i < GOLDEN_FILES; i++) {
        os.remove(&os, folder->fd, golden_files[i].name);
        status = make_file(folder, &golden_files[i], &error);
        if (status == RESUME_OK) printf("%s: %s\n", golden_files[i].name, golden_files[i].purpose);
    }
    rs_folder_close(folder);
    if (status) fprintf(stderr, "%s\n", error.text);
    return status != RESUME_OK;
}
