"""`python -m offline reproduce`: from the arguments to report.html."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from tqdm import tqdm

from offline.reproduce.ledger import Ledger, hold_settings
from offline.reproduce.report import write_report
from offline.reproduce.scale import ComparisonScale, scale_of
from offline.reproduce.sources import read_roots, stand_ins
from offline.reproduce.stages import Comparison, stages_of
from offline.splits import PEOPLE_GROUPS, training_people
from offline.workers import HERE, Workers
from rtemo import __version__
from rtemo.core.errors import RtemoError

_SAME_CLIPS = ("seed", "seed-iv", "seed-v", "seed-vii", "affec", "faced", "dens")  # which show everybody the same clips


def reproduce(
    out: Path,
    scale: str | ComparisonScale = "full",
    *,
    roots: Path | None = None,
    seeds: int | None = None,
    effect: float = 0.4,
    workers: Workers = HERE,
) -> Path:
    """Do what is not done yet, and write the report. roots: a file that names real data sets; None: simulated people.

    Returns the report's path. RtemoError where the folder was begun with other settings.
    """
    chosen = scale_of(scale) if isinstance(scale, str) else scale
    if (seeds is not None and seeds < 1) or not effect >= 0:
        found = f"{seeds} seeds, effect {effect:g}"
        raise RtemoError("cannot compare like this", found, "use 1 or more seeds, and an effect of 0 or more")
    sources = stand_ins(out / "data", chosen.people) if roots is None else read_roots(roots, chosen.people)
    people, dataset = sources.downstream.count(), sources.downstream.dataset
    name = "" if sources.downstream.made_here else sources.downstream.load().card.name
    few = tuple(count for count in chosen.labelled if count <= training_people(people))
    new_clips = chosen.new_clips and {dataset, name} & set(_SAME_CLIPS) and people >= PEOPLE_GROUPS
    chosen = replace(chosen, labelled=few, new_clips=bool(new_clips))
    work = Comparison(sources, chosen, chosen.seeds if seeds is None else seeds, effect, out, workers)
    settings = _settings(work, roots)
    hold_settings(out / "settings.json", settings)
    ledger, stages = Ledger(out / "stages"), list(stages_of(work))
    bar = tqdm(stages, desc="reproduce", unit="stage", disable=None)
    for stage in bar:
        bar.set_postfix_str(f"{stage.group}: {stage.name}"[:70])
        ledger.run(stage)
    return write_report(work, settings)


def _settings(work: Comparison, roots: Path | None) -> dict[str, Any]:
    scale = {key: value for key, value in asdict(work.scale).items() if key != "description"}
    return {
        "rtemo": __version__,
        "people": "simulated" if roots is None else "recorded",
        "effect": work.effect if roots is None else None,
        "seeds": work.seeds,
        "protocol": "loso",
        "downstream": _source(work.sources.downstream, roots),
        "unlabelled": [_source(source, roots) for source in work.sources.unlabelled],
        **{f"scale_{key}": value for key, value in scale.items()},
    }


def _source(source: Any, roots: Path | None) -> dict[str, Any]:
    where = {"seed": source.seed, "family": source.family} if roots is None else {"root": str(source.root)}
    return {"name": source.name, "dataset": source.dataset, "people": source.people, **where}
