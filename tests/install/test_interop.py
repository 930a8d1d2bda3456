"""Checkpoints of C read by Python and the other way round, and each going on from the other.

Shows that the two read what the other writes, value by value. Not which bytes those are:
tests/c/test_api_encode.c compares them, and the command reads them in tests/cli.
"""
import math
import struct

import pytest

resume = pytest.importorskip("resume")
np = pytest.importorskip("numpy")

WRITER = r"""
#include <resume/resume.h>
#include <complex.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
typedef struct body { double x; char name[8]; int *tail; size_t tail_count; } body;
static void describe(resume *fields, void *object) {
    body *b = object;
    resume_protect(fields, b->x);
    resume_protect_string(fields, b->name);
    resume_protect_array(fields, b->tail, b->tail_count);
}
static int save(void *object, resume_writer *writer) { return resume_write(writer, object, 4); }
static int load(void *object, const void *b, size_t n) { memcpy(object, b, n); return 0; }
int main(void) {
    resume *ck;
    bool truth = true;
    signed char tiny = -128;
    unsigned long long huge = 18446744073709551615ULL;
    double real = 0.1, nan_ = NAN, minus = -0.0;
    float single = 0.1f;
    long double longest = 1.0L / 3;
    double complex z = 1 - 2 * I;
    float complex zs = 0.5f;
    char letters[4] = "abc";
    int grid[2][3] = {{1, 2, 3}, {4, 5, 6}};
    double *grows = malloc(20000 * sizeof *grows), columns[6] = {1, 2, 3, 4, 5, 6};
    size_t grows_count = 20000, none_count = 0;
    short *none = NULL;
    char text[20] = "gr\303\266\303\237e", latin[4] = "\344";
    int tail[2] = {7, 8};
    body one = {1.5, "one", tail, 2}, two[2] = {{2, "a", NULL, 0}, {3, "b", tail, 1}};
    for (int i = 0; i < 20000; i++) grows[i] = i * 0.5;
    resume_open(&ck, "from_c", NULL);
    resume_protect(ck, truth); resume_protect(ck, tiny); resume_protect(ck, huge);
    resume_protect(ck, real); resume_protect(ck, nan_); resume_protect(ck, minus);
    resume_protect(ck, single); resume_protect(ck, longest); resume_protect(ck, z);
    resume_protect(ck, zs); resume_protect(ck, letters); resume_protect(ck, grid);
    resume_protect_array(ck, grows, grows_count); resume_protect_array(ck, none, none_count);
    resume_protect_string(ck, text); resume_protect_string(ck, latin);
    resume_protect_struct(ck, one, describe); resume_protect_structs_fixed(ck, two, describe);
    resume_protect_state(ck, "state", save, load, "\1\2\3\4");
    resume_protect_shape_as(ck, "columns", columns, RESUME_FLOAT64, RESUME_COLUMNS, 2,
                            (size_t[]){2, 3});
    if (resume_save(ck)) { puts(resume_message(ck)); return 1; }
    free(grows);
    return resume_close(ck);
}
"""


def test_python_reads_all_that_c_saves(compiled):
    writer = compiled("gcc", WRITER, "-std=gnu11", "-lm")
    writer.run().check()
    data = resume.load(writer.folder / ".checkpoints/from_c")
    assert data.meta["writer"].startswith("resume ") and data.meta["writer"].endswith(", C")
    assert data.meta["function"] == "program:main" and data.meta["ended"]
    assert data["truth"] is True and data["tiny"] == -128 and data["huge"] == 2 ** 64 - 1
    assert data["real"] == 0.1 and math.isnan(data["nan_"])
    assert math.copysign(1, data["minus"]) == -1
    assert data["single"].dtype == "f4" and data["single"] == np.float32(0.1)
    assert data["longest"].dtype == np.longdouble
    assert data["longest"] == np.longdouble(1) / np.longdouble(3)
    assert data["z"] == 1 - 2j and data["zs"].dtype == "c8" and data["zs"] == 0.5
    assert data["letters"] == b"abc\0" and data["text"] == "größe" and data["latin"] == b"\xe4"
    assert data["grid"].dtype == "i4" and data["grid"].tolist() == [[1, 2, 3], [4, 5, 6]]
    assert np.array_equal(data["grows"], np.arange(20000) * 0.5)
    assert data["none"].dtype == "i2" and data["none"].shape == (0,)
    assert data["columns"].flags.f_contiguous and data["columns"].tolist() == [[1, 3, 5], [2, 4, 6]]
    assert list(data["one"]) == ["x", "name", "tail"]
    assert data["one"]["name"] == "one" and data["one"]["tail"].tolist() == [7, 8]
    assert [body["name"] for body in data["two"]] == ["a", "b"]
    assert data["state"] == b"\1\2\3\4"


