/* set and frozenset in the object stream: with the table that decides their order. */
#include "../decode.h"
#include "../encode.h"
#include "../pycompat/set_table.h"

#include "base/alloc.h"
#include "format/hash.h"

#include <string.h>

/* ---- encoding ---- */

/* Bitmap of the slots of one kind. */
static void put_bitmap(rp_encoder *encoder, PyObject *set, rp_slot_kind kind) {
    size_t slots = rp_set_slots(set);
    rs_cbor_put_head(&encoder->buffer, RS_CBOR_BYTES, slots / 8);
    uint8_t *map = rs_buffer_reserve(&encoder->buffer, slots / 8);
    if (!map) return;
    for (size_t slot = 0; slot < slots; slot += 8)
        map[slot / 8] = (uint8_t)rp_set_bits(set, slot, kind);
    encoder->buffer.size += slots / 8;
}

static void put_table(rp_encoder *encoder, PyObject *set) {
    put_bitmap(encoder, set, RP_SLOT_USED);
    if (rp_set_has_dummies(set)) {
        put_bitmap(encoder, set, RP_SLOT_DUMMY);
    } else {
        rs_cbor_put_simple(&encoder->buffer, RS_CBOR_NULL);
    }
    rs_cbor_put_head(&encoder->buffer, RS_CBOR_UNSIGNED, rp_set_finger(set));
}

static int changed(rp_encoder *encoder) {
    return rp_refuse(encoder, "another thread changed it while it was being saved; hold its lock "
                              "during save() and sync()");
}

/* The next element in the order of the table; NULL at its end. Borrowed. */
static PyObject *next_element(rp_encode_frame *frame) {
    PyObject *key = NULL;
    size_t slots = rp_set_slots(frame->object);
    while ((size_t)frame->position < slots)
        if (rp_set_slot(frame->object, (size_t)frame->position++, &key) == RP_SLOT_USED) return key;
    return NULL;
}

/* Writes the elements up to the first that is no leaf; their number, and the slot behind them. The
 * time is that of fetching objects that stand anywhere in memory: some are gathered, then fetched,
 * then written. */
static Py_ssize_t put_leaves(rp_encoder *encoder, PyObject *set, Py_ssize_t *position) {
    enum { SLOTS = 256, AHEAD = 16 };
    PyObject *keys[SLOTS + AHEAD + 1];
    uint8_t slots[SLOTS + 1];
    Py_ssize_t done = 0;
    for (size_t start = 0; start < rp_set_slots(set); start += SLOTS) {
        size_t left = rp_set_slots(set) - start;
        size_t count = rp_set_gather(set, start, left < SLOTS ? left : SLOTS, keys, slots);
        for (size_t i = 0; i < AHEAD; i++)
            keys[count + i] = NULL;
        for (size_t i = 0; i < AHEAD; i++)
            __builtin_prefetch(keys[i]);
        for (size_t i = 0; i < count; i++, done++) {
            __builtin_prefetch(keys[i + AHEAD]);
            if (rp_put_leaf(encoder, keys[i])) continue;
            *position = (Py_ssize_t)(start + slots[i]);
            return done;
        }
    }
    *position = (Py_ssize_t)rp_set_slots(set);
    return done;
}

static int advance_set(rp_encoder *encoder, rp_encode_frame *frame) {
    size_t depth = encoder->depth;
    while (frame->index < frame->count) {
        PyObject *element = next_element(frame);
        if (!element) return changed(encoder);
        frame->index++;
        Py_XSETREF(frame->key, Py_NewRef(element));
        int status = rp_put_held(encoder, frame->key);
        if (status || encoder->depth != depth) return status;
    }
    if (PySet_GET_SIZE(frame->object) != frame->count) return changed(encoder);
    put_table(encoder, frame->object);
    rp_pop(encoder);
    return RP_DONE;
}

/* Digest: each element is hashed by itself; the sum of the hashes, which has no order, stands for
 * the set. What is met in one element is forgotten before the next, and the numbers of marks are
 * counted from the mark of the set: so neither the order of the elements nor what came before the
 * set is in the digest. */
