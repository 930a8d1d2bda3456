/* date, time, datetime, timedelta, timezone and ZoneInfo in the object stream. */
#include "../decode.h"
#include "known_types.h"

#include <stdio.h>
#include <string.h>

/* "Europe/Berlin": what can't leave the folders of time zones. */
static bool is_zone_key(const char *key, size_t size) {
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                  "0123456789_+-/";
    return size > 0 && size < 100 && key[0] != '/' && key[size - 1] != '/' &&
           strspn(key, letters) == size && !strstr(key, "//");
}

/* ---- encoding ---- */

int rp_put_date(rp_encoder *encoder, PyObject *object) {
    PyObject *text = PyObject_CallMethod(object, "isoformat", NULL);
    if (!text) return -1;
    rp_put_tag(encoder, RP_TAG_DATE);
    int status = rp_put_str(encoder, text);
    Py_DECREF(text);
    return status;
}

int rp_put_time(rp_encoder *encoder, PyObject *object) {
    static const char *const names[] = {"hour",        "minute", "second",
                                        "microsecond", "tzinfo", "fold"};
    return rp_put_attributes(encoder, object, RP_TAG_TIME, names, 6);
}

int rp_put_datetime(rp_encoder *encoder, PyObject *object) {
    static const char *const names[] = {"year",   "month",       "day",    "hour", "minute",
                                        "second", "microsecond", "tzinfo", "fold"};
    return rp_put_attributes(encoder, object, RP_TAG_DATETIME, names, 9);
}

int rp_put_timedelta(rp_encoder *encoder, PyObject *object) {
    static const char *const names[] = {"days", "seconds", "microseconds"};
    return rp_put_attributes(encoder, object, RP_TAG_TIMEDELTA, names, 3);
}

int rp_put_timezone(rp_encoder *encoder, PyObject *object) {
    /* (offset) or (offset, name) */
    PyObject *parts = PyObject_CallMethod(object, "__getinitargs__", NULL);
    if (parts && !PyTuple_Check(parts)) Py_CLEAR(parts);
    if (!parts) return PyErr_Occurred() ? -1 : rp_refuse(encoder, "its offset is unknown");
    rp_put_tag(encoder, RP_TAG_TIMEZONE);
    rp_put_array_head(encoder, (size_t)PyTuple_GET_SIZE(parts));
    return rp_push_parts(encoder, parts, ".utcoffset()");
}

/* Its own reduction tells the key and whether ZoneInfo(key) gives this very object. */
int rp_put_zone(rp_encoder *encoder, PyObject *object) {
    PyObject *reduced = PyObject_CallMethod(object, "__reduce__", NULL), *maker, *key;
    int status = -1, cached;
    Py_ssize_t size;
    if (!reduced || !PyArg_ParseTuple(reduced, "O(Up)", &maker, &key, &cached)) goto done;
    const char *text = PyUnicode_AsUTF8AndSize(key, &size);
    if (!text) goto done;
    if (!is_zone_key(text, (size_t)size)) {
        status = rp_refuse(encoder, "its key is no usual name of a time zone");
        goto done;
    }
    rp_put_tag(encoder, RP_TAG_ZONE);
    rp_put_array_head(encoder, cached ? 1 : 2);
    rs_cbor_put_text(&encoder->buffer, text, (size_t)size);
    if (!cached) rs_cbor_put_simple(&encoder->buffer, RS_CBOR_FALSE);
    status = RP_DONE;
done:
    Py_XDECREF(reduced);
    return status;
}

/* ---- decoding ---- */

/* datetime.NAME(*parts, fold=fold); NULL with an exception. */
static PyObject *make(rp_decoder *decoder, const char *name, PyObject *const *parts,
                      Py_ssize_t count, PyObject *fold) {
    PyObject *value = NULL, *keywords = NULL, *arguments = NULL;
    PyObject *module = PyImport_ImportModule("datetime");
    PyObject *type = module ? PyObject_GetAttrString(module, name) : NULL;
    if (type) arguments = PyTuple_New(count);
    for (Py_ssize_t i = 0; arguments && i < count; i++)
        PyTuple_SET_ITEM(arguments, i, Py_NewRef(parts[i]));
    if (arguments && fold) keywords = Py_BuildValue("{sO}", "fold", fold);
    if (arguments && (keywords || !fold)) value = PyObject_Call(type, arguments, keywords);
    Py_XDECREF(module);
    Py_XDECREF(type);
    Py_XDECREF(arguments);
    Py_XDECREF(keywords);
    return rp_checked(decoder, value);
}

static bool are_ints(PyObject *const *parts, Py_ssize_t count) {
    for (Py_ssize_t i = 0; i < count; i++)
        if (!PyLong_CheckExact(parts[i])) return false;
    return true;
}

/* The numbers, then the time zone, then the fold. */
static PyObject *finish_clock(rp_decoder *decoder, const char *name, PyObject *const *parts,
                              Py_ssize_t count) {
    if (!are_ints(parts, count - 2) || !PyLong_CheckExact(parts[count - 1]))
        return rp_damaged(decoder, "a part of a time is no int");
    return make(decoder, name, parts, count - 1, parts[count - 1]);
}

