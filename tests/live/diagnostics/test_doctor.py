"""doctor: each check on invented computers, and the whole on this one."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from rtemo import resources
from rtemo.core.errors import RtemoError, StreamMissing
from rtemo.live.diagnostics import doctor
from rtemo.live.diagnostics.display import Display
from rtemo.live.diagnostics.finding import Finding, FindingState

GIB = doctor.GIB


class FakeLsl:
    """An LSL whose clock and self test are set."""

    def __init__(self, error: RtemoError | None = None) -> None:
        self.error = error

    def lsl_version(self) -> str:
        return "liblsl 1.18, pylsl 1.18.6"

    def lsl_clock(self) -> float:
        return time.monotonic() + 1000.0

    def self_test(self, timeout_s: float) -> float:
        if self.error:
            raise self.error
        return timeout_s / 10


def without_library() -> doctor.Lsl:
    raise RuntimeError("LSL binary library file was not found.\nPlease make sure")


def test_installed_packages_are_listed_and_a_missing_one_fails():
    assert doctor.check_versions({"rtemo": "0.1.0", "numpy": "2.0"}).fact == "rtemo 0.1.0, numpy 2.0"
    finding = doctor.check_versions({"rtemo": "0.1.0", "onnxruntime": "not installed"})

    assert finding.state is FindingState.FAIL
    assert "it lacks onnxruntime" in finding.todo


def test_a_missing_liblsl_fails_with_one_line():
    finding = doctor.check_liblsl(without_library)

    assert finding.state is FindingState.FAIL
    assert finding.fact.startswith("cannot be loaded: RuntimeError: LSL binary library file was not found. Please")
    assert "PYLSL_LIB" in finding.todo


def test_liblsl_is_named_with_its_version():
    assert doctor.check_liblsl(FakeLsl) == Finding("liblsl", FindingState.OK, "liblsl 1.18, pylsl 1.18.6")


def test_a_stream_that_is_not_found_fails_with_what_to_do():
    finding = doctor.check_discovery(FakeLsl(StreamMissing("no stream", "looked for 5 s")))

    assert finding.state is FindingState.FAIL
    assert finding.fact == "no stream; looked for 5 s"
    assert "firewall" in finding.todo
    assert doctor.check_discovery(FakeLsl(StreamMissing("no stream", "", "do this"))).todo == "do this"


def test_a_stream_that_is_found_is_well():
    assert doctor.check_discovery(FakeLsl(), 2.0).fact.endswith("within 0.20 s")


def running(rate: float) -> tuple[Callable[[], float], Callable[[], float], Callable[[float], None]]:
    """A computer's clock, an LSL clock at another rate and a wait that moves both."""
    now = [50.0]
    return lambda: 7.0 + rate * now[0], lambda: now[0], lambda seconds: now.__setitem__(0, now[0] + seconds)


@pytest.mark.parametrize(
    ("rate", "state"),
    [
        (1.0, FindingState.OK),
        (1.0005, FindingState.OK),
        (1.01, FindingState.WARN),
        (0.9, FindingState.WARN),
        (0.0, FindingState.WARN),
    ],
)
def test_an_lsl_clock_that_runs_at_another_rate_is_a_warning(rate: float, state: FindingState):
    assert doctor.check_clock(*running(rate)).state is state


def test_a_computer_that_is_busy_now_and_then_does_not_look_like_a_bad_clock():
    lsl_clock, clock, wait = running(1.0)
    held_up_s = iter([0.0, 0.3] * 5 + [0.0, 0.02] * 5)

    def slow_lsl_clock() -> float:
        now = lsl_clock()
        wait(next(held_up_s))
        return now

    assert doctor.check_clock(slow_lsl_clock, clock, wait).state is FindingState.OK


def test_a_computer_clock_that_stands_still_is_a_warning():
    assert doctor.check_clock(lambda: 1.0, lambda: 2.0, lambda seconds: None).state is FindingState.WARN


def test_a_window_that_lacks_libraries_fails_and_no_display_is_a_warning():
    assert doctor.check_display(Display("xcb")).state is FindingState.OK
    assert "--headless" in doctor.check_display(Display("")).todo
    finding = doctor.check_display(Display("xcb", ("libxcb-cursor.so.0",)))

    assert finding.state is FindingState.FAIL
    assert "libxcb-cursor" in finding.todo


@pytest.mark.parametrize(
    ("free", "state"),
    [
        (GIB // 2, FindingState.FAIL),
        (2 * GIB, FindingState.WARN),
        (10 * GIB, FindingState.OK),
        (900 * GIB, FindingState.OK),
    ],
)
def test_little_space_is_said_before_the_session(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, free: int, state: FindingState
):
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=free))
    finding = doctor.check_disk(tmp_path / "not" / "yet" / "made")

    assert finding.state is state
    assert " h of 64 channels" in finding.fact


def test_a_file_in_the_place_of_the_sessions_folder_fails(tmp_path: Path):
    (tmp_path / "sessions").touch()

    assert doctor.check_disk(tmp_path / "sessions" / "one").state is FindingState.FAIL


