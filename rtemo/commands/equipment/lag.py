"""`rtemo lag`: how late a device's stamps are, from a recording with a photodiode or with saccades after markers."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from rtemo.commands.arguments import add_queries, number
from rtemo.commands.from_arguments import open_recording
from rtemo.core.channel_map import GazeChannelMap
from rtemo.core.errors import RtemoError
from rtemo.core.gaze.events import GazeEventKind
from rtemo.core.gaze.settings import GazeSettings
from rtemo.core.gaze.tracker import GazeAnalyser
from rtemo.core.types import Modality, TimeArray
from rtemo.export.event_rows import read_markers
from rtemo.export.signals import read_signals
from rtemo.recordings.lag import channel_of, chosen, lag_of, settings_lines, steps_up
from rtemo.recordings.open_recording import OpenRecording


def add_arguments(p: argparse.ArgumentParser) -> None:
    """What the command takes."""
    p.add_argument("file", type=Path, metavar="FILE.xdf")
    what = p.add_mutually_exclusive_group(required=True)
    what.add_argument("--photodiode", metavar="LABEL", help="the channel that a photodiode on the screen is wired to")
    what.add_argument("--saccades", action="store_true", help="the first saccade after each marker, of the eye tracker")
    p.add_argument("--event", default="", metavar="TEXT", help="only markers that begin so (default: all)")
    p.add_argument(
        "--expected-ms",
        type=number,
        default=0.0,
        metavar="MS",
        help="taken off: with --saccades the person's reaction, with --photodiode the display's delay (default: 0)",
    )
    add_queries(p, markers=False)


def run(args: argparse.Namespace) -> int:
    """State the lag, and the lines for the settings."""
    recording = open_recording(args, args.file)
    try:
        markers = chosen([(event.time_s, event.text) for event in read_markers(recording)], args.event)
        if args.photodiode:
            info, times, values = channel_of(recording, args.photodiode)
            role = recording.roles.role_of(info)
            answers = steps_up(times, values)
            name = info.name
        else:
            name, answers = _saccades(open_recording(args, args.file))
            role = Modality.GAZE
    finally:
        recording.close()
    lag = lag_of(markers, answers.tolist(), args.expected_ms / 1000.0)
    print(
        f"{name}: {lag.median_ms:.1f} ms behind the markers, spread {lag.spread_ms:.1f} ms "
        f"({lag.lowest_ms:.1f} to {lag.highest_ms:.1f}), {lag.n} of {lag.n_markers} markers, "
        f"{lag.drift_ms:+.1f} ms from the first third to the last"
    )
    if role in (Modality.EEG, Modality.GAZE):  # both counted from the raw stamps: this replaces what is set now
        print(settings_lines(role, lag))
    return 0


def _saccades(recording: OpenRecording) -> tuple[str, TimeArray]:
    """The starts of the eye tracker's saccades, by its own stamps."""
    gaze = read_signals(recording).get(Modality.GAZE)
    if gaze is None:
        raise RtemoError("the recording has no gaze", "", "name the eye tracker's stream in the settings")
    layout, starts = gaze.channel_map, list[float]()
    assert isinstance(layout, GazeChannelMap)
    for stretch in gaze.stretches:
        analyser = GazeAnalyser(GazeSettings(), layout.view, gaze.rate_hz)
        for begin in range(0, len(stretch.times), 1000):
            analyser.push(stretch.times[begin : begin + 1000], stretch.values[begin : begin + 1000])
            starts += [e.start_s for e in analyser.take_events() if e.kind is GazeEventKind.SACCADE]
    return gaze.info.name, np.array(starts) + layout.latency_s
