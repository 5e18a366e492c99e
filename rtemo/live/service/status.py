"""Status of streams, EEG channels and the engine's process, as records of a snapshot."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

import numpy as np
import psutil
from numpy.typing import NDArray

from rtemo.core.auxiliary.columns import AuxiliaryReader, newest_impedances
from rtemo.core.channel_map import EegChannelMap
from rtemo.core.eeg.branch import EegBranch
from rtemo.core.eeg.quality import REASONS, ChannelFault, ChannelMark
from rtemo.core.pipeline import Pipeline
from rtemo.core.types import Modality, StreamInfo, StreamState
from rtemo.live.service.column_status import columns_of
from rtemo.live.service.snapshot import ChannelStatus, ColumnStatus, Health, StreamStatus
from rtemo.recorder.announced_streams import AnnouncedStreams
from rtemo.sources.devices.profile import Match, match
from rtemo.sources.lsl.stream_state import LslStreamStatus
from rtemo.sources.participant_roles import ParticipantRoles, role_name
from rtemo.sources.participants import OWN_ROLES
from rtemo.sources.session_settings import SessionSettings
from rtemo.sources.stream_roles import StreamRoles

LATENCIES, LATENCY_S = 1200, 30.0  # how many at most, and for how long they count
Timed = deque[tuple[float, float]]
NOTHING_ELSE: Mapping[str, AuxiliaryReader] = MappingProxyType({})
CACHE_SIZE = 200


class StreamStatuses:
    """Makes the status of streams. Profile matches are cached: each takes milliseconds."""

    def __init__(self) -> None:
        self._matches: dict[StreamInfo, Match | None] = {}
        self._columns: dict[StreamInfo, tuple[SessionSettings, tuple[ColumnStatus, ...]]] = {}

    def statuses(
        self,
        read: Sequence[LslStreamStatus],
        visible: Sequence[StreamInfo],
        announced: AnnouncedStreams,
        roles: StreamRoles | ParticipantRoles,
        pipeline: Pipeline | Mapping[str, Pipeline],
        refused: Mapping[str, str],
        auxiliary: Mapping[str, AuxiliaryReader] = NOTHING_ELSE,
        *,
        columns: bool = False,
    ) -> dict[str, tuple[StreamInfo, StreamStatus]]:
        """The status of every stream that is read or visible, by stream_id.

        read: the status of those that are read. pipeline: of each participant, where several may be told apart.
        refused: why a role has no stream, by its name. auxiliary: what reads their sample counters. columns: whether to
        add the use of each channel, for streams with a role.
        """
        each = roles.each if isinstance(roles, ParticipantRoles) else {"": roles}
        pipelines = pipeline if isinstance(pipeline, Mapping) else {"": pipeline}
        measured = {status.info.stream_id: status for status in read}
        uids = {info.uid for info in (*announced.infos.values(), *(status.info for status in read)) if info.uid}
        others = {info.uid: replace(info, stream_id=info.uid) for info in visible if info.uid not in uids}
        known = {**{status.info.stream_id: status.info for status in read}, **announced.infos}
        found = {}
        for stream_id, info in {**known, **others}.items():
            whose = _whose(info, each)
            own = {part: why for part in Modality if (why := _refusal(refused, each, part))}
            status = self._described(info, each[whose], own)
            if whose and status.role in OWN_ROLES:
                status = replace(status, participant=whose)
            if columns and status.role:
                status = replace(status, columns=self._columns_of(info, Modality(status.role), each[whose]))
            if stream_id in known and whose in pipelines:
                status = _measured(status, measured.get(stream_id), announced, pipelines[whose])
            if (reader := auxiliary.get(stream_id)) is not None and (losses := reader.losses) is not None:
                status = replace(status, n_lost=losses.lost + losses.filled, n_twice=losses.twice)
            found[stream_id] = (info, status)
        return found

    def _described(self, info: StreamInfo, roles: StreamRoles, refused: Mapping[Modality, str]) -> StreamStatus:
        """The status of a stream from its description alone."""
        role, fit = roles.role_of(info), self._match(info, roles)
        why = fit.why if fit is not None else ""
        if role is None and fit is not None:
            why = refused.get(fit.profile.kind, why)
        elif role is not None and role in roles.queries:
            why = f"pinned: {roles.queries[role]}"
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
            recorded=role is not None or roles.is_recorded_too(info),
            units=() if role is not None else tuple(channel.unit for channel in info.channels),
        )

    def _columns_of(self, info: StreamInfo, role: Modality, roles: StreamRoles) -> tuple[ColumnStatus, ...]:
        known = self._columns.get(info)
        if known is None or known[0] is not roles.settings:
            if len(self._columns) >= CACHE_SIZE:
                self._columns.clear()
            known = self._columns[info] = (roles.settings, columns_of(info, role, roles))
        return known[1]

    def _match(self, info: StreamInfo, roles: StreamRoles) -> Match | None:
        if info not in self._matches:
            if len(self._matches) >= CACHE_SIZE:
                self._matches.clear()
            self._matches[info] = match(info, roles.profiles)
        return self._matches[info]


def _whose(info: StreamInfo, each: Mapping[str, StreamRoles]) -> str:
    """The participant who has this stream; the first one for what is nobody's own."""
    return next((whose for whose, roles in each.items() if roles.role_of(info) is not None), next(iter(each)))


