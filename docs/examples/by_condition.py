"""The mean probability of each emotion, by what was shown: by_condition.py SESSION_DIR"""

import sys

import rtemo
from rtemo.recordings.markers import labelled_clips

session = rtemo.read_session(sys.argv[1])
table = session.predictions
clips = labelled_clips((event.time_s, event.text) for event in session.recording.events)
print("shown\twindows\t" + "\t".join(table.labels))
for emotion in sorted({label for label, _, _ in clips}):
    inside = [any(e == emotion and begin < t <= end for e, begin, end in clips) for t in table.times]
    means = table.probabilities[inside].mean(axis=0)
    print(f"{emotion}\t{sum(inside)}\t" + "\t".join(f"{mean:.2f}" for mean in means))
