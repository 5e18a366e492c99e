from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hostile_documents import TOML_TEXTS, changed, damaged, outcome, refused, toml_bytes
from hypothesis import given
from hypothesis import strategies as st
from scipy.signal import welch

from rtemo.core.errors import RtemoError
from rtemo.core.types import Chunk, ClockOffset, StreamDown, StreamState, StreamUp
from rtemo.simulate.device.faults import KINDS, load_faults, read_fault
from rtemo.simulate.device.sample_faults import SAMPLE_KINDS
from rtemo.simulate.device.transport import STREAM_KINDS
from rtemo.simulate.plan import SimulationPlan
from rtemo.simulate.session import SimulatedSession

PLAN = SimulationPlan.for_duration(5, 12.0, montage_name="standard_1020", eeg_rate_hz=500)
LABELS = list(PLAN.montage.labels)
START, STOP, RATE = 4.0, 7.0, 500
INSIDE = slice(int(START * RATE), int(STOP * RATE))


def fault(kind, **settings):
    return read_fault({"kind": kind, "start_s": START, "duration_s": STOP - START, **settings})


def eeg_with(*faults) -> np.ndarray:
    return SimulatedSession(replace(PLAN, faults=faults)).eeg(0.0, 12.0)


@pytest.fixture(scope="module")
def clean() -> np.ndarray:
    return eeg_with()


def column(label: str) -> int:
    return LABELS.index(label)


EEG_KINDS = sorted(kind for kind in SAMPLE_KINDS if "eeg" in KINDS[kind].streams)


@pytest.mark.parametrize("kind", EEG_KINDS)
def test_a_fault_changes_its_channels_in_its_time_and_nothing_else(kind, clean):
    found = eeg_with(fault(kind, channels=["T7", "Fz"]))
    changed = ~((found == clean) | (np.isnan(found) & np.isnan(clean)))
    assert changed[INSIDE][:, [column("T7"), column("Fz")]].mean() > 0.95
    changed[INSIDE, [column("T7")]] = False
    changed[INSIDE, [column("Fz")]] = False
    assert not changed.any()


def test_line_noise_is_at_its_frequency_and_as_strong_as_asked(clean):
    found = eeg_with(fault("line_noise", amplitude_uv=100.0, frequency_hz=60.0, channels=["Cz"]))[INSIDE, column("Cz")]
    frequencies, power = welch(found, RATE, nperseg=1000)
    assert frequencies[np.argmax(power)] == pytest.approx(60.0, abs=0.5)
    assert (found - clean[INSIDE, column("Cz")]).std() == pytest.approx(100 / np.sqrt(2), rel=0.35)


def test_a_flat_channel_is_constant_and_a_railed_one_at_its_limit():
    found = eeg_with(fault("flat", channels=["Cz"], level_uv=7.0), fault("railed", channels=["Pz"], rail_uv=5000.0))
    assert (found[INSIDE, column("Cz")] == 7.0).all()
    assert (np.abs(found[INSIDE, column("Pz")]) == 5000.0).all()


def test_bridged_channels_are_equal_and_swapped_ones_change_places(clean):
    bridged = eeg_with(fault("bridged", channels=["C3", "Cz"]))[INSIDE]
    swapped = eeg_with(fault("swapped", channels=["C3", "Cz"]))[INSIDE]
    assert np.array_equal(bridged[:, column("C3")], bridged[:, column("Cz")])
    assert np.array_equal(swapped[:, column("C3")], clean[INSIDE, column("Cz")])
    assert np.array_equal(swapped[:, column("Cz")], clean[INSIDE, column("C3")])


def test_pops_jump_and_decay_again_and_again(clean):
    change = (eeg_with(fault("pop", channels=["O1"], amplitude_uv=300.0, decay_s=0.2, every_s=1.0)) - clean)[
        INSIDE, column("O1")
    ]
    assert change[0] == pytest.approx(300.0, rel=0.01)
    assert abs(change[RATE - 1]) < 5.0
    assert change[RATE] == pytest.approx(-300.0, rel=0.01)


def test_a_drift_grows_steadily(clean):
    change = (eeg_with(fault("drift", channels=["O1"], slope_uv_s=50.0)) - clean)[INSIDE, column("O1")]
    assert change[-1] == pytest.approx(150.0, rel=0.01)
    assert np.allclose(np.diff(change), 0.1, atol=0.01)


