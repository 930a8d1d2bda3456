/* A folder for checkpoints of the C API behind a fault os, and hand-made object streams in it. */
#ifndef SUPPORT_API_PLACE_H
#define SUPPORT_API_PLACE_H

#include "api/handle.h"
#include "base/buffer.h"
#include "fault_os.h"
#include "format/cbor.h"
#include "temp_folder.h"

typedef struct api_place {
    fault_os fault;
    char path[TEMP_PATH_SIZE];
    char file[TEMP_PATH_SIZE]; /* of the checkpoint "ck" */
    resume_options options;    /* folder set, every sync saves */
    rs_buffer stream;          /* of api_begin */
    rs_blob blobs[8];
    size_t blob_count;
} api_place;

/* For cmocka. Tearing down checks that no descriptor is left. */
int api_place_setup(void **state);
int api_place_teardown(void **state);

/* Opens "ck"; fails the test when that does not work. */
resume *api_open(api_place *place);
/* The same, whatever comes of it. */
resume *api_try_open(api_place *place);
void api_close(resume *checkpoint); /* must work */

/* A stream with `count` variables: after it, for each, rs_cbor_put_literal(name) and its value. */
rs_buffer *api_begin(api_place *place, uint64_t count);
/* A blob for it; its number. The bytes are borrowed. */
uint64_t api_blob(api_place *place, const void *bytes, size_t size);
/* Saves stream and blobs as the newest generation of "ck". */
void api_put(api_place *place);
/* tag [..: the head of an array with a tag. */
void api_put_tag(rs_buffer *stream, uint64_t tag);
void api_put_tagged(rs_buffer *stream, uint64_t tag, uint64_t count);
/* ARRAY of one dimension with its memory in the stream. */
void api_put_array(rs_buffer *stream, const char *dtype, uint64_t count, const void *bytes,
                   size_t size);

/* Restores a checkpoint that was just opened and frees it: the status. *message: its text, or "",
 * into `text`. */
resume_status api_restore(resume *checkpoint, char text[1024]);
#endif
