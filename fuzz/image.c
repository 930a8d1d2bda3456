/* Where the numbers of a file stand, and its checksums made right again. */
#include "image.h"

#include "base/bytes.h"
#include "format/chunk.h"
#include "format/hash.h"
#include "format/header.h"
#include "format/segment.h"

#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#define SEGMENTS_MAX 64
#define RAW_SIZE_MAX (256u << 10)

static bool fits(const image *file, size_t at, size_t size) {
    return at <= file->size && size <= file->size - at;
}

static rs_uuid uuid_of(const image *file) {
    rs_uuid uuid = {{0}};
    if (fits(file, 32, 16)) memcpy(uuid.bytes, file->bytes + 32, 16);
    return uuid;
}

/* ---- where things are ---- */

size_t image_segments(const image *file, image_segment *segments, size_t max) {
    size_t count = 0;
    for (size_t at = RS_SEGMENTS_START; fits(file, at, RS_SEGMENT_HEADER_SIZE) && count < max;
         at += RS_BLOCK_SIZE) {
        const uint8_t *header = file->bytes + at;
        if (memcmp(header, "RSSEG1\n", 8) != 0) continue;
        uint64_t data = rs_load_u64(header + 16), records = rs_load_u64(header + 24);
        uint64_t left = file->size - at;
        image_segment found = {.offset = at};
        data = data < left ? data : left;
        records = records < left ? records : left;
        uint64_t size = (data + records + 128 + RS_BLOCK_SIZE - 1) / RS_BLOCK_SIZE * RS_BLOCK_SIZE;
        found.size = (size_t)(size < left ? size : left);
        found.records = at + 64 + (size_t)data;
        if (found.records > at + found.size) found.records = at + found.size;
        left = at + found.size - found.records;
        found.records_size = (size_t)(records < left ? records : left);
        segments[count++] = found;
    }
    return count;
}

/* Calls `visit` with each record of a segment: where its payload stands, and its size. */
typedef void (*visit_record)(void *context, uint32_t type, size_t head, size_t size);
static void each_record(const image *file, const image_segment *segment, visit_record visit,
                        void *context) {
    size_t at = segment->records, end = segment->records + segment->records_size;
    while (at + RS_RECORD_HEADER_SIZE <= end) {
        size_t left = end - at - RS_RECORD_HEADER_SIZE;
        uint64_t size = rs_load_u64(file->bytes + at + 8);
        if (size > left) size = left;
        visit(context, rs_load_u32(file->bytes + at), at, (size_t)size);
        at += RS_RECORD_HEADER_SIZE + ((size_t)size + 7) / 8 * 8;
    }
}

/* The rows of a TABLE or DELTA, clipped to the payload. */
typedef struct rows {
    size_t head, blobs, blob_count, operations, operation_count, entries, entry_count;
} rows;

static size_t take_rows(uint64_t count, size_t size, size_t *at, size_t end) {
    size_t room = (end - *at) / size;
    if (count > room) count = room;
    *at += (size_t)count * size;
    return (size_t)count;
}

static bool rows_of(const image *file, uint32_t type, size_t at, size_t size, rows *found) {
    size_t head = type == RS_RECORD_TABLE ? 16 : 48;
    const uint8_t *bytes = file->bytes + at;
    *found = (rows){.head = head};
    if ((type != RS_RECORD_TABLE && type != RS_RECORD_DELTA) || size < head) return false;
    size_t end = at + size;
    bool is_delta = type == RS_RECORD_DELTA;
    found->blobs = at += head;
    found->blob_count = take_rows(rs_load_u64(bytes + (is_delta ? 16 : 0)), 16, &at, end);
    found->operations = at;
    if (is_delta) found->operation_count = take_rows(rs_load_u64(bytes + 32), 16, &at, end);
    found->entries = at;
    found->entry_count = take_rows(rs_load_u64(bytes + (is_delta ? 40 : 8)), 32, &at, end);
    return true;
}

/* ---- numbers ---- */

