"""One script runs stimuli, baseline, session and stop: psychopy_session.py [PORT] [ROOT] [SECONDS]

Needs `rtemo live --remote PORT`. SECONDS: of the baseline; of a study, two minutes.
"""

import json
import socket
import sys
import time

try:
    from psychopy import core, visual
except ImportError:
    core = visual = None

port = int(sys.argv[1]) if len(sys.argv) > 1 else 22345
root = sys.argv[2] if len(sys.argv) > 2 else "sessions"
rest_s = float(sys.argv[3]) if len(sys.argv) > 3 else 120.0
stimuli = ["happy_01", "sad_01", "neutral_01"]


class Rtemo:
    """LabRecorder's remote control: a line, and a line as the answer."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.lines = self.socket.makefile("r", encoding="utf-8")

    def __call__(self, command):
        self.socket.sendall(command.encode() + b"\n")
        answer = self.lines.readline().strip()
        if not answer.startswith("OK"):
            raise RuntimeError(f"{command}: {answer}")
        print(f"{command}: {answer}")
        return answer.removeprefix("OK ")


def show(text, seconds):
    """Show a text for so long; without PsychoPy only wait."""
    if visual:
        visual.TextStim(window, text=text).draw()
        window.flip()
        core.wait(seconds)
    else:
        time.sleep(seconds)


window = visual.Window() if visual else None
rtemo = Rtemo(port)
rtemo(f"filename {{root:{root}}} {{template:sub-%p/sub-%p_task-%b_run-%r_eeg.xdf}} {{participant:P01}} {{task:faces}}")
rtemo("start")
rtemo(f"baseline {rest_s:g}")
show("+", rest_s)
while json.loads(rtemo("status")).get("progress", {}).get("verdict") == "":
    show("+", 0.2)  # it goes on until enough of it was usable
for stimulus in stimuli:
    rtemo(f"annotate {stimulus} begins")
    show(stimulus, 1.0)
    rtemo(f"annotate {stimulus} ends")
rtemo("stop")
