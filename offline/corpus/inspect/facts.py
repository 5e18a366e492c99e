"""What is in a corpus, as facts and as text. Reads the manifest, the rows and the summaries, not the EEG."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from offline.corpus.corpus import Corpus
from offline.corpus.shards import UNLABELLED, Shard, row_counts
from offline.datasets.base import natural_key

_SHOWN = 12


@dataclass(frozen=True, slots=True)
class PersonFacts:
    """One subject. windows: by label code, then the unlabelled ones. eeg, eye: share of windows with each."""

    subject: str
    sessions: tuple[str, ...]
    windows: tuple[int, ...]
    trials: int
    channels: tuple[int, ...]
    eeg: float
    eye: float
    settled: float


@dataclass(frozen=True, slots=True)
class ClipFacts:
    """One stimulus: its label, how many people saw it, how many windows it gives."""

    name: str
    label: str
    people: int
    windows: int


def people(corpus: Corpus) -> list[PersonFacts]:
    """Every subject, numbers as numbers."""
    return [_person(corpus, who) for who in sorted(corpus.subjects, key=natural_key)]


def clips(corpus: Corpus) -> list[ClipFacts]:
    """Every stimulus of labelled windows, by label, then by name."""
    windows: Counter[tuple[str, str]] = Counter()
    seen: dict[tuple[str, str], set[str]] = {}
    for shard in corpus:
        rows = shard.rows[shard.labelled]
        for trial in np.unique(rows["trial"]).tolist():
            own = rows[rows["trial"] == trial]
            key = (corpus.labels[int(own["label"][0])], shard.about.clips.get(str(trial), "unknown"))
            windows[key] += len(own)
            seen.setdefault(key, set()).add(shard.about.subject)
    order = {label: code for code, label in enumerate(corpus.labels)}
    keys = sorted(windows, key=lambda key: (order[key[0]], natural_key(key[1])))
    return [ClipFacts(name, label, len(seen[label, name]), windows[label, name]) for label, name in keys]


def describe(corpus: Corpus, most: int | None = _SHOWN) -> str:
    """All of it as plain text. most: clips, reasons and notes of each kind that are shown; None: every one."""
    clip_lines, reasons = _clip_lines(corpus, most and 2 * most), _left_out(corpus, most)
    blocks = (_head(corpus), _people_lines(corpus), clip_lines, reasons, _noted(corpus, most))
    return "\n\n".join("\n".join(block) for block in blocks) + "\n"


def facts(corpus: Corpus) -> list[tuple[str, str]]:
    """What the manifest says of the whole, as names and values."""
    about, window = corpus.description, corpus.pipeline.get("window", {})
    counts, mapping = about.get("counts", {}), about.get("mapping", {})
    rows: list[tuple[str, str]] = [
        ("people", f"{about.get('people', '?')}: {len(corpus.subjects)}"),
        ("data set", str(about.get("data set", corpus.name))),
        ("licence", str(about.get("licence", "not stated"))),
        ("citation", str(about.get("citation", "not stated"))),
        ("recordings", str(len(corpus.shards))),
        ("windows", f"{sum(s.about.n_windows for s in corpus)}, {counts.get('labelled', '?')} of them labelled"),
        ("labels", ", ".join(corpus.labels) or "none"),
        ("window", ", ".join(f"{name} {value:g}" for name, value in window.items())),
        ("EEG features", corpus.sources.eeg),
        ("eye features", corpus.sources.eye),
        ("baseline", str(about.get("baseline", "not stated"))),
        *(
            (f"{kind} rows", f"{read} read, {used} used, {lost} left out")
            for kind, read, used, lost in row_counts(counts)
        ),
        *([("mapping", f"{mapping.get('file')}, SHA-256 {mapping.get('sha256')}")] if mapping else []),
        ("left out", ", ".join(f"{n} {kind}" for kind, n in about.get("omitted", {}).items()) or "nothing"),
        ("fingerprint", corpus.fingerprint),
    ]
    return rows


def left_out(corpus: Corpus) -> list[tuple[str, int]]:
    """Every reason with the number of times that it was given, the most frequent first, where numbers are left away."""
    reasons = [*corpus.description.get("omissions", []), *(why for shard in corpus for why in shard.about.dropped)]
    return Counter(map(str, reasons)).most_common()


def notes(corpus: Corpus) -> list[tuple[str, int]]:
    """What the loader and the pipeline noted, with how many recordings it was noted of."""
    found = Counter(note for shard in corpus for note in shard.about.notes)
    return [(note, 1) for note in corpus.description.get("notes", [])] + found.most_common()


def windows_by_label(shard: Shard, n_labels: int) -> NDArray[np.int64]:
    """(n_labels + 1,) windows of each label, then those without."""
    codes = shard.rows["label"].astype(np.int64)
    return np.bincount(np.where(codes == UNLABELLED, n_labels, codes), minlength=n_labels + 1)


def _person(corpus: Corpus, who: str) -> PersonFacts:
    shards = corpus.of([who])
    rows = np.concatenate([shard.rows for shard in shards])
    trials = {(s.about.session, int(t)) for s in shards for t in np.unique(s.rows["trial"][s.labelled])}
    return PersonFacts(
        subject=who,
        sessions=tuple(shard.about.session for shard in shards),
        windows=tuple(np.sum([windows_by_label(s, len(corpus.labels)) for s in shards], axis=0).tolist()),
        trials=len(trials),
        channels=tuple(sorted({len(shard.about.channels) for shard in shards})),
        eeg=float(rows["eeg_coverage"].mean()),
        eye=float(rows["gaze_coverage"].mean()),
        settled=float(rows["settled"].mean()),
    )


def _head(corpus: Corpus) -> Iterator[str]:
    yield from (f"{name:<14}{value}" for name, value in facts(corpus))


def _people_lines(corpus: Corpus) -> Iterator[str]:
    names = [*corpus.labels, "unlabelled"]
    widths = [max(len(name), 6) for name in names]
    yield (
        "subject     sessions trials  "
        + " ".join(f"{n:>{w}}" for n, w in zip(names, widths, strict=True))
        + ("  channels   EEG   eye  settled")
    )
    for person in people(corpus):
        counts = " ".join(f"{n:>{w}}" for n, w in zip(person.windows, widths, strict=True))
        channels = "/".join(map(str, person.channels))
        yield (
            f"{person.subject:<12}{len(person.sessions):>8} {person.trials:>6}  {counts}  {channels:>8} "
            f"{person.eeg:>4.0%}  {person.eye:>4.0%}  {person.settled:>7.0%}"
        )


def _clip_lines(corpus: Corpus, most: int | None) -> Iterator[str]:
    found = clips(corpus)
    yield f"{len(found)} clips with a label"
    for clip in found[:most]:
        yield f"  {clip.label:<10} {clip.name:<24} {clip.people:>4} people {clip.windows:>7} windows"
    if most is not None and len(found) > most:
        yield f"  ... and {len(found) - most} more: see inspect --all"


def _left_out(corpus: Corpus, most: int | None) -> Iterator[str]:
    reasons = left_out(corpus)
    yield f"{sum(n for _, n in reasons)} times something was left out"
    yield from _counted(reasons, most, "reasons")


def _noted(corpus: Corpus, most: int | None) -> Iterator[str]:
    found = notes(corpus)
    yield f"{len(found)} notes on how something was read"
    yield from _counted(found, most, "notes")


def _counted(texts: Sequence[tuple[str, int]], most: int | None, what: str) -> Iterator[str]:
    yield from (f"  {text}" + (f" ({n} times)" if n > 1 else "") for text, n in texts[:most])
    if most is not None and len(texts) > most:
        yield f"  ... and {len(texts) - most} more {what}: see inspect --all"
