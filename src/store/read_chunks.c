/* Chunks: read, decoded and verified, one or many on several processors.
 *
 * Many are read in runs of neighbours, up to 1 MiB each. What is in the page cache comes from
 * there; what is not, past it (O_DIRECT), which is twice as fast as reading ahead through it. Where
 * either is not possible, and where anything is odd, the plain way reads one chunk after the other
 * and says what is wrong. */
#include "store/file_internal.h"

#include "base/alloc.h"
#include "base/arith.h"
#include "os/crew.h"
#include "os/pages.h"

#include <inttypes.h>

/* Below, starting threads takes longer than they save. */
#define MANY_SIZE_MIN   (UINT64_C(2) << 20)
#define MEMBER_SIZE_MIN (UINT64_C(1) << 20)
#define RUN_SIZE_MAX    (UINT64_C(1) << 20)
/* A block at each end. */
#define ROOM_SIZE ((size_t)RUN_SIZE_MAX * 2)
/* More members than processors: some wait for the disk. */
#define WAITING_MEMBERS 2u
/* Between neighbours lies padding at most. */
#define GAP_MAX RS_BLOCK_SIZE

/* What one member of the crew reads with. */
typedef struct reader {
    rs_codec *codec;
    rs_buffer stored; /* of one chunk */
    rs_buffer unseen; /* a chunk that is verified alone */
    uint8_t *room;    /* of one run: whole pages; the disk takes longer for many small ones */
} reader;

struct rs_readers {
    reader members[RS_CREW_MAX];
};

void rs_readers_free(rs_readers *readers) {
    for (size_t i = 0; readers && i < RS_CREW_MAX; i++) {
        rs_codec_free(readers->members[i].codec);
        rs_buffer_release(&readers->members[i].stored);
        rs_buffer_release(&readers->members[i].unseen);
        rs_pages_free(readers->members[i].room, ROOM_SIZE);
    }
    rs_free(readers);
}

/* --- one chunk --- */

/* `stored` may be `raw` for a RAW chunk, and a RAW one is verified alone without `raw`. */
static resume_status decode(rs_file *file, rs_codec *codec, const rs_chunk_entry *entry,
                            const void *stored, void *raw, rs_error *error) {
    if (entry->coding == RS_CHUNK_RAW) {
        if (!rs_hash128_equal(rs_chunk_hash(stored, entry->raw_size, NULL), entry->hash))
            return rs_file_bad(file, entry->offset, error, "a chunk does not match its hash");
        if (raw && stored != raw) memcpy(raw, stored, entry->raw_size);
        return RESUME_OK;
    }
    resume_status status = rs_codec_decompress(codec, entry, stored, raw, error);
    if (status) rs_error_prefix(error, "'%s', chunk at byte %" PRIu64, file->path, entry->offset);
    return status;
}

/* The stored bytes of one coding, in *at: in `raw` those of a RAW chunk, without a detour. */
static resume_status read_stored(rs_file *file, rs_buffer *stored, const rs_chunk_entry *entry,
                                 void *raw, void **at, rs_error *error) {
    *at = raw;
    if (entry->coding != RS_CHUNK_RAW) {
        rs_buffer_clear(stored);
        *at = rs_buffer_reserve(stored, entry->stored_size);
        if (!*at)
            return rs_fail(error, RESUME_NO_MEMORY, "no memory to read %" PRIu32 " bytes of '%s'",
                           entry->stored_size, file->path);
    }
    return rs_file_read_at(file, *at, entry->stored_size, entry->offset, error);
}

resume_status rs_patch_read(rs_file *file, const rs_chunk_entry *entry, rs_patch *patch,
                            rs_error *error) {
    uint8_t record[RS_PATCH_SIZE_MAX];
    resume_status status =
        rs_file_read_at(file, record, rs_chunk_size_in_file(entry), entry->offset, error);
    if (status == RESUME_OK) status = rs_patch_decode(record, entry, patch, error);
    if (status) rs_error_prefix(error, "'%s'", file->path);
    return status;
}

/* The base, and over it the pages that have places of their own. */
static resume_status read_patched(rs_file *file, rs_codec *codec, rs_buffer *stored,
                                  const rs_chunk_entry *entry, uint8_t *raw, rs_error *error) {
    rs_patch patch;
    void *at;
    resume_status status = rs_patch_read(file, entry, &patch, error);
    if (status == RESUME_OK) status = read_stored(file, stored, &patch.base, raw, &at, error);
    if (status == RESUME_OK) status = rs_codec_decode(codec, &patch.base, at, raw, error);
    size_t count = rs_page_count(entry->raw_size), run;
    for (size_t i = 0; i < count && status == RESUME_OK; i += run) {
        run = patch.places[i] ? rs_patch_run(&patch, i) : 1;
        if (!patch.places[i]) continue;
        size_t size = (run - 1) * RS_PAGE_SIZE + rs_page_size(entry->raw_size, i + run - 1);
        status = rs_file_read_at(file, raw + i * RS_PAGE_SIZE, size, patch.places[i], error);
    }
    if (status) return status;
    if (rs_hash128_equal(rs_chunk_hash(raw, entry->raw_size, NULL), entry->hash)) return RESUME_OK;
    return rs_file_bad(file, entry->offset, error, "a patched chunk does not match its hash");
}

