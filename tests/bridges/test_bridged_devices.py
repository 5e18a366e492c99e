"""Each bridge against what its device's program sends, through the device's profile to canonical values."""

from __future__ import annotations

import itertools
import socket
import time
from types import SimpleNamespace

import numpy as np
import pytest
from simulated_servers import Server, open_gaze, rda_data, rda_start

from rtemo import resources
from rtemo.bridges import BRIDGES
from rtemo.bridges.brainflow import OwnCount, board_id, board_shim, counter_for
from rtemo.bridges.brainflow import device_of as brainflow
from rtemo.bridges.brainvision_rda import RemoteDataAccess
from rtemo.bridges.device import DeviceLost
from rtemo.bridges.eyelink import EyeLink
from rtemo.bridges.gazepoint import Gazepoint, Messages
from rtemo.bridges.mouse import Mouse
from rtemo.bridges.pupil_labs import Glasses
from rtemo.bridges.tobii_pro import TobiiPro
from rtemo.core.errors import RtemoError
from rtemo.core.types import Modality
from rtemo.sources.devices.profile import load_profiles
from rtemo.sources.session_settings import SessionSettings
from rtemo.sources.stream_roles import StreamRoles

SCREEN_PX = (1920, 1080)


def now_s():
    return time.monotonic()


def read_until(device, done, seconds=10.0):
    """All blocks until `done` says so."""
    found, end_s = [], now_s() + seconds
    while now_s() < end_s:
        found += device.read()
        if done(found):
            return found
    raise AssertionError(f"it never came: {len(found)} blocks")


def n_samples(blocks, stream=0):
    return sum(len(block.device_s) for block in blocks if block.stream == stream)


def together(blocks, stream=0):
    mine = [block for block in blocks if block.stream == stream]
    return np.concatenate([block.device_s for block in mine]), np.concatenate([block.values for block in mine])


def canonical(info, values, part=Modality.GAZE):
    """The profile that the stream is read with, and what it makes of these values."""
    roles = StreamRoles(load_profiles(resources.devices()), SessionSettings())
    assert roles.choose_for(part, [info]) == info
    layout = roles.layout(info, part)
    return layout, layout.canonical(np.asarray(values, np.float64)) if part == Modality.GAZE else None


def test_every_bridge_has_a_profile_and_says_how_far_it_was_tried():
    known = {profile.id for profile in load_profiles(resources.devices())}
    for name, entry in BRIDGES.items():
        assert entry.profile in known, name
        readme = (resources.devices() / entry.profile / "README.md").read_text(encoding="utf-8")
        assert f"rtemo bridge {name}" in readme, name
        assert "never" in entry.tried


def test_gazepoint_from_a_server_that_cuts_at_any_byte_loses_nothing_and_counts_what_did_not_come():
    server = Server(open_gaze(100, 300, without=(150, 151, 200)), hello=True)
    device = Gazepoint("127.0.0.1", server.port, now_s)
    try:
        info, markers = device.open()
        blocks = read_until(device, lambda found: n_samples(found) >= 297)
    finally:
        device.close()
        server.close()
    times, values = together(blocks)
    assert len(times) == 297
    assert sum(block.lost for block in blocks) == 3
    assert np.allclose(times[:5], 5.0 + np.arange(100, 105) / 150.0, atol=1e-5)
    assert (markers.type, [b.values[0, 0] for b in blocks if b.stream == 1]) == ("Markers", ["picture_7"])
    assert b"ENABLE_SEND_USER_DATA" in server.asked
    _, gaze = canonical(info, values)
    assert np.allclose(gaze[0, :4], [0.01, 0.0025, 0.01, 0.0025], atol=1e-5)
    assert np.allclose(gaze[0, 4:], 3.1, atol=0.01)


@pytest.mark.parametrize("size", [1, 2, 3, 7, 64])
def test_open_gaze_messages_are_the_same_however_they_are_cut(size):
    text = open_gaze(0, 20)
    whole, cut = Messages().push(text), Messages()
    pieces = [cut.push(text[at : at + size]) for at in range(0, len(text), size)]
    assert list(itertools.chain(*pieces)) == whole
    assert len(whole) == 21


def test_what_does_not_speak_open_gaze_is_no_device():
    with pytest.raises(DeviceLost, match="Open Gaze"):
        Messages().push(b"HTTP/1.1 200 OK\r\n" * 10_000)


