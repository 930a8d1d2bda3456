/* Tracebacks: file, function, line and columns of each entry; the frames in one that was read are
 * empty, and their code has no more than that place. */
#include "../decode.h"
#include "../encode.h"
#include "../opaque.h"

#include <frameobject.h>

/* ---- writing ---- */

enum { FILE_NAME, NAME, QUALIFIED_NAME, LINE, END_LINE, COLUMN, END_COLUMN, ENTRY_PARTS };

static PyObject *entry_of(PyTracebackObject *traceback) {
    PyCodeObject *code = PyFrame_GetCode(traceback->tb_frame);
    PyObject *line = PyObject_GetAttrString((PyObject *)traceback, "tb_lineno"), *entry = NULL;
    int first = -1, column = -1, last = -1, end = -1;
    if (traceback->tb_lasti >= 0)
        PyCode_Addr2Location(code, traceback->tb_lasti, &first, &column, &last, &end);
    if (line)
        entry =
            Py_BuildValue("[OOOOiii]", code->co_filename, code->co_name, code->co_qualname, line,
                          last < first ? -1 : last, column, last < first || end < 0 ? -1 : end);
    Py_XDECREF(line);
    Py_DECREF(code);
    return entry;
}

int rp_put_traceback(rp_encoder *encoder, PyObject *traceback) {
    PyObject *entries = PyList_New(0), *parts = NULL;
    PyTracebackObject *next = (PyTracebackObject *)traceback;
    for (; entries && next; next = next->tb_next) {
        PyObject *entry = entry_of(next);
        if (!entry || PyList_Append(entries, entry) < 0) Py_CLEAR(entries);
        Py_XDECREF(entry);
    }
    if (entries) parts = PyList_AsTuple(entries);
    Py_XDECREF(entries);
    if (!parts) return -1;
    rp_put_tag(encoder, RP_TAG_TRACEBACK);
    rp_put_array_head(encoder, (size_t)PyTuple_GET_SIZE(parts));
    return rp_push_parts(encoder, parts, "");
}

/* ---- reading ---- */

static bool is_entry(PyObject *entry) {
    if (!PyList_CheckExact(entry) || PyList_GET_SIZE(entry) != ENTRY_PARTS) return false;
    for (int i = FILE_NAME; i < LINE; i++)
        if (!PyUnicode_CheckExact(PyList_GET_ITEM(entry, i))) return false;
    for (int i = LINE; i < ENTRY_PARTS; i++) {
        int overflow;
        PyObject *part = PyList_GET_ITEM(entry, i);
        long number = PyLong_CheckExact(part) ? PyLong_AsLongAndOverflow(part, &overflow) : -2;
        bool is_absent = i == LINE && part == Py_None;
        if (!is_absent && (number < -1 || number > INT32_MAX - 1)) return false;
    }
    return true;
}

static int number_in(PyObject *entry, int part) {
    PyObject *number = PyList_GET_ITEM(entry, part);
    return number == Py_None ? -1 : (int)PyLong_AsLong(number);
}

/* A number in the line table of code: six bits a byte, the lowest first. */
static uint8_t *put_varint(uint8_t *to, unsigned number) {
    for (; number >= 64; number >>= 6)
        *to++ = (uint8_t)(64 | (number & 63));
    *to++ = (uint8_t)number;
    return to;
}

/* Of all instructions, which are 8 code units at most: one entry with line and columns. */
static PyObject *line_table(PyObject *entry, Py_ssize_t units) {
    enum { LONG_FORM = 14, NO_COLUMNS = 13 };
    int line = number_in(entry, LINE), end_line = number_in(entry, END_LINE);
    int column = number_in(entry, COLUMN), end_column = number_in(entry, END_COLUMN);
    bool has_columns = column >= 0 && end_column >= 0 && end_line >= line && line >= 0;
    int form = has_columns ? LONG_FORM : NO_COLUMNS;
    uint8_t table[32], *to = table;
    *to++ = (uint8_t)(0x80 | form << 3 | (int)(units - 1));
    to = put_varint(to, 0); /* the line of the code itself */
    if (has_columns) {
        to = put_varint(to, (unsigned)(end_line - line));
        to = put_varint(to, (unsigned)column + 1);
        to = put_varint(to, (unsigned)end_column + 1);
    }
    return PyBytes_FromStringAndSize((char *)table, to - table);
}