struct rp_set_digest {
    size_t start;             /* where the element in work begins in the buffer */
    uint64_t sum[2];          /* modulo 2^128 */
    size_t share;             /* number of the mark of the set */
    size_t shares, entries;   /* marks, and objects in the memo, before its elements */
    size_t base, lowest_mark; /* of the encoder, around it */
};

static void add_element(rp_encoder *encoder, rp_set_digest *digest) {
    rs_buffer *buffer = &encoder->buffer;
    rs_hash128 hash = rs_hash128_of(buffer->bytes + digest->start, buffer->size - digest->start, 0);
    digest->sum[1] += hash.high + __builtin_add_overflow(digest->sum[0], hash.low, digest->sum);
    buffer->size = digest->start;
    rp_memo_rollback(&encoder->memo, digest->entries);
    encoder->share_count = digest->shares;
}

static void put_sum(rp_encoder *encoder, Py_ssize_t count, const uint64_t sum[2]) {
    rs_cbor_put_head(&encoder->buffer, RS_CBOR_ARRAY, (uint64_t)count);
    rs_cbor_put_bytes(&encoder->buffer, sum, 2 * sizeof *sum);
}

/* A set that leads nowhere outside of itself has the same sum wherever it is met: sets of sets of
 * sets would be walked once for each way to them. */
static int keep_sum(rp_encoder *encoder, PyObject *set, const rp_set_digest *digest) {
    if (encoder->lowest_mark < digest->share) return 0;
    if (encoder->sum_count == encoder->sum_capacity) {
        size_t capacity = encoder->sum_capacity ? encoder->sum_capacity * 2 : 16;
        rp_set_sum *sums = rs_reallocate_array(encoder->sums, capacity, sizeof *sums);
        if (!sums) return -1;
        encoder->sums = sums;
        encoder->sum_capacity = capacity;
    }
    if (!rp_memo_add(&encoder->sum_memo, set, encoder->sum_count)) return -1;
    memcpy(encoder->sums[encoder->sum_count++].words, digest->sum, sizeof digest->sum);
    return 0;
}

static int advance_digests(rp_encoder *encoder, rp_encode_frame *frame) {
    size_t depth = encoder->depth;
    rp_set_digest *digest = frame->digest;
    for (;;) {
        if (frame->index > 0 && !encoder->buffer.failed) add_element(encoder, digest);
        if (frame->index == frame->count) break;
        PyObject *element = next_element(frame);
        if (!element) return changed(encoder);
        frame->index++;
        Py_XSETREF(frame->key, Py_NewRef(element));
        int status = rp_put_held(encoder, frame->key);
        if (status || encoder->depth != depth) return status;
    }
    put_sum(encoder, frame->count, digest->sum);
    if (keep_sum(encoder, frame->object, digest) < 0) {
        PyErr_NoMemory();
        return -1;
    }
    encoder->base = digest->base;
    if (digest->lowest_mark < encoder->lowest_mark) encoder->lowest_mark = digest->lowest_mark;
    rp_pop(encoder);
    return RP_DONE;
}

static int put_set_digest(rp_encoder *encoder, PyObject *object) {
    size_t known;
    if (rp_memo_find(&encoder->sum_memo, object, &known)) {
        put_sum(encoder, PySet_GET_SIZE(object), encoder->sums[known].words);
        return RP_DONE;
    }
    size_t share = (size_t)encoder->last_share;
    rp_encode_frame *frame = rp_push(encoder, advance_digests, object, PySet_GET_SIZE(object));
    if (!frame) return -1;
    frame->digest = rs_allocate(sizeof *frame->digest);
    if (!frame->digest) {
        PyErr_NoMemory();
        return -1;
    }
    *frame->digest = (rp_set_digest){.start = encoder->buffer.size,
                                     .share = share,
                                     .shares = encoder->share_count,
                                     .entries = encoder->memo.count,
                                     .base = encoder->base,
                                     .lowest_mark = encoder->lowest_mark};
    encoder->base = share;
    encoder->lowest_mark = SIZE_MAX;
    return RP_DONE;
}

