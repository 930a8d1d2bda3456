/* What restore() gives: true when something was restored. */
#ifndef RP_REPORT_H
#define RP_REPORT_H

#include "module.h"

typedef struct rp_report {
    PyObject_HEAD PyObject *restored, *missing, *unused, *kept,
        *skipped;               /* lists while made, then tuples */
    PyObject *notes;            /* of str */
    PyObject *generation, *age; /* int and float, or None */
    bool found, ended;
} rp_report;

extern PyType_Spec rp_report_spec;
rp_report *rp_report_new(rp_module_state *state);
/* Sorts nothing, adds nothing: turns the lists into tuples. */
int rp_report_finish(rp_report *report);
#endif
