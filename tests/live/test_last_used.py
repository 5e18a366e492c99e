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


def test_a_model_is_kept_in_a_folder_that_is_made_for_it(tmp_path):
    path, model = tmp_path / "a" / "b" / last_used.MODEL_FILE, tmp_path / "modèle"
    model.mkdir()
    for _ in range(2):  # the folder is there the second time
        last_used.keep_model(path, str(model))
    assert path.read_bytes() == str(model).encode()
    assert last_used.kept_model(path) == model
    last_used.keep_model(path, "")
    assert last_used.kept_model(path) is None


def test_a_disk_that_takes_no_file_is_ignored(tmp_path):
    (tmp_path / "file").write_text("")
    last_used.keep_model(tmp_path / "file" / "model.txt", "/somewhere")
    assert last_used.kept_model(tmp_path / "file" / "model.txt") is None


def test_a_model_that_is_not_there_any_more_or_has_no_full_path_is_forgotten(tmp_path, monkeypatch):
    (tmp_path / "model").mkdir()
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "kept.txt"
    for text, found in [
        (f" {tmp_path / 'model'}\n", tmp_path / "model"),
        (str(tmp_path / "gone"), None),
        ("model", None),
    ]:
        path.write_text(text, encoding="utf-8")
        assert last_used.kept_model(path) == found
    path.write_bytes(b"/caf\xe9")
    assert last_used.kept_model(path) is None
