"""What clients are shown of EEG and gaze: times, what is absent, which eye."""

from __future__ import annotations

import numpy as np
import pytest

from rtemo.core.channel_map import EegChannelMap, EyeColumns, GazeChannelMap, Screen, ViewGeometry
from rtemo.core.eeg.conditioning import GridBlock
from rtemo.core.pipeline import Pipeline
from rtemo.core.settings import PipelineSettings
from rtemo.core.types import Channel, Chunk, Modality, StreamInfo
from rtemo.live.service.display_taps import DisplayTaps

EEG = StreamInfo("e", "amp", "EEG", "float32", 100.0, (Channel("Cz"),))
GAZE = StreamInfo("g", "tracker", "Gaze", "float32", 100.0, tuple(Channel(c) for c in "xyd"))
EYE = EyeColumns(0, 1, 2)


class Sink:
    def __init__(self, wanted=True):
        self.wanted, self.eeg, self.gaze, self.events = wanted, [], [], []

    def put_eeg(self, block):
        self.eeg.append(block)

    def put_gaze(self, block):
        self.gaze.append(block)

    def put_gaze_events(self, events):
        self.events += list(events)


@pytest.fixture
def pipeline():
    made = Pipeline(PipelineSettings())
    made.add_stream(EEG, EegChannelMap((0,), ("Cz",), np.array([[0, 0, 1]], np.float32), np.ones(1)))
    made.add_stream(GAZE, GazeChannelMap(EYE, EYE, ViewGeometry.of_screen(Screen()), pupil_unit="mm"))
    return made


def looking(begin_s, end_s):
    """Eyes that look about, and blink from 102 to 102.2 s and are gone from 103 to 104 s."""
    times = np.arange(round(100 * begin_s), round(100 * end_s)) / 100
    values = np.column_stack([0.5 + 0.01 * np.sin(7 * times), 0.4 + 0 * times, 3.0 + 0.1 * np.sin(times)])
    values[((times > 102.0) & (times < 102.2)) | ((times > 103.0) & (times < 104.0))] = np.nan
    return Chunk("g", times, values)


def test_gaze_and_its_events_are_shown_without_losses(pipeline):
    sink = Sink()
    taps = DisplayTaps(sink)
    taps.update(pipeline)
    pipeline.push(looking(100.0, 106.0))
    taps.update(pipeline)
    times = np.concatenate([block.times for block in sink.gaze])
    np.testing.assert_allclose(times, np.arange(10000, 10600) / 100)
    xy = np.vstack([block.xy for block in sink.gaze])
    np.testing.assert_allclose(xy[:100, 0], 0.5 + 0.01 * np.sin(7 * times[:100]), atol=1e-6)
    assert np.isnan(xy[(times > 102.0) & (times < 102.2)]).all()
    assert [event.kind for event in sink.events] == ["fixation", "blink", "fixation"]
    blink = sink.events[1]
    assert (blink.start_s, blink.end_s) == pytest.approx((102.005, 102.195), abs=0.011)


def test_the_eye_that_is_valid_is_shown_or_the_mean_of_both():
    sink = Sink()
    samples = np.array([
        [0.2, 0.4, 0.4, 0.8, 3.0, 4.0],
        [np.nan, np.nan, 0.4, 0.8, np.nan, 4.0],
        [0.2, 0.4, np.nan, np.nan, 3.0, np.nan],
        [np.nan] * 6,
    ])  # fmt: skip
    DisplayTaps(sink)._gaze(np.arange(4.0), samples)
    np.testing.assert_allclose(sink.gaze[0].xy, [[0.3, 0.6], [0.4, 0.8], [0.2, 0.4], [np.nan, np.nan]])
    np.testing.assert_allclose(sink.gaze[0].pupils_mm, samples[:, 4:])


def test_eeg_has_the_times_of_the_grid_and_nan_where_it_is_absent(pipeline):
    sink = Sink()
    taps = DisplayTaps(sink)
    taps.update(pipeline)
    values = np.array([[1.0], [2.0], [3.0]])
    taps._eeg(GridBlock(20_000, values, values, np.array([[True], [False], [True]]), restarted=False))
    np.testing.assert_array_equal(sink.eeg[0].times, [100.0, 100.005, 100.01])
    np.testing.assert_array_equal(sink.eeg[0].microvolts, [[1.0], [np.nan], [3.0]])


def test_while_nobody_looks_nothing_is_kept(pipeline):
    sink = Sink()
    taps = DisplayTaps(sink)
    taps.update(pipeline)
    assert pipeline.branch(Modality.EEG).tap is not None
    sink.wanted = False
    taps.update(pipeline)
    assert pipeline.branch(Modality.EEG).tap is None
    assert pipeline.branch(Modality.GAZE).tap is None
    pipeline.push(looking(100.0, 106.0))
    taps.update(pipeline)
    assert (sink.gaze, sink.events) == ([], [])
    sink.wanted = True
    taps.update(pipeline)
    assert sink.events == []  # those of before are not shown late
