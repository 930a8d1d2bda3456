/* Stands in, weakly, for what is not there yet: to be removed with the last of them. */
#include "capture.h"

#define WEAK __attribute__((weak))

static void *absent(void) {
    PyErr_SetString(PyExc_NotImplementedError, "exact continuation is not complete");
    return NULL;
}

WEAK PyObject *rp_build_function(rp_module_state *state, rp_record *record, PyObject *inner) {
    (void)state, (void)record, (void)inner;
    return absent();
}

WEAK PyObject *rp_build_generator(rp_module_state *state, rp_record *record) {
    (void)state, (void)record;
    return absent();
}

WEAK int rp_fill_generator(rp_module_state *state, PyObject *generator, rp_record *record,
                           PyObject *inner) {
    (void)state, (void)generator, (void)record, (void)inner;
    return absent() ? 0 : -1;
}

WEAK int rp_origin_of(PyCodeObject *code, int unit, rp_origin *origin) {
    *origin = (rp_origin){.code = code, .unit = unit};
    return 0;
}

WEAK int rp_origin_of_lasti(PyCodeObject *code, int unit) {
    (void)code;
    return unit;
}
