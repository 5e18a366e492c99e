"""A lab's own recordings: every XDF file below a folder, with its markers as trials.

    <anything>.xdf      EEG, gaze or both, chosen as `rtemo replay` chooses them; LSL markers

Samples come through XdfSource exactly as in a replay, with their raw stamps and clock offsets, so that the windows are
the same. A stream of the type Ratings (valence, arousal, ...) gives each trial the means of its channels as targets; of
several participants, the stream that is named for one of them, and for that one.
Which markers are trials the mapping file says (mapping.py); without one the markers that rtemo's own
simulator and recordings use are understood, and files with other markers have no trials. A file is one session. Names
like LabRecorder's, sub-P001_ses-S001_task-Default_run-001_eeg.xdf, tell who was recorded; a take that it set aside as
*_old1.xdf when its name was used again is another take of the same person.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from unicodedata import normalize

import numpy as np
from numpy.typing import NDArray

from offline.datasets.base import (
    SIMULATED_NOTE,
    Dataset,
    DatasetCard,
    Entry,
    Omission,
    Recording,
    RowCount,
    Stream,
    Trial,
    natural_key,
)
from offline.datasets.mapping import TrialMap, read_mapping
from offline.datasets.trial_finding import (
    RecordedEvent,
    event_rows,
    find_trials,
    lead_ins,
    not_asked_for,
    thirds_among,
    unmatched,
)
from rtemo.core.channel_map import EegChannelMap, GazeChannelMap
from rtemo.core.errors import RtemoError
from rtemo.core.types import STRING_FORMAT, Chunk, Item, Modality, StreamInfo
from rtemo.recordings.auxiliary_events import recorded_auxiliary_events
from rtemo.recordings.baseline_plan import marked_rests
from rtemo.recordings.events import EventKind
from rtemo.recordings.markers import CLIP_END, CLIP_START, EMOTIONS, is_simulated
from rtemo.recordings.open_recording import OpenRecording
from rtemo.recordings.session_folder import beside
from rtemo.sources.devices.profile import known_profiles
from rtemo.sources.participants import Participant
from rtemo.sources.session_settings import SessionSettings, read_settings
from rtemo.sources.stream_choice import is_rating
from rtemo.sources.xdf.file import ENDINGS, ending_of
from rtemo.sources.xdf.parts import is_later_part
from rtemo.sources.xdf.source import XdfSource

Layout = EegChannelMap | GazeChannelMap
_SUBJECT, _SESSION = (re.compile(rf"(?:^|[_/]){entity}-([^_/]+)") for entity in ("sub", "ses"))
_DEFAULT_NAME = ("P001", "S001")
_SET_ASIDE = re.compile(r"_old(\d+)$")
_NEWEST = 1 << 30
_OWN_NOTES = ("trials and labels from rtemo's own markers",)
_OWN_MARKERS = TrialMap(start=CLIP_START, stop=CLIP_END, labels={emotion: emotion for emotion in EMOTIONS})


def load(root: Path, mapping: Path | None = None) -> Dataset:
    """All recordings below root. Nothing is read before an entry is loaded."""
    rules = read_mapping(mapping) if mapping is not None else None
    found = (path for path in root.rglob("*") if ending_of(path) and not is_later_part(path))
    paths = sorted(found, key=partial(_order, root))
    if not paths:
        raise RtemoError(
            "no XDF recording was found",
            f"looked for {', '.join(f'*{one}' for one in ENDINGS)} below {root}",
            "give the folder that holds them",
        )
    who_each = _who([path.relative_to(root) for path in paths], rules)
    named = [(path, *who) for path, who in zip(paths, who_each, strict=True)]
    people = {path: _participants(path) for path in paths}
    sessions: dict[tuple[str, str], int] = {}
    entries, omissions = [], []
    for path, subject, session in named:
        if not subject:
            omissions.append(Omission("file", str(path), "the mapping file's files.name is not found in its path"))
            continue
        for participant in [one.id for one in people[path]] or [""]:
            who = normalize("NFC", participant) or subject
            count = sessions[who, session] = sessions.get((who, session), 0) + 1
            name = session if count == 1 else f"{session}-{count}"
            entries.append(Entry(who, name, (path,), partial(_recording, path, who, name, rules, participant)))
    entries.sort(key=lambda entry: (natural_key(entry.subject), natural_key(entry.session)))
    card = DatasetCard(
        name=(rules.dataset if rules is not None else "") or "xdf",
        title=f"recordings in {root.resolve().name}",
        labels=(rules if rules is not None else _OWN_MARKERS).codes,
        licence="the lab's own",
        citation="none",
        url="",
        notes=(*_OWN_NOTES, *_unnamed(named)) if mapping is None else _unnamed(named),
    )
    return Dataset(card, tuple(entries), tuple(omissions), rules.source if rules is not None else {})


def _order(root: Path, path: Path) -> tuple[object, ...]:
    """Takes that were set aside come before the one that has their name now: they are older."""
    name = _name(path.relative_to(root))
    aside = _SET_ASIDE.search(name)
    return natural_key(_SET_ASIDE.sub("", name)), int(aside[1]) if aside else _NEWEST, name


def _unnamed(named: Sequence[tuple[Path, str, str]]) -> tuple[str, ...]:
    """A note where everybody has the name that LabRecorder gives to those who were given none."""
    same = {(subject, session) for _, subject, session in named} == {_DEFAULT_NAME}
    if len(named) < 2 or not same or not all("task-Default" in path.name for path, *_ in named):
        return ()
    return (f"all {len(named)} files have LabRecorder's default name: if not one person, name them in [files]",)


def _name(path: Path) -> str:
    """A path without its ending, spelled alike on every system: some take é as two characters."""
    return normalize("NFC", path.as_posix().removesuffix(ending_of(path)))


def _who(paths: Sequence[Path], rules: TrialMap | None) -> list[tuple[str, str]]:
    """Subject and session of files; no subject where the mapping's pattern is not found.

    Without a pattern: sub- and ses- in the file's name, else in its folders; else the path, with _ for / unless that
    would make one person of two.
    """
    found = [_named(path, rules) for path in paths]
    called: dict[str, set[str]] = {}
    for subject, _ in found:
        called.setdefault(subject.replace("/", "_"), set()).add(subject)
    short = {subject: name for name, of in called.items() for subject in of if len(of) == 1}
    return [(short.get(subject, subject), session) for subject, session in found]


def _named(path: Path, rules: TrialMap | None) -> tuple[str, str]:
    name = _name(path)
    if rules is not None and rules.files is not None:
        match = rules.files.search(f"{name}{ending_of(path)}")
        groups = match.groupdict() if match else {}
        return groups.get("subject") or "", groups.get("session") or "1"
    subjects, sessions = _SUBJECT.findall(name), _SESSION.findall(name)
    if subjects:
        return subjects[-1], sessions[-1] if sessions else "1"
    return _SET_ASIDE.sub("", name), "1"


def _participants(path: Path) -> tuple[Participant, ...]:
    """The participants who are told apart in a recording, by the session.toml beside it."""
    try:
        return read_settings(beside(path, "session.toml")).participants
    except RtemoError:
        return ()


def _ratings(path: Path, found: OpenRecording) -> tuple[list[StreamInfo], list[Omission]]:
    """The streams of what the participant rated. Of several, those that are named for this one and for nobody else."""
    if not found.participant:
        return [info for info in found.streams if is_rating(info)], []
    own = found.roles.settings.participants[0].ratings
    rated, left_out = [], []
    for info in found.streams:
        whose = [one.id for one in _participants(path) if one.ratings.fits(info)]
        if len(whose) > 1:
            left_out.append(Omission(f"stream {info.stream_id}", str(path), f"it is named for {' and '.join(whose)}"))
        elif is_rating(info) and not whose:
            left_out.append(Omission(f"stream {info.stream_id}", str(path), "it is a rating, and named for nobody"))
        elif own.fits(info) and found.roles.role_of(info) is None:
            rated.append(info)
    if own.query is not None and not any(own.fits(info) for info in found.streams):
        left_out.append(Omission("ratings", str(path), f"the file has no such stream of numbers: {own.query}"))
    return rated, left_out


def _recording(path: Path, subject: str, session: str, rules: TrialMap | None, participant: str = "") -> Recording:
    profiles = known_profiles()
    found = OpenRecording(path, profiles, partial(_settings, rules), complete=False, participant=participant)
    found.close()
    roles = {info: role for info in found.streams if (role := found.roles.role_of(info)) is not None}
    opening = {info: role for info, role in roles.items() if info in found.opening}
    signals: dict[Modality, StreamInfo] = {r: info for info, r in opening.items() if r is not Modality.MARKERS}
    layouts = {info: found.roles.layout(info, role) for role, info in signals.items()}
    later, omitted = _successors(path, found, signals, layouts)
    layouts |= later
    omissions = [
        Omission(modality.value, str(path), "the file has no such stream")
        for modality in (Modality.EEG, Modality.GAZE)
        if modality not in signals
    ]
    omissions += omitted
    events = _events(path, found)
    texts = [event.text for event in events]
    map_ = rules if rules is not None else _OWN_MARKERS
    thirds = thirds_among(events, map_)
    trials, left_out = find_trials(events, map_, found.source.last_s, path.name, {}, "xdf", thirds)
    left_out += unmatched(events, rules, path.name) if rules is not None else []
    rests, saved = _baseline(found, events, left_out)
    if map_.rest is not None:
        at_rest, bad_rests = find_trials(events, map_.rest, found.source.last_s, path.name, {}, "")
        rests, saved, left_out = [(rest.start_s, rest.stop_s) for rest in at_rest], None, [*left_out, *bad_rests]
    ratings, unusable = _ratings(path, found)
    omissions += unusable
    trials, unrated, rated_rows = _rated(path, ratings, trials)
    ids = tuple(info.stream_id for info in layouts)
    return Recording(
        dataset="xdf",
        subject=subject,
        session=session,
        trials=tuple(trials),
        streams=tuple(
            Stream(
                info,
                Modality.GAZE if roles[info] is Modality.SECOND_EYE else roles[info],
                partial(_chunks, path, info.stream_id),
                channel_map=layout,
                follows=(found.source.predecessor(info.stream_id) or "") if info in later else "",
            )
            for info, layout in layouts.items()
        ),
        files=(path, *([saved] if saved is not None else []), *(own.path for own in found.roles.own_profiles)),
        omissions=(*omissions, *left_out),
        notes=(
            *([SIMULATED_NOTE] if is_simulated([info.name for info in found.streams] + texts) else []),
            *found.notices,
            *_notes_on(path),
            *not_asked_for(events, map_, path.name),
            *lead_ins(trials, path.name),
            *unrated,
        ),
        rests=tuple(rests),
        rows={**({"event": event_rows(events, map_, len(trials))} if events else {}), **rated_rows},
        baseline_planned=found.facts.planned is not None and map_.rest is None,
        saved_baseline=saved,
        replay=partial(_items, path, ids),
        stated=tuple(note for _, note in found.facts.notes),
    )


def _successors(
    path: Path, found: OpenRecording, signals: Mapping[Modality, StreamInfo], layouts: Mapping[StreamInfo, Layout]
) -> tuple[dict[StreamInfo, Layout], list[Omission]]:
    """The streams that took the places of these ones when they were lost, and how they are read; of one recording all
    windows have the same electrodes, and those that have others are left out.
    """
    later: dict[StreamInfo, Layout] = {}
    omitted = []
    for info in found.streams:
        role = found.roles.role_of(info)
        if role is None or role not in signals or info in layouts or found.source.predecessor(info.stream_id) is None:
            continue
        try:
            layout, first = found.roles.layout(info, role), layouts[signals[role]]
        except RtemoError as error:
            omitted.append(Omission(f"stream {info.stream_id}", str(path), str(error)))
            continue
        if isinstance(layout, EegChannelMap) and isinstance(first, EegChannelMap) and layout.labels != first.labels:
            why = f"it took the place of the {role} when that was lost, with other electrodes"
            omitted.append(Omission(f"stream {info.stream_id}", str(path), why))
        else:
            later[info] = layout
    return later, omitted


def _notes_on(path: Path) -> tuple[str, ...]:
    if not _SET_ASIDE.search(_name(Path(path.name))):
        return ()
    return (f"{path.name} was set aside by LabRecorder when its name was used again: is it a take that counts?",)


def _settings(rules: TrialMap | None, recorded: SessionSettings | None) -> SessionSettings:
    """The settings of the recording's session, with the streams and the screen that the mapping file names."""
    settings = recorded or SessionSettings()
    if rules is None:
        return settings
    screen = rules.screen if rules.screen is not None else settings.screen
    return replace(settings, queries={**settings.queries, **rules.queries}, screen=screen)


