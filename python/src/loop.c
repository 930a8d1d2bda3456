/* chp.loop: the loop objects, and which of them a save has to know. */
#include "loop.h"

#include "code.h"
#include "loader.h"
#include "loop_iterator.h"
#include "loop_shown.h"

#include "base/alloc.h"
#include "format/hash.h"

#include <limits.h>

typedef struct loop_object {
    PyObject_HEAD PyObject *iterator; /* NULL: has ended */
    PyObject *checkpoint;             /* keeps `loops` alive */
    rp_loops *loops;                  /* NULL: forgotten; the loop goes on, saves don't know it */
    Py_ssize_t index;                 /* in `loops` */
    Py_ssize_t handed_out;
    bool started;  /* an item was handed out in this process */
    bool restored; /* took a position of `saved` */
    rp_loader loader;
} loop_object;

static const loop_object *alive(const rp_loops *loops, Py_ssize_t index) {
    return (const loop_object *)loops->items[index].loop;
}

static bool is_running(const rp_loops *loops, Py_ssize_t index) {
    const loop_object *loop = alive(loops, index);
    return loop && loop->started;
}

static void forget_saved(rp_loops *loops) {
    Py_CLEAR(loops->saved);
    Py_CLEAR(loops->positioned);
}

/* The innermost loop that is handing out items; -1. */
static Py_ssize_t innermost(const rp_loops *loops) {
    Py_ssize_t index = loops->count - 1;
    while (index >= 0 && !is_running(loops, index))
        index--;
    return index;
}

/* Drops the entries marked in `dropped`; the others keep their order. */
static void drop(rp_loops *loops, Py_ssize_t first,
                 bool (*is_dropped)(const rp_loops *, Py_ssize_t, const void *),
                 const void *context) {
    Py_ssize_t kept = first;
    for (Py_ssize_t i = first; i < loops->count; i++) {
        rp_loop_entry entry = loops->items[i];
        loop_object *loop = (loop_object *)entry.loop;
        if (is_dropped(loops, i, context)) {
            if (loop) loop->loops = NULL;
            Py_DECREF(entry.code);
            continue;
        }
        if (loop) loop->index = kept;
        loops->items[kept++] = entry;
    }
    loops->count = kept;
    loops->asked_code = NULL;
}

static bool drop_any(const rp_loops *loops, Py_ssize_t index, const void *context) {
    (void)loops, (void)index, (void)context;
    return true;
}

/* Made in the body of the loop at index *context. A dropped parent never leaves a kept child: a
 * child stands behind its parent and has a parent at least as high. */
static bool is_inside(const rp_loops *loops, Py_ssize_t index, const void *context) {
    return loops->items[index].parent >= *(const Py_ssize_t *)context;
}

static void forget_inside(rp_loops *loops, Py_ssize_t index) {
    if (loops->count > index + 1) drop(loops, index + 1, is_inside, &index);
}

/* A range of the program that has come round again. */
typedef struct last_round {
    const rp_loop_entry *again; /* the loop that is being made */
    bool in_owner;              /* the range is in the owner's code, else in that of `again` */
    bool made_again;            /* that code is another object with the same text */
    int start, end;
    Py_ssize_t newest; /* index of the last entry that shows it */
} last_round;

/* What `place` says beside the site; 0: the site alone. */
static uint64_t text_of(const rp_loop_entry *entry) {
    return entry->place ^ (uint64_t)entry->site;
}

/* In code that was compiled again: a cell of a notebook was run once more. */
static bool is_made_again(const rp_loop_entry *before, const rp_loop_entry *again) {
    return before->code != again->code && text_of(again) != 0 && text_of(before) == text_of(again);
}

/* A loop at or behind the place of `again` has ended: does that mean that a `while` around both has
 * come round? In one pass places only rise. */
