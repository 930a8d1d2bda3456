/* Watches over a running program: hands signals on, starts it again after a crash. */
#include "run.h"

#include "command.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* On these the program saves and stops. */
static const int stopping[] = {SIGTERM, SIGINT, SIGHUP, SIGUSR1};
/* By these a program dies of a fault, its own or the system's: no memory, above all. */
static const int crashes[] = {SIGSEGV, SIGBUS, SIGABRT, SIGILL, SIGFPE, SIGKILL, SIGSYS, SIGTRAP};

#define COUNT(array) (sizeof(array) / sizeof *(array))

static bool is_among(int number, const int *numbers, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (numbers[i] == number) return true;
    return false;
}

/* Signals that are waited for; what the caller ignores (nohup) stays ignored, here and there. */
void rc_supervise_begin(sigset_t *mask) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    for (size_t i = 0; i < COUNT(stopping); i++) {
        struct sigaction action;
        if (sigaction(stopping[i], NULL, &action) == 0 && action.sa_handler == SIG_IGN) continue;
        sigaddset(&set, stopping[i]);
    }
    sigprocmask(SIG_BLOCK, &set, mask);
}

/* A signal that comes before the program has its handlers waits until it has them: those that stop
 * it stay blocked here, and are let through there. */
static void unblock_others(const sigset_t *mask) {
    sigset_t set = *mask;
    for (size_t i = 0; i < COUNT(stopping); i++)
        sigaddset(&set, stopping[i]);
    sigprocmask(SIG_SETMASK, &set, NULL);
}

static pid_t start(const rc_supervision *this, const sigset_t *mask) {
    pid_t parent = getpid(), child = fork();
    if (child != 0) return child;
    unblock_others(mask);
    /* who kills this process means the program: it must not go on unseen, and hold the lock */
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(RC_FAILED);
    execvp(this->argv[0], this->argv);
    rc_say("'%s' can't be started: %s", this->argv[0], strerror(errno));
    _exit(RC_USAGE);
}

/* Until the program has ended; signals go on to it. */
static int wait_for(pid_t child, bool *told_to_stop) {
    sigset_t set;
    int status = 0;
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    for (size_t i = 0; i < COUNT(stopping); i++)
        sigaddset(&set, stopping[i]);
    for (;;) {
        pid_t ended = waitpid(child, &status, WNOHANG);
        if (ended == child || (ended < 0 && errno != EINTR)) return status;
        int number = sigwaitinfo(&set, NULL);
        if (number <= 0 || number == SIGCHLD) continue;
        *told_to_stop = true;
        kill(child, number);
    }
}

static uint64_t generation_of(int status) {
    uint64_t generation = 0;
    ssize_t size = pread(status, &generation, sizeof generation, 0);
    return size == (ssize_t)sizeof generation ? generation : 0;
}

/* The caller sees what the program died of. */
static void die_of(int number, const sigset_t *mask) {
    const struct rlimit no_core = {0};
    setrlimit(RLIMIT_CORE, &no_core);
    signal(number, SIG_DFL);
    sigprocmask(SIG_SETMASK, mask, NULL);
    raise(number);
}

/* Whether it makes sense to go on after a death, said to the user. */
static bool wants_restart(const rc_supervision *this, int number, uint64_t generation,
                          uint64_t restarts, bool again) {
    if (!is_among(number, crashes, COUNT(crashes))) return false;
    const char *what = strsignal(number);
    if (generation == 0) {
        rc_say("%s died (%s) before its first save: it is not started again", this->command, what);
        return false;
    }
    if (again) {
        rc_say("%s died (%s) again behind generation %llu, as the time before: it is not started "
               "again; the same command tries once more, 'resume rollback' goes further back",
               this->command, what, (unsigned long long)generation);
        return false;
    }
    if (restarts >= this->restarts) {
        rc_say("%s died (%s); it was started again %llu times, which is all (--restarts)",
               this->command, what, (unsigned long long)restarts);
        return false;
    }
    /* the program tells it: what is written to a file now is cut off when it goes on */
    char text[256];
    int size = snprintf(text, sizeof text, "%s died (%s): it goes on from generation %llu",
                        this->command, what, (unsigned long long)generation);
    if (size > 0 && pwrite(this->status, text, strlen(text) + 1, sizeof generation) < 0)
        rc_say("%s", text);
    return true;
}

/* Why the newest save is older than it should be: the program may have lost its stderr. Told once
 * for each of its processes. */
static void tell_refusal(const rc_supervision *this) {
    enum { AT = 264, SIZE = 1024 };
    char note[SIZE], text[4 * SIZE];
    uint64_t since, none = 0;
    struct timespec now;
    if (pread(this->status, note, sizeof note, AT) != (ssize_t)sizeof note) return;
    memcpy(&since, note, sizeof since);
    if (since == 0) return;
    note[sizeof note - 1] = 0;
    const char *reason = note + sizeof since;
    rc_escape(RC_ESCAPE_TERMINAL, reason, strlen(reason), text, sizeof text);
    clock_gettime(CLOCK_MONOTONIC, &now);
    rc_say("%s: at its end nothing could be saved for %llu s: %s", this->command,
           (unsigned long long)now.tv_sec - since / 1000000000, text);
    if (pwrite(this->status, &none, sizeof none, AT) < 0) return; /* a memory file */
}

/* What it has died of since its newest save. */
typedef struct deaths {
    uint64_t generation;
    uint64_t numbers; /* a bit for each signal */
} deaths;

static bool is_again(deaths *this, int number, uint64_t generation) {
    uint64_t bit = UINT64_C(1) << (number & 63);
    bool again = this->generation == generation && (this->numbers & bit);
    this->numbers = this->generation == generation ? this->numbers | bit : bit;
    this->generation = generation;
    return again;
}

rc_exit rc_supervise(const rc_supervision *supervision, const sigset_t *mask) {
    deaths known = {0};
    for (uint64_t restarts = 0;; restarts++) {
        bool told_to_stop = false;
        pid_t child = start(supervision, mask);
        if (child < 0) {
            rc_say("'%s' can't be started: %s", supervision->argv[0], strerror(errno));
            return RC_FAILED;
        }
        int status = wait_for(child, &told_to_stop);
        tell_refusal(supervision);
        if (WIFEXITED(status)) return (rc_exit)WEXITSTATUS(status);
        int number = WTERMSIG(status);
        uint64_t generation = generation_of(supervision->status);
        bool again = is_again(&known, number, generation);
        if (told_to_stop || !wants_restart(supervision, number, generation, restarts, again)) {
            die_of(number, mask);
            return (rc_exit)(128 + number);
        }
    }
}
