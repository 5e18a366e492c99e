"""Several people in one session: each one's predictions are those of a session of that one alone, whatever befalls the
others, live as in the replay and after the engine was killed.
"""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hand_fed import BUNDLE, PROFILES, setup_of
from joint_people import HOP_S, IDS, MARKED, Joint, lost, people, replayed, rows_of, settings_for, timeless

import rtemo
from offline.datasets.xdf import load
from rtemo.commands.data.report import inputs_of
from rtemo.core.errors import RtemoError
from rtemo.core.types import Channel, Chunk, ClockOffset, Modality, StreamInfo, StreamUp
from rtemo.export.bids import export_bids
from rtemo.export.recorded_session import AskedEntities, read_each_recorded
from rtemo.live.replay.player import Replay
from rtemo.live.service.feed import Feed
from rtemo.model.bundle import LinearHead
from rtemo.model.personal.calibration import PersonalCalibration
from rtemo.model.personal.fit import FitOutcome
from rtemo.model.personal.session_notes import CalibrationBegun, ChannelMarked, LabelGiven, StreamReturned
from rtemo.model.prediction import csv_header
from rtemo.recordings.events import EventKind, read_event
from rtemo.recordings.open_recording import OpenRecording, SeveralParticipants
from rtemo.recordings.study.withdrawal import erase_sessions, kept_sessions
from rtemo.report.write import write_report
from rtemo.sources.participants import OWN_ROLES
from rtemo.sources.session_settings import SessionSettings, read_settings
from rtemo.sources.stream_roles import StreamRoles
from rtemo.sources.xdf.source import XdfSource

SESSION_S = 43.0
SAVED_S, LOST_S, LABEL_S, CALIBRATED_S, BACK_S, CRASH_S = 18.0, 30.0, 34.0, 35.0, 37.0, 39.0
REST_AGAIN_S, REST_S = 14.0, 20.0  # it is made longer, until enough was usable
SLIDERS = [
    StreamInfo(f"{name} {whose}", f"{name} {whose}", type_, "float32", 2.0, (Channel("Valence"),), f"{name} {whose}")
    for name, type_, whose in (
        ("slider", "Ratings", "P01"),
        ("slider", "Slider", "P02"),
        ("nobody's", "Ratings", "P02"),
    )
]
RATINGS = {"P01": "source_id=slider P01", "P02": "type=Slider"}


@pytest.fixture(scope="module")
def pair():
    """Two people, the tracker of one of whom is lost and comes back; and sliders by which they rate."""
    streams, items, start_s = people(SESSION_S)
    items = lost("P02", streams, items, LOST_S, BACK_S)
    for number, info in enumerate(SLIDERS, 1):
        streams = [*streams, info]
        items += [(0.0, ClockOffset(info.stream_id, start_s, 0.0))]
        items += [
            (at_s, Chunk(info.stream_id, np.array([start_s + at_s]), np.full((1, 1), number, np.float32)))
            for at_s in np.arange(0.5, SESSION_S, 0.5)
        ]
    return streams, sorted(items, key=lambda entry: entry[0]), start_s


def held(pair, root, settings, *, crash=False):
    """A session on these streams, in which something is asked for each of the two; its folder."""
    streams, items, start_s = pair
    joint = Joint(streams, settings, root, start_s)
    to_do = [
        (REST_AGAIN_S, lambda: ask(joint, "P01", "baseline", seconds=REST_S)),
        (LABEL_S, lambda: ask(joint, "P02", "label", label="sad", begin_s=joint.time_s - 8.0, end_s=joint.time_s)),
        (LABEL_S, lambda: ask(joint, "P01", "mark_channel", label="C3", mark="bad")),
        (LABEL_S, lambda: ask(joint, "P01", "annotate", text="yawned")),
        (CALIBRATED_S, lambda: calibrate(joint)),
    ]
    if crash:
        to_do += [(SAVED_S, lambda: save(joint)), (CRASH_S, joint.crash)]
    to_do.sort(key=lambda entry: entry[0])
    with pytest.MonkeyPatch.context() as patch:
        fitted = FitOutcome(someone(), {}, "calibrated: better")
        patch.setattr("rtemo.live.session.calibrating.fit_person", lambda *_: fitted)
        for at_s, item in items:
            joint.give(item)
            while to_do and at_s >= to_do[0][0]:
                to_do.pop(0)[1]()
    return joint.end()


def ask(joint, whose, name, **arguments):
    """Ask for something that concerns one of them, who may be the only one."""
    runs = joint.session.runs
    if whose in runs or (set(runs) == {""} and whose == "P01"):
        joint.session.commands.submit(name, whose if whose in runs else "", arguments)
        joint.session.commands.turn()


