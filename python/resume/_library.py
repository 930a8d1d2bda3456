"""Objects of Python's library that only the process knows, or that are over: finalizers, decoders
of json, files of codecs; pools that are shut down, processes that have ended, closed sockets and
connections, whose names often outlive them. Others that are in the same way stand for them where a
program goes on."""
import collections
import importlib
import itertools
import os
import threading
import types
import weakref

from ._core import _hash_go_on, _hash_state, _scandir_left

RULES = []  # module and class of what it is for, its reduction


def rule(module, name):
    def add(hook):
        RULES.append((module, name, hook.reduction))
        return hook
    return add


def reduction(thing):
    """(function, arguments) that make one like it; None: it is not over, or unknown."""
    if isinstance(thing, type):
        return Scandir.kind, ()  # it has no name in its module
    names = {(kind.__module__, kind.__qualname__) for kind in type(thing).__mro__}
    for module, name, reduce in RULES:
        if (module, name) in names:
            return reduce(thing)
    return None


def found(module, name):
    """Imported late: who has such a thing has imported it."""
    return getattr(importlib.import_module(module), name)


@rule("concurrent.futures.thread", "ThreadPoolExecutor")
class ThreadPool:
    def reduction(pool):
        exact = type(pool) is found("concurrent.futures", "ThreadPoolExecutor")
        if exact and pool._shutdown and not any(thread.is_alive() for thread in pool._threads):
            return ThreadPool.make, ()
        return None

    def make():
        pool = found("concurrent.futures", "ThreadPoolExecutor")(1)
        pool.shutdown()
        return pool


class Nothing:
    """In the place of the threads, queues and processes that something had."""

    def __init__(self, pid=None, returncode=None):
        self.pid, self.returncode = pid, returncode

    def poll(self):
        return self.returncode

    def wait(self, timeout=None):
        return self.returncode

    def join(self, timeout=None):
        pass

    def close(self):
        pass

    def __call__(self):
        pass


@rule("multiprocessing.pool", "Pool")
class Pool:
    def reduction(pool):
        module = importlib.import_module("multiprocessing.pool")
        over = type(pool) in (module.Pool, module.ThreadPool) and pool._state != module.RUN
        if over and not any(worker.is_alive() for worker in pool._pool or ()):
            return Pool.make, (type(pool), pool._state, pool._processes)
        return None

    def make(kind, state, processes):
        pool = kind.__new__(kind)
        vars(pool).update(_state=state, _processes=processes, _pool=[], _cache={},
                          _terminate=Nothing(), _worker_handler=Nothing(),
                          _task_handler=Nothing(), _result_handler=Nothing(),
                          _change_notifier=Nothing())
        return pool


@rule("multiprocessing.pool", "ApplyResult")
class Result:
    KEPT = "_job", "_success", "_value", "_number_left", "_length", "_chunksize"

    def reduction(result):
        if not result.ready():
            return None
        state = vars(result)
        return Result.make, (type(result), {name: state[name] for name in Result.KEPT
                                            if name in state})

    def make(kind, state):
        result = kind.__new__(kind)
        result._event = threading.Event()
        result._event.set()
        vars(result).update(state, _pool=None, _cache={}, _callback=None, _error_callback=None)
        return result


@rule("multiprocessing.process", "BaseProcess")
class Process:
    OWN = ("_identity", "_config", "_parent_pid", "_parent_name", "_popen", "_closed", "_target",
           "_args", "_kwargs", "_name")

    def reduction(process):
        closed = process._closed
        if not closed and (process._popen is None or process.exitcode is None):
            return None
        state = vars(process)
        own = {name: state[name] for name in ("_identity", "_closed", "_name", "_parent_name")}
        others = {name: value for name, value in state.items() if name not in Process.OWN}
        ended = (None, None) if closed else (process.pid, process.exitcode)
        daemon = process._config.get("daemon", False)
        return Process.make, (type(process), own, others, ended, daemon)

    def make(kind, own, others, ended, daemon):
        process = kind.__new__(kind)
        popen = None if own["_closed"] else Nothing(*ended)
        vars(process).update(others, **own, _config={"daemon": daemon}, _popen=popen,
                             _parent_pid=os.getpid(), _target=None, _args=(), _kwargs={})
        return process


@rule("multiprocessing.queues", "Queue")
class Queue:
    def reduction(queue):
        feeder = queue._thread
        exact = type(queue) is found("multiprocessing.queues", "Queue")
        if exact and queue._closed and not (feeder and feeder.is_alive()):
            return Queue.make, (queue._maxsize,)
        return None

    def make(size):
        queue = found("multiprocessing", "Queue")(size)
        queue.close()
        queue.join_thread()
        return queue


@rule("socket", "socket")
class Socket:
    def reduction(closed):
        if type(closed) is found("socket", "socket") and closed.fileno() == -1:
            return Socket.make, (int(closed.family), int(closed.type), closed.proto)
        return None

    def make(family, kind, protocol):
        closed = found("socket", "socket")(family, kind, protocol)
        closed.close()
        return closed


