/* Stands in, weakly, for what is not there yet: to be removed with the last of them. */
#include "capture.h"
#include "reenter.h"

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

WEAK int rp_capture(rp_module_state *state, PyFrameObject *frame, const rp_root *root,
                    PyObject *result, rp_captured *captured) {
    (void)state, (void)frame, (void)root, (void)result;
    captured->reason = PyUnicode_FromString("this version can't look at frames yet");
    return captured->reason == NULL ? -1 : 0;
}

WEAK void rp_captured_release(rp_captured *captured) {
    Py_CLEAR(captured->root);
    Py_CLEAR(captured->generators);
    Py_CLEAR(captured->reason);
}

WEAK PyObject *rp_reenter(rp_module_state *state, rp_record **root) {
    Py_CLEAR(*root);
    PyErr_SetString(state->error, "this version can't go on yet");
    return NULL;
}
