"""A classifier of your own on the windows that the model sees: own_model.py FILE.xdf

Band power of every electrode, averaged over the window, and the nearest mean of the clips' emotions. The earlier
windows of each clip train, the later ones test; for a result that means anything test on other people
(offline/README.md).
"""

import sys

import numpy as np

import rtemo
from rtemo.recordings.markers import labelled_clips

recording = rtemo.open_recording(sys.argv[1])
clips = labelled_clips((event.time_s, event.text) for event in recording.events)
features, labels, is_training = [], [], []
for window in recording.windows():
    for emotion, begin_s, end_s in clips:
        if begin_s <= window.end_s - 4.0 and window.end_s <= end_s:
            features.append(window.eeg.mean(axis=0).ravel())
            labels.append(emotion)
            is_training.append(window.end_s < (begin_s + 4.0 + end_s) / 2)

x, y, train = np.array(features), np.array(labels), np.array(is_training)
emotions = sorted(set(y[train]))
means = np.array([x[train & (y == emotion)].mean(axis=0) for emotion in emotions])
distances = ((x[~train, None, :] - means) ** 2).sum(axis=2)
guessed = np.array(emotions)[distances.argmin(axis=1)]
print(f"{train.sum()} windows train, {(~train).sum()} test; right: {(guessed == y[~train]).mean():.0%}")
