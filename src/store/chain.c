/* From a commit back to the ones before it, by the offsets in their headers. */
#include "store/file_internal.h"

#include "base/alloc.h"

void rs_chain_release(rs_chain *chain) {
    rs_free(chain->items);
    *chain = (rs_chain){0};
}

static resume_status add(rs_chain *chain, const rs_generation *generation, rs_error *error) {
    if (chain->count == chain->capacity) {
        size_t capacity = chain->capacity ? 2 * chain->capacity : 16;
        rs_generation *items = rs_reallocate_array(chain->items, capacity, sizeof *items);
        if (!items) return rs_fail(error, RESUME_NO_MEMORY, "no memory for a list of generations");
        chain->items = items;
        chain->capacity = capacity;
    }
    chain->items[chain->count++] = *generation;
    return RESUME_OK;
}

resume_status rs_chain_follow(rs_file *file, uint64_t at, uint64_t below, size_t count_max,
                              rs_chain *chain, bool *whole, rs_error *error) {
    *whole = true;
    while (at != 0 && chain->count < count_max) {
        rs_place place;
        bool found;
        resume_status status = rs_place_at_trailer(file, at, &place, &found, error);
        if (status) return status;
        /* numbers fall with every step, as offsets do (decoding has checked that): this ends */
        *whole = found && place.generation.number < below;
        if (!*whole) return RESUME_OK;
        status = add(chain, &place.generation, error);
        if (status) return status;
        below = place.generation.number;
        at = place.header.previous_commit;
    }
    return RESUME_OK;
}

/* Puts them in front of those that are listed. */
static resume_status list_older(rs_file *file, const rs_chain *older, rs_error *error) {
    size_t count = older->count + file->generation_count;
    if (count > file->generation_capacity) {
        rs_generation *list =
            rs_reallocate_array(file->generations, count, sizeof *file->generations);
        if (!list) return rs_fail(error, RESUME_NO_MEMORY, "no memory for a list of generations");
        file->generations = list;
        file->generation_capacity = count;
    }
    memmove(file->generations + older->count, file->generations,
            file->generation_count * sizeof *file->generations);
    for (size_t i = 0; i < older->count; i++)
        file->generations[i] = older->items[older->count - 1 - i];
    file->generation_count = count;
    return RESUME_OK;
}

resume_status rs_file_list_all(rs_file *file, rs_error *error) {
    rs_chain older = {0};
    rs_place oldest;
    bool found, whole;
    if (file->generation_count == 0 || file->generation_count >= RS_GENERATIONS_ALL_MAX)
        return RESUME_OK;
    resume_status status = rs_place_at_segment(file, file->generations[0].segment_offset, &oldest,
                                               &found, NULL, error);
    if (status || !found) return status;
    status =
        rs_chain_follow(file, oldest.header.previous_commit, oldest.generation.number,
                        RS_GENERATIONS_ALL_MAX - file->generation_count, &older, &whole, error);
    if (status == RESUME_OK && older.count) status = list_older(file, &older, error);
    rs_chain_release(&older);
    return status;
}
