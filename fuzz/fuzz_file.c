/* libFuzzer: one file of any bytes, opened for reading, each generation read and verified.
 *
 * The mutator knows the file and repairs its checksums (mutate.h), else nothing behind them would
 * be reached. Shown: no crash, nothing read outside, every refusal has a status and a text, and a
 * generation that was accepted is read again as the same. Not shown: that the value is the right
 * one: tests/python/test_reader_mutated.py compares with a second reader. */
#include "memory_file.h"
#include "mutate.h"
#include "require.h"

#include "base/bytes.h"
#include "format/hash.h"

#include <stdlib.h>
#include <string.h>

#define CHUNK_SIZE_MAX (4u << 20) /* larger ones cost only time */
#define BLOB_SIZE_MAX  (8u << 20)
#define READ_MAX       4 /* generations that are read */

static void check_refusal(resume_status status, const rs_error *error) {
    require(error->status == status && error->text[0] != 0);
    require(status != RESUME_IO && status != RESUME_MISUSE && status != RESUME_NO_MEMORY);
}

/* A part of a blob that can be read is the same as in the whole. */
static void read_part(rs_state *state, size_t index, const uint8_t *whole, uint64_t size) {
    uint8_t part[5000];
    uint64_t from = size / 3, length = size - from < sizeof part ? size - from : sizeof part;
    rs_error error = {0};
    if (rs_state_read_range(state, index, from, (size_t)length, part, &error) == RESUME_OK)
        require(memcmp(part, whole + from, (size_t)length) == 0);
    require(rs_state_read_range(state, index, size, 1, part, &error) != RESUME_OK);
    require(rs_state_read_range(state, index, UINT64_MAX, 2, part, &error) != RESUME_OK);
}

static rs_hash128 read_blobs(rs_state *state) {
    rs_hash128 sum = {0, 0};
    for (size_t i = 0; i < rs_state_blob_count(state); i++) {
        uint64_t size = rs_state_blob_size(state, i);
        rs_error error = {0};
        if (size > BLOB_SIZE_MAX) continue;
        uint8_t *bytes = malloc((size_t)size + 1);
        require(bytes != NULL);
        resume_status status = rs_state_read_blob(state, i, bytes, &error);
        if (status)
            check_refusal(status, &error);
        else
            read_part(state, i, bytes, size);
        sum = rs_hash128_of(bytes, status ? 0 : (size_t)size, sum.low);
        free(bytes);
    }
    return sum;
}

static void read_generation(rs_file *file, size_t index) {
    rs_state *state, *again;
    rs_error error = {0};
    resume_status status = rs_file_read(file, index, &state, &error);
    if (status) {
        check_refusal(status, &error);
        require(index > 0); /* the newest was verified by opening */
        return;
    }
    status = rs_state_verify(state, NULL, NULL, NULL, &error);
    if (status) check_refusal(status, &error);
    rs_state_sizes sizes = rs_state_measure(state);
    require(sizes.zero_chunks <= sizes.chunks);
    rs_hash128 first = read_blobs(state);
    require(rs_file_read(file, index, &again, &error) == RESUME_OK);
    require(rs_hash128_equal(first, read_blobs(again)));
    rs_state_free(again);
    rs_state_free(state);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    memory_file memory;
    rs_file *file;
    rs_recovery recovery;
    rs_error error = {0};
    if (size >= 52 && rs_load_u32(bytes + 48) > CHUNK_SIZE_MAX) return 0;
    memory_file_init(&memory);
    memory.bytes = bytes;
    memory.size = size;
    resume_status status = memory_file_open(&memory, &file, &recovery, &error);
    if (status) {
        check_refusal(status, &error);
    } else {
        require((recovery.health == RS_HEALTH_GOOD) == (recovery.text[0] == 0));
        require(recovery.taken == rs_file_generation(file, 0)->number);
        require(recovery.end <= size);
        for (size_t i = 0; i < rs_file_generation_count(file) && i < READ_MAX; i++)
            read_generation(file, i);
        while (rs_file_fall_back(file, &recovery, &error) == RESUME_OK)
            require(recovery.taken == rs_file_generation(file, 0)->number);
        rs_file_close(file);
    }
    require(memory.open_count == 0);
    return 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *bytes, size_t size, size_t max_size, unsigned seed);
size_t LLVMFuzzerCustomMutator(uint8_t *bytes, size_t size, size_t max_size, unsigned seed) {
    image file = {bytes, size, max_size};
    mutate_image(&file, seed);
    return file.size;
}