static bool has_come_round(const rp_loop_entry *before, PyCodeObject *owner, last_round *round) {
    const rp_loop_entry *again = round->again;
    int here = again->owner_site, there = before->owner_site;
    if ((round->made_again = is_made_again(before, again))) {
        round->in_owner = false;
        round->start = 0;
        round->end = INT_MAX;
        return before->site >= again->site;
    }
    if (here >= 0 && there >= 0 && here != there) {
        round->in_owner = true;
        return there > here && rp_code_round(owner, here, there, &round->start, &round->end);
    }
    if (before->code != again->code || before->site < again->site) return false;
    round->in_owner = false;
    if (rp_code_round(again->code, again->site, before->site, &round->start, &round->end))
        return true;
    if (before->site > again->site) return false;
    /* the same loop again, in a helper that was called again */
    round->in_owner = here >= 0 && rp_code_round(owner, here, here, &round->start, &round->end);
    if (!round->in_owner) {
        round->start = 0;
        round->end = INT_MAX;
    }
    return true;
}

static bool is_of_last_round(const rp_loops *loops, Py_ssize_t index, const void *context) {
    const last_round *round = context;
    const rp_loop_entry *entry = &loops->items[index], *again = round->again;
    int site = round->in_owner ? entry->owner_site : entry->site;
    if (entry->loop || index > round->newest || site < round->start || site > round->end)
        return false;
    if (round->in_owner) return true;
    if (round->made_again) return is_made_again(entry, again);
    return entry->code == again->code && entry->owner_site == again->owner_site;
}

/* What ended in the last round of a `while` is to run again in this one. Only loops of the same
 * item of the loop around them are looked at. */
static void forget_last_round(rp_loops *loops, PyCodeObject *owner, const rp_loop_entry *again) {
    last_round round = {.again = again, .newest = loops->count - 1};
    Py_ssize_t first = again->parent + 1;
    for (; round.newest >= first; round.newest--)
        if (!loops->items[round.newest].loop &&
            has_come_round(&loops->items[round.newest], owner, &round)) {
            drop(loops, first, is_of_last_round, &round);
            forget_saved(loops); /* what was left belonged to the round before */
            return;
        }
}

static void forget_all(rp_loops *loops) {
    drop(loops, 0, drop_any, NULL);
    loops->wanted = false;
}

void rp_loops_release(rp_loops *loops) {
    forget_all(loops);
    rs_free(loops->items);
    forget_saved(loops);
    Py_XDECREF(loops->random);
    *loops = (rp_loops){0};
}

int rp_loops_traverse(const rp_loops *loops, visitproc visit, void *arg) {
    Py_VISIT(loops->saved);
    Py_VISIT(loops->random);
    Py_VISIT(loops->positioned);
    for (Py_ssize_t i = 0; i < loops->count; i++)
        Py_VISIT(loops->items[i].code);
    return 0;
}

static int grow(rp_loops *loops) {
    if (loops->count < loops->capacity) return 0;
    Py_ssize_t capacity = loops->capacity ? 2 * loops->capacity : 8;
    rp_loop_entry *items =
        rs_reallocate_array(loops->items, (size_t)capacity, sizeof *loops->items);
    if (!items) {
        PyErr_NoMemory();
        return -1;
    }
    loops->items = items;
    loops->capacity = capacity;
    return 0;
}

/* One number for a place in the program: the offset in the owner, and mixed with the name of the
 * function elsewhere. The statements of a cell are mixed with the hash of their code. */
static uint64_t place_of(PyCodeObject *code, int site, const PyCodeObject *owner, bool in_cell) {
    uint8_t code_hash[RP_CODE_HASH_SIZE];
    const char *name = NULL;
    Py_ssize_t size = 0;
    if (code != owner) {
        name = PyUnicode_AsUTF8AndSize(code->co_qualname, &size);
    } else if (in_cell && rp_code_hash(code, code_hash) == 0) {
        name = (const char *)code_hash;
        size = sizeof code_hash;
    }
    PyErr_Clear();
    return name ? (rs_hash64(name, (size_t)size, 0) & 0xffffffff) << 20 ^ (uint64_t)site
                : (uint64_t)site;
}

/* Where the owner stands below the running frame; -1. */
static int find_owner(PyFrameObject *frame, const PyCodeObject *owner) {
    int site = -1;
    Py_INCREF(frame);
    while (frame && site < 0) {
        PyCodeObject *code = PyFrame_GetCode(frame);
        if (code == owner) site = rp_code_call_site(code, PyFrame_GetLasti(frame));
        Py_DECREF(code);
        PyFrameObject *back = PyFrame_GetBack(frame);
        Py_DECREF(frame);
        frame = back;
    }
    Py_XDECREF(frame);
    return site;
}

