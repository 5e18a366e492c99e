"""Columns that the session's settings rename: what an error lists, so that the right key can be read off it."""

from __future__ import annotations

import hashlib

import pytest
from stream_builder import eeg_channels, stream

from rtemo.core.errors import RtemoError
from rtemo.sources.devices.column_names import renamed_columns
from rtemo.sources.devices.profile_file import read_own_profile


@pytest.mark.parametrize(
    ("channels", "found"),
    [
        (3, "it has 3 columns without labels"),
        (eeg_channels(["Fz", " ", " Cz "]), "its columns are Fz, 2, Cz"),
        (eeg_channels(["Oz", "oz", "Pz", "OZ"]), "columns 1, 2, 4 have that label"),
    ],
)
def test_a_key_that_is_not_one_column_lists_what_the_stream_has(channels, found):
    with pytest.raises(RtemoError) as refused:
        renamed_columns(stream("amp", "EEG", channels), {"Oz": "O1"}, "eeg")

    assert refused.value.fact == "[eeg.map] names 'Oz', which is not one column of 'amp'"
    assert refused.value.found == found


def test_the_digest_of_an_own_profile_is_the_same_for_either_line_ending(tmp_path):
    text = b'id = "own"\nname = "x"\nkind = "eeg"\nfacts = "x"\n[[match]]\ntype = "x"\n'
    path = tmp_path / "own" / "profile.toml"
    path.parent.mkdir()
    for written in (text, text.replace(b"\n", b"\r\n")):
        path.write_bytes(written)
        own = read_own_profile(path)
        assert (own.id, own.path, own.digest) == ("own", path, hashlib.sha256(text).hexdigest())
