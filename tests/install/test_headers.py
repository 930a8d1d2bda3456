"""The headers in every standard from C11 and C++11 on, alone, twice, with all warnings."""
import pytest
from installed import compilers

STRICT = ["-pedantic", "-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-Wstrict-prototypes",
          "-Wmissing-prototypes", "-Wundef", "-Werror"]
STRICT_CPP = ["-pedantic", "-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-Wundef",
              "-Wold-style-cast", "-Werror"]
TWICE = "#include <resume/{0}>\n#include <resume/{0}>\nint main(void) {{ return 0; }}\n"
# every macro, so that what they expand to is judged, too
USES = """
#include <resume/resume.h>
#include <resume/resume.h>
#include <stdbool.h>
#include <string.h>
typedef struct point { double x[2]; int n; } point;
static void describe(resume *fields, void *object) {
    point *p = (point *)object;
    resume_protect(fields, p->x);
    resume_protect(fields, p->n);
}
static int save(void *object, resume_writer *writer) {
    return resume_write(writer, object, 4) != RESUME_OK;
}
static int load(void *object, const void *bytes, size_t size) {
    return object == bytes || size != 4;
}
int main(int count, char **arguments) {
    resume *ck;
    resume_options options;
    resume_info info;
    int restored;
    bool flag = false;
    char letter = 'a', text[20] = "";
    long double precise = 1;
    unsigned short table[3][4] = {{0}};
    double *array = NULL, grid[6] = {0}, *block = grid;
    int array_count = 0;
    point one = {{0}, 0}, two[2] = {{{0}, 0}}, *many = NULL;
    size_t many_count = 0;
    memset(&options, 0, sizeof options);
    resume_open(&ck, "uses", &options);
    resume_protect(ck, count);
    resume_protect(ck, flag);
    resume_protect(ck, letter);
    resume_protect(ck, precise);
    resume_protect(ck, table);
    resume_protect(ck, one.n);
    resume_protect_array(ck, array, array_count);
    resume_protect_shape(ck, block, 2, count);
    resume_protect_bytes(ck, arguments, sizeof(char *));
    resume_protect_block(ck, one);
    resume_protect_string(ck, text);
    resume_protect_struct(ck, one, describe);
    resume_protect_structs(ck, many, many_count, describe);
    resume_protect_structs_fixed(ck, two, describe);
    resume_protect_state(ck, "state", save, load, grid);
    resume_unprotect(ck, flag);
    if (resume_restore(ck, &restored) != RESUME_OK) return 1;
    resume_look(ck, &info);
    if (resume_sync(ck) != RESUME_OK || resume_save(ck) != RESUME_OK) return 1;
    return resume_close(ck) != RESUME_OK;
}
"""


STANDARDS = {"gcc": ["c11", "gnu17", "c2x"], "clang": ["c11", "c2x"],
             "g++": ["c++11", "c++17", "gnu++20", "c++23"], "clang++": ["c++11", "c++20"]}
CASES = [(compiler, standard) for compiler in compilers("c") + compilers("cpp")
         for standard in STANDARDS[compiler]]


@pytest.mark.parametrize(("compiler", "standard"), CASES)
def test_every_macro_without_a_warning(installed, tmp_path, compiler, standard):
    is_cpp = "+" in compiler
    source = tmp_path / ("a.cpp" if is_cpp else "a.c")
    text = USES
    if is_cpp:
        text = text.replace("(point *)object", "static_cast<point *>(object)")
        text += "#include <resume/resume.hpp>\n#include <resume/resume.hpp>\n"
    source.write_text(text)
    installed.compile(compiler, source, f"-std={standard}",
                      *(STRICT_CPP if is_cpp else STRICT), run=False).check()


@pytest.mark.parametrize("compiler", compilers("c") + compilers("cpp"))
def test_status_h_alone(installed, tmp_path, compiler):
    source = tmp_path / ("a.cpp" if "+" in compiler else "a.c")
    source.write_text(TWICE.format("status.h"))
    installed.compile(compiler, source, run=False).check()


@pytest.mark.parametrize(("compiler", "standard"), [("gcc", "c99"), ("gcc", "c89"),
                                                    ("clang", "c99"), ("g++", "c++98")])
def test_an_older_standard_is_told(installed, tmp_path, compiler, standard):
    if compiler not in compilers("c") + compilers("cpp"):
        pytest.skip(f"no {compiler}")
    source = tmp_path / ("a.cpp" if "+" in compiler else "a.c")
    source.write_text(TWICE.format("resume.h"))
    built = installed.compile(compiler, source, f"-std={standard}", run=False)
    assert built.code != 0
    assert "#error" in built.said and "C11" in built.said and "C++11" in built.said