@pytest.mark.parametrize(("kind", "low", "high"), [("emg", 20, 200), ("loose", 0.5, 60)])
def test_noises_have_their_strength_and_band(kind, low, high, clean):
    found = eeg_with(fault(kind, channels=["O1"], rms_uv=100.0))[INSIDE, column("O1")]
    change = found - (0.3 if kind == "loose" else 1.0) * clean[INSIDE, column("O1")]
    frequencies, power = welch(change, RATE, nperseg=1000)
    assert change.std() == pytest.approx(100.0, rel=0.4)
    assert power[(frequencies >= low) & (frequencies <= high)].sum() > 0.9 * power.sum()


def test_a_wrong_unit_scales_values_and_leaves_the_description_alone(clean):
    wrong = replace(PLAN, faults=(read_fault({"kind": "wrong_unit", "factor": 1e-6}),))
    assert np.allclose(SimulatedSession(wrong).eeg(0.0, 12.0), clean * 1e-6, rtol=1e-5)
    assert SimulatedSession(wrong).streams[0].channels == SimulatedSession(PLAN).streams[0].channels


def test_nan_bursts_take_the_share_that_is_asked_for():
    found = eeg_with(fault("nan", channels=["O1", "O2"], share=0.3))[INSIDE]
    assert np.isnan(found[:, column("O1")]).mean() == pytest.approx(0.3, abs=0.05)


def test_a_number_of_channels_is_chosen_by_the_seed():
    flat = (eeg_with(fault("flat", channels=5))[INSIDE] == 0).all(axis=0)
    again = (eeg_with(fault("flat", channels=5))[INSIDE] == 0).all(axis=0)
    assert flat.sum() == 5
    assert np.array_equal(flat, again)


def test_lost_tracking_is_nan_in_every_gaze_channel_for_its_time():
    session = SimulatedSession(replace(PLAN, faults=(fault("tracking_lost"),)))
    times, values = session.gaze(0.0, 12.0)
    inside = (times >= START) & (times < STOP)
    assert np.isnan(values[inside]).all()
    assert np.isnan(values[~inside]).mean() < 0.3


def items_with(*faults):
    return list(SimulatedSession(replace(PLAN, faults=faults)).items())


def joined(items, stream_id):
    chunks = [item for item in items if isinstance(item, Chunk) and item.stream_id == stream_id]
    return np.concatenate([c.stamps for c in chunks]), np.concatenate([c.values for c in chunks])


def test_a_gap_loses_packets_and_keeps_the_others_stamps(clean):
    items = items_with(fault("gap", stream="eeg", loss_share=0.5, packet_s=0.1))
    stamps, values = joined(items, "eeg")
    rows = np.rint((stamps - 1000.0) * RATE).astype(int)
    lost = np.setdiff1d(np.arange(len(clean)), rows)
    assert np.array_equal(values, clean[rows])
    assert lost.min() >= START * RATE
    assert lost.max() < STOP * RATE
    assert len(lost) / ((STOP - START) * RATE) == pytest.approx(0.5, abs=0.25)
    assert len(lost) % 50 == 0


def test_a_whole_gap_is_silence():
    stamps, _ = joined(items_with(fault("gap", stream="gaze")), "gaze")
    assert np.diff(stamps).max() == pytest.approx(STOP - START + 1 / 120, abs=1e-6)


def test_jitter_makes_stamps_late_but_never_out_of_order(clean):
    stamps, values = joined(items_with(fault("jitter", stream="eeg", sd_s=0.004)), "eeg")
    late = stamps - (1000.0 + np.arange(len(stamps)) / RATE)
    assert np.array_equal(values, clean)
    assert (np.diff(stamps) >= 0).all()
    assert late.min() > -1e-9
    assert late[INSIDE].mean() == pytest.approx(0.008, abs=0.006)
    assert np.abs(np.delete(late, np.r_[INSIDE])).max() < 1e-9


