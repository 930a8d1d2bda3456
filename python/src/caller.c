/* Who calls: the name of the checkpoint, the program, and where its file belongs. */
#include "caller.h"

#include "cell.h"
#include "notice.h"
#include "store/name.h"

#include <string.h>

PyObject *rp_path(const char *name, PyObject *path) {
    PyObject *module = PyImport_ImportModule("os.path");
    PyObject *result = module == NULL ? NULL : PyObject_CallMethod(module, name, "O", path);
    Py_XDECREF(module);
    return result;
}

PyObject *rp_bytes_of(PyObject *text, bool raw) {
    PyObject *bytes = NULL;
    if (raw) {
        bytes = PyUnicode_AsEncodedString(text, "utf-8", "surrogateescape");
        if (bytes != NULL || !PyErr_ExceptionMatches(PyExc_UnicodeEncodeError)) return bytes;
        PyErr_Clear();
    }
    return PyUnicode_AsEncodedString(text, "utf-8", "backslashreplace");
}

static PyObject *text_path(PyObject *path) {
    PyObject *text = PyOS_FSPath(path);
    if (text != NULL && PyBytes_Check(text))
        Py_SETREF(text, PyUnicode_DecodeFSDefaultAndSize(PyBytes_AS_STRING(text),
                                                         PyBytes_GET_SIZE(text)));
    return text;
}

/* "..", alone between slashes or ends. */
static bool goes_up(PyObject *text) {
    Py_ssize_t size = PyUnicode_GET_LENGTH(text), dots = 0;
    for (Py_ssize_t i = 0; i <= size; i++) {
        Py_UCS4 next = i < size ? PyUnicode_READ_CHAR(text, i) : '/';
        if (next == '/' && dots == 2) return true;
        bool is_dot = next == '.' && dots >= 0;
        dots = next == '/' ? 0 : is_dot ? dots + 1 : -1;
    }
    return false;
}

PyObject *rp_absolute(PyObject *text) {
    if (!goes_up(text)) return rp_path("abspath", text);
    if (PyUnicode_READ_CHAR(text, 0) == '/') return Py_NewRef(text);
    PyObject *none = PyUnicode_FromString("");
    PyObject *here = none == NULL ? NULL : rp_path("abspath", none);
    PyObject *full = here == NULL ? NULL : PyUnicode_FromFormat("%U/%U", here, text);
    Py_XDECREF(none);
    Py_XDECREF(here);
    return full;
}

static PyObject *absolute(PyObject *path) {
    PyObject *text = text_path(path);
    if (text != NULL) Py_SETREF(text, rp_path("expanduser", text));
    if (text != NULL) Py_SETREF(text, rp_path("expandvars", text));
    if (text != NULL) Py_SETREF(text, rp_absolute(text));
    return text;
}

PyObject *rp_default_folder(PyObject *given, PyObject *class_folder, bool *is_default) {
    *is_default = false;
    if (given != NULL) return absolute(given);
    if (class_folder != NULL) return absolute(class_folder);
    PyObject *text = rp_environment("RESUME_DIR");
    if (text == NULL) {
        *is_default = true;
        text = PyUnicode_FromString(".checkpoints");
    }
    if (text != NULL) Py_SETREF(text, absolute(text));
    return text;
}

/* A str in a dict, borrowed; NULL when it is none. */
static PyObject *text_item(PyObject *dict, const char *key) {
    PyObject *value = PyDict_Check(dict) ? PyDict_GetItemString(dict, key) : NULL;
    return value != NULL && PyUnicode_Check(value) ? value : NULL;
}

/* The file with the code: 1 and a new reference; 0 for "<stdin>" and the like. */
static int file_of(PyObject *globals, PyObject **file) {
    *file = NULL;
    PyObject *text = text_item(globals, "__file__");
    if (text == NULL) return rp_notebook_path(globals, file);
    if (PyUnicode_GET_LENGTH(text) == 0 || PyUnicode_READ_CHAR(text, 0) == '<') return 0;
    *file = Py_NewRef(text);
    return 1;
}

/* The file with the caller's code as an absolute path, or "". */
static PyObject *program_of(PyObject *globals) {
    PyObject *file;
    int found = file_of(globals, &file);
    if (found > 0) Py_SETREF(file, rp_path("realpath", file));
    return found == 0 ? PyUnicode_FromString("") : file;
}

