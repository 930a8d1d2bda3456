/* restore(): everything is decoded first, then assigned; random generators last. */
#include "checkpoint.h"

#include "cell.h"
#include "definitions.h"
#include "loaded.h"
#include "locals.h"
#include "notice.h"
#include "opaque.h"
#include "open.h"
#include "opening.h"
#include "placeholders.h"
#include "random_state.h"
#include "registry.h"
#include "report.h"
#include "stale.h"
#include "tracking.h"
#include "trust.h"

#include <string.h>

/* One restore while it is put together. Zero-initialised: empty. */
typedef struct rp_restoring {
    PyFrameObject *frame;  /* of the owner, NULL when it is gone */
    PyObject *locals;      /* dict of the savable locals as they are: the placeholders */
    PyObject *names;       /* set of names that the function can have */
    PyObject *definitions; /* dict name -> function or class of its variables */
    PyObject *keep;        /* frozenset */
    PyObject *trusted;     /* the same, or NULL */
    PyObject *defaults;    /* dict */
    PyObject *changes;     /* dict: what to assign */
    PyObject *current;     /* placeholders of now, as rp_placeholders_of gives them */
    PyObject *objects;     /* dict label -> object that is restored in place */
    rp_undo_list undo;
    rp_decoder *decoder;
    rp_loaded loaded;
    rp_report *report;
} rp_restoring;

static void restoring_release(rp_restoring *restoring) {
    Py_CLEAR(restoring->frame);
    Py_CLEAR(restoring->locals);
    Py_CLEAR(restoring->names);
    Py_CLEAR(restoring->definitions);
    Py_CLEAR(restoring->keep);
    Py_CLEAR(restoring->trusted);
    Py_CLEAR(restoring->changes);
    Py_CLEAR(restoring->current);
    Py_CLEAR(restoring->objects);
    rp_undo_release(&restoring->undo);
    Py_CLEAR(restoring->report);
    rp_loaded_release(&restoring->loaded);
    if (restoring->decoder != NULL) rp_decoder_free(restoring->decoder);
    restoring->decoder = NULL;
}

/* The locals without arguments: those are compared as arguments. */
static PyObject *without_arguments(rp_checkpoint *self, PyObject *locals) {
    PyObject *copy = PyDict_Copy(locals);
    for (Py_ssize_t i = 0; copy != NULL && i < self->arguments.count; i++)
        if (PyDict_Contains(copy, self->arguments.items[i].name) == 1 &&
            PyDict_DelItem(copy, self->arguments.items[i].name) < 0)
            Py_CLEAR(copy);
    return copy;
}

static int look_at_frame(rp_checkpoint *self, rp_restoring *restoring) {
    restoring->frame = rp_owner_find(&self->owner);
    PyObject *values = restoring->frame ? rp_frame_locals(restoring->frame) : PyDict_New();
    PyObject *placeholders = NULL;
    int status = -1;
    if (values == NULL) return -1;
    restoring->locals = rp_locals_select(self, values);
    restoring->names = restoring->frame ? rp_locals_names(self, values) : PySet_New(NULL);
    restoring->definitions = rp_definitions_of(values);
    if (restoring->locals == NULL || restoring->names == NULL || restoring->definitions == NULL ||
        rp_definitions_remember(self, values) < 0)
        goto done;
    restoring->objects = rp_tracking_find(self, restoring->locals);
    if (restoring->objects == NULL) goto done;
    placeholders = without_arguments(self, restoring->locals);
    restoring->current = placeholders ? rp_placeholders_of(self->state, placeholders) : NULL;
    if (restoring->current == NULL) goto done;
    self->restored_at = restoring->frame ? rp_frame_place(restoring->frame) : -1;
    status = 0;
done:
    Py_XDECREF(placeholders);
    Py_DECREF(values);
    return status;
}

int rp_checkpoint_fall_back(rp_checkpoint *self) {
    PyObject *differences = NULL, *when = NULL;
    rs_error error = {0};
    PyObject *exception = rp_exception_take();
    PyObject *text = exception == NULL ? NULL : PyObject_Str(exception);
    int status = -1;
    if (text == NULL) goto done;
    if (rs_checkpoint_fall_back(self->engine, &error) != RESUME_OK) {
        rp_raise(self->state, &error);
        goto done;
    }
    if (rp_checkpoint_judge(self, &differences) < 0) goto done;
    when = rp_time_text(rs_state_meta(rs_checkpoint_state(self->engine))->saved_ns);
    if (when == NULL) goto done;
    status = rp_warn(self->state,
                     "checkpoint '%U': the newest save is damaged (%U): going on from the one "
                     "before, of %U; the damaged file is kept at the next save",
                     self->caller.name, text, when);
done:
    Py_XDECREF(when);
    Py_XDECREF(differences);
    Py_XDECREF(text);
    Py_XDECREF(exception);
    return status;
}

