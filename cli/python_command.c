/* The command line of a Python interpreter: which of it are options, and what can't be protected.
 */
#include "run.h"

#include "command.h"

#include "base/alloc.h"

#include <errno.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* Letters that stand alone; those with a value: -c -m -W -X. */
static const char plain_letters[] = "bBdOPqRsSuv";

static const char *base_name(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static bool ends_with(const char *text, const char *end) {
    size_t size = strlen(text), end_size = strlen(end);
    return size >= end_size && strcmp(text + size - end_size, end) == 0;
}

static bool refuse_program(const char *program) {
    if (ends_with(program, ".py"))
        rc_say("'%s' is a script: write which Python runs it, 'resume run python %s'", program,
               program);
    else
        rc_say("'%s' is no Python interpreter, and nothing else can be continued: 'resume run' "
               "stands directly before 'python'",
               program);
    return false;
}

static bool refuse_letter(char letter) {
    switch (letter) {
    case 'I':
    case 'E':
        rc_say("python -%c ignores PYTHONHASHSEED, so that sets would have another order in each "
               "run: leave -%c out",
               letter, letter);
        break;
    case 'i':
        rc_say("python -i is interactive, which can't be continued: leave -i out");
        break;
    case 'x':
        rc_say("python -x leaves out the first line of the script, which can't be continued: leave "
               "-x out");
        break;
    default:
        rc_say("python -%c is no way to run a script: 'resume run python script.py'", letter);
    }
    return false;
}

/* One argument of letters: 1 an option, 2 one whose value is the next argument, 3 `-m` or `-c`,
 * which end the options; 0 refused. */
static int scan_letters(const char *text) {
    for (const char *letter = text + 1; *letter; letter++) {
        if (strchr(plain_letters, *letter)) continue;
        if (*letter == 'W' || *letter == 'X') return letter[1] ? 1 : 2;
        bool ends = *letter == 'm' || *letter == 'c';
        if (ends && letter == text + 1) return 3;
        if (ends) {
            rc_say("write '-%c' apart from other letters: '%s'", *letter, text);
            return 0;
        }
        return refuse_letter(*letter);
    }
    return 1;
}

bool rc_python_command_parse(char **argv, size_t count, rc_python_command *command) {
    *command = (rc_python_command){.argv = argv, .count = count};
    if (strncmp(base_name(argv[0]), "python", 6) != 0 || ends_with(argv[0], ".py"))
        return refuse_program(argv[0]);
    size_t i = 1;
    for (; i < count && argv[i][0] == '-' && argv[i][1]; i++) {
        if (strcmp(argv[i], "--check-hash-based-pycs") == 0) {
            i++;
            continue;
        }
        if (argv[i][1] == '-') {
            rc_say("python %s runs no script", argv[i]);
            return false;
        }
        int found = scan_letters(argv[i]);
        if (found == 0) return false;
        if (found == 2) i++;
        if (found == 3) break;
    }
    command->options_count = i - 1;
    if (i >= count ||
        ((strcmp(argv[i], "-m") == 0 || strcmp(argv[i], "-c") == 0) && i + 1 >= count)) {
        rc_say("which script? 'resume run python script.py'");
        return false;
    }
    if (strcmp(argv[i], "-") == 0) {
        rc_say("a program that is read from stdin can't be continued: put it into a script");
        return false;
    }
    return true;
}

/* ---- asking the interpreter */

/* A module or folder `resume` in the working directory must not be taken for the package. */
static char probe[] =
    "import sys\n"
    "sys.path[:] = [p for p in sys.path if p]\n"
    "try:\n"
    "    if sys.implementation.name != 'cpython' or sys.version_info < (3, 11):\n"
    "        raise ImportError('it is %s %s, and CPython 3.11 or later is needed'\n"
    "                          % (sys.implementation.name, sys.version.split()[0]))\n"
    "    import resume._core, os\n"
    "    answer = '/' + os.path.join(os.path.dirname(resume._core.__file__), '_run.py')\n"
    "    getattr(sys.stdout, 'buffer').write(os.fsencode(answer[1:]))\n"
    "except Exception as error:\n"
    "    sys.stdout.write('!%s' % (error,))\n";

static char **probe_arguments(const rc_python_command *command) {
    static char dash_c[] = "-c";
    char **arguments = rs_allocate_zeroed(command->options_count + 4, sizeof *arguments);
    if (!arguments) return NULL;
    memcpy(arguments, command->argv, (command->options_count + 1) * sizeof *arguments);
    arguments[command->options_count + 1] = dash_c;
    arguments[command->options_count + 2] = probe;
    return arguments;
}

static void become_probe(char **arguments, int to, const sigset_t *mask) {
    sigprocmask(SIG_SETMASK, mask, NULL);
    dup2(to, STDOUT_FILENO);
    execvp(arguments[0], arguments);
    dprintf(STDOUT_FILENO, "!%s", strerror(errno));
    _exit(127);
}

/* All that the descriptor gives, as far as it fits, with a zero behind. */
static void read_all(int from, char *to, size_t size) {
    size_t have = 0;
    ssize_t got = 0;
    while (have + 1 < size &&
           ((got = read(from, to + have, size - 1 - have)) > 0 || (got < 0 && errno == EINTR)))
        have += got > 0 ? (size_t)got : 0;
    to[have] = 0;
}

char *rc_python_command_runner(const rc_python_command *command, const sigset_t *mask) {
    char answer[4096 + 1] = "", *result = NULL;
    int ends[2] = {-1, -1}, status = 0;
    char **arguments = probe_arguments(command);
    pid_t child = -1;
    if (!arguments || pipe(ends) != 0 || (child = fork()) < 0) {
        rc_say("'%s' can't be started: %s", command->argv[0], strerror(errno));
        goto done;
    }
    if (child == 0) become_probe(arguments, ends[1], mask);
    close(ends[1]);
    ends[1] = -1;
    read_all(ends[0], answer, sizeof answer);
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        continue;
    if (answer[0] == '/' && WIFEXITED(status) && WEXITSTATUS(status) == 0) {
        size_t size = strlen(answer) + 1;
        result = rs_allocate(size);
        if (result) memcpy(result, answer, size);
    } else if (WIFEXITED(status) && WEXITSTATUS(status) == 127) {
        rc_say("'%s' can't be started: %s", command->argv[0], answer + (answer[0] == '!'));
    } else {
        rc_say("'%s' can't be run protected: %s; install the package with '%s -m pip install "
               "resume'",
               command->argv[0], answer[0] == '!' ? answer + 1 : "it does not load the package",
               command->argv[0]);
    }
done:
    for (int i = 0; i < 2; i++)
        if (ends[i] >= 0) close(ends[i]);
    rs_free(arguments);
    return result;
}
