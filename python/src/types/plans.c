/* How the instances of each class are written: looked up once for each class and save. */
#include "../encode.h"
#include "../lookup.h"
#include "../pycompat/functions.h"
#include "../pycompat/scandir.h"
#include "../registered.h"
#include "whole_state.h"

#include "base/alloc.h"

static int look_up_copyreg(rp_encoder *encoder) {
    PyObject *copyreg = PyImport_ImportModule("copyreg");
    if (copyreg) encoder->dispatch_table = PyObject_GetAttrString(copyreg, "dispatch_table");
    if (encoder->dispatch_table) encoder->newobj = PyObject_GetAttrString(copyreg, "__newobj__");
    int status = encoder->newobj ? rp_slot_names_begin(encoder, copyreg) : -1;
    Py_XDECREF(copyreg);
    return status;
}

bool rp_plan_is_inherited(PyTypeObject *type, PyTypeObject *base, const char *name) {
    PyObject *text = PyUnicode_InternFromString(name);
    bool own = text && rp_type_lookup(type, text) == rp_type_lookup(base, text);
    PyErr_Clear();
    Py_XDECREF(text);
    return own;
}

/* What object.__reduce_ex__ asks for the state is all that instances of the class hold. */
static bool has_own_layout(PyTypeObject *type, Py_ssize_t slot_count) {
    const Py_ssize_t word = (Py_ssize_t)sizeof(PyObject *);
    Py_ssize_t size = PyBaseObject_Type.tp_basicsize + slot_count * word;
    if (type->tp_dictoffset > 0) size += word;
    if (type->tp_weaklistoffset > 0) size += word;
    return type->tp_itemsize == 0 && type->tp_basicsize <= size;
}

/* The state of a frozen dataclass with slots is what is in them: it is asked for less than that. */
static bool has_own_state(PyTypeObject *type) {
    return rp_plan_is_inherited(type, &PyBaseObject_Type, "__getstate__") ||
           rp_is_of_dataclasses(rp_class_attribute(type, "__getstate__"), "_dataclass_getstate");
}

/* 1: its instances reduce as those of `object`. 0: ask them. -1: exception. */
static int find_plain(rp_encoder *encoder, rp_plan *plan) {
    static const char *const names[] = {"__reduce_ex__",    "__reduce__", "__getnewargs__",
                                        "__getattribute__", "__class__",  "__getnewargs_ex__"};
    PyTypeObject *type = plan->type;
    if (!(type->tp_flags & Py_TPFLAGS_HEAPTYPE) || PyType_IsSubtype(type, &PyList_Type) ||
        PyType_IsSubtype(type, &PyDict_Type))
        return 0;
    bool hides = encoder->generators && rp_hides_state(type);
    if (!hides && !has_own_state(type)) return 0;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (!rp_plan_is_inherited(type, &PyBaseObject_Type, names[i])) return 0;
    int listed = PyDict_Check(encoder->dispatch_table)
                     ? PyDict_Contains(encoder->dispatch_table, (PyObject *)type)
                     : 1;
    if (listed) return listed < 0 ? -1 : 0;
    PyObject *slots = PyObject_CallOneArg(encoder->slotnames, (PyObject *)type);
    if (!slots) return -1;
    Py_ssize_t count = PyList_CheckExact(slots) ? PyList_GET_SIZE(slots) : 0;
    if (count > 0) plan->slot_names = Py_NewRef(slots);
    Py_DECREF(slots);
    plan->sets_state = !rp_plan_is_inherited(type, &PyBaseObject_Type, "__setstate__");
    if (!has_own_layout(type, count)) return 0;
    int asked = hides ? PySet_Contains(encoder->state->asked, (PyObject *)type) : 0;
    plan->whole = hides && asked == 0;
    return asked < 0 ? -1 : !hides;
}

typedef struct class_name {
    const char *module, *name;
} class_name;

static const class_name outside[] = {{"threading", "Thread"}, {"subprocess", "Popen"}};

