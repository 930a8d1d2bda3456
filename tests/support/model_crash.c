/* Power cuts: what is pending at a moment, and which states that may leave. */
#include "model_crash.h"

#include <stdlib.h>
#include <string.h>

#define NODES_ALL 8 /* of so many files and folders every combination of all or nothing */
#define BLOCK     4096u

/* --- the cursor --- */

static void push(model_cursor *cursor, const model_op *op) {
    if (cursor->pending_count == cursor->pending_room) {
        size_t room = 2 * cursor->pending_room + 64;
        model_op *list = model_arena_take(cursor->live.arena, room * sizeof *list);
        if (cursor->pending_count)
            memcpy(list, cursor->pending, cursor->pending_count * sizeof *list);
        cursor->pending = list;
        cursor->pending_room = room;
    }
    cursor->pending[cursor->pending_count++] = *op;
}

static bool same_text(const char *a, const char *b) {
    return a && b && strcmp(a, b) == 0;
}

/* The later one decides alone. */
static bool supersedes(const model_op *later, const model_op *op) {
    if (later->node == op->node && later->kind == MODEL_RESIZE && op->kind == MODEL_WRITE)
        return op->index * MODEL_SECTOR >= later->size; /* cut off */
    if (later->kind != op->kind || later->node != op->node) return false;
    if (op->kind == MODEL_WRITE) return later->index == op->index;
    if (op->kind == MODEL_RESIZE) return true;
    return same_text(later->to, op->to) || same_text(later->to, op->from) ||
           same_text(later->from, op->to) || same_text(later->from, op->from);
}

static void forget_older(model_cursor *cursor, const model_op *durable, size_t before) {
    for (size_t i = 0; i < before; i++)
        if (cursor->pending[i].for_ever && supersedes(durable, &cursor->pending[i]))
            cursor->pending[i].kind = MODEL_NOTE;
}

/* fdatasync need not write a size that is not needed to find the bytes. */
static bool keeps_size(const model_cursor *cursor, const model_op *sync) {
    return sync->flag &&
           cursor->live.nodes[sync->node].size <= cursor->durable.nodes[sync->node].size;
}

static void sync_node(model_cursor *cursor, const model_op *sync) {
    bool keeps = keeps_size(cursor, sync), has_older = false;
    size_t left = 0;
    model_op resize = {.kind = MODEL_NOTE};
    for (size_t i = 0; i < cursor->pending_count; i++)
        has_older |= cursor->pending[i].for_ever;
    for (size_t i = 0; i < cursor->pending_count; i++) {
        model_op *pending = &cursor->pending[i];
        if (pending->node == sync->node && !pending->for_ever && pending->kind != MODEL_NOTE) {
            if (keeps && pending->kind == MODEL_RESIZE) {
                resize = *pending;
                pending->kind = MODEL_NOTE;
                continue;
            }
            if (has_older) forget_older(cursor, pending, i);
            model_op_apply(&cursor->durable, pending);
            pending->kind = MODEL_NOTE;
        }
    }
    for (size_t i = 0; i < cursor->pending_count; i++)
        if (cursor->pending[i].kind != MODEL_NOTE) cursor->pending[left++] = cursor->pending[i];
    cursor->pending_count = left;
    if (resize.kind == MODEL_NOTE) return;
    /* What was written meanwhile is durable: the size that would cut it off is pending no more. */
    resize.size = cursor->live.nodes[sync->node].size;
    push(cursor, &resize);
}

static void step(model_cursor *cursor, const model_op *op) {
    switch (op->kind) {
    case MODEL_NOTE:
        cursor->note = op->note;
        break;
    case MODEL_MAKE:
        model_op_apply(&cursor->durable, op);
        break;
    case MODEL_SYNC:
        sync_node(cursor, op);
        break;
    case MODEL_FAILED_SYNC:
        cursor->is_read_only = cursor->live.nodes[op->node].is_folder;
        for (size_t i = 0; i < cursor->pending_count; i++)
            if (cursor->pending[i].node == op->node) cursor->pending[i].for_ever = true;
        break;
    default:
        push(cursor, op);
    }
    model_op_apply(&cursor->live, op);
}

bool model_cursor_next(model_cursor *cursor) {
    const model_disk *disk = cursor->disk;
    if (cursor->at == disk->log_count) return false;
    unsigned call = disk->log[cursor->at].call;
    while (cursor->at < disk->log_count && disk->log[cursor->at].call == call)
        step(cursor, &disk->log[cursor->at++]);
    return true;
}

void model_cursor_begin(model_cursor *cursor, model_disk *disk, const void *note) {
    *cursor = (model_cursor){.disk = disk, .note = note};
    model_tree_clone(&disk->base, &cursor->durable);
    model_tree_clone(&disk->base, &cursor->live);
    while (cursor->at < disk->pending)
        step(cursor, &disk->log[cursor->at++]);
}

