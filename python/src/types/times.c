/* date, time, datetime, timedelta, timezone and ZoneInfo in the object stream. */
#include "../decode.h"
#include "known_types.h"

#include <datetime.h>
#include <limits.h>
#include <string.h>

enum { DATE_SIZE = 10, TIME_PARTS = 6, DATETIME_PARTS = 9 };

/* "Europe/Berlin": what can't leave the folders of time zones. */
static bool is_zone_key(const char *key, size_t size) {
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                  "0123456789_+-/";
    return size > 0 && size < 100 && key[0] != '/' && key[size - 1] != '/' &&
           strspn(key, letters) == size && !strstr(key, "//");
}

/* ---- encoding ---- */

static void put_unsigned(rp_encoder *encoder, int value) {
    rs_cbor_put_head(&encoder->buffer, RS_CBOR_UNSIGNED, (uint64_t)value);
}

int rp_put_date(rp_encoder *encoder, PyObject *object) {
    char text[] = "YYYY-MM-DD";
    int year = PyDateTime_GET_YEAR(object), month = PyDateTime_GET_MONTH(object);
    int day = PyDateTime_GET_DAY(object);
    for (int i = 3; i >= 0; i--, year /= 10)
        text[i] = (char)('0' + year % 10);
    text[5] = (char)('0' + month / 10), text[6] = (char)('0' + month % 10);
    text[8] = (char)('0' + day / 10), text[9] = (char)('0' + day % 10);
    rp_put_tag(encoder, RP_TAG_DATE);
    rs_cbor_put_text(&encoder->buffer, text, DATE_SIZE);
    return RP_DONE;
}

/* The end of a time: its zone, which most have not, and the fold. */
static int put_zone_and_fold(rp_encoder *encoder, PyObject *zone, int fold) {
    if (zone == Py_None) {
        rs_cbor_put_simple(&encoder->buffer, RS_CBOR_NULL);
        put_unsigned(encoder, fold);
        return RP_DONE;
    }
    return rp_push_parts(encoder, Py_BuildValue("(Oi)", zone, fold), ".tzinfo");
}

int rp_put_time(rp_encoder *encoder, PyObject *object) {
    rp_put_tag(encoder, RP_TAG_TIME);
    rp_put_array_head(encoder, TIME_PARTS);
    put_unsigned(encoder, PyDateTime_TIME_GET_HOUR(object));
    put_unsigned(encoder, PyDateTime_TIME_GET_MINUTE(object));
    put_unsigned(encoder, PyDateTime_TIME_GET_SECOND(object));
    put_unsigned(encoder, PyDateTime_TIME_GET_MICROSECOND(object));
    return put_zone_and_fold(encoder, PyDateTime_TIME_GET_TZINFO(object),
                             PyDateTime_TIME_GET_FOLD(object));
}

int rp_put_datetime(rp_encoder *encoder, PyObject *object) {
    rp_put_tag(encoder, RP_TAG_DATETIME);
    rp_put_array_head(encoder, DATETIME_PARTS);
    put_unsigned(encoder, PyDateTime_GET_YEAR(object));
    put_unsigned(encoder, PyDateTime_GET_MONTH(object));
    put_unsigned(encoder, PyDateTime_GET_DAY(object));
    put_unsigned(encoder, PyDateTime_DATE_GET_HOUR(object));
    put_unsigned(encoder, PyDateTime_DATE_GET_MINUTE(object));
    put_unsigned(encoder, PyDateTime_DATE_GET_SECOND(object));
    put_unsigned(encoder, PyDateTime_DATE_GET_MICROSECOND(object));
    return put_zone_and_fold(encoder, PyDateTime_DATE_GET_TZINFO(object),
                             PyDateTime_DATE_GET_FOLD(object));
}

