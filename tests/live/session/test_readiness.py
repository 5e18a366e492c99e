"""Whether a session can begin, in every case that a researcher meets."""

from __future__ import annotations

import itertools
from threading import Event
from types import SimpleNamespace

import pytest

from rtemo import resources
from rtemo.commands.session.live_engine import _await_streams
from rtemo.core.errors import StreamMissing
from rtemo.core.types import Channel, Modality, StreamInfo, StreamState
from rtemo.live.session.readiness import obstacle
from rtemo.sources.devices.profile import load_profiles
from rtemo.sources.participant_roles import ParticipantRoles
from rtemo.sources.participants import parse_participant
from rtemo.sources.session_settings import SessionSettings, with_participants

STREAMING, WAITING, STALLED = StreamState.STREAMING, StreamState.WAITING, StreamState.STALLED
EEG, GAZE, MARKERS = Modality.EEG, Modality.GAZE, Modality.MARKERS


def stream(role, state=STREAMING, name=None):
    return SimpleNamespace(role=role, state=state, name=name or role.upper())


@pytest.mark.parametrize(("streams", "required", "said"), [
    ([], (), "no EEG or gaze stream is chosen"),
    ([stream("")], (), "no EEG or gaze stream is chosen"),
    ([stream("markers")], (), "no EEG or gaze stream is chosen"),
    ([stream("markers")], (MARKERS,), "no EEG or gaze stream is chosen"),
    ([stream("eeg")], (), ""),
    ([stream("gaze"), stream("", WAITING)], (), ""),
    ([stream("eeg", WAITING)], (), "no data from EEG"),
    ([stream("eeg", STALLED, "Amp"), stream("gaze", StreamState.LOST, "Eyes")], (), "no data from Amp, Eyes"),
    ([stream("eeg"), stream("gaze", STALLED)], (), "no data from GAZE"),
    ([stream("eeg"), stream("gaze", STALLED)], (EEG,), ""),
    ([stream("eeg")], (EEG, GAZE), "no gaze stream, and the settings require it"),
    ([stream("eeg")], (GAZE, MARKERS), "no gaze and no marker stream, and the settings require it"),
    ([stream("gaze")], (EEG,), "no EEG stream, and the settings require it"),
    ([stream("eeg"), stream("markers", WAITING)], (EEG, MARKERS), ""),  # markers come when something happens
    ([stream("eeg"), stream("markers", StreamState.LOST)], (EEG, MARKERS), "no data from MARKERS"),
    ([stream("eeg"), stream("markers", StreamState.FAILED)], (MARKERS,), "no data from MARKERS"),
    ([stream("eeg"), stream("markers", StreamState.LOST)], (), ""),  # nobody has asked for them
])  # fmt: skip
def test_what_is_missing_is_said(streams, required, said):
    assert obstacle(iter(streams), required) == said


P01 = parse_participant("P01: eeg=name=Amp; ratings=name=Stick")


def sent_by(name, state=STREAMING, hz=20.0, role="", **more):
    found = dict.fromkeys(("stream_id", "type", "source_id", "hostname"), "") | {"channel_format": "float32"}
    values = {"participant": "P01" if role else "", "recorded": True, "nominal_hz": hz, "name": name, "state": state}
    return SimpleNamespace(role=role, **(found | values | more))


@pytest.mark.parametrize(("ratings", "required", "said"), [
    ([], (), "P01: no ratings stream name=Stick, and the settings name it"),
    ([sent_by("Other")], (), "P01: no ratings stream name=Stick, and the settings name it"),
    ([sent_by("Stick", channel_format="string")], (), "P01: no ratings stream name=Stick, and the settings name it"),
    ([sent_by("Stick", WAITING)], (), "P01: no data from Stick"),
    ([sent_by("Stick", STALLED)], (), "P01: no data from Stick"),
    ([sent_by("stick")], (), ""),
    ([sent_by("Stick", WAITING, hz=float("nan"))], (), ""),  # at no rate: they come when something happens
    ([sent_by("Stick", StreamState.LOST, hz=float("nan"))], (), "P01: no data from Stick"),
    ([sent_by("Stick", StreamState.LOST), sent_by("Stick")], (), ""),  # it was started again
    ([sent_by("Stick", WAITING, recorded=False)], (), ""),  # unticked in the window
    ([], (EEG,), ""),  # nothing but the EEG is required
])  # fmt: skip
def test_ratings_that_are_named_are_waited_for(ratings, required, said):
    assert obstacle([sent_by("Amp", role="eeg"), *ratings], required, (P01,)) == said


