"""Hostile paths through the Python module and every sub-command of the command, as root and as an
ordinary user: the right error, no hang, no control character, and nothing touched outside.

What is swapped between the look and the use: tests/c/test_swaps.c. What is not shown: folders above
that others may write into (the library warns of those).
"""
import contextlib
import os
import pathlib
import re
import shutil
import socket
import stat
import subprocess
import sys
import tempfile
import unicodedata

import disks
import pytest

ROOT = os.geteuid() == 0
ORDINARY = 65534
USERS = [pytest.param(True, marks=pytest.mark.skipif(not ROOT, reason="wants root"), id="root"),
         pytest.param(False, id="ordinary")]
COMMAND = os.environ.get("RESUME_COMMAND") or shutil.which("resume")


def is_clean(text):
    return all(c == "\n" or unicodedata.category(c) not in ("Cc", "Cf", "Co", "Cs", "Zl", "Zp")
               for c in text)


class Place:
    """A folder `ck` with a checkpoint `main`, and surroundings that must stay as they are."""

    def __init__(self, base, as_root):
        self.base, self.ck, self.as_root = base, base / "work" / "ck", as_root
        self.prefix = [] if as_root or not ROOT else [
            "setpriv", f"--reuid={ORDINARY}", f"--regid={ORDINARY}", "--clear-groups"]
        (base / "work").mkdir()
        (base / "victims").mkdir()
        (base / "victims" / "file").write_text("keep me")
        (base / "victims" / "folder").mkdir()
        (base / "victims" / "folder" / "main").write_text("keep me")
        if self.prefix:
            for path in (base / "work", base / "victims", *(base / "victims").rglob("*")):
                os.chown(path, ORDINARY, ORDINARY)
        self.mkdir = self.own(os.mkdir)

    def own(self, make):
        """make(path, ..) and give the path to the user of the test."""
        def made(path, *arguments):
            make(path, *arguments)
            if self.prefix:
                os.chown(path, ORDINARY, ORDINARY, follow_symlinks=False)
            return path
        return made

    def run(self, *arguments, environment=(), cwd=None):
        clean = {key: value for key, value in os.environ.items() if not key.startswith("RESUME_")}
        return subprocess.run([*self.prefix, *arguments], stdin=subprocess.DEVNULL,
                              capture_output=True, timeout=60, cwd=cwd or self.base / "work",
                              env=clean | {"LC_ALL": "C.UTF-8", "RESUME_QUIET": "1"}
                              | dict(environment))

    def python(self, folder, name="main"):
        """What a program that saves under this name meets: ("saved", file name) or
        (name of the exception, text)."""
        ran = self.run(sys.executable, "-W", "ignore", "-c", SAVES, os.fsencode(folder),
                       os.fsencode(repr(name)))
        assert ran.returncode == 0, ran.stderr.decode(errors="replace")
        kind, text = ran.stdout.decode("utf-8", "surrogateescape").split(" ", 1)
        assert is_clean(text) or kind == "saved", ascii(text)
        return kind, text.rstrip("\n")

    def command(self, *arguments):
        ran = self.run(COMMAND, *arguments, environment={"RESUME_DIR": str(self.ck)})
        assert 0 <= ran.returncode <= 9, (arguments, ran.returncode, ran.stderr)
        assert is_clean(ran.stdout.decode()) and is_clean(ran.stderr.decode()), (arguments, ran)
        return ran.returncode, (ran.stdout + ran.stderr).decode()

    def snapshot(self, *without, times=True):
        """All that is there but what lies below `without`: kind, mode, owner, size, content, and
        when it changed; not `times` of folders, for what is made in them and removed again."""
        found = {}
        for folder, folders, files in os.walk(self.base):
            folders[:] = [f for f in folders if pathlib.Path(folder, f) not in without]
            for name in (*folders, *files):
                path = os.path.join(folder, name)
                if pathlib.Path(path) in without:
                    continue
                info = os.lstat(path)
                content = b""
                if stat.S_ISREG(info.st_mode):
                    content = pathlib.Path(path).read_bytes()
                changed = info.st_mtime_ns if times or not stat.S_ISDIR(info.st_mode) else 0
                found[path] = (stat.S_IFMT(info.st_mode), info.st_mode, info.st_uid, info.st_size,
                               changed, content)
        return found


SAVES = """
import sys, resume
def work(folder, name):
    chp = resume.Checkpoint(name, folder=folder)
    step = 0
    chp.restore()
    step += 1
    chp.save()
    return chp.filename
try:
    said = "saved " + work(sys.argv[1], eval(sys.argv[2]))
except (resume.ResumeError, ValueError, TypeError, OSError) as error:
    said = f"{type(error).__name__} {error}"
sys.stdout.buffer.write(said.encode("utf-8", "surrogateescape") + b"\\n")
"""


