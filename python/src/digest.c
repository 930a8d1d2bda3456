/* A digest of a value: the hash of its canonical stream, which knows no reference counts, no
 * addresses and no order of sets. */
#include "encode.h"

#include "format/hash.h"

int rp_digest(rp_module_state *state, PyObject *value, uint8_t digest[RP_DIGEST_SIZE]) {
    rp_encoder *encoder = rp_encoder_new(state);
    if (!encoder) return -1;
    encoder->digest = true;
    int status = rp_encoder_put(encoder, value, "value");
    if (status == 0) {
        const rs_buffer *buffer = rp_encoder_buffer(encoder);
        rs_hash128 hash = rs_hash128_of(buffer->bytes, buffer->size, 0);
        rs_store_u64(digest, hash.low);
        rs_store_u64(digest + 8, hash.high);
    }
    rp_encoder_free(encoder);
    return status;
}
