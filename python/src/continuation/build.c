/* Makes code objects that go on in the middle. */
#include "build_call.h"
#include "completion.h"

#include "../pycompat/code_extra.h"

#include "base/alloc.h"

#include <string.h>

/* ---- what is kept with a continuation ---- */

void rp_made_free(void *extra) {
    rp_made *kept = extra;
    if (kept == NULL) return;
    Py_XDECREF((PyObject *)kept->original);
    Py_XDECREF(kept->bound);
    rs_free(kept->lasti_at);
    rs_free(kept->lasti_unit);
    rs_free(kept);
}

int rp_origin_of(PyCodeObject *code, int unit, rp_origin *origin) {
    const rp_made *kept = rp_code_extra_get(code, rp_made_free);
    *origin = (rp_origin){.code = code, .unit = unit};
    if (kept == NULL) return 0;
    origin->code = kept->original;
    origin->shift = kept->shift;
    origin->mode = kept->mode;
    origin->unit = unit >= kept->shift ? unit - kept->shift : -1;
    if (unit >= kept->lead && unit < kept->end) {
        origin->unit = kept->unit;
        origin->kept = kept->kept;
        origin->in_prologue = true;
    }
    return 0;
}

int rp_origin_of_lasti(PyCodeObject *code, int unit) {
    const rp_made *kept = rp_code_extra_get(code, rp_made_free);
    if (kept == NULL) return unit;
    if (unit >= kept->shift) return unit - kept->shift;
    for (int i = 0; i < kept->lasti_count; i++)
        if (kept->lasti_at[i] == unit) return kept->lasti_unit[i];
    return kept->unit; /* raised by the twin */
}

/* ---- the prologue ---- */

static bool is_set(const rp_builder *build, PyObject *value) {
    return value != build->state->null;
}

static int argument_count(PyCodeObject *code) {
    return code->co_argcount + code->co_kwonlyargcount + !!(code->co_flags & CO_VARARGS) +
           !!(code->co_flags & CO_VARKEYWORDS);
}

static void emit_start(rp_builder *build) {
    /* what looks at the variables of a frame opens a cell only where it finds a MAKE_CELL */
    for (int i = 0; i < build->slot_count; i++)
        if (rp_code_makes_cell(build->code, i)) rp_emit(&build->text, RP_EMIT_MAKE_CELL, i);
    rp_emit(&build->text, RP_EMIT_COPY_FREE_VARS, build->code->co_nfreevars + 1);
    if (build->code->co_flags & CO_GENERATOR) {
        rp_emit(&build->text, RP_EMIT_RETURN_GENERATOR, 0);
        if (build->record->mode == RP_MODE_NEW) {
            build->kept->lead = 0; /* one that is not started stands anywhere before RESUME */
            build->kept->end = rp_emitted_units(&build->text) + 2;
        }
        rp_emit(&build->text, RP_EMIT_POP_TOP, 0);
    }
    build->resume_at = rp_emitted_units(&build->text);
    rp_emit(&build->text, RP_EMIT_RESUME, 0);
}

static void emit_variables(rp_builder *build) {
    int arguments = argument_count(build->code);
    for (int i = 0; i < build->slot_count; i++) {
        if (is_set(build, PyTuple_GET_ITEM(build->record->slots, i))) {
            rp_build_load_next(build);
            rp_emit(&build->text, RP_EMIT_STORE_FAST, i);
        } else if (i < arguments) { /* it was called with None */
            rp_emit(&build->text, RP_EMIT_DELETE_FAST, i);
        }
    }
}

/* The unwinder itself pushes its number: from the place of an instruction that raises, through a
 * handler that begins right behind it. */
static void emit_lasti(rp_builder *build, int depth) {
    rp_made *kept = build->kept;
    rp_build_load_next(build); /* an exception */
    int at = rp_emitted_units(&build->text);
    rp_emit(&build->text, RP_EMIT_RERAISE, 0);
    rp_emit(&build->text, RP_EMIT_POP_TOP, 0);
    rp_exceptions_put(&build->exceptions, at, at + 1, at + 1, depth, true);
    kept->lasti_at[kept->lasti_count++] = at;
}

