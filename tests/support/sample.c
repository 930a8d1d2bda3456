/* Sample states, folders and files for tests of the store. */
#include "sample.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define CACHED_VERSIONS 16
#define READ_SIZE_MAX   (4u << 20)

uint64_t sample_random(uint64_t *seed) {
    uint64_t z = (*seed += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

uint64_t sample_setting(const char *name, uint64_t otherwise) {
    const char *text = getenv(name);
    return text && *text ? strtoull(text, NULL, 0) : otherwise;
}

/* Not malloc: tests make that fail. */
static void *map(size_t size) {
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) abort();
    return memory;
}

static size_t mapped_size(uint64_t size) {
    return (size_t)size + 4096;
}

static void add_blob(sample_data *sample, uint64_t size, uint32_t element_size) {
    size_t index = sample->blob_count++;
    sample->memory[index] = map(mapped_size(size));
    sample->blobs[index] =
        (rs_blob){.bytes = sample->memory[index], .size = size, .element_size = element_size};
}

static void fill_random(uint8_t *to, size_t size, uint64_t seed) {
    for (size_t i = 0; i + 8 <= size; i += 8) {
        uint64_t value = sample_random(&seed);
        memcpy(to + i, &value, 8);
    }
}

/* Numbers that grow slowly: shuffle and zstd gain on them. */
static void fill_smooth(uint8_t *to, size_t size, uint64_t version) {
    for (size_t i = 0; i + 8 <= size; i += 8) {
        double value = 1.0 + (double)i / 65536.0 + (double)version;
        memcpy(to + i, &value, 8);
    }
}

static void fill_stream(sample_data *sample, uint64_t version) {
    char *to = (char *)sample->memory[0];
    size_t size = (size_t)sample->blobs[0].size;
    int used = snprintf(to, size, "version %llu of the sample; ", (unsigned long long)version);
    uint64_t seed = version;
    for (size_t i = (size_t)used; i < size; i++)
        to[i] = (char)('a' + sample_random(&seed) % 16);
}

void sample_make(sample_data *sample, sample_shape shape, uint64_t version) {
    memset(sample, 0, sizeof *sample);
    add_blob(sample, 300 + version % 7, 1);
    fill_stream(sample, version);
    if (shape != SAMPLE_SMALL) {
        uint64_t chunk = 256 * 1024;
        uint64_t size = (shape == SAMPLE_LARGE ? 6 : 3) * chunk + 1000;
        add_blob(sample, size, 8);
        fill_random(sample->memory[1], size, 42);
        uint64_t changing = (shape == SAMPLE_LARGE ? 5 : 1) * chunk;
        fill_random(sample->memory[1], changing, 1000 + version);
        add_blob(sample, 2 * chunk + 24, 8);
        fill_smooth(sample->memory[2], 2 * chunk + 24, version / 2);
        add_blob(sample, 2 * chunk + 3, 4);
        sample->memory[3][version % 7] = 0;
    }
    sample->meta = (rs_meta){
        .saved_ns = 1000000000 * (int64_t)version,
        .started_ns = 17,
        .running_ns = 18,
        .saves = version,
        .pid = 4711,
        .name = {"sample", 6},
        .writer = {"test", 4},
    };
    sample->snapshot = (rs_snapshot){
        .meta = &sample->meta, .blobs = sample->blobs, .blob_count = sample->blob_count};
}

void sample_free(sample_data *sample) {
    for (size_t i = 0; i < sample->blob_count; i++)
        munmap(sample->memory[i], mapped_size(sample->blobs[i].size));
    sample->blob_count = 0;
}

/* Made once: fault loops need the same few thousands of times. */
static const sample_data *cached(sample_shape shape, uint64_t version) {
    static sample_data cache[3][CACHED_VERSIONS];
    sample_data *found = &cache[shape][version % CACHED_VERSIONS];
    if (found->blob_count > 0 && found->meta.saves == version) return found;
    sample_free(found);
    sample_make(found, shape, version);
    return found;
}

resume_status sample_commit(rs_file *file, sample_shape shape, uint64_t version,
                            rs_commit_info *info, rs_error *error) {
    rs_commit_info unused;
    rs_commit_options options = {0};
    return rs_file_commit(file, &cached(shape, version)->snapshot, &options, info ? info : &unused,
                          error);
}

resume_status sample_compare(rs_state *state, sample_shape shape, uint64_t version, bool *equal,
                             rs_error *error) {
    static uint8_t *read;
    const sample_data *made = cached(shape, version);
    rs_slice stream = rs_state_stream(state);
    if (!read) read = map(READ_SIZE_MAX);
    *equal = rs_state_blob_count(state) == made->blob_count && stream.size == made->blobs[0].size &&
             memcmp(stream.bytes, made->blobs[0].bytes, stream.size) == 0 &&
             rs_state_meta(state)->saves == version;
    resume_status status = RESUME_OK;
    for (size_t i = 0; status == RESUME_OK && *equal && i < made->blob_count; i++) {
        uint64_t size = rs_state_blob_size(state, i);
        *equal = size == made->blobs[i].size && size <= READ_SIZE_MAX;
        if (!*equal) break;
        status = rs_state_read_blob(state, i, read, error);
        if (status == RESUME_OK) *equal = memcmp(read, made->blobs[i].bytes, (size_t)size) == 0;
    }
    return status;
}

void sample_use_memory(void) {
    if (access("/dev/shm", W_OK) == 0) setenv("TMPDIR", "/dev/shm", 0);
}

size_t sample_count_files(const char *folder, const char *prefix, char *last) {
    DIR *stream = opendir(folder);
    struct dirent *entry;
    size_t count = 0;
    while (stream && (entry = readdir(stream))) {
        if (strncmp(entry->d_name, prefix, strlen(prefix)) != 0) continue;
        if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..")) continue;
        count++;
        if (last) snprintf(last, 256, "%s", entry->d_name);
    }
    if (stream) closedir(stream);
    return count;
}

uint8_t *sample_read_file(const char *path, size_t *size) {
    FILE *stream = fopen(path, "rb");
    if (!stream) abort();
    fseek(stream, 0, SEEK_END);
    *size = (size_t)ftell(stream);
    rewind(stream);
    uint8_t *bytes = malloc(*size + 1);
    if (!bytes || fread(bytes, 1, *size, stream) != *size) abort();
    fclose(stream);
    return bytes;
}

void sample_write_file(const char *path, const void *bytes, size_t size) {
    FILE *stream = fopen(path, "wb");
    if (!stream || fwrite(bytes, 1, size, stream) != size) abort();
    fclose(stream);
}