class Arriving:
    """A source on which something becomes open with every read."""

    ending, visible = False, ()

    def __init__(self, roles, *infos):
        self._roles, self._waiting, self.announced = roles, list(infos), SimpleNamespace(infos={})

    def read(self, _timeout_s):
        if self._waiting:
            info = self._waiting.pop(0)
            self.announced.infos[info.stream_id] = info
            self._roles.choose_for("P01", EEG, [info])


def described(name, kind):
    return StreamInfo(name, name, kind, "float32", 500.0, (Channel("Fz"), Channel("Cz")), source_id=name)


def test_a_session_without_a_window_waits_for_the_ratings_too(capsys):
    amp, stick = described("Amp", "EEG"), described("Stick", "Slider")
    clock = itertools.count().__next__
    for infos in ((amp, stick), (stick, amp)):
        roles = ParticipantRoles(load_profiles(resources.devices()), with_participants(SessionSettings(), [P01]))
        source = Arriving(roles, *infos)
        _await_streams(source, roles, clock, 10.0, Event())
        assert set(source.announced.infos) == {"Amp", "Stick"}
    roles = ParticipantRoles(load_profiles(resources.devices()), with_participants(SessionSettings(), [P01]))
    with pytest.raises(StreamMissing, match=r"no stream for P01:ratings \(name=Stick\) within 5 s"):
        _await_streams(Arriving(roles, amp), roles, clock, 5.0, Event())
    capsys.readouterr()


def typed(role, state, name="Amp", kind="EEG"):
    return SimpleNamespace(role=role, state=state, name=name, type=kind)


LOST = StreamState.LOST


@pytest.mark.parametrize(("old", "new", "said"), [
    (typed("eeg", LOST), typed("eeg", STREAMING), ""),
    (typed("eeg", STALLED), typed("eeg", STREAMING), "no data from Amp"),  # it is still there
    (typed("eeg", LOST), typed("eeg", WAITING), "no data from Amp, Amp"),
    (typed("eeg", LOST), typed("eeg", STREAMING, "Other"), "no data from Amp"),
    (typed("eeg", LOST), typed("eeg", STREAMING, kind="ExG"), "no data from Amp"),
    (typed("gaze", LOST), typed("eeg", STREAMING), "no data from Amp"),  # of another role
])  # fmt: skip
def test_what_is_left_of_a_device_that_was_started_again_is_not_waited_for(old, new, said):
    assert obstacle([old, new], ()) == said
    assert obstacle([new, old], ()) == said


def test_each_of_several_needs_only_the_own_streams():
    people = [parse_participant(f"{one}: eeg=name={one}; gaze=name=G{one}") for one in ("P01", "P02")]

    def own(whose, role, state=STREAMING):
        return SimpleNamespace(role=role, state=state, name=f"{role} {whose}", type="", participant=whose)

    there = [own("P01", "eeg"), own("P01", "gaze"), own("P02", "eeg")]
    assert obstacle(there, (), people) == "P02: no gaze stream, and the settings require it"
    assert obstacle(there, (EEG,), people) == ""
    assert obstacle(there, (EEG, MARKERS), people) == "P01: no marker stream, and the settings require it"
    assert obstacle([*there, own("", "markers")], (EEG, MARKERS), people) == ""
    stalled = [*there, own("P02", "gaze", STALLED)]
    assert obstacle(stalled, (), people) == "P02: no data from gaze P02"
    assert obstacle(stalled, (), people[:1]) == ""