/* What was read of a damaged generation is dropped. */
static int fall_back(rp_checkpoint *self, rp_restoring *restoring) {
    rp_loaded_release(&restoring->loaded);
    rp_decoder_free(restoring->decoder);
    restoring->decoder = NULL;
    return rp_checkpoint_fall_back(self);
}

/* Cells, functions and classes of the frame take the places of those that were saved. */
static int set_frame(rp_restoring *restoring) {
    PyObject *cells = restoring->frame ? rp_frame_cells(restoring->frame) : PyDict_New();
    PyObject *definitions = cells ? PyDict_Copy(restoring->definitions) : NULL;
    if (definitions) rp_decoder_set_frame(restoring->decoder, cells, definitions);
    Py_XDECREF(cells);
    Py_XDECREF(definitions);
    return definitions ? 0 : -1;
}

static int decode(rp_checkpoint *self, rp_restoring *restoring) {
    for (;;) {
        rs_state *saved = rs_checkpoint_state(self->engine);
        if (saved == NULL) return 0;
        if (rp_trust_check_folder(self) < 0) return -1;
        rp_targets targets = {&self->arguments, self->going_on, restoring->objects, false, NULL};
        restoring->decoder = rp_decoder_new(self->state, saved);
        if (restoring->decoder == NULL || set_frame(restoring) < 0 ||
            rp_decoder_set_files(restoring->decoder, restoring->locals) < 0)
            return -1;
        rp_decoder_trust(restoring->decoder, restoring->trusted);
        if (rp_loaded_read(self->state, restoring->decoder, &targets, &restoring->loaded) == 0)
            return rp_trust_check(self, saved, restoring->decoder);
        if (!PyErr_ExceptionMatches(self->state->damaged)) return -1;
        if (fall_back(self, restoring) < 0) return -1;
    }
}

static bool is_in(PyObject *set, PyObject *name) {
    return set != NULL && PySet_Contains(set, name) == 1;
}

/* Sorts the saved variables into restored, kept and unused. */
static int choose(rp_checkpoint *self, rp_restoring *restoring) {
    rp_report *report = restoring->report;
    PyObject *name, *value;
    for (Py_ssize_t at = 0; PyDict_Next(restoring->loaded.vars, &at, &name, &value);) {
        PyObject *list = report->restored;
        if (is_in(restoring->keep, name) || rp_locals_is_unwanted(self, name) ||
            (!self->going_on && rp_locals_is_argument(self, name)))
            list = report->kept;
        else if (!is_in(restoring->names, name))
            list = report->unused;
        if (PyList_Append(list, name) < 0) return -1;
        if (list == report->restored && PyDict_SetItem(restoring->changes, name, value) < 0)
            return -1;
    }
    for (Py_ssize_t at = 0; PyDict_Next(restoring->loaded.skipped, &at, &name, &value);)
        if (PyList_Append(report->skipped, name) < 0) return -1;
    for (Py_ssize_t at = 0; PyDict_Next(restoring->locals, &at, &name, &value);)
        if (PyDict_Contains(restoring->loaded.vars, name) == 0 &&
            PyDict_Contains(restoring->loaded.skipped, name) == 0 &&
            !rp_locals_is_argument(self, name) && PyList_Append(report->missing, name) < 0)
            return -1;
    return 0;
}

/* restore(name=value): for names that are not saved: a local, or an item that is there already. */
static int add_defaults(rp_checkpoint *self, rp_restoring *restoring) {
    PyObject *name, *value;
    if (restoring->defaults == NULL) return 0;
    for (Py_ssize_t at = 0; PyDict_Next(restoring->defaults, &at, &name, &value);) {
        bool saved =
            restoring->loaded.vars != NULL && PyDict_Contains(restoring->loaded.vars, name) == 1;
        bool saved_item =
            restoring->loaded.extra != NULL && PyDict_Contains(restoring->loaded.extra, name) == 1;
        if (saved || saved_item || rp_locals_is_argument(self, name)) continue;
        PyObject *into = NULL;
        if (is_in(restoring->names, name))
            into = restoring->changes;
        else if (PyDict_Contains((PyObject *)self, name) == 1)
            into = (PyObject *)self;
        if (into != NULL && PyDict_SetItem(into, name, value) < 0) return -1;
    }
    return 0;
}

