"""resume.hpp: every type it takes, its exceptions, what the destructor does."""
import pytest
from installed import compilers

import resume

EVERYTHING = r"""
#include <resume/resume.hpp>
#include <cstdio>
#include <cstring>
#include <random>

enum class colour : unsigned char { red = 3, green = 200 };
enum old_style { first, second = -70000 };

struct inner {
    double x;
    std::string text;
};
void describe(resumable::fields &fields, inner &i) {
    RESUME_PROTECT(fields, i.x, i.text);
}

namespace elsewhere {
struct outer { // found by argument-dependent look-up
    inner one;
    std::vector<inner> many;
    std::array<inner, 2> two;
    inner three[3];
    int counts[2][3];
};
void describe(resumable::fields &fields, outer &o) {
    RESUME_PROTECT(fields, o.one, o.many, o.two, o.three, o.counts);
}
}

struct plain { int a; char b[5]; double c; };

struct everything {
    bool flag = false; char letter = 0; signed char tiny = 0; unsigned char byte = 0;
    short s = 0; unsigned short us = 0; int i = 0; unsigned u = 0; long l = 0; unsigned long ul = 0;
    long long ll = 0; unsigned long long ull = 0;
    float f = 0; double d = 0; long double ld = 0;
    std::complex<float> cf; std::complex<double> cd; std::complex<long double> cl;
    colour c = colour::red; old_style o = first;
    double grid[2][3] = {};
    std::array<std::array<short, 2>, 3> nested = {};
    std::array<int, 4> mixed[2] = {};
    std::vector<double> numbers; std::vector<colour> colours;
    std::vector<std::complex<float>> waves;
    std::vector<inner> inners; std::vector<int> empty_before, empty_after;
    std::string text, binary;
    std::mt19937_64 twister; std::minstd_rand small; std::ranlux24_base lux;
    std::normal_distribution<double> normal; std::uniform_int_distribution<int> dice;
    elsewhere::outer outer;
    plain as_bytes = {};
    std::string streamed;

    void protect(resumable::checkpoint &ck) {
        everything &e = *this;
        RESUME_PROTECT(ck, e.flag, e.letter, e.tiny, e.byte, e.s, e.us, e.i, e.u, e.l, e.ul, e.ll,
                       e.ull, e.f, e.d, e.ld, e.cf, e.cd, e.cl, e.c, e.o, e.grid, e.nested, e.mixed,
                       e.numbers, e.colours, e.waves, e.inners, e.empty_before, e.empty_after,
                       e.text, e.binary, e.twister, e.small, e.lux, e.normal, e.dice, e.outer);
        ck.protect_block("block", as_bytes);
        ck.protect_state("streamed", [this](std::ostream &out) { out << streamed; },
                         [this](std::istream &in) { in >> streamed; });
    }

    void fill() {
        flag = true; letter = -1; tiny = -128; byte = 255; s = -32768; us = 65535;
        i = -2147483647 - 1; u = 4294967295u; l = -5; ul = ~0ul; ll = -(1ll << 62); ull = ~0ull;
        f = 0.1f; d = -0.0; ld = 1.0L / 3;
        cf = {1, -2}; cd = {0.1, 1e300}; cl = {1.0L / 7, -1};
        c = colour::green; o = second;
        for (int k = 0; k < 6; k++) {
            grid[k / 3][k % 3] = k + 0.5;
            nested[unsigned(k / 2)][unsigned(k % 2)] = short(k);
            mixed[k / 4][static_cast<unsigned>(k % 4)] = -k;
            outer.counts[k / 3][k % 3] = 10 * k;
        }
        numbers.assign(1000, 0.25);
        colours.assign(3, colour::green);
        waves.assign(2, {1.5f, 2.5f});
        inners.resize(3);
        inners[1] = {2.5, "second"};
        empty_before = {1, 2, 3};
        text = "text with \xc3\xa4";
        binary.assign("\0\xff\0", 3);
        for (int k = 0; k < 1001; k++)
            normal(twister), small(), lux();
        dice = std::uniform_int_distribution<int>(1, 6);
        outer.one = {1, "one"};
        outer.many.assign(4, inner{4, std::string(100, 'm')});
        outer.two[1].text = "two";
        outer.three[2] = {3, "three"};
        as_bytes = {7, "abcd", 2.5};
        streamed = "word";
    }

    std::string shown() {
        std::ostringstream out;
        out.precision(25);
        out << flag << int(letter) << int(tiny) << int(byte) << ' ' << s << us << i << u << l << ul
            << ll << ull << ' ' << f << ' ' << d << ' ' << ld << cf << cd << cl << int(c) << o;
        for (int k = 0; k < 6; k++)
            out << ' ' << grid[k / 3][k % 3] << nested[unsigned(k / 2)][unsigned(k % 2)]
                << mixed[k / 4][unsigned(k % 4)] << outer.counts[k / 3][k % 3];
        out << ' ' << numbers.size() << colours.size() << waves.size() << inners.size()
            << empty_before.size() << empty_after.size() << text << binary.size();
        for (double x : numbers) out << x;
        for (const inner &x : inners) out << x.x << x.text;
        for (const inner &x : outer.many) out << x.x << x.text;
        out << outer.one.text << outer.two[1].text << outer.three[2].text << streamed;
        out << as_bytes.a << as_bytes.b << as_bytes.c << ' ' << normal(twister) << small() << lux();
        out << normal << dice;
        return out.str();
    }
};

int main(int count, char **) {
    everything now, wanted;
    wanted.fill();
    resumable::checkpoint ck("everything");
    now.protect(ck);
    if (count == 1) {
        if (ck.restore()) return 1;
        now.fill();
        ck.done();
        return 0;
    }
    now.empty_after.assign(10, 1); // restoring makes it empty
    now.outer.many.resize(9);
    if (!ck.restore() || ck.report(RESUME_MISSING).size() || ck.report(RESUME_UNUSED).size())
        return 2;
    const std::string a = now.shown(), b = wanted.shown();
    if (a != b) std::printf("%s\n%s\n", a.c_str(), b.c_str());
    ck.leave();
    return a == b ? 0 : 3;
}
"""


