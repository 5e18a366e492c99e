"""Texts of the dialogs about studies, sessions, models and this program, in English."""

from __future__ import annotations

FORM = "Session and study"
FORM_PAGES = ("This session", "Study", "Conditions")
PARTICIPANT, SESSION, TASK, RUN, NOTES = "Participant", "Session", "Task", "Run", "Notes"
FOLDER, NO_RUN = "Folder", "none"
NEXT_PARTICIPANT, NEXT_PARTICIPANT_MENU = "Next participant", "Next participant"
DETAILS, DETAILS_MENU = "Details…", "Session and study…"
DETAILS_TIP = "Session, task, run, notes; the study; which markers are conditions (Ctrl+D)"
KNOWN_SHORT, KNOWN_RUN_SHORT = "{n} already", "recorded already"
KNOWN = "{subject} has {n} here"
KNOWN_RUN = "{subject} has this session, task and run already"
STUDY, PURPOSE, CONSENT, FOLDER_NAME = "Study", "Purpose of use", "Version of the consent form", "Folder name"
PURPOSE_HINT = "for example: research on emotion and attention"
FOLDER_NAME_TIP = "Fields in braces: study, subject, session, task, run. Date and time are put before it."
STUDY_ASK = "Asked once for a study, and written into session.toml of every session."
STUDY_NEEDED = "the study's purpose of use and the version of its consent form are missing"
NOTICE, NOTICE_OWN, NOTICE_SHOW = "For the participant", "Own text for the participant", "Show it"
NOTICE_OWN_HINT = "Left empty, rtemo's own text is shown."
NOTICE_TITLE = "About this recording"
NOTICE_TEXT = (
    "In this session your brain activity (EEG) and your eye movements are recorded.\n\n"
    "A computer program estimates from them which emotion you may be feeling. This is an AI system for emotion "
    "recognition. Its estimates can be wrong: it does not read thoughts, and nothing is decided about you by them.\n\n"
    "{purpose}{consent}"
    "Taking part is voluntary. You can ask for a break, or stop, at any time and without giving a reason. You can ask "
    "for your recordings to be erased."
)
NOTICE_PURPOSE = "What it is for: {purpose}.\n\n"
NOTICE_CONSENT = "Your consent form: version {consent}.\n\n"
NOTICE_LEGAL = (
    "For the researcher: in the European Union, Regulation (EU) 2024/1689 asks that people are told that such a system "
    "is used on them. This text is a help to do so, and no legal advice."
)
CONDITIONS_ASK = "Which markers are conditions? Report and exports obey the choice; everything is recorded anyway."
CONDITIONS_ALL = "All markers"
CONDITIONS_ADD = "Add a name, * for any text"
USE, CANCEL, CLOSE, ADD, REMOVE = "Apply", "Cancel", "Close", "Add", "Remove"
IN_SESSION = "A session is running: it keeps what it began with."

STOP_TITLE = "Stop the session?"
STOP_ASK = "The recording of {subject} ends after {length}."
STOP_YES, STOP_NO = "Stop the session", "Go on recording"
STRETCH_TIP = "{name} ({key}). With Shift: begins a stretch, and ends it"
STRETCH_BEGINS, STRETCH_ENDS = "{name} begins", "{name} ends"

ANNOTATIONS, ANNOTATIONS_MENU = "Annotations", "Correct annotations…"
ANNOTATIONS_OF = "Annotations of {name}"
ANNOTATION_HEADS = ("Time", "Annotation")
ANNOTATIONS_ASK = "What is corrected here counts in report and exports; what was noted first stays in the record."
MOVE_BY, APPLY_EDIT, TAKE_BACK = "Move by", "Correct", "Take back"

PROTOCOL, PROTOCOL_MENU = "Protocol", "Protocol…"
PROTOCOL_HEADS = ("Block", "Length", "Baseline", "Sound at its end")
PROTOCOL_ASK = "Blocks with planned lengths. Each is noted in the recording when it begins and when it ends."
PROTOCOL_RUN, PROTOCOL_NEXT, PROTOCOL_END = "Begin", "Next block", "End it"
PROTOCOL_LOAD, PROTOCOL_SAVE = "Load…", "Save as…"
PROTOCOL_FILTER = "Protocols (*.toml)"
PROTOCOL_NEW_BLOCK = "block"
PROTOCOL_LEFT = "{name}: {left} left"
PROTOCOL_TOTAL = "{n} blocks, {length} in all"
PROTOCOL_DONE = "All blocks are done."
PROTOCOL_NO_SESSION = "Start a session first: blocks are noted in its recording."
PROTOCOL_BEGINS, PROTOCOL_ENDS = "block {name} begins", "block {name} ends"
PROTOCOL_TWO_NAMES = "every block needs a name"

