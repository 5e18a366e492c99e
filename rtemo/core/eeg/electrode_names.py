"""Electrode names from labels as recordings spell them: "EEG FP1-LE", "F3 - A1", "Fc5.", "1 Cz", "T3".

Knows spelling only. Which names have a position is asked of the caller's table, so nothing here depends on a montage.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

_SEPARATORS = re.compile(r"[\s:;,_./\\()\[\]'\"-]+")
_LEADING = re.compile(r"(?:eeg|exg|ch|chan|channel|electrode)?\d*")  # "EEG Fp1", "CH1 Fp1", "01-Fp1"
# What may follow the name: the reference that was subtracted, or a running number.
_TRAILING = re.compile(
    r"\d+|ref\d*|le|re|ar|av|avg|average|car|com|common|org|raw|lm|ears?|mast|mastoids?|linked|lr|gnd|g1|g2"
    r"|[am](?:1|2|12)|a1\+?a2|m1\+?m2|\(?uv\)?"
)
REFERENCES = frozenset(
    {"a1", "a2", "m1", "m2", "le", "re", "ref", "reference", "lm", "rm", "a1a2", "m1m2", "gnd", "bias"}
)

_NOT_EEG = tuple(
    (re.compile(pattern), kind)
    for kind, pattern in (
        ("EOG channel", r"[hv]e[or][glrud]?\d*|[lr]oc|.*eog.*"),
        ("ECG channel", r".*e[ck]g.*|hr|heart.*"),
        ("EMG channel", r".*emg.*|chin\d*"),
        ("trigger", r"trig.*|sti\d*|stim.*|ste.*|status|din\d*|d\d+|.*marker.*|mkidx|event.*|.*digital.*|annot.*|code"),
        ("auxiliary channel", r"aux.*|.*aux|right|ex[gt]?\d*|aib\d*|ain\d*|bip\d*|misc.*"),
        ("motion sensor", r"acc.*|gyr.*|mag.*|imu.*|quat.*|[xyz]|orn.*"),
        ("another body signal", r"ppg.*|bvp|spo2|gsr.*|eda.*|resp.*|temp.*|optics.*|plet.*"),
        (
            "counter or status",
            r"count.*|sample.*|time.*|packet.*|interpol.*|batt.*|cq.*|mod|valid.*|saw|ramp.*|device.*",
        ),
    )
)


def canonical_key(label: str) -> str:
    """The form in which names are compared: case and surrounding blanks do not matter."""
    return label.strip().casefold()


def electrode_name(label: str, names: Mapping[str, str]) -> tuple[str | None, str]:
    """The electrode that a label means, with the reason where it means none.

    names: canonical key -> electrode name, the aliases included. Returns (name, "") or (None, reason).
    A difference between two electrodes of the scalp is at neither of them and has no position.
    """
    key = canonical_key(label)
    if not key:
        return None, "no label"
    if key in names:
        return names[key], ""
    words = _words(key)
    if not words:
        return None, "not a 10-05 name"
    first, *rest = words
    if first in REFERENCES:
        return None, "reference electrode (mastoid or earlobe)" if first[0] in "am" else "reference electrode"
    name = names.get(first) or names.get(first.removeprefix("eeg"))
    if name is None:
        return None, _kind(key, words)
    if all(_TRAILING.fullmatch(word) or names.get(word) == name for word in rest):
        return name, ""
    if any(word in names for word in rest):
        return None, "a difference between two electrodes has no position of its own"
    return None, "not a 10-05 name"


def _words(key: str) -> list[str]:
    words = [word for word in _SEPARATORS.split(key) if word and word != "+"]
    while len(words) > 1 and _LEADING.fullmatch(words[0]):
        words = words[1:]
    return words


def _kind(key: str, words: list[str]) -> str:
    for pattern, kind in _NOT_EEG:
        if pattern.fullmatch(key) or pattern.fullmatch(words[0]):
            return kind
    return "not a 10-05 name"
