/* The inside of the decoder, for the files that know how one type is read (types/). */
#ifndef RP_DECODE_H
#define RP_DECODE_H

#include "memo.h"
#include "stream.h"
#include "tags.h"

enum { RP_STRING_CACHE = 512 };

/* Of files of other users. */
enum {
    RP_FOREIGN_DEPTH_MAX = 128,
    RP_FOREIGN_ITEMS_MAX = 10000000,
    RP_FOREIGN_INT_SIZE_MAX = 64 << 10,
    RP_FOREIGN_KEY_VISITS_MAX = 1 << 24,
};

/* What a frame does with its children. */
typedef enum rp_open_kind {
    RP_OPEN_LIST,  /* into `object` by index */
    RP_OPEN_TUPLE, /* the same; not tracked by the collector until it is complete */
    RP_OPEN_DICT,  /* key, value, key, value into `object`, also a subclass of the closed set */
    RP_OPEN_DEQUE, /* appended to `object` */
    RP_OPEN_ATTRIBUTES, /* name, value, name, value: attributes of `object`; stands for None */
    RP_OPEN_VALUES,     /* onto the stack of values, handed to `finish` */
} rp_open_kind;

/* Makes the value of `count` children (borrowed). New reference, or NULL with an exception. */
typedef PyObject *(*rp_finish)(rp_decoder *decoder, PyObject *const *parts, Py_ssize_t count);
/* Called after each child that is not the last one: an object is made as soon as it can be, so that
 * the rest may lead to it. 0 or -1. */
typedef int (*rp_part)(rp_decoder *decoder);

/* Indices of the outermost open frames that a value waits for; RP_READY: for none. */
#define RP_READY SIZE_MAX
typedef struct rp_lateness {
    size_t use;  /* before code of the user may look into it: a tuple in it is not complete */
    size_t hash; /* before it can be hashed: also an object in it has no state yet */
} rp_lateness;

typedef struct rp_open {
    rp_open_kind kind;
    PyObject *object; /* strong; NULL for VALUES, but for one that fills an object at the end */
    PyObject *key;    /* strong, DICT: the key whose value comes next */
    Py_ssize_t index, count;
    Py_ssize_t share; /* number of its mark, -1: none */
    size_t values;    /* VALUES: where its children begin */
    rp_finish finish; /* VALUES */
    rp_part part;     /* VALUES: or NULL */
    PyObject *target; /* strong: the object that stands for this one, or NULL */
    bool fills_dict;  /* a map that is its child fills the attributes of `object` */
    int variety;      /* VALUES: of what `finish` makes, for it alone */
    bool is_view;     /* its child is the memory of a view, marked with number `base` */
    Py_ssize_t base;
    uint64_t serial;   /* no other frame has it */
    rp_lateness late;  /* of what is in it */
    size_t pairs_late; /* DICT: pairs wait for that frame, RP_READY: not */
} rp_open;

/* How the instances of a class are made: found once for each class. */
typedef struct rp_class {
    PyTypeObject *type;  /* borrowed: of class_memo */
    PyObject *set_state; /* borrowed from the class: its __setstate__, or NULL */
    bool fills_dict;     /* its instances have a dict, and no __setstate__ */
} rp_class;

/* A marked value. */
typedef struct rp_share {
    PyObject *value;  /* strong; NULL until it exists */
    PyObject *bytes;  /* strong or NULL: its memory as a flat uint8 array, made when first needed */
    PyObject *shadow; /* strong or NULL: for an array target of another layout, what was decoded */
    uint64_t low;     /* a part of an array's memory: it begins here */
    bool partial;     /* no value: only a base for views */
    bool early;       /* of an object that is not made yet */
    bool is_object;   /* what is not complete is only the state of an object */
    size_t open;      /* complete when this frame is (if it is still the one of that serial) */
    uint64_t open_serial;
} rp_share;

/* What is done when the frame `level` is complete. */
typedef struct rp_late {
    size_t level;
    /* 0 or -1. `parts` is a tuple. */
    int (*act)(rp_decoder *decoder, const struct rp_late *late);
    PyObject *object, *parts; /* strong */
    struct rp_set_table *table;
} rp_late;

