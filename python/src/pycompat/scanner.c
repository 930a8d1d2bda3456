/* Reads and moves scanners of `re`: the beginning of ScannerObject and SRE_STATE in Modules/_sre of
 * CPython 3.11 to 3.15, which no header shows. */
#include "scanner.h"

#include <string.h>

typedef struct scanner {
    PyObject_HEAD PyObject *pattern;
    const char *current, *beginning, *start, *end;
    PyObject *string;
    Py_buffer buffer;
    Py_ssize_t position, ending;
    int is_bytes, character_size, match_all, must_advance;
} scanner;

static void read_place(PyObject *object, rp_scanner_place *place) {
    const scanner *from = (const scanner *)object;
    *place = (rp_scanner_place){.pattern = from->pattern,
                                .string = from->string,
                                .position = from->position,
                                .ending = from->ending,
                                .start = -1,
                                .must_advance = from->must_advance != 0};
    if (from->start) place->start = (from->start - from->beginning) / from->character_size;
}

static bool is_at(PyObject *object, PyObject *pattern, PyObject *string, Py_ssize_t start,
                  bool must_advance) {
    const scanner *from = (const scanner *)object;
    if (from->pattern != pattern || from->string != string || from->position != 1 ||
        from->ending != 3 || from->character_size != PyUnicode_KIND(string) || from->is_bytes != 0)
        return false;
    rp_scanner_place place;
    read_place(object, &place);
    return place.start == start && place.must_advance == must_advance;
}

static bool searches(PyObject *object) {
    PyObject *match = PyObject_CallMethod(object, "search", NULL);
    Py_XDECREF(match);
    return match != NULL;
}

/* A scanner that finds "a" and then nothing behind it is where it must be at each step. */
static bool is_laid_out(PyObject *re, PyObject *string) {
    PyObject *pattern = PyObject_CallMethod(re, "compile", "s", "a|");
    PyObject *made = pattern ? PyObject_CallMethod(pattern, "scanner", "Onn", string, (Py_ssize_t)1,
                                                   (Py_ssize_t)3)
                             : NULL;
    bool is = made && (size_t)Py_TYPE(made)->tp_basicsize >= sizeof(scanner) &&
              is_at(made, pattern, string, 1, false) && searches(made) &&
              is_at(made, pattern, string, 2, false) && searches(made) &&
              is_at(made, pattern, string, 2, true) && searches(made) &&
              is_at(made, pattern, string, 3, true) && searches(made) &&
              is_at(made, pattern, string, -1, false);
    Py_XDECREF(made);
    Py_XDECREF(pattern);
    return is;
}

int rp_scanner_place_of(PyObject *object, rp_scanner_place *place) {
    PyObject *re = PyImport_ImportModule("re");
    PyObject *narrow = re ? PyUnicode_FromString("zab") : NULL;
    PyObject *wide = narrow ? PyUnicode_FromString("za\xf0\x9f\x98\x80") : NULL;
    bool is = wide && is_laid_out(re, narrow) && is_laid_out(re, wide);
    Py_XDECREF(wide);
    Py_XDECREF(narrow);
    Py_XDECREF(re);
    if (PyErr_Occurred()) return -1;
    if (is) read_place(object, place);
    return is;
}

int rp_scanner_move(PyObject *object, const rp_scanner_place *place) {
    scanner *to = (scanner *)object;
    Py_ssize_t size = to->character_size, length = (to->end - to->beginning) / size;
    if (place->start < -1 || place->start > length) {
        PyErr_SetString(PyExc_ValueError, "a scanner behind the end of its text");
        return -1;
    }
    to->start = place->start < 0 ? NULL : to->beginning + size * place->start;
    to->must_advance = place->must_advance;
    return 0;
}
