/* Lists of numbers in the object stream: one typed array (RFC 8746).
 *
 * To pack a number is to fetch the object behind it, which takes longer than all the rest. So the
 * numbers of a long list that stays as it is are kept from one save to the next: numbers can't
 * change, and what is held can't make room for another one, so that the same address is the same
 * number. Of a list that has got longer, or changed here and there, only what is new is packed. */
#include "../packed.h"

#include "../decode.h"
#include "../encode.h"
#include "../pycompat/ints.h"
#include "../region.h"
#include "base/alloc.h"

#include <string.h>

enum {
    AHEAD = 32,
    KEPT_COUNT_MIN = 4096,
    BLOCK = 512,        /* numbers that are compared at a time */
    UNSTABLE_SAVES = 16 /* a list that has changed a lot is left alone for so many */
};
/* From here on memory comes in huge pages: the first touch of small ones takes longer than the
 * rest. */
enum { REGION_SIZE_MIN = 2 << 20 };
#define KEPT_SIZE_MAX ((size_t)512 << 20) /* bytes for all lists: 16 for each number */

/* ---- packing ---- */

/* NaNs that others may refer to are left to the general form, which keeps their identity. *nan: one
 * was met. */
static bool pack_floats(bool by_identity, PyObject *const *items, Py_ssize_t from, Py_ssize_t to,
                        double *packed, bool *nan) {
    for (Py_ssize_t i = from; i < to; i++) {
        PyObject *item = items[i];
        /* the time is that of fetching the objects */
        if (i + AHEAD < to) __builtin_prefetch(items[i + AHEAD]);
        if (!PyFloat_CheckExact(item)) return false;
        double value = PyFloat_AS_DOUBLE(item);
        if (value != value) {
            if (by_identity && Py_REFCNT(item) > 1) return false;
            *nan = true;
        }
        packed[i] = value;
    }
    return true;
}

static bool pack_ints(PyObject *const *items, Py_ssize_t from, Py_ssize_t to, int64_t *packed) {
    for (Py_ssize_t i = from; i < to; i++) {
        PyObject *item = items[i];
        if (i + AHEAD < to) __builtin_prefetch(items[i + AHEAD]);
        if (!PyLong_CheckExact(item)) return false;
        if (rp_long_is_compact(item, &packed[i])) continue;
        int overflow;
        packed[i] = PyLong_AsLongLongAndOverflow(item, &overflow);
        if (overflow) return false;
    }
    return true;
}

/* A list in work. */
typedef struct numbers {
    PyObject *const *items; /* borrowed: no code of Python runs meanwhile */
    Py_ssize_t count;
    bool is_float, by_identity;
    bool nan; /* one was met */
} numbers;

/* False: not all of one type, or not representable. */
static bool pack(numbers *list, Py_ssize_t from, Py_ssize_t to, uint8_t *bytes) {
    if (!list->is_float) return pack_ints(list->items, from, to, (int64_t *)bytes);
    return pack_floats(list->by_identity, list->items, from, to, (double *)bytes, &list->nan);
}

/* Memory for packed numbers, for a while; NULL with an exception. */
static PyObject *new_memory(rp_module_state *state, size_t size, uint8_t **bytes) {
    bool is_large = size >= REGION_SIZE_MIN;
    PyObject *memory =
        is_large ? rp_region_new(state, size) : PyBytes_FromStringAndSize(NULL, (Py_ssize_t)size);
    if (memory) *bytes = is_large ? rp_region_bytes(memory) : (uint8_t *)PyBytes_AS_STRING(memory);
    return memory;
}

static int put(rp_encoder *encoder, const numbers *list, const uint8_t *bytes, PyObject *memory) {
    rp_put_tag(encoder, RP_TAG_LIST);
    rp_put_tag(encoder, list->is_float ? RP_TAG_FLOAT64_ARRAY : RP_TAG_INT64_ARRAY);
    return rp_put_memory(encoder, bytes, (size_t)list->count * 8, 8, memory) < 0 ? -1 : 1;
}

static int put_new(rp_encoder *encoder, numbers *list, PyObject **memory, uint8_t **bytes) {
    *memory = new_memory(encoder->state, (size_t)list->count * 8, bytes);
    if (!*memory) return -1;
    return pack(list, 0, list->count, *bytes) ? put(encoder, list, *bytes, *memory) : 0;
}

/* ---- what is kept ---- */

static void drop_items(rp_packed *kept) {
    for (Py_ssize_t i = 0; kept->items && i < kept->count; i++)
        Py_DECREF(kept->items[i]);
    rs_free(kept->items);
    kept->items = NULL;
}

static void drop(rp_packed *kept) {
    drop_items(kept);
    Py_CLEAR(kept->memory);
}

static void drop_all(rp_packed *kept, size_t count) {
    for (size_t i = 0; i < count; i++)
        drop(&kept[i]);
    rs_free(kept);
}

void rp_packed_end(rp_packed_lists *lists) {
    drop_all(lists->before, lists->before_count);
    lists->before = NULL;
    lists->before_count = lists->next = 0;
}

