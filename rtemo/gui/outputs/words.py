"""Texts of the dialog of outputs, in English."""

from __future__ import annotations

OUTPUTS, OUTPUTS_MENU = "Outputs", "Outputs…"
ASK = (
    "Predictions are always published as an LSL outlet. They can also go to other programs. An address is a port of "
    "this computer, or HOST:PORT."
)
OSC, WEBSOCKET, REMOTE = "OSC, sent to", "WebSocket, listens at", "Remote control, listens at"
EXAMPLES = {"osc": "127.0.0.1:9000", "websocket": "8765", "remote": "22345"}
EXAMPLE = "none; for example {text}"
OUTLET_NAME, OUTLET_HINT = "Name of the LSL outlet", "with the participant's name"
SCRIPT, CHOOSE, SCRIPT_FILTER = "Script beside each session", "Choose…", "Python scripts (*.py)"
NO_SCRIPT = "there is no file {path}"
SCREEN = "Record the screen beside each session"
SCREEN_TIP = "The first monitor of this computer, 10 pictures a second, into screen.mkv in the session's folder"
NO_SCREEN, SCREEN_EXTRA = "the screen cannot be recorded", "pip install 'rtemo[screen]'"
ALLOW_NETWORK = "Other computers may be reached and may connect"
USE, CLOSE = "Apply", "Close"
IN_SESSION = "A session is running: its outputs cannot be changed before it ends."
USED = "In use from now on."
HEADS = ("Output", "State", "Given", "")
STATES = {"working": "working", "behind": "behind", "failed": "failed", "closed": "closed"}
GIVEN, DROPPED = "{n:,}", ", {n:,} dropped"
NOT_OPEN, NOT_OPEN_WHY = "not open", "it could not be opened; see the events"
IN_SESSIONS = "in sessions"
SCRIPT_ROW = "script {file}"
SUMMARY, SUMMARY_WRONG = "outputs {n}", "outputs: {wrong}"