def calibrate(joint):
    """Fit P02, and take the result over at once."""
    ask(joint, "P02", "calibrate")
    for run in joint.session.runs.values():
        if run.calibration._fit is not None:
            run.calibration._fit.join()
    joint.session.commands.turn()


def someone():
    """A person whose heads name the labels in another order: every prediction differs."""
    heads = {name: LinearHead(np.roll(h.weight, 1, axis=0), np.roll(h.bias, 1)) for name, h in BUNDLE.heads.items()}
    quantiles = {name: dict(one.quantiles) for name, one in BUNDLE.spec.combinations.items()}
    return PersonalCalibration(BUNDLE.fingerprint, heads, quantiles, (), {})


def save(joint):
    for run in joint.session.runs.values():
        run.save()
        run.state_file.wait()


@pytest.fixture(scope="module")
def folder(pair, tmp_path_factory):
    return held(pair, tmp_path_factory.mktemp("joint"), settings_for(pair[0], ratings=RATINGS, baseline=MARKED))


@pytest.fixture(scope="module")
def rows(folder):
    return {whose: timeless(rows_of(folder), whose) for whose in IDS}


def only(pair, whose):
    """What there is of one person, with the markers that everybody gets."""
    streams, items, start_s = pair

    def own(stream_id):
        return stream_id.endswith((whose, "markers"))

    kept = [(at_s, item) for at_s, item in items if own(id_of(item))]
    return [info for info in streams if own(info.stream_id)], kept, start_s


def id_of(item):
    return item.info.stream_id if isinstance(item, StreamUp) else item.stream_id


def test_what_is_asked_for_one_of_several_says_for_whom(pair, tmp_path):
    streams, items, start_s = pair
    joint = Joint(streams, settings_for(streams), tmp_path, start_s)
    for _, item in items[:400]:
        joint.give(item)
    commands, failed = joint.session.commands, []
    joint.outputs.events.listen(lambda event: event.kind is EventKind.FAILURE and failed.append(event))
    sad = {"label": "sad", "begin_s": joint.time_s - 2.0, "end_s": joint.time_s}
    for whose, name, arguments in (
        ("", "label", sad),
        ("P03", "label", sad),
        ("P03", "annotate", {"text": "who?"}),
        ("P02", "label", {**sad, "label": "hungry"}),
        ("P02", "mark_channel", {"label": "C3", "mark": "ugly"}),
        ("P02", "baseline", {"seconds": 1e9}),
        ("", "annotate", {"text": " "}),
    ):
        commands.submit(name, whose, arguments)
    commands.turn()
    found = [(event.participant, event.text.split(";")[0]) for event in sorted(failed, key=lambda event: event.text)]
    assert [entry for entry in found if entry[0]] == [
        ("P02", "baseline: a baseline lasts 20 to 600 s"),
        ("P02", "label: the model has no label 'hungry'"),
        ("P02", "mark_channel: no channel can be marked 'ugly'"),
    ]
    assert len(found) == 7
    assert [run.calibration.labels for run in joint.session.runs.values()] == [(), ()]
    commands.submit("baseline", "", {"seconds": 20.0})  # this is for everybody
    commands.turn()
    commands.submit("baseline", "P01", {"seconds": 20.0})
    commands.turn()
    assert failed[-1].text.startswith("baseline: a baseline is being recorded")
    joint.end()
    cut = [event.participant for event in failed if event.text.startswith("baseline cut short")]
    assert cut == list(IDS)


def test_everybody_is_predicted(rows):
    assert min(len(rows[whose]) for whose in IDS) > (SESSION_S - 8) / HOP_S
    times = {whose: [row["time_s"] for row in rows[whose]] for whose in IDS}
    assert times["P01"] == times["P02"] == sorted(times["P01"])
    missing = [row for row in rows["P02"] if row["gaze_coverage"] == "0.0"]
    assert 4 < len(missing) < 40
    assert not [row for row in rows["P01"][10:] if row["gaze_coverage"] == "0.0"]


def test_each_one_is_predicted_as_alone(pair, rows, tmp_path):
    """In a session of that one person as it was before there were several. P02 was labelled and calibrated."""
    alone = held(only(pair, "P01"), tmp_path, SessionSettings(baseline=MARKED))
    assert {row["participant"] for row in rows_of(alone)} == {""}
    assert timeless(rows_of(alone)) == rows["P01"]


def test_the_one_who_lost_a_stream_is_predicted_as_alone(pair, rows, tmp_path):
    alone = held(only(pair, "P02"), tmp_path, settings_for(pair[0], ("P02",), baseline=MARKED))
    assert timeless(rows_of(alone), "P02") == rows["P02"]


