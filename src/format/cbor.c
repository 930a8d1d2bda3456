/* CBOR (RFC 8949): heads into a buffer, and heads out of memory one after the other. */
#include "format/cbor.h"

#include <inttypes.h>
#include <string.h>

enum {
    ONE_BYTE = 24,
    TWO_BYTES = 25,
    FOUR_BYTES = 26,
    EIGHT_BYTES = 27
}; /* additional information */
enum { HEAD_SIZE_MAX = 9 };

static uint64_t load_big_endian(const uint8_t *from, unsigned size) {
    uint64_t value = 0;
    for (unsigned i = 0; i < size; i++)
        value = value << 8 | from[i];
    return value;
}

static void put_wide(rs_buffer *buffer, uint8_t first, uint64_t argument, unsigned width) {
    uint8_t *to = rs_buffer_reserve_quick(buffer, HEAD_SIZE_MAX);
    if (!to) return;
    to[0] = first;
    /* the lowest `width` bytes, the highest first; there is room for all eight */
    uint64_t swapped = __builtin_bswap64(argument) >> (8 - width) % 8 * 8;
    memcpy(to + 1, &swapped, sizeof swapped);
    buffer->size += 1 + width;
}

void rs_cbor_put_head(rs_buffer *buffer, rs_cbor_kind kind, uint64_t argument) {
    unsigned major = (unsigned)kind << 5;
    if (argument < ONE_BYTE) {
        put_wide(buffer, (uint8_t)(major | argument), 0, 0);
    } else if (argument <= UINT8_MAX) {
        put_wide(buffer, (uint8_t)(major | ONE_BYTE), argument, 1);
    } else if (argument <= UINT16_MAX) {
        put_wide(buffer, (uint8_t)(major | TWO_BYTES), argument, 2);
    } else if (argument <= UINT32_MAX) {
        put_wide(buffer, (uint8_t)(major | FOUR_BYTES), argument, 4);
    } else {
        put_wide(buffer, (uint8_t)(major | EIGHT_BYTES), argument, 8);
    }
}

void rs_cbor_put_int(rs_buffer *buffer, int64_t value) {
    if (value < 0) {
        rs_cbor_put_head(buffer, RS_CBOR_NEGATIVE, ~(uint64_t)value); /* -1 - value */
    } else {
        rs_cbor_put_head(buffer, RS_CBOR_UNSIGNED, (uint64_t)value);
    }
}

void rs_cbor_put_bytes(rs_buffer *buffer, const void *bytes, size_t size) {
    rs_cbor_put_head(buffer, RS_CBOR_BYTES, size);
    rs_buffer_append(buffer, bytes, size);
}

void rs_cbor_put_text(rs_buffer *buffer, const char *utf8, size_t size) {
    rs_cbor_put_head(buffer, RS_CBOR_TEXT, size);
    rs_buffer_append(buffer, utf8, size);
}

void rs_cbor_put_literal(rs_buffer *buffer, const char *text) {
    rs_cbor_put_text(buffer, text, strlen(text));
}

void rs_cbor_put_double(rs_buffer *buffer, double value) {
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    put_wide(buffer, RS_CBOR_SIMPLE << 5 | EIGHT_BYTES, bits, 8);
}

void rs_cbor_put_simple(rs_buffer *buffer, uint8_t simple) {
    rs_cbor_put_head(buffer, RS_CBOR_SIMPLE, simple);
}

/* Bytes of the UTF-8 sequence at `at` (1 to 4), 0 when there is none: RFC 3629 section 4. */
static unsigned utf8_sequence(const uint8_t *at, size_t left) {
    uint8_t first = at[0];
    if (first < 0x80) return 1;
    uint8_t low = 0x80, high = 0xBF; /* of the second byte: no overlong forms, no surrogates */
    unsigned size;
    if (first >= 0xC2 && first <= 0xDF) {
        size = 2;
    } else if (first >= 0xE0 && first <= 0xEF) {
        size = 3;
        if (first == 0xE0) low = 0xA0;
        if (first == 0xED) high = 0x9F;
    } else if (first >= 0xF0 && first <= 0xF4) {
        size = 4;
        if (first == 0xF0) low = 0x90;
        if (first == 0xF4) high = 0x8F;
    } else {
        return 0;
    }
    if (left < size || at[1] < low || at[1] > high) return 0;
    for (unsigned i = 2; i < size; i++)
        if ((at[i] & 0xC0) != 0x80) return 0;
    return size;
}

