"""The page of `inspect`: tables and plots of a corpus in one HTML file that needs nothing else."""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Iterable, Sequence
from pathlib import Path

from matplotlib.figure import Figure

from offline.corpus.corpus import Corpus
from offline.corpus.inspect import facts as inspection
from offline.corpus.inspect import plots as inspection_plots
from rtemo.core.errors import RtemoError

_STYLE = """
:root { color-scheme: light; }
body { font: 15px/1.5 system-ui, sans-serif; color: #1d2433; background: #fff; margin: 2.5rem auto; max-width: 66rem;
  padding: 0 1.5rem; }
h1 { font-size: 1.6rem; margin: 0 0 .2rem; } h2 { font-size: 1.15rem; margin: 2.4rem 0 .3rem; }
p { color: #4b5568; margin: .2rem 0 .8rem; max-width: 56rem; }
table { border-collapse: collapse; font-size: .86rem; font-variant-numeric: tabular-nums; }
th, td { padding: .22rem .75rem; border-bottom: 1px solid #e4e8ef; text-align: right; }
th { color: #5b6578; font-weight: 600; } td:first-child, th:first-child { text-align: left; }
table.facts td { text-align: left; overflow-wrap: anywhere; } table.facts td:first-child { color: #5b6578; }
img { max-width: 100%; height: auto; display: block; margin: .6rem 0; }
ul { font-size: .86rem; padding-left: 1.2rem; } .flag { background: #fff4d6; border-left: 4px solid #d99a00;
  padding: .6rem .9rem; color: #4a3a05; } details { margin: .4rem 0; } summary { cursor: pointer; color: #33507e; }
"""


def write_page(corpus: Corpus, path: Path) -> None:
    """RtemoError where the file is there already."""
    if path.exists():
        raise RtemoError(f"{path} exists already", "nothing is overwritten", "name another file")
    path.write_text(page(corpus), encoding="utf-8")


def page(corpus: Corpus) -> str:
    """The whole page."""
    title = html.escape(f"Corpus {corpus.path.name}: {corpus.description.get('data set', corpus.name)}")
    parts = [_flags(corpus), _table(("", ""), inspection.facts(corpus), "facts"), _people(corpus), _clips(corpus)]
    parts += [
        f"<h2>{html.escape(one.title)}</h2><p>{html.escape(one.text)}</p>{_image(one)}"
        for one in inspection_plots.sections(corpus)
    ]
    parts += [_reasons("Left out", inspection.left_out(corpus)), _reasons("Notes", inspection.notes(corpus))]
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f"<style>{_STYLE}</style></head><body><h1>{title}</h1>{''.join(parts)}</body></html>\n"
    )


def _flags(corpus: Corpus) -> str:
    """What nobody may overlook."""
    flags = []
    if "simulated" in str(corpus.description.get("people", "")):
        flags.append("These people are simulated: nothing here says anything about human beings.")
    for modality, source in corpus.sources.to_dict().items():
        if source == "as released":
            flags.append(
                f"The {modality} features are as their authors released them: in units of their own and not causal. "
                "No live session can compute them."
            )
    return "".join(f'<p class="flag">{html.escape(text)}</p>' for text in flags)


def _people(corpus: Corpus) -> str:
    head = ("subject", "sessions", "trials", *corpus.labels, "unlabelled", "channels", "EEG", "eye", "settled")
    rows = [
        (
            person.subject,
            len(person.sessions),
            person.trials,
            *person.windows,
            "/".join(map(str, person.channels)),
            *(f"{share:.0%}" for share in (person.eeg, person.eye, person.settled)),
        )
        for person in inspection.people(corpus)
    ]
    text = "Windows by label; the last columns are mean shares of usable samples, and of windows that are settled."
    return f"<h2>People</h2><p>{text}</p>{_folded(_table(head, rows), len(rows), 'people')}"


def _clips(corpus: Corpus) -> str:
    rows = [(clip.name, clip.label, clip.people, clip.windows) for clip in inspection.clips(corpus)]
    if not rows:
        return "<h2>Clips</h2><p>No window has a label.</p>"
    table = _table(("clip", "label", "people", "windows"), rows)
    return f"<h2>Clips</h2>{_folded(table, len(rows), 'clips')}"


def _folded(table: str, n: int, what: str) -> str:
    return table if n <= 20 else f"<details><summary>all {n} {what}</summary>{table}</details>"


def _reasons(title: str, reasons: Sequence[tuple[str, int]]) -> str:
    items = "".join(f"<li>{html.escape(why)}{f' ({n} times)' if n > 1 else ''}</li>" for why, n in reasons)
    body = f"<ul>{items}</ul>" if items else "<p>Nothing.</p>"
    return f"<h2>{title}</h2>{_folded(body, len(reasons), 'of them')}"


def _table(head: Sequence[object], rows: Iterable[Sequence[object]], kind: str = "") -> str:
    def line(cells: Sequence[object], tag: str) -> str:
        return f"<tr>{''.join(f'<{tag}>{html.escape(str(cell))}</{tag}>' for cell in cells)}</tr>"

    top = line(head, "th") if any(head) else ""
    return f'<table class="{kind}">{top}{"".join(line(row, "td") for row in rows)}</table>'


def _image(section: inspection_plots.Section) -> str:
    return f'<img alt="{html.escape(section.title)}" src="data:image/png;base64,{_png(section.figure)}">'


def _png(figure: Figure) -> str:
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=130)
    return base64.b64encode(file.getvalue()).decode()
