"""What the engines of several participants state: of whom it is, and what is about all of them once."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from hand_fed import FIRST, PROFILES
from stream_builder import TEN_TWENTY, eeg_channels, stream

from rtemo.commands.from_arguments import load_model
from rtemo.core.types import Channel, Chunk, StreamDown, StreamState, StreamUp
from rtemo.live.engine.engine import Engine
from rtemo.recordings.events import EventKind, EventLog, participant_log
from rtemo.sources.participant_roles import ItemsOfEach, ParticipantRoles
from rtemo.sources.participants import parse_participant
from rtemo.sources.session_settings import SessionSettings, with_participants

HZ = 250.0
WITH_TRIGGERS = [*eeg_channels(TEN_TWENTY), Channel("DeviceTrigger", "Trigger")]
MARKERS = replace(stream("Stim", "Markers", 1, source_id="m", rate=0.0, fmt="string"), stream_id="m")
CLOCK = replace(stream("Clock", "Ticks", 1, source_id="c", rate=1.0), stream_id="c")  # nobody's


def amplifier(who):
    """Two of the same kind: the same name, and a column of triggers."""
    return replace(stream("LiveAmpSN-1", "EEG", WITH_TRIGGERS, source_id=who, rate=HZ), stream_id=who)


def samples(who, trigger):
    values = np.random.default_rng(1).normal(0, 20, (500, len(WITH_TRIGGERS))).astype(np.float32)
    values[:, -1] = -1
    values[100, -1], values[250, -1] = 0.0, trigger
    return Chunk(who, 1000.0 + np.arange(500) / HZ, values)


def test_each_event_names_whose_it_is_and_what_is_about_all_is_stated_once():
    said = [parse_participant(f"{who}: eeg=source_id={who}") for who in ("P01", "P02")]
    roles = ParticipantRoles(PROFILES, with_participants(SessionSettings(), said))
    streams = [amplifier("P01"), amplifier("P02"), MARKERS, CLOCK]
    shared, engines = EventLog(), {}
    heard = {who: [] for who in roles.each}
    for who, own in roles.each.items():
        own.choose(streams)
        log = participant_log(shared, who, states_shared=not engines)
        log.listen(heard[who].append)
        predictor = load_model(None, FIRST.pipeline.settings.window.hop_s)[1]
        engines[who] = Engine(None, own, predictor, log, participant=who)
    items = [StreamUp(info) for info in streams]
    items += [samples("P01", 3.0), samples("P02", 5.0)]
    items += [Chunk("m", np.array([1001.0]), np.array([["film"]], object))]
    items += [StreamDown("m", StreamState.LOST, "gone"), StreamDown("P02", StreamState.LOST, "gone")]
    for who, own in ItemsOfEach(roles.each).split(items).items():
        engines[who].step(own)
        engines[who].finish()
    stated = [(event.kind, event.stream, event.participant) for event in shared.events]
    assert stated.count((EventKind.MARKER, "Stim", "")) == 1
    assert stated.count((EventKind.STREAM_UP, "Stim", "")) == 1
    assert stated.count((EventKind.STREAM_UP, "Clock", "")) == 1
    assert [whose for kind, _, whose in stated if kind is EventKind.STREAM_DOWN] == ["", "P02"]
    markers = [event for event in shared.events if event.kind is EventKind.MARKER]
    triggers = {event.participant: event.text for event in markers if event.stream.startswith("LiveAmpSN-1/")}
    assert set(triggers) == {"P01", "P02"}
    assert triggers["P01"] != triggers["P02"]
    for events in heard.values():  # each engine has the markers for itself, as its baseline may be between them
        assert [event.text for event in events if event.stream == "Stim" and event.kind is EventKind.MARKER] == ["film"]
