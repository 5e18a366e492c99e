"""Eye files of a BIDS folder: placed by time on the EEG's clock, or listed; whatever is wrong, the EEG stays."""

import gzip
import json
import shutil

import numpy as np
import pytest
from bids_runs import EYE_RATE, MAPPING, RATE, SECONDS, Run, gaze_of, reasons

from offline.datasets.base import RowCount
from offline.simulated_datasets.bids import RunName

N = int(SECONDS * EYE_RATE)
TIMES = np.arange(N) / EYE_RATE


@pytest.fixture
def run(tmp_path):
    return Run(tmp_path)


@pytest.fixture
def both(tmp_path):
    return Run(tmp_path, eyes=("left", "right"))


def whole(recording, run):
    """Whether the left eye is there with every sample at its time."""
    times, values = gaze_of(recording)
    return (
        times is not None
        and np.allclose(times, TIMES, atol=2e-5)
        and np.allclose(values[:, :3], run.seen[0], atol=1e-3)
    )


def only_eeg(recording):
    """The reasons why there is no gaze, where the EEG and its trials stayed."""
    assert [stream.modality for stream in recording.streams] == ["eeg"]
    assert len(recording.trials) == 4
    return reasons(recording, "gaze")


@pytest.mark.parametrize("word", ["left", "Left", "LEFT", " left ", "L", "l", "left eye", "Left-Eye", "left_eye"])
def test_the_recorded_eye_is_read_however_it_is_spelt(run, word):
    run.change_eye(RecordedEye=word)
    recording = run.load()
    assert whole(recording, run)
    assert recording.omissions == ()


@pytest.mark.parametrize(
    "spelling",
    [
        {"SampleCoordinateSystem": "Gaze-On-Screen"},
        {"SampleCoordinateSystem": "gaze on screen"},
        {"Columns": ["Timestamp", "X_coordinate", "Y_Coordinate", "Pupil_Size"]},
        {"SamplingFrequency": "60"},
        {"SamplingFrequency": "60.0"},
        {"StartTime": "0"},
        {"PhysioType": "EyeTrack"},
        {"PhysioType": ...},
    ],
)
def test_harmless_spellings_of_a_side_car_are_read(run, spelling):
    run.change_eye(**spelling)
    recording = run.load()
    assert whole(recording, run)
    assert recording.omissions == ()


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ({"SamplingFrequency": "n/a"}, "SamplingFrequency 'n/a'"),
        ({"SamplingFrequency": None}, "SamplingFrequency None"),
        ({"SamplingFrequency": [60]}, "SamplingFrequency [60]"),
        ({"SamplingFrequency": True}, "SamplingFrequency True"),
        ({"SamplingFrequency": -60}, "SamplingFrequency -60"),
        ({"RecordedEye": None}, "RecordedEye is None"),
        ({"RecordedEye": ["left", "right"]}, "RecordedEye is ['left', 'right']"),
        ({"StartTime": "soon"}, "it is 'soon'"),
        ({"StartTime": [0]}, "it is [0]"),
        ({"SampleCoordinateSystem": None}, "it is None"),
        ({"Columns": "timestamp"}, "columns []"),
        ({"Columns": None}, "columns []"),
        ({"Columns": [1, 2, 3]}, "columns ['1', '2', '3']"),
    ],
)
def test_a_value_that_makes_no_sense_is_listed_with_its_file_and_the_eeg_stays(run, values, why):
    run.change_eye(**values)
    assert any(why in listed and run.eye().name in listed for listed in only_eeg(run.load()))


@pytest.mark.parametrize("text", ["", "{", "[]", "nothing", '{"StartTime": NaN', "\x00", '"a"', "[" * 100_000])
def test_a_side_car_that_is_no_json_is_named_and_the_eeg_stays(run, text):
    run.eye(ending=".json").write_text(text)
    recording = run.load()
    only_eeg(recording)
    assert any(run.eye(ending=".json").name in listed for listed in reasons(recording, "side-car"))


