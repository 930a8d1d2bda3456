/* What the files of the command share: exit codes, places, text, tables, JSON. */
#ifndef RC_COMMAND_H
#define RC_COMMAND_H

#include "options.h"

#include "base/error.h"
#include "format/cbor.h"
#include "format/meta.h"
#include "store/file.h"
#include "store/folder.h"

#include <resume/resume.h>

#include <jansson.h>
#include <libsmartcols/libsmartcols.h>
#include <stdbool.h>
#include <stdio.h>

#define RC_JSON_SCHEMA 1

/* The sub-commands, one in each cmd_NAME.c; main.c lists them. */
extern const rc_command rc_ls, rc_show, rc_log, rc_diff, rc_check, rc_export_command, rc_revive,
    rc_rollback, rc_prune, rc_rm, rc_run, rc_trust, rc_untrust, rc_keys, rc_doctor_command,
    rc_completion, rc_names;

/* report.c: talk, on stderr. */
rc_exit rc_exit_of(resume_status status);
/* The one that a script must see first: damage before I/O before other failures before warnings. */
rc_exit rc_worse(rc_exit a, rc_exit b);
/* "resume: TEXT", escaped, and what to do next where the text does not say it. */
rc_exit rc_report(const rs_error *error);
/* The same of a command that has no other result; with --json one object on stdout, too. */
rc_exit rc_report_failed(const char *command, bool json, const rs_error *error);
void rc_say(const char *format, ...) RS_PRINTF(1, 2); /* the same for a hint or warning */

/* place.c: which file or folder an argument means. */
typedef struct rc_place {
    rs_folder *folder;
    char file_name[RS_FILE_NAME_SIZE]; /* empty: the whole folder */
    /* Of rc_place_find_at; both 0: the newest generation. */
    uint64_t generation; /* this number */
    uint64_t back;       /* so many before the newest */
} rc_place;              /* zero-initialised: safe to release */
void rc_place_release(rc_place *place);
/* The folder with checkpoints: `path`, or `.checkpoints` in it; without a path RESUME_DIR, or
 * `.checkpoints` in the working folder. */
resume_status rc_place_folder(const char *path, rc_place *place, rs_error *error);
/* A name in that folder, the name of a file there ("NAME~1"), or a path; with `folder_allowed` also
 * the path of a folder. */
resume_status rc_place_find(const char *argument, bool folder_allowed, rc_place *place,
                            rs_error *error);
/* The same with a generation behind it: "NAME@41", or "NAME@-1" for the one before the newest. A
 * name may hold an @ itself: what exists under the whole text is meant first. */
resume_status rc_place_find_at(const char *argument, rc_place *place, rs_error *error);
/* The index (rs_file_read) of that generation in the opened file. NOT_FOUND: it is not kept. */
resume_status rc_place_generation(const rc_place *place, rs_file *file, size_t *index,
                                  rs_error *error);
/* File names in the folder, sorted; the caller frees each and the list (rs_free). */
resume_status rc_place_list(const rs_folder *folder, char ***names, size_t *count, rs_error *error);

/* locks.c */
typedef struct rc_lock {
    uint64_t inode;
    int64_t holder; /* id of the process */
} rc_lock;
typedef struct rc_locks {
    rc_lock *items; /* by inode */
    size_t count, capacity;
} rc_locks;
/* Those of this moment; empty where the system does not tell. */
void rc_locks_read(rc_locks *locks);
void rc_locks_release(rc_locks *locks);
/* The process that holds the lock of this very file, or 0. */
int64_t rc_locks_holder(const rc_locks *locks, const rs_folder *folder, const char *file_name);
/* That of a checkpoint. */
int64_t rc_locks_in_use(const rc_locks *locks, const rs_folder *folder, const char *file_name);
/* The same at this moment, for one checkpoint. Never takes the lock. */
int64_t rc_place_in_use(const rs_folder *folder, const char *file_name);

/* opened.c: a checkpoint that an argument names, open for reading at one generation. */
typedef struct rc_opened {
    rc_place place;
    rs_file *file;
    rs_recovery recovery;
    size_t index; /* of the generation that is meant: of rs_file_generation */
} rc_opened;      /* zero-initialised: safe to release */
/* As rc_place_find_at; `generation`, unless 0, is meant instead of the one that it names. */
resume_status rc_opened_open(const char *argument, uint64_t generation, rc_opened *opened,
                             rs_error *error);
void rc_opened_release(rc_opened *opened);
/* Says what opening found out; RC_OK when the file is good, else warnings or damage. */
rc_exit rc_opened_health(const rc_opened *opened);

/* escape.c: texts from files, safe for a terminal or for JSON. */
typedef enum rc_escape_mode {
    RC_ESCAPE_TERMINAL, /* controls, bidi and invisible characters, what the locale can't show */
    RC_ESCAPE_JSON,     /* only what is not UTF-8: the JSON writer does the rest */
} rc_escape_mode;
/* As much as fits into `to` with its zero, "..." at the end when cut. Returns the length. */
size_t rc_escape(rc_escape_mode mode, const void *bytes, size_t size, char *to, size_t to_size);

