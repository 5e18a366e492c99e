"""The report of a comparison, written from its result files. Numbers that are not in a result file are not in it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from offline.corpus import Corpus, open_corpus
from offline.reproduce import figures, page
from offline.reproduce.findings import (
    METHOD_NAMES,
    OFFER_NAMES,
    Cell,
    Panel,
    Results,
    Row,
    calibration,
    comparison,
    controls,
    missing,
    panels,
)
from offline.reproduce.ledger import Ledger
from offline.reproduce.runs import slug
from offline.reproduce.sources import STAND_INS
from offline.reproduce.stages import Comparison

TITLE = "Does pretraining on unlabelled EEG and eye data help to recognise the emotions of new people?"
SHOWN = ("majority", "late-fusion", "de-svm")  # baselines that the curves leave out: others stand for them

SIMULATED_CAN = (
    "that the whole chain works: simulated people in the data sets' own file layouts, loaders, pipeline, pretraining, "
    "fine-tuning, calibration, splits that refuse leaks",
    "in which order methods lose accuracy when the same fault is put into the same recordings",
    "that calibration and prediction sets do what they promise where their assumptions hold",
    "that nothing leaks: on people whose emotions show in nothing, every method must score chance",
)
SIMULATED_CANNOT = (
    "how accurate any method is on SEED-IV or on anybody's recordings: the simulator's effects were set so that a "
    "linear model on band powers reaches what honest studies publish, 30 to 45 % in four classes",
    "whether pretraining helps on real data: what the unlabelled people share with the labelled ones is what the "
    "simulator's author put into both. Stand-ins for gaze estimation and attention have those data sets' form, not "
    "their tasks",
    "that what is recognised is an emotion",
)


def write_report(work: Comparison, settings: Mapping[str, Any]) -> Path:
    """report.html, from what is in the folder."""
    results: Results = {
        run: json.loads(work.result(run).read_text(encoding="utf-8")) for run in work.runs if work.result(run).exists()
    }
    simulated = work.sources.downstream.simulated
    rows, found = comparison(results), panels(results)
    parts = [
        page.note([*(["All people in this report are simulated."] if simulated else []), work.scale.said]),
        page.heading("In short"),
        page.listing(in_short(rows)),
        *_main(rows),
        *_robustness(found),
        *_missing(results),
        *_calibration(results),
        *_controls(results),
        *(_limits() if simulated else []),
        *_data(work),
        *_settings(settings, results),
        *_costs(work),
    ]
    path = work.out / "report.html"
    partial = path.with_name(".report.html.partial")
    partial.write_text(page.page(TITLE, _sub(work), parts), encoding="utf-8")
    partial.replace(path)
    return path


def _sub(work: Comparison) -> str:
    first = work.sources.downstream
    names = ", ".join(source.name for source in work.sources.unlabelled)
    where = f"simulated people in the layout of {first.dataset}" if first.simulated else first.name
    return f"Tested: {where}, each person left out once (LOSO). Pretrained on: {names}. Scale: {work.scale.name}."


def in_short(rows: Sequence[Row]) -> list[str]:
    """What the main table says, in sentences that are made from it."""
    said = []
    for offer, name in OFFER_NAMES.items():
        cells = {row.name: cell for row in rows if row.network and (cell := row.cells.get(offer)) is not None}
        simple = {row.name: cell for row in rows if not row.network and (cell := row.cells.get(offer)) is not None}
        scratch = cells.pop("network from scratch", None)
        if scratch is None or not cells:
            continue
        best = max(cells, key=lambda key: cells[key].value)
        gain = 100 * (cells[best].value - scratch.value)
        sure = f"p = {cells[best].p:.2g} after Holm's correction" if cells[best].p is not None else "not tested"
        text = (
            f"{name}: from scratch {percent(scratch.value)}, {best} {percent(cells[best].value)}: "
            f"{gain:+.1f} points over {scratch.n} people ({sure})"
        )
        if simple:
            top = max(simple, key=lambda key: simple[key].value)
            text += f"; the best baseline, {top}, {percent(simple[top].value)}"
        said.append(f"{text}. Chance is {percent(scratch.chance)}.")
    return said or ["There is nothing to compare yet."]


def _main(rows: Sequence[Row]) -> list[str]:
    head = ["", *(OFFER_NAMES.values())]
    body = [[row.name, *(cell_text(row.cells.get(offer)) for offer in OFFER_NAMES)] for row in rows]
    first = next((at for at, row in enumerate(rows) if row.network), 0)
    caption = (
        "Balanced accuracy over people at window level: mean ± standard deviation, 95 % bootstrap interval of the "
        "mean; trial: all windows of a clip together; seeds: the mean of each. n: people. p: Wilcoxon's paired test "
        "over people against the network from scratch with the same modalities, Holm-corrected over this table."
    )
    return [
        page.heading("New people"),
        page.table(head, body, caption, breaks=[first] if first else []),
        page.figure(
            figures.bars(rows),
            "Small dots are people, large ones their mean with its 95 % interval; blue: the network, grey: baselines; "
            "the dashed line is chance.",
        ),
    ]


def _robustness(found: Sequence[Panel]) -> list[str]:
    if not found:
        return []
    parts = [
        page.heading("Faults"),
        page.paragraph(
            "Every method is fitted once on clean recordings of other people and tested on recordings of the left-out "
            "person into which faults were put before the pipeline, for the whole session and its baseline. Bars are "
            "95 % intervals over people."
        ),
    ]
    for offer, name in OFFER_NAMES.items():
        own = [_thinned(panel) for panel in found if panel.modalities == offer]
        if own:
            caption = f"Methods that look at: {name.lower()}. " + "; ".join(f"{p.kind}: {p.does}" for p in own) + "."
            parts.append(page.figure(figures.curves(own), caption))
    parts.append(page.folded("The numbers of all curves", _curve_table(found)))
    return parts


def _thinned(panel: Panel) -> Panel:
    """Without the curves that would only make the plot crowded; the table has them all."""
    left_out = {METHOD_NAMES[name] for name in SHOWN}
    kept = tuple(curve for curve in panel.curves if curve.name not in left_out)
    return replace(panel, curves=kept or panel.curves)


def _curve_table(found: Sequence[Panel]) -> str:
    rows = []
    for panel in found:
        for curve in panel.curves:
            clean = curve.points[0][1]
            for at, cell in curve.points:
                what = "clean" if at is None else f"{at:g} {panel.unit}"
                kept = (cell.value - cell.chance) / (clean.value - clean.chance) if clean.low > clean.chance else None
                share = "" if at is None or kept is None else f"{100 * (1 - kept):.0f} %"
                own = [panel.kind, OFFER_NAMES[panel.modalities], curve.name, what, cell_text(cell), share]
                rows.append(own)
    head = ["fault", "modalities", "method", "severity", "balanced accuracy", "lost of what is above chance"]
    return page.table(head, rows, "The last column is empty where the clean score is not surely above chance.")


def _missing(results: Results) -> list[str]:
    rows = missing(results)
    if not rows:
        return []
    body = [[name, *(cell_text(cells[key]) for key in ("Both", "EEG", "Eye"))] for name, cells in rows]
    caption = "Fitted with both modalities, tested with both or with one alone, without fitting again."
    return [page.heading("A missing modality"), page.table(["", "both", "only EEG", "only eye"], body, caption)]


def _calibration(results: Results) -> list[str]:
    rows = calibration(results)
    if not rows:
        return []
    keys = ("ece", "nll", "coverage 0.8", "size 0.8", "coverage 0.9", "size 0.9")
    body = []
    for name, offer, values in rows:
        numbers = [f"{values[k]:.3f}" if k in keys[:2] else _set_text(k, values[k]) for k in keys]
        body.append([f"{name}\n{offer}", *numbers])
    head = ["", "ECE", "NLL", "80 % sets: coverage", "size", "90 % sets: coverage", "size"]
    caption = "Windows of new people; temperatures and quantiles from each fold's held-out people."
    return [
        page.heading("Calibration"),
        page.folded("Calibration and prediction sets", page.table(head, body, caption)),
    ]


def _set_text(key: str, value: float) -> str:
    return percent(value) if key.startswith("coverage") else f"{value:.2f}"


def _controls(results: Results) -> list[str]:
    rows = controls(results)
    if not rows:
        return []
    body = []
    for name, offer, cell in rows:
        inside = "holds chance" if cell.low <= cell.chance <= cell.high else "does not hold chance"
        body.append([f"{name}\n{offer}", cell_text(cell), inside])
    caption = (
        "Simulated people on whom emotions change nothing. One interval in twenty misses chance by chance; with few "
        "people, bootstrap intervals are too short and miss it more often."
    )
    return [
        page.heading("Control: nothing to find"),
        page.table(["", "balanced accuracy", "95 % interval"], body, caption),
    ]


def _limits() -> list[str]:
    return [
        page.heading("What simulation can and cannot support"),
        page.paragraph("A comparison on simulated people can show:"),
        page.listing(SIMULATED_CAN),
        page.paragraph("It cannot show:"),
        page.listing(SIMULATED_CANNOT),
    ]


def _data(work: Comparison) -> list[str]:
    body = []
    published = {name: count for name, _, count in STAND_INS}
    for source in [*work.sources, *([work.control] if work.control else [])]:
        folder = work.corpus(slug(source.name))
        if not (folder / "manifest.json").exists():
            continue
        corpus = open_corpus(folder)
        people = f"{len(corpus.subjects)}"
        if source.simulated and source.name in published:
            people += f"\nof {published[source.name]} in the data set"
        made = f"{source.dataset}\ngenerator family {source.family}" if source.simulated else source.dataset
        sessions, windows = len(corpus.shards), sum(shard.about.n_windows for shard in corpus)
        body.append([source.name, made, people, f"{sessions}", f"{windows}", _left_out(corpus)])
    head = ["", "layout", "people", "sessions", "windows", "left out"]
    return [page.heading("Data"), page.table(head, body)]


def _left_out(corpus: Corpus) -> str:
    n = len(corpus.description.get("omissions", ())) + sum(len(shard.about.dropped) for shard in corpus)
    return str(n)


def _settings(settings: Mapping[str, Any], results: Results) -> list[str]:
    rows = [(key.replace("_", " "), _plain(value)) for key, value in settings.items()]
    any_result = next(iter(results.values()), None)
    if any_result is not None:
        rows.append(("versions", _plain(any_result["versions"])))
        rows.append(("labels", _plain(any_result["corpus"]["labels"])))
    return [page.heading("Settings"), page.folded("Everything that this run was asked for", page.facts(rows))]


def _plain(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key}: {_plain(inner)}" for key, inner in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(_plain(inner) for inner in value)
    return "all" if value is None else str(value)


def _costs(work: Comparison) -> list[str]:
    groups: dict[str, list[float]] = {}
    for record in Ledger(work.out / "stages").costs():
        groups.setdefault(record["group"], []).append(float(record["seconds"]))
    body = [[name, f"{len(own)}", f"{sum(own):.0f}", f"{sum(own) / len(own):.1f}"] for name, own in groups.items()]
    total = sum(sum(own) for own in groups.values())
    body.append(["all", str(sum(len(own) for own in groups.values())), f"{total:.0f}", ""])
    caption = (
        f"Seconds of wall time with {work.jobs} processes; interrupted attempts count. In all {total / 60:.1f} minutes."
    )
    return [page.heading("Cost"), page.table(["", "stages", "seconds", "seconds a stage"], body, caption)]


def cell_text(cell: Cell | None) -> str:
    """A cell of the tables: the score in the first line, what it rests on below."""
    if cell is None:
        return "–"
    lines = [
        f"{percent(cell.value)} ± {100 * cell.sd:.1f}",
        f"{100 * cell.low:.1f} to {100 * cell.high:.1f}; n {cell.n}",
    ]
    lines.append(f"trial {percent(cell.trial)}")
    if len(cell.by_seed) > 1:
        lines.append("seeds " + ", ".join(f"{100 * value:.1f}" for value in cell.by_seed))
    if cell.p is not None:
        lines.append(f"p {cell.p:.2g}")
    return "\n".join(lines)


def percent(share: float) -> str:
    """One digit after the point."""
    return f"{100 * share:.1f} %"
