"""The server and its clients: over a real socket, and with a real engine process on real LSL streams."""

from __future__ import annotations

import csv
import os
import secrets
import subprocess
import sys
import threading
from multiprocessing import AuthenticationError
from multiprocessing.connection import Client, answer_challenge, deliver_challenge
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest
from hand_fed import wait_for

from rtemo.cli import main
from rtemo.commands.session.engine import _watch
from rtemo.core.errors import RtemoError
from rtemo.live.service import client as client_module
from rtemo.live.service.client import EngineClient, Launch, merged
from rtemo.live.service.feed import Feed
from rtemo.live.service.server import Server
from rtemo.live.service.snapshot import Phase
from rtemo.live.service.wire import Poll, pack_request, unpack
from rtemo.model.prediction import Prediction
from rtemo.recorder.endpoint import Endpoint
from rtemo.recordings.events import Event, EventKind

ROOT = Path(__file__).resolve().parents[3]


def prediction(time_s):
    return Prediction(time_s, "sad", {"sad": 1.0}, {"sad": 1.0}, ("sad",), None, 1.0, 1.0, (), 0.1, True, False)


class Desk:
    """A served feed, without an engine."""

    def __init__(self, folder):
        self.feed, self.commands = Feed(lambda: 0.0), []
        self.endpoint = Endpoint("desk", folder)
        self.endpoint.claim()
        self.address = self.endpoint.fresh_address()
        self.server = Server(self.address, self.feed, self.commands.append)
        self.endpoint.publish(self.address)

    def connect(self, key=None):
        connection = Client(self.address.address, self.address.family)
        answer_challenge(connection, key or self.address.key)
        deliver_challenge(connection, key or self.address.key)
        return connection

    def close(self):
        self.server.close()
        self.endpoint.release()


@pytest.fixture
def desk(tmp_path):
    found = Desk(tmp_path / "run")
    yield found
    found.close()


@pytest.fixture
def client(desk, tmp_path):
    found = EngineClient(Launch("desk", folder=tmp_path / "run", start=False))
    wait_for(lambda: found.connected)
    yield found
    found.close()


def gather(client, enough):
    snapshots = []

    def look():
        snapshot = client.poll()
        if snapshot is not None:
            snapshots.append(snapshot)
        return enough(snapshots)

    wait_for(look)
    return snapshots


def test_a_client_gets_everything_once_and_in_order(desk, client):
    for n in range(200):
        desk.feed.put_prediction(prediction(float(n)))
        desk.feed.put_event(Event(float(n), EventKind.NOTE, str(n)))
    seen = gather(client, lambda all_: sum(len(s.events) for s in all_) >= 200)
    assert [e["text"] for s in seen for e in s.events] == [str(n) for n in range(200)]
    assert [p["time_s"] for s in seen for p in s.predictions] == [float(n) for n in range(200)]


def test_commands_arrive_and_unknown_ones_are_refused_at_once(desk, client):
    client.send("annotate", text="x")
    wait_for(lambda: desk.commands)
    assert desk.commands[0].arguments == {"text": "x"}
    with pytest.raises(RtemoError):
        client.send("dance")


def test_a_dismissal_is_left_for_an_engine_that_does_not_answer_and_taken_back_by_the_next_window(desk, tmp_path):
    endpoint = Endpoint("desk", tmp_path / "run")
    desk.server.close()  # it hangs: its process lives, and nobody answers
    client = EngineClient(Launch("desk", folder=tmp_path / "run", start=False))
    client.send("dismiss")
    assert endpoint.dismissed
    client.close()
    assert endpoint.dismissed
    watching = EngineClient(Launch("desk", folder=tmp_path / "run", start=False, watches=True))
    watching.close()
    assert endpoint.dismissed  # who only watches has no say in it
    endpoint.need()
    assert not endpoint.dismissed


def test_a_window_that_opens_needs_the_engine_again(desk, tmp_path):
    endpoint = Endpoint("desk", tmp_path / "run")
    endpoint.dismiss()
    client = EngineClient(Launch("desk", folder=tmp_path / "run"))
    assert not endpoint.dismissed
    wait_for(lambda: client.connected)
    assert client._process is None
    client.close()


