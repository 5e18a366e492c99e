"""A live session that is fed with a plan's samples by hand: the clock watch, the recorder and the session are the real
ones, the network and the time are not. So a session of 40 s takes a second or two, and comes out the same each time.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np

from rtemo.core.errors import RtemoError
from rtemo.core.types import Chunk, Item, Modality, StreamState, StreamUp
from rtemo.live.session.joint_session import JointSession
from rtemo.live.session.outputs import OutputsRequest, SessionOutputs
from rtemo.live.session.take_up import TakenUpSession
from rtemo.recorder.recording_source import RunningRecording
from rtemo.recordings.session_folder import SessionFolder
from rtemo.sources.lsl.stream_state import LslStream
from rtemo.sources.lsl.times.clock_offsets import ClockSync, Measurement
from rtemo.sources.participant_roles import ParticipantRoles
from rtemo.sources.session_settings import SessionSettings
from rtemo.sources.stream_xml import same_description, stream_info

from ..plan import OFFSET_EVERY_S, Plan, Sent
from ..xdf_bytes import stream_xml

sys.path.append(str(Path(__file__).parents[2] / "live"))  # where the tests of sessions keep what they share
from hand_fed import BUNDLE, PROFILES, HandFed, recorded, setup_of

LOSS_NOTICED_S, FOUND_AFTER_S = 0.6, 1.0  # after an outlet closes, and opens
FIRST_OFFSET_S = 0.64  # after an inlet opens
DTYPES = {"float32": "<f4", "double64": "<f8", "int8": "<i1", "int16": "<i2", "int32": "<i4", "int64": "<i8"}


class Act(NamedTuple):
    """What is done at a time since the begin: the name of a method of FedSession without `do_`."""

    at_s: float
    name: str
    options: Mapping[str, Any]


class Outlet:
    """One outlet of a participant's plan, and the connection to it."""

    def __init__(self, number: int, whose: str, sent: Sent, put: Callable[[Item], None], t0: float) -> None:
        self.whose, self.sent, self.t0, self.n_sent = whose, sent, t0, 0
        about = dict(sent.description)
        if whose:  # told apart by their names
            about["name"], about["source_id"] = f"{about['name']} {whose}", f"{about['source_id']} {whose}"
        self.info = stream_info(stream_xml(about), f"{sent.role}{number}")
        self.role = f"{sent.role} {self.info.name}"
        self._put = put
        self._measured_s, self._measurement = -math.inf, Measurement(t0, 0.0, 1e-4)
        self.stream = LslStream(self.info, put, announced=True)
        self._sync = self._new_sync(None)

    def connect(self, before: Outlet | None) -> None:
        """Connect; before: the outlet whose place it takes. Under the same description that one's stream goes on."""
        newest = None if before is None else before._sync.newest
        if before is None:
            self.stream = LslStream(self.info, self._put, announced=False)
        elif same_description(before.info, self.info):
            self.stream = before.stream
            self.info = replace(self.info, stream_id=self.stream.stream_id)
            self.stream.reconnect(self.info)
        else:
            newest = None
            replaced = before.stream.stream_id
            self.stream = LslStream(self.info, self._put, announced=False, replaces=replaced)
        self._sync = self._new_sync(newest)

    def find_again(self, now_s: float, *, burst: bool) -> None:
        """It is back; burst: with what it sent meanwhile."""
        if not burst:
            self.n_sent = int(np.searchsorted(self.sent.send_s, now_s))
        newest = self._sync.newest
        self.stream.reconnect(self.info)
        self._sync = self._new_sync(newest)
        self.stream.mark_up()

    def pull(self, now_s: float) -> None:
        """Take what was sent by now."""
        due = int(np.searchsorted(self.sent.send_s, now_s - 1e-9))
        chunk = None
        if due > self.n_sent:
            some = slice(self.n_sent, due)
            self.n_sent = due
            chunk = Chunk(self.stream.stream_id, np.array(self.sent.stamps[some]), self._values(some), self.t0 + now_s)
        items = self._sync.take(self.t0 + now_s, chunk, self._measure(now_s))
        if chunk is not None or items:
            self.stream.deliver(self.t0 + now_s, chunk, items, self._sync.placed)

    def end(self, now_s: float, reason: str) -> None:
        """It is gone."""
        self.stream.deliver(self.t0 + now_s, None, self._sync.give_up(), self._sync.placed)
        self.stream.mark_down(StreamState.LOST, reason)

    def _new_sync(self, newest: float | None) -> ClockSync:
        self._measured_s = -math.inf
        text = self.info.channel_format == "string"
        return ClockSync(self.stream.stream_id, self.info.nominal_rate_hz, newest, text=text)

    def _measure(self, now_s: float) -> Measurement | None:
        if now_s - self._measured_s >= OFFSET_EVERY_S and now_s - self.sent.opens_s > FIRST_OFFSET_S:
            self._measured_s = now_s
            offset_s = self.sent.offset_of(now_s) if self.sent.offset_of else 0.0
            offset_s = self.sent.wrong_offsets.get(round(now_s, 1), offset_s)
            self._measurement = Measurement(self.t0 + now_s - offset_s, offset_s + 1e-5 * math.sin(now_s), 1e-4)
        return None if self._measured_s == -math.inf else self._measurement

    def _values(self, some: slice) -> np.ndarray[Any, Any]:
        values = self.sent.values[some]
        form = self.sent.description["format"]
        if form != "string":
            return np.asarray(values).astype(DTYPES[form])
        texts = np.empty(values.shape, object)
        texts[:] = values
        return texts


