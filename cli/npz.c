/* `--format npz`: a zip file of .npy files, as numpy.savez writes it. The zip is libarchive's.
 *
 * https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html */
#include "export.h"

#include <archive.h>
#include <archive_entry.h>
#include <inttypes.h>

#define HEADER_SIZE_MAX 9900u /* numpy.load refuses more than 10000, unless asked */
#define PIECE_SIZE      (1u << 20)
#define NAME_SIZE       600u

/* ---- names of members */

/* A member is a file once the zip is unpacked: nothing that is a path, hidden, or a device of
 * another system. */
static void sanitise(const char *name, char *to, size_t to_size) {
    size_t used = rc_escape(RC_ESCAPE_JSON, name, strlen(name), to, to_size);
    for (size_t i = 0; i < used; i++)
        if ((uint8_t)to[i] < 32 || to[i] == 127 || strchr("/\\:*?\"<>|", to[i])) to[i] = '_';
    if (to[0] == '.') to[0] = '_';
    for (char *dots = strstr(to, ".."); dots; dots = strstr(to, ".."))
        dots[1] = '_';
    if (used && to[used - 1] == '.') to[used - 1] = '_';
    if (!used) snprintf(to, to_size, "_");
}

/* The name for `name`, which no other member has. `names`: each that is taken, with the number that
 * its next namesake begins to look from. */
static bool choose_name(json_t *names, const char *name, char unique[NAME_SIZE]) {
    char clean[NAME_SIZE - 32];
    sanitise(name, clean, sizeof clean);
    snprintf(unique, NAME_SIZE, "%s", clean);
    json_int_t number = json_integer_value(json_object_get(names, clean));
    while (json_object_get(names, unique))
        snprintf(unique, NAME_SIZE, "%s_%d", clean, (int)++number);
    bool good = json_object_set_new(names, unique, json_integer(1)) == 0 &&
                json_object_set_new(names, clean, json_integer(number ? number : 1)) == 0;
    if (good && strcmp(unique, name) != 0) rc_say("'%s' is called '%s' in the file", name, unique);
    return good;
}

/* ---- one .npy file */

/* Magic, version, and a dict as a literal of Python, padded to a multiple of 64. */
static bool put_header(const rc_array *array, bool fortran, rs_buffer *header) {
    static const uint8_t begin[] = {0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0, 0, 0};
    rs_buffer_append(header, begin, sizeof begin);
    rc_append_text(header, "{'descr': ");
    rs_buffer_append(header, array->dtype.descr.bytes, array->dtype.descr.size - 1);
    rc_append_format(header, ", 'fortran_order': %s, 'shape': (", fortran ? "True" : "False");
    for (size_t i = 0; i < array->dimensions; i++)
        rc_append_format(header, i ? " %" PRIu64 "," : "%" PRIu64 ",", array->shape[i]);
    rc_append_text(header, "), }");
    while (header->size % 64 != 63 && !header->failed)
        rc_append_text(header, " ");
    rc_append_text(header, "\n");
    if (header->failed || header->size > HEADER_SIZE_MAX) return false;
    rs_store_u16(header->bytes + 8, (uint16_t)(header->size - sizeof begin));
    return true;
}

typedef struct zip {
    rc_export *export;
    rc_output *output;
    struct archive *archive;
    json_t *names;
} zip;

static resume_status zip_failed(const zip *this, rs_error *error) {
    if (this->output->failed)
        return rs_fail(error, RESUME_IO, "writing '%s' failed: %s",
                       this->output->path ? this->output->path : "the result",
                       strerror(this->output->os_code));
    const char *text = archive_error_string(this->archive);
    return rs_fail(error, RESUME_IO, "writing the zip failed: %s", text ? text : "unknown reason");
}

static resume_status begin_member(const zip *this, const char *name, uint64_t size,
                                  rs_error *error) {
    char file_name[NAME_SIZE + 8];
    const rs_meta *meta = rs_state_meta(this->export->state);
    struct archive_entry *entry = archive_entry_new2(this->archive);
    if (!entry) return rs_fail(error, RESUME_NO_MEMORY, "out of memory");
    snprintf(file_name, sizeof file_name, "%s.npy", name);
    archive_entry_set_pathname_utf8(entry, file_name);
    archive_entry_set_size(entry, (int64_t)size);
    archive_entry_set_filetype(entry, AE_IFREG);
    archive_entry_set_perm(entry, 0600);
    if (meta->saved_ns > 0) archive_entry_set_mtime(entry, meta->saved_ns / 1000000000, 0);
    int result = archive_write_header(this->archive, entry);
    archive_entry_free(entry);
    return result == ARCHIVE_OK ? RESUME_OK : zip_failed(this, error);
}

