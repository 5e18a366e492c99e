"""Several participants in the window: a card each, one is shown, and what is about one is said of that one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtCore import Qt
from scripted import RECORDING, Clock, block, channels, feed, prediction, snapshot, stream

from rtemo.core.types import Modality, StreamState
from rtemo.gui import texts
from rtemo.gui.bars.checklist import checklist
from rtemo.gui.people import courses, words
from rtemo.gui.people.roles import choices
from rtemo.gui.views.streams import ROLE
from rtemo.live.service.recorder_link import RecorderLook
from rtemo.live.service.snapshot import ParticipantView, Phase, Progress, Snapshot
from rtemo.recordings.study.synchrony import synchrony
from rtemo.sources.participants import RatingsTable, parse_participant
from rtemo.sources.session_settings import SessionSettings, parse_settings, settings_text, with_participants
from rtemo.sources.stream_choice import StreamQuery

IDS = ("P01", "P02")
SETTINGS = with_participants(
    SessionSettings(), [parse_participant(f"{who}: eeg=name=Amp{who}; gaze=name=Eyes{who}") for who in IDS]
)


def streams(**states):
    return tuple(
        stream(part, f"{name}{who}", stream_id=f"{part} {who}", participant=who, state=states.get(f"{who}_{part}", OK))
        for who in IDS
        for part, name in (("eeg", "Amp"), ("gaze", "Eyes"))
    )


OK = StreamState.STREAMING


def several(seq=1, time_s=100.0, shown="P01", progress=(None, None), **more):
    people = tuple(
        ParticipantView(who, 8, 7 + number, 8, gaze_valid=0.9, progress=progress[number])
        for number, who in enumerate(IDS)
    )
    values = {
        "phase": Phase.RUNNING,
        "streams": streams(),
        "recorder": RECORDING,
        "started_s": 90.0,
        "subject": "P01+P02",
        "settings": settings_text(SETTINGS),
        "participant": shown,
        "participants": people,
        "predictions": tuple(prediction(time_s - 0.1, participant=who) for who in IDS),
    }
    return snapshot(seq=seq, time_s=time_s, **(values | more))


@pytest.fixture
def dyad(window):
    window._clock = Clock()
    feed(window, several())
    return window


def card(window, who):
    return window.views.people.cards[who].content


def test_each_has_a_card_and_the_first_is_shown(dyad):
    cards = dyad.views.people.cards
    assert list(cards) == list(IDS)
    assert dyad.views.people.isVisible()
    assert [one.isChecked() for one in cards.values()] == [True, False]
    assert card(dyad, "P01").emotion == "happy"
    assert card(dyad, "P02").share == "80 %"
    assert "8 of 8" in card(dyad, "P02").quality
    assert "7 of 8" in cards["P01"].accessibleName()


def test_nobody_is_told_apart_where_there_is_one(window):
    feed(window, snapshot(Phase.RUNNING, recorder=RECORDING, predictions=(prediction(99.9),)))
    assert not window.views.people.isVisible()
    assert not window.views.session.about.isVisible()


def test_a_click_or_a_key_shows_another_one_whose_signals_begin_anew(dyad, qtbot):
    feed(dyad, several(2, 100.1, eeg=block(99.0, 8)))
    assert len(dyad.state.eeg) == 20
    qtbot.mouseClick(dyad.views.people.cards["P02"], Qt.MouseButton.LeftButton)
    assert dyad.client.shown == "P02"
    feed(dyad, several(3, 100.2, "P02", eeg=block(99.5, 4, n=6), channels=channels(4)))
    assert dyad.state.shown == "P02"
    assert len(dyad.state.eeg) == 6
    assert dyad.views.people.cards["P02"].isChecked()
    dyad.views.people.choose(0)
    assert dyad.client.shown == "P01"
    assert [len(own.probabilities) for own in dyad.state.results.values()] == [3, 3]


def test_the_large_view_names_whom_it_shows(dyad):
    dyad.toggle_distance()
    feed(dyad, several(2, 100.1, "P02"))
    assert dyad.views.distance.shown["participant"] == "P01+P02 · P02"


def test_a_lost_stream_is_named_with_whose_it_is_and_makes_that_ones_card_grey(dyad):
    silent = streams(P02_gaze=StreamState.LOST)
    lost = tuple(replace(one, age_s=12.0) if one.state is StreamState.LOST else one for one in silent)
    feed(dyad, several(2, 100.2, streams=lost))
    assert dyad.views.strip.alarm.text() == "P02 EYE TRACKER LOST 0:12"
    assert (card(dyad, "P02").emotion, card(dyad, "P02").share) == ("eye tracker lost", "")
    assert card(dyad, "P02").wrong
    assert (card(dyad, "P01").emotion, card(dyad, "P01").wrong) == ("happy", False)
    lamps = {name: word for name, word, _ in dyad.views.strip.streams.lamps}
    assert lamps == {"P01": words.LAMP_WELL, "P02": "gaze 12 s"}


def test_a_named_stream_that_never_came_is_that_ones(dyad):
    feed(dyad, several(2, 100.2, streams=streams()[:3]))
    assert dyad.views.strip.alarm.text().startswith("P02 EYE TRACKER LOST")


@pytest.mark.parametrize(
    ("record", "said"),
    [
        ({"abstain": "signal too bad", "emotion": None}, "abstained"),
        ({"settled": False}, "not settled yet"),
        ({"time_s": 92.0}, "no data for 8"),
    ],
)
def test_what_must_not_be_believed_of_one_is_grey_for_that_one(window, record, said):
    predictions = (prediction(99.9, participant="P01"), prediction(99.9, participant="P02") | record)
    feed(window, several(predictions=predictions))
    assert card(window, "P01").share == "80 %"
    assert card(window, "P02").share == ""
    assert card(window, "P02").emotion.startswith(said)


def test_what_is_old_is_grey_for_everybody(dyad):
    dyad._clock.s += 8.0
    dyad.client.waiting += []
    for _ in range(20):
        dyad.tick()
    assert [card(dyad, who).share for who in IDS] == ["", ""]
    assert "–" in card(dyad, "P01").quality


def test_a_baseline_is_of_one_or_of_all_and_each_has_a_verdict(dyad):
    dyad.dialogs.ask_baseline()
    dialog = dyad.dialogs.open["baseline"]
    dialog.start()
    assert dyad.client.sent[-1] == ("baseline", {"seconds": 120.0})
    dialog.whom.setCurrentIndex(dialog.whom.findData("P02"))
    dialog.start()
    assert dyad.client.sent[-1] == ("baseline", {"seconds": 120.0, "participant": "P02"})
    done = Progress("baseline", 30.0, 30.0, "good: EEG 30 s of 30 s usable")
    refused = Progress("baseline", 30.0, 30.0, "refused for gaze: 3 s", refused=True)
    feed(dyad, several(2, 100.2, progress=(done, refused)))
    assert dialog.message.text().split("\n") == [
        "P01: Done: good: EEG 30 s of 30 s usable",
        "P02: Refused: for gaze: 3 s",
    ]
    assert dialog.message.objectName() == "bad"
    assert (card(dyad, "P01").baseline, card(dyad, "P02").level) == ("baseline good", "bad")
    feed(dyad, several(3, 100.4, progress=(done, Progress("baseline", 10.0, 30.0))))
    assert not dialog.begin.isEnabled()
    dialog.whom.setCurrentIndex(dialog.whom.findData("P01"))
    feed(dyad, several(4, 100.6, progress=(done, Progress("baseline", 10.0, 30.0))))
    assert dialog.begin.isEnabled()
    assert "0:10 / 0:30" in card(dyad, "P02").baseline


def test_a_note_is_about_everybody_or_about_whom_is_chosen(dyad):
    bar = dyad.views.session
    assert bar.about.isVisible()
    bar.annotate(0)
    assert dyad.client.sent[-1] == ("annotate", {"text": "Look here"})
    bar.about.setCurrentIndex(bar.about.findData("P02"))
    bar.annotate(0)
    assert dyad.client.sent[-1] == ("annotate", {"text": "Look here", "participant": "P02"})
    event = {"time_s": 99.0, "kind": "annotation", "text": "Look here", "stream": "", "participant": "P02"}
    feed(dyad, several(2, 100.2, events=(event,)))
    table = dyad.views.events.table
    assert table.data(table.index(0, 3)) == "P02: Look here"


def test_what_is_about_one_is_about_the_one_that_is_shown(dyad):
    feed(dyad, several(2, 100.2, "P02"))
    dyad.send("mark_channel", label="E1", mark="bad")
    assert dyad.client.sent[-1] == ("mark_channel", {"label": "E1", "mark": "bad", "participant": "P02"})
    dyad.send("pause")
    assert dyad.client.sent[-1] == ("pause", {})


def test_the_checklist_has_a_step_for_each_and_a_start_needs_everybody(window):
    waiting = several(phase=Phase.PREVIEW, streams=streams()[:3], started_s=float("nan"), subject="", recorder=None)
    feed(window, waiting)
    steps = checklist(window.state)
    assert [(step.what, step.done) for step in steps[:2]] == [
        ("P01", True),
        ("P02: eye tracker", False),
    ]
    assert window.views.session.subject.text() == "P01+P02"
    assert not window.views.session.start.isEnabled()
    assert "P02: no gaze stream" in window.views.session.start.toolTip()
    feed(window, replace(waiting, seq=2, streams=streams(), predictions=()))
    assert window.views.session.start.isEnabled()
    window.views.session.ask_start()
    assert window.client.sent[-1][1]["subject"] == "P01+P02"
    rating = with_participants(
        SessionSettings(),
        [replace(SETTINGS.participants[0], ratings=RatingsTable(StreamQuery("Stick"))), *SETTINGS.participants[1:]],
    )
    feed(window, replace(waiting, seq=3, streams=streams(), predictions=(), settings=settings_text(rating)))
    assert checklist(window.state)[0].what == "P01: ratings"
    assert "no ratings stream name=Stick" in window.views.session.start.toolTip()


def test_everybody_is_there_while_another_engine_takes_the_session_up(dyad):
    feed(dyad, several(20, 100.2, "P02", eeg=block(99.0, 8), folder="/data/dyad"))
    dyad.client.recorder = RecorderLook(dyad._clock.s, RECORDING, subject="P01+P02", folder="/data/dyad")
    feed(dyad, Snapshot(0, 100.4, Phase.IDLE))
    assert dyad.views.people.isVisible()
    assert dyad.state.shown == "P02"
    assert len(dyad.state.eeg) == 20
    feed(dyad, several(3, 100.6, "P02", eeg=block(100.4, 8), folder="/data/dyad"))
    assert len(dyad.state.eeg) == 40
    assert [len(own.probabilities) for own in dyad.state.results.values()] == [3, 3]


def test_a_role_of_a_participant_is_chosen_in_the_table(window):
    before = several(phase=Phase.PREVIEW, streams=(*streams(), stream("", "Third", n_channels=3)), recorder=None)
    feed(window, before)
    table = window.views.streams.table
    assert [table.data(table.index(row, ROLE)) for row in range(5)] == [
        "P01 EEG",
        "P01 Gaze",
        "P02 EEG",
        "P02 Gaze",
        "–",
    ]
    offered = choices(window.state.settings)
    own = [f"{who}:{part}" for who in IDS for part in ("eeg", "gaze", "second_eye")]
    assert list(offered) == [*own, "markers", "P03:eeg", "P03:gaze"]
    table.setData(table.index(4, ROLE), "P03:gaze")
    chosen = {"role": "gaze", "stream_id": "id-", "participant": "P03"}
    assert window.client.sent[-1] == ("choose", chosen)
    table.setData(table.index(3, ROLE), "")
    assert window.client.sent[-1] == ("choose", {"role": "gaze", "stream_id": "", "participant": "P02"})
    feed(window, replace(before, seq=2, streams=streams()[:3], predictions=()))
    assert window.views.streams.awaited.text() == "P02 Gaze: waiting for name=EyesP02"


def test_nobody_is_told_apart_until_somebody_is_named(window):
    four = (stream(), stream("gaze"), stream("", "Amp2", stream_id="a2"), stream("", "Eyes2", stream_id="e2"))
    feed(window, snapshot(streams=four, settings=settings_text(SessionSettings())))
    assert list(choices(window.state.settings)) == ["eeg", "gaze", "second_eye", "markers"]
    window.dialogs.ask_participants()
    dialog = window.dialogs.open["participants"]
    assert [row.id.text() for row in dialog.rows] == list(IDS)
    (one, other), part = dialog.rows, Modality.EEG
    assert one.boxes[part].currentText() != other.boxes[part].currentText()
    other.boxes[Modality.GAZE].setCurrentIndex(0)
    other.boxes[part].setCurrentIndex(other.boxes[part].findText("Amp2"))
    other.id.setText("child")
    dialog.use()
    command, arguments = window.client.sent[-1]
    asked = parse_settings(arguments["settings"])
    assert (command, asked.subject) == ("configure", "P01+child")
    assert asked.of("child").queries[part].name == "Amp2"
    assert Modality.GAZE not in asked.of("child").queries


def test_what_cannot_tell_people_apart_is_said_in_the_dialog(window):
    feed(window, several(phase=Phase.PREVIEW, recorder=None))
    window.dialogs.ask_participants()
    dialog = window.dialogs.open["participants"]
    assert [row.boxes[Modality.EEG].currentText() for row in dialog.rows] == ["AmpP01", "AmpP02"]
    dialog.rows[1].boxes[Modality.EEG].setCurrentIndex(dialog.rows[0].boxes[Modality.EEG].currentIndex())
    n = len(window.client.sent)
    dialog.use()
    assert "the same eeg stream" in dialog.message.text()
    dialog.remove_person(dialog.rows[1])
    dialog.use()
    assert dialog.message.text() == words.FEW
    assert len(window.client.sent) == n
    dialog.use_one()
    assert parse_settings(window.client.sent[-1][1]["settings"]) == SessionSettings()


def test_synchrony_is_that_of_the_report(dyad):
    at = np.arange(101.0, 220.0, 0.5)
    waves = {"P01": np.sin(at / 5.0), "P02": np.sin(at / 5.0 + 0.4)}
    made = tuple(
        prediction(time_s, participant=who, valence=float(wave[k]))
        for k, time_s in enumerate(at.tolist())
        for who, wave in waves.items()
    )
    feed(dyad, several(2, 221.0, predictions=made))
    found = courses.correlations(dyad.state, 150.0)[IDS]
    of_all = synchrony(at, waves["P01"], at, waves["P02"])
    since = of_all.times > 150.0
    np.testing.assert_allclose(np.interp(of_all.times[since], *found), of_all.r[since], atol=2e-3)
    dock = dyad.docks[words.SYNCHRONY]
    dock.show()
    dock.raise_()
    feed(dyad, several(3, 221.2, predictions=()))
    plot = dyad.views.synchrony.plot
    assert list(plot.lines) == [*IDS, IDS]
    assert len(plot.lines[IDS].yData) > 20
    assert plot._keys["alike"].itemAt(0).widget().text().startswith("P01 – P02")
    rows = list(courses.rows(dyad.state))
    assert len(rows[-1]) == 4


def test_each_ones_electrodes_are_looked_at(window):
    people = (ParticipantView("P01", 8, 8, 8), ParticipantView("P02", 8, 8, 2))
    feed(window, several(participants=people))
    assert window.views.strip.alarm.text() == "P02: " + texts.FEW_PLACED.format(n=2, all=8)
