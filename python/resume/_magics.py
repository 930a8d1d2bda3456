"""%load_ext resume: the command `resume` as a magic of IPython."""
import os
import shlex
import shutil
import subprocess
import sys
import sysconfig

from . import _core


def _command():
    """The command that came with this package, else any on PATH."""
    prefix = os.path.abspath(os.path.join(os.path.dirname(__file__), *[os.pardir] * 4))
    folders = [os.path.join(prefix, "bin"), sysconfig.get_path("scripts"),
               os.path.dirname(sys.executable), os.environ.get("PATH", os.defpath)]
    return shutil.which("resume", path=os.pathsep.join(folders))


def _folder(text):
    """A folder with a .checkpoints in it stands for that one, as for the command."""
    inside = os.path.join(text, ".checkpoints")
    return inside if os.path.isdir(inside) else text


def _run(words):
    from IPython.core.error import UsageError
    command = _command()
    if command is None:
        raise UsageError("the command 'resume' is not on PATH: it is a part of the package")
    ran = subprocess.run([command, *words], stdin=subprocess.DEVNULL, capture_output=True,
                         env=os.environ | {"NO_COLOR": "1"})
    sys.stdout.write(ran.stdout.decode("utf-8", "backslashreplace"))
    sys.stderr.write(ran.stderr.decode("utf-8", "backslashreplace"))
    return ran.returncode


def register(shell):
    def resume(line):
        """%resume COMMAND ...: look at checkpoints, for example

            %resume ls
            %resume show NAME
            %resume log NAME
            %resume diff NAME
            %resume check NAME
            %resume rm --force NAME
            %resume show --help

        `%resume ls` gives what resume.list() gives. The exit code is left in `_exit_code`."""
        words = shlex.split(line)
        is_list = words[:1] == ["ls"] and len(words) <= 2
        if is_list and not any(word.startswith("-") for word in words):
            folders = [_folder(os.path.expanduser(word)) for word in words[1:]]
            return _core.list(*folders)
        shell.user_ns["_exit_code"] = _run(words or ["--help"])
        return None

    shell.register_magic_function(resume, "line", "resume")
