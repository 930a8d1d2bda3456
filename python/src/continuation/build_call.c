/* The call that a continuation waits for, and what becomes of its result, or of what it raises. */
#include "build_call.h"

#include "completion.h"

/* The next value of the payload, which is in the last free variable. */
void rp_build_load_next(void *context) {
    rp_builder *build = context;
    rp_emit(&build->text, RP_EMIT_LOAD_DEREF, build->slot_count);
    rp_emit(&build->text, RP_EMIT_LOAD_CONST, build->first_constant + build->loaded++);
    rp_emit_subscript(&build->text);
}

/* Nothing of the payload must live longer than in a run that was never interrupted. */
void rp_build_drop_payload(rp_builder *build) {
    rp_emit(&build->text, RP_EMIT_DELETE_DEREF, build->slot_count);
}

void rp_build_twin_begins(rp_builder *build) {
    build->kept->lead = rp_emitted_units(&build->text);
}

void rp_build_twin_ends(rp_builder *build) {
    build->kept->end = rp_emitted_units(&build->text);
}

bool rp_build_completes(const rp_builder *build) {
    return build->record->mode == RP_MODE_RESULT || build->record->mode == RP_MODE_OPERAND;
}

bool rp_build_is_for(const rp_builder *build) {
    return build->instruction->meaning == RP_MEANS_FOR;
}

/* What lies on the stack, as the original goes on with it: the result, or an operand. */
static void emit_given(rp_builder *build, rs_buffer *text) {
    if (build->record->mode == RP_MODE_OPERAND) {
        rp_emit(text, RP_EMIT_SWAP, rp_completion_below(build->record->value) + 1);
        rp_emit(text, RP_EMIT_POP_TOP, 0);
        return;
    }
    int index = rp_bytecode_index(&build->analysis->bytecode, build->instruction->at);
    int given = rp_analysis_given(build->analysis, index, build->kept->kept);
    if (given == 0) rp_emit(text, RP_EMIT_POP_TOP, 0);
    if (given == 2) rp_emit(text, RP_EMIT_PUSH_NULL, 0);
}

/* Unwinds on, as if nothing had been caught. */
static void emit_raised(rs_buffer *text) {
    rp_emit(text, RP_EMIT_SWAP, 2);
    rp_emit(text, RP_EMIT_POP_EXCEPT, 0);
    rp_emit(text, RP_EMIT_RERAISE, 0);
}

int rp_build_handler_depth(const rp_builder *build) {
    if (rp_build_is_for(build)) return build->kept->kept - 1 - RP_ABOVE_ITERATOR;
    return build->kept->kept + 2; /* what is to be called */
}

/* `for` finds an iterator that has ended; all others call what completes, without a
 * result. */
static void emit_caught(rp_builder *build, rs_buffer *text, int constant) {
    rp_emit(text, RP_EMIT_POP_TOP, 0);
    rp_emit(text, RP_EMIT_POP_EXCEPT, 0);
    if (!rp_build_is_for(build)) {
        rp_emit_call(text, 0);
        emit_given(build, text);
        return;
    }
    rp_emit(text, RP_EMIT_LOAD_CONST, constant + 1);
    for (int i = 0; i < RP_ABOVE_ITERATOR; i++)
        rp_emit(text, RP_EMIT_PUSH_NULL, 0);
}

/* The handler of what the twin raises; it stands at the end, and goes on at `back`. */
void rp_build_handler(rp_builder *build, int back) {
    rs_buffer raised = {0}, caught = {0}, *text = &build->handling;
    int constant = build->first_constant + build->loaded;
    emit_raised(&raised);
    emit_caught(build, &caught, constant);
    rp_emit(&caught, RP_EMIT_JUMP_FORWARD, rp_emitted_units(&raised) + 1 + back);
    rp_emit(text, RP_EMIT_PUSH_EXC_INFO, 0);
    rp_emit(text, RP_EMIT_LOAD_CONST, constant);
    rp_emit(text, RP_EMIT_CHECK_EXC_MATCH, 0);
    rp_emit(text, RP_EMIT_POP_JUMP_IF_FALSE, rp_emitted_units(&caught));
    rs_buffer_append(text, caught.bytes, caught.size);
    rs_buffer_append(text, raised.bytes, raised.size);
    text->failed |= raised.failed || caught.failed;
    rs_buffer_release(&raised);
    rs_buffer_release(&caught);
}

/* The call of the inner function, in the place of what is in progress. */
void rp_build_call(rp_builder *build) {
    rp_mode mode = build->record->mode;
    if (mode == RP_MODE_INIT) rp_build_load_next(build); /* what the call gives */
    if (rp_build_completes(build)) rp_emit_callable(&build->text, rp_build_load_next, build);
    rp_emit_callable(&build->text, rp_build_load_next, build);
    for (int i = 0; i < build->arguments; i++)
        rp_emit(&build->text, RP_EMIT_LOAD_CONST, build->none_constant);
    rp_build_drop_payload(build);
    rp_build_twin_begins(build);
    rp_emit_call(&build->text, build->arguments);
    rp_build_twin_ends(build);
    build->protected_end = build->kept->end;
    if (rp_build_completes(build)) rp_emit_call(&build->text, 1);
    if (rp_build_is_for(build)) build->protected_end = rp_emitted_units(&build->text);
    if (mode == RP_MODE_INIT)
        rp_emit(&build->text, RP_EMIT_POP_TOP, 0);
    else
        emit_given(build, &build->text);
}
