/* Sample states for tests of the store: made from a number, saved, read back and compared. */
#ifndef SUPPORT_SAMPLE_H
#define SUPPORT_SAMPLE_H

#include "store/file.h"

#include <stdbool.h>

#define SAMPLE_BLOBS_MAX 4

/* What differs from one `version` to the next is a part only, so that chunks are shared. */
typedef enum sample_shape {
    SAMPLE_SMALL, /* a stream of some hundred bytes */
    SAMPLE_MIXED, /* a stream, a random array with a changing chunk, a compressible one, zeros */
    SAMPLE_LARGE, /* as MIXED, but with more than 1 MiB that changes: an ordered segment */
} sample_shape;

typedef struct sample_data {
    uint8_t *memory[SAMPLE_BLOBS_MAX];
    rs_blob blobs[SAMPLE_BLOBS_MAX];
    size_t blob_count;
    rs_meta meta;
    rs_snapshot snapshot;
} sample_data;

/* Must not move afterwards. Made without the library's allocator. */
void sample_make(sample_data *sample, sample_shape shape, uint64_t version);
void sample_free(sample_data *sample);
resume_status sample_commit(rs_file *file, sample_shape shape, uint64_t version,
                            rs_commit_info *info, rs_error *error);
/* Does the state hold this sample, bit for bit? Every blob is read and verified. A status other
 * than OK when reading fails; *equal tells the rest. */
resume_status sample_compare(rs_state *state, sample_shape shape, uint64_t version, bool *equal,
                             rs_error *error);

/* Tests that sync thousands of times do so in memory, unless TMPDIR says where. */
void sample_use_memory(void);
/* The names in a folder that begin with `prefix`; one of them into `last` (256 bytes) if not NULL.
 */
size_t sample_count_files(const char *folder, const char *prefix, char *last);

/* A whole file, by stdio. */
uint8_t *sample_read_file(const char *path, size_t *size);
void sample_write_file(const char *path, const void *bytes, size_t size);

uint64_t sample_random(uint64_t *seed); /* splitmix64 */
/* The number in an environment variable, or `otherwise`. */
uint64_t sample_setting(const char *name, uint64_t otherwise);
#endif
