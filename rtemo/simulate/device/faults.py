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
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from rtemo.core.errors import RtemoError


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
_COMMON = {"kind", "stream", "start_s", "duration_s", "channels"}
_POSITIVE = {"amplitude_uv", "frequency_hz", "decay_s", "every_s", "rms_uv", "rail_uv", "packet_s", "rate_hz"}
_SHARES = {"share", "loss_share"}


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
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise RtemoError("cannot read the file of faults", f"{path}: {error.strerror}", "check the path") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise RtemoError(
            "the file of faults is no TOML", f"{path}: {error}", "write [[fault]] tables with a kind"
        ) from error
    listed = document.get("fault")
    if set(document) - {"fault"} or not isinstance(listed, list):
        raise RtemoError(
            "the file of faults has another form",
            f"{path} holds {', '.join(document) or 'nothing'}",
            "write [[fault]] tables with a kind",
        )
    return tuple(read_fault(table, f"fault {number} of {path.name}") for number, table in enumerate(listed, start=1))


def read_fault(table: object, where: str = "the fault") -> Fault:
    """One fault from a table of the file's form; RtemoError for anything unknown or impossible."""
    if not isinstance(table, Mapping):
        raise RtemoError(f"{where} is no table", f"{table!r}", "write [[fault]] tables with a kind")
    kind = KINDS.get(str(table.get("kind")))
    if kind is None:
        raise RtemoError(f"{where} is of no known kind", f"{table.get('kind')!r}", f"use one of {', '.join(KINDS)}")
    if unknown := sorted(set(table) - _COMMON - set(kind.settings)):
        allowed = ", ".join(sorted(_COMMON | set(kind.settings)))
        raise RtemoError(f"{where} has unknown settings", ", ".join(unknown), f"{table['kind']} knows {allowed}")
    stream = table.get("stream", kind.streams[0])
    if stream not in kind.streams:
        raise RtemoError(f"{where} cannot happen to this stream", f"{stream!r}", f"use {' or '.join(kind.streams)}")
    names, count = _channels(table.get("channels", ()), kind, where)
    settings = {name: _number(table[name], name, where) for name in kind.settings if name in table}
    start_s = _number(table.get("start_s", 0.0), "start_s", where)
    duration_s = _number(table.get("duration_s", math.inf), "duration_s", where)
    if start_s < 0 or not duration_s > 0:
        raise RtemoError(
            f"{where} has an impossible time",
            f"start_s {start_s:g}, duration_s {duration_s:g}",
            "use start_s >= 0, duration_s > 0",
        )
    return Fault(str(table["kind"]), str(stream), start_s, duration_s, names, count, settings)


def _channels(found: object, kind: FaultKind, where: str) -> tuple[tuple[str, ...], int]:
    """(labels, 0) or ((), how many)."""
    fewest, most = kind.channels
    names: tuple[str, ...] = ()
    count = 0
    if isinstance(found, int) and not isinstance(found, bool):
        count = found
        right = fewest <= count <= most and count > 0
    else:
        listed = found if isinstance(found, list | tuple) else [None]
        names = tuple(name for name in listed if isinstance(name, str))
        right = len(set(names)) == len(listed) and fewest <= len(names) <= most
    if not right:
        todo = f"give {_wanted(kind)}, as labels or as a number"
        raise RtemoError(f"{where} has the wrong channels", f"{found!r}", todo)
    return names, count


def _wanted(kind: FaultKind) -> str:
    fewest, most = kind.channels
    if most == 0:
        return "no channels, it concerns all of the stream"
    return f"exactly {fewest}" if fewest == most else f"{max(fewest, 1)} or more different ones"


def _number(found: object, name: str, where: str) -> float:
    if isinstance(found, bool) or not isinstance(found, int | float) or math.isnan(found):
        raise RtemoError(f"{where}: {name} is no number", f"{found!r}", "give a number")
    value = float(found)
    if math.isinf(value) and name != "duration_s":
        raise RtemoError(f"{where}: {name} is out of range", f"{value:g}", "give a finite number")
    if (name in _POSITIVE and not value > 0) or (name in _SHARES and not 0 <= value <= 1):
        wanted = "between 0 and 1" if name in _SHARES else "above 0"
        raise RtemoError(f"{where}: {name} is out of range", f"{value:g}", f"give a value {wanted}")
    return value
