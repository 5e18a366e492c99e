"""What the parts for several participants say."""

from __future__ import annotations

PEOPLE = "Participants"
CARD_TIP = "{id}: signals, gaze and history are shown of whom you choose (Alt+{n})"
SHOW_PERSON = "Show participant {n}"
COVERAGE = "EEG {eeg}  ·  gaze {gaze}"
QUALITY = "{good} of {all} channels good  ·  gaze valid {gaze}"
QUALITY_EEG = "{good} of {all} channels good"
QUALITY_GAZE = "gaze valid {gaze}"
BASELINE_RUNS = "baseline {done} / {total}"
CALIBRATION_RUNS = "calibration is fitted"
BASELINES = {"good": "baseline good", "warn": "baseline poor", "bad": "baseline refused"}
BASELINE_SET, NO_BASELINE = "baseline planned", "no baseline"
EVERYBODY = "everybody"
ABOUT = "About whom"
ABOUT_TIP = "Whom annotations and notes are about"
WHOSE_BASELINE = "Of whom"
VERDICT_OF = "{id}: {verdict}"
SUBJECT_HINT = "Name of the session"
CHECK_PERSON = "{id}: {parts}"
PARTS = {"eeg": "EEG", "gaze": "eye tracker"}
LAMP_WELL, LAMP_LOST = "present", "{part} {age}"
SHORT_PARTS = {"eeg": "EEG", "gaze": "gaze", "markers": "markers"}
