"""A stimulus that follows the participant's valence: psychopy_feedback.py [PORT] [SECONDS]

Needs `rtemo live --websocket PORT` and the package websockets.
"""

import json
import sys
import time

from websockets.sync.client import connect

try:
    from psychopy import visual
except ImportError:
    visual = None

port = int(sys.argv[1]) if len(sys.argv) > 1 else 8765
seconds = float(sys.argv[2]) if len(sys.argv) > 2 else 60.0

window = visual.Window(fullscr=False) if visual else None
disc = visual.Circle(window, radius=0.2) if visual else None
size, shown = 0.2, 0


def show(valence):
    """Grow with pleasant, shrink with unpleasant feelings, smoothly."""
    global size
    size += 0.1 * (0.2 + 0.1 * valence - size)
    if visual:
        disc.radius = size
        disc.draw()
        window.flip()
    else:
        print(f"valence {valence:+.2f}, radius {size:.3f}")


with connect(f"ws://127.0.0.1:{port}") as rtemo:
    end_s = time.monotonic() + seconds
    while (left_s := end_s - time.monotonic()) > 0:
        try:
            news = json.loads(rtemo.recv(timeout=left_s))
        except TimeoutError:
            break
        if news["type"] == "state":
            continue
        data = news["data"]
        if news["type"] == "prediction" and data["valence"] is not None and not data["late"]:
            show(data["valence"])
            shown += 1
print(f"{shown} predictions shown")
