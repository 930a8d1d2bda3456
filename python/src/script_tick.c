/* Saves a running program: when the timer or a signal asks for it, at the next place that will do.
 *
 * The signal comes at any moment, and where the interpreter looks for it is no random place: of a
 * program that spends its time in C code it is the end of that call, each time the same. So a place
 * that won't do is left step by step, at each of which the interpreter asks us once more, until
 * what was in the way is behind. Then it is tried again; what is long in the way is waited for. */
#include "script.h"

#include "notice.h"
#include "script_signals.h"

#include "pycompat/frame.h"

#include <string.h>
#include <unistd.h>

enum { STOPPED = 75 };

/* How long a save that is due waits for a better place: soon it is another one, but what can't be
 * captured may be so for long. A try takes time as well, and no more than a part of it all. */
#define WAIT_FIRST_NS UINT64_C(20000)
#define WAIT_LAST_NS  UINT64_C(250000000)
/* From place to place: so many steps each time, and more when it has waited for long; and so many
 * tries among them, or as long as they take. */
#define STEPS          512
#define STEP_NS        1000 /* what the interpreter does for one */
#define STEPS_LAST_NS  UINT64_C(50000000)
#define RETRIES        64
#define RETRIES_NS     UINT64_C(5000000)
#define TRIES_AT_ONCE  32
#define TRIES_DOUBLING 4
#define TIME_FOR_TRIES 20 /* one part in so many, steps included */
#define TIME_FOR_SAVES 3
/* How long it waits in silence; who has asked it to stop waits as well. */
#define SILENCE_NS UINT64_C(30000000000)
#define MOMENT_NS  UINT64_C(1000000000)

/* The number of the newest save; what was found at the opening may have been set aside since. */
static uint64_t generation_of(const rp_script *self) {
    const rp_checkpoint *checkpoint = self->exact.checkpoint;
    uint64_t found = rs_checkpoint_look(checkpoint->engine)->generation;
    return (checkpoint->found ? found : 0) + checkpoint->saves;
}

void rp_script_note_generation(rp_script *self) {
    uint64_t generation = generation_of(self);
    if (self->status >= 0 && generation > 0 &&
        pwrite(self->status, &generation, sizeof generation, 0) < 0)
        self->status = -1;
}

/* ---- who else runs ---- */

/* Other threads that run Python would change what is being saved, and would not go on. */
static PyObject *other_threads(void) {
    PyThreadState *own = PyThreadState_Get();
    PyThreadState *other = PyInterpreterState_ThreadHead(PyInterpreterState_Get());
    while (other && other == own)
        other = PyThreadState_Next(other);
    if (!other) return NULL;
    PyObject *threading = PyImport_ImportModule("threading");
    PyObject *list = threading ? PyObject_CallMethod(threading, "enumerate", NULL) : NULL;
    PyObject *main = list ? PyObject_CallMethod(threading, "main_thread", NULL) : NULL;
    PyObject *name = NULL;
    for (Py_ssize_t i = 0; main && !name && i < PyList_GET_SIZE(list); i++) {
        PyObject *thread = PyList_GET_ITEM(list, i);
        /* tqdm's only looks at clocks, and is made again with the next bar */
        if (thread == main || strcmp(Py_TYPE(thread)->tp_name, "TMonitor") == 0) continue;
        name = PyObject_GetAttrString(thread, "name");
    }
    PyErr_Clear();
    PyObject *reason =
        name ? PyUnicode_FromFormat("thread '%S' is running, and only the main thread could go on: "
                                    "it is saved when the other threads have ended",
                                    name)
             : NULL;
    Py_XDECREF(name);
    Py_XDECREF(main);
    Py_XDECREF(list);
    Py_XDECREF(threading);
    return reason;
}

/* ---- no save yet ---- */

static void set_reason(rp_script *self, PyObject *reason) {
    Py_XSETREF(self->reason, reason);
    PyErr_Clear();
}

int rp_script_refused(rp_exact *exact, PyObject *reason) {
    rp_script *self = exact->context;
    if (!exact->misplaced || !self->reason) set_reason(self, Py_NewRef(reason));
    return 0;
}

static uint64_t between(uint64_t value, uint64_t least, uint64_t most) {
    return value < least ? least : value > most ? most : value;
}

