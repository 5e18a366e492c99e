"""Short recordings of a simulated person, whole and with gaps, and session folders made of them."""

from __future__ import annotations

import pytest

from rtemo.cli import main

FAULTS = """
[[fault]]
kind = "gap"
stream = "eeg"
start_s = 20.1
duration_s = 2.3
[[fault]]
kind = "gap"
stream = "eeg"
start_s = 30.3
duration_s = 4.0
loss_share = 0.03
[[fault]]
kind = "gap"
stream = "gaze"
start_s = 26.0
duration_s = 2.0
"""


def simulated(folder, name, faults=""):
    path = folder / f"{name}.xdf"
    # rates whose samples do not lie on the grid's own times, where the last bit of a time would decide
    options = ["--seed", "3", "--duration", "50", "--eeg-channels", "8"]
    options += ["--eeg-rate", "257", "--gaze-rate", "59.94"]
    if faults:
        (folder / "faults.toml").write_text(faults)
        options += ["--faults", str(folder / "faults.toml")]
    assert main(["simulate", *options, "--xdf", str(path), "--quiet"]) == 0
    return path


@pytest.fixture(scope="session")
def whole(tmp_path_factory):
    return simulated(tmp_path_factory.mktemp("whole"), "P01")


@pytest.fixture(scope="session")
def gappy(tmp_path_factory):
    return simulated(tmp_path_factory.mktemp("gappy"), "P02", FAULTS)


@pytest.fixture(scope="session")
def uneven(gappy, tmp_path_factory):
    """The recording with gaps, its EEG stamped by a clock that drifts by 60 ppm, each stamp off by 0.5 ms (SD)."""
    from dataclasses import replace

    import numpy as np

    from rtemo.core.types import Chunk, ClockOffset
    from rtemo.sources.xdf.source import XdfSource
    from rtemo.sources.xdf.writer import XdfWriter

    path, rng = tmp_path_factory.mktemp("uneven") / "P04.xdf", np.random.default_rng(3)
    source = XdfSource(gappy)
    with XdfWriter(path) as writer:
        infos = {info.stream_id: info for info in source.start()}
        for info in infos.values():
            writer.add_stream(info)
        while not source.exhausted:
            for item in source.read():
                if isinstance(item, Chunk) and infos[item.stream_id].type == "EEG":
                    drifted = 1000.0 + (item.stamps - 1000.0) * (1.0 + 60e-6)
                    item = replace(item, stamps=drifted + rng.normal(0.0, 5e-4, len(item.stamps)))
                write = {Chunk: writer.write_chunk, ClockOffset: writer.write_offset}[type(item)]
                write(item)
    return path


def only(whole, folder, kept):
    """The recording with one of its signals, and its markers."""
    from rtemo.core.types import Chunk, ClockOffset
    from rtemo.sources.xdf.source import XdfSource
    from rtemo.sources.xdf.writer import XdfWriter

    path = folder / f"{kept}.xdf"
    source = XdfSource(whole)
    infos = [info for info in source.start() if kept in info.name or "markers" in info.name]
    source.select([info.stream_id for info in infos])
    with XdfWriter(path) as writer:
        for info in infos:
            writer.add_stream(info)
        while not source.exhausted:
            for item in source.read():
                write = {Chunk: writer.write_chunk, ClockOffset: writer.write_offset}[type(item)]
                write(item)
    return path


@pytest.fixture(scope="session")
def rested(whole, tmp_path_factory):
    """The recording with the events of a session in which a rest was begun that sets the baseline."""
    import numpy as np

    from rtemo.core.types import STRING_FORMAT, Channel, Chunk, ClockOffset, StreamInfo
    from rtemo.recordings.session_facts import rest_event
    from rtemo.sources.xdf.source import XdfSource
    from rtemo.sources.xdf.writer import XdfWriter

    path = tmp_path_factory.mktemp("rested") / "P03.xdf"
    events = StreamInfo("events", "rtemo_events", "Markers", STRING_FORMAT, 0.0, (Channel("text"), Channel("json")))
    event = rest_event(1003.0, 22.0)
    source = XdfSource(whole)
    with XdfWriter(path) as writer:
        for info in (*source.start(), events):
            writer.add_stream(info)
        writer.write_offset(ClockOffset("events", 1000.0, 0.0))
        row = np.array([[event.text, event.payload(published=False)]], dtype=object)
        writer.write_chunk(Chunk("events", np.array([event.time_s]), row))
        while not source.exhausted:
            for item in source.read():
                write = {Chunk: writer.write_chunk, ClockOffset: writer.write_offset}[type(item)]
                write(item)
    return path


@pytest.fixture(scope="session")
def eeg_only(whole, tmp_path_factory):
    return only(whole, tmp_path_factory.mktemp("eeg"), "EEG")


@pytest.fixture(scope="session")
def gaze_only(whole, tmp_path_factory):
    return only(whole, tmp_path_factory.mktemp("gaze"), "gaze")


@pytest.fixture(scope="session")
def session_folder(whole, tmp_path_factory):
    """A session as rtemo writes one: predictions, events with notes and self-reports, settings."""
    from rtemo.model.personal.session_notes import LabelGiven
    from rtemo.recordings.events import Event, EventKind
    from rtemo.recordings.session_facts import note_event

    folder = tmp_path_factory.mktemp("sessions") / "2026-11-30_10-20-30_Ann-1"
    folder.mkdir()
    (folder / "recording.xdf").write_bytes(whole.read_bytes())
    options = ["--speed", "max", "--quiet", "--hop", "1", "--out", str(folder / "predictions.csv")]
    assert main(["replay", str(whole), *options]) == 0
    events = [
        Event(1010.0, EventKind.ANNOTATION, "door opens"),
        note_event(1040.0, LabelGiven(0, "sad", 1030.0, 1038.0)),
    ]
    (folder / "events.jsonl").write_text("".join(event.to_json_line() + "\n" for event in events))
    record = '[record]\nstarted = "2026-11-30T10:20:30"\n'
    (folder / "session.toml").write_text(f'[session]\nsubject = "Ann-1"\n{record}')
    return folder
