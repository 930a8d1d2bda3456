"""What a program of `resume run` reads from descriptor 0. A file has a position; a pipe begins anew
with the next process: what was read of it is read over, and must be the same."""
import io
import os
import stat
import sys

from ._core import _file_position, _file_seek
from ._errors import ResumeError

PIECE = 1 << 16


class Piped(io.RawIOBase):
    """A pipe or socket, and what has come out of it so far."""

    def __init__(self, number):
        from hashlib import blake2b  # not at each start
        self.number, self.name, self.mode = number, "<stdin>", "rb"
        self.count, self.digest, self.ahead = 0, blake2b(digest_size=32), b""

    def readable(self):
        return True

    def fileno(self):
        return self.number

    def isatty(self):
        return False

    def tell(self):
        return self.count - len(self.ahead)

    def read_next(self, size):
        content = os.read(self.number, size)
        self.count += len(content)
        self.digest.update(content)
        return content

    def readinto(self, into):
        content = self.ahead[:len(into)] or self.read_next(len(into))
        self.ahead = self.ahead[len(content):]
        into[:len(content)] = content
        return len(content)

    def take(self, end):
        """`end`: so much of it has the program."""
        return {"count": self.count, "digest": self.digest.digest(), "end": end}

    def put(self, saved):
        """Reads over what was read."""
        kept = b""
        while self.count < saved["count"]:
            content = self.read_next(min(PIECE, saved["count"] - self.count))
            if not content:
                break
            kept = (kept + content)[-(PIECE + saved["count"] - saved["end"]):]
        if self.digest.digest() != saved["digest"]:
            raise ResumeError(f"stdin does not begin with the {saved['count']} bytes that were "
                              "read of it before: give the same input again, or start over with "
                              "--fresh")
        self.ahead = kept[len(kept) - (saved["count"] - saved["end"]):]


def is_piped():
    try:
        mode = os.fstat(0).st_mode
        return stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)
    except OSError:
        return False


class Input:
    def __init__(self):
        self.piped = None
        if type(sys.stdin) is io.TextIOWrapper and sys.stdin.fileno() == 0 and is_piped():
            self.piped = Piped(0)
            options = sys.stdin.encoding, sys.stdin.errors
            sys.stdin = sys.__stdin__ = io.TextIOWrapper(io.BufferedReader(self.piped), *options)
            sys.stdin.mode = "r"

    def take(self):
        """Where the program stands in a pipe or a regular file; None in others."""
        try:
            if self.piped is not None:
                return self.piped.take(sys.__stdin__.buffer.tell()) | {
                    "text": _file_position(sys.__stdin__)}
            return _file_position(sys.stdin) if stat.S_ISREG(os.fstat(0).st_mode) else None
        except (AttributeError, OSError, ValueError):
            return None

    def put(self, saved):
        """ResumeError: it is another one."""
        if isinstance(saved, dict) and (self.piped is not None or saved["count"]):
            if self.piped is None:
                raise ResumeError("stdin was a pipe from which something was read: give the same "
                                  "input again by a pipe, or start over with --fresh")
            self.piped.put(saved)
            _file_seek(sys.__stdin__, saved["text"])
        elif saved is not None and sys.stdin is not None and sys.stdin.seekable():
            _file_seek(sys.stdin, saved)
