"""Apply a theme to Qt: palette, style sheet and fonts."""

from __future__ import annotations

from PySide6.QtGui import QColor, QFont, QFontDatabase, QPalette
from PySide6.QtWidgets import QApplication

from rtemo.gui.painting.colours import Theme

FAMILIES = ("Inter", "Segoe UI Variable", "Segoe UI", "SF Pro Text", "Helvetica Neue", "Noto Sans", "DejaVu Sans")
SIZES = SMALL, BODY, LARGE, DISPLAY = 9.0, 10.0, 13.0, 26.0  # points: the window has text of these four sizes

SHEET = """
QMainWindow {{ background: {window}; }}
QDialog {{ background: {panel}; }}
QMainWindow::separator {{ background: {window}; width: 5px; height: 5px; }}
QMainWindow::separator:hover {{ background: {accent}; }}
QWidget {{ color: {ink}; }}
QToolTip {{ color: {ink}; background: {raised}; border: 1px solid {line}; padding: 4px; }}
QDockWidget {{ color: {muted}; font-weight: 600; }}
QDockWidget > QWidget, #panel, #panel QHeaderView {{ background: {panel}; }}
QLabel, QScrollArea, QScrollArea > QWidget > QWidget {{ background: transparent; }}
QMenuBar {{ background: {window}; color: {muted}; padding: 1px 4px; }}
QMenuBar::item {{ padding: 3px 8px; background: transparent; border-radius: 4px; }}
QMenuBar::item:selected {{ background: {raised}; color: {ink}; }}
QMenu {{ background: {raised}; border: 1px solid {line}; padding: 4px; }}
QMenu::item {{ padding: 5px 22px; border-radius: 3px; }}
QMenu::item:selected {{ background: {accent}; color: {panel}; }}
QMenu::separator {{ height: 1px; background: {line}; margin: 4px 8px; }}
QToolBar {{ background: {panel}; border: none; border-bottom: 1px solid {line}; spacing: 6px; padding: 6px 10px; }}
QStatusBar {{ background: {window}; color: {muted}; }}
QStatusBar::item {{ border: none; }}
QStatusBar QLabel {{ color: {muted}; padding: 0 10px; }}
QPushButton {{ background: {raised}; border: 1px solid {line}; border-radius: 5px; padding: 6px 12px; }}
QPushButton:hover {{ border-color: {accent}; }}
QPushButton:focus {{ border: 2px solid {accent}; padding: 5px 11px; }}
QPushButton:pressed {{ background: {line}; }}
QPushButton:disabled {{ color: {faint}; background: {panel}; }}
QPushButton[role="start"]:enabled {{ background: {good}; border-color: {good}; color: {panel}; font-weight: 700; }}
QPushButton[role="start"]:focus {{ border: 2px solid {ink}; }}
QPushButton[role="stop"]:enabled {{ background: {panel}; border: 2px solid {ink}; color: {ink}; font-weight: 700; }}
QPushButton[role="stop"]:focus {{ border-color: {accent}; }}
QPushButton[role="flat"] {{ padding: 5px 7px; }}
QPushButton[role="flat"]:focus {{ padding: 4px 6px; }}
#strip {{ background: {raised}; border-bottom: 1px solid {line}; }}
#strip QLabel {{ color: {muted}; }}
#strip #subject {{ color: {ink}; font-weight: 600; }}
#strip #rec {{ color: {ink}; padding: 4px 10px; border-radius: 5px; }}
#strip #rec[on="yes"] {{ background: {ink}; color: {window}; }}
#strip[alarm="bad"] {{ background: {bad}; border-color: {bad}; }}
#strip[alarm="warn"] {{ background: {warn}; border-color: {warn}; }}
#strip[alarm="bad"] QLabel, #strip[alarm="warn"] QLabel, #strip[alarm="bad"] #subject, #strip[alarm="warn"] #subject,
#strip[alarm="bad"] #rec, #strip[alarm="warn"] #rec {{ color: {window}; }}
#strip[alarm="bad"] #rec[on="yes"], #strip[alarm="warn"] #rec[on="yes"] {{ background: {window}; color: {ink}; }}
#rule {{ background: {line}; }}
QLineEdit, QComboBox, QSpinBox, QDoubleSpinBox {{ background: {raised}; border: 1px solid {line}; border-radius: 5px;
    padding: 5px 8px;
    selection-background-color: {accent}; }}
QSpinBox:disabled, QDoubleSpinBox:disabled {{ color: {faint}; background: {panel}; }}
QAbstractSpinBox::up-button, QAbstractSpinBox::down-button {{ subcontrol-origin: border; width: 22px; border: none;
    background: transparent; }}
QAbstractSpinBox::up-button {{ subcontrol-position: top right; }}
QAbstractSpinBox::down-button {{ subcontrol-position: bottom right; }}
QAbstractSpinBox::up-arrow, QAbstractSpinBox::down-arrow {{ width: 0; height: 0; border-left: 4px solid {raised};
    border-right: 4px solid {raised}; }}
QAbstractSpinBox::up-arrow {{ border-bottom: 5px solid {muted}; }}
QAbstractSpinBox::down-arrow {{ border-top: 5px solid {muted}; }}
QAbstractSpinBox::up-arrow:disabled, QAbstractSpinBox::down-arrow:disabled {{ border-left-color: {panel};
    border-right-color: {panel}; }}
QAbstractSpinBox::up-arrow:disabled, QAbstractSpinBox::up-arrow:off {{ border-bottom-color: {line}; }}
QAbstractSpinBox::down-arrow:disabled, QAbstractSpinBox::down-arrow:off {{ border-top-color: {line}; }}
QPlainTextEdit[role="field"] {{ background: {raised}; border: 1px solid {line}; border-radius: 5px; padding: 3px; }}
QPlainTextEdit[role="field"]:focus {{ border-color: {accent}; }}
QAbstractItemView QLineEdit {{ padding: 0 4px; border-radius: 0; }}
QLineEdit:focus, QComboBox:focus, QAbstractSpinBox:focus {{ border: 2px solid {accent}; padding: 4px 7px; }}
QLineEdit {{ placeholder-text-color: {muted}; }}
QLineEdit:disabled {{ color: {muted}; placeholder-text-color: {muted}; background: {panel}; }}
QComboBox::drop-down {{ border: none; width: 18px; }}
QComboBox::down-arrow {{ width: 0; height: 0; margin-right: 6px; border-left: 4px solid {raised};
    border-right: 4px solid {raised}; border-top: 5px solid {muted}; }}
QComboBox QAbstractItemView {{ background: {raised}; border: 1px solid {line};
    selection-background-color: {accent}; selection-color: {panel}; }}
QTableView, QListView, QPlainTextEdit {{ background: {panel}; border: 2px solid {panel}; gridline-color: {line};
    selection-background-color: {raised}; selection-color: {ink}; outline: none; }}
QTableView:focus, QListView:focus, QPlainTextEdit:focus, QGraphicsView:focus {{ border-color: {accent}; }}
QGraphicsView {{ border: 2px solid transparent; }}
QTableView::item {{ padding: 2px 6px; border-bottom: 1px solid {line}; }}
QHeaderView {{ background: {panel}; }}
QHeaderView::section {{ background: {panel}; color: {muted}; border: none; border-bottom: 1px solid {line};
    padding: 4px 6px; font-weight: 600; }}
QTabWidget::pane {{ background: {panel}; border: 1px solid {line}; border-radius: 5px; }}
QTabWidget QStackedWidget, QTabWidget QStackedWidget > QWidget {{ background: {panel}; }}
QTabBar::tab {{ background: {window}; color: {muted}; padding: 5px 8px; border: none; }}
QTabBar::tab:selected {{ background: {panel}; color: {ink}; border-bottom: 2px solid {accent}; }}
QTabBar:focus {{ background: {accent}; }}
QTabBar::tab:selected:focus {{ border: 2px solid {accent}; }}
QScrollBar:vertical {{ background: transparent; width: 9px; margin: 0; }}
QScrollBar:horizontal {{ background: transparent; height: 9px; margin: 0; }}
QScrollBar::handle {{ background: {line}; border-radius: 4px; min-height: 24px; min-width: 24px; }}
QScrollBar:focus {{ border: 1px solid {accent}; border-radius: 4px; }}
QScrollBar::handle:hover {{ background: {faint}; }}
QScrollBar::add-line, QScrollBar::sub-line {{ width: 0; height: 0; }}
QScrollBar::add-page, QScrollBar::sub-page {{ background: transparent; }}
QSlider::groove:horizontal {{ height: 4px; background: {line}; border-radius: 2px; }}
QSlider::sub-page:horizontal {{ background: {accent}; border-radius: 2px; }}
QSlider:focus {{ border: 2px solid {accent}; border-radius: 4px; }}
QSlider::handle:horizontal {{ background: {ink}; width: 14px; margin: -5px 0; border-radius: 7px; }}
#title {{ color: {muted}; font-weight: 600; padding: 5px 10px; background: {panel}; }}
#past {{ background: {raised}; border: 2px solid {accent}; }}
#pastmark {{ background: {accent}; color: {panel}; font-weight: 700; padding: 3px 8px; border-radius: 4px; }}
#docktitle {{ background: {panel}; }}
#docktext {{ color: {muted}; font-weight: 600; }}
#sign {{ background: transparent; border: 2px solid transparent; border-radius: 4px; color: {muted}; }}
#sign:hover {{ background: {raised}; color: {ink}; }}
#sign:focus {{ border-color: {accent}; color: {ink}; }}
#muted {{ color: {muted}; }}
#steps {{ font-size: 13pt; color: {ink}; }}
#strong {{ color: {ink}; font-weight: 600; }}
#warn {{ color: {warn}; font-weight: 600; }}
QProgressBar {{ background: {raised}; border: 1px solid {line}; border-radius: 5px; height: 14px; text-align: center; }}
QProgressBar::chunk {{ background: {accent}; border-radius: 4px; }}
QCheckBox:focus, QRadioButton:focus {{ color: {accent}; }}
QCheckBox::indicator:focus, QRadioButton::indicator:focus {{ border: 2px solid {accent}; }}
QCheckBox::indicator, QRadioButton::indicator {{ width: 13px; height: 13px; border: 1px solid {muted};
    background: {raised}; }}
QCheckBox::indicator {{ border-radius: 3px; }}
QRadioButton::indicator {{ border-radius: 7px; }}
QCheckBox::indicator:checked, QRadioButton::indicator:checked {{ background: {accent}; border-color: {accent}; }}
QAbstractItemView::indicator {{ width: 13px; height: 13px; border: 1px solid {muted}; border-radius: 3px;
    background: {raised}; }}
QAbstractItemView::indicator:checked {{ background: {accent}; border-color: {accent}; }}
QAbstractItemView::indicator:disabled {{ border-color: {line}; }}
QListWidget {{ background: {raised}; border: 1px solid {line}; border-radius: 5px; padding: 4px; }}
QListWidget::item {{ padding: 4px 6px; }}
#good {{ color: {good}; font-weight: 600; }}
#bad {{ color: {bad}; font-weight: 600; }}
#banner {{ background: {bad}; }}
#banner QLabel {{ color: {panel}; font-weight: 600; }}
#notice {{ background: {raised}; border: 1px solid {muted}; border-left: 4px solid {warn}; border-radius: 6px; }}
#notice[success="yes"] {{ border-left-color: {good}; }}
#headline {{ font-weight: 700; }}
#verdict {{ font-size: 13pt; font-weight: 600; }}
#big {{ font-size: 26pt; font-weight: 600; }}
"""


