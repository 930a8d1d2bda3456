/* `resume rm`: checkpoints are removed, and nothing else. */
#include "command.h"

#include "base/alloc.h"
#include "base/buffer.h"
#include "store/files.h"
#include "store/lock.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

typedef struct options {
    rc_arguments common;
    bool all, force;
} options;

static const rc_option own_options[] = {
    {"all", 'a', RC_FLAG, NULL, "also what was set aside, damaged and torn files of that name",
     offsetof(options, all)},
    {"force", 'f', RC_FLAG, NULL, "do not ask", offsetof(options, force)},
    {0}};

typedef struct remover {
    const options *chosen;
    json_t *removed;
    rc_exit worst;
    char *listed; /* path of the folder whose names these are: it is listed once for all of them */
    char **names; /* sorted */
    size_t name_count;
} remover;

/* ---- what belongs to a checkpoint */

/* The checkpoint's own file name in that of a file beside it; 0 when it is none of ours. */
static size_t base_length(const char *file_name, rs_file_role role) {
    const char *end = NULL;
    switch (role) {
    case RS_ROLE_CHECKPOINT:
        return strlen(file_name);
    case RS_ROLE_ASIDE:
        end = strrchr(file_name, '~');
        break;
    case RS_ROLE_DAMAGED:
        end = strstr(file_name, ".damaged-");
        break;
    case RS_ROLE_TORN:
        end = strstr(file_name, ".torn-");
        break;
    case RS_ROLE_TEMPORARY: /* ".NAME.tmp-HEX": counted from behind the first "." */
        for (const char *at = file_name; (at = strstr(at + 1, ".tmp-")) != NULL;)
            end = at;
        return end ? (size_t)(end - file_name) - 1 : 0;
    case RS_ROLE_NOTE:
    case RS_ROLE_FILES:
        end = strrchr(file_name, '.');
        break;
    default:
        break;
    }
    return end ? (size_t)(end - file_name) : 0;
}

typedef struct family {
    const char *base;
    bool all;
    rs_buffer names; /* each with its zero */
} family;

/* Temporary files go in any case: one that waits for its name would bring the checkpoint back; so
 * do notes, which tell of its run. */
static void collect(family *found, const char *name) {
    rs_file_role role = rs_name_role(name);
    const char *own = role == RS_ROLE_TEMPORARY ? name + 1 : name;
    size_t length = base_length(name, role);
    bool always = role == RS_ROLE_TEMPORARY || role == RS_ROLE_NOTE || role == RS_ROLE_FILES;
    bool wanted = always || (found->all && role != RS_ROLE_CHECKPOINT);
    if (wanted && length == strlen(found->base) && memcmp(own, found->base, length) == 0)
        rs_buffer_append(&found->names, name, strlen(name) + 1);
}

static void forget_names(remover *work) {
    for (size_t i = 0; i < work->name_count; i++)
        rs_free(work->names[i]);
    rs_free(work->names);
    rs_free(work->listed);
    work->names = NULL;
    work->listed = NULL;
    work->name_count = 0;
}

static resume_status know_names(remover *work, const rs_folder *folder, rs_error *error) {
    if (work->listed && strcmp(work->listed, folder->path) == 0) return RESUME_OK;
    forget_names(work);
    resume_status status = rc_place_list(folder, &work->names, &work->name_count, error);
    if (status != RESUME_OK) return status;
    work->listed = rs_duplicate_text(folder->path);
    return work->listed ? RESUME_OK : rs_fail(error, RESUME_NO_MEMORY, "out of memory");
}

/* Of the names that begin with `start`. */
static void collect_from(const remover *work, const char *start, family *found) {
    size_t low = 0, high = work->name_count, size = strlen(start);
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strcmp(work->names[middle], start) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    for (; low < work->name_count && strncmp(work->names[low], start, size) == 0; low++)
        collect(found, work->names[low]);
}

static resume_status find_family(remover *work, const rs_folder *folder, family *found,
                                 rs_error *error) {
    char name[RS_FILE_NAME_SIZE];
    resume_status status = know_names(work, folder, error);
    if (status != RESUME_OK) return status;
    collect_from(work, found->base, found);
    snprintf(name, sizeof name, ".%.*s.tmp-", (int)RS_NAME_SIZE_MAX, found->base);
    collect_from(work, name, found);
    /* what a program has left that was killed since the folder was listed */
    for (unsigned i = 0; i < 2 * RS_TEMPORARY_SLOTS; i++)
        if (rs_name_temporary(found->base, i / 2, i % 2, name)) collect(found, name);
    return found->names.failed ? rs_fail(error, RESUME_NO_MEMORY, "out of memory") : RESUME_OK;
}

