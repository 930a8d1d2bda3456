/* Opening: which generations are in the file, and which is the newest that verifies.
 *
 * 1. The best hint that leads to a commit gives the chain of older ones; without one, or where the
 *    chain is broken, the whole file is walked from its first segment.
 * 2. From there forward, segment by segment. Behind a place that is no segment, block by block for
 *    a later commit trailer of this file: one means that something durable in between is damaged.
 * 3. From the newest commit back to the first whose digest, tables and object stream verify. */
#include "store/file_internal.h"

#include "base/alloc.h"
#include "base/arith.h"

#include <inttypes.h>
#include <stdio.h>

#define READ_SIZE (1u << 20)
/* Searched for later commits behind bad places, in all; and at the end of the file. A file normally
 * ends with a commit, so that its last blocks tell most. */
#define SEARCH_SIZE_MAX (UINT64_C(1) << 30)
#define SEARCH_END_SIZE (UINT64_C(64) << 20)
/* Bytes of generations that do not verify, before looking for older ones is given up: a hostile
 * file can hold a thousand sparse ones. */
#define BAD_SIZE_MAX (UINT64_C(64) << 30)

typedef struct recovery_work {
    rs_file *file;
    uint8_t *buffer; /* READ_SIZE */
    rs_hint hint;    /* the best; generation 0: none */
    bool whole_file; /* walked from the first segment */
    uint64_t search_left;
    uint64_t bad_size;           /* of the generations that did not verify */
    uint64_t trailer_generation; /* of the commit that the last search found */
    bool is_zero;                /* that search has seen everything, and nothing but zeros */
    uint64_t seen;               /* the newest generation that anything in the file speaks of */
    uint64_t lost;               /* the newest that was durable and is known to be bad */
    bool damaged;
    bool has_tail; /* bytes behind the last commit that are no commit, and not all zero */
    bool torn;     /* the newest save was perhaps never durable, and does not verify */
    rs_error why;  /* of the newest generation that does not verify, one that was durable first */
    uint64_t why_generation;
} recovery_work;

static void note_lost(recovery_work *recovery, uint64_t generation) {
    recovery->damaged = true;
    recovery->lost = rs_maximum(recovery->lost, generation);
    recovery->seen = rs_maximum(recovery->seen, generation);
}

/* --- hints --- */

static resume_status read_hints(recovery_work *recovery, rs_error *error) {
    rs_file *file = recovery->file;
    for (uint64_t i = 1; i <= 2; i++) {
        uint8_t bytes[64];
        rs_hint hint;
        resume_status status = rs_file_read_at(file, bytes, sizeof bytes, i * RS_BLOCK_SIZE, error);
        if (rs_is_bad_content(status)) continue;
        if (status) return status;
        if (!rs_hint_decode(bytes, sizeof bytes, i * RS_BLOCK_SIZE, &file->header.uuid, &hint))
            continue;
        if (hint.generation > recovery->hint.generation &&
            hint.generation < RS_GENERATION_NUMBER_MAX)
            recovery->hint = hint;
    }
    rs_error_clear(error);
    recovery->seen = recovery->hint.generation;
    return RESUME_OK;
}

/* The chain of commits that ends with the hinted one. *whole is false when it is broken. */
static resume_status follow_chain(recovery_work *recovery, bool *whole, rs_error *error) {
    rs_chain chain = {0};
    const rs_hint *hint = &recovery->hint;
    *whole = hint->generation > 0 && hint->commit_offset != 0;
    if (!*whole) return RESUME_OK;
    resume_status status =
        rs_chain_follow(recovery->file, hint->commit_offset, hint->generation + 1,
                        RS_GENERATIONS_MAX / 2, &chain, whole, error);
    for (size_t i = chain.count; status == RESUME_OK && i-- > 0;)
        status = rs_generations_push(recovery->file, &chain.items[i], error);
    rs_chain_release(&chain);
    return status;
}

/* --- forward --- */

/* What a search for a later commit begins with. */
typedef struct bad_place {
    uint64_t offset;
    uint64_t generation; /* of the newest good commit before it */
} bad_place;

/* A save that was written by one write and torn may have kept its trailer and lost its beginning:
 * such a trailer says nothing about what was durable. */
