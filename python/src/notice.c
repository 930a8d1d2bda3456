/* What the user hears: exceptions, warnings, log records and lines on a terminal. */
#include "notice.h"

#include "cell.h"
#include "options.h"

#include <string.h>
#include <time.h>

static PyObject *type_of_status(rp_module_state *state, resume_status status) {
    switch (status) {
    case RESUME_NOT_FOUND:
        return state->not_found;
    case RESUME_DAMAGED:
    case RESUME_TRUNCATED:
        return state->damaged;
    case RESUME_IO:
    case RESUME_NO_SPACE:
    case RESUME_DENIED:
    case RESUME_UNSAFE_PATH:
        return state->io_error;
    case RESUME_LOCKED:
        return state->locked;
    case RESUME_UNTRUSTED:
        return state->untrusted;
    case RESUME_NO_MEMORY:
        return PyExc_MemoryError;
    case RESUME_BAD_NAME:
        return state->bad_name;
    default:
        return state->error;
    }
}

static int raise_object(PyObject *type, resume_status status, int os_code, PyObject *text) {
    PyObject *exception = text == NULL ? NULL : PyObject_CallOneArg(type, text);
    PyObject *number = PyLong_FromLong(status);
    PyObject *code = os_code == 0 ? Py_NewRef(Py_None) : PyLong_FromLong(os_code);
    if (exception != NULL && number != NULL && code != NULL &&
        PyObject_SetAttrString(exception, "status", number) == 0 &&
        PyObject_SetAttrString(exception, "errno", code) == 0)
        PyErr_SetObject(type, exception);
    else if (exception != NULL && type == PyExc_MemoryError) /* it has no such attributes to set */
        PyErr_SetObject(type, exception);
    Py_XDECREF(code);
    Py_XDECREF(number);
    Py_XDECREF(exception);
    return -1;
}

/* Paths may hold bytes that are no UTF-8: as everywhere in Python they become lone surrogates. */
int rp_raise(rp_module_state *state, const rs_error *error) {
    if (PyErr_Occurred()) return -1;
    if (error->status == RESUME_NO_MEMORY) {
        PyErr_NoMemory();
        return -1;
    }
    PyObject *text = PyUnicode_DecodeFSDefault(error->text);
    raise_object(type_of_status(state, error->status), error->status, error->os_code, text);
    Py_XDECREF(text);
    return -1;
}

int rp_raise_text(PyObject *type, resume_status status, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    PyObject *text = PyUnicode_FromFormatV(format, arguments);
    va_end(arguments);
    raise_object(type, status, 0, text);
    Py_XDECREF(text);
    return -1;
}

/* Nobody who does not use logging pays for it: the module is not imported for this. */
static void log_text(const char *method, PyObject *text) {
    PyObject *logging = NULL, *logger = NULL, *result = NULL;
    PyObject *modules = PyImport_GetModuleDict(); /* borrowed */
    logging = modules == NULL ? NULL : PyDict_GetItemString(modules, "logging");
    if (logging == NULL) goto done;
    logger = PyObject_CallMethod(logging, "getLogger", "s", "resume");
    /* without a handler anywhere, logging would print the text a second time */
    result = logger == NULL ? NULL : PyObject_CallMethod(logger, "hasHandlers", NULL);
    if (result == Py_True) {
        Py_DECREF(result);
        result = PyObject_CallMethod(logger, method, "sO", "%s", text);
    }
done:
    if (PyErr_Occurred()) PyErr_Clear();
    Py_XDECREF(result);
    Py_XDECREF(logger);
}

int rp_warn(rp_module_state *state, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    PyObject *text = PyUnicode_FromFormatV(format, arguments);
    va_end(arguments);
    if (text == NULL) return -1;
    log_text("warning", text);
    int status = PyErr_WarnFormat(state->warning, 1, "%U", text);
    Py_DECREF(text);
    return status;
}

static bool wants_lines(PyObject *stream) {
    PyObject *quiet = rp_environment("RESUME_QUIET");
    bool is_quiet = quiet != NULL && PyUnicode_CompareWithASCIIString(quiet, "1") == 0;
    Py_XDECREF(quiet);
    PyObject *terminal = is_quiet ? NULL : PyObject_CallMethod(stream, "isatty", NULL);
    PyErr_Clear();
    Py_XDECREF(terminal);
    return terminal == Py_True || (!is_quiet && rp_notebook_has_reader());
}

void rp_notice(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    PyObject *text = PyUnicode_FromFormatV(format, arguments);
    va_end(arguments);
    PyErr_Clear();
    if (text != NULL) log_text("info", text);
    PyObject *stream = PySys_GetObject("stderr"); /* borrowed */
    if (text != NULL && stream != NULL && stream != Py_None && wants_lines(stream))
        PySys_FormatStderr("resume: %U\n", text);
    PyErr_Clear();
    Py_XDECREF(text);
}

void rp_warn_of_exception(rp_module_state *state, const char *what) {
    PyObject *type, *value, *traceback;
    PyErr_Fetch(&type, &value, &traceback);
    if (type == NULL) return;
    PyErr_NormalizeException(&type, &value, &traceback);
    if (rp_warn(state, "%s: %S", what, value) < 0) PyErr_WriteUnraisable(NULL);
    Py_XDECREF(type);
    Py_XDECREF(value);
    Py_XDECREF(traceback);
}

PyObject *rp_time_text(int64_t ns_since_1970) {
    time_t then = (time_t)(ns_since_1970 / 1000000000), now = time(NULL);
    struct tm then_parts, now_parts;
    char text[64];
    if (localtime_r(&then, &then_parts) == NULL || localtime_r(&now, &now_parts) == NULL)
        return PyUnicode_FromString("an unknown time");
    size_t size;
    if (then_parts.tm_year == now_parts.tm_year && then_parts.tm_yday == now_parts.tm_yday)
        size = strftime(text, sizeof text, "%H:%M:%S", &then_parts);
    else if (then <= now && now - then < 6 * 86400)
        size = strftime(text, sizeof text, "%A %H:%M", &then_parts);
    else
        size = strftime(text, sizeof text, "%Y-%m-%d %H:%M", &then_parts);
    text[size] = 0;
    return PyUnicode_DecodeLocale(text, "surrogateescape");
}
