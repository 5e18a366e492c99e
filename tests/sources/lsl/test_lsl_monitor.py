"""Which streams are opened, when one counts as lost, and who takes its place: on an invented network and clock."""

from __future__ import annotations

from dataclasses import dataclass, replace
from types import SimpleNamespace

import numpy as np
import pytest

from rtemo.core.errors import RtemoError
from rtemo.core.types import Channel, Chunk, StreamDown, StreamInfo, StreamNotice, StreamState, StreamUp
from rtemo.sources.lsl import monitor as lsl_monitor
from rtemo.sources.lsl import source as lsl_source
from rtemo.sources.lsl.discovery import free_id
from rtemo.sources.lsl.monitor import Monitor
from rtemo.sources.lsl.source import _Watch
from rtemo.sources.lsl.stream_requests import EveryStream, OneStream
from rtemo.sources.lsl.times.clock_offsets import ClockBasis, Measurement

TICK_S = 0.1


@dataclass
class FakeVisibleStream:
    info: StreamInfo
    first_seen_s: float
    created_s: float
    described: bool = True


@dataclass
class Connection:
    """An inlet without liblsl: the lab hands samples to its stream."""

    stream: object
    uid: str
    begun_after: float | None
    newest: float | None = None
    ended: str = ""
    opened_s: float = 0.0
    stopped: bool = False

    @property
    def over(self):
        return bool(self.ended)

    def start(self):
        self.stream.mark_up()

    def stop(self):
        self.stopped = True

    def wait_drained(self, timeout_s):
        return True

    def join(self, timeout_s):
        return self.stopped or self.over


class Lab:
    """A network on which outlets come and go, and a monitor that watches it."""

    def __init__(self, *requests, now_s=100.0):
        self.now_s = now_s
        self.seen: dict[str, FakeVisibleStream] = {}
        self.sending: set[str] = set()
        self.connections: list[Connection] = []
        self.items = []
        self.dead: set[str] = set()
        self.doubts: set[str] = set()
        self.monitor = Monitor(requests, self.items.append, self._connect, free_id)

    def outlet(self, uid, *, visible_after_s=0.0, sends=True, **changes):
        info = replace(amp, uid=uid, **changes)
        self.seen[uid] = FakeVisibleStream(info, self.now_s + visible_after_s, self.now_s)
        if sends:
            self.sending.add(uid)
        return info

    def begin(self):
        return self.monitor.begin(self.now_s, self.seen)

    def run(self, seconds):
        for _ in range(round(seconds / TICK_S)):
            self.now_s += TICK_S
            for connection in self.connections:
                if connection.uid in self.sending and not connection.stopped and not connection.over:
                    self.send(connection)
            visible = {uid: s for uid, s in self.seen.items() if s.first_seen_s <= self.now_s}
            self.doubts = self.monitor.tick(self.now_s, visible, self.dead)

    def send(self, connection, items=True):
        data = Chunk(connection.stream.stream_id, np.array([self.now_s - 0.02, self.now_s - 0.01]), np.zeros((2, 1)))
        connection.stream.deliver(self.now_s, data, [data])
        connection.newest = self.now_s - 0.01

    def dies(self, uid, *, hidden=True):
        self.sending.discard(uid)
        if hidden:
            self.seen.pop(uid, None)

    def connection(self, uid):
        return next(c for c in reversed(self.connections) if c.uid == uid)

    def announcements(self):
        """Announcements and losses, in order: (what, stream_id)."""
        named = {StreamUp: lambda i: ("up", i.info.stream_id), StreamDown: lambda i: (i.state.value, i.stream_id)}
        return [named[type(item)](item) for item in self.items if type(item) in named]

    @property
    def states(self):
        return {stream.stream_id: stream.state for stream in self.monitor.streams}

    def _connect(self, stream, visible, newest):
        self.connections.append(Connection(stream, visible.info.uid, newest, opened_s=self.now_s))
        return self.connections[-1]


amp = StreamInfo("", "amp", "EEG", "float32", 100.0, (Channel("Fz"), Channel("Cz")), "sn-1", "pc", "")


def only_eeg(infos):
    found = [info for info in infos if info.type == "EEG"]
    if len(found) > 1:
        raise RtemoError("several EEG streams", ", ".join(info.uid for info in found))
    return found[0] if found else None


eeg = OneStream("eeg", only_eeg)
everything = EveryStream("all", lambda _info: True)