/* text.c: numbers as people read them. `to` is returned. */
#define RC_TEXT_SIZE 64
const char *rc_text_size(uint64_t bytes, char to[RC_TEXT_SIZE]);       /* "12.1 MiB" */
const char *rc_text_age(int64_t age_ns, char to[RC_TEXT_SIZE]);        /* "3 min ago" */
const char *rc_text_duration(int64_t ns, char to[RC_TEXT_SIZE]);       /* "2 h 03 min" */
const char *rc_text_time(int64_t time_ns, char to[RC_TEXT_SIZE]);      /* local, to the second */
const char *rc_text_time_json(int64_t time_ns, char to[RC_TEXT_SIZE]); /* RFC 3339, UTC */
/* How a checkpoint is called: the decoded name, "~1" and the like kept. Escaped. */
size_t rc_text_name(rc_escape_mode mode, const char *file_name, char *to, size_t to_size);
const char *rc_text_health(rs_health health);
/* "good", and whose it is where it is not the user's own: "good, not signed". */
const char *rc_text_trust(const char *health, rs_signature signature, char to[RC_TEXT_SIZE]);

/* table.c: columns on stdout, as wide as the terminal; unlimited when stdout is none. */
typedef struct rc_column {
    const char *name;
    bool right;    /* numbers */
    bool flexible; /* gives way when the terminal is narrow */
} rc_column;
/* For the whole process, before the first table. */
void rc_color_set(rc_color_when when);
typedef enum rc_colour { RC_PLAIN, RC_GOOD, RC_CAREFUL, RC_BAD } rc_colour;
/* How much of a buffer of `size` a cell of a column that does not give way should use: all of it,
 * or about a third of the terminal. */
size_t rc_table_cell_size(size_t size);
/* NULL when there is no memory; adding to NULL does nothing. */
struct libscols_table *rc_table_new(const rc_column *columns, size_t count);
struct libscols_line *rc_table_add(struct libscols_table *table, const char *const *cells,
                                   size_t count);
/* Around text on stdout that is no table: escape sequences, or nothing. */
const char *rc_colour_begin(rc_colour colour);
const char *rc_colour_end(void);
void rc_table_colour(struct libscols_line *line, size_t column, rc_colour colour);
/* Columns, by name and blanks between, that a narrow terminal goes without, the first one first. */
void rc_table_drop(struct libscols_table *table, const char *names);
rc_exit rc_table_print(struct libscols_table *table); /* and frees it */

/* json.c */
json_t *rc_json_new(const char *command);               /* {"schema": 1, "command": ...} */
json_t *rc_json_text(const void *bytes, size_t size);   /* escaped as RC_ESCAPE_JSON */
json_t *rc_json_time(int64_t time_ns);                  /* text, or null for 0 */
json_t *rc_json_name(const char *file_name);            /* rc_text_name */
rc_exit rc_json_print(json_t *root, rc_exit exit_code); /* prints, frees, returns exit_code */
/* What a generation tells about itself, and whose it is, into `object`. */
void rc_json_state(json_t *object, const rs_state *state);

/* describe.c: one value of the object stream as one line. */
#define RC_VALUE_SIZE 4096
typedef struct rc_value {
    char type[160];           /* "list of 3", "float64 (512, 512)", "pkg.Class" */
    char text[RC_VALUE_SIZE]; /* short, raw: to be escaped by who prints it */
} rc_value;
/* Where the shared values of a stream stand (tag 28), found when the first reference is met.
 * Zero-initialised it is empty; rc_shares_release. */
typedef struct rc_shares {
    size_t *places;
    size_t count;
    bool looked;
} rc_shares;
void rc_shares_release(rc_shares *shares);
/* Reads the item at the reader and moves behind it. Builds nothing; output, depth and work are
 * bounded, whatever the bytes are. */
resume_status rc_describe(const rs_state *state, rc_shares *shares, rs_cbor_reader *reader,
                          size_t text_max, rc_value *value, rs_error *error);

/* contents.c: the outermost map of the object stream, docs/state.md. */
typedef enum rc_section {
    RC_VARIABLE,
    RC_EXTRA,
    RC_TRACKED,
    RC_RESULT,
    RC_ARGUMENT, /* from here on a text alone, without a type */
    RC_SKIPPED,
    RC_FRAME /* by the names of the functions: the line where each stands */
} rc_section;
#define RC_SECTION_COUNT 7
#define RC_ALL_SECTIONS  0xffu
/* Calls `visit` with each named value of the sections, where it stands in the stream. A status of
 * `visit` other than OK ends the walk. */
typedef resume_status (*rc_visit_place)(void *context, rc_shares *shares, rc_section section,
                                        rs_slice name, rs_cbor_reader value, rs_error *error);
resume_status rc_contents_places(const rs_state *state, unsigned sections, rc_visit_place visit,
                                 void *context, rs_error *error);
/* Calls `visit` with each named value of the sections (bits, 1 << RC_VARIABLE), in the order of the
 * file; `name` and `value` are borrowed for the call. */
typedef void (*rc_visit)(void *context, rc_section section, rs_slice name, const rc_value *value);
resume_status rc_contents_walk(const rs_state *state, unsigned sections, size_t text_max,
                               rc_visit visit, void *context, rs_error *error);
#endif
