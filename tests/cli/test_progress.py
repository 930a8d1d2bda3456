"""The progress bar of a check: only on a terminal, only when it takes long, gone at the end.

Reads are made slow by strace, so that nothing depends on the size of the file or on the machine.
What this does not show: that the time left is right.
"""
import fcntl
import os
import pty
import shutil
import signal
import struct
import subprocess
import termios

import pytest
from the_command import COMMAND

STRACE = shutil.which("strace")


def slow(delay_us=50000):
    """Every read takes at least so long."""
    return [STRACE, "-D", "-o", "/dev/null", "-e", "trace=pread64", "-e", "signal=none",
            "-e", f"inject=pread64:delay_enter={delay_us}"]


def can_trace():
    if not STRACE:
        return False
    ran = subprocess.run([STRACE, "-D", "-o", "/dev/null", "true"], capture_output=True)
    return ran.returncode == 0


pytestmark = [pytest.mark.skipif(os.environ.get("RESUME_HEAVY") == "0",
                                 reason="the same with every Python"),
              pytest.mark.skipif(not can_trace(), reason="strace can't trace here"),
              pytest.mark.skipif(bool(os.environ.get("RESUME_SANITIZED")),
                                 reason="the leak checker can't run under strace")]


@pytest.fixture
def large(save):
    """Enough chunks for two seconds of slow reads."""
    save("""
        from resume import Checkpoint
        def main():
            chp = Checkpoint()
            import random
            blocks = [random.Random(i).randbytes(256 << 10) for i in range(30)]
            chp.save()
        main()
    """)


def interruptible():
    """What a shell starts in the background ignores SIGINT, and so does all that it starts."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def start(columns, delay_us=50000):
    """The command in a terminal with slow reads; (process, descriptor of the terminal)."""
    parent, child = pty.openpty()
    fcntl.ioctl(child, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    process = subprocess.Popen([*slow(delay_us), COMMAND, "check"], stdin=child, stdout=child,
                               stderr=child, env=os.environ | {"TERM": "xterm"},
                               preexec_fn=interruptible)
    os.close(child)
    return process, parent


def read_until(parent, wanted=None):
    output = b""
    while wanted is None or wanted not in output:
        try:
            piece = os.read(parent, 65536)
        except OSError:  # the other end is closed
            break
        if not piece:
            break
        output += piece
    return output


def visible(output):
    """The lines as a terminal shows them at the end."""
    lines = output.decode().replace("\r\n", "\n").split("\n")
    return [line.split("\r\x1b[K")[-1] for line in lines]


@pytest.mark.parametrize("columns", [30, 80])
def test_bar_fits_and_is_gone_at_the_end(large, columns):
    process, parent = start(columns)
    output = read_until(parent)
    os.close(parent)
    assert process.wait() == 0
    drawn = [piece for piece in output.decode().split("\r\x1b[K")[1:] if "%" in piece]
    assert len(drawn) >= 2
    assert all(len(piece) < columns for piece in drawn), drawn
    assert all("sim.main" in piece for piece in drawn) == (columns >= 80), drawn
    assert all("iB/s" in piece for piece in drawn) == (columns >= 80), drawn
    assert any("[#" in piece for piece in drawn) == (columns >= 80), drawn
    percents = [int(piece.split("%")[0].split()[-1]) for piece in drawn]
    assert percents == sorted(percents) and percents[-1] <= 100
    shown = visible(output)
    assert len(shown) == 2 and shown[0].startswith("good ") and shown[1] == "", shown


def test_bar_follows_the_size_of_the_terminal(large):
    process, parent = start(200, delay_us=100000)  # it goes on long after the first bar
    read_until(parent, b"%")
    fcntl.ioctl(parent, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 30, 0, 0))
    output = read_until(parent)
    os.close(parent)
    assert process.wait() == 0
    drawn = [piece for piece in output.decode().split("\r\x1b[K")[1:] if "%" in piece]
    assert drawn and len(drawn[-1]) < 30, drawn


def test_interrupted_it_leaves_a_clean_line(large):
    process, parent = start(80, delay_us=500000)  # far from its end
    output = read_until(parent, b"%")
    process.send_signal(signal.SIGINT)
    output += read_until(parent)
    os.close(parent)
    assert process.wait() == -signal.SIGINT
    assert visible(output) == [""]


def test_no_bar_into_a_pipe(large, resume):
    ran = subprocess.run([*slow(), COMMAND, "check"], capture_output=True, text=True)
    assert ran.returncode == 0 and ran.stdout.startswith("good ") and ran.stderr == ""
