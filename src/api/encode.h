/* The protected variables as an object stream and blobs: what a save hands to the engine. */
#ifndef RS_API_ENCODE_H
#define RS_API_ENCODE_H

#include "api/handle.h"

typedef struct rs_encoding {
    rs_buffer stream;
    rs_blob *blobs; /* blobs[0] is the stream */
    size_t blob_count, blob_capacity;
    rs_buffer *states; /* of callbacks: they must stay until the commit */
    size_t state_count, state_capacity;
} rs_encoding; /* zero-initialised: empty */

struct resume_writer {
    rs_buffer bytes;
};

/* Arrays of 64 KiB and more are not copied: the blobs point at the variables. MISUSE: a callback
 * refused, or did what it must not. */
resume_status rs_encode(resume *checkpoint, rs_encoding *encoding, rs_error *error);
void rs_encoding_release(rs_encoding *encoding);
/* Calls a save callback of a variable. */
resume_status rs_encode_state(const rs_scope *scope, const rs_variable *variable, rs_buffer *bytes,
                              rs_error *error);
#endif
