/* A chunk table as a difference to the one of an older generation. docs/format.md "DELTA". */
#include "base/alloc.h"
#include "base/arith.h"
#include "format/header.h"
#include "format/table_parts.h"

#include <inttypes.h>

#define DELTA_HEAD_SIZE    48u
#define OPERATION_SIZE     16u
#define CHECK_OFFSET       12u
#define LITERALS           UINT64_MAX /* in the place of a base index */
#define OPERATIONS_OFFSET  32u        /* of their count, in the head */
#define LITERAL_CNT_OFFSET 40u

/* Of the table that a difference is to: one that was put in its place, however whole, is another.
 */
static bool check_of(const rs_table *base, uint32_t *check, rs_error *error) {
    rs_buffer entries = {0};
    for (uint64_t i = 0; i < base->entry_count; i++) {
        uint8_t *entry = rs_buffer_reserve(&entries, RS_CHUNK_ENTRY_SIZE);
        if (!entry) break;
        rs_chunk_entry_encode(&base->entries[i], entry);
        entries.size += RS_CHUNK_ENTRY_SIZE;
    }
    bool failed = entries.failed;
    *check = failed ? 0 : (uint32_t)rs_hash64(entries.bytes, entries.size, 0);
    rs_buffer_release(&entries);
    if (failed) rs_fail(error, RESUME_NO_MEMORY, "no memory for the chunk table");
    return !failed;
}

static bool entries_are_equal(const rs_chunk_entry *a, const rs_chunk_entry *b) {
    return a->offset == b->offset && a->stored_size == b->stored_size &&
           a->raw_size == b->raw_size && a->coding == b->coding &&
           a->element_size == b->element_size && rs_hash128_equal(a->hash, b->hash);
}

/* The operations made so far. Copies only go forward through the base, so that a table can never be
 * larger than its base and its literals together. */
typedef struct encoder {
    const rs_table *base;
    rs_buffer *payload;
    uint64_t base_next; /* first base entry that may still be copied */
    uint64_t shift;     /* base index less table index at the last copy, modulo 2^64 */
    uint64_t from, run; /* the operation being collected */
    uint64_t operations, literals;
} encoder;

static bool matches(const encoder *e, const rs_chunk_entry *entry, uint64_t base_index) {
    return base_index >= e->base_next && base_index < e->base->entry_count &&
           entries_are_equal(entry, &e->base->entries[base_index]);
}

/* The base index of an equal entry: where the last copy leads to, else at the same place of the
 * same blob; LITERALS when there is none. */
static uint64_t find_match(const encoder *e, const rs_table *table, uint64_t blob, uint64_t chunk) {
    uint64_t index = table->blobs[blob].first_chunk + chunk;
    const rs_chunk_entry *entry = &table->entries[index];
    if (matches(e, entry, index + e->shift)) return index + e->shift;
    if (blob >= e->base->blob_count || chunk >= e->base->blobs[blob].chunk_count) return LITERALS;
    uint64_t same_place = e->base->blobs[blob].first_chunk + chunk;
    return matches(e, entry, same_place) ? same_place : LITERALS;
}

static void end_run(encoder *e) {
    if (e->run == 0) return;
    uint8_t operation[OPERATION_SIZE];
    rs_store_u64(operation, e->from);
    rs_store_u64(operation + 8, e->run);
    rs_buffer_append(e->payload, operation, sizeof operation);
    e->operations++;
    if (e->from == LITERALS) e->literals += e->run;
    e->run = 0;
}

static void add_entry(encoder *e, uint64_t index, uint64_t match) {
    bool goes_on =
        match == LITERALS ? e->from == LITERALS : e->from != LITERALS && match == e->from + e->run;
    if (!goes_on) end_run(e);
    if (e->run == 0) e->from = match;
    e->run++;
    if (match == LITERALS) return;
    e->base_next = match + 1;
    e->shift = match - index;
}

static void append_literals(const rs_table *table, rs_buffer *payload, size_t operations_start,
                            uint64_t operation_count) {
    uint64_t index = 0;
    for (uint64_t i = 0; i < operation_count && !payload->failed; i++) {
        const uint8_t *operation = payload->bytes + operations_start + i * OPERATION_SIZE;
        bool literal = rs_load_u64(operation) == LITERALS;
        uint64_t end = index + rs_load_u64(operation + 8);
        for (; literal && index < end; index++) {
            uint8_t entry[RS_CHUNK_ENTRY_SIZE];
            rs_chunk_entry_encode(&table->entries[index], entry);
            rs_buffer_append(payload, entry, sizeof entry);
        }
        index = end;
    }
}

void rs_delta_encode(const rs_table *base, const rs_table *table, rs_delta_info info,
                     rs_buffer *payload) {
    size_t start = payload->size;
    uint8_t head[DELTA_HEAD_SIZE] = {0};
    uint32_t check;
    payload->failed |= !check_of(base, &check, NULL);
    rs_store_u64(head, info.base_segment);
    rs_store_u32(head + 8, info.depth);
    rs_store_u32(head + CHECK_OFFSET, check);
    rs_store_u64(head + 16, table->blob_count);
    rs_store_u64(head + 24, table->entry_count);
    rs_buffer_append(payload, head, sizeof head);
    rs_blobs_encode(table, payload);
    size_t operations_start = payload->size;
    encoder e = {.base = base, .payload = payload};
    for (uint64_t b = 0; b < table->blob_count; b++) {
        for (uint64_t c = 0; c < table->blobs[b].chunk_count; c++)
            add_entry(&e, table->blobs[b].first_chunk + c, find_match(&e, table, b, c));
    }
    end_run(&e);
    append_literals(table, payload, operations_start, e.operations);
    if (payload->failed) return;
    rs_store_u64(payload->bytes + start + OPERATIONS_OFFSET, e.operations);
    rs_store_u64(payload->bytes + start + LITERAL_CNT_OFFSET, e.literals);
}