def test_a_drifting_clock_shows_in_stamps_and_in_its_measurements():
    clock = read_fault({"kind": "clock", "stream": "gaze", "offset_s": 100.0, "ppm": 50.0})
    items = items_with(clock)
    stamps, _ = joined(items, "gaze")
    times = np.arange(len(stamps)) / 120
    assert np.allclose(stamps, 1100.0 + times * (1 + 50e-6), rtol=0, atol=1e-9)
    offsets = [item for item in items if isinstance(item, ClockOffset) and item.stream_id == "gaze"]
    for offset, moment in zip(offsets, (0.0, 5.0, 10.0), strict=True):
        assert offset.time_s + offset.offset_s == pytest.approx(1000.0 + moment, abs=1e-9)
    assert joined(items, "eeg")[0][0] == 1000.0


def test_a_lost_stream_goes_and_returns_as_the_same_stream():
    items = items_with(fault("lost", stream="gaze"))
    stamps, _ = joined(items, "gaze")
    assert not ((stamps >= 1000.0 + START) & (stamps < 1000.0 + STOP)).any()
    assert len(stamps) == round((12.0 - (STOP - START)) * 120)
    changes = [item for item in items if isinstance(item, StreamUp | StreamDown)]
    down, up = changes
    assert (down.stream_id, down.state) == ("gaze", StreamState.LOST)
    assert up.info.stream_id == "gaze"
    position = [items.index(change) for change in changes]
    assert all(not (isinstance(i, Chunk) and i.stream_id == "gaze") for i in items[position[0] : position[1]])
    later = items[position[1] + 1 :]
    first = next(item for item in later if getattr(item, "stream_id", "") == "gaze")
    assert isinstance(first, ClockOffset)


def test_a_stream_that_is_lost_for_good_says_so_and_never_returns():
    items = items_with(read_fault({"kind": "lost", "stream": "gaze", "start_s": 6.0}))
    assert [type(item) for item in items if isinstance(item, StreamUp | StreamDown)] == [StreamDown]
    assert joined(items, "gaze")[0].max() < 1006.0


def test_a_stream_that_loses_channels_goes_on_as_another_stream(clean):
    items = items_with(fault("channels_lost", channels=["O1", "O2"]))
    infos = [item.info for item in items if isinstance(item, StreamUp)]
    assert [info.stream_id for info in infos] == ["eeg-2", "eeg"]
    assert infos[0].labels == tuple(label for label in LABELS if label not in ("O1", "O2"))
    _, values = joined(items, "eeg-2")
    kept = [index for index, label in enumerate(LABELS) if label not in ("O1", "O2")]
    assert np.array_equal(values, clean[INSIDE][:, kept])
    assert len(joined(items, "eeg")[0]) + len(values) == len(clean)


def test_a_stream_that_changes_its_rate_goes_on_as_another_stream():
    items = items_with(fault("rate_change", stream="eeg", rate_hz=250.0))
    stamps, _ = joined(items, "eeg-2")
    assert np.allclose(np.diff(stamps), 1 / 250)
    assert len(stamps) == (STOP - START) * 250
    assert next(item.info for item in items if isinstance(item, StreamUp)).nominal_rate_hz == 250.0


def test_every_kind_is_either_of_samples_or_of_streams():
    assert set(KINDS) == SAMPLE_KINDS | STREAM_KINDS
    assert not SAMPLE_KINDS & STREAM_KINDS


def test_a_file_of_faults_reads_back(tmp_path):
    path = tmp_path / "faults.toml"
    path.write_text(
        '[[fault]]\nkind = "flat"\nchannels = ["T7"]\nstart_s = 3\n\n'
        '[[fault]]\nkind = "lost"\nstream = "gaze"\nstart_s = 5.0\nduration_s = 2.5\n',
        encoding="utf-8",
    )
    flat, lost = load_faults(path)
    assert (flat.kind, flat.stream, flat.channels, flat.start_s) == ("flat", "eeg", ("T7",), 3.0)
    assert (lost.stream, lost.stop_s) == ("gaze", 7.5)


