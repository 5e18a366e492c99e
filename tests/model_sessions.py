"""A short session of a simulated person on any bundle, and what it leaves; a model that takes a short baseline."""

from __future__ import annotations

import csv
import itertools
import json
import shutil
from dataclasses import replace
from pathlib import Path

from hand_fed import PROFILES, FedSession, setup_of

from rtemo import resources
from rtemo.commands.from_arguments import DEMO_MODEL
from rtemo.core.types import Chunk, StreamUp
from rtemo.model.bundle import _fingerprint
from rtemo.model.decoder import Decoder
from rtemo.model.predictor import Predictor, new_pipeline
from rtemo.model.runtime import Runtime
from rtemo.simulate.caps import spread
from rtemo.simulate.plan import PlannedClip, SimulationPlan, segments_for_clips
from rtemo.simulate.session import SimulatedSession
from rtemo.sources.session_settings import SessionSettings
from rtemo.sources.stream_roles import StreamRoles

ONLY_LIVE = ("forced", "latency_ms", "late")


def impatient_bundle(folder: Path, rest_min_s: float) -> Path:
    """The demonstration's model, but content with a baseline that is shorter than the 20 s that it takes at least."""
    shutil.copytree(resources.assets() / DEMO_MODEL, folder)
    document = json.loads((folder / "bundle.json").read_text())
    document["pipeline"]["normaliser"]["rest_min_s"] = rest_min_s
    document["fingerprint"] = _fingerprint(document)
    (folder / "bundle.json").write_text(json.dumps(document))
    return folder


def simulated_person():
    clips = segments_for_clips([PlannedClip(1, "fear", 30.0)], 4.0, 0.0)
    return SimulatedSession(SimulationPlan(3, 1, tuple(clips), 0, spread(8), 250, 60.0))


def live_session(person, bundle, root, seconds, hop_s, look_s=0.0, takes_s=0.0):
    """Its folder. look_s: how far the clock goes on each time that somebody looks at it.

    takes_s: what a window takes in the model; samples come as time passes, and are read when the model is done.
    """
    time_s, roles, looks = [person.plan.start_s], StreamRoles(PROFILES), itertools.count()
    roles.choose(person.streams)
    setup = setup_of(roles, lambda: time_s[0] + look_s * next(looks), lambda *_: None, (), hop_s, bundle)
    setup = replace(setup, stopwatch=setup.clock)
    if takes_s:
        runtime = SlowRuntime(bundle, time_s, takes_s)
        setup = replace(
            setup, new_predictor=lambda: Predictor(new_pipeline(bundle.spec, hop_s), runtime, Decoder(bundle))
        )
    session = FedSession(setup, SessionSettings(subject="P"), root)
    for info in person.streams:
        session.give(StreamUp(info))
    for item in person.items(block_s=0.1):
        if isinstance(item, Chunk) and len(item):
            came_s = float(item.stamps[-1])
            time_s[0] = max(time_s[0], came_s)
            item = replace(item, arrived_s=came_s if takes_s else item.arrived_s)
        session.give(item)
        if time_s[0] >= person.plan.start_s + seconds:
            break
    session.close()
    (folder,) = root.iterdir()
    return folder


class SlowRuntime(Runtime):
    """Time goes on while the model works."""

    def __init__(self, bundle, time_s, takes_s):
        super().__init__(bundle)
        self._time_s, self._takes_s = time_s, takes_s

    def embed(self, window):
        self._time_s[0] += self._takes_s
        return super().embed(window)


def rows(path):
    """Predictions without what a live session alone knows."""
    with path.open() as file:
        return [{k: row[k] for k in row.keys() - set(ONLY_LIVE)} for row in csv.DictReader(file)]
