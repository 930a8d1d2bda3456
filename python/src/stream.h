/* Python objects to and from the object stream. docs/format.md part "Object stream".
 *
 * The caller composes the outermost map with rs_cbor_put_* on `stream` and calls the encoder for
 * each value inside; the decoder mirrors it. All values of one stream share one table of shared
 * objects (tags 28 and 29), so that aliasing between any two of them is kept. No C recursion: both
 * keep a work stack. */
#ifndef RP_STREAM_H
#define RP_STREAM_H

#include "module.h"
#include "packed.h"

#include "engine/checkpoint.h"
#include "format/cbor.h"

/* Types of numbers of numpy: types/scalars.h. */
enum { RP_SCALAR_HEAD_SIZE = 6, RP_SCALAR_KINDS_MAX = 16 };
typedef struct rp_scalar_kind {
    PyTypeObject *type;                /* strong */
    uint8_t head[RP_SCALAR_HEAD_SIZE]; /* of the content, up to the bytes of the value */
    size_t size;                       /* of the value; 0: its objects are made in another way */
} rp_scalar_kind;
typedef struct rp_scalar_kinds {
    rp_scalar_kind kinds[RP_SCALAR_KINDS_MAX];
    size_t count;
} rp_scalar_kinds;
void rp_scalar_kinds_release(rp_scalar_kinds *kinds);

typedef struct rp_encoder rp_encoder;

rp_encoder *rp_encoder_new(rp_module_state *state); /* NULL with an exception */
void rp_encoder_free(rp_encoder *encoder);
/* Memory maps of files are written with their content from now on. */
void rp_encoder_keep_maps(rp_encoder *encoder);
/* What lists of numbers were packed to by earlier encoders (borrowed) is used again. */
void rp_encoder_keep_packed(rp_encoder *encoder, rp_packed_lists *lists);
rs_buffer *rp_encoder_buffer(rp_encoder *encoder);

/* `object` is a cell, a function or a class in the variable `name` of the call's own: it is saved
 * as this variable, and nothing but its name when it belongs to a function around it. The first
 * name of an object counts. `constants`: of a class, a dict of the values that the program gave it,
 * else None. Before the first value. 0 or -1. */
int rp_encoder_own(rp_encoder *encoder, PyObject *object, PyObject *name, bool is_around,
                   PyObject *constants);

/* The state is exact: generators are saved as well. `generators` (a dict, borrowed until the
 * encoder is freed) has the records of those that run, by their ids. Before the first value. */
void rp_encoder_set_exact(rp_encoder *encoder, PyObject *generators);

/* After the last value: memory of which each of several arrays and tensors was written with a part
 * of its own, since what has all of it came later, or is no value: they would not share it when
 * they come back. A new list, empty as a rule, or NULL with an exception. */
PyObject *rp_encoder_torn(rp_encoder *encoder);
/* Such a list of another encoder of the same values, not empty: it stays whole here. Before the
 * first value. */
void rp_encoder_keep_whole(rp_encoder *encoder, PyObject *torn);

/* Encodes `value`; captured frames are a value, too: the record of the outermost. 0: done. 1: some
 * object in it can't be saved; nothing was written (buffer, blobs and shared objects are as
 * before), and rp_encoder_problem tells which. -1: a Python exception (MemoryError, or
 * KeyboardInterrupt of a reducer). `name` is the root of the path in the problem
 * ("state" gives "state['cfg'].handler"). */
int rp_encoder_put(rp_encoder *encoder, PyObject *value, const char *name);
/* "PATH (TYPE): REASON", borrowed until the next call. */
const char *rp_encoder_problem(const rp_encoder *encoder);
/* The innermost captured frame on that path, borrowed until then; NULL: there is none. */
PyObject *rp_encoder_problem_frame(const rp_encoder *encoder);
/* Notes for the user ("the order of the set ... "), a list of str, borrowed; may be empty. */
PyObject *rp_encoder_notes(rp_encoder *encoder);
/* Blobs from 1 on (blob 0 is the stream and is set by this call to the buffer's bytes). Borrowed;
 * the encoder keeps every array alive. */
const rs_blob *rp_encoder_blobs(rp_encoder *encoder, size_t *count);
/* Files among what was encoded that the program appends to. */
size_t rp_encoder_appended(const rp_encoder *encoder);

typedef struct rp_decoder rp_decoder;

/* Captured frames come back as the record of the outermost frame; as an Opaque where they are not
 * trusted, or when their code is another by now (rp_decoder_lost). */

