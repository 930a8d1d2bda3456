"""Functions that a library has written at run time (attrs), whose source it has left in `linecache`
for tracebacks: they are compiled again from it. No byte code is saved."""
import __future__
import functools
import linecache
import types

ATTRIBUTES = ("__name__", "__qualname__", "__module__", "__doc__", "__defaults__",
              "__kwdefaults__")


FUTURE = sum(getattr(__future__, name).compiler_flag for name in __future__.all_feature_names
             if name not in ("nested_scopes", "generators"))  # which no code bears any more


@functools.lru_cache(256)
def compiled(source, name, flags):
    return compile(source, name, "exec", flags, dont_inherit=True)


def inner(code):
    return [constant for constant in code.co_consts if isinstance(constant, types.CodeType)]


def place_of(wanted, code):
    """The way to it through the constants of `code`, or None."""
    for index, constant in enumerate(inner(code)):
        if constant == wanted:
            return [index]
        place = place_of(wanted, constant)
        if place is not None:
            return [index, *place]
    return None


def names_in(code):
    return set(code.co_names).union(*map(names_in, inner(code)))


def left_source(name):
    """What a library has left there: it has no time, as files have."""
    entry = linecache.cache.get(name)
    return "".join(entry[2]) if entry and len(entry) == 4 and entry[1] is None else None


def reduction(function):
    """(make, arguments, state, None, None, fill), or None. Of its globals, those that it uses:
    attrs gives each class a copy of all that its module had."""
    code = function.__code__
    source = left_source(code.co_filename)
    place = None
    if source is not None:
        try:
            place = place_of(code, compiled(source, code.co_filename, code.co_flags & FUTURE))
        except (SyntaxError, ValueError):
            pass
    if place is None:
        return None
    used = names_in(code) | {"__name__", "__builtins__"}
    space = {name: value for name, value in function.__globals__.items() if name in used}
    state = {name: getattr(function, name) for name in ATTRIBUTES}
    state["__annotations__"] = dict(function.__annotations__)
    return (make, (source, code.co_filename, code.co_flags & FUTURE, place,
                   len(function.__closure__ or ())), (space, state, dict(vars(function)),
                                                      function.__closure__ or ()), None, None, fill)


def make(source, name, flags, place, cells):
    while left_source(name) not in (None, source):
        name += "'"
    code = compiled(source, name, flags)
    for index in place:
        code = inner(code)[index]
    linecache.cache[name] = len(source), None, source.splitlines(True), name
    closure = tuple(types.CellType() for _ in range(cells)) or None
    return types.FunctionType(code, {}, closure=closure)


def fill(function, state):
    space, attributes, others, closure = state
    function.__globals__.update(space)
    for name, value in attributes.items():
        setattr(function, name, value)
    vars(function).update(others)
    for cell, saved in zip(function.__closure__ or (), closure):
        try:
            cell.cell_contents = saved.cell_contents
        except ValueError:  # it is empty
            pass
