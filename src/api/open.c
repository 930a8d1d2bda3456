/* Opening and closing: options, and what was found. */
#include "api/handle.h"
#include "api/naming.h"

#include "base/alloc.h"
#include "os/process.h"

#include <stdio.h>
#include <string.h>

#define RATE_S   30.0
#define KEEP_MAX 1000u
#define NEVER_S  1e10 /* 300 years: the nanoseconds of more do not fit into 64 bits */
#define WRITER   "resume " RESUME_VERSION ", C"

/* What stands for a handle when there is no memory for one: only ever read. */
static const struct resume no_memory_at_all = {
    .due = 1,
    .error = {.status = RESUME_NO_MEMORY, .text = "no memory for a checkpoint"},
    .sticky = RESUME_NO_MEMORY,
    .is_constant = true,
};

/* --- options --- */

static uint64_t ns_of(double seconds) {
    return seconds >= NEVER_S ? RS_NEVER : (uint64_t)(seconds * 1e9);
}

static uint64_t expiry_of(double seconds) {
    return seconds > 0 ? ns_of(seconds) : RS_NEVER;
}

static uint64_t rate_of(double seconds) {
    if (seconds < 0) return seconds == RESUME_AUTO ? RS_AUTO : 0;
    return ns_of(seconds > 0 ? seconds : RATE_S);
}

static resume_status refuse(rs_error *error, const char *what) {
    return rs_fail(error, RESUME_MISUSE, "resume_open: %s", what);
}

/* Not negative, and no NaN. */
static bool is_time(double seconds) {
    return seconds >= 0;
}

static resume_status check_options(const resume_options *options, rs_error *error) {
    if (!is_time(options->rate_s) && options->rate_s != RESUME_EVERY_SYNC &&
        options->rate_s != RESUME_AUTO)
        return refuse(error, "rate_s is a number of seconds, RESUME_EVERY_SYNC or RESUME_AUTO");
    if (!(options->overhead >= 0 && options->overhead < 1))
        return refuse(error, "`overhead` is a share of the run, 0.02 for 2 %; below 1");
    if (!is_time(options->expire_ended_s) || !is_time(options->expire_cut_off_s))
        return refuse(error, "expire_ended_s and expire_cut_off_s are seconds, 0: never");
    if ((unsigned)options->again > RESUME_AGAIN_ERROR)
        return refuse(error, "`again` is no such value");
    if ((unsigned)options->compress > RESUME_COMPRESS_ALWAYS)
        return refuse(error, "`compress` is no such value");
    if (options->keep_last > KEEP_MAX || options->keep_hourly > KEEP_MAX ||
        options->keep_daily > KEEP_MAX)
        return refuse(error, "keep_last, keep_hourly and keep_daily are 1000 at most");
    return RESUME_OK;
}

/* A caller that was compiled for an older library knows fewer members, for a newer one more. */
static resume_options options_of(const resume_options *given, size_t size) {
    resume_options options = {0};
    if (given) memcpy(&options, given, size < sizeof options ? size : sizeof options);
    return options;
}

/* --- what was found --- */

static resume_status check_found(resume *checkpoint, const rs_naming *naming,
                                 const resume_options *options, rs_error *error) {
    const rs_checkpoint_info *info = rs_checkpoint_look(checkpoint->engine);
    if (!naming->is_named && !options->any_program &&
        rs_checkpoint_is_of_other_program(checkpoint->engine, naming->program))
        return rs_fail(
            error, RESUME_EXISTS,
            "checkpoint '%s' belongs to another program of the same name, '%.*s', not to "
            "'%s': give this one a name or a folder of its own, or set `any_program`",
            info->path, (int)info->meta->program.size, (const char *)info->meta->program.bytes,
            naming->program);
    if (info->found != RS_FOUND_ENDED) return RESUME_OK;
    if (options->again == RESUME_AGAIN_ERROR)
        return rs_fail(error, RESUME_EXISTS,
                       "checkpoint '%s' holds a run that has ended: RESUME_AGAIN_CONTINUE goes on "
                       "from it, RESUME_AGAIN_FRESH starts over and keeps it",
                       info->path);
    if (options->again == RESUME_AGAIN_FRESH) rs_checkpoint_start_over(checkpoint->engine);
    /* what ended is the past: this run begins to count */
    rs_checkpoint_begin_call(checkpoint->engine);
    return RESUME_OK;
}

static void tell_found(resume *checkpoint) {
    const rs_checkpoint_info *found = rs_checkpoint_look(checkpoint->engine);
    resume_info *info = &checkpoint->info;
    info->found = (resume_found)found->found;
    if (found->found != RS_FOUND_NOTHING) {
        info->generation = found->generation;
        info->saved_ns = found->saved_ns;
        checkpoint->has_unread = true;
    }
    rs_handle_warn(checkpoint, found->folder_warning);
    if (found->recovery.health != RS_HEALTH_GOOD) rs_handle_warn(checkpoint, found->recovery.text);
    if (found->lock_unsupported)
        rs_handle_warn(checkpoint, "the file system knows no locks: take care that no second "
                                   "process uses the checkpoint");
    if (found->ignored == RS_IGNORED_EXPIRED)
        rs_handle_warn(checkpoint, "what is saved has expired and is not used; it is kept beside "
                                   "the new file at the first save");
}