/* The names that a module's code mentions are not all its variables: only those it has count. */
static bool has_variable(rp_checkpoint *self, rp_restoring *restoring, PyObject *name) {
    if (rp_owner_is_module(&self->owner)) return PyDict_Contains(restoring->locals, name) == 1;
    return is_in(restoring->names, name);
}

/* An item of the dict whose name is a variable of the function and no saved one, as in the
 * original: save(total=3) comes back as the local `total`, too. */
static int add_extra_locals(rp_checkpoint *self, rp_restoring *restoring) {
    PyObject *name, *value;
    for (Py_ssize_t at = 0; PyDict_Next(restoring->loaded.extra, &at, &name, &value);) {
        if (!PyUnicode_Check(name) || !has_variable(self, restoring, name)) continue;
        if (PyDict_Contains(restoring->loaded.vars, name) == 1) continue;
        if (is_in(restoring->keep, name) || rp_locals_is_argument(self, name)) continue;
        if (PyDict_SetItem(restoring->changes, name, value) < 0) return -1;
    }
    return 0;
}

/* An object that was restored in place so far is not there: what else holds it can't go on. */
static int refuse_unplaced(rp_checkpoint *self, PyObject *entry) {
    PyObject *label = PyTuple_GET_ITEM(entry, 0);
    bool tracked = PyTuple_GET_ITEM(entry, 2) == Py_True;
    return rp_raise_text(self->state->error, RESUME_MISUSE,
                         "checkpoint '%U': '%U' (%U) is restored in place, and there is no such "
                         "object when restore() is called: %s; nothing was restored",
                         self->caller.name, label, rp_opaque_type(PyTuple_GET_ITEM(entry, 1)),
                         tracked ? "track it before restore(), as the other variables hold it"
                                 : "make it before restore(), also when not chp.fresh, or start "
                                   "over with clean=True");
}

/* Variables that only hold what the user will track later are left alone. */
static int drop_unplaced(rp_restoring *restoring, PyObject *opaque) {
    PyObject *vars = restoring->loaded.vars, *names = PyDict_Keys(vars);
    int status = names == NULL ? -1 : 0;
    for (Py_ssize_t i = 0; status == 0 && i < PyList_GET_SIZE(names); i++) {
        PyObject *name = PyList_GET_ITEM(names, i);
        if (PyDict_GetItemWithError(vars, name) == opaque) status = PyDict_DelItem(vars, name);
    }
    Py_XDECREF(names);
    return status;
}

static int check_unplaced(rp_checkpoint *self, rp_restoring *restoring) {
    enum { OURS = 2 }; /* of the list, and of the decoder */
    PyObject *unplaced = restoring->loaded.unplaced;
    for (Py_ssize_t i = 0; unplaced != NULL && i < PyList_GET_SIZE(unplaced); i++) {
        PyObject *entry = PyList_GET_ITEM(unplaced, i), *opaque = PyTuple_GET_ITEM(entry, 1);
        bool tracked = PyTuple_GET_ITEM(entry, 2) == Py_True;
        if (tracked && drop_unplaced(restoring, opaque) < 0) return -1;
        bool is_part = PyDict_Contains(restoring->loaded.tracked, PyTuple_GET_ITEM(entry, 0)) == 0;
        bool needed = Py_REFCNT(opaque) > OURS || (!tracked && !is_part);
        if (needed) return refuse_unplaced(self, entry);
    }
    return 0;
}

