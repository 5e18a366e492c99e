"""All texts that the window shows, in English."""

from __future__ import annotations

APP = "rtemo"
STREAMS, SIGNALS, GAZE, QUALITY = "Streams", "Signals", "Gaze", "Signal quality"
SPECTRUM, SPECTROGRAM = "Spectrum", "Spectrogram"
FURTHER, RATING_VIEW = "Further signals", "Rating"
EMOTION, HISTORY, PLANE, EVENTS = "Emotion now", "Probabilities over time", "Valence and arousal", "Events"
SESSION_BAR, REPLAY_BAR = "Session", "Replay"

PHASES = {
    "idle": "Looking for streams",
    "preview": "Preview",
    "running": "Recording",
    "paused": "Paused, still recording",
    "unrecorded": "NOT RECORDING",
    "replay": "Replay",
    "failed": "Engine stopped",
}
STATES = {"waiting": "waiting", "streaming": "streaming", "stalled": "stalled", "lost": "lost", "failed": "failed"}
STREAM_COLUMNS = (
    "",
    "Role",
    "Name",
    "Type",
    "Ch",
    "Rate",
    "Age",
    "Device profile",
    "Computer",
    "Why",
    "Rec",
    "Required",
    "Missing",
)
ROLES = {"eeg": "EEG", "gaze": "Gaze", "second_eye": "Second eye", "markers": "Markers", "": "–"}
OTHER_ROLE = "Other"
USE_AS = "Use as {role}"
UNPIN = "Choose the {role} stream automatically again"
AWAITED = "{role}: waiting for {query}"
STREAM_TIP = "{name}\n{state}\nsource {source}\n{samples} samples, {missing} missing, {gaps} gaps, {returns} returns"
COUNTER_TIP = "by its sample counter {lost} lost, {twice} sent twice"
IMPEDANCE_TIP = "impedance {impedance}"
CLOCK_TIP = "clock offset {offset} ± {uncertainty}"

SUBJECT_HINT = "Participant"
NOTES_HINT = "Session notes"
START, PAUSE, RESUME, STOP, BASELINE = "Start", "Pause", "Resume", "Stop", "Baseline"
START_TIP = "Start the session (Ctrl+R)"
START_BLOCKED = "Cannot start: {why}"
NEED_SUBJECT = "a participant id is missing"
PAUSE_TIP = "Suspend the predictions; the recording goes on (Ctrl+P)"
STOP_TIP = "Stop the session (Ctrl+.)"
BASELINE_TIP = "Record rest as what this person's predictions are relative to (Ctrl+B)"
NOTE_HINT = "Note (Ctrl+N)"
NOTE_TIP = "Write a note into the recording, then Enter (Ctrl+N)"
REC = "REC {time}"
REC_FAILED = "RECORDING FAILED: {error}"
REC_ELSEWHERE = "RECORDED ELSEWHERE: {folder}"
REC_WAITING = "RECORDING WAITS, samples are kept in memory: {error}"
OUTPUT_BROKEN = "OUTPUT {state}: {name}"
DISK = "Disk {left}\n{size} written"
DISK_LOW = "DISK: ONLY {free} FREE"
DISK_LEFT = "DISK FULL IN {left}"
PROGRESS = "{name}  {done} / {total}"

