/* Numbers and arrays of the object stream into arrays of C: as they are where they are the same,
 * else number by number. */
#include "api/take.h"

#include "base/alloc.h"
#include "base/arith.h"

#define COPY_SIZE_MAX (UINT64_C(1) << 40)

static resume_status no_memory(uint64_t size, rs_error *error) {
    return rs_fail(error, RESUME_NO_MEMORY, "no memory to restore %llu bytes",
                   (unsigned long long)size);
}

/* --- one number --- */

resume_status rs_take_number(rs_taking *taking, rs_value *value, resume_type type, void *to,
                             rs_fit *fit, rs_error *error) {
    *fit = RS_FIT_TYPE;
    if (value->kind == RS_VALUE_ARRAY && value->rank == 0) {
        resume_status status = rs_memory_read(taking->stream, &value->memory, value->offset,
                                              value->dtype.size, value->raw, error);
        if (status) return status;
        if (!rs_number_load(&value->dtype, value->raw, &value->number)) return RESUME_OK;
        value->kind = RS_VALUE_NUMBER;
    }
    if (value->kind != RS_VALUE_NUMBER) return RESUME_OK;
    *fit = RS_FIT_YES;
    /* a bool of numpy may have any byte that is not 0 */
    if (value->dtype.kind && value->dtype.kind != 'b' && rs_dtype_is_type(&value->dtype, type))
        memcpy(to, value->raw, rs_type_size(type));
    else if (!rs_number_store(&value->number, type, to))
        *fit = RS_FIT_VALUE;
    return RESUME_OK;
}

/* --- arrays with a layout --- */

/* Strides of the target in bytes. */
static void target_strides(const rs_array_target *target, size_t *strides) {
    size_t stride = rs_type_size(target->type);
    for (size_t i = 0; i < target->rank; i++) {
        size_t axis = target->order == RESUME_COLUMNS ? i : target->rank - 1 - i;
        strides[axis] = stride;
        stride *= target->shape[axis];
    }
}

static size_t target_size(const rs_array_target *target) {
    size_t size = rs_type_size(target->type);
    for (size_t i = 0; i < target->rank; i++)
        size *= target->shape[i];
    return size;
}

static bool is_same_layout(const rs_array_target *target, const rs_value *value) {
    size_t strides[RESUME_DIMENSIONS_MAX] = {0};
    target_strides(target, strides);
    for (size_t i = 0; i < target->rank; i++)
        if (target->shape[i] != 1 && value->strides[i] != (int64_t)strides[i]) return false;
    return true;
}

/* Every byte of a bool must be 0 or 1: C can't hold others. */
static bool are_bools(const uint8_t *bytes, size_t size) {
    uint8_t all = 0;
    for (size_t i = 0; i < size; i++)
        all |= bytes[i];
    return all <= 1;
}

/* The part of the memory that the elements lie in. */
typedef struct window {
    const uint8_t *bytes; /* of byte `low` */
    uint64_t low, high;
    void *owned;
} window;

static resume_status open_window(const rs_stream *stream, const rs_value *value, window *part,
                                 rs_error *error) {
    int64_t low = (int64_t)value->offset, high = low;
    for (size_t i = 0; i < value->rank; i++) {
        int64_t span = (int64_t)(value->shape[i] - 1) * value->strides[i];
        *(span < 0 ? &low : &high) += span; /* checked: all lies in the memory */
    }
    part->low = (uint64_t)low;
    part->high = (uint64_t)high + value->dtype.size;
    part->owned = NULL;
    if (value->memory.bytes) {
        part->bytes = value->memory.bytes + (part->low - value->memory.low);
        return RESUME_OK;
    }
    uint64_t size = part->high - part->low;
    resume_status status = rs_stream_claim(stream, size, error);
    if (status) return status;
    part->owned = size <= COPY_SIZE_MAX ? rs_allocate((size_t)size) : NULL;
    part->bytes = part->owned;
    if (!part->owned) return no_memory(size, error);
    return rs_memory_read(stream, &value->memory, part->low, (size_t)size, part->owned, error);
}

/* The next index, last axis first; false behind the last one. */
static bool advance(size_t *index, const rs_array_target *target) {
    for (size_t i = target->rank; i-- > 0;) {
        if (++index[i] < target->shape[i]) return true;
        index[i] = 0;
    }
    return false;
}

static void convert(const rs_array_target *target, const rs_value *value, const window *part,
                    uint8_t *room, rs_fit *fit) {
    size_t strides[RESUME_DIMENSIONS_MAX] = {0}, index[RESUME_DIMENSIONS_MAX] = {0};
    target_strides(target, strides);
    do {
        int64_t from = (int64_t)value->offset - (int64_t)part->low;
        size_t to = 0;
        for (size_t i = 0; i < target->rank; i++) {
            from += (int64_t)index[i] * value->strides[i];
            to += index[i] * strides[i];
        }
        rs_number number;
        if (rs_dtype_is_type(&value->dtype, target->type) && value->dtype.kind != 'b') {
            memcpy(room + to, part->bytes + from, value->dtype.size);
        } else if (!rs_number_load(&value->dtype, part->bytes + from, &number)) {
            *fit = RS_FIT_TYPE;
            return;
        } else if (!rs_number_store(&number, target->type, room + to)) {
            *fit = RS_FIT_VALUE;
            return;
        }
    } while (advance(index, target));
}

static resume_status room_of(rs_taking *taking, const rs_array_target *target, size_t size,
                             uint8_t **room, rs_error *error) {
    *room = target->room ? target->room : rs_changes_room(&taking->changes, target->address, size);
    return *room ? RESUME_OK : no_memory(size, error);
}

