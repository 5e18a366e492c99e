import gzip
import json

import edfio
import numpy as np
import pytest
from scipy.io import savemat

from offline.datasets.bids import dataset as bids
from offline.simulated_datasets.bids import Eye, RunName, write_dataset, write_run
from rtemo.core.channel_map import Screen
from rtemo.core.errors import RtemoError
from rtemo.resources import devices
from rtemo.sources.devices.profile import eeg_channel_map, gaze_channel_map, load_profiles, match

LABELS = ("Fp1", "Fp2", "Cz", "O1", "O2")
SCREEN = Screen(1024, 768, 386.0, 290.0, 600.0)
RATE = 250.0


def eyes(rng, n=300, start_s=-0.5, sides=("left", "right")):
    times = start_s + np.arange(n) / 120.0
    made = []
    for side in sides:
        values = np.column_stack([rng.uniform(0, 1024, n), rng.uniform(0, 768, n), rng.uniform(2, 5, n)])
        values[7] = np.nan
        made.append(Eye(side, 120.0, times, values))
    return made


def eeg(rng, seconds=3):
    return rng.normal(0, 30, (int(seconds * RATE), len(LABELS)))


def write(root, rng, subject="01", session="01", task="stim01", **more):
    samples = eeg(rng)
    given = {"events": [{"onset": 0.0, "duration": 2.0, "trial_type": "go"}], "eyes": eyes(rng), "screen": SCREEN}
    write_run(root, RunName(subject, task, session), samples, LABELS, RATE, **(given | more))
    return samples


@pytest.fixture
def folder(tmp_path):
    write_dataset(tmp_path, "A test", ["01"])
    return tmp_path


def load_one(root, mapping=None):
    return bids.load(root, mapping).entries[0].load()


def joined(stream, block_s=0.4):
    chunks = list(stream.chunks(block_s))
    return np.concatenate([c.stamps for c in chunks]), np.concatenate([c.values for c in chunks])


def mapping(tmp_path, text):
    path = tmp_path / "mapping.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_run_comes_back_as_eeg_and_both_eyes_on_one_clock(folder, rng):
    samples = write(folder, rng)
    recording = load_one(folder)
    eeg_stream, gaze = recording.streams
    stamps, values = joined(eeg_stream)
    start = recording.trials[0].start_s
    assert np.allclose(values, samples, rtol=1e-6, atol=1e-4)
    assert np.array_equal(stamps, start + np.arange(len(samples)) / RATE)
    gaze_stamps, seen = joined(gaze)
    assert gaze_stamps[0] == pytest.approx(start - 0.5)
    assert np.allclose(np.diff(gaze_stamps), 1 / 120, atol=2e-6)
    assert seen.shape == (300, 6)
    assert np.isnan(seen[7]).all()
    assert gaze.screen == SCREEN
    assert recording.omissions == ()
    assert bids.load(folder).card.title == "A test"


def test_the_streams_are_understood_by_the_generic_profiles(folder, rng):
    write(folder, rng)
    profiles = load_profiles(devices())
    eeg_stream, gaze = load_one(folder).streams
    assert match(eeg_stream.info, profiles).profile.id == "generic-eeg"
    assert match(gaze.info, profiles).profile.id == "generic-gaze"
    assert eeg_channel_map(eeg_stream.info, match(eeg_stream.info, profiles).profile).labels == LABELS
    layout = gaze_channel_map(gaze.info, match(gaze.info, profiles).profile, gaze.screen)
    raw = joined(gaze)[1]
    canonical = layout.canonical(raw)
    assert np.allclose(canonical[0, :4], raw[0, [0, 1, 3, 4]] / [1024, 768, 1024, 768])
    assert np.allclose(canonical[0, 4:], raw[0, [2, 5]])
    assert layout.pupil_unit == "mm"


def test_items_come_in_the_order_of_arrival(folder, rng):
    write(folder, rng)
    ends = [chunk.stamps[-1] for chunk in load_one(folder).items(0.25)]
    assert ends == sorted(ends)


