/* `resume doctor`: what this machine does to the promise. Changes nothing but probe files that it
 * removes. */
#include "doctor.h"

#include "engine/tracking.h"

#include "os/process.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define PYTHON_WAIT_MS 10000

extern char **environ;

/* ---- findings */

static const char *const level_words[] = {"ok", "note", "problem"};

void rc_doctor_tell(rc_doctor *doctor, rc_level level, const char *check, const char *remedy,
                    const char *format, ...) {
    char raw[2048], safe[4096], mend[4096];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(raw, sizeof raw, format, arguments);
    va_end(arguments);
    if (level == RC_LEVEL_PROBLEM) doctor->problems++;
    if (doctor->findings) {
        json_t *one = json_object();
        json_object_set_new(one, "check", json_string(check));
        json_object_set_new(one, "level", json_string(level_words[level]));
        json_object_set_new(one, "text", rc_json_text(raw, strlen(raw)));
        json_object_set_new(one, "remedy",
                            remedy ? rc_json_text(remedy, strlen(remedy)) : json_null());
        json_array_append_new(doctor->findings, one);
        return;
    }
    static const rc_colour colours[] = {RC_GOOD, RC_CAREFUL, RC_BAD};
    rc_escape(RC_ESCAPE_TERMINAL, raw, strlen(raw), safe, sizeof safe);
    printf("%s%-8s%s %-12s %s\n", rc_colour_begin(colours[level]), level_words[level],
           rc_colour_end(), check, safe);
    if (!remedy) return;
    rc_escape(RC_ESCAPE_TERMINAL, remedy, strlen(remedy), mend, sizeof mend);
    printf("%-8s %-12s -> %s\n", "", "", mend);
}

/* ---- the environment */

static void look_at_variable(rc_doctor *doctor, const char *name, const char *value) {
    static const char *const known[] = {"RESUME_DIR", "RESUME_DISABLE", "RESUME_KEY_FILE",
                                        "RESUME_QUIET"};
    char remedy[160];
    rc_nearest nearest = {.typed = name};
    snprintf(remedy, sizeof remedy, "unset %s", name);
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (strcmp(name, known[i]) != 0) {
            rc_nearest_consider(&nearest, known[i]);
            continue;
        }
        bool disabled = i == 1 && rs_is_disabled();
        rc_doctor_tell(doctor, disabled ? RC_LEVEL_PROBLEM : RC_LEVEL_NOTE, "variable",
                       disabled ? remedy : NULL, "%s=%s%s", name, value,
                       disabled ? ": programs save and restore nothing" : "");
        return;
    }
    if (nearest.best[0])
        rc_doctor_tell(doctor, RC_LEVEL_NOTE, "variable", remedy,
                       "%s is not known; did you mean %s?", name, nearest.best);
}

static void look_at_environment(rc_doctor *doctor) {
    for (char **one = environ; one && *one; one++) {
        char name[128];
        const char *equal = strchr(*one, '=');
        size_t size = equal ? (size_t)(equal - *one) : 0;
        if (strncmp(*one, "RESUME_", 7) != 0 || size == 0 || size >= sizeof name) continue;
        memcpy(name, *one, size);
        name[size] = 0;
        look_at_variable(doctor, name, equal + 1);
    }
}

/* ---- the Python module */

/* What python3 of PATH prints, without looking for modules in the working folder. */
static bool ask_python(char *answer, size_t size) {
    char program[] = "python3", no_folder[] = "-P", option[] = "-c";
    char code[] = "import resume; print(resume.__version__, resume.__file__)";
    char *arguments[] = {program, no_folder, option, code, NULL};
    int ends[2];
    pid_t child;
    posix_spawn_file_actions_t actions;
    if (pipe2(ends, O_CLOEXEC) != 0) return false;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    int failed = posix_spawnp(&child, program, &actions, NULL, arguments, environ);
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    size_t used = 0;
    struct pollfd ready = {.fd = ends[0], .events = POLLIN};
    while (!failed && used + 1 < size && poll(&ready, 1, PYTHON_WAIT_MS) > 0) {
        ssize_t got = read(ends[0], answer + used, size - used - 1);
        if (got <= 0) break;
        used += (size_t)got;
        if (memchr(answer, '\n', used)) break;
    }
    close(ends[0]);
    answer[used] = 0;
    answer[strcspn(answer, "\n")] = 0;
    int status = 1;
    if (!failed) {
        kill(child, SIGKILL); /* it has said all, or takes too long */
        waitpid(child, &status, 0);
    }
    return used > 0;
}

