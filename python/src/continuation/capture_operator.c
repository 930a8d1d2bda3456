/* Frames that wait for the method of an operator, an attribute or a `with`. */
#include "capture_call.h"

#include "../pycompat/alive.h"
#include "../pycompat/call_operands.h"
#include "../pycompat/functions.h"

/* Where the object is whose class has the method. */
typedef struct operator{
    int below_top; /* of the stack; 0: it is none that is known */
    const char *method;
}
operator;

static operator operator_of(const rp_instruction *instruction) {
    switch (instruction->meaning) {
    case RP_MEANS_SLICE:
        return (operator){3, "__getitem__"};
    case RP_MEANS_NEGATIVE:
        return (operator){1, "__neg__"};
    case RP_MEANS_POSITIVE:
        return (operator){1, "__pos__"};
    case RP_MEANS_INVERT:
        return (operator){1, "__invert__"};
    case RP_MEANS_GET_ITERATOR:
        return (operator){1, "__iter__"};
    case RP_MEANS_ENTER:
        return (operator){1, "__enter__"};
    case RP_MEANS_ATTRIBUTE:
        return (operator){1, "__getattribute__"};
    case RP_MEANS_SET_ATTRIBUTE:
        return (operator){1, "__setattr__"};
    case RP_MEANS_DELETE_ATTRIBUTE:
        return (operator){1, "__delattr__"};
    case RP_MEANS_SET_ITEM:
        return (operator){2, "__setitem__"};
    case RP_MEANS_DELETE_ITEM:
        return (operator){2, "__delitem__"};
    case RP_MEANS_SET_SLICE:
        return (operator){3, "__setitem__"};
    default:
        if (rp_bytecode_is_subscript(instruction)) return (operator){2, "__getitem__"};
        return (operator){0, NULL};
    }
}

static PyObject *method_of(PyObject *self, const char *name) {
    PyObject *text = PyUnicode_InternFromString(name);
    PyObject *found = text ? rp_type_lookup(Py_TYPE(self), text) : NULL; /* borrowed */
    Py_XDECREF(text);
    PyErr_Clear();
    return found;
}

/* A part of a property: fget, fset or fdel. */
static bool is_part(PyObject *property, const char *name, PyObject *function) {
    if (!property || !Py_IS_TYPE(property, &PyProperty_Type)) return false;
    PyObject *part = PyObject_GetAttrString(property, name);
    Py_XDECREF(part); /* the property holds it */
    PyErr_Clear();
    return part == function;
}

/* What the class of `owner` has for the attribute of the instruction, borrowed. */
static PyObject *descriptor_of(const rp_stand *stand, PyObject *owner) {
    PyObject *names = stand->origin.code->co_names;
    int name = stand->instruction->name;
    if (name < 0 || name >= PyTuple_GET_SIZE(names)) return NULL;
    return rp_type_lookup(Py_TYPE(owner), PyTuple_GET_ITEM(names, name));
}

/* The function is what getting, setting or deleting the attribute of `owner` runs. */
static bool is_of_attribute(const rp_stand *stand, const rp_waited *inner, PyObject *owner) {
    PyObject *descriptor = descriptor_of(stand, owner);
    bool falls_back = method_of(owner, "__getattr__") != NULL;
    switch (stand->instruction->meaning) {
    case RP_MEANS_ATTRIBUTE:
        if (falls_back) return method_of(owner, "__getattr__") == inner->function;
        if (method_of(owner, "__getattribute__") == inner->function) return true;
        return is_part(descriptor, "fget", inner->function);
    case RP_MEANS_SET_ATTRIBUTE:
        return method_of(owner, "__setattr__") == inner->function ||
               is_part(descriptor, "fset", inner->function);
    default:
        return method_of(owner, "__delattr__") == inner->function ||
               is_part(descriptor, "fdel", inner->function);
    }
}