def test_an_engine_that_never_starts_is_tried_less_and_less_often(tmp_path, monkeypatch):
    waits = []

    class Waiting(threading.Event):
        def wait(self, timeout=None):
            waits.append(timeout)
            return True

    def fail(_launch, _endpoint):
        if len(waits) == 8:
            client._closed = True
        return SimpleNamespace(poll=lambda: 2)

    client = EngineClient(Launch("none", folder=tmp_path / "run", start=False))
    client.close()
    client._closed, client._launch, client._wake = False, Launch("none", folder=tmp_path / "run"), Waiting()
    monkeypatch.setattr(client_module, "_start", fail)
    client._run()
    assert waits == [0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 10.0, 10.0]
    assert "exit code 2" in client.failure


def test_a_client_that_never_reads_delays_nobody(desk, client):
    """It asks for more than the socket holds, so that its thread in the server is stuck in an answer."""
    frozen = desk.connect()
    for n in range(500):
        desk.feed.put_prediction(prediction(float(n)))
    for _ in range(50):
        frozen.send_bytes(pack_request(Poll()))
    wait_for(lambda: desk.server.n_clients == 2)
    for n in range(500, 1000):
        desk.feed.put_prediction(prediction(float(n)))
    seen = gather(client, lambda all_: sum(len(s.predictions) for s in all_) >= 1000)
    assert sum(len(s.predictions) for s in seen) == 1000
    frozen.close()
    wait_for(lambda: desk.server.n_clients == 1)


def test_a_client_that_only_watches_does_not_keep_an_engine_alive(desk, client):
    watcher = desk.connect()
    for _ in range(2):
        watcher.send_bytes(pack_request(Poll("", watches=True)))
        unpack(watcher.recv_bytes())
    wait_for(lambda: desk.server.n_clients == 2)
    assert desk.server.n_needing == 1
    left = desk.connect()
    left.send_bytes(pack_request(Poll("", watches=True)))
    unpack(left.recv_bytes())
    left.close()
    wait_for(lambda: desk.server.n_clients == 2)
    assert desk.server.n_needing == 1  # whoever watched before does not count against those that are there
    idle, endpoint = SimpleNamespace(busy=False), SimpleNamespace(dismissed=False)
    stop, over = threading.Event(), threading.Event()
    client.close()
    wait_for(lambda: desk.server.n_clients == 1)
    _watch(idle, desk.server, endpoint, 0.0, stop, over)  # comes back, as nobody needs the engine
    assert stop.is_set()
    watcher.close()
    wait_for(lambda: desk.server.n_clients == 0)
    assert desk.server.n_needing == 0


def test_a_wrong_key_and_nonsense_end_that_connection_only(desk, client):
    with pytest.raises((AuthenticationError, EOFError, OSError)):
        desk.connect(b"wrong")
    rude = desk.connect()
    rude.send_bytes(b"\x80\x04N.")
    with pytest.raises((EOFError, OSError)):
        rude.recv_bytes()
    desk.feed.put_prediction(prediction(1.0))
    gather(client, lambda all_: any(s.predictions for s in all_))


def test_a_token_continues_over_a_new_connection(desk):
    desk.feed.put_event(Event(0.0, EventKind.NOTE, "a"))
    first = desk.connect()
    first.send_bytes(pack_request(Poll()))
    snapshot, token = unpack(first.recv_bytes())
    assert [e["text"] for e in snapshot.events] == ["a"]
    first.close()
    desk.feed.put_event(Event(0.0, EventKind.NOTE, "b"))
    second = desk.connect()
    second.send_bytes(pack_request(Poll(token)))
    assert [e["text"] for e in unpack(second.recv_bytes())[0].events] == ["b"]
    second.close()


def test_merging_keeps_all_news():
    feed = Feed(lambda: 0.0)
    feed.put_prediction(prediction(1.0))
    one, token = feed.take("")
    feed.put_prediction(prediction(2.0))
    two, _ = feed.take(token)
    assert [p["time_s"] for p in merged(one, two).predictions] == [1.0, 2.0]