static resume_status read_chunk(rs_file *file, rs_codec *codec, rs_buffer *stored,
                                const rs_chunk_entry *entry, void *raw, rs_error *error) {
    void *at;
    if (entry->coding == RS_CHUNK_ZERO) {
        memset(raw, 0, entry->raw_size);
        return RESUME_OK;
    }
    if (entry->coding == RS_CHUNK_PATCHED)
        return read_patched(file, codec, stored, entry, raw, error);
    resume_status status = read_stored(file, stored, entry, raw, &at, error);
    return status ? status : decode(file, codec, entry, at, raw, error);
}

resume_status rs_chunk_read(rs_file *file, const rs_chunk_entry *entry, void *raw,
                            rs_error *error) {
    return read_chunk(file, file->codec, &file->stored, entry, raw, error);
}

/* --- runs --- */

typedef struct reading {
    rs_file *file;
    const rs_chunk_entry *entries;
    uint64_t count;
    uint8_t *to;
    uint32_t chunk_size;
    reader *members;
    int direct; /* the file once more, for reading past the cache; -1 */
    atomic_uint_fast64_t next;
    atomic_bool failed;
    struct {
        resume_status status;
        uint64_t index;
        rs_error error;
    } failures[RS_CREW_MAX];
} reading;

typedef struct run {
    uint64_t first, end; /* of the entries */
    bool is_raw;         /* neighbours without gaps, as they go into memory */
} run;

/* Its stored bytes stand in one place, and fit. */
static bool is_plain(const rs_chunk_entry *entry) {
    return entry->stored_size <= RUN_SIZE_MAX &&
           (entry->coding == RS_CHUNK_RAW || entry->coding == RS_CHUNK_ZSTD ||
            entry->coding == RS_CHUNK_ZSTD_SHUFFLE);
}

static uint64_t end_of(const rs_chunk_entry *entry) {
    return entry->offset + entry->stored_size;
}

static run run_at(const reading *all, uint64_t first) {
    const rs_chunk_entry *start = &all->entries[first];
    run found = {.first = first, .end = first + 1, .is_raw = start->coding == RS_CHUNK_RAW};
    if (!is_plain(start)) return found;
    for (; found.end < all->count; found.end++) {
        const rs_chunk_entry *next = &all->entries[found.end];
        uint64_t before = end_of(next - 1);
        if (!is_plain(next) || next->offset < before || next->offset - before >= GAP_MAX ||
            end_of(next) - start->offset > RUN_SIZE_MAX)
            break;
        found.is_raw &= next->coding == RS_CHUNK_RAW && next->offset == before;
    }
    return found;
}

static bool take_run(reading *all, run *taken) {
    uint64_t next = atomic_load(&all->next);
    do {
        if (next >= all->count || atomic_load(&all->failed)) return false;
        *taken = run_at(all, next);
    } while (!atomic_compare_exchange_weak(&all->next, &next, taken->end));
    return true;
}

/* Where the chunk goes to; NULL: no memory. */
static uint8_t *place_of(const reading *all, reader *member, uint64_t index) {
    if (all->to) return all->to + index * all->chunk_size;
    rs_buffer_clear(&member->unseen);
    return rs_buffer_reserve(&member->unseen, all->chunk_size);
}

static uint8_t *room_of(reader *member) {
    if (!member->room) member->room = rs_pages_new(ROOM_SIZE);
    return member->room;
}

/* The stored bytes of the run, from the cache or past it; NULL: the plain way has to do it. */
static const uint8_t *fetch(const reading *all, reader *member, const run *of) {
    const rs_os *os = all->file->os;
    uint64_t start = all->entries[of->first].offset, end = end_of(&all->entries[of->end - 1]);
    if (end > all->file->size) return NULL;
    bool is_in_place = of->is_raw && all->to;
    uint8_t *room = is_in_place ? place_of(all, member, of->first) : room_of(member);
    if (!room) return NULL;
    int64_t got = os->read_cached(os, all->file->fd, room, (size_t)(end - start), start);
    if (got == (int64_t)(end - start)) return room;
    uint64_t skip = start % RS_BLOCK_SIZE, size = end - start + skip;
    size += (RS_BLOCK_SIZE - size % RS_BLOCK_SIZE) % RS_BLOCK_SIZE;
    room = all->direct < 0 ? NULL : room_of(member);
    if (!room) return NULL;
    got = os->read(os, all->direct, room, (size_t)size, start - skip);
    return got == (int64_t)size ? room + skip : NULL;
}