/* --- opening --- */

static resume_status keep_path(resume *checkpoint, const char *path, rs_error *error) {
    checkpoint->path = rs_duplicate_text(path);
    return checkpoint->path ? RESUME_OK : rs_fail(error, RESUME_NO_MEMORY, "no memory for a path");
}

static resume_status open_engine(resume *checkpoint, const rs_naming *naming,
                                 const resume_options *options, rs_error *error) {
    char key_file[RS_KEY_PATH_SIZE];
    rs_key_file_path(key_file);
    rs_checkpoint_options engine = {
        .key_file = key_file,
        .folder = naming->folder    ? naming->folder
                  : options->folder ? options->folder
                                    : rs_default_folder(),
        .name = naming->name,
        .name_size = strlen(naming->name),
        .rate_ns = rate_of(options->rate_s),
        .overhead = options->overhead,
        .expire_ended_ns = expiry_of(options->expire_ended_s),
        .expire_cut_off_ns = expiry_of(options->expire_cut_off_s),
        .clean = options->clean != 0,
        .keep = {options->keep_last, options->keep_hourly, options->keep_daily},
        .compress = (rs_compress)options->compress,
        .program = naming->program,
        .function = naming->function,
        .writer = WRITER,
        .due = &checkpoint->due,
    };
    resume_status status = rs_checkpoint_open(checkpoint->os, &engine, &checkpoint->engine, error);
    if (status == RESUME_OK)
        status = keep_path(checkpoint, rs_checkpoint_look(checkpoint->engine)->path, error);
    if (status == RESUME_OK) status = check_found(checkpoint, naming, options, error);
    if (status) return status;
    checkpoint->kind = RS_HANDLE_WRITER;
    tell_found(checkpoint);
    return RESUME_OK;
}

static resume_status open_writer(resume *checkpoint, const char *name, const char *function,
                                 const resume_options *given, size_t size, rs_error *error) {
    const resume_options options = options_of(given, size);
    rs_naming *naming = NULL;
    if (rs_is_disabled()) {
        checkpoint->kind = RS_HANDLE_DISABLED;
        return RESUME_OK;
    }
    checkpoint->is_strict = options.strict != 0;
    checkpoint->is_foreground = options.foreground != 0;
    resume_status status = check_options(&options, error);
    if (status) return status;
    naming = rs_allocate_zeroed(1, sizeof *naming);
    if (!naming) return rs_fail(error, RESUME_NO_MEMORY, "no memory for a checkpoint");
    status = rs_naming_find(naming, name, function, &options, error);
    if (status == RESUME_OK) status = open_engine(checkpoint, naming, &options, error);
    rs_naming_release(naming);
    rs_free(naming);
    return status;
}

static resume *new_handle(const rs_os *os) {
    resume *checkpoint = rs_allocate_zeroed(1, sizeof *checkpoint);
    if (!checkpoint) return NULL;
    checkpoint->os = os;
    checkpoint->staged_size_max = RS_STAGED_SIZE_MAX;
    return checkpoint;
}

/* Frees all but the handle itself, which keeps its error. */
static void release(resume *checkpoint) {
    rs_checkpoint_close(checkpoint->engine);
    checkpoint->engine = NULL;
    rs_file_close(checkpoint->file);
    checkpoint->file = NULL;
    rs_folder_close(checkpoint->folder);
    checkpoint->folder = NULL;
    checkpoint->kind = RS_HANDLE_NOTHING;
}

static resume_status opened(resume *checkpoint, resume_status status) {
    if (status == RESUME_OK) return RESUME_OK;
    release(checkpoint);
    checkpoint->sticky = status;
    atomic_store(&checkpoint->due, 1); /* resume_sync tells the error, too */
    return rs_handle_failed(checkpoint, status);
}

resume_status rs_api_open(const rs_os *os, resume **checkpoint, const char *name,
                          const char *function, const resume_options *options,
                          size_t options_size) {
    resume *made = new_handle(os);
    *checkpoint = made ? made : (resume *)&no_memory_at_all;
    if (!made) return RESUME_NO_MEMORY;
    return opened(made, open_writer(made, name, function, options, options_size, &made->error));
}

resume_status resume_open_function(resume **checkpoint, const char *name, const char *function,
                                   const resume_options *options, size_t options_size) {
    return rs_api_open(rs_os_linux(), checkpoint, name, function, options, options_size);
}

/* --- reading alone --- */

