/* The golden files under tests/vectors: what is in them. Small checkpoint files that every version
 * of the library must read. */
#ifndef SUPPORT_GOLDEN_H
#define SUPPORT_GOLDEN_H

#include "store/file.h"

#define GOLDEN_FILES           3
#define GOLDEN_GENERATIONS_MAX 3
#define GOLDEN_BLOBS_MAX       80

typedef struct golden_state {
    rs_meta meta;
    rs_blob blobs[GOLDEN_BLOBS_MAX];
    size_t blob_count;
    uint8_t bytes[20000];
    bool is_mark; /* the state is that of the generation before */
} golden_state;

typedef struct golden_file {
    const char *name;    /* of the file in tests/vectors */
    const char *purpose; /* one line */
    size_t generation_count;
    void (*fill)(golden_state *state, size_t generation); /* 1 is the first */
} golden_file;

extern const golden_file golden_files[GOLDEN_FILES];

/* The state of a generation; META, too. Must not move afterwards. */
void golden_make(const golden_file *file, size_t generation, golden_state *state);
/* Does a generation that was read hold exactly this? DAMAGED and the like when reading fails. */
resume_status golden_compare(const golden_state *golden, rs_state *state, bool *equal,
                             rs_error *error);
#endif
