"""The screen as a video and an LSL stream: which frame is which, when it was taken, and what is left when it ends."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import time

import numpy as np
import pytest

from rtemo.bridges.bridge import Bridge
from rtemo.bridges.device import DeviceLost
from rtemo.bridges.screen import ScreenGrabber, ScreenVideo, VideoFile
from rtemo.core.errors import RtemoError
from rtemo.core.types import StreamInfo
from rtemo.sources.output_settings import OutputSettings
from rtemo.sources.session_settings import SessionSettings, parse_settings, settings_text
from rtemo.sources.stream_choice import is_screen
from rtemo.sources.stream_roles import StreamRoles

PICTURE = np.zeros((4, 6, 4), np.uint8)


class Clock:
    """Time goes on while somebody waits, and by 20 ms while a picture is taken."""

    def __init__(self):
        self.now_s = 100.0

    def __call__(self):
        return self.now_s

    def wait(self, seconds):
        self.now_s += seconds


class FakeScreen:
    def __init__(self, clock, lost_at=()):
        self.clock, self.lost_at, self.n, self.closed = clock, lost_at, 0, 0

    def grab(self):
        self.n += 1
        self.clock.now_s += 0.02
        if self.n in self.lost_at:
            raise DeviceLost("the screen cannot be seen: locked")
        return PICTURE

    def close(self):
        self.closed += 1


class FakeFile:
    def __init__(self, path, size, rate_hz):
        self.path, self.size, self.rate_hz, self.seconds, self.closed = path, size, rate_hz, [], False
        FILES.append(self)

    def add(self, picture, seconds):
        assert picture is PICTURE
        self.seconds.append(seconds)

    def close(self):
        self.closed = True


FILES = []


class Published:
    def __init__(self):
        self.streams, self.stamps, self.values = (), [], []

    def open(self, streams):
        self.streams = tuple(streams)

    def push(self, _stream, stamps, values):
        self.stamps += stamps.tolist()
        self.values += values.tolist()

    def close(self):
        pass


def test_each_frame_has_its_number_and_the_time_of_its_picture(tmp_path):
    FILES.clear()
    clock, published = Clock(), Published()
    screen = FakeScreen(clock)
    bridge = Bridge(
        ScreenVideo(tmp_path / "a.mkv", 10.0, clock, lambda: screen, FakeFile, clock.wait), published, clock, print
    )
    for _ in range(4):
        bridge.turn()
    assert published.values == [[0, 1], [1, 1], [2, 1], [3, 1]]
    assert published.stamps == pytest.approx([100.01, 100.11, 100.21, 100.31])
    (file,) = FILES
    assert (file.path, file.size, file.rate_hz) == (tmp_path / "a.mkv", (4, 6), 10.0)
    assert file.seconds == pytest.approx([0.0, 0.1, 0.2, 0.3])
    assert (published.streams[0].type, published.streams[0].nominal_rate_hz) == ("VideoFrames", 0.0)
    assert is_screen(published.streams[0])


def test_a_screen_that_was_lost_goes_on_in_the_next_file_and_none_is_overwritten(tmp_path):
    FILES.clear()
    (tmp_path / "a.mkv").write_text("mine")
    clock, published = Clock(), Published()
    screen = FakeScreen(clock, lost_at=(3,))
    device = ScreenVideo(tmp_path / "a.mkv", 10.0, clock, lambda: screen, FakeFile, clock.wait)
    bridge = Bridge(device, published, clock, print)
    for _ in range(2):
        bridge.turn()
    with pytest.raises(DeviceLost):
        bridge.turn()
    bridge._let_go()
    bridge.turn()
    assert published.values == [[0, 2], [1, 2], [0, 3]]
    assert [(file.path.name, file.closed) for file in FILES] == [("a_2.mkv", True), ("a_3.mkv", False)]
    assert screen.closed == 1
    assert (tmp_path / "a.mkv").read_text() == "mine"
    device.close()
    assert FILES[-1].closed


@pytest.mark.parametrize(
    ("name", "rate_hz", "wrong"), [("a.mp4", 10.0, "a .mkv file"), ("a.mkv", 0.5, "1 to 60 times")]
)
def test_what_cannot_be_recorded_is_refused(tmp_path, name, rate_hz, wrong):
    with pytest.raises(RtemoError, match=wrong):
        ScreenVideo(tmp_path / name, rate_hz, Clock(), None, FakeFile)


def test_the_frame_numbers_of_this_computer_alone_are_recorded_where_the_screen_is(tmp_path):
    clock = Clock()
    (own,) = ScreenVideo(tmp_path / "a.mkv", 10.0, clock, lambda: FakeScreen(clock), FakeFile).open()
    other = StreamInfo("x", own.name, own.type, "int32", 0.0, own.channels, "rtemo-screen@elsewhere:1")
    asked = SessionSettings(outputs=OutputSettings(screen=True))
    assert parse_settings(settings_text(asked)) == asked
    recorded = [
        StreamRoles((), settings).is_recorded_too(info)
        for settings in (asked, SessionSettings())
        for info in (own, other)
    ]
    assert recorded == [True, False, False, False]


@pytest.fixture
def display(monkeypatch):
    """A screen of its own."""
    if shutil.which("Xvfb") is None:
        pytest.skip("Xvfb is not installed")
    chosen, tell = os.pipe()
    command = ["Xvfb", "-displayfd", str(tell), "-screen", "0", "321x241x24", "-nolisten", "tcp"]
    process = subprocess.Popen(command, pass_fds=(tell,), stderr=subprocess.DEVNULL)
    os.close(tell)
    with os.fdopen(chosen) as told:
        number = told.readline().strip()  # it is told once the screen is there
    monkeypatch.setenv("DISPLAY", f":{number}")
    yield number
    process.terminate()
    process.wait()


def frames_of(path):
    """Width, height and time of each picture that can be read."""
    av = pytest.importorskip("av")
    with av.open(str(path)) as video:
        return [(frame.width, frame.height, float(frame.pts * frame.time_base)) for frame in video.decode(video=0)]


def test_a_video_can_be_read_up_to_a_second_before_its_recording_was_killed(tmp_path):
    pytest.importorskip("av")
    path, rng = tmp_path / "a.mkv", np.random.default_rng(3)
    file = VideoFile(path, (49, 64), 10.0)
    for number in range(45):
        file.add(rng.integers(0, 255, (49, 64, 4), dtype=np.uint8), number / 10.0)
    killed = tmp_path / "killed.mkv"
    killed.write_bytes(path.read_bytes())  # what a kill now would leave
    file.close()
    assert 34 <= len(frames_of(killed)) <= len(frames_of(path)) == 45


@pytest.mark.usefixtures("display")
def test_a_real_screen_becomes_a_video_whose_frames_are_those_of_the_stream(tmp_path):
    pytest.importorskip("mss")
    pytest.importorskip("av")
    published = Published()
    device = ScreenVideo(tmp_path / "a.mkv", 60.0, time.monotonic, lambda: ScreenGrabber(1), VideoFile)
    bridge = Bridge(device, published, time.monotonic, print)
    for _ in range(20):
        bridge.turn()
    bridge._let_go()
    path = tmp_path / "a.mkv"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    found = frames_of(path)
    assert len(found) == len(published.values) == 20
    assert {size[:2] for size in found} == {(320, 240)}  # H.264 has no odd sizes
    off_s = np.array([one[2] for one in found]) - (np.array(published.stamps) - published.stamps[0])
    assert np.abs(off_s).max() < 0.025  # whole milliseconds, each later than the last
    with pytest.raises(RtemoError, match="there is no monitor 7"):
        ScreenGrabber(7)
