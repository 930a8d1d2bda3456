/* Frames that wait for the method of an operator, an attribute or a `with`. */
#include "capture_call.h"

#include "completion.h"

#include "../lookup.h"
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

/* A part of a property: fget, fset or fdel. */
static bool is_part(PyObject *property, const char *name, PyObject *function) {
    if (!property || !Py_IS_TYPE(property, &PyProperty_Type)) return false;
    PyObject *part = PyObject_GetAttrString(property, name);
    Py_XDECREF(part); /* the property holds it */
    PyErr_Clear();
    return part == function;
}

/* The name of the attribute of the instruction, borrowed. */
static PyObject *name_at(const rp_stand *stand) {
    PyObject *names = stand->origin.code->co_names;
    int name = stand->instruction->name;
    return name < 0 || name >= PyTuple_GET_SIZE(names) ? NULL : PyTuple_GET_ITEM(names, name);
}

rp_got rp_gets_attribute(PyObject *owner, PyObject *name, PyObject *function) {
    PyObject *fallback = rp_class_attribute(Py_TYPE(owner), "__getattr__");
    if (fallback == function) return RP_GOT_RESULT;
    if (rp_class_attribute(Py_TYPE(owner), "__getattribute__") != function &&
        !is_part(rp_type_lookup(Py_TYPE(owner), name), "fget", function))
        return RP_GOT_OTHERWISE;
    return fallback ? RP_GOT_OR_ELSE : RP_GOT_RESULT;
}

bool rp_changes_attribute(PyObject *owner, PyObject *name, bool sets, PyObject *function) {
    PyObject *descriptor = rp_type_lookup(Py_TYPE(owner), name);
    return rp_class_attribute(Py_TYPE(owner), sets ? "__setattr__" : "__delattr__") == function ||
           is_part(descriptor, sets ? "fset" : "fdel", function);
}

/* A descriptor of Python gives the attribute: functools.cached_property. Its owner, new reference,
 * or NULL. */
static PyObject *owner_of(const rp_stand *stand, const rp_waited *inner, const void *owner) {
    if (stand->instruction->meaning != RP_MEANS_ATTRIBUTE || !inner->self ||
        inner->stand->origin.code->co_argcount < 2 || rp_stack_address(inner->frame, 1) != owner ||
        rp_class_attribute(Py_TYPE(inner->self), "__get__") != inner->function)
        return NULL;
    rp_slot slot = rp_stack_get(inner->frame, 1);
    if (rp_type_lookup(Py_TYPE(slot.object), name_at(stand)) != inner->self) Py_CLEAR(slot.object);
    return slot.object;
}

/* Whether the function gives the attribute; when __getattr__ is asked next, verdict->value tells.
 * 1, 0, -1. */
static int gets(const rp_stand *stand, const rp_waited *inner, const void *operand,
                rp_verdict *verdict) {
    PyObject *owner = NULL, *name = name_at(stand);
    rp_got got = RP_GOT_OTHERWISE;
    if (inner->self && operand == inner->self && name) {
        owner = Py_NewRef(inner->self);
        got = rp_gets_attribute(owner, name, inner->function);
    } else if (name && (owner = owner_of(stand, inner, operand)) != NULL) {
        got = rp_class_attribute(Py_TYPE(owner), "__getattr__") ? RP_GOT_OR_ELSE : RP_GOT_RESULT;
    }
    if (got == RP_GOT_OR_ELSE)
        verdict->value = Py_BuildValue("(sOO)", RP_COMPLETES_GET, owner, name);
    Py_XDECREF(owner);
    if (PyErr_Occurred()) return -1;
    return got != RP_GOT_OTHERWISE;
}

/* __exit__ as a `with` finds it: new reference; NULL without an exception: not known how. */
static PyObject *exit_of(PyObject *self) {
    PyObject *method = rp_class_attribute(Py_TYPE(self), "__exit__");
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

/* 1, 0, -1. */
static int fits(const rp_stand *stand, const rp_waited *inner, const operator* known,
                rp_verdict *verdict) {
    const void *operand =
        rp_stack_address(stand->frame, stand->base + stand->depth - known->below_top);
    rp_meaning meaning = stand->instruction->meaning;
    if (!rp_stack_is_entry(inner->frame) && rp_stack_is_direct(inner->frame, stand->frame))
        return 1; /* a property, __getitem__ */
    if (meaning == RP_MEANS_ATTRIBUTE) return gets(stand, inner, operand, verdict);
    if (!inner->self) return 0;
    if (meaning == RP_MEANS_ENTER)
        return rp_class_attribute(Py_TYPE(inner->self), known->method) == inner->function &&
               is_entered(inner, operand);
    if (operand != inner->self) return 0;
    if (stand->instruction->name >= 0)
        return rp_changes_attribute(inner->self, name_at(stand), meaning == RP_MEANS_SET_ATTRIBUTE,
                                    inner->function);
    if (rp_class_attribute(Py_TYPE(inner->self), known->method) == inner->function) return 1;
    return rp_bytecode_is_subscript(stand->instruction) && PyDict_Check(inner->self) &&
           rp_class_attribute(Py_TYPE(inner->self), "__missing__") == inner->function;
}

int rp_judge_operator(rp_module_state *state, const rp_stand *stand, const rp_waited *inner,
                      rp_verdict *verdict) {
    operator known = operator_of(stand->instruction);
    if (known.below_top == 0 || inner->generator)
        return rp_refuse_call(stand, inner, NULL, verdict);
    int status = fits(stand, inner, &known, verdict);
    if (status < 0) return -1;
    if (status == 0) return rp_refuse_call(stand, inner, NULL, verdict);
    set_kept(state, stand, verdict);
    if (verdict->value) verdict->mode = RP_MODE_RESULT;
    if (stand->instruction->meaning == RP_MEANS_ENTER) {
        verdict->top = exit_of(inner->self);
        if (verdict->top == NULL) {
            if (PyErr_Occurred()) return -1;
            return rp_refuse_call(stand, inner, NULL, verdict);
        }
    }
    return 0;
}
