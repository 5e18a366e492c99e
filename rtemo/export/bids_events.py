"""Events, ratings and predictions of a BIDS session as tables, and the rules by which trials are found among them."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from rtemo.export.bids_timeline import BidsTimeline
from rtemo.export.event_rows import KINDS, REST_BEGINS, REST_ENDS, EventRow, event_rows, ratings_of
from rtemo.export.recorded_session import RecordedSession
from rtemo.export.tables import write_json, write_table

TRIALS_FILE = "rtemo_trials.toml"
COLUMNS = ("onset", "duration", "trial_type", "value", "emotion", "stimulus", "source", "real_onset", "lsl_time", "HED")
_HED = {  # a group each, since tags of rows with one onset are taken together and may not repeat
    "clip": "(Sensory-event, Visual-presentation, Experimental-stimulus)",
    "rest": "(Experiment-structure, Rest)",
    "baseline": "(Experiment-control, Label/Baseline)",
    "annotation": "(Measurement-event, Label/Annotation)",
    "stretch": "(Measurement-event, Label/Stretch)",
    "condition": "(Experiment-structure, Label/Condition)",
    "self_report": "(Agent-action, Participant-response)",
    "session": "(Experiment-control, Label/Session)",
}
_TRIALS = """\
# How `offline build bids` finds trials, labels and baselines in this data set: --mapping code/{name}
[trials]
column = "value"
start = 'clip/start id=(?P<clip>\\S+) emotion=(?P<label>\\S+)'
stop = 'clip/end id=\\S+.*'

[labels]
neutral = "neutral"
sad = "sad"
fear = "fear"
happy = "happy"

[baseline]
start = '{begins}'
stop = '{ends}'
"""


def write_events(folder: Path, session: RecordedSession, timeline: BidsTimeline) -> None:
    """events.tsv and events.json of a run."""
    rows = event_rows(session.markers, session.events, session.rests, session.settings.conditions)
    stem = session.entities.stem
    cells = [_cells(row, timeline) for row in rows]
    write_table(folder / f"{stem}_events.tsv", COLUMNS, list(_with_hed(cells)))
    write_json(folder / f"{stem}_events.json", _about(session, {row.kind for row in rows}))


def write_ratings(folder: Path, session: RecordedSession, timeline: BidsTimeline) -> None:
    """The self-reports as a table of behaviour; no file where there is none."""
    ratings = ratings_of(session.events)
    if not ratings:
        return
    folder.mkdir(parents=True, exist_ok=True)
    stem = session.entities.stem
    rows = [
        (
            timeline.real_s(one.begin_s),
            one.end_s - one.begin_s,
            one.number,
            one.label,
            timeline.real_s(one.reported_s),
        )
        for one in ratings
    ]
    write_table(folder / f"{stem}_beh.tsv", ("onset", "duration", "number", "emotion", "reported"), rows)
    about = {
        "TaskName": session.entities.task,
        "onset": {"Description": "begin of what is labelled, from the first sample on", "Units": "s"},
        "duration": {"Description": "its length", "Units": "s"},
        "number": {"Description": "number of the label in the session"},
        "emotion": {"Description": "the label"},
        "reported": {"Description": "when the label was given, from the first sample on", "Units": "s"},
    }
    write_json(folder / f"{stem}_beh.json", about)


def _is_own(row: Sequence[str], names: Sequence[str], participant: str) -> bool:
    return not participant or row[names.index("participant")] == participant


def write_predictions(folder: Path, session: RecordedSession, timeline: BidsTimeline) -> bool:
    """The predictions that were shown, with their onsets. Returns whether there are any."""
    if session.predictions is None:
        return False
    with session.predictions.open(encoding="utf-8", newline="") as file:
        table = list(csv.reader(file))
    if len(table) < 2 or "time_s" not in table[0]:
        return False
    at, names = table[0].index("time_s"), table[0]
    rows = []
    for row in table[1:]:
        if len(row) == len(names) and _is_own(
            row, names, session.alone
        ):  # the last line of a session that was killed may be cut
            time_s = float(row[at])
            rows.append((timeline.file_s(time_s), 0.0, timeline.real_s(time_s), *row))
    folder.mkdir(parents=True, exist_ok=True)
    stem = f"{session.entities.stem}_desc-emotion_events"
    write_table(folder / f"{stem}.tsv", ("onset", "duration", "real_onset", *names), rows)
    described = {name: {"Description": f"the field {name} of rtemo's prediction record"} for name in names}
    described |= {
        "onset": {"Description": "end of the prediction's window, in seconds of the data file", "Units": "s"},
        "duration": {"Description": "0: a prediction is about the window that ends at its onset", "Units": "s"},
        "real_onset": {"Description": "seconds that had passed since the first sample", "Units": "s"},
    }
    write_json(folder / f"{stem}.json", described)
    return True


def write_trial_rules(path: Path) -> None:
    """A mapping file for rtemo's own markers and baselines."""
    text = _TRIALS.format(name=path.name, begins=REST_BEGINS, ends=REST_ENDS)
    path.write_text(text, encoding="utf-8")


def _cells(row: EventRow, timeline: BidsTimeline) -> tuple[object, ...]:
    onset_s = timeline.file_s(row.time_s)
    length_s = row.duration_s
    if length_s:
        length_s = max(timeline.file_s(row.time_s + length_s) - onset_s, 0.0)
    real_s = timeline.real_s(row.time_s)
    return (onset_s, length_s, row.kind, row.text, row.emotion, row.stimulus, row.source, real_s, row.time_s)


def _with_hed(rows: Sequence[tuple[object, ...]]) -> Iterator[tuple[object, ...]]:
    """The rows with their HED tags, each only once at one onset, as HED asks for."""
    seen: set[tuple[float, str]] = set()
    for row in rows:
        tags = _HED.get(str(row[2]), "")
        key = (round(float(str(row[0])), 6), tags)
        yield (*row, "" if key in seen else tags)
        seen.add(key)


def _about(session: RecordedSession, kinds: set[str]) -> dict[str, Any]:
    screen = session.settings.screen
    used = {kind: text for kind, text in KINDS.items() if kind in kinds}
    trial_type: dict[str, Any] = {"Description": "what kind of event it is", "Levels": used}
    return {
        "onset": {"Description": "seconds of the data file, which has no samples in gaps", "Units": "s"},
        "duration": {"Description": "likewise", "Units": "s"},
        "trial_type": trial_type,
        "value": {"Description": "the marker as it was sent, or the note"},
        "emotion": {"Description": "the emotion that a stimulus is meant to evoke, or that was reported"},
        "stimulus": {"Description": "number of the stimulus, the same for everybody in a study"},
        "source": {"Description": "the stream that sent it, or rtemo"},
        "real_onset": {"Description": "seconds that had passed since the first sample, gaps included", "Units": "s"},
        "lsl_time": {"Description": "time on the recording's clock", "Units": "s"},
        "StimulusPresentation": {
            "ScreenResolution": [screen.width_px, screen.height_px],
            "ScreenSize": [screen.width_mm / 1000.0, screen.height_mm / 1000.0],
            "ScreenDistance": screen.distance_mm / 1000.0,
            "ScreenOrigin": ["top", "left"],
        },
    }