def test_what_is_there_at_the_start_is_opened_and_not_announced_again():
    lab = Lab(eeg)
    lab.outlet("u1")

    infos = lab.begin()
    lab.run(1.0)

    assert [info.stream_id for info in infos] == ["amp"]
    assert lab.announcements() == []
    assert lab.states == {"amp": StreamState.STREAMING}


def test_several_that_fit_are_refused_at_the_start():
    lab = Lab(eeg)
    lab.outlet("u1")
    lab.outlet("u2", name="other")

    with pytest.raises(RtemoError, match="several EEG streams"):
        lab.begin()


def test_a_stream_that_starts_late_is_announced():
    lab = Lab(eeg)
    lab.begin()
    lab.run(3.0)

    lab.outlet("u1")
    lab.run(2.0)

    assert lab.announcements() == [("up", "amp")]
    assert isinstance(lab.items[0], StreamUp)


def test_two_that_fit_and_start_late_together_are_not_taken_and_it_is_said():
    lab = Lab(eeg)
    lab.begin()

    lab.outlet("u1")
    lab.run(0.5)
    lab.outlet("u2", name="other")
    lab.run(3.0)

    assert lab.monitor.streams == ()
    assert any("several EEG streams" in warning for warning in lab.monitor.warnings)


def test_a_steady_stream_that_falls_silent_has_stalled_and_goes_on_unannounced():
    lab = Lab(eeg)
    lab.outlet("u1")
    lab.begin()
    lab.run(2.0)

    lab.dies("u1", hidden=False)
    lab.run(3.0)
    assert lab.announcements() == [("stalled", "amp")]

    lab.sending.add("u1")
    lab.run(1.0)
    assert lab.announcements() == [("stalled", "amp")]
    assert lab.states == {"amp": StreamState.STREAMING}
    assert len(lab.connections) == 1


def test_where_we_stood_still_nobody_is_lost_before_what_came_meanwhile_is_taken_over():
    lab = Lab(eeg)
    lab.outlet("u1")
    lab.begin()
    lab.run(3.0)
    lab.now_s += 4.0
    visible, lab.seen = lab.seen, {}  # it takes a while until others are seen again
    sending, lab.sending = lab.sending, set()
    lab.monitor.stood_still(lab.now_s, 4.0)
    lab.run(1.3)
    assert lab.states == {"amp": StreamState.STREAMING}
    lab.seen, lab.sending = visible, sending
    lab.run(3.0)
    assert lab.announcements() == []
    notices = [item.text for item in lab.items if isinstance(item, StreamNotice)]
    assert notices == ["rtemo stood still for 4.0 s, frozen or suspended: what came meanwhile comes late"]


def test_whoever_is_gone_after_we_stood_still_is_lost_as_ever():
    lab = Lab(eeg)
    lab.outlet("u1")
    lab.begin()
    lab.run(3.0)
    lab.now_s += 4.0
    lab.monitor.stood_still(lab.now_s, 4.0)
    lab.dies("u1")
    lab.run(3.0)
    assert lab.announcements()[-1] == ("lost", "amp")


def test_a_stalled_stream_is_doubted_and_lost_at_once_when_it_is_known_to_be_dead():
    lab = Lab(eeg)
    lab.outlet("u1")
    lab.begin()
    lab.run(2.0)
    assert lab.doubts == set()

    lab.dies("u1", hidden=False)
    lab.run(1.2)
    assert lab.doubts == {"u1"}

    lab.seen.clear()
    lab.dead.add("u1")
    lab.run(0.1)
    assert lab.announcements() == [("stalled", "amp"), ("lost", "amp")]


def test_a_silent_marker_stream_is_doubted_only_when_a_newcomer_could_be_its_return():
    lab = Lab(everything)
    lab.outlet("u1", sends=False, channel_format="string", nominal_rate_hz=0.0)
    lab.begin()
    lab.run(5.0)
    assert lab.doubts == set()

    lab.outlet("u2", sends=False, channel_format="string", nominal_rate_hz=0.0)
    lab.run(0.2)
    assert lab.doubts == {"u1"}

    del lab.seen["u1"]
    lab.dead.add("u1")
    lab.run(0.2)
    assert lab.announcements() == [("lost", "amp"), ("up", "amp")]


