/* The inside of the encoder, for the files that know how one type is written (types/). */
#ifndef RP_ENCODE_H
#define RP_ENCODE_H

#include "memo.h"
#include "stream.h"
#include "tags.h"

/* What a put function returns. */
enum {
    RP_DONE = 0,   /* written, or a frame was pushed that will write it */
    RP_REFUSED = 1 /* can't be saved: the reason is in encoder->reason */
    /* -1: a Python exception */
};

#define RP_BLOB_SIZE_MIN (64u * 1024u) /* smaller memory stands inside the stream */

typedef struct rp_set_digest rp_set_digest;
typedef struct rp_set_sum {
    uint64_t words[2];
} rp_set_sum;

/* A container whose children are being written. */
typedef struct rp_encode_frame rp_encode_frame;
/* Writes children until one pushes a frame of its own or all are done; the last one pops. */
typedef int (*rp_advance)(rp_encoder *encoder, rp_encode_frame *frame);
struct rp_encode_frame {
    rp_advance advance;
    PyObject *object;      /* strong */
    PyObject *key, *value; /* strong or NULL: the dict entry in work */
    const char *label;     /* the path of the child when it is no item: ".start"; else NULL */
    Py_ssize_t index, count;
    Py_ssize_t position;   /* of PyDict_Next; of the table of a set */
    rp_set_digest *digest; /* of a set, owned: sets.c */
    bool is_pairs;         /* a list of pairs, in messages like a dict */
    bool is_attributes;    /* a dict whose keys are the names of attributes, in messages */
    size_t entry;          /* object: its place in the memo, RP_UNMARKED: none */
    Py_ssize_t outer;      /* object: the value of encoder->making before it */
};

/* Of a number in the memo: the object of that mark is not made yet, since what makes it is being
 * written; and it is being written once more, in there. */
#define RP_PENDING  ((size_t)1 << (sizeof(size_t) * 8 - 1))
#define RP_EARLY    (RP_PENDING >> 1)
#define RP_UNMARKED SIZE_MAX

/* How the instances of a class are written: plans.c. */
typedef struct rp_plan {
    PyTypeObject *type;   /* strong */
    bool plain;           /* by object's own reduction */
    bool outside;         /* they stand for something that runs: a thread, a process */
    bool library;         /* _library.py knows how they are made anew, or whether they are over */
    bool typing;          /* _typing.py knows some of its module */
    bool registered;      /* by a function given to resume.register(); then not plain */
    bool sets_state;      /* by a __setstate__ */
    bool whole;           /* with all that they hold, whatever their __getstate__ says */
    PyObject *slot_names; /* strong: list, or NULL: it has none */
} rp_plan;

/* Memory that arrays share: the array that owns it, and how much of it the stream needs. */
typedef struct rp_owner {
    const uint8_t *start; /* borrowed from an object in `keep` */
    uint64_t size;
    uint64_t low, high; /* bytes that are needed by what was met so far */
    size_t share;       /* number of its mark */
    size_t blob;        /* 0: inside the stream */
    size_t next;        /* of the same home: its number plus one; 0: none */
    bool is_value;      /* its object is a value of the closed set, and has just this memory */
} rp_owner;

/* Where low and high stand in the stream as 8-byte numbers, written by rp_encoder_blobs. */
typedef struct rp_patch {
    size_t position, owner;
} rp_patch;

typedef int (*rp_put_function)(rp_encoder *encoder, PyObject *object);
typedef struct rp_known_type {
    PyTypeObject *type; /* strong */
    rp_put_function put;
    bool identity; /* marked when met again */
} rp_known_type;