@pytest.mark.parametrize(
    "presentation",
    [
        "Unknown",
        "n/a",
        5,
        None,
        [],
        {"ScreenResolution": "n/a"},
        {"ScreenResolution": ["n/a", "n/a"]},
        {"ScreenResolution": [1024]},
        {"ScreenResolution": [0, 768]},
        {"ScreenResolution": [1e30, 1]},
    ],
)
def test_a_presentation_without_a_screen_is_named_and_the_mapping_can_give_one(run, presentation):
    run.change(run.file("events", ".json"), StimulusPresentation=presentation)
    listed = only_eeg(run.load())
    assert any("give [screen] in the mapping file" in why for why in listed)
    unusable = presentation is not None
    assert any("sub-01_task-film_events.json" in why for why in reasons(run.load(), "side-car")) == unusable
    recording = run.load(MAPPING + "[screen]\nwidth_px = 1024\nheight_px = 768\n")
    assert whole(recording, run)


@pytest.mark.parametrize(
    ("key", "value", "default"),
    [
        ("ScreenSize", [53, 30], "width_mm"),
        ("ScreenSize", ["n/a", "n/a"], "width_mm"),
        ("ScreenSize", 0.5, "width_mm"),
        ("ScreenDistance", 600, "distance_mm"),
        ("ScreenDistance", "60 cm", "distance_mm"),
    ],
)
def test_a_size_or_distance_in_another_unit_is_named_and_not_used(run, key, value, default):
    path = run.file("events", ".json")
    about = json.loads(path.read_text())["StimulusPresentation"]
    run.change(path, StimulusPresentation=about | {key: value})
    recording = run.load()
    assert whole(recording, run)
    assert any(f"{key} is {value!r}" in listed for listed in reasons(recording, "side-car"))
    assert getattr(recording.streams[1].screen, default) > 100


@pytest.mark.parametrize("eye", [1, 2])
@pytest.mark.parametrize(("first", "last"), [(0, 1), (600, 900), (1000, 1001), (3000, 3600)])
def test_two_eyes_are_joined_by_time_where_one_of_them_lost_rows(both, eye, first, last):
    rows = both.eye_rows(eye)
    both.write_eye(rows[:first] + rows[last:], eye)
    for n in (1, 2):
        both.change_eye(n, timestamp={"Units": "s"})
    both.write_eye(both.eye_rows(3 - eye), 3 - eye)
    if first == 0:  # by StartTime, the first row's place
        both.change_eye(eye, StartTime=last / EYE_RATE)
    recording = both.load()
    times, values = gaze_of(recording)
    assert np.allclose(times, TIMES, atol=1e-6)
    theirs, ours = (slice(3, 6), slice(0, 3)) if eye == 1 else (slice(0, 3), slice(3, 6))
    lost = np.zeros(N, bool)
    lost[first:last] = True
    assert np.allclose(values[:, theirs], both.seen[2 - eye], atol=1e-3)
    assert np.allclose(values[~lost][:, ours], both.seen[eye - 1][~lost], atol=1e-3)
    assert np.isnan(values[lost][:, ours]).all()
    assert recording.rows["gaze"] == RowCount(2 * N - (last - first), 2 * N - (last - first), 0)


def test_two_eyes_without_timestamps_and_with_unlike_numbers_of_rows_are_not_joined(both):
    for n in (1, 2):
        both.change_eye(n, Columns=["clock", "x_coordinate", "y_coordinate", "pupil_size"])
    both.write_eye(both.eye_rows(2)[:-100], 2)
    recording = both.load()
    assert whole(recording, both)
    assert gaze_of(recording)[1].shape[1] == 3
    assert any(both.eye(2).name in why and "which rows belong together" in why for why in reasons(recording))


