/* How our objects look in a notebook: resume._html. */
#ifndef RP_DISPLAY_H
#define RP_DISPLAY_H

#include "module.h"

extern PyType_Spec rp_entries_spec; /* a list of Entry: what list() gives */
/* Methods _repr_html_ of the types. */
PyObject *rp_checkpoint_html(PyObject *self, PyObject *nothing);
PyObject *rp_report_html(PyObject *self, PyObject *nothing);
PyObject *rp_data_html(PyObject *self, PyObject *nothing);
PyObject *rp_entry_html(PyObject *self, PyObject *nothing);

#define RP_HTML_METHOD(function)                                                                   \
    { "_repr_html_", function, METH_NOARGS, "_repr_html_($self, /)\n--\n\nFor notebooks." }
#endif