static void emit_stack(rp_builder *build) {
    const char *kinds = PyBytes_AS_STRING(build->record->kinds);
    for (Py_ssize_t i = 0; i < PyBytes_GET_SIZE(build->record->kinds); i++) {
        if (kinds[i] == RP_KIND_LASTI && RP_LASTI_IS_NO_OBJECT) {
            emit_lasti(build, (int)i);
        } else if (kinds[i] == RP_KIND_PREVIOUS) {
            rp_build_load_next(build);
            rp_emit(&build->text, RP_EMIT_PUSH_EXC_INFO, 0);
            rp_emit(&build->text, RP_EMIT_POP_TOP, 0);
        } else if (is_set(build, PyTuple_GET_ITEM(build->record->stack, i))) {
            rp_build_load_next(build);
        } else {
            rp_emit(&build->text, RP_EMIT_PUSH_NULL, 0);
        }
    }
}

/* The jumps that end the prologue, the last first: over the unit that is left for the line table.
 */
static int end_of_send(const rp_builder *build) {
    return build->sent + 1;
}

static int end_of_prologue(const rp_builder *build) {
    int other = build->sent ? rp_emitted_size(end_of_send(build)) : 0;
    return other + rp_emitted_units(&build->handling) + 1 + build->back;
}

/* Until 3.11 the interpreter reads the SEND in front of a `yield` when a sub-iterator ends while an
 * exception is thrown in, and goes on where that leads: here to a jump of its own. It is never run
 * itself. */
static void emit_send_mark(rp_builder *build) {
    const rp_bytecode *bytecode = &build->analysis->bytecode;
    int index = rp_bytecode_index(bytecode, build->instruction->at);
    const rp_instruction *before = index > 0 ? &bytecode->instructions[index - 1] : NULL;
    if (!RP_THROW_READS_SEND || !before || before->meaning != RP_MEANS_SEND) return;
    build->sent = before->target / 2;
    rp_emit(&build->text, RP_EMIT_JUMP_FORWARD, 1);
    rp_emit(&build->text, RP_EMIT_SEND, 2 + rp_emitted_size(end_of_prologue(build)));
}

/* The place at which a suspended generator waits: it is driven to here once, and then goes on as if
 * it had come here by itself. */
static int emit_yield(rp_builder *build) {
    const rp_bytecode *bytecode = &build->analysis->bytecode;
    int index = rp_bytecode_index(bytecode, build->instruction->next);
    const rp_instruction *next = index < 0 ? NULL : &bytecode->instructions[index];
    if (next == NULL || next->meaning != RP_MEANS_RESUME) {
        PyErr_SetString(PyExc_ValueError, "no RESUME behind a YIELD_VALUE");
        return -1;
    }
    build->back = next->next / 2;
    rp_emit(&build->text, RP_EMIT_LOAD_CONST, build->none_constant);
    rp_build_drop_payload(build);
    emit_send_mark(build);
    rp_build_twin_begins(build);
    rp_emit(&build->text, RP_EMIT_YIELD_VALUE, build->instruction->argument);
    rp_emit(&build->text, RP_EMIT_RESUME, next->argument);
    rp_build_twin_ends(build);
    return 0;
}

/* The start of an instruction, with those before it that belong to it. */
static int start_of(const rp_builder *build) {
    const rp_bytecode *bytecode = &build->analysis->bytecode;
    int index = rp_bytecode_index(bytecode, build->instruction->at);
    while (index > 0 && (bytecode->instructions[index - 1].meaning == RP_MEANS_PRECALL ||
                         bytecode->instructions[index - 1].meaning == RP_MEANS_KEYWORD_NAMES))
        index--;
    return bytecode->instructions[index].start / 2;
}

/* Behind the first RESUME, where a generator begins. */
static int first_start(const rp_builder *build) {
    const rp_bytecode *bytecode = &build->analysis->bytecode;
    for (int i = 0; i < bytecode->instruction_count; i++)
        if (bytecode->instructions[i].meaning == RP_MEANS_RESUME)
            return bytecode->instructions[i].next / 2;
    return 0;
}