bool rs_utf8_is_valid(const void *text, size_t size) {
    const uint8_t *at = text;
    size_t i = 0;
    while (i < size) {
        while (size - i >= 8 && !(rs_load_u64(at + i) & UINT64_C(0x8080808080808080)))
            i += 8;
        if (i == size) break;
        unsigned step = utf8_sequence(at + i, size - i);
        if (!step) return false;
        i += step;
    }
    return true;
}

rs_cbor_reader rs_cbor_reader_over(const void *bytes, size_t size) {
    return (rs_cbor_reader){.bytes = bytes, .size = size, .items_left = UINT64_MAX};
}

/* The head alone, without looking at what follows it. */
static resume_status read_head(const rs_cbor_reader *reader, rs_cbor_item *item, rs_error *error) {
    size_t offset = reader->position;
    size_t left = reader->size - offset;
    if (left == 0) {
        return rs_fail_at(error, RESUME_TRUNCATED, 0, offset,
                          "the CBOR data end at byte %zu where an item is expected", offset);
    }
    uint8_t first = reader->bytes[offset];
    uint8_t information = first & 31;
    *item = (rs_cbor_item){.kind = (rs_cbor_kind)(first >> 5), .offset = offset};
    if (information < ONE_BYTE) {
        item->argument = information;
        return RESUME_OK;
    }
    if (information > EIGHT_BYTES) {
        return rs_fail_at(error, RESUME_DAMAGED, 0, offset,
                          "the CBOR head 0x%02x at byte %zu is reserved or of indefinite length",
                          first, offset);
    }
    item->width = (uint8_t)(1u << (information - ONE_BYTE));
    if (left - 1 < item->width) {
        return rs_fail_at(error, RESUME_TRUNCATED, 0, offset,
                          "the CBOR data end inside the head at byte %zu", offset);
    }
    item->argument = load_big_endian(reader->bytes + offset + 1, item->width);
    if (item->kind == RS_CBOR_SIMPLE && item->width == 1 && item->argument < 32) {
        return rs_fail_at(error, RESUME_DAMAGED, 0, offset,
                          "the CBOR simple value %" PRIu64 " at byte %zu has a reserved form",
                          item->argument, offset);
    }
    return RESUME_OK;
}

/* What the head claims must have room in the bytes behind it: an item takes a byte at least. */
static resume_status check_claim(const rs_cbor_item *item, const uint8_t *behind, size_t left,
                                 rs_error *error) {
    bool too_long = false;
    switch (item->kind) {
    case RS_CBOR_BYTES:
    case RS_CBOR_TEXT:
    case RS_CBOR_ARRAY:
        too_long = item->argument > left;
        break;
    case RS_CBOR_MAP:
        too_long = item->argument > left / 2;
        break;
    default:
        break;
    }
    if (too_long) {
        return rs_fail_at(error, RESUME_DAMAGED, 0, item->offset,
                          "the CBOR item at byte %zu claims a length of %" PRIu64
                          ", %zu bytes are left",
                          item->offset, item->argument, left);
    }
    if (item->kind == RS_CBOR_TEXT && !rs_utf8_is_valid(behind, (size_t)item->argument)) {
        return rs_fail_at(error, RESUME_DAMAGED, 0, item->offset,
                          "the CBOR text at byte %zu is not UTF-8", item->offset);
    }
    return RESUME_OK;
}

resume_status rs_cbor_next(rs_cbor_reader *reader, rs_cbor_item *item, rs_error *error) {
    if (reader->items_left == 0) {
        return rs_fail_at(error, RESUME_LIMIT, 0, reader->position,
                          "the CBOR data have more items than are allowed here");
    }
    resume_status status = read_head(reader, item, error);
    if (status) return status;
    size_t position = reader->position + 1 + item->width;
    const uint8_t *behind = reader->bytes + position;
    status = check_claim(item, behind, reader->size - position, error);
    if (status) return status;
    if (item->kind == RS_CBOR_BYTES || item->kind == RS_CBOR_TEXT) {
        item->bytes = behind;
        position += (size_t)item->argument;
    }
    reader->position = position;
    if (reader->items_left != UINT64_MAX) reader->items_left--;
    return RESUME_OK;
}