static resume_status put_member(const zip *this, const void *bytes, size_t size, rs_error *error) {
    const uint8_t *from = bytes;
    while (size > 0) {
        la_ssize_t written = archive_write_data(this->archive, from, size);
        if (written <= 0) return zip_failed(this, error);
        from += written;
        size -= (size_t)written;
    }
    return RESUME_OK;
}

static resume_status put_array(zip *this, const char *name, rc_array *array,
                               const rs_buffer *header, rs_error *error) {
    rc_array_walk walk;
    const uint8_t *bytes;
    size_t size = 1;
    resume_status status = rc_array_walk_start(this->export, array, &walk, error);
    if (status != RESUME_OK) return RESUME_UNSUPPORTED;
    if (!rc_export_spend(this->export, rc_array_size(array), error)) return RESUME_UNSUPPORTED;
    char member[NAME_SIZE];
    if (!choose_name(this->names, name, member))
        return rs_fail(error, RESUME_NO_MEMORY, "out of memory");
    status = begin_member(this, member, header->size + rc_array_size(array), error);
    if (status == RESUME_OK) status = put_member(this, header->bytes, header->size, error);
    while (status == RESUME_OK && size) {
        status = rc_array_walk_next(this->export, &walk, PIECE_SIZE, &bytes, &size, error);
        if (status == RESUME_OK) status = put_member(this, bytes, size, error);
    }
    return status;
}

/* UNSUPPORTED: it is left out, and the reason is in `error`. */
static resume_status put_item(zip *this, const rc_item *item, rs_error *error) {
    rc_array array;
    rs_buffer header = {0};
    resume_status status = rc_array_open(this->export, item->value, &array, error);
    if (status != RESUME_OK) return status;
    bool fortran = rc_array_is_fortran(&array);
    if (array.dtype.no_descr)
        status = rs_fail(error, RESUME_UNSUPPORTED, "%s", array.dtype.no_descr);
    else if (!put_header(&array, fortran, &header))
        status = rs_fail(error, RESUME_UNSUPPORTED, "its dtype is longer than numpy.load reads");
    if (fortran) rc_array_transpose(&array); /* its memory as it stands is that of the transposed */
    if (status == RESUME_OK) status = put_array(this, item->name, &array, &header, error);
    rs_buffer_release(&header);
    rc_array_release(&array);
    return status;
}

static la_ssize_t write_piece(struct archive *archive, void *context, const void *bytes,
                              size_t size) {
    zip *this = context;
    rc_output_write(this->output, bytes, size);
    if (!this->output->failed) return (la_ssize_t)size;
    archive_set_error(archive, this->output->os_code, "writing failed");
    return -1;
}

/* ARCHIVE_OK, or the zip can't be made. zip64 appears where a size or the count asks for it. */
static int open_zip(zip *this) {
    this->archive = archive_write_new();
    if (!this->archive) return ARCHIVE_FATAL;
    const char *compression =
        this->export->compress ? "zip:compression=deflate" : "zip:compression=store";
    int result = archive_write_set_format_zip(this->archive);
    if (result == ARCHIVE_OK) result = archive_write_set_options(this->archive, compression);
    if (result == ARCHIVE_OK)
        result = archive_write_set_options(this->archive, "zip:hdrcharset=UTF-8");
    if (result == ARCHIVE_OK) result = archive_write_set_bytes_in_last_block(this->archive, 1);
    if (result == ARCHIVE_OK)
        result = archive_write_open(this->archive, this, NULL, write_piece, NULL);
    return result;
}

resume_status rc_export_npz(rc_export *export, rc_output *output, rs_error *error) {
    zip this = {.export = export, .output = output, .names = json_object()};
    resume_status status = rc_items_flatten(export, true, error);
    if (status == RESUME_OK && open_zip(&this) != ARCHIVE_OK)
        status = rs_fail(error, RESUME_NO_MEMORY, "a zip file can't be made");
    for (size_t i = 0; status == RESUME_OK && i < export->item_count; i++) {
        rs_error why = {0};
        status = put_item(&this, &export->items[i], &why);
        if (status == RESUME_UNSUPPORTED) {
            rc_export_leave_out(export, export->items[i].name, why.text);
            status = RESUME_OK;
        } else if (status != RESUME_OK && error) {
            *error = why;
        }
    }
    if (status == RESUME_OK && archive_write_close(this.archive) != ARCHIVE_OK)
        status = zip_failed(&this, error);
    archive_write_free(this.archive);
    json_decref(this.names);
    return status;
}
