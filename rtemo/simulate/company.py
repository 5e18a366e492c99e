"""Several simulated people in one session: they see the same stimuli, each with devices of their own, and with markers
for all. What goes wrong goes wrong for the first of them.
"""

from __future__ import annotations

import heapq
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Sequence
from dataclasses import replace

from rtemo.core.types import Item, StreamInfo, StreamUp
from rtemo.simulate.device.descriptions import MARKERS
from rtemo.simulate.plan import SimulationPlan
from rtemo.simulate.session import SimulatedSession
from rtemo.sources.stream_xml import parse_xml


class SimulatedCompany:
    """People P01, P02, …; their streams are called after them. A SimulatedSession for whoever sends or writes it."""

    def __init__(self, plan: SimulationPlan, n_people: int) -> None:
        """plan: of the first; the others are of the next seeds."""
        self.plan = plan
        self._people: dict[str, SimulatedSession] = {}
        for number in range(n_people):
            own = replace(
                plan,
                person_seed=plan.person_seed + number,
                session_seed=plan.session_seed + number,
                faults=plan.faults if number == 0 else (),
            )
            self._people[f"P{number + 1:02d}"] = SimulatedSession(own)

    @property
    def participants(self) -> tuple[str, ...]:
        return tuple(self._people)

    @property
    def streams(self) -> tuple[StreamInfo, ...]:
        """Everybody's EEG and gaze, and one stream of markers."""
        first, *_ = self._people
        return tuple(
            _of(who, info)
            for who, person in self._people.items()
            for info in person.streams
            if info.stream_id != MARKERS or who == first
        )

    def timed_items(self, block_s: float = 0.1) -> Iterator[tuple[float, Item]]:
        """See SimulatedSession.timed_items."""
        every = [self._items(who, block_s) for who in self._people]
        return heapq.merge(*every, key=lambda entry: entry[0])

    def _items(self, who: str, block_s: float) -> Iterator[tuple[float, Item]]:
        for complete_s, item in self._people[who].timed_items(block_s):
            if isinstance(item, StreamUp):
                replaces = item.replaces and _id(who, item.replaces)
                yield complete_s, replace(item, info=_of(who, item.info), replaces=replaces)
            elif item.stream_id != MARKERS:
                yield complete_s, replace(item, stream_id=_id(who, item.stream_id))
            elif who == self.participants[0]:
                yield complete_s, item


def asked_as(streams: Sequence[StreamInfo], participant: str) -> str:
    """How `--participant` names one of the people."""
    own = [info for info in streams if info.name.endswith(participant)]
    return f"{participant}: " + "; ".join(f"{info.type.lower()}=name={info.name}" for info in own)


def _id(who: str, stream_id: str) -> str:
    return f"{stream_id} {who}"


def _of(who: str, info: StreamInfo) -> StreamInfo:
    if info.stream_id == MARKERS:
        return info
    root = parse_xml(info.xml)
    name = f"{info.name} {who}"
    for element in root.findall("name"):
        element.text = name
    xml = '<?xml version="1.0"?>\n' + ET.tostring(root, encoding="unicode")
    return replace(info, name=name, xml=xml, stream_id=_id(who, info.stream_id))
