/* Mutations of an object stream: whole items are replaced, copied, wrapped in tags; heads change.
 */
#include "mutate_stream.h"

#include "mutate.h"

#include "format/cbor.h"

#include <stdlib.h>
#include <string.h>

#define ITEMS_MAX 512

typedef struct item {
    size_t start, end;
} item;

/* Each item with what is in it, as far as the stream can be read. */
static size_t find_items(const uint8_t *bytes, size_t size, item *items, size_t max) {
    rs_cbor_reader reader = rs_cbor_reader_over(bytes, size);
    size_t count = 0;
    while (count < max) {
        rs_cbor_reader behind = reader;
        rs_cbor_item head;
        size_t start = reader.position;
        if (rs_cbor_next(&reader, &head, NULL)) break;
        if (rs_cbor_skip(&behind, NULL)) continue;
        items[count++] = (item){start, behind.position};
    }
    return count;
}

/* Values that mean something somewhere: kinds of numbers, empty containers, references, dtypes. */
static const struct {
    const char *bytes;
    size_t size;
} words[] = {
#define WORD(text)                                                                                 \
    { text, sizeof text - 1 }
    WORD("\x00"),
    WORD("\x01"),
    WORD("\x20"),
    WORD("\x18\x40"),
    WORD("\x19\x02\x70"),
    WORD("\x1b\x7f\xff\xff\xff\xff\xff\xff\xff"),
    WORD("\x1b\xff\xff\xff\xff\xff\xff\xff\xff"),
    WORD("\x3b\x7f\xff\xff\xff\xff\xff\xff\xff"),
    WORD("\x3b\xff\xff\xff\xff\xff\xff\xff\xff"),
    WORD("\x40"),
    WORD("\x41\x01"),
    WORD("\x48\1\2\3\4\5\6\7\x08"),
    WORD("\x60"),
    WORD("\x61x"),
    WORD("\x80"),
    WORD("\xa0"),
    WORD("\xf4"),
    WORD("\xf5"),
    WORD("\xf6"),
    WORD("\xf7"),
    WORD("\xfb\x7f\xf8\0\0\0\0\0\0"),
    WORD("\xfb\x7f\xf0\0\0\0\0\0\0"),
    WORD("\xf9\x7e\x00"),
    WORD("\xd8\x1d\x00"),
    WORD("\xd8\x1d\x01"),
    WORD("\xd8\x1c\x80"),
    WORD("\xd9\x99\x58\x01"),
    WORD("\xd9\x99\x58\x02"),
    WORD("\xd9\x99\x58\x83\x01\x08\x18\x20"),
    WORD("\x81\x02"),
    WORD("\x82\x02\x03"),
    WORD("\x63<f8"),
    WORD("\x63|u1"),
    WORD("\x63<U2"),
    WORD("\x63|V0"),
    WORD("\x67<M8[ns]"),
    WORD("\x63|b1"),
    WORD("\x6cint"),
    WORD("\x65PCG64"),
    WORD("\x63int"),
    WORD("\x67MT19937"),
    WORD("\x66Philox"),
    WORD("\x84\x01\x08\xf4\x81\x83\x61q\x00\x63<f8"),
    WORD("\x83\x02\x63<i2\x81\x04"),
    WORD("\xc2\x49\1\0\0\0\0\0\0\0\0"),
    WORD("\x69PosixPath"),
    /* GLOBAL geo.Point, copyreg.__newobj__, a module; an object made early; the shortest one */
    WORD("\xd9\x99\x72\x82\x63geo\x65Point"),
    WORD("\xd9\x99\x72\x82\x63geo\x64move"),
    WORD("\xd9\x99\x72\x82\x63geo\x60"),
    WORD("\xd9\x99\x72\x82\x67"
         "copyreg\x6a__newobj__"),
    WORD("\xd9\x99\x73\x83\x00\xd9\x99\x72\x82\x63geo\x65Point\xd9\x99\x52\x80"),
    WORD("\xd9\x99\x73\x82\xd9\x99\x72\x82\x63geo\x65Point\xa1\x61x\x01"),
    WORD("\xd9\x99\x52\x80"),
    WORD("\xd9\x99\x52\x81\xd8\x1d\x00"),
    /* an iterator, a cell, a bound method */
    WORD("\xd9\x99\x7a\x83\x6dlist_iterator\x81\x01\x00"),
    WORD("\xd9\x99\x77\x81\xd8\x1d\x00"),
    WORD("\xd9\x99\x79\x82\xd8\x1d\x00\x63get"),
#undef WORD
};

static const uint16_t tags[] = {2, 3, 28, 29, 30, 37, 79, 86, 1004};
enum { OWN_TAG = 39250, OWN_TAGS = 50, LISTED = sizeof tags / sizeof *tags };

static uint16_t tag_of(uint64_t number) {
    number %= LISTED + OWN_TAGS;
    return number < LISTED ? tags[number] : (uint16_t)(OWN_TAG + number - LISTED);
}

static size_t replace(uint8_t *bytes, size_t size, size_t max_size, item gone, const void *with,
                      size_t length) {
    size_t left = size - (gone.end - gone.start);
    if (length > max_size - left) return size;
    memmove(bytes + gone.start + length, bytes + gone.end, size - gone.end);
    memcpy(bytes + gone.start, with, length);
    return left + length;
}

static uint64_t next(uint64_t *state) {
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return *state >> 33;
}

size_t mutate_stream(uint8_t *bytes, size_t size, size_t max_size, unsigned seed) {
    static item items[ITEMS_MAX];
    uint64_t random = seed;
    size_t count = find_items(bytes, size, items, ITEMS_MAX);
    unsigned kind = (unsigned)(next(&random) % 8);
    if (count == 0 || kind == 0) return LLVMFuzzerMutate(bytes, size, max_size);
    item chosen = items[next(&random) % count], other = items[next(&random) % count];
    uint8_t *copy = malloc(size + 8);
    if (!copy) abort();
    if (kind <= 2) { /* a word in its place */
        size_t word = next(&random) % (sizeof words / sizeof *words);
        size = replace(bytes, size, max_size, chosen, words[word].bytes, words[word].size);
    } else if (kind <= 4) { /* another item in its place */
        size_t length = other.end - other.start;
        memcpy(copy, bytes + other.start, length);
        size = replace(bytes, size, max_size, chosen, copy, length);
    } else if (kind == 5) { /* a tag before it */
        uint16_t tag = tag_of(next(&random));
        uint8_t head[3] = {0xd9, (uint8_t)(tag >> 8), (uint8_t)tag};
        size = replace(bytes, size, max_size, (item){chosen.start, chosen.start}, head, 3);
    } else if (kind == 6 && bytes[chosen.start] >> 5 == RS_CBOR_ARRAY &&
               (bytes[chosen.start] & 31) < 23) { /* one more in an array */
        size_t length = other.end - other.start;
        memcpy(copy, bytes + other.start, length);
        size_t before = size;
        size = replace(bytes, size, max_size, (item){chosen.end, chosen.end}, copy, length);
        if (size > before) bytes[chosen.start]++;
    } else { /* bytes of the item alone */
        size_t length = chosen.end - chosen.start;
        memcpy(copy, bytes + chosen.start, length);
        length = LLVMFuzzerMutate(copy, length, length);
        size = replace(bytes, size, max_size, chosen, copy, length);
    }
    free(copy);
    return size;
}