ALARM_ROLES = {"eeg": "EEG", "gaze": "EYE TRACKER", "second_eye": "SECOND EYE", "markers": "MARKERS"}
ROLE_NAMES = {"eeg": "EEG", "gaze": "eye tracker", "second_eye": "second eye", "markers": "markers"}
STREAM_LOST, STREAM_STALLED = "{role} LOST", "{role} SENDS NOTHING"
MOST_CHANNELS_BAD, NO_EYES_SEEN = "{role}: MOST CHANNELS BAD", "{role} SEES NO EYES"
RECORDER_GONE = "NOTHING IS RECORDED: THE RECORDER IS GONE"
NOT_RECORDED = "NOTHING IS RECORDED"
PREDICTIONS_RESTARTING = "PREDICTIONS RESTARTING"
NO_PREDICTIONS_NOW = "NO PREDICTIONS: ENGINE SILENT"
ENGINE_FAILED = "NO PREDICTIONS: THE ENGINE STOPPED"
DOUBTFUL_PLACES = "THE PLACE OF {n} OF {all} ELECTRODES IS DOUBTFUL: {names}"
FEW_PLACED = "ONLY {n} OF {all} ELECTRODES HAVE A KNOWN PLACE"
MORE_ALARMS = "   + {n} more"
ENGINE, RECORDER = "Engine", "Recorder"
RUNS, RESTARTS, RECORDS, READY = "running", "restarting", "recording", "ready"
STARTS = "starting"
DEMONSTRATION = "DEMONSTRATION: a simulated person"
CHECK_EEG, CHECK_GAZE, CHECK_PARTICIPANT = "EEG", "Eye tracker", "Participant id"
CHECK_READY, CHECK_START, CHECK_BASELINE = "Ready", "Start the session (Ctrl+R)", "Baseline (Ctrl+B)"
CONCERN_MODEL = "the model is not calibrated"
CONCERN_CLOCK = "clock of {name} known to {ms} ms only"
CONCERN_LATENCY = "predictions come {ms} ms late"
CONCERN_DISK = "disk: room for {left} of {planned} planned"
CONCERN_POWER = "runs on battery"
CHECK_FOUND = "{name}, {n} channels, {rate} Hz"
ALARM_SOUND = "Sound for alarms"
DISTANCE, DISTANCE_TITLE = "Large view, to be read from afar", "rtemo from afar"
WATCHING = "{app}, watching only"
ONLY_WATCHES = "This window only watches: nothing was changed. Use the session's own window."

NO_DATA = "no data for {age}"
FIRST_WINDOW = "first window in {left}"
CARD_FAILED = "the engine stopped"
CARD_RESTARTING = "predictions restarting"
CARD_STARTING = "starting"
CARD_PAUSED = "paused"
CARD_LOST = "{role} lost"
CARD_ABSTAINED = "abstained"
CARD_NOT_SETTLED = "not settled yet"
NOT_NOW = "What is below is not the present."
NOT_CALIBRATED = "NOT CALIBRATED: its percentages are scores, not probabilities"
NOTHING_YET = "waiting"
NOTHING_YET_WHY = "The first window needs a few seconds of data"
ABSTAINS = "Abstained: {why}"
RATING = "{name} {value} ({low} to {high})"  # the estimate and its interval
ONLY = "Only {labels} is plausible"
ALSO = "Could also be {labels}"
NOT_SETTLED = "NOT SETTLED"
NOT_SETTLED_WHY = "Filters and baseline have not had enough data yet; do not rely on this"
FORCED = "ONE STREAM MISSING"
EEG_COVERAGE, GAZE_COVERAGE, NOVELTY = "EEG", "Gaze", "Novelty"
BUNDLE = "Model {name} · {fingerprint}"
TRAINED_ON = "Trained on: {what}"
LAG = "smoothed · follows within {lag}"
LAG_TIP = "How long clear evidence for another emotion takes to change the one that is named here"
NO_BUNDLE = "No model is loaded"
MOVED_BY = "What moved it"
MOVED_NOTHING = "What moved it: not explained yet"
HISTORY_TIP = (
    "Thick: smoothed. Thin: each window alone. Shaded: no emotion named.\n"
    "Wheel: time shown. Drag: look back. Double click: now. Mouse: values."
)
NOW = "now"
NO_FURTHER = "No further streams are recorded: tick Rec in the table of streams"
FURTHER_NOTE = "{n} recorded beside EEG and gaze, each on its own scale"
TRACES_SPAN_TIP = "Time shown"
IRREGULAR = "irregular"
GONE_STREAM = "a stream that is gone"
CHANNELS_LEFT_OUT = "{shown} of {n} channels"
SEND_RATINGS = "Send ratings"
RATINGS_NOT_SENT = "not sent"
RATINGS_UNREAD = "sent as an LSL stream; the engine does not read it yet"
RATINGS_READ = "sent and read; recorded with the next session"
RATINGS_RECORDED = "sent and recorded"
RATINGS_FAILED = "cannot be sent: {why}"
RATING_PLANE = "Valence and arousal as you rate them"
RATING_KEYS = "Arrow keys or mouse: rate. Home: back to the middle."
RATING_CLICK = "click here, then use the arrow keys"
NO_PREDICTIONS = "No predictions yet"
PLANE_TIP = (
    "Mean of the labels' places (Russell 1980), weighted by their smoothed probabilities: "
    "a summary of the same numbers, not a separate measurement."
)
PLANE_CAPTION = "probability-weighted mean · Russell 1980"
NO_PLACE = "No place in the plane for: {labels}"
VALENCE, AROUSAL = "valence", "arousal"