static bool proves_damage(const rs_trailer *trailer, const bad_place *bad) {
    bool is_torn_one =
        trailer->segment_offset == bad->offset && (trailer->flags & RS_SEGMENT_SELF_VERIFYING) != 0;
    return trailer->generation > bad->generation && !is_torn_one;
}

/* Is there a commit trailer of this file in [from, to), later than the bad place? */
static resume_status search_range(recovery_work *recovery, uint64_t from, uint64_t to,
                                  const bad_place *bad, uint64_t *found_at, rs_error *error) {
    rs_file *file = recovery->file;
    for (uint64_t at = from; at < to; at += READ_SIZE) {
        size_t size = (size_t)rs_minimum(READ_SIZE, to - at);
        resume_status status = rs_file_read_at(file, recovery->buffer, size, at, error);
        if (rs_is_bad_content(status)) { /* unreadable: look behind it */
            recovery->is_zero = false;
            continue;
        }
        if (status) return status;
        recovery->is_zero = recovery->is_zero && rs_chunk_is_zero(recovery->buffer, size);
        for (size_t end = RS_BLOCK_SIZE; end <= size; end += RS_BLOCK_SIZE) {
            size_t place = end - RS_TRAILER_SIZE;
            rs_trailer trailer;
            if (!rs_trailer_decode(recovery->buffer + place, &file->header.uuid, at + place,
                                   &trailer) ||
                trailer.generation >= RS_GENERATION_NUMBER_MAX)
                continue;
            recovery->seen = rs_maximum(recovery->seen, trailer.generation);
            if (!proves_damage(&trailer, bad)) continue;
            *found_at = at + place;
            recovery->trailer_generation = trailer.generation;
            return RESUME_OK;
        }
    }
    rs_error_clear(error);
    return RESUME_OK;
}

/* `from`: a multiple of the block size, inside the file. *found_at is 0 when there is none. */
static resume_status search_later(recovery_work *recovery, uint64_t from, const bad_place *bad,
                                  uint64_t *found_at, rs_error *error) {
    uint64_t size = recovery->file->size;
    *found_at = 0;
    recovery->is_zero = true;
    uint64_t near = rs_minimum(size - from, recovery->search_left);
    near -= near % RS_BLOCK_SIZE;
    resume_status status = search_range(recovery, from, from + near, bad, found_at, error);
    uint64_t used = *found_at ? *found_at - from : near;
    recovery->search_left -= rs_minimum(used, recovery->search_left);
    if (status || *found_at || from + near >= size) return status;

    uint64_t last = size > SEARCH_END_SIZE ? size - SEARCH_END_SIZE : 0;
    last = rs_maximum(from + near, last - last % RS_BLOCK_SIZE);
    recovery->is_zero = recovery->is_zero && last == from + near;
    return search_range(recovery, last, size, bad, found_at, error);
}

/* What stands at `offset`, where no commit is: fills *next with the place where walking can go on,
 * 0 for none. */
static resume_status pass_bad_place(recovery_work *recovery, uint64_t offset, const rs_place *place,
                                    bool header_is_good, uint64_t generation, uint64_t *next,
                                    rs_error *error) {
    rs_file *file = recovery->file;
    uint64_t from = offset;
    *next = 0;
    recovery->is_zero = false;
    if (header_is_good && place->header.generation < RS_GENERATION_NUMBER_MAX) {
        uint64_t size = 0;
        rs_segment_size_overflows(place->header.data_size, place->header.records_size, &size);
        recovery->seen = rs_maximum(recovery->seen, place->header.generation);
        from += size; /* checked by rs_place_at_segment not to overflow */
        /* A save that was not finished: nothing of this file was ever behind it. */
        if (from >= file->size) return RESUME_OK;
    }
    uint64_t trailer_at;
    bad_place bad = {.offset = offset, .generation = generation};
    resume_status status = search_later(recovery, from, &bad, &trailer_at, error);
    recovery->is_zero = recovery->is_zero && from == offset;
    if (status || trailer_at == 0) return status;
    /* Or it has come there a moment ago: a reader takes no lock, but looks again (rs_file_open). */
    note_lost(recovery, 0);
    bool found;
    rs_place later;
    status = rs_place_at_trailer(file, trailer_at, &later, &found, error);
    if (status) return status;
    if (found)
        *next = later.generation.segment_offset > offset ? later.generation.segment_offset
                                                         : rs_generation_end(&later.generation);
    else { /* a trailer whose segment header is bad */
        note_lost(recovery, recovery->trailer_generation);
        *next = trailer_at + RS_TRAILER_SIZE;
    }
    return RESUME_OK;
}

