"""Descriptors of files that a program of `resume run` has as numbers (os.open, fileno()): where it
goes on, each number leads to the same place of the same file, or to none. What a library in C has
opened for writing (a data base) is its own business: its number leads nowhere."""
import fcntl
import os
import stat

FLAGS = os.O_ACCMODE | os.O_APPEND | os.O_SYNC | os.O_DSYNC | os.O_NONBLOCK
OPENED_MAX = 100_000
NONE = os.O_PATH | os.O_CLOEXEC  # what reading and writing refuse, and close() takes


def numbers():
    """Without that of the look itself."""
    return {number for number in map(int, os.listdir("/proc/self/fd")) if target(number)}


def target(number):
    try:
        return os.readlink(f"/proc/self/fd/{number}")
    except OSError:
        return None


class Descriptors:
    def __init__(self):
        self.before, self.own, self.kept, self.written = numbers(), None, {}, []
        self.opened = set()  # paths that Python has opened for writing, not a library in C

    def belong_to(self, checkpoint):
        """Files beside it are no business of the program."""
        self.own = checkpoint

    def opening(self, path):
        if len(self.opened) < OPENED_MAX:
            self.opened.add(os.path.realpath(os.fsdecode(path)))

    def is_own(self, path):
        folder, name = os.path.split(self.own)
        place, found = os.path.split(path)
        return path == folder or place.startswith(self.own + ".files") or (
            place == folder and found.lstrip(".").startswith((name, "run-")))

    def take(self):
        """[number, path or None, flags, offset, inherited], the path of regular files."""
        taken = []
        for number in sorted(numbers() - self.before):
            path = target(number)
            if self.is_own(path):
                continue
            found, flags = os.fstat(number), fcntl.fcntl(number, fcntl.F_GETFL)
            inherited = not fcntl.fcntl(number, fcntl.F_GETFD) & fcntl.FD_CLOEXEC
            is_kept = path == os.devnull or stat.S_ISREG(found.st_mode) and (
                flags & os.O_ACCMODE == os.O_RDONLY or path in self.opened)
            if not is_kept or flags & os.O_PATH or not leads_to(path, found):
                taken.append([number, None, 0, 0, inherited])
                continue
            offset = os.lseek(number, 0, os.SEEK_CUR) if path != os.devnull else 0
            taken.append([number, path, flags & FLAGS, offset, inherited])
        self.written = [number for number, path, flags, *_ in taken
                        if flags & os.O_ACCMODE and path != os.devnull]
        return taken

    def take_sizes(self):
        """Of those that are written, when what file objects have in their buffers is in them."""
        for number in self.written:
            os.fdatasync(number)
        return [[number, os.fstat(number).st_size] for number in self.written]

    def put(self, saved):
        """Before anything else of the program is opened."""
        used = numbers()
        for number, path, flags, offset, inherited in saved:
            if number in used:
                continue
            made = reopened(path, flags, offset)
            if made is None:
                made = os.open("/", NONE)
            else:
                self.kept[number] = os.fstat(made), flags & os.O_ACCMODE
                self.opened.add(path)
            if made != number:
                os.dup2(made, number)
                os.close(made)
            os.set_inheritable(number, inherited)

    def put_sizes(self, saved):
        """Of those that no file object has, which are cut themselves."""
        for number, size in saved:
            if number in self.kept and os.fstat(number).st_size > size:
                os.ftruncate(number, size)

    def claim(self, path, flags):
        """The number of an open file, which a file object has had: its own again. None: none."""
        try:
            wanted = os.stat(path)
        except OSError:
            return None
        for number, (found, access) in self.kept.items():
            if os.path.samestat(found, wanted) and access == flags & os.O_ACCMODE:
                del self.kept[number]
                return number
        return None


def leads_to(path, found):
    try:
        return os.path.samestat(os.stat(path), found)
    except OSError:
        return False


def reopened(path, flags, offset):
    try:
        made = os.open(path, flags | os.O_CLOEXEC | os.O_NOCTTY) if path else None
    except OSError:
        return None
    if made is not None:
        if path != os.devnull:
            os.lseek(made, offset, os.SEEK_SET)
    return made


PROCESS = Descriptors()


def claim(path, flags):
    return PROCESS.claim(path, flags)
