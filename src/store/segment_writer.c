/* Writes one segment: small ones whole, large ones in pieces, with bounded memory. While a thread
 * writes one piece, the next is filled.
 *
 * All that is written is a copy. Should another thread of the program change the memory after it
 * was hashed, the stored bytes would not match the hash: so it is the copy that is hashed last. */
#include "store/file_internal.h"

#include "base/alloc.h"
#include "base/arith.h"

#include <inttypes.h>

#define OFFSET_MAX (UINT64_C(1) << 48) /* of a chunk: what its table entry has room for */

static resume_status no_memory(rs_error *error) {
    return rs_fail(error, RESUME_NO_MEMORY, "no memory to write a save");
}

resume_status rs_segment_writer_init(rs_segment_writer *writer, rs_error *error) {
    /* The digest needs the whole segment in one piece. */
    if (writer->small_size_max == 0) writer->small_size_max = RS_SELF_VERIFYING_SIZE_MAX;
    rs_buffer_append_zeros(&writer->staged, RS_SEGMENT_HEADER_SIZE); /* filled in at the end */
    if (writer->staged.failed) return no_memory(error);
    writer->at = writer->offset + RS_SEGMENT_HEADER_SIZE;
    return RESUME_OK;
}

void rs_segment_writer_release(rs_segment_writer *writer) {
    rs_pieces_release(writer);
    rs_buffer_release(&writer->scratch);
}

/* --- what is to be written --- */

static resume_status align(rs_segment_writer *writer, const rs_chunk_entry *entry,
                           rs_error *error) {
    bool aligned = entry->coding == RS_CHUNK_RAW && entry->stored_size >= RS_CHUNK_ALIGNED_SIZE_MIN;
    uint64_t unit = aligned ? RS_BLOCK_SIZE : 1;
    return rs_pieces_add(writer, NULL, (size_t)(rs_round_up(writer->at, unit) - writer->at), error);
}

/* With alignment before it, and behind the last one. */
static resume_status make_room(rs_segment_writer *writer, uint64_t size, rs_error *error) {
    uint64_t total = writer->at - writer->offset + size + RS_BLOCK_SIZE;
    if (writer->at > OFFSET_MAX - RS_CHUNK_RAW_SIZE_MAX)
        return rs_fail(error, RESUME_LIMIT, "'%s' would get larger than 256 TiB", writer->path);
    if (total > writer->small_size_max) writer->streaming = true;
    return writer->streaming ? rs_pieces_make_room(writer, (size_t)size + RS_BLOCK_SIZE + 8, error)
                             : RESUME_OK;
}

resume_status rs_segment_writer_stored(rs_segment_writer *writer, const void *stored,
                                       rs_chunk_entry *entry, rs_error *error) {
    resume_status status = make_room(writer, entry->stored_size, error);
    if (status == RESUME_OK) status = align(writer, entry, error);
    uint64_t at = writer->at;
    if (status == RESUME_OK) status = rs_pieces_add(writer, stored, entry->stored_size, error);
    if (status == RESUME_OK) entry->offset = at;
    return status;
}

/* As it is, whatever it holds by now. */
static resume_status store_raw(rs_segment_writer *writer, const void *raw, uint32_t size,
                               rs_chunk_entry *entry, rs_error *error) {
    *entry = (rs_chunk_entry){.coding = RS_CHUNK_RAW, .raw_size = size, .stored_size = size};
    resume_status status = rs_segment_writer_stored(writer, raw, entry, error);
    if (status == RESUME_OK) entry->hash = rs_chunk_hash(rs_pieces_last(writer, size), size, NULL);
    return status;
}

resume_status rs_segment_writer_chunk(rs_segment_writer *writer, const void *raw,
                                      uint8_t element_size, rs_compress mode, bool disk_is_slow,
                                      rs_chunk_entry *entry, rs_error *error) {
    const void *stored;
    rs_hash128 hash = entry->hash;
    uint32_t size = entry->raw_size;
    resume_status status = rs_codec_compress(writer->codec, raw, size, element_size, mode,
                                             disk_is_slow, hash, &stored, entry, error);
    if (status) return status;
    if (entry->coding == RS_CHUNK_RAW || entry->coding == RS_CHUNK_ZERO ||
        !rs_hash128_equal(rs_chunk_hash(raw, size, NULL), hash))
        return store_raw(writer, raw, size, entry, error);
    return rs_segment_writer_stored(writer, stored, entry, error);
}

