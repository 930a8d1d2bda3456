"""Sets the stage for a program of `resume run`, as Python itself would have."""
import os
import sys

import _frozen_importlib_external as loaders
from _frozen_importlib import BuiltinImporter
from _functools import partial

from . import _core, _process


def prepare():
    """Reads the command line: RUNNER --NAME=VALUE... -- SCRIPT ARGUMENT..., and returns what runs
    the program."""
    line, begin = sys.orig_argv, len(sys.orig_argv) - len(sys.argv)
    end = line.index("--", begin)
    settings = dict(text[2:].split("=", 1) for text in line[begin + 1:end])
    settings["again"] = list(line)
    sys.orig_argv = line[:begin] + line[end + 1:]
    target, arguments = line[end + 1], line[end + 2:]
    space = sys.modules["__main__"].__dict__
    for name in ("sys", "prepare"):
        space.pop(name, None)
    if "seed" in settings:  # chosen by the command: processes that the program starts are free
        os.environ.pop("PYTHONHASHSEED", None)
    code = None
    if target.startswith("-c"):
        code = target[2:] or arguments.pop(0)
    settings["key"] = " ".join([code] * (code is not None) + [
        text if text.isprintable() and text and " " not in text else repr(text)
        for text in arguments[target == "-m":]])
    if code is not None:
        return _command(settings, code, arguments, space)
    if target.startswith("-m"):
        module = target[2:]
        if not module:
            module, *arguments = arguments
        return _module(settings, module, arguments, space)
    if _is_package(target):
        return _package(settings, target, arguments, space)
    return _script(settings, target, arguments, space)


def _absolute(path):
    """As Python makes the name of a script absolute."""
    return path if path.startswith("/") else os.getcwd() + "/" + path


def _is_package(path):
    """A folder or an archive with a __main__.py."""
    for hook in sys.path_hooks:
        try:
            hook(path)
            return True
        except ImportError:
            continue
    return False


def keep_file():
    """Python takes the file of our own script out of the namespace, now the program's, when that
    ends: it is put back before anything that the program has registered is called."""
    import atexit
    space = sys.modules["__main__"].__dict__
    atexit.register(space.update, {name: space[name] for name in ("__file__", "__cached__")
                                   if name in space})


def _begin(settings, path, folder, space):
    if not settings["key"] or "name" in settings:
        del settings["key"]
    try:
        return _core._Script(settings, path, _process.Process(folder, space))
    except ValueError as error:
        sys.stderr.write(f"resume: --{error}\n")
        sys.exit(2)


def _script(settings, target, arguments, space):
    path = _absolute(target)
    sys.argv[:] = [target, *arguments]
    if not sys.flags.safe_path:
        sys.path.insert(0, os.path.dirname(os.path.realpath(target)))
    is_compiled = target.endswith(".pyc")
    loader = loaders.SourcelessFileLoader if is_compiled else loaders.SourceFileLoader
    space["__loader__"] = loader("__main__", path)
    space["__file__"] = path
    try:
        code = space["__loader__"].get_data(path)
        if is_compiled:
            code = space["__loader__"].get_code("__main__")
    except OSError as error:
        sys.stderr.write(f"{sys.orig_argv[0]}: can't open file {path!r}: [Errno {error.errno}] "
                         f"{error.strerror}\n")
        sys.exit(2)
    folder = os.path.dirname(os.path.realpath(path))
    script = _begin(settings, path, folder, space)
    return partial(script.call, script.execute, code, space)


def _with_lines(source):
    """The code, with its lines where tracebacks look for them, as Python does from 3.13 on."""
    import linecache
    try:
        code = compile(source, "<string>", "exec", dont_inherit=True)
    except (SyntaxError, ValueError):
        return source  # which is told where it is run
    by_code = hasattr(linecache, "_interactive_cache")  # not in the first releases of 3.13
    linecache._register_code(code if by_code else "<string>", source, "<string>")
    return code


def _command(settings, code, arguments, space):
    sys.argv[:] = ["-c", *arguments]
    if not sys.flags.safe_path:
        sys.path.insert(0, "")
    for key in ("__file__", "__cached__"):
        space.pop(key, None)
    space["__loader__"] = BuiltinImporter
    if sys.version_info >= (3, 14):
        import textwrap
        code = textwrap.dedent(code)
    if sys.version_info >= (3, 13):
        code = _with_lines(code)
    script = _begin(settings, "<string>", os.getcwd(), space)
    return partial(script.call, script.execute, code, space)


def _module(settings, name, arguments, space):
    import runpy
    sys.argv[:] = ["-m", *arguments]
    if not sys.flags.safe_path:
        sys.path.insert(0, os.getcwd())
    for key in ("__file__", "__cached__"):
        space.pop(key, None)
    script = _begin(settings, "", os.getcwd(), space)
    runpy.exec = script.execute  # the frames are those of `python -m`, down to the program's
    return partial(script.call, runpy._run_module_as_main, name)


def _package(settings, target, arguments, space):
    import runpy
    path = _absolute(target)
    sys.argv[:] = [target, *arguments]
    sys.path.insert(0, path)
    for key in ("__file__", "__cached__"):
        space.pop(key, None)
    script = _begin(settings, path, path, space)
    runpy.exec = script.execute
    return partial(script.call, runpy._run_module_as_main, "__main__", False)
