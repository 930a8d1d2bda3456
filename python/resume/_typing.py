"""Type parameters and aliases of PEP 484 and PEP 695 that no module has under their own name: those
of functions and classes, of a script, of a notebook."""
import sys
import typing

_LATE = {}  # id of what was made: (it, the names that its bound, default or value are looked up in)

CACHED = ("__code__", "__ast_node__")  # of a ForwardRef
STARS = {"TypeVar": "", "TypeVarTuple": "*", "ParamSpec": "**"}


def own_reduction(thing):
    """(function, arguments[, state]) of what has no name, and no reduction; None: it is something
    else."""
    kind = type(thing)
    if kind.__name__ in ("ParamSpecArgs", "ParamSpecKwargs"):
        return kind, (thing.__origin__,)
    if kind.__name__ != "ForwardRef":
        return None
    if sys.version_info >= (3, 14):
        state = {name: getattr(thing, name) for name in kind.__slots__
                 if hasattr(thing, name) and name not in CACHED and name != "__weakref__"}
        return _make_plain, (kind,), (None, dict(state, **dict.fromkeys(CACHED)))
    # what it has been found to be is found again
    return _make_forward, (thing.__forward_arg__, thing.__forward_is_argument__,
                           thing.__forward_module__, thing.__forward_is_class__)


def reduction(thing):
    """(function, arguments, state, None, None, setter) of what reduces to a name that leads
    nowhere; None: it is something else."""
    kind = type(thing)
    name = kind.__name__
    if name == "NewType" or name in STARS and sys.version_info < (3, 12):
        return _make_plain, (kind,), dict(vars(thing))
    if name in STARS:
        return _parameter_reduction(thing, name)
    if name == "TypeAliasType":
        value = _evaluated(thing, "__value__")
        path = getattr(thing, "__qualname__", thing.__name__)  # of Python 3.15 and later
        arguments = thing.__name__, path, thing.__module__, thing.__type_params__
        return _make_alias, arguments, {"value": value}, None, None, _fill
    return None


def _evaluated(thing, name):
    """What is not evaluated before somebody asks for it (PEP 695)."""
    try:
        return getattr(thing, name)
    except Exception as error:
        raise TypeError(f"{name} of {thing} can't be evaluated yet "
                        f"({type(error).__name__}: {error})") from None


def _parameter_reduction(thing, name):
    late = {}
    if name == "TypeVar":
        constraints = _evaluated(thing, "__constraints__")
        late = {f"constraint_{i}": one for i, one in enumerate(constraints)}
        bound = _evaluated(thing, "__bound__")
        if bound is not None:
            late["bound"] = bound
    if hasattr(thing, "has_default") and thing.has_default():  # PEP 696
        late["default"] = _evaluated(thing, "__default__")
    inferred = name == "TypeVarTuple" or thing.__infer_variance__
    if inferred:
        arguments = name, thing.__name__, thing.__module__, tuple(late)
        return _make_parameter, arguments, late, None, None, _fill
    options = {"covariant": thing.__covariant__, "contravariant": thing.__contravariant__}
    options.update((key, late[key]) for key in ("bound", "default") if key in late)
    constraints = [late[key] for key in late if key.startswith("constraint_")]
    arguments = name, thing.__name__, thing.__module__, constraints, options
    return _make_old_parameter, arguments


def _make_plain(kind):
    return kind.__new__(kind)


def _make_forward(text, is_argument, module, is_class):
    return typing.ForwardRef(text, is_argument, module, is_class=is_class)


def _make_old_parameter(kind, name, module, constraints, options):
    thing = getattr(typing, kind)(name, *constraints, **options)
    thing.__module__ = module
    return thing


def _made(thing, names, module):
    if thing.__module__ != module:
        thing.__module__ = module
    _LATE[id(thing)] = thing, names
    return thing


def _make_parameter(kind, name, module, late):
    """One as its syntax makes it: what it is bound to is looked up when somebody asks for it, and
    may lead back to it."""
    if not name.isidentifier():
        raise ValueError(f"{name!r} is no name of a type parameter")
    constraints = [key for key in late if key.startswith("constraint_")]
    text = STARS[kind] + name
    if "bound" in late:
        text += ": _resume_bound"
    if constraints:
        text += f": ({', '.join('_resume_' + key for key in constraints)},)"
    if "default" in late:
        text += " = _resume_default"
    names = {}
    exec(f"def made[{text}](): pass", names)
    return _made(names.pop("made").__type_params__[0], names, module)


def _make_alias(name, path, module, parameters):
    names = {}

    def value(form=1):  # the form: of Python 3.14 and later (PEP 649)
        return names["_resume_value"]

    value.__module__, value.__code__ = module, value.__code__.replace(co_qualname=path)
    return _made(_alias_type(name, parameters, value), names, module)


def _alias_type(name, parameters, value):
    """What the statement `type NAME[PARAMETERS] = ...` makes, with parameters that exist: there is
    a function for aliases whose value is known, and none for those that lead back to themselves."""
    import dis
    import opcode

    def template(name, parameters, value):
        return name, parameters, value

    intrinsic = bytes([dis.opmap["CALL_INTRINSIC_1"],
                       opcode._intrinsic_1_descs.index("INTRINSIC_TYPEALIAS")])
    code = template.__code__
    last = list(dis.get_instructions(template))[-1]
    if last.opname != "RETURN_VALUE":
        raise RuntimeError("the code of a function has an unknown end")
    binary = code.co_code
    template.__code__ = code.replace(co_code=binary[:last.offset] + intrinsic +
                                     binary[last.offset:])
    return template(name, tuple(parameters), value)


def _fill(thing, late):
    _, names = _LATE.pop(id(thing))
    names.update(("_resume_" + key, value) for key, value in late.items())
