/* What every frame_3_NN.c has in common. Included once, after it has defined:
 *   current_of(thread)   the frame that a thread runs
 *   is_code(frame, code) the frame runs this code; nothing but addresses is compared
 *   size_of(code)        words of a frame of this code on the data stack
 *   instruction_of(f)    the code unit at which it stands
 *   is_return(opcode)    leaves a frame normally
 *   in_slot(f, slot)     what the frame has there, borrowed or NULL */
#include "pycompat/frame.h"

#define Py_BUILD_CORE 1
#undef _PyGC_FINALIZED /* 3.12 defines a macro for others and a function for the core */
#include <internal/pycore_gc.h>
#undef Py_BUILD_CORE

#ifdef Py_GIL_DISABLED
#error "resume needs a CPython with the GIL"
#endif

/* The place in the byte code as the compiler made it: specialised and instrumented instructions
 * give their originals. */
static int opcode_at(PyCodeObject *code, ptrdiff_t unit) {
    PyObject *bytes = PyCode_GetCode(code);
    if (bytes == NULL) return -1;
    int opcode = -1;
    if (unit >= 0 && unit < PyBytes_GET_SIZE(bytes) / 2)
        opcode = (unsigned char)PyBytes_AS_STRING(bytes)[unit * 2];
    Py_DECREF(bytes);
    return opcode;
}

static bool stands_on_return(const _PyInterpreterFrame *frame, PyCodeObject *code) {
    int opcode = opcode_at(code, instruction_of(frame) - _PyCode_CODE(code));
    if (opcode < 0) PyErr_Clear();
    return is_return(opcode);
}

int rp_frame_self_test(void) {
    PyThreadState *thread = PyThreadState_Get();
    PyFrameObject *visible = PyThreadState_GetFrame(thread);
    if (visible == NULL) return 0; /* imported by a C program: no frame to look at */
    PyCodeObject *code = PyFrame_GetCode(visible);
    const _PyInterpreterFrame *frame = visible->f_frame;
    bool good = frame->frame_obj == visible && is_code(frame, code) &&
                (instruction_of(frame) - _PyCode_CODE(code)) * (ptrdiff_t)sizeof(_Py_CODEUNIT) ==
                    PyFrame_GetLasti(visible);
    if (good && frame == current_of(thread) && frame->owner == FRAME_OWNED_BY_THREAD)
        good = (PyObject **)frame + size_of(code) == thread->datastack_top;
    Py_DECREF(code);
    Py_DECREF(visible);
    if (!good)
        PyErr_SetString(PyExc_ImportError,
                        "resume was compiled for another CPython: its frames look different here; "
                        "install resume again with this interpreter");
    return good ? 0 : -1;
}

int rp_owner_capture(PyFrameObject *visible, rp_owner *owner) {
    const _PyInterpreterFrame *frame = visible->f_frame;
    PyCodeObject *code = PyFrame_GetCode(visible);
    *owner = (rp_owner){.frame = frame, .object = visible, .code = code};
    owner->caller = frame->previous;
    owner->call = frame->previous == NULL ? NULL : instruction_of(frame->previous);
    if (!(code->co_flags & CO_OPTIMIZED)) { /* also the coroutine of a cell with `await` */
        owner->names = PyFrame_GetLocals(visible);
        if (owner->names == NULL) goto failed;
        owner->kept = (PyFrameObject *)Py_NewRef(visible);
    } else if (frame->owner == FRAME_OWNED_BY_GENERATOR) {
        size_t offset = offsetof(PyGenObject, gi_iframe);
        owner->generator = PyWeakref_NewRef((PyObject *)((const char *)frame - offset), NULL);
        if (owner->generator == NULL) goto failed;
    }
    return 0;
failed:
    rp_owner_release(owner);
    return -1;
}

void rp_owner_release(rp_owner *owner) {
    owner->frame = owner->object = NULL;
    Py_CLEAR(owner->code);
    Py_CLEAR(owner->generator);
    Py_CLEAR(owner->kept);
    Py_CLEAR(owner->names);
}

int rp_owner_traverse(const rp_owner *owner, visitproc visit, void *arg) {
    Py_VISIT(owner->code);
    Py_VISIT(owner->generator);
    Py_VISIT(owner->kept);
    Py_VISIT(owner->names);
    return 0;
}

