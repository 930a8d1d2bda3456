/* The timer of automatic saves, and the signals that stop a program after a save.
 *
 * The timer sends a real-time signal to the main thread; its handler restarts system calls and
 * raises the flag that makes the interpreter call our function between two instructions. SIGTERM,
 * SIGINT, SIGHUP and SIGUSR1 do the same; the second one ends the process at once. */
#include "script_signals.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id _sigev_un._tid
#endif

enum {
    STOP_COUNT = 4,
    /* One request reaches a process several times: from the terminal and from the command that
     * watches over it, or from a job scheduler that signals the whole group. */
    SAME_REQUEST_NS = 1000000000,
};
static const int stop_numbers[STOP_COUNT] = {SIGTERM, SIGINT, SIGHUP, SIGUSR1};

/* What handlers of signals can reach: one program in one process. */
static struct signals {
    volatile sig_atomic_t stop; /* the number of the signal that asked to stop */
    uint64_t stopped_ns;
    pid_t process;
    int tick; /* the number of the real-time signal; 0: not begun */
    timer_t timer;
    bool has_timer;
    struct sigaction old[STOP_COUNT];
    bool caught[STOP_COUNT];
} signals;

static int place_of(int number) {
    for (int i = 0; i < STOP_COUNT; i++)
        if (stop_numbers[i] == number) return i;
    return 0;
}

uint64_t rp_script_now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void on_tick(int number) {
    int saved = errno;
    if (getpid() == signals.process) PyErr_SetInterruptEx(number);
    errno = saved;
}

/* Restores what was there before, which gets the signal when this handler returns. */
static void hand_back(int number, const struct sigaction *action) {
    sigaction(number, action, NULL);
    raise(number);
}

static void on_stop(int number) {
    int saved = errno;
    if (getpid() != signals.process) { /* a forked child */
        hand_back(number, &signals.old[place_of(number)]);
    } else if (!signals.stop) {
        signals.stop = number;
        signals.stopped_ns = rp_script_now_ns();
        PyErr_SetInterruptEx(signals.tick);
    } else if (rp_script_now_ns() - signals.stopped_ns >= SAME_REQUEST_NS) {
        struct sigaction fatal;
        memset(&fatal, 0, sizeof fatal);
        fatal.sa_handler = SIG_DFL;
        hand_back(number, &fatal);
    }
    errno = saved;
}

static int catch_signal(int number, void (*function)(int), struct sigaction *old) {
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = function;
    action.sa_flags = SA_RESTART | SA_ONSTACK;
    sigemptyset(&action.sa_mask);
    return sigaction(number, &action, old);
}

/* What is ignored (nohup) stays ignored. */
static int catch_stops(void) {
    for (int i = 0; i < STOP_COUNT; i++) {
        if (sigaction(stop_numbers[i], NULL, &signals.old[i]) < 0) return -1;
        if (signals.old[i].sa_handler == SIG_IGN) continue;
        if (catch_signal(stop_numbers[i], on_stop, NULL) < 0) return -1;
        signals.caught[i] = true;
    }
    return 0;
}

static int start_timer(void) {
    struct sigevent event;
    memset(&event, 0, sizeof event);
    event.sigev_notify = SIGEV_THREAD_ID;
    event.sigev_signo = signals.tick;
    event.sigev_notify_thread_id = (pid_t)syscall(SYS_gettid);
    if (timer_create(CLOCK_MONOTONIC, &event, &signals.timer) < 0) return -1;
    signals.has_timer = true;
    return 0;
}

/* The interpreter calls the handler for the number; the handler of the system is ours. */
static int set_handler(PyObject *handler) {
    PyObject *module = PyImport_ImportModule("signal");
    PyObject *done =
        module ? PyObject_CallMethod(module, "signal", "iO", signals.tick, handler) : NULL;
    Py_XDECREF(done);
    Py_XDECREF(module);
    return done ? 0 : -1;
}

/* The command starts us with them blocked, so that none comes before its handler is there. */
static int let_through(void) {
    sigset_t set;
    sigemptyset(&set);
    for (int i = 0; i < STOP_COUNT; i++)
        sigaddset(&set, stop_numbers[i]);
    return pthread_sigmask(SIG_UNBLOCK, &set, NULL) == 0 ? 0 : -1;
}

int rp_script_signals_begin(PyObject *handler) {
    signals.stop = 0;
    signals.process = getpid();
    signals.tick = SIGRTMAX - 3;
    if (set_handler(handler) == 0 && catch_signal(signals.tick, on_tick, NULL) == 0 &&
        start_timer() == 0 && catch_stops() == 0 && let_through() == 0)
        return 0;
    if (!PyErr_Occurred()) PyErr_SetFromErrno(PyExc_OSError);
    rp_script_signals_end();
    return -1;
}

void rp_script_signals_end(void) {
    if (!signals.tick || getpid() != signals.process) return;
    if (signals.has_timer) timer_delete(signals.timer);
    signals.has_timer = false;
    for (int i = 0; i < STOP_COUNT; i++) {
        struct sigaction now;
        /* unless the program has a handler of its own by now */
        if (signals.caught[i] && sigaction(stop_numbers[i], NULL, &now) == 0 &&
            now.sa_handler == on_stop)
            sigaction(stop_numbers[i], &signals.old[i], NULL);
        signals.caught[i] = false;
    }
    signal(signals.tick, SIG_IGN);
    signals.tick = 0;
}

void rp_script_ask(uint64_t delay_ns) {
    struct itimerspec when;
    memset(&when, 0, sizeof when);
    if (delay_ns == 0) delay_ns = 1; /* 0 would stop the timer */
    when.it_value.tv_sec = (time_t)(delay_ns / 1000000000);
    when.it_value.tv_nsec = (long)(delay_ns % 1000000000);
    if (signals.has_timer) timer_settime(signals.timer, 0, &when, NULL);
}

void rp_script_ask_next(void) {
    if (signals.tick) PyErr_SetInterruptEx(signals.tick);
}

int rp_script_stop_signal(void) {
    return signals.stop;
}
