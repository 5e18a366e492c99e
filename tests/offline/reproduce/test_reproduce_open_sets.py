"""The paper's comparison without any licence, on the open sets' own layouts: AFFEC downstream, three sets before it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from affec_files import affec_files
from test_reproduce_whole import TINY

from offline.corpus.corpus import open_corpus
from offline.reproduce.command import reproduce
from offline.simulated_datasets.bids import RunName, write_dataset, write_run
from offline.simulated_datasets.people import SimulatedPeople
from offline.training.checkpoint import load_checkpoint
from rtemo.core.types import Channel, Chunk, StreamInfo
from rtemo.simulate.plan import PlannedClip, SimulationPlan, segments_for_clips
from rtemo.simulate.session import SimulatedSession
from rtemo.sources.xdf.writer import XdfWriter

SCALE = replace(TINY, people=(3, 2, 2, 2), hop_s=1.0, baselines=("majority",), faults={}, labelled=(), new_clips=False)
LABELS = ("Fp1", "Fp2", "Cz", "O1", "O2", "Pz")


def noise(seconds: float, channels: int, hz: float, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 30, (int(seconds * hz), channels))


def eye_tracking_set(root: Path) -> None:
    """Two people of the consumer-grade set: Muse and a webcam's gaze in pixels."""
    root.mkdir()
    eeg = tuple(Channel(name, "EEG", "microvolts") for name in ("TP9", "AF7", "AF8", "TP10"))
    axes = tuple(Channel(axis, f"Screen{axis.upper()}", "pixels", "both") for axis in "xy")
    for person in (1, 2):
        segments = segments_for_clips([PlannedClip(1, "neutral", 36.0)], 0.0, 0.0)
        seen = SimulatedSession(SimulationPlan(person, person, segments, gaze_rate_hz=25.0)).gaze(0.0, 36.0)
        with XdfWriter(root / f"P{person:03d}_01.xdf") as writer:
            writer.add_stream(StreamInfo("1", "Muse", "EEG", "float32", 256.0, eeg))
            writer.add_stream(StreamInfo("2", "webcam", "Gaze", "float32", 0.0, axes))
            writer.add_stream(StreamInfo("3", "level-1-smooth-markers", "Markers", "string", 0.0, (Channel("state"),)))
            samples = noise(36, 4, 256, person).astype(np.float32)
            writer.write_chunk(Chunk("1", 50 + np.arange(len(samples)) / 256, samples))
            writer.write_chunk(Chunk("2", 50 + seen[0], (seen[1][:, :2] * [1920, 1080]).astype(np.float32)))
            writer.write_chunk(Chunk("3", np.array([52.0, 84.0]), np.array([["moving"], ["stopped"]], object)))


def attention_set(root: Path) -> None:
    """Two people of BBBD: the first session attentive, the second distracted."""
    write_dataset(root, "Attention", ["01", "02"])
    for person in ("01", "02"):
        for session in ("01", "02"):
            samples = noise(40, len(LABELS), 128, int(person) * 10 + int(session))
            write_run(root, RunName(person, "stim01", session), samples, LABELS, 128.0)


def emotion_set(root: Path) -> None:
    """Two people of FACED, of whom the first has the number of a person of the attention set."""
    write_dataset(root, "FACED", ["01", "03"])
    for person in ("01", "03"):
        events = [
            {"onset": 2.0 + 18 * k, "duration": 15.0, "trial_type": "film", "video_index": k + 1, "emotion_label": word}
            | dict.fromkeys(RATINGS.split(), 1.0)
            for k, word in enumerate(("Joy", "Fear"))
        ]
        write_run(root, RunName(person, "film"), noise(40, len(LABELS), 128, 7 + int(person)), LABELS, 128.0, events)


RATINGS = "Joy Tenderness Inspiration Amusement Anger Disgust Fear Sadness Arousal Valence Familiarity Liking"


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("open")
    affec_files(folder / "affec", SimulatedPeople(3, seed=9, scale=0.3), runs=1)
    eye_tracking_set(folder / "eeg-et")
    attention_set(folder / "bbbd")
    emotion_set(folder / "faced")
    (folder / "roots.toml").write_text(
        '[downstream]\ndataset = "affec"\nroot = "affec"\n'
        '[[unlabelled]]\nname = "gaze estimation"\ndataset = "xdf"\nroot = "eeg-et"\npreset = "eeg-et"\n'
        '[[unlabelled]]\nname = "attention"\ndataset = "bids"\nroot = "bbbd"\npreset = "bbbd"\n'
        '[[unlabelled]]\nname = "emotion"\ndataset = "bids"\nroot = "faced"\npreset = "faced"\n'
    )
    reproduce(folder / "out", SCALE, roots=folder / "roots.toml")
    return folder / "out"


def test_the_whole_comparison_runs_on_open_sets_alone(done: Path):
    page = (done / "report.html").read_text(encoding="utf-8")
    for name in ("gaze estimation", "attention", "emotion", "all"):
        assert f"network, pretrained on {name}" in page
    result = json.loads(next((done / "results").glob("main_network_*.json")).read_text())
    assert result["corpus"]["labels"] == ["negative", "neutral", "positive"]
    assert result["n_subjects"] == 2


def test_nobody_is_taken_for_somebody_of_another_set(done: Path):
    people = load_checkpoint(next((done / "checkpoints").glob("all-*.pt")), "pretrain")["people"]
    assert people == ["bbbd/01", "bbbd/02", "eeg-et/P001", "eeg-et/P002", "faced/01", "faced/03"]


def test_gaze_of_the_webcam_is_used(done: Path):
    for shard in open_corpus(done / "corpora" / "gaze-estimation"):
        assert shard.rows["gaze_coverage"].mean() > 0.3
