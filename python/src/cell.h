/* What a notebook tells: resume._notebook, asked only where IPython is running. */
#ifndef RP_CELL_H
#define RP_CELL_H

#include "module.h"

/* Somebody reads what the running cell prints. Never fails. */
bool rp_notebook_has_reader(void);
/* The path of the notebook whose variables `globals` are: 1 and a str, new reference; 0: none. */
int rp_notebook_path(PyObject *globals, PyObject **path);
/* The cell whose top-level code runs in the frame: 1 and a Cell, new reference; 0: none. */
int rp_cell_of(PyFrameObject *frame, PyObject **cell);
/* The name of its checkpoint: new reference. `suffix`: of the key and the rank. */
PyObject *rp_cell_choose(PyObject *cell, PyObject *folder, PyObject *stem, PyObject *suffix);
/* The code of the whole cell, new reference. */
PyCodeObject *rp_cell_code(PyObject *cell);
/* What the front end calls the cell, a str, maybe empty, new reference. */
PyObject *rp_cell_id(PyObject *cell);
/* The names that are the session's own, a set, new reference. */
PyObject *rp_cell_hidden(PyObject *cell);
#endif
