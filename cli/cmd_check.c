/* `resume check`: verifies every chunk of every kept generation. Never writes. */
#include "command.h"
#include "progress.h"

#include "base/alloc.h"
#include "base/arith.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct options {
    rc_arguments common;
    bool all;
} options;

static const rc_option own_options[] = {{"all", 'a', RC_FLAG, NULL,
                                         "of a folder: also what was set aside as damaged",
                                         offsetof(options, all)},
                                        {0}};

typedef struct checker {
    const options *chosen;
    json_t *files;
    rc_exit worst;
    size_t checked;
    rc_progress progress;
    /* bytes: of files that are finished, of those still to come, and of this one until now */
    uint64_t finished, waiting, file_done, generation_total;
    rs_verified *verified; /* chunks of this file; NULL without memory: then each time anew */
    const char *name;      /* of this file, safe for a terminal */
} checker;

static int tell_progress(void *context, uint64_t done, uint64_t total) {
    checker *this = context;
    uint64_t before = this->finished + this->file_done;
    this->generation_total = total;
    rc_progress_update(&this->progress, this->name, before + done, before + total + this->waiting);
    return 0;
}

/* What was found out about one file. */
typedef struct verdict {
    const char *result; /* "good", "torn", "damaged", or why it could not be looked at */
    rc_exit exit_code;
    resume_status status;
    char text[1024]; /* raw, for people */
} verdict;

static const char *result_text(resume_status status) {
    switch (status) {
    case RESUME_OK:
        return "good";
    case RESUME_DAMAGED:
    case RESUME_TRUNCATED:
        return "damaged";
    case RESUME_NOT_A_CHECKPOINT:
        return "foreign";
    case RESUME_LEGACY:
        return "legacy";
    case RESUME_UNSUPPORTED:
        return "unsupported";
    default:
        return "failed";
    }
}

static void judge_failure(verdict *found, const rs_error *error) {
    found->result = result_text(error->status);
    found->status = error->status;
    found->exit_code = rc_exit_of(error->status);
    snprintf(found->text, sizeof found->text, "%s", error->text);
}

/* Verifies generation `index`; its line of the JSON result goes into `list`. */
static resume_status check_generation(checker *this, rs_file *file, size_t index, json_t *list,
                                      rs_state_sizes *sizes, rs_signature *newest,
                                      rs_error *error) {
    rs_state *state = NULL;
    resume_status status = rs_file_read(file, index, &state, error);
    if (status == RESUME_OK)
        status = rs_state_verify(state, this->verified, tell_progress, this, error);
    if (status == RESUME_OK && index == 0) *sizes = rs_state_measure(state);
    json_t *line = json_object();
    if (status == RESUME_OK) {
        rs_signature signature = rs_state_signature(state);
        json_object_set_new(line, "signature", json_string(rs_signature_text(signature)));
        if (index == 0) *newest = signature;
    }
    rs_state_free(state);
    this->file_done += this->generation_total;
    this->generation_total = 0;
    json_object_set_new(line, "generation",
                        json_integer((json_int_t)rs_file_generation(file, index)->number));
    json_object_set_new(line, "result", json_string(result_text(status)));
    json_object_set_new(line, "status", json_string(resume_status_name(status)));
    if (status != RESUME_OK)
        json_object_set_new(line, "message", rc_json_text(error->text, strlen(error->text)));
    json_array_append_new(list, line);
    return status;
}