GOOD = "good"
CHANNELS_GOOD = "{good} of {all} channels good"
NO_ROLE_DATA = "{role}: {none}"
NO_CHANNELS = "No EEG channels"
EXCLUDED = "excluded by you"
CHANNEL_TIP = "{label}: {why}\nClick or press Space to {action}"
HEAD_MAP = "Electrodes by place: the arrow keys go from one to the next, Space does what a click does"
EXCLUDE, INCLUDE = "exclude it", "use it again"
N_MARKED_GOOD = "{n} marked good"
MARKED_BY_YOU = "marked {mark} by you"
MARK_ACTIONS = {
    "bad": "mark it bad from now on",
    "good": "mark it good from now on",
    "automatic": "have it judged automatically again",
}
CHANNEL_FIXED_TIP = "{label}: {why}\nIt was excluded before the session began, and stays so until it ends"
GAZE_VALID = "Gaze valid, last 10 s"
NO_GAZE = "No gaze"
GAZE_X, GAZE_Y, PUPIL = "gaze x", "gaze y", "pupil mm"
GAZE_ALL = "x, y, pupil"  # where the three have no room
SCALE = "{uv} µV"
SPAN = "{s} s"
ALL_CHANNELS = "all channels"
SOME_CHANNELS = "{n} channels"
FILTER_TIP = "A filter for the eye: the model always sees the same"
SCALE_TIP = "Height of one lane (Ctrl+Up, Ctrl+Down)"
SPAN_TIP = "Time shown (Ctrl+Left, Ctrl+Right)"
ROWS_TIP = "Channels shown at once (Page Up, Page Down, or the wheel with Shift)"
DEFAULT_CHANNELS = "32, or all"
GAZE_AT = "gaze {x}, {y}"
PUPILS_AT = "pupils {left} / {right} mm"
LOOK_BACK, LIVE = "Look back", "Back to live"
LOOK_BACK_TIP = "Pause the signals and look at what has passed (Space; in a replay Ctrl+Space)"
LIVE_TIP = "Show the present again (End)"
PAST = "PAST"
PAST_UNTIL = "{begin} to {end}   ·   ends {age} ago"
PAST_HELP = "Drag: move. Wheel: zoom. Ctrl and wheel: amplitude. Shift and wheel: channels."
CURSOR_KEYS = "The cursor follows the mouse, or Shift with the arrow keys"
LOOK_KEY, LIVE_KEY = "Signals: look back, or back to live", "Signals: back to live"
CHANNELS_UP, CHANNELS_DOWN = "Signals: channels above", "Signals: channels below"
CURSOR_LEFT, CURSOR_RIGHT = "Signals: cursor to the left", "Signals: cursor to the right"
ALL_GOOD, CHANNEL_CHOICE = "all good channels", "Channel of this view"
MEDIAN_OF = "median of {n} channels"
SPECTRUM_NOTE = "{which}, last 8 s"
SPECTROGRAM_NOTE = "{which}, last minute"
FREQUENCY, DENSITY = "Frequency (Hz)", "dB above 1 µV²/Hz"
POP_OUT, HIDE_VIEW = "Pop {view} out into a window", "Hide {view}"

LATENCY = "latency {p50} / {p99} ms"
LATENCY_TIP = (
    "From the end of the window to the published prediction: median / 99th percentile.\n"
    "Of it, after the last sample had arrived: {p50} / {p99} ms"
)
LOSSES = "{missing} samples missing · {skipped} windows skipped · {forced} forced"
CLOCKS = "clocks {offsets}"
CLOCKS_WORST = "clocks: furthest off {offset}"
NO_LATENCY = "latency –"
ENGINE_SILENT = "engine: no answer for {age}"
ENGINE_LOAD = "engine {cpu} % · {memory} MB"
DISCONNECTED = "no connection to the engine"