/* --- patches --- */

/* The unwritten pages, and the checksums of what they hold by now. */
static resume_status stage_pages(rs_segment_writer *writer, const uint8_t *raw, bool packed,
                                 rs_hash128 *of_pages, rs_change *change, uint32_t raw_size,
                                 rs_error *error) {
    size_t count = rs_page_count(raw_size), packed_at = 0;
    resume_status status = make_room(writer, change->size + RS_PATCH_SIZE_MAX, error);
    for (size_t i = 0; i < count && status == RESUME_OK; i++) {
        if (change->patch.places[i] != RS_PAGE_UNWRITTEN) continue;
        uint32_t size = rs_page_size(raw_size, i);
        change->patch.places[i] = writer->at;
        status = rs_pieces_add(writer, raw + (packed ? packed_at : i * RS_PAGE_SIZE), size, error);
        packed_at += size;
        if (status == RESUME_OK) of_pages[i] = rs_hash128_of(rs_pieces_last(writer, size), size, 0);
    }
    return status;
}

resume_status rs_segment_writer_patch(rs_segment_writer *writer, const uint8_t *raw, bool packed,
                                      const rs_hash128 *of_pages, rs_change *change,
                                      rs_chunk_entry *entry, rs_error *error) {
    rs_hash128 now[RS_CHUNK_PAGES_MAX];
    size_t count = rs_page_count(entry->raw_size);
    memcpy(now, of_pages, count * sizeof *now);
    resume_status status = stage_pages(writer, raw, packed, now, change, entry->raw_size, error);
    if (status) return status;
    entry->hash = rs_chunk_hash_of_pages(now, count);
    rs_buffer_clear(&writer->scratch);
    entry->offset = writer->at;
    rs_patch_encode(&change->patch, entry, &writer->scratch);
    if (writer->scratch.failed) return no_memory(error);
    return rs_pieces_add(writer, writer->scratch.bytes, writer->scratch.size, error);
}

/* --- the end --- */

static resume_status sync_data(rs_segment_writer *writer, rs_error *error) {
    if (!writer->barriers) return RESUME_OK;
    int64_t begun = writer->os->monotonic_ns(writer->os);
    int answer = writer->os->sync_data(writer->os, writer->fd);
    writer->busy_ns += writer->os->monotonic_ns(writer->os) - begun;
    if (answer == 0) return RESUME_OK;
    writer->sync_failed = true;
    return rs_os_fail(error, answer, "can't sync", writer->path);
}

static rs_trailer trailer_of(const rs_generation *generation, rs_hash128 digest) {
    return (rs_trailer){
        .generation = generation->number,
        .segment_offset = generation->segment_offset,
        .segment_size = generation->segment_size,
        .digest = digest,
        .flags = generation->flags,
    };
}

/* Where the file grows, with zeros behind it for the commits to come (room.c). They are not worth a
 * failure. */
static resume_status write_small(rs_segment_writer *writer, rs_slice segment, rs_error *error) {
    static const uint8_t zeros[16 * RS_BLOCK_SIZE];
    rs_slice parts[1 + RS_ROOM_SIZE / sizeof zeros] = {segment};
    size_t count = 1;
    bool grows = writer->offset + segment.size > writer->file_size;
    for (uint64_t left = grows ? writer->room_size : 0; left > 0; left -= parts[count++].size)
        parts[count] = (rs_slice){zeros, (size_t)rs_minimum(left, sizeof zeros)};
    resume_status status = rs_pieces_write(writer, parts, count, writer->offset, error);
    if (status != RESUME_NO_SPACE || count == 1) return status;
    writer->room_failed = true;
    if (writer->os->truncate(writer->os, writer->fd, writer->offset) < 0) return status;
    writer->file_size = writer->offset;
    rs_error_clear(error);
    return rs_pieces_write(writer, &segment, 1, writer->offset, error);
}

/* Header, data, records, padding and trailer by one write; one sync makes it durable. A crash in
 * between leaves any part of it, which the digest over every byte gives away. */
