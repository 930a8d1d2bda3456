/* Who calls: the name of the checkpoint, the program, and where its file belongs. */
#ifndef RP_CALLER_H
#define RP_CALLER_H

#include "options.h"

typedef struct rp_caller {
    PyObject *name;      /* str: of the checkpoint, with the key */
    PyObject *folder;    /* str: absolute path */
    PyObject *file_name; /* str: encoded */
    PyObject *path;      /* str: folder and file name */
    PyObject *module;    /* str: the module as it is called in names */
    PyObject *program;   /* str: absolute path of the file with the caller's code, or "" */
    PyObject *function;  /* str: "module:qualified.name" */
    PyObject *bare;      /* str: the name 0.13 would have given */
    PyObject *cell;      /* what rp_cell_of gives; NULL: not made by a cell of a notebook */
    bool named;          /* by the user, not from the function */
    bool default_folder; /* neither the argument, the class nor RESUME_DIR named the folder */
} rp_caller;             /* zero-initialised: empty */

/* `class_folder`: what Checkpoint.folder was set to, or NULL. */
int rp_caller_find(rp_module_state *state, PyFrameObject *frame, const rp_options *options,
                   PyObject *class_folder, rp_caller *caller);
/* The same for calls of a function, whose frame is not there yet. */
int rp_caller_of_function(rp_module_state *state, PyObject *function, const rp_options *options,
                          PyObject *class_folder, rp_caller *caller);
/* The same for the code of a module, of which no frame is there yet. */
int rp_caller_of_module(rp_module_state *state, PyObject *globals, const rp_options *options,
                        rp_caller *caller);
void rp_caller_release(rp_caller *caller);
/* The bytes of a text for a file: UTF-8; undecodable bytes of a path as they were when `raw`, as
 * escapes otherwise. New reference. */
PyObject *rp_bytes_of(PyObject *text, bool raw);
/* os.path.NAME(path), new reference. */
PyObject *rp_path(const char *name, PyObject *path);
/* Absolute, ".." as the system understands it: os.path.abspath takes it away as text, which leads
 * elsewhere behind a link. New reference. */
PyObject *rp_absolute(PyObject *text);
/* The folder used when nothing else names it: argument, class, RESUME_DIR, ".checkpoints": an
 * absolute path, new reference. `given`, `class_folder` may be NULL. */
PyObject *rp_default_folder(PyObject *given, PyObject *class_folder, bool *is_default);
#endif
