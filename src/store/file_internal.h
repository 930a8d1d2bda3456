/* What the sources of a checkpoint file share: file.c, place.c, chain.c, read.c, read_chunks.c,
 * recover.c, plan.c, prepare.c, segment_writer.c, room.c, commit.c, rollback.c, replace.c, prune.c,
 * compact.c.
 * Nobody else includes it, but tests. */
#ifndef RS_STORE_FILE_INTERNAL_H
#define RS_STORE_FILE_INTERNAL_H

#include "base/buffer.h"
#include "format/patch.h"
#include "format/segment.h"
#include "format/signature.h"
#include "format/table.h"
#include "os/file.h"
#include "os/os.h"
#include "os/worker.h"
#include "store/file.h"
#include "store/known_pages.h"
#include "store/staging.h"

#include <stdatomic.h>

/* Generations that are listed by themselves; older ones are in the file until it is compacted. */
#define RS_GENERATIONS_MAX 1024u
/* And that are listed when asked for (rs_file_list_all). */
#define RS_GENERATIONS_ALL_MAX 65536u
/* No generation has a higher number: adding one never overflows. */
#define RS_GENERATION_NUMBER_MAX (UINT64_C(1) << 62)
/* Records of one segment: the full table of a state of 8 TiB fits. */
#define RS_RECORDS_SIZE_MAX (UINT64_C(1) << 30)
/* Compaction starts above RS_COMPACT_FACTOR x live + slack. */
#define RS_COMPACT_FACTOR 2u
#define RS_COMPACT_SLACK  (UINT64_C(64) << 20)
/* A torn tail is kept up to this size. */
#define RS_TORN_SIZE_MAX (UINT64_C(64) << 20)
/* Zeros that are written ahead of the commits to come, for files that commit little and often. */
#define RS_ROOM_SIZE (UINT64_C(1) << 20)
/* Small commits in a row that make this a habit. */
#define RS_ROOM_COMMITS_MIN 4u
/* Time between two hints, monotonic: writing one with every commit would make small ones a quarter
 * slower. */
#define RS_HINT_INTERVAL_NS INT64_C(500000000)

struct rs_file {
    const rs_folder *folder;
    const rs_os *os;
    char name[RS_FILE_NAME_SIZE];
    char *path; /* for messages */
    bool for_writing;
    bool is_foreign; /* read only, and of another user: limits.c */

    int fd; /* -1: there is no file yet */
    uint64_t device, inode;
    uint64_t epoch;   /* counts the files that fd has been: states of another one are refused */
    rs_header header; /* block 0 */
    rs_digest header_digest;
    uint64_t size; /* of the file, as far as this handle knows; behind `end` are zeros, or a tail */
    uint64_t end;  /* behind the newest good commit */

    bool poisoned; /* a write or a sync failed: never written again, never synced again */
    bool unsynced; /* found at opening: what is in it may not have reached the disk */
    /* Found at opening, and no hint says that its sync had returned: that may have failed, which
     * only the process heard that is dead now. Then the newest generation may be in the cache
     * alone, whatever later syncs say: the next one must not need anything of it. */
    bool unproven;
    bool has_tail; /* bytes behind `end` are to be kept aside and cut off before the next commit */
    atomic_bool unreadable; /* bytes that are surely there can't be read; by any member of a crew */
    bool no_hints;          /* writing one failed */
    bool no_room;           /* zeros behind the newest commit were in vain: room.c */
    bool replaces;          /* the next commit writes a complete new file */
    rs_aside aside;         /* and keeps what is in its place under this kind of name */

    rs_generation *generations; /* oldest first */
    size_t generation_count, generation_capacity;
    uint64_t next_generation;
    uint64_t hinted_generation; /* of the newest hint that was written or found */
    int64_t hinted_ns;          /* when it was written; 0 at first */

    rs_table table; /* of the newest generation, resolved */
    uint32_t table_depth;
    rs_signature signature; /* of it */
    rs_digest stream_digest;
    rs_state *loaded; /* the newest generation as opening verified it, for the first rs_file_read */