/* The entry of a loop that is being made; its code is a new reference. */
static int describe(const rp_loops *loops, const PyCodeObject *owner, rp_loop_entry *entry) {
    PyFrameObject *frame = PyEval_GetFrame(); /* borrowed */
    if (!frame) { /* Python code called us: there was no memory to show its frame */
        PyErr_NoMemory();
        return -1;
    }
    *entry = (rp_loop_entry){.code = PyFrame_GetCode(frame),
                             .parent = innermost(loops),
                             .owner_site = find_owner(frame, owner)};
    entry->site = rp_code_call_site(entry->code, PyFrame_GetLasti(frame));
    entry->place = place_of(entry->code, entry->site, owner, loops->in_cell);
    return 0;
}

/* What a restore left for the loop made at `place`, (position or None for one that had ended,
 * place, source): borrowed; NULL: none. */
static PyObject *take_saved(rp_loops *loops, uint64_t place) {
    if (!loops->saved) return NULL;
    for (Py_ssize_t i = loops->taken; i < PyList_GET_SIZE(loops->saved); i++) {
        PyObject *pair = PyList_GET_ITEM(loops->saved, i);
        PyObject *number = PyTuple_GET_ITEM(pair, 1);
        if (loops->match_sites && PyLong_AsUnsignedLongLong(number) != place) continue;
        loops->taken = i + 1;
        return pair;
    }
    return NULL;
}

static void end(loop_object *self) {
    rp_loops *loops = self->loops;
    Py_CLEAR(self->iterator);
    rp_loader_release(&self->loader);
    if (!loops) return;
    loops->items[self->index].loop = NULL;
    self->loops = NULL;
    if (innermost(loops) < 0) loops->wanted = false;
}

/* Puts `self` at its position, or ends it when it had ended before the restore. */
static int begin(const rp_loops *loops, rp_module_state *state, loop_object *self,
                 PyObject *iterable, PyObject *entry) {
    PyObject *saved = entry ? PyTuple_GET_ITEM(entry, 0) : NULL, *source = NULL;
    if (saved && saved != Py_None) {
        source = PyTuple_GET_ITEM(entry, 2);
        self->handed_out = PyLong_AsSsize_t(saved);
        if (self->handed_out < 0) return -1;
    }
    self->restored = saved != NULL;
    int loads = rp_loader_check(iterable);
    if (loads < 0) return -1;
    if (loads && saved == Py_None)
        self->iterator = PyTuple_New(0); /* has ended */
    else if (loads)
        self->iterator = rp_loader_begin(state, &self->loader, iterable, source, self->handed_out,
                                         loops->random);
    else
        self->iterator = rp_iterator_begin(state, &self->loader, iterable, source, self->handed_out,
                                           loops->positioned);
    return self->iterator ? 0 : -1;
}

PyObject *rp_loop_new(rp_module_state *state, PyObject *checkpoint, rp_loops *loops,
                      PyCodeObject *owner, PyObject *iterable) {
    rp_loop_entry entry;
    if (describe(loops, owner, &entry)) return NULL;
    loop_object *self = PyObject_GC_New(loop_object, state->loop_type);
    if (!self) {
        Py_DECREF(entry.code);
        return NULL;
    }
    self->iterator = NULL;
    self->checkpoint = Py_NewRef(checkpoint);
    self->loops = NULL;
    self->index = -1;
    self->handed_out = 0;
    self->started = self->restored = false;
    self->loader = (rp_loader){0};
    PyObject_GC_Track(self);
    forget_last_round(loops, owner, &entry);
    Py_ssize_t taken = loops->taken;
    PyObject *saved = Py_XNewRef(take_saved(loops, entry.place));
    bool ended = saved && PyTuple_GET_ITEM(saved, 0) == Py_None;
    int failed = begin(loops, state, self, iterable, saved); /* may run code of the user */
    Py_XDECREF(saved);
    if (failed || grow(loops)) {
        loops->taken = taken;
        Py_DECREF(entry.code);
        Py_DECREF(self);
        return NULL;
    }
    entry.parent = innermost(loops);
    entry.loop = (PyObject *)self;
    self->index = loops->count;
    self->loops = loops;
    loops->items[loops->count++] = entry;
    loops->asked_code = NULL;
    if (ended) end(self);
    return (PyObject *)self;
}