/* Where a decoder reads: the stream, and the blobs by number from 1 on. */
typedef struct rp_source {
    rs_slice stream;
    void *context;
    uint64_t (*blob_size)(void *context, size_t index); /* 0 when there is no such blob */
    /* Reads and verifies a whole blob into `to` (blob_size bytes). */
    resume_status (*read_blob)(void *context, size_t index, void *to, rs_error *error);
    /* Puts a blob into pages of ours without reading it; NULL: everything is read. */
    resume_status (*map_blob)(void *context, size_t index, void *to, rs_error *error);
    /* Asked before memory is taken for `size` bytes that are not in the stream; may be NULL. */
    resume_status (*claim)(void *context, uint64_t size, rs_error *error);
    bool is_foreign;   /* of another user: nesting, items, big ints and keys are limited */
    bool is_mine;      /* proven: what the stream names may be imported, called and opened */
    PyObject *trusted; /* borrowed: frozenset of names ("module.Class") that may be all the same */
} rp_source;

/* The content of a generation may run code: the only place that decides it. */
bool rp_is_mine(const rs_state *loaded);

/* Reads from `source` (copied; what it points to is borrowed). NULL with an exception. */
rp_decoder *rp_decoder_new_from(rp_module_state *state, const rp_source *source);
/* Reads from `loaded` (borrowed): its stream, and blobs as they are met. NULL with an exception. */
rp_decoder *rp_decoder_new(rp_module_state *state, rs_state *loaded);
void rp_decoder_free(rp_decoder *decoder);
rs_cbor_reader *rp_decoder_reader(rp_decoder *decoder); /* for the outermost map */

/* Decodes the next value. With `target` (a list, dict, set, bytearray or numpy array; may be NULL)
 * of the right type, the value *is* the target: every reference to it in the stream becomes the
 * target, whose content is changed only by rp_decoder_commit. A target of another type (or an array
 * of another shape or dtype) is ignored: a new object is made. NULL with an exception;
 * RESUME_DAMAGED is raised as CheckpointDamaged, and rp_decoder_status tells the status. */
PyObject *rp_decoder_get(rp_decoder *decoder, PyObject *target);
/* Tensors stay on the processor: somebody will copy them to where they belong. */
void rp_decoder_keep_tensors(rp_decoder *decoder, bool keep);
/* An object that is made by others and stands in the stream as a mark over its type's name. The
 * encoder writes null when it bears a mark already. 0, or -1 with an exception. */
int rp_encoder_put_anchor(rp_encoder *encoder, PyObject *object);
/* Reads such an item: from now on the mark leads to `object`, or, when that is NULL, to an Opaque
 * of that type, a new reference in *opaque (NULL: the item was null). 0, or -1 with an exception.
 */
int rp_decoder_get_anchor(rp_decoder *decoder, PyObject *object, PyObject **opaque);
resume_status rp_decoder_status(const rp_decoder *decoder);
PyObject *rp_decoder_notes(rp_decoder *decoder);
/* Before the first value: names that may be imported and called although the stream is not mine
 * (frozenset, borrowed; may be NULL). */
void rp_decoder_trust(rp_decoder *decoder, PyObject *trusted);
/* Arrays that are stored as they are become maps of the file, unread and unverified. */
void rp_decoder_be_lazy(rp_decoder *decoder);
/* What was not trusted and became an Opaque: a list of names, each once, borrowed. */
PyObject *rp_decoder_untrusted(rp_decoder *decoder);
/* What stands for functions and classes whose code has changed or is gone since the save: a list of
 * (object, why), borrowed. */
PyObject *rp_decoder_lost(rp_decoder *decoder);
/* 1: `value` leads to one of these, *why (a str) is a new reference. 0: not. -1: exception. */
int rp_decoder_leads_to_lost(rp_decoder *decoder, PyObject *value, PyObject **why);
/* Before the first value: the cells (dict name -> cell, or NULL) of the frame of the call, and what
 * functions and classes its variables hold (dict name -> object, or NULL; changed here). */
void rp_decoder_set_frame(rp_decoder *decoder, PyObject *cells, PyObject *definitions);
/* After the last value: cells of the call's variables that its frame has not get their values. */
int rp_decoder_fill_cells(rp_decoder *decoder, PyObject *variables);
/* Files that are open in these variables of the caller (a dict, copied) are used again. 0 or -1. */
int rp_decoder_set_files(rp_decoder *decoder, PyObject *variables);
/* The state is exact: what its files have got since the save will be written again, and is cut off
 * at the commit. */
void rp_decoder_of_script(rp_decoder *decoder);
/* The files that this decoder has opened or positioned: a list of tuples, each with the file first.
 * Borrowed. */
PyObject *rp_decoder_files(rp_decoder *decoder);
/* The iterators and files that were read: a list, borrowed. */
PyObject *rp_decoder_positioned(rp_decoder *decoder);
/* Fills the targets: after everything else has succeeded. 0 or -1 with an exception. */
int rp_decoder_commit(rp_decoder *decoder);

#define RP_DIGEST_SIZE 16
/* A digest of the value, equal for equal values of this and of later processes: containers by
 * content and identity structure, sets without order, numpy arrays by dtype, shape and content; no
 * reference counts, no addresses. 0: done. 1: can't be compared (holds an object outside the closed
 * set). -1: exception. */
int rp_digest(rp_module_state *state, PyObject *value, uint8_t digest[RP_DIGEST_SIZE]);
#endif