@pytest.fixture(params=USERS)
def place(request):
    if ROOT and not shutil.which("setpriv"):
        pytest.skip("no setpriv")
    # not tmp_path: every start of a pytest takes the rights of others from the folder above
    with tempfile.TemporaryDirectory(prefix="resume-paths-", dir=disks.memory_folder()) as base:
        os.chmod(base, 0o755)
        yield Place(pathlib.Path(base).resolve(), request.param)


@pytest.fixture
def saved(place):
    """The place, with a checkpoint `main` of two generations and one that was set aside."""
    for _ in range(2):
        assert place.python(place.ck) == ("saved", str(place.ck / "main"))
    place.own(lambda to: shutil.copy(place.ck / "main", to))(place.ck / "main~1")
    return place


# --- what stands in the place of something

def listen(path):
    with contextlib.closing(socket.socket(socket.AF_UNIX)) as made:
        here = os.getcwd()
        os.chdir(path.parent)  # a path of a socket is short
        try:
            made.bind(path.name)
        finally:
            os.chdir(here)


OBSTACLES = {
    "link": lambda path, base: os.symlink(base / "victims/file", path),
    "dangling": lambda path, base: os.symlink(base / "victims/new", path),
    "circle": lambda path, base: os.symlink(path, path),
    "upward": lambda path, base: os.symlink("..", path),
    "fifo": lambda path, base: os.mkfifo(path, 0o666),
    "socket": lambda path, base: listen(path),
    "folder": lambda path, base: os.mkdir(path),
    "hard link": lambda path, base: os.link(base / "victims/file", path),
    "device": lambda path, base: os.mknod(path, stat.S_IFCHR | 0o666, os.makedev(1, 5)),
}


def put(place, name, path):
    if name == "device" and not ROOT:
        pytest.skip("a device wants root")
    with contextlib.suppress(FileNotFoundError):
        path.unlink()
    # the owner of the victim stays who it is
    (OBSTACLES[name] if name == "hard link" else place.own(OBSTACLES[name]))(path, place.base)


@pytest.mark.parametrize("name", OBSTACLES)
@pytest.mark.parametrize("where", ["main", "main.lock"])
def test_module__obstacles(saved, name, where):
    put(saved, name, saved.ck / where)
    before = saved.snapshot(saved.ck)
    kind, text = saved.python(saved.ck)
    assert saved.snapshot(saved.ck) == before
    assert kind in ("CheckpointIOError", "CheckpointUntrusted", "NotACheckpoint", "ResumeError",
                    "CheckpointDamaged"), (kind, text)
    assert f"{saved.ck}/{where}" in text and ("remove it" in text or "use another" in text), text
    assert stat.S_IFMT(os.lstat(saved.ck / where).st_mode) != 0  # still there


def test_module__obstacles_in_place_of_the_folder(place):
    for name in OBSTACLES:
        if name in ("folder", "upward") or name == "device" and not ROOT:
            continue  # a folder is right, and a link of our own that leads to one is our wish
        path = place.base / "work" / f"as {name}"
        put(place, name, path)
        before = place.snapshot(path)
        kind, text = place.python(path)
        assert place.snapshot(path) == before, name
        assert kind != "saved" and str(path) in text, (name, kind, text)


NAMES = {
    "..": "%2E.", ".": "%2E", ".hidden": "%2Ehidden", "../evil": "%2E.%2Fevil",
    "/etc/passwd": "%2Fetc%2Fpasswd", "a/../../b": "a%2F..%2F..%2Fb", "new\nline": "new%0Aline",
    "\x1b[2J": "%1B%5B2J", "\u202etxt": "%E2%80%AEtxt", "x.lock": "x%2Elock", "x~1": "x%7E1",
    "a b": "a%20b", "CON": "CON", "-rf": "%2Drf", "x" * 100: "x" * 100,
}
BAD_NAMES = ["nul\0byte", "x" * 101, "y" * 255, "\n" * 40]


def test_module__names(place):
    place.mkdir(place.ck)
    before = place.snapshot(place.ck)
    for name, expected in NAMES.items():
        kind, text = place.python(place.ck, name)
        if "/" in name and kind == "saved":  # a name with a slash is a path
            assert os.path.dirname(text) != str(place.ck)
            pytest.fail(f"{name}: {text}")
        if kind == "saved":
            assert os.path.basename(text) == expected or "/" in name, (name, text)
    for name in BAD_NAMES:
        kind, text = place.python(place.ck, name)
        assert kind != "saved", (name, text)
    assert place.snapshot(place.ck) == before


