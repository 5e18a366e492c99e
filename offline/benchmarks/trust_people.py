"""New simulated people for offline.benchmarks.trust: a day with labelled clips, another day, and faults.

Every person is new (seeds that no training uses), and the families take turns. Each session goes
through the pipeline and the bundle's network once; what is kept of a window is what the decoder reads.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from offline.corpus.build_recording import channel_map_of
from rtemo.core.eeg.quality import QualitySettings
from rtemo.core.pipeline import Pipeline
from rtemo.core.settings import PipelineSettings
from rtemo.core.types import Chunk, ClockOffset, Item, Modality, StreamUp, Window
from rtemo.model.bundle import Bundle
from rtemo.model.embeddings import HEADS, Embeddings
from rtemo.model.runtime import Runtime
from rtemo.recordings.markers import EMOTIONS
from rtemo.simulate.caps import montage
from rtemo.simulate.device.descriptions import EEG, GAZE
from rtemo.simulate.device.faults import Fault
from rtemo.simulate.plan import PlannedClip, SimulationPlan, segments_for_clips
from rtemo.simulate.session import SimulatedSession

FIRST_SEED = 910_000  # of people; training uses seeds below 100 000
CAPS = (("seed62", 500), ("acticap32", 250), ("standard_1020", 250), ("seed62", 1000), ("openbci8", 250))
FAMILIES = ("default", "shifted")
HOP_S = 1.0
CLIP_S, REST_S = 30.0, 4.0
LABELLED, TESTED, OTHER_DAY, FAULTY = 2, 3, 2, 1  # clips of each emotion
BASELINE_S, FAULT_BASELINE_S = 60.0, 40.0
BLIND = QualitySettings(  # no fault is ever found
    flat_uv=0.0, railed_uv=1e9, line_uv=1e9, noisy_uv=1e9, noisy_ratio=1e9, noisy_floor_uv=1e9, bridged_uv=0.0,
    clipped_uv=1e9, pop_uv=1e9, muscle_uv=1e9, frozen_s=1e9, gaze_validity=0.0, gaze_fault_share=2.0,
    pupil_low_mm=-1e9, pupil_high_mm=1e9,
)  # fmt: skip
FROZEN = "gaze frozen"


@dataclass(frozen=True, slots=True)
class BenchSession:
    """One session's windows in order. labels, clips (n,): -1 outside clips; z by head (n, d).

    blind: the same session without the channel checks; None where that is not looked at.
    """

    person: int
    family: str
    kind: str
    windows: tuple[Window, ...]
    z: dict[str, NDArray[np.float32]]
    labels: NDArray[np.int64]
    clips: NDArray[np.int64]
    bounds: tuple[tuple[int, float, float], ...]  # label, begin and end of each clip, LSL time
    blind: BenchSession | None = None

    def steps(self) -> Iterator[tuple[Window, Embeddings]]:
        for i, window in enumerate(self.windows):
            yield window, Embeddings(*(self.z[head][i] for head in HEADS))


def faults(channels: int) -> dict[str, tuple[Fault, ...]]:
    """The kinds of faults, each from the end of the baseline to the end of the session."""
    start, half, some = FAULT_BASELINE_S, max(1, channels // 2), max(1, channels // 4)
    return {
        "none": (),
        "half the channels railed": (Fault("railed", "eeg", start, n_channels=half),),
        "hum on half the channels": (Fault("line_noise", "eeg", start, n_channels=half),),
        "a quarter loose": (Fault("loose", "eeg", start, n_channels=some),),
        "muscle noise everywhere": (Fault("emg", "eeg", start),),
        "cap unplugged": (Fault("lost", "eeg", start),),
        "eyes not found": (Fault("tracking_lost", "gaze", start),),
        FROZEN: (),
        "EEG in the wrong unit": (Fault("wrong_unit", "eeg", start, settings={"factor": 0.2}),),
    }


def person_sessions(bundle: Bundle, number: int, family: str, *, with_faults: bool) -> list[BenchSession]:
    """Everything of one person: the labelled day, another day, and the faults where asked for."""
    seed = FIRST_SEED + number
    run = _PersonRun(bundle, number, family)
    setup = (family, *CAPS[(number // 2) % len(CAPS)])
    day = plan_of_clips(seed, seed, setup, LABELLED + TESTED)
    other = plan_of_clips(seed, seed + 50_000, setup, OTHER_DAY)
    sessions = [run.session("day", day), run.session("other day", other)]
    if with_faults:
        plan = plan_of_clips(seed, seed + 90_000, setup, FAULTY, baseline_s=FAULT_BASELINE_S)
        for kind, these in faults(len(plan.montage.labels)).items():
            sessions.append(run.session(kind, replace(plan, faults=these), without_checks=kind != "none"))
    return sessions


def plan_of_clips(
    seed: int,
    session_seed: int,
    setup: tuple[str, str, int],
    per_emotion: int,
    *,
    clip_s: float = CLIP_S,
    baseline_s: float = BASELINE_S,
    order_key: int = 17,
) -> SimulationPlan:
    """Every emotion per_emotion times, in seeded blocks of all four; films of one's own.

    setup: generator family, cap, sampling rate. order_key: another one draws another order.
    """
    random = np.random.default_rng([session_seed, order_key])
    order = [str(emotion) for _ in range(per_emotion) for emotion in random.permutation(EMOTIONS)]
    clips = [PlannedClip(i, emotion, clip_s) for i, emotion in enumerate(order, start=1)]
    family, cap, rate_hz = setup
    return SimulationPlan(
        person_seed=seed,
        session_seed=session_seed,
        segments=segments_for_clips(clips, baseline_s, REST_S),
        study_seed=session_seed,
        montage=montage(cap),
        eeg_rate_hz=rate_hz,
        family=family,
    )


class _PersonRun:
    """Sends one person's sessions through the pipeline and the network."""

    def __init__(self, bundle: Bundle, person: int, family: str) -> None:
        self._bundle, self._runtime, self._person, self._family = bundle, Runtime(bundle), person, family
        self._settings = bundle.spec.pipeline.with_hop(HOP_S)

    def session(self, kind: str, plan: SimulationPlan, *, without_checks: bool = False) -> BenchSession:
        settings = [self._settings] + ([replace(self._settings, quality=BLIND)] if without_checks else [])
        freeze_s = plan.start_s + FAULT_BASELINE_S if kind == FROZEN else np.inf
        found = windows_of(plan, settings, self._bundle.labels, freeze_s)
        seen, *unseen = (self._described(kind, one) for one in found)
        return replace(seen, blind=unseen[0]) if unseen else seen

    def _described(self, kind: str, made: LabelledWindows) -> BenchSession:
        z = embedded(self._runtime, made.windows)
        windows = tuple(_without_arrays(w) for w in made.windows)
        return BenchSession(self._person, self._family, kind, windows, z, made.labels, made.clips, made.bounds)


