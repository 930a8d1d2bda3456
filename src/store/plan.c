/* What a snapshot needs to have written: its chunks, hashed and looked up in the file. */
#include "store/file_internal.h"

#include "base/alloc.h"
#include "base/arith.h"

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
    if (!table->entries) return no_memory(error);
    table->entry_count = count;
    return RESUME_OK;
}

/* The chunk as a patch of what stands in the same place of the generation before. */
static rs_change *find_change(const rs_known_pages *pages, const rs_chunk_entry *before,
                              const rs_hash128 *of_pages, rs_plan *plan,
                              const rs_chunk_entry *entry) {
    if (!before || before->raw_size != entry->raw_size) return NULL;
    rs_change *change = rs_known_pages_compare(pages, before, of_pages);
    if (change && !plan->changes) {
        plan->changes = rs_allocate_zeroed((size_t)plan->table.entry_count, sizeof *plan->changes);
        plan->change_count = plan->changes ? plan->table.entry_count : 0;
    }
    if (!change || !plan->changes) {
        rs_free(change);
        return NULL;
    }
    return plan->changes[entry - plan->table.entries] = change;
}

/* `before`: what stands in its place in the generation before; NULL: nothing that helps. */
static void plan_chunk(const void *raw, uint32_t size, const rs_chunk_entry *before,
                       rs_known_pages *pages, rs_plan *plan, rs_chunk_entry *entry) {
    rs_hash128 of_pages[RS_CHUNK_PAGES_MAX];
    bool fits = rs_known_pages_fit(size);
    if (rs_chunk_is_zero(raw, size)) {
        *entry = (rs_chunk_entry){.coding = RS_CHUNK_ZERO, .raw_size = size};
        plan->zeros++;
        return;
    }
    rs_hash128 hash = rs_chunk_hash(raw, size, fits ? of_pages : NULL);
    if (fits) rs_known_pages_put(pages, hash, size, of_pages);
    const rs_chunk_entry *known = rs_chunk_index_find(plan->index, hash, size);
    if (known) {
        *entry = *known;
        plan->reused++;
        return;
    }
    *entry = (rs_chunk_entry){.coding = RS_CHUNK_RAW, .raw_size = size, .hash = hash};
    rs_change *change = fits ? find_change(pages, before, of_pages, plan, entry) : NULL;
    if (change) {
        plan->bound += change->size + RS_PATCH_SIZE_MAX;
        return;
    }
    plan->bound += size;
    if (size >= RS_CHUNK_ALIGNED_SIZE_MIN) plan->bound += RS_BLOCK_SIZE;
}

/* The entries of the blob that what is known of it speaks about; NULL: nothing is known. */
static const rs_chunk_entry *known_entries(const rs_unchanged *known, const rs_table *previous,
                                           uint64_t generation, uint64_t size) {
    if (!known || !previous || known->generation == 0 || known->generation != generation ||
        known->blob >= previous->blob_count || previous->blobs[known->blob].size != size)
        return NULL;
    return previous->entries + previous->blobs[known->blob].first_chunk;
}

static void plan_blob(const rs_blob *from, uint32_t chunk_size, const rs_blob_entry *blob,
                      const rs_chunk_entry *before, const uint64_t *unchanged,
                      const rs_table *previous, rs_known_pages *pages, rs_plan *plan) {
    const uint8_t *bytes = from->bytes;
    size_t number = (size_t)(blob - plan->table.blobs);
    bool is_there = previous && number < previous->blob_count;
    rs_blob_entry same = is_there ? previous->blobs[number] : (rs_blob_entry){0};
    rs_chunk_entry *entries = plan->table.entries + blob->first_chunk;
    for (uint64_t i = 0; i < blob->chunk_count; i++) {
        uint64_t at = i * chunk_size;
        if (before && unchanged[i / 64] >> i % 64 & 1) {
            entries[i] = before[i];
            *(before[i].coding == RS_CHUNK_ZERO ? &plan->zeros : &plan->reused) += 1;
        } else {
            plan_chunk(bytes + at, (uint32_t)rs_minimum(chunk_size, blob->size - at),
                       i < same.chunk_count ? &previous->entries[same.first_chunk + i] : NULL,
                       pages, plan, &entries[i]);
        }
    }
}

resume_status rs_plan_make(const rs_table *previous, uint64_t generation, uint32_t chunk_size,
                           const rs_snapshot *snapshot, rs_known_pages *pages, rs_plan *plan,
                           rs_error *error) {
    static const rs_table nothing;
    *plan = (rs_plan){0};
    resume_status status = lay_out(snapshot, chunk_size, plan, error);
    if (status == RESUME_OK)
        status = rs_chunk_index_new(previous ? previous : &nothing, &plan->index, error);
    if (status) {
        rs_plan_release(plan);
        return status;
    }
    for (size_t i = 0; i < snapshot->blob_count; i++) {
        const rs_blob_entry *blob = &plan->table.blobs[i];
        const rs_unchanged *known = snapshot->unchanged ? &snapshot->unchanged[i] : NULL;
        const rs_chunk_entry *before = known_entries(known, previous, generation, blob->size);
        plan_blob(&snapshot->blobs[i], chunk_size, blob, before, before ? known->chunks : NULL,
                  previous, pages, plan);
    }
    return RESUME_OK;
}

void rs_plan_release(rs_plan *plan) {
    for (uint64_t i = 0; plan->changes && i < plan->change_count; i++)
        rs_free(plan->changes[i]);
    rs_free(plan->changes);
    rs_table_release(&plan->table);
    rs_chunk_index_free(plan->index);
    *plan = (rs_plan){0};
}
