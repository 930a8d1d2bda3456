/* One value of the object stream as one line of text. Builds nothing: walks heads of CBOR.
 *
 * docs/format.md, part "Object stream", says what the tags mean. A tag that is not known here is
 * written as its number with its content, so that a newer file can still be looked at. */
#include "command.h"

#include "base/alloc.h"
#include "format/cbor.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define BLOB_READ_MAX (UINT64_C(4) << 20) /* to show the first numbers in it */
#define DEPTH_MAX     16 /* levels that are written; what is deeper becomes "..." */

enum {
    TAG_BIG_POSITIVE = 2,
    TAG_BIG_NEGATIVE = 3,
    TAG_SHARED = 28,
    TAG_REFERENCE = 29,
    TAG_INT64_ARRAY = 79,
    TAG_FLOAT64_ARRAY = 86,
    TAG_SET = 39252,
    TAG_FROZENSET = 39253,
    TAG_SURROGATES = 39254,
    TAG_BLOB = 39256,
    TAG_LIST = 39257,
    TAG_CONSTANT = 39260,
    TAG_ARRAY = 39262,
    TAG_DTYPE = 39265,
};

/* How a tagged value is written: NAME OPEN items CLOSE. */
typedef struct form {
    uint64_t tag;
    const char *name, *open, *close;
    bool pairs;   /* an array of key, value, key, value */
    bool counted; /* its array is as long as it is */
} form;
static const form forms[] = {
    {30, "Fraction", "(", ")", false, false},
    {37, "UUID", "(", ")", false, false},
    {1004, "date", "(", ")", false, false},
    {39250, "tuple", "(", ")", false, true},
    {39251, "dict", "{", "}", true, true},
    {TAG_SET, "set", "{", "}", false, false},
    {TAG_FROZENSET, "frozenset", "frozenset({", "})", false, false},
    {39255, "bytearray", "bytearray(", ")", false, false},
    {39258, "range", "range(", ")", false, false},
    {39259, "slice", "slice(", ")", false, false},
    {39261, "complex", "complex(", ")", false, false},
    {39264, "numpy scalar", "scalar(", ")", false, false},
    {TAG_DTYPE, "numpy dtype", "dtype(", ")", false, false},
    {39266, "numpy SeedSequence", "SeedSequence(", ")", false, false},
    {39267, "numpy BitGenerator", "BitGenerator(", ")", false, false},
    {39268, "numpy Generator", "Generator(", ")", false, false},
    {39269, "numpy RandomState", "RandomState(", ")", false, false},
    {39270, "random.Random", "Random(", ")", false, false},
    {39271, "time", "time(", ")", false, false},
    {39272, "datetime", "datetime(", ")", false, false},
    {39273, "timedelta", "timedelta(", ")", false, false},
    {39274, "timezone", "timezone(", ")", false, false},
    {39275, "Decimal", "Decimal(", ")", false, false},
    {39276, "path", "Path(", ")", false, false},
    {39277, "array.array", "array(", ")", false, false},
    {39278, "deque", "deque([", "])", false, true},
    {39279, "OrderedDict", "OrderedDict({", "})", true, true},
    {39280, "Counter", "Counter({", "})", true, true},
    {39281, "defaultdict", "defaultdict(", ")", false, false},
};

static const form *find_form(uint64_t tag) {
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++)
        if (forms[i].tag == tag) return &forms[i];
    return NULL;
}

/* The text so far. Full: nothing more is added, and the walk can stop. */
typedef struct sink {
    char *to;
    size_t used, size;
    bool full;
} sink;

static void put(sink *out, const void *text, size_t size) {
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

static void put_text(sink *out, const char *text) {
    put(out, text, strlen(text));
}

RS_PRINTF(2, 3) static void put_format(sink *out, const char *format, ...) {
    char text[160];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    put_text(out, text);
}

/* The shortest form that reads back as the same number, as Python writes it. */
static void put_double(sink *out, double value) {
    char text[40];
    if (isnan(value) || isinf(value)) {
        put_text(out, isnan(value) ? "nan" : value < 0 ? "-inf" : "inf");
        return;
    }
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, value);
        if (strtod(text, NULL) == value) break;
    }
    put_text(out, text);
    if (!strpbrk(text, ".en")) put_text(out, ".0");
}

static void put_hex(sink *out, const uint8_t *bytes, size_t size) {
    for (size_t i = 0; i < size && !out->full; i++)
        put_format(out, "%02x", bytes[i]);
}

