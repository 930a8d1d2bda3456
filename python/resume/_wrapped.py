"""Files that stand on no file of the system by themselves: compressed ones, those in an archive,
classes of a program that are derived from those of io. What is read is opened again, and read up to
where it was; what is closed is a closed one."""
import io
import os
import sys

from ._descriptors import claim

PLAIN = (type(None), bool, int, float, str, bytes)
BASES = "_IOBase", "_RawIOBase", "_BufferedIOBase", "_TextIOBase"  # in C, and hold nothing


def reduction(file):
    """(function, arguments) or (function, arguments, attributes) that make one like it; None: it
    is being written, or unknown."""
    kind = type(file)
    name = kind.__module__.replace("compression.", ""), kind.__qualname__
    if name in READERS:
        if file.closed:
            return closed, (kind, {key: value for key, value in vars(file).items()
                                   if isinstance(value, PLAIN)})
        return READERS[name](file)
    if name == ("tarfile", "ExFileObject") and file.closed:
        return closed_layer, (kind,)
    return derived(file, kind)


def closed(kind, state):
    file = kind.__new__(kind)
    vars(file).update(state)
    if kind.__name__ == "GzipFile":
        file._buffer = io.BufferedReader(io.BytesIO())
        file._buffer.close()
    return file


def closed_layer(kind):
    file = kind.__new__(kind)
    io.BufferedReader.__init__(file, io.BytesIO())
    file.close()
    return file


# ---- compressed, and being read

def path_of(file):
    """Of what only the compressed file has. None: it may be anywhere, or stand for more."""
    if type(file) is not io.BufferedReader or type(file.raw) is not io.FileIO:
        return None
    path = file.raw.name
    try:
        same = isinstance(path, (str, bytes)) and os.path.samestat(
            os.stat(path), os.fstat(file.fileno()))
    except OSError:
        return None
    return path if same else None


def of_gzip(file):
    path = path_of(file.fileobj) if file.readable() and file.myfileobj is file.fileobj else None
    return None if path is None else (again, (type(file), path, file.name, {}, file.tell()))


def of_other(file):
    owns = getattr(file, "_closefp", False)
    path = path_of(file._fp) if owns and file.readable() else None
    if path is None:
        return None
    given = getattr(file._buffer.raw, "_decomp_args", {})
    return again, (type(file), path, None, dict(given), file.tell())


def again(kind, path, name, given, position):
    number = claim(path, os.O_RDONLY)  # of a script: that it has had; else none
    raw = io.FileIO(path if number is None else number)
    raw.name = path
    raw.seek(0)
    inner = io.BufferedReader(raw)
    if kind.__name__ == "GzipFile":
        file = kind(fileobj=inner, mode="rb")
        file.name, file.myfileobj = name, inner
    else:
        file = kind(inner, **given)
        file._closefp = True
    file.seek(position)
    return file


def of_zip(file):
    archive = getattr(getattr(file._fileobj, "_close", None), "__self__", None)
    known = getattr(archive, "NameToInfo", {}).get(file.name)
    if known is None or file._decrypter is not None or not file.seekable():
        return None
    return unzip, (archive, known, file.mode, file.tell())


def unzip(archive, known, mode, position):
    file = archive.open(known)
    archive._fileRefCnt -= 1  # it has counted this one already
    file.mode = mode
    file.seek(position)
    return file


READERS = {("gzip", "GzipFile"): of_gzip, ("bz2", "BZ2File"): of_other,
           ("lzma", "LZMAFile"): of_other, ("zipfile", "ZipExtFile"): of_zip}


# ---- classes of a program

def derived(file, kind):
    """What such an object has is what stands in its attributes. Of a library (a serial port), that
    may be more than can be seen, unless it is closed."""
    in_c = next(base for base in kind.__mro__ if base.__module__ in ("_io", "builtins"))
    if in_c.__name__ not in BASES or not hasattr(file, "__dict__"):
        return None
    if not file.closed and any(map(is_of_library, kind.__mro__)):
        return None
    return make, (kind, in_c), vars(file)


def is_of_library(kind):
    name = kind.__module__.partition(".")[0]
    path = getattr(sys.modules.get(name), "__file__", None) or ""
    return name not in ("io", "_io", "abc", "builtins") and (
        name in sys.stdlib_module_names
        or "/site-packages/" in path or "/dist-packages/" in path)


def make(kind, base):
    return base.__new__(kind)
