"""The tables of trust: sessions of which the answer is known, through the demonstration bundle's decoder."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from offline.benchmarks import trust_elements as trust
from offline.benchmarks.trust_elements import elements, run, scores
from offline.benchmarks.trust_people import BenchSession
from offline.benchmarks.trust_tables import report
from rtemo import resources
from rtemo.core.types import Window
from rtemo.model.bundle import load_bundle
from rtemo.model.embeddings import HEADS

CLIPS, WINDOWS, CHANNELS = 5, 12, 8  # of each label; of a clip; electrodes


@pytest.fixture(scope="module")
def bundle():
    return load_bundle(resources.assets() / "models" / "demo")


def windows(bundle, n, *, eeg, gaze):
    shape = bundle.spec.input
    nothing = np.zeros((shape.frames, CHANNELS, shape.bands), np.float32)
    return tuple(
        Window(
            end_s=1000.0 + i,
            eeg=nothing,
            eeg_power=nothing,
            eeg_mask=np.full((shape.frames, CHANNELS), eeg),
            eye=np.zeros(shape.eye_features, np.float32),
            eye_raw=np.zeros(shape.eye_features, np.float32),
            eye_valid=np.full(shape.eye_features, gaze),
            positions=np.zeros((CHANNELS, 3), np.float32),
            channels=tuple(map(str, range(CHANNELS))),
            eeg_coverage=float(eeg),
            gaze_coverage=float(gaze),
            settled=True,
            forced=False,
            bad_channels={},
        )
        for i in range(n)
    )


def session(bundle, kind, person, *, clear=1.0, eeg=True, gaze=True):
    """Clips in which every head sees the label, more or less clearly; the labels take turns."""
    random = np.random.default_rng(person)
    labels = np.repeat(np.tile(np.arange(len(bundle.labels)), CLIPS), WINDOWS)
    z = {}
    for head, name in zip(HEADS, ("eeg", "eye", "both"), strict=True):
        weight = bundle.heads[head].weight - bundle.heads[head].weight.mean(axis=0)
        spread = np.linalg.cholesky(np.linalg.inv(bundle.familiar[name].precision.astype(np.float64)))
        noise = 0.3 * random.normal(size=(len(labels), len(spread))) @ spread.T
        z[head] = (bundle.familiar[name].mean + clear * weight[labels] + noise).astype(np.float32)
    made = windows(bundle, len(labels), eeg=eeg, gaze=gaze)
    bounds = tuple((int(labels[i]), 999.0 + i, 999.0 + i + WINDOWS) for i in range(0, len(labels), WINDOWS))
    return BenchSession(person, "default", kind, made, z, labels, np.repeat(np.arange(len(bounds)), WINDOWS), bounds)


def test_what_is_clear_is_found_and_what_cannot_be_seen_is_not_named(bundle):
    seen, blind = session(bundle, "day", 1), session(bundle, "day", 1, eeg=False, gaze=False)
    good, nothing = (scores([run(bundle, day, trust.tested(day))]) for day in (seen, blind))
    assert good["accuracy"] > 0.7
    assert good["coverage"] > 0.9
    assert nothing["signal"] == nothing["abstains"] == 1.0
    assert np.isnan(nothing["coverage"])  # no window is judged
    assert nothing["accuracy"] == 0.25


def test_only_clips_that_no_calibration_uses_are_judged_on_its_day(bundle):
    day, other = session(bundle, "day", 1), session(bundle, "other day", 1)
    assert set(day.clips[trust.tested(day)]) == set(range(8, 20))
    assert trust.tested(other).all()


def test_people_count_alike_and_who_has_no_window_counts_nowhere(bundle):
    good, bad = session(bundle, "day", 1), session(bundle, "day", 2, clear=-1.0)
    runs = [run(bundle, one, trust.tested(one)) for one in (good, bad)]
    nobody = run(bundle, good, np.zeros(len(good.windows), bool))
    both = scores(runs)["accuracy"]
    assert both == pytest.approx(np.mean([scores([one])["accuracy"] for one in runs]))
    assert scores([*runs, nobody])["accuracy"] == both


def test_sets_at_a_higher_level_cover_more(bundle):
    day = session(bundle, "day", 3, clear=0.3)
    known = {one.name: one for one in elements()}
    wide, usual = (
        scores([run(known[name].change(bundle), day, trust.tested(day))]) for name in ("sets at 90 %", "everything")
    )
    assert wide["coverage"] >= usual["coverage"]
    assert wide["size"] > usual["size"]


def test_the_report_has_a_row_for_every_element_person_and_fault(bundle):
    day, other = session(bundle, "day", 7), session(bundle, "other day", 7)
    clean, lost = session(bundle, "none", 7), session(bundle, "cap unplugged", 7, eeg=False, gaze=False)
    text = report(bundle, [[day, other, clean, replace(lost, blind=clean)]])
    rows = {line.split(" | ")[0].strip("| "): line.split(" | ") for line in text.splitlines() if line.startswith("|")}
    assert {one.name for one in elements()} <= set(rows)
    assert {"7", "none", "cap unplugged", "cap unplugged, no gate"} <= set(rows)
    assert rows["cap unplugged"][9] == "100.0"  # without a signal
    assert rows["none"][9] == rows["cap unplugged, no gate"][9] == "0.0"
    assert "nan" not in text
