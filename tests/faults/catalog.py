"""The list of faults. Each stands for a kind; its neighbours (other rate, moment, stream, size) stand beside it."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

from .fault import ANY, GAP, LOST, UNKNOWABLE_MS, Fault, Want

CLOCK = r"clock|stamps|aligned"  # how a fault of times may be named
UNUSABLE = Want(eeg_unused=ANY, said=(CLOCK,))
# a file holds no times of arrival: stamps that jump ahead look like a pause, and a clock that runs wrong like another rate
AHEAD = Want(misplaced_ms=UNKNOWABLE_MS, eeg_unused=ANY, gaze_unused=ANY, said=(GAP,))
SLOPE = Want(misplaced_ms=UNKNOWABLE_MS)
GAZE_UNUSABLE = Want(gaze_unused=ANY, said=(CLOCK,))
L30 = {"seconds": 45.0, "begins_s": 30.0}
SEED_ORDER = tuple(
    (  # noqa: SIM905 - 62 lines otherwise
        "FP1,FPZ,FP2,AF3,AF4,F7,F5,F3,F1,FZ,F2,F4,F6,F8,FT7,FC5,FC3,FC1,FCZ,FC2,FC4,FC6,FT8,T7,C5,C3,C1,CZ,C2,C4,C6,T8,"
        "TP7,CP5,CP3,CP1,CPZ,CP2,CP4,CP6,TP8,P7,P5,P3,P1,PZ,P2,P4,P6,P8,PO7,PO5,PO3,POZ,PO4,PO6,PO8,CB1,O1,OZ,O2,CB2"
    ).split(",")
)
BIOSEMI = tuple(f"{bank}{k}" for bank in "ABCD" for k in range(1, 33))
EYES_OF_MNE = ("xpos_left", "ypos_left", "pupil_left", "xpos_right", "ypos_right", "pupil_right")
POINTS = ("left_x", "left_y", "left_z", "right_x", "right_y", "right_z")


def _one(kind: str, **parameters: Any) -> tuple[tuple[str, dict[str, Any]], ...]:
    return ((kind, parameters),)


def _lost(role: str, n: int = 1, **more: Any) -> Want:
    """n samples of a stream may be lost, and it is said."""
    said = {"said": (LOST,), "within_s": 60.0}
    return Want(**{f"{role}_unused": n, **said, **more})  # type: ignore[arg-type]


def _single_stamps() -> list[Fault]:
    """One wrong stamp costs one sample."""
    faults = []
    for role in ("eeg", "gaze"):
        for at, begins in (("first", 0.0), ("mid", 30.0)):
            wrong: dict[str, dict[str, float]] = {
                "30s_early": {"shift_s": -30.0},
                "5000s_early": {"shift_s": -5000.0},
                "50s_ahead": {"shift_s": 50.0},
                "zero": {"value": 0.0},
                "nan": {"value": float("nan")},
                "1e18": {"value": 1e18},
                "minus_1e18": {"value": -1e18},
                "half_second_ahead": {"shift_s": 0.5},
                "half_second_early": {"shift_s": -0.5},
            }
            for name, how in wrong.items():
                changes = _one("stamp", role=role, at_s=begins, **how)
                faults.append(Fault(f"{at}_{role}_{name}", "xdf", changes, _lost(role, 1), begins_s=begins,
                                    quick=name in ("30s_early", "1e18") and at == "mid"))  # fmt: skip
    more = {
        "ten_first_eeg_30s_early": (_one("stamp", role="eeg", at_s=0.0, shift_s=-30.0, n=10), _lost("eeg", 10)),
        "ten_mid_eeg_zero": (_one("stamp", role="eeg", at_s=30.0, value=0.0, n=10), _lost("eeg", 10)),
        "last_eeg_1e18": (_one("stamp", role="eeg", at_s=44.9, value=1e18), _lost("eeg", 1)),
        "eeg_1_percent_wrong": (_one("stamps", role="eeg", share=0.01, shifts=(-5.0, 40.0, 0.4), values=(0.0, 1e18)), _lost("eeg", 250)),
        "gaze_1_percent_wrong": (_one("stamps", role="gaze", share=0.01, shifts=(-5.0, 40.0, 0.4), values=(0.0, 1e18)), _lost("gaze", 120)),
        "eeg_nan_for_3s": (_one("constant", role="eeg", from_s=30.0, to_s=33.0, value=float("nan")), _lost("eeg", 760, said=(CLOCK,))),
        "eeg_one_stamp_for_ever": (_one("constant", role="eeg", from_s=30.0), Want(eeg_unused=ANY, said=(CLOCK,))),
        "gaze_one_stamp_for_ever": (_one("constant", role="gaze", from_s=30.0), Want(gaze_unused=ANY, said=(CLOCK,))),
    }  # fmt: skip
    return faults + [Fault(name, "xdf", changes, want, begins_s=30.0) for name, (changes, want) in more.items()]


def _clocks() -> list[Fault]:
    """A clock that is set, or runs wrong, is an event, and nothing is presented as aligned that is not."""
    faults = []
    for role in ("eeg", "gaze"):
        for shift in (-10.0, 10.0, 0.5, -0.5, 3600.0, -3600.0):
            changes = _one("clock_step", role=role, at_s=30.0, shift_s=shift)
            want = AHEAD if shift > 0.0 else Want(**{f"{role}_unused": ANY}, said=(CLOCK,))  # type: ignore[arg-type]
            faults.append(Fault(f"{role}_clock_{shift:+g}s", "xdf", changes, want, 60.0, 30.0, quick=shift == -10.0))
    for name, value in (
        ("1e300", 1e300),
        ("minus_1e18", -1e18),
        ("nan", float("nan")),
        ("inf", float("inf")),
        ("one_hour", 3600.0),
    ):
        for at_s in (0.0, 20.0):
            role = "gaze" if at_s == 0.0 else "eeg"
            changes = _one("wrong_offset", role=role, at_s=at_s, value=value)
            want = Want(**{f"{role}_unused": 1300}, said=("offset|clock",))  # type: ignore[arg-type]
            if (role, name) == (
                "gaze",
                "one_hour",
            ):  # it may be the right one; only the later ones show that it was not
                want = replace(want, gaze_unused=ANY, misplaced_ms=UNKNOWABLE_MS, gap_s=3600.0)
            faults.append(Fault(f"{role}_clock_offset_{name}", "xdf", changes, want, begins_s=at_s))
    few = Want(gaze_unused=ANY, predictions=0, said=("offset|clock",), exit=(0, 2))
    for name, value in (("1e300", 1e300), ("minus_1e18", -1e18), ("1e12", 1e12)):  # one of two: none can be outvoted
        changes = _one("wrong_offset", role="gaze", at_s=0.0, value=value)
        faults.append(Fault(f"gaze_clock_offset_{name}_of_two", "xdf", changes, few, 9.5))
    for factor, name in ((1e3, "ms"), (1e6, "us"), (1e9, "ns")):
        faults += [
            Fault(f"eeg_stamps_in_{name}", "xdf", _one("scale", role="eeg", factor=factor), UNUSABLE, quick=name == "ms"),
            Fault(f"gaze_stamps_in_{name}", "xdf", _one("scale", role="gaze", factor=factor), GAZE_UNUSABLE),
        ]  # fmt: skip
    return [
        *faults,
        Fault("eeg_clock_back_for_10s", "xdf", _one("clock_step", role="eeg", at_s=30.0, shift_s=-2.0, back_s=40.0), UNUSABLE, 60.0, 30.0),
        Fault("eeg_clock_1_percent", "xdf", _one("clock_slope", role="eeg", share=0.01), SLOPE, 60.0),
        Fault("gaze_clock_minus_1_percent", "xdf", _one("clock_slope", role="gaze", share=-0.01), SLOPE, 60.0),
        Fault("eeg_clock_1_percent_from_30s", "xdf", _one("clock_slope", role="eeg", share=0.01, from_s=30.0), SLOPE, 60.0, 30.0),
        Fault("eeg_clock_100ppm_measured", "xdf", _one("clock_slope", role="eeg", share=1e-4, measured=True), seconds=60.0),
        Fault("eeg_clock_step_measured", "xdf", _one("clock_step", role="eeg", at_s=30.0, shift_s=2.0, measured=True), Want(eeg_unused=2000), 60.0, 30.0),
        Fault("gaze_of_another_computer", "xdf", _one("foreign_clock", role="gaze", shift_s=-5000.0)),
        Fault("both_of_other_computers", "xdf", (("foreign_clock", {"role": "gaze", "shift_s": -5000.0}), ("foreign_clock", {"role": "eeg", "shift_s": 7000.0}))),
    ]  # fmt: skip


def _rates() -> list[Fault]:
    """Rates are measured; jitter, blocks, losses and repeats are no change of rate."""
    faults = [
        Fault(f"gaze_{hz:g}hz", "xdf", _one("rates", gaze_hz=hz), Want(predictions=20), quick=hz == 10)
        for hz in (1.0, 5.0, 10.0, 30.0, 90.0, 500.0, 1000.0, 2000.0)
    ]
    faults += [Fault(f"eeg_{hz:g}hz", "xdf", _one("rates", eeg_hz=hz)) for hz in (100.0, 128.0, 512.0, 1000.0, 2048.0)]
    faults += [
        Fault(f"eeg_jitter_{ms}ms_{shape}", "xdf", _one("jitter", role="eeg", ms=ms, shape=shape), Want(misplaced_ms=12.0 + ms))
        for ms, shape in ((3, "uniform"), (10, "uniform"), (30, "uniform"), (10, "late"), (20, "gauss"))
    ]  # fmt: skip
    faults += [
        Fault(f"gaze_jitter_{ms}ms", "xdf", _one("jitter", role="gaze", ms=ms), Want(misplaced_ms=15.0 + ms, gaze_unused=ANY if ms > 8 else 0))
        for ms in (3, 10, 30)
    ]  # fmt: skip
    for name, nominal in (("1_percent", 253.0), ("minus_1_percent", 247.0), ("double", 500.0), ("zero", 0.0)):
        changes = _one("described", role="eeg", nominal_hz=nominal)
        faults.append(Fault(f"eeg_nominal_off_{name}", "xdf", changes, Want(not_said=r"\b[1-9]\d* gaps"), 60.0))
    return [
        *faults,
        Fault("gaze_nominal_600", "xdf", _one("described", role="gaze", nominal_hz=600.0)),
        Fault("eeg_rate_doubles", "xdf", _one("rate_change", role="eeg", at_s=30.0, rate_hz=500.0), Want(eeg_unused=500), 60.0, 30.0),
        Fault("eeg_rate_halves", "xdf", _one("rate_change", role="eeg", at_s=30.0, rate_hz=125.0), Want(eeg_unused=500), 60.0, 30.0),
        Fault("eeg_blocks_of_8_one_stamp", "xdf", _one("blocks", role="eeg", n=8), Want(misplaced_ms=45.0)),
        Fault("eeg_blocks_of_25_one_stamp", "xdf", _one("blocks", role="eeg", n=25), Want(misplaced_ms=115.0)),
        Fault("eeg_blocks_of_25", "xdf", _one("blocks", role="eeg", n=25, spread=True)),
        Fault("eeg_lost_1_percent", "xdf", _one("lost", role="eeg", share=0.01)),
        Fault("eeg_lost_20_percent", "xdf", _one("lost", role="eeg", share=0.2), Want(said=(GAP,))),
        Fault("eeg_lost_packets_of_20", "xdf", _one("lost", role="eeg", share=0.05, run=20), Want(said=(GAP,))),
        Fault("gaze_lost_10_percent", "xdf", _one("lost", role="gaze", share=0.1)),
        Fault("eeg_sent_twice", "xdf", _one("twice", role="eeg", from_s=30.0, to_s=35.0), Want(eeg_unused=1250, said=("twice|repeat|dupl|again|same",)), **L30),
        Fault("eeg_blocks_sent_twice", "xdf", _one("twice", role="eeg", from_s=30.0, to_s=35.0, block=25), Want(eeg_unused=1250, said=("twice|repeat|dupl|again|same",)), **L30),
        Fault("gaze_sent_twice", "xdf", _one("twice", role="gaze", from_s=30.0, to_s=35.0), Want(gaze_unused=600, said=("twice|repeat|dupl|again|same",)), **L30),
        Fault("eeg_out_of_order", "xdf", _one("swapped", role="eeg", share=0.02), Want(eeg_unused=250)),
        Fault("gaze_out_of_order", "xdf", _one("swapped", role="gaze", share=0.02), Want(gaze_unused=120)),
    ]  # fmt: skip


def _gaps() -> list[Fault]:
    """After a gap everything is as before it."""
    spans: dict[str, tuple[tuple[float, float], ...]] = {
        "flaky": ((20.0, 23.0), (23.5, 25.5)),
        "pause_0.9s": ((30.0, 30.9),),
        "pause_1.1s": ((30.0, 31.1),),
        "pause_10s": ((30.0, 40.0),),
        "five_pauses": tuple((20.0 + 3.0 * k, 21.5 + 3.0 * k) for k in range(5)),
        "pauses_with_scraps": tuple((20.0 + 1.2 * k, 21.1 + 1.2 * k) for k in range(8)),
    }
    faults = []
    for role in ("eeg", "gaze"):
        for name, holes in spans.items():
            scraps = 300 if name == "pauses_with_scraps" else 0  # too short for their rate to be measured
            want = Want(said=(GAP,), gap_s=2.0, eeg_unused=scraps, gaze_unused=scraps)
            faults.append(Fault(f"{role}_{name}", "xdf", _one("pause", role=role, spans=holes), want, 60.0, 20.0, quick=name == "flaky" and role == "eeg"))  # fmt: skip
    return [
        *faults,
        Fault("eeg_flaky_1000hz", "xdf", (("rates", {"eeg_hz": 1000.0}), ("pause", {"role": "eeg", "spans": spans["flaky"]})), Want(said=(GAP,)), 60.0, 20.0),
        Fault("both_pause_5s", "xdf", (("pause", {"role": "eeg", "spans": ((30.0, 35.0),)}), ("pause", {"role": "gaze", "spans": ((30.0, 35.0),)})), Want(said=(GAP,)), 60.0, 30.0),
        Fault("gaze_begins_15s_later", "xdf", _one("life", role="gaze", from_s=15.0)),
        Fault("gaze_ends_15s_sooner", "xdf", _one("life", role="gaze", from_s=0.0, to_s=30.0)),
        Fault("gaze_after_eeg_ended", "xdf", _one("later", role="gaze", by_s=100.0), Want(predictions=100, gap_s=100.0, not_said="clock is not theirs"), 30.0),
        Fault("eeg_alone", "xdf", _one("rates", gaze_hz=0.0)),
        Fault("gaze_alone", "xdf", _one("rates", eeg_hz=0.0)),
        Fault("eeg_restarts_same", "xdf", _one("restart", role="eeg", at_s=30.0), Want(eeg_unused=ANY, gaze_unused=ANY, predictions=0, exit=(0, 2)), 60.0, 30.0),
        Fault("eeg_restarts_at_500hz", "xdf", _one("restart", role="eeg", at_s=30.0, rate_hz=500.0), Want(eeg_unused=ANY, gaze_unused=ANY, predictions=0, exit=(0, 2)), 60.0, 30.0),
    ]  # fmt: skip


def _descriptions() -> list[Fault]:
    """What a stream states about itself is checked."""
    many = {"n_channels": 40, "labels": list(SEED_ORDER)}
    return [
        Fault("control", "xdf", want=Want(not_said=r"\b[1-9]\d* gaps|without a usable time|warning"), quick=True),
        Fault("two_marker_columns", "xdf", _one("markers", columns=2)),  # markers are events, which a replay prints none of
        Fault("markers_with_a_rate", "xdf", _one("markers", nominal_hz=100.0)),
        Fault("more_labels_than_channels", "xdf", (("rates", {"n_channels": 40}), ("described", {"role": "eeg", **many})), Want(refused="label|channel", exit=(2,))),
        Fault("fewer_labels_than_channels", "xdf", (("rates", {"n_channels": 40}), ("described", {"role": "eeg", "n_channels": 40, "labels": list(SEED_ORDER[:32])})), Want(eeg_unused=ANY, gaze_unused=ANY, said=("label|channel",), exit=(0, 2), predictions=0)),
        Fault("gaze_point_3d_no_unit", "xdf", _one("described", role="gaze", labels=list(POINTS), units=[""] * 6), Want(refused="point in space", exit=(2,))),
        Fault("gaze_names_of_mne", "xdf", _one("screen_pixels", labels=list(EYES_OF_MNE), units=["px", "px", "mm"] * 2, type="", name="PlayerGaze")),
        Fault("gaze_in_pixels", "xdf", _one("screen_pixels")),
        Fault("biosemi_one_renamed", "xdf", (("rates", {"n_channels": 128}), ("described", {"role": "eeg", "labels": ["VEOG", *BIOSEMI[1:]]})), Want(said=("placed by: BioSemi",), not_said="no position|not placed|unplaced")),
        Fault("eeg_in_volts", "xdf", _one("rescaled", role="eeg", factor=1e-6, units=["volts"] * 16, format="double64")),
        Fault("eeg_in_nanovolts", "xdf", _one("rescaled", role="eeg", factor=1e3, units=["nV"] * 16, format="double64")),
        Fault("eeg_double", "xdf", _one("described", role="eeg", format="double64")),
        Fault("eeg_8_channels", "xdf", _one("rates", n_channels=8)),
        Fault("eeg_nan_values_3s", "xdf", _one("values", role="eeg", from_s=30.0, to_s=33.0, value=float("nan")), Want(eeg_unused=760), **L30),
        Fault("eeg_inf_values", "xdf", _one("values", role="eeg", from_s=30.0, to_s=30.1, value=float("inf")), Want(eeg_unused=30), **L30),
        Fault("eeg_huge_values", "xdf", _one("values", role="eeg", from_s=30.0, to_s=30.5, value=3e38), Want(eeg_unused=130), **L30),
        Fault("gaze_huge_values", "xdf", _one("values", role="gaze", from_s=30.0, to_s=31.0, value=-3e38), Want(gaze_unused=130), **L30),
        Fault("names_of_20000_characters", "xdf", _one("other", name="n" * 20_000, source_id="s" * 20_000)),
        Fault("a_stream_of_no_channels", "xdf", _one("other", n_channels=0, labels=[])),
        Fault("three_hundred_streams", "xdf", _one("other", n=300, name="Other #")),
        Fault("strings_of_2_mb", "xdf", _one("other", format="string", hz=0.5, size=2_000_000), seconds=30.0),
        Fault("deep_description", "xdf", _one("other", desc="<a>" * 1000 + "</a>" * 1000)),
        Fault("very_deep_description", "xdf", _one("other", desc="<a>" * 100_000 + "</a>" * 100_000)),
        Fault("two_eeg_streams", "xdf", _one("twin", role="eeg"), Want(refused="streams could be", exit=(2,))),
    ]  # fmt: skip


def _files() -> list[Fault]:
    """A damaged file gives what is left of it."""
    some = Want(lost=ANY, eeg_unused=ANY, gaze_unused=ANY)
    return [
        Fault("file_cut_at_half", "xdf", _one("cut", share=0.5), some, quick=True),
        Fault("file_cut_at_90_percent", "xdf", _one("cut", share=0.9), some),
        Fault("file_cut_in_the_header", "xdf", _one("cut", share=0.0003), Want(refused=".", exit=(2,))),
        Fault("file_with_200_wrong_bytes", "xdf", _one("garbage", at=0.5, size=200), some),
        Fault("file_with_50000_wrong_bytes", "xdf", _one("garbage", at=0.5, size=50_000), some),
    ]


def _live_streams() -> list[Fault]:
    """The streams' faults, as real outlets."""
    unusable = Want(eeg_unused=ANY, said=(CLOCK,), within_s=5.0)
    faults = [
        Fault("live_control", "live", want=Want(not_said=r"\b[1-9]\d* gaps|without a usable time|failure|traceback"), seconds=34.0, quick=True),
        Fault("kill_session", "live", seconds=12.0, want=Want(predictions=5)),
        Fault("live_markers", "live", _one("markers", columns=2), seconds=30.0),
        Fault("live_stale", "live", _one("stamp", role="eeg", at_s=0.0, shift_s=-5.0), _lost("eeg"), 34.0),
        Fault("live_stale60", "live", _one("stamp", role="eeg", at_s=0.0, shift_s=-60.0), _lost("eeg"), 34.0),
        Fault("live_stale60_gaze", "live", _one("stamp", role="gaze", at_s=0.0, shift_s=-60.0), _lost("gaze"), 34.0),
        Fault("live_ms", "live", _one("scale", role="eeg", factor=1e3), unusable, 30.0, quick=True),
        Fault("live_ns", "live", _one("scale", role="eeg", factor=1e9), unusable, 30.0),
        Fault("live_gaze_ms", "live", _one("scale", role="gaze", factor=1e3), Want(gaze_unused=ANY, said=(CLOCK,), within_s=5.0), 30.0),
        Fault("live_unix_clock", "live", _one("clock_step", role="eeg", at_s=-1.0, shift_s=1.76e9), unusable, 30.0),
        Fault("live_gaze10", "live", _one("rates", gaze_hz=10.0), seconds=30.0),
        Fault("live_gaze1", "live", _one("rates", gaze_hz=1.0), seconds=30.0),
        Fault("live_gaze2000", "live", _one("rates", gaze_hz=2000.0), seconds=30.0),
        Fault("live_eeg2048", "live", _one("rates", eeg_hz=2048.0), seconds=30.0),
        Fault("live_flaky", "live", _one("pause", role="eeg", spans=((27.0, 30.0), (30.3, 32.5))), Want(said=(GAP,)), 40.0, 27.0),
        Fault("live_flaky_gaze", "live", _one("pause", role="gaze", spans=((27.0, 30.0), (30.3, 32.5))), Want(said=(GAP,)), 40.0, 27.0),
        Fault("live_pause_10s", "live", _one("pause", role="eeg", spans=((27.0, 37.0),)), Want(said=(GAP,), gap_s=1.0), 45.0, 27.0),
        Fault("live_zero", "live", _one("stamp", role="eeg", at_s=27.0, value=0.001), _lost("eeg"), 36.0, 27.0),
        Fault("live_nan", "live", _one("stamp", role="eeg", at_s=27.0, value=float("nan")), _lost("eeg"), 36.0, 27.0),
        Fault("live_1e18", "live", _one("stamp", role="eeg", at_s=27.0, value=1e18), _lost("eeg"), 36.0, 27.0),
        Fault("live_minus_1e18_gaze", "live", _one("stamp", role="gaze", at_s=27.0, value=-1e18), _lost("gaze"), 36.0, 27.0),
        Fault("live_50s_ahead", "live", _one("stamp", role="eeg", at_s=27.0, shift_s=50.0), _lost("eeg"), 36.0, 27.0),
        Fault("live_1_percent_wrong", "live", _one("stamps", role="eeg", share=0.01, shifts=(-5.0, 40.0), values=(0.001, 1e18)), _lost("eeg", 200), 36.0),
        Fault("live_one_stamp_for_ever", "live", _one("constant", role="eeg", from_s=27.0), Want(eeg_unused=ANY, said=(CLOCK,), within_s=3.0), 36.0, 27.0),
        Fault("live_burst_3s", "live", _one("burst", role="eeg", spans=((27.0, 30.0),)), seconds=36.0, begins_s=27.0),
        Fault("live_bursts_of_1s", "live", _one("burst", role="eeg", spans=tuple((float(k), k + 1.0) for k in range(30))), seconds=32.0),
        Fault("live_lost_5_percent", "live", _one("lost", role="eeg", share=0.05), Want(eeg_unused=2), seconds=32.0),
        Fault("live_jitter_30ms", "live", _one("jitter", role="eeg", ms=30), Want(misplaced_ms=45.0), 34.0),
        Fault("live_blocks_of_25_one_stamp", "live", _one("blocks", role="eeg", n=25), Want(misplaced_ms=115.0), 34.0),
        Fault("live_gaze_out_of_order", "live", _one("swapped", role="gaze", share=0.02), Want(gaze_unused=120), 34.0),
        Fault("live_sent_twice", "live", _one("twice", role="eeg", from_s=27.0, to_s=30.0), Want(eeg_unused=760, said=("twice|repeat|dupl|again|same",)), 36.0, 27.0),
    ]  # fmt: skip
    for role in ("eeg", "gaze"):
        for shift in (10.0, -10.0, 0.5, -3600.0):
            want = Want(**{f"{role}_unused": ANY}, said=(CLOCK,))  # type: ignore[arg-type]
            changes = _one("clock_step", role=role, at_s=27.0, shift_s=shift)
            faults.append(Fault(f"live_{role}_clock_{shift:+g}s", "live", changes, want, 40.0, 27.0))
    slope = _one("clock_slope", role="eeg", share=0.01, from_s=10.0)
    faults.append(
        Fault("live_eeg_clock_1_percent", "live", slope, Want(eeg_unused=ANY, said=(CLOCK,), within_s=20.0), 45.0, 10.0)
    )
    return faults


