"""What a notebook tells about itself: its file, the cell that runs, the names of the session."""
import ast
import linecache
import os
import re
import sys
from hashlib import blake2b

from . import _core

# The history of the session and the last results, whatever IPython knows of them.
_HISTORY = re.compile(r"_{1,3}|_i{1,3}|_i?[0-9]+|_[iod]h")
# (folder, name) -> the cell of this session that has this checkpoint
_taken = {}


def _shell(namespace):
    """The session whose variables these are, or None."""
    get = getattr(sys.modules.get("IPython"), "get_ipython", None)
    shell = get() if get else None
    if shell is None or namespace is not getattr(shell, "user_ns", None):
        return None
    return shell


def path(namespace):
    """The path of the notebook whose variables these are; None when nobody tells it."""
    if _shell(namespace) is None:
        return None
    for told in (namespace.get("__vsc_ipynb_file__"), namespace.get("__session__"),
                 os.environ.get("JPY_SESSION_NAME")):
        if isinstance(told, str) and (told.endswith(".ipynb") or os.path.isfile(told)):
            return told
    return _path_of_runner()


def _path_of_runner():
    """`jupyter nbconvert --execute X.ipynb` and its like start the kernel without telling it."""
    parent = f"/proc/{os.getppid()}"
    try:
        with open(parent + "/cmdline", "rb") as file:
            words = [os.fsdecode(word) for word in file.read().split(b"\0")]
        folder = os.readlink(parent + "/cwd")
    except OSError:
        return None
    paths = [os.path.join(folder, word) for word in words if word.endswith(".ipynb")]
    paths = [one for one in dict.fromkeys(paths) if os.path.isfile(one)]
    if any(os.path.basename(word) == "papermill" for word in words[:2]):
        return paths[0] if paths else None  # the second one is its output
    return paths[0] if len(paths) == 1 else None


class Cell:
    """The cell whose top-level code makes a Checkpoint."""

    def __init__(self, shell, frame):
        self._shell = shell
        self._source = "".join(linecache.getlines(frame.f_code.co_filename)) or _last_input(shell)
        self.variable = self._variable(frame) or "cell"
        self.id = _id_of(shell)
        self.code = self._compile(frame.f_code)
        self._hash = _core._code_hash(self.code)
        self._identity = self.id or blake2b(self._source.encode("utf-8", "replace")).digest()

    def _compile(self, fallback):
        """All of the cell: IPython runs each of its statements as a code of its own."""
        flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT | self._shell.compile.flags
        try:
            return compile(self._source, "<cell>", "exec", flags, dont_inherit=True)
        except (SyntaxError, ValueError):
            return fallback

    def _variable(self, frame):
        """The name of the variable that takes what the frame is making."""
        place = list(frame.f_code.co_positions())[frame.f_lasti // 2]
        try:
            tree = ast.parse(_inside_of_magic(self._shell, self._source))
        except (SyntaxError, ValueError):
            return None
        for node in ast.walk(tree):
            value, target = _assignment(node)
            if isinstance(value, ast.Call) and isinstance(target, ast.Name) and \
                    (value.lineno, value.col_offset) == (place[0], place[2]):
                return target.id
        return None

    def choose(self, folder, stem, suffix):
        """The name of its checkpoint: that of the variable, with a number when another cell has it.

        A cell that was edited goes on with what it saved."""
        edited = None
        number = 0
        while True:
            number += 1
            name = f"{stem}.{self.variable}{f'-{number}' if number > 1 else ''}{suffix}"
            owner = _taken.get((folder, name))
            if owner == self._identity:
                return name
            if owner is None:
                found = _core._cell_of(folder, name)
                if found is None:
                    break
                code_hash, cell_id = found
                if self.id and cell_id == self.id or \
                        code_hash == self._hash and not (self.id and cell_id):
                    break
                if edited is None and not (self.id and cell_id):
                    edited = name
        if found is None:
            name = edited or name
        _taken[folder, name] = self._identity
        return name

    def hidden(self):
        """The names that belong to the session and not to the notebook."""
        own = getattr(self._shell, "user_ns_hidden", {})
        return {name for name, value in self._shell.user_ns.items()
                if own.get(name, own) is value or _HISTORY.fullmatch(name)}


def _last_input(shell):
    inputs = getattr(getattr(shell, "history_manager", None), "input_hist_parsed", None)
    return inputs[-1] if inputs else ""


def _cell_id(shell):
    """What the front end calls the cell that runs, or ""."""
    parent = getattr(shell, "get_parent", dict)()
    cell_id = parent.get("metadata", {}).get("cellId") if isinstance(parent, dict) else None
    return cell_id if isinstance(cell_id, str) else ""


def _id_of(shell):
    """The same where it stays: a path into an editor does not."""
    cell_id = _cell_id(shell)
    return cell_id if re.fullmatch(r"[A-Za-z0-9_-]{1,64}", cell_id) else ""


def _inside_of_magic(shell, source):
    """The cell under `%%time` and its like, as they compile it."""
    match ast.parse(source).body:
        case [ast.Expr(value=ast.Call(func=ast.Attribute(attr="run_cell_magic"), args=[
                _, _, ast.Constant(value=str() as body)]))]:
            return shell.transform_cell(body)
    return source


def _assignment(node):
    """(value, target) of a node that gives a value a name, else (None, None)."""
    match node:
        case ast.Assign(targets=[target], value=value):
            return value, target
        case ast.AnnAssign(target=target, value=value) | ast.NamedExpr(target=target, value=value):
            return value, target
        case ast.withitem(context_expr=value, optional_vars=target):
            return value, target
    return None, None


def has_reader():
    """Somebody sees what the cell prints: the front end shows cells, and does not only run them."""
    get = getattr(sys.modules.get("IPython"), "get_ipython", None)
    return bool(get and _cell_id(get()))


def cell_of(frame):
    """The Cell whose top-level code runs in this frame, or None."""
    shell = _shell(frame.f_locals)
    if shell is None:
        return None
    if _after_cell not in shell.events.callbacks["post_run_cell"]:
        shell.events.register("post_run_cell", _after_cell)
    return Cell(shell, frame)


def _after_cell(result):
    _core._cell_ended(result.success)
