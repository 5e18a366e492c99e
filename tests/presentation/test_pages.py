"""The page maker: text stays text, pages need nothing from elsewhere and are written whole or not at all."""

from __future__ import annotations

import html.parser
import os
import re
import stat

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtemo.core.errors import RtemoError
from rtemo.presentation import page
from rtemo.presentation.html import Html, join, tag
from rtemo.report import svg

EVIL = "</title></style><script>x</script>\"'><img src=x onerror=y>&amp;"


class Parsed(html.parser.HTMLParser):
    """Tags in the order in which they open and close, attributes, and text."""

    def __init__(self, text):
        super().__init__()
        self.opened, self.closed, self.attributes, self.text = [], [], [], ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.opened.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag):
        self.closed.append(tag)

    def handle_data(self, data):
        self.text += data


def everything(text):
    """A page of everything that the page maker can make, with this text wherever a text can go."""
    columns = [(text, page.NAME), *page.numbers(text), (text, page.TEXT), (text, page.TIME)]
    parts = [
        page.section(text, page.paragraph(text, "caption"), page.bullets([text]), kind="warning"),
        page.section("", page.subheading(text), page.folded(text, text, page.facts([(text, text)]))),
        page.table(columns, [[text, text, text, tag("b", text)]], caption=text, breaks=[0]),
        page.figure(svg.picture(9, 9, svg.text(1, 2, text, class_=text), svg.tip(text), label=text), text),
        text,
    ]
    return page.page(text, *parts, above=text, below=text, foot=text, tab=text)


def tags_of(text):
    found = Parsed(everything(text))
    return found.opened, found.closed


def test_no_text_becomes_markup_wherever_it_goes():
    found = Parsed(everything(EVIL))
    assert (found.opened, found.closed) == tags_of("harmless")
    assert found.text.count(EVIL) == everything("harmless").count("harmless") - 2  # but for a class and a label
    assert {value for name, value in found.attributes if name in ("class", "aria-label")} >= {EVIL}


@given(st.text(min_size=1).filter(lambda text: text.strip()))
def test_any_text_leaves_the_page_in_one_piece(text):
    assert tags_of(" ".join(text.split())) == tags_of("harmless")


def test_markup_that_was_joined_as_text_is_shown_and_not_run():
    bold = tag("b", "x")
    assert tag("p", f"{bold}") == tag("p", bold + "") == "<p>&lt;b&gt;x&lt;/b&gt;</p>"
    assert tag("p", join([bold, " < ", bold])) == "<p><b>x</b> &lt; <b>x</b></p>"


def test_attributes_are_named_rounded_and_left_out_where_empty():
    assert tag("rect", class_="a", stroke_width=1 / 3, viewBox="0 0", y=0, id="") == (
        '<rect class="a" stroke-width="0.3" viewBox="0 0" y="0"></rect>'
    )


def test_the_lines_of_a_cell_after_the_first_are_small():
    assert "<td>a<small>b</small></td>" in page.table([("", page.TEXT)], [["a\nb"]])


def test_a_page_loads_nothing():
    text = everything("harmless")
    assert "default-src 'none'" in text
    assert not re.findall(r"(?:src|href)=|url\(|@import|https?://(?!www\.w3\.org/2000/svg)", text)


def test_a_page_is_written_whole_or_not_at_all(tmp_path):
    page.write_page(tmp_path / "a.html", everything("lone \ud800 surrogate"))
    if os.name == "posix":
        assert stat.S_IMODE((tmp_path / "a.html").stat().st_mode) == 0o600  # it shows a participant's data
    assert "lone \\ud800 surrogate" in (tmp_path / "a.html").read_text(encoding="utf-8")
    (tmp_path / "b.html").mkdir()
    with pytest.raises(RtemoError, match="cannot be written"):
        page.write_page(tmp_path / "b.html", Html("x"))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.html", "b.html"]