/* Says once for each reason why nothing was saved for a while. */
static void tell_waiting(rp_script *self, uint64_t waited_ns) {
    int known = self->reason ? PySet_Contains(self->told, self->reason) : 1;
    int number = rp_script_stop_signal();
    if (known == 0) {
        PySet_Add(self->told, self->reason);
        unsigned long long seconds = waited_ns / 1000000000;
        if (number)
            rp_script_say("%s: it stops when it is saved, which is not possible for %llu s: %U; a "
                          "second signal stops it at once, as of the last save",
                          strsignal(number), seconds, self->reason);
        else
            rp_script_say("no save for %llu s: %U; it is tried again", seconds, self->reason);
    }
    PyErr_Clear();
}

/* For the command that watches over the program, and has the last word. */
static void note_for_command(rp_script *self, uint64_t since_ns, const char *text) {
    char note[RP_SCRIPT_REFUSAL_SIZE] = "";
    memcpy(note, &since_ns, sizeof since_ns);
    snprintf(note + sizeof since_ns, sizeof note - sizeof since_ns, "%s", text);
    if (self->status >= 0 && pwrite(self->status, note, sizeof note, RP_SCRIPT_REFUSAL_AT) < 0)
        self->status = -1;
}

/* The program may have lost its stderr: `resume log` and the end of `resume run` tell it, too. */
static void note_waiting(rp_script *self, uint64_t now, uint64_t waited_ns) {
    bool stops = rp_script_stop_signal() != 0;
    uint64_t patience = stops ? MOMENT_NS : between(rp_script_every(self), MOMENT_NS, SILENCE_NS);
    const char *text = self->reason ? PyUnicode_AsUTF8(self->reason) : NULL;
    PyErr_Clear();
    if (!text || (self->noted_ns && now - self->noted_ns < MOMENT_NS)) return;
    self->noted_ns = now;
    rs_checkpoint_refuse(self->exact.checkpoint->engine, text);
    if (waited_ns >= patience) note_for_command(self, self->due_ns, text);
}

static void check_requirement(rp_script *self, uint64_t now) {
    if (self->require_ns == RS_NEVER || self->saves > 1) return;
    if (now - self->begun_ns < self->require_ns) return;
    rp_script_say("nothing could be saved in the first %llu s (--require-save): %U",
                  (unsigned long long)(self->require_ns / 1000000000),
                  self->reason ? self->reason : self->exact.checkpoint->caller.name);
    _exit(1);
}

static void tell_or_note(rp_script *self, uint64_t now) {
    uint64_t waited = now - self->due_ns;
    if (waited >= MOMENT_NS) {
        uint64_t patience = between(rp_script_every(self), SILENCE_NS, UINT64_MAX);
        if (rp_script_stop_signal() || waited >= patience) tell_waiting(self, waited);
        note_waiting(self, now, waited);
    }
    check_requirement(self, now);
}

static uint64_t delay_of(unsigned tries, uint64_t took_ns) {
    unsigned doublings = tries < TRIES_AT_ONCE ? 0 : (tries - TRIES_AT_ONCE) / TRIES_DOUBLING;
    uint64_t delay = doublings > 20 ? WAIT_LAST_NS : WAIT_FIRST_NS << doublings;
    if (delay > WAIT_LAST_NS) delay = WAIT_LAST_NS;
    return delay < took_ns * TIME_FOR_TRIES ? took_ns * TIME_FOR_TRIES : delay;
}

/* ---- saved ---- */

/* As if it had been killed behind the save: nothing that it would do at its end is done. */
static void stop(rp_script *self, int number) {
    rp_script_say("stopped by %s, generation %llu is saved: the same command goes on",
                  strsignal(number), (unsigned long long)generation_of(self));
    _exit(STOPPED);
}

static void saved(rp_script *self, uint64_t took_ns) {
    self->saves++;
    self->guards = false;
    self->took_ns = took_ns;
    self->tries = self->steps = self->retries = 0;
    self->event_ns = self->spent_ns = 0;
    self->due_ns = 0;
    Py_CLEAR(self->reason);
    if (self->noted_ns) note_for_command(self, 0, "");
    self->noted_ns = 0;
    rp_script_note_generation(self);
    int number = rp_script_stop_signal();
    if (number) stop(self, number);
    uint64_t pause = took_ns * TIME_FOR_SAVES, every = rp_script_every(self);
    rp_script_ask(every < pause ? pause : every);
}

