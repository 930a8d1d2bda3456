/* The arguments of Checkpoint(...), and durations. */
#include "options.h"

#include "notice.h"
#include "os/process.h"

#include <math.h>
#include <string.h>

static const struct {
    const char *unit;
    double seconds;
} units[] = {{"ms", 1e-3}, {"s", 1},     {"sec", 1},    {"m", 60},      {"min", 60},
             {"h", 3600},  {"d", 86400}, {"w", 604800}, {"day", 86400}, {"days", 86400}};

static double seconds_of_unit(const char *unit, size_t size) {
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++)
        if (strlen(units[i].unit) == size && strncmp(units[i].unit, unit, size) == 0)
            return units[i].seconds;
    return size == 0 ? 1 : -1;
}

/* "5m", "1h30m", "90", "0.5s"; -1 when it is none. */
static double seconds_of_text(const char *text) {
    double sum = 0;
    if (strcmp(text, "never") == 0) return INFINITY;
    for (bool first = true; *text != 0 || first; first = false) {
        while (*text == ' ')
            text++;
        if (*text < '0' || *text > '9') return -1;
        char *end = NULL;
        double number = PyOS_string_to_double(text, &end, NULL);
        if (end == NULL || PyErr_Occurred()) {
            PyErr_Clear();
            return -1;
        }
        size_t size = strspn(end, "abcdefghijklmnopqrstuvwxyz");
        double unit = seconds_of_unit(end, size);
        if (unit < 0 || (size == 0 && end[0] != 0)) return -1;
        sum += number * unit;
        text = end + size;
    }
    return sum;
}

static int seconds_of(PyObject *value, double *seconds) {
    if (PyUnicode_Check(value)) {
        const char *text = PyUnicode_AsUTF8(value);
        *seconds = text == NULL ? -1 : seconds_of_text(text);
        PyErr_Clear();
        return 0;
    }
    PyObject *number = NULL;
    if (PyObject_HasAttrString(value, "total_seconds"))
        number = PyObject_CallMethod(value, "total_seconds", NULL);
    else if (!PyBool_Check(value))
        number = PyNumber_Float(value);
    *seconds = number == NULL ? -1 : PyFloat_AsDouble(number);
    Py_XDECREF(number);
    return PyErr_Occurred() ? -1 : 0;
}

int rp_duration(PyObject *value, const char *what, uint64_t *ns) {
    double seconds;
    if (seconds_of(value, &seconds) < 0) {
        if (!PyErr_ExceptionMatches(PyExc_TypeError) && !PyErr_ExceptionMatches(PyExc_ValueError))
            return -1;
        PyErr_Clear();
        seconds = -1;
    }
    if (!(seconds >= 0)) {
        PyErr_Format(PyExc_ValueError,
                     "%s=%R is no duration: give seconds, a timedelta, a text like \"5m\" or "
                     "\"1h30m\", or \"never\"",
                     what, value);
        return -1;
    }
    *ns = seconds >= 9e9 ? RS_NEVER : (uint64_t)(seconds * 1e9);
    return 0;
}

int rp_rate(PyObject *value, const char *what, uint64_t *ns) {
    if (PyUnicode_Check(value) && PyUnicode_CompareWithASCIIString(value, "auto") == 0) {
        *ns = RS_AUTO;
        return 0;
    }
    return rp_duration(value, what, ns);
}

static int parse_overhead(PyObject *value, double *overhead) {
    double share = PyFloat_AsDouble(value);
    if (share > 0 && share < 1) {
        *overhead = share;
        return 0;
    }
    if (PyErr_Occurred() && !PyErr_ExceptionMatches(PyExc_TypeError)) return -1;
    PyErr_Format(PyExc_ValueError,
                 "overhead=%R: the share of the run that saves may cost with rate=\"auto\", like "
                 "0.02 for 2 %%",
                 value);
    return -1;
}