@pytest.mark.parametrize(("compiler", "standard"), [
    (compiler, standard) for compiler, standard in
    (("g++", "c++11"), ("g++", "c++20"), ("clang++", "c++17")) if compiler in compilers("cpp")])
def test_every_type_comes_back(compiled, compiler, standard):
    work = compiled(compiler, EVERYTHING, "-O0", f"-std={standard}")
    work.run().check()
    python_reads(work)
    work.run("again").check()


def python_reads(work):
    state = resume.load(work.folder / ".checkpoints/everything")
    assert state["e.ull"] == 2**64 - 1 and state["e.c"] == 200 and state["e.o"] == -70000
    assert state["e.cd"] == 0.1 + 1e300j and state["e.flag"] is True
    assert [list(row) for row in state["e.grid"]] == [[0.5, 1.5, 2.5], [3.5, 4.5, 5.5]]
    assert len(state["e.numbers"]) == 1000 and list(state["e.empty_before"]) == [1, 2, 3]
    assert bytes(state["e.binary"]) == b"\0\xff\0"
    assert state["e.outer"]["many"][3]["x"] == 4
    assert state["streamed"] == b"word"


ENDS = r"""
#include <resume/resume.hpp>
#include <cstdio>
#include <cstring>

struct bad { int x; };
void describe(resumable::fields &fields, bad &b) {
    if (b.x == 13) throw std::runtime_error("from describe");
    RESUME_PROTECT(fields, b.x);
}

static void run(const char *how, int &step) {
    resumable::checkpoint ck("ends");
    RESUME_PROTECT(ck, step);
    ck.restore();
    step++;
    ck.save();
    if (!std::strcmp(how, "throw")) throw 5;
    if (!std::strcmp(how, "leave")) ck.leave();
}

int main(int, char **arguments) {
    const char *how = arguments[1];
    int step = 0;
    try {
        if (!std::strcmp(how, "describe")) {
            bad b = {1};
            resumable::checkpoint ck("describe");
            RESUME_PROTECT(ck, b);
            ck.restore();
            ck.save();
            b.x = 13;
            ck.save();
        } else if (!std::strcmp(how, "twice")) {
            resumable::checkpoint one("twice"), two("twice");
        } else if (!std::strcmp(how, "same")) {
            resumable::checkpoint ck("same");
            RESUME_PROTECT(ck, step, step);
        } else if (!std::strcmp(how, "moved")) {
            resumable::checkpoint ck("moved");
            ck.protect_state("s", [](std::ostream &out) { out << 1; }, [](std::istream &) {});
            resumable::checkpoint to(std::move(ck));
            RESUME_PROTECT(to, step);
            to.restore();
            to.save();
            ck = std::move(to);
            step++;
            ck.save();
            std::printf("%d saves\n", int(ck.look().saves));
        } else if (!std::strcmp(how, "load")) {
            bool ok = true;
            resumable::checkpoint ck("load");
            ck.protect_state("s", [](std::ostream &out) { out << 1; },
                             [&](std::istream &) { if (ok) throw std::logic_error("from load"); });
            RESUME_PROTECT(ck, step);
            if (!ck.restore()) ck.save();
        } else {
            run(how, step);
        }
    } catch (const resumable::error &failure) {
        std::printf("%s: %s\n", resume_status_name(failure.status()), failure.what());
        return 0;
    } catch (const std::exception &failure) {
        std::printf("%s\n", failure.what());
    } catch (int) {
    }
    std::printf("step %d\n", step);
}
"""


