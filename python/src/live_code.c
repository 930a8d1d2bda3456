/* Code objects of the running program: found from its frames, its functions, and its loaders. */
#include "live_code.h"

#include "lookup.h"
#include "memo.h"
#include "pycompat/functions.h"

#include "pycompat/code_extra.h"

#include "base/alloc.h"

#include <string.h>

void rp_code_path_release(rp_code_path *path) {
    Py_CLEAR(path->module);
    Py_CLEAR(path->name);
}

bool rp_code_path_is_place(const rp_code_path *path, const rp_code_path *other) {
    return path->place == other->place && PyUnicode_Compare(path->module, other->module) == 0 &&
           PyUnicode_Compare(path->name, other->name) == 0;
}

/* ---- a walk over code ---- */

typedef struct code_search {
    const rp_module_state *state;
    PyObject *globals;
    PyObject *name;
    rp_memo seen;  /* code that was walked, or waits on the stack */
    size_t walked; /* how many of `seen` */
    /* Called for code of that name. `place` is -1 when it is not known what encloses it. 1: go no
     * further. 0: on. -1: exception. */
    int (*meet)(struct code_search *search, PyCodeObject *code, Py_ssize_t place);
    PyCodeObject *code; /* borrowed: which is looked for; or strong: the best so far */
    Py_ssize_t place;
    const rp_code_path *path;
    bool any; /* some code of that name was met */
} code_search;

static int add_code(code_search *search, PyObject *code) {
    size_t index;
    if (rp_memo_find(&search->seen, code, &index)) return 0;
    if (rp_memo_add(&search->seen, code, 0)) return 0;
    PyErr_NoMemory();
    return -1;
}

static bool is_named(PyObject *code, PyObject *name) {
    return PyUnicode_Compare(((PyCodeObject *)code)->co_qualname, name) == 0;
}

/* The code in the constants of `code`. */
static int walk_constants(code_search *search, PyObject *code) {
    PyObject *constants = ((PyCodeObject *)code)->co_consts;
    Py_ssize_t place = 0;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(constants); i++) {
        PyObject *constant = PyTuple_GET_ITEM(constants, i);
        if (!PyCode_Check(constant)) continue;
        if (add_code(search, constant) < 0) return -1;
        if (!is_named(constant, search->name)) continue;
        int status = search->meet(search, (PyCodeObject *)constant, place++);
        if (status) return status;
    }
    return 0;
}

/* Everything below `code`. 1: found. */
static int walk(code_search *search, PyObject *code) {
    if (is_named(code, search->name)) {
        int status = search->meet(search, (PyCodeObject *)code, -1);
        if (status) return status;
    }
    if (add_code(search, code) < 0) return -1;
    while (search->walked < search->seen.count) {
        int status = walk_constants(search, search->seen.entries[search->walked++].object);
        if (status) return status;
    }
    return 0;
}

static int walk_function(code_search *search, PyObject *object) {
    if (!PyFunction_Check(object) || PyFunction_GET_GLOBALS(object) != search->globals) return 0;
    return walk(search, PyFunction_GET_CODE(object));
}

/* ---- where to begin ---- */

/* The program of `resume run`: also before it runs. */
static int walk_script(code_search *search) {
    if (!search->state->script_code || search->globals != search->state->script_space) return 0;
    return walk(search, search->state->script_code);
}

/* A script, a notebook's cell or a function that is running. */
static int walk_frames(code_search *search) {
    PyFrameObject *frame = PyThreadState_GetFrame(PyThreadState_Get());
    int status = 0;
    while (frame && !status) {
        PyObject *globals = PyFrame_GetGlobals(frame);
        PyCodeObject *code = globals == search->globals ? PyFrame_GetCode(frame) : NULL;
        if (code) status = walk(search, (PyObject *)code);
        Py_XDECREF(code);
        Py_DECREF(globals);
        PyFrameObject *back = PyFrame_GetBack(frame);
        Py_DECREF(frame);
        frame = back;
    }
    Py_XDECREF(frame);
    return status;
}

/* What is around an object that a name of the module leads to. */
typedef struct nearby {
    rp_memo objects; /* the index of each: its distance */
    size_t distance; /* of what is added now */
    bool failed;
} nearby;

enum { NEARBY_DISTANCE_MAX = 5, NEARBY_COUNT_MAX = 4096 };