def test_markers_are_never_stalled():
    lab = Lab(everything)
    lab.outlet("u1", channel_format="string", nominal_rate_hz=0.0)
    lab.begin()
    lab.run(2.0)

    lab.dies("u1", hidden=False)
    lab.run(60.0)

    assert lab.announcements() == []


@pytest.mark.parametrize("channel_format", ["float32", "string"])
def test_a_stream_off_the_network_and_silent_is_lost(channel_format):
    lab = Lab(everything)
    lab.outlet("u1", channel_format=channel_format, nominal_rate_hz=0.0)
    lab.begin()
    lab.run(2.0)

    lab.dies("u1")
    lab.run(6.0)

    assert lab.announcements()[-1] == ("lost", "amp")
    assert lab.states == {"amp": StreamState.LOST}


def test_a_stream_that_delivers_is_not_lost_when_it_is_hidden():
    lab = Lab(eeg)
    lab.outlet("u1")
    lab.begin()
    lab.run(2.0)

    lab.seen.clear()
    lab.run(10.0)

    assert lab.announcements() == []


def test_a_restarted_stream_goes_on_under_its_id_over_a_new_connection():
    lab = Lab(eeg)
    lab.outlet("u1")
    lab.begin()
    lab.run(2.0)
    lab.dies("u1")
    lab.run(4.0)

    newest = lab.connection("u1").newest
    lab.outlet("u2")
    lab.run(1.0)

    assert lab.announcements() == [("lost", "amp"), ("up", "amp")]
    assert lab.connection("u2").begun_after == newest
    assert lab.connection("u1").stopped
    up = next(item for item in lab.items if isinstance(item, StreamUp))
    assert up.info.uid == "u2"
    status = lab.monitor.streams[0].status(lab.now_s)
    assert status.n_returns == 1
    assert status.n_samples == sum(len(item) for item in lab.items if isinstance(item, Chunk))


def test_a_quick_restart_is_taken_up_as_soon_as_the_old_outlet_is_off_the_list():
    lab = Lab(eeg)
    lab.outlet("u1")
    lab.begin()
    lab.run(2.0)

    lab.dies("u1", hidden=False)
    lab.outlet("u2", visible_after_s=0.5)
    lab.run(1.9)
    lab.seen.pop("u1")
    lab.run(0.2)

    assert lab.announcements() == [("stalled", "amp"), ("lost", "amp"), ("up", "amp")]


def test_a_connection_that_liblsl_moved_to_a_newcomer_is_given_up_for_our_own_to_it():
    lab = Lab(eeg)
    lab.outlet("u1")
    lab.begin()
    lab.run(2.0)

    lab.dies("u1", hidden=False)
    lab.outlet("u2")
    lab.connection("u1").ended = "switched"
    lab.run(0.2)

    assert lab.announcements() == [("lost", "amp"), ("up", "amp")]
    assert lab.states["amp"] in (StreamState.WAITING, StreamState.STREAMING)


@pytest.mark.parametrize(
    "change",
    [
        {"channels": (Channel("Fz"), Channel("Cz"), Channel("Pz"))},
        {"nominal_rate_hz": 50.0},
        {"channels": (Channel("Fz"), Channel("Oz"))},
    ],
)
def test_a_stream_that_comes_back_changed_gets_an_id_of_its_own(change):
    lab = Lab(eeg)
    lab.outlet("u1")
    lab.begin()
    lab.run(2.0)
    lab.dies("u1")
    lab.run(4.0)

    lab.outlet("u2", **change)
    lab.run(0.5)

    assert lab.announcements()[-1] == ("up", "amp (EEG)")
    assert list(lab.states) == ["amp (EEG)"]
    assert lab.connection("u2").begun_after is None
    assert lab.monitor.streams[0].requested_by == {"eeg"}


def test_a_stream_that_comes_back_under_another_source_id_is_chosen_anew():
    lab = Lab(eeg)
    lab.outlet("u1")
    lab.begin()
    lab.run(2.0)
    lab.dies("u1")
    lab.run(4.0)

    lab.outlet("u2", source_id="another")
    lab.run(2.0)

    assert lab.announcements()[-1] == ("up", "amp (EEG)")
    assert list(lab.states) == ["amp (EEG)"]


