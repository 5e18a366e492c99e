"""How far an analysis has got, what it notes and lets go of; on a recording and an engine that a test makes up."""

from __future__ import annotations

import math
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from rtemo.core.eeg.branch import EegBranch
from rtemo.core.errors import RtemoError
from rtemo.core.types import Channel, Modality, StreamInfo, StreamState, StreamUp
from rtemo.core.windows import Grid
from rtemo.live.replay import analysis as module
from rtemo.live.replay.analysis import Analysis
from rtemo.live.service.snapshot import StreamStatus
from rtemo.recordings.events import Event, EventKind
from rtemo.recordings.open_recording import SeveralParticipants

EEG = StreamInfo("e", "Amp", "EEG", "float32", 250.0, (Channel("Fz"), Channel("Cz")))
LATER = StreamInfo("l", "Late", "EEG", "float32", 250.0, (Channel("Pz"),))


class Frame:
    def __init__(self, *fault):
        self.fault = np.array(fault, np.int8)


class Branch(EegBranch):
    """Only what was found of two channels."""

    def __init__(self):
        self.frames, self.tap = {}, None
        self.channel_map = SimpleNamespace(labels=("Fz", "Cz"), positions=np.eye(3)[:2])


class Pipeline:
    def __init__(self):
        self.grid, self.next_end_s, self.eeg, self.rates = Grid(200.0, 800, 50, 200), 104.0, Branch(), {}
        self.settings = SimpleNamespace(window=SimpleNamespace(hop_s=0.25))

    def branch(self, role):
        return self.eeg if role is Modality.EEG else None

    def dejitter(self, role):
        return self.rates.get(role)


class Engine:
    def __init__(self):
        self.started, self.auxiliary, self.did = False, {}, []

    def step(self, items):
        self.started = True
        self.did.append(items)

    def finish(self):
        self.did.append("finish")

    def settle(self):
        self.did.append("settle")


class Source:
    """Gives a list of items a read, and warns while it does so."""

    first_s, last_s = 100.0, 160.0

    def __init__(self, *reads):
        self.reads, self.warnings, self.position_s, self.stopped = list(reads), ["met at the opening"], math.nan, 0

    @property
    def exhausted(self):
        return not self.reads

    def read(self):
        self.position_s = 110.0
        return self.reads.pop(0)

    def stop(self):
        self.stopped += 1


class Bench:
    """All that an analysis is made of."""

    def __init__(self, monkeypatch, *reads, several=(), broken=None, now=None):
        self.asked, self.predictor, self.engine = [], SimpleNamespace(watches=[], model_at="model at"), Engine()
        self.predictor.pipeline = Pipeline()
        self.source = Source(*reads)
        self.given = None
        self.views = []

        def opened(path, profiles, settings, **options):
            self.asked.append((path, profiles, settings(None), settings("recorded"), options))
            if several and not options["participant"]:
                raise SeveralParticipants(path, several)
            if broken == "opening":
                raise RtemoError("no recording")
            return SimpleNamespace(
                source=self.source, streams=[EEG, LATER], opening=[EEG], participants=several,
                participant=options["participant"], roles=self.roles,
                notices=["met at the opening", "a foreign stream"], n_samples=lambda stream: {"e": 500}.get(stream, 0),
            )  # fmt: skip

        def engine_of(*given, **options):
            self.given = (given, options)
            if broken == "engine":
                raise RtemoError("no baseline")
            options["warn"]("it was another model")
            return self.engine

        view = module.RecordedView

        def viewed():
            self.views.append(view())
            return self.views[-1]

        monkeypatch.setattr(module, "RecordedView", viewed)
        monkeypatch.setattr(module, "OpenRecording", opened)
        monkeypatch.setattr(module, "replay_engine", engine_of)
        if now is not None:
            monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: next(now)))
        self.roles = SimpleNamespace(left_out=("T7",), role_of=lambda info: None)
        current = SimpleNamespace(profiles="profiles", settings="ours")
        self.setup = SimpleNamespace(
            roles=SimpleNamespace(anew=lambda: current), new_predictor=lambda: self.predictor, bundle="bundle",
            persons=("person",),
        )  # fmt: skip

    def open(self, **options):
        return Analysis(Path("a.xdf"), self.setup, **options)


def notes(analysis):
    return [(event.time_s, event.text) for event in analysis.view.events]


def closed(view):
    return view._eeg._file.closed


