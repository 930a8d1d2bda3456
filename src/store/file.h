/* One checkpoint file: open and recover, read generations, commit. The promise of the library is
 * kept here.
 *
 * A writer holds the lock (store/lock.h) and is the only one to call the functions that write.
 * Readers need none. */
#ifndef RS_STORE_FILE_H
#define RS_STORE_FILE_H

#include "base/bytes.h"
#include "base/error.h"
#include "format/chunk.h"
#include "format/header.h"
#include "format/meta.h"
#include "store/folder.h"
#include "store/name.h"
#include "store/retain.h"

#include <stdbool.h>

struct rs_mac;
typedef struct rs_file rs_file;

typedef enum rs_health {
    RS_HEALTH_GOOD = 0,
    RS_HEALTH_TORN =
        1, /* the newest, self-verifying save is incomplete or damaged: what a crash leaves, too */
    RS_HEALTH_DAMAGED = 2, /* a generation that was once durable does not verify */
} rs_health;

typedef struct rs_recovery {
    rs_health health;
    uint64_t taken; /* the generation that is now the newest */
    uint64_t lost;  /* the newest generation that is known to be lost; 0 when none or unknown */
    uint64_t end;   /* file offset behind the newest good commit */
    uint64_t size;  /* of the file: more, too, where zeros wait for the next commit */
    char text[512]; /* for the user, empty when good: "newest save incomplete or damaged ..." */
} rs_recovery;

/* Opens `file_name` in the folder. A regular file, links never followed; for writing one that
 * belongs to the user or to root: else UNSAFE_PATH. The statuses of rs_header_decode; DAMAGED when
 * no generation verifies. The newest generation whose tables and stream verify is taken, `recovery`
 * tells the rest. Nothing is written into the file. For writing, under the lock, first puts in
 * order what a crash may have left beside it. A file that has other names (hard links of a backup)
 * is never written into: the next commit makes a complete new one. A reader needs no lock: where it
 * finds damage or nothing while a writer is at work, it looks again. */
resume_status rs_file_open(const rs_folder *folder, const char *file_name, bool for_writing,
                           rs_file **file, rs_recovery *recovery, rs_error *error);
/* A checkpoint that does not exist yet: the first commit makes the file, numbered
 * `first_generation`. When `aside` is not NULL a file of this name exists and is kept under the
 * name that rs_file_commit reports. */
typedef enum rs_aside { RS_ASIDE_NO, RS_ASIDE_NUMBERED, RS_ASIDE_DAMAGED } rs_aside;
resume_status rs_file_new(const rs_folder *folder, const char *file_name, uint64_t first_generation,
                          rs_aside aside, rs_file **file, rs_error *error);
void rs_file_close(rs_file *file); /* NULL is allowed; nothing is written */
/* To be called before closing a file that was written to. Lets the file itself tell which
 * generation is its newest, so that a later opening finds it faster and notices when the file was
 * cut off right behind an older one (commits do this now and then), and gives back the zeros that
 * wait behind it for the next commit. Nothing is synced and no failure matters. Not in a forked
 * child. */
void rs_file_leave(rs_file *file);
/* The next commit writes a complete new file; the old one is kept as NAME~1 (or .damaged-TIME). */
void rs_file_start_over(rs_file *file);
/* Something in the newest generation turned out to be damaged, as `error` says on entry (it may be
 * empty): the newest older one that verifies becomes the newest, and `recovery` tells. DAMAGED when
 * there is none left. The next commit writes a complete new file and keeps this one as
 * NAME.damaged-TIME. */
resume_status rs_file_fall_back(rs_file *file, rs_recovery *recovery, rs_error *error);

/* Generations that can still be reached, newest first. */
typedef struct rs_generation {
    uint64_t number, commit_offset, segment_offset, segment_size;
    uint32_t flags;   /* enum rs_segment_flags */
    int64_t saved_ns; /* as META says; 0: not looked at yet */
} rs_generation;
/* The newest 512 at least; rs_file_list_all lists as many as there are, up to 65536: what reads by
 * index has to be asked again afterwards. */
size_t rs_file_generation_count(const rs_file *file);
const rs_generation *rs_file_generation(const rs_file *file, size_t index);
resume_status rs_file_list_all(rs_file *file, rs_error *error);
/* It records the end of a call, and has the state of the one before it. */
bool rs_generation_is_mark(const rs_generation *generation);
uint64_t rs_file_size(const rs_file *file);
const rs_header *rs_file_header(const rs_file *file);

/* A generation, read: META, the object stream and the table verified; blobs are verified as they
 * are read. Borrows the file. DAMAGED and the like say which generation. */
typedef struct rs_state rs_state;
/* A commit that replaces the file (new_file, compacted) makes states that were read before
 * unusable: MISUSE. */
