"""Keys that a focused control uses itself are the control's, and no shortcut of the window.

The window has shortcuts of one key (Space, arrows): without this rule they would take the keys from the buttons and the
lists that are reached by Tab.
"""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QAbstractButton, QAbstractItemView, QAbstractSlider, QApplication, QComboBox, QWidget

_K = Qt.Key
PRESS = frozenset({_K.Key_Space, _K.Key_Select})
MOVE = frozenset({_K.Key_Left, _K.Key_Right, _K.Key_Up, _K.Key_Down, _K.Key_Home, _K.Key_End})
PAGE = frozenset({_K.Key_PageUp, _K.Key_PageDown})
BY_KIND = (
    (QAbstractButton, PRESS),
    (QComboBox, PRESS | MOVE | PAGE),
    (QAbstractItemView, PRESS | MOVE | PAGE),
    (QAbstractSlider, MOVE | PAGE),
)


def own_keys(widget: QWidget) -> frozenset[Qt.Key]:
    """The keys that a control uses: by its kind, or as its attribute `own_keys` lists them."""
    listed = getattr(widget, "own_keys", None)
    if listed is not None:
        return frozenset(listed)
    return next((keys for kind, keys in BY_KIND if isinstance(widget, kind)), frozenset())


class KeysFirst(QObject):
    """Watches the control that has the keyboard, and nothing else."""

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        QApplication.instance().focusChanged.connect(self._follow)

    def _follow(self, before: QWidget | None, now: QWidget | None) -> None:
        if before is not None:
            before.removeEventFilter(self)
        if now is not None and own_keys(now):
            now.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent):
            held = event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier
            if held == Qt.KeyboardModifier.NoModifier and Qt.Key(event.key()) in own_keys(watched):
                event.accept()
                return True
        return False
