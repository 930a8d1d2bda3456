/* Which of the known words was most likely meant by one that is not known. */
#include "options.h"

#include <stdio.h>
#include <string.h>

#define LETTERS_MAX 120u

static size_t smallest(size_t a, size_t b) {
    return a < b ? a : b;
}

/* How many letters must be changed, added, dropped or swapped to make `b` of `a`. Three rows of the
 * table are enough. */
static size_t distance(const char *a, const char *b) {
    size_t rows[3][LETTERS_MAX + 1], m = strlen(a), n = strlen(b);
    if (m > LETTERS_MAX || n > LETTERS_MAX) return LETTERS_MAX;
    for (size_t i = 0; i <= m; i++) {
        size_t *row = rows[i % 3], *above = rows[(i + 2) % 3], *second = rows[(i + 1) % 3];
        row[0] = i;
        for (size_t j = 1; j <= n; j++) {
            row[j] = j;
            if (i == 0) continue;
            row[j] =
                smallest(above[j - 1] + (a[i - 1] != b[j - 1]), smallest(above[j], row[j - 1]) + 1);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                row[j] = smallest(row[j], second[j - 2] + 1);
        }
    }
    return rows[m % 3][n];
}

void rc_nearest_consider(rc_nearest *nearest, const char *candidate) {
    size_t typed_size = strlen(nearest->typed), size = strlen(candidate);
    size_t near = distance(nearest->typed, candidate);
    /* of a short word two letters are most of it, in a long one they are a slip */
    size_t allowed = size <= 3 ? 1 : size <= 8 ? 2 : 3;
    if (typed_size >= 2 && strncmp(nearest->typed, candidate, typed_size) == 0)
        near = 0; /* its beginning */
    if (near > allowed || near >= size || size >= sizeof nearest->best) return;
    if (nearest->best[0] && near >= nearest->distance) return;
    nearest->distance = near;
    snprintf(nearest->best, sizeof nearest->best, "%s", candidate);
}
