/* The extension module resume._core: its state, types and functions. */
#include "module.h"

#include "checkpoint.h"
#include "decode.h"
#include "display.h"
#include "exact.h"
#include "lookup.h"
#include "opaque.h"
#include "continuation/probe_record.h"
#include "continuation/capture.h"
#include "continuation/probe_capture.h"
#include "continuation/probe_stack.h"
#include "probe.h"
#include "read_only.h"
#include "region.h"
#include "registered.h"
#include "report.h"
#include "resumable.h"
#include "script.h"
#include "testing.h"

#include "pycompat/hash_state.h"
#include "types/enums.h"
#include "types/exceptions.h"
#include "types/files.h"
#include "types/own_dict.h"
#include "types/rebuilt.h"
#include "types/sentinels.h"
#include "types/whole_state.h"

#include "continuation/record.h"

rp_module_state *rp_state_of_module(PyObject *module) {
    return PyModule_GetState(module);
}

rp_module_state *rp_state_of_type(PyTypeObject *type) {
    PyObject *module = PyType_GetModuleByDef(type, rp_module_definition());
    return module == NULL ? NULL : PyModule_GetState(module);
}

static PyObject *core_load(PyObject *module, PyObject *args, PyObject *kwargs) {
    static char *keywords[] = {"", "trusted", "lazy", NULL};
    PyObject *path, *trusted = Py_None;
    int lazy = 0;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O|$Op:load", keywords, &path, &trusted, &lazy))
        return NULL;
    return rp_load(rp_state_of_module(module), path, trusted, lazy);
}

static PyObject *core_list(PyObject *module, PyObject *args, PyObject *kwargs) {
    static char *keywords[] = {"folder", NULL};
    PyObject *folder = Py_None;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|O:list", keywords, &folder)) return NULL;
    return rp_list(rp_state_of_module(module), folder);
}

static PyObject *core_entry(PyObject *module, PyObject *path) {
    return rp_entry_of_path(rp_state_of_module(module), path);
}

static PyObject *core_cell_of(PyObject *module, PyObject *args) {
    PyObject *folder, *name;
    if (!PyArg_ParseTuple(args, "UU", &folder, &name)) return NULL;
    return rp_cell_that_saved(rp_state_of_module(module), folder, name);
}

/* What sets the state of arrays of a class of their own: saved states name it. */
static PyObject *core_set_attributes(PyObject *module, PyObject *const *args, Py_ssize_t count) {
    (void)module;
    if (count != 2 || !PyDict_Check(args[1])) {
        PyErr_SetString(PyExc_TypeError, "_set_attributes(object, dict)");
        return NULL;
    }
    if (rp_set_all_in_dict(args[0], args[1]) < 0) return NULL;
    Py_RETURN_NONE;
}

