/* Names of checkpoints as file names, and what a file name in a store folder is. */
#include "store/name.h"

#include "format/hash.h"

#include <stdio.h>
#include <string.h>

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

static bool is_plain(char c) {
    return is_digit(c) || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_';
}

static bool starts_with(const char *text, size_t size, const char *start) {
    size_t start_size = strlen(start);
    return size >= start_size && memcmp(text, start, start_size) == 0;
}

/* Endings of files beside a checkpoint; a lock stays when the checkpoint goes, the others do not.
 */
static const char lock_ending[] = ".lock", note_ending[] = ".refused", files_ending[] = ".files";

static bool is_text(const char *text, size_t size, const char *other) {
    return size == strlen(other) && memcmp(text, other, size) == 0;
}

/* The "." at `index` would begin an ending of the files beside a checkpoint. */
static bool begins_ending(const char *name, size_t size, size_t index) {
    const char *rest = name + index;
    size_t rest_size = size - index;
    return starts_with(rest, rest_size, ".damaged-") || starts_with(rest, rest_size, ".torn-") ||
           is_text(rest, rest_size, lock_ending) || is_text(rest, rest_size, note_ending) ||
           is_text(rest, rest_size, files_ending);
}

static bool stands_for_itself(const char *name, size_t size, size_t index) {
    char c = name[index];
    if (is_plain(c)) return true;
    if (index == 0) return false;
    return c == '-' || (c == '.' && !begins_ending(name, size, index));
}

static size_t encoded_size(const char *name, size_t size) {
    size_t used = 0;
    for (size_t i = 0; i < size; i++)
        used += stands_for_itself(name, size, i) ? 1 : 3;
    return used;
}

/* The encoded size, at most RS_NAME_SIZE_MAX + 3: the rest is not looked at. */
static size_t encode(const char *name, size_t size, char file_name[RS_FILE_NAME_SIZE]) {
    static const char digits[] = "0123456789ABCDEF";
    size_t used = 0;
    for (size_t i = 0; i < size && used <= RS_NAME_SIZE_MAX; i++) {
        unsigned char byte = (unsigned char)name[i];
        if (stands_for_itself(name, size, i)) {
            file_name[used++] = name[i];
        } else {
            file_name[used++] = '%';
            file_name[used++] = digits[byte >> 4];
            file_name[used++] = digits[byte & 15];
        }
    }
    file_name[used] = '\0';
    return used;
}

resume_status rs_name_encode(const char *name, size_t size, char file_name[RS_FILE_NAME_SIZE],
                             rs_error *error) {
    file_name[0] = '\0';
    if (size == 0)
        return rs_fail(error, RESUME_BAD_NAME,
                       "the name of the checkpoint is empty; give it at least one character");
    const char *zero = memchr(name, 0, size);
    if (zero != NULL)
        return rs_fail(error, RESUME_BAD_NAME,
                       "the name of the checkpoint has a zero byte at position %zu; remove it",
                       (size_t)(zero - name));
    if (encode(name, size, file_name) > RS_NAME_SIZE_MAX) {
        char shown[48];
        memcpy(shown, file_name, sizeof shown - 1);
        shown[sizeof shown - 1] = '\0';
        file_name[0] = '\0';
        return rs_fail(error, RESUME_BAD_NAME,
                       "the name of the checkpoint, '%s...', is too long: as a file name it takes "
                       "%zu bytes, where %u are possible, since each but letters, digits and "
                       "'._-' takes 3; choose a shorter one",
                       shown, encoded_size(name, size), RS_NAME_SIZE_MAX);
    }
    return RESUME_OK;
}