int rp_choice(PyObject *value, const char *what, const char *const *texts, int count, int *choice) {
    for (int i = 0; PyUnicode_Check(value) && i < count; i++)
        if (PyUnicode_CompareWithASCIIString(value, texts[i]) == 0) {
            *choice = i;
            return 0;
        }
    PyObject *list = PyUnicode_FromFormat("\"%s\"", texts[0]);
    for (int i = 1; list != NULL && i < count; i++)
        Py_SETREF(list, PyUnicode_FromFormat("%U%s\"%s\"", list, i + 1 < count ? ", " : " or ",
                                             texts[i]));
    if (list != NULL) PyErr_Format(PyExc_ValueError, "%s=%R: it is %U", what, value, list);
    Py_XDECREF(list);
    return -1;
}

PyObject *rp_names(PyObject *value, const char *what) {
    PyObject *one = NULL, *names = NULL;
    if (PyUnicode_Check(value)) value = one = PyTuple_Pack(1, value);
    if (value != NULL) names = PyFrozenSet_New(value);
    PyObject *iterator = names == NULL ? NULL : PyObject_GetIter(names);
    for (PyObject *name; iterator != NULL && (name = PyIter_Next(iterator)) != NULL;
         Py_DECREF(name))
        if (!PyUnicode_Check(name) && names != NULL) {
            PyErr_Format(PyExc_TypeError, "%s= takes names of variables, not %R", what, name);
            Py_CLEAR(names);
        }
    Py_XDECREF(iterator);
    Py_XDECREF(one);
    return names;
}

/* Keys of different types stay different ("1" and 1 do not, in a file name nobody could tell). */
PyObject *rp_key_text(PyObject *key) {
    bool is_path = PyObject_HasAttrString((PyObject *)Py_TYPE(key), "__fspath__");
    if (is_path) {
        PyObject *path = PyOS_FSPath(key);
        if (path != NULL && PyBytes_Check(path))
            Py_SETREF(path, PyUnicode_DecodeFSDefault(PyBytes_AS_STRING(path)));
        return path;
    }
    if (PyUnicode_CheckExact(key)) {
        if (PyUnicode_GET_LENGTH(key) > 0) return Py_NewRef(key);
        PyErr_SetString(PyExc_ValueError,
                        "key=\"\" tells nothing apart: give a text, a number or a tuple of them");
        return NULL;
    }
    if (PyLong_CheckExact(key) || PyBool_Check(key) || PyFloat_CheckExact(key))
        return PyObject_Str(key);
    bool good = PyTuple_CheckExact(key);
    for (Py_ssize_t i = 0; good && i < PyTuple_GET_SIZE(key); i++) {
        PyObject *part = PyTuple_GET_ITEM(key, i);
        good = PyUnicode_CheckExact(part) || PyLong_CheckExact(part) || PyBool_Check(part) ||
               PyFloat_CheckExact(part) || part == Py_None;
    }
    if (good) return PyObject_Repr(key);
    PyErr_Format(PyExc_TypeError,
                 "key=%R: a key is a str, an int, a float, a path or a tuple of such, the same in "
                 "every run",
                 key);
    return NULL;
}

static int parse_compress(PyObject *value, rs_compress *compress) {
    static const char *const texts[] = {"auto", "never", "always"};
    int choice = value == Py_False || value == Py_None ? RS_COMPRESS_NEVER : RS_COMPRESS_ALWAYS;
    if (value == NULL) choice = RS_COMPRESS_AUTO;
    if (value != NULL && value != Py_False && value != Py_None && value != Py_True &&
        rp_choice(value, "compress", texts, 3, &choice) < 0)
        return -1;
    *compress = (rs_compress)choice;
    return 0;
}

#define KEEP_MAX 1000

static int refuse_keep(PyObject *value) {
    if (!PyErr_Occurred())
        PyErr_Format(PyExc_ValueError,
                     "keep=%R: a number of saves from 1 to %d, or a dict of such numbers, like "
                     "{\"last\": 3, \"hourly\": 24, \"daily\": 7}",
                     value, KEEP_MAX);
    return -1;
}

/* -1 without an exception: it is no such number. */
static int count_of(PyObject *value, unsigned *count) {
    int too_large;
    if (!PyLong_Check(value) || PyBool_Check(value)) return -1;
    long number = PyLong_AsLongAndOverflow(value, &too_large);
    if (too_large || number < 0 || number > KEEP_MAX) return -1;
    *count = (unsigned)number;
    return 0;
}

