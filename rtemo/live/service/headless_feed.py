"""A session without a window as a feed on a local socket, for the script that runs beside it; see server.py."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from rtemo.core.errors import RtemoError
from rtemo.core.pipeline import Pipeline
from rtemo.live.service.display_taps import DisplayTaps
from rtemo.live.service.feed import Feed
from rtemo.live.service.server import Server
from rtemo.live.service.snapshot import Phase, Snapshot
from rtemo.live.service.wire import Command
from rtemo.model.prediction import Prediction
from rtemo.recorder.endpoint import Endpoint

STATE_S = 0.2


class HeadlessFeed:
    """A PredictionSink that shows a session to its clients. obey: takes a client's commands; any thread."""

    def __init__(
        self,
        endpoint: Endpoint,
        clock: Callable[[], float],
        obey: Mapping[str, Callable[..., object]],
        participants: Sequence[str] = ("",),
    ) -> None:
        """endpoint: claimed here. participants: who are told apart. Raises RtemoError where another one runs there."""
        self.feed, self._clock, self._obey, self._endpoint = Feed(clock), clock, obey, endpoint
        self.feed.tell_apart(participants)
        self._taps = {whose: DisplayTaps(self.feed.samples_of(whose)) for whose in participants}
        self._own = {whose: {"participant": whose} for whose in participants}
        self._told_s = 0.0
        endpoint.claim()
        address = endpoint.fresh_address()
        self._server = Server(address, self.feed, self._submit)
        endpoint.publish(address)

    def put(self, prediction: Prediction) -> None:
        self.feed.put_prediction(prediction)

    def update(self, pipeline: Pipeline, participant: str) -> None:
        """Show what a participant's pipeline has read. In the engine's thread, once a read."""
        self._taps[participant].update(pipeline)
        if time.monotonic() - self._told_s >= STATE_S:
            self._told_s = time.monotonic()
            self.feed.publish(replace(self.feed.state, time_s=self._clock(), phase=Phase.RUNNING), self._own)

    def discard(self) -> None:
        """What was shown cannot be taken back."""

    def close(self) -> None:
        """Disconnect all clients."""
        self.feed.publish(Snapshot(0, self._clock(), Phase.IDLE))
        self._server.close()
        self._endpoint.release()

    def _submit(self, command: Command) -> None:
        act: Any = self._obey.get(command.name)
        if act is None:
            return  # the session has its own command line
        try:
            act(**command.arguments)
        except RtemoError as error:
            failed: Any = self._obey.get("failed")
            if failed is not None:
                failed(f"{command.name}: {error}")
