"""The real recordings, read by pyxdf: which streams are chosen, and how their columns are read."""

import numpy as np
import pytest
import pyxdf

from rtemo import resources
from rtemo.core.errors import RtemoError
from rtemo.core.types import Channel, Modality, StreamInfo
from rtemo.core.units import plausible_scale
from rtemo.sources.devices.profile import eeg_channel_map, load_profiles
from rtemo.sources.stream_choice import StreamQuery, choose, choose_markers

PROFILES = load_profiles(resources.devices())


@pytest.fixture
def recording(shared_recordings):
    def read(name):
        """(StreamInfo, values) of the streams that hold samples."""
        streams, _ = pyxdf.load_xdf(shared_recordings / name, synchronize_clocks=False, dejitter_timestamps=False)
        return [(info_of(stream), stream["time_series"]) for stream in streams if len(stream["time_stamps"])]

    return read


def info_of(stream):
    head = {
        key: (value[0] if value else None) or "" for key, value in stream["info"].items() if isinstance(value, list)
    }
    n_channels = int(head["channel_count"])
    nodes = []
    if head["desc"]:
        nodes = head["desc"].get("channels", [{}])[0].get("channel", [])
    channels = [Channel(*(node.get(key, [""])[0] or "" for key in ("label", "type", "unit"))) for node in nodes]
    channels += [Channel()] * (n_channels - len(channels))
    return StreamInfo(
        str(stream["info"]["stream_id"]),
        head["name"],
        head["type"],
        head["channel_format"],
        float(head["nominal_srate"]),
        tuple(channels),
        head.get("source_id", ""),
        head.get("hostname", ""),
    )


@pytest.mark.parametrize("name", ["muse_P001.xdf", "muse_P003.xdf"])
def test_a_muse_is_told_from_its_own_sensors_and_has_four_channels(recording, name):
    streams = recording(name)
    choice = choose([info for info, _ in streams], Modality.EEG, None, PROFILES)
    channel_map = eeg_channel_map(choice.info, choice.match.profile)
    values = next(values for info, values in streams if info == choice.info)

    assert choice.match.profile.id == "muse"
    assert channel_map.labels == ("TP9", "AF7", "AF8", "TP10")
    assert dict(channel_map.left_out) == {"AUX_RIGHT": "no EEG channel of Muse (muse-lsl, BlueMuse)"}
    assert plausible_scale(values[:256, list(channel_map.columns)], channel_map.scale)[1] is None
    assert choose([info for info, _ in streams], Modality.GAZE, None, PROFILES) is None


def test_the_openbci_recording_replays_on_the_default_electrodes_with_its_markers(recording):
    streams = recording("openbci_markers.xdf")
    infos = [info for info, _ in streams]
    choice = choose(infos, Modality.EEG, None, PROFILES)
    channel_map = eeg_channel_map(choice.info, choice.match.profile)
    values = next(values for info, values in streams if info == choice.info)

    assert choice.match.profile.id == "openbci"
    assert len(channel_map.columns) == 8
    assert channel_map.notes
    assert plausible_scale(values[:250, list(channel_map.columns)], channel_map.scale)[1] is None
    assert [info.name for info in choose_markers(infos, None, PROFILES)] == ["Blinky"]


def test_three_columns_without_labels_are_refused_in_one_line(recording):
    infos = [info for info, _ in recording("minimal.xdf")]
    choice = choose(infos, Modality.EEG, None, PROFILES)

    with pytest.raises(RtemoError) as refused:
        eeg_channel_map(choice.info, choice.match.profile)
    assert str(refused.value).startswith("the EEG stream 'SendDataC' has 0 channels with a place on the head")
    assert "\n" not in str(refused.value)
    assert [info.name for info in choose_markers(infos, None, PROFILES)] == ["SendDataString"]


def test_a_recording_of_counters_and_control_strings_holds_neither_eeg_nor_gaze(recording):
    infos = [info for info, _ in recording("empty_streams.xdf")]

    assert choose(infos, Modality.EEG, None, PROFILES) is None
    assert choose(infos, Modality.GAZE, None, PROFILES) is None


def test_a_named_counter_is_refused_for_its_columns(recording):
    infos = [info for info, _ in recording("empty_streams.xdf")]
    query = StreamQuery(name="Data stream: test stream 0 counter")
    choice = choose(infos, Modality.EEG, query, PROFILES)

    with pytest.raises(RtemoError, match="4 are needed"):
        eeg_channel_map(choice.info, choice.match.profile)
    assert np.isfinite(choice.info.nominal_rate_hz)
