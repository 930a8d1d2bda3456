/* Writes line and exception tables. */
#include "tables.h"

/* ---- lines ---- */

enum { UNITS_MAX = 8, NO_LOCATION = 15, LONG_FORM = 14, NO_COLUMNS = 13 };

static void put_byte(rs_buffer *table, unsigned byte) {
    uint8_t value = (uint8_t)byte;
    rs_buffer_append(table, &value, 1);
}

/* 6 bits a byte, the lowest first. */
static void put_number(rs_buffer *table, unsigned number) {
    for (; number >= 64; number >>= 6)
        put_byte(table, 64 | (number & 63));
    put_byte(table, number);
}

static void put_signed(rs_buffer *table, int number) {
    put_number(table, number < 0 ? (unsigned)-number << 1 | 1 : (unsigned)number << 1);
}

/* The head of an entry for as many units as fit; the number of them. */
static int put_head(rs_buffer *table, int form, int units) {
    int here = units < UNITS_MAX ? units : UNITS_MAX;
    put_byte(table, 0x80u | (unsigned)form << 3 | (unsigned)(here - 1));
    return here;
}

void rp_lines_none(rp_line_writer *writer, int units) {
    while (units > 0)
        units -= put_head(&writer->table, NO_LOCATION, units);
}

void rp_lines_line(rp_line_writer *writer, int units, int line) {
    while (units > 0) {
        units -= put_head(&writer->table, NO_COLUMNS, units);
        put_signed(&writer->table, line - writer->line);
        writer->line = line;
    }
}

void rp_lines_of(rp_line_writer *writer, int units, PyCodeObject *code, int unit) {
    int line = -1, column = -1, end_line = -1, end_column = -1;
    if (!PyCode_Addr2Location(code, unit * 2, &line, &column, &end_line, &end_column) || line < 0) {
        rp_lines_none(writer, units);
        return;
    }
    if (column < 0 || end_column < 0 || end_line < line) {
        rp_lines_line(writer, units, line);
        return;
    }
    while (units > 0) {
        units -= put_head(&writer->table, LONG_FORM, units);
        put_signed(&writer->table, line - writer->line);
        put_number(&writer->table, (unsigned)(end_line - line));
        put_number(&writer->table, (unsigned)column + 1);
        put_number(&writer->table, (unsigned)end_column + 1);
        writer->line = line;
    }
}

/* ---- exceptions ---- */

/* 6 bits a byte, the highest first; bit 7 of the first byte begins an entry. */
static void put_field(rs_buffer *table, unsigned number, unsigned first) {
    int shift = 0;
    while (number >> shift >= 64)
        shift += 6;
    for (; shift >= 0; shift -= 6) {
        put_byte(table, first | (shift > 0 ? 64u : 0u) | (number >> shift & 63));
        first = 0;
    }
}

void rp_exceptions_put(rs_buffer *table, int start, int end, int handler, int depth, bool lasti) {
    put_field(table, (unsigned)start, 128);
    put_field(table, (unsigned)(end - start), 0);
    put_field(table, (unsigned)handler, 0);
    put_field(table, (unsigned)depth << 1 | lasti, 0);
}

void rp_exceptions_of(rs_buffer *table, const rp_bytecode *bytecode, int shift) {
    for (int i = 0; i < bytecode->table_count; i++) {
        const rp_protected *entry = &bytecode->table[i];
        rp_exceptions_put(table, entry->start / 2 + shift, entry->end / 2 + shift,
                          entry->handler / 2 + shift, entry->depth, entry->lasti);
    }
}
