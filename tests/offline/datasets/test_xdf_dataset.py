"""A lab's own XDF recordings: the same windows as in a replay, trials from markers."""

import gzip
import threading
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from offline.datasets import load, xdf
from offline.datasets.base import SIMULATED_NOTE
from offline.datasets.xdf import _who
from rtemo.core.errors import RtemoError
from rtemo.core.pipeline import Pipeline
from rtemo.core.settings import PipelineSettings
from rtemo.core.types import Channel, Chunk, ClockOffset, Modality, StreamInfo
from rtemo.live.engine.engine import Engine
from rtemo.recordings.events import EventLog
from rtemo.resources import devices
from rtemo.simulate.plan import SimulationPlan, segments_for_duration
from rtemo.simulate.session import SimulatedSession
from rtemo.sources.devices.profile import eeg_channel_map, gaze_channel_map, load_profiles, match
from rtemo.sources.participants import parse_participant
from rtemo.sources.session_settings import SessionSettings, settings_text, with_participants
from rtemo.sources.stream_roles import StreamRoles
from rtemo.sources.xdf.source import XdfSource
from rtemo.sources.xdf.writer import XdfWriter

PROFILES = load_profiles(devices())


def write(path, items, streams):
    with XdfWriter(path) as writer:
        for info in streams:
            writer.add_stream(info)
        for item in items:
            if isinstance(item, Chunk):
                writer.write_chunk(item)
            elif isinstance(item, ClockOffset):
                writer.write_offset(item)
    return path


@pytest.fixture(scope="module")
def plan():
    return SimulationPlan(person_seed=5, session_seed=5, segments=segments_for_duration(5, 60.0), eeg_rate_hz=250)


@pytest.fixture(scope="module")
def folder(tmp_path_factory, plan):
    root = tmp_path_factory.mktemp("lab")
    session = SimulatedSession(plan)
    write(root / "P02_S1.xdf", session.items(), session.streams)
    return root


class WindowsOnly:
    """Stands where the predictor stands in a replay and keeps the pipeline's windows."""

    eye_unused = ""

    def __init__(self, pipeline):
        self.pipeline, self.windows = pipeline, []

    def push(self, item):
        self.windows += self.pipeline.push(item)
        return []

    def settle(self):
        return []

    def expect(self, modality, *, expected):
        self.windows += self.pipeline.expect(modality, expected)
        return []

    def flush(self):
        self.windows += self.pipeline.flush()
        return []


def replayed(path, settings):
    source, predictor = XdfSource(path), WindowsOnly(Pipeline(settings))
    cast = StreamRoles(PROFILES)
    infos = source.start()
    cast.choose(infos)
    Engine(source, cast, predictor, EventLog()).run(infos, threading.Event())
    return predictor.windows


def built(recording, settings):
    pipeline, windows = Pipeline(settings), []
    for stream in recording.streams:
        profile = match(stream.info, PROFILES).profile
        layout = eeg_channel_map if stream.modality is Modality.EEG else gaze_channel_map
        pipeline.add_stream(stream.info, layout(stream.info, profile))
    for item in recording.items():
        windows += pipeline.push(item)
    return windows + pipeline.flush()


def test_windows_are_bitwise_those_of_a_replay(folder):
    settings = PipelineSettings().with_hop(0.5)
    ours = built(load("xdf", folder).entries[0].load(), settings)
    theirs = replayed(folder / "P02_S1.xdf", settings)
    assert len(ours) == len(theirs) > 100
    for one, other in zip(ours, theirs, strict=True):
        assert one.end_s == other.end_s
        for name in ("eeg", "eeg_power", "eeg_mask", "eye", "eye_raw", "eye_valid", "positions"):
            assert np.array_equal(getattr(one, name), getattr(other, name), equal_nan=getattr(one, name).dtype != bool)
        assert (one.settled, one.channels, one.bad_channels) == (other.settled, other.channels, other.bad_channels)


