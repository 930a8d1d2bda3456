/* The loops around a place in a code object: read from the byte code, said in source text. */
#include "code.h"

#include "pycompat/bytecode.h"

/* Decodes and analyses. 1: nothing can be said. */
static int look(rp_bytecode *bytecode, PyCodeObject *code) {
    if (rp_bytecode_init(bytecode, code)) return -1;
    return rp_bytecode_analyse(bytecode);
}

/* Topmost iterator on the stack at a place; -1 for none. */
static int iterator_at(const rp_bytecode *bytecode, int at) {
    int index = rp_bytecode_index(bytecode, at);
    return index < 0 || bytecode->places[index].depth < 0 ? -1 : bytecode->places[index].iterators;
}

static bool loop_is_around(const rp_bytecode *bytecode, int loop, int at) {
    for (int i = iterator_at(bytecode, at); i >= 0; i = bytecode->iterators[i].below)
        if (bytecode->iterators[i].loop == loop) return true;
    return false;
}

static bool is_named(const rp_instruction *instruction, PyObject *names, const char *name) {
    return instruction->name >= 0 && instruction->name < PyTuple_GET_SIZE(names) &&
           PyUnicode_CompareWithASCIIString(PyTuple_GET_ITEM(names, instruction->name), name) == 0;
}

/* First instruction of the expression whose value the instruction `user` takes from the top. */
static int expression_start(const rp_bytecode *bytecode, int user) {
    int depth = bytecode->places[user].depth - 1;
    for (int index = user - 1; index >= 0; index--) {
        int here = bytecode->places[index].depth;
        const rp_instruction *before = &bytecode->instructions[index - (index > 0)];
        /* a branch of a conditional expression: the other one stands before it */
        bool is_branch = index > 0 && before->flags & RP_OP_ENDS &&
                         before->target > before->start &&
                         before->target <= bytecode->instructions[user].start;
        if (here >= 0 && here <= depth && !is_branch) return index;
    }
    return 0;
}

/* How often the instructions from `first` to before `last` take an attribute `loop` of something.
 */
static int loops_taken(const rp_bytecode *bytecode, PyObject *names, int first, int last) {
    int count = 0;
    for (int i = first; i < last; i++)
        count += bytecode->instructions[i].meaning == RP_MEANS_ATTRIBUTE &&
                 is_named(&bytecode->instructions[i], names, "loop");
    return count;
}

/* `load` reads a variable that is somewhere given a value with an attribute `loop` in it. */
static bool variable_holds_loop(const rp_bytecode *bytecode, PyObject *names,
                                const rp_instruction *load) {
    for (int i = 1; i < bytecode->instruction_count; i++) {
        const rp_instruction *store = &bytecode->instructions[i];
        if (store->flags & RP_OP_STORES && store->name == load->name &&
            (store->flags & RP_SCOPE) == (load->flags & RP_SCOPE) &&
            bytecode->places[i].depth > 0 &&
            loops_taken(bytecode, names, expression_start(bytecode, i), i) > 0)
            return true;
    }
    return false;
}

/* How a `for` goes on when the program is run again. */
typedef enum manner {
    MANNER_PLAIN,     /* starts over */
    MANNER_LOOP,      /* chp.loop(...), alone or inside an expression */
    MANNER_ENUMERATE, /* enumerate(chp.loop(...)): the number starts over */
    MANNER_ZIP,       /* zip(chp.loop(...), other): the other starts over */
} manner;

/* What stands around the first chp.loop of the expression from `first` to before `user`. */
static manner around_loop(const rp_bytecode *bytecode, PyObject *names, int first, int user) {
    for (int i = first; i < user; i++) {
        const rp_instruction *load = &bytecode->instructions[i];
        if (load->meaning == RP_MEANS_ATTRIBUTE && is_named(load, names, "loop")) break;
        if (!(load->flags & RP_OP_LOADS) || !(load->flags & RP_SCOPE_NAME)) continue;
        if (is_named(load, names, "enumerate")) return MANNER_ENUMERATE;
        /* the call that makes the zip is the last one */
        if (is_named(load, names, "zip") &&
            loops_taken(bytecode, names, i, user) < bytecode->instructions[user - 1].argument)
            return MANNER_ZIP;
    }
    return MANNER_LOOP;
}

/* Of the `for` whose FOR_ITER is at `loop`. */
static manner manner_of(const rp_bytecode *bytecode, PyObject *names, int loop) {
    int user = rp_bytecode_index(bytecode, loop);
    while (user >= 0 && bytecode->instructions[user].meaning != RP_MEANS_GET_ITERATOR)
        user--;
    if (user <= 0 || bytecode->places[user].depth <= 0) return MANNER_PLAIN;
    int first = expression_start(bytecode, user);
    if (loops_taken(bytecode, names, first, user) > 0)
        return around_loop(bytecode, names, first, user);
    const rp_instruction *only = &bytecode->instructions[first];
    return first == user - 1 && only->flags & RP_OP_LOADS &&
                   variable_holds_loop(bytecode, names, only)
               ? MANNER_LOOP
               : MANNER_PLAIN;
}

