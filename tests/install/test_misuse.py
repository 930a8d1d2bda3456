"""What programmers will try: what must not compile does not, and what must compile does."""
import pytest
from installed import compilers

BEGIN = """
#include <resume/resume.h>
#include <stdbool.h>
#include <stdlib.h>
typedef struct point { double x, y; unsigned bits : 3; const int fixed; long *link; } point;
typedef enum colour { RED, GREEN } colour;
typedef double vector[3];
void try_it(resume *ck, point *p, int n, float in_call[10]);
void try_it(resume *ck, point *p, int n, float in_call[10]) {
    double *pointer = NULL, number = 0, deep[1][1][1][1][1];
    short *pointers[4] = {0}, (*rows[2])[3] = {0}, (*planes[2][5])[3] = {{0}};
    void *nothing = NULL;
    const double fixed = 1;
    const float fixed_array[2] = {1, 2};
    const unsigned char *bytes = NULL;
    volatile double shaky = 0;
    const char *text = "text";
    char letters[10] = "", *letter = letters;
    signed char small[10] = "";
    double float_count = 0;
    point points[2] = {{0, 0, 0, 0, NULL}, {0, 0, 0, 0, NULL}};
    (void)rows, (void)planes;
    (void)pointer, (void)number, (void)pointers, (void)deep, (void)nothing, (void)fixed;
    (void)fixed_array, (void)bytes, (void)shaky, (void)text, (void)letters, (void)letter;
    (void)small, (void)float_count, (void)points, (void)p, (void)n, (void)in_call;
"""
END = "}\n"
# what it is -> a statement that must not compile
WRONG = {
    "pointer": "resume_protect(ck, pointer);",
    "pointer to void": "resume_protect(ck, nothing);",
    "string": "resume_protect(ck, text);",
    "char pointer": "resume_protect(ck, letter);",
    "char pointer as text": "resume_protect_string(ck, letter);",
    "numbers as text": "resume_protect_string(ck, small);",
    "array parameter": "resume_protect(ck, in_call);",
    "array of pointers": "resume_protect(ck, pointers);",
    "array of pointers to arrays": "resume_protect(ck, rows);",
    "table of pointers to arrays": "resume_protect(ck, planes);",
    "const": "resume_protect(ck, fixed);",
    "const array": "resume_protect(ck, fixed_array);",
    "const field": "resume_protect(ck, p->fixed);",
    "volatile": "resume_protect(ck, shaky);",
    "struct": "resume_protect(ck, *p);",
    "array of structs": "resume_protect(ck, points);",
    "pointer field": "resume_protect(ck, p->link);",
    "bit field": "resume_protect(ck, p->bits);",
    "value": "resume_protect(ck, number + 1);",
    "literal": "resume_protect(ck, 1);",
    "function": "resume_protect(ck, try_it);",
    "array that is no pointer": "resume_protect_array(ck, letters, n);",
    "count that is a number with a fraction": "resume_protect_array(ck, pointer, float_count);",
    "count that is a value": "resume_protect_array(ck, pointer, 10);",
    "growable array of pointers": "int **many = NULL; resume_protect_array(ck, many, n);",
    "growable array of const": "resume_protect_array(ck, text, n);",
    "shape of void": "resume_protect_shape(ck, nothing, 3);",
    "shape of const": "resume_protect_shape(ck, bytes, 3);",
    "fixed structs behind a pointer": "resume_protect_structs_fixed(ck, p, NULL);",
    "block of const": "resume_protect_block(ck, fixed);",
    "struct of const": "const point q = {0}; resume_protect_struct(ck, q, NULL);",
}
WRONG_IN_C = {"five dimensions": "resume_protect(ck, deep);"}
# what it is -> statements that must compile without a warning
RIGHT = {
    "enum": "colour c = RED; resume_protect(ck, c);",
    "typedef of an array": "vector v = {0}; resume_protect(ck, v);",
    "field": "resume_protect(ck, p->x);",
    "field in brackets": "resume_protect(ck, (*p).x);",
    "element": "resume_protect(ck, points[1].y);",
    "static": "static int kept; resume_protect(ck, kept);",
    "thread local": "static __thread int own; resume_protect(ck, own);",
    "size_t": "size_t s = 0; resume_protect(ck, s);",
    "long double": "long double l[3] = {0}; resume_protect(ck, l);",
    "bool": "bool b[2] = {false}; resume_protect(ck, b);",
    "array count in a field": "resume_protect_array(ck, p->link, n);",
    "one handle for each call": "resume *cks[1] = {ck}; resume_protect(cks[0], number);",
    "in a conditional": "if (n) resume_protect(ck, number); else resume_protect(ck, n);",
    "parameter": "resume_protect(ck, n);",
    "shape of an array parameter": "resume_protect_shape(ck, in_call, 10);",
    "shape with computed dimensions": "resume_protect_shape(ck, pointer, n + 1, (size_t)n);",
    "string in a struct": "struct { char t[8]; } s = {\"\"}; resume_protect_string(ck, s.t);",
}
RIGHT_IN_C = {
    "complex": "double _Complex z[2] = {0}; resume_protect(ck, z);",
    "variable length": "double v[n]; v[0] = 0; resume_protect_shape(ck, &v[0], n);",
    "anonymous enum": "enum { A, B } e = A; resume_protect(ck, e);",
}


def compile_lines(installed, tmp_path, compiler, statements, *flags):
    return installed.compile_lines(compiler, tmp_path, BEGIN, statements, END, *flags)


@pytest.mark.parametrize("compiler", compilers("c") + compilers("cpp"))
def test_what_must_not_compile_does_not_and_all_else_does(installed, tmp_path, compiler):
    right = RIGHT if "+" in compiler else RIGHT | RIGHT_IN_C
    compile_lines(installed, tmp_path, compiler, right | {"nothing": "(void)ck;"})[0].check()
    # a project that turns the warnings about const off, which are on by default, is alone
    const = {"gcc": ["-Werror=discarded-qualifiers"],
             "clang": ["-Werror=incompatible-pointer-types-discards-qualifiers"]}
    quiet = ["-Wno-error", *const.get(compiler, [])]
    cases = WRONG if "+" in compiler else WRONG | WRONG_IN_C
    _, refused = compile_lines(installed, tmp_path, compiler, cases, *quiet)
    # what a template refuses is told for its first use alone: those once more, one by one
    wrong = [name for name, statement in cases.items() if name not in refused and not
             compile_lines(installed, tmp_path, compiler, {name: statement}, *quiet)[0].code]
    assert wrong == [] and len(refused) > len(cases) / 2


@pytest.mark.parametrize("compiler", compilers("c") + compilers("cpp"))
def test_the_message_for_a_pointer_says_what_to_use(installed, tmp_path, compiler):
    said = compile_lines(installed, tmp_path, compiler, {"pointer": WRONG["pointer"]})[0].said
    assert "resume_protect_array" in said or "FIXED_ARRAYS_OF_NUMBERS_ONLY" in said, said