/* The table of a set in the stream. */
typedef struct rp_set_table {
    const uint8_t *used, *dummies;
    size_t slots;
    uint64_t finger;
} rp_set_table;

typedef struct rp_filling {
    PyObject *target, *content; /* strong */
} rp_filling;

/* Bytes in the stream, or in a blob. */
typedef struct rp_memory {
    const uint8_t *bytes; /* NULL: blob */
    size_t size;
    size_t blob;
    const uint8_t *digest; /* in the stream: BLAKE2b-256 of it, or NULL */
    bool partial;          /* bytes [low, high) of a larger memory */
    uint64_t low, high;
} rp_memory;

/* A short string that was read: the same key of many dicts is one object. */
typedef struct rp_kept_string {
    PyObject *string; /* strong or NULL */
    uint64_t hash;
} rp_kept_string;

struct rp_decoder {
    rp_module_state *state;
    rp_source source;
    rs_cbor_reader reader;
    rs_error error;
    rp_open *frames;
    size_t depth, frame_capacity;
    uint64_t serial;  /* of the frame that was opened last */
    rp_lateness late; /* of the value that comes next to the innermost frame */
    rp_late *lates;   /* in the order in which they were put off */
    size_t late_count, late_capacity;
    uint64_t outstanding; /* children that did not begin yet: each takes a byte at least */
    PyObject **values;
    size_t value_count, value_capacity;
    rp_share *shares;
    size_t share_count, share_capacity;
    Py_ssize_t pending; /* the mark that belongs to the next item, -1: none */
    PyObject *target;   /* borrowed: of the value that is asked for, until it is taken */
    rp_filling *fillings;
    size_t filling_count, filling_capacity;
    PyObject *read_only; /* list of arrays that become read-only at the end */
    PyObject *notes;
    PyObject *untrusted; /* list of names */
    PyObject *resolved;  /* list: what may be called though the stream is not mine */
    PyObject *lost;      /* list of (object, why): what stands for code that is not found */
    rp_memo class_memo;  /* class -> index in classes */
    rp_class *classes;
    size_t class_count, class_capacity;
    PyObject *newobj;       /* copyreg.__newobj__, strong; NULL until it is needed */
    PyObject *made_classes; /* list: of functions, from the stream */
    PyObject *own_cells;    /* dict name -> cell of a variable of the call, or NULL */
    PyObject *loose_cells;  /* list of such names that are not in its frame, or NULL */
    PyObject *definitions;  /* dict name -> function or class in its frame, or NULL */
    PyObject *empty;        /* the empty tuple */
    PyObject *decimal;      /* decimal.Decimal, strong; NULL until it is needed */
    const void *datetime;   /* the functions of C of that module, or NULL: not yet needed */
    rp_kept_string strings[RP_STRING_CACHE];
    PyObject *numpy, *array_type, *dtype_type, *byte_dtype; /* strong, when arrays are met */
    rp_scalar_kinds scalars;
    PyObject *numpy_random;
    PyObject *torch;    /* strong, when tensors are met */
    PyObject *storages; /* dict: (address of an array, offset in bytes) -> (storage of torch over it
                           from there on, the array) */
    bool tensors_stay;  /* on the processor: they are only copied from */
    int set_tables;     /* 1: exact tables can be made, 0: not, -1: not yet asked */
    uint64_t key_visits; /* of rp_check_key, in all */
    size_t iterator_count;
    PyObject *files;      /* dict of variables of the caller, whose files are used again; or NULL */
    PyObject *positioned; /* list of iterators and files */
    bool of_script;       /* all of a program of `resume run`: what its files have got since is cut
                             off, and its __new__ has been called */
    PyObject *opened;     /* list of (file, position, size) for the commit */
};

/* Raises CheckpointDamaged; always NULL. */
void *rp_damaged(rp_decoder *decoder, const char *format, ...) RS_PRINTF(2, 3);
/* Raises ResumeError (RESUME_MISMATCH): what is saved does not fit this machine. Always NULL. */
void *rp_unfit(rp_decoder *decoder, const char *format, ...) RS_PRINTF(2, 3);
/* Raises CodeChanged: what is proven to be as it was written can't be made any more, for a reason
 * in the words of PyUnicode_FromFormat. Always NULL. */