class FedSession:
    """A session as `rtemo live` puts it together. `run` plays the plans and the acts, and gives the session's folder.

    plans: of each participant, by id; of somebody alone, by "". All begin at the same time.
    """

    def __init__(
        self,
        plans: Mapping[str, Plan],
        root: Path,
        settings: SessionSettings,
        acts: Sequence[Act],
        tick_s: float,
        hop_s: float,
    ) -> None:
        self._settings, self._tick_s, self._hop_s = settings, tick_s, hop_s
        self._t0, self._seconds = (max(getattr(one, name) for one in plans.values()) for name in ("t0", "seconds"))
        self._acts = sorted(acts, key=lambda act: act.at_s)
        self._time_s, self._given = self._t0, list[Item]()
        self._supply = HandFed()
        self._supply.status = lambda: [SimpleNamespace(info=one.info) for one in self._ever]
        self._source = recorded(self._supply)
        self._source.start()
        sent = [(whose, one) for whose, plan in plans.items() for one in plan.sent]
        self._outlets = [Outlet(number, *one, self._given.append, self._t0) for number, one in enumerate(sent)]
        first = [one for one in self._outlets if one.sent.opens_s <= 0.0]
        self._connected = {one.role: one for one in first}
        self._ever, self._muted = list(first), set[str]()
        self.refused: list[str] = []  # acts that the session refused
        infos = [one.info for one in first]
        self._begin(OutputsRequest(settings, root, publish=False), infos, None)
        for info in infos:
            self._give(StreamUp(info))

    @property
    def events(self) -> list[str]:
        return [event.text for event in self._outputs.events.events]

    def run(self) -> SessionFolder:
        last_s = [float(one.sent.send_s[-1]) for one in self._outlets if len(one.sent.send_s)]
        waiting = list(self._acts)
        for tick in range(1, int(max([self._seconds, *last_s]) / self._tick_s) + 3):
            now_s = tick * self._tick_s
            self._time_s = self._t0 + now_s
            for outlet in self._outlets:
                self._advance(outlet, now_s)
            while waiting and waiting[0].at_s <= now_s:
                act = waiting.pop(0)
                try:
                    getattr(self, f"do_{act.name}")(**act.options)
                except RtemoError as error:
                    self.refused.append(f"{act.name}: {error}")
            given, self._given[:] = list(self._given), []
            for item in given:
                self._give(item)
            if not given:
                self._session.step(self._source.read(0.0))
            self._session.after_read()
        self._session.finish()
        self._outputs.close()
        return self._outputs.folder

    def do_rest(self, seconds: float, whose: str = "") -> None:
        """Of everybody where nobody is named."""
        self._session.commands.do("baseline", whose, {"seconds": seconds})

    def do_label(self, label: str, back_s: float, whose: str = "") -> None:
        span = {"begin_s": self._time_s - back_s, "end_s": self._time_s}
        self._session.commands.do("label", whose or self._first, {"label": label, **span})

    def do_mark(self, label: str, mark: str, whose: str = "") -> None:
        self._session.commands.do("mark_channel", whose or self._first, {"label": label, "mark": mark})

    def do_annotate(self, text: str, whose: str = "") -> None:
        self._session.commands.do("annotate", whose, {"text": text})

    def do_lose(self, role: str, whose: str = "") -> None:
        """The first outlet of a participant's role is gone until `find`."""
        found = self._first_of(role, whose)
        if found is not None and not found.stream.down:
            self._muted.add(found.role)
            found.end(self._now_s, "gone from the network")

    def do_find(self, role: str, burst: bool, whose: str = "") -> None:
        found = self._first_of(role, whose)
        if found is not None and found.stream.down:
            self._muted.discard(found.role)
            found.find_again(self._now_s, burst=burst)

    def do_save(self) -> None:
        """The engine's state."""
        for run in self._session.runs.values():
            run.save()
            run.state_file.wait()
        self._time_s += 1e-6  # what is stated in the same tick is later, as by any clock

    def do_crash(self) -> None:
        """The engine is killed, and another takes up the session."""
        recorder = self._source.recorder
        assert recorder is not None
        assert recorder.wait_flushed(10.0)
        left = self._outputs
        size = recorder.path.stat().st_size
        self._source.running = RunningRecording((str(recorder.path),), 0, size, left.session_id, asdict(left.about))
        left.leave()
        taken_up = TakenUpSession(self._source.running, PROFILES)
        self._settings = taken_up.settings
        infos = [one.info for one in self._connected.values() if not one.stream.down]
        self._begin(OutputsRequest(self._settings, publish=False), infos, taken_up)

    @property
    def _now_s(self) -> float:
        return self._time_s - self._t0

    @property
    def _first(self) -> str:
        return self._settings.each[0].alone

    def _first_of(self, role: str, whose: str) -> Outlet | None:
        own = whose or self._first
        return next((one for one in self._connected.values() if (one.sent.role, one.whose) == (role, own)), None)

    def _begin(self, request: OutputsRequest, infos: Sequence[Any], taken_up: TakenUpSession | None) -> None:
        self._roles = ParticipantRoles(PROFILES, self._settings)
        for own in self._settings.each:
            self._roles.each[own.alone].choose(infos)
        for info in infos:
            self._roles.take_marker(info)
        roles = next(iter(self._roles.each.values()))
        setup = setup_of(roles, lambda: self._time_s, lambda *_: None, hop_s=self._hop_s)
        self._outputs = SessionOutputs(request, BUNDLE, setup.hop_s, setup.clock, self._source, taken_up=taken_up)
        self._session = JointSession(setup, self._roles, self._source, self._settings, self._outputs)

    def _give(self, item: Item) -> None:
        self._supply.items.put(item)
        self._session.step(self._source.read(0.0))

    def _advance(self, outlet: Outlet, now_s: float) -> None:
        """What one outlet does in a tick."""
        if outlet in self._connected.values():
            if outlet.stream.down and now_s > outlet.sent.closes_s:
                return
            if now_s > outlet.sent.closes_s + LOSS_NOTICED_S:
                outlet.end(now_s, "gone from the network")
            elif outlet.role not in self._muted:
                outlet.pull(now_s)
                outlet.stream.mark_stalled(self._time_s)
        elif outlet.n_sent == 0 and outlet.sent.opens_s > -math.inf and now_s >= outlet.sent.opens_s + FOUND_AFTER_S:
            self._connect(outlet, now_s)

    def _connect(self, outlet: Outlet, now_s: float) -> None:
        before = self._connected.get(outlet.role)
        if before is not None and not before.stream.down:
            before.end(now_s, "gone")
        outlet.connect(before)
        self._connected[outlet.role] = outlet
        self._ever = [one for one in self._ever if one.info.stream_id != outlet.info.stream_id] + [outlet]
        outlet.n_sent = int(np.searchsorted(outlet.sent.send_s, now_s))  # an inlet gets what is sent from now on
        if before is None:
            roles = self._roles.each[outlet.whose]
            if outlet.sent.role == "markers":
                self._roles.take_marker(outlet.info)
            elif Modality(outlet.sent.role) not in roles.filled:
                roles.choose_for(Modality(outlet.sent.role), [outlet.info])
        outlet.stream.mark_up()
        outlet.pull(now_s)
