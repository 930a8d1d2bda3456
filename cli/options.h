/* What a sub-command is called with: one table of options for parsing, help, completion, tests. */
#ifndef RC_OPTIONS_H
#define RC_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum rc_exit {
    RC_OK = 0,
    RC_FAILED = 1,
    RC_USAGE = 2,
    RC_WARNINGS = 3,
    RC_NOT_FOUND = 4,
    RC_LOCKED = 5,
    RC_DAMAGED = 6,
    RC_UNTRUSTED = 7,
    RC_IO = 8,
} rc_exit;

/* What an option sets: a member of the struct of options, at `offset`. */
typedef enum rc_option_kind {
    RC_FLAG,   /* bool */
    RC_TEXT,   /* const char *, borrowed; NULL: not given */
    RC_NUMBER, /* uint64_t, from 1 upward; 0: not given */
    RC_WORD,   /* unsigned: which of the words in `value`, from 1 upward; 0: not given */
} rc_option_kind;

typedef struct rc_option {
    const char *name;
    char letter; /* or 0 */
    rc_option_kind kind;
    const char *value; /* how help calls the value; of RC_WORD the words: "npz|json|csv" */
    const char *help;  /* NULL: not in the help */
    size_t offset;
} rc_option;

/* Options that several sub-commands have. --help and --usage are of all. */
enum {
    RC_WITH_JSON = 1,
    RC_WITH_COLOR = 2,
    RC_WITH_GENERATION = 4,
};
typedef enum rc_color_when {
    RC_COLOR_AUTO = 1, /* in the order of the words of --color */
    RC_COLOR_ALWAYS = 2,
    RC_COLOR_NEVER = 3,
} rc_color_when;

/* The first member of the struct of options of every sub-command. */
typedef struct rc_arguments {
    bool json, help, usage;
    unsigned color;      /* rc_color_when, or 0 */
    uint64_t generation; /* of --generation; 0: the newest, or that of NAME@GENERATION */
    char **targets;      /* what is no option */
    size_t count;
} rc_arguments;

/* What the arguments of a command are, for completion. */
typedef enum rc_target_kind {
    RC_TARGET_NONE,
    RC_TARGET_CHECKPOINT, /* a name, or a path */
    RC_TARGET_ASIDE,      /* the name of a file that was set aside */
    RC_TARGET_FOLDER,
    RC_TARGET_WORD,    /* one of `target_words` */
    RC_TARGET_COMMAND, /* a command with arguments of its own */
} rc_target_kind;

typedef struct rc_command {
    const char *name;
    const char *job;                /* its line in 'resume --help' */
    const char *arguments;          /* behind the options in the usage line, "[FOLDER]" */
    const char *examples;           /* lines "  resume ...", the first thing in its help */
    const char *text;               /* above the options, then \v, then below them */
    const rc_option *options;       /* its own, up to one without a name; may be NULL */
    unsigned shared;                /* RC_WITH_* */
    size_t options_size;            /* of its struct, whose first member is an rc_arguments */
    size_t count_min, count_max;    /* of the arguments */
    const char *missing, *too_many; /* what is said when they are fewer or more */
    rc_target_kind target;
    const char *target_words;
    bool words_follow; /* what stands behind the first argument is no option of ours */
    bool hidden;       /* not in the help */
    rc_exit (*run)(const void *options);
} rc_command;

/* main.c: all of them, in the order of the help; the last one is NULL. */
extern const rc_command *const rc_commands[];
const rc_command *rc_command_find(const char *name); /* or NULL */

#define RC_OPTIONS_MAX 24
/* The command's own and the shared ones; how many is returned. */
size_t rc_command_options(const rc_command *command, const rc_option *list[RC_OPTIONS_MAX]);

/* Reads the arguments into the zeroed struct at `options`; argv[0] is ignored. False: nothing is
 * left to do, since help was printed or an error was told. */
bool rc_options_parse(const rc_command *command, int argc, char **argv, void *options,
                      rc_exit *exit_code);

/* nearest.c: the candidate that was most likely meant. Zero-initialised but for `typed`. */
typedef struct rc_nearest {
    const char *typed;
    size_t distance;
    char best[128]; /* empty: none is near */
} rc_nearest;
void rc_nearest_consider(rc_nearest *nearest, const char *candidate);
#endif