/* A call that directly follows GET_ITER is that of a comprehension's own function (until 3.11) or
 * of a generator expression. */
static int comprehension_at(const rp_bytecode *bytecode, int at) {
    int index = rp_bytecode_index(bytecode, at);
    if (index > 0 && bytecode->instructions[index].meaning == RP_MEANS_CALL &&
        bytecode->instructions[index - 1].meaning == RP_MEANS_PRECALL)
        index--;
    if (index <= 0 || (bytecode->instructions[index].meaning != RP_MEANS_CALL &&
                       bytecode->instructions[index].meaning != RP_MEANS_PRECALL))
        return -1;
    return bytecode->instructions[index - 1].meaning == RP_MEANS_GET_ITERATOR
               ? bytecode->instructions[index - 1].start
               : -1;
}

/* Place of the outermost `for` that would not go on where it is; -1: none. */
static int outermost_plain(const rp_bytecode *bytecode, PyObject *names, int restored_at, int here,
                           manner *how) {
    int outermost = -1;
    for (int i = iterator_at(bytecode, here); i >= 0; i = bytecode->iterators[i].below) {
        int loop = bytecode->iterators[i].loop;
        if (restored_at >= 0 && loop_is_around(bytecode, loop, restored_at)) continue;
        manner manner_here = manner_of(bytecode, names, loop);
        if (manner_here == MANNER_LOOP) continue;
        outermost = loop;
        *how = manner_here;
    }
    return outermost;
}

static PyObject *source_line(PyCodeObject *code, int line) {
    PyObject *module = PyImport_ImportModule("linecache"), *text = NULL;
    if (module) text = PyObject_CallMethod(module, "getline", "Oi", code->co_filename, line);
    Py_XDECREF(module);
    return text;
}

/* Where `for TARGET in ITERABLE:` of one line has its parts, as byte ranges. */
typedef struct header {
    const char *target, *iterable;
    int target_size, iterable_size;
} header;

/* The first `what` outside brackets and quotes; NULL. */
static const char *find_outside(const char *text, const char *what) {
    int depth = 0;
    char quote = 0;
    for (; *text; text++) {
        if (quote) {
            if (*text == '\\' && text[1]) {
                text++;
            } else if (*text == quote) {
                quote = 0;
            }
            continue;
        }
        if (depth == 0 && strncmp(text, what, strlen(what)) == 0) return text;
        if (*text == '#') return NULL;
        if (*text == '"' || *text == '\'') quote = *text;
        if (strchr("([{", *text)) depth++;
        if (strchr(")]}", *text)) depth--;
    }
    return NULL;
}

static bool split_header(const char *line, header *parts) {
    enum { LONGEST = 200 };
    line += strspn(line, " \t\f");
    if (strncmp(line, "for ", 4) != 0) return false;
    const char *in = find_outside(line + 4, " in ");
    if (!in) return false;
    parts->target = line + 4;
    parts->iterable = in + 4;
    parts->iterable += strspn(parts->iterable, " ");
    const char *end = find_outside(parts->iterable, ":");
    if (!end || end - line > LONGEST) return false;
    parts->target_size = (int)(in - parts->target);
    parts->iterable_size = (int)(end - parts->iterable);
    return parts->iterable_size > 0;
}

static PyObject *advice_on_header(int line, PyObject *target, PyObject *iterable, manner how) {
    if (how == MANNER_ENUMERATE)
        return PyUnicode_FromFormat(
            "line %d: `for %U in %U:` counts from the start when the program is run again; "
            "put chp.loop around the enumerate: `chp.loop(enumerate(...))`",
            line, target, iterable);
    if (how == MANNER_ZIP)
        return PyUnicode_FromFormat(
            "line %d: `for %U in %U:` starts the other sequences over when the program is run "
            "again; put chp.loop around the zip: `chp.loop(zip(...))`",
            line, target, iterable);
    return PyUnicode_FromFormat("line %d: `for %U in %U:` starts over when the program is run "
                                "again; write `for %U in chp.loop(%U):`",
                                line, target, iterable, target, iterable);
}

static PyObject *advice_for(PyCodeObject *code, int line, manner how) {
    header parts;
    PyObject *source = source_line(code, line), *advice = NULL;
    const char *text = source && PyUnicode_Check(source) ? PyUnicode_AsUTF8(source) : NULL;
    if (!text) PyErr_Clear(); /* no source: the line alone has to do */
    if (text && split_header(text, &parts)) {
        PyObject *target = PyUnicode_DecodeUTF8(parts.target, parts.target_size, "replace");
        PyObject *iterable = PyUnicode_DecodeUTF8(parts.iterable, parts.iterable_size, "replace");
        if (target && iterable) advice = advice_on_header(line, target, iterable, how);
        Py_XDECREF(target);
        Py_XDECREF(iterable);
    } else if (how == MANNER_PLAIN) {
        advice =
            PyUnicode_FromFormat("line %d: this loop starts over when the program is run again; "
                                 "write `for ... in chp.loop(...):`",
                                 line);
    } else {
        advice = PyUnicode_FromFormat(
            "line %d: this loop is not wholly inside chp.loop, and the rest starts over when the "
            "program is run again; write `for ... in chp.loop(%s(...)):`",
            line, how == MANNER_ZIP ? "zip" : "enumerate");
    }
    Py_XDECREF(source);
    return advice;
}

