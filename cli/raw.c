/* `--format raw`: the bytes of one variable, elements in the order of rows. */
#include "export.h"

#include <inttypes.h>

/* Text as its UTF-8; true when it was one. */
static bool put_text(rc_export *export, const rc_item *item, rc_output *output) {
    rs_cbor_item head, inner;
    rs_cbor_reader look = item->value;
    if (rc_resolve(&export->shares, export->state, &look, &head, NULL, NULL) != RESUME_OK)
        return false;
    if (head.kind == RS_CBOR_TAG && head.argument == TAG_SURROGATES &&
        rs_cbor_next(&look, &inner, NULL) == RESUME_OK && inner.kind == RS_CBOR_BYTES)
        head = inner;
    else if (head.kind != RS_CBOR_TEXT)
        return false;
    rc_say("'%s': text, %" PRIu64 " bytes of UTF-8", item->name, head.argument);
    rc_output_write(output, head.bytes, (size_t)head.argument);
    return true;
}

static void tell(const rc_item *item, const rc_array *array) {
    rs_buffer shape = {0};
    for (size_t i = 0; i < array->dimensions; i++)
        rc_append_format(&shape, i ? ", %" PRIu64 : "%" PRIu64, array->shape[i]);
    rs_buffer_append_zeros(&shape, 1);
    if (!shape.failed)
        rc_say("'%s': dtype %s, shape (%s%s), rows first", item->name, array->dtype.descr.bytes,
               shape.bytes, array->dimensions == 1 ? "," : "");
    rs_buffer_release(&shape);
}

resume_status rc_export_raw(rc_export *export, rc_output *output, rs_error *error) {
    rc_array array;
    rc_array_walk walk;
    const uint8_t *bytes;
    size_t size = 1;
    if (export->item_count != 1)
        return rs_fail(error, RESUME_BAD_NAME,
                       "raw is for one variable: resume export NAME --format raw VARIABLE");
    const rc_item *item = &export->items[0];
    if (put_text(export, item, output)) return RESUME_OK;
    resume_status status = rc_array_open(export, item->value, &array, error);
    if (status == RESUME_OK) {
        tell(item, &array);
        if (!rc_export_spend(export, rc_array_size(&array), error)) status = RESUME_UNSUPPORTED;
        if (status == RESUME_OK) status = rc_array_walk_start(export, &array, &walk, error);
        while (status == RESUME_OK && size && !output->failed) {
            status = rc_array_walk_next(export, &walk, 1 << 20, &bytes, &size, error);
            if (status == RESUME_OK) rc_output_write(output, bytes, size);
        }
        rc_array_release(&array);
    }
    if (status != RESUME_UNSUPPORTED) return status;
    rc_export_leave_out(export, item->name, error->text);
    return rs_fail(error, RESUME_UNSUPPORTED, "nothing is left to export");
}