/* A shorter float as a 64-bit one, bit by bit, so that payloads of NaNs are kept. */
static uint64_t widen(uint64_t bits, unsigned exponent_bits, unsigned fraction_bits) {
    uint64_t sign = bits >> (exponent_bits + fraction_bits) << 63;
    uint64_t exponent_max = (UINT64_C(1) << exponent_bits) - 1;
    uint64_t exponent = bits >> fraction_bits & exponent_max;
    uint64_t fraction = bits & ((UINT64_C(1) << fraction_bits) - 1);
    uint64_t bias = 1023 - (exponent_max >> 1);
    if (exponent == exponent_max)
        return sign | UINT64_C(2047) << 52 | fraction << (52 - fraction_bits);
    if (exponent == 0) {
        if (fraction == 0) return sign;
        for (exponent = 1; !(fraction >> fraction_bits);
             exponent--) /* subnormal: wraps, as below */
            fraction <<= 1;
        fraction &= (UINT64_C(1) << fraction_bits) - 1;
    }
    return sign | (exponent + bias) << 52 | fraction << (52 - fraction_bits);
}

bool rs_cbor_item_double(const rs_cbor_item *item, double *value) {
    if (item->kind != RS_CBOR_SIMPLE || item->width < 2) return false;
    uint64_t bits = item->argument;
    if (item->width == 2) bits = widen(bits, 5, 10);
    if (item->width == 4) bits = widen(bits, 8, 23);
    memcpy(value, &bits, sizeof bits);
    return true;
}

static resume_status skip_items(rs_cbor_reader *reader, rs_error *error) {
    uint64_t missing = 1;
    while (missing > 0) {
        rs_cbor_item item;
        resume_status status = rs_cbor_next(reader, &item, error);
        if (status) return status;
        uint64_t inside = 0;
        if (item.kind == RS_CBOR_ARRAY) inside = item.argument;
        if (item.kind == RS_CBOR_MAP) inside = item.argument * 2; /* at most the bytes left */
        if (item.kind == RS_CBOR_TAG) inside = 1;
        missing = missing - 1 + inside; /* each at most the size of the data */
        if (missing > reader->size - reader->position) {
            return rs_fail_at(error, RESUME_TRUNCATED, 0, item.offset,
                              "the CBOR data end before the item at byte %zu is complete",
                              item.offset);
        }
    }
    return RESUME_OK;
}

resume_status rs_cbor_skip(rs_cbor_reader *reader, rs_error *error) {
    rs_cbor_reader ahead = *reader;
    resume_status status = skip_items(&ahead, error);
    if (!status) *reader = ahead;
    return status;
}

/* Moves over one key; *found when it is the text `key`. */
static resume_status match_key(rs_cbor_reader *reader, const char *key, bool *found,
                               rs_error *error) {
    rs_cbor_reader before = *reader;
    rs_cbor_item item;
    resume_status status = rs_cbor_next(reader, &item, error);
    if (status) return status;
    *found = item.kind == RS_CBOR_TEXT && item.argument == strlen(key) &&
             memcmp(item.bytes, key, (size_t)item.argument) == 0;
    if (*found) return RESUME_OK;
    *reader = before;
    return rs_cbor_skip(reader, error);
}

resume_status rs_cbor_find(rs_cbor_reader *reader, const rs_cbor_item *map, const char *key,
                           rs_error *error) {
    if (map->kind != RS_CBOR_MAP) {
        return rs_fail_at(error, RESUME_DAMAGED, 0, map->offset,
                          "the CBOR item at byte %zu is no map", map->offset);
    }
    rs_cbor_reader ahead = *reader;
    for (uint64_t i = 0; i < map->argument; i++) {
        bool found = false;
        resume_status status = match_key(&ahead, key, &found, error);
        if (!status && !found) status = rs_cbor_skip(&ahead, error);
        if (status) return status;
        if (found) {
            *reader = ahead;
            return RESUME_OK;
        }
    }
    *reader = ahead;
    return rs_fail_at(error, RESUME_NOT_FOUND, 0, map->offset, "the map has no key '%s'", key);
}
