/* What type a value of the object stream has, in a few words. */
#include "describe.h"

#include <inttypes.h>
#include <string.h>

static const rc_form forms[] = {
    {30, "Fraction", "Fraction(", ")", false, false},
    {37, "UUID", "UUID(", ")", false, false},
    {1004, "date", "date(", ")", false, false},
    {39250, "tuple", "(", ")", false, true},
    {39251, "dict", "{", "}", true, true},
    {TAG_SET, "set", "{", "}", false, false},
    {TAG_FROZENSET, "frozenset", "frozenset({", "})", false, false},
    {39255, "bytearray", "bytearray(", ")", false, false},
    {39258, "range", "range(", ")", false, false},
    {39259, "slice", "slice(", ")", false, false},
    {39261, "complex", "complex(", ")", false, false},
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
    {39282, "global", "global(", ")", false, false},
    {39283, "object", "object(", ")", false, false},
    {39284, "buffer", "buffer(", ")", false, false},
    {39285, "opaque", "Opaque(", ")", false, false},
    {39286, "function", "function(", ")", false, false},
    {39287, "cell", "cell(", ")", false, false},
    {39288, "class", "class(", ")", false, false},
    {39289, "method", "method(", ")", false, false},
    {39292, "masked array", "masked_array(", ")", false, false},
    {39293, "memory map", "memmap(", ")", false, false},
    {39291, "file", "file(", ")", false, false},
    {39290, "iterator", "iterator(", ")", false, false},
    {39294, "ZoneInfo", "ZoneInfo(", ")", false, false},
    {39296, "torch tensor", "tensor(", ")", false, false},
    {TAG_FRAMES, "frames", "frames(", ")", false, false},
    {TAG_RUNNER, "generator", "generator(", ")", false, false},
    {39299, "traceback", "traceback(", ")", false, false},
};

const rc_form *rc_find_form(uint64_t tag) {
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++)
        if (forms[i].tag == tag) return &forms[i];
    return NULL;
}

bool rc_is_packed(uint64_t tag) {
    return tag == TAG_INT64_ARRAY || tag == TAG_FLOAT64_ARRAY;
}

resume_status rc_next_head(rs_cbor_reader *reader, rs_cbor_item *item, rs_error *error) {
    resume_status status = rs_cbor_next(reader, item, error);
    while (status == RESUME_OK && item->kind == RS_CBOR_TAG &&
           (item->argument == TAG_SHARED || item->argument == TAG_LIST))
        status = rs_cbor_next(reader, item, error);
    return status;
}

static void put_count(rc_sink *out, const char *name, uint64_t count) {
    rc_put_format(out, "%s of %" PRIu64, name, count);
}

static void put_simple_type(rc_sink *out, const rs_cbor_item *item) {
    double number;
    if (rs_cbor_item_double(item, &number))
        rc_put_text(out, "float");
    else if (item->argument == RS_CBOR_TRUE || item->argument == RS_CBOR_FALSE)
        rc_put_text(out, "bool");
    else if (item->argument == RS_CBOR_NULL)
        rc_put_text(out, "None");
    else if (item->argument == RS_CBOR_UNDEFINED)
        rc_put_text(out, "not saved");
    else
        rc_put_text(out, "simple");
}

/* How many numbers a packed list has, in the stream or in a blob. */
static uint64_t packed_count(const rs_state *state, const rs_cbor_item *content,
                             rs_cbor_reader look) {
    rs_cbor_item index;
    if (content->kind == RS_CBOR_BYTES) return content->argument / 8;
    if (rs_cbor_next(&look, &index, NULL) != RESUME_OK) return 0;
    return rs_state_blob_size(state, (size_t)index.argument) / 8;
}

static uint64_t blob_size(const rs_state *state, rs_cbor_reader look) {
    size_t blob;
    uint64_t start;
    return rc_next_blob(&look, &blob, &start) ? rs_state_blob_size(state, blob) : 0;
}

/* [module, path] behind tag GLOBAL; false for another item. `first` is the module. */
static bool next_global(const rs_state *state, rc_shares *shares, rs_cbor_reader *look,
                        rs_cbor_item *first, rs_cbor_item *path) {
    rs_cbor_item item;
    return rc_resolve(shares, state, look, &item, NULL, NULL) == RESUME_OK &&
           item.kind == RS_CBOR_TAG && item.argument == TAG_GLOBAL &&
           rs_cbor_next(look, &item, NULL) == RESUME_OK && item.kind == RS_CBOR_ARRAY &&
           rs_cbor_next(look, first, NULL) == RESUME_OK && first->kind == RS_CBOR_TEXT &&
           rs_cbor_next(look, path, NULL) == RESUME_OK && path->kind == RS_CBOR_TEXT;
}