typedef struct collector {
    const image *file;
    image_field *fields;
    size_t count, max;
} collector;

static void add(collector *to, size_t at, unsigned width, size_t times) {
    for (; times > 0 && to->count < to->max && fits(to->file, at, width); times--, at += width)
        to->fields[to->count++] = (image_field){at, width};
}

static void add_rows(collector *to, size_t at, size_t count, size_t size, const char *widths) {
    for (; count > 0; count--, at += size) {
        size_t place = at;
        for (const char *width = widths; *width; place += (size_t)(*width++ - '0'))
            add(to, place, (unsigned)(*width - '0'), 1);
    }
}

static void add_record(void *context, uint32_t type, size_t at, size_t size) {
    collector *to = context;
    rows found;
    add(to, at, 4, 2);
    add(to, at + 8, 8, 1);
    if (!rows_of(to->file, type, at + RS_RECORD_HEADER_SIZE, size, &found)) return;
    size_t payload = at + RS_RECORD_HEADER_SIZE;
    add(to, payload, 8, type == RS_RECORD_TABLE ? 2 : 1);
    if (type == RS_RECORD_DELTA) {
        add(to, payload + 8, 4, 1);
        add(to, payload + 16, 8, 4);
    }
    add_rows(to, found.blobs, found.blob_count, 16, "844");
    add_rows(to, found.operations, found.operation_count, 16, "88");
    add_rows(to, found.entries, found.entry_count, 32, "4211444444");
}

size_t image_fields(const image *file, image_field *fields, size_t max) {
    image_segment segments[SEGMENTS_MAX];
    collector to = {.file = file, .fields = fields, .max = max};
    add(&to, 8, 2, 2);
    add(&to, 16, 8, 2);
    add(&to, 48, 4, 2);
    for (size_t block = 1; block <= 2; block++)
        add(&to, block * RS_BLOCK_SIZE + 8, 8, 2);
    size_t count = image_segments(file, segments, SEGMENTS_MAX);
    for (size_t i = 0; i < count; i++) {
        size_t trailer = segments[i].offset + segments[i].size - RS_TRAILER_SIZE;
        add(&to, segments[i].offset + 8, 8, 4);
        add(&to, segments[i].offset + 40, 4, 1);
        add(&to, trailer + 8, 8, 3);
        add(&to, trailer + 48, 4, 1);
        each_record(file, &segments[i], add_record, &to);
    }
    return to.count;
}

/* ---- repair ---- */

static void seal(image *file, size_t at) {
    rs_uuid uuid = uuid_of(file);
    if (!fits(file, at, 64)) return;
    rs_store_u64(file->bytes + at + 56, rs_hash64(file->bytes + at, 56, rs_place_seed(&uuid, at)));
}

/* The raw bytes of a chunk, as far as they can be had; NULL when not. */
static uint8_t *raw_of(const image *file, const uint8_t *entry, size_t *size) {
    uint64_t first = rs_load_u64(entry);
    size_t stored = rs_load_u32(entry + 8), raw_size = rs_load_u32(entry + 12);
    size_t offset = (size_t)(first & ((UINT64_C(1) << 48) - 1));
    unsigned coding = first >> 48 & 255, unit = (unsigned)(first >> 56);
    /* what is patched has the checksum of bytes in many places, and stays as it is */
    if (coding >= RS_CHUNK_ZERO || raw_size > RAW_SIZE_MAX || !fits(file, offset, stored))
        return NULL;
    uint8_t *raw = calloc(1, raw_size + 1), *turned = calloc(1, raw_size + 1);
    *size = raw_size;
    if (!raw || !turned) abort();
    if (coding == RS_CHUNK_RAW) {
        memcpy(raw, file->bytes + offset, stored < raw_size ? stored : raw_size);
    } else {
        (void)ZSTD_decompress(raw, raw_size, file->bytes + offset, stored);
        if (coding == RS_CHUNK_ZSTD_SHUFFLE && unit > 0 && unit <= 16) {
            rs_unshuffle(raw, turned, raw_size, unit);
            memcpy(raw, turned, raw_size);
        }
    }
    free(turned);
    return raw;
}