/* A notebook runs each statement of a cell in a frame of its own, all in one namespace. */
static PyFrameObject *running_in(PyObject *names) {
    PyFrameObject *frame = (PyFrameObject *)Py_XNewRef((PyObject *)PyEval_GetFrame());
    while (frame != NULL) {
        PyCodeObject *code = PyFrame_GetCode(frame);
        bool optimized = (code->co_flags & CO_OPTIMIZED) != 0;
        PyObject *locals = optimized ? NULL : PyFrame_GetLocals(frame);
        Py_XDECREF(locals);
        Py_DECREF(code);
        if (locals == names) break; /* compared by address only */
        PyFrameObject *below = PyFrame_GetBack(frame);
        Py_DECREF(frame);
        frame = below;
    }
    PyErr_Clear();
    return frame;
}

int rp_owner_follow(rp_owner *owner) {
    if (owner->kept == NULL || rp_owner_fate(owner, false) == RP_FATE_RUNNING) return 0;
    PyFrameObject *frame = running_in(owner->names);
    if (frame == NULL) return 0;
    rp_owner next;
    int status = rp_owner_capture(frame, &next);
    if (status == 0) {
        rp_owner_release(owner);
        *owner = next;
        status = 1;
    }
    Py_DECREF((PyObject *)frame);
    return status;
}

bool rp_owner_is_module(const rp_owner *owner) {
    return owner->names != NULL;
}

/* The generator that holds the frame, new reference; NULL when it is gone. */
static PyObject *generator_of(const rp_owner *owner) {
    PyObject *generator = PyObject_CallNoArgs(owner->generator);
    if (generator == NULL) PyErr_Clear();
    if (generator == Py_None) Py_CLEAR(generator);
    return generator;
}

/* The address is compared with frames known to be alive and never followed before that. */
static const _PyInterpreterFrame *on_some_stack(const rp_owner *owner) {
    PyThreadState *thread = PyInterpreterState_ThreadHead(PyInterpreterState_Get());
    for (; thread != NULL; thread = PyThreadState_Next(thread)) {
        const _PyInterpreterFrame *frame = current_of(thread);
        while (frame != NULL && frame != owner->frame)
            frame = frame->previous;
        if (frame == NULL) continue;
        bool same = is_code(frame, owner->code) && (const void *)frame->frame_obj == owner->object;
        return same ? frame : NULL;
    }
    return NULL;
}

PyFrameObject *rp_owner_find(const rp_owner *owner) {
    if (owner->kept != NULL) return (PyFrameObject *)Py_NewRef(owner->kept);
    if (owner->frame == NULL) return NULL;
    const _PyInterpreterFrame *frame = NULL;
    PyObject *generator = NULL;
    if (owner->generator != NULL) {
        generator = generator_of(owner);
        if (generator != NULL) frame = owner->frame;
        if (frame != NULL && (const void *)frame->frame_obj != owner->object) frame = NULL;
    } else {
        frame = on_some_stack(owner);
    }
    PyFrameObject *visible = frame == NULL ? NULL : frame->frame_obj;
    Py_XINCREF(visible);
    Py_XDECREF(generator);
    return visible;
}

/* Another call of the function would have its frame in the same place: this one was called by the
 * same frame from the same instruction. */
static bool is_same_call(PyThreadState *thread, const _PyInterpreterFrame *frame,
                         const rp_owner *owner) {
    const _PyInterpreterFrame *caller = current_of(thread);
    if ((const void *)frame->previous != owner->caller) return false;
    while (caller != NULL && (const void *)caller != owner->caller)
        caller = caller->previous;
    if (caller == NULL) return owner->caller == NULL;
    return (const void *)instruction_of(caller) == owner->call;
}

/* A frame whose locals are being cleared is off the chain, without a frame object, and the topmost
 * on its thread's data stack: the interpreter itself relies on that (clear_thread_frame). */
static bool clears_on_return(const rp_owner *owner) {
    PyThreadState *thread = PyThreadState_Get();
    if (thread->datastack_chunk == NULL) return false;
    const char *start = (const char *)owner->frame;
    const char *first = (const char *)&thread->datastack_chunk->data[0];
    const char *top = (const char *)thread->datastack_top;
    if (start < first || start + (size_t)size_of(owner->code) * sizeof(PyObject *) != top)
        return false;
    const _PyInterpreterFrame *frame = owner->frame;
    return is_code(frame, owner->code) && frame->frame_obj == NULL &&
           is_same_call(thread, frame, owner) && stands_on_return(frame, owner->code);
}

