/* `resume rollback`: an older generation becomes the newest. */
#include "command.h"

#include "base/alloc.h"
#include "store/lock.h"

#include <inttypes.h>
#include <string.h>

/* What was done; `info.generation` is 0 when there was nothing to do. */
typedef struct rolled {
    rc_opened opened;
    rs_lock lock;
    uint64_t before, target; /* the newest until now, and the one that was asked for */
    int64_t saved_ns;        /* of that */
    rs_commit_info info;
} rolled;

static resume_status open_locked(rolled *this, const rc_arguments *chosen, rs_error *error) {
    rc_place *place = &this->opened.place;
    resume_status status = rc_place_find_at(chosen->targets[0], place, error);
    if (status != RESUME_OK) return status;
    if (chosen->generation) place->generation = chosen->generation;
    if (!place->generation && !place->back)
        return rs_fail(error, RESUME_BAD_NAME,
                       "to which generation? 'resume log %s' lists them; 'resume rollback %s@-1' "
                       "goes to the one before the newest",
                       chosen->targets[0], chosen->targets[0]);
    if (rs_name_role(place->file_name) != RS_ROLE_CHECKPOINT) {
        char shown[RS_FILE_NAME_SIZE];
        rs_name_show(place->file_name, shown);
        return rs_fail(error, RESUME_MISUSE, "'%s' is set aside; 'resume revive' first", shown);
    }
    status = rs_lock_take(place->folder, place->file_name, &this->lock, error);
    if (status != RESUME_OK) return status;
    return rs_file_open(place->folder, place->file_name, true, &this->opened.file,
                        &this->opened.recovery, error);
}

static resume_status roll_back(rolled *this, rs_error *error) {
    rs_file *file = this->opened.file;
    rs_state *state = NULL;
    size_t index;
    resume_status status = rc_place_generation(&this->opened.place, file, &index, error);
    if (status != RESUME_OK) return status;
    this->before = rs_file_generation(file, 0)->number;
    this->target = rs_file_generation(file, index)->number;
    if (index == 0) return RESUME_OK;
    status = rs_file_look(file, index, &state, error);
    if (status == RESUME_OK) this->saved_ns = rs_state_meta(state)->saved_ns;
    rs_state_free(state);
    if (status == RESUME_OK) status = rs_file_rollback(file, index, &this->info, error);
    if (status == RESUME_OK) rs_file_leave(file);
    return status;
}

/* ---- telling */

static void print_text(const rolled *this) {
    char name[4 * RS_FILE_NAME_SIZE], time[RC_TEXT_SIZE], age[RC_TEXT_SIZE];
    const rs_folder *folder = this->opened.place.folder;
    rc_text_name(RC_ESCAPE_TERMINAL, this->opened.place.file_name, name, sizeof name);
    if (this->info.generation == 0) {
        printf("%s: generation %" PRIu64 " is the newest already\n", name, this->target);
        return;
    }
    printf("%s: the newest is generation %" PRIu64 " now, a copy of %" PRIu64 " (saved %s, %s)\n",
           name, this->info.generation, this->target, rc_text_time(this->saved_ns, time),
           rc_text_age(folder->os->clock_ns(folder->os) - this->saved_ns, age));
    printf("to go back again: resume rollback %s@%" PRIu64 "\n", name, this->before);
}

static rc_exit print_json(const rolled *this, rc_exit result) {
    json_t *root = rc_json_new("rollback");
    const rs_commit_info *info = &this->info;
    const rc_place *place = &this->opened.place;
    char *path = rs_folder_join(place->folder, place->file_name);
    bool done = info->generation != 0;
    json_object_set_new(root, "name", rc_json_name(place->file_name));
    json_object_set_new(root, "path", path ? rc_json_text(path, strlen(path)) : json_null());
    json_object_set_new(root, "generation",
                        json_integer((json_int_t)(done ? info->generation : this->before)));
    json_object_set_new(root, "copy_of",
                        done ? json_integer((json_int_t)this->target) : json_null());
    json_object_set_new(root, "before", json_integer((json_int_t)this->before));
    json_object_set_new(root, "changed", json_boolean(done));
    json_object_set_new(root, "aside",
                        info->aside[0] ? rc_json_text(info->aside, strlen(info->aside))
                                       : json_null());
    rs_free(path);
    return rc_json_print(root, result);
}

static rc_exit run(const void *parsed) {
    const rc_arguments *chosen = parsed;
    rolled this = {.lock = {.fd = -1}};
    rs_error error = {0};
    rc_exit result = RC_OK;
    resume_status status = open_locked(&this, chosen, &error);
    if (status == RESUME_OK) {
        if (this.opened.recovery.health != RS_HEALTH_GOOD) rc_say("%s", this.opened.recovery.text);
        status = roll_back(&this, &error);
    }
    if (status != RESUME_OK) {
        result = rc_report_failed("rollback", chosen->json, &error);
    } else {
        if (this.info.note[0]) rc_say("%s", this.info.note);
        char kept[RS_FILE_NAME_SIZE];
        rs_name_show(this.info.aside, kept);
        if (kept[0]) rc_say("the file as it was is kept as '%s'", kept);
        if (this.lock.unsupported)
            rc_say("this file system knows no locks: make sure that no program has it open");
        if (chosen->json)
            result = print_json(&this, result);
        else
            print_text(&this);
    }
    if (this.opened.place.folder) rs_lock_release(this.opened.place.folder, &this.lock);
    rc_opened_release(&this.opened);
    return result;
}

const rc_command rc_rollback = {
    .name = "rollback",
    .job = "make an older save the newest",
    .arguments = "NAME@GENERATION",
    .examples = "  resume log sim.main               the saves that are kept\n"
                "  resume diff sim.main@41           what has changed since that one\n"
                "  resume rollback sim.main@41       the program goes on from there\n",
    .text = "Makes an older generation the newest, so that the program goes on from it: all of "
            "it is verified, then committed once more. Nothing is removed, so that going back "
            "again is possible.\v"
            "NAME@41 is generation 41, NAME@-1 the one before the newest. No program may have "
            "the checkpoint open.",
    .options_size = sizeof(rc_arguments),
    .shared = RC_WITH_JSON | RC_WITH_GENERATION,
    .count_min = 1,
    .count_max = 1,
    .missing = "which one, and which of its generations? 'resume log NAME' lists them",
    .too_many = "one checkpoint at a time",
    .target = RC_TARGET_CHECKPOINT,
    .run = run,
};
