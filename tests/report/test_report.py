"""The session report: what it reads, what it says, and that it harms nothing."""

from __future__ import annotations

import html.parser
import re
import shutil
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from rtemo.cli import main
from rtemo.commands.data.report import inputs_of
from rtemo.core.errors import RtemoError
from rtemo.model.personal.session_notes import LabelGiven
from rtemo.model.prediction import Prediction, csv_header
from rtemo.presentation.numbers import clock
from rtemo.presentation.palette import LIGHT
from rtemo.presentation.style_sheet import STYLE_SHEET
from rtemo.recordings.events import Event, EventKind
from rtemo.recordings.session_facts import note_event, planned_event
from rtemo.recordings.session_folder import SessionFolder
from rtemo.recordings.study.conditions import Interval, after_annotations, marker_intervals
from rtemo.report import timeline
from rtemo.report.conditions import summed_up
from rtemo.report.page import report_page
from rtemo.report.predictions import Collector, read_predictions
from rtemo.report.read_session import read_session
from rtemo.report.session_record import ModelNotes, SessionRecord, SignalQuality
from rtemo.report.svg import binned, runs, ticks
from rtemo.report.time_axis import Axis
from rtemo.report.time_shares import NONE_NAMED, time_shares
from rtemo.report.troubles import interruptions, troubles
from rtemo.sources.session_settings import SessionSettings

LABELS = ("neutral", "sad", "fear", "happy")
EVIL = "<script>alert('x')</script><img src=x onerror=y>"


def prediction(time_s, emotion="happy", abstain=None, bad=()):
    p = {label: 0.7 if label == emotion else 0.1 for label in LABELS}
    said = None if abstain else emotion
    return Prediction(time_s, said, p, p, (emotion,), abstain, 1.0, 0.5, bad, 0.2, True, False, 3.0)


def collected(*predictions):
    sink = Collector(LABELS)
    for one in predictions:
        sink.put(one)
    return sink.table()


RECORD = SessionRecord(
    title="session",
    subject="P01",
    notes="",
    when="",
    begin_s=0.0,
    end_s=120.0,
    live=True,
    predictions=collected(),
    events=(),
    streams=(),
    model=ModelNotes("demo", "0123", "people", 4.0),
)


def marker(time_s, text, stream="stim"):
    return Event(time_s, EventKind.MARKER, text, stream)


def annotation(time_s, text):
    return Event(time_s, EventKind.ANNOTATION, text)