void model_cursor_kill(model_cursor *cursor, model_disk *disk, uint64_t random) {
    model_tree base;
    model_tree_clone(&cursor->durable, &base);
    model_disk_init_like(disk, &base, random, cursor->disk);
    model_tree_clone(&cursor->live, &disk->live);
    size_t count = cursor->pending_count;
    disk->log_room = 2 * count + 128;
    disk->log = model_arena_take(base.arena, disk->log_room * sizeof *disk->log);
    for (size_t i = 0; i < count; i++) {
        disk->log[i] = cursor->pending[i];
        disk->log[i].call = 0;
    }
    disk->log_count = disk->pending = count;
}

/* --- one state --- */

static const model_sector *garbage(model_arena *arena, uint64_t seed, size_t index) {
    uint64_t words[MODEL_SECTOR / 8];
    for (size_t i = 0; i < MODEL_SECTOR / 8; i++)
        words[i] = model_mix(seed + i, index);
    return model_sector_make(arena, words);
}

/* What an earlier attempt wrote in the place of operation `op`, or garbage. */
static const model_sector *stale(const model_cursor *cursor, const model_op *op, uint64_t seed) {
    const model_op *log = cursor->disk->log;
    for (size_t i = cursor->at; i-- > 0;)
        if (log[i].kind == MODEL_WRITE && log[i].node == op->node && log[i].index == op->index &&
            log[i].sector != op->sector && log[i].sector)
            return log[i].sector;
    return garbage(cursor->live.arena, seed, op->index);
}

static void lose_sector(model_cursor *cursor, const model_op *op, model_fill fill, uint64_t seed,
                        model_tree *tree) {
    bool is_fresh = op->index * MODEL_SECTOR >= cursor->durable.nodes[op->node].size;
    const model_sector *shown = NULL;
    if (fill == MODEL_FILL_ZEROS || fill == MODEL_FILL_PARTLY) return;
    if (fill != MODEL_FILL_TORN && !is_fresh) return;
    /* An earlier write that is kept */
    if (is_fresh && model_tree_sector(tree, op->node, op->index)) return;
    shown =
        fill == MODEL_FILL_STALE ? stale(cursor, op, seed) : garbage(tree->arena, seed, op->index);
    model_tree_set_sector(tree, op->node, op->index, shown);
}

static void keep_op(const model_cursor *cursor, const model_op *op, model_keep keep,
                    model_fill fill, uint64_t seed, model_tree *tree) {
    model_op part = *op;
    if (op->kind == MODEL_RENAME && keep == MODEL_KEPT_NEW) part.from = NULL;
    if (op->kind == MODEL_RENAME && keep == MODEL_KEPT_GONE) part.to = NULL;
    uint64_t size = tree->nodes[op->node].size;
    if (op->kind == MODEL_RESIZE && fill == MODEL_FILL_PARTLY && op->size > size) {
        uint64_t blocks = (op->size - size) / BLOCK;
        if (blocks) part.size = size + model_mix(seed, op->size) % blocks * BLOCK;
    }
    (void)cursor;
    model_op_apply(tree, &part);
}

void model_cursor_crash(model_cursor *cursor, const uint8_t *keep, model_fill fill, uint64_t seed,
                        model_tree *tree) {
    model_tree_clone(&cursor->durable, tree);
    for (size_t i = 0; i < cursor->pending_count; i++) {
        const model_op *op = &cursor->pending[i];
        if (keep[i])
            keep_op(cursor, op, keep[i], fill, seed, tree);
        else if (op->kind == MODEL_WRITE)
            lose_sector(cursor, op, fill, seed, tree);
    }
    for (size_t i = 0; i < cursor->pending_count; i++)
        if (!tree->nodes[cursor->pending[i].node].is_folder)
            model_tree_finish(tree, cursor->pending[i].node);
}

/* --- all states of a moment --- */

typedef struct visiting {
    model_cursor *cursor;
    const model_bounds *bounds;
    uint64_t *random;
    model_visit visit;
    void *context;
    uint8_t *keep;
} visiting;

static uint64_t draw(visiting *work) {
    return *work->random = model_mix(*work->random, 77);
}

static bool shows_difference(const visiting *work, model_fill fill) {
    for (size_t i = 0; i < work->cursor->pending_count; i++) {
        const model_op *op = &work->cursor->pending[i];
        if (fill == MODEL_FILL_PARTLY ? op->kind == MODEL_RESIZE && work->keep[i]
                                      : op->kind == MODEL_WRITE && !work->keep[i])
            return true;
    }
    return false;
}

static bool emit(visiting *work) {
    model_arena *arena = work->cursor->live.arena;
    for (int fill = 0; fill < MODEL_FILLS; fill++) {
        model_tree tree;
        if (fill != MODEL_FILL_ZEROS && !shows_difference(work, (model_fill)fill)) continue;
        size_t mark = arena->used;
        model_cursor_crash(work->cursor, work->keep, (model_fill)fill, draw(work), &tree);
        bool goes_on = work->visit(work->context, work->cursor, &tree);
        arena->used = mark;
        if (!goes_on) return false;
    }
    return true;
}

