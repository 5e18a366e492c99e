"""One self-contained HTML page: no script, no font and no picture from elsewhere, the same look for every report."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path

from rtemo.core.errors import RtemoError
from rtemo.presentation.html import Html, join, tag
from rtemo.presentation.style_sheet import STYLE_SHEET

POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"  # whatever got in could load and run nothing

Column = tuple[str, str]  # title, class of its cells: NAME (heads its row), NUMBER, TIME, BAR or TEXT
NAME, NUMBER, TIME, BAR, TEXT = "name", "number", "time", "bar", ""


def page(title: str, *parts: str, above: str = "", below: str = "", foot: str = "", tab: str = "") -> Html:
    """The whole document. above, below: lines at the title; tab: the title in the browser where it is another."""
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=POLICY),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("title", tab or title),
        tag("style", Html(STYLE_SHEET)),
    )
    header = tag("header", paragraph(above, "muted"), tag("h1", title), paragraph(below, "muted"))
    main = tag("main", header, *parts, *([tag("footer", foot)] if foot else []))
    return join([Html("<!doctype html>\n"), tag("html", head, tag("body", main), lang="en"), "\n"])


def write_page(path: Path, document: Html) -> None:
    """Write a page whole or not at all, for its owner alone. Raises RtemoError where the file cannot be written."""
    partial = path.with_name(f".{path.name}.partial")
    try:
        partial.unlink(missing_ok=True)
        partial.touch(mode=0o600, exist_ok=False)  # it shows a participant's data
        partial.write_text(document, encoding="utf-8", errors="backslashreplace")  # lone surrogates have no bytes
        partial.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)
        raise RtemoError(f"{path} cannot be written", error.strerror or str(error), "name another file") from error


def section(title: str, *parts: str, kind: str = "") -> Html:
    """A part of the page in a panel of its own. kind: "warning" for what nobody may overlook."""
    return tag("section", *([tag("h2", title)] if title else []), *parts, class_=kind)


def subheading(text: str) -> Html:
    """The title of a part of a section."""
    return tag("h3", text)


def paragraph(text: str, kind: str = "") -> Html:
    """A paragraph, nothing where there is no text. kind: "muted" or "caption"."""
    return tag("p", text, class_=kind) if text else Html()


def bullets(items: Sequence[str]) -> Html:
    """A list with bullets."""
    return tag("ul", *(tag("li", item) for item in items))


def figure(drawing: Html, caption: str = "") -> Html:
    """A plot on a white ground, with its caption."""
    return tag("figure", drawing, *([tag("figcaption", caption)] if caption else []))


def folded(summary: str, *parts: str) -> Html:
    """Content that opens on a click."""
    return tag("details", tag("summary", summary), *parts)


def table(
    columns: Sequence[Column], rows: Sequence[Sequence[str]], caption: str = "", breaks: Sequence[int] = ()
) -> Html:
    """A table. Lines after the first of a cell's plain text are small. breaks: rows that begin a new group."""
    titles = [tag("th", title, class_=kind, scope="col") for title, kind in columns]
    head = [tag("thead", tag("tr", *titles))] if any(title for title, _ in columns) else []
    kinds = [kind for _, kind in columns]
    lines = [[_cell(cell, kind) for cell, kind in zip(row, kinds, strict=True)] for row in rows]
    body = [tag("tr", *cells, class_="break" * (at in breaks)) for at, cells in enumerate(lines)]
    below = [tag("caption", caption)] if caption else []
    return tag("div", tag("table", *below, *head, tag("tbody", *body)), class_="wide")


def facts(rows: Sequence[tuple[str, str]]) -> Html:
    """A table of names and values."""
    return table([("", NAME), ("", TEXT)], rows)


def numbers(*titles: str) -> list[Column]:
    """Columns of numbers."""
    return [(title, NUMBER) for title in titles]


def _cell(text: str, kind: str) -> Html:
    first, *rest = [text] if isinstance(text, Html) else text.split("\n")
    inside = [first, *(tag("small", line) for line in rest)]
    return tag("th", *inside, scope="row", class_=kind) if kind == NAME else tag("td", *inside, class_=kind)
