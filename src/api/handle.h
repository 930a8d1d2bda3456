/* What is behind a `resume *`. Private to src/api. */
#ifndef RS_API_HANDLE_H
#define RS_API_HANDLE_H

#include "api/report.h"
#include "api/scope.h"
#include "engine/checkpoint.h"

#include <resume/resume.h>

#include <stdatomic.h>

#define RS_STRUCTS_DEEP_MAX 16u
/* Restored arrays are read into memory of their own first, up to so many bytes in all. */
#define RS_STAGED_SIZE_MAX (UINT64_C(1) << 30)

typedef enum rs_handle_kind {
    RS_HANDLE_NOTHING,  /* could not be opened */
    RS_HANDLE_WRITER,   /* engine */
    RS_HANDLE_READER,   /* folder and file */
    RS_HANDLE_FIELDS,   /* what a describe callback is given */
    RS_HANDLE_DISABLED, /* RESUME_DISABLE */
} rs_handle_kind;

struct resume {
    atomic_int due; /* first, as resume.h promises: what resume_sync looks at */
    rs_handle_kind kind;
    rs_error error; /* of the last call that failed */
    resume_status sticky;
    bool is_constant; /* the one for "no memory at all": never written, never freed */

    rs_scope scope;
    resume *fields; /* handed to describe callbacks; the next level below; made when needed */
    unsigned depth; /* of this one: 0 for a checkpoint */

    const rs_os *os;
    rs_checkpoint *engine;
    rs_folder *folder; /* of a reader */
    rs_file *file;
    size_t generation_index;
    rs_state *state;
    char *path;

    bool is_strict;
    bool is_foreground; /* resume_sync returns when what it saves is durable */
    bool has_unread;    /* something is saved that has not been restored: a save would lose it */
    bool is_spoiled;    /* a restore failed half-way: nothing may be saved any more */
    bool has_begun;     /* saved or restored by this handle: the end may be recorded */
    bool is_busy;       /* a callback of the program is running */
    uint64_t staged_size_max;

    rs_report report;
    rs_buffer warning; /* ends with a zero when not empty */
    resume_info info;
    uint64_t saving_size; /* of the state that is saved, or was last */
    char aside[RS_FILE_NAME_SIZE];
};

/* Records a failure of this call and returns its status. */
resume_status rs_handle_failed(resume *checkpoint, resume_status status);
/* May this handle protect, save or restore: the sticky error, or MISUSE inside a callback. */
resume_status rs_handle_check(resume *checkpoint, const char *what);
/* One more sentence for resume_info.warning. Without memory it is not told. */
void rs_handle_warn(resume *checkpoint, const char *text);
/* Waits for a save in the background, and takes over what became of it: its status, once. */
resume_status rs_handle_hear(resume *checkpoint);
/* Calls a describe callback: the fields of `object` in checkpoint->fields->scope. LIMIT: too deep;
 * what the callback did wrong; NO_MEMORY. */
resume_status rs_handle_describe(resume *checkpoint, resume_describe describe, void *object,
                                 rs_error *error);

/* resume_open_function on another system, for tests. */
resume_status rs_api_open(const rs_os *os, resume **checkpoint, const char *name,
                          const char *function, const resume_options *options, size_t options_size);
resume_status rs_api_read(const rs_os *os, resume **checkpoint, const char *path);
#endif