/* What may become of a pending operation. */
static unsigned ways(const visiting *work, size_t i) {
    bool is_rename = work->cursor->pending[i].kind == MODEL_RENAME;
    return is_rename && work->bounds->rename_ways > 2 ? work->bounds->rename_ways : 2;
}

static bool emit_subsets(visiting *work) {
    size_t count = work->cursor->pending_count, i = 0;
    memset(work->keep, MODEL_LOST, count);
    do {
        if (!emit(work)) return false;
        for (i = 0; i < count && ++work->keep[i] == ways(work, i); i++)
            work->keep[i] = MODEL_LOST;
    } while (i < count);
    return true;
}

/* Of long lists some, the first and the last among them. */
static size_t choose_place(visiting *work, size_t i, size_t limit) {
    size_t count = work->cursor->pending_count;
    if (count <= limit) return i;
    if (i < 2) return i ? count - 1 : 0;
    return (size_t)(draw(work) % count);
}

static bool emit_each(visiting *work) {
    size_t count = work->cursor->pending_count;
    size_t limit = count < work->bounds->each ? count : work->bounds->each;
    for (size_t i = 0; i < limit; i++) {
        size_t place = choose_place(work, i, limit);
        memset(work->keep, MODEL_KEPT, count);
        work->keep[place] = MODEL_LOST;
        if (!emit(work)) return false;
        memset(work->keep, MODEL_LOST, count);
        work->keep[place] = MODEL_KEPT;
        if (!emit(work)) return false;
        memset(work->keep, MODEL_KEPT, place); /* a prefix */
        if (!emit(work)) return false;
    }
    return true;
}

/* Every file and folder with all of its changes or with none. */
static bool emit_nodes(visiting *work) {
    const model_cursor *cursor = work->cursor;
    int nodes[NODES_ALL];
    unsigned used = 0;
    for (size_t i = 0; i < cursor->pending_count; i++) {
        bool is_known = false;
        for (unsigned j = 0; j < used; j++)
            is_known = is_known || nodes[j] == cursor->pending[i].node;
        if (!is_known && used < NODES_ALL) nodes[used++] = cursor->pending[i].node;
    }
    for (unsigned subset = 0; subset >> used == 0; subset++) {
        for (size_t i = 0; i < cursor->pending_count; i++) {
            work->keep[i] = MODEL_LOST;
            for (unsigned j = 0; j < used; j++)
                if (nodes[j] == cursor->pending[i].node && (subset >> j & 1))
                    work->keep[i] = MODEL_KEPT;
        }
        if (!emit(work)) return false;
    }
    return true;
}

static bool emit_random(visiting *work) {
    for (unsigned n = 0; n < work->bounds->random; n++) {
        static const unsigned of_16[] = {8, 8, 1, 15, 4, 12};
        unsigned density = of_16[n % (sizeof of_16 / sizeof *of_16)];
        for (size_t i = 0; i < work->cursor->pending_count; i++) {
            work->keep[i] = draw(work) % 16 < density ? MODEL_KEPT : MODEL_LOST;
            if (ways(work, i) > 2) work->keep[i] = (uint8_t)(draw(work) % ways(work, i));
        }
        if (!emit(work)) return false;
    }
    return true;
}

bool model_cursor_visit(model_cursor *cursor, const model_bounds *bounds, uint64_t *random,
                        model_visit visit, void *context) {
    model_arena *arena = cursor->live.arena;
    size_t mark = arena->used;
    visiting work = {cursor, bounds,  random,
                     visit,  context, model_arena_take(arena, cursor->pending_count + 1)};
    bool goes_on;
    if (cursor->pending_count <= bounds->exhaustive)
        goes_on = emit_subsets(&work);
    else
        goes_on = emit_nodes(&work) && emit_each(&work) && emit_random(&work);
    arena->used = mark;
    return goes_on;
}

/* --- sets --- */

static bool put(uint64_t *slots, size_t room, uint64_t number) {
    for (size_t i = (size_t)number & (room - 1);; i = (i + 1) & (room - 1)) {
        if (slots[i] == number) return false;
        if (slots[i]) continue;
        slots[i] = number;
        return true;
    }
}

bool model_set_add(model_set *set, uint64_t number) {
    number += number == 0;
    if (2 * set->count >= set->room) {
        size_t room = set->room ? 2 * set->room : 1024;
        uint64_t *slots = calloc(room, sizeof *slots);
        if (!slots) abort();
        for (size_t i = 0; i < set->room; i++)
            if (set->slots[i]) put(slots, room, set->slots[i]);
        free(set->slots);
        set->slots = slots;
        set->room = room;
    }
    bool is_new = put(set->slots, set->room, number);
    set->count += is_new;
    return is_new;
}

void model_set_release(model_set *set) {
    free(set->slots);
    *set = (model_set){0};
}
