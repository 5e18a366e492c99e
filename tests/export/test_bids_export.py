"""A recording exported as BIDS: valid, whole, and the same windows, labels and masks when it is built."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from offline.__main__ import main as offline
from offline.corpus.build_recording import channel_map_of, windows_of
from offline.corpus.corpus import open_corpus
from offline.datasets import load
from rtemo.cli import main
from rtemo.core.pipeline import Pipeline
from rtemo.core.settings import PipelineSettings
from rtemo.core.types import Modality
from rtemo.export.tables import read_rows
from rtemo.sources.xdf.source import XdfSource

KINDS = ("whole", "gappy", "eeg_only", "gaze_only")
VALID = ("whole", "uneven", "eeg_only", "gaze_only")  # uneven: with gaps, and its stamps
BESIDE = Path(sys.executable).with_name("bids-validator-deno")
VALIDATOR = str(BESIDE) if BESIDE.exists() else shutil.which("bids-validator-deno")


def export(path, root, *options):
    assert main(["export", str(path), "--bids", str(root), *options]) == 0
    return root


def rows(path):
    columns, found = read_rows(path)
    return [dict(zip(columns, row, strict=True)) for row in found]


def corpora(path, root, tmp_path):
    """What is built from the recording, and from its export."""
    (tmp_path / "xdf").mkdir()
    (tmp_path / "xdf" / "P.xdf").write_bytes(path.read_bytes())
    rules = str(root / "code" / "rtemo_trials.toml")
    assert offline(["--quiet", "build", "xdf", "--root", str(tmp_path / "xdf"), "--out", str(tmp_path / "a")]) == 0
    options = ["--mapping", rules, "--out", str(tmp_path / "b")]
    assert offline(["--quiet", "build", "bids", "--root", str(root), *options]) == 0
    return [next(iter(open_corpus(tmp_path / name))) for name in ("a", "b")]


def test_a_rest_that_sets_the_baseline_is_found_again(rested, whole, tmp_path):
    of_xdf, of_bids = corpora(rested, export(rested, tmp_path / "root"), tmp_path)
    (tmp_path / "other").mkdir()
    without, _ = corpora(whole, export(whole, tmp_path / "other" / "root"), tmp_path / "other")
    assert np.abs(of_xdf.eeg.astype(float) - without.eeg.astype(float)).max() > 0.1
    assert np.abs(of_xdf.eeg.astype(float) - of_bids.eeg.astype(float)).max() < 1e-3
    assert of_xdf.rows["settled"].tolist() == of_bids.rows["settled"].tolist() != without.rows["settled"].tolist()


@pytest.mark.parametrize("kind", KINDS)
def test_windows_labels_and_masks_are_those_of_the_recording(kind, request, tmp_path):
    path = request.getfixturevalue(kind)
    of_xdf, of_bids = corpora(path, export(path, tmp_path / "root"), tmp_path)
    assert len(of_xdf.rows) == len(of_bids.rows) > 40
    ends = of_xdf.rows["end_s"] - of_bids.rows["end_s"]
    assert np.ptp(ends) < 1e-6
    assert ends[0] % 4.0 == pytest.approx(0.0, abs=1e-6)
    for name in ("label", "trial", "settled"):
        assert of_xdf.rows[name].tolist() == of_bids.rows[name].tolist(), name
    assert len(of_xdf.labelled) > 10
    for name in ("eeg_mask", "eye_valid"):
        assert np.array_equal(getattr(of_xdf, name), getattr(of_bids, name)), name
    for name in ("eeg", "eye"):
        one, other = (np.asarray(getattr(shard, name), np.float64) for shard in (of_xdf, of_bids))
        assert np.abs(one - other).max(initial=0.0) < 1e-3, name
    assert np.allclose(of_xdf.positions, of_bids.positions, atol=1e-6)


def in_pipeline(recording):
    """The windows of a recording before they are rounded to 16 bits."""
    pipeline = Pipeline(PipelineSettings())
    for stream in recording.streams:
        layout = stream.channel_map or channel_map_of(stream.info, stream.modality, stream.screen)
        pipeline.add_stream(stream.info, layout)
    return list(windows_of(recording, pipeline))


@pytest.mark.parametrize(("eeg_format", "bound"), [("brainvision", 1e-3), ("edf", 2e-3)])
def test_stamps_of_a_clock_that_drifts_and_jitters_give_the_same_windows(uneven, tmp_path, eeg_format, bound):
    """Because they are exported as they were sent: the session evened them out as they came, a file holds one line."""
    if eeg_format == "edf":
        pytest.importorskip("edfio")
    root = export(uneven, tmp_path / "root", "--eeg-format", eeg_format)
    (own,) = load("xdf", uneven.parent).entries
    (exported,) = load("bids", root, root / "code" / "rtemo_trials.toml").entries
    of_xdf, of_bids = in_pipeline(own.load()), in_pipeline(exported.load())
    assert len(of_xdf) == len(of_bids) > 40
    for one, other in zip(of_xdf, of_bids, strict=True):
        assert np.abs(one.eeg - other.eeg).max() < bound
        assert np.array_equal(one.eeg_mask, other.eeg_mask)
        assert one.settled == other.settled
    (stamps,) = root.rglob("*_recording-stamps_physio.tsv.gz")
    about = json.loads(Path(str(stamps).replace(".tsv.gz", ".json")).read_text())
    assert about["Columns"] == ["stamp"]
    stamps.write_bytes(stamps.read_bytes()[:2000])  # damaged: the samples' own line counts, and that is listed
    recording = exported.load()
    (left_out,) = [one for one in recording.omissions if "stamps" in one.where]
    assert left_out.why.endswith("the EEG's own times count")
    on_the_line = in_pipeline(recording)
    off = max(np.abs(one.eeg - other.eeg).max() for one, other in zip(of_xdf, on_the_line, strict=True))
    assert bound < off < 0.2


def test_even_stamps_are_not_exported_twice(whole, tmp_path):
    assert not list(export(whole, tmp_path / "root").rglob("*stamps*"))


def test_a_session_is_a_data_set_with_all_its_parts(session_folder, tmp_path):
    root = export(session_folder, tmp_path / "study")
    stem = "sub-Ann1_ses-20261130T102030_task-emotion"
    own = root / "sub-Ann1" / "ses-20261130T102030"
    files = {path.relative_to(own).as_posix() for path in own.rglob("*") if path.is_file()}
    of_eeg = ("eeg.vhdr", "eeg.vmrk", "eeg.eeg", "eeg.json", "channels.tsv", "events.tsv", "events.json")
    eyes = (f"recording-eye{n}_physio{end}" for n in (1, 2) for end in (".tsv.gz", ".json"))
    assert {f"eeg/{stem}_{name}" for name in (*of_eeg, *eyes)} <= files
    assert {"eeg/sub-Ann1_ses-20261130T102030_electrodes.tsv", "sub-Ann1_ses-20261130T102030_scans.tsv"} <= files
    assert rows(root / "participants.tsv") == [{"participant_id": "sub-Ann1", "name_in_sessions": "Ann-1"}]
    (scan,) = rows(own / "sub-Ann1_ses-20261130T102030_scans.tsv")
    assert scan == {"filename": f"eeg/{stem}_eeg.vhdr", "acq_time": "2026-11-30T10:20:30"}
    sources = root / "sourcedata" / "rtemo" / own.relative_to(root) / stem
    for name in ("recording.xdf", "predictions.csv", "events.jsonl", "session.toml"):
        assert (sources / name).read_bytes() == (session_folder / name).read_bytes()
    shown = rows(root / "derivatives" / "rtemo" / own.relative_to(root) / "eeg" / f"{stem}_desc-emotion_events.tsv")
    first = (session_folder / "predictions.csv").read_text().splitlines()[1].split(",")
    assert [shown[0]["time_s"], shown[0]["emotion"]] == [first[0], first[1] or "n/a"]
    assert float(shown[0]["onset"]) == pytest.approx(float(first[0]) - 1000.0, abs=0.01)
    about = json.loads((own / "eeg" / f"{stem}_eeg.json").read_text())
    assert about["SamplingFrequency"] == 257.0
    assert about["ClockOffsets"]["Measurements"] >= 1
    assert about["Gaps"] == []


def test_events_have_their_kind_duration_and_clock(session_folder, tmp_path):
    root = export(session_folder, tmp_path / "study")
    (path,) = root.glob("sub-*/ses-*/eeg/*_events.tsv")
    events = rows(path)
    clips = [row for row in events if row["trial_type"] == "clip"]
    assert clips
    assert all(row["emotion"] != "n/a" and float(row["duration"]) > 5 and row["HED"] != "n/a" for row in clips)
    starts = [row for row in events if row["value"].startswith("clip/start")]
    assert [row["onset"] for row in starts][: len(clips)] == [row["onset"] for row in clips]
    for row in events:
        assert float(row["lsl_time"]) - float(row["real_onset"]) == pytest.approx(
            float(events[0]["lsl_time"]), abs=0.01
        )


def test_gaps_are_listed_and_every_sample_is_at_its_time(gappy, tmp_path):
    mne = pytest.importorskip("mne")
    root = export(gappy, tmp_path / "root")
    (header,) = root.glob("sub-*/ses-*/eeg/*_eeg.vhdr")
    about = json.loads(header.with_suffix(".json").read_text())
    assert about["RecordingType"] == "discontinuous"
    assert about["Gaps"][0] == pytest.approx({"begin": 20.1, "end": 22.4, "missing": 591}, abs=2.0)
    raw = mne.io.read_raw_brainvision(header, verbose="ERROR")
    source = XdfSource(gappy)
    (info,) = [info for info in source.start() if "EEG" in info.name]
    source.stop()
    assert raw.n_times == source_count(gappy, info.stream_id)
    assert sum(gap["missing"] for gap in about["Gaps"]) + raw.n_times == pytest.approx(12850, abs=3)
    stamps = re.findall(r"New Segment,,(\d+),1,0,(\d{20})", header.with_suffix(".vmrk").read_text())
    assert len(stamps) == len(about["Gaps"]) + 1
    events = {row["value"]: row for row in rows(header.with_name(header.name.replace("_eeg.vhdr", "_events.tsv")))}
    late = next(row for row in events.values() if float(row["real_onset"]) > 40)
    assert float(late["real_onset"]) - float(late["onset"]) == pytest.approx(
        sum(gap["end"] - gap["begin"] - 1 / 257.0 for gap in about["Gaps"]), abs=0.01
    )


def source_count(path, stream_id):
    source = XdfSource(path)
    source.start()
    n = source.n_samples(stream_id)
    source.stop()
    return n


def test_eyes_are_at_their_own_rate_in_pixels(whole, tmp_path):
    import rtemo

    root = export(whole, tmp_path / "root")
    (table,) = root.glob("sub-*/ses-*/eeg/*eye1_physio.tsv.gz")
    about = json.loads(table.with_name(table.name.replace(".tsv.gz", ".json")).read_text())
    found = np.genfromtxt(table, delimiter="\t", missing_values="n/a", filling_values=np.nan)
    gaze = rtemo.open_recording(whole).signals()[Modality.GAZE]
    assert about["RecordedEye"] == "left"
    assert about["SamplingFrequency"] == pytest.approx(59.94, abs=0.01)
    assert found[:, 0].tolist() == gaze.times.tolist()
    np.testing.assert_array_equal(found[:, 1], 1920.0 * gaze.values[:, 0])
    np.testing.assert_array_equal(found[:, 3], gaze.values[:, 4])


def test_more_sessions_join_the_data_set_and_none_is_replaced(whole, eeg_only, tmp_path, capsys):
    root = export(whole, tmp_path / "root", "--subject", "A-1", "--session", "1")
    export(eeg_only, root, "--subject", "A-1", "--session", "2")
    export(eeg_only, root, "--subject", "B", "--session", "1", "--run", "1")
    export(eeg_only, root, "--subject", "B", "--session", "1", "--run", "2")
    assert [row["participant_id"] for row in rows(root / "participants.tsv")] == ["sub-A1", "sub-B"]
    assert len(rows(root / "sub-B" / "ses-1" / "sub-B_ses-1_scans.tsv")) == 2
    before = {path: path.stat().st_mtime_ns for path in root.rglob("*") if path.is_file()}
    for wrong, reason in (
        (["--subject", "A-1", "--session", "1"], "already"),
        (["--subject", "A1"], "share a BIDS label"),
    ):
        assert main(["export", str(whole), "--bids", str(root), *wrong]) == 2
        assert reason in capsys.readouterr().err
    assert {path: path.stat().st_mtime_ns for path in root.rglob("*") if path.is_file()} == before


def test_lab_recorder_s_names_are_the_entities(whole, tmp_path):
    named = tmp_path / "sub-P007_ses-S002_task-Films_run-003_eeg.xdf"
    named.write_bytes(whole.read_bytes())
    root = export(named, tmp_path / "root")
    assert (root / "sub-P007/ses-S002/eeg/sub-P007_ses-S002_task-Films_run-03_eeg.vhdr").is_file()


@pytest.mark.parametrize("kind", [*VALID, "session_folder"])
@pytest.mark.skipif(VALIDATOR is None, reason="bids-validator-deno is not installed")
def test_the_official_validator_finds_no_error(kind, request, tmp_path):
    root = export(request.getfixturevalue(kind), tmp_path / "root")
    done = subprocess.run([str(VALIDATOR), str(root), "-r", "--json"], capture_output=True, text=True, check=False)
    issues = json.loads(done.stdout)["issues"]["issues"]
    assert [issue for issue in issues if issue["severity"] == "error"] == []