static void repair_entries(void *context, uint32_t type, size_t at, size_t size) {
    image *file = context;
    rows found;
    if (!rows_of(file, type, at + RS_RECORD_HEADER_SIZE, size, &found)) return;
    for (size_t i = 0; i < found.entry_count; i++) {
        uint8_t *entry = file->bytes + found.entries + i * RS_CHUNK_ENTRY_SIZE;
        size_t raw_size = 0;
        uint8_t *raw = raw_of(file, entry, &raw_size);
        if (!raw) continue;
        rs_hash128 hash = rs_chunk_hash(raw, raw_size, NULL);
        rs_store_u64(entry + 16, hash.low);
        rs_store_u64(entry + 24, hash.high);
        free(raw);
    }
}

/* The trailer says what the header says, and where it stands. */
static void repair_sizes(image *file, const image_segment *segment) {
    const uint8_t *header = file->bytes + segment->offset;
    uint8_t *trailer = file->bytes + segment->offset + segment->size - RS_TRAILER_SIZE;
    memcpy(trailer, "RSCOMMIT", 8);
    memcpy(trailer + 8, header + 8, 8);
    rs_store_u64(trailer + 16, segment->offset);
    rs_store_u64(trailer + 24, segment->size);
    memcpy(trailer + 48, header + 40, 4);
}

static void repair_digest(image *file, const image_segment *segment) {
    uint8_t *header = file->bytes + segment->offset;
    uint8_t *trailer = header + segment->size - RS_TRAILER_SIZE;
    rs_uuid uuid = uuid_of(file);
    uint64_t seed = rs_place_seed(&uuid, segment->offset);
    rs_hash128 digest;
    if (rs_load_u32(header + 40) & RS_SEGMENT_SELF_VERIFYING) {
        digest = rs_hash128_of(header, segment->size - RS_TRAILER_SIZE, seed);
    } else {
        size_t size = RS_SEGMENT_HEADER_SIZE + segment->records_size;
        uint8_t *covered = malloc(size);
        if (!covered) abort();
        memcpy(covered, header, RS_SEGMENT_HEADER_SIZE);
        memcpy(covered + RS_SEGMENT_HEADER_SIZE, file->bytes + segment->records,
               segment->records_size);
        digest = rs_hash128_of(covered, size, seed);
        free(covered);
    }
    rs_store_u64(trailer + 32, digest.low);
    rs_store_u64(trailer + 40, digest.high);
}

void image_repair(image *file, unsigned what) {
    image_segment segments[SEGMENTS_MAX];
    if (file->size < RS_BLOCK_SIZE) return;
    if (what & IMAGE_BLOCK0)
        rs_store_u64(file->bytes + RS_BLOCK_SIZE - 8, rs_hash64(file->bytes, RS_BLOCK_SIZE - 8, 0));
    for (size_t at = RS_BLOCK_SIZE; at <= 2 * RS_BLOCK_SIZE; at += RS_BLOCK_SIZE)
        if ((what & IMAGE_HINTS) && fits(file, at, 64) &&
            memcmp(file->bytes + at, "RSHINT1\n", 8) == 0)
            seal(file, at);
    size_t count = image_segments(file, segments, SEGMENTS_MAX);
    for (size_t i = 0; i < count; i++) {
        size_t offset = segments[i].offset, trailer = offset + segments[i].size - RS_TRAILER_SIZE;
        if (segments[i].size < RS_SEGMENT_HEADER_SIZE + RS_TRAILER_SIZE) continue;
        if (what & IMAGE_SIZES) repair_sizes(file, &segments[i]);
        if (what & IMAGE_CHUNKS) each_record(file, &segments[i], repair_entries, file);
        if (what & IMAGE_SEALS) seal(file, offset);
        if (what & IMAGE_DIGESTS) repair_digest(file, &segments[i]);
        if (what & IMAGE_SEALS) seal(file, trailer);
    }
}
