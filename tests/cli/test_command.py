"""The command as a whole: help, usage, exit codes, colour, width, a full disk."""
import fcntl
import os
import pty
import re
import struct
import subprocess
import termios

import pytest
from the_command import COMMAND


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


@pytest.mark.parametrize("arguments, words", [
    (["ls", "--jsn"], "there is no option '--jsn'; did you mean '--json'?"),
    (["show", "--genration=3", "x"], "did you mean '--generation'?"),
    (["ls", "--frobnicate"], "'resume ls --help' lists them"),
    (["ls", "--\x1b[31m"], "'--\\x1b[31m'"),
    (["ls", "-jx"], "there is no option '-x'"),
    (["ls", "--json=yes"], "'--json' takes no value"),
    (["show", "x", "--generation"], "'--generation' needs a value: NUMBER"),
    (["show", "x", "-jg"], "'-jg' needs a value"),
    (["show", "x", "-g", "99999999999999999999"], "'99999999999999999999' is no number"),
    (["ls", "--color=alwas"], "'alwas' is nothing for '--color'; did you mean 'always'?"),
    (["ls", "--color", "blue"], "it is one of auto|always|never"),
    (["ls", "a", "b"], "one folder at a time"),
    (["show"], "which one?"),
])
def test_what_is_wrong_with_the_options_is_told(resume, arguments, words):
    ran = resume(*arguments)
    assert ran.code == 2 and ran.out == ""
    assert words in ran.err and ran.err.count("\n") == 1


def test_options_in_any_place_and_form(resume, cut_off):
    for arguments in (["show", "-jg", "1", "sim.main"], ["show", "sim.main", "--gen=1", "--js"],
                      ["show", "--json", "-g1", "--", "sim.main"]):
        assert resume(*arguments).json["generation"] == 1
    assert resume("show", "--", "--json").code == 4


def test_usage_names_all_options(resume):
    ran = resume("show", "--usage")
    assert ran.code == 0 and "--generation" in ran.out and "--usage" not in ran.out


def test_names_that_were_nearly_right(resume, cut_off):
    for typed, meant in (("sim.mian", "sim.main"), ("sim.mai", "sim.main"), ("sim", "sim.main"),
                         ("./.checkpoints/sim.man", "sim.main"), ("sim.mian@1", "sim.main")):
        ran = resume("show", typed)
        assert ran.code == 4 and f"did you mean '{meant}'?" in ran.err, ran.err
    ran = resume("show", "another")
    assert ran.code == 4 and "did you mean" not in ran.err and "resume ls" in ran.err


def test_colour_by_option(resume, ended):
    assert "\x1b[" in resume("ls", "--color=always", TERM="xterm").out
    assert "\x1b[" in resume("ls", "--color=always", NO_COLOR="1").out
    assert "\x1b" not in in_terminal(["ls", "--color=never"])
    assert "\x1b" not in in_terminal(["ls", "--color=auto"], NO_COLOR="1")


def test_colour_only_on_a_terminal(resume, ended):
    assert "\x1b" not in resume("ls", TERM="xterm").out
    assert "\x1b[" in in_terminal(["ls"])
    assert "\x1b" not in in_terminal(["ls"], NO_COLOR="1")
    assert "\x1b" not in in_terminal(["ls"], TERM="dumb")


@pytest.mark.parametrize("columns", [40, 55, 70])
def test_narrow_terminals_go_without_columns(cut_off, columns):
    for arguments, first, last in ((["ls"], "NAME", "HEALTH"), (["log", "sim.main"], "GEN", "")):
        lines = in_terminal(arguments, columns, NO_COLOR="1").splitlines()
        assert lines and all(len(line) <= columns for line in lines), lines
        assert lines[0].split()[0] == first and last in lines[0]
        assert "PROGRAM" not in lines[0] or columns == 70


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