    rs_known_pages pages; /* of what was written or found unchanged through this handle */
    rs_codec *codec;
    rs_worker *thread;       /* writes pieces of large saves; NULL until there was one */
    rs_staging staging;      /* what a save that is under way has to write */
    rs_buffer stored;        /* one stored chunk */
    uint64_t slack;          /* RS_COMPACT_SLACK; tests make it smaller */
    uint64_t room_size;      /* RS_ROOM_SIZE; tests make it smaller, or 0: none */
    unsigned quick_commits;  /* small ones in a row, none long after the one before */
    int64_t small_ns;        /* when the last small one was durable, monotonic */
    uint64_t small_size_max; /* of self-verifying segments; 0: the format's; for tests */
    uint64_t compact_check_size, compact_check_live; /* below the first, nothing is to be done */
    uint64_t direct_size;                            /* RS_DIRECT_SIZE_MIN; tests make it smaller */
    bool disk_is_slow; /* compressing beats writing, as the last large commit has shown */
};

typedef struct rs_readers rs_readers;

struct rs_state {
    rs_file *file;
    uint64_t epoch;
    rs_generation generation;
    rs_buffer meta_bytes;
    rs_meta meta; /* borrows meta_bytes */
    rs_table table;
    uint32_t table_depth;
    rs_end end;
    rs_signature signature; /* MINE and TRUSTED hold for the stream once it is there */
    uint8_t *stream;
    uint64_t claimed, asked; /* bytes: limits.c */
    uint8_t *chunk;          /* of rs_state_read_range: entry `chunk_index` of the table, */
    uint64_t chunk_index;    /* unspecified without a chunk */
    rs_readers *readers;     /* NULL until many chunks are read at once */
};

/* read.c: MISUSE when the file was replaced after the state had been read. */
resume_status rs_state_check_epoch(const rs_state *state, rs_error *error);

/* --- place.c: segments by offset --- */

/* A commit whose header and trailer stand in their places and agree; its content is not verified.
 */
typedef struct rs_place {
    rs_generation generation;
    rs_segment_header header;
    rs_hash128 digest;
} rs_place;

/* A status that says that the bytes of a generation are bad, not that reading them was impossible
 * now: only these let an older generation be taken. */
bool rs_is_bad_content(resume_status status);
/* Reads inside the known size of the file. A bad medium (EIO, twice) is RESUME_DAMAGED. */
resume_status rs_file_read_at(rs_file *file, void *to, size_t size, uint64_t offset,
                              rs_error *error);
/* *found is false when no such commit is there; `header_is_good` may be NULL and tells then whether
 * a segment header is, and place->header what it says. */
resume_status rs_place_at_segment(rs_file *file, uint64_t offset, rs_place *place, bool *found,
                                  bool *header_is_good, rs_error *error);
resume_status rs_place_at_trailer(rs_file *file, uint64_t offset, rs_place *place, bool *found,
                                  rs_error *error);
static inline uint64_t rs_generation_end(const rs_generation *generation) {
    return generation->segment_offset + generation->segment_size;
}

/* --- read.c --- */

/* Reads generation `generation`: digest, records, table and stream are verified. */
resume_status rs_state_load(rs_file *file, const rs_generation *generation, rs_state **state,
                            rs_error *error);
/* META and table alone, for compaction. */
resume_status rs_state_load_tables(rs_file *file, const rs_generation *generation, rs_state **state,
                                   rs_error *error);
/* The text of `error`, without the "generation N: " of this one in front. */
const char *rs_error_behind_generation(const rs_error *error, uint64_t generation);
/* Fails with DAMAGED: "'PATH': WHAT at byte OFFSET". */
resume_status rs_file_bad(const rs_file *file, uint64_t offset, rs_error *error, const char *what);
resume_status rs_table_copy(const rs_table *from, rs_table *to, rs_error *error);
/* Fills in saved_ns, from META. */
resume_status rs_generation_read_time(rs_file *file, rs_generation *generation, rs_error *error);

/* --- read_chunks.c --- */

