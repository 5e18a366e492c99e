"""Options of `rtemo app` where an engine runs already: obeyed or refused, never left out silently."""

from __future__ import annotations

import pytest

from rtemo.cli import main
from rtemo.commands.session import app


@pytest.fixture
def opened(monkeypatch):
    """What the window would be opened with, on an engine that runs."""
    found = []
    monkeypatch.setattr(app, "engine_runs", lambda _launch: True)
    monkeypatch.setattr(app, "open_window", lambda *args, **more: found.append((args, more)) or 0)
    return found


@pytest.mark.parametrize("option", ["--model", "--person"])
def test_a_running_engine_refuses_another_model_aloud(option, opened, tmp_path, capsys):
    path = tmp_path / "file.json"
    path.write_text("{}")
    assert main(["app", option, str(path)]) == 2
    assert "an engine runs already" in capsys.readouterr().err
    assert opened == []


def test_a_running_engine_is_given_the_settings(opened, tmp_path):
    path = tmp_path / "lab.toml"
    path.write_text("[session]\nbaseline_s = 90.0\n")
    assert main(["app", "--settings", str(path)]) == 0
    assert opened[0][1]["settings"] == path.read_text()
