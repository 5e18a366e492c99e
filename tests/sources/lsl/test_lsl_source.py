"""LslSource on real outlets in a process of their own, with the faults that labs have. Nothing here sleeps: every test
waits for what must happen, and fails when it does not.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from itertools import pairwise

import numpy as np
import pytest
from lab import DEADLINE_S, Heard, Sender

from rtemo.core.errors import RtemoError
from rtemo.core.timing.clock_correction import ClockModel
from rtemo.core.types import StreamState
from rtemo.sources.lsl import inlet as lsl_inlet
from rtemo.sources.lsl.source import EveryStream, LslSource, OneStream, local_clock
from rtemo.sources.lsl.times.clock_offsets import ClockBasis

LOOK_S = 0.8  # all outlets of this computer answer within 0.5 s


def only_eeg(infos):
    found = [info for info in infos if info.type == "EEG"]
    if len(found) > 1:
        raise RtemoError("several EEG streams", " | ".join(info.describe() for info in found))
    return found[0] if found else None


EEG = OneStream("eeg", only_eeg)
MARKERS = EveryStream("markers", lambda info: info.type == "Markers")


@pytest.fixture
def senders():
    """Makes senders; all of them end with the test."""
    made = []

    def make():
        made.append(Sender())
        return made[-1]

    yield make
    for sender in made:
        sender.close()


@pytest.fixture
def listen():
    """Opens sources; each is stopped, and its threads are gone, at the end of the test."""
    opened = []

    def start(*requests):
        source = LslSource(requests, look_s=LOOK_S)
        opened.append(source)
        heard = Heard(source)
        heard.named = source.start()
        return heard

    yield start
    for source in opened:
        source.stop()
    assert [thread.name for thread in threading.enumerate() if thread.name.startswith("lsl")] == []


def lsl_times(heard, stream_id="amp"):
    """The LSL times of everything heard, as a replay would compute them."""
    clock = ClockModel()
    for offset in heard.offsets(stream_id):
        clock.add(offset)
    return clock.to_lsl(heard.stamps(stream_id))


def breaks(indices):
    """Where samples are missing or doubled: the indices before and after."""
    return [(before, after) for before, after in pairwise(indices) if after != before + 1]


def test_samples_come_raw_and_whole_through_short_and_long_pauses(senders, listen):
    sender = senders()
    sender.open(hz=500.0, nominal_hz=500.0, chunk=5)
    heard = listen(EEG)
    heard.until(lambda h: h.n() > 100)
    info = heard.named[0]
    assert info.labels == ("Fz", "Cz", "Pz", "Oz")
    assert {channel.unit for channel in info.channels} == {"microvolts"}

    for silence_s in (0.05, 0.1):
        before = sender.do("pause")
        heard.until(lambda h, b=before, s=silence_s: local_clock() > b["now"] + s)
        sender.do("resume")
        n = heard.n()
        heard.until(lambda h, n=n: h.n() > n + 50)
    assert heard.downs() == []

    sender.do("pause")
    heard.until(lambda h: h.downs())
    sender.do("resume")
    n = heard.n()
    heard.until(lambda h: h.n() > n + 50)

    assert breaks(heard.indices()) == []
    assert [down.state for down in heard.downs()] == [StreamState.STALLED]
    assert heard.ups() == []
    assert heard.chunks()[0].values.dtype == np.float64
    gaps = np.diff(heard.stamps()) - 0.002
    assert np.max(gaps) > 0.4  # the pause is in the stamps: nobody straightened them
    assert np.count_nonzero(gaps > 0.02) == 3
    age_s = heard.source.status()[0].age_s
    assert 0.0 < age_s < 1.0
    assert heard.source.warnings == ()


def test_the_first_measurement_of_a_clock_comes_before_the_first_sample(senders, listen):
    senders().open()
    heard = listen(EEG)

    heard.until(lambda h: h.n() > 50)

    first = heard.items[0]
    assert first == heard.offsets()[0]
    assert abs(first.offset_s) < 0.01
    assert first.time_s <= heard.chunks()[0].stamps[0]


def test_a_killed_sender_that_starts_again_goes_on_as_the_same_stream(senders, listen):
    sender = senders()
    sender.open()
    heard = listen(EEG)
    heard.until(lambda h: h.n() > 50)
    sender.kill()
    heard.until(lambda h: h.downs() and h.downs()[-1].state is StreamState.LOST)
    n = heard.n()
    assert breaks(heard.indices()) == []
    assert heard.source.missing == ("eeg",)

    uid = senders().open()
    back_s = local_clock()
    heard.until(lambda h: h.n() > n)

    assert heard.stamps()[n] - back_s < 3.0
    assert [(info.stream_id, info.uid) for info in heard.ups()] == [("amp", uid)]
    assert len(heard.offsets()) >= 2
    assert heard.source.status()[0].n_returns == 1
    assert heard.source.missing == ()
    np.testing.assert_allclose(lsl_times(heard), heard.stamps(), atol=0.01)


def test_a_quick_restart_with_other_channels_and_another_rate_is_a_new_stream(senders, listen):
    sender = senders()
    sender.open()
    heard = listen(EEG)
    heard.until(lambda h: h.n() > 50)

    sender.do("close")
    sender.open("b", channels=6, labels=["A", "B", "C", "D", "E", "F"], hz=100.0, nominal_hz=100.0)
    back_s = local_clock()
    heard.until(lambda h: h.n("amp (EEG)") > 50)

    assert heard.stamps("amp (EEG)")[0] - back_s < 3.0
    assert [info.labels for info in heard.ups()] == [("A", "B", "C", "D", "E", "F")]
    assert heard.chunks("amp (EEG)")[0].values.shape[1] == 6
    assert heard.downs()[-1].stream_id == "amp"
    assert [status.info.stream_id for status in heard.source.status()] == ["amp (EEG)"]


def test_a_twin_is_reported_and_does_not_take_over(senders, listen):
    ours, other = senders(), senders()
    ours.open()
    heard = listen(EEG)
    heard.until(lambda h: h.n() > 50)
    other.open()
    heard.until(lambda h: any("called the same" in warning for warning in h.source.warnings))

    ours.kill()
    heard.until(lambda h: h.downs() and h.downs()[-1].state is StreamState.LOST)
    n, lost_s = heard.n(), local_clock()
    heard.until(lambda _h: local_clock() > lost_s + 2.5)  # liblsl alone would have taken the twin by now

    assert heard.n() == n
    assert heard.ups() == []
    assert heard.source.missing == ("eeg",)


def test_two_streams_that_fit_are_refused_with_both_listed(senders):
    sender = senders()
    sender.open()
    sender.open("b", name="other amp", source_id="amp-2")
    source = LslSource([EEG], look_s=LOOK_S)

    with pytest.raises(RtemoError, match=r"amp.*other amp"):
        source.start()

    assert [thread.name for thread in threading.enumerate() if thread.name.startswith("lsl")] == []


def test_streams_of_one_name_and_source_are_all_recorded(senders, listen):
    sender = senders()
    for key in "ab":
        sender.open(key)
    heard = listen(EveryStream("all", lambda info: info.type == "EEG"))

    heard.until(lambda h: h.n("amp") > 50 and h.n("amp (EEG)") > 50)

    assert breaks(heard.indices("amp")) == []
    assert breaks(heard.indices("amp (EEG)")) == []


def test_stamps_in_unix_time_end_up_in_lsl_time(senders, listen):
    senders().open(clock="unix", nominal_hz=256.0, hz=256.0, chunk=12)
    heard = listen(EEG)

    heard.until(lambda h: h.n() > 100)

    assert heard.stamps()[0] > 1e9
    age_s = local_clock() - lsl_times(heard)[-1]
    assert -0.005 < age_s < 0.5
    assert heard.source.status()[0].clock is ClockBasis.FOREIGN
    assert any("not in LSL time" in warning for warning in heard.source.warnings)


def test_a_wrong_nominal_rate_is_seen_in_the_status_and_nothing_counts_as_missing(senders, listen):
    senders().open(nominal_hz=600.0, hz=120.0, chunk=1, type="EEG")
    heard = listen(EEG)

    heard.until(lambda h: h.n() > 240)

    status = heard.source.status()[0]
    assert status.rate_hz == pytest.approx(120.0, rel=0.02)
    assert status.n_missing == 0


def test_bursts_of_nan_pass_as_they_are(senders, listen):
    sender = senders()
    sender.open()
    heard = listen(EEG)
    heard.until(lambda h: h.n() > 20)

    sender.do("nan", n=30)
    heard.until(lambda h: sum(np.isnan(c.values[:, 1]).sum() for c in h.chunks()) == 30)

    assert breaks(heard.indices()) == []


def test_markers_come_as_text_with_their_own_stamps_and_silence_is_no_fault(senders, listen):
    sender = senders()
    sender.markers()
    heard = listen(MARKERS)
    begin_s = local_clock()
    heard.until(lambda _h: local_clock() > begin_s + 1.5)

    said = sender.do("say", "m", text="Früh\nsad μV")
    heard.until(lambda h: h.n())

    chunk = heard.chunks("events")[0]
    assert chunk.values.tolist() == [["Früh\nsad μV"]]
    assert chunk.values.dtype == object
    assert chunk.stamps[0] == pytest.approx(said["now"], abs=0.05)
    assert isinstance(heard.items[0], type(heard.offsets()[0]))
    assert heard.downs() == []


def test_a_stream_that_starts_late_is_announced_before_its_first_sample(senders, listen):
    sender = senders()
    sender.markers()
    heard = listen(EEG, MARKERS)
    assert [info.stream_id for info in heard.named] == ["events"]
    assert heard.source.missing == ("eeg",)

    sender.open()
    heard.until(lambda h: h.n("amp"))

    assert [info.stream_id for info in heard.ups()] == ["amp"]
    assert heard.source.missing == ()
    kinds = [type(item).__name__ for item in heard.items]
    assert kinds[:3] == ["StreamUp", "ClockOffset", "Chunk"]


def test_gaze_of_no_declared_rate_flows_and_is_missed_when_it_stops(senders, listen):
    sender = senders()
    sender.open(name="eye", type="Gaze", nominal_hz=0.0, hz=120.0, chunk=1, format="float32", source_id="eye-1")
    heard = listen(OneStream("gaze", lambda infos: next(iter(infos), None)))
    heard.until(lambda h: h.n() > 150)

    sender.do("pause")
    heard.until(lambda h: h.downs())

    assert heard.chunks()[0].values.dtype == np.float32
    assert heard.downs()[0].state is StreamState.STALLED
    assert breaks(heard.indices()) == []


@pytest.mark.skipif(sys.platform == "win32", reason="processes cannot be frozen")
def test_what_a_frozen_sender_kept_comes_whole_in_one_burst(senders, listen):
    """The kernel of a sender holds what was sent, as a cable pull does; nothing of it may be lost or come twice."""
    sender = senders()
    sender.open()
    heard = listen(EEG)
    heard.until(lambda h: h.n() > 50)

    os.kill(sender.process.pid, signal.SIGSTOP)
    heard.until(lambda h: h.downs() and h.downs()[-1].state is StreamState.LOST)
    os.kill(sender.process.pid, signal.SIGCONT)
    burst = sender.do("burst", n=9000)
    heard.until(lambda h: h.indices()[-1] >= burst["sent"] - 1)

    assert breaks(heard.indices()) == []
    assert [info.stream_id for info in heard.ups()] == ["amp"]


class Gate:
    """Holds up the receiving thread of a source, as a busy interpreter does, while samples come in."""

    def __init__(self, monkeypatch):
        self.open = threading.Event()
        self.open.set()
        self.held_up = threading.Event()
        self.connections = []
        pull = lsl_inlet._Connection.pull

        def held_up(connection, timeout_s):
            self.connections.append(connection)
            if not self.open.is_set():
                self.held_up.set()
            self.open.wait(DEADLINE_S)
            pull(connection, timeout_s)

        monkeypatch.setattr(lsl_inlet._Connection, "pull", held_up)

    def close(self):
        self.open.clear()
        assert self.held_up.wait(DEADLINE_S)

    @property
    def n_kept(self):
        """Samples that liblsl has received and that were not taken yet."""
        return self.connections[-1]._inlet.samples_available()


def test_what_had_arrived_when_the_sender_died_is_not_lost(senders, listen, monkeypatch):
    gate = Gate(monkeypatch)
    sender = senders()
    sender.open()
    heard = listen(EEG)
    heard.until(lambda h: h.n() > 50)
    gate.close()

    heard.until(lambda _h: gate.n_kept > 100)
    sender.kill()
    heard.until(lambda h: h.downs() and h.downs()[-1].state is StreamState.LOST)
    kept, n = gate.n_kept, heard.n()
    gate.open.set()
    heard.until(lambda h: h.n() >= n + kept)

    assert breaks(heard.indices()) == []


def test_what_had_arrived_when_the_source_was_stopped_can_still_be_read(senders, listen, monkeypatch):
    gate = Gate(monkeypatch)
    sender = senders()
    sender.open()
    heard = listen(EEG)
    heard.until(lambda h: h.n() > 50)
    gate.close()

    sender.do("burst", n=5000)
    heard.until(lambda _h: gate.n_kept >= 5000)
    n = heard.n()
    heard.source._monitor._connected[0].connection.stop()
    gate.open.set()
    heard.source.stop()
    heard.rest()

    assert heard.n() >= n + 5000
    assert breaks(heard.indices()) == []


def test_a_marker_that_came_before_its_clock_was_known_is_not_lost_by_a_stop(senders, listen):
    sender = senders()
    sender.markers()
    heard = listen(MARKERS)
    assert sender.do("wait", "m", timeout_s=DEADLINE_S)["consumed"]

    sender.do("say", "m", text="start")
    heard.until(lambda h: h.source.status()[0].n_samples)
    heard.source.stop()
    heard.rest()

    assert [chunk.values.tolist() for chunk in heard.chunks()] == [[["start"]]]
    assert heard.items[0] == heard.offsets()[0]


def test_a_backlog_longer_than_one_pull_comes_whole_and_at_once(senders, listen):
    sender = senders()
    sender.open(channels=32, labels=[])
    heard = listen(EEG)
    heard.until(lambda h: h.n() > 20)

    burst = sender.do("burst", n=5000)
    heard.until(lambda h: h.indices()[-1] >= burst["sent"] - 1)

    assert breaks(heard.indices()) == []


def test_stop_ends_a_read_that_waits_and_leaves_what_was_received(senders, listen):
    senders().open()
    heard = listen(EEG)
    heard.until(lambda h: h.n() > 20)
    source = heard.source
    waiting = LslSource([OneStream("gaze", lambda _infos: None)], look_s=LOOK_S)
    waiting.start()
    ended = threading.Event()
    reader = threading.Thread(target=lambda: (waiting.read(2.0), ended.set()))
    reader.start()

    waiting.stop()
    source.stop()
    source.stop()
    heard.rest()

    assert ended.wait(5.0)
    reader.join()
    assert waiting.exhausted
    assert source.exhausted
    assert source.read(0.0) == []
    assert breaks(heard.indices()) == []


def test_a_source_that_is_stopped_before_it_starts_is_exhausted():
    source = LslSource([EEG])

    source.stop()

    assert source.exhausted
    assert source.read(0.0) == []
