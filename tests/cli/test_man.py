"""The manual pages: one for each command, every option in it, nothing for mandoc or man to say."""
import pathlib
import re
import shutil
import subprocess

import pytest

MAN = pathlib.Path(__file__).resolve().parent.parent.parent / "man"
SOURCES = sorted(MAN.glob("*.scd"))
# scdoc begins paragraphs where none is needed; nothing is seen of it
KNOWN = "skipping paragraph macro: PP"


def commands(resume):
    return [line.split()[0] for line in resume("--help").out.split("\n\n")[2].splitlines()]


def plain(source):
    return re.sub(r"\\(.)", r"\1", source.read_text()).replace("*", "").replace("_", "")


def test_every_command_has_a_page_with_its_options_and_examples(resume):
    names = commands(resume)
    assert {source.name for source in SOURCES} == {f"resume-{name}.1.scd" for name in names} | {
        "resume.1.scd"}
    overview, built = plain(MAN / "resume.1.scd"), (MAN / "meson.build").read_text()
    for name in names:
        page, text = plain(MAN / f"resume-{name}.1.scd"), resume(name, "--help").out
        assert f"resume-{name}(1)" in overview and f"'resume-{name}'" in built
        options = re.findall(r"^  +(?:(-\w), )?(--[a-z-]+)(?:=(\S+))?", text, re.M)
        assert len(options) >= 1
        for letter, option, value in options:
            entry = f"{letter}, {option}" if letter else option
            assert re.search(rf"^{re.escape(entry)}{'=' if value else ''}", page, re.M), (name,
                                                                                        entry)
            assert not value or f"{option}={value}" in page, (name, option, value)
        described = set(re.findall(r"^(?:-\w, )?(--[a-z-]+)", page, re.M)) - {"--usage"}
        assert described == {option for _, option, _ in options}, name
        examples = text.split("Examples:\n")[1].split("\n\nUsage")[0]
        for line in examples.splitlines():
            assert line.strip().replace("_", "") in page, (name, line)
        job = re.search(rf"^  {name} +(.*)$", resume("--help").out, re.M)[1]
        assert f"resume-{name} - {job}" in page


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    if not shutil.which("scdoc"):
        pytest.skip("no scdoc")
    folder = tmp_path_factory.mktemp("man")
    for source in SOURCES:
        made = subprocess.run(["scdoc"], input=source.read_bytes(), capture_output=True)
        assert made.returncode == 0, (source.name, made.stderr)
        (folder / source.stem).write_bytes(made.stdout)
    return sorted(folder.iterdir())


@pytest.mark.skipif(not shutil.which("mandoc"), reason="no mandoc")
def test_mandoc_has_nothing_to_say(pages):
    ran = subprocess.run(["mandoc", "-T", "lint", "-W", "warning", *pages], capture_output=True,
                         text=True)
    said = [line for line in (ran.stdout + ran.stderr).splitlines() if KNOWN not in line]
    assert said == []


@pytest.mark.skipif(not shutil.which("man"), reason="no man")
def test_man_shows_them_without_warnings(pages):
    for page in pages:
        ran = subprocess.run(["man", "--warnings", "-E", "UTF-8", "-l", page], capture_output=True,
                             text=True, env={"MANWIDTH": "80", "LC_ALL": "C.UTF-8",
                                             "PATH": "/usr/bin:/bin", "MANPAGER": "cat"})
        assert ran.returncode == 0 and ran.stderr == "", (page.name, ran.stderr)
        assert "NAME" in ran.stdout and "EXIT STATUS" in ran.stdout
        assert all(len(line) <= 80 for line in ran.stdout.splitlines()
                   if not line.startswith("  ")), page.name
