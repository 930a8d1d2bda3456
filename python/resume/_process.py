"""What a program of `resume run` has besides its variables: taken with each save, put back before
it goes on. Everything here is data, functions of the program, and files."""
import atexit
import contextvars
import fcntl
import importlib
import os
import signal
import stat
import sys
import threading

from . import _settings
from ._appended import Appended
from ._descriptors import PROCESS
from ._input import Input
from ._modules import (
    definitions,
    give,
    held_by,
    is_definition,
    put_locals,
    put_logging,
    take_logging,
)
from ._surroundings import place_of
from ._undo import Undo

# What is kept of an output, so that it is written again where the shell's `>` has emptied the file.
KEPT_MAX = 64 << 20
# Variables of the environment that change what Python and libraries compute.
TELLING = ("PYTHON", "OMP_", "MKL_", "OPENBLAS_", "NUMEXPR_", "CUDA_", "LD_", "LANG", "LC_", "TZ")
INSTALLED = ("site-packages", "dist-packages")


class Output:
    """Descriptor 1 or 2, when it is a regular file."""

    def __init__(self, number):
        self.number, self.begin, self.appends = number, 0, False
        self.begin = self.end() or 0

    def state(self):
        """(device, inode, size), or None when it is no regular file."""
        try:
            found = os.fstat(self.number)
            self.appends = bool(fcntl.fcntl(self.number, fcntl.F_GETFL) & os.O_APPEND)
        except OSError:
            return None
        return (found.st_dev, found.st_ino, found.st_size) if stat.S_ISREG(found.st_mode) else None

    def end(self):
        """Where the next byte is written; None when it is no regular file."""
        state = self.state()
        if state is None:
            return None
        return state[2] if self.appends else os.lseek(self.number, 0, os.SEEK_CUR)

    def take(self):
        end = self.end()
        if end is None:
            return None
        device, inode, size = self.state()
        content = None
        if self.begin <= end <= size and end - self.begin <= KEPT_MAX:
            content = self.read(end)
        os.fdatasync(self.number)
        return {"file": [device, inode], "begin": self.begin, "end": end, "content": content}

    def read(self, end):
        """A second descriptor: ours may be for writing alone."""
        try:
            other = os.open(f"/proc/self/fd/{self.number}", os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            return None
        try:
            content = bytearray()
            while piece := os.pread(other, end - self.begin - len(content),
                                    self.begin + len(content)):
                content += piece
        finally:
            os.close(other)
        return bytes(content) if len(content) == end - self.begin else None

    def put(self, saved):
        state = self.state()
        if saved is None or state is None:
            return
        same, size = list(state[:2]) == saved["file"], state[2]
        if same and size >= saved["end"]:
            self.begin = saved["begin"]
            self.cut(saved["end"])
        elif saved["content"] is not None and (size == 0 or same and size <= saved["begin"]):
            self.begin = min(saved["begin"], size)
            self.cut(self.begin)
            left = memoryview(saved["content"])
            while left:
                left = left[os.write(self.number, left):]
        elif not same:
            self.begin = size  # another file, with something in it

    def cut(self, end):
        os.ftruncate(self.number, end)
        if not self.appends:
            os.lseek(self.number, end, os.SEEK_SET)


class Process:
    """`folder`: where the program's own modules lie."""

    def __init__(self, folder, space):
        self.folder, self.space = os.path.join(folder, ""), space
        self.here = os.getcwd()
        self.environment = dict(os.environ)
        self.before, self.owned = frozenset(sys.modules), {}
        self.outputs, self.input = [Output(1), Output(2)], Input()
        self.appended = Appended()
        self.undo, self.saves = None, 0
        self.ends = []
        self.signals = self.handlers()
        self.watch_ends()
        _settings.PROGRAM.begin(self.is_of_program, space)
        self.muted = None
        self.told = []

    def watch_files(self, folder):
        self.undo = Undo(folder)
        PROCESS.belong_to(os.path.realpath(folder).removesuffix(".files"))

    def begin_files(self, saved):
        """The program begins. One that was killed before its first save began with the same files;
        what one has left of which something is saved, that is not used, stays as it is."""
        if saved:
            self.undo.clear()
        else:
            self.told = [f"resume: {text}\n" for text in self.undo.put(0)]
            self.tell()

    def changing(self, event, arguments):
        """The program is about to open a file for writing, to remove, to rename one ... Whether a
        save is wanted soon."""
        if self.undo.is_inside():
            return False
        wanted = self.undo.before(event, arguments)
        if event == "open":
            path, _, flags = arguments
            PROCESS.opening(path)
            empties = flags & (os.O_TRUNC | os.O_EXCL) != 0
            wanted = self.appended.opening(path, empties) or wanted
        return wanted

    def start_again(self, line, seed):
        """The same command with another seed of hashes: from its very beginning."""
        line = ["--seed=" + seed if text.startswith("--seed=") else text for text in line]
        for text in line:
            if text.startswith("--status="):
                os.set_inheritable(int(text[9:]), True)
        signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGTERM, signal.SIGINT, signal.SIGHUP,
                                                  signal.SIGUSR1))  # until it has its handlers
        flush()
        os.execve(sys.executable, line, self.environment | {"PYTHONHASHSEED": seed})

    # ---- modules ----

    def is_own(self, name, module):
        """Each module is looked at once: a save asks for all of them."""
        known = self.owned.get(name)
        if known is None or known[0] is not module:
            path = getattr(module, "__file__", None)
            known = self.owned[name] = module, self.lies_in_folder(name, path)
        return known[1]

    def lies_in_folder(self, name, path):
        if name in self.before or name in ("__main__", "__mp_main__") or not isinstance(path, str):
            return False
        path = os.path.abspath(path)
        inside = path.startswith(self.folder) and not path.startswith(
            os.path.join(os.path.dirname(os.__file__), ""))
        return (inside and path.endswith(".py")
                and not set(path[len(self.folder):].split(os.sep)).intersection(INSTALLED))

    def own_modules(self):
        return {name for name, module in list(sys.modules.items()) if self.is_own(name, module)}

    def modules(self):
        """The variables of the program's own modules: name -> dict. Also what their functions and
        classes hold (defaults, closures, attributes), each under its name in brackets."""
        return {name: {key: value for key, value in vars(module).items()
                       if not (key.startswith("__") and key.endswith("__"))
                       and not is_definition(name, key, value)} | held_by(name, vars(module))
                for name in self.own_modules() if (module := sys.modules.get(name))
                } | take_logging() | self.take_finalizers() | self.take_locals(
                ) | self.take_context() | take_settings()

    def put_modules(self, saved):
        put_logging(saved.pop("<logging>", None))
        saved.pop("<finalizers>", None)  # they are in their register again
        put_locals(saved.pop("<locals>", {}))
        self.told += [f"resume: {text}\n" for text in _settings.put(saved.pop("<settings>", {}))]
        _settings.put_assigned(saved.pop("<assigned>", {}))
        for variable, value in saved.pop("<context>", {}).values():
            variable.set(value)
        for name, values in saved.items():
            module = sys.modules.get(name)
            if module is None:
                continue
            vars(module).update({key: value for key, value in values.items() if key[0] != "<"})
            found = dict(definitions(name, vars(module)))
            for key, value in values.items():
                if key[0] == "<" and key[1:-1] in found:
                    give(found[key[1:-1]], value)

    def take_finalizers(self):
        """weakref.finalize(thing, function) of the program, which only their register holds."""
        register = getattr(sys.modules.get("weakref"), "finalize", None)
        taken = {}
        for finalizer, info in list(register._registry.items()) if register else ():
            makers = info.func, type(info.weakref())
            if any(self.is_of_program(getattr(maker, "__module__", None)) for maker in makers):
                taken[str(info.index)] = finalizer
        return {"<finalizers>": taken} if taken else {}

    def take_locals(self):
        """What the main thread has in a threading.local of a package that is on the stack: by it,
        such a package tells its functions where they are."""
        frame, packages, taken = sys._getframe(), set(), {}
        while frame is not None:
            packages.add(str(frame.f_globals.get("__name__")).partition(".")[0])
            frame = frame.f_back
        packages -= sys.stdlib_module_names | {__name__.partition(".")[0]}
        for name, module in list(sys.modules.items()):
            if name.partition(".")[0] in packages and not self.is_of_program(name):
                taken |= {f"{name}:{key}": vars(value) for key, value in vars(module).items()
                          if isinstance(value, threading.local) and vars(value)}
        return {"<locals>": taken} if taken else {}

    def take_context(self):
        """Context variables of the program that have a value in the main thread."""
        taken = {}
        for variable, value in contextvars.copy_context().items():
            place = place_of(variable)
            if place is None or self.is_of_program(place[0]):
                taken[f"{len(taken)} {variable.name}"] = [variable, value]
        return {"<context>": taken} if taken else {}

    def is_of_program(self, name):
        return name == "__main__" or self.is_own(name, sys.modules.get(name))

    # ---- taken and put ----

    def program(self):
        """What must be there before anything of the program is imported or made."""
        return {
            "epoch": self.undo.take(self.saves),
            "input": self.input.take(),
            "descriptors": PROCESS.take(),
            "here": [self.here, os.getcwd()],
            "path": list(sys.path),
            "imports": [name for name, module in list(sys.modules.items())
                        if name not in self.before and is_imported(name, module)],
            "environment": {name: value for name, value in self.environment.items()
                            if name.startswith(TELLING)},
            "changed": {name: os.environ.get(name)
                        for name in sorted(self.environment.keys() | os.environ.keys())
                        if self.environment.get(name) != os.environ.get(name)},
        }

    def process(self):
        flush()
        return {
            "arguments": list(sys.argv),
            "depth": sys.getrecursionlimit(),
            "digits": sys.get_int_max_str_digits(),
            "outputs": self.take_outputs(),
            "sizes": PROCESS.take_sizes(),
            "appended": self.appended.take(),
            "ends": [list(end) for end in self.ends],
            "signals": {number: handler for number, handler in self.handlers().items()
                        if handler != self.signals.get(number)},
            "streams": {name: getattr(sys, name) for name in ("stdin", "stdout", "stderr")
                        if getattr(sys, name) is not getattr(sys, f"__{name}__")},
            "hook": None if sys.excepthook is sys.__excepthook__ else sys.excepthook,
            "mask": mask(),
            "decimal": take_decimal(),
            "numpy": take_numpy(),
        }

    def take_outputs(self):
        first, second = self.outputs
        taken = [first.take()]
        same = first.state() and second.state() and first.state()[:2] == second.state()[:2]
        taken.append("same" if same and taken[0] is not None else second.take())
        return taken

    def prepare(self, saved):
        """Before anything of the program is imported or made."""
        self.input.put(saved["input"])
        texts = self.differences(saved) + self.undo.put(saved.get("epoch", 0))
        PROCESS.put(saved["descriptors"])
        self.told = [f"resume: {text}\n" for text in texts]
        sys.path[:] = saved["path"]
        for name, value in saved["changed"].items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
        if saved["here"][1] != saved["here"][0]:
            os.chdir(saved["here"][1])
        for name in saved["imports"]:
            if name not in sys.modules:
                try:
                    importlib.import_module(name)
                except ImportError as error:  # it may never be asked for
                    self.told.append(f"resume: import {name}: {error}\n")

    def put(self, saved):
        """When all of the program is there again."""
        sys.argv[:] = saved["arguments"]
        sys.setrecursionlimit(saved["depth"])
        sys.set_int_max_str_digits(saved["digits"])
        for end in saved["ends"]:
            self.ends.append((end[0], tuple(end[1]), end[2]))
            atexit.register(end[0], *end[1], **end[2])
        for number, handler in saved["signals"].items():
            signal.signal(number, handler)
        for name, stream in saved["streams"].items():
            setattr(sys, name, stream)
        if saved["hook"] is not None:
            sys.excepthook = saved["hook"]
        os.umask(saved["mask"])
        PROCESS.put_sizes(saved["sizes"])
        put_decimal(saved["decimal"])
        put_numpy(saved["numpy"])
        flush()
        self.mute(False)
        first, second = saved["outputs"]
        self.outputs[0].put(first)
        if second == "same":
            self.outputs[1].begin = self.outputs[0].begin
        else:
            self.outputs[1].put(second)
        self.told += [f"resume: {text}\n" for text in self.appended.put(saved["appended"])]
        self.tell()

    def tell(self):
        """On the stderr of the process, whatever the program has put into its place."""
        if self.told and sys.__stderr__ is not None:
            sys.__stderr__.write("".join(self.told))
            flush()

    def differences(self, saved):
        """What is another way than when the program began, in words."""
        told = []
        if saved["here"][0] != self.here:
            told.append(f"the working directory is '{self.here}' and was '{saved['here'][0]}'")
        now = {name: value for name, value in self.environment.items() if name.startswith(TELLING)}
        for name in sorted(now.keys() | saved["environment"].keys()):
            if now.get(name) != saved["environment"].get(name) and name != "PYTHONHASHSEED":
                was = saved["environment"].get(name)
                told.append(f"{name} is {now.get(name)!r} and was {was!r}")
        return told

    def mute(self, on):
        """What modules print while they are imported again was printed before."""
        if on:
            flush()
            self.muted = os.dup(1)
            null = os.open(os.devnull, os.O_WRONLY)
            os.dup2(null, 1)
            os.close(null)
        elif self.muted is not None:
            flush()
            os.dup2(self.muted, 1)
            os.close(self.muted)
            self.muted = None

    # ---- the end, and signals ----

    def watch_ends(self):
        """Functions that the program's own modules give to atexit, which tells nobody."""
        def watched(function):
            register, unregister = atexit.register, atexit.unregister

            def keep(function, /, *arguments, **named):
                space = sys._getframe(1).f_globals
                if space is self.space or self.lies_in_folder(space.get("__name__"),
                                                              space.get("__file__")):
                    self.ends.append((function, arguments, named))
                return register(function, *arguments, **named)

            def forget(function, /):
                self.ends[:] = [end for end in self.ends if end[0] != function]
                return unregister(function)
            return keep, forget
        atexit.register, atexit.unregister = watched(atexit)

    def handlers(self):
        """Of signals, as the program has set them."""
        return {int(number): handler for number in signal.valid_signals() if number < 32
                and (handler := signal.getsignal(number)) is not None}