int rp_put_set(rp_encoder *encoder, PyObject *object) {
    Py_ssize_t count = PySet_GET_SIZE(object);
    rp_put_tag(encoder, PySet_CheckExact(object) ? RP_TAG_SET : RP_TAG_FROZENSET);
    if (encoder->digest) return put_set_digest(encoder, object);
    rp_put_array_head(encoder, 4);
    rp_put_array_head(encoder, (size_t)count);
    Py_ssize_t position, done = put_leaves(encoder, object, &position);
    if (done == count) {
        put_table(encoder, object);
        return RP_DONE;
    }
    rp_encode_frame *frame = rp_push(encoder, advance_set, object, count);
    if (!frame) return -1;
    frame->index = done;
    frame->position = position;
    return RP_DONE;
}

/* ---- decoding ---- */

static size_t count_bits(const uint8_t *map, size_t size) {
    size_t count = 0, at = 0;
    for (; at + 8 <= size; at += 8)
        count += (size_t)__builtin_popcountll(rs_load_u64(map + at));
    for (; at < size; at++)
        count += (size_t)__builtin_popcount(map[at]);
    return count;
}

static int read_table(rp_decoder *decoder, size_t count, rp_set_table *found) {
    rs_cbor_item used, dummies;
    if (rp_next(decoder, &used) < 0 || rp_next(decoder, &dummies) < 0 ||
        rp_next_unsigned(decoder, &found->finger) < 0) {
        return -1;
    }
    bool has_dummies = dummies.kind == RS_CBOR_BYTES;
    bool fits = used.kind == RS_CBOR_BYTES && used.argument > 0 && used.argument <= SIZE_MAX / 8 &&
                count_bits(used.bytes, (size_t)used.argument) == count &&
                (has_dummies ? dummies.argument == used.argument
                             : dummies.kind == RS_CBOR_SIMPLE && dummies.argument == RS_CBOR_NULL);
    for (size_t i = 0; fits && has_dummies && i < used.argument; i++)
        fits = !(used.bytes[i] & dummies.bytes[i]);
    if (!fits) {
        rp_damaged(decoder, "the table of a set does not fit its elements");
        return -1;
    }
    found->used = used.bytes;
    found->dummies = has_dummies ? dummies.bytes : NULL;
    found->slots = (size_t)used.argument * 8;
    return rp_claim(decoder, found->slots * sizeof(setentry));
}

/* Of one that is hashed by its address there is no other order than that of this process. */
static bool is_by_address(PyObject *element) {
    return Py_TYPE(element)->tp_hash == PyBaseObject_Type.tp_hash;
}

static int tell_order(rp_decoder *decoder, PyObject *const *elements, Py_ssize_t count) {
    bool by_address = false;
    for (Py_ssize_t i = 0; i < count; i++) {
        if (PyWeakref_Check(elements[i])) return 0; /* a WeakSet has never had one */
        by_address = by_address || is_by_address(elements[i]);
    }
    return rp_decoder_note(
        decoder,
        by_address ? "the order of a set differs from the saved one, because its elements are "
                     "hashed by their addresses, which differ in each process; give their class a "
                     "__hash__, or use a dict or a sorted list where the order matters"
                   : "the order of a set differs from the saved one, because hashes differ in "
                     "this process; set PYTHONHASHSEED=0 for both runs, or use a dict or a "
                     "sorted list where the order matters");
}

/* Equal hashes were not given: the saved order becomes the order of insertion. */
static int insert_all(rp_decoder *decoder, PyObject *set, PyObject *const *elements,
                      Py_ssize_t count) {
    for (Py_ssize_t i = 0; i < count; i++)
        if (rp_checked_status(decoder, PySet_Add(set, elements[i])) < 0) return -1;
    if (PySet_GET_SIZE(set) != count) {
        rp_damaged(decoder, "two elements of a set are equal");
        return -1;
    }
    Py_ssize_t index = 0;
    bool same = true;
    PyObject *key;
    for (size_t slot = 0; slot < rp_set_slots(set) && same; slot++)
        if (rp_set_slot(set, slot, &key) == RP_SLOT_USED) same = key == elements[index++];
    return same ? 0 : tell_order(decoder, elements, count);
}

