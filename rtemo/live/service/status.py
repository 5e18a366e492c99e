"""The present state of streams, channels and the machine, as the records of a snapshot."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import psutil
from numpy.typing import NDArray

from rtemo.core.channel_map import EegChannelMap
from rtemo.core.eeg.branch import EegBranch
from rtemo.core.eeg.quality import REASONS, ChannelFault
from rtemo.core.pipeline import Pipeline
from rtemo.core.types import Modality, StreamInfo, StreamState
from rtemo.live.engine.announced_streams import AnnouncedStreams
from rtemo.live.service.column_status import columns_of
from rtemo.live.service.snapshot import ChannelStatus, ColumnStatus, Health, StreamStatus
from rtemo.sources.devices.profile import Match, match
from rtemo.sources.lsl import stream_state as lsl_line
from rtemo.sources.session_settings import SessionSettings
from rtemo.sources.stream_roles import StreamRoles

LATENCIES = 600
REMEMBERED = 200


class StreamStatuses:
    """Describes streams. What a description matches is looked up once: it takes milliseconds."""

    def __init__(self) -> None:
        self._matches: dict[StreamInfo, Match | None] = {}
        self._columns: dict[StreamInfo, tuple[SessionSettings, tuple[ColumnStatus, ...]]] = {}

    def statuses(
        self,
        lines: Sequence[lsl_line.LslStreamStatus],
        visible: Sequence[StreamInfo],
        roll: AnnouncedStreams,
        cast: StreamRoles,
        pipeline: Pipeline,
        refused: Mapping[Modality, str],
        *,
        columns: bool = False,
    ) -> dict[str, tuple[StreamInfo, StreamStatus]]:
        """Every stream that is read or visible, by stream_id.

        refused: why a part has nobody. columns: whether to tell what each channel of those in use is taken for.
        """
        measured = {line.info.stream_id: line for line in lines}
        uids = {info.uid for info in (*roll.infos.values(), *(line.info for line in lines)) if info.uid}
        strangers = {info.uid: replace(info, stream_id=info.uid) for info in visible if info.uid not in uids}
        known = {**{line.info.stream_id: line.info for line in lines}, **roll.infos}
        found = {}
        for stream_id, info in {**known, **strangers}.items():
            status = self._described(info, cast, refused)
            if columns and status.role:
                status = replace(status, columns=self._columns_of(info, Modality(status.role), cast))
            if stream_id in known:
                status = _measured(status, measured.get(stream_id), roll, pipeline)
            found[stream_id] = (info, status)
        return found

    def _described(self, info: StreamInfo, cast: StreamRoles, refused: Mapping[Modality, str]) -> StreamStatus:
        """A stream by its description alone."""
        role, fit = cast.role_of(info), self._match(info, cast)
        why = fit.why if fit is not None else ""
        if role is None and fit is not None:
            why = refused.get(fit.profile.kind, why)
        elif role is not None and role in cast.queries:
            why = f"pinned: {cast.queries[role]}"
        return StreamStatus(
            stream_id=info.stream_id,
            name=info.name,
            type=info.type,
            hostname=info.hostname,
            source_id=info.source_id,
            n_channels=info.n_channels,
            channel_format=info.channel_format,
            nominal_hz=info.nominal_rate_hz,
            measured_hz=math.nan,
            age_s=math.nan,
            state=StreamState.WAITING,
            role=role.value if role is not None else "",
            profile=fit.profile.id if fit is not None else "",
            why=why,
            labels=info.labels,
        )

    def _columns_of(self, info: StreamInfo, part: Modality, cast: StreamRoles) -> tuple[ColumnStatus, ...]:
        known = self._columns.get(info)
        if known is None or known[0] is not cast.settings:
            if len(self._columns) >= REMEMBERED:
                self._columns.clear()
            known = self._columns[info] = (cast.settings, columns_of(info, part, cast))
        return known[1]

    def _match(self, info: StreamInfo, cast: StreamRoles) -> Match | None:
        if info not in self._matches:
            if len(self._matches) >= REMEMBERED:
                self._matches.clear()
            self._matches[info] = match(info, cast.profiles)
        return self._matches[info]


def _measured(
    status: StreamStatus, line: lsl_line.LslStreamStatus | None, roll: AnnouncedStreams, pipeline: Pipeline
) -> StreamStatus:
    """The same with what was measured on it."""
    state = roll.states.get(status.stream_id, StreamState.WAITING)
    n_gaps = 0
    if status.role in (Modality.EEG, Modality.GAZE):
        branch = pipeline.branch(Modality(status.role))
        n_gaps = branch.dejitter.n_gaps if branch is not None else 0
    if line is None:
        return replace(status, state=state, n_gaps=n_gaps)
    return replace(
        status,
        state=line.state,
        measured_hz=line.rate_hz,
        age_s=line.age_s,
        n_samples=line.n_samples,
        n_missing=line.n_missing,
        n_returns=line.n_returns,
        n_gaps=n_gaps,
        clock_offset_ms=1e3 * line.offset_s,
        clock_uncertainty_ms=1e3 * line.uncertainty_s,
    )


class ChannelStatuses:
    """The EEG channels with where they lie; it remembers where those lie that are left out now."""

    def __init__(self) -> None:
        self._places: dict[str, tuple[float, float, float]] = {}

    def statuses(self, pipeline: Pipeline, left_out: Sequence[str]) -> tuple[ChannelStatus, ...]:
        branch = pipeline.branch(Modality.EEG)
        if not isinstance(branch, EegBranch):
            return ()
        newest = max(branch.frames, default=None)
        n = len(branch.channel_map.labels)
        faults = branch.frames[newest].fault if newest is not None else np.zeros(n, np.int8)
        return self.described(branch.channel_map, faults, left_out)

    def described(
        self, layout: EegChannelMap, faults: NDArray[np.int8], left_out: Sequence[str]
    ) -> tuple[ChannelStatus, ...]:
        """The channels of a layout with their faults (C,), and those that are left out."""
        found = []
        for label, place, fault in zip(layout.labels, layout.positions.tolist(), faults.tolist(), strict=True):
            self._places[label] = (place[0], place[1], place[2])
            found.append(
                ChannelStatus(label, place[0], place[1], place[2], REASONS[ChannelFault(fault)], excluded=False)
            )
        for label in left_out:
            x, y, z = self._places.get(label, (math.nan, math.nan, math.nan))
            found.append(ChannelStatus(label, x, y, z, "", excluded=True))
        return tuple(found)


class HealthMeter:
    """Counts predictions and asks the system about this process."""

    def __init__(self) -> None:
        self._process = psutil.Process()
        self._latencies: deque[float] = deque(maxlen=LATENCIES)
        self._handling: deque[float] = deque(maxlen=LATENCIES)
        self._n = 0
        self._cpu_percent = self._memory_mb = math.nan

    def count(self, latency_ms: float | None) -> None:
        self._n += 1
        if latency_ms is not None:
            self._latencies.append(latency_ms)

    def count_handling(self, handling_ms: float) -> None:
        """How long it took from the arrival of a window's last sample to its prediction."""
        self._handling.append(handling_ms)

    def measure(self) -> None:
        """Ask the system; not more often than once a second."""
        self._cpu_percent = self._process.cpu_percent()
        self._memory_mb = self._process.memory_info().rss / 1e6

    def health(self, n_forced: int, n_skipped: int) -> Health:
        p50, p99 = _quantiles(self._latencies)
        counts = (self._n, n_forced, n_skipped)
        return Health(p50, p99, *counts, self._cpu_percent, self._memory_mb, *_quantiles(self._handling))


def _quantiles(values: Sequence[float]) -> tuple[float, float]:
    """Median and 99th percentile."""
    if not values:
        return math.nan, math.nan
    p50, p99 = np.percentile(values, (50, 99)).tolist()
    return p50, p99