/* Reads a chunk, decodes it into `raw` and verifies it. */
resume_status rs_chunk_read(rs_file *file, const rs_chunk_entry *entry, void *raw, rs_error *error);
/* The record of a PATCHED chunk. */
resume_status rs_patch_read(rs_file *file, const rs_chunk_entry *entry, rs_patch *patch,
                            rs_error *error);
/* `count` chunks of one blob from `entries` on, which fill `to` one after the other, or are
 * verified alone (NULL): on several processors when they are many. Of several bad ones the first
 * is told. */
resume_status rs_state_read_chunks(rs_state *state, const rs_chunk_entry *entries, uint64_t count,
                                   void *to, rs_error *error);
void rs_readers_free(rs_readers *readers); /* NULL is allowed */

/* --- chain.c: from a commit back to the ones before it --- */

typedef struct rs_chain {
    rs_generation *items; /* newest first */
    size_t count, capacity;
} rs_chain; /* zero-initialised: empty, safe to release */
void rs_chain_release(rs_chain *chain);
/* Adds the commit whose trailer is at `at`, and those before it until there are `count_max`. Their
 * numbers are below `below`. *whole is false when the chain is broken. */
resume_status rs_chain_follow(rs_file *file, uint64_t at, uint64_t below, size_t count_max,
                              rs_chain *chain, bool *whole, rs_error *error);

/* --- limits.c --- */

/* LIMIT when the state is not the user's own and `size` bytes are too much for such a one. */
resume_status rs_check_foreign(const rs_state *state, uint64_t size, rs_error *error);

/* --- sign.c --- */

/* The user's key, or NULL. */
const rs_key *rs_file_key(const rs_file *file);
/* The key if what was read or written as `signature` may be signed again: it verified. */
const rs_key *rs_file_key_for(const rs_file *file, rs_signature signature);
/* The newest generation is the user's own, as far as can be told: its chunks may be relied upon. */
bool rs_file_is_own(const rs_file *file);
/* Judges what END says about the generation whose META is `meta`, by state->table. */
resume_status rs_state_judge(rs_state *state, rs_slice meta, rs_error *error);
/* The stream was read: is it the one that the MAC speaks for? */
void rs_state_judge_stream(rs_state *state);

/* --- recover.c --- */

/* Finds the generations of an open file and takes the newest that verifies. */
resume_status rs_file_recover(rs_file *file, rs_recovery *recovery, rs_error *error);

/* --- file.c --- */

/* Adds to the list, as the newest. */
resume_status rs_generations_push(rs_file *file, const rs_generation *generation, rs_error *error);
/* Afterwards one push cannot fail. */
resume_status rs_generations_make_room(rs_file *file, rs_error *error);
/* "lost" or "gone" generations: drops all but the first `count`. */
void rs_generations_keep(rs_file *file, size_t count);
const rs_generation *rs_file_newest(const rs_file *file); /* NULL when there is none */
/* What file->loaded says about the newest generation, but its table. */
void rs_file_know_newest(rs_file *file);
void rs_file_forget_loaded(rs_file *file);

/* --- plan.c: what a snapshot needs to have written --- */

/* The bytes of a chunk that has to be written. */
typedef struct rs_source {
    const uint8_t *bytes; /* NULL: the chunk need not be written */
    bool is_copy;         /* not the program's memory; of a patch its unwritten pages alone */
    rs_change *change;    /* it is written as this patch; NULL: whole */
} rs_source;

/* Entries of the table: done (found in `index`, or zero), or to be written: then offset is 0 and
 * hash and raw size are set. */
typedef struct rs_plan {
    rs_table table;
    rs_chunk_index *index; /* content that is in the file */
    rs_source *sources;    /* of each entry; NULL: nothing is to be written */
    uint64_t source_count;
    bool borrows;   /* some of them are the program's memory */
    uint64_t bound; /* bytes that may have to be written, at most */
    uint64_t reused, zeros;
    uint64_t raw_size; /* of all blobs */
} rs_plan;

/* How a snapshot is looked at. */
typedef struct rs_planning {
    const rs_table *previous; /* of generation `generation`; NULL: everything is to be written */
    uint64_t generation;
    uint32_t chunk_size;
    rs_known_pages *pages; /* learns the pages of all chunks that are looked at */
    rs_staging *staging;   /* gets copies of what is to be written; NULL: nothing is copied */
    unsigned processors;
} rs_planning;

