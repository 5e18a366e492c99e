"""The dialog of outputs: what is entered reaches the engine, and how each output stands is in sight."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from scripted import RECORDING, feed, snapshot

from rtemo.gui.outputs import words
from rtemo.live.service.snapshot import OutputView, Phase
from rtemo.sources.output_settings import NetworkAddress, OutputSettings
from rtemo.sources.session_settings import SessionSettings, parse_settings, settings_text

OSC = NetworkAddress.parse("127.0.0.1:9000")


def opened(window, outputs=(), wanted=None, **more):
    settings = SessionSettings(task="films", outputs=wanted or OutputSettings())
    feed(window, snapshot(settings=settings_text(settings), outputs=outputs, **more))
    QTest.keyClick(window, Qt.Key.Key_U, Qt.KeyboardModifier.ControlModifier)
    return window.dialogs.open["outputs"]


def rows(dialog):
    table = dialog.table
    return [[table.item(r, c).text() for c in range(table.columnCount())] for r in range(table.rowCount())]


def test_what_is_entered_is_sent_with_everything_else_as_it_was(window, tmp_path):
    script = tmp_path / "beside.py"
    script.write_text("")
    dialog = opened(window)
    QTest.keyClicks(dialog.addresses["osc"], "127.0.0.1:9000")
    QTest.keyClicks(dialog.addresses["websocket"], "8765")
    QTest.keyClicks(dialog.outlet_name, "lab")
    dialog.script.setText(str(script))
    QTest.mouseClick(dialog.use_button, Qt.MouseButton.LeftButton)
    ((command, arguments),) = window.client.sent
    found = parse_settings(arguments["settings"])
    assert command == "describe"
    assert found.task == "films"
    assert found.outputs == OutputSettings(
        osc=OSC, websocket=NetworkAddress("127.0.0.1", 8765), outlet_name="lab", script=str(script)
    )


@pytest.mark.parametrize(
    ("field", "text", "why"),
    [
        ("osc", "nowhere", "HOST:PORT"),
        ("remote", "192.0.2.7:22345", "network is allowed"),
        ("script", "/no/file.py", "no file"),
    ],
)
def test_what_cannot_be_right_is_said_and_not_sent(window, field, text, why):
    dialog = opened(window)
    (dialog.script if field == "script" else dialog.addresses[field]).setText(text)
    dialog.use_button.click()
    assert why in dialog.message.text()
    assert window.client.sent == []


def test_the_states_are_in_sight_also_of_what_could_not_be_opened(window):
    wanted = OutputSettings(osc=OSC, websocket=NetworkAddress("127.0.0.1", 8765))
    working = OutputView("OSC 127.0.0.1:9000", "working", "", 1200, 0)
    dialog = opened(window, (working,), wanted)
    assert rows(dialog) == [
        ["OSC 127.0.0.1:9000", "working", "1,200", ""],
        ["WebSocket 127.0.0.1:8765", words.NOT_OPEN, "", words.NOT_OPEN_WHY],
    ]
    assert "WebSocket 127.0.0.1:8765 not open" in window.views.status.outputs.text()
    behind = OutputView("OSC 127.0.0.1:9000", "behind", "slow", 1210, 5)
    both = (behind, OutputView("WebSocket 127.0.0.1:8765", "working", "", 3, 0))
    session = {"recorder": RECORDING, "started_s": 40.0, "subject": "P07"}
    feed(window, snapshot(Phase.RUNNING, seq=2, outputs=both, **session))
    assert rows(dialog)[0] == ["OSC 127.0.0.1:9000", "behind", "1,210, 5 dropped", "slow"]
    assert rows(dialog)[1][1] == "working"
    assert not dialog.use_button.isEnabled()
    assert "running" in dialog.message.text()


def test_without_outputs_nothing_is_shown_of_them(window):
    dialog = opened(window)
    assert rows(dialog) == []
    assert window.views.status.outputs.text() == ""
