/* Columns on stdout, by libsmartcols: as wide as the terminal, unlimited when stdout is none. */
#include "command.h"

#include <stdint.h>
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

/* ---- terminals that are too narrow */

void rc_table_drop(struct libscols_table *table, const char *names) {
    uintptr_t rank = 0;
    char text[160], *rest = text;
    snprintf(text, sizeof text, "%s", names);
    for (char *name = strsep(&rest, " "); table && name; name = strsep(&rest, " ")) {
        rank++;
        for (size_t i = 0; i < scols_table_get_ncols(table); i++) {
            struct libscols_cell *header =
                scols_column_get_header(scols_table_get_column(table, i));
            if (strcmp(scols_cell_get_data(header), name) == 0)
                scols_cell_set_userdata(header, (void *)rank);
        }
    }
}

/* Columns of the terminal that the column needs; of one that gives way a part of it. */
static size_t column_width(struct libscols_table *table, size_t number) {
    struct libscols_column *column = scols_table_get_column(table, number);
    const char *name = scols_cell_get_data(scols_column_get_header(column));
    size_t widest = strlen(name);
    for (size_t i = 0; i < scols_table_get_nlines(table); i++) {
        struct libscols_cell *cell = scols_line_get_cell(scols_table_get_line(table, i), number);
        const char *data = cell ? scols_cell_get_data(cell) : NULL;
        size_t width = data ? mbstowcs(NULL, data, 0) : 0; /* wide characters: nearly */
        if (width != (size_t)-1 && width > widest) widest = width;
    }
    if ((scols_column_get_flags(column) & SCOLS_FL_TRUNC) && widest > CELL_SIZE_MIN / 2)
        widest = CELL_SIZE_MIN / 2;
    return widest;
}

/* A line that wraps is no line of a table: what matters least goes first. */
static void drop_columns(struct libscols_table *table) {
    struct winsize window;
    if (!isatty(STDOUT_FILENO) || ioctl(STDOUT_FILENO, TIOCGWINSZ, &window) != 0) return;
    size_t count = scols_table_get_ncols(table), width = 0;
    for (size_t i = 0; i < count; i++)
        width += column_width(table, i) + 2;
    for (uintptr_t rank = 1; rank <= count && width > window.ws_col + 2u; rank++) {
        for (size_t i = 0; i < count; i++) {
            struct libscols_column *column = scols_table_get_column(table, i);
            if ((uintptr_t)scols_cell_get_userdata(scols_column_get_header(column)) != rank)
                continue;
            width -= column_width(table, i) + 2;
            scols_column_set_flags(column, scols_column_get_flags(column) | (int)SCOLS_FL_HIDDEN);
        }
    }
}

rc_exit rc_table_print(struct libscols_table *table) {
    if (!table) {
        rc_say("out of memory");
        return RC_FAILED;
    }
    drop_columns(table);
    int failed = scols_print_table(table);
    scols_unref_table(table);
    return failed ? RC_IO : RC_OK;
}
