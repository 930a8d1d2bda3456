/* `resume completion`: a script for bash, zsh or fish, made from the tables of options; and the
 * hidden `resume __names`, which it calls for names of checkpoints. */
#include "command.h"

#include "base/alloc.h"

#include <string.h>

typedef struct names_options {
    rc_arguments common;
    bool aside;
} names_options;

/* ---- pieces */

/* In single quotes of a shell; with `escaped` a backslash goes before each of these characters. */
static void put_quoted(const char *text, const char *escaped, const char *quote) {
    for (; *text; text++) {
        if (*text == '\'') {
            fputs(quote, stdout);
            continue;
        }
        if (strchr(escaped, *text)) putchar('\\');
        putchar(*text);
    }
}

/* The words of "npz|json|csv" with blanks between. */
static void put_words(const char *words) {
    for (; *words; words++)
        putchar(*words == '|' ? ' ' : *words);
}

/* What the arguments are: in words that the three scripts share. */
static const char *target_word(const rc_command *command) {
    static const char *const words[] = {
        [RC_TARGET_NONE] = "none",   [RC_TARGET_CHECKPOINT] = "checkpoint",
        [RC_TARGET_ASIDE] = "aside", [RC_TARGET_FOLDER] = "folder",
        [RC_TARGET_WORD] = "words",  [RC_TARGET_COMMAND] = "command"};
    return words[command->target];
}

/* ---- bash */

static const char bash_head[] =
    "# bash completion of resume:  eval \"$(resume completion bash)\"\n"
    "_resume_names() {\n"
    "    local name\n"
    "    while IFS= read -r name; do\n"
    "        [[ $name == \"$cur\"* ]] && COMPREPLY+=(\"$(printf %q \"$name\")\")\n"
    "    done < <(resume __names $1 2>/dev/null)\n"
    "}\n"
    "_resume() {\n"
    "    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}\n"
    "    local command=${COMP_WORDS[1]} options= target=none words=\n"
    "    [ \"$prev\" = = ] && prev=${COMP_WORDS[COMP_CWORD-2]}\n"
    "    [ \"$cur\" = = ] && prev=${COMP_WORDS[COMP_CWORD-1]} cur=\n"
    "    COMPREPLY=()\n"
    "    if [ \"$COMP_CWORD\" = 1 ]; then\n";

static const char bash_tail[] =
    "    esac\n"
    "    if [[ $cur == -* ]]; then\n"
    "        COMPREPLY=($(compgen -W \"$options\" -- \"$cur\"))\n"
    "        return\n"
    "    fi\n"
    "    case $target in\n"
    "    words) COMPREPLY=($(compgen -W \"$words\" -- \"$cur\")) ;;\n"
    "    folder) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -d -- \"$cur\") ;;\n"
    "    aside) _resume_names --aside ;;\n"
    "    command) compopt -o filenames\n"
    "        mapfile -t COMPREPLY < <(compgen -c -- \"$cur\"; compgen -f -- \"$cur\") ;;\n"
    "    checkpoint)\n"
    "        if [[ $cur == */* || $cur == .* ]]; then\n"
    "            compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- \"$cur\")\n"
    "        else\n"
    "            _resume_names\n"
    "        fi ;;\n"
    "    esac\n"
    "}\n"
    "complete -F _resume resume\n";

static void put_bash_values(const rc_command *command) {
    const rc_option *list[RC_OPTIONS_MAX];
    size_t count = rc_command_options(command, list);
    printf("        case $prev in\n");
    for (size_t i = 0; i < count; i++) {
        if (!list[i]->value) continue;
        printf("        --%s", list[i]->name);
        if (list[i]->letter) printf("|-%c", list[i]->letter);
        if (list[i]->kind == RC_WORD) {
            printf(") COMPREPLY=($(compgen -W '");
            put_words(list[i]->value);
            printf("' -- \"$cur\")); return ;;\n");
        } else if (list[i]->kind == RC_TEXT) {
            printf(") compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- \"$cur\"); "
                   "return ;;\n");
        } else {
            printf(") return ;;\n");
        }
    }
    printf("        esac ;;\n");
}

static void print_bash(void) {
    const rc_option *list[RC_OPTIONS_MAX];
    fputs(bash_head, stdout);
    printf("        COMPREPLY=($(compgen -W '");
    for (size_t i = 0; rc_commands[i]; i++)
        if (!rc_commands[i]->hidden) printf("%s ", rc_commands[i]->name);
    printf("help --help --version' -- \"$cur\"))\n        return\n    fi\n    case $command in\n");
    for (size_t i = 0; rc_commands[i]; i++) {
        const rc_command *command = rc_commands[i];
        if (command->hidden) continue;
        size_t count = rc_command_options(command, list);
        printf("    %s)\n        target=%s options='", command->name, target_word(command));
        for (size_t j = 0; j < count; j++)
            printf("%s--%s", j ? " " : "", list[j]->name);
        printf("'\n");
        if (command->target_words) {
            printf("        words='");
            put_words(command->target_words);
            printf("'\n");
        }
        put_bash_values(command);
    }
    printf("    help)\n        target=words words='");
    for (size_t i = 0; rc_commands[i]; i++)
        if (!rc_commands[i]->hidden) printf("%s ", rc_commands[i]->name);
    printf("' ;;\n");
    fputs(bash_tail, stdout);
}

