"""A lab's own recordings: every XDF file below a folder, with its markers as trials.

    <anything>.xdf      EEG, gaze or both, chosen as `rtemo replay` chooses them; LSL markers

Samples come through XdfSource exactly as in a replay, with their raw stamps and clock offsets, so that the windows are
the same. Which markers are trials the mapping file says (mapping.py); without one the markers that rtemo's own
simulator and recordings use are understood, and files with other markers have no trials. A file is one session.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from offline.datasets.base import Dataset, DatasetCard, Entry, Omission, Recording, Stream, natural_key
from offline.datasets.mapping import RecordedEvent, TrialMap, find_trials, read_mapping, unmatched
from rtemo.core.errors import RtemoError
from rtemo.core.types import STRING_FORMAT, Chunk, Item, Modality, StreamInfo
from rtemo.resources import devices
from rtemo.simulate.markers import EMOTIONS
from rtemo.sources.devices.profile import load_profiles
from rtemo.sources.stream_choice import choose, choose_markers
from rtemo.sources.xdf.source import XdfSource

# The markers of rtemo.simulate.markers.
_OWN_MARKERS = TrialMap(
    start=re.compile(r"clip/start id=(?P<clip>\S+) emotion=(?P<label>\S+)"),
    stop=re.compile(r"clip/end.*"),
    labels={emotion: emotion for emotion in EMOTIONS},
)
_OWN_EVENTS, _OWN_BASELINE = "rtemo_events", re.compile(r"annotation: baseline begins: ([0-9.e+]+) s")


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
    return Dataset(card, tuple(entries), tuple(omissions))


def _who(path: Path, rules: TrialMap | None) -> tuple[str, str]:
    """Subject and session of a file; no subject where the mapping's pattern is not found."""
    if rules is None or rules.files is None:
        return path.with_suffix("").as_posix().replace("/", "_"), "1"
    match = rules.files.search(path.as_posix())
    groups = match.groupdict() if match else {}
    return groups.get("subject") or "", groups.get("session") or "1"


def _recording(path: Path, subject: str, session: str, rules: TrialMap | None) -> Recording:
    source = XdfSource(path)
    infos = source.start()
    profiles = load_profiles(devices())
    queries = rules.queries if rules is not None else {}
    parts: dict[Modality, StreamInfo] = {}
    for modality in (Modality.EEG, Modality.GAZE):
        if choice := choose(infos, modality, queries.get(modality), profiles):
            parts[modality] = choice.info
    markers = choose_markers(infos, queries.get(Modality.MARKERS), profiles)
    end_s = source.last_s
    warnings = source.warnings
    own_rests = _own_rests(source, infos)
    source.stop()
    if not parts:
        listed = " | ".join(info.describe() for info in infos)
        raise RtemoError(f"{path} has neither EEG nor gaze", listed, "name the streams in the mapping file, [streams]")
    omissions = [
        Omission(modality.value, str(path), "the file has no such stream")
        for modality in (Modality.EEG, Modality.GAZE)
        if modality not in parts
    ]
    events = _events(path, markers)
    map_ = rules if rules is not None else _OWN_MARKERS
    trials, left_out = find_trials(events, map_, end_s, path.name, {}, "xdf")
    left_out += unmatched(events, rules, path.name) if rules is not None else []
    rests = own_rests
    if map_.rest is not None:
        found, bad_rests = find_trials(events, map_.rest, end_s, path.name, {}, "")
        rests, left_out = [(rest.start_s, rest.stop_s) for rest in found], [*left_out, *bad_rests]
    ids = tuple(info.stream_id for info in parts.values())
    return Recording(
        dataset="xdf",
        subject=subject,
        session=session,
        trials=tuple(trials),
        streams=tuple(
            Stream(info, modality, partial(_chunks, path, info.stream_id), rules.screen if rules is not None else None)
            for modality, info in parts.items()
        ),
        files=(path,),
        omissions=(*omissions, *left_out),
        notes=warnings,
        rests=tuple(rests),
        replay=partial(_items, path, ids),
    )


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
    texts = {info.stream_id: info.channel_format == STRING_FORMAT for info in markers}
    source = XdfSource(path)
    source.start()
    source.select(tuple(texts))
    events = []
    while not source.exhausted:
        for timed in source.read_timed():
            if isinstance(timed.item, Chunk):
                rows = zip(timed.times.tolist(), timed.item.values, strict=True)
                is_text = texts[timed.item.stream_id]
                events += [RecordedEvent(time_s, str(row[0]) if is_text else f"{row[0]:g}") for time_s, row in rows]
    return [event for event in events if event.text and np.isfinite(event.time_s)]


def _own_rests(source: XdfSource, infos: Sequence[StreamInfo]) -> list[tuple[float, float]]:
    """The baselines that a session of rtemo announced in its own events, as a replay finds them."""
    own = [info.stream_id for info in infos if info.name == _OWN_EVENTS]
    texts = [text for stream_id in own for text in source.texts_of(stream_id)]
    begun = [(time_s, match) for time_s, text in texts if (match := _OWN_BASELINE.fullmatch(text))]
    return [(time_s, time_s + float(match[1])) for time_s, match in begun]