static int emit_end(rp_builder *build) {
    build->back = build->instruction == NULL ? 0 : build->instruction->next / 2;
    switch (build->record->mode) {
    case RP_MODE_CALL:
    case RP_MODE_INIT:
    case RP_MODE_RESULT:
        rp_build_call(build);
        if (build->caught)
            rp_build_handler(build, rp_build_is_for(build) ? start_of(build) : build->back);
        break;
    case RP_MODE_OPERAND:
        rp_build_call(build);
        build->back = start_of(build);
        if (build->caught) rp_build_handler(build, build->back);
        break;
    case RP_MODE_YIELD:
        if (emit_yield(build) < 0) return -1;
        break;
    case RP_MODE_VALUE:
        rp_build_load_next(build);
        rp_build_drop_payload(build);
        break;
    case RP_MODE_AGAIN:
        build->back = start_of(build);
        rp_build_drop_payload(build);
        break;
    case RP_MODE_NEW:
        build->back = first_start(build);
        rp_build_drop_payload(build);
        break;
    case RP_MODE_COUNT:
    default:
        PyErr_SetString(PyExc_SystemError, "a frame goes on in no way that is known");
        return -1;
    }
    rp_emit(&build->text, RP_EMIT_JUMP_FORWARD, end_of_prologue(build));
    if (build->sent) rp_emit(&build->text, RP_EMIT_JUMP_FORWARD, end_of_send(build));
    build->handler = build->caught ? rp_emitted_units(&build->text) : 0;
    rs_buffer_append(&build->text, build->handling.bytes, build->handling.size);
    build->text.failed |= build->handling.failed;
    rp_emit(&build->text, RP_EMIT_NOP, 0);
    return 0;
}

/* ---- its tables ---- */

/* No lines for what loads, that of the function for RESUME, that of the instruction in progress for
 * its twin; at the end the line that the original table begins with. */
static void write_lines(rp_builder *build) {
    const rp_made *kept = build->kept;
    rp_line_writer *lines = &build->lines;
    int first = build->code->co_firstlineno, total = rp_emitted_units(&build->text);
    int at = build->resume_at + 1;
    lines->line = first;
    rp_lines_none(lines, build->resume_at);
    rp_lines_line(lines, 1, first);
    for (int i = 0; i < kept->lasti_count; i++) {
        rp_lines_none(lines, kept->lasti_at[i] - at);
        rp_lines_of(lines, 1, build->code,
                    kept->lasti_unit[i] >= 0 ? kept->lasti_unit[i] : kept->unit);
        at = kept->lasti_at[i] + 1;
    }
    int lead = kept->end > at ? kept->lead : total - 1;
    if (lead < at) lead = at;
    rp_lines_none(lines, lead - at);
    if (kept->mode == RP_MODE_NEW)
        rp_lines_none(lines, total - 1 - lead);
    else
        rp_lines_of(lines, total - 1 - lead, build->code, kept->unit);
    rp_lines_line(lines, 1, first);
}

static void write_exceptions(rp_builder *build) {
    const rp_bytecode *bytecode = &build->analysis->bytecode;
    const rp_made *kept = build->kept;
    int shift = rp_emitted_units(&build->text);
    bool has_twin = kept->mode != RP_MODE_NEW && kept->end > 0;
    int covered = has_twin ? rp_bytecode_protection(bytecode, build->instruction) : -1;
    int start = kept->lead - 1; /* 3.13 looks at the unit before an inlined call */
    if (build->handler) {
        rp_exceptions_put(&build->exceptions, start, build->protected_end, build->handler,
                          rp_build_handler_depth(build), false);
        start = build->protected_end;
    }
    if (covered >= 0) {
        const rp_protected *entry = &bytecode->table[covered];
        rp_exceptions_put(&build->exceptions, start, shift, entry->handler / 2 + shift,
                          entry->depth, entry->lasti);
    }
    rp_exceptions_of(&build->exceptions, bytecode, shift);
}

/* ---- the code object ---- */

static PyObject *joined(const rs_buffer *front, PyObject *back) {
    PyObject *all = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)front->size +
                                                        (back ? PyBytes_GET_SIZE(back) : 0));
    if (all == NULL) return NULL;
    if (front->size > 0) memcpy(PyBytes_AS_STRING(all), front->bytes, front->size);
    if (back != NULL)
        memcpy(PyBytes_AS_STRING(all) + front->size, PyBytes_AS_STRING(back),
               (size_t)PyBytes_GET_SIZE(back));
    return all;
}

