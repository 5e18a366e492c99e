"""Build one recording: through the pipeline into its shard on disk.

Nothing is filtered or scaled here; runs in a worker process.
A recording that cannot be used is no error of the build: it comes back as an `Omission`.
"""

from __future__ import annotations

import hashlib
import json
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from offline.corpus import released_features as released
from offline.corpus.copies import PRINTS
from offline.corpus.eeg_signal import SignalKeeper
from offline.corpus.sample_prints import SamplePrinter
from offline.corpus.shard_writer import ShardWriter
from offline.corpus.shards import UNLABELLED, ShardMetadata, read_recording, row_names
from offline.datasets.base import DatasetCard, Entry, Omission, Recording, Stream, Trial
from offline.datasets.feature_sources import CAUSAL, NONE, RELEASED, FeatureSources
from offline.datasets.foreign import reading
from rtemo.core.channel_map import EegChannelMap, GazeChannelMap, Screen
from rtemo.core.eeg.band_power import band_centres
from rtemo.core.eeg.branch import EegBranch
from rtemo.core.errors import RtemoError
from rtemo.core.pipeline import Pipeline, role_of
from rtemo.core.settings import PipelineSettings
from rtemo.core.types import (
    Channel,
    Chunk,
    ClockOffset,
    Item,
    Modality,
    StreamDown,
    StreamInfo,
    StreamNotice,
    StreamUp,
    Window,
)
from rtemo.model.personal.tell_streams import tell_streams
from rtemo.recordings.baseline_file import load_baseline
from rtemo.resources import devices
from rtemo.sources.devices.eeg_columns import eeg_channel_map
from rtemo.sources.devices.gaze_columns import gaze_channel_map
from rtemo.sources.devices.profile import generic, load_profiles, match

_READ_S = 4.0  # seconds of signal a chunk: the windows do not depend on it, the time it takes does
_EDGE_S = 1e-6
_UNKNOWN_HZ = 100.0  # for prints of a stream that states no rate
_EYE_KINDS = ("eye", "gaze")


@dataclass(frozen=True, slots=True)
class Task:
    """What all recordings of a build have in common. root: where the data set lies; None: nowhere. signal: kept too."""

    card: DatasetCard
    labels: tuple[str, ...]
    settings: PipelineSettings
    sources: FeatureSources
    out: Path
    root: Path | None
    signal: bool = False
    rests: bool = True  # whether recorded baselines set the normaliser
    mapping: str = ""  # SHA-256 of the mapping file that makes trials and labels


def build_recording(task: Task, entry: Entry) -> ShardMetadata | Omission:
    """Its shard, or why there is none; as it was built before, where nothing that it is made of has changed."""
    identifier, key = recording_id(entry), _key(task, entry)
    known = read_recording(task.out, identifier, key)
    if known is not None:
        return known
    where = f"{task.card.name} subject {entry.subject} session {entry.session}"
    try:
        with entry.present() if entry.present is not None else nullcontext(entry) as there:
            with reading(there.files[0] if there.files else Path(where)):
                recording = there.load()
            return _build(task, recording, _about(task, entry, identifier, key))
    except RtemoError as error:
        return Omission("recording", where, str(error))


def recording_id(entry: Entry) -> str:
    """The name of its folder: no two sessions share one, and every file system takes it."""
    return f"{quote(entry.subject, safe='')}@{quote(entry.session, safe='')}"


def _about(task: Task, entry: Entry, identifier: str, key: str) -> ShardMetadata:
    name = task.card.name
    return ShardMetadata(identifier, entry.subject, entry.session, name, key, (), 0, {}, (), "")


