/* Mutations of a checkpoint file: its numbers, its segments, its plain bytes; then repair. */
#include "mutate.h"

#include "base/bytes.h"
#include "format/header.h"
#include "format/segment.h"

#include <stdlib.h>
#include <string.h>

#define FIELDS_MAX   4096
#define SEGMENTS_MAX 64

typedef struct dice {
    uint64_t state;
} dice;

static uint64_t roll(dice *random) { /* splitmix64 */
    uint64_t z = random->state += UINT64_C(0x9E3779B97F4A7C15);
    z = (z ^ z >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ z >> 27) * UINT64_C(0x94D049BB133111EB);
    return z ^ z >> 31;
}

static size_t below(dice *random, size_t limit) {
    return limit ? (size_t)(roll(random) % limit) : 0;
}

/* ---- numbers ---- */

static uint64_t interesting(dice *random, const image *file, uint64_t old) {
    static const uint64_t steps[] = {1, 7, 8, 16, 32, 64, 4096};
    uint64_t power = UINT64_C(1) << below(random, 64);
    switch (below(random, 8)) {
    case 0:
        return below(random, 6);
    case 1:
        return power - below(random, 2);
    case 2:
        return ~power;
    case 3:
        return old + steps[below(random, sizeof steps / sizeof *steps)];
    case 4:
        return old - steps[below(random, sizeof steps / sizeof *steps)];
    case 5:
        return file->size - below(random, 3) * RS_BLOCK_SIZE;
    case 6: /* the place of a block, or of a trailer */
        return below(random, file->size / RS_BLOCK_SIZE + 2) * RS_BLOCK_SIZE - (roll(random) & 64);
    default:
        return old ^ power;
    }
}

static void change_number(image *file, dice *random) {
    static image_field fields[FIELDS_MAX];
    size_t count = image_fields(file, fields, FIELDS_MAX);
    if (!count) return;
    image_field field = fields[below(random, count)];
    uint8_t number[8] = {0};
    memcpy(number, file->bytes + field.at, field.width);
    rs_store_u64(number, interesting(random, file, rs_load_u64(number)));
    memcpy(file->bytes + field.at, number, field.width);
}

/* ---- plain bytes ---- */

static void change_bytes(image *file, size_t at, size_t size) {
    uint8_t *copy = calloc(1, size + 1);
    if (!copy) abort();
    memcpy(copy, file->bytes + at, size);
    size_t made = size ? LLVMFuzzerMutate(copy, size, size) : 0;
    memset(copy + made, 0, size - made);
    memcpy(file->bytes + at, copy, size);
    free(copy);
}

/* A part of a segment: its data, its records, or either end. */
static void change_part(image *file, dice *random, const image_segment *segment) {
    size_t data = segment->offset + RS_SEGMENT_HEADER_SIZE;
    switch (below(random, 6)) {
    case 0:
        change_bytes(file, segment->offset, RS_SEGMENT_HEADER_SIZE);
        break;
    case 1:
        change_bytes(file, segment->offset + segment->size - RS_TRAILER_SIZE, RS_TRAILER_SIZE);
        break;
    case 2:
    case 3:
        if (segment->records > data) change_bytes(file, data, segment->records - data);
        break;
    default:
        change_bytes(file, segment->records, segment->records_size);
    }
}

/* ---- segments ---- */

static void put_segment(image *file, const uint8_t *from, size_t size, size_t at) {
    if (at > file->capacity || size > file->capacity - at) return;
    if (at + size > file->size) {
        if (at > file->size) memset(file->bytes + file->size, 0, at - file->size);
        file->size = at + size;
    }
    memcpy(file->bytes + at, from, size);
}

/* A segment once more, at the end, over another one, or a block further; mostly as a later one. */
static void copy_segment(image *file, dice *random, const image_segment *segments, size_t count) {
    image_segment from = segments[below(random, count)], to = segments[below(random, count)];
    size_t end = (file->size + RS_BLOCK_SIZE - 1) / RS_BLOCK_SIZE * RS_BLOCK_SIZE;
    size_t at = below(random, 3) ? end + below(random, 2) * RS_BLOCK_SIZE : to.offset;
    uint8_t *copy = malloc(from.size);
    if (!copy) abort();
    memcpy(copy, file->bytes + from.offset, from.size);
    if (below(random, 4)) {
        uint64_t newest = rs_load_u64(file->bytes + segments[count - 1].offset + 8);
        size_t last = segments[count - 1].offset + segments[count - 1].size;
        rs_store_u64(copy + 8, newest + below(random, 3));
        if (below(random, 2)) rs_store_u64(copy + 32, last - RS_TRAILER_SIZE);
    }
    put_segment(file, copy, from.size, at);
    free(copy);
}

static void drop_segment(image *file, dice *random, const image_segment *segments, size_t count) {
    image_segment gone = segments[below(random, count)];
    size_t behind = gone.offset + gone.size;
    if (below(random, 2)) {
        memset(file->bytes + gone.offset, 0, gone.size);
        return;
    }
    memmove(file->bytes + gone.offset, file->bytes + behind, file->size - behind);
    file->size -= gone.size;
}

static void put_hint(image *file, dice *random, const image_segment *segments, size_t count) {
    image_segment of = segments[below(random, count)];
    uint8_t *hint = file->bytes + (1 + below(random, 2)) * RS_BLOCK_SIZE;
    memcpy(hint, "RSHINT1\n", 8);
    memcpy(hint + 8, file->bytes + of.offset + 8, 8);
    rs_store_u64(hint + 16, of.offset + of.size - RS_TRAILER_SIZE);
    if (below(random, 4) == 0) rs_store_u64(hint + 16, interesting(random, file, 0));
    if (below(random, 4) == 0) rs_store_u64(hint + 8, interesting(random, file, 1));
}

static void change_end(image *file, dice *random) {
    size_t extra = below(random, 2) ? RS_BLOCK_SIZE : below(random, 200);
    if (below(random, 2)) {
        file->size -= file->size > extra ? extra : 0;
    } else if (file->capacity - file->size >= extra) {
        memset(file->bytes + file->size, (int)below(random, 256), extra);
        file->size += extra;
    }
}

static void mutate_once(image *file, dice *random) {
    image_segment segments[SEGMENTS_MAX];
    size_t count = image_segments(file, segments, SEGMENTS_MAX);
    size_t kind = below(random, 16);
    if (kind < 6) {
        change_number(file, random);
    } else if (kind == 6) {
        change_end(file, random);
    } else if (kind == 7 || count == 0) {
        change_bytes(file, 0, file->size);
    } else if (kind == 8) {
        copy_segment(file, random, segments, count);
    } else if (kind == 9) {
        drop_segment(file, random, segments, count);
    } else if (kind == 10) {
        put_hint(file, random, segments, count);
    } else {
        change_part(file, random, &segments[below(random, count)]);
    }
}

void mutate_image(image *file, uint64_t seed) {
    dice random = {seed};
    for (size_t left = 1 + below(&random, 4); left > 0; left--)
        mutate_once(file, &random);
    unsigned what = IMAGE_ALL & ~(unsigned)IMAGE_SIZES;
    if (below(&random, 2)) what |= IMAGE_SIZES;
    /* now and then one kind of checksum stays wrong */
    if (below(&random, 8) == 0) what &= ~(1u << below(&random, 6));
    image_repair(file, what);
}
