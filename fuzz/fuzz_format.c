/* libFuzzer: the parsers of src/format over any bytes. The first byte chooses the parser.
 *
 * No crash, nothing read or written outside, and what is accepted is encoded as the same again. */
#include "format/cbor.h"
#include "format/header.h"
#include "format/meta.h"
#include "format/segment.h"
#include "format/table.h"
#include "require.h"

#include <stdlib.h>
#include <string.h>

#define CHUNK_SIZE 4096u
#define FILE_SIZE  (UINT64_C(1) << 20)

/* Heads that were read are written as the shortest form, and read again as the same. */
static void fuzz_heads(const uint8_t *bytes, size_t size) {
    rs_cbor_reader reader = rs_cbor_reader_over(bytes, size);
    rs_cbor_item item, again;
    double value, same;
    while (rs_cbor_next(&reader, &item, NULL) == RESUME_OK) {
        rs_buffer made = {0};
        if (rs_cbor_item_double(&item, &value)) {
            rs_cbor_put_double(&made, value);
        } else if (item.kind == RS_CBOR_BYTES) {
            rs_cbor_put_bytes(&made, item.bytes, (size_t)item.argument);
        } else if (item.kind == RS_CBOR_TEXT) {
            rs_cbor_put_text(&made, (const char *)item.bytes, (size_t)item.argument);
        } else {
            rs_cbor_put_head(&made, item.kind, item.argument);
            rs_buffer_append_zeros(&made, item.kind == RS_CBOR_ARRAY ? (size_t)item.argument : 0);
            rs_buffer_append_zeros(&made, item.kind == RS_CBOR_MAP ? 2 * (size_t)item.argument : 0);
        }
        rs_cbor_reader second = rs_cbor_reader_over(made.bytes, made.size);
        require(rs_cbor_next(&second, &again, NULL) == RESUME_OK && again.kind == item.kind);
        if (rs_cbor_item_double(&item, &value))
            require(rs_cbor_item_double(&again, &same) && memcmp(&value, &same, 8) == 0);
        else
            require(again.argument == item.argument && again.width <= item.width);
        rs_buffer_release(&made);
    }
}

static void fuzz_cbor(const uint8_t *bytes, size_t size) {
    rs_cbor_reader reader = rs_cbor_reader_over(bytes, size);
    rs_cbor_item item;
    double value;
    while (rs_cbor_next(&reader, &item, NULL) == RESUME_OK)
        rs_cbor_item_double(&item, &value);
    reader = rs_cbor_reader_over(bytes, size);
    while (rs_cbor_skip(&reader, NULL) == RESUME_OK)
        require(reader.position <= size);
    reader = rs_cbor_reader_over(bytes, size);
    if (rs_cbor_next(&reader, &item, NULL) == RESUME_OK) rs_cbor_find(&reader, &item, "a", NULL);
    require(reader.position <= size);
}

static void fuzz_meta(const uint8_t *bytes, size_t size) {
    rs_meta meta, again;
    rs_buffer cbor = {0};
    if (rs_meta_decode((rs_slice){bytes, size}, &meta, NULL)) return;
    rs_meta_encode(&meta, &cbor);
    require(rs_meta_decode((rs_slice){cbor.bytes, cbor.size}, &again, NULL) == RESUME_OK);
    require(again.saves == meta.saves && again.pid == meta.pid && again.ended == meta.ended);
    rs_buffer_release(&cbor);
}

static void fuzz_table(const uint8_t *bytes, size_t size) {
    rs_table table;
    rs_buffer again = {0};
    if (rs_table_decode((rs_slice){bytes, size}, CHUNK_SIZE, FILE_SIZE, &table, NULL)) return;
    rs_table_encode(&table, &again);
    require(again.size == size && memcmp(again.bytes, bytes, size) == 0);
    rs_buffer_release(&again);
    rs_table_release(&table);
}

/* Two bytes tell the size of the base, which stands before the delta. */
static void fuzz_delta(const uint8_t *bytes, size_t size) {
    rs_table base, table, again;
    rs_delta_info info;
    rs_buffer payload = {0};
    if (size < 2) return;
    size_t base_size = rs_load_u16(bytes);
    bytes += 2;
    size -= 2;
    if (base_size > size) base_size = size;
    rs_slice delta = {bytes + base_size, size - base_size};
    rs_table_decode((rs_slice){bytes, base_size}, CHUNK_SIZE, FILE_SIZE, &base, NULL);
    if (rs_delta_decode(delta, &base, CHUNK_SIZE, FILE_SIZE, &table, NULL) == RESUME_OK) {
        require(table.entry_count <= base.entry_count + delta.size / RS_CHUNK_ENTRY_SIZE);
        require(rs_delta_info_decode(delta, &info, NULL) == RESUME_OK);
        rs_delta_encode(&base, &table, info, &payload);
        delta = (rs_slice){payload.bytes, payload.size};
        require(rs_delta_decode(delta, &base, CHUNK_SIZE, FILE_SIZE, &again, NULL) == RESUME_OK);
        require(again.entry_count == table.entry_count && again.blob_count == table.blob_count);
        rs_table_release(&again);
        rs_table_release(&table);
        rs_buffer_release(&payload);
    }
    rs_table_release(&base);
}

static void fuzz_records(const uint8_t *bytes, size_t size) {
    size_t position = 0;
    rs_record record;
    while (rs_record_read(bytes, size, &position, &record, NULL) == RESUME_OK)
        require(position <= size && record.payload.size <= size);
}

/* An entry, then its stored bytes. */
static void fuzz_chunk(const uint8_t *bytes, size_t size) {
    rs_chunk_entry entry;
    rs_codec *codec;
    if (size < RS_CHUNK_ENTRY_SIZE || rs_chunk_entry_decode(bytes, &entry, NULL)) return;
    if (entry.stored_size > size - RS_CHUNK_ENTRY_SIZE || entry.raw_size > FILE_SIZE) return;
    if (rs_codec_new(&codec, NULL)) return;
    void *stored = malloc(entry.stored_size + 1u), *raw = malloc(entry.raw_size);
    if (stored && raw) {
        memcpy(stored, bytes + RS_CHUNK_ENTRY_SIZE, entry.stored_size);
        rs_codec_decompress(codec, &entry, stored, raw, NULL);
    }
    free(stored);
    free(raw);
    rs_codec_free(codec);
}

static void fuzz_header(const uint8_t *bytes, size_t size) {
    rs_header header;
    rs_hint hint;
    static const rs_uuid uuid;
    rs_header_decode(bytes, size, &header, NULL);
    rs_hint_decode(bytes, size, RS_BLOCK_SIZE, &uuid, &hint);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    static void (*const targets[])(const uint8_t *, size_t) = {fuzz_cbor,  fuzz_heads, fuzz_meta,
                                                               fuzz_table, fuzz_delta, fuzz_records,
                                                               fuzz_chunk, fuzz_header};
    if (size == 0) return 0;
    targets[bytes[0] % (sizeof targets / sizeof targets[0])](bytes + 1, size - 1);
    return 0;
}
