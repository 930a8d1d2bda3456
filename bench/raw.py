"""The physical limits, by hand: bytes that lie in memory are written, read and copied."""
import concurrent.futures
import ctypes
import mmap
import os

import numpy as np

PIECE, DEPTH = 1 << 20, 4


def aligned(size):
    """Memory for O_DIRECT."""
    return np.frombuffer(mmap.mmap(-1, size), dtype=np.uint8)


def bytes_of(array):
    return memoryview(array).cast("B")


class Raw:
    def __init__(self, folder, data):
        """`data`: anything with a buffer; what is timed does not make it."""
        size = len(data)
        self.size, self.folder = size, folder
        self.padded = -(-size // mmap.PAGESIZE) * mmap.PAGESIZE
        self.source, self.target = aligned(self.padded), aligned(self.padded)
        self.source[:size] = np.frombuffer(data, dtype=np.uint8)
        self.target[:] = 1
        self.path = os.path.join(folder, "raw")
        self.crew = concurrent.futures.ThreadPoolExecutor(DEPTH)
        self.libc = ctypes.CDLL(None, use_errno=True)

    def copy(self):
        np.copyto(self.target, self.source)

    def _open(self, flags):
        return os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | flags, 0o600)

    def write(self):
        """write + fdatasync."""
        fd, view = self._open(0), memoryview(self.source)[:self.size]
        while view:
            view = view[os.write(fd, view[:4 * PIECE]):]
        os.fdatasync(fd)
        os.close(fd)

    def write_ahead(self):
        """Buffered, with the storage set to work on each piece at once."""
        fd, view = self._open(0), memoryview(self.source)
        for at in range(0, self.padded, 8 * PIECE):
            size = os.pwrite(fd, view[at:at + 8 * PIECE], at)
            self.libc.sync_file_range(fd, ctypes.c_int64(at), ctypes.c_int64(size), 2)
        os.fdatasync(fd)
        os.close(fd)

    def write_direct(self):
        """O_DIRECT, several requests at a time."""
        fd, view = self._open(os.O_DIRECT), memoryview(self.source)
        try:
            if hasattr(os, "posix_fallocate"):
                os.posix_fallocate(fd, 0, self.padded)
            list(self.crew.map(lambda at: os.pwrite(fd, view[at:at + PIECE], at),
                               range(0, self.padded, PIECE)))
            os.fdatasync(fd)
        finally:
            os.close(fd)

    def read(self):
        """The whole file into memory that is there, several requests at a time."""
        fd, view = os.open(self.path, os.O_RDONLY), memoryview(self.target)
        list(self.crew.map(lambda at: os.preadv(fd, [view[at:at + PIECE]], at),
                           range(0, self.padded, PIECE)))
        os.close(fd)

    def read_direct(self):
        fd, view = os.open(self.path, os.O_RDONLY | os.O_DIRECT), memoryview(self.target)
        list(self.crew.map(lambda at: os.preadv(fd, [view[at:at + PIECE]], at),
                           range(0, self.padded, PIECE)))
        os.close(fd)

    def takes_direct(self):
        """Does the file system take O_DIRECT?"""
        try:
            self.write_direct()
            return True
        except OSError:
            return False

    def close(self):
        self.crew.shutdown()
        if os.path.exists(self.path):
            os.unlink(self.path)


def warm(path):
    """Reads a file into the page cache."""
    with open(path, "rb") as file:
        while file.read(PIECE):
            pass


def forget(path):
    """Takes a file out of the page cache (what is not written yet stays)."""
    fd = os.open(path, os.O_RDONLY)
    os.fsync(fd)
    os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
    os.close(fd)