def test_a_twin_is_reported_and_never_takes_the_place_of_ours():
    lab = Lab(eeg)
    lab.outlet("u1")
    lab.begin()
    lab.run(2.0)

    lab.outlet("twin")
    lab.run(1.0)
    lab.dies("u1")
    lab.connection("u1").ended = "switched"
    lab.run(30.0)

    assert [c.uid for c in lab.connections] == ["u1"]
    assert lab.states == {"amp": StreamState.LOST}
    assert any("called the same" in warning for warning in lab.monitor.warnings)

    lab.outlet("u2")
    lab.run(0.5)
    assert lab.connections[-1].uid == "u2"


def test_a_twin_made_just_before_ours_died_is_known_by_when_it_was_made():
    lab = Lab(eeg)
    lab.outlet("u1")
    lab.begin()
    stream = lab.monitor.streams[0]
    lab.run(2.0)
    stream.set_clock(ClockBasis.MEASURED, Measurement(0.0, 0.0, 0.0))

    lab.outlet("twin", visible_after_s=0.9)
    lab.run(0.3)
    lab.dies("u1", hidden=False)
    lab.run(1.5)
    lab.seen.pop("u1")
    lab.run(30.0)

    assert [c.uid for c in lab.connections] == ["u1"]


def test_a_twin_of_a_silent_marker_stream_is_known_by_both_being_visible():
    lab = Lab(everything)
    lab.outlet("u1", sends=False, channel_format="string", nominal_rate_hz=0.0)
    lab.begin()
    lab.run(2.0)

    lab.outlet("twin", sends=False, channel_format="string", nominal_rate_hz=0.0)
    lab.run(7.0)

    assert lab.announcements() == [("up", "amp (EEG)")]
    assert len(lab.connections) == 2
    assert lab.monitor.warnings


def test_every_wanted_stream_is_opened_once_even_when_it_restarts_quickly():
    lab = Lab(everything)
    lab.outlet("u1")
    lab.outlet("g1", name="eye", type="Gaze", nominal_rate_hz=0.0)
    lab.begin()
    lab.run(2.0)

    lab.dies("u1", hidden=False)
    lab.outlet("u2", visible_after_s=0.3)
    lab.run(2.0)
    lab.seen.pop("u1")
    lab.run(10.0)

    assert sorted(lab.states) == ["amp", "eye"]
    assert lab.announcements() == [("stalled", "amp"), ("lost", "amp"), ("up", "amp")]


def test_another_device_that_was_there_all_the_time_does_not_take_the_place_of_ours():
    named_amp = OneStream("eeg", lambda infos: next((i for i in infos if i.name == "amp"), None) or only_eeg(infos))
    lab = Lab(named_amp)
    lab.outlet("u1")
    lab.outlet("o1", name="other")
    lab.begin()
    lab.run(2.0)

    lab.dies("u1")
    lab.run(20.0)

    assert [c.uid for c in lab.connections] == ["u1"]


def test_two_newcomers_under_the_name_of_a_lost_stream_are_not_guessed_between():
    lab = Lab(eeg)
    lab.outlet("u1")
    lab.begin()
    lab.run(2.0)
    lab.dies("u1")
    lab.run(4.0)

    lab.outlet("u2")
    lab.outlet("u3")
    lab.run(3.0)

    assert [c.uid for c in lab.connections] == ["u1"]
    assert any("none is taken" in warning for warning in lab.monitor.warnings)

    lab.dies("u3")
    lab.run(0.5)
    assert lab.connections[-1].uid == "u2"


def test_after_a_cable_pull_the_old_connection_may_send_on():
    lab = Lab(eeg)
    lab.outlet("u1")
    lab.begin()
    lab.run(2.0)
    visible = lab.seen["u1"]
    lab.dies("u1")
    lab.run(8.0)

    lab.seen["u1"] = visible
    lab.sending.add("u1")
    lab.run(5.0)

    assert lab.announcements() == [("lost", "amp"), ("up", "amp")]
    assert len(lab.connections) == 1


def test_a_stream_that_is_visible_again_but_silent_gets_a_new_connection():
    lab = Lab(eeg)
    lab.outlet("u1")
    lab.begin()
    lab.run(2.0)
    visible = lab.seen["u1"]
    lab.dies("u1")
    lab.run(8.0)

    lab.seen["u1"] = visible
    lab.run(2.5)

    assert [c.uid for c in lab.connections] == ["u1", "u1"]
    assert lab.connections[0].stopped


