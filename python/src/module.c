/* The extension module resume._core: its state, its functions and types, and how a status becomes
 * an exception. */
#include "module.h"
#include "probe.h"
#include "testing.h"

#include <string.h>

static struct PyModuleDef core_module;

rp_module_state *rp_state_of_module(PyObject *module) {
    return PyModule_GetState(module);
}

rp_module_state *rp_state_of_type(PyTypeObject *type) {
    PyObject *module = PyType_GetModuleByDef(type, &core_module); /* borrowed */
    return module ? PyModule_GetState(module) : NULL;
}

/* ---- exceptions and warnings ---- */

/* Borrowed. */
static PyObject *exception_of(const rp_module_state *state, resume_status status) {
    PyObject *type = state->error;
    switch (status) {
    case RESUME_NOT_FOUND:
        type = state->not_found;
        break;
    case RESUME_DAMAGED:
    case RESUME_TRUNCATED:
        type = state->damaged;
        break;
    case RESUME_UNTRUSTED:
        type = state->untrusted;
        break;
    case RESUME_LOCKED:
        type = state->locked;
        break;
    case RESUME_IO:
    case RESUME_NO_SPACE:
    case RESUME_DENIED:
        type = state->io_error;
        break;
    default:
        break;
    }
    return type ? type : PyExc_RuntimeError; /* the package around this module is not imported */
}

int rp_raise(rp_module_state *state, const rs_error *error) {
    if (error->status == RESUME_NO_MEMORY) {
        PyErr_NoMemory();
        return -1;
    }
    PyObject *exception = NULL, *number = NULL, *code = NULL;
    PyObject *type = exception_of(state, error->status);
    PyObject *text = PyUnicode_DecodeUTF8(error->text, (Py_ssize_t)strlen(error->text), "replace");
    if (text) exception = PyObject_CallOneArg(type, text);
    if (exception) number = PyLong_FromLong(error->status);
    if (number) code = PyLong_FromLong(error->os_code);
    if (code && PyObject_SetAttrString(exception, "status", number) == 0 &&
        PyObject_SetAttrString(exception, "errno", code) == 0) {
        PyErr_SetObject(type, exception);
    }
    Py_XDECREF(text);
    Py_XDECREF(exception);
    Py_XDECREF(number);
    Py_XDECREF(code);
    return -1;
}

/* logging.getLogger("resume").warning(text) */
static int log_warning(PyObject *text) {
    PyObject *logging = PyImport_ImportModule("logging"), *done = NULL;
    PyObject *logger = logging ? PyObject_CallMethod(logging, "getLogger", "s", "resume") : NULL;
    if (logger) done = PyObject_CallMethod(logger, "warning", "sO", "%s", text);
    Py_XDECREF(logging);
    Py_XDECREF(logger);
    Py_XDECREF(done);
    return done ? 0 : -1;
}

int rp_warn(rp_module_state *state, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    PyObject *text = PyUnicode_FromFormatV(format, arguments);
    va_end(arguments);
    const char *utf8 = text ? PyUnicode_AsUTF8(text) : NULL;
    int status =
        utf8 ? PyErr_WarnEx(state->warning ? state->warning : PyExc_UserWarning, utf8, 1) : -1;
    if (status == 0) status = log_warning(text);
    Py_XDECREF(text);
    return status;
}

/* ---- the module ---- */

static PyMethodDef core_methods[] = {
    RP_TESTING_METHODS,
    {NULL, NULL, 0, NULL},
};

static int core_exec(PyObject *module) {
    rp_module_state *state = rp_state_of_module(module);
    state->os = rs_os_linux();
    return PyModule_AddFunctions(module, rp_probe_methods);
}

static int core_traverse(PyObject *module, visitproc visit, void *arg) {
    rp_module_state *state = rp_state_of_module(module);
    Py_VISIT(state->error);
    Py_VISIT(state->not_found);
    Py_VISIT(state->damaged);
    Py_VISIT(state->untrusted);
    Py_VISIT(state->locked);
    Py_VISIT(state->code_changed);
    Py_VISIT(state->io_error);
    Py_VISIT(state->warning);
    Py_VISIT(state->checkpoint_type);
    Py_VISIT(state->null_checkpoint_type);
    Py_VISIT(state->report_type);
    Py_VISIT(state->loop_type);
    Py_VISIT(state->registry);
    return 0;
}

static int core_clear(PyObject *module) {
    rp_module_state *state = rp_state_of_module(module);
    Py_CLEAR(state->error);
    Py_CLEAR(state->not_found);
    Py_CLEAR(state->damaged);
    Py_CLEAR(state->untrusted);
    Py_CLEAR(state->locked);
    Py_CLEAR(state->code_changed);
    Py_CLEAR(state->io_error);
    Py_CLEAR(state->warning);
    Py_CLEAR(state->checkpoint_type);
    Py_CLEAR(state->null_checkpoint_type);
    Py_CLEAR(state->report_type);
    Py_CLEAR(state->loop_type);
    Py_CLEAR(state->registry);
    return 0;
}

static void core_free(void *module) {
    core_clear(module);
}

static PyModuleDef_Slot core_slots[] = {
    {Py_mod_exec, core_exec},
    {0, NULL},
};

static struct PyModuleDef core_module = {
    PyModuleDef_HEAD_INIT,
    .m_name = "resume._core",
    .m_doc = "The C core of resume.",
    .m_size = sizeof(rp_module_state),
    .m_methods = core_methods,
    .m_slots = core_slots,
    .m_traverse = core_traverse,
    .m_clear = core_clear,
    .m_free = core_free,
};

PyMODINIT_FUNC PyInit__core(void);
PyMODINIT_FUNC PyInit__core(void) {
    return PyModuleDef_Init(&core_module);
}