static PyObject *stem_of(PyObject *file) {
    PyObject *base = rp_path("basename", file);
    PyObject *parts = base == NULL ? NULL : rp_path("splitext", base);
    PyObject *stem = parts == NULL ? NULL : Py_NewRef(PyTuple_GET_ITEM(parts, 0));
    Py_XDECREF(parts);
    Py_XDECREF(base);
    return stem;
}

/* `python -m pkg.mod` is called as if it had been imported; a script by its stem. */
static PyObject *module_of(PyObject *globals) {
    PyObject *name = text_item(globals, "__name__");
    if (name == NULL) return PyUnicode_FromString("__main__");
    if (PyUnicode_CompareWithASCIIString(name, "__main__") != 0) return Py_NewRef(name);
    PyObject *specification = PyDict_GetItemString(globals, "__spec__"); /* borrowed */
    if (specification != NULL && specification != Py_None) {
        PyObject *full = PyObject_GetAttrString(specification, "name");
        if (full != NULL && PyUnicode_Check(full)) {
            Py_ssize_t size = PyUnicode_GET_LENGTH(full);
            if (size > 9 && PyUnicode_Tailmatch(full, name, 0, size, 1) == 1)
                Py_SETREF(full, PyUnicode_Substring(full, 0, size - 9));
            return full;
        }
        Py_XDECREF(full);
        PyErr_Clear();
    }
    PyObject *file;
    int found = file_of(globals, &file);
    if (found > 0) Py_SETREF(file, stem_of(file));
    return found == 0 ? Py_NewRef(name) : file;
}

/* "outer.<locals>.inner" is outer.inner. */
static PyObject *without_locals(PyObject *qualified) {
    PyObject *mark = PyUnicode_FromString("<locals>.");
    PyObject *nothing = PyUnicode_FromString("");
    PyObject *name =
        mark == NULL || nothing == NULL ? NULL : PyUnicode_Replace(qualified, mark, nothing, -1);
    Py_XDECREF(mark);
    Py_XDECREF(nothing);
    return name;
}

/* A cell has the name of the variable that takes the Checkpoint; the code of a module has no name
 * of its own: NULL without an exception. */
static PyObject *qualified_name(PyCodeObject *code, PyObject *cell) {
    if (cell != NULL) return PyObject_GetAttrString(cell, "variable");
    if (PyUnicode_CompareWithASCIIString(code->co_name, "<module>") == 0) return NULL;
    return without_locals(code->co_qualname);
}

/* An automatic name that does not fit is cut, and a hash of all of it put behind. */
static PyObject *fit(rp_module_state *state, PyObject *name) {
    char fitted[RS_FILE_NAME_SIZE];
    rs_error error = {0};
    PyObject *bytes = rp_bytes_of(name, true);
    if (bytes == NULL) return NULL;
    resume_status status =
        rs_name_fit(PyBytes_AS_STRING(bytes), (size_t)PyBytes_GET_SIZE(bytes), fitted, &error);
    bool fits = strcmp(PyBytes_AS_STRING(bytes), fitted) == 0;
    Py_DECREF(bytes);
    if (status != RESUME_OK) {
        rp_raise(state, &error);
        return NULL;
    }
    if (fits) return Py_NewRef(name); /* as it is: also what has no bytes of its own */
    return PyUnicode_DecodeUTF8(fitted, (Py_ssize_t)strlen(fitted), "surrogateescape");
}

/* `qualified` NULL: the code of a module. */
static int fill_names(PyObject *globals, PyObject *bare, PyObject *qualified, rp_caller *caller) {
    caller->module = module_of(globals);
    if (caller->module == NULL) return -1;
    PyObject *module = caller->module;
    caller->program = program_of(globals);
    caller->bare = Py_NewRef(bare);
    caller->function = PyUnicode_FromFormat("%U:%U", module, qualified ? qualified : bare);
    caller->name = qualified ? PyUnicode_FromFormat("%U.%U", module, qualified) : Py_NewRef(module);
    return caller->program && caller->function && caller->name ? 0 : -1;
}

