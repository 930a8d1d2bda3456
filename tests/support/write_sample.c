/* Writes checkpoint files with the C library, for readers that are written in something else.
 *
 *   write_sample FOLDER NAME SHAPE VERSION...
 *
 * commits these versions of a sample state (SHAPE 0 to 2: tests/support/sample.h; 3: many chunks of
 * which few change, so that tables become deltas), and a mark behind them. Prints a line for each
 * blob of each version: generation, blob, size and XXH3-128 of its bytes. */
#include "sample.h"

#include "format/hash.h"
#include "store/folder.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WIDE_SHAPE  3u
#define WIDE_CHUNKS 100u

typedef struct writer {
    rs_file *file;
    uint8_t *wide; /* zeros, and what the versions so far have put in */
} writer;

static void print_blobs(const rs_blob *blobs, size_t count, uint64_t generation) {
    for (size_t i = 0; i < count; i++) {
        rs_hash128 hash = rs_hash128_of(blobs[i].bytes, (size_t)blobs[i].size, 0);
        printf("%" PRIu64 " %zu %" PRIu64 " %016" PRIx64 "%016" PRIx64 "\n", generation, i,
               blobs[i].size, hash.high, hash.low);
    }
}

static resume_status commit_sample(writer *w, sample_shape shape, uint64_t version,
                                   rs_error *error) {
    sample_data made;
    rs_commit_info info;
    sample_make(&made, shape, version);
    resume_status status = sample_commit(w->file, shape, version, &info, error);
    if (!status) print_blobs(made.blobs, made.blob_count, info.generation);
    sample_free(&made);
    return status;
}

/* One more chunk is changed in each version, and one blob more is there in every other. */
static resume_status commit_wide(writer *w, uint64_t version, rs_error *error) {
    uint8_t *chunk = w->wide + version * 7 % WIDE_CHUNKS * RS_CHUNK_SIZE;
    for (size_t i = 0; i < RS_CHUNK_SIZE; i += 1 + version % 5)
        chunk[i] = (uint8_t)(i * version >> 8);
    rs_blob blobs[] = {{"stream", 6, 1},
                       {"inserted", version % 2 * 8, 4},
                       {w->wide, (uint64_t)WIDE_CHUNKS * RS_CHUNK_SIZE - version, 8}};
    rs_meta meta = {.saves = version, .name = {"wide", 4}};
    rs_snapshot snapshot = {.meta = &meta, .blobs = blobs, .blob_count = 3};
    rs_commit_options options = {0};
    rs_commit_info info;
    resume_status status = rs_file_commit(w->file, &snapshot, &options, &info, error);
    if (!status) print_blobs(blobs, 3, info.generation);
    return status;
}

static resume_status write_all(writer *w, char **arguments, int count, rs_error *error) {
    unsigned long shape = strtoul(arguments[3], NULL, 0);
    resume_status status = RESUME_OK;
    for (int i = 4; i < count && !status; i++) {
        uint64_t version = strtoul(arguments[i], NULL, 0);
        status = shape == WIDE_SHAPE ? commit_wide(w, version, error)
                                     : commit_sample(w, (sample_shape)shape, version, error);
    }
    rs_meta mark = {.ended = true, .pid = 1, .name = {"mark", 4}, .program = {"/\xFF.py", 5}};
    rs_commit_options options = {0};
    rs_commit_info info;
    return status ? status : rs_file_commit_mark(w->file, &mark, &options, &info, error);
}

int main(int count, char **arguments) {
    rs_error error = {0};
    rs_folder *folder = NULL;
    writer w = {.wide = calloc(WIDE_CHUNKS, RS_CHUNK_SIZE)};
    if (count < 5 || !w.wide) return 2;
    resume_status status = rs_folder_open(rs_os_linux(), arguments[1], true, &folder, &error);
    if (!status) status = rs_file_new(folder, arguments[2], 1, RS_ASIDE_NO, &w.file, &error);
    if (!status) status = write_all(&w, arguments, count, &error);
    rs_file_close(w.file);
    rs_folder_close(folder);
    free(w.wide);
    if (status) fprintf(stderr, "%s\n", error.text);
    return status ? 1 : 0;
}