def _build(task: Task, recording: Recording, about: ShardMetadata) -> ShardMetadata:
    pipeline = Pipeline(task.settings)
    if task.rests and recording.baseline_planned:
        pipeline.plan_baseline()
    if task.rests and recording.saved_baseline is not None:
        pipeline.begin_with(load_baseline(recording.saved_baseline, task.settings, None))
    dropped = [str(o) for o in recording.omissions if task.sources.eye != NONE or o.kind not in _EYE_KINDS]
    streams = _causal_streams(recording, task.sources)
    for stream in streams:
        if stream.follows:
            continue
        try:
            layout = stream.channel_map or channel_map_of(stream.info, stream.modality, stream.screen)
            pipeline.add_stream(stream.info, layout)
        except RtemoError as error:
            dropped.append(str(Omission(stream.modality.value, about.id, str(error))))
    dropped += _announce(pipeline, recording.rests if task.rests else (), about.id)
    for note in recording.stated:
        tell_streams(pipeline, note)
    overlay = _Overlay(recording, task)
    codes = {label: code for code, label in enumerate(task.labels)}
    trials = _Trials(recording.trials)
    channels: tuple[str, ...] = ()
    seen: set[int] = set()  # numbers of trials that have a window
    with ShardWriter(task.out, about) as writer:
        branch = pipeline.branch(Modality.EEG)
        if task.signal and isinstance(branch, EegBranch):
            branch.tap = SignalKeeper(writer.append)
        items = _printed(_read(recording), recording, writer)
        for bare in _windows(items, pipeline, streams) if pipeline.modalities else overlay.bare_windows():
            trial = trials.around(bare.end_s, task.settings.window.length_s)
            window = overlay.on(bare, trials.at(bare.end_s))
            if window.eeg_coverage <= 0.0 and window.gaze_coverage <= 0.0 and not pipeline.modalities:
                continue
            channels = window.channels
            code = UNLABELLED if trial is None or trial.label is None else codes[trial.label]
            writer.add(window, code, UNLABELLED if trial is None else trial.number)
            seen |= {trial.number} if trial is not None else set()
        if not writer.n_windows:
            raise RtemoError("it holds no window", "; ".join(dropped) or "its streams are too short")
        dropped += _without_window(recording.trials, seen, task.settings, about.id)
        for kind, rows in recording.rows.items():
            writer.count(row_names(kind), (rows.read, rows.used, rows.left_out))
        return writer.finish(
            channels=channels,
            clips={str(trial.number): trial.clip for trial in recording.trials if trial.clip is not None},
            targets={str(trial.number): dict(trial.targets) for trial in recording.trials if trial.targets},
            dropped=tuple(dropped),
            notes=(*recording.notes, *_notes(pipeline)),
            files={_name(path, task.root): _digest(path) for path in recording.files},
            baseline=_baseline(pipeline, task.settings),
        )


def _announce(pipeline: Pipeline, rests: Sequence[tuple[float, float]], where: str) -> list[str]:
    """Announce the recorded baselines to the pipeline; the returned ones cannot be used."""
    refused = []
    for begin_s, end_s in rests:
        try:
            pipeline.rest(begin_s, end_s)
        except RtemoError as error:
            refused.append(str(Omission("baseline", where, str(error))))
    return refused


def _without_window(trials: Sequence[Trial], seen: set[int], settings: PipelineSettings, where: str) -> list[str]:
    """One line for each labelled trial that no whole window lies in."""
    length_s, missed = settings.window.length_s, []
    for trial in trials:
        if trial.label is not None and trial.number not in seen:
            why = _why_none(trial.stop_s - trial.start_s, length_s)
            missed.append(str(Omission("trial", f"{where}, trial {trial.number} ({trial.label})", why)))
    return missed


def _why_none(lasts_s: float, length_s: float) -> str:
    data = "" if lasts_s < length_s else ", or there is no data"
    return f"no whole window of {length_s:g} s lies in its {lasts_s:.3g} s{data}; a shorter hop may find one"


def _baseline(pipeline: Pipeline, settings: PipelineSettings) -> str:
    """What set the normaliser."""
    surrogate = f"surrogate: the first {settings.normaliser.baseline_s:g} s of data, whatever was shown"
    return "rest block" if pipeline.baselines() else surrogate


def _causal_streams(recording: Recording, sources: FeatureSources) -> list[Stream]:
    wanted = {Modality.EEG: sources.eeg == CAUSAL, Modality.GAZE: sources.eye == CAUSAL}
    return [stream for stream in recording.streams if wanted[stream.modality]]