def test_a_recording_is_opened_with_the_settings_of_its_session_or_ours(monkeypatch):
    bench = Bench(monkeypatch)
    analysis = bench.open(roles="before", participant="P02")
    ((path, profiles, without, own, options),) = bench.asked
    assert (path, profiles, without, own) == (Path("a.xdf"), "profiles", "ours", "recorded")
    assert options == {"roles": "before", "ambiguous": analysis.refused, "participant": "P02", "further": True}
    (recording, predictor, bundle, log, sinks, persons), _ = bench.given
    assert recording.source is bench.source
    assert (predictor, bundle, sinks, persons) == (bench.predictor, "bundle", [analysis.view], ("person",))
    log.add(Event(5.0, EventKind.NOTE, "before all"))
    log.add(Event(120.0, EventKind.NOTE, "later"))
    assert notes(analysis)[-2:] == [(100.0, "before all"), (120.0, "later")]
    assert (analysis.model_at, analysis.participant, analysis.roles) == ("model at", "P02", bench.roles)
    analysis.close()
    assert (bench.source.stopped, closed(analysis.view)) == (1, True)


def test_of_several_participants_the_first_is_shown(monkeypatch):
    bench = Bench(monkeypatch, several=("P01", "P02"))
    analysis = bench.open()
    assert [options["participant"] for *_, options in bench.asked] == ["", "P01"]
    assert (analysis.participants, analysis.participant) == (("P01", "P02"), "P01")
    analysis.close()


@pytest.mark.parametrize(("broken", "stopped"), [("opening", 0), ("engine", 1)])
def test_what_cannot_be_opened_leaves_nothing_open(monkeypatch, broken, stopped):
    bench = Bench(monkeypatch, broken=broken)
    with pytest.raises(RtemoError):
        bench.open()
    assert bench.source.stopped == stopped
    assert [closed(view) for view in bench.views] == [True]


def test_what_is_wrong_is_noted_once_where_it_is_met(monkeypatch):
    bench = Bench(monkeypatch, ["first"], ["second"])
    analysis = bench.open()
    assert notes(analysis) == [
        (100.0, "met at the opening"), (100.0, "a foreign stream"), (100.0, "it was another model"),
    ]  # fmt: skip
    assert all(event.kind is EventKind.NOTE for event in analysis.view.events)
    bench.source.warnings.append("a damaged chunk")
    analysis._take(False)
    analysis._take(False)
    assert notes(analysis)[3:] == [(110.0, "a damaged chunk")]
    analysis.close()


@pytest.mark.parametrize(
    ("position_s", "next_end_s", "ready_s"),
    [
        (math.nan, 104.0, 100.0),
        (110.0, None, 100.0),
        (110.0, 120.0, 108.0),  # two seconds before what was read
        (110.0, 108.25, 108.0),
        (110.0, 107.0, 106.75),  # where the newest window ended
        (101.0, 107.0, 100.0),
    ],
)
def test_how_far_everything_is_known(monkeypatch, position_s, next_end_s, ready_s):
    bench = Bench(monkeypatch)
    analysis = bench.open()
    bench.source.position_s, bench.predictor.pipeline.next_end_s = position_s, next_end_s
    assert (analysis.first_s, analysis.last_s, analysis.ready_s) == (100.0, 160.0, ready_s)
    analysis.done = True
    assert analysis.ready_s == 160.0
    analysis.close()


def test_work_goes_on_for_so_long_and_what_is_under_way_is_given_out(monkeypatch):
    bench = Bench(monkeypatch, ["1"], ["2"], ["3"], now=iter([10.0, 10.0, 10.01, 10.02, 20.0, 20.0, 20.0, 20.0]))
    analysis = bench.open()
    analysis.work(0.02)
    assert bench.engine.did == [[StreamUp(EEG)], ["1"], ["2"], "settle"]
    assert not analysis.done
    analysis.work(0.02)
    assert bench.engine.did[4:] == [["3"], "finish"]
    assert analysis.done
    analysis.work(0.02)
    assert len(bench.engine.did) == 6
    analysis.close()


def test_faults_are_kept_in_the_order_of_their_frames_once_each(monkeypatch):
    bench = Bench(monkeypatch, ["1"], ["2"])
    analysis = bench.open()
    put = []
    analysis.view.put_faults = lambda time_s, fault: put.append((time_s, fault.tolist()))
    branch = bench.predictor.pipeline.eeg
    branch.frames = {400: Frame(0, 3), 200: Frame(1, 0)}
    analysis._take(False)
    branch.frames = {400: Frame(0, 3), 600: Frame(0, 0)}
    analysis._take(True)
    assert put == [(1.0, [1, 0]), (2.0, [0, 3]), (3.0, [0, 0])]
    analysis.close()


