/* `--format csv`: one table of columns (RFC 4180), with a header.
 *
 * A column is an array or list of one dimension; two dimensions are several columns; a record
 * array, a list of dicts and a dict of columns have their names. All columns have one length. Texts
 * are escaped as everywhere, and begin with ' where a spreadsheet would take them for a formula. */
#include "export.h"

#include "base/alloc.h"
#include "base/arith.h"

#define COLUMNS_MAX 4096u
#define CELL_MAX    65536u

/* One of the cells of a line: a leaf of an element of an array. */
typedef struct column {
    size_t source; /* of `sources` */
    size_t leaf;
    uint64_t index; /* of a sub-array, or of the second dimension */
    unsigned part;
    bool second; /* `index` is one of the second dimension */
    char *title;
} column;

typedef struct source {
    rc_array array;
    rc_array_walk walk;
    const uint8_t *bytes; /* of the run that is read */
    size_t left;
    rs_buffer line; /* the elements of this line */
} source;

typedef struct table {
    rc_export *export;
    rc_output *output;
    source *sources;
    size_t source_count;
    column *columns;
    size_t column_count;
    uint64_t lines;
    bool some; /* `lines` is known */
    rs_buffer out;
} table;

static void release(table *this) {
    for (size_t i = 0; i < this->source_count; i++) {
        rc_array_release(&this->sources[i].array);
        rs_buffer_release(&this->sources[i].line);
    }
    for (size_t i = 0; i < this->column_count; i++)
        rs_free(this->columns[i].title);
    rs_free(this->sources);
    rs_free(this->columns);
    rs_buffer_release(&this->out);
}

/* ---- cells */

/* A text, escaped as for a terminal; in quotes where RFC 4180 asks for them. */
static void put_text(table *this, const void *text, size_t size) {
    char raw[CELL_MAX];
    size_t length = rc_escape(RC_ESCAPE_TERMINAL, text, size, raw, sizeof raw);
    bool formula = length && strchr("=+-@", raw[0]);
    bool quoted =
        formula || strpbrk(raw, ",\"\r\n") || (length && (raw[0] == ' ' || raw[length - 1] == ' '));
    if (quoted) rc_append_text(&this->out, "\"");
    if (formula) rc_append_text(&this->out, "'");
    for (size_t i = 0; i < length; i++)
        rs_buffer_append(&this->out, raw[i] == '"' ? "\"\"" : &raw[i], raw[i] == '"' ? 2 : 1);
    if (quoted) rc_append_text(&this->out, "\"");
}

static void put_cell(table *this, const column *cell, rs_buffer *scratch) {
    const source *from = &this->sources[cell->source];
    const rc_dtype *dtype = &from->array.dtype;
    const rc_leaf *leaf = &dtype->leaves[cell->leaf];
    const uint8_t *element = from->line.bytes;
    if (cell->second) element += cell->index * dtype->item_size;
    rs_buffer_clear(scratch);
    rc_cell_kind kind =
        rc_leaf_text(leaf, element, cell->second ? 0 : cell->index, cell->part, scratch);
    if (kind == RC_CELL_TEXT)
        put_text(this, scratch->bytes, scratch->size);
    else
        rs_buffer_append(&this->out, scratch->bytes, scratch->size);
    this->out.failed |= scratch->failed;
}

/* ---- columns */

static resume_status add_column(table *this, column made, const char *title, rs_error *error) {
    if (this->column_count == COLUMNS_MAX)
        return rs_fail(error, RESUME_UNSUPPORTED, "a table of more than %u columns", COLUMNS_MAX);
    column *columns = rs_reallocate_array(this->columns, this->column_count + 1, sizeof *columns);
    if (columns) this->columns = columns;
    made.title = rs_duplicate_text(title);
    if (!columns || !made.title) {
        rs_free(made.title);
        return rs_fail(error, RESUME_NO_MEMORY, "out of memory");
    }
    this->columns[this->column_count++] = made;
    return RESUME_OK;
}

