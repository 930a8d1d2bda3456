/* The content of the golden files, from plain arithmetic. */
#include "golden.h"

#include <stdio.h>
#include <string.h>

static void add(golden_state *state, const void *bytes, size_t size, uint32_t element_size) {
    size_t used = 0;
    for (size_t i = 0; i < state->blob_count; i++)
        used += (size_t)state->blobs[i].size;
    memcpy(state->bytes + used, bytes, size);
    state->blobs[state->blob_count++] =
        (rs_blob){.bytes = state->bytes + used, .size = size, .element_size = element_size};
}

static void add_text(golden_state *state, const char *text) {
    add(state, text, strlen(text), 1);
}

/* Numbers that no codec gains on. */
static void noise(uint8_t *to, size_t size, uint32_t seed) {
    for (size_t i = 0; i < size; i++) {
        seed = seed * 1664525u + 1013904223u;
        to[i] = (uint8_t)(seed >> 24);
    }
}

/* One save of a stream as the Python front end makes it: a CBOR map. */
static void fill_first(golden_state *state, size_t generation) {
    static const uint8_t stream[] = {0xa2, 0x61, 'v',  0x01, 0x64, 'v',  'a',
                                     'r',  's',  0xa1, 0x61, 'n',  0x18, 42};
    (void)generation;
    add(state, stream, sizeof stream, 1);
}

/* Two saves and the mark of an ended call; shuffled and plainly compressed arrays, zeros. */
static void fill_arrays(golden_state *state, size_t generation) {
    static uint8_t array[4096];
    char text[40];
    snprintf(text, sizeof text, "generation %u", (unsigned)(generation > 2 ? 2 : generation));
    add_text(state, text);
    for (uint16_t i = 0; i < 1024; i++) {
        uint16_t value = (uint16_t)(1000 + i * 3);
        memcpy(array + 2 * i, &value, 2);
    }
    add(state, array, 2048, 2);
    memset(array, 0, sizeof array);
    add(state, array, sizeof array, 8);
    for (size_t i = 0; i < 1500; i++)
        array[i] = (uint8_t) "compressible "[i % 13];
    add(state, array, 1500, 1);
    noise(array, 900, (uint32_t)(generation > 2 ? 2 : generation));
    add(state, array, 900, 1);
    state->is_mark = generation == 3;
    state->meta.ended = generation == 3;
}

/* Many blobs, so that the tables of the later saves are deltas. */
static void fill_deltas(golden_state *state, size_t generation) {
    uint8_t blob[60];
    add_text(state, "a stream");
    for (uint32_t i = 0; i < 64; i++) {
        uint32_t changed = i == 7 ? (uint32_t)generation : 0;
        noise(blob, sizeof blob, 100 * i + changed);
        add(state, blob, sizeof blob, 1);
    }
}

const golden_file golden_files[GOLDEN_FILES] = {
    {"first.ckpt", "one save, a stream alone", 1, fill_first},
    {"arrays.ckpt", "arrays raw, compressed, shuffled and zero; an ended call", 3, fill_arrays},
    {"deltas.ckpt", "tables as deltas, on a chain of two", 3, fill_deltas},
};

void golden_make(const golden_file *file, size_t generation, golden_state *state) {
    memset(state, 0, sizeof *state);
    state->meta = (rs_meta){
        .saved_ns = 1500000000000000000 + (int64_t)generation,
        .started_ns = 1499999999000000000,
        .running_ns = 1000000000,
        .saves = generation,
        .pid = 4711,
        .name = {file->name, strlen(file->name)},
        .program = {"/home/user/golden.py", 20},
        .function = {"golden:main", 11},
        .host = {"host", 4},
        .writer = {"resume 1.0.0", 12},
    };
    file->fill(state, generation);
    if (state->is_mark) state->meta.saves = generation - 1;
}

static bool same_text(rs_slice a, rs_slice b) {
    return a.size == b.size && (a.size == 0 || memcmp(a.bytes, b.bytes, a.size) == 0);
}

static bool same_meta(const rs_meta *a, const rs_meta *b) {
    return a->saved_ns == b->saved_ns && a->started_ns == b->started_ns &&
           a->running_ns == b->running_ns && a->saves == b->saves && a->ended == b->ended &&
           a->pid == b->pid && same_text(a->name, b->name) && same_text(a->program, b->program) &&
           same_text(a->function, b->function) && same_text(a->host, b->host) &&
           same_text(a->writer, b->writer);
}

resume_status golden_compare(const golden_state *golden, rs_state *state, bool *equal,
                             rs_error *error) {
    uint8_t read[8192];
    *equal = rs_state_blob_count(state) == golden->blob_count &&
             same_meta(rs_state_meta(state), &golden->meta);
    for (size_t i = 0; *equal && i < golden->blob_count; i++) {
        uint64_t size = rs_state_blob_size(state, i);
        *equal = size == golden->blobs[i].size && size <= sizeof read;
        if (!*equal) break;
        resume_status status = rs_state_read_blob(state, i, read, error);
        if (status) return status;
        *equal = memcmp(read, golden->blobs[i].bytes, (size_t)size) == 0;
    }
    rs_slice stream = rs_state_stream(state);
    *equal = *equal && memcmp(stream.bytes, golden->blobs[0].bytes, stream.size) == 0;
    return RESUME_OK;
}
