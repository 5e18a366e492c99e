"""Where the data that is opened, not imported, lies: assets and device profiles, in a checkout and in a wheel."""

from __future__ import annotations

import os
from pathlib import Path

from rtemo.core.errors import RtemoError

_PACKAGE = Path(__file__).resolve().parent


def _folder(name: str) -> Path:
    for base in (_PACKAGE, _PACKAGE.parent):  # the wheel keeps the folder inside the package, a checkout beside it
        if (base / name).is_dir():
            return base / name
    raise RtemoError(
        f"the folder {name!r} of rtemo is missing",
        f"looked in {_PACKAGE} and {_PACKAGE.parent}",
        "install rtemo again",
    )


def assets() -> Path:
    """The folder with the demonstration model, montages, lead fields and icons."""
    return _folder("assets")


def devices() -> Path:
    """The folder with one sub-folder a device profile."""
    return _folder("devices")


def own_devices() -> Path:
    """The folder with the user's own device profiles: RTEMO_DEVICES, or one beside the user's other settings.

    It need not exist. A new version of rtemo leaves it alone.
    """
    import platformdirs  # not by whoever needs the other folders alone

    named = os.environ.get("RTEMO_DEVICES")
    return Path(named) if named else platformdirs.user_config_path("rtemo", appauthor=False) / "devices"
