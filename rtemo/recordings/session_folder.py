"""The session folder: everything of one session in one place, and nothing ever overwritten.

<root>/<date>_<time>_<name>/ (the name by rtemo.sources.study_settings) holds recording.xdf, predictions.csv,
session.toml, events.jsonl and, once the session is over, report.html.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import rtemo
from rtemo.core.errors import RtemoError
from rtemo.core.types import StreamInfo
from rtemo.model.bundle import Bundle
from rtemo.sources.private_files import make_folder, owner_only
from rtemo.sources.recording_places import RECORDING, safe_name
from rtemo.sources.session_settings import SessionSettings, settings_document

BASELINE = "baseline.json"
VERSIONS_OF = ("numpy", "scipy", "onnxruntime", "pylsl")


@dataclass(frozen=True, slots=True)
class SessionFolder:
    """The files of one session. name: of the recording; another one than RECORDING stands before the others' names."""

    path: Path
    name: str = RECORDING

    @property
    def target(self) -> Path:
        """By what a session is named: its folder, or its recording where other sessions lie in the folder."""
        return self.path if self.name == RECORDING else self.recording

    @property
    def recording(self) -> Path:
        return self.path / self.name

    @property
    def predictions(self) -> Path:
        return beside(self.recording, "predictions.csv")

    @property
    def settings(self) -> Path:
        return beside(self.recording, "session.toml")

    @property
    def events(self) -> Path:
        return beside(self.recording, "events.jsonl")

    @property
    def baseline(self) -> Path:
        return beside(self.recording, BASELINE)

    @property
    def report(self) -> Path:
        return beside(self.recording, "report.html")

    @classmethod
    def named(cls, target: Path) -> SessionFolder:
        """The session that is called so, see `target`; whether it is there or not."""
        return cls(target.parent, target.name) if target.suffix.casefold() == ".xdf" else cls(target)

    @classmethod
    def of(cls, target: Path) -> SessionFolder | None:
        """The session in a folder or around a recording; None for a recording that is alone, or one of a folder."""
        found = cls(target) if target.is_dir() else cls.named(target)
        return found if target.is_dir() or (target.name != RECORDING and found.settings.is_file()) else None

    @classmethod
    def around(cls, recording: Path) -> SessionFolder:
        """Of a session whose recording is called so. Raises RtemoError where it is there or its folder cannot be."""
        if recording.exists():
            raise RtemoError(f"{recording} exists already", "nothing is overwritten", "give another name")
        try:
            make_folder(recording.parent)
        except (OSError, ValueError) as error:
            found = getattr(error, "strerror", None) or str(error)
            raise RtemoError(f"{recording.parent!s:.300} cannot be made", found, "choose another folder") from error
        return cls(recording.parent, recording.name)

    @classmethod
    def create(cls, root: Path, own_name: str, when: datetime) -> SessionFolder:
        """Make a new folder. own_name: the participant, or by the study's template. A name that is taken gets a number.

        Raises RtemoError where none can be made.
        """
        name = f"{when:%Y-%m-%d_%H-%M-%S}_{safe_name(own_name)}"
        for number in range(1, 100):
            path = root / (name if number == 1 else f"{name}_{number}")
            try:
                make_folder(root)
                path.mkdir(mode=0o700)
            except FileExistsError:
                if root.exists() and not root.is_dir():
                    break
                continue
            except (OSError, ValueError) as error:  # ValueError: a name with NUL or half a character
                found = getattr(error, "strerror", None) or str(error)
                raise RtemoError(f"{path!s:.300} cannot be made", found, "choose another folder") from error
            return cls(path)
        raise RtemoError(f"no session folder can be made in {root}", "its names are taken", "choose another folder")

    def write_settings(
        self,
        settings: SessionSettings,
        model: Mapping[str, Any],
        record: Mapping[str, Any],
        streams: Mapping[str, StreamInfo],
    ) -> None:
        """A settings file with model, versions and streams, for whoever reads the session later.

        model: what predicted. record: what else was asked for, and when it began. Raises OSError, and leaves no half
        file, where it cannot be written.
        """
        document = {
            **settings_document(settings),
            "model": without_none(model),
            "record": without_none(record),
            "versions": versions(),
            "streams": {role: _described(info) for role, info in streams.items()},
        }
        import tomli_w

        with open(self.settings, "x", encoding="utf-8", errors="replace", opener=owner_only) as file:
            try:
                file.write(tomli_w.dumps(document))
                file.flush()
            except OSError:
                self.settings.unlink()
                raise


def beside(recording: Path, name: str, participant: str = "") -> Path:
    """Where a file that belongs to a recording lies: in the session's folder, or with the recording's name before its
    own where the recording is not a session's `recording.xdf`. participant: whose file it is, of several.
    """
    own = f"{participant}.{name}" if participant else name
    return recording.with_name(own if recording.name == RECORDING else f"{recording.stem}.{own}")


def model_record(bundle: Bundle) -> dict[str, str | bool]:
    """What identifies a model, for session.toml."""
    spec = bundle.spec
    about: dict[str, str | bool] = {"bundle": spec.name, "bundle_fingerprint": bundle.fingerprint}
    return about | {"trained_on": spec.trained_on} | ({} if spec.calibrated else {"calibrated": False})


def versions(names: Sequence[str] = VERSIONS_OF) -> dict[str, str]:
    """Versions of rtemo, the system and these packages, by default of all that takes part in a prediction."""
    import platform  # these look through what is installed and are slow to load; recordings are opened without them
    from importlib.metadata import PackageNotFoundError, version

    found = {"rtemo": rtemo.__version__, "python": platform.python_version(), "system": platform.platform()}
    for name in names:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found


def without_none(settings: Mapping[str, Any]) -> dict[str, Any]:
    """TOML has no null: what is not set is left out."""
    return {
        key: without_none(value) if isinstance(value, Mapping) else value
        for key, value in settings.items()
        if value is not None
    }


def _described(info: StreamInfo) -> dict[str, Any]:
    return {
        "name": info.name,
        "type": info.type,
        "source_id": info.source_id,
        "hostname": info.hostname,
        "channels": list(info.labels),
        "nominal_rate_hz": info.nominal_rate_hz,
        "format": info.channel_format,
    }
