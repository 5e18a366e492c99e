"""The arrays that fixed-montage methods see."""

from __future__ import annotations

import numpy as np
import pytest
from invented import about, invented_corpus, invented_windows

from offline.corpus.corpus import open_corpus, write_manifest, write_recording
from offline.evaluation.window_table import Windows, fixed_channels, onto, tabulate, windows_that_offer
from rtemo.core.settings import PipelineSettings
from rtemo.core.types import Window

RANDOM = np.random.default_rng(3)


def on_sphere(n):
    places = RANDOM.normal(size=(n, 3))
    return (places / np.linalg.norm(places, axis=1, keepdims=True)).astype(np.float32)


def test_a_channel_that_is_there_is_taken_as_it_is():
    places = on_sphere(6)
    values = RANDOM.normal(size=(3, 4, 6, 5)).astype(np.float32)
    got = onto(values, np.ones((3, 4, 6), bool), places, places[[4, 1]])

    np.testing.assert_allclose(got, values[:, :, [4, 1]].mean(axis=1), atol=1e-4)


def test_a_bad_channel_is_estimated_from_its_neighbours_and_never_read():
    places = np.array([[0, 0, 1], [0.1, 0, 0.995], [0, 0.1, 0.995], [0, 0, -1]], np.float32)
    values = np.array([np.nan, 1.0, 1.0, 9.0], np.float32).reshape(1, 1, 4, 1)
    mask = np.array([False, True, True, True]).reshape(1, 1, 4)

    assert onto(values, mask, places, places[:1])[0, 0, 0] == pytest.approx(1.0, abs=0.01)


def test_frames_without_a_usable_channel_do_not_count_and_a_window_without_any_is_zero():
    places = on_sphere(2)
    values = np.full((2, 2, 2, 1), 3.0, np.float32)
    mask = np.array([[[True, True], [False, False]], [[False, False], [False, False]]])

    assert onto(values, mask, places, places)[:, :, 0].tolist() == [[3.0, 3.0], [0.0, 0.0]]


def test_mixed_montages_are_put_on_the_ten_twenty_places(tmp_path):
    chosen = fixed_channels(invented_corpus(tmp_path, 3).shards)

    assert len(chosen.labels) == 19
    assert "10-20" in chosen.how


def test_one_montage_is_kept_as_it_is(tmp_path):
    table = tabulate(one_montage(tmp_path))

    assert table.channels.labels == tuple(f"E{i}" for i in range(12))
    assert table.channels.how == "12 channels in common"
    shard = table.shards[0]
    centres_in_delta = table.bands[0]
    expected = shard.eeg[0][..., list(centres_in_delta)].astype(np.float32).mean(axis=(0, 2))
    np.testing.assert_allclose(table.de[0, :, 0], expected, atol=1e-3)


def one_montage(path):
    recordings = []
    for person in range(2):
        windows, labels, trials = invented_windows(person, 12)
        recordings.append(write_recording(path, about(person, windows[0].channels), windows, labels, trials))

    write_manifest(path, "invented", PipelineSettings().to_dict(), ("a", "b", "c", "d"), {}, recordings)
    return open_corpus(path)


def test_a_hidden_modality_is_zero_and_not_offered(tmp_path):
    table = tabulate(invented_corpus(tmp_path, 3))
    windows = Windows(table, np.arange(10), ("eeg", "eye"))
    blind = windows.only(("eeg",))

    assert windows.eye.any()
    assert not blind.eye.any()
    assert not blind.has("eye").any()
    assert blind.has("eeg").all()
    assert (blind.de == windows.de).all()


def test_every_trial_counts_the_same_and_thinning_spreads_over_the_trial(tmp_path):
    table = tabulate(invented_corpus(tmp_path, 2, n_trials=4, per_trial=9))
    uneven = Windows(table, np.arange(9 + 3), ("eeg",))
    thin = Windows(table, np.arange(len(table)), ("eeg",)).thinned(3)

    assert uneven.weights[:9].sum() == pytest.approx(uneven.weights[9:].sum())
    assert uneven.weights.mean() == pytest.approx(1.0)
    assert thin.rows[:6].tolist() == [0, 4, 8, 9, 13, 17]


def test_windows_that_offer_nothing_take_no_part(tmp_path):
    windows, labels, trials = invented_windows(0, 8)
    blind = [Window(**{n: getattr(w, n) for n in w.__slots__} | {"eye_valid": np.zeros(33, bool)}) for w in windows[:6]]
    written = write_recording(tmp_path, about(0, windows[0].channels), [*blind, *windows[6:]], labels, trials)

    write_manifest(tmp_path, "invented", PipelineSettings().to_dict(), ("a", "b", "c", "d"), {}, [written])
    table = tabulate(open_corpus(tmp_path))

    assert (windows_that_offer(table, ("eye",)).ids.label[:6] == -1).all()
    assert (windows_that_offer(table, ("eye",)).ids.label[6:] == table.ids.label[6:]).all()
    assert (windows_that_offer(table, ("eeg", "eye")).ids.label == table.ids.label).all()
