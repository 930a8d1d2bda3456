/* Files and folders in memory that are copied for next to nothing. */
#include "model_tree.h"

#include "format/hash.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define ARENA_SIZE (UINT64_C(16) << 30) /* of addresses; memory is taken as it is touched */

/* --- the arena --- */

void model_arena_init(model_arena *arena) {
    const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
    void *memory = mmap(NULL, ARENA_SIZE, PROT_READ | PROT_WRITE, flags, -1, 0);
    if (memory == MAP_FAILED) abort();
    *arena = (model_arena){.memory = memory, .next_owner = 1};
}

void model_arena_release(model_arena *arena) {
    munmap(arena->memory, ARENA_SIZE);
    arena->memory = NULL;
}

void *model_arena_take(model_arena *arena, size_t size) {
    size = (size + 15) & ~(size_t)15;
    if (size > ARENA_SIZE - arena->used) abort();
    void *taken = arena->memory + arena->used;
    arena->used += size;
    return taken;
}

const char *model_arena_text(model_arena *arena, const char *text) {
    size_t size = strlen(text) + 1;
    return memcpy(model_arena_take(arena, size), text, size);
}

/* --- hashes --- */

uint64_t model_mix(uint64_t a, uint64_t b) {
    uint64_t z = a * UINT64_C(0x9E3779B97F4A7C15) + b + UINT64_C(0x632BE59BD9B4E019);
    z = (z ^ z >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ z >> 27) * UINT64_C(0x94D049BB133111EB);
    return z ^ z >> 31;
}

static uint64_t weight(size_t index, const model_sector *sector) {
    return sector ? model_mix(sector->hash, index) : 0;
}

const model_sector *model_sector_make(model_arena *arena, const void *bytes) {
    static const uint8_t zeros[MODEL_SECTOR];
    if (memcmp(bytes, zeros, MODEL_SECTOR) == 0) return NULL;
    model_sector *sector = model_arena_take(arena, sizeof *sector);
    memcpy(sector->bytes, bytes, MODEL_SECTOR);
    sector->hash = rs_hash64(bytes, MODEL_SECTOR, 0);
    return sector;
}

/* --- trees --- */

void model_tree_init(model_tree *tree, model_arena *arena) {
    *tree = (model_tree){.arena = arena, .owner = arena->next_owner++};
    model_tree_make(tree, MODEL_ROOT, true, MODEL_ROOT);
}

void model_tree_clone(model_tree *from, model_tree *to) {
    *to = *from;
    to->node_room = from->node_count + 8;
    to->nodes = model_arena_take(to->arena, (size_t)to->node_room * sizeof *to->nodes);
    memcpy(to->nodes, from->nodes, (size_t)from->node_count * sizeof *to->nodes);
    from->owner = from->arena->next_owner++;
    to->owner = from->arena->next_owner++;
}

void model_tree_make(model_tree *tree, int node, bool is_folder, int parent) {
    if (node >= tree->node_room) {
        int room = 2 * node + 16;
        model_node *nodes = model_arena_take(tree->arena, (size_t)room * sizeof *nodes);
        if (tree->node_count) memcpy(nodes, tree->nodes, (size_t)tree->node_count * sizeof *nodes);
        tree->nodes = nodes;
        tree->node_room = room;
    }
    for (; tree->node_count <= node; tree->node_count++)
        tree->nodes[tree->node_count] = (model_node){0};
    tree->nodes[node] = (model_node){.is_folder = is_folder, .parent = parent};
}

/* Room for `count` elements in an array that belongs to this tree alone. */
static void *own(model_tree *tree, model_node *node, void *array, size_t used, size_t count,
                 size_t element) {
    if (node->owner == tree->owner && count <= node->room) return array;
    size_t room = count <= node->room ? node->room : 2 * count + 8;
    void *made = model_arena_take(tree->arena, room * element);
    if (used) memcpy(made, array, used * element);
    node->room = room;
    node->owner = tree->owner;
    return made;
}

void model_tree_set_sector(model_tree *tree, int number, size_t index, const model_sector *sector) {
    model_node *node = &tree->nodes[number];
    if (index >= node->sector_count && !sector) return;
    size_t count = index < node->sector_count ? node->sector_count : index + 1;
    node->sectors = own(tree, node, node->sectors, node->sector_count, count, sizeof sector);
    for (; node->sector_count < count; node->sector_count++)
        node->sectors[node->sector_count] = NULL;
    node->content += weight(index, sector) - weight(index, node->sectors[index]);
    node->sectors[index] = sector;
}

