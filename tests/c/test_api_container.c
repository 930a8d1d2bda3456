/* Containers that the program resizes: what std::vector and std::string are built on. */
#include "testing.h"

#include "alloc_fail.h"
#include "api_place.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A container as another language has it. */
typedef struct pile {
    uint8_t *items;
    size_t count, size; /* of an element */
    size_t count_max;   /* it refuses more */
} pile;

static void *view(void *container, size_t *count) {
    pile *p = container;
    *count = p->count;
    return p->items;
}

static int resize(void *container, size_t count) {
    pile *p = container;
    if (count > p->count_max) return 1;
    if (count > p->count || !p->items) { /* growing moves all, shrinking can't fail */
        uint8_t *moved = malloc(count * p->size + 1);
        if (!moved) return 1;
        memset(moved, 0, count * p->size);
        if (p->count) memcpy(moved, p->items, p->count * p->size);
        free(p->items);
        p->items = moved;
    }
    p->count = count;
    return 0;
}

static pile make_pile(size_t size, const void *items, size_t count) {
    pile p = {.size = size, .count_max = 1000000};
    resize(&p, count);
    if (count) memcpy(p.items, items, count * size);
    return p;
}

static void expect_pile(const pile *p, const void *items, size_t count) {
    assert_int_equal(p->count, count);
    assert_memory_equal(p->items, items, count * p->size);
}

static resume_status protect(resume *ck, const char *name, pile *p, resume_type type) {
    return resume_protect_container_as(ck, name, p, type, view, resize);
}

static const int32_t numbers[] = {1, -2, 3, INT32_MAX, 5};

/* Saves `count` of the numbers under "p" and text under "t"; leaves. */
static void save_some(api_place *place, size_t count, const char *text) {
    pile p = make_pile(4, numbers, count), t = make_pile(1, text, strlen(text));
    resume *ck = api_open(place);
    protect(ck, "p", &p, RESUME_INT32);
    resume_protect_text_as(ck, "t", &t, view, resize);
    if (resume_save(ck)) fail_msg("%s", resume_message(ck));
    resume_leave(ck);
    free(p.items);
    free(t.items);
}

static void test_container__grows_shrinks_and_stays(void **state) {
    api_place *place = *state;
    for (size_t saved = 0; saved <= 5; saved++) {
        place->options.clean = 1;
        save_some(place, saved, "text \xc3\xa4");
        place->options.clean = 0;
        for (size_t before = 0; before <= 5; before++) {
            int32_t other[5] = {9, 9, 9, 9, 9};
            pile p = make_pile(4, other, before), t = make_pile(1, "abcdefghijkl", 12);
            resume *ck = api_open(place);
            protect(ck, "p", &p, RESUME_INT32);
            resume_protect_text_as(ck, "t", &t, view, resize);
            if (resume_restore(ck, NULL)) fail_msg("%s", resume_message(ck));
            expect_pile(&p, numbers, saved);
            expect_pile(&t, "text \xc3\xa4", 7);
            resume_leave(ck);
            free(p.items);
            free(t.items);
        }
    }
}

static void test_container__takes_what_growable_arrays_take(void **state) {
    api_place *place = *state;
    save_some(place, 5, "");
    int64_t wide[5] = {1, -2, 3, INT32_MAX, 5}, *grown = NULL;
    size_t count = 0;
    pile p = make_pile(8, NULL, 0);
    resume *ck = api_open(place);
    protect(ck, "p", &p, RESUME_INT64); /* other type, same values */
    assert_int_equal(resume_restore(ck, NULL), RESUME_OK);
    expect_pile(&p, wide, 5);
    assert_int_equal(resume_save(ck), RESUME_OK);
    resume_leave(ck);
    ck = api_open(place);
    resume_protect_array_as(ck, "p", &grown, RESUME_INT64, &count, RESUME_UINT64);
    assert_int_equal(resume_restore(ck, NULL), RESUME_OK);
    assert_int_equal(count, 5);
    assert_memory_equal(grown, wide, sizeof wide);
    resume_leave(ck);
    free(grown);
    free(p.items);
}