def test_runs_of_a_session_follow_each_other_in_the_order_of_the_scans_table(folder, rng):
    for task in ("stim02", "stim10", "stim01"):
        write(folder, rng, task=task)
    assert [t.stop_s - t.start_s for t in load_one(folder).trials] == pytest.approx([3.0] * 3)
    order = ["stim10", "stim01", "stim02"]
    rows = [
        f"eeg/{RunName('01', task, '01').file('eeg', '.vhdr')}\t2020-01-01T0{k}:00:00" for k, task in enumerate(order)
    ]
    scans = folder / "sub-01" / "ses-01" / "sub-01_ses-01_scans.tsv"
    scans.write_text("filename\tacq_time\n" + "\n".join(rows) + "\n")
    rules = mapping(folder, "[trials]\nclip_from = 'task'\n")
    recording = load_one(folder, rules)
    assert [trial.clip for trial in recording.trials] == [f"bids/{task}" for task in order]
    starts = [trial.start_s for trial in recording.trials]
    assert min(np.diff(starts)) > 20


def test_labels_can_come_from_the_session_and_clips_from_the_task_as_in_bbbd(folder, rng):
    for session in ("02", "01"):
        write(folder, rng, session=session)
    rules = mapping(
        folder,
        "[trials]\nlabel_from='session'\nclip_from='task'\n[labels]\n'01'='attentive'\n'02'='distracted'\n",
    )
    dataset = bids.load(folder, rules)
    assert [(e.subject, e.session) for e in dataset.entries] == [("01", "01"), ("01", "02")]
    assert [e.load().trials[0].label for e in dataset.entries] == ["attentive", "distracted"]
    assert dataset.entries[0].load().trials[0].clip == dataset.entries[1].load().trials[0].clip == "bids/stim01"
    assert dataset.card.labels == {"attentive": 0, "distracted": 1}


def test_trials_can_come_from_events_with_durations_or_from_start_and_end_events(folder, rng):
    rows = [
        {"onset": 0.5, "duration": 1.0, "trial_type": "happy", "event": "start"},
        {"onset": 1.5, "duration": 0.0, "trial_type": "n/a", "event": "end"},
        {"onset": "n/a", "duration": 0.0, "trial_type": "happy", "event": "start"},
    ]
    write(folder, rng, events=rows)
    by_type = mapping(folder, "[trials]\nstart='(?P<label>happy|sad)'\n[labels]\nhappy='happy'\n")
    found = load_one(folder, by_type).trials
    assert [(t.label, t.stop_s - t.start_s) for t in found] == [("happy", 1.0)]
    by_event = mapping(folder, "[trials]\ncolumn='event'\nstart='start'\nstop='end'\nclip_from='task'\n")
    found = load_one(folder, by_event).trials
    assert [(t.clip, t.stop_s - t.start_s) for t in found] == [("bids/stim01", 1.0)]


def test_a_word_that_is_not_in_the_mapping_leaves_the_trial_out(folder, rng):
    write(folder, rng, session="07")
    recording = load_one(folder, mapping(folder, "[trials]\nlabel_from='session'\n[labels]\n'01'='attentive'\n"))
    assert recording.trials == ()
    assert "its label '07' is not in the mapping file" in recording.omissions[0].why


def test_a_side_car_higher_up_holds_for_all_below_and_the_nearer_one_wins(folder, rng):
    write(folder, rng, eyes=eyes(rng, sides=("left",)))
    near = folder / "sub-01" / "ses-01" / "eeg" / "sub-01_ses-01_task-stim01_recording-eye1_physio.json"
    about = json.loads(near.read_text())
    near.write_text(json.dumps({"RecordedEye": about.pop("RecordedEye")}))
    (folder / "recording-eye1_physio.json").write_text(json.dumps(about | {"RecordedEye": "right"}))
    recording = load_one(folder)
    assert [c.eye for c in recording.streams[1].info.channels] == ["left"] * 3