resume_status rs_plan_make(const rs_planning *how, const rs_snapshot *snapshot, rs_plan *plan,
                           rs_error *error);
void rs_plan_release(rs_plan *plan);

/* --- segment_writer.c: one segment, streamed with bounded memory --- */

/* Bytes that are written by one call. The first piece is what did not fit into a small segment, and
 * each is twice as large as the one before up to this size: a save of 2 MiB takes no 8 MiB. */
#define RS_PIECE_SIZE (4u << 20)
/* Saves from this size on go past the page cache: that costs the program next to no time of the
 * processors, and does not drive its own files out of the cache. */
#define RS_DIRECT_SIZE_MIN (UINT64_C(16) << 20)

/* Memory for a piece. */
typedef struct rs_room {
    uint8_t *pages; /* NULL: none yet */
    size_t capacity;
    size_t from, size; /* of its bytes; each lies in its block as it will lie in the file */
    uint64_t offset;   /* in the file, of the first */
} rs_room;

/* Not to be moved while it is in use. */
typedef struct rs_segment_writer {
    const rs_os *os;
    int fd;
    const char *path;
    rs_codec *codec;
    const rs_uuid *uuid;
    rs_worker **thread; /* writes a piece while the next one is filled; is made when it is needed.
                           NULL: the caller's thread writes them */
    uint64_t offset;    /* of the segment */
    uint64_t at;        /* file offset behind everything that is written or staged */
    bool reserves;      /* asks for the space of each piece: there may be too little for all */
    bool starts; /* the disk is told to begin with each piece: its space is reserved. Else that
                    would have it found piece by piece, which takes several times longer */
    uint64_t small_size_max; /* as in rs_file */
    bool barriers;  /* sync before the trailer of an ordered segment, and after every trailer */
    bool streaming; /* too large for a self-verifying segment: written in pieces */
    bool touched;   /* something was written into the file */
    bool write_failed, sync_failed; /* the file is poisoned (no space left is neither) */
    rs_buffer staged;               /* all of a segment that is not streaming */
    rs_room filling;                /* of one that is: what ends at `at` and is not written yet */
    rs_room leaving; /* what the thread writes; with the two below its own until it is done */
    resume_status left;
    rs_error left_error;
    bool is_direct; /* pieces go past the page cache, by this: */
    int direct;
    rs_buffer scratch;  /* one record of a patch */
    uint64_t written;   /* bytes */
    int64_t busy_ns;    /* spent in writing and syncing */
    uint64_t file_size; /* how far the file reaches, with what was written */
    uint64_t
        room_size;    /* zeros to be written behind a small segment that goes beyond it; 0: none */
    bool room_failed; /* there was no space for them */
} rs_segment_writer;

resume_status rs_segment_writer_init(rs_segment_writer *writer, rs_error *error);
void rs_segment_writer_release(rs_segment_writer *writer); /* waits for a piece under way */
/* From now on pieces go past the page cache, if that is possible: `name` in `folder` is the file.
 */
void rs_segment_writer_go_direct(rs_segment_writer *writer, int folder, const char *name);
/* What the thread has done by now is done, and told in touched, written, file_size and the like;
 * the status is that of the piece that it wrote last. */
resume_status rs_segment_writer_wait(rs_segment_writer *writer, rs_error *error);
/* Stores a copy of the bytes of a chunk whose hash and raw size are in `entry`, and fills the rest
 * of it. Should the memory have changed since it was hashed, the copy is what counts, and gets a
 * hash of its own: the program may then have saved a mixture of its own making, but never a
 * generation that can't be read. */
resume_status rs_segment_writer_chunk(rs_segment_writer *writer, const void *raw,
                                      uint8_t element_size, rs_compress mode, bool disk_is_slow,
                                      rs_chunk_entry *entry, rs_error *error);
/* The same as a patch: writes its unwritten pages, whose checksums are those in `of_pages`, and its
 * record. Fills in their places. `raw` is the chunk or, `packed`, those pages alone. */
