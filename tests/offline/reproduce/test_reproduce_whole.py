"""The whole comparison on a handful of tiny recordings: every stage is the real one, through `--roots`."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from offline.__main__ import main
from offline.reproduce import command, stages
from offline.reproduce.command import reproduce
from offline.reproduce.findings import SCORE
from offline.reproduce.scale import SMALL, ComparisonScale
from offline.reproduce.sources import stand_ins
from offline.splits import WindowIds, leave_clip_out
from rtemo.core.errors import RtemoError
from rtemo.core.types import Chunk, ClockOffset
from rtemo.model.network import NetworkConfig
from rtemo.simulate.caps import montage
from rtemo.simulate.plan import SimulationPlan, segments_for_duration
from rtemo.simulate.session import SimulatedSession
from rtemo.sources.xdf.writer import XdfWriter

NETWORK = NetworkConfig(channel_width=16, queries=2, pool_heads=2, joint_tokens=2, width=16, layers=1, heads=2)
TINY = ComparisonScale(
    name="tiny",
    description="A tiny run, for a test.",
    people=(3, 1, 1),
    length=1.0,
    hop_s=2.0,
    seeds=1,
    folds=2,
    baselines=("majority", "de-lr"),
    faults={"gaze-loss": (0.5,)},
    control=0,
    new_clips=True,  # everybody here saw their own
    labelled=(1, 2),  # two do not learn in any fold of three people
    pretrain={"steps": 2, "batch": 24, "network": NETWORK},
    finetune={"epochs": 1, "per_trial": 2, "network": NETWORK, "least_steps": 2, "batch": 24},
)


def record(folder: Path, seed: int, cap: str) -> None:
    """A session of 44 s as an XDF file with markers."""
    folder.mkdir(exist_ok=True)
    segments = segments_for_duration(seed, 44.0)
    plan = SimulationPlan(seed, seed, segments, 0, montage(cap), 125, 60.0)
    session = SimulatedSession(plan)
    with XdfWriter(folder / f"person{seed}.xdf") as writer:
        for info in session.streams:
            writer.add_stream(info)
        for item in session.items(1.0):
            if isinstance(item, Chunk):
                writer.write_chunk(item)
            elif isinstance(item, ClockOffset):
                writer.write_offset(item)


@pytest.fixture(scope="module")
def roots(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("roots")
    for seed in (1, 2, 3):
        record(folder / "labelled", seed, "openbci8")
    record(folder / "one", 11, "openbci8")
    record(folder / "other", 21, "muse")
    path = folder / "roots.toml"
    path.write_text(
        '[downstream]\nname = "lab"\ndataset = "xdf"\nroot = "labelled"\n'
        '[[unlabelled]]\nname = "one task"\ndataset = "xdf"\nroot = "one"\n'
        '[[unlabelled]]\nname = "other task"\ndataset = "xdf"\nroot = "other"\n'
    )
    return path


@pytest.fixture(scope="module")
def done(roots: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a comparison that was interrupted once."""
    out = tmp_path_factory.mktemp("comparison") / "out"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(command, "PEOPLE_GROUPS", 3)  # so that only the data set stands against new clips
        patch.setattr(stages, "_evaluate", interrupted)
        with pytest.raises(KeyboardInterrupt):
            reproduce(out, TINY, roots=roots)
        patch.undo()
        assert not (out / "report.html").exists()
        patch.setattr(command, "PEOPLE_GROUPS", 3)
        report = reproduce(out, TINY, roots=roots)
    assert report == out / "report.html"
    return out


def interrupted(*_: object) -> None:
    raise KeyboardInterrupt


def test_the_report_holds_the_numbers_of_the_result_files(done: Path):
    page = (done / "report.html").read_text(encoding="utf-8")
    files = sorted((done / "results").glob("*.json"))
    own = 4 + 3  # from scratch, one task, other task, all; the last three frozen too
    assert len(files) == 2 + own * 3 + 3  # baselines; EEG, eye, both; with the labels of one person
    for path in files:
        result = json.loads(path.read_text(encoding="utf-8"))
        assert f"{100 * result[SCORE]['window']['value']:.1f}\u00a0% ± " in page
        for tested in result["tests"].values():
            assert f"{100 * tested[SCORE]['window']['value']:.1f}\u00a0% ± " in page
        assert result["n_subjects"] == 2
    assert "A tiny run, for a test." in page
    assert "gaze loss" in page
    assert "network, pretrained on all" in page
    assert "frozen network, pretrained on all" in page
    assert "Labels of few people" in page


def test_new_clips_are_not_tested_where_people_saw_clips_of_their_own(done: Path):
    assert json.loads((done / "settings.json").read_text(encoding="utf-8"))["scale_new_clips"] is False
    assert "New people and new clips" not in (done / "report.html").read_text(encoding="utf-8")


