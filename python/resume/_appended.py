"""Files that a program opens, appends to and closes again: no save meets them open, and what was
written since would come a second time. They are cut back to their size at the save, those that
nobody else writes to."""
import os
import stat

KEPT_MAX = 256  # the newest; each save looks at all of them
# What is known of a file: it was empty or not there when the program first appended to it, or the
# program has emptied it; it had something in it, of whomever; somebody else has changed it from a
# save to the next opening. Emptied, and nothing appended: what is done again empties it again.
OWN, UNKNOWN, SHARED, EMPTIED = "own", "unknown", "shared", "emptied"


def look(path):
    """[inode, size] of a regular file of ours with one name; None when it is none."""
    try:
        found = os.stat(path)
    except (OSError, ValueError):
        return None
    if not stat.S_ISREG(found.st_mode) or found.st_nlink != 1 or found.st_uid != os.geteuid():
        return None
    return [found.st_ino, found.st_size]


def open_inodes():
    """Of all that this process has open."""
    inodes = set()
    for name in os.listdir("/proc/self/fd"):
        try:
            inodes.add(os.fstat(int(name)).st_ino)
        except OSError:  # that of listdir itself
            continue
    return inodes


class Appended:
    def __init__(self):
        self.whose = {}  # path -> one of the above, the newest last
        self.at_save = {}  # path -> what look() gave, of those that were closed at the newest save

    def opening(self, path, empties):
        """The file is about to be opened for writing. Whether the newest save knows too little of
        it to go back."""
        path = os.path.realpath(os.fsdecode(path))
        now = look(path)
        if now is None and os.path.lexists(path):
            return False  # a device, a link of somebody
        before = self.whose.pop(path, None)
        same = self.at_save.pop(path, now) == now
        if before == SHARED or before is not None and not same:
            whose = SHARED
        elif empties:
            whose = EMPTIED
        elif before is None:
            whose = OWN if now is None or now[1] == 0 else UNKNOWN
        else:
            whose = OWN if before == EMPTIED else before
        self.whose[path] = whose
        while len(self.whose) > KEPT_MAX:
            self.at_save.pop(next(iter(self.whose)), None)
            del self.whose[next(iter(self.whose))]
        return before is None or empties and before == OWN

    def take(self):
        if not self.whose:
            return {}
        inodes = open_inodes()
        found = {path: look(path) for path in self.whose}
        self.at_save = {path: state for path, state in found.items()
                        if state is None or state[0] not in inodes}
        return {path: [state, self.whose[path]] for path, state in found.items()}

    def put(self, saved):
        """Returns what is to be told."""
        told = []
        for path, (state, whose) in saved.items():
            self.whose[path] = whose
            now = look(path)
            if state is None or now == state or whose == EMPTIED:
                continue
            if now is None:
                told.append(f"the file '{path}' is gone, which had {state[1]} bytes at the save")
            elif now[0] != state[0]:
                told.append(f"the file '{path}' is another one than at the save: it stays as it is")
            elif now[1] < state[1]:
                told.append(f"the file '{path}' is shorter than at the save: it stays as it is")
            elif whose == OWN:
                os.truncate(path, state[1])
            else:
                told.append(f"the file '{path}' has got {now[1] - state[1]} bytes since the save, "
                            "which may be of other programs: they stay there, and what this one "
                            "had appended comes again")
        return told
