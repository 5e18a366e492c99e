"""Predictions of a recording, as `rtemo replay` gives them: predict_recording.py FILE.xdf OUT.csv"""

import sys

import rtemo

recording = rtemo.open_recording(sys.argv[1])
print(recording)
for notice in recording.notices:
    print("notice:", notice)

table = recording.predict()  # the demonstration model, which knows simulated people only
table.to_csv(sys.argv[2])
print(table)
print("most often:", max(table.labels, key=[record["emotion"] for record in table].count))