static resume_status finish_small(rs_segment_writer *writer, const rs_segment_header *header,
                                  const rs_buffer *records, const rs_generation *generation,
                                  rs_error *error) {
    rs_buffer *staged = &writer->staged;
    rs_buffer_append(staged, records->bytes, records->size);
    if (!staged->failed)
        rs_buffer_append_zeros(staged, (size_t)generation->segment_size - staged->size);
    if (staged->failed) return no_memory(error);
    rs_segment_header_encode(header, writer->uuid, writer->offset, staged->bytes);
    size_t covered = staged->size - RS_TRAILER_SIZE;
    rs_hash128 digest =
        rs_hash128_of(staged->bytes, covered, rs_place_seed(writer->uuid, writer->offset));
    rs_trailer trailer = trailer_of(generation, digest);
    rs_trailer_encode(&trailer, writer->uuid, generation->commit_offset, staged->bytes + covered);

    resume_status status = write_small(writer, (rs_slice){staged->bytes, staged->size}, error);
    /* Guards against a crash after the save has returned. */
    return status ? status : sync_data(writer, error);
}

/* Everything but the trailer, a sync, then the trailer: a trailer on the disk proves that the rest
 * was there before it. */
static resume_status finish_large(rs_segment_writer *writer, const rs_segment_header *header,
                                  const rs_buffer *records, const rs_generation *generation,
                                  rs_error *error) {
    static const uint8_t zeros[RS_BLOCK_SIZE + RS_TRAILER_SIZE];
    resume_status status = rs_segment_writer_wait(writer, error);
    if (status) return status;
    uint64_t padding =
        rs_generation_end(generation) - writer->at - records->size; /* the trailer's place, too */
    rs_slice rest[] = {
        rs_pieces_rest(writer), {records->bytes, records->size}, {zeros, (size_t)padding}};
    status = rs_pieces_write(writer, rest, 3, writer->at - rest[0].size, error);
    if (status) return status;
    uint8_t head[RS_SEGMENT_HEADER_SIZE];
    rs_segment_header_encode(header, writer->uuid, writer->offset, head);
    rs_slice head_slice = {head, sizeof head};
    status = rs_pieces_write(writer, &head_slice, 1, writer->offset, error);
    /* Guards against a crash that leaves the trailer without what it stands for. */
    if (status == RESUME_OK) status = sync_data(writer, error);
    if (status) return status;

    rs_hash128 digest = rs_hash128_of_two(head, sizeof head, records->bytes, records->size,
                                          rs_place_seed(writer->uuid, writer->offset));
    rs_trailer trailer = trailer_of(generation, digest);
    uint8_t tail[RS_TRAILER_SIZE];
    rs_trailer_encode(&trailer, writer->uuid, generation->commit_offset, tail);
    rs_slice tail_slice = {tail, sizeof tail};
    status = rs_pieces_write(writer, &tail_slice, 1, generation->commit_offset, error);
    /* Guards against a crash after the save has returned. */
    return status ? status : sync_data(writer, error);
}

resume_status rs_segment_writer_finish(rs_segment_writer *writer, rs_segment_header *header,
                                       const rs_buffer *records, rs_generation *generation,
                                       rs_error *error) {
    resume_status status =
        rs_pieces_add(writer, NULL, (size_t)(rs_round_up(writer->at, 8) - writer->at), error);
    if (status) return status;
    uint64_t size;
    header->data_size = writer->at - writer->offset - RS_SEGMENT_HEADER_SIZE;
    header->records_size = records->size;
    if (rs_segment_size_overflows(header->data_size, header->records_size, &size) ||
        records->size > RS_RECORDS_SIZE_MAX)
        return rs_fail(error, RESUME_LIMIT, "a state too large for one save");
    bool small = !writer->streaming && size <= writer->small_size_max;
    if (small) header->flags |= RS_SEGMENT_SELF_VERIFYING;
    *generation = (rs_generation){
        .number = header->generation,
        .segment_offset = writer->offset,
        .segment_size = size,
        .commit_offset = writer->offset + size - RS_TRAILER_SIZE,
        .flags = header->flags,
    };
    return small ? finish_small(writer, header, records, generation, error)
                 : finish_large(writer, header, records, generation, error);
}