resume_status rs_delta_info_decode(rs_slice payload, rs_delta_info *info, rs_error *error) {
    if (payload.size < DELTA_HEAD_SIZE) {
        return rs_fail(error, RESUME_DAMAGED, "the delta table has only %zu bytes", payload.size);
    }
    const uint8_t *head = payload.bytes;
    *info = (rs_delta_info){.base_segment = rs_load_u64(head), .depth = rs_load_u32(head + 8)};
    if (info->depth == 0 || info->depth > RS_DELTA_DEPTH_MAX ||
        info->base_segment < RS_SEGMENTS_START || info->base_segment % RS_BLOCK_SIZE != 0) {
        return rs_fail(error, RESUME_DAMAGED,
                       "the delta table has depth %" PRIu32 " and its base at offset %" PRIu64
                       ", which no writer makes",
                       info->depth, info->base_segment);
    }
    return RESUME_OK;
}

/* The parts of a payload whose size has been checked against its counts. */
typedef struct delta_parts {
    uint64_t blob_count, entry_count, operation_count, literal_count;
    const uint8_t *blobs, *operations, *literals;
} delta_parts;

static bool take_apart(rs_slice payload, delta_parts *parts) {
    const uint8_t *head = payload.bytes;
    uint64_t left = payload.size - DELTA_HEAD_SIZE;
    *parts = (delta_parts){
        .blob_count = rs_load_u64(head + 16),
        .entry_count = rs_load_u64(head + 24),
        .operation_count = rs_load_u64(head + OPERATIONS_OFFSET),
        .literal_count = rs_load_u64(head + LITERAL_CNT_OFFSET),
    };
    if (!rs_take_records(parts->blob_count, RS_BLOB_ENTRY_SIZE, &left) ||
        !rs_take_records(parts->operation_count, OPERATION_SIZE, &left) ||
        !rs_take_records(parts->literal_count, RS_CHUNK_ENTRY_SIZE, &left) || left != 0)
        return false;
    parts->blobs = head + DELTA_HEAD_SIZE;
    parts->operations = parts->blobs + parts->blob_count * RS_BLOB_ENTRY_SIZE;
    parts->literals = parts->operations + parts->operation_count * OPERATION_SIZE;
    return true;
}

/* The operations make just the declared entries, out of what is there. */
static bool operations_add_up(const delta_parts *parts, const rs_table *base) {
    uint64_t entries_left = parts->entry_count, literals_left = parts->literal_count;
    uint64_t base_next = 0;
    for (uint64_t i = 0; i < parts->operation_count; i++) {
        uint64_t from = rs_load_u64(parts->operations + i * OPERATION_SIZE);
        uint64_t count = rs_load_u64(parts->operations + i * OPERATION_SIZE + 8);
        if (count == 0 || count > entries_left) return false;
        entries_left -= count;
        if (from == LITERALS) {
            if (count > literals_left) return false;
            literals_left -= count;
        } else {
            if (from < base_next || from > base->entry_count || count > base->entry_count - from)
                return false;
            base_next = from + count;
        }
    }
    return entries_left == 0 && literals_left == 0;
}

static resume_status build_entries(const delta_parts *parts, const rs_table *base, rs_table *table,
                                   rs_error *error) {
    table->entries = rs_allocate_array((size_t)parts->entry_count, sizeof *table->entries);
    if (!table->entries) return rs_fail(error, RESUME_NO_MEMORY, "no memory for the chunk table");
    table->entry_count = parts->entry_count;
    rs_chunk_entry *to = table->entries;
    const uint8_t *literal = parts->literals;
    for (uint64_t i = 0; i < parts->operation_count; i++) {
        uint64_t from = rs_load_u64(parts->operations + i * OPERATION_SIZE);
        uint64_t count = rs_load_u64(parts->operations + i * OPERATION_SIZE + 8);
        if (from != LITERALS) {
            memcpy(to, base->entries + from, (size_t)count * sizeof *to);
            to += count;
            continue;
        }
        for (uint64_t k = 0; k < count; k++, literal += RS_CHUNK_ENTRY_SIZE) {
            resume_status status = rs_chunk_entry_decode(literal, to++, error);
            if (status) return status;
        }
    }
    return RESUME_OK;
}

resume_status rs_delta_decode(rs_slice payload, const rs_table *base, uint32_t chunk_size,
                              uint64_t file_size, rs_table *table, rs_error *error) {
    rs_delta_info info;
    delta_parts parts;
    *table = (rs_table){0};
    resume_status status = rs_delta_info_decode(payload, &info, error);
    if (status) return status;
    if (!take_apart(payload, &parts) || !operations_add_up(&parts, base)) {
        return rs_fail(error, RESUME_DAMAGED,
                       "the delta table has %zu bytes, and its counts do not add up", payload.size);
    }
    uint32_t check;
    if (!check_of(base, &check, error)) return RESUME_NO_MEMORY;
    if (check != rs_load_u32((const uint8_t *)payload.bytes + CHECK_OFFSET)) {
        return rs_fail(error, RESUME_DAMAGED, "the delta table is one to another base");
    }
    status = rs_blobs_decode(parts.blobs, parts.blob_count, table, error);
    if (!status) status = build_entries(&parts, base, table, error);
    if (!status) status = rs_table_check(table, chunk_size, file_size, error);
    if (status) rs_table_release(table);
    return status;
}
