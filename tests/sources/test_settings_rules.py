"""Settings of outputs and of a study: the table that is written, limits, and exact texts of errors."""

from __future__ import annotations

import pytest

from rtemo.core.errors import RtemoError
from rtemo.sources.output_settings import NetworkAddress, OutputSettings, outputs_table
from rtemo.sources.session_settings import SessionSettings, parse_settings, settings_text
from rtemo.sources.study_settings import Study, next_participant, session_name

HERE, LAB = NetworkAddress("127.0.0.1", 9000), NetworkAddress("10.0.0.5", 9000)


@pytest.mark.parametrize(("text", "address", "written"), [
    ("9000", ("127.0.0.1", 9000), "127.0.0.1:9000"), (" lab.local:1 ", ("lab.local", 1), "lab.local:1"),
    ("10.0.0.5:65535", ("10.0.0.5", 65535), "10.0.0.5:65535"), ("[::1]:80", ("::1", 80), "[::1]:80"),
])  # fmt: skip
def test_an_address_has_a_computer_and_a_port_of_1_to_65535(text, address, written):
    found = NetworkAddress.parse(text)
    assert (found.host, found.port) == address
    assert str(found) == written


@pytest.mark.parametrize("text", ["", "0", "65536", "a:0", "a:b", ":80", "::1:80", "[::1]", "a b:80", "http://a:80"])
def test_what_is_no_address_is_refused(text):
    with pytest.raises(RtemoError) as found:
        NetworkAddress.parse(text)
    assert "an address must be HOST:PORT or PORT" in str(found.value)
    assert repr(text) in str(found.value)


@pytest.mark.parametrize(("text", "said"), [
    ("a:0", "'a:0'"), ("123456", "'123456'"), ("a:99999", "'a:99999'"), ("x" * 300, "'" + "x" * 199),
])  # fmt: skip
def test_what_is_wrong_with_an_address_is_said_in_short(text, said):
    with pytest.raises(RtemoError) as found:
        NetworkAddress.parse(text)
    error = found.value
    assert (error.fact, error.found) == ("an address must be HOST:PORT or PORT", f"found {said}")
    assert error.todo == "for example 127.0.0.1:9000"


def test_every_output_is_off_unless_it_is_set():
    assert OutputSettings() == OutputSettings(None, None, None, "", False, "", False)


@pytest.mark.parametrize(("host", "is_loopback"), [
    ("127.0.0.1", True), ("127.9.9.9", True), ("::1", True), ("LocalHost", True), ("0.0.0.0", False), ("lab", False),
    ("10.0.0.5", False), ("::", False),
])  # fmt: skip
def test_which_address_is_this_computer(host, is_loopback):
    assert NetworkAddress(host, 9).is_loopback is is_loopback


@pytest.mark.parametrize(("settings", "table"), [
    (OutputSettings(), {}),
    (OutputSettings(osc=HERE), {"osc": "127.0.0.1:9000"}),
    (OutputSettings(websocket=HERE), {"websocket": "127.0.0.1:9000"}),
    (OutputSettings(remote=LAB, allow_network=True), {"remote": "10.0.0.5:9000", "allow_network": True}),
    (OutputSettings(outlet_name="lab"), {"outlet_name": "lab"}),
    (OutputSettings(script="a.py"), {"script": "a.py"}),
    (OutputSettings(screen=True), {"screen": True}),
])  # fmt: skip
def test_what_is_set_is_written_and_read_back(settings, table):
    assert outputs_table(settings) == table
    whole = SessionSettings(subject="P1", outputs=settings)
    assert parse_settings(settings_text(whole)) == whole


@pytest.mark.parametrize(("field", "what"), [("osc", "OSC"), ("websocket", "WebSocket"), ("remote", "remote control")])
def test_the_network_must_be_allowed_for_each_output(field, what):
    OutputSettings(**{field: HERE}).check()
    OutputSettings(**{field: LAB}, allow_network=True).check()
    with pytest.raises(RtemoError) as found:
        OutputSettings(**{field: LAB}).check()
    error = str(found.value)
    assert f"{what} stays on this computer unless the network is allowed" in error
    assert "found 10.0.0.5:9000" in error
    assert "use 127.0.0.1:9000, or allow the network (--allow-network)" in error


@pytest.mark.parametrize(("settings", "listens"), [
    (OutputSettings(), False), (OutputSettings(osc=LAB), False), (OutputSettings(websocket=HERE, remote=HERE), False),
    (OutputSettings(websocket=LAB), True), (OutputSettings(remote=LAB), True),
    (OutputSettings(websocket=HERE, remote=LAB), True),
])  # fmt: skip
def test_others_may_connect_where_something_listens_on_the_network(settings, listens):
    assert settings.listens_on_network is listens


@pytest.mark.parametrize(("given", "name"), [
    ({"session": "01"}, "sub-P7_ses-01"), ({"task": "a_b"}, "sub-P7_task-ab"), ({"run": 1}, "sub-P7_run-01"),
    ({"run": 999}, "sub-P7_run-999"), ({"study": Study("S", folder_name="{task}_{run}")}, "P-7"),
    ({"study": Study("S", folder_name="x_{study}{task}_{study}")}, "x_S"),
])  # fmt: skip
def test_a_part_of_a_name_whose_field_is_empty_is_left_out(given, name):
    assert session_name(SessionSettings(subject="P-7", **given)) == name


@pytest.mark.parametrize(("subject", "taken", "name"), [
    ("P7", (), "P8"), ("a1b2c", (), "a1b3c"), ("P099", (), "P100"), ("P1", ("P2", "P4"), "P3"),
    ("P1", ("p2", "p3"), "P4"), ("x", ("x",), ""), ("", (), ""), ("999999999", (), "1000000000"),
])  # fmt: skip
def test_the_last_number_of_an_id_is_counted_on_past_those_taken(subject, taken, name):
    assert next_participant(subject, taken) == name


@pytest.mark.parametrize(("length", "allowed"), [("0.9", False), ("1.0", True), ("14400.0", True), ("14401.0", False)])
def test_a_block_of_a_protocol_has_1_to_14400_seconds(length, allowed):
    text = settings_text(SessionSettings(subject="P1")) + f'\n[[protocol]]\nname = "rest"\nlength_s = {length}\n'
    if allowed:
        (block,) = parse_settings(text).protocol
        assert (block.name, block.length_s, block.baseline, block.sound) == ("rest", float(length), False, False)
    else:
        with pytest.raises(RtemoError, match="1 to 14400 seconds"):
            parse_settings(text)