/* ---- zsh */

static const char zsh_head[] =
    "#compdef resume\n"
    "# zsh completion of resume:  resume completion zsh > ~/.zfunc/_resume, or\n"
    "# eval \"$(resume completion zsh)\" behind compinit\n"
    "_resume_names() {\n"
    "    local -a names\n"
    "    names=(${(f)\"$(resume __names $1 2>/dev/null)\"})\n"
    "    (( $#names )) && compadd -a names\n"
    "    [[ $1 = --aside ]] || _files\n"
    "}\n"
    "_resume() {\n"
    "    local -a commands\n"
    "    commands=(\n";

static void put_zsh_option(const rc_option *option) {
    if (option->letter)
        printf(" \\\n            '(-%c --%s)'{-%c,--%s%s}'[", option->letter, option->name,
               option->letter, option->name, option->value ? "=" : "");
    else
        printf(" \\\n            '--%s%s[", option->name, option->value ? "=" : "");
    put_quoted(option->help ? option->help : "", "[]:\\", "'\\''");
    printf("]");
    if (option->kind == RC_WORD) {
        printf(":value:(");
        put_words(option->value);
        printf(")");
    } else if (option->kind == RC_TEXT) {
        printf(":file:_files");
    } else if (option->value) {
        printf(":number:");
    }
    printf("'");
}

static void put_zsh_target(const rc_command *command) {
    if (command->target == RC_TARGET_FOLDER) printf(" \\\n            '*:folder:_files -/'");
    if (command->target == RC_TARGET_CHECKPOINT)
        printf(" \\\n            '*:checkpoint: _resume_names'");
    if (command->target == RC_TARGET_ASIDE)
        printf(" \\\n            '*:checkpoint: _resume_names --aside'");
    if (command->target == RC_TARGET_COMMAND) printf(" \\\n            '*:::command: _normal'");
    if (command->target == RC_TARGET_WORD) {
        printf(" \\\n            '1:shell:(");
        put_words(command->target_words);
        printf(")'");
    }
}

static void print_zsh(void) {
    const rc_option *list[RC_OPTIONS_MAX];
    fputs(zsh_head, stdout);
    for (size_t i = 0; rc_commands[i]; i++) {
        if (rc_commands[i]->hidden) continue;
        printf("        '%s:", rc_commands[i]->name);
        put_quoted(rc_commands[i]->job, ":\\", "'\\''");
        printf("'\n");
    }
    printf("    )\n"
           "    if (( CURRENT == 2 )); then\n"
           "        _describe command commands\n"
           "        return\n"
           "    fi\n"
           "    local command=$words[2]\n"
           "    shift words\n"
           "    (( CURRENT-- ))\n"
           "    case $command in\n");
    for (size_t i = 0; rc_commands[i]; i++) {
        if (rc_commands[i]->hidden) continue;
        size_t count = rc_command_options(rc_commands[i], list);
        printf("    %s)\n        _arguments -s", rc_commands[i]->name);
        for (size_t j = 0; j < count; j++)
            put_zsh_option(list[j]);
        put_zsh_target(rc_commands[i]);
        printf("\n        ;;\n");
    }
    printf("    help) _describe command commands ;;\n"
           "    esac\n"
           "}\n"
           "if [ \"$funcstack[1]\" = _resume ]; then\n"
           "    _resume \"$@\"\n"
           "else\n"
           "    compdef _resume resume\n"
           "fi\n");
}

/* ---- fish */

static void put_fish_option(const rc_command *command, const rc_option *option) {
    printf("complete -c resume -n '__fish_seen_subcommand_from %s' -l %s", command->name,
           option->name);
    if (option->letter) printf(" -s %c", option->letter);
    if (option->kind == RC_WORD) {
        printf(" -x -a '");
        put_words(option->value);
        printf("'");
    } else if (option->value) {
        printf(option->kind == RC_TEXT ? " -r -F" : " -x");
    }
    if (option->help) {
        printf(" -d '");
        put_quoted(option->help, "\\", "\\'");
        printf("'");
    }
    printf("\n");
}