def test_module__folders(place):
    work = place.base / "work"
    for name in ("new\nline", "\x1b[2Jx", "n" * 255, "a b'c", "-rf"):
        kind, text = place.python(work / name)
        assert kind == "saved" and os.path.dirname(text) == str(work / name), (name, kind, text)
    raw = os.fsencode(work) + b"/\xff\xfe"
    assert place.python(raw)[0] == "saved" and os.path.exists(raw + b"/main")
    before = place.snapshot()
    for name in ("n" * 256, "a b'c/" + "n" * 300, "/".join(["n" * 200] * 30)):
        kind, text = place.python(work / name)
        assert kind != "saved" and "choose a shorter name" in text, (name[:20], kind, text)
    for name in ("../victims/file", "../victims/file/below", "../victims/file/../../x"):
        kind, text = place.python(work / name)
        assert kind != "saved", (name, text)
    assert place.snapshot() == before


def test_module__up_from_a_link_is_where_the_system_says(place):
    work = place.base / "work"
    (place.mkdir(place.mkdir(work / "far") / "in"), os.symlink("far/in", work / "link"))
    for folder in (f"{work}/link/../ck", "link/../ck"):
        kind, text = place.python(folder)
        assert kind == "saved" and os.path.samefile(os.path.dirname(text), work / "far/ck"), text
    code, text = place.command("show", f"{work}/link/../ck/main")
    assert code == 0 and not (work / "ck").exists()
    load = "import resume, sys; print(resume.load('link/../ck/main')['step'])"
    assert place.run(sys.executable, "-c", load).stdout == b"2\n"


def test_module__a_name_that_differs_by_case(saved):
    assert saved.python(saved.ck, "MAIN") == ("saved", str(saved.ck / "MAIN"))
    assert (saved.ck / "main").read_bytes() != (saved.ck / "MAIN").read_bytes()


def test_module__a_folder_that_others_may_write(place):
    for mode, sticky in ((0o777, False), (0o1777, True), (0o775, True)):
        parent = place.mkdir(place.base / "work" / f"p{mode:o}")
        parent.chmod(mode)
        ran = place.run(sys.executable, "-c", SAVES, str(parent / "ck"), "'main'")
        told = ran.stderr.decode()
        assert ran.stdout.startswith(b"saved"), ran
        assert ("chmod o-w" in told and str(parent) in told) != sticky, (mode, told)


def mine(place):
    """Modes bind an ordinary user only."""
    if place.as_root:
        pytest.skip("root passes over modes")


def test_module__read_only(saved):
    mine(saved)
    (saved.ck / "main").chmod(0o400)
    kind, text = saved.python(saved.ck)
    assert kind == "CheckpointIOError" and "check owner and permissions" in text, text
    (saved.ck / "main").chmod(0o600)
    saved.ck.chmod(0o500)
    before = saved.snapshot()
    kind, text = saved.python(saved.ck, "other")
    assert kind == "CheckpointIOError" and "check owner and permissions" in text, text
    assert saved.snapshot() == before
    assert saved.command("check")[0] == 0  # readers need no right to write
    saved.ck.chmod(0o700)
    assert saved.python(saved.ck)[0] == "saved"


def test_module__files_of_others(saved):
    mine(saved)
    if not ROOT:
        pytest.skip("giving files away wants root")
    for name in ("main", "main.lock"):
        os.chown(saved.ck / name, 1, 1)
        (saved.ck / name).chmod(0o666)
        before = (saved.ck / name).read_bytes()
        kind, text = saved.python(saved.ck)
        assert kind != "saved" and "another user" in text or "not to you" in text, (kind, text)
        assert (saved.ck / name).read_bytes() == before
        os.chown(saved.ck / name, ORDINARY, ORDINARY)


def test_module__a_read_only_mount(place, tmp_path):
    if not ROOT:
        pytest.skip("mounting wants root")
    assert place.python(place.ck)[0] == "saved"
    subprocess.run(["mount", "--bind", place.ck, place.ck], check=True)
    try:
        subprocess.run(["mount", "-o", "remount,bind,ro", place.ck], check=True)
        before = place.snapshot()
        kind, text = place.python(place.ck)
        assert kind == "CheckpointIOError" and "read-only" in text and "RESUME_DIR" in text, text
        assert place.command("check", "main")[0] == 0
        assert place.snapshot() == before
    finally:
        subprocess.run(["umount", place.ck], check=True)


# --- the command

def sub_commands():
    """All that `resume --help` names."""
    if not COMMAND:
        return []
    text = subprocess.run([COMMAND, "--help"], capture_output=True, text=True).stdout
    return re.findall(r"^  ([a-z]+) {2,}\S", text, re.M)


COMMANDS = sub_commands()
CHANGING = {"revive", "rollback", "prune", "rm"}
PROBING = {"doctor"}  # writes a file into the folder that it looks at, and removes it
EXTRA = {"export": ["--format=json"], "completion": []}  # arguments that must be there


