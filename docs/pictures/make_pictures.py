"""Make the pictures of the documentation: the real window, driven offscreen through a simulated session.

    python docs/pictures/make_pictures.py [--out docs/img] [--size 1440x900] [--only session,report] [--theme light]

The snapshots come from the simulation, the pipeline and the demonstration model (tests/gui/staging.py), so the pictures
show what the program shows today. The report's picture needs a Chromium on the PATH and is left out without one.
"""

from __future__ import annotations

import argparse
import math
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "gui")]

import numpy as np  # noqa: E402 - after the path to what is imported
from PySide6.QtCore import QRect, QSettings, QSize, Qt  # noqa: E402
from PySide6.QtGui import QColor, QImage, QPainter  # noqa: E402
from PySide6.QtWidgets import QApplication, QWidget  # noqa: E402
from scripted import ScriptedClient  # noqa: E402
from staging import StagedSession  # noqa: E402

from rtemo.core.types import StreamState  # noqa: E402
from rtemo.gui import texts  # noqa: E402
from rtemo.gui.painting.colours import THEMES  # noqa: E402
from rtemo.gui.painting.theme import apply_theme  # noqa: E402
from rtemo.gui.refresh_schedule import SLOW_FRAMES  # noqa: E402
from rtemo.gui.window import MainWindow  # noqa: E402
from rtemo.live.service.recorder_link import RecorderLook  # noqa: E402
from rtemo.live.service.snapshot import ParticipantView, Phase, Progress, Snapshot  # noqa: E402
from rtemo.simulate.device.faults import Fault  # noqa: E402

SESSION_S = 75.0
FAULTS = (
    Fault("flat", "eeg", 20.0, 400.0, channels=("F7",)),
    Fault("line_noise", "eeg", 30.0, 400.0, channels=("O2",)),
)
NO_SESSION = {"phase": Phase.PREVIEW, "recorder": None, "started_s": math.nan, "subject": ""}
NOTES = {32.0: "film begins", 52.0: "cough"}
LAST = 22  # snapshots after the session's picture, in which the tracker is lost
MAX_BYTES = 290_000
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")


