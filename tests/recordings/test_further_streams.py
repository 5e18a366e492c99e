"""Streams without a role, as ECG: shown with their own times, live and in the replay, and summed up in the report."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from stream_builder import TEN_TWENTY, eeg_channels, stream
from xdf_build import write

from rtemo import resources
from rtemo.core.settings import PipelineSettings
from rtemo.core.types import Channel, Chunk, ClockOffset
from rtemo.live.replay.recorded_view import RecordedView
from rtemo.live.service.client import SAMPLES_S, merged
from rtemo.live.service.feed import Feed
from rtemo.live.service.further_streams import SHOWN_HZ, FurtherStreams, extremes
from rtemo.live.service.snapshot import TRACE_CHANNELS
from rtemo.live.service.wire import pack, unpack
from rtemo.recordings.open_recording import OpenRecording
from rtemo.report.further.section import further_section
from rtemo.report.quality import inspect
from rtemo.report.time_axis import Axis
from rtemo.sources.devices.profile import load_profiles
from rtemo.sources.stream_roles import StreamRoles

PROFILES = load_profiles(resources.devices())
AMP = replace(stream("amp", "EEG", eeg_channels(TEN_TWENTY), rate=250.0), stream_id="amp")
ECG = replace(stream("Chest", "ECG", [Channel("lead I", "ECG", "mV")], rate=100.0, source_id="c"), stream_id="ecg")
WIDE = replace(stream("Suit", "Mocap", 30, rate=50.0, source_id="m"), stream_id="suit")
NOTES = replace(stream("notes", "Log", ["text"], rate=0.0, fmt="string", source_id="n"), stream_id="notes")
OWN = replace(stream("rtemo", "Emotion", ["happy"], rate=0.0, source_id="rtemo::x@pc"), stream_id="own")
OHMS = replace(stream("net", "Impedance", [Channel("Cz", "Impedance", "kOhm")], source_id="z"), stream_id="z")
INFOS = {info.stream_id: info for info in (AMP, ECG, WIDE, NOTES, OWN, OHMS)}
OFFSET_S = 2.0


def heart(begin, n, base=0.0):
    """Samples of a lead whose clock is two seconds behind; one is no number."""
    k = np.arange(begin, begin + n)
    values = base + np.sin(k / 10.0).astype(np.float32)
    values[k == 50] = np.nan
    return Chunk("ecg", 998.0 + k / 100.0, values[:, np.newaxis])


def roles():
    found = StreamRoles(PROFILES)
    found.choose([AMP])
    return found


@pytest.fixture
def feed():
    made = Feed(lambda: 1000.0)
    made.take("")
    return made


def test_their_samples_are_shown_with_the_times_of_the_other_streams(feed):
    further, given = FurtherStreams(feed), roles().role_of
    further.take([ClockOffset("ecg", 998.0, OFFSET_S), heart(0, 60)], INFOS, given)
    further.take([heart(60, 40), Chunk("amp", np.array([1000.0]), np.zeros((1, 19), np.float32))], INFOS, given)
    others = [Chunk(one, np.array([1000.0]), np.zeros((1, 1), np.float32)) for one in ("own", "z")]
    further.take([*others, Chunk("notes", np.array([1000.0]), np.array([["a"]], object))], INFOS, given)
    snapshot, _ = unpack(pack(feed.take("")[0]))
    (block,) = snapshot.traces
    assert block.stream_id == "ecg"
    np.testing.assert_allclose(block.times, 1000.0 + np.arange(100) / 100.0)
    np.testing.assert_allclose(block.values[:40, 0], np.sin(np.arange(40) / 10.0), atol=1e-6)
    assert np.isnan(block.values[50, 0])


def test_a_client_gets_each_sample_once_and_what_another_stream_sends_drops_none(feed):
    further, given = FurtherStreams(feed), roles().role_of
    _, token = feed.take("")
    further.take([heart(0, 50)], INFOS, given)
    late = Chunk("suit", np.array([900.0]), np.ones((1, 30), np.float32))  # its clock is a minute and more behind
    further.take([late], INFOS, given)
    found, token = feed.take(token)
    assert {block.stream_id: block.values.shape for block in found.traces} == {
        "ecg": (50, 1),
        "suit": (1, TRACE_CHANNELS),
    }
    assert feed.take(token)[0].traces == ()


def test_a_window_that_polls_seldom_misses_nothing(feed):
    further, given = FurtherStreams(feed), roles().role_of
    further.take([heart(0, 50)], INFOS, given)
    old, token = feed.take("")
    further.take([heart(50, 30), Chunk("suit", np.array([998.6]), np.ones((1, 30), np.float32))], INFOS, given)
    new, token = feed.take(token)
    found = {block.stream_id: block.times for block in merged(old, new).traces}
    np.testing.assert_allclose(found["ecg"], 998.0 + np.arange(80) / 100.0)
    assert len(found["suit"]) == 1
    further.take([heart(80 + round(100 * SAMPLES_S), 10)], INFOS, given)
    later, _ = feed.take(token)
    (newest,) = (block for block in merged(old, later).traces if block.stream_id == "ecg")
    assert len(newest.times) == 10


def test_nothing_is_prepared_for_nobody():
    feed = Feed(lambda: 1000.0)
    FurtherStreams(feed).take([heart(0, 50)], INFOS, roles().role_of)
    assert feed.take("")[0].traces == ()


@pytest.mark.parametrize("rate_hz", [50.0, SHOWN_HZ, 1000.0, 44_100.0])
def test_no_peak_of_a_fast_stream_is_lost(rate_hz):
    values = np.zeros((1001, 2), np.float32)
    values[517, 0], values[600, 1] = 9.0, -9.0
    times, shown = extremes(np.arange(1001) / rate_hz, values, rate_hz)
    assert len(times) == len(shown) <= max(1001, 1)
    assert (shown.max(axis=0)[0], shown.min(axis=0)[1]) == (9.0, -9.0)
    assert (np.diff(times) >= 0).all()
    assert rate_hz <= SHOWN_HZ or len(times) <= 2 + SHOWN_HZ * 1001 / rate_hz


def test_a_recording_shows_them_at_any_place():
    view = RecordedView()
    for begin in range(0, 300, 50):
        FurtherStreams(view).take([heart(begin, 50)], INFOS, roles().role_of)
    FurtherStreams(view).take([heart(100, 10)], INFOS, roles().role_of)  # goes back: left out, as it cannot be drawn
    (block,) = view.traces(998.995, 999.495)
    np.testing.assert_allclose(block.times, 998.0 + np.arange(100, 150) / 100.0)
    view.close()


@pytest.fixture(scope="module")
def summaries(tmp_path_factory):
    noise = np.random.default_rng(0).normal(0, 20, (1500, 19)).astype(np.float32)
    amp = [Chunk("amp", 1000.0 + np.arange(k, k + 250) / 250.0, noise[k : k + 250]) for k in range(0, 1500, 250)]
    items = [AMP, ECG, OWN, amp[0], ClockOffset("ecg", 998.0, OFFSET_S), heart(0, 200), *amp[1:], heart(400, 200, 5.0)]
    path = write(tmp_path_factory.mktemp("further") / "session.xdf", *items)
    return inspect(OpenRecording(path, PROFILES, further=True), PipelineSettings()).traces


def test_the_report_sums_them_up_over_the_session(summaries):
    (one,) = summaries
    assert (one.stream, one.channel, one.unit) == ("Chest", "lead I", "mV")
    quiet = (one.times > 1002.02) & (one.times < 1003.98)
    assert np.isnan(one.mean[quiet]).all()  # nothing came, and nothing is drawn
    assert np.isfinite(one.mean[(one.times > 1000.05) & (one.times < 1001.95)]).all()
    assert one.mean[one.times > 1004.05].min() > 3.9
    assert (one.low <= one.mean)[~np.isnan(one.mean)].all()
    assert np.nanmax(one.high) == pytest.approx(6.0, abs=0.02)


def test_the_figure_is_open_where_nothing_came(summaries):
    page = further_section(summaries, Axis(1000.0, 1006.0))
    assert page.count(": range</title>") == 2
    assert "Chest" in page
    assert "lead I" in page
    assert "mV" in page
    assert further_section((), Axis(1000.0, 1006.0)) == ""


def test_of_a_fast_stream_the_lowest_and_highest_of_every_few_samples_stand_at_the_first_and_last_of_them():
    values = np.array([[3], [1], [4], [1], [5], [9], [2], [6], [5], [3]], np.float32)
    times, shown = extremes(np.arange(10) / 1000.0, values, 1000.0)  # every four, for 500 Hz
    assert times.tolist() == [0.0, 0.003, 0.004, 0.007, 0.008, 0.009]
    assert shown[:, 0].tolist() == [1, 4, 2, 9, 3, 5]
