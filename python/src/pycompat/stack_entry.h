/* Frames from 3.12 on: the evaluation loop puts a hidden one below each that C code has it run. */
#include "pycompat/stack.h"

bool rp_stack_is_entry(PyFrameObject *visible) {
    const _PyInterpreterFrame *below = visible->f_frame->previous;
    return below != NULL && marks_c(below);
}
