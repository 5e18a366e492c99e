"""Descriptions are text from other machines: too long or too deep a one is cut down to its core."""

from __future__ import annotations

import pytest

from rtemo.core.errors import RtemoError
from rtemo.sources.stream_xml import MAX_CHARACTERS, MAX_DEPTH, parse_xml, recordable_xml, same_description, stream_info

CORE = (
    "<?xml version='1.0'?><info><name>amp</name><type>EEG</type><channel_count>2</channel_count>"
    "<channel_format>float32</channel_format><source_id>s</source_id><nominal_srate>250</nominal_srate>"
)


def described(inside: str) -> str:
    return f"{CORE}<desc>{inside}</desc></info>"


def nested(depth: int) -> str:
    return described("<a>" * depth + "</a>" * depth)


@pytest.mark.parametrize(
    "xml", [nested(1000), nested(200_000), described("x" * MAX_CHARACTERS)], ids=["deep", "very deep", "long"]
)
def test_of_a_description_that_is_too_large_the_core_is_read_and_kept(xml):
    info = stream_info(xml, "amp")

    assert (info.name, info.n_channels, info.nominal_rate_hz, info.source_id) == ("amp", 2, 250.0, "s")
    assert info.labels == ("", "")
    assert len(info.xml) < 1000
    assert same_description(info, stream_info(recordable_xml(info), "amp"))


def test_a_description_that_is_as_deep_as_it_may_be_is_kept_whole():
    xml = nested(MAX_DEPTH - 2)

    assert stream_info(xml, "amp").xml == xml
    assert parse_xml(xml).find("desc") is not None


def test_what_is_too_large_and_has_no_core_at_its_beginning_is_refused():
    with pytest.raises(RtemoError, match="without its core"):
        stream_info("<info>" + "<x/>" * MAX_CHARACTERS, "amp")