@pytest.mark.parametrize("kind", [2, 4])
def test_rda_gives_microvolts_markers_and_counted_losses(kind):
    rng = np.random.default_rng(0)
    counts = rng.integers(-1000, 1000, size=(6, 20, 4))
    script = rda_start(("Fz", "Cz", "Pz", "Oz"), 500.0, 0.5)
    for k in (0, 1, 2, 4, 5):  # block 3 never comes
        marks = ((7, "Stimulus", "S  1"), (9, "Comment", "")) if k == 2 else ()
        script += rda_data(10 + k, counts[k], marks, kind)
    server = Server(script)
    device = RemoteDataAccess("127.0.0.1", server.port, now_s)
    try:
        info, _ = device.open()
        blocks = read_until(device, lambda found: n_samples(found) >= 100)
    finally:
        device.close()
        server.close()
    times, values = together(blocks)
    assert (info.nominal_rate_hz, info.labels, info.channels[0].unit) == (500.0, ("Fz", "Cz", "Pz", "Oz"), "microvolts")
    assert np.array_equal(values, 0.5 * counts[[0, 1, 2, 4, 5]].reshape(-1, 4).astype(np.float32))
    assert np.allclose(times, np.concatenate([np.arange(60), np.arange(80, 120)]) / 500.0)
    assert sum(block.lost for block in blocks) == 20
    marks, texts = together(blocks, 1)
    assert np.allclose(marks, [47 / 500.0, 49 / 500.0])
    assert texts[:, 0].tolist() == ["S  1", "Comment"]
    layout, _ = canonical(info, values, Modality.EEG)
    assert layout.labels == ("Fz", "Cz", "Pz", "Oz")


@pytest.mark.parametrize("script", [b"HTTP/1.1 400 Bad Request\r\n\r\n" * 3, b"\0" * 64])
def test_what_does_not_speak_rda_is_no_device(script):
    server = Server(script)
    device = RemoteDataAccess("127.0.0.1", server.port, now_s)
    try:
        with pytest.raises(DeviceLost, match="RDA"):
            device.open()
    finally:
        device.close()
        server.close()


def test_nobody_there_is_a_lost_device():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(DeviceLost, match="does not answer"):
        Gazepoint("127.0.0.1", port, now_s).open()


def arguments(**given):
    options = dict.fromkeys(("serial_port", "mac_address", "ip_address", "serial_number", "other_info", "file"), "")
    return SimpleNamespace(**{**options, "board": "SYNTHETIC", "master_board": "", "ip_port": 0, **given})


def test_brainflows_synthetic_board_has_its_rate_its_electrodes_and_no_gap():
    device = brainflow(arguments(), now_s)
    try:
        info, _ = device.open()
        blocks = read_until(device, lambda found: n_samples(found) >= 250)
        device._shim.insert_marker(7.0)
        blocks += read_until(device, lambda found: n_samples(found) >= 250)
    finally:
        device.close()
    times, values = together(blocks)
    assert np.allclose(np.diff(times), 1 / 250.0)
    assert sum(block.lost for block in blocks) == 0
    assert info.nominal_rate_hz == 250.0
    assert blocks[-1].arrived_s - blocks[0].arrived_s == pytest.approx(times[-1] - blocks[0].device_s[-1], abs=0.1)
    layout, _ = canonical(info, values, Modality.EEG)
    assert "Cz" in layout.labels
    assert together(blocks, 1)[1].tolist() == [["7"]]
    assert len(layout.labels) == 16


def test_brainflows_playback_board_gives_what_was_recorded(tmp_path):
    library = board_shim()
    board = board_id(library, "synthetic")
    layout = library.BoardShim.get_board_descr(board)
    data = np.zeros((layout["num_rows"], 600))
    data[layout["package_num_channel"]] = np.arange(600) % 256
    data[layout["timestamp_channel"]] = 1.7e9 + np.arange(600) / 250.0
    data[layout["eeg_channels"]] = np.arange(600) + 1000.0 * np.arange(16)[:, None]
    data = np.delete(data, [400, 401], axis=1)
    path = tmp_path / "recorded.csv"
    np.savetxt(path, data.T, delimiter="\t", fmt="%.6f")
    device = brainflow(arguments(board="PLAYBACK_FILE", master_board="SYNTHETIC", file=str(path)), now_s)
    try:
        device.open()
        blocks = read_until(device, lambda found: n_samples(found) >= 550)
    finally:
        device.close()
    times, values = together(blocks)
    first = int(values[0, 0])
    assert np.array_equal(values[:, 1] - values[:, 0], np.full(len(values), 1000.0))
    assert np.allclose(times, (values[:, 0] - first) / 250.0)
    assert sum(block.lost for block in blocks) == 2


def test_a_board_that_does_not_exist_is_refused_with_those_that_do():
    with pytest.raises(RtemoError, match="CYTON"):
        brainflow(arguments(board="CYTOM"), now_s)


def test_packets_without_a_number_are_counted_one_by_one():
    assert isinstance(counter_for(np.zeros(50)), OwnCount)
    assert OwnCount().count(np.zeros(3))[0].tolist() == [0, 1, 2]


class Xyz(SimpleNamespace):
    pass


def neon_datum(k, *, worn=True):
    centres = {f"eyeball_center_{eye}": Xyz(x=1.0, y=2.0, z=3.0) for eye in ("left", "right")}
    lids = {f"eyelid_{w}_{e}": 0.5 for w in ("angle_top", "angle_bottom", "aperture") for e in ("left", "right")}
    return SimpleNamespace(
        x=800.0, y=600.0 + k, worn=worn, timestamp_unix_seconds=1.7e9 + k / 200.0,
        pupil_diameter_left=3.5, pupil_diameter_right=3.25, **centres, **lids,
    )  # fmt: skip