static resume_status walk_forward(recovery_work *recovery, uint64_t offset, rs_error *error) {
    rs_file *file = recovery->file;
    while (offset < file->size) {
        const rs_generation *newest = rs_file_newest(file);
        uint64_t generation = newest ? newest->number : 0;
        rs_place place;
        bool found, header_is_good;
        resume_status status =
            rs_place_at_segment(file, offset, &place, &found, &header_is_good, error);
        if (status) return status;
        if (found && place.generation.number > generation) {
            status = rs_generations_push(file, &place.generation, error);
            if (status) return status;
            offset = rs_generation_end(&place.generation);
            continue;
        }
        uint64_t next;
        status = pass_bad_place(recovery, offset, &place, header_is_good && !found, generation,
                                &next, error);
        if (status) return status;
        recovery->has_tail = next == 0 && !recovery->is_zero;
        if (next == 0) break;
        offset = next;
    }
    return RESUME_OK;
}

static resume_status collect_from_hint(recovery_work *recovery, bool *whole, rs_error *error) {
    rs_file *file = recovery->file;
    rs_generations_keep(file, 0);
    resume_status status = follow_chain(recovery, whole, error);
    if (status || !*whole) return status;
    return walk_forward(recovery, rs_generation_end(rs_file_newest(file)), error);
}

static resume_status collect_whole(recovery_work *recovery, rs_error *error) {
    rs_generations_keep(recovery->file, 0);
    recovery->whole_file = true;
    recovery->has_tail = false;
    return walk_forward(recovery, RS_SEGMENTS_START, error);
}

/* --- choosing --- */

/* Was this generation, the newest that is left, surely durable once? A later commit began only
 * after it was, and a hint is written only afterwards. */
static bool was_durable(const recovery_work *recovery, const rs_generation *generation) {
    bool self_verifying = (generation->flags & RS_SEGMENT_SELF_VERIFYING) != 0;
    return !self_verifying || recovery->torn || recovery->damaged ||
           recovery->hint.generation >= generation->number;
}

/* The newest that verifies stays the last of the list; without one the list is empty. */
static resume_status choose(recovery_work *recovery, rs_error *error) {
    rs_file *file = recovery->file;
    recovery->torn = false;
    while (file->generation_count > 0 && recovery->bad_size <= BAD_SIZE_MAX) {
        size_t index = file->generation_count - 1;
        rs_error why = {0};
        resume_status status = rs_state_load(file, &file->generations[index], &file->loaded, &why);
        if (status == RESUME_OK) break;
        if (!rs_is_bad_content(status)) {
            if (error) *error = why;
            return status;
        }
        uint64_t number = file->generations[index].number;
        bool durable = was_durable(recovery, &file->generations[index]);
        if (!recovery->why.status || (durable && number > recovery->lost)) {
            recovery->why = why;
            recovery->why_generation = number;
        }
        recovery->bad_size += file->generations[index].segment_size;
        recovery->seen = rs_maximum(recovery->seen, number);
        if (durable)
            note_lost(recovery, number);
        else
            recovery->torn = true;
        rs_generations_keep(file, index);
    }
    if (!file->loaded) rs_generations_keep(file, 0);
    return RESUME_OK;
}

/* The hinted generation was durable; so it must be there. */
static void check_hint(recovery_work *recovery) {
    const rs_generation *newest = rs_file_newest(recovery->file);
    uint64_t number = newest ? newest->number : 0;
    if (recovery->hint.generation > number) note_lost(recovery, recovery->hint.generation);
}

/* --- telling --- */

