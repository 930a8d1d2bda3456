/* A foreign function between the interpreter and its frames, as debuggers and compilers set one
 * (PEP 523): it counts them. Built by tests/python/test_continuation_hook.py. */
#include <Python.h>

long hook_count;

static PyObject *through(PyThreadState *thread, struct _PyInterpreterFrame *frame, int throws) {
    hook_count++;
    return _PyEval_EvalFrameDefault(thread, frame, throws);
}

void hook_install(void) {
    _PyInterpreterState_SetEvalFrameFunc(PyInterpreterState_Get(), through);
}
