"""Start, annotate and stop a session from an experiment: drive_session.py ROOT [NAME FOLDER]

The window (`rtemo app`), or `rtemo engine`, runs beside it and shows all of it. NAME and FOLDER are those of an engine
that was started with --name and --endpoint.
"""

import sys

import rtemo

root, *at = sys.argv[1:]
place = {"name": at[0], "folder": at[1]} if at else {}

with rtemo.connect(**place, wait_s=60.0) as engine:
    print("session:", engine.start("P01", root, notes="driven by a script"))  # once the streams deliver
    for trial in range(3):
        engine.annotate(f"trial {trial} begins")  # here the stimulus would be shown
        shown = [prediction["emotion"] for prediction in engine.predictions(seconds=1.0)]
        print(f"trial {trial}: {len(shown)} predictions")
    engine.stop()