static PyObject *finish_time(rp_decoder *decoder, PyObject *const *parts, Py_ssize_t count) {
    return finish_clock(decoder, "time", parts, count);
}

static PyObject *finish_datetime(rp_decoder *decoder, PyObject *const *parts, Py_ssize_t count) {
    return finish_clock(decoder, "datetime", parts, count);
}

static PyObject *finish_timedelta(rp_decoder *decoder, PyObject *const *parts, Py_ssize_t count) {
    if (!are_ints(parts, count)) return rp_damaged(decoder, "a part of a timedelta is no int");
    return make(decoder, "timedelta", parts, count, NULL);
}

static PyObject *finish_timezone(rp_decoder *decoder, PyObject *const *parts, Py_ssize_t count) {
    return make(decoder, "timezone", parts, count, NULL);
}

static PyObject *get_date(rp_decoder *decoder) {
    rs_cbor_item item;
    int year, month, day, end = 0;
    char text[11] = {0};
    if (rp_next(decoder, &item) < 0) return NULL;
    if (item.kind == RS_CBOR_TEXT && item.argument == 10) memcpy(text, item.bytes, 10);
    /* sscanf would take signs and blanks */
    if (strspn(text, "0123456789-") != 10 || strchr(text, '-') != text + 4) text[0] = 0;
    if (sscanf(text, "%4d-%2d-%2d%n", &year, &month, &day, &end) != 3 || end != 10)
        return rp_damaged(decoder, "a date is not written as YYYY-MM-DD");
    PyObject *parts[3] = {PyLong_FromLong(year), PyLong_FromLong(month), PyLong_FromLong(day)};
    PyObject *value =
        parts[0] && parts[1] && parts[2] ? make(decoder, "date", parts, 3, NULL) : NULL;
    for (int i = 0; i < 3; i++)
        Py_XDECREF(parts[i]);
    return value;
}

/* A zone that this machine does not have is no damage. */
static PyObject *zone_is_missing(rp_decoder *decoder, const char *key) {
    if (PyErr_ExceptionMatches(PyExc_MemoryError) || !PyErr_ExceptionMatches(PyExc_Exception))
        return NULL;
    return rp_unfit(decoder,
                    "the time zone '%s' can't be made on this machine; install Python's package "
                    "tzdata, or the system's",
                    key);
}

static PyObject *get_zone(rp_decoder *decoder) {
    char key[100];
    rs_cbor_item item;
    bool cached = true;
    Py_ssize_t count = rp_next_array(decoder, 1, 2);
    if (count < 0 || rp_next(decoder, &item) < 0) return NULL;
    if (item.kind != RS_CBOR_TEXT || item.argument >= sizeof key)
        return rp_damaged(decoder, "the key of a time zone is no short text");
    memcpy(key, item.bytes, (size_t)item.argument);
    key[item.argument] = 0;
    if (!is_zone_key(key, (size_t)item.argument))
        return rp_damaged(decoder, "the key of a time zone is none");
    if (count == 2 && rp_next_bool(decoder, &cached) < 0) return NULL;
    PyObject *module = PyImport_ImportModule("zoneinfo"), *value = NULL;
    PyObject *type = module ? PyObject_GetAttrString(module, "ZoneInfo") : NULL;
    if (type && cached) value = PyObject_CallFunction(type, "s", key);
    if (type && !cached) value = PyObject_CallMethod(type, "no_cache", "s", key);
    Py_XDECREF(type);
    Py_XDECREF(module);
    return value ? value : zone_is_missing(decoder, key);
}

int rp_get_time(rp_decoder *decoder, uint64_t tag, PyObject **value) {
    Py_ssize_t count;
    switch (tag) {
    case RP_TAG_DATE:
        *value = get_date(decoder);
        return *value ? 0 : -1;
    case RP_TAG_ZONE:
        *value = get_zone(decoder);
        return *value ? 0 : -1;
    case RP_TAG_TIME:
        if (rp_next_array(decoder, 6, 6) < 0) return -1;
        return rp_open_frame(decoder, RP_OPEN_VALUES, NULL, 6, finish_time) < 0 ? -1 : 1;
    case RP_TAG_DATETIME:
        if (rp_next_array(decoder, 9, 9) < 0) return -1;
        return rp_open_frame(decoder, RP_OPEN_VALUES, NULL, 9, finish_datetime) < 0 ? -1 : 1;
    case RP_TAG_TIMEDELTA:
        if (rp_next_array(decoder, 3, 3) < 0) return -1;
        return rp_open_frame(decoder, RP_OPEN_VALUES, NULL, 3, finish_timedelta) < 0 ? -1 : 1;
    case RP_TAG_TIMEZONE:
        count = rp_next_array(decoder, 1, 2);
        if (count < 0) return -1;
        return rp_open_frame(decoder, RP_OPEN_VALUES, NULL, (uint64_t)count, finish_timezone) < 0
                   ? -1
                   : 1;
    default:
        return 2;
    }
}