/* 3, or {"last": 3, "hourly": 24, "daily": 7}. */
static int parse_keep(PyObject *value, rs_keep *keep) {
    const struct {
        const char *key;
        unsigned *count;
    } parts[] = {{"last", &keep->last}, {"hourly", &keep->hourly}, {"daily", &keep->daily}};
    Py_ssize_t position = 0;
    PyObject *key, *number;
    *keep = (rs_keep){0};
    if (value == NULL) return 0; /* the default of the store */
    if (!PyDict_Check(value)) {
        bool good = count_of(value, &keep->last) == 0 && keep->last > 0;
        return good ? 0 : refuse_keep(value);
    }
    while (PyDict_Next(value, &position, &key, &number)) { /* borrowed; no code runs in here */
        int found = -1;
        for (int i = 0; PyUnicode_Check(key) && i < 3; i++)
            if (PyUnicode_CompareWithASCIIString(key, parts[i].key) == 0) found = i;
        if (found < 0 || count_of(number, parts[found].count) < 0) return refuse_keep(value);
    }
    return keep->last || keep->hourly || keep->daily ? 0 : refuse_keep(value);
}

static int parse_choices(PyObject *again, PyObject *on_change, PyObject *on_error, PyObject *ranks,
                         rp_options *options) {
    static const char *const agains[] = {"continue", "fresh", "error"};
    static const char *const changes[] = {"warn", "error", "fresh", "ignore"};
    static const char *const errors[] = {"warn", "raise"};
    static const char *const rank_texts[] = {"independent"};
    int choice = 0;
    if (again != NULL && rp_choice(again, "again", agains, 3, &choice) < 0) return -1;
    options->again = (rp_again)choice;
    choice = 0;
    if (on_change != NULL && rp_choice(on_change, "on_change", changes, 4, &choice) < 0) return -1;
    options->on_change = (rp_on_change)choice;
    choice = 0;
    if (on_error != NULL && rp_choice(on_error, "on_error", errors, 2, &choice) < 0) return -1;
    options->raise_errors = choice == 1;
    if (ranks != NULL && ranks != Py_None) {
        if (rp_choice(ranks, "ranks", rank_texts, 1, &choice) < 0) return -1;
        options->independent_ranks = true;
    }
    return 0;
}

/* The original called the first argument `filename`. */
static int rename_filename(PyObject **kwargs) {
    PyObject *copy = *kwargs == NULL ? NULL : PyDict_Copy(*kwargs);
    if (copy == NULL) return *kwargs == NULL ? 0 : -1;
    PyObject *value = PyDict_GetItemString(copy, "filename"); /* borrowed */
    int status = 0;
    if (value != NULL && PyDict_GetItemString(copy, "name") == NULL) {
        status = PyDict_SetItemString(copy, "name", value);
        if (status == 0) status = PyDict_DelItemString(copy, "filename");
    }
    *kwargs = copy;
    return status;
}

/* In words that are true of resumable() and Checkpoint(): both hand on what they are given. */
static int refuse_unknown(PyObject *kwargs, char *const keywords[]) {
    PyObject *name;
    Py_ssize_t position = 0;
    while (kwargs != NULL && PyDict_Next(kwargs, &position, &name, NULL)) {
        size_t i = 0;
        while (keywords[i] && PyUnicode_CompareWithASCIIString(name, keywords[i]) != 0)
            i++;
        if (keywords[i]) continue;
        PyErr_Format(PyExc_TypeError,
                     "there is no option %R; help(resume.Checkpoint) and help(resume.resumable) "
                     "list those that are there",
                     name);
        return -1;
    }
    return 0;
}

static PyObject *given(PyObject *value) {
    return value == Py_None ? NULL : value;
}

