"""What a program of `resume run` has set in the process and in libraries, which are imported again:
each is taken where its module is imported and something was set, and put back before the program
goes on. And what the program has assigned to the attributes of modules (`math.sqrt = mine`)."""
import dis
import gc
import sys
import types

KNOWN = {}  # name -> (module, take() gives None for nothing, put(value))


def known(name, module=None):
    def add(hook):
        KNOWN[name] = module, hook.take, hook.put
        return hook
    return add


def module(name):
    return sys.modules[name]


@known("gc")
class Collector:
    usual = gc.isenabled(), gc.get_threshold()

    def take():
        now = gc.isenabled(), gc.get_threshold()
        return now if now != Collector.usual else None

    def put(saved):
        (gc.enable if saved[0] else gc.disable)()
        gc.set_threshold(*saved[1])


@known("switch interval")
class Switches:
    usual = sys.getswitchinterval()

    def take():
        now = sys.getswitchinterval()
        return now if now != Switches.usual else None

    def put(saved):
        sys.setswitchinterval(saved)


@known("streams")
class Streams:
    """sys.stdout.reconfigure() and the like; the ends of lines are not told."""
    NAMES = "encoding", "errors", "line_buffering", "write_through"

    def now():
        return {name: [getattr(stream, key) for key in Streams.NAMES]
                for name in ("__stdin__", "__stdout__", "__stderr__")
                if hasattr(stream := getattr(sys, name), "reconfigure")}

    def take():
        now = Streams.now()
        return now if now != Streams.usual else None

    def put(saved):
        now = Streams.now()
        for name, values in saved.items():
            if name in now and now[name] != values:
                changed = {key: value for key, value in zip(Streams.NAMES, values)
                           if name != "__stdin__" or key in ("encoding", "errors")}
                getattr(sys, name).reconfigure(**changed)


Streams.usual = Streams.now()


@known("time zone", "time")
class Zone:
    usual = None

    def take():
        now = module("time").tzname
        return now if now != Zone.usual else None

    def put(saved):
        if module("time").tzname != tuple(saved):
            module("time").tzset()  # os.environ is as it was


@known("locale", "_locale")
class Locale:
    def take():
        locale = module("_locale")
        now = locale.setlocale(locale.LC_ALL)
        return now if now != Locale.usual else None

    def put(saved):
        locale = module("_locale")
        locale.setlocale(locale.LC_ALL, saved)


def usual_locale():
    import _locale
    return _locale.setlocale(_locale.LC_ALL)


Locale.usual = usual_locale()
if "time" in sys.modules:
    Zone.usual = sys.modules["time"].tzname


@known("warnings", "warnings")
class Warnings:
    """The filters, and which warnings were shown: each module has its own in a registry, which
    holds as long as the filters stay, whose version a warning writes into a registry."""

    def take():
        registries = Warnings.registries()
        version = Warnings.version() if registries else None
        shown = {name: {key: value for key, value in registry.items() if key != "version"}
                 for name, registry in registries.items()
                 if registry.get("version") == version and name != "__main__"}
        warnings = module("warnings")
        return [list(warnings.filters), dict(warnings.onceregistry), version, shown]

    def put(saved):
        warnings = module("warnings")
        warnings.filters[:] = saved[0]
        warnings._filters_mutated()
        warnings.onceregistry.update(saved[1])
        for name, shown in saved[3].items():
            if name in sys.modules:
                vars(sys.modules[name])["__warningregistry__"] = {"version": saved[2]} | shown
        registries = Warnings.registries()
        version = Warnings.version() if registries else None
        for registry in registries.values():
            registry["version"] = version if registry.get("version") == saved[2] else None

    def registries():
        return {name: registry for name, one in list(sys.modules.items())
                if isinstance(one, types.ModuleType)
                and isinstance(registry := one.__dict__.get("__warningregistry__"), dict)}

    def version():
        warnings, registry = module("warnings"), {}
        once = dict(warnings.onceregistry)
        show, warnings._showwarnmsg = warnings._showwarnmsg, lambda message: None
        try:
            warnings.warn_explicit("", Warning, "", 0, registry=registry)
        except Warning:  # by a filter
            pass
        finally:
            warnings._showwarnmsg = show
            warnings.onceregistry.clear()
            warnings.onceregistry.update(once)
        return registry.get("version")


