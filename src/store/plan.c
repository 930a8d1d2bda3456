/* What a snapshot needs to have written: its chunks hashed, looked up in the file and copied, in
 * one pass over its memory, on several processors when it is large. */
#include "store/file_internal.h"

#include "base/alloc.h"
#include "base/arith.h"

#include <stdatomic.h>

/* Below, starting threads takes longer than they save. */
#define MANY_SIZE_MIN (UINT64_C(4) << 20)
/* What a member of the crew takes at once. */
#define TAKEN_SIZE (UINT64_C(1) << 20)

static resume_status no_memory(rs_error *error) {
    return rs_fail(error, RESUME_NO_MEMORY, "no memory for the chunk table of a save");
}

static uint64_t chunks_of(uint64_t size, uint32_t chunk_size) {
    return size / chunk_size + (size % chunk_size != 0);
}

static resume_status lay_out(const rs_snapshot *snapshot, uint32_t chunk_size, rs_plan *plan,
                             rs_error *error) {
    rs_table *table = &plan->table;
    table->blobs = rs_allocate_zeroed(snapshot->blob_count, sizeof *table->blobs);
    if (!table->blobs) return no_memory(error);
    table->blob_count = snapshot->blob_count;
    uint64_t count = 0;
    for (size_t i = 0; i < snapshot->blob_count; i++) {
        const rs_blob *from = &snapshot->blobs[i];
        rs_blob_entry *blob = &table->blobs[i];
        blob->size = from->size;
        blob->element_size = from->element_size ? from->element_size : 1;
        blob->first_chunk = count;
        blob->chunk_count = chunks_of(from->size, chunk_size);
        if (rs_add_overflows(plan->raw_size, from->size, &plan->raw_size))
            return rs_fail(error, RESUME_LIMIT, "a state of more than 2^64 bytes");
        count += blob->chunk_count;
    }
    table->entries = rs_allocate_zeroed((size_t)count, sizeof *table->entries);
    plan->sources = rs_allocate_zeroed((size_t)count, sizeof *plan->sources);
    if (!table->entries || !plan->sources) return no_memory(error);
    table->entry_count = plan->source_count = count;
    return RESUME_OK;
}

/* --- one chunk --- */

typedef struct planner {
    const rs_planning *how;
    const rs_snapshot *snapshot;
    rs_plan *plan;
    rs_mutex mutex; /* guards how->pages, and the sums of the plan */
    atomic_uint_fast64_t next;
    uint64_t taken; /* chunks that a member takes at once */
} planner;

/* The chunk as a patch of what stands in the same place of the generation before; its pages must
 * be known by now. */
static rs_change *find_change(const rs_known_pages *pages, const rs_chunk_entry *before,
                              const rs_hash128 *of_pages, const rs_chunk_entry *entry) {
    if (!before || before->raw_size != entry->raw_size) return NULL;
    if (!rs_known_pages_find(pages, entry->hash, entry->raw_size)) return NULL;
    return rs_known_pages_compare(pages, before, of_pages);
}

/* False: it has to be written. `of_pages` is NULL for a chunk whose pages are not remembered. */
static bool look_up(planner *all, const rs_chunk_entry *before, const rs_hash128 *of_pages,
                    rs_chunk_entry *entry, rs_source *source) {
    rs_plan *plan = all->plan;
    if (of_pages) rs_known_pages_put(all->how->pages, entry->hash, entry->raw_size, of_pages);
    const rs_chunk_entry *known = rs_chunk_index_find(plan->index, entry->hash, entry->raw_size);
    if (known) {
        *entry = *known;
        plan->reused++;
        return true;
    }
    source->change = of_pages ? find_change(all->how->pages, before, of_pages, entry) : NULL;
    plan->bound += source->change ? source->change->size + RS_PATCH_SIZE_MAX : entry->raw_size;
    if (!source->change && entry->raw_size >= RS_CHUNK_ALIGNED_SIZE_MIN)
        plan->bound += RS_BLOCK_SIZE;
    return false;
}

/* While it is in the cache. Of a patch the unwritten pages alone, one after the other. */
static void copy(rs_staging *staging, unsigned member, uint32_t size, rs_source *source) {
    const rs_change *change = source->change;
    uint8_t *to = rs_staging_add(staging, member, change ? change->size : size), *end = to;
    if (!to) return;
    if (!change) memcpy(to, source->bytes, size);
    for (size_t i = 0; change && i < rs_page_count(size); i++) {
        if (change->patch.places[i] != RS_PAGE_UNWRITTEN) continue;
        memcpy(end, source->bytes + i * RS_PAGE_SIZE, rs_page_size(size, i));
        end += rs_page_size(size, i);
    }
    source->bytes = to;
    source->is_copy = true;
}

