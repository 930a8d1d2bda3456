/* Classes whose functions a library has written, at run time: dataclasses, named tuples, enums.
 * Such functions are not stored: the library writes them again. */
#include "made_classes.h"

#include "../lookup.h"
#include "enums.h"
#include "../pycompat/stack.h"

/* ---- what a library has written ---- */

static bool is_written(PyObject *function) {
    if (!function || !PyFunction_Check(function)) return false;
    PyCodeObject *code = (PyCodeObject *)PyFunction_GET_CODE(function);
    return PyUnicode_CompareWithASCIIString(code->co_filename, "<string>") == 0;
}

/* By exec, also behind a decorator, a staticmethod or a classmethod. 1, 0 or -1. */
static int is_written_value(PyObject *value) {
    PyObject *inner = NULL;
    int status = 0;
    if (is_written(value)) return 1;
    if (PyFunction_Check(value)) {
        PyObject *dict = ((PyFunctionObject *)value)->func_dict;
        status = dict ? rp_dict_find(dict, "__wrapped__", &inner) : 0;
    } else if (rp_is_descriptor(value) && !Py_IS_TYPE(value, &PyProperty_Type)) {
        inner = PyObject_GetAttrString(value, "__func__");
        status = inner ? 0 : -1;
    }
    if (status >= 0) status = is_written(inner);
    Py_XDECREF(inner);
    return status;
}

static int take_out_written(PyObject *attributes) {
    PyObject *copy = PyDict_Copy(attributes), *name, *value;
    int status = copy ? 0 : -1;
    for (Py_ssize_t at = 0; status == 0 && PyDict_Next(copy, &at, &name, &value);) {
        status = is_written_value(value);
        if (status > 0) status = PyDict_DelItem(attributes, name);
    }
    Py_XDECREF(copy);
    return status;
}

static int take_out(PyObject *attributes, const char *name) {
    PyObject *value;
    int status = rp_dict_find(attributes, name, &value);
    Py_XDECREF(value);
    return status <= 0 ? status : PyDict_DelItemString(attributes, name);
}

/* ---- dataclasses ---- */

/* A dict of those attributes of `object` that it has, are not MISSING, and stand in `names`. */
static PyObject *attributes_by_name(PyObject *object, const char *const *names, size_t count,
                                    PyObject *missing) {
    PyObject *dict = PyDict_New();
    for (size_t i = 0; dict && i < count; i++) {
        PyObject *value = PyObject_GetAttrString(object, names[i]);
        if (!value && PyErr_ExceptionMatches(PyExc_AttributeError)) {
            PyErr_Clear(); /* of a later version */
            continue;
        }
        if (!value || (value != missing && PyDict_SetItemString(dict, names[i], value) < 0))
            Py_CLEAR(dict);
        Py_XDECREF(value);
    }
    return dict;
}

static PyObject *arguments_of_field(PyObject *field, PyObject *module) {
    static const char *const names[] = {"default", "default_factory", "init",   "repr",
                                        "hash",    "compare",         "kw_only"};
    PyObject *missing = PyObject_GetAttrString(module, "MISSING"), *metadata = NULL, *copy = NULL;
    PyObject *arguments =
        missing ? attributes_by_name(field, names, sizeof names / sizeof names[0], missing) : NULL;
    if (arguments) metadata = PyObject_GetAttrString(field, "metadata"); /* a mapping proxy */
    if (metadata) copy = PyDict_New();
    if (!copy || PyDict_Update(copy, metadata) < 0 ||
        (PyDict_GET_SIZE(copy) > 0 && PyDict_SetItemString(arguments, "metadata", copy) < 0))
        Py_CLEAR(arguments);
    Py_XDECREF(copy);
    Py_XDECREF(metadata);
    Py_XDECREF(missing);
    return arguments;
}

/* [name, type, arguments], or with null instead of these for what is no field of instances. */
static PyObject *describe_field(PyObject *name, PyObject *field, PyObject *module) {
    PyObject *kind = PyObject_GetAttrString(field, "_field_type"), *arguments = NULL;
    PyObject *usual = kind ? PyObject_GetAttrString(module, "_FIELD") : NULL;
    PyObject *type = usual ? PyObject_GetAttrString(field, "type") : NULL, *described = NULL;
    if (type) arguments = kind == usual ? arguments_of_field(field, module) : Py_NewRef(Py_None);
    if (arguments) described = Py_BuildValue("[OOO]", name, type, arguments);
    Py_XDECREF(arguments);
    Py_XDECREF(type);
    Py_XDECREF(usual);
    Py_XDECREF(kind);
    return described;
}