static void test_container__large_ones_are_read_in_place(void **state) {
    api_place *place = *state;
    enum { COUNT = 300000 };
    int64_t *many = calloc(COUNT, sizeof *many);
    for (size_t i = 0; i < COUNT; i++)
        many[i] = (int64_t)(i * i);
    pile p = make_pile(8, many, COUNT), q = make_pile(8, many, 3);
    resume *ck = api_open(place);
    protect(ck, "p", &p, RESUME_INT64);
    assert_int_equal(resume_save(ck), RESUME_OK);
    resume_leave(ck);
    ck = api_open(place);
    ck->staged_size_max = 1000;
    protect(ck, "p", &q, RESUME_INT64);
    assert_int_equal(resume_restore(ck, NULL), RESUME_OK);
    expect_pile(&q, many, COUNT);
    resume_leave(ck);
    free(p.items);
    free(q.items);
    free(many);
}

/* --- all or nothing --- */

static void expect_untouched(api_place *place, resume_status expected, size_t count_max,
                             bool with_misfit) {
    int32_t other[7] = {9, 8, 7, 6, 5, 4, 3};
    int misfit[2] = {0};
    pile p = make_pile(4, other, 2), t = make_pile(1, "abcdefg", 7), q = make_pile(4, other, 7);
    p.count_max = count_max;
    resume *ck = api_open(place);
    protect(ck, "p", &p, RESUME_INT32);
    protect(ck, "q", &q, RESUME_INT32);
    resume_protect_text_as(ck, "t", &t, view, resize);
    if (with_misfit)
        resume_protect_shape_as(ck, "z", misfit, RESUME_INT32, RESUME_ROWS, 1, &(size_t){2});
    resume_status status = resume_restore(ck, NULL);
    if (status != expected) fail_msg("%d %s", status, resume_message(ck));
    if (status) {
        expect_pile(&p, other, 2);
        expect_pile(&q, other, 7);
        expect_pile(&t, "abcdefg", 7);
    } else {
        expect_pile(&p, numbers, 5);
        expect_pile(&q, numbers, 4);
        expect_pile(&t, "grown text", 10);
    }
    resume_leave(ck);
    free(p.items);
    free(q.items);
    free(t.items);
}

static void save_two(api_place *place) {
    int z = 3;
    pile p = make_pile(4, numbers, 5), q = make_pile(4, numbers, 4);
    pile t = make_pile(1, "grown text", 10);
    resume *ck = api_open(place);
    protect(ck, "p", &p, RESUME_INT32);
    protect(ck, "q", &q, RESUME_INT32);
    resume_protect_text_as(ck, "t", &t, view, resize);
    resume_protect(ck, z);
    assert_int_equal(resume_save(ck), RESUME_OK);
    resume_leave(ck);
    free(p.items);
    free(q.items);
    free(t.items);
}

static void test_container__a_misfit_behind_it_takes_back_the_growth(void **state) {
    save_two(*state);
    expect_untouched(*state, RESUME_MISMATCH, 100, true);
    expect_untouched(*state, RESUME_OK, 100, false);
}

static void test_container__one_that_can_not_grow_is_no_memory(void **state) {
    save_two(*state);
    expect_untouched(*state, RESUME_NO_MEMORY, 4, false);
    expect_untouched(*state, RESUME_OK, 5, false);
}

static int refuse_load(void *object, const void *bytes, size_t size) {
    (void)bytes;
    return size != 1 || *(const char *)bytes != *(char *)object;
}

static int save_letter(void *object, resume_writer *writer) {
    return resume_write(writer, object, 1) != RESUME_OK;
}