@pytest.mark.parametrize("entity", ["acquisition", "run"])
def test_eyes_belong_to_the_eeg_with_all_the_same_entities(tmp_path, entity):
    """Two runs that differ in one entity: each has its own gaze, and a file without a partner is listed."""
    first = Run(tmp_path, seed=1, name=RunName("01", "film", run="1"))
    second = Run(tmp_path, seed=2, name=RunName("01", "film", run="2"))
    if entity == "acquisition":
        for path in sorted(first.folder.iterdir()):
            text = path.name.replace("_run-1", "_acq-day1").replace("_run-2", "_acq-day2")
            if path.suffix in (".vhdr", ".vmrk"):
                path.write_text(path.read_text().replace("_run-1", "_acq-day1").replace("_run-2", "_acq-day2"))
            path.rename(path.with_name(text))
    recording = first.load()
    assert recording.omissions == ()
    times, values = gaze_of(recording)
    starts = [recording.trials[0].start_s - 25.0, recording.trials[4].start_s - 25.0]
    for start_s, run in zip(starts, (first, second), strict=True):
        mine = (times >= start_s - 1e-6) & (times < start_s + SECONDS - 1e-6)
        assert np.allclose(values[mine], run.seen[0], atol=1e-3)
    eye = next(path for path in sorted(first.folder.glob("*_physio.tsv.gz")))
    shutil.copy(eye, eye.with_name("sub-01_task-other_recording-eye1_physio.tsv.gz"))
    assert any("sub-01_task-other" in why and "no EEG has its entities" in why for why in reasons(first.load(), "gaze"))


CLOCKS = [  # StartTime, first timestamp, unit, what is noted ("": nothing); the samples are where the EEG is
    (0.0, 0.0, "s", ""),
    (0.0, 7180123.0, "ms", ""),
    (7180123, 7180123.0, "ms", "tracker's own clock"),
    (7180.123, 7180.123, "s", "tracker's own clock"),
    (7180.123, 7180123.0, "ms", "tracker's own clock"),
    (7180123, 7180.123, "s", "tracker's own clock"),
    (7180123000, 7180123000.0, "us", "tracker's own clock"),
    (0.0, 0.0, "ms", ""),
]


@pytest.mark.parametrize(("start", "first", "unit", "note"), CLOCKS)
def test_start_times_in_the_trackers_clock_are_recognised(run, start, first, unit, note):
    scale = {"s": 1.0, "ms": 1e3, "us": 1e6}[unit]
    run.write_eye([[first + k / EYE_RATE * scale, *row] for k, row in enumerate(run.seen[0].tolist())])
    run.change_eye(StartTime=start, timestamp={"Units": unit})
    recording = run.load()
    assert whole(recording, run)
    assert recording.omissions == ()
    assert any(note in one for one in recording.notes) or not note
    assert bool(recording.notes) == bool(note)


@pytest.mark.parametrize("zone_h", [0.0, 1.0, -7.0, 5.75])
@pytest.mark.parametrize(("scale", "unit"), [(1.0, "s"), (1e3, "ms")])
def test_unix_time_is_placed_by_the_eegs_own_date(run, zone_h, scale, unit):
    vmrk = run.file("eeg", ".vmrk")
    vmrk.write_text(vmrk.read_text().replace("00000000000000000000", "20260301120000000000"))
    begin = 1772366400.0 + 3600.0 * zone_h + 2.0  # two seconds after the EEG
    run.write_eye([[(begin + k / EYE_RATE) * scale, *row] for k, row in enumerate(run.seen[0].tolist())])
    run.change_eye(StartTime=begin * scale, timestamp={"Units": unit})
    recording = run.load()
    times, _ = gaze_of(recording)
    assert times[0] == pytest.approx(2.0, abs=1e-3)
    assert any("is Unix time" in note for note in recording.notes)


