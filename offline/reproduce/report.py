"""HTML report of a comparison, made from its result files: a number that is in none of them is not in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from offline.evaluation.compare import read_result
from offline.reproduce import figures
from offline.reproduce.about import costs, data, limits, settings_of
from offline.reproduce.findings import (
    FROM_SCRATCH,
    METHOD_NAMES,
    OFFER_NAMES,
    Cell,
    FindingsRow,
    Panel,
    Results,
    calibration,
    comparison,
    controls,
    few_labels,
    missing,
    new_clips,
    panels,
)
from offline.reproduce.stages import Comparison
from rtemo.presentation import numbers, page
from rtemo.presentation.html import Html

TITLE = "Does pretraining on unlabelled EEG and eye data help to recognise the emotions of new people?"
SHOWN = ("majority", "late-fusion", "de-svm")  # baselines that the curves leave out: others stand for them


def write_report(work: Comparison, settings: Mapping[str, Any]) -> Path:
    """report.html, from what is in the folder."""
    results: Results = {run: read_result(work.result(run)) for run in work.runs if work.result(run).exists()}
    simulated = work.sources.downstream.simulated
    rows, found = comparison(results), panels(results)
    parts = [
        _scope(work.scale.description, simulated=simulated),
        page.section("In short", page.bullets(in_short(rows))),
        _main(rows),
        _new_clips(results),
        _few_labels(results),
        _robustness(found),
        _missing(results),
        _calibration(results),
        _controls(results),
        limits() if simulated else Html(),
        data(work),
        settings_of(settings, results),
        costs(work),
    ]
    path = work.out / "report.html"
    page.write_page(path, page.page(TITLE, *parts, above="Comparison of pretraining", below=_sub(work)))
    return path


def _scope(text: str, *, simulated: bool) -> Html:
    if not simulated:
        return page.section("", page.paragraph(text))
    return page.section(
        "", page.paragraph("All people in this report are simulated."), page.paragraph(text), kind="warning"
    )


def _sub(work: Comparison) -> str:
    first = work.sources.downstream
    names = ", ".join(source.name for source in work.sources.unlabelled)
    where = f"simulated people in the layout of {first.dataset}" if first.simulated else first.name
    return f"Tested: {where}, each person left out once (LOSO). Pretrained on: {names}. Scale: {work.scale.name}."


def in_short(rows: Sequence[FindingsRow]) -> list[str]:
    """What the main table says, in sentences that are made from it."""
    sentences = []
    for offer, name in OFFER_NAMES.items():
        cells = {row.name: cell for row in rows if row.network and (cell := row.cells.get(offer)) is not None}
        simple = {row.name: cell for row in rows if not row.network and (cell := row.cells.get(offer)) is not None}
        scratch = cells.pop(FROM_SCRATCH, None)
        if scratch is None or not cells:
            continue
        best = max(cells, key=lambda key: cells[key].value)
        gain = 100 * (cells[best].value - scratch.value)
        sure = (
            f"p\u00a0=\u00a0{cells[best].p:.2g} after Holm's correction" if cells[best].p is not None else "not tested"
        )
        text = (
            f"{name}: from scratch {percent(scratch.value)}, {best.removeprefix('network, ')} "
            f"{percent(cells[best].value)}: "
            f"{gain:+.1f} points over {scratch.n} people ({sure})"
        )
        if simple:
            top = max(simple, key=lambda key: simple[key].value)
            text += f"; the best baseline, {top}, {percent(simple[top].value)}"
        sentences.append(f"{text}. Chance is {percent(scratch.chance)}.")
    return sentences or ["There is nothing to compare yet."]


def _main(rows: Sequence[FindingsRow]) -> Html:
    columns = [("", page.NAME), *page.numbers(*OFFER_NAMES.values(), "people", "chance")]
    body = []
    for row in rows:
        given = [cell for cell in row.cells.values() if cell is not None]
        people = ", ".join(sorted({str(cell.n) for cell in given}))
        cells = [cell_text(row.cells.get(offer)) for offer in OFFER_NAMES]
        body.append([row.name, *cells, people, percent(given[0].chance)])
    first = next((at for at, row in enumerate(rows) if row.network), 0)
    caption = (
        "Balanced accuracy of single windows: mean ± standard deviation over people, below it the 95 % bootstrap "
        "interval of the mean. p: Wilcoxon's paired test over people against the network from scratch with the same "
        "modalities, Holm-corrected over this table. Frozen: only new heads were fitted to the pretrained network."
    )
    return page.section(
        "New people",
        page.table(columns, body, caption, breaks=[first] if first else []),
        page.figure(
            figures.bars(rows),
            "Small dots are people, large ones their mean with its 95 % interval; blue: the network, grey: baselines; "
            "the dashed line is chance.",
        ),
        page.folded("Whole clips, and every seed", _details(rows)),
    )


def _details(rows: Sequence[FindingsRow]) -> Html:
    body = []
    for row in rows:
        for offer, cell in row.cells.items():
            if cell is not None:
                seeds = ", ".join(f"{100 * value:.1f}" for value in cell.by_seed)
                body.append([row.name, OFFER_NAMES[offer], percent(cell.value), percent(cell.trial), seeds])
    columns = [("", page.NAME), ("modalities", page.TEXT), *page.numbers("windows", "clips", "windows by seed, %")]
    return page.table(columns, body, "Balanced accuracy, means over people. Clips: all windows of a clip together.")


def _new_clips(results: Results) -> Html:
    rows = new_clips(results)
    if not rows:
        return Html()
    body = [[f"{name}\n{offer}", cell_text(known), cell_text(new)] for name, offer, new, known in rows]
    caption = (
        "Known clips: the table above, where others who saw the same clips were learned from. New clips: neither the "
        "person nor the clip was learned from; with fewer people and fewer clips to learn from, each person is tested "
        "on a quarter of the clips. What a method loses it had from telling clips, by their light, order and lengths, "
        "or from more data. p against the network from scratch on new clips, Holm-corrected over this table."
    )
    columns = [("", page.NAME), *page.numbers("known clips", "new clips")]
    return page.section("New people and new clips", page.table(columns, body, caption))


def _few_labels(results: Results) -> Html:
    panel = few_labels(results)
    if panel is None:
        return Html()
    counts = list(dict.fromkeys(at for curve in panel.curves for at, _ in curve.points))
    body = []
    for curve in panel.curves:
        cells = dict(curve.points)
        body.append([curve.name, *(cell_text(cells.get(at)) for at in counts)])
    columns = [("", page.NAME), *page.numbers(*("everybody" if at is None else f"{at:g}" for at in counts))]
    caption = (
        "Balanced accuracy of single windows of new people, from EEG and eyes, by the number of people whose labels "
        "are used for training (a quarter as many more, at least one, to select on). Laid out as in the table above; p "
        "against the network from scratch with the same labels."
    )
    return page.section(
        "Labels of few people",
        page.table(columns, body, caption),
        page.figure(figures.curves([panel], none="everybody"), "Bars are 95 % intervals over people."),
    )


def _robustness(found: Sequence[Panel]) -> Html:
    if not found:
        return Html()
    parts = [
        page.paragraph(
            "Every method is fitted once on clean recordings of other people and tested on recordings of the left-out "
            "person into which faults were put before the pipeline, for the whole session and its baseline. Bars are "
            "95 % intervals over people."
        ),
    ]
    for offer, name in OFFER_NAMES.items():
        own = [_thinned(panel) for panel in found if panel.modalities == offer]
        if own:
            caption = "; ".join(f"{panel.kind.replace('-', ' ')}: {panel.does}" for panel in own)
            looks = {"EEG": "the EEG", "Eye": "the eyes"}.get(name, "EEG and eyes")
            parts.append(page.subheading(f"Methods that look at {looks}"))
            parts.append(page.figure(figures.curves(own), f"{caption[0].upper()}{caption[1:]}."))
    parts.append(page.folded("The numbers of all curves", _curve_table(found)))
    return page.section("Faults", *parts)


def _thinned(panel: Panel) -> Panel:
    """Without the curves that would only make the plot crowded; the table has them all."""
    left_out = {METHOD_NAMES[name] for name in SHOWN}
    kept = tuple(curve for curve in panel.curves if curve.name not in left_out)
    return replace(panel, curves=kept or panel.curves)


def _curve_table(found: Sequence[Panel]) -> Html:
    rows = []
    for panel in found:
        for curve in panel.curves:
            clean = curve.points[0][1]
            for at, cell in curve.points:
                what = "clean" if at is None else f"{at:g} {panel.unit}".replace("uV", "µV")
                kept = (cell.value - cell.chance) / (clean.value - clean.chance) if clean.low > clean.chance else None
                share = "" if at is None or kept is None else f"{100 * (1 - kept):.0f} %"
                own = [panel.kind, OFFER_NAMES[panel.modalities], curve.name, what, cell_text(cell), share]
                rows.append(own)
    names = [("fault", page.NAME), ("modalities", page.TEXT), ("method", page.TEXT)]
    columns = [*names, *page.numbers("severity", "balanced accuracy", "lost of what is above chance")]
    return page.table(columns, rows, "The last column is empty where the clean score is not surely above chance.")


def _missing(results: Results) -> Html:
    rows = missing(results)
    if not rows:
        return Html()
    body = [[name, *(cell_text(cells[key]) for key in ("Both", "EEG", "Eye"))] for name, cells in rows]
    caption = "Fitted with both modalities, tested with both or with one alone, without fitting again."
    columns = [("", page.NAME), *page.numbers("both", "only EEG", "only eye")]
    return page.section("A missing modality", page.table(columns, body, caption))


def _calibration(results: Results) -> Html:
    rows = calibration(results)
    if not rows:
        return Html()
    keys = ("ece", "nll", "coverage 0.8", "size 0.8", "coverage 0.9", "size 0.9")
    body = []
    for name, offer, values in rows:
        scores = [f"{values[k]:.3f}" if k in keys[:2] else _set_text(k, values[k]) for k in keys]
        body.append([f"{name}\n{offer}", *scores])
    titles = ("ECE", "NLL", "80 % sets: coverage", "size", "90 % sets: coverage", "size")
    caption = "Windows of new people; temperatures and quantiles from each fold's held-out people."
    drawn = page.table([("", page.NAME), *page.numbers(*titles)], body, caption)
    return page.section("Calibration", page.folded("Calibration and prediction sets", drawn))


def cell_text(cell: Cell | None) -> str:
    """A table cell: the score in its first line, the interval and p below."""
    if cell is None:
        return numbers.MISSING
    lines = [f"{percent(cell.value)} ± {100 * cell.sd:.1f}", f"{100 * cell.low:.1f} to {100 * cell.high:.1f}"]
    if cell.p is not None:
        lines.append(f"p = {cell.p:.2g}")
    return "\n".join(lines)


def percent(share: float) -> str:
    """Percent with one decimal and, as it stands in sentences, a space that does not break."""
    return numbers.percent(share, 1).replace(" ", "\u00a0")


def _set_text(key: str, value: float) -> str:
    return percent(value) if key.startswith("coverage") else f"{value:.2f}"


def _controls(results: Results) -> Html:
    rows = controls(results)
    if not rows:
        return Html()
    body = []
    for name, offer, cell in rows:
        inside = "holds chance" if cell.low <= cell.chance <= cell.high else "does not hold chance"
        body.append([f"{name}\n{offer}", cell_text(cell), inside])
    caption = (
        "Simulated people on whom emotions change nothing, their labels dealt anew over the clips of each session, as "
        "the films' order and lengths tell which film it is. One interval in twenty misses chance by chance; with few "
        "people, bootstrap intervals are too short and miss it more often."
    )
    columns = [("", page.NAME), *page.numbers("balanced accuracy", "95 % interval")]
    return page.section("Control: nothing to find", page.table(columns, body, caption))