def test_bbbds_own_way_is_read_with_a_screen_from_the_mapping(folder, rng):
    write(folder, rng, eyes=())
    beh = folder / "sub-01" / "ses-01" / "beh"
    beh.mkdir()
    rows = [f"{k / 128:.7f}\t{k}\t{k + 1}\t0.1\t0.2\t{4000 + k}\t1\t2\t3" for k in range(200)]
    (beh / "sub-01_ses-01_task-stim01_physio.tsv.gz").write_bytes(gzip.compress("\n".join(rows).encode()))
    columns = [
        "timestamp",
        "x_coordinate",
        "y_coordinate",
        "visual_angle_x",
        "visual_angle_y",
        "pupil_size",
        "head_x",
        "head_y",
        "head_z",
    ]
    about = {
        "SamplingFrequency": 128,
        "StartTime": 0,
        "PhysioType": "eyetrack",
        "RecordedEye": "left",
        "SampleCoordinateUnits": "pixels",
        "SampleCoordinateSystem": "gaze-on-screen",
        "Columns": columns,
        "timestamp": {"Units": "s"},
        "pupil_size": {"Description": "pupil size in pixel area", "Units": "camera sensor pixels"},
    }
    (folder / "task-stim01_physio.json").write_text(json.dumps(about))
    events = folder / "sub-01" / "ses-01" / "eeg" / "sub-01_ses-01_task-stim01_events.json"
    events.write_text("{}")
    assert "give [screen] in the mapping file" in load_one(folder).omissions[0].why
    gaze = load_one(folder, mapping(folder, "[screen]\nwidth_px = 1920\n")).streams[1]
    assert gaze.screen.width_px == 1920
    assert [c.label for c in gaze.info.channels] == ["gaze_x_left", "gaze_y_left", "pupil_area_left"]
    stamps, values = joined(gaze)
    assert np.allclose(np.diff(stamps), 1 / 128, atol=1e-6)
    assert values[3].tolist() == [3, 4, 4003]


def physio(folder):
    return folder / "sub-01" / "ses-01" / "eeg" / "sub-01_ses-01_task-stim01_recording-eye1_physio.tsv.gz"


def change(path, **more):
    path.write_text(json.dumps(json.loads(path.read_text()) | more))


@pytest.mark.parametrize("units", ["s", "", "parsec"])
def test_timestamps_whose_unit_does_not_fit_the_rate_are_taken_in_the_unit_that_does(folder, rng, units):
    lead = eyes(rng, sides=("left",))[0]
    kept = np.r_[0:100, 160:300]
    write(folder, rng, eyes=[Eye("left", 120.0, lead.times_s[kept], lead.values[kept])])
    change(physio(folder).with_name(physio(folder).name.replace(".tsv.gz", ".json")), timestamp={"Units": units})
    recording = load_one(folder)
    stamps, _ = joined(recording.streams[1])
    assert np.allclose(stamps - recording.trials[0].start_s, lead.times_s[kept], atol=2e-6)
    assert any("are taken as ms, which gives the side-car's 120 Hz" in note for note in recording.notes)


def test_timestamps_keep_the_place_of_lost_samples(folder, rng):
    lead = eyes(rng, sides=("left",))[0]
    kept = np.r_[0:100, 160:300]
    write(folder, rng, eyes=[Eye("left", 120.0, lead.times_s[kept], lead.values[kept])])
    stamps, _ = joined(load_one(folder).streams[1])
    assert np.max(np.diff(stamps)) == pytest.approx(61 / 120, abs=1e-5)


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"RecordedEye": "third"}, "RecordedEye is 'third'"),
        ({"SampleCoordinateSystem": "eye-in-head"}, "it is eye-in-head"),
        ({"SamplingFrequency": 0}, "lacks x_coordinate"),
        ({"Columns": ["timestamp", "x_coordinate"]}, "lacks x_coordinate"),
        ({"PhysioType": "generic"}, "no eye-tracking beside the EEG"),
    ],
)
def test_eye_tracking_that_cannot_be_used_is_listed(folder, rng, more, why):
    write(folder, rng, eyes=eyes(rng, sides=("left",)))
    change(physio(folder).with_name(physio(folder).name.replace(".tsv.gz", ".json")), **more)
    recording = load_one(folder)
    assert len(recording.streams) == 1
    assert why in recording.omissions[0].why


