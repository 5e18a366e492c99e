"""One pass over a recording without the model: what was wrong with each electrode, and how complete the streams are.

Runs the pipeline that made the predictions, at a hop of one second, so that the reasons are those of the session.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rtemo.core.auxiliary.columns import AuxiliaryReader, newest_impedances
from rtemo.core.eeg.branch import EegBranch
from rtemo.core.eeg.quality import REASONS
from rtemo.core.pipeline import Pipeline
from rtemo.core.settings import PipelineSettings
from rtemo.core.types import Chunk, ClockOffset, Modality, StreamInfo, StreamNotice, StreamUp, Window
from rtemo.model.personal.session_notes import ChannelMarked
from rtemo.recordings.auxiliary_events import auxiliary_reader
from rtemo.recordings.open_recording import OpenRecording
from rtemo.report.further.summary import TraceBins, TraceSummary
from rtemo.report.session_record import ImpedanceSummary, SignalQuality, StreamSummary
from rtemo.sources.participants import OWN_ROLES
from rtemo.sources.stream_choice import is_further
from rtemo.sources.stream_roles import StreamRoles
from rtemo.sources.xdf.source import XdfSource

HOP_S = 1.0
_NAMES = tuple(REASONS.values())


@dataclass(frozen=True, slots=True, eq=False)
class Inspection:
    """What was found. quality: None without EEG. warnings: of the file. begin_s, end_s: LSL time of its samples."""

    quality: SignalQuality | None
    streams: tuple[StreamSummary, ...]
    impedances: tuple[ImpedanceSummary, ...]
    traces: tuple[TraceSummary, ...]
    warnings: tuple[str, ...]
    begin_s: float
    end_s: float


def inspect(recording: OpenRecording, settings: PipelineSettings) -> Inspection:
    """Read a recording once. Raises RtemoError where it cannot be read or its streams do not fit the settings."""
    source, roles = recording.source, recording.roles
    try:
        pipeline = Pipeline(settings.with_hop(HOP_S))
        for _, note in recording.facts.notes:
            if isinstance(note, ChannelMarked):
                pipeline.mark_channel(note.label, note.mark, note.from_s)
        auxiliary: dict[str, AuxiliaryReader] = {}
        for info in recording.opening:
            _use(info, roles, pipeline, auxiliary)
        further: dict[str, TraceBins] = {}
        windows = _windows(source, recording.streams, roles, pipeline, auxiliary, further)
    finally:
        recording.close()
    return Inspection(
        quality=_quality(pipeline, windows),
        streams=tuple(
            _summary(
                info, roles.role_of(info), recording.n_samples(info.stream_id), pipeline, auxiliary.get(info.stream_id)
            )
            for info in recording.streams
        ),
        impedances=_impedances(tuple(auxiliary.values())),
        traces=tuple(one for bins in further.values() for one in bins.summaries()),
        warnings=(*recording.notices, *source.warnings[len(recording.file_warnings) :]),
        begin_s=source.first_s,
        end_s=source.last_s,
    )


def _use(info: StreamInfo, roles: StreamRoles, pipeline: Pipeline, auxiliary: dict[str, AuxiliaryReader]) -> None:
    role = roles.role_of(info)
    if role is not None and role in OWN_ROLES:
        pipeline.add_stream(info, roles.layout(info, role))
    if info.stream_id not in auxiliary and (reader := auxiliary_reader(info, roles)) is not None:
        auxiliary[info.stream_id] = reader


def _windows(
    source: XdfSource,
    streams: Sequence[StreamInfo],
    roles: StreamRoles,
    pipeline: Pipeline,
    auxiliary: dict[str, AuxiliaryReader],
    further: dict[str, TraceBins],
) -> list[tuple[float, dict[str, str]]]:
    """End and bad channels of every window. further: takes what the streams without a role show."""
    found: list[tuple[float, dict[str, str]]] = []
    others = {info.stream_id: info for info in streams if roles.role_of(info) is None and is_further(info)}

    def keep(windows: list[Window]) -> None:
        found.extend((window.end_s, dict(window.bad_channels)) for window in windows)

    while not source.exhausted:
        for timed in source.read_timed():
            item = timed.item
            if isinstance(item, StreamUp):
                _use(item.info, roles, pipeline, auxiliary)
            if isinstance(item, Chunk) and item.stream_id in auxiliary:
                auxiliary[item.stream_id].take(timed.times, item.values)
            if isinstance(item, Chunk) and (info := others.get(item.stream_id)) is not None:
                if item.stream_id not in further:
                    further[item.stream_id] = TraceBins(info, source.first_s, source.last_s)
                further[item.stream_id].take(timed.times, item.values)
            if isinstance(item, Chunk | ClockOffset | StreamNotice):
                keep(pipeline.push(item))
    keep(pipeline.flush())
    return found


def _quality(pipeline: Pipeline, windows: list[tuple[float, dict[str, str]]]) -> SignalQuality | None:
    branch = pipeline.branch(Modality.EEG)
    if not isinstance(branch, EegBranch):
        return None
    columns = {label: k for k, label in enumerate(branch.channel_map.labels)}
    faults = np.zeros((len(windows), len(columns)), np.int8)
    for row, (_, bad) in enumerate(windows):
        for label, reason in bad.items():
            if label in columns and reason in _NAMES:  # the gaze's faults stand beside those of the electrodes
                faults[row, columns[label]] = _NAMES.index(reason)
    times = np.array([end_s for end_s, _ in windows], np.float64)
    return SignalQuality(branch.channel_map.labels, branch.channel_map.positions, times, faults, _NAMES)


def _impedances(readers: Sequence[AuxiliaryReader]) -> tuple[ImpedanceSummary, ...]:
    found = newest_impedances(readers).items()
    return tuple(ImpedanceSummary(electrode, one.first, one.latest, one.highest) for electrode, one in found)


def _summary(
    info: StreamInfo, role: Modality | None, n_samples: int, pipeline: Pipeline, auxiliary: AuxiliaryReader | None
) -> StreamSummary:
    dejitter = pipeline.dejitter(role) if role is not None else None
    rate = dejitter.rate if dejitter is not None else None
    losses = auxiliary.losses if auxiliary is not None else None
    return StreamSummary(
        name=info.name,
        type=info.type,
        role=role.value if role is not None else "",
        n_channels=info.n_channels,
        nominal_hz=info.nominal_rate_hz,
        n_samples=n_samples,
        rate_hz=rate.hz if rate is not None else math.nan,
        n_gaps=dejitter.n_gaps if dejitter is not None else None,
        n_unusable=dejitter.n_dropped if dejitter is not None else None,
        n_lost=losses.lost + losses.filled if losses is not None else None,
        n_twice=losses.twice if losses is not None else None,
    )