resume_status rs_file_read(rs_file *file, size_t index, rs_state **state, rs_error *error);
/* META and table alone, verified: its stream is empty, its blobs can be read. */
resume_status rs_file_look(rs_file *file, size_t index, rs_state **state, rs_error *error);
void rs_state_free(rs_state *state);
const rs_meta *rs_state_meta(const rs_state *state);
rs_slice rs_state_stream(const rs_state *state);                  /* blob 0 */
size_t rs_state_blob_count(const rs_state *state);                /* with blob 0 */
uint64_t rs_state_blob_size(const rs_state *state, size_t index); /* 0 when there is no such blob */
/* Who has saved a generation. */
typedef enum rs_signature {
    RS_SIGNED_NOT,     /* no MAC (or one of a kind that this version does not know) */
    RS_SIGNED_OTHER,   /* with another key than the user's, or there is none to tell by */
    RS_SIGNED_WRONG,   /* the key is named, but the MAC or the stream does not match */
    RS_SIGNED_MINE,    /* with the user's key */
    RS_SIGNED_TRUSTED, /* by anybody, but the user has said to trust just this content */
} rs_signature;
const char *rs_signature_text(rs_signature signature); /* "signed with another key" */
/* Of a state without its stream (rs_file_look), as the MAC says. */
rs_signature rs_state_signature(const rs_state *state);
/* MINE or TRUSTED, and the object stream was read and matches: only then may anything in it be
 * imported, called or entered. */
bool rs_state_is_mine(const rs_state *state);
/* What makes its content trusted, for rs_trusted_add (store/keys.h). UNTRUSTED: what was read is
 * not what was written. MISUSE without a key or without the stream. */
resume_status rs_state_trust_mac(const rs_state *state, struct rs_mac *mac, rs_error *error);
/* Hostile until shown otherwise: not mine, where the user has a key; without one, of another
 * user's file that was opened for reading. */
bool rs_state_is_foreign(const rs_state *state);
/* To be called before memory is taken for `size` bytes that the state declares. LIMIT: the state
 * is foreign, and all that was claimed is more than 1 GiB and than four times the file.
 * NO_MEMORY: the system has not that much. */
resume_status rs_state_claim(rs_state *state, uint64_t size, rs_error *error);
/* Reads and verifies a whole blob into `to` (rs_state_blob_size bytes). NULL: verifies it alone. */
resume_status rs_state_read_blob(rs_state *state, size_t index, void *to, rs_error *error);
/* Reading it twice costs little: its chunks are stored as they are, and in the page cache. */
bool rs_state_is_at_hand(const rs_state *state, size_t index);
/* Puts a whole blob into `to`, zeroed pages (os/pages.h) of the program. Chunks that are stored as
 * they are become a private map of the file: not read, not verified, and there only as long as
 * nobody writes into the file behind our back (who cuts it off ends the program with SIGBUS).
 * Our own writing never does: committed bytes stay, and a file that is replaced lives on without a
 * name. All else is read and verified. `*mapped`: bytes that became a map. */
resume_status rs_state_map_blob(rs_state *state, size_t index, void *to, uint64_t *mapped,
                                rs_error *error);
/* As rs_state_read_blob for `size` bytes from `offset` on, into `to`, which must not be NULL; LIMIT
 * when they are not all inside. Every chunk that is touched is verified whole; the last one is kept
 * for the next call. */
resume_status rs_state_read_range(rs_state *state, size_t index, uint64_t offset, size_t size,
                                  void *to, rs_error *error);
/* Chunk number `chunk` of the two blobs holds the same bytes, as its checksum says: nothing is
 * read. False also when there is no such chunk, or the chunks of the two files are not of one size.
 */
bool rs_state_same_chunk(const rs_state *a, size_t blob_a, const rs_state *b, size_t blob_b,
                         uint64_t chunk);
/* Chunks of one file that have been found good: what its generations share is read once. */
typedef struct rs_verified rs_verified;
resume_status rs_verified_new(rs_verified **verified, rs_error *error);
void rs_verified_free(rs_verified *verified); /* NULL is allowed */
/* Verifies every chunk, but those in `verified` (may be NULL), to which good ones are added.
 * `progress` (may be NULL) is told the stored bytes that were read, and how many are to be read in
 * all; a non-zero answer of it stops with RESUME_OK. */
resume_status rs_state_verify(rs_state *state, rs_verified *verified,
                              int (*progress)(void *context, uint64_t done, uint64_t total),
                              void *context, rs_error *error);
typedef struct rs_state_sizes {
    uint64_t raw, stored, chunks, zero_chunks;
} rs_state_sizes;
rs_state_sizes rs_state_measure(const rs_state *state);

/* What is saved. All memory is borrowed for the call. */
typedef struct rs_blob {
    const void *bytes;
    uint64_t size;
    uint32_t element_size; /* of its numbers, for the shuffle; 1 or 0: bytes */
} rs_blob;
/* What is known of a blob without looking at it: chunk i is as chunk i of blob `blob` in generation
 * `generation` of this file, where bit i of `chunks` is set (64 a word). Counts only if that is the
 * newest generation, and the blob of the same size. */
