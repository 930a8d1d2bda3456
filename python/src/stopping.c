/* signals=True: SIGTERM and SIGINT ask for a save and the end; a second one ends at once. */
#include "exact.h"

#include <signal.h>

#define EXIT_STOPPED 75 /* stopped on purpose: run me again */

static const int signals[] = {SIGTERM, SIGINT};

/* 1: this is the main thread, in which alone handlers can be set. -1: exception. */
static int in_main_thread(void) {
    PyObject *threading = PyImport_ImportModule("threading");
    PyObject *main = threading ? PyObject_CallMethod(threading, "main_thread", NULL) : NULL;
    PyObject *ident = main ? PyObject_GetAttrString(main, "ident") : NULL;
    unsigned long number = ident ? PyLong_AsUnsignedLong(ident) : 0;
    Py_XDECREF(ident);
    Py_XDECREF(main);
    Py_XDECREF(threading);
    return PyErr_Occurred() ? -1 : number == PyThread_get_thread_ident();
}

static int set_handler(PyObject *module, int number, PyObject *handler, PyObject **old) {
    *old = PyObject_CallMethod(module, "signal", "iO", number, handler);
    return *old == NULL ? -1 : 0;
}

int rp_stopping_begin(rp_exact *exact) {
    int here = in_main_thread();
    if (here <= 0) return here;
    PyObject *module = PyImport_ImportModule("signal");
    PyObject *handler = PyObject_GetAttrString(exact->checkpoint->module, "_stop");
    exact->old_handlers = PyDict_New();
    int status = module == NULL || handler == NULL || exact->old_handlers == NULL ? -1 : 0;
    for (size_t i = 0; status == 0 && i < sizeof signals / sizeof signals[0]; i++) {
        PyObject *old = NULL, *number = PyLong_FromLong(signals[i]);
        status = number == NULL ? -1 : set_handler(module, signals[i], handler, &old);
        if (status == 0) status = PyDict_SetItem(exact->old_handlers, number, old);
        Py_XDECREF(number);
        Py_XDECREF(old);
    }
    Py_XDECREF(handler);
    Py_XDECREF(module);
    return status;
}

/* A handler that was not set from Python (None) can't be put back: the default takes its place. */
static void put_back(PyObject *module, PyObject *number, PyObject *old) {
    PyObject *result = NULL;
    if (old == Py_None)
        result = PyObject_CallMethod(module, "signal", "Oi", number, 0);
    else
        result = PyObject_CallMethod(module, "signal", "OO", number, old);
    if (result == NULL) PyErr_WriteUnraisable(module);
    Py_XDECREF(result);
}

void rp_stopping_end(rp_exact *exact) {
    PyObject *number, *old;
    if (exact->old_handlers == NULL) return;
    PyObject *exception = rp_exception_take();
    PyObject *module = PyImport_ImportModule("signal");
    for (Py_ssize_t at = 0; module != NULL && PyDict_Next(exact->old_handlers, &at, &number, &old);)
        put_back(module, number, old);
    exact->checkpoint->state->stop = 0;
    Py_CLEAR(exact->old_handlers);
    Py_XDECREF(module);
    rp_exception_put(exception);
}

PyObject *rp_stopping_handler(PyObject *module, PyObject *args) {
    rp_module_state *state = rp_state_of_module(module);
    int number;
    PyObject *frame;
    if (!PyArg_ParseTuple(args, "iO:_stop", &number, &frame)) return NULL;
    rp_exact *exact = rp_exact_here(state);
    if (state->stop != 0 || exact == NULL || exact->checkpoint->engine == NULL) {
        if (number == SIGINT) {
            PyErr_SetNone(PyExc_KeyboardInterrupt);
            return NULL;
        }
        PyObject *status = PyLong_FromLong(128 + number);
        if (status != NULL) PyErr_SetObject(PyExc_SystemExit, status);
        Py_XDECREF(status);
        return NULL;
    }
    state->stop = number;
    atomic_store(exact->checkpoint->due, 1);
    Py_RETURN_NONE;
}

int rp_stopping_check(rp_module_state *state) {
    if (state->stop == 0) return 0;
    PyObject *status = PyLong_FromLong(EXIT_STOPPED);
    if (status != NULL) PyErr_SetObject(PyExc_SystemExit, status);
    Py_XDECREF(status);
    return -1;
}