@known("csv", "_csv")
class Csv:
    PARAMETERS = ("delimiter", "quotechar", "doublequote", "escapechar", "quoting",
                  "lineterminator", "skipinitialspace", "strict")
    USUAL = "excel", "excel-tab", "unix"

    def take():
        csv = module("_csv")
        dialects = {name: {key: getattr(csv.get_dialect(name), key) for key in Csv.PARAMETERS}
                    for name in csv.list_dialects() if name not in Csv.USUAL}
        limit = csv.field_size_limit()
        return [limit, dialects] if dialects or limit != 131072 else None

    def put(saved):
        csv = module("_csv")
        csv.field_size_limit(saved[0])
        for name, parameters in saved[1].items():
            csv.register_dialect(name, **parameters)


@known("first weekday", "calendar")
class Calendar:
    def take():
        return module("calendar").firstweekday() or None

    def put(saved):
        module("calendar").setfirstweekday(saved)


@known("socket timeout", "socket")
class Timeout:
    def take():
        return module("socket").getdefaulttimeout()

    def put(saved):
        module("socket").setdefaulttimeout(saved)


@known("decimal contexts", "decimal")
class Contexts:
    """Those that others are made from; the current one is kept by itself."""
    NAMES = "DefaultContext", "BasicContext", "ExtendedContext"
    KEYS = "prec", "rounding", "Emin", "Emax", "capitals", "clamp"

    def now():
        return {name: [[getattr(context, key) for key in Contexts.KEYS],
                       [signal.__name__ for signal, on in context.traps.items() if on]]
                for name in Contexts.NAMES
                if (context := getattr(module("decimal"), name))}

    def take():
        return Contexts.now()

    def put(saved):
        for name, (values, traps) in saved.items():
            context = getattr(module("decimal"), name)
            for key, value in zip(Contexts.KEYS, values):
                setattr(context, key, value)
            for signal in context.traps:
                context.traps[signal] = signal.__name__ in traps


@known("copyreg", "copyreg")
class Reducers:
    def take():
        table = module("copyreg").dispatch_table
        own = [[kind, function] for kind, function in table.items()
               if is_of_program(kind) or is_of_program(function)]
        return own or None

    def put(saved):
        module("copyreg").dispatch_table.update(saved)


@known("abstract classes", "_abc")
class Registered:
    """`Base.register(Class)` for classes of the program."""

    def bases():
        found = []
        for name in ("_collections_abc", "numbers", "contextlib", "os", "io", "__main__"):
            found += [value for value in list(vars(sys.modules.get(name, types)).values())
                      if isinstance(value, type) and hasattr(value, "_abc_impl")]
        return found

    def take():
        pairs = []
        for base in Registered.bases():
            for reference in module("_abc")._get_dump(base)[0]:
                kind = reference()
                if kind is not None and (is_of_program(kind) or is_of_program(base)):
                    pairs.append([base, kind])
        return pairs or None

    def put(saved):
        for base, kind in saved:
            base.register(kind)


@known("types of files", "mimetypes")
class Mimetypes:
    """Those of the data base that add_type() adds to."""

    def take():
        base = module("mimetypes")._db
        if base is None:
            return None
        usual = module("mimetypes").MimeTypes()
        return [[name, strict, kind] for strict in (True, False)
                for name, kind in base.types_map[strict].items()
                if usual.types_map[strict].get(name) != kind] or None

    def put(saved):
        for name, strict, kind in saved:
            module("mimetypes").add_type(kind, name, strict)


@known("faults", "faulthandler")
class Faults:
    def take():
        return module("faulthandler").is_enabled() or None

    def put(saved):
        module("faulthandler").enable()


@known("pandas", "pandas")
class Pandas:
    def take():
        config = sys.modules.get("pandas._config.config")
        if config is None:
            return None
        changed = {}
        for key, option in config._registered_options.items():
            value = config.get_option(key)
            if value is not option.defval and value != option.defval:
                changed[key] = value
        return changed or None

    def put(saved):
        for key, value in saved.items():
            module("pandas").set_option(key, value)


@known("matplotlib", "matplotlib")
class Matplotlib:
    def take():
        now, usual = module("matplotlib").rcParams, module("matplotlib").rcParamsDefault
        get = dict.__getitem__
        return {key: get(now, key) for key in now
                if key != "backend" and get(now, key) != get(usual, key)} or None

    def put(saved):
        module("matplotlib").rcParams.update(saved)


