"""A bundle that cannot be written leaves nothing behind, and the first error is the one that is raised."""

from __future__ import annotations

import shutil

import pytest

from rtemo.core.errors import RtemoError
from rtemo.model.bundle import write_bundle


@pytest.mark.parametrize("removes", [False, True])
def test_what_fails_on_the_way_is_raised_and_leaves_no_folder(tmp_path, spec, parts, removes):
    heads, familiar, weights, _, card = parts

    def write_onnx(path):
        if removes:
            shutil.rmtree(path.parent)  # as a disk does that goes away
        raise OSError("the disk is full")

    with pytest.raises(OSError, match="the disk is full"):
        write_bundle(tmp_path / "new" / "one", spec, heads, familiar, weights, write_onnx, card)
    assert list((tmp_path / "new").iterdir()) == []


def test_what_an_interrupted_run_left_is_taken_away_and_nothing_is_overwritten(tmp_path, spec, parts, bundle):
    left = tmp_path / ".one.partial"
    left.mkdir()
    (left / "old").write_text("x")
    heads, familiar, weights, _, card = parts
    same = (spec, heads, familiar, weights, lambda path: shutil.copy(bundle.onnx_path, path), card)
    written = write_bundle(tmp_path / "one", *same)
    assert not left.exists()
    assert {path.name for path in tmp_path.iterdir()} == {"one"}
    assert not (written.path / "old").exists()
    with pytest.raises(RtemoError, match="exists already"):
        write_bundle(tmp_path / "one", *same)
