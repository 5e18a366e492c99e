"""`rtemo doctor`: check everything that rtemo depends on; report what is wrong and what to do.

Imports neither pylsl nor Qt: what needs them is passed in, or read from the installed packages' metadata.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Protocol

import psutil

from rtemo.core.errors import RtemoError
from rtemo.live.diagnostics import lsl_network as network
from rtemo.live.diagnostics.display import Display, advice, find_display
from rtemo.live.diagnostics.finding import Finding, FindingState
from rtemo.live.log_file import log_folder
from rtemo.model.bundle import load_bundle
from rtemo.model.response_lag import felt_delay, in_words
from rtemo.model.runtime import Runtime
from rtemo.recordings.session_folder import VERSIONS_OF, versions
from rtemo.sources.lsl.config import config_file

SELF_TEST_S = 5.0
CLOCK_TEST_S = 0.5
CLOCK_READINGS = 10
CLOCK_TOLERANCE = 1e-3  # both clocks are steady clocks of one computer; more apart than this one of them is broken
GIB = 1024**3
RECORDED_BYTES_PER_S = 64 * 1000 * 4 + 1000 * 9  # 64 channels of float32 at 1000 Hz with their stamps
LITTLE_SPACE, NO_SPACE = 10 * GIB, GIB
RATE_HZ = 1000.0  # of the EEG for which delays are stated
_NAME_WIDTH = 13


class Lsl(Protocol):
    """What is needed of liblsl; the module rtemo.sources.lsl.source is one."""

    def lsl_version(self) -> str:
        """The version of liblsl and of pylsl, for people."""
        ...

    def lsl_clock(self) -> float:
        """LSL's clock, seconds."""
        ...

    def self_test(self, timeout_s: float) -> float:
        """Make an outlet, find it, read a sample; returns the seconds that took. Raises RtemoError where it fails."""
        ...


@dataclass(frozen=True, slots=True)
class DoctorSetup:
    """What to check. lsl: imports and returns rtemo.sources.lsl.source; it is called, so that a missing liblsl is a
    finding.

    model: the bundle. sessions: the folder that session folders go into. device_ms: how late the stamps of devices are,
    by what their streams are used as, where that was measured.
    """

    lsl: Callable[[], Lsl]
    model: Path
    sessions: Path
    device_ms: Mapping[str, float] = field(default_factory=dict)


def examine(setup: DoctorSetup) -> list[Finding]:
    """Run all checks, each after those that it depends on. Takes a few seconds and changes nothing."""
    found = network.interfaces()
    findings = [
        _guarded("versions", lambda: check_versions(versions((*VERSIONS_OF, "PySide6-Essentials")))),
        _guarded("liblsl", lambda: check_liblsl(setup.lsl)),
        _guarded("LSL settings", lambda: network.check_settings(config_file())),
        _guarded("network", lambda: network.check_interfaces(found)),
        _guarded("multicast", lambda: network.check_multicast(found)),
        _guarded("ports", network.check_ports),
        _guarded("firewall", lambda: network.check_firewall(sys.platform, _ufw_settings(), _process_names())),
        _guarded("display", lambda: check_display(find_display(sys.platform, os.environ))),
        _guarded("disk", lambda: check_disk(setup.sessions)),
        _guarded("model", lambda: check_model(setup.model)),
        _guarded("log", lambda: check_log(log_folder())),
    ]
    if findings[9].state is FindingState.OK:
        findings.append(_guarded("delay", lambda: check_delay(setup.model, setup.device_ms)))
    if findings[1].state is FindingState.OK:
        findings.append(_guarded("discovery", lambda: check_discovery(setup.lsl())))
        findings.append(_guarded("clock", lambda: check_clock(setup.lsl().lsl_clock)))
    return findings


