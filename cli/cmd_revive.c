/* `resume revive`: a checkpoint that was set aside gets its name back. */
#include "command.h"

#include "store/lock.h"

#include <errno.h>
#include <string.h>

#define AGE_NOTED_NS (INT64_C(24) * 3600 * 1000000000) /* the default of CACHE_EXPIRE */
#define NUMBER_MAX   100000

/* It must be one that a program could go on from. */
static resume_status look(const rs_folder *folder, const char *file_name, bool *is_old,
                          rs_error *error) {
    rs_file *file = NULL;
    rs_state *state = NULL;
    rs_recovery recovery = {0};
    resume_status status = rs_file_open(folder, file_name, false, &file, &recovery, error);
    if (status == RESUME_OK) status = rs_file_read(file, 0, &state, error);
    if (status == RESUME_OK) {
        const rs_meta *meta = rs_state_meta(state);
        int64_t age_ns = folder->os->clock_ns(folder->os) - meta->saved_ns;
        *is_old = meta->ended && age_ns > AGE_NOTED_NS;
    }
    rs_state_free(state);
    rs_file_close(file);
    return status;
}

/* The file that has the name now goes to the next free NAME~2, NAME~3 ...; `to` is empty when there
 * is none. */
static int set_aside(const rs_folder *folder, const char *base, char to[RS_FILE_NAME_SIZE]) {
    const rs_os *os = folder->os;
    int result = -EEXIST;
    for (int number = 1; result == -EEXIST && number < NUMBER_MAX; number++) {
        if (snprintf(to, RS_FILE_NAME_SIZE, "%s~%d", base, number) >= (int)RS_FILE_NAME_SIZE)
            return -ENAMETOOLONG;
        result = os->rename(os, folder->fd, base, to, false);
    }
    if (result == -ENOENT) {
        to[0] = 0;
        result = 0;
    }
    return result;
}

/* Two renames, neither of which replaces a file: a crash between them leaves both under names of
 * their own, and the same command does the rest. */
static resume_status swap(const rs_folder *folder, const char *aside, const char *base,
                          char kept[RS_FILE_NAME_SIZE], rs_error *error) {
    const rs_os *os = folder->os;
    int result = set_aside(folder, base, kept);
    if (result == 0) result = os->rename(os, folder->fd, aside, base, false);
    /* guards against a power cut behind our report that undoes the renames */
    if (result == 0) result = os->sync(os, folder->fd);
    if (result == 0) return RESUME_OK;
    return rs_fail(error, RESUME_IO, "renaming '%s' to '%s' in '%s' failed: %s", aside, base,
                   folder->path, strerror(-result));
}

static rc_exit revive(const rs_folder *folder, const char *aside, rs_error *error) {
    char base[RS_FILE_NAME_SIZE], kept[RS_FILE_NAME_SIZE] = "";
    bool is_old = false;
    rs_lock lock = {.fd = -1};
    size_t length = (size_t)(strrchr(aside, '~') - aside);
    memcpy(base, aside, length);
    base[length] = 0;
    resume_status status = look(folder, aside, &is_old, error);
    if (status == RESUME_OK) status = rs_lock_take(folder, base, &lock, error);
    if (status == RESUME_OK) {
        status = swap(folder, aside, base, kept, error);
        rs_lock_release(folder, &lock);
    }
    if (status != RESUME_OK) return rc_report(error);
    char shown[3][RS_FILE_NAME_SIZE];
    rs_name_show(aside, shown[0]);
    rs_name_show(base, shown[1]);
    rs_name_show(kept, shown[2]);
    rc_say("'%s' is '%s' again", shown[0], shown[1]);
    if (kept[0]) rc_say("what was there is now '%s'", shown[2]);
    if (is_old)
        rc_say("its call has ended more than 24 hours ago: give the Checkpoint a longer expire=, "
               "or it is set aside again");
    return RC_OK;
}

static rc_exit run(const void *parsed) {
    const rc_arguments *chosen = parsed;
    const char *target = chosen->targets[0];
    rc_place place = {0};
    rs_error error = {0};
    rc_exit result;
    resume_status status = rc_place_find(target, false, &place, &error);
    if (status == RESUME_OK && rs_name_role(place.file_name) != RS_ROLE_ASIDE)
        status = rs_fail(&error, RESUME_MISUSE,
                         "'%s' was not set aside; 'resume ls --all' lists what was", target);
    result =
        status == RESUME_OK ? revive(place.folder, place.file_name, &error) : rc_report(&error);
    rc_place_release(&place);
    return result;
}

const rc_command rc_revive = {
    .name = "revive",
    .job = "give a checkpoint that was set aside its name back",
    .arguments = "NAME~NUMBER",
    .examples = "  resume ls --all             what was set aside\n"
                "  resume revive sim.main~1    it is sim.main again\n",
    .text = "Gives a checkpoint that was set aside its name back; the one that has the name "
            "now is set aside in its place.\v"
            "No program may have the checkpoint open.",
    .options_size = sizeof(rc_arguments),
    .count_min = 1,
    .count_max = 1,
    .missing = "which one? 'resume ls --all' lists them",
    .too_many = "one checkpoint at a time",
    .target = RC_TARGET_ASIDE,
    .run = run,
};