def _baseline(
    recording: OpenRecording, events: Sequence[RecordedEvent], left_out: list[Omission]
) -> tuple[list[tuple[float, float]], Path | None]:
    """The rests that the session's replay would take for its baseline, and its saved baseline."""
    rests = list(recording.facts.rests)
    try:
        plan = recording.plan
    except RtemoError as error:
        left_out.append(Omission("baseline", str(recording.path), str(error)))
        return rests, None
    if plan is None:
        return rests, None
    if plan.span_s is not None:
        first_s = recording.source.first_s
        rests.append((first_s + plan.span_s[0], first_s + plan.span_s[1]))
    rests += marked_rests(plan, [(event.time_s, event.text) for event in events])
    return rests, plan.file


def _items(path: Path, ids: Sequence[str]) -> Iterator[Item]:
    """The chosen streams' items as a replay reads them."""
    source = XdfSource(path)
    source.start()
    source.select(ids)
    try:
        while not source.exhausted:
            yield from source.read()
    finally:
        source.stop()


def _chunks(path: Path, stream_id: str, block_s: float) -> Iterator[Chunk]:
    """One stream's chunks as they are in the file, whatever block_s says; stamps are raw."""
    del block_s
    return (item for item in _items(path, (stream_id,)) if isinstance(item, Chunk))