resume_status rs_segment_writer_patch(rs_segment_writer *writer, const uint8_t *raw, bool packed,
                                      const rs_hash128 *of_pages, rs_change *change,
                                      rs_chunk_entry *entry, rs_error *error);
/* Stores bytes that are coded already; sets the offset of `entry`. They are copied. */
resume_status rs_segment_writer_stored(rs_segment_writer *writer, const void *stored,
                                       rs_chunk_entry *entry, rs_error *error);
/* Ends the segment with these records. header: generation, previous_commit and MARK flag are given;
 * the rest is filled. Durable when it returns OK, if `barriers`. */
resume_status rs_segment_writer_finish(rs_segment_writer *writer, rs_segment_header *header,
                                       const rs_buffer *records, rs_generation *generation,
                                       rs_error *error);

/* --- pieces.c: how the bytes of a segment get into the file; for segment_writer.c alone --- */

/* Adds bytes (NULL: zeros) behind the others. */
resume_status rs_pieces_add(rs_segment_writer *writer, const void *bytes, size_t size,
                            rs_error *error);
/* `size` bytes that are added next will stand side by side in memory. Writes what is full. */
resume_status rs_pieces_make_room(rs_segment_writer *writer, size_t size, rs_error *error);
/* Of `size` bytes that were just added. */
const uint8_t *rs_pieces_last(const rs_segment_writer *writer, size_t size);
/* What is not written yet. */
rs_slice rs_pieces_rest(const rs_segment_writer *writer);
resume_status rs_pieces_write(rs_segment_writer *writer, const rs_slice *parts, size_t count,
                              uint64_t offset, rs_error *error);
void rs_pieces_release(rs_segment_writer *writer);

/* --- room.c: zeros behind the newest commit --- */

/* How many a commit that is small and goes beyond the file should put behind itself. */
uint64_t rs_room_wanted(const rs_file *file);
/* A commit of this size is durable. */
void rs_room_note_commit(rs_file *file, const rs_generation *generation);
/* False when something else stands where the next commit is to be written. */
bool rs_room_is_untouched(const rs_file *file);
/* Cuts them off, where they are our own. Not synced: zeros that come back do no harm. */
void rs_room_give_back(rs_file *file);

/* --- replace.c: a complete new file in the place of NAME --- */

typedef struct rs_fresh {
    int fd;        /* -1: none */
    unsigned slot; /* the number in its name: rs_name_temporary */
    char name[RS_FILE_NAME_SIZE];
    char *path; /* for messages */
    rs_header header;
    rs_digest header_digest;
} rs_fresh;

/* --- commit.c --- */

/* Of numbers of this size, for the codec; others are bytes. */
uint8_t rs_shuffle_size(uint32_t element_size);

/* One segment while it is made. Zero-initialised it is safe to release. */
typedef struct rs_draft {
    rs_plan plan; /* its table becomes the file's */
    rs_buffer records;
    uint32_t table_depth;
    rs_segment_writer writer;
    rs_segment_header header;
    rs_generation generation;
    uint64_t reserved_end; /* file offset up to which space was reserved; 0: none was */
    bool full_table;       /* not as a difference to that of the newest generation */
    rs_buffer meta;        /* META, encoded */
    int64_t saved_ns;      /* as it says */
    const rs_key *key;     /* signs it; NULL: not signed */
    rs_digest header_digest, stream_digest;
} rs_draft;
void rs_draft_release(rs_draft *draft);
/* Does the next commit go to the end of the open file? Otherwise a complete new file is needed. */
resume_status rs_file_choose_way(rs_file *file, bool *appends, rs_error *error);
/* META goes into the draft; the state has `state_size` bytes. */
resume_status rs_draft_describe(rs_draft *draft, const rs_meta *meta, uint64_t state_size,
                                rs_error *error);
/* A commit of chunks that are in the file: the draft has table, flags and full_table. */
resume_status rs_file_append_table(rs_file *file, rs_draft *draft, const rs_meta *meta,
                                   rs_commit_info *info, rs_error *error);
