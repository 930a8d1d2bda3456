/* Texts from files made safe: nothing that moves the cursor, hides or reorders what is read. */
#include "command.h"

#include <langinfo.h>
#include <string.h>

/* Characters that are UTF-8 but must not reach a terminal. */
static bool is_unsafe(uint32_t c) {
    static const struct {
        uint32_t first, last;
    } ranges[] = {
        {0x00, 0x1f},       {0x7f, 0x9f},       /* controls */
        {0xad, 0xad},       {0x61c, 0x61c},     /* soft hyphen, Arabic letter mark */
        {0x180e, 0x180e},   {0x200b, 0x200f},   /* invisible, and direction marks */
        {0x2028, 0x202e},   {0x2060, 0x206f},   /* line ends, direction overrides and isolates */
        {0xd800, 0xdfff},   {0xfe00, 0xfe0f},   /* surrogates, variation selectors */
        {0xfeff, 0xfeff},   {0xfff0, 0xfffb},   /* byte order mark, annotations */
        {0xe0000, 0xe0fff}, {0xf0000, 0x10ffff} /* tags, private use */
    };
    for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++)
        if (c >= ranges[i].first && c <= ranges[i].last) return true;
    return (c & 0xfffe) == 0xfffe || (c >= 0xfdd0 && c <= 0xfdef);
}

/* The length of the UTF-8 character at `bytes`, 0 when there is none. */
static size_t decode(const uint8_t *bytes, size_t size, uint32_t *character) {
    if (bytes[0] < 0x80) {
        *character = bytes[0];
        return 1;
    }
    size_t length = bytes[0] >= 0xf0 ? 4 : bytes[0] >= 0xe0 ? 3 : 2;
    static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
    if (bytes[0] < 0xc2 || bytes[0] > 0xf4 || length > size) return 0;
    uint32_t c = bytes[0] & (0xffu >> (length + 1));
    for (size_t i = 1; i < length; i++) {
        if ((bytes[i] & 0xc0) != 0x80) return 0;
        c = c << 6 | (bytes[i] & 0x3f);
    }
    if (c < smallest[length] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff)) return 0;
    *character = c;
    return length;
}

static bool locale_is_utf8(void) {
    return strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
}

/* The escaped form of the character at `bytes` into `unit`; how many bytes it took is returned. */
static size_t escape_one(rc_escape_mode mode, bool wide, const uint8_t *bytes, size_t size,
                         char unit[20], size_t *unit_size) {
    uint32_t c = 0;
    size_t length = decode(bytes, size, &c);
    bool keep = length != 0;
    if (mode == RC_ESCAPE_JSON) keep = keep && c != 0x7f && c != 0;
    if (mode == RC_ESCAPE_TERMINAL) keep = keep && !is_unsafe(c) && (wide || c < 0x80);
    if (mode == RC_ESCAPE_TERMINAL && c == '\\') {
        memcpy(unit, "\\\\", 2);
        *unit_size = 2;
    } else if (keep) {
        memcpy(unit, bytes, length);
        *unit_size = length;
    } else {
        *unit_size = 0;
        if (length == 0) length = 1;
        for (size_t i = 0; i < length; i++)
            *unit_size += (size_t)snprintf(unit + *unit_size, 5, "\\x%02x", bytes[i]);
    }
    return length;
}

size_t rc_escape(rc_escape_mode mode, const void *text, size_t size, char *to, size_t to_size) {
    const uint8_t *bytes = text;
    bool wide = locale_is_utf8();
    size_t used = 0, last_fit = 0; /* last_fit: where "..." would still fit */
    for (size_t i = 0; i < size;) {
        char unit[20];
        size_t unit_size;
        i += escape_one(mode, wide, bytes + i, size - i, unit, &unit_size);
        if (used + unit_size + 1 > to_size) {
            size_t dots = to_size - last_fit > 3 ? 3 : to_size - last_fit - 1;
            memcpy(to + last_fit, "...", dots);
            used = last_fit + dots;
            break;
        }
        memcpy(to + used, unit, unit_size);
        used += unit_size;
        if (used + 4 <= to_size) last_fit = used;
    }
    to[used] = 0;
    return used;
}