static PyMethodDef core_functions[] = {
    {"load", (PyCFunction)(void (*)(void))core_load, METH_VARARGS | METH_KEYWORDS,
     "load($module, path, /, *, trusted=(), lazy=False)\n--\n\nThe variables of a checkpoint: a "
     "dict, with "
     "`vars`, `extra`, `result`, `tracked`,\n`arguments` and `meta`.\n\nTakes no lock. A file that "
     "is not proven to be yours is data alone: it runs no code, and instances\nof classes are "
     "Opaque, but for the classes that `trusted` names. `path` may be the name of a\ncheckpoint in "
     "the default folder.\n\nlazy=True maps large arrays instead of reading them: at once, "
     "whatever "
     "their size, and not\nverified (verify() does it). The file must stay as it is: cutting it "
     "off "
     "ends the program."},
    {"list", (PyCFunction)(void (*)(void))core_list, METH_VARARGS | METH_KEYWORDS,
     "list($module, /, folder=None)\n--\n\nThe checkpoints of a folder, by name: named tuples.\n\n"
     "Takes no lock."},
    {"_entry", core_entry, METH_O, "_entry($module, path, /)\n--\n\nOf one file, or None."},
    {"_cell_of", core_cell_of, METH_VARARGS,
     "_cell_of($module, folder, name, /)\n--\n\n(hash, id) of the cell that saved, or None."},
    {"_cell_ended", rp_cell_ended, METH_O,
     "_cell_ended($module, success, /)\n--\n\nOf a notebook."},
    {"register", (PyCFunction)(void (*)(void))rp_register, METH_VARARGS | METH_KEYWORDS,
     "register($module, /, cls, save=None, load=None, *, old_name=None, enter=None)\n--\n\n"
     "Objects of this very class are saved as what save(object) gives and made by load(state).\n\n"
     "Without save, load() makes them anew: a connection, a lock. Without load, the state is\n"
     "given to __setstate__, or is a dict of attributes. `old_name`, \"module.Class\" or a list\n"
     "of such names: what the class was called when it was saved. Gives the class back.\n"
     "enter(manager) is called where a program goes on inside of a `with`, and does again what\n"
     "__enter__ did to the process; for a function that @contextmanager decorates it gets the\n"
     "variables of the generator. Without any of them, what was registered is forgotten."},
    {"resumable", (PyCFunction)(void (*)(void))rp_resumable_decorate, METH_VARARGS | METH_KEYWORDS,
     "resumable(function=None, /, *, name=None, rate=30, folder=None, key=None, expire=None,\n"
     "          on_change='error', on_error='warn', strict=False, random_state=True, keep=2,\n"
     "          compress='auto', ranks=None, memmap='path', track=False, overhead=0.02,\n"
     "          background=True, cache=False, signals=False)\n--\n\n"
     "A function that goes on at the very statement after it was killed.\n\n"
     "Use it as a decorator, with or without options, and call resume.sync() or resume.save() in\n"
     "the function or in what it calls. Called again with the same arguments, it goes on behind\n"
     "that call. cache=True keeps the result, too; key= is a text, or a function of the "
     "arguments."},
    {"_resumable", rp_resumable_again, METH_VARARGS,
     "_resumable($module, function, options, /)\n--\n\nNamed by saved states."},
    {"sync", (PyCFunction)(void (*)(void))rp_core_sync, METH_FASTCALL,
     "sync($module, /)\n--\n\nSave the position of the resumable call or program that runs, if "
     "`rate` seconds have passed\nsince its last save; true when it did.\n\nNot due, it costs a "
     "few "
     "nanoseconds."},
    {"save", rp_core_save, METH_NOARGS,
     "save($module, /)\n--\n\nSave the position of the resumable call or program that runs now; "
     "durable when it returns."},
    {"wait", rp_core_wait, METH_NOARGS,
     "wait($module, /)\n--\n\nReturn when everything that was saved is durable."},
    {"_stop", rp_stopping_handler, METH_VARARGS,
     "_stop($module, signal, frame, /)\n--\n\nFor "
     "signals."},
    {"_memory", rp_core_memory, METH_O, "_memory($module, size, /)\n--\n\nFor empty()."},
    {"_registered", rp_registered_make, METH_VARARGS,
     "_registered($module, name, state=None, /)\n--\n\nAn object of a registered class."},
    {"_at_exit", rp_at_exit, METH_NOARGS, "_at_exit($module, /)\n--\n\nFor atexit."},
    {"_go_on_with", (PyCFunction)(void (*)(void))rp_go_on_with, METH_FASTCALL,
     "_go_on_with($module, generator, /, *ignored)\n--\n\nNamed by saved states."},
    {"_set_attributes", (PyCFunction)(void (*)(void))core_set_attributes, METH_FASTCALL,
     "_set_attributes($module, object, attributes, /)\n--\n\nNamed by saved states."},
    {"_set_whole", (PyCFunction)(void (*)(void))rp_set_whole, METH_FASTCALL,
     "_set_whole($module, object, state, /)\n--\n\nNamed by saved states."},
    {"_set_dict", (PyCFunction)(void (*)(void))rp_set_dict, METH_FASTCALL,
     "_set_dict($module, object, state, /)\n--\n\nNamed by saved states."},
    {"_make_exception", rp_make_exception, METH_VARARGS,
     "_make_exception($module, class, /, *arguments)\n--\n\nNamed by saved states."},
    {"_set_exception", (PyCFunction)(void (*)(void))rp_set_exception, METH_FASTCALL,
     "_set_exception($module, exception, state, /)\n--\n\nNamed by saved states."},
    {"_enum_member", rp_enum_member, METH_VARARGS,
     "_enum_member($module, type, value, arguments, /)\n--\n\nCalled for saved enums."},
    {"_sentinel", rp_sentinel, METH_VARARGS,
     "_sentinel($module, module, names, type, /)\n--\n\nNamed by saved states."},
    {"_dead_reference", rp_dead_reference, METH_O,
     "_dead_reference($module, is_proxy, /)\n--\n\nNamed by saved states."},
    {"_make_lock", rp_make_lock, METH_VARARGS,
     "_make_lock($module, reentrant, count, /)\n--\n\nNamed by saved states."},
    {"_replaced", rp_replaced, METH_VARARGS,
     "_replaced($module, module, name, /)\n--\n\nNamed by saved states."},
    {"_hold_lock", rp_hold_lock, METH_VARARGS,
     "_hold_lock($module, module, name, count, /)\n--\n\nNamed by saved states."},
    {"_view", rp_make_view, METH_VARARGS,
     "_view($module, object, offset, size, format, shape, read_only, /)\n--\n\nNamed by saved "
     "states."},
    {"_make_scanner", rp_make_scanner, METH_VARARGS,
     "_make_scanner($module, pattern, string, pos, endpos, start, must_advance, /)\n--\n\nNamed by "
     "saved states."},
    {"_hash_state", rp_hash_state, METH_VARARGS,
     "_hash_state($module, hash, size, /)\n--\n\nBytes, for _hash_go_on; None: unknown."},
    {"_hash_go_on", rp_hash_go_on, METH_VARARGS,
     "_hash_go_on($module, hash, state, /)\n--\n\nA new one goes on where that one was."},
    {"_scandir_left", rp_core_scandir_left, METH_O,
     "_scandir_left($module, iterator, /)\n--\n\n(path, names that are left), None: it is over."},
    {"_file_position", rp_core_file_position, METH_O,
     "_file_position($module, file, /)\n--\n\nWhere it stands, for _file_seek."},
    {"_file_seek", rp_core_file_seek, METH_VARARGS,
     "_file_seek($module, file, position, /)\n--\n\nGoes to where _file_position found one."},
    {"_make_csv_reader", rp_make_csv_reader, METH_VARARGS,
     "_make_csv_reader($module, maker, source, lines, /)\n--\n\nNamed by saved states."},
    RP_TESTING_METHODS,
    {NULL, NULL, 0, NULL},
};