def test_one_engine_of_a_name_and_a_key_for_the_user_alone(desk, tmp_path):
    with pytest.raises(RtemoError, match="runs already"):
        Endpoint("desk", tmp_path / "run").claim()
    if os.name != "nt":
        assert (tmp_path / "run").stat().st_mode & 0o077 == 0
        assert (tmp_path / "run" / "desk.json").stat().st_mode & 0o077 == 0


WINDOW = """
import sys, threading
from pathlib import Path
from rtemo.live.service import client as client_module
from rtemo.live.service.client import EngineClient, Launch
client = EngineClient(Launch("t", ("--lsl-session", sys.argv[2]), Path(sys.argv[1])))
while True:
    s = client.poll()
    if s is not None and s.phase == "preview":
        client.send("start", subject="P", notes="", root=sys.argv[3])
    if s is not None and s.phase == "running":
        client.send("annotate", text="from the first window")
    if s is not None and any("first window" in e["text"] for e in s.events):
        print("running", flush=True)
        break
    threading.Event().wait(0.2)
threading.Event().wait()
"""


def different(live, replayed):
    """The predictions of a session that its replay does not give, but for what the session alone knows."""

    def rows(path):
        with path.open() as file:
            return [{k: row[k] for k in row.keys() - {"forced", "latency_ms", "late"}} for row in csv.DictReader(file)]

    again = {row["time_s"]: row for row in rows(replayed)}
    return [row for row in rows(live) if row != again.get(row["time_s"])]


@pytest.mark.skipif(os.name == "nt", reason="kills processes by POSIX signals")
def test_a_killed_window_ends_nothing_and_a_killed_engine_takes_its_session_up_again(tmp_path):
    session, run = f"t{secrets.token_hex(4)}", tmp_path / "run"
    simulate = [sys.executable, "-m", "rtemo", "simulate", "--duration", "120", "--eeg-channels", "8",
                "--eeg-rate", "250", "--lsl-session", session]  # fmt: skip
    quiet = {"cwd": ROOT, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(simulate, **quiet) as person:
        window = subprocess.Popen(
            [sys.executable, "-c", WINDOW, str(run), session, str(tmp_path / "data")], stdout=subprocess.PIPE, **quiet
        )
        client = None
        try:
            assert window.stdout.readline() == b"running\n"
            window.kill()
            window.communicate()
            client = EngineClient(Launch("t", ("--lsl-session", session), run, start=False))
            seen = gather(client, lambda all_: any("first window" in e["text"] for s in all_ for e in s.events))
            assert seen[-1].phase is Phase.RUNNING
            gather(client, lambda all_: sum(len(s.predictions) for s in all_) > 3)
            pid = Endpoint("t", run).find().pid
            psutil.Process(pid).kill()
            wait_for(lambda: client.failure)
            seen = gather(client, lambda all_: sum(len(s.predictions) for s in all_) > 3)
            (folder,) = (tmp_path / "data").iterdir()
            assert seen[-1].phase is Phase.RUNNING
            assert seen[-1].folder == str(folder)
            assert client.failure == ""
            assert Endpoint("t", run).find().pid != pid
            client.send("annotate", text="from the second window")
            client.send("stop")
            gather(client, lambda all_: any(s.phase is Phase.PREVIEW for s in all_))
            client.send("shutdown")
            replayed, live = tmp_path / "replay.csv", folder / "predictions.csv"
            options = ["--speed", "max", "--quiet", "--out", str(replayed)]
            assert main(["replay", str(folder / "recording.xdf"), *options]) == 0
            assert not different(live, replayed)
            assert "from the second window" in (folder / "events.jsonl").read_text()
        finally:
            window.kill()
            person.kill()
            if client is not None:
                client.close()


def test_an_engine_that_is_being_started_is_waited_for_until_it_has_an_address(tmp_path, monkeypatch):
    desks = []

    class Process:
        returncode = None

        def poll(self):
            """Asked while there is no address: the engine is there next time."""
            desks.append(Desk(tmp_path / "run"))

    monkeypatch.setattr(client_module, "_start", lambda _launch, _endpoint: Process())
    client = EngineClient(Launch("desk", folder=tmp_path / "run"))
    wait_for(lambda: client.connected or client.failure)
    assert (client.connected, client.failure, len(desks)) == (True, "", 1)
    client._process = None
    client.close()
    desks[0].close()