LAG_MENU = "Lag test…"
GAZE_CHECK, GAZE_CHECK_MENU = "Gaze check", "Gaze check…"
GAZE_ASK = "Five points appear one after the other on the participant's screen. The participant looks at each of them."
GAZE_SCREEN, GAZE_BEGIN, GAZE_AGAIN = "Screen", "Begin", "Check again"
GAZE_NO_SCREEN = "Gaze lies in a scene camera's image: there are no points on a screen to check it with."
GAZE_NO_STREAM = "No eye tracker delivers data."
GAZE_RUNS = "Point {k} of {n}"
GAZE_RESULT = "Accuracy {accuracy}°   ·   precision {precision}°   ·   {valid} valid"
GAZE_VERDICTS = {
    "good": "Good enough for fixations on faces and words.",
    "warn": "Coarse: calibrate the eye tracker again if you can.",
    "bad": "Not usable: calibrate the eye tracker, and check the size and distance of the screen.",
}
GAZE_NOTHING = "No gaze was seen. Check the eye tracker."
GAZE_CROSS = "rtemo gaze check"

SESSIONS, SESSIONS_MENU = "Sessions", "Sessions…"
SESSION_HEADS = ("Participant", "When", "Study", "Session", "Task", "Run", "Length", "EEG usable", "Gaze usable")
OPEN, REPORT, EXPORT, SHOW_FOLDER = "Open", "Report", "Export…", "Folder"
SESSION_ANNOTATIONS = "Annotations…"
SEARCH = "Search participant, study or task"
SESSIONS_NONE = "There is no session in {root}"
SESSIONS_COUNT = "{n} in {root}"
WRITING, REPORT_FAILED = "The report of {name} is being written…", "No report was written: {why}"
EXPORT_TITLE = "Export {name}"
EXPORT_AS, EXPORT_TO, EXPORT_BEGIN, EXPORT_CHOOSE = "As", "To", "Export", "Choose…"
EXPORT_KINDS = {
    "bids": "BIDS data set",
    "csv": "Tables (CSV)",
    "mne": "MNE-Python (FIF)",
    "edf": "EDF+, EEG only",
}
EXPORT_RUNS, EXPORT_DONE, EXPORT_FAILED = "Exporting…", "Exported to {path}", "Not exported: {why}"
RECENT = "Recent recordings"

MODEL, MODEL_MENU = "Model", "Model…"
MODEL_NONE = "No model is loaded."
MODEL_FACTS = "Labels: {labels}\nTrained on: {trained_on}\nFingerprint: {fingerprint}"
MODEL_CALIBRATED = "Calibrated on people that it was not trained on."
MODEL_NOT_CALIBRATED = "NOT CALIBRATED: its percentages are scores, not probabilities, and it gives no sets."
MODEL_CHOOSE, MODEL_OWN, MODEL_USE = "Other model…", "The model that comes with rtemo", "Use this model"
MODEL_DROP = "You can also drop a model's folder here."
MODEL_NO_CARD = "This model has no card."
MODEL_IN_SESSION = "A session is running: the model cannot be changed before it ends."
MODEL_REFUSED = "This is no model that rtemo can use: {why}"
MODEL_STARTING = "The engine starts again with this model."

ABOUT, ABOUT_MENU = "About rtemo", "About rtemo…"
ABOUT_TEXT = "rtemo {version}\nEmotion from EEG and eye movements, live over the Lab Streaming Layer."
ABOUT_LICENCE = "Licence: {licence}"
ABOUT_NOT_MEDICAL = "For research. Not a medical device; not for decisions about a person."
ABOUT_CITE = "Please cite"
CITATION = (
    "D. Ramos, G. Gianini, E. Damiani: Unlabeled Multimodal Datasets for Robust Emotion Recognition. MEDES 2024. "
    "Communications in Computer and Information Science, Springer, 2026."
)
SUPPORT, SUPPORT_COPY = "Support bundle…", "Copy the citation"
SUPPORT_NAME = "rtemo-support.zip"
SUPPORT_FILTER = "Zip archives (*.zip)"
SUPPORT_RUNS = "rtemo doctor is looking at this computer…"
SUPPORT_DONE = "Written to {path}: versions, the doctor's report and the program's log. No participant data."
SUPPORT_FAILED = "Not written: {why}"
