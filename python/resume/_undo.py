"""What a program of `resume run` does to files since the newest save: written down before it is
done, in NAME.files beside the checkpoint, and taken back before the program goes on. So it finds
the files as they were at the save, whether it had removed, renamed, emptied, rewritten or made
them since.

NAME.files is a folder: `journal`, one JSON array in a line for each step, and what the steps need
to be taken back, as hard links where that is possible, else as copies. Nothing of it is synced: a
kill loses nothing, a power cut may lose the newest lines.
"""
import os
import stat
import threading

COPY_MAX = 64 << 20  # of one file: a larger one that is written over stays as it is
COPIES_MAX = 256 << 20  # of all
LINKED_MAX = 1 << 30  # of all files that are gone, whose room on the disk is not free yet
ASK_AFTER = 2000  # steps: then a save is asked for, which makes them needless
STEPS_MAX = 50000  # more are not written down
IGNORED = ("/proc/", "/sys/", "/dev/")
OPEN_CREATE, OPEN_APPEND, OPEN_WRITE = os.O_CREAT, os.O_APPEND, os.O_WRONLY | os.O_RDWR


def full(path, folder=-1):
    """From the root, without following the last link; None when it can't be told."""
    if isinstance(path, int):
        return None
    path = os.fsdecode(path)
    if isinstance(folder, int) and folder >= 0 and not path.startswith("/"):
        path = os.path.join(os.readlink(f"/proc/self/fd/{folder}"), path)
    folder, name = os.path.split(os.path.abspath(path))
    return os.path.join(os.path.realpath(folder), name)


def behind_links(path):
    """What opening it leads to."""
    return os.path.realpath(path) if path is not None and os.path.islink(path) else path


def look(path):
    try:
        return os.lstat(path)
    except OSError:
        return None


def is_ours(found):
    return found is not None and stat.S_ISREG(found.st_mode) and found.st_uid == os.geteuid()


