/* META: the CBOR map that tools show. docs/format.md section "META". */
#include "format/meta.h"
#include "base/arith.h"
#include "format/cbor.h"

#include <inttypes.h>

/* Of one text, so that a long path or name can never make a META that its reader refuses. */
#define TEXT_SIZE_MAX 8192u

typedef enum meta_type {
    META_SIGNED,
    META_UNSIGNED,
    META_NUMBER, /* unsigned, not written when it is 0 */
    META_BOOL,
    META_TEXT
} meta_type;

typedef struct meta_field {
    const char *key;
    meta_type type;
    size_t place; /* in rs_meta */
} meta_field;

static const meta_field fields[] = {
    {"saved", META_SIGNED, offsetof(rs_meta, saved_ns)},
    {"started", META_SIGNED, offsetof(rs_meta, started_ns)},
    {"running", META_SIGNED, offsetof(rs_meta, running_ns)},
    {"saves", META_UNSIGNED, offsetof(rs_meta, saves)},
    {"ended", META_BOOL, offsetof(rs_meta, ended)},
    {"pid", META_SIGNED, offsetof(rs_meta, pid)},
    {"size", META_UNSIGNED, offsetof(rs_meta, state_size)},
    {"copy_of", META_NUMBER, offsetof(rs_meta, copy_of)},
    {"failures", META_NUMBER, offsetof(rs_meta, failures)},
    {"cost", META_NUMBER, offsetof(rs_meta, cost_ns)},
    {"pause", META_NUMBER, offsetof(rs_meta, pause_ns)},
    {"durable", META_NUMBER, offsetof(rs_meta, durable_ns)},
    {"paused", META_NUMBER, offsetof(rs_meta, paused_ns)},
    {"name", META_TEXT, offsetof(rs_meta, name)},
    {"program", META_TEXT, offsetof(rs_meta, program)},
    {"function", META_TEXT, offsetof(rs_meta, function)},
    {"host", META_TEXT, offsetof(rs_meta, host)},
    {"run", META_TEXT, offsetof(rs_meta, run)},
    {"writer", META_TEXT, offsetof(rs_meta, writer)},
};
#define FIELD_COUNT (sizeof fields / sizeof fields[0])
/* A head, and a key with its head, take less than 32 bytes. */
_Static_assert(FIELD_COUNT * 32 + 6 * TEXT_SIZE_MAX < RS_META_SIZE_MAX,
               "META of the longest texts would be refused by its reader");

/* Paths need not be UTF-8: such a text is written as bytes. */
static void put_slice(rs_buffer *cbor, rs_slice text) {
    const uint8_t *bytes = text.bytes;
    size_t size = text.size;
    if (size > TEXT_SIZE_MAX) {
        size = TEXT_SIZE_MAX;
        while (size > TEXT_SIZE_MAX - 4 && (bytes[size] & 0xC0) == 0x80)
            size--; /* not inside a character */
    }
    if (rs_utf8_is_valid(bytes, size)) {
        rs_cbor_put_text(cbor, (const char *)bytes, size);
    } else {
        rs_cbor_put_bytes(cbor, bytes, size);
    }
}

static bool is_left_out(const meta_field *field, const void *from) {
    return field->type == META_NUMBER && *(const uint64_t *)from == 0;
}

void rs_meta_encode(const rs_meta *meta, rs_buffer *cbor) {
    size_t count = 0;
    for (size_t i = 0; i < FIELD_COUNT; i++)
        count += !is_left_out(&fields[i], (const char *)meta + fields[i].place);
    rs_cbor_put_head(cbor, RS_CBOR_MAP, count);
    for (size_t i = 0; i < FIELD_COUNT; i++) {
        const void *from = (const char *)meta + fields[i].place;
        if (is_left_out(&fields[i], from)) continue;
        rs_cbor_put_literal(cbor, fields[i].key);
        switch (fields[i].type) {
        case META_SIGNED:
            rs_cbor_put_int(cbor, *(const int64_t *)from);
            break;
        case META_UNSIGNED:
        case META_NUMBER:
            rs_cbor_put_head(cbor, RS_CBOR_UNSIGNED, *(const uint64_t *)from);
            break;
        case META_BOOL:
            rs_cbor_put_simple(cbor, *(const bool *)from ? RS_CBOR_TRUE : RS_CBOR_FALSE);
            break;
        default: /* META_TEXT */
            put_slice(cbor, *(const rs_slice *)from);
            break;
        }
    }
}

