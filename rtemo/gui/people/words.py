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
RATINGS = "ratings"
PARTS = {"eeg": "EEG", "gaze": "eye tracker", "second_eye": "second eye"}
LAMP_WELL, LAMP_LOST = "present", "{part} {age}"
SHORT_PARTS = {"eeg": "EEG", "gaze": "gaze", "second_eye": "eye 2"}
NEW_PERSON = "New: {id} {role}"
DIALOG, DIALOG_MENU = "Participants", "Several participants…"
DIALOG_ASK = (
    "Name everybody who takes part at the same time, and the streams that are theirs. Nobody gets a stream that is not "
    "chosen here. Markers are for everybody."
)
HEADS = ("Participant", "EEG", "Eye tracker", "")
NO_STREAM = "none"
ADD_PERSON, REMOVE_PERSON = "Add a participant", "Remove"
ONE_ALONE, USE, CANCEL = "Only one participant", "Apply", "Cancel"
FEW = "Name two participants or more, or choose “Only one participant”."
IN_SESSION = "Participants cannot be changed in a session."
SYNCHRONY = "Synchrony"
SYNCHRONY_NOTE = (
    "How alike two people's smoothed valence moves, in windows of {window} s. It is about what the model puts out, and "
    "does not tell why: who sees the same thing at the same time goes together without any bond."
)
SYNCHRONY_NONE = "Synchrony needs two participants"
SYNCHRONY_WAITS = "The first window needs {window} s of both"
VALENCE_AXIS, CORRELATION_AXIS = "smoothed valence", "correlation"
PAIR = "{one} – {other}"
PAIR_NOW = "{one} – {other}  {r}"
SIGNALS_LOW = "{coverage}  ·  {quality}"
