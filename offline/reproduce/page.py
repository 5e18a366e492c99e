"""One self-contained HTML page: no script, no font, no picture from elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

STYLE = """
:root { --ink: #222b36; --quiet: #69737f; --rule: #dfe3e8; --soft: #f6f7f9; --accent: #0072b2; }
* { box-sizing: border-box; }
body { margin: 0; color: var(--ink); background: #fff; line-height: 1.55; font-size: 16px;
  font-family: Inter, "Helvetica Neue", Arial, "DejaVu Sans", sans-serif; }
main { max-width: 62rem; margin: 0 auto; padding: 3rem 1.5rem 5rem; }
h1 { font-size: 1.9rem; line-height: 1.2; margin: 0 0 .4rem; letter-spacing: -.01em; font-weight: 650; }
h3 { font-size: 1rem; margin: 2rem 0 .4rem; font-weight: 600; }
h2 { font-size: 1.25rem; margin: 3rem 0 .6rem; font-weight: 650; }
p, ul { max-width: 46rem; margin: .5rem 0 1rem; }
ul { padding-left: 1.2rem; } li { margin: .25rem 0; }
.sub { color: var(--quiet); margin-bottom: 1.6rem; }
.note { background: var(--soft); border-left: 3px solid var(--accent); padding: .8rem 1.1rem; max-width: 46rem; }
.note p { margin: .3rem 0; }
.wide { overflow-x: auto; margin: 1rem 0; }
table { border-collapse: collapse; font-size: .9rem; font-variant-numeric: tabular-nums; }
caption { caption-side: bottom; text-align: left; color: var(--quiet); font-size: .84rem; padding-top: .6rem; }
th, td { padding: .42rem 2rem .42rem 0; text-align: left; vertical-align: top; border-bottom: 1px solid var(--rule); }
thead th { color: var(--quiet); font-weight: 500; border-bottom: 1px solid var(--ink); white-space: nowrap; }
tbody th { font-weight: 500; } td.number, th.number { text-align: right; white-space: nowrap; }
tr.break th, tr.break td { border-top: 1px solid var(--quiet); }
td small, tbody th small { display: block; color: var(--quiet); font-size: .8rem; font-weight: 400; }
figure { margin: 1.2rem 0; } figure svg { width: 100%; height: auto; display: block; }
figcaption { color: var(--quiet); font-size: .84rem; max-width: 46rem; padding-top: .4rem; }
details { margin: 1rem 0; } summary { cursor: pointer; color: var(--accent); font-size: .92rem; }
code { font-family: ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace; font-size: .87em; }
@media print { main { padding: 0; max-width: none; } details > * { display: block; } h2 { break-after: avoid; } }
"""


def page(title: str, sub: str, parts: Sequence[str]) -> str:
    """The whole document. parts are HTML."""
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{STYLE}</style></head>\n<body><main>\n"
        f'<h1>{escape(title)}</h1>\n<p class="sub">{escape(sub)}</p>\n' + "\n".join(parts) + "\n</main></body></html>\n"
    )


def heading(text: str) -> str:
    """A section's title."""
    return f"<h2>{escape(text)}</h2>"


def subheading(text: str) -> str:
    """The title of a part of a section."""
    return f"<h3>{escape(text)}</h3>"


def paragraph(text: str) -> str:
    """Plain text."""
    return f"<p>{escape(text)}</p>"


def listing(items: Sequence[str]) -> str:
    """Items with dots."""
    return "<ul>" + "".join(f"<li>{escape(item)}</li>" for item in items) + "</ul>"


def note(texts: Sequence[str]) -> str:
    """What is to be read first."""
    return '<div class="note">' + "".join(paragraph(text) for text in texts) + "</div>"


def figure(svg: str, caption: str) -> str:
    """A drawing with its caption."""
    return f"<figure>{svg}<figcaption>{escape(caption)}</figcaption></figure>"


def folded(summary: str, content: str) -> str:
    """Content that opens on a click, and is printed."""
    return f"<details><summary>{escape(summary)}</summary>{content}</details>"


def table(head: Sequence[str], rows: Sequence[Sequence[str]], caption: str = "", breaks: Sequence[int] = ()) -> str:
    """The first column names the row, the others are numbers. A cell's lines after the first are small.

    breaks: rows that begin a new group.
    """
    titles = "".join(_title(text, number) for number, text in enumerate(head))
    body = []
    for at, row in enumerate(rows):
        cells = "".join(f'<td class="number">{_lines(text)}</td>' for text in row[1:])
        start = '<tr class="break">' if at in breaks else "<tr>"
        body.append(f'{start}<th scope="row">{_lines(row[0])}</th>{cells}</tr>')
    below = f"<caption>{escape(caption)}</caption>" if caption else ""
    return (
        f'<div class="wide"><table>{below}<thead><tr>{titles}</tr></thead><tbody>{"".join(body)}</tbody></table></div>'
    )


def facts(rows: Sequence[tuple[str, str]]) -> str:
    """A table of names and texts."""
    body = "".join(f'<tr><th scope="row">{escape(name)}</th><td>{_lines(text)}</td></tr>' for name, text in rows)
    return f'<div class="wide"><table><tbody>{body}</tbody></table></div>'


def _title(text: str, number: int) -> str:
    return f'<th scope="col"{" class=" + chr(34) + "number" + chr(34) if number else ""}>{escape(text)}</th>'


def _lines(text: str) -> str:
    first, *rest = text.split("\n")
    return escape(first) + "".join(f"<small>{escape(line)}</small>" for line in rest)