WELCOME = "Waiting for EEG and eye-tracker streams"
WELCOME_MORE = "Start your amplifier's and your eye tracker's LSL program; their streams appear here by themselves."
WELCOME_OFFERS = "Until then you can look around:"
DEMO, DEMO_MORE = "Watch a demonstration", "A simulated person, on this computer only"
OPEN, OPEN_MORE = "Open a recording…", "Any XDF file; you can also drop it here"
DOCTOR, DOCTOR_MORE = "Why is nothing found?", "Checks network, firewall, clocks and versions"
DOCTOR_TITLE = "rtemo doctor"
DOCTOR_RUNNING = "Checking…"
OPEN_TITLE = "Open a recording"
OPEN_FILTER = "Recordings (*.xdf *.xdfz)"

PLAY, HOLD = "Play", "Pause"
SPEEDS = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0)
PARTICIPANT_TIP = "Participant that is shown, of several in the recording"
SPEED_TIP = "Speed of the replay (− and +)"
PLAY_TIP = "Play or pause (Space); 5 seconds back or on (← and →)"
LEAVE, LEAVE_TIP = "Back to live", "Close the recording (Ctrl+W)"
READING = "reading {share}"
DISMISS = "Dismiss"
SLOWER, FASTER = "Replay slower", "Replay faster"
EXPORT_PREDICTIONS = "Export predictions…"
EXPORT_VIEW = "Export {view}…"
EXPORT_ANY = "Export a view"
EXPORT_HERE = "Export as picture or table…"
TABLE_FILTER = "Table (*.csv);;JSON lines (*.jsonl)"
VIEW_FILTER = "PNG picture (*.png);;SVG drawing (*.svg);;Table of the numbers (*.csv)"
EXPORTED = "Written to {path}"
REPLAY_TITLE = "{file} – {app}"

FAILED = "The engine stopped: {why}"
RESTART = "Restart engine"
QUIT_TITLE = "A session is running"
QUIT_ASK = "The recording goes on in the background if you only close the window; started again, it is found."
QUIT_ENDS = "The simulated person leaves with the window. What was recorded is kept."
QUIT_PROTOCOL = (
    "The protocol does not go on without a window: the block {name} lasts until one is open again, which takes it up."
)
QUIT_KEEP, QUIT_STOP, QUIT_CANCEL = "Close the window", "Stop the session and quit", "Cancel"

MENU_FILE, MENU_SESSION, MENU_VIEW, MENU_HELP = "&File", "&Session", "&View", "&Help"
ROOT_FOLDER = "Folder for sessions…"
QUIT = "Quit"
DARK_THEME = "Dark theme"
RESET_LAYOUT = "Reset layout"
FULL_SCREEN = "Full screen"
FOCUS_NOTE = "Write a note"
SHORTCUTS = "Keyboard shortcuts"

EVENT_KINDS = {
    "session": "session",
    "stream_up": "stream",
    "stream_down": "lost",
    "marker": "marker",
    "annotation": "note",
    "note": "info",
    "loss": "loss",
    "failure": "failure",
}

COLUMN_HEADS = ("#", "Channel", "Unit", "Taken for", "Why")
AS_PROFILE = "as the profile"
IGNORED = "ignored"
BY_YOU = "your settings"
CHANNEL_NUMBER = "Channel {number}"
IGNORE, RESET_ROW, RESET_ALL = "Ignore", "Reset", "Reset all"
UNIT = "Unit"
UNIT_NAMES = {"": "as the stream says", "uV": "µV"}
N_USED = "{n} of {all} channels used"
PLACE_TAKEN = "{name}: {channel}"
PLACE_HINT = "Choose a channel on the left, then click its place. The next channel is chosen by itself."
NO_STREAM_FOR = "{role}: no stream is in use. What the settings file says of it is kept."
ABOUT_STREAM = "{name}\nread with {profile}   ·   {why}"
NO_PROFILE = "no device profile"