/* The columns of one leaf: its parts, its elements when it is a sub-array. */
static resume_status add_leaf(table *this, size_t from, size_t leaf_index, uint64_t index,
                              bool second, const char *title, rs_error *error) {
    static const char *const parts[] = {".real", ".imag"};
    const rc_leaf *leaf = &this->sources[from].array.dtype.leaves[leaf_index];
    resume_status status = RESUME_OK;
    if (leaf->count > COLUMNS_MAX || (second && leaf->count != 1))
        return rs_fail(error, RESUME_UNSUPPORTED, "sub-arrays that are too large for a table");
    for (uint64_t i = 0; status == RESUME_OK && i < leaf->count; i++) {
        for (unsigned part = 0; status == RESUME_OK && part < rc_leaf_parts(leaf); part++) {
            char full[1024], number[32] = "";
            if (leaf->count != 1) snprintf(number, sizeof number, ".%llu", (unsigned long long)i);
            snprintf(full, sizeof full, "%s%s%s", title, number,
                     rc_leaf_parts(leaf) == 2 ? parts[part] : "");
            column made = {.source = from,
                           .leaf = leaf_index,
                           .index = second ? index : i,
                           .part = part,
                           .second = second};
            status = add_column(this, made, full, error);
        }
    }
    return status;
}

static resume_status add_columns(table *this, size_t from, const char *name, rs_error *error) {
    const rc_array *array = &this->sources[from].array;
    const rc_dtype *dtype = &array->dtype;
    resume_status status = RESUME_OK;
    char title[800];
    if (array->dimensions == 2 && dtype->record)
        return rs_fail(error, RESUME_UNSUPPORTED, "records in two dimensions");
    if (array->dimensions == 2 && array->shape[1] > COLUMNS_MAX)
        return rs_fail(error, RESUME_UNSUPPORTED, "a table of more than %u columns", COLUMNS_MAX);
    if (array->dimensions == 1) {
        for (size_t i = 0; status == RESUME_OK && i < dtype->leaf_count; i++) {
            const char *field = dtype->leaves[i].name;
            snprintf(title, sizeof title, "%s%s%s", name, dtype->record ? "." : "",
                     dtype->record ? field : "");
            status = add_leaf(this, from, i, 0, false, title, error);
        }
        return status;
    }
    for (uint64_t i = 0; status == RESUME_OK && i < array->shape[1]; i++) {
        snprintf(title, sizeof title, "%s.%llu", name, (unsigned long long)i);
        status = add_leaf(this, from, 0, i, true, title, error);
    }
    return status;
}

/* The value as columns; UNSUPPORTED, with nothing added, when it is none or not as long. */
static resume_status add_value(table *this, rs_cbor_reader value, const char *name,
                               rs_error *error) {
    source made = {0};
    size_t columns = this->column_count;
    resume_status status = rc_array_open(this->export, value, &made.array, error);
    if (status != RESUME_OK) return status;
    const rc_array *array = &made.array;
    if (array->dimensions == 0 || array->dimensions > 2)
        status = rs_fail(error, RESUME_UNSUPPORTED,
                         array->dimensions ? "an array of more than two dimensions"
                                           : "a single value is no column");
    else if (this->some && array->shape[0] != this->lines)
        status = rs_fail(error, RESUME_UNSUPPORTED, "it has another length than the first column");
    else if (!rc_export_spend(this->export, rc_array_size(array), error))
        status = RESUME_UNSUPPORTED;
    source *sources =
        status == RESUME_OK
            ? rs_reallocate_array(this->sources, this->source_count + 1, sizeof *sources)
            : NULL;
    if (status == RESUME_OK && !sources) status = rs_fail(error, RESUME_NO_MEMORY, "out of memory");
    if (!sources) {
        rc_array_release(&made.array);
        return status;
    }
    this->sources = sources;
    this->sources[this->source_count++] = made;
    status = add_columns(this, this->source_count - 1, name, error);
    if (status == RESUME_OK) {
        this->lines = made.array.shape[0];
        this->some = true;
        return RESUME_OK;
    }
    while (this->column_count > columns)
        rs_free(this->columns[--this->column_count].title);
    rc_array_release(&this->sources[--this->source_count].array);
    return status;
}

/* ---- a list of dicts: transposed into lists is more than is needed, so each line is looked up */

typedef struct records {
    rs_cbor_reader first;
    uint64_t count;
} records;

/* The list at `value` holds dicts alone, the first of which is not empty. */
static bool is_records(rc_export *export, rs_cbor_reader value, records *found) {
    rs_cbor_item item;
    if (rc_resolve(&export->shares, export->state, &value, &item, NULL, NULL) != RESUME_OK ||
        item.kind != RS_CBOR_ARRAY || item.argument == 0)
        return false;
    *found = (records){value, item.argument};
    if (rc_resolve(&export->shares, export->state, &value, &item, NULL, NULL) != RESUME_OK)
        return false;
    return item.kind == RS_CBOR_MAP && item.argument > 0 && item.argument <= COLUMNS_MAX;
}

