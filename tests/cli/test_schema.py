"""docs/command.schema.json against the real output of every sub-command."""
import copy
import json
import pathlib
import re

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
SCHEMA = json.loads((ROOT / "docs" / "command.schema.json").read_text())

try:
    import jsonschema
except ImportError:
    jsonschema = None


def closed(schema):
    """The same, but an object may have no keys that the schema does not know: so the page is whole.
    ("meta" is a part of other objects, which are closed instead.)"""
    made = copy.deepcopy(schema)
    for name, one in made["$defs"].items():
        if name != "meta" and "properties" in one:
            one["unevaluatedProperties"] = False
    return made


VALIDATOR = jsonschema and jsonschema.Draft202012Validator(closed(SCHEMA))


def validate(data, code=None):
    if VALIDATOR:
        VALIDATOR.validate(data)
    if code is not None and data["command"] != "export":
        assert data["exit"] == code


needs_jsonschema = pytest.mark.skipif(not jsonschema, reason="no jsonschema")


@needs_jsonschema
def test_the_schema_is_one():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


@needs_jsonschema
def test_the_schema_refuses_what_is_wrong(resume, cut_off):
    good = resume("ls", "--json").json
    validate(good)
    for change in (lambda d: d.pop("folder"), lambda d: d.update(schema=2),
                   lambda d: d.update(command="lss"), lambda d: d.update(more=1),
                   lambda d: d["checkpoints"][0].pop("saved"),
                   lambda d: d["checkpoints"][0].update(state="gone"),
                   lambda d: d["checkpoints"][0].update(size=-1),
                   lambda d: d["checkpoints"][0].update(surprise=1)):
        bad = copy.deepcopy(good)
        change(bad)
        with pytest.raises(jsonschema.ValidationError):
            validate(bad)


def json_commands(resume):
    """Those whose help has --json, and export."""
    names = [line.split()[0] for line in resume("--help").out.split("\n\n")[2].splitlines()]
    return {name for name in names
            if "--json" in re.findall(r"--json\b", resume(name, "--help").out)} | {"export"}


def test_every_command_has_a_schema(resume, folder):
    assert json_commands(resume) == set(SCHEMA["properties"]["command"]["enum"])


@needs_jsonschema
def test_every_command_prints_what_the_schema_says(resume, cut_off, folder):
    seen = set()

    def check(*arguments):
        ran = resume(*arguments)
        validate(ran.json, ran.code)
        seen.add(ran.json["command"])

    for name in ("sim.main~1", "sim.main~2", "sim.main.damaged-20261122T134301Z", "broken"):
        cut_off.with_name(name).write_bytes(cut_off.read_bytes())
    cut_off.with_name("broken").write_bytes(b"\x89RESUME\nbroken")
    cut_off.with_name("foreign").write_bytes(b"foreign")
    cut_off.with_name("sim.main.torn-20261122T134301Z").write_bytes(b"torn")
    check("ls", "--json")
    check("ls", "--all", "--json")
    check("show", "sim.main", "--json")
    check("log", "sim.main", "--json")
    check("check", "--json", "--all")
    check("check", "--json", "sim.main", "broken")
    check("doctor", "--json")
    check("doctor", "--json", "nowhere")
    check("export", "sim.main")
    if "diff" in json_commands(resume):
        check("diff", "sim.main@1", "sim.main@2", "--json")
    check("rollback", "sim.main@1", "--json")
    check("rollback", "sim.main@3", "--json")
    check("prune", "--keep-last", "1", "--dry-run", "--json")
    check("prune", "--keep-last", "1", "--json")
    check("rm", "--force", "sim.main~1", "--json")
    assert seen == json_commands(resume)


@needs_jsonschema
def test_a_failure_is_an_object_too(resume, cut_off, folder):
    data = bytearray(cut_off.read_bytes())
    data[517] ^= 1  # of the header
    cut_off.with_name("broken").write_bytes(data)
    (folder / "empty").touch()
    for code, *arguments in ((6, "show", "broken"), (6, "log", "broken"), (6, "diff", "broken"),
                             (6, "rollback", "broken@1"), (1, "show", "./empty"),
                             (4, "show", "nothing"), (4, "show", "sim.main@77"),
                             (4, "log", "nothing"), (4, "diff", "sim.main", "nothing"),
                             (4, "ls", "nowhere"), (4, "rollback", "nothing@1")):
        ran = resume(*arguments, "--json")
        assert ran.code == code, arguments
        validate(ran.json, code)
        assert list(ran.json) == ["schema", "command", "status", "message", "exit"], arguments
        assert ran.json["message"] in ran.err
    assert resume("show", "broken").out == ""


def test_the_page_names_every_key():
    """docs/command.md has each key of the schema."""
    page = (ROOT / "docs" / "command.md").read_text()
    for name, one in SCHEMA["$defs"].items():
        for key in one.get("properties", {}):
            assert f"`{key}`" in page or f'"{key}"' in page, (name, key)