static void describe(const recovery_work *recovery, rs_recovery *told) {
    const rs_file *file = recovery->file;
    unsigned long long taken = told->taken, lost = told->lost;
    if (told->health == RS_HEALTH_TORN) {
        snprintf(
            told->text, sizeof told->text,
            "newest save in '%s' is incomplete or damaged, as a crash while saving leaves it%s;"
            " generation %llu is taken",
            file->path, file->for_writing ? "" : " (or it is being written just now)", taken);
    } else if (told->health == RS_HEALTH_DAMAGED) {
        char which[64] = "an older generation";
        if (!recovery->damaged) snprintf(which, sizeof which, "a part of it");
        if (lost > taken) snprintf(which, sizeof which, "generation %llu", lost);
        /* What is wrong with another one is no reason. */
        bool is_reason = !recovery->damaged || recovery->why_generation == lost;
        const char *why = rs_error_behind_generation(&recovery->why, lost);
        snprintf(told->text, sizeof told->text,
                 "'%s' is damaged: %s can't be read%s%.160s; generation %llu is taken%s",
                 file->path, which, is_reason && *why ? ": " : "", is_reason ? why : "", taken,
                 file->for_writing
                     ? ", the next save writes a new file and keeps this one beside it"
                     : "");
    }
}

static void tell(recovery_work *recovery, rs_recovery *told) {
    rs_file *file = recovery->file;
    rs_error_omit(&recovery->why, file->path);
    const rs_generation *newest = rs_file_newest(file);
    *told = (rs_recovery){
        .taken = newest ? newest->number : 0,
        .lost = recovery->lost,
        .end = newest ? rs_generation_end(newest) : RS_SEGMENTS_START,
        .size = file->size,
    };
    /* What can't be read now may be a good save: nothing is cut off. */
    if (recovery->damaged || file->unreadable)
        told->health = RS_HEALTH_DAMAGED;
    else if (recovery->torn || recovery->has_tail)
        told->health = RS_HEALTH_TORN;
    describe(recovery, told);
}

/* What was found becomes the state of the handle. */
static resume_status settle(recovery_work *recovery, const rs_recovery *told, rs_error *error) {
    rs_file *file = recovery->file;
    resume_status status = rs_table_copy(&file->loaded->table, &file->table, error);
    if (status) return status;
    rs_file_know_newest(file);
    file->end = told->end;
    /* A number that anything may have seen is not given twice. */
    file->next_generation = rs_maximum(told->taken, recovery->seen) + 1;
    file->hinted_generation = recovery->hint.generation;
    file->unproven = recovery->hint.generation < told->taken;
    file->has_tail = told->health == RS_HEALTH_TORN;
    file->replaces = told->health == RS_HEALTH_DAMAGED;
    file->aside = file->replaces ? RS_ASIDE_DAMAGED : RS_ASIDE_NO;
    return RESUME_OK;
}

static resume_status find_newest(recovery_work *recovery, rs_error *error) {
    bool whole;
    resume_status status = read_hints(recovery, error);
    if (status == RESUME_OK) status = collect_from_hint(recovery, &whole, error);
    if (status == RESUME_OK && whole) status = choose(recovery, error);
    if (status) return status;
    if (whole && recovery->file->generation_count > 0) return RESUME_OK;
    status = collect_whole(recovery, error);
    if (status == RESUME_OK) status = choose(recovery, error);
    return status;
}

static resume_status nothing_verifies(recovery_work *recovery, rs_error *error) {
    const rs_file *file = recovery->file;
    rs_error_omit(&recovery->why, file->path);
    const char *colon = recovery->why.status ? ": " : "";
    if (file->unreadable) /* the disk may be back tomorrow */
        return rs_fail_at(error, RESUME_IO, recovery->why.os_code, recovery->why.offset,
                          "no save in '%s' can be read, the disk reports errors%s%.300s; check it "
                          "(dmesg)",
                          file->path, colon, recovery->why.text);
    return rs_fail_at(error, RESUME_DAMAGED, 0, recovery->why.offset,
                      "'%s' is damaged: no save in it can be read%s%.300s; use another name, or "
                      "move it away to start over",
                      file->path, colon, recovery->why.text);
}

resume_status rs_file_recover(rs_file *file, rs_recovery *told, rs_error *error) {
    recovery_work recovery = {.file = file, .search_left = SEARCH_SIZE_MAX};
    recovery.buffer = rs_allocate(READ_SIZE);
    if (!recovery.buffer)
        return rs_fail(error, RESUME_NO_MEMORY, "no memory to open '%s'", file->path);
    resume_status status = find_newest(&recovery, error);
    rs_free(recovery.buffer);
    if (status) return status;
    check_hint(&recovery);
    tell(&recovery, told);
    if (told->taken == 0) return nothing_verifies(&recovery, error);
    return settle(&recovery, told, error);
}
