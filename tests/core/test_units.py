import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtemo.core.units import _line_share, microvolts_per, plausible_scale, spread

RATE = 250


def eeg(n_channels=8, seconds=1.0, size_uv=10.0, seed=0):
    """A 1/f background (n, C) in microvolts."""
    rng = np.random.default_rng(seed)
    n = round(RATE * seconds)
    spectrum = np.fft.rfft(rng.normal(size=(n, n_channels)), axis=0)
    spectrum[1:] /= np.sqrt(np.arange(1, len(spectrum)))[:, None]
    spectrum[0] = 0
    values = np.fft.irfft(spectrum, n, axis=0)
    return values / np.median(np.abs(values)) * size_uv


@pytest.mark.parametrize(
    ("unit", "factor"),
    [
        ("microvolts", 1.0),
        ("Microvolt", 1.0),
        ("uV", 1.0),
        ("uv", 1.0),
        ("u V", 1.0),
        ("\u00b5V", 1.0),
        ("\u03bcV", 1.0),
        ("\u00c2\u00b5V", 1.0),
        ("\u00ce\u00bcV", 1.0),
        ("\u00c3\u201a\u00c2\u00b5V", 1.0),
        ("\ufffdV", 1.0),
        ("\\xb5V", 1.0),
        ("micro volts", 1.0),
        ("micro-Volts", 1.0),
        ("uV (RMS)", 1.0),
        ("[uV]", 1.0),
        ("V", 1e6),
        ("volts", 1e6),
        ("mV", 1e3),
        ("millivolts", 1e3),
        ("nV", 1e-3),
        ("nanovolt", 1e-3),
        ("0.1 uV", 0.1),
        ("0.0488uV", 0.0488),
    ],
)
def test_a_unit_in_any_spelling_gives_its_factor(unit, factor):
    assert microvolts_per(unit) == pytest.approx(factor)


@pytest.mark.parametrize(
    "unit", ["", "counts", "a.u.", "MV", "kOhm", "normalized", "g", "unknown", "code", "uA", "V/m"]
)
def test_what_is_no_unit_of_voltage_has_no_factor(unit):
    assert np.isnan(microvolts_per(unit))


@given(unit=st.text(max_size=12))
def test_any_text_is_a_factor_or_none(unit):
    factor = microvolts_per(unit)

    assert np.isnan(factor) or factor >= 0


@pytest.mark.parametrize("declared", [1e6, 1e3, 1.0, 1e-3])
def test_a_true_unit_is_believed(declared):
    scale, reason = plausible_scale(eeg() / declared, declared)

    assert scale == pytest.approx(np.full(8, declared))
    assert reason is None


@pytest.mark.parametrize(
    ("declared", "true"), [(1.0, 1e6), (1.0, 1e3), (1.0, 1e-3), (1e6, 1.0), (1e3, 1e6), (0.5, 5e5)]
)
def test_a_unit_that_cannot_be_true_is_corrected_with_a_reason(declared, true):
    scale, reason = plausible_scale(eeg() / true, declared)

    assert scale == pytest.approx(np.full(8, true))
    assert "no EEG" in reason


@pytest.mark.parametrize("true", [1e6, 1e3, 1.0, 1e-3])
def test_a_missing_unit_is_told_from_the_amplitudes(true):
    scale, reason = plausible_scale(eeg() / true, np.nan)

    assert scale == pytest.approx(np.full(8, true))
    assert "no unit" in reason


@pytest.mark.parametrize("size_uv", [0.5, 2.0, 10.0, 60.0, 200.0])
def test_quiet_and_loud_eeg_is_microvolts_all_the_same(size_uv):
    assert plausible_scale(eeg(size_uv=size_uv), 1.0)[1] is None
    assert plausible_scale(eeg(size_uv=size_uv), np.nan)[0] == pytest.approx(np.ones(8))


@pytest.mark.parametrize("offset_uv", [4200.0, 40_000.0, -165_000.0])
def test_an_offset_and_a_drift_do_not_mislead(offset_uv):
    drift = np.linspace(0, 3000, RATE)[:, None]

    assert plausible_scale(eeg() + offset_uv + drift, 1.0)[1] is None


def test_flat_and_railed_channels_decide_nothing():
    values = eeg()
    values[:, :4] = 0.0
    values[:, 4] = -187_500.0
    values[:200, 5] = 187_500.0

    assert plausible_scale(values, 1.0)[1] is None
    assert plausible_scale(values * 1e-6, 1.0)[0] == pytest.approx(np.full(8, 1e6))