def test_a_model_that_does_not_load_fails_with_the_reason(tmp_path: Path):
    finding = doctor.check_model(tmp_path)

    assert finding.state is FindingState.FAIL
    assert "is no model bundle" in finding.fact


def test_a_check_that_breaks_is_shown_and_the_others_go_on():
    def broken() -> Finding:
        raise KeyError("odd")

    finding = doctor._guarded("firewall", broken)
    assert (finding.name, finding.state) == ("firewall", FindingState.FAIL)
    assert "KeyError" in finding.fact


def test_this_computer_is_examined_from_versions_to_clock(tmp_path: Path):
    findings = doctor.examine(doctor.DoctorSetup(FakeLsl, tmp_path / "model", tmp_path))
    states = {finding.name: finding.state for finding in findings}

    assert list(states)[:2] == ["versions", "liblsl"]
    assert len(states) == len(findings) == 13
    assert states["LSL settings"] is FindingState.WARN  # the tests' own session
    assert states["model"] is FindingState.FAIL
    assert states["discovery"] is FindingState.OK
    # other programs may hold LSL's ports, and a busy computer may hold up the clock's readings: a warning, no failure
    assert FindingState.FAIL not in (states["clock"], states["ports"])


def test_without_liblsl_what_needs_it_is_left_out(tmp_path: Path):
    findings = doctor.examine(doctor.DoctorSetup(without_library, tmp_path, tmp_path))

    assert {"discovery", "clock"}.isdisjoint(finding.name for finding in findings)
    assert len(findings) == 11


REPORT = [
    Finding("versions", FindingState.OK, "rtemo 0.1.0"),
    Finding("network", FindingState.OK, "eth0", "a hint"),
    Finding("display", FindingState.WARN, "no display", "no window"),
]


def test_the_report_for_people_has_a_line_a_finding_and_what_to_do_below():
    assert doctor.as_text(REPORT).splitlines() == [
        "ok    versions      rtemo 0.1.0",
        "ok    network       eth0",
        "                    hint: a hint",
        "warn  display       no display",
        "                    do: no window",
    ]


def test_the_report_for_programs_holds_the_same():
    report = json.loads(doctor.as_json(REPORT))

    assert report["state"] == "warn"
    assert report["findings"][2] == {
        "name": "display",
        "state": "warn",
        "fact": "no display",
        "todo": "no window",
    }


def test_the_worst_state_counts():
    assert doctor.worst([]) is FindingState.OK
    assert doctor.worst(REPORT) is FindingState.WARN
    assert doctor.worst([Finding("a", FindingState.FAIL, ""), *REPORT]) is FindingState.FAIL


def test_the_delay_that_a_user_feels_is_stated_with_the_devices_part_where_it_was_measured():
    model = resources.assets() / "models/demo"
    unknown, known = doctor.check_delay(model, {}), doctor.check_delay(model, {"eeg": 31.5, "gaze": 4.0})
    assert unknown.state is known.state is FindingState.OK
    assert "rtemo lag" in unknown.todo
    assert "device 31.5 ms" in known.fact
    assert "filters" in unknown.fact
    assert "smoothing" in unknown.fact


def test_a_log_folder_that_is_there_or_can_be_made(tmp_path: Path):
    folder = tmp_path / "logs"
    ok = FindingState.OK
    assert doctor.check_log(folder / "deeper") == Finding("log", ok, f"{folder / 'deeper'}: nothing yet")
    folder.mkdir()
    for name in ("live.log", "engine.log", "engine.lock"):
        (folder / name).touch()
    assert doctor.check_log(folder) == Finding("log", ok, f"{folder}: engine.log, live.log")
    below = folder / "live.log" / "logs"
    assert doctor.check_log(below) == Finding(
        "log", FindingState.WARN, f"{below} cannot be written", "check its permissions: engines run without a log"
    )


@pytest.mark.parametrize(
    ("free", "state", "fact", "todo"),
    [
        (GIB - 1, FindingState.FAIL, "1.0 GiB free for {}: 1 h", "make space before a session"),
        (GIB, FindingState.WARN, "1.0 GiB free for {}: 1 h", "make space before a session"),
        (10 * GIB - 1, FindingState.WARN, "10.0 GiB free for {}: 11 h", "make space before a session"),
        (10 * GIB, FindingState.OK, "10.0 GiB free for {}: 11 h", ""),
    ],
)
def test_the_space_in_hours_of_recording(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, free: int, state: FindingState, fact: str, todo: str
):
    """64 channels of 4 bytes and a stamp of 8 with its mark, a thousand times a second: 954 MB an hour."""
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: SimpleNamespace(free=free))
    fact = f"{fact.format(tmp_path)} of 64 channels at 1000 Hz"
    assert doctor.check_disk(tmp_path) == Finding("disk", state, fact, todo)


