"""What `with` does to the process: taken at a save, done again where a program goes on inside."""
import contextlib
import contextvars
import gc
import importlib
import os
import sys
import types
import warnings

HOOKS = {}  # "module.Class" or "module.function" of a @contextmanager -> (take, enter)
LOST = {  # the same -> what a refusal calls it: what they hold is of a system that ends with us
    "sqlite3.Connection": "a sqlite3 connection (a transaction)",
    "concurrent.futures.thread.ThreadPoolExecutor": "ThreadPoolExecutor()",
    "concurrent.futures.process.ProcessPoolExecutor": "ProcessPoolExecutor()",
    "multiprocessing.pool.Pool": "multiprocessing.Pool()",
    "subprocess.Popen": "subprocess.Popen()",
}


def name_of(definition):
    return f"{definition.__module__}.{definition.__qualname__}"


def names_of(manager):
    """Under which a hook may stand, the nearest first."""
    names = [name_of(kind) for kind in type(manager).__mro__]
    frame = generator_frame(manager)
    if frame is not None:
        names.insert(0, f"{frame.f_globals.get('__name__')}.{frame.f_code.co_qualname}")
    return names


def generator_frame(manager):
    """Of a @contextmanager, None of all others."""
    if isinstance(manager, contextlib._GeneratorContextManager):
        return getattr(manager.gen, "gi_frame", None)


def take(managers):
    """[[manager, state], ...] of those that are known; the name of one that can't come back."""
    taken = []
    for manager in managers:
        for name in names_of(manager):
            if name in HOOKS:
                taken.append([manager, HOOKS[name][0](manager)])
                break
            if name in LOST:
                return LOST[name]
    return taken


def enter(taken):
    """Of restored managers, the outermost first, whose __exit__ is still to come."""
    for manager, state in taken:
        for name in names_of(manager):
            if name in HOOKS:
                HOOKS[name][1](manager, state)
                break


def register(definition, function):
    """resume.register(..., enter=function): it gets the manager, or the variables of the generator
    of a @contextmanager. None: no more."""
    def enter(manager, state):
        frame = generator_frame(manager)
        function(manager if frame is None else dict(frame.f_locals))
    name = name_of(getattr(definition, "__wrapped__", definition))
    HOOKS.pop(name, None)
    if function is not None:
        HOOKS[name] = (lambda manager: None, enter)


def known(*names):
    def add(hook):
        HOOKS.update(dict.fromkeys(names, (hook.take, hook.enter)))
        return hook
    return add


# ---- Python ----

@known("contextlib.chdir")
class Folder:
    def take(manager):
        return os.getcwd()

    def enter(manager, folder):
        os.chdir(folder)


@known("contextlib.redirect_stdout", "contextlib.redirect_stderr")
class Stream:
    def take(manager):
        return getattr(sys, manager._stream)

    def enter(manager, stream):
        setattr(sys, manager._stream, stream)


@known("warnings.catch_warnings", "_py_warnings.catch_warnings")
class Warnings:
    def take(manager):
        module = manager._module
        if getattr(module, "_use_context", False):  # 3.14 and later, when asked for
            return module._get_context()
        log = getattr(module._showwarnmsg_impl, "__self__", None)  # record=True: its append()
        return [list(module.filters), log if isinstance(log, list) else None, module.showwarning]

    def enter(manager, state):
        module = manager._module
        with getattr(module, "_lock", None) or contextlib.nullcontext():
            if getattr(module, "_use_context", False):
                module._warnings_context.set(state)
            else:
                filters, log, module.showwarning = state
                module.filters = list(filters)
                module._showwarnmsg_impl = SHOW_WARNING if log is None else log.append
            (getattr(module, "_filters_mutated_lock_held", None) or module._filters_mutated)()


SHOW_WARNING = warnings._showwarnmsg_impl  # as long as nobody listens


# ---- decimal ----

@known("decimal.ContextManager", "_pydecimal._ContextManager")
class Decimals:
    def take(manager):
        return sys.modules["decimal"].getcontext()

    def enter(manager, context):
        sys.modules["decimal"].setcontext(context)