/* A descriptor of Python gives the attribute: functools.cached_property. */
static bool is_descriptor(const rp_stand *stand, const rp_waited *inner, const void *owner) {
    if (stand->instruction->meaning != RP_MEANS_ATTRIBUTE || !inner->self ||
        inner->stand->origin.code->co_argcount < 2 || rp_stack_address(inner->frame, 1) != owner ||
        method_of(inner->self, "__get__") != inner->function)
        return false;
    rp_slot slot = rp_stack_get(inner->frame, 1);
    bool is = descriptor_of(stand, slot.object) == inner->self &&
              method_of(slot.object, "__getattr__") == NULL;
    Py_DECREF(slot.object);
    return is;
}

/* __exit__ as a `with` finds it: new reference; NULL without an exception: not known how. */
static PyObject *exit_of(PyObject *self) {
    PyObject *method = method_of(self, "__exit__");
    if (!method || !(PyFunction_Check(method) || Py_IS_TYPE(method, &PyMethodDescr_Type)))
        return NULL;
    return Py_TYPE(method)->tp_descr_get(method, self, (PyObject *)Py_TYPE(self));
}

/* Until 3.11 the manager has made place for its __exit__ when __enter__ is called. */
static bool is_entered(const rp_waited *inner, const void *operand) {
    if (operand == inner->self) return true;
    PyObject *method = rp_alive(operand);
    bool is = method && PyMethod_Check(method) && PyMethod_GET_SELF(method) == inner->self;
    Py_XDECREF(method);
    return is;
}

/* The result of the function is that of the instruction, on what it leaves. */
static void set_kept(rp_module_state *state, const rp_stand *stand, rp_verdict *verdict) {
    int next = rp_bytecode_index(&stand->analysis->bytecode, stand->instruction->next);
    int after = next < 0 ? stand->depth : stand->analysis->depths[next];
    verdict->mode = RP_MODE_CALL;
    switch (stand->instruction->meaning) {
    case RP_MEANS_ATTRIBUTE:
        verdict->kept = stand->depth - 1;
        if (after > stand->depth && RP_EMPTY_BELOW_ATTRIBUTE) {
            verdict->kept = stand->depth;
            verdict->top = Py_NewRef(state->null);
        }
        break;
    case RP_MEANS_GET_ITERATOR: /* from 3.15 on an empty entry comes above the result */
        verdict->kept = stand->depth - 1;
        break;
    case RP_MEANS_SET_ATTRIBUTE:
    case RP_MEANS_DELETE_ATTRIBUTE:
    case RP_MEANS_SET_ITEM:
    case RP_MEANS_DELETE_ITEM:
    case RP_MEANS_SET_SLICE:
        verdict->kept = after; /* the result is dropped */
        break;
    default:
        verdict->kept = after - 1;
        break;
    }
}

int rp_judge_operator(rp_module_state *state, const rp_stand *stand, const rp_waited *inner,
                      rp_verdict *verdict) {
    operator known = operator_of(stand->instruction);
    if (known.below_top == 0 || inner->generator)
        return rp_refuse_call(stand, inner, NULL, verdict);
    bool is_inlined = !rp_stack_is_entry(inner->frame);
    const void *operand =
        rp_stack_address(stand->frame, stand->base + stand->depth - known.below_top);
    bool is_attribute = stand->instruction->name >= 0, fits;
    if (is_inlined && rp_stack_is_direct(inner->frame, stand->frame))
        fits = true; /* a property, __getitem__ */
    else if (stand->instruction->meaning == RP_MEANS_ENTER && inner->self)
        fits =
            method_of(inner->self, known.method) == inner->function && is_entered(inner, operand);
    else if (!inner->self || operand != inner->self)
        fits = is_attribute && is_descriptor(stand, inner, operand);
    else if (is_attribute)
        fits = is_of_attribute(stand, inner, inner->self);
    else
        fits = method_of(inner->self, known.method) == inner->function;
    if (!fits) return rp_refuse_call(stand, inner, NULL, verdict);
    set_kept(state, stand, verdict);
    if (stand->instruction->meaning == RP_MEANS_ENTER) {
        verdict->top = exit_of(inner->self);
        if (verdict->top == NULL) {
            if (PyErr_Occurred()) return -1;
            return rp_refuse_call(stand, inner, NULL, verdict);
        }
    }
    return 0;
}
