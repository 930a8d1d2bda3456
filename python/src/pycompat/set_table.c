/* The table of a set, as CPython lays it out: Include/cpython/setobject.h, Objects/setobject.c. */
#include "set_table.h"

#include <string.h>

#if PY_VERSION_HEX < 0x030B0000 || PY_VERSION_HEX >= 0x03100000
#error "the table of a set was not compared with this version of CPython"
#endif

enum { LINEAR_PROBES = 9, PERTURB_SHIFT = 5 }; /* set_lookkey and set_add_entry */

static PySetObject *table_of(PyObject *set) {
    return (PySetObject *)set;
}

size_t rp_set_finger(PyObject *set) {
    return (size_t)table_of(set)->finger;
}

bool rp_set_has_dummies(PyObject *set) {
    return table_of(set)->fill > table_of(set)->used;
}

/* The key of deleted entries (a private static object of CPython): borrowed, lives for ever. NULL
 * with an exception. */
static PyObject *dummy_key(void) {
    PyObject *dummy = NULL;
    PyObject *set = PySet_New(NULL);
    PyObject *one = PyLong_FromLong(1);
    if (set && one && PySet_Add(set, one) == 0 && PySet_Discard(set, one) == 1) {
        for (size_t i = 0; i < rp_set_slots(set); i++) {
            setentry *entry = &table_of(set)->table[i];
            if (entry->key && entry->hash == -1) dummy = entry->key;
        }
        if (!dummy) PyErr_SetString(PyExc_SystemError, "no deleted entry in the table of a set");
    }
    Py_XDECREF(one);
    Py_XDECREF(set);
    return dummy;
}

/* Walks the probe sequence of the key in `slot`: every place before its own must be taken, and none
 * by an equal key. 1: so it is. 0: it does not lead there. -1: exception. */
static int check_slot(const setentry *table, size_t mask, size_t slot, PyObject *dummy) {
    PyObject *key = table[slot].key;
    Py_hash_t hash = table[slot].hash;
    size_t perturb = (size_t)hash, at = (size_t)hash & mask;
    for (;;) {
        size_t last = at + LINEAR_PROBES <= mask ? at + LINEAR_PROBES : at;
        for (size_t i = at; i <= last; i++) {
            if (i == slot) return 1;
            if (!table[i].key) return 0;
            if (table[i].hash == hash && table[i].key != dummy) {
                int equal = PyObject_RichCompareBool(table[i].key, key, Py_EQ);
                if (equal < 0) return -1;
                if (equal) {
                    PyErr_SetString(PyExc_ValueError, "two elements of a set are equal");
                    return -1;
                }
            }
        }
        perturb >>= PERTURB_SHIFT;
        at = (at * 5 + 1 + perturb) & mask;
    }
}

/* Walks over the bits that are set in a bitmap. */
typedef struct bits {
    const uint8_t *map;
    size_t slots, next; /* slots that were loaded */
    uint64_t word;      /* those of them that are to come */
} bits;

/* The next slot; false at the end. */
static inline bool next_bit(bits *walk, size_t *slot) {
    while (!walk->word) {
        if (walk->next >= walk->slots) return false;
        size_t left = (walk->slots - walk->next) / 8;
        for (size_t i = 0; i < 8 && i < left; i++)
            walk->word |= (uint64_t)walk->map[walk->next / 8 + i] << i * 8;
        walk->next += 64;
    }
    *slot = (walk->next - 64) + (size_t)__builtin_ctzll(walk->word);
    walk->word &= walk->word - 1;
    return true;
}

/* Without a call for what is in most sets of numbers: an int of one digit is its own hash. */
static inline Py_hash_t hash_of(PyObject *key) {
    int64_t value;
    if (PyLong_CheckExact(key) && rp_long_is_compact(key, &value)) return value == -1 ? -2 : value;
    return PyObject_Hash(key);
}

/* Fills `table` (zeroed) with borrowed keys; the number of taken slots, or -1 with an exception. */
static Py_ssize_t place(setentry *table, size_t slots, const uint8_t *used, const uint8_t *dummies,
                        PyObject *const *keys, PyObject *dummy) {
    Py_ssize_t fill = 0;
    size_t slot, next = 0;
    for (bits walk = {.map = used, .slots = slots}; next_bit(&walk, &slot); fill++) {
        Py_hash_t hash = hash_of(keys[next]);
        if (hash == -1) return -1;
        table[slot] = (setentry){keys[next++], hash};
    }
    if (!dummies) return fill;
    for (bits walk = {.map = dummies, .slots = slots}; next_bit(&walk, &slot); fill++)
        table[slot] = (setentry){dummy, -1};
    return fill;
}

