"""Where the settings of the last session lie."""

from pathlib import Path

from rtemo.live import last_used


def test_they_lie_in_a_folder_of_rtemos_own_without_its_author(monkeypatch):
    asked = []

    def user_config_path(*names, **more):
        asked.append((names, more))
        return Path("config") / names[0]

    monkeypatch.setattr(last_used.platformdirs, "user_config_path", user_config_path)
    found = last_used.last_settings()
    assert found.parent == Path("config/rtemo")
    assert found.suffix == ".toml"
    assert asked == [(("rtemo",), {"appauthor": False})]
