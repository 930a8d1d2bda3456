/* The command `resume`: options that stand before the sub-command, and dispatch. */
#include "command.h"

#include <errno.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>

static const struct command {
    const char *name;
    rc_exit (*run)(int argc, char **argv);
    const char *job;
} commands[] = {
    {"ls", rc_ls, "list the checkpoints of a folder"},
    {"show", rc_show, "show what is in a checkpoint"},
    {"check", rc_check, "verify every byte of a checkpoint or a folder"},
    {"revive", rc_revive, "give a checkpoint that was set aside its name back"},
};
#define COMMAND_COUNT (sizeof commands / sizeof *commands)

static const struct command *find_command(const char *name) {
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        if (strcmp(commands[i].name, name) == 0) return &commands[i];
    return NULL;
}

static void print_help(FILE *to) {
    fputs("Examples:\n"
          "  resume ls                  the checkpoints of this folder\n"
          "  resume show sim.main       what is saved, without running any of it\n"
          "  resume check               verify all of them\n"
          "\n"
          "Usage: resume COMMAND [OPTION...] [ARGUMENT]\n"
          "\n",
          to);
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        fprintf(to, "  %-8s %s\n", commands[i].name, commands[i].job);
    fputs("\n"
          "  resume COMMAND --help      its examples and options\n"
          "  resume --version           the version\n"
          "\n"
          "Exit codes: 0 ok, 1 failure, 2 usage, 3 warnings, 4 not found, 5 locked, 6 damaged,\n"
          "7 untrusted, 8 no space or input/output error.\n",
          to);
}

static size_t smallest(size_t a, size_t b) {
    return a < b ? a : b;
}

/* How many letters must be changed, added, dropped or swapped to make `b` of `a`. */
static size_t distance(const char *a, const char *b) {
    enum { LETTERS = 16 };
    size_t rows[LETTERS + 1][LETTERS + 1], m = strlen(a), n = strlen(b);
    if (m > LETTERS || n > LETTERS) return LETTERS;
    for (size_t i = 0; i <= m; i++) {
        for (size_t j = 0; j <= n; j++) {
            if (i == 0 || j == 0) {
                rows[i][j] = i + j;
                continue;
            }
            size_t changed = rows[i - 1][j - 1] + (a[i - 1] != b[j - 1]);
            rows[i][j] = smallest(changed, smallest(rows[i - 1][j], rows[i][j - 1]) + 1);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                rows[i][j] = smallest(rows[i][j], rows[i - 2][j - 2] + 1);
        }
    }
    return rows[m][n];
}

static rc_exit refuse_command(const char *name) {
    const struct command *nearest = NULL;
    size_t nearest_distance = 3;
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        size_t letters = strlen(commands[i].name), d = distance(name, commands[i].name);
        if (strncmp(name, commands[i].name, strlen(name)) == 0) d = 0;
        if (d < nearest_distance && d < letters) {
            nearest = &commands[i];
            nearest_distance = d;
        }
    }
    if (nearest)
        rc_say("there is no command '%s'; did you mean 'resume %s'?", name, nearest->name);
    else
        rc_say("there is no command '%s'; 'resume --help' lists them", name);
    return RC_USAGE;
}

static rc_exit run_command(const struct command *command, int argc, char **argv) {
    char program[32];
    snprintf(program, sizeof program, "resume %s", command->name);
    argv[0] = program;
    return command->run(argc, argv);
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
    const struct command *command = find_command(name);
    if (!command) return refuse_command(name);
    char help_option[] = "--help";
    char *help_arguments[] = {NULL, help_option, NULL};
    return help ? run_command(command, 2, help_arguments)
                : run_command(command, argc - 1, argv + 1);
}

int main(int argc, char **argv) {
    setlocale(LC_ALL, "");
    setlocale(LC_NUMERIC, "C");
    argp_err_exit_status = RC_USAGE;
    rc_exit exit_code = dispatch(argc, argv);
    /* A result that did not reach its file (disk full) is no success. */
    if (fflush(stdout) != 0 || ferror(stdout)) {
        rc_say("writing the result failed: %s", strerror(errno));
        return RC_IO;
    }
    return exit_code;
}
