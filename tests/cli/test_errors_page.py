"""docs/errors.md against the tables of the command (exit codes) and of Python (exceptions)."""
import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parents[2]


def table(path, function):
    """{status: what a switch of C returns for it}, with "default"."""
    body = re.search(rf"\b{function}\([^)]*\) {{\n(.*?)^}}", (ROOT / path).read_text(), re.S | re.M)
    found, labels = {}, []
    for label, result in re.findall(r"(?:case (\w+)|default):|return (?:state->)?(\w+);", body[1]):
        if result:
            found.update(dict.fromkeys(labels, result))
            labels = []
        else:
            labels.append(label or "default")
    return found


def rows():
    page = (ROOT / "docs" / "errors.md").read_text()
    cells = [[cell.strip() for cell in line.strip("|").split("|")]
             for line in page.splitlines() if line.startswith("| RESUME_")]
    return {row[0]: (int(row[-2]), row[-1].strip("`")) for row in cells}


def test_the_exit_codes_are_those_of_the_command():
    header = (ROOT / "cli" / "options.h").read_text()
    numbers = {name: int(number) for name, number in re.findall(r"(RC_\w+) = (\d),", header)}
    codes = table("cli/report.c", "rc_exit_of")
    assert numbers["RC_IO"] == 8 and codes["RESUME_DAMAGED"] == "RC_DAMAGED"
    assert {name: code for name, (code, _) in rows().items()} == {
        name: numbers[codes.get(name, codes["default"])] for name in rows()}


def test_the_exceptions_are_those_of_python():
    raised = table("python/src/notice.c", "type_of_status")
    names = {"not_found": "CheckpointNotFound", "damaged": "CheckpointDamaged",
             "io_error": "CheckpointIOError", "locked": "CheckpointLocked",
             "untrusted": "CheckpointUntrusted", "bad_name": "CheckpointNameError",
             "PyExc_MemoryError": "MemoryError", "error": "ResumeError"}
    expected = {name: names[raised.get(name, raised["default"])] for name in rows()}
    assert {name: exception for name, (_, exception) in rows().items()} == (
        expected | {"RESUME_OK": ""})