/* ---- one place ---- */

typedef enum rp_answer {
    SAVED,
    NOT_HERE,    /* and to know that took no time */
    NOT_POSSIBLE /* something was in the way */
} rp_answer;

/* Nothing that happens here is seen by the program. */
static rp_answer save(rp_script *self, PyFrameObject *frame) {
    PyThreadState *thread = PyThreadState_Get();
    PyThreadState_EnterTracing(thread);
    PyObject *threads = other_threads();
    PyThreadState_LeaveTracing(thread);
    if (threads) {
        set_reason(self, threads);
        return NOT_HERE;
    }
    /* What the program does next may have to be undone, or it is its end: in the background, the
     * save could come too late. */
    self->exact.at_once = self->saves == 0 || self->guards || rp_script_stop_signal() != 0;
    self->exact.misplaced = false;
    int status = rp_exact_save(&self->exact, frame, NULL, true);
    if (status < 0) {
        PyObject *error = rp_exception_take();
        set_reason(self, PyUnicode_FromFormat("%S", error));
        Py_DECREF(error);
    }
    return status > 0 ? SAVED : self->exact.misplaced ? NOT_HERE : NOT_POSSIBLE;
}

/* What was in the way is in the way yet. A value that was can be gone while its function runs on,
 * so that every other time it is looked for at each place. */
static bool is_blocked(const rp_script *self, PyFrameObject *frame, uint64_t now) {
    const rp_obstacle *obstacle = &self->exact.obstacle;
    if (self->steps == 0 || !obstacle->code || now - self->tried_ns >= WAIT_LAST_NS) return false;
    return rp_obstacle_is_there(obstacle, frame, self->tries % 2 == 0);
}

static bool may_step(const rp_script *self, uint64_t now) {
    if (self->retries >= RETRIES || (self->retries > 1 && self->event_ns > RETRIES_NS))
        return false;
    if (self->steps < STEPS) return true;
    return self->event_ns < STEPS_LAST_NS && self->spent_ns * TIME_FOR_TRIES < now - self->due_ns;
}

/* It was not saved here. */
static void go_on(rp_script *self, uint64_t now, uint64_t took_ns) {
    self->event_ns += took_ns + STEP_NS;
    self->spent_ns += took_ns + STEP_NS;
    if (may_step(self, now)) {
        self->steps++;
        rp_script_ask_next();
    } else {
        rp_script_ask(delay_of(self->tries++, self->event_ns));
        self->steps = self->retries = 0;
        self->event_ns = 0;
    }
    tell_or_note(self, now);
}

PyObject *rp_script_tick(PyObject *object, PyObject *args) {
    rp_script *self = (rp_script *)object;
    int number;
    PyObject *frame;
    if (!PyArg_ParseTuple(args, "iO", &number, &frame)) return NULL;
    rp_checkpoint *checkpoint = self->exact.checkpoint;
    if (!self->running || self->saving || !PyFrame_Check(frame) || !checkpoint ||
        !checkpoint->engine || rs_checkpoint_is_forked(checkpoint->engine))
        Py_RETURN_NONE;
    if (rs_checkpoint_is_saving(checkpoint->engine) && !self->guards && !rp_script_stop_signal()) {
        rp_script_ask(WAIT_LAST_NS);
        Py_RETURN_NONE;
    }
    self->saving = true;
    uint64_t begun = rp_script_now_ns();
    if (self->due_ns == 0) self->due_ns = begun;
    rp_answer answer = NOT_HERE;
    if (!is_blocked(self, (PyFrameObject *)frame, begun)) {
        answer = save(self, (PyFrameObject *)frame);
        self->tried_ns = begun;
    }
    uint64_t now = rp_script_now_ns();
    if (answer == NOT_POSSIBLE) self->retries++;
    if (answer == SAVED)
        saved(self, now - begun);
    else
        go_on(self, now, now - begun);
    self->saving = false;
    Py_RETURN_NONE;
}
