"""What the SEED family publishes, checked against what else is published of it: counts, windows, order in time."""

from __future__ import annotations

from collections import Counter

import pytest

from offline.datasets.seed.published import (
    BANDS_HZ,
    CHANNELS,
    SEED_IV_LABELS,
    SEED_IV_NAMES,
    SEED_IV_SESSION_1_SAMPLES,
    SEED_IV_TRIALS,
    SEED_LABELS,
    SEED_NAMES,
    SEED_V_END_S,
    SEED_V_LABELS,
    SEED_V_START_S,
    SEED_V_TRIALS,
    SEED_VII_LABELS,
    SEED_VII_TRIALS,
    WINDOW_S,
)


@pytest.mark.parametrize("names", [SEED_NAMES, SEED_IV_NAMES])
def test_fifteen_people_came_three_times_on_later_days(names):
    assert list(names) == [1, 2, 3]
    days = {session: dict(name.split("_") for name in listed) for session, listed in names.items()}
    for listed in days.values():
        assert [int(subject) for subject in listed] == list(range(1, 16))
        assert all(len(day) == 8 and "2012" <= day[:4] <= "2017" for day in listed.values())
    for subject in days[1]:
        assert days[1][subject] < days[2][subject] < days[3][subject]


@pytest.mark.parametrize(("trials", "labels", "each"), [
    (SEED_IV_TRIALS, SEED_IV_LABELS, 6), (SEED_V_TRIALS, SEED_V_LABELS, 3),
])  # fmt: skip
def test_every_session_has_as_many_films_of_each_emotion(trials, labels, each):
    assert list(trials) == [1, 2, 3]
    for codes in trials.values():
        assert Counter(codes) == dict.fromkeys(labels.values(), each)


def test_the_films_of_seed_vii_come_twice_there_and_back():
    assert [len(codes) for codes in SEED_VII_TRIALS.values()] == [20] * 4
    for codes in SEED_VII_TRIALS.values():
        assert codes[:10] == codes[10:]
        assert codes[:5] == codes[9:4:-1]
        assert len(set(codes)) == 5


def test_seed_vii_has_twelve_films_of_each_emotion_and_eight_neutral_ones():
    counts = Counter(code for codes in SEED_VII_TRIALS.values() for code in codes)
    assert counts == {code: 8 if word == "neutral" else 12 for word, code in SEED_VII_LABELS.items()}


def test_codes_are_as_published():
    assert SEED_LABELS == {"negative": -1, "neutral": 0, "positive": 1}
    assert list(SEED_IV_LABELS) == ["neutral", "sad", "fear", "happy"]
    assert list(SEED_V_LABELS) == ["disgust", "fear", "sad", "neutral", "happy"]
    assert list(SEED_VII_LABELS) == ["disgust", "fear", "sad", "neutral", "happy", "anger", "surprise"]
    for labels in (SEED_IV_LABELS, SEED_V_LABELS, SEED_VII_LABELS):
        assert list(labels.values()) == list(range(len(labels)))


def test_session_1_of_seed_iv_has_851_windows_of_four_seconds():
    assert len(SEED_IV_SESSION_1_SAMPLES) == 24
    assert all((n - 1) % 200 == 0 for n in SEED_IV_SESSION_1_SAMPLES)  # whole seconds, and the last sample
    assert WINDOW_S == 4.0
    assert sum((n - 1) // 800 for n in SEED_IV_SESSION_1_SAMPLES) == 851


def test_the_films_of_seed_v_follow_each_other_with_a_pause():
    for session in (1, 2, 3):
        starts, ends = SEED_V_START_S[session], SEED_V_END_S[session]
        assert (len(starts), len(ends), starts[0]) == (15, 15, 30)
        assert all(50 <= end - start <= 300 for start, end in zip(starts, ends, strict=True))
        assert all(15 <= later - end <= 75 for end, later in zip(ends, starts[1:], strict=False))


def test_there_are_62_channels_in_rows_from_the_front_and_five_bands():
    assert len(CHANNELS) == len(set(CHANNELS)) == 62
    assert (CHANNELS[0], CHANNELS[9], CHANNELS[27], CHANNELS[57], CHANNELS[-1]) == ("FP1", "FZ", "CZ", "CB1", "CB2")
    assert BANDS_HZ == ((1, 4), (4, 8), (8, 14), (14, 31), (31, 50))
