"""Your own code beside a session: rtemo live --script beside_session.py

It runs in a process of its own: it may crash or hang, and the session goes on. What it sends is an LSL stream
(rtemo_values…, rtemo_texts…) and lies in the recording. What it prints is in rtemo's folder of logs.
"""

import numpy as np

import rtemo

session = rtemo.beside()
n_saccades = 0
for news in session:
    n_saccades += sum(event.kind == "saccade" for event in news.gaze_events)
    for event in news.events:
        if event["kind"] == "marker":
            session.say(f"{n_saccades} saccades before {event['text']}")
            n_saccades = 0
    if news.window is not None:  # what the model has seen: normalised log-power, frame by frame
        power = news.window.eeg.reshape(-1, len(news.window.channels), news.window.eeg.shape[-1])
        alpha = float(np.mean(power[-1, :, 9:12]))  # about 8 to 13 Hz of the newest second
        session.send(alpha=alpha, saccades=n_saccades, time_s=news.window.end_s)
    if news.predictions and news.predictions[-1]["emotion"] == "happy":
        print("happy")