@rule("sqlite3", "Connection")
class Connection:
    def is_closed(connection):
        try:
            connection.total_changes  # noqa: B018  # of an open one it is a number
        except found("sqlite3", "ProgrammingError") as error:
            return "closed" in str(error)
        return False

    def reduction(connection):
        if type(connection) is found("sqlite3", "Connection") and Connection.is_closed(connection):
            return Connection.make, ()
        return None

    def make():
        connection = found("sqlite3", "connect")(":memory:")
        connection.close()
        return connection


@rule("sqlite3", "Cursor")
class Cursor:
    def reduction(cursor):
        if type(cursor) is found("sqlite3", "Cursor") and Connection.is_closed(cursor.connection):
            return Cursor.make, ()
        return None

    def make():
        connection = found("sqlite3", "connect")(":memory:")
        cursor = connection.cursor()
        connection.close()
        return cursor


@rule("selectors", "BaseSelector")
class Selector:
    def reduction(selector):
        if selector.get_map() is None and type(selector).__module__ == "selectors":
            return Selector.make, (type(selector).__qualname__,)
        return None

    def make(name):
        selector = found("selectors", name)()
        selector.close()
        return selector


@rule("asyncio.runners", "Runner")
class Runner:
    def reduction(runner):
        exact = type(runner) is found("asyncio", "Runner")
        return (Runner.make, ()) if exact and runner._state.name == "CLOSED" else None

    def make():
        runner = found("asyncio", "Runner")()
        runner._state = type(runner._state).CLOSED
        return runner


@rule("weakref", "finalize")
class Finalizer:
    """Alive or dead: what it is stands in a register of its class."""

    def reduction(finalizer):
        info = type(finalizer)._registry.get(finalizer)
        alive = finalizer.peek() if info is not None else None
        if alive is None:
            return Finalizer.make_dead, (type(finalizer),)
        thing, function, arguments, named = alive
        return Finalizer.make, (type(finalizer), thing, function, arguments, dict(named),
                                info.atexit, info.index)

    def make_dead(kind):
        return kind.__new__(kind)

    def make(kind, thing, function, arguments, named, atexit, index):
        made, finalize = kind.__new__(kind), found("weakref", "finalize")
        finalize.__init__(made, thing, function, *arguments, **named)
        info = finalize._registry[made]
        info.atexit, info.index = atexit, index  # the last made is the first that is called
        later = 1 + max(known.index for known in finalize._registry.values())
        finalize._index_iter = itertools.count(later)
        return made


@rule("codecs", "StreamReaderWriter")
@rule("codecs", "StreamRecoder")
@rule("codecs", "StreamReader")
@rule("codecs", "StreamWriter")
@rule("random", "SystemRandom")
class Attributes:
    """They refuse to be pickled, and are what stands in their attributes: a file of codecs.open(),
    which is kept; nothing at all."""

    def reduction(thing):
        return Attributes.make, (type(thing), vars(thing))

    def make(kind, state):
        thing = kind.__new__(kind)
        vars(thing).update(state)
        return thing


# ---- folders that are read

class Folder:
    """One for each path: entries of a folder are looked for in it once."""
    __slots__ = ("path", "__weakref__")
    known = weakref.WeakValueDictionary()
    entries = weakref.WeakKeyDictionary()

    def of(path):
        return Folder.known.setdefault(path, Folder.make(path))

    def make(path):
        folder = Folder()
        folder.path = path
        return folder

    def entry(self, name):
        if self not in Folder.entries:
            try:
                Folder.entries[self] = {entry.name: entry for entry in os.scandir(self.path)}
            except OSError:
                Folder.entries[self] = {}
        return Folder.entries[self].get(name)


@rule("posix", "DirEntry")
class Entry:
    def reduction(entry):
        path = entry.path[:len(entry.path) - len(entry.name)]
        if not path:
            return None  # of a descriptor
        kinds = entry.is_dir(follow_symlinks=False), entry.is_symlink(), entry.inode()
        return Entry.make, (Folder.of(path), entry.name, *kinds)

    def make(folder, name, is_folder, is_link, inode):
        return folder.entry(name) or Gone(folder.path + name, name, is_folder, is_link, inode)


class Gone(os.PathLike):
    """A DirEntry whose file is there no more: it says what that one would."""

    def __init__(self, path, name, is_folder, is_link, inode):
        self.path, self.name, self.kinds, self.number = path, name, (is_folder, is_link), inode

    def __fspath__(self):
        return self.path

    def __repr__(self):
        return f"<DirEntry {self.name!r}>"

    def is_symlink(self):
        return self.kinds[1]

    def is_dir(self, *, follow_symlinks=True):
        return self.kinds[0]

    def is_file(self, *, follow_symlinks=True):
        return not any(self.kinds)

    def is_junction(self):
        return False

    def inode(self):
        return self.number

    def stat(self, *, follow_symlinks=True):
        return os.stat(self.path, follow_symlinks=follow_symlinks)