def family() -> str:
    """The first font family of the list that this computer has."""
    have = set(QFontDatabase.families())
    return next((name for name in FAMILIES if name in have), QFont().defaultFamily())


def font(points: float, weight: QFont.Weight = QFont.Weight.Normal) -> QFont:
    """The window's font in one of its four sizes, with figures of one width where the font has them."""
    if points not in SIZES:
        raise ValueError(f"{points} points are none of {SIZES}")
    made = QFont(QApplication.font())
    made.setPointSizeF(points)
    made.setWeight(weight)
    return made


def poster_font(points: float, weight: QFont.Weight) -> QFont:
    """The window's font in any size, for what is read from two metres and is as large as the window allows."""
    made = font(BODY, weight)
    made.setPointSizeF(points)
    return made


def colour(name: str, opacity: float = 1.0) -> QColor:
    """A QColor with an opacity from 0 to 1."""
    made = QColor(name)
    made.setAlphaF(opacity)
    return made


def apply_theme(application: QApplication, theme: Theme) -> None:
    """Set palette, style sheet and font of the application. Views that paint themselves have `set_theme`."""
    if application.property("theme") == theme.name:  # every widget would be dressed once more
        return
    application.setProperty("theme", theme.name)
    application.setStyle("Fusion")
    base = QFont(family())
    base.setPointSizeF(BODY)
    if hasattr(QFont, "Tag"):
        base.setFeature(QFont.Tag("tnum"), 1)
    application.setFont(base)
    application.setPalette(_palette(theme))
    names = ("window", "panel", "raised", "line", "ink", "muted", "faint", "accent", "good", "warn", "bad")
    application.setStyleSheet(SHEET.format(**{name: getattr(theme, name) for name in names}))


def _palette(theme: Theme) -> QPalette:
    role = QPalette.ColorRole
    palette = QPalette()
    for where, name in (
        (role.Window, theme.window),
        (role.WindowText, theme.ink),
        (role.Base, theme.panel),
        (role.AlternateBase, theme.raised),
        (role.Text, theme.ink),
        (role.Button, theme.raised),
        (role.ButtonText, theme.ink),
        (role.Highlight, theme.accent),
        (role.HighlightedText, theme.panel),
        (role.ToolTipBase, theme.raised),
        (role.ToolTipText, theme.ink),
        (role.PlaceholderText, theme.faint),
        (role.Link, theme.accent),
    ):
        palette.setColor(where, QColor(name))
    return palette
