"""What streams are called and recognised by, and what a record holds where nothing is given."""

from __future__ import annotations

import numpy as np
import pytest

from rtemo.core.types import Channel, Chunk, StreamInfo, Window, WindowSpec


def stream(n_channels=2, rate_hz=250.0):
    channels = tuple(Channel(label) for label in ("Fz", "Cz", "Pz")[:n_channels])
    return StreamInfo("s1", "Cap", "EEG", "float32", rate_hz, channels, "id7", "lab-pc", "u1")


def test_a_stream_is_recognised_by_what_stays_over_a_restart():
    assert stream().key == ("Cap", "EEG", "id7", "lab-pc", 2)
    assert stream().labels == ("Fz", "Cz")


@pytest.mark.parametrize(("n_channels", "rate_hz", "size"), [
    (0, 250.0, "0 channels, 250 Hz"), (1, 512.5, "1 channel, 512.5 Hz"), (2, 0.0, "2 channels, irregular"),
    (1, 0.0, "1 channel, irregular"), (3, 1.0, "3 channels, 1 Hz"),
])  # fmt: skip
def test_lists_and_errors_name_a_stream_with_its_size(n_channels, rate_hz, size):
    one = stream(n_channels, rate_hz)
    assert one.brief() == f"Cap ({size})"
    assert one.describe() == f"name='Cap' type='EEG' source_id='id7' hostname='lab-pc' ({size}, float32)"


def test_a_chunk_that_did_not_come_just_now_has_no_time_of_arrival():
    chunk = Chunk("s1", np.zeros(3), np.zeros((3, 2)))
    assert len(chunk) == 3
    assert np.isnan(chunk.arrived_s)


def test_a_window_is_neither_settled_nor_forced_until_that_is_stated():
    empty = np.zeros(0, np.float32)
    windows = [Window(1.0, empty, empty, empty > 0, empty, empty, empty > 0, empty, (), 0.0, 0.0) for _ in range(2)]
    assert (windows[0].settled, windows[0].forced, windows[0].bad_channels) == (False, False, {})
    assert windows[0].bad_channels is not windows[1].bad_channels
    assert (windows[0].signal, windows[0].signal_size) == (None, None)


def test_windows_last_four_seconds_and_end_four_times_a_second():
    assert WindowSpec() == WindowSpec(4.0, 0.25, 1.0)
