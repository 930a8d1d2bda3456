/* Open files in the object stream. docs/format.md "Files", docs/files.md. */
#ifndef RP_FILES_H
#define RP_FILES_H

#include "../module.h"

/* An attribute of files that chp.open has made: they are cut back to where a save saw them. */
#define RP_FILE_CUT "_resume_truncate"

typedef enum rp_file_kind {
    RP_FILE_NONE,
    RP_FILE_TEXT,
    RP_FILE_BUFFERED,
    RP_FILE_RAW
} rp_file_kind;

/* What the object is, by the exact types of io; -1 with an exception. */
int rp_file_kind_of(PyObject *object);
extern const char *const rp_file_kind_names[]; /* of io, by kind */
/* The io.FileIO that the file stands on, new reference; NULL without an exception: none. */
PyObject *rp_file_raw(PyObject *file);
/* "r", "w", "a", "r+" or "a+", of an io.FileIO. NULL with an exception. */
const char *rp_file_access(PyObject *raw);
/* Attribute of os.stat(path) or os.fstat(descriptor). -1 with an exception. */
long long rp_file_stat(PyObject *what, const char *attribute);
/* The open file is the one of that path. */
bool rp_file_is_at(PyObject *descriptor, PyObject *path);
/* Where the file stands, new reference: a number for its `seek`, or a list of rp_text_reading().
 * NULL with an exception. */
PyObject *rp_file_position(PyObject *file);
bool rp_is_file_position(PyObject *position, rp_file_kind kind); /* by its form */
/* Goes there. 0 or -1 with an exception. */
int rp_file_seek(PyObject *file, PyObject *position);
/* _scandir_left(iterator): see pycompat/scandir.h. */
PyObject *rp_core_scandir_left(PyObject *module, PyObject *iterator);
/* _file_position(file), _file_seek(file, position): the same for what is in Python. */
PyObject *rp_core_file_position(PyObject *module, PyObject *file);
PyObject *rp_core_file_seek(PyObject *module, PyObject *args);
/* Cuts the file off at `size` (only when it can be written) and goes to `position`. 0 or -1. */
int rp_file_cut(PyObject *file, PyObject *size, PyObject *position);
#endif
