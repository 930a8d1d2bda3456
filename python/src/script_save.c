/* Saves a running program: when the timer or a signal asks for it, at the next loop. */
#include "script.h"

#include "notice.h"
#include "script_signals.h"

#include <string.h>
#include <time.h>
#include <unistd.h>

enum { STOPPED = 75 };

/* How long a save that is due waits for a better place: soon it is another one, but what can't be
 * captured may be so for long. A try takes time as well, and no more than a part of it all. */
#define WAIT_FIRST_NS UINT64_C(20000)
#define WAIT_LAST_NS  UINT64_C(250000000)
/* In the middle of a statement: it is tried again at each place behind it, of which the beginning
 * of a function or of a round of a loop will be one, but for C code that looks for signals itself.
 */
#define STEPS          512
#define TRIES_AT_ONCE  32
#define TRIES_DOUBLING 4
#define TIME_FOR_TRIES 20 /* one part in so many */
#define TIME_FOR_SAVES 3
/* How long it waits in silence; who has asked it to stop waits as well. */
#define SILENCE_NS UINT64_C(30000000000)
#define MOMENT_NS  UINT64_C(1000000000)

static uint64_t now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* What the program has put into the place of sys.stderr is its own. */
void rp_script_say(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    PyObject *text = PyUnicode_FromFormatV(format, arguments);
    va_end(arguments);
    PyObject *line = text ? PyUnicode_FromFormat("resume: %U\n", text) : NULL;
    PyObject *stream = PySys_GetObject("__stderr__"); /* borrowed */
    PyObject *done = NULL;
    if (line && stream && stream != Py_None && PyFile_WriteObject(line, stream, Py_PRINT_RAW) == 0)
        done = PyObject_CallMethod(stream, "flush", NULL);
    PyErr_Clear();
    Py_XDECREF(done);
    Py_XDECREF(line);
    Py_XDECREF(text);
}

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

/* ---- what is written besides the variables and the frames ---- */

static int refuse(rp_snapshot *snapshot, PyObject *text) {
    int status = text ? PyList_Append(snapshot->problems, text) : -1;
    Py_XDECREF(text);
    return status;
}

/* What _process.py refuses, or can't ask the system for, is a reason. */
static int refuse_exception(rp_snapshot *snapshot) {
    if (!PyErr_ExceptionMatches(PyExc_Exception) || PyErr_ExceptionMatches(PyExc_MemoryError))
        return -1;
    PyObject *type, *value, *traceback;
    PyErr_Fetch(&type, &value, &traceback);
    int status = refuse(snapshot, PyUnicode_FromFormat("%S", value ? value : type));
    Py_XDECREF(type);
    Py_XDECREF(value);
    Py_XDECREF(traceback);
    return status;
}

/* A value, or null with a problem. */
static int put(rp_snapshot *snapshot, PyObject *value, const char *name) {
    int status = rp_encoder_put(snapshot->encoder, value, name);
    if (status <= 0) return status;
    rs_cbor_put_simple(rp_encoder_buffer(snapshot->encoder), RS_CBOR_NULL);
    return refuse(snapshot, PyUnicode_FromString(rp_encoder_problem(snapshot->encoder)));
}

/* Once for each variable of a module. */
static int tell_left_out(rp_script *self, const char *problem) {
    PyObject *text = PyUnicode_FromString(problem);
    int told = text ? PySet_Contains(self->told, text) : -1;
    if (told == 0) {
        rp_script_say("can't be saved: %U; after a restart it is what its module makes", text);
        told = PySet_Add(self->told, text);
    }
    Py_XDECREF(text);
    return told < 0 ? -1 : 0;
}

/* The variables of one module: those that can't be saved are made by its import again. */
static int put_module(rp_script *self, rp_snapshot *snapshot, const char *module,
                      PyObject *variables) {
    rs_buffer *buffer = rp_encoder_buffer(snapshot->encoder);
    static const uint8_t head[] = {0xBA, 0, 0, 0, 0};
    rs_buffer_append(buffer, head, sizeof head);
    size_t place = buffer->size - 4;
    PyObject *key, *value;
    uint32_t count = 0;
    for (Py_ssize_t at = 0; PyDict_Next(variables, &at, &key, &value);) {
        const char *text = PyUnicode_Check(key) ? PyUnicode_AsUTF8(key) : NULL;
        char name[256];
        if (!text) {
            PyErr_Clear();
            continue;
        }
        snprintf(name, sizeof name, "%.120s.%.120s", module, text);
        size_t before = buffer->size;
        rs_cbor_put_text(buffer, text, strlen(text));
        int status = rp_encoder_put(snapshot->encoder, value, name);
        if (status < 0) return -1;
        if (status == 0) count++;
        if (status == 0) continue;
        buffer->size = before;
        if (tell_left_out(self, rp_encoder_problem(snapshot->encoder)) < 0) return -1;
    }
    for (int i = 0; !buffer->failed && i < 4; i++)
        buffer->bytes[place + (size_t)i] = (uint8_t)(count >> (24 - 8 * i));
    return 0;
}