static int assign_rest(rp_checkpoint *self, rp_restoring *restoring) {
    bool here = rp_registry_saved_here(self);
    PyObject *random = restoring->loaded.random_saved;
    if (rp_decoder_commit(restoring->decoder) < 0) return -1;
    if (rp_open_files_restored(self, rp_decoder_files(restoring->decoder), restoring->locals) < 0)
        return -1;
    if (restoring->frame != NULL && rp_frame_assign(restoring->frame, restoring->changes) < 0)
        return -1;
    if (PyDict_Update((PyObject *)self, restoring->loaded.extra) < 0) return -1;
    rp_loops_saved loops = {restoring->loaded.loops, restoring->loaded.loaders,
                            self->options.random_state && random != Py_None ? random : NULL,
                            rp_decoder_positioned(restoring->decoder)};
    if (rp_loops_resume(&self->loops, self->going_on ? &loops : NULL, self->same_code) < 0)
        return -1;
    if (!self->options.random_state || random == NULL || !PyDict_Check(random)) return 0;
    if (!self->going_on && here) return 0; /* a call after another: it draws new numbers */
    return rp_random_restore(self->state, random);
}

/* User code (load_state_dict) first, while nothing else is changed; then what cannot fail but for
 * memory; random generators last, since all of this might draw numbers. */
static int assign(rp_checkpoint *self, rp_restoring *restoring) {
    if (rp_tracking_restore(self, restoring->objects, restoring->loaded.tracked, restoring->keep,
                            &restoring->undo) < 0)
        return -1;
    int status = assign_rest(self, restoring);
    if (status < 0) rp_undo(self, &restoring->undo);
    return status;
}

static PyObject *sentence_of_edit(PyObject *edit) {
    return PyUnicode_FromFormat("'%U' is %U in the program now, and was %U when the run began",
                                PyTuple_GET_ITEM(edit, 0), PyTuple_GET_ITEM(edit, 2),
                                PyTuple_GET_ITEM(edit, 1));
}

/* A parameter that was edited and never changed by the run: the saved value wins, and its old
 * placeholder stays, so that the next restart tells again. */
static int tell_edited(rp_checkpoint *self, rp_restoring *restoring) {
    PyObject *saved = restoring->loaded.placeholders;
    if (saved == NULL) return 0;
    PyObject *edits =
        rp_placeholders_edited(self->state, saved, restoring->current, restoring->changes);
    PyObject *told = edits == NULL ? NULL : PyList_New(0), *text = NULL, *names = PyList_New(0);
    PyObject *comma = PyUnicode_FromString("; ");
    int status = told == NULL || comma == NULL || names == NULL ? -1 : 0;
    for (Py_ssize_t i = 0; status == 0 && i < PyList_GET_SIZE(edits); i++) {
        PyObject *edit = PyList_GET_ITEM(edits, i), *name = PyTuple_GET_ITEM(edit, 0);
        if (PyDict_Contains(restoring->changes, name) != 1) continue;
        PyObject *sentence = sentence_of_edit(edit);
        status = sentence == NULL ? -1 : PyList_Append(told, sentence);
        Py_XDECREF(sentence);
        PyObject *old = PyDict_GetItemWithError(saved, name); /* borrowed */
        if (status == 0 && old != NULL) status = PyDict_SetItem(restoring->current, name, old);
        if (status == 0) status = PyList_Append(names, name);
    }
    if (status == 0 && PyList_GET_SIZE(told) > 0) {
        text = PyUnicode_Join(comma, told);
        status = text == NULL ? -1
                              : rp_warn(self->state,
                                        "checkpoint '%U': %U; the saved value is used "
                                        "(restore(keep=%R) takes the program's, "
                                        "Checkpoint(clean=True) starts over)",
                                        self->caller.name, text, names);
    }
    if (status == 0 && text != NULL) status = PyList_Append(restoring->report->notes, text);
    Py_XDECREF(text);
    Py_XDECREF(comma);
    Py_XDECREF(names);
    Py_XDECREF(told);
    Py_XDECREF(edits);
    return status;
}

static bool types_clash(PyObject *saved, PyObject *current) {
    if (saved == Py_None || current == Py_None || Py_IS_TYPE(saved, Py_TYPE(current))) return false;
    return !(PyNumber_Check(saved) && PyNumber_Check(current) && !PySequence_Check(saved) &&
             !PySequence_Check(current));
}