def test_the_replay_is_the_session_for_everybody(folder, rows):
    again = replayed(folder.recording)
    forced = {row["time_s"] for row in rows_of(folder) if row["forced"] == "true"}
    assert len(forced) < 5  # when the tracker came back, until its first sample
    assert list(again) == list(IDS)
    for whose in IDS:
        of_one, events = again[whose]
        assert {row["participant"] for row in of_one} == {whose}
        found = {row["time_s"]: row for row in timeless(of_one)}
        assert [row for row in rows[whose] if row["time_s"] not in forced and found.get(row["time_s"]) != row] == []
        assert {event.participant for event in events} == {"", whose}
        assert [event.text for event in events if event.kind is EventKind.MARKER]


def test_a_recording_of_several_is_opened_for_one_of_them(folder):
    with pytest.raises(SeveralParticipants, match="P01, P02"):
        OpenRecording(folder.recording, PROFILES)
    recording = OpenRecording(folder.recording, PROFILES, participant="P02")
    recording.close()
    assert recording.roles.settings.subject == "P02"
    notes = {type(note): note for _, note in recording.facts.notes}
    assert set(notes) == {LabelGiven, CalibrationBegun, StreamReturned}
    assert notes[LabelGiven].label == "sad"
    other = OpenRecording(folder.recording, PROFILES, participant="P01")
    other.close()
    assert [type(note) for _, note in other.facts.notes] == [ChannelMarked]
    assert len(recording.facts.rests) == 0 < len(other.facts.rests)


def test_an_engine_that_was_killed_is_followed_by_one_that_goes_on_for_everybody(pair, rows, tmp_path):
    taken_up = held(pair, tmp_path, settings_for(pair[0], ratings=RATINGS, baseline=MARKED), crash=True)
    found = rows_of(taken_up)
    for whose in IDS:
        again = timeless(found, whose)
        assert [row for row in again if row not in rows[whose]] == []
        assert len(again) >= len(rows[whose]) - 1
    assert not list(taken_up.path.glob("*state*"))


def test_what_happens_is_stated_once_and_of_whom(folder):
    events = [read_event(line) for line in folder.events.read_text().splitlines()]
    up = Counter((event.participant, event.details["role"]) for event in events if event.kind is EventKind.STREAM_UP)
    assert up == {
        ("P01", "eeg"): 1,
        ("P01", "gaze"): 1,
        ("P02", "eeg"): 1,
        ("P02", "gaze"): 2,
        ("", "markers"): 1,
        ("", "none"): len(SLIDERS),
    }
    (down,) = [event for event in events if event.kind is EventKind.STREAM_DOWN]
    assert down.participant == "P02"
    markers = [(event.time_s, event.text) for event in events if event.kind is EventKind.MARKER]
    assert len(markers) == len(set(markers)) == 2
    facts = Counter((event.participant, event.details["fact"]) for event in events if "fact" in event.details)
    assert facts == {
        ("", "session"): 1,
        ("P01", "baseline_planned"): 1,
        ("P02", "baseline_planned"): 1,
        ("P01", "baseline_begins"): facts["P01", "baseline_begins"],  # as often as it was made longer
        ("P01", "channel_marked"): 1,
        ("P02", "label_given"): 1,
        ("P02", "calibration_begins"): 1,
        ("P02", "stream_returned"): 1,
    }
    assert facts["P01", "baseline_begins"] >= 1
    noted = [(event.participant, event.text) for event in events if event.text == "yawned"]
    assert noted == [("P01", "yawned")]
    (verdict,) = [event for event in events if event.text.startswith("baseline ends: ")]
    assert verdict.participant == "P01"


def test_the_folder_and_the_recording_tell_who_is_who(folder, pair):
    assert folder.path.name.endswith("_P01-P02")
    assert read_settings(folder.settings) == settings_for(pair[0], ratings=RATINGS, baseline=MARKED)
    names = {path.name for path in folder.path.iterdir()}
    assert {"P01.baseline.json", "P02.baseline.json", "predictions.csv", "recording.xdf"} <= names
    source = XdfSource(folder.recording)
    own = {info.name: info for info in source.start() if info.type == "Emotion"}
    source.stop()
    assert set(own) == {"rtemo_P01", "rtemo_P02"}
    assert "<participant>P02</participant>" in own["rtemo_P02"].xml
    assert len({info.source_id for info in own.values()}) == 2


def test_the_python_interface_gives_each_participant(folder, rows):
    session = rtemo.read_session(folder.path)
    assert session.participants == IDS
    with pytest.raises(SeveralParticipants):
        rtemo.open_recording(folder.recording)
    own = session.of("P02")
    assert len(own.predictions) == len(rows["P02"]) < len(session.predictions)
    assert {record["participant"] for record in own.predictions} == {"P02"}
    assert {event.participant for event in own.events} == {"", "P02"}
    assert own.settings.subject == own.recording.settings.subject == own.recording.participant == "P02"
    used = {info.stream_id for info in own.recording.streams if own.recording.role(info) in OWN_ROLES}
    queries = own.recording.settings.queries
    assert {queries[part].source_id for part in (Modality.EEG, Modality.GAZE)} == {
        info.source_id for info in own.recording.streams if info.stream_id in used
    }
    with pytest.raises(RtemoError, match="no participant 'P03'"):
        session.of("P03")


