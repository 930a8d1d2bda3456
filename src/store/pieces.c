/* How the bytes of a segment get into the file. Small ones wait in one buffer, to be written whole.
 * Of large ones a thread writes one piece while the next is filled: past the page cache if that is
 * possible and pays, for which memory, offset and size have to be whole blocks. */
#include "store/file_internal.h"

#include "base/arith.h"
#include "os/pages.h"

static resume_status no_memory(rs_error *error) {
    return rs_fail(error, RESUME_NO_MEMORY, "no memory to write a save");
}

/* --- writing --- */

/* A save that does not fit is better seen before it takes the last byte: where a quota is used up,
 * btrfs refuses to cut a file, too. */
static resume_status reserve(const rs_segment_writer *writer, uint64_t offset, uint64_t size,
                             rs_error *error) {
    if (!writer->reserves) return RESUME_OK;
    int answer = writer->os->reserve(writer->os, writer->fd, offset, size);
    if (rs_os_status(answer) != RESUME_NO_SPACE) return RESUME_OK;
    return rs_os_fail(error, answer, "can't write", writer->path);
}

static resume_status write_by(rs_segment_writer *writer, int fd, const rs_slice *parts,
                              size_t count, uint64_t offset, rs_error *error) {
    const rs_os *os = writer->os;
    uint64_t size = 0;
    for (size_t i = 0; i < count; i++)
        size += parts[i].size;
    writer->touched = true;
    int64_t begun = os->monotonic_ns(os);
    resume_status status = rs_fd_write_all(os, fd, parts, count, offset, writer->path, error);
    writer->busy_ns += os->monotonic_ns(os) - begun;
    if (status) return status;
    writer->written += size;
    writer->file_size = rs_maximum(writer->file_size, offset + size);
    return RESUME_OK;
}

static resume_status note_failure(rs_segment_writer *writer, resume_status status) {
    if (status != RESUME_OK && status != RESUME_NO_SPACE) writer->write_failed = true;
    return status;
}

resume_status rs_pieces_write(rs_segment_writer *writer, const rs_slice *parts, size_t count,
                              uint64_t offset, rs_error *error) {
    uint64_t size = 0;
    for (size_t i = 0; i < count; i++)
        size += parts[i].size;
    resume_status refused = reserve(writer, offset, size, error);
    if (refused) return refused;
    return note_failure(writer, write_by(writer, writer->fd, parts, count, offset, error));
}

static void stop_direct(rs_segment_writer *writer) {
    if (writer->is_direct) rs_fd_close(writer->os, &writer->direct);
    writer->is_direct = false;
}

/* *done is false where the file system does not do it: then it is not asked again. What a call had
 * written by then is written once more. */
static resume_status write_direct(rs_segment_writer *writer, rs_slice part, uint64_t offset,
                                  bool *done, rs_error *error) {
    rs_error failure = {0};
    *done = false;
    if (!writer->is_direct || part.size == 0) return RESUME_OK;
    resume_status status = reserve(writer, offset, part.size, error);
    if (status) return status;
    status = write_by(writer, writer->direct, &part, 1, offset, &failure);
    if (status && rs_os_is_unsupported(-failure.os_code)) {
        stop_direct(writer);
        return RESUME_OK;
    }
    *done = true;
    if (status && error) *error = failure;
    return note_failure(writer, status);
}

/* Up to the first whole block through the cache, too. */
static resume_status write_room(rs_segment_writer *writer, const rs_room *room, rs_error *error) {
    size_t head = (size_t)(rs_round_up(room->offset, RS_BLOCK_SIZE) - room->offset);
    rs_slice first = {room->pages + room->from, head};
    rs_slice body = {room->pages + room->from + head, room->size - head};
    bool done;
    resume_status status = write_direct(writer, body, room->offset + head, &done, error);
    if (status) return status;
    rs_slice left = {first.bytes, done ? head : room->size};
    if (left.size > 0) status = rs_pieces_write(writer, &left, 1, room->offset, error);
    if (status == RESUME_OK && !done && writer->starts)
        writer->os->start_writing(writer->os, writer->fd, room->offset, room->size);
    return status;
}

void rs_segment_writer_go_direct(rs_segment_writer *writer, int folder, const char *name) {
    rs_file_info info;
    if (writer->os->info(writer->os, writer->fd, &info) < 0) return;
    writer->direct =
        rs_fd_open_direct(writer->os, folder, name, RS_OPEN_WRITE, info.device, info.inode);
    writer->is_direct = writer->direct >= 0;
}

/* --- the thread --- */

static void write_leaving(void *context) {
    rs_segment_writer *writer = context;
    writer->left = write_room(writer, &writer->leaving, &writer->left_error);
}

