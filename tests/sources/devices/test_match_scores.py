"""How specifically a profile fits a stream: points for each condition, counted by hand."""

from __future__ import annotations

import re
from types import SimpleNamespace

import pytest

from rtemo.core.types import Channel, StreamInfo
from rtemo.sources.devices.profile import match
from rtemo.sources.devices.profile_schema import MatchRule

INFO = StreamInfo(
    "1",
    "LiveAmp 7",
    "EEG",
    "float32",
    500.0,
    (Channel("Fp1"), Channel("CZ")),
    source_id="SN-42",
    xml="<made>Brain</made>",
)


def found(text):
    return re.compile(text, re.IGNORECASE)


def profile(name, *rules, ignore=()):
    return SimpleNamespace(id=name, match=rules, ignore=ignore)


RULES = {
    "type": (MatchRule(type=found("^eeg$")), 1.0, "type EEG"),
    "count": (MatchRule(n_channels=(1, 2)), 1.0, "2 channels"),
    "labels": (MatchRule(labels=("cz", "FP1")), 3.0, "2 labels"),
    "name": (MatchRule(name=found("liveamp")), 4.0, "name LiveAmp 7"),
    "source": (MatchRule(source_id=found("^sn-")), 4.0, "source_id SN-42"),
    "description": (MatchRule(description=found("brain")), 3.0, "its description"),
    "two": (MatchRule(type=found("eeg"), labels=("Cz",)), 4.0, "type EEG, 1 labels"),
    "all": (
        MatchRule(found("eeg"), found("liveamp"), found("sn"), ("Cz",), (2,), found("brain")),
        16.0,
        "type EEG, name LiveAmp 7, source_id SN-42, 1 labels, 2 channels, its description",
    ),
}


@pytest.mark.parametrize("name", RULES)
def test_each_condition_has_its_points(name):
    rule, score, why = RULES[name]
    best = match(INFO, [profile("a", rule)])
    assert (best.score, best.why) == (score, why)


@pytest.mark.parametrize("rule", [
    MatchRule(type=found("gaze")), MatchRule(n_channels=(3,)), MatchRule(labels=("Cz", "Pz")),
    MatchRule(name=found("x")), MatchRule(source_id=found("x")), MatchRule(description=found("x")),
    MatchRule(type=found("eeg"), n_channels=(3,)),
])  # fmt: skip
def test_everything_that_is_asked_for_must_fit(rule):
    assert match(INFO, [profile("a", rule)]) is None


def test_the_most_specific_profile_wins_and_of_equals_the_later_name():
    rules = {name: profile(name, rule) for name, (rule, _, _) in RULES.items() if name != "all"}
    assert match(INFO, [rules["type"], rules["labels"]]).profile.id == "labels"
    assert match(INFO, [rules["name"], rules["labels"]]).profile.id == "name"
    assert match(INFO, [rules["source"], rules["name"]]).profile.id == "source"


def test_what_a_profile_ignores_fits_none():
    rule = RULES["name"][0]
    assert match(INFO, [profile("a", rule), profile("b", ignore=(RULES["type"][0],))]) is None