static int add_nearby(PyObject *object, void *context) {
    nearby *near = context;
    size_t index;
    if (near->objects.count >= NEARBY_COUNT_MAX || PyModule_Check(object) || PyCode_Check(object) ||
        rp_memo_find(&near->objects, object, &index))
        return 0;
    if (!rp_memo_add(&near->objects, object, near->distance)) near->failed = true;
    return 0;
}

/* A function, or those that a class, a decorator or a property holds. No attribute is asked for:
 * that would run code. */
static int walk_nearby(code_search *search, PyObject *object) {
    nearby near = {0};
    add_nearby(object, &near);
    int status = 0;
    for (size_t i = 0; i < near.objects.count && !status && !near.failed; i++) {
        PyObject *next = near.objects.entries[i].object;
        traverseproc traverse = Py_TYPE(next)->tp_traverse;
        status = walk_function(search, next);
        near.distance = near.objects.entries[i].index + 1;
        bool is_other_class = i > 0 && PyType_Check(next);
        if (near.distance <= NEARBY_DISTANCE_MAX && !is_other_class && next != search->globals &&
            PyObject_IS_GC(next) && traverse)
            traverse(next, add_nearby, &near);
    }
    if (near.failed) {
        PyErr_NoMemory();
        status = -1;
    }
    rp_memo_release(&near.objects);
    return status;
}

/* What the first part of the name means in the module. */
static int walk_named(code_search *search) {
    Py_ssize_t size = PyUnicode_GET_LENGTH(search->name);
    Py_ssize_t end = PyUnicode_FindChar(search->name, '.', 0, size, 1);
    if (end == -2) return -1;
    PyObject *first = PyUnicode_Substring(search->name, 0, end < 0 ? size : end);
    PyObject *object =
        first ? PyDict_GetItemWithError(search->globals, first) : NULL; /* borrowed */
    Py_XDECREF(first);
    if (!object) return PyErr_Occurred() ? -1 : 0;
    Py_INCREF(object);
    int status = walk_nearby(search, object);
    Py_DECREF(object);
    return status;
}

/* Every function of the module that is alive, wherever it is. */
static int walk_functions(code_search *search) {
    PyObject *gc = PyImport_ImportModule("gc");
    PyObject *objects = gc ? PyObject_CallMethod(gc, "get_objects", NULL) : NULL;
    int status = objects ? 0 : -1;
    for (Py_ssize_t i = 0; !status && i < PyList_GET_SIZE(objects); i++)
        status = walk_function(search, PyList_GET_ITEM(objects, i));
    Py_XDECREF(objects);
    Py_XDECREF(gc);
    return status;
}

/* What a failing loader raised is no concern of the user, but memory and interrupts are. */
static int forget_exception(void) {
    if (PyErr_ExceptionMatches(PyExc_MemoryError) || !PyErr_ExceptionMatches(PyExc_Exception))
        return -1;
    PyErr_Clear();
    return 0;
}

/* The code of the module itself, of which nothing is kept when its import is over. */
static int walk_loader(code_search *search) {
    PyObject *loader = NULL, *spec = NULL, *name = NULL, *code = NULL;
    int status = rp_dict_find(search->globals, "__loader__", &loader);
    if (status > 0) status = rp_dict_find(search->globals, "__spec__", &spec);
    if (status < 0) goto done;
    if (spec && spec != Py_None)
        name = PyObject_GetAttrString(spec, "name");
    else if (rp_dict_find(search->globals, "__name__", &name) < 0)
        goto done;
    if (loader && name) code = PyObject_CallMethod(loader, "get_code", "O", name);
    status = code && PyCode_Check(code) ? walk(search, code) : 0;
done:
    if (PyErr_Occurred()) status = forget_exception();
    Py_XDECREF(code);
    Py_XDECREF(name);
    Py_XDECREF(spec);
    Py_XDECREF(loader);
    return status;
}

static void search_release(code_search *search) {
    rp_memo_release(&search->seen);
}

/* ---- the path of a code object ---- */

static int meet_same(code_search *search, PyCodeObject *code, Py_ssize_t place) {
    if (code != search->code) return 0;
    search->any = true;
    search->place = place;
    return place >= 0;
}

/* A copy that a loader has made: not the same object, but equal in all, lines included. */
static int meet_equal(code_search *search, PyCodeObject *code, Py_ssize_t place) {
    if (place < 0 || code->co_firstlineno != search->code->co_firstlineno) return 0;
    int equal = PyObject_RichCompareBool((PyObject *)code, (PyObject *)search->code, Py_EQ);
    if (equal > 0) search->place = place;
    if (equal > 0) search->any = true;
    return equal;
}