@known("mpmath", "mpmath")
class Mpmath:
    def take():
        return module("mpmath").mp.prec if module("mpmath").mp.prec != 53 else None

    def put(saved):
        module("mpmath").mp.prec = saved


@known("torch", "torch")
class Torch:
    def take():
        torch = module("torch")
        if not hasattr(torch, "get_num_threads"):
            return None
        return [str(torch.get_default_dtype()).partition(".")[2], torch.get_num_threads(),
                torch.are_deterministic_algorithms_enabled(), torch.is_grad_enabled()]

    def put(saved):
        torch = module("torch")
        torch.set_default_dtype(getattr(torch, saved[0]))
        torch.set_num_threads(saved[1])
        torch.use_deterministic_algorithms(saved[2])
        torch.set_grad_enabled(saved[3])


def is_of_program(thing):
    return PROGRAM.has(getattr(thing, "__module__", None))


def take():
    """name -> value. One that can't be taken is left as its module makes it."""
    taken = {}
    for name, (needed, take_one, _) in KNOWN.items():
        if needed is None or needed in sys.modules:
            try:
                value = take_one()
            except Exception:  # a module that is not what it was
                continue
            if value is not None:
                taken[name] = value
    return taken


def put(saved):
    """What could not be put back, in words."""
    told = []
    for name, value in saved.items():
        try:
            KNOWN[name][2](value)
        except Exception as error:
            told.append(f"the setting of the {name} can't be put back: {error}")
    return told


# ---- attributes of modules that are not the program's ----

class Program:
    """`has(module name)`: whether the module is one of the program; `space`: that of the script."""

    def __init__(self):
        self.has, self.space, self.known = lambda name: False, {}, {}

    def begin(self, has, space):
        self.has, self.space = has, space

    def assigned(self):
        """[module name, attribute, value] of what it has given to modules of others."""
        places, taken = set(), []
        for space, code in self.codes():
            places |= {(resolved(space, way), name) for way, name in self.stores(code)}
        for found, name in sorted(places, key=str):
            if found is not None and not self.has(found) and name in vars(sys.modules[found]):
                taken.append([found, name, vars(sys.modules[found])[name]])
        return taken

    def codes(self):
        frame = sys._getframe()
        while frame is not None:
            if frame.f_globals is self.space and frame.f_code.co_name == "<module>":
                yield self.space, frame.f_code
            frame = frame.f_back
        for name, own in list(sys.modules.items()):
            if name == "__main__" or not self.has(name):
                continue
            if name not in self.known:
                try:
                    self.known[name] = own.__spec__.loader.get_code(own.__spec__.name)
                except Exception:  # it has none
                    self.known[name] = None
            if self.known[name] is not None:
                yield vars(own), self.known[name]

    def stores(self, code):
        """(names that lead to an object, attribute of it that is set), also in its functions."""
        if code not in self.known:
            found, way = set(), []
            for one in dis.get_instructions(code):
                if one.opname in ("LOAD_NAME", "LOAD_GLOBAL", "LOAD_DEREF"):
                    way = [one.argval]
                elif "LOAD_FAST" in one.opname:  # of two variables, the last
                    way = [one.argval[-1] if isinstance(one.argval, tuple) else one.argval]
                elif one.opname == "LOAD_ATTR" and way:
                    way = [*way, one.argval]
                elif one.opname == "STORE_ATTR" and way:
                    found.add((tuple(way), one.argval))
                elif one.opname not in ("CACHE", "EXTENDED_ARG"):
                    way = []
            for constant in code.co_consts:
                if isinstance(constant, types.CodeType):
                    found |= self.stores(constant)
            self.known[code] = found
        return self.known[code]


def resolved(space, way):
    """The name of the module that the names lead to; None: to something else."""
    found = space.get(way[0], sys.modules.get(way[0]))
    for name in way[1:]:
        found = vars(found).get(name) if isinstance(found, types.ModuleType) else None
    name = getattr(found, "__name__", None) if isinstance(found, types.ModuleType) else None
    return name if sys.modules.get(name) is found else None


PROGRAM = Program()


def put_assigned(saved):
    for name, attribute, value in saved.values():
        setattr(sys.modules[name], attribute, value)