/* False when the item has not the type of the field. */
static bool take(const meta_field *field, const rs_cbor_item *item, rs_meta *meta) {
    void *to = (char *)meta + field->place;
    switch (field->type) {
    case META_SIGNED:
        if (item->kind > RS_CBOR_NEGATIVE || item->argument > INT64_MAX) return false;
        *(int64_t *)to =
            item->kind == RS_CBOR_NEGATIVE ? -1 - (int64_t)item->argument : (int64_t)item->argument;
        return true;
    case META_UNSIGNED:
    case META_NUMBER:
        if (item->kind != RS_CBOR_UNSIGNED) return false;
        *(uint64_t *)to = item->argument;
        return true;
    case META_BOOL:
        if (item->kind != RS_CBOR_SIMPLE || item->width != 0) return false;
        if (item->argument != RS_CBOR_TRUE && item->argument != RS_CBOR_FALSE) return false;
        *(bool *)to = item->argument == RS_CBOR_TRUE;
        return true;
    default: /* META_TEXT */
        break;
    }
    if (item->kind != RS_CBOR_TEXT && item->kind != RS_CBOR_BYTES) return false;
    *(rs_slice *)to = (rs_slice){item->bytes, (size_t)item->argument};
    return true;
}

static const meta_field *find_field(const rs_cbor_item *key) {
    if (key->kind != RS_CBOR_TEXT) return NULL;
    for (size_t i = 0; i < FIELD_COUNT; i++) {
        if (strlen(fields[i].key) == key->argument &&
            memcmp(fields[i].key, key->bytes, (size_t)key->argument) == 0)
            return &fields[i];
    }
    return NULL;
}

/* One key and its value. */
static resume_status read_entry(rs_cbor_reader *reader, rs_meta *meta, rs_error *error) {
    rs_cbor_reader key_start = *reader;
    rs_cbor_item item;
    resume_status status = rs_cbor_next(reader, &item, error);
    if (status) return status;
    const meta_field *field = find_field(&item);
    if (!field) {
        *reader = key_start;
        status = rs_cbor_skip(reader, error);
        return status ? status : rs_cbor_skip(reader, error);
    }
    status = rs_cbor_next(reader, &item, error);
    if (status) return status;
    if (take(field, &item, meta)) return RESUME_OK;
    return rs_fail(error, RESUME_DAMAGED, "'%s' has a value of an unexpected type", field->key);
}

static resume_status decode_map(rs_slice cbor, rs_meta *meta, rs_error *error) {
    rs_cbor_reader reader = rs_cbor_reader_over(cbor.bytes, cbor.size);
    rs_cbor_item map;
    resume_status status = rs_cbor_next(&reader, &map, error);
    if (status) return status;
    if (map.kind != RS_CBOR_MAP) return rs_fail(error, RESUME_DAMAGED, "it is no CBOR map");
    for (uint64_t i = 0; i < map.argument && !status; i++)
        status = read_entry(&reader, meta, error);
    if (!status && reader.position != cbor.size) {
        status =
            rs_fail(error, RESUME_DAMAGED, "%zu bytes follow the map", cbor.size - reader.position);
    }
    return status;
}

resume_status rs_meta_decode(rs_slice cbor, rs_meta *meta, rs_error *error) {
    if (cbor.size > RS_META_SIZE_MAX) {
        return rs_fail(error, RESUME_DAMAGED, "META has %zu bytes, more than %u", cbor.size,
                       RS_META_SIZE_MAX);
    }
    rs_meta read = {0};
    resume_status status = decode_map(cbor, &read, error);
    if (status) {
        rs_error_prefix(error, "META");
        /* Inside a record that is whole, data that end early are damage. */
        if (status == RESUME_TRUNCATED && error) error->status = RESUME_DAMAGED;
        return status == RESUME_TRUNCATED ? RESUME_DAMAGED : status;
    }
    *meta = read;
    return RESUME_OK;
}
