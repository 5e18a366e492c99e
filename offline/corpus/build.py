"""Build a corpus from a data set: recordings in parallel, on this machine or on a Dask cluster.

A recording that is done is not built again when a killed build is started once more; the manifest comes last. What
cannot be used is left out, listed and counted; a build of which nothing is left is an error.
"""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from joblib import delayed
from tqdm import tqdm

from offline.corpus.build_recording import Task, build_recording
from offline.corpus.copies import find_copies
from offline.corpus.corpus import MANIFEST, write_manifest
from offline.corpus.shards import RECORDINGS, Shard, ShardMetadata, row_counts
from offline.datasets.base import SIMULATED, SIMULATED_NOTE, Dataset, DatasetCard, Entry, Omission
from offline.datasets.child_process import CHILD, ProcessDied
from offline.datasets.feature_sources import NONE, RELEASED, FeatureSources
from offline.workers import HERE, Workers
from rtemo.core.errors import RtemoError
from rtemo.core.settings import PipelineSettings

HOP_S = 1.0
_SHOWN = 5  # different reasons in the error where nothing could be built


@dataclass(frozen=True, slots=True)
class Built:
    """A finished build. omissions: one line each, those of the recordings included."""

    path: Path
    summary: str
    omissions: tuple[str, ...]

    def __str__(self) -> str:
        return self.summary


def build(
    dataset: Dataset,
    people: str,
    out: Path,
    hop_s: float | None = None,
    workers: Workers = HERE,
    sources: FeatureSources | None = None,
    root: Path | None = None,
    *,
    signal: bool = False,
    rests: bool = True,
) -> Built:
    """Write the corpus to `out`. people: whose data it is, for the cards. sources, hop_s: None: the usual ones.
    signal: keep the conditioned EEG itself too (offline/corpus/eeg_signal.py).

    rests: whether the normaliser is set by what was recorded as a baseline; else as in a session without one.
    Raises RtemoError where `out` is a finished corpus already, or where nothing could be built.
    """
    if (out / MANIFEST).exists():
        raise RtemoError(f"{out} is a finished corpus", "nothing is overwritten", "name another folder")
    sources = usual_sources(dataset.card) if sources is None else sources
    check_sources(dataset.card, sources)
    settings = _settings(hop_s, sources)
    labels = tuple(sorted(dataset.card.labels, key=dataset.card.labels.__getitem__))
    mapping = dataset.mapping.get("sha256", "")
    task = Task(dataset.card, labels, settings, sources, out, root, signal=signal, rests=rests, mapping=mapping)
    made, failed = _all(task, dataset, workers)
    recordings, copies = _without_copies(out, made)
    failed += copies
    omissions = [str(omission) for omission in (*failed, *dataset.omissions)]
    if not recordings:
        reasons = list(dict.fromkeys(omissions)) or ["no reason was recorded"]
        more = [f"and {len(reasons) - _SHOWN} more"] if len(reasons) > _SHOWN else []
        found = f"{len(dataset.entries)} recordings; {' | '.join([*reasons[:_SHOWN], *more])}"
        raise RtemoError(f"nothing of {dataset.card.title} could be built", found, "look at the files")
    _sweep(out)
    about = _description(dataset, people, sources, recordings, omissions)
    write_manifest(out, dataset.card.name, settings.to_dict(), labels, about, recordings)
    return Built(out, _summary(out, about), (*omissions, *_dropped(recordings)))


def _settings(hop_s: float | None, sources: FeatureSources) -> PipelineSettings:
    """Released EEG features lie window beside window, so with them there is one hop only."""
    settings = PipelineSettings()
    length_s = settings.window.length_s
    if sources.eeg == RELEASED and hop_s not in (None, length_s):
        raise RtemoError("released EEG windows do not overlap", f"the hop is {hop_s:g} s", f"take {length_s:g} s")
    usual_s = length_s if sources.eeg == RELEASED else HOP_S
    return settings.with_hop(usual_s if hop_s is None else hop_s)


def usual_sources(card: DatasetCard) -> FeatureSources:
    """The first of each modality's choices."""
    return FeatureSources(card.eeg[0], card.eye[0] if card.eye else NONE)


def check_sources(card: DatasetCard, sources: FeatureSources) -> None:
    """RtemoError where the data set's loader has no such features."""
    for name, wanted, there in (("EEG", sources.eeg, card.eeg), ("eye", sources.eye, (*card.eye, NONE))):
        if wanted not in there:
            raise RtemoError(f"{card.name} has no {name} features {wanted!r}", f"it has {', '.join(there)}", "choose")


