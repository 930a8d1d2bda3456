/* A text of bounded length, made piece by piece. */
#include "describe.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

void rc_put(rc_sink *out, const void *text, size_t size) {
    if (out->full) return;
    if (size > out->size - 4 - out->used) { /* room for "..." and the zero */
        size = out->size - 4 - out->used;
        out->full = true;
    }
    memcpy(out->to + out->used, text, size);
    out->used += size;
    if (out->full) {
        memcpy(out->to + out->used, "...", 3);
        out->used += 3;
    }
}

void rc_put_text(rc_sink *out, const char *text) {
    rc_put(out, text, strlen(text));
}

void rc_put_format(rc_sink *out, const char *format, ...) {
    char text[160];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    rc_put_text(out, text);
}

/* The shortest form that reads back as the same number, as Python writes it. */
void rc_put_double(rc_sink *out, double value) {
    char text[40];
    if (isnan(value) || isinf(value)) {
        rc_put_text(out, isnan(value) ? "nan" : value < 0 ? "-inf" : "inf");
        return;
    }
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, value);
        if (strtod(text, NULL) == value) break;
    }
    rc_put_text(out, text);
    if (!strpbrk(text, ".en")) rc_put_text(out, ".0");
}

void rc_put_hex(rc_sink *out, const uint8_t *bytes, size_t size) {
    for (size_t i = 0; i < size && !out->full; i++)
        rc_put_format(out, "%02x", bytes[i]);
}

/* Printable bytes as they are, the others as \xNN, as Python does. */
void rc_put_bytes(rc_sink *out, const uint8_t *bytes, size_t size) {
    rc_put_text(out, "b'");
    for (size_t i = 0; i < size && !out->full; i++) {
        if (bytes[i] >= 32 && bytes[i] < 127)
            rc_put(out, bytes + i, 1);
        else
            rc_put_format(out, "\\x%02x", bytes[i]);
    }
    rc_put_text(out, "'");
}

#define BIG_SIZE_MAX 256u /* bytes that are written in base 10: that is quadratic work */

void rc_put_big(rc_sink *out, bool negative, const uint8_t *bytes, size_t size) {
    uint32_t limbs[BIG_SIZE_MAX / 4 + 1] = {0}, parts[BIG_SIZE_MAX / 3];
    size_t count = 0, used = 0;
    while (size > 0 && bytes[0] == 0) {
        bytes++;
        size--;
    }
    if (size > BIG_SIZE_MAX) {
        rc_put_text(out, negative ? "-1 - 0x" : "0x");
        rc_put_hex(out, bytes, size);
        return;
    }
    for (size_t i = 0; i < size; i++)
        limbs[i / 4] |= (uint32_t)bytes[size - 1 - i] << 8 * (i % 4);
    for (size_t i = 0; negative && ++limbs[i] == 0; i++) {
    } /* -1 - n is -(n + 1) */
    for (count = sizeof limbs / sizeof *limbs; count > 0 && limbs[count - 1] == 0;)
        count--;
    do { /* the lowest nine digits, then the rest divided by 10^9 */
        uint64_t rest = 0;
        for (size_t i = count; i-- > 0;) {
            rest = rest << 32 | limbs[i];
            limbs[i] = (uint32_t)(rest / 1000000000);
            rest %= 1000000000;
        }
        while (count > 0 && limbs[count - 1] == 0)
            count--;
        parts[used++] = (uint32_t)rest;
    } while (count > 0);
    rc_put_format(out, negative ? "-%" PRIu32 : "%" PRIu32, parts[used - 1]);
    for (size_t i = used - 1; i-- > 0;)
        rc_put_format(out, "%09" PRIu32, parts[i]);
}