def _refusal(refused: Mapping[str, str], each: Mapping[str, StreamRoles], part: Modality) -> str:
    """Why a part has no stream, for one of the participants or another."""
    return next((refused[name] for whose in each if (name := role_name(whose, part)) in refused), "")


def _measured(
    status: StreamStatus, read: LslStreamStatus | None, announced: AnnouncedStreams, pipeline: Pipeline
) -> StreamStatus:
    """The status with what was measured on the stream."""
    state = announced.states.get(status.stream_id, StreamState.WAITING)
    dejitter = pipeline.dejitter(Modality(status.role)) if status.role else None
    n_gaps = dejitter.n_gaps if dejitter is not None else 0
    if read is None:
        return replace(status, state=state, n_gaps=n_gaps)
    return replace(
        status,
        state=read.state,
        measured_hz=read.rate_hz,
        age_s=read.age_s,
        n_samples=read.n_samples,
        n_missing=read.n_missing,
        n_returns=read.n_returns,
        n_gaps=n_gaps,
        clock_offset_ms=1e3 * read.offset_s,
        clock_uncertainty_ms=1e3 * read.uncertainty_s,
    )


class ChannelStatuses:
    """Makes the status of the EEG channels; keeps the positions of those that are excluded."""

    def __init__(self) -> None:
        self._positions: dict[str, tuple[float, float, float]] = {}

    def statuses(
        self,
        pipeline: Pipeline,
        left_out: Sequence[str],
        auxiliary: Mapping[str, AuxiliaryReader] = NOTHING_ELSE,
    ) -> tuple[ChannelStatus, ...]:
        branch = pipeline.branch(Modality.EEG)
        if not isinstance(branch, EegBranch):
            return ()
        newest = max(branch.frames, default=None)
        n = len(branch.channel_map.labels)
        faults = branch.frames[newest].fault if newest is not None else np.zeros(n, np.int8)
        marks = {one.label: one.mark for one in branch.marks}
        found = self.described(branch.channel_map, faults, left_out, marks)
        return with_impedances(found, auxiliary)

    def described(
        self,
        layout: EegChannelMap,
        faults: NDArray[np.int8],
        left_out: Sequence[str],
        marks: Mapping[str, ChannelMark] = MappingProxyType({}),
    ) -> tuple[ChannelStatus, ...]:
        """The status of a layout's channels with their faults (C,) and marks, and of those that are excluded."""
        found = []
        for label, place, fault in zip(layout.labels, layout.positions.tolist(), faults.tolist(), strict=True):
            self._positions[label] = (place[0], place[1], place[2])
            mark = marks.get(label, ChannelMark.AUTOMATIC)
            marked = "" if mark is ChannelMark.AUTOMATIC else mark.value
            why = REASONS[ChannelFault(fault)]
            found.append(ChannelStatus(label, place[0], place[1], place[2], why, excluded=False, mark=marked))
        for label in left_out:
            x, y, z = self._positions.get(label, (math.nan, math.nan, math.nan))
            found.append(ChannelStatus(label, x, y, z, "", excluded=True))
        return tuple(found)


def with_impedances(
    channels: tuple[ChannelStatus, ...], auxiliary: Mapping[str, AuxiliaryReader]
) -> tuple[ChannelStatus, ...]:
    """The same with the impedance that the device sent last for each."""
    known = {name.casefold(): one.latest for name, one in newest_impedances(tuple(auxiliary.values())).items()}
    if not known:
        return channels
    return tuple(replace(one, impedance_kohm=known.get(one.label.casefold(), math.nan)) for one in channels)


class HealthMeter:
    """Measures the latency of predictions, and CPU and memory of this process."""

    def __init__(self) -> None:
        self._process = psutil.Process()
        self._latencies: Timed = deque(maxlen=LATENCIES)
        self._handling: Timed = deque(maxlen=LATENCIES)
        self._cpu_percent = self._memory_mb = math.nan

    def add_latency(self, now_s: float, latency_ms: float | None) -> None:
        if latency_ms is not None:
            self._latencies.append((now_s, latency_ms))

    def add_handling(self, now_s: float, handling_ms: float) -> None:
        """Add the time from the arrival of a window's last sample to its prediction."""
        self._handling.append((now_s, handling_ms))

    def measure(self) -> None:
        """Measure CPU and memory; not more often than once a second."""
        self._cpu_percent = self._process.cpu_percent()
        self._memory_mb = self._process.memory_info().rss / 1e6

    def health(self, now_s: float, n_forced: int, n_skipped: int) -> Health:
        """Of the last LATENCY_S: what was late once, as after an engine was started again, is not late now."""
        since_s = now_s - LATENCY_S
        p50, p99 = _quantiles([one for at_s, one in self._latencies if at_s >= since_s])
        handling = _quantiles([one for at_s, one in self._handling if at_s >= since_s])
        return Health(p50, p99, n_forced, n_skipped, self._cpu_percent, self._memory_mb, *handling)


def _quantiles(values: Sequence[float]) -> tuple[float, float]:
    """Median and 99th percentile."""
    if not values:
        return math.nan, math.nan
    p50, p99 = np.percentile(values, (50, 99)).tolist()
    return p50, p99
