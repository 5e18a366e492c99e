"""Checkpoints that are not as they were written: one clear error, or what they still say."""

from __future__ import annotations

import zipfile
from dataclasses import asdict

import pytest
import torch
from hostile_documents import changed, damaged, outcome
from hypothesis import given
from hypothesis import strategies as st

from offline.training.checkpoint import load_checkpoint, save_checkpoint
from offline.training.initial_weights import PRETRAIN, InitialWeights, read_initial
from offline.training.training_run import KIND
from rtemo.core.settings import PipelineSettings
from rtemo.model.network import NetworkConfig

ABOUT = {
    "settings": {"network": asdict(NetworkConfig()), "seed": 1},
    "pipeline": PipelineSettings().to_dict(),
    "people": ["a/1", "b/2"],
    "clips": ["film"],
    "corpora": [{"fingerprint": "0", "said": "elsewhere: 1 people"}],
    "network": {"weight": 1},
}
OWN = {
    **{name: ABOUT[name] for name in ("settings", "pipeline", "people")},
    "origin": ["x"],
    "said": "y",
    "best": ABOUT,
}


@pytest.mark.parametrize(("kind", "about"), [(PRETRAIN, ABOUT), (KIND, OWN)])
def test_changed_descriptions_are_refused_or_read(tmp_path, kind, about):
    path = tmp_path / "c.pt"
    whole = {**about, "network": {"weight": torch.ones(2)}}
    save_checkpoint(path, kind, {**whole, "best": whole})
    assert read_initial(path).people == ("a/1", "b/2")

    @given(changed(about))
    def check(document):
        best = document.get("best") if kind == KIND else document
        if isinstance(best, dict) and best.get("network") == {"weight": 1}:
            best["network"] = {"weight": torch.ones(2)}
        save_checkpoint(path, kind, document)
        outcome(lambda: read_initial(path), InitialWeights)

    check()


@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
def test_damaged_archives_are_refused_or_read(tmp_path):
    path = tmp_path / "c.pt"
    save_checkpoint(path, PRETRAIN, {"a": torch.ones(3), "b": [1, "x", {"k": 2.0}]})
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    pickled = next(name for name in parts if name.endswith("data.pkl"))

    @given(damaged(parts[pickled]), st.booleans())
    def check(content, bare):
        if bare:
            path.write_bytes(content)
        else:
            with zipfile.ZipFile(path, "w") as archive:
                for name, part in parts.items():
                    archive.writestr(name, content if name == pickled else part)
        outcome(lambda: load_checkpoint(path, PRETRAIN), dict)

    @given(damaged(path.read_bytes()))
    def check_archive(content):
        path.write_bytes(content)
        outcome(lambda: load_checkpoint(path, PRETRAIN), dict)

    check()
    check_archive()