/* The value of an upper-case hex digit, -1 for another character. */
static int hex_value(char c) {
    if (is_digit(c)) return c - '0';
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Decodes `size` bytes of a file name; the size of the name, 0 when it is not the one form in which
 * a name is written. */
static size_t decode(const char *file_name, size_t size, char name[RS_NAME_SIZE_MAX]) {
    if (size == 0 || size > RS_NAME_SIZE_MAX) return 0;
    size_t used = 0;
    for (size_t i = 0; i < size; i++) {
        char c = file_name[i];
        if (c == '%') {
            if (size - i < 3) return 0;
            int high = hex_value(file_name[i + 1]), low = hex_value(file_name[i + 2]);
            if (high < 0 || low < 0 || high + low == 0) return 0;
            c = (char)(high << 4 | low);
            i += 2;
        }
        name[used++] = c;
    }
    char again[RS_FILE_NAME_SIZE];
    bool is_the_form = encode(name, used, again) == size && memcmp(again, file_name, size) == 0;
    return is_the_form ? used : 0;
}

/* The bytes of the first `count` characters, or all. */
static size_t characters(const char *name, size_t size, size_t count) {
    size_t end = 0;
    while (end < size && count-- > 0)
        do
            end++;
        while (end < size && ((unsigned char)name[end] & 0xC0) == 0x80);
    return end;
}

resume_status rs_name_fit(const char *name, size_t size, char fitted[RS_FILE_NAME_SIZE],
                          rs_error *error) {
    enum { KEPT_MAX = 83 }; /* with 17 of the hash: RS_NAME_SIZE_MAX */
    char file_name[RS_FILE_NAME_SIZE];
    resume_status status = rs_name_encode(name, size, file_name, error);
    if (status == RESUME_OK || size == 0 || memchr(name, 0, size)) {
        size_t copied = status == RESUME_OK ? size : 0;
        memcpy(fitted, name, copied);
        fitted[copied] = 0;
        return status;
    }
    uint64_t hash = rs_hash128_of(name, size, 0).low;
    for (size_t kept = KEPT_MAX; kept > 0; kept -= kept > 8 ? 8 : 1) {
        size_t used = characters(name, size, kept);
        if (used > KEPT_MAX) continue;
        memcpy(fitted, name, used);
        snprintf(fitted + used, RS_FILE_NAME_SIZE - used, "-%08x%08x", (unsigned)(hash >> 32),
                 (unsigned)hash);
        if (rs_name_encode(fitted, strlen(fitted), file_name, error) == RESUME_OK) {
            rs_error_clear(error);
            return RESUME_OK;
        }
    }
    return status;
}

bool rs_name_decode(const char *file_name, char *name, size_t size) {
    if (size == 0) return false;
    name[0] = '\0';
    char decoded[RS_NAME_SIZE_MAX];
    size_t used = decode(file_name, strlen(file_name), decoded);
    if (used == 0 || used >= size) return false;
    memcpy(name, decoded, used);
    name[used] = '\0';
    return true;
}

static bool is_name(const char *file_name, size_t size) {
    char name[RS_NAME_SIZE_MAX];
    return decode(file_name, size, name) > 0;
}

/* 1, 2, ...: no zero in front, at most 9 digits. */
static bool is_number(const char *text) {
    size_t size = strlen(text);
    if (size == 0 || size > 9 || text[0] == '0') return false;
    return strspn(text, "0123456789") == size;
}

/* 20261122T134301Z, or that with ~1, ~2 ... for more of them in one second. */
static bool is_time(const char *text) {
    static const char form[] = "ddddddddTddddddZ";
    for (size_t i = 0; i < sizeof form - 1; i++) {
        bool fits = form[i] == 'd' ? is_digit(text[i]) : text[i] == form[i];
        if (!fits) return false; /* also at the end of the text */
    }
    const char *rest = text + sizeof form - 1;
    return *rest == '\0' || (*rest == '~' && is_number(rest + 1));
}

/* NAME + `ending` + TIME. */
static bool is_timed(const char *file_name, const char *ending) {
    const char *at = strstr(file_name, ending); /* a name holds none */
    return at != NULL && is_name(file_name, (size_t)(at - file_name)) &&
           is_time(at + strlen(ending));
}

/* The last place of `part`, NULL for none. */
static const char *last_place(const char *text, const char *part) {
    const char *last = NULL;
    for (const char *at = strstr(text, part); at != NULL; at = strstr(at + 1, part))
        last = at;
    return last;
}

/* .NAME.tmp-HEX; the name may hold ".tmp-" itself, so the last one counts. */
static bool is_temporary(const char *file_name) {
    if (file_name[0] != '.') return false;
    const char *last = last_place(file_name, ".tmp-");
    if (last == NULL || last == file_name) return false;
    const char *hex = last + strlen(".tmp-");
    size_t hex_size = strlen(hex);
    return is_name(file_name + 1, (size_t)(last - file_name) - 1) && hex_size > 0 &&
           hex_size <= 32 && strspn(hex, "0123456789abcdefABCDEF") == hex_size;
}

/* NAME + `ending`. */
static bool has_ending(const char *file_name, size_t size, const char *ending) {
    size_t ending_size = strlen(ending);
    return size > ending_size && strcmp(file_name + size - ending_size, ending) == 0 &&
           is_name(file_name, size - ending_size);
}

rs_file_role rs_name_role(const char *file_name) {
    size_t size = strlen(file_name);
    if (is_name(file_name, size)) return RS_ROLE_CHECKPOINT;
    if (has_ending(file_name, size, lock_ending)) return RS_ROLE_LOCK;
    if (has_ending(file_name, size, note_ending)) return RS_ROLE_NOTE;
    if (has_ending(file_name, size, files_ending)) return RS_ROLE_FILES;
    if (is_timed(file_name, ".damaged-")) return RS_ROLE_DAMAGED;
    if (is_timed(file_name, ".torn-")) return RS_ROLE_TORN;
    const char *tilde = strchr(file_name, '~');
    if (tilde != NULL && is_name(file_name, (size_t)(tilde - file_name)) && is_number(tilde + 1))
        return RS_ROLE_ASIDE;
    return is_temporary(file_name) ? RS_ROLE_TEMPORARY : RS_ROLE_OTHER;
}

bool rs_name_temporary(const char *file_name, unsigned slot, bool is_ready,
                       char name[RS_FILE_NAME_SIZE]) {
    int size =
        snprintf(name, RS_FILE_NAME_SIZE, ".%s.tmp-%016x%s", file_name, slot, is_ready ? "a" : "");
    bool fits = size < (int)RS_FILE_NAME_SIZE;
    if (!fits) name[0] = 0;
    return fits;
}

/* Where "~1" or ".damaged-TIME" begins, NULL where neither is at the end. */
static const char *ending_of(const char *text) {
    static const char *const timed[] = {".damaged-", ".torn-"};
    for (size_t i = 0; i < 2; i++) {
        const char *at = last_place(text, timed[i]);
        if (at != NULL && is_time(at + strlen(timed[i]))) return at;
    }
    const char *tilde = strrchr(text, '~');
    return tilde != NULL && is_number(tilde + 1) ? tilde : NULL;
}

void rs_name_show(const char *file_name, char shown[RS_FILE_NAME_SIZE]) {
    char name[RS_NAME_SIZE_MAX];
    const char *ending = ending_of(file_name);
    size_t size = ending != NULL ? (size_t)(ending - file_name) : strlen(file_name);
    size_t used = decode(file_name, size, name);
    if (used == 0)
        snprintf(shown, RS_FILE_NAME_SIZE, "%s", file_name);
    else
        snprintf(shown, RS_FILE_NAME_SIZE, "%.*s%s", (int)used, name, ending ? ending : "");
}

bool rs_name_of_shown(const char *shown, char file_name[RS_FILE_NAME_SIZE]) {
    const char *ending = ending_of(shown);
    if (ending == NULL || ending == shown) return false;
    if (rs_name_encode(shown, (size_t)(ending - shown), file_name, NULL) != RESUME_OK) return false;
    size_t used = strlen(file_name);
    return snprintf(file_name + used, RS_FILE_NAME_SIZE - used, "%s", ending) <
           (int)(RS_FILE_NAME_SIZE - used);
}