class _Overlay:
    """The parts of the windows that do not come from the pipeline."""

    def __init__(self, recording: Recording, task: Task) -> None:
        self._trials, normaliser = recording.trials, task.settings.normaliser
        self._frames = round(task.settings.window.length_s / task.settings.window.frame_s)
        self._bands = len(band_centres(task.settings.eeg))
        self._eye: Mapping[int, released.ReleasedTrial] = {}
        self._eeg: Mapping[int, released.ReleasedTrial] = {}
        self._cap: released.Cap | None = None
        has_gaze = any(stream.modality is Modality.GAZE for stream in recording.streams)
        mode = {RELEASED: "released", CAUSAL: "" if has_gaze else "events"}.get(task.sources.eye, "")
        if mode in recording.eye_windows:
            windows = recording.eye_windows[mode]
            self._eye = released.eye_tables(windows, self._trials, normaliser, core_units=mode == "events")
        if task.sources.eeg == RELEASED:
            if not recording.eeg_windows:
                raise RtemoError("it has no released EEG features", todo="build it with --eeg causal")
            bands = next(iter(recording.eeg_windows.values()))()
            first = next(iter(bands.values()))
            layout = _layout_of_labels(first.channels)
            self._cap = released.Cap(layout.labels, layout.positions, len(first.band_hz))
            self._eeg = released.eeg_tables(bands, layout.columns, self._trials, normaliser)

    def bare_windows(self) -> Iterator[Window]:
        """One empty window for each released one, by its end."""
        for trial in self._trials:
            tables = [table[trial.number] for table in (self._eeg, self._eye) if trial.number in table]
            for k in range(max((len(table.raw) for table in tables), default=0)):
                end_s = trial.start_s + (k + 1) * tables[0].window_s
                yield released.blank(end_s, self._frames, self._bands)

    def on(self, window: Window, trial: Trial | None) -> Window:
        """The window with what the data set released for its place in the trial in which it ends."""
        since_s = 0.0 if trial is None else window.end_s - trial.start_s
        number = None if trial is None else trial.number
        if self._eye:
            window = released.with_eye(window, self._eye.get(number) if number is not None else None, since_s)
        if self._cap is not None:
            table = self._eeg.get(number) if number is not None else None
            window = released.with_eeg(window, table, since_s, self._cap)
        return window


class _Trials:
    """Finds trials by time."""

    def __init__(self, trials: Sequence[Trial]) -> None:
        self._trials = sorted(trials, key=lambda trial: trial.start_s)
        self._starts = [trial.start_s - _EDGE_S for trial in self._trials]

    def at(self, time_s: float) -> Trial | None:
        """The trial that a window that ends at a time ends in."""
        index = bisect_right(self._starts, time_s - 2 * _EDGE_S) - 1
        trial = self._trials[index] if index >= 0 else None
        return trial if trial is not None and time_s <= trial.stop_s + _EDGE_S else None

    def around(self, end_s: float, length_s: float) -> Trial | None:
        """The trial that the whole window lies in."""
        trial = self.at(end_s)
        return trial if trial is not None and trial.start_s <= end_s - length_s + _EDGE_S else None


def windows_of(recording: Recording, pipeline: Pipeline) -> Iterator[Window]:
    """Every window of the recording, in order."""
    return _windows(_read(recording), pipeline, recording.streams)


def _windows(items: Iterable[Item], pipeline: Pipeline, streams: Sequence[Stream]) -> Iterator[Window]:
    """What a pipeline makes of items. streams: those that it uses, and those that take their places, as announced."""
    layouts = {stream.info.stream_id: stream.channel_map for stream in streams}
    for item in items:
        match item:
            case Chunk() | ClockOffset() | StreamNotice():
                yield from pipeline.push(item)
            case StreamUp(info):
                layout = layouts.get(info.stream_id)
                if layout is not None:
                    pipeline.add_stream(info, layout)
                    yield from pipeline.expect(role_of(layout), expected=True)
            case StreamDown(stream_id):
                layout = layouts.get(stream_id)
                if layout is not None:
                    yield from pipeline.expect(role_of(layout), expected=False)
    yield from pipeline.flush()