def _events(path: Path, recording: OpenRecording) -> list[RecordedEvent]:
    """Every marker with a text, of marker streams and trigger columns; one without a time that can be used has a
    problem. Numbers are written as such.
    """
    roles = recording.roles
    infos = {info.stream_id: info for info in recording.streams if roles.role_of(info) is Modality.MARKERS}
    source = XdfSource(path)
    source.start()
    source.select(tuple(infos))
    events = []
    while not source.exhausted:
        for timed in source.read_timed():
            if isinstance(timed.item, Chunk):
                info = infos[timed.item.stream_id]
                rows = zip(timed.times.tolist(), timed.item.values, strict=True)
                events += [_event(path, info, time_s, row) for time_s, row in rows]
    for info, shown in recorded_auxiliary_events(XdfSource(path), recording.streams, roles):
        if shown.kind is EventKind.MARKER:
            columns = {"stream": shown.stream, shown.stream.removeprefix(f"{info.name}/"): shown.text, "1": shown.text}
            events.append(RecordedEvent(shown.time_s, shown.text, columns=columns, stream=shown.stream))
    return [event for event in events if event.text]


def _rated(
    path: Path, streams: Sequence[StreamInfo], trials: Sequence[Trial]
) -> tuple[list[Trial], list[str], dict[str, RowCount]]:
    """The trials with the means of rating streams while they were shown as targets; notes; what became of samples."""
    found, notes, counts = list(trials), [], RowCount()
    for info in streams:
        times, values = _samples(path, info)
        inside = [(times >= trial.start_s + trial.lead_in_s) & (times < trial.stop_s) for trial in trials]
        given = np.isfinite(values).any(axis=1)
        used = np.any(inside, axis=0) if inside else np.zeros(len(times), bool)
        counts += RowCount(len(times), int((used & given).sum()), int((used & ~given).sum()))
        for column, name in enumerate(_names(info, {name for trial in trials for name in trial.targets})):
            known = [values[rows, column][np.isfinite(values[rows, column])] for rows in inside]
            means = [float(own.mean()) if len(own) else None for own in known]
            found = [
                one if mean is None else replace(one, targets={**one.targets, name: mean})
                for one, mean in zip(found, means, strict=True)
            ]
            if missing := means.count(None):
                notes.append(
                    f"{path.name}: {missing} of {len(trials)} trials have no {name} from the stream {info.name}"
                )
    return found, notes, {"rating": counts} if streams else {}


