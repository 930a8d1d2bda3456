/* Segments: header, records, commit trailer. docs/format.md section "Segments".
 *
 * A segment starts on a block boundary and ends on one:
 *
 *   header 64 | data area | records, each 8-aligned, the last one END | zeros | trailer 64
 *
 * The trailer is the last 64 bytes of the last block. The data area holds stored chunks; it starts
 * at segment offset + 64. A raw chunk of 64 KiB or more starts on a block boundary of the file. */
#ifndef RS_FORMAT_SEGMENT_H
#define RS_FORMAT_SEGMENT_H

#include "base/buffer.h"
#include "base/bytes.h"
#include "base/error.h"
#include "format/hash.h"

#define RS_SEGMENT_HEADER_SIZE     64u
#define RS_TRAILER_SIZE            64u
#define RS_RECORD_HEADER_SIZE      16u
#define RS_SELF_VERIFYING_SIZE_MAX (1024u * 1024u) /* whole segment */

enum rs_segment_flags {
    RS_SEGMENT_SELF_VERIFYING =
        1,               /* the digest covers every byte of the segment before the trailer */
    RS_SEGMENT_MARK = 2, /* same state as the generation before, only META differs */
};

/* 0 8 "RSSEG1\n\0" | 8 8 generation | 16 8 data size | 24 8 records size | 32 8 offset of the
 * trailer of the commit before, 0 for none | 40 4 flags | 44 12 zero | 56 8 XXH3-64 of 0..55 seeded
 * by place (segment offset) */
typedef struct rs_segment_header {
    uint64_t generation;
    uint64_t data_size;    /* multiple of 8 */
    uint64_t records_size; /* multiple of 8 */
    uint64_t previous_commit;
    uint32_t flags;
} rs_segment_header;

/* 0 8 "RSCOMMIT" | 8 8 generation | 16 8 segment offset | 24 8 segment size, trailer included | 32
 * 16 digest | 48 4 flags (as in the header) | 52 4 zero | 56 8 XXH3-64 of 0..55 seeded by place
 * (the trailer's own offset)
 *
 * digest = XXH3-128 seeded by place (segment offset), of
 *   self-verifying: all bytes from the segment's start to the trailer
 *   ordered:        the segment header followed by the records (chunks are verified by their own
 * hashes) */
typedef struct rs_trailer {
    uint64_t generation;
    uint64_t segment_offset;
    uint64_t segment_size;
    rs_hash128 digest;
    uint32_t flags;
} rs_trailer;

/* The size of a whole segment: header, data, records, padding, trailer. True on overflow. */
bool rs_segment_size_overflows(uint64_t data_size, uint64_t records_size, uint64_t *size);

void rs_segment_header_encode(const rs_segment_header *header, const rs_uuid *uuid, uint64_t offset,
                              uint8_t to[RS_SEGMENT_HEADER_SIZE]);
/* False: no segment header of this file stands at this place. Sizes are not yet checked against the
 * file. */
bool rs_segment_header_decode(const uint8_t from[RS_SEGMENT_HEADER_SIZE], const rs_uuid *uuid,
                              uint64_t offset, rs_segment_header *header);
void rs_trailer_encode(const rs_trailer *trailer, const rs_uuid *uuid, uint64_t offset,
                       uint8_t to[RS_TRAILER_SIZE]);
/* False: no commit of this file ends at this place. Checks that the segment lies before the
 * trailer. */
bool rs_trailer_decode(const uint8_t from[RS_TRAILER_SIZE], const rs_uuid *uuid, uint64_t offset,
                       rs_trailer *trailer);

/* Records: type u32, flags u32, payload size u64, payload, zeros up to a multiple of 8. */
enum rs_record_type {
    RS_RECORD_META = 1,  /* a CBOR map about the generation: docs/format.md "META" */
    RS_RECORD_TABLE = 2, /* full chunk table */
    RS_RECORD_DELTA = 3, /* chunk table as a difference */
    RS_RECORD_PATCH = 4, /* reserved: byte extents over a base chunk */
    RS_RECORD_END = 255, /* who has saved it: format/signature.h */
};
enum rs_record_flags {
    RS_RECORD_REQUIRED = 1
}; /* a reader that does not know the type must refuse */

void rs_record_append(rs_buffer *buffer, uint32_t type, uint32_t flags, rs_slice payload);

typedef struct rs_record {
    uint32_t type, flags;
    rs_slice payload; /* borrowed from the bytes given */
} rs_record;

/* Reads the record at *position and moves it on. DAMAGED when it does not fit into `size`. */
resume_status rs_record_read(const uint8_t *bytes, size_t size, size_t *position, rs_record *record,
                             rs_error *error);
#endif
