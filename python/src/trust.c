/* Files that are not proven to be the user's own: what is trusted all the same, what is refused. */
#include "trust.h"

#include "lookup.h"
#include "notice.h"

#define NAMES_TOLD 8

PyObject *rp_trusted_names(PyObject *given) {
    PyObject *one = NULL, *names = NULL, *result = NULL;
    if (PyUnicode_Check(given) || PyType_Check(given)) given = one = PyTuple_Pack(1, given);
    PyObject *iterator = given == NULL ? NULL : PyObject_GetIter(given), *item = NULL;
    if (iterator != NULL) names = PyList_New(0);
    while (names != NULL && (item = PyIter_Next(iterator)) != NULL) {
        PyObject *name = NULL;
        if (PyUnicode_Check(item))
            name = Py_NewRef(item);
        else if (PyType_Check(item) || PyCallable_Check(item))
            name = rp_full_name(item);
        else
            PyErr_Format(PyExc_TypeError,
                         "trusted= takes names like \"package.Class\", or classes, not %R", item);
        if (name == NULL || PyList_Append(names, name) < 0) Py_CLEAR(names);
        Py_XDECREF(name);
        Py_DECREF(item);
    }
    if (names != NULL && !PyErr_Occurred()) result = PyFrozenSet_New(names);
    Py_XDECREF(names);
    Py_XDECREF(iterator);
    Py_XDECREF(one);
    return result;
}

int rp_trust_check_folder(rp_checkpoint *self) {
    rs_error error = {0};
    if (rs_checkpoint_check_folder(self->engine, &error) == RESUME_OK) return 0;
    return rp_raise(self->state, &error);
}

/* The names as a list in Python, of those that the user would have to read. Escaped: they are the
 * file's. */
static PyObject *list_of_names(PyObject *names) {
    PyObject *first = PyList_GetSlice(names, 0, NAMES_TOLD), *text = NULL;
    if (first != NULL) text = PyObject_ASCII(first);
    Py_ssize_t more = PyList_GET_SIZE(names) - NAMES_TOLD;
    if (text != NULL && more > 0)
        Py_SETREF(text, PyUnicode_FromFormat("%U and %zd more", text, more));
    Py_XDECREF(first);
    return text;
}

int rp_trust_check(rp_checkpoint *self, const rs_state *saved, rp_decoder *decoder) {
    PyObject *names = rp_decoder_untrusted(decoder); /* borrowed */
    if (names == NULL || PyList_GET_SIZE(names) == 0) return 0;
    PyObject *listed = list_of_names(names);
    const char *problem = rs_checkpoint_look(self->engine)->key_problem;
    if (listed != NULL && self->has_position)
        rp_raise_text(
            self->state->untrusted, RESUME_UNTRUSTED,
            "checkpoint '%U' is not proven to be yours (%s%s%s), and to go on from it its "
            "functions and classes have to be imported and called: %U; nothing was "
            "restored. If you know where it comes from: 'resume trust \"%U\"'; "
            "resume.load() shows it as data",
            self->caller.name, rs_signature_text(rs_state_signature(saved)),
            problem[0] != 0 ? ", and " : "", problem, listed, self->caller.path);
    else if (listed != NULL)
        rp_raise_text(self->state->untrusted, RESUME_UNTRUSTED,
                      "checkpoint '%U' is not proven to be yours (%s%s%s), and its variables need "
                      "what is imported and called: %U; nothing was restored. If you know where it "
                      "comes from: restore(trusted=%U) for these names alone, or 'resume trust "
                      "\"%U\"' for all of its content; resume.load() shows it as data",
                      self->caller.name, rs_signature_text(rs_state_signature(saved)),
                      problem[0] != 0 ? ", and " : "", problem, listed, listed, self->caller.path);
    Py_XDECREF(listed);
    return -1;
}

int rp_trust_tell_key(rp_checkpoint *self) {
    const rs_checkpoint_info *info = rs_checkpoint_look(self->engine);
    bool is_unsigned = info->key_problem[0] != 0;
    const char *text = is_unsigned ? info->key_problem : info->key_warning;
    const char *hint =
        strstr(text, "RESUME_KEY_FILE") ? "" : " (RESUME_KEY_FILE names another file)";
    if (self->state->said_key || text[0] == 0) return 0;
    self->state->said_key = true;
    if (!is_unsigned) return rp_warn(self->state, "checkpoint '%U': %s", self->caller.name, text);
    if (self->has_position)
        return rp_warn(self->state,
                       "checkpoint '%U' is saved without a signature: %s%s. After a kill it goes "
                       "on only when you have said that the file is good: resume trust \"%U\"",
                       self->caller.name, text, hint, self->caller.path);
    return rp_warn(
        self->state,
        "checkpoint '%U' is saved without a signature: %s%s. Numbers, text, containers and arrays "
        "will come back; instances of classes and functions only where restore(trusted=[...]) "
        "names them",
        self->caller.name, text, hint);
}
