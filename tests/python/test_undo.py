"""What a program has done to files since a save is taken back: python/resume/_undo.py."""
import os
import random
import stat

import pytest
from resume import _undo


class Program:
    """Does things to files as a program does, with the hook called before each."""

    def __init__(self, undo, folder):
        self.undo, self.folder = undo, folder

    def path(self, *names):
        return os.path.join(self.folder, *names)

    def write(self, name, content, mode="w"):
        flags = {"w": os.O_WRONLY | os.O_CREAT | os.O_TRUNC, "r+": os.O_RDWR,
                 "x": os.O_WRONLY | os.O_CREAT | os.O_EXCL}[mode]
        self.undo.before("open", (self.path(name), mode, flags))
        with open(self.path(name), mode) as file:
            file.write(content)

    def do(self, function, *arguments):
        folders = {"remove": (-1,), "rename": (-1, -1), "mkdir": (0o777, -1), "rmdir": (-1,),
                   "symlink": (-1,), "link": (-1, -1), "truncate": ()}[function]
        self.undo.before("os." + function, arguments + folders)
        getattr(os, function)(*arguments)


def tree(folder):
    """All that is in it: name -> mode and content."""
    found = {}
    for place, folders, files in os.walk(folder):
        for name in folders + files:
            path = os.path.join(place, name)
            mode = os.lstat(path).st_mode
            content = (os.readlink(path) if stat.S_ISLNK(mode) else
                       open(path).read() if stat.S_ISREG(mode) else None)
            found[os.path.relpath(path, folder)] = mode, content
    return found


@pytest.fixture
def work(tmp_path):
    (tmp_path / "work").mkdir()
    return Program(_undo.Undo(str(tmp_path / "state" / "name.files")), str(tmp_path / "work"))


def again(work):
    """As a new process finds it."""
    return Program(_undo.Undo(work.undo.folder), work.folder)


def test_undo__each_step(work):
    for name in ("rewritten", "removed", "renamed", "replaced", "cut", "changed"):
        work.write(name, "before " + name)
    os.mkdir(work.path("emptied"))
    os.symlink("somewhere", work.path("link"))
    os.chmod(work.path("removed"), 0o640)
    inode = os.stat(work.path("removed")).st_ino
    epoch = work.undo.take(0)
    before = tree(work.folder)
    work.write("rewritten", "after")
    work.write("rewritten", "and again")
    work.do("remove", work.path("removed"))
    work.do("rename", work.path("renamed"), work.path("elsewhere"))
    work.do("rename", work.path("rewritten"), work.path("replaced"))
    work.do("truncate", work.path("cut"), 3)
    work.write("changed", "AFTER", "r+")
    work.write("made", "x", "x")
    work.do("mkdir", work.path("folder"))
    work.write("folder/inside", "x")
    work.do("rmdir", work.path("emptied"))
    work.do("remove", work.path("link"))
    work.do("symlink", "made", work.path("link"))
    work.do("link", work.path("made"), work.path("hard"))
    assert tree(work.folder) != before
    work = again(work)
    assert work.undo.put(epoch) == []
    assert tree(work.folder) == before
    assert os.stat(work.path("removed")).st_ino == inode
    assert not os.path.exists(work.undo.folder)


def test_undo__what_was_done_before_the_save_stays(work):
    work.undo.take(0)
    work.write("a", "one")
    epoch = work.undo.take(1)
    work.write("b", "two")
    work.write("a", "three")
    again(work).undo.put(epoch)
    assert tree(work.folder).keys() == {"a"} and open(work.path("a")).read() == "one"


def test_undo__of_an_older_save_as_long_as_a_newer_one_may_fail(work):
    first = work.undo.take(0)
    work.write("a", "one")
    work.undo.take(0)  # this save fails: nothing is durable yet
    work.write("b", "two")
    again(work).undo.put(first)
    assert tree(work.folder) == {}


def test_undo__durable_saves_make_steps_needless(work):
    sizes = []
    for saves in range(50):
        work.undo.take(saves)
        for name in "abc":
            work.write(name, f"{saves}" * 100)
        work.do("rename", work.path("a"), work.path("b"))
        sizes.append(len(os.listdir(work.undo.folder)))
        assert len(open(work.undo.place("journal")).readlines()) == len(work.undo.lines)
    assert max(sizes) <= 16 and work.undo.copied <= 3000
    epoch = work.undo.take(50)
    before = tree(work.folder)
    work.write("b", "other")
    again(work).undo.put(epoch)
    assert tree(work.folder) == before


def test_undo__refused_saves_cost_nothing(work):
    epochs = {work.undo.take(3) for _ in range(100)}
    assert len(epochs) == 1 and len(work.undo.takes) == 1


def test_undo__large_files_stay_as_they_are(work, monkeypatch):
    monkeypatch.setattr(_undo, "COPY_MAX", 10)
    work.write("large", "before" * 10)
    work.write("small", "before")
    epoch = work.undo.take(0)
    work.write("large", "after")
    work.write("small", "after")
    again(work).undo.put(epoch)
    assert open(work.path("large")).read() == "after"
    assert open(work.path("small")).read() == "before"


def test_undo__all_copies_are_bounded(work, monkeypatch):
    monkeypatch.setattr(_undo, "COPIES_MAX", 100)
    for number in range(10):
        work.write(f"{number}", "x" * 30)
    work.undo.take(0)
    for number in range(10):
        work.write(f"{number}", "y")
    assert work.undo.copied == 90


def test_undo__removed_files_hold_no_more_than_some_room(work, monkeypatch):
    monkeypatch.setattr(_undo, "LINKED_MAX", 100)
    for number in range(10):
        work.write(f"{number}", "x" * 30)
    epoch = work.undo.take(0)
    for number in range(10):
        work.do("remove", work.path(f"{number}"))
    assert work.undo.linked == 90
    again(work).undo.put(epoch)
    assert tree(work.folder).keys() == {"0", "1", "2"}


