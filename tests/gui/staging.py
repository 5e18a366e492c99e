"""A simulated session as the snapshots that an engine would send: simulation, pipeline, demonstration model.

Used by the window's tests and for its screenshots. No network and no clock: the caller says how far the session is.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from rtemo import resources
from rtemo.commands.from_arguments import load_model
from rtemo.core.types import Chunk, ClockOffset, Modality, StreamState
from rtemo.live.service.snapshot import (
    BundleView,
    ChannelStatus,
    EegBlock,
    GazeBlock,
    GazeEventRecord,
    Health,
    Phase,
    RecorderView,
    Snapshot,
    StreamStatus,
)
from rtemo.simulate.device.faults import Fault
from rtemo.simulate.plan import SimulationPlan
from rtemo.simulate.session import SimulatedSession
from rtemo.sources.devices.profile import load_profiles, match
from rtemo.sources.stream_roles import StreamRoles


class Tap:
    """Passes runs on to the conditioner and keeps what it makes of them."""

    def __init__(self, inner) -> None:
        self.inner, self.blocks = inner, []

    def push(self, run):
        block = self.inner.push(run)
        self.blocks.append(block)
        return block


@dataclass
class StagedSession:
    """Snapshots of one simulated session, step by step."""

    duration_s: float = 60.0
    channels: int = 64
    seed: int = 3
    faults: tuple[Fault, ...] = ()
    eeg_rate_hz: float = 500.0
    step_s: float = 0.1
    annotations: dict[float, str] = field(default_factory=dict)
    subject: str = "P07"

    def snapshots(self):
        """One snapshot every step_s of the session."""
        plan = SimulationPlan.for_duration(
            self.seed, self.duration_s, eeg_channels=self.channels, eeg_rate_hz=self.eeg_rate_hz, faults=self.faults
        )
        session = SimulatedSession(plan)
        bundle, predictor = load_model(None, None)
        profiles = load_profiles(resources.devices())
        stream_roles = StreamRoles(profiles)
        stream_roles.choose(session.streams)
        roles = {}
        for info in session.streams:
            role = stream_roles.role_of(info)
            roles[info.stream_id] = role
            if role != Modality.MARKERS:
                predictor.pipeline.add_stream(info, stream_roles.layout(info, role))
        eeg = predictor.pipeline.branch(Modality.EEG)
        eye = predictor.pipeline.branch(Modality.GAZE)
        eeg._conditioner = tap = Tap(eeg._conditioner)
        view = BundleView(
            "demo",
            bundle.labels,
            "simulated people, a demonstration",
            bundle.fingerprint,
            predictor.pipeline.settings.window.hop_s,
        )
        counts = dict.fromkeys(roles, 0)
        faults: dict[str, str] = {}
        state = Snapshot(0, plan.start_s, Phase.RUNNING, subject=self.subject, started_s=plan.start_s, bundle=view)
        hold = {"predictions": [], "events": [], "gaze": []}
        due = dict(sorted(self.annotations.items()))
        for complete_s, item in [*session.timed_items(self.step_s), (self.duration_s + 1, None)]:
            now = state.time_s - plan.start_s
            if item is None or complete_s > now + self.step_s / 2:
                for at in [t for t in due if t <= now]:
                    hold["events"].append({"time_s": plan.start_s + at, "kind": "annotation", "text": due.pop(at)})
                yield self._take(state, hold, tap, eye, eeg, roles, session, counts, faults, profiles)
                state = replace(state, seq=state.seq + 1, time_s=plan.start_s + complete_s)
            if isinstance(item, Chunk):
                counts[item.stream_id] += len(item)
                if roles[item.stream_id] == Modality.MARKERS:
                    hold["events"] += [
                        {"time_s": float(t), "kind": "marker", "text": str(v[0])}
                        for t, v in zip(item.stamps, item.values, strict=True)
                    ]
            if isinstance(item, Chunk | ClockOffset):
                if isinstance(item, Chunk) and roles[item.stream_id] == Modality.GAZE:
                    hold["gaze"].append(item)
                for prediction in predictor.push(item):
                    record = replace(prediction, latency_ms=3.0).to_dict()
                    hold["predictions"].append(record)
                    window = eeg.frames and eeg.frames[max(eeg.frames)]
                    from rtemo.core.eeg.quality import REASONS
                    from rtemo.core.eeg.quality import ChannelFault as Why

                    faults.clear()
                    if window:
                        faults.update(
                            {
                                n: REASONS[Why(int(f))]
                                for n, f in zip(eeg.channel_map.labels, window.fault, strict=True)
                                if f
                            }
                        )

    def _take(self, state, hold, tap, eye, eeg, roles, session, counts, faults, profiles):
        blocks = [b for b in tap.blocks if len(b.values)]
        block = None
        if blocks:
            times = np.concatenate([(b.first + np.arange(len(b.values))) / 200.0 for b in blocks])
            block = EegBlock(times, np.concatenate([b.values for b in blocks]).astype(np.float32))
            tap.blocks.clear()
        gaze = None
        if hold["gaze"]:
            rows = np.concatenate([c.values for c in hold["gaze"]]).astype(np.float32)
            rows = eye.channel_map.canonical(rows)
            times = np.concatenate([c.stamps for c in hold["gaze"]])
            xy = np.stack([(rows[:, 0] + rows[:, 2]) / 2, (rows[:, 1] + rows[:, 3]) / 2], axis=1)
            gaze = GazeBlock(times, xy.astype(np.float32), rows[:, 4:6].astype(np.float32))
        seen = tuple(
            GazeEventRecord(e.kind.value, e.start_s, e.end_s, e.x, e.y, e.amplitude_deg) for e in eye.take_events()
        )
        streams = tuple(
            StreamStatus(
                stream_id=i.stream_id,
                name=i.name,
                type=i.type,
                hostname=i.hostname,
                source_id=i.source_id,
                n_channels=i.n_channels,
                channel_format=i.channel_format,
                nominal_hz=i.nominal_rate_hz,
                measured_hz=i.nominal_rate_hz * 1.00004,
                age_s=0.021 if i.nominal_rate_hz else 2.4,
                state=StreamState.STREAMING,
                role=str(roles[i.stream_id].value),
                profile="" if match(i, profiles) is None else match(i, profiles).profile.id,
                why="the only stream of its kind",
                n_samples=counts[i.stream_id],
                clock_offset_ms=0.03,
                clock_uncertainty_ms=0.02,
            )
            for i in session.streams
        )
        channels = tuple(
            ChannelStatus(label, float(p[0]), float(p[1]), float(p[2]), faults.get(label, ""), False)
            for label, p in zip(eeg.channel_map.labels, eeg.channel_map.positions, strict=True)
        )
        age = state.time_s - state.started_s
        taken = replace(
            state,
            streams=streams,
            channels=channels,
            eeg=block,
            gaze=gaze,
            gaze_events=seen,
            predictions=tuple(hold["predictions"]),
            events=tuple(hold["events"]),
            recorder=RecorderView("recording.xdf", "recording", "", int(age * 135_000), 212_400_000_000),
            health=Health(3.1, 6.4, 0, 0, 14.0, 268.0),
        )
        for kept in hold.values():
            kept.clear()
        return taken