/* Printable bytes as they are, the others as \xNN, as Python does. */
static void put_bytes(sink *out, const uint8_t *bytes, size_t size) {
    put_text(out, "b'");
    for (size_t i = 0; i < size && !out->full; i++) {
        if (bytes[i] >= 32 && bytes[i] < 127)
            put(out, bytes + i, 1);
        else
            put_format(out, "\\x%02x", bytes[i]);
    }
    put_text(out, "'");
}

static void put_text_quoted(sink *out, const uint8_t *text, size_t size) {
    put_text(out, "'");
    put(out, text, size);
    put_text(out, "'");
}

static void put_integer(sink *out, const rs_cbor_item *item) {
    if (item->kind == RS_CBOR_UNSIGNED)
        put_format(out, "%" PRIu64, item->argument);
    else if (item->argument == UINT64_MAX)
        put_text(out, "-18446744073709551616");
    else
        put_format(out, "-%" PRIu64, item->argument + 1);
}

/* Tags 2 and 3. More digits than 64 bits hold are written in base 16: linear work. */
static void put_big(sink *out, bool negative, const uint8_t *bytes, size_t size) {
    put_text(out, negative ? "-1 - 0x" : "0x");
    put_hex(out, bytes, size);
}

static uint64_t load_u64(const uint8_t *from) {
    uint64_t value = 0;
    for (int i = 7; i >= 0; i--)
        value = value << 8 | from[i];
    return value;
}

/* RFC 8746: 8-byte little-endian numbers in a byte string. */
static void put_numbers(sink *out, uint64_t tag, const uint8_t *bytes, size_t size) {
    put_text(out, "[");
    for (size_t i = 0; i + 8 <= size && !out->full; i += 8) {
        uint64_t bits = load_u64(bytes + i);
        double number;
        memcpy(&number, &bits, sizeof number);
        if (i) put_text(out, ", ");
        if (tag == TAG_FLOAT64_ARRAY)
            put_double(out, number);
        else
            put_format(out, "%" PRId64, (int64_t)bits);
    }
    put_text(out, "]");
}

static void put_simple(sink *out, const rs_cbor_item *item) {
    double number;
    if (rs_cbor_item_double(item, &number))
        put_double(out, number);
    else if (item->argument == RS_CBOR_NULL)
        put_text(out, "None");
    else if (item->argument == RS_CBOR_TRUE)
        put_text(out, "True");
    else if (item->argument == RS_CBOR_FALSE)
        put_text(out, "False");
    else if (item->argument == RS_CBOR_UNDEFINED)
        put_text(out, "<could not be saved>");
    else
        put_format(out, "simple(%" PRIu64 ")", item->argument);
}

/* ---- the walk */

typedef struct level {
    uint64_t left, index;
    bool pairs;
    unsigned skipped; /* items behind the level that are not shown */
    const char *close;
} level;

typedef struct printer {
    const rs_state *state;
    rs_cbor_reader reader;
    sink out;
    level levels[DEPTH_MAX];
    size_t depth;
} printer;

static void open_level(printer *this, const char *open, const char *close, uint64_t items,
                       bool pairs) {
    put_text(&this->out, open);
    this->levels[this->depth++] = (level){.left = items, .pairs = pairs, .close = close};
}

/* A tag whose content is one leaf that is written in a way of its own; false when it is not. */
static bool put_tagged_leaf(printer *this, uint64_t tag, const rs_cbor_item *content) {
    sink *out = &this->out;
    bool bytes = content->kind == RS_CBOR_BYTES, number = content->kind == RS_CBOR_UNSIGNED;
    size_t size = (size_t)content->argument;
    char text[RC_TEXT_SIZE];
    if ((tag == TAG_BIG_POSITIVE || tag == TAG_BIG_NEGATIVE) && bytes)
        put_big(out, tag == TAG_BIG_NEGATIVE, content->bytes, size);
    else if ((tag == TAG_INT64_ARRAY || tag == TAG_FLOAT64_ARRAY) && bytes)
        put_numbers(out, tag, content->bytes, size);
    else if (tag == TAG_SURROGATES && bytes)
        put_text_quoted(out, content->bytes, size);
    else if (tag == TAG_REFERENCE && number)
        put_text(out, "<seen before>");
    else if (tag == TAG_CONSTANT && number)
        put_text(out, size == 0 ? "Ellipsis" : "NotImplemented");
    else if (tag == TAG_BLOB && number)
        put_format(out, "<%s>", rc_text_size(rs_state_blob_size(this->state, size), text));
    else
        return false;
    return true;
}

static bool is_packed(uint64_t tag) {
    return tag == TAG_INT64_ARRAY || tag == TAG_FLOAT64_ARRAY;
}

