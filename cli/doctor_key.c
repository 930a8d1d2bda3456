/* `resume doctor` about the key that proves which checkpoints are the user's. */
#include "doctor.h"

#include "os/process.h"
#include "store/keys.h"

#include <limits.h>
#include <string.h>

#define CHECK          "key"
#define MODE_OF_OTHERS 022u
#define MODE_STICKY    01000u

/* What the path leads to; a link is followed, as when the key is read. */
static bool look(const rs_os *os, const char *path, unsigned flags, rs_file_info *info) {
    int fd = os->open(os, RS_WORKING_FOLDER, path, RS_OPEN_READ | RS_OPEN_FOLLOW | flags, 0);
    if (fd < 0) return false;
    int answer = os->info(os, fd, info);
    os->close(os, fd);
    return answer == 0;
}

/* Who can change the folder can put a key there that he knows. */
static void look_at_folder_of_key(rc_doctor *doctor, const rs_keys *keys) {
    char folder[RS_KEY_PATH_SIZE], remedy[RS_KEY_PATH_SIZE + 64];
    rs_file_info info;
    snprintf(folder, sizeof folder, "%s", keys->path);
    char *slash = strrchr(folder, '/');
    slash[slash == folder] = 0;
    if (!look(keys->os, folder, RS_OPEN_FOLDER, &info)) return;
    uint32_t user = keys->os->user(keys->os);
    if (info.owner != user && info.owner != 0) {
        rc_doctor_tell(doctor, RC_LEVEL_PROBLEM, CHECK,
                       "set RESUME_KEY_FILE to a place of your own",
                       "the folder of the key, '%s', belongs to user %u: that user can put another "
                       "key there",
                       folder, (unsigned)info.owner);
    } else if (info.mode & MODE_OF_OTHERS && !(info.mode & MODE_STICKY)) {
        snprintf(remedy, sizeof remedy, "chmod go-w '%s'", folder);
        rc_doctor_tell(
            doctor, RC_LEVEL_PROBLEM, CHECK, remedy,
            "the folder of the key, '%s', can be changed by others (mode %04o): they can "
            "put another key there",
            folder, (unsigned)info.mode);
    }
}

static void tell_problem(rc_doctor *doctor, const rs_keys *keys) {
    char remedy[RS_KEY_PATH_SIZE + 64];
    snprintf(remedy, sizeof remedy, "chmod 600 '%s'", keys->path ? keys->path : "");
    bool mode = strstr(keys->problem, "chmod 600") != NULL;
    rc_doctor_tell(doctor, RC_LEVEL_PROBLEM, CHECK, mode ? remedy : NULL,
                   "%s; what is saved now is not signed", keys->problem);
}

static void tell_key(rc_doctor *doctor, const rs_keys *keys) {
    rs_file_info info;
    if (!look(keys->os, keys->path, 0, &info)) return;
    bool shared = info.mode & 040;
    rc_doctor_tell(doctor, shared ? RC_LEVEL_NOTE : RC_LEVEL_OK, CHECK, NULL,
                   "'%s', mode %04o%s, %zu generation%s of others trusted", keys->path,
                   (unsigned)info.mode & 07777, shared ? ", shared with its group" : "",
                   keys->trusted_count, keys->trusted_count == 1 ? "" : "s");
}

void rc_doctor_key(rc_doctor *doctor) {
    char path[RS_KEY_PATH_SIZE];
    rs_keys *keys = NULL;
    rs_error error = {0};
    rs_key_file_path(path);
    if (rs_keys_open(rs_os_linux(), path, &keys, &error)) return;
    if (keys->problem[0]) {
        tell_problem(doctor, keys);
    } else if (!keys->has_key) {
        rc_doctor_tell(doctor, RC_LEVEL_NOTE, CHECK, NULL,
                       "'%s': there is none yet; the first save makes it", path);
    } else {
        tell_key(doctor, keys);
        if (doctor->folder) rs_keys_make(keys, doctor->folder); /* only looks where both are */
    }
    if (keys->warning[0])
        rc_doctor_tell(doctor, RC_LEVEL_PROBLEM, CHECK, NULL, "%s", keys->warning);
    if (keys->path) look_at_folder_of_key(doctor, keys);
    rs_keys_free(keys);
}