static bool is_there(const rs_folder *folder, const char *file_name) {
    rs_file_info info;
    int answer = folder->os->info_at(folder->os, folder->fd, file_name, &info);
    return answer != -ENOENT;
}

/* By its content: a name like that may be anybody's, "results~1" of an editor too. Torn tails and
 * temporary files are known by their names alone. */
static resume_status check_is_ours(const rs_folder *folder, const char *file_name,
                                   rs_error *error) {
    rs_file *file = NULL;
    rs_recovery recovery;
    rs_file_role role = rs_name_role(file_name);
    if (role == RS_ROLE_TORN || role == RS_ROLE_TEMPORARY || role == RS_ROLE_NOTE ||
        role == RS_ROLE_FILES) {
        rs_file_info info;
        int answer = folder->os->info_at(folder->os, folder->fd, file_name, &info);
        if (answer == 0 &&
            (info.kind == RS_KIND_FILE || (role == RS_ROLE_FILES && info.kind == RS_KIND_FOLDER)))
            return RESUME_OK;
        return rs_fail(error, RESUME_UNSAFE_PATH, "'%s' is no regular file", file_name);
    }
    resume_status status = rs_file_open(folder, file_name, false, &file, &recovery, error);
    rs_file_close(file);
    switch (status) {
    case RESUME_NOT_A_CHECKPOINT:
    case RESUME_LEGACY:
    case RESUME_UNSAFE_PATH:
    case RESUME_NOT_FOUND:
        return status;
    default: /* good, damaged, of a newer version: a checkpoint in any case */
        rs_error_clear(error);
        return RESUME_OK;
    }
}

/* ---- removing */

/* NAME.files, of a program that was killed. */
static resume_status remove_folder(const rs_folder *folder, const char *file_name,
                                   rs_error *error) {
    char base[RS_FILE_NAME_SIZE];
    snprintf(base, sizeof base, "%.*s", (int)base_length(file_name, RS_ROLE_FILES), file_name);
    return rs_files_remove(folder, base, error);
}

static resume_status remove_file(remover *work, const rs_folder *folder, const char *file_name,
                                 rs_error *error) {
    rs_file_info info = {0};
    char name[4 * RS_FILE_NAME_SIZE], size[RC_TEXT_SIZE];
    resume_status status = check_is_ours(folder, file_name, error);
    if (status != RESUME_OK) return status;
    folder->os->info_at(folder->os, folder->fd, file_name, &info);
    bool is_folder = info.kind == RS_KIND_FOLDER;
    if (is_folder) status = remove_folder(folder, file_name, error);
    if (status != RESUME_OK) return status;
    int answer = is_folder ? 0 : folder->os->remove(folder->os, folder->fd, file_name);
    if (answer < 0)
        return rs_fail(error, RESUME_IO, "removing '%s/%s' failed: %s", folder->path, file_name,
                       strerror(-answer));
    rc_text_name(RC_ESCAPE_TERMINAL, file_name, name, sizeof name);
    if (!work->chosen->common.json)
        printf("removed %s (%s)\n", name, rc_text_size(info.size, size));
    json_t *object = json_object();
    json_object_set_new(object, "name", rc_json_name(file_name));
    json_object_set_new(object, "file", rc_json_text(file_name, strlen(file_name)));
    json_object_set_new(object, "size", json_integer((json_int_t)info.size));
    json_array_append_new(work->removed, object);
    return RESUME_OK;
}

/* What stands beside it first, so that a crash leaves the checkpoint or nothing. */
static resume_status remove_family(remover *work, const rs_folder *folder, const char *file_name,
                                   const char *base, rs_error *error) {
    bool whole = strcmp(file_name, base) == 0;
    family found = {.base = base, .all = work->chosen->all};
    resume_status status = RESUME_OK;
    if (whole) status = find_family(work, folder, &found, error);
    for (size_t at = 0; status == RESUME_OK && at < found.names.size;) {
        const char *name = (const char *)found.names.bytes + at;
        rs_error why = {0};
        at += strlen(name) + 1;
        if (!is_there(folder, name)) continue;
        resume_status one = remove_file(work, folder, name, &why);
        /* one that is none of ours stays, and is no reason to stop */
        if (one == RESUME_NOT_A_CHECKPOINT || one == RESUME_LEGACY || one == RESUME_UNSAFE_PATH)
            work->worst = rc_worse(work->worst, (rc_report(&why), RC_WARNINGS));
        else if (one != RESUME_OK)
            status = (*error = why, one);
    }
    rs_buffer_release(&found.names);
    if (status == RESUME_OK) status = remove_file(work, folder, file_name, error);
    /* Guards against a power cut behind our report that brings the names back. */
    int answer = folder->os->sync(folder->os, folder->fd);
    if (status == RESUME_OK && answer < 0 && answer != -EINVAL && answer != -EOPNOTSUPP)
        status = rs_fail(error, RESUME_IO, "syncing folder '%s' failed: %s", folder->path,
                         strerror(-answer));
    return status;
}