struct rp_encoder {
    rp_module_state *state;
    rs_buffer buffer;
    rp_memo memo;          /* object -> number of its mark */
    size_t share_count;    /* marks written so far */
    Py_ssize_t held;       /* references of the encoder's own to the object that comes next */
    Py_ssize_t last_share; /* mark of the object whose put function runs, -1 when it has none */
    rp_encode_frame *frames;
    size_t depth, frame_capacity;
    rs_blob *blobs; /* [0] is the stream */
    size_t blob_count, blob_capacity;
    PyObject *keep;     /* list: what blobs and owners borrow from */
    rp_memo owner_memo; /* object -> index in owners */
    rp_owner *owners;
    size_t owner_count, owner_capacity;
    size_t *owner_homes; /* by place in memory: number plus one of the newest owner; owners.c */
    size_t owner_home_count;
    uint64_t owner_ranks; /* bit r: there are some of up to 2^r bytes */
    PyObject *wholes;     /* of rp_encoder_torn, or NULL: nothing was torn */
    rp_patch *patches;
    size_t patch_count, patch_capacity;
    rp_memo own;          /* cells, functions and classes in variables of the call -> own_names */
    PyObject *own_names;  /* list of str, or NULL */
    PyObject *notes;      /* list of str */
    rp_known_type *types; /* of modules that are imported: known_types.c */
    size_t type_count;
    bool types_looked_up;
    const rp_known_type *last_type; /* of `types`, that was found last; NULL: none */
    rp_memo plan_memo;              /* class -> index in plans */
    rp_plan *plans;
    size_t plan_count, plan_capacity;
    PyObject *dispatch_table, *newobj, *slotnames,
        *usual_slotnames; /* of copyreg, strong; NULL until they are needed */
    Py_ssize_t making;    /* innermost frame that writes what makes an object, -1: none */
    rp_scalar_kinds scalars;
    PyTypeObject *array_type;  /* numpy.ndarray or NULL, borrowed from `types` */
    PyTypeObject *tensor_type; /* torch.Tensor or NULL, the same */
    size_t appended;           /* files met that the program appends to */
    PyObject *generators;      /* dict id -> record of those that run, or NULL: no exact state */
    PyObject *sentinels;       /* dict, strong: sentinels.c; NULL until it is needed */
    rp_packed_lists *packed;   /* of earlier saves, borrowed; NULL: nothing is kept */
    bool map_content;          /* memory maps are saved with what is in their files */
    bool digest;               /* makes a canonical stream that is only hashed */
    size_t base;               /* digest: numbers of marks are counted from the innermost set */
    size_t lowest_mark;        /* digest: that was referred to in the innermost set */
    rp_memo sum_memo;          /* digest: set -> index in sums */
    rp_set_sum *sums;
    size_t sum_count, sum_capacity;
    PyObject *problem_frame; /* strong: of rp_encoder_problem_frame, or NULL */
    char reason[512];
    char problem[2048];
};

/* encode_problem.c: says in `problem` where below `value` the walk stands, and the reason. */
void rp_describe_problem(rp_encoder *encoder, PyObject *value, const char *name, size_t base);
/* types/owners.c: forgets those that were added after their count was `count`. */
void rp_owners_undo(rp_encoder *encoder, size_t count);
int rp_put_value(rp_encoder *encoder, PyObject *object);
/* Writes a value that can't fail, holds nothing and bears no mark; false for any other. */
bool rp_put_leaf(rp_encoder *encoder, PyObject *object);
/* The same for an object to which the caller has added a reference: it does not count as shared. */
int rp_put_held(rp_encoder *encoder, PyObject *object);
/* The same for an object that others will refer to: always marked, whatever its reference count. */
int rp_put_marked(rp_encoder *encoder, PyObject *object);
/* Records why an object can't be saved; returns RP_REFUSED. */
int rp_refuse(rp_encoder *encoder, const char *format, ...) RS_PRINTF(2, 3);
/* The exception of a library of a type becomes the reason; memory and interrupts go on: -1. */
int rp_refuse_exception(rp_encoder *encoder, const char *advice);
int rp_encoder_note(rp_encoder *encoder, const char *format, ...) RS_PRINTF(2, 3);

void rp_put_tag(rp_encoder *encoder, uint64_t tag);
void rp_put_array_head(rp_encoder *encoder, size_t count);
/* A mark for something that is no value by itself; returns its number. */
size_t rp_put_mark(rp_encoder *encoder);
void rp_put_reference(rp_encoder *encoder, size_t share);
/* A byte string, or a BLOB when it is large. `keep` (borrowed) keeps the memory alive. */
int rp_put_memory(rp_encoder *encoder, const void *bytes, size_t size, uint32_t element_size,
                  PyObject *keep);
/* The same, with a digest that nobody can make another memory for: for what code that the stream
 * names may get, since the signature of a generation covers the stream alone. */
int rp_put_proven_memory(rp_encoder *encoder, const void *bytes, size_t size, uint32_t element_size,
                         PyObject *keep);
