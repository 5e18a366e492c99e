"""The editors of the session's settings: channels, screen, session; loaded, saved, refused."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QPointF, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLabel
from scripted import snapshot, stream

from rtemo.core.channel_map import Scene, Screen
from rtemo.core.types import Modality
from rtemo.gui.dialogs.column_edits import ColumnMap, eeg_problems, electrodes, gaze_problems
from rtemo.gui.dialogs.column_table import USE, WHY
from rtemo.gui.dialogs.settings_dialog import GAZE, SCREEN, SESSION, SettingsDialog
from rtemo.gui.painting.colours import DARK
from rtemo.gui.painting.theme import apply_theme
from rtemo.live.service.snapshot import ColumnStatus
from rtemo.sources.session_settings import SessionSettings, parse_settings, settings_text
from rtemo.sources.stream_choice import StreamQuery

EVIL = "<b>Cz</b>"


def columns(*uses, why="10-05 names"):
    return tuple(ColumnStatus(label, "EEG", "microvolts", use, why) for label, use in uses)


CAP = columns(("Fp1", "Fp1"), ("Fp2", "Fp2"), ("C3", "C3"), ("C4", "C4"), ("EXG5", ""), (EVIL, ""))
TRACKER = columns(("lx", "left_x"), ("ly", "left_y"), ("pupil", "left_pupil"), ("frame", ""))
STREAMS = (stream("eeg", columns=CAP), stream("gaze", columns=TRACKER))


@pytest.fixture
def applied():
    return []


@pytest.fixture
def dialog(qtbot, applied):
    kept = []  # Qt deletes what nobody holds

    def make(settings=None, streams=STREAMS):
        apply_theme(QApplication.instance(), DARK)
        shown = snapshot(streams=streams, settings=settings_text(settings or SessionSettings()))
        found = SettingsDialog(shown, DARK, applied.append, None)
        qtbot.addWidget(found)
        found.show()
        kept.append(found)
        return found

    return make


def cell(page, row, column):
    return page.table.index(row, column).data()


def test_a_mapping_keeps_what_it_was_given_and_what_is_changed():
    names = ColumnMap(CAP, {"EXG5": "Cz", "1": "", "nothing": "Pz"})
    assert [names.use(row) for row in range(6)] == ["", "Fp2", "C3", "C4", "Cz", ""]
    assert names.names == {"Fp1": "", "EXG5": "Cz"}
    names.assign(5, " Oz ")
    names.reset(0)
    assert names.names == {"EXG5": "Cz", EVIL: "Oz"}
    assert names.was_reset(0)  # only the engine can say what the profile makes of it
    names.clear()
    assert names.names == {}


def test_channels_that_share_a_label_are_told_apart_by_their_number():
    twins = columns(("EEG", "Fp1"), ("EEG", "Fp2"), ("7", "C3"), ("", "C4"))
    names = ColumnMap(twins, {})
    for row in range(4):
        names.assign(row, "Oz")
    assert list(names.names) == ["1", "2", "7", "4"]
    assert ColumnMap(twins, names.names).names == names.names


@pytest.mark.parametrize(
    ("changes", "problems"),
    [
        ({}, {}),
        ({4: "Cz"}, {}),
        ({4: "Nose"}, {4: "not a 10-05 name"}),
        ({4: "C3"}, {4: "the same electrode as channel 3"}),
        ({0: ""}, {-1: "at least 4 electrodes are needed"}),
    ],
)
def test_what_cannot_be_an_electrode_is_named(changes, problems):
    names = ColumnMap(CAP, {})
    for row, name in changes.items():
        names.assign(row, name)
    assert eeg_problems(names) == problems


def test_gaze_needs_both_axes_and_each_use_once():
    names = ColumnMap(TRACKER, {})
    assert gaze_problems(names) == {}
    names.assign(3, "left_x")
    assert gaze_problems(names) == {3: "channel 1 is left_x already"}
    names.assign(3, "right_y")
    assert gaze_problems(names) == {3: "right_y needs right_x too"}


def test_an_electrode_is_given_out_by_a_click_on_the_head(dialog, applied):
    page = dialog().eeg
    page.view.selectRow(4)
    spot = page.head.place("Cz").toPoint()
    QTest.mouseClick(page.head, Qt.MouseButton.LeftButton, pos=spot)
    assert cell(page, 4, USE) == "Cz"
    assert page.view.currentIndex().row() == 5  # the next one
    QTest.mouseClick(page.head, Qt.MouseButton.LeftButton, pos=page.head.place("Pz").toPoint())
    assert page.names == {"EXG5": "Cz", EVIL: "Pz"}
    assert page.problem == ""


def test_every_electrode_of_the_map_can_be_hit_and_lies_inside(dialog):
    head = dialog().eeg.head
    for name in electrodes():
        at = head.place(name)
        assert head.name_at(at) == name
        assert head.rect().contains(at.toPoint())
    assert head.name_at(QPointF(1, 1)) == ""


def test_a_channel_is_named_by_typing_and_a_wrong_name_is_refused(dialog, applied):
    found = dialog()
    page = found.eeg
    page.table.setData(page.table.index(4, USE), "Nose")
    assert cell(page, 4, WHY) == "not a 10-05 name"
    found.accept_button.click()
    assert applied == []
    assert "Channel 5" in found.message.text()
    page.table.setData(page.table.index(4, USE), "Oz")
    found.accept_button.click()
    assert parse_settings(applied[0]).eeg_map == {"EXG5": "Oz"}


def test_a_channel_is_ignored_and_taken_back(dialog):
    page = dialog().eeg
    page.view.selectRow(1)
    page.ignore.click()
    assert page.names == {"Fp2": ""}
    page.reset.click()
    assert page.names == {}
    assert cell(page, 1, USE) == "Fp2"


def test_naming_one_column_of_gaze_names_those_that_are_used(dialog, applied):
    """With a map of its own a gaze stream uses the named columns and no others."""
    found = dialog()
    found.tabs.setCurrentIndex(GAZE)
    found.gaze.view.selectRow(2)
    found.gaze.ignore.click()
    found.gaze.unit.setCurrentText("pixels")
    found.accept_button.click()
    settings = parse_settings(applied[0])
    assert settings.gaze_map == {"lx": "left_x", "ly": "left_y", "pupil": ""}
    assert settings.units == {Modality.GAZE: "pixels"}


def test_the_screen_tells_its_size_in_degrees_and_gives_way_to_a_scene_camera(dialog, applied):
    found = dialog()
    found.tabs.setCurrentIndex(SCREEN)
    page = found.screen_page
    page.width_mm.setValue(600.0)
    page.distance_mm.setValue(700.0)
    assert page.screen_entered == Screen(width_mm=600.0, distance_mm=700.0)
    assert not found.grab().isNull()
    page.in_scene.setChecked(True)
    page.scene_width_deg.setValue(90.0)
    assert not page.width_mm.isEnabled()
    assert not found.grab().isNull()
    found.accept_button.click()
    settings = parse_settings(applied[0])
    assert settings.scene == Scene(1600, 1200, 90.0, 77.0)
    assert settings.screen.width_mm == 600.0


def test_required_streams_keys_and_baseline_are_set(dialog, applied):
    found = dialog()
    found.tabs.setCurrentIndex(SESSION)
    page = found.session
    page.required[Modality.EEG].setChecked(True)
    page.baseline.setValue(90)
    page.labels[0].setText("Cough")
    page.labels[1].setText("Cough")
    found.accept_button.click()
    assert applied == []
    page.labels[1].setText("")
    found.accept_button.click()
    settings = parse_settings(applied[0])
    assert settings.required == (Modality.EEG,)
    assert settings.annotations == ("Cough", "Speech", "Break")
    assert settings.baseline_s == 90.0


def test_what_the_dialog_does_not_show_is_kept(dialog, applied):
    before = SessionSettings(
        subject="P9", queries={Modality.EEG: StreamQuery(name="Amp")}, eeg_map={"9": "Oz"}, units={Modality.EEG: "V"}
    )
    found = dialog(before, streams=())
    found.accept_button.click()
    assert parse_settings(applied[0]) == before


def test_settings_are_saved_and_loaded(dialog, tmp_path):
    path = tmp_path / "lab.toml"
    first = dialog()
    first.eeg.table.setData(first.eeg.table.index(4, USE), "Oz")
    first.save_file(path)
    assert parse_settings(path.read_text()).eeg_map == {"EXG5": "Oz"}
    second = dialog()
    second.load_file(path)
    assert cell(second.eeg, 4, USE) == "Oz"
    path.write_text("[screen]\nwidth_px = 'wide'\n")
    second.load_file(path)
    assert "screen.width_px" in second.message.text()
    assert cell(second.eeg, 4, USE) == "Oz"


def test_names_from_the_network_stay_text(dialog):
    found = dialog(streams=(stream("eeg", name=EVIL, why=EVIL, columns=CAP),))
    assert all(label.textFormat() == Qt.TextFormat.PlainText for label in found.findChildren(QLabel) if label.text())
    tip = found.eeg.table.index(5, 1).data(Qt.ItemDataRole.ToolTipRole)
    assert "&lt;b&gt;" in tip