static void put_fish_target(const rc_command *command) {
    printf("complete -c resume -n '__fish_seen_subcommand_from %s'", command->name);
    switch (command->target) {
    case RC_TARGET_CHECKPOINT:
        printf(" -F -a '(resume __names 2>/dev/null)'\n");
        break;
    case RC_TARGET_ASIDE:
        printf(" -f -a '(resume __names --aside 2>/dev/null)'\n");
        break;
    case RC_TARGET_FOLDER:
        printf(" -f -a '(__fish_complete_directories)'\n");
        break;
    case RC_TARGET_WORD:
        printf(" -f -a '");
        put_words(command->target_words);
        printf("'\n");
        break;
    case RC_TARGET_COMMAND:
        printf(" -F -a '(__fish_complete_subcommand)'\n");
        break;
    case RC_TARGET_NONE:
        printf(" -f\n");
    }
}

static void print_fish(void) {
    const rc_option *list[RC_OPTIONS_MAX];
    printf("# fish completion of resume:\n"
           "# resume completion fish > ~/.config/fish/completions/resume.fish\n"
           "complete -c resume -e\n"
           "complete -c resume -n __fish_use_subcommand -f -l help -d 'this help'\n"
           "complete -c resume -n __fish_use_subcommand -f -l version -d 'the version'\n");
    for (size_t i = 0; rc_commands[i]; i++) {
        const rc_command *command = rc_commands[i];
        if (command->hidden) continue;
        printf("complete -c resume -n __fish_use_subcommand -f -a %s -d '", command->name);
        put_quoted(command->job, "\\", "\\'");
        printf("'\n");
        size_t count = rc_command_options(command, list);
        for (size_t j = 0; j < count; j++)
            put_fish_option(command, list[j]);
        put_fish_target(command);
    }
}

static rc_exit run(const void *parsed) {
    static const struct {
        const char *shell;
        void (*print)(void);
    } scripts[] = {{"bash", print_bash}, {"zsh", print_zsh}, {"fish", print_fish}};
    const rc_arguments *chosen = parsed;
    rc_nearest nearest = {.typed = chosen->targets[0]};
    for (size_t i = 0; i < sizeof scripts / sizeof *scripts; i++) {
        if (strcmp(scripts[i].shell, chosen->targets[0]) == 0) {
            scripts[i].print();
            return RC_OK;
        }
        rc_nearest_consider(&nearest, scripts[i].shell);
    }
    if (nearest.best[0])
        rc_say("'%s' is no shell; did you mean '%s'?", chosen->targets[0], nearest.best);
    else
        rc_say("there is no completion for '%s': bash, zsh and fish have one", chosen->targets[0]);
    return RC_USAGE;
}

const rc_command rc_completion = {
    .name = "completion",
    .job = "print a script for bash, zsh or fish",
    .arguments = "bash|zsh|fish",
    .examples = "  eval \"$(resume completion bash)\"           now, or in ~/.bashrc\n"
                "  resume completion zsh > ~/.zfunc/_resume   with ~/.zfunc in fpath\n"
                "  resume completion fish > ~/.config/fish/completions/resume.fish\n",
    .text = "Prints a script that completes commands, options and names of checkpoints.",
    .options_size = sizeof(rc_arguments),
    .count_min = 1,
    .count_max = 1,
    .missing = "for which shell? bash, zsh or fish",
    .too_many = "one shell at a time",
    .target = RC_TARGET_WORD,
    .target_words = "bash|zsh|fish",
    .run = run,
};

/* ---- resume __names */

/* Only names that are plain text: what would have to be escaped is not worth completing. */
static void print_name(const char *file_name) {
    char raw[4 * RS_FILE_NAME_SIZE], safe[4 * RS_FILE_NAME_SIZE];
    rc_text_name(RC_ESCAPE_JSON, file_name, raw, sizeof raw);
    rc_text_name(RC_ESCAPE_TERMINAL, file_name, safe, sizeof safe);
    if (strcmp(raw, safe) == 0) puts(safe);
}

static rc_exit run_names(const void *parsed) {
    const names_options *chosen = parsed;
    rc_place place = {0};
    char **names = NULL;
    size_t count = 0;
    if (rc_place_folder(NULL, &place, NULL) != RESUME_OK ||
        rc_place_list(place.folder, &names, &count, NULL) != RESUME_OK)
        count = 0;
    for (size_t i = 0; i < count; i++) {
        rs_file_role role = rs_name_role(names[i]);
        if (role == RS_ROLE_ASIDE || (role == RS_ROLE_CHECKPOINT && !chosen->aside))
            print_name(names[i]);
        rs_free(names[i]);
    }
    rs_free(names);
    rc_place_release(&place);
    return RC_OK;
}

static const rc_option names_own_options[] = {
    {"aside", 0, RC_FLAG, NULL, "those that were set aside alone", offsetof(names_options, aside)},
    {0}};

const rc_command rc_names = {
    .name = "__names",
    .job = "names of checkpoints, for completion",
    .arguments = "",
    .examples = "  resume __names\n",
    .text = "Prints names of checkpoints, one a line.",
    .options = names_own_options,
    .options_size = sizeof(names_options),
    .hidden = true,
    .run = run_names,
};
