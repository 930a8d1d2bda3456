/* What a save of a program holds besides its variables and its frames. */
#include "script.h"

#include "pycompat/frame.h"

#include <string.h>
#include <unistd.h>

static int refuse(rp_snapshot *snapshot, PyObject *text) {
    int status = text ? PyList_Append(snapshot->problems, text) : -1;
    Py_XDECREF(text);
    return status;
}

/* What _process.py refuses, or can't ask the system for, is a reason. */
static int refuse_exception(rp_snapshot *snapshot) {
    if (!PyErr_ExceptionMatches(PyExc_Exception) || PyErr_ExceptionMatches(PyExc_MemoryError))
        return -1;
    PyObject *error = rp_exception_take();
    int status = refuse(snapshot, PyUnicode_FromFormat("%S", error));
    Py_DECREF(error);
    return status;
}

/* A value, or null with a problem. */
static int put(rp_snapshot *snapshot, PyObject *value, const char *name) {
    int status = rp_encoder_put(snapshot->encoder, value, name);
    if (status <= 0) return status;
    rs_cbor_put_simple(rp_encoder_buffer(snapshot->encoder), RS_CBOR_NULL);
    return refuse(snapshot, PyUnicode_FromString(rp_encoder_problem(snapshot->encoder)));
}

/* Once for each variable of a module. */
static int tell_left_out(rp_script *self, const char *problem) {
    PyObject *text = PyUnicode_FromString(problem);
    int told = text ? PySet_Contains(self->told, text) : -1;
    if (told == 0) {
        rp_script_say("can't be saved: %U; after a restart it is what its module makes", text);
        told = PySet_Add(self->told, text);
    }
    Py_XDECREF(text);
    return told < 0 ? -1 : 0;
}

/* The variables of one module: those that can't be saved are made by its import again. */
static int put_module(rp_script *self, rp_snapshot *snapshot, const char *module,
                      PyObject *variables) {
    rs_buffer *buffer = rp_encoder_buffer(snapshot->encoder);
    static const uint8_t head[] = {0xBA, 0, 0, 0, 0};
    rs_buffer_append(buffer, head, sizeof head);
    size_t place = buffer->size - 4;
    PyObject *key, *value;
    uint32_t count = 0;
    for (Py_ssize_t at = 0; PyDict_Next(variables, &at, &key, &value);) {
        const char *text = PyUnicode_Check(key) ? PyUnicode_AsUTF8(key) : NULL;
        char name[256];
        if (!text) {
            PyErr_Clear();
            continue;
        }
        snprintf(name, sizeof name, "%.120s.%.120s", module, text);
        size_t before = buffer->size;
        rs_cbor_put_text(buffer, text, strlen(text));
        int status = rp_encoder_put(snapshot->encoder, value, name);
        if (status < 0) return -1;
        if (status == 0) count++;
        if (status == 0) continue;
        buffer->size = before;
        if (tell_left_out(self, rp_encoder_problem(snapshot->encoder)) < 0) return -1;
    }
    for (int i = 0; !buffer->failed && i < 4; i++)
        buffer->bytes[place + (size_t)i] = (uint8_t)(count >> (24 - 8 * i));
    return 0;
}

static int put_modules(rp_script *self, rp_snapshot *snapshot, PyObject *modules) {
    rs_buffer *buffer = rp_encoder_buffer(snapshot->encoder);
    rs_cbor_put_head(buffer, RS_CBOR_MAP, (uint64_t)PyDict_GET_SIZE(modules));
    PyObject *name, *variables;
    for (Py_ssize_t at = 0; PyDict_Next(modules, &at, &name, &variables);) {
        const char *text = PyUnicode_AsUTF8(name);
        if (!text) return -1;
        rs_cbor_put_text(buffer, text, strlen(text));
        if (put_module(self, snapshot, text, variables) < 0) return -1;
    }
    return 0;
}

/* What a method of _process.py gives. */
static int put_answer(rp_script *self, rp_snapshot *snapshot, const char *method) {
    PyObject *answer = PyObject_CallMethod(self->process, method, NULL);
    if (!answer) {
        rs_cbor_put_simple(rp_encoder_buffer(snapshot->encoder), RS_CBOR_NULL);
        return refuse_exception(snapshot);
    }
    int status = put(snapshot, answer, method);
    Py_DECREF(answer);
    return status;
}

int rp_script_put_program(rp_exact *exact, rp_snapshot *snapshot) {
    rp_script *self = exact->context;
    PyObject *saves = PyLong_FromUnsignedLongLong(exact->checkpoint->saves);
    int status = saves ? PyObject_SetAttrString(self->process, "saves", saves) : -1;
    Py_XDECREF(saves);
    PyObject *own = status < 0 ? NULL : PyObject_CallMethod(self->process, "own_modules", NULL);
    if (!own) return -1;
    Py_XSETREF(self->state->own_modules, own);
    return put_answer(self, snapshot, "program");
}

/* A variable of the program that can't be saved is missed when it goes on. */
static int refuse_skipped(rp_snapshot *snapshot) {
    PyObject *name, *reason;
    Py_ssize_t at = 0;
    if (!PyDict_Next(snapshot->skipped, &at, &name, &reason)) return 0;
    return refuse(snapshot, PyUnicode_FromFormat("the program's variable %U", reason));
}

int rp_script_put_sections(rp_exact *exact, rp_snapshot *snapshot) {
    rp_script *self = exact->context;
    PyObject *modules = PyObject_CallMethod(self->process, "modules", NULL);
    rs_cbor_put_literal(rp_encoder_buffer(snapshot->encoder), "modules");
    int status = modules ? put_modules(self, snapshot, modules) : -1;
    Py_XDECREF(modules);
    if (status < 0 || refuse_skipped(snapshot) < 0) return -1;
    rs_cbor_put_literal(rp_encoder_buffer(snapshot->encoder), "process");
    return put_answer(self, snapshot, "process");
}