static int check_table(const setentry *table, size_t slots, const uint8_t *used, Py_ssize_t fill,
                       PyObject *dummy) {
    size_t slot;
    /* the rule by which CPython enlarges a table; also what ends every probe sequence */
    if ((size_t)fill * 5 >= (slots - 1) * 3) return 0;
    for (bits walk = {.map = used, .slots = slots}; next_bit(&walk, &slot);) {
        if (((size_t)table[slot].hash & (slots - 1)) == slot) continue; /* asked first */
        int status = check_slot(table, slots - 1, slot, dummy);
        if (status <= 0) return status;
    }
    return 1;
}

int rp_set_fill_table(PyObject *object, size_t slots, const uint8_t *used, const uint8_t *dummies,
                      size_t finger, PyObject *const *keys, size_t count) {
    PySetObject *set = table_of(object);
    if (slots < PySet_MINSIZE || (slots & (slots - 1)) || set->fill) return 0;
    PyObject *dummy = dummy_key();
    if (!dummy) return -1;
    setentry *table = PyMem_Calloc(slots, sizeof *table);
    if (!table) {
        PyErr_NoMemory();
        return -1;
    }
    Py_ssize_t fill = place(table, slots, used, dummies, keys, dummy);
    int status = fill < 0 ? -1 : check_table(table, slots, used, fill, dummy);
    if (status == 1) {
        for (size_t i = 0; i < count; i++) /* deleted entries own no reference to the dummy */
            Py_INCREF(keys[i]);
        if (slots == PySet_MINSIZE) {
            memcpy(set->smalltable, table, sizeof set->smalltable);
            set->table = set->smalltable;
        } else {
            set->table = table;
            table = NULL;
        }
        set->mask = (Py_ssize_t)slots - 1;
        set->fill = fill;
        set->used = (Py_ssize_t)count;
        set->finger = (Py_ssize_t)(finger & PY_SSIZE_T_MAX); /* pop() masks it */
    }
    PyMem_Free(table);
    return status;
}

void rp_set_swap(PyObject *first, PyObject *second) {
    PySetObject *a = table_of(first), *b = table_of(second);
    PySetObject c = *a;
    bool a_small = a->table == a->smalltable, b_small = b->table == b->smalltable;
    a->fill = b->fill, a->used = b->used, a->mask = b->mask, a->finger = b->finger;
    a->hash = b->hash;
    memcpy(a->smalltable, b->smalltable, sizeof a->smalltable);
    a->table = b_small ? a->smalltable : b->table;
    b->fill = c.fill, b->used = c.used, b->mask = c.mask, b->finger = c.finger;
    b->hash = c.hash;
    memcpy(b->smalltable, c.smalltable, sizeof b->smalltable);
    b->table = a_small ? b->smalltable : c.table;
}

/* {9, 1, 2} in a table of 16 slots with a deleted entry, compared through the public API. */
static bool self_test(PyObject *set, PyObject *const *keys) {
    const uint8_t used[2] = {0x06, 0x02}, dummies[2] = {0x80, 0x00};
    if (rp_set_fill_table(set, 16, used, dummies, 3, keys, 3) != 1) return false;
    if (PySet_Size(set) != 3 || rp_set_slots(set) != 16 || !rp_set_has_dummies(set)) return false;
    for (int i = 0; i < 3; i++)
        if (PySet_Contains(set, keys[i]) != 1) return false;
    PyObject *list = PySequence_List(set);
    bool same = list && PyList_GET_SIZE(list) == 3;
    for (int i = 0; same && i < 3; i++)
        same = PyList_GET_ITEM(list, i) == keys[i];
    Py_XDECREF(list);
    return same && PySet_Discard(set, keys[1]) == 1 && PySet_Size(set) == 2 &&
           PySet_Contains(set, keys[1]) == 0 && PySet_Contains(set, keys[2]) == 1;
}

int rp_set_table_works(void) {
    PyObject *keys[3] = {PyLong_FromLong(1), PyLong_FromLong(2), PyLong_FromLong(9)};
    PyObject *set = PySet_New(NULL);
    int works = keys[0] && keys[1] && keys[2] && set && self_test(set, keys);
    if (PyErr_Occurred() && PyErr_ExceptionMatches(PyExc_MemoryError)) works = -1;
    if (works >= 0) PyErr_Clear();
    for (int i = 0; i < 3; i++)
        Py_XDECREF(keys[i]);
    Py_XDECREF(set);
    return works;
}
