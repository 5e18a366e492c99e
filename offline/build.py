"""Any data set through the one pipeline into a corpus. Nothing is filtered, scaled or normalised here.

A recording that is done is not built again when a killed build is started once more; the manifest comes last.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from joblib import Parallel, delayed
from tqdm import tqdm

from offline.corpus import MANIFEST, UNLABELLED, About, read_recording, write_manifest, write_recording
from offline.datasets.base import Dataset, Entry, Recording, Stream, Trial
from rtemo.core.errors import RtemoError
from rtemo.core.layout import EegLayout, GazeLayout, Screen
from rtemo.core.pipeline import Pipeline
from rtemo.core.settings import PipelineSettings
from rtemo.core.types import Chunk, ClockOffset, Modality, Window
from rtemo.resources import devices
from rtemo.sources.eeg_columns import eeg_layout
from rtemo.sources.gaze_columns import gaze_layout
from rtemo.sources.profile import generic, load_profiles, match


def build(dataset: Dataset, people: str, out: Path, hop_s: float, jobs: int) -> str:
    """Write the corpus to `out` and return one line that says what is in it. people: whose data it is, for the cards.

    Raises RtemoError where `out` is a finished corpus already, or where nothing could be built.
    """
    if (out / MANIFEST).exists():
        raise RtemoError(f"{out} is a finished corpus", "nothing is overwritten", "name another folder")
    settings = PipelineSettings().with_hop(hop_s)
    labels = tuple(sorted(dataset.card.labels, key=dataset.card.labels.__getitem__))
    tasks = (delayed(build_recording)(dataset, entry, settings, labels, out) for entry in dataset.entries)
    finished = Parallel(n_jobs=jobs, return_as="generator")(tasks)
    bar = tqdm(finished, total=len(dataset.entries), desc=f"build {dataset.card.name}", unit="session", disable=None)
    recordings: list[About] = list(bar)
    write_manifest(out, dataset.card.name, settings.to_dict(), labels, _description(dataset, people), recordings)
    windows, dropped = sum(r.n_windows for r in recordings), sum(len(r.dropped) for r in recordings)
    return f"{out}: {len(recordings)} sessions, {windows} windows, {dropped + len(dataset.omissions)} omissions"


def build_recording(
    dataset: Dataset, entry: Entry, settings: PipelineSettings, labels: Sequence[str], out: Path
) -> About:
    """One session's windows into its shard; as it was built before, where nothing that it is made of has changed."""
    identifier, key = f"{entry.subject}_{entry.session}", _key(dataset, entry, settings)
    known = read_recording(out, identifier, key)
    if known is not None:
        return known
    recording = entry.load()
    dropped = [str(omission) for omission in recording.omissions]
    pipeline = Pipeline(settings)
    for stream in recording.streams:
        try:
            pipeline.add_stream(stream.info, layout_of(stream))
        except RtemoError as error:
            dropped.append(f"{stream.modality} left out: {error}")
    kept, codes, trials = [], [], []
    for window in windows_of(recording, pipeline):
        trial = _trial_of(window, recording.trials, settings.window.length_s)
        kept.append(window)
        codes.append(UNLABELLED if trial is None or trial.label is None else labels.index(trial.label))
        trials.append(UNLABELLED if trial is None else trial.number)
    if pipeline.n_skipped:
        dropped.append(f"{pipeline.n_skipped} windows left out: no usable data")
    about = About(
        id=identifier,
        subject=entry.subject,
        session=entry.session,
        dataset=dataset.card.name,
        key=key,
        channels=kept[0].channels if kept else (),
        n_windows=0,
        clips={str(trial.number): trial.clip for trial in recording.trials if trial.clip is not None},
        dropped=tuple(dropped),
        content="",
    )
    return write_recording(out, about, kept, codes, trials) if kept else about


def windows_of(recording: Recording, pipeline: Pipeline) -> Iterator[Window]:
    """Every window of the recording, in order."""
    for item in recording.items():
        if isinstance(item, Chunk | ClockOffset):
            yield from pipeline.push(item)
    yield from pipeline.flush()


def layout_of(stream: Stream) -> EegLayout | GazeLayout:
    """How a live session would read this stream: by its device's profile, or by the generic one of its modality."""
    profiles = load_profiles(devices())
    found = match(stream.info, profiles)
    fits = found is not None and found.profile.kind == stream.modality
    profile = found.profile if found is not None and fits else generic(profiles, stream.modality)
    if stream.modality == Modality.EEG:
        return eeg_layout(stream.info, profile)
    return gaze_layout(stream.info, profile, stream.screen or Screen())


def _trial_of(window: Window, trials: Sequence[Trial], length_s: float) -> Trial | None:
    """The trial that the whole window lies in."""
    begin_s = window.end_s - length_s
    return next((t for t in trials if t.start_s <= begin_s + 1e-6 and window.end_s <= t.stop_s + 1e-6), None)


def _key(dataset: Dataset, entry: Entry, settings: PipelineSettings) -> str:
    """A hash of what a recording is made of: its files by name, size and time of change, its labels' codes, settings.

    Not of the data set's size: a corpus may be built again with more people without building the old ones.
    """
    files = [(path.name, path.stat().st_size, path.stat().st_mtime_ns) for path in entry.files]
    made_of = [dataset.card.name, dict(dataset.card.labels), entry.subject, entry.session, files, settings.to_dict()]
    made_of += dataset.card.faults
    return hashlib.sha256(json.dumps(made_of, sort_keys=True, default=str).encode()).hexdigest()


def _description(dataset: Dataset, people: str) -> Mapping[str, Any]:
    card = dataset.card
    return {
        "people": people,
        "data set": card.title,
        "licence": card.licence,
        "citation": card.citation,
        "notes": list(card.notes),
        "omissions": [str(omission) for omission in dataset.omissions],
    }