def _guarded(name: str, check: Callable[[], Finding]) -> Finding:
    """Run one check; an exception is a finding too and does not hide the others."""
    try:
        return check()
    except Exception as error:  # noqa: BLE001 - shown in the report
        return Finding(
            name, FindingState.FAIL, f"the check itself broke: {_named(error)}", "report this with the whole output"
        )


def check_log(folder: Path) -> Finding:
    """Whether engines can write their logs, and where these are."""
    above = next(path for path in (folder, *folder.parents) if path.exists())
    if not (above.is_dir() and os.access(above, os.W_OK)):
        return Finding(
            "log", FindingState.WARN, f"{folder} cannot be written", "check its permissions: engines run without a log"
        )
    logs = sorted(path.name for path in folder.glob("*.log")) if folder.is_dir() else []
    return Finding("log", FindingState.OK, f"{folder}: {', '.join(logs) or 'nothing yet'}")


def check_versions(found: Mapping[str, str]) -> Finding:
    """Check that all packages are installed; list their versions."""
    missing = [name for name, version in found.items() if version == "not installed"]
    fact = ", ".join(f"{name} {version}" for name, version in found.items())
    if missing:
        return Finding("versions", FindingState.FAIL, fact, f"install rtemo again; it lacks {', '.join(missing)}")
    return Finding("versions", FindingState.OK, fact)


def check_liblsl(lsl: Callable[[], Lsl]) -> Finding:
    """Check that liblsl can be loaded."""
    try:
        return Finding("liblsl", FindingState.OK, lsl().lsl_version())
    except (RtemoError, ImportError, OSError, RuntimeError) as error:  # pylsl raises RuntimeError without its library
        todo = "install liblsl from its release page, or set PYLSL_LIB to the file of the library"
        return Finding("liblsl", FindingState.FAIL, f"cannot be loaded: {_named(error)}", todo)


def check_discovery(lsl: Lsl, timeout_s: float = SELF_TEST_S) -> Finding:
    """Check that a stream of this computer is found and can be read on this computer."""
    try:
        took_s = lsl.self_test(timeout_s)
    except RtemoError as error:
        todo = error.todo or "look at the findings on network, multicast and firewall"
        return Finding("discovery", FindingState.FAIL, f"{error.fact}; {error.found}".rstrip("; "), todo)
    return Finding("discovery", FindingState.OK, f"a stream of this computer was found and read within {took_s:.2f} s")


def check_clock(
    lsl_clock: Callable[[], float],
    clock: Callable[[], float] = time.monotonic,
    wait: Callable[[float], None] = time.sleep,
) -> Finding:
    """Check that LSL's clock runs at the rate of this computer's clock."""
    before_s, offset_before_s = _offset(lsl_clock, clock)
    wait(CLOCK_TEST_S)
    after_s, offset_after_s = _offset(lsl_clock, clock)
    passed_s, gained_s = after_s - before_s, offset_after_s - offset_before_s
    fact = f"LSL's clock gained {gained_s * 1e6:+.1f} us on the computer's in {passed_s:.3f} s"
    if passed_s <= 0 or abs(gained_s) > CLOCK_TOLERANCE * passed_s:
        return Finding("clock", FindingState.WARN, fact, "try again; in a virtual machine, look at its time source")
    return Finding("clock", FindingState.OK, fact)


def _offset(lsl_clock: Callable[[], float], clock: Callable[[], float]) -> tuple[float, float]:
    """The computer's time and how far LSL's clock is ahead, from the quickest of some readings.

    On a busy computer, time may pass between two of them.
    """
    readings = []
    for _ in range(CLOCK_READINGS):
        before_s, lsl_s, after_s = clock(), lsl_clock(), clock()
        readings.append((after_s - before_s, before_s, lsl_s - (before_s + after_s) / 2))
    _, time_s, offset_s = min(readings)
    return time_s, offset_s