class Stage:
    """One window with a clock set by hand."""

    def __init__(self, folder: Path, size: QSize, theme: str) -> None:
        self.now_s = 1000.0
        self.client = ScriptedClient()
        settings = QSettings(str(folder / "window.ini"), QSettings.Format.IniFormat)
        settings.setValue("root", str(folder / "sessions"))
        chosen = THEMES[theme]
        application = QApplication.instance() or QApplication([])
        apply_theme(application, chosen)
        self.window = MainWindow(self.client, settings, chosen, clock=lambda: self.now_s)
        self.window._timer.stop()
        self.window.fill(QRect(0, 0, size.width(), size.height()))
        self.window.resize(size)
        self.window.show()
        self.settle()

    def tell(self, *snapshots: Snapshot, step_s: float = 0.1) -> None:
        """Feed snapshots, each a moment after the one before."""
        for snapshot in snapshots:
            self.now_s += step_s
            self.client.waiting.append(snapshot)
            self.window.tick()

    def wait(self, seconds: float) -> None:
        """Let time pass in which the engine says nothing."""
        self.now_s += seconds
        self.settle()

    def close(self) -> None:
        """Close the window without a question."""
        self.window.ask_quit = lambda: texts.QUIT_KEEP
        self.window.close()

    def settle(self) -> None:
        """Paint all that is out of date."""
        for _ in range(2):
            QApplication.processEvents()
            for _ in range(SLOW_FRAMES + 1):
                self.window.tick()
        QApplication.processEvents()

    def picture(self, path: Path, dialog: QWidget | None = None) -> None:
        """Write what is on the screen; a dialog lies over the window's middle."""
        self.settle()
        image = self.window.grab().toImage()
        if dialog is not None:
            over = dialog.grab().toImage()
            painter = QPainter(image)
            painter.fillRect(image.rect(), QColor(0, 0, 0, 110))
            painter.drawImage((image.width() - over.width()) // 2, (image.height() - over.height()) // 2, over)
            painter.end()
        save(image, path)


def save(image: QImage, path: Path) -> None:
    """Write a PNG; of its 256 most frequent colours where it would be too large, which looks the same."""
    path.parent.mkdir(parents=True, exist_ok=True)
    flat = image.convertToFormat(QImage.Format.Format_RGB32)
    flat.save(str(path))
    if path.stat().st_size > MAX_BYTES:
        pixels = np.frombuffer(flat.constBits(), np.uint32).reshape(flat.height(), -1)[:, : flat.width()]
        shades, counts = np.unique(pixels, return_counts=True)
        table = [int(shade) for shade in shades[np.argsort(-counts)[:256]]]
        flat.convertToFormat(QImage.Format.Format_Indexed8, table, Qt.ImageConversionFlag.ThresholdDither).save(
            str(path)
        )


def stage_session(stage: Stage, out: Path, wanted: Callable[[str], bool]) -> None:
    """All pictures of one window, in the order of a session."""

    def shot(name: str, dialog: QWidget | None = None) -> None:
        if wanted(name):
            stage.picture(out / f"{name}.png", dialog)

    session = StagedSession(SESSION_S, channels=64, eeg_rate_hz=250.0, annotations=NOTES, faults=FAULTS)
    snapshots = session.snapshots()
    first = next(snapshots)
    stage.tell(Snapshot(first.seq, first.time_s, Phase.IDLE, bundle=first.bundle))
    shot("empty")
    before = [replace(next(snapshots), **NO_SESSION) for _ in range(120)]
    stage.tell(*before)
    stage.window.views.session.subject.setText(session.subject)
    shot("streams-found")
    stage.tell(*(next(snapshots) for _ in range(150)))
    resting = replace(next(snapshots), progress=Progress("baseline", 38.0, 120.0))
    stage.tell(resting)
    stage.window.dialogs.ask_baseline()
    dialog = stage.window.dialogs.open["baseline"]
    shot("baseline", dialog)
    refused = "refused for gaze: EEG 120 s, gaze 22 s of 60 s"
    stage.tell(replace(next(snapshots), progress=Progress("baseline", 120.0, 120.0, refused, refused=True)))
    shot("refused-baseline", dialog)
    dialog.close()
    rest = list(snapshots)
    stage.tell(*rest[: -LAST - 1])
    shot("session")
    full = replace(rest[-LAST].recorder, state="waiting", error="no space left on the disk", free_bytes=0)
    stage.tell(replace(rest[-LAST - 1], recorder=full))
    shot("full-disk")
    stage.tell(rest[-LAST])
    stage_views(stage, shot, out, wanted)
    stage.tell(*(without_gaze(one) for one in rest[1 - LAST :]))
    shot("lost-tracker")
    newest = replace(rest[-1], predictions=(), events=(), eeg=None, gaze=None, gaze_events=(), seq=rest[-1].seq + 1)
    stage.client.restarting, stage.client.connected = True, False
    stage.client.recorder = RecorderLook(
        answered_s=stage.now_s + 6.0,
        recording=newest.recorder,
        engine=False,
        subject=session.subject,
        folder="/data/P07",
        started_s=newest.started_s,
    )
    stage.wait(6.0)
    shot("dead-engine")


def stage_views(stage: Stage, shot: Callable[[str], None], out: Path, wanted: Callable[[str], bool]) -> None:
    """The past of the signals, the views by frequency, and the large view."""
    window = stage.window
    window.views.signals.look_back(12.0)
    shot("look-back")
    window.views.signals.show_live()
    window.docks[texts.SPECTRUM].show()
    window.docks[texts.SPECTRUM].raise_()
    shot("spectrum")
    window.docks[texts.SPECTRUM].hide()
    window.docks[texts.HISTORY].raise_()
    window.toggle_distance()
    stage.settle()
    if wanted("from-afar"):
        save(window.views.distance.grab().toImage(), out / "from-afar.png")
    window.toggle_distance()


def without_gaze(snapshot: Snapshot) -> Snapshot:
    """A snapshot while the eye tracker is lost."""
    lost = {"state": StreamState.LOST, "age_s": 12.0}
    streams = tuple(replace(one, **lost) if one.role == "gaze" else one for one in snapshot.streams)
    return replace(snapshot, streams=streams, gaze=None, gaze_events=())


def stage_several(stage: Stage, out: Path) -> None:
    """Two people, the eye tracker of one of whom is lost."""
    people = [
        StagedSession(SESSION_S, channels=16, eeg_rate_hz=250.0, seed=seed, subject="P01+P02", annotations=NOTES)
        for seed in (3, 4)
    ]
    for one, other in zip(*(person.snapshots() for person in people), strict=False):
        late = other.time_s - other.started_s > SESSION_S - 2.0
        stage.tell(both(one, without_gaze(other) if late else other, lost=late))
    stage.picture(out / "several.png")


def both(one: Snapshot, other: Snapshot, *, lost: bool) -> Snapshot:
    """Two people's snapshots as one of both; the signals are those of the first."""
    done = Progress("baseline", 120.0, 120.0, "good: EEG 118 s, gaze 112 s of 120 s usable")
    views, streams, predictions = [], [], []
    for whose, of_one, gaze in (("P01", one, 0.96), ("P02", other, math.nan if lost else 0.93)):
        good = sum(not channel.fault for channel in of_one.channels)
        n = len(of_one.channels)
        views.append(ParticipantView(whose, n, good, n, gaze_valid=gaze, progress=done))
        streams += [
            replace(stream, participant=whose, stream_id=f"{stream.stream_id} {whose}")
            for stream in of_one.streams
            if stream.role in ("eeg", "gaze")
        ]
        predictions += [{**record, "participant": whose} for record in of_one.predictions]
    markers = tuple(stream for stream in one.streams if stream.role == "markers")
    return replace(
        one,
        streams=(*streams, *markers),
        predictions=tuple(predictions),
        participant="P01",
        participants=tuple(views),
    )


def report_picture(folder: Path, out: Path) -> None:
    """The first page of a report, printed as on A4; left out where there is no Chromium."""
    browser = next((found for name in BROWSERS if (found := shutil.which(name))), None)
    if browser is None:
        sys.stderr.write("report.png is left out: there is no Chromium\n")
        return
    xdf, page, picture = folder / "session.xdf", folder / "report.html", folder / "report.png"
    made = ["simulate", "--seed", "4", "--duration", "150", "--eeg-channels", "32", "--eeg-rate", "250", "--quiet"]
    for command in ([*made, "--xdf", str(xdf)], ["report", str(xdf), "--out", str(page)]):
        subprocess.run([sys.executable, "-m", "rtemo", *command], cwd=ROOT, check=True)
    view = ["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--window-size=1240,1500"]
    command = [browser, *view, f"--screenshot={picture}", page.as_uri()]
    subprocess.run(command, check=True, capture_output=True)
    save(QImage(str(picture)), out / "report.png")


def main() -> None:
    """Read the arguments and make the pictures."""
    parser = argparse.ArgumentParser(description="Make the pictures of the documentation.")
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "img")
    parser.add_argument("--size", default="1440x900", help="of the window")
    parser.add_argument("--theme", default="dark", choices=sorted(THEMES))
    parser.add_argument("--only", default="", help="names of pictures, separated by commas")
    args = parser.parse_args()
    only = set(filter(None, args.only.split(",")))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if not only <= {"report", "several"} or not only:
            stage = Stage(folder, QSize(*map(int, args.size.split("x"))), args.theme)
            stage_session(stage, args.out, lambda picture: not only or picture in only)
            stage.close()
        if not only or "several" in only:
            stage = Stage(folder, QSize(*map(int, args.size.split("x"))), args.theme)
            stage_several(stage, args.out)
            stage.close()
        if not only or "report" in only:
            report_picture(folder, args.out)


if __name__ == "__main__":
    main()
