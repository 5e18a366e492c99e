"""The commands, by name. Each is a module that brings its own arguments (`add_arguments`) and does its work (`run`)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CommandEntry:
    """module: imported when the command is chosen. summary: its line in `rtemo --help`; empty: not listed."""

    module: str
    summary: str


COMMANDS = {
    "app": CommandEntry("rtemo.commands.session.app", "the desktop application (also `rtemo` alone)"),
    "demo": CommandEntry("rtemo.commands.session.demo", "a simulated person as real LSL streams, and rtemo on them"),
    "streams": CommandEntry("rtemo.commands.equipment.streams", "what is on the network"),
    "live": CommandEntry("rtemo.commands.session.live", "predictions from live streams, without a window"),
    "replay": CommandEntry("rtemo.commands.session.replay", "predictions from a recording, through the same engine"),
    "calibrate": CommandEntry(
        "rtemo.commands.session.calibrate", "fit the model's heads to one person on a labelled recording"
    ),
    "simulate": CommandEntry("rtemo.commands.equipment.simulate", "a simulated person over LSL, or into an XDF file"),
    "record": CommandEntry("rtemo.commands.data.record", "record LSL streams into XDF"),
    "report": CommandEntry("rtemo.commands.data.report", "one HTML page about a session or a recording"),
    "export": CommandEntry("rtemo.commands.data.export", "sessions for other programs: BIDS, FIF, EDF, CSV"),
    "convert": CommandEntry("rtemo.commands.data.convert", "files of other programs into one XDF recording"),
    "withdraw": CommandEntry("rtemo.commands.data.withdraw", "list and erase what there is of a participant"),
    "bench": CommandEntry("rtemo.commands.bench.command", "latency, CPU, memory and losses on this computer"),
    "devices": CommandEntry("rtemo.commands.equipment.devices", "device profiles"),
    "bridge": CommandEntry("rtemo.commands.equipment.bridge", "a device that does not speak LSL, as LSL streams"),
    "screen": CommandEntry(
        "rtemo.commands.equipment.screen", "this computer's screen as a video, with frame numbers over LSL"
    ),
    "lag": CommandEntry("rtemo.commands.equipment.lag", "how late a device's stamps are, from a recording"),
    "doctor": CommandEntry("rtemo.commands.equipment.doctor", "what is wrong with this computer, and what to do"),
    "engine": CommandEntry("rtemo.commands.session.engine", ""),  # the process behind the window
    "script": CommandEntry("rtemo.commands.session.script", ""),  # a user's own code beside a session
    "recorder": CommandEntry("rtemo.commands.session.recorder", ""),  # the process that reads and records
}