def test_channels_have_the_faults_of_the_time_that_is_asked_for(monkeypatch):
    bench = Bench(monkeypatch)
    analysis = bench.open()

    def shown(time_s):
        return [(one.label, one.excluded, bool(one.fault)) for one in analysis.channel_statuses(time_s)]

    assert shown(1.0) == [("Fz", False, False), ("Cz", False, False), ("T7", True, False)]  # nothing is known yet
    analysis.view.put_faults(2.0, np.array([0, 5], np.int8))
    assert shown(2.0) == [("Fz", False, False), ("Cz", False, True), ("T7", True, False)]
    bench.predictor.pipeline.branch = lambda _role: None
    assert analysis.channel_statuses(2.0) == ()
    analysis._take(True)  # without EEG
    analysis.close()


def test_streams_are_counted_in_the_file(monkeypatch):
    bench = Bench(monkeypatch)
    analysis = bench.open()
    pipeline = bench.predictor.pipeline
    pipeline.rates = {Modality.EEG: SimpleNamespace(rate=SimpleNamespace(hz=249.5)),
                      Modality.GAZE: SimpleNamespace(rate=None)}  # fmt: skip

    def counted(stream_id, role):
        status = StreamStatus(
            stream_id=stream_id, name="", type="", hostname="", source_id="", n_channels=1, channel_format="float32",
            nominal_hz=250.0, measured_hz=math.nan, age_s=math.nan, state=StreamState.LOST, role=role, profile="",
            why="", labels=("",),
        )  # fmt: skip
        made = analysis._counted(status)
        return made.n_samples, made.measured_hz, made.state

    assert counted("e", "eeg") == (500, 249.5, StreamState.STREAMING)
    for stream, role, n, state in (("e", "gaze", 500, StreamState.STREAMING), ("l", "markers", 0, StreamState.WAITING),
                                   ("l", "", 0, StreamState.WAITING)):  # fmt: skip
        found = counted(stream, role)
        assert (found[0], math.isnan(found[1]), found[2]) == (n, True, state)
    analysis.close()


def test_one_window_a_second_is_kept_to_be_explained(monkeypatch):
    bench = Bench(monkeypatch)
    analysis = bench.open()
    (keep,) = bench.predictor.watches
    for end_s in (101.75, 102.0, 102.25, 103.0):
        keep(SimpleNamespace(end_s=end_s), None)
    assert [analysis.view.window_at(end_s).end_s for end_s in (102.25, 200.0)] == [102.0, 103.0]
    assert len(analysis.view._windows) == 3
    analysis.close()


def test_the_list_of_streams_is_made_of_what_is_known_of_the_recording(monkeypatch):
    bench, asked = Bench(monkeypatch), []
    analysis = bench.open()
    analysis.refused[Modality.EEG] = "two fit"
    analysis._descriptions = SimpleNamespace(statuses=lambda *given: asked.append(given) or {"e": (EEG, "a status")})
    analysis._counted = lambda status: f"{status}, counted"
    assert analysis.stream_statuses() == ("a status, counted",)
    ((nothing, nobody, announced, roles, pipeline, refused, auxiliary),) = asked
    assert (nothing, nobody, roles, pipeline) == ((), (), bench.roles, bench.predictor.pipeline)
    assert list(announced.infos) == ["e", "l"]
    assert (refused, auxiliary) == ({"eeg": "two fit"}, bench.engine.auxiliary)
    analysis.close()


def test_impedances_are_shown_with_the_channels(monkeypatch):
    bench = Bench(monkeypatch)
    analysis = bench.open()
    monkeypatch.setattr(module, "with_impedances", lambda found, auxiliary: (len(found), auxiliary))
    assert analysis.channel_statuses(1.0) == (3, bench.engine.auxiliary)
    analysis.close()


def test_what_is_read_is_shown_with_each_piece(monkeypatch):
    bench, did = Bench(monkeypatch, ["1"], now=iter([0.0, 0.0, 0.0, 0.0, 9.0])), []
    analysis = bench.open()
    analysis._display = SimpleNamespace(update=lambda pipeline: did.append(("update", pipeline)))
    analysis._further = SimpleNamespace(take=lambda *given: did.append(given))
    analysis.work(1.0)
    update = ("update", bench.predictor.pipeline)
    assert did == [update, (["1"], analysis._announced.infos, bench.roles.role_of), update, update]
    assert analysis.done
    analysis.close()
