/* The options of all sub-commands, by argp: what is wrong is told in our words, with what may have
 * been meant. */
#include "options.h"

#include "command.h"

#include <argp.h>
#include <stdlib.h>
#include <string.h>

enum { LONG_KEY = 0x200 }; /* keys of options without a letter: this plus their index */

static const struct shared {
    unsigned bit; /* 0: every command has it */
    rc_option option;
} shared_options[] = {
    {RC_WITH_GENERATION,
     {"generation", 'g', RC_NUMBER, "NUMBER", "an older save, as NAME@NUMBER",
      offsetof(rc_arguments, generation)}},
    {RC_WITH_JSON,
     {"json", 'j', RC_FLAG, NULL, "the result as JSON", offsetof(rc_arguments, json)}},
    {RC_WITH_COLOR,
     {"color", 0, RC_WORD, "auto|always|never", "colour; 'auto': on a terminal, unless NO_COLOR",
      offsetof(rc_arguments, color)}},
    {0, {"help", 'h', RC_FLAG, NULL, "this help", offsetof(rc_arguments, help)}},
    {0, {"usage", 0, RC_FLAG, NULL, NULL, offsetof(rc_arguments, usage)}},
};

size_t rc_command_options(const rc_command *command, const rc_option *list[RC_OPTIONS_MAX]) {
    size_t count = 0;
    for (const rc_option *own = command->options; own && own->name; own++)
        if (count < RC_OPTIONS_MAX) list[count++] = own;
    for (size_t i = 0; i < sizeof shared_options / sizeof *shared_options; i++) {
        const struct shared *this = &shared_options[i];
        bool has = !this->bit || (command->shared & this->bit);
        if (has && count < RC_OPTIONS_MAX) list[count++] = &this->option;
    }
    return count;
}

/* What is parsed: the command, its options, and where they go. */
typedef struct parsing {
    const rc_command *command;
    const rc_option *list[RC_OPTIONS_MAX];
    size_t count;
    void *to;
    bool failed;
} parsing;

/* ---- what argp would refuse, told with a suggestion */

static const rc_option *find_letter(const parsing *this, char letter) {
    for (size_t i = 0; i < this->count; i++)
        if (this->list[i]->letter && this->list[i]->letter == letter) return this->list[i];
    return NULL;
}

static void refuse_name(const parsing *this, const char *name, size_t length) {
    char typed[128];
    snprintf(typed, sizeof typed, "%.*s", (int)(length < 120 ? length : 120), name);
    rc_nearest nearest = {.typed = typed};
    for (size_t i = 0; i < this->count; i++)
        rc_nearest_consider(&nearest, this->list[i]->name);
    if (nearest.best[0])
        rc_say("there is no option '--%s'; did you mean '--%s'?", typed, nearest.best);
    else
        rc_say("there is no option '--%s'; 'resume %s --help' lists them", typed,
               this->command->name);
}

/* The option of this name or of this beginning of a name; NULL when it was refused. */
static const rc_option *find_name(const parsing *this, const char *name, size_t length) {
    const rc_option *found = NULL, *second = NULL;
    for (size_t i = 0; i < this->count; i++) {
        const rc_option *option = this->list[i];
        if (strncmp(option->name, name, length) != 0) continue;
        if (strlen(option->name) == length) return option;
        if (found)
            second = option;
        else
            found = option;
    }
    if (second)
        rc_say("'--%.*s' may be '--%s' or '--%s'", (int)length, name, found->name, second->name);
    else if (!found)
        refuse_name(this, name, length);
    return second ? NULL : found;
}

static bool refuse_value(const rc_option *option, bool has, const char *text) {
    if (has)
        rc_say("option '--%s' takes no value", option->name);
    else
        rc_say("option '%s' needs a value: %s", text, option->value);
    return false;
}

/* One argument that begins with "--"; *index moves over a value that stands behind it. */
static bool scan_long(const parsing *this, int argc, char **argv, int *index) {
    const char *name = argv[*index] + 2, *equal = strchr(name, '=');
    size_t length = equal ? (size_t)(equal - name) : strlen(name);
    const rc_option *option = find_name(this, name, length);
    if (!option) return false;
    if (!option->value) return !equal || refuse_value(option, true, NULL);
    if (!equal && ++*index >= argc) return refuse_value(option, false, argv[*index - 1]);
    return true;
}

/* One argument that begins with "-": letters in a row, the last of which may take a value. */
static bool scan_letters(const parsing *this, int argc, char **argv, int *index) {
    const char *text = argv[*index];
    for (const char *letter = text + 1; *letter; letter++) {
        const rc_option *option = find_letter(this, *letter);
        if (!option) {
            rc_say("there is no option '-%c'; 'resume %s --help' lists them", *letter,
                   this->command->name);
            return false;
        }
        if (!option->value) continue;
        if (!letter[1] && ++*index >= argc) return refuse_value(option, false, text);
        break;
    }
    return true;
}

static bool scan(const parsing *this, int argc, char **argv) {
    bool good = true;
    for (int i = 1; good && i < argc && strcmp(argv[i], "--") != 0; i++) {
        if (strncmp(argv[i], "--", 2) == 0)
            good = scan_long(this, argc, argv, &i);
        else if (argv[i][0] == '-' && argv[i][1])
            good = scan_letters(this, argc, argv, &i);
        else if (this->command->words_follow)
            break;
    }
    return good;
}