def test_command__is_known_whole():
    assert {"ls", "show", "check", "revive"} <= set(COMMANDS)


def targets(place):
    work = place.base / "work"
    paths = []
    for name in OBSTACLES:
        if name == "device" and not ROOT:
            continue
        put(place, name, work / f"as {name}")
        paths.append(work / f"as {name}")
        put(place, name, place.ck / f"in_{name.replace(' ', '_')}")
        paths.append(f"in_{name.replace(' ', '_')}")
    return [*map(os.fsencode, paths), b"..", b".", b"/", b"../main", b"main/../main", b"main\n",
            b"\x1b[2J", b"\xff\xfe", b"", b"-", b"x" * 255, b"x" * 256, b"/" + b"x" * 5000,
            b"main@99999999999999999999", b"main@-99999999999999999999", b"main@0", b"main@",
            b"@1", b"main~99999999999999999999", b"main~", b"/dev/null", b"/dev/full",
            b"/proc/self/mem", b"/proc/self/fd", b"ck/main/below", b"MAIN", b"main.lock",
            b".gitignore", os.fsencode(place.base / "victims/file"),
            os.fsencode(place.base / "victims/folder")]


@pytest.mark.parametrize("name", COMMANDS)
def test_command__hostile_arguments(saved, name):
    arguments = targets(saved)
    without = saved.ck if name in CHANGING else saved.base / "nothing"
    before = saved.snapshot(without, times=name not in PROBING)
    good = (saved.ck / "main").read_bytes()
    for argument in arguments:
        saved.command(name, *EXTRA.get(name, []), "--", argument)
    assert saved.snapshot(without, times=name not in PROBING) == before
    assert (saved.ck / "main").read_bytes() == good


@pytest.mark.parametrize("name", COMMANDS)
def test_command__hostile_folders(place, name):
    """RESUME_DIR itself is what it should not be."""
    for obstacle in OBSTACLES:
        if obstacle == "device" and not ROOT:
            continue
        place.ck = place.base / "work" / f"as {obstacle}"
        put(place, obstacle, place.ck)
        before = place.snapshot(times=name not in PROBING)
        code, text = place.command(name, *EXTRA.get(name, []))
        code, text = place.command(name, *EXTRA.get(name, []), "main")
        assert code != 0 or name in ("completion", "doctor"), (obstacle, text)
        assert place.snapshot(times=name not in PROBING) == before, obstacle


@pytest.mark.parametrize("name", sorted(CHANGING & set(COMMANDS)))
def test_command__changes_only_what_is_named(saved, name):
    """A link in the place of what is changed: refused, or the link alone goes."""
    for where in ("main", "main~1", "main.lock"):
        for obstacle in ("link", "hard link", "fifo", "upward"):
            put(saved, obstacle, saved.ck / where)
            before = saved.snapshot(saved.ck)
            saved.command(name, "--", "main~1")
            saved.command(name, "--", "main")
            assert saved.snapshot(saved.ck) == before, (where, obstacle)


@pytest.mark.parametrize("name", COMMANDS)
def test_command__read_only_and_foreign(saved, name):
    mine(saved)
    (saved.ck / "main").chmod(0)
    code, text = saved.command(name, *EXTRA.get(name, []), "main")
    unasked = ("completion", "doctor", "rm", "trust", "untrust")  # these two: there is no key
    assert code in (1, 2, 4, 8) or name in unasked, (code, text)
    if (saved.ck / "main").exists():
        (saved.ck / "main").chmod(0o600)
    saved.ck.chmod(0o500)
    before = saved.snapshot()
    saved.command(name, *EXTRA.get(name, []), "main~1")
    saved.command(name, *EXTRA.get(name, []), "main")
    lock = str(saved.ck / "main.lock")  # taken, and released again
    assert saved.snapshot() | {lock: 0} == before | {lock: 0}
    saved.ck.chmod(0o300)
    saved.command(name, *EXTRA.get(name, []))
    saved.ck.chmod(0o700)
    assert saved.snapshot(saved.ck) == {k: v for k, v in before.items()
                                        if not k.startswith(str(saved.ck) + "/")
                                        and k != str(saved.ck)}


@pytest.mark.skipif("export" not in COMMANDS, reason="no export yet")
@pytest.mark.parametrize("obstacle", OBSTACLES)
def test_command__export_replaces_nothing_unasked(saved, obstacle):
    target = saved.base / "work" / "out.json"
    put(saved, obstacle, target)
    before = saved.snapshot()
    code, text = saved.command("export", "main", "-o", target)
    assert code in (1, 2, 8) and "out.json" in text, (code, text)
    assert saved.snapshot() == before
