"""Display check: whether a window can open, and which system libraries of Qt are missing.

Standard library only and no other module of rtemo: run.py imports this before anything is installed.
The names come from the NEEDED entries of PySide6-Essentials 6.12 (QtGui, QtWidgets, QtDBus and the platform plugins);
what a bare Debian always has (libc, libstdc++, zlib, zstd) is left out.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Mapping
from dataclasses import dataclass

# file that is loaded -> Debian and Ubuntu package
_ANY_QT = {
    "libEGL.so.1": "libegl1",
    "libGL.so.1": "libgl1",
    "libX11.so.6": "libx11-6",
    "libdbus-1.so.3": "libdbus-1-3",
    "libfontconfig.so.1": "libfontconfig1",
    "libfreetype.so.6": "libfreetype6",
    "libglib-2.0.so.0": "libglib2.0-0",
    "libgthread-2.0.so.0": "libglib2.0-0",
    "libxkbcommon.so.0": "libxkbcommon0",
}
_XCB = {
    "libX11-xcb.so.1": "libx11-xcb1",
    "libxcb.so.1": "libxcb1",
    "libxcb-cursor.so.0": "libxcb-cursor0",
    "libxcb-icccm.so.4": "libxcb-icccm4",
    "libxcb-image.so.0": "libxcb-image0",
    "libxcb-keysyms.so.1": "libxcb-keysyms1",
    "libxcb-randr.so.0": "libxcb-randr0",
    "libxcb-render.so.0": "libxcb-render0",
    "libxcb-render-util.so.0": "libxcb-render-util0",
    "libxcb-shape.so.0": "libxcb-shape0",
    "libxcb-shm.so.0": "libxcb-shm0",
    "libxcb-sync.so.1": "libxcb-sync1",
    "libxcb-util.so.1": "libxcb-util1",
    "libxcb-xfixes.so.0": "libxcb-xfixes0",
    "libxcb-xkb.so.1": "libxcb-xkb1",
    "libxkbcommon-x11.so.0": "libxkbcommon-x11-0",
}
_WAYLAND = {
    "libwayland-client.so.0": "libwayland-client0",
    "libwayland-cursor.so.0": "libwayland-cursor0",
}
_PLUGINS = {"wayland": _ANY_QT | _WAYLAND, "xcb": _ANY_QT | _XCB, "offscreen": _ANY_QT}
_PACKAGES = _ANY_QT | _XCB | _WAYLAND


@dataclass(frozen=True, slots=True)
class Display:
    """The display. `platform` is Qt's name for it, empty without one; `missing`: libraries, by file name."""

    platform: str
    missing: tuple[str, ...] = ()

    @property
    def usable(self) -> bool:
        return bool(self.platform) and not self.missing

    @property
    def packages(self) -> tuple[str, ...]:
        """The Debian and Ubuntu packages with what is missing, each once."""
        return tuple(dict.fromkeys(_PACKAGES[name] for name in self.missing))


def loadable(name: str) -> bool:
    """Whether the dynamic linker finds a library."""
    try:
        ctypes.CDLL(name)
    except OSError:
        return False
    return True


def missing(platform: str, loads: Callable[[str], bool] = loadable) -> tuple[str, ...]:
    """The libraries that Qt's plugin for a platform (wayland, xcb, offscreen) does not find on Linux."""
    return tuple(name for name in _PLUGINS.get(platform, _ANY_QT) if not loads(name))


def find_display(system: str, environ: Mapping[str, str], loads: Callable[[str], bool] = loadable) -> Display:
    """Find the display of this computer. `system` is sys.platform; only Linux needs system libraries."""
    if system != "linux":
        return Display("windows" if system == "win32" else "cocoa")
    candidates = [Display(name, missing(name, loads)) for name in _platforms(environ)]
    return min(candidates, key=lambda display: len(display.missing), default=Display(""))


def advice(display: Display, has_apt: bool, is_root: bool) -> str:  # noqa: FBT001 - facts, not switches
    """How to install what is missing: the exact command on Debian and Ubuntu, the file names elsewhere."""
    if not has_apt:
        return f"install the packages of your system that hold {', '.join(display.missing)}"
    return f"{'' if is_root else 'sudo '}apt-get install -y {' '.join(display.packages)}"


def _platforms(environ: Mapping[str, str]) -> list[str]:
    """Qt's platform plugins that could show a window, in the order in which Qt tries them."""
    if chosen := environ.get("QT_QPA_PLATFORM"):
        return [part.partition(":")[0] for part in chosen.split(";")]
    found = {"wayland": "WAYLAND_DISPLAY", "xcb": "DISPLAY"}
    return [platform for platform, variable in found.items() if environ.get(variable)]


def why_no_window(system: str, environ: Mapping[str, str], has_apt: bool, is_root: bool) -> str:  # noqa: FBT001
    """Why no window can be opened, and what to do about it; empty where one can."""
    found = find_display(system, environ)
    if not found.platform:
        return "there is no display (neither DISPLAY nor WAYLAND_DISPLAY is set)"
    if found.missing:
        return f"Qt lacks {', '.join(found.missing)}; {advice(found, has_apt, is_root)}"
    return ""
