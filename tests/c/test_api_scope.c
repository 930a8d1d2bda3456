/* api/scope.c: variables by name, and names from the text of C. */
#include "testing.h"

#include "api/scope.h"

#include <stdio.h>
#include <string.h>

static int value;
static const rs_variable number = {
    .kind = RS_VARIABLE_NUMBERS, .type = RESUME_INT32, .address = &value, .count = 1};

static resume_status add(rs_scope *scope, const char *name) {
    return rs_scope_add(scope, &number, name, NULL);
}

static void test_scope__names_from_tokens(void **state) {
    (void)state;
    static const struct {
        const char *tokens, *name; /* NULL: BAD_NAME */
        bool in_fields;
    } rows[] = {{"=x", "x", false},
                {"=sim->step", "sim.step", false},
                {"=sim -> pos . x", "sim.pos.x", false},
                {"= a_1", "a_1", false},
                {"=this->x", "x", false},
                {"=thistle.x", "thistle.x", false},
                {"=Space::x", "Space.x", false},
                {"=p->x", "x", true},
                {"=p->pos.x", "pos.x", true},
                {"=x", "x", true},
                {"=gr\303\266\303\237e", "gr\303\266\303\237e", false},
                {"=a[3]", NULL, false},
                {"=*p", NULL, false},
                {"=f(x)", NULL, false},
                {"=a.", NULL, false},
                {"=.a", NULL, false},
                {"=a b", NULL, false},
                {"=1a", NULL, false},
                {"=", NULL, false},
                {"=(*p).x", NULL, false},
                {"plain name of its own [3]", "plain name of its own [3]", false},
                {"p.x", "p.x", true}, /* what is not made of tokens stays */
                {"", NULL, false},
                {"\377", NULL, false},
                {NULL, NULL, false}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        rs_scope scope = {.is_fields = rows[i].in_fields};
        resume_status status = add(&scope, rows[i].tokens);
        if (rows[i].name == NULL) {
            assert_int_equal(status, RESUME_BAD_NAME);
        } else {
            if (status) fail_msg("'%s' is refused", rows[i].tokens);
            assert_string_equal(rs_scope_name(&scope, &scope.variables[0]), rows[i].name);
        }
        rs_scope_release(&scope);
    }
}

static void test_scope__long_names(void **state) {
    (void)state;
    char name[RS_NAME_BYTES_MAX + 3], tokens[RS_NAME_BYTES_MAX + 4];
    rs_scope scope = {0};
    memset(name, 'a', sizeof name);
    name[RS_NAME_BYTES_MAX] = 0;
    assert_int_equal(add(&scope, name), RESUME_OK);
    memset(name, 'b', sizeof name);
    name[RS_NAME_BYTES_MAX + 1] = 0;
    assert_int_equal(add(&scope, name), RESUME_BAD_NAME);
    snprintf(tokens, sizeof tokens, "=%s", name);
    assert_int_equal(add(&scope, tokens), RESUME_BAD_NAME);
    tokens[RS_NAME_BYTES_MAX + 1] = 0;
    assert_int_equal(add(&scope, tokens), RESUME_OK);
    rs_scope_release(&scope);
}

static void test_scope__a_name_stands_once(void **state) {
    (void)state;
    rs_scope scope = {0};
    assert_int_equal(add(&scope, "=a.b"), RESUME_OK);
    assert_int_equal(add(&scope, "a.b"), RESUME_MISUSE);
    assert_int_equal(scope.count, 1);
    rs_scope_release(&scope);
}

static void test_scope__removed_names_leave_nothing(void **state) {
    (void)state;
    rs_scope scope = {0};
    char name[40];
    for (int i = 0; i < 20; i++) {
        snprintf(name, sizeof name, "variable %d", i);
        assert_int_equal(add(&scope, name), RESUME_OK);
    }
    size_t size = scope.names.size;
    for (int round = 0; round < 1000; round++) {
        snprintf(name, sizeof name, "variable %d", round * 7 % 20);
        assert_int_equal(rs_scope_remove(&scope, name, NULL), RESUME_OK);
        assert_int_equal(rs_scope_remove(&scope, name, NULL), RESUME_MISUSE);
        assert_int_equal(add(&scope, name), RESUME_OK);
        assert_int_equal(scope.names.size, size);
    }
    for (int i = 0; i < 20; i++) {
        snprintf(name, sizeof name, "variable %d", i);
        size_t index = rs_scope_find(&scope, name, strlen(name), 3);
        assert_true(index < 20);
        assert_string_equal(rs_scope_name(&scope, &scope.variables[index]), name);
        assert_int_equal(rs_scope_find(&scope, name, strlen(name), index), index);
    }
    assert_true(rs_scope_find(&scope, "variable", 8, 0) == SIZE_MAX);
    rs_scope_release(&scope);
}