/* A new blob over borrowed memory: its index, 0 with MemoryError. */
size_t rp_encoder_add_blob(rp_encoder *encoder, const void *bytes, uint64_t size,
                           uint32_t element_size, PyObject *keep);

/* Pushes a frame; NULL with MemoryError. Takes a new reference to `object`. */
rp_encode_frame *rp_push(rp_encoder *encoder, rp_advance advance, PyObject *object,
                         Py_ssize_t count);
void rp_pop(rp_encoder *encoder);
/* Writes the items of a tuple (stolen, may be NULL with an exception set) one after the other. */
int rp_push_parts(rp_encoder *encoder, PyObject *parts, const char *label);
/* Writes TAG [attribute, attribute ...]. */
int rp_put_attributes(rp_encoder *encoder, PyObject *object, uint64_t tag, const char *const *names,
                      size_t count);
/* Writes the items of an exact list or tuple. */
int rp_push_items(rp_encoder *encoder, PyObject *sequence);
/* Writes key, value, key, value of a dict (or a subclass that keeps its order in the dict). */
int rp_push_pairs(rp_encoder *encoder, PyObject *dict);

/* numbers.c */
int rp_put_long(rp_encoder *encoder, PyObject *object);
int rp_put_complex(rp_encoder *encoder, PyObject *object);
int rp_put_range(rp_encoder *encoder, PyObject *object);
/* text.c */
int rp_put_str(rp_encoder *encoder, PyObject *object);
int rp_put_bytes(rp_encoder *encoder, PyObject *object);
int rp_put_bytearray(rp_encoder *encoder, PyObject *object);
bool rp_text_is_long(PyObject *object); /* str, bytes or int that is worth a mark */
/* packed.c. 1: packed. 0: not a list of numbers of one type; nothing was written. -1: exception. It
 * is not empty. */
int rp_put_packed(rp_encoder *encoder, PyObject *list);
/* containers.c */
int rp_put_list(rp_encoder *encoder, PyObject *object);
int rp_put_tuple(rp_encoder *encoder, PyObject *object);
int rp_put_dict(rp_encoder *encoder, PyObject *object);
/* The same for a dict of attributes of the object that is being written. */
int rp_put_attribute_dict(rp_encoder *encoder, PyObject *dict);
int rp_put_slice(rp_encoder *encoder, PyObject *object);
/* sets.c */
int rp_put_set(rp_encoder *encoder, PyObject *object);
/* globals.c: a class, function or singleton by the path that leads to it. */
int rp_put_global(rp_encoder *encoder, PyObject *object);
/* A module that an import of its name leads to. */
int rp_put_module(rp_encoder *encoder, PyObject *object);
enum {
    RP_NOT_THIS = 3
}; /* beside RP_DONE and RP_REFUSED: nothing is written, it is another kind */
/* What a variable of an imported module (not the script) leads to. */
int rp_put_found(rp_encoder *encoder, PyObject *object);
/* slot_names.c: for the time of a save, copyreg._slotnames leaves nothing in classes. 0 or -1. */
int rp_slot_names_begin(rp_encoder *encoder, PyObject *copyreg);
void rp_slot_names_end(rp_encoder *encoder);
/* instances.c: by what reduction(object) of a module of our own gives, in Python. RP_NOT_THIS: it
 * gives none. */
int rp_put_by_own(rp_encoder *encoder, const char *module_name, PyObject *object);
/* The module of that name is in Python's standard library. 1, 0, or -1 with an exception. */
int rp_is_standard_module(PyObject *module_name);
/* The class is one of such a module. */
bool rp_is_of_standard_library(PyTypeObject *type);
/* The namespace of such a module. */
int rp_put_namespace(rp_encoder *encoder, PyObject *dict);
/* The same for one that is found under this path, whatever it says itself; NULL: its own. */
int rp_put_global_named(rp_encoder *encoder, PyObject *object, PyObject *path);
/* 1: imported modules have it: (module, path in it), new references. 0: not. -1: exception. */
int rp_global_find(const rp_module_state *state, PyObject *object, PyObject *given_path,
                   PyObject **module_name, PyObject **path);
/* instances.c: an object by its own reduction. */
int rp_put_instance(rp_encoder *encoder, PyObject *object);
/* plain.c: an object that reduces as `object` does, without asking it. */
int rp_put_plain(rp_encoder *encoder, PyObject *object, const rp_plan *plan);
/* From here on, until rp_made: whoever meets the object of the frame finds that it is not there
 * yet. `is_marked`: it was marked just before. */