def _live_outlets() -> list[Fault]:
    """Outlets that come, go, change or are hostile."""
    back = Want(lost=750, said=(GAP,), within_s=4.0)
    taken = Want(said=("restart|took|place|back|found|changed|chang",), within_s=6.0)
    return [
        Fault("live_restart", "live", _one("restart", role="eeg", at_s=20.0), back, 36.0, 20.0),
        Fault("live_restart_at_once", "live", _one("restart", role="eeg", at_s=20.0, gap_s=0.0), Want(lost=750, said=("restart|lost|back|missing",), within_s=4.0), 36.0, 20.0),
        Fault("live_restart_5s_later", "live", _one("restart", role="gaze", at_s=20.0, gap_s=5.0), Want(lost=360, said=(GAP,), gap_s=1.0, within_s=8.0), 40.0, 20.0),
        Fault("live_restart_at_500hz", "live", _one("restart", role="eeg", at_s=20.0, rate_hz=500.0), replaced(taken, 1500), 40.0, 20.0),
        Fault("live_restart_with_8_channels", "live", _one("restart", role="eeg", at_s=20.0, n_channels=8), replaced(taken, 750), 40.0, 20.0),
        Fault("live_restart_in_double_and_back", "live", tuple(("restart", {"role": "eeg", "at_s": at_s, "format": form}) for at_s, form in ((14.0, "double64"), (24.0, "float32"))), replaced(taken, 1500), 40.0, 14.0),
        Fault("live_restart_in_double", "live", _one("restart", role="eeg", at_s=20.0, format="double64"), replaced(taken, 750), 40.0, 20.0),
        Fault("live_restart_other_source_id", "live", _one("restart", role="eeg", at_s=20.0, source_id="amp-2"), replaced(taken, 750), 40.0, 20.0),
        Fault("live_gaze_comes_later", "live", _one("life", role="gaze", from_s=10.0), Want(lost=3300), 34.0, 10.0),
        Fault("live_gaze_ends", "live", _one("life", role="gaze", from_s=0.0, to_s=20.0), Want(said=("lost|stall",), within_s=8.0, gap_s=1.0, exit=(0, 3, 130)), 34.0, 20.0),
        Fault("live_eeg_ends", "live", _one("life", role="eeg", from_s=0.0, to_s=20.0), Want(lost=25, said=("lost|stall",), within_s=8.0, gap_s=1.0, exit=(0, 3, 130)), 34.0, 20.0),
        Fault("live_zero_channels", "live", _one("other", name="MetaOnly", type="Gaze", n_channels=0, labels=[]), seconds=20.0, acts=((5.0, "command", {"line": ("streams", "--timeout", "2"), "ok": (0,)}), (10.0, "command", {"line": ("record", "all.xdf", "--duration", "3"), "ok": (0,)}))),
        Fault("live_zero_channels_later", "live", _one("other", name="MetaOnly", type="EEG", n_channels=0, labels=[], from_s=8.0), seconds=20.0),
        Fault("live_twin", "live", _one("twin", role="eeg"), Want(refused="streams could be", exit=(2,)), 20.0),
        Fault("live_twin_later", "live", _one("twin", role="eeg", from_s=10.0), Want(said=("twin|second|same|another|two|also",), within_s=8.0), 30.0, 10.0),
        Fault("live_deep_description", "live", _one("other", name="Deep", depth=1000), seconds=20.0),
        Fault("live_16_mb_description", "live", _one("other", name="Big", filler=16_000_000), seconds=24.0),
        Fault("live_long_names", "live", _one("other", name="n" * 20_000, source_id="s" * 20_000), seconds=20.0),
        Fault("live_100_outlets", "live", _one("other", n=100, name="Other #"), seconds=24.0),
        Fault("live_strings_of_2_mb", "live", _one("other", name="Texts", type="Markers", format="string", hz=5.0, size=2_000_000), seconds=24.0),
        Fault("live_fast_stream", "live", _one("other", name="Fast", hz=30_000.0), seconds=20.0),
    ]  # fmt: skip


