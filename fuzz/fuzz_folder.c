/* libFuzzer: a folder of several files with any contents and fuzzed names, opened for reading and
 * for writing.
 *
 * Input: a byte of choices, then for each file a byte for its name, three for its size, its bytes.
 * The checkpoint is opened for reading, then for writing; then a save and its mark; then it is
 * opened again. Shown: no crash; opening changes nothing that verified; when a save returned OK it
 * is the newest afterwards and good; a refused file is left as it is, bit for bit; the power cut at
 * any call leaves what had been acknowledged. Not shown: torn sectors of hostile files. */
#include "crash_os.h"
#include "mutate.h"
#include "require.h"

#include "base/bytes.h"
#include "format/hash.h"
#include "store/file.h"

#include <stdlib.h>
#include <stdio.h>
#include <string.h>

#define FILES_MAX      6
#define HEAD_SIZE      4
#define CHUNK_SIZE_MAX (1u << 20)
#define NAME           "ck"

static const char *const names[] = {
    NAME,
    ".ck.tmp-0000000000000000a", /* complete, waits for its name */
    ".ck.tmp-0000000000000000",  /* being written */
    ".ck.tmp-0000000000000001a",
    "ck~1",
    "ck.torn-20261122T134301Z",
    "ck.damaged-20261122T134301Z",
    ".ck.tmp-",
    ".ck.tmp-0000000000000002a",
    "ck.lock",
    ".gitignore",
    "other",
    ".run-0123456789abcdef",
    "ck~18446744073709551616",
    ".other.tmp-0123456789abcdefa",
    "ck.torn-",
};

static crash_file *named(crash_os *disk, const char *name) {
    for (int i = 0; i < CRASH_NAMES_MAX; i++)
        if (disk->now[i].file >= 0 && strcmp(disk->now[i].name, name) == 0)
            return &disk->files[disk->now[i].file];
    return NULL;
}

static void put_file(crash_os *disk, const char *name, const uint8_t *bytes, size_t size) {
    if (named(disk, name)) return;
    int fd = disk->os.open(&disk->os, disk->folder.fd, name,
                           RS_OPEN_WRITE | RS_OPEN_CREATE | RS_OPEN_EXCLUSIVE, 0600);
    rs_slice part = {bytes, size};
    require(fd >= 0);
    require(disk->os.write(&disk->os, fd, &part, 1, 0) == (int64_t)size);
    disk->os.sync(&disk->os, fd);
    disk->os.sync(&disk->os, disk->folder.fd);
}

static bool fill(crash_os *disk, const uint8_t *bytes, size_t size) {
    for (int i = 0; i < FILES_MAX && size > HEAD_SIZE; i++) {
        size_t length = (size_t)bytes[1] | (size_t)bytes[2] << 8 | (size_t)bytes[3] << 16;
        const char *name = names[bytes[0] % (sizeof names / sizeof *names)];
        bytes += HEAD_SIZE;
        size -= HEAD_SIZE;
        if (length > size) length = size;
        if (length >= 52 && rs_load_u32(bytes + 48) > CHUNK_SIZE_MAX) return false;
        put_file(disk, name, bytes, length);
        bytes += length;
        size -= length;
    }
    return true;
}

/* What a reader finds: generation and content of blob 0. */
typedef struct finding {
    resume_status status;
    uint64_t generation;
    rs_health health;
    size_t size;
    rs_hash128 hash;
} finding;

static finding look(crash_os *disk) {
    rs_file *file;
    rs_state *state;
    rs_recovery recovery;
    rs_error error = {0};
    finding found = {0};
    found.status = rs_file_open(&disk->folder, NAME, false, &file, &recovery, &error);
    if (found.status) {
        require(error.text[0] != 0);
        return found;
    }
    found.generation = recovery.taken;
    found.health = recovery.health;
    require(rs_file_read(file, 0, &state, &error) == RESUME_OK);
    rs_slice stream = rs_state_stream(state);
    found.size = stream.size;
    found.hash = rs_hash128_of(stream.bytes, stream.size, 0);
    rs_state_free(state);
    rs_file_close(file);
    return found;
}

static bool is_same(const finding *a, const finding *b) {
    return a->status == b->status && a->generation == b->generation && a->size == b->size &&
           rs_hash128_equal(a->hash, b->hash);
}

static const char stream[] = "a new state of the program";
static uint8_t array[9000];

static bool is_saved(const finding *found) {
    rs_hash128 hash = rs_hash128_of(stream, sizeof stream, 0);
    return found->status == RESUME_OK && found->size == sizeof stream &&
           rs_hash128_equal(found->hash, hash);
}

/* Opens for writing and saves; true when the save returned. `newest`: what was there. */
static bool save(crash_os *disk, const finding *before, uint64_t *newest) {
    rs_file *file;
    rs_recovery recovery;
    rs_error error = {0};
    rs_commit_info info;
    rs_commit_options options = {.keep = {.last = 2}};
    rs_meta meta = {.saves = 1};
    rs_blob blobs[] = {{stream, sizeof stream, 1}, {array, sizeof array, 8}};
    rs_snapshot snapshot = {.meta = &meta, .blobs = blobs, .blob_count = 2};
    resume_status status = rs_file_open(&disk->folder, NAME, true, &file, &recovery, &error);
    if (status == RESUME_NOT_FOUND && before->status == RESUME_NOT_FOUND)
        status = rs_file_new(&disk->folder, NAME, 1, RS_ASIDE_NO, &file, &error);
    if (status) {
        require(file == NULL && error.text[0] != 0);
        return false;
    }
    require(disk->is_off || disk->calls_left >= 0 || recovery.taken == before->generation);
    status = rs_file_commit(file, &snapshot, &options, &info, &error);
    if (status == RESUME_OK) {
        *newest = info.generation;
        require(info.generation > before->generation);
        if (rs_file_commit_mark(file, &meta, &options, &info, &error) == RESUME_OK)
            *newest = info.generation;
        rs_file_leave(file);
    }
    rs_file_close(file);
    return status == RESUME_OK;
}