void rp_making(rp_encoder *encoder, rp_encode_frame *frame, bool is_marked);
void rp_made(rp_encoder *encoder, rp_encode_frame *frame);
/* An object whose number in the memo says RP_PENDING. */
int rp_put_early(rp_encoder *encoder, PyObject *object, size_t number);
/* plans.c: NULL with an exception. Borrowed until the next call. */
const rp_plan *rp_plan_of(rp_encoder *encoder, PyTypeObject *type);
/* The class is in the dispatch table of copyreg: 1, 0 or -1 with an exception. */
int rp_has_reducer(rp_encoder *encoder, PyTypeObject *type);
/* The class has that attribute from `base`, if it has it at all. */
bool rp_plan_is_inherited(PyTypeObject *type, PyTypeObject *base, const char *name);
void rp_plans_release(rp_encoder *encoder);
/* buffers.c */
int rp_put_buffer(rp_encoder *encoder, PyObject *object);
/* state.c: that function of the module `dataclasses`, which reads or sets fields by position. */
bool rp_is_of_dataclasses(PyObject *function, const char *name);
/* state.c: takes over a reduction, and gives one in which the fields of a dataclass have names. */
PyObject *rp_name_fields(PyObject *object, PyObject *reduced);
int rp_put_opaque(rp_encoder *encoder, PyObject *object);
/* functions.c: found by import, or else by the path to the code. */
int rp_put_function_value(rp_encoder *encoder, PyObject *object);
int rp_put_class(rp_encoder *encoder, PyObject *object);
/* A property, staticmethod or classmethod. */
bool rp_is_descriptor(PyObject *object);
int rp_put_descriptor(rp_encoder *encoder, PyObject *object);
/* instances.c: by what a reduction has given. */
int rp_put_reduced(rp_encoder *encoder, PyObject *object, PyObject *reduced);
int rp_put_cell(rp_encoder *encoder, PyObject *object);
int rp_put_method(rp_encoder *encoder, PyObject *object);
int rp_put_super(rp_encoder *encoder, PyObject *object);
/* sentinels.c: one that is told by identity alone, and that a module has under a name. */
int rp_put_sentinel(rp_encoder *encoder, PyObject *object);
/* A NaN, text or tuple: perhaps one that a library tells by identity. Of others, only what. */
bool rp_may_be_constant(PyObject *object);
int rp_put_constant(rp_encoder *encoder, PyObject *object);
/* frames.c: captured frames, and generators (in an exact state alone). */
int rp_put_frames(rp_encoder *encoder, PyObject *record);
int rp_put_runner(rp_encoder *encoder, PyObject *generator);
/* tracebacks.c */
int rp_put_traceback(rp_encoder *encoder, PyObject *traceback);
/* iterators.c */
int rp_put_iterator(rp_encoder *encoder, PyObject *object);
/* files.c */
bool rp_is_file(PyObject *object); /* also of kinds that are refused */
int rp_put_file(rp_encoder *encoder, PyObject *object);
/* known_types.c: numpy, random, datetime ... when they are imported. NULL: not known. */
const rp_known_type *rp_find_known_type(rp_encoder *encoder, PyTypeObject *type);
/* arrays.c */
int rp_put_array(rp_encoder *encoder, PyObject *object);
int rp_put_scalar(rp_encoder *encoder, PyObject *object);
int rp_put_scalar_text(rp_encoder *encoder, PyObject *object);
int rp_put_dtype_value(rp_encoder *encoder, PyObject *object);
/* An array was met again as a value: all of its memory is needed. */
void rp_array_is_whole(rp_encoder *encoder, PyObject *object);
/* Writes the bounds of partly needed memory into the stream. */
void rp_arrays_patch(rp_encoder *encoder);
/* tensors.c: the storage behind a tensor of torch (new reference) and its memory. 0 or -1. */
int rp_tensor_memory(PyObject *tensor, const uint8_t **start, uint64_t *size, PyObject **storage);
/* dtypes.c: writes the dtype; `shuffle` (may be NULL) receives the size of its numbers. */
int rp_put_dtype(rp_encoder *encoder, PyObject *dtype, uint32_t *shuffle);
#endif