# what Python saves as x -> type of C, what printf shows of it; None: refused
TAKEN = [
    ("5", "int8_t x = 0", "%d", "5"),
    ("-1", "uint64_t x = 0", "%d", None),
    ("2 ** 64 - 1", "uint64_t x = 0", "%lu", str(2 ** 64 - 1)),
    ("2 ** 64", "uint64_t x = 0", "%lu", None),
    ("2 ** 53 + 1", "double x = 0", "%.0f", None),
    ("2 ** 53", "double x = 0", "%.0f", str(2 ** 53)),
    ("True", "bool x = 0", "%d", "1"),
    ("0.1", "double x = 0", "%.17g", "0.10000000000000001"),
    ("0.1", "float x = 0", "%g", None),
    ("0.5", "float x = 0", "%g", "0.5"),
    ("1.0", "int x = 0", "%d", None),
    ("None", "int x = 0", "%d", None),
    ("'5'", "int x = 0", "%d", None),
    ("np.int16(-7)", "long x = 0", "%ld", "-7"),
    ("np.float32(0.1)", "float x = 0", "%.9g", "0.100000001"),
    ("np.float16(0.5)", "double x = 0", "%g", "0.5"),
    ("np.longdouble(1) / 3", "long double x = 0", "%.21Lg", "0.333333333333333333342"),
    ("np.array(3)", "int x = 0", "%d", "3"),
    ("decimal.Decimal(1)", "double x = 0", "%g", None),
]
TAKEN_ARRAYS = [
    ("[1, 2, 3]", "1 2 3"),
    ("(1, 2, 3)", "1 2 3"),
    ("[1.0, 2, True]", "1 2 1"),
    ("list(range(20))", "0 1 2"),
    ("[0.5] * 20", "0.5 0.5 0.5"),
    ("np.arange(3)", "0 1 2"),
    ("np.arange(3, dtype='>f4')", "0 1 2"),
    ("np.arange(12)[::-4]", "11 7 3"),
    ("np.arange(9).reshape(3, 3)[:, 1]", "1 4 7"),
    ("np.broadcast_to(np.float64(7), (3,))", "7 7 7"),
    ("np.arange(100000, dtype=float)", "0 1 2"),
    ("np.arange(200000, dtype=float)[100000:]", "100000 100001 100002"),
    ("array.array('h', [1, -2, 3])", "1 -2 3"),
    ("np.array([True, False, True])", "1 0 1"),
    ("np.zeros((2, 2))", None),
    ("np.array([2 ** 63], dtype='u8')", "9.2233720368547758e+18"),
    ("np.array([2 ** 60 + 1])", None),
    ("np.array(['a'])", None),
    ("['a']", None),
    ("{1: 2}", None),
]
READER = r"""
#include <resume/resume.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
int main(int n, char **paths) {
    for (int i = 1; i < n; i++) {
        resume *ck;
        resume_read(&ck, paths[i]);
        %s
        resume_leave(ck);
    }
}
"""


def save(tmp_path, expression, index):
    import array  # noqa: F401
    import decimal  # noqa: F401
    x = eval(expression)
    path = tmp_path / f"p{index}"
    checkpoint = resume.Checkpoint(path, random_state=False, only=["x"])
    checkpoint.save()
    checkpoint.close()
    assert x is not checkpoint
    return str(path)


