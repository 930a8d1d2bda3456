/* Room: zeros behind the newest commit, for files that commit little and often.
 *
 * A commit that lets the file grow makes its sync write the size of the file, too, and where the
 * new blocks are: several writes and flushes of a journal. One that goes over zeros that were
 * written before has nothing to sync but its own bytes. So a small commit that follows others
 * quickly takes RS_ROOM_SIZE of zeros along, in its own write and under its own sync, and those
 * that come next find them. Zeros behind the newest commit are nothing to a reader (docs/format.md,
 * "Opening"). */
#include "store/file_internal.h"

/* The time that may pass between two commits of a row. */
#define QUICK_INTERVAL_NS INT64_C(1000000000)
/* Commits that the zeros should serve at least. */
#define COMMITS_SERVED_MIN 4u

uint64_t rs_room_wanted(const rs_file *file) {
    if (file->no_room || file->quick_commits < RS_ROOM_COMMITS_MIN) return 0;
    if (file->os->is_in_place(file->os, file->fd) != 1) return 0;
    return file->room_size;
}

void rs_room_note_commit(rs_file *file, const rs_generation *generation) {
    int64_t now = file->os->monotonic_ns(file->os);
    bool is_small = generation->segment_size <= file->room_size / COMMITS_SERVED_MIN;
    bool is_quick = is_small && now - file->small_ns <= QUICK_INTERVAL_NS;
    file->quick_commits = !is_quick                                   ? is_small
                          : file->quick_commits < RS_ROOM_COMMITS_MIN ? file->quick_commits + 1
                                                                      : RS_ROOM_COMMITS_MIN;
    file->small_ns = now;
}

bool rs_room_is_untouched(const rs_file *file) {
    uint8_t bytes[RS_SEGMENT_HEADER_SIZE];
    if (file->has_tail || file->size < file->end + sizeof bytes) return true;
    return rs_fd_read_all(file->os, file->fd, bytes, sizeof bytes, file->end, file->path, NULL) ==
               RESUME_OK &&
           rs_chunk_is_zero(bytes, sizeof bytes);
}

void rs_room_give_back(rs_file *file) {
    if (file->has_tail || file->size <= file->end || !rs_room_is_untouched(file)) return;
    if (file->os->truncate(file->os, file->fd, file->end) == 0) file->size = file->end;
}