/* The whole file: how it opens, then each generation that can be reached. */
static void check_file(checker *this, const rs_folder *folder, const char *file_name,
                       json_t *generations, verdict *found) {
    rs_file *file = NULL;
    rs_recovery recovery = {0};
    rs_error error = {0};
    *found = (verdict){.result = "good"};
    if (rs_file_open(folder, file_name, false, &file, &recovery, &error) != RESUME_OK) {
        judge_failure(found, &error);
        return;
    }
    if (rs_verified_new(&this->verified, NULL) != RESUME_OK) this->verified = NULL;
    size_t count = rs_file_generation_count(file);
    uint64_t newest_good = 0;
    rs_state_sizes sizes = {0};
    rs_signature newest = RS_SIGNED_MINE;
    rs_error first = {0};
    for (size_t i = 0; i < count; i++) {
        if (check_generation(this, file, i, generations, &sizes, &newest, &error) != RESUME_OK) {
            if (first.status == RESUME_OK) first = error;
        } else if (!newest_good) {
            newest_good = rs_file_generation(file, i)->number;
        }
    }
    char stored[RC_TEXT_SIZE], kept[64];
    snprintf(kept, sizeof kept, newest_good ? "generation %" PRIu64 " is good" : "nothing is good",
             newest_good);
    if (first.status != RESUME_OK) {
        judge_failure(found, &first);
        size_t used = strlen(found->text);
        snprintf(found->text + used, sizeof found->text - used, "; %s", kept);
    } else if (recovery.health != RS_HEALTH_GOOD) {
        bool torn = recovery.health == RS_HEALTH_TORN;
        found->result = rc_text_health(recovery.health);
        found->status = torn ? RESUME_OK : RESUME_DAMAGED;
        found->exit_code = torn ? RC_WARNINGS : RC_DAMAGED;
        snprintf(found->text, sizeof found->text, "%s; %s", recovery.text, kept);
    } else {
        snprintf(found->text, sizeof found->text,
                 "%zu generation%s, the newest %" PRIu64 " with %s in %" PRIu64 " chunk%s%s%s",
                 count, count == 1 ? "" : "s", newest_good, rc_text_size(sizes.raw, stored),
                 sizes.chunks, sizes.chunks == 1 ? "" : "s", newest == RS_SIGNED_MINE ? "" : ", ",
                 newest == RS_SIGNED_MINE ? "" : rs_signature_text(newest));
        if (newest == RS_SIGNED_WRONG) found->exit_code = RC_UNTRUSTED;
    }
    rs_verified_free(this->verified);
    rs_file_close(file);
}

static uint64_t size_of(const rs_folder *folder, const char *file_name) {
    rs_file_info info;
    return folder->os->info_at(folder->os, folder->fd, file_name, &info) == 0 ? info.size : 0;
}

/* The line begins with the name of the file and what it is: the path tells nothing new. */
static void omit_path(char *text, const char *path) {
    static const char *const joints[] = {"': ", "' is damaged: "};
    size_t size = strlen(path);
    for (char *at = text; (at = strchr(at, '\'')); at++)
        for (size_t i = 0; strncmp(at + 1, path, size) == 0 && i < 2; i++) {
            size_t joint = strlen(joints[i]);
            char *rest = at + 1 + size;
            if (strncmp(rest, joints[i], joint) == 0)
                memmove(at, rest + joint, strlen(rest + joint) + 1);
        }
}

static void check_one(checker *this, const rs_folder *folder, const char *file_name, bool named) {
    char name[4 * RS_FILE_NAME_SIZE], text[4096];
    rc_text_name(RC_ESCAPE_TERMINAL, file_name, name, sizeof name);
    json_t *generations = json_array();
    verdict found;
    this->name = name;
    check_file(this, folder, file_name, generations, &found);
    this->finished += this->file_done;
    this->file_done = 0;
    rc_progress_clear(&this->progress);
    /* A file in the folder that is none of ours is worth a word, but no failure of the folder. */
    bool foreign = found.status == RESUME_NOT_A_CHECKPOINT || found.status == RESUME_LEGACY;
    if (foreign && !named) found.exit_code = RC_WARNINGS;
    this->worst = rc_worse(this->worst, found.exit_code);
    this->checked++;
    char *path = rs_folder_join(folder, file_name);
    if (this->chosen->common.json) {
        json_t *object = json_object();
        json_object_set_new(object, "name", rc_json_name(file_name));
        json_object_set_new(object, "path", path ? rc_json_text(path, strlen(path)) : json_null());
        json_object_set_new(object, "result", json_string(found.result));
        json_object_set_new(object, "status", json_string(resume_status_name(found.status)));
        json_object_set_new(object, "message", rc_json_text(found.text, strlen(found.text)));
        json_object_set(object, "generations", generations);
        json_array_append_new(this->files, object);
    } else {
        if (path) omit_path(found.text, path);
        rc_escape(RC_ESCAPE_TERMINAL, found.text, strlen(found.text), text, sizeof text);
        printf("%-11s %s: %s\n", found.result, name, text);
    }
    rs_free(path);
    json_decref(generations);
}