/* A variable of another type than the program now gives it, where the program has been edited. */
static int tell_types(rp_checkpoint *self, rp_restoring *restoring) {
    PyObject *saved_places = restoring->loaded.placeholders, *name, *value;
    for (Py_ssize_t at = 0; PyDict_Next(restoring->changes, &at, &name, &value);) {
        PyObject *current = PyDict_GetItemWithError(restoring->locals, name);
        if (current == NULL || saved_places == NULL || !types_clash(value, current)) continue;
        PyObject *then = PyDict_GetItemWithError(saved_places, name);
        PyObject *now = PyDict_GetItemWithError(restoring->current, name);
        if (rp_locals_is_argument(self, name)) continue;
        if (then != NULL && now != NULL && PyObject_RichCompareBool(then, now, Py_EQ) != 0)
            continue;
        if (then == NULL && now == NULL) continue;
        if (rp_warn(self->state,
                    "checkpoint '%U': '%U' is a %s in the checkpoint and a %s in the program: the "
                    "saved one is used (restore(keep=['%U']) takes the program's)",
                    self->caller.name, name, Py_TYPE(value)->tp_name, Py_TYPE(current)->tp_name,
                    name) < 0)
            return -1;
    }
    PyErr_Clear();
    return 0;
}

static int add_notes(rp_restoring *restoring) {
    PyObject *notes = rp_decoder_notes(restoring->decoder); /* borrowed */
    Py_ssize_t count = notes == NULL ? 0 : PyList_GET_SIZE(notes);
    for (Py_ssize_t i = 0; i < count; i++)
        if (PyList_Append(restoring->report->notes, PyList_GET_ITEM(notes, i)) < 0) return -1;
    return 0;
}

static int tell_notes(rp_checkpoint *self, rp_restoring *restoring) {
    PyObject *notes = rp_decoder_notes(restoring->decoder); /* borrowed */
    for (Py_ssize_t i = 0; notes != NULL && i < PyList_GET_SIZE(notes); i++)
        if (rp_warn(self->state, "checkpoint '%U': %U", self->caller.name,
                    PyList_GET_ITEM(notes, i)) < 0)
            return -1;
    return 0;
}

static void announce(rp_checkpoint *self, const rs_meta *meta, uint64_t generation) {
    PyObject *when = rp_time_text(meta->saved_ns);
    if (when != NULL && self->found_ended && self->going_on)
        rp_notice("%U had ended at %U, in a run that was cut off: it is at its end again",
                  self->caller.name, when);
    else if (when != NULL && self->found_ended)
        rp_notice("%U continues the run that ended %U (again=\"fresh\" starts over)",
                  self->caller.name, when);
    else if (when != NULL)
        rp_notice("%U goes on from %U, generation %llu", self->caller.name, when,
                  (unsigned long long)generation);
    PyErr_Clear();
    Py_XDECREF(when);
}

static int fill_report(rp_checkpoint *self, rp_report *report, const rs_meta *meta) {
    const rs_checkpoint_info *info = rs_checkpoint_look(self->engine);
    int64_t now = self->state->os->clock_ns(self->state->os);
    Py_XSETREF(report->generation, PyLong_FromUnsignedLongLong(info->generation));
    Py_XSETREF(report->age, PyFloat_FromDouble((double)(now - meta->saved_ns) / 1e9));
    report->found = true;
    report->ended = self->found_ended;
    return report->generation == NULL || report->age == NULL ? -1 : 0;
}

/* What stays: variables that nothing is assigned to, and objects that are restored in place. What
 * is the session's of a notebook, and not the program's, leads to all its variables. */
static PyObject *what_stays(rp_checkpoint *self, rp_restoring *restoring) {
    PyObject *hidden = self->caller.cell ? rp_cell_hidden(self->caller.cell) : PySet_New(NULL);
    PyObject *values = restoring->frame ? rp_frame_locals(restoring->frame) : PyDict_New();
    PyObject *stays = values && hidden ? PyDict_Copy(restoring->objects) : NULL, *name, *value;
    for (Py_ssize_t at = 0; stays != NULL && PyDict_Next(values, &at, &name, &value);)
        if (PyDict_Contains(restoring->changes, name) == 0 && PySet_Contains(hidden, name) == 0 &&
            PyDict_SetItem(stays, name, value) < 0)
            Py_CLEAR(stays);
    Py_XDECREF(values);
    Py_XDECREF(hidden);
    return stays;
}

static int tell_stale(rp_checkpoint *self, rp_restoring *restoring) {
    PyObject *cells = restoring->frame ? rp_frame_cells(restoring->frame) : PyDict_New();
    PyObject *stays = cells ? what_stays(self, restoring) : NULL;
    int status = stays == NULL
                     ? -1
                     : rp_stale_tell(self, stays, cells, restoring->locals, restoring->changes);
    Py_XDECREF(stays);
    Py_XDECREF(cells);
    return status;
}

