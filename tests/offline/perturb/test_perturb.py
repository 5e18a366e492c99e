"""What faults that are put into recordings do to samples and windows, and what the pipeline says about them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from offline.corpus.build_recording import channel_map_of, windows_of
from offline.datasets.base import (
    Dataset,
    DatasetCard,
    Entry,
    EyeWindows,
    Recording,
    Segment,
    Stream,
    Trial,
    segment_chunks,
    slices,
)
from offline.perturb import KINDS, parse, perturbed
from offline.perturb.cap import spline_matrix
from offline.perturb.rates import Resampler
from rtemo.core.errors import RtemoError
from rtemo.core.pipeline import Pipeline
from rtemo.core.settings import PipelineSettings
from rtemo.core.types import Channel, Modality, StreamInfo
from rtemo.simulate.caps import montage
from rtemo.simulate.device.descriptions import EEG, GAZE
from rtemo.simulate.plan import PlannedClip, SimulationPlan, segments_for_clips
from rtemo.simulate.session import SimulatedSession

RATE, START_S, LENGTH_S = 200, 1000.0, 40.0
WINDOWS = EyeWindows(np.arange(330, dtype=np.float32).reshape(10, 33), np.ones((10, 33), bool), 4.0, causal=True)


@pytest.fixture(scope="module")
def person() -> SimulatedSession:
    clips = [PlannedClip(1, "fear", 30.0)]
    plan = SimulationPlan(
        1, 1, segments_for_clips(clips, 8.0, 0.0), 0, montage("acticap32"), RATE, 60.0, start_s=START_S
    )
    return SimulatedSession(plan)


@pytest.fixture(scope="module")
def dataset(person: SimulatedSession) -> Dataset:
    made = {
        EEG: (Modality.EEG, Segment(START_S, RATE, partial(slices, person.eeg(0.0, 38.0)))),
        GAZE: (Modality.GAZE, Segment(START_S, 60.0, partial(slices, person.gaze(0.0, 38.0)[1]))),
    }
    streams = tuple(
        Stream(info, made[info.stream_id][0], partial(segment_chunks, info.stream_id, [made[info.stream_id][1]]))
        for info in person.streams
        if info.stream_id in made
    )
    trial = Trial(1, "film", "fear", START_S + 8.0, START_S + 38.0)
    recording = Recording("made", "ann", "1", (trial,), streams, (), eye_windows={"released": {1: WINDOWS}})
    card = DatasetCard("made", "one simulated person", {"fear": 0}, "", "", "")
    return Dataset(card, (Entry("ann", "1", (), lambda: recording),), ())


def struck(dataset: Dataset, kind: str, severity: float, seed: int = 0) -> Recording:
    return perturbed(dataset, kind, severity, seed).entries[0].load()


def eeg_of(recording: Recording, block_s: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    return values_of(next(s for s in recording.streams if s.modality == Modality.EEG), block_s)


def gaze_of(recording: Recording, block_s: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    return values_of(next(s for s in recording.streams if s.modality == Modality.GAZE), block_s)


def values_of(stream: Stream, block_s: float) -> tuple[np.ndarray, np.ndarray]:
    chunks = list(stream.chunks(block_s))
    return np.concatenate([c.stamps for c in chunks]), np.concatenate([c.values for c in chunks])


def windows(recording: Recording) -> list:
    pipeline = Pipeline(PipelineSettings().with_hop(2.0))
    for stream in recording.streams:
        pipeline.add_stream(stream.info, channel_map_of(stream.info, stream.modality, stream.screen))
    return list(windows_of(recording, pipeline))


def rms(values: np.ndarray) -> np.ndarray:
    return np.sqrt(np.mean(np.square(values), axis=0))


@pytest.mark.parametrize("share", [0.25, 0.5, 0.75])
def test_the_gate_names_every_channel_that_is_lost_and_no_other(dataset: Dataset, share: float):
    last = windows(struck(dataset, "channel-loss", share))[-1]
    clean = windows(dataset.entries[0].load())[-1]

    assert clean.eeg_mask.all()
    assert (~last.eeg_mask).all(axis=0).sum() == round(share * 32)
    assert last.eeg_mask.any(axis=0).sum() == 32 - round(share * 32)
    assert len(last.bad_channels) == round(share * 32)
    assert "flat" in last.bad_channels.values()
    assert "noisy" in last.bad_channels.values()


def test_noise_is_as_large_as_it_was_asked_for(dataset: Dataset):
    clean, noisy = eeg_of(dataset.entries[0].load())[1], eeg_of(struck(dataset, "noise", 10.0))[1]
    assert rms(noisy - clean).mean() == pytest.approx(10.0 * np.sqrt(100.0 / 50.0), rel=0.02)


@pytest.mark.parametrize(("kind", "hz"), [("line-50", 50.0), ("line-60", 60.0)])
def test_line_noise_lies_at_its_frequency(dataset: Dataset, kind: str, hz: float):
    added = eeg_of(struck(dataset, kind, 40.0))[1] - eeg_of(dataset.entries[0].load())[1]
    spectrum = np.abs(np.fft.rfft(added[: 10 * RATE], axis=0)).mean(axis=1)
    assert np.fft.rfftfreq(10 * RATE, 1 / RATE)[spectrum.argmax()] == pytest.approx(hz)
    assert 20.0 < np.median(rms(added)) * np.sqrt(2) < 80.0


def test_strong_line_noise_is_gated(dataset: Dataset):
    last = windows(struck(dataset, "line-50", 1000.0))[-1]
    assert "line noise" in last.bad_channels.values()


def test_emg_comes_in_bursts_near_the_muscles(dataset: Dataset):
    recording = struck(dataset, "emg", 100.0)
    layout = channel_map_of(recording.streams[0].info, Modality.EEG)
    added = eeg_of(recording)[1] - eeg_of(dataset.entries[0].load())[1]
    loud = rms(added)
    quiet = np.abs(added).max(axis=1) < 1.0
    assert loud[layout.labels.index("FT9")] > 3 * loud[layout.labels.index("Cz")]
    assert 0.4 < quiet.mean() < 0.95


def test_an_electrode_shift_changes_more_the_farther_it_goes_and_nothing_at_zero(dataset: Dataset):
    clean = eeg_of(dataset.entries[0].load())[1]
    changes = [rms(eeg_of(struck(dataset, "electrode-shift", mm))[1] - clean).mean() for mm in (0.0, 5.0, 15.0, 30.0)]
    assert changes[0] == pytest.approx(0.0, abs=1e-4)
    assert changes == sorted(changes)
    assert changes[-1] > 2 * changes[1] > 0.5


def test_a_shifted_cap_picks_up_what_its_electrodes_would_have_seen(dataset: Dataset):
    """A smooth field on the head, read at positions turned by the shift, is what the splines estimate."""
    positions = channel_map_of(dataset.entries[0].load().streams[0].info, Modality.EEG).positions.astype(float)
    angle = 15.0 / 90.0
    turn = np.array([[1, 0, 0], [0, np.cos(angle), -np.sin(angle)], [0, np.sin(angle), np.cos(angle)]])
    moved = positions @ turn.T

    def field(at: np.ndarray) -> np.ndarray:
        return at[:, 0] * at[:, 1] + 0.5 * at[:, 2] ** 2 - at[:, 1]

    estimate = spline_matrix(positions, moved) @ field(positions)
    assert np.abs(estimate - field(moved)).max() < 0.1 * np.ptp(field(positions))


def test_another_montage_keeps_the_nearest_electrodes_and_only_those(dataset: Dataset):
    recording = struck(dataset, "montage", 8)
    layout = channel_map_of(recording.streams[0].info, Modality.EEG)
    assert len(layout.labels) == 8
    assert {"Fp1", "Fp2", "C3", "C4", "O1", "O2"} <= set(layout.labels)
    assert windows(recording)[-1].eeg.shape[1] == 8
    assert len(channel_map_of(struck(dataset, "montage", 64).streams[0].info, Modality.EEG).labels) == 32


def test_another_rate_gives_the_same_signal_below_its_nyquist_frequency():
    old, new = np.arange(0, 20.0, 1 / 200), 128.0
    wave = np.stack([np.sin(2 * np.pi * 10 * old), np.sin(2 * np.pi * 90 * old)], axis=1).astype(np.float32)
    times, found = Resampler(200.0, new)(old + 1000.0, wave)
    expected = np.sin(2 * np.pi * 10 * (times - 1000.0))
    assert np.allclose(np.diff(times), 1 / new)
    assert np.abs(found[:, 0] - expected).max() < 0.01
    assert np.abs(found[:, 1]).max() < 0.02


def test_another_rate_begins_anew_after_a_gap():
    old = np.concatenate([np.arange(0, 5.0, 1 / 200), np.arange(30.0, 35.0, 1 / 200)])
    times, found = Resampler(200.0, 100.0)(old, np.ones((len(old), 1), np.float32))
    assert not ((times > 5.0) & (times < 30.0)).any()
    assert (times > 30.0).sum() == pytest.approx(500, abs=30)
    assert np.allclose(found, 1.0)


def test_another_rate_shows_in_the_description_and_windows_come_nevertheless(dataset: Dataset):
    recording = struck(dataset, "rate", 128.0)
    assert recording.streams[0].info.nominal_rate_hz == 128.0
    found, clean = windows(recording), windows(dataset.entries[0].load())
    assert abs(len(found) - len(clean)) <= 1
    powers = {w.end_s: w.eeg_power[..., :10] for w in clean}
    assert np.nanmedian([np.abs(w.eeg_power[..., :10] - powers[w.end_s]) for w in found if w.end_s in powers]) < 0.1


@pytest.mark.parametrize("share", [0.0, 0.25, 1.0])
def test_gaze_is_lost_for_its_share_of_the_time(dataset: Dataset, share: float):
    clean, found = gaze_of(dataset.entries[0].load())[1], gaze_of(struck(dataset, "gaze-loss", share))[1]
    seen = ~np.isnan(clean[:, 0])
    assert np.isnan(found[seen][:, 0]).mean() == pytest.approx(share, abs=0.12)
    assert np.isnan(found).all() == (share == 1.0)


def test_without_eyes_the_windows_have_no_valid_eye_feature(dataset: Dataset):
    assert not any(w.eye_valid.any() for w in windows(struck(dataset, "gaze-loss", 1.0)))
    released = struck(dataset, "gaze-loss", 1.0).eye_windows["released"][1]
    assert not released.valid.any()
    assert np.isnan(released.values).all()


def test_released_eye_windows_are_lost_in_their_share(dataset: Dataset):
    lost = [1.0 - struck(dataset, "gaze-loss", 0.5, seed).eye_windows["released"][1].valid.mean() for seed in range(12)]
    assert np.mean(lost) == pytest.approx(0.5, abs=0.12)


def test_a_clock_offset_moves_gaze_against_eeg(dataset: Dataset):
    clean = dataset.entries[0].load()
    late = struck(dataset, "clock-offset", 2.0)
    assert np.allclose(gaze_of(late)[0] - gaze_of(clean)[0], 2.0)
    assert np.array_equal(eeg_of(late)[0], eeg_of(clean)[0])
    released = struck(dataset, "clock-offset", 8.0).eye_windows["released"][1]
    assert np.array_equal(released.values[2:], WINDOWS.values[:-2])
    assert not released.valid[:2].any()
    assert np.array_equal(late.eye_windows["released"][1].values, WINDOWS.values)  # half a window: to even


@pytest.mark.parametrize("kind", KINDS)
def test_a_perturbation_does_not_depend_on_how_samples_are_cut(dataset: Dataset, kind: str):
    recording = struck(dataset, kind, KINDS[kind].levels[0])
    read = gaze_of if KINDS[kind].modality == Modality.GAZE else eeg_of
    (stamps, values), (other_stamps, other_values) = read(recording, 1.0), read(recording, 0.13)
    assert np.allclose(stamps, other_stamps, atol=1e-9)
    assert np.allclose(values, other_values, rtol=1e-4, atol=1e-3, equal_nan=True)


@pytest.mark.parametrize("kind", sorted(set(KINDS) - {"montage", "rate", "clock-offset"}))
def test_a_perturbation_follows_from_its_seed(dataset: Dataset, kind: str):
    read = gaze_of if KINDS[kind].modality == Modality.GAZE else eeg_of
    one, again, other = (read(struck(dataset, kind, KINDS[kind].levels[0], seed))[1] for seed in (0, 0, 1))
    assert np.array_equal(one, again, equal_nan=True)
    assert not np.array_equal(one, other, equal_nan=True)


def test_people_and_trials_stay_and_the_card_tells(dataset: Dataset):
    both = perturbed(perturbed(dataset, "channel-loss", 0.5), "emg", 30.0)
    assert both.card.faults == ("channel-loss=0.5 (seed 0)", "emg=30 (seed 0)")
    assert both.entries[0].subject == "ann"
    assert both.entries[0].load().trials == dataset.entries[0].load().trials
    assert any("lost EEG channels" in note for note in both.card.notes)


def test_a_recording_that_replays_its_own_items_is_perturbed_too(person: SimulatedSession, dataset: Dataset):
    plain = dataset.entries[0].load()

    def replay() -> Iterator:
        yield from person.items(1.0)

    entry = replace(dataset.entries[0], load=lambda: replace(plain, replay=replay))
    recording = struck(replace(dataset, entries=(entry,)), "channel-loss", 0.5)
    assert len(windows(recording)[-1].bad_channels) == 16


@pytest.mark.parametrize(("kind", "severity"), [("hail", 1.0), ("channel-loss", 1.5), ("rate", 1.0), ("noise", -1.0)])
def test_impossible_perturbations_are_refused(dataset: Dataset, kind: str, severity: float):
    with pytest.raises(RtemoError):
        perturbed(dataset, kind, severity)


def test_a_perturbation_is_read_from_the_command_line():
    assert parse("channel-loss=0.5") == ("channel-loss", 0.5)
    with pytest.raises(RtemoError, match="KIND=SEVERITY"):
        parse("channel-loss")


def test_a_stream_of_unknown_unit_is_perturbed_as_microvolts():
    info = StreamInfo("x", "x", "EEG", "float32", 200.0, tuple(Channel(n, "EEG") for n in ("C3", "C4", "O1", "O2")))
    stream = Stream(info, Modality.EEG, lambda b: segment_chunks(
        "x", [Segment(0.0, 200.0, partial(slices, np.zeros((400, 4), np.float32)))], b))  # fmt: skip
    recording = Recording("made", "bob", "1", (), (stream,), ())
    card = DatasetCard("made", "nobody", {}, "", "", "")
    found = struck(Dataset(card, (Entry("bob", "1", (), lambda: recording),), ()), "noise", 10.0)
    assert rms(eeg_of(found)[1]).mean() == pytest.approx(14.1, rel=0.1)
