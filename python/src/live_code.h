/* Code of the running program: where a code object stands in it, and which one stands at a place.
 * Code is never stored: it is found again by module, qualified name and hash. */
#ifndef RP_LIVE_CODE_H
#define RP_LIVE_CODE_H

#include "code.h"

/* A code object in words that another process understands. Zero-initialised: empty. */
typedef struct rp_code_path {
    PyObject *module; /* str, strong: the module in whose namespace it runs */
    PyObject *name;   /* str, strong: its qualified name, "main.<locals>.<lambda>" */
    int64_t place;    /* among the code of that name in the same enclosing code, -1: unknown */
    uint8_t hash[RP_CODE_HASH_SIZE];
    uint64_t version; /* of the Python whose byte code was hashed: rp_code_version */
    uint8_t shape[RP_CODE_HASH_SIZE]; /* the same in every Python: rp_code_shape */
} rp_code_path;

typedef enum rp_code_found {
    RP_CODE_FOUND,   /* the same code */
    RP_CODE_LIKELY,  /* of another Python: the name, the place and the shape are equal */
    RP_CODE_CHANGED, /* code of that name is there, and is another now */
    RP_CODE_MISSING, /* there is none of that name, or no such module */
} rp_code_found;

void rp_code_path_release(rp_code_path *path);
/* The path of `code`, which runs in the namespace `globals`. 1. 0: it can't be found again: it was
 * made at run time, or its module is none. -1: exception. */
int rp_code_path_of(const rp_module_state *state, PyCodeObject *code, PyObject *globals,
                    rp_code_path *path);
/* Looks in the namespace `globals` of the loaded module. `code` receives a new reference when it is
 * FOUND or LIKELY. 0, or -1 with an exception. */
int rp_code_path_find(const rp_module_state *state, const rp_code_path *path, PyObject *globals,
                      PyCodeObject **code, rp_code_found *found);
/* The same place, whatever the code is now. */
bool rp_code_path_is_place(const rp_code_path *path, const rp_code_path *other);
#endif
