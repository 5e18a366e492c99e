"""Result files, kept folds and records of stages: what is wrong with one is one clear error."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hostile_documents import JSON_TEXTS, changed, damaged, json_bytes, outcome, refused
from hypothesis import given
from hypothesis import strategies as st

from offline.evaluation.compare import compare, read_result
from offline.evaluation.folds import FoldOutcome, WindowPredictions, read_outcome, write_outcome
from offline.reproduce.ledger import Ledger, Stage, hold_settings
from offline.training.training_log import TrainingLog
from rtemo.core.errors import RtemoError

SCORE = {"balanced_accuracy": 0.5, "accuracy": 0.5}
RESULT = {
    "protocol": "loso",
    "method": "de-lr",
    "seed": 0,
    "chance": 0.25,
    "init": None,
    "train_subjects": None,
    "modalities": ["eeg"],
    "corpus": {"fingerprint": "f", "name": "c"},
    "versions": {"rtemo": "1"},
    **{score: {"window": {"value": 0.1, "low": 0.0}} for score in ("ece", "nll")},
    "per_subject": [{"subject": who, "window": SCORE, "trial": SCORE} for who in ("a", "b")],
}


@pytest.mark.parametrize("text", JSON_TEXTS)
def test_what_is_no_json_is_refused(text, tmp_path):
    path = tmp_path / "document.json"
    path.write_bytes(text)
    refused(lambda: read_result(path))
    (tmp_path / "stages").mkdir()
    (tmp_path / "stages" / "g_n.json").write_bytes(text)
    refused(lambda: Ledger(tmp_path / "stages").run(Stage("n", "g", tmp_path, lambda: None)))
    refused(lambda: Ledger(tmp_path / "stages").costs())
    refused(lambda: hold_settings(path, {"seeds": 1}))


@given(st.one_of(changed(RESULT).map(json_bytes), damaged(json_bytes(RESULT))))
def test_a_result_with_anything_changed_is_compared_or_refused(tmp_path_factory, text):
    path = tmp_path_factory.mktemp("result") / "result.json"
    path.write_bytes(text)
    outcome(lambda: compare([path]), str)


def test_a_log_whose_lines_are_nested_without_end_is_refused(tmp_path):
    path = tmp_path / "log.jsonl"
    path.write_text('{"step": 1}\n' + "[" * 100_000 + "\n", encoding="utf-8")
    with pytest.raises(RtemoError, match="the log"):
        TrainingLog(path, 5, None)


def kept_fold(path, **changes):
    """A kept fold with other arrays."""
    one = WindowPredictions(
        np.array(["a"]), np.array(["1"]), np.zeros(1, int), np.zeros(1, int), np.ones((1, 1)), np.ones((1, 1, 1), bool)
    )
    write_outcome(path, FoldOutcome("f", one, {"only eeg": one}, {"other": 0.5}, True, {"train": 1}, 1.0, 2.0))
    with np.load(path) as stored:
        arrays = {**stored, **changes}
    np.savez(path, **{name: value for name, value in arrays.items() if value is not None})
    return path


def test_a_kept_fold_is_read_back_or_refused(tmp_path):
    whole = read_outcome(kept_fold(tmp_path / "f.npz"))
    assert (whole.name, whole.temperature, list(whole.others)) == ("f", 1.0, ["only eeg"])
    plain = {"name": "f", "auroc": {}, "promised": True, "counts": {}, "temperature": 1.0, "seconds": 1.0}
    for change in (
        {"plain": None},
        {"plain": np.array("[" * 50_000)},
        {"plain": np.array(json.dumps({**plain, "temperature": "warm"}))},
        {"plain": np.array(json.dumps({"name": "f"}))},
        {"main|labels": None},
        {"other only eeg|sets": None},
    ):
        refused(lambda change=change: read_outcome(kept_fold(tmp_path / "g.npz", **change)))