def replaced(want: Want, lost: int) -> Want:
    """The same with so many samples that may be lost while the new outlet is found."""
    return Want(lost=lost, said=want.said, within_s=want.within_s, eeg_unused=ANY)


def _live_acts() -> list[Fault]:
    """What is done to the program and to its files."""

    def act(
        name: str, at_s: float, kind: str, want: Want | None = None, seconds: float = 25.0, **parameters: Any
    ) -> Fault:
        return Fault(f"live_{name}", "live", (), want or Want(), seconds, at_s, ((at_s, kind, parameters),))

    stops = Want(lost=ANY, ends_within_s=5.0, exit=(0, 130, -15, -1, 143))
    named = Want(said=("stdout|standard output|output|pipe|prediction",), same_as_replay=False)
    return [
        Fault("live_stdout_head", "live", want=named, seconds=25.0, begins_s=10.0, options=("stdout",), acts=((10.0, "close_stdout", {}),)),
        Fault("live_stdout_not_read", "live", want=Want(same_as_replay=False, said=("stdout|standard output|output",), within_s=30.0, predictions=0), seconds=60.0, options=("stdout", "--hop", "0.05"), acts=((0.0, "stop_reading", {}),)),
        Fault("live_stdout_full", "live", want=Want(same_as_replay=False, predictions=0, said=("space|full|stdout|output",), within_s=10.0), seconds=25.0, options=("dev_full",)),
        Fault("live_predictions_disk_full", "live", want=Want(said=("space|full|prediction",), same_as_replay=False), seconds=30.0, begins_s=10.0, options=("small_disk_predictions",), acts=((10.0, "fill", {}),)),
        Fault("live_recording_disk_full", "live", want=Want(said=("space|full|record",), within_s=2.5, same_as_replay=False), seconds=30.0, begins_s=12.0, options=("small_disk_recording",), acts=((12.0, "fill", {}),)),
        act("recording_deleted", 12.0, "delete", Want(said=("record|file",), within_s=2.5, same_as_replay=False)),
        act("recording_renamed", 12.0, "rename", Want(said=("record|file",), within_s=2.5, same_as_replay=False)),
        act("recording_truncated", 12.0, "truncate", Want(lost=ANY, said=("record|file",), within_s=2.5, same_as_replay=False)),
        act("kill_at_once", -1.4, "kill", Want(lost=ANY, exit=(-9,), predictions=0), 5.0),
        act("kill", 12.0, "kill", Want(lost=ANY, exit=(-9,)), 16.0),
        act("hangup", 12.0, "signal", stops, 14.0, number=1),
        act("terminate", 12.0, "signal", stops, 14.0, number=15),
        act("terminate_twice", 12.0, "signal", stops, 14.0, number=15, times=2),
        act("interrupt_twice", 12.0, "signal", stops, 14.0, number=2, times=2),
        act("frozen_for_4s", 12.0, "freeze", Want(said=("late|frozen|suspend|slow|behind|resum",), within_s=8.0), 28.0, seconds_frozen=4.0),
        act("engine_killed", 12.0, "kill_child", Want(said=("engine|restart",), within_s=4.0, same_as_replay=False), 34.0, which="engine"),
        act("recorder_killed", 12.0, "kill_child", Want(lost=1500, said=("record",), within_s=4.0, same_as_replay=False), 34.0, which="recorder"),
        act("engine_stopped", 12.0, "stop_child", Want(said=("engine|restart|hang|answer",), within_s=3.5, gap_s=16.0, same_as_replay=False), 40.0, which="engine"),
    ]  # fmt: skip


@cache
def all_faults() -> tuple[Fault, ...]:
    """Every fault, names unique."""
    made = [*_descriptions(), *_single_stamps(), *_clocks(), *_rates(), *_gaps(), *_files(), *_live_streams(), *_live_outlets(), *_live_acts()]  # fmt: skip
    assert len({fault.name for fault in made}) == len(made)
    return tuple(made)


def by_name(name: str) -> Fault:
    """One fault. Raises KeyError."""
    return {fault.name: fault for fault in all_faults()}[name]
