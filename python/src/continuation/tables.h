/* The line and exception tables of code objects: what is put in front of those of the original.
 *
 * Formats: Objects/locations.md and Objects/exception_handling_notes.txt of CPython. */
#ifndef RP_TABLES_H
#define RP_TABLES_H

#include "../pycompat/bytecode.h"

#include "base/buffer.h"

/* Appends entries for `units` code units. */
typedef struct rp_line_writer {
    rs_buffer table;
    int line; /* the last one that was written: the first line of the code in the beginning */
} rp_line_writer;

void rp_lines_none(rp_line_writer *writer, int units);
void rp_lines_line(rp_line_writer *writer, int units, int line);
/* Where the code unit `unit` of `code` stands: line and columns. */
void rp_lines_of(rp_line_writer *writer, int units, PyCodeObject *code, int unit);

/* Code units; `depth` and `lasti` as in the interpreter. */
void rp_exceptions_put(rs_buffer *table, int start, int end, int handler, int depth, bool lasti);
/* All of the original, moved by `shift` units. */
void rp_exceptions_of(rs_buffer *table, const rp_bytecode *bytecode, int shift);
#endif