static void test_container__a_state_that_refuses_takes_back_everything(void **state) {
    api_place *place = *state;
    int32_t other[7] = {9, 8, 7, 6, 5, 4, 3};
    for (size_t before = 0; before <= 7; before++) {
        char letter = 'a';
        pile saved = make_pile(4, numbers, 4), p = make_pile(4, other, before);
        place->options.clean = 1;
        resume *ck = api_open(place);
        protect(ck, "p", &saved, RESUME_INT32);
        resume_protect_state(ck, "letter", save_letter, refuse_load, &letter);
        assert_int_equal(resume_save(ck), RESUME_OK);
        resume_leave(ck);
        letter = 'b';
        place->options.clean = 0;
        ck = api_open(place);
        protect(ck, "p", &p, RESUME_INT32);
        resume_protect_state(ck, "letter", save_letter, refuse_load, &letter);
        assert_int_equal(resume_restore(ck, NULL), RESUME_MISMATCH);
        expect_pile(&p, other, before);
        resume_leave(ck);
        free(saved.items);
        free(p.items);
    }
}

static void test_container__each_allocation_may_fail(void **state) {
    api_place *place = *state;
    save_two(place);
    for (long n = 1;; n++) {
        int32_t other[2] = {9, 8};
        pile p = make_pile(4, other, 2), q = make_pile(4, other, 1), t = make_pile(1, "ab", 2);
        resume *ck = api_open(place);
        protect(ck, "p", &p, RESUME_INT32);
        protect(ck, "q", &q, RESUME_INT32);
        resume_protect_text_as(ck, "t", &t, view, resize);
        alloc_fail_at(n, false);
        resume_status status = resume_restore(ck, NULL);
        bool has_failed = alloc_fail_count() >= n;
        alloc_fail_at(0, false);
        if (status) {
            assert_int_equal(status, RESUME_NO_MEMORY);
            expect_pile(&p, other, 2);
            expect_pile(&q, other, 1);
            expect_pile(&t, "ab", 2);
            if (resume_restore(ck, NULL)) fail_msg("%s", resume_message(ck)); /* tried again */
        }
        expect_pile(&p, numbers, 5);
        expect_pile(&q, numbers, 4);
        expect_pile(&t, "grown text", 10);
        resume_leave(ck);
        free(p.items);
        free(q.items);
        free(t.items);
        if (!has_failed) break;
        assert_true(n < 1000);
    }
}

/* --- structs --- */

typedef struct animal {
    int legs;
    pile name; /* a container in an element */
} animal;

static void describe_animal(resume *fields, void *object) {
    animal *a = object;
    resume_protect(fields, a->legs);
    resume_protect_text_as(fields, "name", &a->name, view, resize);
}

/* As a container of another language does: new elements are made, old ones taken apart. */
static int resize_animals(void *container, size_t count) {
    pile *p = container;
    animal *animals = (animal *)(void *)p->items;
    for (size_t i = count; i < p->count; i++)
        free(animals[i].name.items);
    size_t before = p->count;
    if (resize(container, count)) return 1;
    animals = (animal *)(void *)p->items;
    for (size_t i = before; i < count; i++)
        animals[i] = (animal){.legs = -1, .name = make_pile(1, "", 0)};
    return 0;
}

static pile make_zoo(size_t count) {
    pile zoo = {.size = sizeof(animal), .count_max = 100};
    resize_animals(&zoo, count);
    for (size_t i = 0; i < count; i++) {
        animal *a = &((animal *)(void *)zoo.items)[i];
        a->legs = (int)i;
        free(a->name.items);
        a->name = make_pile(1, "somebody", i + 1);
    }
    return zoo;
}

static void expect_zoo(const pile *zoo, size_t count) {
    assert_int_equal(zoo->count, count);
    for (size_t i = 0; i < count; i++) {
        animal *a = &((animal *)(void *)zoo->items)[i];
        assert_int_equal(a->legs, i);
        expect_pile(&a->name, "somebody", i + 1);
    }
}

