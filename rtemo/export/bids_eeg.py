"""The EEG of a BIDS session: the data as BrainVision or EDF, and eeg.json, channels.tsv, electrodes.tsv."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import numpy as np

from rtemo.core.channel_map import EegChannelMap
from rtemo.core.types import Modality, StreamInfo
from rtemo.export.brainvision import write_brainvision
from rtemo.export.edf import write_edf
from rtemo.export.recorded_session import RecordedSession
from rtemo.export.signals import RecordedSignal
from rtemo.export.tables import write_bare_table, write_json, write_table
from rtemo.sources.devices.profile import DeviceProfile
from rtemo.sources.stream_xml import desc_of

FIRST_SAMPLE = "LslTimeOfFirstSample"  # offline.datasets.bids.dataset puts windows where the session's lay by it
STAMPS, STAMP = "_recording-stamps_physio.tsv.gz", "stamp"  # and sample times by these, where they are uneven
EVEN_S = 1e-6
HEAD_MM = 95.0
MOST_OFFSETS = 200
_MAKER_TAGS = ("acquisition/manufacturer", "manufacturer")
_MODEL_TAGS = ("acquisition/model", "model")
_REFERENCE_TAGS = ("reference/label", "reference", "acquisition/reference")


def write_eeg(
    folder: Path, session: RecordedSession, eeg: RecordedSignal, eeg_format: Literal["brainvision", "edf"]
) -> tuple[Path, float]:
    """Write the data and its side-cars. Returns the data's path and the rate that it states."""
    stem = session.entities.stem
    rate_hz = eeg.rate_hz
    if eeg_format == "edf":
        path = folder / f"{stem}_eeg.edf"
        rate_hz = write_edf(path, eeg, session.began, (), session.entities.subject)
    else:
        path = folder / f"{stem}_eeg.vhdr"
        write_brainvision(path, eeg, session.began)
    write_json(folder / f"{stem}_eeg.json", _about(session, eeg, rate_hz))
    rows = [(label, "EEG", "uV", rate_hz, "good") for label in eeg.labels]
    write_table(folder / f"{stem}_channels.tsv", ("name", "type", "units", "sampling_frequency", "status"), rows)
    _write_places(folder, session, eeg)
    _write_stamps(folder, stem, eeg)
    return path, rate_hz


def _write_stamps(folder: Path, stem: str, eeg: RecordedSignal) -> None:
    """The samples' times as they were sent, where these are uneven: the data file holds a line through them. A session
    evens them out as they come, which is never quite that line; by these a corpus gets the session's windows.
    """
    lines = [one.begin_s + np.arange(len(one.times)) / eeg.rate_hz for one in eeg.stretches]
    if np.abs(eeg.stamps - np.concatenate(lines)).max() <= EVEN_S:
        return
    path = folder / f"{stem}{STAMPS}"
    write_bare_table(path, ((f"{since_s:.6f}",) for since_s in (eeg.stamps - eeg.first_s).tolist()))
    about = {
        "SamplingFrequency": eeg.rate_hz,
        "StartTime": 0.0,
        "Columns": [STAMP],
        "PhysioType": "generic",
        STAMP: {
            "Description": "time of each EEG sample as its sender stamped it, clock offsets applied; not evened out",
            "Units": "s",
        },
    }
    write_json(path.with_name(path.name.removesuffix(".tsv.gz") + ".json"), about)


def _write_places(folder: Path, session: RecordedSession, eeg: RecordedSignal) -> None:
    """Where the electrodes lie, on a sphere."""
    assert isinstance(eeg.channel_map, EegChannelMap)
    entities = session.entities
    stem = f"sub-{entities.subject}_ses-{entities.session}"  # one cap a session, as BIDS advises
    rows = [
        (label, *(round(HEAD_MM * float(value), 4) for value in place))
        for label, place in zip(eeg.labels, eeg.channel_map.positions, strict=True)
    ]
    write_table(folder / f"{stem}_electrodes.tsv", ("name", "x", "y", "z"), rows)
    about = {
        "EEGCoordinateSystem": "CapTrak",
        "EEGCoordinateUnits": "mm",
        "EEGCoordinateSystemDescription": (
            f"places that rtemo uses, on a sphere of {HEAD_MM:g} mm, x right and y front: those of the electrodes' "
            "names, or those that the stream gave; not measured on this head"
        ),
    }
    write_json(folder / f"{stem}_coordsystem.json", about)


def _about(session: RecordedSession, eeg: RecordedSignal, rate_hz: float) -> dict[str, Any]:
    profile = session.profiles.get(Modality.EEG)
    about: dict[str, Any] = {
        "TaskName": session.entities.task,
        "Manufacturer": _stated(eeg.info, _MAKER_TAGS) or _maker(profile),
        "ManufacturersModelName": _stated(eeg.info, _MODEL_TAGS) or eeg.info.name,
        "EEGReference": _stated(eeg.info, _REFERENCE_TAGS) or "not stated by the stream",
        "SamplingFrequency": rate_hz,
        "PowerLineFrequency": "n/a",
        "SoftwareFilters": "n/a",
        "EEGChannelCount": len(eeg.labels),
        "RecordingDuration": round(eeg.n_samples / rate_hz, 6),
        "RecordingType": "discontinuous" if eeg.gaps else "continuous",
        FIRST_SAMPLE: eeg.first_s,
        "NominalSamplingFrequency": eeg.info.nominal_rate_hz,
        "DeviceLatency": eeg.channel_map.latency_s,
        "SamplesWithoutTime": eeg.n_unusable,
        "Gaps": [
            {"begin": gap.begin_s - eeg.first_s, "end": gap.end_s - eeg.first_s, "missing": gap.n_missing}
            for gap in eeg.gaps
        ],
        "ClockOffsets": clock_summary(eeg),
        "ChannelsLeftOut": dict(eeg.channel_map.left_out),
    }
    return about


def clock_summary(signal: RecordedSignal) -> dict[str, Any]:
    """The clock offsets that were measured and applied: LSL time = stamp + offset. All are in sourcedata."""
    offsets = [one.offset_s for one in signal.clock_offsets]
    if not offsets:
        return {"Measurements": 0}
    step = -(-len(offsets) // MOST_OFFSETS)
    return {
        "Measurements": len(offsets),
        "First": offsets[0],
        "Last": offsets[-1],
        "StampsAndOffsets": [[one.time_s, one.offset_s] for one in signal.clock_offsets[::step]],
    }


def _maker(profile: DeviceProfile | None) -> str:
    return profile.name if profile is not None and not profile.id.startswith("generic") else "n/a"


def _stated(info: StreamInfo, tags: tuple[str, ...]) -> str:
    """What the stream's own description says."""
    desc = desc_of(info)
    texts = [" ".join((desc.findtext(tag) or "").split()) for tag in tags] if desc is not None else []
    return next((text for text in texts if text), "")