bool rp_loop_check(rp_module_state *state, PyObject *value) {
    return Py_TYPE(value) == state->loop_type;
}

/* Loops side by side, as in zip(chp.loop(a), chp.loop(b)), agree only when the first one is asked.
 */
static bool is_first_of_siblings(const rp_loops *loops, Py_ssize_t index) {
    Py_ssize_t parent = loops->items[index].parent;
    for (Py_ssize_t i = parent + 1; i < index; i++)
        if (loops->items[i].parent == parent && is_running(loops, i)) return false;
    return true;
}

/* The item handed out last is finished. */
static int finish_item(loop_object *self) {
    rp_loops *loops = self->loops;
    if (!self->started) return 0;
    forget_inside(loops, self->index);
    if (self->restored) forget_saved(loops); /* what was left belonged to that item */
    if (!loops->wanted || !is_first_of_siblings(loops, self->index)) return 0;
    loops->wanted = false;
    return rp_checkpoint_save_between_items(self->checkpoint);
}

static PyObject *loop_next(PyObject *object) {
    loop_object *self = (loop_object *)object;
    if (!self->iterator) return NULL;
    if (self->loops && finish_item(self)) return NULL;
    if (!self->iterator) return NULL; /* a save can run code of the user */
    PyObject *item = rp_loader_next(&self->loader, self->iterator);
    if (item) {
        self->handed_out++;
        self->started = true;
        return item;
    }
    if (!PyErr_Occurred() || PyErr_ExceptionMatches(PyExc_StopIteration)) {
        PyErr_Clear();
        end(self);
    }
    return NULL;
}

static PyObject *loop_length_hint(PyObject *object, PyObject *unused) {
    (void)unused;
    loop_object *self = (loop_object *)object;
    Py_ssize_t hint = self->iterator ? PyObject_LengthHint(self->iterator, 0) : 0;
    return hint < 0 ? NULL : PyLong_FromSsize_t(hint);
}

/* With the finished ones, for a progress bar. */
static Py_ssize_t loop_length(PyObject *object) {
    loop_object *self = (loop_object *)object;
    Py_ssize_t hint = self->iterator ? PyObject_LengthHint(self->iterator, -1) : 0;
    if (hint == -1 && !PyErr_Occurred())
        PyErr_SetString(PyExc_TypeError, "chp.loop: the number of items is not known");
    return hint < 0 ? -1 : self->handed_out + hint;
}

static int loop_true(PyObject *object) {
    return object != NULL;
}

static PyObject *loop_iter(PyObject *object) {
    return rp_loop_tell_bar(((loop_object *)object)->handed_out) < 0 ? NULL : Py_NewRef(object);
}

static PyObject *loop_repr(PyObject *object) {
    loop_object *self = (loop_object *)object;
    return PyUnicode_FromFormat("<%s: %zd items handed out%s>", Py_TYPE(object)->tp_name,
                                self->handed_out, self->iterator ? "" : ", ended");
}

static int loop_traverse(PyObject *object, visitproc visit, void *arg) {
    loop_object *self = (loop_object *)object;
    Py_VISIT(Py_TYPE(object));
    Py_VISIT(self->iterator);
    Py_VISIT(self->checkpoint);
    return rp_loader_traverse(&self->loader, visit, arg);
}

static int loop_clear(PyObject *object) {
    loop_object *self = (loop_object *)object;
    end(self);
    Py_CLEAR(self->checkpoint);
    return 0;
}

static void loop_dealloc(PyObject *object) {
    PyTypeObject *type = Py_TYPE(object);
    PyObject_GC_UnTrack(object);
    loop_clear(object);
    PyObject_GC_Del(object);
    Py_DECREF(type);
}

static PyMethodDef loop_methods[] = {
    {"__length_hint__", loop_length_hint, METH_NOARGS, "Number of items still to come, if known."},
    {0},
};