void *rp_made_otherwise(rp_decoder *decoder, const char *format, ...);
/* Raises ResumeError: `what` is more than is read from a file of another user. Always -1. */
int rp_too_much(rp_decoder *decoder, const char *what);
/* Asks for `size` bytes of memory that the stream declares but does not hold. 0 or -1. */
int rp_claim(rp_decoder *decoder, uint64_t size);
/* It is lazy, and this memory is worth a map. */
bool rp_is_lazy(const rp_decoder *decoder, const rp_memory *memory);
/* Such memory; NULL with an exception. New reference. */
PyObject *rp_map_memory(rp_decoder *decoder, const rp_memory *memory);
/* Passes a new reference on; what a constructor raised about the content (not MemoryError) becomes
 * damage, or CodeChanged in a stream that is proven to be as it was written. */
PyObject *rp_checked(rp_decoder *decoder, PyObject *value);
int rp_checked_status(rp_decoder *decoder, int status);
/* Likewise, always damage: what was raised is our own judgement of the parts. */
PyObject *rp_checked_parts(rp_decoder *decoder, PyObject *value);
int rp_decoder_note(rp_decoder *decoder, const char *format, ...); /* of PyUnicode_FromFormat */

/* The next head; 0 or -1 with an exception. */
int rp_next(rp_decoder *decoder, rs_cbor_item *item);
/* The head of an array of `low` to `high` items: their count, or -1. */
Py_ssize_t rp_next_array(rp_decoder *decoder, size_t low, size_t high);
int rp_next_unsigned(rp_decoder *decoder, uint64_t *value);
int rp_next_signed(rp_decoder *decoder, int64_t *value);
int rp_next_bool(rp_decoder *decoder, bool *value);
int rp_next_tag(rp_decoder *decoder, uint64_t tag);
/* A byte string or a BLOB. */
int rp_next_memory(rp_decoder *decoder, rp_memory *memory);
/* The content of a BLOB whose tag was read. */
int rp_blob_memory(rp_decoder *decoder, rp_memory *memory);
int rp_read_memory(rp_decoder *decoder, const rp_memory *memory, void *to);

/* Damage unless the stream has bytes for `count` more children. Before memory is taken for them. */
int rp_check_room(rp_decoder *decoder, uint64_t count);
/* Opens a frame for `count` children; takes `object` over (also on failure). 0 or -1. */
int rp_open_frame(rp_decoder *decoder, rp_open_kind kind, PyObject *object, uint64_t count,
                  rp_finish finish);
/* The frame whose `finish` runs, or that was just opened. */
static inline rp_open *rp_top(rp_decoder *decoder) {
    return &decoder->frames[decoder->depth - 1];
}
/* The next value is the memory of a view. */
static inline bool rp_is_view_base(const rp_decoder *decoder) {
    return decoder->depth > 0 && decoder->frames[decoder->depth - 1].is_view;
}
/* Onto the stack of values; takes a reference of its own. 0 or -1. */
int rp_push_value(rp_decoder *decoder, PyObject *value);
/* decode_leaves.c: puts the small values that come next into the innermost frame. 0 or -1. */
int rp_take_small(rp_decoder *decoder);
/* Lets the value stand for the pending mark (when there is one). */
void rp_share_pending(rp_decoder *decoder, PyObject *value);
/* Marks lead to the object of the frame that was just opened. */
void rp_announce(rp_decoder *decoder);
/* `object` stands for what can't be made any more: what leads to it is not restored. 0 or -1. */
int rp_decoder_lose(rp_decoder *decoder, PyObject *object, const char *format, ...);
/* The same, but for a target that stands for it. */
void rp_announce_target(rp_decoder *decoder, PyObject *target);
/* The object that the caller wants filled, when it is of the right type. Borrowed or NULL. */
PyObject *rp_take_target(rp_decoder *decoder, PyTypeObject *type);
/* A place for the mark whose tag was just read. */
int rp_add_share(rp_decoder *decoder);
/* The value of the reference whose tag was just read. */
PyObject *rp_get_reference(rp_decoder *decoder);
/* decode_item.c. Reads one item: 1 a frame was opened, 0 *value is complete, -1 exception. */
int rp_read_item(rp_decoder *decoder, PyObject **value);
/* decode_late.c: what has to wait until a value further out is complete.
 * The mark `share` leads to a value that is complete when frame `level` is. */
