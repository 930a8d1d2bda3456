"""What modules hold that an import does not make again: what the program has changed in functions
and classes of its own, loggers as they are set up, what packages keep for the thread."""
import sys
import types


def is_definition(module, key, value):
    """A function or class that an import of its module makes again."""
    return (isinstance(value, (type, types.FunctionType)) and value.__module__ == module
            and value.__qualname__ == key)


def definitions(module, space):
    """(qualified name, function or class) of all that an import of the module makes again."""
    for key, value in list(space.items()):
        value = getattr(value, "__func__", value)  # of a staticmethod or classmethod
        if isinstance(value, (type, types.FunctionType)) and value.__module__ == module:
            if value.__qualname__.rpartition(".")[2] == key:
                yield value.__qualname__, value
                if isinstance(value, type):
                    yield from definitions(module, vars(value))


def is_plain(value):
    """Nothing that can be changed, nor told from an equal one."""
    return value is None or isinstance(value, (bool, int, float, complex, str, bytes)) or (
        isinstance(value, (tuple, frozenset)) and all(map(is_plain, value)))


def is_data(key, value):
    return not (key.startswith("__") and key.endswith("__") or callable(value)
                or hasattr(type(value), "__get__") or key == "_abc_impl")


def held_by(module, space):
    """What functions and classes of a module hold that the program can change."""
    held = {}
    for name, value in definitions(module, space):
        if isinstance(value, type):
            state = {key: item for key, item in vars(value).items() if is_data(key, item)}
            members = members_of(value)
            if members:
                state["<members>"] = members
        else:
            state = {"defaults": value.__defaults__, "keywords": value.__kwdefaults__,
                     "dict": {key: item for key, item in vars(value).items()
                              if key != "__wrapped__"},  # what functools.wraps sets
                     "cells": cells_of(value)}
            if is_plain(state["defaults"]) and not any(list(state.values())[1:]):
                continue
        if state:
            held[f"<{name}>"] = state
    return held


def members_of(value):
    """Of an enum, what the program has put into its members."""
    found = {}
    for name, member in getattr(value, "_member_map_", {}).items():
        own = {key: item for key, item in getattr(member, "__dict__", {}).items()
               if not (key.startswith("_") and key.endswith("_"))}
        if own:
            found[name] = own
    return found


def cells_of(function):
    """By the names of the variables, those that are bound and no definitions themselves."""
    cells = {}
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or ()):
        try:
            content = cell.cell_contents
        except ValueError:
            continue
        if not isinstance(content, (type, types.FunctionType)):
            cells[name] = content
    return cells


def give(value, state):
    if isinstance(value, type):
        members = state.pop("<members>", {})
        for key, item in state.items():
            type.__setattr__(value, key, item)
        for key, attributes in members.items():
            vars(value._member_map_[key]).update(attributes)
        return
    value.__defaults__, value.__kwdefaults__ = state["defaults"], state["keywords"]
    vars(value).update(state["dict"])
    for name, cell in zip(value.__code__.co_freevars, value.__closure__ or ()):
        if name in state["cells"]:
            cell.cell_contents = state["cells"][name]


def put_locals(saved):
    for place, values in saved.items():
        name, _, key = place.partition(":")
        vars(getattr(sys.modules[name], key)).update(values)


def take_logging():
    """Loggers as they are set up, each a variable of a module by itself: one whose handlers can't
    be saved is what the modules make of it."""
    logging = sys.modules.get("logging")
    if logging is None or not hasattr(logging, "root"):
        return {}
    loggers = {"root": logging.root} | {
        name: logger for name, logger in list(logging.root.manager.loggerDict.items())
        if isinstance(logger, logging.Logger)}
    return {"<logging>": {"": [logging.root.manager.disable, dict(logging._levelToName)]} | {
        name: [logger.level, logger.propagate, logger.disabled, list(logger.handlers),
               list(logger.filters)] for name, logger in loggers.items()}}


def put_logging(saved):
    if saved is None:
        return
    import logging
    for name, state in saved.items():
        if not name:
            logging.disable(state[0])
            for level, text in state[1].items():
                logging.addLevelName(level, text)
            continue
        logger = logging.root if name == "root" else logging.getLogger(name)
        logger.setLevel(state[0])
        logger.propagate, logger.disabled = state[1:3]
        logger.handlers[:], logger.filters[:] = state[3:]
        for handler in logger.handlers:
            if isinstance(handler, logging.Handler):
                logging._addHandlerRef(handler)  # flushed and closed at exit
