/* chp.open: files that a program which is run again does not empty. */
#ifndef RP_OPEN_H
#define RP_OPEN_H

#include "checkpoint.h"

/* chp.open(path, mode="r", ..., truncate=False), as of builtins.open. New reference. */
PyObject *rp_checkpoint_open_file(PyObject *self, PyObject *args, PyObject *kwargs);
/* restore() brought back or positioned these files: a list of tuples, each with the file first.
 * `locals`: dict of the variables as they were; files among them that are to be cut back, and that
 * the save had not seen, become empty. 0 or -1. */
int rp_open_files_restored(rp_checkpoint *self, PyObject *files, PyObject *locals);
/* What chp.open needs of a file object that is no checkpoint's: builtins.open without truncate=. */
PyObject *rp_open_plainly(PyObject *args, PyObject *kwargs);
#endif