def test_rtemos_own_markers_are_trials_without_a_mapping(folder, plan):
    recording = load("xdf", folder).entries[0].load()
    assert [trial.label for trial in recording.trials] == [clip.emotion for clip in plan.clips]
    assert [trial.clip for trial in recording.trials] == [f"xdf/{clip.clip}" for clip in plan.clips]
    starts = [trial.start_s - plan.start_s for trial in recording.trials]
    assert starts == pytest.approx([clip.start_s for clip in plan.clips], abs=0.005)
    assert recording.omissions == ()
    assert load("xdf", folder).card.labels == {"neutral": 0, "sad": 1, "fear": 2, "happy": 3}


def test_a_simulated_person_is_noted(folder, tmp_path):
    assert SIMULATED_NOTE in load("xdf", folder).entries[0].load().notes
    small(tmp_path / "a.xdf")
    assert SIMULATED_NOTE not in load("xdf", tmp_path).entries[0].load().notes


def test_a_mapping_names_subjects_sessions_streams_and_labels(folder, tmp_path):
    path = tmp_path / "mapping.toml"
    path.write_text(
        "[files]\nname = 'P(?P<subject>\\d+)_S(?P<session>\\d+)'\n"
        "[trials]\nstart = 'clip/start id=(?P<clip>\\d+) emotion=(?P<label>\\w+)'\nstop = 'clip/end.*'\n"
        "[labels]\nhappy = 'positive'\nsad = 'negative'\nfear = 'negative'\n"
        "[streams]\neeg = 'type=EEG'\n"
    )
    dataset = xdf.load(folder, path)
    assert [(e.subject, e.session) for e in dataset.entries] == [("02", "1")]
    recording = dataset.entries[0].load()
    assert {trial.label for trial in recording.trials} == {"positive", "negative"}
    assert any("'neutral' is not in the mapping file" in o.why for o in recording.omissions)
    assert dataset.card.labels == {"positive": 0, "negative": 1}
    path.write_text("[files]\nname = 'X(?P<subject>\\d+)'\n")
    assert xdf.load(folder, path).entries == ()
    assert "is not found in its path" in xdf.load(folder, path).omissions[0].why


def small(path, types=("EEG",), marks=()):
    """A short recording: 8 EEG channels or 2 gaze columns with stamps from 100 s on."""
    made, items = [], []
    for number, kind in enumerate(types):
        labels = ("x", "y") if kind == "Gaze" else ("Fp1", "Fp2", "C3", "C4", "P3", "P4", "O1", "O2")
        made.append(StreamInfo(str(number), kind, kind, "float32", 100.0, tuple(Channel(label) for label in labels)))
        items.append(Chunk(str(number), 100 + np.arange(500) / 100, np.ones((500, len(labels)), np.float32)))
    if marks:
        made.append(StreamInfo("m", "Marks", "Markers", "int32", 0.0, (Channel(),)))
        stamps, codes = zip(*marks, strict=True)
        items.append(Chunk("m", np.array(stamps), np.array(codes, dtype=np.int32)[:, None]))
    return write(path, items, made)


def test_numbers_are_markers_too_and_files_sort_as_numbers(tmp_path):
    for name in ("10.xdf", "9.xdf"):
        small(tmp_path / name, marks=[(101.0, 7), (103.5, 8)])
    path = tmp_path / "mapping.toml"
    path.write_text("[trials]\nstart = '(?P<label>7)'\nstop = '8'\n[labels]\n7 = 'calm'\n")
    dataset = xdf.load(tmp_path, path)
    assert [entry.subject for entry in dataset.entries] == ["9", "10"]
    recording = dataset.entries[0].load()
    assert [(t.label, t.start_s, t.stop_s) for t in recording.trials] == [("calm", 101.0, 103.5)]
    assert [o.kind for o in recording.omissions] == ["gaze"]