def _all(task: Task, dataset: Dataset, workers: Workers) -> tuple[list[ShardMetadata], list[Omission]]:
    """Every recording, in order."""
    name, total = f"build {dataset.card.name}", len(dataset.entries)
    results = _built(task, dataset.entries, workers)
    done = list(tqdm(results, total=total, desc=name, unit="session", disable=None))
    recordings = [one for one in done if isinstance(one, ShardMetadata)]
    return recordings, [one for one in done if isinstance(one, Omission)]


def _built(task: Task, entries: Sequence[Entry], workers: Workers) -> Iterator[ShardMetadata | Omission]:
    """Each entry's recording or why there is none. A worker that is killed costs the recording that killed it."""
    done = 0
    jobs = (delayed(build_recording)(task, entry) for entry in entries)
    with workers.results(jobs) as results:
        try:
            for one in results:
                done += 1
                yield one
        except BrokenProcessPool:  # which recording it was is not known: from here on each has a process of its own
            pass
    for entry in entries[done:]:
        yield _built_alone(task, entry)


def _built_alone(task: Task, entry: Entry) -> ShardMetadata | Omission:
    """Built in a process of its own, whose end is known to be this recording's doing."""
    try:
        return CHILD.run(build_recording, task, entry)
    except ProcessDied as error:
        why = f"the process that built it was killed ({error}): it may need more memory"
        return Omission("recording", f"{task.card.name} subject {entry.subject} session {entry.session}", why)


def _without_copies(out: Path, recordings: Sequence[ShardMetadata]) -> tuple[list[ShardMetadata], list[Omission]]:
    """The recordings without those that hold another one's samples: of these the first one stays."""
    copies: dict[int, Omission] = {}
    for copy in find_copies([Shard(out / RECORDINGS / about.id, about) for about in recordings]):
        first, other = recordings[copy.first], recordings[copy.other]
        if copy.first not in copies and copy.other not in copies:
            where = f"{other.dataset} subject {other.subject} session {other.session}"
            why = (
                f"{copy.share:.0%} of its {copy.what} is that of subject {first.subject} session {first.session}: "
                "the same recording under two names; keep the right one"
            )
            copies[copy.other] = Omission("recording", where, why)
    return [about for k, about in enumerate(recordings) if k not in copies], list(copies.values())


def _sweep(out: Path) -> None:
    """Remove what an interrupted build left of recordings that are not part of this one."""
    for leftover in (out / RECORDINGS).glob(".*.partial"):
        shutil.rmtree(leftover, ignore_errors=True)


def _dropped(recordings: Sequence[ShardMetadata]) -> Iterator[str]:
    return (reason for about in recordings for reason in about.dropped)


def _description(
    dataset: Dataset,
    people: str,
    sources: FeatureSources,
    recordings: Sequence[ShardMetadata],
    omissions: Sequence[str],
) -> Mapping[str, Any]:
    card = dataset.card
    simulated = sum(SIMULATED_NOTE in about.notes for about in recordings)
    names = dict.fromkeys(name for about in recordings for name in about.counts)
    counts = {name: sum(about.counts.get(name, 0) for about in recordings) for name in names}
    if not counts["eye"]:
        sources = FeatureSources(sources.eeg, NONE)
    kinds = Counter(reason.split(" ", 1)[0] for reason in (*omissions, *_dropped(recordings)))
    return {
        "people": _whose(people, simulated, len(recordings)),
        "data set": card.title,
        "licence": card.licence,
        "citation": card.citation,
        "notes": list(card.notes),
        "sources": sources.to_dict(),
        "baseline": ", ".join(f"{name} ({n})" for name, n in Counter(one.baseline for one in recordings).items()),
        "counts": {"recordings": len(recordings), "people": len({about.subject for about in recordings}), **counts},
        **({"mapping": dict(dataset.mapping)} if dataset.mapping else {}),
        "noted": len({note for about in recordings for note in about.notes} | set(card.notes)),
        "omissions": list(omissions),
        "omitted": dict(sorted(kinds.items())),
    }


def _whose(people: str, simulated: int, recordings: int) -> str:
    """Whose data it is: simulated people are said to be simulated, wherever they come from."""
    if not simulated or "simulated" in people:
        return people
    return SIMULATED if simulated == recordings else f"{people}, {simulated} of {recordings} recordings of {SIMULATED}"


def _summary(out: Path, about: Mapping[str, Any]) -> str:
    counts, omitted = about["counts"], about["omitted"]
    left_out = ", ".join(f"{n} {kind}" for kind, n in omitted.items()) or "nothing"
    rows = [f"{read} {kind} rows read, {used} used, {lost} left out" for kind, read, used, lost in row_counts(counts)]
    return "; ".join(
        [
            f"{out}: {counts['recordings']} recordings of {counts['people']} people, {counts['windows']} windows, "
            f"{counts['labelled']} labelled",
            *rows,
            *([f"{about['noted']} notes (see inspect)"] if about["noted"] else []),
            f"left out: {left_out}",
        ]
    )