static resume_status put_value(table *this, rs_cbor_reader value, rs_error *error) {
    rc_array array;
    rc_array_walk walk;
    rs_buffer text = {0};
    const uint8_t *bytes = NULL;
    size_t size = 0;
    rs_cbor_item item;
    rs_cbor_reader look = value;
    resume_status status =
        rc_resolve(&this->export->shares, this->export->state, &look, &item, NULL, error);
    if (status != RESUME_OK) return status;
    if (item.kind == RS_CBOR_SIMPLE && item.argument == RS_CBOR_NULL && item.width == 0)
        return RESUME_OK; /* None: an empty cell */
    if (item.kind == RS_CBOR_TEXT) {
        put_text(this, item.bytes, (size_t)item.argument);
        return RESUME_OK;
    }
    status = rc_array_open(this->export, value, &array, error);
    if (status != RESUME_OK) return status;
    if (array.dimensions != 0 || array.dtype.record || rc_leaf_parts(array.dtype.leaves) != 1)
        status = rs_fail(error, RESUME_UNSUPPORTED, "a value in it is no cell");
    if (status == RESUME_OK) status = rc_array_walk_start(this->export, &array, &walk, error);
    if (status == RESUME_OK)
        status = rc_array_walk_next(this->export, &walk, CELL_MAX, &bytes, &size, error);
    if (status == RESUME_OK && size) {
        rc_cell_kind kind = rc_leaf_text(array.dtype.leaves, bytes, 0, 0, &text);
        if (kind == RC_CELL_TEXT)
            put_text(this, text.bytes, text.size);
        else
            rs_buffer_append(&this->out, text.bytes, text.size);
    }
    rs_buffer_release(&text);
    rc_array_release(&array);
    return status;
}

/* Key number `index` of the map behind `look`; moves behind its value. */
static bool next_pair(rc_export *export, rs_cbor_reader *look, rs_cbor_item *key,
                      rs_cbor_reader *value) {
    rs_cbor_reader inside = *look;
    if (rs_cbor_skip(look, NULL) != RESUME_OK ||
        rc_resolve(&export->shares, export->state, &inside, key, NULL, NULL) != RESUME_OK ||
        key->kind != RS_CBOR_TEXT)
        return false;
    *value = *look;
    return rs_cbor_skip(look, NULL) == RESUME_OK;
}

/* One dict as a line: its keys must be those of the first one, in any order. With few keys looking
 * each up from the start is quick; they are most often in order. */
static resume_status put_record(table *this, rs_cbor_reader record, const rs_slice *titles,
                                uint64_t count, rs_error *error) {
    rs_cbor_item map, key;
    rs_cbor_reader value;
    resume_status status =
        rc_resolve(&this->export->shares, this->export->state, &record, &map, NULL, error);
    if (status == RESUME_OK && (map.kind != RS_CBOR_MAP || map.argument != count))
        return rs_fail(error, RESUME_UNSUPPORTED, "its dicts have different keys");
    rs_cbor_reader at = record;
    uint64_t left = count;
    for (uint64_t i = 0; status == RESUME_OK && i < count; i++) {
        bool found = false;
        for (uint64_t tries = 0; !found && tries < count; tries++) {
            if (left == 0) {
                at = record;
                left = count;
            }
            left--;
            if (!next_pair(this->export, &at, &key, &value))
                return rs_fail(error, RESUME_UNSUPPORTED, "its dicts have keys that are no text");
            found = key.argument == titles[i].size &&
                    memcmp(key.bytes, titles[i].bytes, titles[i].size) == 0;
        }
        if (!found) return rs_fail(error, RESUME_UNSUPPORTED, "its dicts have different keys");
        if (i) rc_append_text(&this->out, ",");
        status = put_value(this, value, error);
    }
    rc_append_text(&this->out, "\r\n");
    return status;
}

static void flush(table *this) {
    rc_output_write(this->output, this->out.bytes, this->out.size);
    this->out.size = 0;
}