@dataclass(frozen=True, slots=True)
class LabelledWindows:
    """A session's windows with labels, clips (n,) and bounds as in BenchSession."""

    windows: tuple[Window, ...]
    labels: NDArray[np.int64]
    clips: NDArray[np.int64]
    bounds: tuple[tuple[int, float, float], ...]


def windows_of(
    plan: SimulationPlan, settings: Sequence[PipelineSettings], names: Sequence[str], freeze_s: float = np.inf
) -> list[LabelledWindows]:
    """One simulated session through a pipeline of each setting. names: labels. freeze_s: the gaze stands still."""
    simulated = SimulatedSession(plan)
    pipelines = [_PipelineFeed(one) for one in settings]
    items = itertools.chain(map(StreamUp, simulated.streams), simulated.items(0.5))
    for item in _with_frozen_gaze(items, freeze_s):
        for feed in pipelines:
            feed.take(item)
    bounds = [(names.index(c.emotion), plan.start_s + c.start_s, plan.start_s + c.stop_s) for c in plan.clips]
    return [
        _labelled(feed.finish(), bounds, one.window.length_s) for feed, one in zip(pipelines, settings, strict=True)
    ]


def _labelled(
    windows: Sequence[Window], bounds: Sequence[tuple[int, float, float]], length_s: float
) -> LabelledWindows:
    labels, clips = np.full(len(windows), -1), np.full(len(windows), -1)
    for i, window in enumerate(windows):
        for number, (label, begin_s, end_s) in enumerate(bounds):
            if begin_s + length_s - 1e-6 <= window.end_s <= end_s + 1e-6:
                labels[i], clips[i] = label, number
    return LabelledWindows(tuple(windows), labels, clips, tuple(bounds))


def embedded(runtime: Runtime, windows: Sequence[Window]) -> dict[str, NDArray[np.float32]]:
    """Embeddings (n, d) by head."""
    parts = []
    for same in _batches_of_same_channels(windows):
        arrays: list[NDArray[Any]] = [
            np.stack([getattr(w, name) for w in same]) for name in ("eeg", "eeg_mask", "positions", "eye", "eye_valid")
        ]
        parts.append(runtime.embed_batch(*arrays))
    return {head: np.concatenate([part[k] for part in parts]) for k, head in enumerate(HEADS)}


class _PipelineFeed:
    """A pipeline that gives up streams which are gone, as the engine does."""

    def __init__(self, settings: PipelineSettings) -> None:
        self._pipeline, self._windows = Pipeline(settings), list[Window]()

    def take(self, item: Item) -> None:
        pipeline = self._pipeline
        if isinstance(item, StreamUp):
            modality = {EEG: Modality.EEG, GAZE: Modality.GAZE}.get(item.info.stream_id)
            if modality is not None and pipeline.branch(modality) is None:
                pipeline.add_stream(item.info, channel_map_of(item.info, modality))
        elif isinstance(item, Chunk | ClockOffset):
            self._windows += pipeline.push(item)
        elif item.stream_id in (EEG, GAZE):
            self._windows += pipeline.expect(Modality.EEG if item.stream_id == EEG else Modality.GAZE, expected=False)

    def finish(self) -> list[Window]:
        return self._windows + self._pipeline.flush()


def _with_frozen_gaze(items: Iterable[Item], from_s: float) -> Iterator[Item]:
    """The items, the eye tracker repeating its last sample from a time on."""
    last = None
    for item in items:
        if isinstance(item, Chunk) and item.stream_id == GAZE and len(item) and item.stamps[0] >= from_s:
            last = item.values[:1] if last is None else last
            yield replace(item, values=np.repeat(last, len(item), axis=0))
        else:
            yield item


def _batches_of_same_channels(windows: Sequence[Window], most: int = 64) -> Iterator[list[Window]]:
    """Consecutive windows with the same channels, cut to batches."""
    batch: list[Window] = []
    for window in windows:
        if batch and (len(batch) == most or window.channels != batch[0].channels):
            yield batch
            batch = []
        batch.append(window)
    if batch:
        yield batch


def _without_arrays(window: Window) -> Window:
    """Without the arrays that only the network reads."""
    nothing = np.zeros((0, 0, 0), np.float32)
    return replace(window, eeg=nothing, eeg_power=nothing, eye_raw=np.zeros(0, np.float32))
