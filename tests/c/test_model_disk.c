/* The model disk keeps what was synced, and loses the rest in every way: what the other proofs on
 * it stand on. */
#include "model_crash.h"
#include "testing.h"

#include <string.h>

typedef struct fixture {
    model_arena arena;
    model_disk disk;
    const rs_os *os;
    int folder;
} fixture;

static void begin(fixture *made) {
    model_tree tree;
    model_arena_init(&made->arena);
    model_tree_init(&tree, &made->arena);
    model_disk_init(&made->disk, &tree, 1);
    made->os = model_disk_os(&made->disk, 0);
    made->folder = made->os->open(made->os, RS_WORKING_FOLDER, "/", RS_OPEN_FOLDER, 0);
    assert_true(made->folder >= 0);
}

static int make_file(fixture *made, const char *name) {
    unsigned flags = RS_OPEN_READ | RS_OPEN_WRITE | RS_OPEN_CREATE | RS_OPEN_EXCLUSIVE;
    int fd = made->os->open(made->os, made->folder, name, flags, 0600);
    assert_true(fd >= 0);
    return fd;
}

static void write_byte(fixture *made, int fd, uint8_t byte, size_t size, uint64_t offset) {
    uint8_t bytes[8192];
    memset(bytes, byte, sizeof bytes);
    rs_slice part = {bytes, size};
    assert_int_equal(made->os->write(made->os, fd, &part, 1, offset), size);
}

/* What a power cut at the end of the log leaves when each pending operation is `keep`. */
static model_tree cut(fixture *made, model_keep keep, model_fill fill) {
    model_cursor cursor;
    model_tree tree;
    uint8_t kept[256];
    model_cursor_begin(&cursor, &made->disk, NULL);
    while (model_cursor_next(&cursor)) {
    }
    assert_true(cursor.pending_count <= sizeof kept);
    memset(kept, keep, sizeof kept);
    model_cursor_crash(&cursor, kept, fill, 1, &tree);
    return tree;
}

static uint8_t byte_at(const model_tree *tree, const char *name, uint64_t offset) {
    uint8_t byte;
    int node = model_tree_find(tree, MODEL_ROOT, name);
    assert_true(node != MODEL_NONE && offset < tree->nodes[node].size);
    model_tree_read(tree, node, &byte, 1, offset);
    return byte;
}

static void test_model_disk__a_sync_keeps_bytes_and_not_the_name(void **state) {
    (void)state;
    fixture made;
    begin(&made);
    int fd = make_file(&made, "a");
    write_byte(&made, fd, 7, 1000, 0);
    assert_int_equal(made.os->sync(made.os, fd), 0);
    model_tree tree = cut(&made, MODEL_LOST, MODEL_FILL_ZEROS);
    assert_int_equal(model_tree_find(&tree, MODEL_ROOT, "a"), MODEL_NONE);
    assert_int_equal(made.os->sync(made.os, made.folder), 0);
    tree = cut(&made, MODEL_LOST, MODEL_FILL_ZEROS);
    assert_int_equal(byte_at(&tree, "a", 999), 7);
    model_arena_release(&made.arena);
}

static void test_model_disk__a_name_may_be_there_without_its_bytes(void **state) {
    (void)state;
    fixture made;
    begin(&made);
    int fd = make_file(&made, "a");
    assert_int_equal(made.os->sync(made.os, made.folder), 0);
    write_byte(&made, fd, 7, 1024, 0);
    model_tree tree = cut(&made, MODEL_LOST, MODEL_FILL_ZEROS);
    assert_int_equal(tree.nodes[model_tree_find(&tree, MODEL_ROOT, "a")].size, 0);
    tree = cut(&made, MODEL_KEPT, MODEL_FILL_ZEROS);
    assert_int_equal(byte_at(&tree, "a", 1023), 7);
    model_arena_release(&made.arena);
}

static bool count_states(void *context, model_cursor *cursor, model_tree *tree) {
    (void)cursor;
    model_set_add(context, model_tree_hash(tree));
    return true;
}

static void test_model_disk__all_subsets_are_visited(void **state) {
    (void)state;
    fixture made;
    model_cursor cursor;
    model_set states = {0};
    uint64_t random = 1;
    const model_bounds bounds = {.exhaustive = 16};
    begin(&made);
    int fd = make_file(&made, "a");
    write_byte(&made, fd, 1, 1024, 0);
    assert_int_equal(made.os->sync(made.os, fd), 0);
    assert_int_equal(made.os->sync(made.os, made.folder), 0);
    write_byte(&made, fd, 2, 1024, 0);
    model_cursor_begin(&cursor, &made.disk, NULL);
    while (model_cursor_next(&cursor)) {
    }
    assert_int_equal(cursor.pending_count, 2);
    assert_true(model_cursor_visit(&cursor, &bounds, &random, count_states, &states));
    /* Old and new of each of two sectors, or garbage: one for each seed. */
    assert_true(states.count >= 4);
    model_set_release(&states);
    model_arena_release(&made.arena);
}