int rp_options_parse(PyObject *args, PyObject *kwargs, rp_options *options) {
    static char *keywords[] = {
        "name",      "clean",    "rate",   "folder",       "key",      "expire",     "again",
        "on_change", "on_error", "strict", "random_state", "skip",     "only",       "keep",
        "compress",  "ranks",    "memmap", "track",        "overhead", "background", NULL};
    PyObject *name = NULL, *rate = NULL, *folder = NULL, *key = NULL, *expire = NULL, *again = NULL;
    PyObject *on_change = NULL, *on_error = NULL, *skip = NULL, *only = NULL, *compress = NULL;
    PyObject *ranks = NULL, *keep = NULL, *memmap = NULL, *overhead = NULL;
    int clean = 0, strict = 0, random_state = 1, track = 0, background = 1;
    *options = (rp_options){.rate_ns = 30000000000u};
    if (rename_filename(&kwargs) < 0) return -1;
    int status = -1;
    if (refuse_unknown(kwargs, keywords) < 0) goto done;
    if (!PyArg_ParseTupleAndKeywords(
            args, kwargs, "|OpO$OOOOOOppOOOOOOpOp:Checkpoint", keywords, &name, &clean, &rate,
            &folder, &key, &expire, &again, &on_change, &on_error, &strict, &random_state, &skip,
            &only, &keep, &compress, &ranks, &memmap, &track, &overhead, &background))
        goto done;
    if (parse_choices(again, on_change, on_error, ranks, options) < 0) goto done;
    static const char *const memmaps[] = {"path", "content"};
    int choice = 0;
    if (memmap != NULL && rp_choice(memmap, "memmap", memmaps, 2, &choice) < 0) goto done;
    options->map_content = choice == 1;
    if (parse_compress(compress, &options->compress) < 0) goto done;
    if (parse_keep(given(keep), &options->keep) < 0) goto done;
    options->clean = clean;
    options->track = track;
    options->background = background;
    options->strict = strict;
    options->random_state = random_state;
    if (given(rate) && rp_rate(rate, "rate", &options->rate_ns) < 0) goto done;
    if (given(overhead) && parse_overhead(overhead, &options->overhead) < 0) goto done;
    options->has_expire = given(expire) != NULL;
    if (given(expire) && rp_duration(expire, "expire", &options->expire_ns) < 0) goto done;
    if (given(key) && (options->key = rp_key_text(key)) == NULL) goto done;
    if (given(skip) && (options->skip = rp_names(skip, "skip")) == NULL) goto done;
    if (given(only) && (options->only = rp_names(only, "only")) == NULL) goto done;
    if (name != NULL && PyUnicode_Check(name) && PyUnicode_GET_LENGTH(name) == 0) name = NULL;
    options->name = Py_XNewRef(given(name));
    options->folder = Py_XNewRef(given(folder));
    status = 0;
done:
    Py_XDECREF(kwargs);
    if (status < 0) rp_options_release(options);
    return status;
}

void rp_options_release(rp_options *options) {
    Py_CLEAR(options->name);
    Py_CLEAR(options->folder);
    Py_CLEAR(options->key);
    Py_CLEAR(options->skip);
    Py_CLEAR(options->only);
}

void rp_options_copy(const rp_options *options, rp_options *copy) {
    *copy = *options;
    Py_XINCREF(copy->name);
    Py_XINCREF(copy->folder);
    Py_XINCREF(copy->key);
    Py_XINCREF(copy->skip);
    Py_XINCREF(copy->only);
}

PyObject *rp_environment(const char *name) {
    PyObject *os = PyImport_ImportModule("os");
    PyObject *environment = os == NULL ? NULL : PyObject_GetAttrString(os, "environ");
    PyObject *value =
        environment == NULL ? NULL : PyObject_CallMethod(environment, "get", "s", name);
    Py_XDECREF(environment);
    Py_XDECREF(os);
    if (value != NULL && (!PyUnicode_Check(value) || PyUnicode_GET_LENGTH(value) == 0))
        Py_CLEAR(value);
    PyErr_Clear();
    return value;
}

int rp_ranks(PyObject **rank) {
    const char *text;
    bool is_rank = rs_is_rank(&text);
    *rank = text == NULL ? NULL : PyUnicode_DecodeFSDefault(text);
    return is_rank;
}
