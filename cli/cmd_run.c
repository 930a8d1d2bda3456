/* `resume run`: runs a Python program so that, killed and run again, it goes on where it was. */
#include "run.h"

#include "command.h"

#include "base/alloc.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <unistd.h>

#define RESTARTS_DEFAULT 5

typedef struct run_options {
    rc_arguments common;
    const char *every, *require_save, *name, *folder;
    bool fresh, no_restart;
    uint64_t restarts;
} run_options;

/* What is handed to the program, one text each: settings, and the seed of its hashes. */
typedef struct settings {
    char *texts[8];
    size_t count;
    bool failed;
} settings;

static void add(settings *this, const char *name, const char *value) {
    char *text = NULL;
    if (!value) return;
    if (asprintf(&text, "--%s=%s", name, value) < 0)
        this->failed = true;
    else
        this->texts[this->count++] = text;
}

static void settings_release(settings *this) {
    for (size_t i = 0; i < this->count; i++)
        free(this->texts[i]);
}

/* PYTHONHASHSEED: what the user has set, or a random one, which the program keeps (it starts itself
 * again with the saved one where that is another). */
static bool add_seed(settings *this) {
    const char *given = getenv("PYTHONHASHSEED");
    if (given && given[0] && strcmp(given, "random") != 0) return true;
    uint32_t seed = 0;
    char text[16];
    if (getrandom(&seed, sizeof seed, 0) != (ssize_t)sizeof seed) return false;
    if (seed == 0) seed = 1; /* 0 would turn randomisation off */
    snprintf(text, sizeof text, "%u", seed);
    add(this, "seed", text);
    return setenv("PYTHONHASHSEED", text, 1) == 0;
}

static bool collect(const run_options *options, int status, settings *this) {
    char number[16];
    snprintf(number, sizeof number, "%d", status);
    add(this, "status", number);
    add(this, "every", options->every);
    add(this, "require-save", options->require_save);
    add(this, "name", options->name);
    add(this, "folder", options->folder);
    if (options->fresh) add(this, "fresh", "1");
    if (!add_seed(this) || this->failed) {
        rc_say("the program can't be started: %s", strerror(errno));
        return false;
    }
    return true;
}

/* INTERPRETER OPTION... RUNNER SETTING... -- SCRIPT ARGUMENT... */
static char **arguments_of(const rc_python_command *command, char *runner, const settings *extra) {
    static char separator[] = "--";
    char **argv = rs_allocate_zeroed(command->count + extra->count + 3, sizeof *argv);
    if (!argv) return NULL;
    size_t front = command->options_count + 1, at = front;
    memcpy(argv, command->argv, front * sizeof *argv);
    argv[at++] = runner;
    memcpy(argv + at, extra->texts, extra->count * sizeof *argv);
    at += extra->count;
    argv[at++] = separator;
    memcpy(argv + at, command->argv + front, (command->count - front) * sizeof *argv);
    return argv;
}

/* As the user knows it. */
static const char *name_of(const rc_python_command *command) {
    const char *target = command->argv[command->options_count + 1];
    if (strncmp(target, "-c", 2) == 0) return "python -c";
    if (strncmp(target, "-m", 2) != 0) return target;
    return target[2] ? target + 2 : command->argv[command->options_count + 2];
}

static rc_exit run_program(const run_options *options, const rc_python_command *command,
                           char *runner, const sigset_t *mask) {
    settings extra = {0};
    rc_exit result = RC_FAILED;
    char **argv = NULL;
    int status = memfd_create("resume-status", 0);
    if (status < 0)
        rc_say("the program can't be watched: %s", strerror(errno));
    else if (collect(options, status, &extra) && (argv = arguments_of(command, runner, &extra))) {
        const rc_supervision supervision = {
            .argv = argv,
            .status = status,
            .restarts = options->no_restart ? 0
                        : options->restarts ? options->restarts
                                            : RESTARTS_DEFAULT,
            .command = name_of(command),
        };
        result = rc_supervise(&supervision, mask);
    }
    rs_free(argv);
    settings_release(&extra);
    if (status >= 0) close(status);
    return result;
}

static rc_exit run(const void *given) {
    const run_options *options = given;
    rc_python_command command;
    if (!rc_python_command_parse(options->common.targets, options->common.count, &command))
        return RC_USAGE;
    sigset_t mask;
    rc_supervise_begin(&mask);
    char *runner = rc_python_command_runner(&command, &mask);
    if (!runner) return RC_USAGE;
    rc_exit result = run_program(options, &command, runner, &mask);
    rs_free(runner);
    return result;
}

static const rc_option options_table[] = {
    {"every", 'e', RC_TEXT, "DURATION",
     "time between two saves: 30s, 5m, 1h30m, auto (default 30s)", offsetof(run_options, every)},
    {"require-save", 0, RC_TEXT, "DURATION",
     "stop with exit code 1 when nothing could be saved in the first DURATION",
     offsetof(run_options, require_save)},
    {"name", 'n', RC_TEXT, "NAME", "of the checkpoint; default: from the script and its arguments",
     offsetof(run_options, name)},
    {"folder", 'f', RC_TEXT, "FOLDER", "of the checkpoint; default: RESUME_DIR or .checkpoints",
     offsetof(run_options, folder)},
    {"fresh", 0, RC_FLAG, NULL, "start from the beginning; what was saved is set aside",
     offsetof(run_options, fresh)},
    {"restarts", 0, RC_NUMBER, "COUNT", "how often it is started again after crashes (default 5)",
     offsetof(run_options, restarts)},
    {"no-restart", 0, RC_FLAG, NULL, "do not start it again after a crash",
     offsetof(run_options, no_restart)},
    {0},
};

const rc_command rc_run = {
    .name = "run",
    .job = "run a Python program that goes on where it was killed",
    .arguments = "python SCRIPT [ARGUMENT...]",
    .examples = "  resume run python sim.py 100          saved every 30 s; run again, it goes on\n"
                "  resume run --every 5m python -m pkg.train --lr 0.1\n"
                "  resume run --fresh python sim.py 100  from the beginning\n",
    .text = "Runs a Python program, unchanged, and saves all of its state while it runs. When it "
            "is killed, the same command goes on from the newest save, at the very statement. "
            "SIGTERM, SIGINT, SIGHUP and SIGUSR1 save and stop it with exit code 75; the second "
            "one stops it at once.\v"
            "The exit code is that of the program. Other arguments are another run.",
    .options = options_table,
    .options_size = sizeof(run_options),
    .count_min = 1,
    .count_max = SIZE_MAX,
    .missing = "run what? 'resume run python script.py'",
    .target = RC_TARGET_COMMAND,
    .words_follow = true,
    .run = run,
};