static resume_status put_records(table *this, const records *found, rs_error *error) {
    rs_slice titles[COLUMNS_MAX];
    rs_cbor_item map, key;
    rs_cbor_reader look = found->first, line = found->first, value;
    uint64_t count = 0;
    resume_status status =
        rc_resolve(&this->export->shares, this->export->state, &look, &map, NULL, error);
    for (; status == RESUME_OK && count < map.argument; count++) {
        if (!next_pair(this->export, &look, &key, &value))
            return rs_fail(error, RESUME_UNSUPPORTED, "its dicts have keys that are no text");
        titles[count] = (rs_slice){key.bytes, (size_t)key.argument};
        if (count) rc_append_text(&this->out, ",");
        put_text(this, key.bytes, (size_t)key.argument);
    }
    rc_append_text(&this->out, "\r\n");
    for (uint64_t i = 0; status == RESUME_OK && i < found->count; i++) {
        status = put_record(this, line, titles, count, error);
        if (status == RESUME_OK) status = rs_cbor_skip(&line, error);
        if (!rc_export_spend(this->export, this->out.size, error)) status = RESUME_UNSUPPORTED;
        flush(this);
    }
    return status;
}

/* ---- the whole */

/* The next line of each source, copied together where it comes in pieces. */
static resume_status read_line(table *this, source *from, rs_error *error) {
    const rc_array *array = &from->array;
    uint64_t count = array->dimensions == 2 ? array->shape[1] : 1;
    size_t needed = (size_t)(count * array->dtype.item_size);
    rs_buffer_clear(&from->line);
    while (from->line.size < needed && !from->line.failed) {
        if (from->left == 0) {
            resume_status status = rc_array_walk_next(this->export, &from->walk, CELL_MAX,
                                                      &from->bytes, &from->left, error);
            if (status != RESUME_OK) return status;
        }
        size_t part = rs_minimum(from->left, needed - from->line.size);
        rs_buffer_append(&from->line, from->bytes, part);
        from->bytes += part;
        from->left -= part;
    }
    return from->line.failed ? rs_fail(error, RESUME_NO_MEMORY, "out of memory") : RESUME_OK;
}

static resume_status put_table(table *this, rs_error *error) {
    resume_status status = RESUME_OK;
    rs_buffer scratch = {0};
    for (size_t i = 0; i < this->column_count; i++) {
        if (i) rc_append_text(&this->out, ",");
        put_text(this, this->columns[i].title, strlen(this->columns[i].title));
    }
    rc_append_text(&this->out, "\r\n");
    for (size_t i = 0; status == RESUME_OK && i < this->source_count; i++)
        status = rc_array_walk_start(this->export, &this->sources[i].array, &this->sources[i].walk,
                                     error);
    for (uint64_t line = 0; status == RESUME_OK && line < this->lines; line++) {
        for (size_t i = 0; status == RESUME_OK && i < this->source_count; i++)
            status = read_line(this, &this->sources[i], error);
        for (size_t i = 0; status == RESUME_OK && i < this->column_count; i++) {
            if (i) rc_append_text(&this->out, ",");
            put_cell(this, &this->columns[i], &scratch);
        }
        rc_append_text(&this->out, "\r\n");
        if (this->out.size > CELL_MAX) flush(this);
        if (this->output->failed || this->out.failed) break;
    }
    if (status == RESUME_OK && this->out.failed)
        status = rs_fail(error, RESUME_NO_MEMORY, "out of memory");
    flush(this);
    rs_buffer_release(&scratch);
    return status;
}

/* Every item that can be is made columns; dicts are gone through for theirs. */
static resume_status collect_columns(table *this, rs_error *error) {
    rc_export *export = this->export;
    resume_status status = rc_items_flatten(export, true, error);
    for (size_t i = 0; status == RESUME_OK && i < export->item_count; i++) {
        rs_error why = {0};
        status = add_value(this, export->items[i].value, export->items[i].name, &why);
        if (status == RESUME_UNSUPPORTED) {
            rc_export_leave_out(export, export->items[i].name, why.text);
            status = RESUME_OK;
        } else if (status != RESUME_OK) {
            *error = why;
        }
    }
    if (status == RESUME_OK && !this->some)
        status = rs_fail(error, RESUME_UNSUPPORTED,
                         "nothing here is a column; 'resume show' tells the types");
    return status;
}

resume_status rc_export_csv(rc_export *export, rc_output *output, rs_error *error) {
    table this = {.export = export, .output = output};
    records found;
    resume_status status;
    if (export->item_count == 1 && is_records(export, export->items[0].value, &found)) {
        status = put_records(&this, &found, error);
        if (status == RESUME_OK && this.out.failed)
            status = rs_fail(error, RESUME_NO_MEMORY, "out of memory");
    } else {
        status = collect_columns(&this, error);
        if (status == RESUME_OK) status = put_table(&this, error);
    }
    release(&this);
    return status;
}
