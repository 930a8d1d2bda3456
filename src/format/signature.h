/* Who has saved a generation: its keyed MAC in the END record. docs/format.md section "Signature".
 */
#ifndef RS_FORMAT_SIGNATURE_H
#define RS_FORMAT_SIGNATURE_H

#include "base/buffer.h"
#include "base/bytes.h"

#include <stdbool.h>

#define RS_KEY_SIZE    32u
#define RS_KEY_ID_SIZE 16u
#define RS_DIGEST_SIZE 32u
#define RS_MAC_SIZE    32u
#define RS_END_SIZE    88u

/* BLAKE2b-256: where an XXH3, which anybody can make to match, is not enough. */
typedef struct rs_digest {
    uint8_t bytes[RS_DIGEST_SIZE];
} rs_digest;
rs_digest rs_digest_of(const void *bytes, size_t size);
bool rs_digest_equal(const rs_digest *a, const rs_digest *b); /* in constant time */

typedef struct rs_key {
    uint8_t bytes[RS_KEY_SIZE]; /* secret */
    uint8_t id[RS_KEY_ID_SIZE]; /* tells it from others, and nothing about it */
} rs_key;
void rs_key_init(rs_key *key, const uint8_t bytes[RS_KEY_SIZE]);
void rs_key_wipe(rs_key *key);
/* Overwrites what held a secret, in a way that no compiler leaves out. */
void rs_wipe(void *bytes, size_t size);

/* What a MAC speaks for: everything that decides what a reader of the generation gets. */
typedef struct rs_statement {
    rs_digest header; /* of block 0 */
    uint64_t generation;
    uint32_t flags;   /* of the segment, without SELF_VERIFYING */
    rs_digest meta;   /* of the payload of META */
    rs_digest table;  /* of the resolved table, as the payload of TABLE */
    rs_digest stream; /* of blob 0 */
} rs_statement;

typedef enum rs_mac_use {
    RS_MAC_SAVED,   /* in END: whoever holds the key has saved it */
    RS_MAC_TRUSTED, /* beside the key: its holder trusts what somebody else has saved */
} rs_mac_use;
typedef struct rs_mac {
    uint8_t bytes[RS_MAC_SIZE];
} rs_mac;
rs_mac rs_mac_of(const rs_key *key, rs_mac_use use, const rs_statement *statement);
bool rs_mac_equal(const rs_mac *a, const rs_mac *b); /* in constant time */

/* The payload of END: u32 algorithm, u32 zero, 16 key id, 32 MAC, 32 digest of the stream. */
enum rs_end_algorithm { RS_END_UNSIGNED = 0, RS_END_BLAKE2B = 1 };
typedef struct rs_end {
    bool
        is_known; /* of a size and an algorithm that this version knows: what follows has meaning */
    uint32_t algorithm;
    uint8_t key_id[RS_KEY_ID_SIZE];
    rs_mac mac;
    rs_digest stream; /* of the object stream, as the writer says */
} rs_end;
/* The record, signed under `key`; NULL: not signed. */
void rs_end_append(rs_buffer *records, const rs_key *key, const rs_statement *statement);
/* Never fails: what is not known is not signed. */
void rs_end_decode(rs_slice payload, rs_end *end);
#endif