static int look_up_errors(rp_module_state *state) {
    const struct {
        const char *name;
        PyObject **where;
    } types[] = {
        {"ResumeError", &state->error},          {"CheckpointNotFound", &state->not_found},
        {"CheckpointDamaged", &state->damaged},  {"CheckpointUntrusted", &state->untrusted},
        {"CheckpointLocked", &state->locked},    {"CodeChanged", &state->code_changed},
        {"CheckpointIOError", &state->io_error}, {"CheckpointNameError", &state->bad_name},
        {"ResumeWarning", &state->warning}};
    PyObject *errors = PyImport_ImportModule("resume._errors");
    if (errors == NULL) return -1;
    int status = 0;
    for (size_t i = 0; status == 0 && i < sizeof types / sizeof types[0]; i++) {
        *types[i].where = PyObject_GetAttrString(errors, types[i].name);
        if (*types[i].where == NULL) status = -1;
    }
    Py_DECREF(errors);
    return status;
}

static PyTypeObject *add_type(PyObject *module, PyType_Spec *spec, PyTypeObject *base) {
    PyObject *type = PyType_FromModuleAndSpec(module, spec, (PyObject *)base);
    if (type != NULL && PyModule_AddType(module, (PyTypeObject *)type) < 0) Py_CLEAR(type);
    return (PyTypeObject *)type;
}

