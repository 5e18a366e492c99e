"""Session settings in TOML."""

import pytest
from hostile_documents import TOML_TEXTS, changed, damaged, outcome, refused, toml_bytes
from hypothesis import given
from hypothesis import strategies as st

from rtemo.core.channel_map import Scene, Screen
from rtemo.core.errors import RtemoError
from rtemo.core.types import Modality
from rtemo.sources.session_settings import (
    SessionSettings,
    parse_settings,
    read_settings,
    settings_document,
    settings_text,
)
from rtemo.sources.stream_choice import StreamQuery

EVERYTHING = SessionSettings(
    subject="P 7",
    notes='two "lines"\nof notes',
    queries={Modality.GAZE: StreamQuery(name="Eye, left", hostname="lab-2")},
    eeg_map={"1": "Fp1", "a = b": ""},
    gaze_map={"3": "left_x"},
    units={Modality.EEG: "mV", Modality.GAZE: "pixels"},
    screen=Screen(width_px=2560, distance_mm=600.5),
    scene=Scene(1600, 1200, 103.0, 77.0),
    required=(Modality.EEG, Modality.MARKERS),
    annotations=("Look", "Cough"),
    baseline_s=90.0,
)


def written(tmp_path, text):
    path = tmp_path / "session.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_everything_that_can_be_set_is_read(tmp_path):
    settings = read_settings(
        written(
            tmp_path,
            '[session]\nsubject = "P01"\nnotes = "first"\n[eeg]\nquery = "name=Amp"\n[eeg.map]\n1 = "Fp1"\nEXG5 = ""\n'
            '[gaze.map]\n1 = "left_x"\n[markers]\nquery = "type=Markers"\n'
            "[screen]\nwidth_px = 2560\ndistance_mm = 600.5\n",
        )
    )
    assert settings.subject == "P01"
    assert settings.notes == "first"
    assert settings.queries == {
        Modality.EEG: StreamQuery(name="Amp"),
        Modality.MARKERS: StreamQuery(type="Markers"),
    }
    assert settings.eeg_map == {"1": "Fp1", "EXG5": ""}
    assert settings.gaze_map == {"1": "left_x"}
    assert settings.screen == Screen(width_px=2560, distance_mm=600.5)


def test_what_was_written_is_read_back():
    assert parse_settings(settings_text(EVERYTHING)) == EVERYTHING
    assert parse_settings(settings_text(SessionSettings())) == SessionSettings()


def test_an_empty_file_sets_nothing(tmp_path):
    assert read_settings(written(tmp_path, "")) == SessionSettings()


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("[eye]\n", "eye"),
        ('[eeg]\nstream = "x"\n', "eeg.stream"),
        ("[session]\nsubject = 7\n", "session.subject"),
        ("[eeg.map]\n1 = 2\n", "eeg.map"),
        ('[screen]\nwidth_px = "wide"\n', "screen.width_px"),
        ("[screen]\nwidth_px = 0\n", "screen"),
        ("subject = 1\n", "subject"),
        ('[eeg]\nquery = "colour=red"\n', "query"),
        ("not toml", "settings"),
        ('[eeg]\nunit = "apples"\n', "eeg.unit"),
        ('[gaze]\nunit = "mm"\n', "gaze.unit"),
        ("[scene]\nwidth_px = 1\n", "scene"),
        ("[scene]\nwidth_px = 9\nheight_px = 9\nwidth_deg = 500\nheight_deg = 9\n", "scene"),
        ('[session]\nrequired = ["nose"]\n', "session.required"),
        ('[session]\nannotations = ["a", "a"]\n', "session.annotations"),
        ('[session]\nannotations = ["1","2","3","4","5","6","7","8","9"]\n', "session.annotations"),
        ("[session]\nbaseline_s = 5\n", "session.baseline_s"),
    ],
)
def test_what_is_not_right_is_refused_with_its_key(tmp_path, text, key):
    with pytest.raises(RtemoError, match=key):
        read_settings(written(tmp_path, text))


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(RtemoError, match=r"missing\.toml"):
        read_settings(tmp_path / "missing.toml")


@pytest.mark.parametrize("text", TOML_TEXTS, ids=range(len(TOML_TEXTS)))
def test_hostile_texts_are_refused(tmp_path, text):
    path = tmp_path / "session.toml"
    path.write_bytes(text)
    refused(lambda: read_settings(path))


@given(st.one_of(changed(settings_document(EVERYTHING)).map(toml_bytes), damaged(settings_text(EVERYTHING).encode())))
def test_changed_settings_are_refused_or_read(text):
    outcome(lambda: parse_settings(text.decode("utf-8", "replace")), SessionSettings)