static resume_status take_converted(rs_taking *taking, const rs_array_target *target,
                                    const rs_value *value, size_t size, rs_fit *fit,
                                    rs_error *error) {
    window part;
    uint8_t *room;
    resume_status status = open_window(taking->stream, value, &part, error);
    if (status == RESUME_OK) status = room_of(taking, target, size, &room, error);
    if (status == RESUME_OK) convert(target, value, &part, room, fit);
    rs_free(part.owned);
    return status;
}

static resume_status take_same(rs_taking *taking, const rs_array_target *target,
                               const rs_value *value, size_t size, rs_fit *fit, rs_error *error) {
    const rs_memory *memory = &value->memory;
    if (value->dtype.kind == 'b' && !target->room) { /* looked at before it is let in */
        uint8_t *room;
        resume_status status = room_of(taking, target, size, &room, error);
        if (status == RESUME_OK)
            status = rs_memory_read(taking->stream, memory, value->offset, size, room, error);
        if (status == RESUME_OK && !are_bools(room, size)) *fit = RS_FIT_VALUE;
        return status;
    }
    if (!target->room)
        return rs_changes_read(&taking->changes, taking->stream, memory, value->offset, size,
                               target->address, error);
    resume_status status =
        rs_memory_read(taking->stream, memory, value->offset, size, target->room, error);
    if (status == RESUME_OK && value->dtype.kind == 'b' && !are_bools(target->room, size))
        *fit = RS_FIT_VALUE;
    return status;
}

static resume_status take_layout(rs_taking *taking, const rs_array_target *target,
                                 const rs_value *value, rs_fit *fit, rs_error *error) {
    size_t size = target_size(target);
    if (value->rank != target->rank) *fit = RS_FIT_SHAPE;
    for (size_t i = 0; *fit == RS_FIT_YES && i < target->rank; i++)
        if (value->shape[i] != target->shape[i]) *fit = RS_FIT_SHAPE;
    if (*fit != RS_FIT_YES || size == 0) return RESUME_OK;
    if (rs_dtype_is_type(&value->dtype, target->type) && is_same_layout(target, value))
        return take_same(taking, target, value, size, fit, error);
    return take_converted(taking, target, value, size, fit, error);
}

/* --- lists of numbers, lists in them for further dimensions --- */

static resume_status take_items(rs_taking *taking, const rs_array_target *target,
                                const rs_value *list, uint8_t *room, rs_fit *fit, rs_error *error) {
    size_t strides[RESUME_DIMENSIONS_MAX] = {0}, index[RESUME_DIMENSIONS_MAX] = {0};
    rs_cbor_reader at[RESUME_DIMENSIONS_MAX];
    target_strides(target, strides);
    at[0] = list->items;
    for (size_t depth = 0;;) {
        if (index[depth] == target->shape[depth]) { /* this list is at its end */
            if (depth == 0) return RESUME_OK;
            index[--depth]++;
            continue;
        }
        rs_value value;
        resume_status status = rs_value_read(taking->stream, &at[depth], &value, error);
        if (status) return status;
        if (depth + 1 < target->rank) {
            *fit = value.kind == RS_VALUE_LIST && value.count == target->shape[depth + 1]
                       ? RS_FIT_YES
                       : RS_FIT_SHAPE;
            if (*fit != RS_FIT_YES) return RESUME_OK;
            at[++depth] = value.items;
            index[depth] = 0;
            continue;
        }
        size_t to = 0;
        for (size_t i = 0; i < target->rank; i++)
            to += index[i] * strides[i];
        status = rs_take_number(taking, &value, target->type, room + to, fit, error);
        if (status || *fit != RS_FIT_YES) return status;
        index[depth]++;
    }
}

static resume_status take_list(rs_taking *taking, const rs_array_target *target,
                               const rs_value *value, rs_fit *fit, rs_error *error) {
    size_t size = target_size(target);
    uint8_t *room;
    if (target->rank == 0 || value->count != target->shape[0]) {
        *fit = RS_FIT_SHAPE;
        return RESUME_OK;
    }
    resume_status status = room_of(taking, target, size, &room, error);
    return status ? status : take_items(taking, target, value, room, fit, error);
}

/* bytes are an array of one dimension. */
static void spread_bytes(rs_value *value) {
    value->kind = RS_VALUE_ARRAY;
    value->dtype = (rs_dtype){.kind = 'u', .size = 1};
    value->rank = 1;
    value->shape[0] = value->memory.high - value->memory.low;
    value->strides[0] = 1;
    value->offset = 0;
}

resume_status rs_take_array(rs_taking *taking, const rs_array_target *target, rs_value *value,
                            rs_fit *fit, rs_error *error) {
    *fit = RS_FIT_YES;
    if (value->kind == RS_VALUE_BYTES && target->rank == 1 && rs_type_size(target->type) == 1 &&
        target->type != RESUME_BOOL) {
        rs_value spread = *value;
        spread_bytes(&spread);
        /* a byte of 200 is itself in an array of int8, as in one of char */
        if (target->type != RESUME_UINT8) spread.dtype.kind = 'i';
        return take_layout(taking, target, &spread, fit, error);
    }
    if (value->kind == RS_VALUE_ARRAY) return take_layout(taking, target, value, fit, error);
    if (value->kind == RS_VALUE_LIST) return take_list(taking, target, value, fit, error);
    *fit = RS_FIT_TYPE;
    return RESUME_OK;
}

bool rs_value_length(const rs_value *value, uint64_t *length) {
    *length = value->kind == RS_VALUE_LIST    ? value->count
              : value->kind == RS_VALUE_BYTES ? value->memory.high - value->memory.low
              : value->kind == RS_VALUE_ARRAY && value->rank == 1 ? value->shape[0]
                                                                  : UINT64_MAX;
    return *length != UINT64_MAX;
}