/* Fields of one struct after the other: the names of the one before are used again, and no others.
 */
static void test_scope__fields_of_many_structs(void **state) {
    (void)state;
    rs_scope scope = {.is_fields = true};
    static const struct {
        const char *given[4], *names[4];
    } rounds[] = {{{"=p->a", "=p->b", "c"}, {"a", "b", "c"}},
                  {{"=p->a", "=p->b", "c"}, {"a", "b", "c"}},
                  {{"=p->a"}, {"a"}},
                  {{"=p->a", "=p->longer"}, {"a", "longer"}},
                  {{"=q->b", "=q->a", "c", "d"}, {"b", "a", "c", "d"}},
                  {{"=q->b", "=q->b"}, {"b"}}, /* a double one */
                  {{"=q->b", "*"}, {"b", "*"}},
                  {{NULL}, {NULL}},
                  {{"=p->a", "=p->b", "c"}, {"a", "b", "c"}}};
    for (size_t i = 0; i < sizeof rounds / sizeof *rounds; i++) {
        rs_scope_begin(&scope);
        for (size_t k = 0; k < 4 && rounds[i].given[k]; k++)
            assert_int_equal(add(&scope, rounds[i].given[k]),
                             rounds[i].names[k] ? RESUME_OK : RESUME_MISUSE);
        for (size_t k = 0; k < scope.count; k++) {
            const char *name = rounds[i].names[k];
            assert_string_equal(rs_scope_name(&scope, &scope.variables[k]), name);
            assert_int_equal(rs_scope_find(&scope, name, strlen(name), SIZE_MAX), k);
        }
        assert_true(scope.count == 4 || !rounds[i].names[scope.count]);
        assert_true(scope.names.size < 100);
    }
    rs_scope_release(&scope);
}

static void test_scope__counts(void **state) {
    (void)state;
    rs_scope scope = {0};
    double array[3], *pointer = array;
    int count = 3;
    size_t found;
    rs_variable growable = {.kind = RS_VARIABLE_GROWABLE,
                            .type = RESUME_FLOAT64,
                            .address = &pointer,
                            .count_address = &count,
                            .count_type = RESUME_INT32};
    assert_int_equal(rs_scope_add(&scope, &growable, "a", NULL), RESUME_OK);
    assert_int_equal(rs_variable_count(&scope, scope.variables, &found, NULL), RESUME_OK);
    assert_int_equal(found, 3);
    count = -1;
    assert_int_equal(rs_variable_count(&scope, scope.variables, &found, NULL), RESUME_MISUSE);
    count = 1;
    pointer = NULL;
    assert_int_equal(rs_variable_count(&scope, scope.variables, &found, NULL), RESUME_MISUSE);
    count = 0;
    assert_int_equal(rs_variable_count(&scope, scope.variables, &found, NULL), RESUME_OK);
    rs_scope_release(&scope);
}

static void test_scope__texts_of_variables(void **state) {
    (void)state;
    char text[100];
    rs_variable variable = {
        .kind = RS_VARIABLE_NUMBERS, .type = RESUME_INT32, .rank = 2, .shape = {3, 4}};
    rs_variable_text(&variable, text, sizeof text);
    assert_string_equal(text, "int32[3][4]");
    variable = (rs_variable){.kind = RS_VARIABLE_GROWABLE, .type = RESUME_FLOAT64};
    rs_variable_text(&variable, text, sizeof text);
    assert_string_equal(text, "a growable array of double");
    for (int kind = RS_VARIABLE_BYTES; kind <= RS_VARIABLE_STATE; kind++) {
        variable = (rs_variable){.kind = (rs_variable_kind)kind, .size = 8, .count = 2};
        text[0] = 0;
        rs_variable_text(&variable, text, sizeof text);
        assert_true(strlen(text) > 4);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_scope__names_from_tokens),
        cmocka_unit_test(test_scope__long_names),
        cmocka_unit_test(test_scope__a_name_stands_once),
        cmocka_unit_test(test_scope__removed_names_leave_nothing),
        cmocka_unit_test(test_scope__fields_of_many_structs),
        cmocka_unit_test(test_scope__counts),
        cmocka_unit_test(test_scope__texts_of_variables),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