@pytest.fixture
def ends(compiled):
    return compiled(compilers("cpp")[0], ENDS, "-O0")


@pytest.mark.parametrize(("how", "found"), [("return", 2), ("throw", 1), ("leave", 1)])
def test_the_destructor_records_the_end_unless_an_exception_is_on_its_way(compiled, ends, how,
                                                                         found):
    ends.run(how).check()
    look = compiled(compilers("cpp")[0], r"""
        #include <resume/resume.hpp>
        #include <cstdio>
        int main() {
            resumable::checkpoint ck("ends");
            std::printf("%d\n", ck.look().found);
            ck.leave();
        }""", name="look")
    assert look.run().check().out == f"{found}\n"


def test_an_exception_from_describe_comes_out_of_save_and_nothing_is_saved(ends):
    assert ends.run("describe").check().out == "from describe\nstep 0\n"
    assert resume.load(ends.folder / ".checkpoints/describe")["b"] == {"x": 1}


def test_an_exception_from_load_comes_out_of_restore(ends):
    assert ends.run("load").check().out == "step 0\n"
    assert ends.run("load").check().out == "from load\nstep 0\n"


def test_errors_are_exceptions_with_status_and_message(ends):
    locked = ends.run("twice").check().out
    assert locked.startswith("RESUME_LOCKED: ") and len(locked) > 30
    same = ends.run("same").check().out
    assert same.startswith("RESUME_MISUSE: ") and "'step'" in same


def test_a_checkpoint_can_be_moved(ends):
    assert ends.run("moved").check().out == "2 saves\nstep 1\n"


REFUSED = {
    "pointer": "int *p = nullptr; RESUME_PROTECT(ck, p);",
    "const": "const int c = 1; RESUME_PROTECT(ck, c);",
    "struct without describe": "struct s { int x; } s = {1}; RESUME_PROTECT(ck, s);",
    "vector of bool": "std::vector<bool> v; RESUME_PROTECT(ck, v);",
    "vector of pointers": "std::vector<int *> v; RESUME_PROTECT(ck, v);",
    "temporary": "RESUME_PROTECT(ck, 1 + 1);",
    "block with a string": "std::string s; ck.protect_block(\"s\", s);",
    "copy": "resumable::checkpoint other(ck);",
}


@pytest.mark.parametrize("compiler", compilers("cpp"))
def test_what_must_not_compile(installed, tmp_path, compiler):
    begin = "#include <resume/resume.hpp>\nint main() { resumable::checkpoint ck;\n"
    right = {"number": "int x = 1; RESUME_PROTECT(ck, x);"}
    installed.compile_lines(compiler, tmp_path, begin, right, "}\n")[0].check()
    built, refused = installed.compile_lines(compiler, tmp_path, begin, REFUSED, "}\n")
    assert sorted(REFUSED.keys() - refused) == []
    assert "protect_state" in built.said  # it says what there is
