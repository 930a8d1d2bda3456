"""How checkpoints look in a notebook: tables of escaped text, without a style of their own."""
import html
import os
import time
from datetime import datetime

from . import _core

_ROWS_MAX = 200
_TEXT_MAX = 300


def printable(value):
    """A text from a file or a value without what a terminal or browser takes for more than text."""
    text = "".join(one if one.isprintable() else one.encode("unicode_escape").decode()
                   for one in str(value))
    return text if len(text) <= _TEXT_MAX else text[:_TEXT_MAX] + "..."


def _cell(tag, value):
    text = printable(value)
    style = "text-align: left; white-space: nowrap" if len(text) < 30 else "text-align: left"
    return f'<{tag} style="{style}">{html.escape(text)}</{tag}>'


def _table(head, rows):
    """A table without what is more than _ROWS_MAX rows."""
    lines = ["<table>"]
    if head:
        lines.append(f"<thead><tr>{''.join(_cell('th', one) for one in head)}</tr></thead>")
    lines.append("<tbody>")
    for row in rows[:_ROWS_MAX]:
        first, *others = row
        cells = _cell("td" if head else "th", first) + "".join(_cell("td", one) for one in others)
        lines.append(f"<tr>{cells}</tr>")
    lines.append("</tbody></table>")
    if len(rows) > _ROWS_MAX:
        lines.append(f"<p>and {len(rows) - _ROWS_MAX} more</p>")
    return "".join(lines)


def _page(title, *parts):
    # no formulas: names with a dollar sign are names
    title = html.escape(printable(title))
    return (f'<div class="resume tex2jax_ignore mathjax_ignore"><p><b>{title}</b></p>'
            f"{''.join(parts)}</div>")


def size(count):
    """1536 is "1.5 KiB"."""
    if count is None:
        return "-"
    value, unit = float(count), "B"
    for larger in ("KiB", "MiB", "GiB", "TiB"):
        if value < 1024:
            break
        value, unit = value / 1024, larger
    return f"{count} B" if unit == "B" else f"{value:.1f} {unit}"


def when(seconds):
    """A time since 1970, of today without the date."""
    if seconds is None:
        return "-"
    then = datetime.fromtimestamp(seconds)
    return then.strftime("%H:%M:%S" if then.date() == datetime.now().date() else "%Y-%m-%d %H:%M")


def duration(seconds):
    """75 is "1 min"."""
    for length, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= length:
            return f"{seconds / length:.0f} {unit}"
    return f"{max(seconds, 0):.0f} s"


def _state(entry):
    if entry.saved is None:
        return "-"
    return "ended" if entry.ended else "not ended"


def _entry_row(entry):
    made_by = os.path.basename(entry.program or "") or entry.function or ""
    age = "-" if entry.age is None else duration(entry.age)
    return (entry.name, _state(entry), age, size(entry.size),
            "-" if entry.generation is None else entry.generation, made_by, entry.problem or "good")


_ENTRY_HEAD = ("name", "state", "age", "size", "generation", "program", "health")


def entries(list_of_entries):
    count = len(list_of_entries)
    title = f"{count} checkpoint{'' if count == 1 else 's'}"
    return _page(title, _table(_ENTRY_HEAD, [_entry_row(one) for one in list_of_entries])
                 if count else "")


def entries_text(list_of_entries):
    """The same on a terminal."""
    rows = [_ENTRY_HEAD, *(_entry_row(one) for one in list_of_entries)]
    rows = [[printable(value) for value in row] for row in rows]
    widths = [max(len(row[i]) for row in rows) for i in range(len(_ENTRY_HEAD))]
    return "\n".join("  ".join(value.ljust(width) for value, width in zip(row, widths)).rstrip()
                     for row in rows)


def entry(one):
    return _page(one.name, _table((), [
        ("state", _state(one)), ("saved", when(one.saved)), ("generation", one.generation),
        ("size", size(one.size)), ("file", one.path), ("program", one.program or "-"),
        ("function", one.function or "-"), ("health", one.problem or "good")]))


def checkpoint(chp):
    if not chp.filename:
        return _page("Checkpoint", "<p>disabled</p>")
    saved = _core._entry(chp.filename)
    rows = [("file", chp.filename)]
    if saved is None:
        rows.append(("saved", "nothing yet"))
    else:
        rows += [("saved", f"{when(saved.saved)}, generation {saved.generation}"),
                 ("size", size(saved.size)), ("health", saved.problem or "good")]
    begins = "fresh" if chp.fresh else "from what is saved"
    rows += [("every", duration(chp.rate)), ("begins", begins)]
    parts = [_table((), rows)]
    if chp:
        parts.append(_table(("item", "type", "value"), _values(chp)))
    return _page(chp.name, *parts)


def _values(mapping):
    return [(name, type(value).__name__, _core._text(value)) for name, value in mapping.items()]


def data(loaded):
    meta = loaded.meta
    facts = (f"generation {meta['generation']}, saved {when(meta['saved'])}, "
             f"{'ended' if meta['ended'] else 'not ended'}, {size(meta['size'])}")
    parts = [f"<p>{html.escape(facts)}</p>", _table(("variable", "type", "value"), _values(loaded))]
    for title, mapping in (("item", loaded.extra), ("tracked", loaded.tracked)):
        if mapping:
            parts.append(_table((title, "type", "value"), _values(mapping)))
    if loaded.result is not None:
        parts.append(_table(("result", "type", "value"), _values({"": loaded.result})))
    return _page(meta["name"], *parts)


def report(one):
    if not one:
        return _page("nothing restored: a fresh start")
    saved = when(time.time() - one.age)
    lists = [(kind, ", ".join(getattr(one, kind)))
             for kind in ("restored", "missing", "unused", "kept", "skipped")]
    return _page(f"restored generation {one.generation}, saved {saved}{', ended' * one.ended}",
                 _table((), [row for row in lists if row[1]]),
                 *(f"<p>{html.escape(printable(note))}</p>" for note in one.notes))