def outer_context(manager):
    """Leaving the block shows what was before, which nothing else tells; it can be left again."""
    decimal = sys.modules["decimal"]
    inner = decimal.getcontext()
    try:
        manager.__exit__(None, None, None)
        return decimal.getcontext()
    finally:
        decimal.setcontext(inner)


def local_context(outer):
    """One that goes back to `outer`."""
    import decimal
    inner = decimal.getcontext()
    try:
        decimal.setcontext(outer)
        return decimal.localcontext()
    finally:
        decimal.setcontext(inner)


def method_of_local_context(name):
    """Its class stands in no module; from 3.14 on `with` keeps its __exit__."""
    import decimal
    return getattr(type(decimal.localcontext()), name)


# ---- numpy ----

@known("numpy.errstate", "numpy.core._ufunc_config.errstate")
class FloatErrors:
    def take(manager):
        numpy = sys.modules["numpy"]
        return [numpy.geterr(), numpy.geterrcall(), numpy.getbufsize()]

    def enter(manager, state):
        numpy = sys.modules["numpy"]
        numpy.seterr(**state[0])
        numpy.seterrcall(state[1])
        if numpy.getbufsize() != state[2]:
            numpy.setbufsize(state[2])


@known("numpy._core.arrayprint.printoptions", "numpy.core.arrayprint.printoptions")
class Printing:
    def take(manager):
        return sys.modules["numpy"].get_printoptions()

    def enter(manager, options):
        sys.modules["numpy"].set_printoptions(**options)


# ---- context variables ----

def place_of(variable):
    """(module, name) of a context variable that an imported module holds, or None."""
    if variable not in PLACES:
        for module_name, module in list(sys.modules.items()):
            for name, value in list(getattr(module, "__dict__", {}).items()):
                if value is variable and module_name != "__mp_main__":
                    PLACES.setdefault(variable, (module_name, name))
    return PLACES.get(variable)


PLACES = {}


def held(module, name):
    return getattr(importlib.import_module(module), name)


def plain(value):
    """numpy holds what it does on errors in a capsule: its content."""
    if type(value).__name__ != "PyCapsule":
        return value
    ufuncs = sys.modules["numpy._core.umath"]
    token = ufuncs._extobj_contextvar.set(value)
    try:
        return ufuncs._get_extobj_dict()
    finally:
        ufuncs._extobj_contextvar.reset(token)


def is_of_numpy(variable):
    ufuncs = sys.modules.get("numpy._core.umath")
    return variable is getattr(ufuncs, "_extobj_contextvar", None)


def usual(variable):
    """Its value, or else what it gives when it has none."""
    try:
        return variable.get()
    except LookupError:
        return None


def token(variable, is_used, *old):
    """One that resets the variable to `old`, or to having no value."""
    if old and is_of_numpy(variable):
        old = (sys.modules["numpy._core.umath"]._make_extobj(**old[0]),)
    before = variable.set(*old or (usual(variable),))
    if not old and before.old_value is not contextvars.Token.MISSING:
        raise ValueError(f"{variable.name} has a value already")
    made = before if not old else variable.set(*old)
    if is_used:
        variable.reset(made)
    if old:
        variable.reset(before)
    return made


# ---- how they are saved ----

def make_variable(name, *default):
    return contextvars.ContextVar(name, default=default[0]) if default else contextvars.ContextVar(
        name)


def reduction(value):
    """(callable, arguments) of one of those that have none of their own."""
    if isinstance(value, contextvars.ContextVar):
        place = place_of(value)
        if place is not None and place[0] != "__main__":
            return held, place
        if "resume._process" in sys.modules:  # the variables of __main__ are state
            return make_variable, (value.name, *gc.get_referents(value)[1:])
        raise TypeError(f"the context variable '{value.name}' is in no imported module")
    if isinstance(value, contextvars.Token):
        old = value.old_value
        return token, (value.var, "used" in repr(value)[:12],
                       *(() if old is contextvars.Token.MISSING else (plain(old),)))
    if isinstance(value, types.MethodDescriptorType):
        return method_of_local_context, (value.__name__,)
    return local_context, (outer_context(value),)