/* The class of an object: "geo.Point". `look`: behind the tag. */
static void put_class(rc_sink *out, const rs_state *state, rc_shares *shares, uint64_t tag,
                      rs_cbor_reader look) {
    rs_cbor_item parts, module, path;
    if (tag == TAG_GLOBAL) {
        rc_put_text(out, "global");
        return;
    }
    bool found = rs_cbor_next(&look, &parts, NULL) == RESUME_OK && parts.kind == RS_CBOR_ARRAY;
    if (found && tag == TAG_OPAQUE) {
        rc_put_text(out, "opaque ");
        if (rs_cbor_next(&look, &path, NULL) == RESUME_OK && path.kind == RS_CBOR_TEXT)
            rc_put(out, path.bytes, (size_t)path.argument);
        return;
    }
    rs_cbor_reader arguments = look;
    found = found && next_global(state, shares, &look, &module, &path);
    if (found && module.argument == 7 && memcmp(module.bytes, "copyreg", 7) == 0) {
        /* it makes an object of the class that is its first argument */
        found = rs_cbor_skip(&arguments, NULL) == RESUME_OK &&
                rs_cbor_next(&arguments, &parts, NULL) == RESUME_OK && parts.kind == RS_CBOR_TAG &&
                rs_cbor_next(&arguments, &parts, NULL) == RESUME_OK &&
                parts.kind == RS_CBOR_ARRAY &&
                next_global(state, shares, &arguments, &module, &path);
    }
    if (!found) {
        rc_put_text(out, "object");
        return;
    }
    rc_put(out, module.bytes, (size_t)module.argument);
    rc_put_text(out, ".");
    rc_put(out, path.bytes, (size_t)path.argument);
}

static void put_tag_type(rc_sink *out, const rs_state *state, rc_shares *shares, uint64_t tag,
                         rs_cbor_reader look) {
    rs_cbor_item content, list;
    rs_cbor_reader start = look;
    if (rs_cbor_next(&look, &content, NULL) != RESUME_OK) return;
    const rc_form *known = rc_find_form(tag);
    bool is_set = tag == TAG_SET || tag == TAG_FROZENSET;
    if (tag == TAG_BIG_POSITIVE || tag == TAG_BIG_NEGATIVE)
        rc_put_text(out, "int");
    else if (rc_is_packed(tag))
        put_count(out, "list", packed_count(state, &content, look));
    else if (tag == TAG_SURROGATES)
        rc_put_text(out, "str");
    else if (tag == TAG_REFERENCE)
        rc_put_text(out, "shared");
    else if (tag == TAG_CONSTANT)
        rc_put_text(out, "constant");
    else if (tag == TAG_BLOB)
        put_count(out, "bytes", blob_size(state, start));
    else if (tag == TAG_GLOBAL || tag == TAG_INSTANCE || tag == TAG_OPAQUE)
        put_class(out, state, shares, tag, start);
    else if (tag == TAG_ARRAY || tag == TAG_VIEW || tag == TAG_SCALAR || tag == TAG_DTYPE)
        rc_put_array_type(out, tag, start);
    else if (!known)
        rc_put_format(out, "tag %" PRIu64, tag);
    else if (is_set && rs_cbor_next(&look, &list, NULL) == RESUME_OK)
        put_count(out, known->name, list.argument);
    else if (tag == TAG_DEQUE && rs_cbor_skip(&look, NULL) == RESUME_OK &&
             rs_cbor_next(&look, &list, NULL) == RESUME_OK)
        put_count(out, known->name, list.argument);
    else if (known->counted && content.kind == RS_CBOR_ARRAY)
        put_count(out, known->name, content.argument / (known->pairs ? 2 : 1));
    else
        rc_put_text(out, known->name);
}

/* The type of the item at `look`, with the number of its items or its shape. */
void rc_put_type(rc_sink *out, const rs_state *state, rc_shares *shares, rs_cbor_reader look) {
    rs_cbor_item item;
    if (rc_resolve(shares, state, &look, &item, NULL, NULL) != RESUME_OK) return;
    switch (item.kind) {
    case RS_CBOR_UNSIGNED:
    case RS_CBOR_NEGATIVE:
        rc_put_text(out, "int");
        break;
    case RS_CBOR_BYTES:
        put_count(out, "bytes", item.argument);
        break;
    case RS_CBOR_TEXT:
        rc_put_text(out, "str");
        break;
    case RS_CBOR_ARRAY:
        put_count(out, "list", item.argument);
        break;
    case RS_CBOR_MAP:
        put_count(out, "dict", item.argument);
        break;
    case RS_CBOR_TAG:
        put_tag_type(out, state, shares, item.argument, look);
        break;
    case RS_CBOR_SIMPLE:
        put_simple_type(out, &item);
        break;
    }
}