/* Those that the class itself has added: inherited ones are known from its bases. */
static PyObject *describe_fields(PyTypeObject *type, PyObject *fields, PyObject *module) {
    PyObject *list = PyList_New(0), *name, *field;
    for (Py_ssize_t at = 0; list && PyDict_Next(fields, &at, &name, &field);) {
        PyObject *inherited = NULL, *described = NULL;
        int is_own = 1;
        if (type->tp_base->tp_dict || type->tp_base->tp_flags & Py_TPFLAGS_HEAPTYPE) {
            PyObject *of_base =
                PyObject_GetAttrString((PyObject *)type->tp_base, "__dataclass_fields__");
            PyErr_Clear();
            if (of_base && PyDict_Check(of_base)) inherited = PyDict_GetItem(of_base, name);
            is_own = inherited != field;
            Py_XDECREF(of_base);
        }
        if (!is_own) continue;
        described = describe_field(name, field, module);
        if (!described || PyList_Append(list, described) < 0) Py_CLEAR(list);
        Py_XDECREF(described);
    }
    return list;
}

static int prepare_dataclass(PyTypeObject *type, PyObject *attributes, PyObject *fields) {
    static const char *const names[] = {"init", "repr", "eq", "order", "unsafe_hash", "frozen"};
    PyObject *module = PyImport_ImportModule("dataclasses"), *list = NULL, *value = NULL;
    PyObject *parameters = NULL, *how = NULL, *hash = NULL;
    int status = -1;
    if (!module || rp_dict_find(attributes, "__dataclass_params__", &parameters) <= 0) goto done;
    value = attributes_by_name(parameters, names, sizeof names / sizeof names[0], NULL);
    list = value ? describe_fields(type, fields, module) : NULL;
    how = list ? Py_BuildValue("[OO]", value, list) : NULL;
    if (!how || take_out_written(attributes) < 0 ||
        PyDict_SetItemString(attributes, RP_DATACLASS, how) < 0 ||
        take_out(attributes, "__dataclass_params__") < 0 ||
        take_out(attributes, "__dataclass_fields__") < 0)
        goto done;
    status = rp_dict_find(attributes, "__hash__", &hash);
    if (status > 0 && hash == Py_None) status = take_out(attributes, "__hash__");
    if (status > 0) status = 0;
done:
    Py_XDECREF(hash);
    Py_XDECREF(how);
    Py_XDECREF(list);
    Py_XDECREF(value);
    Py_XDECREF(parameters);
    Py_XDECREF(module);
    return status;
}

/* The class gets the field where the class statement had it. What stands there (the slot) is put
 * aside. */
static int set_field(PyObject *class, PyObject *module, PyObject *described, PyObject *aside,
                     PyObject *annotations) {
    PyObject *name = PyList_GET_ITEM(described, 0), *arguments = PyList_GET_ITEM(described, 2);
    if (PyDict_SetItem(annotations, name, PyList_GET_ITEM(described, 1)) < 0) return -1;
    if (!PyDict_Check(arguments)) return 0;
    PyObject *slot = PyDict_GetItemWithError(((PyTypeObject *)class)->tp_dict, name);
    if (slot && Py_IS_TYPE(slot, &PyMemberDescr_Type) && PyDict_SetItem(aside, name, slot) < 0)
        return -1;
    PyObject *make = PyObject_GetAttrString(module, "field"), *none = PyTuple_New(0);
    PyObject *field = make && none ? PyObject_Call(make, none, arguments) : NULL;
    int status = field ? PyType_Type.tp_setattro(class, name, field) : -1;
    Py_XDECREF(field);
    Py_XDECREF(none);
    Py_XDECREF(make);
    return status;
}

static int set_each(PyObject *class, PyObject *values) {
    PyObject *name, *value;
    for (Py_ssize_t at = 0; PyDict_Next(values, &at, &name, &value);)
        if (PyType_Type.tp_setattro(class, name, value) < 0) return -1;
    return 0;
}