static void test_model_disk__fdatasync_need_not_shrink(void **state) {
    (void)state;
    fixture made;
    begin(&made);
    int fd = make_file(&made, "a");
    write_byte(&made, fd, 1, 4096, 0);
    assert_int_equal(made.os->sync(made.os, fd), 0);
    assert_int_equal(made.os->sync(made.os, made.folder), 0);
    assert_int_equal(made.os->truncate(made.os, fd, 512), 0);
    assert_int_equal(made.os->sync_data(made.os, fd), 0);
    model_tree tree = cut(&made, MODEL_LOST, MODEL_FILL_ZEROS);
    assert_int_equal(byte_at(&tree, "a", 4095), 1);
    assert_int_equal(made.os->sync(made.os, fd), 0);
    tree = cut(&made, MODEL_LOST, MODEL_FILL_ZEROS);
    assert_int_equal(tree.nodes[model_tree_find(&tree, MODEL_ROOT, "a")].size, 512);
    model_arena_release(&made.arena);
}

static void test_model_disk__a_failed_sync_is_not_made_good_by_the_next(void **state) {
    (void)state;
    fixture made;
    begin(&made);
    int fd = make_file(&made, "a");
    assert_int_equal(made.os->sync(made.os, made.folder), 0);
    write_byte(&made, fd, 1, 512, 0);
    made.disk.syncs_left = 0;
    assert_true(made.os->sync_data(made.os, fd) < 0);
    made.disk.syncs_left = -1;
    assert_int_equal(made.os->sync_data(made.os, fd), 0);
    model_tree tree = cut(&made, MODEL_LOST, MODEL_FILL_ZEROS);
    assert_int_equal(tree.nodes[model_tree_find(&tree, MODEL_ROOT, "a")].size, 0);
    tree = cut(&made, MODEL_KEPT, MODEL_FILL_ZEROS);
    assert_int_equal(byte_at(&tree, "a", 0), 1);
    model_arena_release(&made.arena);
}

static void test_model_disk__lost_sectors_show_what_was_there_or_garbage(void **state) {
    (void)state;
    fixture made;
    begin(&made);
    int fd = make_file(&made, "a");
    write_byte(&made, fd, 1, 512, 0);
    assert_int_equal(made.os->sync(made.os, fd), 0);
    assert_int_equal(made.os->sync(made.os, made.folder), 0);
    write_byte(&made, fd, 2, 512, 0);
    model_tree tree = cut(&made, MODEL_LOST, MODEL_FILL_GARBAGE);
    assert_int_equal(byte_at(&tree, "a", 0), 1);
    assert_int_equal(byte_at(&tree, "a", 511), 1);
    tree = cut(&made, MODEL_LOST, MODEL_FILL_TORN);
    uint8_t bytes[512], old[512];
    memset(old, 1, sizeof old);
    model_tree_read(&tree, model_tree_find(&tree, MODEL_ROOT, "a"), bytes, sizeof bytes, 0);
    assert_memory_not_equal(bytes, old, sizeof old);
    model_arena_release(&made.arena);
}

static void test_model_disk__locks_end_with_their_process(void **state) {
    (void)state;
    fixture made;
    begin(&made);
    int fd = make_file(&made, "lock");
    const rs_os *other = model_disk_os(&made.disk, 1);
    int his = other->open(other, RS_WORKING_FOLDER, "/lock", RS_OPEN_READ, 0);
    assert_int_equal(made.os->lock(made.os, fd), 0);
    assert_true(other->lock(other, his) < 0);
    model_disk_kill(&made.disk, 0);
    assert_int_equal(other->lock(other, his), 0);
    model_arena_release(&made.arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_model_disk__a_sync_keeps_bytes_and_not_the_name),
        cmocka_unit_test(test_model_disk__a_name_may_be_there_without_its_bytes),
        cmocka_unit_test(test_model_disk__all_subsets_are_visited),
        cmocka_unit_test(test_model_disk__fdatasync_need_not_shrink),
        cmocka_unit_test(test_model_disk__a_failed_sync_is_not_made_good_by_the_next),
        cmocka_unit_test(test_model_disk__lost_sectors_show_what_was_there_or_garbage),
        cmocka_unit_test(test_model_disk__locks_end_with_their_process),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