static PyType_Slot loop_slots[] = {
    {Py_tp_doc,
     "A loop of a Checkpoint that goes on where it stopped; made by chp.loop(iterable)."},
    {Py_tp_iter, loop_iter},
    {Py_mp_length, loop_length},
    {Py_nb_bool, loop_true},
    {Py_tp_iternext, loop_next},
    {Py_tp_methods, loop_methods},
    {Py_tp_repr, loop_repr},
    {Py_tp_traverse, loop_traverse},
    {Py_tp_clear, loop_clear},
    {Py_tp_dealloc, loop_dealloc},
    {0, NULL},
};

PyType_Spec rp_loop_spec = {
    .name = "resume._core.Loop",
    .basicsize = sizeof(loop_object),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION |
             Py_TPFLAGS_IMMUTABLETYPE,
    .slots = loop_slots,
};

void rp_loops_change_owner(rp_loops *loops) {
    for (Py_ssize_t i = 0; i < loops->count; i++)
        if (loops->items[i].owner_site >= 0) loops->items[i].owner_site = INT_MAX;
    loops->asked_code = NULL;
}

int rp_loops_resume(rp_loops *loops, const rp_loops_saved *found, bool same_code) {
    PyObject *list = NULL;
    if (found && found->positions && found->positions != Py_None &&
        !(list = rp_loops_with_sources(found->positions, found->sources)))
        return -1;
    forget_all(loops);
    loops->taken = 0;
    loops->match_sites = same_code;
    Py_XSETREF(loops->saved, list);
    Py_XSETREF(loops->random, Py_XNewRef(found ? found->random : NULL));
    Py_XSETREF(loops->positioned, Py_XNewRef(list ? found->positioned : NULL));
    return 0;
}

/* A loop kept in a variable may have been left by `break`: then no `for` of its function is in
 * progress. A loop nobody keeps is gone when its `for` is. */
static bool is_in_progress(const rp_loops *loops, Py_ssize_t index, PyCodeObject *code, int here) {
    const rp_loop_entry *entry = &loops->items[index];
    if (entry->code != code || !rp_code_is_stored(code, entry->site)) return true;
    return rp_code_in_for(code, here);
}

bool rp_loops_defer(rp_loops *loops, PyCodeObject *code, int here) {
    Py_ssize_t index = innermost(loops);
    if (index < 0) return false;
    if (loops->asked_code != code || loops->asked_here != here || loops->asked_index != index) {
        loops->asked_answer = is_in_progress(loops, index, code, here);
        loops->asked_code = code;
        loops->asked_here = here;
        loops->asked_index = index;
    }
    if (loops->asked_answer) loops->wanted = true;
    return loops->asked_answer;
}

bool rp_loops_in_body(const rp_loops *loops, PyCodeObject *code, int here) {
    Py_ssize_t index = innermost(loops);
    return index >= 0 && loops->items[index].code == code &&
           is_in_progress(loops, index, code, here) && !rp_code_ends_item(code, here);
}

/* What a restore left and no loop has taken yet. */
static Py_ssize_t left_count(const rp_loops *loops) {
    return loops->saved ? PyList_GET_SIZE(loops->saved) - loops->taken : 0;
}

/* The program is on its way to a loop that was running. */
static bool is_on_its_way(const rp_loops *loops) {
    for (Py_ssize_t i = 0; i < left_count(loops); i++)
        if (PyTuple_GET_ITEM(PyList_GET_ITEM(loops->saved, loops->taken + i), 0) != Py_None)
            return true;
    return false;
}

/* Another loop was made in the body of this one and is not finished, or will be made in it to go on
 * where it stopped. */
static bool is_unfinished(const rp_loops *loops, Py_ssize_t index) {
    for (Py_ssize_t i = index + 1; i < loops->count; i++)
        if (alive(loops, i) && loops->items[i].parent >= index) return true;
    return alive(loops, index)->restored && is_on_its_way(loops);
}

