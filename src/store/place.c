/* Segments by offset: is there a commit at this place of the file? */
#include "store/file_internal.h"

#include "base/arith.h"

#include <inttypes.h>

bool rs_is_bad_content(resume_status status) {
    return status == RESUME_DAMAGED || status == RESUME_TRUNCATED;
}

resume_status rs_file_read_at(rs_file *file, void *to, size_t size, uint64_t offset,
                              rs_error *error) {
    uint64_t end;
    if (rs_add_overflows(offset, size, &end) || end > file->size)
        return rs_fail_at(error, RESUME_TRUNCATED, 0, offset,
                          "'%s' ends at byte %" PRIu64 ", before byte %" PRIu64, file->path,
                          file->size, offset);
    rs_error why = {0};
    resume_status status = rs_fd_read_all(file->os, file->fd, to, size, offset, file->path, &why);
    /* A bad sector stays bad; anything that passes must not make us take an older generation. */
    if (status == RESUME_IO && rs_os_is_bad_medium(why.os_code)) {
        status = rs_fd_read_all(file->os, file->fd, to, size, offset, file->path, &why);
        if (status == RESUME_IO && rs_os_is_bad_medium(why.os_code)) {
            why.status = status = RESUME_DAMAGED;
            file->unreadable = true;
        }
    }
    if (status == RESUME_TRUNCATED) file->unreadable = true; /* it was longer at opening */
    if (status && error) *error = why;
    return status;
}

/* Bad bytes mean that nothing is there; only what keeps us from looking is a failure. */
static resume_status nothing_there(resume_status status, rs_error *error) {
    if (!rs_is_bad_content(status)) return status;
    rs_error_clear(error);
    return RESUME_OK;
}

static bool agree(const rs_segment_header *header, const rs_trailer *trailer, uint64_t offset) {
    return header->generation == trailer->generation && header->generation > 0 &&
           header->generation < RS_GENERATION_NUMBER_MAX && header->flags == trailer->flags &&
           trailer->segment_offset == offset && /* both end at the trailer: the sizes agree, too */
           header->records_size <= RS_RECORDS_SIZE_MAX;
}

static void fill_place(rs_place *place, const rs_segment_header *header, const rs_trailer *trailer,
                       uint64_t trailer_offset) {
    place->header = *header;
    place->digest = trailer->digest;
    place->generation = (rs_generation){
        .number = header->generation,
        .commit_offset = trailer_offset,
        .segment_offset = trailer->segment_offset,
        .segment_size = trailer->segment_size,
        .flags = header->flags,
    };
}

resume_status rs_place_at_segment(rs_file *file, uint64_t offset, rs_place *place, bool *found,
                                  bool *header_is_good, rs_error *error) {
    *found = false;
    if (header_is_good) *header_is_good = false;
    if (offset < RS_SEGMENTS_START || offset % RS_BLOCK_SIZE != 0) return RESUME_OK;

    uint8_t bytes[RS_SEGMENT_HEADER_SIZE];
    resume_status status = rs_file_read_at(file, bytes, sizeof bytes, offset, error);
    if (status) return nothing_there(status, error);
    rs_segment_header header;
    if (!rs_segment_header_decode(bytes, &file->header.uuid, offset, &header)) return RESUME_OK;
    uint64_t size = 0; /* decoding has checked that the end does not overflow */
    rs_segment_size_overflows(header.data_size, header.records_size, &size);
    place->header = header;
    if (header_is_good) *header_is_good = true;

    uint8_t end_bytes[RS_TRAILER_SIZE];
    uint64_t at = offset + size - RS_TRAILER_SIZE;
    status = rs_file_read_at(file, end_bytes, sizeof end_bytes, at, error);
    if (status) return nothing_there(status, error);
    rs_trailer trailer;
    if (!rs_trailer_decode(end_bytes, &file->header.uuid, at, &trailer)) return RESUME_OK;
    if (!agree(&header, &trailer, offset)) return RESUME_OK;
    fill_place(place, &header, &trailer, at);
    *found = true;
    return RESUME_OK;
}

resume_status rs_place_at_trailer(rs_file *file, uint64_t offset, rs_place *place, bool *found,
                                  rs_error *error) {
    *found = false;
    if (offset % RS_BLOCK_SIZE != RS_BLOCK_SIZE - RS_TRAILER_SIZE) return RESUME_OK;
    uint8_t bytes[RS_TRAILER_SIZE];
    resume_status status = rs_file_read_at(file, bytes, sizeof bytes, offset, error);
    if (status) return nothing_there(status, error);
    rs_trailer trailer;
    if (!rs_trailer_decode(bytes, &file->header.uuid, offset, &trailer)) return RESUME_OK;
    status = rs_place_at_segment(file, trailer.segment_offset, place, found, NULL, error);
    if (status == RESUME_OK && *found && place->generation.commit_offset != offset) *found = false;
    return status;
}