class Undo:
    """`folder`: where it is kept; it is made with the first step."""

    def __init__(self, folder):
        self.folder = folder
        self.epoch = 0  # number of times that a save was begun
        self.takes = []  # (epoch, saves that were durable by then) of each
        # of the journal: epoch, name of what is kept or None, bytes that were copied, and linked
        self.lines = []
        # since the newest save began: what was opened, and not there before (opening it may have
        # failed); files that are to go, or whose content is known
        self.born, self.written = set(), set()
        self.kept = self.copied = self.linked = 0
        self.lock, self.inside = threading.Lock(), None
        self.journal = None

    # ---- before something is done ----

    def before(self, event, arguments):
        """Called before it is done. Whether a save is wanted soon."""
        with self.lock:
            self.inside = threading.get_ident()
            try:
                STEPS[event](self, *arguments)
            except (OSError, ValueError, TypeError, RuntimeError):
                pass  # it will fail as well, or can't be taken back
            finally:
                self.inside = None
            return len(self.lines) >= ASK_AFTER

    def is_inside(self):
        """What is about to be done is done by us."""
        return self.inside == threading.get_ident()

    def is_watched(self, path):
        return (path is not None and not path.startswith(IGNORED) and "/__pycache__/" not in path
                and os.path.dirname(path) != self.folder)

    def note(self, *step, kept=None, copied=0, linked=0):
        import json
        if len(self.lines) > STEPS_MAX:
            return
        if len(self.lines) == STEPS_MAX:
            step = ("full", step[1])
        if self.journal is None:
            os.makedirs(self.folder, mode=0o700, exist_ok=True)
            self.journal = os.open(self.place("journal"),
                                   os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        os.write(self.journal, json.dumps([self.epoch, *step]).encode() + b"\n")
        self.lines.append((self.epoch, kept, copied, linked))
        self.copied += copied
        self.linked += linked

    def keep(self, path, found, may_link):
        """How the file is kept, for note(); None: it is too large."""
        os.makedirs(self.folder, mode=0o700, exist_ok=True)
        self.kept += 1
        name = f"{self.epoch}-{self.kept}"
        place = self.place(name)
        if may_link:
            if self.linked + found.st_size > LINKED_MAX:
                return None
            try:
                os.link(path, place, follow_symlinks=False)
                return {"kept": name, "linked": found.st_size}
            except OSError:
                pass  # another file system, or one without links
        if found.st_size > COPY_MAX or self.copied + found.st_size > COPIES_MAX:
            return None
        copy(path, place, os.O_CREAT | os.O_EXCL)
        return {"kept": name, "copied": found.st_size}

    def opened(self, path, mode, flags):
        if not flags & OPEN_WRITE:
            return
        path = behind_links(full(path))
        if path in self.written or not self.is_watched(path):
            return
        found = look(path)
        if found is None:
            if flags & OPEN_CREATE:  # once more, if it has failed: the order counts
                self.born.add(path)
                self.note("made", path)
        elif path in self.born:
            self.written.add(path)
        elif is_ours(found) and not flags & OPEN_APPEND:
            self.rewritten(path, found)

    def rewritten(self, path, found):
        if path in self.written:
            return
        how = self.keep(path, found, False)
        if how is not None:
            self.written.add(path)
            self.note("written", path, how["kept"], **how)

    def truncated(self, path, size):
        path = behind_links(full(path))
        if self.is_watched(path) and is_ours(found := look(path)):
            self.rewritten(path, found)

    def lost(self, path):
        """The file is about to go away from this path."""
        found = look(path)
        self.change_names(path)
        if is_ours(found):
            how = self.keep(path, found, True)
            if how is not None:
                self.note("removed", path, how["kept"], **how)
        elif found is not None and stat.S_ISLNK(found.st_mode):
            self.note("unlinked", path, os.readlink(path))
        elif found is not None and stat.S_ISDIR(found.st_mode):
            self.note("emptied", path, stat.S_IMODE(found.st_mode))

    def change_names(self, *paths, is_folder=False):
        """Something else will be there."""
        for known in (self.born, self.written):
            if is_folder:
                known.clear()
            known.difference_update(paths)

    def removed(self, path, folder=-1):
        path = full(path, folder)
        if self.is_watched(path):
            self.lost(path)

    def renamed(self, source, target, source_folder=-1, target_folder=-1):
        source, target = full(source, source_folder), full(target, target_folder)
        found = look(source)
        if found is None or not self.is_watched(source) or not self.is_watched(target):
            return
        if look(target) is not None:
            self.lost(target)
        self.note("renamed", source, target)
        self.change_names(source, target, is_folder=stat.S_ISDIR(found.st_mode))

    def made(self, path, *others):
        path = full(path, others[-1] if others and isinstance(others[-1], int) else -1)
        if self.is_watched(path) and look(path) is None:
            self.note("made", path)

    def linked(self, source, target, *folders):
        self.made(target, *folders[-1:])

    # ---- saves ----

    def take(self, saves):
        """A save begins; `saves` are durable. Steps from now on are behind it."""
        with self.lock:
            self.forget(saves)
            if not self.takes or self.takes[-1][1] != saves or (
                    self.lines and self.lines[-1][0] == self.epoch):
                self.epoch += 1
                self.takes.append((self.epoch, saves))
                self.change_names(is_folder=True)
            return self.epoch

    def forget(self, saves):
        """Steps before a save that is durable. Of the newest one nobody may know it yet: a rise of
        the number since a save began tells of the one before it."""
        known = [number for number in range(len(self.takes) - 1)
                 if saves > self.takes[number + 1][1]]
        if not known:
            return
        del self.takes[:known[-1]]
        count = sum(line[0] < self.takes[0][0] for line in self.lines)
        if count == 0:
            return
        place = self.place("journal")
        with open(place, "rb") as file:
            text = file.readlines()[count:]
        with open(place + ".new", "wb") as file:
            file.writelines(text)
        os.replace(place + ".new", place)
        os.close(self.journal)
        self.journal = os.open(place, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
        for _, kept, copied, linked in self.lines[:count]:
            self.copied -= copied
            self.linked -= linked
            if kept is not None:
                os.unlink(self.place(kept))
        del self.lines[:count]

    # ---- going back ----

    def clear(self):
        if not owns(self.folder):
            return
        try:
            for name in os.listdir(self.folder):
                os.unlink(self.place(name))
            os.rmdir(self.folder)
        except OSError:
            pass  # somebody has put a folder there

    def put(self, epoch):
        """Takes back what was done since that save began, the newest first. Returns what could not
        be, in words."""
        import json
        self.epoch = epoch
        place = self.place("journal")
        told = []
        if not is_ours(look(place)) or not owns(self.folder):
            return told
        with open(place, "rb") as file:
            lines = file.readlines()
        end = sum(map(len, lines))
        for line in reversed(lines):
            end -= len(line)
            try:
                number, step, path, *arguments = json.loads(line)
            except (ValueError, TypeError):
                continue  # it was being written
            if step == "full" and number >= epoch:
                told.append(f"more than {STEPS_MAX} files were changed since the save: the newest "
                            "changes stay")
            elif number >= epoch:
                try:
                    BACK[step](self, path, *arguments)
                except (OSError, LookupError, TypeError) as error:
                    told.append(f"the file '{path}' is not as it was at the save: {error}")
            os.truncate(place, end)
        self.clear()
        return told

    def place(self, name):
        return os.path.join(self.folder, name)

    def back_made(self, path):
        found = look(path)
        if found is None:
            return
        if stat.S_ISDIR(found.st_mode):
            try:
                os.rmdir(path)
            except OSError:
                pass  # somebody else has put something there
        elif found.st_uid == os.geteuid():
            os.unlink(path)

    def back_written(self, path, name):
        found = look(path)
        kept = look(self.place(name))
        if kept is None or found is None or not is_ours(found):
            return
        copy(self.place(name), path, os.O_TRUNC)

    def back_removed(self, path, name):
        if look(path) is not None or look(self.place(name)) is None:
            return
        try:
            os.link(self.place(name), path)
        except OSError:
            copy(self.place(name), path, os.O_CREAT | os.O_EXCL)

    def back_unlinked(self, path, target):
        if look(path) is None:
            os.symlink(target, path)

    def back_renamed(self, source, target):
        if look(source) is None and look(target) is not None:
            os.rename(target, source)

    def back_emptied(self, path, mode):
        if look(path) is None:
            os.mkdir(path, mode)


def copy(source, target, flags):
    """Content, mode and times."""
    found = os.stat(source)
    reader = os.open(source, os.O_RDONLY | os.O_CLOEXEC)
    try:
        writer = os.open(target, os.O_WRONLY | os.O_CLOEXEC | flags, stat.S_IMODE(found.st_mode))
        try:
            while piece := os.read(reader, 1 << 20):
                while piece:
                    piece = piece[os.write(writer, piece):]
            os.utime(writer, ns=(found.st_atime_ns, found.st_mtime_ns))
        finally:
            os.close(writer)
    finally:
        os.close(reader)


def owns(folder):
    """Nobody else can have put something there."""
    found = look(folder)
    return (found is not None and stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid()
            and not found.st_mode & 0o022)


STEPS = {"open": Undo.opened, "os.truncate": Undo.truncated, "os.remove": Undo.removed,
         "os.rename": Undo.renamed, "os.mkdir": Undo.made, "os.rmdir": Undo.removed,
         "os.link": Undo.linked, "os.symlink": Undo.linked}
BACK = {"made": Undo.back_made, "written": Undo.back_written, "removed": Undo.back_removed,
        "unlinked": Undo.back_unlinked, "renamed": Undo.back_renamed, "emptied": Undo.back_emptied}
