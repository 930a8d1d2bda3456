/* Chunks by content: an open-addressing hash table of chunk entries. */
#include "base/alloc.h"
#include "format/table.h"

#define CAPACITY_MIN 64u

struct rs_chunk_index {
    rs_chunk_entry *slots; /* raw size 0: empty */
    uint64_t capacity;     /* a power of two, at most two thirds used */
    uint64_t count;
    uint64_t seed;
};

/* Hashed again under a seed that no file can know: chosen checksums must not fall together. */
static uint64_t first_slot(const rs_chunk_index *index, rs_hash128 hash) {
    return rs_hash64(&hash, sizeof hash, index->seed) & (index->capacity - 1);
}

/* The slot that holds this chunk, or the empty one where it belongs. */
static rs_chunk_entry *find_slot(const rs_chunk_index *index, rs_hash128 hash, uint32_t raw_size) {
    uint64_t at = first_slot(index, hash);
    for (;; at = (at + 1) & (index->capacity - 1)) {
        rs_chunk_entry *slot = &index->slots[at];
        if (slot->raw_size == 0) return slot;
        if (slot->raw_size == raw_size && rs_hash128_equal(slot->hash, hash)) return slot;
    }
}

static void put(rs_chunk_index *index, const rs_chunk_entry *entry) {
    if (entry->coding == RS_CHUNK_ZERO || entry->raw_size == 0) return;
    rs_chunk_entry *slot = find_slot(index, entry->hash, entry->raw_size);
    if (slot->raw_size) return;
    *slot = *entry;
    index->count++;
}

/* Room for `count` chunks. */
static bool resize(rs_chunk_index *index, uint64_t count) {
    uint64_t capacity = CAPACITY_MIN;
    while (capacity / 3 * 2 < count)
        capacity *= 2; /* `count` entries of 48 bytes are in memory: no overflow */
    rs_chunk_entry *slots = rs_allocate_zeroed((size_t)capacity, sizeof *slots);
    if (!slots) return false;
    rs_chunk_index old = *index;
    index->slots = slots;
    index->capacity = capacity;
    index->count = 0;
    for (uint64_t i = 0; i < old.capacity; i++)
        put(index, &old.slots[i]);
    rs_free(old.slots);
    return true;
}

resume_status rs_chunk_index_new(const rs_table *table, rs_chunk_index **index, rs_error *error) {
    *index = NULL;
    rs_chunk_index *made = rs_allocate_zeroed(1, sizeof *made);
    if (!made || !resize(made, table->entry_count)) {
        rs_free(made);
        return rs_fail(error, RESUME_NO_MEMORY, "no memory to find unchanged chunks");
    }
    made->seed = (uint64_t)(uintptr_t)made ^ (uint64_t)(uintptr_t)made->slots << 20;
    for (uint64_t i = 0; i < table->entry_count; i++)
        put(made, &table->entries[i]);
    *index = made;
    return RESUME_OK;
}

resume_status rs_chunk_index_add(rs_chunk_index *index, const rs_chunk_entry *entry,
                                 rs_error *error) {
    rs_chunk_entry copy = *entry; /* may stand in a slot that moves */
    if (index->count >= index->capacity / 3 * 2 && !resize(index, index->count + 1)) {
        return rs_fail(error, RESUME_NO_MEMORY, "no memory to find unchanged chunks");
    }
    put(index, &copy);
    return RESUME_OK;
}

const rs_chunk_entry *rs_chunk_index_find(const rs_chunk_index *index, rs_hash128 hash,
                                          uint32_t raw_size) {
    if (raw_size == 0) return NULL;
    const rs_chunk_entry *slot = find_slot(index, hash, raw_size);
    return slot->raw_size ? slot : NULL;
}

void rs_chunk_index_free(rs_chunk_index *index) {
    if (!index) return;
    rs_free(index->slots);
    rs_free(index);
}
