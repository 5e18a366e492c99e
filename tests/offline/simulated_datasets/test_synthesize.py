"""Simulated people in every layout that has a writer: they load, and everything follows from the seed."""

import hashlib

import numpy as np
import pytest
from scipy.io import loadmat

from offline.__main__ import main
from offline.datasets import load
from offline.datasets.seed.eye_columns import seed_v_order_doubt
from offline.datasets.seed.published import SEED_IV_TRIALS, SEED_V_END_S, SEED_V_START_S
from offline.datasets.seed.safe_pickle import load_trials
from offline.datasets.synthetic import Population
from offline.datasets.synthetic import plan_of as synthetic_plan
from offline.simulated_datasets.people import SimulatedPeople, plan_of
from offline.simulated_datasets.seed_people import seed_iv_seconds, seed_v_times
from offline.simulated_datasets.synthesize import synthesize
from rtemo.core.errors import RtemoError
from rtemo.core.gaze.features import GAZE_FEATURES
from rtemo.simulate.confounds import trapped
from rtemo.simulate.plan import Options, PlannedClip, segments_for_clips

NAMES = [feature.name for feature in GAZE_FEATURES]


@pytest.fixture(scope="module")
def seed_iv(tmp_path_factory):
    return synthesize("seed-iv", tmp_path_factory.mktemp("people") / "seed-iv", subjects=1, seed=3, scale=0.01)


@pytest.fixture(scope="module")
def seed_v(tmp_path_factory):
    return synthesize("seed-v", tmp_path_factory.mktemp("people") / "seed-v", subjects=1, scale=0.01)


def test_seed_iv_has_all_parts_and_the_published_trials(seed_iv):
    assert {path.name for path in seed_iv.iterdir()} == {
        ".rtemo-simulated.json", "ReadMe.txt",
        "eeg_raw_data", "eeg_feature_smooth", "eye_raw_data", "eye_feature_smooth",
    }  # fmt: skip
    dataset = load("seed-iv", seed_iv)
    assert dataset.omissions == ()
    codes = dataset.card.labels
    for entry in dataset.entries:
        recording = entry.load()
        assert recording.omissions == ()
        assert [codes[trial.label] for trial in recording.trials] == list(SEED_IV_TRIALS[int(entry.session)])
        assert [t.stop_s - t.start_s for t in recording.trials] == [8.0] * 24
        assert set(recording.eye_windows) == {"released", "events"}


def test_seed_ivs_release_is_smooth_over_windows_constant_over_trials_and_in_its_own_units(seed_iv):
    features = loadmat(seed_iv / "eye_feature_smooth" / "2" / "1_20161125.mat")
    stacked = np.hstack([features[f"eye_{k}"] for k in range(1, 25)])
    assert stacked.shape == (31, 48)
    assert np.isfinite(stacked).all()
    assert all(np.ptp(features[f"eye_{k}"][22:], axis=1).max() == 0 for k in range(1, 25))
    assert 50 < np.median(stacked[0]) < 200  # pupil in pixels
    assert 10 < np.median(stacked[6]) < 30  # entropy in bits
    assert 100 < np.median(stacked[16]) < 1000  # fixations in ms
    assert (stacked[24] >= stacked[16] * 0.5).all()


def test_event_lists_and_released_features_tell_the_same_story(seed_iv):
    recording = load("seed-iv", seed_iv).entries[0].load()
    for name, tolerance in (("fixation_duration_max", 1.0), ("saccade_amplitude_average", 0.01)):
        column = NAMES.index(name)
        released = np.array([w.values[-1, column] for w in recording.eye_windows["released"].values()])
        rebuilt = np.array([w.values[-1, column] for w in recording.eye_windows["events"].values()])
        near = np.abs(released - rebuilt) <= tolerance + 0.3 * np.abs(released)
        assert near.mean() > 0.8


