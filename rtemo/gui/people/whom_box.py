"""A choice among several participants, or all of them; hidden where nobody is told apart."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QComboBox

from rtemo.gui.people import words
from rtemo.live.service.snapshot import ParticipantView


class WhomBox(QComboBox):
    """`participant`: who is chosen; empty for everybody."""

    def __init__(self, name: str = words.ABOUT, tip: str = words.ABOUT_TIP) -> None:
        super().__init__()
        self.addItem(words.EVERYBODY, "")
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        self.setToolTip(tip)
        self.setAccessibleName(name)
        self.hide()

    @property
    def participant(self) -> str:
        return str(self.currentData() or "")

    def show_people(self, people: Sequence[ParticipantView]) -> None:
        """Offer these; not while the list is open, so that nothing moves under the mouse."""
        ids = ["", *(one.id for one in people)]
        if ids == [self.itemData(k) for k in range(self.count())] or self.view().isVisible():
            return
        chosen = self.participant
        self.clear()
        for whose in ids:
            self.addItem(whose or words.EVERYBODY, whose)
        self.setCurrentIndex(max(0, self.findData(chosen)))
        self.setVisible(bool(people))
