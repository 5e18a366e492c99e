"""A recording played in the application: any place shows what `rtemo replay` gives there, at once and at any speed."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from hand_fed import BUNDLE, FIRST, PROFILES, RUNTIME, Lab, wait_for

from rtemo.cli import main
from rtemo.core.errors import RtemoError
from rtemo.core.pipeline import Pipeline
from rtemo.live.replay.player import Replay
from rtemo.live.service.feed import Feed
from rtemo.live.service.snapshot import Phase
from rtemo.live.service.wire import COMMANDS, Command
from rtemo.live.session.engine_setup import EngineSetup
from rtemo.model.decoder import Decoder
from rtemo.model.predictor import Predictor
from rtemo.simulate.plan import SimulationPlan
from rtemo.simulate.session import SimulatedSession
from rtemo.sources.stream_roles import StreamRoles


@pytest.fixture(scope="module")
def recording(tmp_path_factory):
    path = tmp_path_factory.mktemp("replay") / "person.xdf"
    options = ["--seed", "5", "--duration", "40", "--eeg-channels", "8", "--eeg-rate", "250", "--quiet"]
    assert main(["simulate", *options, "--xdf", str(path)]) == 0
    return path


@pytest.fixture(scope="module")
def expected(recording):
    """What `rtemo replay` says about it."""
    out = recording.with_suffix(".jsonl")
    assert main(["replay", str(recording), "--speed", "max", "--quiet", "--out", str(out)]) == 0
    return [json.loads(line) for line in out.read_text().splitlines()]


class Player:
    """A replay that is turned by hand, on a clock that is set by hand, and a client that looks at it."""

    def __init__(self):
        self.now_s = 0.0
        self.feed = Feed(lambda: self.now_s)
        parts = EngineSetup(
            roles=StreamRoles(PROFILES),
            open_source=lambda roles, ambiguous: None,
            new_predictor=lambda: Predictor(Pipeline(FIRST.pipeline.settings), RUNTIME, Decoder(BUNDLE)),
            bundle=BUNDLE,
            hop_s=0.25,
            clock=lambda: self.now_s,
        )
        self.replay = Replay(parts, self.feed)
        self.token, self.seen = "", []

    def turn(self, seconds=0.0):
        """Let the clock go on, and look."""
        self.now_s += seconds
        self.replay.turn()
        self.look()

    def look(self):
        snapshot, self.token = self.feed.take(self.token)
        if self.seen and snapshot.era != self.seen[-1].era:
            self.seen.clear()
        self.seen.append(snapshot)

    def read_all(self):
        while self.replay.view().ready_s < self.replay.view().length_s:
            self.replay.turn()

    @property
    def predictions(self):
        return [json.loads(json.dumps(p)) for snapshot in self.seen for p in snapshot.predictions]

    @property
    def eeg_times(self):
        return np.concatenate([s.eeg.times for s in self.seen if s.eeg is not None] or [np.empty(0)])


@pytest.fixture
def player(recording):
    made = Player()
    made.replay.do_open_replay(str(recording))
    yield made
    made.replay.close()


def comparable(records):
    """Numbers as they are written."""
    return [json.dumps({k: _rounded(v) for k, v in record.items()}, sort_keys=True) for record in records]


def _rounded(value):
    if isinstance(value, dict):
        return {key: _rounded(part) for key, part in value.items()}
    return round(value, 6) if isinstance(value, float) else value


def upto(expected, position_s):
    return [record for record in expected if record["time_s"] <= position_s]


def test_a_recording_played_from_its_start_gives_the_predictions_of_the_replay_command(player, expected):
    for _ in range(400):
        player.turn(0.2)
    assert comparable(player.predictions) == comparable(expected)
    assert not player.replay.view().playing
    assert player.replay.position_s == pytest.approx(expected[-1]["time_s"], abs=0.5)


@pytest.mark.parametrize("places", [(30.0,), (30.0, 12.0), (5.0, 35.0, 20.0)])
def test_after_a_move_the_past_of_the_new_place_is_shown_as_it_was(player, expected, places):
    player.replay.do_hold()
    for place in places:
        player.replay.do_seek(place)
    player.read_all()
    player.turn()
    position_s = player.replay.view().first_s + places[-1]
    assert comparable(player.predictions) == comparable(upto(expected, position_s))
    assert player.seen[-1].time_s == position_s
    assert player.eeg_times[0] == pytest.approx(player.replay.view().first_s, abs=0.1)
    assert player.eeg_times[-1] == pytest.approx(position_s, abs=0.01)
    assert np.all(np.diff(player.eeg_times) > 0)


def test_a_place_that_is_not_read_yet_is_waited_for(player, monkeypatch):
    monkeypatch.setattr("rtemo.live.replay.player.WORK_S", 0.0)
    player.replay.do_seek(35.0)
    player.turn(5.0)
    assert player.replay.view().waiting
    assert player.predictions == []
    monkeypatch.undo()
    player.read_all()
    player.turn()
    assert not player.replay.view().waiting
    assert player.replay.position_s == pytest.approx(player.replay.view().first_s + 35.0)
    assert player.predictions


@pytest.mark.parametrize("factor", [0.25, 1.0, 32.0])
def test_the_head_moves_at_the_speed_that_was_asked_for(player, factor):
    player.read_all()
    player.replay.do_seek(4.0)
    player.replay.do_speed(factor)
    player.turn(0.5)
    assert player.replay.position_s - player.replay.view().first_s == pytest.approx(4.0 + 0.5 * factor)
    with pytest.raises(RtemoError, match="times as fast"):
        player.replay.do_speed(33.0)


def test_a_held_replay_stands_still_and_goes_on_from_there(player):
    player.read_all()
    player.turn(3.0)
    player.replay.do_hold()
    held_s = player.replay.position_s
    player.turn(7.0)
    assert player.replay.position_s == held_s
    player.replay.do_play()
    player.turn(1.0)
    assert player.replay.position_s == pytest.approx(held_s + 1.0)


def test_playing_at_the_end_begins_anew(player):
    player.read_all()
    player.replay.do_seek(1e6)
    player.turn(0.1)
    assert player.replay.position_s == player.replay.view().first_s + player.replay.view().length_s
    player.replay.do_play()
    player.turn(1.0)
    assert player.replay.position_s == pytest.approx(player.replay.view().first_s + 1.0)


def test_markers_lie_on_the_timeline_and_come_as_events_when_they_are_reached(player):
    player.read_all()
    marks = player.replay.view().marks_s
    assert len(marks) > 0
    player.replay.do_hold()
    player.replay.do_seek(float(marks[0]) + 0.1)
    player.look()
    kinds = [event["kind"] for snapshot in player.seen for event in snapshot.events]
    assert kinds.count("marker") == int(np.sum(marks <= marks[0] + 0.1))


def test_a_channel_left_out_changes_the_predictions_and_taken_in_again_does_not(player, expected):
    player.read_all()
    player.replay.do_hold()
    player.replay.do_seek(30.0)
    label = player.replay.channel_statuses()[0].label
    player.replay.do_exclude(label, excluded=True)
    player.read_all()
    player.turn()
    assert [c.label for c in player.replay.channel_statuses() if c.excluded] == [label]
    here = upto(expected, player.replay.position_s)
    assert comparable(player.predictions) != comparable(here)
    player.replay.do_exclude(label, excluded=False)
    player.read_all()
    player.turn()
    assert comparable(player.predictions) == comparable(here)


def test_the_streams_of_the_recording_are_listed_with_their_parts_and_can_be_chosen(player):
    player.read_all()
    streams = {status.role: status for status in player.replay.stream_statuses()}
    assert {"eeg", "gaze", "markers"} <= set(streams)
    assert streams["eeg"].measured_hz == pytest.approx(250, rel=1e-3)
    player.replay.do_choose("eeg", streams["eeg"].stream_id)
    player.read_all()
    assert {status.role for status in player.replay.stream_statuses()} >= {"eeg", "gaze"}
    with pytest.raises(RtemoError, match="no stream"):
        player.replay.do_choose("eeg", "nowhere")


def test_a_file_that_is_none_is_refused_and_leaves_the_open_one(player, tmp_path):
    for name, content in (("empty.xdf", b""), ("text.xdf", b"no recording at all"), ("cut.xdf", b"XDF:")):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(RtemoError):
            player.replay.do_open_replay(str(tmp_path / name))
    with pytest.raises(RtemoError):
        player.replay.do_open_replay(str(tmp_path / "nowhere.xdf"))
    player.turn(0.1)
    assert player.replay.active


@pytest.mark.parametrize("name", ["muse_P001.xdf", "muse_P003.xdf", "openbci_markers.xdf"])
def test_real_recordings_play_to_their_end(name, shared_recordings):
    player = Player()
    player.replay.do_open_replay(str(shared_recordings / name))
    player.read_all()
    player.replay.do_speed(32.0)
    player.turn(60.0)
    assert not player.replay.view().playing
    assert player.predictions
    player.replay.close()


@pytest.fixture(scope="module")
def person():
    return SimulatedSession(SimulationPlan.for_duration(3, 20, eeg_channels=8, eeg_rate_hz=250))


@pytest.fixture
def lab(person):
    running = Lab(person)
    yield running
    running.close()


def test_the_engine_plays_a_recording_and_goes_back_to_the_live_streams(lab, recording, expected, tmp_path):
    lab.feed(6)
    wait_for(lambda: lab.take().phase is Phase.PREVIEW)
    lab.do("open_replay", path=str(tmp_path / "nowhere.xdf"))
    assert lab.take().phase is Phase.PREVIEW
    assert any("nowhere.xdf" in e["text"] for s in lab.seen for e in s.events if e["kind"] == "failure")
    ask(lab, "open_replay", path=str(recording))
    assert lab.take().phase is Phase.REPLAY
    ask(lab, "start", subject="P", notes="", root=str(tmp_path))
    assert lab.take().phase is Phase.REPLAY
    replay = wait_for(lambda: (view := later(lab).replay) and view.ready_s >= view.length_s and view)
    assert replay.path == str(recording)
    out = tmp_path / "all.jsonl"
    ask(lab, "export", path=str(out), replace=False)
    wait_for(lambda: any("predictions written to" in e["text"] for e in all_events(lab)))
    assert comparable(map(json.loads, out.read_text().splitlines())) == comparable(expected)
    out.write_text("mine")
    ask(lab, "export", path=str(out), replace=False)
    assert out.read_text() == "mine"
    ask(lab, "export", path=str(out), replace=True)
    wait_for(lambda: len(out.read_text().splitlines()) == len(expected))
    ask(lab, "close_replay")
    assert lab.take().phase is not Phase.REPLAY
    assert lab.take().replay is None


def ask(lab, name, **arguments):
    """Have a command executed; a state is told after each."""
    before = lab.controller.feed.state.seq
    lab.controller.submit(Command(name, arguments))
    wait_for(lambda: lab.controller.feed.state.seq > before)


def all_events(lab):
    lab.take()
    return [event for snapshot in lab.seen for event in snapshot.events]


def later(lab):
    """The state a moment later."""
    lab.time_s += 0.3
    return lab.take()


def test_the_baseline_of_a_session_counts_in_its_replay_too(lab, tmp_path):
    lab.feed(6)
    lab.do("start", subject="P", notes="", root=str(tmp_path))
    lab.do("baseline", seconds=5)
    lab.feed(10)
    lab.do("stop")
    recording = next(tmp_path.glob("*/recording.xdf"))
    out = tmp_path / "again.jsonl"
    assert main(["replay", str(recording), "--speed", "max", "--quiet", "--out", str(out)]) == 0
    player = Player()
    player.replay.do_open_replay(str(recording))
    player.replay.do_hold()
    player.read_all()
    player.replay.do_seek(1e6)
    player.look()
    assert comparable(player.predictions) == comparable(map(json.loads, out.read_text().splitlines()))
    player.replay.close()


def test_every_command_has_somebody_who_does_it(lab):
    controller = lab.controller
    parts = (controller, controller._sessions, controller._streaming, controller._replay)
    without = [name for name in COMMANDS if not any(hasattr(part, f"do_{name}") for part in parts)]
    assert without == []


def test_an_era_that_begins_anew_is_not_mixed_with_the_one_before(player):
    from rtemo.live.service.client import merged

    player.turn(1.0)
    old = player.seen[-1]
    new = replace(old, era=old.era + 1, predictions=())
    assert merged(old, new) is new


def test_what_moved_the_prediction_is_explained_where_the_head_stands(player):
    player.read_all()
    player.replay.do_hold()

    def explained_at(position_s):
        player.replay.do_seek(position_s)
        assert player.replay.explanation == {}
        return dict(wait_for(lambda: player.turn() or player.replay.explanation))

    early, late = explained_at(15.0), explained_at(35.0)
    assert early != late
    assert explained_at(15.0) == early
    assert any(part.startswith("EEG ") for part in early)