/* A plain name that is no file here is a checkpoint of the default folder. */
static resume_status find_file(const rs_os *os, const char *path, char **folder,
                               char name[RS_FILE_NAME_SIZE], rs_error *error) {
    rs_file_info info;
    if (strchr(path, '/')) return rs_naming_split(path, folder, name, error);
    bool is_here = os->info_at(os, RS_WORKING_FOLDER, path, &info) == 0;
    *folder = rs_duplicate_text(is_here ? "." : rs_default_folder());
    if (!*folder) return rs_fail(error, RESUME_NO_MEMORY, "no memory for a path");
    if (!is_here) return rs_name_encode(path, strlen(path), name, error);
    if (strlen(path) >= RS_FILE_NAME_SIZE)
        return rs_fail(error, RESUME_BAD_NAME, "the name of the file '%s' is too long", path);
    memcpy(name, path, strlen(path) + 1);
    return RESUME_OK;
}

static resume_status open_reader(resume *checkpoint, const char *path, rs_error *error) {
    char name[RS_FILE_NAME_SIZE], *folder = NULL;
    rs_recovery recovery = {0};
    if (rs_is_disabled()) {
        checkpoint->kind = RS_HANDLE_DISABLED;
        return RESUME_OK;
    }
    if (!path) return rs_fail(error, RESUME_BAD_NAME, "resume_read: the path is NULL");
    resume_status status = find_file(checkpoint->os, path, &folder, name, error);
    if (status == RESUME_OK)
        status = rs_folder_open_as_user(checkpoint->os, folder, &checkpoint->folder, error);
    rs_free(folder);
    if (status == RESUME_OK)
        status = rs_file_open(checkpoint->folder, name, false, &checkpoint->file, &recovery, error);
    if (status) return status;
    checkpoint->path = rs_folder_join(checkpoint->folder, name);
    if (!checkpoint->path) return rs_fail(error, RESUME_NO_MEMORY, "no memory for a path");
    checkpoint->kind = RS_HANDLE_READER;
    if (recovery.health != RS_HEALTH_GOOD) rs_handle_warn(checkpoint, recovery.text);
    return RESUME_OK;
}

/* Whether the run had ended is in META, which a reader loads with the state. */
static resume_status look_at_newest(resume *checkpoint, rs_error *error) {
    rs_state *state;
    if (checkpoint->kind != RS_HANDLE_READER) return RESUME_OK;
    resume_status status = rs_file_read(checkpoint->file, 0, &state, error);
    if (status) return status;
    const rs_meta *meta = rs_state_meta(state);
    checkpoint->info.found = meta->ended ? RESUME_FOUND_ENDED : RESUME_FOUND_CUT_OFF;
    checkpoint->info.generation = rs_file_generation(checkpoint->file, 0)->number;
    checkpoint->info.saved_ns = meta->saved_ns;
    rs_state_free(state);
    return RESUME_OK;
}

resume_status rs_api_read(const rs_os *os, resume **checkpoint, const char *path) {
    resume *made = new_handle(os);
    *checkpoint = made ? made : (resume *)&no_memory_at_all;
    if (!made) return RESUME_NO_MEMORY;
    resume_status status = open_reader(made, path, &made->error);
    if (status == RESUME_OK) status = look_at_newest(made, &made->error);
    return opened(made, status);
}

resume_status resume_read(resume **checkpoint, const char *path) {
    return rs_api_read(rs_os_linux(), checkpoint, path);
}

/* --- closing --- */

void resume_leave(resume *checkpoint) {
    if (!checkpoint || checkpoint->is_constant || checkpoint->kind == RS_HANDLE_FIELDS) return;
    release(checkpoint);
    rs_scope_release(&checkpoint->scope);
    rs_report_release(&checkpoint->report);
    rs_buffer_release(&checkpoint->warning);
    rs_free(checkpoint->path);
    for (resume *fields = checkpoint->fields, *next; fields; fields = next) {
        next = fields->fields;
        rs_scope_release(&fields->scope);
        rs_free(fields);
    }
    rs_free(checkpoint);
}

/* Not after an error of protecting: the program did not get to work. */
static resume_status record_end(resume *checkpoint) {
    if (checkpoint->sticky) return checkpoint->sticky;
    resume_status status = rs_handle_hear(checkpoint);
    if (status) return status; /* without its last state nothing has ended */
    if (checkpoint->kind != RS_HANDLE_WRITER || !checkpoint->has_begun || checkpoint->is_spoiled ||
        rs_checkpoint_is_forked(checkpoint->engine))
        return RESUME_OK;
    return rs_checkpoint_end(checkpoint->engine, NULL, &checkpoint->error);
}

resume_status resume_close(resume *checkpoint) {
    if (!checkpoint || checkpoint->kind == RS_HANDLE_FIELDS) return RESUME_OK;
    resume_status status = record_end(checkpoint);
    resume_leave(checkpoint);
    return status;
}
