"""docs/c-api.md says what is so: every block of code compiles, every session shows what it shows.

In the page, comments of HTML that begin with `before` or `after` hold what a fragment needs around
it. A block whose first line is a comment with a file name is that file, for the sessions below it.
"""
import os
import re
import subprocess

from installed import ROOT

PAGE = ROOT / "docs/c-api.md"
COMPILER = {"c": "gcc", "cpp": "g++"}
BLOCK = re.compile(r"<!-- (before|after)\n(.*?)-->|^( *)```(\w+)\n(.*?)^\3```$", re.S | re.M)


def blocks():
    """[(line, language, text, whole text with what is around it)] in the order of the page."""
    page, around = PAGE.read_text(encoding="utf-8"), {}
    for match in BLOCK.finditer(page):
        if match[1]:
            around[match[1]] = match[2]
        else:
            whole = around.pop("before", "") + match[5] + around.pop("after", "")
            yield page.count("\n", 0, match.start()) + 1, match[4], match[5], whole
    assert not around, f"without a block behind it: {around}"


def test_every_fragment_compiles(installed, tmp_path):
    seen = 0
    for line, language, _, whole in blocks():
        if language in COMPILER:
            source = tmp_path / f"line_{line}.{language}"
            source.write_text(whole)
            built = installed.compile(COMPILER[language], source, "-Wno-unknown-pragmas",
                                      run="int main(" in whole)
            assert built.code == 0, f"docs/c-api.md:{line}\n{built.said}"
            seen += 1
    assert seen >= 15


def run(command, folder, installed):
    if installed.flags:
        command = re.sub(r"^(\$?\(?cc|cc|c\+\+|gfortran) ", rf"\1 {' '.join(installed.flags)} ",
                         command)
    libraries = f"{installed.libraries}:{os.environ.get('LD_LIBRARY_PATH', '')}"
    environment = os.environ | {"PKG_CONFIG_PATH": str(installed.pc.parent),
                                "LD_LIBRARY_PATH": libraries}
    environment.pop("RESUME_DIR", None)
    ran = subprocess.run(["bash", "-c", command], cwd=folder, env=environment, text=True,
                         capture_output=True, timeout=120, check=False)
    assert ran.returncode == 0, f"$ {command}\n{ran.stdout}{ran.stderr}"
    return ran.stdout


def test_every_session_shows_what_it_shows(installed, tmp_path):
    commands = 0
    for line, language, text, _ in blocks():
        named = re.match(r"(?:/\*|//|#|!) (\w+\.\w+)\b", text)
        if language == "console":
            assert text.startswith("$ ")
            for part in re.split(r"^\$ ", text, flags=re.M)[1:]:
                command, _, expected = part.partition("\n")
                shown = run(command, tmp_path, installed)
                assert shown == expected, f"docs/c-api.md:{line}: $ {command}"
                commands += 1
        elif named:
            (tmp_path / named[1]).write_text(text)
    assert commands >= 12


def test_every_program_runs_twice(installed, program, tmp_path):
    """Every whole program, also those that the page does not run: from nothing, then again."""
    ran = 0
    for line, language, text, _ in blocks():
        if language in COMPILER and "int main(" in text and "resume_read" not in text:
            source = tmp_path / f"line_{line}.{language}"
            source.write_text(text)
            work = program(installed.build(COMPILER[language], source, "-Wno-unknown-pragmas"),
                           folder=tmp_path / f"run_{line}")
            work.run().check()
            work.run().check()
            ran += 1
    assert ran >= 6


def test_every_macro_and_function_is_named(installed):
    page = PAGE.read_text(encoding="utf-8")
    header = (installed.include / "resume/resume.h").read_text()
    header += (installed.include / "resume/protect.h").read_text()
    functions = set(re.findall(r"^ \* (resume_protect\w*|resume_unprotect)\(", header, re.M))
    functions |= {"resume_open", "resume_read", "resume_restore", "resume_sync", "resume_save",
                  "resume_done", "resume_close", "resume_leave", "resume_look", "resume_report",
                  "resume_message", "resume_write"}
    assert len(functions) > 18
    missing = sorted(name for name in functions if not re.search(rf"\b{name}\b", page))
    assert not missing