static int name_from_code(PyFrameObject *frame, rp_caller *caller) {
    PyCodeObject *code = PyFrame_GetCode(frame);
    PyObject *globals = PyFrame_GetGlobals(frame);
    PyObject *qualified = NULL;
    int status = rp_cell_of(frame, &caller->cell) < 0 ? -1 : 0;
    if (status == 0) qualified = qualified_name(code, caller->cell);
    if (PyErr_Occurred()) status = -1;
    if (status == 0) status = fill_names(globals, code->co_name, qualified, caller);
    Py_XDECREF(qualified);
    Py_DECREF(globals);
    Py_DECREF(code);
    return status;
}

/* functools.wraps says that it is of another module than its globals are. */
static PyObject *globals_of(PyObject *function) {
    PyObject *name = PyFunction_GetModule(function); /* borrowed, or NULL */
    PyObject *module = NULL;
    if (name != NULL && PyUnicode_Check(name)) module = PyImport_GetModule(name);
    PyObject *globals = module == NULL || !PyModule_Check(module) ? PyFunction_GetGlobals(function)
                                                                  : PyModule_GetDict(module);
    Py_INCREF(globals);
    Py_XDECREF(module);
    PyErr_Clear();
    return globals;
}

static int name_from_function(PyObject *function, rp_caller *caller) {
    PyFunctionObject *object = (PyFunctionObject *)function;
    PyObject *globals = globals_of(function);
    PyObject *qualified = without_locals(object->func_qualname);
    int status = qualified == NULL ? -1 : fill_names(globals, object->func_name, qualified, caller);
    Py_XDECREF(qualified);
    Py_DECREF(globals);
    return status;
}

/* A file name that the store made ("sim.main%405") stands for its name. */
static PyObject *decoded(PyObject *base) {
    char name[RS_FILE_NAME_SIZE];
    const char *text = PyUnicode_AsUTF8(base);
    if (text == NULL) PyErr_Clear();
    if (text != NULL && strchr(text, '%') != NULL && rs_name_role(text) == RS_ROLE_CHECKPOINT &&
        rs_name_decode(text, name, sizeof name))
        return PyUnicode_FromString(name);
    return Py_NewRef(base);
}

/* The user's own name: plain, or a path that names the folder, too. */
static int name_from_user(PyObject *given, const rp_options *options, rp_caller *caller) {
    bool is_text = PyUnicode_Check(given);
    PyObject *text = text_path(given);
    if (text == NULL) {
        PyErr_Format(PyExc_TypeError, "a checkpoint's name is a str or a path, not %s",
                     Py_TYPE(given)->tp_name);
        return -1;
    }
    int status = -1;
    PyObject *path = NULL, *base = NULL;
    if (is_text && PyUnicode_FindChar(text, '/', 0, PyUnicode_GET_LENGTH(text), 1) < 0) {
        Py_XSETREF(caller->name, Py_NewRef(text));
        status = 0;
        goto done;
    }
    if (options->folder != NULL) {
        PyErr_SetString(PyExc_ValueError,
                        "the name is a path and folder= is given, too: give the folder once");
        goto done;
    }
    path = PyUnicode_FindChar(text, 0, 0, PyUnicode_GET_LENGTH(text), 1) < 0 ? absolute(text)
                                                                             : Py_NewRef(text);
    base = path == NULL ? NULL : rp_path("basename", text);
    if (base == NULL) goto done;
    Py_XSETREF(caller->folder, rp_path("dirname", path));
    Py_XSETREF(caller->name, decoded(base));
    status = caller->folder == NULL || caller->name == NULL ? -1 : 0;
done:
    Py_XDECREF(base);
    Py_XDECREF(path);
    Py_DECREF(text);
    caller->named = true;
    return status;
}

/* "@KEY@rankN", new reference. */
static PyObject *suffix_of(const rp_options *options, PyObject *rank) {
    PyObject *suffix =
        options->key ? PyUnicode_FromFormat("@%U", options->key) : PyUnicode_FromString("");
    if (suffix != NULL && rank != NULL)
        Py_SETREF(suffix, PyUnicode_FromFormat("%U@rank%U", suffix, rank));
    return suffix;
}

