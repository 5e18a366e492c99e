"""`python -m offline mapping` on XDF files: markers that carry values become rules, not a list of every text."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from xdf_build import ramp, stream, write

from offline.datasets.mapping import read_mapping
from offline.datasets.mapping_proposal import propose
from offline.datasets.trial_finding import RecordedEvent, find_trials
from rtemo.core.types import Chunk


def proposed(folder, texts):
    """The mapping for a recording with these markers, one a second; its text and what it makes of them."""
    markers = Chunk("m", 1000.0 + np.arange(len(texts)), np.array([[text] for text in texts], object))
    info = stream("m", name="markers", kind="Markers", fmt="string", rate=0.0, labels=("text",))
    path = write(folder / "a.xdf", stream("1"), info, ramp("1"), markers)
    text = propose(folder)
    path.unlink()
    (folder / "mapping.toml").write_text(text, encoding="utf-8")
    rules = read_mapping(folder / "mapping.toml")
    events = [RecordedEvent(float(i), word) for i, word in enumerate(texts)]
    trials, left_out = find_trials(events, rules, 1e6, "here", {"label": None, "clip": None}, "xdf")
    return text, [(t.clip, t.label, t.start_s, t.stop_s) for t in trials], left_out


SIMULATED = ["session/start seed=1 simulated=1", "baseline/start", "baseline/end"]
SIMULATED += ["clip/start id=1 emotion=fear", "clip/end id=1 emotion=fear", "rest/start", "rest/end"]
SIMULATED += ["clip/start id=2 emotion=sad", "clip/end id=2 emotion=sad", "session/end"]


def test_an_end_that_is_nothing_but_the_word_ends_every_trial(tmp_path):
    text, trials, left_out = proposed(tmp_path, ["clip 1 emotion=fear", "end", "clip 2 emotion=sad", "end"])
    assert 'stop = "end"' in text
    assert (trials, left_out) == ([("xdf/1", "fear", 0.0, 1.0), ("xdf/2", "sad", 2.0, 3.0)], [])


def test_values_become_label_and_clip_and_the_rest_a_baseline(tmp_path):
    text, trials, left_out = proposed(tmp_path, SIMULATED)
    assert r"start = 'clip/start id=(?P<clip>\S+) emotion=(?P<label>\S+)'" in text
    assert '[baseline]\nstart = "baseline/start"\nstop = "baseline/end"' in text
    assert trials == [("xdf/1", "fear", 3.0, 4.0), ("xdf/2", "sad", 7.0, 8.0)]
    assert left_out == []


@pytest.mark.parametrize(
    ("texts", "trials"),
    [
        (["trial 1 start condition:happy", "trial 1 end"], [("xdf/1", "happy", 0.0, 1.0)]),
        (["film=a,emotion=x begin", "film=a,emotion=x stop"], [("xdf/a", "x", 0.0, 1.0)]),
        (
            ["happy onset", "happy offset", "sad onset", "sad offset"],
            [(None, "happy onset", 0.0, 1.0), (None, "sad onset", 2.0, 3.0)],
        ),
        (["S  1"], [(None, "S  1", 0.0, 10.0)]),
    ],
)
def test_other_labs_markers(tmp_path, texts, trials):
    assert proposed(tmp_path, texts)[1] == trials


WORD = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), min_size=1, max_size=12)


@settings(max_examples=60)
@given(st.lists(st.one_of(WORD, st.builds("{}={}".format, WORD, WORD)), min_size=1, max_size=6))
def test_whatever_the_markers_are_the_proposal_is_a_mapping_file(tmp_path_factory, words):
    folder = tmp_path_factory.mktemp("any")
    text, _, _ = proposed(folder, [" ".join(words), *words])
    assert "[trials]" in text