static void run(const uint8_t *bytes, size_t size, uint8_t choices) {
    static crash_os disk;
    uint64_t newest = 0;
    for (size_t i = 0; i < sizeof array; i++)
        array[i] = (uint8_t)(i * i >> 3);
    crash_os_init(&disk, 1 + choices);
    disk.has_no_links = choices & 1;
    if (fill(&disk, bytes, size)) {
        finding before = look(&disk), again = look(&disk);
        require(is_same(&before, &again));
        crash_file *kept = named(&disk, NAME);
        size_t kept_size = kept ? kept->now.size : 0;
        rs_hash128 kept_hash =
            kept ? rs_hash128_of(kept->now.bytes, kept_size, 0) : (rs_hash128){0, 0};
        if (choices & 2) disk.calls_left = choices >> 2;
        bool saved = save(&disk, &before, &newest);
        bool was_cut = disk.is_off;
        if (choices & 2) crash_os_crash(&disk);
        finding after = look(&disk);
        if (saved) {
            require(is_saved(&after));
            require(after.generation == newest || (was_cut && after.generation == newest + 1));
            require(was_cut || after.health == RS_HEALTH_GOOD);
        } else if (was_cut) {
            require(is_same(&after, &before) || is_saved(&after));
        } else { /* refused: nothing was changed */
            kept = named(&disk, NAME);
            require(is_same(&after, &before));
            require(!kept ||
                    (kept->now.size == kept_size &&
                     rs_hash128_equal(kept_hash, rs_hash128_of(kept->now.bytes, kept_size, 0))));
        }
    }
    crash_os_release(&disk);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    if (size < 2) return 0;
    run(bytes + 1, size - 1, bytes[0]);
    return 0;
}

/* ---- mutations: of the files one by one, or of what stands around them ---- */

static size_t put_head(uint8_t *to, uint8_t name, size_t size) {
    uint8_t head[HEAD_SIZE] = {name, (uint8_t)size, (uint8_t)(size >> 8), (uint8_t)(size >> 16)};
    memcpy(to, head, sizeof head);
    return HEAD_SIZE;
}

/* A plain checkpoint (a seed) becomes a folder with that one file. */
static size_t wrap(uint8_t *bytes, size_t size, size_t max_size) {
    if (size < 8 || memcmp(bytes, "\x89RESUME\n", 8) != 0) return size;
    if (max_size < size + 1 + HEAD_SIZE) size = max_size - 1 - HEAD_SIZE;
    memmove(bytes + 1 + HEAD_SIZE, bytes, size);
    bytes[0] = 0;
    return 1 + put_head(bytes + 1, 0, size) + size;
}

size_t LLVMFuzzerCustomMutator(uint8_t *bytes, size_t size, size_t max_size, unsigned seed);
size_t LLVMFuzzerCustomMutator(uint8_t *bytes, size_t size, size_t max_size, unsigned seed) {
    if (max_size < 64) return LLVMFuzzerMutate(bytes, size, max_size);
    size = wrap(bytes, size, max_size);
    if (size < 1 + HEAD_SIZE) return LLVMFuzzerMutate(bytes, size, max_size);
    size_t starts[FILES_MAX], lengths[FILES_MAX], count = 0, at = 1;
    while (count < FILES_MAX && size - at > HEAD_SIZE) {
        size_t length =
            (size_t)bytes[at + 1] | (size_t)bytes[at + 2] << 8 | (size_t)bytes[at + 3] << 16;
        at += HEAD_SIZE;
        if (length > size - at) length = size - at;
        starts[count] = at;
        lengths[count++] = length;
        at += length;
    }
    if (count == 0 || seed % 8 == 0) { /* choices and names */
        bytes[0] = (uint8_t)(seed >> 8);
        if (count) bytes[starts[seed / 8 % count] - HEAD_SIZE] = (uint8_t)(seed >> 16);
        return size;
    }
    size_t chosen = seed / 8 % count, start = starts[chosen], length = lengths[chosen];
    size_t behind = start + length;
    if (seed % 8 == 1 && count < FILES_MAX && max_size - size > length + HEAD_SIZE) {
        /* the same file under another name */
        size_t head = put_head(bytes + size, (uint8_t)(seed >> 16), length);
        memcpy(bytes + size + head, bytes + start, length);
        return size + head + length;
    }
    size_t capacity = length + (max_size - size);
    uint8_t *copy = malloc(capacity + 1);
    require(copy != NULL);
    memcpy(copy, bytes + start, length);
    image file = {copy, length, capacity};
    mutate_image(&file, seed);
    memmove(bytes + start + file.size, bytes + behind, size - behind);
    memcpy(bytes + start, copy, file.size);
    put_head(bytes + start - HEAD_SIZE, bytes[start - HEAD_SIZE], file.size);
    free(copy);
    return size - length + file.size;
}