/* Names become source code in dataclass(). */
static bool is_described(PyObject *described) {
    if (!PyList_CheckExact(described) || PyList_GET_SIZE(described) != 3) return false;
    PyObject *name = PyList_GET_ITEM(described, 0), *arguments = PyList_GET_ITEM(described, 2);
    return name && PyUnicode_CheckExact(name) && PyUnicode_IsIdentifier(name) && arguments &&
           (arguments == Py_None || PyDict_CheckExact(arguments));
}

/* The fields of what describes a dataclass; borrowed, or NULL with an exception. */
static PyObject *fields_of(PyObject *how) {
    PyObject *fields = NULL;
    if (PyList_CheckExact(how) && PyList_GET_SIZE(how) == 2 &&
        PyDict_CheckExact(PyList_GET_ITEM(how, 0)) && PyList_CheckExact(PyList_GET_ITEM(how, 1)))
        fields = PyList_GET_ITEM(how, 1);
    for (Py_ssize_t i = 0; fields && i < PyList_GET_SIZE(fields); i++)
        if (!is_described(PyList_GET_ITEM(fields, i))) fields = NULL;
    if (!fields) PyErr_SetString(PyExc_TypeError, "a dataclass is described in an unknown way");
    return fields;
}

/* dataclass(class, ...) with these annotations alone: what else is annotated the library knew how
 * to tell by its identity. */
static int decorate(PyObject *class, PyObject *module, PyObject *annotations,
                    PyObject *parameters) {
    PyObject *before = PyObject_GetAttrString(class, "__annotations__"), *done = NULL;
    PyObject *function = PyObject_GetAttrString(module, "dataclass");
    PyObject *arguments = PyTuple_Pack(1, class);
    if (before && function && arguments &&
        PyObject_SetAttrString(class, "__annotations__", annotations) == 0)
        done = PyObject_Call(function, arguments, parameters);
    int status = done ? PyObject_SetAttrString(class, "__annotations__", before) : -1;
    Py_XDECREF(done);
    Py_XDECREF(arguments);
    Py_XDECREF(function);
    Py_XDECREF(before);
    return status;
}

static int finish_dataclass(PyObject *class, PyObject *how) {
    PyObject *fields = fields_of(how), *module = NULL;
    PyObject *aside = PyDict_New(), *annotations = PyDict_New();
    int status = fields && aside && annotations ? 0 : -1;
    if (!status) module = PyImport_ImportModule("dataclasses");
    if (!module) status = -1;
    for (Py_ssize_t i = 0; !status && i < PyList_GET_SIZE(fields); i++)
        status = set_field(class, module, PyList_GET_ITEM(fields, i), aside, annotations);
    if (!status) status = decorate(class, module, annotations, PyList_GET_ITEM(how, 0));
    if (!status) status = set_each(class, aside);
    Py_XDECREF(annotations);
    Py_XDECREF(aside);
    Py_XDECREF(module);
    return status;
}

/* ---- named tuples ---- */

static int prepare_named_tuple(PyObject *attributes) {
    if (take_out_written(attributes) < 0) return -1;
    return PyDict_SetItemString(attributes, RP_NAMED_TUPLE, Py_True);
}

/* Its __new__ is that of a new one of the same fields. */
static int finish_named_tuple(PyObject *class) {
    PyObject *collections = PyImport_ImportModule("collections"), *new = NULL, *twin = NULL;
    PyObject *fields = PyObject_GetAttrString(class, "_fields"), *values = NULL, *options = NULL;
    PyObject *defaults = PyObject_GetAttrString(class, "_field_defaults"), *arguments = NULL;
    PyObject *make = collections ? PyObject_GetAttrString(collections, "namedtuple") : NULL;
    int status = -1;
    if (defaults) values = PyMapping_Values(defaults);
    if (values) options = Py_BuildValue("{sO}", "defaults", values);
    if (fields) arguments = Py_BuildValue("(sO)", ((PyTypeObject *)class)->tp_name, fields);
    if (make && options && arguments) twin = PyObject_Call(make, arguments, options);
    if (twin && rp_dict_find(((PyTypeObject *)twin)->tp_dict, "__new__", &new) > 0)
        status = PyObject_SetAttrString(class, "__new__", new);
    Py_XDECREF(new);
    Py_XDECREF(twin);
    Py_XDECREF(arguments);
    Py_XDECREF(options);
    Py_XDECREF(values);
    Py_XDECREF(make);
    Py_XDECREF(defaults);
    Py_XDECREF(fields);
    Py_XDECREF(collections);
    return status;
}