int rp_put_timedelta(rp_encoder *encoder, PyObject *object) {
    rp_put_tag(encoder, RP_TAG_TIMEDELTA);
    rp_put_array_head(encoder, 3);
    rs_cbor_put_int(&encoder->buffer, PyDateTime_DELTA_GET_DAYS(object));
    put_unsigned(encoder, PyDateTime_DELTA_GET_SECONDS(object));
    put_unsigned(encoder, PyDateTime_DELTA_GET_MICROSECONDS(object));
    return RP_DONE;
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

/* The functions of C of the module, imported with the first time. NULL with an exception. */
static const PyDateTime_CAPI *need_datetime(rp_decoder *decoder) {
    if (decoder->datetime) return decoder->datetime;
    /* PyCapsule_Import would make an ImportError of every failure */
    PyObject *module = PyImport_ImportModule("datetime");
    PyObject *capsule = module ? PyObject_GetAttrString(module, "datetime_CAPI") : NULL;
    if (capsule) decoder->datetime = PyCapsule_GetPointer(capsule, PyDateTime_CAPSULE_NAME);
    Py_XDECREF(capsule);
    Py_XDECREF(module);
    return decoder->datetime;
}

/* A TIME or DATETIME of these numbers; the module checks their ranges. */
static PyObject *make_clock(rp_decoder *decoder, const int *numbers, Py_ssize_t count,
                            PyObject *zone, int fold) {
    const PyDateTime_CAPI *api = need_datetime(decoder);
    if (!api) return NULL;
    const int *clock = numbers + count - 4;
    PyObject *value = count == 4 ? api->Time_FromTimeAndFold(clock[0], clock[1], clock[2], clock[3],
                                                             zone, fold, api->TimeType)
                                 : api->DateTime_FromDateAndTimeAndFold(
                                       numbers[0], numbers[1], numbers[2], clock[0], clock[1],
                                       clock[2], clock[3], zone, fold, api->DateTimeType);
    return rp_checked(decoder, value);
}

static int to_int(rp_decoder *decoder, PyObject *part, int *number) {
    int overflow;
    long value = PyLong_CheckExact(part) ? PyLong_AsLongAndOverflow(part, &overflow) : LONG_MAX;
    *number = (int)value;
    if (value >= INT_MIN && value <= INT_MAX) return 0;
    rp_damaged(decoder, "a part of a time is no small int");
    return -1;
}

/* The numbers, then the time zone, then the fold. */
static PyObject *finish_clock(rp_decoder *decoder, PyObject *const *parts, Py_ssize_t count) {
    int numbers[DATETIME_PARTS], fold;
    for (Py_ssize_t i = 0; i < count - 2; i++)
        if (to_int(decoder, parts[i], &numbers[i]) < 0) return NULL;
    if (to_int(decoder, parts[count - 1], &fold) < 0) return NULL;
    return make_clock(decoder, numbers, count - 2, parts[count - 2], fold);
}

/* One without a time zone, which most are: 0, *value is complete; 1: it is another, nothing is
 * read; -1: exception. */
static int read_clock(rp_decoder *decoder, Py_ssize_t count, PyObject **value) {
    rs_cbor_reader before = decoder->reader;
    rs_cbor_item item;
    int numbers[DATETIME_PARTS];
    for (Py_ssize_t i = 0; i < count; i++) {
        if (rp_next(decoder, &item) < 0) return -1;
        bool fits = i == count - 2 ? item.kind == RS_CBOR_SIMPLE && item.argument == RS_CBOR_NULL
                                   : item.kind == RS_CBOR_UNSIGNED && item.argument <= INT_MAX;
        if (!fits) {
            decoder->reader = before;
            return 1;
        }
        numbers[i] = (int)item.argument;
    }
    *value = make_clock(decoder, numbers, count - 2, Py_None, numbers[count - 1]);
    return *value ? 0 : -1;
}

static int get_clock(rp_decoder *decoder, size_t count, PyObject **value) {
    if (rp_next_array(decoder, count, count) < 0) return -1;
    int status = read_clock(decoder, (Py_ssize_t)count, value);
    if (status <= 0) return status;
    return rp_open_frame(decoder, RP_OPEN_VALUES, NULL, count, finish_clock) < 0 ? -1 : 1;
}

static PyObject *get_timedelta(rp_decoder *decoder) {
    int64_t days, seconds, microseconds;
    if (rp_next_array(decoder, 3, 3) < 0 || rp_next_signed(decoder, &days) < 0 ||
        rp_next_signed(decoder, &seconds) < 0 || rp_next_signed(decoder, &microseconds) < 0)
        return NULL;
    if (days < INT_MIN || days > INT_MAX || seconds < 0 || seconds >= 86400 || microseconds < 0 ||
        microseconds >= 1000000)
        return rp_damaged(decoder, "a part of a timedelta is out of its range");
    const PyDateTime_CAPI *api = need_datetime(decoder);
    if (!api) return NULL;
    return rp_checked(decoder, api->Delta_FromDelta((int)days, (int)seconds, (int)microseconds, 0,
                                                    api->DeltaType));
}

static PyObject *finish_timezone(rp_decoder *decoder, PyObject *const *parts, Py_ssize_t count) {
    PyObject *module = PyImport_ImportModule("datetime");
    PyObject *type = module ? PyObject_GetAttrString(module, "timezone") : NULL;
    PyObject *value = type ? PyObject_Vectorcall(type, parts, (size_t)count, NULL) : NULL;
    Py_XDECREF(module);
    Py_XDECREF(type);
    return rp_checked(decoder, value);
}

/* -1: it is no number. */
static int digits(const uint8_t *text, int count) {
    int number = 0;
    for (int i = 0; i < count; i++) {
        if (text[i] < '0' || text[i] > '9') return -1;
        number = number * 10 + (text[i] - '0');
    }
    return number;
}

static PyObject *get_date(rp_decoder *decoder) {
    rs_cbor_item item;
    if (rp_next(decoder, &item) < 0) return NULL;
    if (item.kind != RS_CBOR_TEXT || item.argument != DATE_SIZE || item.bytes[4] != '-' ||
        item.bytes[7] != '-')
        return rp_damaged(decoder, "a date is not written as YYYY-MM-DD");
    const PyDateTime_CAPI *api = need_datetime(decoder);
    if (!api) return NULL;
    return rp_checked(decoder, api->Date_FromDate(digits(item.bytes, 4), digits(item.bytes + 5, 2),
                                                  digits(item.bytes + 8, 2), api->DateType));
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
        return get_clock(decoder, TIME_PARTS, value);
    case RP_TAG_DATETIME:
        return get_clock(decoder, DATETIME_PARTS, value);
    case RP_TAG_TIMEDELTA:
        *value = get_timedelta(decoder);
        return *value ? 0 : -1;
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
