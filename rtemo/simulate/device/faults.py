"""What can go wrong in a simulated session: the kinds of faults, their settings, and the TOML file that lists them.

    [[fault]]
    kind = "line_noise"          # one of KINDS
    stream = "eeg"               # eeg or gaze; left out: the first stream that the kind applies to
    start_s = 30.0               # seconds from the session's start; left out: 0
    duration_s = 10.0            # left out: to the end of the session
    channels = ["T7", "T8"]      # labels, or a number: so many, chosen by the seed; left out: all
    amplitude_uv = 40.0          # settings of the kind, see KINDS

Every key is checked; anything unknown or impossible is refused. How faults change samples is in `faulty`, what they do
to streams and stamps is in `transport`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

from rtemo.core.records import Check, NotNegative, Positive, Reader


@dataclass(frozen=True, slots=True)
class FaultKind:
    """One kind of fault: what it does, the streams it applies to, its settings with defaults, how many channels."""

    does: str
    streams: tuple[str, ...]
    settings: Mapping[str, float] = field(default_factory=dict)
    channels: tuple[int, float] = (0, math.inf)  # how many may be named; (0, 0): it concerns the whole stream


_EEG, _BOTH, _WHOLE = ("eeg",), ("eeg", "gaze"), (0, 0)

KINDS: Mapping[str, FaultKind] = {
    "line_noise": FaultKind("mains hum with odd harmonics", _EEG, {"amplitude_uv": 40.0, "frequency_hz": 50.0}),
    "pop": FaultKind("electrode pops that decay", _EEG, {"amplitude_uv": 400.0, "decay_s": 0.4, "every_s": 5.0}),
    "drift": FaultKind("a steady drift", _EEG, {"slope_uv_s": 30.0}),
    "flat": FaultKind("no signal: one constant value", _EEG, {"level_uv": 0.0}),
    "bridged": FaultKind("electrodes joined by gel: all show their mean", _EEG, channels=(2, math.inf)),
    "loose": FaultKind("a loose electrode: strong slow noise and hum", _EEG, {"rms_uv": 80.0}),
    "swapped": FaultKind("two electrodes plugged into each other's socket", _EEG, channels=(2, 2)),
    "railed": FaultKind("the amplifier at its limit", _EEG, {"rail_uv": 4000.0}),
    "emg": FaultKind("muscle noise, 20 to 200 Hz", _EEG, {"rms_uv": 30.0}),
    "wrong_unit": FaultKind("values times a factor, the described unit unchanged", _BOTH, {"factor": 1e-6}),
    "nan": FaultKind("samples that are not a number", _BOTH, {"share": 1.0}),
    "tracking_lost": FaultKind("the tracker sees no eyes: every value NaN", ("gaze",), channels=_WHOLE),
    "gap": FaultKind("packets that never arrive", _BOTH, {"loss_share": 1.0, "packet_s": 0.02}, channels=_WHOLE),
    "jitter": FaultKind("stamps late by a random time, in order", _BOTH, {"sd_s": 0.005}, channels=_WHOLE),
    "clock": FaultKind(
        "the sender's clock is off by offset_s and runs ppm too fast, from start_s on",
        _BOTH,
        {"offset_s": 0.0, "ppm": 0.0, "noise_s": 0.0},
        channels=_WHOLE,
    ),
    "lost": FaultKind("the stream vanishes, and returns after duration_s", _BOTH, channels=_WHOLE),
    "channels_lost": FaultKind(
        "the stream goes on without these channels, as another stream", _EEG, channels=(1, math.inf)
    ),
    "rate_change": FaultKind(
        "the stream goes on at another rate, as another stream", _BOTH, {"rate_hz": 250.0}, _WHOLE
    ),
}
_FINITE = Check(math.isfinite, "a finite number")
_SHARE = Annotated[float, Check(lambda share: 0 <= share <= 1, "a share between 0 and 1")]
_POSITIVE = ("amplitude_uv", "frequency_hz", "decay_s", "every_s", "rms_uv", "rail_uv", "packet_s", "rate_hz")
_SETTINGS = {**dict.fromkeys(_POSITIVE, Annotated[Positive, _FINITE]), "share": _SHARE, "loss_share": _SHARE}


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault. channels: labels; or n_channels > 0: so many, chosen by the seed; neither: all of the stream's."""

    kind: str
    stream: str
    start_s: float = 0.0
    duration_s: float = math.inf
    channels: tuple[str, ...] = ()
    n_channels: int = 0
    settings: Mapping[str, float] = field(default_factory=dict)

    @property
    def stop_s(self) -> float:
        return self.start_s + self.duration_s

    def __getitem__(self, setting: str) -> float:
        return self.settings.get(setting, KINDS[self.kind].settings[setting])


def load_faults(path: Path) -> tuple[Fault, ...]:
    """The faults that a TOML file lists; RtemoError says what is wrong with the file."""
    reader = _reader(f"the file of faults {path}")
    listed = reader.table({"fault": tuple[Mapping[str, Any], ...]}, reader.toml_file(path))["fault"]
    return tuple(read_fault(table, f"fault {number} of {path.name}") for number, table in enumerate(listed, start=1))


def read_fault(table: Mapping[str, Any], where: str = "the fault") -> Fault:
    """One fault from a table of the file's form; RtemoError for anything unknown or impossible."""
    reader = _reader(where)
    name = reader.value(Literal[tuple(KINDS)], table.get("kind"), "kind")
    kind = KINDS[name]
    settings = {setting: _SETTINGS.get(setting, Annotated[float, _FINITE]) for setting in kind.settings}
    hints = {
        "kind": str,
        "stream": Literal[kind.streams],
        "start_s": Annotated[NotNegative, _FINITE],
        "duration_s": Positive,
        "channels": _channels_hint(kind, table.get("channels")),
        **settings,
    }
    found = reader.table(hints, table, optional=set(hints) - ({"channels"} if kind.channels[0] else set()))
    channels = found.get("channels", ())
    return Fault(
        kind=name,
        stream=found.get("stream", kind.streams[0]),
        start_s=found.get("start_s", 0.0),
        duration_s=found.get("duration_s", math.inf),
        channels=channels if isinstance(channels, tuple) else (),
        n_channels=channels if isinstance(channels, int) else 0,
        settings={setting: found[setting] for setting in settings if setting in found},
    )


def _reader(what: str) -> Reader:
    return Reader(what, "write [[fault]] tables with a kind and its settings", nan=True)


def _channels_hint(kind: FaultKind, given: object) -> object:
    """Of a number of channels, or of their labels."""
    fewest, most = kind.channels
    if isinstance(given, int):
        return Annotated[int, Check(lambda n: max(fewest, 1) <= n <= most, _wanted(kind))]
    fits = Check(lambda names: len(set(names)) == len(names) and fewest <= len(names) <= most, _wanted(kind))
    return Annotated[tuple[str, ...], fits]


def _wanted(kind: FaultKind) -> str:
    fewest, most = kind.channels
    if most == 0:
        return "right: it concerns all of the stream"
    count = f"exactly {fewest}" if fewest == most else f"{max(fewest, 1)} or more different"
    return f"{count} channels, as labels or as a number"