/* ---- in the middle of it ---- */

/* Functions of a library that have the class in this variable until all of it is written. */
static const struct maker {
    const char *module, *function, *variable;
} makers[] = {
    {"dataclasses", "_process_class", "cls"},
    {"dataclasses", "_add_slots", "cls"},
    {"enum", "EnumType.__new__", "enum_class"},
};

static const struct maker *maker_of(PyFrameObject *frame, const PyCodeObject *code) {
    for (size_t i = 0; i < sizeof makers / sizeof makers[0]; i++) {
        if (PyUnicode_CompareWithASCIIString(code->co_qualname, makers[i].function) != 0) continue;
        PyObject *globals = PyFrame_GetGlobals(frame);
        PyObject *name = PyDict_GetItemString(globals, "__name__"); /* borrowed */
        bool is = name && PyUnicode_Check(name) &&
                  PyUnicode_CompareWithASCIIString(name, makers[i].module) == 0;
        Py_DECREF(globals);
        if (is) return &makers[i];
    }
    return NULL;
}

static bool has_in_variable(PyFrameObject *frame, const PyCodeObject *code, const char *variable,
                            const void *object) {
    for (int i = 0; i < code->co_nlocalsplus; i++) {
        PyObject *name = PyTuple_GET_ITEM(code->co_localsplusnames, i);
        if (PyUnicode_CompareWithASCIIString(name, variable) != 0) continue;
        rp_slot slot = rp_stack_get(frame, i);
        if (slot.kind != RP_SLOT_OBJECT) continue;
        PyObject *found = PyCell_Check(slot.object) ? PyCell_GET(slot.object) : slot.object;
        Py_DECREF(slot.object); /* compared only */
        if (found == object) return true;
    }
    return false;
}

static bool is_being_made(const PyTypeObject *type) {
    PyFrameObject *frame = PyThreadState_GetFrame(PyThreadState_Get());
    bool found = false;
    while (frame && !found) {
        PyCodeObject *code = PyFrame_GetCode(frame);
        const struct maker *maker = maker_of(frame, code);
        found = maker && has_in_variable(frame, code, maker->variable, type);
        Py_DECREF(code);
        Py_SETREF(frame, PyFrame_GetBack(frame));
    }
    Py_XDECREF((PyObject *)frame);
    return found;
}

/* ---- all ---- */

int rp_made_class_is_begun(PyTypeObject *type) {
    PyObject *parameters = NULL;
    int found = rp_is_enum(Py_TYPE(type));
    /* the first that is set */
    if (!found) found = rp_dict_find(type->tp_dict, "__dataclass_params__", &parameters);
    Py_XDECREF(parameters);
    return found > 0 ? is_being_made(type) : found;
}

int rp_made_class_prepare(PyTypeObject *type, PyObject *beginning, PyObject *attributes) {
    PyObject *fields = NULL;
    int found = rp_is_enum(Py_TYPE(type));
    if (found) return found < 0 ? -1 : rp_enum_prepare(type, beginning, attributes);
    found = rp_dict_find(attributes, "__dataclass_fields__", &fields);
    if (found > 0 && PyDict_Check(fields)) found = prepare_dataclass(type, attributes, fields);
    Py_CLEAR(fields);
    if (found < 0) return -1;
    found = PyType_IsSubtype(type, &PyTuple_Type)
                ? rp_dict_find(attributes, "_field_defaults", &fields)
                : 0;
    Py_XDECREF(fields);
    return found > 0 ? prepare_named_tuple(attributes) : found;
}

int rp_made_class_finish(PyObject *class, PyObject *attributes) {
    PyObject *how;
    int found = rp_dict_find(attributes, RP_DATACLASS, &how);
    if (found > 0) found = finish_dataclass(class, how);
    Py_XDECREF(how);
    if (found < 0) return -1;
    if (rp_enum_finish(class, attributes) < 0) return -1;
    found = rp_dict_find(attributes, RP_NAMED_TUPLE, &how);
    Py_XDECREF(how);
    return found > 0 ? finish_named_tuple(class) : found;
}
