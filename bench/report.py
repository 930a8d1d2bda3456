"""What was measured as Markdown, for the terminal and the README."""
import pathlib
import re

import questions

README = pathlib.Path(__file__).resolve().parent.parent / "README.md"
BEGIN, END = "<!-- ./dev bench --readme -->", "<!-- end of ./dev bench -->"


def number(value):
    if value >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}" if value >= 0.001 else f"{value:.1g}"


def cell(value):
    """Median (quartiles)."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    middle = number(value["median"])
    if value["count"] == 1:
        return middle
    return f"{middle} ({number(value['low'])} to {number(value['high'])})"


def table(head, rows):
    yield "| " + " | ".join(head) + " |"
    yield "|---|" + "---:|" * (len(head) - 1)
    for row in rows:
        yield "| " + " | ".join(row) + " |"


def question(name, by_state):
    """One table: an arm in each row, a state in each column."""
    arms = list(dict.fromkeys(arm for found in by_state.values() for arm in found))
    yield f"## {questions.NAMES[name]}"
    yield ""
    yield from table(["", *by_state],
                     [[arm, *(cell(found.get(arm)) for found in by_state.values())]
                      for arm in arms])
    yield ""


def bars(found):
    yield "## Bars"
    yield ""
    answers = {True: "yes", False: "**no**", None: "-"}
    yield from table(["row", "what", "target", "median (quartiles)", "met"],
                     [[str(bar["row"]), bar["item"], bar["target"], cell(bar["value"]),
                       answers[bar["met"]]] for bar in found])
    yield ""


def objects(found):
    yield "## Object stream against pickle 5: how often as fast, in memory"
    yield ""
    yield from table(["value", "encode", "decode", "size"],
                     [[name, *(f"{x:.2f}" for x in ratios)] for name, ratios in found.items()])
    yield ""


def scale(found):
    yield "## Scale: exponent of the growth over the last factor of ten (1: linear)"
    yield ""
    yield from table(["", "up to", "exponents", "the last, ms"],
                     [[about["axis"], f"{about['points'][-1]['n']:,}",
                       ", ".join(f"{key} {value:.2f}" for key, value in about["slopes"].items()),
                       ", ".join(f"{key} {number(about['points'][-1][key]['median'] * 1e3)}"
                                 for key in about["slopes"])]
                      for about in found.values()])
    yield ""


def whole(found):
    """The report as lines of Markdown."""
    about = found["machine"]
    yield "# Bench"
    yield ""
    yield (f"{about['processor']}, {about['processors']} processors, {about['memory_gib']} GiB, "
           f"Linux {about['kernel']}, {about['file_system']}, load at the beginning "
           f"{about['load'][0]}; CPython {about['python']}; {found['rounds']} rounds, in "
           "turns; medians (quartiles).")
    if found["missing"]:
        yield f"Not installed, left out: {', '.join(found['missing'])}."
    yield ""
    yield "The machine's noise: the same fixed work at the beginning and at the end, ms."
    yield ""
    yield from table(["", "beginning", "end"],
                     [[name, *(cell({key: value * (1e3 if key != "count" else 1)
                                     for key, value in at[name].items()})
                               for at in found["calibration"])]
                      for name in found["calibration"][0]])
    yield ""
    yield from bars(found["bars"])
    if not found["states"]:
        return
    yield "States: " + "; ".join(f"{letter} {text}" for letter, text in found["states"].items())
    yield ""
    for name, by_state in found["questions"].items():
        yield from question(name, by_state)
    yield from objects(found["objects"])
    yield from scale(found["scale"])


def short(found):
    """What the README shows: milliseconds, medians."""
    letters = list(found["states"])
    yield ("Milliseconds, medians, of durable saves (peers: a temporary file, `fsync`, rename, "
           "`fsync` of the folder) and of loads, by `./dev bench`: "
           + "; ".join(f"{letter} {text}" for letter, text in found["states"].items()) + ".")
    yield ""
    rows = []
    for arm in found["questions"]["durable"][letters[4]]:
        restore = "resume" if arm == "resume, save()" else arm
        cells = []
        for letter in letters:
            save = found["questions"]["durable"][letter].get(arm)
            load = found["questions"]["restore"][letter].get(restore)
            texts = [number(value["median"]) for value in (save, load) if value]
            cells.append(" / ".join(texts))
        rows.append([arm, *cells])
        if arm == "resume, sync()":
            rows.append(["... of which the program waits",
                         *(number(found["questions"]["pause"][letter][arm]["median"])
                           for letter in letters)])
    yield from table(["save / load", *letters], rows)


def into_readme(found):
    text = README.read_text(encoding="utf-8")
    lines = "\n".join([BEGIN, *short(found), END])
    new, count = re.subn(re.escape(BEGIN) + ".*?" + re.escape(END), lambda _: lines, text,
                         flags=re.S)
    if count != 1:
        raise SystemExit(f"bench: {README} has no place for the table: {BEGIN} ... {END}")
    README.write_text(new, encoding="utf-8")
