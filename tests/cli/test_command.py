"""The command as a whole: help, usage, exit codes, colour, width, a full disk."""
import fcntl
import os
import pty
import re
import struct
import subprocess
import termios

import pytest
from conftest import COMMAND


def in_terminal(arguments, columns=80, **environment):
    """What the command prints on a terminal of this width."""
    parent, child = pty.openpty()
    fcntl.ioctl(child, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    settings = {"TERM": "xterm"} | environment
    process = subprocess.Popen([COMMAND, *arguments], stdin=child, stdout=child, stderr=child,
                               env=os.environ | settings)
    os.close(child)
    output = b""
    while True:
        try:
            piece = os.read(parent, 65536)
        except OSError:  # the other end is closed
            break
        if not piece:
            break
        output += piece
    os.close(parent)
    assert process.wait() == 0
    return output.decode().replace("\r\n", "\n")


def test_help_begins_with_examples(resume):
    for arguments in (["--help"], ["help"], ["ls", "--help"], ["help", "show"],
                      ["check", "--help"]):
        ran = resume(*arguments)
        assert ran.code == 0 and ran.err == ""
        lines = [line for line in ran.out.splitlines() if line and "Usage:" not in line]
        assert lines[0] == "Examples:", ran.out
        assert lines[1].lstrip().startswith("resume ")


def test_no_command_is_a_usage_error(resume):
    ran = resume()
    assert ran.code == 2 and ran.out == "" and ran.err.startswith("Examples:")


def test_version(resume):
    ran = resume("--version")
    assert ran.code == 0 and re.fullmatch(r"resume \d+\.\d+\.\d+\S*\n", ran.out)


@pytest.mark.parametrize("typed, meant", [("shwo", "show"), ("sl", "ls"), ("chekc", "check"),
                                          ("chec", "check"), ("list", "ls"), ("sh", "show")])
def test_unknown_command_suggests_the_nearest(resume, typed, meant):
    ran = resume(typed)
    assert ran.code == 2 and ran.out == ""
    if typed == "list":
        assert "ls" in ran.err or "--help" in ran.err
    else:
        assert f"did you mean 'resume {meant}'?" in ran.err


def test_unknown_command_without_a_near_one(resume):
    ran = resume("frobnicate\x1b[31m")
    assert ran.code == 2 and "\\x1b[31m" in ran.err and "\x1b" not in ran.err
    assert "resume --help" in ran.err


@pytest.mark.parametrize("arguments", [["ls", "--jsn"], ["ls", "a", "b"], ["show"],
                                       ["show", "a", "b"], ["check", "--nothing"], ["--json"],
                                       ["show", "x", "--generation", "0"],
                                       ["show", "x", "--generation", "-1"],
                                       ["show", "x", "--generation", "1x"], ["show", ""]])
def test_usage_errors(resume, arguments):
    ran = resume(*arguments)
    assert ran.code == 2 and ran.out == "" and ran.err


def test_colour_only_on_a_terminal(resume, ended):
    assert "\x1b" not in resume("ls", TERM="xterm").out
    assert "\x1b[" in in_terminal(["ls"])
    assert "\x1b" not in in_terminal(["ls"], NO_COLOR="1")
    assert "\x1b" not in in_terminal(["ls"], TERM="dumb")


@pytest.mark.parametrize("columns", [80, 200])
def test_tables_fit_the_terminal(cut_off, columns):
    for arguments in (["ls"], ["show", "sim.main"]):
        plain = in_terminal(arguments, columns, NO_COLOR="1")
        table = [line for line in plain.splitlines()
                 if re.match(r"(NAME|VARIABLE|sim\.main) ", line)]
        assert table and all(len(line) <= columns for line in table), plain


def test_result_that_can_not_be_written_is_no_success(ended):
    for arguments in (["ls"], ["ls", "--json"], ["show", "sim.main"], ["check"]):
        with open("/dev/full", "w") as full:
            ran = subprocess.run([COMMAND, *arguments], stdout=full, stderr=subprocess.PIPE)
        assert ran.returncode == 8, arguments
        assert b"writing the result failed" in ran.stderr
