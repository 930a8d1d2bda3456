/* One chunk: how its bytes are stored, and the 32-byte table entry that finds and verifies it. */
#ifndef RS_FORMAT_CHUNK_H
#define RS_FORMAT_CHUNK_H

#include "base/error.h"
#include "format/hash.h"

#define RS_CHUNK_ENTRY_SIZE   32u
#define RS_CHUNK_RAW_SIZE_MAX (64u * 1024u * 1024u)
#define RS_CHUNK_ALIGNED_SIZE_MIN                                                                  \
    (64u * 1024u) /* raw chunks from this size on are block-aligned                                \
                   */

typedef enum rs_chunk_coding {
    RS_CHUNK_RAW = 0,
    RS_CHUNK_ZSTD = 1,         /* one zstd frame (RFC 8878) */
    RS_CHUNK_ZSTD_SHUFFLE = 2, /* byte shuffle by element size, then one zstd frame */
    RS_CHUNK_ZERO = 3,    /* all bytes zero, nothing stored: offset, stored size and hash are 0 */
    RS_CHUNK_PATCHED = 4, /* another one with some pages of its own: format/patch.h */
} rs_chunk_coding;

/* 0 6 offset in the file (48 bit) | 6 1 coding | 7 1 element size for the shuffle (0 when not
 * shuffled) | 8 4 stored size | 12 4 raw size | 16 8 hash low | 24 8 hash high: rs_chunk_hash
 * of the raw bytes */
typedef struct rs_chunk_entry {
    uint64_t offset;
    uint32_t stored_size;
    uint32_t raw_size;
    uint8_t coding;
    uint8_t element_size;
    rs_hash128 hash;
} rs_chunk_entry;

/* Pages of a chunk that may be patched. */
#define RS_CHUNK_PAGES_MAX 255u

/* Of a PATCHED chunk the offset is that of its record, the element size the number of extents in
 * it, and the stored size what base and extents take together. */
static inline uint32_t rs_chunk_size_in_file(const rs_chunk_entry *entry) {
    return entry->coding == RS_CHUNK_PATCHED ? 8u + 8u * entry->element_size : entry->stored_size;
}
/* Sizes and coding fit together; the offset is looked at only where there must be none. */
bool rs_chunk_entry_is_allowed(const rs_chunk_entry *entry);
void rs_chunk_entry_encode(const rs_chunk_entry *entry, uint8_t to[RS_CHUNK_ENTRY_SIZE]);
/* DAMAGED for what no writer makes: unknown coding (UNSUPPORTED), raw size 0 or above the maximum,
 * stored size 0 or above the raw size (raw: different from it), an element size that is not 1, 2,
 * 4, 8 or 16, a ZERO with an offset, a PATCHED one of one page or too many, or without extents. */
resume_status rs_chunk_entry_decode(const uint8_t from[RS_CHUNK_ENTRY_SIZE], rs_chunk_entry *entry,
                                    rs_error *error);
bool rs_chunk_is_zero(const void *bytes, size_t size);

typedef enum rs_compress { /* what to do with chunks */
                           RS_COMPRESS_AUTO = 0,
                           RS_COMPRESS_NEVER = 1,
                           RS_COMPRESS_ALWAYS = 2,
} rs_compress;

/* Codec contexts and scratch memory, reused from chunk to chunk. Not for two threads at once. */
typedef struct rs_codec rs_codec;
resume_status rs_codec_new(rs_codec **codec, rs_error *error);
void rs_codec_free(rs_codec *codec); /* NULL is allowed */

/* The `auto` rule: all zero: ZERO; a sample estimates the ratio: above 0.90 raw, below 0.50
 * compressed, between only if `disk_is_slow`; shuffle when element_size > 1 and the sample gains
 * from it (zstd -5 for shuffled numbers, zstd 1 for bytes); raw when the result is not smaller.
 * After 8 raw chunks of one element size in a row only every fourth is probed. *stored points into
 * the codec (or at `raw`) and is valid until its next call. Fills entry but offset; the hash is
 * given by the caller (computed before, to find unchanged chunks). */
resume_status rs_codec_compress(rs_codec *codec, const void *raw, uint32_t raw_size,
                                uint8_t element_size, rs_compress mode, bool disk_is_slow,
                                rs_hash128 hash, const void **stored, rs_chunk_entry *entry,
                                rs_error *error);
/* Decodes the stored bytes of `entry` into `raw` (entry->raw_size bytes) and verifies the hash.
 * DAMAGED when anything differs; `raw` is then unspecified. A ZERO needs no stored bytes; those of
 * a RAW chunk may already be in place (stored == raw). Never writes beyond raw_size. */
resume_status rs_codec_decompress(rs_codec *codec, const rs_chunk_entry *entry, const void *stored,
                                  void *raw, rs_error *error);
/* The same, but for the hash: of the base of a patch. */
resume_status rs_codec_decode(rs_codec *codec, const rs_chunk_entry *entry, const void *stored,
                              void *raw, rs_error *error);
/* The same transformation as by definition: byte k of element i goes to position k * count + i; a
 * tail of size modulo element_size bytes stays at the end. */
void rs_shuffle(const void *from, void *to, size_t size, size_t element_size);
void rs_unshuffle(const void *from, void *to, size_t size, size_t element_size);
#endif