@pytest.mark.parametrize(
    ("start", "first", "rows", "why"),
    [
        (1772366400.0, 0.0, N, "its clock is not the EEG's"),  # the EEG has no date
        (7180123, 7180.123, N // 2, "its clock is not the EEG's"),  # nothing tells which half
        (500e3, 0.0, N, "its clock is not the EEG's"),
        (-70e3, 0.0, N, "its clock is not the EEG's"),
        (40.0, 40.0, N, "its first timestamp is the same number"),  # 40 s late, or a clock of its own
    ],
)
def test_a_clock_that_cannot_be_recognised_is_listed_never_guessed(run, start, first, rows, why):
    run.write_eye([[first + row[0], *row[1:]] for row in run.eye_rows()[:rows]])
    run.change_eye(StartTime=start, timestamp={"Units": "s"})
    assert any(why in listed and run.eye().name in listed for listed in only_eeg(run.load()))


@pytest.mark.parametrize(
    ("start", "note"), [(-0.5, ""), (1.25, ""), (20.0, ""), (-500.0, "is taken as ms"), (..., "no StartTime")]
)
def test_a_start_in_seconds_is_taken_as_it_is_and_milliseconds_are_recognised(run, start, note):
    run.change_eye(StartTime=start)
    recording = run.load()
    times, _ = gaze_of(recording)
    expected = {-500.0: -0.5, ...: 0.0}.get(start, start)
    assert times[0] == pytest.approx(expected, abs=1e-6)
    assert any(note in one for one in recording.notes) or not note


@pytest.mark.parametrize(
    ("factor", "unit", "note"),
    [
        (1e3, "s", "are taken as ms"),
        (1.0, "ms", "are taken as s"),
        (1e6, "ms", "are taken as \u00b5s"),
        (EYE_RATE, "s", "count samples"),
        (1e3, None, "without a unit, are taken as ms"),
        (1e9, "ns", ""),
    ],
)
def test_timestamps_in_another_unit_than_stated_are_recognised_by_the_rate(run, factor, unit, note):
    kept = [row for row in run.eye_rows() if not 10.0 <= row[0] < 25.0]
    run.write_eye([[round(row[0] * factor, 3), *row[1:]] for row in kept])
    run.change_eye(timestamp={"Units": unit} if unit else {})
    recording = run.load()
    times, _ = gaze_of(recording)
    assert np.allclose(times, [row[0] for row in kept], atol=1e-3)
    assert any(note in one for one in recording.notes) == bool(note)


def test_a_rate_that_is_not_the_timestamps_gives_way_to_them(run):
    run.write_eye(run.eye_rows())
    run.change_eye(SamplingFrequency=500, timestamp={"Units": "s"})
    recording = run.load()
    assert whole(recording, run)
    assert recording.streams[1].info.nominal_rate_hz == pytest.approx(EYE_RATE)
    assert any("its side-car states 500 Hz" in note for note in recording.notes)
    run.change_eye(timestamp={"Units": "parsec"}, SamplingFrequency=7)
    run.write_eye([[row[0] * 3.7, *row[1:]] for row in run.eye_rows()])
    assert any("it cannot be told when its rows were recorded" in why for why in only_eeg(run.load()))


def test_a_header_line_is_skipped_and_noted(run):
    rows = run.eye_rows()
    run.write_eye([["timestamp", "x_coordinate", "y_coordinate", "pupil_size"], *rows])
    run.change_eye(timestamp={"Units": "s"})
    recording = run.load()
    assert whole(recording, run)
    assert recording.rows["gaze"] == RowCount(N, N, 0)
    assert any("its first line names the columns" in note for note in recording.notes)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "is empty"),
        (gzip.compress(b"", mtime=0), "has no row that can be used"),
        (b"not gzip", "has no row"),
        (gzip.compress(b"n/a\tn/a\tn/a\tn/a\n" * 50, mtime=0), "no row has both coordinates"),
        (gzip.compress(b"1,5\t2,5\t3,5\t4,5\n" * 50, mtime=0), "numbers are written with commas"),
        (gzip.compress(b"1\t2\n" * 50, mtime=0), "has no row that can be used"),
        (b"/annex/objects/MD5E-s10--0.tsv.gz\n", "datalad get"),
        (b"version https://git-lfs.github.com/spec/v1\n", "git lfs"),
    ],
)
def test_a_table_without_gaze_is_listed_and_the_eeg_stays(run, content, why):
    run.eye().write_bytes(content)
    assert any(why in listed and run.eye().name in listed for listed in only_eeg(run.load()))