static int fill(rp_decoder *decoder, PyObject *set, const rp_set_table *found,
                PyObject *const *elements, Py_ssize_t count) {
    for (Py_ssize_t i = 0; i < count; i++)
        if (!rp_is_flat(elements[i]) && rp_check_key(decoder, elements[i]) < 0) return -1;
    if (decoder->set_tables < 0) decoder->set_tables = rp_set_table_works();
    if (decoder->set_tables < 0) return -1;
    if (decoder->set_tables) {
        int status = rp_set_fill_table(set, found->slots, found->used, found->dummies,
                                       (size_t)found->finger, elements, (size_t)count);
        if (status) return status < 0 ? rp_checked_status(decoder, -1) : 0;
    }
    return insert_all(decoder, set, elements, count);
}

/* A set that marks lead to is filled by an exchange: hashing and comparing may run code that meets
 * it, and a frozenset that is known takes no elements. */
static int fill_known(rp_decoder *decoder, PyObject *set, const rp_set_table *found,
                      PyObject *const *elements, Py_ssize_t count) {
    PyObject *content = PySet_New(NULL);
    int status = content ? fill(decoder, content, found, elements, count) : -1;
    if (!status) rp_set_swap(set, content);
    Py_XDECREF(content);
    return status;
}

static int fill_late(rp_decoder *decoder, const rp_late *late) {
    Py_ssize_t count = PyTuple_GET_SIZE(late->parts);
    return fill_known(decoder, late->object, late->table, ((PyTupleObject *)late->parts)->ob_item,
                      count);
}

/* Some element can't be hashed before the frame `level` is complete. */
static int put_off(rp_decoder *decoder, PyObject *set, const rp_set_table *found,
                   PyObject *const *elements, Py_ssize_t count, size_t level) {
    rp_late late = {.level = level, .act = fill_late, .object = set};
    late.table = rs_allocate_zeroed(1, sizeof *late.table);
    late.parts = late.table ? PyTuple_New(count) : PyErr_NoMemory();
    for (Py_ssize_t i = 0; late.parts && i < count; i++)
        PyTuple_SET_ITEM(late.parts, i, Py_NewRef(elements[i]));
    if (late.table) *late.table = *found;
    int status = late.parts ? rp_late_add(decoder, &late) : -1;
    if (status < 0) rs_free(late.table);
    Py_XDECREF(late.parts);
    rp_top(decoder)->late.use = rp_earlier(rp_top(decoder)->late.use, level);
    return status;
}

static PyObject *finish(rp_decoder *decoder, bool frozen, PyObject *const *elements,
                        Py_ssize_t count) {
    const rp_open *frame = rp_top(decoder);
    PyObject *set = frame->object ? Py_NewRef(frame->object)
                    : frozen      ? PyFrozenSet_New(NULL)
                                  : PySet_New(NULL);
    size_t level = frame->late.hash;
    rp_set_table found;
    int status = set ? read_table(decoder, (size_t)count, &found) : -1;
    if (status < 0 || (frozen && count == 0)) {
        /* an empty frozenset may be shared, and never changes: its table does not matter */
    } else if (level < decoder->depth - 1) {
        status = put_off(decoder, set, &found, elements, count, level);
    } else if (frame->object) {
        status = fill_known(decoder, set, &found, elements, count);
    } else {
        status = fill(decoder, set, &found, elements, count);
    }
    if (status < 0) Py_CLEAR(set);
    return set;
}

static PyObject *finish_set(rp_decoder *decoder, PyObject *const *elements, Py_ssize_t count) {
    return finish(decoder, false, elements, count);
}

static PyObject *finish_frozenset(rp_decoder *decoder, PyObject *const *elements,
                                  Py_ssize_t count) {
    return finish(decoder, true, elements, count);
}

int rp_open_set(rp_decoder *decoder, bool frozen) {
    rs_cbor_item elements;
    if (rp_next_array(decoder, 4, 4) < 0 || rp_next(decoder, &elements) < 0) return -1;
    if (elements.kind != RS_CBOR_ARRAY) {
        rp_damaged(decoder, "the elements of a set are no array");
        return -1;
    }
    PyObject *set = NULL; /* one without a mark is made when its elements are there */
    if (decoder->pending >= 0) {
        set = frozen ? PyFrozenSet_New(NULL) : PySet_New(NULL);
        if (!set) return -1;
    }
    if (rp_open_frame(decoder, RP_OPEN_VALUES, set, elements.argument,
                      frozen ? finish_frozenset : finish_set) < 0)
        return -1;
    if (set) rp_announce(decoder);
    return 0;
}
