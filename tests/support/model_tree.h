/* Files and folders in memory, copied for next to nothing: what a model disk holds at one moment.
 *
 * A file is an array of sectors that are never changed once they are made; trees share them, and
 * share the arrays until one of the trees changes its own. All memory comes from an arena and is
 * given back by going back to a mark, in the reverse order of taking. */
#ifndef SUPPORT_MODEL_TREE_H
#define SUPPORT_MODEL_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MODEL_SECTOR 512u
#define MODEL_ROOT   0
#define MODEL_NONE   (-1)

typedef struct model_arena {
    uint8_t *memory;
    size_t used;
    unsigned next_owner;
} model_arena;

void model_arena_init(model_arena *arena);
void model_arena_release(model_arena *arena);
void *model_arena_take(model_arena *arena, size_t size);
const char *model_arena_text(model_arena *arena, const char *text);

typedef struct model_sector {
    uint64_t hash;
    uint8_t bytes[MODEL_SECTOR];
} model_sector;

/* NULL for 512 zeros. */
const model_sector *model_sector_make(model_arena *arena, const void *bytes);

typedef struct model_entry {
    const char *name;
    uint64_t hash;
    int node;
} model_entry;

typedef struct model_node {
    bool is_folder;
    int parent; /* of a folder */
    uint64_t size;
    const model_sector **sectors; /* NULL: zeros */
    size_t sector_count;
    uint64_t content; /* a hash over the sectors */
    model_entry *entries;
    size_t entry_count;
    size_t room;    /* of sectors or entries */
    unsigned owner; /* the tree that may change the array in its place */
} model_node;

typedef struct model_tree {
    model_arena *arena;
    model_node *nodes;
    int node_count, node_room;
    unsigned owner;
} model_tree;

uint64_t model_mix(uint64_t a, uint64_t b);
void model_tree_init(model_tree *tree, model_arena *arena); /* an empty root folder */
/* `from` stays what it was, but shares its arrays from now on. */
void model_tree_clone(model_tree *from, model_tree *to);
/* Makes sure that node `node` exists: an empty file, or a folder in `parent`. No name leads to it
 * yet. */
void model_tree_make(model_tree *tree, int node, bool is_folder, int parent);
/* A sector behind the end of the file is kept, and cut by model_tree_finish. */
void model_tree_set_sector(model_tree *tree, int node, size_t index, const model_sector *sector);
/* Shrinking drops what is behind. */
void model_tree_set_size(model_tree *tree, int node, uint64_t size);
void model_tree_finish(model_tree *tree, int node);
/* MODEL_NONE removes. */
void model_tree_set_name(model_tree *tree, int folder, const char *name, int node);
int model_tree_find(const model_tree *tree, int folder, const char *name);
const model_sector *model_tree_sector(const model_tree *tree, int node, size_t index);
void model_tree_read(const model_tree *tree, int node, void *to, size_t size, uint64_t offset);
uint64_t model_tree_links(const model_tree *tree, int node);
/* Of everything that a name leads to. */
uint64_t model_tree_hash(const model_tree *tree);
#endif