void rp_packed_begin(rp_packed_lists *lists) {
    rp_packed_end(lists);
    lists->before = lists->met;
    lists->before_count = lists->met_count;
    lists->met = NULL;
    lists->met_count = lists->met_capacity = lists->kept = 0;
}

void rp_packed_release(rp_packed_lists *lists) {
    rp_packed_begin(lists);
    rp_packed_end(lists);
}

/* Lists are met in the order of the last save, but for a few. */
static bool take(rp_packed_lists *lists, const void *list, bool is_float, rp_packed *kept) {
    enum { FURTHER = 8 };
    *kept = (rp_packed){.list = list, .is_float = is_float};
    for (size_t i = lists->next; i < lists->before_count && i - lists->next < FURTHER; i++) {
        rp_packed *old = &lists->before[i];
        if (old->list != list || !old->memory || old->is_float != is_float) continue;
        *kept = *old;
        *old = (rp_packed){0};
        lists->next = i + 1;
        return true;
    }
    return false;
}

/* Takes it over, or drops it. */
static void keep(rp_packed_lists *lists, rp_packed *kept) {
    size_t size = (size_t)kept->count * 16;
    bool fits = kept->memory && size <= KEPT_SIZE_MAX - lists->kept;
    if (fits && lists->met_count == lists->met_capacity) {
        size_t capacity = lists->met_capacity ? lists->met_capacity * 2 : 8;
        rp_packed *met = rs_reallocate_array(lists->met, capacity, sizeof *met);
        fits = met != NULL;
        if (met) {
            lists->met = met;
            lists->met_capacity = capacity;
        }
    }
    if (!fits) {
        drop(kept);
        return;
    }
    lists->kept += size;
    lists->met[lists->met_count++] = *kept;
}

/* ---- lists that are met again ---- */

/* From now on its numbers are held. Without memory for that they are not. */
static void hold_items(rp_packed *kept, const numbers *list) {
    kept->items = rs_allocate_array((size_t)list->count, sizeof *kept->items);
    for (Py_ssize_t i = 0; kept->items && i < list->count; i++)
        kept->items[i] = Py_NewRef(list->items[i]);
}

/* Most of what was packed before is there again. */
static bool is_stable(const rp_packed *kept, const uint8_t *bytes, Py_ssize_t count) {
    Py_ssize_t both = kept->count < count ? kept->count : count, equal = 0;
    for (Py_ssize_t i = 0; i + BLOCK <= both; i += BLOCK)
        if (memcmp(kept->bytes + 8 * i, bytes + 8 * i, 8 * BLOCK) == 0) equal += BLOCK;
    return equal >= both / 4 * 3 && both >= count / 4 * 3;
}

/* Its numbers are not held: packs all of them. */
static int put_unheld(rp_encoder *encoder, numbers *list, rp_packed *kept) {
    PyObject *memory;
    uint8_t *bytes;
    int status = put_new(encoder, list, &memory, &bytes);
    if (status <= 0) {
        Py_XDECREF(memory);
        return status;
    }
    if (kept->unstable > 0) kept->unstable--;
    bool stable = kept->memory && kept->unstable == 0 && is_stable(kept, bytes, list->count);
    Py_XSETREF(kept->memory, memory);
    kept->bytes = bytes;
    if (stable && !list->nan) hold_items(kept, list);
    kept->count = list->count;
    return status;
}

/* The numbers of `list` from `from` to `to` that are other objects than those that are held are
 * packed; *packed counts them. */
static bool pack_changed(numbers *list, const rp_packed *kept, Py_ssize_t from, Py_ssize_t to,
                         uint8_t *bytes, Py_ssize_t *packed) {
    PyObject *const *items = list->items;
    for (Py_ssize_t i = from, next; i < to; i = next) {
        if (items[i] == kept->items[i]) {
            next = i + 1;
            continue;
        }
        for (next = i + 1; next < to && items[next] != kept->items[next];)
            next++;
        if (!pack(list, i, next, bytes)) return false;
        *packed += next - i;
    }
    return true;
}

/* Packs what is not held into `bytes`, which has the rest. */
static bool pack_rest(numbers *list, const rp_packed *kept, uint8_t *bytes, Py_ssize_t *packed) {
    Py_ssize_t both = kept->count < list->count ? kept->count : list->count;
    for (Py_ssize_t i = 0; i < both; i += BLOCK) {
        Py_ssize_t to = both - i < BLOCK ? both : i + BLOCK;
        if (memcmp(list->items + i, kept->items + i, (size_t)(to - i) * sizeof *list->items) == 0)
            continue;
        if (!pack_changed(list, kept, i, to, bytes, packed)) return false;
    }
    *packed += list->count - both;
    return pack(list, both, list->count, bytes);
}

