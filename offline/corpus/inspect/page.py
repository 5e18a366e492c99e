"""HTML page of `python -m offline inspect`: tables and plots of a corpus."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from pathlib import Path

from matplotlib.figure import Figure

from offline.corpus.corpus import Corpus
from offline.corpus.inspect import facts as inspection
from offline.corpus.inspect import plots as inspection_plots
from rtemo.core.errors import RtemoError
from rtemo.presentation import page
from rtemo.presentation.html import Html, join, tag
from rtemo.presentation.numbers import percent


def write_page(corpus: Corpus, path: Path) -> None:
    """Write the page of a corpus. RtemoError where the file is there already."""
    if path.exists():
        raise RtemoError(f"{path} exists already", "nothing is overwritten", "name another file")
    page.write_page(path, corpus_page(corpus))


def corpus_page(corpus: Corpus) -> Html:
    """The whole page."""
    return page.page(
        f"{corpus.path.name}: {corpus.description.get('data set', corpus.name)}",
        _flags(corpus),
        page.section("", page.facts(inspection.facts(corpus))),
        _people(corpus),
        _clips(corpus),
        *(_plot(one) for one in inspection_plots.sections(corpus)),
        _reasons("Left out", inspection.left_out(corpus)),
        _reasons("Notes", inspection.notes(corpus)),
        above="Corpus",
    )


def _flags(corpus: Corpus) -> Html:
    """Warnings that nobody may overlook."""
    flags = []
    if "simulated" in str(corpus.description.get("people", "")):
        flags.append("These people are simulated: nothing here says anything about human beings.")
    for modality, source in corpus.sources.to_dict().items():
        if source == "as released":
            flags.append(
                f"The {modality} features are as their authors released them: in units of their own and not causal. "
                "No live session can compute them."
            )
    return join(page.section("", page.paragraph(text), kind="warning") for text in flags)


def _people(corpus: Corpus) -> Html:
    titles = ("sessions", "trials", *corpus.labels, "unlabelled", "channels", "EEG", "eye", "settled")
    rows = [
        [
            person.subject,
            f"{len(person.sessions)}",
            f"{person.trials}",
            *map(str, person.windows),
            "/".join(map(str, person.channels)),
            *map(percent, (person.eeg, person.eye, person.settled)),
        ]
        for person in inspection.people(corpus)
    ]
    text = "Windows by label; the last columns are mean shares of usable samples, and of windows that are settled."
    shown = page.table([("subject", page.NAME), *page.numbers(*titles)], rows)
    return page.section("People", page.paragraph(text, "caption"), _folded(shown, len(rows), "people"))


def _clips(corpus: Corpus) -> Html:
    rows = [[clip.name, clip.label, f"{clip.people}", f"{clip.windows}"] for clip in inspection.clips(corpus)]
    if not rows:
        return page.section("Clips", page.paragraph("No window has a label."))
    columns = [("clip", page.NAME), ("label", page.TEXT), *page.numbers("people", "windows")]
    return page.section("Clips", _folded(page.table(columns, rows), len(rows), "clips"))


def _plot(one: inspection_plots.Section) -> Html:
    image = tag("img", alt=one.title, src=f"data:image/png;base64,{_png(one.figure)}")
    return page.section(one.title, page.paragraph(one.text, "caption"), page.figure(image))


def _reasons(title: str, reasons: Sequence[tuple[str, int]]) -> Html:
    items = [f"{why} ({n} times)" if n > 1 else why for why, n in reasons]
    return page.section(
        title, _folded(page.bullets(items) if items else page.paragraph("Nothing."), len(items), "of them")
    )


def _folded(content: Html, n: int, what: str) -> Html:
    return content if n <= 20 else page.folded(f"all {n} {what}", content)


def _png(figure: Figure) -> str:
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=130)
    return base64.b64encode(file.getvalue()).decode()
