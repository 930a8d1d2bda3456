/* load() and list(): looking at checkpoints without a lock, and without running anything. */
#ifndef RP_READ_ONLY_H
#define RP_READ_ONLY_H

#include "module.h"

extern PyType_Spec rp_data_spec;
/* A struct sequence: one checkpoint of a folder. */
PyTypeObject *rp_entry_type_new(void);
/* `path`: of a file, or the name of a checkpoint in the default folder. `lazy`: arrays are maps. */
PyObject *rp_load(rp_module_state *state, PyObject *path, PyObject *trusted, bool lazy);
/* Of the newest generation of a checkpoint: (hash of the code or None, id of the cell or None);
 * None when there is no such file. What can't be read is (None, None). New reference. */
PyObject *rp_cell_that_saved(rp_module_state *state, PyObject *folder, PyObject *name);
/* The Entry of one file, None when there is none. New reference. */
PyObject *rp_entry_of_path(rp_module_state *state, PyObject *path);
PyObject *rp_list(rp_module_state *state, PyObject *folder);
#endif