/* Numbers that stand in a blob of their own: read when they are few, else their size is told. */
static bool put_packed_blob(printer *this, uint64_t tag, const rs_cbor_item *content) {
    rs_cbor_reader look = this->reader;
    rs_cbor_item index;
    if (content->kind != RS_CBOR_TAG || content->argument != TAG_BLOB) return false;
    if (rs_cbor_next(&look, &index, NULL) != RESUME_OK || index.kind != RS_CBOR_UNSIGNED)
        return false;
    this->reader = look;
    uint64_t size = rs_state_blob_size(this->state, (size_t)index.argument);
    uint8_t *bytes = size <= BLOB_READ_MAX ? rs_allocate((size_t)size) : NULL;
    char text[RC_TEXT_SIZE];
    if (bytes && rs_state_read_blob((rs_state *)this->state, (size_t)index.argument, bytes, NULL) ==
                     RESUME_OK)
        put_numbers(&this->out, tag, bytes, (size_t)size);
    else
        put_format(&this->out, "<%s>", rc_text_size(size, text));
    rs_free(bytes);
    return true;
}

/* Reads the content's head: only a leaf or the opening of a level is taken, else it is left. */
static resume_status put_tagged(printer *this, uint64_t tag, rs_error *error) {
    rs_cbor_reader before = this->reader;
    rs_cbor_item content;
    const form *known = find_form(tag);
    resume_status status = rs_cbor_next(&this->reader, &content, error);
    if (status != RESUME_OK) return status;
    if (put_tagged_leaf(this, tag, &content)) return RESUME_OK;
    if (is_packed(tag) && put_packed_blob(this, tag, &content)) return RESUME_OK;
    rs_cbor_reader elements = this->reader;
    rs_cbor_item list;
    if ((tag == TAG_SET || tag == TAG_FROZENSET) && content.kind == RS_CBOR_ARRAY &&
        content.argument == 4 && rs_cbor_next(&elements, &list, NULL) == RESUME_OK &&
        list.kind == RS_CBOR_ARRAY) { /* elements, then the table that decides their order */
        this->reader = elements;
        open_level(this, known->open, known->close, list.argument, false);
        this->levels[this->depth - 1].skipped = 3;
        return RESUME_OK;
    }
    if (known && content.kind == RS_CBOR_ARRAY) {
        open_level(this, known->open, known->close, content.argument, known->pairs);
        return RESUME_OK;
    }
    this->reader = before;
    if (!known)
        put_format(&this->out, "tag %" PRIu64, tag);
    else if (known->open[0] == '(')
        put_text(&this->out, known->name);
    open_level(this, known ? known->open : "(", known ? known->close : ")", 1, false);
    return RESUME_OK;
}

/* The next head behind the tags that add nothing for a reader: marks of shared objects, and "this
 * typed array is a list". */
static resume_status next_head(rs_cbor_reader *reader, rs_cbor_item *item, bool *is_list,
                               rs_error *error) {
    resume_status status = rs_cbor_next(reader, item, error);
    while (status == RESUME_OK && item->kind == RS_CBOR_TAG &&
           (item->argument == TAG_SHARED || item->argument == TAG_LIST)) {
        if (is_list) *is_list = item->argument == TAG_LIST;
        status = rs_cbor_next(reader, item, error);
    }
    return status;
}

static resume_status put_item(printer *this, rs_error *error) {
    rs_cbor_reader before = this->reader;
    rs_cbor_item item;
    resume_status status = next_head(&this->reader, &item, NULL, error);
    if (status != RESUME_OK) return status;
    bool nested =
        item.kind == RS_CBOR_ARRAY || item.kind == RS_CBOR_MAP || item.kind == RS_CBOR_TAG;
    if (nested && this->depth == DEPTH_MAX) {
        this->reader = before;
        put_text(&this->out, "...");
        return rs_cbor_skip(&this->reader, error);
    }
    switch (item.kind) {
    case RS_CBOR_UNSIGNED:
    case RS_CBOR_NEGATIVE:
        put_integer(&this->out, &item);
        break;
    case RS_CBOR_BYTES:
        put_bytes(&this->out, item.bytes, (size_t)item.argument);
        break;
    case RS_CBOR_TEXT:
        put_text_quoted(&this->out, item.bytes, (size_t)item.argument);
        break;
    case RS_CBOR_ARRAY:
        open_level(this, "[", "]", item.argument, false);
        break;
    case RS_CBOR_MAP:
        open_level(this, "{", "}", 2 * item.argument, true);
        break;
    case RS_CBOR_TAG:
        return put_tagged(this, item.argument, error);
    case RS_CBOR_SIMPLE:
        put_simple(&this->out, &item);
        break;
    }
    return RESUME_OK;
}

