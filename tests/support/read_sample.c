/* What the C library says about checkpoint files, to be compared with an independent reader.
 *
 *   read_sample FOLDER NAME...
 *
 * Prints a line for each: name, then the status, or health, generation and the XXH3-128 of each
 * blob. A blob that can't be read is "bad". */
#include "format/hash.h"
#include "store/file.h"

#include <resume/resume.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static void print_blob(rs_state *state, size_t index) {
    uint64_t size = rs_state_blob_size(state, index);
    uint8_t *bytes = malloc((size_t)size + 1);
    if (!bytes || rs_state_read_blob(state, index, bytes, NULL)) {
        printf(" bad");
    } else {
        rs_hash128 hash = rs_hash128_of(bytes, (size_t)size, 0);
        printf(" %016" PRIx64 "%016" PRIx64, hash.high, hash.low);
    }
    free(bytes);
}

static void print_file(const rs_folder *folder, const char *name) {
    static const char *const healths[] = {"good", "torn", "damaged"};
    rs_file *file = NULL;
    rs_state *state = NULL;
    rs_recovery recovery;
    resume_status status = rs_file_open(folder, name, false, &file, &recovery, NULL);
    if (!status) status = rs_file_read(file, 0, &state, NULL);
    if (status) {
        printf("%s %s", name, resume_status_name(status));
    } else {
        printf("%s %s %" PRIu64, name, healths[recovery.health], recovery.taken);
        for (size_t i = 0; i < rs_state_blob_count(state); i++)
            print_blob(state, i);
    }
    printf("\n");
    rs_state_free(state);
    rs_file_close(file);
}

int main(int count, char **arguments) {
    rs_folder *folder;
    rs_error error = {0};
    if (count < 3) return 2;
    if (rs_folder_open(rs_os_linux(), arguments[1], false, &folder, &error)) {
        fprintf(stderr, "%s\n", error.text);
        return 1;
    }
    for (int i = 2; i < count; i++)
        print_file(folder, arguments[i]);
    rs_folder_close(folder);
    return 0;
}
