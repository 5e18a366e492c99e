"""A lab's own recordings: every XDF file below a folder, with its markers as trials.

    <anything>.xdf      EEG, gaze or both, chosen as `rtemo replay` chooses them; LSL markers

Samples come through XdfSource exactly as in a replay, with their raw stamps and clock offsets, so that the windows are
the same. Which markers are trials the mapping file says (mapping.py); without one the markers that rtemo's own
simulator and recordings use are understood, and files with other markers have no trials. A file is one session.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from offline.datasets.base import Dataset, DatasetCard, Entry, Omission, Recording, Stream, natural_key
from offline.datasets.mapping import RecordedEvent, TrialMap, find_trials, read_mapping, unmatched
from rtemo.core.errors import RtemoError
from rtemo.core.types import Chunk, Item, Modality, StreamInfo
from rtemo.recordings.baseline_plan import marked_rests
from rtemo.recordings.markers import CLIP_END, CLIP_START, EMOTIONS, marker_text
from rtemo.recordings.open_recording import OpenRecording
from rtemo.resources import devices
from rtemo.sources.devices.profile import load_profiles
from rtemo.sources.session_settings import SessionSettings
from rtemo.sources.xdf.source import XdfSource

_OWN_MARKERS = TrialMap(start=CLIP_START, stop=CLIP_END, labels={emotion: emotion for emotion in EMOTIONS})


def load(root: Path, mapping: Path | None = None) -> Dataset:
    """All recordings below root. Nothing is read before an entry is loaded."""
    rules = read_mapping(mapping) if mapping is not None else None
    paths = sorted(root.rglob("*.xdf"), key=lambda path: natural_key(path.relative_to(root).as_posix()))
    if not paths:
        raise RtemoError(
            "no XDF recording was found", f"looked for *.xdf below {root}", "give the folder that holds them"
        )
    named = [(path, *_who(path.relative_to(root), rules)) for path in paths]
    sessions: dict[tuple[str, str], int] = {}
    entries, omissions = [], []
    for path, subject, session in named:
        if not subject:
            omissions.append(Omission("file", str(path), "the mapping file's files.name is not found in its path"))
            continue
        count = sessions[subject, session] = sessions.get((subject, session), 0) + 1
        name = session if count == 1 else f"{session}-{count}"
        entries.append(Entry(subject, name, (path,), partial(_recording, path, subject, name, rules)))
    entries.sort(key=lambda entry: (natural_key(entry.subject), natural_key(entry.session)))
    card = DatasetCard(
        name="xdf",
        title=f"recordings in {root.resolve().name}",
        labels=(rules if rules is not None else _OWN_MARKERS).codes,
        licence="the lab's own",
        citation="none",
        url="",
        notes=() if mapping is not None else ("trials and labels from rtemo's own markers",),
    )
    return Dataset(card, tuple(entries), tuple(omissions), rules.source if rules is not None else {})


def _who(path: Path, rules: TrialMap | None) -> tuple[str, str]:
    """Subject and session of a file; no subject where the mapping's pattern is not found."""
    if rules is None or rules.files is None:
        return path.with_suffix("").as_posix().replace("/", "_"), "1"
    match = rules.files.search(path.as_posix())
    groups = match.groupdict() if match else {}
    return groups.get("subject") or "", groups.get("session") or "1"


def _recording(path: Path, subject: str, session: str, rules: TrialMap | None) -> Recording:
    found = OpenRecording(path, load_profiles(devices()), partial(_settings, rules), complete=False)
    found.close()
    roles = {info: role for info in found.streams if (role := found.roles.role_of(info)) is not None}
    first = {info: role for info, role in roles.items() if info in found.opening}
    signals = {role: info for info, role in first.items() if role is not Modality.MARKERS}
    omissions = [
        Omission(modality.value, str(path), "the file has no such stream")
        for modality in (Modality.EEG, Modality.GAZE)
        if modality not in signals
    ]
    omissions += [
        Omission(f"stream {info.stream_id}", str(path), f"it took the place of the {role} when that was lost")
        for info, role in roles.items()
        if info not in first and found.source.predecessor(info.stream_id) is not None
    ]
    markers = [info for info, role in roles.items() if role is Modality.MARKERS]
    events = _events(path, markers)
    map_ = rules if rules is not None else _OWN_MARKERS
    trials, left_out = find_trials(events, map_, found.source.last_s, path.name, {}, "xdf")
    left_out += unmatched(events, rules, path.name) if rules is not None else []
    rests, saved = _baseline(found, events, left_out)
    if map_.rest is not None:
        at_rest, bad_rests = find_trials(events, map_.rest, found.source.last_s, path.name, {}, "")
        rests, saved, left_out = [(rest.start_s, rest.stop_s) for rest in at_rest], None, [*left_out, *bad_rests]
    ids = tuple(info.stream_id for info in signals.values())
    return Recording(
        dataset="xdf",
        subject=subject,
        session=session,
        trials=tuple(trials),
        streams=tuple(
            Stream(info, role, partial(_chunks, path, info.stream_id), channel_map=found.roles.layout(info, role))
            for role, info in signals.items()
        ),
        files=(path, *([saved] if saved is not None else [])),
        omissions=(*omissions, *left_out),
        notes=tuple(found.notices),
        rests=tuple(rests),
        baseline_planned=found.facts.planned is not None and map_.rest is None,
        saved_baseline=saved,
        replay=partial(_items, path, ids),
    )


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


def _events(path: Path, markers: Sequence[StreamInfo]) -> list[RecordedEvent]:
    """Every marker with a text and a time."""
    texts = {info.stream_id: info.channel_format for info in markers}
    source = XdfSource(path)
    source.start()
    source.select(tuple(texts))
    events = []
    while not source.exhausted:
        for timed in source.read_timed():
            if isinstance(timed.item, Chunk):
                rows = zip(timed.times.tolist(), timed.item.values, strict=True)
                kind = texts[timed.item.stream_id]
                events += [RecordedEvent(time_s, marker_text(row, kind)) for time_s, row in rows]
    return [event for event in events if event.text and np.isfinite(event.time_s)]
