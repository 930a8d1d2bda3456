/* A program of `resume run`: its module-level code is the root that goes on. */
#ifndef RP_SCRIPT_H
#define RP_SCRIPT_H

#include "module.h"

typedef struct rp_script {
    PyObject_HEAD PyObject *module; /* strong: of the extension */
    rp_module_state *state;         /* of the module */
    PyObject *settings;             /* strong: dict, as the command gave them */
    PyObject *name, *path, *folder; /* strong: str: what is run, its file or "", where its own
                                       modules lie */
    bool is_file;                   /* run by its name, not by runpy */
} rp_script;

extern PyType_Spec rp_script_spec;
#endif
