"""Faults of electrodes, skin, mains and muscles: what is added to the EEG, or left of it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.signal import butter, lfilter, sosfilt

from offline.datasets.base import Stream
from offline.perturb.change import Change, Samples, edited, eeg_of
from rtemo.simulate.eeg.anatomy import MUSCLES
from rtemo.simulate.eeg.scalp_eeg import LINE_HARMONICS
from rtemo.simulate.seeds import generator

OPEN_UV, OPEN_HZ = 500.0, 8.0  # an open input: noise of this size up to about here, far above any EEG
OPEN_HUM_UV = 100.0
NOISE_BELOW_HZ = 50.0  # the size of broadband noise is that in the band that the features look at
EMG_HZ = (20.0, 200.0)
BURST_EVERY_S, BURST_S = 4.0, (0.5, 1.5)
BURST_FACTOR = (0.6, 1.4)


def channel_loss(stream: Stream, severity: float, random: np.random.Generator) -> Change:
    """A random share of the channels for the whole session: every other one flat, the others with an open input."""
    layout = eeg_of(stream)
    n_channels = len(layout.columns)
    lost = random.permutation(n_channels)[: round(severity * n_channels)]
    flat, loose = lost[::2], lost[1::2]
    alpha = 1.0 - np.exp(-2.0 * np.pi * OPEN_HZ / _rate(stream))
    size = OPEN_UV / np.sqrt(alpha / (2.0 - alpha))  # the low-pass keeps this share of white noise's power
    state = np.zeros((1, len(loose)))
    strength = np.full(len(loose), OPEN_HUM_UV, np.complex128)

    def edit(stamps: NDArray[np.float64], eeg: Samples) -> Samples:
        nonlocal state
        eeg[:, flat] = 0.0
        white = size * random.standard_normal((len(stamps), len(loose)))
        slow, state = lfilter([alpha], [1.0, alpha - 1.0], white, axis=0, zi=state)
        eeg[:, loose] = slow + hum(stamps, strength, 50.0, _rate(stream))
        return eeg

    return edited(stream, layout, edit)


def noise(stream: Stream, severity: float, random: np.random.Generator) -> Change:
    """White noise, another one in each channel; severity: uV rms of what lies below NOISE_BELOW_HZ."""
    layout = eeg_of(stream)
    size = severity * np.sqrt(_rate(stream) / 2.0 / NOISE_BELOW_HZ)
    return edited(stream, layout, lambda _stamps, eeg: eeg + size * random.standard_normal(eeg.shape))


def line(hz: float, stream: Stream, severity: float, random: np.random.Generator) -> Change:
    """Mains of about this amplitude in uV, another size and phase in each channel."""
    layout = eeg_of(stream)
    n_channels = len(layout.columns)
    spread = 0.3 * random.standard_normal(n_channels) + 0.5j * random.standard_normal(n_channels)
    strength = (severity * np.exp(spread)).astype(np.complex128)
    return edited(stream, layout, lambda stamps, eeg: eeg + hum(stamps, strength, hz, _rate(stream)))


def emg(stream: Stream, severity: float, random: np.random.Generator) -> Change:
    """One burst of 0.5 to 1.5 s in every 4 s, of one muscle of face, temples or neck and often of its twin."""
    layout, rate = eeg_of(stream), _rate(stream)
    field = muscle_field(layout.positions.astype(np.float64))
    sos = butter(2, (EMG_HZ[0], min(EMG_HZ[1], 0.45 * rate)), "bandpass", fs=rate, output="sos")
    kept = (min(EMG_HZ[1], 0.45 * rate) - EMG_HZ[0]) / (rate / 2.0)  # the band's share of white noise's power
    state = np.zeros((len(sos), 2, len(MUSCLES)))
    key = int(random.integers(2**31))

    def edit(stamps: NDArray[np.float64], eeg: Samples) -> Samples:
        nonlocal state
        white = random.standard_normal((len(stamps), len(MUSCLES))) / np.sqrt(kept)
        active, state = sosfilt(sos, white, axis=0, zi=state)
        found: Samples = eeg + (severity * active * bursts(key, stamps)) @ field.T
        return found

    return edited(stream, layout, edit)


def bursts(key: int, stamps: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n, M): how active each muscle is; what happens in an interval of BURST_EVERY_S depends on its number only."""
    found = np.zeros((len(stamps), len(MUSCLES)))
    numbers = np.floor(stamps / BURST_EVERY_S).astype(np.int64)
    for number in np.unique(numbers):
        rng = generator(key, int(number))
        length = rng.uniform(*BURST_S)
        begin = number * BURST_EVERY_S + rng.uniform(0.0, BURST_EVERY_S - length)
        muscle, twin, factor = int(rng.integers(len(MUSCLES))), rng.random() < 0.6, rng.uniform(*BURST_FACTOR)
        phase = np.clip((stamps - begin) / length, 0.0, 1.0)
        for one in {muscle, muscle ^ 1} if twin else {muscle}:  # left and right are neighbours in MUSCLES
            found[:, one] += np.where(numbers == number, factor * np.sin(np.pi * phase), 0.0)
    return found


def muscle_field(positions: NDArray[np.float64]) -> NDArray[np.float64]:
    """(C, M): a Gaussian of the angle between electrode and muscle, as the simulator has it."""
    columns = []
    for centre, spread_deg in MUSCLES.values():
        towards = np.asarray(centre) / np.linalg.norm(centre)
        angle = np.degrees(np.arccos(np.clip(positions @ towards, -1.0, 1.0)))
        columns.append(np.exp(-0.5 * (angle / spread_deg) ** 2))
    return np.column_stack(columns)


def hum(stamps: NDArray[np.float64], strength: NDArray[np.complex128], hz: float, rate_hz: float) -> Samples:
    """(n, C): the mains and its odd harmonics below half the rate, with C complex amplitudes in uV."""
    found = np.zeros((len(stamps), len(strength)))
    for order, share in LINE_HARMONICS.items():
        if order * hz < rate_hz / 2.0:
            wave = np.exp(2j * np.pi * order * hz * stamps)
            found += share * np.real(wave[:, None] * strength[None, :])
    return found


def _rate(stream: Stream) -> float:
    return stream.info.nominal_rate_hz
