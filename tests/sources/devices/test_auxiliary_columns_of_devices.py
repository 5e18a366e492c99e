"""Which columns of the imitated devices count samples, hold triggers or impedances; and that none of them is EEG."""

from __future__ import annotations

import pytest
from eeg_devices import EEG_DEVICES
from stream_builder import TEN_TWENTY, eeg_channels, stream

from rtemo import resources
from rtemo.core.errors import RtemoError
from rtemo.core.types import Channel
from rtemo.sources.devices.auxiliary_columns import auxiliary_columns, impedance_stream_columns, is_impedance_stream
from rtemo.sources.devices.profile import eeg_channel_map, load_profiles, match
from rtemo.sources.devices.profile_file import read_profile

PROFILES = load_profiles(resources.devices())
# device -> (label of the counter, where it wraps around, column of made-up samples, labels of triggers)
SENT = {
    "liveamp": ("SampleCounter", 0, None, ["DeviceTrigger", "STESync"]),
    "actichamp": ("SampleCounter", 0, None, ["Markers"]),
    "brainamp": (None, 0, None, ["triggerStream"]),
    "g.needaccess": ("Counter", 1_000_000, None, ["Digital IOs"]),
    "egi": (None, 0, None, ["DIN"]),
    "emotiv": ("Counter", 128, "Interpolate", ["HardwareMarker", "Markers"]),
}


def layout_of(info):
    return eeg_channel_map(info, match(info, PROFILES).profile)


@pytest.mark.parametrize("device", SENT)
def test_what_a_device_sends_beside_its_eeg(device):
    info = EEG_DEVICES[device][0]
    found = layout_of(info).auxiliary
    counter, modulus, filled, triggers = SENT[device]
    assert [one.label for one in found.triggers] == triggers
    if counter is None:
        assert found.counter is None
        return
    assert (info.labels[found.counter.column], found.counter.modulus) == (counter, modulus)
    assert found.counter.filled == (None if filled is None else info.labels.index(filled))
    assert found.counter.exact == (2.0**24 if info.channel_format == "float32" else 2.0**53)


@pytest.mark.parametrize("device", EEG_DEVICES)
def test_an_auxiliary_column_is_never_eeg(device):
    info = EEG_DEVICES[device][0]
    try:
        layout = layout_of(info)
    except RtemoError:
        return  # a device whose electrodes have to be named first
    found = layout.auxiliary
    columns = {one.column for one in (*found.triggers, *found.impedances)}
    columns |= {found.counter.column} if found.counter is not None else set()
    assert not columns & set(layout.columns)


def test_columns_that_are_not_typed_are_told_by_their_labels():
    labels = [*TEN_TWENTY, "Trigger", "STI 014"]
    info = stream("amp", "EEG", eeg_channels(labels))
    layout = layout_of(info)
    assert [one.label for one in layout.auxiliary.triggers] == ["Trigger", "STI 014"]
    assert "its edges are markers" in layout.left_out["Trigger"]


def test_impedances_beside_the_eeg_belong_to_their_electrodes():
    impedances = [
        Channel("Fz", "Impedance", "kOhm"),
        Channel("Z_Cz", "Impedance", "Ohm"),
        Channel("Pz imp", "impedance"),
    ]
    info = stream("amp", "EEG", [*eeg_channels(TEN_TWENTY), *impedances])
    layout = layout_of(info)
    found = [(one.column, one.electrode, one.kohm) for one in layout.auxiliary.impedances]
    assert found == [(19, "Fz", 1.0), (20, "Cz", 1e-3), (21, "Pz", 1.0)]
    assert len(layout.columns) == 19


def test_a_stream_of_impedances_has_one_an_electrode():
    info = stream(
        "NetAmp impedance", "Impedance", [Channel("E1", "Impedance", "kohms"), Channel("", "Impedance")], rate=1
    )
    assert is_impedance_stream(info)
    assert [one.electrode for one in impedance_stream_columns(info).impedances] == ["E1"]
    assert not is_impedance_stream(stream("amp", "EEG", eeg_channels(TEN_TWENTY)))


def test_a_column_number_beyond_the_stream_is_no_column():
    unicorn = next(profile for profile in PROFILES if profile.id == "unicorn")
    assert auxiliary_columns(stream("Unicorn", "EEG", 17, rate=250.0), unicorn).counter.column == 15
    assert auxiliary_columns(stream("Unicorn", "EEG", 8, rate=250.0), unicorn).counter is None


@pytest.mark.parametrize(
    "text",
    [
        "[counter]\nmodulus = 256",
        '[counter]\nlabel = "^C$"\ncolumn = 3',
        '[counter]\nlabel = "^C$"\nmodulus = 1',
        '[[trigger]]\nlabel = "^T$"\ninverted = true',
        '[[trigger]]\nlabel = "^T$"\nvalues = {go = "start"}',
        '[[trigger]]\nlabel = "("',
        '[impedance]\nunit = "kOhm"',
        '[impedance]\nlabel = "^Z"\nunit = "volts"',
    ],
)
def test_a_rule_that_cannot_be_right_is_refused(tmp_path, text):
    path = tmp_path / "x" / "profile.toml"
    path.parent.mkdir()
    path.write_text(
        f'id = "x"\nname = "x"\nkind = "eeg"\nfacts = "x"\n[[match]]\ntype = "x"\n{text}\n', encoding="utf-8"
    )
    with pytest.raises(RtemoError):
        read_profile(path)
