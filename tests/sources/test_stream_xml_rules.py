"""Descriptions read and written, rule by rule, against texts that were written by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rtemo.core.errors import RtemoError
from rtemo.core.types import Channel, StreamInfo
from rtemo.sources import stream_xml as xml_rules
from rtemo.sources.stream_xml import (
    DescriptionTooLarge,
    channel_numbers,
    decode_xml,
    desc_of,
    n_described,
    parse_xml,
    recordable_xml,
    same_description,
    stream_info,
    stream_xml,
    xml_text,
)

PLAIN = StreamInfo("1", "amp", "EEG", "float32", 250.0, (Channel(), Channel()), "s1", "lab", "u1")
WRITTEN = """<?xml version="1.0"?>
<info>
\t<name>amp</name>
\t<type>EEG</type>
\t<channel_count>2</channel_count>
\t<channel_format>float32</channel_format>
\t<source_id>s1</source_id>
\t<nominal_srate>250.0</nominal_srate>
\t<version>1.100000000000000</version>
\t<uid>u1</uid>
\t<hostname>lab</hostname>
\t<desc />
</info>
"""
FULL = Channel("Fz", "EEG", "microvolts", "left", (1.0, -2.5, 30.0))
WRITTEN_CHANNELS = """\t<desc>
\t\t<channels>
\t\t\t<channel>
\t\t\t\t<label>Fz</label>
\t\t\t\t<type>EEG</type>
\t\t\t\t<unit>microvolts</unit>
\t\t\t\t<eye>left</eye>
\t\t\t\t<location>
\t\t\t\t\t<X>1.0</X>
\t\t\t\t\t<Y>-2.5</Y>
\t\t\t\t\t<Z>30.0</Z>
\t\t\t\t</location>
\t\t\t</channel>
\t\t\t<channel>
\t\t\t\t<label />
\t\t\t</channel>
\t\t</channels>
\t</desc>
"""


def core(count="2", channel_format="float32", rate="250", more=""):
    return (
        f"<info><name>amp</name><type>EEG</type><channel_count>{count}</channel_count><source_id>s1</source_id>"
        f"<channel_format>{channel_format}</channel_format><nominal_srate>{rate}</nominal_srate>"
        f"<hostname>lab</hostname><uid>u1</uid>{more}</info>"
    )


def channels(*texts, within="channels"):
    inside = "".join(f"<channel>{text}</channel>" for text in texts)
    return f"<desc><{within}>{inside}</{within}></desc>" if within else f"<desc>{inside}</desc>"


def error_of(call):
    with pytest.raises(RtemoError) as caught:
        call()
    return caught.value.fact, caught.value.found, caught.value.todo


# Reading a text.


def test_what_is_no_utf_8_is_latin_1():
    assert decode_xml("µV".encode()) == "µV"
    assert decode_xml("µV".encode("latin-1")) == "µV"


def test_a_text_of_exactly_the_greatest_length_is_read_and_a_longer_one_is_not(monkeypatch):
    assert xml_rules.MAX_CHARACTERS == 8 * 1024 * 1024
    monkeypatch.setattr(xml_rules, "MAX_CHARACTERS", 10)
    assert parse_xml("<a>345</a>").text == "345"
    with pytest.raises(DescriptionTooLarge):
        parse_xml("<a>3456</a>")
    assert error_of(lambda: parse_xml("<a>3456</a>")) == ("a description is too long", "it has 11 characters", "")


def test_64_levels_are_read_and_65_are_not_however_many_elements_stand_beside_each_other():
    deepest = "<b/>" * 100
    assert parse_xml("<a>" * 63 + deepest + "</a>" * 63).tag == "a"
    for inside in (63 * "<a>" + deepest + 63 * "</a>", deepest + 64 * "<a>" + 64 * "</a>"):
        with pytest.raises(DescriptionTooLarge):
            parse_xml(f"<a>{inside}</a>")
    assert error_of(lambda: parse_xml("<a>" * 65 + "</a>" * 65)) == (
        "a description is nested too deeply", "more than 64 levels", "",
    )  # fmt: skip


@pytest.mark.parametrize("text", ["<!DOCTYPE a><a/>", "<! entity x><a/>", "<!doc\x00type a><a/>"])
def test_types_and_entities_are_refused(text):
    said = ("a description declares a document type", "entities are not allowed in stream descriptions", "")
    assert error_of(lambda: parse_xml(text)) == said


def test_what_is_no_xml_is_refused_with_the_place():
    fact, found, _ = error_of(lambda: parse_xml("<a>"))
    assert fact == "a description is not readable XML"
    assert "line 1, column 3" in found


def test_control_characters_are_left_out():
    assert parse_xml("<a>\x00b\x1fc\td\ufffe</a>").text == "bc\td"
    assert xml_text("a\x01b\x0b\ufffec\n\ud800") == "abc\n?"


# What a stream says of itself.


def test_everything_of_the_core_is_read():
    text = core(more=channels("<label>Fz</label>", "<label>Cz</label>"))
    assert stream_info(text, "7") == StreamInfo(
        "7", "amp", "EEG", "float32", 250.0, (Channel("Fz"), Channel("Cz")), "s1", "lab", "u1", text
    )


def test_a_core_that_says_nothing_else_is_enough_and_blanks_do_not_count():
    text = "<info><channel_count> 1 </channel_count><channel_format> Int16 </channel_format></info>"
    assert stream_info(text, "7") == StreamInfo("7", "", "", "int16", 0.0, (Channel(),), xml=text)


@pytest.mark.parametrize(
    ("rate", "hz"), [("0", 0.0), ("-1", 0.0), ("0.001", 0.001), ("nan", 0.0), ("inf", 0.0), ("fast", 0.0), ("", 0.0)]
)
def test_a_rate_that_is_none_means_irregular(rate, hz):
    assert stream_info(core(rate=rate), "1").nominal_rate_hz == hz


@pytest.mark.parametrize("count", ["0", "1", "100000", "00000002"])
def test_so_many_channels_are_read(count):
    assert stream_info(core(count), "1").n_channels == int(count)


@pytest.mark.parametrize("count", ["100001", "-1", "", "1.0", "²", "٣", "000000002"])
def test_a_count_that_is_none_is_refused(count):
    assert error_of(lambda: stream_info(core(count), "7")) == (
        "stream 7 has no channel count that can be read", f"channel_count is {count!r}", "",
    )  # fmt: skip


def test_a_format_that_no_sample_has_is_refused_with_those_that_there_are():
    assert error_of(lambda: stream_info(core(channel_format="Float16"), "7")) == (
        "stream 7 has no channel format that can be read",
        "channel_format is 'float16'",
        "known are float32, double64, string, int32, int16, int8, int64",
    )


def test_all_of_a_channel_is_read():
    place = "<location><X>1</X><Y>-2.5</Y><Z>30</Z></location>"
    text = f"<label>Fz</label><type>EEG</type><unit>microvolts</unit><eye>left</eye>{place}"
    assert stream_info(core("1", more=channels(text)), "1").channels == (FULL,)


@pytest.mark.parametrize(
    ("text", "channel"),
    [
        ("<name>Fz</name><metatype>EEG</metatype>", Channel("Fz", "EEG")),
        ("<label>Cz</label><name>Fz</name><type>X</type><metatype>EEG</metatype>", Channel("Cz", "X")),
        ("<label> </label><name> Fz </name>", Channel("Fz")),
        ("<location><x>1</x><y>2</y><z>3</z></location>", Channel(location_mm=(1.0, 2.0, 3.0))),
        ("<location><X>9</X><x>1</x><y>2</y><z>3</z></location>", Channel(location_mm=(9.0, 2.0, 3.0))),
        ("<location><Y>2</Y><Z>3</Z></location>", Channel()),
        ("<location><X>1</X><Z>3</Z></location>", Channel()),
        ("<location><X>1</X><Y>2</Y><Z>inf</Z></location>", Channel()),
        ("<location><X>0</X><Y>0</Y><Z>0</Z></location>", Channel(location_mm=(0.0, 0.0, 0.0))),
    ],
)
def test_a_channel_is_read_under_the_names_that_there_are(text, channel):
    assert stream_info(core("1", more=channels(text)), "1").channels == (channel,)


@pytest.mark.parametrize(
    ("more", "labels"),
    [
        (channels("<label>a</label>", "<label>b</label>", "<label>c</label>"), ("a", "b")),
        (channels("<label>a</label>"), ("a", "")),
        (channels("<label>a</label>", "<label>b</label>", within=""), ("a", "b")),
        (
            channels("<label>a</label>", within="channels")[:-7] + "<channel><label>x</label></channel></desc>",
            ("a", ""),
        ),
        ("", ("", "")),
    ],
)
def test_there_are_as_many_channels_as_the_count_says_whatever_is_described(more, labels):
    assert stream_info(core(more=more), "1").labels == labels


def test_of_a_description_that_is_too_deep_what_stands_before_desc_is_kept():
    deep = "<a>" * 100 + "</a>" * 100
    text = core().replace("</info>", f"<desc><channels/>{deep}</desc></info>")
    assert stream_info(text, "1") == replace(PLAIN, xml=core())


def test_a_core_is_looked_for_in_the_first_131072_characters():
    deep = "<desc>" + "<a>" * 100 + "</a>" * 100 + "</desc>"

    def padded(n):
        head = core()[: -len("</info>")]
        return head + " " * (n - len(head) - len("<desc")) + deep + "</info>"

    assert stream_info(padded(1 << 17), "1").name == "amp"
    late = padded((1 << 17) + 1)
    assert error_of(lambda: stream_info(late, "1")) == (
        "a description is not readable XML", f"{len(late)} characters without its core at the beginning", "",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("text", "n_channels", "n"),
    [
        (core(more=channels("", "", "")), 2, 3),
        (core(more=channels("", within="")), 2, 1),
        (core(), 2, 0),
        (core(more=channels("", "")), 3, 0),
        (core("x", more=channels("", "")), 2, 0),
        ("no xml", 2, 0),
    ],
)
def test_channels_that_are_listed_are_counted_where_the_description_is_the_streams(text, n_channels, n):
    assert n_described(text, n_channels) == n


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (core(more=channels("<gain>1.5</gain>", "", "<gain>x</gain>", "<gain>0</gain>")), {0: 1.5, 3: 0.0}),
        (core(more=channels("", "<gain>-2</gain>", within="")), {1: -2.0}),
        (core(more=channels("<gain>nan</gain>", "<other>1</other>")), {}),
        ("", {}),
        ("no xml", {}),
    ],
)
def test_numbers_of_channels_are_found_by_their_column(text, found):
    assert channel_numbers(text, "gain") == found


def test_what_a_sender_says_besides_the_core_is_found_where_there_is_any():
    assert desc_of(replace(PLAIN, xml=core(more="<desc><amp>x</amp></desc>"))).findtext("amp") == "x"
    for text in ("", core(), "no xml"):
        assert desc_of(replace(PLAIN, xml=text)) is None


# Writing.


def test_a_stream_without_a_description_gets_one_as_liblsl_writes_it():
    assert stream_xml(PLAIN) == WRITTEN
    described = replace(PLAIN, channels=(FULL, Channel()))
    assert stream_xml(described) == WRITTEN.replace("\t<desc />\n", WRITTEN_CHANNELS)
    assert stream_info(stream_xml(described), "1") == replace(described, xml=stream_xml(described))
    assert "<name>ab</name>" in stream_xml(replace(PLAIN, name="a\x00b"))


@pytest.mark.parametrize(
    ("text", "changes"),
    [
        ("", {}),
        ("no xml", {}),
        (core("x"), {}),
        (core(), {"nominal_rate_hz": 500.0}),
        (core(), {"channel_format": "int16"}),
        (core("3"), {}),
        (core(rate="x"), {}),
        (core(rate="500", more="<desc/>"), {}),
    ],
)
def test_a_description_that_does_not_fit_the_samples_is_written_anew(text, changes):
    info = replace(PLAIN, xml=text, **changes)
    assert recordable_xml(info) == stream_xml(replace(info, xml=""))


def test_a_description_that_fits_is_kept_as_it_was_sent():
    text = core(more="<desc>\n <amp>x</amp></desc>") + "\n"
    assert recordable_xml(replace(PLAIN, xml=text, name="another")) == text


def test_what_was_described_stays_where_the_core_is_written_anew():
    text = core(rate="500", more="<desc><amp>x</amp></desc>")
    desc = "\t<desc>\n\t\t<amp>x</amp>\n\t</desc>\n"
    labelled = replace(PLAIN, channels=(FULL, Channel()), xml=text)
    assert recordable_xml(labelled) == WRITTEN.replace("\t<desc />\n", desc)


# Comparing.


def test_uid_and_host_of_a_connection_and_blanks_do_not_make_another_stream():
    a = replace(PLAIN, xml=core(more="<desc><amp>x</amp></desc>"))
    b = replace(PLAIN, uid="u2", stream_id="2", xml="<info><desc>\n  <amp>x</amp>\n</desc><uid>u2</uid></info>")
    assert same_description(a, b)


@pytest.mark.parametrize(
    "changes",
    [
        {"name": "b"},
        {"channel_format": "int16"},
        {"nominal_rate_hz": 500.0},
        {"channels": (Channel("x"), Channel())},
        {"xml": "<info><desc><amp>y</amp></desc></info>"},
        {"xml": "<info><desc><amp>µ</amp></desc></info>"},
        {"xml": "<info/>"},
        {"xml": ""},
        {"xml": "no xml"},
    ],
)
def test_what_differs_in_anything_else_is_another_stream(changes):
    a = replace(PLAIN, xml="<info><desc><amp>x</amp></desc></info>")
    assert not same_description(a, replace(a, **changes))


def test_what_cannot_be_read_is_the_same_where_it_reads_the_same():
    assert same_description(replace(PLAIN, xml="no xml"), replace(PLAIN, xml="no xml"))
    assert not same_description(replace(PLAIN, xml="no xml"), replace(PLAIN, xml="other"))
    assert same_description(replace(PLAIN, xml=""), replace(PLAIN, xml="<info/>"))
    assert not same_description(replace(PLAIN, xml="no xml"), replace(PLAIN, xml=""))