resume_status rs_segment_writer_wait(rs_segment_writer *writer, rs_error *error) {
    if (writer->thread && *writer->thread) rs_worker_wait(*writer->thread);
    if (writer->left && error) *error = writer->left_error;
    return writer->left;
}

/* False: it has to be written by the caller's own thread. */
static bool hand_over(rs_segment_writer *writer) {
    if (!writer->thread) return false;
    if (!*writer->thread && rs_worker_new(writer->thread, NULL)) return false;
    return rs_worker_start(*writer->thread, write_leaving, writer, NULL) == RESUME_OK;
}

void rs_pieces_release(rs_segment_writer *writer) {
    rs_segment_writer_wait(writer, NULL);
    stop_direct(writer);
    rs_buffer_release(&writer->staged);
    rs_pages_free(writer->filling.pages, writer->filling.capacity);
    rs_pages_free(writer->leaving.pages, writer->leaving.capacity);
    writer->filling = writer->leaving = (rs_room){0};
}

/* --- filling --- */

/* `bytes` are the first in a room of at least `capacity` bytes. */
static resume_status begin_room(rs_room *room, size_t capacity, uint64_t offset, rs_slice bytes,
                                rs_error *error) {
    if (room->capacity < capacity) {
        rs_pages_free(room->pages, room->capacity);
        *room = (rs_room){.pages = rs_pages_new_ready(capacity)};
        if (!room->pages) return no_memory(error);
        room->capacity = capacity;
    }
    room->offset = offset;
    room->from = (size_t)(offset % RS_BLOCK_SIZE);
    room->size = bytes.size;
    if (bytes.size > 0) memcpy(room->pages + room->from, bytes.bytes, bytes.size);
    return RESUME_OK;
}

rs_slice rs_pieces_rest(const rs_segment_writer *writer) {
    const rs_room *room = &writer->filling;
    if (!room->pages) return (rs_slice){writer->staged.bytes, writer->staged.size};
    return (rs_slice){room->pages + room->from, room->size};
}

/* What is full goes, in whole blocks, once the piece before it is written; the rest moves on into
 * the other room. */
static resume_status flush(rs_segment_writer *writer, size_t capacity, rs_error *error) {
    resume_status status = rs_segment_writer_wait(writer, error);
    if (status) return status;
    rs_room *room = &writer->filling;
    size_t rest = (size_t)rs_minimum(writer->at % RS_BLOCK_SIZE, room->size);
    rs_slice carried = {room->pages + room->from + room->size - rest, rest};
    status = begin_room(&writer->leaving, capacity, writer->at - rest, carried, error);
    if (status) return status;
    rs_room full = *room;
    full.size -= rest;
    *room = writer->leaving;
    writer->leaving = full;
    if (full.size == 0) return RESUME_OK;
    if (hand_over(writer)) return RESUME_OK;
    write_leaving(writer);
    return rs_segment_writer_wait(writer, error);
}

/* A segment begins to stream with what was staged until now. */
static resume_status begin_streaming(rs_segment_writer *writer, size_t capacity, rs_error *error) {
    rs_slice staged = {writer->staged.bytes, writer->staged.size};
    resume_status status = begin_room(&writer->filling, capacity, writer->offset, staged, error);
    rs_buffer_release(&writer->staged);
    return status;
}

resume_status rs_pieces_make_room(rs_segment_writer *writer, size_t size, rs_error *error) {
    const rs_room *room = &writer->filling;
    size_t needed = size + writer->staged.size + RS_BLOCK_SIZE, step = 2 * RS_BLOCK_SIZE;
    if (!room->pages) return begin_streaming(writer, needed, error);
    if (room->capacity - room->from - room->size >= size) return RESUME_OK;
    size_t next = rs_minimum(2 * (room->capacity - step), RS_PIECE_SIZE) + step;
    return flush(writer, rs_maximum(needed, next), error);
}

resume_status rs_pieces_add(rs_segment_writer *writer, const void *bytes, size_t size,
                            rs_error *error) {
    rs_room *room = &writer->filling;
    if (size == 0) return RESUME_OK;
    if (room->pages) {
        uint8_t *to = room->pages + room->from + room->size;
        if (bytes)
            memcpy(to, bytes, size);
        else
            memset(to, 0, size);
        room->size += size;
    } else if (bytes) {
        rs_buffer_append(&writer->staged, bytes, size);
    } else {
        rs_buffer_append_zeros(&writer->staged, size);
    }
    if (writer->staged.failed) return no_memory(error);
    writer->at += size;
    return RESUME_OK;
}

const uint8_t *rs_pieces_last(const rs_segment_writer *writer, size_t size) {
    rs_slice rest = rs_pieces_rest(writer);
    return (const uint8_t *)rest.bytes + rest.size - size;
}