def set_origin(folder, origin):
    events = folder / "sub-01" / "ses-01" / "eeg" / "sub-01_ses-01_task-stim01_events.json"
    about = json.loads(events.read_text())
    about["StimulusPresentation"]["ScreenOrigin"] = origin
    events.write_text(json.dumps(about))


@pytest.mark.parametrize("origin", [["center", "center"], "bottom-left", ["top"], "top", ["top", "right"], None, {}])
def test_another_origin_than_the_top_left_is_listed(folder, rng, origin):
    write(folder, rng)
    set_origin(folder, origin)
    assert "another corner than the top left" in load_one(folder).omissions[0].why


@pytest.mark.parametrize("origin", ["top-left", "Top Left", "topleft", "upper_left", ["left", "top"], ["TOP", "Left"]])
def test_the_top_left_is_read_however_it_is_spelt(folder, rng, origin):
    write(folder, rng)
    set_origin(folder, origin)
    recording = load_one(folder)
    assert len(recording.streams) == 2
    assert not recording.omissions


def test_a_cyclopean_file_is_used_only_where_there_is_no_single_eye(folder, rng):
    write(folder, rng, eyes=eyes(rng, sides=("left", "right", "cyclopean")))
    assert [c.eye for c in load_one(folder).streams[1].info.channels] == ["left"] * 3 + ["right"] * 3
    write(folder, rng, session="02", eyes=eyes(rng, sides=("cyclopean",)))
    assert [c.eye for c in bids.load(folder).entries[1].load().streams[1].info.channels] == ["both"] * 3


def test_a_run_without_eyes_leaves_a_hole_and_is_listed(folder, rng):
    write(folder, rng, task="a")
    write(folder, rng, task="b", eyes=())
    recording = load_one(folder)
    assert len(recording.trials) == 2
    assert [str(o) for o in recording.omissions] == ["gaze left out: sub-01_ses-01_task-b_eeg.vhdr: no eye-tracking"]


@pytest.mark.parametrize("share", [0.999, 0.6])
def test_a_cut_off_physio_file_gives_the_rows_before_the_cut_and_is_listed(folder, rng, share):
    write(folder, rng, eyes=eyes(rng, n=3000, sides=("left",)))
    whole = physio(folder).read_bytes()
    physio(folder).write_bytes(whole[: int(share * len(whole))])
    recording = load_one(folder)
    assert len(recording.trials) == 1
    assert [stream.modality for stream in recording.streams] == ["eeg", "gaze"]
    stamps, _ = joined(recording.streams[1])
    assert np.allclose(np.diff(stamps), 1 / 120, atol=2e-6)
    why = next(one.why for one in recording.omissions if "cannot be read behind row" in one.why)
    assert "EOFError" in why
    assert recording.rows["gaze"].read == int(why.split("row ")[1].split(":")[0])


def test_runs_with_other_channels_and_damaged_runs_are_listed(folder, rng):
    write(folder, rng, task="a")
    write_run(folder, RunName("01", "b", "01"), eeg(rng)[:, :4], LABELS[:4], RATE)
    write(folder, rng, task="c")
    (folder / "sub-01" / "ses-01" / "eeg" / "sub-01_ses-01_task-c_eeg.vhdr").write_text("nothing")
    recording = load_one(folder)
    assert len(recording.trials) == 1
    reasons = [o.why for o in recording.omissions]
    assert any("are not those of" in why for why in reasons)
    assert any("cannot be read as EEG" in why for why in reasons)


