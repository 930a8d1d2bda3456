/* A hash of what a code object does, nested code and constants included. */
#include "code.h"

#include "base/alloc.h"
#include "base/buffer.h"
#include "base/bytes.h"
#include "format/hash.h"
#include "pycompat/bytecode.h"

/* A tuple whose items are being written. */
typedef struct open_tuple {
    PyObject *items;
    Py_ssize_t next;
    bool unordered; /* of a frozenset: the sum of the items' hashes stands for them */
    size_t start;   /* of the item being written */
    rs_hash128 sum;
} open_tuple;

typedef struct code_writer {
    rs_buffer buffer;
    open_tuple *frames;
    size_t count, capacity;
} code_writer;

static void put_number(code_writer *writer, uint64_t number) {
    uint8_t bytes[8];
    rs_store_u64(bytes, number);
    rs_buffer_append(&writer->buffer, bytes, sizeof bytes);
}

static void put_bytes(code_writer *writer, char tag, const void *bytes, size_t size) {
    rs_buffer_append(&writer->buffer, &tag, 1);
    put_number(writer, size);
    rs_buffer_append(&writer->buffer, bytes, size);
}

static int put_text(code_writer *writer, char tag, PyObject *text) {
    PyObject *bytes = PyUnicode_AsEncodedString(text, "utf-8", "surrogatepass");
    if (!bytes) return -1;
    put_bytes(writer, tag, PyBytes_AS_STRING(bytes), (size_t)PyBytes_GET_SIZE(bytes));
    Py_DECREF(bytes);
    return 0;
}

static int put_int(code_writer *writer, PyObject *value) {
    PyObject *text = PyNumber_ToBase(value, 16);
    if (!text) return -1;
    int result = put_text(writer, 'i', text);
    Py_DECREF(text);
    return result;
}

/* Takes over the reference to `items`, also on failure; NULL passes a failure on. */
static int push_take(code_writer *writer, char tag, PyObject *items, bool unordered) {
    if (!items) return -1;
    if (writer->count == writer->capacity) {
        size_t capacity = writer->capacity ? 2 * writer->capacity : 16;
        open_tuple *frames = rs_reallocate_array(writer->frames, capacity, sizeof *frames);
        if (!frames) {
            Py_DECREF(items);
            PyErr_NoMemory();
            return -1;
        }
        writer->frames = frames;
        writer->capacity = capacity;
    }
    rs_buffer_append(&writer->buffer, &tag, 1);
    put_number(writer, (uint64_t)PyTuple_GET_SIZE(items));
    writer->frames[writer->count++] =
        (open_tuple){.items = items, .unordered = unordered, .start = writer->buffer.size};
    return 0;
}

/* Names that the compiler stores in class bodies and modules with values that depend on the place
 * in the file (3.13), on the hash seed (3.13), or are documentation. */
static bool is_description(PyObject *name) {
    return PyUnicode_CompareWithASCIIString(name, "__doc__") == 0 ||
           PyUnicode_CompareWithASCIIString(name, "__firstlineno__") == 0 ||
           PyUnicode_CompareWithASCIIString(name, "__static_attributes__") == 0;
}

/* Writes the byte code; constants that only describe become None in `constants` (a new tuple). */
static int put_byte_code(code_writer *writer, PyCodeObject *code, PyObject *names,
                         PyObject *constants) {
    rp_bytecode bytecode = {0};
    int result = -1;
    uint8_t *bytes;
    if (rp_bytecode_init(&bytecode, code)) goto done;
    put_number(writer, (uint64_t)bytecode.size);
    bytes = rs_buffer_reserve(&writer->buffer, (size_t)bytecode.size);
    if (!bytes) {
        PyErr_NoMemory();
        goto done;
    }
    memcpy(bytes, bytecode.code, (size_t)bytecode.size);
    writer->buffer.size += (size_t)bytecode.size;
    for (int i = 1; i < bytecode.instruction_count; i++) {
        const rp_instruction *store = &bytecode.instructions[i], *load = store - 1;
        if (store->meaning != RP_MEANS_STORE_NAME || store->name >= PyTuple_GET_SIZE(names) ||
            !is_description(PyTuple_GET_ITEM(names, store->name)))
            continue;
        if (load->meaning == RP_MEANS_CONSTANT && load->argument < PyTuple_GET_SIZE(constants)) {
            PyTuple_SetItem(constants, load->argument, Py_NewRef(Py_None));
        } else {
            /* a small number may be in the instruction itself */
            memset(bytes + load->start, 0, (size_t)(load->next - load->start));
        }
    }
    result = 0;
done:
    rp_bytecode_release(&bytecode);
    return result;
}