/* Code that exec() or eval() was given: nothing leads to it in another process. */
static bool is_made_at_run_time(PyCodeObject *code, PyObject *globals) {
    PyObject *file = code->co_filename, *module = NULL;
    if (PyUnicode_GET_LENGTH(file) == 0 || PyUnicode_READ_CHAR(file, 0) != '<') return false;
    if (PyUnicode_CompareWithASCIIString(file, "<string>") == 0) return true;
    /* what is typed in has a name in brackets, too */
    bool typed = rp_dict_find(globals, "__name__", &module) > 0 && PyUnicode_Check(module) &&
                 PyUnicode_CompareWithASCIIString(module, "__main__") == 0;
    PyErr_Clear();
    Py_XDECREF(module);
    return !typed;
}

/* What stands in the namespace, or in the dict of a class in it, under the function's qualified
 * name, is the function. 1, 0, -1. */
static int is_under_its_name(PyObject *globals, PyObject *function) {
    PyObject *dot = PyUnicode_FromString("."), *object = NULL; /* borrowed */
    PyObject *name = ((PyFunctionObject *)function)->func_qualname;
    PyObject *parts = dot ? PyUnicode_Split(name, dot, -1) : NULL;
    Py_ssize_t count = parts ? PyList_GET_SIZE(parts) : 0;
    if (count > 0) object = PyDict_GetItemWithError(globals, PyList_GET_ITEM(parts, 0));
    for (Py_ssize_t i = 1; object && i < count; i++)
        object = PyType_Check(object)
                     ? rp_type_lookup((PyTypeObject *)object, PyList_GET_ITEM(parts, i))
                     : NULL;
    int status = PyErr_Occurred() ? -1 : object == function;
    Py_XDECREF(dot);
    Py_XDECREF(parts);
    return status;
}

/* But what a decorator has given a class of the module, as dataclasses do, is made again by every
 * process that imports it: some function has the code and is found under its own name. 1, 0, -1. */
static int is_of_named_function(PyCodeObject *code, PyObject *globals) {
    PyObject *gc = PyImport_ImportModule("gc");
    PyObject *objects = gc ? PyObject_CallMethod(gc, "get_objects", NULL) : NULL;
    int found = objects ? 0 : -1;
    for (Py_ssize_t i = 0; found == 0 && i < PyList_GET_SIZE(objects); i++) {
        PyObject *object = PyList_GET_ITEM(objects, i);
        if (PyFunction_Check(object) && PyFunction_GET_CODE(object) == (PyObject *)code)
            found = is_under_its_name(globals, object);
    }
    Py_XDECREF(objects);
    Py_XDECREF(gc);
    return found;
}

static int find_place(code_search *search) {
    search->meet = meet_same;
    int status = walk_script(search);
    if (!status) status = walk_frames(search);
    if (!status) status = walk_named(search);
    if (status) return status;
    /* at the level of a module: it may be the only one that leads to itself */
    search->meet = meet_equal;
    status = walk_loader(search);
    if (status) return status;
    search->meet = meet_same;
    rp_memo_release(&search->seen);
    search->walked = 0;
    return walk_functions(search);
}

static PyObject *module_name(PyObject *globals) {
    PyObject *name;
    if (rp_dict_find(globals, "__name__", &name) <= 0) return NULL;
    if (!PyUnicode_Check(name)) Py_CLEAR(name);
    return name;
}

/* The namespace is the one of the module of that name. 1, 0 or -1. */
static int is_of_module(PyObject *globals, PyObject *name) {
    PyObject *modules = PyImport_GetModuleDict(); /* borrowed */
    PyObject *module = modules ? PyDict_GetItemWithError(modules, name) : NULL;
    if (!module) return PyErr_Occurred() ? -1 : 0;
    return PyModule_Check(module) && PyModule_GetDict(module) == globals;
}

