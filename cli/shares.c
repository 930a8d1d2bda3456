/* Shared values of an object stream: what a reference (tag 29) means. */
#include "describe.h"

#include "base/alloc.h"

#define PLACES_MAX     (1u << 25) /* marks that are remembered */
#define REFERENCES_MAX 4          /* to references, before it is called a loop */

void rc_shares_release(rc_shares *shares) {
    rs_free(shares->places);
    *shares = (rc_shares){0};
}

/* One walk over all heads; without memory the references stay unresolved. */
static void look(rc_shares *shares, const rs_state *state) {
    rs_slice stream = rs_state_stream(state);
    rs_cbor_reader reader = rs_cbor_reader_over(stream.bytes, stream.size);
    rs_cbor_item item;
    size_t capacity = 0;
    shares->looked = true;
    while (shares->count < PLACES_MAX && rs_cbor_next(&reader, &item, NULL) == RESUME_OK) {
        if (item.kind != RS_CBOR_TAG || item.argument != TAG_SHARED) continue;
        if (shares->count == capacity) {
            capacity = capacity ? 2 * capacity : 256;
            size_t *places = rs_reallocate_array(shares->places, capacity, sizeof *places);
            if (!places) return;
            shares->places = places;
        }
        shares->places[shares->count++] = reader.position;
    }
}

bool rc_shares_find(rc_shares *shares, const rs_state *state, uint64_t number,
                    rs_cbor_reader *reader) {
    if (!shares->looked) look(shares, state);
    if (number >= shares->count) return false;
    rs_slice stream = rs_state_stream(state);
    *reader = rs_cbor_reader_over(stream.bytes, stream.size);
    reader->position = shares->places[number];
    return true;
}

resume_status rc_resolve(rc_shares *shares, const rs_state *state, rs_cbor_reader *reader,
                         rs_cbor_item *item, bool *elsewhere, rs_error *error) {
    resume_status status = rc_next_head(reader, item, error);
    for (int i = 0; i < REFERENCES_MAX && status == RESUME_OK; i++) {
        rs_cbor_item number;
        rs_cbor_reader inside = *reader, target;
        if (item->kind != RS_CBOR_TAG || item->argument != TAG_REFERENCE) break;
        if (rs_cbor_next(&inside, &number, NULL) != RESUME_OK || number.kind != RS_CBOR_UNSIGNED ||
            !rc_shares_find(shares, state, number.argument, &target))
            break;
        *reader = target;
        if (elsewhere) *elsewhere = true;
        status = rc_next_head(reader, item, error);
    }
    return status;
}