/* Those of the original, None, the numbers of the payload, and two for the handler. */
static PyObject *constants_of(const rp_builder *build) {
    Py_ssize_t count = PyTuple_GET_SIZE(build->code->co_consts);
    Py_ssize_t more = 1 + build->loaded + (build->caught ? 2 : 0);
    PyObject *all = PyTuple_New(count + more);
    for (Py_ssize_t i = 0; all != NULL && i < count + more; i++) {
        PyObject *value;
        if (i < count)
            value = Py_NewRef(PyTuple_GET_ITEM(build->code->co_consts, i));
        else if (i == count)
            value = Py_NewRef(Py_None);
        else if (i <= count + build->loaded)
            value = PyLong_FromSsize_t(i - count - 1);
        else
            value = Py_NewRef(i == count + more - 2 ? build->caught : build->ended);
        if (value == NULL) Py_CLEAR(all);
        if (all != NULL) PyTuple_SET_ITEM(all, i, value);
    }
    return all;
}

static PyObject *free_names_of(const rp_builder *build) {
    PyObject *names = PyObject_GetAttrString((PyObject *)build->code, "co_freevars");
    PyObject *extra = Py_BuildValue("(s)", ".resume"), *all = NULL;
    if (names != NULL && extra != NULL) all = PySequence_Concat(names, extra);
    Py_XDECREF(extra);
    Py_XDECREF(names);
    return all;
}

/* Variables of comprehensions at module level must not look like names of the module. */
static PyObject *hidden_names(PyObject *names) {
    PyObject *hidden = names == NULL ? NULL : PyTuple_New(PyTuple_GET_SIZE(names));
    for (Py_ssize_t i = 0; hidden != NULL && i < PyTuple_GET_SIZE(names); i++) {
        PyObject *name = PyUnicode_FromFormat(".%U", PyTuple_GET_ITEM(names, i));
        if (name == NULL) Py_CLEAR(hidden);
        if (hidden != NULL) PyTuple_SET_ITEM(hidden, i, name);
    }
    Py_XDECREF(names);
    return hidden;
}

static int hide_names(const rp_builder *build, PyObject *changes) {
    if (!RP_HAS_HIDDEN_VARIABLES || build->code->co_flags & CO_NEWLOCALS) return 0;
    static const char *const attributes[] = {"co_varnames", "co_cellvars"};
    int status = 0;
    for (int i = 0; status == 0 && i < 2; i++) {
        PyObject *names =
            hidden_names(PyObject_GetAttrString((PyObject *)build->code, attributes[i]));
        status = names == NULL ? -1 : PyDict_SetItemString(changes, attributes[i], names);
        Py_XDECREF(names);
    }
    return status;
}

static int stack_size_of(const rp_builder *build) {
    int needed = (int)PyBytes_GET_SIZE(build->record->kinds) + build->arguments + 10;
    return (needed > build->code->co_stacksize ? needed : build->code->co_stacksize) + 3;
}

static PyObject *changes_of(const rp_builder *build) {
    PyCodeObject *code = build->code;
    PyObject *old_table = PyObject_GetAttrString((PyObject *)code, "co_linetable");
    PyObject *body = joined(&build->text, build->analysis->bytecode.bytes);
    PyObject *lines = old_table == NULL ? NULL : joined(&build->lines.table, old_table);
    PyObject *exceptions = joined(&build->exceptions, NULL);
    PyObject *constants = constants_of(build), *names = free_names_of(build), *changes = NULL;
    if (body && lines && exceptions && constants && names)
        changes = Py_BuildValue("{sO sO sO sO sO si}", "co_code", body, "co_linetable", lines,
                                "co_exceptiontable", exceptions, "co_consts", constants,
                                "co_freevars", names, "co_stacksize", stack_size_of(build));
    Py_XDECREF(names);
    Py_XDECREF(constants);
    Py_XDECREF(exceptions);
    Py_XDECREF(lines);
    Py_XDECREF(body);
    Py_XDECREF(old_table);
    if (changes != NULL && hide_names(build, changes) < 0) Py_CLEAR(changes);
    return changes;
}

static PyObject *replaced(PyCodeObject *code, PyObject *changes) {
    PyObject *replace = PyObject_GetAttrString((PyObject *)code, "replace");
    PyObject *nothing = PyTuple_New(0), *result = NULL;
    if (replace != NULL && nothing != NULL) result = PyObject_Call(replace, nothing, changes);
    Py_XDECREF(nothing);
    Py_XDECREF(replace);
    return result;
}