class Texts(html.parser.HTMLParser):
    """The tags of a page and the words outside of them."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.words = set(), []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)

    def handle_data(self, data):
        self.words.append(data)


@pytest.fixture(scope="module")
def means():
    return inputs_of(None, None)


@pytest.fixture(scope="module")
def recording(tmp_path_factory):
    path = tmp_path_factory.mktemp("plain") / "plain.xdf"
    faults = path.with_suffix(".toml")
    faults.write_text('[[fault]]\nkind = "flat"\nchannels = ["C3"]\nstart_s = 12\n')
    options = ["--duration", "26", "--eeg-channels", "16", "--eeg-rate", "200", "--seed", "2"]
    assert main(["simulate", *options, "--faults", str(faults), "--xdf", str(path), "--quiet"]) == 0
    return path


@pytest.fixture
def folder(tmp_path, recording, means):
    """A session folder as the application leaves it, with predictions that are easy to count."""
    found = SessionFolder(tmp_path / "2026-03-04_05-06-07_P1")
    found.path.mkdir()
    shutil.copy(recording, found.recording)
    begin_s = read_session(recording, means).begin_s
    events = [
        Event(begin_s, EventKind.SESSION, "started"),
        annotation(begin_s + 1, EVIL),
        marker(begin_s + 2, "film start", EVIL),
        Event(begin_s + 9, EventKind.STREAM_DOWN, EVIL, EVIL),
        marker(begin_s + 12, "film end", EVIL),
        Event(begin_s + 20, EventKind.SESSION, "stopped"),
    ]
    found.events.write_text("".join(event.to_json_line() + "\n" for event in events))
    shown = [
        prediction(begin_s + k / 4, "fear" if 8 <= k <= 48 else "sad", "noisy" if k < 8 else None) for k in range(80)
    ]
    lines = [",".join(csv_header(LABELS)), *(",".join(one.csv_row()) for one in shown)]
    found.predictions.write_text("\n".join(lines) + "\n")
    settings = SessionSettings(subject=EVIL, notes=EVIL)
    model = {"bundle": EVIL, "bundle_fingerprint": means.bundle.fingerprint}
    found.write_settings(settings, model, {"started": "2026-03-04T05:06:07+01:00"}, {})
    return found


def test_the_report_of_a_session_tells_what_was_shown_in_it(folder, means):
    record = read_session(folder.path, means)
    assert record.live
    assert record.duration_s == pytest.approx(20)
    assert len(record.predictions) == 80
    assert record.problems == ()
    quality = record.quality
    assert quality.usual_fault(quality.labels.index("C3")) == "flat"
    assert 0.3 < quality.bad_share[quality.labels.index("C3")] < 0.7
    (film,) = summed_up(marker_intervals(record.events, record.end_s), record.predictions, 4.0)
    assert film.name == "film"
    assert film.seconds == pytest.approx(10)
    assert film.n_windows == 25  # from 6 s, where the first window lies wholly inside, to 12 s
    np.testing.assert_allclose(film.mean, [0.1, 0.1, 0.7, 0.1])
    words = " ".join(Texts(report_page(record)).words)
    for said in ("0:20", "noisy", "C3", "flat", "film", "Simulated training", "never seen a human being"):
        assert said in words


def test_a_model_that_is_not_calibrated_is_said_to_be_at_the_top():
    told = " ".join(Texts(report_page(replace(RECORD, model=replace(RECORD.model, calibrated=False)))).words)
    assert "Not calibrated." in told
    assert "Not calibrated." not in " ".join(Texts(report_page(RECORD)).words)


def test_no_text_of_anyone_becomes_markup(folder, means):
    found = Texts(report_page(read_session(folder.path, means)))
    assert not {"script", "img", "link", "iframe"} & found.tags
    assert " ".join(found.words).count("<script>") >= 5


def test_the_page_needs_nothing_from_elsewhere(folder, means):
    text = report_page(read_session(folder.path, means))
    assert "default-src 'none'" in text
    assert not re.findall(r"(?:src|href)=|url\((?!#)|@import", text.replace("&lt;img src=x", ""))
    assert not re.findall(r"https?://(?!www\.w3\.org/2000/svg)", text.split("<pre>")[0])


def test_a_plain_recording_is_replayed(recording, tmp_path, means):
    out = tmp_path / "report.html"
    assert main(["report", str(recording), "--out", str(out)]) == 0
    record = read_session(recording, means)
    assert not record.live
    assert len(record.predictions) > 60
    assert {stream.role for stream in record.streams} == {"eeg", "gaze", "markers"}
    assert any(one.name == "baseline" for one in marker_intervals(record.events, record.end_s))
    assert "Report on a replayed recording" in out.read_text()


def test_a_session_that_ended_badly_is_reported_with_what_is_left(folder, means):
    folder.settings.unlink()
    with folder.events.open("a") as file:
        file.write('{"time_s": 1, "ki')
    whole = folder.predictions.read_text()
    folder.predictions.write_text(whole[: whole.rindex(",0.1")])
    record = read_session(folder.path, means)
    assert len(record.predictions) == 79
    assert any("session.toml" in problem for problem in record.problems)
    folder.recording.write_bytes(b"no recording")
    folder.predictions.unlink()
    record = read_session(folder.path, means)
    assert len(record.predictions) == 0
    assert "There is no prediction" in report_page(record)
    assert record.quality is None


def test_a_session_without_its_predictions_is_replayed(folder, means):
    folder.predictions.unlink()
    record = read_session(folder.path, means)
    assert not record.live
    assert len(record.predictions) > 60


def test_another_model_is_named_and_not_explained_by_this_one(folder, means):
    text = folder.settings.read_text().replace(means.bundle.fingerprint, "f" * 64)
    folder.settings.write_text(text)
    record = read_session(folder.path, means)
    assert record.model.fingerprint == "f" * 64
    assert record.model.card == ""
    assert any("ffffffffffff" in problem for problem in record.problems)


def test_what_is_no_session_is_refused(tmp_path, capsys):
    assert main(["report", str(tmp_path)]) == 2
    assert main(["report", str(tmp_path / "nothing")]) == 2
    assert capsys.readouterr().err.count("error: ") == 2
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_written_leaves_nothing_behind(folder, tmp_path, capsys):
    blocked = tmp_path / "out.html"
    blocked.mkdir()
    assert main(["report", str(folder.path), "--out", str(blocked)]) == 2
    assert "cannot be written" in capsys.readouterr().err
    assert not list(tmp_path.glob(".*partial"))


def test_the_report_needs_neither_qt_nor_lsl():
    heavy = ("PySide6", "pyqtgraph", "pylsl", "torch")
    code = f"import sys, rtemo.commands.data.report; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_loss_is_counted_once_and_what_is_wrong_is_listed(folder, means):
    record = read_session(folder.path, means)
    begin_s = record.begin_s
    happened = [
        (10, EventKind.STREAM_DOWN, "stalled: no samples", "eye"),
        (12, EventKind.STREAM_DOWN, "lost: no samples for 2 s", "eye"),
        (20, EventKind.STREAM_UP, "back: eye", "eye"),
        (22, EventKind.LOSS, "10 s of samples are missing", "eye"),
        (30, EventKind.STREAM_DOWN, "lost: gone", "eye"),
        (
            40,
            EventKind.NOTE,
            "baseline of 20 s that ended at 5.0 s refused: 3 s of usable data",
            "eye",
        ),
        (41, EventKind.FAILURE, "baseline ends: refused for gaze", ""),
    ]
    events = tuple(Event(begin_s + at, kind, text, stream) for at, kind, text, stream in happened)
    assert [(one.begin_s, one.end_s) for one in interruptions(events)] == [
        (begin_s + 10, begin_s + 20),
        (begin_s + 30, None),
    ]
    other = Event(begin_s + 45, EventKind.STREAM_UP, "back: eye 2", "eye 2", {"replaces": "eye"})
    assert interruptions((*events, other))[-1].end_s == begin_s + 45
    silent = replace(record.predictions, abstain=("no signal",) * len(record.predictions))
    found = troubles(replace(record, events=events, end_s=begin_s + 50, predictions=silent, problems=("x",)))
    assert found == [
        "x",
        "eye was lost 2 times, 0:30 in all, the first time at 0:10, and did not come back",
        "0:40 eye: baseline of 20 s that ended at 5.0 s refused: 3 s of usable data",
        "0:41 baseline ends: refused for gaze",
        "no emotion was named in 100 % of the predictions; the reasons are below",
    ]


def test_markers_that_open_and_close_make_conditions():
    events = [
        marker(0, "clip/start id=1 emotion=fear"),
        marker(5, "clip/end id=1 emotion=fear"),
        marker(6, "clip/start id=2 emotion=fear"),
        annotation(6.5, "baseline begins: 30 s"),
        marker(9, "clip/end id=2 emotion=fear"),
        annotation(9.5, "baseline ends: good"),
        note_event(9.6, LabelGiven(0, "sad", 1.0, 5.0)),  # what rtemo notes for its own replay is nobody's remark
        planned_event(9.7, "saved"),
        marker(10, "rest start"),
    ]
    assert marker_intervals(events, 20.0) == [
        Interval("clip emotion=fear", 0, 5),
        Interval("clip emotion=fear", 6, 9),
        Interval("baseline", 6.5, 9.5),
        Interval("rest", 10, 20.0),
    ]
    assert after_annotations(events, 20.0) == []


def test_markers_without_an_end_last_until_the_next_of_their_stream():
    events = [marker(0, "A"), marker(2, "x", "other"), marker(4, "B"), marker(9, "A")]
    assert marker_intervals(events, 10.0) == [
        Interval("A", 0, 4),
        Interval("x", 2, 10.0),
        Interval("B", 4, 9),
        Interval("A", 9, 10.0),
    ]


def test_notes_are_moments_even_where_they_speak_of_starting():
    events = [annotation(1, "started to yawn, going on"), annotation(18, "coughed")]
    assert marker_intervals(events, 20.0) == []
    assert after_annotations(events, 20.0) == [
        Interval("started to yawn, going on", 1, 11),
        Interval("coughed", 18, 20.0),
    ]


def test_windows_count_only_where_they_lie_wholly_in_a_condition():
    shown = collected(*(prediction(float(t), "sad", "noisy" if t == 7 else None) for t in range(12)))
    one, none = summed_up([Interval("a", 2, 8), Interval("b", 8, 9)], shown, 4.0)
    assert (one.n_windows, one.n_intervals) == (3, 1)  # ending at 6, 7, 8
    assert one.abstains == pytest.approx(1 / 3)
    np.testing.assert_allclose(one.mean, [0.1, 0.7, 0.1, 0.1])
    assert none.n_windows == 0
    assert np.isnan(none.mean).all()


def test_a_table_of_predictions_is_the_same_collected_and_read_back(tmp_path):
    made = [prediction(1.0), prediction(2.0, abstain="noisy", bad=("Cz",))]
    path = tmp_path / "p.csv"
    path.write_text("\n".join([",".join(csv_header(LABELS)), *(",".join(one.csv_row()) for one in made)]) + "\n")
    one, other = collected(*made), read_predictions(path)
    assert (one.labels, one.abstain) == (other.labels, other.abstain)
    for name in ("times", "probabilities", "smoothed", "eeg_coverage", "novelty", "settled", "latency_ms"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))


def test_a_file_that_holds_no_predictions_is_refused(tmp_path):
    (tmp_path / "p.csv").write_text("a,b\n1,2\n")
    with pytest.raises(RtemoError, match="no predictions"):
        read_predictions(tmp_path / "p.csv")


def test_inputs_of_bins_leave_holes_where_nothing_lies():
    times, values = np.array([0.1, 0.2, 3.5]), np.array([[1.0], [3.0], [5.0]])
    np.testing.assert_array_equal(binned(times, values, 0.0, 4.0, 4)[:, 0], [2.0, np.nan, np.nan, 5.0])
    assert list(runs([1, 1, 0])) == [(0, 2, 1), (2, 3, 0)]
    assert ticks(100.0, 10) == [0.0, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100]
    assert [clock(s) for s in (59.6, 3605, float("nan"))] == ["0:59", "1:00:05", "–"]


def test_an_empty_session_still_has_a_page(folder, means):
    record = replace(
        read_session(folder.path, means), predictions=collected(), events=(), streams=(), quality=None, end_s=0.0
    )
    assert "There is no prediction" in report_page(record)


def at_steps(begin_s, end_s, step_s):
    times = np.arange(begin_s, end_s, step_s)
    return [prediction(t, "happy" if t < 60 else "sad", "far" if 40 <= t < 50 else None) for t in times]


@pytest.mark.parametrize("step_s", [0.1, 0.25, 1.0, 4.0])
def test_areas_have_no_slices_whatever_the_step(step_s):
    table = collected(*at_steps(0.0, 120.0, step_s))
    record = replace(RECORD, predictions=table, begin_s=0.0, end_s=120.0)
    assert len(re.findall('class="area"', timeline.probabilities(record))) == len(LABELS)
    found = binned(table.times, table.smoothed, 0.0, 120.0, timeline.bins_for(table.times, 120.0))
    assert np.isfinite(found).all()


def test_a_stretch_without_predictions_stays_open():
    table = collected(*at_steps(0.0, 30.0, 0.25), *at_steps(80.0, 120.0, 0.25))
    record = replace(RECORD, predictions=table, begin_s=0.0, end_s=120.0)
    assert len(re.findall('class="area"', timeline.probabilities(record))) == 2 * len(LABELS)


def test_the_share_of_time_is_of_what_was_predicted():
    found = time_shares(collected(*at_steps(0.0, 120.0, 0.5)))
    assert found["happy"] == pytest.approx((50.0, 50 / 120), rel=0.02)
    assert found["sad"] == pytest.approx((60.0, 0.5), rel=0.02)
    assert found[NONE_NAMED] == pytest.approx((10.0, 10 / 120), rel=0.06)
    assert sum(share for _, share in found.values()) == pytest.approx(1.0)
    uneven = time_shares(collected(*at_steps(0.0, 30.0, 0.5), *at_steps(90.0, 120.0, 0.5)))
    assert sum(lasted for lasted, _ in uneven.values()) == pytest.approx(61.0, abs=0.6)  # the hole is nobody's
    assert time_shares(collected()) == {}


def test_times_are_those_of_the_place_and_since_the_start():
    events = (annotation(30.0, "film"),)
    record = replace(RECORD, when="2026-11-30T14:02:11+02:00", begin_s=20.0, end_s=140.0, events=events)
    words = " ".join(Texts(report_page(replace(record, predictions=collected(*at_steps(20.0, 140.0, 0.5))))).words)
    assert "30 November 2026, 14:02:11 to 14:04:11" in words
    assert "14:02:21" in words  # the event
    assert "14:03:11" in words  # below the plots
    unknown = " ".join(Texts(report_page(replace(record, when="some day"))).words)
    assert "some day" in unknown


def test_good_electrodes_and_gaze_are_drawn_over_the_session():
    times = np.arange(0.0, 120.0)
    faults = np.zeros((120, 4), np.int8)
    faults[60:, 0] = 1
    quality = SignalQuality(("A", "B", "C", "D"), np.zeros((4, 3), np.float32), times, faults, ("", "flat"))
    table = collected(*at_steps(0.0, 120.0, 0.5))
    drawn = timeline.coverage(table, Axis(0.0, 120.0), quality)
    words = Texts(drawn).words
    assert {"Good channels", "EEG usable", "Gaze usable"} <= set(words)
    assert len(re.findall('class="covered"', drawn)) == 3
    assert "Good channels" not in Texts(timeline.coverage(table, Axis(0.0, 120.0))).words
    words = Texts(report_page(replace(RECORD, predictions=table, quality=quality))).words
    assert {"Good channels", "Share of time", NONE_NAMED, "Signal quality", "Probabilities over time"} <= set(words)


REASON_NAMES = ("", "gap in the stream", "missing samples", "flat")


def quality_of(*by_channel):
    """A second a fault, each channel's as digits."""
    faults = np.array([[int(digit) for digit in channel] for channel in by_channel], np.int8).T
    labels = tuple("ABCDEFGH"[: len(by_channel)])
    return SignalQuality(
        labels, np.zeros((len(labels), 3), np.float32), np.arange(len(faults), dtype=float), faults, REASON_NAMES
    )


