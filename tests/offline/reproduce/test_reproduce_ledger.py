"""A stage that is done is not done again; what it cost is kept, interruptions included."""

from __future__ import annotations

from pathlib import Path

import pytest

from offline.reproduce.ledger import Ledger, Stage, hold_settings
from rtemo.core.errors import RtemoError


def stage(tmp_path: Path, log: list[str], *, fails: type[BaseException] | None = None) -> Stage:
    def work() -> None:
        log.append("worked")
        if fails is not None:
            raise fails
        (tmp_path / "made").write_text("x")

    return Stage("a b/c", "test", tmp_path / "made", work)


def test_a_done_stage_is_not_done_again_unless_what_it_made_is_gone(tmp_path: Path):
    ledger, log = Ledger(tmp_path / "stages"), []
    assert ledger.run(stage(tmp_path, log))
    assert not ledger.run(stage(tmp_path, log))
    (tmp_path / "made").unlink()
    assert ledger.run(stage(tmp_path, log))
    assert log == ["worked", "worked"]


@pytest.mark.parametrize("fails", [KeyboardInterrupt, OSError])
def test_an_interrupted_stage_is_done_again_and_its_time_counts(tmp_path: Path, fails: type[BaseException]):
    ledger, log = Ledger(tmp_path / "stages"), []
    with pytest.raises(fails):
        ledger.run(stage(tmp_path, log, fails=fails))
    (first,) = ledger.costs()
    assert not first["done"]
    assert ledger.run(stage(tmp_path, log))
    (second,) = ledger.costs()
    assert second["done"]
    assert second["seconds"] > first["seconds"]


def test_a_stage_that_leaves_nothing_behind_is_an_error(tmp_path: Path):
    with pytest.raises(RtemoError, match="did not make"):
        Ledger(tmp_path / "stages").run(Stage("idle", "test", tmp_path / "never", lambda: None))


def test_a_damaged_record_is_named(tmp_path: Path):
    ledger = Ledger(tmp_path / "stages")
    ledger.run(stage(tmp_path, []))
    (path,) = (tmp_path / "stages").glob("*.json")
    path.write_text("{")
    with pytest.raises(RtemoError, match="cannot be read"):
        ledger.run(stage(tmp_path, []))


def test_a_folder_keeps_to_the_settings_it_was_begun_with(tmp_path: Path):
    path = tmp_path / "settings.json"
    hold_settings(path, {"seeds": 1, "faults": {"emg": (1.0,)}})
    hold_settings(path, {"seeds": 1, "faults": {"emg": (1.0,)}})
    with pytest.raises(RtemoError, match="begun with other settings; seeds differ"):
        hold_settings(path, {"seeds": 2, "faults": {"emg": (1.0,)}})