@pytest.mark.parametrize(
    "text",
    [
        "this is not TOML",
        "",
        "x = 1",
        "fault = 3",
        "[fault]\nkind = 'flat'",
        "fault = [1, 2]",
        "[[fault]]\nstart_s = 1",
        "[[fault]]\nkind = 'explosion'",
        "[[fault]]\nkind = 3",
        "[[fault]]\nkind = 'flat'\ncolour = 'red'",
        "[[fault]]\nkind = 'flat'\nstream = 'gaze'",
        "[[fault]]\nkind = 'flat'\nstream = 3",
        "[[fault]]\nkind = 'flat'\nstart_s = -1",
        "[[fault]]\nkind = 'flat'\nstart_s = 'soon'",
        "[[fault]]\nkind = 'flat'\nduration_s = 0",
        "[[fault]]\nkind = 'flat'\nstart_s = nan",
        "[[fault]]\nkind = 'flat'\nstart_s = inf",
        "[[fault]]\nkind = 'flat'\nlevel_uv = inf",
        "[[fault]]\nkind = 'flat'\nstart_s = true",
        "[[fault]]\nkind = 'flat'\nchannels = 'T7'",
        "[[fault]]\nkind = 'flat'\nchannels = [1]",
        "[[fault]]\nkind = 'flat'\nchannels = 0",
        "[[fault]]\nkind = 'flat'\nchannels = true",
        "[[fault]]\nkind = 'flat'\nchannels = ['T7', 'T7']",
        "[[fault]]\nkind = 'swapped'\nchannels = ['T7']",
        "[[fault]]\nkind = 'swapped'",
        "[[fault]]\nkind = 'bridged'\nchannels = ['T7']",
        "[[fault]]\nkind = 'lost'\nchannels = ['T7']",
        "[[fault]]\nkind = 'nan'\nshare = 1.5",
        "[[fault]]\nkind = 'line_noise'\nfrequency_hz = 0",
        "[[fault]]\nkind = 'wrong_unit'\nfactor = 'volts'",
    ],
)
def test_a_wrong_file_of_faults_is_refused_with_the_reason(tmp_path, text):
    path = tmp_path / "faults.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(RtemoError, match=";"):
        load_faults(path)


def test_a_missing_file_a_folder_and_bytes_that_are_no_text_are_refused(tmp_path):
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe\x00")
    for path in (tmp_path / "none.toml", tmp_path, tmp_path / "binary.toml"):
        with pytest.raises(RtemoError, match=str(path)):
            load_faults(path)


@pytest.mark.parametrize(
    "impossible",
    [
        {"kind": "flat", "channels": ["Q7"]},
        {"kind": "flat", "channels": 50},
        {"kind": "channels_lost", "channels": 19},
        {"kind": "lost", "stream": "gaze"},
        {"kind": "rate_change", "stream": "eeg", "rate_hz": 333.3},
        {"kind": "rate_change", "stream": "gaze", "rate_hz": 1e6},
        {"kind": "flat", "start_s": 500.0},
    ],
)
def test_faults_that_the_session_cannot_have_are_refused(impossible):
    with pytest.raises(RtemoError, match=";"):
        SimulatedSession(replace(PLAN, faults=(read_fault(impossible),)))


EVERYTHING = {
    "fault": [
        {"kind": "flat", "stream": "eeg", "start_s": 3, "duration_s": 2.5, "channels": ["T7"], "level_uv": 1.0},
        {"kind": "swapped", "channels": 2},
        {"kind": "gap", "stream": "gaze", "loss_share": 0.5, "packet_s": 0.1, "duration_s": float("inf")},
    ]
}


@pytest.fixture(scope="module")
def load(tmp_path_factory):
    path = tmp_path_factory.mktemp("hostile") / "faults.toml"

    def load_text(text):
        path.write_bytes(text)
        return load_faults(path)

    return load_text


def test_a_fault_may_be_endless_and_channels_a_number(load):
    flat, swapped, gap = load(toml_bytes(EVERYTHING))
    assert flat["level_uv"] == 1.0
    assert (swapped.channels, swapped.n_channels) == ((), 2)
    assert gap.duration_s == float("inf")


@pytest.mark.parametrize("text", TOML_TEXTS, ids=range(len(TOML_TEXTS)))
def test_hostile_texts_are_refused(load, text):
    refused(lambda: load(text))


@given(st.one_of(changed(EVERYTHING).map(toml_bytes), damaged(toml_bytes(EVERYTHING))))
def test_changed_files_are_refused_or_read(load, text):
    outcome(lambda: load(text), tuple)
