/* The layout of posix.ScandirIterator (Modules/posixmodule.c of CPython) is found by looking at one
 * of a known folder: where its path stands, and what close() takes away. */
#include "scandir.h"

#include <dirent.h>
#include <errno.h>
#include <string.h>

enum { WORDS_MAX = 64 };

typedef struct fields {
    size_t path, stream; /* in words, of the object; 0: not found */
} fields;

bool rp_is_scandir_type(const PyTypeObject *type) {
    return strcmp(type->tp_name, "posix.ScandirIterator") == 0;
}

bool rp_is_scandir(PyObject *object) {
    return rp_is_scandir_type(Py_TYPE(object));
}

static size_t word_count(PyObject *object) {
    size_t count = (size_t)Py_TYPE(object)->tp_basicsize / sizeof(void *);
    return count < WORDS_MAX ? count : WORDS_MAX;
}

/* Of a path of its own, so that its address stands nowhere else. */
static fields look_at(PyObject *iterator, PyObject *path) {
    void *before[WORDS_MAX], *after[WORDS_MAX];
    size_t count = word_count(iterator), found = 0, changed = 0;
    fields found_at = {0};
    memcpy(before, iterator, count * sizeof *before);
    PyObject *done = PyObject_CallMethod(iterator, "close", NULL);
    memcpy(after, iterator, count * sizeof *after);
    for (size_t i = 2; done && i < count; i++) {
        if (before[i] == path && after[i] == path) found_at.path = i, found++;
        if (before[i] != after[i] && !after[i]) found_at.stream = i, changed++;
    }
    Py_XDECREF(done);
    return found == 1 && changed == 1 ? found_at : (fields){0};
}

static int find_fields(fields *found) {
    static fields known;
    if (!known.stream) {
        PyObject *os = PyImport_ImportModule("os"), *path = PyUnicode_FromString("/./.");
        PyObject *iterator = os && path ? PyObject_CallMethod(os, "scandir", "O", path) : NULL;
        if (iterator && rp_is_scandir(iterator)) known = look_at(iterator, path);
        Py_XDECREF(iterator);
        Py_XDECREF(path);
        Py_XDECREF(os);
    }
    if (PyErr_Occurred()) return -1;
    *found = known;
    if (known.stream) return 0;
    PyErr_SetString(PyExc_TypeError, "this version of Python keeps what it knows of folders that "
                                     "are being read in another place");
    return -1;
}

static bool is_special(const char *name) {
    return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

/* The names behind the place, to which the stream goes back. */
static PyObject *names_left(DIR *stream) {
    PyObject *names = PyList_New(0);
    long place = telldir(stream);
    const struct dirent *entry;
    errno = 0;
    while (names && (entry = readdir(stream))) {
        if (is_special(entry->d_name)) continue;
        PyObject *name = PyBytes_FromString(entry->d_name);
        if (!name || PyList_Append(names, name) < 0) Py_CLEAR(names);
        Py_XDECREF(name);
        errno = 0;
    }
    int problem = errno;
    seekdir(stream, place);
    if (names && problem) {
        errno = problem;
        PyErr_SetFromErrno(PyExc_OSError);
        Py_CLEAR(names);
    }
    return names;
}

PyObject *rp_scandir_left(PyObject *iterator) {
    fields at;
    if (find_fields(&at) < 0) return NULL;
    void *const *words = (void *const *)iterator;
    if (!words[at.stream]) Py_RETURN_NONE;
    PyObject *path = words[at.path];
    PyObject *names = names_left(words[at.stream]);
    PyObject *left = names ? Py_BuildValue("(OO)", path ? path : Py_None, names) : NULL;
    Py_XDECREF(names);
    return left;
}