static bool is_checked(const checker *this, const char *file_name) {
    rs_file_role role = rs_name_role(file_name);
    return role == RS_ROLE_CHECKPOINT || role == RS_ROLE_ASIDE ||
           (role == RS_ROLE_DAMAGED && this->chosen->all);
}

static resume_status check_folder(checker *this, const rs_folder *folder, rs_error *error) {
    char **names = NULL;
    size_t count = 0, before = this->checked;
    resume_status status = rc_place_list(folder, &names, &count, error);
    for (size_t i = 0; i < count; i++)
        if (is_checked(this, names[i])) this->waiting += size_of(folder, names[i]);
    for (size_t i = 0; i < count; i++) {
        if (is_checked(this, names[i])) {
            this->waiting -= rs_minimum(this->waiting, size_of(folder, names[i]));
            check_one(this, folder, names[i], false);
        }
        rs_free(names[i]);
    }
    this->waiting = 0;
    rs_free(names);
    if (status == RESUME_OK && this->checked == before)
        rc_say("no checkpoints in '%s'", folder->path);
    return status;
}

/* `target` is a name, a path or a folder; NULL for the folder here. */
static void check_target(checker *this, const char *target) {
    rc_place place = {0};
    rs_error error = {0};
    resume_status status = target ? rc_place_find(target, true, &place, &error)
                                  : rc_place_folder(NULL, &place, &error);
    if (status == RESUME_OK) {
        if (place.file_name[0])
            check_one(this, place.folder, place.file_name, true);
        else
            status = check_folder(this, place.folder, &error);
    }
    if (status != RESUME_OK) this->worst = rc_worse(this->worst, rc_report(&error));
    rc_place_release(&place);
}

static rc_exit run(const void *parsed) {
    const options *chosen = parsed;
    checker this = {.chosen = chosen, .files = json_array()};
    rc_progress_start(&this.progress);
    for (size_t i = 0; i < chosen->common.count; i++)
        check_target(&this, chosen->common.targets[i]);
    if (chosen->common.count == 0) check_target(&this, NULL);
    rc_exit result = this.worst;
    if (chosen->common.json) {
        json_t *root = rc_json_new("check");
        json_object_set(root, "files", this.files);
        result = rc_json_print(root, result);
    }
    json_decref(this.files);
    return result;
}

const rc_command rc_check = {
    .name = "check",
    .job = "verify every byte of a checkpoint or a folder",
    .arguments = "[NAME|PATH|FOLDER]...",
    .examples = "  resume check                    all checkpoints here\n"
                "  resume check sim.main           one of them\n"
                "  resume check /backup/sim.main   a file anywhere\n"
                "  resume check --json | jq .files[].result\n",
    .text = "Reads and verifies every chunk of every kept save. Never writes.\v"
            "Results: 'good'; 'torn': the newest save is incomplete, as a crash leaves it, and "
            "the one before is good (exit code 3); 'damaged': something that was saved does "
            "not verify (6); 'foreign', 'legacy' (resume 0.13) and 'unsupported' (a newer "
            "version) files (1, or 3 in a folder for the first two).",
    .options = own_options,
    .options_size = sizeof(options),
    .shared = RC_WITH_JSON,
    .count_max = SIZE_MAX,
    .target = RC_TARGET_CHECKPOINT,
    .run = run,
};