def test_a_clock_is_judged_by_what_it_gained_in_half_a_second():
    clocks = running(1.0 + 2.0**-6)
    finding = doctor.check_clock(*clocks)
    assert finding == Finding(
        "clock",
        FindingState.WARN,
        "LSL's clock gained +7812.5 us on the computer's in 0.500 s",
        "try again; in a virtual machine, look at its time source",
    )
    assert doctor.check_clock(*running(1.0)).fact == "LSL's clock gained +0.0 us on the computer's in 0.500 s"


def test_a_library_that_cannot_be_loaded_and_no_display_come_with_what_to_do():
    assert doctor.check_liblsl(without_library).todo == (
        "install liblsl from its release page, or set PYLSL_LIB to the file of the library"
    )
    assert doctor.check_display(Display("xcb")) == Finding("display", FindingState.OK, "a window can open (xcb)")
    assert doctor.check_display(Display("")) == Finding(
        "display",
        FindingState.WARN,
        "no display (neither DISPLAY nor WAYLAND_DISPLAY is set)",
        "use commands without a window: rtemo live, rtemo replay, rtemo demo --headless",
    )
    odd = doctor.check_display(Display("xcb", ("libEGL.so.1", "libGL.so.1")))
    assert odd.fact == "no window can open: Qt lacks libEGL.so.1, libGL.so.1"


@pytest.mark.parametrize(("user", "apt", "todo"), [
    (0, "/usr/bin/apt-get", "apt-get install -y libegl1"),
    (1000, "/usr/bin/apt-get", "sudo apt-get install -y libegl1"),
    (0, None, "install the packages of your system that hold libEGL.so.1"),
])  # fmt: skip
def test_how_libraries_are_installed_depends_on_the_system_and_the_user(
    monkeypatch: pytest.MonkeyPatch, user: int, apt: str | None, todo: str
):
    monkeypatch.setattr(doctor.os, "geteuid", lambda: user, raising=False)
    monkeypatch.setattr(shutil, "which", lambda _name: apt)
    assert doctor.check_display(Display("xcb", ("libEGL.so.1",))).todo == todo


def test_a_broken_check_says_whom_to_tell():
    def broken() -> Finding:
        raise KeyError("odd")

    assert doctor._guarded("disk", broken) == Finding(
        "disk", FindingState.FAIL, "the check itself broke: KeyError: 'odd'", "report this with the whole output"
    )


def test_a_model_that_loads_is_named_with_its_labels():
    path = resources.assets() / "models/demo"
    finding = doctor.check_model(path)
    assert finding.state is FindingState.OK
    labels, fingerprint = finding.fact.removeprefix(f"{path} (").removesuffix(")").split("; ")
    assert labels.split(", ") == list(doctor.load_bundle(path).labels)
    assert len(fingerprint) == 12


def test_delays_of_devices_are_milliseconds_and_the_slowest_counts():
    """Half of the window of 4 s and of the hop of 0.25 s."""
    known = doctor.check_delay(resources.assets() / "models/demo", {"eeg": 4.0, "gaze": 500.0})
    assert known.fact == (
        "a change is named after about 4.1 s: "
        "device 0.50 s, filters 10.2 ms, window 2.00 s, hop 0.12 s, smoothing 1.50 s"
    )
    assert known.todo == ""


def test_discovery_is_given_five_seconds_and_says_how_long_it_took():
    assert doctor.check_discovery(FakeLsl()) == Finding(
        "discovery", FindingState.OK, "a stream of this computer was found and read within 0.50 s"
    )
    for error, fact, todo in (
        (StreamMissing("no stream", ""), "no stream", "look at the findings on network, multicast and firewall"),
        (StreamMissing("no stream", "looked", "do this"), "no stream; looked", "do this"),
    ):
        assert doctor.check_discovery(FakeLsl(error)) == Finding("discovery", FindingState.FAIL, fact, todo)


@pytest.mark.parametrize(("rate", "state"), [
    (1.0009, FindingState.OK), (0.9991, FindingState.OK), (1.0011, FindingState.WARN), (0.9989, FindingState.WARN),
])  # fmt: skip
def test_a_clock_may_gain_a_thousandth(rate: float, state: FindingState):
    assert doctor.check_clock(*running(rate)).state is state


def test_packages_that_are_missing_are_all_named():
    found = {"rtemo": "0.1.0", "numpy": "not installed", "scipy": "not installed"}
    assert doctor.check_versions(found) == Finding(
        "versions",
        FindingState.FAIL,
        "rtemo 0.1.0, numpy not installed, scipy not installed",
        "install rtemo again; it lacks numpy, scipy",
    )
    assert doctor.check_versions({"rtemo": "1"}) == Finding("versions", FindingState.OK, "rtemo 1")


def test_a_folder_that_cannot_be_written_to_is_named(tmp_path: Path):
    (tmp_path / "file").touch()
    assert doctor.check_disk(tmp_path / "file" / "sessions") == Finding(
        "disk", FindingState.FAIL, f"{tmp_path / 'file'} cannot be written to", "choose another folder for sessions"
    )