def test_undo__too_many_steps_are_told(work, monkeypatch):
    monkeypatch.setattr(_undo, "STEPS_MAX", 5)
    monkeypatch.setattr(_undo, "ASK_AFTER", 3)
    epoch = work.undo.take(0)
    wanted = [work.undo.before("open", (work.path(f"{i}"), "w", os.O_WRONLY | os.O_CREAT))
              for i in range(8)]
    assert wanted == [False] * 2 + [True] * 6
    told, = again(work).undo.put(epoch)
    assert "more than 5 files were changed since the save" in told


def test_undo__other_file_systems_get_copies(work, monkeypatch):
    def link(*arguments, **options):
        raise OSError(18, "Invalid cross-device link")
    work.write("a", "one")
    os.chmod(work.path("a"), 0o600)
    os.utime(work.path("a"), ns=(10**18, 10**18))
    epoch = work.undo.take(0)
    before = tree(work.folder)
    monkeypatch.setattr(os, "link", link)
    work.do("remove", work.path("a"))
    again(work).undo.put(epoch)
    assert tree(work.folder) == before and os.stat(work.path("a")).st_mtime_ns == 10**18


def test_undo__leaves_what_is_not_the_programs(work):
    epoch = work.undo.take(0)
    work.undo.before("open", ("/dev/null", "w", os.O_WRONLY | os.O_CREAT))
    work.undo.before("open", (5, "w", os.O_WRONLY))
    work.undo.before("os.remove", (work.path("nothing"), -1))
    work.undo.before("open", (work.path("__pycache__/a.pyc"), "w", os.O_WRONLY | os.O_CREAT))
    assert not os.path.exists(work.undo.folder)
    work.do("mkdir", work.path("folder"))
    with open(work.path("folder/of-somebody-else"), "w"):
        pass
    again(work).undo.put(epoch)
    assert tree(work.folder).keys() == {"folder", "folder/of-somebody-else"}


def test_undo__a_folder_that_others_may_write_to_is_not_believed(work):
    epoch = work.undo.take(0)
    work.write("a", "one")
    os.chmod(work.undo.folder, 0o777)
    again(work).undo.put(epoch)
    assert tree(work.folder).keys() == {"a"}


def test_undo__a_journal_that_makes_no_sense(work):
    """Of a power cut, or somebody's editor: told, and all else is taken back."""
    epoch = work.undo.take(0)
    work.write("a", "one")
    with open(work.undo.place("journal"), "a") as file:
        file.write(f'[{epoch}, "unheard-of", "b"]\n[{epoch}, "made"]\n\n[{epoch}, "ma')
    os.mkdir(work.undo.place("folder"))
    told = again(work).undo.put(epoch)
    assert told == ["the file 'b' is not as it was at the save: 'unheard-of'"]
    assert tree(work.folder) == {} and os.path.isdir(work.undo.place("folder"))


def test_undo__folders_by_descriptor_and_relative_paths(work, monkeypatch):
    work.write("a", "one")
    work.write("b", "two")
    epoch = work.undo.take(0)
    before = tree(work.folder)
    monkeypatch.chdir(work.folder)
    folder = os.open(".", os.O_RDONLY)
    work.undo.before("os.remove", ("a", folder))
    os.remove("a", dir_fd=folder)
    work.undo.before("os.rename", (b"b", b"c", -1, folder))
    os.rename("b", "c")
    os.close(folder)
    again(work).undo.put(epoch)
    assert tree(work.folder) == before


NAMES = ["a", "b", "c", "d", "f/a", "f/b", "g/a"]


def random_step(work, choose):
    """One thing that succeeds, or nothing."""
    name, other = choose.choice(NAMES), choose.choice(NAMES)
    kind = choose.randrange(9)
    try:
        if kind <= 2:
            work.write(name, str(choose.random()), choose.choice(["w", "w", "x", "r+"]))
        elif kind == 3:
            work.do("remove", work.path(name))
        elif kind == 4:
            work.do("rename", work.path(name), work.path(other))
        elif kind == 5:
            work.do("mkdir", work.path(name[0]))
        elif kind == 6:
            work.do("rmdir", work.path(name[0]))
        elif kind == 7:
            work.do("truncate", work.path(name), choose.randrange(5))
        else:
            work.do("symlink", other, work.path(name))
    except OSError as error:
        return kind, name, other, error.errno
    return kind, name, other


class Killed(BaseException):
    pass


@pytest.mark.random
def test_undo__random_steps(tmp_path, seed, amount):
    """Any steps, saves in between, a kill, and more kills while they are taken back."""
    for number in range(amount(300, 60, 40)):
        choose = random.Random(seed * 1000003 + number)
        folder = tmp_path / f"{number}"
        folder.mkdir()
        work = Program(_undo.Undo(str(tmp_path / f"{number}.files")), str(folder))
        epoch, saves, steps = work.undo.take(0), 0, []
        before = tree(work.folder)
        for _ in range(choose.randrange(40)):
            steps.append(random_step(work, choose))
            if choose.random() < 0.1:
                epoch = work.undo.take(saves)
                steps.append("save")
                before = tree(work.folder)
                saves += 1
        truncate, left = os.truncate, choose.randrange(6)

        def dying(path, size):
            nonlocal left
            left -= 1
            if left == 0:
                raise Killed
            truncate(path, size)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(os, "truncate", dying)
            while True:
                try:
                    assert again(work).undo.put(epoch) == []
                    break
                except Killed:
                    left = choose.randrange(6)
        assert tree(work.folder) == before, f"{seed} {number} {steps}"