static PyObject *copy_of_tuple(PyObject *tuple) {
    Py_ssize_t size = PyTuple_GET_SIZE(tuple);
    PyObject *copy = PyTuple_New(size);
    for (Py_ssize_t i = 0; copy && i < size; i++)
        PyTuple_SET_ITEM(copy, i, Py_NewRef(PyTuple_GET_ITEM(tuple, i)));
    return copy;
}

static int put_names(code_writer *writer, PyCodeObject *code, const char *attribute) {
    PyObject *names = PyObject_GetAttrString((PyObject *)code, attribute);
    if (!names) return -1;
    int result = 0;
    put_number(writer, (uint64_t)PyTuple_GET_SIZE(names));
    for (Py_ssize_t i = 0; result == 0 && i < PyTuple_GET_SIZE(names); i++)
        result = put_text(writer, 's', PyTuple_GET_ITEM(names, i));
    Py_DECREF(names);
    return result;
}

/* Everything but the constants, which are pushed. */
static int put_code(code_writer *writer, PyCodeObject *code) {
    PyObject *names = PyObject_GetAttrString((PyObject *)code, "co_names");
    PyObject *table = names ? PyObject_GetAttrString((PyObject *)code, "co_exceptiontable") : NULL;
    PyObject *all = table ? PyObject_GetAttrString((PyObject *)code, "co_consts") : NULL;
    PyObject *constants = all ? copy_of_tuple(all) : NULL;
    int result = -1;
    if (!constants) goto done;
    if (rp_bytecode_has_docstring(code, constants))
        PyTuple_SetItem(constants, 0, Py_NewRef(Py_None));
    put_number(writer, (uint64_t)code->co_flags);
    put_number(writer, (uint64_t)code->co_argcount);
    put_number(writer, (uint64_t)code->co_posonlyargcount);
    put_number(writer, (uint64_t)code->co_kwonlyargcount);
    if (put_byte_code(writer, code, names, constants)) goto done;
    put_bytes(writer, 'e', PyBytes_AS_STRING(table), (size_t)PyBytes_GET_SIZE(table));
    if (put_names(writer, code, "co_names") || put_names(writer, code, "co_varnames") ||
        put_names(writer, code, "co_freevars") || put_names(writer, code, "co_cellvars"))
        goto done;
    result = push_take(writer, 'C', Py_NewRef(constants), false);
done:
    Py_XDECREF(names);
    Py_XDECREF(table);
    Py_XDECREF(all);
    Py_XDECREF(constants);
    return result;
}

static void put_double(code_writer *writer, char tag, double value) {
    put_bytes(writer, tag, &value, sizeof value);
}

/* By exact type: what the compiler makes constants of. Anything else was put there by a tool, and
 * only its type counts: a value of unknown kind has no stable content. */
static int put_value(code_writer *writer, PyObject *value) {
    if (value == Py_None || value == Py_True || value == Py_False || value == Py_Ellipsis) {
        put_bytes(writer,
                  value == Py_None    ? 'N'
                  : value == Py_True  ? 'T'
                  : value == Py_False ? 'F'
                                      : '.',
                  NULL, 0);
        return 0;
    }
    if (PyLong_CheckExact(value)) return put_int(writer, value);
    if (PyUnicode_CheckExact(value)) return put_text(writer, 's', value);
    if (PyFloat_CheckExact(value)) {
        put_double(writer, 'f', PyFloat_AS_DOUBLE(value));
        return 0;
    }
    if (PyComplex_CheckExact(value)) {
        put_double(writer, 'c', PyComplex_RealAsDouble(value));
        put_double(writer, 'c', PyComplex_ImagAsDouble(value));
        return 0;
    }
    if (PyBytes_CheckExact(value)) {
        put_bytes(writer, 'b', PyBytes_AS_STRING(value), (size_t)PyBytes_GET_SIZE(value));
        return 0;
    }
    if (PyCode_Check(value)) return put_code(writer, (PyCodeObject *)value);
    if (PyTuple_CheckExact(value)) return push_take(writer, '(', Py_NewRef(value), false);
    if (PyFrozenSet_CheckExact(value)) return push_take(writer, '{', PySequence_Tuple(value), true);
    if (PySlice_Check(value)) {
        PySliceObject *slice = (PySliceObject *)value;
        return push_take(writer, ':', PyTuple_Pack(3, slice->start, slice->stop, slice->step),
                         false);
    }
    put_bytes(writer, '?', Py_TYPE(value)->tp_name, strlen(Py_TYPE(value)->tp_name));
    return 0;
}