/* Commits what `draft` plans: at the end of the file, or as a complete new one. Takes what is in
 * the draft, which is released by the caller. */
resume_status rs_file_write_draft(rs_file *file, bool appends, rs_draft *draft,
                                  const rs_commit_options *options, rs_commit_info *info,
                                  rs_error *error);
resume_status rs_file_check_writable(const rs_file *file, rs_error *error); /* MISUSE, LIMIT */
/* Takes a file that was just published as the one that the handle is. Its generations are pushed by
 * the caller. */
void rs_file_adopt_fresh(rs_file *file, rs_fresh *fresh, const rs_file_info *info);
/* A failure for lack of space is told with what the whole save may need and what is free by now,
 * when all that the attempt had taken is given back. Other failures stay as they are. */
void rs_file_tell_space(const rs_file *file, uint64_t needed, rs_error *error);
/* After a failed write: cut off what it left, or poison the file. */
void rs_file_undo(rs_file *file, const rs_segment_writer *writer);
/* A hint is never synced and may fail: it only shortens a later scan. */
void rs_file_hint(rs_file *file, int fd, const rs_uuid *uuid, const rs_generation *generation);

/* META, table and END of a segment. `base` may be NULL: a full table. `statement` has header,
 * generation, flags and stream; `key` may be NULL: not signed. */
resume_status rs_records_make(rs_slice meta, const rs_table *table, const rs_table *base,
                              uint64_t base_segment, uint32_t base_depth, const rs_key *key,
                              const rs_statement *statement, rs_buffer *records, uint32_t *depth,
                              rs_error *error);

/* --- replace.c --- */

/* A temporary file with blocks 0 to 2, for segments from RS_SEGMENTS_START on. */
resume_status rs_fresh_make(rs_file *file, rs_fresh *fresh, rs_error *error);
/* Blocks 0 to 2 as fresh->header says. */
resume_status rs_fresh_write_header(rs_file *file, rs_fresh *fresh, rs_error *error);
/* Makes the names in the folder durable. */
resume_status rs_file_sync_folder(rs_file *file, rs_error *error);
/* Makes it durable and gives it the name. *published tells whether the name is its own now, also
 * when a later step failed. `aside_name` is filled when an older file was kept. */
resume_status rs_fresh_publish(rs_file *file, rs_fresh *fresh, char aside_name[RS_FILE_NAME_SIZE],
                               bool *published, rs_error *error);
void rs_fresh_discard(rs_file *file, rs_fresh *fresh); /* closes it and removes what has no name */
/* Puts in order what a crash left: temporary files of dead writers, a file with two names, a file
 * whose place is empty because the crash fell between two renames. Only under the lock. */
resume_status rs_leftovers_clear(rs_file *file, rs_error *error);
/* The complete file that only waits for its name: readers take it as it is. */
bool rs_leftovers_find_ready(rs_file *file, char name[RS_FILE_NAME_SIZE]);
/* Copies what stands behind the newest commit to NAME.torn-TIME, at most RS_TORN_SIZE_MAX bytes of
 * it; an older one of these files is removed then. Durable when it returns OK. */
resume_status rs_tail_keep(rs_file *file, rs_error *error);

/* --- prune.c: which generations stay --- */

/* One for each listed generation, newest first; freed by the caller (rs_free). */
resume_status rs_kept_choose(rs_file *file, const rs_keep *keep, size_t must, bool verify,
                             rs_keep_item **items, rs_error *error);
/* Bytes that a file of these has; NULL: of the newest generation alone. */
resume_status rs_kept_measure(rs_file *file, const rs_keep_item *items, uint64_t *size,
                              rs_error *error);

/* --- compact.c --- */

/* Compacts when the file is larger than it should be. Failures are told in `note` only: what was
 * committed is safe. */
void rs_file_compact_if_due(rs_file *file, const rs_keep *keep, rs_commit_info *info);
/* As rs_file_compact; the generation that must be good is not the newest, but the one of this
 * index. */
resume_status rs_file_rewrite(rs_file *file, const rs_keep *keep, size_t must, rs_commit_info *info,
                              rs_error *error);
#endif
