"""Files without a name, as tempfile.TemporaryFile makes them: what is in them is state. And the one
that keeps nothing."""
import io
import os
import sys
import tempfile

from ._core import _file_seek
from ._descriptors import claim

ACCESS = {"r": os.O_RDONLY, "w": os.O_WRONLY, "a": os.O_WRONLY}  # of others, O_RDWR


def reduction(kind, options, position, attributes, descriptor):
    """(function, arguments) of one whose content is small; all that was written is in the file."""
    size = os.fstat(descriptor).st_size
    content = os.pread(descriptor, size, 0)
    if len(content) != size:
        raise ValueError("a file without a name can't be read to its end")
    return open_again, (kind, options, position, attributes, content)


def open_null(kind, options, access, attributes):
    number = None
    if "resume._process" in sys.modules:  # of a script: the number that it has had
        number = claim(os.devnull, ACCESS.get(access, os.O_RDWR))
    raw = io.FileIO(os.devnull if number is None else number, access)
    raw.name = os.devnull
    if kind == "raw":
        return raw
    layer = {"r": io.BufferedReader, "w": io.BufferedWriter, "a": io.BufferedWriter}
    file = layer.get(access, io.BufferedRandom)(raw)
    if kind == "text":
        file = io.TextIOWrapper(file, *options)
    vars(file).update(attributes)
    return file


def open_again(kind, options, position, attributes, content):
    file = tempfile.TemporaryFile(buffering=0)
    left = memoryview(content)
    while left:
        left = left[file.write(left):]
    if kind != "raw":
        file = io.BufferedRandom(file)
    if kind == "text":
        file = io.TextIOWrapper(file, *options)
    vars(file).update(attributes)
    _file_seek(file, position)
    return file
