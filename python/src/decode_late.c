/* What has to wait until a value further out is complete.
 *
 * A reference may lead into a value that is still being read. An object whose state refers to an
 * open tuple gets its state when the tuple is complete, since its own code may look at it; a key
 * or an element whose hash needs an object without its state waits until it has one. Each such
 * action waits for the outermost frame that it depends on, and all run in the order of the stream.
 */
#include "decode.h"

#include "base/alloc.h"

void rp_late_share(rp_decoder *decoder, Py_ssize_t share, size_t level, bool is_object) {
    if (share < 0) return;
    rp_share *late = &decoder->shares[share];
    late->open = level;
    late->open_serial = decoder->frames[level].serial;
    late->is_object = is_object;
}

/* Objects that are told apart by their address can be hashed without their state. */
static bool hashed_by_address(PyObject *object) {
    return Py_TYPE(object)->tp_hash == PyBaseObject_Type.tp_hash;
}

void rp_late_closed(rp_decoder *decoder, Py_ssize_t share, PyObject *value, rp_lateness late,
                    size_t level) {
    /* what waited for the frame that was closed alone waits no more */
    decoder->late.use = late.use < level ? late.use : RP_READY;
    decoder->late.hash = late.hash < level && !hashed_by_address(value) ? late.hash : RP_READY;
    size_t open = rp_earlier(decoder->late.use, decoder->late.hash);
    if (open != RP_READY) rp_late_share(decoder, share, open, decoder->late.use == RP_READY);
}

rp_lateness rp_late_of_share(const rp_decoder *decoder, const rp_share *share) {
    rp_lateness late = {RP_READY, RP_READY};
    bool open = share->open_serial > 0 && share->open < decoder->depth &&
                decoder->frames[share->open].serial == share->open_serial;
    if (!open) return late;
    if (!share->is_object) late.use = share->open;
    if (!hashed_by_address(share->value)) late.hash = share->open;
    return late;
}

int rp_late_add(rp_decoder *decoder, const rp_late *late) {
    if (decoder->late_count == decoder->late_capacity) {
        size_t capacity = decoder->late_capacity ? decoder->late_capacity * 2 : 16;
        rp_late *lates = rs_reallocate_array(decoder->lates, capacity, sizeof *lates);
        if (!lates) {
            PyErr_NoMemory();
            return -1;
        }
        decoder->lates = lates;
        decoder->late_capacity = capacity;
    }
    /* by level, those of one level in the order of the stream */
    size_t at = decoder->late_count++;
    for (; at > 0 && decoder->lates[at - 1].level > late->level; at--)
        decoder->lates[at] = decoder->lates[at - 1];
    decoder->lates[at] = *late;
    Py_INCREF(late->object);
    Py_INCREF(late->parts);
    return 0;
}

static void release(rp_late *late) {
    Py_DECREF(late->object);
    Py_DECREF(late->parts);
    rs_free(late->table);
}

int rp_late_run(rp_decoder *decoder, size_t level) {
    size_t first = decoder->late_count;
    while (first > 0 && decoder->lates[first - 1].level >= level)
        first--;
    int status = 0;
    for (size_t i = first; !status && i < decoder->late_count; i++)
        status = decoder->lates[i].act(decoder, &decoder->lates[i]);
    while (decoder->late_count > first)
        release(&decoder->lates[--decoder->late_count]);
    return status;
}

void rp_late_release(rp_decoder *decoder) {
    while (decoder->late_count > 0)
        release(&decoder->lates[--decoder->late_count]);
}
