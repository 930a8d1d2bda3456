/* What is in a captured frame, one after the other, and where it stands, in words. */
#include "record.h"

#include <stdio.h>
#include <string.h>

PyObject *rp_record_part(const rp_module_state *state, const rp_record *record, Py_ssize_t index) {
    Py_ssize_t slots = PyTuple_GET_SIZE(record->slots), depth = PyTuple_GET_SIZE(record->stack);
    PyObject *part = NULL;
    if (index >= 0 && index < slots)
        part = PyTuple_GET_ITEM(record->slots, index);
    else if (index >= slots && index < slots + depth)
        part = PyTuple_GET_ITEM(record->stack, index - slots);
    else if (index == slots + depth && rp_mode_has_value(record->mode))
        part = record->value;
    return part == state->null ? NULL : part;
}

Py_ssize_t rp_record_part_count(const rp_record *record) {
    return PyTuple_GET_SIZE(record->slots) + PyTuple_GET_SIZE(record->stack) + 1;
}

int rp_record_line(const rp_record *record) {
    bool inside = record->unit < Py_SIZE(record->code); /* of one that was read it may not be */
    int line = inside ? PyCode_Addr2Line(record->code, 2 * record->unit) : -1;
    return line > 0 ? line : record->code->co_firstlineno;
}

static const char *utf8_of(PyObject *text) {
    const char *utf8 = text && PyUnicode_Check(text) ? PyUnicode_AsUTF8(text) : NULL;
    if (!utf8) PyErr_Clear();
    return utf8 ? utf8 : "?";
}

static const char *name_of(const rp_record *record, Py_ssize_t index) {
    if (index < 0 || index >= PyTuple_GET_SIZE(record->slots))
        return "a value that the statement works with";
    const char *name = utf8_of(PyTuple_GET_ITEM(record->code->co_localsplusnames, index));
    return strcmp(name, ".0") == 0 ? "what it iterates over" : name; /* of a comprehension */
}

void rp_record_describe(const rp_record *record, Py_ssize_t index, char *text, size_t size) {
    const char *file = utf8_of(record->code->co_filename), *slash = strrchr(file, '/');
    PyObject *module = PyDict_GetItemString(record->globals, "__name__"); /* borrowed */
    snprintf(text, size, "line %d of %.80s.%.80s (%.80s): %.100s", rp_record_line(record),
             utf8_of(module), utf8_of(record->code->co_qualname), slash ? slash + 1 : file,
             name_of(record, index));
}
