"""resume completion: the scripts, driven in real shells."""
import os
import pathlib
import pty
import select
import shutil
import subprocess
import time

import pytest
from the_command import COMMAND

NAMES = ["sim.main", "sim.other", "with space", "quote'd"]


@pytest.fixture
def names(save_once, folder, monkeypatch):
    save_once(f"""
        from resume import Checkpoint
        for name in {NAMES!r}:
            for again in range(2):
                chp = Checkpoint(name, clean=True)
                chp.save()
                chp.close()
        chp = Checkpoint("escape\\x1b[31m")
        chp.save()
    """)
    pathlib.Path("a folder").mkdir()
    monkeypatch.setenv("PATH", f"{pathlib.Path(COMMAND).parent}:{os.environ['PATH']}")
    return NAMES


def bash(words, folder):
    """What bash offers for the last of these words."""
    script = f"""
        eval "$(resume completion bash)"
        complete -p resume >/dev/null || exit 9
        compopt() {{ :; }}
        COMP_WORDS=({' '.join(words)}) COMP_CWORD={len(words) - 1}
        _resume
        printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    ran = subprocess.run(["bash", "--norc", "-c", script], capture_output=True, text=True)
    assert ran.returncode == 0 and ran.stderr == "", ran.stderr
    return ran.stdout.split("\n")[:-1]


def test_bash_offers_what_fits(names, folder):
    def offered(*words):
        return bash(["resume", *words], folder)
    assert "show" in offered("sh") and offered("comp") == ["completion"]
    assert "__names" not in offered("''")
    assert offered("show", "--g") == ["--generation"] and "--json" in offered("ls", "--")
    assert offered("show", "sim.m") == ["sim.main", "sim.main~1"]
    assert offered("revive", "sim") == ["sim.main~1", "sim.other~1"]
    assert offered("show", "w") == ["with\\ space", "with\\ space~1"]
    assert not [name for name in offered("show", "''") if "x1b" in name or "\x1b" in name]
    assert offered("show", "./.ch") == ["./.checkpoints"]
    assert offered("ls", "a") == ["a folder"]
    assert offered("export", "sim.main", "--format", "n") == ["npz"]
    assert offered("export", "sim.main", "--format", "=", "j") == ["json"]
    assert offered("export", "sim.main", "--format", "=") == ["npz", "json", "csv", "raw"]
    assert offered("completion", "z") == ["zsh"] and offered("help", "rev") == ["revive"]
    assert offered("show", "-g", "1") == [""]


def typed(command, text, wanted, environment):
    """Starts an interactive shell in a terminal, types, and reads until `wanted` appears."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.environ.update(environment)
        os.execvp(command[0], command)
    output, step, until = b"", 0, time.monotonic() + 30
    while wanted not in output and time.monotonic() < until:
        ready = select.select([terminal], [], [], 0.2)[0]
        try:
            output += os.read(terminal, 65536) if ready else b""
        except OSError:
            break
        if step < len(text) and text[step][0] in output:
            os.write(terminal, text[step][1])
            output, step = b"", step + 1
    os.close(terminal)
    os.waitpid(pid, 0)
    return wanted in output, output


def test_bash_in_a_terminal(names):
    good, output = typed(["bash", "--norc", "--noprofile", "-i"],
                         [(b"ready> ", b'eval "$(resume completion bash)"\r'),
                          (b"ready> ", b"resume comp\t"),
                          (b"resume completion ", b"fi\t")],
                         b"sh", {"TERM": "dumb", "HISTFILE": "/dev/null", "PS1": "ready> "})
    assert good, output


@pytest.mark.skipif(not shutil.which("zsh"), reason="no zsh")
def test_zsh_in_a_terminal(names):
    good, output = typed(["zsh", "-f", "-i"],
                         [(b"ready> ", b'autoload -U compinit; compinit -u -D; '
                                       b'eval "$(resume completion zsh)"\r'),
                          (b"ready> ", b"resume rev\t"),
                          (b"revive ", b"sim.o\t")],
                         b"ther", {"TERM": "dumb", "HISTFILE": "/dev/null", "PS1": "ready> "})
    assert good, output


@pytest.mark.skipif(not shutil.which("fish"), reason="no fish")
def test_fish_offers_what_fits(names, folder):
    def offered(line):
        ran = subprocess.run(["fish", "--no-config", "-c", f"""
            resume completion fish | source
            complete -C '{line}'"""], capture_output=True, text=True,
                             env=os.environ | {"HOME": str(folder)})
        assert ran.returncode == 0 and ran.stderr == "", ran.stderr
        return [one.split("\t")[0] for one in ran.stdout.splitlines()]
    assert offered("resume comp") == ["completion"]
    assert set(offered("resume revive sim")) == {"sim.main~1", "sim.other~1"}
    assert "--generation" in offered("resume show --g")
    assert offered("resume export x --format n") == ["npz"]
    assert "zsh" in offered("resume completion ")


def test_scripts_name_every_command_and_option(resume):
    commands = [line.split()[0] for line in resume("--help").out.split("\n\n")[2].splitlines()]
    assert "show" in commands and "completion" in commands
    for shell in ("bash", "zsh", "fish"):
        script = resume("completion", shell).out
        for command in commands:
            assert command in script
            for line in resume(command, "--help").out.splitlines():
                for word in line.split():
                    if line.startswith("  ") and word.startswith("--") and "resume" not in line:
                        option = word.split("=")[0].rstrip(",")
                        assert (f"-l {option[2:]}" if shell == "fish" else option) in script


def test_unknown_shells(resume):
    assert "did you mean 'bash'" in resume("completion", "bahs").err
    for arguments in (["completion"], ["completion", "tcsh"], ["completion", "bash", "zsh"]):
        ran = resume(*arguments)
        assert ran.code == 2 and ran.out == ""


def test_names_without_a_folder(resume, folder):
    ran = resume("__names")
    assert ran.code == 0 and ran.out == "" and ran.err == ""
    assert "__names" not in resume("--help").out