SETUP = "Session settings"
SETUP_PAGES = ("EEG channels", "Gaze channels", "Second eye", "Screen", "Session")
EYES_APART = "The tracker sends each eye as a stream of its own"
EYES_HINT = (
    "Most trackers send both eyes in one stream: then there is nothing to do here. Where each eye is a stream, the one "
    "in the role Gaze is the first eye; both are joined by time, and where one is lost the other goes on."
)
EYES_PEOPLE = "With several participants, each one's second eye is named in the table of streams."
SECOND_STREAM, SECOND_IS, BY_PROFILE = "Stream of the second eye", "It is the", "as the device profiles say"
EYES = {"left": "left eye", "right": "right eye"}
LOAD, SAVE, APPLY, CANCEL, CLOSE = "Load…", "Save as…", "Apply", "Cancel", "Close"
SAVED = "saved: {path}"
SETTINGS_FILTER = "Session settings (*.toml)"
SETTINGS_NAME = "session.toml"
ON_SCREEN, IN_SCENE = "Gaze falls on a screen", "Gaze lies in the image of a scene camera (glasses)"
SCREEN_FIELDS = ("Width in pixels", "Height in pixels", "Width", "Height", "Distance to the eyes")
SCENE_FIELDS = ("Width in pixels", "Height in pixels", "Horizontal field of view", "Vertical field of view")
SCREEN_HINT = "Measure the picture itself, not the case, and the distance from the eyes to its middle."
DEGREES = "{width:.1f}° × {height:.1f}°"
SEEN_FROM = "seen from {distance:.0f} cm   ·   about {per_deg:.0f} pixels a degree"
REQUIRED = "Required streams"
REQUIRED_HINT = (
    "These streams must be there and deliver data before a session can start. With none ticked, every EEG and gaze "
    "stream that is in use must."
)
BASELINE_LENGTH = "Length of the baseline"
ANNOTATIONS_HINT = "The annotation keys of the window. What they write goes into the recording."
ANNOTATION_KEYS = ("F2", "F3", "F4", "F5", "F6", "F7", "F8", "F9")
ANNOTATION_TWICE = "two annotation keys write the same"

FIXATION = "rtemo fixation cross"
SCREEN_NAME = "Screen {number}: {name}, {width} × {height}"
BASELINE_TITLE = "Baseline"
CROSS, NO_CROSS = "Fixation cross", "none"
BEGIN, REPEAT = "Begin", "Record again"
BASELINE_ASK = "The participant sits still and looks at one place, awake, without a task."
ANNOTATE_NO_SESSION = "Start a session first: annotations belong to its recording."
BASELINE_NO_SESSION = "Start a session first: the baseline belongs to its recording."
BASELINE_RUNS = "Running: {left} left. Nobody should speak now."
BASELINE_DONE = "Done: {verdict}"
BASELINE_REFUSED = "Refused: {verdict}"
BASELINE_EXTENDED = "Running: {left} left, longer than planned until there is enough usable data"

OPEN_REPORT, OPEN_FOLDER, DISMISS = "Open the report", "Open the folder", "Dismiss"
REPORTS = {
    "writing": "{folder}: the report is being written…",
    "ready": "{folder}: the report is ready",
    "failed": "{folder}: no report was written ({error}); the recording is not touched by that",
}

UNFINISHED = "The session {name} ended at {time} without being stopped. What was recorded lies in {folder}"
WRITE_REPORT, WRITING_REPORT = "Write its report", "{name}: the report is being written…"
REPORT_NOT_WRITTEN = "{name}: no report was written ({error}); the recording is not touched by that"
BANNER, REPORT_BAR, STATUS_STRIP = "banner", "Report", "Status"
EXIT_CODE = "exit code {code}"
DEMO_FAILED = "The demonstration did not start. Its output is in {log}"
BASELINE_MENU, CALIBRATION_MENU, SETUP_MENU = "Baseline…", "Personal calibration…", "Session settings…"
FOCUS_SUBJECT = "Enter the participant"
LARGER, SMALLER, LONGER, SHORTER = "EEG larger", "EEG smaller", "Show more time", "Show less time"
PLAY_OR_HOLD = "Replay: play or pause; live: look back"
BACK, ON = "5 s back", "5 s on"
KEYS_ALONE = "Signals and replay"

CALIBRATION_TITLE = "Personal calibration"
CALIBRATION_ABOUT = (
    "Tell what some stretches of this session were, each as long as a few windows, of two emotions or more. "
    "The model is then fitted to this person and kept only if it does better on stretches that it was not fitted on."
)
CALIBRATION_HINT = "Nothing is changed before you fit."
CALIBRATION_NO_SESSION = "Start a session first: the labels belong to its recording."
CALIBRATING = "The engine is fitting and checking. Predictions go on meanwhile."
THE_LAST, WERE = "The last", "were"
ADD_INTERVAL, ADD_MARKED, REMOVE_INTERVAL = "Add", "Add what the markers name", "Forget"
CALIBRATE, UNCALIBRATE = "Fit to this person", "Back to the general model"
INTERVAL = "{label}     {begin} – {end}"