static int add_types(PyObject *module, rp_module_state *state) {
    state->checkpoint_type = add_type(module, &rp_checkpoint_spec, &PyDict_Type);
    state->null_checkpoint_type = add_type(module, &rp_null_checkpoint_spec, &PyDict_Type);
    state->report_type = add_type(module, &rp_report_spec, NULL);
    state->data_type = add_type(module, &rp_data_spec, &PyDict_Type);
    state->region_type = (PyTypeObject *)PyType_FromModuleAndSpec(module, &rp_region_spec, NULL);
    state->loop_type = (PyTypeObject *)PyType_FromModuleAndSpec(module, &rp_loop_spec, NULL);
    state->opaque_type = add_type(module, &rp_opaque_spec, NULL);
    state->script_type = add_type(module, &rp_script_spec, NULL);
    state->record_type = (PyTypeObject *)PyType_FromModuleAndSpec(module, &rp_record_spec, NULL);
    state->null_type = (PyTypeObject *)PyType_FromModuleAndSpec(module, &rp_null_spec, NULL);
    if (state->null_type) state->null = state->null_type->tp_alloc(state->null_type, 0);
    state->resumable_type = add_type(module, &rp_resumable_spec, NULL);
    state->entry_type = rp_entry_type_new();
    state->entries_type = add_type(module, &rp_entries_spec, &PyList_Type);
    if (!state->checkpoint_type || !state->null_checkpoint_type || !state->report_type ||
        !state->data_type || !state->region_type || !state->loop_type || !state->opaque_type ||
        !state->entry_type || !state->entries_type || !state->record_type || !state->script_type ||
        !state->null)
        return -1;
    return PyModule_AddType(module, state->entry_type);
}

/* Class attributes that a program may set, as with the original. */
static int add_class_attributes(rp_module_state *state) {
    PyObject *type = (PyObject *)state->checkpoint_type;
    state->expire_default = PyLong_FromLong(24 * 3600);
    state->folder_default = PyUnicode_FromString(".checkpoints");
    if (state->expire_default == NULL || state->folder_default == NULL) return -1;
    if (PyObject_SetAttrString(type, "CACHE_EXPIRE", state->expire_default) < 0) return -1;
    return PyObject_SetAttrString(type, "folder", state->folder_default);
}

/* The functions by which a program saves: a captured frame must stand in the call of one. */
static int look_up_savers(PyObject *module, rp_module_state *state) {
    static const char *const names[] = {"sync", "save", "_capture", "_capture_record"};
    PyObject *list = PyList_New(0);
    for (size_t i = 0; list && i < sizeof names / sizeof names[0]; i++) {
        PyObject *saver;
        if (rp_dict_find(PyModule_GetDict(module), names[i], &saver) < 0 ||
            (saver && PyList_Append(list, saver) < 0))
            Py_CLEAR(list);
        Py_XDECREF(saver);
    }
    state->savers = list ? PyList_AsTuple(list) : NULL;
    Py_XDECREF(list);
    return state->savers ? 0 : -1;
}

static int core_exec(PyObject *module) {
    rp_module_state *state = rp_state_of_module(module);
    if (PyInterpreterState_Get() != PyInterpreterState_Main()) {
        PyErr_SetString(PyExc_ImportError, "resume works in the main interpreter alone: import it "
                                           "there, or use another process");
        return -1;
    }
    if (rp_frame_self_test() < 0) return -1;
    state->os = rs_os_linux();
    state->registry = PyDict_New();
    state->saved_here = PySet_New(NULL);
    state->said_others = PySet_New(NULL);
    state->asked = PySet_New(NULL);
    state->turns = PyDict_New();
    atomic_init(&state->exact_never, 0);
    atomic_init(&state->exact_always, 1);
    state->exact_due = &state->exact_always;
    state->registered = PyDict_New();
    state->registered_names = PyDict_New();
    state->moved = PyDict_New();
    state->registered_maker = PyObject_GetAttrString(module, "_registered");
    state->sentinel_maker = PyObject_GetAttrString(module, "_sentinel");
    state->go_on_with = PyObject_GetAttrString(module, "_go_on_with");
    if (!state->registry || !state->saved_here || !state->said_others || !state->asked ||
        !state->turns || !state->registered || !state->registered_names || !state->moved ||
        !state->registered_maker || !state->sentinel_maker || !state->go_on_with)
        return -1;
    if (look_up_errors(state) < 0 || add_types(module, state) < 0) return -1;
    if (add_class_attributes(state) < 0) return -1;
    if (PyModule_AddFunctions(module, rp_probe_methods) < 0) return -1;
    if (PyModule_AddFunctions(module, rp_probe_stack_methods) < 0) return -1;
    if (PyModule_AddFunctions(module, rp_probe_record_methods) < 0) return -1;
    if (PyModule_AddFunctions(module, rp_probe_capture_methods) < 0) return -1;
    if (look_up_savers(module, state) < 0) return -1;
    return PyModule_AddStringConstant(module, "__version__", RESUME_VERSION);
}