@pytest.mark.parametrize(("absence_s", "connections"), [(6.0, 1), (30.0, 2)])
def test_markers_that_are_visible_again_get_a_new_connection_only_after_a_long_absence(absence_s, connections):
    lab = Lab(everything)
    lab.outlet("u1", sends=False, channel_format="string", nominal_rate_hz=0.0)
    lab.begin()
    lab.run(2.0)
    visible = lab.seen.pop("u1")
    lab.run(absence_s)

    lab.seen["u1"] = visible
    lab.run(1.0)

    assert lab.announcements() == [("lost", "amp"), ("up", "amp")]
    assert len(lab.connections) == connections


def test_a_broken_connection_to_an_outlet_that_is_still_there_is_made_again():
    lab = Lab(eeg)
    lab.outlet("u1", source_id="")
    lab.begin()
    lab.run(2.0)

    lab.connection("u1").ended = "broken"
    lab.run(3.0)

    assert lab.announcements() == [("lost", "amp"), ("up", "amp")]
    assert len(lab.connections) == 2
    assert lab.states == {"amp": StreamState.STREAMING}


def test_one_stream_that_two_want_is_opened_once():
    lab = Lab(eeg, everything)
    lab.outlet("u1")

    lab.begin()
    lab.run(3.0)

    assert len(lab.connections) == 1
    assert lab.monitor.streams[0].requested_by == {"eeg", "all"}


def test_a_stream_without_its_description_is_not_opened_yet():
    lab = Lab(everything)
    lab.outlet("u1")
    lab.seen["u1"].described = False
    lab.begin()
    lab.run(3.0)
    assert lab.connections == []

    lab.seen["u1"].described = True
    lab.run(0.2)
    assert len(lab.connections) == 1


def test_a_return_waits_for_its_description():
    lab = Lab(eeg)
    lab.outlet("u1")
    lab.begin()
    lab.run(2.0)
    lab.dies("u1")
    lab.run(4.0)

    lab.outlet("u2")
    lab.seen["u2"].described = False
    lab.run(0.5)
    assert [c.uid for c in lab.connections] == ["u1"]

    lab.seen["u2"].described = True
    lab.run(0.2)
    assert lab.connections[-1].uid == "u2"


def test_an_outlet_that_has_just_gone_makes_nothing_ambiguous():
    lab = Lab(eeg)
    lab.begin()
    lab.run(2.0)

    lab.outlet("old")
    lab.run(0.3)
    lab.outlet("u1")
    lab.run(0.3)
    lab.dies("old")
    lab.run(2.0)

    assert lab.monitor.warnings == ()
    assert lab.connections[-1].uid == "u1"


def test_ending_stops_every_connection_old_ones_too():
    lab = Lab(everything)
    lab.outlet("u1")
    lab.outlet("g1", name="eye")
    lab.begin()

    assert lab.monitor.end(1.0)
    assert all(connection.stopped for connection in lab.connections)


@pytest.mark.parametrize(
    "change",
    [
        {"channels": (Channel("Fz"), Channel("Cz"), Channel("Pz"))},
        {"nominal_rate_hz": 50.0},
        {"channel_format": "double64"},
        {"source_id": "another"},
    ],
)
def test_a_stream_that_comes_back_changed_names_the_one_whose_place_it_takes(change):
    lab = Lab(eeg)
    lab.outlet("u1")
    lab.begin()
    lab.run(2.0)
    lab.dies("u1")
    lab.run(4.0)

    lab.outlet("u2", **change)
    lab.run(2.0)
    lab.dies("u2")
    lab.run(4.0)
    lab.outlet("u3", **change)
    lab.run(2.0)

    ups = [(item.info.stream_id, item.replaces) for item in lab.items if isinstance(item, StreamUp)]
    assert ups == [("amp (EEG)", "amp"), ("amp (EEG)", "")]


def notices(lab):
    return [(item.stream_id, item.text, item.trusted) for item in lab.items if isinstance(item, StreamNotice)]


def test_a_twin_that_comes_later_is_a_notice_once():
    lab = Lab(eeg)
    lab.outlet("u1")
    lab.begin()
    lab.run(2.0)
    assert notices(lab) == []

    lab.outlet("u2", visible_after_s=0.1)
    lab.run(20.0)

    ((stream, text, trusted),) = notices(lab)
    assert (stream, trusted) == ("amp", None)
    assert "called the same" in text


def test_a_stream_that_never_sends_is_a_notice_after_its_announcement():
    lab = Lab(eeg)
    lab.begin()
    lab.outlet("u1", sends=False)
    lab.run(12.0)

    assert [type(item) for item in lab.items] == [StreamUp, StreamNotice]
    assert "no sample came" in lab.items[1].text


