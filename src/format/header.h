/* Blocks 0 to 2: what the file is, and the two hints. docs/format.md sections "Block 0" and
 * "Hints". */
#ifndef RS_FORMAT_HEADER_H
#define RS_FORMAT_HEADER_H

#include "base/error.h"
#include "format/hash.h"

#define RS_BLOCK_SIZE     4096u
#define RS_HEADER_BLOCKS  3u
#define RS_SEGMENTS_START (RS_HEADER_BLOCKS * RS_BLOCK_SIZE)
#define RS_CHUNK_SIZE     (256u * 1024u)
#define RS_FORMAT_MAJOR   1u
#define RS_FORMAT_MINOR   0u

/* Block 0, 4096 bytes, never changes:
 *   0  8  magic 89 'R' 'E' 'S' 'U' 'M' 'E' 0A
 *   8  2  major          10 2 minor          12 4 zero
 *  16  8  compatible features (unknown bits are ignored)
 *  24  8  incompatible features (any unknown bit: RESUME_UNSUPPORTED)
 *  32 16  uuid of the file
 *  48  4  chunk size (262144)                52 4 block size (4096)
 *  56  8  time of creation, ns since 1970
 *  64  .. zero
 * 4088 8  XXH3-64 of bytes 0..4087, seed 0 */
typedef struct rs_header {
    uint16_t major, minor;
    uint64_t compatible, incompatible;
    rs_uuid uuid;
    uint32_t chunk_size;
    int64_t created_ns;
} rs_header;

void rs_header_encode(const rs_header *header, uint8_t block[RS_BLOCK_SIZE]);
/* NOT_A_CHECKPOINT (magic; an empty file, too), LEGACY (gzip magic 1F 8B), TRUNCATED (size < 4096
 * with our magic), UNSUPPORTED (a higher major or unknown incompatible bits: looked at after the
 * checksum), DAMAGED (checksum, sizes). `size` may be anything. */
resume_status rs_header_decode(const uint8_t *bytes, size_t size, rs_header *header,
                               rs_error *error);

/* A hint, the first 64 bytes of block 1 or 2 (generation modulo 2 plus 1), the rest zero:
 *   0 8 "RSHINT1\n"  8 8 generation  16 8 offset of the commit trailer  24.. zero
 *  56 8 XXH3-64 of bytes 0..55, seed by place (the block's own offset) */
typedef struct rs_hint {
    uint64_t generation;
    uint64_t commit_offset;
} rs_hint;

static inline uint64_t rs_hint_offset(uint64_t generation) {
    return RS_BLOCK_SIZE * (1 + generation % 2);
}
void rs_hint_encode(const rs_hint *hint, const rs_uuid *uuid, uint8_t block[RS_BLOCK_SIZE]);
/* False when it is not a hint of this file and place: never an error, the scan is only longer. */
bool rs_hint_decode(const uint8_t *bytes, size_t size, uint64_t offset, const rs_uuid *uuid,
                    rs_hint *hint);
#endif
