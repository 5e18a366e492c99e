"""The screen of the computer as a video file, and the number of each frame as an LSL stream at the picture's time.

The file is Matroska with H.264: it can be read up to where it was cut off, whatever ended the recording. No file that
exists is touched: where the screen was lost and is back, the next file begins, NAME_2.mkv, and its frames count from 0.
"""

from __future__ import annotations

import contextlib
import time
import zlib
from collections.abc import Callable, Sequence
from fractions import Fraction
from itertools import count
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from rtemo.bridges.device import DeviceLost, DeviceSamples, described, needed
from rtemo.core.errors import RtemoError
from rtemo.core.types import Channel, StreamInfo
from rtemo.sources.private_files import owner_only
from rtemo.sources.stream_choice import VIDEO_FRAMES, screen_source

ENDING = ".mkv"
RATE_HZ, MOST_HZ = 10.0, 60.0
EXTRA = "pip install 'rtemo[screen]'"
CHANNELS = (Channel("frame", "FrameNumber"), Channel("file", "FileNumber"))
KEY_FRAME_S = 2.0  # from one whole picture to the next
WRITTEN_S = 1.0  # so much is lost where the recording is killed
_TICKS = 1000  # a second, of the file's times

Picture = NDArray[np.uint8]  # (height, width, 4): blue, green, red, unused


class Grabber(Protocol):
    """Takes pictures of the screen."""

    def grab(self) -> Picture: ...

    def close(self) -> None: ...


class Encoder(Protocol):
    """A video file. seconds: since its first frame."""

    def add(self, picture: Picture, seconds: float) -> None: ...

    def close(self) -> None: ...


class ScreenVideo:
    """Looks at the screen at an even rate."""

    shares_clock = True

    def __init__(
        self,
        video: Path,
        rate_hz: float,
        clock: Callable[[], float],
        find_screen: Callable[[], Grabber],
        new_file: Callable[[Path, tuple[int, int], float], Encoder],
        wait: Callable[[float], None] = time.sleep,
    ) -> None:
        """Raises RtemoError for a rate or a file that cannot be."""
        if not 1.0 <= rate_hz <= MOST_HZ:
            raise RtemoError(
                f"the screen is looked at 1 to {MOST_HZ:g} times a second", f"found {rate_hz:g}", "change --rate"
            )
        if video.suffix != ENDING:
            raise RtemoError(f"the video is a {ENDING} file", f"found {video.name!r}", "change its name")
        self._video, self._rate_hz, self._clock, self._wait = video, rate_hz, clock, wait
        self._find_screen, self._new_file = find_screen, new_file
        self._grabber: Grabber | None = None
        self._encoder: Encoder | None = None
        self._frame = self._file = 0
        self._next_s = self._first_s = 0.0

    def open(self) -> tuple[StreamInfo, ...]:
        self._grabber = self._find_screen()
        self._next_s = self._clock()
        source_id = (
            f"{screen_source()}{zlib.crc32(str(self._video.absolute()).encode()):08x}"  # as long as it is one file
        )
        name = "screen frames"
        return (described("frames", name, VIDEO_FRAMES, 0.0, CHANNELS, source_id, "screen", "int32"),)

    def read(self) -> Sequence[DeviceSamples]:
        assert self._grabber is not None
        self._wait(max(self._next_s - self._clock(), 0.0))
        before_s = self._clock()
        picture = self._grabber.grab()
        taken_s = 0.5 * (before_s + self._clock())
        self._next_s = max(self._next_s + 1.0 / self._rate_hz, before_s)
        if self._encoder is None:
            path = self._next_path()
            self._encoder, self._frame, self._first_s = (
                self._new_file(path, picture.shape[:2], self._rate_hz),
                0,
                taken_s,
            )
        self._encoder.add(picture, taken_s - self._first_s)
        values = np.array([[self._frame, self._file]], np.int32)
        self._frame += 1
        return [DeviceSamples(0, np.array([taken_s]), values, taken_s)]

    def close(self) -> None:
        encoder, grabber, self._encoder, self._grabber = self._encoder, self._grabber, None, None
        with contextlib.ExitStack() as closing:  # the one, also where the other one fails
            for one in (encoder, grabber):
                if one is not None:
                    closing.callback(one.close)

    def _next_path(self) -> Path:
        """A file that is not there yet, made for its owner alone."""
        for number in count(self._file + 1):
            self._file = number
            name = self._video.name if self._file == 1 else f"{self._video.stem}_{self._file}{ENDING}"
            try:
                with open(self._video.with_name(name), "xb", opener=owner_only):
                    return self._video.with_name(name)
            except FileExistsError:
                continue
            except OSError as error:
                raise RtemoError(f"{name} cannot be written", error.strerror or "", "name another file") from error
        raise AssertionError  # count never ends


class ScreenGrabber:
    """The pictures of one monitor, by the package mss."""

    def __init__(self, monitor: int) -> None:
        """monitor: 1 for the first, 0 for all together. Raises RtemoError where there is no such, or no screen."""
        try:
            import mss
        except ImportError as error:
            raise needed("mss", EXTRA, error) from error
        self._lost = mss.exception.ScreenShotError
        try:
            self._screen = mss.MSS()
            monitors = self._screen.monitors
        except self._lost as error:
            raise RtemoError(
                "the screen cannot be seen", str(error), "use a desktop on X11, Windows or macOS"
            ) from error
        if not 0 <= monitor < len(monitors):
            raise RtemoError(f"there is no monitor {monitor}", f"there are {len(monitors) - 1}", "change --monitor")
        self._area = monitors[monitor]

    def grab(self) -> Picture:
        try:
            shot = self._screen.grab(self._area)
        except self._lost as error:
            raise DeviceLost(f"the screen cannot be seen: {error}") from error
        return np.frombuffer(shot.raw, np.uint8).reshape(shot.height, shot.width, 4)

    def close(self) -> None:
        self._screen.close()


class VideoFile:
    """A Matroska file with H.264, by the package av."""

    def __init__(self, path: Path, size: tuple[int, int], rate_hz: float) -> None:
        """size: height and width of the pictures; an odd row or column at the edge is left out, as H.264 has none."""
        try:
            import av
        except ImportError as error:
            raise needed("av", EXTRA, error) from error
        self._frame_of = av.VideoFrame.from_ndarray
        self._height, self._width = size[0] // 2 * 2, size[1] // 2 * 2
        container_options = {"cluster_time_limit": f"{1000 * WRITTEN_S:.0f}", "flush_packets": "1"}
        self._file = av.open(str(path), "w", format="matroska", options=container_options)
        options = {
            "preset": "ultrafast",
            "crf": "23",
            "tune": "zerolatency",
            "g": f"{max(round(KEY_FRAME_S * rate_hz), 1)}",
        }
        self._stream: Any = self._file.add_stream(
            "libx264", rate=Fraction(rate_hz).limit_denominator(1000), options=options
        )
        self._stream.width, self._stream.height, self._stream.pix_fmt = self._width, self._height, "yuv420p"
        self._stream.codec_context.time_base = Fraction(1, _TICKS)
        self._last = -1

    def add(self, picture: Picture, seconds: float) -> None:
        frame = self._frame_of(np.ascontiguousarray(picture[: self._height, : self._width]), format="bgra")
        self._last = max(round(_TICKS * seconds), self._last + 1)
        frame.pts, frame.time_base = self._last, Fraction(1, _TICKS)
        for packet in self._stream.encode(frame):
            self._file.mux(packet)

    def close(self) -> None:
        for packet in self._stream.encode(None):
            self._file.mux(packet)
        self._file.close()
