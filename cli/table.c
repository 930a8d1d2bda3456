/* Columns on stdout, by libsmartcols: as wide as the terminal, unlimited when stdout is none. */
#include "command.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define CELL_SIZE_MIN 24u /* with its zero */

static rc_color_when color_when = RC_COLOR_AUTO; /* of the command line */

void rc_color_set(rc_color_when when) {
    color_when = when;
}

/* https://no-color.org */
static bool colours_wanted(void) {
    if (color_when != RC_COLOR_AUTO) return color_when == RC_COLOR_ALWAYS;
    const char *no_color = getenv("NO_COLOR"), *terminal = getenv("TERM");
    if (no_color && *no_color) return false;
    return isatty(STDOUT_FILENO) && terminal && strcmp(terminal, "dumb") != 0;
}

const char *rc_colour_begin(rc_colour colour) {
    static const char *const sequences[] = {"", "\033[32m", "\033[33m", "\033[31m"};
    return colours_wanted() ? sequences[colour] : "";
}

const char *rc_colour_end(void) {
    return colours_wanted() ? "\033[0m" : "";
}

struct libscols_table *rc_table_new(const rc_column *columns, size_t count) {
    struct libscols_table *table = scols_new_table();
    if (!table) return NULL;
    scols_table_enable_noencoding(table, 1); /* every cell was escaped by rc_escape */
    scols_table_set_column_separator(table, "  ");
    scols_table_enable_colors(table, colours_wanted());
    for (size_t i = 0; i < count; i++) {
        int flags =
            (columns[i].right ? SCOLS_FL_RIGHT : 0) | (columns[i].flexible ? SCOLS_FL_TRUNC : 0);
        if (!scols_table_new_column(table, columns[i].name, columns[i].flexible ? 0.1 : 0, flags)) {
            scols_unref_table(table);
            return NULL;
        }
    }
    return table;
}

size_t rc_table_cell_size(size_t size) {
    struct winsize window;
    if (!isatty(STDOUT_FILENO) || ioctl(STDOUT_FILENO, TIOCGWINSZ, &window) != 0) return size;
    size_t cell = window.ws_col / 3u;
    if (cell < CELL_SIZE_MIN) cell = CELL_SIZE_MIN;
    return cell < size ? cell : size;
}

struct libscols_line *rc_table_add(struct libscols_table *table, const char *const *cells,
                                   size_t count) {
    struct libscols_line *line = table ? scols_table_new_line(table, NULL) : NULL;
    for (size_t i = 0; line && i < count; i++)
        scols_line_set_data(line, i, cells[i]);
    return line;
}

void rc_table_colour(struct libscols_line *line, size_t column, rc_colour colour) {
    static const char *const names[] = {NULL, "green", "yellow", "red"};
    struct libscols_cell *cell = line ? scols_line_get_cell(line, column) : NULL;
    if (cell && colour != RC_PLAIN) scols_cell_set_color(cell, names[colour]);
}

rc_exit rc_table_print(struct libscols_table *table) {
    if (!table) {
        rc_say("out of memory");
        return RC_FAILED;
    }
    int failed = scols_print_table(table);
    scols_unref_table(table);
    return failed ? RC_IO : RC_OK;
}