/* The name is complete, but for its length. */
static int add_suffix(const rp_options *options, PyObject *rank, rp_caller *caller) {
    PyObject *suffix = suffix_of(options, rank);
    if (suffix != NULL && caller->cell != NULL && !caller->named)
        Py_SETREF(caller->name,
                  rp_cell_choose(caller->cell, caller->folder, caller->module, suffix));
    else if (suffix != NULL)
        Py_SETREF(caller->name, PyUnicode_FromFormat("%U%U", caller->name, suffix));
    Py_XDECREF(suffix);
    return suffix == NULL || caller->name == NULL ? -1 : 0;
}

static int encode(rp_module_state *state, rp_caller *caller) {
    char file_name[RS_FILE_NAME_SIZE];
    rs_error error = {0};
    Py_ssize_t size;
    PyObject *bytes = rp_bytes_of(caller->name, true);
    char *text;
    if (bytes == NULL || PyBytes_AsStringAndSize(bytes, &text, &size) < 0) return -1;
    resume_status status = rs_name_encode(text, (size_t)size, file_name, &error);
    Py_DECREF(bytes);
    if (status != RESUME_OK) return rp_raise(state, &error);
    caller->file_name = PyUnicode_FromString(file_name);
    caller->path = caller->file_name == NULL
                       ? NULL
                       : PyUnicode_FromFormat("%U/%U", caller->folder, caller->file_name);
    return caller->path == NULL ? -1 : 0;
}

/* The names that belong to the code are there; `rank` NULL: none. */
static int find_place(rp_module_state *state, const rp_options *options, PyObject *class_folder,
                      PyObject *rank, rp_caller *caller) {
    if (options->name != NULL && name_from_user(options->name, options, caller) < 0) return -1;
    if (caller->folder == NULL)
        caller->folder = rp_default_folder(options->folder, class_folder, &caller->default_folder);
    if (caller->folder == NULL || add_suffix(options, rank, caller) < 0) return -1;
    if (!caller->named || options->key != NULL) {
        PyObject *name = fit(state, caller->name);
        if (name == NULL) return -1;
        Py_XSETREF(caller->name, name);
    }
    return encode(state, caller);
}

static int refuse_ranks(rp_module_state *state) {
    return rp_raise_text(
        state->error, RESUME_MISUSE,
        "several processes of one parallel job run this program, and all would write "
        "the same checkpoint: add ranks=\"independent\" to give each rank its own");
}

int rp_caller_find(rp_module_state *state, PyFrameObject *frame, const rp_options *options,
                   PyObject *class_folder, rp_caller *caller) {
    PyObject *rank = NULL;
    int status = -1;
    if (rp_ranks(&rank) && !options->independent_ranks)
        refuse_ranks(state);
    else if (name_from_code(frame, caller) == 0)
        status = find_place(state, options, class_folder, rank, caller);
    Py_XDECREF(rank);
    if (status < 0) rp_caller_release(caller);
    return status;
}

int rp_caller_of_function(rp_module_state *state, PyObject *function, const rp_options *options,
                          PyObject *class_folder, rp_caller *caller) {
    PyObject *rank = NULL;
    int status = -1;
    if (rp_ranks(&rank) && !options->independent_ranks)
        refuse_ranks(state);
    else if (name_from_function(function, caller) == 0)
        status = find_place(state, options, class_folder, rank, caller);
    Py_XDECREF(rank);
    if (status < 0) rp_caller_release(caller);
    return status;
}

int rp_caller_of_module(rp_module_state *state, PyObject *globals, const rp_options *options,
                        rp_caller *caller) {
    PyObject *rank = NULL, *bare = PyUnicode_FromString("<module>");
    int status = -1;
    if (rp_ranks(&rank) && !options->independent_ranks)
        refuse_ranks(state);
    else if (bare != NULL && fill_names(globals, bare, NULL, caller) == 0)
        status = find_place(state, options, NULL, rank, caller);
    Py_XDECREF(bare);
    Py_XDECREF(rank);
    if (status < 0) rp_caller_release(caller);
    return status;
}

void rp_caller_release(rp_caller *caller) {
    Py_CLEAR(caller->name);
    Py_CLEAR(caller->folder);
    Py_CLEAR(caller->file_name);
    Py_CLEAR(caller->path);
    Py_CLEAR(caller->program);
    Py_CLEAR(caller->function);
    Py_CLEAR(caller->bare);
    Py_CLEAR(caller->module);
    Py_CLEAR(caller->cell);
}