static int put_modules(rp_script *self, rp_snapshot *snapshot, PyObject *modules) {
    rs_buffer *buffer = rp_encoder_buffer(snapshot->encoder);
    rs_cbor_put_head(buffer, RS_CBOR_MAP, (uint64_t)PyDict_GET_SIZE(modules));
    PyObject *name, *variables;
    for (Py_ssize_t at = 0; PyDict_Next(modules, &at, &name, &variables);) {
        const char *text = PyUnicode_AsUTF8(name);
        if (!text) return -1;
        rs_cbor_put_text(buffer, text, strlen(text));
        if (put_module(self, snapshot, text, variables) < 0) return -1;
    }
    return 0;
}

/* What a method of _process.py gives. */
static int put_answer(rp_script *self, rp_snapshot *snapshot, const char *method) {
    PyObject *answer = PyObject_CallMethod(self->process, method, NULL);
    if (!answer) {
        rs_cbor_put_simple(rp_encoder_buffer(snapshot->encoder), RS_CBOR_NULL);
        return refuse_exception(snapshot);
    }
    int status = put(snapshot, answer, method);
    Py_DECREF(answer);
    return status;
}

int rp_script_put_program(rp_exact *exact, rp_snapshot *snapshot) {
    rp_script *self = exact->context;
    PyObject *saves = PyLong_FromUnsignedLongLong(exact->checkpoint->saves);
    int status = saves ? PyObject_SetAttrString(self->process, "saves", saves) : -1;
    Py_XDECREF(saves);
    PyObject *own = status < 0 ? NULL : PyObject_CallMethod(self->process, "own_modules", NULL);
    if (!own) return -1;
    Py_XSETREF(self->state->own_modules, own);
    return put_answer(self, snapshot, "program");
}

/* A variable of the program that can't be saved is missed when it goes on. */
static int refuse_skipped(rp_snapshot *snapshot) {
    PyObject *name, *reason;
    Py_ssize_t at = 0;
    if (!PyDict_Next(snapshot->skipped, &at, &name, &reason)) return 0;
    return refuse(snapshot, PyUnicode_FromFormat("the program's variable %U", reason));
}

int rp_script_put_sections(rp_exact *exact, rp_snapshot *snapshot) {
    rp_script *self = exact->context;
    PyObject *modules = PyObject_CallMethod(self->process, "modules", NULL);
    rs_cbor_put_literal(rp_encoder_buffer(snapshot->encoder), "modules");
    int status = modules ? put_modules(self, snapshot, modules) : -1;
    Py_XDECREF(modules);
    if (status < 0 || refuse_skipped(snapshot) < 0) return -1;
    rs_cbor_put_literal(rp_encoder_buffer(snapshot->encoder), "process");
    return put_answer(self, snapshot, "process");
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
    set_reason(exact->context, Py_NewRef(reason));
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

static void check_requirement(rp_script *self) {
    if (self->require_ns == RS_NEVER || self->saves > 1) return;
    if (now_ns() - self->begun_ns < self->require_ns) return;
    rp_script_say("nothing could be saved in the first %llu s (--require-save): %U",
                  (unsigned long long)(self->require_ns / 1000000000),
                  self->reason ? self->reason : self->exact.checkpoint->caller.name);
    _exit(1);
}

static void wait(rp_script *self, uint64_t delay_ns) {
    self->steps = 0;
    uint64_t now = now_ns();
    uint64_t patience = between(rp_script_every(self), SILENCE_NS, UINT64_MAX);
    uint64_t waited = now - self->due_ns;
    if (waited >= (rp_script_stop_signal() ? MOMENT_NS : patience)) tell_waiting(self, waited);
    if (waited >= MOMENT_NS) note_waiting(self, now, waited);
    check_requirement(self);
    rp_script_ask(delay_ns);
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
    self->tries = 0;
    self->steps = 0;
    self->due_ns = 0;
    if (self->noted_ns) note_for_command(self, 0, "");
    self->noted_ns = 0;
    rp_script_note_generation(self);
    int number = rp_script_stop_signal();
    if (number) stop(self, number);
    uint64_t pause = took_ns * TIME_FOR_SAVES, every = rp_script_every(self);
    rp_script_ask(every < pause ? pause : every);
}

/* 1 saved, 0 not. Nothing that happens here is seen by the program. */
static int save(rp_script *self, PyFrameObject *frame) {
    PyObject *threads = other_threads();
    int status = 0;
    self->exact.misplaced = false;
    /* What the program does next may have to be undone, or it is its end: in the background, the
     * save could come too late. */
    self->exact.at_once = self->saves == 0 || self->guards || rp_script_stop_signal() != 0;
    if (threads)
        set_reason(self, threads);
    else
        status = rp_exact_save(&self->exact, frame, NULL, true);
    if (status < 0) {
        PyObject *type, *value, *traceback;
        PyErr_Fetch(&type, &value, &traceback);
        set_reason(self, PyUnicode_FromFormat("%S", value ? value : type));
        Py_XDECREF(type);
        Py_XDECREF(value);
        Py_XDECREF(traceback);
    }
    return status > 0;
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
    uint64_t begun = now_ns();
    if (self->due_ns == 0) self->due_ns = begun;
    if (save(self, (PyFrameObject *)frame))
        saved(self, now_ns() - begun);
    else if (self->exact.misplaced && self->steps++ < STEPS)
        rp_script_ask_next();
    else
        wait(self, delay_of(self->tries++, now_ns() - begun));
    self->saving = false;
    Py_RETURN_NONE;
}