def test_a_second_file_of_one_session_gets_a_name_of_its_own(tmp_path):
    for name in ("P1_a.xdf", "P1_b.xdf"):
        small(tmp_path / name)
    path = tmp_path / "mapping.toml"
    path.write_text("[files]\nname = '(?P<subject>P1)'\n")
    assert [(e.subject, e.session) for e in xdf.load(tmp_path, path).entries] == [("P1", "1"), ("P1", "1-2")]


def test_a_file_that_is_none_or_has_nothing_to_use_is_an_error_when_it_is_loaded(tmp_path):
    (tmp_path / "a.xdf").write_bytes(b"no recording")
    small(tmp_path / "b.xdf", types=(), marks=[(1.0, 1)])
    first, second = load("xdf", tmp_path).entries
    with pytest.raises(RtemoError):
        first.load()
    with pytest.raises(RtemoError, match="neither EEG nor gaze"):
        second.load()


def test_an_empty_folder_a_file_and_an_unknown_name_are_errors(tmp_path):
    with pytest.raises(RtemoError, match="no XDF recording"):
        load("xdf", tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(RtemoError, match="is no folder; it is a file"):
        load("xdf", tmp_path / "file")
    with pytest.raises(RtemoError, match="no data set 'seed-ix'; known are seed-iv"):
        load("seed-ix", tmp_path)


def recorder_name(person="P001", session="S001", task="Default", run="001", aside=""):
    return f"sub-{person}_ses-{session}_task-{task}_run-{run}_eeg{aside}.xdf"


def test_names_of_labrecorder_tell_who_was_recorded(tmp_path):
    folder = tmp_path / "sub-P007" / "ses-S002" / "eeg"
    folder.mkdir(parents=True)
    for name in (
        recorder_name("P007", "S002"),
        recorder_name("P007", "S002", run="002"),
        recorder_name("P010", "S001"),
    ):
        small(folder / name)
    dataset = load("xdf", tmp_path)
    assert [(e.subject, e.session) for e in dataset.entries] == [("P007", "S002"), ("P007", "S002-2"), ("P010", "S001")]
    assert not any("default name" in note for note in dataset.card.notes)


def test_takes_that_were_set_aside_are_of_the_same_person_and_older(tmp_path):
    names = [recorder_name(aside=aside) for aside in ("", "_old1", "_old2", "_old10")]
    for name in (*names, "plain.xdf", "plain_old1.xdf"):
        small(tmp_path / name)
    entries = load("xdf", tmp_path).entries
    taken = {(entry.subject, entry.session): entry.files[0].name for entry in entries}
    assert taken == {
        ("P001", "S001"): names[1],
        ("P001", "S001-2"): names[2],
        ("P001", "S001-3"): names[3],
        ("P001", "S001-4"): names[0],
        ("plain", "1"): "plain_old1.xdf",
        ("plain", "1-2"): "plain.xdf",
    }
    aside = [any("set aside by LabRecorder" in note for note in entry.load().notes) for entry in entries]
    assert aside == [True, True, True, False, True, False]


def test_default_names_alone_are_noted_since_they_may_be_of_several_people(tmp_path):
    for run in ("001", "002"):
        small(tmp_path / recorder_name(run=run))
    assert any("all 2 files have LabRecorder's default name" in note for note in load("xdf", tmp_path).card.notes)


def test_endings_in_capitals_and_of_compressed_files_are_recordings_too(tmp_path):
    packed = gzip.compress(small(tmp_path / "A.XDF").read_bytes())
    for name in ("B.xdfz", "C.xdf.gz"):
        (tmp_path / name).write_bytes(packed)
    assert [entry.subject for entry in load("xdf", tmp_path).entries] == ["A", "B", "C"]


@pytest.mark.parametrize(
    ("names", "who"),
    [
        (["Zo\u00eb 1.xdf", "a/Zo\u00eb.xdf", "a/Zoe\u0308.xdf"], ["Zo\u00eb 1", "a_Zo\u00eb", "a_Zo\u00eb"]),
        (["a/b.xdf", "a_b.xdf", "c/d.xdf"], ["a/b", "a_b", "c_d"]),
        (
            ["sub-01.xdf", "sub-01_ses-2.xdf", "sub-01/ses-3/take.xdf", "sub-01/x/sub-02_t.xdf"],
            ["01", "01", "01", "02"],
        ),
    ],
    ids=["one-name-in-two-spellings", "two-names-that-only-a-slash-tells-apart", "folders-of-bids"],
)
def test_nobody_is_two_people_and_no_two_are_one_by_how_names_are_written(names, who):
    assert [subject for subject, _ in _who([Path(name) for name in names], None)] == who


def test_a_session_is_named_by_the_file_or_its_folder():
    names = ["sub-1_ses-2.xdf", "sub-1/ses-3/a.xdf", "sub-1/ses-3/sub-1_ses-4_x.xdf", "ses-5.xdf"]
    assert [session for _, session in _who([Path(name) for name in names], None)] == ["2", "3", "4", "1"]


def test_a_rating_stream_gives_each_trial_its_mean_and_every_sample_is_accounted_for(tmp_path, plan):
    session = SimulatedSession(plan)
    channels = (Channel("Valence"), Channel("Arousal"))
    ratings = StreamInfo("joystick", "joystick", "Ratings", "float32", 10.0, channels, source_id="joystick")
    times = plan.start_s + np.arange(0.0, 40.0, 0.1)  # what is shown later is not rated
    values = np.column_stack([times - plan.start_s, np.where(times < plan.start_s + 20.0, np.nan, 5.0)])
    items = [*session.items(), ClockOffset("joystick", plan.start_s, 0.0), Chunk("joystick", times, values)]
    path = write(tmp_path / "P03.xdf", items, [*session.streams, ratings])

    recording = load("xdf", tmp_path).entries[0].load()
    used = 0
    for trial in recording.trials:
        inside = (times >= trial.start_s) & (times < trial.stop_s)
        used += int(inside.sum())
        assert ("valence" in trial.targets) == inside.any()
        if inside.any():
            assert trial.targets["valence"] == pytest.approx(values[inside, 0].mean(), abs=1e-3)
        assert ("arousal" in trial.targets) == np.isfinite(values[inside, 1]).any()
    rated = recording.rows["rating"]
    assert (rated.read, rated.used, rated.left_out) == (len(times), used, 0)
    missing = sum("arousal" not in trial.targets for trial in recording.trials)
    assert missing > 0
    assert f"{path.name}: {missing} of {len(recording.trials)} trials have no arousal from the stream joystick" in (
        recording.notes
    )


def test_a_rating_that_is_named_for_two_or_is_not_there_is_nobodys(tmp_path):
    said = [
        "P01: eeg=name=A; ratings=name=slider",
        "P02: eeg=name=B; ratings=type=Slider",
        "P03: eeg=name=C; ratings=name=x",
    ]
    settings = with_participants(SessionSettings(), [parse_participant(text) for text in said])
    (tmp_path / "session.toml").write_text(settings_text(settings))
    slider = StreamInfo("7", "slider", "Slider", "float32", 2.0, (Channel("valence"),))
    words = StreamInfo("8", "x", "Ratings", "string", 0.0, (Channel("word"),))
    found = {}
    for whose in ("P01", "P02", "P03"):
        roles = StreamRoles(load_profiles(devices()), settings.of(whose))
        recording = SimpleNamespace(participant=whose, roles=roles, streams=(slider, words))
        rated, left_out = xdf._ratings(tmp_path / "recording.xdf", recording)
        assert rated == []
        found[whose] = [f"{one.kind}: {one.why}" for one in left_out]
    assert found["P01"] == found["P02"] == ["stream 7: it is named for P01 and P02"]
    assert found["P03"] == [*found["P01"], "ratings: the file has no such stream of numbers: name=x"]