def check_display(display: Display) -> Finding:
    """Check that a window can open."""
    if display.usable:
        return Finding("display", FindingState.OK, f"a window can open ({display.platform})")
    if not display.platform:
        todo = "use commands without a window: rtemo live, rtemo replay, rtemo demo --headless"
        return Finding("display", FindingState.WARN, "no display (neither DISPLAY nor WAYLAND_DISPLAY is set)", todo)
    is_root = hasattr(os, "geteuid") and os.geteuid() == 0
    todo = advice(display, has_apt=shutil.which("apt-get") is not None, is_root=is_root)
    return Finding("display", FindingState.FAIL, f"no window can open: Qt lacks {', '.join(display.missing)}", todo)


def check_disk(sessions: Path) -> Finding:
    """Check that sessions can be recorded, and for how long."""
    folder = next(path for path in (sessions, *sessions.absolute().parents) if path.exists())
    if not folder.is_dir() or not os.access(folder, os.W_OK):
        return Finding(
            "disk", FindingState.FAIL, f"{folder} cannot be written to", "choose another folder for sessions"
        )
    free = shutil.disk_usage(folder).free
    hours = free / RECORDED_BYTES_PER_S / 3600
    fact = f"{free / GIB:.1f} GiB free for {sessions}: {hours:.0f} h of 64 channels at 1000 Hz"
    if free >= LITTLE_SPACE:
        return Finding("disk", FindingState.OK, fact)
    return Finding(
        "disk", FindingState.FAIL if free < NO_SPACE else FindingState.WARN, fact, "make space before a session"
    )


def check_model(path: Path) -> Finding:
    """Check that the model bundle loads and runs."""
    try:
        bundle = load_bundle(path)
        Runtime(bundle)
    except RtemoError as error:
        return Finding("model", FindingState.FAIL, f"{error.fact}; {error.found}".rstrip("; "), error.todo)
    return Finding("model", FindingState.OK, f"{path} ({', '.join(bundle.labels)}; {bundle.fingerprint[:12]})")


def check_delay(path: Path, device_ms: Mapping[str, float]) -> Finding:
    """State how long after a change in a person it is named, and by what; see rtemo.model.response_lag."""
    spec = load_bundle(path).spec
    device_s = max(device_ms.values(), default=0.0) / 1e3
    felt = felt_delay(spec, spec.pipeline.window.hop_s, RATE_HZ, device_s=device_s)
    parts_ms = {name: 1e3 * seconds for name, seconds in felt.parts().items()}
    fact = f"a change is named after about {sum(parts_ms.values()) / 1e3:.1f} s: {in_words(parts_ms)}"
    if device_ms:
        return Finding("delay", FindingState.OK, fact)
    return Finding(
        "delay", FindingState.OK, fact, "`rtemo lag` measures what the devices add; give its result by --settings"
    )


def worst(findings: Sequence[Finding]) -> FindingState:
    """The worst state of all findings."""
    return max((finding.state for finding in findings), key=list(FindingState).index, default=FindingState.OK)


def as_text(findings: Sequence[Finding]) -> str:
    """The report as text: one line for each finding, with what to do below it."""
    lines = []
    for finding in findings:
        lines.append(f"{finding.state:<4}  {finding.name:<{_NAME_WIDTH}} {finding.fact}")
        if finding.todo:
            mark = "hint" if finding.state is FindingState.OK else "do"
            lines.append(f"{'':{_NAME_WIDTH + 6}} {mark}: {finding.todo}")
    return "\n".join(lines)


def as_json(findings: Sequence[Finding]) -> str:
    """The report as JSON: {"state": worst, "findings": [{"name", "state", "fact", "todo"}]}."""
    return json.dumps({"state": worst(findings), "findings": [asdict(finding) for finding in findings]}, indent=1)


def _named(error: BaseException) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())


def _ufw_settings() -> str:
    try:
        return Path("/etc/ufw/ufw.conf").read_text(encoding="utf-8", errors="replace")
    except OSError:  # not there, or not readable
        return ""


def _process_names() -> set[str]:
    return {process.info["name"] or "" for process in psutil.process_iter(["name"])}
