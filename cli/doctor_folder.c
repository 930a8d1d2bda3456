/* `resume doctor`: the checkpoints in the folder, and what crashes left beside them. */
#include "doctor.h"

#include "base/alloc.h"

#include <inttypes.h>
#include <string.h>

typedef struct litter {
    size_t count;
    uint64_t size;
    char example[RS_FILE_NAME_SIZE];
} litter;

static void add(litter *to, const char *file_name, uint64_t size) {
    snprintf(to->example, sizeof to->example, "%s", file_name);
    to->count++;
    to->size += size;
}

/* NAME of ".NAME.tmp-HEX". */
static bool name_of_temporary(const char *file_name, char name[RS_FILE_NAME_SIZE]) {
    const char *end = NULL;
    for (const char *at = strstr(file_name, ".tmp-"); at; at = strstr(at + 1, ".tmp-"))
        end = at;
    if (!end || end == file_name) return false;
    size_t size = (size_t)(end - file_name) - 1;
    if (size >= RS_FILE_NAME_SIZE) return false;
    memcpy(name, file_name + 1, size);
    name[size] = 0;
    return true;
}

/* Of a program that is at work on NAME now. */
static bool is_being_written(const rs_folder *folder, const rc_locks *locks,
                             const char *file_name) {
    char name[RS_FILE_NAME_SIZE];
    return name_of_temporary(file_name, name) && rc_locks_in_use(locks, folder, name) != 0;
}

/* The next program that opens NAME finds it. */
static bool is_looked_for(const char *file_name) {
    char name[RS_FILE_NAME_SIZE], looked_for[RS_FILE_NAME_SIZE];
    if (!name_of_temporary(file_name, name)) return false;
    for (unsigned i = 0; i < 2 * RS_TEMPORARY_SLOTS; i++)
        if (rs_name_temporary(name, i / 2, i % 2, looked_for) && strcmp(file_name, looked_for) == 0)
            return true;
    return false;
}

static void look_at_checkpoint(rc_doctor *doctor, const char *file_name, size_t *good) {
    rs_file *file = NULL;
    rs_recovery recovery = {0};
    rs_error error = {0};
    char name[RS_FILE_NAME_SIZE];
    rc_text_name(RC_ESCAPE_JSON, file_name, name, sizeof name); /* escaped when it is printed */
    resume_status status = rs_file_open(doctor->folder, file_name, false, &file, &recovery, &error);
    rs_file_close(file);
    if (status == RESUME_OK && recovery.health == RS_HEALTH_GOOD) {
        ++*good;
        return;
    }
    bool torn = status == RESUME_OK && recovery.health == RS_HEALTH_TORN;
    bool ours = status == RESUME_OK || status == RESUME_DAMAGED || status == RESUME_TRUNCATED ||
                status == RESUME_IO;
    const char *what =
        status == RESUME_OK ? rc_text_health(recovery.health) : resume_status_text(status);
    rc_doctor_tell(doctor, ours && !torn ? RC_LEVEL_PROBLEM : RC_LEVEL_NOTE, "checkpoint",
                   torn   ? "run its program: it goes on from the save before"
                   : ours ? "resume check"
                          : NULL,
                   "%s: %s", name, what);
}

static void tell_litter(rc_doctor *doctor, const char *check, const litter *found, const char *what,
                        const char *remedy) {
    char size[RC_TEXT_SIZE];
    if (!found->count) return;
    rc_doctor_tell(doctor, RC_LEVEL_NOTE, check, remedy, "%zu %s, %s in all ('%s')", found->count,
                   what, rc_text_size(found->size, size), found->example);
}

static bool is_mark(const char *file_name) {
    return strncmp(file_name, ".run-", 5) == 0 && strlen(file_name) == 21 &&
           strspn(file_name + 5, "0123456789abcdef") == 16;
}

void rc_doctor_contents(rc_doctor *doctor) {
    char **names = NULL;
    size_t count = 0, good = 0, all = 0, marks = 0;
    litter temporary = {0}, stray = {0}, aside = {0}, damaged = {0}, torn = {0};
    const rs_folder *folder = doctor->folder;
    rs_error error = {0};
    if (rc_place_list(folder, &names, &count, &error) != RESUME_OK) {
        rc_doctor_tell(doctor, RC_LEVEL_PROBLEM, "folder", NULL, "%s", error.text);
        return;
    }
    rc_locks locks;
    rc_locks_read(&locks);
    for (size_t i = 0; i < count; i++) {
        rs_file_info info = {0};
        const char *name = names[i];
        if (folder->os->info_at(folder->os, folder->fd, name, &info) != 0) info.size = 0;
        rs_file_role role = rs_name_role(name);
        if (role == RS_ROLE_CHECKPOINT) {
            all++;
            if (info.size > doctor->largest) doctor->largest = info.size;
            look_at_checkpoint(doctor, name, &good);
        } else if (role == RS_ROLE_TEMPORARY && !is_being_written(folder, &locks, name)) {
            add(is_looked_for(name) ? &temporary : &stray, name, info.size);
        } else if (role == RS_ROLE_ASIDE) {
            add(&aside, name, info.size);
        } else if (role == RS_ROLE_DAMAGED) {
            add(&damaged, name, info.size);
        } else if (role == RS_ROLE_TORN) {
            add(&torn, name, info.size);
        } else if (is_mark(name)) {
            marks += rc_locks_holder(&locks, folder, name) == 0;
        }
        rs_free(names[i]);
    }
    rs_free(names);
    rc_locks_release(&locks);
    if (all)
        rc_doctor_tell(doctor, RC_LEVEL_OK, "checkpoints", NULL, "%zu of %zu are good", good, all);
    tell_litter(doctor, "left over", &temporary, "unfinished new files that a crash left",
                "run the program again: it settles them");
    tell_litter(doctor, "left over", &stray, "new files that no program looks for",
                "resume rm NAME removes them with NAME; or remove them while nothing runs");
    tell_litter(doctor, "left over", &torn, "copies of torn ends",
                "resume ls --all; resume rm NAME");
    tell_litter(doctor, "set aside", &damaged, "damaged files that were set aside",
                "resume ls --all; resume rm NAME");
    tell_litter(doctor, "set aside", &aside, "files that were set aside",
                "resume revive NAME~1, or resume rm NAME~1");
    if (marks)
        rc_doctor_tell(doctor, RC_LEVEL_NOTE, "runs", "run the program again",
                       "%zu run%s of programs did not end normally: what they had ended is "
                       "repeated, not continued",
                       marks, marks == 1 ? "" : "s");
}
