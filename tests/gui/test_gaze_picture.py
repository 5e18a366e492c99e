"""The picture under the gaze: the running condition's, where the screen has it; without one, that is said."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtCore import QSize
from PySide6.QtGui import QColor, QImage
from scripted import feed, replay, snapshot

from rtemo.core.channel_map import Scene, Screen
from rtemo.gui.dialogs.screen_page import ScreenPage
from rtemo.gui.painting.colours import DARK
from rtemo.gui.stimulus.picture_choice import choose_picture, running_at
from rtemo.gui.stimulus.picture_loader import MOST, PictureLoader
from rtemo.live.service.snapshot import Phase
from rtemo.sources.session_settings import SessionSettings, parse_settings, settings_text
from rtemo.sources.stimulus_settings import PIXEL_FOR_PIXEL, Stimulus

SCREEN = Screen(1600, 1000, 480.0, 300.0)


@pytest.fixture
def window(window):
    window.resize(1600, 900)
    return window


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "films"
    made.mkdir()
    for name, shade in (("Film_1.png", "#c02020"), ("film 2.png", "#2020c0")):
        image = QImage(800, 1000, QImage.Format.Format_RGB32)
        image.fill(QColor(shade))
        image.save(str(made / name))
    (made / "broken.png").write_bytes(b"no picture")
    return made


def asked(folder, **more):
    return settings_text(SessionSettings(screen=SCREEN, stimulus=Stimulus(str(folder), **more)))


def marker(time_s, text):
    return {"time_s": time_s, "kind": "marker", "text": text, "stream": "m"}


def shown(window):
    """The colour of the gaze view at some places of the screen, from its left edge to its right one."""
    view = window.views.gaze
    view._pictures.wait()
    feed(window)
    image, screen = view.grab().toImage(), view._screen()
    ratio = image.width() / view.width()
    at = [(screen.left() + share * screen.width(), screen.top() + 0.1 * screen.height()) for share in (0.1, 0.4)]
    return [image.pixelColor(int(x * ratio), int(y * ratio)) for x, y in at]


def is_reddish(shade):
    return shade.red() > 2 * max(shade.green(), shade.blue()) > 0


def is_bluish(shade):
    return shade.blue() > 2 * max(shade.green(), shade.red())


def test_the_picture_of_the_running_condition_lies_on_the_screen_and_goes_with_it(window, folder):
    settings = asked(folder)
    feed(window, snapshot(settings=settings, gaze_valid=(True,) * 20, events=(marker(99.0, "film 1 start id=7"),)))
    left, middle = shown(window)
    assert is_reddish(middle)
    assert left == QColor(DARK.window)  # 800 x 1000 on a screen of 1600 x 1000: beside it there is nothing
    marks = (marker(100.2, "film 1 end"), marker(100.3, "film 2 start"))
    feed(window, snapshot(seq=2, settings=settings, time_s=100.1, gaze_valid=(True,) * 20, events=marks))
    assert is_bluish(shown(window)[1])
    feed(window, snapshot(seq=3, settings=settings, time_s=101.0, events=(marker(100.9, "film 2 end"),)))
    assert shown(window)[1] == QColor(DARK.window)
    assert window.views.gaze.picture.missing == ""  # nothing is expected


@pytest.mark.parametrize(
    ("begun", "why"), [("film 9", "No picture for film 9"), ("broken", "broken.png cannot be read")]
)
def test_a_picture_that_is_not_there_is_none_and_said(window, folder, begun, why):
    before = snapshot(settings=asked(folder), gaze_valid=(True,) * 20)
    feed(window, before)
    image = window.views.gaze.grab().toImage()
    feed(window, replace(before, seq=2, events=(marker(100.0, f"{begun} start"),)))
    assert shown(window) == [QColor(DARK.window)] * 2
    assert why in window.views.gaze.picture.missing
    assert window.views.gaze.grab().toImage() != image


def test_a_place_that_is_not_there_is_said_at_once_and_one_picture_is_always_the_one(window, folder):
    feed(window, snapshot(settings=asked(folder / "none"), gaze_valid=(True,) * 20))
    shown(window)
    assert "there is no" in window.views.gaze.picture.missing
    feed(window, snapshot(seq=2, settings=asked(folder / "film 2.png"), gaze_valid=(True,) * 20))
    assert is_bluish(shown(window)[1])
    feed(window, snapshot(seq=3, settings=asked(""), gaze_valid=(True,) * 20))
    assert shown(window)[1] == QColor(DARK.window)


def test_in_a_replay_the_picture_follows_the_play_head_back(window, folder):
    events = (marker(81.0, "film 1 start"), marker(90.0, "film 1 end"), marker(91.0, "film 2 start"))
    settings, gaze = asked(folder), (True,) * 20
    feed(window, snapshot(settings=settings, gaze_valid=gaze, events=events, **replay(15.0)))
    assert is_bluish(shown(window)[1])
    feed(window, snapshot(seq=2, settings=settings, gaze_valid=gaze, **replay(4.0)))
    assert is_reddish(shown(window)[1])


def test_geometry_is_that_of_the_settings(window, folder):
    view = window.views.gaze
    feed(window, snapshot(settings=asked(folder / "film 2.png", size=PIXEL_FOR_PIXEL), gaze_valid=(True,) * 20))
    shown(window)
    screen = view._screen()
    assert screen.width() / screen.height() == pytest.approx(1.6)
    place = view.picture_place(screen)
    assert (place.width() / screen.width(), place.height() / screen.height()) == pytest.approx((0.5, 1.0))
    assert place.center() == screen.center()
    scene = SessionSettings(scene=Scene(1600, 1200, 100.0, 75.0), stimulus=Stimulus(str(folder / "film 2.png")))
    feed(window, snapshot(seq=2, settings=settings_text(scene), gaze_valid=(True,) * 20))
    screen = view._screen()
    assert screen.width() / screen.height() == pytest.approx(4 / 3)
    place = view.picture_place(screen)
    assert place.width() / place.height() == pytest.approx(0.8)
    assert place.height() == pytest.approx(screen.height())


def test_a_huge_picture_is_read_no_larger_than_the_window_can_show(tmp_path, qtbot):
    image = QImage(5000, 2000, QImage.Format.Format_RGB32)
    image.fill(QColor("#405060"))
    image.save(str(tmp_path / "wide.jpg"))
    loader = PictureLoader()
    loader.ask(str(tmp_path / "wide.jpg"), ())
    loader.wait()
    assert loader.shown.size == QSize(5000, 2000)
    assert loader.shown.image.width() <= MOST.width()


def test_the_condition_that_began_last_has_the_picture_where_it_has_one(folder):
    marks = [marker(1.0, "film 1 start"), marker(2.0, "question start"), marker(5.0, "film 1 end")]
    assert running_at(marks, 3.0) == ("question", "film 1")
    assert running_at(marks, 6.0) == ("question",)
    assert running_at([], np.inf) == ()
    assert running_at([marker(1.0, "faces"), marker(2.0, "houses")], np.inf) == ("houses",)  # one after the other
    assert running_at([marker(1.0, "faces"), *marks], 3.0) == ("question", "film 1")
    assert choose_picture(folder, ("question", "FILM  1"))[0] == folder / "Film_1.png"
    assert choose_picture(folder, ()) == (None, "")


def test_the_settings_keep_the_pictures_and_the_page_edits_them(qtbot):
    stimulus = Stimulus("/data/films", PIXEL_FOR_PIXEL)
    kept = parse_settings(settings_text(SessionSettings(stimulus=stimulus)))
    assert kept.stimulus == stimulus
    assert "stimulus" not in settings_text(SessionSettings())
    page = ScreenPage(Screen(), None, DARK, kept.stimulus)
    qtbot.addWidget(page)
    assert page.stimulus_entered == stimulus
    page.stimulus.pictures.clear()
    assert page.stimulus_entered.pictures == ""


def test_a_session_without_pictures_loads_nothing(window):
    feed(window, snapshot(Phase.PREVIEW, gaze_valid=(True,) * 20, events=(marker(99.0, "film 1 start"),)))
    assert window.views.gaze._pictures._thread is None