def test_without_information_the_declared_factors_come_back():
    flat = np.zeros((RATE, 3))

    assert plausible_scale(flat, 1.0) == (pytest.approx(np.ones(3)), None)
    scale, reason = plausible_scale(flat, np.nan)
    assert np.isnan(scale).all()
    assert reason is None


def test_too_few_samples_decide_nothing():
    assert np.isnan(plausible_scale(eeg()[:10] * 1e-6, np.nan)[0]).all()


def test_spikes_and_missing_samples_do_not_change_the_answer():
    values = eeg() * 1e-6
    values[10:20] = np.nan
    values[100, :] = 0.5

    assert plausible_scale(values, 1.0)[0] == pytest.approx(np.full(8, 1e6))


def test_open_electrodes_that_hum_are_not_taken_for_nanovolts():
    hum = 20_000 * np.sin(2 * np.pi * 50 * np.arange(RATE) / RATE)[:, None] * np.linspace(0.5, 1, 8)

    assert plausible_scale(eeg() + hum, 1.0)[1] is None
    assert plausible_scale(eeg() + hum, np.nan)[0] == pytest.approx(np.ones(8))


def test_a_loud_majority_does_not_change_the_unit_of_a_quiet_channel():
    values = eeg(seed=1)
    values[:, :5] = eeg(5, size_uv=5000, seed=2)

    assert plausible_scale(values, 1.0)[1] is None


def test_channels_with_different_units_keep_their_proportions():
    declared = np.array([1.0, 1.0, 1e-3, 1e-3])
    values = eeg(4) / declared

    assert plausible_scale(values, declared)[1] is None
    assert plausible_scale(values * 1e-6, declared)[0] == pytest.approx(declared * 1e6)


def test_channels_without_a_unit_are_filled_beside_others_that_have_one():
    scale, reason = plausible_scale(eeg(4), np.array([1.0, np.nan, 1.0, np.nan]))

    assert scale == pytest.approx(np.ones(4))
    assert "no unit" in reason


def test_the_values_are_left_as_they_are():
    values = eeg()
    before = values.copy()
    plausible_scale(values, np.nan)

    assert np.array_equal(values, before)


def test_integer_values_are_understood():
    values = np.round(eeg() * 1e3).astype(np.int32)

    assert plausible_scale(values, np.nan)[0] == pytest.approx(np.full(8, 1e-3))


def test_the_spread_is_the_median_distance_from_a_line():
    ramp = np.arange(400.0)[:, None]
    wave = np.where(np.arange(400) % 2, 3.0, -3.0)[:, None]

    assert spread(1000 + 7 * ramp + wave) == pytest.approx([3.0])
    assert np.isnan(spread(np.full((400, 1), 5.0)))


def slow_line_share(values):
    """Share of the power in the strongest line and its two neighbours, line by line."""
    n = len(values)
    middle = (n - 1) / 2
    slope = sum((i - middle) * v for i, v in enumerate(values)) / sum((i - middle) ** 2 for i in range(n))
    level = [v - np.mean(values) - slope * (i - middle) for i, v in enumerate(values)]
    tapered = [v * (0.5 - 0.5 * np.cos(2 * np.pi * i / (n - 1))) for i, v in enumerate(level)]
    power = [
        abs(sum(v * np.exp(-2j * np.pi * k * i / n) for i, v in enumerate(tapered))) ** 2 for k in range(n // 2 + 1)
    ]
    peak = power.index(max(power))
    return sum(power[max(peak - 1, 0) : peak + 2]) / sum(power)


@pytest.mark.parametrize("seed", range(4))
def test_the_share_of_the_strongest_line_is_as_defined(seed):
    rng = np.random.default_rng(seed)
    i = np.arange(100)
    bow = 0.02 * (i - 50.0) ** 2 if seed == 1 else 0.0 * i  # no drift, and so it counts
    wave = seed * np.sin(2 * np.pi * (0.0, 1.0, 20.0, 50.0)[seed] * i / 100)
    values = 1000.0 + 3.0 * i + bow + wave + 0.3 * rng.normal(size=100)
    assert _line_share(values) == pytest.approx(slow_line_share(values.tolist()), rel=1e-6)
    values[[3, 70]] = np.nan
    assert _line_share(values) == pytest.approx(slow_line_share(values[np.isfinite(values)].tolist()), rel=1e-6)


@pytest.mark.parametrize("step", [1e-9, 1e-6, 1e-3, 1.0, 1e3, 1e6])
def test_amplitudes_that_no_eeg_has_are_taken_by_a_power_of_a_thousand(step):
    factors, _ = plausible_scale(eeg() / step, 1.0)
    assert factors.tolist() == [step] * 8
