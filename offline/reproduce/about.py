"""Sections of the comparison report on the run itself: limits, data, settings, cost."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from offline.corpus.corpus import Corpus, open_corpus
from offline.reproduce.findings import Results
from offline.reproduce.ledger import Ledger
from offline.reproduce.sources import STAND_INS, slug
from offline.reproduce.stages import Comparison
from rtemo.presentation import page
from rtemo.presentation.html import Html

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


def limits() -> Html:
    """What a comparison on simulated people can and cannot show."""
    return page.section(
        "What simulation can and cannot support",
        page.paragraph("A comparison on simulated people can show:"),
        page.bullets(SIMULATED_CAN),
        page.paragraph("It cannot show:"),
        page.bullets(SIMULATED_CANNOT),
    )


def data(work: Comparison) -> Html:
    """Every corpus that is there."""
    body = []
    published = {name: count for name, _, count in STAND_INS}
    for source in [*work.sources, *([work.control] if work.control else [])]:
        folder = work.corpus(slug(source.name))
        if not (folder / "manifest.json").exists():
            continue
        corpus = open_corpus(folder)
        people = f"{len(corpus.subjects)}"
        if source.made_here and source.name in published:
            people += f"\nof {published[source.name]} in the data set"
        made = f"{source.dataset}\ngenerator family {source.family}" if source.made_here else source.dataset
        sessions, windows = len(corpus.shards), sum(shard.about.n_windows for shard in corpus)
        body.append([source.name, made, people, f"{sessions}", f"{windows}", _left_out(corpus)])
    columns = [("", page.NAME), ("layout", page.TEXT), *page.numbers("people", "sessions", "windows", "left out")]
    return page.section("Data", page.table(columns, body))


def _left_out(corpus: Corpus) -> str:
    n = len(corpus.description.get("omissions", ())) + sum(len(shard.about.dropped) for shard in corpus)
    return str(n)


def settings_of(settings: Mapping[str, Any], results: Results) -> Html:
    """Settings and versions of the run."""
    rows = [(key.replace("_", " "), _plain(value)) for key, value in settings.items()]
    any_result = next(iter(results.values()), None)
    if any_result is not None:
        rows.append(("versions", _plain(any_result["versions"])))
        rows.append(("labels", _plain(any_result["corpus"]["labels"])))
    return page.section("Settings", page.folded("Everything that this run was asked for", page.facts(rows)))


def _plain(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key}: {_plain(inner)}" for key, inner in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(_plain(inner) for inner in value)
    return "all" if value is None else str(value)


def costs(work: Comparison) -> Html:
    """Wall time by kind of work."""
    groups: dict[str, list[float]] = {}
    for record in Ledger(work.out / "stages").costs():
        groups.setdefault(record["group"], []).append(float(record["seconds"]))
    body = [[name, f"{len(own)}", f"{sum(own):.0f}", f"{sum(own) / len(own):.1f}"] for name, own in groups.items()]
    total = sum(sum(own) for own in groups.values())
    body.append(["all", str(sum(len(own) for own in groups.values())), f"{total:.0f}", ""])
    caption = f"Seconds of wall time with {work.workers}; interrupted attempts count. In all {total / 60:.1f} minutes."
    columns = [("", page.NAME), *page.numbers("stages", "seconds", "seconds a stage")]
    return page.section("Cost", page.table(columns, body, caption))