static rp_fate fate_of_generator(const rp_owner *owner) {
    PyObject *generator = generator_of(owner);
    if (generator == NULL) return RP_FATE_LEFT;
    const _PyInterpreterFrame *frame = owner->frame; /* inside the generator, which is alive */
    rp_fate fate = RP_FATE_LEFT;
    if ((const void *)frame->frame_obj == owner->object)
        fate = RP_FATE_RUNNING;
    else if (frame->frame_obj == NULL && stands_on_return(frame, owner->code))
        fate = RP_FATE_RETURNED;
    Py_DECREF(generator);
    return fate;
}

/* Of a frame object that is alive. */
static rp_fate fate_of_object(PyFrameObject *visible, PyCodeObject *code) {
    if (visible->f_frame->owner != FRAME_OWNED_BY_FRAME_OBJECT) return RP_FATE_RUNNING;
    int opcode = opcode_at(code, PyFrame_GetLasti(visible) / (ptrdiff_t)sizeof(_Py_CODEUNIT));
    if (opcode < 0) PyErr_Clear();
    return is_return(opcode) ? RP_FATE_RETURNED : RP_FATE_LEFT;
}

rp_fate rp_owner_fate(const rp_owner *owner, bool finalizing) {
    if (owner->frame == NULL) return RP_FATE_LEFT;
    if (owner->kept != NULL) return fate_of_object(owner->kept, owner->code);
    if (owner->generator != NULL) return fate_of_generator(owner);
    if (on_some_stack(owner) != NULL) return RP_FATE_RUNNING;
    return finalizing && clears_on_return(owner) ? RP_FATE_RETURNED : RP_FATE_LEFT;
}

int rp_frame_place(PyFrameObject *frame) {
    return PyFrame_GetLasti(frame);
}

rp_fate rp_owner_fate_of_kept(const rp_owner *owner, PyObject *object) {
    rp_fate fate = RP_FATE_LEFT;
    PyObject *gc = PyImport_ImportModule("gc");
    PyObject *list = gc == NULL ? NULL : PyObject_CallMethod(gc, "get_referrers", "O", object);
    for (Py_ssize_t i = 0; list != NULL && i < PyList_GET_SIZE(list); i++) {
        PyObject *one = PyList_GET_ITEM(list, i);
        if ((const void *)one == owner->object && PyFrame_Check(one))
            fate = fate_of_object((PyFrameObject *)one, owner->code);
    }
    PyErr_Clear();
    Py_XDECREF(list);
    Py_XDECREF(gc);
    return fate;
}

/* While the collector clears garbage, all that is not yet cleared is in one ring, and alive. An
 * object is followed only when its address is in it. */
rp_fate rp_owner_fate_in_garbage(const rp_owner *owner, PyObject *object) {
    if (owner->object == NULL || owner->code == NULL) return RP_FATE_LEFT;
    PyGC_Head *start = _Py_AS_GC(object);
    PyGC_Head *node = _PyGCHead_NEXT(start);
    for (; node != NULL && node != start; node = _PyGCHead_NEXT(node))
        if ((const void *)(node + 1) == owner->object)
            return fate_of_object((PyFrameObject *)(node + 1), owner->code);
    return RP_FATE_LEFT;
}

PyObject *rp_frame_cells(PyFrameObject *visible) {
    PyCodeObject *code = PyFrame_GetCode(visible);
    PyObject *cells = PyDict_New();
    int status = cells == NULL ? -1 : 0;
    for (int slot = 0; status == 0 && slot < code->co_nlocalsplus; slot++) {
        _PyLocals_Kind kind = _PyLocals_GetKind(code->co_localspluskinds, slot);
        PyObject *value = in_slot(visible->f_frame, slot);
        PyObject *name = PyTuple_GET_ITEM(code->co_localsplusnames, slot);
#ifdef CO_FAST_HIDDEN
        if (kind & CO_FAST_HIDDEN) continue; /* of an inlined comprehension */
#endif
        if ((kind & (CO_FAST_CELL | CO_FAST_FREE)) && value != NULL && PyCell_Check(value))
            status = PyDict_SetItem(cells, name, value);
    }
    Py_DECREF(code);
    if (status < 0) Py_CLEAR(cells);
    return cells;
}