static void put_entry(const rp_loops *loops, Py_ssize_t index, rs_buffer *buffer) {
    const loop_object *loop = alive(loops, index);
    rs_cbor_put_head(buffer, RS_CBOR_ARRAY, 2);
    if (loop) {
        bool unfinished = loop->started && is_unfinished(loops, index);
        rs_cbor_put_head(buffer, RS_CBOR_UNSIGNED, (uint64_t)(loop->handed_out - unfinished));
    } else {
        rs_cbor_put_simple(buffer, RS_CBOR_NULL);
    }
    rs_cbor_put_head(buffer, RS_CBOR_UNSIGNED, loops->items[index].place);
}

/* Which ended loops are part of a save. */
typedef struct keeping {
    bool all;        /* the program is on its way to a loop that was running */
    Py_ssize_t last; /* index of the last loop in progress; -1 */
    int start, end;  /* without one: the innermost `while` where the owner stands; -1 */
} keeping;

/* While a loop is in progress, what ended before it in its body is kept. With none, this save ends
 * a round of the innermost `while`: its loops are to run again in the next one. */
static bool is_kept(const rp_loops *loops, Py_ssize_t index, const keeping *rule) {
    int site = loops->items[index].owner_site;
    if (rule->all) return true;
    if (rule->last >= 0) return index <= rule->last;
    return site >= 0 && (site < rule->start || site > rule->end);
}

static keeping what_to_keep(const rp_loops *loops, PyCodeObject *code, int here) {
    keeping found = {.all = is_on_its_way(loops), .last = loops->count - 1, .start = -1, .end = -1};
    while (found.last >= 0 && !loops->items[found.last].loop)
        found.last--;
    if (loops->count > 0 && !found.all && found.last < 0)
        rp_code_round(code, here, here, &found.start, &found.end);
    return found;
}

static int put_left(const rp_loops *loops, rs_buffer *buffer) {
    for (Py_ssize_t i = 0; i < left_count(loops); i++) {
        PyObject *pair = PyList_GET_ITEM(loops->saved, loops->taken + i);
        PyObject *position = PyTuple_GET_ITEM(pair, 0);
        rs_cbor_put_head(buffer, RS_CBOR_ARRAY, 2);
        if (position == Py_None) {
            rs_cbor_put_simple(buffer, RS_CBOR_NULL);
        } else {
            rs_cbor_put_head(buffer, RS_CBOR_UNSIGNED, PyLong_AsUnsignedLongLong(position));
        }
        rs_cbor_put_head(buffer, RS_CBOR_UNSIGNED,
                         PyLong_AsUnsignedLongLong(PyTuple_GET_ITEM(pair, 1)));
        if (PyErr_Occurred()) return -1;
    }
    return 0;
}

int rp_loops_put(rp_loops *loops, PyCodeObject *code, int here, rs_buffer *buffer) {
    keeping rule = what_to_keep(loops, code, here);
    Py_ssize_t count = left_count(loops);
    for (Py_ssize_t i = 0; i < loops->count; i++)
        count += is_kept(loops, i, &rule);
    rs_cbor_put_head(buffer, RS_CBOR_ARRAY, (uint64_t)count);
    for (Py_ssize_t i = 0; i < loops->count; i++)
        if (is_kept(loops, i, &rule)) put_entry(loops, i, buffer);
    loops->wanted = false;
    return put_left(loops, buffer);
}

PyObject *rp_loops_sources(rp_module_state *state, const rp_loops *loops, PyCodeObject *code,
                           int here) {
    keeping rule = what_to_keep(loops, code, here);
    PyObject *list = PyList_New(0);
    for (Py_ssize_t i = 0; list && i < loops->count; i++) {
        loop_object *loop = (loop_object *)loops->items[i].loop;
        if (!is_kept(loops, i, &rule)) continue;
        bool again = loop && loop->started && is_unfinished(loops, i);
        PyObject *source =
            loop ? rp_loader_source(state, &loop->loader, again) : Py_NewRef(Py_None);
        if (!source || PyList_Append(list, source)) Py_CLEAR(list);
        Py_XDECREF(source);
    }
    for (Py_ssize_t i = 0; list && i < left_count(loops); i++) {
        PyObject *entry = PyList_GET_ITEM(loops->saved, loops->taken + i);
        if (PyList_Append(list, PyTuple_GET_ITEM(entry, 2))) Py_CLEAR(list);
    }
    return list;
}
