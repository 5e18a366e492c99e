"""The commands, by name. Each is a module that brings its own arguments (`add_arguments`) and does its work (`run`)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Command:
    """module: imported when the command is chosen. summary: its line in `rtemo --help`; empty: not listed."""

    module: str
    summary: str


COMMANDS = {
    "app": Command("rtemo.commands.session.app", "the desktop application (also `rtemo` alone)"),
    "demo": Command("rtemo.commands.session.demo", "a simulated person as real LSL streams, and rtemo on them"),
    "streams": Command("rtemo.commands.equipment.streams", "what is on the network"),
    "live": Command("rtemo.commands.session.live", "predictions from live streams, without a window"),
    "replay": Command("rtemo.commands.session.replay", "predictions from a recording, through the same engine"),
    "calibrate": Command(
        "rtemo.commands.session.calibrate", "fit the model's heads to one person on a labelled recording"
    ),
    "simulate": Command("rtemo.commands.equipment.simulate", "a simulated person over LSL, or into an XDF file"),
    "record": Command("rtemo.commands.data.record", "record LSL streams into XDF"),
    "report": Command("rtemo.commands.data.report", "one HTML page about a session or a recording"),
    "bench": Command("rtemo.commands.bench.command", "latency, CPU, memory and losses on this computer"),
    "devices": Command("rtemo.commands.equipment.devices", "device profiles"),
    "doctor": Command("rtemo.commands.equipment.doctor", "what is wrong with this computer, and what to do"),
    "engine": Command("rtemo.commands.session.engine", ""),  # the process behind the window
}