def test_channels_tsv_decides_what_is_eeg(folder, rng):
    write(folder, rng)
    path = folder / "sub-01" / "ses-01" / "eeg" / "sub-01_ses-01_task-stim01_channels.tsv"
    path.write_text(path.read_text().replace("Fp1\tEEG", "Fp1\tEOG"))
    assert load_one(folder).streams[0].info.labels == LABELS[1:]


def test_electrode_places_are_used_where_their_axes_are_known(folder, rng):
    write(folder, rng)
    eeg_folder = folder / "sub-01" / "ses-01" / "eeg"
    (eeg_folder / "sub-01_ses-01_space-CapTrak_electrodes.tsv").write_text(
        "name\tx\ty\tz\nCz\t0\t10\t90\nO1\tn/a\t0\t0\n"
    )
    system = eeg_folder / "sub-01_ses-01_space-CapTrak_coordsystem.json"
    system.write_text(json.dumps({"EEGCoordinateSystem": "CapTrak", "EEGCoordinateUnits": "mm"}))
    places = {c.label: c.location_mm for c in load_one(folder).streams[0].info.channels}
    assert places["Cz"] == (0.0, 10.0, 90.0)
    assert places["O1"] is None
    system.write_text(json.dumps({"EEGCoordinateSystem": "EEGLAB", "EEGCoordinateUnits": "cm"}))
    assert {c.label: c.location_mm for c in load_one(folder).streams[0].info.channels}["Cz"] == (-100.0, 0.0, 900.0)
    system.write_text(json.dumps({"EEGCoordinateSystem": "Other", "EEGCoordinateUnits": "mm"}))
    assert {c.location_mm for c in load_one(folder).streams[0].info.channels} == {None}


def other_format(folder, ending, samples):
    path = folder / "sub-01" / "eeg" / f"sub-01_task-rest_eeg{ending}"
    path.parent.mkdir(parents=True)
    if ending == ".set":
        chans = np.zeros((1, len(LABELS)), dtype=[("labels", object), ("type", object)])
        chans["labels"][0], chans["type"][0] = LABELS, [""] * len(LABELS)
        empty = np.zeros((0, 0))
        struct = {
            "setname": "a", "nbchan": float(len(LABELS)), "trials": 1.0, "pnts": float(len(samples)), "srate": RATE,
            "xmin": 0.0, "xmax": (len(samples) - 1) / RATE, "data": samples.T, "chanlocs": chans, "event": empty,
            "epoch": empty, "icawinv": empty, "icaweights": empty, "icasphere": empty, "icachansind": empty,
            "ref": "common",
        }  # fmt: skip
        savemat(path, {"EEG": struct}, appendmat=False)
        return
    file, signal = (edfio.Edf, edfio.EdfSignal) if ending == ".edf" else (edfio.Bdf, edfio.BdfSignal)
    signals = [
        signal(column, RATE, label=label, physical_dimension="uV", physical_range=(-300, 300))
        for label, column in zip(LABELS, samples.T, strict=True)
    ]
    file(signals).write(path)


@pytest.mark.parametrize("ending", [".edf", ".bdf", ".set"])
def test_other_formats_of_bids_are_read_in_microvolts(folder, rng, ending):
    samples = eeg(rng)
    other_format(folder, ending, samples)
    recording = load_one(folder)
    assert recording.session == "1"
    assert recording.streams[0].info.labels == LABELS
    assert np.abs(joined(recording.streams[0])[1] - samples).max() < 0.02


def test_subjects_are_sorted_as_numbers_and_a_folder_without_eeg_is_an_error(folder, rng, tmp_path):
    for subject in ("10", "2", "1"):
        write(folder, rng, subject=subject, session="")
    assert [e.subject for e in bids.load(folder).entries] == ["1", "2", "10"]
    with pytest.raises(RtemoError, match="no BIDS EEG"):
        bids.load(folder / "sub-10")