class Listing:
    """In the place of what os.scandir() gives: the entries that it would have given."""

    def __init__(self, path, names):
        self.path, self.names = path, names[::-1]
        self.folder = None

    def __iter__(self):
        return self

    def __next__(self):
        if not self.names:
            raise StopIteration
        if self.folder is None:
            self.folder = Folder.make(self.path)
        name = self.names.pop()
        path = os.path.join(self.path, name)
        return self.folder.entry(name) or Gone(path, name, False, False, 0)

    def __enter__(self):
        return self

    def __exit__(self, *raised):
        self.close()

    def close(self):
        self.names = []


@rule("posix", "ScandirIterator")
class Scandir:
    """The order of a folder is that of the file system: what is left is read at the save."""

    def reduction(iterator):
        left = _scandir_left(iterator)
        if left is None:
            return Scandir.closed, ()
        path, names = left
        if isinstance(path, int):
            return None
        path = "." if path is None else os.fspath(path)
        return Scandir.go_on, (path, names)

    def go_on(path, names):
        """The thing itself, when the folder is as it was; else one that gives the same entries."""
        try:
            iterator = os.scandir(path)
            every = _scandir_left(iterator)[1]
            advanced(iterator, max(0, len(every) - len(names)))
            if not names or every[-len(names):] == names:
                return iterator
            iterator.close()
        except OSError:
            pass
        return Listing(path, names if isinstance(path, bytes) else list(map(os.fsdecode, names)))

    def kind():
        return type(Scandir.closed())

    def closed():
        iterator = os.scandir("/")
        iterator.close()
        return iterator


# ---- others

@rule("_hashlib", "HASH")
class Hash:
    """Of OpenSSL 3, which has no call for it: by its memory, where that is proven to be all."""
    SIZES = {"md5": 92, "sha1": 96, "sha224": 112, "sha256": 112, "sha384": 216, "sha512": 216}

    def reduction(hash):
        import _ssl
        size = Hash.SIZES.get(hash.name)
        if size is None or _ssl.OPENSSL_VERSION_INFO[0] != 3:
            return None
        state = _hash_state(hash, size)
        if state is None or not Hash.is_same(hash.copy(), Hash.go_on(hash.name, state)):
            return None
        return Hash.make, (hash.name, state, hash.digest())

    def is_same(first, second):
        same = first.digest() == second.digest()
        for other in first, second:
            other.update(b"more, and over the end of a block" * 9)
        return same and first.digest() == second.digest()

    def go_on(name, state):
        hash = found("_hashlib", "new")(name)
        return hash if _hash_go_on(hash, state) else found("_hashlib", "new")(name)

    def make(name, state, digest):
        hash = Hash.go_on(name, state)
        if hash.digest() != digest:
            raise ValueError(f"this OpenSSL can't go on with a {name} of the one that saved it")
        return hash


@rule("_queue", "SimpleQueue")
class SimpleQueue:
    def reduction(queue):
        items = []
        try:
            while True:
                items.append(queue.get_nowait())
        except found("queue", "Empty"):
            pass
        for item in items:
            queue.put(item)
        return SimpleQueue.make, (items,)

    def make(items):
        queue = found("queue", "SimpleQueue")()
        for item in items:
            queue.put(item)
        return queue


def advanced(iterator, count):
    collections.deque(itertools.islice(iterator, count), maxlen=0)
    return iterator


@rule("numpy", "flatiter")
class Flat:
    def reduction(iterator):
        return Flat.make, (iterator.base, iterator.index)

    def make(base, index):
        return advanced(base.flat, index)


@rule("numpy", "broadcast")
class Broadcast:
    def reduction(iterator):
        return Broadcast.make, ([part.base for part in iterator.iters], iterator.index)

    def make(arrays, index):
        return advanced(found("numpy", "broadcast")(*arrays), index)


@rule("numpy.lib.npyio", "BagObj")
@rule("numpy.lib._npyio_impl", "BagObj")
class Bag:
    """NpzFile.f: its attributes are those of the file."""

    def reduction(bag):
        return Bag.make, (type(bag), object.__getattribute__(bag, "_obj"))

    def make(kind, proxy):
        bag = kind.__new__(kind)
        object.__setattr__(bag, "_obj", proxy)
        return bag


@rule("pandas.io.parsers.readers", "TextFileReader")
class Chunks:
    """read_csv(chunksize=): chunks that were handed out are read over, in the same steps."""

    def reduction(reader):
        handle = getattr(reader.handles, "handle", None)
        path = getattr(handle, "name", None)
        if not isinstance(path, str) or not os.path.exists(path):
            return None
        return Chunks.make, (type(reader), path, reader.engine, reader.orig_options,
                             reader._currow, handle.closed)

    def make(kind, path, engine, options, row, closed):
        reader = kind(path, engine, **options)
        while reader._currow < row:
            step = min(reader.chunksize or row, row - reader._currow)
            reader.get_chunk(step)
        if closed:
            reader.close()
        return reader


@rule("_json", "Scanner")
class Scanner:
    """Of a JSONDecoder: it is made of what it is told, and shows that."""

    def reduction(scanner):
        known = {name: getattr(scanner, name) for name, member in vars(type(scanner)).items()
                 if isinstance(member, types.MemberDescriptorType)}
        return Scanner.make, (known,)

    def make(known):
        return found("_json", "make_scanner")(types.SimpleNamespace(**known))