void rp_late_share(rp_decoder *decoder, Py_ssize_t share, size_t level, bool is_object);
/* The lateness of a reference to the mark. */
rp_lateness rp_late_of_share(const rp_decoder *decoder, const rp_share *share);
/* The frame with index `level` was closed, `late` is its: the lateness of its value from now on. */
void rp_late_closed(rp_decoder *decoder, Py_ssize_t share, PyObject *value, rp_lateness late,
                    size_t level);
/* Puts an action off; takes nothing over. 0 or -1. */
int rp_late_add(rp_decoder *decoder, const rp_late *late);
/* The frame with index `level` was closed: what waited for it. 0 or -1. */
int rp_late_run(rp_decoder *decoder, size_t level);
void rp_late_release(rp_decoder *decoder);
static inline size_t rp_earlier(size_t a, size_t b) {
    return a < b ? a : b;
}
/* Content of `target` at the commit. */
int rp_add_filling(rp_decoder *decoder, PyObject *target, PyObject *content);
/* A key or an element: complete, and flat enough to be hashed. 0 or -1. */
int rp_check_key(rp_decoder *decoder, PyObject *key);
/* It needs no check. */
static inline bool rp_is_flat(PyObject *key) {
    return !PyTuple_CheckExact(key) && !PySlice_Check(key);
}
/* Values that code of Python or numpy will look into: no list or tuple in them still has empty
 * slots, as one has that a reference leads to from inside of it. 0 or -1. */
int rp_check_complete(rp_decoder *decoder, PyObject *const *values, Py_ssize_t count);

/* numbers.c */
PyObject *rp_get_big(rp_decoder *decoder, const rs_cbor_item *bytes, bool negative);
PyObject *rp_get_complex(rp_decoder *decoder);
PyObject *rp_finish_range(rp_decoder *decoder, PyObject *const *parts, Py_ssize_t count);
/* text.c */
PyObject *rp_get_str(rp_decoder *decoder, const rs_cbor_item *item);
PyObject *rp_get_surrogates(rp_decoder *decoder);
PyObject *rp_get_bytearray(rp_decoder *decoder);
PyObject *rp_get_blob_bytes(rp_decoder *decoder);
/* packed.c */
PyObject *rp_get_packed_list(rp_decoder *decoder);
/* containers.c */
int rp_open_tuple(rp_decoder *decoder);
/* A tuple that is being read is empty for all who meet it, and not tracked by the collector. */
void rp_tuple_open(PyObject *tuple);
void rp_tuple_close(PyObject *tuple, Py_ssize_t count);
bool rp_tuple_is_open(const rp_decoder *decoder, PyObject *tuple);
int rp_open_slice(rp_decoder *decoder);
/* sets.c */
int rp_open_set(rp_decoder *decoder, bool frozen);
/* arrays_read.c */
PyObject *rp_get_array(rp_decoder *decoder);
int rp_open_view(rp_decoder *decoder);
int rp_open_scalar(rp_decoder *decoder, PyObject **value); /* 1: a frame, 0: *value, -1 */
PyObject *rp_get_dtype_value(rp_decoder *decoder);
int rp_need_numpy(rp_decoder *decoder);
/* Memory of a dense array as a pointer, for reading into it; `capsule` (new reference) holds it. */
void *rp_array_memory(PyObject *array, PyObject **capsule);
/* dtypes.c: a new dtype from the closed grammar, or NULL. */
PyObject *rp_get_dtype(rp_decoder *decoder);
/* globals.c */
PyObject *rp_get_global(rp_decoder *decoder);
/* Anything of that name may be imported, called or opened. 1, 0 or -1. */
int rp_is_trusted(rp_decoder *decoder, PyObject *name);
/* What stands for an object that is not trusted; its name is noted. New reference. */
PyObject *rp_opaque_of(rp_decoder *decoder, PyObject *name, PyObject *state);
int rp_note_untrusted(rp_decoder *decoder, PyObject *name);
/* copyreg.__newobj__ and the like: they make an object of the class that is their first argument,
 * and need no trust of their own. */