/* ---- values */

static bool take_number(const rc_option *option, const char *text, uint64_t *number) {
    *number = 0;
    for (const char *digit = text; *digit; digit++) {
        if (*digit < '0' || *digit > '9' || digit - text > 17) {
            *number = 0;
            break;
        }
        *number = 10 * *number + (uint64_t)(*digit - '0');
    }
    if (!*number) rc_say("'%s' is no number for '--%s': it is 1 or more", text, option->name);
    return *number != 0;
}

static bool take_word(const rc_option *option, const char *text, unsigned *word) {
    char words[160], *rest = words;
    rc_nearest nearest = {.typed = text};
    snprintf(words, sizeof words, "%s", option->value);
    for (unsigned number = 1; rest; number++) {
        const char *one = strsep(&rest, "|");
        if (strcmp(one, text) == 0) *word = number;
        rc_nearest_consider(&nearest, one);
    }
    if (*word) return true;
    if (nearest.best[0])
        rc_say("'%s' is nothing for '--%s'; did you mean '%s'?", text, option->name, nearest.best);
    else
        rc_say("'%s' is nothing for '--%s': it is one of %s", text, option->name, option->value);
    return false;
}

static bool take(const rc_option *option, const char *text, void *to) {
    char *member = (char *)to + option->offset;
    switch (option->kind) {
    case RC_FLAG:
        *(bool *)member = true;
        return true;
    case RC_TEXT:
        *(const char **)member = text;
        return true;
    case RC_NUMBER:
        return take_number(option, text, (uint64_t *)member);
    case RC_WORD:
        return take_word(option, text, (unsigned *)member);
    }
    return false;
}

static error_t parse(int key, char *argument, struct argp_state *state) {
    parsing *this = state->input;
    rc_arguments *arguments = this->to;
    if (key == ARGP_KEY_ARGS) { /* all that is no option, in one piece */
        arguments->targets = state->argv + state->next;
        arguments->count = (size_t)(state->argc - state->next);
        return 0;
    }
    for (size_t i = 0; i < this->count; i++) {
        const rc_option *option = this->list[i];
        if (key != (option->letter ? option->letter : LONG_KEY + (int)i)) continue;
        if (!take(option, argument, this->to)) this->failed = true;
        return this->failed ? EINVAL : 0;
    }
    return ARGP_ERR_UNKNOWN;
}

/* ---- together */

static bool counts_fit(const rc_command *command, const rc_arguments *arguments) {
    if (arguments->count < command->count_min) {
        rc_say("%s", command->missing);
        return false;
    }
    if (arguments->count <= command->count_max) return true;
    if (command->too_many)
        rc_say("%s", command->too_many);
    else
        rc_say("'resume %s' takes no '%s'", command->name, arguments->targets[command->count_max]);
    return false;
}

static void print_help(const rc_command *command, const struct argp *parser, bool whole) {
    unsigned parts = whole ? ARGP_HELP_SHORT_USAGE : ARGP_HELP_USAGE;
    char name[48];
    snprintf(name, sizeof name, "resume %s", command->name);
    if (whole) {
        printf("Examples:\n%s\n", command->examples);
        parts |= ARGP_HELP_PRE_DOC | ARGP_HELP_LONG | ARGP_HELP_POST_DOC;
    }
    setenv("ARGP_HELP_FMT", "no-dup-args-note", 0);
    argp_help(parser, stdout, parts, name);
}

bool rc_options_parse(const rc_command *command, int argc, char **argv, void *options,
                      rc_exit *exit_code) {
    parsing this = {.command = command, .to = options};
    struct argp_option table[RC_OPTIONS_MAX + 1] = {{0}};
    rc_arguments *arguments = options;
    this.count = rc_command_options(command, this.list);
    for (size_t i = 0; i < this.count; i++) {
        const rc_option *option = this.list[i];
        table[i] = (struct argp_option){.name = option->name,
                                        .key = option->letter ? option->letter : LONG_KEY + (int)i,
                                        .arg = option->value,
                                        .flags = option->help ? 0 : OPTION_HIDDEN,
                                        .doc = option->help,
                                        .group = strcmp(option->name, "help") == 0 ? -1 : 0};
    }
    const struct argp parser = {
        .options = table, .parser = parse, .args_doc = command->arguments, .doc = command->text};
    *exit_code = RC_USAGE;
    if (!scan(&this, argc, argv)) return false;
    unsigned flags = ARGP_NO_HELP | ARGP_NO_EXIT | ARGP_SILENT;
    if (command->words_follow) flags |= ARGP_IN_ORDER;
    if (argp_parse(&parser, argc, argv, flags, NULL, &this) != 0) {
        if (!this.failed) rc_say("'resume %s --help' tells how it is called", command->name);
        return false;
    }
    if (arguments->help || arguments->usage) {
        print_help(command, &parser, arguments->help);
        *exit_code = RC_OK;
        return false;
    }
    if (arguments->color) rc_color_set((rc_color_when)arguments->color);
    return counts_fit(command, arguments);
}