void model_tree_finish(model_tree *tree, int number) {
    model_node *node = &tree->nodes[number];
    size_t whole = (size_t)(node->size / MODEL_SECTOR), rest = (size_t)(node->size % MODEL_SECTOR);
    const model_sector *last = model_tree_sector(tree, number, whole);
    if (rest && last) {
        uint8_t bytes[MODEL_SECTOR] = {0};
        memcpy(bytes, last->bytes, rest);
        model_tree_set_sector(tree, number, whole, model_sector_make(tree->arena, bytes));
    }
    /* The array may be shared: only the count shrinks. */
    for (size_t count = whole + (rest != 0); node->sector_count > count; node->sector_count--)
        node->content -= weight(node->sector_count - 1, node->sectors[node->sector_count - 1]);
}

void model_tree_set_size(model_tree *tree, int node, uint64_t size) {
    bool shrinks = size < tree->nodes[node].size;
    tree->nodes[node].size = size;
    if (shrinks) model_tree_finish(tree, node);
}

const model_sector *model_tree_sector(const model_tree *tree, int node, size_t index) {
    return index < tree->nodes[node].sector_count ? tree->nodes[node].sectors[index] : NULL;
}

void model_tree_read(const model_tree *tree, int node, void *to, size_t size, uint64_t offset) {
    for (size_t done = 0; done < size;) {
        size_t skip = (size_t)((offset + done) % MODEL_SECTOR);
        size_t part = MODEL_SECTOR - skip < size - done ? MODEL_SECTOR - skip : size - done;
        const model_sector *sector =
            model_tree_sector(tree, node, (size_t)((offset + done) / MODEL_SECTOR));
        if (sector)
            memcpy((uint8_t *)to + done, sector->bytes + skip, part);
        else
            memset((uint8_t *)to + done, 0, part);
        done += part;
    }
}

/* --- names --- */

static model_entry *entry_of(const model_tree *tree, int folder, const char *name) {
    const model_node *node = &tree->nodes[folder];
    for (size_t i = 0; i < node->entry_count; i++)
        if (strcmp(node->entries[i].name, name) == 0) return &node->entries[i];
    return NULL;
}

int model_tree_find(const model_tree *tree, int folder, const char *name) {
    const model_entry *entry = entry_of(tree, folder, name);
    return entry ? entry->node : MODEL_NONE;
}

void model_tree_set_name(model_tree *tree, int folder, const char *name, int target) {
    model_node *node = &tree->nodes[folder];
    bool is_there = entry_of(tree, folder, name) != NULL;
    if (!is_there && target == MODEL_NONE) return;
    size_t count = node->entry_count + !is_there;
    node->entries = own(tree, node, node->entries, node->entry_count, count, sizeof *node->entries);
    model_entry *entry = entry_of(tree, folder, name);
    if (!entry) {
        entry = &node->entries[node->entry_count++];
        *entry = (model_entry){.name = name, .hash = rs_hash64(name, strlen(name), 0)};
    }
    entry->node = target;
    if (target == MODEL_NONE) *entry = node->entries[--node->entry_count];
}

uint64_t model_tree_links(const model_tree *tree, int target) {
    uint64_t links = 0;
    for (int i = 0; i < tree->node_count; i++)
        for (size_t j = 0; j < tree->nodes[i].entry_count; j++)
            links += tree->nodes[i].entries[j].node == target;
    return links;
}

static uint64_t hash_folder(const model_tree *tree, int folder, int depth) {
    const model_node *node = &tree->nodes[folder];
    uint64_t hash = 1;
    for (size_t i = 0; i < node->entry_count; i++) {
        const model_entry *entry = &node->entries[i];
        const model_node *child = &tree->nodes[entry->node];
        uint64_t inner = child->is_folder && depth > 0 ? hash_folder(tree, entry->node, depth - 1)
                                                       : model_mix(child->content, child->size);
        /* Two names of one file differ from two equal files. */
        hash += model_mix(model_mix(entry->hash, inner), (uint64_t)entry->node);
    }
    return hash;
}

uint64_t model_tree_hash(const model_tree *tree) {
    return hash_folder(tree, MODEL_ROOT, 8);
}
