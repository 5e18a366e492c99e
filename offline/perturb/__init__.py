"""Simulate faults in recordings before the pipeline reads them: lost channels, noise, cap shifts, gaze loss.

    perturbed(dataset, "channel-loss", 0.5, seed=3)

is the data set of the same people, sessions and trials whose EEG caps have lost half of their channels. It is built
like any other. Which channel, which moment and which noise follow from the seed, the person and the session, and not
from how the samples are cut into chunks. A fault lasts for the whole session, its baseline too: the normaliser adapts
to what is constant, as it would in a lab. KINDS gives the unit of each severity.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from offline.datasets.base import Dataset, Entry, Recording, Stream
from offline.perturb import cap, eyes, rates, signals
from offline.perturb.change import Change, Maker, WindowChange, eye_windows_kept
from rtemo.core.errors import RtemoError
from rtemo.core.types import Chunk, Item, Modality
from rtemo.simulate.seeds import generator


@dataclass(frozen=True, slots=True)
class PerturbationKind:
    """One kind of fault. unit: of the severity. range: the severities that make sense. levels: those of the curves.

    make: what it does to the samples of a stream of this modality; windows: to eye features that exist only as windows.
    """

    does: str
    unit: str
    modality: Modality
    range: tuple[float, float]
    levels: tuple[float, ...]
    make: Maker
    windows: WindowChange = eye_windows_kept


_EEG, _GAZE = Modality.EEG, Modality.GAZE
KINDS: Mapping[str, PerturbationKind] = {
    "channel-loss": PerturbationKind(
        "lost EEG channels, half of them flat, half with an open input",
        "share of the channels",
        _EEG,
        (0.0, 0.95),
        (0.2, 0.4, 0.6, 0.8),
        signals.channel_loss,
    ),
    "noise": PerturbationKind(
        "broadband noise", "uV rms below 50 Hz", _EEG, (0.0, 1000.0), (5.0, 10.0, 20.0, 40.0), signals.noise
    ),
    "line-50": PerturbationKind(
        "mains hum at 50 Hz with odd harmonics",
        "uV",
        _EEG,
        (0.0, 5000.0),
        (10.0, 40.0, 160.0),
        partial(signals.line, 50.0),
    ),
    "line-60": PerturbationKind(
        "mains hum at 60 Hz with odd harmonics",
        "uV",
        _EEG,
        (0.0, 5000.0),
        (10.0, 40.0, 160.0),
        partial(signals.line, 60.0),
    ),
    "electrode-shift": PerturbationKind(
        "a cap that sits askew", "mm", _EEG, (0.0, 60.0), (5.0, 10.0, 20.0, 30.0), cap.shift
    ),
    "emg": PerturbationKind(
        "bursts of muscle noise, a quarter of the time",
        "uV rms at the muscle",
        _EEG,
        (0.0, 1000.0),
        (10.0, 30.0, 100.0),
        signals.emg,
    ),
    "montage": PerturbationKind(
        "another cap with fewer electrodes", "electrodes", _EEG, (4.0, 128.0), (32.0, 19.0, 8.0, 4.0), cap.montage
    ),
    "rate": PerturbationKind(
        "an amplifier with another rate", "Hz", _EEG, (50.0, 5000.0), (160.0, 128.0, 100.0), rates.rate
    ),
    "gaze-loss": PerturbationKind(
        "the tracker sees no eyes",
        "share of the time",
        _GAZE,
        (0.0, 1.0),
        (0.25, 0.5, 0.75, 1.0),
        eyes.loss,
        eyes.lose_windows,
    ),
    "clock-offset": PerturbationKind(
        "the tracker's clock is late", "s", _GAZE, (-60.0, 60.0), (0.5, 2.0, 8.0), eyes.offset, eyes.shift_windows
    ),
}


def perturbed(dataset: Dataset, kind: str, severity: float, seed: int = 0) -> Dataset:
    """The same people, sessions and trials with this fault. Faults add up: the result can be perturbed again.

    Raises RtemoError where there is no such kind, or the severity is out of its range.
    """
    if kind not in KINDS:
        raise RtemoError(f"there is no perturbation {kind!r}", f"known are {', '.join(KINDS)}")
    low, high = KINDS[kind].range
    if not low <= severity <= high or seed < 0:
        todo = f"use {low:g} to {high:g} {KINDS[kind].unit}, and a seed of 0 or more"
        raise RtemoError(f"cannot perturb with {kind} like this", f"{severity:g}, seed {seed}", todo)
    word = f"{kind}={severity:g} (seed {seed})"
    card = replace(
        dataset.card,
        faults=(*dataset.card.faults, word),
        notes=(*dataset.card.notes, f"perturbed: {KINDS[kind].does}, {severity:g} {KINDS[kind].unit}, seed {seed}"),
    )
    entries = tuple(replace(entry, load=partial(_load, entry, kind, severity, seed)) for entry in dataset.entries)
    return Dataset(card, entries, dataset.omissions)


def parse(text: str) -> tuple[str, float]:
    """("channel-loss", 0.5) of "channel-loss=0.5"; RtemoError for anything else."""
    kind, _, value = text.partition("=")
    try:
        return kind, float(value)
    except ValueError:
        raise RtemoError("a perturbation is KIND=SEVERITY", f"{text!r}", f"kinds are {', '.join(KINDS)}") from None


def _load(entry: Entry, kind: str, severity: float, seed: int) -> Recording:
    recording, about = entry.load(), KINDS[kind]
    key: tuple[int | str, ...] = (seed, kind, entry.subject, entry.session)
    makes = {
        s.info.stream_id: _maker(s, about, severity, key) for s in recording.streams if s.modality == about.modality
    }
    streams = tuple(_changed(s, makes[s.info.stream_id]) if s.info.stream_id in makes else s for s in recording.streams)
    replay = None if recording.replay is None else partial(_items, recording.replay, makes)
    windows = {
        mode: {trial.number: about.windows(found[trial.number], trial, severity, key) for trial in recording.trials
               if trial.number in found}
        for mode, found in recording.eye_windows.items()
    }  # fmt: skip
    return replace(
        recording,
        streams=streams,
        replay=replay,
        eye_windows=windows,
        # EEG features as released cannot be perturbed, and may not stand in for perturbed ones
        eeg_windows={} if about.modality == _EEG else recording.eeg_windows,
        notes=(*recording.notes, f"perturbed: {kind}={severity:g}, seed {seed}"),
    )


def _maker(stream: Stream, about: PerturbationKind, severity: float, key: Sequence[int | str]) -> Callable[[], Change]:
    """A new change, in its first state, at each call."""
    return lambda: about.make(stream, severity, generator(*key, stream.info.stream_id))


def _changed(stream: Stream, make: Callable[[], Change]) -> Stream:
    return replace(stream, info=make().info, chunks=partial(_chunks, stream, make))


def _chunks(stream: Stream, make: Callable[[], Change], block_s: float) -> Iterator[Chunk]:
    change = make()
    return (done for chunk in stream.chunks(block_s) if len(done := change.apply(chunk)))


def _items(replay: Callable[[], Iterator[Item]], makes: Mapping[str, Callable[[], Change]]) -> Iterator[Item]:
    changes = {stream_id: make() for stream_id, make in makes.items()}
    for item in replay():
        if isinstance(item, Chunk) and item.stream_id in changes:
            done = changes[item.stream_id].apply(item)
            if len(done):
                yield done
        else:
            yield item