static void look_at_python(rc_doctor *doctor) {
    char answer[PATH_MAX];
    if (!ask_python(answer, sizeof answer)) {
        rc_doctor_tell(doctor, RC_LEVEL_NOTE, "python", "python3 -m pip install resume",
                       "python3 of PATH has no module resume");
        return;
    }
    char *file = strchr(answer, ' ');
    if (file) *file++ = 0;
    bool same = strcmp(answer, resume_version()) == 0;
    rc_doctor_tell(doctor, same ? RC_LEVEL_OK : RC_LEVEL_PROBLEM, "python",
                   same ? NULL : "python3 -m pip install --upgrade resume",
                   same ? "resume %s (%s)" : "resume %s (%s) is not of the version of the command",
                   answer, file ? file : "?");
}

/* ---- the folder */

static void look_at_kernel(rc_doctor *doctor) {
    const char *why;
    rs_tracking *tracking = rs_tracking_new(&why);
    if (tracking)
        rc_doctor_tell(doctor, RC_LEVEL_OK, "kernel", NULL,
                       "tells which memory was written: track=True works");
    else
        rc_doctor_tell(doctor, RC_LEVEL_NOTE, "kernel", NULL,
                       "track=True has no effect here, what has changed is found by hashing; "
                       "missing: %s",
                       why);
    rs_tracking_free(tracking);
}

static void look_at_folder(rc_doctor *doctor) {
    const rs_folder *folder = doctor->folder;
    rs_file_info info;
    char remedy[PATH_MAX + 64];
    if (folder->os->info(folder->os, folder->fd, &info) != 0) return;
    uint32_t user = folder->os->user(folder->os);
    const char *chmod_text = strstr(folder->warning, "chmod ");
    if (info.owner != user && info.owner != 0) {
        snprintf(remedy, sizeof remedy, "chown %u '%s'", (unsigned)user, folder->path);
        rc_doctor_tell(doctor, RC_LEVEL_PROBLEM, "folder", remedy, "'%s' belongs to user %u",
                       folder->path, (unsigned)info.owner);
    } else if (folder->warning[0]) {
        rc_doctor_tell(doctor, RC_LEVEL_PROBLEM, "folder", chmod_text, "%s", folder->warning);
    } else {
        rc_doctor_tell(doctor, RC_LEVEL_OK, "folder", NULL, "'%s', mode %04o", folder->path,
                       (unsigned)info.mode);
    }
    rc_doctor_file_system(doctor);
    rc_doctor_probe(doctor);
    rc_doctor_contents(doctor);
    rc_doctor_room(doctor); /* knows the largest checkpoint now */
}

static rc_exit run(const void *parsed) {
    const rc_arguments *chosen = parsed;
    rc_place place = {0};
    rs_error error = {0};
    rc_doctor doctor = {.findings = chosen->json ? json_array() : NULL};
    const char *path = chosen->count ? chosen->targets[0] : NULL;
    rc_doctor_tell(&doctor, RC_LEVEL_OK, "command", NULL, "resume %s", resume_version());
    look_at_python(&doctor);
    look_at_kernel(&doctor);
    look_at_environment(&doctor);
    resume_status status = rc_place_folder(path, &place, &error);
    if (status == RESUME_OK) doctor.folder = place.folder;
    rc_doctor_key(&doctor);
    if (status == RESUME_NOT_FOUND && !path) {
        rc_doctor_tell(&doctor, RC_LEVEL_NOTE, "folder", NULL,
                       "there is none here yet; the first save makes it");
        status = RESUME_OK;
    } else if (status == RESUME_OK) {
        look_at_folder(&doctor);
    }
    rc_exit result = doctor.problems ? RC_FAILED : RC_OK;
    if (status != RESUME_OK) result = rc_report(&error);
    if (chosen->json) {
        json_t *root = rc_json_new("doctor");
        const char *where = doctor.folder ? doctor.folder->path : NULL;
        json_object_set_new(root, "folder",
                            where ? rc_json_text(where, strlen(where)) : json_null());
        json_object_set(root, "findings", doctor.findings);
        result = rc_json_print(root, result);
    }
    json_decref(doctor.findings);
    rc_place_release(&place);
    return result;
}

const rc_command rc_doctor_command = {
    .name = "doctor",
    .job = "check what this machine does to checkpoints",
    .arguments = "[FOLDER]",
    .examples = "  resume doctor                  the folder here\n"
                "  resume doctor /scratch/jobs    another one\n"
                "  resume doctor --json | jq '.findings[] | select(.level == \"problem\")'\n",
    .text =
        "Checks rights, file system, locks, syncs and room of the folder, what crashes left in "
        "it, the health of its checkpoints, the key, variables, and the Python module.\v"
        "Each line is 'ok', a 'note', or a 'problem' (exit code 1), with the command that mends "
        "it. Nothing is changed but two probe files, which are removed.",
    .options_size = sizeof(rc_arguments),
    .shared = RC_WITH_JSON | RC_WITH_COLOR,
    .count_max = 1,
    .too_many = "one folder at a time",
    .target = RC_TARGET_FOLDER,
    .run = run,
};
