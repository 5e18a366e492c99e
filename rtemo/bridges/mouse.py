"""The mouse pointer as gaze: for dry runs of an experiment without an eye tracker. Not for data.

The pointer is asked for through the operating system's own library; under Wayland programs are not told where it is.
"""

from __future__ import annotations

import argparse
import ctypes
import ctypes.util
import sys
import time
from collections.abc import Callable, Sequence

import numpy as np

from rtemo.bridges.device import DeviceSamples, described
from rtemo.core.errors import RtemoError
from rtemo.core.types import Channel, StreamInfo

Pointer = Callable[[], tuple[float, float]]  # share of the screen, origin top left
CHANNELS = (Channel("mouse_x", "ScreenX", "normalized", "both"), Channel("mouse_y", "ScreenY", "normalized", "both"))
BATCH = 4  # samples that go out together


def add_arguments(p: argparse.ArgumentParser) -> None:
    """What this bridge takes."""
    p.add_argument("--rate", type=float, default=60.0, metavar="HZ", help="default: 60")


def device_of(args: argparse.Namespace, clock: Callable[[], float]) -> Mouse:
    """The device that was asked for."""
    return Mouse(args.rate, clock, system_pointer)


class Mouse:
    """Looks at the pointer at an even rate."""

    shares_clock = True

    def __init__(
        self,
        rate_hz: float,
        clock: Callable[[], float],
        find_pointer: Callable[[], Pointer],
        wait: Callable[[float], None] = time.sleep,
    ) -> None:
        if not 1.0 <= rate_hz <= 1000.0:
            raise RtemoError("the pointer is looked at 1 to 1000 times a second", f"found {rate_hz:g}", "change --rate")
        self._rate_hz, self._clock, self._find, self._wait = rate_hz, clock, find_pointer, wait
        self._pointer: Pointer | None = None
        self._next_s = 0.0

    def open(self) -> tuple[StreamInfo, ...]:
        self._pointer = self._find()
        self._next_s = self._clock()
        name = "mouse as gaze"
        return (described("gaze", name, "Gaze", self._rate_hz, CHANNELS, "rtemo-mouse", "mouse pointer"),)

    def read(self) -> Sequence[DeviceSamples]:
        assert self._pointer is not None
        times, values = [], []
        for _ in range(BATCH):
            self._wait(max(self._next_s - self._clock(), 0.0))
            now_s = self._clock()
            times.append(now_s)
            values.append(self._pointer())
            self._next_s = max(self._next_s + 1.0 / self._rate_hz, now_s)
        return [DeviceSamples(0, np.array(times), np.array(values, np.float32), times[-1])]

    def close(self) -> None:
        self._pointer = None


def system_pointer() -> Pointer:
    """Where this computer's pointer is. Raises RtemoError where the system does not say."""
    try:
        if sys.platform == "win32":
            return _windows()
        return _macos() if sys.platform == "darwin" else _x11()
    except (OSError, AttributeError) as error:
        raise RtemoError(
            "the mouse pointer cannot be read", str(error), "use a desktop on X11, Windows or macOS"
        ) from error


def _windows() -> Pointer:
    user = ctypes.CDLL("user32")

    class Point(ctypes.Structure):
        _fields_ = (("x", ctypes.c_long), ("y", ctypes.c_long))

    def pointer() -> tuple[float, float]:
        point = Point()
        user.GetCursorPos(ctypes.byref(point))
        return point.x / user.GetSystemMetrics(0), point.y / user.GetSystemMetrics(1)

    return pointer


def _macos() -> Pointer:
    graphics = ctypes.CDLL(ctypes.util.find_library("ApplicationServices"))
    foundation = ctypes.CDLL(ctypes.util.find_library("CoreFoundation"))

    class Point(ctypes.Structure):
        _fields_ = (("x", ctypes.c_double), ("y", ctypes.c_double))

    graphics.CGEventCreate.restype = ctypes.c_void_p
    graphics.CGEventGetLocation.restype = Point
    graphics.CGEventGetLocation.argtypes = foundation.CFRelease.argtypes = (ctypes.c_void_p,)
    screen = graphics.CGMainDisplayID()
    graphics.CGDisplayPixelsWide.restype = graphics.CGDisplayPixelsHigh.restype = ctypes.c_size_t
    width, height = graphics.CGDisplayPixelsWide(screen), graphics.CGDisplayPixelsHigh(screen)

    def pointer() -> tuple[float, float]:
        event = graphics.CGEventCreate(None)
        point = graphics.CGEventGetLocation(event)
        foundation.CFRelease(event)
        return point.x / width, point.y / height

    return pointer


def _x11() -> Pointer:
    x = ctypes.CDLL(ctypes.util.find_library("X11") or "libX11.so.6")
    x.XOpenDisplay.restype, x.XOpenDisplay.argtypes = ctypes.c_void_p, (ctypes.c_char_p,)
    x.XDefaultRootWindow.restype, x.XDefaultRootWindow.argtypes = ctypes.c_ulong, (ctypes.c_void_p,)
    x.XDisplayWidth.argtypes = x.XDisplayHeight.argtypes = (ctypes.c_void_p, ctypes.c_int)
    outputs = [ctypes.POINTER(kind) for kind in (*[ctypes.c_ulong] * 2, *[ctypes.c_int] * 4, ctypes.c_uint)]
    x.XQueryPointer.argtypes = (ctypes.c_void_p, ctypes.c_ulong, *outputs)
    display = x.XOpenDisplay(None)
    if not display:
        raise OSError("no X11 display")
    root, size = x.XDefaultRootWindow(display), (x.XDisplayWidth(display, 0), x.XDisplayHeight(display, 0))

    def pointer() -> tuple[float, float]:
        windows = (ctypes.c_ulong(), ctypes.c_ulong())
        places = [ctypes.c_int() for _ in range(4)]
        x.XQueryPointer(display, root, *map(ctypes.byref, (*windows, *places, ctypes.c_uint())))
        return places[0].value / size[0], places[1].value / size[1]

    return pointer