def _read(recording: Recording) -> Iterator[Item]:
    """The recording's items. RtemoError where a reader fails in any way."""
    items = recording.items(_READ_S)
    where = recording.files[0] if recording.files else Path(recording.dataset)
    while True:
        with reading(where):
            item = next(items, None)
        if item is None:
            return
        yield item


def _printed(items: Iterable[Item], recording: Recording, writer: ShardWriter) -> Iterator[Item]:
    """The items as they are, with the prints of their samples written down: see sample_prints.py."""
    names = {Modality.EEG: PRINTS["EEG"], Modality.GAZE: PRINTS["gaze"]}
    streams = {stream.info.stream_id: stream for stream in recording.streams}
    printers = {name: SamplePrinter(stream.info.nominal_rate_hz or _UNKNOWN_HZ) for name, stream in streams.items()}
    for item in items:
        if isinstance(item, Chunk) and item.stream_id in printers and len(item.values):
            prints = printers[item.stream_id].add(item.values)
            writer.append(names[streams[item.stream_id].modality], prints)
        yield item


def channel_map_of(
    info: StreamInfo, modality: Modality, screen: Screen | None = None
) -> EegChannelMap | GazeChannelMap:
    """How a live session would read this stream: by its device's profile, or by the generic one of its modality."""
    profiles = load_profiles(devices())
    found = match(info, profiles)
    fits = found is not None and found.profile.kind == modality
    profile = found.profile if found is not None and fits else generic(profiles, modality)
    if modality == Modality.EEG:
        return eeg_channel_map(info, profile)
    return gaze_channel_map(info, profile, screen or Screen())


def _layout_of_labels(labels: tuple[str, ...]) -> EegChannelMap:
    """Where released channels lie on the head, as for a stream of these channels."""
    channels = tuple(Channel(label, "EEG", "microvolts") for label in labels)
    info = StreamInfo("released", "released", "EEG", "float32", 0.0, channels)
    return eeg_channel_map(info, generic(load_profiles(devices()), Modality.EEG))


def _notes(pipeline: Pipeline) -> list[str]:
    """What the pipeline found out while it read the recording."""
    notes = []
    for modality in sorted(pipeline.modalities):
        branch = pipeline.branch(modality)
        if branch is None:
            continue
        notes += [f"{modality}: {note}" for note in (*branch.channel_map.notes, *branch.notes)]
        if isinstance(branch, EegBranch):
            notes += [f"channel {label} left out: {why}" for label, why in branch.channel_map.left_out.items()]
        if branch.dejitter.n_gaps:
            notes.append(f"{modality}: {branch.dejitter.n_gaps} gaps")
        if branch.dejitter.n_dropped:
            notes.append(f"{modality}: {branch.dejitter.n_dropped} samples without a usable time")
    if pipeline.n_skipped:
        notes.append(f"{pipeline.n_skipped} holes without any usable signal were skipped")
    return notes


def _name(path: Path, root: Path | None) -> str:
    return path.relative_to(root).as_posix() if root is not None and path.is_relative_to(root) else path.name


def _digest(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise RtemoError(f"{path} cannot be read", str(error), "copy it again") from error


def _size_and_time(path: Path) -> tuple[int, int]:
    """(-1, -1) for a link into nowhere, as git-annex leaves them: loading it says what to do."""
    try:
        found = path.stat()
    except OSError:
        return -1, -1
    return found.st_size, found.st_mtime_ns


def _key(task: Task, entry: Entry) -> str:
    """A hash of what a recording is made of: its files by name, size and time of change, its labels' codes, settings.

    Not of the data set's size: a corpus may be built again with more people without building the old ones.
    """
    files = entry.made_of or [(_name(path, task.root), *_size_and_time(path)) for path in entry.files]
    made_of: list[Any] = [task.card.name, dict(task.card.labels), task.labels, entry.subject, entry.session, files]
    made_of += [task.settings.to_dict(), task.sources.to_dict(), task.rests, *(["signal"] if task.signal else [])]
    made_of += [*task.card.faults, *([f"mapping {task.mapping}"] if task.mapping else [])]
    return hashlib.sha256(json.dumps(made_of, sort_keys=True, default=str).encode()).hexdigest()