static resume_status read_run(const reading *all, reader *member, const run *of, uint64_t *index,
                              rs_error *error) {
    const uint8_t *stored = is_plain(&all->entries[of->first]) ? fetch(all, member, of) : NULL;
    resume_status status = RESUME_OK;
    for (uint64_t i = of->first; i < of->end && status == RESUME_OK; i++) {
        const rs_chunk_entry *entry = &all->entries[i];
        const uint8_t *at =
            stored ? stored + (entry->offset - all->entries[of->first].offset) : NULL;
        uint8_t *to = place_of(all, member, i);
        *index = i;
        if (!to)
            status = rs_fail(error, RESUME_NO_MEMORY, "no memory to verify a chunk");
        else if (stored)
            status = decode(all->file, member->codec, entry, at,
                            all->to || entry->coding != RS_CHUNK_RAW ? to : NULL, error);
        else
            status = read_chunk(all->file, member->codec, &member->stored, entry, to, error);
    }
    return status;
}

/* One member of the crew: runs until there are none left, or somebody failed. */
static void read_runs(void *context, unsigned number) {
    reading *all = context;
    reader *member = &all->members[number];
    run taken;
    resume_status status = RESUME_OK;
    rs_error *error = &all->failures[number].error;
    if (!member->codec && rs_codec_new(&member->codec, error) && number > 0) return;
    while (status == RESUME_OK && take_run(all, &taken)) {
        if (!member->codec)
            status = RESUME_NO_MEMORY;
        else
            status = read_run(all, member, &taken, &all->failures[number].index, error);
    }
    if (status) atomic_store(&all->failed, true);
    all->failures[number].status = status;
}

/* --- many --- */

/* Runs are given out in order and ended by whoever took them, so that the first bad chunk is among
 * the failures. */
static resume_status first_failure(const reading *all, unsigned size, rs_error *error) {
    const rs_error *first = NULL;
    uint64_t index = UINT64_MAX;
    for (unsigned i = 0; i < size; i++) {
        if (!all->failures[i].status || (first && all->failures[i].index >= index)) continue;
        first = &all->failures[i].error;
        index = all->failures[i].index;
    }
    if (first && error) *error = *first;
    return first ? first->status : RESUME_OK;
}

static resume_status read_many(rs_state *state, reading *all, unsigned size, rs_error *error) {
    if (!state->readers) state->readers = rs_allocate_zeroed(1, sizeof *state->readers);
    if (!state->readers) return rs_fail(error, RESUME_NO_MEMORY, "no memory to read chunks");
    all->members = state->readers->members;
    const rs_file *file = all->file;
    all->direct = rs_fd_open_direct(file->os, file->folder->fd, file->name, RS_OPEN_READ,
                                    file->device, file->inode);
    rs_crew_run(size, read_runs, all);
    rs_fd_close(all->file->os, &all->direct);
    return first_failure(all, size, error);
}

static unsigned crew_size(const rs_file *file, uint64_t count) {
    uint64_t size = count * file->header.chunk_size;
    if (!file->os->processors || size < MANY_SIZE_MIN) return 1;
    uint64_t wanted =
        rs_minimum(size / MEMBER_SIZE_MIN, file->os->processors(file->os) + WAITING_MEMBERS);
    return (unsigned)rs_minimum(wanted, RS_CREW_MAX);
}

resume_status rs_state_read_chunks(rs_state *state, const rs_chunk_entry *entries, uint64_t count,
                                   void *to, rs_error *error) {
    reading all = {.file = state->file,
                   .entries = entries,
                   .count = count,
                   .to = to,
                   .chunk_size = state->file->header.chunk_size};
    unsigned size = crew_size(state->file, count);
    if (size > 1) return read_many(state, &all, size, error);
    uint8_t *unseen = to ? NULL : rs_allocate(all.chunk_size);
    resume_status status = RESUME_OK;
    if (!to && !unseen) status = rs_fail(error, RESUME_NO_MEMORY, "no memory to verify a chunk");
    for (uint64_t i = 0; i < count && status == RESUME_OK; i++)
        status = rs_chunk_read(state->file, &entries[i],
                               to ? (uint8_t *)to + i * all.chunk_size : unseen, error);
    rs_free(unseen);
    return status;
}

bool rs_state_is_at_hand(const rs_state *state, size_t index) {
    const rs_file *file = state->file;
    if (!file->os->processors || index >= state->table.blob_count) return false;
    const rs_blob_entry *blob = &state->table.blobs[index];
    const reading all = {.entries = state->table.entries + blob->first_chunk,
                         .count = blob->chunk_count};
    for (uint64_t at = 0; at < all.count;) {
        const rs_chunk_entry *first = &all.entries[at];
        run found = run_at(&all, at);
        if (first->coding != RS_CHUNK_ZERO &&
            (!found.is_raw ||
             !file->os->is_cached(file->os, file->fd,
                                  end_of(&all.entries[found.end - 1]) - first->offset,
                                  first->offset)))
            return false;
        at = found.end;
    }
    return true;
}
