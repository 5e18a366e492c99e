"""Where a window can go, told from invented environments and invented sets of libraries."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import pytest

from rtemo.live.diagnostics.display import Display, advice, find_display, loadable, missing, why_no_window

X11 = {"DISPLAY": ":0"}
WAYLAND = {"WAYLAND_DISPLAY": "wayland-0"}


def all_but(*absent: str) -> Callable[[str], bool]:
    return lambda name: name not in absent


def test_linux_without_a_display_has_no_platform():
    display = find_display("linux", {"DISPLAY": ""}, all_but())

    assert display == Display("")
    assert not display.usable


def test_a_display_with_every_library_is_usable():
    assert find_display("linux", X11, all_but()) == Display("xcb")
    assert find_display("linux", X11, all_but()).usable


def test_missing_libraries_are_named_with_their_packages():
    display = find_display("linux", X11, all_but("libxcb-cursor.so.0", "libglib-2.0.so.0", "libgthread-2.0.so.0"))

    assert not display.usable
    assert display.missing == ("libglib-2.0.so.0", "libgthread-2.0.so.0", "libxcb-cursor.so.0")
    assert display.packages == ("libglib2.0-0", "libxcb-cursor0")


def test_wayland_is_taken_when_x11_libraries_are_missing_and_the_other_way_round():
    both = X11 | WAYLAND

    assert find_display("linux", both, all_but("libxcb-cursor.so.0")) == Display("wayland")
    assert find_display("linux", both, all_but("libwayland-cursor.so.0")) == Display("xcb")


def test_a_platform_chosen_for_qt_counts_as_a_display():
    assert find_display("linux", {"QT_QPA_PLATFORM": "offscreen:size=800x600"}, all_but()) == Display("offscreen")
    assert find_display("linux", {"QT_QPA_PLATFORM": "offscreen"}, all_but("libEGL.so.1")).packages == ("libegl1",)


@pytest.mark.parametrize("system", ["win32", "darwin"])
def test_windows_and_macos_need_no_library_of_the_system(system: str):
    assert find_display(system, {}, all_but("libEGL.so.1", "libGL.so.1")).usable


def test_the_advice_is_a_command_that_can_be_copied():
    display = Display("xcb", ("libEGL.so.1", "libxcb-cursor.so.0"))

    assert advice(display, has_apt=True, is_root=False) == "sudo apt-get install -y libegl1 libxcb-cursor0"
    assert advice(display, has_apt=True, is_root=True) == "apt-get install -y libegl1 libxcb-cursor0"
    assert "libxcb-cursor.so.0" in advice(display, has_apt=False, is_root=False)


def test_the_linker_is_asked():
    assert not loadable("librtemo-no-such-library.so.9")
    if sys.platform == "linux":
        assert loadable("libc.so.6")


def test_this_computer_can_load_qt_as_the_tests_need_it():
    if sys.platform == "linux":
        assert missing("offscreen") == ()


@pytest.mark.skipif(sys.platform != "linux" or not shutil.which("objdump"), reason="reads Linux libraries with objdump")
@pytest.mark.parametrize("plugin", ["xcb", "wayland", "offscreen"])
def test_the_lists_hold_everything_that_the_installed_qt_needs(plugin: str):
    spec = find_spec("PySide6")
    assert spec is not None
    assert spec.submodule_search_locations
    folder = Path(spec.submodule_search_locations[0])
    needed = needed_from_outside(folder, folder / "Qt" / "plugins" / "platforms" / f"libq{plugin}.so")

    assert len(needed) > 10
    assert needed - set(missing(plugin, lambda _: False)) == WITH_EVERY_SYSTEM & needed


WITH_EVERY_SYSTEM = {
    *("libc.so.6", "libm.so.6", "libdl.so.2", "libpthread.so.0", "libstdc++.so.6", "libgcc_s.so.1"),
    *("libz.so.1", "libzstd.so.1"),
}


def needed_from_outside(folder: Path, first: Path) -> set[str]:
    """The libraries that a plugin and the libraries beside it need and that PySide6 does not bring along."""
    todo, done, outside = [first, folder / "QtWidgets.abi3.so"], set(), set()
    while todo:
        file = todo.pop()
        done.add(file)
        for name in re.findall(r"NEEDED\s+(\S+)", subprocess.check_output(["objdump", "-p", file], text=True)):
            inside = [path for path in (folder / "Qt" / "lib" / name, folder / name) if path.exists()]
            todo.extend(path for path in inside if path not in done)
            outside.update({name} if not inside and "pyside" not in name and "shiboken" not in name else ())
    return {name for name in outside if not name.startswith("ld-linux")}


@pytest.mark.parametrize(("system", "platform"), [("win32", "windows"), ("darwin", "cocoa")])
def test_windows_and_macos_have_their_own_platform(system: str, platform: str):
    assert find_display(system, {}) == Display(platform)


def test_a_platform_that_is_not_known_needs_what_all_of_qt_needs():
    assert missing("eglfs", lambda _: False) == missing("offscreen", lambda _: False)


def test_why_no_window_can_be_opened(monkeypatch: pytest.MonkeyPatch):
    def load(name: str) -> None:
        if name in ("libEGL.so.1", "libGL.so.1"):
            raise OSError(name)

    assert (
        why_no_window("linux", {}, has_apt=True, is_root=True)
        == "there is no display (neither DISPLAY nor WAYLAND_DISPLAY is set)"
    )
    monkeypatch.setattr("ctypes.CDLL", load)
    offscreen = {"QT_QPA_PLATFORM": "offscreen"}
    assert (
        why_no_window("linux", offscreen, has_apt=True, is_root=False)
        == "Qt lacks libEGL.so.1, libGL.so.1; sudo apt-get install -y libegl1 libgl1"
    )
    assert why_no_window("darwin", {}, has_apt=False, is_root=False) == ""
    monkeypatch.setattr("ctypes.CDLL", lambda _name: None)
    assert why_no_window("linux", offscreen, has_apt=True, is_root=True) == ""
