/* Keyed MACs of generations and the digests that they speak of, by libsodium. */
#include "format/signature.h"
#include "format/segment.h"

#include <assert.h>
#include <sodium.h>

#define STATEMENT_SIZE (4 * RS_DIGEST_SIZE + 16)

_Static_assert(RS_KEY_SIZE >= crypto_generichash_blake2b_KEYBYTES_MIN &&
                   RS_KEY_SIZE <= crypto_generichash_blake2b_KEYBYTES_MAX,
               "a key that BLAKE2b takes");

/* Keeps the MACs of one key for several purposes apart. */
static const char saved_personal[crypto_generichash_blake2b_PERSONALBYTES + 1] = "resume-saved-1";
static const char trusted_personal[crypto_generichash_blake2b_PERSONALBYTES + 1] =
    "resume-trusted-1";
static const char id_personal[crypto_generichash_blake2b_PERSONALBYTES + 1] = "resume-key-id-1";

static void hash(const uint8_t *key, const char *personal, const void *bytes, size_t size,
                 uint8_t *to, size_t to_size) {
    /* Chooses the fastest code for the processor, once; may be called any time, by any thread. */
    (void)!sodium_init();
    int answer = crypto_generichash_blake2b_salt_personal(to, to_size, bytes, size, key,
                                                          key ? RS_KEY_SIZE : 0, NULL,
                                                          (const unsigned char *)personal);
    assert(answer == 0); /* fails for sizes out of range alone */
    (void)answer;
}

rs_digest rs_digest_of(const void *bytes, size_t size) {
    rs_digest digest;
    hash(NULL, NULL, bytes, size, digest.bytes, sizeof digest.bytes);
    return digest;
}

bool rs_digest_equal(const rs_digest *a, const rs_digest *b) {
    return sodium_memcmp(a->bytes, b->bytes, sizeof a->bytes) == 0;
}

void rs_wipe(void *bytes, size_t size) {
    sodium_memzero(bytes, size);
}

void rs_key_init(rs_key *key, const uint8_t bytes[RS_KEY_SIZE]) {
    memcpy(key->bytes, bytes, sizeof key->bytes);
    hash(key->bytes, id_personal, NULL, 0, key->id, sizeof key->id);
}

void rs_key_wipe(rs_key *key) {
    rs_wipe(key, sizeof *key);
}

rs_mac rs_mac_of(const rs_key *key, rs_mac_use use, const rs_statement *statement) {
    uint8_t text[STATEMENT_SIZE], *at = text;
    memcpy(at, statement->header.bytes, RS_DIGEST_SIZE);
    at += RS_DIGEST_SIZE;
    rs_store_u64(at, statement->generation);
    rs_store_u64(at + 8, statement->flags & ~(uint32_t)RS_SEGMENT_SELF_VERIFYING);
    at += 16;
    const rs_digest *const rest[] = {&statement->meta, &statement->table, &statement->stream};
    for (size_t i = 0; i < sizeof rest / sizeof rest[0]; i++, at += RS_DIGEST_SIZE)
        memcpy(at, rest[i]->bytes, RS_DIGEST_SIZE);
    rs_mac mac;
    hash(key->bytes, use == RS_MAC_SAVED ? saved_personal : trusted_personal, text, sizeof text,
         mac.bytes, sizeof mac.bytes);
    return mac;
}

bool rs_mac_equal(const rs_mac *a, const rs_mac *b) {
    return sodium_memcmp(a->bytes, b->bytes, sizeof a->bytes) == 0;
}

void rs_end_append(rs_buffer *records, const rs_key *key, const rs_statement *statement) {
    uint8_t payload[RS_END_SIZE] = {0};
    memcpy(payload + 56, statement->stream.bytes, RS_DIGEST_SIZE);
    if (key) {
        rs_mac mac = rs_mac_of(key, RS_MAC_SAVED, statement);
        rs_store_u32(payload, RS_END_BLAKE2B);
        memcpy(payload + 8, key->id, RS_KEY_ID_SIZE);
        memcpy(payload + 24, mac.bytes, RS_MAC_SIZE);
    }
    rs_record_append(records, RS_RECORD_END, RS_RECORD_REQUIRED,
                     (rs_slice){payload, sizeof payload});
}

void rs_end_decode(rs_slice payload, rs_end *end) {
    const uint8_t *from = payload.bytes;
    *end = (rs_end){0};
    if (payload.size != RS_END_SIZE) return;
    end->algorithm = rs_load_u32(from);
    end->is_known = end->algorithm <= RS_END_BLAKE2B;
    memcpy(end->key_id, from + 8, RS_KEY_ID_SIZE);
    memcpy(end->mac.bytes, from + 24, RS_MAC_SIZE);
    memcpy(end->stream.bytes, from + 56, RS_DIGEST_SIZE);
}