bool rp_is_reconstructor(PyObject *name);
PyObject *rp_import_reconstructor(PyObject *name);
/* buffers.c */
PyObject *rp_get_buffer(rp_decoder *decoder);
/* instances_read.c */
int rp_open_instance(rp_decoder *decoder);
int rp_open_opaque(rp_decoder *decoder);
/* make.c: NULL with an exception. Borrowed until the next call. */
const rp_class *rp_class_of(rp_decoder *decoder, PyTypeObject *type);
/* type.__new__(type, *arguments); `arguments` has the class in front. A __new__ of the program that
 * wants others has been called when the object was made, and in a script any has. */
PyObject *rp_make_new(rp_decoder *decoder, PyTypeObject *type, PyObject *arguments);
/* Sets an attribute in the dict of the object, whatever its class says. 0 or -1. */
int rp_set_in_dict(PyObject *object, PyObject *name, PyObject *value);
/* The same for all of a dict. */
int rp_set_all_in_dict(PyObject *object, PyObject *attributes);
void rp_classes_release(rp_decoder *decoder);
/* state.c: the state of an object without a __setstate__: a dict, or a tuple of a dict (or None)
 * and a dict of slots. What the class has no place for becomes a note. 0 or -1. */
int rp_set_attributes(rp_decoder *decoder, PyObject *object, PyObject *state);
/* The __setstate__ of a dataclass that takes its fields by position, and they are there by name. */
bool rp_sets_fields(PyObject *set_state, PyObject *state);
/* Turns what code of the program has raised into CodeChanged, which names the class. */
void rp_tell_refused(rp_decoder *decoder, PyObject *class);
/* The object of a frame that is not finished. */
bool rp_is_open(const rp_decoder *decoder, PyObject *object);
int rp_get_frames(rp_decoder *decoder, uint64_t tag, PyObject **value);
int rp_get_traceback(rp_decoder *decoder, uint64_t tag, PyObject **value);
/* iterators_read.c */
int rp_open_iterator(rp_decoder *decoder);
/* files_read.c */
int rp_open_file(rp_decoder *decoder);
int rp_commit_files(rp_decoder *decoder);
/* collections.c: how the containers of that module are filled. 0 or -1. */
int rp_append(PyObject *deque, PyObject *value);
int rp_set_pair(PyObject *dict, PyObject *key, PyObject *value);
/* What a tag of a library type opens: 1 a frame, 0 a complete value in *value, -1 exception, 2 not
 * a tag of such a type. random.c, times.c, library_values.c, collections.c, masked.c, tensors.c,
 * frames_read.c, tracebacks.c */
int rp_get_random(rp_decoder *decoder, uint64_t tag, PyObject **value);
int rp_get_time(rp_decoder *decoder, uint64_t tag, PyObject **value);
int rp_get_library_value(rp_decoder *decoder, uint64_t tag, PyObject **value);
int rp_get_collection(rp_decoder *decoder, uint64_t tag, PyObject **value);
/* functions_read.c */
int rp_get_function(rp_decoder *decoder, uint64_t tag, PyObject **value);
/* A function gets what another one of the same code has. 0 or -1. */
int rp_function_fill(PyObject *function, PyObject *content);
/* classes_read.c: a class of the program gets the values among the attributes of a saved one. */
int rp_class_fill(PyObject *class, PyObject *attributes);
/* The function that `object.name` binds, also of a class; new reference. 1, 0 or -1. Runs no code.
 */
int rp_bound_function(PyObject *object, PyObject *name, PyObject **function);
int rp_get_masked(rp_decoder *decoder, uint64_t tag, PyObject **value);
/* memmap.c: a numpy.memmap? 1, 0 or -1. */
int rp_is_map(rp_decoder *decoder, PyObject *object);
int rp_get_memmap(rp_decoder *decoder, uint64_t tag, PyObject **value);
int rp_get_tensor(rp_decoder *decoder, uint64_t tag, PyObject **value);
#endif