static void test_container__structs_with_containers(void **state) {
    api_place *place = *state;
    for (size_t saved = 0; saved < 4; saved++) {
        for (size_t before = 0; before < 4; before++) {
            pile zoo = make_zoo(saved), other = make_zoo(before);
            place->options.clean = 1;
            resume *ck = api_open(place);
            assert_int_equal(resume_protect_structs_container_as(ck, "zoo", &zoo, sizeof(animal),
                                                                 view, resize_animals,
                                                                 describe_animal),
                             RESUME_OK);
            if (resume_save(ck)) fail_msg("%s", resume_message(ck));
            resume_leave(ck);
            place->options.clean = 0;
            int32_t misfit[2];
            for (int fits = 0; fits < 2; fits++) {
                ck = api_open(place);
                resume_protect_structs_container_as(ck, "zoo", &other, sizeof(animal), view,
                                                    resize_animals, describe_animal);
                if (!fits)
                    resume_protect_shape_as(ck, "zoo2", misfit, RESUME_INT32, RESUME_ROWS, 1,
                                            &(size_t){2});
                place->options.strict = 0;
                if (!fits) ck->is_strict = true; /* "zoo2" is missing: refused at the end */
                assert_int_equal(resume_restore(ck, NULL), fits ? RESUME_OK : RESUME_MISMATCH);
                expect_zoo(&other, fits ? saved : before);
                resume_leave(ck);
            }
            resize_animals(&zoo, 0);
            resize_animals(&other, 0);
            free(zoo.items);
            free(other.items);
        }
    }
}

static void test_container__what_is_wrong_is_told(void **state) {
    api_place *place = *state;
    pile p = make_pile(4, numbers, 1);
    static const struct {
        resume_view view;
        resume_resize resize;
        resume_type type;
        bool has_address;
    } wrong[] = {{NULL, resize, RESUME_INT32, true},
                 {view, NULL, RESUME_INT32, true},
                 {view, resize, (resume_type)99, true},
                 {view, resize, RESUME_INT32, false}};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        resume *ck = api_open(place);
        assert_int_equal(resume_protect_container_as(ck, "p", wrong[i].has_address ? &p : NULL,
                                                     wrong[i].type, wrong[i].view, wrong[i].resize),
                         RESUME_MISUSE);
        assert_non_null(strstr(resume_message(ck), "'p'"));
        resume_leave(ck);
    }
    resume *ck = api_open(place);
    assert_int_equal(resume_protect_structs_container_as(ck, "p", &p, 4, view, resize, NULL),
                     RESUME_MISUSE);
    resume_leave(ck);
    ck = api_open(place);
    assert_int_equal(
        resume_protect_structs_container_as(ck, "p", &p, 4, NULL, resize, describe_animal),
        RESUME_MISUSE);
    resume_leave(ck);
    free(p.items);
}

static void test_container__another_kind_of_value_is_a_mismatch(void **state) {
    api_place *place = *state;
    double x = 1.5;
    pile p = make_pile(4, numbers, 1);
    resume *ck = api_open(place);
    resume_protect_value_as(ck, "p", &x, RESUME_FLOAT64);
    assert_int_equal(resume_save(ck), RESUME_OK);
    resume_leave(ck);
    for (int kind = 0; kind < 3; kind++) {
        ck = api_open(place);
        if (kind == 0) protect(ck, "p", &p, RESUME_INT32);
        if (kind == 1) resume_protect_text_as(ck, "p", &p, view, resize);
        if (kind == 2)
            resume_protect_structs_container_as(ck, "p", &p, 4, view, resize, describe_animal);
        assert_int_equal(resume_restore(ck, NULL), RESUME_MISMATCH);
        assert_non_null(strstr(resume_message(ck), "'p'"));
        expect_pile(&p, numbers, 1);
        resume_leave(ck);
    }
    free(p.items);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, api_place_setup, api_place_teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_container__grows_shrinks_and_stays),
        TEST(test_container__takes_what_growable_arrays_take),
        TEST(test_container__large_ones_are_read_in_place),
        TEST(test_container__a_misfit_behind_it_takes_back_the_growth),
        TEST(test_container__one_that_can_not_grow_is_no_memory),
        TEST(test_container__a_state_that_refuses_takes_back_everything),
        TEST(test_container__each_allocation_may_fail),
        TEST(test_container__structs_with_containers),
        TEST(test_container__what_is_wrong_is_told),
        TEST(test_container__another_kind_of_value_is_a_mismatch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
