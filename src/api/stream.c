/* The object stream: its marks, its variables, its memory. */
#include "api/stream.h"

#include "base/alloc.h"
#include "base/arith.h"

#include <inttypes.h>

/* References can make a small stream stand for much: it may be gone over so many times, and small
 * ones as long as this takes anyway. */
#define WORK_FACTOR 64u
#define WORK_ALWAYS (UINT64_C(1) << 27)
#define HOPS_MAX    64 /* from a reference to what is no reference */

resume_status rs_stream_damaged(rs_error *error, const char *what) {
    return rs_fail(error, RESUME_DAMAGED, "the saved state is damaged: %s is not what it should be",
                   what);
}

static resume_status spend(rs_stream *stream, uint64_t bytes, rs_error *error) {
    if (bytes > stream->work_left)
        return rs_fail(error, RESUME_LIMIT,
                       "the saved state refers to its parts so often that reading it would take "
                       "more than %" PRIu64 " steps",
                       WORK_ALWAYS + WORK_FACTOR * (uint64_t)stream->bytes.size);
    stream->work_left -= bytes;
    return RESUME_OK;
}

resume_status rs_stream_skip(rs_stream *stream, rs_cbor_reader *reader, rs_error *error) {
    size_t before = reader->position;
    resume_status status = rs_cbor_skip(reader, error);
    return status ? status : spend(stream, reader->position - before, error);
}

static resume_status next(rs_stream *stream, rs_cbor_reader *reader, rs_cbor_item *item,
                          rs_error *error) {
    resume_status status = rs_cbor_next(reader, item, error);
    return status ? status : spend(stream, 1, error);
}

resume_status rs_stream_next(rs_stream *stream, rs_cbor_reader *reader, rs_cbor_kind kind,
                             rs_cbor_item *item, rs_error *error) {
    resume_status status = next(stream, reader, item, error);
    if (status == RESUME_OK && item->kind != kind)
        status = rs_stream_damaged(error, "a part of a value");
    return status;
}

resume_status rs_stream_resolve(rs_stream *stream, rs_cbor_reader *reader, rs_cbor_item *item,
                                rs_error *error) {
    for (int hops = 0; hops < HOPS_MAX; hops++) {
        resume_status status = next(stream, reader, item, error);
        if (status) return status;
        if (item->kind != RS_CBOR_TAG) return RESUME_OK;
        if (item->argument == RS_TAG_SHARED) continue;
        if (item->argument != RS_TAG_REFERENCE) return RESUME_OK;
        status = rs_stream_next(stream, reader, RS_CBOR_UNSIGNED, item, error);
        if (status) return status;
        if (item->argument >= stream->mark_count) return rs_stream_damaged(error, "a reference");
        reader->position = stream->marks[item->argument];
    }
    return rs_stream_damaged(error, "a reference");
}

/* --- opening --- */

static resume_status add_mark(rs_stream *stream, size_t position, rs_error *error) {
    if (stream->mark_count == stream->mark_capacity) {
        size_t capacity = stream->mark_capacity ? 2 * stream->mark_capacity : 64;
        size_t *marks = rs_reallocate_array(stream->marks, capacity, sizeof *marks);
        if (!marks) return rs_fail(error, RESUME_NO_MEMORY, "no memory for the marks of a state");
        stream->marks = marks;
        stream->mark_capacity = capacity;
    }
    stream->marks[stream->mark_count++] = position;
    return RESUME_OK;
}

/* All heads, one after the other: the stream must be one item and nothing behind. */
static resume_status find_marks(rs_stream *stream, rs_error *error) {
    rs_cbor_reader reader = rs_cbor_reader_over(stream->bytes.bytes, stream->bytes.size);
    rs_cbor_item item;
    for (uint64_t left = 1; left > 0; left--) {
        resume_status status = rs_cbor_next(&reader, &item, error);
        if (status) return status;
        uint64_t more = item.kind == RS_CBOR_ARRAY ? item.argument
                        : item.kind == RS_CBOR_MAP ? 2 * item.argument
                                                   : item.kind == RS_CBOR_TAG;
        if (rs_add_overflows(left, more, &left) || left - 1 > reader.size - reader.position)
            return rs_stream_damaged(error, "a count");
        if (item.kind == RS_CBOR_TAG && item.argument == RS_TAG_SHARED) {
            status = add_mark(stream, reader.position, error);
            if (status) return status;
        }
    }
    if (reader.position != reader.size) return rs_stream_damaged(error, "the end");
    return RESUME_OK;
}

static bool is_text(rs_slice text, const char *expected) {
    return text.size == strlen(expected) && memcmp(text.bytes, expected, text.size) == 0;
}

static resume_status check_version(rs_stream *stream, rs_cbor_reader reader, rs_error *error) {
    rs_cbor_item item;
    resume_status status = rs_stream_next(stream, &reader, RS_CBOR_UNSIGNED, &item, error);
    if (status || item.argument == 1) return status;
    return rs_fail(error, RESUME_UNSUPPORTED,
                   "the state was saved by a newer version of resume: use that version, or a newer "
                   "one");
}