typedef struct rs_unchanged {
    uint64_t generation; /* 0: nothing is known */
    size_t blob;
    const uint64_t *chunks;
} rs_unchanged;
typedef struct rs_snapshot {
    const rs_meta *meta;  /* state_size is filled in by the store */
    const rs_blob *blobs; /* blob 0 is the object stream */
    size_t blob_count;
    const rs_unchanged *unchanged; /* of each blob; NULL: nothing is known */
} rs_snapshot;

typedef struct rs_commit_options {
    rs_compress compress;
    rs_keep keep; /* what compaction keeps */
} rs_commit_options;

typedef struct rs_commit_info {
    uint64_t generation;
    uint64_t bytes_written;
    uint64_t file_size;
    uint64_t chunks_written, chunks_reused, chunks_zero;
    bool new_file; /* a complete new file was written */
    bool compacted;
    char aside[RS_FILE_NAME_SIZE]; /* file name under which an older file was kept, or empty */
    char note[512]; /* something the user should hear that is no failure of the save, or empty */
} rs_commit_info;

/* Makes the snapshot the newest generation; durable when it returns OK. On any failure everything
 * that was committed before is untouched and readable, and the next call works once the cause is
 * gone. Checks that the path still names the open file, else writes a complete new one; a failed
 * write or sync poisons the file, and the next call writes a complete new one. */
resume_status rs_file_commit(rs_file *file, const rs_snapshot *snapshot,
                             const rs_commit_options *options, rs_commit_info *info,
                             rs_error *error);
/* The same in two steps. The first looks at the snapshot in the calling thread, finds what has to
 * be written, and copies up to `copied_max` bytes of that. Nothing is written. META is encoded
 * here. */
typedef struct rs_prepared rs_prepared;
resume_status rs_file_prepare(rs_file *file, const rs_snapshot *snapshot,
                              const rs_commit_options *options, uint64_t copied_max,
                              rs_prepared **prepared, rs_error *error);
/* All that has to be written was copied: nothing of the snapshot is needed any more, and the second
 * step may be done by another thread. Else it has to be done before the memory changes. */
bool rs_prepared_is_copied(const rs_prepared *prepared);
/* The second step, once, as rs_file_commit; nothing else of the file may be used in between or
 * meanwhile. The copies are dropped. IO when the file was removed or replaced in between: the next
 * commit writes a complete new one. */
resume_status rs_file_commit_prepared(rs_file *file, rs_prepared *prepared, rs_commit_info *info,
                                      rs_error *error);
void rs_prepared_free(rs_prepared *prepared); /* NULL is allowed */
/* A generation with the same state and another META (RS_SEGMENT_MARK): how a call is recorded as
 * ended. MISUSE when nothing was committed or read through this file yet. */
resume_status rs_file_commit_mark(rs_file *file, const rs_meta *meta,
                                  const rs_commit_options *options, rs_commit_info *info,
                                  rs_error *error);

/* --- what stays, and going back --- */

/* Makes generation `index` (0 is the newest: MISUSE) the newest once more, as a commit of its own:
 * the same state and META, but `saved` and `copy_of`, and a new number. No chunk is copied. Every
 * chunk of it is read and verified first: DAMAGED and the like say what is wrong, and nothing has
 * changed. All other generations stay, so that going back again is possible. Works when the newest
 * generation is damaged; a file that must not be written into (damaged, poisoned) is replaced as by
 * a commit, with all generations that verify. Durable when it returns OK, and as a failed commit
 * when it does not. */
resume_status rs_file_rollback(rs_file *file, size_t index, rs_commit_info *info, rs_error *error);

/* What a policy would leave: items[i].kept for rs_file_generation(file, i), as many as are listed
 * (rs_file_list_all first). Only META is read. With `verify`, all of what is chosen, and another
 * one is chosen in the place of what is bad; DAMAGED when that is the newest generation. *size (may
 * be NULL) is about what the file would have. Nothing is written. */
resume_status rs_file_choose(rs_file *file, const rs_keep *keep, bool verify, rs_keep_item *items,
                             uint64_t *size, rs_error *error);
/* Pruning and compaction: copies the generations that the policy keeps into a new file, which
 * replaces this one when it is durable. All is verified, nothing bad is copied; DAMAGED, and
 * nothing has changed, when the newest generation does not verify. `info` may be NULL; its `note`
 * tells what was left out because it is bad. rs_file_commit does this when the file is larger than
 * 2 x live + 64 MiB, `live` being what its policy keeps. */
resume_status rs_file_compact(rs_file *file, const rs_keep *keep, rs_commit_info *info,
                              rs_error *error);
#endif