def test_streams_that_are_ambiguous_are_a_notice_of_no_stream():
    lab = Lab(eeg)
    lab.begin()
    lab.outlet("u1")
    lab.outlet("u2", name="other")
    lab.run(10.0)

    ((stream, text, _),) = notices(lab)
    assert stream == ""
    assert "several EEG streams" in text


def test_only_so_many_streams_are_opened(monkeypatch):
    monkeypatch.setattr(lsl_monitor, "MAX_OPEN", 5)
    lab = Lab(everything)
    for k in range(9):
        lab.outlet(f"u{k}", name=f"n{k}")
    lab.begin()
    lab.run(3.0)

    assert len(lab.connections) == 5
    assert [text for _, text, _ in notices(lab)] == ["5 streams are open; the others are left alone"]


def test_samples_that_are_lost_by_a_quick_restart_are_counted():
    lab = Lab(eeg)
    lab.outlet("u1")
    lab.begin()
    stream = lab.monitor.streams[0]
    send = {"data": 0}

    def deliver(begin_s, n):
        for k in range(n):
            data = Chunk("amp", np.array([begin_s + 0.01 * k]), np.full((1, 1), float(send["data"])))
            send["data"] += 1
            stream.deliver(begin_s + 0.01 * k + 0.02, data, [data])

    deliver(100.0, 400)
    stream.reconnect(stream.info)
    deliver(104.37, 400)

    assert stream.status(110.0).n_missing == 37
    assert [text for _, text, _ in notices(lab)] == ["37 samples are missing since the connection before"]

    stream.reconnect(stream.info)  # the sender's computer was restarted: its clock begins anew
    stream.deliver(108.87, Chunk("amp", np.array([3.0]), np.zeros((1, 1))), [])
    deliver(3.01 - 0.0, 10)
    assert stream.status(110.0).n_missing == 37 + 48  # 0.49 s by arrival


def test_samples_that_are_sent_twice_are_counted_and_reported_once():
    lab = Lab(eeg)
    lab.outlet("u1")
    lab.begin()
    stream = lab.monitor.streams[0]
    rng = np.random.default_rng(1)
    for k in range(200):
        chunk = Chunk("amp", 100.0 + 0.01 * (4 * k + np.arange(4)), rng.normal(size=(4, 2)))
        for _ in range(2 if k in (50, 120) else 1):
            stream.deliver(100.0 + 0.04 * k, chunk, [chunk])

    assert stream.status(110.0).n_repeated == 8
    assert [text for _, text, _ in notices(lab)] == ["it sends samples twice"]


def test_different_samples_under_one_stamp_are_no_repetition():
    lab = Lab(eeg)
    lab.outlet("u1")
    lab.begin()
    stream = lab.monitor.streams[0]
    for k in range(100):
        chunk = Chunk("amp", np.full(4, 100.0 + 0.04 * k), np.arange(8.0).reshape(4, 2))
        stream.deliver(100.0 + 0.04 * k, chunk, [chunk])

    assert stream.status(110.0).n_repeated == 0


def test_the_watch_states_that_nobody_looked_before_it_looks_again(monkeypatch):
    """Ticks of 0.1 s, one of 4 s and one of exactly a second, which is none yet."""
    now, pauses, calls = [100.0], [0.1, 4.0, 0.1, 1.0, 0.1], []

    def wait(_seconds):
        now[0] += pauses.pop(0) if pauses else 0.0
        return not pauses

    def tick(now_s, _seen, _dead):
        calls.append(("tick", round(now_s, 6)))
        return set()

    stood_still = lambda now_s, seconds: calls.append(("stood still", round(now_s, 6), round(seconds, 6)))  # noqa: E731
    directory = SimpleNamespace(look=dict, doubt=lambda _uids: None, dead=set(), problems={})
    monkeypatch.setattr(lsl_source, "local_clock", lambda: now[0])
    watch = _Watch(SimpleNamespace(stood_still=stood_still, tick=tick))
    watch._stop = SimpleNamespace(wait=wait)
    watch._run(directory)
    assert watch.failure == ""
    assert calls == [
        ("tick", 100.1), ("stood still", 104.1, 4.0), ("tick", 104.1), ("tick", 104.2), ("tick", 105.2),
    ]  # fmt: skip