def test_c_takes_numbers_of_python(compiled, tmp_path):
    code = "".join(f"""if (i == {i + 1}) {{ {declaration}; resume_protect(ck, x);
        if (resume_restore(ck, NULL)) puts("-"); else printf("{show}\\n", x); }}
        """ for i, (_, declaration, show, _) in enumerate(TAKEN))
    reader = compiled("gcc", READER.replace("%s", code), "-std=gnu11", "-Wno-format")
    paths = [save(tmp_path, expression, i) for i, (expression, *_) in enumerate(TAKEN)]
    got = reader.run(*paths).check().out.splitlines()
    assert list(zip(TAKEN, got)) == [(row, row[3] or "-") for row in TAKEN]


def test_c_takes_arrays_of_python(compiled, tmp_path):
    code = """double *x = NULL; int count = 0; resume_protect_array(ck, x, count);
        if (resume_restore(ck, NULL)) printf("-");
        for (int k = 0; k < count && k < 3; k++) printf(k ? " %.17g" : "%.17g", x[k]);
        free(x);
        puts("");"""
    reader = compiled("gcc", READER.replace("%s", code), "-std=gnu11")
    paths = [save(tmp_path, expression, i) for i, (expression, _) in enumerate(TAKEN_ARRAYS)]
    got = reader.run(*paths).check().out.splitlines()
    assert list(zip(TAKEN_ARRAYS, got)) == [(row, row[1] or "-") for row in TAKEN_ARRAYS]


COUNTER = r"""
#include <resume/resume.h>
#include <stdio.h>
#include <stdlib.h>
int main(int n, char **arguments) {
    resume *ck;
    long step = 0;
    double *values = NULL;
    size_t values_count = 0;
    char text[40] = "fresh";
    int restored;
    resume_open(&ck, arguments[1], NULL);
    resume_protect(ck, step);
    resume_protect_array(ck, values, values_count);
    resume_protect_string(ck, text);
    if (resume_restore(ck, &restored)) { puts(resume_message(ck)); return n; }
    step++;
    values = realloc(values, (values_count + 1) * sizeof *values);
    values[values_count++] = (double)step * 0.1;
    snprintf(text, sizeof text, "C at %ld", step);
    if (resume_save(ck)) { puts(resume_message(ck)); return n; }
    printf("%d %ld %zu %s\n", restored, step, values_count, text);
    resume_leave(ck);
    free(values);
    return 0;
}
"""


def step_in_python(path):
    def count():
        checkpoint = resume.Checkpoint(path, random_state=False, skip=["path"])
        step, values, text = 0, np.zeros(0), "fresh"
        checkpoint.restore()
        step += 1
        values = np.append(values, step * 0.1)
        text = f"Python at {step}"
        checkpoint.save()
        checkpoint.close()
        return step, values.tolist(), text
    return count()


@pytest.mark.filterwarnings("ignore::resume.ResumeWarning")
@pytest.mark.parametrize("first", ["C", "Python"])
def test_each_goes_on_from_the_other(compiled, tmp_path, first):
    counter = compiled("gcc", COUNTER, "-std=gnu11")
    path = tmp_path / "both"
    for step in range(1, 7):
        if (step % 2 == 1) == (first == "C"):
            out = counter.run(str(path)).check().out.split()
            assert out == ["1" if step > 1 else "0", str(step), str(step), "C", "at", str(step)]
        else:
            values = [i * 0.1 for i in range(1, step + 1)]
            assert step_in_python(path) == (step, values, f"Python at {step}")
    data = resume.load(path)
    assert data["step"] == 6 and data["values"].shape == (6,)


def test_a_nan_keeps_its_payload(compiled, tmp_path):
    bits = struct.unpack("<d", struct.pack("<Q", 0x7FF8DEADBEEF0001))[0]
    x = bits  # noqa: F841
    checkpoint = resume.Checkpoint(tmp_path / "p1", random_state=False, only=["x"])
    checkpoint.save()
    checkpoint.close()
    code = """double x = 0; uint64_t b; resume_protect(ck, x); resume_restore(ck, NULL);
        __builtin_memcpy(&b, &x, 8); printf("%llx\\n", (unsigned long long)b);"""
    reader = compiled("gcc", READER.replace("%s", code), "-std=gnu11")
    assert reader.run(str(tmp_path / "p1")).check().out == "7ff8deadbeef0001\n"
