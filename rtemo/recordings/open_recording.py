"""Opens a recording: its streams with their roles, and what its session stated about itself.

This is the one way to open one: `rtemo replay`, `rtemo calibrate`, the window, `rtemo report` and the corpus builder
all use it, so that the same file gives the same windows and predictions everywhere.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from rtemo.core.errors import RtemoError
from rtemo.core.types import Modality, StreamInfo
from rtemo.model.bundle import Bundle
from rtemo.model.personal.calibration import PersonalCalibration
from rtemo.model.predictor import Predictor
from rtemo.recordings.baseline_plan import SAVED, USED, BaselinePlan, MarkedBaseline
from rtemo.recordings.calibrations import recorded_persons, use_persons
from rtemo.recordings.events import Event, EventLog
from rtemo.recordings.session_facts import SessionFacts, facts_of
from rtemo.recordings.session_folder import beside
from rtemo.recordings.session_stream import find_session_stream, read_session_events, unpublished_notes
from rtemo.recordings.study.annotations import edit_of, same_edit
from rtemo.recordings.study.later_corrections import edits_beside
from rtemo.resources import own_devices
from rtemo.sources.devices.auxiliary_columns import is_impedance_stream
from rtemo.sources.devices.profile import DeviceProfile
from rtemo.sources.devices.profile_schema import OwnProfile
from rtemo.sources.participants import OWN_ROLES, Participant
from rtemo.sources.session_settings import SessionSettings, parse_settings
from rtemo.sources.stream_choice import StreamQuery, is_further
from rtemo.sources.stream_roles import StreamRoles
from rtemo.sources.xdf.source import XdfSource

Settings = Callable[
    [SessionSettings | None], SessionSettings
]  # from those of the recording's session, where it has any


def as_recorded(recorded: SessionSettings | None) -> SessionSettings:
    """The settings of the recording's session, or the usual ones."""
    return recorded or SessionSettings()


class SeveralParticipants(RtemoError):
    """A recording is of several participants, and nobody is named. participants: their ids."""

    def __init__(self, path: Path, participants: Sequence[str]) -> None:
        self.participants = tuple(participants)
        found = ", ".join(participants)
        super().__init__(f"{path} is of several participants", f"found {found}", "name one, as --participant ID")


def open_each(open_one: Callable[[str], OpenRecording]) -> Iterator[OpenRecording]:
    """A recording for each of its participants, one after the other; once where they are not told apart.

    open_one: opens it for a participant; "": for the only one. Whoever takes one closes it.
    """
    try:
        alone = open_one("")
    except SeveralParticipants as several:
        for participant in several.participants:
            yield open_one(participant)
    else:
        yield alone