/* Our own types and the module keep each other alive. */
#define FOR_EACH_TYPE(DO)                                                                          \
    DO(checkpoint_type)                                                                            \
    DO(null_checkpoint_type)                                                                       \
    DO(report_type)                                                                                \
    DO(loop_type)                                                                                  \
    DO(region_type)                                                                                \
    DO(data_type)                                                                                  \
    DO(opaque_type)                                                                                \
    DO(entry_type)                                                                                 \
    DO(entries_type)                                                                               \
    DO(script_type)                                                                                \
    DO(record_type)                                                                                \
    DO(null_type)                                                                                  \
    DO(resumable_type)
/* A Checkpoint that dies after the module was cleared still needs these. */
#define FOR_EACH_OTHER(DO)                                                                         \
    DO(error)                                                                                      \
    DO(not_found)                                                                                  \
    DO(damaged)                                                                                    \
    DO(untrusted)                                                                                  \
    DO(locked)                                                                                     \
    DO(code_changed)                                                                               \
    DO(io_error)                                                                                   \
    DO(bad_name)                                                                                   \
    DO(warning)                                                                                    \
    DO(expire_default)                                                                             \
    DO(folder_default)                                                                             \
    DO(registry)                                                                                   \
    DO(saved_here)                                                                                 \
    DO(asked)                                                                                      \
    DO(said_others)                                                                                \
    DO(turns)                                                                                      \
    DO(registered)                                                                                 \
    DO(registered_names)                                                                           \
    DO(moved)                                                                                      \
    DO(own_modules)                                                                                \
    DO(script_space)                                                                               \
    DO(script_code)                                                                                \
    DO(sentinel_maker)                                                                             \
    DO(registered_maker)                                                                           \
    DO(go_on_with)                                                                                 \
    DO(savers)                                                                                     \
    DO(null)

static int core_traverse(PyObject *module, visitproc visit, void *arg) {
    rp_module_state *state = rp_state_of_module(module);
#define VISIT(member) Py_VISIT(state->member);
    FOR_EACH_TYPE(VISIT)
    FOR_EACH_OTHER(VISIT)
#undef VISIT
    return rp_kinds_traverse(state, visit, arg);
}

#define CLEAR(member) Py_CLEAR(state->member);
static int core_clear(PyObject *module) {
    rp_module_state *state = rp_state_of_module(module);
    FOR_EACH_TYPE(CLEAR)
    rp_kinds_release(state);
    return 0;
}

static void core_free(void *module) {
    rp_module_state *state = rp_state_of_module(module);
    FOR_EACH_TYPE(CLEAR)
    FOR_EACH_OTHER(CLEAR)
    rp_kinds_release(state);
}
#undef CLEAR

static PyModuleDef_Slot core_slots[] = {{Py_mod_exec, core_exec}, {0, NULL}};

static PyModuleDef core_definition = {
    PyModuleDef_HEAD_INIT,
    .m_name = "resume._core",
    .m_doc = "Checkpoints of running Python functions.",
    .m_size = sizeof(rp_module_state),
    .m_methods = core_functions,
    .m_slots = core_slots,
    .m_traverse = core_traverse,
    .m_clear = core_clear,
    .m_free = core_free,
};

struct PyModuleDef *rp_module_definition(void) {
    return &core_definition;
}

PyMODINIT_FUNC PyInit__core(void);
PyMODINIT_FUNC PyInit__core(void) {
    return PyModuleDef_Init(&core_definition);
}