def test_the_report_has_an_overview_and_a_page_for_each(folder, tmp_path):
    out = tmp_path / "report.html"
    write_report(folder.path, out, inputs_of(None, None))
    overview = out.read_text()
    assert all(f'<a href="{whose}.report.html">{whose}</a>' in overview for whose in IDS)
    assert "P01 and P02" in overview
    assert "Simulated training" in overview
    pages = {whose: (tmp_path / f"{whose}.report.html").read_text() for whose in IDS}
    assert "lost: unplugged" in pages["P02"]
    assert "lost: unplugged" not in pages["P01"]


def test_the_export_to_bids_has_each_as_a_subject(folder, rows, tmp_path):
    for session in read_each_recorded(folder.path, PROFILES, AskedEntities()):
        export_bids(tmp_path, session)
    subjects = [line.split("\t")[0] for line in (tmp_path / "participants.tsv").read_text().splitlines()[1:]]
    assert subjects == ["sub-P01", "sub-P02"]
    for whose in IDS:
        (table,) = (tmp_path / "derivatives").rglob(f"sub-{whose}_*_desc-emotion_events.tsv")
        assert len(table.read_text().splitlines()) == len(rows[whose]) + 1
    assert [path.parts[-4] for path in sorted(tmp_path.rglob("sourcedata/**/*.xdf"))] == ["sub-P01"]
    with pytest.raises(RtemoError, match="names one participant"):
        list(read_each_recorded(folder.path, PROFILES, AskedEntities(subject="P09")))


def test_a_corpus_has_each_as_a_subject(folder):
    found = load(folder.path)
    assert [entry.subject for entry in found.entries] == list(IDS)
    recordings = [entry.load() for entry in found.entries]
    sources = [{stream.info.source_id for stream in one.streams} for one in recordings]
    assert len(sources[0] | sources[1]) == 4
    assert [one.subject for one in recordings] == list(IDS)


TRIALS = """
[trials]
start = '(?P<clip>re)(?P<label>st)'
stop = "go"
[labels]
st = "neutral"
"""


def test_ratings_are_the_targets_of_whom_they_are_named_for(folder, tmp_path):
    mapping = tmp_path / "mapping.toml"
    mapping.write_text(TRIALS)
    found = {entry.subject: entry.load() for entry in load(folder.path, mapping).entries}
    assert {whose: [trial.targets for trial in one.trials] for whose, one in found.items()} == {
        "P01": [{"valence": 1.0}],
        "P02": [{"valence": 2.0}],
    }
    for one in found.values():
        assert one.rows["rating"].read > 80
        unused = sorted(omission.why for omission in one.omissions if omission.kind.startswith("stream"))
        assert unused == ["it is a rating, and named for nobody"]


def test_a_withdrawal_finds_the_session_and_leaves_it_to_people(folder):
    root = folder.path.parent
    for named in ("p01", "P02", "P01+P02"):
        found = kept_sessions(root, named)
        assert [kept.entry.folder for kept in found] == [folder.path]
        with pytest.raises(RtemoError, match="of P01, P02 together"):
            erase_sessions(root, found)
    assert folder.recording.is_file()
    assert kept_sessions(root, "P03") == []


def test_the_window_replays_whoever_is_chosen(folder, rows):
    feed = Feed(lambda: 0.0)
    replay = Replay(setup_of(StreamRoles(PROFILES), lambda: 0.0, lambda *_: None, hop_s=HOP_S), feed)
    replay.do_open_replay(str(folder.recording))
    assert (replay.view().participants, replay.view().participant) == (IDS, "P01")
    replay.do_seek(20.0)
    replay.do_show_participant("P02")
    assert replay.view().participant == "P02"
    assert replay.position_s == pytest.approx(replay.view().first_s + 20.0)
    with pytest.raises(RtemoError, match="no participant 'P03'"):
        replay.do_show_participant("P03")
    while replay.view().ready_s < replay.view().length_s:
        replay.turn()
    forced = {row["time_s"] for row in rows_of(folder) if row["forced"] == "true"}
    shown = [dict(zip(csv_header(BUNDLE.labels), one.csv_row(), strict=True)) for one in replay.predictions]
    found = {row["time_s"]: row for row in timeless(shown)}
    assert [row for row in rows["P02"] if row["time_s"] not in forced and found.get(row["time_s"]) != row] == []
    replay.do_choose("gaze", "")  # the choice among one participant's streams stays that one's
    assert replay.view().participant == "P02"
    replay.close()
