/* Block 0 and the hints: docs/format.md sections "Block 0" and "Hints". */
#include "format/header.h"
#include "base/arith.h"
#include "base/bytes.h"
#include "format/chunk.h"

#include <inttypes.h>

#define CHECKSUM_OFFSET    (RS_BLOCK_SIZE - 8)
#define HINT_CHECKED_SIZE  56u
#define HINT_SIZE          64u
#define KNOWN_INCOMPATIBLE UINT64_C(0)
#define CHUNK_SIZE_MIN     RS_BLOCK_SIZE

static const uint8_t magic[8] = {0x89, 'R', 'E', 'S', 'U', 'M', 'E', 0x0A};
static const uint8_t hint_magic[8] = {'R', 'S', 'H', 'I', 'N', 'T', '1', 0x0A};

void rs_header_encode(const rs_header *header, uint8_t block[RS_BLOCK_SIZE]) {
    memset(block, 0, RS_BLOCK_SIZE);
    memcpy(block, magic, sizeof magic);
    rs_store_u16(block + 8, header->major);
    rs_store_u16(block + 10, header->minor);
    rs_store_u64(block + 16, header->compatible);
    rs_store_u64(block + 24, header->incompatible);
    memcpy(block + 32, header->uuid.bytes, sizeof header->uuid.bytes);
    rs_store_u32(block + 48, header->chunk_size);
    rs_store_u32(block + 52, RS_BLOCK_SIZE);
    rs_store_u64(block + 56, (uint64_t)header->created_ns);
    rs_store_u64(block + CHECKSUM_OFFSET, rs_hash64(block, CHECKSUM_OFFSET, 0));
}

static resume_status check_magic(const uint8_t *bytes, size_t size, rs_error *error) {
    if (size == 0) {
        return rs_fail_at(
            error, RESUME_NOT_A_CHECKPOINT, 0, 0,
            "the file is empty, not a checkpoint of resume; use another name, or move "
            "it away");
    }
    if (size >= 2 && bytes[0] == 0x1F && bytes[1] == 0x8B) {
        return rs_fail_at(error, RESUME_LEGACY, 0, 0,
                          "the file is gzipped, as a checkpoint of resume 0.13 is; this version "
                          "does not read those: finish that run with resume 0.13, or use another "
                          "name");
    }
    if (memcmp(bytes, magic, rs_minimum(size, sizeof magic)) != 0) {
        return rs_fail_at(error, RESUME_NOT_A_CHECKPOINT, 0, 0,
                          "the file does not begin like a checkpoint of resume; use another name, "
                          "or move it away");
    }
    if (size < RS_BLOCK_SIZE) {
        return rs_fail_at(error, RESUME_TRUNCATED, 0, size,
                          "the file ends after %zu bytes, inside its header: nothing in it can be "
                          "read; take a copy of it that is whole, or move it away to start over",
                          size);
    }
    return RESUME_OK;
}

static resume_status check_version(const rs_header *header, rs_error *error) {
    if (header->major > RS_FORMAT_MAJOR) {
        return rs_fail_at(error, RESUME_UNSUPPORTED, 0, 8,
                          "the file has format %u.%u, this version of resume reads up to %u; "
                          "install a newer resume",
                          header->major, header->minor, RS_FORMAT_MAJOR);
    }
    uint64_t unknown = header->incompatible & ~KNOWN_INCOMPATIBLE;
    if (unknown) {
        return rs_fail_at(error, RESUME_UNSUPPORTED, 0, 24,
                          "the file uses features that this version of resume does not know (bits "
                          "%#" PRIx64 "); install a newer resume",
                          unknown);
    }
    return RESUME_OK;
}

static bool chunk_size_is_allowed(uint32_t size) {
    return size >= CHUNK_SIZE_MIN && size <= RS_CHUNK_RAW_SIZE_MAX && !(size & (size - 1));
}

resume_status rs_header_decode(const uint8_t *bytes, size_t size, rs_header *header,
                               rs_error *error) {
    resume_status status = check_magic(bytes, size, error);
    if (status) return status;
    if (rs_load_u64(bytes + CHECKSUM_OFFSET) != rs_hash64(bytes, CHECKSUM_OFFSET, 0)) {
        return rs_fail_at(
            error, RESUME_DAMAGED, 0, CHECKSUM_OFFSET,
            "the header does not match its checksum: nothing in it can be read; take a "
            "copy of it that is whole, or move it away to start over");
    }
    *header = (rs_header){
        .major = rs_load_u16(bytes + 8),
        .minor = rs_load_u16(bytes + 10),
        .compatible = rs_load_u64(bytes + 16),
        .incompatible = rs_load_u64(bytes + 24),
        .chunk_size = rs_load_u32(bytes + 48),
        .created_ns = (int64_t)rs_load_u64(bytes + 56),
    };
    memcpy(header->uuid.bytes, bytes + 32, sizeof header->uuid.bytes);
    status = check_version(header, error);
    if (status) return status;
    uint32_t block_size = rs_load_u32(bytes + 52);
    if (header->major == 0 || block_size != RS_BLOCK_SIZE ||
        !chunk_size_is_allowed(header->chunk_size)) {
        return rs_fail_at(error, RESUME_DAMAGED, 0, 48,
                          "the header has major version %u, chunk size %" PRIu32
                          " and block size %" PRIu32
                          ", which no writer makes; take a copy of the file that is whole, or move "
                          "it away to start over",
                          header->major, header->chunk_size, block_size);
    }
    return RESUME_OK;
}

void rs_hint_encode(const rs_hint *hint, const rs_uuid *uuid, uint8_t block[RS_BLOCK_SIZE]) {
    uint64_t seed = rs_place_seed(uuid, rs_hint_offset(hint->generation));
    memset(block, 0, RS_BLOCK_SIZE);
    memcpy(block, hint_magic, sizeof hint_magic);
    rs_store_u64(block + 8, hint->generation);
    rs_store_u64(block + 16, hint->commit_offset);
    rs_store_u64(block + HINT_CHECKED_SIZE, rs_hash64(block, HINT_CHECKED_SIZE, seed));
}

bool rs_hint_decode(const uint8_t *bytes, size_t size, uint64_t offset, const rs_uuid *uuid,
                    rs_hint *hint) {
    if (size < HINT_SIZE || memcmp(bytes, hint_magic, sizeof hint_magic) != 0) return false;
    uint64_t checksum = rs_hash64(bytes, HINT_CHECKED_SIZE, rs_place_seed(uuid, offset));
    if (rs_load_u64(bytes + HINT_CHECKED_SIZE) != checksum) return false;
    hint->generation = rs_load_u64(bytes + 8);
    hint->commit_offset = rs_load_u64(bytes + 16);
    return true;
}