def is_imported(name, module):
    spec = getattr(module, "__spec__", None)
    return spec is not None and spec.loader is not None and getattr(spec, "name", None) == name


def flush():
    for stream in (sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__):
        try:
            stream.flush()
        except (AttributeError, OSError, ValueError):
            pass


def mask():
    value = os.umask(0o077)
    os.umask(value)
    return value


def take_decimal():
    decimal = sys.modules.get("decimal")
    return None if decimal is None else decimal.getcontext()


def put_decimal(saved):
    if saved is not None:
        import decimal
        decimal.setcontext(saved)


def take_numpy():
    """What numpy does on errors of floats, and how it prints: of this thread and context."""
    numpy = sys.modules.get("numpy")
    if numpy is None or not hasattr(numpy, "seterr"):
        return None
    return [numpy.geterr(), numpy.geterrcall(), numpy.get_printoptions()]


def put_numpy(saved):
    if saved is not None:
        import numpy
        numpy.seterr(**saved[0])
        numpy.seterrcall(saved[1])
        numpy.set_printoptions(**saved[2])


def take_settings():
    """Each a variable of a module by itself: one that can't be saved is what its library makes."""
    assigned = {f"{name}.{attribute}": [name, attribute, value]
                for name, attribute, value in _settings.PROGRAM.assigned()}
    return {"<settings>": _settings.take(), "<assigned>": assigned}
