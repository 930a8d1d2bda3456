/* See api_place.h. */
#include "api_place.h"

#include "testing.h"

#include "base/alloc.h"

#include <string.h>

int api_place_setup(void **state) {
    api_place *place = rs_allocate_zeroed(1, sizeof *place);
    if (!place) return -1;
    fault_os_init(&place->fault, rs_os_linux());
    temp_folder_make(place->path);
    temp_path(place->file, place->path, "ck");
    place->options = (resume_options){.folder = place->path, .rate_s = RESUME_EVERY_SYNC};
    *state = place;
    return 0;
}

int api_place_teardown(void **state) {
    api_place *place = *state;
    size_t open = fault_os_open_count(&place->fault);
    if (open) fault_os_print(&place->fault);
    temp_folder_remove(place->path);
    rs_buffer_release(&place->stream);
    rs_free(place);
    return open ? -1 : 0;
}

resume *api_try_open(api_place *place) {
    resume *checkpoint = NULL;
    rs_api_open(&place->fault.os, &checkpoint, "ck", "test", &place->options,
                sizeof place->options);
    assert_non_null(checkpoint);
    return checkpoint;
}

resume *api_open(api_place *place) {
    resume *checkpoint = api_try_open(place);
    if (*resume_message(checkpoint)) fail_msg("can't open: %s", resume_message(checkpoint));
    return checkpoint;
}

void api_close(resume *checkpoint) {
    resume_status status = resume_close(checkpoint);
    assert_int_equal(status, RESUME_OK);
}

rs_buffer *api_begin(api_place *place, uint64_t count) {
    rs_buffer *stream = &place->stream;
    rs_buffer_clear(stream);
    place->blob_count = 1;
    rs_cbor_put_head(stream, RS_CBOR_MAP, 2);
    rs_cbor_put_literal(stream, "v");
    rs_cbor_put_int(stream, 1);
    rs_cbor_put_literal(stream, "vars");
    rs_cbor_put_head(stream, RS_CBOR_MAP, count);
    return stream;
}

uint64_t api_blob(api_place *place, const void *bytes, size_t size) {
    assert_true(place->blob_count < sizeof place->blobs / sizeof *place->blobs);
    place->blobs[place->blob_count] = (rs_blob){bytes, size, 1};
    return place->blob_count++;
}

void api_put(api_place *place) {
    rs_checkpoint *engine;
    rs_commit_info info;
    rs_error error = {0};
    rs_checkpoint_options options = {.folder = place->path,
                                     .name = "ck",
                                     .name_size = 2,
                                     .rate_ns = RS_NEVER,
                                     .expire_ended_ns = RS_NEVER,
                                     .expire_cut_off_ns = RS_NEVER};
    place->blobs[0] = (rs_blob){place->stream.bytes, place->stream.size, 1};
    assert_false(place->stream.failed);
    resume_status status = rs_checkpoint_open(&place->fault.os, &options, &engine, &error);
    if (status) fail_msg("can't open: %s", error.text);
    status = rs_checkpoint_save(engine, place->blobs, place->blob_count, &info, &error);
    if (status) fail_msg("can't save: %s", error.text);
    rs_checkpoint_close(engine);
}

void api_put_tag(rs_buffer *stream, uint64_t tag) {
    rs_cbor_put_head(stream, RS_CBOR_TAG, tag);
}

void api_put_tagged(rs_buffer *stream, uint64_t tag, uint64_t count) {
    api_put_tag(stream, tag);
    rs_cbor_put_head(stream, RS_CBOR_ARRAY, count);
}

void api_put_array(rs_buffer *stream, const char *dtype, uint64_t count, const void *bytes,
                   size_t size) {
    api_put_tagged(stream, 39262, 5);
    rs_cbor_put_literal(stream, dtype);
    rs_cbor_put_head(stream, RS_CBOR_ARRAY, 1);
    rs_cbor_put_head(stream, RS_CBOR_UNSIGNED, count);
    rs_cbor_put_int(stream, 0);
    rs_cbor_put_simple(stream, RS_CBOR_TRUE);
    rs_cbor_put_bytes(stream, bytes, size);
}

resume_status api_restore(resume *checkpoint, char text[1024]) {
    resume_status status = resume_restore(checkpoint, NULL);
    strncpy(text, resume_message(checkpoint), 1023);
    text[1023] = 0;
    resume_leave(checkpoint);
    return status;
}
