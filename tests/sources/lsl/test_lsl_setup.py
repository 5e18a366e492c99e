"""How LSL is set up, found and left; where it matters in a process of its own, as liblsl reads its settings once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from textwrap import indent
from types import SimpleNamespace

import pytest
from lab import DEADLINE_S, Sender

from rtemo.core.errors import RtemoError
from rtemo.sources.lsl import config as lsl_config
from rtemo.sources.lsl import discovery as lsl_discovery
from rtemo.sources.lsl.discovery import Directory, named
from rtemo.sources.lsl.liblsl import local_clock, pylsl
from rtemo.sources.lsl.source import discover, lsl_version, self_test

HEAR = """
from rtemo.sources.lsl.source import LslSource, OneStream
source = LslSource([OneStream("eeg", lambda infos: next((i for i in infos if i.type == "EEG"), None))], look_s=0.8)
source.start()
while not any(type(item).__name__ == "Chunk" for item in source.read(0.1)):
    pass
print("hearing", flush=True)
"""

# Whoever starts the tests may ignore SIGINT, as a shell does in the background, and a child inherits that.
CTRL_C = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"


def python(code: str, **changes) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **changes
    )


@pytest.fixture
def sender():
    made = Sender()
    made.open()
    yield made
    made.close()


def test_a_program_that_forgets_to_stop_its_source_ends_cleanly(sender):
    process = python(HEAR)

    out, err = process.communicate(timeout=DEADLINE_S)

    assert (process.returncode, out, err) == (0, "hearing\n", "")


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGINT for one process")
def test_ctrl_c_while_a_read_waits_ends_cleanly(sender):
    waiting = indent(f"{HEAR}while True: source.read(5.0)\n", "    ")  # the signal may come right after the print
    code = f"{CTRL_C}try:\n{waiting}except KeyboardInterrupt:\n    source.stop(); raise SystemExit(130)"
    process = python(code)
    assert process.stdout.readline() == "hearing\n"
    sender.do("pause")

    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=DEADLINE_S)

    assert (process.returncode, err) == (130, "")


def test_a_session_of_its_own_neither_sees_the_lab_nor_shows_up_in_it(sender):
    code = """
from rtemo.sources.lsl.source import configure, discover
configure("machine", "rtemo-test-{}")
import pylsl, sys
outlet = pylsl.StreamOutlet(pylsl.StreamInfo("hidden", "EEG", 1, 0, "float32", "hidden"))
print([info.name for info in discover(1.0)], flush=True)
sys.stdin.read()
""".replace("{}", str(sender.process.pid))
    process = python(code, stdin=subprocess.PIPE)
    assert process.stdout.readline() == "['hidden']\n"

    seen = [info.name for info in discover(1.0)]

    assert seen == ["amp"]
    process.communicate(timeout=DEADLINE_S)
    assert process.returncode == 0


def test_an_outlet_without_a_port_names_the_ports_and_what_to_do(tmp_path):
    code = """
from rtemo.core.errors import RtemoError
from rtemo.sources.lsl.ports import open_outlet
import pylsl
opened = []
try:
    for k in range(3):
        opened.append(open_outlet(pylsl.StreamInfo(f"s{k}", "EEG", 1, 0, "float32", f"s{k}")))
except RtemoError as error:
    print(len(opened), error, sep="|")