class OpenRecording:
    """A recording that is ready to be read. `source` is read once, by whoever runs it; `close` lets go of the file."""

    def __init__(
        self,
        path: Path,
        profiles: Sequence[DeviceProfile],
        settings: Settings = as_recorded,
        *,
        roles: StreamRoles | None = None,
        part: tuple[float | None, float | None] = (None, None),
        ambiguous: dict[Modality, str] | None = None,
        complete: bool = True,
        size: int | None = None,
        participant: str = "",
        further: bool = False,
    ) -> None:
        """Looks through the file and gives its streams their roles.

        settings: what is asked for, given what the session had. roles: instead of new ones, when it is opened again.
        part: seconds from the first sample. ambiguous: takes the reason where several streams fit one role; None: that
        is an error. complete: whether a stream that is asked for and is not there is one too.
        size: how many bytes of the (last) file to read, while it is still being written; None: all.
        participant: whose streams, events and facts, of several: as if that one had been recorded alone.
        further: whether streams without a role, as ECG, are read too: they are to be seen and change no prediction.
        Raises RtemoError where there is neither EEG nor gaze, SeveralParticipants where somebody is to be named.
        """
        self.path = path
        self.source = XdfSource(path, *part, size=size)
        try:
            self.streams = self.source.start()
            self.session_stream = find_session_stream(self.streams, self.source.session_id)
            published = read_session_events(self.source, self.session_stream)
            self.notes = unpublished_notes(self.source, published)
            stated = (*published, *self.notes)
            edits, unread = self._edits_beside(stated) if stated else ([], [])
            everything = sorted((*stated, *edits), key=lambda event: event.time_s)
            asked = settings(self._recorded_settings(facts_of(everything), unread))
            self.participants = tuple(one.id for one in asked.participants)  # who are told apart
            own = roles.settings if roles is not None else self._own(asked, participant)
            self.participant = own.alone
            self.events: tuple[Event, ...] = tuple(e for e in everything if e.concerns(self.participant))
            self.facts: SessionFacts = facts_of(self.events)
            self.file_warnings = self.source.warnings  # damage that is met while reading is added to the source's
            self.notices = [*self.file_warnings, *self.facts.problems, *unread]
            self.notices += [f"events of another session are not used: {one}" for one in self.session_stream.foreign]
            self.roles = roles or StreamRoles(profiles, own)
            self.notices += _other_profiles(self.facts, self.roles.profiles)
            used = self._give_roles(ambiguous, complete=complete)
        except BaseException:
            self.close()
            raise
        impedances = [info.stream_id for info in self.streams if is_impedance_stream(info)]
        needed = [*used, *impedances, *self.session_stream.stream_ids]
        others = [info.stream_id for info in self.streams if is_further(info)] if further else []
        self.source.select([*needed, *others])
        # the streams that whoever runs the source begins with
        self.opening = tuple(info for info in self.source.opening if info.stream_id in needed)

    @property
    def plan(self) -> BaselinePlan | None:
        """The baseline that is asked for, or else the one that the session had planned. Raises RtemoError where a saved
        one is not there any more.
        """
        asked, planned = BaselinePlan.of(self.roles.settings), self.facts.planned
        if asked is not None or planned is None:
            return asked
        if planned != SAVED:
            plan = BaselinePlan.parse(planned)
            if plan.file is not None:  # a recording names no file to be opened
                raise RtemoError(f"the recording plans the baseline {planned!r}", "", "give it with --baseline")
            return plan
        used = beside(self.path, USED, self.participant)
        if not used.exists():
            raise RtemoError(
                "the session began with a saved baseline", f"{used} is not there", "give it with --baseline"
            )
        return BaselinePlan(file=used)

    def prepare(
        self,
        predictor: Predictor,
        bundle: Bundle,
        persons: Sequence[PersonalCalibration],
        log: EventLog,
        warn: Callable[[str], None],
        since_s: float = -math.inf,
    ) -> MarkedBaseline:
        """Tell a predictor the session's baseline, calibrations and self-reports.

        persons: asked for, beside those of the session. log: of the run, whose markers may be the baseline's ends.
        warn: takes what is missing. since_s: LSL time; the predictor, no fresh one then, knows what was stated before.
        Returns what listens to the markers of the log.
        """
        plan = None
        try:
            plan = self.plan
        except RtemoError as error:
            warn(str(error))
        pipeline = predictor.pipeline
        rests = [rest for rest in self.facts.rests if not pipeline.knows_rest(*rest)]  # one may go on: its begin is old
        for begin_s, end_s in () if self.roles.settings.baseline else rests:
            try:
                pipeline.rest(begin_s, end_s)
            except RtemoError as error:
                warn(str(error))
        if plan is not None and since_s == -math.inf:
            plan.prepare(pipeline, None, self.source.first_s)
        marked = MarkedBaseline(plan, pipeline, warn)
        log.listen(marked)
        notes = [note for note in self.facts.notes if note[0] > since_s]
        own, missing = recorded_persons(self.path, bundle, notes, persons, self.participant)
        for what in missing:
            warn(what)
        use_persons((*own, *persons), predictor, notes)
        return marked

    def n_samples(self, stream_id: str) -> int:
        """How many samples of a stream the file holds."""
        return self._counts[stream_id]

    def close(self) -> None:
        """Let go of the file."""
        self.source.stop()

    def _own(self, asked: SessionSettings, participant: str) -> SessionSettings:
        """The settings that are asked for, of the one participant whose recording this is to be."""
        whose = participant or asked.alone
        if self.participants and not whose:
            raise SeveralParticipants(self.path, self.participants)
        return asked.of(whose)

    def _edits_beside(self, stated: Sequence[Event]) -> tuple[list[Event], list[str]]:
        """Corrections of annotations that lie beside the recording and not in it; or why there are none."""
        known = [event for event in stated if edit_of(event) is not None]
        try:
            beside_it = edits_beside(self.path)
        except RtemoError as error:
            return [], [str(error)]
        return [event for event in beside_it if not any(same_edit(event, one) for one in known)], []

    def _recorded_settings(self, facts: SessionFacts, problems: list[str]) -> SessionSettings | None:
        """The settings of the recording's session. Its baseline is in its facts; streams that are not there are not
        asked for. problems: takes why there are none.
        """
        if not facts.settings:
            return None
        try:
            found = parse_settings(facts.settings, "the settings in the recording").without_baseline
        except RtemoError as error:
            problems.append(str(error))
            return None
        there = {part: query for part, query in found.queries.items() if self._has(query)}
        return replace(found, queries=there, participants=tuple(map(self._with_what_is_there, found.participants)))

    def _has(self, query: StreamQuery | None) -> bool:
        """Whether a stream that is asked for has sent anything."""
        fitting = [info for info in self.streams if query is not None and query.fits(info)]
        return any(self.source.n_samples(info.stream_id) for info in fitting)

    def _with_what_is_there(self, one: Participant) -> Participant:
        """The participant without streams that never came, as long as one is left."""
        eeg, gaze = self._has(one.eeg.query), self._has(one.gaze.query)
        second = one.second_eye
        if second is not None and not self._has(second.query):
            second = replace(second, query=None)
        return replace(
            one,
            second_eye=second,
            eeg=one.eeg if eeg or not gaze else replace(one.eeg, query=None),
            gaze=one.gaze if gaze or not eeg else replace(one.gaze, query=None),
        )

    def _give_roles(self, ambiguous: dict[Modality, str] | None, *, complete: bool) -> list[str]:
        """Assign the roles. Returns the streams that have one."""
        self._counts = {info.stream_id: self.source.n_samples(info.stream_id) for info in self.streams}
        usable = [info for info in self.streams if self._counts[info.stream_id]]
        self.roles.give_back()
        used: list[str] = []
        for part in OWN_ROLES:
            try:
                chosen = self.roles.choose_for(part, self._first_ones(usable, self.roles.queries.get(part)))
                used += [chosen.stream_id] if chosen is not None else []
            except RtemoError as error:
                if ambiguous is None:
                    raise
                ambiguous[part] = str(error)
        used += self._pass_on(usable, used)
        used += [info.stream_id for info in usable if self.roles.take_marker(info)]
        if not ambiguous:
            self._check_roles(complete=complete)
        return used

    def _first_ones(self, infos: Sequence[StreamInfo], query: StreamQuery | None) -> list[StreamInfo]:
        """The streams that are asked for, without those that take the place of another one of them."""
        asked = {info.stream_id for info in infos if query is None or query.fits(info)}
        return [info for info in infos if self.source.predecessor(info.stream_id) not in asked]

    def _pass_on(self, infos: Sequence[StreamInfo], used: Sequence[str]) -> list[str]:
        """Give each stream that took another's place the role of that one. Returns those streams."""
        by_id = {info.stream_id: info for info in infos}
        after = {self.source.predecessor(info.stream_id): info for info in infos}
        found: list[str] = []
        for first in used:
            lost = by_id[first]
            while (info := after.get(lost.stream_id)) is not None:
                self.roles.succeed(lost, info)
                found.append(info.stream_id)
                lost = info
        return found

    def _check_roles(self, *, complete: bool) -> None:
        listed = " | ".join(info.describe() for info in self.streams)
        if complete and (missing := self.roles.missing()):
            asked = ", ".join(f"{part} ({self.roles.queries[part]})" for part in missing)
            raise RtemoError(f"{self.path} has no stream for {asked}", listed, "correct the query")
        if not self.roles.filled.intersection(OWN_ROLES):
            raise RtemoError(
                f"{self.path} has neither EEG nor gaze with samples", listed, "name one with --eeg or --gaze"
            )


def _other_profiles(facts: SessionFacts, profiles: Sequence[DeviceProfile]) -> list[str]:
    """Device profiles of the session's computer that are not the ones here: its streams are read otherwise."""
    here = {profile.id: profile.digest for profile in profiles if isinstance(profile, OwnProfile)}
    return [
        f"the session read a stream with the device profile {name!r} of its computer's own, which "
        f"{'is another one here' if name in here else 'is not here'}: copy it from there into {own_devices()}"
        for name, digest in facts.profiles
        if here.get(name) != digest
    ]