int rp_code_plain_loop(PyCodeObject *code, int restored_at, int here, PyObject **advice) {
    rp_bytecode bytecode = {0};
    PyObject *names = PyObject_GetAttrString((PyObject *)code, "co_names");
    int line = -1, loop;
    manner how = MANNER_PLAIN;
    *advice = NULL;
    int looked = names ? look(&bytecode, code) : -1;
    if (looked) {
        line = looked < 0 ? -1 : 0;
        goto done;
    }
    loop = outermost_plain(&bytecode, names, restored_at, here, &how);
    if (loop < 0 && iterator_at(&bytecode, here) < 0) loop = comprehension_at(&bytecode, here);
    if (loop < 0) {
        line = 0;
        goto done;
    }
    line = PyCode_Addr2Line(code, loop);
    if (line <= 0) {
        line = 0;
        goto done;
    }
    *advice = advice_for(code, line, how);
    if (!*advice) line = -1;
done:
    rp_bytecode_release(&bytecode);
    Py_XDECREF(names);
    return line;
}

bool rp_code_in_for(PyCodeObject *code, int here) {
    rp_bytecode bytecode = {0};
    int looked = look(&bytecode, code);
    bool found = looked == 0 &&
                 (iterator_at(&bytecode, here) >= 0 || comprehension_at(&bytecode, here) >= 0);
    if (looked < 0) PyErr_Clear();
    rp_bytecode_release(&bytecode);
    return found;
}

/* The place of the FOR_ITER that follows the call at `here` but for jumps; -1. */
static int for_after(const rp_bytecode *bytecode, int here) {
    int index = rp_bytecode_index(bytecode, here) + 1;
    for (int steps = 0; index > 0 && index < bytecode->instruction_count && steps < 64; steps++) {
        const rp_instruction *at = &bytecode->instructions[index];
        if (at->meaning == RP_MEANS_FOR) return at->start;
        if (at->target >= 0 && at->flags & RP_OP_ENDS) {
            index = rp_bytecode_index(bytecode, at->target);
        } else if (at->meaning == RP_MEANS_NOTHING) {
            index++;
        } else {
            return -1;
        }
    }
    return -1;
}

bool rp_code_ends_item(PyCodeObject *code, int here) {
    rp_bytecode bytecode = {0};
    PyObject *names = PyObject_GetAttrString((PyObject *)code, "co_names");
    bool ends = true;
    here = rp_bytecode_call_site(code, here);
    int looked = names ? look(&bytecode, code) : -1;
    int top = looked == 0 ? iterator_at(&bytecode, here) : -1;
    if (top >= 0) {
        int loop = bytecode.iterators[top].loop;
        ends =
            for_after(&bytecode, here) == loop && manner_of(&bytecode, names, loop) != MANNER_PLAIN;
    }
    if (looked < 0) PyErr_Clear();
    rp_bytecode_release(&bytecode);
    Py_XDECREF(names);
    return ends;
}

bool rp_code_round(PyCodeObject *code, int one, int other, int *start, int *end) {
    rp_bytecode bytecode = {0};
    int first = one < other ? one : other, last = one < other ? other : one;
    *start = *end = -1;
    if (rp_bytecode_init(&bytecode, code)) PyErr_Clear();
    for (int i = 0; i < bytecode.instruction_count; i++) {
        const rp_instruction *jump = &bytecode.instructions[i];
        /* the nearest jump back behind both: those of handlers stand far away */
        if (jump->flags & RP_OP_BACKWARD && jump->target <= first && last <= jump->start &&
            jump->target > *start) {
            *start = jump->target;
            *end = jump->start;
        }
    }
    rp_bytecode_release(&bytecode);
    return *start >= 0;
}

bool rp_code_is_stored(PyCodeObject *code, int site) {
    rp_bytecode bytecode = {0};
    bool stored = false;
    if (rp_bytecode_init(&bytecode, code) == 0) {
        int index = rp_bytecode_index(&bytecode, site) + 1;
        stored = index > 0 && index < bytecode.instruction_count &&
                 (bytecode.instructions[index].flags & RP_OP_STORES ||
                  bytecode.instructions[index].meaning == RP_MEANS_COPY);
    } else {
        PyErr_Clear();
    }
    rp_bytecode_release(&bytecode);
    return stored;
}

int rp_code_call_site(PyCodeObject *code, int lasti) {
    return rp_bytecode_call_site(code, lasti);
}