/* `before`: what stands in its place in the generation before; NULL: nothing that helps. */
static void plan_chunk(planner *all, unsigned member, const uint8_t *raw, uint32_t size,
                       const rs_chunk_entry *before, rs_chunk_entry *entry) {
    rs_plan *plan = all->plan;
    rs_hash128 of_pages[RS_CHUNK_PAGES_MAX];
    rs_source *source = &plan->sources[entry - plan->table.entries];
    bool fits = rs_known_pages_fit(size), is_zero = rs_chunk_is_zero(raw, size);
    entry->raw_size = size;
    entry->coding = is_zero ? RS_CHUNK_ZERO : RS_CHUNK_RAW;
    if (!is_zero) entry->hash = rs_chunk_hash(raw, size, fits ? of_pages : NULL);
    rs_mutex_lock(&all->mutex);
    if (is_zero) plan->zeros++;
    bool is_done = is_zero || look_up(all, before, fits ? of_pages : NULL, entry, source);
    rs_mutex_unlock(&all->mutex);
    if (is_done) return;
    source->bytes = raw;
    if (all->how->staging) copy(all->how->staging, member, size, source);
    if (source->is_copy) return;
    rs_mutex_lock(&all->mutex);
    plan->borrows = true;
    rs_mutex_unlock(&all->mutex);
}

/* --- all of them --- */

/* The entries of the blob that what is known of it speaks about; NULL: nothing is known. */
static const rs_chunk_entry *known_entries(const planner *all, size_t number) {
    const rs_unchanged *known = all->snapshot->unchanged ? &all->snapshot->unchanged[number] : NULL;
    const rs_table *previous = all->how->previous;
    if (!known || !previous || known->generation == 0 ||
        known->generation != all->how->generation || known->blob >= previous->blob_count ||
        previous->blobs[known->blob].size != all->plan->table.blobs[number].size)
        return NULL;
    return previous->entries + previous->blobs[known->blob].first_chunk;
}

/* Chunks `first` to `end` - 1 of a blob. */
static void plan_blob(planner *all, unsigned member, size_t number, uint64_t first, uint64_t end) {
    const rs_table *previous = all->how->previous;
    rs_plan *plan = all->plan;
    const uint8_t *bytes = all->snapshot->blobs[number].bytes;
    rs_blob_entry blob = plan->table.blobs[number];
    bool is_there = previous && number < previous->blob_count;
    rs_blob_entry same = is_there ? previous->blobs[number] : (rs_blob_entry){0};
    const rs_chunk_entry *known = known_entries(all, number);
    const uint64_t *unchanged = known ? all->snapshot->unchanged[number].chunks : NULL;
    rs_chunk_entry *entries = plan->table.entries + blob.first_chunk;
    uint64_t reused = 0, zeros = 0;
    for (uint64_t i = first; i < end; i++) {
        uint64_t at = i * all->how->chunk_size;
        if (known && unchanged[i / 64] >> i % 64 & 1) {
            entries[i] = known[i];
            *(known[i].coding == RS_CHUNK_ZERO ? &zeros : &reused) += 1;
        } else {
            plan_chunk(all, member, bytes + at,
                       (uint32_t)rs_minimum(all->how->chunk_size, blob.size - at),
                       i < same.chunk_count ? &previous->entries[same.first_chunk + i] : NULL,
                       &entries[i]);
        }
    }
    rs_mutex_lock(&all->mutex);
    plan->reused += reused;
    plan->zeros += zeros;
    rs_mutex_unlock(&all->mutex);
}

/* The last blob that begins at entry `entry` or before: of those that begin there all but that one
 * are empty. */
static size_t blob_of(const rs_table *table, uint64_t entry) {
    size_t low = 0, high = (size_t)table->blob_count;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (table->blobs[middle].first_chunk <= entry)
            low = middle;
        else
            high = middle;
    }
    return low;
}

static void plan_some(void *context, unsigned member) {
    planner *all = context;
    const rs_table *table = &all->plan->table;
    for (;;) {
        uint64_t at = atomic_fetch_add(&all->next, all->taken);
        if (at >= table->entry_count) return;
        uint64_t end = rs_minimum(at + all->taken, table->entry_count);
        for (size_t i = blob_of(table, at); at < end; i++) {
            uint64_t first = table->blobs[i].first_chunk;
            uint64_t behind = rs_minimum(first + table->blobs[i].chunk_count, end);
            plan_blob(all, member, i, at - first, behind - first);
            at = behind;
        }
    }
}

resume_status rs_plan_make(const rs_planning *how, const rs_snapshot *snapshot, rs_plan *plan,
                           rs_error *error) {
    static const rs_table nothing;
    *plan = (rs_plan){0};
    resume_status status = lay_out(snapshot, how->chunk_size, plan, error);
    if (status == RESUME_OK)
        status = rs_chunk_index_new(how->previous ? how->previous : &nothing, &plan->index, error);
    if (status) {
        rs_plan_release(plan);
        return status;
    }
    bool many = how->processors > 1 && plan->raw_size >= MANY_SIZE_MIN;
    planner all = {.how = how,
                   .snapshot = snapshot,
                   .plan = plan,
                   .taken = many ? rs_maximum(TAKEN_SIZE / how->chunk_size, 1) : UINT64_MAX / 2};
    rs_mutex_init(&all.mutex);
    rs_crew_run(many ? how->processors : 1, plan_some, &all);
    rs_mutex_destroy(&all.mutex);
    return RESUME_OK;
}

void rs_plan_release(rs_plan *plan) {
    for (uint64_t i = 0; i < plan->source_count; i++)
        rs_free(plan->sources[i].change);
    rs_free(plan->sources);
    rs_table_release(&plan->table);
    rs_chunk_index_free(plan->index);
    *plan = (rs_plan){0};
}