"""
    base = 16000 + 4 * (os.getpid() % 200)
    ports = f"[ports]\nBasePort = {base}\nPortRange = 4\nAllowRandomPorts = 0\n[log]\nlevel = -3\n"
    (tmp_path / "lsl.cfg").write_text("[lab]\nSessionID = ports\n[multicast]\nResolveScope = machine\n" + ports)
    process = python(code, env=os.environ | {"LSLAPICFG": str(tmp_path / "lsl.cfg")})

    out, err = process.communicate(timeout=DEADLINE_S)

    assert err == ""
    opened, said = out.strip().split("|")
    assert int(opened) < 3  # two ports each
    assert said.startswith(f"the LSL outlet s{opened} cannot be opened; could not create stream outlet; ")
    assert f"of the 4 ports from {base} are free" in said
    assert "PortRange = 200" in said


def test_lsl_is_set_up_once_a_process(monkeypatch, tmp_path):
    monkeypatch.setattr(lsl_config, "_configured", [("machine", "a")])

    lsl_config.configure("machine", "a")
    with pytest.raises(RtemoError, match="set up once"):
        lsl_config.configure("lab")
    monkeypatch.setattr(lsl_config, "_configured", [])
    with pytest.raises(RtemoError, match="needs an id"):
        lsl_config.configure("machine")
    with pytest.raises(RtemoError, match="user's settings"):
        lsl_config.configure("lab", "a")


def test_the_users_own_settings_are_left_alone_in_the_lab(monkeypatch, tmp_path):
    monkeypatch.setenv("LSLAPICFG", str(tmp_path / "missing.cfg"))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    if lsl_config.config_file() is None:
        assert "SessionID" not in lsl_config.settings_for("lab", "")

    (tmp_path / "lsl_api.cfg").write_text("[lab]\nKnownPeers = {10.0.0.7}\n")

    assert lsl_config.config_file().resolve() == tmp_path / "lsl_api.cfg"
    assert lsl_config.settings_for("lab", "") == ""
    assert "SessionID = x" in lsl_config.settings_for("machine", "x")


def test_streams_are_listed_with_their_channels_and_readable_ids(sender):
    sender.open("twin")
    sender.markers()
    sender.open("bare", name="bare", type="Gaze", source_id="bare", labels=[])

    found = discover(1.0)

    assert [info.stream_id for info in found] == ["amp", "amp (EEG)", "bare", "events"]
    assert found[0].labels == ("Fz", "Cz", "Pz", "Oz")
    assert found[0].channels[0].unit == "microvolts"
    assert found[2].labels == ("", "", "", "")
    assert found[3].channel_format == "string"
    assert named(reversed(found)) == found


@pytest.mark.skipif(sys.platform == "win32", reason="processes cannot be frozen")
def test_a_stream_that_does_not_describe_itself_is_listed_and_holds_nobody_up(sender, monkeypatch):
    monkeypatch.setattr(lsl_discovery, "ANSWER_S", 0.3)
    handle = pylsl.resolve_byprop("name", "amp", 1, DEADLINE_S)[0]
    sender.process.send_signal(signal.SIGSTOP)
    directory = Directory()
    directory._resolver = Announced(handle)

    begin_s = local_clock()
    slowest_s = 0.0
    while not directory.problems:
        before_s = local_clock()
        seen = directory.look()
        slowest_s = max(slowest_s, local_clock() - before_s)
        assert before_s < begin_s + DEADLINE_S
    directory.close()
    sender.process.send_signal(signal.SIGCONT)

    assert slowest_s < 0.2
    assert [(s.info.name, s.info.n_channels, s.described) for s in seen.values()] == [("amp", 4, False)]
    assert "does not answer" in next(iter(directory.problems.values()))


class Announced:
    """A network on which a stream goes on being announced."""

    def __init__(self, handle):
        self.handle = handle

    def results(self):
        return [self.handle]


def test_a_stream_that_is_doubted_is_struck_off_when_its_program_is_gone(sender):
    handle = pylsl.resolve_byprop("name", "amp", 1, DEADLINE_S)[0]
    directory = Directory()
    directory._resolver = Announced(handle)
    begin_s = local_clock()
    while not any(sighting.described for sighting in directory.look().values()):
        assert local_clock() < begin_s + DEADLINE_S
    directory.doubt([handle.uid()])
    while directory._doubts[handle.uid()].reply.name == "NONE_YET":
        assert directory.look()
        assert local_clock() < begin_s + DEADLINE_S

    sender.kill()
    while directory.look():
        directory.doubt([handle.uid()])
        assert local_clock() < begin_s + DEADLINE_S

    assert directory.dead == {handle.uid()}
    directory.close()


def test_lsl_works_on_this_computer():
    assert 0.0 < self_test() < DEADLINE_S
    assert lsl_version().startswith("liblsl 1.")


def test_what_is_wrong_with_a_stream_is_stated_as_long_as_it_is_there(monkeypatch):
    def seen(uid, name):
        return SimpleNamespace(uid=lambda: uid, name=lambda: name, as_xml=lambda: "<info>")

    there = [seen("a", "Amp"), seen("b", "Eye")]
    monkeypatch.setattr(pylsl, "ContinuousResolver", lambda **_options: SimpleNamespace(results=lambda: there))
    directory = Directory()
    assert directory.look() == {}
    assert {uid: text.split(":")[0] for uid, text in directory.problems.items()} == {"a": "'Amp'", "b": "'Eye'"}
    del there[0]
    directory.look()
    assert list(directory.problems) == ["b"]