static PyObject *bound_of(const rp_builder *build) {
    PyObject *bound = PyBytes_FromStringAndSize(NULL, build->slot_count);
    for (int i = 0; bound != NULL && i < build->slot_count; i++)
        PyBytes_AS_STRING(bound)[i] = is_set(build, PyTuple_GET_ITEM(build->record->slots, i));
    return bound;
}

void rp_made_note_lasti(rp_made *kept, const rp_record *record) {
    const char *kinds = PyBytes_AS_STRING(record->kinds);
    int count = 0;
    for (Py_ssize_t i = 0; i < PyBytes_GET_SIZE(record->kinds) && count < kept->lasti_count; i++) {
        PyObject *value = PyTuple_GET_ITEM(record->stack, i);
        if (kinds[i] != RP_KIND_LASTI) continue;
        kept->lasti_unit[count++] = PyLong_CheckExact(value) ? (int)PyLong_AsLong(value) : -1;
    }
}

static int begin(rp_builder *build) {
    const rp_record *record = build->record;
    build->slot_count = record->code->co_nlocalsplus;
    rp_made *kept = build->kept = rs_allocate_zeroed(1, sizeof *kept);
    size_t depth = (size_t)PyBytes_GET_SIZE(record->kinds);
    build->analysis = rp_analysis_of(record->code);
    if (build->analysis == NULL) return -1;
    if (kept != NULL) {
        kept->lasti_at = rs_allocate_array(depth + 1, sizeof(int));
        kept->lasti_unit = rs_allocate_array(depth + 1, sizeof(int));
        kept->bound = bound_of(build);
        kept->original = (PyCodeObject *)Py_NewRef((PyObject *)record->code);
    }
    if (kept == NULL || !kept->lasti_at || !kept->lasti_unit) PyErr_NoMemory();
    if (PyErr_Occurred()) return -1;
    kept->unit = record->unit;
    kept->mode = record->mode;
    kept->kept = (int)depth;
    int index = rp_bytecode_index(&build->analysis->bytecode, 2 * record->unit);
    if (index >= 0 && record->mode != RP_MODE_NEW)
        build->instruction = &build->analysis->bytecode.instructions[index];
    if (build->instruction == NULL && record->mode != RP_MODE_NEW) {
        PyErr_SetString(PyExc_ValueError, "no instruction to go on at");
        return -1;
    }
    if (rp_mode_waits(record->mode) && rp_build_is_for(build)) build->caught = PyExc_StopIteration;
    if (rp_build_completes(build) && !build->caught)
        build->caught = rp_completion_catches(record->value);
    if (build->caught) {
        PyObject *empty = PyTuple_New(0);
        build->ended = empty == NULL ? NULL : PyObject_GetIter(empty);
        Py_XDECREF(empty);
        if (build->ended == NULL) return -1;
    }
    build->none_constant = (int)PyTuple_GET_SIZE(record->code->co_consts);
    build->first_constant = build->none_constant + 1;
    if (record->inner != NULL) build->arguments = ((rp_record *)record->inner)->code->co_argcount;
    return 0;
}

static PyObject *finish(rp_builder *build) {
    rp_made_note_lasti(build->kept, build->record);
    write_lines(build);
    write_exceptions(build);
    if (build->text.failed || build->lines.table.failed || build->exceptions.failed)
        return PyErr_NoMemory();
    build->kept->shift = rp_emitted_units(&build->text);
    PyObject *changes = changes_of(build);
    PyObject *code = changes == NULL ? NULL : replaced(build->code, changes);
    Py_XDECREF(changes);
    rp_made *kept = build->kept;
    build->kept = NULL;
    if (code == NULL) {
        rp_made_free(kept);
        return NULL;
    }
    if (rp_code_extra_put((PyCodeObject *)code, rp_made_free, kept) < 0) Py_CLEAR(code);
    return code;
}

PyObject *rp_build_code(rp_module_state *state, const rp_record *record) {
    rp_builder build = {.state = state, .record = record, .code = record->code};
    PyObject *code = NULL;
    if (begin(&build) == 0) {
        emit_start(&build);
        emit_variables(&build);
        emit_stack(&build);
        if (emit_end(&build) == 0) code = finish(&build);
    }
    rp_made_free(build.kept);
    Py_XDECREF(build.ended);
    rs_buffer_release(&build.text);
    rs_buffer_release(&build.handling);
    rs_buffer_release(&build.lines.table);
    rs_buffer_release(&build.exceptions);
    return code;
}
