"""A controller on a simulated person that is fed by hand: no network, no real time."""

from __future__ import annotations

import contextlib
import queue
import threading
import time

from rtemo import resources
from rtemo.commands.from_arguments import load_model
from rtemo.core.types import Chunk, StreamUp
from rtemo.live.service.controller import Controller
from rtemo.live.service.wire import Command
from rtemo.live.session.assemble_session import SessionRun
from rtemo.live.session.engine_setup import EngineSetup
from rtemo.live.session.outputs import OutputsRequest, SessionOutputs
from rtemo.model.decoder import Decoder
from rtemo.model.predictor import Predictor, new_pipeline
from rtemo.model.runtime import Runtime
from rtemo.recorder.recorder import Recorder
from rtemo.recorder.recording_source import RecordingSource
from rtemo.sources.devices.profile import load_profiles
from rtemo.sources.stream_roles import StreamRoles

DEADLINE_S = 60.0
PROFILES = load_profiles(resources.devices())
BUNDLE, FIRST = load_model(None, None)
RUNTIME = Runtime(BUNDLE)


def wait_for(condition, what=""):
    """What the condition gives, once it is true."""
    pause, end_s = threading.Event(), time.monotonic() + DEADLINE_S
    while not (found := condition()):
        assert time.monotonic() < end_s, what or "waited too long"
        pause.wait(0.01)
    return found


def setup_of(roles, clock, open_source, persons=(), hop_s=0.25, bundle=None):
    """The demonstration model, or another, on whatever is fed."""
    used, runtime = (BUNDLE, RUNTIME) if bundle is None else (bundle, Runtime(bundle))
    return EngineSetup(
        roles=roles,
        open_source=open_source,
        new_predictor=lambda: Predictor(new_pipeline(used.spec, hop_s), runtime, Decoder(used)),
        bundle=used,
        hop_s=hop_s,
        clock=clock,
        publish=False,
        persons=persons,
    )


def recorded(supply):
    """What a test feeds, with a recorder in this process."""
    return RecordingSource(supply, lambda request: Recorder(request.path, session_id=request.session_id))


class HandFed:
    """A supply whose items the test puts in."""

    def __init__(self):
        self.items = queue.SimpleQueue()
        self.stopped = False
        self.failure = None
        self.idle = False
        self.n_reads = 0

    def start(self):
        return ()

    def read(self, timeout_s):
        if self.failure is not None:
            raise self.failure
        self.n_reads += 1
        self.idle = self.items.empty()  # whoever reads again has used what it was given
        with contextlib.suppress(queue.Empty):
            return [self.items.get(timeout=0.01)]
        return []

    def listen(self, come):
        """Whoever reads looks again anyway."""

    exhausted = False
    visible = ()
    missing = ()

    def stop(self):
        self.stopped = True

    def status(self):
        return ()


class FedSession:
    """A headless session, as `rtemo live` puts it together, on items that are given one by one."""

    def __init__(self, setup, settings, root):
        self._supply = HandFed()
        self._source = recorded(self._supply)
        self._source.start()
        request = OutputsRequest(settings, root, publish=False)
        self.outputs = SessionOutputs(request, setup.bundle, setup.hop_s, setup.clock, self._source)
        self.run = SessionRun(setup, self._source, settings, self.outputs.events, self.outputs.sinks, self.outputs)

    def give(self, item):
        self._supply.items.put(item)
        self.run.engine.step(self._source.read(0.0))

    def close(self):
        self.run.finish()
        self.outputs.close()


class Lab:
    """A running controller, and the person it looks at. `time_s` is the newest sample's."""

    def __init__(self, session, persons=(), settings=None, hop_s=0.25):
        self.supply, self.time_s = HandFed(), session.plan.start_s
        self._items = iter(session.items(block_s=0.1))
        self._stop = threading.Event()
        roles = StreamRoles(PROFILES, settings)
        roles.choose(session.streams)
        setup = setup_of(roles, lambda: self.time_s, self._open, persons, hop_s)
        self._streams = session.streams
        self.controller = Controller(setup)
        for info in session.streams:
            self.supply.items.put(StreamUp(info))
        self.thread = threading.Thread(target=self.controller.run, args=(self._stop,), daemon=True)
        self.thread.start()
        self.token, self.seen = "", []

    def _open(self, roles, _refused):
        """The supply; of several participants each has the streams that are named."""
        for whose in filter(None, roles.each):
            for part in roles.each[whose].queries:
                roles.choose_for(whose, part, self._streams)
            for info in self._streams:
                roles.take_marker(info)
        return recorded(self.supply)

    def feed(self, seconds):
        """Let so many seconds of samples come, and wait until they are read."""
        end_s = self.time_s + seconds
        for item in self._items:
            self.supply.idle = False
            self.supply.items.put(item)
            if isinstance(item, Chunk) and len(item):
                self.time_s = max(self.time_s, float(item.stamps[-1]))
            if self.time_s >= end_s:
                break
        self.settle()

    def settle(self):
        """Wait until everything put so far was taken, and one more state was told."""
        wait_for(lambda: self.supply.idle or not self.thread.is_alive())

    def do(self, name, **arguments):
        """Send a command and wait until its effect has been told."""
        before = self.supply.n_reads
        self.controller.submit(Command(name, arguments))
        wait_for(lambda: self.supply.n_reads >= before + 2 or not self.thread.is_alive())

    def take(self, participant=""):
        snapshot, self.token = self.controller.feed.take(self.token, participant)
        self.seen.append(snapshot)
        return snapshot

    def close(self):
        self._stop.set()
        self.thread.join(DEADLINE_S)
        assert not self.thread.is_alive()