/* ---- asking */

static bool is_yes(const rs_folder *folder, const char *file_name) {
    char name[4 * RS_FILE_NAME_SIZE], size[RC_TEXT_SIZE], age[RC_TEXT_SIZE], answer[16] = "";
    char shown[RS_FILE_NAME_SIZE];
    rs_file_info info = {0};
    rs_name_show(file_name, shown);
    folder->os->info_at(folder->os, folder->fd, file_name, &info);
    rc_text_name(RC_ESCAPE_TERMINAL, file_name, name, sizeof name);
    fflush(stdout);
    fprintf(stderr, "remove %s (%s, written %s)? [y/N] ", name, rc_text_size(info.size, size),
            rc_text_age(folder->os->clock_ns(folder->os) - info.modified_ns, age));
    if (!fgets(answer, sizeof answer, stdin)) fputc('\n', stderr);
    bool yes = answer[0] == 'y' || answer[0] == 'Y';
    if (!yes) rc_say("'%s' stays", shown);
    return yes;
}

static resume_status remove_place(remover *work, const rc_place *place, rs_error *error) {
    const char *file_name = place->file_name;
    rs_file_role role = rs_name_role(file_name);
    char base[RS_FILE_NAME_SIZE];
    size_t length = role == RS_ROLE_TEMPORARY ? 0 : base_length(file_name, role);
    if (length == 0)
        return rs_fail(error, RESUME_MISUSE,
                       "'%s' is no checkpoint; this command removes nothing "
                       "else",
                       file_name);
    snprintf(base, sizeof base, "%.*s", (int)length, file_name);
    rs_lock lock = {.fd = -1};
    /* before the lock, which makes a file of its own */
    resume_status status = check_is_ours(place->folder, file_name, error);
    if (status != RESUME_OK) return status;
    /* No program has to wait for an answer; where one has it open, nothing is asked. */
    bool asks = !work->chosen->force && !rc_place_in_use(place->folder, base);
    if (asks && !is_yes(place->folder, file_name)) return RESUME_OK;
    status = rs_lock_take(place->folder, base, &lock, error);
    if (status != RESUME_OK) return status;
    status = remove_family(work, place->folder, file_name, base, error);
    rs_lock_release(place->folder, &lock);
    return status;
}

static rc_exit run(const void *parsed) {
    const options *chosen = parsed;
    if (!chosen->force && !(isatty(STDIN_FILENO) && isatty(STDERR_FILENO))) {
        rc_say("there is no terminal to ask on: --force removes without asking");
        return RC_USAGE;
    }
    remover work = {.chosen = chosen, .removed = json_array()};
    for (size_t i = 0; i < chosen->common.count; i++) {
        rc_place place = {0};
        rs_error error = {0};
        resume_status status = rc_place_find(chosen->common.targets[i], false, &place, &error);
        if (status == RESUME_OK) status = remove_place(&work, &place, &error);
        if (status != RESUME_OK) work.worst = rc_worse(work.worst, rc_report(&error));
        rc_place_release(&place);
    }
    forget_names(&work);
    rc_exit result = work.worst;
    if (chosen->common.json) {
        json_t *root = rc_json_new("rm");
        json_object_set(root, "removed", work.removed);
        result = rc_json_print(root, result);
    }
    json_decref(work.removed);
    return result;
}

const rc_command rc_rm = {
    .name = "rm",
    .job = "remove checkpoints",
    .arguments = "NAME|PATH...",
    .examples = "  resume rm sim.main            asks first\n"
                "  resume rm sim.main --all      and what was set aside under its name\n"
                "  resume rm sim.main~1          only that\n"
                "  resume rm -f a b c            without asking\n",
    .text = "Removes checkpoints. What is no checkpoint is left alone, links are not followed.\v"
            "A checkpoint that a program has open is not removed (exit code 5). NAME.lock stays: "
            "a program may be about to lock it.",
    .options = own_options,
    .options_size = sizeof(options),
    .shared = RC_WITH_JSON,
    .count_min = 1,
    .count_max = SIZE_MAX,
    .missing = "which one? 'resume ls' lists them",
    .target = RC_TARGET_CHECKPOINT,
    .run = run,
};