def test_pupil_labs_by_its_documented_calls():
    data = iter([neon_datum(0), neon_datum(1), neon_datum(2, worn=False), None])
    phone = SimpleNamespace(
        phone_name="OnePlus", phone_id="abc", module_serial="123", close=lambda: None,
        receive_gaze_datum=lambda timeout_seconds: next(data),
    )  # fmt: skip
    device = Glasses(SimpleNamespace(discover_one_device=lambda max_search_duration_seconds: phone), None, now_s)
    (info,) = device.open()
    blocks = [*device.read(), *device.read(), *device.read(), *device.read()]
    device.close()
    times, values = together(blocks)
    assert np.allclose(times, 1.7e9 + np.arange(3) / 200.0)
    _, gaze = canonical(info, values)
    assert np.allclose(gaze[0], [0.5, 0.5, 0.5, 0.5, 3.5, 3.25])
    assert np.isnan(gaze[2]).all()


def test_tobii_pro_by_its_documented_calls():
    taken = []
    tracker = SimpleNamespace(
        model="Spectrum", serial_number="1", get_gaze_output_frequency=lambda: 600.0,
        subscribe_to=lambda what, call, as_dictionary: taken.append(call),
        unsubscribe_from=lambda what, call: taken.remove(call),
    )  # fmt: skip
    library = SimpleNamespace(EYETRACKER_GAZE_DATA="gaze", find_all_eyetrackers=lambda: [tracker])
    device = TobiiPro(library, "", now_s)
    (info,) = device.open()
    for k in range(3):
        eyes = {}
        for eye in ("left", "right"):
            seen = not (k == 2 and eye == "left")
            eyes |= {
                f"{eye}_gaze_point_on_display_area": (0.25, 0.75),
                f"{eye}_gaze_point_validity": int(seen),
                f"{eye}_pupil_diameter": 3.0 + k,
                f"{eye}_pupil_validity": int(seen),
            }
        taken[0]({"device_time_stamp": 10_000_000 + 1667 * k, **eyes})
    times, values = together(device.read())
    device.close()
    assert taken == []
    assert np.allclose(times, 10.0 + 0.001667 * np.arange(3))
    _, gaze = canonical(info, values)
    assert np.allclose(gaze[0], [0.25, 0.75, 0.25, 0.75, 3.0, 3.0])
    assert np.isnan(gaze[2, [0, 1, 4]]).all()
    assert np.allclose(gaze[2, [2, 3, 5]], [0.25, 0.75, 5.0])


def test_eyelink_by_its_documented_calls():
    def eye(x, pupil):
        return SimpleNamespace(getGaze=lambda: (x, 540.0), getPupilSize=lambda: pupil)

    samples = [
        SimpleNamespace(getTime=lambda: 5000.0, getLeftEye=lambda: eye(960.0, 900.0), getRightEye=lambda: None),
        SimpleNamespace(getTime=lambda: 5001.0, getLeftEye=lambda: eye(-32768.0, 0.0), getRightEye=lambda: None),
    ]
    kinds, waiting, calls = iter([200, 8, 200, 0]), iter(samples), []
    tracker = SimpleNamespace(
        startRecording=lambda *what: calls.append(what), stopRecording=lambda: calls.append("stop"),
        close=lambda: calls.append("close"), getNextData=lambda: next(kinds), getFloatData=lambda: next(waiting),
        isConnected=lambda: True,
    )  # fmt: skip
    device = EyeLink(SimpleNamespace(EyeLink=lambda host: tracker), "100.1.1.1", now_s, start=True)
    (info,) = device.open()
    times, values = together(device.read())
    device.close()
    assert calls == [(0, 0, 1, 0), "stop", "close"]
    assert np.allclose(times, [5.0, 5.001])
    assert info.labels[:2] == ("leftEyeX", "leftEyeY")
    assert values[0, :2].tolist() == [960.0, 540.0]
    assert np.isnan(values[0, 2:4]).all()
    assert np.isnan(values[1]).all()


def test_the_mouse_is_gaze_of_both_eyes_at_its_rate():
    passed = SimpleNamespace(now_s=50.0)

    def wait(seconds):
        passed.now_s += seconds

    device = Mouse(60.0, lambda: passed.now_s, lambda: lambda: (0.25, 0.5), wait)
    (info,) = device.open()
    blocks = [*device.read(), *device.read()]
    device.close()
    times, values = together(blocks)
    assert np.allclose(np.diff(times), 1 / 60.0)
    _, gaze = canonical(info, values)
    assert np.allclose(gaze[0, :4], [0.25, 0.5, 0.25, 0.5])


@pytest.mark.parametrize("rate_hz", [0.0, 1e6, float("nan")])
def test_the_mouse_is_not_looked_at_at_any_rate(rate_hz):
    with pytest.raises(RtemoError, match="1 to 1000"):
        Mouse(rate_hz, now_s, lambda: lambda: (0.0, 0.0))