def test_the_lengths_at_full_scale_have_the_published_sums_of_windows():
    seconds = seed_iv_seconds()
    assert {session: sum(s // 4 for s in lengths) for session, lengths in seconds.items()} == {1: 851, 2: 832, 3: 822}
    assert seconds[1][:3] == (168, 95, 199)
    assert len({tuple(lengths) for lengths in seconds.values()}) == 3
    published = {n: list(zip(SEED_V_START_S[n], SEED_V_END_S[n], strict=True)) for n in SEED_V_START_S}
    assert seed_v_times(1.0) == published


def test_seed_v_loads_with_eyes_in_the_inferred_order(seed_v):
    dataset = load("seed-v", seed_v)
    assert [(e.subject, e.session) for e in dataset.entries] == [("1", "1"), ("1", "2"), ("1", "3")]
    recording = dataset.entries[1].load()
    assert recording.omissions == ()
    assert len(recording.eye_windows["released"]) == 15
    data = load_trials(seed_v / "Eye_movement_features" / "1_123.npz", "data")
    assert seed_v_order_doubt(list(data.values())) == ""
    assert recording.eye_windows["released"][1].values[0, NAMES.index("pupil_left_mean")] > 20
    released = recording.eeg_windows["de"]()
    assert {one.values.shape for one in released.values()} == {(2, 62, 5)}
    values = np.concatenate([chunk.values for chunk in recording.items()])
    assert 5 < np.median(np.std(values, axis=0)) < 200


def test_eegeyenet_has_runs_of_both_kinds_and_prepared_epochs(tmp_path):
    out = synthesize("eegeyenet", tmp_path / "net", subjects=1, scale=0.01)
    dataset = load("eegeyenet", out)
    recording = dataset.entries[0].load()
    assert len(recording.trials) == 6
    assert [o.kind for o in recording.omissions] == []
    gaze = np.concatenate([chunk.values for chunk in recording.streams[1].chunks(1.0)])
    assert 0.5 < np.isfinite(gaze[:, 0]).mean() <= 1.0
    assert np.nanmedian(gaze[:, 0]) == pytest.approx(400, abs=250)
    with np.load(out / "data" / "Position_task_with_dots_synchronised_min.npz") as archive:
        assert archive["EEG"].shape[1:] == (500, 129)
        assert len(archive["labels"]) == len(archive["EEG"])


def test_bids_has_two_sessions_of_three_runs_with_both_eyes(tmp_path):
    out = synthesize("bids", tmp_path / "bids", subjects=2, scale=0.01)
    rules = tmp_path / "mapping.toml"
    rules.write_text(
        "[trials]\nlabel_from='session'\nclip_from='task'\n[labels]\n'01'='attentive'\n'02'='distracted'\n"
    )
    dataset = load("bids", out, rules)
    assert [(e.subject, e.session) for e in dataset.entries] == [(s, n) for s in ("01", "02") for n in ("01", "02")]
    recording = dataset.entries[3].load()
    assert [(t.clip, t.label) for t in recording.trials] == [(f"bids/stim0{k}", "distracted") for k in (1, 2, 3)]
    assert recording.omissions == ()
    assert [stream.info.n_channels for stream in recording.streams] == [64, 6]


def digests(folder):
    return {
        str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest() for p in folder.rglob("*") if p.is_file()
    }


def test_the_same_seed_gives_the_same_bytes_and_another_seed_other_samples(tmp_path):
    one, same, other = (
        synthesize("bids", tmp_path / name, subjects=1, seed=seed, scale=0.01)
        for name, seed in (("one", 5), ("same", 5), ("other", 6))
    )
    assert digests(one) == digests(same)
    name = "sub-01/ses-01/eeg/sub-01_ses-01_task-stim01_eeg.eeg"
    assert digests(one)[name] != digests(other)[name]


def test_what_cannot_be_synthesized_is_refused_and_nothing_is_overwritten(tmp_path):
    for name, more, word in (
        ("seed-vii", {}, "no writer for the data set 'seed-vii'; there are seed-iv"),
        ("bids", {"subjects": 0}, "0 subjects"),
        ("bids", {"subjects": 100}, "use 1 to 99"),
        ("bids", {"scale": 0.0}, "scale 0"),
    ):
        with pytest.raises(RtemoError, match=word):
            synthesize(name, tmp_path / "out", **more)
    (tmp_path / "out").mkdir()
    with pytest.raises(RtemoError, match="exists already"):
        synthesize("bids", tmp_path / "out", subjects=1, scale=0.01)
    assert list((tmp_path / "out").iterdir()) == []


def test_the_command_writes_and_says_where_and_refuses_in_one_line(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("TQDM_DISABLE", "1")
    given = ["--quiet", "synthesize", "bids", "--out", str(tmp_path / "out"), "--subjects", "1", "--scale", "0.01"]
    assert main(given) == 0
    assert capsys.readouterr().out == f"{tmp_path / 'out'}\n"
    assert main(given) == 2
    assert capsys.readouterr().err.startswith("error: ")


def test_an_interrupted_run_leaves_no_data_set(tmp_path, monkeypatch):
    from offline.simulated_datasets import viewing_people

    def stop(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(viewing_people.bids, "write_run", stop)
    with pytest.raises(KeyboardInterrupt):
        synthesize("bids", tmp_path / "out", subjects=1, scale=0.01)
    assert not (tmp_path / "out").exists()


def test_traps_reach_the_simulated_people_in_both_forms():
    people = SimulatedPeople(1, effect=0.0, traps=("muscles", "no-ocular-leak"))
    options = plan_of(people, 1, 1, segments_for_clips([PlannedClip(1, "fear", 10.0)])).options
    assert options == Options(effect=0.0, muscle_confound=True, ocular_leak=False)
    population = Population(1, 5, traps=("luminance", "own-stimuli"))
    options = synthetic_plan(population, 5)[0].options
    assert options.luminance_confound
    assert not options.shared_stimulus
    assert not options.muscle_confound
    assert population.person(5) == "sim5-luminance-own-stimuli"
    with pytest.raises(RtemoError, match="no such trap"):
        trapped(Options(), ["hail"])
