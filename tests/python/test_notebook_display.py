"""How checkpoints look in a notebook: escaped, with what a user wants to know."""
import html.parser
import re

import pytest

import resume
from resume import Checkpoint


class Page(html.parser.HTMLParser):
    """The tags of a page, and the texts of its table cells row by row."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.rows, self.text = set(), [], ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.tags.add(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_data(self, data):
        self.text += data
        if self.rows and self.rows[-1]:
            self.rows[-1][-1] += data

    def facts(self):
        return {row[0]: row[1] for row in self.rows if len(row) == 2}


HOSTILE = "<script>alert(1)</script>&\x1b[31m\u202e$x$\udc80"


def test_a_checkpoint(folder):
    chp = Checkpoint("sim", rate=90)
    page = Page(chp._repr_html_())
    assert page.text.startswith("sim")
    assert page.facts() == {"file": chp.filename, "saved": "nothing yet", "every": "2 min",
                            "begins": "fresh"}
    chp.save(best=0.5)
    page = Page(chp._repr_html_())
    assert page.facts()["saved"].endswith("generation 1") and page.facts()["health"] == "good"
    assert ["best", "float", "0.5"] in page.rows
    chp.close()
    assert "from what is saved" in Checkpoint("sim")._repr_html_()


def test_a_list(folder):
    Checkpoint("b").save()
    chp = Checkpoint("a")
    chp.done()
    (folder / ".checkpoints" / "c").write_bytes(b"not one")
    found = resume.list()
    assert isinstance(found, list) and isinstance(found, resume.Entries)
    page = Page(found._repr_html_())
    assert [row[:2] for row in page.rows[1:]] == [["a", "ended"], ["b", "not ended"], ["c", "-"]]
    assert "does not begin like a checkpoint" in page.rows[3][-1]
    assert "3 checkpoints" in page.text
    assert Page(found[0]._repr_html_()).facts()["state"] == "ended"
    assert Page(resume.Entries()._repr_html_()).text == "0 checkpoints"


def test_a_report_and_data(folder):
    def work():
        chp = Checkpoint("work")
        total, rows = 1, list(range(1000))
        report = chp.restore()
        chp.save(note="x")
        return report

    assert "a fresh start" in work()._repr_html_()
    page = Page(work()._repr_html_())
    assert page.facts()["restored"] == "total, rows" and "restored generation 2" in page.text
    page = Page(resume.load("work")._repr_html_())
    rows = {row[0]: row[1:] for row in page.rows}
    assert rows["total"] == ["int", "1"] and rows["rows"][0] == "list"
    assert rows["rows"][1].endswith("...") and rows["note"] == ["str", "'x'"]


@pytest.mark.parametrize("show", ["checkpoint", "list", "data", "text"])
def test_what_comes_from_a_file_is_text(folder, show):
    name = "<b>bold" + chr(27)
    chp = Checkpoint(name)
    chp[HOSTILE] = HOSTILE
    chp.save()
    if show == "text":
        from resume._html import entries_text
        text = entries_text(resume.list())
        assert "<b>bold\\x1b" in text and "\x1b" not in text
        return
    shown = {"checkpoint": chp, "list": resume.list(), "data": resume.load(chp.filename)}[show]
    text = shown._repr_html_()
    assert Page(text).tags <= {"div", "p", "b", "table", "thead", "tbody", "tr", "th", "td"}
    assert "mathjax_ignore" in text
    assert text.encode("utf-8").isascii()
    assert re.search(r"[\x00-\x09\x0b-\x1f\x7f]", text) is None
    assert "&lt;b&gt;bold\\x1b" in text
    if show != "list":
        assert "&lt;script&gt;" in text


def test_long_tables_are_cut(folder):
    chp = Checkpoint("many")
    chp.update({f"item {i}": i for i in range(1000)})
    page = Page(chp._repr_html_())
    assert len(page.rows) < 250 and "and 800 more" in page.text