def test_new_clips_are_tested_by_a_protocol_that_leaves_them_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    asked = []
    monkeypatch.setattr(stages, "open_corpus", lambda path: path)
    monkeypatch.setattr(stages, "evaluate", lambda corpus, request, **_: asked.append(request) or {})
    work = stages.Comparison(stand_ins(tmp_path / "data", SMALL.people), SMALL, 1, 0.4, tmp_path, 1)
    for run in work.runs:
        stages._evaluate(work, run)
    new = [request for request, run in zip(asked, work.runs, strict=True) if run.new_clips]
    assert {request.protocol for request in new} == {"leave-clip-out"}
    assert {request.method for request in new} == {*SMALL.baselines, "network", "probe"}
    assert {request.protocol for request in asked if request not in new} == {"loso"}
    trials = [(who, trial) for who in range(5) for trial in range(24)]
    ids = WindowIds(
        subject=np.array([f"seed-iv/{who}" for who, _ in trials]),
        session=np.ones(len(trials), int),
        trial=np.array([trial for _, trial in trials]),
        clip=np.array([f"film {trial}" for _, trial in trials]),
        label=np.array([trial % 4 for _, trial in trials]),
    )
    splits = list(leave_clip_out(ids, 0))
    tested = [who for at in new[0].folds for who in np.unique(ids.subject[splits[at].test])]
    assert sorted(tested) == sorted(set(ids.subject.tolist()))


def test_the_report_needs_nothing_from_elsewhere(done: Path):
    page = (done / "report.html").read_text(encoding="utf-8")
    assert "<script" not in page
    assert 'src="' not in page
    assert "@import" not in page


def test_pretraining_knows_its_people_and_tests_know_their_faults(done: Path):
    result = json.loads((done / "results" / "main_network_all_eeg+eye_seed0.json").read_text(encoding="utf-8"))
    assert result["init"].endswith("all-seed0.pt")
    assert set(result["tests"]) == {"gaze-loss=0.5"}
    assert set(result["missing"]) == {"eeg", "eye"}
    perturbed = json.loads((done / "corpora" / "gaze-loss=0.5" / "manifest.json").read_text(encoding="utf-8"))
    assert any("sees no eyes" in note for note in perturbed["description"]["notes"])


def test_a_finished_comparison_is_only_written_again(done: Path, roots: Path, monkeypatch: pytest.MonkeyPatch):
    for name in ("_build", "_pretrain", "_evaluate"):
        monkeypatch.setattr(stages, name, interrupted)
    (done / "report.html").unlink()
    reproduce(done, TINY, roots=roots)
    assert (done / "report.html").exists()


def test_another_comparison_in_the_same_folder_is_refused(done: Path, roots: Path):
    with pytest.raises(RtemoError, match="begun with other settings"):
        reproduce(done, replace(TINY, hop_s=1.0), roots=roots)


def test_build_takes_faults_from_the_command_line_and_says_so_in_the_manifest(roots: Path, tmp_path: Path):
    command = ["--quiet", "build", "xdf", "--root", str(roots.parent / "one"), "--hop", "4"]
    faults = ["--perturb", "channel-loss=0.5", "--perturb", "emg=30", "--perturb-seed", "7"]
    assert main([*command, *faults, "--out", str(tmp_path / "corpus")]) == 0
    notes = json.loads((tmp_path / "corpus" / "manifest.json").read_text(encoding="utf-8"))["description"]["notes"]
    assert [note for note in notes if note.startswith("perturbed")] == [
        "perturbed: lost EEG channels, half of them flat, half with an open input, 0.5 share of the channels, seed 7",
        "perturbed: bursts of muscle noise, a quarter of the time, 30 uV rms at the muscle, seed 7",
    ]
    assert main([*command, "--perturb", "hail=1", "--out", str(tmp_path / "other")]) == 2
    assert not (tmp_path / "other").exists()


def test_the_command_line_says_in_one_line_what_is_wrong(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["reproduce", "--roots", str(tmp_path / "none.toml"), "--out", str(tmp_path / "out")]) == 2
    assert capsys.readouterr().err.startswith("error: the file of roots")
    assert main(["reproduce", "--synthetic", "--scale", "huge", "--out", str(tmp_path / "out")]) == 2
    assert main(["reproduce", "--seeds", "0", "--scale", "small", "--out", str(tmp_path / "out")]) == 2
    assert not (tmp_path / "out").exists()


def test_the_stages_of_simulated_people_come_in_order_and_hold_a_control(tmp_path: Path):
    scale = replace(SMALL, faults={"emg": (10.0,)})
    work = stages.Comparison(stand_ins(tmp_path / "data", SMALL.people), scale, 1, 0.4, tmp_path, 1)
    groups = list(dict.fromkeys(stage.group for stage in stages.stages_of(work)))
    assert groups == [
        "simulate people",
        "build corpora",
        "build perturbed corpora",
        "pretrain",
        "fit and test baselines",
        "train and test the network",
    ]
    made = [stage.name for stage in stages.stages_of(work) if stage.group == "simulate people"]
    assert made == ["emotion, labelled", "gaze estimation", "attention", "emotion, unlabelled", "control"]