static PyCodeObject *code_of(PyObject *entry, int line) {
    PyCodeObject *code = PyCode_NewEmpty("", "", line);
    PyObject *bytes = code ? PyCode_GetCode(code) : NULL;
    Py_ssize_t units = bytes ? PyBytes_GET_SIZE(bytes) / 2 : 0;
    PyObject *table = units > 0 && units <= 8 ? line_table(entry, units) : NULL;
    if (!table) {
        if (!PyErr_Occurred()) PyErr_SetString(PyExc_SystemError, "an empty code is not short");
        Py_XDECREF(bytes);
        Py_XDECREF(code);
        return NULL;
    }
    Py_DECREF(bytes);
    PyObject *replace = PyObject_GetAttrString((PyObject *)code, "replace");
    PyObject *names =
        Py_BuildValue("{sNsOsOsO}", "co_linetable", table, "co_filename",
                      PyList_GET_ITEM(entry, FILE_NAME), "co_name", PyList_GET_ITEM(entry, NAME),
                      "co_qualname", PyList_GET_ITEM(entry, QUALIFIED_NAME));
    PyObject *named = replace && names ? PyObject_VectorcallDict(replace, NULL, 0, names) : NULL;
    Py_XDECREF(names);
    Py_XDECREF(replace);
    Py_DECREF(code);
    return (PyCodeObject *)named;
}

/* Takes `next` over. */
static PyObject *traceback_of(PyObject *entry, PyObject *next, PyObject *globals) {
    PyObject *made = NULL;
    int line = number_in(entry, LINE) < 0 ? 0 : number_in(entry, LINE);
    PyCodeObject *code = code_of(entry, line);
    PyFrameObject *frame = code ? PyFrame_New(PyThreadState_Get(), code, globals, NULL) : NULL;
    if (frame)
        made = PyObject_CallFunction((PyObject *)&PyTraceBack_Type, "OOii", next, frame, 0, line);
    Py_XDECREF(frame);
    Py_XDECREF(code);
    Py_DECREF(next);
    return made;
}

static PyObject *opaque_of(rp_decoder *decoder, PyObject *const *parts, Py_ssize_t count) {
    PyObject *opaque = rp_opaque_new(decoder->state), *list = PyList_New(count);
    PyObject *name = PyUnicode_FromString("types.TracebackType");
    for (Py_ssize_t i = 0; list && i < count; i++)
        PyList_SET_ITEM(list, i, Py_NewRef(parts[i]));
    if (opaque && list && name)
        rp_opaque_fill(opaque, name, list);
    else
        Py_CLEAR(opaque);
    Py_XDECREF(name);
    Py_XDECREF(list);
    return opaque;
}

static PyObject *finish_traceback(rp_decoder *decoder, PyObject *const *parts, Py_ssize_t count) {
    for (Py_ssize_t i = 0; i < count; i++)
        if (!is_entry(parts[i])) return rp_damaged(decoder, "a traceback is not what it should be");
    if (!decoder->source.is_mine) return opaque_of(decoder, parts, count);
    PyObject *traceback = Py_NewRef(Py_None), *globals = PyDict_New();
    for (Py_ssize_t i = count - 1; globals && traceback && i >= 0; i--)
        traceback = traceback_of(parts[i], traceback, globals);
    if (!globals) Py_CLEAR(traceback);
    Py_XDECREF(globals);
    return rp_checked(decoder, traceback);
}

int rp_get_traceback(rp_decoder *decoder, uint64_t tag, PyObject **value) {
    (void)value;
    if (tag != RP_TAG_TRACEBACK) return 2;
    Py_ssize_t count = rp_next_array(decoder, 1, UINT32_MAX);
    if (count < 0 || rp_check_room(decoder, (uint64_t)count) < 0) return -1;
    return rp_open_frame(decoder, RP_OPEN_VALUES, NULL, (uint64_t)count, finish_traceback) < 0 ? -1
                                                                                               : 1;
}