/* The item just written leaves only its hash in the sum, so that the order does not matter. */
static void fold_item(code_writer *writer, open_tuple *top) {
    rs_hash128 hash =
        rs_hash128_of(writer->buffer.bytes + top->start, writer->buffer.size - top->start, 0);
    top->sum.low += hash.low;
    top->sum.high += hash.high;
    writer->buffer.size = top->start;
}

static int write_all(code_writer *writer) {
    while (writer->count > 0) {
        open_tuple *top = &writer->frames[writer->count - 1];
        if (writer->buffer.failed) {
            PyErr_NoMemory();
            return -1;
        }
        if (top->unordered && top->next > 0) fold_item(writer, top);
        if (top->next < PyTuple_GET_SIZE(top->items)) {
            if (put_value(writer, PyTuple_GET_ITEM(top->items, top->next++))) return -1;
            continue;
        }
        PyObject *items = top->items;
        rs_hash128 sum = top->sum;
        bool unordered = top->unordered;
        writer->count--;
        Py_DECREF(items);
        if (unordered) {
            put_number(writer, sum.low);
            put_number(writer, sum.high);
        }
    }
    return 0;
}

/* `result` as it is, or -1. Takes over what the writer holds. */
static int hash_of_all(code_writer *writer, int result, uint8_t hash[RP_CODE_HASH_SIZE]) {
    if (result == 0 && writer->buffer.failed) {
        PyErr_NoMemory();
        result = -1;
    }
    if (result == 0) {
        rs_hash128 all = rs_hash128_of(writer->buffer.bytes, writer->buffer.size, 0);
        rs_store_u64(hash, all.low);
        rs_store_u64(hash + 8, all.high);
    }
    while (writer->count > 0)
        Py_DECREF(writer->frames[--writer->count].items);
    rs_free(writer->frames);
    rs_buffer_release(&writer->buffer);
    return result;
}

int rp_code_hash(PyCodeObject *code, uint8_t hash[RP_CODE_HASH_SIZE]) {
    code_writer writer = {0};
    int result = put_code(&writer, code);
    if (result == 0) result = write_all(&writer);
    return hash_of_all(&writer, result, hash);
}

int rp_code_shape(PyCodeObject *code, uint8_t hash[RP_CODE_HASH_SIZE]) {
    enum { FLAGS = CO_VARARGS | CO_VARKEYWORDS | CO_GENERATOR | CO_COROUTINE | CO_ASYNC_GENERATOR };
    code_writer writer = {0};
    PyObject *names = PyCode_GetVarnames(code);
    Py_ssize_t count = code->co_argcount + code->co_kwonlyargcount;
    count += !!(code->co_flags & CO_VARARGS) + !!(code->co_flags & CO_VARKEYWORDS);
    int result = names ? 0 : -1;
    put_number(&writer, (uint64_t)(code->co_flags & FLAGS));
    put_number(&writer, (uint64_t)code->co_argcount);
    put_number(&writer, (uint64_t)code->co_posonlyargcount);
    put_number(&writer, (uint64_t)code->co_kwonlyargcount);
    for (Py_ssize_t i = 0; result == 0 && i < count && i < PyTuple_GET_SIZE(names); i++)
        result = put_text(&writer, 's', PyTuple_GET_ITEM(names, i));
    if (result == 0) result = put_names(&writer, code, "co_freevars");
    Py_XDECREF(names);
    return hash_of_all(&writer, result, hash);
}