static resume_status find_vars(rs_stream *stream, rs_error *error) {
    rs_cbor_reader reader = rs_cbor_reader_over(stream->bytes.bytes, stream->bytes.size);
    rs_cbor_item map, item;
    rs_slice key;
    resume_status status = rs_stream_next(stream, &reader, RS_CBOR_MAP, &map, error);
    for (uint64_t i = 0; status == RESUME_OK && i < map.argument; i++) {
        status = rs_value_read_key(stream, &reader, &key, error);
        if (status) break;
        rs_cbor_reader value = reader;
        if (key.bytes && is_text(key, "v")) status = check_version(stream, value, error);
        if (status == RESUME_OK && key.bytes && is_text(key, "vars")) {
            status = rs_stream_next(stream, &value, RS_CBOR_MAP, &item, error);
            stream->vars = value;
            stream->var_count = item.argument;
        }
        if (status == RESUME_OK) status = rs_stream_skip(stream, &reader, error);
    }
    return status;
}

resume_status rs_stream_open(rs_stream *stream, rs_slice bytes, const rs_blobs *blobs,
                             rs_error *error) {
    *stream = (rs_stream){.bytes = bytes, .blobs = *blobs};
    stream->work_left = WORK_ALWAYS + WORK_FACTOR * (uint64_t)bytes.size;
    resume_status status = find_marks(stream, error);
    if (status == RESUME_OK) status = find_vars(stream, error);
    if (status) rs_stream_release(stream);
    return status;
}

void rs_stream_release(rs_stream *stream) {
    rs_free(stream->marks);
    *stream = (rs_stream){0};
}

resume_status rs_value_read_key(rs_stream *stream, rs_cbor_reader *reader, rs_slice *text,
                                rs_error *error) {
    rs_cbor_reader key = *reader;
    rs_cbor_item item;
    *text = (rs_slice){0};
    resume_status status = rs_stream_skip(stream, reader, error);
    if (status == RESUME_OK) status = rs_stream_resolve(stream, &key, &item, error);
    if (status == RESUME_OK && item.kind == RS_CBOR_TEXT)
        *text = (rs_slice){item.bytes, (size_t)item.argument};
    return status;
}

/* --- memory --- */

/* `item`: the content of tag BLOB. */
static resume_status blob_memory(rs_stream *stream, rs_cbor_reader *reader, rs_memory *memory,
                                 rs_error *error) {
    rs_cbor_item item, low = {0}, high = {0};
    resume_status status = next(stream, reader, &item, error);
    if (status) return status;
    bool is_part = item.kind == RS_CBOR_ARRAY && item.argument == 3;
    if (item.kind == RS_CBOR_ARRAY && item.argument == 2) {
        /* the digest is for readers that call what the stream names */
        status = rs_stream_next(stream, reader, RS_CBOR_UNSIGNED, &item, error);
        if (status == RESUME_OK)
            status = rs_stream_next(stream, reader, RS_CBOR_BYTES, &low, error);
        low = (rs_cbor_item){0};
        if (status) return status;
    } else if (is_part) {
        status = rs_stream_next(stream, reader, RS_CBOR_UNSIGNED, &item, error);
        if (status == RESUME_OK)
            status = rs_stream_next(stream, reader, RS_CBOR_UNSIGNED, &low, error);
        if (status == RESUME_OK)
            status = rs_stream_next(stream, reader, RS_CBOR_UNSIGNED, &high, error);
        if (status) return status;
    }
    if (item.kind != RS_CBOR_UNSIGNED || item.argument == 0 || item.argument >= stream->blobs.count)
        return rs_stream_damaged(error, "the number of a blob");
    *memory = (rs_memory){.blob = (size_t)item.argument};
    uint64_t size = stream->blobs.size(stream->blobs.context, memory->blob);
    memory->low = low.argument;
    memory->high = is_part ? high.argument : size;
    if (memory->high < memory->low || memory->high - memory->low != size)
        return rs_stream_damaged(error, "the part of an array that a blob has");
    return RESUME_OK;
}

resume_status rs_stream_memory(rs_stream *stream, rs_cbor_reader *reader, rs_memory *memory,
                               rs_error *error) {
    rs_cbor_item item;
    resume_status status = rs_stream_resolve(stream, reader, &item, error);
    if (status) return status;
    if (item.kind == RS_CBOR_TAG && item.argument == RS_TAG_BLOB)
        return blob_memory(stream, reader, memory, error);
    if (item.kind != RS_CBOR_BYTES) return rs_stream_damaged(error, "memory");
    *memory = (rs_memory){.bytes = item.bytes, .high = item.argument};
    return RESUME_OK;
}

resume_status rs_memory_read(const rs_stream *stream, const rs_memory *memory, uint64_t offset,
                             size_t size, void *to, rs_error *error) {
    if (offset < memory->low || offset > memory->high || size > memory->high - offset)
        return rs_stream_damaged(error, "the memory of an array");
    if (size == 0) return RESUME_OK;
    uint64_t start = offset - memory->low;
    if (memory->bytes) {
        memcpy(to, memory->bytes + start, size);
        return RESUME_OK;
    }
    return stream->blobs.read(stream->blobs.context, memory->blob, start, size, to, error);
}

bool rs_memory_is_at_hand(const rs_stream *stream, const rs_memory *memory, uint64_t offset,
                          size_t size) {
    const rs_blobs *blobs = &stream->blobs;
    return !memory->bytes && offset == memory->low && size == memory->high - memory->low &&
           blobs->is_at_hand && blobs->is_at_hand(blobs->context, memory->blob);
}

resume_status rs_stream_claim(const rs_stream *stream, uint64_t size, rs_error *error) {
    return stream->blobs.claim ? stream->blobs.claim(stream->blobs.context, size, error)
                               : RESUME_OK;
}
