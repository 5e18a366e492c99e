"""What a script gives out: numbers and texts, each as an LSL stream of the session and in its recording."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from rtemo.core.errors import RtemoError
from rtemo.core.types import ClockOffset, Item, StreamUp
from rtemo.live.output.outlet import OutletIdentity, TextOutlet, ValueOutlet
from rtemo.live.output.output_queue import Changed, OutputQueue

MAX_VALUES = 64
MAX_TEXT = 10_000


class ScriptOutlets:
    """Made when the script first gives something out. For the engine's thread."""

    def __init__(
        self,
        identity: OutletIdentity,
        keep: Callable[[Item], object],
        clock: Callable[[], float],
        *,
        publish: bool,
        changed: Changed | None = None,
    ) -> None:
        """keep: records an item. clock: now, LSL time. publish: on the network too."""
        self._identity, self._keep, self._clock = identity, keep, clock
        self._publish, self._changed = publish, changed
        self._values: ValueOutlet | None = None
        self._texts: TextOutlet | None = None

    def give(self, values: str, text: str, time_s: float) -> None:
        """Give out numbers by name (a JSON object, empty for none) or a text, at an LSL time; 0: now.

        Raises RtemoError for what are no numbers, or other names than the first time.
        """
        time_s = time_s or self._clock()
        if values:
            self._give_values(_numbers(values), time_s)
        if text:
            if self._texts is None:
                self._texts = TextOutlet(self._identity, self._keep, publish=self._publish, changed=self._changed)
                self._begin(self._texts)
            self._texts.push(text[:MAX_TEXT], time_s)

    def _give_values(self, named: dict[str, float], time_s: float) -> None:
        outlet = self._values
        if outlet is None:
            publish, changed = self._publish, self._changed
            outlet = ValueOutlet(tuple(named), self._identity, self._keep, publish=publish, changed=changed)
            self._values = outlet
            self._begin(outlet)
        if set(named) != set(outlet.names):
            found = f"{', '.join(named)} instead of {', '.join(outlet.names)}"
            raise RtemoError("a script gives out the same values each time", found, "give NaN for one that is missing")
        outlet.push(np.array([named[name] for name in outlet.names], np.float32), time_s)

    @property
    def queues(self) -> Sequence[OutputQueue[Any]]:
        """What waits to be published."""
        made = [outlet.queue for outlet in (self._values, self._texts) if outlet is not None]
        return [queue for queue in made if queue is not None]

    def close(self) -> None:
        for outlet in (self._values, self._texts):
            if outlet is not None:
                outlet.close()

    def _begin(self, outlet: ValueOutlet | TextOutlet) -> None:
        self._keep(StreamUp(outlet.info))
        self._keep(ClockOffset(outlet.info.stream_id, self._clock(), 0.0))  # ours is LSL's clock


def _numbers(text: str) -> dict[str, float]:
    try:
        found = json.loads(text)
        named = {str(name): math.nan if value is None else float(value) for name, value in found.items()}
    except (ValueError, TypeError, AttributeError, RecursionError, OverflowError) as error:
        raise RtemoError("the values of a script are numbers by name", str(error), "correct the script") from error
    if not 1 <= len(named) <= MAX_VALUES:
        raise RtemoError(f"a script gives out 1 to {MAX_VALUES} values", f"found {len(named)}", "correct the script")
    return named