@pytest.mark.parametrize(
    ("channels", "of_stream", "electrodes"),
    [
        (("0111000", "0111000", "0111000"), "0111000", ""),  # one gap: no electrode's
        (("0110110", "0110110", "0110110"), "0110110", ""),  # several
        (("0111000", "3333333", "0111000"), "0111000", "B"),  # one is flat all along, and in the gap
        (("0022000", "0022000", "0000000"), "0000000", "AB"),  # some only
        (("0333000", "0333000", "0333000"), "0333000", ""),  # an amplifier without its cap
        (("0301100", "0001100", "0001100"), "0001100", "A"),
        (("0330000",), "0000000", "A"),  # the only electrode's own
        (("0110000",), "0110000", ""),
        (("000", "000"), "000", ""),
    ],
)
def test_what_the_whole_stream_had_is_one_line_and_no_electrodes_own(channels, of_stream, electrodes):
    quality = quality_of(*channels)
    assert "".join(map(str, quality.of_stream)) == of_stream
    assert {quality.labels[k] for k in timeline.worst_channels(quality)} == set(electrodes)
    assert all(quality.usual_fault(k) == "" for k, label in enumerate(quality.labels) if label not in electrodes)
    page_ = Texts(report_page(replace(RECORD, quality=quality)))
    words = " ".join(page_.words)
    assert ("What all of them had at once" in words) == ("all at once" in words) == (int(of_stream) > 0)
    drawn = Texts(timeline.bad_channels(quality, Axis(0.0, float(len(channels[0]))))).words
    assert len([word for word in drawn if word.startswith("all ") and "%" in word]) == (int(of_stream) > 0)
    assert len([word for word in drawn if re.fullmatch(r"[A-H] \d+ %", word)]) == len(electrodes)


def test_it_prints_on_a4_in_light_colours_and_has_no_lists_of_python():
    document = report_page(replace(RECORD, settings={"a": {"b": ["x", "y"], "c": []}}))
    words = " ".join(Texts(document).words)
    assert "x, y" in words
    assert not re.search(r"\[(?:'|\])", words)
    printed = STYLE_SHEET[STYLE_SHEET.index("@media print") :]
    assert "size: A4" in STYLE_SHEET
    assert f"--ink: {LIGHT.ink}" in printed
    assert f"--panel: {LIGHT.panel}" in printed