static const class_name in_library[] = {
    {"concurrent.futures.thread", "ThreadPoolExecutor"},
    {"multiprocessing.pool", "Pool"},
    {"multiprocessing.pool", "ApplyResult"},
    {"multiprocessing.process", "BaseProcess"},
    {"multiprocessing.queues", "Queue"},
    {"socket", "socket"},
    {"sqlite3", "Connection"},
    {"sqlite3", "Cursor"},
    {"selectors", "BaseSelector"},
    {"asyncio.runners", "Runner"},
    {"weakref", "finalize"},
    {"codecs", "StreamReaderWriter"},
    {"codecs", "StreamRecoder"},
    {"codecs", "StreamReader"},
    {"codecs", "StreamWriter"},
    {"_json", "make_scanner"},
    {"_hashlib", "HASH"},
    {"posix", "DirEntry"},
    {"random", "SystemRandom"},
    {"_queue", "SimpleQueue"},
    {"numpy", "flatiter"},
    {"numpy", "broadcast"},
    {"numpy.lib.npyio", "BagObj"},
    {"numpy.lib._npyio_impl", "BagObj"},
    {"pandas.io.parsers.readers", "TextFileReader"},
};

/* 1: of one of these classes, as far as they are imported. 0, -1. */
static int is_one_of(PyTypeObject *type, const class_name *names, size_t count) {
    int found = 0;
    for (size_t i = 0; !found && i < count; i++) {
        PyObject *module, *class = NULL;
        found = rp_module_find(names[i].module, &module);
        if (found <= 0) continue;
        class = PyObject_GetAttrString(module, names[i].name);
        found = class && PyType_Check(class) ? PyType_IsSubtype(type, (PyTypeObject *)class) : 0;
        if (!class && !PyErr_ExceptionMatches(PyExc_AttributeError)) found = -1;
        if (!class && found == 0) PyErr_Clear(); /* the module is being imported */
        Py_XDECREF(class);
        Py_DECREF(module);
    }
    return found;
}

static bool is_of_typing(PyTypeObject *type) {
    PyObject *module = PyObject_GetAttrString((PyObject *)type, "__module__");
    bool is = module && PyUnicode_Check(module) &&
              (PyUnicode_CompareWithASCIIString(module, "typing") == 0 ||
               PyUnicode_CompareWithASCIIString(module, "annotationlib") == 0);
    if (!module) PyErr_Clear();
    Py_XDECREF(module);
    return is;
}

static rp_plan *add(rp_encoder *encoder, PyTypeObject *type) {
    if (encoder->plan_count == encoder->plan_capacity) {
        size_t capacity = encoder->plan_capacity ? encoder->plan_capacity * 2 : 16;
        rp_plan *plans = rs_reallocate_array(encoder->plans, capacity, sizeof *plans);
        if (!plans) return NULL;
        encoder->plans = plans;
        encoder->plan_capacity = capacity;
    }
    int registered = rp_registered_has(encoder->state, type);
    int is_outside = registered < 0 ? -1 : is_one_of(type, outside, 2);
    int library = is_outside < 0 ? -1 : 0;
    if (is_outside == 0 && encoder->generators)
        library = rp_is_scandir_type(type)
                      ? 1
                      : is_one_of(type, in_library, sizeof in_library / sizeof *in_library);
    if (library < 0) return NULL;
    if (!rp_memo_add(&encoder->plan_memo, (PyObject *)type, encoder->plan_count)) return NULL;
    rp_plan *plan = &encoder->plans[encoder->plan_count++];
    *plan = (rp_plan){.type = type,
                      .registered = registered > 0,
                      .outside = is_outside > 0,
                      .library = library > 0,
                      .typing = is_of_typing(type)};
    return plan;
}

const rp_plan *rp_plan_of(rp_encoder *encoder, PyTypeObject *type) {
    size_t index;
    if (rp_memo_find(&encoder->plan_memo, (PyObject *)type, &index)) return &encoder->plans[index];
    if (!encoder->slotnames && look_up_copyreg(encoder) < 0) return NULL;
    rp_plan *plan = add(encoder, type);
    if (!plan) {
        PyErr_NoMemory();
        return NULL;
    }
    int plain = plan->registered || plan->typing ? 0 : find_plain(encoder, plan);
    plan->plain = plain > 0;
    return plain < 0 ? NULL : plan;
}

int rp_has_reducer(rp_encoder *encoder, PyTypeObject *type) {
    if (!encoder->newobj && look_up_copyreg(encoder) < 0) return -1;
    if (!PyDict_CheckExact(encoder->dispatch_table)) return 0;
    return PyDict_Contains(encoder->dispatch_table, (PyObject *)type);
}

void rp_plans_release(rp_encoder *encoder) {
    for (size_t i = 0; i < encoder->plan_count; i++)
        Py_XDECREF(encoder->plans[i].slot_names);
    rs_free(encoder->plans);
    rp_memo_release(&encoder->plan_memo);
    Py_CLEAR(encoder->dispatch_table);
    Py_CLEAR(encoder->newobj);
    rp_slot_names_end(encoder);
}