/* Without what is remembered. */
static int find_path(const rp_module_state *state, PyCodeObject *code, PyObject *globals,
                     rp_code_path *path) {
    code_search search = {
        .state = state, .globals = globals, .name = code->co_qualname, .code = code, .place = -1};
    *path = (rp_code_path){.place = -1};
    PyObject *module = module_name(globals);
    int status = module ? is_of_module(globals, module) : PyErr_Occurred() ? -1 : 0;
    if (status > 0) status = find_place(&search) < 0 ? -1 : 1;
    search_release(&search);
    if (status > 0 && !search.any) status = 0;
    /* the namespace of a script is state itself: nobody makes it again */
    if (status > 0 && search.place < 0 && is_made_at_run_time(code, globals))
        status = globals == state->script_space ? 0 : is_of_named_function(code, globals);
    if (status > 0 && (rp_code_hash(code, path->hash) < 0 || rp_code_shape(code, path->shape) < 0))
        status = -1;
    if (status <= 0) {
        Py_XDECREF(module);
        return status;
    }
    path->module = module;
    path->name = Py_NewRef(code->co_qualname);
    path->place = search.place;
    path->version = RP_CODE_VERSION;
    return 1;
}

/* ---- remembered with the code ---- */

typedef struct known_path {
    const void *globals; /* the namespace, compared only */
    rp_code_path path;
} known_path;

static void known_path_free(void *extra) {
    known_path *known = extra;
    if (!known) return;
    rp_code_path_release(&known->path);
    rs_free(known);
}

static void copy_path(const rp_code_path *from, rp_code_path *to) {
    *to = *from;
    Py_INCREF(to->module);
    Py_INCREF(to->name);
}

static int remember(PyCodeObject *code, PyObject *globals, const rp_code_path *path) {
    known_path *known = rs_allocate_zeroed(1, sizeof *known);
    if (!known) {
        PyErr_NoMemory();
        return -1;
    }
    known->globals = globals;
    copy_path(path, &known->path);
    return rp_code_extra_put(code, known_path_free, known);
}

/* Frames are written again and again: where their code stands is looked up once. */
int rp_code_path_of(const rp_module_state *state, PyCodeObject *code, PyObject *globals,
                    rp_code_path *path) {
    const known_path *known = rp_code_extra_get(code, known_path_free);
    if (known && known->globals == globals) {
        int status = is_of_module(globals, known->path.module);
        if (status > 0) copy_path(&known->path, path);
        if (status) return status;
    }
    int status = find_path(state, code, globals, path);
    if (status > 0 && remember(code, globals, path) < 0) {
        rp_code_path_release(path);
        status = -1;
    }
    return status;
}

/* ---- the code at a path ---- */

/* 1: it does the same, as far as can be told. 0, -1. */
static int is_wanted(const rp_code_path *path, PyCodeObject *code, Py_ssize_t place) {
    uint8_t hash[RP_CODE_HASH_SIZE];
    if (path->version == RP_CODE_VERSION) {
        if (rp_code_hash(code, hash) < 0) return -1;
        return memcmp(hash, path->hash, sizeof hash) == 0;
    }
    if (place >= 0 && path->place >= 0 && place != path->place) return 0;
    if (rp_code_shape(code, hash) < 0) return -1;
    return memcmp(hash, path->shape, sizeof hash) == 0;
}

/* Of several that are equal, the one that stands where it stood. */
static int meet_wanted(code_search *search, PyCodeObject *code, Py_ssize_t place) {
    search->any = true;
    int wanted = is_wanted(search->path, code, place);
    if (wanted <= 0) return wanted;
    bool exact = place == search->path->place;
    if (search->code && !exact) return 0;
    Py_XSETREF(search->code, (PyCodeObject *)Py_NewRef((PyObject *)code));
    return exact;
}

int rp_code_path_find(const rp_module_state *state, const rp_code_path *path, PyObject *globals,
                      PyCodeObject **code, rp_code_found *found) {
    static int (*const stages[])(code_search *) = {walk_script, walk_frames, walk_named,
                                                   walk_functions, walk_loader};
    code_search search = {
        .state = state, .globals = globals, .name = path->name, .meet = meet_wanted, .path = path};
    int status = 0;
    for (size_t i = 0; i < sizeof stages / sizeof stages[0] && !status && !search.code; i++)
        status = stages[i](&search);
    search_release(&search);
    *code = NULL;
    if (status < 0) {
        Py_XDECREF(search.code);
        return -1;
    }
    *code = search.code;
    if (search.code)
        *found = path->version == RP_CODE_VERSION ? RP_CODE_FOUND : RP_CODE_LIKELY;
    else
        *found = search.any ? RP_CODE_CHANGED : RP_CODE_MISSING;
    return 0;
}