def _names(info: StreamInfo, taken: set[str]) -> list[str]:
    """What the columns of a rating stream are called: by their labels, with the stream's name where that is taken."""
    labels = [channel.label.strip().casefold() or str(n) for n, channel in enumerate(info.channels, start=1)]
    return [f"{info.name} {label}" if label in taken or labels.count(label) > 1 else label for label in labels]


def _samples(path: Path, info: StreamInfo) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(n,) times on the recording's clock and (n, channels) values of a stream of numbers."""
    source = XdfSource(path)
    source.start()
    source.select((info.stream_id,))
    times, values = [np.zeros(0)], [np.zeros((0, len(info.channels)))]
    while not source.exhausted:
        for timed in source.read_timed():
            if isinstance(timed.item, Chunk):
                times.append(np.asarray(timed.times, np.float64))
                values.append(np.asarray(timed.item.values, np.float64))
    return np.concatenate(times), np.concatenate(values)


def marker_events(path: Path) -> list[RecordedEvent]:
    """Every marker of a recording, of marker streams and trigger columns. RtemoError where it cannot be opened."""
    whose = next((one.id for one in _participants(path)), "")  # markers are for everybody
    found = OpenRecording(path, known_profiles(), partial(_settings, None), complete=False, participant=whose)
    found.close()
    return _events(path, found)


def _event(path: Path, info: StreamInfo, time_s: float, row: Sequence[object]) -> RecordedEvent:
    """One marker. Its text is that of the first column; all columns have the names of the stream's channels.

    The column `stream` holds the stream's name.
    """
    words = [str(cell) if info.channel_format == STRING_FORMAT else f"{cell:g}" for cell in row]
    named = [channel.label or str(n) for n, channel in enumerate(info.channels, start=1)]
    columns = {"stream": info.name, **dict(zip(named, words, strict=False))}
    columns |= {str(n): word for n, word in enumerate(words, start=1)}
    if np.isfinite(time_s):
        return RecordedEvent(time_s, words[0], columns=columns, stream=info.name)
    source = f"{path.name} stream {info.name}"
    return RecordedEvent(0.0, words[0], None, source, "it has no time", columns, info.name)
