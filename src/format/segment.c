/* Segments: header, commit trailer and records. docs/format.md sections "Segments", "Records". */
#include "format/segment.h"
#include "base/arith.h"
#include "format/header.h"

#include <inttypes.h>

/* Of a segment header or trailer: the checksum behind covers what is before it. */
#define CHECKED_SIZE 56u
#define RECORD_UNIT  8u

static const uint8_t segment_magic[8] = {'R', 'S', 'S', 'E', 'G', '1', '\n', 0};
static const uint8_t commit_magic[8] = {'R', 'S', 'C', 'O', 'M', 'M', 'I', 'T'};

bool rs_segment_size_overflows(uint64_t data_size, uint64_t records_size, uint64_t *size) {
    uint64_t sum;
    return rs_add_overflows(data_size, records_size, &sum) ||
           rs_add_overflows(sum, RS_SEGMENT_HEADER_SIZE + RS_TRAILER_SIZE, &sum) ||
           rs_round_up_overflows(sum, RS_BLOCK_SIZE, size);
}

static void seal(uint8_t *bytes, const rs_uuid *uuid, uint64_t offset) {
    rs_store_u64(bytes + CHECKED_SIZE, rs_hash64(bytes, CHECKED_SIZE, rs_place_seed(uuid, offset)));
}

static bool is_sealed(const uint8_t *bytes, const rs_uuid *uuid, uint64_t offset) {
    uint64_t seed = rs_place_seed(uuid, offset);
    return rs_load_u64(bytes + CHECKED_SIZE) == rs_hash64(bytes, CHECKED_SIZE, seed);
}

void rs_segment_header_encode(const rs_segment_header *header, const rs_uuid *uuid, uint64_t offset,
                              uint8_t to[RS_SEGMENT_HEADER_SIZE]) {
    memset(to, 0, RS_SEGMENT_HEADER_SIZE);
    memcpy(to, segment_magic, sizeof segment_magic);
    rs_store_u64(to + 8, header->generation);
    rs_store_u64(to + 16, header->data_size);
    rs_store_u64(to + 24, header->records_size);
    rs_store_u64(to + 32, header->previous_commit);
    rs_store_u32(to + 40, header->flags);
    seal(to, uuid, offset);
}

/* Going back from commit to commit must come to an end: each lies before the segment. */
static bool previous_is_before(uint64_t previous_commit, uint64_t offset) {
    if (previous_commit == 0) return true;
    return previous_commit >= RS_SEGMENTS_START && previous_commit < offset &&
           offset - previous_commit >= RS_TRAILER_SIZE &&
           previous_commit % RS_BLOCK_SIZE == RS_BLOCK_SIZE - RS_TRAILER_SIZE;
}

bool rs_segment_header_decode(const uint8_t from[RS_SEGMENT_HEADER_SIZE], const rs_uuid *uuid,
                              uint64_t offset, rs_segment_header *header) {
    if (memcmp(from, segment_magic, sizeof segment_magic) != 0) return false;
    if (!is_sealed(from, uuid, offset)) return false;
    *header = (rs_segment_header){
        .generation = rs_load_u64(from + 8),
        .data_size = rs_load_u64(from + 16),
        .records_size = rs_load_u64(from + 24),
        .previous_commit = rs_load_u64(from + 32),
        .flags = rs_load_u32(from + 40),
    };
    uint64_t size, end;
    return header->data_size % RECORD_UNIT == 0 && header->records_size % RECORD_UNIT == 0 &&
           !rs_segment_size_overflows(header->data_size, header->records_size, &size) &&
           !rs_add_overflows(offset, size, &end) &&
           previous_is_before(header->previous_commit, offset);
}

void rs_trailer_encode(const rs_trailer *trailer, const rs_uuid *uuid, uint64_t offset,
                       uint8_t to[RS_TRAILER_SIZE]) {
    memset(to, 0, RS_TRAILER_SIZE);
    memcpy(to, commit_magic, sizeof commit_magic);
    rs_store_u64(to + 8, trailer->generation);
    rs_store_u64(to + 16, trailer->segment_offset);
    rs_store_u64(to + 24, trailer->segment_size);
    rs_store_u64(to + 32, trailer->digest.low);
    rs_store_u64(to + 40, trailer->digest.high);
    rs_store_u32(to + 48, trailer->flags);
    seal(to, uuid, offset);
}

bool rs_trailer_decode(const uint8_t from[RS_TRAILER_SIZE], const rs_uuid *uuid, uint64_t offset,
                       rs_trailer *trailer) {
    if (memcmp(from, commit_magic, sizeof commit_magic) != 0) return false;
    if (!is_sealed(from, uuid, offset)) return false;
    *trailer = (rs_trailer){
        .generation = rs_load_u64(from + 8),
        .segment_offset = rs_load_u64(from + 16),
        .segment_size = rs_load_u64(from + 24),
        .digest = {.low = rs_load_u64(from + 32), .high = rs_load_u64(from + 40)},
        .flags = rs_load_u32(from + 48),
    };
    uint64_t end, trailer_end;
    return trailer->segment_offset >= RS_SEGMENTS_START &&
           trailer->segment_offset % RS_BLOCK_SIZE == 0 && trailer->segment_size != 0 &&
           trailer->segment_size % RS_BLOCK_SIZE == 0 &&
           !rs_add_overflows(trailer->segment_offset, trailer->segment_size, &end) &&
           !rs_add_overflows(offset, RS_TRAILER_SIZE, &trailer_end) && end == trailer_end;
}

void rs_record_append(rs_buffer *buffer, uint32_t type, uint32_t flags, rs_slice payload) {
    uint8_t header[RS_RECORD_HEADER_SIZE];
    rs_store_u32(header, type);
    rs_store_u32(header + 4, flags);
    rs_store_u64(header + 8, payload.size);
    rs_buffer_append(buffer, header, sizeof header);
    rs_buffer_append(buffer, payload.bytes, payload.size);
    rs_buffer_append_zeros(buffer, (0 - payload.size) % RECORD_UNIT);
}

resume_status rs_record_read(const uint8_t *bytes, size_t size, size_t *position, rs_record *record,
                             rs_error *error) {
    if (*position > size || size - *position < RS_RECORD_HEADER_SIZE) {
        return rs_fail(error, RESUME_DAMAGED,
                       "the records end without an END record, at byte %zu of %zu", *position,
                       size);
    }
    const uint8_t *header = bytes + *position;
    size_t left = size - *position - RS_RECORD_HEADER_SIZE;
    uint64_t payload_size = rs_load_u64(header + 8);
    uint64_t padded;
    if (rs_round_up_overflows(payload_size, RECORD_UNIT, &padded) || padded > left) {
        return rs_fail(error, RESUME_DAMAGED,
                       "a record of type %" PRIu32 " at byte %zu claims %" PRIu64
                       " bytes, %zu are left",
                       rs_load_u32(header), *position, payload_size, left);
    }
    record->type = rs_load_u32(header);
    record->flags = rs_load_u32(header + 4);
    record->payload = (rs_slice){header + RS_RECORD_HEADER_SIZE, (size_t)payload_size};
    *position += RS_RECORD_HEADER_SIZE + (size_t)padded;
    return RESUME_OK;
}