/* What is held becomes what is in the list now. */
static void hold_changed(rp_packed *kept, const numbers *list) {
    PyObject **items = kept->items;
    for (Py_ssize_t i = list->count; i < kept->count; i++)
        Py_DECREF(items[i]);
    if (kept->count != list->count)
        items = rs_reallocate_array(items, (size_t)list->count, sizeof *items);
    if (!items) { /* a shorter list: there was memory for it before */
        if (list->count < kept->count) kept->count = list->count;
        drop_items(kept);
        return;
    }
    kept->items = items;
    for (Py_ssize_t i = 0; i < list->count; i++) {
        if (i < kept->count && items[i] == list->items[i]) continue;
        PyObject *old = i < kept->count ? items[i] : NULL;
        items[i] = Py_NewRef(list->items[i]);
        Py_XDECREF(old);
    }
}

/* Its numbers are held. */
static int put_held(rp_encoder *encoder, numbers *list, rp_packed *kept) {
    Py_ssize_t both = kept->count < list->count ? kept->count : list->count, packed = 0;
    bool is_same = kept->count == list->count &&
                   memcmp(list->items, kept->items, (size_t)both * sizeof *kept->items) == 0;
    if (is_same) return put(encoder, list, kept->bytes, kept->memory);
    uint8_t *bytes;
    /* never in place: a save that is under way may still read it */
    PyObject *memory = new_memory(encoder->state, (size_t)list->count * 8, &bytes);
    if (!memory) return -1;
    memcpy(bytes, kept->bytes, (size_t)both * 8);
    if (!pack_rest(list, kept, bytes, &packed)) {
        Py_DECREF(memory);
        return 0;
    }
    if (packed > list->count / 4 || list->nan) {
        drop_items(kept);
        kept->unstable = UNSTABLE_SAVES;
    } else {
        hold_changed(kept, list);
    }
    Py_SETREF(kept->memory, memory);
    kept->bytes = bytes;
    kept->count = list->count;
    return put(encoder, list, bytes, memory);
}

int rp_put_packed(rp_encoder *encoder, PyObject *object) {
    Py_ssize_t count = PyList_GET_SIZE(object);
    PyObject *first = PyList_GET_ITEM(object, 0);
    if (!PyFloat_CheckExact(first) && !PyLong_CheckExact(first)) return 0;
    /* a list that begins with another type later on costs no more than a look at its ends */
    if (Py_TYPE(PyList_GET_ITEM(object, count - 1)) != Py_TYPE(first)) return 0;
    numbers list = {.items = ((PyListObject *)object)->ob_item,
                    .count = count,
                    .is_float = PyFloat_CheckExact(first),
                    .by_identity = !encoder->digest};
    if (!encoder->packed || count < KEPT_COUNT_MIN) {
        /* the content stands in an object of its own, which the encoder keeps when it is large */
        PyObject *memory;
        uint8_t *bytes;
        int status = put_new(encoder, &list, &memory, &bytes);
        Py_XDECREF(memory);
        return status;
    }
    rp_packed kept;
    take(encoder->packed, object, list.is_float, &kept);
    int status = kept.items ? put_held(encoder, &list, &kept) : put_unheld(encoder, &list, &kept);
    if (status > 0)
        keep(encoder->packed, &kept);
    else
        drop(&kept);
    return status;
}

/* ---- decoding ---- */

static PyObject *unpack_floats(const uint8_t *from, Py_ssize_t count) {
    PyObject *list = PyList_New(count);
    for (Py_ssize_t i = 0; list && i < count; i++) {
        double value;
        memcpy(&value, from + 8 * i, 8);
        PyObject *item = PyFloat_FromDouble(value);
        if (!item) Py_CLEAR(list);
        if (list) PyList_SET_ITEM(list, i, item);
    }
    return list;
}

static PyObject *unpack_ints(const uint8_t *from, Py_ssize_t count) {
    PyObject *list = PyList_New(count);
    for (Py_ssize_t i = 0; list && i < count; i++) {
        int64_t value;
        memcpy(&value, from + 8 * i, 8);
        PyObject *item = rp_long_of(value);
        if (!item) Py_CLEAR(list);
        if (list) PyList_SET_ITEM(list, i, item);
    }
    return list;
}

PyObject *rp_get_packed_list(rp_decoder *decoder) {
    rs_cbor_item tag;
    rp_memory memory;
    if (rp_next(decoder, &tag) < 0) return NULL;
    bool is_float = tag.argument == RP_TAG_FLOAT64_ARRAY;
    if (tag.kind != RS_CBOR_TAG || (!is_float && tag.argument != RP_TAG_INT64_ARRAY))
        return rp_damaged(decoder, "a packed list has an unknown type of numbers");
    if (rp_next_memory(decoder, &memory) < 0) return NULL;
    if (memory.size % 8 || memory.partial)
        return rp_damaged(decoder, "a packed list ends inside a number");
    uint8_t *bytes = NULL;
    PyObject *read = memory.bytes ? NULL : new_memory(decoder->state, memory.size, &bytes);
    PyObject *list = NULL;
    const uint8_t *from = read ? bytes : memory.bytes;
    if (!from || (read && rp_read_memory(decoder, &memory, bytes) < 0)) goto done;
    Py_ssize_t count = (Py_ssize_t)(memory.size / 8);
    list = is_float ? unpack_floats(from, count) : unpack_ints(from, count);
done:
    Py_XDECREF(read);
    return list;
}