static int restore_found(rp_checkpoint *self, rp_restoring *restoring) {
    const rs_meta *meta = rs_state_meta(rs_checkpoint_state(self->engine));
    bool dropped = false;
    if (rp_definitions_drop_lost(self, restoring->decoder, &restoring->loaded, &dropped) < 0)
        return -1;
    if (check_unplaced(self, restoring) < 0) return -1;
    if (choose(self, restoring) < 0 || add_extra_locals(self, restoring) < 0) return -1;
    if (add_defaults(self, restoring) < 0 || add_notes(restoring) < 0) return -1;
    if (fill_report(self, restoring->report, meta) < 0) return -1;
    /* warnings that the user turned into errors come before anything is changed */
    if (tell_edited(self, restoring) < 0 || tell_types(self, restoring) < 0) return -1;
    if (tell_notes(self, restoring) < 0 || tell_stale(self, restoring) < 0) return -1;
    announce(self, meta, rs_checkpoint_look(self->engine)->generation);
    /* nothing that the program can't use yet is written over; `meta` is gone after this */
    if (dropped) rs_checkpoint_start_over(self->engine);
    if (!self->result_known) Py_XSETREF(self->result, Py_XNewRef(restoring->loaded.result));
    self->result_known = true;
    if (assign(self, restoring) < 0) return -1;
    self->restored = true;
    return 0;
}

static int restore_nothing(rp_checkpoint *self, rp_restoring *restoring) {
    if (add_defaults(self, restoring) < 0) return -1;
    if (restoring->frame != NULL && PyDict_GET_SIZE(restoring->changes) > 0 &&
        rp_frame_assign(restoring->frame, restoring->changes) < 0)
        return -1;
    return rp_loops_resume(&self->loops, NULL, self->same_code);
}

static int restore_now(rp_checkpoint *self, rp_restoring *restoring) {
    if (look_at_frame(self, restoring) < 0) return -1;
    bool saved = self->engine != NULL && self->found && !self->restored;
    if (saved && decode(self, restoring) < 0) return -1;
    saved = saved && restoring->decoder != NULL;
    int status = saved ? restore_found(self, restoring) : restore_nothing(self, restoring);
    if (status < 0) return -1;
    Py_XSETREF(self->placeholders, Py_NewRef(restoring->current));
    if (saved) rs_checkpoint_forget(self->engine);
    return rp_report_finish(restoring->report);
}

PyObject *rp_checkpoint_restore(rp_checkpoint *self, PyObject *keep, PyObject *trusted,
                                PyObject *defaults) {
    rp_restoring restoring = {.defaults = defaults};
    PyObject *report = NULL;
    if (!self->disabled && rp_checkpoint_usable(self, "restore()") < 0) return NULL;
    self->busy = true;
    if (keep != NULL && keep != Py_None && (restoring.keep = rp_names(keep, "keep")) == NULL)
        goto done;
    if (trusted != NULL && trusted != Py_None &&
        (restoring.trusted = rp_trusted_names(trusted)) == NULL)
        goto done;
    restoring.changes = PyDict_New();
    restoring.report = rp_report_new(self->state);
    if (restoring.changes == NULL || restoring.report == NULL) goto done;
    if (restore_now(self, &restoring) == 0) report = Py_NewRef((PyObject *)restoring.report);
done:
    self->busy = false;
    restoring_release(&restoring);
    return report;
}

PyObject *rp_checkpoint_result(rp_checkpoint *self) {
    if (!self->result_known && self->engine != NULL && rs_checkpoint_state(self->engine) != NULL) {
        rp_loaded loaded = {0};
        rp_targets nowhere = {0};
        const rs_state *saved = rs_checkpoint_state(self->engine);
        rp_decoder *decoder = rp_decoder_new(self->state, rs_checkpoint_state(self->engine));
        int status = decoder == NULL ? -1 : rp_loaded_read(self->state, decoder, &nowhere, &loaded);
        if (status == 0) status = rp_trust_check(self, saved, decoder);
        if (status == 0) {
            Py_XSETREF(self->result, Py_XNewRef(loaded.result));
            self->result_known = true;
        }
        rp_loaded_release(&loaded);
        if (decoder != NULL) rp_decoder_free(decoder);
        if (status < 0) return NULL;
    }
    return Py_NewRef(self->result == NULL ? Py_None : self->result);
}
