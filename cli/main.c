/* The command `resume`: the table of sub-commands, options that stand before one, and dispatch. */
#include "command.h"

#include "base/alloc.h"

#include <errno.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>

const rc_command *const rc_commands[] = {
    &rc_run,
    &rc_ls,
    &rc_show,
    &rc_log,
    &rc_diff,
    &rc_check,
    &rc_export_command,
    &rc_revive,
    &rc_rollback,
    &rc_prune,
    &rc_rm,
    &rc_trust,
    &rc_untrust,
    &rc_keys,
    &rc_doctor_command,
    &rc_completion,
    &rc_names,
    NULL,
};

const rc_command *rc_command_find(const char *name) {
    for (size_t i = 0; rc_commands[i]; i++)
        if (strcmp(rc_commands[i]->name, name) == 0) return rc_commands[i];
    return NULL;
}

static void print_help(FILE *to) {
    fputs("Examples:\n"
          "  resume run python sim.py   run again after it was killed, it goes on\n"
          "  resume ls                  the checkpoints of this folder\n"
          "  resume show sim.main       what is saved, without running any of it\n"
          "  resume check               verify all of them\n"
          "\n"
          "Usage: resume COMMAND [OPTION...] [ARGUMENT]\n"
          "\n",
          to);
    for (size_t i = 0; rc_commands[i]; i++)
        if (!rc_commands[i]->hidden)
            fprintf(to, "  %-10s %s\n", rc_commands[i]->name, rc_commands[i]->job);
    fputs("\n"
          "  resume COMMAND --help      its examples and options\n"
          "  resume --version           the version\n"
          "\n"
          "Exit codes: 0 ok, 1 failure, 2 usage, 3 warnings, 4 not found, 5 locked, 6 damaged,\n"
          "7 untrusted, 8 no space or input/output error.\n",
          to);
}

static rc_exit refuse_command(const char *name) {
    rc_nearest nearest = {.typed = name};
    for (size_t i = 0; rc_commands[i]; i++)
        if (!rc_commands[i]->hidden) rc_nearest_consider(&nearest, rc_commands[i]->name);
    if (nearest.best[0])
        rc_say("there is no command '%s'; did you mean 'resume %s'?", name, nearest.best);
    else
        rc_say("there is no command '%s'; 'resume --help' lists them", name);
    return RC_USAGE;
}

static rc_exit run_command(const rc_command *command, int argc, char **argv) {
    rc_exit result = RC_FAILED;
    void *options = rs_allocate_zeroed(1, command->options_size);
    if (!options)
        rc_say("out of memory");
    else if (rc_options_parse(command, argc, argv, options, &result))
        result = command->run(options);
    rs_free(options);
    return result;
}

static rc_exit dispatch(int argc, char **argv) {
    const char *first = argc > 1 ? argv[1] : NULL;
    if (!first) {
        print_help(stderr);
        return RC_USAGE;
    }
    if (strcmp(first, "--version") == 0 || strcmp(first, "-V") == 0) {
        printf("resume %s\n", resume_version());
        return RC_OK;
    }
    bool help = strcmp(first, "help") == 0 || strcmp(first, "--help") == 0 ||
                strcmp(first, "-h") == 0 || strcmp(first, "-?") == 0;
    if (help && argc == 2) {
        print_help(stdout);
        return RC_OK;
    }
    if (first[0] == '-' && !help) {
        rc_say("unknown option '%s'; options stand behind the command: 'resume ls --json'", first);
        return RC_USAGE;
    }
    const char *name = help ? argv[2] : first;
    const rc_command *command = rc_command_find(name);
    if (!command) return refuse_command(name);
    char help_option[] = "--help";
    char *help_arguments[] = {argv[0], help_option, NULL};
    return help ? run_command(command, 2, help_arguments)
                : run_command(command, argc - 1, argv + 1);
}

int main(int argc, char **argv) {
    setlocale(LC_ALL, "");
    setlocale(LC_NUMERIC, "C");
    rc_exit exit_code = dispatch(argc, argv);
    /* A result that did not reach its file (disk full) is no success. */
    if (fflush(stdout) != 0 || ferror(stdout)) {
        rc_say("writing the result failed: %s", strerror(errno));
        return RC_IO;
    }
    return exit_code;
}