/* Until the one item is written or the text is full. */
static resume_status print(printer *this, rs_error *error) {
    resume_status status = put_item(this, error);
    while (status == RESUME_OK && this->depth > 0 && !this->out.full) {
        level *top = &this->levels[this->depth - 1];
        if (top->left == 0) {
            put_text(&this->out, top->close);
            for (; top->skipped > 0 && status == RESUME_OK; top->skipped--)
                status = rs_cbor_skip(&this->reader, error);
            this->depth--;
            continue;
        }
        if (top->index) put_text(&this->out, top->pairs && top->index % 2 ? ": " : ", ");
        top->left--;
        top->index++;
        status = put_item(this, error);
    }
    return status;
}

/* ---- types */

static void put_count(sink *out, const char *name, uint64_t count) {
    put_format(out, "%s of %" PRIu64, name, count);
}

static void put_simple_type(sink *out, const rs_cbor_item *item) {
    double number;
    if (rs_cbor_item_double(item, &number))
        put_text(out, "float");
    else if (item->argument == RS_CBOR_TRUE || item->argument == RS_CBOR_FALSE)
        put_text(out, "bool");
    else if (item->argument == RS_CBOR_NULL)
        put_text(out, "None");
    else if (item->argument == RS_CBOR_UNDEFINED)
        put_text(out, "not saved");
    else
        put_text(out, "simple");
}

/* How many numbers a packed list has, in the stream or in a blob. */
static uint64_t packed_count(const rs_state *state, const rs_cbor_item *content,
                             rs_cbor_reader look) {
    rs_cbor_item index;
    if (content->kind == RS_CBOR_BYTES) return content->argument / 8;
    if (rs_cbor_next(&look, &index, NULL) != RESUME_OK) return 0;
    return rs_state_blob_size(state, (size_t)index.argument) / 8;
}

static void put_tag_type(sink *out, const rs_state *state, uint64_t tag, rs_cbor_reader look) {
    rs_cbor_item content, list;
    if (rs_cbor_next(&look, &content, NULL) != RESUME_OK) return;
    const form *known = find_form(tag);
    bool is_set = tag == TAG_SET || tag == TAG_FROZENSET;
    if (tag == TAG_BIG_POSITIVE || tag == TAG_BIG_NEGATIVE)
        put_text(out, "int");
    else if (is_packed(tag))
        put_count(out, "list", packed_count(state, &content, look));
    else if (tag == TAG_SURROGATES)
        put_text(out, "str");
    else if (tag == TAG_REFERENCE)
        put_text(out, "shared");
    else if (tag == TAG_CONSTANT)
        put_text(out, "constant");
    else if (!known)
        put_format(out, "tag %" PRIu64, tag);
    else if (is_set && rs_cbor_next(&look, &list, NULL) == RESUME_OK)
        put_count(out, known->name, list.argument);
    else if (known->counted && content.kind == RS_CBOR_ARRAY)
        put_count(out, known->name, content.argument / (known->pairs ? 2 : 1));
    else
        put_text(out, known->name);
}

/* The type of the item at `look`, with the number of its items or its shape. */
static void put_type(sink *out, const rs_state *state, rs_cbor_reader look) {
    rs_cbor_item item;
    if (next_head(&look, &item, NULL, NULL) != RESUME_OK) return;
    switch (item.kind) {
    case RS_CBOR_UNSIGNED:
    case RS_CBOR_NEGATIVE:
        put_text(out, "int");
        break;
    case RS_CBOR_BYTES:
        put_count(out, "bytes", item.argument);
        break;
    case RS_CBOR_TEXT:
        put_text(out, "str");
        break;
    case RS_CBOR_ARRAY:
        put_count(out, "list", item.argument);
        break;
    case RS_CBOR_MAP:
        put_count(out, "dict", item.argument);
        break;
    case RS_CBOR_TAG:
        put_tag_type(out, state, item.argument, look);
        break;
    case RS_CBOR_SIMPLE:
        put_simple_type(out, &item);
        break;
    }
}

resume_status rc_describe(const rs_state *state, rs_cbor_reader *reader, size_t text_max,
                          rc_value *value, rs_error *error) {
    rs_cbor_reader start = *reader;
    value->type[0] = value->text[0] = 0;
    resume_status status = rs_cbor_skip(reader, error); /* well-formed to its end */
    if (status != RESUME_OK) return status;
    sink type = {.to = value->type, .size = sizeof value->type};
    put_type(&type, state, start);
    value->type[type.used] = 0;
    printer this = {.state = state,
                    .reader = start,
                    .out = {.to = value->text,
                            .size = text_max < sizeof value->text ? text_max : sizeof value->text}};
    status = print(&this, error);
    value->text[this.out.used] = 0;
    return status;
}