def test_a_link_to_what_was_not_fetched_is_named_with_the_remedy(run):
    run.eye().unlink()
    run.eye().symlink_to("../../.git/annex/objects/nothing")
    assert any("datalad get" in why for why in only_eeg(run.load()))


@pytest.mark.parametrize(("at", "stamp"), [(100, 1e6), (100, -5.0), (100, float("nan")), (N - 1, 5e9), (0, 1e6)])
def test_one_wrong_timestamp_costs_one_row(run, at, stamp):
    rows = run.eye_rows()
    rows[at][0] = stamp
    run.write_eye(rows)
    run.change_eye(timestamp={"Units": "s"})
    recording = run.load()
    times, _ = gaze_of(recording)
    assert np.allclose(times, np.delete(TIMES, at), atol=1e-6)
    assert recording.rows["gaze"] == RowCount(N, N - 1, 1)
    assert any(": 1 of " in why for why in reasons(recording))


def test_rows_beside_the_eeg_and_short_rows_are_counted(run):
    rows = [[k / EYE_RATE, 1.0, 2.0, 3.0] for k in range(int(100 * EYE_RATE))]
    rows[50] = [rows[50][0], 1.0]
    run.write_eye(rows)
    run.change_eye(timestamp={"Units": "s"}, StartTime=-20.0)
    recording = run.load()
    times, _ = gaze_of(recording)
    assert (times[0], times[-1]) == (pytest.approx(-5.0, abs=0.02), pytest.approx(65.0, abs=0.02))
    found = recording.rows["gaze"]
    assert (found.read, found.used + found.left_out) == (6000, 6000)
    listed = " ".join(reasons(recording))
    assert "1 of 6000 rows: they have fewer than 4 columns" in listed
    assert f"{found.left_out - 1} of its rows lie more than 5 s before or after the EEG" in listed


def test_other_physiology_is_no_eye_file_and_what_looks_like_one_is_listed(run):
    folder = run.folder
    (folder / "sub-01_task-film_recording-ecg_physio.tsv.gz").write_bytes(gzip.compress(b"1\t2\n", mtime=0))
    ecg = {"Columns": ["cardiac", "respiratory"], "SamplingFrequency": 100, "StartTime": 0}
    (folder / "sub-01_task-film_recording-ecg_physio.json").write_text(json.dumps(ecg))
    assert run.load().omissions == ()
    (folder / "sub-01_task-film_recording-gaze_physio.tsv.gz").write_bytes(gzip.compress(b"1\t2\n", mtime=0))
    gaze = {"Columns": ["FPOGX", "FPOGY"], "SamplingFrequency": 60, "StartTime": 0}
    (folder / "sub-01_task-film_recording-gaze_physio.json").write_text(json.dumps(gaze))
    assert any("recording-gaze" in why and "FPOGX" in why for why in reasons(run.load(), "gaze"))
    (folder / "sub-01_task-film_eyetrack.asc").write_text("** CONVERTED FROM")
    assert any("eyetrack.asc" in why and "convert it" in why for why in reasons(run.load(), "gaze"))


def test_a_plain_table_is_read_like_a_compressed_one(run):
    plain = run.eye().with_suffix("")
    plain.write_bytes(gzip.decompress(run.eye().read_bytes()))
    run.eye().unlink()
    assert whole(run.load(), run)


def test_the_rate_of_the_eeg_does_not_matter(run):
    assert RATE != EYE_RATE
    assert whole(run.load(), run)
