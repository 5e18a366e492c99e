"""A recording sent out again over real LSL, in a process of its own: all metadata, all samples, one common shift."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import uuid
from pathlib import Path

import numpy as np
import pylsl
import pytest
from xdf_build import ramp, stream, write

from rtemo.core.types import Chunk, ClockOffset
from rtemo.sources.lsl import emit as lsl_emit
from rtemo.sources.lsl.config import settings_for
from rtemo.sources.stream_xml import parse_xml
from rtemo.sources.xdf.source import XdfSource

ROOT = Path(__file__).parents[3]

PLAYER = """
import json, sys, threading
import pylsl
from pylsl.util import LostError
from rtemo.sources.lsl.emit import emit
from rtemo.sources.xdf.source import XdfSource

received, done, limit = [], threading.Event(), 100_000

def receive(inlet, values, stamps):
    try:
        while len(values) < limit:
            more = inlet.pull_chunk(timeout=0.2)
            values += more[0]
            stamps += more[1]
            if done.is_set():
                break
    except LostError:
        return

def connect(outlets):
    found = {}  # a resolver on a busy computer forgets streams again
    resolver = pylsl.ContinuousResolver()
    for _ in range(600):
        found.update((info.uid(), info) for info in resolver.results())
        if len(found) == len(outlets):
            break
        threading.Event().wait(0.05)
    for info in found.values():
        inlet = pylsl.StreamInlet(info)
        inlet.open_stream(20)
        one = {"xml": inlet.info(20).as_xml(), "values": [], "stamps": []}
        thread = threading.Thread(target=receive, args=(inlet, one["values"], one["stamps"]), daemon=True)
        received.append((one, inlet, thread))
        thread.start()
    for outlet in outlets:
        assert outlet.wait_for_consumers(20)

begin = pylsl.local_clock()
sent = emit(XdfSource(sys.argv[1]), float(sys.argv[2]), threading.Event(), connect)
done.set()
for _, _, thread in received:
    thread.join(20)
out = [one for one, _, _ in received]
print(json.dumps({"sent": sent, "streams": out, "begin": begin, "end": pylsl.local_clock()}))
"""


def play(path: Path, folder: Path, speed: float) -> dict:
    config = folder / "lsl.cfg"
    config.write_text(settings_for("machine", uuid.uuid4().hex))
    environment = {**os.environ, "LSLAPICFG": str(config), "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", PLAYER, str(path), str(speed)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_all_metadata_and_samples_come_through_on_one_clock(tmp_path):
    desc = "<desc><maker>ACME</maker><channels><channel><label>Fz</label></channel><channel><label>Cz</label></channel>"
    desc += "</channels><cap><size>58</size></cap></desc>"
    xml = (
        "<info><name>amp \u00b5</name><type>EEG</type><channel_count>2</channel_count>"
        f"<nominal_srate>100</nominal_srate><channel_format>float32</channel_format><source_id>s1</source_id>{desc}</info>"
    )
    texts = np.array([["go"], [""], ["stop \u00e9"]], object)
    path = write(
        tmp_path / "a.xdf",
        stream("1", name="amp \u00b5", xml=xml),
        stream("2", name="marks", kind="Markers", fmt="string", rate=0.0, labels=["m"]),
        stream("3", name="", kind="", fmt="int16", labels=["a"]),
        *(ClockOffset("1", 1000.0, 0.0), ClockOffset("2", 4000.0, -3000.0)),
        *(ramp(begin=k, n=25) for k in range(0, 200, 25)),
        Chunk("2", np.array([4000.5, 4000.75, 4001.5]), texts),
    )
    result = play(path, tmp_path, speed=2.0)
    assert result["sent"] == {"1": 200, "2": 3, "3": 0}
    streams = {parse_xml(one["xml"]).findtext("name"): one for one in result["streams"]}
    assert set(streams) == {"amp \u00b5", "marks", "stream 3"}
    root = parse_xml(streams["amp \u00b5"]["xml"])
    assert (root.findtext("source_id"), root.findtext("desc/maker"), root.findtext("desc/cap/size")) == (
        "s1",
        "ACME",
        "58",
    )
    assert [node.text for node in root.findall("desc/channels/channel/label")] == ["Fz", "Cz"]
    assert streams["marks"]["values"] == texts.tolist()
    assert [row[0] for row in streams["amp \u00b5"]["values"]] == list(range(200))
    eeg, marks = np.array(streams["amp \u00b5"]["stamps"]), np.array(streams["marks"]["stamps"])
    assert result["begin"] <= eeg[0] <= result["end"]
    np.testing.assert_allclose(eeg - eeg[0], np.arange(200) / 200, atol=1e-6)
    np.testing.assert_allclose(marks - eeg[0], [0.25, 0.375, 0.75], atol=1e-6)


def test_a_real_recording_without_labels_host_or_source_goes_out_again(tmp_path, shared_recordings):
    result = play(shared_recordings / "minimal.xdf", tmp_path, speed=3.0)
    assert result["sent"] == {"0": 9, "46202862": 9}
    assert sorted(len(one["values"]) for one in result["streams"]) == [9, 9]


def test_a_recording_is_sent_at_its_pace_and_a_stop_ends_each_wait(tmp_path, monkeypatch):
    """On an invented clock, which only waits move on: 2 s of samples at twice the speed, a pause of 1 s among them."""
    now_s, waits, pushed = [50.0], [], []

    class Stop:
        def is_set(self):
            return False

        def wait(self, seconds):
            waits.append(seconds)
            now_s[0] += seconds

    class Outlet:
        def push_chunk(self, values, stamps):
            pushed.extend((now_s[0], stamp, row[0]) for stamp, row in zip(stamps, np.asarray(values), strict=True))

    monkeypatch.setattr(pylsl, "local_clock", lambda: now_s[0])
    monkeypatch.setattr(lsl_emit, "open_outlet", lambda _info: Outlet())
    path = write(tmp_path / "a.xdf", stream("1"), ramp(n=100), ramp(begin=200, n=100))
    assert lsl_emit.emit(XdfSource(path), 2.0, Stop()) == {"1": 200}
    due = [50.0 + k / 200 for k in (*range(100), *range(200, 300))]
    assert [row for _, _, row in pushed] == [*range(100), *range(200, 300)]
    np.testing.assert_allclose([stamp for _, stamp, _ in pushed], due, atol=1e-9)
    late = np.array([at_s for at_s, _, _ in pushed]) - due
    assert -1e-5 < late.min() <= late.max() < 0.02  # samples are handed out every 10 ms
    assert now_s[0] - pushed[-1][0] == pytest.approx(1.0)  # what is still on its way is waited for
    assert min(waits) > 0.0
